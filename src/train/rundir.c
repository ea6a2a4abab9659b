#include "train/rundir.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "graph/graph.h"
#include "io/csv.h"

char *rcr_run_path(char *path, const rcr_run *run, const char *name) {
    snprintf(path, RCR_PATH_SIZE, "%.*s/%s", RCR_PATH_SIZE - 64, run->directory, name);
    return path;
}

const char *rcr_choice_name(rcr_choice choice) {
    switch (choice) {
    case RCR_CHOOSE_MAE: return "mae";
    case RCR_CHOOSE_SCALED: return "scaled_mae";
    case RCR_CHOOSE_AUC: return "auc";
    case RCR_CHOOSE_ACCURACY: return "accuracy";
    }
    return "score";
}

int rcr_run_exists(const char *directory) {
    static const char *const names[] = {"last.ckpt", "model.safetensors", "run_summary.json", "member-1/last.ckpt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[RCR_PATH_SIZE];
        snprintf(path, sizeof path, "%.*s/%s", RCR_PATH_SIZE - 64, directory, names[i]);
        if (rcr_is_file(path)) return 1;
    }
    return 0;
}

/* Write the text to a file of the run and release it. */
static rcr_status write_text(const rcr_run *run, const char *name, rcr_text *text, rcr_error *err) {
    char path[RCR_PATH_SIZE];
    rcr_status status = text->failed ? rcr_fail_memory(err, "writing the files of a run")
                                     : rcr_file_write(rcr_run_path(path, run, name), text->data, text->length, err);
    rcr_text_free(text);
    return status;
}

static void put_number(rcr_text *text, double value) {
    char buffer[32];
    rcr_text_puts(text, rcr_format_double(buffer, value));
}

/* A string in quotes, as TOML reads it: UTF-8 alone. */
static void put_quoted(rcr_text *text, const char *value) {
    rcr_text_puts(text, "\"");
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\')
            rcr_text_printf(text, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            rcr_text_printf(text, "\\u%04x", c);
        else
            rcr_text_append(text, value, 1);
    }
    rcr_text_puts(text, "\"");
}

/* ---- config.toml */

/* "NAME = ", and the text, or a comment where it is not UTF-8 and TOML can't hold it: the run itself needs it not. */
static void put_toml_text(rcr_text *text, const char *name, const char *value) {
    if (rcr_is_utf8(value)) {
        rcr_text_printf(text, "%s = ", name);
        put_quoted(text, value);
        return;
    }
    rcr_text_printf(text, "# not UTF-8, to be given on the command line: %s = ", name);
    rcr_json_string(text, value);
}

static void put_toml_field(rcr_text *text, const rcr_option_field *field, const rcr_train_options *options) {
    const char *name = rcr_option_name(field, options);
    if (name == NULL) return;
    rcr_text value = {0};
    rcr_option_format(&value, field, options);
    const char *plain = value.data != NULL ? value.data : "";
    size_t start = text->length;
    int is_text = field->kind == RCR_FIELD_TEXT || field->kind == RCR_FIELD_CHOICE;
    if (!is_text) rcr_text_printf(text, "%s = ", name);
    if (is_text)
        put_toml_text(text, name, plain);
    else if (field->kind == RCR_FIELD_MILESTONES)
        rcr_text_printf(text, "[%s]", plain);
    else if (field->kind == RCR_FIELD_FLAG)
        rcr_text_puts(text, plain[0] == '1' ? "true" : "false");
    else
        rcr_text_puts(text, plain);
    if (field->comment[0] != '\0')
        rcr_text_printf(text, "%*s# %s", text->length - start < 28 ? (int)(28 - (text->length - start)) : 1, "",
                        field->comment);
    rcr_text_puts(text, "\n");
    text->failed |= value.failed;
    rcr_text_free(&value);
}

/* "NAME = X", or "NAME = [X, Y]" of several targets. */
static void put_toml_numbers(rcr_text *text, const char *name, const rcr_run *run, double (*get)(const rcr_scale *),
                             const char *comment) {
    size_t T = rcr_run_n_targets(run);
    rcr_text_printf(text, "%s = %s", name, T > 1 ? "[" : "");
    for (size_t k = 0; k < T; k++) {
        if (k > 0) rcr_text_puts(text, ", ");
        put_number(text, get(&run->model->targets[k].scale));
    }
    rcr_text_printf(text, "%s%s\n", T > 1 ? "]" : "", comment);
}

static double scale_mean(const rcr_scale *scale) { return scale->normalizer.mean; }
static double scale_std(const rcr_scale *scale) { return scale->normalizer.std; }
static double scale_parameter(const rcr_scale *scale) { return scale->transform.parameter; }

static void put_toml_scales(rcr_text *text, const rcr_run *run) {
    int transformed = 0, has_parameter = 0;
    for (size_t k = 0; k < rcr_run_n_targets(run); k++) {
        rcr_transform_kind kind = run->model->targets[k].scale.transform.kind;
        transformed |= kind != RCR_TRANSFORM_NONE;
        has_parameter |= rcr_transform_has_parameter(kind);
    }
    put_toml_numbers(text, "target_mean", run, scale_mean,
                     transformed ? " # of the transformed training rows, which alone normalise the target"
                                 : " # of the training rows, which alone normalise the target");
    put_toml_numbers(text, "target_std", run, scale_std, "");
    if (has_parameter)
        put_toml_numbers(text, "transform_parameter", run, scale_parameter, " # lambda, or asinh's scale");
}

/* What the settings met and became: no settings. */
static void put_facts(rcr_text *text, const rcr_run *run) {
    rcr_text_printf(text, "\n[facts] # what the settings met and became; no settings\nprogram = \"recryst %s\"\n",
                    rcr_version());
    rcr_text_printf(text, "data_sha256 = \"%s\"\nrows = %zu\nunusable_rows = %zu\n", run->dataset->sha256,
                    run->dataset->n_rows, run->dataset->n_bad);
    put_toml_text(text, "target_used", run->dataset->target);
    rcr_text_puts(text, "\n");
    put_toml_text(text, "element_vectors", run->model->elements->name);
    rcr_text_printf(text, "\ngaussians = %" PRId32 "\ntie_tolerance_used = ", run->model->n_gaussians);
    put_number(text, rcr_graph_tie_tolerance(&run->options.graph));
    rcr_text_printf(text, "\ntrain_rows = %zu\nval_rows = %zu\ntest_rows = %zu\n", run->split.n_train, run->split.n_val,
                    run->split.n_test);
    if (run->options.model.task == RCR_REGRESSION) put_toml_scales(text, run);
    if (run->has_class_weight) {
        rcr_text_puts(text, "class_weights_used = [");
        put_number(text, run->class_weight[0]);
        rcr_text_puts(text, ", ");
        put_number(text, run->class_weight[1]);
        rcr_text_puts(text, "]\n");
    }
    rcr_text_printf(text, "threads_used = %d\nkernels_used = \"%s\"\n", rcr_pool_size(run->pool), run->kernels->name);
}

rcr_train_options rcr_run_own_options(const rcr_run *run) {
    rcr_train_options own = run->options;
    if (run->model->n_members == 1) own.ensemble = 1;
    return own;
}

rcr_status rcr_run_write_config(const rcr_run *run, rcr_error *err) {
    const rcr_train_options own = rcr_run_own_options(run);
    rcr_text text = {0};
    rcr_text_puts(&text, "# Every setting of a training run, and what the automatic ones became.\n"
                         "# To run it again: recryst train --config THIS_FILE --out NEW_RUN\n"
                         "# A run that was stopped goes on with recryst train --resume RUN, from last.ckpt alone.\n");
    const char *section = "";
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (strcmp(field->section, section) != 0) {
            section = field->section;
            rcr_text_printf(&text, "\n[%s]\n", section);
            if (strcmp(section, "data") == 0) {
                put_toml_text(&text, "path", run->data_path);
                rcr_text_puts(&text, "\n");
            }
        }
        put_toml_field(&text, field, &own);
    }
    put_facts(&text, run);
    return write_text(run, "config.toml", &text, err);
}

/* ---- metrics.csv */

rcr_status rcr_run_write_metrics(const rcr_run *run, rcr_error *err) {
    rcr_text text = {0};
    size_t T = rcr_run_n_targets(run), n_extra = run->target_mae != NULL ? T : 0;
    int classes = run->options.model.task == RCR_CLASSIFICATION;
    rcr_text_printf(&text, "epoch,lr,train_loss,train_%s,val_loss,val_%s",
                    classes ? "accuracy" : rcr_choice_name(run->choice), rcr_choice_name(run->choice));
    for (size_t k = 0; k < n_extra; k++) {
        rcr_text name = {0};
        rcr_text_puts(&name, "val_mae_");
        rcr_target_label(&name, run->model, (int32_t)k);
        text.failed |= name.failed;
        if (!name.failed) rcr_csv_write_field(&text, name.data, 0);
        rcr_text_free(&name);
    }
    rcr_text_puts(&text, ",best,seconds\n");
    for (int32_t i = 0; i < run->epochs_done; i++) {
        const rcr_epoch *e = &run->history[i];
        rcr_text_printf(&text, "%" PRId32 ",", e->epoch);
        const double column[] = {e->lr, e->train_loss, e->train_score, e->val_loss, e->val_score};
        for (size_t k = 0; k < sizeof column / sizeof column[0]; k++) {
            put_number(&text, column[k]);
            rcr_text_puts(&text, ",");
        }
        for (size_t k = 0; k < n_extra; k++) {
            put_number(&text, run->target_mae[(size_t)i * T + k]);
            rcr_text_puts(&text, ",");
        }
        rcr_text_printf(&text, "%d,", e->is_best);
        put_number(&text, round(e->seconds * 1e4) / 1e4);
        rcr_text_puts(&text, "\n");
    }
    return write_text(run, "metrics.csv", &text, err);
}

/* ---- run_summary.json */

typedef struct json_pair {
    size_t key_at, value_at; /* in the list's text */
    const char *key;         /* there, once nothing more is added */
} json_pair;

/* A flat object; keys are sorted when it is written, as the reference program's are. */
typedef struct json_list {
    size_t n, capacity;
    json_pair *pair;
    rcr_text text; /* keys and values, NUL after each */
} json_list;

static rcr_text *json_begin(json_list *list, const char *key) {
    json_pair *grown = rcr_grow(list->pair, &list->capacity, list->n + 1, sizeof *grown);
    if (grown == NULL) {
        list->text.failed = 1;
        return &list->text;
    }
    list->pair = grown;
    if (list->text.length > 0) rcr_text_append(&list->text, "", 1);
    size_t key_at = list->text.length;
    rcr_text_puts(&list->text, key);
    rcr_text_append(&list->text, "", 1);
    list->pair[list->n++] = (json_pair){key_at, list->text.length, NULL};
    return &list->text;
}

static void json_integer(json_list *list, const char *key, int64_t value) {
    rcr_text_printf(json_begin(list, key), "%" PRId64, value);
}

static void json_bool(json_list *list, const char *key, int value) {
    rcr_text_puts(json_begin(list, key), value ? "true" : "false");
}

static void json_text(json_list *list, const char *key, const char *value) {
    rcr_json_string(json_begin(list, key), value);
}

/* JSON has no NaN; what is undefined is null. */
static void json_number(json_list *list, const char *key, double value) {
    rcr_text *text = json_begin(list, key);
    if (isfinite(value))
        put_number(text, value);
    else
        rcr_text_puts(text, "null");
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const json_pair *)a)->key, ((const json_pair *)b)->key);
}

static void summarize_model(json_list *list, const rcr_run *run) {
    const rcr_model_options *o = &run->options.model;
    rcr_model_info info = rcr_model_describe(run->best);
    int shared = o->architecture == RCR_SR_CGCNN;
    json_text(list, "conv_mode", shared ? "shared_recurrent" : "standard");
    json_integer(list, "n_conv", o->depth);
    if (shared)
        json_integer(list, "n_recurrent_steps", o->depth);
    else
        rcr_text_puts(json_begin(list, "n_recurrent_steps"), "null");
    json_bool(list, "recurrent_layer_norm", shared && o->layer_norm);
    json_bool(list, "recurrent_learnable_alpha", shared && o->gate);
    json_text(list, "recurrent_batch_norm", shared ? "per_step" : "per_layer");
    json_integer(list, "total_parameters", info.n_parameters);
    json_integer(list, "conv_parameters", info.n_conv_parameters);
    json_text(list, "task", rcr_task_name(o->task));
    json_text(list, "model", rcr_architecture_name(o->architecture));
    json_integer(list, "atom_features", o->atom_features);
    json_integer(list, "hidden", o->hidden);
    json_integer(list, "hidden_layers", o->hidden_layers);
}

static void summarize_settings(json_list *list, const rcr_run *run) {
    static const char *const names[] = {"Adam", "SGD", "AdamW"}; /* the reference program's spelling */
    const rcr_train_options *o = &run->options;
    json_integer(list, "epochs", o->epochs);
    json_text(list, "optimizer", names[o->optimizer]);
    json_number(list, "learning_rate", o->lr);
    json_text(list, "loss", rcr_loss_name(o->loss));
    json_text(list, "schedule", rcr_schedule_name(o->schedule));
    json_number(list, "lr_gamma", o->lr_gamma);
    rcr_text *milestones = json_begin(list, "lr_milestones");
    rcr_text_puts(milestones, "[");
    for (int32_t i = 0; i < o->n_milestones; i++)
        rcr_text_printf(milestones, i > 0 ? ", %" PRId32 : "%" PRId32, o->milestone[i]);
    rcr_text_puts(milestones, "]");
    json_number(list, "weight_decay", o->weight_decay);
    json_integer(list, "batch_size", o->batch_size);
    rcr_text_printf(json_begin(list, "seed"), "%" PRIu64, o->seed);
    json_text(list, "split", rcr_split_kind_name(o->split.kind));
    json_integer(list, "train_size", (int64_t)run->split.n_train);
    json_integer(list, "val_size", (int64_t)run->split.n_val);
    json_integer(list, "test_size", (int64_t)run->split.n_test);
    rcr_text *data = json_begin(list, "data_options");
    rcr_text_puts(data, "[");
    rcr_json_string(data, run->data_path);
    rcr_text_puts(data, "]");
    json_text(list, "data", run->dataset->name);
    json_text(list, "data_sha256", run->dataset->sha256);
    json_integer(list, "data_rows", (int64_t)run->dataset->n_rows);
    json_integer(list, "data_unusable_rows", (int64_t)run->dataset->n_bad);
    json_text(list, "target", run->dataset->target);
    json_text(list, "unit", run->options.unit != NULL ? run->options.unit : "");
    json_integer(list, "threads", rcr_pool_size(run->pool));
    json_text(list, "kernels", run->kernels->name);
    json_text(list, "version", rcr_version());
    rcr_text repeat = {0};
    rcr_run_repeat_command(&repeat, run);
    json_text(list, "repeat_command", repeat.data != NULL ? repeat.data : "");
    list->text.failed |= repeat.failed;
    rcr_text_free(&repeat);
}

/* target: NULL, or the label of one of several. */
static void summarize_part(json_list *list, const rcr_run *run, const char *part, const char *target,
                           const rcr_score *score) {
    const struct {
        const char *name;
        double value;
        int classes;
    } field[] = {{"mae", score->mae, 0},
                 {"rmse", score->rmse, 0},
                 {"r2", score->r2, 0},
                 {"accuracy", score->accuracy, 1},
                 {"precision", score->precision, 1},
                 {"recall", score->recall, 1},
                 {"f1", score->f1, 1},
                 {"auc", score->auc, 1},
                 {"scaled_mae", score->scaled, 2},
                 {"loss", score->loss, -1}};
    int kind = run->options.model.task == RCR_CLASSIFICATION        ? 1
               : target == NULL && run->choice == RCR_CHOOSE_SCALED ? 2
                                                                    : 0;
    for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
        if (field[i].classes >= 0 && field[i].classes != kind) continue;
        rcr_text key = {0};
        rcr_text_printf(&key, "%s_%s%s%s", part, field[i].name, target != NULL ? "_" : "",
                        target != NULL ? target : "");
        list->text.failed |= key.failed;
        json_number(list, key.failed ? "" : key.data, field[i].value);
        rcr_text_free(&key);
    }
}

/* What there is of each of several targets. */
static void summarize_targets(json_list *list, const rcr_run *run) {
    static const char *const parts[] = {"train", "val", "test"};
    const rcr_train_result *result = &run->result;
    rcr_text *names = json_begin(list, "targets");
    rcr_text_puts(names, "[");
    for (size_t k = 0; k < result->n_targets; k++) {
        if (k > 0) rcr_text_puts(names, ", ");
        rcr_json_string(names, run->model->targets[k].name);
    }
    rcr_text_puts(names, "]");
    for (size_t k = 0; k < result->n_targets; k++) {
        rcr_text label = {0}, key = {0};
        rcr_target_label(&label, run->model, (int32_t)k);
        const char *name = label.failed ? "" : label.data;
        for (int p = 0; p < 3; p++) summarize_part(list, run, parts[p], name, &result->targets[k].part[p]);
        const rcr_scale *scale = &run->model->targets[k].scale;
        const struct {
            const char *what;
            double value;
        } number[] = {{"test_target_std", result->targets[k].test_std},
                      {"train_target_mean", scale->normalizer.mean},
                      {"train_target_std", scale->normalizer.std},
                      {"test_rows", (double)result->targets[k].part[2].n},
                      {"train_rows", (double)result->targets[k].part[0].n}};
        for (size_t i = 0; i < sizeof number / sizeof number[0]; i++) {
            key.length = 0;
            rcr_text_printf(&key, "%s_%s", number[i].what, name);
            json_number(list, key.failed ? "" : key.data, number[i].value);
        }
        key.length = 0;
        rcr_text_printf(&key, "unit_%s", name);
        json_text(list, key.failed ? "" : key.data, run->model->targets[k].unit);
        list->text.failed |= label.failed || key.failed;
        rcr_text_free(&label);
        rcr_text_free(&key);
    }
}

static void summarize_transforms(json_list *list, const rcr_run *run) {
    rcr_text *text = json_begin(list, "transform");
    size_t T = rcr_run_n_targets(run);
    if (T > 1) rcr_text_puts(text, "[");
    for (size_t k = 0; k < T; k++)
        rcr_text_printf(text, "%s\"%s\"", k > 0 ? ", " : "",
                        rcr_transform_names[run->model->targets[k].scale.transform.kind]);
    if (T > 1) rcr_text_puts(text, "]");
}

static void sort_list(json_list *list) {
    rcr_text_append(&list->text, "", 1);
    if (list->text.failed) return;
    for (size_t i = 0; i < list->n; i++) list->pair[i].key = list->text.data + list->pair[i].key_at;
    qsort(list->pair, list->n, sizeof list->pair[0], by_key);
}

rcr_status rcr_run_write_summary(const rcr_run *run, rcr_error *err) {
    json_list own = {0}, *list = &own;
    const rcr_train_result *result = &run->result;
    summarize_model(list, run);
    summarize_settings(list, run);
    summarize_part(list, run, "train", NULL, &result->train);
    summarize_part(list, run, "val", NULL, &result->val);
    summarize_part(list, run, "test", NULL, &result->test);
    if (run->options.model.task == RCR_CLASSIFICATION) {
        json_number(list, "best_val_auc", result->val.auc);
        json_text(list, "best_model_by", rcr_choice_name(run->choice));
    } else if (result->n_targets > 1) {
        json_number(list, "best_val_scaled_mae", run->best_score);
        json_text(list, "best_model_by", rcr_choice_name(run->choice));
        summarize_targets(list, run);
    } else {
        json_number(list, "best_val_mae", run->best_score);
        json_text(list, "best_model_by", "mae");
        json_number(list, "train_target_mean", run->model->targets[0].scale.normalizer.mean);
        json_number(list, "train_target_std", run->model->targets[0].scale.normalizer.std);
    }
    if (result->n_targets <= 1) json_number(list, "test_target_std", result->target_std);
    if (run->options.model.task == RCR_REGRESSION) summarize_transforms(list, run);
    json_integer(list, "best_epoch", result->best_epoch);
    json_integer(list, "epochs_done", result->epochs_done);
    json_number(list, "seconds", round(result->seconds * 1e3) / 1e3);
    sort_list(list);
    rcr_text text = {.failed = list->text.failed};
    rcr_text_puts(&text, "{\n");
    for (size_t i = 0; i < list->n && !text.failed; i++) {
        rcr_text_puts(&text, "  ");
        rcr_json_string(&text, list->pair[i].key);
        rcr_text_printf(&text, ": %s%s\n", list->text.data + list->pair[i].value_at, i + 1 < list->n ? "," : "");
    }
    rcr_text_puts(&text, "}\n");
    rcr_text_free(&list->text);
    rcr_free(list->pair);
    return write_text(run, "run_summary.json", &text, err);
}
