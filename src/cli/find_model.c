#include "cli/find_model.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "cli/args.h"

static const char suffix[] = ".safetensors";
enum { N_FOLDERS = 3, MAX_LISTED = 256 };

/* Folder `index` of the search; empty when there is none. */
static void search_folder(rcr_text *folder, int index) {
    folder->length = 0;
    rcr_text_puts(folder, "");
    if (index == 0) {
        const char *variable = getenv("RECRYST_MODELS");
        if (variable != NULL) rcr_text_puts(folder, variable);
        return;
    }
    char program[4096];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return;
    program[n] = '\0';
    char *slash = strrchr(program, '/');
    if (slash == NULL) return;
    *slash = '\0';
    rcr_text_printf(folder, "%s/%s", program, index == 1 ? "../models" : "../share/recryst/models");
}

void rcr_shelf_folders(rcr_text *out) {
    rcr_text folder = {0};
    int n = 0;
    for (int i = 0; i < N_FOLDERS; i++) {
        search_folder(&folder, i);
        if (folder.length > 0 && !folder.failed) rcr_text_printf(out, "%s%s", n++ > 0 ? ", " : "", folder.data);
    }
    rcr_text_free(&folder);
}

void rcr_shelf_release(rcr_shelf *shelf) {
    for (size_t i = 0; i < shelf->n; i++) {
        rcr_free(shelf->name[i]);
        rcr_free(shelf->path[i]);
    }
    rcr_free(shelf->name);
    rcr_free(shelf->path);
    *shelf = (rcr_shelf){0};
}

/* Put a model before the first of those from `first` on that sorts after it; nothing for a name that is there. */
static int put_on_shelf(rcr_shelf *shelf, size_t first, const char *file, size_t length, const char *folder) {
    rcr_text name = {0}, path = {0};
    rcr_text_append(&name, file, length);
    rcr_text_printf(&path, "%s/%s", folder, file);
    int fits = !name.failed && !path.failed;
    for (size_t i = 0; i < shelf->n && fits; i++)
        if (strcmp(shelf->name[i], name.data) == 0) {
            rcr_text_free(&name);
            rcr_text_free(&path);
            return 1;
        }
    size_t at = first;
    while (fits && at < shelf->n && strcmp(shelf->name[at], name.data) < 0) at++;
    if (fits) {
        memmove(shelf->name + at + 1, shelf->name + at, (shelf->n - at) * sizeof *shelf->name);
        memmove(shelf->path + at + 1, shelf->path + at, (shelf->n - at) * sizeof *shelf->path);
        shelf->name[at] = rcr_strdup(name.data);
        shelf->path[at] = rcr_strdup(path.data);
        shelf->n++;
        fits = shelf->name[at] != NULL && shelf->path[at] != NULL;
    }
    rcr_text_free(&name);
    rcr_text_free(&path);
    return fits;
}

rcr_status rcr_shelf_list(rcr_shelf *out, rcr_error *err) {
    rcr_shelf shelf = {.name = rcr_calloc(MAX_LISTED, sizeof(char *)), .path = rcr_calloc(MAX_LISTED, sizeof(char *))};
    rcr_text folder = {0};
    int fits = shelf.name != NULL && shelf.path != NULL;
    for (int i = 0; i < N_FOLDERS && fits; i++) {
        size_t first = shelf.n;
        search_folder(&folder, i);
        DIR *directory = folder.length > 0 && !folder.failed ? opendir(folder.data) : NULL;
        for (struct dirent *e; directory != NULL && fits && shelf.n < MAX_LISTED && (e = readdir(directory)) != NULL;)
            if (rcr_ends_with(e->d_name, suffix) && e->d_name[0] != '.')
                fits = put_on_shelf(&shelf, first, e->d_name, strlen(e->d_name) - (sizeof suffix - 1), folder.data);
        if (directory != NULL) closedir(directory);
    }
    rcr_text_free(&folder);
    if (!fits) {
        rcr_shelf_release(&shelf);
        return rcr_fail_memory(err, "listing the models");
    }
    *out = shelf;
    return RCR_OK;
}

static rcr_status fail_no_model(rcr_error *err, const char *name) {
    rcr_shelf shelf;
    rcr_status status = rcr_shelf_list(&shelf, err);
    if (status != RCR_OK) return status;
    const char *names[MAX_LISTED + 1] = {NULL};
    rcr_text list = {0};
    for (size_t i = 0; i < shelf.n; i++) {
        names[i] = shelf.name[i];
        rcr_text_printf(&list, "%s%s", i > 0 ? ", " : "", shelf.name[i]);
    }
    const char *near = rcr_nearest_word(name, names);
    if (near != NULL)
        rcr_fail(err, RCR_ERR_IO, "'%s' is no file or folder, and no shipped model; did you mean '%s'?", name, near);
    else
        rcr_fail(err, RCR_ERR_IO, "'%s' is no file or folder, and no shipped model (%s%s)", name,
                 shelf.n > 0 ? "those are: " : "none were found", shelf.n > 0 && !list.failed ? list.data : "");
    rcr_text_free(&list);
    rcr_shelf_release(&shelf);
    return RCR_ERR_IO;
}

rcr_status rcr_find_model(rcr_text *path, const char *name, rcr_error *err) {
    if (access(name, F_OK) == 0) {
        rcr_text_puts(path, name);
        return path->failed ? rcr_fail_memory(err, "looking for a model") : RCR_OK;
    }
    if (strchr(name, '/') == NULL) {
        rcr_text folder = {0}, file = {0};
        for (int i = 0; i < N_FOLDERS; i++) {
            search_folder(&folder, i);
            if (folder.length == 0 || folder.failed) continue;
            file.length = 0;
            rcr_text_printf(&file, "%s/%s%s", folder.data, name, rcr_ends_with(name, suffix) ? "" : suffix);
            if (file.failed || !rcr_is_file(file.data)) continue;
            rcr_text_puts(path, file.data);
            rcr_text_free(&folder);
            rcr_text_free(&file);
            return path->failed ? rcr_fail_memory(err, "looking for a model") : RCR_OK;
        }
        rcr_text_free(&folder);
        rcr_text_free(&file);
    }
    return fail_no_model(err, name);
}

rcr_status rcr_open_model(rcr_model **out, const char *name, rcr_error *err) {
    rcr_text path = {0};
    rcr_status status = rcr_find_model(&path, name, err);
    if (status == RCR_OK) {
        status = rcr_model_load(out, path.data, err);
        if (status != RCR_OK) rcr_error_set_file(err, path.data);
    }
    rcr_text_free(&path);
    return status;
}
