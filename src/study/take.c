/* Rows of a study.csv that was written elsewhere, as runs that are done. */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "io/csv.h"
#include "study/results.h"
#include "train/peek.h"

static rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "taking the rows of a table"); }

/* ---- the data that runs have in common */

static int same_text(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

/* Settings whose runs are trained on the same data, weights of rows included, with the same element vectors. */
static int same_data(const rcr_study_setting *a, const rcr_study_setting *b) {
    return strcmp(a->data, b->data) == 0 && same_text(a->options.target, b->options.target) &&
           same_text(a->options.weights, b->options.weights) && same_text(a->options.init, b->options.init);
}

/* (*leader)[s] <- the first setting with the data of setting s. */
static rcr_status find_leaders(size_t **leader, const rcr_study *study, rcr_error *err) {
    size_t *list = rcr_malloc(study->n_settings, sizeof *list);
    if (list == NULL) return fail_memory(err);
    for (size_t s = 0; s < study->n_settings; s++) {
        list[s] = 0;
        while (!same_data(&study->setting[list[s]], &study->setting[s])) list[s]++;
    }
    *leader = list;
    return RCR_OK;
}

/* Where the run is from: "out/runs/a/seed-1", or "results/a.csv, line 3". */
static void put_origin(rcr_text *out, const rcr_study *study, const rcr_study_run *run) {
    if (run->taken != NULL)
        rcr_text_printf(out, "line %ld of %s", run->taken_line, run->taken);
    else
        rcr_text_printf(out, "%s/%s", study->directory, run->directory);
}

/* ---- the table */

typedef enum column {
    SETTING = 0,
    SEED,
    STATUS,
    KEY,
    DATA,
    ELEMENTS,
    N_NEEDED,
    REPEAT = N_NEEDED,
    FOLD,
    KERNELS,
    PROGRAM,
    TARGET,
    UNIT,
    N_COLUMNS
} column;
static const char *const column_names[N_COLUMNS] = {
    "setting", "seed", "status",       "key",     "data_sha256", "elements_sha256",
    "repeat",  "fold", "kernels_used", "program", "target_used", "unit_used"};

typedef struct taking {
    rcr_study *study;
    const char *name; /* of the table */
    const rcr_csv *csv;
    size_t column[N_COLUMNS]; /* SIZE_MAX: not there */
    int *is_number;           /* [columns of the header] of a score, or of another number of a run */
    size_t n_numbers;
    rcr_study_run **by_key; /* [n_runs] the study's runs */
    size_t *leader;
    const rcr_study_run **known; /* [n_settings] by leader: a run whose data are known; NULL: none */
    rcr_study_takings *counts;
} taking;

/* The last column of that name: options that vary stand before what is looked for, and may be called the same. */
static size_t last_column(const rcr_csv_row *header, const char *name) {
    size_t found = SIZE_MAX;
    for (size_t k = 0; k < header->n_fields; k++)
        if (strcmp(header->field[k], name) == 0) found = k;
    return found;
}

static rcr_status read_header(taking *t, rcr_error *err) {
    if (t->csv->n_rows == 0)
        return rcr_fail_at(err, RCR_ERR_PARSE, t->name, 0, "this is no table of a study: it is empty");
    const rcr_csv_row *header = &t->csv->row[0];
    for (int c = 0; c < N_COLUMNS; c++) {
        t->column[c] = last_column(header, column_names[c]);
        if (c < N_NEEDED && t->column[c] == SIZE_MAX && t->column[SETTING] != SIZE_MAX && t->column[SEED] != SIZE_MAX)
            return rcr_fail_at(err, RCR_ERR_PARSE, t->name, header->line,
                               "the table has no column '%s', as it was written by an older version; where its runs "
                               "are, write it anew: recryst study FILE --tables",
                               column_names[c]);
        if (c < N_NEEDED && t->column[c] == SIZE_MAX)
            return rcr_fail_at(err, RCR_ERR_PARSE, t->name, header->line, "this is no study.csv: it has no column '%s'",
                               column_names[c]);
    }
    t->is_number = rcr_calloc(header->n_fields, sizeof *t->is_number);
    if (t->is_number == NULL) return fail_memory(err);
    for (size_t k = t->column[STATUS] + 1; k < header->n_fields; k++) {
        int fact = 0;
        for (size_t i = 0; i < RCR_STUDY_N_FACTS; i++) fact |= strcmp(header->field[k], rcr_study_facts[i]) == 0;
        t->is_number[k] = fact ? 2 : rcr_study_score_part(header->field[k]) > 0;
        t->n_numbers += t->is_number[k] > 0;
    }
    return RCR_OK;
}

static int by_key(const void *a, const void *b) {
    const rcr_study_run *x = *(rcr_study_run *const *)a, *y = *(rcr_study_run *const *)b;
    int order = strcmp(x->key, y->key);
    return order != 0 ? order : (x > y) - (x < y);
}

static rcr_status prepare(taking *t, rcr_error *err) {
    rcr_study *study = t->study;
    t->by_key = rcr_malloc(study->n_runs, sizeof *t->by_key);
    t->known = rcr_calloc(study->n_settings, sizeof *t->known);
    if (t->by_key == NULL || t->known == NULL) return fail_memory(err);
    for (size_t i = 0; i < study->n_runs; i++) t->by_key[i] = &study->run[i];
    qsort(t->by_key, study->n_runs, sizeof *t->by_key, by_key);
    rcr_status status = find_leaders(&t->leader, study, err);
    if (status != RCR_OK) return status;
    for (size_t i = study->n_runs; i-- > 0;)
        if (study->run[i].data_sha256[0] != '\0') t->known[t->leader[study->run[i].setting]] = &study->run[i];
    return rcr_study_read_results(study, err);
}

/* ---- a row */

static const char *cell(const taking *t, const rcr_csv_row *row, column c) {
    return t->column[c] < row->n_fields ? row->field[t->column[c]] : "";
}

static rcr_status fail_row(rcr_error *err, const taking *t, const rcr_csv_row *row, const char *what) {
    return rcr_fail_at(err, RCR_ERR_PARSE, t->name, row->line, "%s", what);
}

static int is_hash(const char *text, size_t length) {
    return strlen(text) == length && strspn(text, "0123456789abcdef") == length;
}

static int32_t index_of(const char *text) {
    int64_t value;
    return rcr_parse_int64(&value, text, strlen(text)) && value >= 0 && value <= INT32_MAX ? (int32_t)value : -1;
}

/* The run of this study with the setting's name, seed, repeat and fold of a row; NULL: none. */
static rcr_study_run *find_namesake(const taking *t, const rcr_csv_row *row) {
    const rcr_study *study = t->study;
    size_t s = 0, each = study->n_runs / study->n_settings;
    char seed[24];
    while (s < study->n_settings && strcmp(study->setting[s].name, cell(t, row, SETTING)) != 0) s++;
    for (size_t i = s * each; s < study->n_settings && i < (s + 1) * each; i++) {
        rcr_study_run *run = &study->run[i];
        snprintf(seed, sizeof seed, "%" PRIu64, run->seed);
        if (strcmp(seed, cell(t, row, SEED)) == 0 && index_of(cell(t, row, REPEAT)) == run->repeat &&
            index_of(cell(t, row, FOLD)) == run->fold)
            return run;
    }
    return NULL;
}

/* A row with the name of a run that is another one. */
static rcr_status fail_key(rcr_error *err, const taking *t, const rcr_csv_row *row, const rcr_study_run *run) {
    const char *name = t->study->setting[run->setting].name;
    if (run->key[0] == '\0')
        return rcr_fail_at(err, RCR_ERR_MISMATCH, t->name, row->line,
                           "whether this row is the run of '%.100s' with seed %" PRIu64 " can't be told: the split's "
                           "file, or the model that it begins with, can't be read here; put it there, or leave the row "
                           "out",
                           name, run->seed);
    if (cell(t, row, KEY)[0] == '\0')
        return rcr_fail_at(err, RCR_ERR_MISMATCH, t->name, row->line,
                           "this row of '%.100s' with seed %" PRIu64 " has no key, as the split's file, or the model "
                           "that it begins with, could not be read where the table was written; put it there and write "
                           "the table anew, or leave the row out",
                           name, run->seed);
    return rcr_fail_at(err, RCR_ERR_MISMATCH, t->name, row->line,
                       "this row of '%.100s' with seed %" PRIu64 " is of a run with other options than the study now "
                       "gives it (its key is %.12s, the study's %.12s); restore the options, give the setting another "
                       "name, or leave the row out",
                       name, run->seed, cell(t, row, KEY), run->key);
}

static rcr_status check_data(const taking *t, const rcr_csv_row *row, const rcr_study_run *run, rcr_error *err) {
    const rcr_study_run *known = t->known[t->leader[run->setting]];
    if (known == NULL) return RCR_OK;
    int data = strcmp(known->data_sha256, cell(t, row, DATA)) != 0;
    if (!data && strcmp(known->elements_sha256, cell(t, row, ELEMENTS)) == 0) return RCR_OK;
    rcr_text origin = {0};
    put_origin(&origin, t->study, known);
    rcr_status status = rcr_fail_at(
        err, RCR_ERR_MISMATCH, t->name, row->line,
        "this row is of a run on other %s than %.200s (SHA-256 %.12s, there %.12s); leave out the ones or the others",
        data ? "data" : "element vectors", origin.failed ? "" : origin.data, cell(t, row, data ? DATA : ELEMENTS),
        data ? known->data_sha256 : known->elements_sha256);
    rcr_text_free(&origin);
    return status;
}

/* Column k of the row; NaN where it is empty. */
static rcr_status read_number(double *out, const taking *t, const rcr_csv_row *row, size_t k, rcr_error *err) {
    const char *text = row->field[k];
    *out = NAN;
    if (text[0] == '\0') return RCR_OK;
    if (rcr_parse_double(out, text, strlen(text)) && isfinite(*out)) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_PARSE, t->name, row->line, "%.60s is '%.60s', which is no number",
                       t->csv->row[0].field[k], text);
}

/* A run that is done already: the same numbers, but for the time that it took. */
static rcr_status compare(const taking *t, const rcr_csv_row *row, const rcr_study_run *run, rcr_error *err) {
    const rcr_csv_row *header = &t->csv->row[0];
    for (size_t k = 0; k < header->n_fields; k++) {
        double theirs, ours = t->is_number[k] ? rcr_study_number(run, header->field[k]) : NAN;
        if (isnan(ours) || strcmp(header->field[k], "seconds") == 0) continue;
        rcr_status status = read_number(&theirs, t, row, k, err);
        if (status != RCR_OK) return status;
        if (isnan(theirs) || theirs == ours) continue;
        char a[32], b[32];
        rcr_text origin = {0};
        put_origin(&origin, t->study, run);
        rcr_format_double(a, theirs);
        rcr_format_double(b, ours);
        status = rcr_fail_at(err, RCR_ERR_MISMATCH, t->name, row->line,
                             "this row has %.40s %s where the same run in %.200s has %s; keep one of the two",
                             header->field[k], a, origin.failed ? "" : origin.data, b);
        rcr_text_free(&origin);
        return status;
    }
    return RCR_OK;
}

static rcr_status copy_text(char **to, const char *text, rcr_error *err) {
    rcr_free(*to);
    *to = rcr_strdup(text);
    return *to != NULL ? RCR_OK : fail_memory(err);
}

static rcr_status fill(taking *t, const rcr_csv_row *row, rcr_study_run *run, rcr_error *err) {
    const rcr_csv_row *header = &t->csv->row[0];
    rcr_status status = rcr_study_make_numbers(run, t->n_numbers, err);
    int scores = 0;
    for (size_t k = 0; k < header->n_fields && status == RCR_OK; k++) {
        double value;
        if (!t->is_number[k]) continue;
        status = read_number(&value, t, row, k, err);
        if (status == RCR_OK) status = rcr_study_add_number(run, header->field[k], value, err);
        if (status == RCR_OK && t->is_number[k] == 1) status = rcr_study_add_score(t->study, header->field[k], err);
        scores += t->is_number[k] == 1 && status == RCR_OK && !isnan(value);
    }
    if (status == RCR_OK && scores == 0) status = fail_row(err, t, row, "this run is done, but the row has no score");
    if (status == RCR_OK) status = copy_text(&run->target, cell(t, row, TARGET), err);
    if (status == RCR_OK) status = copy_text(&run->unit, cell(t, row, UNIT), err);
    if (status == RCR_OK) status = copy_text(&run->program, cell(t, row, PROGRAM), err);
    if (status == RCR_OK) status = copy_text(&run->taken, t->name, err);
    if (status != RCR_OK) return status;
    snprintf(run->data_sha256, sizeof run->data_sha256, "%s", cell(t, row, DATA));
    snprintf(run->elements_sha256, sizeof run->elements_sha256, "%s", cell(t, row, ELEMENTS));
    snprintf(run->kernels, sizeof run->kernels, "%s", cell(t, row, KERNELS));
    run->taken_line = row->line;
    run->status = RCR_STUDY_DONE;
    if (t->known[t->leader[run->setting]] == NULL) t->known[t->leader[run->setting]] = run;
    return RCR_OK;
}

/* Give the row to a run that has its key. */
static rcr_status give(taking *t, const rcr_csv_row *row, rcr_study_run *run, rcr_error *err) {
    rcr_status status = check_data(t, row, run, err);
    if (status != RCR_OK) return status;
    if (run->status == RCR_STUDY_DONE) {
        t->counts->n_there++;
        return compare(t, row, run, err);
    }
    t->counts->n_taken++;
    return fill(t, row, run, err);
}

static rcr_status take_row(taking *t, const rcr_csv_row *row, rcr_error *err) {
    const rcr_study *study = t->study;
    const char *key = cell(t, row, KEY);
    if (row->n_fields != t->csv->row[0].n_fields)
        return fail_row(err, t, row, "the row has another number of fields than the header");
    if (strcmp(cell(t, row, STATUS), "done") != 0) return RCR_OK;
    if (!is_hash(cell(t, row, DATA), 64) || !is_hash(cell(t, row, ELEMENTS), 64) ||
        (key[0] != '\0' && !is_hash(key, 32)))
        return fail_row(err, t, row, "the key and hashes of this row are none, as study.csv has them");
    rcr_study_run *namesake = find_namesake(t, row);
    size_t low = 0, high = study->n_runs;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(t->by_key[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (key[0] != '\0' && end < study->n_runs && strcmp(t->by_key[end]->key, key) == 0) end++;
    if (end == low) {
        t->counts->n_strange += namesake == NULL;
        return namesake == NULL ? RCR_OK : fail_key(err, t, row, namesake);
    }
    /* Settings may have nothing but the data between them, which the key leaves out; then the name decides. */
    const rcr_study_setting *setting = &study->setting[t->by_key[low]->setting];
    int named = namesake != NULL && strcmp(namesake->key, key) == 0, several = 0;
    for (size_t i = low; i < end; i++) several |= !same_data(setting, &study->setting[t->by_key[i]->setting]);
    if (several && !named)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, t->name, row->line,
                           "several settings of this study differ by nothing but their data, and none is called "
                           "'%.100s'; give the one that is meant this name, or leave the row out",
                           cell(t, row, SETTING));
    rcr_status status = RCR_OK;
    for (size_t i = low; i < end && status == RCR_OK; i++)
        if (!several || same_data(&study->setting[namesake->setting], &study->setting[t->by_key[i]->setting]))
            status = give(t, row, t->by_key[i], err);
    return status;
}

rcr_status rcr_study_take(rcr_study *study, const char *name, const char *text, size_t length, rcr_study_takings *out,
                          rcr_error *err) {
    rcr_csv *csv = NULL;
    rcr_study_takings counts = *out;
    taking t = {.study = study, .name = name, .counts = &counts};
    rcr_status status = rcr_csv_parse(&csv, text, length, err);
    if (status != RCR_OK) rcr_error_set_file(err, name);
    t.csv = csv;
    if (status == RCR_OK) status = read_header(&t, err);
    if (status == RCR_OK) status = prepare(&t, err);
    for (size_t i = 1; status == RCR_OK && i < csv->n_rows; i++) status = take_row(&t, &csv->row[i], err);
    if (status == RCR_OK) *out = counts;
    rcr_csv_free(csv);
    rcr_free(t.is_number);
    rcr_free(t.by_key);
    rcr_free(t.known);
    rcr_free(t.leader);
    return status;
}

/* ---- before runs are trained beside what was taken */

static rcr_status check_setting(const rcr_study *study, const rcr_study_run *taken, const rcr_study_run *to_do,
                                int n_threads, rcr_error *err) {
    char data[65], elements[65];
    const rcr_study_setting *setting = &study->setting[to_do->setting];
    rcr_train_options options = rcr_study_run_options(study, to_do);
    rcr_error why;
    rcr_status status = rcr_run_identify_data(data, elements, setting->data, &options, n_threads, &why);
    if (status == RCR_ERR_MEMORY) return fail_memory(err);
    if (status != RCR_OK) return RCR_OK;
    int same = strcmp(data, taken->data_sha256) == 0;
    if (same && strcmp(elements, taken->elements_sha256) == 0) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_MISMATCH, taken->taken, taken->taken_line,
                       "the %s of %.200s are not those of this row's run (SHA-256 %.12s, here %.12s); restore them, or "
                       "go on without this table",
                       same ? "element vectors" : "data", setting->data,
                       same ? taken->elements_sha256 : taken->data_sha256, same ? elements : data);
}

rcr_status rcr_study_check_data(const rcr_study *study, int n_threads, rcr_error *err) {
    size_t *leader = NULL;
    const rcr_study_run **taken = rcr_calloc(study->n_settings, sizeof *taken);
    rcr_status status = taken != NULL ? find_leaders(&leader, study, err) : fail_memory(err);
    for (size_t i = 0; status == RCR_OK && i < study->n_runs; i++)
        if (study->run[i].taken != NULL) taken[leader[study->run[i].setting]] = &study->run[i];
    for (size_t i = 0; status == RCR_OK && i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        const rcr_study_run **with = &taken[leader[run->setting]];
        if (run->elsewhere || run->status == RCR_STUDY_DONE || *with == NULL) continue;
        status = check_setting(study, *with, run, n_threads, err);
        *with = NULL; /* once */
    }
    rcr_free(leader);
    rcr_free(taken);
    return status;
}
