/* The two atoms of a crystal that are nearest to each other. */
#ifndef RCR_CRYSTAL_SHORTEST_H
#define RCR_CRYSTAL_SHORTEST_H

#include "recryst.h"

typedef struct rcr_pair {
    int32_t first, second; /* sites, first <= second; equal where the nearest atom is an image of the atom itself */
    double distance;       /* angstrom; 0 where two sites coincide */
} rcr_pair;

/* Periodic images included.  Time grows in proportion to the number of sites, whatever their positions (closest pair by
 * randomised incremental search, Golin et al. 1995; the order is the same every time).
 * Errors: RCR_ERR_DATA (no cell, no sites, or a cell so skewed that doubles do not tell), RCR_ERR_MEMORY. */
rcr_status rcr_crystal_shortest(rcr_pair *out, const rcr_crystal *crystal, rcr_error *err);

#endif
