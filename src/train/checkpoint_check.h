/* Whether what a checkpoint says is something that a run can have reached.  Its checksum tells a file that was damaged
 * by chance; one that somebody made may hold anything, and a run that went on from it would never end, or end with a
 * model that nobody can read.  Each function returns NULL, or what is wrong. */
#ifndef RCR_TRAIN_CHECKPOINT_CHECK_H
#define RCR_TRAIN_CHECKPOINT_CHECK_H

#include "train/run.h"

/* Numbers that are stored as doubles but count something; SIZE_MAX and -1 for what counts nothing. */
size_t rcr_count_of(double value);
int32_t rcr_epoch_of(double value);

/* Weights and running statistics.  A run whose weights stop being finite ends before its next checkpoint. */
const char *rcr_weights_fault(const rcr_model *model);
/* The scales of a regression's targets, and run->target_std. */
const char *rcr_scales_fault(const rcr_run *run);
/* first, second [n]: the optimiser's state, which may have overflowed where an update only loses by it. */
const char *rcr_moments_fault(const rcr_real *first, const rcr_real *second, size_t n);
/* Counts of epochs and updates and the generator: before the history is read, whose room is for options.epochs. */
const char *rcr_counts_fault(const rcr_run *run);
/* History and best epoch.  run holds in best_score and best_loss what the checkpoint says; start_score and start_loss
 * are those of a run before its first epoch. */
const char *rcr_history_fault(const rcr_run *run, double start_score, double start_loss);
/* No sample twice, no part empty; the indices are known to be those of n samples.  *why is not touched without memory,
 * which is RCR_ERR_MEMORY. */
rcr_status rcr_split_fault(const char **why, const rcr_split *split, size_t n, rcr_error *err);
/* The scores of a finished run of at most so many epochs. */
const char *rcr_result_fault(const rcr_train_result *result, int32_t epochs);

#endif
