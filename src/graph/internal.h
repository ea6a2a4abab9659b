/* What the files of this room share. */
#ifndef RCR_GRAPH_INTERNAL_H
#define RCR_GRAPH_INTERNAL_H

#include "graph/graph.h"

/* Limits.  They keep a wrong unit or a broken file from running for hours; docs/graph.md lists them. */
#define RCR_GRAPH_MAX_RADIUS 1000.0    /* angstrom */
#define RCR_GRAPH_MAX_NEIGHBORS 100000 /* max_neighbors */
#define RCR_GRAPH_MAX_GAUSSIANS 65536
#define RCR_GRAPH_MAX_IMAGES 20000000 /* atoms and images of atoms that one search looks at */

/* pymatgen counts an atom at radius + 1e-8 as within the radius, and takes one of the same element at 1e-8 or less for
 * the atom itself; so does recryst. */
#define RCR_GRAPH_SLACK 1e-8

#endif
