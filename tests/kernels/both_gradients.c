/*
 * Every backward of the reference against finite differences of its forward.
 *
 * For an operation with outputs y and random weights u, L = u . y (summed in double); dL/dx by the five-point formula
 *     (8 (L(x + h) - L(x - h)) - (L(x + 2h) - L(x - 2h))) / 12 h,
 * whose truncation is h^4 / 30 times the fifth derivative.  The error counts relative to the largest gradient of the
 * tensor, or, with statistics of the batch, to 1, the size of u, where that is larger: over a single row these
 * gradients cancel to 0. double: h = 2^-10: truncation 3e-14 times the fifth derivative (up to 1e5 where a norm's
 * variance is small, 3e-9); rounding 1e-16 sqrt(n) / h = 1e-11 for n = 10^4 outputs.  Bound 1e-7. float:  h = 2^-6:
 * truncation 2e-9 times the fifth derivative (2e-4); rounding 6e-8 sqrt(n) / h = 4e-4 for n = 10^4 outputs of size 1
 * where all move, usually far fewer.  Bound 5e-4.  The shape whose mean is 30 is left to the double build: rounding is
 * 30 times larger.
 */
#include "kernels/kernel_case.h"

#ifdef RCR_DOUBLE
#define STEP 0x1p-10
#define BOUND 1e-7
#else
#define STEP 0x1p-6
#define BOUND 5e-4
#endif

enum { SAMPLES = 24 }; /* entries tried of each tensor */

typedef struct fd {
    const rcr_kernels *k;
    kernel_case *c;
    rcr_exec x;
    int32_t N, E, C, F, K, H;
    int batch_stats;
    rcr_real *y;            /* outputs of the forward */
    const rcr_real *weight; /* of the rows in a loss; NULL: none */
    rcr_real *pack, *cache, *pq;
    rcr_real *mean, *var; /* statistics when they are the batch's */
    dice d;
} fd;

typedef double loss_of(fd *t);

static double weigh(const rcr_real *u, const rcr_real *y, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)u[i] * (double)y[i];
    return sum;
}

static double loss_at(fd *t, loss_of *loss, rcr_real *x, double value) {
    rcr_real old = *x;
    *x = (rcr_real)value;
    double result = loss(t);
    *x = old;
    return result;
}

/* gradient [n] is the claim for dL/dx; x lies in the case. */
static void check(fd *t, loss_of *loss, const char *op, const char *what, rcr_real *x, const rcr_real *gradient,
                  size_t n) {
    double largest = t->batch_stats ? 1 : 0, worst = 0, claimed = 0, found = 0;
    size_t where = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)gradient[i]));
    for (size_t s = 0; s < SAMPLES && s < n; s++) {
        size_t i = n <= SAMPLES ? s : (size_t)(dice_next(&t->d) % n);
        double at = (double)x[i], h = STEP;
        double near = loss_at(t, loss, &x[i], at + h) - loss_at(t, loss, &x[i], at - h);
        double far = loss_at(t, loss, &x[i], at + 2 * h) - loss_at(t, loss, &x[i], at - 2 * h);
        double slope = (8 * near - far) / (12 * h);
        largest = fmax(largest, fabs(slope));
        if (!(fabs(slope - (double)gradient[i]) <= worst)) {
            worst = fabs(slope - (double)gradient[i]);
            where = i;
            claimed = (double)gradient[i];
            found = slope;
        }
    }
    if (getenv("RECRYST_VERBOSE") != NULL)
        print_message("%s, %s, d%s: off by %.2g\n", op, t->c->shape.name, what, worst > 0 ? worst / largest : 0);
    if (!(worst <= BOUND * largest))
        fail_msg("%s, %s, d%s[%ld]: %.9g, finite differences give %.9g (off by %.2g, bound %.0e)", op, t->c->shape.name,
                 what, (long)where, claimed, found, worst / largest, BOUND);
}

/* Gradients start as NaN where they are overwritten, as 0 where they are added to. */
static rcr_real *filled(size_t n, double value) {
    rcr_real *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (rcr_real)value;
    return x;
}

static size_t count(int32_t a, int32_t b) { return (size_t)a * (size_t)b; }

/* ---- dense layers and rows */

static double linear_loss(fd *t) {
    t->k->linear_fwd(&t->x, t->y, t->c->v, t->c->w_dense, t->c->b_dense, t->N, t->F, t->H);
    return weigh(t->c->d_hidden, t->y, count(t->N, t->H));
}

static void linear(fd *t) {
    rcr_real *dx = filled(count(t->N, t->F), NAN), *dw = filled(count(t->H, t->F), 0), *db = filled((size_t)t->H, 0);
    t->k->linear_bwd(&t->x, dx, dw, db, t->c->d_hidden, t->c->v, t->c->w_dense, t->N, t->F, t->H);
    check(t, linear_loss, "linear", "x", t->c->v, dx, count(t->N, t->F));
    check(t, linear_loss, "linear", "w", t->c->w_dense, dw, count(t->H, t->F));
    check(t, linear_loss, "linear", "b", t->c->b_dense, db, (size_t)t->H);
    free(dx);
    free(dw);
    free(db);
}

static double rows_loss(fd *t) {
    t->k->rows_gather(&t->x, t->y, t->c->table, t->c->batch.site_row, t->N, t->F);
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void rows(fd *t) {
    rcr_real *dtable = filled(count(t->c->S, t->F), NAN);
    t->k->rows_scatter(&t->x, dtable, t->c->d_atom, t->c->batch.site_row, t->N, t->c->S, t->F);
    check(t, rows_loss, "rows", "table", t->c->table, dtable, count(t->c->S, t->F));
    free(dtable);
}

static double mix_loss(fd *t) {
    memset(t->y, 0, count(t->N, t->F) * sizeof *t->y);
    t->k->rows_mix_fwd(&t->x, t->y, t->c->table, &t->c->batch.mixtures, t->F);
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void mix(fd *t) {
    rcr_real *dtable = filled(count(t->c->S, t->F), 0);
    for (int32_t f = 0; f < t->F; f++) dtable[f] = 5; /* overwritten */
    t->k->rows_mix_bwd(&t->x, dtable, t->c->d_atom, &t->c->batch.mixtures, t->c->S, t->F);
    check(t, mix_loss, "mix", "table", t->c->table, dtable, count(t->c->S, t->F));
    free(dtable);
}

/* ---- convolution */

/* The sum of two calls of the backward, the second with twice the gradient, as steps with the same weights add up: 3 u
 * . s in all. */
static double conv_loss(fd *t) {
    rcr_edge_input in = {&t->c->batch, t->c->basis, t->F, t->pq, t->pack, t->cache};
    rcr_norm norm = {t->c->mean, t->c->var, t->c->gamma, t->c->beta};
    t->k->conv_pack(&t->x, t->pack, t->c->w, t->c->b, t->F, t->K);
    t->k->edge_prepare(&t->x, t->cache, &t->c->batch, t->c->basis, t->pack, t->F, 1);
    if (t->batch_stats) {
        t->k->conv_stats_fwd(&t->x, t->pq, t->mean, t->var, t->c->v, &in);
        norm.mean = t->mean;
        norm.var = t->var;
    } else {
        t->k->conv_project_fwd(&t->x, t->pq, t->c->v, t->pack, t->N, t->F, t->K);
    }
    t->k->edge_conv_fwd(&t->x, t->y, &in, &norm);
    return 3 * weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void conv(fd *t) {
    size_t f = (size_t)t->F, n_weights = count(2 * t->F, 2 * t->F + t->K), n = count(t->N, t->F);
    rcr_real *dv = filled(n, 0), *dw = filled(n_weights, 0), *db = filled(2 * f, 0);
    rcr_real *dgamma = filled(2 * f, 0), *dbeta = filled(2 * f, 0), *ds_2 = filled(n, 0);
    for (size_t i = 0; i < n; i++) ds_2[i] = 2 * t->c->d_atom[i];
    conv_loss(t); /* packs, prepares, projects, takes the statistics */
    rcr_edge_input in = {&t->c->batch, t->c->basis, t->F, t->pq, t->pack, t->cache};
    rcr_norm norm = {t->batch_stats ? t->mean : t->c->mean, t->batch_stats ? t->var : t->c->var, t->c->gamma,
                     t->c->beta};
    t->k->conv_bwd(&t->x, dv, dw, db, dgamma, dbeta, t->pq, t->c->d_atom, t->c->v, &in, &norm, t->batch_stats);
    conv_loss(t); /* the first call took pq */
    t->k->conv_bwd(&t->x, dv, dw, db, dgamma, dbeta, t->pq, ds_2, t->c->v, &in, &norm, t->batch_stats);
    const char *op = t->batch_stats ? "conv, statistics of the batch" : "conv, constant statistics";
    check(t, conv_loss, op, "v", t->c->v, dv, n);
    check(t, conv_loss, op, "w", t->c->w, dw, n_weights);
    check(t, conv_loss, op, "b", t->c->b, db, 2 * f);
    check(t, conv_loss, op, "gamma", t->c->gamma, dgamma, 2 * f);
    check(t, conv_loss, op, "beta", t->c->beta, dbeta, 2 * f);
    free(dv);
    free(dw);
    free(db);
    free(dgamma);
    free(dbeta);
    free(ds_2);
}

/* ---- atoms */

static double node_loss(fd *t) {
    rcr_norm norm = {t->c->mean, t->c->var, t->c->gamma, t->c->beta};
    if (t->batch_stats) {
        t->k->norm_stats(&t->x, t->mean, t->var, t->c->s, t->c->batch.multiplicity, t->N, t->F);
        norm.mean = t->mean;
        norm.var = t->var;
    }
    t->k->node_update_fwd(&t->x, t->y, t->c->v, t->c->s, &norm, t->N, t->F);
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void node(fd *t) {
    size_t n = count(t->N, t->F), f = (size_t)t->F;
    rcr_real *dv = filled(n, NAN), *ds = filled(n, NAN), *dgamma = filled(f, 0), *dbeta = filled(f, 0);
    node_loss(t);
    rcr_norm norm = {t->batch_stats ? t->mean : t->c->mean, t->batch_stats ? t->var : t->c->var, t->c->gamma,
                     t->c->beta};
    t->k->node_update_bwd(&t->x, dv, ds, dgamma, dbeta, t->c->d_atom, t->c->v, t->c->s, &norm, t->batch_stats,
                          t->c->batch.multiplicity, t->N, t->F);
    const char *op = t->batch_stats ? "node_update, statistics of the batch" : "node_update, constant statistics";
    check(t, node_loss, op, "v", t->c->v, dv, n);
    check(t, node_loss, op, "s", t->c->s, ds, n);
    check(t, node_loss, op, "gamma", t->c->gamma, dgamma, f);
    check(t, node_loss, op, "beta", t->c->beta, dbeta, f);
    free(dv);
    free(ds);
    free(dgamma);
    free(dbeta);
}

static double gate_loss(fd *t) {
    t->k->gate_fwd(&t->x, t->y, t->c->v, t->c->v_new, &t->c->alpha, (int64_t)count(t->N, t->F));
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void gate(fd *t) {
    size_t n = count(t->N, t->F);
    rcr_real *dv_old = filled(n, NAN), *dv_new = filled(n, NAN), dalpha = 0;
    t->k->gate_bwd(&t->x, dv_old, dv_new, &dalpha, t->c->d_atom, t->c->v, t->c->v_new, &t->c->alpha, (int64_t)n);
    check(t, gate_loss, "gate", "v_old", t->c->v, dv_old, n);
    check(t, gate_loss, "gate", "v_new", t->c->v_new, dv_new, n);
    check(t, gate_loss, "gate", "alpha", &t->c->alpha, &dalpha, 1);
    free(dv_old);
    free(dv_new);
}

static double layer_norm_loss(fd *t) {
    t->k->layer_norm_fwd(&t->x, t->y, t->c->v, t->c->gamma, t->c->beta, t->N, t->F);
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void layer_norm(fd *t) {
    size_t n = count(t->N, t->F), f = (size_t)t->F;
    rcr_real *dx = filled(n, NAN), *dgamma = filled(f, 0), *dbeta = filled(f, 0);
    t->k->layer_norm_bwd(&t->x, dx, dgamma, dbeta, t->c->d_atom, t->c->v, t->c->gamma, t->N, t->F);
    check(t, layer_norm_loss, "layer_norm", "x", t->c->v, dx, n);
    check(t, layer_norm_loss, "layer_norm", "gamma", t->c->gamma, dgamma, f);
    check(t, layer_norm_loss, "layer_norm", "beta", t->c->beta, dbeta, f);
    free(dx);
    free(dgamma);
    free(dbeta);
}

/* ---- readout, element by element, losses */

static double pool_loss(fd *t) {
    t->k->pool_fwd(&t->x, t->y, t->c->v, t->c->batch.crystal_offset, t->c->batch.multiplicity, t->C, t->F);
    return weigh(t->c->d_crystal, t->y, count(t->C, t->F));
}

static double softplus_loss(fd *t) {
    t->k->softplus_fwd(&t->x, t->y, t->c->v, (int64_t)count(t->N, t->F));
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static double dropout_loss(fd *t) {
    t->k->dropout(&t->x, t->y, t->c->v, 0.3, 5, (int64_t)count(t->N, t->F));
    return weigh(t->c->d_atom, t->y, count(t->N, t->F));
}

static void readout(fd *t) {
    size_t n = count(t->N, t->F);
    rcr_real *dv = filled(n, NAN);
    t->k->pool_bwd(&t->x, dv, t->c->d_crystal, t->c->batch.crystal_offset, t->c->batch.multiplicity, t->C, t->F);
    check(t, pool_loss, "pool", "v", t->c->v, dv, n);
    t->k->softplus_bwd(&t->x, dv, t->c->d_atom, t->c->v, (int64_t)n);
    check(t, softplus_loss, "softplus", "x", t->c->v, dv, n);
    t->k->dropout(&t->x, dv, t->c->d_atom, 0.3, 5, (int64_t)n);
    check(t, dropout_loss, "dropout", "x", t->c->v, dv, n);
    free(dv);
}

static double mse_loss(fd *t) {
    rcr_real loss = (rcr_real)NAN;
    t->k->loss_mse(&t->x, &loss, t->y, t->c->logits, t->c->target, t->weight, t->C);
    return (double)loss;
}

static double l1_loss(fd *t) {
    rcr_real loss = (rcr_real)NAN;
    t->k->loss_l1(&t->x, &loss, t->y, t->c->logits, t->c->target, t->weight, t->C);
    return (double)loss;
}

static double huber_loss(fd *t) {
    rcr_real loss = (rcr_real)NAN;
    t->k->loss_huber(&t->x, &loss, t->y, t->c->logits, t->c->target, t->weight, 0.7, t->C);
    return (double)loss;
}

static double gaussian_loss(fd *t) {
    rcr_real loss = (rcr_real)NAN;
    t->k->loss_gaussian(&t->x, &loss, t->y, t->c->logits, t->c->target, t->weight, 0, t->C, 1);
    return (double)loss;
}

static const double class_weights[] = {0.4, 1.7, 0.9, 1.1, 2, 0.1, 1, 1};

static double nll_loss(fd *t) {
    rcr_real loss = (rcr_real)NAN;
    t->k->loss_nll(&t->x, &loss, t->y, t->c->logits, t->c->classes, t->weight, class_weights, t->C, t->c->M);
    return (double)loss;
}

/* Those of regressions, over the targets that are there. */
static void losses_of_values(fd *t, const char *how) {
    rcr_real *dout = filled(count(t->C, 2), NAN), loss;
    char name[64];
    t->k->loss_mse(&t->x, &loss, dout, t->c->logits, t->c->target, t->weight, t->C);
    snprintf(name, sizeof name, "loss_mse%s", how);
    check(t, mse_loss, name, "out", t->c->logits, dout, (size_t)t->C);
    t->k->loss_l1(&t->x, &loss, dout, t->c->logits, t->c->target, t->weight, t->C);
    snprintf(name, sizeof name, "loss_l1%s", how);
    check(t, l1_loss, name, "out", t->c->logits, dout, (size_t)t->C);
    t->k->loss_huber(&t->x, &loss, dout, t->c->logits, t->c->target, t->weight, 0.7, t->C);
    snprintf(name, sizeof name, "loss_huber%s", how);
    check(t, huber_loss, name, "out", t->c->logits, dout, (size_t)t->C);
    t->k->loss_gaussian(&t->x, &loss, dout, t->c->logits, t->c->target, t->weight, 0, t->C, 1);
    snprintf(name, sizeof name, "loss_gaussian%s", how);
    check(t, gaussian_loss, name, "out", t->c->logits, dout, 2 * (size_t)t->C);
    free(dout);
}

static void losses(fd *t) {
    size_t n = count(t->C, t->c->M);
    if (t->C == 0) return;
    for (int32_t i = 0; i < t->C; i++) { /* the steps of the differences must not cross a kink, at 0 or at 0.7 */
        double off = fabs((double)t->c->logits[i] - (double)t->c->target[i]);
        if (off < 4 * STEP || fabs(off - 0.7) < 4 * STEP) t->c->logits[i] = t->c->target[i] + (rcr_real)0.35;
    }
    rcr_real *dout = filled(n, NAN), loss;
    for (int weighted = 0; weighted < 2; weighted++) {
        t->weight = weighted ? t->c->weight : NULL;
        losses_of_values(t, weighted ? ", weighted" : "");
        t->k->loss_nll(&t->x, &loss, dout, t->c->logits, t->c->classes, t->weight, class_weights, t->C, t->c->M);
        check(t, nll_loss, weighted ? "loss_nll, weighted" : "loss_nll", "out", t->c->logits, dout, n);
    }
    for (int32_t i = 0; i < t->C; i += 2) t->c->target[i] = (rcr_real)NAN;
    for (int weighted = 0; weighted < 2; weighted++) {
        t->weight = weighted ? t->c->weight : NULL;
        losses_of_values(t, weighted ? ", weighted, missing" : ", missing");
    }
    t->weight = NULL;
    free(dout);
}

/* ---- each over all shapes that are not too large for it */

static void over_shapes(void (*test)(fd *t), int batch_stats) {
    for (int s = 0; s < N_KERNEL_SHAPES; s++) {
        const kernel_shape *shape = &kernel_shapes[s];
        if (shape->C * shape->max_atoms > 200) continue;
        if (sizeof(rcr_real) < 8 && shape->offset > 1) continue;
        kernel_case *c = case_create(shape, 21);
        fd t = {.k = rcr_kernels_ref(), .c = c, .batch_stats = batch_stats, .d = {17}};
        t.N = c->batch.n_atoms, t.E = c->batch.n_edges, t.C = c->batch.n_crystals;
        t.F = shape->F, t.K = shape->K, t.H = shape->H;
        size_t size = /* the dense layer has the atoms for rows */
            t.k->scratch_size(t.N, t.E, t.N, c->S, t.F, t.K, t.H > t.F ? t.H : t.F, count(t.H, t.F + 1));
        t.x = (rcr_exec){t.k, NULL, malloc(size), size};
        t.y = filled(count(t.N, t.H > 4 * t.F ? t.H : 4 * t.F) + count(t.C, t.F), 0);
        t.pack = filled(t.k->conv_pack_size(t.F, t.K), 0);
        t.cache = filled(t.k->edge_cache_size(t.N, t.E, t.F, t.K, 1), 0);
        t.pq = filled(count(t.N, 4 * t.F), 0);
        t.mean = filled(2 * (size_t)t.F, 0);
        t.var = filled(2 * (size_t)t.F, 0);
        test(&t);
        free(t.x.scratch);
        free(t.y);
        free(t.pack);
        free(t.cache);
        free(t.pq);
        free(t.mean);
        free(t.var);
        case_free(c);
    }
}

#define GRADIENT_TEST(name, test, batch_stats)                                                                         \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        over_shapes(test, batch_stats);                                                                                \
    }

GRADIENT_TEST(of_linear, linear, 0)
GRADIENT_TEST(of_rows, rows, 0)
GRADIENT_TEST(of_mixtures, mix, 0)
GRADIENT_TEST(of_conv_constant_statistics, conv, 0)
GRADIENT_TEST(of_conv_batch_statistics, conv, 1)
GRADIENT_TEST(of_node_update_constant_statistics, node, 0)
GRADIENT_TEST(of_node_update_batch_statistics, node, 1)
GRADIENT_TEST(of_gate, gate, 0)
GRADIENT_TEST(of_layer_norm, layer_norm, 0)
GRADIENT_TEST(of_pool_softplus_dropout, readout, 0)
GRADIENT_TEST(of_losses, losses, 0)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_linear),
        cmocka_unit_test(of_rows),
        cmocka_unit_test(of_mixtures),
        cmocka_unit_test(of_conv_constant_statistics),
        cmocka_unit_test(of_conv_batch_statistics),
        cmocka_unit_test(of_node_update_constant_statistics),
        cmocka_unit_test(of_node_update_batch_statistics),
        cmocka_unit_test(of_gate),
        cmocka_unit_test(of_layer_norm),
        cmocka_unit_test(of_pool_softplus_dropout),
        cmocka_unit_test(of_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
