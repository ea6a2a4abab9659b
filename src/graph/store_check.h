/* Is an LMDB file safe to be read through LMDB?  The library trusts its pages, so a truncated or forged file could lead
 * it out of the map.  This walks both trees first and looks at nothing but structure.
 *
 * The format is LMDB 0.9's (data version 1) on a machine with 64-bit little-endian words: two meta pages, then pages of
 * B+ trees with nodes sorted by key, and runs of overflow pages for large values. */
#ifndef RCR_GRAPH_STORE_CHECK_H
#define RCR_GRAPH_STORE_CHECK_H

#include "recryst.h"

/* Bytes of the head of an LMDB file that tell it, and whether they do. */
#define RCR_LMDB_HEAD_BYTES 24
int rcr_lmdb_is(const uint8_t head[RCR_LMDB_HEAD_BYTES]);

/* Check a whole file in memory: every page that a reader or writer follows lies inside it, every node inside its page,
 * the trees are as deep as they say, and the list of free pages is well formed.
 * Errors: RCR_ERR_PARSE with what is wrong, RCR_ERR_UNSUPPORTED (another version, word size or kind of database). */
rcr_status rcr_lmdb_check(const uint8_t *file, uint64_t size, rcr_error *err);

#endif
