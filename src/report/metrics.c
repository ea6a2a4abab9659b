#include "report/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/status.h"
#include "data/batch.h"

static double mean_of(const double *values, size_t n, double scale) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += values[i] * scale;
    return sum / (double)n;
}

double rcr_metrics_std(const double *values, size_t n) {
    if (n < 2) return NAN;
    if (rcr_all_equal(values, n)) return 0;
    double scale = rcr_exact_scale(values, n), mean = mean_of(values, n, scale), squares = 0;
    for (size_t i = 0; i < n; i++) squares += (values[i] * scale - mean) * (values[i] * scale - mean);
    return sqrt(squares / (double)(n - 1)) / scale;
}

rcr_regression_metrics rcr_metrics_regression(const double *target, const double *prediction, size_t n) {
    if (n == 0) return (rcr_regression_metrics){NAN, NAN, NAN};
    double scale = fmin(rcr_exact_scale(target, n), rcr_exact_scale(prediction, n));
    double mean = mean_of(target, n, scale), absolute = 0, residual = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        double error = (prediction[i] - target[i]) * scale, deviation = target[i] * scale - mean;
        absolute += fabs(error);
        residual += error * error;
        total += deviation * deviation;
    }
    double count = (double)n;
    return (rcr_regression_metrics){absolute / count / scale, sqrt(residual / count) / scale,
                                    total > 0 && !rcr_all_equal(target, n) ? 1 - residual / total : (double)NAN};
}

typedef struct ranked_row {
    double probability;
    int positive;
} ranked_row;

/* Highest probability first. */
static int by_probability(const void *a, const void *b) {
    double p = ((const ranked_row *)a)->probability, q = ((const ranked_row *)b)->probability;
    return (p < q) - (p > q);
}

/* Rows sorted by falling probability; NULL when out of memory. */
static ranked_row *rank_rows(const double *target, const double *probability, size_t n) {
    ranked_row *row = rcr_malloc(n, sizeof *row);
    if (row == NULL) return NULL;
    for (size_t i = 0; i < n; i++) row[i] = (ranked_row){probability[i], target[i] > 0.5};
    qsort(row, n, sizeof *row, by_probability);
    return row;
}

/* The area under the ROC curve of sorted rows. */
static double area(const ranked_row *row, size_t n, double n_positive, double n_negative) {
    double above = 0, pairs = 0; /* positives with a higher probability; pairs in order, ties half */
    for (size_t i = 0; i < n;) {
        double positive = 0, negative = 0;
        size_t end = i;
        for (; end < n && row[end].probability == row[i].probability; end++) {
            positive += row[end].positive;
            negative += !row[end].positive;
        }
        pairs += negative * (above + positive / 2);
        above += positive;
        i = end;
    }
    return pairs / (n_positive * n_negative);
}

rcr_status rcr_metrics_classification(rcr_classification_metrics *out, const double *target, const double *probability,
                                      size_t n, rcr_error *err) {
    rcr_classification_metrics m = {NAN, NAN, NAN, NAN, NAN, NAN, 0, 0, 0, 0};
    int usable = n > 0;
    for (size_t i = 0; i < n; i++) usable &= !isnan(probability[i]);
    if (!usable) {
        *out = m;
        return RCR_OK;
    }
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        int truth = target[i] > 0.5, predicted = probability[i] > 0.5;
        m.true_positive += truth && predicted;
        m.false_positive += !truth && predicted;
        m.true_negative += !truth && !predicted;
        m.false_negative += truth && !predicted;
        loss -= log(fmax(truth ? probability[i] : 1 - probability[i], 1e-15));
    }
    size_t n_positive = m.true_positive + m.false_negative, n_negative = n - n_positive;
    size_t n_predicted = m.true_positive + m.false_positive;
    m.accuracy = (double)(m.true_positive + m.true_negative) / (double)n;
    if (n_predicted > 0) m.precision = (double)m.true_positive / (double)n_predicted;
    if (n_positive > 0) m.recall = (double)m.true_positive / (double)n_positive;
    if (m.precision + m.recall > 0) m.f1 = 2 * m.precision * m.recall / (m.precision + m.recall);
    m.log_loss = loss / (double)n;
    if (n_positive > 0 && n_negative > 0) {
        ranked_row *row = rank_rows(target, probability, n);
        if (row == NULL) return rcr_fail_memory(err, "ranking predictions");
        m.auc = area(row, n, (double)n_positive, (double)n_negative);
        rcr_free(row);
    }
    *out = m;
    return RCR_OK;
}

rcr_status rcr_metrics_roc(rcr_roc_point **out, size_t *n_points, const double *target, const double *probability,
                           size_t n, rcr_error *err) {
    size_t n_positive = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(probability[i])) return rcr_fail(err, RCR_ERR_DATA, "a predicted probability is not a number");
        n_positive += target[i] > 0.5;
    }
    if (n_positive == 0 || n_positive == n)
        return rcr_fail(err, RCR_ERR_DATA, "a ROC curve needs rows of both classes");
    ranked_row *row = rank_rows(target, probability, n);
    rcr_roc_point *point = rcr_malloc(n + 1, sizeof *point);
    if (row == NULL || point == NULL) {
        rcr_free(row);
        rcr_free(point);
        return rcr_fail_memory(err, "drawing a ROC curve");
    }
    size_t used = 0, positive = 0;
    point[used++] = (rcr_roc_point){0, 0};
    for (size_t i = 0; i < n; i++) {
        positive += (size_t)row[i].positive;
        if (i + 1 < n && row[i + 1].probability == row[i].probability) continue;
        point[used++] = (rcr_roc_point){(double)(i + 1 - positive) / (double)(n - n_positive),
                                        (double)positive / (double)n_positive};
    }
    rcr_free(row);
    *out = point;
    *n_points = used;
    return RCR_OK;
}
