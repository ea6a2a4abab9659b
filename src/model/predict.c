/* Predictions: many graphs in micro-batches, spread over threads. */
#include <math.h>
#include <string.h>

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "model/forecast.h"
#include "model/net_private.h"

/* Consecutive crystals form a micro-batch until it has this many atoms: enough for the kernels to run at full speed,
 * few enough that its activations stay in the caches. */
enum { MICRO_ATOMS = 128 };
/* Crystals of more atoms are run one at a time with all threads inside the kernels. */
enum { LARGE_ATOMS = 20000 };
/* Public prediction builds and forgets graphs in groups, so that memory does not grow with the number of crystals. */
enum { CHUNK_CRYSTALS = 2048 };

/* What one thread needs to run micro-batches. */
typedef struct worker {
    rcr_tape *tape;
    rcr_exec exec;
    rcr_batch batch;
    /* Of a micro-batch, whose crystals each have at least one atom: */
    rcr_real *host;   /* [M, MICRO_ATOMS + 1, n_outputs] */
    rcr_real *vector; /* [MICRO_ATOMS + 1, F] */
} worker;

/* The first micro-batch of a thread that failed.  Threads take micro-batches in rising order. */
typedef struct failure {
    size_t batch;
    rcr_error err; /* status RCR_OK: none did */
} failure;

typedef struct prediction {
    const rcr_forecast *out;
    const rcr_net *net; /* and those after it: one for each network of the model */
    const rcr_model *model;
    const rcr_graph_source *source;
    size_t *start; /* [n_batches + 1] first graph of each micro-batch */
    worker *worker;
    rcr_status *status; /* [n_batches] */
    failure *failure;   /* [n_workers] */
} prediction;

static rcr_status check_element(const rcr_model *model, int z, rcr_error *err) {
    if (z < 1 || z > RCR_MAX_ATOMIC_NUMBER)
        return rcr_fail(err, RCR_ERR_DATA, "%d is not the atomic number of an element", z);
    if (!model->elements->known[z])
        return rcr_fail(err, RCR_ERR_DATA, "the model's element table (%s) has no vector for %s", model->elements->name,
                        rcr_element_symbol(z));
    return RCR_OK;
}

rcr_status rcr_model_check_graph(const rcr_model *model, const rcr_graph *graph, rcr_error *err) {
    if (graph->n_atoms < 1) return rcr_fail(err, RCR_ERR_DATA, "a crystal without atoms");
    rcr_status status = RCR_OK;
    for (int32_t i = 0; i < graph->n_atoms && status == RCR_OK; i++)
        status = check_element(model, graph->atomic_number[i], err);
    int32_t n_species = graph->species_offset != NULL ? graph->species_offset[graph->n_atoms] : 0;
    for (int32_t k = 0; k < n_species && status == RCR_OK; k++)
        status = check_element(model, graph->species_number[k], err);
    return status;
}

/* Row 0 stands for disordered atoms and, among their parts, for vacancies. */
static rcr_status check_elements(const rcr_model *model, const rcr_batch *batch, rcr_error *err) {
    rcr_status status = RCR_OK;
    const rcr_mixtures *m = &batch->mixtures;
    int32_t n_mixed = 0, n_parts = m->n > 0 ? m->offset[m->n] : 0;
    for (int32_t i = 0; i < batch->n_atoms && status == RCR_OK; i++) {
        if (batch->site_row[i] == 0 && n_mixed < m->n && m->atom[n_mixed] == i)
            n_mixed++;
        else
            status = check_element(model, batch->site_row[i], err);
    }
    for (int32_t k = 0; k < n_parts && status == RCR_OK; k++)
        if (m->row[k] != 0) status = check_element(model, m->row[k], err);
    return status;
}

/* outputs [n, n_outputs] <- those of one network; of classes the logarithms of their probabilities. */
static void run_network(rcr_real *outputs, const rcr_net *net, worker *w, int32_t n) {
    rcr_net_forward(w->tape, net, &w->exec, &w->batch);
    const rcr_real *result = w->tape->out;
    if (net->options.task == RCR_CLASSIFICATION) {
        net->kernels->log_softmax(&w->exec, w->tape->log_probability, w->tape->out, n, net->n_outputs);
        result = w->tape->log_probability;
    }
    net->kernels->mem_download(outputs, result, (size_t)n * (size_t)net->n_outputs);
}

static int wants_vector(const prediction *job) {
    return job->out->vector != NULL || (job->out->row != NULL && rcr_model_columns(job->model).distance > 0);
}

static rcr_status run_batch(prediction *job, size_t index, worker *w, rcr_error *err) {
    size_t first = job->start[index], n = job->start[index + 1] - first;
    rcr_status status = rcr_batch_fill_from(&w->batch, job->source, first, (int32_t)n, err);
    if (status == RCR_OK) status = check_elements(job->model, &w->batch, err);
    if (status == RCR_OK) status = rcr_tape_reserve(w->tape, &w->exec, job->net, &w->batch, err);
    if (status != RCR_OK) return status;
    const rcr_real *vector = NULL;
    rcr_real *outputs = w->host;
    for (const rcr_net *net = job->net; net != NULL; net = net->next) {
        run_network(outputs, net, w, (int32_t)n);
        outputs += n * (size_t)net->n_outputs;
        if (net != job->net || !wants_vector(job)) continue;
        net->kernels->mem_download(w->vector, w->tape->pooled, n * (size_t)net->options.atom_features);
        vector = w->vector;
    }
    rcr_forecast_fill(job->out, first, job->model, w->host, vector, n);
    return RCR_OK;
}

static int is_large(const prediction *job, size_t index) {
    return job->source->n_atoms(job->source->context, job->start[index]) > LARGE_ATOMS;
}

static void run_piece(void *argument, int index, int worker_index) {
    prediction *job = argument;
    if (is_large(job, (size_t)index)) return;
    rcr_error err;
    rcr_status status = run_batch(job, (size_t)index, &job->worker[worker_index], &err);
    job->status[index] = status;
    failure *first = &job->failure[worker_index];
    if (status != RCR_OK && first->err.status == RCR_OK) *first = (failure){(size_t)index, err};
}

/* Cut the graphs into micro-batches by a rule that looks at nothing but their sizes. */
static size_t plan(size_t *start, const rcr_graph_source *source, size_t n) {
    size_t n_batches = 0, atoms = 0;
    for (size_t i = 0; i < n; i++) {
        size_t next = (size_t)source->n_atoms(source->context, i);
        if (i == 0 || atoms >= MICRO_ATOMS || next > LARGE_ATOMS || atoms > LARGE_ATOMS) {
            start[n_batches++] = i;
            atoms = 0;
        }
        atoms += next;
    }
    start[n_batches] = n;
    return n_batches;
}

static void release_worker(worker *w) {
    rcr_tape_free(w->tape);
    rcr_exec_release(&w->exec);
    rcr_batch_release(&w->batch);
    rcr_free(w->host);
    rcr_free(w->vector);
    w->host = w->vector = NULL;
    w->tape = NULL;
}

static rcr_status start_worker(worker *w, const rcr_net *net, rcr_error *err) {
    w->batch.fold = 1;
    rcr_status status = rcr_tape_create(&w->tape, net, RCR_TAPE_EVALUATION, err);
    if (status == RCR_OK) status = rcr_exec_init(&w->exec, net->kernels, NULL, err);
    if (status != RCR_OK) return status;
    size_t n_networks = 0, most = MICRO_ATOMS + 1;
    for (const rcr_net *at = net; at != NULL; at = at->next) n_networks++;
    w->host = rcr_calloc(n_networks * most * (size_t)net->n_outputs, sizeof *w->host);
    w->vector = rcr_calloc(most * (size_t)net->options.atom_features, sizeof *w->vector);
    return w->host != NULL && w->vector != NULL ? RCR_OK : rcr_fail_memory(err, "predicting");
}

static rcr_status start_workers(prediction *job, int n_workers, rcr_error *err) {
    for (int i = 0; i < n_workers; i++) {
        rcr_status status = start_worker(&job->worker[i], job->net, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

static rcr_status run_all(prediction *job, size_t n_batches, rcr_pool *pool, rcr_error *err) {
    if (n_batches > INT32_MAX) return rcr_fail(err, RCR_ERR_LIMIT, "too many crystals to predict at once");
    rcr_pool_run(pool, (int)n_batches, run_piece, job);
    int n_workers = rcr_pool_size(pool);
    for (size_t b = 0; b < n_batches; b++) {
        if (job->status[b] == RCR_OK) continue;
        for (int i = 0; i < n_workers && err != NULL; i++)
            if (job->failure[i].err.status != RCR_OK && job->failure[i].batch == b) *err = job->failure[i].err;
        return job->status[b];
    }
    worker *w = &job->worker[0];
    w->exec.pool = pool;
    for (size_t b = 0; b < n_batches; b++) {
        if (!is_large(job, b)) continue;
        rcr_status status = run_batch(job, b, w, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

rcr_status rcr_net_forecast_from(const rcr_forecast *out, const rcr_net *net, const rcr_model *model,
                                 const rcr_graph_source *source, size_t n, rcr_pool *pool, rcr_error *err) {
    for (size_t i = 0; i < n; i++)
        if (source->n_atoms(source->context, i) < 1) return rcr_fail(err, RCR_ERR_DATA, "a crystal without atoms");
    if (n == 0) return RCR_OK;
    rcr_status status = RCR_OK;
    int n_workers = rcr_pool_size(pool);
    prediction job = {.out = out, .net = net, .model = model, .source = source};
    job.start = rcr_calloc(n + 1, sizeof *job.start);
    job.status = rcr_calloc(n, sizeof *job.status);
    job.worker = rcr_calloc((size_t)n_workers, sizeof *job.worker);
    job.failure = rcr_calloc((size_t)n_workers, sizeof *job.failure);
    if (job.start == NULL || job.status == NULL || job.worker == NULL || job.failure == NULL)
        status = rcr_fail_memory(err, "predicting");
    if (status == RCR_OK) status = start_workers(&job, n_workers, err);
    if (status == RCR_OK) status = run_all(&job, plan(job.start, source, n), pool, err);
    for (int i = 0; i < n_workers && job.worker != NULL; i++) release_worker(&job.worker[i]);
    rcr_free(job.start);
    rcr_free(job.status);
    rcr_free(job.worker);
    rcr_free(job.failure);
    return status;
}

rcr_status rcr_net_predict_from(double *values, const rcr_net *net, const rcr_model *model,
                                const rcr_graph_source *source, size_t n, rcr_pool *pool, rcr_error *err) {
    return rcr_net_forecast_from(&(rcr_forecast){.values = values}, net, model, source, n, pool, err);
}

rcr_status rcr_net_predict(double *values, const rcr_net *net, const rcr_model *model, const rcr_graph *const *graphs,
                           size_t n, rcr_pool *pool, rcr_error *err) {
    rcr_graph_source source = rcr_graph_source_of(graphs);
    return rcr_net_predict_from(values, net, model, &source, n, pool, err);
}

/* ---- a thread that predicts by itself */

struct rcr_predictor {
    const rcr_net *net;
    const rcr_model *model;
    worker worker;
    size_t *start, capacity;
};

rcr_status rcr_predictor_create(rcr_predictor **out, const rcr_net *net, const rcr_model *model, rcr_error *err) {
    rcr_predictor *p = rcr_calloc(1, sizeof *p);
    if (p == NULL) return rcr_fail_memory(err, "predicting");
    p->net = net;
    p->model = model;
    rcr_status status = start_worker(&p->worker, net, err);
    if (status != RCR_OK) {
        rcr_predictor_free(p);
        return status;
    }
    *out = p;
    return RCR_OK;
}

void rcr_predictor_free(rcr_predictor *predictor) {
    if (predictor == NULL) return;
    release_worker(&predictor->worker);
    rcr_free(predictor->start);
    rcr_free(predictor);
}

static rcr_status run_predictor(const rcr_forecast *out, rcr_predictor *p, const rcr_graph *const *graphs, size_t n,
                                rcr_error *err) {
    if (n + 1 > p->capacity) {
        size_t *start = rcr_realloc(p->start, 2 * (n + 1), sizeof *start);
        if (start == NULL) return rcr_fail_memory(err, "predicting");
        p->start = start;
        p->capacity = 2 * (n + 1);
    }
    rcr_graph_source source = rcr_graph_source_of(graphs);
    prediction job = {.out = out, .net = p->net, .model = p->model, .source = &source, .start = p->start};
    size_t n_batches = n > 0 ? plan(job.start, &source, n) : 0;
    for (size_t b = 0; b < n_batches; b++) {
        int large = is_large(&job, b);
        rcr_status status = run_batch(&job, b, &p->worker, err);
        if (status != RCR_OK) return status;
        if (!large) continue; /* one giant must not hold its memory for the rest of the stream */
        release_worker(&p->worker);
        if ((status = start_worker(&p->worker, p->net, err)) != RCR_OK) return status;
    }
    return RCR_OK;
}

rcr_status rcr_predictor_run(double *values, rcr_predictor *p, const rcr_graph *const *graphs, size_t n,
                             rcr_error *err) {
    return run_predictor(&(rcr_forecast){.values = values}, p, graphs, n, err);
}

rcr_status rcr_predictor_forecast(double *row, rcr_predictor *p, const rcr_graph *const *graphs, size_t n,
                                  rcr_error *err) {
    return run_predictor(&(rcr_forecast){.row = row}, p, graphs, n, err);
}

/* ---- the public function */

typedef struct graph_job {
    const rcr_model *model;
    const rcr_crystal *const *crystals;
    rcr_graph **graph;  /* [n] NULL where it failed */
    rcr_status *status; /* [n] */
} graph_job;

static void build_piece(void *argument, int index, int worker_index) {
    (void)worker_index;
    graph_job *job = argument;
    rcr_graph *graph = NULL;
    job->status[index] = job->crystals[index] == NULL
                             ? RCR_ERR_ARGUMENT
                             : rcr_graph_build(&graph, job->crystals[index], &job->model->graph, NULL);
    if (job->status[index] == RCR_OK) job->status[index] = rcr_model_check_graph(job->model, graph, NULL);
    if (job->status[index] != RCR_OK) {
        rcr_graph_free(graph);
        graph = NULL;
    }
    job->graph[index] = graph;
}

void rcr_model_build_graphs(rcr_graph **graph, rcr_status *status, const rcr_model *model,
                            const rcr_crystal *const *crystals, size_t n, rcr_pool *pool) {
    graph_job job = {model, crystals, graph, status};
    rcr_pool_run(pool, (int)n, build_piece, &job);
}

/* Room for one group of crystals. */
typedef struct chunk {
    rcr_graph *graph[CHUNK_CRYSTALS];
    rcr_status status[CHUNK_CRYSTALS];
    const rcr_graph *usable[CHUNK_CRYSTALS];
    size_t place[CHUNK_CRYSTALS]; /* of each usable graph among the group's crystals */
    double *value;                /* [CHUNK_CRYSTALS, V] */
} chunk;

/* values [n, V] and c->status */
static rcr_status predict_chunk(double *values, chunk *c, const rcr_net *net, const rcr_model *model,
                                const rcr_crystal *const *crystals, size_t n, rcr_pool *pool, rcr_error *err) {
    rcr_model_build_graphs(c->graph, c->status, model, crystals, n, pool);
    rcr_status status = RCR_OK;
    size_t n_usable = 0, V = rcr_model_n_values(model);
    for (size_t i = 0; i < n * V; i++) values[i] = NAN;
    for (size_t i = 0; i < n; i++) {
        if (c->status[i] == RCR_ERR_MEMORY) status = rcr_fail_memory(err, "building the graph of a crystal");
        if (c->graph[i] == NULL) continue;
        c->usable[n_usable] = c->graph[i];
        c->place[n_usable++] = i;
    }
    if (status == RCR_OK) status = rcr_net_predict(c->value, net, model, c->usable, n_usable, pool, err);
    for (size_t i = 0; i < n_usable && status == RCR_OK; i++) {
        if (rcr_all_finite(c->value + i * V, V))
            memcpy(values + c->place[i] * V, c->value + i * V, V * sizeof *values);
        else
            c->status[c->place[i]] = RCR_ERR_NUMERIC;
    }
    for (size_t i = 0; i < n; i++) rcr_graph_free(c->graph[i]);
    return status;
}

/* values [n, V]; status [n] or NULL */
static rcr_status predict_crystals(double *values, rcr_status *status, const rcr_model *model,
                                   const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err) {
    size_t V = rcr_model_n_values(model);
    const rcr_kernels *kernels = NULL;
    rcr_net *net = NULL;
    rcr_pool *pool = NULL;
    chunk *c = NULL;
    rcr_status result = rcr_kernels_choose(&kernels, NULL, err);
    if (result == RCR_OK) result = rcr_net_create(&net, model, kernels, err);
    if (result == RCR_OK) result = rcr_pool_create(&pool, n_threads, err);
    if (result == RCR_OK && (c = rcr_calloc(1, sizeof *c)) != NULL)
        c->value = rcr_malloc((n < CHUNK_CRYSTALS ? n : CHUNK_CRYSTALS) * V, sizeof *c->value);
    if (result == RCR_OK && (c == NULL || c->value == NULL)) result = rcr_fail_memory(err, "predicting");
    for (size_t first = 0; first < n && result == RCR_OK; first += CHUNK_CRYSTALS) {
        size_t count = n - first < CHUNK_CRYSTALS ? n - first : CHUNK_CRYSTALS;
        result = predict_chunk(values + first * V, c, net, model, crystals + first, count, pool, err);
        if (result == RCR_OK && status != NULL) memcpy(status + first, c->status, count * sizeof *status);
    }
    if (c != NULL) rcr_free(c->value);
    rcr_free(c);
    rcr_pool_free(pool);
    rcr_net_free(net);
    return result;
}

rcr_status rcr_model_predict(double *values, rcr_status *status, const rcr_model *model,
                             const rcr_crystal *const *crystals, size_t n, int n_threads, rcr_error *err) {
    RCR_OWN_FLOATING;
    int32_t n_targets = model->options.n_targets;
    if (n_targets > 1)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the model predicts %d targets; rcr_model_predict_all gives them",
                        (int)n_targets);
    size_t V = rcr_model_n_values(model);
    if (V == 1) return predict_crystals(values, status, model, crystals, n, n_threads, err);
    double *all = rcr_malloc(n * V, sizeof *all);
    if (all == NULL) return rcr_fail_memory(err, "predicting");
    rcr_status result = predict_crystals(all, status, model, crystals, n, n_threads, err);
    for (size_t i = 0; i < n && result == RCR_OK; i++) values[i] = all[i * V];
    rcr_free(all);
    return result;
}

void rcr_prediction_free(rcr_prediction *made) {
    if (made == NULL) return;
    rcr_free(made->status);
    rcr_free(made->values);
    rcr_free(made->std);
    rcr_free(made);
}

rcr_status rcr_model_predict_all(rcr_prediction **out, const rcr_model *model, const rcr_crystal *const *crystals,
                                 size_t n, int n_threads, rcr_error *err) {
    RCR_OWN_FLOATING;
    size_t V = rcr_model_n_values(model), T = (size_t)model->options.n_targets;
    rcr_prediction *p = rcr_calloc(1, sizeof *p);
    double *all = rcr_malloc(n * V, sizeof *all);
    if (p != NULL) {
        *p = (rcr_prediction){.n_crystals = n, .n_targets = model->options.n_targets};
        p->status = rcr_calloc(n, sizeof *p->status);
        p->values = rcr_calloc(n * T, sizeof *p->values);
        if (V > T) p->std = rcr_calloc(n * T, sizeof *p->std);
    }
    rcr_status result = RCR_OK;
    if (p == NULL || all == NULL || p->status == NULL || p->values == NULL || (V > T && p->std == NULL))
        result = rcr_fail_memory(err, "predicting");
    if (result == RCR_OK) result = predict_crystals(all, p->status, model, crystals, n, n_threads, err);
    for (size_t i = 0; i < n && result == RCR_OK; i++) {
        memcpy(p->values + i * T, all + i * V, T * sizeof *all);
        if (V > T) memcpy(p->std + i * T, all + i * V + T, T * sizeof *all);
    }
    rcr_free(all);
    if (result != RCR_OK)
        rcr_prediction_free(p);
    else
        *out = p;
    return result;
}
