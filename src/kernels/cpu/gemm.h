/* A small matrix product whose rows do not depend on each other. */
#ifndef RCR_KERNELS_CPU_GEMM_H
#define RCR_KERNELS_CPU_GEMM_H

#include "kernels/cpu/vec.h"

/* What is put into c: the product, the product plus a bias for each column, or the product added to what is there. */
typedef enum rcr_gemm_mode { RCR_GEMM_SET, RCR_GEMM_BIAS, RCR_GEMM_ADD } rcr_gemm_mode;

/* c [m, n] (row stride ldc) from a [m, k] (element (r, i) at a[r*row_step + i*k_step]) and b [k, n] (row stride ldb);
 * bias [n].  Every element is one chain of multiply-adds over k in ascending order, whatever m, n and its place are. */
void RCR_CPU(gemm)(float *c, int ldc, const float *a, int row_step, int k_step, const float *b, int ldb,
                   const float *bias, int m, int n, int k, rcr_gemm_mode mode);

#endif
