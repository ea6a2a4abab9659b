#include "support/check.h"

#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/html.h"
#include "report/plot.h"

enum { ROWS = 300, EPOCHS = 60 };

static char ids[ROWS][32];
static const char *id[ROWS];
static double target[ROWS], prediction[ROWS], curve[4][EPOCHS];

/* Deterministic noise in -0.5 .. 0.5. */
static double noise(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (double)(*seed >> 8) / 16777216.0 - 0.5;
}

static rcr_report make_report(rcr_report_part part[3], int classification) {
    static const rcr_report_entry fact[] = {{"Model", "SR-CGCNN, 3 steps"}, {"Data", "<b>&\"quoted\"</b>"}};
    static const rcr_report_entry setting[] = {{"model.depth", "3"}, {"data.unit", ""}};
    uint32_t seed = 5;
    for (int i = 0; i < ROWS; i++) {
        snprintf(ids[i], sizeof ids[i], i == 7 ? "<script>%d" : "crystal-%d", i);
        id[i] = ids[i];
        double latent = noise(&seed);
        target[i] = classification ? latent > 0 : 4 * latent;
        prediction[i] = classification ? 1 / (1 + exp(-6 * latent - 3 * noise(&seed))) : target[i] + 0.3 * noise(&seed);
    }
    for (int e = 0; e < EPOCHS; e++) {
        curve[0][e] = exp(-e / 15.0) + 0.02;
        curve[1][e] = exp(-e / 15.0) + 0.04 + 0.02 * noise(&seed);
        curve[2][e] = classification ? 1 - 0.4 * curve[0][e] : sqrt(curve[0][e]);
        curve[3][e] = classification ? 1 - 0.4 * curve[1][e] : sqrt(curve[1][e]);
    }
    curve[1][3] = NAN;
    part[0] = (rcr_report_part){"training", 200, id, target, prediction};
    part[1] = (rcr_report_part){"validation", 50, id + 200, target + 200, prediction + 200};
    part[2] = (rcr_report_part){"test", 50, id + 250, target + 250, prediction + 250};
    return (rcr_report){.title = "formation energy of <demo>",
                        .target = "formation energy",
                        .unit = "eV/atom",
                        .classification = classification,
                        .n_facts = 2,
                        .fact = fact,
                        .train_score_name = classification ? "accuracy" : "MAE",
                        .val_score_name = classification ? "ROC AUC" : "MAE",
                        .score_unit = classification ? "" : "eV/atom",
                        .n_epochs = EPOCHS,
                        .train_loss = curve[0],
                        .val_loss = curve[1],
                        .train_score = curve[2],
                        .val_score = curve[3],
                        .best_epoch = 48,
                        .n_parts = 3,
                        .part = part,
                        .n_settings = 2,
                        .setting = setting,
                        .repeat = "recryst train 'a&b' --seed 1\n"};
}

/* The page's text; rcr_free.  RCR_KEEP_REPORT keeps the files for looking at. */
static char *write_page(const rcr_report *report, const char *name) {
    char path[512];
    const char *keep = getenv("RCR_KEEP_REPORT");
    snprintf(path, sizeof path, "%s/%s-%ld.html", keep != NULL ? keep : "/tmp", name,
             keep != NULL ? 0L : (long)getpid());
    rcr_error err = {0};
    assert_int_equal(rcr_report_write(path, report, &err), RCR_OK);
    char *page;
    size_t length;
    assert_int_equal(rcr_file_read(&page, &length, path, 1 << 26, &err), RCR_OK);
    if (keep == NULL) remove(path);
    return page;
}

static size_t occurrences(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) n++;
    return n;
}

static void regression_page(void **state) {
    (void)state;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 0);
    char *page = write_page(&report, "regression");
    assert_int_equal(occurrences(page, "<circle "), ROWS);
    assert_int_equal(occurrences(page, "<svg "), 6);
    assert_int_equal(occurrences(page, "</svg>"), 6);
    assert_non_null(strstr(page, "crystal-299: target "));
    assert_non_null(strstr(page, "prefers-color-scheme:dark"));
    assert_non_null(strstr(page, "recryst train &#39;a&amp;b&#39; --seed 1"));
    /* nothing of the data reaches the page unescaped, and nothing is fetched from elsewhere */
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "<demo>"));
    assert_null(strstr(page, "<b>&"));
    assert_non_null(strstr(page, "&lt;script&gt;7: target "));
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "src="));
    assert_null(strstr(page, "nan"));
    rcr_free(page);
}

static void classification_page(void **state) {
    (void)state;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 1);
    char *page = write_page(&report, "classification");
    assert_int_equal(occurrences(page, "<svg "), 4);
    assert_non_null(strstr(page, "Confusion, test"));
    assert_null(strstr(page, "nan"));
    rcr_free(page);
}

/* One row a part, equal values, predictions that are not numbers: plain pages, no crash. */
static void odd_values(void **state) {
    (void)state;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 0);
    double one[] = {2}, bad[] = {NAN};
    for (int p = 0; p < 3; p++) part[p] = (rcr_report_part){"part", 1, id, one, p == 2 ? bad : one};
    report.n_epochs = 1;
    char *page = write_page(&report, "odd");
    assert_null(strstr(page, "nan"));
    assert_null(strstr(page, "inf"));
    rcr_free(page);
    for (int i = 0; i < 50; i++) target[250 + i] = 1;
    report = make_report(part, 1);
    for (int i = 0; i < 50; i++) target[250 + i] = 1; /* one class alone */
    page = write_page(&report, "one-class");
    assert_null(strstr(page, "nan"));
    rcr_free(page);
    part[1].n = 0;
    rcr_error err;
    assert_int_equal(rcr_report_write("/tmp/never.html", &report, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "validation"));
}

/* Of several targets the one that is shown may be missing in every row of a part: what there is of the others stays. */
static void parts_without_rows(void **state) {
    (void)state;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 0);
    part[1].n = 0;
    char *page = write_page(&report, "no-validation");
    assert_int_equal(occurrences(page, "<svg "), 5);                 /* no plot of the part */
    assert_int_equal(occurrences(page, "</i>validation</span>"), 0); /* nor a line in the residuals */
    assert_non_null(strstr(page, "<td>validation</td><td>0</td><td>–</td>"));
    assert_non_null(strstr(page, "Largest errors of the test part"));
    assert_null(strstr(page, "No row of the test part"));
    rcr_free(page);
    part[2].n = 0;
    page = write_page(&report, "no-test");
    assert_int_equal(occurrences(page, "<svg "), 3); /* two curves, and the training rows */
    assert_non_null(strstr(page, "No row of the test part has a value of formation energy."));
    assert_null(strstr(page, "Largest errors"));
    assert_null(strstr(page, "Residuals"));
    assert_null(strstr(page, "nan"));
    rcr_free(page);
}

/* A score has the unit that is said to be its, whatever the target's is. */
static void units_of_scores(void **state) {
    (void)state;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 0);
    char *page = write_page(&report, "unit");
    assert_non_null(strstr(page, ">MAE (eV/atom)<"));
    rcr_free(page);
    report.train_score_name = report.val_score_name = "scaled MAE";
    report.score_unit = "";
    page = write_page(&report, "scaled");
    assert_non_null(strstr(page, ">scaled MAE<"));
    assert_null(strstr(page, "scaled MAE (eV/atom)"));
    rcr_free(page);
}

/* The likelihood of a Gaussian falls below 0, which no logarithmic axis shows: all of the curve is drawn. */
static void a_loss_below_zero(void **state) {
    (void)state;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 0);
    double loss[4] = {0.5, 0.25, -0.25, -0.5};
    report.train_loss = report.val_loss = loss;
    report.n_epochs = 4;
    report.best_epoch = 0;
    char *page = write_page(&report, "below");
    const char *figure = strstr(page, "Loss (normalised targets)");
    assert_non_null(figure);
    const char *tick = strstr(figure, ">-0.4<"), *line = strstr(figure, "<path class=\"line s0\" d=\"");
    assert_true(tick != NULL && tick < strstr(figure, "</svg>"));
    size_t points = 0;
    for (const char *at = strchr(line, 'M'); *at != '"'; at++) points += *at == 'M' || *at == 'L';
    assert_int_equal(points, 4);
    rcr_free(page);
}

/* More rows than are drawn: thinned evenly, the worst kept. */
static void many_rows(void **state) {
    (void)state;
    enum { MANY = 20000 };
    double *t = rcr_calloc(MANY, sizeof *t), *p = rcr_calloc(MANY, sizeof *p);
    const char **names = rcr_calloc(MANY, sizeof *names);
    for (int i = 0; i < MANY; i++) {
        t[i] = i;
        p[i] = i + 0.001 * (i % 7);
        names[i] = "other";
    }
    names[12345] = "the worst one";
    p[12345] += 500;
    rcr_report_part part[3];
    rcr_report report = make_report(part, 0);
    part[0] = (rcr_report_part){"training", MANY, names, t, p};
    char *page = write_page(&report, "many");
    assert_in_range(occurrences(page, "<circle "), 2500, 2700);
    assert_non_null(strstr(page, "the worst one"));
    assert_non_null(strstr(page, "one in 8 drawn"));
    rcr_free(page);
    rcr_free(t);
    rcr_free(p);
    rcr_free(names);
}

static void numbers(void **state) {
    (void)state;
    const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {{0, 4, "0"},
                 {-0.0, 4, "0"},
                 {0.0844952, 4, "0.0845"},
                 {-12.34567, 4, "-12.35"},
                 {123456, 4, "123500"},
                 {0.1 + 0.2, 6, "0.3"},
                 {1e-9, 3, "1e-9"},
                 {NAN, 4, "–"},
                 {-4.698e11, 3, "-4.7e11"},
                 {99999999, 4, "1e8"},
                 {9999999, 12, "9999999"},
                 {12345678901, 12, "12345678901"},
                 {INFINITY, 4, "–"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_text text = {0};
        rcr_html_number(&text, cases[i].value, cases[i].digits);
        if (cases[i].value == 1e-9) /* either notation is the shortest */
            assert_true(strcmp(text.data, "1e-9") == 0 || strcmp(text.data, "1e-09") == 0);
        else
            assert_string_equal(text.data, cases[i].text);
        rcr_text_free(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regression_page), cmocka_unit_test(classification_page),
        cmocka_unit_test(odd_values),      cmocka_unit_test(many_rows),
        cmocka_unit_test(numbers),         cmocka_unit_test(parts_without_rows),
        cmocka_unit_test(units_of_scores), cmocka_unit_test(a_loss_below_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
