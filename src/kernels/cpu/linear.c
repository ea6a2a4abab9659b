/* Dense layers: y = x w^T + b. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/lanes.h"

typedef struct linear_job {
    float *y;
    const float *in, *w, *b;
    int64_t n;
    int32_t n_in, n_out;
    int lanes;
} linear_job;

/* Rows times rows: the dot products of ROWS x OUTS pairs share their loads.  The order of each sum (vector by vector
 * over n_in, then the tree of vsum) does not depend on the block, so a row's result does not depend on its neighbours.
 */
INLINE void dots(float *sum, const float *x, const float *w, int n_in, int rows, int outs) {
    vf acc[4][4];
    UNROLL for (int r = 0; r < rows; r++) { UNROLL for (int o = 0; o < outs; o++) acc[r][o] = (vf){0}; }
    for (int i = 0; i < n_in; i += VW) {
        int n = n_in - i < VW ? n_in - i : VW;
        vf wv[4];
        UNROLL for (int o = 0; o < outs; o++) wv[o] = vload_n(w + (size_t)o * (size_t)n_in + i, n);
        UNROLL for (int r = 0; r < rows; r++) {
            vf xv = vload_n(x + (size_t)r * (size_t)n_in + i, n);
            UNROLL for (int o = 0; o < outs; o++) acc[r][o] = vfma(xv, wv[o], acc[r][o]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) { UNROLL for (int o = 0; o < outs; o++) sum[r * outs + o] = vsum(acc[r][o]); }
}

INLINE void linear_rows(const linear_job *j, int64_t row, int rows) {
    float sum[16];
    const float *x = j->in + row * j->n_in;
    for (int32_t o = 0; o < j->n_out;) {
        int outs = o + 4 <= j->n_out ? 4 : 1;
        if (outs == 4)
            dots(sum, x, j->w + (size_t)o * (size_t)j->n_in, j->n_in, rows, 4);
        else
            dots(sum, x, j->w + (size_t)o * (size_t)j->n_in, j->n_in, rows, 1);
        for (int r = 0; r < rows; r++)
            for (int k = 0; k < outs; k++)
                j->y[(row + r) * j->n_out + o + k] = sum[r * outs + k] + (j->b != NULL ? j->b[o + k] : 0.0f);
        o += outs;
    }
}

static void linear_fwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const linear_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    int64_t row = rows.first;
    for (; row + 4 <= rows.end; row += 4) linear_rows(j, row, 4);
    for (; row < rows.end; row++) linear_rows(j, row, 1);
}

void RCR_CPU(linear_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *in, const rcr_real *w, const rcr_real *b,
                         int32_t n, int32_t n_in, int32_t n_out) {
    linear_job job = {y, in, w, b, n, n_in, n_out, rcr_lanes(n)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, linear_fwd_piece, &job);
}

typedef struct linear_bwd_job {
    float *dx, *dw, *db, *partial; /* partial: a [n_out, n_in + 1] matrix for each lane, the bias in the last column */
    const float *dy, *in, *w;
    int64_t n;
    int32_t n_in, n_out;
    int lanes;
} linear_bwd_job;

static void linear_bwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const linear_bwd_job *j = job;
    rcr_range lane_rows = rcr_lane(j->n, j->lanes, lane);
    int64_t begin = lane_rows.first;
    int rows = (int)(lane_rows.end - begin);
    const float *dy = j->dy + begin * j->n_out, *in = j->in + begin * j->n_in;
    float *dw = j->partial + (size_t)lane * (size_t)j->n_out * (size_t)(j->n_in + 1);
    float *db = dw + (size_t)j->n_out * (size_t)j->n_in;
    /* dx inverts y = x w^T: dx = dy w */
    if (j->dx != NULL) RCR_CPU(gemm)
    (j->dx + begin * j->n_in, j->n_in, dy, j->n_out, 1, j->w, j->n_in, NULL, rows, j->n_in, j->n_out, RCR_GEMM_SET);
    /* dw inverts y = x w^T: dw = dy^T x */
    RCR_CPU(gemm)(dw, j->n_in, dy, 1, j->n_out, in, j->n_in, NULL, j->n_out, j->n_in, rows, RCR_GEMM_SET);
    memset(db, 0, (size_t)j->n_out * sizeof(float));
    for (int r = 0; r < rows; r++)
        for (int32_t o = 0; o < j->n_out; o++) db[o] += dy[(size_t)r * (size_t)j->n_out + (size_t)o];
}

/* Some of the weights and biases, each the sum over the lanes in their order. */
static void linear_reduce_piece(void *job, int part, int worker) {
    (void)worker;
    const linear_bwd_job *j = job;
    size_t count = (size_t)j->n_out * (size_t)j->n_in, stride = (size_t)j->n_out * (size_t)(j->n_in + 1);
    rcr_range weights = rcr_part((int64_t)count, RCR_REDUCE_PARTS, part);
    rcr_range biases = rcr_part(j->n_out, RCR_REDUCE_PARTS, part);
    for (int l = 0; l < j->lanes; l++) {
        const float *partial = j->partial + (size_t)l * stride;
        for (int64_t i = weights.first; i < weights.end; i++) j->dw[i] += partial[i];
        if (j->db != NULL)
            for (int64_t o = biases.first; o < biases.end; o++) j->db[o] += partial[(int64_t)count + o];
    }
}

void RCR_CPU(linear_bwd)(const rcr_exec *x, rcr_real *dx, rcr_real *dw, rcr_real *db, const rcr_real *dy,
                         const rcr_real *in, const rcr_real *w, int32_t n, int32_t n_in, int32_t n_out) {
    linear_bwd_job job = {dx, dw, db, x->scratch, dy, in, w, n, n_in, n_out, rcr_lanes(n)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, linear_bwd_piece, &job);
    rcr_pool_run(x->pool, RCR_REDUCE_PARTS, linear_reduce_piece, &job);
}
