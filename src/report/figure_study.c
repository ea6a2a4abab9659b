/* The figure of a study. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/figures.h"

static const size_t max_file = (size_t)1 << 28;

static double number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* Runs of a setting, and the score of each; x is an axis to be filled, or (frame not NULL) the dots are drawn. */
static void each_run(const rcr_csv *csv, const char *setting, const char *score, rcr_axis *x, const rcr_frame *frame,
                     double y) {
    size_t name = rcr_csv_column(csv, "setting"), column = rcr_csv_column(csv, score);
    for (size_t i = 1; i < csv->n_rows; i++) {
        double value;
        if (name >= csv->row[i].n_fields || column >= csv->row[i].n_fields) continue;
        const char *cell = csv->row[i].field[column];
        if (strcmp(csv->row[i].field[name], setting) != 0 || !rcr_parse_double(&value, cell, strlen(cell))) continue;
        if (frame == NULL)
            rcr_axis_include(x, &value, 1);
        else
            rcr_draw_circle(frame->canvas, rcr_frame_x(frame, value), y, 1.4, (rcr_ink){RCR_COLOR_TEST, 0.4, 0, 0});
    }
}

static void draw_setting(const rcr_frame *frame, const json_t *setting, const char *score, const rcr_csv *csv,
                         double y) {
    const char *name = json_string_value(json_object_get(setting, "name"));
    const json_t *scores = json_object_get(json_object_get(setting, "scores"), score);
    double mean = number_of(scores, "mean"), se = number_of(scores, "se");
    rcr_draw_text(frame->canvas, frame->left - 6, y + 2.5, 7, RCR_ANCHOR_END, 0, 0, RCR_COLOR_TEXT,
                  name != NULL ? name : "");
    if (name != NULL) each_run(csv, name, score, NULL, frame, y);
    if (!isfinite(mean)) return;
    const rcr_ink bar = {RCR_COLOR_TEXT, 1, 1, 0};
    if (isfinite(se)) {
        double low = rcr_frame_x(frame, mean - se), high = rcr_frame_x(frame, mean + se);
        rcr_draw_line(frame->canvas, low, y, high, y, bar);
        rcr_draw_line(frame->canvas, low, y - 2.5, low, y + 2.5, bar);
        rcr_draw_line(frame->canvas, high, y - 2.5, high, y + 2.5, bar);
    }
    rcr_draw_circle(frame->canvas, rcr_frame_x(frame, mean), y, 2.6, (rcr_ink){RCR_COLOR_TEST, 1, 0, 0});
}

/* "test_mae" -> "MAE, test". */
static void put_score(rcr_text *out, const char *score) {
    static const char *const known[][2] = {{"mae", "MAE"},      {"scaled_mae", "scaled MAE"}, {"rmse", "RMSE"},
                                           {"r2", "R\xc2\xb2"}, {"auc", "ROC AUC"},           {"f1", "F1"}};
    const char *low = strchr(score, '_');
    const char *name = low != NULL ? low + 1 : score;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i][0]) == 0) name = known[i][1];
    rcr_text_puts(out, name);
    if (low != NULL) rcr_text_printf(out, ", %.*s", (int)(low - score), score);
}

static rcr_status draw(rcr_canvas *canvas, const json_t *summary, const rcr_csv *csv, rcr_error *err) {
    const json_t *settings = json_object_get(summary, "settings");
    const char *score = json_string_value(json_object_get(summary, "main_score")),
               *unit = json_string_value(json_object_get(summary, "unit"));
    size_t n = json_array_size(settings), longest = 0;
    if (score == NULL || n == 0) return rcr_fail(err, RCR_ERR_DATA, "no run of the study is done");
    rcr_text title = {0};
    put_score(&title, score);
    if (unit != NULL && unit[0] != '\0' && (strcmp(score, "test_mae") == 0 || strcmp(score, "test_rmse") == 0))
        rcr_text_printf(&title, " (%s)", unit);
    rcr_axis x = rcr_axis_empty(title.data != NULL ? title.data : score, 0);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(settings, i), "name"));
        if (name == NULL) continue;
        if (strlen(name) > longest) longest = strlen(name);
        each_run(csv, name, score, &x, NULL, 0);
    }
    if (!(x.low <= x.high)) {
        rcr_text_free(&title);
        return rcr_fail(err, RCR_ERR_DATA, "no run of the study is done");
    }
    rcr_axis_close(&x);
    double left = fmin(12 + 3.9 * (double)longest, 240), height = 14 * (double)n + 8;
    canvas->width = left + 200;
    canvas->height = height + 42;
    rcr_frame frame = rcr_frame_draw(canvas, x, (rcr_axis){0, 1, 0, NULL}, left, 8, 190, height);
    for (size_t i = 0; i < n; i++)
        draw_setting(&frame, json_array_get(settings, i), score, csv, 8 + 11 + 14 * (double)i);
    canvas->failed |= title.failed;
    rcr_text_free(&title);
    return canvas->failed ? rcr_fail_memory(err, "drawing a figure") : RCR_OK;
}

rcr_status rcr_figure_study(rcr_canvas *canvas, const char *directory, rcr_error *err) {
    char *text = NULL;
    size_t length = 0;
    rcr_csv *csv = NULL;
    rcr_status status = rcr_file_read_in(&text, &length, directory, "summary.json", max_file, err);
    if (status == RCR_OK) status = rcr_run_csv(&csv, directory, "study.csv", 0, err);
    if (status == RCR_OK) {
        json_error_t why;
        json_t *summary = json_loadb(text, length, 0, &why);
        if (summary != NULL)
            status = draw(canvas, summary, csv, err);
        else if (json_error_code(&why) == json_error_out_of_memory)
            status = rcr_fail_memory(err, "drawing a figure");
        else
            status = rcr_fail_at(err, RCR_ERR_PARSE, "summary.json", 1, "expected a JSON object");
        json_decref(summary);
    }
    rcr_csv_free(csv);
    rcr_free(text);
    return status;
}
