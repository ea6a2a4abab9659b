/*
 * The table of kernels: everything the network computes, one function for each operation.
 *
 * ref/ fills it with plain loops, which stay for ever as the oracle; cpu/ with SIMD variants; a later cuda/ with its
 * own. Model and trainer only call through the table and never read or write through the rcr_real pointers themselves:
 * on another device they would not be host memory.  Scalars and shapes are host values.
 *
 * N atoms, E edges, C crystals of a batch; F atom features; K Gaussians; S rows of the element table.
 * For edge i <- j at distance d:  z = P_i + Q_j + R(d), P = W_i v + b, Q = W_j v, R(d) = W_e e(d), e_k(d) = exp(-(d -
 * mu_k)^2 / step^2), where W = [W_i, W_j, W_e] is CGCNN's fc_full.weight [2F, 2F + K] (Xie and Grossman 2018, eq. 5).
 * Of the 2F channels the first F are the filter, the last F the core.  The batch normalisation of z is called norm 1,
 * that of the sum norm 2.
 *
 * Rows of atoms may stand for several equivalent atoms each, and edges for several equal ones (rcr_batch).  Sums over
 * the edges of an atom count an edge `edge_count` times; statistics and means count a row and its edges `multiplicity`
 * times besides.  Gradients are those with respect to the row, the sum over the atoms that it stands for.
 * `multiplicity` below is [N], NULL where each row is one atom; the edge kernels take the batch's.
 *
 * "overwritten": the old contents do not matter.  "+=": added to.  Normalisation: y = gamma (x - mean) / sqrt(var +
 * eps) + beta, eps RCR_NORM_EPS; `var` is the biased variance when it comes from the batch.  batch_stats in a backward:
 * 1 when mean and var were those of this batch (and so depend on x), 0 when they were constants.
 *
 * Every sum is taken in an order that depends on shapes alone: results are the same bit for bit on any number of
 * threads, and what a forward operation computes for one crystal, atom or row does not depend on the others of the
 * batch.
 *
 * softplus(x) = log(1 + exp(x)), and x itself above 20, where its derivative is exactly 1, as PyTorch has it.  The
 * kernels' own memory (pack, cache) is 64-byte aligned; other pointers need not be.
 */
#ifndef RCR_KERNELS_KERNELS_H
#define RCR_KERNELS_KERNELS_H

#include <math.h>

#include "base/real.h"
#include "base/threads.h"
#include "data/batch.h"

#define RCR_NORM_EPS 1e-5

typedef struct rcr_kernels rcr_kernels;

/* How to run: the threads (NULL: the caller alone) and memory for partial sums.  One exec for each concurrent caller.
 */
typedef struct rcr_exec {
    const rcr_kernels *kernels;
    rcr_pool *pool;
    void *scratch; /* at least kernels->scratch_size(...) bytes for the largest shapes used with it, 64-byte aligned */
    size_t scratch_size;
} rcr_exec;

/* The Gaussians: mu_k = dmin + k step, k = 0 .. n-1. */
typedef struct rcr_basis {
    double dmin, step;
    int32_t n;
} rcr_basis;

/* Mean and variance of the columns of a matrix, and the learnt affine map after it. */
typedef struct rcr_norm {
    const rcr_real *mean, *var;   /* [channels] */
    const rcr_real *gamma, *beta; /* [channels] */
} rcr_norm;

/* What the edge kernels read.  `pack` and `cache` are the kernels' own (conv_pack, edge_prepare). */
typedef struct rcr_edge_input {
    const rcr_batch *batch;
    rcr_basis basis;
    int32_t F;
    const rcr_real *pq;    /* [N, 4F] P (2F) beside Q (2F) */
    const rcr_real *pack;  /* conv_pack_size reals */
    const rcr_real *cache; /* edge_cache_size reals, of this batch and pack */
} rcr_edge_input;

/* The logarithm of a variance from a network's output: the output itself near 0, and never past +-10, so that neither a
 * first step nor a perfect fit makes the loss overflow. */
#define RCR_LOG_VARIANCE_LIMIT 10.0
static inline double rcr_log_variance(double out) {
    return RCR_LOG_VARIANCE_LIMIT * tanh(out / RCR_LOG_VARIANCE_LIMIT);
}

/* The number of atoms that row i stands for, and those of rows begin .. end-1 together. */
static inline rcr_real rcr_row_atoms(const rcr_real *multiplicity, int64_t i) {
    return multiplicity != NULL ? multiplicity[i] : 1;
}
static inline double rcr_rows_atoms(const rcr_real *multiplicity, int64_t begin, int64_t end) {
    if (multiplicity == NULL) return (double)(end - begin);
    double count = 0;
    for (int64_t i = begin; i < end; i++) count += (double)multiplicity[i];
    return count;
}

/* The edges of each of its row's atoms that edge e stands for, and those of row i together. */
static inline rcr_real rcr_edge_copies(const rcr_batch *batch, int64_t e) {
    return batch->edge_count != NULL ? batch->edge_count[e] : 1;
}
static inline rcr_real rcr_row_edges(const rcr_batch *batch, int64_t i) {
    rcr_real count = 0;
    for (int32_t e = batch->edge_offset[i]; e < batch->edge_offset[i + 1]; e++) count += rcr_edge_copies(batch, e);
    return count;
}

typedef struct rcr_adam {
    double lr, beta1, beta2, eps, weight_decay;
    int decoupled; /* 1: AdamW (Loshchilov and Hutter 2019); 0: weight decay added to the gradient, as torch.optim.Adam
                    */
    int64_t step;  /* 1 at the first update */
} rcr_adam;

struct rcr_kernels {
    const char *name; /* "ref", "base", "avx2", "avx512" */

    /* ---- memory of the device: zeroed; NULL when out of memory */
    rcr_real *(*mem_alloc)(size_t n);
    void (*mem_free)(rcr_real *p);
    void (*mem_upload)(rcr_real *device, const rcr_real *host, size_t n);
    void (*mem_download)(rcr_real *host, const rcr_real *device, size_t n);
    void (*mem_zero)(const rcr_exec *x, rcr_real *p, size_t n);
    void (*mem_copy)(const rcr_exec *x, rcr_real *to, const rcr_real *from, size_t n);

    /* Bytes of scratch that any operation may need for N atoms, E edges, C crystals, S table rows and layer widths <=
     * width.  layer: the largest n_out * (n_in + 1) that linear_bwd is given, with C or S rows at most; 0: none of the
     * backward operations is run. */
    size_t (*scratch_size)(int32_t N, int32_t E, int32_t C, int32_t S, int32_t F, int32_t K, int32_t width,
                           size_t layer);

    /* ---- dense layers */
    /* y [n, out] overwritten = x [n, in] w^T + b;  w [out, in], b [out] or NULL */
    void (*linear_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *in, const rcr_real *w, const rcr_real *b,
                       int32_t n, int32_t n_in, int32_t n_out);
    /* dx [n, in] overwritten, or NULL; dw [out, in] +=; db [out] +=, or NULL */
    void (*linear_bwd)(const rcr_exec *x, rcr_real *dx, rcr_real *dw, rcr_real *db, const rcr_real *dy,
                       const rcr_real *in, const rcr_real *w, int32_t n, int32_t n_in, int32_t n_out);

    /* ---- rows of the element table to atoms and back */
    /* y [N, F] overwritten = table[row[n]];  table [S, F] */
    void (*rows_gather)(const rcr_exec *x, rcr_real *y, const rcr_real *table, const int32_t *row, int32_t N,
                        int32_t F);
    /* dtable [S, F] overwritten: row s is the sum of dy over the atoms with row s */
    void (*rows_scatter)(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const int32_t *row, int32_t N,
                         int32_t S, int32_t F);

    /* ---- disordered atoms (rcr_mixtures), whose row is 0 in the two above; nothing is called for a batch without any
     */
    /* their rows of y [N, F] overwritten: y[atom[m]] = sum_k weight[k] table[row[k]] over the parts of m */
    void (*rows_mix_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *table, const rcr_mixtures *m, int32_t F);
    /* Follows rows_scatter, which gave their gradients to row 0: row 0 of dtable is overwritten with the parts that are
     * vacant, the other rows += those that are not.  S >= 1. */
    void (*rows_mix_bwd)(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const rcr_mixtures *m, int32_t S,
                         int32_t F);

    /* ---- convolution: the products per atom */
    /* Reals needed for a convolution's weights in the kernels' own layout, and filling it. */
    size_t (*conv_pack_size)(int32_t F, int32_t K);
    void (*conv_pack)(const rcr_exec *x, rcr_real *pack, const rcr_real *w /* [2F, 2F+K] */,
                      const rcr_real *b /* [2F] */, int32_t F, int32_t K);
    /* pq [N, 4F] overwritten: P = W_i v + b beside Q = W_j v;  v [N, F] */
    void (*conv_project_fwd)(const rcr_exec *x, rcr_real *pq, const rcr_real *v, const rcr_real *pack, int32_t N,
                             int32_t F, int32_t K);

    /* ---- convolution: the edges */
    /* What depends on distances and W_e alone; done once for all steps that share W_e.  edge_cache_is_graph: it depends
     * on distances alone, and all convolutions of a network may share it.  training 1: also what conv_stats_fwd and
     * conv_bwd need; with 0 only edge_conv_fwd may follow, and the cache is smaller. */
    int edge_cache_is_graph;
    size_t (*edge_cache_size)(int32_t N, int32_t E, int32_t F, int32_t K, int training);
    void (*edge_prepare)(const rcr_exec *x, rcr_real *cache, const rcr_batch *batch, rcr_basis basis,
                         const rcr_real *pack, int32_t F, int training);
    /* pq overwritten, as conv_project_fwd does from v [N, F]; and mean [2F], var [2F] (biased) of z over all edges,
     * overwritten.  E = 0: both 0.  Of `in`, all but pq. */
    void (*conv_stats_fwd)(const rcr_exec *x, rcr_real *pq, rcr_real *mean, rcr_real *var, const rcr_real *v,
                           const rcr_edge_input *in);
    /* s [N, F] overwritten: s_i = sum over the edges of i of sigmoid(filter) * softplus(core) of norm1(z) */
    void (*edge_conv_fwd)(const rcr_exec *x, rcr_real *s, const rcr_edge_input *in, const rcr_norm *norm);
    /* Gradients of a convolution from v [N, F] to s: of conv_pack, conv_project_fwd or conv_stats_fwd, and
     * edge_conv_fwd.  pq [N, 4F]: that of the forward pass, whose contents are lost, because sums take its place while
     * it is in the cache; of `in`, all but pq.  ds [N, F]; dv [N, F] +=; dw [2F, 2F+K] +=; db [2F] +=, or NULL (with
     * statistics of the batch it would be rounding noise); dgamma, dbeta [2F] +=. */
    void (*conv_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, rcr_real *dgamma, rcr_real *dbeta,
                     rcr_real *pq, const rcr_real *ds, const rcr_real *v, const rcr_edge_input *in,
                     const rcr_norm *norm, int batch_stats);

    /* ---- normalisation */
    /* mean [n_cols], var [n_cols] (biased) over the rows of in [n_rows, n_cols], overwritten; n_rows = 0: both 0.
     * multiplicity [n_rows] or NULL */
    void (*norm_stats)(const rcr_exec *x, rcr_real *mean, rcr_real *var, const rcr_real *in,
                       const rcr_real *multiplicity, int32_t n_rows, int32_t n_cols);
    /* running <- (1 - momentum) running + momentum batch, the variance made unbiased by count/(count-1) (count > 1) */
    void (*norm_running)(const rcr_exec *x, rcr_real *running_mean, rcr_real *running_var, const rcr_real *mean,
                         const rcr_real *var, int64_t count, double momentum, int32_t n_cols);

    /* ---- the atoms' update: out [N, F] overwritten = softplus(v + norm2(s)) (Xie and Grossman 2018, eq. 5; CGCNN's
     * code) */
    void (*node_update_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v, const rcr_real *s,
                            const rcr_norm *norm, int32_t N, int32_t F);
    /* dv [N, F] and ds [N, F] overwritten; dgamma, dbeta [F] += */
    void (*node_update_bwd)(const rcr_exec *x, rcr_real *dv, rcr_real *ds, rcr_real *dgamma, rcr_real *dbeta,
                            const rcr_real *dout, const rcr_real *v, const rcr_real *s, const rcr_norm *norm,
                            int batch_stats, const rcr_real *multiplicity, int32_t N, int32_t F);

    /* ---- SR-CGCNN's options */
    /* out [n] overwritten = (1 - a) old + a new, a = sigmoid(*alpha) (Bhattacharjee 2026, the learnt gate) */
    void (*gate_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v_old, const rcr_real *v_new,
                     const rcr_real *alpha, int64_t n);
    /* dv_old, dv_new [n] overwritten; *dalpha += */
    void (*gate_bwd)(const rcr_exec *x, rcr_real *dv_old, rcr_real *dv_new, rcr_real *dalpha, const rcr_real *dout,
                     const rcr_real *v_old, const rcr_real *v_new, const rcr_real *alpha, int64_t n);
    /* out [N, F] overwritten: each row normalised over its F entries, gamma and beta [F] */
    void (*layer_norm_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *in, const rcr_real *gamma,
                           const rcr_real *beta, int32_t N, int32_t F);
    /* dx [N, F] overwritten; dgamma, dbeta [F] += */
    void (*layer_norm_bwd)(const rcr_exec *x, rcr_real *dx, rcr_real *dgamma, rcr_real *dbeta, const rcr_real *dout,
                           const rcr_real *in, const rcr_real *gamma, int32_t N, int32_t F);

    /* ---- readout */
    /* out [C, F] overwritten: mean over each crystal's atoms;  v [N, F], offset [C+1] */
    void (*pool_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v, const int32_t *offset,
                     const rcr_real *multiplicity, int32_t C, int32_t F);
    /* dv [N, F] overwritten */
    void (*pool_bwd)(const rcr_exec *x, rcr_real *dv, const rcr_real *dout, const int32_t *offset,
                     const rcr_real *multiplicity, int32_t C, int32_t F);

    /* ---- element by element */
    void (*softplus_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n);
    /* dx overwritten = dy * sigmoid(in), dy above 20 */
    void (*softplus_bwd)(const rcr_exec *x, rcr_real *dx, const rcr_real *dy, const rcr_real *in, int64_t n);
    /* y += x */
    void (*add)(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n);
    /* y overwritten: 0 with probability p, else in / (1 - p).  Element i is dropped when the upper 53 bits of
     * rcr_hash_counter(seed, i), divided by 2^53, are below p.  The same call with dy in place of in is its own
     * backward. */
    void (*dropout)(const rcr_exec *x, rcr_real *y, const rcr_real *in, double p, uint64_t seed, int64_t n);

    /* ---- losses over C rows.  *loss overwritten: the mean over rows; dout overwritten: its gradient.  A target that
     * is NaN is missing: its row has no part in the mean (which is 0 of none) and no gradient.  weight, laid out as
     * target: what each counts in the mean, sum weight loss / sum weight over those that are there (0 where that sum
     * is 0); 0 or more, and 0 is as good as missing; NULL: all 1, the same bits */
    void (*loss_mse)(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out /* [C] */,
                     const rcr_real *target /* [C] */, const rcr_real *weight, int32_t C);
    /* |error| (l1); or error^2 / 2 up to delta and delta (|error| - delta / 2) past it (Huber 1964); PyTorch's L1Loss
     * and HuberLoss */
    void (*loss_l1)(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out /* [C] */,
                    const rcr_real *target /* [C] */, const rcr_real *weight, int32_t C);
    void (*loss_huber)(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out /* [C] */,
                       const rcr_real *target /* [C] */, const rcr_real *weight, double delta, int32_t C);
    /* out [C, 2T]: T values, then T logarithms of variances as rcr_log_variance takes them; target [C, T].  The mean of
     * (s + error^2 exp(-s)) / 2, s the logarithm of the variance: the negative logarithm of a normal likelihood but for
     * a constant (Nix and Weigend 1994).  dout is its gradient times exp(beta s), value by value: beta 0 is the
     * likelihood, 1 gives values the gradients of mean squared errors (Seitzer et al. 2022, equation 5) */
    void (*loss_gaussian)(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out,
                          const rcr_real *target, const rcr_real *weight, double beta, int32_t C, int32_t T);
    /* out [C, n_classes] are logits: log-softmax and negative log-likelihood in one; target: class numbers as reals,
     * none missing.  class_weight [n_classes] on the host: what a row of each class counts in the mean, times its
     * weight; NULL: all 1 */
    void (*loss_nll)(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                     const rcr_real *weight, const double *class_weight, int32_t C, int32_t n_classes);
    /* y [C, n_classes] overwritten: log-softmax of each row */
    void (*log_softmax)(const rcr_exec *x, rcr_real *y, const rcr_real *out, int32_t C, int32_t n_classes);

    /* ---- optimisers (PyTorch's formulas) */
    /* p, m, v [n] updated in place */
    void (*adam_update)(const rcr_exec *x, rcr_real *p, rcr_real *m, rcr_real *v, const rcr_real *grad,
                        const rcr_adam *adam, int64_t n);
    /* buffer [n]: momentum buffer, set to the gradient when first is 1 */
    void (*sgd_update)(const rcr_exec *x, rcr_real *p, rcr_real *buffer, const rcr_real *grad, double lr,
                       double momentum, double weight_decay, int first, int64_t n);
    /* grad [n] scaled so that its Euclidean norm is at most limit: by limit / (norm + 1e-6) where that is below 1 */
    void (*clip_norm)(const rcr_exec *x, rcr_real *grad, double limit, int64_t n);
    /* y [n] = keep * y + (1 - keep) * in: a moving average */
    void (*blend)(const rcr_exec *x, rcr_real *y, const rcr_real *in, double keep, int64_t n);
};

/* The plain-C reference. */
const rcr_kernels *rcr_kernels_ref(void);

/* The table to use: by name ("ref", "base", "avx2", "avx512"), or, for NULL, what RECRYST_KERNELS names, else the best
 * this processor runs.  Errors: RCR_ERR_ARGUMENT (unknown name), RCR_ERR_UNSUPPORTED (this processor lacks it). */
rcr_status rcr_kernels_choose(const rcr_kernels **out, const char *name, rcr_error *err);

#endif
