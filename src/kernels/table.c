/* Choosing a table of kernels. */
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "kernels/kernels.h"
#include "kernels/variants.h"

typedef struct variant {
    const char *name;
    const rcr_kernels *(*table)(void); /* NULL: not in this build */
    int (*runs)(void);                 /* 1 when this processor has its instructions */
} variant;

static int runs_always(void) { return 1; }

#if defined(RCR_HAVE_SIMD) && !defined(RCR_DOUBLE)
#define TABLE_BASE rcr_kernels_base
#else
#define TABLE_BASE NULL
#endif

#if defined(RCR_HAVE_SIMD) && defined(RCR_HAVE_X86_VARIANTS) && !defined(RCR_DOUBLE) && defined(__GNUC__)
#define TABLE_AVX2 rcr_kernels_avx2
#define TABLE_AVX512 rcr_kernels_avx512
/* The sets that the variants are compiled with, in CMakeLists.txt. */
static int runs_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static int runs_avx512(void) {
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#else
#define TABLE_AVX2 NULL
#define TABLE_AVX512 NULL
#define runs_avx2 runs_always
#define runs_avx512 runs_always
#endif

/* From the slowest to the fastest. */
static const variant variants[] = {
    {"ref", rcr_kernels_ref, runs_always},
    {"base", TABLE_BASE, runs_always},
    {"avx2", TABLE_AVX2, runs_avx2},
    {"avx512", TABLE_AVX512, runs_avx512},
};
enum { N_VARIANTS = sizeof variants / sizeof variants[0] };
#define NAMES "ref, base, avx2, avx512"

rcr_status rcr_kernels_choose(const rcr_kernels **out, const char *name, rcr_error *err) {
    const char *from = "";
    if (name == NULL) {
        name = getenv("RECRYST_KERNELS");
        from = "RECRYST_KERNELS: ";
    }
    if (name == NULL || name[0] == '\0') {
        int best = N_VARIANTS - 1;
        while (variants[best].table == NULL || !variants[best].runs()) best--;
        *out = variants[best].table();
        return RCR_OK;
    }
    for (int i = 0; i < N_VARIANTS; i++) {
        if (strcmp(name, variants[i].name) != 0) continue;
        if (variants[i].table == NULL)
            return rcr_fail(err, RCR_ERR_UNSUPPORTED, "%skernels '%s' are not in this build (the names are " NAMES ")",
                            from, name);
        if (!variants[i].runs())
            return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                            "%sthis processor can't run kernels '%s'; choose a slower one of " NAMES
                            ", or leave the choice to recryst",
                            from, name);
        *out = variants[i].table();
        return RCR_OK;
    }
    return rcr_fail(err, RCR_ERR_ARGUMENT, "%sunknown kernels '%.60s'; the names are " NAMES, from, name);
}
