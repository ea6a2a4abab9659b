#include "train/init.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "model/ensemble.h"
#include "train/build.h"
#include "train/peek.h"
#include "train/targets.h"

static const char *const part_names[] = {"embedding", "conv", "hidden", "output"};

rcr_status rcr_freeze_parse(int frozen[RCR_N_PARTS], const char *text, rcr_error *err) {
    int n = 0;
    for (int p = 0; p < RCR_N_PARTS; p++) frozen[p] = 0;
    for (const char *at = text; at != NULL && *at != '\0';) {
        size_t length = strcspn(at, ",");
        int found = 0;
        for (int p = 0; p < RCR_N_PARTS; p++)
            if (strlen(part_names[p]) == length && memcmp(part_names[p], at, length) == 0) frozen[p] = found = 1;
        if (!found)
            return rcr_fail(
                err, RCR_ERR_ARGUMENT,
                "\"%.*s\" is no part of a network to freeze; the parts are embedding, conv, hidden and output",
                rcr_shown(at, length, 60), at);
        at += length + (at[length] == ',');
    }
    for (int p = 0; p < RCR_N_PARTS; p++) n += frozen[p];
    return n < RCR_N_PARTS ? RCR_OK
                           : rcr_fail(err, RCR_ERR_ARGUMENT, "with every part frozen there is nothing left to train");
}

rcr_status rcr_run_open_init(rcr_run *run, rcr_error *err) {
    rcr_model *whole = NULL;
    char path[RCR_PATH_SIZE];
    if (run->options.init == NULL) return RCR_OK;
    rcr_status status = rcr_model_load(&whole, run->options.init, err);
    if (status != RCR_OK) return status;
    status = rcr_model_pick(&run->init, whole, 0, err);
    if (status == RCR_OK) rcr_model_drop_calibration(run->init);
    if (status == RCR_OK) status = rcr_train_options_adopt(&run->options, run->init, err);
    if (status == RCR_OK && whole->n_members > 1)
        rcr_run_say(run, "the model to begin with is an ensemble: its first network is taken");
    if (status == RCR_OK) status = rcr_option_make_absolute(&run->options.init, err);
    if (status == RCR_OK) status = rcr_model_save(run->init, rcr_run_path(path, run, "init.safetensors"), err);
    rcr_model_free(whole);
    return status;
}

/* The copy of the model that the run in the directory began with; of an ensemble the members have it. */
static rcr_status load_copy(rcr_model **out, const char *directory, rcr_error *err) {
    char path[RCR_PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/init.safetensors", RCR_PATH_SIZE - 64, directory);
    if (!rcr_is_file(path))
        snprintf(path, sizeof path, "%.*s/member-1/init.safetensors", RCR_PATH_SIZE - 64, directory);
    return rcr_model_load(out, path, err);
}

rcr_status rcr_run_reopen_init(rcr_run *run, rcr_error *err) {
    if (run->options.init == NULL) return RCR_OK;
    return load_copy(&run->init, run->directory, err);
}

rcr_status rcr_run_copy_init(rcr_run *run, const char *first, rcr_error *err) {
    char path[RCR_PATH_SIZE];
    if (run->options.init == NULL) return RCR_OK;
    rcr_status status = load_copy(&run->init, first, err);
    return status == RCR_OK ? rcr_model_save(run->init, rcr_run_path(path, run, "init.safetensors"), err) : status;
}

rcr_status rcr_options_as_run(rcr_train_options *options, const char *directory, rcr_error *err) {
    rcr_model *init = NULL;
    rcr_status status = rcr_option_make_absolute(&options->split.file, err);
    if (status == RCR_OK) status = rcr_option_make_absolute(&options->init, err);
    if (status != RCR_OK || options->init == NULL) return status;
    status = load_copy(&init, directory, err);
    if (status == RCR_ERR_IO) return RCR_OK; /* the run began with none, and the settings differ in that alone */
    if (status == RCR_OK) status = rcr_train_options_adopt(options, init, err);
    rcr_model_free(init);
    return status;
}

/* ---- the weights */

/* What of the last layers differs; NULL when one can take the place of the other. */
static const char *head_difference(const rcr_run *run) {
    const rcr_model *a = run->model, *b = run->init;
    if (a->options.task != b->options.task) return "another task";
    if (a->options.n_targets != b->options.n_targets) return "another number of targets";
    if (a->options.variance != b->options.variance) return b->options.variance ? "variances" : "no variances";
    for (int32_t k = 0; k < a->options.n_targets && run->options.transform != NULL; k++)
        if (a->targets[k].scale.transform.kind != b->targets[k].scale.transform.kind) return "another transform";
    return NULL;
}

static int same_targets(const rcr_model *a, const rcr_model *b) {
    for (int32_t k = 0; k < a->options.n_targets; k++)
        if (strcmp(a->targets[k].name, b->targets[k].name) != 0) return 0;
    return 1;
}

static int is_output(const rcr_tensor *tensor) { return strncmp(tensor->name, "fc_out.", 7) == 0; }

static rcr_status choose_head(int *keep, const rcr_run *run, rcr_error *err) {
    int frozen[RCR_N_PARTS];
    const char *difference = head_difference(run);
    rcr_status status = rcr_freeze_parse(frozen, run->options.freeze, err);
    if (status != RCR_OK) return status;
    if (run->options.init_head == RCR_HEAD_KEEP && difference != NULL)
        return rcr_fail(
            err, RCR_ERR_MISMATCH,
            "the last layer can't be kept: the model to begin with has %s; begin with a fresh one (--init-head)",
            difference);
    *keep = difference == NULL && run->options.init_head != RCR_HEAD_FRESH &&
            (run->options.init_head == RCR_HEAD_KEEP || same_targets(run->model, run->init));
    if (!*keep && frozen[RCR_PART_OUTPUT])
        return rcr_fail(err, RCR_ERR_MISMATCH,
                        "the last layer begins fresh, and frozen it would stay random; leave output out of --freeze");
    return RCR_OK;
}

/* With a last layer that is kept comes its scale, and what that transforms the targets must have. */
static rcr_status keep_scales(rcr_run *run, rcr_error *err) {
    rcr_transform_kind kind[RCR_MAX_TARGETS] = {RCR_TRANSFORM_NONE};
    int32_t T = run->model->options.n_targets;
    for (int32_t k = 0; k < T; k++) kind[k] = run->init->targets[k].scale.transform.kind;
    rcr_status status = rcr_targets_check_domain(run->dataset, kind, err);
    for (int32_t k = 0; k < T && status == RCR_OK; k++) run->model->targets[k].scale = run->init->targets[k].scale;
    return status;
}

rcr_status rcr_run_apply_init(rcr_run *run, rcr_error *err) {
    rcr_model *model = run->model;
    const rcr_model *init = run->init;
    int keep = 0;
    if (init == NULL) {
        if (run->options.freeze != NULL && run->options.freeze[0] != '\0')
            rcr_run_say(run, "what is frozen stays random, as there is no model to begin with (--init)");
        return RCR_OK;
    }
    rcr_status status = choose_head(&keep, run, err);
    if (status != RCR_OK) return status;
    for (size_t i = 0; i < model->n_tensors; i++) {
        const rcr_tensor *to = &model->tensor[i], *from = rcr_model_find(init, to->name, NULL);
        if (is_output(to) && !keep) continue;
        if (from == NULL || from->count != to->count || from->shape[0] != to->shape[0])
            return rcr_fail(err, RCR_ERR_MISMATCH, "the model to begin with has no \"%s\" of this size", to->name);
        memcpy(model->parameters + to->offset, init->parameters + from->offset, to->count * sizeof(rcr_real));
    }
    memcpy(model->buffers, init->buffers, model->n_buffer_values * sizeof(rcr_real));
    model->n_batches_tracked = init->n_batches_tracked;
    if (keep && model->options.task == RCR_REGRESSION) status = keep_scales(run, err);
    if (status != RCR_OK) return status;
    rcr_run_say(run, keep ? "begins with all of the model's weights, and its scale of the targets"
                          : "begins with the model's weights but for a fresh last layer");
    const char *slash = strrchr(run->options.init, '/');
    return rcr_model_set_meta(model, "init", slash != NULL ? slash + 1 : run->options.init, err);
}

/* ---- what is trained */

static rcr_part part_of(const rcr_tensor *tensor) {
    if (strncmp(tensor->name, "embedding.", 10) == 0) return RCR_PART_EMBEDDING;
    if (is_output(tensor)) return RCR_PART_OUTPUT;
    if (strncmp(tensor->name, "conv_to_fc.", 11) == 0 || strncmp(tensor->name, "fcs.", 4) == 0) return RCR_PART_HIDDEN;
    return RCR_PART_CONV;
}

rcr_status rcr_run_find_ranges(rcr_run *run, rcr_error *err) {
    int frozen[RCR_N_PARTS];
    rcr_status status = rcr_freeze_parse(frozen, run->options.freeze, err);
    if (status != RCR_OK) return status;
    const rcr_model *model = run->model;
    run->range = rcr_calloc(model->n_tensors, sizeof *run->range);
    if (run->range == NULL) return rcr_fail_memory(err, "starting a run");
    for (size_t i = 0; i < model->n_tensors; i++) {
        const rcr_tensor *tensor = &model->tensor[i];
        int is_frozen = frozen[part_of(tensor)];
        rcr_range *last = run->n_ranges > 0 ? &run->range[run->n_ranges - 1] : NULL;
        if (last != NULL && last->frozen == is_frozen)
            last->n += tensor->count;
        else
            run->range[run->n_ranges++] = (rcr_range){tensor->offset, tensor->count, is_frozen};
    }
    run->frozen_conv = frozen[RCR_PART_CONV];
    rcr_net_set_frozen(run->net, frozen[RCR_PART_CONV], frozen[RCR_PART_EMBEDDING]);
    return RCR_OK;
}
