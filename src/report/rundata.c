#include "report/rundata.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/reader.h"

static const size_t max_file = (size_t)1 << 30;
enum { MAX_WORST = 1000 };

/* ---- files */

rcr_status rcr_run_csv(rcr_csv **out, const char *directory, const char *name, int absent_ok, rcr_error *err) {
    if (absent_ok && !rcr_is_file_in(directory, name)) {
        *out = NULL;
        return RCR_OK;
    }
    char *text;
    size_t length;
    rcr_status status = rcr_file_read_in(&text, &length, directory, name, max_file, err);
    if (status != RCR_OK) return status;
    status = rcr_csv_parse(out, text, length, err);
    if (status == RCR_OK && (*out)->n_rows == 0) {
        rcr_csv_free(*out);
        *out = NULL;
        status = rcr_fail(err, RCR_ERR_PARSE, "the file is empty, where a header is expected");
    }
    rcr_free(text);
    if (status != RCR_OK) rcr_error_set_file(err, name);
    return status;
}

size_t rcr_csv_column(const rcr_csv *csv, const char *name) {
    for (size_t k = 0; k < csv->row[0].n_fields; k++)
        if (strcmp(csv->row[0].field[k], name) == 0) return k;
    return SIZE_MAX;
}

static const char *cell(const rcr_csv *csv, size_t row, size_t column) {
    return column < csv->row[row].n_fields ? csv->row[row].field[column] : "";
}

static double number_in(const rcr_csv *csv, size_t row, size_t column) {
    const char *text = cell(csv, row, column);
    double value;
    return rcr_parse_double(&value, text, strlen(text)) ? value : NAN;
}

static rcr_status need_column(size_t *out, const rcr_csv *csv, const char *name, const char *file, rcr_error *err) {
    *out = rcr_csv_column(csv, name);
    if (*out != SIZE_MAX) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_PARSE, file, 1, "the header has no column \"%s\"", name);
}

/* ---- run_summary.json */

static rcr_status read_summary(rcr_run_data *run, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = rcr_file_read_in(&text, &length, run->directory, "run_summary.json", max_file, err);
    if (status == RCR_ERR_IO && !rcr_is_file_in(run->directory, "run_summary.json"))
        return rcr_fail_at(err, RCR_ERR_IO, run->directory, 0,
                           "this is no finished training run: it holds no run_summary.json");
    if (status != RCR_OK) return status;
    json_error_t problem;
    run->summary = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    rcr_free(text);
    if (run->summary == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return rcr_fail_memory(err, "reading a run");
    if (!json_is_object((json_t *)run->summary))
        return rcr_fail_at(err, RCR_ERR_PARSE, "run_summary.json", problem.line > 0 ? problem.line : 1,
                           "expected a JSON object: %.200s", problem.text);
    const char *task = rcr_run_text(run, "task");
    run->classification = task != NULL && strcmp(task, "classification") == 0;
    double best = rcr_run_number(run, "best_epoch");
    run->best_epoch = best >= 1 && best < 1e9 ? (size_t)best : 0;
    return RCR_OK;
}

const char *rcr_run_text(const rcr_run_data *run, const char *key) {
    return json_string_value(json_object_get((json_t *)run->summary, key));
}

double rcr_run_number(const rcr_run_data *run, const char *key) {
    const json_t *value = json_object_get((json_t *)run->summary, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* ---- metrics.csv */

static const char *score_label(const char *column) {
    if (strcmp(column + strcspn(column, "_"), "_mae") == 0) return "MAE";
    if (strcmp(column + strcspn(column, "_"), "_scaled_mae") == 0) return "scaled MAE";
    if (strcmp(column + strcspn(column, "_"), "_auc") == 0) return "ROC AUC";
    return strchr(column, '_') != NULL ? strchr(column, '_') + 1 : column;
}

/* The column train_SCORE or val_SCORE that is no loss. */
static size_t score_column(const rcr_csv *csv, const char *prefix, char label[16]) {
    for (size_t k = 0; k < csv->row[0].n_fields; k++) {
        const char *name = csv->row[0].field[k];
        if (strncmp(name, prefix, strlen(prefix)) != 0 || strstr(name, "loss") != NULL) continue;
        rcr_fit(label, 16, "%s", score_label(name));
        return k;
    }
    return SIZE_MAX;
}

static rcr_status read_metrics(rcr_run_data *run, rcr_error *err) {
    rcr_csv *csv;
    rcr_status status = rcr_run_csv(&csv, run->directory, "metrics.csv", 0, err);
    if (status != RCR_OK) return status;
    size_t n = run->n_epochs = csv->n_rows - 1;
    size_t column[6] = {rcr_csv_column(csv, "lr"),
                        rcr_csv_column(csv, "train_loss"),
                        rcr_csv_column(csv, "val_loss"),
                        score_column(csv, "train_", run->train_score_name),
                        score_column(csv, "val_", run->val_score_name),
                        rcr_csv_column(csv, "seconds")};
    double *block = rcr_calloc(6 * (n + 1), sizeof *block);
    if (block == NULL) {
        rcr_csv_free(csv);
        return rcr_fail_memory(err, "reading a run");
    }
    for (size_t k = 0; k < 6; k++)
        for (size_t i = 0; i < n; i++)
            block[k * n + i] = column[k] == SIZE_MAX ? NAN : number_in(csv, i + 1, column[k]);
    run->lr = block;
    run->train_loss = block + n;
    run->val_loss = block + 2 * n;
    run->train_score = block + 3 * n;
    run->val_score = block + 4 * n;
    run->seconds = block + 5 * n;
    rcr_csv_free(csv);
    return RCR_OK;
}

/* ---- crystals.csv */

static int by_id(const void *a, const void *b) {
    return strcmp(((const rcr_run_crystal *)a)->id, ((const rcr_run_crystal *)b)->id);
}

static rcr_status read_crystals(rcr_run_data *run, rcr_error *err) {
    rcr_status status = rcr_run_csv(&run->crystals_csv, run->directory, "crystals.csv", 1, err);
    rcr_csv *csv = run->crystals_csv;
    if (status != RCR_OK || csv == NULL) return status;
    static const char *const names[] = {"id", "formula", "atoms", "space_group", "symbol"};
    size_t column[5];
    for (int k = 0; k < 5 && status == RCR_OK; k++)
        status = need_column(&column[k], csv, names[k], "crystals.csv", err);
    if (status != RCR_OK) return status;
    run->crystals = rcr_calloc(csv->n_rows, sizeof *run->crystals);
    if (run->crystals == NULL) return rcr_fail_memory(err, "reading a run");
    for (size_t i = 1; i < csv->n_rows; i++) {
        double atoms = number_in(csv, i, column[2]), group = number_in(csv, i, column[3]);
        rcr_run_crystal *c = &run->crystals[run->n_crystals++];
        *c = (rcr_run_crystal){.id = cell(csv, i, column[0]),
                               .formula = cell(csv, i, column[1]),
                               .n_atoms = atoms >= 1 && atoms <= INT32_MAX ? (int32_t)atoms : 0,
                               .space_group = group >= 1 && group <= 230 ? (int32_t)group : 0,
                               .symbol = cell(csv, i, column[4])};
        run->has_groups |= c->space_group > 0;
    }
    if (run->n_crystals > 0) qsort(run->crystals, run->n_crystals, sizeof *run->crystals, by_id);
    return RCR_OK;
}

static const rcr_run_crystal *find_crystal(const rcr_run_data *run, const char *id) {
    const rcr_run_crystal key = {.id = id};
    if (run->n_crystals == 0) return NULL;
    return bsearch(&key, run->crystals, run->n_crystals, sizeof *run->crystals, by_id);
}

/* ---- predictions-PART.csv */

/* The suffix of a column "WHAT" or "WHAT_SUFFIX"; NULL when it is neither. */
static const char *suffix_of(const char *column, const char *what) {
    size_t n = strlen(what);
    if (strncmp(column, what, n) != 0) return NULL;
    return column[n] == '\0' ? "" : column[n] == '_' ? column + n + 1 : NULL;
}

static size_t suffixed_column(const rcr_csv *csv, const char *what, const char *suffix) {
    for (size_t k = 0; k < csv->row[0].n_fields; k++) {
        const char *found = suffix_of(csv->row[0].field[k], what);
        if (found != NULL && strcmp(found, suffix) == 0) return k;
    }
    return SIZE_MAX;
}

/* Names of the targets: from the columns of the predictions where there are several, else from the summary. */
static rcr_status name_targets(rcr_run_data *run, const rcr_csv *csv, rcr_error *err) {
    run->target = rcr_calloc(csv->row[0].n_fields, sizeof *run->target);
    if (run->target == NULL) return rcr_fail_memory(err, "reading a run");
    for (size_t k = 0; k < csv->row[0].n_fields; k++) {
        const char *suffix = suffix_of(csv->row[0].field[k], "prediction");
        if (suffix == NULL) continue;
        const char *name = suffix, *unit = rcr_run_text(run, "unit");
        rcr_text label = {0};
        rcr_text_printf(&label, "unit_%s", suffix);
        if (suffix[0] == '\0')
            name = rcr_run_text(run, "target");
        else
            unit = label.failed ? NULL : rcr_run_text(run, label.data);
        rcr_text_free(&label);
        rcr_run_target *target = &run->target[run->n_targets++];
        target->name = rcr_strdup(name != NULL ? name : "target");
        target->unit = rcr_strdup(unit != NULL ? unit : "");
        if (target->name == NULL || target->unit == NULL) return rcr_fail_memory(err, "reading a run");
    }
    if (run->n_targets > 0) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_PARSE, "predictions-test.csv", 1, "the header has no column \"prediction\"");
}

static rcr_status fill_part(rcr_run_part *part, rcr_run_data *run, const char *file, rcr_error *err) {
    const rcr_csv *csv = part->csv;
    size_t n = part->n, id, targets = run->n_targets;
    rcr_status status = need_column(&id, csv, "id", file, err);
    if (status != RCR_OK) return status;
    part->id = rcr_calloc(n, sizeof *part->id);
    part->crystal = rcr_calloc(n, sizeof *part->crystal);
    part->target = rcr_calloc(n * targets, sizeof *part->target);
    part->prediction = rcr_calloc(n * targets, sizeof *part->prediction);
    if (suffixed_column(csv, "lower", run->n_targets == 1 ? "" : run->target[0].name) != SIZE_MAX) {
        part->lower = rcr_calloc(n * targets, sizeof *part->lower);
        part->upper = rcr_calloc(n * targets, sizeof *part->upper);
        if (part->lower == NULL || part->upper == NULL) return rcr_fail_memory(err, "reading a run");
    }
    if (part->id == NULL || part->crystal == NULL || part->target == NULL || part->prediction == NULL)
        return rcr_fail_memory(err, "reading a run");
    for (size_t i = 0; i < n; i++) {
        part->id[i] = cell(csv, i + 1, id);
        part->crystal[i] = find_crystal(run, part->id[i]);
    }
    for (size_t k = 0; k < targets; k++) {
        static const char *const names[] = {"target", "prediction", "lower", "upper"};
        double *const out[] = {part->target, part->prediction, part->lower, part->upper};
        const char *suffix = targets == 1 ? "" : run->target[k].name;
        for (int c = 0; c < 4; c++) {
            size_t column = suffixed_column(csv, names[c], suffix);
            if (out[c] == NULL) continue;
            for (size_t i = 0; i < n; i++) out[c][k * n + i] = column == SIZE_MAX ? NAN : number_in(csv, i + 1, column);
        }
    }
    return RCR_OK;
}

static rcr_status read_parts(rcr_run_data *run, rcr_error *err) {
    static const char *const names[] = {"training", "validation", "test"};
    static const char *const files[] = {"predictions-train.csv", "predictions-val.csv", "predictions-test.csv"};
    for (int p = 0; p < 3; p++) {
        rcr_run_part *part = &run->part[p];
        part->name = names[p];
        rcr_status status = rcr_run_csv(&part->csv, run->directory, files[p], 0, err);
        if (status != RCR_OK) return status;
        run->n_parts = (size_t)p + 1;
        part->n = part->csv->n_rows - 1;
        if (run->n_targets == 0) status = name_targets(run, part->csv, err);
        if (status == RCR_OK) status = fill_part(part, run, files[p], err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* ---- config.toml: as the trainer writes it, one setting a line */

/* Cut "value # comment" in two; the value loses its quotes. */
static void cut_value(char *text, rcr_run_setting *setting) {
    char *end = text;
    if (*text == '"') {
        char *to = text;
        for (end = text + 1; *end != '\0' && *end != '"'; end++) {
            if (*end == '\\' && end[1] != '\0') end++;
            *to++ = *end;
        }
        if (*end == '"') end++;
        char *rest = strchr(end, '#');
        setting->comment = rest != NULL ? rest + 1 + strspn(rest + 1, " ") : "";
        *to = '\0';
    } else {
        end = text + strcspn(text, "#");
        setting->comment = *end == '#' ? end + 1 + strspn(end + 1, " ") : "";
        while (end > text && (end[-1] == ' ' || end[-1] == '\t')) end--;
        *end = '\0';
    }
    setting->value = text;
}

static rcr_status read_settings(rcr_run_data *run, rcr_error *err) {
    if (!rcr_is_file_in(run->directory, "config.toml")) return RCR_OK;
    size_t length, lines = 1;
    rcr_status status = rcr_file_read_in(&run->settings_text, &length, run->directory, "config.toml", max_file, err);
    if (status != RCR_OK) return status;
    for (size_t i = 0; i < length; i++) lines += run->settings_text[i] == '\n';
    run->setting = rcr_calloc(lines, sizeof *run->setting);
    if (run->setting == NULL) return rcr_fail_memory(err, "reading a run");
    const char *section = "";
    for (char *line = run->settings_text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) *next++ = '\0';
        if (*line == '[') {
            section = line + 1;
            line[strcspn(line, "]")] = '\0';
            continue;
        }
        char *equals = strstr(line, " = ");
        if (*line == '#' || equals == NULL) continue;
        *equals = '\0';
        rcr_run_setting *setting = &run->setting[run->n_settings++];
        setting->section = section;
        setting->key = line;
        cut_value(equals + 3, setting);
    }
    return RCR_OK;
}

const char *rcr_run_setting_value(const rcr_run_data *run, const char *section, const char *key) {
    for (size_t i = 0; i < run->n_settings; i++)
        if (strcmp(run->setting[i].section, section) == 0 && strcmp(run->setting[i].key, key) == 0)
            return run->setting[i].value;
    return NULL;
}

/* ---- calibration.csv, steps.csv, worst-crystals.jsonl */

static rcr_status read_calibration(rcr_run_data *run, rcr_error *err) {
    rcr_status status = rcr_run_csv(&run->calibration_csv, run->directory, "calibration.csv", 1, err);
    const rcr_csv *csv = run->calibration_csv;
    if (status != RCR_OK || csv == NULL) return status;
    size_t part = rcr_csv_column(csv, "part"), promised = rcr_csv_column(csv, "promised"),
           observed = rcr_csv_column(csv, "observed"), width = rcr_csv_column(csv, "width"),
           target = rcr_csv_column(csv, "target");
    run->coverage = rcr_calloc(csv->n_rows, sizeof *run->coverage);
    if (run->coverage == NULL) return rcr_fail_memory(err, "reading a run");
    for (size_t i = 1; i < csv->n_rows; i++) {
        /* Of several targets the first one's. */
        if (strcmp(cell(csv, i, target), cell(csv, 1, target)) != 0) continue;
        rcr_run_coverage row = {part != SIZE_MAX ? cell(csv, i, part) : "test", number_in(csv, i, promised),
                                number_in(csv, i, observed), number_in(csv, i, width)};
        if (isfinite(row.promised) && isfinite(row.observed)) run->coverage[run->n_coverage++] = row;
    }
    return RCR_OK;
}

static double target_of(const rcr_run_data *run, const char *id, size_t *hint) {
    const rcr_run_part *test = &run->part[run->n_parts - 1];
    for (size_t k = 0; k < test->n; k++) {
        size_t i = (*hint + k) % test->n;
        if (strcmp(test->id[i], id) != 0) continue;
        *hint = i + 1;
        return test->target[i];
    }
    return NAN;
}

/* Long form: id, step, prediction, change; the steps of a crystal stand together, in order. */
static rcr_status read_steps(rcr_run_data *run, rcr_error *err) {
    rcr_status status = rcr_run_csv(&run->steps_csv, run->directory, "steps.csv", 1, err);
    const rcr_csv *csv = run->steps_csv;
    if (status != RCR_OK || csv == NULL || csv->n_rows < 2) return status;
    static const char *const names[] = {"id", "step", "prediction", "change"};
    size_t column[4], steps = 0;
    for (int k = 0; k < 4 && status == RCR_OK; k++) status = need_column(&column[k], csv, names[k], "steps.csv", err);
    if (status != RCR_OK) return status;
    while (steps + 1 < csv->n_rows && strcmp(cell(csv, steps + 1, column[0]), cell(csv, 1, column[0])) == 0) steps++;
    size_t n = (csv->n_rows - 1) / steps, hint = 0;
    run->traced_id = rcr_calloc(n, sizeof *run->traced_id);
    run->step_target = rcr_calloc(n, sizeof *run->step_target);
    run->step_prediction = rcr_calloc(n * steps, sizeof *run->step_prediction);
    run->step_change = rcr_calloc(n * steps, sizeof *run->step_change);
    if (run->traced_id == NULL || run->step_target == NULL || run->step_prediction == NULL || run->step_change == NULL)
        return rcr_fail_memory(err, "reading a run");
    for (size_t i = 0; i < n; i++) {
        run->traced_id[i] = cell(csv, 1 + i * steps, column[0]);
        run->step_target[i] = target_of(run, run->traced_id[i], &hint);
        for (size_t t = 0; t < steps; t++) {
            run->step_prediction[i * steps + t] = number_in(csv, 1 + i * steps + t, column[2]);
            run->step_change[i * steps + t] = number_in(csv, 1 + i * steps + t, column[3]);
        }
    }
    run->n_steps = steps;
    run->first_step = strcmp(cell(csv, 1, column[1]), "0") == 0 ? 0 : 1;
    run->n_traced = n;
    return RCR_OK;
}

static rcr_status read_worst(rcr_run_data *run, rcr_error *err) {
    if (!rcr_is_file_in(run->directory, "worst-crystals.jsonl")) return RCR_OK;
    rcr_text path = {0};
    rcr_reader *reader = NULL;
    rcr_record record;
    rcr_text_printf(&path, "%s/worst-crystals.jsonl", run->directory);
    run->worst = rcr_calloc(MAX_WORST, sizeof *run->worst);
    rcr_status status = path.failed || run->worst == NULL ? rcr_fail_memory(err, "reading a run")
                                                          : rcr_reader_open(&reader, path.data, err);
    while (status == RCR_OK && run->n_worst < MAX_WORST && rcr_reader_read(reader, &record)) {
        if (record.crystal != NULL) {
            run->worst[run->n_worst++] = record.crystal;
            record.crystal = NULL;
        } else if (record.error.status == RCR_ERR_IO || record.error.status == RCR_ERR_MEMORY) {
            status = record.error.status;
            if (err != NULL) *err = record.error;
        }
        rcr_record_release(&record);
    }
    rcr_reader_close(reader);
    rcr_text_free(&path);
    return status;
}

/* ---- the whole */

rcr_status rcr_run_data_read(rcr_run_data **out, const char *directory, rcr_error *err) {
    if (!rcr_is_directory(directory))
        return rcr_fail_at(err, RCR_ERR_IO, directory, 0, "there is no such run directory");
    rcr_run_data *run = rcr_calloc(1, sizeof *run);
    if (run == NULL) return rcr_fail_memory(err, "reading a run");
    run->directory = rcr_strdup(directory);
    rcr_status status = run->directory == NULL ? rcr_fail_memory(err, "reading a run") : read_summary(run, err);
    if (status == RCR_OK) status = read_metrics(run, err);
    if (status == RCR_OK) status = read_crystals(run, err);
    if (status == RCR_OK) status = read_parts(run, err);
    if (status == RCR_OK) status = read_settings(run, err);
    if (status == RCR_OK) status = read_calibration(run, err);
    if (status == RCR_OK) status = read_steps(run, err);
    if (status == RCR_OK) status = read_worst(run, err);
    if (status == RCR_OK) status = rcr_run_csv(&run->errors_csv, directory, "errors.csv", 1, err);
    if (status == RCR_OK)
        *out = run;
    else
        rcr_run_data_free(run);
    return status;
}

void rcr_run_data_free(rcr_run_data *run) {
    if (run == NULL) return;
    json_decref((json_t *)run->summary);
    for (size_t k = 0; k < run->n_targets; k++) {
        rcr_free(run->target[k].name);
        rcr_free(run->target[k].unit);
    }
    rcr_free(run->target);
    rcr_free(run->lr);
    for (int p = 0; p < 3; p++) {
        rcr_run_part *part = &run->part[p];
        rcr_free(part->id);
        rcr_free(part->target);
        rcr_free(part->prediction);
        rcr_free(part->lower);
        rcr_free(part->upper);
        rcr_free(part->crystal);
        rcr_csv_free(part->csv);
    }
    rcr_free(run->crystals);
    rcr_free(run->setting);
    rcr_free(run->settings_text);
    rcr_csv_free(run->crystals_csv);
    rcr_csv_free(run->calibration_csv);
    rcr_csv_free(run->steps_csv);
    rcr_csv_free(run->errors_csv);
    rcr_free(run->coverage);
    rcr_free(run->traced_id);
    rcr_free(run->step_target);
    rcr_free(run->step_prediction);
    rcr_free(run->step_change);
    for (size_t i = 0; i < run->n_worst; i++) rcr_crystal_free(run->worst[i]);
    rcr_free(run->worst);
    rcr_free(run->directory);
    rcr_free(run);
}

typedef struct ranked {
    double size;
    size_t row;
} ranked;

static int largest_first(const void *a, const void *b) {
    const ranked *p = a, *q = b;
    if (p->size != q->size) return p->size < q->size ? 1 : -1;
    return p->row < q->row ? -1 : p->row > q->row;
}

rcr_status rcr_run_rank(size_t **out, size_t *n, const rcr_run_data *run, size_t part, size_t target, rcr_error *err) {
    const rcr_run_part *p = &run->part[part];
    ranked *list = rcr_malloc(p->n, sizeof *list);
    size_t *row = rcr_malloc(p->n, sizeof *row), found = 0;
    if (list == NULL || row == NULL) {
        rcr_free(list);
        rcr_free(row);
        return rcr_fail_memory(err, "ranking errors");
    }
    for (size_t i = 0; i < p->n; i++) {
        double size = fabs(p->prediction[target * p->n + i] - p->target[target * p->n + i]);
        if (isfinite(size)) list[found++] = (ranked){size, i};
    }
    if (found > 0) qsort(list, found, sizeof *list, largest_first);
    for (size_t i = 0; i < found; i++) row[i] = list[i].row;
    rcr_free(list);
    *out = row;
    *n = found;
    return RCR_OK;
}
