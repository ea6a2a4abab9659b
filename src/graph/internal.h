/* What the files of this room share. */
#ifndef RCR_GRAPH_INTERNAL_H
#define RCR_GRAPH_INTERNAL_H

#include "graph/graph.h"

/* Limits, beside those of the options.  They keep a wrong unit or a broken file from running for hours; docs/graph.md
 * lists them. */
#define RCR_GRAPH_MAX_GAUSSIANS 65536
#define RCR_GRAPH_MAX_IMAGES 20000000 /* atoms and images of atoms that one search looks at */
/* Neighbours in the shells of all atoms: some for the whole crystal, and for each atom twice those that are wanted and
 * some that are tied with them.  Where thousands of atoms lie in one place each has all of them in its shell. */
#define RCR_GRAPH_MAX_ENTRIES 10000000
#define RCR_GRAPH_MAX_TIED 100

/* As pymatgen, which the reference program uses: neighbors lie within d^2 <= radius^2 + 1e-8, and an atom of the same
 * element at 1e-8 angstrom or less is taken for the atom itself. */
#define RCR_GRAPH_REACH_SLACK 1e-8 /* square angstrom */
#define RCR_GRAPH_ITSELF 1e-8      /* angstrom */
/* sqrt(radius^2 + slack). */
double rcr_graph_reach(const rcr_graph_options *options);

/* ---- shells.c: from sorted candidates to edges */

/* For every atom its nearest neighbours: max_neighbors and what else is tied with the last of them. */
typedef struct rcr_shells {
    int32_t n_atoms;
    int64_t *start;    /* [n_atoms] place of the atom's first entry; atoms may come in any order */
    int32_t *length;   /* [n_atoms] */
    double *distance;  /* [used of capacity] ascending within an atom */
    int32_t *neighbor; /* [used of capacity] */
    int64_t used, capacity;
    int64_t limit; /* of used: far more than the shells of atoms that lie apart hold */
} rcr_shells;

rcr_status rcr_shells_init(rcr_shells *shells, int32_t n_atoms, int64_t capacity, const rcr_graph_options *options,
                           rcr_error *err);
void rcr_shells_release(rcr_shells *shells);

/* How many of n sorted distances belong to the shells of an atom: max_neighbors and those tied with the last.
 * -1 when that can't be told, because the search reached only as far as `searched` and less than the options' radius.
 */
int32_t rcr_shells_cut(const double *distance, int32_t n, double searched, const rcr_graph_options *options);

/* Make room for n more entries. */
rcr_status rcr_shells_reserve(rcr_shells *shells, int64_t n, rcr_error *err);

/* Keep the first `length` entries behind those in use as an atom's.  Errors: RCR_ERR_LIMIT. */
rcr_status rcr_shells_add(rcr_shells *shells, int32_t atom, int32_t length, rcr_error *err);
/* The error when there are too many. */
rcr_status rcr_shells_fail_limit(const rcr_shells *shells, rcr_error *err);

/* The graph: cut ties or keep them, order each group, pad. */
rcr_status rcr_shells_to_graph(rcr_graph **out, const rcr_shells *shells, const rcr_crystal *crystal,
                               const rcr_graph_options *options, rcr_error *err);

/* ---- disorder.c: disordered sites */

/* rcr_crystal_check, and what the options say of disordered sites.  Errors: RCR_ERR_DATA, RCR_ERR_UNSUPPORTED. */
rcr_status rcr_graph_check_crystal(const rcr_crystal *crystal, const rcr_graph_options *options, rcr_error *err);

/* The sites' kinds (key 1 of graph.h): kind [n_sites] 0 .. *n_kinds - 1, equal where the species are, ordered as key 1
 * says.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_graph_kinds(int64_t *kind, int32_t *n_kinds, const rcr_crystal *crystal, rcr_error *err);

/* ---- cell.c: the cell in which the search is done */

/* A cell of the same lattice with short vectors, turned so that a lies along x and b in the xy plane: rows
 * (ax 0 0), (bx by 0), (cx cy cz).  Distances do not depend on the orientation, and the search is cheap in such a cell.
 */
typedef struct rcr_search_cell {
    double vector[3][3];
    double height[3];       /* distance between the planes that bound the cell along each vector, angstrom */
    double shortest;        /* |a|, the shortest lattice vector found */
    double volume;          /* positive */
    double transform[3][3]; /* integers: frac_new = frac_old * transform */
    int changed;            /* 0: transform is the identity */
} rcr_search_cell;

/* Errors: RCR_ERR_DATA when the lattice has no volume. */
rcr_status rcr_search_cell_make(rcr_search_cell *cell, const double lattice[3][3], rcr_error *err);

#endif
