#include "base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

static const char lock_name[] = ".lock";

struct rcr_lock {
    int fd, found;
    char *folder, *path;
};

static void lock_free(rcr_lock *lock) {
    if (lock->fd >= 0) close(lock->fd);
    rcr_free(lock->folder);
    rcr_free(lock->path);
    rcr_free(lock);
}

/* Whether the file that is open still has its name: who held it before may have removed it meanwhile. */
static int has_its_name(const rcr_lock *lock) {
    struct stat open_file, named;
    return fstat(lock->fd, &open_file) == 0 && stat(lock->path, &named) == 0 && open_file.st_dev == named.st_dev &&
           open_file.st_ino == named.st_ino;
}

static rcr_status open_locked(rcr_lock *lock, const char *what, rcr_error *err) {
    enum { TRIES = 1000 }; /* each but the last lost to somebody who came and went */
    for (int i = 0; i < TRIES; i++) {
        lock->found = 0;
        lock->fd = RCR_FILE_CALL(open(lock->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (lock->fd < 0 && errno == EEXIST) {
            lock->found = 1;
            lock->fd = RCR_FILE_CALL(open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666));
        }
        if (lock->fd < 0) return rcr_fail_system(err, lock->folder, "can't write", errno);
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) break;
        if (has_its_name(lock)) return RCR_OK;
        close(lock->fd);
        lock->fd = -1;
    }
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, lock->folder, 0, "another process works on this %s", what);
}

rcr_status rcr_lock_take(rcr_lock **out, const char *folder, const char *what, rcr_error *err) {
    rcr_lock *lock = rcr_calloc(1, sizeof *lock);
    if (lock == NULL) return rcr_fail_memory(err, "locking a folder");
    rcr_text path = {0};
    rcr_text_printf(&path, "%s/%s", folder, lock_name);
    lock->fd = -1;
    lock->folder = rcr_strdup(folder);
    lock->path = path.data;
    rcr_status status =
        path.failed || lock->folder == NULL ? rcr_fail_memory(err, "locking a folder") : open_locked(lock, what, err);
    if (status == RCR_OK)
        *out = lock;
    else
        lock_free(lock);
    return status;
}

int rcr_lock_found(const rcr_lock *lock) { return lock->found; }

static int is_alone(const rcr_lock *lock) {
    DIR *folder = opendir(lock->folder);
    int alone = 1;
    for (struct dirent *entry; folder != NULL && alone && (entry = readdir(folder)) != NULL;)
        alone = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                strcmp(entry->d_name, lock_name) == 0;
    if (folder != NULL) closedir(folder);
    return alone;
}

void rcr_lock_release(rcr_lock *lock, int leave) {
    if (lock == NULL) return;
    if (!leave || is_alone(lock)) unlink(lock->path);
    (void)flock(lock->fd, LOCK_UN); /* a child of fork has the file open, too */
    lock_free(lock);
}
