#include "api/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/dataset.h"
#include "graph/graph.h"
#include "model/embed.h"
#include "model/forecast.h"

/* Up to so many crystals of so many atoms in all are predicted by the calling thread alone, with buffers that are there
 * already: waking the others would take longer. */
enum { FEW = 4, FEW_ATOMS = 256 };

void rcr_session_free(rcr_session *session) {
    if (session == NULL) return;
    rcr_predictor_free(session->predictor);
    rcr_net_free(session->net);
    rcr_pool_free(session->pool);
    rcr_model_free(session->model);
    rcr_free(session->error);
    rcr_free(session->value);
    rcr_free(session);
}

rcr_status rcr_session_create(rcr_session **out, const rcr_model *model, const char *kernels, int n_threads,
                              rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_session *s = rcr_calloc(1, sizeof *s);
    if (s == NULL) return rcr_fail_memory(err, "making a model ready");
    s->error = rcr_calloc(RCR_SESSION_CHUNK, sizeof *s->error);
    s->n_values = rcr_model_n_values(model);
    s->value = rcr_calloc(s->n_values, RCR_SESSION_CHUNK * sizeof *s->value);
    rcr_status status = s->error != NULL && s->value != NULL ? RCR_OK : rcr_fail_memory(err, "making a model ready");
    if (status == RCR_OK) status = rcr_kernels_choose(&s->kernels, kernels, err);
    if (status == RCR_OK) status = rcr_model_copy(&s->model, model, err);
    if (status == RCR_OK) status = rcr_pool_create(&s->pool, n_threads, err);
    if (status == RCR_OK) status = rcr_net_create(&s->net, s->model, s->kernels, err);
    if (status == RCR_OK) status = rcr_predictor_create(&s->predictor, s->net, s->model, err);
    if (status != RCR_OK) {
        rcr_session_free(s);
        return status;
    }
    *out = s;
    return RCR_OK;
}

int rcr_session_threads(const rcr_session *session) { return rcr_pool_size(session->pool); }
int32_t rcr_session_columns(const rcr_session *session) { return (int32_t)session->n_values; }
const char *rcr_session_kernels(const rcr_session *session) { return session->kernels->name; }

/* ---- crystals to graphs */

typedef struct graph_job {
    rcr_session *session;
    const rcr_crystal *const *crystals;
} graph_job;

static void build_piece(void *argument, int index, int worker) {
    (void)worker;
    graph_job *job = argument;
    rcr_session *s = job->session;
    rcr_error *err = &s->error[index];
    const rcr_crystal *crystal = job->crystals[index];
    rcr_graph *graph = NULL;
    rcr_status status = crystal != NULL ? rcr_graph_build(&graph, crystal, &s->model->graph, err)
                                        : rcr_fail(err, RCR_ERR_ARGUMENT, "there is no crystal");
    if (status == RCR_OK) status = rcr_model_check_graph(s->model, graph, err);
    if (status != RCR_OK) {
        rcr_graph_free(graph);
        graph = NULL;
    }
    s->graph[index] = graph;
    s->status[index] = status;
}

typedef struct row_job {
    rcr_session *session;
    const rcr_dataset *dataset;
    size_t first;
} row_job;

static void copy_piece(void *argument, int index, int worker) {
    (void)worker;
    row_job *job = argument;
    rcr_session *s = job->session;
    rcr_graph *graph = NULL;
    rcr_status status = rcr_dataset_graph(&graph, job->dataset, job->first + (size_t)index, &s->error[index]);
    if (status == RCR_OK) status = rcr_model_check_graph(s->model, graph, &s->error[index]);
    if (status != RCR_OK) {
        rcr_graph_free(graph);
        graph = NULL;
    }
    s->graph[index] = graph;
    s->status[index] = status;
}

static void check_piece(void *argument, int index, int worker) {
    (void)worker;
    rcr_session *s = argument;
    s->status[index] = s->graph[index] != NULL ? rcr_model_check_graph(s->model, s->graph[index], &s->error[index])
                                               : rcr_fail(&s->error[index], RCR_ERR_ARGUMENT, "there is no graph");
}

/* What a call is about: crystals, graphs that are there already, or rows of a dataset. */
typedef struct request {
    rcr_session *session;
    const rcr_crystal *const *crystals; /* [n] or NULL */
    const rcr_graph *const *graphs;     /* [n] or NULL */
    const rcr_dataset *dataset;         /* or NULL */
    size_t first_row;                   /* of the dataset: its n rows from here on */
    size_t n;
    const rcr_events *events;
} request;

/* Fill the session's chunk with n from `first` on; its graphs are freed by end_chunk. */
static rcr_status begin_chunk(const request *r, size_t first, size_t n, size_t *n_usable, rcr_error *err) {
    rcr_session *s = r->session;
    rcr_pool *pool = n > FEW ? s->pool : NULL;
    if (r->crystals != NULL) {
        graph_job job = {s, r->crystals + first};
        rcr_pool_run(pool, (int)n, build_piece, &job);
    } else if (r->dataset != NULL) {
        row_job job = {s, r->dataset, r->first_row + first};
        rcr_sample_list list = {r->dataset, NULL};
        rcr_graph_source source = rcr_sample_graphs(&list);
        if (source.announce != NULL) source.announce(source.context, job.first, n);
        rcr_pool_run(pool, (int)n, copy_piece, &job);
    } else {
        memcpy(s->graph, r->graphs + first, n * sizeof *s->graph);
        rcr_pool_run(pool, (int)n, check_piece, s);
    }
    *n_usable = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->status[i] == RCR_ERR_MEMORY) return rcr_fail_memory(err, "building the graph of a crystal");
        if (s->status[i] != RCR_OK) continue;
        s->usable[*n_usable] = s->graph[i];
        s->place[(*n_usable)++] = i;
    }
    return RCR_OK;
}

static void end_chunk(const request *r, size_t n) {
    if (r->graphs == NULL)
        for (size_t i = 0; i < n; i++) rcr_graph_free(r->session->graph[i]);
}

/* Tell the caller what failed and how far it is.  Errors: RCR_ERR_INTERRUPTED. */
static rcr_status tell(const request *r, size_t first, size_t n, rcr_error *err) {
    const rcr_events *e = r->events;
    if (e == NULL) return RCR_OK;
    for (size_t i = 0; i < n && e->failed != NULL; i++)
        if (r->session->status[i] != RCR_OK) e->failed(e->context, first + i, &r->session->error[i]);
    if (e->progress != NULL && e->progress(e->context, first + n, r->n) != 0)
        return rcr_fail(err, RCR_ERR_INTERRUPTED, "stopped after %zu of %zu crystals", first + n, r->n);
    return RCR_OK;
}

/* ---- predicting */

static rcr_status run_network(rcr_session *s, size_t n, rcr_error *err) {
    if (n == 0) return RCR_OK;
    int64_t n_atoms = 0;
    for (size_t i = 0; i < n && n <= FEW; i++) n_atoms += s->usable[i]->n_atoms;
    if (n <= FEW && n_atoms <= FEW_ATOMS) return rcr_predictor_run(s->value, s->predictor, s->usable, n, err);
    return rcr_net_predict(s->value, s->net, s->model, s->usable, n, s->pool, err);
}

static rcr_status predict_chunk(double *values, const request *r, size_t first, size_t n, rcr_error *err) {
    rcr_session *s = r->session;
    size_t n_usable = 0;
    rcr_status status = begin_chunk(r, first, n, &n_usable, err);
    if (status == RCR_OK) status = run_network(s, n_usable, err);
    size_t V = s->n_values;
    for (size_t i = 0; i < n * V; i++) values[i] = NAN;
    for (size_t i = 0; i < n_usable && status == RCR_OK; i++) {
        size_t at = s->place[i];
        if (rcr_all_finite(s->value + i * V, V))
            memcpy(values + at * V, s->value + i * V, V * sizeof *values);
        else
            s->status[at] = rcr_fail(&s->error[at], RCR_ERR_NUMERIC, "the prediction is not a number");
    }
    end_chunk(r, n);
    return status;
}

static rcr_status predict(double *values, rcr_status *status, const request *r, rcr_error *err) {
    for (size_t first = 0; first < r->n; first += RCR_SESSION_CHUNK) {
        size_t n = r->n - first < RCR_SESSION_CHUNK ? r->n - first : RCR_SESSION_CHUNK;
        rcr_status result = predict_chunk(values + first * r->session->n_values, r, first, n, err);
        if (result == RCR_OK && status != NULL) memcpy(status + first, r->session->status, n * sizeof *status);
        if (result == RCR_OK) result = tell(r, first, n, err);
        if (result != RCR_OK) return result;
    }
    return RCR_OK;
}

rcr_status rcr_session_predict(double *values, rcr_status *status, rcr_session *session,
                               const rcr_crystal *const *crystals, size_t n, const rcr_events *events, rcr_error *err) {
    RCR_OWN_FLOATING;
    request r = {.session = session, .crystals = crystals, .n = n, .events = events};
    return predict(values, status, &r, err);
}

rcr_status rcr_session_predict_graphs(double *values, rcr_status *status, rcr_session *session,
                                      const rcr_graph *const *graphs, size_t n, const rcr_events *events,
                                      rcr_error *err) {
    RCR_OWN_FLOATING;
    request r = {.session = session, .graphs = graphs, .n = n, .events = events};
    return predict(values, status, &r, err);
}

rcr_status rcr_session_predict_rows(double *values, rcr_status *status, rcr_session *session,
                                    const rcr_dataset *dataset, size_t first, size_t n, const rcr_events *events,
                                    rcr_error *err) {
    RCR_OWN_FLOATING;
    if (!rcr_graph_options_equal(&session->model->graph, &dataset->graph_options))
        return rcr_fail(err, RCR_ERR_MISMATCH,
                        "the dataset's graphs were made with other options than the model's; open it with the model");
    if (first > dataset->n || n > dataset->n - first)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "rows %zu to %zu of %zu", first, first + n, dataset->n);
    request r = {.session = session, .dataset = dataset, .first_row = first, .n = n, .events = events};
    return predict(values, status, &r, err);
}

rcr_status rcr_session_predict_dataset(double *values, rcr_session *session, const rcr_dataset *dataset,
                                       rcr_error *err) {
    RCR_OWN_FLOATING;
    return rcr_session_predict_rows(values, NULL, session, dataset, 0, dataset->n, NULL, err);
}

/* ---- all that a model says */

rcr_row_layout rcr_session_layout(const rcr_session *session) {
    rcr_columns c = rcr_model_columns(session->model);
    return (rcr_row_layout){.n_columns = (int32_t)c.n,
                            .n_targets = (int32_t)c.n_targets,
                            .block = (int32_t)c.block,
                            .std = (int32_t)c.std,
                            .spread = (int32_t)c.spread,
                            .lower = (int32_t)c.lower,
                            .upper = (int32_t)c.upper,
                            .distance = (int32_t)c.distance,
                            .has_domain = session->model->domain != NULL};
}

rcr_status rcr_session_set_level(rcr_session *session, double level, rcr_error *err) {
    RCR_OWN_FLOATING;
    if (!(level >= 0 && level < 1)) return rcr_fail(err, RCR_ERR_ARGUMENT, "a level is above 0 and below 1, or 0");
    session->model->level = level;
    return RCR_OK;
}

static rcr_status describe_kind(char *kind, const rcr_session *s, size_t i, double distance, rcr_error *err) {
    rcr_text text = {0};
    rcr_domain_describe(&text, s->model->domain, s->usable[i], distance);
    rcr_status status = text.failed ? rcr_fail_memory(err, "predicting") : RCR_OK;
    if (status == RCR_OK) snprintf(kind, RCR_KIND_SIZE, "%s", text.data);
    rcr_text_free(&text);
    return status;
}

/* row [n, W]: room for the usable ones. */
static rcr_status forecast_chunk(double *rows, char *kind, double *row, const request *r, size_t first, size_t n,
                                 rcr_error *err) {
    rcr_session *s = r->session;
    rcr_columns c = rcr_model_columns(s->model);
    size_t n_usable = 0;
    rcr_status status = begin_chunk(r, first, n, &n_usable, err);
    if (status == RCR_OK && n_usable > 0) {
        rcr_graph_source source = rcr_graph_source_of(s->usable);
        rcr_forecast out = {.row = row};
        status = rcr_net_forecast_from(&out, s->net, s->model, &source, n_usable, s->pool, err);
    }
    for (size_t i = 0; i < n * c.n; i++) rows[i] = NAN;
    for (size_t i = 0; i < n && kind != NULL; i++) kind[i * RCR_KIND_SIZE] = '\0';
    for (size_t i = 0; i < n_usable && status == RCR_OK; i++) {
        size_t at = s->place[i];
        const double *from = row + i * c.n;
        if (!rcr_forecast_is_finite(&c, from)) {
            s->status[at] = rcr_fail(&s->error[at], RCR_ERR_NUMERIC, "the prediction is not a number");
            continue;
        }
        memcpy(rows + at * c.n, from, c.n * sizeof *rows);
        if (kind != NULL && s->model->domain != NULL)
            status = describe_kind(kind + at * RCR_KIND_SIZE, s, i, c.distance > 0 ? from[c.distance] : 0, err);
    }
    end_chunk(r, n);
    return status == RCR_OK ? tell(r, first, n, err) : status;
}

rcr_status rcr_session_forecast(double *rows, char *kind, rcr_session *session, const rcr_crystal *const *crystals,
                                const rcr_graph *const *graphs, size_t n, const rcr_events *events, rcr_error *err) {
    RCR_OWN_FLOATING;
    request r = {.session = session, .crystals = crystals, .graphs = graphs, .n = n, .events = events};
    size_t W = rcr_model_columns(session->model).n;
    double *row = rcr_malloc(W, (n < RCR_SESSION_CHUNK ? n : RCR_SESSION_CHUNK) * sizeof *row);
    if (row == NULL) return rcr_fail_memory(err, "predicting");
    rcr_status status = RCR_OK;
    for (size_t first = 0; first < n && status == RCR_OK; first += RCR_SESSION_CHUNK)
        status = forecast_chunk(rows + first * W, kind != NULL ? kind + first * RCR_KIND_SIZE : NULL, row, &r, first,
                                n - first < RCR_SESSION_CHUNK ? n - first : RCR_SESSION_CHUNK, err);
    rcr_free(row);
    return status;
}

/* ---- embedding */

static rcr_status embed_chunk(rcr_embedding *e, const request *r, rcr_embedding_kind kind, size_t first, size_t n,
                              rcr_error *err) {
    rcr_session *s = r->session;
    size_t row_size = rcr_embed_row_size(s->model, kind), n_usable = 0, begin = e->row_offset[first];
    rcr_status status = begin_chunk(r, first, n, &n_usable, err);
    for (size_t i = 0; i < n && status == RCR_OK; i++)
        e->row_offset[first + i + 1] =
            e->row_offset[first + i] + (s->status[i] == RCR_OK ? rcr_embed_rows(s->graph[i], kind) : 0);
    size_t end = status == RCR_OK ? e->row_offset[first + n] : begin;
    if (status == RCR_OK && end > begin) {
        float *grown = rcr_realloc(e->values, end, row_size * sizeof *grown);
        if (grown == NULL)
            status = rcr_fail_memory(err, "embedding crystals");
        else
            e->values = grown;
    }
    if (status == RCR_OK)
        status = rcr_net_embed(e->values + begin * row_size, s->net, s->model, kind, s->usable, n_usable, s->pool, err);
    for (size_t i = 0; i < n && status == RCR_OK; i++)
        for (size_t k = e->row_offset[first + i] * row_size; k < e->row_offset[first + i + 1] * row_size; k++) {
            if (isfinite(e->values[k])) continue;
            s->status[i] = rcr_fail(&s->error[i], RCR_ERR_NUMERIC, "its vectors are not finite numbers");
            break;
        }
    end_chunk(r, n);
    if (status != RCR_OK) return status;
    memcpy(e->status + first, s->status, n * sizeof *e->status);
    return tell(r, first, n, err);
}

static rcr_status embed(rcr_embedding **out, const request *r, rcr_embedding_kind kind, rcr_error *err) {
    if (kind != RCR_EMBED_CRYSTAL && kind != RCR_EMBED_ATOMS && kind != RCR_EMBED_STEPS)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "unknown kind of vectors %d", (int)kind);
    rcr_embedding *e = rcr_calloc(1, sizeof *e);
    if (e == NULL) return rcr_fail_memory(err, "embedding crystals");
    const rcr_model_options *o = &r->session->model->options;
    e->n_crystals = r->n;
    e->n_features = o->atom_features;
    e->n_steps = kind == RCR_EMBED_STEPS ? o->depth : 1;
    e->row_offset = rcr_calloc(r->n + 1, sizeof *e->row_offset);
    e->status = rcr_calloc(r->n, sizeof *e->status);
    e->values = rcr_calloc(1, sizeof *e->values);
    rcr_status status = RCR_OK;
    if (e->row_offset == NULL || e->status == NULL || e->values == NULL)
        status = rcr_fail_memory(err, "embedding crystals");
    for (size_t first = 0; first < r->n && status == RCR_OK; first += RCR_SESSION_CHUNK)
        status =
            embed_chunk(e, r, kind, first, r->n - first < RCR_SESSION_CHUNK ? r->n - first : RCR_SESSION_CHUNK, err);
    if (status != RCR_OK) {
        rcr_embedding_free(e);
        return status;
    }
    *out = e;
    return RCR_OK;
}

rcr_status rcr_session_embed(rcr_embedding **out, rcr_session *session, rcr_embedding_kind kind,
                             const rcr_crystal *const *crystals, size_t n, const rcr_events *events, rcr_error *err) {
    RCR_OWN_FLOATING;
    request r = {.session = session, .crystals = crystals, .n = n, .events = events};
    return embed(out, &r, kind, err);
}

rcr_status rcr_session_embed_graphs(rcr_embedding **out, rcr_session *session, rcr_embedding_kind kind,
                                    const rcr_graph *const *graphs, size_t n, const rcr_events *events,
                                    rcr_error *err) {
    RCR_OWN_FLOATING;
    request r = {.session = session, .graphs = graphs, .n = n, .events = events};
    return embed(out, &r, kind, err);
}
