/* The structure type of a crystal, whatever elements it is made of. */
#ifndef RCR_CRYSTAL_PROTOTYPE_H
#define RCR_CRYSTAL_PROTOTYPE_H

#include "recryst.h"

/* Larger crystals are not searched for symmetry here: where many atoms are displaced by about the tolerance, spglib
 * takes minutes for them. */
enum { RCR_PROTOTYPE_MAX_SITES = 128 };

/* A label that two crystals share when they have the same space group (mirror images such as P4_1 and P4_3 count as
 * one) and the same occupied positions, up to a renaming of the elements: for each kind of site its share in the
 * formula, and for each of its orbits the multiplicity in the conventional cell and the site symmetry.  These stand for
 * the Wyckoff letters, which depend on the origin and on the order of the axes where the group leaves a choice; the
 * label does not.  Positions' free coordinates and the shape of the cell do not enter.  Rock salt:
 * "225 1(4 -3mm) 1(4 -3mm)".
 * Where there is no such symmetry (more than RCR_PROTOTYPE_MAX_SITES sites, or none found at this tolerance, angstrom)
 * the label is the formula without names alone: "? 1 3".
 * *out is freed with rcr_free.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_prototype_label(char **out, const rcr_crystal *crystal, double tolerance, rcr_error *err);

#endif
