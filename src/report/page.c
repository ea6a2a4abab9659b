#include "report/page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "crystal/element.h"
#include "report/plot.h"

enum { UNUSABLE_SHOWN = 50 };

/* ---- JSON, piece by piece.  A list writes its commas by looking at what stands before. */

static void comma(rcr_text *out) {
    char last = out->length > 0 ? out->data[out->length - 1] : '[';
    if (last != '[' && last != '{' && last != ':') rcr_text_puts(out, ",");
}

static void key(rcr_text *out, const char *name) {
    comma(out);
    rcr_json_string(out, name);
    rcr_text_puts(out, ":");
}

static void put_string(rcr_text *out, const char *value) {
    comma(out);
    rcr_json_string(out, value != NULL ? value : "");
}

static void put_integer(rcr_text *out, int64_t value) {
    comma(out);
    rcr_text_printf(out, "%" PRId64, value);
}

/* A value that is only shown: single precision is finer than any screen. */
static void put_number(rcr_text *out, double value) {
    char number[32];
    comma(out);
    rcr_text_puts(out, isfinite(value) && fabs(value) < 1e38 ? rcr_format_float(number, (float)value) : "null");
}

/* A value from which scores come: every digit. */
static void put_exact(rcr_text *out, double value) {
    char number[32];
    comma(out);
    rcr_text_puts(out, isfinite(value) ? rcr_format_double(number, value) : "null");
}

/* A value whose distance to another one counts, such as that of a prediction to its target: of its digits those that
 * give this distance in single precision.  The targets may lie near -1234567, and the errors be hundredths. */
static void put_near(rcr_text *out, double value, double other) {
    double distance = fabs(isfinite(other) ? value - other : value), near = value;
    if (isfinite(distance) && distance > 0) {
        double digits = ceil(-log10(distance * 0x1p-24)); /* behind the point */
        if (digits >= 0 && digits <= 22) {
            double scale = pow(10, digits), whole = round(value * scale);
            if (fabs(whole) < 0x1p53) near = whole / scale; /* which has these digits and no others */
        }
    }
    put_exact(out, near);
}

static void put_numbers(rcr_text *out, const char *name, const double *value, size_t n) {
    key(out, name);
    rcr_text_puts(out, "[");
    for (size_t i = 0; i < n; i++) put_number(out, value[i]);
    rcr_text_puts(out, "]");
}

static void put_pair(rcr_text *out, const char *name, const char *value) {
    key(out, name);
    rcr_json_string(out, value != NULL ? value : "");
}

/* ---- facts at the head of the page */

static void fact(rcr_text *out, const char *name, const rcr_text *value) {
    if (value->length == 0) return;
    comma(out);
    rcr_text_puts(out, "[");
    put_string(out, name);
    put_string(out, value->data);
    rcr_text_puts(out, "]");
}

static int is_true(const rcr_run_data *run, const char *section, const char *name) {
    const char *value = rcr_run_setting_value(run, section, name);
    return value != NULL && strcmp(value, "true") == 0;
}

/* "37,313"; buffer: 32 bytes. */
static const char *thousands(char *buffer, double value) {
    char plain[32];
    int n = snprintf(plain, sizeof plain, "%" PRId64, (int64_t)fmin(fabs(value), 1e15)), at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) buffer[at++] = ',';
        buffer[at++] = plain[i];
    }
    buffer[at] = '\0';
    return buffer;
}

/* Of an ensemble how many there are, else 1. */
static int n_networks(const rcr_run_data *run) {
    const char *text = rcr_run_setting_value(run, "training", "ensemble");
    double n = 1;
    return text != NULL && rcr_parse_double(&n, text, strlen(text)) && n >= 1 && n <= 1000 ? (int)n : 1;
}

static void describe_model(rcr_text *text, const rcr_run_data *run) {
    const char *model = rcr_run_text(run, "model");
    if (model == NULL) return;
    int shared = strcmp(model, "sr-cgcnn") == 0;
    double depth = rcr_run_number(run, "n_conv"), all = rcr_run_number(run, "total_parameters"),
           conv = rcr_run_number(run, "conv_parameters");
    rcr_text_puts(text, shared ? "SR-CGCNN" : "CGCNN");
    if (isfinite(depth))
        rcr_text_printf(text, ", %d %s%s", (int)fmin(depth, 1e6), shared ? "step" : "layer", depth > 1 ? "s" : "");
    if (shared && is_true(run, "model", "gate")) rcr_text_puts(text, ", learnt gate");
    if (shared && is_true(run, "model", "layer_norm")) rcr_text_puts(text, ", LayerNorm");
    if (n_networks(run) > 1) rcr_text_printf(text, ", an ensemble of %d", n_networks(run));
    if (isfinite(all) && isfinite(conv)) {
        char first[32], second[32];
        rcr_text_printf(text, "; %s parameters%s, of which %s in the convolutions", thousands(first, all),
                        n_networks(run) > 1 ? " each" : "", thousands(second, conv));
    }
}

static void describe_time(rcr_text *text, const rcr_run_data *run) {
    double seconds = rcr_run_number(run, "seconds"), threads = rcr_run_number(run, "threads");
    const char *kernels = rcr_run_text(run, "kernels");
    if (!isfinite(seconds)) return;
    rcr_html_number(text, seconds, seconds < 1000 ? 3 : 6);
    rcr_text_puts(text, " s");
    if (isfinite(threads)) rcr_text_printf(text, " on %d thread%s", (int)fmin(threads, 1e6), threads > 1 ? "s" : "");
    if (kernels != NULL) rcr_text_printf(text, ", kernels “%s”", kernels);
}

/* The seed of the split, as it was written: the run's where it has none of its own.  NULL where none decides. */
static const char *split_seed(const rcr_run_data *run, const char *split) {
    if (split == NULL || strcmp(split, "file") == 0 || strcmp(split, "reference") == 0) return NULL;
    const char *own = rcr_run_setting_value(run, "split", "split_seed");
    return own != NULL ? own : rcr_run_setting_value(run, "training", "seed");
}

static void put_facts(rcr_text *out, const rcr_run_data *run) {
    const char *data = rcr_run_text(run, "data"), *hash = rcr_run_text(run, "data_sha256"),
               *split = rcr_run_text(run, "split"), *version = rcr_run_text(run, "version");
    rcr_text text[5] = {{0}};
    describe_model(&text[0], run);
    if (data != NULL)
        rcr_text_printf(&text[1], "%s%s%.16s%s", data, hash != NULL ? ", SHA-256 " : "", hash != NULL ? hash : "",
                        hash != NULL ? "…" : "");
    double bad = rcr_run_number(run, "data_unusable_rows");
    char n[3][32];
    for (int p = 0; p < 3; p++) thousands(n[p], (double)run->part[p].n);
    rcr_text_printf(&text[2], "%s training, %s validation, %s test", n[0], n[1], n[2]);
    if (bad > 0) rcr_text_printf(&text[2], "; %s unusable", thousands(n[0], bad));
    if (split != NULL) rcr_text_printf(&text[2], "; split: %s", split);
    const char *seed = split_seed(run, split);
    if (seed != NULL) rcr_text_printf(&text[2], ", seed %s", seed);
    if (run->best_epoch > 0)
        rcr_text_printf(&text[3], "%zu of %zu, by validation %s%s", run->best_epoch, run->n_epochs, run->val_score_name,
                        n_networks(run) > 1 ? "; of the first network" : "");
    describe_time(&text[4], run);
    if (version != NULL) rcr_text_printf(&text[4], ", recryst %s", version);
    key(out, "facts");
    rcr_text_puts(out, "[");
    static const char *const names[] = {"Model", "Data", "Rows", "Best epoch", "Time"};
    for (int i = 0; i < 5; i++) {
        fact(out, names[i], &text[i]);
        out->failed |= text[i].failed;
        rcr_text_free(&text[i]);
    }
    rcr_text_puts(out, "]");
}

/* ---- curves and parts */

static void put_curves(rcr_text *out, const rcr_run_data *run) {
    size_t n = run->n_epochs;
    key(out, "curves");
    rcr_text_puts(out, "{");
    put_pair(out, "train_name", run->train_score_name);
    put_pair(out, "val_name", run->val_score_name);
    key(out, "best");
    rcr_text_printf(out, "%zu", run->best_epoch);
    put_numbers(out, "lr", run->lr, n);
    put_numbers(out, "train_loss", run->train_loss, n);
    put_numbers(out, "val_loss", run->val_loss, n);
    put_numbers(out, "train_score", run->train_score, n);
    put_numbers(out, "val_score", run->val_score, n);
    rcr_text_puts(out, "}");
}

/* other: values of the same rows that each is compared with; NULL: none. */
static void put_by_target(rcr_text *out, const char *name, const double *value, const double *other, size_t n,
                          size_t n_targets) {
    if (value == NULL) return;
    key(out, name);
    rcr_text_puts(out, "[");
    for (size_t k = 0; k < n_targets; k++) {
        comma(out);
        rcr_text_puts(out, "[");
        for (size_t i = k * n; i < (k + 1) * n; i++)
            if (other != NULL)
                put_near(out, value[i], other[i]);
            else
                put_exact(out, value[i]);
        rcr_text_puts(out, "]");
    }
    rcr_text_puts(out, "]");
}

static void put_part(rcr_text *out, const rcr_run_data *run, const rcr_run_part *part) {
    comma(out);
    rcr_text_puts(out, "{");
    put_pair(out, "name", part->name);
    key(out, "id");
    rcr_text_puts(out, "[");
    for (size_t i = 0; i < part->n; i++) put_string(out, part->id[i]);
    rcr_text_puts(out, "]");
    /* Probabilities are compared with 0, 1, 0.5 and each other. */
    const double *goal = run->classification ? NULL : part->target;
    put_by_target(out, "t", part->target, NULL, part->n, run->n_targets);
    put_by_target(out, "p", part->prediction, goal, part->n, run->n_targets);
    put_by_target(out, "low", part->lower, part->upper, part->n, run->n_targets);
    put_by_target(out, "high", part->upper, part->lower, part->n, run->n_targets);
    if (run->n_crystals > 0) {
        key(out, "formula");
        rcr_text_puts(out, "[");
        for (size_t i = 0; i < part->n; i++) put_string(out, part->crystal[i] != NULL ? part->crystal[i]->formula : "");
        rcr_text_puts(out, "]");
        key(out, "atoms");
        rcr_text_puts(out, "[");
        for (size_t i = 0; i < part->n; i++) put_integer(out, part->crystal[i] != NULL ? part->crystal[i]->n_atoms : 0);
        rcr_text_puts(out, "]");
    }
    if (run->has_groups) {
        key(out, "sg");
        rcr_text_puts(out, "[");
        for (size_t i = 0; i < part->n; i++)
            put_integer(out, part->crystal[i] != NULL ? part->crystal[i]->space_group : 0);
        rcr_text_puts(out, "]");
    }
    rcr_text_puts(out, "}");
}

static void put_groups(rcr_text *out, const rcr_run_data *run) {
    uint8_t seen[231] = {0};
    key(out, "space_groups");
    rcr_text_puts(out, "{");
    for (size_t i = 0; i < run->n_crystals; i++) {
        int32_t group = run->crystals[i].space_group;
        if (group < 1 || group > 230 || seen[group]) continue;
        char name[16];
        seen[group] = 1;
        snprintf(name, sizeof name, "%" PRId32, group);
        put_pair(out, name, run->crystals[i].symbol);
    }
    rcr_text_puts(out, "}");
}

/* ---- crystals */

static void put_crystal(rcr_text *out, const rcr_crystal *crystal) {
    key(out, crystal->id);
    rcr_text_puts(out, "{");
    put_numbers(out, "lattice", &crystal->lattice[0][0], 9);
    key(out, "z");
    rcr_text_puts(out, "[");
    for (int32_t i = 0; i < crystal->n_sites; i++) put_string(out, rcr_element_symbol(crystal->atomic_number[i]));
    rcr_text_puts(out, "]");
    put_numbers(out, "f", &crystal->frac[0][0], 3 * (size_t)crystal->n_sites);
    rcr_text_puts(out, "}");
}

static void put_crystals(rcr_text *out, const rcr_run_data *run) {
    key(out, "crystals");
    rcr_text_puts(out, "{");
    for (size_t i = 0; i < run->n_worst; i++) put_crystal(out, run->worst[i]);
    rcr_text_puts(out, "}");
}

/* ---- steps and calibration */

/* Of the rows that have a target; *count: how many they are. */
static double step_error(const rcr_run_data *run, size_t t, size_t *count) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < run->n_traced; i++) {
        double p = run->step_prediction[i * run->n_steps + t], target = run->step_target[i];
        double error = run->classification ? -log(fmax(1e-15, target > 0.5 ? p : 1 - p)) : fabs(p - target);
        if (!isfinite(error)) continue;
        sum += error;
        n++;
    }
    *count = n;
    return n > 0 ? sum / (double)n : NAN;
}

static double step_change(const rcr_run_data *run, size_t t) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < run->n_traced; i++) {
        double change = run->step_change[i * run->n_steps + t];
        if (!isfinite(change)) continue;
        sum += change;
        n++;
    }
    return n > 0 ? sum / (double)n : NAN;
}

static void put_steps(rcr_text *out, const rcr_run_data *run) {
    size_t steps = run->n_steps, n = 0;
    if (run->n_traced == 0 || steps < 2) return;
    key(out, "steps");
    rcr_text_printf(out, "{\"first\":%zu,\"error\":[", run->first_step);
    for (size_t t = 0; t < steps; t++) put_number(out, step_error(run, t, &n));
    rcr_text_printf(out, "],\"n\":%zu,\"change\":[", n);
    for (size_t t = 0; t < steps; t++) put_number(out, step_change(run, t));
    rcr_text_puts(out, "],\"away\":[");
    for (size_t t = 0; t < steps; t++) {
        comma(out);
        rcr_text_puts(out, "[");
        for (size_t i = 0; i < run->n_traced; i++)
            put_number(out, run->step_prediction[i * steps + t] - run->step_prediction[i * steps + steps - 1]);
        rcr_text_puts(out, "]");
    }
    rcr_text_puts(out, "]}");
}

static void put_calibration(rcr_text *out, const rcr_run_data *run) {
    if (run->n_coverage == 0) return;
    key(out, "calibration");
    rcr_text_puts(out, "[");
    for (size_t i = 0; i < run->n_coverage; i++) {
        const rcr_run_coverage *c = &run->coverage[i];
        comma(out);
        rcr_text_puts(out, "{");
        put_pair(out, "part", c->part);
        key(out, "promised");
        put_number(out, c->promised);
        key(out, "observed");
        put_number(out, c->observed);
        key(out, "width");
        put_number(out, c->width);
        rcr_text_puts(out, "}");
    }
    rcr_text_puts(out, "]");
}

/* ---- settings and the rest */

static void put_settings(rcr_text *out, const rcr_run_data *run) {
    key(out, "settings");
    rcr_text_puts(out, "[");
    for (size_t i = 0; i < run->n_settings; i++) {
        const rcr_run_setting *s = &run->setting[i];
        comma(out);
        rcr_text_puts(out, "[");
        put_string(out, s->section);
        put_string(out, s->key);
        put_string(out, s->value);
        put_string(out, s->comment);
        rcr_text_puts(out, "]");
    }
    rcr_text_puts(out, "]");
    const char *repeat = rcr_run_text(run, "repeat_command");
    if (repeat != NULL) put_pair(out, "repeat", repeat);
}

static void put_unusable(rcr_text *out, const rcr_run_data *run) {
    const rcr_csv *csv = run->errors_csv;
    if (csv == NULL || csv->n_rows < 2) return;
    static const char *const names[] = {"id", "file", "reason"};
    key(out, "unusable");
    rcr_text_printf(out, "{\"count\":%zu,\"first\":[", csv->n_rows - 1);
    for (size_t i = 1; i < csv->n_rows && i <= UNUSABLE_SHOWN; i++) {
        comma(out);
        rcr_text_puts(out, "[");
        for (int k = 0; k < 3; k++) {
            size_t column = rcr_csv_column(csv, names[k]);
            put_string(out, column < csv->row[i].n_fields ? csv->row[i].field[column] : "");
        }
        rcr_text_puts(out, "]");
    }
    rcr_text_puts(out, "]}");
}

static void put_notes(rcr_text *out, const rcr_page_notes *notes) {
    key(out, "notes");
    rcr_text_puts(out, "{");
    if (notes->rows != NULL) put_pair(out, "rows", notes->rows);
    if (notes->space_groups != NULL) put_pair(out, "space_groups", notes->space_groups);
    if (notes->crystals != NULL) put_pair(out, "crystals", notes->crystals);
    rcr_text_puts(out, "}");
}

void rcr_page_title(rcr_text *out, const rcr_run_data *run) {
    const char *data = rcr_run_text(run, "data");
    for (size_t k = 0; k < run->n_targets && k < 4; k++)
        rcr_text_printf(out, "%s%s", k > 0 ? ", " : "", run->target[k].name);
    if (run->n_targets > 4) rcr_text_puts(out, ", …");
    if (data != NULL) rcr_text_printf(out, " of %s", data);
}

rcr_status rcr_page_run(rcr_text *json, const rcr_run_data *run, const rcr_page_notes *notes, rcr_error *err) {
    rcr_text title = {0};
    rcr_page_title(&title, run);
    rcr_text_puts(json, "{\"format\":1");
    put_pair(json, "kind", "run");
    put_pair(json, "title", title.data);
    key(json, "program");
    rcr_text_printf(json, "\"recryst %s\"", rcr_version());
    put_pair(json, "task", run->classification ? "classification" : "regression");
    key(json, "targets");
    rcr_text_puts(json, "[");
    for (size_t k = 0; k < run->n_targets; k++) {
        comma(json);
        rcr_text_puts(json, "{");
        put_pair(json, "name", run->target[k].name);
        put_pair(json, "unit", run->target[k].unit);
        rcr_text_puts(json, "}");
    }
    rcr_text_puts(json, "]");
    put_facts(json, run);
    key(json, "networks");
    put_integer(json, n_networks(run));
    put_curves(json, run);
    key(json, "parts");
    rcr_text_puts(json, "[");
    for (size_t p = 0; p < run->n_parts; p++) put_part(json, run, &run->part[p]);
    rcr_text_puts(json, "]");
    put_groups(json, run);
    put_crystals(json, run);
    put_steps(json, run);
    put_calibration(json, run);
    put_settings(json, run);
    put_unusable(json, run);
    put_notes(json, notes);
    rcr_text_puts(json, "}");
    json->failed |= title.failed;
    rcr_text_free(&title);
    return json->failed ? rcr_fail_memory(err, "writing a report") : RCR_OK;
}

/* ---- into the template */

static const char *find(const char *text, size_t length, const char *marker) {
    size_t n = strlen(marker);
    for (const char *at = text; at + n <= text + length; at++) {
        at = memchr(at, marker[0], (size_t)(text + length - at));
        if (at == NULL || at + n > text + length) return NULL;
        if (memcmp(at, marker, n) == 0) return at;
    }
    return NULL;
}

rcr_status rcr_page_fill(rcr_text *out, const char *template_text, size_t template_length, const char *title,
                         const rcr_text *json, rcr_error *err) {
    static const char title_marker[] = "@@TITLE@@", data_marker[] = "@@DATA@@";
    const char *end = template_text + template_length, *first = find(template_text, template_length, title_marker);
    const char *second = first != NULL ? find(first, (size_t)(end - first), data_marker) : NULL;
    if (second == NULL) return rcr_fail(err, RCR_ERR_DATA, "the page's template has no place for the data");
    rcr_text_append(out, template_text, (size_t)(first - template_text));
    rcr_html_escape(out, title);
    first += sizeof title_marker - 1;
    rcr_text_append(out, first, (size_t)(second - first));
    /* Inside a JSON string \u003c is '<', and outside of strings there is none: nothing can end the element. */
    for (const char *at = json->data, *stop = json->data + json->length; at < stop;) {
        const char *less = memchr(at, '<', (size_t)(stop - at));
        rcr_text_append(out, at, (size_t)((less != NULL ? less : stop) - at));
        if (less == NULL) break;
        rcr_text_puts(out, "\\u003c");
        at = less + 1;
    }
    second += sizeof data_marker - 1;
    rcr_text_append(out, second, (size_t)(end - second));
    return out->failed ? rcr_fail_memory(err, "writing a report") : RCR_OK;
}
