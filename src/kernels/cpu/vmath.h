/*
 * The transcendental functions of the network in single precision, to about 2e-7 relative.
 *
 * Arguments come in units of ln 2 (x2 = x / ln 2) where the caller can fold that factor into an affine map that it
 * applies anyway: the range reduction of the exponential is then a rounding and a subtraction without error. The
 * polynomials are minimax fits, taken apart into even and odd powers because the passes over edges wait for chains of
 * operations more than for multipliers; tools/fit_polynomials.py prints them and their errors.
 */
#ifndef RCR_KERNELS_CPU_VMATH_H
#define RCR_KERNELS_CPU_VMATH_H

#include "kernels/cpu/vec.h"

#define RCR_LN2 0.693147180559945309417f
#define RCR_LOG2E 1.44269504088896340736f

/* 2^x for |x| <= 126; relative error below 2e-7. */
INLINE vf vexp2(vf x) {
    const vf magic = vset(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer, left in the low bits */
    vf shifted = x + magic;
    vf r = x - (shifted - magic);
    vf r2 = r * r;
    vf p01 = vfma(vset(0.693147004f), r, vset(1.0f));
    vf p23 = vfma(vset(0.0555073358f), r, vset(0.240222424f));
    vf p45 = vfma(vset(0.00132647273f), r, vset(0.00967151299f));
    vf p = vfma(vfma(p45, r2, p23), r2, p01);
    return (vf)((vi)p + ((vi)shifted << 23));
}

/* log(1 + t) for 0 <= t <= 1; relative error below 2.5e-7. */
INLINE vf vlog1p(vf t) {
    vf t2 = t * t, t4 = t2 * t2;
    vf p01 = vfma(vset(-0.499994934f), t, vset(0.99999994f));
    vf p23 = vfma(vset(-0.24842982f), t, vset(0.333190978f));
    vf p45 = vfma(vset(-0.136632442f), t, vset(0.191060066f));
    vf p67 = vfma(vset(-0.0295052323f), t, vset(0.0782259405f));
    vf high = vfma(vset(0.0052326927f), t4, vfma(p67, t2, p45));
    vf p = vfma(high, t4, vfma(p23, t2, p01));
    return p * t;
}

INLINE vf vclamp_exponent(vf x2) { return vmin(vmax(x2, vset(-126.0f)), vset(126.0f)); }

/* sigmoid(x), x = x2 ln 2 */
INLINE vf vsigmoid(vf x2) { return 1.0f / (1.0f + vexp2(vclamp_exponent(-x2))); }

/* softplus(x) = log(1 + exp(x)), x = x2 ln 2 */
INLINE vf vsoftplus(vf x2) {
    vf t = vexp2(vmax(-vabs(x2), vset(-126.0f)));
    return vfma(vmax(x2, vset(0.0f)), vset(RCR_LN2), vlog1p(t));
}

/* The message of an edge: sigmoid(filter) * softplus(core), arguments in units of ln 2. */
INLINE vf vmessage(vf filter2, vf core2) { return vsoftplus(core2) / (1.0f + vexp2(vclamp_exponent(-filter2))); }

/* Its derivatives by filter and core (natural units), from one division for both sigmoids. */
INLINE void vmessage_gradient(vf *dfilter, vf *dcore, vf filter2, vf core2) {
    vf ef = vexp2(vclamp_exponent(-filter2));
    vf t = vexp2(vmax(-vabs(core2), vset(-126.0f)));
    vf softplus = vfma(vmax(core2, vset(0.0f)), vset(RCR_LN2), vlog1p(t));
    vf one_ef = 1.0f + ef, one_t = 1.0f + t;
    vf r = 1.0f / (one_ef * one_t);
    vf sigmoid_filter = r * one_t;
    vf inverse_one_t = r * one_ef;
    vf sigmoid_core = vselect(core2 > 0.0f, inverse_one_t, t * inverse_one_t);
    /* 1 - sigmoid = ef * sigmoid, without cancellation */
    *dfilter = softplus * sigmoid_filter * (ef * sigmoid_filter);
    *dcore = sigmoid_filter * sigmoid_core;
}

#endif
