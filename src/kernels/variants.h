/* The tables compiled for an instruction set (kernels/cpu).  Only for table.c, which knows what the processor runs. */
#ifndef RCR_KERNELS_VARIANTS_H
#define RCR_KERNELS_VARIANTS_H

#include "kernels/kernels.h"

/* The SIMD kernels compute in float only. */
#if defined(RCR_HAVE_SIMD) && !defined(RCR_DOUBLE)
const rcr_kernels *rcr_kernels_base(void);
#if defined(RCR_HAVE_X86_VARIANTS)
const rcr_kernels *rcr_kernels_avx2(void);
const rcr_kernels *rcr_kernels_avx512(void);
#endif
#endif

#endif
