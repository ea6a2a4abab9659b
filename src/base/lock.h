/* Folders in which one process works at a time, and one thread of it. */
#ifndef RCR_BASE_LOCK_H
#define RCR_BASE_LOCK_H

#include "recryst.h"

/* A lock on the file .lock of a folder, which ends with the process, however that ends; the file may stay behind. */
typedef struct rcr_lock rcr_lock;

/* what: what the folder holds, such as "run".  A file system that can't lock is no error.
 * Errors: RCR_ERR_ARGUMENT (another one works there), RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_lock_take(rcr_lock **out, const char *folder, const char *what, rcr_error *err);
/* 1 when the file was there before: whoever held it was killed, or left it as a mark. */
int rcr_lock_found(const rcr_lock *lock);
/* Ends the lock and removes the file.  leave: the file stays as a mark where the folder holds anything else. */
void rcr_lock_release(rcr_lock *lock, int leave);

#endif
