/* Graph construction inside the library: what the public rcr_graph_build does not expose.
 *
 * Which neighbours an atom gets
 * -----------------------------
 * Every image of every atom within the radius (d^2 <= radius^2 + 1e-8, as pymatgen has it) is a candidate, save
 * those of the same element at 1e-8 angstrom or less: the atom itself, or a duplicate of it.  An atom of another
 * element in the same place stays a candidate, at distance 0, as in the reference program.
 *
 * Candidates are sorted by distance and put into groups: a new group starts where the gap to the one before exceeds the
 * tie tolerance (chains of gaps, not distance to the group's first member: a shell of equal distances with rounding
 * noise below the tolerance can then never be split, wherever its neighbours in distance stand).  Groups that fit into
 * max_neighbors are taken whole.  Of the group that max_neighbors cuts, RCR_TIES_KEEP takes all, RCR_TIES_CUT takes the
 * first by these keys:
 *   1. the neighbour's atomic number, low first; in a crystal with disordered sites the neighbour's kind: by atomic
 *      number (that of the site's largest species), then by the number of its species, then by their numbers and
 *      occupancies, one after another, low number and high occupancy first;
 *   2. the neighbour's environment class, low first: a number from four rounds of s_i <- s_i/2 + u/(1 + u),
 *      u = sum_k s_k/(1 + d_ik^2), over the whole shells of neighbours of every atom, starting from s_i = 1 + Z_i/128
 *      (with disordered sites s_i = 1 + r/(n + 1), where site i is of the r-th of the crystal's n kinds);
 *      values closer than 1e-10 are one class;
 *   3. the index of the neighbour's site.
 * Keys 1 and 2 know nothing of orientation, origin, site order or choice of cell.  Atoms that are still equal then have
 * equal environments, out to their fourth neighbours; taking one or the other gives a network the same features at the
 * same distances, so key 3 (which is only there to make the answer definite) does not change a prediction.
 *
 * Disordered sites (RCR_DISORDER_AVERAGE) are atoms like others: whole ones, whatever their occupancy, and where "of
 * the same element" is said above, it is their largest species that counts.
 *
 * Edges of an atom: groups by ascending distance; within a group by the same keys (class only where one was needed).
 */
#ifndef RCR_GRAPH_GRAPH_H
#define RCR_GRAPH_GRAPH_H

#include "recryst.h"

/* Limits of the options. */
#define RCR_GRAPH_MAX_RADIUS 1000.0    /* angstrom */
#define RCR_GRAPH_MAX_NEIGHBORS 100000 /* max_neighbors */

/* Errors: RCR_ERR_ARGUMENT with the option and its range. */
rcr_status rcr_graph_options_check(const rcr_graph_options *options, rcr_error *err);

/* 1 when two sets of options give the same graphs and features. */
int rcr_graph_options_equal(const rcr_graph_options *a, const rcr_graph_options *b);

/* The tolerance in use, angstrom: tie_tolerance, or what 0 stands for. */
double rcr_graph_tie_tolerance(const rcr_graph_options *options);

/* The plain oracle: every image in the exact bounding box, full sort.  For tests.  Errors as rcr_graph_build. */
rcr_status rcr_graph_build_plain(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                                 rcr_error *err);

/* An empty graph with room for these numbers of atoms and edges, all zero.  It and its arrays are one block of memory,
 * so rcr_graph_free frees only what this made: never assemble an rcr_graph by hand.
 * Errors: RCR_ERR_ARGUMENT (negative), RCR_ERR_MEMORY. */
rcr_status rcr_graph_create(rcr_graph **out, int32_t n_atoms, int32_t n_edges, rcr_error *err);

/* The same with room for n_species species in all, for a disordered crystal; 0: an ordered one. */
rcr_status rcr_graph_create_disordered(rcr_graph **out, int32_t n_atoms, int32_t n_edges, int32_t n_species,
                                       rcr_error *err);

/* "refuse" or "average". */
const char *rcr_disorder_name(rcr_disorder disorder);

/* Approximate resident bytes of a graph. */
size_t rcr_graph_bytes(const rcr_graph *graph);

#endif
