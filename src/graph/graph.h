/* Graph construction inside the library: what the public rcr_graph_build does not expose. */
#ifndef RCR_GRAPH_GRAPH_H
#define RCR_GRAPH_GRAPH_H

#include "recryst.h"

rcr_status rcr_graph_options_check(const rcr_graph_options *options, rcr_error *err);

/* 1 when two sets of options give the same graphs and features. */
int rcr_graph_options_equal(const rcr_graph_options *a, const rcr_graph_options *b);

/* The tolerance in use, angstrom: tie_tolerance, or what 0 stands for. */
double rcr_graph_tie_tolerance(const rcr_graph_options *options);

/* The plain oracle: every image in the exact bounding box, full sort.  For tests. */
rcr_status rcr_graph_build_plain(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                                 rcr_error *err);

/* An empty graph with room for these numbers of atoms and edges, all zero.  It and its arrays are one block of memory,
 * so rcr_graph_free frees only what this made: never assemble an rcr_graph by hand. Errors: RCR_ERR_ARGUMENT
 * (negative), RCR_ERR_MEMORY. */
rcr_status rcr_graph_create(rcr_graph **out, int32_t n_atoms, int32_t n_edges, rcr_error *err);

/* Approximate resident bytes of a graph. */
size_t rcr_graph_bytes(const rcr_graph *graph);

#endif
