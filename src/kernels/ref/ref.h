/*
 * The plain-C reference of every operation in kernels/kernels.h, and the oracle of all others.
 *
 * Loops follow the formulas; the backward of an operation stands below its forward, and each line of it names the
 * forward line whose gradient it takes (written "d of: ...").  Sums over many rows are taken in double.
 *
 * Threads: rows are cut into REF_LANES contiguous ranges, whatever the number of threads.  Where ranges add to the same
 * result, each has its own partial sum in scratch and the partial sums are added in the order of the ranges.
 */
#ifndef RCR_KERNELS_REF_REF_H
#define RCR_KERNELS_REF_REF_H

#include <math.h>

#include "kernels/kernels.h"

enum { REF_LANES = 32 };

/* The rows begin .. end-1 of n that a lane has. */
typedef struct ref_range {
    int32_t begin, end;
} ref_range;

static inline ref_range ref_lane(int32_t n, int lane) {
    return (ref_range){(int32_t)((int64_t)n * lane / REF_LANES), (int32_t)((int64_t)n * (lane + 1) / REF_LANES)};
}

#ifdef RCR_DOUBLE
static inline rcr_real ref_exp(rcr_real x) { return exp(x); }
static inline rcr_real ref_log1p(rcr_real x) { return log1p(x); }
#else
static inline rcr_real ref_exp(rcr_real x) { return expf(x); }
static inline rcr_real ref_log1p(rcr_real x) { return log1pf(x); }
#endif

/* 1 / (1 + exp(-x)), without overflow. */
static inline rcr_real ref_sigmoid(rcr_real x) {
    if (x >= 0) return 1 / (1 + ref_exp(-x));
    rcr_real e = ref_exp(x);
    return e / (1 + e);
}

/* log(1 + exp(x)); above 20 PyTorch returns x itself, so here too, and the derivative is exactly 1. */
static inline rcr_real ref_softplus(rcr_real x) { return x > 20 ? x : ref_log1p(ref_exp(x)); }
static inline rcr_real ref_softplus_slope(rcr_real x) { return x > 20 ? 1 : ref_sigmoid(x); }

/* Sum of a[i] b[i] in double, in four interleaved parts (a fixed order) so that additions needn't wait for each other.
 */
static inline double ref_dot(const rcr_real *a, const rcr_real *b, int32_t n) {
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += (double)a[i] * (double)b[i];
        s1 += (double)a[i + 1] * (double)b[i + 1];
        s2 += (double)a[i + 2] * (double)b[i + 2];
        s3 += (double)a[i + 3] * (double)b[i + 3];
    }
    for (; i < n; i++) s0 += (double)a[i] * (double)b[i];
    return (s0 + s1) + (s2 + s3);
}

/* total [n] overwritten: partial [REF_LANES, n] summed over the lanes, in their order. */
static inline void ref_add_lanes(double *total, const double *partial, int32_t n) {
    for (int32_t c = 0; c < n; c++) {
        double sum = 0;
        for (int lane = 0; lane < REF_LANES; lane++) sum += partial[(size_t)lane * (size_t)n + (size_t)c];
        total[c] = sum;
    }
}

/* rstd [n] overwritten: 1 / sqrt(var + eps). */
static inline void ref_rstd(double *rstd, const rcr_real *var, int32_t n) {
    for (int32_t c = 0; c < n; c++) rstd[c] = 1 / sqrt((double)var[c] + RCR_NORM_EPS);
}

/* One declaration for each entry of the table; kernels.h says what they do. */
rcr_real *rcr_ref_mem_alloc(size_t n);
void rcr_ref_mem_free(rcr_real *p);
void rcr_ref_mem_upload(rcr_real *device, const rcr_real *host, size_t n);
void rcr_ref_mem_download(rcr_real *host, const rcr_real *device, size_t n);
void rcr_ref_mem_zero(const rcr_exec *x, rcr_real *p, size_t n);
void rcr_ref_mem_copy(const rcr_exec *x, rcr_real *to, const rcr_real *from, size_t n);

void rcr_ref_linear_fwd(const rcr_exec *x, rcr_real *y, const rcr_real *in, const rcr_real *w, const rcr_real *b,
                        int32_t n, int32_t n_in, int32_t n_out);
void rcr_ref_linear_bwd(const rcr_exec *x, rcr_real *dx, rcr_real *dw, rcr_real *db, const rcr_real *dy,
                        const rcr_real *in, const rcr_real *w, int32_t n, int32_t n_in, int32_t n_out);

void rcr_ref_rows_gather(const rcr_exec *x, rcr_real *y, const rcr_real *table, const int32_t *row, int32_t N,
                         int32_t F);
void rcr_ref_rows_scatter(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const int32_t *row, int32_t N,
                          int32_t S, int32_t F);

void rcr_ref_rows_mix_fwd(const rcr_exec *x, rcr_real *y, const rcr_real *table, const rcr_mixtures *m, int32_t F);
void rcr_ref_rows_mix_bwd(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const rcr_mixtures *m, int32_t S,
                          int32_t F);

size_t rcr_ref_conv_pack_size(int32_t F, int32_t K);
void rcr_ref_conv_pack(const rcr_exec *x, rcr_real *pack, const rcr_real *w, const rcr_real *b, int32_t F, int32_t K);
void rcr_ref_conv_project_fwd(const rcr_exec *x, rcr_real *pq, const rcr_real *v, const rcr_real *pack, int32_t N,
                              int32_t F, int32_t K);
/* Not in the table: a part of conv_bwd. */
void rcr_ref_conv_project_bwd(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, const rcr_real *dpq,
                              const rcr_real *v, const rcr_real *pack, int32_t N, int32_t F, int32_t K);

size_t rcr_ref_edge_cache_size(int32_t N, int32_t E, int32_t F, int32_t K, int training);
void rcr_ref_edge_prepare(const rcr_exec *x, rcr_real *cache, const rcr_batch *batch, rcr_basis basis,
                          const rcr_real *pack, int32_t F, int training);
void rcr_ref_edge_conv_fwd(const rcr_exec *x, rcr_real *s, const rcr_edge_input *in, const rcr_norm *norm);
void rcr_ref_conv_stats_fwd(const rcr_exec *x, rcr_real *pq, rcr_real *mean, rcr_real *var, const rcr_real *v,
                            const rcr_edge_input *in);
size_t rcr_ref_conv_bwd_reals(int32_t N, int32_t E, int32_t F); /* of conv_bwd's scratch */
void rcr_ref_conv_bwd(const rcr_exec *x, rcr_real *dv, rcr_real *dw, rcr_real *db, rcr_real *dgamma, rcr_real *dbeta,
                      rcr_real *pq, const rcr_real *ds, const rcr_real *v, const rcr_edge_input *in,
                      const rcr_norm *norm, int batch_stats);

void rcr_ref_norm_stats(const rcr_exec *x, rcr_real *mean, rcr_real *var, const rcr_real *in,
                        const rcr_real *multiplicity, int32_t n_rows, int32_t n_cols);
void rcr_ref_norm_running(const rcr_exec *x, rcr_real *running_mean, rcr_real *running_var, const rcr_real *mean,
                          const rcr_real *var, int64_t count, double momentum, int32_t n_cols);
void rcr_ref_node_update_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v, const rcr_real *s,
                             const rcr_norm *norm, int32_t N, int32_t F);
void rcr_ref_node_update_bwd(const rcr_exec *x, rcr_real *dv, rcr_real *ds, rcr_real *dgamma, rcr_real *dbeta,
                             const rcr_real *dout, const rcr_real *v, const rcr_real *s, const rcr_norm *norm,
                             int batch_stats, const rcr_real *multiplicity, int32_t N, int32_t F);

void rcr_ref_gate_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v_old, const rcr_real *v_new,
                      const rcr_real *alpha, int64_t n);
void rcr_ref_gate_bwd(const rcr_exec *x, rcr_real *dv_old, rcr_real *dv_new, rcr_real *dalpha, const rcr_real *dout,
                      const rcr_real *v_old, const rcr_real *v_new, const rcr_real *alpha, int64_t n);
void rcr_ref_layer_norm_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *in, const rcr_real *gamma,
                            const rcr_real *beta, int32_t N, int32_t F);
void rcr_ref_layer_norm_bwd(const rcr_exec *x, rcr_real *dx, rcr_real *dgamma, rcr_real *dbeta, const rcr_real *dout,
                            const rcr_real *in, const rcr_real *gamma, int32_t N, int32_t F);

void rcr_ref_pool_fwd(const rcr_exec *x, rcr_real *out, const rcr_real *v, const int32_t *offset,
                      const rcr_real *multiplicity, int32_t C, int32_t F);
void rcr_ref_pool_bwd(const rcr_exec *x, rcr_real *dv, const rcr_real *dout, const int32_t *offset,
                      const rcr_real *multiplicity, int32_t C, int32_t F);

void rcr_ref_softplus_fwd(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n);
void rcr_ref_softplus_bwd(const rcr_exec *x, rcr_real *dx, const rcr_real *dy, const rcr_real *in, int64_t n);
void rcr_ref_add(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n);
void rcr_ref_dropout(const rcr_exec *x, rcr_real *y, const rcr_real *in, double p, uint64_t seed, int64_t n);

void rcr_ref_loss_mse(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                      const rcr_real *weight, int32_t C);
void rcr_ref_loss_l1(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                     const rcr_real *weight, int32_t C);
void rcr_ref_loss_huber(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                        const rcr_real *weight, double delta, int32_t C);
void rcr_ref_loss_gaussian(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out,
                           const rcr_real *target, const rcr_real *weight, double beta, int32_t C, int32_t T);
void rcr_ref_loss_nll(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                      const rcr_real *weight, const double *class_weight, int32_t C, int32_t n_classes);
void rcr_ref_log_softmax(const rcr_exec *x, rcr_real *y, const rcr_real *out, int32_t C, int32_t n_classes);

void rcr_ref_adam_update(const rcr_exec *x, rcr_real *p, rcr_real *m, rcr_real *v, const rcr_real *grad,
                         const rcr_adam *adam, int64_t n);
void rcr_ref_sgd_update(const rcr_exec *x, rcr_real *p, rcr_real *buffer, const rcr_real *grad, double lr,
                        double momentum, double weight_decay, int first, int64_t n);
void rcr_ref_clip_norm(const rcr_exec *x, rcr_real *grad, double limit, int64_t n);
void rcr_ref_blend(const rcr_exec *x, rcr_real *y, const rcr_real *in, double keep, int64_t n);

#endif
