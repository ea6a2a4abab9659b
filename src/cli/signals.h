/* Ctrl-C and termination: the first asks for a stop at the next good moment, the second ends the process at once. */
#ifndef RCR_CLI_SIGNALS_H
#define RCR_CLI_SIGNALS_H

#include <stdatomic.h>

/* From now on SIGINT and SIGTERM set the flag that this returns, once; each for the second time does what it does by
 * default.  `notice` is written to standard error at the first (static storage; NULL: nothing). */
atomic_int *rcr_signals_catch(const char *notice);

/* 0, or the number of the signal that set the flag. */
int rcr_signals_caught(void);

/* A closed pipe and a file at the limit of its size (ulimit -f) are write errors and no signals. */
void rcr_signals_ignore_writes(void);

#endif
