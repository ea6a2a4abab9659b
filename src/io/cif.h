/* The Crystallographic Information File, CIF 1.1 and 2.0 (Hall, Allen and Brown 1991), as programs really write it. */
#ifndef RCR_IO_CIF_H
#define RCR_IO_CIF_H

#include "recryst.h"

/* A coordinate of fewer characters that is within a relative 1e-4 of 1/3 or 2/3 is read as that. */
#define RCR_CIF_EXACT_LENGTH 14

/* The first data block of text[0 .. length) that holds a structure, with all symmetry operations applied.
 * Errors (line set): RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED, RCR_ERR_DATA, RCR_ERR_LIMIT. */
rcr_status rcr_cif_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err);

/* The same for a part of a file, which may be of CIF 2.0 although its first line is not there to say so. */
rcr_status rcr_cif_parse_block(rcr_crystal **out, const char *id, const char *text, size_t length, int cif2,
                               rcr_error *err);

#endif
