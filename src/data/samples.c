/* The graphs of a dataset's samples. */
#include "base/status.h"
#include "data/dataset.h"

static size_t sample_of(const rcr_sample_list *list, size_t i) {
    return list->index != NULL ? (size_t)list->index[i] : i;
}

static rcr_status view_sample(rcr_graph_view *out, const void *context, size_t i, rcr_error *err) {
    const rcr_sample_list *list = context;
    (void)err;
    *out = rcr_graph_view_of(list->dataset->sample[sample_of(list, i)].graph);
    return RCR_OK;
}

static int32_t atoms_of_sample(const void *context, size_t i) {
    const rcr_sample_list *list = context;
    return list->dataset->sample[sample_of(list, i)].graph->n_atoms;
}

rcr_graph_source rcr_sample_graphs(const rcr_sample_list *list) {
    return (rcr_graph_source){.context = list, .view = view_sample, .n_atoms = atoms_of_sample};
}

rcr_status rcr_dataset_fill_batch(rcr_batch *batch, const rcr_dataset *dataset, const int64_t *index, int32_t n,
                                  rcr_error *err) {
    rcr_sample_list list = {dataset, index};
    rcr_graph_source source = rcr_sample_graphs(&list);
    return rcr_batch_fill_from(batch, &source, 0, n, err);
}

rcr_status rcr_dataset_graph(rcr_graph **out, const rcr_dataset *dataset, size_t sample, rcr_error *err) {
    rcr_sample_list list = {dataset, NULL};
    rcr_graph_view view;
    rcr_status status = view_sample(&view, &list, sample, err);
    return status == RCR_OK ? rcr_graph_from_view(out, &view, err) : status;
}
