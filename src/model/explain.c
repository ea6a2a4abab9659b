#include "model/explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "graph/equivalent.h"
#include "model/forecast.h"
#include "model/net_private.h"

/* Gauss and Legendre's points of each panel in 0 .. 1, as distances from the middle, and weights (Abramowitz and Stegun
 * 1964, table 25.4, n = 8; both for half the panel's width 1). */
enum { HALF_POINTS = 4, PANEL_POINTS = 2 * HALF_POINTS, MAX_PANELS = 32 };
static const double node[HALF_POINTS] = {0.183434642495649804939476, 0.525532409916328985817739,
                                         0.796666477413626739591554, 0.960289856497536231683561};
static const double weight[HALF_POINTS] = {0.362683783378361982965150, 0.313706645877887287337962,
                                           0.222381034453374470544356, 0.101228536290376259152531};
/* The quadrature is refined until its gap is this share of what is explained. */
static const double gap_wanted = 1e-4;

/* Point k of the rule with so many panels: its place in 0 .. 1 and weight. */
static double quadrature(double *w, int k, int n_panels) {
    int panel = k / PANEL_POINTS, i = k % PANEL_POINTS;
    double half = 0.5 / n_panels, middle = (panel + 0.5) / n_panels;
    *w = weight[i / 2] * half;
    return middle + (i % 2 ? half : -half) * node[i / 2];
}

/* ---- the head, on the host in double precision: a few thousand products */

typedef struct dense {
    const rcr_real *weight, *bias;
    int32_t n_in, n_out;
} dense;

/* What explains one network. */
typedef struct explainer {
    const rcr_model *model;
    int32_t target;
    int steps_only; /* 1: no contributions */
    dense *layer;   /* [hidden_layers + 1]; the last makes the outputs */
    int32_t n_layers;
    double *linear;        /* [n_layers, width] before each softplus */
    double *signal, *next; /* [width] */
    int32_t width;

    rcr_net *net;
    rcr_tape *tape;
    rcr_exec exec;
    rcr_batch batch;
    rcr_real *start, *end; /* [N, F] the embedding of no element, and of the atoms */
    rcr_real *work;        /* [N, F] */
    double *average;       /* [N] the sum over features of (end - start) times the averaged gradient */
    rcr_real *device_dout; /* [n_outputs] */
} explainer;

static double softplus(double x) { return x > 20 ? x : log1p(exp(x)); }
static double sigmoid(double x) { return x > 20 ? 1 : 1 / (1 + exp(-x)); }

static dense find_dense(const rcr_model *model, const char *name, int32_t n_in, int32_t n_out) {
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name);
    const rcr_tensor *w = rcr_model_find(model, full, NULL);
    snprintf(full, sizeof full, "%s.bias", name);
    const rcr_tensor *b = rcr_model_find(model, full, NULL);
    return (dense){model->parameters + w->offset, model->parameters + b->offset, n_in, n_out};
}

static void apply_dense(double *out, const dense *d, const double *in) {
    for (int32_t o = 0; o < d->n_out; o++) {
        double sum = (double)d->bias[o];
        for (int32_t i = 0; i < d->n_in; i++) sum += (double)d->weight[(size_t)o * (size_t)d->n_in + (size_t)i] * in[i];
        out[o] = sum;
    }
}

/* What the outputs of a network are worth for f: f = sum of share * output + constant. */
static double share_of_output(const explainer *e, int32_t o) {
    const rcr_model *m = e->model;
    if (m->options.task == RCR_CLASSIFICATION) return o == 1 ? 1 : -1;
    return o == e->target ? m->targets[e->target].scale.normalizer.std : 0;
}

/* The size of the shares that are not 0. */
static double unit_of_f(const explainer *e) {
    return e->model->options.task == RCR_CLASSIFICATION ? 1 : e->model->targets[e->target].scale.normalizer.std;
}

static double value_of(const explainer *e, const double *out) {
    const rcr_model *m = e->model;
    double f = m->options.task == RCR_CLASSIFICATION ? 0 : m->targets[e->target].scale.normalizer.mean;
    for (int32_t o = 0; o < m->n_outputs; o++) f += share_of_output(e, o) * out[o];
    return f;
}

/* The prediction that f stands for. */
static double prediction_of(const explainer *e, double f) {
    const rcr_model *m = e->model;
    return m->options.task == RCR_CLASSIFICATION ? sigmoid(f)
                                                 : rcr_transform_undo(&m->targets[e->target].scale.transform, f);
}

/* f of the crystal vector pooled [F]; gradient [F], or NULL. */
static double run_head(double *gradient, explainer *e, const double *pooled) {
    int32_t F = e->model->options.atom_features, last = e->n_layers - 1;
    size_t width = (size_t)e->width;
    for (int32_t k = 0; k < F; k++) e->signal[k] = softplus(pooled[k]);
    for (int32_t l = 0; l <= last; l++) {
        double *linear = e->linear + (size_t)l * width;
        apply_dense(linear, &e->layer[l], e->signal);
        for (int32_t o = 0; o < e->layer[l].n_out && l < last; o++) e->signal[o] = softplus(linear[o]);
    }
    double f = value_of(e, e->linear + (size_t)last * width);
    if (gradient == NULL) return f;
    for (int32_t o = 0; o < e->layer[last].n_out; o++) e->signal[o] = share_of_output(e, o);
    for (int32_t l = last; l >= 0; l--) {
        const dense *d = &e->layer[l];
        for (int32_t i = 0; i < d->n_in; i++) {
            double sum = 0;
            for (int32_t o = 0; o < d->n_out; o++)
                sum += (double)d->weight[(size_t)o * (size_t)d->n_in + (size_t)i] * e->signal[o];
            e->next[i] = sum * sigmoid(l > 0 ? e->linear[(size_t)(l - 1) * width + (size_t)i] : pooled[i]);
        }
        double *swap = e->signal;
        e->signal = e->next;
        e->next = swap;
    }
    memcpy(gradient, e->signal, (size_t)F * sizeof *gradient);
    return f;
}

/* pooled [F] <- the mean of the vectors [N, F]. */
static void pool(double *pooled, const rcr_real *vector, size_t N, size_t F) {
    memset(pooled, 0, F * sizeof *pooled);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < F; k++) pooled[k] += (double)vector[i * F + k];
    for (size_t k = 0; k < F; k++) pooled[k] /= (double)N;
}

/* ---- making and freeing */

static void release(explainer *e) {
    const rcr_kernels *k = e->net != NULL ? e->net->kernels : NULL;
    if (k != NULL && e->device_dout != NULL) k->mem_free(e->device_dout);
    rcr_tape_free(e->tape);
    rcr_exec_release(&e->exec);
    rcr_batch_release(&e->batch);
    rcr_net_free(e->net);
    rcr_free(e->layer);
    rcr_free(e->linear);
    rcr_free(e->signal);
    rcr_free(e->next);
    rcr_free(e->start);
    rcr_free(e->end);
    rcr_free(e->work);
    rcr_free(e->average);
}

static rcr_status prepare_head(explainer *e, rcr_error *err) {
    const rcr_model_options *o = &e->model->options;
    e->n_layers = o->hidden_layers + 1;
    e->width = o->atom_features > o->hidden ? o->atom_features : o->hidden;
    if (e->model->n_outputs > e->width) e->width = e->model->n_outputs;
    e->layer = rcr_calloc((size_t)e->n_layers, sizeof *e->layer);
    e->linear = rcr_calloc((size_t)e->n_layers * (size_t)e->width, sizeof *e->linear);
    e->signal = rcr_calloc((size_t)e->width, sizeof *e->signal);
    e->next = rcr_calloc((size_t)e->width, sizeof *e->next);
    if (e->layer == NULL || e->linear == NULL || e->signal == NULL || e->next == NULL)
        return rcr_fail_memory(err, "explaining a prediction");
    e->layer[0] = find_dense(e->model, "conv_to_fc", o->atom_features, o->hidden);
    for (int32_t l = 1; l < o->hidden_layers; l++) {
        char name[32];
        snprintf(name, sizeof name, "fcs.%d", (int)l - 1);
        e->layer[l] = find_dense(e->model, name, o->hidden, o->hidden);
    }
    e->layer[o->hidden_layers] = find_dense(e->model, "fc_out", o->hidden, e->model->n_outputs);
    return RCR_OK;
}

static rcr_status prepare_net(explainer *e, const rcr_kernels *kernels, const rcr_graph *graph, rcr_pool *pool,
                              rcr_error *err) {
    size_t n = (size_t)graph->n_atoms * (size_t)e->model->options.atom_features;
    size_t n_outputs = (size_t)e->model->n_outputs;
    rcr_status status = rcr_exec_init(&e->exec, kernels, pool, err);
    if (status == RCR_OK) status = rcr_net_create(&e->net, e->model, kernels, err);
    if (status == RCR_OK) status = rcr_tape_create(&e->tape, e->net, RCR_TAPE_TRAINING, err);
    if (status == RCR_OK) status = rcr_batch_fill(&e->batch, &graph, 1, err);
    if (status == RCR_OK) status = rcr_tape_reserve(e->tape, &e->exec, e->net, &e->batch, err);
    if (status != RCR_OK) return status;
    e->start = rcr_calloc(n, sizeof *e->start);
    e->end = rcr_calloc(n, sizeof *e->end);
    e->work = rcr_calloc(n > n_outputs ? n : n_outputs, sizeof *e->work);
    e->average = rcr_calloc((size_t)graph->n_atoms, sizeof *e->average);
    e->device_dout = kernels->mem_alloc(n_outputs);
    if (e->start == NULL || e->end == NULL || e->work == NULL || e->average == NULL || e->device_dout == NULL)
        return rcr_fail_memory(err, "explaining a prediction");
    /* A share is the targets' standard deviation, which a float may not hold: the device has 1, 0 or -1 for it. */
    for (size_t o = 0; o < n_outputs; o++) e->work[o] = (rcr_real)(share_of_output(e, (int32_t)o) / unit_of_f(e));
    kernels->mem_upload(e->device_dout, e->work, n_outputs);
    rcr_net_refresh(e->net, &e->exec);
    return RCR_OK;
}

/* ---- the steps and the readout */

/* |a - b| / |b| */
static double relative_change(const rcr_real *a, const rcr_real *b, size_t n) {
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        difference += d * d;
        size += (double)b[i] * (double)b[i];
    }
    return size > 0 ? sqrt(difference / size) : (double)NAN;
}

/* Follows a forward pass: predictions and changes of every step; e->end is left with the last step's vectors. */
static void explain_steps(rcr_explanation *x, explainer *e, double *pooled) {
    const rcr_kernels *k = e->net->kernels;
    size_t N = (size_t)x->n_atoms, F = (size_t)e->model->options.atom_features;
    k->mem_download(e->end, e->tape->embedded, N * F);
    for (int32_t t = 0; t <= x->n_steps; t++) {
        if (t > 0) {
            memcpy(e->work, e->end, N * F * sizeof *e->work);
            k->mem_download(e->end, e->tape->step[t - 1].out, N * F);
            x->step_change[t - 1] += relative_change(e->end, e->work, N * F);
        }
        pool(pooled, e->end, N, F);
        x->step_value[t] += prediction_of(e, run_head(NULL, e, pooled));
    }
}

/* Contributions of the atoms' vectors [N, F] to f by way of the mean; gives f. */
static double explain_readout(rcr_explanation *x, explainer *e, const rcr_real *vector, double *pooled,
                              double *gradient, double *point) {
    enum { PANELS = 16 };
    size_t N = (size_t)x->n_atoms, F = (size_t)e->model->options.atom_features;
    pool(pooled, vector, N, F);
    memset(e->average, 0, N * sizeof *e->average);
    for (int q = 0; q < PANELS * PANEL_POINTS; q++) {
        double w, at = quadrature(&w, q, PANELS);
        for (size_t k = 0; k < F; k++) point[k] = at * pooled[k];
        run_head(gradient, e, point);
        for (size_t i = 0; i < N; i++) {
            double sum = 0;
            for (size_t k = 0; k < F; k++) sum += (double)vector[i * F + k] * gradient[k];
            e->average[i] += w * sum / (double)N;
        }
    }
    double f = run_head(NULL, e, pooled), sum = 0;
    memset(point, 0, F * sizeof *point);
    double baseline = run_head(NULL, e, point);
    for (size_t i = 0; i < N; i++) {
        x->readout[i] += e->average[i];
        sum += e->average[i];
    }
    x->readout_baseline += baseline;
    x->readout_gap += sum - (f - baseline);
    return f;
}

/* ---- the input */

/* One pass from the vectors in e->work; gives f. */
static double forward_from_work(const explainer *e) {
    const rcr_kernels *k = e->net->kernels;
    rcr_pass pass = {.tape = e->tape, .net = e->net, .exec = &e->exec, .batch = &e->batch};
    size_t n = (size_t)e->batch.n_atoms * (size_t)e->model->options.atom_features;
    k->mem_upload(e->tape->embedded, e->work, n);
    e->tape->batch_stats = 0;
    e->tape->dropout_seed = 0;
    if (e->model->options.architecture == RCR_CGCNN)
        rcr_cgcnn_forward(&pass);
    else
        rcr_sr_cgcnn_forward(&pass);
    rcr_head_forward(&pass, e->model->options.depth - 1);
    rcr_real *out = e->work; /* has been used; as long as the outputs at least */
    k->mem_download(out, e->tape->out, (size_t)e->model->n_outputs);
    double f = e->model->options.task == RCR_CLASSIFICATION ? 0 : e->model->targets[e->target].scale.normalizer.mean;
    for (int32_t o = 0; o < e->model->n_outputs; o++) f += share_of_output(e, o) * (double)out[o];
    return f;
}

/* Follows forward_from_work: e->work <- the gradient of f / unit_of_f by the vectors. */
static void backward_to_work(const explainer *e) {
    const rcr_kernels *k = e->net->kernels;
    rcr_pass pass = {.tape = e->tape, .net = e->net, .exec = &e->exec, .batch = &e->batch};
    k->mem_zero(&e->exec, e->tape->gradient, e->net->n_parameters);
    rcr_head_backward(&pass, e->device_dout, e->tape->d_atoms[0]);
    const rcr_real *d =
        e->model->options.architecture == RCR_CGCNN ? rcr_cgcnn_backward(&pass) : rcr_sr_cgcnn_backward(&pass);
    k->mem_download(e->work, d, (size_t)e->batch.n_atoms * (size_t)e->model->options.atom_features);
}

static void set_work(const explainer *e, double at) {
    size_t n = (size_t)e->batch.n_atoms * (size_t)e->model->options.atom_features;
    for (size_t i = 0; i < n; i++)
        e->work[i] = (rcr_real)((double)e->start[i] + at * ((double)e->end[i] - (double)e->start[i]));
}

static void explain_input(rcr_explanation *x, explainer *e, double f) {
    size_t N = (size_t)x->n_atoms, F = (size_t)e->model->options.atom_features;
    set_work(e, 0);
    double baseline = forward_from_work(e), gap = 0;
    int n_panels = 1;
    for (;; n_panels *= 2) {
        double sum = 0;
        memset(e->average, 0, N * sizeof *e->average);
        for (int q = 0; q < n_panels * PANEL_POINTS; q++) {
            double w;
            set_work(e, quadrature(&w, q, n_panels));
            forward_from_work(e);
            backward_to_work(e);
            for (size_t i = 0; i < N; i++)
                for (size_t k = i * F; k < (i + 1) * F; k++)
                    e->average[i] += w * (double)e->work[k] * ((double)e->end[k] - (double)e->start[k]);
        }
        for (size_t i = 0; i < N; i++) e->average[i] *= unit_of_f(e);
        for (size_t i = 0; i < N; i++) sum += e->average[i];
        gap = sum - (f - baseline);
        if (!(fabs(gap) > gap_wanted * fabs(f - baseline)) || n_panels == MAX_PANELS) break;
    }
    for (size_t i = 0; i < N; i++) x->input[i] += e->average[i];
    x->input_baseline += baseline;
    x->input_gap += gap;
    if (n_panels * PANEL_POINTS > x->n_points) x->n_points = n_panels * PANEL_POINTS;
}

/* ---- a network, and all of them */

/* e->start <- the embedding of an element vector of zeros: the bias. */
static void set_start(explainer *e) {
    size_t N = (size_t)e->batch.n_atoms, F = (size_t)e->model->options.atom_features;
    const rcr_tensor *bias = rcr_model_find(e->model, "embedding.bias", NULL);
    for (size_t i = 0; i < N; i++) memcpy(e->start + i * F, e->model->parameters + bias->offset, F * sizeof *e->start);
}

/* Add what one network says. */
static rcr_status explain_network(rcr_explanation *x, explainer *e, rcr_error *err) {
    size_t n = (size_t)e->batch.n_atoms * (size_t)e->model->options.atom_features;
    size_t F = (size_t)e->model->options.atom_features;
    double *pooled = rcr_calloc(3 * F, sizeof *pooled);
    if (pooled == NULL) return rcr_fail_memory(err, "explaining a prediction");
    rcr_net_forward(e->tape, e->net, &e->exec, &e->batch);
    explain_steps(x, e, pooled);
    if (e->steps_only) {
        rcr_free(pooled);
        return RCR_OK;
    }
    double f = explain_readout(x, e, e->end, pooled, pooled + F, pooled + 2 * F);
    rcr_free(pooled);
    x->value += f;
    x->prediction += prediction_of(e, f);
    if (!isfinite(x->prediction)) return rcr_fail(err, RCR_ERR_NUMERIC, "the prediction is not a number");
    set_start(e);
    e->net->kernels->mem_download(e->end, e->tape->embedded, n);
    /* f as the kernels have it, for the gap is to tell the quadrature's error and not that of their rounding */
    memcpy(e->work, e->end, n * sizeof *e->work);
    explain_input(x, e, forward_from_work(e));
    return RCR_OK;
}

static void divide(double *values, size_t n, double by) {
    for (size_t i = 0; i < n; i++) values[i] /= by;
}

/* Where ties are cut, the site number decides which of several equivalent neighbours is named (graph/graph.h), and the
 * gradient goes to the one that is.  The value would be the same had another been named, so that each has the mean:
 * what is told depends on no numbering, and the sums are what they were. */
static rcr_status share_among_equivalents(rcr_explanation *x, const rcr_graph *graph, rcr_error *err) {
    size_t N = (size_t)x->n_atoms;
    rcr_graph_view view = rcr_graph_view_of(graph);
    rcr_fold fold = {0};
    double *sum = rcr_calloc(2 * N, sizeof *sum), *count = sum != NULL ? sum + N : NULL;
    rcr_status status =
        sum != NULL ? rcr_fold_find_all(&fold, &view, err) : rcr_fail_memory(err, "explaining a prediction");
    for (size_t i = 0; i < N && status == RCR_OK; i++) {
        sum[fold.atom_class[i]] += x->input[i];
        count[fold.atom_class[i]] += 1;
    }
    for (size_t i = 0; i < N && status == RCR_OK; i++)
        x->input[i] = sum[fold.atom_class[i]] / count[fold.atom_class[i]];
    rcr_fold_release(&fold);
    rcr_free(sum);
    return status;
}

static rcr_status explain_all(rcr_explanation *x, const rcr_model *model, const rcr_kernels *kernels, int32_t target,
                              const rcr_graph *graph, int steps_only, rcr_pool *pool, rcr_error *err) {
    for (size_t m = 0; m < model->n_members; m++) {
        explainer e = {.model = rcr_model_member(model, m), .target = target, .steps_only = steps_only};
        rcr_status status = prepare_head(&e, err);
        if (status == RCR_OK) status = prepare_net(&e, kernels, graph, pool, err);
        if (status == RCR_OK) status = explain_network(x, &e, err);
        release(&e);
        if (status != RCR_OK) return status;
    }
    double M = (double)model->n_members;
    double *const number[] = {&x->value,          &x->prediction,  &x->readout_baseline,
                              &x->input_baseline, &x->readout_gap, &x->input_gap};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) *number[i] /= M;
    divide(x->step_value, (size_t)x->n_steps + 1, M);
    divide(x->step_change, (size_t)x->n_steps, M);
    divide(x->readout, (size_t)x->n_atoms, M);
    divide(x->input, (size_t)x->n_atoms, M);
    return steps_only ? RCR_OK : share_among_equivalents(x, graph, err);
}

static rcr_status explain(rcr_explanation **out, const rcr_model *model, const rcr_kernels *kernels, int32_t target,
                          const rcr_graph *graph, int steps_only, rcr_pool *pool, rcr_error *err) {
    if (target < 0 || (size_t)target >= rcr_model_n_targets(model))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the model has no target %d", (int)target + 1);
    if (!steps_only && rcr_target_has_mixed_transforms(model, (size_t)target))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "the networks of this model transform the target differently, so that what they make of it "
                        "has no mean: explain one network (recryst ensemble --member N takes one out)");
    rcr_explanation *x = rcr_calloc(1, sizeof *x);
    if (x == NULL) return rcr_fail_memory(err, "explaining a prediction");
    x->n_atoms = graph->n_atoms;
    x->n_steps = model->options.depth;
    x->step_value = rcr_calloc((size_t)x->n_steps + 1, sizeof *x->step_value);
    x->step_change = rcr_calloc((size_t)x->n_steps, sizeof *x->step_change);
    x->readout = rcr_calloc((size_t)x->n_atoms, sizeof *x->readout);
    x->input = rcr_calloc((size_t)x->n_atoms, sizeof *x->input);
    rcr_status status = x->step_value != NULL && x->step_change != NULL && x->readout != NULL && x->input != NULL
                            ? explain_all(x, model, kernels, target, graph, steps_only, pool, err)
                            : rcr_fail_memory(err, "explaining a prediction");
    if (status != RCR_OK) {
        rcr_explanation_free(x);
        return status;
    }
    *out = x;
    return RCR_OK;
}

rcr_status rcr_explain(rcr_explanation **out, const rcr_model *model, const rcr_kernels *kernels, int32_t target,
                       const rcr_graph *graph, rcr_pool *pool, rcr_error *err) {
    return explain(out, model, kernels, target, graph, 0, pool, err);
}

rcr_status rcr_explain_steps(rcr_explanation **out, const rcr_model *model, const rcr_kernels *kernels, int32_t target,
                             const rcr_graph *graph, rcr_pool *pool, rcr_error *err) {
    return explain(out, model, kernels, target, graph, 1, pool, err);
}

void rcr_explanation_free(rcr_explanation *x) {
    if (x == NULL) return;
    rcr_free(x->step_value);
    rcr_free(x->step_change);
    rcr_free(x->readout);
    rcr_free(x->input);
    rcr_free(x);
}
