/* CGCNN (Xie and Grossman 2018): every layer has its own weights and norms. */
#include "model/net_private.h"

void rcr_cgcnn_forward(const rcr_pass *p) {
    for (int32_t l = 0; l < p->net->options.depth; l++) {
        if (l == 0 || !p->net->kernels->edge_cache_is_graph) rcr_conv_prepare(p, l, l);
        rcr_conv_forward(p, l, l);
    }
}

rcr_real *rcr_cgcnn_backward(const rcr_pass *p) {
    rcr_real *d_out = p->tape->d_atoms[0], *d_in = p->tape->d_atoms[1];
    for (int32_t l = p->net->options.depth - 1; l >= 0; l--) {
        rcr_conv_backward(p, l, l, d_in, d_out);
        rcr_real *swap = d_out;
        d_out = d_in;
        d_in = swap;
    }
    return d_out;
}
