/* The backward pass of a convolution after its edges: atoms and weights (edge_bwd.h). */
#include <math.h>

#include "kernels/cpu/edge_bwd.h"
#include "kernels/cpu/gemm.h"

/* Rows put together and multiplied at a time, so that they are still in the second-level cache when they are. */
enum { BLOCK_ROWS = 96 };

/* Pieces of the Gaussians' weights. */
enum { GAUSSIAN_PARTS = 16 };

typedef struct conv_job {
    backward_job edges;
    rcr_pack_view pack;
    const float *v; /* [N, F] */
    float *dv;      /* [N, F] */
    float *dw, *db; /* [2F, 2F+K], [2F] */
    /* [2 Fp] each: dz = a g + b + c (z - mean) */
    const float *a, *b, *c;
    float *dw_v;   /* [lanes, 4F, F] sums of (dP|dQ)^T v, */
    float *db_v;   /* [lanes, 2F] and of dP */
    double *row;   /* [GAUSSIAN_PARTS, 2 Fp] room */
    float *moment; /* [lanes, 2, Kp, F] sums of e^T v over the edges of an atom | over those that leave it */
    int32_t F, K, first_k, end_k; /* Gaussians that any edge has: rows first_k .. end_k-1 of w_e */
    int batch_stats;
} conv_job;

/* dP|dQ of one atom, in place of its sums of g. */
static void combine(const conv_job *j, int64_t i) {
    const backward_job *e = &j->edges;
    int32_t F = j->F, Fp = e->v.Fp;
    float count = rcr_row_atoms(e->batch->multiplicity, i);
    float degree[2] = {count * rcr_row_edges(e->batch, i), j->batch_stats ? e->cache.in_degree[i] : 0.0f};
    for (int32_t h = 0; h < 4; h++) { /* P filter, P core, Q filter, Q core */
        float *d = e->g_sum + i * 4 * F + h * F, n = degree[h >> 1];
        const float *z = e->z_sum + i * 4 * F + h * F;
        const float *a = j->a + (h & 1) * Fp, *b = j->b + (h & 1) * Fp, *c = j->c + (h & 1) * Fp;
        for (int32_t k = 0; k < F; k++) d[k] = a[k] * d[k] + (b[k] * n + c[k] * z[k]);
    }
}

static void atoms_piece(void *job, int lane, int worker) {
    (void)worker;
    const conv_job *j = job;
    const backward_job *e = &j->edges;
    int32_t F = j->F, Kp = e->cache.Kp, n_k = j->end_k - j->first_k;
    rcr_range atoms = rcr_lane(e->batch->n_atoms, e->lanes, lane);
    int64_t at = atoms.first, end = atoms.end;
    float *dw = j->dw_v + (size_t)lane * 4 * (size_t)F * (size_t)F, *db = j->db_v + (size_t)lane * 2 * (size_t)F;
    float *of_i = j->moment + (size_t)lane * 2 * (size_t)Kp * (size_t)F, *of_j = of_i + (size_t)Kp * (size_t)F;
    memset(db, 0, 2 * (size_t)F * sizeof(float));
    rcr_gemm_mode mode = RCR_GEMM_SET;
    do {
        int rows = (int)(end - at < BLOCK_ROWS ? end - at : BLOCK_ROWS);
        for (int64_t i = at; i < at + rows; i++) combine(j, i);
        const float *dpq = e->g_sum + at * 4 * F, *v = j->v + at * F;
        /* inverts P|Q = v [W_i W_j]^T: dv += dP|dQ [W_i W_j], and d[W_i W_j] = (dP|dQ)^T v */
        RCR_CPU(gemm)(j->dv + at * F, F, dpq, 4 * F, 1, j->pack.w_bwd, F, NULL, rows, F, 4 * F, RCR_GEMM_ADD);
        RCR_CPU(gemm)(dw, F, dpq, 1, 4 * F, v, F, NULL, 4 * F, F, rows, mode);
        if (j->db != NULL) /* inverts P = ... + b: db = sum of dP */
            for (int r = 0; r < rows; r++)
                for (int32_t c = 0; c < 2 * F; c++) db[c] += dpq[(size_t)r * 4 * (size_t)F + (size_t)c];
        if (n_k > 0) {
            const float *sum_i = e->cache.sum_i + at * Kp + j->first_k, *sum_j = e->cache.sum_j + at * Kp + j->first_k;
            RCR_CPU(gemm)(of_i + j->first_k * F, F, sum_i, 1, Kp, v, F, NULL, n_k, F, rows, mode);
            RCR_CPU(gemm)(of_j + j->first_k * F, F, sum_j, 1, Kp, v, F, NULL, n_k, F, rows, mode);
        }
        mode = RCR_GEMM_ADD;
        at += rows;
    } while (at < end);
}

/* Rows of dw, W_i and W_j side by side, and of db, each the sum over the lanes in their order. */
static void reduce_atoms(const conv_job *j, int part) {
    int32_t F = j->F, row = 2 * F + j->K;
    rcr_range channels = rcr_part(2 * F, RCR_REDUCE_PARTS, part);
    for (int l = 0; l < j->edges.lanes; l++) {
        const float *partial = j->dw_v + (size_t)l * 4 * (size_t)F * (size_t)F;
        for (int64_t c = channels.first; c < channels.end; c++) {
            float *to = j->dw + c * row;
            const float *from_i = partial + c * F, *from_j = partial + (2 * F + c) * F;
            for (int32_t f = 0; f < F; f++) to[f] += from_i[f];
            for (int32_t f = 0; f < F; f++) to[F + f] += from_j[f];
            if (j->db != NULL) j->db[c] += j->db_v[(size_t)l * 2 * (size_t)F + (size_t)c];
        }
    }
}

/* Column 2F + k - RCR_BASIS_PAD of dw += sum over the edges of dz e_k
 *     = a sum g e_k + (b - c mean) sum e_k + c sum (R + P + Q) e_k
 * with sum R e^T = W_e gram, sum P e^T = W_i sum v_i e^T + b sum e^T, sum Q e^T = W_j sum v_j e^T.  `to` [2 Fp] is room
 * for the row. */
static void reduce_gaussian(const conv_job *j, int32_t k, double *to) {
    const backward_job *e = &j->edges;
    int32_t F = j->F, Fp = e->v.Fp, Kp = e->cache.Kp;
    size_t f4 = 4 * (size_t)F, kp = (size_t)Kp;
    double e_sum = j->batch_stats ? (double)e->cache.gram[kp * kp + (size_t)k] : 0.0;
    for (int32_t c = 0; c < 2 * Fp; c++) to[c] = 0;
    if (j->first_k <= k && k < j->end_k) {
        for (int32_t m = k > RCR_TERMS ? k - RCR_TERMS : 0; m < Kp && m < k + RCR_TERMS; m++) {
            double gram = (double)e->cache.gram[(size_t)k * kp + (size_t)m];
            for (int32_t c = 0; c < 2 * Fp; c++) to[c] += gram * (double)j->pack.w_e[m * 2 * Fp + c];
        }
        for (int32_t f = 0; f < F; f++) {
            const float *at = j->moment + (size_t)k * (size_t)F + (size_t)f;
            double of_i = 0, of_j = 0;
            for (int l = 0; l < e->lanes; l++, at += 2 * kp * (size_t)F) {
                of_i += (double)at[0];
                of_j += (double)at[kp * (size_t)F];
            }
            const float *w_i = j->pack.w_fwd + (size_t)f * f4, *w_j = w_i + 2 * F;
            for (int32_t h = 0; h < 2; h++)
                for (int32_t c = 0; c < F; c++)
                    to[h * Fp + c] += of_i * (double)w_i[h * F + c] + of_j * (double)w_j[h * F + c];
        }
    }
    for (int32_t h = 0; h < 2; h++)
        for (int32_t c = 0; c < F; c++) {
            int32_t at = h * Fp + c;
            double g = 0;
            for (int l = 0; l < e->lanes; l++)
                g += (double)e->dw_e[(size_t)l * grad_stride(e) + (size_t)(k * 2 * Fp + at)];
            double z = to[at] + ((double)j->pack.bias[h * F + c] - (double)e->mean[at]) * e_sum;
            j->dw[(h * F + c) * (2 * F + j->K) + 2 * F + k - RCR_BASIS_PAD] +=
                (float)((double)j->a[at] * g + (double)j->b[at] * e_sum + (double)j->c[at] * z);
        }
}

/* The weights: parts of W_i and W_j, then parts of W_e. */
static void weights_piece(void *job, int part, int worker) {
    (void)worker;
    const conv_job *j = job;
    if (part < RCR_REDUCE_PARTS) {
        reduce_atoms(j, part);
        return;
    }
    part -= RCR_REDUCE_PARTS;
    double *row = j->row + (size_t)part * 2 * (size_t)j->edges.v.Fp;
    rcr_range gaussians = rcr_part(j->K, GAUSSIAN_PARTS, part);
    for (int64_t k = gaussians.first; k < gaussians.end; k++) reduce_gaussian(j, (int32_t)k + RCR_BASIS_PAD, row);
}

/* Lay the job's partial sums out from `base` on (NULL: only count); returns the bytes. */
static size_t lay_out(conv_job *j, char *base, int32_t N, int32_t F, int32_t K) {
    size_t n = (size_t)N, f = (size_t)F, fp = (size_t)rcr_padded(F), kp = (size_t)K + 2 * RCR_BASIS_PAD, used = 0;
    size_t lanes = (size_t)rcr_lanes(N);
#define TAKE(to, type, count)                                                                                          \
    do {                                                                                                               \
        if (base != NULL) (to) = (type *)(void *)(base + used);                                                        \
        used += ((count) * sizeof(type) + 63) / 64 * 64;                                                               \
    } while (0)
    float *constants = NULL;
    TAKE(j->edges.sums, double, lanes * 4 * fp);
    TAKE(j->row, double, GAUSSIAN_PARTS * 2 * fp);
    TAKE(constants, float, 12 * fp);
    TAKE(j->edges.copy, float, n * 4 * f);
    TAKE(j->edges.z_sum, float, n * 4 * f);
    TAKE(j->edges.dw_e, float, lanes *kp * 2 * fp);
    TAKE(j->edges.chunk, float, RCR_MAX_LANES *chunk_stride((int32_t)fp, (int32_t)kp));
    TAKE(j->dw_v, float, lanes * 4 * f * f);
    TAKE(j->db_v, float, lanes * 2 * f);
    TAKE(j->moment, float, lanes * 2 * kp * f);
#undef TAKE
    if (base != NULL) {
        memset(constants, 0, 12 * fp * sizeof(float));
        j->edges.mean = constants, j->edges.scale = constants + 2 * fp, j->edges.beta = constants + 4 * fp;
        j->a = constants + 6 * fp, j->b = constants + 8 * fp, j->c = constants + 10 * fp;
    }
    return used;
}

size_t RCR_CPU(conv_bwd_scratch)(int32_t N, int32_t F, int32_t K) {
    conv_job none = {0};
    return lay_out(&none, NULL, N, F, K);
}

/* Norm 1 in units of ln 2. */
static void set_norm(const conv_job *j, const rcr_norm *norm) {
    int32_t F = j->F, Fp = j->edges.v.Fp;
    float *mean = (float *)(uintptr_t)j->edges.mean, *scale = (float *)(uintptr_t)j->edges.scale;
    float *beta = (float *)(uintptr_t)j->edges.beta;
    edge_pad(mean, norm->mean, F, Fp);
    for (int32_t k = 0; k < 2 * F; k++) {
        int32_t at = k < F ? k : Fp + k - F;
        double rstd = 1.0 / sqrt((double)norm->var[k] + RCR_NORM_EPS);
        scale[at] = (float)((double)norm->gamma[k] * rstd / 0.69314718055994530942);
        beta[at] = (float)((double)norm->beta[k] / 0.69314718055994530942);
    }
}

/* a, b, c, and the gradients of gamma and beta, from the sums over all edges. */
static void set_slope(const conv_job *j, float *dgamma, float *dbeta, const rcr_norm *norm, double E) {
    int32_t F = j->F, Fp = j->edges.v.Fp;
    float *a = (float *)(uintptr_t)j->a, *b = (float *)(uintptr_t)j->b, *c = (float *)(uintptr_t)j->c;
    for (int32_t k = 0; k < 2 * F; k++) {
        int32_t at = k < F ? k : Fp + k - F;
        double rstd = 1.0 / sqrt((double)norm->var[k] + RCR_NORM_EPS), g = 0, gz = 0;
        for (int l = 0; l < j->edges.lanes; l++) {
            g += j->edges.sums[l * 4 * Fp + at];
            gz += j->edges.sums[l * 4 * Fp + 2 * Fp + at];
        }
        dbeta[k] += (float)g;            /* inverts y = ... + beta */
        dgamma[k] += (float)(gz * rstd); /* inverts y = gamma zhat + ... */
        double s = (double)norm->gamma[k] * rstd;
        a[at] = (float)s;
        b[at] = j->batch_stats && E > 0 ? (float)(-s * g / E) : 0.0f;
        c[at] = j->batch_stats && E > 0 ? (float)(-s * rstd * rstd * gz / E) : 0.0f;
    }
}

void RCR_CPU(conv_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, rcr_real *dgamma, rcr_real *dbeta,
                       rcr_real *pq, const rcr_real *ds, const rcr_real *v, const rcr_edge_input *in,
                       const rcr_norm *norm, int batch_stats) {
    int32_t N = in->batch->n_atoms, E = in->batch->n_edges, F = in->F, K = in->basis.n;
    conv_job job = {.pack = rcr_pack_at(in->pack, F), .v = v, .dv = dv, .dw = dw, .db = db, .F = F, .K = K};
    job.batch_stats = batch_stats;
    job.edges = (backward_job){.v = edge_view_of(in), .batch = in->batch, .ds = ds, .lanes = rcr_lanes(N)};
    job.edges.cache = rcr_cache_at((float *)(uintptr_t)in->cache, N, E, K);
    job.edges.n_workers = rcr_pool_size(x->pool);
    lay_out(&job, x->scratch, N, F, K);
    job.edges.v.pq = job.edges.g_sum = pq;
    int32_t room_atoms = F * job.edges.lanes / slots_of(&job.edges);
    job.edges.room_atoms = room_atoms < RCR_ROOM_ATOMS ? room_atoms : RCR_ROOM_ATOMS;
    job.edges.room = job.dw_v; /* which is needed only later */
    if (batch_stats) {         /* Gaussians without any edge have sums of exactly 0 */
        const float *total = job.edges.cache.gram + (size_t)job.edges.cache.Kp * (size_t)job.edges.cache.Kp;
        for (job.end_k = job.edges.cache.Kp; job.end_k > 0 && total[job.end_k - 1] == 0;) job.end_k--;
        while (job.first_k < job.end_k && total[job.first_k] == 0) job.first_k++;
    }
    set_norm(&job, norm);
    rcr_pool_run_near(x->pool, job.edges.lanes, RCR_DOWNWARD, RCR_CPU(edge_bwd_piece), &job.edges);
    set_slope(&job, dgamma, dbeta, norm, (double)rcr_batch_all_edges(in->batch));
    rcr_pool_run_near(x->pool, job.edges.lanes, RCR_UPWARD, atoms_piece, &job);
    rcr_pool_run(x->pool, RCR_REDUCE_PARTS + GAUSSIAN_PARTS, weights_piece, &job);
}
