#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/csv.h"
#include "study/results.h"
#include "study/statistics.h"

/* An empty field for what is undefined. */
static void put_number(rcr_text *out, double value) {
    char buffer[32];
    rcr_text_puts(out, ",");
    if (!isnan(value)) rcr_text_puts(out, rcr_format_double(buffer, value));
}

static void put_index(rcr_text *out, int32_t index) {
    rcr_text_puts(out, ",");
    if (index >= 0) rcr_text_printf(out, "%" PRId32, index);
}

/* ---- study.csv */

static void put_header(rcr_text *out, const rcr_study *study) {
    rcr_text_puts(out, "run,setting");
    for (size_t k = 0; k < study->n_varied; k++) rcr_csv_write_field(out, study->varied[k], 0);
    rcr_text_puts(out, ",seed,repeat,fold,status,error,taken");
    for (size_t k = 0; k < study->n_scores; k++) rcr_csv_write_field(out, study->score[k], 0);
    for (int k = 0; k < RCR_STUDY_N_FACTS; k++) rcr_csv_write_field(out, rcr_study_facts[k], 0);
    rcr_text_puts(out, ",target_used,unit_used,kernels_used,program,data_sha256,elements_sha256,key\n");
}

/* A NULL text is an empty field. */
static void put_text(rcr_text *out, const char *text) { rcr_csv_write_field(out, text != NULL ? text : "", 0); }

static void put_run(rcr_text *out, const rcr_study *study, const rcr_study_run *run, const char *taken) {
    const rcr_study_setting *setting = &study->setting[run->setting];
    rcr_csv_write_field(out, run->directory, 1);
    put_text(out, setting->name);
    for (size_t k = 0; k < study->n_varied; k++) put_text(out, setting->value[k]);
    rcr_text_printf(out, ",%" PRIu64, run->seed);
    put_index(out, run->repeat);
    put_index(out, run->fold);
    /* What runs now is to be resumed, should this table be the last. */
    rcr_study_status status = run->status == RCR_STUDY_RUNNING ? RCR_STUDY_STOPPED : run->status;
    rcr_text_printf(out, ",%s", rcr_study_status_name(status));
    put_text(out, run->error);
    put_text(out, taken);
    for (size_t k = 0; k < study->n_scores; k++) put_number(out, rcr_study_number(run, study->score[k]));
    for (int k = 0; k < RCR_STUDY_N_FACTS; k++) put_number(out, rcr_study_number(run, rcr_study_facts[k]));
    const char *const last[] = {run->target,          run->unit, run->kernels, run->program, run->data_sha256,
                                run->elements_sha256, run->key};
    for (size_t k = 0; k < sizeof last / sizeof *last; k++) put_text(out, last[k]);
    rcr_text_puts(out, "\n");
}

static rcr_status write_runs(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    put_header(&out, study);
    for (size_t i = 0; i < study->n_runs; i++) put_run(&out, study, &study->run[i], study->run[i].taken);
    return rcr_file_write_in(study->directory, "study.csv", &out, err);
}

rcr_status rcr_study_keep(rcr_study *study, const char *path, rcr_error *err) {
    rcr_text out = {0};
    rcr_status status = rcr_study_read_results(study, err);
    put_header(&out, study);
    for (size_t i = 0; i < study->n_runs; i++)
        if (study->run[i].status == RCR_STUDY_DONE) put_run(&out, study, &study->run[i], NULL);
    if (status == RCR_OK)
        status = out.failed ? rcr_fail_memory(err, "writing a table") : rcr_file_write(path, out.data, out.length, err);
    rcr_text_free(&out);
    return status;
}

/* ---- summary.csv, differences.csv */

static rcr_status write_summary(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    rcr_text_puts(&out, "setting,score,n,mean,sd,se,min,max\n");
    for (size_t s = 0; s < study->n_settings; s++)
        for (size_t k = 0; k < study->n_scores; k++) {
            rcr_study_spread spread = rcr_study_spread_of(study, s, study->score[k]);
            rcr_csv_write_field(&out, study->setting[s].name, 1);
            rcr_csv_write_field(&out, study->score[k], 0);
            rcr_text_printf(&out, ",%zu", spread.n);
            const double number[] = {spread.mean, spread.sd, spread.se, spread.min, spread.max};
            for (int i = 0; i < 5; i++) put_number(&out, number[i]);
            rcr_text_puts(&out, "\n");
        }
    return rcr_file_write_in(study->directory, "summary.csv", &out, err);
}

static int is_of_training(const char *score) { return strncmp(score, "train_", 6) == 0; }

/* Of this many settings all pairs are told; of more, whose pairs would be millions, each setting beside the baseline.
 */
enum { MAX_PAIRED = 500 };

/* What is put for a score of two settings; first: 1 for the first of all. */
typedef void (*put_pair)(rcr_text *out, const rcr_study *study, size_t a, size_t b, const char *score, int first);

static rcr_status write_pairs(rcr_writer *writer, const rcr_study *study, put_pair put, rcr_error *err) {
    rcr_text row = {0};
    int first = 1, all = study->n_settings <= MAX_PAIRED;
    for (size_t a = 0; a < study->n_settings; a++) {
        if (!all && a != study->baseline) continue;
        for (size_t b = all ? a + 1 : 0; b < study->n_settings; b++)
            for (size_t k = 0; k < study->n_scores && b != a; k++) {
                if (is_of_training(study->score[k])) continue;
                row.length = 0;
                put(&row, study, a, b, study->score[k], first);
                if (!row.failed) rcr_writer_write(writer, row.data, row.length);
                first = 0;
            }
    }
    rcr_status status = row.failed ? rcr_fail_memory(err, "writing a table") : RCR_OK;
    rcr_text_free(&row);
    return status;
}

/* head, the pairs, tail, to a file of the study; head is freed. */
static rcr_status write_around_pairs(const rcr_study *study, const char *name, rcr_text *head, put_pair put,
                                     const char *tail, rcr_error *err) {
    rcr_text path = {0};
    rcr_writer *writer = NULL;
    rcr_text_printf(&path, "%s/%s", study->directory, name);
    rcr_status status = head->failed || path.failed ? rcr_fail_memory(err, "writing a table")
                                                    : rcr_writer_open(&writer, path.data, err);
    if (status == RCR_OK) {
        rcr_writer_write(writer, head->data, head->length);
        status = write_pairs(writer, study, put, err);
        rcr_writer_write(writer, tail, strlen(tail));
        if (status == RCR_OK)
            status = rcr_writer_commit(writer, err);
        else
            rcr_writer_abort(writer);
    }
    rcr_text_free(&path);
    rcr_text_free(head);
    return status;
}

static void put_pair_csv(rcr_text *out, const rcr_study *study, size_t a, size_t b, const char *score, int first) {
    (void)first;
    rcr_study_difference d = rcr_study_compare(study, a, b, score);
    rcr_csv_write_field(out, study->setting[a].name, 1);
    rcr_csv_write_field(out, study->setting[b].name, 0);
    rcr_csv_write_field(out, score, 0);
    rcr_text_printf(out, ",%zu", d.spread.n);
    const double number[] = {d.spread.mean, d.spread.sd, d.spread.se, d.se_resampled};
    for (int i = 0; i < 4; i++) put_number(out, number[i]);
    rcr_text_printf(out, ",%zu\n", d.wins);
}

static rcr_status write_differences(const rcr_study *study, rcr_error *err) {
    rcr_text head = {0};
    rcr_text_puts(&head, "a,b,score,n,mean,sd,se,se_resampled,wins\n");
    return write_around_pairs(study, "differences.csv", &head, put_pair_csv, "", err);
}

/* ---- summary.json */

static void json_field(rcr_text *out, const char *name, double value) {
    rcr_text_printf(out, ", \"%s\": ", name);
    rcr_json_number(out, value);
}

static void json_named(rcr_text *out, const char *name, const char *text) {
    rcr_text_printf(out, "\"%s\": ", name);
    if (text != NULL)
        rcr_json_string(out, text);
    else
        rcr_text_puts(out, "null");
}

static void put_setting_json(rcr_text *out, const rcr_study *study, size_t s) {
    const rcr_study_setting *setting = &study->setting[s];
    rcr_text_puts(out, "    {");
    json_named(out, "name", setting->name);
    rcr_text_puts(out, ", \"options\": {");
    for (size_t k = 0, n = 0; k < study->n_varied; k++) {
        if (setting->value[k] == NULL) continue;
        if (n++ > 0) rcr_text_puts(out, ", ");
        json_named(out, study->varied[k], setting->value[k]);
    }
    rcr_text_puts(out, "}");
    json_field(out, "parameters", rcr_study_spread_of(study, s, "parameters").mean);
    rcr_text_puts(out, ",\n     \"scores\": {");
    for (size_t k = 0; k < study->n_scores; k++) {
        rcr_study_spread spread = rcr_study_spread_of(study, s, study->score[k]);
        rcr_text_puts(out, k > 0 ? ",\n      " : "\n      ");
        rcr_json_string(out, study->score[k]);
        rcr_text_printf(out, ": {\"n\": %zu", spread.n);
        json_field(out, "mean", spread.mean);
        json_field(out, "sd", spread.sd);
        json_field(out, "se", spread.se);
        json_field(out, "min", spread.min);
        json_field(out, "max", spread.max);
        rcr_text_puts(out, "}");
    }
    rcr_text_printf(out, "}}%s\n", s + 1 < study->n_settings ? "," : "");
}

static void put_pair_json(rcr_text *out, const rcr_study *study, size_t a, size_t b, const char *score, int first) {
    rcr_study_difference d = rcr_study_compare(study, a, b, score);
    rcr_text_puts(out, first ? "\n    {" : ",\n    {");
    json_named(out, "a", study->setting[a].name);
    rcr_text_puts(out, ", ");
    json_named(out, "b", study->setting[b].name);
    rcr_text_puts(out, ", ");
    json_named(out, "score", score);
    rcr_text_printf(out, ", \"n\": %zu", d.spread.n);
    json_field(out, "mean", d.spread.mean);
    json_field(out, "sd", d.spread.sd);
    json_field(out, "se", d.spread.se);
    json_field(out, "se_resampled", d.se_resampled);
    rcr_text_printf(out, ", \"wins\": %zu}", d.wins);
}

static rcr_status write_json(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    rcr_study_counts count = rcr_study_count(study);
    rcr_text_puts(&out, "{\n  ");
    json_named(&out, "name", study->name);
    rcr_text_puts(&out, ",\n  ");
    json_named(&out, "target", rcr_study_target(study));
    rcr_text_puts(&out, ",\n  ");
    json_named(&out, "unit", rcr_study_unit(study));
    rcr_text_puts(&out, ",\n  \"seeds\": [");
    for (size_t i = 0; i < study->n_seeds; i++)
        rcr_text_printf(&out, i > 0 ? ", %" PRIu64 : "%" PRIu64, study->seed[i]);
    rcr_text_printf(&out, "],\n  \"folds\": %" PRId32 ",\n  \"repeats\": %" PRId32 ",\n  ", study->folds,
                    study->repeats);
    json_named(&out, "baseline", study->setting[study->baseline].name);
    rcr_text_puts(&out, ",\n  ");
    json_named(&out, "main_score", rcr_study_main_score(study));
    rcr_text_printf(&out,
                    ",\n  \"runs\": {\"all\": %zu, \"done\": %zu, \"taken\": %zu, \"failed\": %zu, \"stopped\": %zu, "
                    "\"waiting\": %zu}",
                    study->n_runs, count.done, count.taken, count.failed, count.stopped, count.waiting);
    rcr_text_puts(&out, ",\n  \"settings\": [\n");
    for (size_t s = 0; s < study->n_settings; s++) put_setting_json(&out, study, s);
    rcr_text_puts(&out, "  ],\n  \"differences\": [");
    return write_around_pairs(study, "summary.json", &out, put_pair_json, "\n  ]\n}\n", err);
}

rcr_status rcr_study_put_tables(const rcr_study *study, rcr_error *err) {
    rcr_status status = write_runs(study, err);
    if (status == RCR_OK) status = write_summary(study, err);
    if (status == RCR_OK) status = write_differences(study, err);
    if (status == RCR_OK) status = write_json(study, err);
    rcr_text text = {0};
    if (status != RCR_OK) return status;
    rcr_study_summary_text(&text, study);
    return rcr_file_write_in(study->directory, "summary.txt", &text, err);
}

rcr_status rcr_study_write_tables(rcr_study *study, rcr_error *err) {
    rcr_status status = rcr_study_read_results(study, err);
    return status == RCR_OK ? rcr_study_put_tables(study, err) : status;
}
