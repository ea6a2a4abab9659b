#include "data/visit.h"

#include "base/mem.h"
#include "base/status.h"
#include "data/source.h"

/* Rows between two calls of progress. */
enum { CHUNK = 512 };

typedef struct visit_job {
    source *s;
    size_t first;
    rcr_crystal_visit *visit;
    void *context;
    rcr_error *failure; /* [threads] the first of each; status RCR_OK: none */
} visit_job;

static void visit_row(void *context, int index, int worker) {
    visit_job *job = context;
    size_t at = job->first + (size_t)index;
    source_row *row = &job->s->row[at];
    rcr_error *failure = &job->failure[worker];
    if (row->error != NULL || failure->status != RCR_OK) return;
    rcr_crystal *crystal = row->crystal;
    rcr_error err = {0};
    row->crystal = NULL;
    rcr_status status = crystal == NULL ? rcr_source_read_structure(&crystal, row, job->s, &err) : RCR_OK;
    if (status == RCR_OK) {
        status = job->visit(job->context, at, row->id, crystal, worker, &err);
        rcr_crystal_free(crystal);
        if (status != RCR_OK) *failure = err;
    } else if (status == RCR_ERR_IO && rcr_source_has_file(job->s, row->file)) {
        if (job->visit(job->context, at, row->id, NULL, worker, &err) != RCR_OK) *failure = err;
    } else if (status == RCR_ERR_MEMORY) {
        *failure = err;
    }
}

static rcr_status visit_rows(source *s, rcr_crystal_visit *visit, void *context, rcr_error *err) {
    const rcr_dataset_options *o = s->options;
    int n_workers = rcr_pool_size(o->pool);
    visit_job job = {s, 0, visit, context, rcr_calloc((size_t)n_workers, sizeof(rcr_error))};
    if (job.failure == NULL) return rcr_fail_memory(err, "reading a dataset");
    rcr_status status = RCR_OK;
    while (job.first < s->n && status == RCR_OK) {
        size_t n = s->n - job.first < CHUNK ? s->n - job.first : CHUNK;
        status = rcr_source_read_again(s, job.first, n, err);
        if (status == RCR_OK) rcr_pool_run(o->pool, (int)n, visit_row, &job);
        for (int w = 0; w < n_workers && status == RCR_OK; w++) {
            status = job.failure[w].status;
            if (status != RCR_OK && err != NULL) *err = job.failure[w];
        }
        job.first += n;
        if (status == RCR_OK && o->progress != NULL) o->progress(o->context, job.first, s->n);
    }
    rcr_free(job.failure);
    return status;
}

rcr_status rcr_dataset_visit(const char *path, const rcr_dataset_options *options, rcr_crystal_visit *visit,
                             void *context, rcr_error *err) {
    rcr_dataset_options o = *options;
    o.need_target = 0;
    source s = {.path = path, .options = &o, .distance_bytes = sizeof(rcr_real), .keep_bytes = o.keep_bytes};
    /* Before it is opened, which would ask for the options of its graphs. */
    if (rcr_store_is(path))
        return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, path, 0,
                           "a graph store keeps no structures; --data may name the files that it was made from, or "
                           "train from them");
    rcr_status status = rcr_source_open(&s, err);
    if (status == RCR_OK) status = rcr_source_settle_ids(&s, err);
    if (status == RCR_OK) status = visit_rows(&s, visit, context, err);
    rcr_source_release(&s);
    return status;
}
