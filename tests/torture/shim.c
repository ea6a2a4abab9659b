/* Preloaded into the command (LD_PRELOAD), it lets one of the calls that write files fail, or end the process there as
 * kill -9 or a power cut does.  Unlike src/base/fault.h it needs no build of its own, and it sees the calls of
 * libraries (LMDB, libarchive, stdio) too.
 *
 *     RECRYST_SHIM="MODE NTH TIMES CODE SEED"
 *     RECRYST_SHIM_UNDER=FOLDER      calls that concern files below it count, others are left alone
 *     RECRYST_SHIM_LOG=FILE          gets "calls N" at the end, or "fired N CALL PATH"
 *     RECRYST_SHIM_SCRATCH=FOLDER    on the same file system; power: what renames replace is kept there
 *
 * MODE count: nothing fails, calls are counted.
 *      fail:  the NTH call (from 1) and TIMES - 1 after it fail with errno CODE.
 *      read:  the same for calls that read.
 *      kill:  SIGKILL in place of the NTH call; of a write, when half of it is done.
 *      power: the same, and what was not synced is taken back: SEED 0: all of it; else each write, and the latest
 *             changes of names, as the seed has it, since a disk may reorder what is not synced.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MODE_NONE, MODE_COUNT, MODE_FAIL, MODE_READ, MODE_KILL, MODE_POWER };
enum { WATCHED = 1, WRITABLE = 2, SYNCHRONOUS = 4 /* O_DSYNC: a write is synced when it is done */, MAX_FILES = 4096 };

static int mode;
static long nth, times, calls, fired;
static int code;
static uint64_t seed;
static char under[PATH_MAX], scratch[PATH_MAX];
static size_t under_length;
static const char *log_path;
static unsigned char state[MAX_FILES];
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int busy; /* the shim itself is at work */

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *f = dlsym(RTLD_NEXT, name);
    if (f == NULL) abort();
    return f;
}

/* ---- what is not synced yet, the latest first */

typedef enum undo_kind { UNDO_DATA, UNDO_SIZE, UNDO_RENAME, UNDO_CREATE, UNDO_FOLDER, UNDO_UNLINK } undo_kind;

typedef struct undo {
    struct undo *next;
    undo_kind kind;
    dev_t device;
    ino_t inode; /* of the file, or of the folder whose names changed */
    int fd;
    off_t offset, size;
    size_t length;
    char *bytes, *from, *to, *backup;
} undo;

static undo *undone;
static long n_backups;

static void undo_free(undo *u) {
    if (u->fd >= 0) REAL(close)(u->fd);
    free(u->bytes);
    free(u->from);
    free(u->to);
    if (u->backup != NULL) REAL(unlink)(u->backup);
    free(u->backup);
    free(u);
}

static void forget(dev_t device, ino_t inode, int all) {
    for (undo **at = &undone; *at != NULL;) {
        undo *u = *at;
        if (!all && (u->device != device || u->inode != inode)) {
            at = &u->next;
            continue;
        }
        *at = u->next;
        undo_free(u);
    }
}

static undo *new_undo(undo_kind kind, const struct stat *info) {
    undo *u = calloc(1, sizeof *u);
    if (u == NULL) abort();
    *u = (undo){.next = undone, .kind = kind, .device = info->st_dev, .inode = info->st_ino, .fd = -1};
    return undone = u;
}

static int stat_folder(struct stat *info, const char *path) {
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        strcpy(folder, ".");
    else
        slash[slash == folder] = '\0';
    return stat(folder, info);
}

/* Before bytes of an open file change: what stands there. */
static void keep_data(int fd, off_t offset, size_t length, undo_kind kind) {
    struct stat info;
    if (mode != MODE_POWER || (fd < MAX_FILES && (state[fd] & SYNCHRONOUS))) return;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
    undo *u = new_undo(kind, &info);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    u->fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    u->size = info.st_size;
    u->offset = offset;
    if (kind == UNDO_DATA && offset < info.st_size) {
        u->length = (size_t)(info.st_size - offset) < length ? (size_t)(info.st_size - offset) : length;
        u->bytes = malloc(u->length + 1);
        if (u->bytes == NULL || REAL(pread)(u->fd, u->bytes, u->length, offset) != (ssize_t)u->length) u->length = 0;
    }
}

static void keep_name(undo_kind kind, const char *from, const char *to) {
    struct stat info;
    if (mode != MODE_POWER || stat_folder(&info, to) != 0) return;
    undo *u = new_undo(kind, &info);
    u->from = from != NULL ? strdup(from) : NULL;
    u->to = strdup(to);
    if (kind == UNDO_CREATE || kind == UNDO_FOLDER || access(to, F_OK) != 0) return;
    char backup[PATH_MAX + 64];
    snprintf(backup, sizeof backup, "%s/%ld-%ld", scratch, (long)getpid(), n_backups++);
    if (REAL(link)(to, backup) == 0) u->backup = strdup(backup);
}

static uint64_t draw(void) {
    seed += 0x9e3779b97f4a7c15u;
    uint64_t z = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void take_back(void) {
    int all = seed == 0;
    long names = 0;
    for (undo *u = undone; u != NULL; u = u->next) names += u->kind >= UNDO_RENAME;
    if (!all) names = (long)(draw() % (uint64_t)(names + 1));
    for (undo *u = undone; u != NULL; u = u->next) {
        if (u->kind < UNDO_RENAME) {
            if (!all && draw() % 2) continue;
            if (u->length > 0) (void)!REAL(pwrite)(u->fd, u->bytes, u->length, u->offset);
            struct stat info;
            /* A hole, where a later write stays. */
            if (fstat(u->fd, &info) == 0 && info.st_size > u->size && all) (void)!REAL(ftruncate)(u->fd, u->size);
            continue;
        }
        if (names-- <= 0) continue;
        if (u->kind == UNDO_CREATE) REAL(unlink)(u->to);
        if (u->kind == UNDO_FOLDER) { /* with what is in it */
            char gone[PATH_MAX + 64];
            snprintf(gone, sizeof gone, "%s/%ld-%ld", scratch, (long)getpid(), n_backups++);
            REAL(rename)(u->to, gone);
        }
        if (u->kind == UNDO_RENAME) REAL(rename)(u->to, u->from);
        if (u->backup != NULL) REAL(rename)(u->backup, u->to);
    }
}

/* ---- counting */

static void tell(const char *format, ...) {
    if (log_path == NULL) return;
    char line[PATH_MAX + 128];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    int fd = REAL(open)(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return;
    (void)!REAL(write)(fd, line, (size_t)n);
    REAL(close)(fd);
}

/* Calls below the folder count; 1: the call at hand is the one.  Holds the lock in mode power. */
static int strikes(const char *what, const char *path) {
    if (mode == MODE_NONE) return 0;
    pthread_mutex_lock(&lock);
    long call = ++calls;
    int struck = mode != MODE_COUNT && call >= nth && call - nth < times;
    if (struck && fired++ == 0) tell("fired %ld %s %s\n", call, what, path);
    pthread_mutex_unlock(&lock);
    return struck;
}

static void end_here(void) {
    pthread_mutex_lock(&lock);
    if (mode == MODE_POWER) take_back();
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int is_under(const char *path) {
    if (mode == MODE_NONE || under_length == 0) return 0;
    char full[PATH_MAX * 2];
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (getcwd(here, sizeof here) == NULL) return 0;
        snprintf(full, sizeof full, "%s/%s", here, path);
        path = full;
    }
    return strncmp(path, under, under_length) == 0;
}

static int watched(int fd) { return fd >= 0 && fd < MAX_FILES && (state[fd] & WATCHED) && !busy; }

static int may_fail(void) { return mode == MODE_FAIL || mode == MODE_READ; }

/* A call that changes files and has no half: 1 when it must fail, errno set. */
static int refuse(const char *what, const char *path) {
    if (mode == MODE_READ || !strikes(what, path)) return 0;
    if (!may_fail()) end_here();
    errno = code;
    return 1;
}

static int refuse_read(const char *what, const char *path) {
    if (mode != MODE_READ || !strikes(what, path)) return 0;
    errno = code;
    return 1;
}

static const char *name_of(int fd) {
    static _Thread_local char name[PATH_MAX];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    name[n > 0 ? n : 0] = '\0';
    return name;
}

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("RECRYST_SHIM"), *folder = getenv("RECRYST_SHIM_UNDER"),
               *aside = getenv("RECRYST_SHIM_SCRATCH");
    char name[16] = "";
    unsigned long long s = 0;
    log_path = getenv("RECRYST_SHIM_LOG");
    if (text == NULL || folder == NULL) return;
    if (sscanf(text, "%15s %ld %ld %d %llu", name, &nth, &times, &code, &s) != 5) abort();
    seed = s;
    static const char *const names[] = {"none", "count", "fail", "read", "kill", "power"};
    for (int i = 0; i < 6; i++)
        if (strcmp(name, names[i]) == 0) mode = i;
    snprintf(under, sizeof under, "%s", folder);
    under_length = strlen(under);
    if (aside != NULL) snprintf(scratch, sizeof scratch, "%s", aside);
    for (int fd = 0; fd < 3; fd++) /* standard output may be a file below the folder */
        if (is_under(name_of(fd))) state[fd] = fd == 0 ? WATCHED : WATCHED | WRITABLE;
}

/* In mode power an end that was not struck is followed by the cut: what is not synced by then is lost as well. */
__attribute__((destructor)) static void end(void) {
    if (mode == MODE_POWER && fired == 0) take_back();
    if (mode != MODE_NONE && fired == 0) tell("calls %ld\n", calls);
}

/* ---- the calls */

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd < 0 || fd >= MAX_FILES) return fd;
    int writable = (flags & O_ACCMODE) != O_RDONLY;
    state[fd] =
        is_under(path)
            ? (unsigned char)(WATCHED | (writable ? WRITABLE : 0) | (flags & (O_DSYNC | O_SYNC) ? SYNCHRONOUS : 0))
            : 0;
    if (state[fd] && !existed && (flags & O_CREAT)) {
        pthread_mutex_lock(&lock);
        keep_name(UNDO_CREATE, NULL, path);
        pthread_mutex_unlock(&lock);
    }
    return fd;
}

static int do_open(int (*open_it)(const char *, int, ...), const char *path, int flags, mode_t rights) {
    int existed = 1;
    if (is_under(path) && !busy) {
        int writes = (flags & O_ACCMODE) != O_RDONLY;
        if (writes ? refuse("open", path) : refuse_read("open", path)) return -1;
        existed = access(path, F_OK) == 0;
        if (existed && (flags & O_TRUNC) && mode == MODE_POWER) {
            int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
            pthread_mutex_lock(&lock);
            if (fd >= 0) keep_data(fd, 0, SIZE_MAX / 2, UNDO_DATA);
            pthread_mutex_unlock(&lock);
            if (fd >= 0) REAL(close)(fd);
        }
    }
    return opened(open_it(path, flags, rights), path, flags, existed);
}

static mode_t third(va_list args, int flags) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0; }

#define DEFINE_OPEN(name)                                                                                              \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list args;                                                                                                  \
        va_start(args, flags);                                                                                         \
        mode_t rights = third(args, flags);                                                                            \
        va_end(args);                                                                                                  \
        return do_open((int (*)(const char *, int, ...))real(#name), path, flags, rights);                             \
    }
DEFINE_OPEN(open)
#if defined(__GLIBC__)
DEFINE_OPEN(open64)
#endif

static FILE *do_fopen(FILE *(*open_it)(const char *, const char *), const char *path, const char *how) {
    int writes = how[0] != 'r' || strchr(how, '+') != NULL, existed = access(path, F_OK) == 0;
    if (is_under(path) && !busy && (writes ? refuse("fopen", path) : refuse_read("fopen", path))) return NULL;
    FILE *file = open_it(path, how);
    if (file != NULL) opened(fileno(file), path, writes ? O_RDWR | (how[0] == 'r' ? 0 : O_CREAT) : O_RDONLY, existed);
    return file;
}

FILE *fopen(const char *path, const char *how) { return do_fopen(REAL(fopen), path, how); }
#if defined(__GLIBC__)
FILE *fopen64(const char *path, const char *how) {
    return do_fopen((FILE * (*)(const char *, const char *)) real("fopen64"), path, how);
}
#endif

/* 0: go on; 1: fail.  A write that is cut off by the end is half done. */
static int before_write(int fd, const void *data, size_t length, off_t offset, const char *what) {
    if (mode == MODE_READ) return 0;
    int struck = strikes(what, mode == MODE_COUNT ? "" : name_of(fd));
    off_t at = offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR);
    pthread_mutex_lock(&lock);
    keep_data(fd, at < 0 ? 0 : at, length, UNDO_DATA);
    pthread_mutex_unlock(&lock);
    if (!struck) return 0;
    if (!may_fail()) {
        if (at >= 0 && data != NULL)
            (void)!REAL(pwrite)(fd, data, length / 2, at);
        else if (data != NULL)
            (void)!REAL(write)(fd, data, length / 2);
        end_here();
    }
    errno = code;
    return 1;
}

ssize_t write(int fd, const void *data, size_t length) {
    if (watched(fd) && before_write(fd, data, length, -1, "write")) return -1;
    return REAL(write)(fd, data, length);
}

#define DEFINE_PWRITE(name)                                                                                            \
    ssize_t name(int fd, const void *data, size_t length, off_t offset) {                                              \
        if (watched(fd) && before_write(fd, data, length, offset, "pwrite")) return -1;                                \
        return ((ssize_t(*)(int, const void *, size_t, off_t))real(#name))(fd, data, length, offset);                  \
    }
DEFINE_PWRITE(pwrite)
#if defined(__GLIBC__)
DEFINE_PWRITE(pwrite64)
#endif

static size_t total(const struct iovec *part, int n) {
    size_t sum = 0;
    for (int i = 0; i < n; i++) sum += part[i].iov_len;
    return sum;
}

ssize_t writev(int fd, const struct iovec *part, int n) {
    if (watched(fd) && before_write(fd, n > 0 ? part[0].iov_base : NULL, n > 0 ? part[0].iov_len : 0, -1, "writev"))
        return -1;
    return REAL(writev)(fd, part, n);
}

#define DEFINE_PWRITEV(name)                                                                                           \
    ssize_t name(int fd, const struct iovec *part, int n, off_t offset) {                                              \
        if (watched(fd)) {                                                                                             \
            pthread_mutex_lock(&lock);                                                                                 \
            keep_data(fd, offset, total(part, n), UNDO_DATA);                                                          \
            pthread_mutex_unlock(&lock);                                                                               \
            if (before_write(fd, n > 0 ? part[0].iov_base : NULL, n > 0 ? part[0].iov_len : 0, offset, "pwritev"))     \
                return -1;                                                                                             \
        }                                                                                                              \
        return ((ssize_t(*)(int, const struct iovec *, int, off_t))real(#name))(fd, part, n, offset);                  \
    }
DEFINE_PWRITEV(pwritev)
#if defined(__GLIBC__)
DEFINE_PWRITEV(pwritev64)
#endif

/* Stdio writes from within the C library, where no call of ours is seen. */
static int before_stdio(FILE *file, const char *what) {
    int fd = file != NULL ? fileno(file) : -1;
    if (!watched(fd) || !(state[fd] & WRITABLE) || mode == MODE_READ) return 0;
    int struck = strikes(what, mode == MODE_COUNT ? "" : name_of(fd));
    struct stat info;
    pthread_mutex_lock(&lock);
    if (fstat(fd, &info) == 0) keep_data(fd, info.st_size, 0, UNDO_SIZE);
    pthread_mutex_unlock(&lock);
    if (!struck) return 0;
    if (!may_fail()) end_here();
    errno = code;
    return 1;
}

size_t fwrite(const void *data, size_t size, size_t n, FILE *file) {
    if (before_stdio(file, "fwrite")) return 0;
    return REAL(fwrite)(data, size, n, file);
}

int fflush(FILE *file) {
    if (before_stdio(file, "fflush")) return EOF;
    return REAL(fflush)(file);
}

int fclose(FILE *file) {
    int fd = fileno(file), struck = before_stdio(file, "fclose"), failure = errno;
    if (fd >= 0 && fd < MAX_FILES) state[fd] = 0;
    int result = REAL(fclose)(file);
    if (!struck) return result;
    errno = failure;
    return EOF;
}

static int synced(int fd, int result) {
    struct stat info;
    if (result != 0 || mode != MODE_POWER || fstat(fd, &info) != 0) return result;
    pthread_mutex_lock(&lock);
    forget(info.st_dev, info.st_ino, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int fsync(int fd) {
    if (watched(fd) && refuse("fsync", name_of(fd))) return -1;
    return synced(fd, REAL(fsync)(fd));
}

int fdatasync(int fd) {
    if (watched(fd) && refuse("fdatasync", name_of(fd))) return -1;
    return synced(fd, REAL(fdatasync)(fd));
}

int syncfs(int fd) {
    if (watched(fd) && refuse("syncfs", name_of(fd))) return -1;
    int result = REAL(syncfs)(fd);
    pthread_mutex_lock(&lock);
    if (result == 0) forget(0, 0, 1);
    pthread_mutex_unlock(&lock);
    return result;
}

#define DEFINE_FTRUNCATE(name)                                                                                         \
    int name(int fd, off_t length) {                                                                                   \
        if (watched(fd)) {                                                                                             \
            if (refuse("ftruncate", name_of(fd))) return -1;                                                           \
            pthread_mutex_lock(&lock);                                                                                 \
            keep_data(fd, length, SIZE_MAX / 2, UNDO_DATA);                                                            \
            pthread_mutex_unlock(&lock);                                                                               \
        }                                                                                                              \
        return ((int (*)(int, off_t))real(#name))(fd, length);                                                         \
    }
DEFINE_FTRUNCATE(ftruncate)
#if defined(__GLIBC__)
DEFINE_FTRUNCATE(ftruncate64)
#endif

int rename(const char *from, const char *to) {
    if (is_under(to)) {
        if (refuse("rename", to)) return -1;
        pthread_mutex_lock(&lock);
        keep_name(UNDO_RENAME, from, to);
        pthread_mutex_unlock(&lock);
    }
    return REAL(rename)(from, to);
}

int link(const char *from, const char *to) {
    if (is_under(to)) {
        if (refuse("link", to)) return -1;
        pthread_mutex_lock(&lock);
        if (access(to, F_OK) != 0) keep_name(UNDO_CREATE, NULL, to);
        pthread_mutex_unlock(&lock);
    }
    return REAL(link)(from, to);
}

int unlink(const char *path) {
    if (is_under(path) && mode != MODE_FAIL) {
        if (refuse("unlink", path)) return -1;
        pthread_mutex_lock(&lock);
        keep_name(UNDO_UNLINK, NULL, path);
        pthread_mutex_unlock(&lock);
    }
    return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t rights) {
    if (is_under(path) && refuse("mkdir", path)) return -1;
    int made = REAL(mkdir)(path, rights), kept = errno;
    if (made == 0 && is_under(path)) {
        pthread_mutex_lock(&lock);
        keep_name(UNDO_FOLDER, NULL, path);
        pthread_mutex_unlock(&lock);
        errno = kept;
    }
    return made;
}

int close(int fd) {
    int struck = 0, failure = 0;
    if (watched(fd) && (state[fd] & WRITABLE)) {
        struck = refuse("close", name_of(fd));
        failure = errno;
    }
    if (fd >= 0 && fd < MAX_FILES) state[fd] = 0;
    int result = REAL(close)(fd);
    if (!struck) return result;
    errno = failure;
    return -1;
}

#define DEFINE_MMAP(name)                                                                                              \
    void *name(void *at, size_t length, int protection, int flags, int fd, off_t offset) {                             \
        if (!(flags & MAP_ANONYMOUS) && watched(fd) && (refuse("mmap", name_of(fd)) || refuse_read("mmap", "")))       \
            return MAP_FAILED;                                                                                         \
        return ((void *(*)(void *, size_t, int, int, int, off_t))real(#name))(at, length, protection, flags, fd,       \
                                                                              offset);                                 \
    }
DEFINE_MMAP(mmap)
#if defined(__GLIBC__)
DEFINE_MMAP(mmap64)
#endif

ssize_t read(int fd, void *data, size_t length) {
    if (watched(fd) && refuse_read("read", "")) return -1;
    return REAL(read)(fd, data, length);
}

#define DEFINE_PREAD(name)                                                                                             \
    ssize_t name(int fd, void *data, size_t length, off_t offset) {                                                    \
        if (watched(fd) && refuse_read("pread", "")) return -1;                                                        \
        return ((ssize_t(*)(int, void *, size_t, off_t))real(#name))(fd, data, length, offset);                        \
    }
DEFINE_PREAD(pread)
#if defined(__GLIBC__)
DEFINE_PREAD(pread64)
#endif

#define DEFINE_READDIR(name, entry)                                                                                    \
    struct entry *name(DIR *folder) {                                                                                  \
        if (is_under(name_of(dirfd(folder))) && refuse_read("readdir", "")) return NULL;                               \
        return ((struct entry * (*)(DIR *)) real(#name))(folder);                                                      \
    }
DEFINE_READDIR(readdir, dirent)
#if defined(__GLIBC__)
DEFINE_READDIR(readdir64, dirent64)
#endif

DIR *opendir(const char *path) {
    if (is_under(path) && refuse_read("opendir", path)) return NULL;
    return REAL(opendir)(path);
}
