/* Running something again and again with one more call succeeding each time before the fault. */
#ifndef RCR_TESTS_FAULTS_FAULTS_H
#define RCR_TESTS_FAULTS_FAULTS_H

#include "support/check.h"

#include <errno.h>

#include "base/fault.h"
#include "recryst.h"

/* What is run; it must free what it makes, whatever happens.  Called anew for every fault. */
typedef rcr_status faults_run(void *context, rcr_error *err);
/* Called after every run that failed, or that a failing file call is said to have done no harm; NULL: nothing more to
 * check. */
typedef void faults_check(void *context);

/* The next call to let fail: every one at first, then ever fewer, unless RECRYST_TORTURE is set. */
static inline long faults_next(long n) { return n + 1 + (getenv("RECRYST_TORTURE") != NULL ? 0 : n / 100); }

/* Gives the number of faults that did no harm. */
static inline long faults_each(rcr_fault_kind kind, const char *what, faults_run *run, faults_check *check,
                               void *context, long times, int code) {
    long n_runs = 0, n_unharmed = 0;
    for (long nth = 1;; nth = faults_next(nth)) {
        rcr_error err = {0};
        long before = rcr_fault_live_blocks();
        rcr_fault_arm(kind, nth, times, code);
        rcr_status status = run(context, &err);
        long fired = rcr_fault_fired(kind);
        rcr_fault_arm(kind, 0, 0, 0);
        if (rcr_fault_live_blocks() != before)
            fail_msg("%s: %ld blocks lost when call %ld failed (%s)", what, rcr_fault_live_blocks() - before, nth,
                     err.message);
        if (fired == 0) {
            if (status != RCR_OK) fail_msg("%s: without a fault: %s", what, err.message);
            break;
        }
        n_runs++;
        n_unharmed += status == RCR_OK;
        rcr_status expected = kind == RCR_FAULT_MEMORY ? RCR_ERR_MEMORY : RCR_ERR_IO;
        if (status != RCR_OK && status != expected)
            fail_msg("%s: call %ld failed, and the error is %s: %s", what, nth, rcr_status_name(status), err.message);
        if (status != RCR_OK && err.message[0] == '\0') fail_msg("%s: call %ld failed without a message", what, nth);
        if ((status != RCR_OK || kind == RCR_FAULT_FILE) && check != NULL) check(context);
    }
    print_message("%s: %ld faults, %ld of them did no harm\n", what, n_runs, n_unharmed);
    if (n_runs == 0) fail_msg("%s: nothing could fail", what);
    return n_unharmed;
}

#endif
