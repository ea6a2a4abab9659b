#include "cli/terminal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/format.h"
#include "base/text.h"

static const double live_interval = 0.1, log_interval = 30;

double rcr_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void rcr_terminal_init(rcr_terminal *terminal, int quiet) {
    const char *type = getenv("TERM");
    *terminal = (rcr_terminal){0};
    terminal->quiet = quiet;
    terminal->live = isatty(STDERR_FILENO) && type != NULL && strcmp(type, "dumb") != 0;
    terminal->refresh = rcr_now() + (terminal->live ? live_interval : log_interval);
}

static int columns(void) {
    struct winsize size;
    int64_t wide;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const char *variable = getenv("COLUMNS");
    if (variable != NULL && rcr_parse_int64(&wide, variable, strlen(variable)) && wide > 0 && wide < 10000)
        return (int)wide;
    return 80;
}

/* The first `wide` characters of a text in UTF-8, control characters replaced. */
static void clean(char *text, int wide) {
    for (char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c & 0xc0) != 0x80 && wide-- == 0) {
            *p = '\0';
            return;
        }
        if (c < 0x20 || c == 0x7f) *p = '?';
    }
}

int rcr_terminal_due(const rcr_terminal *terminal) { return !terminal->quiet && rcr_now() >= terminal->refresh; }

void rcr_terminal_clear(rcr_terminal *terminal) {
    if (!terminal->shown) return;
    fputs("\r\033[K", stderr);
    terminal->shown = 0;
}

void rcr_terminal_progress(rcr_terminal *terminal, const char *format, ...) {
    if (!rcr_terminal_due(terminal)) return;
    char text[512];
    va_list args;
    va_start(args, format);
    rcr_vfit(text, sizeof text, format, args);
    va_end(args);
    if (terminal->live) {
        /* One column stays free, else some terminals wrap. */
        clean(text, columns() - 1);
        fprintf(stderr, "\r%s\033[K", text);
        terminal->shown = 1;
    } else {
        clean(text, 500);
        fprintf(stderr, "%s\n", text);
    }
    terminal->refresh = rcr_now() + (terminal->live ? live_interval : log_interval);
}

void rcr_terminal_line(rcr_terminal *terminal, const char *format, ...) {
    if (terminal->quiet) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    rcr_vfit(text, sizeof text, format, args);
    va_end(args);
    clean(text, 1000);
    fprintf(stderr, "%s%s\n", terminal->shown ? "\r\033[K" : "", text);
    terminal->shown = 0;
    /* A log that has just grown shows well enough that work goes on. */
    if (!terminal->live) terminal->refresh = rcr_now() + log_interval;
}

char *rcr_format_duration(char *buffer, double seconds) {
    if (!(seconds >= 0) || seconds > 1e9) {
        snprintf(buffer, 32, "?");
    } else if (seconds < 9.95) {
        snprintf(buffer, 32, "%.*f s", seconds < 0.0995 ? 3 : seconds < 0.995 ? 2 : 1, seconds);
    } else if (seconds < 59.5) {
        snprintf(buffer, 32, "%.0f s", seconds);
    } else if (seconds < 3599.5) {
        int whole = (int)(seconds + 0.5);
        snprintf(buffer, 32, "%d:%02d min", whole / 60, whole % 60);
    } else {
        int minutes = (int)(seconds / 60 + 0.5);
        snprintf(buffer, 32, "%d:%02d h", minutes / 60, minutes % 60);
    }
    return buffer;
}

char *rcr_format_count(char *buffer, long long count) {
    char digits[24];
    unsigned long long size = count < 0 ? 0 - (unsigned long long)count : (unsigned long long)count;
    int n = snprintf(digits, sizeof digits, "%llu", size), at = 0;
    if (count < 0) buffer[at++] = '-';
    for (int i = 0; i < n; i++) {
        buffer[at++] = digits[i];
        if ((n - i) % 3 == 1 && i + 1 < n) buffer[at++] = ',';
    }
    buffer[at] = '\0';
    return buffer;
}

char *rcr_format_value(char *buffer, double value, int decimals) {
    int powers = fabs(value) >= 1e10 || (value != 0 && fabs(value) < 1e-7 && decimals >= 9);
    if (isnan(value))
        snprintf(buffer, 32, "-");
    else
        snprintf(buffer, 32, powers ? "%.*e" : "%.*f", powers ? 3 : decimals, value);
    return buffer;
}

int rcr_decimals_for(double scale) {
    if (!(scale > 0) || !isfinite(scale)) return 4;
    int decimals = 4 - (int)(scale < 1 ? round(log10(scale)) : floor(log10(scale)));
    return decimals < 0 ? 0 : decimals > 9 ? 9 : decimals;
}
