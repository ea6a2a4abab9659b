/* Crystals made from crystals: chosen sites, supercells, reduced cells. */
#ifndef RCR_CRYSTAL_TRANSFORM_H
#define RCR_CRYSTAL_TRANSFORM_H

#include "recryst.h"

/* The most sites that a supercell may have. */
#define RCR_SUPERCELL_MAX_SITES 10000000

/* A crystal with the id and lattice of another, whose site i has the species of that one's site from[i]; positions are
 * zero.  from [n]; NULL: every site in order, with its position.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_crystal_pick(rcr_crystal **out, const rcr_crystal *crystal, const int32_t *from, int32_t n,
                            rcr_error *err);

/* times[0] x times[1] x times[2] cells.  The copies of a site follow each other, the third index fastest.
 * Errors: RCR_ERR_ARGUMENT (a number below 1), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_crystal_supercell(rcr_crystal **out, const rcr_crystal *crystal, const int32_t times[3], rcr_error *err);

/* The same crystal in its Niggli-reduced cell (Krivy and Gruber 1976, by spglib): right-handed, positions in [0, 1).
 * Errors: RCR_ERR_DATA (the cell can't be reduced), RCR_ERR_MEMORY. */
rcr_status rcr_crystal_reduce(rcr_crystal **out, const rcr_crystal *crystal, rcr_error *err);

/* Lengths (angstrom) and angles (degrees) of a cell.  Angles within 1e-10 of 60, 90 or 120 are those. */
void rcr_lattice_parameters(double lengths[3], double angles[3], const double lattice[3][3]);

#endif
