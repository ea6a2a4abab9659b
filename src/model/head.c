/* From atoms to a crystal's value: mean over atoms, then fully connected layers. */
#include "model/net_private.h"

/* What enters layer i of the head, i = 1 .. hidden_layers (the last is fc_out): dropout stands after layer 0. */
static const rcr_real *layer_input(const rcr_tape *tape, int32_t i) {
    return i == 1 && tape->dropout_seed != 0 ? tape->dropped : tape->layer[i - 1].active;
}

static rcr_linear_place place_of_layer(const rcr_net *net, int32_t i) {
    return i == net->options.hidden_layers ? net->fc_out : net->fc[i - 1];
}

void rcr_head_forward(const rcr_pass *p, int32_t t) {
    const rcr_kernels *k = p->net->kernels;
    const rcr_real *w = p->net->parameters;
    rcr_tape *tape = p->tape;
    const rcr_net *net = p->net;
    int32_t C = p->batch->n_crystals, F = net->options.atom_features, H = net->options.hidden;
    int32_t n_h = net->options.hidden_layers;
    k->pool_fwd(p->exec, tape->pooled, tape->step[t].out, p->batch->crystal_offset, p->batch->multiplicity, C, F);
    k->softplus_fwd(p->exec, tape->pooled_active, tape->pooled, (int64_t)C * F);
    k->linear_fwd(p->exec, tape->layer[0].linear, tape->pooled_active, w + net->conv_to_fc.weight,
                  w + net->conv_to_fc.bias, C, F, H);
    k->softplus_fwd(p->exec, tape->layer[0].active, tape->layer[0].linear, (int64_t)C * H);
    if (tape->dropout_seed != 0)
        k->dropout(p->exec, tape->dropped, tape->layer[0].active, net->dropout, tape->dropout_seed, (int64_t)C * H);
    for (int32_t i = 1; i < n_h; i++) {
        rcr_linear_place place = place_of_layer(net, i);
        k->linear_fwd(p->exec, tape->layer[i].linear, layer_input(tape, i), w + place.weight, w + place.bias, C, H, H);
        k->softplus_fwd(p->exec, tape->layer[i].active, tape->layer[i].linear, (int64_t)C * H);
    }
    k->linear_fwd(p->exec, tape->out, layer_input(tape, n_h), w + net->fc_out.weight, w + net->fc_out.bias, C, H,
                  net->n_outputs);
}

void rcr_head_backward(const rcr_pass *p, const rcr_real *d_out, rcr_real *d_atoms) {
    const rcr_kernels *k = p->net->kernels;
    const rcr_real *w = p->net->parameters;
    rcr_tape *tape = p->tape;
    const rcr_net *net = p->net;
    rcr_real *g = tape->gradient, *d_active = tape->d_head[0], *d_linear = tape->d_head[1];
    int32_t C = p->batch->n_crystals, F = net->options.atom_features, H = net->options.hidden;
    for (int32_t i = net->options.hidden_layers; i >= 1; i--) {
        rcr_linear_place place = place_of_layer(net, i);
        int is_last = i == net->options.hidden_layers;
        if (!is_last) k->softplus_bwd(p->exec, d_linear, d_active, tape->layer[i].linear, (int64_t)C * H);
        k->linear_bwd(p->exec, d_active, g + place.weight, g + place.bias, is_last ? d_out : d_linear,
                      layer_input(tape, i), w + place.weight, C, H, is_last ? net->n_outputs : H);
    }
    if (tape->dropout_seed != 0) {
        k->dropout(p->exec, d_linear, d_active, net->dropout, tape->dropout_seed, (int64_t)C * H);
        rcr_real *swap = d_active;
        d_active = d_linear;
        d_linear = swap;
    }
    k->softplus_bwd(p->exec, d_linear, d_active, tape->layer[0].linear, (int64_t)C * H);
    k->linear_bwd(p->exec, d_active, g + net->conv_to_fc.weight, g + net->conv_to_fc.bias, d_linear,
                  tape->pooled_active, w + net->conv_to_fc.weight, C, F, H);
    k->softplus_bwd(p->exec, d_linear, d_active, tape->pooled, (int64_t)C * F);
    k->pool_bwd(p->exec, d_atoms, d_linear, p->batch->crystal_offset, p->batch->multiplicity, C, F);
}

void rcr_head_deep(const rcr_pass *p, int32_t t, rcr_real *d_out) {
    if (p->deep == NULL || t == p->net->options.depth - 1) return;
    rcr_head_forward(p, t); /* its activations again, which those of the other steps have overwritten */
    rcr_head_backward(p, p->deep + (size_t)t * p->stride, p->tape->d_readout);
    p->net->kernels->add(p->exec, d_out, p->tape->d_readout,
                         (int64_t)p->batch->n_atoms * p->net->options.atom_features);
}
