#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A handler has no argument of our own, so these are the process's. */
static atomic_int stop_flag;
static atomic_int caught_signal;
static const char *notice_text;
static size_t notice_length;

static void on_signal(int number) {
    int saved = errno;
    atomic_store(&caught_signal, number);
    atomic_store(&stop_flag, 1);
    /* The next one ends the process, whichever of the two it is. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (notice_text != NULL) (void)!write(STDERR_FILENO, notice_text, notice_length);
    errno = saved;
}

atomic_int *rcr_signals_catch(const char *notice) {
    notice_text = notice;
    notice_length = notice != NULL ? strlen(notice) : 0;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    action.sa_flags = SA_RESTART;
    const int numbers[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        /* What was started with the signal ignored (nohup, a shell's background job) keeps ignoring it... except that
         * SIGTERM is never meant to be ignored by those. */
        if (numbers[i] == SIGINT && sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue;
        sigaction(numbers[i], &action, NULL);
    }
    return &stop_flag;
}

int rcr_signals_caught(void) { return atomic_load(&caught_signal); }

void rcr_signals_ignore_writes(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* the limit of a file's size (ulimit -f) */
}
