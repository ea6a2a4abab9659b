#include "train/claim.h"

#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/rundir.h"

/* What a run writes beside the marks of one (rcr_run_exists). */
static const char *const written[] = {
    "config.toml",           "metrics.csv",         "errors.csv",      "init.safetensors",
    "predictions-train.csv", "report.html",         "calibration.csv", "steps.csv",
    "worst-crystals.jsonl",  "predictions-val.csv", "reliability.csv", "crystals.csv",
    "predictions-test.csv",
};

static rcr_status check_empty(const char *directory, rcr_error *err) {
    if (rcr_run_exists(directory))
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, directory, 0,
                           "it holds a run already; resume that run, or choose another directory");
    return RCR_OK;
}

/* Whether config.toml is a run's own record, which only the facts in it tell from settings that somebody wrote. */
static int has_record(const char *directory) {
    char *text = NULL;
    size_t length;
    if (rcr_file_read_in(&text, &length, directory, written[0], (size_t)1 << 24, NULL) != RCR_OK) return 0;
    int found = strstr(text, "\n[facts]") != NULL;
    rcr_free(text);
    return found;
}

static rcr_status check_strangers(const char *directory, rcr_error *err) {
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        if (rcr_is_file_in(directory, written[i]))
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, directory, 0,
                               "it holds no run, but a file %s, which the run would replace; choose another directory",
                               written[i]);
    return RCR_OK;
}

rcr_status rcr_run_claim(rcr_lock **out, const char *directory, rcr_error *err) {
    rcr_lock *lock = NULL;
    rcr_status status = check_empty(directory, err);
    if (status == RCR_OK) status = rcr_make_directory(directory, err);
    if (status == RCR_OK) status = rcr_run_hold(&lock, directory, err);
    if (status != RCR_OK) return status;
    status = check_empty(directory, err); /* a run may have come and gone meanwhile */
    /* Where there was a lock, or a record, the files are those of a run that never came to its first checkpoint. */
    if (status == RCR_OK && !rcr_lock_found(lock) && !has_record(directory)) status = check_strangers(directory, err);
    if (status == RCR_OK)
        *out = lock;
    else
        rcr_lock_release(lock, rcr_lock_found(lock)); /* or the next one would take strangers for leavings */
    return status;
}

rcr_status rcr_run_hold(rcr_lock **out, const char *directory, rcr_error *err) {
    return rcr_lock_take(out, directory, "run", err);
}

void rcr_run_let_go(rcr_lock *lock, const char *directory) { rcr_lock_release(lock, !rcr_run_exists(directory)); }
