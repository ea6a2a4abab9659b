#include "cli/graph_args.h"

rcr_graph_args rcr_graph_args_default(void) {
    rcr_graph_args graph = {.options = rcr_graph_options_default()};
    graph.padding = graph.options.padding;
    graph.ties = graph.options.ties;
    return graph;
}

void rcr_graph_args_finish(rcr_graph_args *graph) {
    graph->options.padding = (rcr_padding)graph->padding;
    graph->options.ties = (rcr_ties)graph->ties;
}

const char *rcr_padding_name(rcr_padding padding) { return padding == RCR_PADDING_REFERENCE ? "reference" : "none"; }

const char *rcr_ties_name(rcr_ties ties) { return ties == RCR_TIES_KEEP ? "keep" : "cut"; }
