/* SR-CGCNN (Bhattacharjee 2026): one convolution's weights for all steps; norms for each step; optionally a learnt gate
 * between old and new vectors, and a LayerNorm that the steps share. */
#include "model/net_private.h"

void rcr_sr_cgcnn_forward(const rcr_pass *p) {
    const rcr_kernels *k = p->net->kernels;
    const rcr_model_options *o = &p->net->options;
    const rcr_real *w = p->net->parameters;
    int32_t N = p->batch->n_atoms, F = o->atom_features;
    rcr_conv_prepare(p, 0, 0);
    for (int32_t t = 0; t < o->depth; t++) {
        const rcr_tape_step *step = &p->tape->step[t];
        rcr_conv_forward(p, 0, t);
        if (o->gate)
            k->gate_fwd(p->exec, step->gated, rcr_step_input(p->tape, t), step->updated, w + p->net->alpha + (size_t)t,
                        (int64_t)N * F);
        if (o->layer_norm)
            k->layer_norm_fwd(p->exec, step->out, step->gated, w + p->net->layer_norm.gamma,
                              w + p->net->layer_norm.beta, N, F);
    }
}

rcr_real *rcr_sr_cgcnn_backward(const rcr_pass *p) {
    const rcr_kernels *k = p->net->kernels;
    const rcr_model_options *o = &p->net->options;
    rcr_tape *tape = p->tape;
    const rcr_real *w = p->net->parameters;
    rcr_real *g = tape->gradient;
    rcr_real *d_out = tape->d_atoms[0], *other = tape->d_atoms[1], *d_old = tape->d_atoms[2];
    int32_t N = p->batch->n_atoms, F = o->atom_features;
    int64_t n = (int64_t)N * F;
    for (int32_t t = o->depth - 1; t >= 0; t--) {
        const rcr_tape_step *step = &tape->step[t];
        rcr_real *swap;
        rcr_head_deep(p, t, d_out);
        if (o->layer_norm) {
            k->layer_norm_bwd(p->exec, other, g + p->net->layer_norm.gamma, g + p->net->layer_norm.beta, d_out,
                              step->gated, w + p->net->layer_norm.gamma, N, F);
            swap = d_out, d_out = other, other = swap;
        }
        if (o->gate) {
            k->gate_bwd(p->exec, d_old, other, g + p->net->alpha + (size_t)t, d_out, rcr_step_input(tape, t),
                        step->updated, w + p->net->alpha + (size_t)t, n);
            swap = d_out, d_out = other, other = swap;
        }
        rcr_conv_backward(p, 0, t, other, d_out);
        if (o->gate) k->add(p->exec, other, d_old, n);
        swap = d_out, d_out = other, other = swap;
    }
    return d_out;
}
