/* The readout: mean over each crystal's atoms. */
#include "kernels/ref/ref.h"

void rcr_ref_pool_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v, const int32_t *offset,
                      const rcr_real *multiplicity, int32_t C, int32_t F) {
    (void)x;
    for (int32_t k = 0; k < C; k++)
        for (int32_t f = 0; f < F; f++) {
            double sum = 0;
            for (int32_t n = offset[k]; n < offset[k + 1]; n++)
                sum += (double)rcr_row_atoms(multiplicity, n) * (double)v[(size_t)n * (size_t)F + (size_t)f];
            double count = rcr_rows_atoms(multiplicity, offset[k], offset[k + 1]);
            out[(size_t)k * (size_t)F + (size_t)f] = (rcr_real)(count > 0 ? sum / count : 0);
        }
}

void rcr_ref_pool_bwd(const rcr_exec *x, rcr_real *dv, const rcr_real *dout, const int32_t *offset,
                      const rcr_real *multiplicity, int32_t C, int32_t F) {
    (void)x;
    for (int32_t k = 0; k < C; k++) {
        rcr_real count = (rcr_real)rcr_rows_atoms(multiplicity, offset[k], offset[k + 1]);
        for (int32_t n = offset[k]; n < offset[k + 1]; n++)
            for (int32_t f = 0; f < F; f++) /* d of: out = sum of multiplicity v / count */
                dv[(size_t)n * (size_t)F + (size_t)f] =
                    rcr_row_atoms(multiplicity, n) * dout[(size_t)k * (size_t)F + (size_t)f] / count;
    }
}
