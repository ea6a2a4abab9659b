/* recryst ensemble */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/info.h"
#include "cli/output.h"
#include "cli/pair_targets.h"
#include "cli/read_data.h"
#include "model/ensemble.h"
#include "train/calibrate.h"
#include "train/evaluate.h"

typedef struct ensemble {
    const char *calibrate, *target, *meta, *kernels;
    int32_t member, strict, quiet, threads;
    rcr_model **model; /* [n] */
    size_t n;
    rcr_model *joined;
    rcr_dataset *dataset;
    rcr_net *net;
    rcr_pool *pool;
} ensemble;

static rcr_status load_models(ensemble *e, const rcr_args *args, rcr_error *err) {
    e->n = (size_t)args->n_positional - 1;
    e->model = rcr_calloc(e->n, sizeof(rcr_model *));
    if (e->model == NULL) return rcr_fail_memory(err, "joining models");
    for (size_t i = 0; i < e->n; i++) {
        rcr_status status = rcr_open_model(&e->model[i], args->positional[i], err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* One model stays what it is, with intervals and domain; several are joined. */
static rcr_status join(ensemble *e, rcr_error *err) {
    if (e->member > 0) return rcr_model_pick(&e->joined, e->model[0], (size_t)e->member - 1, err);
    if (e->n == 1) return rcr_model_copy(&e->joined, e->model[0], err);
    const rcr_model **list = rcr_calloc(e->n, sizeof(const rcr_model *));
    if (list == NULL) return rcr_fail_memory(err, "joining models");
    int had_intervals = 0;
    for (size_t i = 0; i < e->n; i++) {
        list[i] = e->model[i];
        had_intervals |= e->model[i]->conformal != NULL;
    }
    rcr_status status = rcr_model_join(&e->joined, list, e->n, err);
    rcr_free(list);
    if (status == RCR_OK && had_intervals && e->calibrate == NULL && !e->quiet)
        rcr_cli_note("the intervals of single models are not those of their mean: the ensemble has none; --calibrate "
                     "DATA makes them from rows that none of them was trained on");
    return status;
}

/* Metadata from a JSON object of texts and numbers. */
static rcr_status add_metadata(ensemble *e, rcr_error *err) {
    char *text = NULL;
    size_t length = 0;
    rcr_status status = rcr_file_read(&text, &length, e->meta, (size_t)1 << 20, err);
    if (status != RCR_OK) return status;
    json_error_t where;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    const char *key;
    json_t *value;
    if (root == NULL && json_error_code(&where) == json_error_out_of_memory)
        status = rcr_fail_memory(err, "reading metadata");
    else if (!json_is_object(root))
        status = rcr_fail_at(err, RCR_ERR_PARSE, e->meta, root == NULL ? where.line : 1,
                             "not a JSON object of texts: {\"licence\": \"CC BY 4.0\", ...}");
    json_object_foreach(root, key, value) {
        if (status != RCR_OK) break;
        if (json_is_string(value))
            status = rcr_model_set_meta(e->joined, key, json_string_value(value), err);
        else
            status = rcr_fail_at(err, RCR_ERR_PARSE, e->meta, 0, "the value of \"%.64s\" is not a text", key);
    }
    json_decref(root);
    rcr_free(text);
    return status;
}

static rcr_status calibrate(ensemble *e, rcr_error *err) {
    const rcr_kernels *kernels;
    rcr_text columns = {0};
    for (int32_t t = 0; t < e->joined->options.n_targets; t++)
        rcr_text_printf(&columns, "%s%s", t > 0 ? "," : "", e->joined->targets[t].name);
    rcr_dataset_options options = {.target = e->target,
                                   .need_target = 1,
                                   .strict = e->strict,
                                   .graph = e->joined->graph,
                                   .known = e->joined->elements,
                                   .pool = e->pool};
    if (options.target == NULL && columns.length > 0) options.target = columns.data;
    rcr_status status = columns.failed ? rcr_fail_memory(err, "reading data") : RCR_OK;
    if (status == RCR_OK) status = rcr_pair_targets(&options.target, e->joined, columns.data, err);
    if (status == RCR_OK) status = rcr_read_data(&e->dataset, e->calibrate, &options, e->quiet, !e->quiet, err);
    if (status == RCR_OK) status = rcr_targets_check(e->dataset, e->joined->options.task, err);
    if (status == RCR_OK) status = rcr_kernels_choose(&kernels, e->kernels, err);
    if (status == RCR_OK) status = rcr_net_create(&e->net, e->joined, kernels, err);
    if (status == RCR_OK)
        status = rcr_calibrate(e->joined, e->net, e->dataset, NULL, 0, NULL, e->dataset->n, e->pool, err);
    rcr_text_free(&columns);
    return status;
}

/* 1 where path is the model of a training run: it is the run's own, and not an output of this command. */
static int is_model_of_run(const char *path) {
    static const char name[] = "model.safetensors";
    const char *slash = strrchr(path, '/'), *file = slash != NULL ? slash + 1 : path;
    if (strcmp(file, name) != 0) return 0;
    rcr_text folder = {0};
    rcr_text_append(&folder, path, (size_t)(file - path));
    rcr_text_puts(&folder, ".");
    int found = folder.failed || rcr_is_file_in(folder.data, "config.toml") || rcr_is_file_in(folder.data, "last.ckpt");
    rcr_text_free(&folder);
    return found;
}

/* 1 where `path` is the file that model i came from. */
static int is_input(const rcr_args *args, int i, const char *path) {
    rcr_text from = {0};
    int same = rcr_find_model(&from, args->positional[i], NULL) == RCR_OK;
    if (same && rcr_is_directory(from.data)) rcr_text_puts(&from, "/model.safetensors");
    same = same && !from.failed && rcr_is_file(path) && rcr_same_path(from.data, path);
    rcr_text_free(&from);
    return same;
}

/* With OUT forgotten, the last model would be written over, which may be months of work.  So a model that lies there is
 * replaced only where it looks like what this command wrote before, or where it can't be meant for an input: one model
 * is told what to do with it, or is named twice. */
static rcr_status check_out(const ensemble *e, const rcr_args *args, rcr_error *err) {
    const char *out = args->positional[args->n_positional - 1];
    int told = e->calibrate != NULL || e->meta != NULL || e->member > 0;
    if (!rcr_is_file(out) || (e->n == 1 && is_input(args, 0, out))) return RCR_OK;
    if (is_model_of_run(out))
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, out, 0,
                           "this is the model of a training run, which is not written over; give OUT another name "
                           "(recryst ensemble A B C OUT)");
    rcr_model *there = NULL;
    if ((e->n == 1 && told) || rcr_model_load(&there, out, NULL) != RCR_OK) return RCR_OK;
    size_t n = there->n_members;
    rcr_model_free(there);
    if (e->n > 1 && n == e->joined->n_members) return RCR_OK;
    return rcr_fail_at(
        err, RCR_ERR_ARGUMENT, out, 0,
        "a model of %zu network%s lies there already: if it is one of those to be joined, OUT is missing "
        "(recryst ensemble A B C OUT); else remove it, or give OUT another name",
        n, n == 1 ? "" : "s");
}

static rcr_status work(ensemble *e, const rcr_args *args, rcr_error *err) {
    rcr_status status = load_models(e, args, err);
    if (status == RCR_OK) status = join(e, err);
    if (status == RCR_OK) status = check_out(e, args, err);
    if (status == RCR_OK && e->calibrate != NULL && e->joined->options.task == RCR_CLASSIFICATION)
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "a classification has no intervals to calibrate");
    if (status == RCR_OK) status = rcr_pool_create(&e->pool, e->threads, err);
    if (status == RCR_OK && e->calibrate != NULL) status = calibrate(e, err);
    if (status == RCR_OK && e->meta != NULL) status = add_metadata(e, err);
    return status == RCR_OK ? rcr_model_save(e->joined, args->positional[args->n_positional - 1], err) : status;
}

int rcr_cmd_ensemble(int argc, char **argv) {
    ensemble e;
    memset(&e, 0, sizeof e);
    rcr_arg table[] = {
        {.name = "calibrate",
         .kind = RCR_ARG_TEXT,
         .value_name = "DATA",
         .value = &e.calibrate,
         .help = "make the intervals from these rows, on which none of the models was trained"},
        {.name = "target",
         .kind = RCR_ARG_TEXT,
         .value_name = "NAME",
         .value = &e.target,
         .help = "column of DATA to calibrate on; the models' own target when not given"},
        {.name = "member",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &e.member,
         .min = 1,
         .max = 100,
         .help = "take one network out of an ensemble, counted from 1"},
        {.name = "meta",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.meta,
         .help = "put the texts of this JSON object into the model's metadata"},
        {.name = "strict",
         .kind = RCR_ARG_FLAG,
         .value = &e.strict,
         .help = "stop at the first row that can't be used"},
        RCR_THREADS_ARG(e.threads),
        RCR_KERNELS_ARG(e.kernels),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &e.quiet, .help = "no notes, and nothing about the result"},
    };
    rcr_args args = {
        .command = "ensemble",
        .usage = "MODEL... OUT [options]",
        .description = "Join trained models of the same kind (graph options, sizes, target) into one\n"
                       "model file, which predicts the mean of their predictions and its spread. Of one\n"
                       "model: give it intervals (--calibrate), or take a network out (--member).\n",
        .examples = "  recryst ensemble runs/a runs/b runs/c together.safetensors --calibrate held-out/\n"
                    "  recryst ensemble imported.safetensors with-intervals.safetensors --calibrate held-out/\n"
                    "  recryst ensemble five.safetensors third.safetensors --member 3\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional < 2)
        return rcr_cli_usage_error("ensemble ", "ensemble takes models and an output: recryst ensemble A B C OUT");
    if (e.member > 0 && args.n_positional > 2)
        return rcr_cli_usage_error("ensemble ", "--member takes a network out of one model, not of several");
    if (e.target != NULL && e.calibrate == NULL)
        return rcr_cli_usage_error("ensemble ", "--target goes with --calibrate");
    rcr_error err;
    rcr_status status = work(&e, &args, &err);
    if (status != RCR_OK) {
        code = rcr_cli_error(&err);
    } else if (e.quiet) {
        code = RCR_EXIT_OK;
    } else {
        rcr_text out = {0};
        rcr_info_model(&out, e.joined);
        code = rcr_cli_show(&out);
        rcr_text_free(&out);
    }
    for (size_t i = 0; i < e.n && e.model != NULL; i++) rcr_model_free(e.model[i]);
    rcr_free(e.model);
    rcr_net_free(e.net);
    rcr_model_free(e.joined);
    rcr_dataset_free(e.dataset);
    rcr_pool_free(e.pool);
    return code;
}
