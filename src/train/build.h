/* The model that a run begins with. */
#ifndef RCR_TRAIN_BUILD_H
#define RCR_TRAIN_BUILD_H

#include "train/run.h"

/* Tell the caller something, through events.message. */
void rcr_run_say(const rcr_run *run, const char *text);

/* run->model, with its targets and their scales from the training rows, and the weights of classes.  The data are read,
 * the split is made, and there is room for part_target and target_std. */
rcr_status rcr_run_build_model(rcr_run *run, rcr_error *err);

#endif
