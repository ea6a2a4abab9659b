/* What evaluate tells of a model's doubts. */
#ifndef RCR_CLI_EVALUATE_TRUST_H
#define RCR_CLI_EVALUATE_TRUST_H

#include "train/calibrate.h"

/* Append, as far as the model has it, of target t: how often its intervals hold and how long they are, whether it
 * doubts where it errs, and of classes how often what it holds probable is so.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_tell_intervals(rcr_text *out, const rcr_model *model, const rcr_part_forecast *part, size_t t,
                              rcr_error *err);

/* Append how many rows are like the training rows, and how large the errors of target 0 are for them and the others;
 * nothing where the model has no domain.  index: the part's samples; NULL: all in order.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_tell_domain(rcr_text *out, const rcr_model *model, const rcr_dataset *dataset, const int64_t *index,
                           const rcr_part_forecast *part, rcr_error *err);

#endif
