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
        memcpy(state.data_sha256, run->data_sha256, sizeof state.data_sha256);
        memcpy(state.kernels, run->kernels_name, sizeof state.kernels);
        strcpy(state.elements_sha256, rcr_checkpoint_elements(&checkpoint));
        if (state.data_path == NULL) status = rcr_fail_memory(err, "looking at a run");
    }
    if (status == RCR_OK) {
        state.options = run->options; /* and its strings */
        *out = state;
    } else {
        rcr_train_options_release(&run->options);
        rcr_free(state.data_path);
    }
    rcr_train_result_release(&run->result); /* of a finished run of several targets */
    rcr_checkpoint_close(&checkpoint);
    rcr_free(run);
    return status;
}

/* As rcr_run_build_model chooses them. */
static rcr_status identify_elements(char hex[65], const rcr_dataset *dataset, const rcr_model *init, rcr_error *err) {
    const rcr_element_table *elements = init != NULL ? init->elements : dataset->elements;
    rcr_element_table *cgcnn = NULL;
    rcr_status status = elements == NULL ? rcr_element_table_cgcnn(&cgcnn, err) : RCR_OK;
    if (status == RCR_OK) status = rcr_elements_sha256(hex, elements != NULL ? elements : cgcnn, err);
    rcr_element_table_free(cgcnn);
    return status;
}

rcr_status rcr_run_identify_data(char data_sha256[65], char elements_sha256[65], const char *data,
                                 const rcr_train_options *options, int n_threads, rcr_error *err) {
    rcr_model *init = NULL;
    rcr_dataset *dataset = NULL;
    rcr_pool *pool = NULL;
    char hex[65];
    rcr_status status = rcr_pool_create(&pool, n_threads, err);
    if (status == RCR_OK && options->init != NULL) status = rcr_model_load(&init, options->init, err);
    if (status == RCR_OK) {
        rcr_dataset_options o = {.target = options->target,
                                 .weights = options->weights, /* which the hash of the data covers */
                                 .need_target = 1,
                                 .graph = options->graph,
                                 .known = init != NULL ? init->elements : NULL,
                                 .pool = pool};
        status = rcr_dataset_read(&dataset, data, &o, err);
    }
    if (status == RCR_OK) status = identify_elements(hex, dataset, init, err);
    if (status == RCR_OK) {
        memcpy(data_sha256, dataset->sha256, sizeof hex);
        memcpy(elements_sha256, hex, sizeof hex);
    }
    rcr_dataset_free(dataset);
    rcr_model_free(init);
    rcr_pool_free(pool);
    return status;
}

rcr_status rcr_options_differ(const rcr_option_field **out, const rcr_train_options *a, const rcr_train_options *b,
                              rcr_error *err) {
    const rcr_option_field *found = NULL;
    rcr_train_options x = *a, y = *b; /* with their strings */
    rcr_train_options_settle(&x);     /* runs of earlier versions are not */
    rcr_train_options_settle(&y);
    for (size_t i = 0; i < rcr_n_option_fields && found == NULL; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (strcmp(field->section, "run") == 0) continue;
        int same = rcr_option_alike(field, &x, &y);
        if (same < 0) return rcr_fail_memory(err, "comparing the settings of runs");
        if (!same) found = field;
    }
    *out = found;
    return RCR_OK;
}
