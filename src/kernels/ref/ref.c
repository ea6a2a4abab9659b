/* The reference's table. */
#include "kernels/ref/ref.h"

/* The largest of what the operations below take: linear_bwd and conv_project_bwd a row of sums a lane, the norms and
 * edge_conv_bwd four rows of 2F (or `width`) a lane and as many in all, edge_prepare and edge_weight_bwd K Gaussians
 * and [2F, K] sums a lane.  All are doubles.  conv_bwd, which calls some of these, has reals before them. */
static size_t scratch_size(int32_t N, int32_t E, int32_t C, int32_t S, int32_t F, int32_t K, int32_t width,
                           size_t layer) {
    (void)C;
    (void)S;
    size_t f = (size_t)F, k = (size_t)K, w = (size_t)(width > 2 * F ? width : 2 * F);
    size_t lane_rows = 4 * w * (REF_LANES + 1);
    size_t lane_weights = (2 * f * k + k) * REF_LANES + 2 * f * k;
    return (lane_rows > lane_weights ? lane_rows : lane_weights) * sizeof(double) +
           (layer > 0 ? rcr_ref_conv_bwd_reals(N, E, F) * sizeof(rcr_real) : 0);
}

static const rcr_kernels table = {
    .name = "ref",
    .mem_alloc = rcr_ref_mem_alloc,
    .mem_free = rcr_ref_mem_free,
    .mem_upload = rcr_ref_mem_upload,
    .mem_download = rcr_ref_mem_download,
    .mem_zero = rcr_ref_mem_zero,
    .mem_copy = rcr_ref_mem_copy,
    .scratch_size = scratch_size,
    .linear_fwd = rcr_ref_linear_fwd,
    .linear_bwd = rcr_ref_linear_bwd,
    .rows_gather = rcr_ref_rows_gather,
    .rows_scatter = rcr_ref_rows_scatter,
    .rows_mix_fwd = rcr_ref_rows_mix_fwd,
    .rows_mix_bwd = rcr_ref_rows_mix_bwd,
    .conv_pack_size = rcr_ref_conv_pack_size,
    .conv_pack = rcr_ref_conv_pack,
    .conv_project_fwd = rcr_ref_conv_project_fwd,
    .conv_stats_fwd = rcr_ref_conv_stats_fwd,
    .conv_bwd = rcr_ref_conv_bwd,
    .edge_cache_size = rcr_ref_edge_cache_size,
    .edge_prepare = rcr_ref_edge_prepare,
    .edge_conv_fwd = rcr_ref_edge_conv_fwd,
    .norm_stats = rcr_ref_norm_stats,
    .norm_running = rcr_ref_norm_running,
    .node_update_fwd = rcr_ref_node_update_fwd,
    .node_update_bwd = rcr_ref_node_update_bwd,
    .gate_fwd = rcr_ref_gate_fwd,
    .gate_bwd = rcr_ref_gate_bwd,
    .layer_norm_fwd = rcr_ref_layer_norm_fwd,
    .layer_norm_bwd = rcr_ref_layer_norm_bwd,
    .pool_fwd = rcr_ref_pool_fwd,
    .pool_bwd = rcr_ref_pool_bwd,
    .softplus_fwd = rcr_ref_softplus_fwd,
    .softplus_bwd = rcr_ref_softplus_bwd,
    .add = rcr_ref_add,
    .dropout = rcr_ref_dropout,
    .loss_mse = rcr_ref_loss_mse,
    .loss_l1 = rcr_ref_loss_l1,
    .loss_huber = rcr_ref_loss_huber,
    .loss_gaussian = rcr_ref_loss_gaussian,
    .loss_nll = rcr_ref_loss_nll,
    .log_softmax = rcr_ref_log_softmax,
    .adam_update = rcr_ref_adam_update,
    .sgd_update = rcr_ref_sgd_update,
    .clip_norm = rcr_ref_clip_norm,
    .blend = rcr_ref_blend,
};

const rcr_kernels *rcr_kernels_ref(void) { return &table; }
