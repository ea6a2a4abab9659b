/* Contributions add up, agree with finite differences, and steps with the networks that have them alone. */
#include <math.h>

#include "crystal/crystal.h"
#include "graph/graph.h"
#include "model/ensemble.h"
#include "model/explain.h"
#include "model/net.h"
#include "support/check.h"
#include "support/models.h"

static double sum_of(const double *values, int32_t n) {
    double sum = 0;
    for (int32_t i = 0; i < n; i++) sum += values[i];
    return sum;
}

static double predict_one(const rcr_model *model, const rcr_graph *graph) {
    rcr_net *net;
    double value[8];
    assert_int_equal(rcr_net_create(&net, model, rcr_kernels_ref(), NULL), RCR_OK);
    assert_int_equal(rcr_net_predict(value, net, model, &graph, 1, NULL, NULL), RCR_OK);
    rcr_net_free(net);
    return value[0];
}

static rcr_explanation *explain(const rcr_model *model, const rcr_graph *graph) {
    rcr_explanation *x = NULL;
    rcr_error err = {0};
    if (rcr_explain(&x, model, rcr_kernels_ref(), 0, graph, NULL, &err) != RCR_OK) fail_msg("%s", err.message);
    return x;
}

static void contributions_add_up(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 17, 0);
    for (int v = 0; v < N_MODEL_VARIANTS; v++)
        for (int disordered = 0; disordered < 2; disordered++) {
            rcr_model *model = make_model(&model_variants[v], 5);
            rcr_graph *graph = disordered ? make_disordered_graph(&rng, 7, 9) : make_graph(&rng, 7, 9);
            rcr_explanation *x = explain(model, graph);
            double prediction = predict_one(model, graph);
            assert_int_equal(x->n_atoms, 7);
            assert_int_equal(x->n_steps, model->options.depth);
            assert_true(fabs(x->prediction - prediction) < 2e-5 * (1 + fabs(prediction)));
            assert_true(fabs(x->step_value[x->n_steps] - prediction) < 2e-5 * (1 + fabs(prediction)));
            if (model->options.task == RCR_REGRESSION)
                assert_true(fabs(x->value - prediction) < 2e-5 * (1 + fabs(prediction)));
            else
                assert_true(fabs(1 / (1 + exp(-x->value)) - prediction) < 2e-5);
            double readout = sum_of(x->readout, 7), input = sum_of(x->input, 7);
            assert_true(fabs(readout - (x->value - x->readout_baseline) - x->readout_gap) < 1e-9);
            assert_true(fabs(x->readout_gap) < 1e-9 * (1 + fabs(readout)));
            assert_true(fabs(input - (x->value - x->input_baseline) - x->input_gap) < 1e-4);
            assert_true(fabs(x->input_gap) <= 1.1e-4 * fabs(x->value - x->input_baseline) + 1e-5);
            rcr_explanation_free(x);
            rcr_graph_free(graph);
            rcr_model_free(model);
        }
}

/* The baseline at the input is what the network says of a crystal all of vacancies: an element table of zeros. */
static void the_baseline_is_a_crystal_without_elements(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 18, 0);
    rcr_model *model = make_model(&model_variants[0], 6), *empty = NULL;
    rcr_graph *graph = make_graph(&rng, 5, 8);
    assert_int_equal(rcr_model_copy(&empty, model, NULL), RCR_OK);
    memset(empty->elements->row, 0, 119 * (size_t)empty->elements->n_features * sizeof(double));
    rcr_explanation *x = explain(model, graph);
    assert_true(fabs(x->input_baseline - predict_one(empty, graph)) < 1e-5);
    rcr_explanation *none = explain(empty, graph); /* nothing to explain */
    for (int32_t i = 0; i < 5; i++) assert_true(fabs(none->input[i]) < 1e-7);
    rcr_explanation_free(none);
    rcr_explanation_free(x);
    rcr_graph_free(graph);
    rcr_model_free(model);
    rcr_model_free(empty);
}

/* Near the baseline integrated gradients are the gradient times the difference, which finite differences give: with
 * element vectors scaled by a small number, the contribution of an atom is what its element alone changes. */
static void small_contributions_are_differences(void **state) {
    (void)state;
    static const int variants[] = {0, 1, 2, 4};
    rcr_rng rng;
    rcr_rng_seed(&rng, 19, 0);
    for (int k = 0; k < 4; k++) {
        rcr_model *model = make_model(&model_variants[variants[k]], 7), *one = NULL;
        rcr_graph *graph = make_graph(&rng, 4, 6);
        size_t n = (size_t)model->elements->n_features;
        for (int32_t i = 0; i < 4; i++) graph->atomic_number[i] = (uint8_t)(10 + i);
        for (size_t j = 0; j < 119 * n; j++) model->elements->row[j] *= 0.05;
        rcr_explanation *x = explain(model, graph);
        double base = x->input_baseline, largest = 0;
        for (int32_t i = 0; i < 4; i++) largest = fmax(largest, fabs(x->input[i]));
        for (int32_t i = 0; i < 4; i++) {
            assert_int_equal(rcr_model_copy(&one, model, NULL), RCR_OK);
            for (size_t j = 0; j < 119 * n; j++)
                if (j / n != (size_t)(10 + i)) one->elements->row[j] = 0;
            double alone = predict_one(one, graph) - base;
            assert_true(fabs(alone - x->input[i]) < 0.02 * largest);
            rcr_model_free(one);
        }
        assert_true(largest > 1e-5);

        rcr_explanation_free(x);
        rcr_graph_free(graph);
        rcr_model_free(model);
    }
}

/* What is said after step t is what the network with the first t steps says; changes are those of the embedding. */
static void steps_are_those_of_shorter_networks(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 20, 0);
    static const int variants[] = {0, 1, 3};
    for (int k = 0; k < 3; k++) {
        rcr_model *model = make_model(&model_variants[variants[k]], 8), *shorter = NULL;
        rcr_graph *graph = make_graph(&rng, 6, 7);
        rcr_explanation *x = explain(model, graph);
        for (int32_t t = 1; t <= x->n_steps; t++) {
            assert_int_equal(rcr_model_with_steps(&shorter, model, t, NULL), RCR_OK);
            assert_true(fabs(predict_one(shorter, graph) - x->step_value[t]) < 2e-5);
            assert_true(x->step_change[t - 1] > 0 && x->step_change[t - 1] < 10);
            rcr_model_free(shorter);
        }
        rcr_explanation_free(x);
        rcr_graph_free(graph);
        rcr_model_free(model);
    }
}

static void an_ensemble_is_the_mean(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 21, 0);
    rcr_model *a = make_model(&model_variants[0], 1), *b = make_model(&model_variants[0], 2), *both;
    b->targets[0].scale.normalizer = (rcr_normalizer){.mean = 2, .std = 3};
    const rcr_model *list[] = {a, b};
    assert_int_equal(rcr_model_join(&both, list, 2, NULL), RCR_OK);
    rcr_graph *graph = make_graph(&rng, 5, 7);
    rcr_explanation *x = explain(a, graph), *y = explain(b, graph), *z = explain(both, graph);
    assert_true(fabs((x->prediction + y->prediction) / 2 - z->prediction) < 1e-12);
    for (int32_t i = 0; i < 5; i++) {
        assert_true(fabs((x->input[i] + y->input[i]) / 2 - z->input[i]) < 1e-12);
        assert_true(fabs((x->readout[i] + y->readout[i]) / 2 - z->readout[i]) < 1e-12);
    }
    assert_true(fabs(sum_of(z->readout, 5) - (z->value - z->readout_baseline)) < 1e-8);
    rcr_explanation *none = NULL;
    rcr_error err;
    assert_int_equal(rcr_explain(&none, a, rcr_kernels_ref(), 1, graph, NULL, &err), RCR_ERR_ARGUMENT);
    rcr_explanation_free(x);
    rcr_explanation_free(y);
    rcr_explanation_free(z);
    rcr_graph_free(graph);
    rcr_model_free(a);
    rcr_model_free(b);
    rcr_model_free(both);
}

/* Values of unlike transforms have no mean; predictions after each step, in the target's unit, have. */
static void unlike_transforms_have_steps_alone(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 22, 0);
    rcr_model *a = make_model(&model_variants[7], 1), *b = make_model(&model_variants[7], 2), *both;
    b->targets[2].scale.transform = (rcr_transform){RCR_TRANSFORM_ASINH, 0.5};
    const rcr_model *list[] = {a, b};
    assert_int_equal(rcr_model_join(&both, list, 2, NULL), RCR_OK);
    rcr_graph *graph = make_graph(&rng, 5, 7);
    rcr_explanation *x = NULL, *one[2];
    rcr_error err = {0};
    assert_int_equal(rcr_explain(&x, both, rcr_kernels_ref(), 2, graph, NULL, &err), RCR_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "explain one network"));
    assert_null(x);
    for (int m = 0; m < 2; m++)
        assert_int_equal(rcr_explain(&one[m], list[m], rcr_kernels_ref(), 2, graph, NULL, &err), RCR_OK);
    assert_int_equal(rcr_explain_steps(&x, both, rcr_kernels_ref(), 2, graph, NULL, &err), RCR_OK);
    for (int32_t t = 0; t <= x->n_steps; t++)
        assert_true(fabs((one[0]->step_value[t] + one[1]->step_value[t]) / 2 - x->step_value[t]) < 1e-12);
    rcr_explanation_free(x);
    x = NULL; /* the other targets are transformed alike */
    assert_int_equal(rcr_explain(&x, both, rcr_kernels_ref(), 1, graph, NULL, &err), RCR_OK);
    rcr_explanation_free(x);
    for (int m = 0; m < 2; m++) rcr_explanation_free(one[m]);
    rcr_graph_free(graph);
    rcr_model_free(a);
    rcr_model_free(b);
    rcr_model_free(both);
}

static void a_prediction_that_is_no_number_is_an_error(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 23, 0);
    rcr_graph *graph = make_graph(&rng, 5, 7);
    rcr_model *model = make_model(&model_variants[0], 1);
    model->targets[0].scale = (rcr_scale){{RCR_TRANSFORM_LOG, 0}, {.mean = 1000, .std = 1}}; /* exp(1000) */
    rcr_explanation *x = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_explain(&x, model, rcr_kernels_ref(), 0, graph, NULL, &err), RCR_ERR_NUMERIC);
    assert_int_equal(err.status, RCR_ERR_NUMERIC);
    assert_null(x);
    assert_int_equal(rcr_explain_steps(&x, model, rcr_kernels_ref(), 0, graph, NULL, &err), RCR_OK);
    assert_true(isinf(x->step_value[x->n_steps]));
    rcr_explanation_free(x);
    rcr_graph_free(graph);
    rcr_model_free(model);
}

/* A rock salt cell of eight sites, of which site k of the list is the order[k]-th. */
static rcr_graph *rock_salt(const int order[8]) {
    static const double at[8][3] = {{0, 0, 0},    {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0},
                                    {.5, .5, .5}, {.5, 0, 0},  {0, .5, 0},  {0, 0, .5}};
    rcr_crystal *crystal = NULL;
    rcr_graph *graph = NULL;
    rcr_graph_options options = rcr_graph_options_default();
    assert_int_equal(rcr_crystal_create(&crystal, "rock salt", 8, NULL), RCR_OK);
    for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 5.64;
    for (int k = 0; k < 8; k++) {
        crystal->atomic_number[k] = order[k] < 4 ? 11 : 17;
        for (int axis = 0; axis < 3; axis++) crystal->frac[k][axis] = at[order[k]][axis];
    }
    assert_int_equal(rcr_graph_build(&graph, crystal, &options, NULL), RCR_OK);
    rcr_crystal_free(crystal);
    return graph;
}

/* Twelve neighbours cut the second shell, so that the sites' numbers say which of them are named; contributions must
 * not go by that. */
static void equivalent_atoms_contribute_the_same(void **state) {
    (void)state;
    static const int order[2][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {6, 2, 5, 0, 3, 7, 1, 4}};
    for (int v = 0; v < N_MODEL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], 5);
        double kind[2][2];
        for (int p = 0; p < 2; p++) {
            rcr_graph *graph = rock_salt(order[p]);
            rcr_explanation *x = explain(model, graph);
            for (int32_t i = 0; i < 8; i++) {
                int chlorine = order[p][i] >= 4;
                int32_t first = 0;
                while ((order[p][first] >= 4) != chlorine) first++;
                kind[p][chlorine] = x->input[first];
                assert_true(x->input[i] == x->input[first]);
                assert_true(fabs(x->readout[i] - x->readout[first]) < 1e-5 * (1 + fabs(x->readout[i])));
            }
            assert_true(fabs(sum_of(x->input, 8) - (x->value - x->input_baseline) - x->input_gap) < 1e-4);
            rcr_explanation_free(x);
            rcr_graph_free(graph);
        }
        for (int k = 0; k < 2; k++) assert_true(fabs(kind[0][k] - kind[1][k]) < 1e-4 * (1 + fabs(kind[0][k])));
        rcr_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contributions_add_up),
        cmocka_unit_test(the_baseline_is_a_crystal_without_elements),
        cmocka_unit_test(small_contributions_are_differences),
        cmocka_unit_test(steps_are_those_of_shorter_networks),
        cmocka_unit_test(an_ensemble_is_the_mean),
        cmocka_unit_test(unlike_transforms_have_steps_alone),
        cmocka_unit_test(a_prediction_that_is_no_number_is_an_error),
        cmocka_unit_test(equivalent_atoms_contribute_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
