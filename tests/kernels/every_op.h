/* Runs every operation of a table of kernels on one case and keeps what it wrote.
 *
 * Each operation gets fresh copies of its inputs, at odd addresses; results that it must overwrite start as NaN,
 * results that it must add to start from 0 or from random values; scratch, exactly as large as the table asks, starts
 * as NaN; reals after each array and bytes after the scratch must stay as they were. */
#ifndef RCR_TESTS_KERNELS_EVERY_OP_H
#define RCR_TESTS_KERNELS_EVERY_OP_H

#include "kernels/kernel_case.h"

enum { OP_GUARDS = 40, OP_MAX_ARRAYS = 24, OP_MAX_RESULTS = 96, SCRATCH_GUARD = 256 };

/* What a result's rows stand for when they may depend on nothing else of the batch. */
typedef enum row_kind { ROWS_MIXED = 0, ROWS_ATOMS, ROWS_CRYSTALS } row_kind;

typedef struct op_result {
    const char *op, *what;
    rcr_real *value; /* [n] */
    size_t n;
    row_kind rows;
    int backward; /* judged by the bound for gradients */
    int adds;     /* "+=" */
    double floor; /* the size of values that cancel to 0, for relative errors; else 0 */
} op_result;

typedef struct op_results {
    op_result result[OP_MAX_RESULTS];
    int n;
} op_results;

typedef struct op_array {
    rcr_real *block, *p; /* as allocated; what the operation sees */
    size_t n;
    int result; /* index, or -1 for an input */
} op_array;

typedef struct op_run {
    const rcr_kernels *k;
    const kernel_case *c;
    rcr_exec x;
    op_results *out;
    int accumulate; /* start "+=" results from c->start rather than 0 */
    const char *op;
    op_array array[OP_MAX_ARRAYS];
    int n_arrays;
} op_run;

static inline void op_poison_scratch(op_run *r) {
    memset(r->x.scratch, 0xff, r->x.scratch_size); /* NaN in float and in double */
    memset((char *)r->x.scratch + r->x.scratch_size, 0x5a, SCRATCH_GUARD);
}

static inline void op_begin(op_run *r, const char *op) {
    r->op = op;
    r->n_arrays = 0;
    op_poison_scratch(r);
}

/* A device array with these contents (NULL: NaN), guards behind it. */
static inline rcr_real *op_array_make(op_run *r, const rcr_real *contents, size_t n, int aligned, int result) {
    assert_true(r->n_arrays < OP_MAX_ARRAYS);
    op_array *a = &r->array[r->n_arrays++];
    size_t lead = aligned ? 0 : (size_t)(1 + 2 * (r->n_arrays % 4));
    rcr_real *host = malloc((lead + n + OP_GUARDS) * sizeof *host);
    assert_non_null(host);
    for (size_t i = 0; i < lead + n + OP_GUARDS; i++) host[i] = (rcr_real)-12345;
    for (size_t i = 0; i < n; i++) host[lead + i] = contents != NULL ? contents[i] : (rcr_real)NAN;
    a->block = r->k->mem_alloc(lead + n + OP_GUARDS);
    assert_non_null(a->block);
    r->k->mem_upload(a->block, host, lead + n + OP_GUARDS);
    a->p = a->block + lead;
    a->n = n;
    a->result = result;
    free(host);
    return a->p;
}

static inline rcr_real *op_input(op_run *r, const rcr_real *contents, size_t n) {
    return op_array_make(r, contents, n, 0, -1);
}

static inline op_result *op_new_result(op_run *r, const char *what, size_t n) {
    assert_true(r->out->n < OP_MAX_RESULTS);
    op_result *result = &r->out->result[r->out->n++];
    *result = (op_result){.op = r->op, .what = what, .n = n};
    result->backward = what[0] == 'd';
    return result;
}

/* A result that the operation overwrites. */
static inline rcr_real *op_output(op_run *r, const char *what, size_t n, row_kind rows) {
    op_new_result(r, what, n)->rows = rows;
    return op_array_make(r, NULL, n, 0, r->out->n - 1);
}

/* A result that starts from given contents and is changed. */
static inline rcr_real *op_changed(op_run *r, const char *what, const rcr_real *contents, size_t n) {
    op_new_result(r, what, n);
    return op_array_make(r, contents, n, 0, r->out->n - 1);
}

/* A result that the operation adds to. */
static inline rcr_real *op_sum(op_run *r, const char *what, size_t n) {
    assert_true(n <= r->c->n_start);
    rcr_real *zero = calloc(n + 1, sizeof *zero);
    assert_non_null(zero);
    op_new_result(r, what, n)->adds = 1;
    rcr_real *p = op_array_make(r, r->accumulate ? r->c->start : zero, n, 0, r->out->n - 1);
    free(zero);
    return p;
}

/* The kernels' own memory (pack, cache): as the allocator gives it, zeroed. */
static inline rcr_real *op_own(op_run *r, size_t n) {
    rcr_real *zero = calloc(n + 1, sizeof *zero);
    assert_non_null(zero);
    rcr_real *p = op_array_make(r, zero, n, 1, -1);
    free(zero);
    return p;
}

/* The last result is the small rest of terms of this size. */
static inline void op_floor(op_run *r, double floor) { r->out->result[r->out->n - 1].floor = floor; }

/* Take the results, check the guards, free everything. */
static inline void op_end(op_run *r) {
    const unsigned char *tail = (const unsigned char *)r->x.scratch + r->x.scratch_size;
    for (int i = 0; i < SCRATCH_GUARD; i++)
        if (tail[i] != 0x5a) fail_msg("%s %s, %s: wrote past its scratch", r->k->name, r->op, r->c->shape.name);
    for (int a = 0; a < r->n_arrays; a++) {
        op_array *array = &r->array[a];
        size_t lead = (size_t)(array->p - array->block), n = lead + array->n + OP_GUARDS;
        rcr_real *host = malloc(n * sizeof *host);
        assert_non_null(host);
        r->k->mem_download(host, array->block, n);
        for (size_t i = 0; i < n; i++)
            if ((i < lead || i >= lead + array->n) && host[i] != (rcr_real)-12345)
                fail_msg("%s %s, %s: wrote outside its argument (array %d, element %ld of %ld)", r->k->name, r->op,
                         r->c->shape.name, a, (long)i - (long)lead, (long)array->n);
        if (array->result >= 0) {
            op_result *result = &r->out->result[array->result];
            result->value = malloc((array->n + 1) * sizeof *host);
            assert_non_null(result->value);
            memcpy(result->value, host + lead, array->n * sizeof *host);
            for (size_t i = 0; i < array->n; i++)
                if (!isfinite((double)result->value[i]))
                    fail_msg("%s %s, %s: %s[%ld] is %g", r->k->name, r->op, r->c->shape.name, result->what, (long)i,
                             (double)result->value[i]);
        }
        free(host);
        r->k->mem_free(array->block);
    }
}

static inline size_t op_n_atoms(const op_run *r) { return (size_t)r->c->batch.n_atoms; }

static inline void op_dense(op_run *r) {
    const kernel_case *c = r->c;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F, H = (size_t)c->shape.H;
    int32_t n = c->batch.n_atoms, f = c->shape.F, h = c->shape.H;
    op_begin(r, "linear_fwd");
    rcr_real *in = op_input(r, c->v, N * F), *w = op_input(r, c->w_dense, H * F), *b = op_input(r, c->b_dense, H);
    r->k->linear_fwd(&r->x, op_output(r, "y", N * H, ROWS_ATOMS), in, w, b, n, f, h);
    r->k->linear_fwd(&r->x, op_output(r, "y without bias", N * H, ROWS_ATOMS), in, w, NULL, n, f, h);
    /* one output: the model's last layer */
    r->k->linear_fwd(&r->x, op_output(r, "y of one output", N, ROWS_ATOMS), in, w, b, n, f, 1);
    op_end(r);

    op_begin(r, "linear_bwd");
    in = op_input(r, c->v, N * F);
    w = op_input(r, c->w_dense, H * F);
    rcr_real *dy = op_input(r, c->d_hidden, N * H);
    rcr_real *dx = op_output(r, "dx", N * F, ROWS_MIXED), *dw = op_sum(r, "dw", H * F), *db = op_sum(r, "db", H);
    r->k->linear_bwd(&r->x, dx, dw, db, dy, in, w, n, f, h);
    r->k->linear_bwd(&r->x, NULL, op_sum(r, "dw alone", H * F), NULL, dy, in, w, n, f, h);
    dx = op_output(r, "dx of one output", N * F, ROWS_MIXED);
    dw = op_sum(r, "dw of one output", F);
    r->k->linear_bwd(&r->x, dx, dw, op_sum(r, "db of one output", 1), dy, in, w, n, f, 1);
    op_end(r);
}

static inline void op_rows(op_run *r) {
    const kernel_case *c = r->c;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F, S = (size_t)c->S;
    op_begin(r, "rows_gather");
    rcr_real *table = op_input(r, c->table, S * F);
    r->k->rows_gather(&r->x, op_output(r, "y", N * F, ROWS_ATOMS), table, c->batch.site_row, c->batch.n_atoms,
                      c->shape.F);
    op_end(r);
    op_begin(r, "rows_scatter");
    rcr_real *dy = op_input(r, c->d_atom, N * F);
    r->k->rows_scatter(&r->x, op_output(r, "dtable", S * F, ROWS_MIXED), dy, c->batch.site_row, c->batch.n_atoms, c->S,
                       c->shape.F);
    op_end(r);
}

/* Other rows of y than those of disordered atoms stay as they were; row 0 of dtable is overwritten, the rest added to.
 */
static inline void op_mixtures(op_run *r) {
    const kernel_case *c = r->c;
    const rcr_mixtures *m = &c->batch.mixtures;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F, S = (size_t)c->S;
    op_begin(r, "rows_mix_fwd");
    rcr_real *table = op_input(r, c->table, S * F), *y = op_changed(r, "y", c->v, N * F);
    r->out->result[r->out->n - 1].rows = ROWS_ATOMS;
    r->k->rows_mix_fwd(&r->x, y, table, m, c->shape.F);
    op_end(r);
    op_begin(r, "rows_mix_bwd");
    rcr_real *before = malloc(S * F * sizeof *before);
    assert_non_null(before);
    for (size_t i = 0; i < S * F; i++) before[i] = i < F ? (rcr_real)NAN : c->table[i];
    rcr_real *dy = op_input(r, c->d_atom, N * F);
    r->k->rows_mix_bwd(&r->x, op_changed(r, "dtable", before, S * F), dy, m, c->S, c->shape.F);
    free(before);
    op_end(r);
}

static inline rcr_real *op_pack(op_run *r) {
    const kernel_case *c = r->c;
    size_t F = (size_t)c->shape.F, K = (size_t)c->shape.K;
    rcr_real *pack = op_own(r, r->k->conv_pack_size(c->shape.F, c->shape.K));
    rcr_real *w = op_input(r, c->w, 2 * F * (2 * F + K)), *b = op_input(r, c->b, 2 * F);
    r->k->conv_pack(&r->x, pack, w, b, c->shape.F, c->shape.K);
    op_poison_scratch(r);
    return pack;
}

static inline void op_project(op_run *r) {
    const kernel_case *c = r->c;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F;
    int32_t n = c->batch.n_atoms, f = c->shape.F, k = c->shape.K;
    op_begin(r, "conv_project_fwd");
    rcr_real *pack = op_pack(r), *v = op_input(r, c->v, N * F);
    r->k->conv_project_fwd(&r->x, op_output(r, "pq", N * 4 * F, ROWS_ATOMS), v, pack, n, f, k);
    op_end(r);
}

static inline rcr_edge_input op_edge_input(op_run *r, int training) {
    const kernel_case *c = r->c;
    rcr_edge_input in = {.batch = &c->batch, .basis = c->basis, .F = c->shape.F};
    in.pq = op_input(r, c->pq, op_n_atoms(r) * 4 * (size_t)c->shape.F);
    in.pack = op_pack(r);
    rcr_real *cache =
        op_own(r, r->k->edge_cache_size(c->batch.n_atoms, c->batch.n_edges, c->shape.F, c->shape.K, training));
    r->k->edge_prepare(&r->x, cache, &c->batch, c->basis, in.pack, c->shape.F, training);
    op_poison_scratch(r);
    in.cache = cache;
    return in;
}

static inline rcr_norm op_norm(op_run *r, const rcr_real *mean, const rcr_real *var, size_t n) {
    rcr_norm norm = {op_input(r, mean, n), op_input(r, var, n), op_input(r, r->c->gamma, n),
                     op_input(r, r->c->beta, n)};
    return norm;
}

/* The largest 1 / sqrt(var + eps): what rounding is multiplied with where a gradient cancels. */
static inline double op_largest_rstd(const rcr_real *var, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++) largest = fmax(largest, 1 / sqrt((double)var[i] + RCR_NORM_EPS));
    return largest;
}

static inline void op_conv_bwd(op_run *r, const char *op, const rcr_real *mean, const rcr_real *var, int batch_stats) {
    const kernel_case *c = r->c;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F, K = (size_t)c->shape.K;
    double rest = batch_stats ? op_largest_rstd(var, 2 * F) : 0;
    op_begin(r, op);
    rcr_edge_input in = op_edge_input(r, 1);
    in.pq = NULL;
    rcr_norm norm = op_norm(r, mean, var, 2 * F);
    rcr_real *pq = op_input(r, c->pq, N * 4 * F), *ds = op_input(r, c->d_atom, N * F), *v = op_input(r, c->v, N * F);
    rcr_real *dv = op_sum(r, "dv", N * F);
    op_floor(r, rest);
    rcr_real *dw = op_sum(r, "dw", 2 * F * (2 * F + K));
    op_floor(r, rest);
    rcr_real *db = NULL; /* over a whole batch's statistics it is 0 but for rounding */
    if (!batch_stats) db = op_sum(r, "db", 2 * F);
    rcr_real *dgamma = op_sum(r, "dgamma", 2 * F);
    op_floor(r, batch_stats ? 1 : 0);
    rcr_real *dbeta = op_sum(r, "dbeta", 2 * F);
    r->k->conv_bwd(&r->x, dv, dw, db, dgamma, dbeta, pq, ds, v, &in, &norm, batch_stats);
    op_end(r);
}

static inline void op_edges(op_run *r) {
    const kernel_case *c = r->c;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F;
    double size = 1 + c->shape.offset;
    op_begin(r, "conv_stats_fwd");
    rcr_edge_input in = op_edge_input(r, 1);
    in.pq = NULL;
    rcr_real *pq = op_output(r, "pq", N * 4 * F, ROWS_ATOMS), *mean = op_output(r, "mean", 2 * F, ROWS_MIXED);
    op_floor(r, size);
    rcr_real *var = op_output(r, "var", 2 * F, ROWS_MIXED);
    op_floor(r, 1);
    r->k->conv_stats_fwd(&r->x, pq, mean, var, op_input(r, c->v, N * F), &in);
    op_end(r);
    for (int training = 0; training < 2; training++) {
        op_begin(r, "edge_conv_fwd");
        in = op_edge_input(r, training);
        rcr_norm norm = op_norm(r, c->mean, c->var, 2 * F);
        r->k->edge_conv_fwd(&r->x, op_output(r, training ? "s in training" : "s", N * F, ROWS_ATOMS), &in, &norm);
        op_end(r);
    }
    op_conv_bwd(r, "conv_bwd (constant statistics)", c->mean, c->var, 0);
    op_conv_bwd(r, "conv_bwd (statistics of the batch)", c->batch_mean, c->batch_var, 1);
}

static inline void op_normalise(op_run *r) {
    const kernel_case *c = r->c;
    size_t N = op_n_atoms(r), F = (size_t)c->shape.F;
    int32_t n = c->batch.n_atoms, f = c->shape.F;
    op_begin(r, "norm_stats");
    rcr_real *s = op_input(r, c->s, N * F), *mean = op_output(r, "mean", F, ROWS_MIXED);
    rcr_real *var = op_output(r, "var", F, ROWS_MIXED);
    op_floor(r, 1);
    r->k->norm_stats(&r->x, mean, var, s, c->batch.multiplicity, n, f);
    op_end(r);
    op_begin(r, "norm_running");
    rcr_real *running_mean = op_changed(r, "mean", c->mean, F), *running_var = op_changed(r, "var", c->var, F);
    mean = op_input(r, c->node_mean, F);
    var = op_input(r, c->node_var, F);
    r->k->norm_running(&r->x, running_mean, running_var, mean, var, n, 0.1, f);
    op_end(r);

    op_begin(r, "node_update_fwd");
    rcr_real *v = op_input(r, c->v, N * F);
    s = op_input(r, c->s, N * F);
    rcr_norm norm = op_norm(r, c->mean, c->var, F);
    r->k->node_update_fwd(&r->x, op_output(r, "out", N * F, ROWS_ATOMS), v, s, &norm, n, f);
    op_end(r);
    for (int batch_stats = 0; batch_stats < 2; batch_stats++) {
        op_begin(r,
                 batch_stats ? "node_update_bwd (statistics of the batch)" : "node_update_bwd (constant statistics)");
        v = op_input(r, c->v, N * F);
        s = op_input(r, c->s, N * F);
        rcr_real *dout = op_input(r, c->d_atom, N * F);
        norm = batch_stats ? op_norm(r, c->node_mean, c->node_var, F) : op_norm(r, c->mean, c->var, F);
        rcr_real *dv = op_output(r, "dv", N * F, ROWS_MIXED), *ds = op_output(r, "ds", N * F, ROWS_MIXED);
        op_floor(r, batch_stats ? op_largest_rstd(c->node_var, F) : 0);
        rcr_real *dgamma = op_sum(r, "dgamma", F);
        op_floor(r, batch_stats ? 1 : 0);
        r->k->node_update_bwd(&r->x, dv, ds, dgamma, op_sum(r, "dbeta", F), dout, v, s, &norm, batch_stats,
                              c->batch.multiplicity, n, f);
        op_end(r);
    }

    op_begin(r, "layer_norm_fwd");
    v = op_input(r, c->v, N * F);
    rcr_real *gamma = op_input(r, c->gamma, F), *beta = op_input(r, c->beta, F);
    r->k->layer_norm_fwd(&r->x, op_output(r, "out", N * F, ROWS_ATOMS), v, gamma, beta, n, f);
    op_end(r);
    op_begin(r, "layer_norm_bwd");
    v = op_input(r, c->v, N * F);
    gamma = op_input(r, c->gamma, F);
    rcr_real *dout = op_input(r, c->d_atom, N * F), *dx = op_output(r, "dx", N * F, ROWS_MIXED);
    rcr_real *dgamma = op_sum(r, "dgamma", F), *dbeta = op_sum(r, "dbeta", F);
    r->k->layer_norm_bwd(&r->x, dx, dgamma, dbeta, dout, v, gamma, n, f);
    op_end(r);
}

static inline void op_gate(op_run *r) {
    const kernel_case *c = r->c;
    size_t n = op_n_atoms(r) * (size_t)c->shape.F;
    op_begin(r, "gate_fwd");
    rcr_real *v_old = op_input(r, c->v, n), *v_new = op_input(r, c->v_new, n), *alpha = op_input(r, &c->alpha, 1);
    r->k->gate_fwd(&r->x, op_output(r, "out", n, ROWS_ATOMS), v_old, v_new, alpha, (int64_t)n);
    op_end(r);
    op_begin(r, "gate_bwd");
    v_old = op_input(r, c->v, n);
    v_new = op_input(r, c->v_new, n);
    alpha = op_input(r, &c->alpha, 1);
    rcr_real *dout = op_input(r, c->d_atom, n), *dv_old = op_output(r, "dv_old", n, ROWS_MIXED);
    rcr_real *dv_new = op_output(r, "dv_new", n, ROWS_MIXED), *dalpha = op_sum(r, "dalpha", 1);
    op_floor(r, sqrt((double)n)); /* n terms of either sign */
    r->k->gate_bwd(&r->x, dv_old, dv_new, dalpha, dout, v_old, v_new, alpha, (int64_t)n);
    op_end(r);
}

static inline void op_readout(op_run *r) {
    const kernel_case *c = r->c;
    int32_t C = c->batch.n_crystals, f = c->shape.F;
    size_t N = op_n_atoms(r), F = (size_t)f, n = N * F;
    op_begin(r, "pool_fwd");
    rcr_real *v = op_input(r, c->v, n);
    r->k->pool_fwd(&r->x, op_output(r, "out", (size_t)C * F, ROWS_CRYSTALS), v, c->batch.crystal_offset,
                   c->batch.multiplicity, C, f);
    op_end(r);
    op_begin(r, "pool_bwd");
    rcr_real *dout = op_input(r, c->d_crystal, (size_t)C * F);
    r->k->pool_bwd(&r->x, op_output(r, "dv", n, ROWS_ATOMS), dout, c->batch.crystal_offset, c->batch.multiplicity, C,
                   f);
    op_end(r);

    op_begin(r, "softplus_fwd");
    rcr_real *in = op_input(r, c->s, n);
    r->k->softplus_fwd(&r->x, op_output(r, "y", n, ROWS_ATOMS), in, (int64_t)n);
    op_end(r);
    op_begin(r, "softplus_bwd");
    in = op_input(r, c->s, n);
    dout = op_input(r, c->d_atom, n);
    r->k->softplus_bwd(&r->x, op_output(r, "dx", n, ROWS_ATOMS), dout, in, (int64_t)n);
    op_end(r);
    op_begin(r, "add");
    in = op_input(r, c->s, n);
    r->k->add(&r->x, op_sum(r, "y", n), in, (int64_t)n);
    op_end(r);
    op_begin(r, "dropout");
    in = op_input(r, c->s, n);
    r->k->dropout(&r->x, op_output(r, "y", n, ROWS_MIXED), in, 0.5, 99, (int64_t)n);
    op_end(r);
}

static inline void op_losses(op_run *r) {
    const kernel_case *c = r->c;
    int32_t C = c->batch.n_crystals;
    size_t n = (size_t)C, M = (size_t)c->M;
    op_begin(r, "log_softmax");
    rcr_real *in = op_input(r, c->logits, n * M);
    r->k->log_softmax(&r->x, op_output(r, "y", n * M, ROWS_CRYSTALS), in, C, c->M);
    op_end(r);
    if (C == 0) return; /* no mean over no rows */
    for (int weighted = 0; weighted < 2; weighted++) {
        op_begin(r, weighted ? "loss_mse, weighted" : "loss_mse");
        in = op_input(r, c->logits, n);
        rcr_real *target = op_input(r, c->target, n), *weight = weighted ? op_input(r, c->weight, n) : NULL;
        rcr_real *loss = op_output(r, "loss", 1, ROWS_MIXED);
        r->k->loss_mse(&r->x, loss, op_output(r, "dout", n, ROWS_MIXED), in, target, weight, C);
        op_end(r);
        op_begin(r, weighted ? "loss_l1, weighted" : "loss_l1");
        in = op_input(r, c->logits, n), target = op_input(r, c->target, n);
        weight = weighted ? op_input(r, c->weight, n) : NULL, loss = op_output(r, "loss", 1, ROWS_MIXED);
        r->k->loss_l1(&r->x, loss, op_output(r, "dout", n, ROWS_MIXED), in, target, weight, C);
        op_end(r);
        op_begin(r, weighted ? "loss_huber, weighted" : "loss_huber");
        in = op_input(r, c->logits, n), target = op_input(r, c->target, n);
        weight = weighted ? op_input(r, c->weight, n) : NULL, loss = op_output(r, "loss", 1, ROWS_MIXED);
        r->k->loss_huber(&r->x, loss, op_output(r, "dout", n, ROWS_MIXED), in, target, weight, 0.7, C);
        op_end(r);
        op_begin(r, weighted ? "loss_gaussian, weighted" : "loss_gaussian");
        in = op_input(r, c->logits, 2 * n), target = op_input(r, c->target, n); /* there are at least two classes */
        weight = weighted ? op_input(r, c->weight, n) : NULL, loss = op_output(r, "loss", 1, ROWS_MIXED);
        r->k->loss_gaussian(&r->x, loss, op_output(r, "dout", 2 * n, ROWS_MIXED), in, target, weight, 0.5, C, 1);
        op_end(r);
        op_begin(r, weighted ? "loss_nll, weighted" : "loss_nll");
        in = op_input(r, c->logits, n * M), target = op_input(r, c->classes, n);
        weight = weighted ? op_input(r, c->weight, n) : NULL, loss = op_output(r, "loss", 1, ROWS_MIXED);
        r->k->loss_nll(&r->x, loss, op_output(r, "dout", n * M, ROWS_MIXED), in, target, weight, NULL, C, c->M);
        op_end(r);
    }
}

static inline void op_optimisers(op_run *r) {
    const kernel_case *c = r->c;
    size_t n = (size_t)c->shape.F * (size_t)c->shape.H;
    rcr_real *square = calloc(n, sizeof *square);
    assert_non_null(square);
    for (size_t i = 0; i < n; i++) square[i] = c->start[i] * c->start[i];
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        rcr_adam adam = {1e-3, 0.9, 0.999, 1e-8, 0.01, decoupled, 7};
        op_begin(r, decoupled ? "adam_update (decoupled decay)" : "adam_update");
        rcr_real *p = op_changed(r, "p", c->w_dense, n), *m = op_changed(r, "m", c->w_dense, n);
        rcr_real *v = op_changed(r, "v", square, n), *grad = op_input(r, c->start, n);
        r->k->adam_update(&r->x, p, m, v, grad, &adam, (int64_t)n);
        op_end(r);
    }
    for (int first = 0; first < 2; first++) {
        op_begin(r, first ? "sgd_update (first)" : "sgd_update");
        rcr_real *p = op_changed(r, "p", c->w_dense, n), *buffer = op_changed(r, "buffer", c->start, n);
        rcr_real *grad = op_input(r, c->start, n);
        r->k->sgd_update(&r->x, p, buffer, grad, 0.01, 0.9, 1e-3, first, (int64_t)n);
        op_end(r);
    }
    op_begin(r, "clip_norm");
    r->k->clip_norm(&r->x, op_changed(r, "grad", c->start, n), 0.01, (int64_t)n);
    op_end(r);
    op_begin(r, "blend");
    rcr_real *y = op_changed(r, "y", c->w_dense, n), *in = op_input(r, c->start, n);
    r->k->blend(&r->x, y, in, 0.9, (int64_t)n);
    op_end(r);
    free(square);
}

static inline void op_memory(op_run *r) {
    const kernel_case *c = r->c;
    size_t n = op_n_atoms(r) * (size_t)c->shape.F;
    op_begin(r, "mem_zero and mem_copy");
    r->k->mem_zero(&r->x, op_output(r, "zero", n, ROWS_ATOMS), n);
    rcr_real *from = op_input(r, c->v, n);
    r->k->mem_copy(&r->x, op_output(r, "copy", n, ROWS_ATOMS), from, n);
    op_end(r);
}

/* Run all operations; the results belong to the caller (op_results_free). */
static inline op_results *run_every_op(const rcr_kernels *k, rcr_pool *pool, const kernel_case *c, int accumulate) {
    const kernel_shape *s = &c->shape;
    op_results *out = calloc(1, sizeof *out);
    assert_non_null(out);
    /* the dense layer has the atoms for rows */
    size_t size = k->scratch_size(c->batch.n_atoms, c->batch.n_edges, c->batch.n_atoms, c->S, s->F, s->K,
                                  s->H > s->F ? s->H : s->F, (size_t)s->H * ((size_t)s->F + 1));
    char *block = malloc(size + SCRATCH_GUARD + 64);
    assert_non_null(block);
    char *scratch = block + (64 - (uintptr_t)block % 64) % 64;
    op_run r = {.k = k, .c = c, .x = {k, pool, scratch, size}, .out = out, .accumulate = accumulate};
    op_dense(&r);
    op_rows(&r);
    op_mixtures(&r);
    op_project(&r);
    op_edges(&r);
    op_normalise(&r);
    op_gate(&r);
    op_readout(&r);
    op_losses(&r);
    op_optimisers(&r);
    op_memory(&r);
    free(block);
    return out;
}

static inline void op_results_free(op_results *results) {
    for (int i = 0; i < results->n; i++) free(results->result[i].value);
    free(results);
}

/* Fails unless both hold the same bits. */
static inline void op_assert_same_bits(const op_results *a, const op_results *b, const kernel_case *c,
                                       const char *why) {
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        const op_result *p = &a->result[i], *q = &b->result[i];
        assert_int_equal(p->n, q->n);
        for (size_t e = 0; e < p->n; e++)
            if (memcmp(&p->value[e], &q->value[e], sizeof p->value[e]) != 0)
                fail_msg("%s, %s, %s[%ld]: %.9g and %.9g (%s)", p->op, c->shape.name, p->what, (long)e,
                         (double)p->value[e], (double)q->value[e], why);
    }
}

/* Fails unless each crystal's rows in `all`, of the case c, are the bits that `one`, crystal k alone, has. */
static inline void op_assert_same_rows(const op_results *all, const op_results *one, const kernel_case *c, int32_t k) {
    size_t first_atom = (size_t)c->batch.crystal_offset[k], n_atoms = (size_t)c->batch.n_atoms;
    for (int i = 0; i < all->n; i++) {
        const op_result *p = &all->result[i], *q = &one->result[i];
        if (p->rows == ROWS_MIXED || q->n == 0) continue;
        size_t width = p->rows == ROWS_ATOMS ? p->n / n_atoms : p->n / (size_t)c->batch.n_crystals;
        size_t first = (p->rows == ROWS_ATOMS ? first_atom : (size_t)k) * width;
        assert_true(first + q->n <= p->n);
        for (size_t e = 0; e < q->n; e++)
            if (memcmp(&p->value[first + e], &q->value[e], sizeof q->value[e]) != 0)
                fail_msg("%s, %s, %s of crystal %d, row %ld, column %ld: %.9g in the batch, %.9g alone", p->op,
                         c->shape.name, p->what, (int)k, (long)(e / width), (long)(e % width),
                         (double)p->value[first + e], (double)q->value[e]);
    }
}

#endif
