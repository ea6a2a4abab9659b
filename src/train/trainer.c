#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/metrics.h"
#include "train/begin.h"
#include "train/build.h"
#include "train/checkpoint.h"
#include "train/claim.h"
#include "train/ensemble.h"
#include "train/epoch.h"
#include "train/evaluate.h"
#include "train/init.h"
#include "train/rundir.h"
#include "train/schedule.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- making and freeing a run */

void rcr_run_release(rcr_run *run) {
    rcr_loader_free(run->loader);
    if (run->kernels != NULL) {
        rcr_real *const device[] = {run->device_target, run->device_weight,      run->device_dout,
                                    run->device_loss,   run->average_parameters, run->average_buffers};
        for (size_t i = 0; i < sizeof device / sizeof device[0]; i++)
            if (device[i] != NULL) run->kernels->mem_free(device[i]);
    }
    rcr_optimizer_release(&run->optimizer);
    rcr_tape_free(run->tape);
    rcr_net_free(run->net);
    rcr_exec_release(&run->exec);
    rcr_model_free(run->init);
    rcr_free(run->range);
    rcr_model_free(run->model);
    rcr_model_free(run->best);
    rcr_model_free(run->average);
    rcr_split_free(&run->split);
    rcr_dataset_free(run->dataset);
    rcr_pool_free(run->pool);
    rcr_train_options_release(&run->options);
    rcr_free(run->host_target);
    rcr_free(run->host_weight);
    rcr_free(run->host_output);
    rcr_free(run->host_dout);
    rcr_free(run->order);
    rcr_free(run->part_target);
    rcr_free(run->part_prediction);
    rcr_free(run->history);
    rcr_free(run->target_mae);
    rcr_free(run->target_std);
    rcr_train_result_release(&run->result);
    rcr_free(run->pending);
    rcr_run_let_go(run->lock, run->directory);
    rcr_free(run);
}

rcr_status rcr_run_create(rcr_run **out, const char *directory, const rcr_train_events *events, rcr_error *err) {
    if (directory == NULL || directory[0] == '\0')
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a run needs a directory to write to");
    if (strlen(directory) > RCR_PATH_SIZE - 64)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the name of the run directory is too long");
    rcr_run *run = rcr_calloc(1, sizeof *run);
    if (run == NULL) return rcr_fail_memory(err, "starting a run");
    memcpy(run->directory, directory, strlen(directory) + 1);
    run->events = events != NULL ? events : &run->no_events;
    *out = run;
    return RCR_OK;
}

size_t rcr_run_n_targets(const rcr_run *run) { return run->dataset->n_targets; }

/* ---- keeping what was reached */

/* Serialise the run as it stands after a whole epoch. */
static rcr_status pack(rcr_run *run, rcr_error *err) {
    char *bytes;
    size_t length;
    rcr_status status = rcr_checkpoint_pack(&bytes, &length, run, err);
    if (status != RCR_OK) return status;
    rcr_free(run->pending);
    run->pending = bytes;
    run->pending_length = length;
    return RCR_OK;
}

/* Put on disk what is packed.  A model ahead of the checkpoint does no harm: the resumed run makes the same one. */
static rcr_status flush(rcr_run *run, rcr_error *err) {
    char path[RCR_PATH_SIZE];
    double start = now();
    rcr_status status = RCR_OK;
    if (run->pending == NULL) return RCR_OK;
    if (run->model_pending) status = rcr_model_save(run->best, rcr_run_path(path, run, "model.safetensors"), err);
    if (status == RCR_OK) status = rcr_run_write_metrics(run, err);
    if (status == RCR_OK)
        status = rcr_file_write(rcr_run_path(path, run, "last.ckpt"), run->pending, run->pending_length, err);
    if (status != RCR_OK) return status;
    run->model_pending = 0;
    rcr_free(run->pending);
    run->pending = NULL;
    run->written_at = now();
    run->write_cost = run->written_at - start;
    return RCR_OK;
}

static rcr_status set_number_meta(rcr_model *model, const char *key, double value, rcr_error *err) {
    char text[32];
    return rcr_model_set_meta(model, key, rcr_format_double(text, value), err);
}

/* run->best <- the weights of this epoch, or their average. */
static rcr_status keep_best(rcr_run *run, const rcr_score *val, const rcr_epoch *epoch, rcr_error *err) {
    const rcr_model *now = run->average != NULL ? run->average : run->model;
    run->best_epoch = epoch->epoch;
    run->best_score = epoch->val_score;
    run->best_loss = val->loss;
    run->model_pending = 1;
    if (run->best == NULL) {
        rcr_status status = rcr_model_copy(&run->best, now, err);
        if (status != RCR_OK) return status;
    } else {
        memcpy(run->best->parameters, now->parameters, now->n_parameters * sizeof(rcr_real));
        memcpy(run->best->buffers, now->buffers, now->n_buffer_values * sizeof(rcr_real));
        run->best->n_batches_tracked = now->n_batches_tracked;
    }
    return RCR_OK;
}

/* Metadata of the best model, the same whether the run was ever interrupted or not. */
static rcr_status describe_best(rcr_run *run, rcr_error *err) {
    char key[48];
    snprintf(key, sizeof key, "val_%s", rcr_choice_name(run->choice));
    rcr_status status = set_number_meta(run->best, key, run->best_score, err);
    if (status == RCR_OK) status = set_number_meta(run->best, "best_epoch", run->best_epoch, err);
    return status;
}

/* ---- the epochs */

/* A score that is NaN is never better. */
static int is_better(const rcr_run *run, const rcr_score *val, double score) {
    if (run->choice == RCR_CHOOSE_MAE || run->choice == RCR_CHOOSE_SCALED) return score < run->best_score;
    if (run->choice == RCR_CHOOSE_ACCURACY && score == run->best_score) return val->loss < run->best_loss;
    return score > run->best_score;
}

static void store_average(rcr_run *run) {
    run->kernels->mem_download(run->average->parameters, run->average_parameters, run->average->n_parameters);
    run->kernels->mem_download(run->average->buffers, run->average_buffers, run->average->n_buffer_values);
    run->average->n_batches_tracked = run->model->n_batches_tracked;
}

static double chosen_score(const rcr_run *run, const rcr_score *score) {
    switch (run->choice) {
    case RCR_CHOOSE_MAE: return score->mae;
    case RCR_CHOOSE_SCALED: return score->scaled;
    case RCR_CHOOSE_AUC: return score->auc;
    case RCR_CHOOSE_ACCURACY: return score->accuracy;
    }
    return NAN;
}

/* Of several targets, the errors of each are kept for metrics.csv. */
static rcr_status score_val(rcr_score *val, rcr_run *run, rcr_error *err) {
    size_t T = rcr_run_n_targets(run);
    rcr_score *each = rcr_calloc(T, sizeof *each);
    if (each == NULL) return rcr_fail_memory(err, "scoring predictions");
    rcr_status status = rcr_run_score_part(val, each, run->part_prediction, run, run->split.val, run->split.n_val, err);
    for (size_t k = 0; k < T && run->target_mae != NULL && status == RCR_OK; k++)
        run->target_mae[(size_t)run->epochs_done * T + k] = each[k].mae;
    rcr_free(each);
    return status;
}

static rcr_status run_epoch(rcr_run *run, rcr_error *err) {
    double start = now();
    rcr_epoch epoch = {.epoch = run->epochs_done + 1};
    rcr_status status = rcr_run_train_epoch(run, &epoch, err);
    if (status != RCR_OK) return status;
    rcr_score val;
    rcr_net_store(run->net, run->model);
    if (run->average != NULL) {
        store_average(run);
        rcr_net_load(run->net, run->average, &run->exec);
    }
    status = rcr_run_check_weights(run, &epoch, err);
    if (status == RCR_OK) status = score_val(&val, run, err);
    if (status != RCR_OK) return status;
    if (run->average != NULL) rcr_net_load(run->net, run->model, &run->exec);
    epoch.val_loss = val.loss;
    epoch.val_score = chosen_score(run, &val);
    epoch.is_best = is_better(run, &val, epoch.val_score);
    if (epoch.is_best) {
        status = keep_best(run, &val, &epoch, err);
        if (status == RCR_OK) status = describe_best(run, err);
        if (status != RCR_OK) return status;
    }
    epoch.seconds = now() - start;
    run->seconds += epoch.seconds;
    run->history[run->epochs_done++] = epoch;
    status = pack(run, err);
    if (status == RCR_OK && now() - run->written_at >= fmin(1, 20 * run->write_cost)) status = flush(run, err);
    if (status == RCR_OK && run->events->epoch_done != NULL)
        run->events->epoch_done(run->events->context, &run->history[run->epochs_done - 1], run->options.epochs);
    return status;
}

static rcr_status run_epochs(rcr_run *run, rcr_error *err) {
    rcr_status status = RCR_OK;
    while (status == RCR_OK && run->epochs_done < run->options.epochs) {
        if (rcr_schedule_stops(&run->options, run->history, run->epochs_done)) {
            char text[160];
            snprintf(text, sizeof text,
                     "stopped early: the last %" PRId32 " epochs brought no better validation score (--patience)",
                     run->options.patience);
            rcr_run_say(run, text);
            break;
        }
        status = rcr_run_stop_requested(run) ? RCR_ERR_INTERRUPTED : run_epoch(run, err);
    }
    if (status == RCR_OK) return flush(run, err);
    rcr_error second;
    rcr_status kept = flush(run, &second);
    if (status != RCR_ERR_INTERRUPTED) return status;
    if (kept != RCR_OK) {
        if (err != NULL) *err = second;
        return kept;
    }
    return rcr_fail(err, RCR_ERR_INTERRUPTED, "stopped after epoch %" PRId32 " of %" PRId32 "; the run can be resumed",
                    run->epochs_done, run->options.epochs);
}

/* ---- the end */

static rcr_status describe_scores(rcr_run *run, rcr_error *err) {
    const rcr_train_result *r = &run->result;
    int classes = run->options.model.task == RCR_CLASSIFICATION;
    const struct {
        const char *key;
        double value;
    } several[] = {{"test_scaled_mae", r->test.scaled}, {"train_scaled_mae", r->train.scaled}};
    for (size_t i = 0; i < 2 && r->n_targets > 1; i++) {
        rcr_status status = set_number_meta(run->best, several[i].key, several[i].value, err);
        if (status != RCR_OK) return status;
    }
    for (size_t k = 0; k < r->n_targets; k++) {
        rcr_text key = {0};
        rcr_text_puts(&key, "test_mae_");
        rcr_target_label(&key, run->best, (int32_t)k);
        rcr_status status = key.failed ? rcr_fail_memory(err, "describing a model")
                                       : set_number_meta(run->best, key.data, r->targets[k].part[2].mae, err);
        rcr_text_free(&key);
        if (status != RCR_OK) return status;
    }
    if (r->n_targets > 1) return RCR_OK;
    const struct {
        const char *key;
        double value;
    } number[] = {{classes ? "test_auc" : "test_mae", classes ? r->test.auc : r->test.mae},
                  {classes ? "test_accuracy" : "test_rmse", classes ? r->test.accuracy : r->test.rmse},
                  {classes ? "train_auc" : "train_mae", classes ? r->train.auc : r->train.mae},
                  {"test_target_std", r->target_std}};
    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
        rcr_status status = set_number_meta(run->best, number[i].key, number[i].value, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

static rcr_status name_scores(rcr_run *run, rcr_error *err) {
    size_t T = rcr_run_n_targets(run);
    rcr_train_result_release(&run->result);
    run->result.n_targets = T > 1 ? T : 0;
    if (T == 1) return RCR_OK;
    run->result.targets = rcr_calloc(T, sizeof *run->result.targets);
    if (run->result.targets == NULL) return rcr_fail_memory(err, "scoring the best model");
    for (size_t k = 0; k < T; k++) {
        run->result.targets[k].name = rcr_strdup(rcr_dataset_target_name(run->dataset, k));
        if (run->result.targets[k].name == NULL) return rcr_fail_memory(err, "scoring the best model");
    }
    return RCR_OK;
}

/* Score the best model on every part and write its predictions. */
static rcr_status score_best(rcr_run *run, double *const prediction[3], rcr_error *err) {
    static const char *const files[] = {"predictions-train.csv", "predictions-val.csv", "predictions-test.csv"};
    const int64_t *const index[] = {run->split.train, run->split.val, run->split.test};
    const size_t n[] = {run->split.n_train, run->split.n_val, run->split.n_test};
    rcr_score *const score[] = {&run->result.train, &run->result.val, &run->result.test};
    size_t T = rcr_run_n_targets(run);
    rcr_net_load(run->net, run->best, &run->exec);
    rcr_score *each = rcr_calloc(T, sizeof *each);
    rcr_status status = each != NULL ? name_scores(run, err) : rcr_fail_memory(err, "scoring the best model");
    for (int p = 0; p < 3 && status == RCR_OK; p++) {
        char path[RCR_PATH_SIZE];
        status = rcr_run_score_part(score[p], each, prediction[p], run, index[p], n[p], err);
        for (size_t k = 0; k < run->result.n_targets; k++) run->result.targets[k].part[p] = each[k];
        if (status == RCR_OK)
            status = rcr_predictions_write(rcr_run_path(path, run, files[p]), run->model, run->dataset, index[p],
                                           prediction[p], n[p], err);
    }
    rcr_free(each);
    if (status != RCR_OK) return status;
    /* part_target still holds the test targets; part_prediction has no further use. */
    for (size_t k = 0; k < T; k++) {
        size_t present = 0;
        for (size_t i = 0; i < n[2]; i++)
            if (!isnan(run->part_target[i * T + k])) run->part_prediction[present++] = run->part_target[i * T + k];
        double std = rcr_metrics_std(run->part_prediction, present);
        if (T == 1) run->result.target_std = std;
        if (T > 1) run->result.targets[k].test_std = std;
    }
    if (T > 1) run->result.target_std = NAN;
    run->result.best_epoch = run->best_epoch;
    run->result.epochs_done = run->epochs_done;
    run->result.seconds = run->seconds;
    return RCR_OK;
}

rcr_status rcr_run_finish(rcr_run *run, rcr_error *err) {
    if (run->best_epoch == 0)
        return rcr_fail(err, RCR_ERR_NUMERIC,
                        "no epoch gave a validation score that is a number, so there is no model: try a lower "
                        "learning rate (--lr), and look for outliers among the targets");
    const rcr_split *s = &run->split;
    size_t V = rcr_model_n_values(run->model);
    double *all = rcr_calloc((s->n_train + s->n_val + s->n_test) * V, sizeof *all);
    if (all == NULL) return rcr_fail_memory(err, "scoring the best model");
    double *const prediction[] = {all, all + s->n_train * V, all + (s->n_train + s->n_val) * V};
    rcr_status status = describe_best(run, err);
    if (status == RCR_OK) status = score_best(run, prediction, err);
    if (status == RCR_OK) status = rcr_run_calibrate(run, err);
    if (status == RCR_OK) status = describe_scores(run, err);
    if (status == RCR_OK) status = rcr_run_write_summary(run, err);
    if (status == RCR_OK) status = rcr_run_write_report(run, prediction, err);
    if (status == RCR_OK) status = rcr_run_write_crystals(run, err);
    rcr_free(all);
    if (status != RCR_OK) return status;
    run->finished = 1;
    run->model_pending = 1;
    status = pack(run, err);
    return status == RCR_OK ? flush(run, err) : status;
}

void rcr_train_result_release(rcr_train_result *result) {
    for (size_t k = 0; k < result->n_targets && result->targets != NULL; k++) rcr_free(result->targets[k].name);
    rcr_free(result->targets);
    result->targets = NULL;
    result->n_targets = 0;
}

/* The caller's from now on. */
static void give_result(rcr_train_result *result, rcr_run *run) {
    *result = run->result;
    run->result.n_targets = 0;
    run->result.targets = NULL;
}

static rcr_status train_to_end(rcr_train_result *result, rcr_run *run, rcr_error *err) {
    if (run->events->started != NULL)
        run->events->started(run->events->context, run->model, &run->split, rcr_choice_name(run->choice),
                             run->kernels->name, rcr_pool_size(run->pool));
    run->written_at = now();
    rcr_status status = run_epochs(run, err);
    if (status == RCR_OK) status = rcr_run_finish(run, err);
    if (status == RCR_OK) give_result(result, run);
    return status;
}

/* The dataset goes back to whom it is from, or stays with the next run. */
static void give_dataset(rcr_run *run, rcr_dataset **lent) {
    if (run->dataset == NULL) return;
    *lent = run->dataset;
    run->dataset = NULL;
}

rcr_status rcr_run_train(rcr_train_result *result, const char *data, const char *run_directory,
                         const rcr_train_options *options, const char *first, const rcr_train_events *events,
                         rcr_dataset **lent, rcr_error *err) {
    rcr_run *run;
    if (data == NULL || data[0] == '\0') return rcr_fail(err, RCR_ERR_ARGUMENT, "training needs data");
    rcr_status status = rcr_run_create(&run, run_directory, events, err);
    if (status != RCR_OK) return status;
    run->lent = *lent;
    status = rcr_run_begin(run, data, options, first, err);
    if (status == RCR_OK) status = pack(run, err);
    if (status == RCR_OK) status = flush(run, err);
    if (status == RCR_OK) status = train_to_end(result, run, err);
    give_dataset(run, lent);
    rcr_run_release(run);
    return status;
}

rcr_status rcr_run_resume(rcr_train_result *result, const char *run_directory, int n_threads,
                          const rcr_train_events *events, rcr_dataset **lent, rcr_error *err) {
    rcr_run *run;
    rcr_checkpoint checkpoint = {0};
    rcr_status status = rcr_run_create(&run, run_directory, events, err);
    if (status != RCR_OK) return status;
    run->lent = *lent;
    rcr_error why;
    rcr_status held = rcr_run_hold(&run->lock, run_directory, &why);
    status = rcr_checkpoint_open(&checkpoint, run_directory, err);
    if (status == RCR_OK) status = rcr_checkpoint_settings(run, &checkpoint, err);
    if (status == RCR_OK && run->finished) { /* which needs no lock */
        give_result(result, run);
    } else if (status == RCR_OK && held != RCR_OK) {
        if (err != NULL) *err = why;
        status = held;
    } else if (status == RCR_OK) {
        if (n_threads >= 0) run->options.n_threads = n_threads;
        status = rcr_run_restore(run, &checkpoint, err);
        if (status == RCR_OK) status = train_to_end(result, run, err);
    }
    rcr_checkpoint_close(&checkpoint);
    give_dataset(run, lent);
    rcr_run_release(run);
    return status;
}
