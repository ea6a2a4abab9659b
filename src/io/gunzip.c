#include "io/gunzip.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "io/libarchive.h"

enum { INPUT = 1 << 16, MAX_LAYERS = 4, GZIP_ONLY = 15 + 16 };

struct rcr_gunzip {
    z_stream z;
    int started; /* z must be ended */
    /* Where the packed bytes come from: one of these. */
    rcr_gunzip *from; /* packed twice; owned */
    char *path;
    int fd; /* -1: none */
    const unsigned char *memory;
    size_t length, at;
    int input_ended, in_member, done;
    unsigned char ahead[2]; /* unpacked already */
    size_t n_ahead;
    unsigned char input[INPUT];
};

static voidpf take(voidpf unused, uInt items, uInt size) {
    (void)unused;
    return rcr_malloc(items, size);
}

static void give_back(voidpf unused, voidpf address) {
    (void)unused;
    rcr_free(address);
}

static int is_gzip(const void *bytes, size_t n) { return n >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0; }

static rcr_status read_input(size_t *n, rcr_gunzip *g, void *buffer, size_t room, rcr_error *err) {
    if (g->from != NULL) return rcr_gunzip_read(n, g->from, buffer, room, err);
    if (g->fd < 0) {
        *n = g->length - g->at < room ? g->length - g->at : room;
        if (*n > 0) memcpy(buffer, g->memory + g->at, *n);
        g->at += *n;
        return RCR_OK;
    }
    return rcr_read_some(n, g->fd, buffer, room, g->path, err);
}

/* Have at least `least` bytes of input, or all that there are. */
static rcr_status fill(rcr_gunzip *g, size_t least, rcr_error *err) {
    while (g->z.avail_in < least && !g->input_ended) {
        size_t n;
        memmove(g->input, g->z.next_in, g->z.avail_in);
        rcr_status status = read_input(&n, g, g->input + g->z.avail_in, INPUT - g->z.avail_in, err);
        if (status != RCR_OK) return status;
        g->z.next_in = g->input;
        g->z.avail_in += (uInt)n;
        g->input_ended = n == 0;
    }
    return RCR_OK;
}

static rcr_status fail_inflate(int code, const rcr_gunzip *g, rcr_error *err) {
    if (code == Z_MEM_ERROR) return rcr_fail_memory(err, "unpacking");
    const char *why = g->z.msg != NULL ? g->z.msg : "no gzip data";
    if (strcmp(why, "incorrect data check") == 0 || strcmp(why, "incorrect length check") == 0)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "can't unpack: the gzip data are damaged, their checksum does not fit; get the file again");
    return rcr_fail(err, RCR_ERR_PARSE, "can't unpack: the gzip data are damaged (%.100s); get the file again", why);
}

/* Begin the next member, if there is one.  Zeros may fill what lies before it or before the end, as tapes have them;
 * anything else is a member whose beginning was damaged, and more than it would be missing. */
static rcr_status begin_member(rcr_gunzip *g, rcr_error *err) {
    rcr_status status;
    while ((status = fill(g, 1, err)) == RCR_OK && g->z.avail_in > 0 && *g->z.next_in == 0) {
        g->z.next_in++;
        g->z.avail_in--;
    }
    if (status == RCR_OK) status = fill(g, 2, err);
    if (status != RCR_OK) return status;
    if (g->z.avail_in == 0) {
        g->done = 1;
        return RCR_OK;
    }
    if (!is_gzip(g->z.next_in, g->z.avail_in))
        return rcr_fail(
            err, RCR_ERR_PARSE,
            "can't unpack: what follows what gzip packed is not packed so, so that the data are damaged; get "
            "the file again");
    int code = rcr_z.reset(&g->z);
    if (code != Z_OK) return fail_inflate(code, g, err);
    g->in_member = 1;
    return RCR_OK;
}

rcr_status rcr_gunzip_read(size_t *n, rcr_gunzip *g, void *buffer, size_t room, rcr_error *err) {
    if (g->n_ahead > 0) {
        *n = g->n_ahead < room ? g->n_ahead : room;
        memcpy(buffer, g->ahead, *n);
        g->n_ahead -= *n;
        memmove(g->ahead, g->ahead + *n, g->n_ahead);
        return RCR_OK;
    }
    if (room > UINT_MAX) room = UINT_MAX;
    g->z.next_out = buffer;
    g->z.avail_out = (uInt)room;
    while (g->z.avail_out > 0 && !g->done) {
        rcr_status status = g->in_member ? fill(g, 1, err) : begin_member(g, err);
        if (status != RCR_OK) return status;
        if (g->done) break;
        if (g->z.avail_in == 0)
            return rcr_fail(err, RCR_ERR_PARSE, "can't unpack: the gzip data are cut off; get the file again");
        int code = rcr_z.run(&g->z, Z_NO_FLUSH);
        if (code == Z_STREAM_END)
            g->in_member = 0;
        else if (code != Z_OK && code != Z_BUF_ERROR)
            return fail_inflate(code, g, err);
    }
    *n = room - g->z.avail_out;
    return RCR_OK;
}

void rcr_gunzip_free(rcr_gunzip *g) {
    if (g == NULL) return;
    if (g->started) rcr_z.end(&g->z);
    if (g->fd >= 0) close(g->fd);
    rcr_gunzip_free(g->from);
    rcr_free(g->path);
    rcr_free(g);
}

/* Without input. */
static rcr_status make(rcr_gunzip **out, rcr_error *err) {
    rcr_gunzip *g = rcr_calloc(1, sizeof *g);
    if (g == NULL) return rcr_fail_memory(err, "unpacking");
    g->fd = -1;
    g->z.zalloc = take;
    g->z.zfree = give_back;
    g->z.next_in = g->input;
    int code = rcr_z.begin(&g->z, GZIP_ONLY, ZLIB_VERSION, (int)sizeof g->z);
    if (code == Z_OK) {
        g->started = 1;
        *out = g;
        return RCR_OK;
    }
    rcr_free(g);
    return code == Z_MEM_ERROR
               ? rcr_fail_memory(err, "unpacking")
               : rcr_fail(err, RCR_ERR_UNSUPPORTED, "gzip can't be unpacked: zlib is of another version");
}

/* Look at the first bytes that come out. */
static rcr_status look_ahead(rcr_gunzip *g, rcr_error *err) {
    unsigned char ahead[sizeof g->ahead];
    size_t n = 0, got = 1;
    while (n < sizeof ahead && got > 0) {
        rcr_status status = rcr_gunzip_read(&got, g, ahead + n, sizeof ahead - n, err);
        if (status != RCR_OK) return status;
        n += got;
    }
    memcpy(g->ahead, ahead, n);
    g->n_ahead = n;
    return RCR_OK;
}

/* As many layers as there are around *g, which is replaced by the outermost; it stays valid on failure. */
static rcr_status unwrap(rcr_gunzip **g, rcr_error *err) {
    for (int layers = 1;; layers++) {
        rcr_gunzip *outer;
        rcr_status status = look_ahead(*g, err);
        if (status != RCR_OK || !is_gzip((*g)->ahead, (*g)->n_ahead)) return status;
        if (layers == MAX_LAYERS)
            return rcr_fail(err, RCR_ERR_UNSUPPORTED, "can't unpack: packed with gzip more than %d times", MAX_LAYERS);
        if ((status = make(&outer, err)) != RCR_OK) return status;
        outer->from = *g;
        *g = outer;
    }
}

/* O_NONBLOCK: opening a pipe that nobody writes must not hang. */
static rcr_status open_file(rcr_gunzip *g, const char *path, rcr_error *err) {
    if ((g->path = rcr_strdup(path)) == NULL) return rcr_fail_memory(err, "unpacking");
    g->fd = RCR_FILE_CALL(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return g->fd >= 0 ? RCR_OK : rcr_fail_system(err, path, "can't open", errno);
}

rcr_status rcr_gunzip_open(rcr_gunzip **out, const char *path, const void *data, size_t length, rcr_error *err) {
    rcr_gunzip *g;
    if (path == NULL && !is_gzip(data, length)) {
        *out = NULL;
        return RCR_OK;
    }
    rcr_status status = make(&g, err);
    if (status != RCR_OK) return status;
    g->memory = data;
    g->length = length;
    if (path != NULL) status = open_file(g, path, err);
    if (status == RCR_OK) status = fill(g, 2, err);
    int packed = status == RCR_OK && is_gzip(g->z.next_in, g->z.avail_in);
    if (packed) status = unwrap(&g, err);
    if (packed && status == RCR_OK) {
        *out = g;
        return RCR_OK;
    }
    rcr_gunzip_free(g);
    if (status == RCR_OK) *out = NULL;
    return status;
}
