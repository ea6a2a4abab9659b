/* Scoring a model on a dataset or a part of one. */
#ifndef RCR_TRAIN_EVALUATE_H
#define RCR_TRAIN_EVALUATE_H

#include "train/train.h"

/* Scores of n predictions (target units, or probabilities of class 1).  Fields of the other task are NaN.  The loss is
 * the training loss: mean squared error of normalised targets, or the mean negative log-likelihood.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_score_rows(rcr_score *out, const rcr_model *model, const double *target, const double *prediction,
                          size_t n, rcr_error *err);

/* Every target must suit the task: a finite number, or 0 or 1.  Errors: RCR_ERR_DATA, naming the first bad id. */
rcr_status rcr_targets_check(const rcr_dataset *dataset, rcr_task_kind task, rcr_error *err);

/* Predict every sample of a dataset, which must have been read with the model's graph options, and score the
 * predictions.  prediction [dataset->n]; score may be NULL (the targets are then not looked at).  kernels as in
 * rcr_kernels_choose; pool may be NULL.  The predictions do not depend on pool.
 * Errors: RCR_ERR_MISMATCH (graph options), RCR_ERR_DATA (targets), RCR_ERR_MEMORY, and those of rcr_kernels_choose. */
rcr_status rcr_evaluate(rcr_score *score, double *prediction, const rcr_model *model, const rcr_dataset *dataset,
                        const char *kernels, rcr_pool *pool, rcr_error *err);

/* CSV with header id,target,prediction: samples index[0 .. n) (NULL: samples 0 .. n-1) beside prediction[0 .. n). */
rcr_status rcr_predictions_write(const char *path, const rcr_dataset *dataset, const int64_t *index,
                                 const double *prediction, size_t n, rcr_error *err);

#endif
