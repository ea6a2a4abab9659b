/* Making and checking crystals. */
#ifndef RCR_CRYSTAL_CRYSTAL_H
#define RCR_CRYSTAL_CRYSTAL_H

#include "crystal/species.h"
#include "recryst.h"

/* A crystal with room for n_sites sites, everything zero but the id (copied; "" for NULL). */
rcr_status rcr_crystal_create(rcr_crystal **out, const char *id, int32_t n_sites, rcr_error *err);

/* Lattice vectors from lengths (angstrom) and angles (degrees): a along x, b in the xy plane.
 * Errors: RCR_ERR_DATA when they make no cell. */
rcr_status rcr_lattice_from_parameters(double lattice[3][3], const double lengths[3], const double angles[3],
                                       rcr_error *err);

/* Signed volume, cubic angstrom. */
double rcr_lattice_volume(const double lattice[3][3]);

/* Of lattice rows: frac = r * inverse, for a Cartesian position r.  0 when the lattice has no volume. */
int rcr_lattice_invert(double inverse[3][3], const double lattice[3][3]);

/* Refuse what no graph can be made of: no sites, numbers that are not finite, no volume, atomic numbers outside 1..118,
 * species arrays that break what recryst.h says of them.  (Disordered sites pass: the graph decides on them.)
 * Errors: RCR_ERR_DATA. */
rcr_status rcr_crystal_check(const rcr_crystal *crystal, rcr_error *err);

#endif
