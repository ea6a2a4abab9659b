#include "model/embed.h"

#include <math.h>
#include <string.h>

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "model/net_private.h"

/* As in predict.c: micro-batches of about this many atoms, and larger crystals one at a time with all threads. */
enum { MICRO_ATOMS = 128, LARGE_ATOMS = 20000 };

/* What one thread needs. */
typedef struct worker {
    rcr_tape *tape;
    rcr_exec exec;
    rcr_batch batch;
    rcr_real *host; /* [host_capacity] vectors that come from the device */
    size_t host_capacity;
    rcr_error err; /* of the first micro-batch that failed */
} worker;

typedef struct embedding_job {
    float *values;
    const rcr_net *net;
    rcr_embedding_kind kind;
    const rcr_graph *const *graph;
    size_t row_size;
    size_t *start;     /* [n_batches + 1] first graph of each micro-batch */
    size_t *first_row; /* [n_batches + 1] */
    size_t n_batches;
    worker *worker;
} embedding_job;

size_t rcr_embed_row_size(const rcr_model *model, rcr_embedding_kind kind) {
    size_t S = kind == RCR_EMBED_STEPS ? (size_t)model->options.depth : 1;
    return S * (size_t)model->options.atom_features;
}

size_t rcr_embed_rows(const rcr_graph *graph, rcr_embedding_kind kind) {
    return kind == RCR_EMBED_CRYSTAL ? 1 : (size_t)graph->n_atoms;
}

/* Cut the graphs into micro-batches by a rule that looks at nothing but their sizes. */
static void plan(embedding_job *job, size_t n) {
    size_t atoms = 0, rows = 0;
    for (size_t i = 0; i < n; i++) {
        size_t next = (size_t)job->graph[i]->n_atoms;
        if (i == 0 || atoms >= MICRO_ATOMS || next > LARGE_ATOMS) {
            job->start[job->n_batches] = i;
            job->first_row[job->n_batches++] = rows;
            atoms = 0;
        }
        atoms += next;
        rows += rcr_embed_rows(job->graph[i], job->kind);
    }
    job->start[job->n_batches] = n;
    job->first_row[job->n_batches] = rows;
}

static int is_large(const embedding_job *job, size_t batch) {
    return job->graph[job->start[batch]]->n_atoms > LARGE_ATOMS;
}

/* Copy n values from the device to every `stride`-th group of F of `to`, single precision. */
static rcr_status fetch(float *to, size_t stride, const rcr_real *from, size_t rows, size_t F, const rcr_net *net,
                        worker *w, rcr_error *err) {
    if (rows * F > w->host_capacity) {
        rcr_real *grown = rcr_realloc(w->host, rows * F, sizeof *grown);
        if (grown == NULL) return rcr_fail_memory(err, "embedding crystals");
        w->host = grown;
        w->host_capacity = rows * F;
    }
    net->kernels->mem_download(w->host, from, rows * F);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < F; k++) to[i * stride + k] = (float)w->host[i * F + k];
    return RCR_OK;
}

static rcr_status run_batch(const embedding_job *job, size_t index, worker *w, rcr_error *err) {
    const rcr_net *net = job->net;
    size_t first = job->start[index], n = job->start[index + 1] - first, F = (size_t)net->options.atom_features;
    float *to = job->values + job->first_row[index] * job->row_size;
    rcr_status status = rcr_batch_fill(&w->batch, job->graph + first, (int32_t)n, err);
    if (status == RCR_OK) status = rcr_tape_reserve(w->tape, &w->exec, net, &w->batch, err);
    if (status != RCR_OK) return status;
    rcr_net_forward(w->tape, net, &w->exec, &w->batch);
    if (job->kind == RCR_EMBED_CRYSTAL) return fetch(to, job->row_size, w->tape->pooled, n, F, net, w, err);
    int32_t last = net->options.depth - 1;
    for (int32_t t = job->kind == RCR_EMBED_STEPS ? 0 : last; t <= last && status == RCR_OK; t++) {
        size_t place = job->kind == RCR_EMBED_STEPS ? (size_t)t * F : 0;
        status = fetch(to + place, job->row_size, w->tape->step[t].out, (size_t)w->batch.n_atoms, F, net, w, err);
    }
    return status;
}

static void run_piece(void *argument, int index, int worker_index) {
    const embedding_job *job = argument;
    worker *w = &job->worker[worker_index];
    if (is_large(job, (size_t)index) || w->err.status != RCR_OK) return;
    rcr_error err;
    if (run_batch(job, (size_t)index, w, &err) != RCR_OK) w->err = err;
}

static rcr_status start_workers(embedding_job *job, int n_workers, rcr_error *err) {
    int mode = job->kind == RCR_EMBED_STEPS ? RCR_TAPE_STEPS : RCR_TAPE_EVALUATION;
    rcr_status status = RCR_OK;
    for (int i = 0; i < n_workers && status == RCR_OK; i++) {
        status = rcr_tape_create(&job->worker[i].tape, job->net, mode, err);
        if (status == RCR_OK) status = rcr_exec_init(&job->worker[i].exec, job->net->kernels, NULL, err);
    }
    return status;
}

static rcr_status run_all(embedding_job *job, int n_workers, rcr_pool *pool, rcr_error *err) {
    if (job->n_batches > INT32_MAX) return rcr_fail(err, RCR_ERR_LIMIT, "too many crystals to embed at once");
    rcr_pool_run(pool, (int)job->n_batches, run_piece, job);
    for (int i = 0; i < n_workers; i++) {
        if (job->worker[i].err.status == RCR_OK) continue;
        if (err != NULL) *err = job->worker[i].err;
        return job->worker[i].err.status;
    }
    rcr_status status = RCR_OK;
    job->worker[0].exec.pool = pool;
    for (size_t b = 0; b < job->n_batches && status == RCR_OK; b++)
        if (is_large(job, b)) status = run_batch(job, b, &job->worker[0], err);
    return status;
}

rcr_status rcr_net_embed(float *values, const rcr_net *net, const rcr_model *model, rcr_embedding_kind kind,
                         const rcr_graph *const *graphs, size_t n, rcr_pool *pool, rcr_error *err) {
    if (n == 0) return RCR_OK;
    int n_workers = rcr_pool_size(pool);
    embedding_job job = {.values = values, .net = net, .kind = kind, .graph = graphs};
    job.row_size = rcr_embed_row_size(model, kind);
    job.start = rcr_calloc(n + 1, sizeof *job.start);
    job.first_row = rcr_calloc(n + 1, sizeof *job.first_row);
    job.worker = rcr_calloc((size_t)n_workers, sizeof *job.worker);
    rcr_status status = RCR_OK;
    if (job.start == NULL || job.first_row == NULL || job.worker == NULL)
        status = rcr_fail_memory(err, "embedding crystals");
    if (status == RCR_OK) status = start_workers(&job, n_workers, err);
    if (status == RCR_OK) {
        plan(&job, n);
        status = run_all(&job, n_workers, pool, err);
    }
    for (int i = 0; i < n_workers && job.worker != NULL; i++) {
        rcr_tape_free(job.worker[i].tape);
        rcr_exec_release(&job.worker[i].exec);
        rcr_batch_release(&job.worker[i].batch);
        rcr_free(job.worker[i].host);
    }
    rcr_free(job.start);
    rcr_free(job.first_row);
    rcr_free(job.worker);
    return status;
}

/* ---- the public function */

/* Rows of every crystal, and room for their values.  usable [n]: the graphs that there are, in order. */
static rcr_status lay_out(rcr_embedding *e, const rcr_graph **usable, size_t *n_usable, rcr_graph *const *graph,
                          const rcr_model *model, rcr_embedding_kind kind, rcr_error *err) {
    *n_usable = 0;
    for (size_t i = 0; i < e->n_crystals; i++) {
        e->row_offset[i + 1] = e->row_offset[i];
        if (e->status[i] == RCR_ERR_MEMORY) return rcr_fail_memory(err, "building the graph of a crystal");
        if (graph[i] == NULL) continue;
        e->row_offset[i + 1] += rcr_embed_rows(graph[i], kind);
        usable[(*n_usable)++] = graph[i];
    }
    e->values = rcr_calloc(e->row_offset[e->n_crystals], rcr_embed_row_size(model, kind) * sizeof *e->values);
    return e->values != NULL ? RCR_OK : rcr_fail_memory(err, "embedding crystals");
}

static void check_values(rcr_embedding *e, size_t row_size) {
    for (size_t i = 0; i < e->n_crystals; i++)
        for (size_t k = e->row_offset[i] * row_size; k < e->row_offset[i + 1] * row_size; k++)
            if (!isfinite(e->values[k])) e->status[i] = RCR_ERR_NUMERIC;
}

/* graph and usable [n_crystals]: room; the graphs are the caller's to free. */
static rcr_status embed(rcr_embedding *e, const rcr_model *model, rcr_embedding_kind kind,
                        const rcr_crystal *const *crystals, rcr_graph **graph, const rcr_graph **usable, rcr_pool *pool,
                        rcr_error *err) {
    const rcr_kernels *kernels = NULL;
    rcr_net *net = NULL;
    size_t n_usable = 0;
    rcr_status status = rcr_kernels_choose(&kernels, NULL, err);
    if (status == RCR_OK) status = rcr_net_create(&net, model, kernels, err);
    if (status == RCR_OK && e->n_crystals > INT32_MAX)
        status = rcr_fail(err, RCR_ERR_LIMIT, "too many crystals to embed at once");
    if (status == RCR_OK) {
        rcr_model_build_graphs(graph, e->status, model, crystals, e->n_crystals, pool);
        status = lay_out(e, usable, &n_usable, graph, model, kind, err);
    }
    if (status == RCR_OK) status = rcr_net_embed(e->values, net, model, kind, usable, n_usable, pool, err);
    if (status == RCR_OK) check_values(e, rcr_embed_row_size(model, kind));
    rcr_net_free(net);
    return status;
}

rcr_status rcr_model_embed(rcr_embedding **out, const rcr_model *model, rcr_embedding_kind kind,
                           const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err) {
    RCR_OWN_FLOATING;
    if (kind != RCR_EMBED_CRYSTAL && kind != RCR_EMBED_ATOMS && kind != RCR_EMBED_STEPS)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "unknown kind of vectors %d", (int)kind);
    rcr_embedding *e = rcr_calloc(1, sizeof *e);
    if (e == NULL) return rcr_fail_memory(err, "embedding crystals");
    e->n_crystals = n;
    e->n_features = model->options.atom_features;
    e->n_steps = kind == RCR_EMBED_STEPS ? model->options.depth : 1;
    e->row_offset = rcr_calloc(n + 1, sizeof *e->row_offset);
    e->status = rcr_calloc(n, sizeof *e->status);
    rcr_graph **graph = rcr_calloc(n, sizeof *graph);
    const rcr_graph **usable = rcr_calloc(n, sizeof *usable);
    rcr_pool *pool = NULL;
    rcr_status status = RCR_OK;
    if (e->row_offset == NULL || e->status == NULL || graph == NULL || usable == NULL)
        status = rcr_fail_memory(err, "embedding crystals");
    if (status == RCR_OK) status = rcr_pool_create(&pool, n_threads, err);
    if (status == RCR_OK) status = embed(e, model, kind, crystals, graph, usable, pool, err);
    for (size_t i = 0; graph != NULL && i < n; i++) rcr_graph_free(graph[i]);
    rcr_free(graph);
    rcr_free(usable);
    rcr_pool_free(pool);
    if (status != RCR_OK) {
        rcr_embedding_free(e);
        return status;
    }
    *out = e;
    return RCR_OK;
}

void rcr_embedding_free(rcr_embedding *embedding) {
    if (embedding == NULL) return;
    rcr_free(embedding->row_offset);
    rcr_free(embedding->values);
    rcr_free(embedding->status);
    rcr_free(embedding);
}
