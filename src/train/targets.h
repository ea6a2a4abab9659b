/* What of a run's targets is learnt: which transforms, which scales, which classes and rows count how much. */
#ifndef RCR_TRAIN_TARGETS_H
#define RCR_TRAIN_TARGETS_H

#include "data/split.h"
#include "train/train.h"

/* Item k of a list "a,b,c" for T things, of which one alone stands for all; trimmed into buffer.  NULL or "": "".
 * Errors: RCR_ERR_ARGUMENT (another number of items, one that is too long), calling them `what`. */
rcr_status rcr_list_item(char *buffer, size_t size, const char *list, size_t k, size_t T, const char *what,
                         rcr_error *err);

/* The transforms of T targets: "", "log", or one for each, "log,none".  Errors: RCR_ERR_ARGUMENT. */
rcr_status rcr_transforms_parse(rcr_transform_kind *kind, const char *text, size_t T, rcr_error *err);

/* The weights of classes 0 and 1 as "W0,W1", or "" and "balanced" (*weight then stays as it is).
 * Errors: RCR_ERR_ARGUMENT. */
rcr_status rcr_class_weights_parse(double weight[2], int *balanced, const char *text, rcr_error *err);

/* Every target must suit the task: a finite number, or missing where there are several; or 0 or 1.
 * Errors: RCR_ERR_DATA, naming the first bad id. */
rcr_status rcr_targets_check(const rcr_dataset *dataset, rcr_task_kind task, rcr_error *err);

/* Every target must have what its transform is for.  kind [T].  Errors: RCR_ERR_DATA, naming the first bad id. */
rcr_status rcr_targets_check_domain(const rcr_dataset *dataset, const rcr_transform_kind *kind, rcr_error *err);

/* The scale of target k from the training rows that have it, and their standard deviation in the target's unit (1 where
 * they do not vary, for which *varied is 0).  work [n_train].
 * Errors: RCR_ERR_DATA (no training row has it; the transform leaves too little of such small ones). */
rcr_status rcr_scale_fit(rcr_scale *scale, double *std, int *varied, rcr_transform_kind kind,
                         const rcr_dataset *dataset, size_t k, const rcr_split *split, double *work, rcr_error *err);

/* weight[c] = n / (2 n_c), n_c the training rows of class c; 1 and 1 where one class is absent. */
void rcr_class_weights_balance(double weight[2], const rcr_dataset *dataset, const rcr_split *split);

/* Leave rows of weight 0 out of the training part; returns how many those were.  Rows of a dataset without weights have
 * the weight 1. */
size_t rcr_weights_leave_out(rcr_split *split, const rcr_dataset *dataset);

/* The largest weight of the training rows; 0 of none. */
double rcr_weights_largest(const rcr_dataset *dataset, const rcr_split *split);

#endif
