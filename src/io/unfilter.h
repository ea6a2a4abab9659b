/* What bzip2, xz and zstd packed, to its end.  libarchive ends without a word where a stream of bzip2 is followed by
 * something else, such as a second stream whose beginning was damaged: the rest of a file would be missing. */
#ifndef RCR_IO_UNFILTER_H
#define RCR_IO_UNFILTER_H

#include "io/gunzip.h"
#include "recryst.h"

typedef struct rcr_unfilter rcr_unfilter;

/* Of `gunzip`, which the caller keeps and of which the bytes first[0 .. n_first) have been read already; where it is
 * NULL of the file, and where path is NULL too of the bytes, which the caller keeps.  *out becomes NULL where they do
 * not begin as such data do.  libarchive is loaded.  Errors: RCR_ERR_IO, RCR_ERR_PARSE (damaged at the beginning),
 * RCR_ERR_MEMORY. */
rcr_status rcr_unfilter_open(rcr_unfilter **out, rcr_gunzip *gunzip, const char *first, size_t n_first,
                             const char *path, const void *data, size_t length, rcr_error *err);
void rcr_unfilter_free(rcr_unfilter *unfilter);

/* The next bytes, which stay valid until the next call; *n is 0 at the end.  What follows the end and is neither packed
 * nor zeros is an error.  Errors: RCR_ERR_IO, RCR_ERR_PARSE. */
rcr_status rcr_unfilter_next(const void **bytes, size_t *n, rcr_unfilter *unfilter, rcr_error *err);

#endif
