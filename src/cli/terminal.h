/* Progress on standard error: one line that is refreshed on a terminal, a plain line now and then in a log.  The
 * variable NO_COLOR needs no heed: there is no colour. */
#ifndef RCR_CLI_TERMINAL_H
#define RCR_CLI_TERMINAL_H

#include <stddef.h>

#include "base/status.h"

typedef struct rcr_terminal {
    int live;       /* 1: a terminal that can rewrite its line */
    int quiet;      /* 1: print nothing at all */
    int shown;      /* 1: a progress line stands there now */
    double refresh; /* when the progress line may be written next, as rcr_now */
} rcr_terminal;

void rcr_terminal_init(rcr_terminal *terminal, int quiet);

/* 1 when rcr_terminal_progress would print: at most ten times a second on a terminal, after half a minute without a
 * line in a log.  Lets
 * a caller who is told of every batch leave out making the text. */
int rcr_terminal_due(const rcr_terminal *terminal);
/* Put the progress line in place of the last one (cut to the terminal's width), or add a line to a log. */
void rcr_terminal_progress(rcr_terminal *terminal, const char *format, ...) RCR_PRINTF(2, 3);
/* A line that stays. */
void rcr_terminal_line(rcr_terminal *terminal, const char *format, ...) RCR_PRINTF(2, 3);
/* Take the progress line away, before something else is printed. */
void rcr_terminal_clear(rcr_terminal *terminal);

/* Seconds of a clock that only goes forward. */
double rcr_now(void);

/* "4.2 s", "2:31 min", "3:05 h".  buffer: at least 32 bytes; returns it. */
char *rcr_format_duration(char *buffer, double seconds);
/* "1,234,567".  buffer: at least 32 bytes; returns it. */
char *rcr_format_count(char *buffer, long long count);
/* Digits after the point with which a value of this scale shows four or five that mean something (0 to 9). */
int rcr_decimals_for(double scale);
/* A value with so many digits after the point; in powers of ten where that takes too many places, or the nine of a
 * small scale show fewer than three of its digits; "-" for NaN.  buffer: at least 32 bytes; returns it. */
char *rcr_format_value(char *buffer, double value, int decimals);

#endif
