/* Symmetry with a bound on time.
 *
 * Where many atoms are displaced by about the tolerance, spglib tries one tolerance after the other, each with all
 * operations on all atoms: minutes for some hundred atoms on a line.  It can't be stopped from within, so crystals of
 * more than RCR_SYMMETRY_FREE_SITES sites are handed to a child process that the system ends after
 * RCR_SYMMETRY_SECONDS of processor time. */
#ifndef RCR_CLI_SYMMETRY_GUARD_H
#define RCR_CLI_SYMMETRY_GUARD_H

#include "crystal/spacegroup.h"

#define RCR_SYMMETRY_FREE_SITES 64
#define RCR_SYMMETRY_SECONDS 10

/* As rcr_spacegroup_find and rcr_crystal_standardize, with RCR_ERR_LIMIT in addition where it takes too long.  Safe
 * from several threads at once. */
rcr_status rcr_guarded_spacegroup(rcr_spacegroup **out, const rcr_crystal *crystal, double tolerance, rcr_error *err);
rcr_status rcr_guarded_standardize(rcr_crystal **out, const rcr_crystal *crystal, rcr_cell cell, int idealize,
                                   double tolerance, rcr_error *err);

#endif
