/* The convolution's edges: z = P_i + Q_j + R(d), norm 1, sigmoid(filter) * softplus(core), summed over the edges of i.
 */
#include "kernels/ref/ref.h"

/* ---- R(d) = W_e e(d), which is the whole cache: [E, 2F] */

size_t rcr_ref_edge_cache_size(int32_t N, int32_t E, int32_t F, int32_t K, int training) {
    (void)N;
    (void)K;
    (void)training;
    return (size_t)E * 2 * (size_t)F + 1;
}

typedef struct weight_job {
    rcr_real *cache;       /* [E, 2F] */
    const rcr_real *w;     /* [2F, 2F+K] */
    const rcr_real *dedge; /* [E, 2F], the gradient of the cache */
    double *sums;          /* [REF_LANES, 2F, K] */
    double *gaussians;     /* [REF_LANES, K] */
    const rcr_batch *batch;
    rcr_basis basis;
    int32_t F;
} weight_job;

/* e_k(d) = exp(-(d - mu_k)^2 / step^2), mu_k = dmin + k step. */
static void expand(double *e, double d, rcr_basis basis) {
    for (int32_t k = 0; k < basis.n; k++) {
        double t = (d - (basis.dmin + k * basis.step)) / basis.step;
        e[k] = exp(-t * t);
    }
}

static void prepare_edges(void *argument, int lane, int worker) {
    (void)worker;
    const weight_job *job = argument;
    int32_t F = job->F, K = job->basis.n;
    size_t columns = 2 * (size_t)F + (size_t)K;
    double *gaussian = job->gaussians + (size_t)lane * (size_t)K; /* [K] */
    ref_range edges = ref_lane(job->batch->n_edges, lane);
    for (int32_t e = edges.begin; e < edges.end; e++) {
        expand(gaussian, (double)job->batch->edge_distance[e], job->basis);
        rcr_real *r = job->cache + (size_t)e * 2 * (size_t)F; /* [2F] */
        for (int32_t c = 0; c < 2 * F; c++) {
            const rcr_real *w_e = job->w + (size_t)c * columns + 2 * (size_t)F; /* [K] */
            double sum = 0;
            for (int32_t k = 0; k < K; k++) sum += (double)w_e[k] * gaussian[k];
            r[c] = (rcr_real)sum;
        }
    }
}

void rcr_ref_edge_prepare(const rcr_exec *x, rcr_real *cache, const rcr_batch *batch, rcr_basis basis,
                          const rcr_real *pack, int32_t F, int training) {
    (void)training;
    weight_job job = {.cache = cache, .w = pack, .gaussians = x->scratch, .batch = batch, .basis = basis, .F = F};
    rcr_pool_run(x->pool, REF_LANES, prepare_edges, &job);
}

static void weigh_edges(void *argument, int lane, int worker) {
    (void)worker;
    const weight_job *job = argument;
    int32_t F = job->F, K = job->basis.n;
    size_t n = 2 * (size_t)F * (size_t)K;
    double *dw = job->sums + (size_t)lane * n;                    /* [2F, K] */
    double *gaussian = job->gaussians + (size_t)lane * (size_t)K; /* [K] */
    for (size_t i = 0; i < n; i++) dw[i] = 0;
    ref_range edges = ref_lane(job->batch->n_edges, lane);
    for (int32_t e = edges.begin; e < edges.end; e++) {
        expand(gaussian, (double)job->batch->edge_distance[e], job->basis);
        const rcr_real *dr = job->dedge + (size_t)e * 2 * (size_t)F; /* [2F] */
        for (int32_t c = 0; c < 2 * F; c++) {
            double g = (double)dr[c], *row = dw + (size_t)c * (size_t)K;
            for (int32_t k = 0; k < K; k++) row[k] += g * gaussian[k]; /* d of: r[c] = sum_k w_e[c, k] gaussian[k] */
        }
    }
}

static void edge_weight_bwd(const rcr_exec *x, rcr_real *dw, const rcr_real *dedge, const rcr_edge_input *in) {
    int32_t F = in->F, K = in->basis.n;
    size_t n = 2 * (size_t)F * (size_t)K;
    double *total = x->scratch; /* [2F, K] */
    weight_job job = {.dedge = dedge, .batch = in->batch, .basis = in->basis, .F = F};
    job.sums = total + n;
    job.gaussians = job.sums + n * REF_LANES;
    rcr_pool_run(x->pool, REF_LANES, weigh_edges, &job);
    ref_add_lanes(total, job.sums, 2 * F * K);
    for (int32_t c = 0; c < 2 * F; c++) {
        rcr_real *row = dw + (size_t)c * (2 * (size_t)F + (size_t)K) + 2 * (size_t)F; /* [K] */
        for (int32_t k = 0; k < K; k++) row[k] += (rcr_real)total[(size_t)c * (size_t)K + (size_t)k];
    }
}

/* ---- statistics of z */

typedef struct edge_job {
    const rcr_edge_input *in;
    const rcr_norm *norm;
    rcr_real *s;          /* [N, F] */
    const rcr_real *ds;   /* [N, F] */
    rcr_real *dpq;        /* [N, 4F] */
    rcr_real *dedge;      /* [E, 2F] */
    const double *centre; /* [2F] what edge_stats takes squares about, or NULL: take plain sums */
    const double *rstd;   /* [2F] */
    const double
        *mean_g; /* [2F] mean over the edges of g, the gradient at norm 1's output; 0 for constant statistics */
    const double *mean_gh; /* [2F] mean over the edges of g times the normalised z; 0 for constant statistics */
    double *sums;          /* [REF_LANES, 2F] or [REF_LANES, 4F] */
} edge_job;

/* z of channel c of edge e: i <- j.  In double, because where the mean is large what remains of z is small. */
static inline double edge_z(const rcr_edge_input *in, int32_t i, int32_t j, int32_t e, int32_t c) {
    size_t F = (size_t)in->F;
    double p = (double)in->pq[(size_t)i * 4 * F + (size_t)c];
    double q = (double)in->pq[(size_t)j * 4 * F + 2 * F + (size_t)c];
    double r = (double)in->cache[(size_t)e * 2 * F + (size_t)c];
    return p + q + r;
}

/* All the edges that edge e of row i stands for. */
static double edges_of(const rcr_batch *batch, int32_t i, int32_t e) {
    return (double)rcr_row_atoms(batch->multiplicity, i) * (double)rcr_edge_copies(batch, e);
}

static void sum_z(void *argument, int lane, int worker) {
    (void)worker;
    const edge_job *job = argument;
    const rcr_batch *batch = job->in->batch;
    int32_t F = job->in->F;
    double *sum = job->sums + (size_t)lane * 2 * (size_t)F; /* [2F] */
    for (int32_t c = 0; c < 2 * F; c++) sum[c] = 0;
    ref_range atoms = ref_lane(batch->n_atoms, lane);
    for (int32_t i = atoms.begin; i < atoms.end; i++)
        for (int32_t e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
            for (int32_t c = 0; c < 2 * F; c++) {
                double z = edge_z(job->in, i, batch->edge_source[e], e, c);
                if (job->centre != NULL) z = (z - job->centre[c]) * (z - job->centre[c]);
                sum[c] += edges_of(batch, i, e) * z;
            }
}

static void edge_stats(const rcr_exec *x, rcr_real *mean, rcr_real *var, const rcr_edge_input *in) {
    int32_t F = in->F;
    double E = (double)rcr_batch_all_edges(in->batch);
    double *centre = x->scratch, *square = centre + 2 * F; /* [2F] each */
    edge_job job = {.in = in, .sums = square + 2 * F};
    rcr_pool_run(x->pool, REF_LANES, sum_z, &job);
    ref_add_lanes(centre, job.sums, 2 * F);
    for (int32_t c = 0; c < 2 * F; c++) {
        centre[c] = E > 0 ? centre[c] / E : 0;
        mean[c] = (rcr_real)centre[c];
    }
    job.centre = centre;
    rcr_pool_run(x->pool, REF_LANES, sum_z, &job);
    ref_add_lanes(square, job.sums, 2 * F);
    for (int32_t c = 0; c < 2 * F; c++) var[c] = (rcr_real)(E > 0 ? square[c] / E : 0);
}

/* ---- the messages and their sum */

/* One edge's channel f forward, and what the backward takes from it. */
typedef struct edge_channel {
    rcr_real h_filter, h_core; /* normalised z: (z - mean) rstd */
    rcr_real y_core;           /* gamma h + beta */
    rcr_real gate, core;       /* sigmoid(y_filter), softplus(y_core) */
} edge_channel;

static inline edge_channel edge_forward(const edge_job *job, int32_t i, int32_t j, int32_t e, int32_t f) {
    const rcr_norm *norm = job->norm;
    int32_t c = job->in->F + f;
    edge_channel t;
    t.h_filter = (rcr_real)((edge_z(job->in, i, j, e, f) - (double)norm->mean[f]) * job->rstd[f]);
    t.h_core = (rcr_real)((edge_z(job->in, i, j, e, c) - (double)norm->mean[c]) * job->rstd[c]);
    t.y_core = norm->gamma[c] * t.h_core + norm->beta[c];
    t.gate = ref_sigmoid(norm->gamma[f] * t.h_filter + norm->beta[f]);
    t.core = ref_softplus(t.y_core);
    return t;
}

static void forward_atoms(void *argument, int lane, int worker) {
    (void)worker;
    const edge_job *job = argument;
    const rcr_batch *batch = job->in->batch;
    int32_t F = job->in->F;
    ref_range atoms = ref_lane(batch->n_atoms, lane);
    for (int32_t i = atoms.begin; i < atoms.end; i++) {
        rcr_real *s = job->s + (size_t)i * (size_t)F; /* [F] */
        for (int32_t f = 0; f < F; f++) s[f] = 0;
        for (int32_t e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
            for (int32_t f = 0; f < F; f++) {
                edge_channel t = edge_forward(job, i, batch->edge_source[e], e, f);
                s[f] += rcr_edge_copies(batch, e) * t.gate * t.core;
            }
    }
}

void rcr_ref_edge_conv_fwd(const rcr_exec *x, rcr_real *s, const rcr_edge_input *in, const rcr_norm *norm) {
    double *rstd = x->scratch; /* [2F] */
    ref_rstd(rstd, norm->var, 2 * in->F);
    edge_job job = {.in = in, .norm = norm, .s = s, .rstd = rstd};
    rcr_pool_run(x->pool, REF_LANES, forward_atoms, &job);
}

/* The gradients at norm 1's output, filter and core. */
typedef struct edge_slope {
    rcr_real filter, core;
} edge_slope;

static inline edge_slope edge_backward(edge_channel t, rcr_real ds, rcr_real copies) {
    rcr_real dgate = copies * ds * t.core, dcore = copies * ds * t.gate; /* d of: s[f] += copies * gate * core */
    return (edge_slope){dgate * t.gate * (1 - t.gate),                   /* d of: gate = sigmoid(y_filter) */
                        dcore * ref_softplus_slope(t.y_core)};           /* d of: core = softplus(y_core) */
}

/* First pass of the backward: sums over the edges of g (in [0, 2F)) and of g h (in [2F, 4F)). */
static void sum_slopes(void *argument, int lane, int worker) {
    (void)worker;
    const edge_job *job = argument;
    const rcr_batch *batch = job->in->batch;
    int32_t F = job->in->F;
    double *sum_g = job->sums + (size_t)lane * 4 * (size_t)F, *sum_gh = sum_g + 2 * F; /* [2F] each */
    for (int32_t c = 0; c < 4 * F; c++) sum_g[c] = 0;
    ref_range atoms = ref_lane(batch->n_atoms, lane);
    for (int32_t i = atoms.begin; i < atoms.end; i++)
        for (int32_t e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++)
            for (int32_t f = 0; f < F; f++) {
                edge_channel t = edge_forward(job, i, batch->edge_source[e], e, f);
                edge_slope g = edge_backward(t, job->ds[(size_t)i * (size_t)F + (size_t)f], rcr_edge_copies(batch, e));
                sum_g[f] += (double)g.filter;
                sum_g[F + f] += (double)g.core;
                sum_gh[f] += (double)g.filter * (double)t.h_filter;
                sum_gh[F + f] += (double)g.core * (double)t.h_core;
            }
}

/* Second pass: dz, to P_i, Q_j and R.  Lanes over crystals: edges join atoms of one crystal only, so no two lanes write
 * to the same atom. */
static void spread_slopes(void *argument, int lane, int worker) {
    (void)worker;
    const edge_job *job = argument;
    const rcr_batch *batch = job->in->batch;
    const rcr_real *gamma = job->norm->gamma;
    int32_t F = job->in->F;
    ref_range crystals = ref_lane(batch->n_crystals, lane);
    int32_t begin = batch->crystal_offset[crystals.begin], end = batch->crystal_offset[crystals.end];
    for (size_t c = (size_t)begin * 4 * (size_t)F; c < (size_t)end * 4 * (size_t)F; c++) job->dpq[c] = 0;
    for (int32_t i = begin; i < end; i++) {
        rcr_real *dp = job->dpq + (size_t)i * 4 * (size_t)F; /* [2F] */
        for (int32_t e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++) {
            int32_t j = batch->edge_source[e];
            rcr_real *dq = job->dpq + (size_t)j * 4 * (size_t)F + 2 * (size_t)F; /* [2F] */
            rcr_real *dr = job->dedge + (size_t)e * 2 * (size_t)F;               /* [2F] */
            for (int32_t f = 0; f < F; f++) {
                edge_channel t = edge_forward(job, i, j, e, f);
                edge_slope g = edge_backward(t, job->ds[(size_t)i * (size_t)F + (size_t)f], rcr_edge_copies(batch, e));
                rcr_real slope[2] = {g.filter, g.core}, h[2] = {t.h_filter, t.h_core};
                for (int half = 0; half < 2; half++) {
                    int32_t c = half * F + f;
                    /* d of: y = gamma (z - mean) / sqrt(var + eps) + beta, mean and var of all edges too */
                    double means = job->mean_g[c] + (double)h[half] * job->mean_gh[c];
                    double centred = (double)slope[half] - edges_of(batch, i, e) * means;
                    rcr_real dz = (rcr_real)((double)gamma[c] * job->rstd[c] * centred);
                    dp[c] += dz; /* d of: z = p + q + r */
                    dq[c] += dz;
                    dr[c] += dz;
                }
            }
        }
    }
}

static void edge_conv_bwd(const rcr_exec *x, rcr_real *dpq, rcr_real *dgamma, rcr_real *dbeta, rcr_real *dedge,
                          const rcr_real *ds, const rcr_edge_input *in, const rcr_norm *norm, int batch_stats) {
    int32_t F = in->F;
    double E = (double)rcr_batch_all_edges(in->batch);
    double *rstd = x->scratch, *mean_g = rstd + 2 * F, *mean_gh = mean_g + 2 * F; /* [2F] each */
    ref_rstd(rstd, norm->var, 2 * F);
    edge_job job = {.in = in, .norm = norm, .ds = ds, .dpq = dpq, .dedge = dedge, .rstd = rstd};
    job.sums = mean_gh + 2 * F;
    rcr_pool_run(x->pool, REF_LANES, sum_slopes, &job);
    ref_add_lanes(mean_g, job.sums, 4 * F);
    for (int32_t c = 0; c < 2 * F; c++) {
        dbeta[c] += (rcr_real)mean_g[c];   /* d of: y = gamma h + beta */
        dgamma[c] += (rcr_real)mean_gh[c]; /* d of: y = gamma h + beta */
    }
    for (int32_t c = 0; c < 4 * F; c++) mean_g[c] = batch_stats && E > 0 ? mean_g[c] / E : 0;
    job.mean_g = mean_g;
    job.mean_gh = mean_gh;
    rcr_pool_run(x->pool, REF_LANES, spread_slopes, &job);
}

/* ---- the whole convolution */

void rcr_ref_conv_stats_fwd(const rcr_exec *x, rcr_real *pq, rcr_real *mean, rcr_real *var, const rcr_real *v,
                            const rcr_edge_input *in) {
    rcr_ref_conv_project_fwd(x, pq, v, in->pack, in->batch->n_atoms, in->F, in->basis.n);
    rcr_edge_input with = *in;
    with.pq = pq;
    edge_stats(x, mean, var, &with);
}

/* dpq [N, 4F], dedge [E, 2F] and, where the caller wants none, db [2F]; in whole doubles. */
size_t rcr_ref_conv_bwd_reals(int32_t N, int32_t E, int32_t F) {
    return ((size_t)N * 4 + (size_t)E * 2 + 2) * (size_t)F + 2;
}

void rcr_ref_conv_bwd(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, rcr_real *dgamma, rcr_real *dbeta,
                      rcr_real *pq, const rcr_real *ds, const rcr_real *v, const rcr_edge_input *in,
                      const rcr_norm *norm, int batch_stats) {
    int32_t N = in->batch->n_atoms, E = in->batch->n_edges, F = in->F;
    rcr_real *dpq = x->scratch, *dedge = dpq + (size_t)N * 4 * (size_t)F, *no_db = dedge + (size_t)E * 2 * (size_t)F;
    size_t used = rcr_ref_conv_bwd_reals(N, E, F) * sizeof(rcr_real) / sizeof(double) * sizeof(double);
    rcr_exec inner = *x;
    inner.scratch = (char *)x->scratch + used;
    inner.scratch_size = x->scratch_size - used;
    for (size_t i = 0; i < (size_t)E * 2 * (size_t)F; i++) dedge[i] = 0;
    for (int32_t c = 0; c < 2 * F; c++) no_db[c] = 0;
    rcr_edge_input with = *in;
    with.pq = pq;
    edge_conv_bwd(&inner, dpq, dgamma, dbeta, dedge, ds, &with, norm, batch_stats);
    rcr_ref_conv_project_bwd(&inner, dv, dw, db != NULL ? db : no_db, dpq, v, in->pack, N, F, in->basis.n);
    edge_weight_bwd(&inner, dw, dedge, in);
}
