/* Figures: their files are whole and say what was drawn. */
#include "support/check.h"

#include <dlfcn.h>
#include <math.h>

#include "report/canvas.h"
#include "report/element_places.h"
#include "report/figures.h"

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
    return n;
}

static void draw_sample(rcr_canvas *canvas) {
    const double corner[3][2] = {{0, 0}, {10, 0.125}, {10, 20}};
    canvas->width = 72;
    canvas->height = 36;
    rcr_draw_path(canvas, corner, 3, (rcr_ink){0x102030, 0.5, 1.5, 3});
    rcr_draw_box(canvas, 1, 2, 3, 4, (rcr_ink){0xff0000, 1, 0, 0});
    rcr_draw_circle(canvas, 5, 6, 2, (rcr_ink){0x00ff00, 1, 0, 0});
    rcr_draw_circle(canvas, NAN, 6, 2, (rcr_ink){0x00ff00, 1, 0, 0});
    rcr_draw_text(canvas, 7, 8, 9, RCR_ANCHOR_MIDDLE, 1, 1, 0, "a < \xc3\xa5");
}

static void test_svg(void **state) {
    (void)state;
    rcr_canvas canvas = {0};
    rcr_text out = {0};
    draw_sample(&canvas);
    assert_int_equal(rcr_canvas_svg(&out, &canvas, NULL), RCR_OK);
    assert_non_null(strstr(out.data, "width=\"72pt\" height=\"36pt\" viewBox=\"0 0 72 36\""));
    assert_non_null(strstr(out.data,
                           "<path d=\"M0 0L10 0.13L10 20\" fill=\"none\" stroke=\"#102030\" stroke-width=\"1.5\" "
                           "stroke-opacity=\"0.5\" stroke-dasharray=\"3\""));
    assert_non_null(strstr(out.data, "<path d=\"M1 2L4 2L4 6L1 6Z\" fill=\"#ff0000\"/>"));
    assert_int_equal(count(out.data, "<circle"), 1); /* what has no place is not drawn */
    assert_non_null(strstr(out.data, ">a &lt; \xc3\xa5</text>"));
    assert_string_equal(out.data + out.length - 7, "</svg>\n");
    rcr_text_free(&out);
    rcr_canvas_release(&canvas);
}

static void call(const char *library, const char *function) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
    void (*run)(void) = NULL;
    if (handle == NULL) return;
    *(void **)&run = dlsym(handle, function);
    if (run != NULL) run();
    dlclose(handle);
}

/* cairo keeps the font that was used last, and fontconfig the system's list of them, by pointers that the leak checker
 * does not see.  Both give them back when they are asked to; what is still there then is a leak of ours. */
static int release_caches(void **state) {
    (void)state;
    call("libcairo.so.2", "cairo_debug_reset_static_data");
    call("libfontconfig.so.1", "FcFini");
    return 0;
}

static void test_cairo(void **state) {
    (void)state;
    rcr_canvas canvas = {0};
    rcr_text png = {0}, pdf = {0};
    rcr_error err;
    draw_sample(&canvas);
    rcr_status status = rcr_canvas_png(&png, &canvas, 144, &err);
    if (status == RCR_ERR_UNSUPPORTED) {
        rcr_canvas_release(&canvas);
        print_message("SKIPPED: %s\n", err.message);
        skip();
    }
    assert_int_equal(status, RCR_OK);
    /* PNG: signature, then IHDR with width and height, big-endian: 72 points at 144 pixels an inch. */
    static const unsigned char head[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10,  0, 0, 0, 13,
                                         'I',  'H', 'D', 'R', 0,  0,  0,  144, 0, 0, 0, 72};
    assert_memory_equal(png.data, head, sizeof head);
    assert_int_equal(rcr_canvas_pdf(&pdf, &canvas, &err), RCR_OK);
    assert_memory_equal(pdf.data, "%PDF-", 5);
    rcr_text_free(&png);
    rcr_text_free(&pdf);
    rcr_canvas_release(&canvas);
}

static rcr_run_target gap = {(char *)"gap", (char *)"eV"};

/* A run of 40 rows whose errors are known. */
static void test_figures(void **state) {
    (void)state;
    enum { N = 40 };
    static double target[N], prediction[N], curve[3] = {4, 2, 1};
    static const char *id[N];
    static rcr_run_crystal known = {.id = "x", .formula = "CuZr", .n_atoms = 2};
    static const rcr_run_crystal *crystal[N];
    for (int i = 0; i < N; i++) {
        target[i] = i;
        prediction[i] = i + 0.25;
        id[i] = "x";
        crystal[i] = &known;
    }
    rcr_run_part part = {.n = N, .id = id, .target = target, .prediction = prediction, .crystal = crystal};
    rcr_run_data run = {.n_targets = 1,
                        .target = &gap,
                        .n_epochs = 3,
                        .train_loss = curve,
                        .val_loss = curve,
                        .train_score = curve,
                        .val_score = curve,
                        .train_score_name = "MAE",
                        .val_score_name = "MAE",
                        .n_parts = 3,
                        .part = {part, part, part}};
    run.part[0].name = "training";
    run.part[1].name = "validation";
    run.part[2].name = "test";
    for (const rcr_figure *f = rcr_figures; f->name != NULL; f++) {
        rcr_canvas canvas = {0};
        rcr_text out = {0};
        rcr_error err;
        rcr_status status = f->draw(&canvas, &run, &err);
        if (strcmp(f->name, "steps") == 0 || strcmp(f->name, "calibration") == 0) {
            assert_int_equal(status, RCR_ERR_DATA);
        } else {
            assert_int_equal(status, RCR_OK);
            assert_int_equal(rcr_canvas_svg(&out, &canvas, &err), RCR_OK);
            assert_null(strstr(out.data, "nan"));
            if (strcmp(f->name, "parity") == 0) {
                assert_int_equal(count(out.data, "<circle"), 3 * N);
                assert_int_equal(count(out.data, ">MAE 0.25 eV<"), 3);
            }
            if (strcmp(f->name, "elements") == 0) {
                assert_int_equal(count(out.data, ">0.25<"), 2); /* Cu and Zr */
                assert_int_equal(count(out.data, "<text"), 1 + 118 + 2);
            }
            if (strcmp(f->name, "learning") == 0) assert_non_null(strstr(out.data, ">MAE (eV)<"));
        }
        rcr_text_free(&out);
        rcr_canvas_release(&canvas);
    }
}

static rcr_status draw(rcr_text *svg, const char *name, const rcr_run_data *run, rcr_error *err) {
    const rcr_figure *f = rcr_figures;
    while (strcmp(f->name, name) != 0) f++;
    rcr_canvas canvas = {0};
    svg->length = 0;
    rcr_status status = f->draw(&canvas, run, err);
    if (status == RCR_OK) status = rcr_canvas_svg(svg, &canvas, err);
    rcr_canvas_release(&canvas);
    return status;
}

/* Of several targets the figures show the first, and count the rows that have it. */
static void test_rows_without_a_value(void **state) {
    (void)state;
    enum { N = 10 };
    static const char *const ids[N] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    static rcr_run_crystal known = {.id = "a", .formula = "CuZr", .n_atoms = 2};
    double target[N], prediction[N];
    const rcr_run_crystal *crystal[N];
    for (int i = 0; i < N; i++) {
        target[i] = i < 6 ? i : NAN;
        prediction[i] = i + 0.25;
        crystal[i] = &known;
    }
    rcr_run_part part = {.name = "test", .n = N, .id = (const char **)ids, .target = target, .prediction = prediction};
    part.crystal = crystal;
    rcr_run_data run = {.n_targets = 1, .target = &gap, .n_parts = 3};
    run.part[0] = run.part[1] = run.part[2] = part;
    rcr_text svg = {0};
    rcr_error err;
    assert_int_equal(draw(&svg, "parity", &run, &err), RCR_OK);
    assert_int_equal(count(svg.data, "<circle"), 18);
    assert_int_equal(count(svg.data, ">test, n = 6<"), 3);
    /* All errors are alike, so that all rows are in one bin. */
    assert_int_equal(draw(&svg, "residuals", &run, &err), RCR_OK);
    assert_int_equal(count(svg.data, ">100<"), 1);
    /* Why there is no table of elements. */
    assert_int_equal(draw(&svg, "elements", &run, &err), RCR_OK);
    for (int i = 0; i < N; i++) crystal[i] = NULL;
    assert_int_equal(draw(&svg, "elements", &run, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "formulas of the test rows are not known"));
    for (int i = 0; i < N; i++) {
        target[i] = NAN;
        crystal[i] = &known;
    }
    assert_int_equal(draw(&svg, "elements", &run, &err), RCR_ERR_DATA);
    assert_string_equal(err.message, "no row of the test part has a value of gap and a prediction of it");
    rcr_text_free(&svg);
}

/* Accuracy and ROC AUC share an axis that is neither's. */
static void test_two_scores(void **state) {
    (void)state;
    double train[] = {0.5, 0.75}, val[] = {0.6, 0.8};
    rcr_run_data run = {.classification = 1,
                        .n_targets = 1,
                        .target = &gap,
                        .n_epochs = 2,
                        .train_score = train,
                        .val_score = val,
                        .train_score_name = "accuracy",
                        .val_score_name = "ROC AUC"};
    rcr_text svg = {0};
    rcr_error err;
    assert_int_equal(draw(&svg, "learning", &run, &err), RCR_OK);
    assert_int_equal(count(svg.data, ">score<"), 1);
    assert_int_equal(count(svg.data, ">training accuracy<"), 1);
    assert_int_equal(count(svg.data, ">validation ROC AUC<"), 1);
    assert_int_equal(count(svg.data, "ROC AUC"), 1);
    rcr_text_free(&svg);
}

static void test_places(void **state) {
    (void)state;
    for (int i = 0; i < RCR_N_PLACES; i++) {
        assert_int_equal(rcr_element_place(rcr_places[i].symbol, strlen(rcr_places[i].symbol)), i);
        for (int k = 0; k < i; k++)
            assert_true(rcr_places[i].row != rcr_places[k].row || rcr_places[i].column != rcr_places[k].column);
    }
    assert_int_equal(rcr_element_place("Xx", 2), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_svg),        cmocka_unit_test(test_cairo),
        cmocka_unit_test(test_figures),    cmocka_unit_test(test_rows_without_a_value),
        cmocka_unit_test(test_two_scores), cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, release_caches);
}
