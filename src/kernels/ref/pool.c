/* The readout: mean over each crystal's atoms. */
#include "kernels/ref/ref.h"

void rcr_ref_pool_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v, const int32_t *offset, int32_t C,
                      int32_t F) {
    (void)x;
    for (int32_t k = 0; k < C; k++)
        for (int32_t f = 0; f < F; f++) {
            double sum = 0;
            for (int32_t n = offset[k]; n < offset[k + 1]; n++) sum += (double)v[(size_t)n * (size_t)F + (size_t)f];
            int32_t count = offset[k + 1] - offset[k];
            out[(size_t)k * (size_t)F + (size_t)f] = (rcr_real)(count > 0 ? sum / count : 0);
        }
}

void rcr_ref_pool_bwd(const rcr_exec *x, rcr_real *dv, const rcr_real *dout, const int32_t *offset, int32_t C,
                      int32_t F) {
    (void)x;
    for (int32_t k = 0; k < C; k++)
        for (int32_t n = offset[k]; n < offset[k + 1]; n++)
            for (int32_t f = 0; f < F; f++) /* d of: out = sum / count */
                dv[(size_t)n * (size_t)F + (size_t)f] =
                    dout[(size_t)k * (size_t)F + (size_t)f] / (rcr_real)(offset[k + 1] - offset[k]);
}
