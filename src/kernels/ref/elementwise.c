/* Element by element. */
#include "base/rng.h"
#include "kernels/ref/ref.h"

void rcr_ref_softplus_fwd(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n) {
    (void)x;
    for (int64_t i = 0; i < n; i++) y[i] = ref_softplus(in[i]);
}

void rcr_ref_softplus_bwd(const rcr_exec *x, rcr_real *dx, const rcr_real *dy, const rcr_real *in, int64_t n) {
    (void)x;
    for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * ref_softplus_slope(in[i]); /* d of: y = softplus(in) */
}

void rcr_ref_add(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n) {
    (void)x;
    for (int64_t i = 0; i < n; i++) y[i] += in[i];
}

/* An element is dropped when its hash's upper 53 bits, as a fraction of 2^53, are below p. */
void rcr_ref_dropout(const rcr_exec *x, rcr_real *y, const rcr_real *in, double p, uint64_t seed, int64_t n) {
    (void)x;
    rcr_real scale = (rcr_real)(1 / (1 - p));
    for (int64_t i = 0; i < n; i++) {
        double u = (double)(rcr_hash_counter(seed, (uint64_t)i) >> 11) * 0x1p-53;
        y[i] = u < p ? 0 : in[i] * scale;
    }
}
