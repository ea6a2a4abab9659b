/* Layer normalisation: each row over its own entries. */
#include "kernels/ref/ref.h"

typedef struct row_stats {
    double mean, rstd;
} row_stats;

static row_stats row_statistics(const rcr_real *in /* [F] */, int32_t F) {
    double sum = 0, square = 0;
    for (int32_t f = 0; f < F; f++) sum += (double)in[f];
    double mean = sum / F;
    for (int32_t f = 0; f < F; f++) square += ((double)in[f] - mean) * ((double)in[f] - mean);
    return (row_stats){mean, 1 / sqrt(square / F + RCR_NORM_EPS)};
}

void rcr_ref_layer_norm_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *in, const rcr_real *gamma,
                            const rcr_real *beta, int32_t N, int32_t F) {
    (void)x;
    for (int32_t n = 0; n < N; n++) {
        const rcr_real *row = in + (size_t)n * (size_t)F;
        row_stats t = row_statistics(row, F);
        for (int32_t f = 0; f < F; f++) {
            double h = ((double)row[f] - t.mean) * t.rstd;
            out[(size_t)n * (size_t)F + (size_t)f] = (rcr_real)((double)gamma[f] * h + (double)beta[f]);
        }
    }
}

void rcr_ref_layer_norm_bwd(const rcr_exec *x, rcr_real *dx, rcr_real *dgamma, rcr_real *dbeta, const rcr_real *dout,
                            const rcr_real *in, const rcr_real *gamma, int32_t N, int32_t F) {
    double *sum_g = x->scratch, *sum_gh = sum_g + F; /* [F] each, over rows */
    for (int32_t f = 0; f < 2 * F; f++) sum_g[f] = 0;
    for (int32_t n = 0; n < N; n++) {
        const rcr_real *row = in + (size_t)n * (size_t)F, *d = dout + (size_t)n * (size_t)F; /* [F] each */
        row_stats t = row_statistics(row, F);
        double mean_dh = 0, mean_dhh = 0; /* over the row */
        for (int32_t f = 0; f < F; f++) {
            double h = ((double)row[f] - t.mean) * t.rstd;
            double dh = (double)d[f] * (double)gamma[f]; /* d of: out = gamma h + beta */
            sum_g[f] += (double)d[f];
            sum_gh[f] += (double)d[f] * h;
            mean_dh += dh / F;
            mean_dhh += dh * h / F;
        }
        for (int32_t f = 0; f < F; f++) {
            double h = ((double)row[f] - t.mean) * t.rstd;
            double dh = (double)d[f] * (double)gamma[f];
            /* d of: h = (in - mean) / sqrt(var + eps), mean and var of the row too */
            dx[(size_t)n * (size_t)F + (size_t)f] = (rcr_real)(t.rstd * (dh - mean_dh - h * mean_dhh));
        }
    }
    for (int32_t f = 0; f < F; f++) {
        dbeta[f] += (rcr_real)sum_g[f];   /* d of: out = gamma h + beta */
        dgamma[f] += (rcr_real)sum_gh[f]; /* d of: out = gamma h + beta */
    }
}
