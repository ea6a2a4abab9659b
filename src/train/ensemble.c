/* Training of ensembles: a run in a directory member-I for each network, one after the other, and over them the run
 * that joins what they found.  A member is a run like any other, so that whatever was interrupted goes on with it. */
#include "train/ensemble.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "io/csv.h"
#include "model/ensemble.h"
#include "model/explain.h"
#include "train/begin.h"
#include "train/calibrate.h"
#include "train/claim.h"
#include "train/epoch.h"
#include "train/options.h"
#include "train/rundir.h"

/* ---- what every run does at its end */

/* The share of the test rows that the 90 % intervals hold, for the model's file. */
static rcr_status describe_coverage(rcr_run *run, const rcr_part_forecast *test, rcr_error *err) {
    char key[96], number[32];
    rcr_status status = RCR_OK;
    for (size_t t = 0; t < test->n_targets && run->best->conformal != NULL && status == RCR_OK; t++) {
        rcr_coverage c;
        if (isinf(rcr_conformal_quantile(&run->best->conformal[t], RCR_MODEL_LEVEL))) continue;
        status = rcr_coverage_find(&c, run->best, test, t, RCR_MODEL_LEVEL, err);
        if (status != RCR_OK || c.n == 0) continue;
        if (t == 0)
            snprintf(key, sizeof key, "test_coverage_90");
        else
            snprintf(key, sizeof key, "test_coverage_90.%zu", t + 1);
        status = rcr_model_set_meta(run->best, key, rcr_format_double(number, c.coverage), err);
    }
    return status;
}

/* steps.csv: what the best model says of some test rows after each step, and how far their atoms' vectors move. */
static rcr_status write_steps(const rcr_run *run, rcr_error *err) {
    enum { MOST = 200 };
    size_t n = run->split.n_test < MOST ? run->split.n_test : MOST;
    rcr_text text = {0};
    rcr_status status = RCR_OK;
    char path[RCR_PATH_SIZE], number[32];
    rcr_text_puts(&text, "id,step,prediction,change\n");
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        size_t sample = (size_t)run->split.test[i * run->split.n_test / n];
        rcr_graph *graph = NULL;
        rcr_explanation *x = NULL;
        status = rcr_dataset_graph(&graph, run->dataset, sample, err);
        if (status == RCR_OK) status = rcr_explain_steps(&x, run->best, run->kernels, 0, graph, run->pool, err);
        for (int32_t t = 0; status == RCR_OK && t <= x->n_steps; t++) {
            rcr_csv_write_field(&text, run->dataset->sample[sample].id, 1);
            rcr_text_printf(&text, ",%" PRId32 ",%s,", t, rcr_format_double(number, x->step_value[t]));
            rcr_text_printf(&text, "%s\n", t > 0 ? rcr_format_double(number, x->step_change[t - 1]) : "");
        }
        rcr_explanation_free(x);
        rcr_graph_free(graph);
    }
    if (status == RCR_OK && text.failed) status = rcr_fail_memory(err, "writing steps.csv");
    if (status == RCR_OK) status = rcr_file_write(rcr_run_path(path, run, "steps.csv"), text.data, text.length, err);
    rcr_text_free(&text);
    return status;
}

rcr_status rcr_run_calibrate(rcr_run *run, rcr_error *err) {
    static const char *const name[] = {"val", "test"};
    const int64_t *const index[] = {run->split.val, run->split.test};
    const size_t n[] = {run->split.n_val, run->split.n_test};
    const rcr_split *s = &run->split;
    int classes = run->best->options.task == RCR_CLASSIFICATION;
    char path[RCR_PATH_SIZE];
    rcr_part_forecast part[2] = {{0}};
    rcr_status status =
        rcr_calibrate(run->best, run->net, run->dataset, s->train, s->n_train, s->val, s->n_val, run->pool, err);
    for (int p = 0; p < 2 && status == RCR_OK; p++)
        status = rcr_part_forecast_make(&part[p], run->net, run->best, run->dataset, index[p], n[p], run->pool, err);
    if (status == RCR_OK) status = describe_coverage(run, &part[1], err);
    if (status == RCR_OK)
        status = rcr_calibration_write(rcr_run_path(path, run, classes ? "reliability.csv" : "calibration.csv"),
                                       run->best, name, part, 2, err);
    for (int p = 0; p < 2; p++) rcr_part_forecast_release(&part[p]);
    return status == RCR_OK ? write_steps(run, err) : status;
}

/* ---- the members */

typedef struct family {
    const char *directory, *data;
    const rcr_train_options *options; /* of the whole: its seed is the first member's */
    const rcr_train_events *events;
    int n_threads; /* of a resume, or -1: as it was */
    rcr_dataset *dataset;
    double seconds; /* of all members */
} family;

static char *member_path(char *path, const char *directory, int32_t member) {
    snprintf(path, RCR_PATH_SIZE, "%.*s/member-%" PRId32, RCR_PATH_SIZE - 96, directory, member);
    return path;
}

static int has_checkpoint(const char *directory) {
    char path[RCR_PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/last.ckpt", RCR_PATH_SIZE - 64, directory);
    return rcr_is_file(path);
}

static int stop_requested(const family *f) {
    return f->events != NULL && f->events->stop != NULL && atomic_load(f->events->stop);
}

static rcr_status train_member(family *f, int32_t member, rcr_error *err) {
    char path[RCR_PATH_SIZE], first[RCR_PATH_SIZE];
    rcr_train_result result = {0};
    rcr_train_options options = *f->options; /* borrows its strings */
    rcr_status status;
    options.seed = f->options->seed + (uint64_t)(member - 1);
    member_path(path, f->directory, member);
    if (f->events != NULL && f->events->member != NULL)
        f->events->member(f->events->context, member, options.ensemble, options.seed);
    if (has_checkpoint(path)) {
        status = rcr_run_resume(&result, path, f->n_threads, f->events, &f->dataset, err);
    } else {
        if (f->n_threads >= 0) options.n_threads = f->n_threads;
        member_path(first, f->directory, 1);
        status =
            rcr_run_train(&result, f->data, path, &options, member > 1 ? first : NULL, f->events, &f->dataset, err);
    }
    f->seconds += result.seconds;
    rcr_train_result_release(&result);
    return status;
}

static rcr_status load_member(rcr_model **out, const family *f, int32_t member, rcr_error *err) {
    char path[RCR_PATH_SIZE];
    return rcr_model_load(out, member_path(path, f->directory, member), err);
}

/* The networks of all members as one model. */
static rcr_status join_members(rcr_model **out, const family *f, rcr_error *err) {
    int32_t n = f->options->ensemble;
    rcr_model **model = rcr_calloc((size_t)n, sizeof(rcr_model *));
    const rcr_model **list = rcr_calloc((size_t)n, sizeof(const rcr_model *));
    rcr_status status = model != NULL && list != NULL ? RCR_OK : rcr_fail_memory(err, "joining an ensemble");
    for (int32_t m = 0; m < n && status == RCR_OK; m++) {
        status = load_member(&model[m], f, m + 1, err);
        list[m] = model[m];
    }
    if (status == RCR_OK) status = rcr_model_join(out, list, (size_t)n, err);
    for (int32_t m = 0; m < n && model != NULL; m++) rcr_model_free(model[m]);
    rcr_free(model);
    rcr_free(list);
    return status;
}

/* ---- over them */

/* Put the ensemble in the place of the one network that the run has been restored with. */
static rcr_status take_ensemble(rcr_run *run, const family *f, rcr_error *err) {
    rcr_model *joined = NULL, *copy = NULL;
    rcr_net *net = NULL;
    rcr_score val;
    rcr_status status = join_members(&joined, f, err);
    if (status == RCR_OK) status = rcr_model_copy(&copy, joined, err);
    if (status == RCR_OK) status = rcr_net_create(&net, joined, run->kernels, err);
    if (status != RCR_OK) {
        rcr_model_free(joined);
        rcr_model_free(copy);
        return status;
    }
    rcr_model_free(run->model);
    rcr_model_free(run->best);
    rcr_net_free(run->net);
    run->model = copy;
    run->best = joined;
    run->net = net;
    run->seconds = f->seconds;
    status = rcr_run_score_part(&val, NULL, run->part_prediction, run, run->split.val, run->split.n_val, err);
    switch (run->choice) {
    case RCR_CHOOSE_MAE: run->best_score = val.mae; break;
    case RCR_CHOOSE_SCALED: run->best_score = val.scaled; break;
    case RCR_CHOOSE_AUC: run->best_score = val.auc; break;
    case RCR_CHOOSE_ACCURACY: run->best_score = val.accuracy; break;
    }
    return status;
}

/* Scores, calibration and the files of the whole. */
static rcr_status finish_family(rcr_train_result *result, family *f, rcr_error *err) {
    rcr_run *run;
    char path[RCR_PATH_SIZE];
    rcr_checkpoint checkpoint = {0};
    rcr_status status = rcr_run_create(&run, f->directory, f->events, err);
    if (status != RCR_OK) return status;
    run->lent = f->dataset;
    status = rcr_checkpoint_open(&checkpoint, member_path(path, f->directory, 1), err);
    if (status == RCR_OK) status = rcr_checkpoint_settings(run, &checkpoint, err);
    if (status == RCR_OK && f->n_threads >= 0) run->options.n_threads = f->n_threads;
    rcr_run_forget_result(run);
    if (status == RCR_OK) status = rcr_run_restore(run, &checkpoint, err);
    if (status == RCR_OK) status = take_ensemble(run, f, err);
    if (status == RCR_OK) status = rcr_run_write_config(run, err);
    if (status == RCR_OK) status = rcr_run_write_metrics(run, err); /* which the report reads */
    if (status == RCR_OK) status = rcr_run_finish(run, err);
    if (status == RCR_OK) {
        *result = run->result;
        run->result = (rcr_train_result){0};
    }
    if (run->dataset != NULL) f->dataset = run->dataset;
    run->dataset = NULL;
    rcr_checkpoint_close(&checkpoint);
    rcr_run_release(run);
    return status;
}

static rcr_status train_family(rcr_train_result *result, family *f, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (int32_t m = 1; m <= f->options->ensemble && status == RCR_OK; m++) {
        status = stop_requested(f)
                     ? rcr_fail(err, RCR_ERR_INTERRUPTED,
                                "stopped before network %" PRId32 " of %" PRId32 "; the run can be resumed", m,
                                f->options->ensemble)
                     : train_member(f, m, err);
    }
    if (status == RCR_OK) status = finish_family(result, f, err);
    rcr_dataset_free(f->dataset);
    return status;
}

/* ---- the public functions */

rcr_status rcr_train(rcr_train_result *result, const char *data, const char *run_directory,
                     const rcr_train_options *options, const rcr_train_events *events, rcr_error *err) {
    if (options->ensemble <= 1) {
        rcr_dataset *dataset = NULL;
        rcr_status status = rcr_run_train(result, data, run_directory, options, NULL, events, &dataset, err);
        rcr_dataset_free(dataset);
        return status;
    }
    rcr_status status = rcr_train_options_check(options, err);
    if (status == RCR_OK && (run_directory == NULL || run_directory[0] == '\0'))
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "a run needs a directory to write to");
    if (status == RCR_OK && strlen(run_directory) > RCR_PATH_SIZE - 96)
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "the name of the run directory is too long");
    rcr_lock *lock = NULL;
    if (status == RCR_OK) status = rcr_run_claim(&lock, run_directory, err);
    if (status != RCR_OK) return status;
    family f = {.directory = run_directory, .data = data, .options = options, .events = events, .n_threads = -1};
    status = train_family(result, &f, err);
    rcr_run_let_go(lock, run_directory);
    return status;
}

/* Go on with an ensemble: the settings are those of its first member. */
static rcr_status resume_family(rcr_train_result *result, const char *directory, int n_threads,
                                const rcr_train_events *events, rcr_error *err) {
    rcr_run *first;
    char path[RCR_PATH_SIZE];
    rcr_checkpoint checkpoint = {0};
    rcr_lock *lock = NULL;
    member_path(path, directory, 1);
    rcr_status status = rcr_run_create(&first, path, events, err);
    if (status != RCR_OK) return status;
    status = rcr_run_hold(&lock, directory, err);
    if (status == RCR_OK) status = rcr_checkpoint_open(&checkpoint, path, err);
    if (status == RCR_OK) status = rcr_checkpoint_settings(first, &checkpoint, err);
    rcr_checkpoint_close(&checkpoint);
    if (status == RCR_OK) {
        family f = {.directory = directory,
                    .data = first->data_path,
                    .options = &first->options,
                    .events = events,
                    .n_threads = n_threads};
        status = train_family(result, &f, err);
    }
    rcr_run_let_go(lock, directory);
    rcr_run_release(first);
    return status;
}

rcr_status rcr_train_resume(rcr_train_result *result, const char *run_directory, int n_threads,
                            const rcr_train_events *events, rcr_error *err) {
    char member[RCR_PATH_SIZE];
    if (run_directory != NULL && strlen(run_directory) < RCR_PATH_SIZE - 96 && !has_checkpoint(run_directory) &&
        has_checkpoint(member_path(member, run_directory, 1)))
        return resume_family(result, run_directory, n_threads, events, err);
    rcr_dataset *dataset = NULL;
    rcr_status status = rcr_run_resume(result, run_directory, n_threads, events, &dataset, err);
    rcr_dataset_free(dataset);
    return status;
}
