#include "train/peek.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/checkpoint.h"
#include "train/rundir.h"

void rcr_run_state_release(rcr_run_state *state) {
    rcr_train_options_release(&state->options);
    rcr_free(state->data_path);
    memset(state, 0, sizeof *state);
}

rcr_status rcr_run_peek(rcr_run_state *out, const char *directory, rcr_error *err) {
    rcr_checkpoint checkpoint = {0};
    rcr_run_state state = {0};
    if (!rcr_run_exists(directory)) {
        *out = state;
        return RCR_OK;
    }
    rcr_run *run = rcr_calloc(1, sizeof *run);
    if (run == NULL) return rcr_fail_memory(err, "looking at a run");
    char path[RCR_PATH_SIZE];
    /* An ensemble has no checkpoint of its own before all members are done; its settings are those of the first. */
    snprintf(path, sizeof path, "%.*s/last.ckpt", RCR_PATH_SIZE - 64, directory);
    int joined = rcr_is_file(path);
    snprintf(path, sizeof path, "%.*s%s", RCR_PATH_SIZE - 64, directory, joined ? "" : "/member-1");
    rcr_status status = rcr_checkpoint_open(&checkpoint, path, err);
    if (status == RCR_OK) status = rcr_checkpoint_settings(run, &checkpoint, err);
    if (status == RCR_OK) {
        state.begun = 1;
        state.finished = joined && run->finished;
        state.data_path = rcr_strdup(run->data_path);
        if (state.data_path == NULL) status = rcr_fail_memory(err, "looking at a run");
    }
    if (status == RCR_OK) {
        state.options = run->options; /* and its strings */
        *out = state;
    } else {
        rcr_train_options_release(&run->options);
        rcr_free(state.data_path);
    }
    rcr_checkpoint_close(&checkpoint);
    rcr_free(run);
    return status;
}

rcr_status rcr_options_differ(const rcr_option_field **out, const rcr_train_options *a, const rcr_train_options *b,
                              rcr_error *err) {
    const rcr_option_field *found = NULL;
    for (size_t i = 0; i < rcr_n_option_fields && found == NULL; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (strcmp(field->section, "run") == 0) continue;
        rcr_text x = {0}, y = {0};
        rcr_option_format(&x, field, a);
        rcr_option_format(&y, field, b);
        int failed = x.failed || y.failed;
        if (!failed && (x.length != y.length || (x.length > 0 && memcmp(x.data, y.data, x.length) != 0))) found = field;
        rcr_text_free(&x);
        rcr_text_free(&y);
        if (failed) return rcr_fail_memory(err, "comparing the settings of runs");
    }
    *out = found;
    return RCR_OK;
}
