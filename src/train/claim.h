/* Whose a run directory is: one process works in it at a time, and it holds nothing but a run. */
#ifndef RCR_TRAIN_CLAIM_H
#define RCR_TRAIN_CLAIM_H

#include "base/lock.h"

/* Make the directory of a fresh run, and lock it.  What a run that ended before its first checkpoint has left is no
 * hindrance.  Errors: RCR_ERR_ARGUMENT (it holds a run, or a file that the run would replace; another process works
 * there), RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_run_claim(rcr_lock **out, const char *directory, rcr_error *err);
/* Lock the directory of a run that goes on.  Errors: as of rcr_lock_take. */
rcr_status rcr_run_hold(rcr_lock **out, const char *directory, rcr_error *err);
/* NULL is nothing to let go. */
void rcr_run_let_go(rcr_lock *lock, const char *directory);

#endif
