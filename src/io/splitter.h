/* A stream of structures, cut into the text of each without parsing it: frames of extended XYZ, lines that each hold a
 * JSON object, or lines that each name a file.  Memory in use is that of the longest structure. */
#ifndef RCR_IO_SPLITTER_H
#define RCR_IO_SPLITTER_H

#ifdef __cplusplus
#include <atomic>
using std::atomic_int; /* C++ has no stdatomic.h before C++23; the two are laid out alike */
#else
#include <stdatomic.h>
#endif

#include "recryst.h"

typedef enum rcr_stream_format {
    RCR_STREAM_AUTO = 0, /* told by the first line that is not blank: a number, '{', or anything else */
    RCR_STREAM_EXTXYZ,
    RCR_STREAM_JSONL,
    RCR_STREAM_FILES
} rcr_stream_format;

/* The longest text of one structure; a longer one ends the stream. */
#define RCR_SPLITTER_MAX_BYTES ((size_t)1 << 31)

/* The text of one structure in a slab. */
typedef struct rcr_slab_item {
    size_t at, length; /* slab->text[at .. at + length) */
    uint64_t number;   /* of the structure in the stream, from 1 */
    long line;         /* of the stream on which the text begins, from 1 */
    int too_long;      /* 1: more than RCR_SPLITTER_MAX_BYTES; the text is only its beginning */
} rcr_slab_item;

enum { RCR_SLAB_ITEMS = 32 };

/* Some structures that follow each other.  Zero-initialise; may be filled again and again. */
typedef struct rcr_slab {
    size_t n;
    rcr_slab_item item[RCR_SLAB_ITEMS];
    char *text; /* followed by a NUL */
    size_t length, capacity;
} rcr_slab;
void rcr_slab_release(rcr_slab *slab);

typedef struct rcr_splitter rcr_splitter;
/* The descriptor stays the caller's.  While *stop is 0 (stop NULL: always) the splitter waits for input; else it ends
 * as at the end of the stream, but without a structure that is not complete. */
rcr_status rcr_splitter_create(rcr_splitter **out, int fd, rcr_stream_format format, const atomic_int *stop,
                               rcr_error *err);
void rcr_splitter_free(rcr_splitter *splitter);

/* End as at *stop != 0, also while another thread waits for input in the splitter (which takes 0.2 s to notice).  May
 * be called by any thread. */
void rcr_splitter_halt(rcr_splitter *splitter);

/* Fill the slab with the structures that are there, waiting only for the first; slab->n is 0 at the end.
 * Where a frame's end can't be found (its first line is no number, the stream ends within it), its beginning is the
 * last item, which the parser will refuse, and the stream ends there: rcr_splitter_malformed.
 * Errors: RCR_ERR_IO, RCR_ERR_MEMORY, RCR_ERR_UNSUPPORTED (the text of one CIF). */
rcr_status rcr_splitter_next(rcr_slab *slab, rcr_splitter *splitter, rcr_error *err);

/* Pass over up to n structures; *skipped is their number, less than n at the end of the stream.  Errors: as next. */
rcr_status rcr_splitter_skip(uint64_t *skipped, rcr_splitter *splitter, uint64_t n, rcr_error *err);

/* 1 when the stream was given up at a structure whose end can't be told. */
int rcr_splitter_malformed(const rcr_splitter *splitter);
/* What the stream is; RCR_STREAM_AUTO until something has been read. */
rcr_stream_format rcr_splitter_format(const rcr_splitter *splitter);

#endif
