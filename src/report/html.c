#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/metrics.h"
#include "report/plot.h"

/* Points of a parity plot beyond this are thinned; the largest errors are always drawn. */
enum { MAX_DOTS = 2500, ALWAYS_DRAWN = 40, WORST_ROWS = 10, MAX_BINS = 41 };

static const char style[] =
    ":root{color-scheme:light "
    "dark;--bg:#fcfcfb;--card:#fff;--text:#1c1c1a;--soft:#5b5a55;--rule:#e4e3de;--rail:#f3f2ee;"
    "--s0:#2a78d6;--s1:#d9541e;--s2:#118a5e}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#161615;--card:#1f1f1e;--text:#ecebe6;--soft:#a9a79f;--rule:#35352f;"
    "--rail:#262624;--s0:#5c9ff0;--s1:#f08450;--s2:#3fbf8c}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:24px 16px 64px}h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px;"
    "overflow-wrap:anywhere}h2{font-size:1.15rem;margin:40px 0 12px}p{margin:0 0 12px;max-width:70ch}\n"
    ".lead{color:var(--soft)}.tiles{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0}\n"
    ".tile{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px 16px;min-width:150px;"
    "flex:1 1 150px}.tile b{display:block;font-size:1.5rem;line-height:1.3;font-weight:600}\n"
    ".tile span{color:var(--soft);font-size:.875rem}\n"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:0}dt{color:var(--soft)}"
    "dd{margin:0;overflow-wrap:anywhere}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:6px 14px 6px 0;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}\n"
    "th:first-child,td:first-child{text-align:left}th{font-weight:600;color:var(--soft);font-size:.875rem}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:16px}\n"
    "figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:12px}\n"
    "figcaption{font-weight:600;font-size:.95rem;margin:0 0 "
    "4px}figcaption::first-letter{text-transform:uppercase}svg{display:block;width:100%;height:auto}\n"
    "svg text{fill:var(--soft);font:12px system-ui,sans-serif}svg .axis{font-size:13px}\n"
    ".grid{stroke:var(--rule);fill:none}.frame{stroke:var(--soft);fill:none}\n"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}.guide{stroke:var(--soft);stroke-dasharray:4 4;fill:none}\n"
    ".line.s0{stroke:var(--s0)}.line.s1{stroke:var(--s1)}.line.s2{stroke:var(--s2)}\n"
    "circle{fill-opacity:.55}circle.s0{fill:var(--s0)}circle.s1{fill:var(--s1)}circle.s2{fill:var(--s2)}\n"
    "circle:hover{fill-opacity:1;stroke:var(--text);stroke-width:1.5}\n"
    ".legend{margin:6px 0 0;font-size:.875rem;color:var(--soft);display:flex;gap:16px;flex-wrap:wrap}\n"
    ".key{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;vertical-align:middle}\n"
    ".k0{background:var(--s0)}.k1{background:var(--s1)}.k2{background:var(--s2)}\n"
    "pre{background:var(--rail);border-radius:8px;padding:12px 16px;overflow-x:auto;font-size:.875rem}\n"
    "summary{cursor:pointer;font-weight:600}details dl{margin-top:12px;font-size:.9rem}footer{color:var(--soft);"
    "margin-top:48px;font-size:.875rem}\n";

static void put_unit(rcr_text *out, const rcr_report *report) {
    if (report->unit[0] == '\0') return;
    rcr_text_puts(out, " ");
    rcr_html_escape(out, report->unit);
}

/* "target (unit)" as the title of an axis; the text is the caller's to release. */
static rcr_text axis_title(const char *what, const char *unit) {
    rcr_text title = {0};
    rcr_text_puts(&title, what);
    if (unit[0] != '\0') rcr_text_printf(&title, " (%s)", unit);
    return title;
}

/* ---- head and tables */

static void put_tile(rcr_text *out, const char *label, double value, const char *unit) {
    rcr_text_puts(out, "<div class=\"tile\"><b>");
    rcr_html_number(out, value, 4);
    if (unit != NULL && unit[0] != '\0') {
        rcr_text_puts(out, " ");
        rcr_html_escape(out, unit);
    }
    rcr_text_puts(out, "</b><span>");
    rcr_html_escape(out, label);
    rcr_text_puts(out, "</span></div>\n");
}

/* The test part's scores stand first: they are what the run is judged by. */
static rcr_status put_tiles(rcr_text *out, const rcr_report *report, rcr_error *err) {
    const rcr_report_part *test = &report->part[report->n_parts - 1];
    if (test->n == 0) {
        rcr_text_printf(out, "<p>No row of the %s part has a value of ", test->name);
        rcr_html_escape(out, report->target);
        rcr_text_puts(out, ".</p>\n");
        return RCR_OK;
    }
    rcr_text_puts(out, "<div class=\"tiles\">\n");
    if (report->classification) {
        rcr_classification_metrics m;
        rcr_status status = rcr_metrics_classification(&m, test->target, test->prediction, test->n, err);
        if (status != RCR_OK) return status;
        put_tile(out, "ROC AUC, test", m.auc, NULL);
        put_tile(out, "accuracy, test", m.accuracy, NULL);
        put_tile(out, "F1 of class 1, test", m.f1, NULL);
    } else {
        rcr_regression_metrics m = rcr_metrics_regression(test->target, test->prediction, test->n);
        put_tile(out, "mean absolute error, test", m.mae, report->unit);
        put_tile(out, "standard deviation of the test targets", rcr_metrics_std(test->target, test->n), report->unit);
        put_tile(out, "R², test", m.r2, NULL);
    }
    rcr_text_puts(out, "</div>\n");
    return RCR_OK;
}

static rcr_status put_head(rcr_text *out, const rcr_report *report, rcr_error *err) {
    rcr_text_puts(out, "<h1>");
    rcr_html_escape(out, report->title);
    rcr_text_puts(out, "</h1>\n<p class=\"lead\">How well the network trained on these crystals predicts those that it "
                       "has not seen.</p>\n");
    rcr_status status = put_tiles(out, report, err);
    if (status != RCR_OK) return status;
    rcr_text_puts(out, "<dl>");
    for (size_t i = 0; i < report->n_facts; i++) {
        rcr_text_puts(out, "<dt>");
        rcr_html_escape(out, report->fact[i].name);
        rcr_text_puts(out, "</dt><dd>");
        rcr_html_escape(out, report->fact[i].value);
        rcr_text_puts(out, "</dd>\n");
    }
    rcr_text_puts(out, "</dl>\n");
    return RCR_OK;
}

static void put_row(rcr_text *out, const char *name, const double *value, size_t n) {
    rcr_text_puts(out, "<tr><td>");
    rcr_html_escape(out, name);
    for (size_t i = 0; i < n; i++) {
        rcr_text_puts(out, "</td><td>");
        rcr_html_number(out, value[i], i == 0 ? 12 : 4);
    }
    rcr_text_puts(out, "</td></tr>\n");
}

static rcr_status put_scores(rcr_text *out, const rcr_report *report, rcr_error *err) {
    rcr_text_puts(out, "<h2>Scores</h2>\n<div class=\"scroll\"><table><tr><th>part</th><th>rows</th>");
    rcr_text_puts(out, report->classification
                           ? "<th>share of class 1</th><th>accuracy</th><th>precision</th><th>recall</th><th>F1</th>"
                             "<th>ROC AUC</th><th>log loss</th></tr>\n"
                           : "<th>MAE</th><th>RMSE</th><th>R²</th><th>std of targets</th><th>MAE / std</th></tr>\n");
    for (size_t p = 0; p < report->n_parts; p++) {
        const rcr_report_part *part = &report->part[p];
        if (report->classification) {
            rcr_classification_metrics m;
            rcr_status status = rcr_metrics_classification(&m, part->target, part->prediction, part->n, err);
            if (status != RCR_OK) return status;
            double share = (double)(m.true_positive + m.false_negative) / (double)part->n;
            const double row[] = {(double)part->n, share, m.accuracy, m.precision, m.recall, m.f1, m.auc, m.log_loss};
            put_row(out, part->name, row, sizeof row / sizeof row[0]);
        } else {
            rcr_regression_metrics m = rcr_metrics_regression(part->target, part->prediction, part->n);
            double std = rcr_metrics_std(part->target, part->n);
            const double row[] = {(double)part->n, m.mae, m.rmse, m.r2, std, m.mae / std};
            put_row(out, part->name, row, sizeof row / sizeof row[0]);
        }
    }
    rcr_text_puts(out, "</table></div>\n");
    if (!report->classification && report->unit[0] != '\0') {
        rcr_text_puts(out, "<p class=\"lead\">MAE, RMSE and standard deviation in");
        put_unit(out, report);
        rcr_text_puts(out, ".</p>\n");
    }
    return RCR_OK;
}

/* ---- learning curves */

static void put_curve(rcr_text *out, const rcr_report *report, const char *caption, const double *train,
                      const double *val, const char *train_name, const char *val_name, int logarithmic) {
    rcr_axis x = {0.5, (double)report->n_epochs + 0.5, 0, "epoch"};
    rcr_text y_title = axis_title(strcmp(train_name, val_name) == 0 ? train_name : "score",
                                  train == report->train_score ? report->score_unit : "");
    rcr_axis y = rcr_axis_empty(y_title.data != NULL ? y_title.data : "", logarithmic);
    rcr_axis_include(&y, train, report->n_epochs);
    rcr_axis_include(&y, val, report->n_epochs);
    rcr_axis_close(&y);
    rcr_plot plot;
    rcr_plot_begin(&plot, out, caption, x, y, 0);
    if (report->best_epoch > 0)
        rcr_plot_segment(&plot, (double)report->best_epoch, y.low, (double)report->best_epoch, y.high, "guide");
    rcr_plot_line(&plot, NULL, train, report->n_epochs, "s0");
    rcr_plot_line(&plot, NULL, val, report->n_epochs, "s1");
    rcr_text names[2] = {{0}, {0}};
    rcr_text_printf(&names[0], "training %s", train_name);
    rcr_text_printf(&names[1], "validation %s", val_name);
    const int series[] = {0, 1};
    out->failed |= names[0].failed || names[1].failed || y_title.failed;
    if (!out->failed) rcr_plot_end(&plot, (const char *const[]){names[0].data, names[1].data}, series, 2);
    rcr_text_free(&names[0]);
    rcr_text_free(&names[1]);
    rcr_text_free(&y_title);
}

static void put_curves(rcr_text *out, const rcr_report *report) {
    if (report->n_epochs == 0) return;
    rcr_text_puts(out, "<h2>Learning curves</h2>\n<p class=\"lead\">The training curves are taken while the weights "
                       "change, batch by batch; the dashed line marks the epoch whose weights were kept.</p>\n"
                       "<div class=\"plots\">\n");
    int falling = !report->classification; /* a score that falls towards 0 reads best on a logarithmic axis */
    put_curve(out, report, report->val_score_name, report->train_score, report->val_score, report->train_score_name,
              report->val_score_name, falling);
    int positive = 1; /* the likelihood of a Gaussian falls below 0 */
    for (size_t i = 0; i < report->n_epochs; i++) positive &= !(report->train_loss[i] <= 0 || report->val_loss[i] <= 0);
    put_curve(out, report, report->classification ? "Loss (negative log-likelihood)" : "Loss (normalised targets)",
              report->train_loss, report->val_loss, "loss", "loss", positive);
    rcr_text_puts(out, "</div>\n");
}

/* ---- parity plots */

typedef struct ranked_error {
    double size;
    size_t row;
} ranked_error;

static int largest_first(const void *a, const void *b) {
    const ranked_error *p = a, *q = b;
    if (p->size != q->size) return p->size < q->size ? 1 : -1;
    return p->row < q->row ? -1 : p->row > q->row;
}

/* Rows of a part by falling |prediction - target|; NaN last.  Freed by the caller; NULL when out of memory. */
static ranked_error *rank_errors(const rcr_report_part *part) {
    ranked_error *rank = rcr_malloc(part->n, sizeof *rank);
    if (rank == NULL) return NULL;
    for (size_t i = 0; i < part->n; i++) {
        double size = fabs(part->prediction[i] - part->target[i]);
        rank[i] = (ranked_error){isnan(size) ? -1 : size, i};
    }
    qsort(rank, part->n, sizeof *rank, largest_first);
    return rank;
}

static void put_dot(rcr_plot *plot, const rcr_report_part *part, size_t row, const char *css_class) {
    rcr_text tip = {0};
    rcr_text_printf(&tip, "%s: target ", part->id[row]);
    rcr_html_number(&tip, part->target[row], 5);
    rcr_text_puts(&tip, ", predicted ");
    rcr_html_number(&tip, part->prediction[row], 5);
    plot->out->failed |= tip.failed;
    if (!tip.failed)
        rcr_plot_dot(plot, part->target[row], part->prediction[row], part->n > 400 ? 2.2 : 3, css_class, tip.data);
    rcr_text_free(&tip);
}

static rcr_status put_parity(rcr_text *out, const rcr_report *report, size_t p, rcr_error *err) {
    static const char *const classes[] = {"s0", "s1", "s2"};
    const rcr_report_part *part = &report->part[p];
    ranked_error *rank = rank_errors(part);
    if (rank == NULL) return rcr_fail_memory(err, "drawing a report");
    rcr_text x_title = axis_title("target", report->unit), y_title = axis_title("prediction", report->unit),
             caption = {0};
    size_t stride = (part->n + MAX_DOTS - 1) / MAX_DOTS;
    rcr_text_printf(&caption, "%s, %zu rows", part->name, part->n);
    if (stride > 1) rcr_text_printf(&caption, " (one in %zu drawn, and the largest errors)", stride);
    out->failed |= x_title.failed || y_title.failed || caption.failed;
    if (!out->failed) {
        rcr_axis x = rcr_axis_empty(x_title.data, 0);
        rcr_axis_include(&x, part->target, part->n);
        rcr_axis_include(&x, part->prediction, part->n);
        rcr_axis_close(&x);
        rcr_axis y = x;
        y.title = y_title.data;
        rcr_plot plot;
        rcr_plot_begin(&plot, out, caption.data, x, y, 1);
        rcr_plot_segment(&plot, x.low, x.low, x.high, x.high, "guide");
        for (size_t i = 0; i < part->n; i++)
            if (i < ALWAYS_DRAWN || rank[i].row % stride == 0) put_dot(&plot, part, rank[i].row, classes[p % 3]);
        rcr_plot_end(&plot, NULL, NULL, 0);
    }
    rcr_text_free(&x_title);
    rcr_text_free(&y_title);
    rcr_text_free(&caption);
    rcr_free(rank);
    return RCR_OK;
}

/* Share of each part's rows in bins of prediction - target; the outer bins take what lies beyond. */
static rcr_status put_residuals(rcr_text *out, const rcr_report *report, rcr_error *err) {
    const rcr_report_part *test = &report->part[report->n_parts - 1];
    ranked_error *rank = rank_errors(test);
    if (rank == NULL) return rcr_fail_memory(err, "drawing a report");
    double reach = rank[test->n / 50].size > 0 ? rank[test->n / 50].size : 1; /* all but 2 % of the test rows */
    rcr_free(rank);
    /* An odd number, so that one bin lies about 0; few bins where there are few test rows to fill them. */
    int n_bins = 2 * (int)fmin(fmax(sqrt((double)test->n) / 2, 4), MAX_BINS / 2) + 1;
    double share[3][MAX_BINS] = {{0}}, width = 2 * reach / n_bins, highest = 0;
    size_t n_parts = report->n_parts < 3 ? report->n_parts : 3;
    for (size_t p = 0; p < n_parts; p++)
        for (size_t i = 0; i < report->part[p].n; i++) {
            double residual = report->part[p].prediction[i] - report->part[p].target[i];
            if (!isfinite(residual)) continue;
            double bin = fmin(fmax(floor((residual + reach) / width), 0), n_bins - 1);
            share[p][(int)bin] += 100.0 / (double)report->part[p].n;
            highest = fmax(highest, share[p][(int)bin]);
        }
    rcr_text x_title = axis_title("prediction − target", report->unit);
    out->failed |= x_title.failed;
    if (!out->failed) {
        rcr_axis x = {-reach, reach, 0, x_title.data},
                 y = {0, highest > 0 ? 1.06 * highest : 1, 0, "% of the part's rows"};
        rcr_plot plot;
        rcr_plot_begin(&plot, out, "Residuals", x, y, 1);
        rcr_plot_segment(&plot, 0, y.low, 0, y.high, "guide");
        static const char *const classes[] = {"s0", "s1", "s2"};
        int series[3];
        const char *names[3];
        size_t n_shown = 0;
        for (size_t p = 0; p < n_parts; p++) {
            if (report->part[p].n == 0) continue;
            series[n_shown] = (int)p;
            names[n_shown++] = report->part[p].name;
            double step_x[2 * MAX_BINS], step_y[2 * MAX_BINS];
            for (int b = 0; b < n_bins; b++) {
                step_x[2 * b] = -reach + b * width;
                step_x[2 * b + 1] = -reach + (b + 1) * width;
                step_y[2 * b] = step_y[2 * b + 1] = share[p][b];
            }
            rcr_plot_line(&plot, step_x, step_y, 2 * (size_t)n_bins, classes[p]);
        }
        rcr_plot_end(&plot, names, series, n_shown);
    }
    rcr_text_free(&x_title);
    return RCR_OK;
}

static rcr_status put_regression(rcr_text *out, const rcr_report *report, rcr_error *err) {
    rcr_text_puts(out, "<h2>Predictions against targets</h2>\n<p class=\"lead\">Point at a dot for the crystal's id. A "
                       "perfect prediction lies on the dashed line.</p>\n<div class=\"plots\">\n");
    rcr_status status = RCR_OK;
    for (size_t p = report->n_parts; p-- > 0 && status == RCR_OK;)
        if (report->part[p].n > 0) status = put_parity(out, report, p, err);
    if (status == RCR_OK && report->part[report->n_parts - 1].n > 0) status = put_residuals(out, report, err);
    rcr_text_puts(out, "</div>\n");
    return status;
}

static rcr_status put_worst(rcr_text *out, const rcr_report *report, rcr_error *err) {
    const rcr_report_part *test = &report->part[report->n_parts - 1];
    ranked_error *rank = rank_errors(test);
    if (rank == NULL) return rcr_fail_memory(err, "drawing a report");
    rcr_text_puts(out, "<h2>Largest errors of the test part</h2>\n<div class=\"scroll\"><table><tr><th>id</th>"
                       "<th>target</th><th>prediction</th><th>difference</th></tr>\n");
    for (size_t i = 0; i < test->n && i < WORST_ROWS; i++) {
        size_t row = rank[i].row;
        const double value[] = {test->target[row], test->prediction[row], test->prediction[row] - test->target[row]};
        rcr_text_puts(out, "<tr><td>");
        rcr_html_escape(out, test->id[row]);
        for (int k = 0; k < 3; k++) {
            rcr_text_puts(out, "</td><td>");
            rcr_html_number(out, value[k], 4);
        }
        rcr_text_puts(out, "</td></tr>\n");
    }
    rcr_text_puts(out, "</table></div>\n");
    rcr_free(rank);
    return RCR_OK;
}

/* ---- classes */

static rcr_status put_roc_line(rcr_plot *plot, const rcr_report_part *part, const char *css_class, rcr_error *err) {
    rcr_roc_point *point;
    size_t n;
    rcr_status status = rcr_metrics_roc(&point, &n, part->target, part->prediction, part->n, err);
    if (status == RCR_ERR_DATA) return RCR_OK; /* one class alone: no curve, as the table of scores shows */
    if (status != RCR_OK) return status;
    double *xy = rcr_malloc(2 * n, sizeof *xy);
    if (xy != NULL) {
        for (size_t i = 0; i < n; i++) {
            xy[i] = point[i].false_positive_rate;
            xy[n + i] = point[i].true_positive_rate;
        }
        rcr_plot_line(plot, xy, xy + n, n, css_class);
    }
    rcr_free(point);
    rcr_free(xy);
    return xy != NULL ? RCR_OK : rcr_fail_memory(err, "drawing a report");
}

static rcr_status put_roc(rcr_text *out, const rcr_report *report, rcr_error *err) {
    static const char *const classes[] = {"s0", "s1", "s2"};
    rcr_axis x = {0, 1, 0, "false positive rate"}, y = {0, 1, 0, "true positive rate"};
    const int series[] = {0, 1, 2};
    const char *names[3];
    size_t n_parts = report->n_parts < 3 ? report->n_parts : 3;
    rcr_plot plot;
    rcr_status status = RCR_OK;
    rcr_plot_begin(&plot, out, "ROC curves", x, y, 1);
    rcr_plot_segment(&plot, 0, 0, 1, 1, "guide");
    for (size_t p = 0; p < n_parts && status == RCR_OK; p++) {
        names[p] = report->part[p].name;
        status = put_roc_line(&plot, &report->part[p], classes[p], err);
    }
    if (status == RCR_OK) rcr_plot_end(&plot, names, series, n_parts);
    return status;
}

/* The test part's probabilities, a line for each class. */
static void put_probabilities(rcr_text *out, const rcr_report_part *test) {
    enum { BINS = 20 };
    double share[2][BINS] = {{0}}, count[2] = {0}, highest = 0;
    for (size_t i = 0; i < test->n; i++) count[test->target[i] > 0.5]++;
    for (size_t i = 0; i < test->n; i++) {
        if (!isfinite(test->prediction[i])) continue;
        int truth = test->target[i] > 0.5, bin = (int)fmin(fmax(test->prediction[i] * BINS, 0), BINS - 1);
        share[truth][bin] += 100 / count[truth];
        highest = fmax(highest, share[truth][bin]);
    }
    rcr_axis x = {0, 1, 0, "predicted probability of class 1"};
    rcr_axis y = {0, highest > 0 ? 1.06 * highest : 1, 0, "% of the class's rows"};
    rcr_plot plot;
    rcr_plot_begin(&plot, out, "Probabilities, test", x, y, 1);
    for (int c = 0; c < 2; c++) {
        double step_x[2 * BINS], step_y[2 * BINS];
        for (int b = 0; b < BINS; b++) {
            step_x[2 * b] = (double)b / BINS;
            step_x[2 * b + 1] = (double)(b + 1) / BINS;
            step_y[2 * b] = step_y[2 * b + 1] = share[c][b];
        }
        rcr_plot_line(&plot, step_x, step_y, 2 * BINS, c == 0 ? "s0" : "s1");
    }
    const int series[] = {0, 1};
    rcr_plot_end(&plot, (const char *const[]){"rows of class 0", "rows of class 1"}, series, 2);
}

static rcr_status put_confusion(rcr_text *out, const rcr_report_part *test, rcr_error *err) {
    rcr_classification_metrics m;
    rcr_status status = rcr_metrics_classification(&m, test->target, test->prediction, test->n, err);
    if (status != RCR_OK) return status;
    rcr_text_printf(out,
                    "<h2>Confusion, test</h2>\n<div class=\"scroll\"><table><tr><th></th><th>predicted 0</th>"
                    "<th>predicted 1</th></tr>\n<tr><td>class 0</td><td>%zu</td><td>%zu</td></tr>\n"
                    "<tr><td>class 1</td><td>%zu</td><td>%zu</td></tr></table></div>\n",
                    m.true_negative, m.false_positive, m.false_negative, m.true_positive);
    return RCR_OK;
}

static rcr_status put_classes(rcr_text *out, const rcr_report *report, rcr_error *err) {
    const rcr_report_part *test = &report->part[report->n_parts - 1];
    rcr_text_puts(out, "<h2>Predictions against classes</h2>\n<div class=\"plots\">\n");
    rcr_status status = put_roc(out, report, err);
    if (status != RCR_OK) return status;
    put_probabilities(out, test);
    rcr_text_puts(out, "</div>\n");
    return put_confusion(out, test, err);
}

/* ---- the page */

static void put_settings(rcr_text *out, const rcr_report *report) {
    rcr_text_puts(out, "<h2>Repeat this run</h2>\n<pre>");
    rcr_html_escape(out, report->repeat);
    rcr_text_puts(out, "</pre>\n<p class=\"lead\">The same data, seed, options, program and instruction set give the "
                       "same weights bit for bit, on any number of threads.</p>\n"
                       "<h2>Settings</h2>\n<details><summary>All settings</summary><dl>\n");
    for (size_t i = 0; i < report->n_settings; i++) {
        rcr_text_puts(out, "<dt>");
        rcr_html_escape(out, report->setting[i].name);
        rcr_text_puts(out, "</dt><dd>");
        rcr_html_escape(out, report->setting[i].value[0] != '\0' ? report->setting[i].value : "–");
        rcr_text_puts(out, "</dd>\n");
    }
    rcr_text_puts(out, "</dl></details>\n");
}

static rcr_status put_page(rcr_text *out, const rcr_report *report, rcr_error *err) {
    rcr_text_puts(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    rcr_html_escape(out, report->title);
    rcr_text_puts(out, "</title>\n<style>\n");
    rcr_text_puts(out, style);
    rcr_text_puts(out, "</style></head><body><main>\n");
    rcr_status status = put_head(out, report, err);
    if (status == RCR_OK) status = put_scores(out, report, err);
    if (status != RCR_OK) return status;
    put_curves(out, report);
    status = report->classification ? put_classes(out, report, err) : put_regression(out, report, err);
    if (status == RCR_OK && report->part[report->n_parts - 1].n > 0) status = put_worst(out, report, err);
    if (status != RCR_OK) return status;
    put_settings(out, report);
    rcr_text_printf(out, "<footer>Written by recryst %s.</footer>\n</main></body></html>\n", rcr_version());
    return RCR_OK;
}

rcr_status rcr_report_write(const char *path, const rcr_report *report, rcr_error *err) {
    rcr_text page = {0};
    for (size_t p = 0; p < report->n_parts; p++)
        if (report->classification && report->part[p].n == 0)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "a report of classes needs rows in every part; %s has none",
                            report->part[p].name);
    if (report->n_parts == 0) return rcr_fail(err, RCR_ERR_ARGUMENT, "a report needs a part");
    rcr_status status = put_page(&page, report, err);
    if (status == RCR_OK && page.failed) status = rcr_fail_memory(err, "writing a report");
    if (status == RCR_OK) status = rcr_file_write(path, page.data, page.length, err);
    rcr_text_free(&page);
    return status;
}
