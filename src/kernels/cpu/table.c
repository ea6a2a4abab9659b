/* The table of this variant.  Operations that take no time worth speaking of are the reference's own. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"
#include "kernels/ref/ref.h"
#include "kernels/variants.h"

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

/* The largest that any operation of this folder takes, each as it lays its scratch out. */
static size_t scratch_size(int32_t N, int32_t E, int32_t C, int32_t S, int32_t F, int32_t K, int32_t width,
                           size_t layer) {
    size_t f = (size_t)F, fp = (size_t)rcr_padded(F), kp = (size_t)K + 2 * RCR_BASIS_PAD;
    size_t w = (size_t)width, lanes = RCR_MAX_LANES;
    size_t prepare = lanes * 3 * kp * sizeof(float);
    size_t stats = (lanes + 1) * 4 * fp * sizeof(double);
    size_t norm = lanes * 2 * (f > w ? f : w) * sizeof(double) + 3 * f * sizeof(float);
    size_t size = rcr_kernels_ref()->scratch_size(N, E, C, S, F, K, width, layer);
    size = larger(larger(size, prepare), larger(stats, norm));
    if (layer > 0) {
        size_t linear = (size_t)rcr_lanes(C > S ? C : S) * layer * sizeof(float);
        size_t scatter = lanes * (size_t)S * f * sizeof(float);
        size = larger(larger(size, RCR_CPU(conv_bwd_scratch)(N, F, K)), larger(linear, scatter));
    }
    return size + 64;
}

#define STRING2(x) #x
#define STRING(x) STRING2(x)

const rcr_kernels *RCR_PASTE(rcr_kernels, RCR_VARIANT)(void) {
    static const rcr_kernels table = {
        .name = STRING(RCR_VARIANT),
        .mem_alloc = rcr_ref_mem_alloc,
        .mem_free = rcr_ref_mem_free,
        .mem_upload = rcr_ref_mem_upload,
        .mem_download = rcr_ref_mem_download,
        .mem_zero = rcr_ref_mem_zero,
        .mem_copy = rcr_ref_mem_copy,
        .scratch_size = scratch_size,
        .linear_fwd = RCR_CPU(linear_fwd),
        .linear_bwd = RCR_CPU(linear_bwd),
        .rows_gather = RCR_CPU(rows_gather),
        .rows_scatter = RCR_CPU(rows_scatter),
        .rows_mix_fwd = RCR_CPU(rows_mix_fwd),
        .rows_mix_bwd = RCR_CPU(rows_mix_bwd),
        .conv_pack_size = RCR_CPU(conv_pack_size),
        .conv_pack = RCR_CPU(conv_pack),
        .conv_project_fwd = RCR_CPU(conv_project_fwd),
        .conv_stats_fwd = RCR_CPU(conv_stats_fwd),
        .conv_bwd = RCR_CPU(conv_bwd),
        .edge_cache_is_graph = 1,
        .edge_cache_size = RCR_CPU(edge_cache_size),
        .edge_prepare = RCR_CPU(edge_prepare),
        .edge_conv_fwd = RCR_CPU(edge_conv_fwd),
        .norm_stats = RCR_CPU(norm_stats),
        .norm_running = rcr_ref_norm_running,
        .node_update_fwd = RCR_CPU(node_update_fwd),
        .node_update_bwd = RCR_CPU(node_update_bwd),
        .gate_fwd = rcr_ref_gate_fwd,
        .gate_bwd = rcr_ref_gate_bwd,
        .layer_norm_fwd = rcr_ref_layer_norm_fwd,
        .layer_norm_bwd = rcr_ref_layer_norm_bwd,
        .pool_fwd = RCR_CPU(pool_fwd),
        .pool_bwd = RCR_CPU(pool_bwd),
        .softplus_fwd = RCR_CPU(softplus_fwd),
        .softplus_bwd = RCR_CPU(softplus_bwd),
        .add = RCR_CPU(add),
        .dropout = rcr_ref_dropout,
        .loss_mse = rcr_ref_loss_mse,
        .loss_l1 = rcr_ref_loss_l1,
        .loss_huber = rcr_ref_loss_huber,
        .loss_gaussian = rcr_ref_loss_gaussian,
        .loss_nll = rcr_ref_loss_nll,
        .log_softmax = rcr_ref_log_softmax,
        .adam_update = RCR_CPU(adam_update),
        .sgd_update = RCR_CPU(sgd_update),
        .clip_norm = rcr_ref_clip_norm,
        .blend = rcr_ref_blend,
    };
    return &table;
}
