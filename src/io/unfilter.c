#include "io/unfilter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "io/libarchive.h"

enum { CHUNK = 1 << 16, PROBE = 6 };

struct rcr_unfilter {
    struct archive *archive; /* raw: the packed bytes through the filters */
    /* Where the packed bytes come from: one of these. */
    rcr_gunzip *gunzip;
    char *path;
    int fd; /* -1: none */
    const char *memory;
    size_t length, at;
    const char *first; /* read ahead; NULL: given out already */
    size_t n_first;
    char *buffer;    /* [CHUNK] */
    int64_t given;   /* bytes that libarchive got, or that were looked at after it was done */
    int64_t content; /* of these up to the last that is not zero */
    rcr_error error; /* why reading failed; status RCR_OK: it did not */
    int empty;       /* nothing is packed in them */
    int done;
};

static int is_filtered(const char *bytes, size_t n) {
    return (n >= 3 && memcmp(bytes, "BZh", 3) == 0) ||
           (n >= 6 && memcmp(bytes,
                             "\xfd"
                             "7zXZ\0",
                             6) == 0) ||
           (n >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0) ||
           (n >= 4 && (bytes[0] & 0xF0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0); /* zstd, skippable */
}

/* Up to CHUNK packed bytes; *n is 0 at the end. */
static rcr_status read_packed(const char **bytes, size_t *n, rcr_unfilter *u, rcr_error *err) {
    *bytes = u->buffer;
    if (u->first != NULL) {
        *bytes = u->first;
        *n = u->n_first;
        u->first = NULL;
    } else if (u->gunzip != NULL) {
        rcr_status status = rcr_gunzip_read(n, u->gunzip, u->buffer, CHUNK, err);
        if (status != RCR_OK) return status;
    } else if (u->fd >= 0) {
        rcr_status status = rcr_read_some(n, u->fd, u->buffer, CHUNK, u->path, err);
        if (status != RCR_OK) return status;
    } else {
        *bytes = u->memory + u->at;
        *n = u->length - u->at < CHUNK ? u->length - u->at : CHUNK;
        u->at += *n;
    }
    for (size_t k = *n; k > 0; k--) {
        if ((*bytes)[k - 1] == 0) continue;
        u->content = u->given + (int64_t)k;
        break;
    }
    u->given += (int64_t)*n;
    return RCR_OK;
}

static la_ssize_t feed(struct archive *a, void *data, const void **buffer) {
    rcr_unfilter *u = data;
    const char *bytes;
    size_t n = 0;
    if (read_packed(&bytes, &n, u, &u->error) != RCR_OK) {
        rcr_la.set_error(a, EINVAL, "%s", u->error.message);
        return ARCHIVE_FATAL;
    }
    *buffer = bytes;
    return (la_ssize_t)n;
}

static rcr_status fail_archive(const rcr_unfilter *u, rcr_error *err) {
    if (u->error.status != RCR_OK) {
        if (err != NULL) *err = u->error;
        return u->error.status;
    }
    const char *why = rcr_la.error_string(u->archive);
    return rcr_fail(err, RCR_ERR_PARSE, "can't unpack: %.300s", why != NULL ? why : "the data are damaged");
}

/* The first bytes of a file, which is left at its beginning. */
static rcr_status probe_file(char probe[PROBE], size_t *n, rcr_unfilter *u, const char *path, rcr_error *err) {
    if ((u->path = rcr_strdup(path)) == NULL) return rcr_fail_memory(err, "unpacking");
    u->fd = RCR_FILE_CALL(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)); /* a pipe that nobody writes must not hang */
    if (u->fd < 0) return rcr_fail_system(err, path, "can't open", errno);
    rcr_status status = rcr_read_some(n, u->fd, probe, PROBE, path, err);
    if (status != RCR_OK) return status;
    return lseek(u->fd, 0, SEEK_SET) == 0 ? RCR_OK : rcr_fail_system(err, path, "can't read", errno);
}

static rcr_status open_archive(rcr_unfilter *u, rcr_error *err) {
    u->buffer = rcr_malloc(CHUNK, 1);
    u->archive = u->buffer != NULL ? rcr_la.read_new() : NULL;
    if (u->archive == NULL) return rcr_fail_memory(err, "unpacking");
    rcr_libarchive_enable_filters(u->archive); /* gzip's may lie within */
    rcr_la.read_support_format_raw(u->archive);
    rcr_la.read_support_format_empty(u->archive);
    struct archive_entry *entry;
    int code = rcr_la.read_open(u->archive, u, NULL, feed, NULL);
    if (code >= ARCHIVE_WARN) code = rcr_la.read_next_header(u->archive, &entry);
    u->empty = code == ARCHIVE_EOF;
    return code < ARCHIVE_WARN || u->error.status != RCR_OK ? fail_archive(u, err) : RCR_OK;
}

rcr_status rcr_unfilter_open(rcr_unfilter **out, rcr_gunzip *gunzip, const char *first, size_t n_first,
                             const char *path, const void *data, size_t length, rcr_error *err) {
    char probe[PROBE];
    rcr_unfilter *u = rcr_calloc(1, sizeof *u);
    if (u == NULL) return rcr_fail_memory(err, "unpacking");
    u->fd = -1;
    u->gunzip = gunzip;
    u->memory = data;
    u->length = length;
    if (gunzip != NULL) {
        u->first = first;
        u->n_first = n_first;
    }
    rcr_status status = RCR_OK;
    int filtered;
    if (gunzip != NULL) {
        filtered = is_filtered(first, n_first);
    } else if (path != NULL) {
        size_t n = 0;
        status = probe_file(probe, &n, u, path, err);
        filtered = status == RCR_OK && is_filtered(probe, n);
    } else {
        filtered = is_filtered(data, length);
    }
    if (filtered) status = open_archive(u, err);
    if (status == RCR_OK && filtered) {
        *out = u;
        return RCR_OK;
    }
    rcr_unfilter_free(u);
    if (status == RCR_OK) *out = NULL;
    return status;
}

void rcr_unfilter_free(rcr_unfilter *u) {
    if (u == NULL) return;
    if (u->archive != NULL) rcr_la.read_free(u->archive);
    if (u->fd >= 0) close(u->fd);
    rcr_free(u->buffer);
    rcr_free(u->path);
    rcr_free(u);
}

/* The filters are done: what they left must be zeros, which tapes add. */
static rcr_status check_rest(rcr_unfilter *u, rcr_error *err) {
    int64_t used = rcr_la.filter_bytes(u->archive, -1);
    const char *bytes;
    for (size_t n = 1; n > 0 && u->content <= used;) {
        rcr_status status = read_packed(&bytes, &n, u, err);
        if (status != RCR_OK) return status;
    }
    if (u->content <= used) return RCR_OK;
    return rcr_fail(
        err, RCR_ERR_PARSE,
        "can't unpack: what follows after %lld bytes is not packed like them, so that the data are damaged; "
        "get the file again",
        (long long)used);
}

rcr_status rcr_unfilter_next(const void **bytes, size_t *n, rcr_unfilter *u, rcr_error *err) {
    la_int64_t offset;
    *n = 0;
    while (!u->done && *n == 0) {
        int code = u->empty ? ARCHIVE_EOF : rcr_la.read_data_block(u->archive, bytes, n, &offset);
        if (code < ARCHIVE_WARN || u->error.status != RCR_OK) return fail_archive(u, err);
        if (code != ARCHIVE_EOF) continue;
        *n = 0;
        u->done = 1;
        return check_rest(u, err);
    }
    return RCR_OK;
}
