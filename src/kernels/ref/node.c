/* The atoms' update: out = softplus(v + norm2(s)). */
#include "kernels/ref/ref.h"

void rcr_ref_node_update_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v, const rcr_real *s,
                             const rcr_norm *norm, int32_t N, int32_t F) {
    double *rstd = x->scratch; /* [F] */
    ref_rstd(rstd, norm->var, F);
    for (int32_t n = 0; n < N; n++)
        for (int32_t f = 0; f < F; f++) {
            size_t at = (size_t)n * (size_t)F + (size_t)f;
            rcr_real h = (s[at] - norm->mean[f]) * (rcr_real)rstd[f];
            rcr_real y = norm->gamma[f] * h + norm->beta[f];
            out[at] = ref_softplus(v[at] + y);
        }
}

void rcr_ref_node_update_bwd(const rcr_exec *x, rcr_real *dv, rcr_real *ds, rcr_real *dgamma, rcr_real *dbeta,
                             const rcr_real *dout, const rcr_real *v, const rcr_real *s, const rcr_norm *norm,
                             int batch_stats, const rcr_real *multiplicity, int32_t N, int32_t F) {
    double *rstd = x->scratch, *mean_g = rstd + F, *mean_gh = mean_g + F; /* [F] each */
    ref_rstd(rstd, norm->var, F);
    for (int32_t f = 0; f < 2 * F; f++) mean_g[f] = 0;
    for (int32_t n = 0; n < N; n++)
        for (int32_t f = 0; f < F; f++) {
            size_t at = (size_t)n * (size_t)F + (size_t)f;
            rcr_real h = (s[at] - norm->mean[f]) * (rcr_real)rstd[f];
            rcr_real y = norm->gamma[f] * h + norm->beta[f];
            rcr_real g = dout[at] * ref_softplus_slope(v[at] + y); /* d of: out = softplus(v + y) */
            dv[at] = g;                                            /* d of: v + y */
            mean_g[f] += (double)g;
            mean_gh[f] += (double)g * (double)h;
        }
    for (int32_t f = 0; f < F; f++) {
        dbeta[f] += (rcr_real)mean_g[f];   /* d of: y = gamma h + beta */
        dgamma[f] += (rcr_real)mean_gh[f]; /* d of: y = gamma h + beta */
    }
    double count = rcr_rows_atoms(multiplicity, 0, N);
    for (int32_t f = 0; f < 2 * F; f++) mean_g[f] = batch_stats && N > 0 ? mean_g[f] / count : 0;
    for (int32_t n = 0; n < N; n++)
        for (int32_t f = 0; f < F; f++) {
            size_t at = (size_t)n * (size_t)F + (size_t)f;
            rcr_real h = (s[at] - norm->mean[f]) * (rcr_real)rstd[f];
            /* d of: y = gamma (s - mean) / sqrt(var + eps) + beta, mean and var of all atoms too */
            double centred =
                (double)dv[at] - (double)rcr_row_atoms(multiplicity, n) * (mean_g[f] + (double)h * mean_gh[f]);
            ds[at] = (rcr_real)((double)norm->gamma[f] * rstd[f] * centred);
        }
}
