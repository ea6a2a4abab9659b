/* The graphs of a dataset's samples. */
#include "base/floating.h"
#include "base/status.h"
#include "data/dataset.h"

static size_t sample_of(const rcr_sample_list *list, size_t i) {
    return list->index != NULL ? (size_t)list->index[i] : i;
}

static rcr_status view_sample(rcr_graph_view *out, const void *context, size_t i, rcr_error *err) {
    const rcr_sample_list *list = context;
    const rcr_sample *sample = &list->dataset->sample[sample_of(list, i)];
    rcr_graph_view view;
    rcr_error problem;
    rcr_status status = rcr_graph_view_packed(&view, sample->record, sample->record_size, &problem);
    if (status != RCR_OK)
        return rcr_fail_at(err, status, list->dataset->path, 0, "%.100s: %s; prepare the store again", sample->id,
                           problem.message);
    if (view.n_atoms != sample->n_atoms || view.n_edges != sample->n_edges)
        return rcr_fail_at(err, RCR_ERR_PARSE, list->dataset->path, 0,
                           "%.100s: the graph's record is of another size than its row says; prepare the store again",
                           sample->id);
    *out = view;
    return RCR_OK;
}

static int32_t atoms_of_sample(const void *context, size_t i) {
    const rcr_sample_list *list = context;
    return list->dataset->sample[sample_of(list, i)].n_atoms;
}

static void announce_samples(const void *context, size_t first, size_t n) {
    const rcr_sample_list *list = context;
    for (size_t i = first; i < first + n; i++) {
        const rcr_sample *sample = &list->dataset->sample[sample_of(list, i)];
        rcr_store_announce(sample->record, sample->record_size);
    }
}

rcr_graph_source rcr_sample_graphs(const rcr_sample_list *list) {
    return (rcr_graph_source){.context = list,
                              .view = view_sample,
                              .n_atoms = atoms_of_sample,
                              .announce = list->dataset->store != NULL ? announce_samples : NULL};
}

rcr_status rcr_dataset_fill_batch(rcr_batch *batch, const rcr_dataset *dataset, const int64_t *index, int32_t n,
                                  rcr_error *err) {
    rcr_sample_list list = {dataset, index};
    rcr_graph_source source = rcr_sample_graphs(&list);
    return rcr_batch_fill_from(batch, &source, 0, n, err);
}

rcr_status rcr_dataset_graph(rcr_graph **out, const rcr_dataset *dataset, size_t sample, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_sample_list list = {dataset, NULL};
    rcr_graph_view view;
    if (sample >= dataset->n)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, dataset->path, 0,
                           "there is no usable row %zu; there are %zu, counted from 0", sample, dataset->n);
    rcr_status status = view_sample(&view, &list, sample, err);
    return status == RCR_OK ? rcr_graph_from_view(out, &view, err) : status;
}
