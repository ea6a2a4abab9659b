/* A run directory read back, what is found of its crystals, and the page's data. */
#include "support/check.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/visit.h"
#include "model/model.h"
#include "report/page.h"
#include "report/survey.h"

#define CHECK_OK(call, err)                                                                                            \
    do {                                                                                                               \
        if ((call) != RCR_OK) fail_msg("%s: %s", #call, (err).message);                                                \
    } while (0)

static char folder[] = "/tmp/recryst-page-XXXXXX";

static void put(const char *name, const char *text) {
    char path[256];
    rcr_error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK_OK(rcr_file_write(path, text, strlen(text), &err), err);
}

static void erase(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    remove(path);
}

/* Six crystals of one line of atoms, and the files that a run of them leaves. */
static void make_run(void) {
    static const char *const elements[] = {"Na", "Cl", "K", "Br", "Cs", "I"};
    rcr_text xyz = {0};
    for (int i = 0; i < 6; i++)
        rcr_text_printf(&xyz,
                        "1\nLattice=\"3.%d 0 0 0 3.%d 0 0 0 3.%d\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" id=c%d "
                        "gap=%d\n%s 0 0 0\n",
                        i, i, i, i, i, elements[i]);
    put("data.extxyz", xyz.data);
    rcr_text_free(&xyz);
    put("run_summary.json", "{\"task\": \"regression\", \"target\": \"gap\", \"unit\": \"eV\", \"best_epoch\": 2, "
                            "\"model\": \"sr-cgcnn\", \"n_conv\": 3, \"data\": \"<data>\"}");
    put("metrics.csv", "epoch,lr,train_loss,train_mae,val_loss,val_mae,best,seconds\n1,0.1,2,1,3,1.5,1,0.5\n"
                       "2,0.1,1,0.5,nan,1.25,1,0.5\n");
    put("predictions-train.csv", "id,target,prediction\nc0,0,0.5\nc1,1,1\n");
    put("predictions-val.csv", "id,target,prediction\nc2,2,2\n");
    put("predictions-test.csv", "id,target,prediction\nc3,3,3.25\nc4,4,1\n\"c5\",5,nan\n");
    put("config.toml",
        "# a comment\n[model]\ndepth = 3                   # steps = layers\nname = \"a # \\\"b\\\"\"  # c\n"
        "[data]\npath = \"x\"\nempty = \"\"\n");
    static const char *const absent[] = {"crystals.csv", "worst-crystals.jsonl", "steps.csv", "calibration.csv"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) erase(absent[i]);
}

static rcr_run_data *read_run(void) {
    rcr_run_data *run = NULL;
    rcr_error err;
    CHECK_OK(rcr_run_data_read(&run, folder, &err), err);
    return run;
}

static void test_reading(void **state) {
    (void)state;
    make_run();
    rcr_run_data *run = read_run();
    assert_int_equal(run->n_targets, 1);
    assert_string_equal(run->target[0].name, "gap");
    assert_string_equal(run->target[0].unit, "eV");
    assert_int_equal(run->n_epochs, 2);
    assert_int_equal(run->best_epoch, 2);
    assert_string_equal(run->val_score_name, "MAE");
    assert_true(run->val_score[1] == 1.25 && isnan(run->val_loss[1]) && run->lr[0] == 0.1);
    assert_int_equal(run->part[2].n, 3);
    assert_string_equal(run->part[2].id[2], "c5");
    assert_true(run->part[2].prediction[0] == 3.25 && isnan(run->part[2].prediction[2]));
    assert_null(run->part[2].lower);
    assert_string_equal(rcr_run_setting_value(run, "model", "depth"), "3");
    assert_string_equal(rcr_run_setting_value(run, "model", "name"), "a # \"b\"");
    assert_string_equal(run->setting[0].comment, "steps = layers");
    assert_string_equal(rcr_run_setting_value(run, "data", "empty"), "");
    assert_null(rcr_run_setting_value(run, "data", "depth"));
    size_t *rank, n;
    rcr_error err;
    CHECK_OK(rcr_run_rank(&rank, &n, run, 2, 0, &err), err);
    assert_int_equal(n, 2); /* no error without a prediction */
    assert_int_equal(rank[0], 1);
    assert_int_equal(rank[1], 0);
    rcr_free(rank);
    rcr_run_data_free(run);
    /* Several targets, with intervals. */
    put("predictions-train.csv", "id,target_a,prediction_a,target_b,prediction_b\nc0,0,1,2,3\n");
    put("predictions-val.csv", "id,target_a,prediction_a,target_b,prediction_b\nc2,0,1,,3\n");
    put("predictions-test.csv", "id,target_a,prediction_a,lower_a,upper_a,target_b,prediction_b,lower_b,upper_b\n"
                                "c3,0,1,-1,2,5,6,4,7\n");
    run = read_run();
    assert_int_equal(run->n_targets, 2);
    assert_string_equal(run->target[1].name, "b");
    assert_true(isnan(run->part[1].target[1]) && run->part[1].prediction[1] == 3);
    assert_true(run->part[2].upper[0] == 2 && run->part[2].lower[1] == 4);
    rcr_run_data_free(run);
    /* As many as a model may have. */
    enum { MOST = RCR_MAX_TARGETS };
    rcr_text table = {0};
    rcr_text_puts(&table, "id");
    for (int k = 0; k < MOST; k++) rcr_text_printf(&table, ",target_t%d,prediction_t%d", k, k);
    rcr_text_puts(&table, "\nc3");
    for (int k = 0; k < MOST; k++) rcr_text_printf(&table, ",%d,0", k);
    rcr_text_puts(&table, "\n");
    static const char *const files[] = {"predictions-train.csv", "predictions-val.csv", "predictions-test.csv"};
    for (int p = 0; p < 3; p++) put(files[p], table.data);
    rcr_text_free(&table);
    run = read_run();
    assert_int_equal(run->n_targets, MOST);
    assert_string_equal(run->target[MOST - 1].name, "t1023");
    assert_true(run->part[2].target[MOST - 1] == MOST - 1);
    rcr_run_data_free(run);
}

static void test_what_is_missing(void **state) {
    (void)state;
    make_run();
    rcr_run_data *run = NULL;
    rcr_error err;
    put("predictions-val.csv", "id,target\nc2,2\n");
    run = read_run(); /* a part without predictions has none */
    assert_true(isnan(run->part[1].prediction[0]));
    rcr_run_data_free(run);
    put("predictions-train.csv", "name,target\nc2,2\n");
    assert_int_equal(rcr_run_data_read(&run, folder, &err), RCR_ERR_PARSE);
    put("crystals.csv", "id,formula\n");
    assert_int_equal(rcr_run_data_read(&run, folder, &err), RCR_ERR_PARSE);
    assert_string_equal(err.file, "crystals.csv");
    make_run();
    put("run_summary.json", "[]");
    assert_int_equal(rcr_run_data_read(&run, folder, &err), RCR_ERR_PARSE);
    erase("run_summary.json");
    assert_int_equal(rcr_run_data_read(&run, folder, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "no finished training run"));
    assert_int_equal(rcr_run_data_read(&run, "/nonexistent", &err), RCR_ERR_IO);
}

static void test_survey(void **state) {
    (void)state;
    make_run();
    rcr_run_data *run = read_run();
    rcr_error err;
    char data[256];
    snprintf(data, sizeof data, "%s/data.extxyz", folder);
    rcr_pool *pool;
    CHECK_OK(rcr_pool_create(&pool, 3, &err), err);
    rcr_survey_options options = {.data = data, .target = "gap", .find_group = rcr_spacegroup_find, .pool = pool};
    CHECK_OK(rcr_survey_write(run, &options, &err), err);
    rcr_run_data_free(run);
    run = read_run();
    assert_int_equal(run->n_crystals, 6);
    assert_true(run->has_groups);
    assert_int_equal(run->part[0].crystal[0]->space_group, 0); /* training rows have none */
    assert_int_equal(run->part[2].crystal[1]->space_group, 221);
    assert_string_equal(run->part[2].crystal[1]->symbol, "Pm-3m");
    assert_string_equal(run->part[2].crystal[1]->formula, "Cs");
    assert_int_equal(run->part[2].crystal[1]->n_atoms, 1);
    assert_int_equal(run->n_worst, 2); /* c3 and c4; c5 has no error */
    assert_true(fabs(run->worst[1]->lattice[2][2] - 3.4) < 1e-12);
    assert_string_equal(run->worst[1]->id, "c4");
    /* Without a search the groups stay. */
    options.find_group = NULL;
    CHECK_OK(rcr_survey_write(run, &options, &err), err);
    rcr_run_data_free(run);
    run = read_run();
    assert_int_equal(run->part[2].crystal[1]->space_group, 221);
    /* Data that hold but one of the rows: of the others all stays that was known. */
    size_t missing = 99;
    options.find_group = rcr_spacegroup_find;
    options.n_missing = &missing;
    put("part.extxyz", "1\nLattice=\"3.3 0 0 0 3.3 0 0 0 3.3\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" id=c3 "
                       "gap=3\nBr 0 0 0\n");
    snprintf(data, sizeof data, "%s/part.extxyz", folder);
    CHECK_OK(rcr_survey_write(run, &options, &err), err);
    assert_int_equal(missing, 5);
    rcr_run_data_free(run);
    run = read_run();
    assert_int_equal(run->n_crystals, 6);
    assert_string_equal(run->part[0].crystal[0]->formula, "Na");
    assert_int_equal(run->part[2].crystal[1]->n_atoms, 1);
    assert_string_equal(run->part[2].crystal[1]->symbol, "Pm-3m");
    assert_int_equal(run->n_worst, 2);
    assert_string_equal(run->worst[1]->id, "c4");
    /* Data in which a row's id is that of another crystal: nothing is taken of them. */
    put("part.extxyz", "1\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" id=c3 gap=3\n"
                       "Li 0 0 0\n");
    assert_int_equal(rcr_survey_write(run, &options, &err), RCR_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "other data than the run's: c3 is Li of 1 atoms here, and was Br of 1"));
    rcr_run_data_free(run);
    run = read_run();
    assert_string_equal(run->part[2].crystal[0]->formula, "Br");
    /* Other data. */
    put("other.extxyz",
        "1\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" id=z gap=1\nNa 0 0 0\n"
        "1\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" id=y gap=1\nNa 0 0 0\n");
    snprintf(data, sizeof data, "%s/other.extxyz", folder);
    assert_int_equal(rcr_survey_write(run, &options, &err), RCR_ERR_MISMATCH);
    options.data = "/nonexistent";
    assert_int_equal(rcr_survey_write(run, &options, &err), RCR_ERR_IO);
    rcr_run_data_free(run);
    rcr_pool_free(pool);
}

static json_t *page_data(const rcr_run_data *run) {
    rcr_text json = {0};
    rcr_error err;
    CHECK_OK(rcr_page_run(&json, run, &(rcr_page_notes){.crystals = "gone"}, &err), err);
    json_error_t problem;
    json_t *data = json_loadb(json.data, json.length, JSON_REJECT_DUPLICATES, &problem);
    if (data == NULL) fail_msg("%s at %d", problem.text, problem.position);
    rcr_text_free(&json);
    return data;
}

static void test_page_data(void **state) {
    (void)state;
    make_run();
    put("predictions-test.csv", "id,target,prediction\n\"</script>\",3,3.25\n\xff\"x,4,1\nc5,,1\n");
    put("calibration.csv", "target,part,promised,observed,width,median_width,n\ngap,test,0.9,0.875,1.5,1.25,8\n");
    put("steps.csv", "id,step,prediction,change\n</script>,1,1,\n</script>,2,2,0.5\n</script>,3,3.25,0.25\n"
                     "c5,1,1,\nc5,2,1,0.5\nc5,3,1,0.25\n");
    put("crystals.csv", "id,formula,atoms,space_group,symbol\n</script>,CsI,2,221,Pm-3m\n");
    put("errors.csv", "row,id,file,line,reason\n7,bad,bad.cif,3,no cell\n");
    rcr_run_data *run = read_run();
    json_t *data = page_data(run), *part = json_array_get(json_object_get(data, "parts"), 2);
    assert_string_equal(json_string_value(json_object_get(data, "title")), "gap of <data>");
    assert_string_equal(json_string_value(json_array_get(json_object_get(part, "id"), 0)), "</script>");
    assert_string_equal(json_string_value(json_array_get(json_object_get(part, "id"), 1)), "\xef\xbf\xbd\"x");
    assert_string_equal(json_string_value(json_array_get(json_object_get(part, "formula"), 0)), "CsI");
    json_t *steps = json_object_get(data, "steps");
    assert_true(json_number_value(json_array_get(json_object_get(steps, "error"), 0)) == 2); /* |1 - 3| */
    assert_true(json_is_null(json_array_get(json_object_get(steps, "change"), 0)));
    json_t *away = json_array_get(json_object_get(steps, "away"), 1);
    assert_true(json_number_value(json_array_get(away, 0)) == -1.25);
    assert_int_equal(json_integer_value(json_object_get(steps, "n")), 1); /* of two rows: one has a target */
    assert_int_equal(json_integer_value(json_object_get(json_object_get(data, "unusable"), "count")), 1);
    json_t *coverage = json_array_get(json_object_get(data, "calibration"), 0);
    assert_true(json_number_value(json_object_get(coverage, "observed")) == 0.875);
    assert_true(json_number_value(json_object_get(coverage, "width")) == 1.5);
    json_decref(data);
    /* Into a template: the one '<' of the data's own must not get through. */
    static const char template_text[] = "<title>@@TITLE@@</title><script>@@DATA@@</script>";
    rcr_text json = {0}, page = {0};
    rcr_error err;
    CHECK_OK(rcr_page_run(&json, run, &(rcr_page_notes){0}, &err), err);
    CHECK_OK(rcr_page_fill(&page, template_text, sizeof template_text - 1, "<b>", &json, &err), err);
    assert_non_null(strstr(page.data, "<title>&lt;b&gt;</title><script>{"));
    assert_ptr_equal(strstr(page.data, "</script>"), page.data + page.length - strlen("</script>"));
    assert_int_equal(rcr_page_fill(&page, "@@DATA@@", 8, "", &json, &err), RCR_ERR_DATA);
    rcr_text_free(&json);
    rcr_text_free(&page);
    rcr_run_data_free(run);
}

static void check_rows(const char *split, const char *config, const char *want) {
    rcr_text summary = {0};
    rcr_text_printf(&summary, "{\"task\": \"regression\", \"target\": \"gap\", \"split\": \"%s\", \"seed\": 123}",
                    split);
    put("run_summary.json", summary.data);
    rcr_text_free(&summary);
    put("config.toml", config);
    rcr_run_data *run = read_run();
    json_t *data = page_data(run), *fact;
    size_t i;
    const char *rows = NULL;
    json_array_foreach(json_object_get(data, "facts"), i,
                       fact) if (strcmp(json_string_value(json_array_get(fact, 0)), "Rows") == 0) rows =
        json_string_value(json_array_get(fact, 1));
    assert_non_null(rows);
    assert_string_equal(rows, want);
    json_decref(data);
    rcr_run_data_free(run);
}

/* The seed that is told of a split is the split's, with all digits. */
static void test_split_seed(void **state) {
    (void)state;
    make_run();
    check_rows("random", "[training]\nseed = 123                  # all\n",
               "2 training, 1 validation, 3 test; split: random, seed 123");
    check_rows("random", "[split]\nsplit_seed = 9223372036854775807 # of it\n[training]\nseed = 123\n",
               "2 training, 1 validation, 3 test; split: random, seed 9223372036854775807");
    check_rows("reference", "[training]\nseed = 123\n", "2 training, 1 validation, 3 test; split: reference");
}

static double number_at(const json_t *part, const char *key, size_t k, size_t i) {
    return json_number_value(json_array_get(json_array_get(json_object_get(part, key), k), i));
}

/* Errors of hundredths of targets near -1234567: the page's are those of the run, and no number is longer than that
 * takes.  Probabilities keep all digits. */
static void test_exact_numbers(void **state) {
    (void)state;
    make_run();
    put("predictions-test.csv", "id,target,prediction,lower,upper\n"
                                "c3,-1234566.91,-1234567.0197933211,-1234567.1234567891,-1234566.9123456789\n"
                                "c4,1.5,1.500000012345678,1,2\nc5,,0.12345678901234567,0,1\n");
    rcr_run_data *run = read_run();
    json_t *data = page_data(run), *part = json_array_get(json_object_get(data, "parts"), 2);
    assert_true(number_at(part, "t", 0, 0) == -1234566.91);
    assert_true(number_at(part, "p", 0, 0) == -1234567.019793321);
    assert_true(fabs(number_at(part, "low", 0, 0) + 1234567.1234567891) < 2e-8);
    assert_true(fabs(number_at(part, "p", 0, 1) - 1.500000012345678) < 1e-15);
    assert_true(json_is_null(json_array_get(json_array_get(json_object_get(part, "t"), 0), 2)));
    assert_true(number_at(part, "p", 0, 2) == 0.123456789);
    json_decref(data);
    rcr_run_data_free(run);
    put("run_summary.json", "{\"task\": \"classification\", \"target\": \"gap\"}");
    put("predictions-test.csv", "id,target,prediction\nc3,0,0.99999999999\nc4,1,0.50000000001\n");
    run = read_run();
    data = page_data(run);
    part = json_array_get(json_object_get(data, "parts"), 2);
    assert_true(number_at(part, "p", 0, 0) == 0.99999999999 && number_at(part, "p", 0, 1) == 0.50000000001);
    json_decref(data);
    rcr_run_data_free(run);
}

/* Reading out after t steps: the vectors of the shallower model are those of the deeper one after t steps. */
static void test_shallower(void **state) {
    (void)state;
    make_run();
    char path[256];
    rcr_error err;
    rcr_crystal *crystal;
    snprintf(path, sizeof path, "%s/data.extxyz", folder);
    CHECK_OK(rcr_crystal_read(&crystal, path, &err), err);
    rcr_model_options options = rcr_model_options_default();
    rcr_graph_options graph = rcr_graph_options_default();
    options.architecture = RCR_SR_CGCNN;
    options.depth = 3;
    options.gate = options.layer_norm = 1;
    rcr_element_table *elements;
    rcr_model *model, *shallow;
    CHECK_OK(rcr_element_table_cgcnn(&elements, &err), err);
    CHECK_OK(rcr_model_create(&model, &options, &graph, elements, 7, &err), err);
    const rcr_crystal *one[] = {crystal};
    rcr_embedding *steps, *last;
    CHECK_OK(rcr_model_embed(&steps, model, RCR_EMBED_STEPS, one, 1, 1, &err), err);
    for (int32_t t = 1; t <= 3; t++) {
        CHECK_OK(rcr_model_shallower(&shallow, model, t, &err), err);
        CHECK_OK(rcr_model_embed(&last, shallow, RCR_EMBED_ATOMS, one, 1, 1, &err), err);
        size_t F = (size_t)last->n_features;
        assert_memory_equal(last->values, steps->values + (size_t)(t - 1) * F, F * sizeof(float));
        rcr_embedding_free(last);
        rcr_model_free(shallow);
    }
    assert_int_equal(rcr_model_shallower(&shallow, model, 4, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_model_shallower(&shallow, model, 0, &err), RCR_ERR_ARGUMENT);
    rcr_embedding_free(steps);
    rcr_element_table_free(elements);
    rcr_model_free(model);
    rcr_crystal_free(crystal);
}

static int set_up(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),   cmocka_unit_test(test_what_is_missing), cmocka_unit_test(test_survey),
        cmocka_unit_test(test_page_data), cmocka_unit_test(test_exact_numbers),   cmocka_unit_test(test_split_seed),
        cmocka_unit_test(test_shallower),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
