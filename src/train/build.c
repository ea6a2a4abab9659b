#include "train/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/init.h"
#include "train/options.h"
#include "train/targets.h"

void rcr_run_say(const rcr_run *run, const char *text) {
    if (run->events->message != NULL) run->events->message(run->events->context, text);
}

/* The checkpoint keeps them, and a run would end with its first one. */
static rcr_status check_settings(const rcr_train_options *o, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < rcr_n_option_fields && status == RCR_OK; i++) {
        char what[96];
        rcr_text value = {0};
        snprintf(what, sizeof what, "setting %s.%s", rcr_option_fields[i].section, rcr_option_fields[i].name);
        rcr_option_format(&value, &rcr_option_fields[i], o);
        status = value.failed ? rcr_fail_memory(err, "starting a run")
                              : rcr_check_utf8(what, value.data != NULL ? value.data : "", err);
        rcr_text_free(&value);
    }
    return status;
}

rcr_status rcr_run_check_targets(rcr_run *run, rcr_error *err) {
    rcr_train_options *o = &run->options;
    size_t T = rcr_run_n_targets(run);
    o->model.n_targets = (int32_t)T;
    o->model.variance = o->loss == RCR_LOSS_GAUSSIAN;
    rcr_status status = rcr_model_options_check(&o->model, err);
    for (size_t k = 0; k < T && status == RCR_OK; k++)
        status = rcr_check_utf8("name of a target", rcr_dataset_target_name(run->dataset, k), err);
    if (status == RCR_OK) status = check_settings(o, err);
    if (status == RCR_OK) status = rcr_targets_check(run->dataset, o->model.task, err);
    if (status != RCR_OK) return status;
    rcr_transform_kind *kind = rcr_calloc(T, sizeof *kind);
    if (kind == NULL) return rcr_fail_memory(err, "starting a run");
    status = rcr_transforms_parse(kind, o->transform, T, err);
    if (status == RCR_OK) status = rcr_targets_check_domain(run->dataset, kind, err);
    rcr_free(kind);
    return status;
}

/* Where the model came from, for its file. */
static rcr_status describe_origin(rcr_run *run, rcr_error *err) {
    char seed[32], rows[32], sizes[96], program[64];
    snprintf(seed, sizeof seed, "%" PRIu64, run->options.seed);
    snprintf(rows, sizeof rows, "%zu", run->dataset->n);
    snprintf(sizes, sizeof sizes, "train %zu, val %zu, test %zu", run->split.n_train, run->split.n_val,
             run->split.n_test);
    snprintf(program, sizeof program, "recryst %s", rcr_version());
    const char *const pair[][2] = {
        {"training_data", run->dataset->name},
        {"training_data_sha256", run->dataset->sha256},
        {"training_data_rows", rows},
        {"split", rcr_split_kind_name(run->options.split.kind)},
        {"split_sizes", sizes},
        {"split_group", rcr_split_group_name(run->options.split.group)},
        {"seed", seed},
        {"optimizer", rcr_optimizer_name(run->options.optimizer)},
        {"program", program},
        {"row_weights", run->dataset->weights},
    };
    for (size_t i = 0; i < sizeof pair / sizeof pair[0]; i++) {
        if (pair[i][1] == NULL) continue;
        rcr_status status = rcr_model_set_meta(run->model, pair[i][0], pair[i][1], err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

static rcr_status name_targets(rcr_run *run, rcr_error *err) {
    size_t T = rcr_run_n_targets(run);
    rcr_status status = RCR_OK;
    if (T == 1)
        return rcr_model_set_target(run->model, run->dataset->target,
                                    run->options.unit != NULL ? run->options.unit : "", err);
    for (size_t k = 0; k < T && status == RCR_OK; k++) {
        char unit[128];
        status = rcr_list_item(unit, sizeof unit, run->options.unit, k, T, "unit", err);
        if (status == RCR_OK)
            status =
                rcr_model_set_target_at(run->model, (int32_t)k, rcr_dataset_target_name(run->dataset, k), unit, err);
    }
    return status;
}

rcr_status rcr_run_leave_out_weightless(rcr_run *run, rcr_error *err) {
    if (run->dataset->weights == NULL) return RCR_OK;
    size_t n = rcr_weights_leave_out(&run->split, run->dataset);
    if (run->split.n_train == 0)
        return rcr_fail_at(err, RCR_ERR_DATA, run->dataset->path, 0,
                           "no training row has a weight above 0 in the column '%s'", run->dataset->weights);
    char text[200];
    snprintf(text, sizeof text, "%zu training row%s of weight 0 %s left out of the training part", n, n == 1 ? "" : "s",
             n == 1 ? "is" : "are");
    if (n > 0) rcr_run_say(run, text);
    return RCR_OK;
}

/* From the training rows alone: the reference program samples all rows, those of the test part included. */
static rcr_status fit_scales(rcr_run *run, rcr_error *err) {
    size_t T = rcr_run_n_targets(run);
    rcr_transform_kind *kind = rcr_calloc(T, sizeof *kind);
    if (kind == NULL) return rcr_fail_memory(err, "starting a run");
    rcr_status status = rcr_transforms_parse(kind, run->options.transform, T, err);
    for (size_t k = 0; k < T && status == RCR_OK; k++) {
        int varied = 1;
        status = rcr_scale_fit(&run->model->targets[k].scale, &run->target_std[k], &varied, kind[k], run->dataset, k,
                               &run->split, run->part_target, err);
        char text[256];
        rcr_fit(text, sizeof text, "all training targets%s%.100s are equal: there is nothing to learn from them",
                T > 1 ? " of " : "", T > 1 ? rcr_dataset_target_name(run->dataset, k) : "");
        if (status == RCR_OK && !varied) rcr_run_say(run, text);
    }
    rcr_free(kind);
    return status;
}

rcr_status rcr_run_build_model(rcr_run *run, rcr_error *err) {
    rcr_element_table *cgcnn = NULL;
    const rcr_element_table *elements = run->init != NULL ? run->init->elements : run->dataset->elements;
    rcr_status status = RCR_OK;
    if (elements == NULL) {
        status = rcr_element_table_cgcnn(&cgcnn, err);
        elements = cgcnn;
    }
    if (status == RCR_OK)
        status =
            rcr_model_create(&run->model, &run->options.model, &run->options.graph, elements, run->options.seed, err);
    rcr_element_table_free(cgcnn);
    if (status == RCR_OK) status = name_targets(run, err);
    if (status == RCR_OK && run->options.model.task == RCR_REGRESSION) status = fit_scales(run, err);
    if (status == RCR_OK) status = rcr_run_apply_init(run, err);
    if (status != RCR_OK) return status;
    int balanced;
    run->has_class_weight = run->options.class_weights != NULL && run->options.model.task == RCR_CLASSIFICATION;
    status = rcr_class_weights_parse(run->class_weight, &balanced, run->options.class_weights, err);
    if (status == RCR_OK && balanced) rcr_class_weights_balance(run->class_weight, run->dataset, &run->split);
    run->largest_weight = rcr_weights_largest(run->dataset, &run->split);
    return status == RCR_OK ? describe_origin(run, err) : status;
}
