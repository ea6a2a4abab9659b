#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/reader_parts.h"
#include "study/results.h"

static rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "reading the results of a study"); }

const char *const rcr_study_facts[RCR_STUDY_N_FACTS] = {"parameters", "conv_parameters", "best_epoch", "epochs",
                                                        "train_rows", "val_rows",        "test_rows",  "seconds"};
/* What run_summary.json calls them. */
static const char *const fact_keys[RCR_STUDY_N_FACTS] = {"total_parameters", "conv_parameters", "best_epoch",
                                                         "epochs_done",      "train_size",      "val_size",
                                                         "test_size",        "seconds"};

int rcr_study_score_part(const char *name) {
    static const char *const prefix[] = {"", "test_", "val_", "train_"};
    /* What else a summary has of a part; of one of several targets its name follows. */
    static const char *const none[] = {"size", "rows", "target_mean", "target_std"};
    for (int p = 1; p <= 3; p++) {
        if (strncmp(name, prefix[p], strlen(prefix[p])) != 0) continue;
        const char *bare = name + strlen(prefix[p]);
        for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
            size_t n = strlen(none[i]);
            if (strncmp(bare, none[i], n) == 0 && (bare[n] == '\0' || bare[n] == '_')) return 0;
        }
        return p;
    }
    return 0;
}

int rcr_study_more_is_better(const char *score) {
    static const char *const names[] = {"r2", "auc", "accuracy", "precision", "recall", "f1", "coverage"};
    const char *bare = strchr(score, '_');
    bare = bare != NULL ? bare + 1 : score;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(bare, names[i], n) == 0 && !rcr_is_alpha((unsigned char)bare[n])) return 1;
    }
    return 0;
}

/* The score by which people compare models stands first, the losses last (of several targets each has one). */
static int rank_of(const char *score) {
    const char *bare = strchr(score, '_') + 1;
    if (strcmp(bare, "mae") == 0 || strcmp(bare, "auc") == 0 || strcmp(bare, "scaled_mae") == 0) return 0;
    return strncmp(bare, "loss", 4) == 0 && (bare[4] == '\0' || bare[4] == '_') ? 2 : 1;
}

static int by_score(const void *a, const void *b) {
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    if (rcr_study_score_part(x) != rcr_study_score_part(y)) return rcr_study_score_part(x) - rcr_study_score_part(y);
    if (rank_of(x) != rank_of(y)) return rank_of(x) - rank_of(y);
    return strcmp(x, y);
}

double rcr_study_number(const rcr_study_run *run, const char *name) {
    for (size_t i = 0; i < run->n_numbers; i++)
        if (strcmp(run->number_name[i], name) == 0) return run->number[i];
    return NAN;
}

const char *rcr_study_main_score(const rcr_study *study) {
    static const char *const wanted[] = {"test_mae", "test_auc", "test_scaled_mae"};
    for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++)
        for (size_t i = 0; i < study->n_scores; i++)
            if (strcmp(study->score[i], wanted[w]) == 0) return study->score[i];
    return study->n_scores > 0 ? study->score[0] : NULL;
}

static const rcr_study_run *first_done(const rcr_study *study) {
    for (size_t i = 0; i < study->n_runs; i++)
        if (study->run[i].status == RCR_STUDY_DONE && study->run[i].target != NULL) return &study->run[i];
    return NULL;
}

const char *rcr_study_target(const rcr_study *study) {
    const rcr_study_run *run = first_done(study);
    return run != NULL ? run->target : NULL;
}

const char *rcr_study_unit(const rcr_study *study) {
    const rcr_study_run *run = first_done(study);
    return run != NULL ? run->unit : NULL;
}

/* ---- reading */

rcr_status rcr_study_add_score(rcr_study *study, const char *name, rcr_error *err) {
    for (size_t i = 0; i < study->n_scores; i++)
        if (strcmp(study->score[i], name) == 0) return RCR_OK;
    char **grown = rcr_realloc(study->score, study->n_scores + 1, sizeof *grown);
    if (grown == NULL) return fail_memory(err);
    study->score = grown;
    grown[study->n_scores] = rcr_strdup(name);
    if (grown[study->n_scores] == NULL) return fail_memory(err);
    study->n_scores++;
    qsort(study->score, study->n_scores, sizeof *study->score, by_score);
    return RCR_OK;
}

rcr_status rcr_study_make_numbers(rcr_study_run *run, size_t n, rcr_error *err) {
    rcr_free(run->number_name);
    rcr_free(run->number);
    run->number_name = rcr_calloc(n, sizeof *run->number_name);
    run->number = rcr_calloc(n, sizeof *run->number);
    return run->number_name != NULL && run->number != NULL ? RCR_OK : fail_memory(err);
}

rcr_status rcr_study_add_number(rcr_study_run *run, const char *name, double value, rcr_error *err) {
    run->number_name[run->n_numbers] = rcr_strdup(name);
    if (run->number_name[run->n_numbers] == NULL) return fail_memory(err);
    run->number[run->n_numbers++] = value;
    return RCR_OK;
}

static double number_of(const json_t *value) { return json_is_number(value) ? json_number_value(value) : NAN; }

static rcr_status take_text(char **to, const json_t *object, const char *key, rcr_error *err) {
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL) return RCR_OK;
    rcr_free(*to);
    *to = rcr_strdup(text);
    return *to != NULL ? RCR_OK : fail_memory(err);
}

static rcr_status take_numbers(rcr_study *study, rcr_study_run *run, json_t *object, rcr_error *err) {
    rcr_status status = rcr_study_make_numbers(run, json_object_size(object), err);
    if (status == RCR_OK) status = take_text(&run->target, object, "target", err);
    if (status == RCR_OK) status = take_text(&run->unit, object, "unit", err);
    if (status == RCR_OK) status = take_text(&run->program, object, "version", err);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        if (status != RCR_OK) break;
        for (size_t i = 0; i < RCR_STUDY_N_FACTS && status == RCR_OK; i++)
            if (strcmp(fact_keys[i], key) == 0)
                status = rcr_study_add_number(run, rcr_study_facts[i], number_of(value), err);
        if (status != RCR_OK || rcr_study_score_part(key) == 0 || !(json_is_number(value) || json_is_null(value)))
            continue;
        status = rcr_study_add_number(run, key, number_of(value), err);
        if (status == RCR_OK) status = rcr_study_add_score(study, key, err);
    }
    return status;
}

static rcr_status read_run(rcr_study *study, rcr_study_run *run, rcr_error *err) {
    rcr_text path = {0};
    char *text = NULL;
    size_t length = 0;
    json_t *object = NULL;
    rcr_text_printf(&path, "%s/%s/run_summary.json", study->directory, run->directory);
    rcr_status status = path.failed ? fail_memory(err) : rcr_file_read(&text, &length, path.data, (size_t)1 << 24, err);
    if (status == RCR_OK) status = rcr_json_load(&object, text, length, 1, err);
    if (status == RCR_OK && !json_is_object(object))
        status = rcr_fail(err, RCR_ERR_PARSE, "this is no summary of a run");
    if (status == RCR_OK) status = take_numbers(study, run, object, err);
    if (status != RCR_OK && !path.failed) rcr_error_set_file(err, path.data);
    json_decref(object);
    rcr_free(text);
    rcr_text_free(&path);
    return status;
}

rcr_status rcr_study_read_result(rcr_study *study, rcr_study_run *run, rcr_error *err) {
    return run->status == RCR_STUDY_DONE && run->n_numbers == 0 ? read_run(study, run, err) : RCR_OK;
}

rcr_status rcr_study_read_results(rcr_study *study, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < study->n_runs && status == RCR_OK; i++)
        status = rcr_study_read_result(study, &study->run[i], err);
    return status;
}
