#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

/* The system's reason, in a form that is safe with threads (strerror shares a buffer, strerror_r has two signatures).
 */
static const char *reason(int code) {
    switch (code) {
    case ENOENT: return "there is no such file or folder";
    case EACCES:
    case EPERM: return "permission denied";
    case EISDIR: return "it is a folder";
    case ENOTDIR: return "a part of the path is not a folder";
    case ENOSPC: return "no space left on the device";
    case EROFS: return "the file system is read-only";
    case EMFILE:
    case ENFILE: return "too many open files";
    case ENAMETOOLONG: return "the name is too long";
    case EEXIST: return "it exists already and is not a folder";
    case ENOMEM: return "out of memory";
    case EIO: return "the device reports an error";
    case EFBIG: return "the file would be too large";
    case EDQUOT: return "the disk quota is used up";
    case ELOOP: return "too many symbolic links";
    case EPIPE: return "the reader at the other end is gone";
    case EBUSY: return "it is in use: something may be mounted there, which a new file can't take the place of";
    case EBADF: return "the descriptor is not open for that";
    }
    return NULL;
}

rcr_status rcr_fail_system(rcr_error *err, const char *path, const char *what, int code) {
    const char *why = reason(code);
    if (code == ENOMEM) return rcr_fail_at(err, RCR_ERR_MEMORY, path, 0, "%s: %s", what, why);
    if (why != NULL) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "%s: %s", what, why);
    return rcr_fail_at(err, RCR_ERR_IO, path, 0, "%s: system error %d", what, code);
}

rcr_status rcr_read_some(size_t *n, int fd, void *buffer, size_t room, const char *path, rcr_error *err) {
    ssize_t got;
    do got = RCR_FILE_CALL(read(fd, buffer, room));
    while (got < 0 && errno == EINTR);
    if (got < 0) return rcr_fail_system(err, path, "can't read", errno);
    *n = (size_t)got;
    return RCR_OK;
}

static rcr_status read_descriptor(char **out, size_t *length, int fd, const char *path, size_t max_bytes,
                                  rcr_error *err) {
    struct stat info;
    if (RCR_FILE_CALL(fstat(fd, &info)) != 0) return rcr_fail_system(err, path, "can't read", errno);
    if (S_ISDIR(info.st_mode)) return rcr_fail_system(err, path, "can't read", EISDIR);
    if (!S_ISREG(info.st_mode)) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't read: not a regular file");
    if ((uintmax_t)info.st_size > max_bytes)
        return rcr_fail_at(err, RCR_ERR_LIMIT, path, 0, "the file has %ju bytes; the limit is %zu",
                           (uintmax_t)info.st_size, max_bytes);
    size_t size = (size_t)info.st_size;
    char *data = size < SIZE_MAX ? rcr_malloc(size + 1, 1) : NULL;
    if (data == NULL) return rcr_fail_memory(err, "reading a file");
    size_t done = 0;
    while (done < size) {
        size_t n;
        rcr_status status = rcr_read_some(&n, fd, data + done, size - done, path, err);
        if (status != RCR_OK) {
            rcr_free(data);
            return status;
        }
        if (n == 0) break; /* it shrank meanwhile */
        done += n;
    }
    data[done] = '\0';
    *out = data;
    *length = done;
    return RCR_OK;
}

rcr_status rcr_file_read(char **out, size_t *length, const char *path, size_t max_bytes, rcr_error *err) {
    /* O_NONBLOCK: opening a pipe that nobody writes must not hang; it has no effect on regular files. */
    int fd = RCR_FILE_CALL(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd < 0) return rcr_fail_system(err, path, "can't open", errno);
    rcr_status status = read_descriptor(out, length, fd, path, max_bytes, err);
    close(fd);
    return status;
}

/* folder/name, for as long as the path is not freed; NULL when out of memory. */
static const char *joined(rcr_text *path, const char *folder, const char *name) {
    rcr_text_printf(path, "%s/%s", folder, name);
    return path->failed ? NULL : path->data;
}

rcr_status rcr_file_read_in(char **out, size_t *length, const char *folder, const char *name, size_t max_bytes,
                            rcr_error *err) {
    rcr_text path = {0};
    rcr_status status = joined(&path, folder, name) == NULL ? rcr_fail_memory(err, "reading a file")
                                                            : rcr_file_read(out, length, path.data, max_bytes, err);
    rcr_text_free(&path);
    return status;
}

/* Length of the folder part with its slash; 0 when there is none. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* What path itself names, its own links not followed: N of "N" in this process's folder of descriptors, or -1. */
static int descriptor_named(const char *path) {
    size_t length = folder_length(path);
    char here[PATH_MAX], there[PATH_MAX];
    int64_t fd;
    if (!rcr_is_digit((unsigned char)path[length]) || !rcr_parse_int64(&fd, path + length, strlen(path + length)))
        return -1;
    if (fd > INT_MAX || length >= sizeof there) return -1;
    memcpy(there, path, length);
    there[length] = '\0';
    if (realpath(length > 0 ? there : ".", here) == NULL) return -1;
    static const char *const folders[] = {"/proc/self/fd", "/proc/thread-self/fd", "/dev/fd"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (realpath(folders[i], there) != NULL && strcmp(here, there) == 0) return (int)fd;
    return -1;
}

/* What the symbolic link `path` says; *n <- 0 where path is none.  In a folder where all may write, links are followed
 * by the rule of Linux alone (protected_symlinks): another user's there could lead a file of ours anywhere.  Gives an
 * errno. */
static int read_link(char *text, ssize_t *n, size_t room, const char *path, size_t length_of_folder) {
    struct stat link, folder;
    *n = 0;
    if (lstat(path, &link) != 0) return errno == ENOENT ? 0 : errno;
    if (!S_ISLNK(link.st_mode)) return 0;
    rcr_text name = {0};
    rcr_text_append(&name, path, length_of_folder);
    rcr_text_puts(&name, ".");
    int code = name.failed ? ENOMEM : stat(name.data, &folder) != 0 ? errno : 0;
    rcr_text_free(&name);
    if (code != 0) return code;
    if ((folder.st_mode & S_ISVTX) && (folder.st_mode & S_IWOTH) && link.st_uid != geteuid() &&
        link.st_uid != folder.st_uid)
        return EACCES;
    *n = readlink(path, text, room);
    if (*n < 0) return errno;
    return (size_t)*n < room ? 0 : ENAMETOOLONG;
}

/* Where writing to path ends up: *target <- path with the symbolic links of its last part followed, or *fd <- a
 * descriptor of this process, which has no name to be replaced (/dev/stdout); *fd is -1 otherwise.  Gives an errno. */
static int follow(char **target, int *fd, const char *path) {
    enum { MOST = 40 }; /* as many as Linux follows */
    char link[PATH_MAX];
    rcr_text name = {0};
    int code = 0;
    rcr_text_puts(&name, path);
    *fd = -1;
    for (int followed = 0; !name.failed && code == 0; followed++) {
        ssize_t n;
        *fd = descriptor_named(name.data);
        if (*fd >= 0) break;
        size_t folder = folder_length(name.data);
        code = read_link(link, &n, sizeof link, name.data, folder);
        if (code != 0 || n == 0) break;
        if (followed == MOST) code = ELOOP;
        name.length = link[0] == '/' ? 0 : folder;
        rcr_text_append(&name, link, (size_t)n);
    }
    if (name.failed) code = ENOMEM;
    if (code != 0) rcr_text_free(&name);
    *target = name.data;
    return code;
}

int rcr_path_descriptor(const char *path) {
    char *target;
    int fd;
    if (follow(&target, &fd, path) != 0) return -1;
    rcr_free(target);
    return fd;
}

struct rcr_writer {
    char *path;      /* as it was given */
    char *target;    /* where its links lead */
    char *temporary; /* NULL: a device, pipe or descriptor, written directly */
    int fd;
    int failure; /* errno of the first failed write; -1: out of memory */
    size_t buffered;
    char buffer[1 << 16];
};

static void writer_free(rcr_writer *writer) {
    if (writer == NULL) return;
    if (writer->fd >= 0) close(writer->fd);
    rcr_free(writer->path);
    rcr_free(writer->target);
    rcr_free(writer->temporary);
    rcr_free(writer);
}

rcr_status rcr_sync_name(const char *path, rcr_error *err) {
    size_t length = folder_length(path);
    char *folder = length > 0 ? rcr_strndup(path, length) : rcr_strdup(".");
    if (folder == NULL) return rcr_fail_memory(err, "writing a file");
    int fd = RCR_FILE_CALL(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)), code = fd < 0 ? errno : 0;
    rcr_free(folder);
    if (fd >= 0) {
        if (RCR_FILE_CALL(fsync(fd)) != 0) code = errno;
        close(fd);
    }
    if (code == 0 || code == EACCES || code == EINVAL || code == ENOTSUP || code == ENOSYS) return RCR_OK;
    return rcr_fail_system(err, path, "can't write", code);
}

/* A new file ".NAME.tmp-PID-N" in the target's folder, made with the mode of the file that it will replace. */
static int open_temporary(rcr_writer *writer, const struct stat *old) {
    size_t folder = folder_length(writer->target);
    for (int attempt = 0; attempt < 10000; attempt++) {
        rcr_text name = {0};
        rcr_text_append(&name, writer->target, folder);
        /* A name near the system's limit is cut, so that the suffix fits. */
        rcr_text_printf(&name, ".%.200s.tmp-%ld-%d", writer->target + folder, (long)getpid(), attempt);
        if (name.failed) {
            rcr_text_free(&name);
            return ENOMEM;
        }
        writer->fd = RCR_FILE_CALL(open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
        if (writer->fd >= 0) {
            writer->temporary = name.data;
            if (old != NULL) (void)!fchmod(writer->fd, old->st_mode & 0777);
            return 0;
        }
        int code = errno;
        rcr_text_free(&name);
        if (code != EEXIST) return code;
    }
    return EEXIST;
}

/* A second descriptor of what is open already, which shares the place in the file: what others wrote to it stays. */
static int open_descriptor(rcr_writer *writer, int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return errno;
    if ((flags & O_ACCMODE) == O_RDONLY) return EBADF;
    writer->fd = RCR_FILE_CALL(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    return writer->fd < 0 ? errno : 0;
}

static int open_target(rcr_writer *writer) {
    struct stat old;
    int exists = stat(writer->target, &old) == 0;
    if (!exists && errno != ENOENT) return errno;
    if (exists && S_ISDIR(old.st_mode)) return EISDIR;
    if (!exists || S_ISREG(old.st_mode)) return open_temporary(writer, exists ? &old : NULL);
    writer->fd = RCR_FILE_CALL(open(writer->target, O_WRONLY | O_CLOEXEC));
    return writer->fd < 0 ? errno : 0;
}

rcr_status rcr_writer_open(rcr_writer **out, const char *path, rcr_error *err) {
    rcr_writer *writer = rcr_malloc(1, sizeof *writer);
    if (writer == NULL) return rcr_fail_memory(err, "opening a file for writing");
    writer->fd = -1;
    writer->failure = 0;
    writer->buffered = 0;
    writer->target = writer->temporary = NULL;
    writer->path = rcr_strdup(path);
    int fd, code = writer->path != NULL ? follow(&writer->target, &fd, path) : ENOMEM;
    if (code == 0) code = fd >= 0 ? open_descriptor(writer, fd) : open_target(writer);
    if (code == 0) {
        *out = writer;
        return RCR_OK;
    }
    writer_free(writer);
    if (code == ENOMEM) return rcr_fail_memory(err, "opening a file for writing");
    return rcr_fail_system(err, path, "can't write", code);
}

static void write_all(rcr_writer *writer, const char *data, size_t length) {
    while (length > 0 && writer->failure == 0) {
        ssize_t n = RCR_FILE_CALL(write(writer->fd, data, length));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            writer->failure = errno;
            return;
        }
        data += n;
        length -= (size_t)n;
    }
}

static void flush(rcr_writer *writer) {
    write_all(writer, writer->buffer, writer->buffered);
    writer->buffered = 0;
}

void rcr_writer_write(rcr_writer *writer, const void *data, size_t length) {
    if (writer->failure != 0 || length == 0) return;
    if (length > sizeof writer->buffer - writer->buffered) flush(writer);
    if (length > sizeof writer->buffer) {
        write_all(writer, data, length);
        return;
    }
    memcpy(writer->buffer + writer->buffered, data, length);
    writer->buffered += length;
}

void rcr_writer_printf(rcr_writer *writer, const char *format, ...) {
    char small[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) {
        writer->failure = EINVAL;
    } else if ((size_t)n < sizeof small) {
        rcr_writer_write(writer, small, (size_t)n);
    } else {
        char *large = rcr_malloc((size_t)n + 1, 1);
        if (large == NULL) {
            if (writer->failure == 0) writer->failure = -1;
            return;
        }
        va_start(args, format);
        vsnprintf(large, (size_t)n + 1, format, args);
        va_end(args);
        rcr_writer_write(writer, large, (size_t)n);
        rcr_free(large);
    }
}

rcr_status rcr_writer_commit(rcr_writer *writer, rcr_error *err) {
    flush(writer);
    int code = writer->failure;
    if (code == 0 && writer->temporary != NULL && RCR_FILE_CALL(fsync(writer->fd)) != 0) code = errno;
    /* A descriptor is gone after close, whatever close says. */
    int closed = close(writer->fd);
    if (RCR_FILE_CALL(closed) != 0 && code == 0 && errno != EINTR) code = errno;
    writer->fd = -1;
    rcr_status status = RCR_OK;
    if (code == 0 && writer->temporary != NULL) {
        if (RCR_FILE_CALL(rename(writer->temporary, writer->target)) != 0)
            code = errno;
        else
            status = rcr_sync_name(writer->target, err); /* the file is the new one all the same */
    }
    if (code != 0 && writer->temporary != NULL) unlink(writer->temporary);
    if (code < 0)
        status = rcr_fail_memory(err, "writing a file");
    else if (code > 0)
        status = rcr_fail_system(err, writer->path, "can't write", code);
    writer_free(writer);
    return status;
}

void rcr_writer_abort(rcr_writer *writer) {
    if (writer == NULL) return;
    if (writer->temporary != NULL) unlink(writer->temporary);
    writer_free(writer);
}

rcr_status rcr_file_write(const char *path, const void *data, size_t length, rcr_error *err) {
    rcr_writer *writer;
    rcr_status status = rcr_writer_open(&writer, path, err);
    if (status != RCR_OK) return status;
    rcr_writer_write(writer, data, length);
    return rcr_writer_commit(writer, err);
}

rcr_status rcr_file_write_in(const char *folder, const char *name, rcr_text *text, rcr_error *err) {
    rcr_text path = {0};
    rcr_status status = text->failed || joined(&path, folder, name) == NULL
                            ? rcr_fail_memory(err, "writing a file")
                            : rcr_file_write(path.data, text->data, text->length, err);
    rcr_text_free(&path);
    rcr_text_free(text);
    return status;
}

int rcr_is_directory(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int rcr_is_file(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

int rcr_path_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int rcr_is_file_in(const char *folder, const char *name) {
    char path[PATH_MAX]; /* no memory is asked for: "not there" must not stand for a lack of it */
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    return length >= 0 && (size_t)length < sizeof path && rcr_is_file(path);
}

rcr_status rcr_absolute_path(char **out, const char *path, rcr_error *err) {
    char here[4096];
    rcr_text full = {0};
    if (path[0] == '/') {
        rcr_text_puts(&full, path);
    } else {
        if (getcwd(here, sizeof here) == NULL)
            return rcr_fail(err, RCR_ERR_IO, "the working directory has no usable name");
        rcr_text_printf(&full, "%s/%s", here, path);
    }
    if (full.failed) {
        rcr_text_free(&full);
        return rcr_fail_memory(err, "looking up a path");
    }
    *out = full.data;
    return RCR_OK;
}

/* The next part of a path that is not "."; its length is 0 at the end. */
static const char *next_part(size_t *length, const char *path) {
    for (;;) {
        path += strspn(path, "/");
        *length = strcspn(path, "/");
        if (*length != 1 || path[0] != '.') return path;
        path++;
    }
}

int rcr_same_path(const char *a, const char *b) {
    struct stat x, y;
    if (strcmp(a, b) == 0) return 1;
    if (stat(a, &x) == 0 && stat(b, &y) == 0) return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    for (;;) {
        size_t n, m;
        a = next_part(&n, a);
        b = next_part(&m, b);
        if (n != m || memcmp(a, b, n) != 0) return 0;
        if (n == 0) return 1;
        a += n;
        b += n;
    }
}

rcr_status rcr_make_directory(const char *path, rcr_error *err) {
    char *name = rcr_strdup(path);
    if (name == NULL) return rcr_fail_memory(err, "making a folder");
    rcr_status status = RCR_OK;
    for (char *c = name; status == RCR_OK; c++) {
        if (*c != '/' && *c != '\0') continue;
        char end = *c;
        *c = '\0';
        if (c != name && RCR_FILE_CALL(mkdir(name, 0777)) != 0) {
            int code = errno;
            if (!rcr_is_directory(name)) status = rcr_fail_system(err, path, "can't make the folder", code);
        } else if (c != name) {
            status = rcr_sync_name(name, err);
        }
        *c = end;
        if (end == '\0') break;
    }
    if (status == RCR_OK && path[0] == '\0') status = rcr_fail_system(err, path, "can't make the folder", ENOENT);
    rcr_free(name);
    return status;
}
