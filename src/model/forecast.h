/*
 * All that a model says of a crystal: values, and how far they can be believed.
 *
 * A row has, target by target: the value; its standard deviation where the model predicts one; the spread of an
 * ensemble's networks; the ends of the interval of the model's level; and after all targets the distance from the
 * training rows, in units of the one past which a crystal is far.  What a model has not is left out.
 */
#ifndef RCR_MODEL_FORECAST_H
#define RCR_MODEL_FORECAST_H

#include "model/net.h"

/* Where things stand in a row; 0: nowhere. */
typedef struct rcr_columns {
    size_t n_targets, block;          /* target t begins at t * block, with its value */
    size_t std, spread, lower, upper; /* from there */
    size_t distance;                  /* from the row's start */
    size_t n;                         /* W, all of them */
} rcr_columns;
rcr_columns rcr_model_columns(const rcr_model *model);

/* What is wanted of n crystals; any may be NULL. */
typedef struct rcr_forecast {
    double *values; /* [n, V] as of rcr_net_predict */
    double *row;    /* [n, W] */
    /* Of a regression, in units of the target as intervals have it (rcr_model_interval_scale): the middle of the
     * interval, and what the model says of its own doubt, 0 where it says nothing. */
    double *center, *doubt; /* [n, T] */
    float *vector;          /* [n, F] the crystal vectors of the first network */
} rcr_forecast;

/* As rcr_net_predict_from. */
rcr_status rcr_net_forecast_from(const rcr_forecast *out, const rcr_net *net, const rcr_model *model,
                                 const rcr_graph_source *source, size_t n, rcr_pool *pool, rcr_error *err);
/* As rcr_predictor_run. */
rcr_status rcr_predictor_forecast(double *row, rcr_predictor *predictor, const rcr_graph *const *graphs, size_t n,
                                  rcr_error *err);

/* Between target t and the space in which intervals have their middle and length: the first network's scale where all
 * networks transform the target alike; the target's own unit where they do not, as joined models may. */
rcr_scale rcr_model_interval_scale(const rcr_model *model, size_t t);
/* 1 where target t, or some target, is transformed differently by two networks. */
int rcr_target_has_mixed_transforms(const rcr_model *model, size_t t);
int rcr_model_has_mixed_transforms(const rcr_model *model);

/* 1 where all are finite. */
int rcr_all_finite(const double *values, size_t n);
/* 1 where all values and standard deviations of a row are finite (an interval may have no end). */
int rcr_forecast_is_finite(const rcr_columns *columns, const double *row);

/* From outputs to rows: outputs [M, n, n_outputs] of the networks (logarithms of probabilities for classes), vector
 * [n, F] or NULL; fills crystals first .. first + n - 1 of `out`. */
void rcr_forecast_fill(const rcr_forecast *out, size_t first, const rcr_model *model, const rcr_real *outputs,
                       const rcr_real *vector, size_t n);

#endif
