/* What report.html is told about a run. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/html.h"
#include "train/options.h"
#include "train/rundir.h"

enum { MAX_FACTS = 12, TEXT_SIZE = 160 };

/* The parts of a report that are made for it, freed together. */
typedef struct gathered {
    rcr_report_part part[3];
    const char **id;             /* all parts' in one block */
    double *target, *prediction; /* the same */
    double *curve;               /* four curves in one block */
    rcr_text setting_text;
    rcr_report_entry *setting;
    rcr_report_entry fact[MAX_FACTS];
    char fact_text[MAX_FACTS][TEXT_SIZE];
    size_t n_facts;
    rcr_text repeat;
} gathered;

static rcr_status gather_parts(gathered *g, const rcr_run *run, double *const prediction[3], rcr_error *err) {
    static const char *const names[] = {"training", "validation", "test"};
    const int64_t *const index[] = {run->split.train, run->split.val, run->split.test};
    const size_t n[] = {run->split.n_train, run->split.n_val, run->split.n_test};
    g->id = rcr_calloc(n[0] + n[1] + n[2], sizeof *g->id);
    g->target = rcr_calloc(n[0] + n[1] + n[2], sizeof *g->target);
    if (g->id == NULL || g->target == NULL) return rcr_fail_memory(err, "writing the report");
    size_t first = 0, T = rcr_run_n_targets(run), V = rcr_model_n_values(run->model);
    g->prediction = rcr_calloc(n[0] + n[1] + n[2], sizeof *g->prediction);
    if (g->prediction == NULL) return rcr_fail_memory(err, "writing the report");
    for (int p = 0; p < 3; p++) {
        size_t present = first; /* of several targets the first is shown, where it is there */
        for (size_t i = 0; i < n[p]; i++) {
            const rcr_sample *sample = &run->dataset->sample[index[p][i]];
            if (T > 1 && isnan(sample->target)) continue;
            g->id[present] = sample->id;
            g->target[present] = sample->target;
            g->prediction[present++] = prediction[p][i * V];
        }
        g->part[p] =
            (rcr_report_part){names[p], present - first, g->id + first, g->target + first, g->prediction + first};
        first = present;
    }
    return RCR_OK;
}

static rcr_status gather_curves(gathered *g, const rcr_run *run, rcr_error *err) {
    size_t n = (size_t)run->epochs_done;
    g->curve = rcr_calloc(4 * n, sizeof *g->curve);
    if (g->curve == NULL) return rcr_fail_memory(err, "writing the report");
    for (size_t i = 0; i < n; i++) {
        g->curve[i] = run->history[i].train_loss;
        g->curve[n + i] = run->history[i].val_loss;
        g->curve[2 * n + i] = run->history[i].train_score;
        g->curve[3 * n + i] = run->history[i].val_score;
    }
    return RCR_OK;
}

static rcr_status gather_settings(gathered *g, const rcr_run *run, rcr_error *err) {
    const rcr_train_options own = rcr_run_own_options(run);
    size_t *at = rcr_calloc(2 * rcr_n_option_fields, sizeof *at);
    g->setting = rcr_calloc(rcr_n_option_fields, sizeof *g->setting);
    if (at == NULL || g->setting == NULL) {
        rcr_free(at);
        return rcr_fail_memory(err, "writing the report");
    }
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        at[2 * i] = g->setting_text.length;
        rcr_text_printf(&g->setting_text, "%s.%s", rcr_option_fields[i].section, rcr_option_fields[i].name);
        rcr_text_append(&g->setting_text, "", 1);
        at[2 * i + 1] = g->setting_text.length;
        rcr_option_format(&g->setting_text, &rcr_option_fields[i], &own);
        rcr_text_append(&g->setting_text, "", 1);
    }
    for (size_t i = 0; i < rcr_n_option_fields && !g->setting_text.failed; i++)
        g->setting[i] = (rcr_report_entry){g->setting_text.data + at[2 * i], g->setting_text.data + at[2 * i + 1]};
    rcr_free(at);
    return g->setting_text.failed ? rcr_fail_memory(err, "writing the report") : RCR_OK;
}

/* The next fact's value, to be printed into [TEXT_SIZE]. */
static char *add_fact(gathered *g, const char *name) {
    char *value = g->fact_text[g->n_facts];
    g->fact[g->n_facts++] = (rcr_report_entry){name, value};
    return value;
}

static void gather_facts(gathered *g, const rcr_run *run) {
    const rcr_model_options *o = &run->options.model;
    rcr_model_info info = rcr_model_describe(run->best);
    int shared = o->architecture == RCR_SR_CGCNN;
    int several = run->options.ensemble > 1 && run->best->n_members > 1;
    char networks[48] = "";
    if (several) snprintf(networks, sizeof networks, ", an ensemble of %" PRId32, run->options.ensemble);
    snprintf(add_fact(g, "Model"), TEXT_SIZE, "%s, %" PRId32 " %s%s%s%s%s", shared ? "SR-CGCNN" : "CGCNN", o->depth,
             shared ? "step" : "layer", o->depth > 1 ? "s" : "", shared && o->gate ? ", learnt gate" : "",
             shared && o->layer_norm ? ", LayerNorm" : "", networks);
    snprintf(add_fact(g, "Parameters"), TEXT_SIZE, "%" PRId64 "%s, of which %" PRId64 " in the convolutions",
             info.n_parameters, several ? " in each network" : "", info.n_conv_parameters);
    rcr_fit(add_fact(g, "Data"), TEXT_SIZE, "%.60s, SHA-256 %.16s…", run->dataset->name, run->dataset->sha256);
    snprintf(add_fact(g, "Rows"), TEXT_SIZE, "%zu training, %zu validation, %zu test; %zu unusable", run->split.n_train,
             run->split.n_val, run->split.n_test, run->dataset->n_bad);
    snprintf(add_fact(g, "Best epoch"), TEXT_SIZE, "%" PRId32 " of %" PRId32 ", by validation %s%s", run->best_epoch,
             run->epochs_done,
             run->choice == RCR_CHOOSE_MAE      ? "MAE"
             : run->choice == RCR_CHOOSE_SCALED ? "scaled MAE"
             : run->choice == RCR_CHOOSE_AUC    ? "ROC AUC"
                                                : "accuracy",
             several ? "; of the first network" : "");
    long tenths = lround(run->seconds * 10);
    snprintf(add_fact(g, "Time"), TEXT_SIZE, "%ld.%ld s on %d thread%s, kernels “%s”", tenths / 10, tenths % 10,
             rcr_pool_size(run->pool), rcr_pool_size(run->pool) > 1 ? "s" : "", run->kernels->name);
    snprintf(add_fact(g, "Program"), TEXT_SIZE, "recryst %s", rcr_version());
}

static void put_argument(rcr_text *text, const char *value) {
    rcr_text_puts(text, " '");
    for (; *value != '\0'; value++)
        if (*value == '\'')
            rcr_text_puts(text, "'\\''");
        else
            rcr_text_append(text, value, 1);
    rcr_text_puts(text, "'");
}

/* 0 where the command refuses the option, because another one takes its use away. */
static int has_use(const char *option, const rcr_train_options *o) {
    int fixed = o->split.kind == RCR_SPLIT_REFERENCE || o->split.kind == RCR_SPLIT_FILE;
    const struct {
        const char *option;
        int used;
    } needs[] = {
        {"lr_milestones", o->schedule == RCR_SCHEDULE_MULTISTEP},
        {"lr_gamma", o->schedule == RCR_SCHEDULE_MULTISTEP || o->schedule == RCR_SCHEDULE_PLATEAU},
        {"lr_final", o->schedule == RCR_SCHEDULE_COSINE || o->schedule == RCR_SCHEDULE_ONE_CYCLE},
        {"plateau_patience", o->schedule == RCR_SCHEDULE_PLATEAU},
        {"huber_delta", o->loss == RCR_LOSS_HUBER},
        {"gaussian_beta", o->loss == RCR_LOSS_GAUSSIAN},
        {"momentum", o->optimizer == RCR_SGD},
        {"beta1", o->optimizer != RCR_SGD},
        {"beta2", o->optimizer != RCR_SGD},
        {"eps", o->optimizer != RCR_SGD},
        {"dropout", o->model.task == RCR_CLASSIFICATION},
        {"split_seed", !fixed},
    };
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (strcmp(needs[i].option, option) == 0) return needs[i].used;
    return 1;
}

/* What a reader wants to see even where it is the default, and what defaults may differ in tomorrow; and what without
 * the option is another value than the default: the split's seed is the run's then, no folds have a first one, and a
 * model to begin with has a treatment of disorder of its own. */
static int is_always_told(const char *option, const rcr_train_options *o) {
    static const char *const told[] = {"model", "steps",         "layers", "epochs", "batch_size", "optimizer",
                                       "lr",    "lr_milestones", "split",  "seed",   "split_seed", "fold"};
    if (o->init != NULL && strcmp(option, "disorder") == 0) return 1;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (strcmp(told[i], option) == 0) return 1;
    return 0;
}

/* "--lr 0.001", or nothing where it goes without saying. */
static void put_option(rcr_text *out, const rcr_option_field *field, const rcr_train_options *o,
                       const rcr_train_options *defaults) {
    const char *name = rcr_option_name(field, o);
    if (name == NULL || !has_use(name, o)) return;
    rcr_text now = {0}, normal = {0};
    rcr_text_puts(&now, ""); /* a list of milestones may be empty */
    rcr_option_format(&now, field, o);
    rcr_option_format(&normal, field, defaults);
    out->failed |= now.failed || normal.failed;
    if (!out->failed && (is_always_told(name, o) || strcmp(now.data, normal.data) != 0)) {
        char option[RCR_OPTION_NAME];
        rcr_text_printf(out, " --%s", rcr_option_spelled(option, field, o));
        if (field->kind == RCR_FIELD_TEXT || now.length == 0)
            put_argument(out, now.data);
        else if (field->kind != RCR_FIELD_FLAG)
            rcr_text_printf(out, " %s", now.data);
    }
    rcr_text_free(&now);
    rcr_text_free(&normal);
}

/* A line for each section of the settings.  The table of fields knows every option, so that none is forgotten. */
void rcr_run_repeat_command(rcr_text *text, const rcr_run *run) {
    const rcr_train_options defaults = rcr_train_options_default(), own = rcr_run_own_options(run);
    const char *section = "data";
    rcr_text_puts(text, "recryst train");
    put_argument(text, run->data_path);
    rcr_text_puts(text, " \\\n    --target");
    put_argument(text, run->dataset->target);
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (strcmp(field->section, "run") == 0 || strcmp(field->name, "target") == 0) continue;
        rcr_text option = {0};
        put_option(&option, field, &own, &defaults);
        text->failed |= option.failed;
        if (option.length > 0 && !option.failed) {
            rcr_text_puts(text, strcmp(field->section, section) != 0 ? " \\\n   " : "");
            rcr_text_puts(text, option.data);
            section = field->section;
        }
        rcr_text_free(&option);
    }
    /* Instruction sets differ in the last digits. */
    rcr_text_printf(text, " \\\n    --kernels %s --out NEW_RUN\n", run->kernels->name);
}

rcr_status rcr_run_write_report(const rcr_run *run, double *const prediction[3], rcr_error *err) {
    gathered *g = rcr_calloc(1, sizeof *g);
    if (g == NULL) return rcr_fail_memory(err, "writing the report");
    rcr_status status = gather_parts(g, run, prediction, err);
    if (status == RCR_OK) status = gather_curves(g, run, err);
    if (status == RCR_OK) status = gather_settings(g, run, err);
    if (status == RCR_OK) {
        gather_facts(g, run);
        rcr_run_repeat_command(&g->repeat, run);
        if (g->repeat.failed) status = rcr_fail_memory(err, "writing the report");
    }
    if (status == RCR_OK) {
        size_t n = (size_t)run->epochs_done;
        int classes = run->options.model.task == RCR_CLASSIFICATION;
        char title[256], path[RCR_PATH_SIZE];
        rcr_fit(title, sizeof title, "%.100s of %.100s", run->best->targets[0].name, run->dataset->name);
        rcr_report report = {.title = title,
                             .target = run->best->targets[0].name,
                             .unit = run->best->targets[0].unit,
                             .classification = classes,
                             .n_facts = g->n_facts,
                             .fact = g->fact,
                             .train_score_name = classes                            ? "accuracy"
                                                 : run->choice == RCR_CHOOSE_SCALED ? "scaled MAE"
                                                                                    : "MAE",
                             .val_score_name = run->choice == RCR_CHOOSE_MAE      ? "MAE"
                                               : run->choice == RCR_CHOOSE_SCALED ? "scaled MAE"
                                               : run->choice == RCR_CHOOSE_AUC    ? "ROC AUC"
                                                                                  : "accuracy",
                             .score_unit = run->choice == RCR_CHOOSE_MAE ? run->best->targets[0].unit : "",
                             .n_epochs = n,
                             .train_loss = g->curve,
                             .val_loss = g->curve + n,
                             .train_score = g->curve + 2 * n,
                             .val_score = g->curve + 3 * n,
                             .best_epoch = (size_t)run->best_epoch,
                             .n_parts = 3,
                             .part = g->part,
                             .n_settings = rcr_n_option_fields,
                             .setting = g->setting,
                             .repeat = g->repeat.data};
        status = rcr_report_write(rcr_run_path(path, run, "report.html"), &report, err);
    }
    rcr_free(g->id);
    rcr_free(g->target);
    rcr_free(g->prediction);
    rcr_free(g->curve);
    rcr_free(g->setting);
    rcr_text_free(&g->setting_text);
    rcr_text_free(&g->repeat);
    rcr_free(g);
    return status;
}
