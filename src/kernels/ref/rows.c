/* Rows of the element table to atoms and back. */
#include "kernels/ref/ref.h"

void rcr_ref_rows_gather(const rcr_exec *x, rcr_real *y, const rcr_real *table, const int32_t *row, int32_t N,
                         int32_t F) {
    (void)x;
    for (int32_t n = 0; n < N; n++)
        for (int32_t f = 0; f < F; f++)
            y[(size_t)n * (size_t)F + (size_t)f] = table[(size_t)row[n] * (size_t)F + (size_t)f];
}

/* A row is the sum over very many atoms (one element of a batch), hence in double, a table row's column at a time. */
void rcr_ref_rows_scatter(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const int32_t *row, int32_t N,
                          int32_t S, int32_t F) {
    double *sum = x->scratch; /* [F] */
    for (int32_t s = 0; s < S; s++) {
        for (int32_t f = 0; f < F; f++) sum[f] = 0;
        for (int32_t n = 0; n < N; n++) {
            if (row[n] != s) continue;
            const rcr_real *d = dy + (size_t)n * (size_t)F;
            for (int32_t f = 0; f < F; f++) sum[f] += (double)d[f]; /* d of: y[n, f] = table[row[n], f] */
        }
        for (int32_t f = 0; f < F; f++) dtable[(size_t)s * (size_t)F + (size_t)f] = (rcr_real)sum[f];
    }
}

void rcr_ref_rows_mix_fwd(const rcr_exec *x, rcr_real *y, const rcr_real *table, const rcr_mixtures *m, int32_t F) {
    (void)x;
    for (int32_t a = 0; a < m->n; a++)
        for (int32_t f = 0; f < F; f++) {
            double sum = 0;
            for (int32_t k = m->offset[a]; k < m->offset[a + 1]; k++)
                sum += (double)m->weight[k] * (double)table[(size_t)m->row[k] * (size_t)F + (size_t)f];
            y[(size_t)m->atom[a] * (size_t)F + (size_t)f] = (rcr_real)sum;
        }
}

void rcr_ref_rows_mix_bwd(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const rcr_mixtures *m, int32_t S,
                          int32_t F) {
    double *sum = x->scratch; /* [F] */
    for (int32_t s = 0; s < S; s++) {
        rcr_real *to = dtable + (size_t)s * (size_t)F;
        for (int32_t f = 0; f < F; f++) sum[f] = 0;
        for (int32_t a = 0; a < m->n; a++) {
            const rcr_real *d = dy + (size_t)m->atom[a] * (size_t)F;
            for (int32_t k = m->offset[a]; k < m->offset[a + 1]; k++)
                for (int32_t f = 0; m->row[k] == s && f < F; f++)
                    sum[f] += (double)m->weight[k] * (double)d[f]; /* d of: y[atom, f] = .. + weight table[s, f] */
        }
        for (int32_t f = 0; f < F; f++) to[f] = (rcr_real)(s == 0 ? sum[f] : (double)to[f] + sum[f]);
    }
}
