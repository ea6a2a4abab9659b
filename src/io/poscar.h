/* POSCAR and CONTCAR, the structure files of VASP. */
#ifndef RCR_IO_POSCAR_H
#define RCR_IO_POSCAR_H

#include "recryst.h"

/* The structure of text[0 .. length): a comment; one scale factor (negative: the cell's volume) or three; three lattice
 * vectors; symbols (VASP 5 and later: Fe, Fe_pv, Fe/1a2b3c4d) and counts, each on one line or several; optionally
 * "Selective dynamics"; "Direct" or "Cartesian"; positions.  What follows (velocities, ...) is passed over.
 *
 * A file of VASP 4 has no line of symbols.  They are then taken from behind the positions, where each line has one,
 * else from the comment, where it is one symbol for each count or a formula that agrees with the counts.
 *
 * Errors (line set): RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED (no chemical element), RCR_ERR_DATA (elements not told, no
 * volume, no sites), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_poscar_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err);

/* 1 when the second line is one or three numbers, the next three have three numbers each, and the sixth is counts, or
 * symbols with counts after them. */
int rcr_poscar_looks_like(const char *text, size_t length);

#endif
