#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "report/element_places.h"

enum { MAX_BINS = 41, MAX_DOTS = 20000 };
static const uint32_t part_color[3] = {RCR_COLOR_TRAINING, RCR_COLOR_VALIDATION, RCR_COLOR_TEST};
static const rcr_ink guide = {RCR_COLOR_GREY, 1, 0.7, 3};

/* "what (unit)" of the first target; the caller releases it. */
static const char *with_unit(rcr_text *title, const char *what, const rcr_run_data *run) {
    rcr_text_puts(title, what);
    if (run->target[0].unit[0] != '\0' && !run->classification) rcr_text_printf(title, " (%s)", run->target[0].unit);
    return title->data != NULL ? title->data : what;
}

static rcr_status end(rcr_canvas *canvas, rcr_text *title, size_t n, rcr_error *err) {
    for (size_t i = 0; i < n; i++) {
        canvas->failed |= title[i].failed;
        rcr_text_free(&title[i]);
    }
    return canvas->failed ? rcr_fail_memory(err, "drawing a figure") : RCR_OK;
}

/* A line of y at 1, 2, ..., broken where it can't be shown. */
static void draw_curve(const rcr_frame *frame, const double *y, size_t n, uint32_t color) {
    double(*point)[2] = rcr_malloc(n, sizeof *point);
    size_t m = 0;
    if (point == NULL) {
        frame->canvas->failed = 1;
        return;
    }
    for (size_t i = 0; i <= n; i++) {
        int good = i < n && isfinite(y[i]) && (!frame->y.logarithmic || y[i] > 0);
        if (good) {
            point[m][0] = rcr_frame_x(frame, (double)(i + 1));
            point[m++][1] = rcr_frame_y(frame, y[i]);
        } else {
            rcr_draw_path(frame->canvas, (const double(*)[2])point, m, (rcr_ink){color, 1, 1.1, 0});
            m = 0;
        }
    }
    rcr_free(point);
}

/* names: of the curves, training first. */
static rcr_status draw_pair(rcr_canvas *canvas, const rcr_run_data *run, const char *y_name, const char *const names[2],
                            const double *train, const double *val, int logarithmic, rcr_error *err) {
    if (run->n_epochs == 0) return rcr_fail(err, RCR_ERR_DATA, "the run has no epochs");
    static const uint32_t colors[] = {RCR_COLOR_TRAINING, RCR_COLOR_VALIDATION};
    canvas->width = 252;
    canvas->height = 190;
    rcr_axis x = {1, fmax(2, (double)run->n_epochs), 0, "epoch"}, y = rcr_axis_empty(y_name, logarithmic);
    rcr_axis_include(&y, train, run->n_epochs);
    rcr_axis_include(&y, val, run->n_epochs);
    rcr_axis_close(&y);
    rcr_frame frame = rcr_frame_draw(canvas, x, y, 42, 28, 202, 132);
    if (run->best_epoch > 0) {
        double at = rcr_frame_x(&frame, (double)run->best_epoch);
        rcr_draw_line(canvas, at, frame.top, at, frame.top + frame.height, guide);
    }
    draw_curve(&frame, train, run->n_epochs, colors[0]);
    draw_curve(&frame, val, run->n_epochs, colors[1]);
    frame.top = 2; /* above the axes, for curves may run anywhere between them */
    rcr_frame_legend(&frame, names, colors, 2);
    return RCR_OK;
}

static const char *const part_names[] = {"training", "validation"};

/* Where the curves are of different scores, those of classes, their names say which. */
static rcr_status draw_learning(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    int same = strcmp(run->train_score_name, run->val_score_name) == 0;
    const char *score = same ? run->val_score_name : "score";
    rcr_text text[3] = {{0}, {0}, {0}};
    const char *y_name = run->n_targets == 1 ? with_unit(&text[0], score, run) : score;
    rcr_text_printf(&text[1], "training %s", run->train_score_name);
    rcr_text_printf(&text[2], "validation %s", run->val_score_name);
    int named = !same && !text[1].failed && !text[2].failed;
    const char *const names[] = {named ? text[1].data : part_names[0], named ? text[2].data : part_names[1]};
    rcr_status status =
        draw_pair(canvas, run, y_name, names, run->train_score, run->val_score, !run->classification, err);
    rcr_status ended = end(canvas, text, 3, err);
    return status != RCR_OK ? status : ended;
}

/* The likelihood of a Gaussian falls below 0. */
static rcr_status draw_loss(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    int positive = 1;
    for (size_t i = 0; i < run->n_epochs; i++) positive &= !(run->train_loss[i] <= 0 || run->val_loss[i] <= 0);
    rcr_status status = draw_pair(canvas, run, "loss", part_names, run->train_loss, run->val_loss, positive, err);
    return status != RCR_OK ? status : end(canvas, NULL, 0, err);
}

/* ---- predictions */

static rcr_status need_regression(const rcr_run_data *run, rcr_error *err) {
    return run->classification
               ? rcr_fail(err, RCR_ERR_DATA, "this figure is one of regressions, and the run has classes")
               : RCR_OK;
}

/* How many rows have the first target, which they may lack. */
static size_t count_rows(const rcr_run_part *part) {
    size_t n = 0;
    for (size_t i = 0; i < part->n; i++) n += isfinite(part->prediction[i] - part->target[i]);
    return n;
}

/* Of these rows. */
static double mean_error(const rcr_run_part *part) {
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < part->n; i++) {
        double error = fabs(part->prediction[i] - part->target[i]);
        if (!isfinite(error)) continue;
        sum += error;
        n++;
    }
    return n > 0 ? sum / (double)n : NAN;
}

static void draw_parity_part(rcr_canvas *canvas, const rcr_run_data *run, size_t p, rcr_axis x, rcr_axis y) {
    const rcr_run_part *part = &run->part[p];
    rcr_frame frame = rcr_frame_draw(canvas, x, y, 42 + 170 * (double)p, 20, 122, 122);
    rcr_draw_line(canvas, frame.left, frame.top + frame.height, frame.left + frame.width, frame.top, guide);
    size_t stride = (part->n + MAX_DOTS - 1) / MAX_DOTS;
    double radius = part->n > 3000 ? 0.6 : part->n > 500 ? 0.9 : 1.3;
    for (size_t i = 0; i < part->n; i += stride)
        rcr_draw_circle(canvas, rcr_frame_x(&frame, part->target[i]), rcr_frame_y(&frame, part->prediction[i]), radius,
                        (rcr_ink){part_color[p], 0.5, 0, 0});
    rcr_text text = {0};
    rcr_text_printf(&text, "%s, n = %zu", part->name, count_rows(part));
    if (!text.failed)
        rcr_draw_text(canvas, frame.left + frame.width / 2, 12, 8, RCR_ANCHOR_MIDDLE, 0, 1, RCR_COLOR_TEXT, text.data);
    canvas->failed |= text.failed;
    text.length = 0;
    rcr_text_puts(&text, "MAE ");
    rcr_html_number(&text, mean_error(part), 3);
    if (run->target[0].unit[0] != '\0') rcr_text_printf(&text, " %s", run->target[0].unit);
    if (!text.failed)
        rcr_draw_text(canvas, frame.left + 5, frame.top + 8, 7, RCR_ANCHOR_START, 0, 0, RCR_COLOR_TEXT, text.data);
    rcr_text_free(&text);
}

static rcr_status draw_parity(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    rcr_status status = need_regression(run, err);
    if (status != RCR_OK) return status;
    rcr_text title[2] = {{0}, {0}};
    canvas->width = 516;
    canvas->height = 174;
    rcr_axis x = rcr_axis_empty(with_unit(&title[0], "target", run), 0);
    for (size_t p = 0; p < run->n_parts; p++) {
        rcr_axis_include(&x, run->part[p].target, run->part[p].n);
        rcr_axis_include(&x, run->part[p].prediction, run->part[p].n);
    }
    rcr_axis_close(&x);
    rcr_axis y = x;
    y.title = with_unit(&title[1], "prediction", run);
    for (size_t p = 0; p < run->n_parts; p++) draw_parity_part(canvas, run, p, x, y);
    return end(canvas, title, 2, err);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The |error| that a share of the test rows stays within. */
static double reach_of(const rcr_run_part *test, double share) {
    double *error = rcr_malloc(test->n, sizeof *error), reach = 1;
    size_t n = 0;
    if (error == NULL) return 1;
    for (size_t i = 0; i < test->n; i++) {
        double size = fabs(test->prediction[i] - test->target[i]);
        if (isfinite(size)) error[n++] = size;
    }
    if (n > 0) {
        qsort(error, n, sizeof *error, ascending);
        reach = error[(size_t)(share * (double)(n - 1))];
    }
    rcr_free(error);
    return reach > 0 ? reach : 1;
}

/* The share of the part's rows with the target in each bin, in percent; gives the largest. */
static double fill_bins(double share[MAX_BINS], int n_bins, double reach, const rcr_run_part *part) {
    double width = 2 * reach / n_bins, highest = 0;
    size_t n = count_rows(part);
    memset(share, 0, MAX_BINS * sizeof *share);
    for (size_t i = 0; i < part->n; i++) {
        double residual = part->prediction[i] - part->target[i];
        if (!isfinite(residual)) continue;
        int bin = (int)fmin(fmax(floor((residual + reach) / width), 0), n_bins - 1);
        share[bin] += 100.0 / (double)n;
        highest = fmax(highest, share[bin]);
    }
    return highest;
}

static rcr_status draw_residuals(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    rcr_status status = need_regression(run, err);
    if (status != RCR_OK) return status;
    const rcr_run_part *test = &run->part[run->n_parts - 1];
    rcr_text title = {0};
    double share[3][MAX_BINS], highest = 0, reach = reach_of(test, 0.98);
    int n_bins = 2 * (int)fmin(fmax(sqrt((double)count_rows(test)) / 2, 4), MAX_BINS / 2) + 1;
    for (size_t p = 0; p < run->n_parts; p++)
        highest = fmax(highest, fill_bins(share[p], n_bins, reach, &run->part[p]));
    canvas->width = 252;
    canvas->height = 176;
    rcr_axis x = {-reach, reach, 0, with_unit(&title, "prediction \xe2\x88\x92 target", run)},
             y = {0, highest > 0 ? 1.06 * highest : 1, 0, "% of the rows"};
    rcr_frame frame = rcr_frame_draw(canvas, x, y, 42, 28, 202, 132);
    static const char *const names[] = {"training", "validation", "test"};
    for (size_t p = 0; p < run->n_parts; p++) {
        double step[2 * MAX_BINS][2];
        for (int b = 0; b < n_bins; b++) {
            step[2 * b][0] = frame.left + frame.width * b / n_bins;
            step[2 * b + 1][0] = frame.left + frame.width * (b + 1) / n_bins;
            step[2 * b][1] = step[2 * b + 1][1] = rcr_frame_y(&frame, share[p][b]);
        }
        rcr_draw_path(canvas, (const double(*)[2])step, 2 * (size_t)n_bins,
                      (rcr_ink){part_color[p], 1, p + 1 == run->n_parts ? 1.3 : 0.8, 0});
    }
    rcr_frame_legend(&frame, names, part_color, run->n_parts);
    return end(canvas, &title, 1, err);
}

/* ---- elements */

typedef struct element_error {
    double sum;
    size_t n;
} element_error;

/* Add a row's error to each element of a formula in Hill's order. */
static void add_formula(element_error table[RCR_N_PLACES], const char *formula, double error) {
    uint8_t seen[RCR_N_PLACES] = {0};
    for (const char *at = formula; *at != '\0'; at++) {
        if (*at < 'A' || *at > 'Z') continue;
        int k = rcr_element_place(at, at[1] >= 'a' && at[1] <= 'z' ? 2 : 1);
        if (k < 0 || seen[k]) continue;
        seen[k] = 1;
        table[k].sum += error;
        table[k].n++;
    }
}

static uint32_t shade(double share) {
    static const int low[] = {0xe9, 0xf0, 0xf8}, high[] = {0x0b, 0x3c, 0x78};
    uint32_t color = 0;
    share = fmin(fmax(share, 0), 1);
    for (int k = 0; k < 3; k++) color = color << 8 | (uint32_t)lround(low[k] + share * (high[k] - low[k]));
    return color;
}

static void draw_element(rcr_canvas *canvas, int k, const element_error *e, double low, double high, double scale) {
    const double side = 27.5;
    double x = 8 + side * rcr_places[k].column, y = 22 + side * rcr_places[k].row + (rcr_places[k].row > 6 ? 8 : 0),
           mean = e->n > 0 ? scale * e->sum / (double)e->n : NAN, share = high > low ? (mean - low) / (high - low) : 0;
    uint32_t ink = e->n == 0 ? 0xb4b6ba : share > 0.55 ? 0xffffff : RCR_COLOR_TEXT;
    rcr_draw_box(canvas, x, y, side - 1.5, side - 1.5, (rcr_ink){e->n > 0 ? shade(share) : 0xf4f4f2, 1, 0, 0});
    rcr_draw_text(canvas, x + side / 2 - 0.7, y + (e->n > 0 ? 12 : 16), 9, RCR_ANCHOR_MIDDLE, 0, e->n > 0, ink,
                  rcr_places[k].symbol);
    if (e->n == 0) return;
    rcr_text text = {0};
    rcr_html_number(&text, mean, 2);
    canvas->failed |= text.failed;
    if (!text.failed) rcr_draw_text(canvas, x + side / 2 - 0.7, y + 21.5, 6, RCR_ANCHOR_MIDDLE, 0, 0, ink, text.data);
    rcr_text_free(&text);
}

static rcr_status draw_elements(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    const rcr_run_part *test = &run->part[run->n_parts - 1];
    element_error table[RCR_N_PLACES] = {{0}};
    double mean[RCR_N_PLACES], scale = run->classification ? 100 : 1;
    size_t n = 0, n_rows = 0, n_known = 0;
    for (size_t i = 0; i < test->n; i++) {
        double p = test->prediction[i], t = test->target[i];
        double error = run->classification ? (p > 0.5) != (t > 0.5) : fabs(p - t);
        if (!isfinite(p) || !isfinite(t)) continue;
        n_rows++;
        if (test->crystal[i] == NULL) continue;
        n_known++;
        add_formula(table, test->crystal[i]->formula, error);
    }
    if (n_rows == 0)
        return rcr_fail(err, RCR_ERR_DATA, "no row of the test part has a value of %.200s and a prediction of it",
                        run->target[0].name);
    if (n_known == 0) return rcr_fail(err, RCR_ERR_DATA, "the formulas of the test rows are not known (crystals.csv)");
    for (int k = 0; k < RCR_N_PLACES; k++)
        if (table[k].n >= 5 || (table[k].n > 0 && n_rows < 100)) mean[n++] = scale * table[k].sum / (double)table[k].n;
    if (n == 0) return rcr_fail(err, RCR_ERR_DATA, "no element is in five test rows whose formula is known");
    qsort(mean, n, sizeof *mean, ascending);
    double low = mean[n / 50], high = mean[n - 1 - n / 50];
    canvas->width = 8 + 18 * 27.5 + 8;
    canvas->height = 22 + 9 * 27.5 + 8 + 6;
    rcr_text title = {0};
    with_unit(&title,
              run->classification ? "share wrong of the test crystals with the element (%)"
                                  : "mean absolute error of the test crystals with the element",
              run);
    if (!title.failed) rcr_draw_text(canvas, 8, 14, 9, RCR_ANCHOR_START, 0, 0, RCR_COLOR_TEXT, title.data);
    for (int k = 0; k < RCR_N_PLACES; k++) draw_element(canvas, k, &table[k], low, high, scale);
    return end(canvas, &title, 1, err);
}

/* ---- steps, calibration */

static rcr_status draw_steps(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    rcr_status fit = need_regression(run, err);
    if (fit != RCR_OK) return fit;
    if (run->n_traced == 0)
        return rcr_fail(err, RCR_ERR_DATA,
                        "the run has no trajectory of steps (steps.csv: an SR-CGCNN of several steps, "
                        "and recryst report has read the data)");
    double *error = rcr_calloc(run->n_steps, sizeof *error), highest = 0;
    if (error == NULL) return rcr_fail_memory(err, "drawing a figure");
    for (size_t t = 0; t < run->n_steps; t++) {
        size_t n = 0;
        for (size_t i = 0; i < run->n_traced; i++) {
            double size = fabs(run->step_prediction[i * run->n_steps + t] - run->step_target[i]);
            if (!isfinite(size)) continue;
            error[t] += size;
            n++;
        }
        error[t] /= (double)(n > 0 ? n : 1);
        highest = fmax(highest, error[t]);
    }
    rcr_text title = {0};
    canvas->width = 252;
    canvas->height = 176;
    rcr_axis x = {0.8, (double)run->n_steps + 0.2, 0, NULL},
             y = {0, highest > 0 ? 1.08 * highest : 1, 0, with_unit(&title, "MAE, test", run)};
    rcr_frame frame = rcr_frame_draw(canvas, x, y, 42, 28, 202, 132);
    draw_curve(&frame, error, run->n_steps, RCR_COLOR_TEST);
    for (size_t t = 0; t < run->n_steps; t++) {
        double at = rcr_frame_x(&frame, (double)(t + 1));
        rcr_draw_circle(canvas, at, rcr_frame_y(&frame, error[t]), 2.2, (rcr_ink){RCR_COLOR_TEST, 1, 0, 0});
        char number[24];
        snprintf(number, sizeof number, "%zu", run->first_step + t);
        rcr_draw_text(canvas, at, frame.top + frame.height + 11, 7, RCR_ANCHOR_MIDDLE, 0, 0, RCR_COLOR_TEXT, number);
    }
    rcr_draw_text(canvas, frame.left + frame.width / 2, frame.top + frame.height + 23, 8, RCR_ANCHOR_MIDDLE, 0, 0,
                  RCR_COLOR_TEXT, "steps");
    rcr_free(error);
    return end(canvas, &title, 1, err);
}

static rcr_status draw_calibration(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err) {
    if (run->n_coverage == 0) return rcr_fail(err, RCR_ERR_DATA, "the run has no intervals (calibration.csv)");
    canvas->width = 200;
    canvas->height = 196;
    rcr_axis x = {0, 1, 0, "promised coverage"}, y = {0, 1, 0, "observed coverage"};
    rcr_frame frame = rcr_frame_draw(canvas, x, y, 42, 8, 150, 158);
    rcr_draw_line(canvas, frame.left, frame.top + frame.height, frame.left + frame.width, frame.top, guide);
    double from[2] = {0};
    for (size_t i = 0; i < run->n_coverage; i++) {
        const rcr_run_coverage *c = &run->coverage[i];
        uint32_t color = strcmp(c->part, "test") == 0 ? RCR_COLOR_TEST : RCR_COLOR_VALIDATION;
        const double at[2] = {rcr_frame_x(&frame, c->promised), rcr_frame_y(&frame, c->observed)};
        if (i > 0 && strcmp(c->part, run->coverage[i - 1].part) == 0)
            rcr_draw_line(canvas, from[0], from[1], at[0], at[1], (rcr_ink){color, 1, 1.1, 0});
        rcr_draw_circle(canvas, at[0], at[1], 1.8, (rcr_ink){color, 1, 0, 0});
        memcpy(from, at, sizeof from);
    }
    /* Below the diagonal, where there are no curves unless intervals are far too short. */
    static const char *const names[] = {"validation", "test"};
    static const uint32_t colors[] = {RCR_COLOR_VALIDATION, RCR_COLOR_TEST};
    rcr_frame corner = frame;
    corner.top += frame.height - 22;
    rcr_frame_legend(&corner, names, colors, 2);
    return end(canvas, NULL, 0, err);
}

const rcr_figure rcr_figures[] = {
    {"learning", "score against the epoch", draw_learning},
    {"loss", "loss against the epoch", draw_loss},
    {"parity", "predictions against targets, all parts", draw_parity},
    {"residuals", "distribution of prediction - target", draw_residuals},
    {"elements", "error on a periodic table", draw_elements},
    {"steps", "error after each step of an SR-CGCNN", draw_steps},
    {"calibration", "observed against promised coverage", draw_calibration},
    {NULL, NULL, NULL},
};
