#include "support/check.h"

#include <math.h>

#include "base/mem.h"
#include "report/metrics.h"

#define assert_near(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

/* Made by hand: errors -1, 0, 2; mean target 2; sum of squares 5, total 2. */
static void regression_by_hand(void **state) {
    (void)state;
    double target[] = {1, 2, 3}, prediction[] = {0, 2, 5};
    rcr_regression_metrics m = rcr_metrics_regression(target, prediction, 3);
    assert_near(m.mae, 1.0, 1e-15);
    assert_near(m.rmse, sqrt(5.0 / 3.0), 1e-15);
    assert_near(m.r2, 1 - 5.0 / 2.0, 1e-15);
}

static void regression_edges(void **state) {
    (void)state;
    double same[] = {4, 4}, off[] = {5, 5}, bad[] = {5, NAN};
    assert_true(isnan(rcr_metrics_regression(same, off, 0).mae));
    rcr_regression_metrics m = rcr_metrics_regression(same, off, 2);
    assert_near(m.mae, 1, 0);
    assert_true(isnan(m.r2));
    m = rcr_metrics_regression(same, bad, 2);
    assert_true(isnan(m.mae) && isnan(m.rmse) && isnan(m.r2));
    double one_to_four[] = {1, 2, 3, 4};
    assert_near(rcr_metrics_std(one_to_four, 4), sqrt(5.0 / 3.0), 1e-15);
    assert_true(isnan(rcr_metrics_std(one_to_four, 1)));
    double tenths[10]; /* their mean is not 0.1 */
    for (int i = 0; i < 10; i++) tenths[i] = 0.1;
    assert_true(rcr_metrics_std(tenths, 10) == 0);
    m = rcr_metrics_regression(tenths, one_to_four, 4);
    assert_true(isnan(m.r2) && m.rmse > 0);
}

/* Two of three positives found, one of two negatives taken for positive. */
static void classes_by_hand(void **state) {
    (void)state;
    double target[] = {1, 1, 1, 0, 0}, p[] = {0.9, 0.8, 0.3, 0.6, 0.1};
    rcr_classification_metrics m;
    assert_int_equal(rcr_metrics_classification(&m, target, p, 5, NULL), RCR_OK);
    assert_int_equal(m.true_positive, 2);
    assert_int_equal(m.false_negative, 1);
    assert_int_equal(m.false_positive, 1);
    assert_int_equal(m.true_negative, 1);
    assert_near(m.accuracy, 3.0 / 5, 1e-15);
    assert_near(m.precision, 2.0 / 3, 1e-15);
    assert_near(m.recall, 2.0 / 3, 1e-15);
    assert_near(m.f1, 2.0 / 3, 1e-15);
    assert_near(m.auc, 5.0 / 6, 1e-15); /* only the pair 0.3 < 0.6 is in the wrong order */
    assert_near(m.log_loss, -(log(0.9) + log(0.8) + log(0.3) + log(0.4) + log(0.9)) / 5, 1e-15);
}

static void classes_at_edges(void **state) {
    (void)state;
    rcr_classification_metrics m;
    double ones[] = {1, 1}, low[] = {0.2, 0.4}, half[] = {0.5, 0.5}, mixed[] = {0, 1}, bad[] = {NAN, 0.1};
    assert_int_equal(rcr_metrics_classification(&m, ones, low, 2, NULL), RCR_OK);
    assert_true(isnan(m.auc) && isnan(m.precision) && isnan(m.f1));
    assert_near(m.recall, 0, 0);
    assert_near(m.accuracy, 0, 0);
    assert_int_equal(rcr_metrics_classification(&m, mixed, half, 2, NULL), RCR_OK);
    assert_near(m.auc, 0.5, 0);
    assert_near(m.accuracy, 0.5, 0); /* 0.5 is class 0 */
    assert_int_equal(rcr_metrics_classification(&m, mixed, bad, 2, NULL), RCR_OK);
    assert_true(isnan(m.auc) && isnan(m.accuracy) && isnan(m.log_loss));
    assert_int_equal(rcr_metrics_classification(&m, mixed, half, 0, NULL), RCR_OK);
    assert_true(isnan(m.accuracy));
    double sure[] = {1, 0};
    assert_int_equal(rcr_metrics_classification(&m, mixed, sure, 2, NULL), RCR_OK);
    assert_near(m.log_loss, -log(1e-15), 1e-9); /* finite */
}

/* Against counting every pair, with many ties. */
static void auc_by_brute_force(void **state) {
    (void)state;
    uint32_t seed = 7;
    for (int trial = 0; trial < 200; trial++) {
        enum { MAX = 60 };
        double target[MAX], p[MAX];
        size_t n = 2 + (size_t)(trial % (MAX - 2));
        unsigned levels = 1 + (unsigned)trial % 9;
        for (size_t i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            target[i] = (seed >> 16) & 1;
            seed = seed * 1664525u + 1013904223u;
            p[i] = ((seed >> 16) % levels) / (double)levels;
        }
        target[0] = 0;
        target[1] = 1;
        double right = 0, pairs = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                if (target[i] == 1 && target[j] == 0) {
                    pairs++;
                    right += p[i] > p[j] ? 1 : p[i] == p[j] ? 0.5 : 0;
                }
        rcr_classification_metrics m;
        assert_int_equal(rcr_metrics_classification(&m, target, p, n, NULL), RCR_OK);
        assert_near(m.auc, right / pairs, 1e-13);
        /* the trapezoids under the curve give the same area */
        rcr_roc_point *roc;
        size_t n_points;
        assert_int_equal(rcr_metrics_roc(&roc, &n_points, target, p, n, NULL), RCR_OK);
        double area = 0;
        for (size_t i = 1; i < n_points; i++)
            area += (roc[i].false_positive_rate - roc[i - 1].false_positive_rate) *
                    (roc[i].true_positive_rate + roc[i - 1].true_positive_rate) / 2;
        assert_near(area, right / pairs, 1e-13);
        assert_near(roc[n_points - 1].false_positive_rate, 1, 0);
        assert_near(roc[n_points - 1].true_positive_rate, 1, 0);
        rcr_free(roc);
    }
}

static void roc_needs_both_classes(void **state) {
    (void)state;
    double ones[] = {1, 1}, p[] = {0.1, 0.2};
    rcr_roc_point *roc = NULL;
    size_t n;
    rcr_error err;
    assert_int_equal(rcr_metrics_roc(&roc, &n, ones, p, 2, &err), RCR_ERR_DATA);
    assert_null(roc);
    assert_non_null(strstr(err.message, "both classes"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regression_by_hand), cmocka_unit_test(regression_edges),
        cmocka_unit_test(classes_by_hand),    cmocka_unit_test(classes_at_edges),
        cmocka_unit_test(auc_by_brute_force), cmocka_unit_test(roc_needs_both_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
