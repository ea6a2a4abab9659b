#define _GNU_SOURCE /* syncfs */
#include "fetch/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/status.h"

/* ---- set of strings: open addressing, at most half full */

struct rcr_name_set {
    char **slot;
    size_t n_slots, n;
};

static uint64_t hash_text(const char *text) {
    uint64_t h = 14695981039346656037U; /* FNV-1a */
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) h = (h ^ *p) * 1099511628211U;
    return h ^ (h >> 32);
}

static char **find_slot(char **slot, size_t n_slots, const char *text) {
    size_t i = (size_t)hash_text(text) & (n_slots - 1);
    while (slot[i] != NULL && strcmp(slot[i], text) != 0) i = (i + 1) & (n_slots - 1);
    return &slot[i];
}

rcr_name_set *rcr_name_set_new(void) {
    rcr_name_set *set = rcr_calloc(1, sizeof *set);
    if (set == NULL) return NULL;
    set->n_slots = 1024;
    set->slot = rcr_calloc(set->n_slots, sizeof *set->slot);
    if (set->slot != NULL) return set;
    rcr_free(set);
    return NULL;
}

static int grow(rcr_name_set *set) {
    size_t n_slots = 2 * set->n_slots;
    char **slot = rcr_calloc(n_slots, sizeof *slot);
    if (slot == NULL) return 0;
    for (size_t i = 0; i < set->n_slots; i++)
        if (set->slot[i] != NULL) *find_slot(slot, n_slots, set->slot[i]) = set->slot[i];
    rcr_free(set->slot);
    set->slot = slot;
    set->n_slots = n_slots;
    return 1;
}

int rcr_name_set_add(rcr_name_set *set, const char *text) {
    if (2 * set->n >= set->n_slots && !grow(set)) return -1;
    char **slot = find_slot(set->slot, set->n_slots, text);
    if (*slot != NULL) return 0;
    *slot = rcr_strdup(text);
    if (*slot == NULL) return -1;
    set->n++;
    return 1;
}

void rcr_name_set_free(rcr_name_set *set) {
    if (set == NULL) return;
    for (size_t i = 0; i < set->n_slots; i++) rcr_free(set->slot[i]);
    rcr_free(set->slot);
    rcr_free(set);
}

/* ---- names */

enum { NAME_MAX_BYTES = 200 }; /* with an ending and the suffix of a temporary file, 255 at most */

int rcr_file_name_of_id(rcr_text *out, const char *id) {
    size_t start = out->length;
    for (const unsigned char *p = (const unsigned char *)id; *p != '\0'; p++) {
        int plain = rcr_is_alpha(*p) || rcr_is_digit(*p) || strchr("-_+=@,~", *p) != NULL ||
                    (*p == '.' && p != (const unsigned char *)id);
        if (plain)
            rcr_text_append(out, (const char *)p, 1);
        else
            rcr_text_printf(out, "%%%02X", *p);
    }
    return out->length > start && out->length - start <= NAME_MAX_BYTES;
}

/* ---- the folder */

const char *rcr_folder_out_path(rcr_text *text, const rcr_folder_out *folder, int cached, const char *name) {
    text->length = 0;
    rcr_text_printf(text, "%s/%s", cached ? folder->cache : folder->path, name);
    return text->failed ? NULL : text->data;
}

rcr_status rcr_folder_out_open(rcr_folder_out *out, const char *path, rcr_error *err) {
    rcr_folder_out folder = {.path = rcr_strdup(path)};
    rcr_text text = {0};
    rcr_text_printf(&text, "%s/.fetch", path);
    folder.cache = text.data;
    rcr_status status = folder.path == NULL || text.failed ? rcr_fail_memory(err, "opening the folder")
                                                           : rcr_make_directory(folder.cache, err);
    if (status == RCR_OK) status = rcr_lock_take(&folder.lock, folder.cache, "download", err);
    if (status == RCR_OK)
        *out = folder;
    else
        rcr_folder_out_close(&folder);
    return status;
}

void rcr_folder_out_close(rcr_folder_out *folder) {
    rcr_lock_release(folder->lock, 0);
    rcr_free(folder->path);
    rcr_free(folder->cache);
    *folder = (rcr_folder_out){0};
}

static int holds(const char *path, const char *data, size_t length) {
    char *old;
    size_t old_length;
    if (!rcr_is_file(path) || rcr_file_read(&old, &old_length, path, length, NULL) != RCR_OK) return 0;
    int same = old_length == length && memcmp(old, data, length) == 0;
    rcr_free(old);
    return same;
}

static int write_whole(const char *path, const char *data, size_t length) {
    int fd = RCR_FILE_CALL(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)), code = 0;
    if (fd < 0) return errno;
    while (length > 0 && code == 0) {
        ssize_t n = RCR_FILE_CALL(write(fd, data, length));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            code = errno;
        } else {
            data += n;
            length -= (size_t)n;
        }
    }
    if (close(fd) != 0 && code == 0 && errno != EINTR) code = errno;
    return code;
}

rcr_status rcr_folder_out_write(const rcr_folder_out *folder, const char *name, const char *data, size_t length,
                                rcr_error *err) {
    rcr_text path = {0}, temporary = {0};
    rcr_status status = RCR_OK;
    /* One process writes here (the lock), so one temporary name does. */
    if (rcr_folder_out_path(&path, folder, 0, name) == NULL ||
        rcr_folder_out_path(&temporary, folder, 1, "new-file") == NULL) {
        status = rcr_fail_memory(err, "writing a file");
    } else if (!holds(path.data, data, length)) {
        int code = write_whole(temporary.data, data, length);
        if (code == 0 && RCR_FILE_CALL(rename(temporary.data, path.data)) != 0) code = errno;
        if (code != 0) {
            unlink(temporary.data);
            status = rcr_fail_system(err, path.data, "can't write", code);
        }
    }
    rcr_text_free(&path);
    rcr_text_free(&temporary);
    return status;
}

void rcr_folder_out_sync(const rcr_folder_out *folder) {
#if defined(__linux__)
    int fd = open(folder->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int synced = fd >= 0 && syncfs(fd) == 0;
    if (fd >= 0) close(fd);
    if (synced) return;
#endif
    (void)folder;
    sync();
}

/* 0 when the folder has no such file any more, else the system's reason.  Clearing away must not want memory. */
static int remove_file(const char *folder, const char *name) {
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) return ENAMETOOLONG;
    return unlink(path) == 0 || errno == ENOENT ? 0 : errno;
}

rcr_status rcr_folder_out_remove(const rcr_folder_out *folder, const char *name, rcr_error *err) {
    int code = remove_file(folder->path, name);
    return code == 0 ? RCR_OK : rcr_fail_system(err, folder->path, "an old file can't be removed", code);
}

/* Remove the files of a folder that `take` says.  Gives 0, or the reason why some may be left. */
static int remove_files(const char *path, int (*take)(const char *name, int64_t first), int64_t first) {
    DIR *dir = opendir(path);
    if (dir == NULL) return errno == ENOENT ? 0 : errno;
    int code = 0;
    for (const struct dirent *entry;;) {
        errno = 0;
        if ((entry = readdir(dir)) == NULL) break;
        int failed = take(entry->d_name, first) ? remove_file(path, entry->d_name) : 0;
        if (code == 0) code = failed;
    }
    if (code == 0) code = errno; /* what can't be listed may be left as well */
    closedir(dir);
    return code;
}

static int is_crystal(const char *name) {
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".cif") == 0;
}

static int is_product(const char *name, int64_t first) {
    (void)first;
    return strcmp(name, "errors.csv") == 0 || is_crystal(name);
}

static int is_page(const char *name, int64_t first) {
    int64_t number;
    return strncmp(name, "page-", 5) == 0 && rcr_parse_int64(&number, name + 5, strcspn(name + 5, ".")) &&
           number >= first;
}

static int is_cached(const char *name, int64_t first) {
    (void)first;
    return strncmp(name, "page-", 5) == 0 || strcmp(name, "query.json") == 0 || strcmp(name, "new-file") == 0;
}

rcr_status rcr_folder_out_has_crystals(int *found, const rcr_folder_out *folder, rcr_error *err) {
    DIR *dir = opendir(folder->path);
    if (dir == NULL) return rcr_fail_system(err, folder->path, "can't read the folder", errno);
    *found = 0;
    for (const struct dirent *entry; !*found && (entry = readdir(dir)) != NULL;) *found = is_crystal(entry->d_name);
    closedir(dir);
    return RCR_OK;
}

rcr_status rcr_folder_out_clear(const rcr_folder_out *folder, rcr_error *err) {
    /* What says that the dataset is whole goes first, on the disk, too: an end in between leaves a dataset that isn't.
     */
    int code = remove_file(folder->path, "id_prop.csv");
    if (code == 0) code = remove_file(folder->path, "provenance.json");
    if (code == 0) {
        rcr_status status = rcr_sync_name(folder->cache, err);
        if (status != RCR_OK) return status;
        code = remove_files(folder->path, is_product, 0);
        if (code == 0) code = remove_files(folder->cache, is_cached, 0);
    }
    return code == 0 ? RCR_OK : rcr_fail_system(err, folder->path, "old files can't be removed", code);
}

void rcr_folder_out_drop_pages(const rcr_folder_out *folder, int64_t first) {
    remove_files(folder->cache, is_page, first);
}

void rcr_folder_out_leave(rcr_folder_out *folder, int keep_pages) {
    /* A second time where a device failed: nothing comes back here to clear what is left. */
    if (!keep_pages && remove_files(folder->cache, is_cached, 0) > 0) remove_files(folder->cache, is_cached, 0);
    int begun = rcr_is_file_in(folder->cache, "query.json");
    rcr_lock_release(folder->lock, 0);
    folder->lock = NULL;
    if (!begun) {
        rmdir(folder->cache); /* fails where a file of somebody else's is in it, */
        rmdir(folder->path);  /* and here where there is anything at all */
    }
}
