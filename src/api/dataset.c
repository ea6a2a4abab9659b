#include "data/dataset.h"

#include <math.h>

#include "base/floating.h"
#include "base/status.h"
#include "base/threads.h"
#include "model/model.h"

rcr_status rcr_dataset_open(rcr_dataset **out, const char *path, const char *target, int need_target,
                            const rcr_graph_options *graph, const rcr_model *model, int n_threads, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_pool *pool;
    rcr_status status = rcr_pool_create(&pool, n_threads, err);
    if (status != RCR_OK) return status;
    rcr_dataset_options options = {.target = target, .need_target = need_target, .pool = pool};
    options.graph = model != NULL ? model->graph : graph != NULL ? *graph : rcr_graph_options_default();
    options.known = model != NULL ? model->elements : NULL;
    status = rcr_dataset_read(out, path, &options, err);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    rcr_pool_free(pool);
    return status;
}

rcr_dataset_facts rcr_dataset_describe(const rcr_dataset *d) {
    return (rcr_dataset_facts){.name = d->name,
                               .path = d->path,
                               .sha256 = d->sha256,
                               .target = d->target,
                               .n_rows = d->n_rows,
                               .n_usable = d->n,
                               .n_unusable = d->n_bad};
}

int rcr_dataset_usable(rcr_dataset_row *out, const rcr_dataset *dataset, size_t i) {
    if (i >= dataset->n) return 0;
    const rcr_sample *s = &dataset->sample[i];
    *out = (rcr_dataset_row){
        .id = s->id, .row = (size_t)s->row, .n_atoms = s->n_atoms, .n_edges = s->n_edges, .target = s->target};
    return 1;
}

int rcr_dataset_unusable(rcr_dataset_row *out, const rcr_dataset *dataset, size_t i) {
    if (i >= dataset->n_bad) return 0;
    const rcr_bad_row *bad = &dataset->bad[i];
    *out = (rcr_dataset_row){.id = bad->id, .row = (size_t)bad->row, .target = NAN, .error = &bad->error};
    return 1;
}
