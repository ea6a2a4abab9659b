/* The model that a run begins with. */
#ifndef RCR_TRAIN_BUILD_H
#define RCR_TRAIN_BUILD_H

#include "train/run.h"

/* Tell the caller something, through events.message. */
void rcr_run_say(const rcr_run *run, const char *text);

/* What the data make of the model's options, and whether the targets are fit for them.
 * Errors: RCR_ERR_ARGUMENT, RCR_ERR_DATA, RCR_ERR_MEMORY. */
rcr_status rcr_run_check_targets(rcr_run *run, rcr_error *err);

/* run->model, with its targets and their scales from the training rows, and the weights of classes.  The data are read,
 * the split is made, and there is room for part_target and target_std. */
rcr_status rcr_run_build_model(rcr_run *run, rcr_error *err);

/* Leave the rows of weight 0 out of the training part of a fresh split, and say so.  Errors: RCR_ERR_DATA (no row is
 * left). */
rcr_status rcr_run_leave_out_weightless(rcr_run *run, rcr_error *err);

#endif
