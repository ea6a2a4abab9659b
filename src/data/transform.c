#include "data/transform.h"

#include <math.h>
#include <stdlib.h>

#include "base/running.h"

const char *const rcr_transform_names[] = {"none",  "log",     "log1p",       "signed-log",
                                           "asinh", "box-cox", "yeo-johnson", NULL};

int rcr_transform_has_parameter(rcr_transform_kind kind) { return kind >= RCR_TRANSFORM_ASINH; }

const char *rcr_transform_domain(rcr_transform_kind kind) {
    if (kind == RCR_TRANSFORM_LOG || kind == RCR_TRANSFORM_BOX_COX) return "above 0";
    return kind == RCR_TRANSFORM_LOG1P ? "above -1" : NULL;
}

int rcr_transform_allows(const rcr_transform *transform, double y) {
    if (!isfinite(y)) return 0;
    if (transform->kind == RCR_TRANSFORM_LOG || transform->kind == RCR_TRANSFORM_BOX_COX) return y > 0;
    return transform->kind != RCR_TRANSFORM_LOG1P || y > -1;
}

/* Box and Cox's function of a y whose logarithm is given: exact for lambda 0, and near it. */
static double power_of(double log_y, double lambda) { return lambda == 0 ? log_y : expm1(lambda * log_y) / lambda; }

/* log y from it; -infinity where z is out of range. */
static double log_of_power(double z, double lambda) {
    if (lambda == 0) return z;
    return lambda * z > -1 ? log1p(lambda * z) / lambda : -INFINITY;
}

double rcr_transform_apply(const rcr_transform *t, double y) {
    switch (t->kind) {
    case RCR_TRANSFORM_NONE: return y;
    case RCR_TRANSFORM_LOG: return log(y);
    case RCR_TRANSFORM_LOG1P: return log1p(y);
    case RCR_TRANSFORM_SIGNED_LOG: return copysign(log1p(fabs(y)), y);
    case RCR_TRANSFORM_ASINH: return asinh(y / t->parameter);
    case RCR_TRANSFORM_BOX_COX: return power_of(log(y), t->parameter);
    case RCR_TRANSFORM_YEO_JOHNSON:
        return y >= 0 ? power_of(log1p(y), t->parameter) : -power_of(log1p(-y), 2 - t->parameter);
    }
    return y;
}

double rcr_transform_undo(const rcr_transform *t, double z) {
    switch (t->kind) {
    case RCR_TRANSFORM_NONE: return z;
    case RCR_TRANSFORM_LOG: return exp(z);
    case RCR_TRANSFORM_LOG1P: return expm1(z);
    case RCR_TRANSFORM_SIGNED_LOG: return copysign(expm1(fabs(z)), z);
    case RCR_TRANSFORM_ASINH: return t->parameter * sinh(z);
    case RCR_TRANSFORM_BOX_COX: return exp(log_of_power(z, t->parameter));
    case RCR_TRANSFORM_YEO_JOHNSON:
        return z >= 0 ? expm1(log_of_power(z, t->parameter)) : -expm1(log_of_power(-z, 2 - t->parameter));
    }
    return z;
}

/* ---- fitting */

/* The log-likelihood of lambda but for a constant: -n/2 log of the variance of z, plus the sum of log dz/dy (Box and
 * Cox 1964, equation 8; Yeo and Johnson 2000, equation 3.1). */
static double log_likelihood(rcr_transform_kind kind, double lambda, const double *values, size_t n) {
    rcr_transform t = {kind, lambda};
    rcr_running z = {0};
    double slopes = 0, middle = 0;
    for (size_t i = 0; i < n; i++)
        slopes += kind == RCR_TRANSFORM_BOX_COX ? log(values[i]) : copysign(log1p(fabs(values[i])), values[i]);
    /* Box and Cox's z of small values is -1 / lambda to the last digit.  So take y / y0 for y, y0 the geometric mean:
     * their z is that of y times y0^-lambda, but for a constant, which is just what the slopes add up to. */
    if (kind == RCR_TRANSFORM_BOX_COX) {
        middle = slopes / (double)n;
        slopes = 0;
    }
    for (size_t i = 0; i < n; i++)
        rcr_running_add(&z, kind == RCR_TRANSFORM_BOX_COX ? power_of(log(values[i]) - middle, lambda)
                                                          : rcr_transform_apply(&t, values[i]));
    double variance = log(z.squares / (double)n) - 2 * log(z.scale);
    return isfinite(variance) ? -0.5 * (double)n * variance + (lambda - 1) * slopes : -INFINITY;
}

/* The best of a grid, then a golden section about it. */
static double best_lambda(rcr_transform_kind kind, const double *values, size_t n) {
    enum { GRID = 40 };
    const double golden = 0.6180339887498949;
    int best = 0;
    double best_value = -INFINITY;
    for (int k = 0; k <= GRID; k++) {
        double value = log_likelihood(kind, 2.0 * k / GRID, values, n);
        if (!(value > best_value)) continue;
        best = k;
        best_value = value;
    }
    if (!isfinite(best_value)) return 1;
    double low = fmax(0, 2.0 * (best - 1) / GRID), high = fmin(2, 2.0 * (best + 1) / GRID);
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = log_likelihood(kind, a, values, n), at_b = log_likelihood(kind, b, values, n);
    while (high - low > 1e-8) {
        if (at_a >= at_b) {
            high = b, b = a, at_b = at_a;
            a = high - golden * (high - low);
            at_a = log_likelihood(kind, a, values, n);
        } else {
            low = a, a = b, at_a = at_b;
            b = low + golden * (high - low);
            at_b = log_likelihood(kind, b, values, n);
        }
    }
    double middle = 0.5 * (low + high);
    /* The ends themselves are never tried by a golden section. */
    if (low == 0 && log_likelihood(kind, 0, values, n) >= log_likelihood(kind, middle, values, n)) return 0;
    if (high == 2 && log_likelihood(kind, 2, values, n) >= log_likelihood(kind, middle, values, n)) return 2;
    return middle;
}

static int by_size(const void *a, const void *b) {
    double x = fabs(*(const double *)a), y = fabs(*(const double *)b);
    return (x > y) - (x < y);
}

/* The middle of |values|, or the upper of the two; 1 where it is 0. */
static double median_size(double *values, size_t n) {
    if (n == 0) return 1;
    qsort(values, n, sizeof *values, by_size);
    double middle = fabs(values[n / 2]);
    return middle > 0 ? middle : 1;
}

rcr_transform rcr_transform_fit(rcr_transform_kind kind, double *values, size_t n) {
    rcr_transform t = {kind, 0};
    if (kind == RCR_TRANSFORM_ASINH) t.parameter = median_size(values, n);
    if (kind != RCR_TRANSFORM_BOX_COX && kind != RCR_TRANSFORM_YEO_JOHNSON) return t;
    t.parameter = rcr_all_equal(values, n) ? 1 : best_lambda(kind, values, n);
    return t;
}

/* ---- to and from a network's output */

double rcr_scale_apply(const rcr_scale *s, double y) {
    return (rcr_transform_apply(&s->transform, y) - s->normalizer.mean) / s->normalizer.std;
}

double rcr_scale_undo(const rcr_scale *s, double out) {
    return rcr_transform_undo(&s->transform, out * s->normalizer.std + s->normalizer.mean);
}

double rcr_scale_undo_std(const rcr_scale *s, double out, double std) {
    if (s->transform.kind == RCR_TRANSFORM_NONE) return std * s->normalizer.std;
    return 0.5 * (rcr_scale_undo(s, out + std) - rcr_scale_undo(s, out - std));
}
