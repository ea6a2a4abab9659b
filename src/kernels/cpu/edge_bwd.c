/*
 * Passes over the edges, backward.
 *
 * With y = gamma (z - mean) rstd + beta, g = dL/dy and statistics of the batch,
 *     dz = gamma rstd (g - mean(g) - zhat mean(g zhat)),   zhat = (z - mean) rstd,
 * and the means are known only after all edges.  But everything that follows from dz is linear in it, so one pass
 * gathers the same sums of g and of z - mean (over the edges of an atom, over those that leave it, and against the
 * Gaussians), and a second step over atoms puts them together.  No value of an edge is stored.
 */
#include <math.h>

#include "kernels/cpu/edge.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/vmath.h"

/*
 * dedge: the gradient of w_e as conv_pack lays it out, [Kp, 2 Fp], but for the sums of c (P + Q) e^T over the edges (c:
 * see below).  Those need no edges, only c P and c Q of each atom, [N, 4F], which the steps that share W_e add up.
 */
size_t RCR_CPU(edge_grad_size)(int32_t N, int32_t E, int32_t F, int32_t K) {
    (void)E;
    return (size_t)(K + 2 * RCR_BASIS_PAD) * 2 * (size_t)rcr_padded(F) + (size_t)N * 4 * (size_t)F;
}

typedef struct backward_job {
    edge_view v;
    const rcr_batch *batch;
    rcr_cache_view cache;
    const float *ds;
    float *dpq;         /* [N, 4F] sums of g, then dP|dQ */
    float *z_sum;       /* [N, 4F] sums of z - mean over the edges of an atom | over those that leave it */
    const float *mean;  /* [2 Fp] */
    const float *scale; /* [2 Fp] gamma rstd / ln 2 */
    const float *beta;  /* [2 Fp] beta / ln 2 */
    double *sums;       /* [lanes, 2, 2 Fp] of g, of g (z - mean) */
    float *dw;          /* [lanes, Kp, 2 Fp] sums of g e^T, then whole */
    float *chunk; /* [RCR_MAX_LANES, chunk_stride]: g [RCR_CHUNK_EDGES, 2 Fp] of the edges being worked on, then room to
                     sort them: order [RCR_CHUNK_EDGES], begin [Kp] */
    int lanes, n_workers;
    /* second step, [2 Fp] each: dz = a g + b + c (z - mean) */
    const float *a, *b, *c;
    float *dedge, *dedge_atoms;
    int batch_stats;
} backward_job;

static size_t chunk_stride(const backward_job *j) {
    return RCR_CHUNK_EDGES * (2 * (size_t)j->v.Fp + 1) + (size_t)j->cache.Kp;
}

static size_t grad_stride(const backward_job *j) { return (size_t)j->cache.Kp * 2 * (size_t)j->v.Fp; }

/* Some edges e0 .. e1-1 of one atom, vectors b .. b+n-1: g (into gbuf [e1 - e0, 2 Fp]) and its sums. */
INLINE void backward_edges(const backward_job *j, const edge_view *v, double *sums, float *gbuf, int64_t i, int32_t e0,
                           int32_t e1, int b, int n, int last) {
    size_t F = (size_t)v->F, Fp = (size_t)v->Fp, first = (size_t)b * VW;
    vf pf[GROUP], pc[GROUP], ds[GROUP], gsum[2 * GROUP], zsum[2 * GROUP], gz[2 * GROUP];
    edge_p(pf, pc, v, i, b, n, last);
    UNROLL for (int u = 0; u < n; u++) {
        pf[u] -= vload(j->mean + first + u * VW);
        pc[u] -= vload(j->mean + Fp + first + u * VW);
        ds[u] = vload_n(j->ds + (size_t)i * F + first + u * VW, u == n - 1 ? last : VW);
    }
    UNROLL for (int u = 0; u < 2 * n; u++) gsum[u] = zsum[u] = gz[u] = (vf){0};
    for (int32_t e = e0; e < e1; e++) {
        vf zf[GROUP], zc[GROUP];
        UNROLL for (int u = 0; u < n; u++) {
            zf[u] = pf[u];
            zc[u] = pc[u];
        }
        edge_z(zf, zc, v, e, b, n, last);
        size_t source = (size_t)v->source[e] * 4 * F + 2 * F + first;
        float *gj = j->dpq + source, *zj = j->z_sum + source, *ge = gbuf + (size_t)(e - e0) * 2 * Fp + first;
        UNROLL for (int u = 0; u < n; u++) {
            int count = u == n - 1 ? last : VW;
            const float *scale = j->scale + first + u * VW, *beta = j->beta + first + u * VW;
            vf gf, gc;
            vmessage_gradient(&gf, &gc, vfma(zf[u], vload(scale), vload(beta)),
                              vfma(zc[u], vload(scale + Fp), vload(beta + Fp)));
            gf *= ds[u]; /* inverts s_i = sum of messages */
            gc *= ds[u];
            gsum[u] += gf;
            gsum[n + u] += gc;
            zsum[u] += zf[u];
            zsum[n + u] += zc[u];
            gz[u] = vfma(gf, zf[u], gz[u]);
            gz[n + u] = vfma(gc, zc[u], gz[n + u]);
            vstore_n(gj + u * VW, vload_n(gj + u * VW, count) + gf, count);
            vstore_n(gj + F + u * VW, vload_n(gj + F + u * VW, count) + gc, count);
            vstore_n(zj + u * VW, vload_n(zj + u * VW, count) + zf[u], count);
            vstore_n(zj + F + u * VW, vload_n(zj + F + u * VW, count) + zc[u], count);
            vstore(ge + u * VW, gf);
            vstore(ge + Fp + u * VW, gc);
        }
    }
    float *gi = j->dpq + (size_t)i * 4 * F + first, *zi = j->z_sum + (size_t)i * 4 * F + first;
    UNROLL for (int u = 0; u < 2 * n; u++) {
        size_t to = u < n ? (size_t)u * VW : F + (size_t)(u - n) * VW;
        size_t at = u < n ? first + (size_t)u * VW : Fp + first + (size_t)(u - n) * VW;
        int count = u % n == n - 1 ? last : VW;
        vstore_n(gi + to, vload_n(gi + to, count) + gsum[u], count);
        vstore_n(zi + to, vload_n(zi + to, count) + zsum[u], count);
        vadd_double(sums + at, gsum[u]);
        vadd_double(sums + 2 * Fp + at, gz[u]);
    }
}

/* Vectors whose products with the eight Gaussians of a bin stay in registers together. */
#if defined(RCR_VARIANT_avx512)
enum { BIN_COLS = 2 };
#else
enum { BIN_COLS = 1 };
#endif

/* dw [rows, 2 Fp] += sum over the n edges first .. first+n-1 of g e^T, edges of one row of w_e together. */
INLINE void chunk_weights(float *dw, const edge_view *v, float *gbuf, int32_t first, int32_t n, int32_t rows) {
    size_t width = 2 * (size_t)v->Fp;
    int32_t *order = (int32_t *)(void *)(gbuf + RCR_CHUNK_EDGES * width), *begin = order + RCR_CHUNK_EDGES;
    memset(begin, 0, ((size_t)rows + 1) * sizeof *begin);
    for (int32_t e = 0; e < n; e++) begin[v->row[first + e] + 1]++;
    for (int32_t r = 0; r < rows; r++) begin[r + 1] += begin[r];
    for (int32_t e = 0; e < n; e++) order[begin[v->row[first + e]]++] = e; /* afterwards begin[r] is the end of r */
    for (int32_t r = 0, at = 0; r < rows; at = begin[r], r++) {
        if (begin[r] == at) continue;
        for (size_t c = 0; c < width; c += BIN_COLS * VW) {
            vf sum[RCR_TERMS][BIN_COLS];
            UNROLL for (int k = 0; k < RCR_TERMS; k++) {
                UNROLL for (int u = 0; u < BIN_COLS; u++) sum[k][u] = vload(dw + (size_t)(r + k) * width + c + u * VW);
            }
            for (int32_t m = at; m < begin[r]; m++) {
                const float *ge = gbuf + (size_t)order[m] * width + c;
                const float *g = v->gaussian + (size_t)(first + order[m]) * RCR_TERMS;
                vf value[BIN_COLS];
                UNROLL for (int u = 0; u < BIN_COLS; u++) value[u] = vload(ge + u * VW);
                UNROLL for (int k = 0; k < RCR_TERMS; k++) {
                    vf gk = vset(g[k]);
                    UNROLL for (int u = 0; u < BIN_COLS; u++) sum[k][u] = vfma(gk, value[u], sum[k][u]);
                }
            }
            UNROLL for (int k = 0; k < RCR_TERMS; k++) {
                UNROLL for (int u = 0; u < BIN_COLS; u++) vstore(dw + (size_t)(r + k) * width + c + u * VW, sum[k][u]);
            }
        }
    }
}

INLINE void backward_range(int32_t F, const backward_job *j, double *sums, float *dw, float *gbuf,
                           int32_t first_crystal, int64_t first, int64_t end) {
    edge_view v = edge_view_sized(&j->v, F);
    int32_t begin = v.offset[first], done = begin; /* edges begin .. done-1 are in gbuf */
    int32_t crystal = first_crystal;
    for (int64_t i = first; i < end; i++) {
        while (j->batch->crystal_offset[crystal] <= i) { /* its sums start at 0, and in the cache */
            size_t count = (size_t)(j->batch->crystal_offset[++crystal] - i) * 4 * (size_t)F;
            memset(j->dpq + (size_t)i * 4 * (size_t)F, 0, count * sizeof(float));
            memset(j->z_sum + (size_t)i * 4 * (size_t)F, 0, count * sizeof(float));
        }
        edge_prefetch(&v, i, end);
        while (done < v.offset[i + 1]) {
            int32_t room = RCR_CHUNK_EDGES - (done - begin), left = v.offset[i + 1] - done;
            int32_t stop = done + (left < room ? left : room);
            float *ge = gbuf + (size_t)(done - begin) * 2 * (size_t)v.Fp;
#define WORK(b, n, last) backward_edges(j, &v, sums, ge, i, done, stop, b, n, last)
            FOR_VECTORS(F, WORK);
#undef WORK
            done = stop;
            if (done - begin == RCR_CHUNK_EDGES) {
                chunk_weights(dw, &v, gbuf, begin, done - begin, j->cache.Kp - RCR_TERMS + 1);
                begin = done;
            }
        }
    }
    if (done > begin) chunk_weights(dw, &v, gbuf, begin, done - begin, j->cache.Kp - RCR_TERMS + 1);
}

static void backward_piece(void *job, int lane, int worker) {
    const backward_job *j = job;
    int32_t first_crystal = rcr_lane_crystal(j->batch, j->lanes, lane);
    int64_t first = j->batch->crystal_offset[first_crystal];
    int64_t end = j->batch->crystal_offset[rcr_lane_crystal(j->batch, j->lanes, lane + 1)];
    double *sums = j->sums + (size_t)lane * 4 * (size_t)j->v.Fp;
    float *dw = j->dw + (size_t)lane * grad_stride(j);
    /* The chunk of a worker stays in its cache from lane to lane. */
    int slot = j->n_workers <= RCR_MAX_LANES ? worker : lane;
    float *gbuf = j->chunk + (size_t)slot * chunk_stride(j);
    memset(sums, 0, 4 * (size_t)j->v.Fp * sizeof(double));
    memset(dw, 0, grad_stride(j) * sizeof(float));
    WITH_FEATURES(backward_range, j->v.F, j, sums, dw, gbuf, first_crystal, first, end);
}

/* dz = a g + b + c (z - mean), summed over the edges of each atom and over those that leave it. */
static void combine_piece(void *job, int lane, int worker) {
    (void)worker;
    const backward_job *j = job;
    int32_t F = j->v.F, Fp = j->v.Fp;
    int64_t N = j->batch->n_atoms, end = rcr_lane_begin(N, j->lanes, lane + 1);
    for (int64_t i = rcr_lane_begin(N, j->lanes, lane); i < end; i++) {
        float degree[2] = {(float)(j->v.offset[i + 1] - j->v.offset[i]), j->batch_stats ? j->cache.in_degree[i] : 0.0f};
        for (int32_t h = 0; h < 4; h++) { /* P filter, P core, Q filter, Q core */
            int64_t at = i * 4 * F + h * F;
            float *d = j->dpq + at, *sum = j->dedge_atoms + at, n = degree[h >> 1];
            const float *z = j->z_sum + at, *pq = j->v.pq + at;
            const float *a = j->a + (h & 1) * Fp, *b = j->b + (h & 1) * Fp, *c = j->c + (h & 1) * Fp;
            for (int32_t k = 0; k < F; k++) d[k] = a[k] * d[k] + (b[k] * n + c[k] * z[k]);
            if (j->batch_stats)
                for (int32_t k = 0; k < F; k++) sum[k] += c[k] * pq[k];
        }
    }
}

/* Row k of dedge += a g e_k + (b - c mean) e_k + c R e_k over all edges. */
static void weight_piece(void *job, int k, int worker) {
    (void)worker;
    const backward_job *j = job;
    size_t F = (size_t)j->v.F, Fp = (size_t)j->v.Fp, row = (size_t)k * 2 * Fp, kp = (size_t)j->cache.Kp;
    float *to = j->dedge + row;
    double e_sum = j->batch_stats ? (double)j->cache.gram[kp * kp + (size_t)k] : 0.0; /* of e_k over all edges */
    for (size_t c = 0; c < 2 * Fp; c++) {
        if (c % Fp >= F) continue;
        double g = 0, r = j->batch_stats ? (double)j->cache.gram_w[row + c] : 0.0;
        for (int l = 0; l < j->lanes; l++) g += (double)j->dw[(size_t)l * grad_stride(j) + row + c];
        to[c] += (float)((double)j->a[c] * g + ((double)j->b[c] - (double)j->c[c] * (double)j->mean[c]) * e_sum +
                         (double)j->c[c] * r);
    }
}

void RCR_CPU(edge_conv_bwd)(const rcr_exec *x, rcr_real *dpq, rcr_real *dgamma, rcr_real *dbeta, rcr_real *dedge,
                            const rcr_real *ds, const rcr_edge_input *in, const rcr_norm *norm, int batch_stats) {
    edge_view v = edge_view_of(in);
    int32_t N = in->batch->n_atoms, E = in->batch->n_edges, F = in->F;
    size_t Fp = (size_t)v.Fp;
    backward_job job = {.v = v, .batch = in->batch, .ds = ds, .dpq = dpq, .dedge = dedge, .batch_stats = batch_stats};
    job.cache = rcr_cache_at((float *)(uintptr_t)in->cache, N, E, in->basis.n);
    job.dedge_atoms = dedge + grad_stride(&job);
    job.lanes = rcr_lanes(N);
    job.sums = x->scratch;
    float *constants = (float *)(void *)(job.sums + (size_t)job.lanes * 4 * Fp);
    float *mean = constants, *scale = mean + 2 * Fp, *beta = scale + 2 * Fp;
    float *a = beta + 2 * Fp, *b = a + 2 * Fp, *c = b + 2 * Fp;
    job.mean = mean, job.scale = scale, job.beta = beta, job.a = a, job.b = b, job.c = c;
    job.dw = constants + 12 * Fp;
    job.chunk = job.dw + (size_t)job.lanes * grad_stride(&job);
    job.z_sum = job.chunk + (size_t)RCR_MAX_LANES * chunk_stride(&job);
    job.n_workers = rcr_pool_size(x->pool);
    memset(constants, 0, 12 * Fp * sizeof(float));
    edge_pad(mean, norm->mean, F, v.Fp);
    for (int32_t k = 0; k < 2 * F; k++) {
        size_t at = (size_t)(k < F ? k : v.Fp + k - F);
        double rstd = 1.0 / sqrt((double)norm->var[k] + RCR_NORM_EPS);
        scale[at] = (float)((double)norm->gamma[k] * rstd / 0.69314718055994530942);
        beta[at] = (float)((double)norm->beta[k] / 0.69314718055994530942);
    }
    rcr_pool_run(x->pool, job.lanes, backward_piece, &job);
    for (int32_t k = 0; k < 2 * F; k++) {
        size_t at = (size_t)(k < F ? k : v.Fp + k - F);
        double rstd = 1.0 / sqrt((double)norm->var[k] + RCR_NORM_EPS), g = 0, gz = 0;
        for (int l = 0; l < job.lanes; l++) {
            g += job.sums[(size_t)l * 4 * Fp + at];
            gz += job.sums[(size_t)l * 4 * Fp + 2 * Fp + at];
        }
        dbeta[k] += (float)g;            /* inverts y = ... + beta */
        dgamma[k] += (float)(gz * rstd); /* inverts y = gamma zhat + ... */
        double s = (double)norm->gamma[k] * rstd;
        a[at] = (float)s;
        b[at] = batch_stats && E > 0 ? (float)(-s * g / E) : 0.0f;
        c[at] = batch_stats && E > 0 ? (float)(-s * rstd * rstd * gz / E) : 0.0f;
    }
    rcr_pool_run(x->pool, job.lanes, combine_piece, &job);
    rcr_pool_run(x->pool, job.cache.Kp, weight_piece, &job);
}

typedef struct weight_job {
    rcr_cache_view cache;
    const float *atoms; /* [N, 4F] of dedge */
    float *partial;     /* [lanes, Kp, 2 Fp] */
    int64_t N;
    int32_t F;
    int lanes;
} weight_job;

/* The lane's share of sum c (P + Q) e^T = sum_i (c P)_i (sum e)_i^T + sum_j (c Q)_j (sum e)_j^T. */
static void atoms_weight_piece(void *job, int lane, int worker) {
    (void)worker;
    const weight_job *j = job;
    int32_t F = j->F, Fp = rcr_padded(F), Kp = j->cache.Kp;
    int64_t begin = rcr_lane_begin(j->N, j->lanes, lane);
    int rows = (int)(rcr_lane_begin(j->N, j->lanes, lane + 1) - begin);
    float *to = j->partial + (size_t)lane * (size_t)Kp * 2 * (size_t)Fp;
    const float *sum_i = j->cache.sum_i + begin * Kp, *sum_j = j->cache.sum_j + begin * Kp;
    for (int32_t h = 0; h < 2; h++, to += Fp) { /* filter, core */
        const float *p = j->atoms + begin * 4 * F + h * F;
        RCR_CPU(gemm)(to, 2 * Fp, sum_i, 1, Kp, p, 4 * F, NULL, Kp, F, rows, RCR_GEMM_SET);
        RCR_CPU(gemm)(to, 2 * Fp, sum_j, 1, Kp, p + 2 * F, 4 * F, NULL, Kp, F, rows, RCR_GEMM_ADD);
    }
}

void RCR_CPU(edge_weight_bwd)(const rcr_exec *x, rcr_real *dw, const rcr_real *dedge, const rcr_edge_input *in) {
    int32_t F = in->F, K = in->basis.n, row = 2 * F + K, N = in->batch->n_atoms;
    weight_job job = {.partial = x->scratch, .N = N, .F = F, .lanes = rcr_lanes(N)};
    job.cache = rcr_cache_at((float *)(uintptr_t)in->cache, N, in->batch->n_edges, K);
    size_t Fp = (size_t)rcr_padded(F), stride = (size_t)job.cache.Kp * 2 * Fp;
    job.atoms = dedge + stride;
    rcr_pool_run(x->pool, job.lanes, atoms_weight_piece, &job);
    for (int32_t c = 0; c < 2 * F; c++)
        for (int32_t k = 0; k < K; k++) {
            size_t at = (size_t)(RCR_BASIS_PAD + k) * 2 * Fp + (c < F ? (size_t)c : Fp + (size_t)(c - F));
            double sum = (double)dedge[at];
            for (int l = 0; l < job.lanes; l++) sum += (double)job.partial[(size_t)l * stride + at];
            dw[(size_t)c * (size_t)row + (size_t)(2 * F + k)] += (float)sum;
        }
}
