#include "model/conformal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

/* Offsets that are tried, as shares of the median doubt, and the level whose intervals they are judged by. */
static const double shares[] = {0.01, 0.1, 0.3, 1, 3, 10};
enum { N_SHARES = sizeof shares / sizeof shares[0] };
static const double judged_level = 0.9;

size_t rcr_conformal_rank(size_t n, double level) {
    double exact = level * ((double)n + 1), below = floor(exact);
    /* A product that misses a whole number by rounding alone is that number. */
    double rank = exact - below <= 1e-12 * (exact + 1) ? below : below + 1;
    if (rank < 1) rank = 1;
    return rank > (double)n ? n + 1 : (size_t)rank;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* 1 where every row has a doubt to scale with, and some a positive one. */
static int can_scale(const double *doubt, size_t n) {
    int some = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(doubt[i] >= 0) || !isfinite(doubt[i])) return 0;
        some |= doubt[i] > 0;
    }
    return some;
}

/* The upper median of n values, which are sorted. */
static double median_of(double *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    return values[n / 2];
}

/* Of a row.  A target that no interval of finite length holds has the largest. */
static double score_of(double target, double value, double scale) {
    return isinf(target) ? DBL_MAX : fabs(target - value) / scale;
}

/* score [n] <- sorted scores; gives the mean logarithm of the half length of intervals of the level that offsets are
 * judged by.  (Of the logarithm: the shortest mean length itself would be had by leaving the doubtful rows uncovered.)
 */
static double fill_scores(double *score, const double *target, const double *value, const double *doubt, double offset,
                          size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double scale = doubt != NULL ? doubt[i] + offset : 1;
        score[i] = score_of(target[i], value[i], scale);
        sum += log(scale);
    }
    qsort(score, n, sizeof *score, by_value);
    size_t rank = rcr_conformal_rank(n, judged_level);
    return log(score[(rank > n ? n : rank) - 1]) + sum / (double)n;
}

/* The offset with the shortest intervals in the geometric mean; work [n]. */
static double choose_offset(double *work, const double *target, const double *value, const double *doubt, size_t n) {
    memcpy(work, doubt, n * sizeof *work);
    double median = median_of(work, n), best = 0, shortest = INFINITY;
    if (!(median > 0)) median = work[n - 1]; /* sorted now */
    for (int k = 0; k < N_SHARES; k++) {
        double length = fill_scores(work, target, value, doubt, shares[k] * median, n);
        if (length >= shortest) continue;
        shortest = length;
        best = shares[k] * median;
    }
    return best > 0 ? best : median;
}

rcr_status rcr_conformal_fit(rcr_conformal *out, const double *target, const double *value, const double *doubt,
                             size_t n, rcr_error *err) {
    if (n == 0) return rcr_fail(err, RCR_ERR_DATA, "there are no rows to calibrate intervals on");
    for (size_t i = 0; i < n; i++)
        if (isnan(target[i]) || !isfinite(value[i]))
            return rcr_fail(err, RCR_ERR_DATA, "a target or prediction to calibrate intervals on is not a number");
    rcr_conformal c = {.n = n, .n_scores = n < RCR_CONFORMAL_SCORES ? n : RCR_CONFORMAL_SCORES};
    double *all = rcr_malloc(n, sizeof *all);
    c.score = rcr_malloc(c.n_scores, sizeof *c.score);
    if (all == NULL || c.score == NULL) {
        rcr_free(all);
        rcr_free(c.score);
        return rcr_fail_memory(err, "calibrating intervals");
    }
    c.scaled = doubt != NULL && can_scale(doubt, n);
    if (c.scaled) c.offset = choose_offset(all, target, value, doubt, n);
    fill_scores(all, target, value, c.scaled ? doubt : NULL, c.offset, n);
    for (size_t k = 0; k < c.n_scores; k++) {
        size_t rank = ((k + 1) * n + c.n_scores - 1) / c.n_scores;
        c.score[k] = all[rank - 1];
    }
    rcr_free(all);
    *out = c;
    return RCR_OK;
}

void rcr_conformal_release(rcr_conformal *conformal) {
    rcr_free(conformal->score);
    *conformal = (rcr_conformal){0};
}

rcr_status rcr_conformal_copy(rcr_conformal *out, const rcr_conformal *from, rcr_error *err) {
    rcr_conformal copy = *from;
    copy.score = rcr_malloc(from->n_scores, sizeof *copy.score);
    if (copy.score == NULL) return rcr_fail_memory(err, "copying a model");
    memcpy(copy.score, from->score, from->n_scores * sizeof *copy.score);
    *out = copy;
    return RCR_OK;
}

double rcr_conformal_quantile(const rcr_conformal *c, double level) {
    size_t rank = rcr_conformal_rank(c->n, level);
    if (rank > c->n) return INFINITY;
    /* The first kept score whose rank ceil((k + 1) n / n_scores) is at least that: (k + 1) n > (rank - 1) n_scores. */
    size_t k = (rank - 1) * c->n_scores / c->n;
    return c->score[k] < DBL_MAX ? c->score[k] : (double)INFINITY;
}

double rcr_conformal_scale(const rcr_conformal *c, double doubt) { return c->scaled ? doubt + c->offset : 1; }

int rcr_conformal_holds(const rcr_conformal *c, double q, double target, double value, double doubt) {
    return score_of(target, value, rcr_conformal_scale(c, doubt)) <= q;
}
