/* Statistics for the normalisations. */
#include "kernels/ref/ref.h"

typedef struct stats_job {
    const rcr_real *in;           /* [n_rows, n_cols] */
    const double *centre;         /* [n_cols] what to take squares about, or NULL: take plain sums */
    const rcr_real *multiplicity; /* [n_rows] or NULL */
    double *sums;                 /* [REF_LANES, n_cols] */
    int32_t n_rows, n_cols;
} stats_job;

static void sum_rows(void *argument, int lane, int worker) {
    (void)worker;
    const stats_job *job = argument;
    double *sum = job->sums + (size_t)lane * (size_t)job->n_cols; /* [n_cols] */
    for (int32_t c = 0; c < job->n_cols; c++) sum[c] = 0;
    ref_range rows = ref_lane(job->n_rows, lane);
    for (int32_t r = rows.begin; r < rows.end; r++)
        for (int32_t c = 0; c < job->n_cols; c++) {
            double value = (double)job->in[(size_t)r * (size_t)job->n_cols + (size_t)c];
            if (job->centre != NULL) value = (value - job->centre[c]) * (value - job->centre[c]);
            sum[c] += (double)rcr_row_atoms(job->multiplicity, r) * value;
        }
}

void rcr_ref_norm_stats(const rcr_exec *x, rcr_real *mean, rcr_real *var, const rcr_real *in,
                        const rcr_real *multiplicity, int32_t n_rows, int32_t n_cols) {
    double *centre = x->scratch, *square = centre + n_cols; /* [n_cols] each */
    stats_job job = {.in = in, .multiplicity = multiplicity, .n_rows = n_rows, .n_cols = n_cols};
    job.sums = square + n_cols;
    double count = rcr_rows_atoms(multiplicity, 0, n_rows);
    rcr_pool_run(x->pool, REF_LANES, sum_rows, &job);
    ref_add_lanes(centre, job.sums, n_cols);
    for (int32_t c = 0; c < n_cols; c++) {
        centre[c] = n_rows > 0 ? centre[c] / count : 0;
        mean[c] = (rcr_real)centre[c];
    }
    job.centre = centre;
    rcr_pool_run(x->pool, REF_LANES, sum_rows, &job);
    ref_add_lanes(square, job.sums, n_cols);
    for (int32_t c = 0; c < n_cols; c++) var[c] = (rcr_real)(n_rows > 0 ? square[c] / count : 0);
}

void rcr_ref_norm_running(const rcr_exec *x, rcr_real *running_mean, rcr_real *running_var, const rcr_real *mean,
                          const rcr_real *var, int64_t count, double momentum, int32_t n_cols) {
    (void)x;
    double unbiased = count > 1 ? (double)count / (double)(count - 1) : 1;
    for (int32_t c = 0; c < n_cols; c++) {
        running_mean[c] = (rcr_real)((1 - momentum) * (double)running_mean[c] + momentum * (double)mean[c]);
        running_var[c] = (rcr_real)((1 - momentum) * (double)running_var[c] + momentum * unbiased * (double)var[c]);
    }
}
