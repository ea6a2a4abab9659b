/* Means and deviations that come one by one, at any size. */
#include "support/check.h"

#include <float.h>
#include <math.h>

#include "base/running.h"

static rcr_running of(const double *values, size_t n, double factor) {
    rcr_running r = {0};
    for (size_t i = 0; i < n; i++) rcr_running_add(&r, values[i] * factor);
    return r;
}

/* 2, 4, 4, 4, 5, 5, 7, 9: mean 5, squares of the deviations 9 + 1 + 1 + 1 + 0 + 0 + 4 + 16 = 32, so sqrt(32 / 7). */
static const double known[] = {2, 4, 4, 4, 5, 5, 7, 9};
enum { N = sizeof known / sizeof *known };

static void the_textbook_s_numbers(void **state) {
    (void)state;
    rcr_running r = of(known, N, 1);
    assert_int_equal(r.n, N);
    assert_true(fabs(rcr_running_mean(&r) - 5) < 1e-15);
    assert_true(fabs(rcr_running_std(&r) - sqrt(32.0 / 7)) < 1e-15);
    r = of(known, 0, 1);
    assert_true(isnan(rcr_running_mean(&r)) && rcr_running_std(&r) == 0);
    r = of(known, 1, 1);
    assert_true(rcr_running_mean(&r) == 2 && rcr_running_std(&r) == 0);
}

/* Where sums of squares overflow, or vanish. */
static void any_size(void **state) {
    (void)state;
    static const double factor[] = {1e300, -1e300, 1e155, 1e100, 1e99, 1e-99, 1e-100, 1e-170, 1e-300, DBL_MAX / 16};
    for (size_t k = 0; k < sizeof factor / sizeof *factor; k++) {
        rcr_running r = of(known, N, factor[k]);
        assert_true(fabs(rcr_running_mean(&r) / factor[k] - 5) < 1e-14);
        assert_true(fabs(rcr_running_std(&r) / fabs(factor[k]) - sqrt(32.0 / 7)) < 1e-14);
    }
    /* Of the smallest numbers there are: the mean of 1 to 3 of them, and their deviation. */
    const double smallest = 4.9406564584124654e-324, three[] = {smallest, 2 * smallest, 3 * smallest};
    rcr_running r = of(three, 3, 1);
    assert_true(rcr_running_mean(&r) == 2 * smallest && rcr_running_std(&r) == smallest);
}

/* Values that grow over all sizes: what came before weighs nothing, but counts. */
static void growing(void **state) {
    (void)state;
    const double values[] = {0, 1e-320, 1e-200, 3, 1e90, 1e120, -1e290, 1e300, -1e300};
    rcr_running r = of(values, sizeof values / sizeof *values, 1);
    double mean = -1e290 / 9;
    assert_true(fabs(rcr_running_mean(&r) / mean - 1) < 1e-5);
    assert_true(fabs(rcr_running_std(&r) / (1e300 / 2) - 1) < 1e-9); /* sqrt(2 / 8) */
    rcr_running_add(&r, INFINITY);
    assert_false(isfinite(rcr_running_mean(&r)));
    r = of(values, 5, 1);
    rcr_running_add(&r, NAN);
    assert_true(isnan(rcr_running_mean(&r)) && isnan(rcr_running_std(&r)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_textbook_s_numbers), cmocka_unit_test(any_size),
                                       cmocka_unit_test(growing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
