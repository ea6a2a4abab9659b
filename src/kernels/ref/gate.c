/* The learnt gate between an atom's old and new vector. */
#include "kernels/ref/ref.h"

void rcr_ref_gate_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v_old, const rcr_real *v_new,
                      const rcr_real *alpha, int64_t n) {
    (void)x;
    rcr_real a = ref_sigmoid(*alpha);
    for (int64_t i = 0; i < n; i++) out[i] = (1 - a) * v_old[i] + a * v_new[i];
}

void rcr_ref_gate_bwd(const rcr_exec *x, rcr_real *dv_old, rcr_real *dv_new, rcr_real *dalpha, const rcr_real *dout,
                      const rcr_real *v_old, const rcr_real *v_new, const rcr_real *alpha, int64_t n) {
    (void)x;
    rcr_real a = ref_sigmoid(*alpha);
    double da = 0;
    for (int64_t i = 0; i < n; i++) {
        /* d of: out = (1 - a) v_old + a v_new */
        da += (double)dout[i] * ((double)v_new[i] - (double)v_old[i]);
        dv_old[i] = (1 - a) * dout[i];
        dv_new[i] = a * dout[i];
    }
    *dalpha += (rcr_real)(da * (double)a * (1 - (double)a)); /* d of: a = sigmoid(alpha) */
}
