/* Checkpoints of other programs: those that CGCNN's authors published predict what their program predicts, and those
 * of all variants in the reference data what the reference program gave. */
#include <math.h>

#include "base/text.h"
#include "exchange/import.h"
#include "io/csv.h"
#include "model/net.h"
#include "support/folder.h"
#include "support/reference_graphs.h"

static rcr_model *import_file(const char *path) {
    char *bytes = NULL;
    size_t length = 0;
    rcr_model *model = NULL;
    rcr_error err = {0};
    rcr_import_options options = rcr_import_options_default();
    options.source = path;
    if (rcr_file_read(&bytes, &length, path, (size_t)1 << 28, &err) != RCR_OK ||
        rcr_checkpoint_import(&model, bytes, length, &options, &err) != RCR_OK)
        fail_msg("%s: %s", path, err.message);
    rcr_free(bytes);
    return model;
}

static void predict(double *values, const rcr_model *model, rcr_graph *const *graph, size_t n) {
    const rcr_kernels *kernels = NULL;
    rcr_net *net = NULL;
    assert_int_equal(rcr_kernels_choose(&kernels, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_net_create(&net, model, kernels, NULL), RCR_OK);
    assert_int_equal(rcr_net_predict(values, net, model, (const rcr_graph *const *)graph, n, NULL, NULL), RCR_OK);
    rcr_net_free(net);
}

/* ---- the published checkpoints */

static double sample_deviation(const double *value, size_t n) {
    double mean = 0, sum = 0;
    for (size_t i = 0; i < n; i++) mean += value[i] / (double)n;
    for (size_t i = 0; i < n; i++) sum += (value[i] - mean) * (value[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

/* Column `column` of expected.csv, whose header is the checkpoint's name. */
static void check_published(const rcr_csv *csv, size_t column, rcr_graph *const *graph, size_t n) {
    char name[256];
    const char *head = csv->row[0].field[column];
    snprintf(name, sizeof name, "reference/cgcnn-pretrained/%s", head);
    rcr_model *model = import_file(shared_path(name));
    assert_int_equal(model->options.architecture, RCR_CGCNN);
    assert_int_equal(model->options.depth, 4);
    assert_int_equal(model->graph.padding, RCR_PADDING_REFERENCE);
    double *got = calloc(n, sizeof *got), *want = calloc(n, sizeof *want), worst = 0;
    assert_true(got != NULL && want != NULL);
    predict(got, model, graph, n);
    for (size_t i = 0; i < n; i++) {
        const char *cell = csv->row[i + 1].field[column];
        assert_true(rcr_parse_double(&want[i], cell, strlen(cell)));
        worst = check_worse(worst, fabs(got[i] - want[i]));
    }
    /* The target's own deviation is the normaliser's; a class has none, so that of the probabilities stands for it. */
    double scale =
        model->options.task == RCR_CLASSIFICATION ? sample_deviation(want, n) : model->targets[0].scale.normalizer.std;
    print_message("%-40s largest difference %.1e standard deviations\n", head, worst / scale);
    assert_true(worst <= 1e-5 * scale);
    free(got);
    free(want);
    rcr_model_free(model);
}

static void published_checkpoints_predict_as_their_program(void **state) {
    (void)state;
    REQUIRE_SHARED();
    char *text = NULL;
    size_t length = 0;
    rcr_csv *csv = NULL;
    assert_int_equal(
        rcr_file_read(&text, &length, shared_path("reference/cgcnn-pretrained/expected.csv"), 1 << 24, NULL), RCR_OK);
    assert_int_equal(rcr_csv_parse(&csv, text, length, NULL), RCR_OK);
    reference_file graphs = reference_open("reference/graphs.safetensors");
    size_t n = csv->n_rows - 1;
    assert_int_equal(n, 200);
    assert_int_equal(csv->row[0].n_fields, 5);
    rcr_graph **graph = calloc(n, sizeof *graph);
    assert_non_null(graph);
    for (size_t i = 0; i < n; i++) graph[i] = reference_graph(&graphs, csv->row[i + 1].field[0]);
    for (size_t column = 1; column < 5; column++) check_published(csv, column, graph, n);
    for (size_t i = 0; i < n; i++) rcr_graph_free(graph[i]);
    free(graph);
    reference_close(&graphs);
    rcr_csv_free(csv);
    rcr_free(text);
}

static void metadata_come_along(void **state) {
    (void)state;
    REQUIRE_SHARED();
    rcr_model *model = import_file(shared_path("reference/cgcnn-pretrained/formation-energy-per-atom.pth.tar"));
    assert_string_equal(rcr_model_get_meta(model, "epoch"), "968");
    assert_string_equal(rcr_model_get_meta(model, "best_mae_error"), "0.03972001800748568");
    assert_string_equal(rcr_model_get_meta(model, "imported_format"), "torch legacy");
    assert_non_null(strstr(rcr_model_get_meta(model, "args"), "\"n_conv\":4,"));
    assert_string_equal(model->elements->name, "cgcnn");
    rcr_model_free(model);
    model = import_file(shared_path("reference/cgcnn-pretrained/semi-metal-classification.pth.tar"));
    assert_string_equal(rcr_model_get_meta(model, "best_mae_error"), "0.958599858597622"); /* a numpy scalar */
    rcr_model_free(model);
}

/* ---- the variants of the reference data, saved by torch itself */

static const char *const formats[] = {"zip", "legacy"};

/* *worst: the largest difference over the largest value, as in both_parity.c (untrained networks of five steps put out
 * 200 standard deviations). */
static void check_variant(const char *folder, const char *stem, const reference_file *graphs, double *worst) {
    char name[1024];
    snprintf(name, sizeof name, "reference/step/%s.safetensors", stem);
    reference_file step = reference_open(name);
    json_t *ids = reference_json(&step, "ids");
    const rcr_st_tensor *output = rcr_safetensors_find(step.file, "eval/output");
    size_t n = json_array_size(ids);
    rcr_graph *graph[64];
    double got[64];
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++) graph[i] = reference_graph(graphs, json_string_value(json_array_get(ids, i)));
    for (int f = 0; f < 2; f++) {
        snprintf(name, sizeof name, "%s/%s.%s.pth.tar", folder, stem, formats[f]);
        rcr_model *model = import_file(name);
        assert_string_equal(rcr_model_get_meta(model, "imported_format"), f == 0 ? "torch zip" : "torch legacy");
        assert_string_equal(rcr_model_get_meta(model, "best_mae_error"), "0.5");
        const char *args = rcr_model_get_meta(model, "args");
        assert_true(strstr(args, "\"device\":\"cuda:0\"") != NULL && strstr(args, "\"best\":0.25,\"n\":3") != NULL);
        predict(got, model, graph, n);
        double most = 0, difference = 0;
        for (size_t i = 0; i < n; i++) {
            int is_class = model->options.task == RCR_CLASSIFICATION;
            double value =
                is_class ? got[i]
                         : (got[i] - model->targets[0].scale.normalizer.mean) / model->targets[0].scale.normalizer.std;
            double want = is_class ? exp(rcr_st_value(output, 2 * i + 1)) : rcr_st_value(output, i);
            difference = check_worse(difference, fabs(value - want));
            most = fmax(most, fabs(want));
        }
        *worst = check_worse(*worst, difference / most);
        rcr_model_free(model);
    }
    for (size_t i = 0; i < n; i++) rcr_graph_free(graph[i]);
    json_decref(ids);
    reference_close(&step);
}

static void variants_in_both_formats_predict_as_the_reference(void **state) {
    (void)state;
    REQUIRE_SHARED();
    const char *venv = getenv("RECRYST_VENV"), *source = getenv("RECRYST_SOURCE");
    if (venv == NULL || source == NULL) {
        print_message("SKIPPED: needs torch; RECRYST_VENV names no virtual environment\n");
        skip();
    }
    test_folder folder = folder_make();
    char command[16384];
    snprintf(command, sizeof command, "'%s/bin/python' '%s/tests/exchange/make_checkpoints.py' '%s' '%s'", venv, source,
             shared_path("reference/step"), folder.path);
    assert_int_equal(system(command), 0);
    reference_file graphs = reference_open("reference/graphs.safetensors");
    DIR *directory = opendir(shared_path("reference/step"));
    assert_non_null(directory);
    double worst = 0;
    int n = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char *dot = strstr(entry->d_name, ".safetensors");
        if (dot == NULL) continue;
        *dot = '\0';
        check_variant(folder.path, entry->d_name, &graphs, &worst);
        n++;
    }
    closedir(directory);
    reference_close(&graphs);
    folder_remove(&folder);
    print_message("%d networks in two formats: largest difference %.1e of the largest value\n", n, worst);
    assert_int_equal(n, 20);
    assert_true(worst <= 1e-5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_checkpoints_predict_as_their_program),
        cmocka_unit_test(metadata_come_along),
        cmocka_unit_test(variants_in_both_formats_predict_as_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
