/*
 * What the machine can do at best: the bounds that docs/performance.md holds the kernels against.
 *
 *     bench_probe THREADS
 *
 * One line for each instruction set that the processor has: name, floats in a vector, vector multiply-adds a ns and
 * vector divisions a ns on one core.  Then "memory": GB/s that one core, and THREADS cores together, read and write in
 * a[i] = b[i] + c c[i] over arrays far larger than the caches (3 x 4 bytes an element counted).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { CHAINS = 12, ROUNDS = 2000, REPEATS = 200, ELEMENTS = 1 << 24 };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static volatile float sink;

/* Two loops for one instruction set: CHAINS independent chains of multiply-adds, of divisions.  Register is the vector
 * type; SET, FMA and DIV make it from a float and compute with it. */
#define LOOPS(name, target, Register, SET, FMA, DIV)                                                                   \
    target static void name##_fma(void) {                                                                              \
        Register a = SET(0.999f), b = SET(0.001f), x[CHAINS];                                                          \
        for (int c = 0; c < CHAINS; c++) x[c] = SET((float)c);                                                         \
        for (int i = 0; i < ROUNDS; i++) {                                                                             \
            _Pragma("GCC unroll 16") for (int c = 0; c < CHAINS; c++) x[c] = FMA(x[c], a, b);                          \
        }                                                                                                              \
        for (int c = 0; c < CHAINS; c++)                                                                               \
            sink = ((union {                                                                                           \
                       Register v;                                                                                     \
                       float f;                                                                                        \
                   }){x[c]})                                                                                           \
                       .f;                                                                                             \
    }                                                                                                                  \
    target static void name##_div(void) {                                                                              \
        Register a = SET(1.0001f), x[CHAINS];                                                                          \
        for (int c = 0; c < CHAINS; c++) x[c] = SET((float)(c + 1));                                                   \
        for (int i = 0; i < ROUNDS; i++) {                                                                             \
            _Pragma("GCC unroll 16") for (int c = 0; c < CHAINS; c++) x[c] = DIV(x[c], a);                             \
        }                                                                                                              \
        for (int c = 0; c < CHAINS; c++)                                                                               \
            sink = ((union {                                                                                           \
                       Register v;                                                                                     \
                       float f;                                                                                        \
                   }){x[c]})                                                                                           \
                       .f;                                                                                             \
    }

#if defined(__x86_64__)
#define BASE_FMA(x, a, b) _mm_add_ps(_mm_mul_ps(x, a), b) /* two operations; there is none that does both */
LOOPS(base, , __m128, _mm_set1_ps, BASE_FMA, _mm_div_ps)
LOOPS(avx2, __attribute__((target("avx2,fma"))), __m256, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_div_ps)
LOOPS(avx512, __attribute__((target("avx512f"))), __m512, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_div_ps)
#else
#define BASE_SET(x) (x)
#define BASE_FMA(x, a, b) ((x) * (a) + (b))
#define BASE_DIV(x, a) ((x) / (a))
LOOPS(base, , float, BASE_SET, BASE_FMA, BASE_DIV)
#endif

/* Calls of ROUNDS * CHAINS operations: operations a ns of the fastest. */
static double rate(void (*loop)(void)) {
    double best = 1e9;
    for (int r = 0; r < REPEATS; r++) {
        double start = seconds();
        loop();
        double taken = seconds() - start;
        if (taken < best) best = taken;
    }
    return (double)ROUNDS * CHAINS / best * 1e-9;
}

typedef struct triad {
    float *a, *b, *c;
    int pieces;
} triad;

static void triad_piece(void *job, int index, int worker) {
    (void)worker;
    const triad *t = job;
    size_t begin = (size_t)ELEMENTS * (size_t)index / (size_t)t->pieces;
    size_t end = (size_t)ELEMENTS * ((size_t)index + 1) / (size_t)t->pieces;
    float *restrict a = t->a;
    const float *restrict b = t->b, *restrict c = t->c;
    for (size_t i = begin; i < end; i++) a[i] = b[i] + 0.5f * c[i];
}

static double bandwidth(triad *t, rcr_pool *pool) {
    double best = 1e9;
    for (int r = 0; r < 8; r++) {
        double start = seconds();
        rcr_pool_run(pool, t->pieces, triad_piece, t);
        double taken = seconds() - start;
        if (taken < best) best = taken;
    }
    return 12.0 * ELEMENTS / best * 1e-9;
}

int main(int argc, char **argv) {
#if defined(__x86_64__)
    printf("base 4 %.3f %.3f\n", rate(base_fma), rate(base_div));
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        printf("avx2 8 %.3f %.3f\n", rate(avx2_fma), rate(avx2_div));
    if (__builtin_cpu_supports("avx512f")) printf("avx512 16 %.3f %.3f\n", rate(avx512_fma), rate(avx512_div));
#else
    printf("base 1 %.3f %.3f\n", rate(base_fma), rate(base_div));
#endif
    triad t = {rcr_calloc(ELEMENTS, 4), rcr_calloc(ELEMENTS, 4), rcr_calloc(ELEMENTS, 4), 64};
    rcr_pool *pool;
    rcr_error err;
    if (t.a == NULL || t.b == NULL || t.c == NULL || rcr_pool_create(&pool, argc > 1 ? atoi(argv[1]) : 0, &err) != 0)
        return 1;
    double one = bandwidth(&t, NULL);
    printf("memory %.1f %.1f\n", one, bandwidth(&t, pool));
    rcr_pool_free(pool);
    rcr_free(t.a);
    rcr_free(t.b);
    rcr_free(t.c);
    return 0;
}
