#include "train/begin.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/build.h"
#include "train/claim.h"
#include "train/init.h"
#include "train/rundir.h"

/* A resume may be started from another working directory. */
static rcr_status set_data_path(rcr_run *run, const char *data, rcr_error *err) {
    char *path;
    rcr_status status = rcr_absolute_path(&path, data, err);
    if (status != RCR_OK) return status;
    if (strlen(path) < sizeof run->data_path)
        memcpy(run->data_path, path, strlen(path) + 1);
    else
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "the path of the data is too long");
    rcr_free(path);
    return status;
}

/* Threads, kernels and the data; errors.csv is written as soon as there is something to tell. */
static rcr_status read_data(rcr_run *run, rcr_error *err) {
    rcr_status status = rcr_pool_create(&run->pool, run->options.n_threads, err);
    if (status == RCR_OK)
        status = rcr_kernels_choose(&run->kernels,
                                    run->kernels_name[0] != '\0' ? run->kernels_name : run->options.kernels, err);
    if (status != RCR_OK) return status;
    rcr_dataset_options options = {.target = run->options.target,
                                   .weights = run->options.weights,
                                   .need_target = 1,
                                   .strict = run->options.strict,
                                   /* Where the data are known already, so is the split: of a resumed run, and of an
                                    * ensemble's later networks. */
                                   .prototypes =
                                       run->options.split.group == RCR_GROUP_PROTOTYPE && run->data_sha256[0] == '\0',
                                   .graph = run->options.graph,
                                   .known = run->init != NULL ? run->init->elements : NULL,
                                   .pool = run->pool,
                                   .progress = run->events->reading,
                                   .context = run->events->context};
    if (run->lent != NULL)
        run->dataset = run->lent;
    else
        status = rcr_dataset_read(&run->dataset, run->data_path, &options, err);
    if (status != RCR_OK) return status;
    char path[RCR_PATH_SIZE];
    status = rcr_dataset_write_errors(run->dataset, rcr_run_path(path, run, "errors.csv"), err);
    if (status == RCR_OK) status = rcr_run_check_targets(run, err);
    if (status != RCR_OK) return status;
    if (run->events->data_read != NULL && run->lent == NULL) run->events->data_read(run->events->context, run->dataset);
    if (run->dataset->note[0] != '\0' && run->lent == NULL) rcr_run_say(run, run->dataset->note);
    if (run->dataset->n_bad > 0) {
        char text[256];
        snprintf(text, sizeof text, "%zu of %zu rows can't be used; errors.csv in the run directory says why",
                 run->dataset->n_bad, run->dataset->n_rows);
        rcr_run_say(run, text);
    }
    return RCR_OK;
}

static void choose_score(rcr_run *run) {
    run->choice = RCR_CHOOSE_MAE;
    run->best_score = INFINITY;
    if (rcr_run_n_targets(run) > 1) run->choice = RCR_CHOOSE_SCALED;
    if (run->options.model.task == RCR_REGRESSION) return;
    run->best_score = -1;
    run->best_loss = INFINITY;
    size_t positive = 0;
    for (size_t i = 0; i < run->split.n_val; i++) positive += run->dataset->sample[run->split.val[i]].target > 0.5;
    run->choice = positive > 0 && positive < run->split.n_val ? RCR_CHOOSE_AUC : RCR_CHOOSE_ACCURACY;
    if (run->choice == RCR_CHOOSE_ACCURACY)
        rcr_run_say(
            run, "the validation part holds one class alone, so its ROC AUC is undefined: the best model is chosen by "
                 "accuracy, then by log loss");
}

static int is_deep(const rcr_run *run) { return run->options.deep_supervision > 0 && run->options.model.depth > 1; }

static rcr_status make_room(rcr_run *run, rcr_error *err) {
    const rcr_split *s = &run->split;
    size_t largest = s->n_train > s->n_val ? s->n_train : s->n_val;
    if (s->n_test > largest) largest = s->n_test;
    /* A batch never holds more than the training part, however large a batch was asked for. */
    size_t batch = (size_t)run->options.batch_size < s->n_train ? (size_t)run->options.batch_size : s->n_train;
    size_t T = rcr_run_n_targets(run), n_outputs = 2 * T; /* at most: two classes, or values and variances */
    run->device_target = run->kernels->mem_alloc(batch * T);
    if (run->dataset->weights != NULL) {
        run->device_weight = run->kernels->mem_alloc(batch * T);
        run->host_weight = rcr_calloc(batch * T, sizeof *run->host_weight);
        if (run->device_weight == NULL || run->host_weight == NULL) return rcr_fail_memory(err, "starting a run");
    }
    run->dout_stride = batch * n_outputs;
    run->device_dout =
        run->kernels->mem_alloc(run->dout_stride * (is_deep(run) ? (size_t)run->options.model.depth : 1));
    run->device_loss = run->kernels->mem_alloc(1);
    run->host_target = rcr_calloc(batch * T, sizeof *run->host_target);
    run->host_output = rcr_calloc(batch * n_outputs, sizeof *run->host_output);
    run->host_dout = rcr_calloc(batch * n_outputs, sizeof *run->host_dout);
    run->order = rcr_calloc(s->n_train, sizeof *run->order);
    run->history = rcr_calloc((size_t)run->options.epochs, sizeof *run->history);
    run->part_target = rcr_calloc(largest * T, sizeof *run->part_target);
    run->part_prediction = rcr_calloc(largest * n_outputs, sizeof *run->part_prediction);
    run->target_std = rcr_calloc(T, sizeof *run->target_std);
    if (T > 1) run->target_mae = rcr_calloc((size_t)run->options.epochs * T, sizeof *run->target_mae);
    if (run->device_target == NULL || run->device_dout == NULL || run->device_loss == NULL ||
        run->host_target == NULL || run->host_output == NULL || run->host_dout == NULL || run->order == NULL ||
        run->history == NULL || run->part_target == NULL || run->part_prediction == NULL || run->target_std == NULL ||
        (T > 1 && run->target_mae == NULL))
        return rcr_fail_memory(err, "starting a run");
    return rcr_loader_create(&run->loader, run->dataset, (int32_t)batch, rcr_pool_size(run->pool) > 1, err);
}

/* The moving average begins as the weights. */
static rcr_status make_average(rcr_run *run, rcr_error *err) {
    if (run->options.average == 0) return RCR_OK;
    size_t n = rcr_net_n_parameters(run->net), n_buffers = rcr_net_n_buffers(run->net);
    rcr_status status = rcr_model_copy(&run->average, run->model, err);
    if (status != RCR_OK) return status;
    run->average_parameters = run->kernels->mem_alloc(n);
    run->average_buffers = run->kernels->mem_alloc(n_buffers);
    if (run->average_parameters == NULL || run->average_buffers == NULL)
        return rcr_fail_memory(err, "making room for the average of the weights");
    run->kernels->mem_copy(&run->exec, run->average_parameters, rcr_net_parameters(run->net), n);
    run->kernels->mem_copy(&run->exec, run->average_buffers, rcr_net_buffers(run->net), n_buffers);
    return RCR_OK;
}

/* All that needs the data and the split. */
static rcr_status build(rcr_run *run, rcr_error *err) {
    rcr_status status = make_room(run, err);
    if (status == RCR_OK) status = rcr_run_build_model(run, err);
    if (status != RCR_OK) return status;
    choose_score(run);
    rcr_rng_seed(&run->shuffle, run->options.seed, RCR_STREAM_SHUFFLE);
    status = rcr_exec_init(&run->exec, run->kernels, run->pool, err);
    if (status == RCR_OK) status = rcr_net_create(&run->net, run->model, run->kernels, err);
    if (status == RCR_OK) status = rcr_run_find_ranges(run, err);
    if (status == RCR_OK && is_deep(run)) rcr_net_set_deep(run->net);
    if (status == RCR_OK) status = rcr_tape_create(&run->tape, run->net, RCR_TAPE_TRAINING, err);
    if (status == RCR_OK)
        status = rcr_optimizer_init(&run->optimizer, run->options.optimizer, run->kernels,
                                    rcr_net_n_parameters(run->net), err);
    if (status != RCR_OK) return status;
    status = make_average(run, err);
    if (status != RCR_OK) return status;
    rcr_net_set_dropout(run->net, run->options.dropout);
    rcr_net_refresh(run->net, &run->exec);
    return RCR_OK;
}

/* ---- from the beginning */

void rcr_run_forget_result(rcr_run *run) {
    rcr_train_result_release(&run->result);
    run->result = (rcr_train_result){0};
    run->finished = 0;
}

/* Settings, data, split and the copy of the model to begin with of an ensemble's later network: those of the first one,
 * whatever their files hold by now.  The seed and the number of threads are its own. */
static rcr_status begin_like(rcr_run *run, const char *first, const rcr_train_options *options, rcr_error *err) {
    rcr_checkpoint checkpoint = {0};
    rcr_status status = rcr_checkpoint_open(&checkpoint, first, err);
    if (status == RCR_OK) status = rcr_checkpoint_settings(run, &checkpoint, err);
    rcr_run_forget_result(run);
    run->options.seed = options->seed;
    run->options.n_threads = options->n_threads;
    if (status == RCR_OK) status = rcr_run_copy_init(run, first, err);
    if (status == RCR_OK) status = read_data(run, err);
    if (status == RCR_OK) status = rcr_checkpoint_split(run, &checkpoint, err);
    if (status == RCR_OK) status = build(run, err);
    if (status == RCR_OK) status = rcr_checkpoint_check_elements(run, &checkpoint, err);
    rcr_checkpoint_close(&checkpoint);
    return status;
}

/* The reference split's training part is what the ratios of the others leave, also where these have sizes: then it is
 * told as a ratio of its own, for ratios beside sizes are told by no record and given by no command. */
static void tell_train_ratio(rcr_split_options *o) {
    const rcr_split_options usual = rcr_split_options_default();
    if (o->kind != RCR_SPLIT_REFERENCE || o->train_size >= 0 || o->train_ratio >= 0) return;
    if ((o->val_size >= 0 && o->val_ratio != usual.val_ratio) ||
        (o->test_size >= 0 && o->test_ratio != usual.test_ratio))
        o->train_ratio = 1 - o->val_ratio - o->test_ratio;
}

/* Paths that settings are told by: the checkpoint and config.toml hold UTF-8 alone, and a study compares them. */
static rcr_status check_paths(const rcr_train_options *o, rcr_error *err) {
    const char *const path[] = {o->split.file, o->init}, *const what[] = {"split's file", "model to begin with"};
    for (int i = 0; i < 2; i++)
        if (path[i] != NULL && !rcr_is_utf8(path[i]))
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "the path of the %s, from the root on, is not UTF-8, and a run's record can't hold it; "
                            "rename the folder or file, or link to it from elsewhere",
                            what[i]);
    return RCR_OK;
}

/* A split file may be that of fewer data than these: what it does not list must not be missing without a word. */
static void tell_unlisted(const rcr_run *run) {
    const char *file = run->options.split.file, *slash = file != NULL ? strrchr(file, '/') : NULL;
    size_t n = run->dataset->n - run->split.n_train - run->split.n_val - run->split.n_test;
    char text[256];
    if (run->options.split.kind != RCR_SPLIT_FILE || n == 0 || file == NULL) return;
    rcr_fit(text, sizeof text, "%zu usable row%s not in %.100s and %s left out", n, n == 1 ? " is" : "s are",
            slash != NULL ? slash + 1 : file, n == 1 ? "is" : "are");
    rcr_run_say(run, text);
}

static rcr_status begin_fresh(rcr_run *run, const char *data, const rcr_train_options *options, rcr_error *err) {
    rcr_status status = rcr_train_options_copy(&run->options, options, err);
    tell_train_ratio(&run->options.split);
    if (status == RCR_OK) status = set_data_path(run, data, err);
    if (status == RCR_OK) status = rcr_option_make_absolute(&run->options.split.file, err);
    if (status == RCR_OK) status = rcr_run_open_init(run, err);
    if (status == RCR_OK) status = check_paths(&run->options, err);
    if (status == RCR_OK) status = read_data(run, err);
    if (status == RCR_OK) status = rcr_split_make(&run->split, run->dataset, &run->options.split, err);
    if (status == RCR_OK) tell_unlisted(run);
    if (status == RCR_OK) status = rcr_run_leave_out_weightless(run, err);
    return status == RCR_OK ? build(run, err) : status;
}

rcr_status rcr_run_begin(rcr_run *run, const char *data, const rcr_train_options *options, const char *first,
                         rcr_error *err) {
    rcr_status status = rcr_train_options_check(options, err);
    if (status != RCR_OK) return status;
    status = rcr_run_claim(&run->lock, run->directory, err);
    if (status == RCR_OK)
        status = first != NULL ? begin_like(run, first, options, err) : begin_fresh(run, data, options, err);
    return status == RCR_OK ? rcr_run_write_config(run, err) : status;
}

/* ---- from a checkpoint */

rcr_status rcr_run_restore(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    const char *program = rcr_safetensors_meta(checkpoint->file, "checkpoint.program");
    if (program != NULL && strcmp(program, rcr_version()) != 0) {
        char text[160];
        rcr_fit(text, sizeof text,
                "the run was begun by recryst %.32s and goes on with %s: its weights may differ in the last digits",
                program, rcr_version());
        rcr_run_say(run, text);
    }
    rcr_status status = rcr_run_reopen_init(run, err);
    if (status == RCR_OK) status = read_data(run, err);
    if (status == RCR_OK) status = rcr_checkpoint_split(run, checkpoint, err);
    if (status == RCR_OK) status = build(run, err);
    if (status == RCR_OK) status = rcr_checkpoint_restore(run, checkpoint, err);
    return status;
}
