/* Values of the reference's operations against formulas in double and numbers that PyTorch 2 gives (in double). */
#include "kernels/kernel_case.h"

#include "base/mem.h"
#include "base/rng.h"

/* Relative to the largest value of a tensor; tens of roundings. */
#ifdef RCR_DOUBLE
#define BOUND 1e-14
#else
#define BOUND 5e-6
#endif

static rcr_exec make_exec(size_t size) {
    rcr_exec x = {rcr_kernels_ref(), NULL, NULL, size};
    x.scratch = malloc(size);
    assert_non_null(x.scratch);
    memset(x.scratch, 0xff, size);
    return x;
}

static void assert_close(const char *what, const rcr_real *got, const double *expected, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) <= BOUND * largest))
            fail_msg("%s[%ld]: %.17g, not %.17g", what, (long)i, (double)got[i], expected[i]);
}

/* sigmoid(filter) * softplus(core), PyTorch's threshold included. */
static double message(double filter, double core) { return (core > 20 ? core : log1p(exp(core))) / (1 + exp(-filter)); }

/* A case with room for what a test computes. */
typedef struct plain {
    kernel_case *c;
    rcr_exec x;
    const rcr_kernels *k;
    int32_t N, E, C, F, K;
    rcr_real *got, *pack, *cache;
    double *expected;
} plain;

static void project(plain *t) {
    size_t f = (size_t)t->F, n = (size_t)t->N, columns = 2 * f + (size_t)t->K;
    const kernel_case *c = t->c;
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < 2 * f; o++) {
            double p = (double)c->b[o], q = 0;
            for (size_t m = 0; m < f; m++) p += (double)c->w[o * columns + m] * (double)c->v[i * f + m];
            for (size_t m = 0; m < f; m++) q += (double)c->w[o * columns + f + m] * (double)c->v[i * f + m];
            t->expected[i * 4 * f + o] = p;
            t->expected[i * 4 * f + 2 * f + o] = q;
        }
    t->k->conv_project_fwd(&t->x, t->got, c->v, t->pack, t->N, t->F, t->K);
    assert_close("pq", t->got, t->expected, n * 4 * f);
}

static void assert_stats(plain *t, const char *what, const rcr_real *expected, const rcr_real *got, size_t n) {
    for (size_t o = 0; o < n; o++) t->expected[o] = (double)expected[o];
    assert_close(what, got, t->expected, n);
}

/* Statistics of z, then messages and their sum. */
static void convolve(plain *t) {
    size_t f = (size_t)t->F;
    const kernel_case *c = t->c;
    rcr_edge_input in = {&c->batch, c->basis, t->F, c->pq, t->pack, t->cache};
    rcr_norm norm = {c->mean, c->var, c->gamma, c->beta};
    t->k->edge_prepare(&t->x, t->cache, &c->batch, c->basis, t->pack, t->F, 1);
    rcr_real *stats = t->got + (size_t)t->N * 4 * f;
    t->k->conv_stats_fwd(&t->x, t->got, stats, stats + 2 * f, c->v, &in);
    assert_stats(t, "pq beside the statistics", c->pq, t->got, (size_t)t->N * 4 * f);
    assert_stats(t, "mean of z", c->batch_mean, stats, 2 * f);
    assert_stats(t, "variance of z", c->batch_var, stats + 2 * f, 2 * f);

    double *gaussian = case_gaussians(c);
    for (int32_t i = 0; i < t->N; i++)
        for (int32_t m = 0; m < t->F; m++) {
            double sum = 0;
            for (int32_t e = c->batch.edge_offset[i]; e < c->batch.edge_offset[i + 1]; e++) {
                double y[2];
                for (int half = 0; half < 2; half++) {
                    int32_t o = half * t->F + m;
                    double h = (case_z(c, gaussian, i, e, o) - (double)c->mean[o]) / sqrt((double)c->var[o] + 1e-5);
                    y[half] = (double)c->gamma[o] * h + (double)c->beta[o];
                }
                sum += message(y[0], y[1]) * (c->batch.edge_count != NULL ? (double)c->batch.edge_count[e] : 1);
            }
            t->expected[(size_t)i * f + (size_t)m] = sum;
        }
    free(gaussian);
    t->k->edge_conv_fwd(&t->x, t->got, &in, &norm);
    assert_close("s", t->got, t->expected, (size_t)t->N * f);
}

static void update_atoms(plain *t) {
    size_t f = (size_t)t->F, n = (size_t)t->N * f;
    const kernel_case *c = t->c;
    rcr_norm norm = {c->mean, c->var, c->gamma, c->beta};
    t->k->norm_stats(&t->x, t->got, t->got + f, c->s, c->batch.multiplicity, t->N, t->F);
    assert_stats(t, "mean of s", c->node_mean, t->got, f);
    assert_stats(t, "variance of s", c->node_var, t->got + f, f);
    t->k->node_update_fwd(&t->x, t->got, c->v, c->s, &norm, t->N, t->F);
    for (size_t i = 0; i < n; i++) {
        size_t o = i % f;
        double h = ((double)c->s[i] - (double)c->mean[o]) / sqrt((double)c->var[o] + 1e-5);
        double sum = (double)c->v[i] + (double)c->gamma[o] * h + (double)c->beta[o];
        t->expected[i] = sum > 20 ? sum : log1p(exp(sum));
    }
    assert_close("atoms after the update", t->got, t->expected, n);
}

static void pool(plain *t) {
    size_t f = (size_t)t->F;
    const int32_t *offset = t->c->batch.crystal_offset;
    const rcr_real *multiplicity = t->c->batch.multiplicity;
    t->k->pool_fwd(&t->x, t->got, t->c->v, offset, multiplicity, t->C, t->F);
    for (int32_t m = 0; m < t->C; m++)
        for (size_t o = 0; o < f; o++) {
            double sum = 0, all = 0;
            for (int32_t i = offset[m]; i < offset[m + 1]; i++) {
                double count = multiplicity != NULL ? (double)multiplicity[i] : 1;
                sum += count * (double)t->c->v[(size_t)i * f + o];
                all += count;
            }
            t->expected[(size_t)m * f + o] = sum / all;
        }
    assert_close("pooled", t->got, t->expected, (size_t)t->C * f);
}

static void plain_formulas(void **state) {
    (void)state;
    for (int s = 0; s < N_KERNEL_SHAPES; s++) {
        const kernel_shape *shape = &kernel_shapes[s];
        if (shape->C > 50 || shape->max_atoms > 50) continue;
        plain t = {.c = case_create(shape, 31), .k = rcr_kernels_ref(), .F = shape->F, .K = shape->K};
        t.N = t.c->batch.n_atoms, t.E = t.c->batch.n_edges, t.C = t.c->batch.n_crystals;
        t.x = make_exec(t.k->scratch_size(t.N, t.E, t.C, t.c->S, t.F, t.K, shape->H > t.F ? shape->H : t.F, 0));
        size_t room = (size_t)(t.N + t.C + 1) * 4 * (size_t)t.F;
        t.got = malloc(room * sizeof *t.got);
        t.expected = malloc(room * sizeof *t.expected);
        t.pack = malloc(t.k->conv_pack_size(t.F, t.K) * sizeof *t.pack);
        t.cache = malloc(t.k->edge_cache_size(t.N, t.E, t.F, t.K, 1) * sizeof *t.cache);
        t.k->conv_pack(&t.x, t.pack, t.c->w, t.c->b, t.F, t.K);
        project(&t);
        convolve(&t);
        update_atoms(&t);
        pool(&t);
        free(t.got);
        free(t.expected);
        free(t.pack);
        free(t.cache);
        free(t.x.scratch);
        case_free(t.c);
    }
}

static void dense_layer_by_hand(void **state) {
    (void)state;
    const rcr_real in[] = {1, 2, 3, -1, 0, 2}, w[] = {1, 0, -1, 2, 1, 0.5, 0, 0, 4, 1, 1, 1}, b[] = {10, 20, 30, 40};
    const double with[] = {8, 25.5, 42, 46, 7, 19, 38, 41}, without[] = {-2, 5.5, 12, 6, -3, -1, 8, 1};
    rcr_real y[8];
    rcr_exec x = make_exec(64);
    x.kernels->linear_fwd(&x, y, in, w, b, 2, 3, 4);
    assert_close("y", y, with, 8);
    x.kernels->linear_fwd(&x, y, in, w, NULL, 2, 3, 4);
    assert_close("y", y, without, 8);
    free(x.scratch);
}

/* torch.nn.LayerNorm, BatchNorm1d (three rows, momentum 0.1), log_softmax, cross_entropy */
static void normalisations_as_torch(void **state) {
    (void)state;
    rcr_exec x = make_exec(4096);
    const rcr_real in[] = {1, 2, 4, -3}, weight[] = {1, 0.5, 2, -1}, bias[] = {0, 1, -1, 0.25};
    const double layer[] = {0, 1.19611598427979, 1.35339181135751, 1.81892787423834};
    rcr_real out[4], mean[2], var[2], running_mean[] = {0.5, -1}, running_var[] = {2, 0.25};
    x.kernels->layer_norm_fwd(&x, out, in, weight, bias, 1, 4);
    assert_close("layer_norm", out, layer, 4);
    const rcr_real rows[] = {1, 2, 3, -1, 2.5, 0.5};
    const double after_mean[] = {0.666666666666667, -0.85}, after_var[] = {1.90833333333333, 0.45};
    x.kernels->norm_stats(&x, mean, var, rows, NULL, 3, 2);
    x.kernels->norm_running(&x, running_mean, running_var, mean, var, 3, 0.1, 2);
    assert_close("running mean", running_mean, after_mean, 2);
    assert_close("running var", running_var, after_var, 2);
    /* one row: nothing to make unbiased */
    rcr_real one_mean = 1, one_var = 1, zero = 0, two = 2;
    x.kernels->norm_running(&x, &one_mean, &one_var, &two, &zero, 1, 0.5, 1);
    assert_close("running mean", &one_mean, (const double[]){1.5}, 1);
    assert_close("running var", &one_var, (const double[]){0.5}, 1);
    free(x.scratch);
}

static void softplus_as_torch(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    const rcr_real in[] = {-100, -20, -1, 0, 1, (rcr_real)19.5, (rcr_real)20.5, 100};
    const rcr_real ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    const double value[] = {3.7200759760208361e-44,
                            2.0611536203143808e-09,
                            0.31326168751822286,
                            0.69314718055994529,
                            1.3132616875182228,
                            19.5 + 3.3982678137209591e-09,
                            20.5,
                            100};
    const double slope[] = {3.7200759760208361e-44,
                            2.0611536181902033e-09,
                            0.2689414213699951,
                            0.5,
                            0.7310585786300049,
                            0.99999999660173211,
                            1,
                            1};
    rcr_real y[8], dx[8];
    x.kernels->softplus_fwd(&x, y, in, 8);
    x.kernels->softplus_bwd(&x, dx, ones, in, 8);
    for (int i = 0; i < 8; i++) { /* each relative to itself; -100 underflows to few bits in float */
        double bound = i == 0 && sizeof *y < 8 ? 0.05 : BOUND;
        assert_true(fabs((double)y[i] - value[i]) <= bound * value[i]);
        assert_true(fabs((double)dx[i] - slope[i]) <= bound * slope[i]);
    }
    assert_true(y[6] == in[6] && y[7] == in[7] && dx[6] == 1 && dx[7] == 1);
    const rcr_real far[] = {-1000, 1000};
    x.kernels->softplus_fwd(&x, y, far, 2);
    x.kernels->softplus_bwd(&x, dx, ones, far, 2);
    assert_true(y[0] == 0 && y[1] == 1000 && dx[0] == 0 && dx[1] == 1);
    free(x.scratch);
}

static void losses_as_torch(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    const rcr_real logits[] = {1, 2, -3, 0.5, 0, 0}, classes[] = {1, 0, 1};
    rcr_real loss, dout[6], y[6];
    x.kernels->loss_nll(&x, &loss, dout, logits, classes, NULL, NULL, 3, 2);
    assert_close("cross entropy", &loss, (const double[]){1.51205309545026}, 1);
    x.kernels->log_softmax(&x, y, logits, 3, 2);
    double expected[6];
    for (int i = 0; i < 6; i++) expected[i] = -log1p(exp((double)logits[i ^ 1] - (double)logits[i]));
    assert_close("log softmax", y, expected, 6);
    /* Logits whose exponentials overflow. */
    const rcr_real large[] = {1000, -1000, -1000, 1000}, right[] = {0, 1}, wrong[] = {1, 0};
    x.kernels->loss_nll(&x, &loss, dout, large, right, NULL, NULL, 2, 2);
    assert_true(loss == 0);
    x.kernels->loss_nll(&x, &loss, dout, large, wrong, NULL, NULL, 2, 2);
    assert_close("loss", &loss, (const double[]){2000}, 1);
    const double slopes[] = {0.5, -0.5, -0.5, 0.5};
    assert_close("dout", dout, slopes, 4);
    const rcr_real out[] = {1, -2, 0.5}, target[] = {0, 1, 0.5};
    x.kernels->loss_mse(&x, &loss, dout, out, target, NULL, 3);
    assert_close("mse", &loss, (const double[]){10.0 / 3}, 1);
    assert_close("dout", dout, (const double[]){2.0 / 3, -2, 0}, 3);
    x.kernels->loss_l1(&x, &loss, dout, out, target, NULL, 3);
    assert_close("l1", &loss, (const double[]){4.0 / 3}, 1);
    assert_close("dout", dout, (const double[]){1.0 / 3, -1.0 / 3, 0}, 3);
    x.kernels->loss_huber(&x, &loss, dout, out, target, NULL, 2, 3);
    assert_close("huber", &loss, (const double[]){1.5}, 1);
    assert_close("dout", dout, (const double[]){1.0 / 3, -2.0 / 3, 0}, 3);
    free(x.scratch);
}

/* torch.nn.CrossEntropyLoss(weight=...) and torch.nn.GaussianNLLLoss; means over what is there. */
static void weights_and_missing_targets(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    rcr_real loss, dout[12];
    const rcr_real logits[] = {1, 2, -3, 0.5, 0, 0}, classes[] = {1, 0, 1};
    const double weight[] = {3, 0.5}, nll[] = {log1p(exp(-1)), log1p(exp(3.5)), log(2)};
    x.kernels->loss_nll(&x, &loss, dout, logits, classes, NULL, weight, 3, 2);
    assert_close("weighted", &loss, (const double[]){(0.5 * nll[0] + 3 * nll[1] + 0.5 * nll[2]) / 4}, 1);
    const double p = 1 / (1 + exp(1)), q = 1 / (1 + exp(3.5));
    assert_close("dout", dout, (const double[]){0.125 * p, -0.125 * p, 0.75 * (q - 1), 0.75 * (1 - q), 0.0625, -0.0625},
                 6);
    const double none[] = {0, 0};
    x.kernels->loss_nll(&x, &loss, dout, logits, classes, NULL, none, 3, 2);
    assert_true(loss == 0 && dout[0] == 0 && dout[5] == 0);
    const rcr_real out[] = {1, -2, 0.5, 9}, target[] = {0, 1, (rcr_real)NAN, (rcr_real)NAN};
    x.kernels->loss_mse(&x, &loss, dout, out, target, NULL, 4);
    assert_close("mse", &loss, (const double[]){5}, 1);
    assert_close("dout", dout, (const double[]){1, -3, 0, 0}, 4);
    x.kernels->loss_l1(&x, &loss, dout, out, target, NULL, 4);
    assert_close("l1", &loss, (const double[]){2}, 1);
    assert_close("dout", dout, (const double[]){0.5, -0.5, 0, 0}, 4);
    x.kernels->loss_huber(&x, &loss, dout, out, target + 2, NULL, 1, 2);
    assert_true(loss == 0 && dout[0] == 0 && dout[1] == 0);
    /* Two rows of two targets; the second row's first is missing. */
    const rcr_real pairs[] = {1, -2, 0, 1, 0.5, 3, 7, -2}, goals[] = {0, 1, (rcr_real)NAN, 2.5};
    double s[3] = {0, 10 * tanh(0.1), 10 * tanh(-0.2)}, e[3] = {1, -3, 0.5}, sum = 0;
    for (int i = 0; i < 3; i++) sum += 0.5 * (s[i] + e[i] * e[i] * exp(-s[i]));
    for (int beta = 0; beta < 2; beta++) {
        double share[3];
        for (int i = 0; i < 3; i++) share[i] = exp(beta * s[i]) / 3;
        x.kernels->loss_gaussian(&x, &loss, dout, pairs, goals, NULL, beta, 2, 2);
        assert_close("gaussian", &loss, (const double[]){sum / 3}, 1);
        double slope[3];
        for (int i = 0; i < 3; i++)
            slope[i] = share[i] * 0.5 * (1 - e[i] * e[i] * exp(-s[i])) * (1 - s[i] * s[i] / 100);
        const double want[] = {share[0] * e[0] * exp(-s[0]),
                               share[1] * e[1] * exp(-s[1]),
                               slope[0],
                               slope[1],
                               0,
                               share[2] * e[2] * exp(-s[2]),
                               0,
                               slope[2]};
        assert_close("dout", dout, want, 8);
    }
    /* Outputs of any size keep it finite. */
    const rcr_real wild[] = {0, -1e30f, 0, 1e30f}, zero[] = {1, 1};
    x.kernels->loss_gaussian(&x, &loss, dout, wild, zero, NULL, 0, 2, 1);
    assert_true(isfinite(loss) && isfinite(dout[0]) && isfinite(dout[1]) && isfinite(dout[3]));
    free(x.scratch);
}

enum { MSE, L1, HUBER, GAUSSIAN, NLL, N_LOSSES };

/* Loss and gradient of n rows with two outputs each, and two targets where the loss takes so many. */
static rcr_real loss_of(const rcr_exec *x, int which, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                        const rcr_real *weight, int32_t n) {
    static const double class_weight[] = {1.5, 0.25};
    rcr_real loss = (rcr_real)NAN;
    switch (which) {
    case MSE: x->kernels->loss_mse(x, &loss, dout, out, target, weight, 2 * n); break;
    case L1: x->kernels->loss_l1(x, &loss, dout, out, target, weight, 2 * n); break;
    case HUBER: x->kernels->loss_huber(x, &loss, dout, out, target, weight, 0.75, 2 * n); break;
    case GAUSSIAN: x->kernels->loss_gaussian(x, &loss, dout, out, target, weight, 0.5, n, 1); break;
    case NLL: x->kernels->loss_nll(x, &loss, dout, out, target, weight, class_weight, n, 2); break;
    }
    return loss;
}

/* Equal weights change no bit, 2 is the row twice, 0 the row left out. */
static void weights_of_rows(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    const rcr_real nan = (rcr_real)NAN, out[] = {1, -2, 0.5, 3, -1, 0.25, 7, 1};
    const rcr_real values[] = {0, 1, nan, 2.5, -0.5, 0, 1, nan}, classes[] = {1, 0, 1, 0};
    for (int which = 0; which < N_LOSSES; which++) {
        int per_value = which <= HUBER; /* rows of two targets, whose weight stands with each */
        size_t k = per_value ? 2 : 1;
        const rcr_real *target = which == NLL ? classes : values;
        rcr_real unweighed[8], dout[8], same[] = {1, 1, 1, 1, 1, 1, 1, 1}, none[8] = {0};
        rcr_real loss = loss_of(&x, which, unweighed, out, target, NULL, 4);
        assert_true(loss_of(&x, which, dout, out, target, same, 4) == loss);
        assert_memory_equal(dout, unweighed, sizeof unweighed);
        assert_true(loss_of(&x, which, dout, out, target, none, 4) == 0);
        for (int i = 0; i < 8; i++) assert_true(dout[i] == 0);
        /* The first row with weight 2 is as good as there twice: the same sums, in the same order. */
        rcr_real twice_out[8], twice_target[8], twice[8], two[8] = {2, 1, 1, 1, 1, 1, 1, 1};
        if (per_value) two[1] = 2;
        memcpy(twice_out, out, 2 * sizeof *out);
        memcpy(twice_out + 2, out, 6 * sizeof *out);
        memcpy(twice_target, target, k * sizeof *target);
        memcpy(twice_target + k, target, 3 * k * sizeof *target);
        loss = loss_of(&x, which, twice, twice_out, twice_target, NULL, 4);
        const rcr_real weighted = loss_of(&x, which, dout, out, target, two, 3);
        assert_close("weighted loss", &weighted, (const double[]){(double)loss}, 1);
        for (int i = 0; i < 2; i++) twice[2 + i] += twice[i];
        double want[6];
        for (int i = 0; i < 6; i++) want[i] = (double)twice[2 + i];
        assert_close("weighted dout", dout, want, 6);
        /* Without weight it is as good as not there. */
        rcr_real left[8], last[] = {0, 1, 1, 1, 1, 1, 1, 1};
        if (per_value) last[1] = 0;
        loss = loss_of(&x, which, left, out + 2, target + k, NULL, 3);
        assert_true(loss_of(&x, which, dout, out, target, last, 4) == loss);
        assert_true(dout[0] == 0 && dout[1] == 0);
        assert_memory_equal(dout + 2, left, 6 * sizeof *left);
    }
    /* sum weight error^2 / sum weight over the targets that are there; PyTorch has no such loss. */
    const rcr_real off[] = {1, -2, 3}, zero[] = {0, 0, nan}, weight[] = {0.5, 1.5, 100};
    rcr_real dout[3], loss;
    x.kernels->loss_mse(&x, &loss, dout, off, zero, weight, 3);
    assert_close("weighted mse", &loss, (const double[]){3.25}, 1);
    assert_close("dout", dout, (const double[]){0.5, -3, 0}, 3);
    free(x.scratch);
}

/* torch.nn.utils.clip_grad_norm_ and an exponential moving average. */
static void clipping_and_averaging(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    rcr_real grad[] = {3, 0, -4};
    x.kernels->clip_norm(&x, grad, 5.1, 3);
    assert_close("short enough", grad, (const double[]){3, 0, -4}, 3);
    x.kernels->clip_norm(&x, grad, 2.5, 3);
    assert_close("clipped", grad, (const double[]){7.5 / 5.000001, 0, -10 / 5.000001}, 3);
    rcr_real average[] = {1, 2, -3};
    const rcr_real now[] = {2, 2, 1};
    x.kernels->blend(&x, average, now, 0.75, 3);
    assert_close("average", average, (const double[]){1.25, 2, -2}, 3);
    free(x.scratch);
}

static void optimisers_as_torch(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    const rcr_real grad[3][3] = {{(rcr_real)0.1, (rcr_real)-0.3, 2},
                                 {(rcr_real)0.2, (rcr_real)0.05, -1},
                                 {(rcr_real)-0.4, (rcr_real)0.3, (rcr_real)0.5}};
    /* torch.optim.Adam, AdamW (lr 0.01, weight_decay 0.1) and SGD (lr 0.1, momentum 0.9, weight_decay 0.01) */
    static const double expected[3][3][3] = {
        {{0.490000000666667, -1.24000000023529, 1.99000000004545},
         {0.480168701715508, -1.23212174457036, 1.98625109272546},
         {0.480258048230856, -1.2289118769364, 1.98164620417765}},
        {{0.489500001, -1.23875000033333, 1.98800000005},
         {0.479358681351125, -1.23212587506419, 1.98334862967019},
         {0.48081726714662, -1.23241976847227, 1.97796098958417}},
        {{0.4895, -1.21875, 1.798}, {0.4595605, -1.19440625, 1.714402}, {0.4721553895, -1.20130246875, 1.587449398}}};
    for (int kind = 0; kind < 3; kind++) {
        rcr_real p[] = {0.5, -1.25, 2}, m[3] = {0}, v[3] = {0};
        if (kind == 2) m[0] = m[1] = m[2] = 77; /* what was in the buffer before the first step doesn't matter */
        for (int step = 0; step < 3; step++) {
            rcr_adam adam = {0.01, 0.9, 0.999, 1e-8, 0.1, kind == 1, step + 1};
            if (kind < 2)
                x.kernels->adam_update(&x, p, m, v, grad[step], &adam, 3);
            else
                x.kernels->sgd_update(&x, p, m, grad[step], 0.1, 0.9, 0.01, step == 0, 3);
            assert_close(kind == 0 ? "Adam" : kind == 1 ? "AdamW" : "SGD", p, expected[kind][step], 3);
        }
    }
    free(x.scratch);
}

static void gate_is_between_old_and_new(void **state) {
    (void)state;
    rcr_exec x = make_exec(64);
    const rcr_real old[] = {1, 1, 1}, new[] = {3, -1, 1};
    rcr_real alpha = 0, out[3];
    x.kernels->gate_fwd(&x, out, old, new, &alpha, 3);
    assert_close("half", out, (const double[]){2, 0, 1}, 3);
    alpha = 1;
    double a = 1 / (1 + exp(-1.0));
    x.kernels->gate_fwd(&x, out, old, new, &alpha, 3);
    assert_close("alpha 1", out, (const double[]){1 + 2 * a, 1 - 2 * a, 1}, 3);
    alpha = 500;
    x.kernels->gate_fwd(&x, out, old, new, &alpha, 3);
    assert_close("new", out, (const double[]){3, -1, 1}, 3);
    alpha = -500;
    x.kernels->gate_fwd(&x, out, old, new, &alpha, 3);
    assert_close("old", out, (const double[]){1, 1, 1}, 3);
    free(x.scratch);
}

static void dropout_keeps_the_mean(void **state) {
    (void)state;
    enum { N = 20000 };
    static rcr_real in[N], y[N], again[N];
    rcr_exec x = make_exec(64);
    for (int i = 0; i < N; i++) in[i] = 1;
    x.kernels->dropout(&x, y, in, 0.25, 7, N);
    int kept = 0;
    for (int i = 0; i < N; i++) {
        if (y[i] == 0) continue;
        assert_true(fabs((double)y[i] - 1 / 0.75) < 1e-6);
        assert_true((double)(rcr_hash_counter(7, (uint64_t)i) >> 11) * 0x1p-53 >= 0.25);
        kept++;
    }
    assert_true(abs(kept - 15000) < 4 * 62); /* binomial: 62 is sqrt(N p (1 - p)) */
    x.kernels->dropout(&x, again, in, 0.25, 8, N);
    assert_true(memcmp(y, again, sizeof y) != 0);
    x.kernels->dropout(&x, again, in, 0, 7, N);
    assert_memory_equal(again, in, sizeof in);
    free(x.scratch);
}

static void memory(void **state) {
    (void)state;
    const rcr_kernels *k = rcr_kernels_ref();
    rcr_exec x = make_exec(64);
    rcr_real *p = k->mem_alloc(100), host[100], back[100];
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % 64, 0);
    for (int i = 0; i < 100; i++) assert_true(p[i] == 0);
    for (int i = 0; i < 100; i++) host[i] = (rcr_real)i;
    k->mem_upload(p, host, 100);
    k->mem_copy(&x, p, p + 50, 50);
    k->mem_zero(&x, p + 90, 10);
    k->mem_download(back, p, 100);
    for (int i = 0; i < 100; i++) assert_true(back[i] == (rcr_real)(i < 50 ? i + 50 : i < 90 ? i : 0));
    k->mem_free(p);
    k->mem_free(NULL);
    assert_null(k->mem_alloc(SIZE_MAX / 2));
    free(x.scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_formulas),          cmocka_unit_test(dense_layer_by_hand),
        cmocka_unit_test(normalisations_as_torch), cmocka_unit_test(softplus_as_torch),
        cmocka_unit_test(losses_as_torch),         cmocka_unit_test(weights_and_missing_targets),
        cmocka_unit_test(weights_of_rows),         cmocka_unit_test(clipping_and_averaging),
        cmocka_unit_test(optimisers_as_torch),     cmocka_unit_test(gate_is_between_old_and_new),
        cmocka_unit_test(dropout_keeps_the_mean),  cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
