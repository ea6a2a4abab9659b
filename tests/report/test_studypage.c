/* A study's folder as the data of its page and as a figure, from files of known content. */
#include "support/check.h"

#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/canvas.h"
#include "report/figures.h"
#include "report/studypage.h"

static const char summary_text[] =
    "{\"name\": \"gates <1>\", \"target\": \"gap\", \"unit\": \"eV\", \"main_score\": \"test_mae\", \"settings\": ["
    "{\"name\": \"gate=false\", \"scores\": {\"test_mae\": {\"n\": 2, \"mean\": 0.5, \"se\": 0.125}}},"
    "{\"name\": \"gate=true\", \"scores\": {\"test_mae\": {\"n\": 1, \"mean\": 0.25, \"se\": null}}}]}";
static const char table_text[] = "run,setting,seed,status,test_mae,taken\n"
                                 "runs/a/seed-1,gate=false,1,done,0.375,\n"
                                 "runs/a/seed-2,gate=false,2,done,0.625,\n"
                                 "runs/b/seed-1,gate=true,1,done,0.25,\n"
                                 "runs/b/seed-2,gate=true,2,failed,,\n"
                                 "runs/b/seed-3,gate=true,3,done,0.5,there.csv\n"
                                 "short\n";

static char root[64];

static void put(const char *name, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(rcr_file_write(path, text, strlen(text), NULL), RCR_OK);
}

static void make_folder(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(rcr_make_directory(path, NULL), RCR_OK);
}

static int begin(void **state) {
    (void)state;
    strcpy(root, "/tmp/recryst-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    make_folder("runs/a/seed-1");
    make_folder("runs/a/seed-2");
    make_folder("runs/b/seed-1");
    put("summary.json", summary_text);
    put("study.csv", table_text);
    put("study.toml", "seeds = [1, 2]\n# \"\xc3\xa5\"\n");
    put("runs/a/seed-1/metrics.csv", "epoch,train_mae,val_loss,val_mae,seconds\n1,9,9,0.75,1\n2,9,9,,1\n3,9,9,0.5,1\n");
    put("runs/a/seed-2/metrics.csv", "epoch,val_loss\n1,9\n"); /* no score, no curve */
    put("runs/b/seed-1/metrics.csv", "epoch,val_mae\n1,0.125\n");
    make_folder("runs/b/seed-3"); /* begun here, but its row is that of a run elsewhere: no curve of it */
    put("runs/b/seed-3/metrics.csv", "epoch,val_mae\n1,0.25\n");
    return 0;
}

static int end(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void the_page_holds_what_the_files_say(void **state) {
    (void)state;
    rcr_text text = {0}, title = {0};
    assert_true(rcr_study_is(root));
    assert_int_equal(rcr_study_title(&title, root, NULL), RCR_OK);
    assert_string_equal(title.data, "gates <1>: gap");
    assert_int_equal(rcr_page_study(&text, root, NULL), RCR_OK);
    json_t *page = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    json_t *wanted = json_loads(summary_text, 0, NULL);
    assert_non_null(page);
    assert_string_equal(text_at(page, "kind"), "study");
    assert_string_equal(text_at(page, "title"), "gates <1>: gap");
    assert_string_equal(text_at(page, "file"), "seeds = [1, 2]\n# \"\xc3\xa5\"\n");
    assert_true(json_equal(json_object_get(page, "summary"), wanted));

    const json_t *runs = json_object_get(page, "runs"), *curves = json_object_get(page, "curves");
    assert_int_equal(json_array_size(runs), 6);
    assert_string_equal(text_at(json_array_get(runs, 1), "test_mae"), "0.625");
    assert_string_equal(text_at(json_array_get(runs, 3), "status"), "failed");
    assert_string_equal(text_at(json_array_get(runs, 4), "taken"), "there.csv");
    assert_int_equal(json_object_size(json_array_get(runs, 5)), 1); /* a row that is cut short */

    assert_int_equal(json_array_size(curves), 2);
    const json_t *first = json_array_get(curves, 0), *value = json_object_get(first, "value");
    assert_string_equal(text_at(first, "setting"), "gate=false");
    assert_string_equal(text_at(first, "name"), "val_mae");
    assert_int_equal(json_array_size(value), 3);
    assert_true(json_number_value(json_array_get(value, 0)) == 0.75);
    assert_true(json_is_null(json_array_get(value, 1)));
    assert_true(json_number_value(json_array_get(value, 2)) == 0.5);
    assert_string_equal(text_at(json_array_get(curves, 1), "setting"), "gate=true");
    json_decref(page);
    json_decref(wanted);
    rcr_text_free(&text);
    rcr_text_free(&title);
}

/* Of several targets the curve is that of the score by which the best epoch is chosen, not of one target's error. */
static void curves_of_several_targets(void **state) {
    (void)state;
    rcr_text text = {0};
    put("runs/b/seed-1/metrics.csv",
        "epoch,lr,train_loss,train_scaled_mae,val_loss,val_scaled_mae,val_mae_gap,val_mae_energy,best,seconds\n"
        "1,1,9,9,9,0.125,7,8,1,1\n");
    assert_int_equal(rcr_page_study(&text, root, NULL), RCR_OK);
    json_t *page = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *curve = json_array_get(json_object_get(page, "curves"), 1);
    assert_string_equal(text_at(curve, "name"), "val_scaled_mae");
    assert_true(json_number_value(json_array_get(json_object_get(curve, "value"), 0)) == 0.125);
    json_decref(page);
    rcr_text_free(&text);
}

static size_t count(const char *text, const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what)) n++;
    return n;
}

/* A dot for each run that has the score and one for each mean, a bar where there is a standard error. */
static void the_figure_shows_runs_and_means(void **state) {
    (void)state;
    rcr_canvas canvas = {0};
    rcr_text svg = {0};
    assert_int_equal(rcr_figure_study(&canvas, root, NULL), RCR_OK);
    assert_int_equal(rcr_canvas_svg(&svg, &canvas, NULL), RCR_OK);
    assert_int_equal(count(svg.data, "<circle"), 4 + 2);
    assert_int_equal(count(svg.data, ">gate=false<"), 1);
    assert_int_equal(count(svg.data, ">gate=true<"), 1);
    assert_int_equal(count(svg.data, ">MAE, test (eV)<"), 1);
    assert_null(strstr(svg.data, "nan"));
    rcr_text_free(&svg);
    rcr_canvas_release(&canvas);
}

/* The folder is refused in this way, by the page and by the figure. */
static void refused(rcr_status page, rcr_status figure, const char *reason) {
    rcr_text text = {0};
    rcr_canvas canvas = {0};
    rcr_error err = {0};
    assert_int_equal(rcr_page_study(&text, root, &err), page);
    if (page != RCR_OK && strstr(err.message, reason) == NULL) fail_msg("%s", err.message);
    assert_int_equal(rcr_figure_study(&canvas, root, &err), figure);
    if (figure != RCR_OK && page == RCR_OK && strstr(err.message, reason) == NULL) fail_msg("%s", err.message);
    rcr_text_free(&text);
    rcr_canvas_release(&canvas);
}

static void bad_folders_say_why(void **state) {
    (void)state;
    char path[128];
    put("summary.json", "[1");
    refused(RCR_ERR_PARSE, RCR_ERR_PARSE, "expected a JSON object");
    put("summary.json", "[1]");
    refused(RCR_ERR_PARSE, RCR_ERR_DATA, "expected a JSON object");
    put("summary.json", "{\"name\": \"x\", \"settings\": []}");
    refused(RCR_OK, RCR_ERR_DATA, "no run of the study is done");
    put("summary.json", summary_text);
    put("study.csv", "run,setting,seed,status,test_mae\nruns/c,gate=false,1,waiting,\n");
    refused(RCR_OK, RCR_ERR_DATA, "no run of the study is done");
    put("study.csv", "a,b\n1,2\n");
    refused(RCR_ERR_PARSE, RCR_ERR_DATA, "no columns");
    snprintf(path, sizeof path, "%s/study.csv", root);
    unlink(path);
    assert_false(rcr_study_is(root));
    refused(RCR_ERR_IO, RCR_ERR_IO, "");
    snprintf(path, sizeof path, "%s/summary.json", root);
    unlink(path);
    refused(RCR_ERR_IO, RCR_ERR_IO, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_holds_what_the_files_say, begin, end),
        cmocka_unit_test_setup_teardown(curves_of_several_targets, begin, end),
        cmocka_unit_test_setup_teardown(the_figure_shows_runs_and_means, begin, end),
        cmocka_unit_test_setup_teardown(bad_folders_say_why, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
