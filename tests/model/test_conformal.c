/* Intervals hold what they promise, on data made for that; and what is far from the training rows is called so. */
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/conformal.h"
#include "model/domain.h"
#include "support/check.h"
#include "support/models.h"
#include "train/calibrate.h"

static double normal(rcr_rng *rng) {
    double u = 1 - rcr_rng_uniform(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * rcr_rng_uniform(rng));
}

static void ranks_are_those_of_exact_fractions(void **state) {
    (void)state;
    /* ceil((n + 1) p / q) in whole numbers */
    static const int level[][2] = {{9, 10}, {95, 100}, {1, 2}, {99, 100}, {68, 100}, {1, 100}, {7, 10}};
    for (size_t k = 0; k < sizeof level / sizeof level[0]; k++)
        for (size_t n = 1; n < 3000; n++) {
            size_t p = (size_t)level[k][0], q = (size_t)level[k][1], want = ((n + 1) * p + q - 1) / q;
            if (want > n) want = n + 1;
            assert_int_equal(rcr_conformal_rank(n, (double)p / (double)q), want);
        }
}

static void quantiles_are_order_statistics(void **state) {
    (void)state;
    /* 19 rows with residuals 1 .. 19, in no order: at 90 % the rank is 18. */
    double target[19], value[19];
    for (int i = 0; i < 19; i++) {
        value[i] = i;
        target[i] = i + (i % 2 ? -1 : 1) * (1 + (i * 7) % 19);
    }
    rcr_conformal c;
    assert_int_equal(rcr_conformal_fit(&c, target, value, NULL, 19, NULL), RCR_OK);
    assert_false(c.scaled);
    assert_true(rcr_conformal_quantile(&c, 0.9) == 18);
    assert_true(rcr_conformal_quantile(&c, 0.5) == 10);
    assert_true(rcr_conformal_quantile(&c, 0.95) == 19);
    assert_true(isinf(rcr_conformal_quantile(&c, 0.951)));
    assert_true(rcr_conformal_scale(&c, 123) == 1);
    rcr_conformal_release(&c);
    rcr_error err;
    assert_int_equal(rcr_conformal_fit(&c, target, value, NULL, 0, &err), RCR_ERR_DATA);
    /* Two targets that no interval of finite length holds: 1 .. 17 are the scores, and from rank 18 on there is none.
     */
    for (int i = 0; i < 19; i++)
        if (fabs(target[i] - value[i]) > 17) target[i] = INFINITY;
    assert_int_equal(rcr_conformal_fit(&c, target, value, NULL, 19, &err), RCR_OK);
    assert_true(rcr_conformal_quantile(&c, 0.85) == 17);
    assert_true(isinf(rcr_conformal_quantile(&c, 0.9)));
    rcr_conformal_release(&c);
    double doubt[19];
    for (int i = 0; i < 19; i++) doubt[i] = 1 + i % 3;
    assert_int_equal(rcr_conformal_fit(&c, target, value, doubt, 19, &err), RCR_OK);
    assert_true(c.scaled && isfinite(rcr_conformal_quantile(&c, 0.8)) && isinf(rcr_conformal_quantile(&c, 0.95)));
    rcr_conformal_release(&c);
    target[0] = NAN;
    assert_int_equal(rcr_conformal_fit(&c, target, value, NULL, 19, &err), RCR_ERR_DATA);
    target[0] = 1;
    value[3] = NAN;
    assert_int_equal(rcr_conformal_fit(&c, target, value, NULL, 19, &err), RCR_ERR_DATA);
}

static void many_scores_are_thinned_on_the_safe_side(void **state) {
    (void)state;
    enum { N = 50001 };
    double *target = calloc(N, sizeof *target), *value = calloc(N, sizeof *value);
    assert_non_null(target);
    assert_non_null(value);
    for (int i = 0; i < N; i++) target[i] = 1 + (double)(((long long)i * 7919) % N); /* residuals 1 .. N */
    rcr_conformal c;
    assert_int_equal(rcr_conformal_fit(&c, target, value, NULL, N, NULL), RCR_OK);
    assert_int_equal(c.n_scores, RCR_CONFORMAL_SCORES);
    assert_true(c.score[c.n_scores - 1] == N);
    for (int k = 1; k < 1000; k++) {
        double level = k / 1000.0, q = rcr_conformal_quantile(&c, level);
        double rank = ceil((N + 1) * (double)k / 1000 - 1e-9);
        assert_true(q >= rank);
        assert_true(q <= rank + (double)N / RCR_CONFORMAL_SCORES + 1);
    }
    free(target);
    free(value);
    rcr_conformal_release(&c);
}

/* Rows whose error grows with a known factor; heavy tails (ratio of normals, cut), so that no normal law fits. */
typedef struct rows {
    double target[2000], value[2000], doubt[2000];
} rows;

static void make_rows(rows *r, size_t n, rcr_rng *rng) {
    for (size_t i = 0; i < n; i++) {
        double factor = exp(2 * rcr_rng_uniform(rng)), tail = fmin(10, fabs(normal(rng)) + 0.1);
        r->value[i] = 5 * normal(rng);
        r->target[i] = r->value[i] + factor * normal(rng) / tail;
        r->doubt[i] = 0.2 * factor; /* right but for a constant, which calibration must find */
    }
}

/* Mean coverage at a level over many calibrations, of all rows and of those with the largest doubts; and the mean
 * logarithm of the length. */
static void measure(double *all, double *doubtful, double *length, double level, size_t n, int with_doubt,
                    uint64_t seed) {
    enum { REPEATS = 200 };
    rows *r = malloc(sizeof *r);
    assert_non_null(r);
    rcr_rng rng;
    rcr_rng_seed(&rng, seed, 0);
    size_t n_all = 0, n_in = 0, n_doubtful = 0, n_doubtful_in = 0;
    *length = 0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        rcr_conformal c;
        make_rows(r, n, &rng);
        assert_int_equal(rcr_conformal_fit(&c, r->target, r->value, with_doubt ? r->doubt : NULL, n, NULL), RCR_OK);
        assert_int_equal(c.scaled, with_doubt);
        double q = rcr_conformal_quantile(&c, level);
        make_rows(r, 1000, &rng);
        for (size_t i = 0; i < 1000; i++) {
            double half = q * rcr_conformal_scale(&c, r->doubt[i]);
            int in = fabs(r->target[i] - r->value[i]) <= half, large = r->doubt[i] > 0.2 * exp(1.5);
            *length += log(2 * half) / REPEATS / 1000;
            n_all++;
            n_in += (size_t)in;
            n_doubtful += (size_t)large;
            n_doubtful_in += (size_t)(in && large);
        }
        rcr_conformal_release(&c);
    }
    *all = (double)n_in / (double)n_all;
    *doubtful = (double)n_doubtful_in / (double)n_doubtful;
    free(r);
}

static void coverage_is_what_is_promised(void **state) {
    (void)state;
    static const double levels[] = {0.5, 0.8, 0.9, 0.95};
    for (size_t k = 0; k < sizeof levels / sizeof levels[0]; k++) {
        double plain, plain_doubtful, plain_length, scaled, scaled_doubtful, scaled_length;
        measure(&plain, &plain_doubtful, &plain_length, levels[k], 500, 0, 1 + k);
        measure(&scaled, &scaled_doubtful, &scaled_length, levels[k], 500, 1, 11 + k);
        /* The mean over calibrations is ceil(501 level) / 501; 200 of them scatter about it by 0.002. */
        double expected = ceil(501 * levels[k] - 1e-9) / 501;
        assert_true(fabs(plain - expected) < 0.007);
        assert_true(fabs(scaled - expected) < 0.007);
        /* Scaled, they hold where errors are large too, which plain ones do not; and they are shorter. */
        assert_true(fabs(scaled_doubtful - levels[k]) < 0.03);
        assert_true(plain_doubtful < levels[k] - 0.05);
        if (levels[k] >= 0.8) assert_true(scaled_length < plain_length);
    }
    /* Few rows: never below the promise. */
    double few, doubtful, length;
    measure(&few, &doubtful, &length, 0.9, 12, 1, 99);
    assert_true(few > 0.9 && few < 0.95);
}

static void useless_doubts_are_not_used(void **state) {
    (void)state;
    double target[] = {1, 2, 3, 4}, value[] = {1.5, 2.5, 3, 3}, zero[4] = {0}, bad[] = {1, NAN, 1, 1},
           negative[] = {1, 1, -1, 1};
    const double *const doubts[] = {zero, bad, negative};
    for (int k = 0; k < 3; k++) {
        rcr_conformal c;
        assert_int_equal(rcr_conformal_fit(&c, target, value, doubts[k], 4, NULL), RCR_OK);
        assert_false(c.scaled);
        assert_true(rcr_conformal_quantile(&c, 0.8) == 1);
        rcr_conformal_release(&c);
    }
}

/* ---- the domain */

/* Vectors with known covariance: x = m + A n, A lower triangular. */
static const double A[3][3] = {{2, 0, 0}, {1, 0.5, 0}, {-1, 0.2, 0.6}};

static void make_vector(float x[3], const double n[3]) {
    static const double m[] = {3, -1, 10};
    for (int i = 0; i < 3; i++) {
        double sum = m[i];
        for (int k = 0; k < 3; k++) sum += A[i][k] * n[k];
        x[i] = (float)sum;
    }
}

static void distances_are_those_of_mahalanobis(void **state) {
    (void)state;
    enum { N = 20000 };
    float *x = malloc(sizeof *x * 3 * N), far[3];
    assert_non_null(x);
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 0);
    for (int i = 0; i < N; i++) {
        double n[] = {normal(&rng), normal(&rng), normal(&rng)};
        make_vector(x + 3 * (size_t)i, n);
    }
    rcr_domain d = {0}, *copy;
    assert_int_equal(rcr_domain_fit(&d, x, N / 2, x + 3 * (N / 2), N / 2, 3, NULL), RCR_OK);
    assert_int_equal(d.n_features, 3);
    /* 99 % of |n| for three normal numbers: sqrt of the chi-square quantile 11.345 */
    assert_true(fabs(d.threshold - sqrt(11.345)) < 0.08);
    static const double directions[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0.6, 0, 0.8}};
    for (int k = 0; k < 4; k++) {
        double n[3];
        for (int i = 0; i < 3; i++) n[i] = 7 * directions[k][i];
        make_vector(far, n);
        assert_true(fabs(rcr_domain_distance(&d, far) * d.threshold - 7) < 0.2);
    }
    size_t n_far = 0;
    for (int i = N / 2; i < N; i++) n_far += rcr_domain_distance(&d, x + 3 * (size_t)i) > 1;
    assert_in_range(n_far, N / 2 / 100 - 1, N / 2 / 100);
    assert_int_equal(rcr_domain_copy(&copy, &d, NULL), RCR_OK);
    assert_true(rcr_domain_distance(copy, far) == rcr_domain_distance(&d, far));
    rcr_domain_free(copy);
    rcr_free(d.mean);
    rcr_free(d.whiten);
    free(x);
}

static void few_or_equal_vectors_are_no_domain_or_a_sane_one(void **state) {
    (void)state;
    float same[8 * 4], few[3 * 4];
    for (int i = 0; i < 32; i++) same[i] = (float)(i % 4);
    for (int i = 0; i < 12; i++) few[i] = (float)((i * 5) % 7);
    rcr_domain d = {0};
    assert_int_equal(rcr_domain_fit(&d, same, 8, NULL, 0, 4, NULL), RCR_OK);
    assert_int_equal(d.n_features, 0);
    assert_true(isnan(rcr_domain_distance(&d, same)));
    assert_int_equal(rcr_domain_fit(&d, few, 1, NULL, 0, 4, NULL), RCR_OK);
    assert_int_equal(d.n_features, 0);
    /* three vectors of four features: the covariance alone is singular, the shrunken one is not */
    assert_int_equal(rcr_domain_fit(&d, few, 3, NULL, 0, 4, NULL), RCR_OK);
    assert_int_equal(d.n_features, 4);
    for (int i = 0; i < 3; i++) assert_true(rcr_domain_distance(&d, few + 4 * i) <= 1);
    rcr_free(d.mean);
    rcr_free(d.whiten);
}

static void elements_are_told(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, 0);
    rcr_graph *trained = make_graph(&rng, 2, 2), *other = make_graph(&rng, 3, 2);
    trained->atomic_number[0] = 8;
    trained->atomic_number[1] = 12;
    rcr_domain d = {0};
    rcr_domain_add_elements(&d, trained);
    rcr_text out = {0};
    rcr_domain_describe(&out, &d, trained, NAN);
    assert_string_equal(out.data, "in");
    out.length = 0;
    rcr_domain_describe(&out, &d, trained, 1.01);
    assert_string_equal(out.data, "far");
    out.length = 0;
    other->atomic_number[0] = 55;
    other->atomic_number[1] = 9;
    other->atomic_number[2] = 8;
    rcr_domain_describe(&out, &d, other, 5);
    assert_string_equal(out.data, "element:F+Cs");
    rcr_text_free(&out);
    rcr_graph_free(trained);
    rcr_graph_free(other);
    /* of a disordered crystal, every species counts */
    rcr_graph *mixed = make_disordered_graph(&rng, 6, 2);
    rcr_domain_add_elements(&d, mixed);
    for (int32_t k = 0; k < mixed->species_offset[6]; k++) assert_true(d.element[mixed->species_number[k]]);
    rcr_graph_free(mixed);
}

/* Of the rows that intervals were calibrated on, each level holds as many as its rank says: the row that the quantile
 * is the score of is one of them, though q s is not always the |y - p| that q was made of. */
static void calibrated_rows_are_held(void **state) {
    (void)state;
    enum { N = 300 };
    rcr_model *model = make_model(&model_variants[0], 3);
    const rcr_scale scale = rcr_model_interval_scale(model, 0);
    double target[N], z[N], center[N], doubt[N];
    rcr_rng rng;
    rcr_rng_seed(&rng, 11, 0);
    for (int i = 0; i < N; i++) {
        target[i] = normal(&rng);
        z[i] = rcr_scale_apply(&scale, target[i]);
        center[i] = normal(&rng);
        doubt[i] = 0.1 + rcr_rng_uniform(&rng);
    }
    assert_int_equal(rcr_model_reset_conformal(model, NULL), RCR_OK);
    assert_int_equal(rcr_conformal_fit(&model->conformal[0], z, center, doubt, N, NULL), RCR_OK);
    assert_true(model->conformal[0].scaled);
    const rcr_part_forecast part = {.n = N, .n_targets = 1, .target = target, .center = center, .doubt = doubt};
    for (int k = 1; k <= 99; k++) {
        rcr_coverage c;
        double level = k / 100.0;
        assert_int_equal(rcr_coverage_find(&c, model, &part, 0, level, NULL), RCR_OK);
        if (lround(c.coverage * N) != (long)rcr_conformal_rank(N, level))
            fail_msg("%g: %ld of %zu", level, lround(c.coverage * N), rcr_conformal_rank(N, level));
    }
    rcr_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_are_those_of_exact_fractions),
        cmocka_unit_test(quantiles_are_order_statistics),
        cmocka_unit_test(many_scores_are_thinned_on_the_safe_side),
        cmocka_unit_test(coverage_is_what_is_promised),
        cmocka_unit_test(calibrated_rows_are_held),
        cmocka_unit_test(useless_doubts_are_not_used),
        cmocka_unit_test(distances_are_those_of_mahalanobis),
        cmocka_unit_test(few_or_equal_vectors_are_no_domain_or_a_sane_one),
        cmocka_unit_test(elements_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
