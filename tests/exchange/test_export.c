/* Models for other programs: what is exported comes back the same, and torch, the reference programs and onnxruntime
 * predict with it what recryst does. */
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "io/zip_write.h"
#include "model/ensemble.h"
#include "model/forecast.h"
#include "model/net.h"
#include "support/folder.h"
#include "support/models.h"

static rcr_model *bring_back(const char *bytes, size_t length) {
    rcr_import_options options = rcr_import_options_default();
    rcr_model *model = NULL;
    rcr_error err = {0};
    options.padding = RCR_PADDING_NONE;
    options.target = "formation energy";
    if (rcr_checkpoint_import(&model, bytes, length, &options, &err) != RCR_OK) fail_msg("%s", err.message);
    return model;
}

static void what_is_exported_comes_back(void **state) {
    (void)state;
    for (size_t i = 0; i < N_MODEL_VARIANTS; i++) {
        rcr_model *model = make_model(&model_variants[i], i);
        model->n_batches_tracked = 12345678901;
        assert_int_equal(rcr_model_set_meta(model, "best_epoch", "17", NULL), RCR_OK);
        assert_int_equal(rcr_model_set_meta(model, "args", "{\"note\": \"kept\", \"n_conv\": 99, \"lr\": 0.125}", NULL),
                         RCR_OK);
        char *bytes = NULL, *again = NULL;
        size_t length = 0, length_again = 0;
        assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, NULL), RCR_OK);
        assert_int_equal(rcr_checkpoint_export(&again, &length_again, model, NULL), RCR_OK);
        assert_true(length == length_again && memcmp(bytes, again, length) == 0);
        rcr_model *copy = bring_back(bytes, length);
        assert_memory_equal(&copy->options, &model->options, sizeof copy->options);
        assert_int_equal(copy->n_parameters, model->n_parameters);
        assert_memory_equal(copy->parameters, model->parameters, model->n_parameters * sizeof *model->parameters);
        assert_memory_equal(copy->buffers, model->buffers, model->n_buffer_values * sizeof *model->buffers);
        assert_true(copy->n_batches_tracked == model->n_batches_tracked);
        if (model->options.task == RCR_REGRESSION)
            assert_true(copy->targets[0].scale.normalizer.mean == -1.25 &&
                        copy->targets[0].scale.normalizer.std == 0.75); /* floats, too */
        assert_string_equal(rcr_model_get_meta(copy, "epoch"), "17");
        const char *args = rcr_model_get_meta(copy, "args");
        assert_non_null(strstr(args, "\"note\":\"kept\""));
        assert_non_null(strstr(args, "\"lr\":0.125"));
        assert_null(strstr(args, "\"n_conv\":99"));
        rcr_free(bytes);
        rcr_free(again);
        rcr_model_free(copy);
        rcr_model_free(model);
    }
}

static void graph_options_come_back(void **state) {
    (void)state;
    rcr_graph_options graph = {.radius = 6, .max_neighbors = 9, .dmin = 0.5, .step = 0.25};
    rcr_element_table *elements = NULL;
    rcr_model *model = NULL;
    assert_int_equal(rcr_element_table_cgcnn(&elements, NULL), RCR_OK);
    assert_int_equal(rcr_model_create(&model, &model_variants[4], &graph, elements, 1, NULL), RCR_OK);
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, NULL), RCR_OK);
    rcr_model *copy = bring_back(bytes, length);
    assert_true(copy->graph.radius == 6 && copy->graph.max_neighbors == 9 && copy->graph.dmin == 0.5 &&
                copy->graph.step == 0.25);
    const char *reasons[4];
    assert_int_equal(rcr_checkpoint_differences(reasons, 4, model), 2); /* padding; the graph */
    model->graph = rcr_graph_options_default();
    model->graph.padding = RCR_PADDING_REFERENCE;
    assert_int_equal(rcr_checkpoint_differences(reasons, 4, model), 0);
    model->elements->row[model->elements->n_features] += 1;
    assert_int_equal(rcr_checkpoint_differences(reasons, 4, model), 1); /* the element table */
    rcr_free(bytes);
    rcr_model_free(copy);
    rcr_model_free(model);
    rcr_element_table_free(elements);
}

static rcr_model *join_three(const rcr_model_options *options, const rcr_transform *transform) {
    rcr_model *model[3], *joined = NULL;
    for (uint64_t m = 0; m < 3; m++) {
        model[m] = make_model(options, 10 + m);
        if (transform != NULL) model[m]->targets[0].scale.transform = *transform;
        if (options->task == RCR_REGRESSION) model[m]->targets[0].scale.normalizer.mean += 0.25 * (double)m;
    }
    assert_int_equal(rcr_model_join(&joined, (const rcr_model *const *)model, 3, NULL), RCR_OK);
    for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
    return joined;
}

static void checkpoints_hold_one_plain_network(void **state) {
    (void)state;
    char *bytes = NULL;
    size_t length = 0;
    rcr_error err = {0};
    rcr_model *model = join_three(&model_variants[0], NULL);
    assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "ensemble of 3"));
    rcr_model_free(model);
    for (size_t i = N_MODEL_VARIANTS; i < N_ALL_VARIANTS; i++) {
        model = make_model(&model_variants[i], i);
        assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, &err), RCR_ERR_UNSUPPORTED);
        rcr_model_free(model);
    }
    assert_null(bytes);
}

/* Of tests/data: targets may be 1e300 or 1e-310; single precision made 0 or infinity of their scales. */
static void scales_that_a_float_does_not_hold_are_refused(void **state) {
    (void)state;
    static const struct {
        rcr_scale scale;
        rcr_status status;
    } cases[] = {{{{RCR_TRANSFORM_NONE, 0}, {0, 1}}, RCR_OK},
                 {{{RCR_TRANSFORM_NONE, 0}, {-1e30, 1e-30}}, RCR_OK},
                 {{{RCR_TRANSFORM_NONE, 0}, {1e300, 1}}, RCR_ERR_UNSUPPORTED},
                 {{{RCR_TRANSFORM_NONE, 0}, {1e-310, 1}}, RCR_ERR_UNSUPPORTED},
                 {{{RCR_TRANSFORM_NONE, 0}, {0, 1e40}}, RCR_ERR_UNSUPPORTED},
                 {{{RCR_TRANSFORM_NONE, 0}, {0, 1e-40}}, RCR_ERR_UNSUPPORTED},
                 {{{RCR_TRANSFORM_YEO_JOHNSON, 0}, {0, 1}}, RCR_OK},
                 {{{RCR_TRANSFORM_BOX_COX, 1e-40}, {0, 1}}, RCR_ERR_UNSUPPORTED},
                 {{{RCR_TRANSFORM_ASINH, 1e-50}, {0, 1}}, RCR_ERR_UNSUPPORTED},
                 {{{RCR_TRANSFORM_ASINH, 1e50}, {0, 1}}, RCR_ERR_UNSUPPORTED}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_model *model = join_three(&model_variants[0], NULL), *one = NULL;
        rcr_target *target = &model->member[1]->targets[0]; /* of the last network */
        target->scale = cases[i].scale;
        char *bytes = NULL;
        size_t length = 0;
        rcr_error err = {0};
        assert_int_equal(rcr_onnx_export(&bytes, &length, model, RCR_ONNX_NUMBERS, &err), cases[i].status);
        assert_int_equal(bytes != NULL, cases[i].status == RCR_OK);
        if (cases[i].status != RCR_OK) assert_non_null(strstr(err.message, "single precision"));
        rcr_free(bytes);
        bytes = NULL;
        assert_int_equal(rcr_model_pick(&one, model, 2, NULL), RCR_OK);
        int plain = cases[i].scale.transform.kind == RCR_TRANSFORM_NONE;
        assert_int_equal(rcr_checkpoint_export(&bytes, &length, one, &err),
                         plain ? cases[i].status : RCR_ERR_UNSUPPORTED);
        rcr_free(bytes);
        rcr_model_free(one);
        rcr_model_free(model);
    }
    rcr_model *classes = make_model(&model_variants[3], 1);
    classes->targets[0].scale.normalizer.std = 1e-40; /* is not used */
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(rcr_checkpoint_export(&bytes, &length, classes, NULL), RCR_OK);
    rcr_free(bytes);
    rcr_model_free(classes);
}

static void members_of_an_archive_are_aligned(void **state) {
    (void)state;
    const rcr_zip_member member[] = {{"a/one", "1", 1}, {"a/a longer name", "22", 2}, {"a/none", "", 0}};
    char *bytes = NULL;
    size_t length = 0;
    rcr_error err = {0};
    assert_int_equal(rcr_zip_write(&bytes, &length, member, 3, 64, &err), RCR_OK);
    assert_true(bytes[64] == '1' && memcmp(bytes, "PK\3\4", 4) == 0);
    /* The second header is the next "P": the name has none. */
    const unsigned char *second = (const unsigned char *)memchr(bytes + 65, 'P', length - 65);
    size_t name = second[26], extra = second[28] | (size_t)second[29] << 8;
    const char *data = (const char *)second + 30 + name + extra;
    assert_int_equal((data - bytes) % 64, 0);
    assert_memory_equal(data, "22", 2);
    rcr_free(bytes);
    assert_int_equal(rcr_zip_write(&bytes, &length, member, 3, 63, &err), RCR_ERR_ARGUMENT);
}

/* ---- other programs */

static void put_numbers(rcr_text *out, const char *key, const double *value, size_t n) {
    char number[32];
    rcr_text_printf(out, "\"%s\": [", key);
    for (size_t i = 0; i < n; i++) rcr_text_printf(out, "%s%s", i > 0 ? ", " : "", rcr_format_double(number, value[i]));
    rcr_text_puts(out, "]");
}

static void put_graphs(rcr_text *out, const char *kind, rcr_graph *const *graph, size_t n) {
    rcr_text_printf(out, "\"%s\": [", kind);
    for (size_t g = 0; g < n; g++) {
        rcr_text_printf(out, "%s{\"z\": [", g > 0 ? ", " : "");
        for (int32_t i = 0; i < graph[g]->n_atoms; i++)
            rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", graph[g]->atomic_number[i]);
        rcr_text_puts(out, "], \"offset\": [");
        for (int32_t i = 0; i <= graph[g]->n_atoms; i++)
            rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", graph[g]->offset[i]);
        rcr_text_puts(out, "], \"neighbor\": [");
        for (int32_t i = 0; i < graph[g]->n_edges; i++)
            rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", graph[g]->neighbor[i]);
        rcr_text_puts(out, "], ");
        put_numbers(out, "distance", graph[g]->distance, (size_t)graph[g]->n_edges);
        rcr_text_puts(out, "}");
    }
    rcr_text_puts(out, "]");
}

/* A graph of twelve edges an atom, as the reference programs have them. */
static rcr_graph *make_even_graph(rcr_rng *rng, int32_t n_atoms) {
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_create(&graph, n_atoms, 12 * n_atoms, NULL), RCR_OK);
    for (int32_t i = 0; i < n_atoms; i++) {
        graph->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(rng, 100));
        graph->offset[i + 1] = 12 * (i + 1);
    }
    for (int32_t e = 0; e < 12 * n_atoms; e++) {
        graph->neighbor[e] = (int32_t)rcr_rng_below(rng, (uint64_t)n_atoms);
        graph->distance[e] = 1 + 8 * rcr_rng_uniform(rng);
    }
    return graph;
}

static void write_bytes(const test_folder *folder, const char *name, char *bytes, size_t length) {
    assert_int_equal(rcr_file_write(folder_path(folder, name), bytes, length, NULL), RCR_OK);
    rcr_free(bytes);
}

enum { N_GRAPHS = 9 };

static void write_case(const test_folder *folder, size_t i, rcr_text *cases, rcr_graph *const *even,
                       rcr_graph *const *uneven) {
    rcr_model *model = make_model(&model_variants[i], i);
    const rcr_kernels *kernels = NULL;
    rcr_net *net = NULL;
    char name[64], *bytes = NULL;
    double value[N_GRAPHS];
    size_t length = 0;
    assert_int_equal(rcr_kernels_choose(&kernels, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_net_create(&net, model, kernels, NULL), RCR_OK);
    rcr_text_printf(cases, "%s{\"name\": \"variant-%zu\", ", i > 0 ? ",\n" : "", i);
    assert_int_equal(rcr_net_predict(value, net, model, (const rcr_graph *const *)even, N_GRAPHS, NULL, NULL), RCR_OK);
    put_numbers(cases, "even", value, N_GRAPHS);
    rcr_text_puts(cases, ", ");
    assert_int_equal(rcr_net_predict(value, net, model, (const rcr_graph *const *)uneven, N_GRAPHS, NULL, NULL),
                     RCR_OK);
    put_numbers(cases, "uneven", value, N_GRAPHS);
    rcr_text_puts(cases, "}");
    snprintf(name, sizeof name, "variant-%zu.pth.tar", i);
    assert_int_equal(rcr_checkpoint_export(&bytes, &length, model, NULL), RCR_OK);
    write_bytes(folder, name, bytes, length);
    snprintf(name, sizeof name, "variant-%zu.numbers.onnx", i);
    assert_int_equal(rcr_onnx_export(&bytes, &length, model, RCR_ONNX_NUMBERS, NULL), RCR_OK);
    write_bytes(folder, name, bytes, length);
    snprintf(name, sizeof name, "variant-%zu.features.onnx", i);
    assert_int_equal(rcr_onnx_export(&bytes, &length, model, RCR_ONNX_FEATURES, NULL), RCR_OK);
    write_bytes(folder, name, bytes, length);
    if (i == 0) {
        assert_int_equal(rcr_element_table_json(&bytes, &length, model->elements, NULL), RCR_OK);
        write_bytes(folder, "atom_init.json", bytes, length);
    }
    rcr_net_free(net);
    rcr_model_free(model);
}

/* ---- what checkpoints can't hold: several targets, transforms, standard deviations, ensembles */

/* One target with each transform in turn, with a parameter from the range and at its ends. */
static const rcr_transform transforms[] = {
    {RCR_TRANSFORM_LOG, 0},         {RCR_TRANSFORM_LOG1P, 0},       {RCR_TRANSFORM_SIGNED_LOG, 0},
    {RCR_TRANSFORM_ASINH, 2.5},     {RCR_TRANSFORM_BOX_COX, 0},     {RCR_TRANSFORM_BOX_COX, 0.4},
    {RCR_TRANSFORM_BOX_COX, 2},     {RCR_TRANSFORM_YEO_JOHNSON, 0}, {RCR_TRANSFORM_YEO_JOHNSON, 1.3},
    {RCR_TRANSFORM_YEO_JOHNSON, 2},
};
enum { N_TRANSFORMS = sizeof transforms / sizeof transforms[0] };

/* Values, standard deviations and spreads of all graphs: [n, T] each, as recryst says them. */
static void put_forecast(rcr_text *out, const rcr_model *model, rcr_graph *const *graph) {
    rcr_columns c = rcr_model_columns(model);
    const rcr_kernels *kernels = NULL;
    rcr_net *net = NULL;
    double row[N_GRAPHS * 16], picked[N_GRAPHS * 4];
    rcr_graph_source source = rcr_graph_source_of((const rcr_graph *const *)graph);
    rcr_forecast forecast = {.row = row};
    assert_true(c.n <= 16 && c.n_targets <= 4);
    assert_int_equal(rcr_kernels_choose(&kernels, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_net_create(&net, model, kernels, NULL), RCR_OK);
    assert_int_equal(rcr_net_forecast_from(&forecast, net, model, &source, N_GRAPHS, NULL, NULL), RCR_OK);
    const struct {
        const char *name;
        size_t at;
        int there;
    } columns[] = {{"prediction", 0, 1}, {"std", c.std, c.std > 0}, {"spread", c.spread, c.spread > 0}};
    for (size_t k = 0; k < 3; k++) {
        if (!columns[k].there) continue;
        for (size_t i = 0; i < N_GRAPHS; i++)
            for (size_t t = 0; t < c.n_targets; t++)
                picked[i * c.n_targets + t] = row[i * c.n + t * c.block + columns[k].at];
        if (k > 0) rcr_text_puts(out, ", ");
        put_numbers(out, columns[k].name, picked, N_GRAPHS * c.n_targets);
    }
    rcr_net_free(net);
}

/* The model is freed. */
static void write_onnx_case(const test_folder *folder, const char *name, rcr_text *cases, rcr_model *model,
                            rcr_graph *const *graph) {
    char file[64], *bytes = NULL;
    size_t length = 0;
    rcr_error err = {0};
    rcr_text_printf(cases, "%s{\"name\": \"%s\", \"targets\": %d, ", cases->length > 1 ? ",\n" : "", name,
                    (int)model->options.n_targets);
    put_forecast(cases, model, graph);
    rcr_text_puts(cases, "}");
    snprintf(file, sizeof file, "%s.onnx", name);
    if (rcr_onnx_export(&bytes, &length, model, RCR_ONNX_NUMBERS, &err) != RCR_OK) fail_msg("%s", err.message);
    write_bytes(folder, file, bytes, length);
    rcr_model_free(model);
}

static void write_extended_cases(const test_folder *folder, rcr_graph *const *graph) {
    rcr_text cases = {0};
    char name[32];
    rcr_model_options with_std = model_variants[0];
    with_std.variance = 1;
    rcr_text_puts(&cases, "[");
    for (size_t i = N_MODEL_VARIANTS; i < N_ALL_VARIANTS; i++) {
        snprintf(name, sizeof name, "extended-%zu", i);
        write_onnx_case(folder, name, &cases, make_model(&model_variants[i], i), graph);
    }
    for (size_t i = 0; i < N_TRANSFORMS; i++) {
        rcr_model *model = make_model(&with_std, i);
        model->targets[0].scale.transform = transforms[i];
        model->targets[0].scale.normalizer.mean =
            i % 2 == 0 ? 1.2 : -0.5; /* of both signs, and with values that no target gives */
        snprintf(name, sizeof name, "transform-%zu", i);
        write_onnx_case(folder, name, &cases, model, graph);
    }
    for (size_t i = 0; i < N_ALL_VARIANTS; i++) {
        snprintf(name, sizeof name, "ensemble-%zu", i);
        write_onnx_case(folder, name, &cases, join_three(&model_variants[i], NULL), graph);
    }
    write_onnx_case(folder, "ensemble-log", &cases, join_three(&with_std, &transforms[0]), graph);
    rcr_text_puts(&cases, "]");
    assert_false(cases.failed);
    folder_write(folder, "extended.json", cases.data);
    rcr_text_free(&cases);
}

static void other_programs_predict_the_same(void **state) {
    (void)state;
    const char *venv = getenv("RECRYST_VENV"), *source = getenv("RECRYST_SOURCE");
    if (venv == NULL || source == NULL) {
        print_message("SKIPPED: needs torch and onnxruntime; RECRYST_VENV names no virtual environment\n");
        skip();
    }
    test_folder folder = folder_make();
    rcr_graph *even[N_GRAPHS], *uneven[N_GRAPHS];
    rcr_text cases = {0}, graphs = {0};
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 1);
    for (int32_t i = 0; i < N_GRAPHS; i++) {
        even[i] = make_even_graph(&rng, 1 + 3 * i);
        uneven[i] = make_graph(&rng, 1 + 2 * i, 15);
    }
    rcr_text_puts(&graphs, "{");
    put_graphs(&graphs, "even", even, N_GRAPHS);
    rcr_text_puts(&graphs, ", ");
    put_graphs(&graphs, "uneven", uneven, N_GRAPHS);
    rcr_text_puts(&graphs, "}");
    folder_write(&folder, "graphs.json", graphs.data);
    rcr_text_puts(&cases, "[");
    for (size_t i = 0; i < N_MODEL_VARIANTS; i++) write_case(&folder, i, &cases, even, uneven);
    rcr_text_puts(&cases, "]");
    folder_write(&folder, "cases.json", cases.data);
    write_extended_cases(&folder, uneven);
    rcr_text_free(&graphs);
    rcr_text_free(&cases);
    for (int i = 0; i < N_GRAPHS; i++) {
        rcr_graph_free(even[i]);
        rcr_graph_free(uneven[i]);
    }
    char command[16384];
    snprintf(command, sizeof command, "'%s/bin/python' '%s/tests/exchange/check_exports.py' '%s'", venv, source,
             folder.path);
    assert_int_equal(system(command), 0);
    folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_exported_comes_back),
        cmocka_unit_test(graph_options_come_back),
        cmocka_unit_test(checkpoints_hold_one_plain_network),
        cmocka_unit_test(members_of_an_archive_are_aligned),
        cmocka_unit_test(scales_that_a_float_does_not_hold_are_refused),
        cmocka_unit_test(other_programs_predict_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
