/* Filling in an rcr_error.  Each returns the status so that a failing function can `return rcr_fail(...)`. */
#ifndef RCR_BASE_STATUS_H
#define RCR_BASE_STATUS_H

#include "recryst.h"

#if defined(__GNUC__)
#define RCR_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define RCR_PRINTF(fmt, args)
#endif

/* Set *err (when not NULL) to a status and a formatted message, with no file. */
rcr_status rcr_fail(rcr_error *err, rcr_status status, const char *format, ...) RCR_PRINTF(3, 4);

/* The same with a file and a 1-based line (0: unknown). */
rcr_status rcr_fail_at(rcr_error *err, rcr_status status, const char *file, long line, const char *format, ...)
    RCR_PRINTF(5, 6);

/* Out of memory, while doing `what`. */
rcr_status rcr_fail_memory(rcr_error *err, const char *what);

/* Give an error that has no file yet this one (a parser knows only lines; its caller knows the name). */
void rcr_error_set_file(rcr_error *err, const char *file);

/* Write "file:line: message" (the parts that are known) into text, always NUL-terminated. */
void rcr_error_format(char *text, size_t size, const rcr_error *err);

#endif
