/* What the reference promises beside its values: what is overwritten and what is added to, the same bits on any number
 * of threads, rows that depend on nothing else of the batch. */
#include "kernels/every_op.h"

/* Adding terms onto a start rounds differently from adding their sum to it: by about half a unit for each of up to
 * 4F = 520 terms, at random, sqrt(520) / 2 = 11 units of the largest values. */
#ifdef RCR_DOUBLE
#define ROUNDING (16 * 2.3e-16)
#else
#define ROUNDING (16 * 1.2e-7)
#endif

static void adds_and_overwrites(void **state) {
    (void)state;
    for (int s = 0; s < N_KERNEL_SHAPES; s++) {
        if (kernel_shapes[s].C > 50) continue;
        kernel_case *c = case_create(&kernel_shapes[s], 3);
        op_results *plain = run_every_op(rcr_kernels_ref(), NULL, c, 0);
        op_results *added = run_every_op(rcr_kernels_ref(), NULL, c, 1);
        for (int i = 0; i < plain->n; i++) {
            const op_result *p = &plain->result[i], *q = &added->result[i];
            double size = 0;
            for (size_t e = 0; e < p->n && p->adds; e++)
                size = fmax(size, fabs((double)p->value[e]) + fabs((double)c->start[e]));
            for (size_t e = 0; e < p->n; e++) {
                double expected = (double)p->value[e] + (p->adds ? (double)c->start[e] : 0);
                if (fabs((double)q->value[e] - expected) > ROUNDING * size)
                    fail_msg("%s, %s, %s[%ld]: %.9g, not %.9g", p->op, c->shape.name, p->what, (long)e,
                             (double)q->value[e], expected);
            }
        }
        op_results_free(plain);
        op_results_free(added);
        case_free(c);
    }
}

static void same_bits_on_any_number_of_threads(void **state) {
    (void)state;
    rcr_pool *pool[5] = {NULL};
    for (int t = 1; t <= 4; t++) assert_int_equal(rcr_pool_create(&pool[t], t, NULL), RCR_OK);
    for (int s = 0; s < N_KERNEL_SHAPES; s++) {
        if (kernel_shapes[s].C > 50) continue;
        kernel_case *c = case_create(&kernel_shapes[s], 4);
        op_results *alone = run_every_op(rcr_kernels_ref(), NULL, c, 1);
        for (int t = 1; t <= 4; t++) {
            op_results *threaded = run_every_op(rcr_kernels_ref(), pool[t], c, 1);
            op_assert_same_bits(alone, threaded, c, "threads");
            op_results_free(threaded);
        }
        op_results_free(alone);
        case_free(c);
    }
    for (int t = 1; t <= 4; t++) rcr_pool_free(pool[t]);
}

static void rows_depend_on_nothing_else(void **state) {
    (void)state;
    for (int s = 0; s < N_KERNEL_SHAPES; s++) {
        if (kernel_shapes[s].C > 50) continue;
        kernel_case *c = case_create(&kernel_shapes[s], 5);
        op_results *all = run_every_op(rcr_kernels_ref(), NULL, c, 0);
        for (int32_t k = 0; k < c->batch.n_crystals; k++) {
            kernel_case *alone = case_crystal(c, k);
            op_results *one = run_every_op(rcr_kernels_ref(), NULL, alone, 0);
            op_assert_same_rows(all, one, c, k);
            op_results_free(one);
            case_free(alone);
        }
        op_results_free(all);
        case_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_overwrites),
        cmocka_unit_test(same_bits_on_any_number_of_threads),
        cmocka_unit_test(rows_depend_on_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
