#include "kernels/cpu/gemm.h"

/* Register block: ROWS x COLS vectors of sums, COLS vectors of b, one element of a. */
#if defined(RCR_VARIANT_avx512)
enum { ROWS = 6, COLS = 4 };
#else
enum { ROWS = 6, COLS = 2 };
#endif

typedef struct operand {
    float *c;
    const float *a, *b, *bias;
    int ldc, row_step, k_step, ldb, k;
    rcr_gemm_mode mode;
} operand;

/* One block of `rows` x `cols` vectors; the last vector holds `tail` columns. */
INLINE void block(const operand *o, int rows, int cols, int tail) {
    vf sum[ROWS][COLS];
    UNROLL for (int r = 0; r < rows; r++) { UNROLL for (int j = 0; j < cols; j++) sum[r][j] = (vf){0}; }
    const float *a = o->a, *b = o->b;
    for (int i = 0; i < o->k; i++, a += o->k_step, b += o->ldb) {
        vf bv[COLS];
        UNROLL for (int j = 0; j < cols; j++) bv[j] = vload_n(b + j * VW, j == cols - 1 ? tail : VW);
        UNROLL for (int r = 0; r < rows; r++) {
            vf ar = vset(a[r * o->row_step]);
            UNROLL for (int j = 0; j < cols; j++) sum[r][j] = vfma(ar, bv[j], sum[r][j]);
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int j = 0; j < cols; j++) {
            int n = j == cols - 1 ? tail : VW;
            float *c = o->c + (size_t)r * (size_t)o->ldc + j * VW;
            vf value = sum[r][j];
            if (o->mode == RCR_GEMM_BIAS) value += vload_n(o->bias + j * VW, n);
            if (o->mode == RCR_GEMM_ADD) value += vload_n(c, n);
            vstore_n(c, value, n);
        }
    }
}

INLINE void rows_of(operand o, int m, int cols, int tail) {
    int r = 0;
    for (; r + ROWS <= m; r += ROWS) {
        block(&o, ROWS, cols, tail);
        o.a += ROWS * o.row_step;
        o.c += (size_t)ROWS * (size_t)o.ldc;
    }
    for (; r < m; r++) {
        block(&o, 1, cols, tail);
        o.a += o.row_step;
        o.c += o.ldc;
    }
}

void RCR_CPU(gemm)(float *c, int ldc, const float *a, int row_step, int k_step, const float *b, int ldb,
                   const float *bias, int m, int n, int k, rcr_gemm_mode mode) {
    int j = 0;
    while (j < n) {
        operand o = {c + j, a, b + j, bias != NULL ? bias + j : NULL, ldc, row_step, k_step, ldb, k, mode};
        if (j + COLS * VW <= n) {
            rows_of(o, m, COLS, VW);
            j += COLS * VW;
        } else if (j + VW <= n) {
            rows_of(o, m, 1, VW);
            j += VW;
        } else {
            rows_of(o, m, 1, n - j);
            j = n;
        }
    }
}
