/* Passes over the edges, forward: the Gaussians, the statistics of z, the messages. */
#include "kernels/cpu/edge.h"

#include <math.h>

#include "kernels/cpu/lanes.h"
#include "kernels/cpu/vmath.h"

/* ---------------------------------------------------------------- what depends on the graph alone */

size_t RCR_CPU(edge_cache_size)(int32_t N, int32_t E, int32_t F, int32_t K, int training) {
    size_t n = (size_t)N, e = (size_t)E, kp = (size_t)K + 2 * RCR_BASIS_PAD;
    (void)F;
    if (!training) return e * (RCR_TERMS + 1) + 1;
    return e * (RCR_TERMS + 1) + n + 2 * n * kp + (kp + 1) * kp; /* rcr_cache_view */
}

typedef struct prepare_job {
    const rcr_batch *batch;
    rcr_basis basis;
    rcr_cache_view cache;
    float *partial; /* [lanes, 3, Kp]: squares, products of neighbours, sums */
    int lanes;
} prepare_job;

/* exp(-((d - dmin)/step - k)^2) for the eight k around it.  The window is kept inside the padded rows of w_e; where
 * that moves it, the terms are what the formula gives there: next to nothing. */
INLINE void gaussians(float *g, int32_t *row, double d, rcr_basis basis) {
    double u = (d - basis.dmin) / basis.step;
    double first = floor(u) - (RCR_TERMS / 2 - 1);
    if (!(first >= -RCR_BASIS_PAD)) first = -RCR_BASIS_PAD;
    if (first > basis.n) first = basis.n;
    *row = (int32_t)first + RCR_BASIS_PAD;
    float delta = (float)(u - first);
    vf iota;
    for (int k = 0; k < VW; k++) iota[k] = (float)k;
    for (int k = 0; k < RCR_TERMS; k += VW) {
        vf t = vset(delta - (float)k) - iota;
        vf value = vexp2(vmax(t * t * -RCR_LOG2E, vset(-126.0f)));
        vstore_n(g + k, value, RCR_TERMS - k < VW ? RCR_TERMS - k : VW);
    }
}

INLINE void prepare_edges(const prepare_job *j, int64_t begin, int64_t end) {
    for (int64_t e = begin; e < end; e++)
        gaussians(j->cache.gaussian + e * RCR_TERMS, j->cache.row + e, (double)j->batch->edge_distance[e], j->basis);
}

static void prepare_gaussians_piece(void *job, int lane, int worker) {
    (void)worker;
    const prepare_job *j = job;
    rcr_range atoms = rcr_lane(j->batch->n_atoms, j->lanes, lane);
    prepare_edges(j, j->batch->edge_offset[atoms.first], j->batch->edge_offset[atoms.end]);
}

/* The Gaussians, and the sums over the graph that training needs, crystal by crystal (a source is in the crystal of its
 * edge).
 *
 * A product of two Gaussians depends on the sum of their numbers but for a constant: with u = (d - dmin) / step,
 *     e_k e_m = exp(-(k - m)^2 / 2) exp(-2 (u - (k + m) / 2)^2),
 * so the sums of all products follow from those of squares e_k^2 and of neighbours e_k e_k+1. */
static void prepare_training_piece(void *job, int lane, int worker) {
    (void)worker;
    const prepare_job *j = job;
    const rcr_batch *batch = j->batch;
    const rcr_cache_view *c = &j->cache;
    size_t kp = (size_t)c->Kp;
    float *square = j->partial + (size_t)lane * 3 * kp, *neighbour = square + kp, *total = neighbour + kp;
    memset(square, 0, 3 * kp * sizeof(float));
    rcr_range atoms = rcr_lane_of_crystals(batch, j->lanes, lane);
    int32_t first = (int32_t)atoms.first, end = (int32_t)atoms.end;
    prepare_edges(j, batch->edge_offset[first], batch->edge_offset[end]);
    memset(c->in_degree + first, 0, (size_t)(end - first) * sizeof(float));
    memset(c->sum_i + (size_t)first * kp, 0, (size_t)(end - first) * kp * sizeof(float));
    memset(c->sum_j + (size_t)first * kp, 0, (size_t)(end - first) * kp * sizeof(float));
    for (int32_t i = first; i < end; i++) {
        float count = rcr_row_atoms(batch->multiplicity, i);
        for (int32_t e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++) {
            const float *g = c->gaussian + (size_t)e * RCR_TERMS;
            size_t row = (size_t)c->row[e], source = (size_t)batch->edge_source[e];
            float *sum_i = c->sum_i + (size_t)i * kp + row, *sum_j = c->sum_j + source * kp + row;
            float all[RCR_TERMS]; /* of all the edges that this one stands for */
            float edges = count * rcr_edge_copies(batch, e);
            for (int k = 0; k < RCR_TERMS; k++) all[k] = edges * g[k];
            for (int k = 0; k < RCR_TERMS; k++) sum_i[k] += all[k];
            for (int k = 0; k < RCR_TERMS; k++) sum_j[k] += all[k];
            for (int k = 0; k < RCR_TERMS; k++) total[row + (size_t)k] += all[k];
            for (int k = 0; k < RCR_TERMS; k++) square[row + (size_t)k] += all[k] * g[k];
            for (int k = 0; k + 1 < RCR_TERMS; k++) neighbour[row + (size_t)k] += all[k] * g[k + 1];
            c->in_degree[source] += edges;
        }
    }
}

/* The sums over all edges of e e^T (as far as two Gaussians share an edge) and of e. */
static void put_gram(const prepare_job *j) {
    int32_t Kp = j->cache.Kp;
    double constant[RCR_TERMS]; /* e_k e_m from the square or the product of neighbours in the middle */
    for (int d = 0; d < RCR_TERMS; d++) constant[d] = exp((d % 2 - d * d) / 2.0);
    memset(j->cache.gram, 0, (size_t)(Kp + 1) * (size_t)Kp * sizeof(float));
    for (int32_t s = 0; s < 2 * Kp - 1; s++) { /* k + m */
        double sum = 0;
        for (int l = 0; l < j->lanes; l++) sum += (double)j->partial[(l * 3 + s % 2) * Kp + s / 2];
        for (int d = s % 2; d < RCR_TERMS; d += 2) {
            int32_t k = (s - d) / 2, m = (s + d) / 2;
            if (k < 0 || m >= Kp) continue;
            j->cache.gram[k * Kp + m] = j->cache.gram[m * Kp + k] = (float)(sum * constant[d]);
        }
    }
    for (int32_t k = 0; k < Kp; k++) {
        double sum = 0;
        for (int l = 0; l < j->lanes; l++) sum += (double)j->partial[(l * 3 + 2) * Kp + k];
        j->cache.gram[Kp * Kp + k] = (float)sum;
    }
}

void RCR_CPU(edge_prepare)(const rcr_exec *x, rcr_real *cache, const rcr_batch *batch, rcr_basis basis,
                           const rcr_real *pack, int32_t F, int training) {
    (void)pack;
    (void)F;
    prepare_job job = {batch, basis, rcr_cache_at(cache, batch->n_atoms, batch->n_edges, basis.n), x->scratch,
                       rcr_lanes(batch->n_atoms)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, training ? prepare_training_piece : prepare_gaussians_piece,
                      &job);
    if (training) put_gram(&job);
}

/* ---------------------------------------------------------------- mean and variance of z over the edges */

typedef struct stats_job {
    edge_view v;
    int64_t N;
    int lanes;
    int fused;          /* lanes hold whole crystals, whose P|Q are made just before they are read */
    float *pq;          /* [N, 4F] */
    const float *atoms; /* [N, F] */
    rcr_pack_view pack;
    const rcr_batch *batch;
    const float *multiplicity; /* [N] or NULL */
    const float *shift;        /* [2 Fp] subtracted from z before it is squared */
    double *partial;           /* [lanes, 2, 2 Fp] sums, sums of squares */
} stats_job;

INLINE void stats_atom(const stats_job *j, const edge_view *v, double *sums, int64_t i, int b, int n, int last) {
    vf pf[GROUP], pc[GROUP], sum[2 * GROUP], square[2 * GROUP];
    edge_p(pf, pc, v, i, b, n, last);
    UNROLL for (int u = 0; u < n; u++) {
        pf[u] -= vload(j->shift + (b + u) * VW);
        pc[u] -= vload(j->shift + v->Fp + (b + u) * VW);
        sum[u] = sum[n + u] = square[u] = square[n + u] = (vf){0};
    }
    for (int32_t e = v->offset[i]; e < v->offset[i + 1]; e++) {
        vf zf[GROUP], zc[GROUP];
        UNROLL for (int u = 0; u < n; u++) {
            zf[u] = pf[u];
            zc[u] = pc[u];
        }
        edge_z(zf, zc, v, e, b, n, last);
        vf copies = edge_copies(v, e);
        UNROLL for (int u = 0; u < n; u++) {
            vf f = copies * zf[u], c = copies * zc[u];
            sum[u] += f;
            sum[n + u] += c;
            square[u] = vfma(f, zf[u], square[u]);
            square[n + u] = vfma(c, zc[u], square[n + u]);
        }
    }
    vf count = vset(rcr_row_atoms(j->multiplicity, i));
    UNROLL for (int u = 0; u < 2 * n; u++) {
        size_t at = (size_t)(u < n ? (b + u) * VW : v->Fp + (b + u - n) * VW);
        vadd_double(sums + at, count * sum[u]);
        vadd_double(sums + 2 * (size_t)v->Fp + at, count * square[u]);
    }
}

INLINE void stats_range(int32_t F, const stats_job *j, double *sums, int64_t first, int64_t end) {
    edge_view v = edge_view_sized(&j->v, F);
    for (int64_t i = first; i < end; i++) {
        edge_prefetch(&v, i, end);
#define WORK(b, n, last) stats_atom(j, &v, sums, i, b, n, last)
        FOR_VECTORS(F, WORK);
#undef WORK
    }
}

static void stats_piece(void *job, int lane, int worker) {
    (void)worker;
    const stats_job *j = job;
    double *sums = j->partial + (size_t)lane * 4 * (size_t)j->v.Fp;
    memset(sums, 0, 4 * (size_t)j->v.Fp * sizeof(double));
    rcr_range atoms = j->fused ? rcr_lane_of_crystals(j->batch, j->lanes, lane) : rcr_lane(j->N, j->lanes, lane);
    if (j->fused) RCR_CPU(project_rows)(j->pq, j->atoms, &j->pack, atoms.first, atoms.end, j->v.F);
    WITH_FEATURES(stats_range, j->v.F, j, sums, atoms.first, atoms.end);
}

/* Whether no lane of whole crystals has much more than its share of the atoms. */
static int crystals_are_small(const rcr_batch *batch, int lanes) {
    for (int l = 0; l < lanes; l++) {
        rcr_range share = rcr_lane(batch->n_atoms, lanes, l);
        rcr_range atoms = rcr_lane_of_crystals(batch, lanes, l);
        if (atoms.end - atoms.first > share.end - share.first + batch->n_atoms / lanes) return 0;
    }
    return 1;
}

static int32_t first_with_edges(const edge_view *v, int32_t N) {
    int32_t i = 0;
    while (i < N && v->offset[i + 1] == 0) i++;
    return i;
}

/* z of the first edge: near enough to the mean that squares about it lose nothing. */
static void first_z(float *z, const edge_view *v, int32_t N) {
    int32_t i = first_with_edges(v, N);
    memset(z, 0, 2 * (size_t)v->Fp * sizeof(float));
#define WORK(b, n, last)                                                                                               \
    do {                                                                                                               \
        vf zf[GROUP], zc[GROUP];                                                                                       \
        edge_p(zf, zc, v, i, b, n, last);                                                                              \
        edge_z(zf, zc, v, 0, b, n, last);                                                                              \
        UNROLL for (int u = 0; u < n; u++) {                                                                           \
            vstore(z + ((b) + u) * VW, zf[u]);                                                                         \
            vstore(z + v->Fp + ((b) + u) * VW, zc[u]);                                                                 \
        }                                                                                                              \
    } while (0)
    FOR_VECTORS(v->F, WORK);
#undef WORK
}

void RCR_CPU(conv_stats_fwd)(const rcr_exec *x, rcr_real *pq, rcr_real *mean, rcr_real *var, const rcr_real *atoms,
                             const rcr_edge_input *in) {
    int32_t F = in->F, N = in->batch->n_atoms, E = in->batch->n_edges;
    memset(mean, 0, 2 * (size_t)F * sizeof(float));
    memset(var, 0, 2 * (size_t)F * sizeof(float));
    int fused = E > 0 && crystals_are_small(in->batch, rcr_lanes(N));
    if (!fused) RCR_CPU(conv_project_fwd)(x, pq, atoms, in->pack, N, F, in->basis.n);
    if (E == 0) return;
    edge_view v = edge_view_of(in);
    v.pq = pq;
    size_t width = 2 * (size_t)v.Fp;
    double *partial = x->scratch;
    stats_job job = {.v = v, .N = N, .lanes = rcr_lanes(N), .fused = fused, .pq = pq, .atoms = atoms};
    job.pack = rcr_pack_at(in->pack, F);
    job.batch = in->batch;
    job.multiplicity = in->batch->multiplicity;
    job.partial = partial;
    float *shift = (float *)(void *)(partial + (size_t)job.lanes * 2 * width);
    if (fused) { /* what first_z reads */
        int32_t i = first_with_edges(&v, N), from = v.source[0];
        RCR_CPU(project_rows)(pq, atoms, &job.pack, i, i + 1, F);
        RCR_CPU(project_rows)(pq, atoms, &job.pack, from, from + 1, F);
    }
    first_z(shift, &v, N);
    job.shift = shift;
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, stats_piece, &job);
    double count = (double)rcr_batch_all_edges(in->batch);
    for (int32_t c = 0; c < 2 * F; c++) {
        size_t at = (size_t)(c < F ? c : v.Fp + c - F);
        double sum = 0, square = 0;
        for (int l = 0; l < job.lanes; l++) {
            sum += partial[(size_t)l * 2 * width + at];
            square += partial[(size_t)l * 2 * width + width + at];
        }
        double offset = sum / count, variance = square / count - offset * offset;
        mean[c] = (float)((double)shift[at] + offset);
        var[c] = variance > 0 ? (float)variance : 0.0f;
    }
}

/* ---------------------------------------------------------------- messages and their sum */

typedef struct forward_job {
    edge_view v;
    int64_t N;
    int lanes;
    float *s;
    const float *scale, *shift; /* [2 Fp] norm 1 as one affine map, in units of ln 2 */
} forward_job;

INLINE void forward_atom(const forward_job *j, const edge_view *v, int64_t i, int b, int n, int last) {
    vf pf[GROUP], pc[GROUP], sum[GROUP];
    edge_p(pf, pc, v, i, b, n, last);
    UNROLL for (int u = 0; u < n; u++) sum[u] = (vf){0};
    for (int32_t e = v->offset[i]; e < v->offset[i + 1]; e++) {
        vf zf[GROUP], zc[GROUP];
        UNROLL for (int u = 0; u < n; u++) {
            zf[u] = pf[u];
            zc[u] = pc[u];
        }
        edge_z(zf, zc, v, e, b, n, last);
        vf copies = edge_copies(v, e);
        UNROLL for (int u = 0; u < n; u++) {
            int at = (b + u) * VW;
            vf filter = vfma(zf[u], vload(j->scale + at), vload(j->shift + at));
            vf core = vfma(zc[u], vload(j->scale + v->Fp + at), vload(j->shift + v->Fp + at));
            sum[u] = vfma(copies, vmessage(filter, core), sum[u]);
        }
    }
    UNROLL for (int u = 0; u < n; u++) vstore_n(j->s + i * v->F + (b + u) * VW, sum[u], u == n - 1 ? last : VW);
}

INLINE void forward_range(int32_t F, const forward_job *j, int64_t first, int64_t end) {
    edge_view v = edge_view_sized(&j->v, F);
    for (int64_t i = first; i < end; i++) {
        edge_prefetch(&v, i, end);
#define WORK(b, n, last) forward_atom(j, &v, i, b, n, last)
        FOR_VECTORS(F, WORK);
#undef WORK
    }
}

static void forward_piece(void *job, int lane, int worker) {
    (void)worker;
    const forward_job *j = job;
    rcr_range atoms = rcr_lane(j->N, j->lanes, lane);
    WITH_FEATURES(forward_range, j->v.F, j, atoms.first, atoms.end);
}

void RCR_CPU(edge_conv_fwd)(const rcr_exec *x, rcr_real *s, const rcr_edge_input *in, const rcr_norm *norm) {
    edge_view v = edge_view_of(in);
    float *scale = x->scratch, *shift = scale + 2 * (size_t)v.Fp;
    memset(scale, 0, 4 * (size_t)v.Fp * sizeof(float));
    for (int32_t c = 0; c < 2 * v.F; c++) {
        size_t at = (size_t)(c < v.F ? c : v.Fp + c - v.F);
        double a = (double)norm->gamma[c] / sqrt((double)norm->var[c] + RCR_NORM_EPS) / 0.69314718055994530942;
        scale[at] = (float)a;
        shift[at] = (float)((double)norm->beta[c] / 0.69314718055994530942 - (double)norm->mean[c] * a);
    }
    forward_job job = {v, in->batch->n_atoms, rcr_lanes(in->batch->n_atoms), s, scale, shift};
    rcr_pool_run_near(x->pool, job.lanes, RCR_DOWNWARD, forward_piece, &job);
}
