#include "io/splitter.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

enum {
    FIRST_CAPACITY = 1 << 18,
    SLAB_BYTES = 1 << 18,       /* a slab is full with this much text */
    SHOWN_BYTES = 1 << 12,      /* of a structure without an end */
    MAX_FRAME_ATOMS = 10000000, /* more than that the parser refuses */
    POLL_MILLISECONDS = 200
};

struct rcr_splitter {
    int fd, at_end, malformed, done;
    const atomic_int *stop;
    atomic_int halted;
    rcr_stream_format format;
    /* Bytes begin .. end of data are read and not given out.  Of them those before `scan` belong to lines of the item
     * at hand that have been looked at, and those before `searched` hold no end of the line at scan. */
    char *data;
    size_t capacity, begin, end, scan, searched;
    int64_t lines_left;   /* of the frame at hand; -1: its first line has not been seen */
    uint64_t n_items;     /* found so far */
    long line, scan_line; /* on which begin and scan stand */
};

void rcr_slab_release(rcr_slab *slab) {
    rcr_free(slab->text);
    memset(slab, 0, sizeof *slab);
}

rcr_status rcr_splitter_create(rcr_splitter **out, int fd, rcr_stream_format format, const atomic_int *stop,
                               rcr_error *err) {
    rcr_splitter *s = rcr_calloc(1, sizeof *s);
    char *data = rcr_malloc(FIRST_CAPACITY, 1);
    if (s == NULL || data == NULL) {
        rcr_free(s);
        rcr_free(data);
        return rcr_fail_memory(err, "reading a stream");
    }
    *s = (rcr_splitter){.fd = fd,
                        .stop = stop,
                        .format = format,
                        .data = data,
                        .capacity = FIRST_CAPACITY,
                        .lines_left = -1,
                        .line = 1,
                        .scan_line = 1};
    *out = s;
    return RCR_OK;
}

void rcr_splitter_free(rcr_splitter *splitter) {
    if (splitter == NULL) return;
    rcr_free(splitter->data);
    rcr_free(splitter);
}

int rcr_splitter_malformed(const rcr_splitter *splitter) { return splitter->malformed; }
rcr_stream_format rcr_splitter_format(const rcr_splitter *splitter) { return splitter->format; }

/* ---- reading */

void rcr_splitter_halt(rcr_splitter *splitter) { atomic_store(&splitter->halted, 1); }

static int stopped(const rcr_splitter *s) {
    return atomic_load(&s->halted) != 0 || (s->stop != NULL && atomic_load(s->stop) != 0);
}

/* Bytes that are given out make room; a structure longer than the buffer doubles it. */
static rcr_status make_room(rcr_splitter *s, rcr_error *err) {
    if (s->begin > 0) {
        memmove(s->data, s->data + s->begin, s->end - s->begin);
        s->end -= s->begin;
        s->scan -= s->begin;
        s->searched -= s->begin;
        s->begin = 0;
    }
    if (s->end <= s->capacity / 2) return RCR_OK;
    char *data = rcr_realloc(s->data, s->capacity, 2);
    if (data == NULL) return rcr_fail_memory(err, "reading a stream: a structure does not fit into memory");
    s->data = data;
    s->capacity *= 2;
    return RCR_OK;
}

/* Wait for more bytes and read them, or set at_end, or done when a stop is asked for. */
static rcr_status read_more(rcr_splitter *s, rcr_error *err) {
    rcr_status status = make_room(s, err);
    if (status != RCR_OK) return status;
    for (;;) {
        if (stopped(s)) {
            s->done = 1;
            return RCR_OK;
        }
        struct pollfd wait = {.fd = s->fd, .events = POLLIN};
        int ready = poll(&wait, 1, POLL_MILLISECONDS);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        ssize_t n = read(s->fd, s->data + s->end, s->capacity - s->end);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0)
            return errno == EISDIR ? rcr_fail(err, RCR_ERR_IO, "can't read the stream: it is a folder")
                                   : rcr_fail(err, RCR_ERR_IO, "can't read the stream: system error %d", errno);
        s->at_end = n == 0;
        s->end += (size_t)n;
        return RCR_OK;
    }
}

/* ---- lines */

/* The line at scan: 1, and *stop is where the next begins; 0 when more must be read, or nothing is left. */
static int find_line(size_t *stop, rcr_splitter *s) {
    const char *newline = memchr(s->data + s->searched, '\n', s->end - s->searched);
    s->searched = s->end;
    if (newline != NULL)
        *stop = (size_t)(newline - s->data) + 1;
    else if (s->at_end && s->scan < s->end)
        *stop = s->end;
    else
        return 0;
    return 1;
}

static void pass_line(rcr_splitter *s, size_t stop) {
    s->scan = s->searched = stop;
    s->scan_line++;
}

static int is_blank(const char *p, const char *stop) {
    while (p < stop && rcr_is_space((unsigned char)*p)) p++;
    return p == stop;
}

/* Leave out what lies before scan. */
static void drop(rcr_splitter *s) {
    s->begin = s->scan;
    s->line = s->scan_line;
}

/* Tell the format by the line at scan. */
static rcr_status detect(rcr_splitter *s, size_t stop, rcr_error *err) {
    const char *p = s->data + s->scan, *end = s->data + stop;
    while (p < end && rcr_is_space((unsigned char)*p)) p++;
    while (end > p && rcr_is_space((unsigned char)end[-1])) end--;
    int64_t number;
    if (end - p >= 5 && rcr_equals_ignore_case(p, 5, "data_"))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "the stream is a CIF; give the names of CIF files, one a line, or a stream of extended XYZ or "
                        "JSON lines");
    if (*p == '{')
        s->format = RCR_STREAM_JSONL;
    else if (rcr_parse_int64(&number, p, (size_t)(end - p)))
        s->format = RCR_STREAM_EXTXYZ;
    else
        s->format = RCR_STREAM_FILES;
    return RCR_OK;
}

/* ---- items */

/* The number on a frame's first line; -1: none that can be followed. */
static int64_t frame_atoms(const char *p, const char *end) {
    while (p < end && rcr_is_space((unsigned char)*p)) p++;
    while (end > p && rcr_is_space((unsigned char)end[-1])) end--;
    int64_t n;
    return rcr_parse_int64(&n, p, (size_t)(end - p)) && n >= 0 && n <= MAX_FRAME_ATOMS ? n : -1;
}

/* Pass over the lines of a frame.  1: scan is its end; 0: more must be read. */
static int scan_frame(rcr_splitter *s) {
    size_t stop;
    while (s->lines_left != 0) {
        if (!find_line(&stop, s)) {
            /* All read: within a frame, its rest is missing. */
            if (!s->at_end || s->lines_left < 0) return 0;
            s->malformed = s->done = 1;
            return 1;
        }
        if (s->lines_left > 0) {
            s->lines_left--;
        } else {
            int64_t n = frame_atoms(s->data + s->scan, s->data + stop);
            s->lines_left = n + 1;
            if (n < 0) {
                s->malformed = s->done = 1;
                pass_line(s, stop);
                return 1;
            }
        }
        pass_line(s, stop);
    }
    s->lines_left = -1;
    return 1;
}

/* Move scan to the end of the item that starts at begin: 1; 0: more must be read, or this is the end. */
static rcr_status scan_item(int *found, rcr_splitter *s, rcr_error *err) {
    *found = 0;
    if (s->done) return RCR_OK;
    while (s->lines_left < 0) { /* blank lines between items, and a byte order mark at the start */
        size_t stop;
        if (!find_line(&stop, s)) return RCR_OK;
        if (s->format == RCR_STREAM_AUTO || s->n_items == 0) {
            if (s->line == 1 && stop - s->scan >= 3 && memcmp(s->data + s->scan, "\xEF\xBB\xBF", 3) == 0) {
                s->scan += 3;
                drop(s);
            }
        }
        if (is_blank(s->data + s->scan, s->data + stop)) {
            pass_line(s, stop);
            drop(s);
            continue;
        }
        rcr_status status = s->format == RCR_STREAM_AUTO ? detect(s, stop, err) : RCR_OK;
        if (status != RCR_OK) return status;
        if (s->format != RCR_STREAM_EXTXYZ) {
            pass_line(s, stop);
            *found = 1;
            return RCR_OK;
        }
        s->searched = s->scan; /* scan_frame looks at this line itself */
        break;
    }
    *found = scan_frame(s);
    return RCR_OK;
}

/* The next item: begin .. scan.  *found is 0 at the end, or with `wait` 0 when it is not there yet. */
static rcr_status find_item(int *found, rcr_slab_item *item, rcr_splitter *s, int wait, rcr_error *err) {
    for (;;) {
        rcr_status status = scan_item(found, s, err);
        if (status != RCR_OK) return status;
        int too_long = !*found && s->end - s->begin > RCR_SPLITTER_MAX_BYTES;
        if (too_long) {
            s->malformed = s->done = *found = 1;
            s->scan = s->begin + SHOWN_BYTES;
        }
        if (*found) {
            *item = (rcr_slab_item){s->begin, s->scan - s->begin, ++s->n_items, s->line, too_long};
            drop(s);
            return RCR_OK;
        }
        if (!wait || s->at_end || s->done) return RCR_OK;
        if ((status = read_more(s, err)) != RCR_OK) return status;
    }
}

static rcr_status add_item(rcr_slab *slab, const rcr_slab_item *item, const char *data, rcr_error *err) {
    if (slab->capacity - slab->length <= item->length) {
        size_t capacity = slab->length + item->length + 1;
        if (capacity < 2 * SLAB_BYTES) capacity = 2 * SLAB_BYTES;
        char *text = rcr_realloc(slab->text, capacity, 1);
        if (text == NULL) return rcr_fail_memory(err, "reading a stream");
        slab->text = text;
        slab->capacity = capacity;
    }
    memcpy(slab->text + slab->length, data + item->at, item->length);
    slab->item[slab->n] = *item;
    slab->item[slab->n++].at = slab->length;
    slab->length += item->length;
    slab->text[slab->length] = '\0';
    return RCR_OK;
}

rcr_status rcr_splitter_next(rcr_slab *slab, rcr_splitter *s, rcr_error *err) {
    slab->n = 0;
    slab->length = 0;
    if (slab->capacity > 64 * (size_t)SLAB_BYTES) { /* a giant came through: give its memory back */
        rcr_free(slab->text);
        slab->text = NULL;
        slab->capacity = 0;
    }
    while (slab->n < RCR_SLAB_ITEMS && slab->length < SLAB_BYTES) {
        rcr_slab_item item;
        int found;
        rcr_status status = find_item(&found, &item, s, slab->n == 0, err);
        if (status == RCR_OK && found) status = add_item(slab, &item, s->data, err);
        if (status != RCR_OK) return status;
        if (!found) break;
    }
    return RCR_OK;
}

rcr_status rcr_splitter_skip(uint64_t *skipped, rcr_splitter *s, uint64_t n, rcr_error *err) {
    rcr_slab_item item;
    int found = 1;
    for (*skipped = 0; *skipped < n; ++*skipped) {
        rcr_status status = find_item(&found, &item, s, 1, err);
        if (status != RCR_OK) return status;
        if (!found) break;
    }
    return RCR_OK;
}
