/* The caller's floating-point state: rounding mode, flush-to-zero, denormals-are-zero, traps, exception flags. */
#ifndef RCR_BASE_FLOATING_H
#define RCR_BASE_FLOATING_H

#include <fenv.h>

typedef struct rcr_floating {
    fenv_t host;
} rcr_floating;

/* Put the thread in the state that every program starts with (round to nearest, denormals kept, no traps), and remember
 * the caller's.  Threads that are started meanwhile start with it too. */
rcr_floating rcr_floating_enter(void);
/* Give the caller his state back, exception flags included. */
void rcr_floating_leave(rcr_floating *state);

/* At the beginning of a function of recryst.h that computes: until it returns, a host that rounds upward, flushes
 * denormals to zero (as everything linked with -ffast-math does) or traps on inexact results gets what others get. */
#define RCR_OWN_FLOATING                                                                                               \
    __attribute__((cleanup(rcr_floating_leave), unused)) rcr_floating host_floating = rcr_floating_enter()

#endif
