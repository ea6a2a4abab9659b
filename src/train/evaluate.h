/* Scoring a model on a dataset or a part of one. */
#ifndef RCR_TRAIN_EVALUATE_H
#define RCR_TRAIN_EVALUATE_H

#include "train/targets.h"
#include "train/train.h"

/* Scores of n rows: target [n, T], NaN where it is missing (of several), and prediction [n, V] (units of the targets,
 * their standard deviations after them; or probabilities of class 1).  Fields of the other task are NaN.  The loss is
 * the mean squared error of normalised targets, or the mean negative log-likelihood.  std [T]: standard deviations of
 * the training rows, for out->scaled of several targets (NULL: NaN).  each [T] or NULL: the scores target by target.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_score_rows(rcr_score *out, rcr_score *each, const rcr_model *model, const double *std,
                          const double *target, const double *prediction, size_t n, rcr_error *err);

/* Scores of n values of target k, all there, or of n probabilities of class 1.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_score_values(rcr_score *out, const rcr_model *model, size_t k, const double *target, const double *value,
                            size_t n, rcr_error *err);

/* Predict every sample of a dataset, which must have been read with the model's graph options, and score the
 * predictions.  prediction [dataset->n, V]; score [T], target by target, may be NULL (the targets are then not looked
 * at).  kernels as in rcr_kernels_choose; pool may be NULL.  The predictions do not depend on pool. Errors:
 * RCR_ERR_MISMATCH (graph options), RCR_ERR_DATA (targets), RCR_ERR_MEMORY, and those of rcr_kernels_choose. */
rcr_status rcr_evaluate(rcr_score *score, double *prediction, const rcr_model *model, const rcr_dataset *dataset,
                        const char *kernels, rcr_pool *pool, rcr_error *err);

/* CSV with header id,target,prediction: samples index[0 .. n) (NULL: samples 0 .. n-1) beside prediction [n, V].  A
 * column std follows the prediction where the model has standard deviations.  Of several targets the columns are
 * target_NAME,prediction_NAME,std_NAME for each; the cell of a missing target is empty. */
rcr_status rcr_predictions_write(const char *path, const rcr_model *model, const rcr_dataset *dataset,
                                 const int64_t *index, const double *prediction, size_t n, rcr_error *err);

#endif
