/* Faults on purpose, for tests alone: in a build with RCR_FAULTS every allocation and every call that opens, reads,
 * writes, syncs, closes or renames a file asks rcr_fault first, and a test makes the n-th of them fail.  In any other
 * build nothing of this is there. */
#ifndef RCR_BASE_FAULT_H
#define RCR_BASE_FAULT_H

typedef enum rcr_fault_kind { RCR_FAULT_MEMORY = 0, RCR_FAULT_FILE, RCR_N_FAULT_KINDS } rcr_fault_kind;

#ifdef RCR_FAULTS

#include <errno.h>

/* The nth call from now on fails (1: the next one), and so do the `times` - 1 calls after it, as on a disk that stays
 * full; nth 0: none does.  code: errno of a failing file call. */
void rcr_fault_arm(rcr_fault_kind kind, long nth, long times, int code);
/* How many calls were made to fail since it was armed. */
long rcr_fault_fired(rcr_fault_kind kind);
/* 1 when the call at hand must fail; errno is then set.  Any thread. */
int rcr_fault(rcr_fault_kind kind);
/* Blocks that are allocated and not freed. */
long rcr_fault_live_blocks(void);
void rcr_fault_count_block(int change);

#define RCR_FILE_CALL(call) (rcr_fault(RCR_FAULT_FILE) ? -1 : (call))
#define RCR_MEMORY_FAULT() rcr_fault(RCR_FAULT_MEMORY)
#define RCR_COUNT_BLOCK(change) rcr_fault_count_block(change)

#else

#define RCR_FILE_CALL(call) (call)
#define RCR_MEMORY_FAULT() 0
#define RCR_COUNT_BLOCK(change) ((void)0)

#endif

#endif
