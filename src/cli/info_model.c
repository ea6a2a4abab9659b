#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "cli/describe.h"
#include "cli/info.h"
#include "cli/terminal.h"
#include "cli/train_view.h"
#include "io/csv.h"
#include "train/peek.h"

static void put_elements(rcr_text *out, const rcr_element_table *table) {
    int n = 0;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) n += table->known[z];
    rcr_text_printf(out, "elements   table %s: %d elements, %d features each\n", table->name, n, table->n_features);
}

/* What the model knows of its own doubts. */
static void put_trust(rcr_text *out, const rcr_model *model) {
    char count[32];
    if (model->n_members > 1)
        rcr_text_printf(out, "ensemble   %zu networks, whose predictions are averaged (the figures above are of one)\n",
                        model->n_members);
    if (model->conformal != NULL)
        rcr_text_printf(out, "intervals  calibrated on %s rows%s\n",
                        rcr_format_count(count, (long long)model->conformal[0].n),
                        model->conformal[0].scaled ? "; longer where the model doubts" : "; of one length");
    if (model->domain == NULL) return;
    int n = 0;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) n += model->domain->element[z];
    rcr_text_printf(out, "domain     %d elements in the training rows%s\n", n,
                    model->domain->n_features > 0 ? ", and where their crystal vectors lie" : "");
}

/* Mean and deviation are those of what is learnt: of the transformed values where there is a transform. */
static void put_scale(rcr_text *out, const rcr_scale *scale) {
    const rcr_normalizer *normalizer = &scale->normalizer;
    int decimals = rcr_decimals_for(normalizer->std);
    char mean[32], std[32], parameter[32];
    rcr_format_value(mean, normalizer->mean, decimals);
    rcr_format_value(std, normalizer->std, decimals);
    if (scale->transform.kind == RCR_TRANSFORM_NONE) {
        rcr_text_printf(out, "; training rows: mean %s, standard deviation %s\n", mean, std);
        return;
    }
    rcr_text_printf(out, "; learnt as %s", rcr_transform_names[scale->transform.kind]);
    if (rcr_transform_has_parameter(scale->transform.kind))
        rcr_text_printf(out, " with parameter %s", rcr_format_double(parameter, scale->transform.parameter));
    rcr_text_printf(out, ", whose mean over the training rows is %s, standard deviation %s\n", mean, std);
}

static void put_targets(rcr_text *out, const rcr_model *model) {
    for (int32_t k = 0; k < model->options.n_targets; k++) {
        const rcr_target *target = &model->targets[k];
        rcr_text_printf(out, "%-10s %s%s%s", k == 0 ? "target" : "",
                        target->name[0] != '\0' ? target->name : "(without a name)",
                        target->unit[0] != '\0' ? " in " : "", target->unit);
        if (model->options.task == RCR_CLASSIFICATION)
            rcr_text_puts(out, ", classes 0 and 1; a prediction is the probability of class 1\n");
        else
            put_scale(out, &target->scale);
    }
    if (model->options.variance) rcr_text_puts(out, "std        a standard deviation is predicted beside each value\n");
}

void rcr_info_model(rcr_text *out, const rcr_model *model) {
    rcr_model_info info = rcr_model_describe(model);
    const rcr_model_options *o = &info.options;
    char a[32], b[32];
    rcr_text_puts(out, "model      ");
    rcr_describe_architecture(out, o);
    rcr_text_printf(out, "; %d atom features, %d hidden layer%s of %d\n", o->atom_features, o->hidden_layers,
                    o->hidden_layers == 1 ? "" : "s", o->hidden);
    rcr_text_printf(out, "parameters %s, %s of them in the convolutions\n", rcr_format_count(a, info.n_parameters),
                    rcr_format_count(b, info.n_conv_parameters));
    put_targets(out, model);
    put_trust(out, model);
    put_elements(out, model->elements);
    rcr_describe_graph_options(out, &info.graph);
    if (model->n_meta == 0) return;
    rcr_text_puts(out, "\nwhere it comes from\n");
    for (size_t i = 0; i < model->n_meta; i++)
        rcr_text_printf(out, "  %-22s %s\n", model->meta[i].key, model->meta[i].value);
}

/* ---- runs */

/* The first network of an ensemble whose folder gets files of its own when all are trained. */
static int has_members(const char *directory) { return rcr_is_file_in(directory, "member-1/config.toml"); }

int rcr_is_run(const char *directory) {
    return has_members(directory) || rcr_is_file_in(directory, "config.toml") ||
           rcr_is_file_in(directory, "last.ckpt") || rcr_is_file_in(directory, "model.safetensors");
}

/* The text of a file of the run, NULL where there is none; free with rcr_free. */
static rcr_status read_file(char **text, size_t *length, const char *directory, const char *name, rcr_error *err) {
    *text = NULL;
    if (!rcr_is_file_in(directory, name)) return RCR_OK;
    return rcr_file_read_in(text, length, directory, name, (size_t)1 << 28, err);
}

/* Rows of metrics.csv: one for each epoch that is done. */
static rcr_status epochs_done(size_t *n, const char *directory, rcr_error *err) {
    size_t length;
    char *text;
    rcr_csv *csv;
    *n = 0;
    rcr_status status = read_file(&text, &length, directory, "metrics.csv", err);
    if (text != NULL) {
        rcr_status parsed = rcr_csv_parse(&csv, text, length, NULL);
        if (parsed == RCR_OK) {
            *n = csv->n_rows > 0 ? csv->n_rows - 1 : 0;
            rcr_csv_free(csv);
        } else if (parsed == RCR_ERR_MEMORY) {
            status = rcr_fail_memory(err, "reading a run");
        }
    }
    rcr_free(text);
    return status;
}

/* The settings, without comments, indented. */
static rcr_status put_settings(rcr_text *out, const char *directory, const char *name, rcr_error *err) {
    size_t length;
    char *text;
    rcr_status status = read_file(&text, &length, directory, name, err);
    if (text == NULL) return status;
    rcr_text_printf(out, "\nsettings (%s)\n", name);
    for (char *line = text; line != NULL;) {
        char *next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        if (line[0] != '\0' && line[0] != '#') rcr_text_printf(out, "  %s\n", line);
        line = next;
    }
    rcr_free(text);
    return RCR_OK;
}

static void put_resume(rcr_text *out, const char *directory) {
    rcr_text_puts(out, "go on      recryst train --resume ");
    rcr_shell_word(out, directory);
    rcr_text_puts(out, "\n");
}

/* Which of the networks of an ensemble that is not finished is at work. */
static rcr_status put_progress(rcr_text *out, const char *directory, rcr_error *err) {
    rcr_run_state state = {0};
    rcr_text member = {0};
    char count[32];
    int n = 0, done = -1;
    rcr_status status = RCR_OK;
    if (rcr_run_peek(&state, directory, NULL) == RCR_OK) n = state.options.ensemble;
    rcr_run_state_release(&state);
    do {
        member.length = 0;
        rcr_text_printf(&member, "%s/member-%d", directory, ++done + 1);
    } while (!member.failed && rcr_is_file_in(member.data, "run_summary.json"));
    rcr_text_printf(out, "run        %s: not finished, an ensemble", directory);
    if (n > 0) rcr_text_printf(out, " of %d networks", n);
    if (n > 0 && done >= n) {
        rcr_text_puts(out, ": all are trained and not joined yet\n");
    } else {
        size_t epochs = 0;
        if (!member.failed) status = epochs_done(&epochs, member.data, err);
        rcr_text_printf(out, ": %d trained, network %d at work with %s epoch%s done\n", done, done + 1,
                        rcr_format_count(count, (long long)epochs), epochs == 1 ? "" : "s");
    }
    out->failed |= member.failed;
    rcr_text_free(&member);
    if (rcr_is_file_in(directory, "member-1/last.ckpt")) put_resume(out, directory);
    rcr_text_puts(out, "model      none yet: all networks make it together, and each has its own in member-N\n");
    return status;
}

rcr_status rcr_info_run(rcr_text *out, const char *directory, rcr_error *err) {
    char count[32];
    size_t n;
    rcr_status status = epochs_done(&n, directory, err);
    if (status != RCR_OK) return status;
    int finished = rcr_is_file_in(directory, "run_summary.json");
    if (!finished && has_members(directory)) {
        status = put_progress(out, directory, err);
        return status == RCR_OK ? put_settings(out, directory, "member-1/config.toml", err) : status;
    }
    rcr_text_printf(out, "run        %s: %s, %s epoch%s\n", directory, finished ? "finished" : "not finished",
                    rcr_format_count(count, (long long)n), n == 1 ? "" : "s");
    if (!finished && rcr_is_file_in(directory, "last.ckpt")) put_resume(out, directory);
    if (rcr_is_file_in(directory, "model.safetensors")) {
        rcr_model *model;
        status = rcr_model_load(&model, directory, err);
        if (status != RCR_OK) return status;
        rcr_info_model(out, model);
        rcr_model_free(model);
    } else {
        rcr_text_puts(out, "model      none yet: the first epoch is not done\n");
    }
    return put_settings(out, directory, "config.toml", err);
}
