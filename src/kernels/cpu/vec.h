/*
 * Vectors of float for one instruction set.  Every source in this folder is compiled once for each variant (base: SSE2
 * or NEON, avx2, avx512), with RCR_VARIANT naming it; RCR_CPU(x) gives a symbol of that variant.
 *
 * GCC's vector extensions carry the arithmetic (a*b + c becomes a fused multiply-add where the instruction set has one,
 * by -ffp-contract=fast); intrinsics stand only where the extension has no word for it.
 */
#ifndef RCR_KERNELS_CPU_VEC_H
#define RCR_KERNELS_CPU_VEC_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define RCR_PASTE2(a, b) a##_##b
#define RCR_PASTE(a, b) RCR_PASTE2(a, b)
#define RCR_CPU(name) RCR_PASTE(rcr_cpu_##name, RCR_VARIANT)

#if defined(RCR_VARIANT_avx512)
enum { VW = 16 };
#define RCR_VEC_BYTES 64
#elif defined(RCR_VARIANT_avx2)
enum { VW = 8 };
#define RCR_VEC_BYTES 32
#else
enum { VW = 4 };
#define RCR_VEC_BYTES 16
#endif

#define INLINE static inline __attribute__((always_inline, unused))
/* Loops over the vectors of a register block: always unrolled, so that the block stays in registers.  Clang must hear
 * "full" to do so before it decides what lives in registers. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef float vf __attribute__((vector_size(RCR_VEC_BYTES)));
typedef int32_t vi __attribute__((vector_size(RCR_VEC_BYTES)));
typedef float vf_any __attribute__((vector_size(RCR_VEC_BYTES), aligned(4), may_alias));
typedef int32_t vi_any __attribute__((vector_size(RCR_VEC_BYTES), aligned(4), may_alias));

INLINE vf vload(const float *p) { return *(const vf_any *)p; }
INLINE void vstore(float *p, vf v) { *(vf_any *)p = v; }
INLINE vf vset(float s) { return s - (vf){0}; } /* s in every element, exactly, -0 included */

/* a b + c, in one rounding where the instruction set has such an instruction.  Said in so many words, with contraction
 * off: left to the compiler, two inlined copies of one loop may be fused in two ways, and a row's last bit would depend
 * on where in the batch it stands. */
INLINE vf vfma(vf a, vf b, vf c) {
#if defined(RCR_VARIANT_avx512)
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(RCR_VARIANT_avx2)
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__ARM_FEATURE_FMA) && defined(__aarch64__)
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* The first n of VW elements; the rest are 0 and their memory is not touched. */
INLINE vf vload_n(const float *p, int n) {
    if (n == VW) return vload(p);
    vf v = {0};
    memcpy(&v, p, (size_t)n * sizeof(float));
    return v;
}
INLINE void vstore_n(float *p, vf v, int n) {
    if (n == VW)
        vstore(p, v);
    else
        memcpy(p, &v, (size_t)n * sizeof(float));
}

INLINE vf vmax(vf a, vf b) {
#if defined(RCR_VARIANT_avx512)
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(RCR_VARIANT_avx2)
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (vf)_mm_max_ps((__m128)a, (__m128)b);
#else
    vi take_a = a > b;
    return (vf)(((vi)a & take_a) | ((vi)b & ~take_a));
#endif
}

INLINE vf vmin(vf a, vf b) {
#if defined(RCR_VARIANT_avx512)
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(RCR_VARIANT_avx2)
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
#elif defined(__SSE2__)
    return (vf)_mm_min_ps((__m128)a, (__m128)b);
#else
    vi take_a = a < b;
    return (vf)(((vi)a & take_a) | ((vi)b & ~take_a));
#endif
}

INLINE vf vabs(vf a) {
    vi mask = (vi){0} + 0x7fffffff;
    return (vf)((vi)a & mask);
}

/* where mask (all ones or all zeros in each element) a, else b */
INLINE vf vselect(vi mask, vf a, vf b) { return (vf)(((vi)a & mask) | ((vi)b & ~mask)); }

/* to[k] += v[k] in double precision. */
INLINE void vadd_double(double *to, vf v) {
#if defined(RCR_VARIANT_avx512)
    __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
    __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1));
    _mm512_storeu_pd(to, _mm512_add_pd(_mm512_loadu_pd(to), low));
    _mm512_storeu_pd(to + 8, _mm512_add_pd(_mm512_loadu_pd(to + 8), high));
#elif defined(RCR_VARIANT_avx2)
    __m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v));
    __m256d high = _mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1));
    _mm256_storeu_pd(to, _mm256_add_pd(_mm256_loadu_pd(to), low));
    _mm256_storeu_pd(to + 4, _mm256_add_pd(_mm256_loadu_pd(to + 4), high));
#else
    for (int k = 0; k < VW; k++) to[k] += (double)v[k];
#endif
}

/* Sum of the elements, always in the same tree: halves added to each other until one element is left. */
INLINE float vsum(vf v) {
#if defined(RCR_VARIANT_avx512) || defined(RCR_VARIANT_avx2)
#if defined(RCR_VARIANT_avx512)
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256((__m512)v), _mm512_extractf32x8_ps((__m512)v, 1));
#else
    __m256 half = (__m256)v;
#endif
    __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    quarter = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_shuffle_ps(quarter, quarter, 1)));
#else
    float lane[VW];
    memcpy(lane, &v, sizeof v);
    for (int width = VW / 2; width >= 1; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
#endif
}

#endif
