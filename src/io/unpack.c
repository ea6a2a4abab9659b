#include "io/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/libarchive.h"

enum { CHUNK = 1 << 18, PROBE = 512 };

struct rcr_unpacker {
    char *path; /* NULL: memory */
    const char *memory;
    size_t length, at;
    int fd;                  /* -1: none */
    struct archive *archive; /* of what is packed */
    rcr_archive_source source;
    rcr_packing packing;
    int at_end; /* nothing is packed in it */
};

int rcr_looks_packed(const char *head, size_t n) {
    static const struct {
        const char *bytes;
        size_t length, at;
    } magic[] = {{"\x1f\x8b", 2, 0},
                 {"BZh", 3, 0},
                 {"\xfd"
                  "7zXZ\0",
                  6, 0},
                 {"\x28\xb5\x2f\xfd", 4, 0},
                 {"PK\3\4", 4, 0},
                 {"PK\5\6", 4, 0},
                 {"ustar", 5, 257}};
    for (size_t k = 0; k < sizeof magic / sizeof *magic; k++)
        if (n >= magic[k].at + magic[k].length && memcmp(head + magic[k].at, magic[k].bytes, magic[k].length) == 0)
            return 1;
    /* A zstd stream may begin with a skippable frame. */
    return n >= 4 && (head[0] & 0xF0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0;
}

static rcr_status open_archive(rcr_unpacker *u, rcr_error *err) {
    rcr_status status = rcr_libarchive_load(err);
    if (status != RCR_OK) return status;
    struct archive *a = u->archive = rcr_la.read_new();
    if (a == NULL) return rcr_fail_memory(err, "unpacking");
    rcr_libarchive_enable(a);
    rcr_la.read_support_format_raw(a);
    rcr_la.read_support_format_empty(a);
    status = rcr_archive_open(a, &u->source, u->path, u->memory, u->length, err);
    if (status != RCR_OK) return status;
    struct archive_entry *entry;
    int code = rcr_la.read_next_header(a, &entry);
    int format = rcr_la.format(a) & ARCHIVE_FORMAT_BASE_MASK;
    u->packing = RCR_PACKING_STREAM;
    /* libarchive takes bytes that could not be read for none. */
    if (u->source.error.status != RCR_OK) return rcr_archive_fail(a, &u->source, "can't unpack", err);
    if (format == ARCHIVE_FORMAT_TAR || format == ARCHIVE_FORMAT_ZIP)
        u->packing = RCR_PACKING_ARCHIVE;
    else if (code == ARCHIVE_EOF)
        u->at_end = 1;
    else if (code < ARCHIVE_WARN)
        return rcr_archive_fail(a, &u->source, "can't unpack", err);
    return RCR_OK;
}

/* O_NONBLOCK: opening a pipe that nobody writes must not hang; it has no effect on regular files. */
static rcr_status open_file(char *head, size_t *n, size_t room, rcr_unpacker *u, rcr_error *err) {
    struct stat info;
    u->fd = RCR_FILE_CALL(open(u->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (u->fd < 0) return rcr_fail_system(err, u->path, "can't open", errno);
    if (RCR_FILE_CALL(fstat(u->fd, &info)) != 0) return rcr_fail_system(err, u->path, "can't read", errno);
    if (S_ISDIR(info.st_mode)) return rcr_fail_system(err, u->path, "can't read", EISDIR);
    if (!S_ISREG(info.st_mode)) return rcr_fail_at(err, RCR_ERR_IO, u->path, 0, "can't read: not a regular file");
    rcr_status status = rcr_read_some(n, u->fd, head, room, u->path, err);
    if (status == RCR_OK && lseek(u->fd, 0, SEEK_SET) != 0) return rcr_fail_system(err, u->path, "can't read", errno);
    return status;
}

static rcr_status open_any(rcr_unpacker *u, rcr_error *err) {
    char head[PROBE];
    size_t n = u->length < sizeof head ? u->length : sizeof head;
    if (u->path != NULL) {
        rcr_status status = open_file(head, &n, sizeof head, u, err);
        if (status != RCR_OK) return status;
    } else if (n > 0) {
        memcpy(head, u->memory, n);
    }
    /* tar without a magic number is told by its name. */
    int packed = rcr_looks_packed(head, n) || (u->path != NULL && rcr_ends_with(u->path, ".tar"));
    return packed ? open_archive(u, err) : RCR_OK;
}

static rcr_status make(rcr_unpacker **out, const char *path, const void *data, size_t length, rcr_error *err) {
    rcr_unpacker *u = rcr_calloc(1, sizeof *u);
    if (u == NULL) return rcr_fail_memory(err, "opening a file");
    u->fd = -1;
    u->memory = data;
    u->length = length;
    rcr_status status = RCR_OK;
    if (path != NULL && (u->path = rcr_strdup(path)) == NULL) status = rcr_fail_memory(err, "opening a file");
    if (status == RCR_OK) status = open_any(u, err);
    if (status == RCR_OK)
        *out = u;
    else
        rcr_unpacker_free(u);
    return status;
}

rcr_status rcr_unpacker_open(rcr_unpacker **out, const char *path, rcr_error *err) {
    return make(out, path, NULL, 0, err);
}

rcr_status rcr_unpacker_open_memory(rcr_unpacker **out, const void *data, size_t length, rcr_error *err) {
    return make(out, NULL, data, length, err);
}

rcr_status rcr_unpacker_again(rcr_unpacker **out, const rcr_unpacker *u, rcr_error *err) {
    return make(out, u->path, u->memory, u->length, err);
}

void rcr_unpacker_free(rcr_unpacker *u) {
    if (u == NULL) return;
    if (u->archive != NULL) rcr_la.read_free(u->archive);
    rcr_archive_close(&u->source);
    if (u->fd >= 0) close(u->fd);
    rcr_free(u->path);
    rcr_free(u);
}

rcr_packing rcr_unpacker_packing(const rcr_unpacker *u) { return u->packing; }

rcr_status rcr_unpacker_read(size_t *n, rcr_unpacker *u, char *buffer, size_t room, rcr_error *err) {
    if (u->at_end) {
        *n = 0;
    } else if (u->archive != NULL) {
        la_ssize_t got = rcr_la.read_data(u->archive, buffer, room);
        if (got < 0 || (got == 0 && u->source.error.status != RCR_OK))
            return rcr_archive_fail(u->archive, &u->source, "can't unpack", err);
        *n = (size_t)got;
    } else if (u->fd >= 0) {
        return rcr_read_some(n, u->fd, buffer, room, u->path, err);
    } else {
        *n = u->length - u->at < room ? u->length - u->at : room;
        if (*n > 0) memcpy(buffer, u->memory + u->at, *n);
        u->at += *n;
    }
    return RCR_OK;
}

int rcr_is_archive(const char *path) {
    rcr_unpacker *u;
    if (rcr_unpacker_open(&u, path, NULL) != RCR_OK) return 0;
    int archive = rcr_unpacker_packing(u) == RCR_PACKING_ARCHIVE;
    rcr_unpacker_free(u);
    return archive;
}

size_t rcr_unpacked_name_length(const char *name) {
    static const char *const endings[] = {".gz", ".zst", ".zstd", ".bz2", ".xz"};
    size_t length = strlen(name);
    for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
        if (rcr_ends_with(name, endings[k])) return length - strlen(endings[k]);
    return length;
}

/* ---------------------------------------------------------------- the window */

rcr_status rcr_window_open(rcr_window *w, rcr_unpacker *from, size_t limit, rcr_error *err) {
    /* What lies in memory needs its own length, twice: more is asked for while half of the room is left. */
    int is_plain = from->path == NULL && from->archive == NULL;
    size_t capacity = is_plain && from->length < CHUNK / 2 ? 2 * from->length + 1 : CHUNK;
    *w = (rcr_window){.from = from, .line = 1, .line_end = '\n', .limit = limit};
    w->data = rcr_malloc(capacity, 1);
    if (w->data != NULL) {
        w->capacity = capacity;
        return RCR_OK;
    }
    rcr_unpacker_free(from);
    w->from = NULL;
    return rcr_fail_memory(err, "reading a file");
}

void rcr_window_release(rcr_window *w) {
    rcr_unpacker_free(w->from);
    rcr_free(w->data);
    w->from = NULL;
    w->data = NULL;
}

/* Room behind the end: what is done with goes, and if that is little the buffer doubles. */
static rcr_status make_room(rcr_window *w, rcr_error *err) {
    if (w->begin > 0) {
        memmove(w->data, w->data + w->begin, w->end - w->begin);
        w->at -= w->begin;
        w->end -= w->begin;
        w->begin = 0;
    }
    if (w->end >= w->limit)
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", w->line, "what begins here is longer than the limit of %zu MiB",
                           w->limit >> 20);
    if (w->end <= w->capacity / 2) return RCR_OK;
    char *grown = rcr_realloc(w->data, w->capacity, 2);
    if (grown == NULL) return rcr_fail_memory(err, "reading a structure");
    w->data = grown;
    w->capacity *= 2;
    return RCR_OK;
}

int rcr_window_more(rcr_window *w) {
    size_t n = 0;
    if (w->at_end) return 0;
    rcr_status status = make_room(w, &w->error);
    if (status == RCR_OK) status = rcr_unpacker_read(&n, w->from, w->data + w->end, w->capacity - w->end, &w->error);
    if (status == RCR_OK) w->error.status = RCR_OK;
    w->end += n;
    if (n == 0) w->at_end = 1;
    return n > 0;
}

void rcr_window_fill(rcr_window *w, size_t n) {
    while (w->end - w->begin < n && rcr_window_more(w)) continue;
}

void rcr_window_drop(rcr_window *w) {
    const char *c = w->data + w->begin, *end = w->data + w->at;
    for (; c < end && (c = memchr(c, w->line_end, (size_t)(end - c))) != NULL; c++) w->line++;
    w->begin = w->at;
}

int rcr_window_skip_blanks(rcr_window *w) {
    for (;;) {
        while (w->at < w->end && rcr_is_space((unsigned char)w->data[w->at])) w->at++;
        if (w->at < w->end) return (unsigned char)w->data[w->at];
        if (!rcr_window_more(w)) return -1;
    }
}

int rcr_window_skip_line(rcr_window *w) {
    if (rcr_window_peek(w) < 0) return 0;
    for (;;) {
        const char *newline = memchr(w->data + w->at, w->line_end, w->end - w->at);
        w->at = newline != NULL ? (size_t)(newline - w->data) + 1 : w->end;
        if (newline != NULL || !rcr_window_more(w)) return 1;
    }
}

rcr_status rcr_unpacker_rest(char **out, size_t *length, rcr_unpacker *u, size_t max_bytes, rcr_error *err) {
    size_t capacity = CHUNK, n = 0;
    char *data = rcr_malloc(capacity + 1, 1);
    rcr_status status = data != NULL ? RCR_OK : rcr_fail_memory(err, "reading a file");
    for (size_t got = 1; status == RCR_OK && got > 0;) {
        if (n == capacity) {
            char *grown = rcr_realloc(data, 2 * capacity + 1, 1);
            if (grown == NULL) {
                status = rcr_fail_memory(err, "reading a file");
                break;
            }
            data = grown;
            capacity *= 2;
        }
        status = rcr_unpacker_read(&got, u, data + n, capacity - n, err);
        if (status != RCR_OK) break;
        n += got;
        if (n > max_bytes)
            status = rcr_fail(err, RCR_ERR_LIMIT, "the file has more than %zu MiB, which must be held in memory",
                              max_bytes >> 20);
    }
    if (status != RCR_OK) {
        rcr_free(data);
        return status;
    }
    data[n] = '\0';
    *out = data;
    *length = n;
    return RCR_OK;
}
