/* The products per atom of a convolution: P = W_i v + b, Q = W_j v, and their gradients. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/lanes.h"

size_t RCR_CPU(conv_pack_size)(int32_t F, int32_t K) {
    size_t f = (size_t)F, k = (size_t)K;
    return 8 * f * f + 4 * f + (k + 2 * RCR_BASIS_PAD) * 2 * (size_t)rcr_padded(F);
}

typedef struct pack_job {
    float *pack;
    const float *w;
    int32_t F, K;
} pack_job;

/* Channels of z, a part of them all. */
static void pack_piece(void *job, int part, int worker) {
    (void)worker;
    const pack_job *j = job;
    int32_t F = j->F, K = j->K, C = 2 * F, row = C + K, Fp = rcr_padded(F);
    float *w_fwd = j->pack, *w_bwd = w_fwd + 4 * (size_t)F * (size_t)F + 4 * (size_t)F;
    float *w_e = w_bwd + 4 * (size_t)F * (size_t)F;
    int32_t begin = (int32_t)rcr_lane_begin(C, RCR_REDUCE_PARTS, part);
    int32_t end = (int32_t)rcr_lane_begin(C, RCR_REDUCE_PARTS, part + 1);
    for (int32_t half = 0; half < 2; half++) { /* W_i, then W_j */
        for (int32_t c = begin; c < end; c++)
            memcpy(w_bwd + ((size_t)half * (size_t)C + (size_t)c) * (size_t)F,
                   j->w + (size_t)c * (size_t)row + half * F, (size_t)F * sizeof(float));
        for (int32_t f = 0; f < F; f++)
            for (int32_t c = begin; c < end; c++)
                w_fwd[(size_t)f * 2 * (size_t)C + (size_t)half * (size_t)C + (size_t)c] =
                    j->w[(size_t)c * (size_t)row + (size_t)(half * F + f)];
    }
    for (int32_t k = 0; k < K; k++)
        for (int32_t c = begin; c < end; c++)
            w_e[(size_t)(RCR_BASIS_PAD + k) * 2 * (size_t)Fp + (size_t)(c < F ? c : Fp + c - F)] =
                j->w[(size_t)c * (size_t)row + (size_t)(C + k)];
}

void RCR_CPU(conv_pack)(const rcr_exec *x, rcr_real *pack, const rcr_real *w, const rcr_real *b, int32_t F, int32_t K) {
    int32_t C = 2 * F;
    float *bias = pack + 4 * (size_t)F * (size_t)F, *w_e = bias + 4 * (size_t)F + 4 * (size_t)F * (size_t)F;
    memcpy(bias, b, (size_t)C * sizeof(float));
    memset(bias + C, 0, (size_t)C * sizeof(float));
    memset(w_e, 0, (size_t)(K + 2 * RCR_BASIS_PAD) * 2 * (size_t)rcr_padded(F) * sizeof(float));
    pack_job job = {pack, w, F, K};
    rcr_pool_run(x->pool, RCR_REDUCE_PARTS, pack_piece, &job);
}

typedef struct project_job {
    float *pq, *dv, *partial;
    const float *v, *dpq;
    rcr_pack_view pack;
    int32_t N, F, K;
    int lanes;
} project_job;

static void project_fwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const project_job *j = job;
    int64_t begin = rcr_lane_begin(j->N, j->lanes, lane), end = rcr_lane_begin(j->N, j->lanes, lane + 1);
    RCR_CPU(gemm)
    (j->pq + begin * 4 * j->F, 4 * j->F, j->v + begin * j->F, j->F, 1, j->pack.w_fwd, 4 * j->F, j->pack.bias,
     (int)(end - begin), 4 * j->F, j->F, RCR_GEMM_BIAS);
}

void RCR_CPU(conv_project_fwd)(const rcr_exec *x, rcr_real *pq, const rcr_real *v, const rcr_real *pack, int32_t N,
                               int32_t F, int32_t K) {
    project_job job = {pq, NULL, NULL, v, NULL, rcr_pack_at(pack, F), N, F, K, rcr_lanes(N)};
    rcr_pool_run(x->pool, job.lanes, project_fwd_piece, &job);
}

static size_t partial_size(int32_t F) { return 4 * (size_t)F * (size_t)F + 2 * (size_t)F; }

static void project_bwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const project_job *j = job;
    int64_t begin = rcr_lane_begin(j->N, j->lanes, lane), end = rcr_lane_begin(j->N, j->lanes, lane + 1);
    int rows = (int)(end - begin);
    int32_t F = j->F;
    const float *dpq = j->dpq + begin * 4 * F, *v = j->v + begin * F;
    /* inverts P|Q = v [W_i W_j]^T: dv += dP|dQ [W_i W_j] */
    RCR_CPU(gemm)(j->dv + begin * F, F, dpq, 4 * F, 1, j->pack.w_bwd, F, NULL, rows, F, 4 * F, RCR_GEMM_ADD);
    /* and d[W_i W_j] = (dP|dQ)^T v */
    float *dw = j->partial + (size_t)lane * partial_size(F), *db = dw + 4 * (size_t)F * (size_t)F;
    RCR_CPU(gemm)(dw, F, dpq, 1, 4 * F, v, F, NULL, 4 * F, F, rows, RCR_GEMM_SET);
    /* inverts P = ... + b: db = sum of dP */
    memset(db, 0, 2 * (size_t)F * sizeof(float));
    for (int r = 0; r < rows; r++)
        for (int32_t c = 0; c < 2 * F; c++) db[c] += dpq[(size_t)r * 4 * (size_t)F + (size_t)c];
}

typedef struct reduce_job {
    float *dw, *db;
    const float *partial;
    int32_t F, K;
    int lanes;
} reduce_job;

/* Rows of dw, W_i and W_j side by side, each the sum over the lanes in their order. */
static void project_reduce_piece(void *job, int part, int worker) {
    (void)worker;
    const reduce_job *j = job;
    int32_t F = j->F, row = 2 * F + j->K;
    int64_t begin = rcr_lane_begin(2 * F, 8, part), end = rcr_lane_begin(2 * F, 8, part + 1);
    for (int l = 0; l < j->lanes; l++) {
        const float *partial = j->partial + (size_t)l * partial_size(F);
        for (int64_t c = begin; c < end; c++) {
            float *to = j->dw + c * row;
            const float *from_i = partial + c * F, *from_j = partial + (2 * F + c) * F;
            for (int32_t f = 0; f < F; f++) to[f] += from_i[f];
            for (int32_t f = 0; f < F; f++) to[F + f] += from_j[f];
            j->db[c] += partial[4 * (size_t)F * (size_t)F + (size_t)c];
        }
    }
}

void RCR_CPU(conv_project_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, const rcr_real *dpq,
                               const rcr_real *v, const rcr_real *pack, int32_t N, int32_t F, int32_t K) {
    project_job job = {NULL, dv, x->scratch, v, dpq, rcr_pack_at(pack, F), N, F, K, rcr_lanes(N)};
    rcr_pool_run(x->pool, job.lanes, project_bwd_piece, &job);
    reduce_job reduce = {dw, db, x->scratch, F, K, job.lanes};
    rcr_pool_run(x->pool, 8, project_reduce_piece, &reduce);
}
