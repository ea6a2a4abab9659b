/*
 * Every table of kernels that this processor runs against the plain-C reference, operation by operation.
 *
 * Norm: max |a - b| / max |b| over a tensor, b the reference's; where b is what remains of larger terms that cancel,
 * their size is in the denominator (op_result.floor).
 * Bounds: single precision rounds to 6e-8.  A forward value is a sum of at most a few hundred products, twelve messages
 * or exponentials of such sums, so tens of roundings: 2e-5.  A gradient multiplies four such values and, with
 * statistics of the batch, subtracts means of thousands of them: 5e-5.
 */
#include "kernels/every_op.h"

#define FORWARD_BOUND 2e-5
#define BACKWARD_BOUND 5e-5

static const char *const names[] = {"base", "avx2", "avx512"};
enum { N_NAMES = sizeof names / sizeof names[0] };

/* Under AddressSanitizer, ten times as slow, one number of threads and results that are added to are enough: it sees
 * what is read and written where; the values are compared without it. */
#if defined(__SANITIZE_ADDRESS__)
static const int thread_counts[] = {3}, first_accumulate = 1;
#else
static const int thread_counts[] = {1, 2, 3, 4}, first_accumulate = 0;
#endif

/* With RECRYST_QUICK set, under an emulator, all shapes but the last two, which take nearly all of the time. */
static int n_shapes(void) { return N_KERNEL_SHAPES - (getenv("RECRYST_QUICK") != NULL ? 2 : 0); }

/* The table, or NULL (said once) where this build or processor lacks it. */
static const rcr_kernels *table_or_skip(const char *name) {
    const rcr_kernels *table = NULL;
    rcr_error err = {0};
    rcr_status status = rcr_kernels_choose(&table, name, &err);
    if (status == RCR_OK) {
        assert_string_equal(table->name, name);
        return table;
    }
    assert_int_equal(status, RCR_ERR_UNSUPPORTED);
    print_message("SKIPPED: %s\n", err.message);
    return NULL;
}

/* Print (RECRYST_VERBOSE set) and count the tensors that are too far off. */
static int compare(const op_results *a, const op_results *b, const kernel_case *c, const char *name) {
    int n_bad = 0;
    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        const op_result *p = &a->result[i], *q = &b->result[i];
        double largest = p->floor, error = 0;
        size_t where = 0;
        for (size_t e = 0; e < p->n; e++) {
            largest = fmax(largest, fabs((double)q->value[e]));
            double off = fabs((double)p->value[e] - (double)q->value[e]);
            if (off > error) error = off, where = e;
        }
        double relative = error > 0 ? error / largest : 0, bound = p->backward ? BACKWARD_BOUND : FORWARD_BOUND;
        int bad = !(relative <= bound);
        n_bad += bad;
        if (bad)
            print_error("%s: %s, %s (N %d, E %d, C %d, F %d, K %d): %s off by %.2g (bound %.0e), worst [%ld]: %.9g, "
                        "reference %.9g\n",
                        name, p->op, c->shape.name, (int)c->batch.n_atoms, (int)c->batch.n_edges,
                        (int)c->batch.n_crystals, (int)c->shape.F, (int)c->shape.K, p->what, relative, bound,
                        (long)where, (double)p->value[where], (double)q->value[where]);
        else if (getenv("RECRYST_VERBOSE") != NULL)
            print_message("%s: %s, %s: %s off by %.2g\n", name, p->op, c->shape.name, p->what, relative);
    }
    return n_bad;
}

/* All tables at once, because the reference takes longest. */
static void agree_with_the_reference(void **state) {
    (void)state;
    const rcr_kernels *table[N_NAMES];
    int n_tables = 0, n_bad = 0;
    for (int t = 0; t < N_NAMES; t++) {
        table[t] = table_or_skip(names[t]);
        n_tables += table[t] != NULL;
    }
    if (n_tables == 0) skip();
    rcr_pool *pool = NULL;
    assert_int_equal(rcr_pool_create(&pool, 0, NULL), RCR_OK);
    for (int s = 0; s < n_shapes(); s++)
        for (int accumulate = first_accumulate; accumulate < 2; accumulate++) {
            kernel_case *c = case_create(&kernel_shapes[s], 11 + (uint64_t)accumulate);
            op_results *expected = run_every_op(rcr_kernels_ref(), pool, c, accumulate);
            for (int t = 0; t < N_NAMES; t++) {
                if (table[t] == NULL) continue;
                op_results *got = run_every_op(table[t], NULL, c, accumulate);
                n_bad += compare(got, expected, c, names[t]);
                op_results_free(got);
            }
            op_results_free(expected);
            case_free(c);
        }
    rcr_pool_free(pool);
    assert_int_equal(n_bad, 0);
}

static void same_bits_on_any_number_of_threads(void **state) {
    const rcr_kernels *table = table_or_skip(*state);
    if (table == NULL) skip();
    for (int s = 0; s < n_shapes(); s++) {
        kernel_case *c = case_create(&kernel_shapes[s], 12);
        op_results *alone = run_every_op(table, NULL, c, 1);
        for (size_t t = 0; t < sizeof thread_counts / sizeof thread_counts[0]; t++) {
            rcr_pool *pool = NULL;
            assert_int_equal(rcr_pool_create(&pool, thread_counts[t], NULL), RCR_OK);
            op_results *threaded = run_every_op(table, pool, c, 1);
            op_assert_same_bits(alone, threaded, c, "threads");
            op_results_free(threaded);
            rcr_pool_free(pool);
        }
        op_results_free(alone);
        case_free(c);
    }
}

static void rows_depend_on_nothing_else(void **state) {
    const rcr_kernels *table = table_or_skip(*state);
    if (table == NULL) skip();
    for (int s = 0; s < n_shapes(); s++) {
        kernel_case *c = case_create(&kernel_shapes[s], 13);
        op_results *all = run_every_op(table, NULL, c, 0);
        int32_t step = c->batch.n_crystals > 20 ? 7 : 1; /* a sample of the large batch */
        for (int32_t k = 0; k < c->batch.n_crystals; k += step) {
            kernel_case *alone = case_crystal(c, k);
            op_results *one = run_every_op(table, NULL, alone, 0);
            op_assert_same_rows(all, one, c, k);
            op_results_free(one);
            case_free(alone);
        }
        op_results_free(all);
        case_free(c);
    }
}

int main(void) {
    enum { N_TESTS = 1 + 2 * N_NAMES };
    static char titles[N_TESTS][80];
    struct CMUnitTest tests[N_TESTS] = {cmocka_unit_test(agree_with_the_reference)};
    for (int i = 1; i < N_TESTS; i++) {
        const char *name = names[(i - 1) / 2];
        int threads = (i - 1) % 2 == 0;
        snprintf(titles[i], sizeof titles[i], "%s: %s", name,
                 threads ? "same_bits_on_any_number_of_threads" : "rows_depend_on_nothing_else");
        tests[i] =
            (struct CMUnitTest){titles[i], threads ? same_bits_on_any_number_of_threads : rows_depend_on_nothing_else,
                                NULL, NULL, (void *)(uintptr_t)name};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
