/* Columns of data beside the targets of a model. */
#ifndef RCR_CLI_PAIR_TARGETS_H
#define RCR_CLI_PAIR_TARGETS_H

#include "model/model.h"

/* The columns that are to be read for a model's targets; *target: those that were asked for ("a, b"), NULL stays NULL.
 * The model's own names go by themselves, in whatever order they came: *target is then own, the list of them.  Other
 * columns stand for the targets in their order, but a target's column is not compared with another target:
 * RCR_ERR_ARGUMENT. */
rcr_status rcr_pair_targets(const char **target, const rcr_model *model, const char *own, rcr_error *err);

#endif
