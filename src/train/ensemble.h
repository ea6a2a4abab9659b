/* Runs of several networks, and what every run does with its finished model. */
#ifndef RCR_TRAIN_ENSEMBLE_H
#define RCR_TRAIN_ENSEMBLE_H

#include "train/checkpoint.h"
#include "train/run.h"

/* ---- trainer.c: a run of one network.  *lent: a dataset that was read already, or NULL; afterwards the one that was
 * read, which the caller frees.  first: the run directory of an ensemble's first network, with which a later one shares
 * settings, split, kernels and the model to begin with; NULL: none.
 * Errors: RCR_ERR_MISMATCH also where the data are not those of the first network any more. */
rcr_status rcr_run_train(rcr_train_result *result, const char *data, const char *run_directory,
                         const rcr_train_options *options, const char *first, const rcr_train_events *events,
                         rcr_dataset **lent, rcr_error *err);
rcr_status rcr_run_resume(rcr_train_result *result, const char *run_directory, int n_threads,
                          const rcr_train_events *events, rcr_dataset **lent, rcr_error *err);
rcr_status rcr_run_create(rcr_run **out, const char *directory, const rcr_train_events *events, rcr_error *err);
void rcr_run_release(rcr_run *run);
/* Score run->best on every part, calibrate it, and write what a finished run has. */
rcr_status rcr_run_finish(rcr_run *run, rcr_error *err);

/* ---- ensemble.c */

/* Give run->best its intervals and domain, from the validation rows and the training rows, and write calibration.csv or
 * reliability.csv. run->net holds run->best.  Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_run_calibrate(rcr_run *run, rcr_error *err);

#endif
