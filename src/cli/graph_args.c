#include "cli/graph_args.h"

rcr_graph_args rcr_graph_args_default(void) {
    rcr_graph_args graph = {.options = rcr_graph_options_default()};
    graph.padding = graph.options.padding;
    graph.ties = graph.options.ties;
    graph.disorder = graph.options.disorder;
    return graph;
}

void rcr_graph_args_finish(rcr_graph_args *graph) {
    graph->options.padding = (rcr_padding)graph->padding;
    graph->options.ties = (rcr_ties)graph->ties;
    graph->options.disorder = (rcr_disorder)graph->disorder;
}

const char *rcr_padding_name(rcr_padding padding) { return padding == RCR_PADDING_REFERENCE ? "reference" : "none"; }

const char *rcr_ties_name(rcr_ties ties) { return ties == RCR_TIES_KEEP ? "keep" : "cut"; }

rcr_status rcr_choose_disorder(rcr_model *model, int32_t choice, rcr_error *err) {
    static const rcr_disorder meaning[] = {RCR_DISORDER_REFUSE, RCR_DISORDER_REFUSE, RCR_DISORDER_AVERAGE};
    return choice == 0 ? RCR_OK : rcr_model_set_disorder(model, meaning[choice], err);
}
