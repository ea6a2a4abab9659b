/* Normalisation over rows, and the atoms' update v <- softplus(v + norm2(s)). */
#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/vmath.h"

/* ---------------------------------------------------------------- mean and variance of columns */

typedef struct stats_job {
    const float *in;
    const float *multiplicity; /* [rows] or NULL */
    double *partial;           /* [lanes, 2, cols] */
    int64_t rows;
    int32_t cols;
    int lanes;
} stats_job;

enum { STATS_BLOCK = 16 }; /* rows summed in single precision before they are added in double */

static void stats_piece(void *job, int lane, int worker) {
    (void)worker;
    const stats_job *j = job;
    size_t cols = (size_t)j->cols;
    double *sum = j->partial + (size_t)lane * 2 * cols, *square = sum + cols;
    memset(sum, 0, 2 * cols * sizeof(double));
    rcr_range rows = rcr_lane(j->rows, j->lanes, lane);
    for (int64_t begin = rows.first; begin < rows.end; begin += STATS_BLOCK) {
        int64_t stop = begin + STATS_BLOCK < rows.end ? begin + STATS_BLOCK : rows.end;
        for (int32_t c = 0; c < j->cols; c += VW) {
            int n = j->cols - c < VW ? j->cols - c : VW;
            /* About the first row, so that squares lose nothing to a large mean. */
            vf shift = vload_n(j->in + c, n), s = {0}, q = {0};
            for (int64_t r = begin; r < stop; r++) {
                vf t = vload_n(j->in + r * j->cols + c, n) - shift;
                vf all = t * vset(rcr_row_atoms(j->multiplicity, r));
                s += all;
                q = vfma(all, t, q);
            }
            for (int k = 0; k < n; k++) sum[c + k] += (double)s[k];
            for (int k = 0; k < n; k++) square[c + k] += (double)q[k];
        }
    }
}

void RCR_CPU(norm_stats)(const rcr_exec *x, rcr_real *mean, rcr_real *var, const rcr_real *in,
                         const rcr_real *multiplicity, int32_t n_rows, int32_t n_cols) {
    memset(mean, 0, (size_t)n_cols * sizeof(float));
    memset(var, 0, (size_t)n_cols * sizeof(float));
    if (n_rows == 0) return;
    stats_job job = {in, multiplicity, x->scratch, n_rows, n_cols, rcr_lanes(n_rows)};
    double count = rcr_rows_atoms(multiplicity, 0, n_rows);
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, stats_piece, &job);
    for (int32_t c = 0; c < n_cols; c++) {
        double sum = 0, square = 0;
        for (int l = 0; l < job.lanes; l++) {
            sum += job.partial[(size_t)l * 2 * (size_t)n_cols + (size_t)c];
            square += job.partial[(size_t)l * 2 * (size_t)n_cols + (size_t)(n_cols + c)];
        }
        double offset = sum / count, variance = square / count - offset * offset;
        mean[c] = (float)((double)in[c] + offset);
        var[c] = variance > 0 ? (float)variance : 0.0f;
    }
}

/* ---------------------------------------------------------------- the update */

typedef struct update_job {
    float *out, *dv, *ds;
    const float *v, *s, *dout;
    const float *multiplicity;               /* [N] or NULL */
    const float *mean, *rstd, *gamma, *beta; /* [F] */
    const float *mean_g, *mean_gs; /* [F] means of g and of g shat over the atoms; zeros for constant statistics */
    double *partial;               /* [lanes, 2, F] */
    int64_t N;
    int32_t F;
    int lanes;
} update_job;

INLINE vf normalised(const update_job *j, int64_t at, int32_t c, int n) {
    return (vload_n(j->s + at, n) - vload_n(j->mean + c, n)) * vload_n(j->rstd + c, n);
}

static void update_fwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const update_job *j = job;
    rcr_range atoms = rcr_lane(j->N, j->lanes, lane);
    for (int64_t i = atoms.first; i < atoms.end; i++)
        for (int32_t c = 0; c < j->F; c += VW) {
            int n = j->F - c < VW ? j->F - c : VW;
            vf y = vfma(normalised(j, i * j->F + c, c, n), vload_n(j->gamma + c, n), vload_n(j->beta + c, n));
            vstore_n(j->out + i * j->F + c, vsoftplus((vload_n(j->v + i * j->F + c, n) + y) * RCR_LOG2E), n);
        }
}

/* g = dout sigmoid(v + y) (inverts the softplus) into dv and, for now, ds; its sums and those of g shat. */
static void update_bwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const update_job *j = job;
    size_t F = (size_t)j->F;
    double *sum = j->partial + (size_t)lane * 2 * F;
    memset(sum, 0, 2 * F * sizeof(double));
    rcr_range atoms = rcr_lane(j->N, j->lanes, lane);
    for (int64_t begin = atoms.first; begin < atoms.end; begin += STATS_BLOCK) {
        int64_t stop = begin + STATS_BLOCK < atoms.end ? begin + STATS_BLOCK : atoms.end;
        for (int32_t c = 0; c < j->F; c += VW) {
            int n = j->F - c < VW ? j->F - c : VW;
            vf gamma = vload_n(j->gamma + c, n), beta = vload_n(j->beta + c, n), s = {0}, q = {0};
            for (int64_t i = begin; i < stop; i++) {
                int64_t at = i * j->F + c;
                vf shat = normalised(j, at, c, n);
                vf g =
                    vload_n(j->dout + at, n) * vsigmoid((vload_n(j->v + at, n) + vfma(shat, gamma, beta)) * RCR_LOG2E);
                s += g;
                q = vfma(g, shat, q);
                vstore_n(j->dv + at, g, n);
            }
            for (int k = 0; k < n; k++) sum[c + k] += (double)s[k];
            for (int k = 0; k < n; k++) sum[j->F + c + k] += (double)q[k];
        }
    }
}

/* ds = gamma rstd (g - m (mean(g) + shat mean(g shat))), m the row's multiplicity: inverts the normalisation. */
static void update_norm_piece(void *job, int lane, int worker) {
    (void)worker;
    const update_job *j = job;
    rcr_range atoms = rcr_lane(j->N, j->lanes, lane);
    for (int64_t i = atoms.first; i < atoms.end; i++) {
        vf count = vset(rcr_row_atoms(j->multiplicity, i));
        for (int32_t c = 0; c < j->F; c += VW) {
            int n = j->F - c < VW ? j->F - c : VW;
            int64_t at = i * j->F + c;
            vf means = vfma(normalised(j, at, c, n), vload_n(j->mean_gs + c, n), vload_n(j->mean_g + c, n));
            vf inner = vload_n(j->dv + at, n) - count * means;
            vstore_n(j->ds + at, vload_n(j->gamma + c, n) * vload_n(j->rstd + c, n) * inner, n);
        }
    }
}

/* 1/sqrt(var + eps) for F channels into the scratch after `used` bytes; returns where. */
static float *reciprocal_deviation(const rcr_exec *x, size_t used, const rcr_norm *norm, int32_t F) {
    float *rstd = (float *)(void *)((char *)x->scratch + used);
    for (int32_t c = 0; c < F; c++) rstd[c] = (float)(1.0 / sqrt((double)norm->var[c] + RCR_NORM_EPS));
    return rstd;
}

void RCR_CPU(node_update_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v, const rcr_real *s,
                              const rcr_norm *norm, int32_t N, int32_t F) {
    update_job job = {
        .out = out, .v = v, .s = s, .mean = norm->mean, .gamma = norm->gamma, .beta = norm->beta, .N = N, .F = F};
    job.lanes = rcr_lanes(N);
    job.rstd = reciprocal_deviation(x, 0, norm, F);
    rcr_pool_run_near(x->pool, job.lanes, RCR_DOWNWARD, update_fwd_piece, &job);
}

void RCR_CPU(node_update_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *ds, rcr_real *dgamma, rcr_real *dbeta,
                              const rcr_real *dout, const rcr_real *v, const rcr_real *s, const rcr_norm *norm,
                              int batch_stats, const rcr_real *multiplicity, int32_t N, int32_t F) {
    update_job job = {.dv = dv,
                      .ds = ds,
                      .dout = dout,
                      .multiplicity = multiplicity,
                      .v = v,
                      .s = s,
                      .mean = norm->mean,
                      .gamma = norm->gamma,
                      .beta = norm->beta,
                      .partial = x->scratch,
                      .N = N,
                      .F = F};
    job.lanes = rcr_lanes(N);
    size_t used = (size_t)job.lanes * 2 * (size_t)F * sizeof(double);
    float *rstd = reciprocal_deviation(x, used, norm, F), *mean_g = rstd + F, *mean_gs = mean_g + F;
    job.rstd = rstd, job.mean_g = mean_g, job.mean_gs = mean_gs;
    rcr_pool_run_near(x->pool, job.lanes, RCR_DOWNWARD, update_bwd_piece, &job);
    double count = rcr_rows_atoms(multiplicity, 0, N);
    for (int32_t c = 0; c < F; c++) {
        double g = 0, gs = 0;
        for (int l = 0; l < job.lanes; l++) {
            g += job.partial[(size_t)l * 2 * (size_t)F + (size_t)c];
            gs += job.partial[(size_t)l * 2 * (size_t)F + (size_t)(F + c)];
        }
        dbeta[c] += (float)g;   /* inverts y = ... + beta */
        dgamma[c] += (float)gs; /* inverts y = gamma shat + ... */
        mean_g[c] = batch_stats && N > 0 ? (float)(g / count) : 0.0f;
        mean_gs[c] = batch_stats && N > 0 ? (float)(gs / count) : 0.0f;
    }
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, update_norm_piece, &job);
}
