/* A table of kernels that adds up the time spent in each of another table's operations. */
#ifndef RCR_BENCH_TIMED_KERNELS_H
#define RCR_BENCH_TIMED_KERNELS_H

#include <stdio.h>
#include <time.h>

#include "kernels/kernels.h"

/* WRAP(name, parameters after exec, arguments after exec) for every operation that a step runs. */
#define TIMED_OPERATIONS(WRAP)                                                                                         \
    WRAP(mem_zero, (rcr_real * p, size_t n), (p, n))                                                                   \
    WRAP(linear_fwd,                                                                                                   \
         (rcr_real * y, const rcr_real *in, const rcr_real *w, const rcr_real *b, int32_t n, int32_t i, int32_t o),    \
         (y, in, w, b, n, i, o))                                                                                       \
    WRAP(linear_bwd,                                                                                                   \
         (rcr_real * dx, rcr_real * dw, rcr_real * db, const rcr_real *dy, const rcr_real *in, const rcr_real *w,      \
          int32_t n, int32_t i, int32_t o),                                                                            \
         (dx, dw, db, dy, in, w, n, i, o))                                                                             \
    WRAP(rows_gather, (rcr_real * y, const rcr_real *table, const int32_t *row, int32_t N, int32_t F),                 \
         (y, table, row, N, F))                                                                                        \
    WRAP(rows_scatter, (rcr_real * d, const rcr_real *dy, const int32_t *row, int32_t N, int32_t S, int32_t F),        \
         (d, dy, row, N, S, F))                                                                                        \
    WRAP(conv_pack, (rcr_real * pack, const rcr_real *w, const rcr_real *b, int32_t F, int32_t K), (pack, w, b, F, K)) \
    WRAP(conv_project_fwd, (rcr_real * pq, const rcr_real *v, const rcr_real *pack, int32_t N, int32_t F, int32_t K),  \
         (pq, v, pack, N, F, K))                                                                                       \
    WRAP(edge_prepare,                                                                                                 \
         (rcr_real * cache, const rcr_batch *batch, rcr_basis basis, const rcr_real *pack, int32_t F, int training),   \
         (cache, batch, basis, pack, F, training))                                                                     \
    WRAP(conv_stats_fwd,                                                                                               \
         (rcr_real * pq, rcr_real * mean, rcr_real * var, const rcr_real *v, const rcr_edge_input *in),                \
         (pq, mean, var, v, in))                                                                                       \
    WRAP(edge_conv_fwd, (rcr_real * s, const rcr_edge_input *in, const rcr_norm *norm), (s, in, norm))                 \
    WRAP(conv_bwd,                                                                                                     \
         (rcr_real * dv, rcr_real * dw, rcr_real * db, rcr_real * dgamma, rcr_real * dbeta, rcr_real * pq,             \
          const rcr_real *ds, const rcr_real *v, const rcr_edge_input *in, const rcr_norm *norm, int batch_stats),     \
         (dv, dw, db, dgamma, dbeta, pq, ds, v, in, norm, batch_stats))                                                \
    WRAP(norm_stats,                                                                                                   \
         (rcr_real * mean, rcr_real * var, const rcr_real *in, const rcr_real *multiplicity, int32_t rows,             \
          int32_t cols),                                                                                               \
         (mean, var, in, multiplicity, rows, cols))                                                                    \
    WRAP(norm_running,                                                                                                 \
         (rcr_real * rm, rcr_real * rv, const rcr_real *mean, const rcr_real *var, int64_t count, double momentum,     \
          int32_t cols),                                                                                               \
         (rm, rv, mean, var, count, momentum, cols))                                                                   \
    WRAP(node_update_fwd,                                                                                              \
         (rcr_real * out, const rcr_real *v, const rcr_real *s, const rcr_norm *norm, int32_t N, int32_t F),           \
         (out, v, s, norm, N, F))                                                                                      \
    WRAP(node_update_bwd,                                                                                              \
         (rcr_real * dv, rcr_real * ds, rcr_real * dgamma, rcr_real * dbeta, const rcr_real *dout, const rcr_real *v,  \
          const rcr_real *s, const rcr_norm *norm, int batch_stats, const rcr_real *multiplicity, int32_t N,           \
          int32_t F),                                                                                                  \
         (dv, ds, dgamma, dbeta, dout, v, s, norm, batch_stats, multiplicity, N, F))                                   \
    WRAP(pool_fwd,                                                                                                     \
         (rcr_real * out, const rcr_real *v, const int32_t *offset, const rcr_real *multiplicity, int32_t C,           \
          int32_t F),                                                                                                  \
         (out, v, offset, multiplicity, C, F))                                                                         \
    WRAP(pool_bwd,                                                                                                     \
         (rcr_real * dv, const rcr_real *dout, const int32_t *offset, const rcr_real *multiplicity, int32_t C,         \
          int32_t F),                                                                                                  \
         (dv, dout, offset, multiplicity, C, F))                                                                       \
    WRAP(softplus_fwd, (rcr_real * y, const rcr_real *in, int64_t n), (y, in, n))                                      \
    WRAP(softplus_bwd, (rcr_real * dx, const rcr_real *dy, const rcr_real *in, int64_t n), (dx, dy, in, n))            \
    WRAP(loss_mse,                                                                                                     \
         (rcr_real * loss, rcr_real * dout, const rcr_real *out, const rcr_real *target, const rcr_real *weight,       \
          int32_t C),                                                                                                  \
         (loss, dout, out, target, weight, C))                                                                         \
    WRAP(adam_update,                                                                                                  \
         (rcr_real * p, rcr_real * m, rcr_real * v, const rcr_real *grad, const rcr_adam *adam, int64_t n),            \
         (p, m, v, grad, adam, n))

#define NUMBER(name, parameters, arguments) TIMED_##name,
enum { TIMED_OPERATIONS(NUMBER) TIMED_COUNT };
#undef NUMBER

static const rcr_kernels *timed_inner;
static double timed_seconds[TIMED_COUNT];

static inline double timed_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define WITHOUT_PARENTHESES(...) __VA_ARGS__
#define WRAPPER(name, parameters, arguments)                                                                           \
    static void timed_##name(const rcr_exec *x, WITHOUT_PARENTHESES parameters) {                                      \
        double start = timed_now();                                                                                    \
        timed_inner->name(x, WITHOUT_PARENTHESES arguments);                                                           \
        timed_seconds[TIMED_##name] += timed_now() - start;                                                            \
    }
TIMED_OPERATIONS(WRAPPER)
#undef WRAPPER

/* The table around `inner`; its times start at 0.  For one caller. */
static inline rcr_kernels timed_kernels(const rcr_kernels *inner) {
    rcr_kernels table = *inner;
    timed_inner = inner;
    for (int i = 0; i < TIMED_COUNT; i++) timed_seconds[i] = 0;
#define PUT(name, parameters, arguments) table.name = timed_##name;
    TIMED_OPERATIONS(PUT)
#undef PUT
    return table;
}

/* "name seconds" for each operation on one line, each time divided by `steps`. */
static inline void timed_print(int steps) {
#define PRINT(name, parameters, arguments) printf("%s %.6e ", #name, timed_seconds[TIMED_##name] / steps);
    TIMED_OPERATIONS(PRINT)
#undef PRINT
    printf("\n");
}

#endif
