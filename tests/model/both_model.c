/* Making models: counts, names, fresh weights, copies, metadata, options out of range. */
#include <math.h>

#include "base/mem.h"
#include "model/net_private.h"
#include "support/check.h"
#include "support/models.h"

static void parameters_are_counted_as_in_the_papers(void **state) {
    (void)state;
    static const struct {
        rcr_architecture architecture;
        int32_t gate, layer_norm;
        int64_t total, conv;
    } cases[] = {
        {RCR_SR_CGCNN, 0, 0, 37313, 22912},
        {RCR_CGCNN, 0, 0, 80833, 66432},
        {RCR_SR_CGCNN, 1, 0, 37316, 22912},
        {RCR_SR_CGCNN, 0, 1, 37441, 22912},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_model_options options = rcr_model_options_default();
        options.architecture = cases[i].architecture;
        options.gate = cases[i].gate;
        options.layer_norm = cases[i].layer_norm;
        rcr_model *model = make_model(&options, 1);
        rcr_model_info info = rcr_model_describe(model);
        assert_int_equal(info.n_parameters, cases[i].total);
        assert_int_equal(info.n_conv_parameters, cases[i].conv);
        assert_int_equal(info.options.depth, 3);
        assert_true(info.graph.radius == 8);
        assert_string_equal(info.target, "formation energy");
        assert_string_equal(info.unit, "eV/atom");
        rcr_model_free(model);
    }
}

static rcr_model *fresh_model(const rcr_model_options *options, uint64_t seed) {
    rcr_element_table *elements = NULL;
    rcr_model *model = NULL;
    rcr_graph_options graph = rcr_graph_options_default();
    assert_int_equal(rcr_element_table_cgcnn(&elements, NULL), RCR_OK);
    assert_int_equal(rcr_model_create(&model, options, &graph, elements, seed, NULL), RCR_OK);
    rcr_element_table_free(elements);
    return model;
}

static double bound_of(const rcr_model *model, const rcr_tensor *tensor) {
    char name[80];
    snprintf(name, sizeof name, "%.*sweight", (int)(strrchr(tensor->name, '.') - tensor->name) + 1, tensor->name);
    return 1 / sqrt((double)rcr_model_find(model, name, NULL)->shape[1]);
}

static void fresh_weights_fill_their_range(void **state) {
    (void)state;
    rcr_model_options options = rcr_model_options_default();
    options.gate = options.layer_norm = 1;
    rcr_model *model = fresh_model(&options, 3);
    for (size_t i = 0; i < model->n_tensors; i++) {
        const rcr_tensor *tensor = &model->tensor[i];
        const rcr_real *values = model->parameters + tensor->offset;
        int is_norm = strstr(tensor->name, "_bn") != NULL || strstr(tensor->name, "_norm") != NULL;
        int is_bias = strstr(tensor->name, ".bias") != NULL;
        double most = -1e9, least = 1e9, sum = 0;
        for (size_t j = 0; j < tensor->count; j++) {
            most = fmax(most, values[j]);
            least = fmin(least, values[j]);
            sum += values[j];
        }
        if (is_norm || strcmp(tensor->name, "recurrent_alpha") == 0) {
            assert_true(most == least && most == (is_bias ? 0 : 1));
            continue;
        }
        double bound = bound_of(model, tensor);
        assert_true(most <= bound * 1.0001 && least >= -bound * 1.0001);
        if (tensor->count < 1000) continue;
        assert_true(most > 0.9 * bound && least < -0.9 * bound);
        /* the mean of n uniform values has a standard deviation of bound / sqrt(3 n) */
        assert_true(fabs(sum / (double)tensor->count) < 5 * bound / sqrt(3.0 * (double)tensor->count));
    }
    for (size_t i = 0; i < model->n_buffers; i++)
        for (size_t j = 0; j < model->buffer[i].count; j++)
            assert_true(model->buffers[model->buffer[i].offset + j] ==
                        (strstr(model->buffer[i].name, "running_var") != NULL ? 1 : 0));
    rcr_model_free(model);
}

/* The first weights, written out: both precisions round the same draws. */
static void weights_come_from_the_seed(void **state) {
    (void)state;
    rcr_model_options options = rcr_model_options_default();
    rcr_model *a = fresh_model(&options, 3), *b = fresh_model(&options, 3), *c = fresh_model(&options, 4);
    assert_memory_equal(a->parameters, b->parameters, a->n_parameters * sizeof *a->parameters);
    assert_memory_not_equal(a->parameters, c->parameters, a->n_parameters * sizeof *a->parameters);
    assert_string_equal(a->tensor[0].name, "embedding.weight");
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, RCR_STREAM_WEIGHTS);
    for (int i = 0; i < 64 * 92; i++)
        assert_true(a->parameters[i] == (rcr_real)((2 * rcr_rng_uniform(&rng) - 1) * (1 / sqrt(92.0))));
    rcr_model_free(a);
    rcr_model_free(b);
    rcr_model_free(c);
    rcr_model_free(NULL);
}

static void tensors_tile_the_arrays(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], 1);
        size_t at = 0;
        for (size_t i = 0; i < model->n_tensors; i++) {
            const rcr_tensor *tensor = &model->tensor[i];
            int is_buffer = 7;
            assert_int_equal(tensor->offset, at);
            assert_int_equal(tensor->count, tensor->shape[0] * tensor->shape[1]);
            assert_ptr_equal(rcr_model_find(model, tensor->name, &is_buffer), tensor);
            assert_int_equal(is_buffer, 0);
            at += tensor->count;
        }
        assert_int_equal(at, model->n_parameters);
        at = 0;
        for (size_t i = 0; i < model->n_buffers; i++) {
            int is_buffer = 7;
            assert_int_equal(model->buffer[i].offset, at);
            assert_ptr_equal(rcr_model_find(model, model->buffer[i].name, &is_buffer), &model->buffer[i]);
            assert_int_equal(is_buffer, 1);
            at += model->buffer[i].count;
        }
        assert_int_equal(at, model->n_buffer_values);
        assert_null(rcr_model_find(model, "embedding", NULL));
        rcr_model_free(model);
    }
}

static void copies_are_equal_and_apart(void **state) {
    (void)state;
    rcr_model *model = make_model(&model_variants[3], 1), *copy = NULL;
    model->n_batches_tracked = 17;
    assert_int_equal(rcr_model_set_meta(model, "seed", "1", NULL), RCR_OK);
    assert_int_equal(rcr_model_set_meta(model, "data", "x", NULL), RCR_OK);
    assert_int_equal(rcr_model_set_meta(model, "seed", "22", NULL), RCR_OK);
    assert_int_equal(model->n_meta, 2);
    assert_int_equal(rcr_model_copy(&copy, model, NULL), RCR_OK);
    assert_string_equal(rcr_model_get_meta(copy, "seed"), "22");
    assert_null(rcr_model_get_meta(copy, "see"));
    assert_int_equal(copy->n_batches_tracked, 17);
    assert_true(copy->targets[0].scale.normalizer.mean == model->targets[0].scale.normalizer.mean &&
                copy->targets[0].scale.normalizer.std == model->targets[0].scale.normalizer.std);
    assert_string_equal(copy->targets[0].name, model->targets[0].name);
    assert_memory_equal(copy->parameters, model->parameters, model->n_parameters * sizeof(rcr_real));
    assert_memory_equal(copy->buffers, model->buffers, model->n_buffer_values * sizeof(rcr_real));
    copy->parameters[0] += 1;
    assert_true(copy->parameters[0] != model->parameters[0]);
    rcr_model_free(model);
    rcr_model_free(copy);
}

static void options_out_of_range_are_refused(void **state) {
    (void)state;
    rcr_model_options good = rcr_model_options_default(), bad[12];
    for (int i = 0; i < 12; i++) bad[i] = good;
    bad[0].depth = 0;
    bad[1].depth = 1001;
    bad[2].atom_features = 0;
    bad[3].atom_features = -5;
    bad[4].hidden = 0;
    bad[5].hidden_layers = 0;
    bad[6].hidden = 1 << 30;
    bad[7].gate = 2;
    bad[8].architecture = RCR_CGCNN, bad[8].gate = 1;
    bad[9].architecture = RCR_CGCNN, bad[9].layer_norm = 1;
    bad[10].architecture = (rcr_architecture)7;
    bad[11].task = (rcr_task_kind)7;
    assert_int_equal(rcr_model_options_check(&good, NULL), RCR_OK);
    for (int i = 0; i < 12; i++) {
        rcr_error err = {0};
        if (rcr_model_options_check(&bad[i], &err) != RCR_ERR_ARGUMENT || strlen(err.message) < 10)
            fail_msg("option set %d passed", i);
    }
    /* each option alone is in range, together they are too much */
    rcr_model_options many = {
        .architecture = RCR_CGCNN, .depth = 1000, .atom_features = 4096, .hidden = 128, .hidden_layers = 1};
    rcr_graph_options graph = rcr_graph_options_default();
    rcr_element_table *elements = NULL;
    rcr_model *model = NULL;
    assert_int_equal(rcr_element_table_cgcnn(&elements, NULL), RCR_OK);
    assert_int_equal(rcr_model_create(&model, &many, &graph, elements, 1, NULL), RCR_ERR_LIMIT);
    assert_int_equal(rcr_model_create_blank(&model, &good, &graph, elements, 37312, NULL), RCR_ERR_LIMIT);
    graph.radius = -1;
    assert_int_equal(rcr_model_create(&model, &good, &graph, elements, 1, NULL), RCR_ERR_ARGUMENT);
    assert_null(model);
    rcr_element_table_free(elements);
}

static void no_two_targets_have_one_label(void **state) {
    (void)state;
    static const struct {
        const char *name[4], *label[4];
    } cases[] = {{{"a", "b", "c", "d"}, {"a", "b", "c", "d"}},
                 {{"", "a", "a", ""}, {"1", "a", "3", "4"}},
                 {{"", "1", "1_", "x"}, {"1__", "1", "1_", "x"}},
                 {{"2", "2", "x", "x"}, {"2", "2_", "x", "4"}},
                 {{"2", "2", "2_", "3"}, {"2", "2__", "2_", "3"}}};
    rcr_model_options options = model_variants[0];
    options.n_targets = 4;
    rcr_model *model = make_model(&options, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int32_t k = 0; k < 4; k++)
            assert_int_equal(rcr_model_set_target_at(model, k, cases[i].name[k], "", NULL), RCR_OK);
        for (int32_t k = 0; k < 4; k++) {
            rcr_text label = {0};
            rcr_target_label(&label, model, k);
            assert_string_equal(label.data, cases[i].label[k]);
            rcr_text_free(&label);
        }
    }
    rcr_model_free(model);
}

/* Room for partial sums is made for the layers that there are: 34 GB for 16,384 hidden units were asked for. */
static void wide_networks_are_trained_in_little_memory(void **state) {
    (void)state;
    const size_t most = (size_t)400 << 20;
    rcr_model_options options = rcr_model_options_default();
    options.hidden = 16384;
    rcr_model *model = make_model(&options, 1);
    rcr_rng rng;
    rcr_rng_seed(&rng, 1, 0);
    rcr_graph *graph = make_graph(&rng, 5, 4);
    const rcr_graph *graphs[256];
    for (int i = 0; i < 256; i++) graphs[i] = graph;
    rcr_batch batch = {0};
    assert_int_equal(rcr_batch_fill(&batch, graphs, 256, NULL), RCR_OK);
    const char *const names[] = {"ref", NULL};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const rcr_kernels *kernels = NULL;
        rcr_net *net = NULL;
        rcr_tape *tape = NULL;
        rcr_exec exec;
        assert_int_equal(rcr_kernels_choose(&kernels, names[i], NULL), RCR_OK);
        assert_int_equal(rcr_net_create(&net, model, kernels, NULL), RCR_OK);
        assert_true(net->scratch_size < most);
        size_t size[2];
        for (int mode = RCR_TAPE_EVALUATION; mode <= RCR_TAPE_TRAINING; mode++) {
            assert_int_equal(rcr_exec_init(&exec, kernels, NULL, NULL), RCR_OK);
            assert_int_equal(rcr_tape_create(&tape, net, mode, NULL), RCR_OK);
            assert_int_equal(rcr_tape_reserve(tape, &exec, net, &batch, NULL), RCR_OK);
            size[mode] = exec.scratch_size;
            rcr_tape_free(tape);
            rcr_exec_release(&exec);
        }
        assert_true(size[RCR_TAPE_TRAINING] < most && size[RCR_TAPE_EVALUATION] < size[RCR_TAPE_TRAINING]);
        rcr_net_free(net);
    }
    rcr_batch_release(&batch);
    rcr_graph_free(graph);
    rcr_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_counted_as_in_the_papers),
        cmocka_unit_test(fresh_weights_fill_their_range),
        cmocka_unit_test(weights_come_from_the_seed),
        cmocka_unit_test(tensors_tile_the_arrays),
        cmocka_unit_test(copies_are_equal_and_apart),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(no_two_targets_have_one_label),
        cmocka_unit_test(wide_networks_are_trained_in_little_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
