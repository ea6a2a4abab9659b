#include "report/studypage.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/rundata.h"

static const size_t max_file = (size_t)1 << 28;

int rcr_study_is(const char *directory) {
    return rcr_is_file_in(directory, "study.csv") && rcr_is_file_in(directory, "summary.json");
}

static rcr_status load_summary(json_t **out, const char *directory, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = rcr_file_read_in(&text, &length, directory, "summary.json", max_file, err);
    if (status != RCR_OK) return status;
    json_error_t problem;
    json_t *summary = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    rcr_free(text);
    if (json_is_object(summary)) {
        *out = summary;
        return RCR_OK;
    }
    if (summary == NULL && json_error_code(&problem) == json_error_out_of_memory)
        return rcr_fail_memory(err, "reading a study");
    json_decref(summary);
    return rcr_fail_at(err, RCR_ERR_PARSE, "summary.json", problem.line > 0 ? problem.line : 1,
                       "expected a JSON object: %.200s", problem.text);
}

static const char *text_of(const json_t *object, const char *key) {
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : "";
}

rcr_status rcr_study_title(rcr_text *out, const char *directory, rcr_error *err) {
    json_t *summary;
    rcr_status status = load_summary(&summary, directory, err);
    if (status != RCR_OK) return status;
    const char *target = text_of(summary, "target"), *name = text_of(summary, "name");
    rcr_text_printf(out, "%s%s%s", name, target[0] != '\0' ? ": " : "", target);
    json_decref(summary);
    return out->failed ? rcr_fail_memory(err, "reading a study") : RCR_OK;
}

/* The rows of study.csv as objects of texts, by column. */
static void put_runs(rcr_text *json, const rcr_csv *csv) {
    rcr_text_puts(json, ",\"runs\":[");
    for (size_t i = 1; i < csv->n_rows; i++) {
        rcr_text_puts(json, i > 1 ? ",{" : "{");
        for (size_t k = 0; k < csv->row[0].n_fields && k < csv->row[i].n_fields; k++) {
            if (k > 0) rcr_text_puts(json, ",");
            rcr_json_string(json, csv->row[0].field[k]);
            rcr_text_puts(json, ":");
            rcr_json_string(json, csv->row[i].field[k]);
        }
        rcr_text_puts(json, "}");
    }
    rcr_text_puts(json, "]");
}

/* The validation score by which the best epoch is chosen: the first beside the loss.  Further ones are of single
 * targets. */
static size_t score_column(const rcr_csv *csv) {
    for (size_t k = 0; k < csv->row[0].n_fields; k++)
        if (strncmp(csv->row[0].field[k], "val_", 4) == 0 && strcmp(csv->row[0].field[k], "val_loss") != 0) return k;
    return SIZE_MAX;
}

/* {"setting": ..., "name": "val_mae", "value": [...]} for a run that has begun; a run without metrics has no curve. */
static rcr_status put_curve(rcr_text *json, const char *directory, const char *run, const char *setting, int *first,
                            rcr_error *err) {
    rcr_text path = {0};
    rcr_csv *csv = NULL;
    rcr_error why;
    rcr_text_printf(&path, "%s/%s", directory, run);
    rcr_status status =
        path.failed ? rcr_fail_memory(&why, "reading a study") : rcr_run_csv(&csv, path.data, "metrics.csv", 1, &why);
    rcr_text_free(&path);
    if (status == RCR_ERR_MEMORY && err != NULL) *err = why;
    if (status == RCR_ERR_MEMORY) return status;
    if (csv == NULL) return RCR_OK;
    size_t column = score_column(csv);
    if (column != SIZE_MAX) {
        rcr_text_puts(json, *first ? "{\"setting\":" : ",{\"setting\":");
        rcr_json_string(json, setting);
        rcr_text_puts(json, ",\"name\":");
        rcr_json_string(json, csv->row[0].field[column]);
        rcr_text_puts(json, ",\"value\":[");
        for (size_t i = 1; i < csv->n_rows; i++) {
            double value = NAN;
            char number[32];
            const char *cell = column < csv->row[i].n_fields ? csv->row[i].field[column] : "";
            if (!rcr_parse_double(&value, cell, strlen(cell))) value = NAN;
            rcr_text_printf(json, "%s%s", i > 1 ? "," : "",
                            isfinite(value) ? rcr_format_float(number, (float)value) : "null");
        }
        rcr_text_puts(json, "]}");
        *first = 0;
    }
    rcr_csv_free(csv);
    return RCR_OK;
}

static rcr_status put_curves(rcr_text *json, const char *directory, const rcr_csv *csv, rcr_error *err) {
    size_t run = rcr_csv_column(csv, "run"), setting = rcr_csv_column(csv, "setting"),
           taken = rcr_csv_column(csv, "taken");
    if (run == SIZE_MAX || setting == SIZE_MAX)
        return rcr_fail_at(err, RCR_ERR_PARSE, "study.csv", 1, "the header has no columns \"run\" and \"setting\"");
    int first = 1;
    rcr_status status = RCR_OK;
    rcr_text_puts(json, ",\"curves\":[");
    for (size_t i = 1; i < csv->n_rows && status == RCR_OK; i++) {
        const rcr_csv_row *row = &csv->row[i];
        if (row->n_fields <= run || row->n_fields <= setting) continue;
        /* What lies in the folder of a run that was taken from elsewhere, if anything, is not of that run. */
        if (taken < row->n_fields && row->field[taken][0] != '\0') continue;
        status = put_curve(json, directory, row->field[run], row->field[setting], &first, err);
    }
    rcr_text_puts(json, "]");
    return status;
}

static rcr_status put_file(rcr_text *json, const char *directory, rcr_error *err) {
    char *text;
    size_t length;
    if (!rcr_is_file_in(directory, "study.toml")) return RCR_OK;
    rcr_status status = rcr_file_read_in(&text, &length, directory, "study.toml", max_file, err);
    if (status != RCR_OK) return status;
    rcr_text_puts(json, ",\"file\":");
    rcr_json_string(json, text);
    rcr_text_puts(json, ",\"repeat\":\"recryst study study.toml\"");
    rcr_free(text);
    return RCR_OK;
}

static int append(const char *text, size_t length, void *json) {
    rcr_text_append(json, text, length);
    return 0;
}

rcr_status rcr_page_study(rcr_text *json, const char *directory, rcr_error *err) {
    json_t *summary = NULL;
    rcr_csv *csv = NULL;
    rcr_text title = {0};
    rcr_status status = load_summary(&summary, directory, err);
    if (status == RCR_OK) status = rcr_run_csv(&csv, directory, "study.csv", 0, err);
    if (status == RCR_OK) status = rcr_study_title(&title, directory, err);
    if (status == RCR_OK) {
        rcr_text_puts(json, "{\"format\":1,\"kind\":\"study\",\"title\":");
        rcr_json_string(json, title.data);
        rcr_text_printf(json, ",\"program\":\"recryst %s\",\"summary\":", rcr_version());
        json->failed |= json_dump_callback(summary, append, json, JSON_COMPACT) != 0;
        put_runs(json, csv);
        status = put_curves(json, directory, csv, err);
    }
    if (status == RCR_OK) status = put_file(json, directory, err);
    rcr_text_puts(json, "}");
    rcr_text_free(&title);
    rcr_csv_free(csv);
    json_decref(summary);
    return status == RCR_OK && json->failed ? rcr_fail_memory(err, "writing a report") : status;
}
