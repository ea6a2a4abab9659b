#include "io/archive.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/archive_read.h"

enum { MAX_FILES = 1000000 };
static const size_t max_unpacked = (size_t)8 << 30, max_file = (size_t)1 << 30;

struct rcr_folder {
    char *path;          /* of the directory; NULL for an archive */
    rcr_members members; /* of an archive */
    char **names;        /* [n_names]; NULL until they are asked for */
    size_t n_names, names_capacity;
};

int rcr_is_archive_name(const char *path) {
    static const char *const endings[] = {".tar",    ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tzst",
                                          ".tar.xz", ".txz",    ".zip", ".tar.bz2", ".tbz2"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (rcr_ends_with(path, endings[i])) return 1;
    return 0;
}

static rcr_status open_directory(rcr_folder *folder, const char *path, rcr_error *err) {
    folder->path = rcr_strdup(path);
    return folder->path != NULL ? RCR_OK : rcr_fail_memory(err, "opening a folder");
}

rcr_status rcr_folder_open(rcr_folder **out, const char *path, rcr_error *err) {
    rcr_folder *folder = rcr_calloc(1, sizeof *folder);
    if (folder == NULL) return rcr_fail_memory(err, "opening a folder");
    rcr_status status;
    if (rcr_is_directory(path)) {
        status = open_directory(folder, path, err);
    } else if (!rcr_is_file(path)) {
        status = rcr_fail_at(err, RCR_ERR_IO, path, 0, "there is no such file or folder");
    } else {
        status = rcr_members_read(&folder->members, path, NULL, 0, max_unpacked, err);
        if (status != RCR_OK) rcr_error_set_file(err, path);
    }
    if (status == RCR_OK)
        *out = folder;
    else
        rcr_folder_free(folder);
    return status;
}

rcr_status rcr_folder_open_memory(rcr_folder **out, const void *data, size_t length, size_t max_bytes, rcr_error *err) {
    rcr_folder *folder = rcr_calloc(1, sizeof *folder);
    if (folder == NULL) return rcr_fail_memory(err, "opening an archive");
    rcr_status status = rcr_members_read(&folder->members, NULL, data, length, max_bytes, err);
    if (status == RCR_OK)
        *out = folder;
    else
        rcr_folder_free(folder);
    return status;
}

void rcr_folder_free(rcr_folder *folder) {
    if (folder == NULL) return;
    if (folder->path != NULL) /* an archive's names belong to its members */
        for (size_t i = 0; i < folder->n_names; i++) rcr_free(folder->names[i]);
    rcr_free(folder->names);
    rcr_free(folder->path);
    rcr_members_release(&folder->members);
    rcr_free(folder);
}

/* "folder/name"; NULL when out of memory. */
static char *join(const char *folder, const char *name) {
    rcr_text path = {0};
    rcr_text_puts(&path, folder);
    if (path.length > 0 && path.data[path.length - 1] != '/') rcr_text_puts(&path, "/");
    rcr_text_puts(&path, name);
    if (path.failed) rcr_text_free(&path);
    return path.data;
}

int rcr_folder_has(const rcr_folder *folder, const char *name) {
    if (folder->path == NULL) return rcr_members_find(&folder->members, name) != NULL;
    /* Without allocation, whose failure would look like a missing file; a path too long for the system names none. */
    char path[4096];
    size_t length = strlen(folder->path), name_length = strlen(name);
    if (!rcr_is_safe_name(name) || length > sizeof path - 2 || name_length > sizeof path - 2 - length) return 0;
    memcpy(path, folder->path, length);
    if (length > 0 && path[length - 1] != '/') path[length++] = '/';
    memcpy(path + length, name, name_length + 1);
    return rcr_is_file(path);
}

static rcr_status read_member(char **out, size_t *length, const rcr_folder *folder, const char *name, rcr_error *err) {
    const rcr_member *member = rcr_members_find(&folder->members, name);
    if (member == NULL) return rcr_fail_at(err, RCR_ERR_IO, name, 0, "there is no such file in the archive");
    if (member->length > max_file)
        return rcr_fail_at(err, RCR_ERR_LIMIT, name, 0, "the file has %zu bytes; the limit is %zu", member->length,
                           max_file);
    char *copy = rcr_strndup(member->data, member->length);
    if (copy == NULL) return rcr_fail_memory(err, "reading an archive");
    *out = copy;
    *length = member->length;
    return RCR_OK;
}

rcr_status rcr_folder_read(char **out, size_t *length, const rcr_folder *folder, const char *name, rcr_error *err) {
    if (!rcr_is_safe_name(name))
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, name, 0, "the name leads out of the dataset's folder");
    if (folder->path == NULL) return read_member(out, length, folder, name, err);
    char *path = join(folder->path, name);
    if (path == NULL) return rcr_fail_memory(err, "reading a folder");
    rcr_status status = rcr_file_read(out, length, path, max_file, err);
    rcr_free(path);
    return status;
}

static rcr_status add_name(rcr_folder *folder, const char *name, rcr_error *err) {
    if (folder->n_names == folder->names_capacity) {
        size_t capacity = folder->names_capacity > 0 ? 2 * folder->names_capacity : 256;
        char **grown = rcr_realloc(folder->names, capacity, sizeof *grown);
        if (grown == NULL) return rcr_fail_memory(err, "listing a folder");
        folder->names = grown;
        folder->names_capacity = capacity;
    }
    if ((folder->names[folder->n_names] = rcr_strdup(name)) == NULL) return rcr_fail_memory(err, "listing a folder");
    folder->n_names++;
    if (folder->n_names > MAX_FILES)
        return rcr_fail_at(err, RCR_ERR_LIMIT, folder->path, 0, "the folder holds more than %d files", MAX_FILES);
    return RCR_OK;
}

/* The files that lie in the directory itself.  Nothing is looked for in folders below it, which may also be links that
 * lead round in a circle. */
static rcr_status list_directory(rcr_folder *folder, rcr_error *err) {
    DIR *directory = opendir(folder->path);
    rcr_status status = RCR_OK;
    if (directory == NULL) return rcr_fail_system(err, folder->path, "can't list the folder", errno);
    for (struct dirent *entry; status == RCR_OK;) {
        errno = 0;
        if ((entry = readdir(directory)) == NULL) break;
        char *path = join(folder->path, entry->d_name);
        if (path == NULL)
            status = rcr_fail_memory(err, "listing a folder");
        else if (rcr_is_file(path))
            status = add_name(folder, entry->d_name, err);
        rcr_free(path);
    }
    if (status == RCR_OK && errno != 0) status = rcr_fail_system(err, folder->path, "can't list the folder", errno);
    closedir(directory);
    return status;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

rcr_status rcr_folder_list(const char *const **names, size_t *n, rcr_folder *folder, rcr_error *err) {
    if (folder->names == NULL) {
        rcr_status status = RCR_OK;
        if (folder->path != NULL) {
            status = list_directory(folder, err);
            if (status == RCR_OK && folder->n_names > 0)
                qsort(folder->names, folder->n_names, sizeof *folder->names, by_text);
        } else {
            folder->names = rcr_calloc(folder->members.n, sizeof *folder->names);
            if (folder->names == NULL) return rcr_fail_memory(err, "listing an archive");
            for (; folder->n_names < folder->members.n; folder->n_names++)
                folder->names[folder->n_names] = folder->members.member[folder->n_names].name;
        }
        if (status != RCR_OK) {
            for (size_t i = 0; i < folder->n_names; i++) rcr_free(folder->names[i]);
            rcr_free(folder->names);
            folder->names = NULL;
            folder->n_names = folder->names_capacity = 0;
            return status;
        }
    }
    *names = (const char *const *)folder->names;
    *n = folder->n_names;
    return RCR_OK;
}
