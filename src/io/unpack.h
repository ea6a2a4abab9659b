/* The bytes of a file from its beginning to its end, unpacked where gzip, bzip2, xz or zstd packed them, and a window
 * that moves over them. */
#ifndef RCR_IO_UNPACK_H
#define RCR_IO_UNPACK_H

#include "recryst.h"

typedef enum rcr_packing {
    RCR_PACKING_NONE = 0,
    RCR_PACKING_STREAM, /* one file, packed */
    RCR_PACKING_ARCHIVE /* tar or zip, packed or not: io/archive.h reads it, rcr_unpacker_read does not */
} rcr_packing;

typedef struct rcr_unpacker rcr_unpacker;
/* Errors: RCR_ERR_IO, RCR_ERR_PARSE (packed, and damaged at the beginning), RCR_ERR_MEMORY. */
rcr_status rcr_unpacker_open(rcr_unpacker **out, const char *path, rcr_error *err);
/* The bytes stay the caller's, who keeps them until the unpacker is freed. */
rcr_status rcr_unpacker_open_memory(rcr_unpacker **out, const void *data, size_t length, rcr_error *err);
void rcr_unpacker_free(rcr_unpacker *unpacker);

rcr_packing rcr_unpacker_packing(const rcr_unpacker *unpacker);
/* Up to `room` bytes more; *n is 0 at the end.  Errors: RCR_ERR_IO, RCR_ERR_PARSE (damaged). */
rcr_status rcr_unpacker_read(size_t *n, rcr_unpacker *unpacker, char *buffer, size_t room, rcr_error *err);
/* A second unpacker of the same bytes, at their beginning; the first must outlive it. */
rcr_status rcr_unpacker_again(rcr_unpacker **out, const rcr_unpacker *unpacker, rcr_error *err);
/* Everything that is left, at most max_bytes; (*out)[*length] is 0.  Free with rcr_free.  Errors: RCR_ERR_LIMIT too. */
rcr_status rcr_unpacker_rest(char **out, size_t *length, rcr_unpacker *unpacker, size_t max_bytes, rcr_error *err);

/* 1 when bytes begin as gzip, bzip2, xz or zstd data, or as a tar or zip archive. */
int rcr_looks_packed(const char *text, size_t length);

/* "x.json.gz" -> length of "x.json"; of a name without such an ending, its length. */
size_t rcr_unpacked_name_length(const char *name);

/* 1 for a file that is a tar or zip archive, packed or not.  Its content counts, not its name. */
int rcr_is_archive(const char *path);

/* The part of the bytes that is being looked at: data[begin .. end), of which those before `at` are dealt with.
 * Positions move when more is read, their distances from begin do not. */
typedef struct rcr_window {
    rcr_unpacker *from; /* the window's */
    char *data;
    size_t capacity, begin, at, end;
    int at_end;      /* nothing more comes, be it that the file ends or that reading failed */
    long line;       /* of begin, from 1 */
    char line_end;   /* of a line's bytes the last: '\n' unless it is set to '\r' */
    size_t limit;    /* of end - begin; more is an error */
    rcr_error error; /* why reading failed; status RCR_OK: it did not */
} rcr_window;

/* Takes the unpacker over, also on failure. */
rcr_status rcr_window_open(rcr_window *window, rcr_unpacker *from, size_t limit, rcr_error *err);
void rcr_window_release(rcr_window *window);
/* Read more behind the end, keeping what lies between begin and end.  0: there is nothing more (window->error). */
int rcr_window_more(rcr_window *window);
/* Read on until at least n bytes lie behind begin, if there are as many. */
void rcr_window_fill(rcr_window *window, size_t n);
/* Leave what lies before `at` behind: begin becomes at. */
void rcr_window_drop(rcr_window *window);
/* The next byte, at `at`; -1 at the end. */
static inline int rcr_window_peek(rcr_window *w) {
    return w->at < w->end || rcr_window_more(w) ? (unsigned char)w->data[w->at] : -1;
}
/* Move `at` over blanks and line ends; the byte there, -1 at the end. */
int rcr_window_skip_blanks(rcr_window *window);
/* Move `at` behind the next line's end, or to the end; 0 when there is nothing left. */
int rcr_window_skip_line(rcr_window *window);

#endif
