/* A host with threads of its own, by OpenMP and, where there is one, by a BLAS: each calls the library, which starts
 * threads too.  The answers are those of one thread, and the host's settings stay. */
#include "embed/exercise.h"

#include <dlfcn.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef _OPENMP
typedef void dgemm(int order, int transpose_a, int transpose_b, int m, int n, int k, double alpha, const double *a,
                   int lda, const double *b, int ldb, double beta, double *c, int ldc);

static dgemm *find_blas(void **library) {
    static const char *const names[] = {"libopenblas.so.0", "libmkl_rt.so", "libblis.so.4", "libcblas.so.3",
                                        "libblas.so.3"};
    dgemm *found = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && found == NULL; i++) {
        if ((*library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL)) == NULL) continue;
        *(void **)&found = dlsym(*library, "cblas_dgemm");
        if (found == NULL) dlclose(*library);
    }
    return found;
}

#endif

static void inside_parallel_regions(void **state) {
    (void)state;
#ifndef _OPENMP
    print_message("SKIPPED: the compiler has no OpenMP\n");
    skip();
#else
    enum { LOOPS = 400, N = 96 };
    inputs in = make_inputs();
    const rcr_crystal *const *all = (const rcr_crystal *const *)in.crystal;
    double expected[N_CRYSTALS];
    rcr_error err;
    void *library = NULL;
    dgemm *multiply = find_blas(&library);
    print_message("BLAS: %s\n", multiply != NULL ? "yes" : "none on this system");
    must(rcr_model_predict(expected, NULL, in.model, all, N_CRYSTALS, 1, &err), &err);
    omp_set_num_threads(4);
    omp_set_dynamic(0);
    int wrong = 0, ran[LOOPS] = {0};
#pragma omp parallel for schedule(dynamic) reduction(+ : wrong)
    for (int i = 0; i < LOOPS; i++) {
        double value[N_CRYSTALS], a[N * N], b[N * N], c[N * N];
        ran[i] = omp_get_num_threads();
        for (int k = 0; k < N * N; k++) a[k] = k % 7, b[k] = k % 5, c[k] = 0;
        if (multiply != NULL) multiply(101, 111, 111, N, N, N, 1, a, N, b, N, 0, c, N);
        wrong += rcr_model_predict(value, NULL, in.model, all, N_CRYSTALS, 1 + i % 3, NULL) != RCR_OK ||
                 memcmp(value, expected, sizeof value) != 0;
        if (multiply != NULL) {
            double sum = 0; /* the BLAS still works, too */
            for (int k = 0; k < N; k++) sum += a[k] * b[k * N];
            wrong += c[0] != sum;
        }
    }
    assert_int_equal(wrong, 0);
    for (int i = 0; i < LOOPS; i++) assert_int_equal(ran[i], 4);
    assert_int_equal(omp_get_max_threads(), 4);
    assert_int_equal(omp_get_dynamic(), 0);
    if (multiply != NULL) dlclose(library);
    free_inputs(&in);
#endif
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(inside_parallel_regions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
