/* The backward pass of a convolution: its first step over the edges (edge_bwd.c), and what follows over atoms and
 * weights (conv_bwd.c).
 *
 * With y = gamma (z - mean) rstd + beta, g = dL/dy and statistics of the batch,
 *     dz = gamma rstd (g - mean(g) - zhat mean(g zhat)) = a g + b + c (z - mean),   zhat = (z - mean) rstd,
 * and the means are known only after all edges.  But everything that follows from dz is linear in it, so one pass
 * gathers the same sums of g and of z - mean (over the edges of an atom, over those that leave it, and against the
 * Gaussians), and a second step over atoms puts them together.  No value of an edge is stored.
 *
 * Where an edge stands for m (copies of it for each of the equivalent atoms that its atom stands for), g is the
 * gradient of all m together, the means are those over all edges, and dz = a g + m (b + c (z - mean)): sums of z count
 * m times, sums of g once. */
#ifndef RCR_KERNELS_CPU_EDGE_BWD_H
#define RCR_KERNELS_CPU_EDGE_BWD_H

#include "kernels/cpu/edge.h"
#include "kernels/cpu/lanes.h"

typedef struct backward_job {
    edge_view v;
    const rcr_batch *batch;
    rcr_cache_view cache;
    const float *ds; /* [N, F] */
    float *g_sum; /* [N, 4F] P|Q; after its crystal sums of g over an atom's edges | over those that leave it; at last
                     dP|dQ */
    float *z_sum; /* [N, 4F] the same sums of z - mean, each as often as it stands for edges */
    const float *mean;  /* [2 Fp] */
    const float *scale; /* [2 Fp] gamma rstd / ln 2 */
    const float *beta;  /* [2 Fp] beta / ln 2 */
    double *sums;       /* [lanes, 2, 2 Fp] of g, of g (z - mean) */
    float *dw_e;        /* [lanes, Kp, 2 Fp] sums of g e^T */
    float *copy;        /* [N, 4F] P|Q of crystals of more than room_atoms */
    float *room;        /* [slots, room_atoms, 4F] that of the crystals being worked on */
    float *chunk; /* [RCR_MAX_LANES, chunk_stride]: g [RCR_CHUNK_EDGES, 2 Fp] of the edges being worked on, then room to
                     sort them: order [RCR_CHUNK_EDGES], begin [Kp] */
    int32_t room_atoms;
    int lanes, n_workers;
} backward_job;

/* Whole cache lines, so that no vector of any worker's chunk lies across two. */
static inline size_t chunk_stride(int32_t Fp, int32_t Kp) {
    return (RCR_CHUNK_EDGES * (2 * (size_t)Fp + 1) + (size_t)Kp + 15) / 16 * 16;
}

/* Work space is kept for each worker, so that it stays in its cache from lane to lane; where there are more workers
 * than lanes, for each lane. */
static inline int slots_of(const backward_job *j) { return j->n_workers <= RCR_MAX_LANES ? j->n_workers : j->lanes; }

static inline size_t grad_stride(const backward_job *j) { return (size_t)j->cache.Kp * 2 * (size_t)j->v.Fp; }

/* The lane's crystals: g_sum and z_sum of their atoms, and the lane's sums and dw_e, all overwritten.  A piece of
 * rcr_pool_run; job is a backward_job. */
void RCR_CPU(edge_bwd_piece)(void *job, int lane, int worker);

#endif
