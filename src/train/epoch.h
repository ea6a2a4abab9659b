/* Training and validating for one epoch. */
#ifndef RCR_TRAIN_EPOCH_H
#define RCR_TRAIN_EPOCH_H

#include "train/run.h"

/* One pass over the training part in a fresh order; fills epoch's lr, train_loss and train_score.
 * Errors: RCR_ERR_INTERRUPTED (events.stop was set before the last batch was done), RCR_ERR_NUMERIC, and those of the
 * batches.  After any of them the run's device state is of no further use. */
rcr_status rcr_run_train_epoch(rcr_run *run, rcr_epoch *epoch, rcr_error *err);

/* Whether the weights that the run holds after an epoch, their average and the running statistics are finite.
 * Errors: RCR_ERR_NUMERIC, saying what to try. */
rcr_status rcr_run_check_weights(const rcr_run *run, const rcr_epoch *epoch, rcr_error *err);

/* Predict n samples with the net's weights into prediction [n, V], and score them, each [T] target by target where it
 * is not NULL. */
rcr_status rcr_run_score_part(rcr_score *score, rcr_score *each, double *prediction, const rcr_run *run,
                              const int64_t *index, size_t n, rcr_error *err);

/* 1 when somebody asked the run to stop. */
int rcr_run_stop_requested(const rcr_run *run);

#endif
