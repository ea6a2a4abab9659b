/* geometry.in, the structure file of FHI-aims. */
#ifndef RCR_IO_AIMS_H
#define RCR_IO_AIMS_H

#include "recryst.h"

/* The structure of text[0 .. length): three lines lattice_vector, and lines atom (Cartesian, angstrom) and atom_frac,
 * in any order, '#' beginning a comment.  A species may have more behind its symbol (Fe_up, O2).  Ghost atoms ("empty")
 * and every other keyword (constrain_relaxation, initial_moment, ...) are passed over.
 *
 * Errors (line set): RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED (no chemical element), RCR_ERR_DATA (not periodic in three
 * directions, no volume, no atoms), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_aims_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err);

/* 1 when the first line that is neither blank nor a comment is one of geometry.in: lattice_vector, atom or atom_frac
 * with three numbers, or another of its keywords before one of these. */
int rcr_aims_looks_like(const char *text, size_t length);

#endif
