#include "base/fault.h"

#ifdef RCR_FAULTS

#include <stdatomic.h>

/* Global, as what they stand for is: the machine's memory and disk. */
static struct {
    atomic_int armed;
    atomic_long calls, nth, times, fired; /* calls: since it was armed */
} faults[RCR_N_FAULT_KINDS];
static atomic_int file_code;
static atomic_long live_blocks;

void rcr_fault_arm(rcr_fault_kind kind, long nth, long times, int code) {
    atomic_store(&faults[kind].armed, 0);
    atomic_store(&faults[kind].calls, 0);
    atomic_store(&faults[kind].fired, 0);
    atomic_store(&faults[kind].nth, nth);
    atomic_store(&faults[kind].times, times);
    if (kind == RCR_FAULT_FILE) atomic_store(&file_code, code);
    atomic_store(&faults[kind].armed, nth > 0);
}

long rcr_fault_fired(rcr_fault_kind kind) { return atomic_load(&faults[kind].fired); }

int rcr_fault(rcr_fault_kind kind) {
    if (!atomic_load(&faults[kind].armed)) return 0;
    long call = atomic_fetch_add(&faults[kind].calls, 1) + 1, nth = atomic_load(&faults[kind].nth);
    if (call < nth || call - nth >= atomic_load(&faults[kind].times)) return 0;
    atomic_fetch_add(&faults[kind].fired, 1);
    if (kind == RCR_FAULT_FILE) errno = atomic_load(&file_code);
    return 1;
}

long rcr_fault_live_blocks(void) { return atomic_load(&live_blocks); }

void rcr_fault_count_block(int change) { atomic_fetch_add(&live_blocks, change); }

#endif
