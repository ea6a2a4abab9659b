/* Scores over a whole part of a dataset (never averaged over batches). */
#ifndef RCR_REPORT_METRICS_H
#define RCR_REPORT_METRICS_H

#include <stddef.h>

#include "recryst.h"

typedef struct rcr_regression_metrics {
    double mae, rmse; /* the target's unit */
    double r2;        /* 1 - sum (t - p)^2 / sum (t - mean t)^2; NaN when the targets do not vary */
} rcr_regression_metrics;

/* target, prediction: [n].  All NaN for n = 0; a prediction that is NaN makes every score NaN. */
rcr_regression_metrics rcr_metrics_regression(const double *target, const double *prediction, size_t n);

typedef struct rcr_classification_metrics {
    double accuracy;  /* a row counts as class 1 when its probability is above 0.5 */
    double precision; /* of class 1; NaN when no row is predicted as class 1 */
    double recall;    /* of class 1; NaN when no row is of class 1 */
    double f1;        /* NaN where precision or recall is, or both are 0 */
    double auc;       /* area under the ROC curve: the share of (class 1, class 0) pairs in the right order, ties
                         counted half (Mann and Whitney 1947); NaN where a class is absent */
    double log_loss;  /* mean of -log(probability of the true class), the probability at least 1e-15 */
    size_t true_positive, false_positive, true_negative, false_negative;
} rcr_classification_metrics;

/* target [n]: 0 or 1; probability [n] of class 1.  All NaN for n = 0; a probability that is NaN makes every score NaN.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_metrics_classification(rcr_classification_metrics *out, const double *target, const double *probability,
                                      size_t n, rcr_error *err);

/* One corner of the ROC curve. */
typedef struct rcr_roc_point {
    double false_positive_rate, true_positive_rate;
} rcr_roc_point;

/* The ROC curve from (0, 0) to (1, 1), one point for each different probability; *out (rcr_free) holds *n_points.
 * Errors: RCR_ERR_MEMORY; RCR_ERR_DATA when a class is absent or a probability is NaN. */
rcr_status rcr_metrics_roc(rcr_roc_point **out, size_t *n_points, const double *target, const double *probability,
                           size_t n, rcr_error *err);

/* Sample standard deviation (n - 1); NaN for n < 2. */
double rcr_metrics_std(const double *values, size_t n);

#endif
