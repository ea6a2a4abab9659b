/* Target transforms against values and maximum-likelihood lambdas of another implementation (scipy.stats 1.17). */
#include <math.h>
#include <string.h>

#include "data/transform.h"
#include "support/check.h"

static const double sample[] = {0.5, 1.2, 3.3, 0.9, 7.7, 2.4, 15.0, 1.1, 4.2, 0.3, 28.5, 2.2};
enum { N = sizeof sample / sizeof sample[0] };

static void assert_near(double got, double want, double tolerance) {
    if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want)))) fail_msg("%.17g instead of %.17g", got, want);
}

static void known_values(void **state) {
    (void)state;
    const struct {
        rcr_transform t;
        double shift, want[3]; /* of the first three of the sample, less shift */
    } cases[] = {
        {{RCR_TRANSFORM_NONE, 0}, 0, {0.5, 1.2, 3.3}},
        {{RCR_TRANSFORM_LOG, 0}, 0, {-0.69314718055994531, 0.18232155679395462, 1.1939224684724346}},
        {{RCR_TRANSFORM_LOG1P, 0}, 0, {0.40546510810816438, 0.78845736036427017, 1.4586150226995167}},
        {{RCR_TRANSFORM_SIGNED_LOG, 0}, 4, {-1.5040773967762742, -1.33500106673234, -0.5306282510621705}},
        {{RCR_TRANSFORM_ASINH, 2}, 0, {0.24746646154726346, 0.5688248987322475, 1.2751890808989612}},
        {{RCR_TRANSFORM_BOX_COX, 0.3}, 0, {-0.625825345479215, 0.1873998947975272, 1.4357282136392955}},
        {{RCR_TRANSFORM_BOX_COX, 0}, 0, {-0.69314718055994531, 0.18232155679395462, 1.1939224684724346}},
        {{RCR_TRANSFORM_YEO_JOHNSON, 0.7}, 4, {-4.666186822037712, -3.593669878288707, -0.7641155163564013}},
        {{RCR_TRANSFORM_YEO_JOHNSON, 0}, 4, {-9.625, -6.72, -0.945}},
        {{RCR_TRANSFORM_YEO_JOHNSON, 2}, 4, {-1.5040773967762742, -1.33500106673234, -0.5306282510621705}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
        for (int i = 0; i < 3; i++)
            assert_near(rcr_transform_apply(&cases[c].t, sample[i] - cases[c].shift), cases[c].want[i], 1e-14);
}

static void every_value_comes_back(void **state) {
    (void)state;
    const double lambda[] = {0, 1e-12, 1e-6, 0.1, 0.5, 1, 1.7, 2};
    const double y[] = {-1e6, -30, -1.5, -0.999, -0.4, -1e-9, 0, 1e-9, 0.01, 0.5, 1, 3, 250, 1e6};
    for (int kind = RCR_TRANSFORM_NONE; kind <= RCR_TRANSFORM_YEO_JOHNSON; kind++)
        for (size_t l = 0; l < sizeof lambda / sizeof *lambda; l++) {
            rcr_transform t = {(rcr_transform_kind)kind, kind == RCR_TRANSFORM_ASINH ? lambda[l] + 0.1 : lambda[l]};
            rcr_scale scale = {t, {0.3, 2.5}};
            double before = -INFINITY;
            for (size_t i = 0; i < sizeof y / sizeof *y; i++) {
                if (!rcr_transform_allows(&t, y[i])) continue;
                double z = rcr_transform_apply(&t, y[i]);
                assert_true(isfinite(z) && z > before); /* increasing */
                before = z;
                assert_near(rcr_transform_undo(&t, z), y[i], 1e-9);
                assert_near(rcr_scale_undo(&scale, rcr_scale_apply(&scale, y[i])), y[i], 1e-9);
            }
            /* Whatever a network says is a number, and no two things it says change places. */
            before = -INFINITY;
            for (double out = -8; out <= 8; out += 0.25) {
                double back = rcr_scale_undo(&scale, out), std = rcr_scale_undo_std(&scale, out, 0.1);
                assert_true(isfinite(back) && back >= before && isfinite(std) && std >= 0);
                before = back;
            }
        }
}

static void domains(void **state) {
    (void)state;
    for (int kind = RCR_TRANSFORM_NONE; kind <= RCR_TRANSFORM_YEO_JOHNSON; kind++) {
        rcr_transform t = {(rcr_transform_kind)kind, 1};
        int positive = kind == RCR_TRANSFORM_LOG || kind == RCR_TRANSFORM_BOX_COX, above = kind == RCR_TRANSFORM_LOG1P;
        assert_int_equal(rcr_transform_allows(&t, 0), !positive);
        assert_int_equal(rcr_transform_allows(&t, -0.5), !positive);
        assert_int_equal(rcr_transform_allows(&t, -1), !positive && !above);
        assert_int_equal(rcr_transform_allows(&t, 1e-300), 1);
        assert_int_equal(rcr_transform_allows(&t, NAN), 0);
        assert_int_equal(rcr_transform_allows(&t, INFINITY), 0);
        assert_int_equal(rcr_transform_domain(t.kind) != NULL, positive || above);
    }
    assert_string_equal(rcr_transform_names[RCR_TRANSFORM_YEO_JOHNSON], "yeo-johnson");
    assert_null(rcr_transform_names[RCR_TRANSFORM_YEO_JOHNSON + 1]);
}

static double fitted(rcr_transform_kind kind, const double *from, double shift, double power) {
    double values[N];
    for (int i = 0; i < N; i++) values[i] = pow(from[i], power) - shift;
    rcr_transform t = rcr_transform_fit(kind, values, N);
    assert_int_equal(t.kind, kind);
    return t.parameter;
}

static void lambdas_of_greatest_likelihood(void **state) {
    (void)state;
    double rising[N], same[N];
    for (int i = 0; i < N; i++) {
        rising[i] = i + 1;
        same[i] = 4;
    }
    assert_near(fitted(RCR_TRANSFORM_YEO_JOHNSON, sample, 4, 1), 0.2580545394434886, 3e-8);
    assert_near(fitted(RCR_TRANSFORM_BOX_COX, rising, 0, 0.65), 1.1140040523661952, 3e-8);
    /* -0.11, where it would not be bounded: 0 is the nearest that is allowed. */
    assert_true(fitted(RCR_TRANSFORM_BOX_COX, sample, 0, 1) == 0);
    assert_true(fitted(RCR_TRANSFORM_BOX_COX, rising, 0, 0.3) == 2); /* 2.41 */
    assert_true(fitted(RCR_TRANSFORM_BOX_COX, same, 0, 1) == 1);
    /* Of whatever unit: the constant of greatest likelihood is the same. */
    for (int e = -300; e <= 150; e += 50) {
        double scaled[N];
        for (int i = 0; i < N; i++) scaled[i] = pow(rising[i], 0.65) * pow(10, e);
        assert_near(rcr_transform_fit(RCR_TRANSFORM_BOX_COX, scaled, N).parameter, 1.1140040523661952, 1e-7);
    }
    assert_true(fitted(RCR_TRANSFORM_LOG, sample, 0, 1) == 0);
    assert_true(fitted(RCR_TRANSFORM_ASINH, sample, 0, 1) == 2.4); /* the upper of 2.2 and 2.4 */
    assert_true(fitted(RCR_TRANSFORM_ASINH, sample, 30, 1) == 30 - 2.2);
    double zeros[3] = {0, 0, 0};
    assert_true(rcr_transform_fit(RCR_TRANSFORM_ASINH, zeros, 3).parameter == 1);
    assert_true(rcr_transform_fit(RCR_TRANSFORM_BOX_COX, zeros, 0).parameter == 1);
}

static void standard_deviations(void **state) {
    (void)state;
    rcr_scale plain = {{RCR_TRANSFORM_NONE, 0}, {5, 0.25}}, log_scale = {{RCR_TRANSFORM_LOG, 0}, {0, 1}};
    assert_true(rcr_scale_undo_std(&plain, 3, 2) == 0.5);
    assert_near(rcr_scale_undo_std(&log_scale, 1, 0.5), (exp(1.5) - exp(0.5)) / 2, 1e-15);
    /* small ones are the slope's */
    assert_near(rcr_scale_undo_std(&log_scale, 2, 1e-4) / 1e-4, exp(2), 1e-8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),
        cmocka_unit_test(every_value_comes_back),
        cmocka_unit_test(domains),
        cmocka_unit_test(lambdas_of_greatest_likelihood),
        cmocka_unit_test(standard_deviations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
