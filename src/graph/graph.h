/* Graph construction inside the library: what the public rcr_graph_build does not expose. */
#ifndef RCR_GRAPH_GRAPH_H
#define RCR_GRAPH_GRAPH_H

#include "recryst.h"

rcr_status rcr_graph_options_check(const rcr_graph_options *options, rcr_error *err);

/* 1 when two sets of options give the same graphs and features. */
int rcr_graph_options_equal(const rcr_graph_options *a, const rcr_graph_options *b);

/* The plain oracle: every image in the exact bounding box, full sort.  For tests. */
rcr_status rcr_graph_build_plain(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                                 rcr_error *err);

/* Approximate resident bytes of a graph. */
size_t rcr_graph_bytes(const rcr_graph *graph);

#endif
