/* Scores over a whole split. */
#ifndef RCR_REPORT_METRICS_H
#define RCR_REPORT_METRICS_H

#include <stddef.h>

typedef struct rcr_regression_metrics {
    double mae, rmse, r2; /* r2 NaN when the targets do not vary */
} rcr_regression_metrics;
rcr_regression_metrics rcr_metrics_regression(const double *target, const double *prediction, size_t n);

typedef struct rcr_classification_metrics {
    double accuracy, precision, recall, f1; /* class 1; threshold 0.5; NaN where undefined */
    double auc;                             /* ROC, ties counted half; NaN where a class is absent */
    double log_loss;
} rcr_classification_metrics;
rcr_classification_metrics rcr_metrics_classification(const double *target, const double *probability, size_t n);

#endif
