/* A temporary folder for tests, removed with all that is in it. */
#ifndef RCR_TESTS_SUPPORT_FOLDER_H
#define RCR_TESTS_SUPPORT_FOLDER_H

#include "support/check.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct test_folder {
    char path[512];
} test_folder;

static inline test_folder folder_make(void) {
    const char *root = getenv("TMPDIR");
    test_folder folder;
    snprintf(folder.path, sizeof folder.path, "%s/recryst-test-XXXXXX", root != NULL ? root : "/tmp");
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

/* "folder/name" (one of 8 static buffers for each thread, so that a call can use several). */
static inline const char *folder_path(const test_folder *folder, const char *name) {
    static _Thread_local char buffer[8][1024];
    static _Thread_local int next;
    char *path = buffer[next++ % 8];
    snprintf(path, sizeof buffer[0], "%s/%s", folder->path, name);
    return path;
}

static inline void folder_write(const test_folder *folder, const char *name, const char *text) {
    FILE *file = fopen(folder_path(folder, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* A CIF of a cubic cell: its length, lines of label, element and fractional coordinates (static, as folder_path's). */
static inline const char *cubic_cif(const char *length, const char *sites) {
    static _Thread_local char buffer[8][1024];
    static _Thread_local int next;
    char *text = buffer[next++ % 8];
    snprintf(text, sizeof buffer[0],
             "data_x\n_cell_length_a %s\n_cell_length_b %s\n_cell_length_c %s\n_cell_angle_alpha 90\n_cell_angle_beta "
             "90\n_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
             "_atom_site_fract_y\n_atom_site_fract_z\n%s",
             length, length, length, sites);
    return text;
}

/* The whole of a file, NUL-terminated; free() it.  NULL when it is absent. */
static inline char *folder_read(const test_folder *folder, const char *name) {
    FILE *file = fopen(folder_path(folder, name), "rb");
    if (file == NULL) return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    (void)n;
    fclose(file);
    return text;
}

/* Number of entries apart from "." and "..". */
static inline int folder_count(const test_folder *folder) {
    int n = 0;
    DIR *directory = opendir(folder->path);
    assert_non_null(directory);
    while (readdir(directory) != NULL) n++;
    closedir(directory);
    return n - 2;
}

static inline void folder_clear(const char *path) {
    DIR *directory = opendir(path);
    if (directory == NULL) return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char full[2048];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (snprintf(full, sizeof full, "%s/%s", path, entry->d_name) >= (int)sizeof full) continue;
        struct stat info;
        if (lstat(full, &info) == 0 && S_ISDIR(info.st_mode))
            folder_clear(full);
        else
            unlink(full);
    }
    closedir(directory);
    rmdir(path);
}

static inline void folder_remove(const test_folder *folder) { folder_clear(folder->path); }

#endif
