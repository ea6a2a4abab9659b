/* Which data blocks of a CIF hold structures. */
#ifndef RCR_IO_CIF_BLOCKS_H
#define RCR_IO_CIF_BLOCKS_H

#include "io/cif_lexer.h"

/* Goes over the blocks of a text, which must outlive it. */
typedef struct rcr_cif_blocks {
    rcr_cif_lexer lexer;
    rcr_cif_token token;
} rcr_cif_blocks;

/* A quick look: 0 where the text surely has one data block at most. */
int rcr_cif_may_have_blocks(const char *text, size_t length);

void rcr_cif_blocks_start(rcr_cif_blocks *blocks, const char *text, size_t length);

/* The next block with lengths of a cell and at least one site that is not all `.` or `?`: from its data_ (or from the
 * beginning of the text, where something stands before the first data_) to that of the next block, whatever that holds.
 * 0: there is none. */
int rcr_cif_blocks_next(const char **begin, const char **end, rcr_cif_blocks *blocks);

#endif
