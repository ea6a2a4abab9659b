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
#include "study/statistics.h"
#include "study/study.h"

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

static const char *const last_columns[] = {"parameters", "conv_parameters", "best_epoch", "epochs",
                                           "train_rows", "val_rows",        "test_rows",  "seconds"};
enum { N_LAST = sizeof last_columns / sizeof *last_columns };

static rcr_status write_runs(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    rcr_text_puts(&out, "run,setting");
    for (size_t k = 0; k < study->n_varied; k++) rcr_csv_write_field(&out, study->varied[k], 0);
    rcr_text_puts(&out, ",seed,repeat,fold,status,error");
    for (size_t k = 0; k < study->n_scores; k++) rcr_csv_write_field(&out, study->score[k], 0);
    for (int k = 0; k < N_LAST; k++) rcr_csv_write_field(&out, last_columns[k], 0);
    rcr_text_puts(&out, "\n");
    for (size_t i = 0; i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        const rcr_study_setting *setting = &study->setting[run->setting];
        rcr_csv_write_field(&out, run->directory, 1);
        rcr_csv_write_field(&out, setting->name, 0);
        for (size_t k = 0; k < study->n_varied; k++)
            rcr_csv_write_field(&out, setting->value[k] != NULL ? setting->value[k] : "", 0);
        rcr_text_printf(&out, ",%" PRIu64, run->seed);
        put_index(&out, run->repeat);
        put_index(&out, run->fold);
        /* What runs now is to be resumed, should this table be the last. */
        rcr_study_status status = run->status == RCR_STUDY_RUNNING ? RCR_STUDY_STOPPED : run->status;
        rcr_text_printf(&out, ",%s", rcr_study_status_name(status));
        rcr_csv_write_field(&out, run->error != NULL ? run->error : "", 0);
        for (size_t k = 0; k < study->n_scores; k++) put_number(&out, rcr_study_number(run, study->score[k]));
        for (int k = 0; k < N_LAST; k++) put_number(&out, rcr_study_number(run, last_columns[k]));
        rcr_text_puts(&out, "\n");
    }
    return rcr_file_write_in(study->directory, "study.csv", &out, err);
}

/* ---- summary.csv, differences.csv */

static rcr_status write_summary(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    rcr_text_puts(&out, "setting,score,n,mean,sd,se,min,max\n");
    for (size_t s = 0; s < study->n_settings; s++)
        for (size_t k = 0; k < study->n_scores; k++) {
            rcr_study_spread spread = rcr_study_spread_of(study, s, study->score[k]);
            rcr_csv_write_field(&out, study->setting[s].name, 1);
            rcr_text_printf(&out, ",%s,%zu", study->score[k], spread.n);
            const double number[] = {spread.mean, spread.sd, spread.se, spread.min, spread.max};
            for (int i = 0; i < 5; i++) put_number(&out, number[i]);
            rcr_text_puts(&out, "\n");
        }
    return rcr_file_write_in(study->directory, "summary.csv", &out, err);
}

static int is_of_training(const char *score) { return strncmp(score, "train_", 6) == 0; }

static rcr_status write_differences(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    rcr_text_puts(&out, "a,b,score,n,mean,sd,se,se_resampled,wins\n");
    for (size_t a = 0; a < study->n_settings; a++)
        for (size_t b = a + 1; b < study->n_settings; b++)
            for (size_t k = 0; k < study->n_scores; k++) {
                if (is_of_training(study->score[k])) continue;
                rcr_study_difference d = rcr_study_compare(study, a, b, study->score[k]);
                rcr_csv_write_field(&out, study->setting[a].name, 1);
                rcr_csv_write_field(&out, study->setting[b].name, 0);
                rcr_text_printf(&out, ",%s,%zu", study->score[k], d.spread.n);
                const double number[] = {d.spread.mean, d.spread.sd, d.spread.se, d.se_resampled};
                for (int i = 0; i < 4; i++) put_number(&out, number[i]);
                rcr_text_printf(&out, ",%zu\n", d.wins);
            }
    return rcr_file_write_in(study->directory, "differences.csv", &out, err);
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
        rcr_text_printf(out, "%s\n      \"%s\": {\"n\": %zu", k > 0 ? "," : "", study->score[k], spread.n);
        json_field(out, "mean", spread.mean);
        json_field(out, "sd", spread.sd);
        json_field(out, "se", spread.se);
        json_field(out, "min", spread.min);
        json_field(out, "max", spread.max);
        rcr_text_puts(out, "}");
    }
    rcr_text_printf(out, "}}%s\n", s + 1 < study->n_settings ? "," : "");
}

static void put_differences_json(rcr_text *out, const rcr_study *study) {
    int first = 1;
    for (size_t a = 0; a < study->n_settings; a++)
        for (size_t b = a + 1; b < study->n_settings; b++)
            for (size_t k = 0; k < study->n_scores; k++) {
                if (is_of_training(study->score[k])) continue;
                rcr_study_difference d = rcr_study_compare(study, a, b, study->score[k]);
                rcr_text_puts(out, first ? "\n    {" : ",\n    {");
                first = 0;
                json_named(out, "a", study->setting[a].name);
                rcr_text_puts(out, ", ");
                json_named(out, "b", study->setting[b].name);
                rcr_text_printf(out, ", \"score\": \"%s\", \"n\": %zu", study->score[k], d.spread.n);
                json_field(out, "mean", d.spread.mean);
                json_field(out, "sd", d.spread.sd);
                json_field(out, "se", d.spread.se);
                json_field(out, "se_resampled", d.se_resampled);
                rcr_text_printf(out, ", \"wins\": %zu}", d.wins);
            }
}

static rcr_status write_json(const rcr_study *study, rcr_error *err) {
    rcr_text out = {0};
    size_t count[RCR_STUDY_FAILED + 1] = {0};
    for (size_t i = 0; i < study->n_runs; i++)
        count[study->run[i].status == RCR_STUDY_RUNNING ? RCR_STUDY_STOPPED : study->run[i].status]++;
    rcr_text_puts(&out, "{\n  ");
    json_named(&out, "name", study->name);
    rcr_text_puts(&out, ",\n  ");
    json_named(&out, "target", study->target);
    rcr_text_puts(&out, ",\n  ");
    json_named(&out, "unit", study->unit);
    rcr_text_puts(&out, ",\n  \"seeds\": [");
    for (size_t i = 0; i < study->n_seeds; i++)
        rcr_text_printf(&out, i > 0 ? ", %" PRIu64 : "%" PRIu64, study->seed[i]);
    rcr_text_printf(&out, "],\n  \"folds\": %" PRId32 ",\n  \"repeats\": %" PRId32 ",\n  ", study->folds,
                    study->repeats);
    json_named(&out, "baseline", study->setting[study->baseline].name);
    rcr_text_puts(&out, ",\n  ");
    json_named(&out, "main_score", rcr_study_main_score(study));
    rcr_text_printf(&out,
                    ",\n  \"runs\": {\"all\": %zu, \"done\": %zu, \"failed\": %zu, \"stopped\": %zu, \"waiting\": %zu}",
                    study->n_runs, count[RCR_STUDY_DONE], count[RCR_STUDY_FAILED], count[RCR_STUDY_STOPPED],
                    count[RCR_STUDY_WAITING]);
    rcr_text_puts(&out, ",\n  \"settings\": [\n");
    for (size_t s = 0; s < study->n_settings; s++) put_setting_json(&out, study, s);
    rcr_text_puts(&out, "  ],\n  \"differences\": [");
    put_differences_json(&out, study);
    rcr_text_puts(&out, "\n  ]\n}\n");
    return rcr_file_write_in(study->directory, "summary.json", &out, err);
}

rcr_status rcr_study_write_tables(rcr_study *study, rcr_error *err) {
    rcr_status status = rcr_study_read_results(study, err);
    if (status == RCR_OK) status = write_runs(study, err);
    if (status == RCR_OK) status = write_summary(study, err);
    if (status == RCR_OK) status = write_differences(study, err);
    if (status == RCR_OK) status = write_json(study, err);
    rcr_text text = {0};
    if (status != RCR_OK) return status;
    rcr_study_summary_text(&text, study);
    return rcr_file_write_in(study->directory, "summary.txt", &text, err);
}
