/* One convolution step, forward and backward: what CGCNN's layers and SR-CGCNN's steps have in common. */
#include "model/net_private.h"

const rcr_real *rcr_step_input(const rcr_tape *tape, int32_t t) {
    return t == 0 ? tape->embedded : tape->step[t - 1].out;
}

static const rcr_real *pack_of(const rcr_net *net, int32_t conv) { return net->pack + (size_t)conv * net->pack_size; }

static rcr_edge_input edge_input(const rcr_pass *p, int32_t conv, int32_t t) {
    return (rcr_edge_input){.batch = p->batch,
                            .basis = p->net->basis,
                            .F = p->net->options.atom_features,
                            .pq = p->tape->step[t].pq,
                            .pack = pack_of(p->net, conv),
                            .cache = p->tape->step[t].cache};
}

/* The batch's own statistics or the running ones, as the last forward was run. */
static rcr_norm norm_in_use(const rcr_pass *p, const rcr_norm_place *place, const rcr_real *mean, const rcr_real *var) {
    const rcr_net *net = p->net;
    return (rcr_norm){.mean = p->tape->batch_stats ? mean : net->buffers + place->mean,
                      .var = p->tape->batch_stats ? var : net->buffers + place->var,
                      .gamma = net->parameters + place->gamma,
                      .beta = net->parameters + place->beta};
}

void rcr_conv_prepare(const rcr_pass *p, int32_t conv, int32_t t) {
    p->net->kernels->edge_prepare(p->exec, p->tape->step[t].cache, p->batch, p->net->basis, pack_of(p->net, conv),
                                  p->net->options.atom_features, p->tape->mode == RCR_TAPE_TRAINING);
}

void rcr_conv_forward(const rcr_pass *p, int32_t conv, int32_t t) {
    const rcr_kernels *k = p->net->kernels;
    rcr_tape_step *step = &p->tape->step[t];
    const rcr_real *v = rcr_step_input(p->tape, t);
    int32_t N = p->batch->n_atoms, F = p->net->options.atom_features;
    rcr_edge_input in = edge_input(p, conv, t);
    if (p->tape->batch_stats)
        k->conv_stats_fwd(p->exec, step->pq, step->mean1, step->var1, v, &in);
    else
        k->conv_project_fwd(p->exec, step->pq, v, pack_of(p->net, conv), N, F, p->net->basis.n);
    rcr_norm norm1 = norm_in_use(p, &p->net->norm1[t], step->mean1, step->var1);
    k->edge_conv_fwd(p->exec, step->s, &in, &norm1);
    if (p->tape->batch_stats) k->norm_stats(p->exec, step->mean2, step->var2, step->s, p->batch->multiplicity, N, F);
    rcr_norm norm2 = norm_in_use(p, &p->net->norm2[t], step->mean2, step->var2);
    k->node_update_fwd(p->exec, step->updated, v, step->s, &norm2, N, F);
}

void rcr_conv_backward(const rcr_pass *p, int32_t conv, int32_t t, rcr_real *d_v, const rcr_real *d_updated) {
    const rcr_kernels *k = p->net->kernels;
    rcr_tape *tape = p->tape;
    const rcr_tape_step *step = &tape->step[t];
    const rcr_real *v = rcr_step_input(tape, t);
    int32_t N = p->batch->n_atoms, F = p->net->options.atom_features;
    const rcr_norm_place *place1 = &p->net->norm1[t], *place2 = &p->net->norm2[t];
    rcr_norm norm1 = norm_in_use(p, place1, step->mean1, step->var1);
    rcr_norm norm2 = norm_in_use(p, place2, step->mean2, step->var2);
    rcr_edge_input in = edge_input(p, conv, t);
    k->node_update_bwd(p->exec, d_v, tape->d_s, tape->gradient + place2->gamma, tape->gradient + place2->beta,
                       d_updated, v, step->s, &norm2, tape->batch_stats, p->batch->multiplicity, N, F);
    const rcr_linear_place *place = &p->net->conv[conv];
    k->conv_bwd(p->exec, d_v, tape->gradient + place->weight, tape->batch_stats ? NULL : tape->gradient + place->bias,
                tape->gradient + place1->gamma, tape->gradient + place1->beta, step->pq, tape->d_s, v, &in, &norm1,
                tape->batch_stats);
}
