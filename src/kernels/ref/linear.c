/* Dense layers. */
#include "kernels/ref/ref.h"

typedef struct linear_job {
    rcr_real *y;        /* [n, n_out] */
    rcr_real *dx;       /* [n, n_in] or NULL */
    rcr_real *dw;       /* [n_out, n_in] */
    rcr_real *db;       /* [n_out] or NULL */
    const rcr_real *dy; /* [n, n_out] */
    const rcr_real *in; /* [n, n_in] */
    const rcr_real *w;  /* [n_out, n_in] */
    const rcr_real *b;  /* [n_out] or NULL */
    double *sums;       /* [REF_LANES, n_in] */
    int32_t n, n_in, n_out;
} linear_job;

static void forward_rows(void *argument, int lane, int worker) {
    (void)worker;
    const linear_job *job = argument;
    int32_t n_in = job->n_in, n_out = job->n_out;
    ref_range rows = ref_lane(job->n, lane);
    for (int32_t r = rows.begin; r < rows.end; r++) {
        const rcr_real *in = job->in + (size_t)r * (size_t)n_in; /* [n_in] */
        rcr_real *y = job->y + (size_t)r * (size_t)n_out;        /* [n_out] */
        for (int32_t o = 0; o < n_out; o++) {
            double sum = ref_dot(job->w + (size_t)o * (size_t)n_in, in, n_in);
            y[o] = (rcr_real)(job->b != NULL ? sum + (double)job->b[o] : sum);
        }
    }
}

void rcr_ref_linear_fwd(const rcr_exec *x, rcr_real *y, const rcr_real *in, const rcr_real *w, const rcr_real *b,
                        int32_t n, int32_t n_in, int32_t n_out) {
    linear_job job = {.y = y, .in = in, .w = w, .b = b, .n = n, .n_in = n_in, .n_out = n_out};
    rcr_pool_run(x->pool, REF_LANES, forward_rows, &job);
}

/* dx; lanes over rows. */
static void backward_rows(void *argument, int lane, int worker) {
    (void)worker;
    const linear_job *job = argument;
    int32_t n_in = job->n_in, n_out = job->n_out;
    ref_range rows = ref_lane(job->n, lane);
    for (int32_t r = rows.begin; r < rows.end; r++) {
        const rcr_real *dy = job->dy + (size_t)r * (size_t)n_out; /* [n_out] */
        rcr_real *dx = job->dx + (size_t)r * (size_t)n_in;        /* [n_in] */
        for (int32_t i = 0; i < n_in; i++) dx[i] = 0;
        for (int32_t o = 0; o < n_out; o++) {
            const rcr_real *w = job->w + (size_t)o * (size_t)n_in;
            for (int32_t i = 0; i < n_in; i++) dx[i] += dy[o] * w[i]; /* d of: y[o] = sum_i w[o, i] in[i] + b[o] */
        }
    }
}

/* dw and db; lanes over outputs, so that none adds to another's. */
static void backward_weights(void *argument, int lane, int worker) {
    (void)worker;
    const linear_job *job = argument;
    int32_t n_in = job->n_in, n_out = job->n_out;
    double *dw = job->sums + (size_t)lane * (size_t)n_in; /* [n_in] */
    ref_range outputs = ref_lane(n_out, lane);
    for (int32_t o = outputs.begin; o < outputs.end; o++) {
        double db = 0;
        for (int32_t i = 0; i < n_in; i++) dw[i] = 0;
        for (int32_t r = 0; r < job->n; r++) {
            double dy = (double)job->dy[(size_t)r * (size_t)n_out + (size_t)o];
            const rcr_real *in = job->in + (size_t)r * (size_t)n_in;
            for (int32_t i = 0; i < n_in; i++) dw[i] += dy * (double)in[i]; /* d of: w[o, i] in[i] */
            db += dy;                                                       /* d of: + b[o] */
        }
        rcr_real *row = job->dw + (size_t)o * (size_t)n_in;
        for (int32_t i = 0; i < n_in; i++) row[i] += (rcr_real)dw[i];
        if (job->db != NULL) job->db[o] += (rcr_real)db;
    }
}

void rcr_ref_linear_bwd(const rcr_exec *x, rcr_real *dx, rcr_real *dw, rcr_real *db, const rcr_real *dy,
                        const rcr_real *in, const rcr_real *w, int32_t n, int32_t n_in, int32_t n_out) {
    linear_job job = {.dx = dx, .dw = dw, .db = db, .dy = dy, .in = in, .w = w, .n = n, .n_in = n_in, .n_out = n_out};
    job.sums = x->scratch;
    if (dx != NULL) rcr_pool_run(x->pool, REF_LANES, backward_rows, &job);
    rcr_pool_run(x->pool, REF_LANES, backward_weights, &job);
}
