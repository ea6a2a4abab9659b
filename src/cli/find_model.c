#include "cli/find_model.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"
#include "cli/args.h"

static const char suffix[] = ".safetensors";
enum { N_FOLDERS = 3, MAX_LISTED = 64 };

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

/* The names of shipped models, for a message; names must be freed one by one. */
static int list_models(char *names[MAX_LISTED + 1]) {
    int n = 0;
    rcr_text folder = {0};
    for (int i = 0; i < N_FOLDERS; i++) {
        search_folder(&folder, i);
        DIR *directory = folder.length > 0 && !folder.failed ? opendir(folder.data) : NULL;
        for (struct dirent *e; directory != NULL && n < MAX_LISTED && (e = readdir(directory)) != NULL;) {
            size_t length = strlen(e->d_name);
            if (!rcr_ends_with(e->d_name, suffix) || e->d_name[0] == '.') continue;
            char *name = strndup(e->d_name, length - (sizeof suffix - 1));
            if (name != NULL) names[n++] = name;
        }
        if (directory != NULL) closedir(directory);
    }
    rcr_text_free(&folder);
    names[n] = NULL;
    return n;
}

static rcr_status fail_no_model(rcr_error *err, const char *name) {
    char *names[MAX_LISTED + 1];
    int n = list_models(names);
    const char *near = rcr_nearest_word(name, (const char *const *)names);
    rcr_text list = {0};
    for (int i = 0; i < n; i++) rcr_text_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    if (near != NULL)
        rcr_fail(err, RCR_ERR_IO, "'%s' is no file or folder, and no shipped model; did you mean '%s'?", name, near);
    else
        rcr_fail(err, RCR_ERR_IO, "'%s' is no file or folder, and no shipped model (%s%s)", name,
                 n > 0 ? "those are: " : "none were found", n > 0 && !list.failed ? list.data : "");
    rcr_text_free(&list);
    for (int i = 0; i < n; i++) free(names[i]);
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
