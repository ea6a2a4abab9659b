/* The operations of one variant (RCR_CPU gives their names), and the layouts they share. */
#ifndef RCR_KERNELS_CPU_CPU_H
#define RCR_KERNELS_CPU_CPU_H

#include "kernels/cpu/vec.h"
#include "kernels/kernels.h"

/* Gaussians that count at one distance: the eight centres around it; the next ones are below exp(-16). */
enum { RCR_TERMS = 8, RCR_BASIS_PAD = 8 };

/* Edges whose gradients are held at a time in the backward pass. */
enum { RCR_CHUNK_EDGES = 192 };

/* Atoms of the largest crystal whose P|Q are held beside them. */
enum { RCR_ROOM_ATOMS = 192 };

/* F rounded up to whole vectors. */
static inline int32_t rcr_padded(int32_t F) { return (F + VW - 1) / VW * VW; }

/* conv_pack's layout.  Zero rows around W_e stand for the Gaussians that do not exist. */
typedef struct rcr_pack_view {
    const float *w_fwd; /* [F, 4F]: column c of P|Q is row c of W_i, W_j */
    const float *bias;  /* [4F]: b beside zeros */
    const float *w_bwd; /* [4F, F] */
    const float *w_e;   /* [K + 2 RCR_BASIS_PAD, 2 Fp]: row RCR_BASIS_PAD + k for Gaussian k; filter beside core, each
                           padded to Fp */
} rcr_pack_view;

static inline rcr_pack_view rcr_pack_at(const float *pack, int32_t F) {
    size_t f = (size_t)F;
    return (rcr_pack_view){pack, pack + 4 * f * f, pack + 4 * f * f + 4 * f, pack + 8 * f * f + 4 * f};
}

/* edge_prepare's layout: for each edge its Gaussians and the first row of w_e they multiply; the rest only for
 * training. */
typedef struct rcr_cache_view {
    float *gaussian; /* [E, RCR_TERMS] */
    int32_t *row;    /* [E] */
    /* An edge counts as often as it stands for edges, of one atom and of those equivalent to it. */
    float *in_degree; /* [N] edges that have this atom as source */
    float *sum_i;     /* [N, Kp] sum of the basis over the edges of an atom */
    float *sum_j;     /* [N, Kp] the same over the edges that have it as source */
    float *gram;      /* [Kp + 1, Kp] sum over all edges of e e^T, and in the last row of e */
    int32_t Kp;       /* K + 2 RCR_BASIS_PAD: columns as the rows of w_e */
} rcr_cache_view;

static inline rcr_cache_view rcr_cache_at(float *cache, int32_t N, int32_t E, int32_t K) {
    size_t n = (size_t)N, e = (size_t)E, kp = (size_t)K + 2 * RCR_BASIS_PAD;
    rcr_cache_view v;
    v.Kp = (int32_t)kp;
    v.gaussian = cache;
    v.row = (int32_t *)(void *)(v.gaussian + e * RCR_TERMS);
    v.in_degree = (float *)(void *)(v.row + e);
    v.sum_i = v.in_degree + n;
    v.sum_j = v.sum_i + n * kp;
    v.gram = v.sum_j + n * kp;
    return v;
}

void RCR_CPU(linear_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *in, const rcr_real *w, const rcr_real *b,
                         int32_t n, int32_t n_in, int32_t n_out);
void RCR_CPU(linear_bwd)(const rcr_exec *x, rcr_real *dx, rcr_real *dw, rcr_real *db, const rcr_real *dy,
                         const rcr_real *in, const rcr_real *w, int32_t n, int32_t n_in, int32_t n_out);
void RCR_CPU(rows_gather)(const rcr_exec *x, rcr_real *y, const rcr_real *table, const int32_t *row, int32_t N,
                          int32_t F);
void RCR_CPU(rows_scatter)(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const int32_t *row, int32_t N,
                           int32_t S, int32_t F);
void RCR_CPU(rows_mix_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *table, const rcr_mixtures *m, int32_t F);
void RCR_CPU(rows_mix_bwd)(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const rcr_mixtures *m, int32_t S,
                           int32_t F);

size_t RCR_CPU(conv_pack_size)(int32_t F, int32_t K);
void RCR_CPU(conv_pack)(const rcr_exec *x, rcr_real *pack, const rcr_real *w, const rcr_real *b, int32_t F, int32_t K);
void RCR_CPU(conv_project_fwd)(const rcr_exec *x, rcr_real *pq, const rcr_real *v, const rcr_real *pack, int32_t N,
                               int32_t F, int32_t K);
/* Rows begin .. end-1 of it. */
void RCR_CPU(project_rows)(float *pq, const float *v, const rcr_pack_view *pack, int64_t begin, int64_t end, int32_t F);
void RCR_CPU(conv_stats_fwd)(const rcr_exec *x, rcr_real *pq, rcr_real *mean, rcr_real *var, const rcr_real *v,
                             const rcr_edge_input *in);
void RCR_CPU(conv_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, rcr_real *dgamma, rcr_real *dbeta,
                       rcr_real *pq, const rcr_real *ds, const rcr_real *v, const rcr_edge_input *in,
                       const rcr_norm *norm, int batch_stats);
size_t RCR_CPU(conv_bwd_scratch)(int32_t N, int32_t F, int32_t K); /* bytes */

size_t RCR_CPU(edge_cache_size)(int32_t N, int32_t E, int32_t F, int32_t K, int training);
void RCR_CPU(edge_prepare)(const rcr_exec *x, rcr_real *cache, const rcr_batch *batch, rcr_basis basis,
                           const rcr_real *pack, int32_t F, int training);
void RCR_CPU(edge_conv_fwd)(const rcr_exec *x, rcr_real *s, const rcr_edge_input *in, const rcr_norm *norm);

void RCR_CPU(norm_stats)(const rcr_exec *x, rcr_real *mean, rcr_real *var, const rcr_real *in,
                         const rcr_real *multiplicity, int32_t n_rows, int32_t n_cols);
void RCR_CPU(node_update_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v, const rcr_real *s,
                              const rcr_norm *norm, int32_t N, int32_t F);
void RCR_CPU(node_update_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *ds, rcr_real *dgamma, rcr_real *dbeta,
                              const rcr_real *dout, const rcr_real *v, const rcr_real *s, const rcr_norm *norm,
                              int batch_stats, const rcr_real *multiplicity, int32_t N, int32_t F);

void RCR_CPU(pool_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v, const int32_t *offset,
                       const rcr_real *multiplicity, int32_t C, int32_t F);
void RCR_CPU(pool_bwd)(const rcr_exec *x, rcr_real *dv, const rcr_real *dout, const int32_t *offset,
                       const rcr_real *multiplicity, int32_t C, int32_t F);
void RCR_CPU(softplus_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n);
void RCR_CPU(softplus_bwd)(const rcr_exec *x, rcr_real *dx, const rcr_real *dy, const rcr_real *in, int64_t n);
void RCR_CPU(add)(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n);
void RCR_CPU(adam_update)(const rcr_exec *x, rcr_real *p, rcr_real *m, rcr_real *v, const rcr_real *grad,
                          const rcr_adam *adam, int64_t n);
void RCR_CPU(sgd_update)(const rcr_exec *x, rcr_real *p, rcr_real *buffer, const rcr_real *grad, double lr,
                         double momentum, double weight_decay, int first, int64_t n);

#endif
