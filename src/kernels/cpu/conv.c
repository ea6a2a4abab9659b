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
    rcr_range channels = rcr_part(C, RCR_REDUCE_PARTS, part);
    int32_t begin = (int32_t)channels.first, end = (int32_t)channels.end;
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
    float *pq;
    const float *v;
    rcr_pack_view pack;
    int32_t N, F;
    int lanes;
} project_job;

void RCR_CPU(project_rows)(float *pq, const float *v, const rcr_pack_view *pack, int64_t begin, int64_t end,
                           int32_t F) {
    RCR_CPU(gemm)
    (pq + begin * 4 * F, 4 * F, v + begin * F, F, 1, pack->w_fwd, 4 * F, pack->bias, (int)(end - begin), 4 * F, F,
     RCR_GEMM_BIAS);
}

static void project_fwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const project_job *j = job;
    rcr_range rows = rcr_lane(j->N, j->lanes, lane);
    RCR_CPU(project_rows)(j->pq, j->v, &j->pack, rows.first, rows.end, j->F);
}

void RCR_CPU(conv_project_fwd)(const rcr_exec *x, rcr_real *pq, const rcr_real *v, const rcr_real *pack, int32_t N,
                               int32_t F, int32_t K) {
    (void)K;
    project_job job = {pq, v, rcr_pack_at(pack, F), N, F, rcr_lanes(N)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, project_fwd_piece, &job);
}
