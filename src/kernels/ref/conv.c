/* The convolution's products per atom: P = W_i v + b and Q = W_j v. */
#include <string.h>

#include "kernels/ref/ref.h"

/* The reference's own layout of the weights is PyTorch's: w [2F, 2F+K], whose columns are W_i [F], W_j [F], W_e [K],
 * and after it b [2F]. */
size_t rcr_ref_conv_pack_size(int32_t F, int32_t K) {
    return 2 * (size_t)F * (2 * (size_t)F + (size_t)K) + 2 * (size_t)F;
}

void rcr_ref_conv_pack(const rcr_exec *x, rcr_real *pack, const rcr_real *w, const rcr_real *b, int32_t F, int32_t K) {
    (void)x;
    size_t n_weights = 2 * (size_t)F * (2 * (size_t)F + (size_t)K);
    memcpy(pack, w, n_weights * sizeof *pack);
    memcpy(pack + n_weights, b, 2 * (size_t)F * sizeof *pack);
}

typedef struct project_job {
    rcr_real *pq;        /* [N, 4F] */
    rcr_real *dv;        /* [N, F] */
    rcr_real *dw;        /* [2F, 2F+K] */
    rcr_real *db;        /* [2F] */
    const rcr_real *dpq; /* [N, 4F] */
    const rcr_real *v;   /* [N, F] */
    const rcr_real *w;   /* [2F, 2F+K] */
    const rcr_real *b;   /* [2F] */
    double *sums;        /* [REF_LANES, 2F] */
    int32_t N, F, K;
} project_job;

static void forward_atoms(void *argument, int lane, int worker) {
    (void)worker;
    const project_job *job = argument;
    int32_t F = job->F;
    size_t f = (size_t)F, columns = 2 * f + (size_t)job->K;
    ref_range atoms = ref_lane(job->N, lane);
    for (int32_t n = atoms.begin; n < atoms.end; n++) {
        const rcr_real *v = job->v + (size_t)n * f; /* [F] */
        rcr_real *p = job->pq + (size_t)n * 4 * f;  /* [2F] */
        rcr_real *q = p + 2 * f;                    /* [2F] */
        for (int32_t c = 0; c < 2 * F; c++) {
            const rcr_real *w_i = job->w + (size_t)c * columns, *w_j = w_i + f; /* [F] each */
            p[c] = (rcr_real)(ref_dot(w_i, v, F) + (double)job->b[c]);
            q[c] = (rcr_real)ref_dot(w_j, v, F);
        }
    }
}

void rcr_ref_conv_project_fwd(const rcr_exec *x, rcr_real *pq, const rcr_real *v, const rcr_real *pack, int32_t N,
                              int32_t F, int32_t K) {
    project_job job = {.pq = pq, .v = v, .w = pack, .N = N, .F = F, .K = K};
    job.b = pack + 2 * (size_t)F * (2 * (size_t)F + (size_t)K);
    rcr_pool_run(x->pool, REF_LANES, forward_atoms, &job);
}

/* dv; lanes over atoms. */
static void backward_atoms(void *argument, int lane, int worker) {
    (void)worker;
    const project_job *job = argument;
    int32_t F = job->F;
    size_t columns = 2 * (size_t)F + (size_t)job->K;
    ref_range atoms = ref_lane(job->N, lane);
    for (int32_t n = atoms.begin; n < atoms.end; n++) {
        const rcr_real *dp = job->dpq + (size_t)n * 4 * (size_t)F; /* [2F] */
        const rcr_real *dq = dp + 2 * F;                           /* [2F] */
        rcr_real *dv = job->dv + (size_t)n * (size_t)F;            /* [F] */
        for (int32_t c = 0; c < 2 * F; c++) {
            const rcr_real *w_i = job->w + (size_t)c * columns, *w_j = w_i + F;       /* [F] each */
            for (int32_t f = 0; f < F; f++) dv[f] += dp[c] * w_i[f] + dq[c] * w_j[f]; /* d of: both lines p, q */
        }
    }
}

/* dw and db; lanes over output channels. */
static void backward_weights(void *argument, int lane, int worker) {
    (void)worker;
    const project_job *job = argument;
    int32_t F = job->F;
    size_t columns = 2 * (size_t)F + (size_t)job->K;
    double *dw_i = job->sums + (size_t)lane * 2 * (size_t)F, *dw_j = dw_i + F; /* [F] each */
    ref_range channels = ref_lane(2 * F, lane);
    for (int32_t c = channels.begin; c < channels.end; c++) {
        double db = 0;
        for (int32_t f = 0; f < 2 * F; f++) dw_i[f] = 0;
        for (int32_t n = 0; n < job->N; n++) {
            const rcr_real *v = job->v + (size_t)n * (size_t)F;
            double dp = (double)job->dpq[(size_t)n * 4 * (size_t)F + (size_t)c];
            double dq = (double)job->dpq[(size_t)n * 4 * (size_t)F + 2 * (size_t)F + (size_t)c];
            for (int32_t f = 0; f < F; f++) dw_i[f] += dp * (double)v[f]; /* d of: p[c] = w_i . v + b[c] */
            for (int32_t f = 0; f < F; f++) dw_j[f] += dq * (double)v[f]; /* d of: q[c] = w_j . v */
            db += dp;                                                     /* d of: + b[c] */
        }
        rcr_real *row = job->dw + (size_t)c * columns;
        for (int32_t f = 0; f < 2 * F; f++) row[f] += (rcr_real)dw_i[f];
        job->db[c] += (rcr_real)db;
    }
}

void rcr_ref_conv_project_bwd(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, const rcr_real *dpq,
                              const rcr_real *v, const rcr_real *pack, int32_t N, int32_t F, int32_t K) {
    project_job job = {.dv = dv, .dw = dw, .db = db, .dpq = dpq, .v = v, .w = pack, .N = N, .F = F, .K = K};
    job.sums = x->scratch;
    rcr_pool_run(x->pool, REF_LANES, backward_atoms, &job);
    rcr_pool_run(x->pool, REF_LANES, backward_weights, &job);
}
