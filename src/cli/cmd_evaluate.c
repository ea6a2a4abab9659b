/* recryst evaluate */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/evaluate_ids.h"
#include "cli/evaluate_trust.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/pair_targets.h"
#include "cli/predict_stream.h"
#include "cli/read_data.h"
#include "cli/train_view.h"
#include "report/metrics.h"
#include "train/evaluate.h"

typedef struct evaluate {
    const char *target, *out, *kernels;
    const char *calibration, *ids;
    int32_t threads, strict, quiet, disorder, steps;
    rcr_model *model;
    rcr_net *net;
    rcr_part_forecast part;
    rcr_pool *pool;
    rcr_dataset *dataset;
    int64_t *index; /* [n] the samples that are scored; NULL: all */
    size_t n;
    double *prediction; /* [n, V] */
    rcr_score *score;   /* [T] */
    rcr_text targets;   /* the names of the model's targets, "a,b" */
    int lacks_own;      /* 1: the data have no such columns */
} evaluate;

/* Read the data's column that was asked for, else the one with the name of the model's target.  A table without a
 * header names none, and its only one is taken. */
static rcr_status read_data(evaluate *e, const char *path, rcr_error *err) {
    rcr_dataset_options options = {.target = e->target,
                                   .need_target = 1,
                                   .strict = e->strict,
                                   .graph = e->model->graph,
                                   .known = e->model->elements,
                                   .pool = e->pool};
    int32_t T = e->model->options.n_targets;
    for (int32_t k = 0; k < T; k++) rcr_text_printf(&e->targets, "%s%s", k > 0 ? "," : "", e->model->targets[k].name);
    if (e->targets.failed) return rcr_fail_memory(err, "scoring a model");
    if (e->target == NULL && e->model->targets[0].name[0] != '\0') options.target = e->targets.data;
    rcr_status paired = rcr_pair_targets(&options.target, e->model, e->targets.data, err);
    if (paired != RCR_OK) return paired;
    rcr_status status = rcr_read_data(&e->dataset, path, &options, e->quiet, !e->quiet, err);
    e->lacks_own = status == RCR_ERR_ARGUMENT && e->target == NULL && options.target != NULL;
    return status;
}

static rcr_status choose_rows(evaluate *e, rcr_error *err) {
    size_t n_absent = 0;
    e->n = e->dataset->n;
    if (e->ids == NULL) return RCR_OK;
    rcr_status status = rcr_rows_of_ids(&e->index, &e->n, &n_absent, e->dataset, e->ids, err);
    if (status == RCR_OK && n_absent > 0 && !e->quiet)
        rcr_cli_note("%zu of the ids of %s %s of no usable row of the data", n_absent, e->ids,
                     n_absent == 1 ? "is that" : "are those");
    return status;
}

/* Predict and score. */
static rcr_status forecast(evaluate *e, rcr_error *err) {
    const rcr_kernels *kernels;
    const rcr_dataset *d = e->dataset;
    size_t T = (size_t)e->model->options.n_targets, V = rcr_model_n_values(e->model);
    rcr_status status = rcr_targets_check(d, e->model->options.task, err);
    if (status == RCR_OK && e->calibration != NULL && e->model->options.task == RCR_REGRESSION &&
        e->model->conformal == NULL)
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "--calibration: the model has no intervals that could be looked at");
    if (status == RCR_OK) status = rcr_kernels_choose(&kernels, e->kernels, err);
    if (status == RCR_OK) status = rcr_net_create(&e->net, e->model, kernels, err);
    if (status == RCR_OK) status = choose_rows(e, err);
    if (status == RCR_OK) status = rcr_part_forecast_make(&e->part, e->net, e->model, d, e->index, e->n, e->pool, err);
    if (status != RCR_OK) return status;
    e->prediction = rcr_calloc(e->n * V, sizeof *e->prediction);
    e->score = rcr_calloc(T, sizeof *e->score);
    if (e->prediction == NULL || e->score == NULL) return rcr_fail_memory(err, "scoring a model");
    rcr_part_values(e->prediction, &e->part);
    rcr_score all;
    return rcr_score_rows(&all, e->score, e->model, NULL, e->part.target, e->prediction, e->n, err);
}

static rcr_status work(evaluate *e, const rcr_args *args, rcr_error *err) {
    rcr_status status = rcr_open_model(&e->model, args->positional[0], err);
    if (status == RCR_OK) status = rcr_predict_choose(&e->model, 0, 0, e->steps, err);
    if (status == RCR_OK) status = rcr_choose_disorder(e->model, e->disorder, err);
    if (status == RCR_OK) status = rcr_pool_create(&e->pool, e->threads, err);
    if (status == RCR_OK) status = read_data(e, args->positional[1], err);
    if (status != RCR_OK) return status;
    status = forecast(e, err);
    if (status == RCR_OK && e->calibration != NULL) {
        static const char *const name[] = {"data"};
        status = rcr_calibration_write(e->calibration, e->model, name, &e->part, 1, err);
    }
    if (status == RCR_OK && e->out != NULL)
        status = rcr_forecasts_write(e->out, e->model, e->dataset, e->index, &e->part, err);
    return status;
}

/* The scores of target k, and what they are to be compared with. */
static void tell_target(rcr_text *out, const evaluate *e, size_t k) {
    const rcr_dataset *d = e->dataset;
    int classes = e->model->options.task == RCR_CLASSIFICATION;
    const char *unit = e->model->targets[k].unit;
    char number[32];
    double std = 0;
    double *target = rcr_calloc(e->n, sizeof *target);
    size_t n = 0;
    for (size_t i = 0; i < e->n && target != NULL; i++) {
        double value = e->part.target[i * e->part.n_targets + k];
        if (!isnan(value)) target[n++] = value;
    }
    if (target != NULL)
        std = rcr_metrics_std(target, n);
    else
        out->failed = 1;
    rcr_free(target);
    int decimals = classes ? 4 : rcr_decimals_for(std > 0 ? std : e->score[k].mae);
    const char *const name[] = {d->n_targets > 1 ? rcr_dataset_target_name(d, k) : d->name};
    const rcr_score *const score[] = {&e->score[k]};
    if (k > 0) rcr_text_puts(out, "\n");
    rcr_score_table(out, classes, decimals, name, score, 1);
    if (!classes && std > 0)
        rcr_text_printf(out, "The targets (%s) have a standard deviation of %s%s%s; the MAE is %.1f %% of it.\n",
                        rcr_dataset_target_name(d, k), rcr_format_value(number, std, decimals),
                        unit[0] != '\0' ? " " : "", unit, 100 * (e->score[k].mae / std));
}

static int tell(const evaluate *e) {
    rcr_text out = {0};
    rcr_error err;
    rcr_status status = RCR_OK;
    for (size_t k = 0; k < e->dataset->n_targets && status == RCR_OK; k++) {
        tell_target(&out, e, k);
        status = rcr_tell_intervals(&out, e->model, &e->part, k, &err);
    }
    if (status == RCR_OK) status = rcr_tell_domain(&out, e->model, e->dataset, e->index, &e->part, &err);
    if (status != RCR_OK) {
        rcr_text_free(&out);
        return rcr_cli_error(&err);
    }
    if (e->out != NULL) rcr_text_printf(&out, "predictions  %s\n", e->out);
    int code = rcr_cli_show(&out);
    rcr_text_free(&out);
    return code;
}

int rcr_cmd_evaluate(int argc, char **argv) {
    evaluate e;
    memset(&e, 0, sizeof e);
    rcr_arg table[] = {
        {.name = "target",
         .kind = RCR_ARG_TEXT,
         .value_name = "NAME",
         .value = &e.target,
         .help = "column to score against, or as many as the model has targets, its own in any order; the model's own "
                 "when not given"},
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.out,
         .help = "write id,target,prediction and what else the model says of every usable row to this CSV file"},
        {.name = "ids",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.ids,
         .help = "only the rows whose ids are lines of this file, such as those that were held out"},
        {.name = "calibration",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.calibration,
         .help = "write how often intervals of every level hold, and their lengths, to this CSV file"},
        {.name = "steps",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &e.steps,
         .min = 1,
         .max = 1000,
         .help = "sr-cgcnn: take the first N of its steps; all when not given"},
        {.name = "strict",
         .kind = RCR_ARG_FLAG,
         .value = &e.strict,
         .help = "stop at the first row that can't be used"},
        RCR_THREADS_ARG(e.threads),
        RCR_KERNELS_ARG(e.kernels),
        RCR_MODEL_DISORDER_ARG(e.disorder),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &e.quiet, .help = "no progress and no notes on unusable rows"},
    };
    rcr_args args = {
        .command = "evaluate",
        .usage = "MODEL DATA [options]",
        .description = "Predict every row of DATA with a model and compare with its target. MODEL is a\n"
                       "model file, a run directory, or the name of a shipped model; DATA as for train.\n"
                       "The graph options are those that the model was trained with (--disorder may say\n"
                       "otherwise for disordered crystals). Where the model has intervals, it is told\n"
                       "how often they hold; where it knows its training rows, how it does on others.\n",
        .examples = "  recryst evaluate runs/first data/demo/alloys.extxyz\n"
                    "  recryst evaluate model.safetensors new.tar.zst --target band_gap --out compared.csv\n"
                    "  recryst evaluate formation-energy all.tar.zst --ids models/formation-energy.test.txt\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 2)
        return rcr_cli_usage_error("evaluate ", "evaluate takes a model and data: recryst evaluate MODEL DATA");
    rcr_error err;
    rcr_status status = work(&e, &args, &err);
    code = status == RCR_OK ? tell(&e) : rcr_cli_error(&err);
    if (e.lacks_own)
        rcr_cli_hint("the model predicts %s; --target NAME scores it against another column", e.targets.data);
    rcr_dataset_free(e.dataset);
    rcr_pool_free(e.pool);
    rcr_net_free(e.net);
    rcr_part_forecast_release(&e.part);
    rcr_model_free(e.model);
    rcr_free(e.index);
    rcr_free(e.prediction);
    rcr_free(e.score);
    rcr_text_free(&e.targets);
    return code;
}
