/* What a model's doubts are worth: intervals and the domain from rows that it was not trained on, and how well they
 * hold on others. */
#ifndef RCR_TRAIN_CALIBRATE_H
#define RCR_TRAIN_CALIBRATE_H

#include "data/dataset.h"
#include "model/forecast.h"

/* All that a model says of some samples of a dataset. */
typedef struct rcr_part_forecast {
    size_t n, n_targets;
    double *target;         /* [n, T] NaN: missing */
    double *row;            /* [n, W] */
    double *center, *doubt; /* [n, T] rcr_forecast */
    rcr_columns columns;
} rcr_part_forecast;

/* Samples index[0 .. n) (NULL: samples 0 .. n - 1) of a dataset that was read with the model's graph options and
 * targets.  *out is released with rcr_part_forecast_release.  Errors: RCR_ERR_MISMATCH (targets), RCR_ERR_MEMORY, and
 * those of rcr_net_forecast_from. */
rcr_status rcr_part_forecast_make(rcr_part_forecast *out, const rcr_net *net, const rcr_model *model,
                                  const rcr_dataset *dataset, const int64_t *index, size_t n, rcr_pool *pool,
                                  rcr_error *err);
/* values [n, V] as of rcr_net_predict. */
void rcr_part_values(double *values, const rcr_part_forecast *part);
void rcr_part_forecast_release(rcr_part_forecast *part);

/* Give a model intervals from the rows `other`, which it was not trained on (regression), and, where n_train > 0, the
 * domain of the rows `train` with the threshold of `other`.  net is that of the model.  A target without a single row
 * among `other` leaves the model without intervals.  Errors: as rcr_part_forecast_make. */
rcr_status rcr_calibrate(rcr_model *model, const rcr_net *net, const rcr_dataset *dataset, const int64_t *train,
                         size_t n_train, const int64_t *other, size_t n_other, rcr_pool *pool, rcr_error *err);

/* How intervals of a level hold on the rows of a part that have target t. */
typedef struct rcr_coverage {
    size_t n;
    double coverage;                 /* the share of rows whose target lies within */
    double mean_width, median_width; /* in the target's unit */
} rcr_coverage;
/* Errors: RCR_ERR_MEMORY. */
rcr_status rcr_coverage_find(rcr_coverage *out, const rcr_model *model, const rcr_part_forecast *part, size_t t,
                             double level, rcr_error *err);

/* Spearman's rank correlation between the doubts of rows and their errors; NaN where there is none.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_doubt_correlation(double *out, const rcr_part_forecast *part, size_t t, const rcr_model *model,
                                 rcr_error *err);

/* One of ten bins of predicted probabilities (k / 10 to (k + 1) / 10) of a classification. */
typedef struct rcr_reliability {
    size_t n;
    double probability, fraction; /* mean predicted, and the share of rows of class 1; NaN for n = 0 */
} rcr_reliability;
enum { RCR_RELIABILITY_BINS = 10 };
void rcr_reliability_find(rcr_reliability out[RCR_RELIABILITY_BINS], const rcr_part_forecast *part);

/* calibration.csv (of classes: reliability.csv) of parts by name; docs/command.md says what they hold.  Of a regression
 * without intervals no file is written.  Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_calibration_write(const char *path, const rcr_model *model, const char *const *name,
                                 const rcr_part_forecast *part, size_t n_parts, rcr_error *err);

/* A CSV of all that the model says of the rows beside their targets: id; of each target target, prediction and what of
 * std, spread, lower and upper there is (with _NAME where there are several); domain where the model has one. */
rcr_status rcr_forecasts_write(const char *path, const rcr_model *model, const rcr_dataset *dataset,
                               const int64_t *index, const rcr_part_forecast *part, rcr_error *err);

/* The domain of a sample whose row of a forecast is `row`, as rcr_domain_describe.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_sample_domain(rcr_text *out, const rcr_model *model, const rcr_dataset *dataset, size_t sample,
                             const double *row, rcr_error *err);

#endif
