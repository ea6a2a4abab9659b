/* Predictions do not depend on what is predicted with them, on order, or on threads; bad crystals cost themselves only.
 */
#include <math.h>

#include "base/mem.h"
#include "crystal/crystal.h"
#include "model/forecast.h"
#include "model/net.h"
#include "support/check.h"
#include "support/models.h"

static const char *const kernel_names[] = {"ref", "base", "avx2", "avx512"};
enum { N_KERNELS = 4 };

/* Graphs of many sizes: lone atoms, more than a micro-batch, and one large enough for threads inside the kernels. */
enum { N_GRAPHS = 60, N_LARGE = 20001 };

static void make_graphs(rcr_graph **graph, int with_large) {
    rcr_rng rng;
    rcr_rng_seed(&rng, 7, 1);
    for (int i = 0; i < N_GRAPHS; i++) {
        int32_t n_atoms = 1 + (int32_t)rcr_rng_below(&rng, i % 10 == 9 ? 300 : 30);
        if (i == 20 && with_large) n_atoms = N_LARGE;
        graph[i] = (i % 4 == 0 ? make_disordered_graph : make_graph)(&rng, i % 7 == 0 ? 1 : n_atoms,
                                                                     i == 7                  ? 0
                                                                     : i == 20 && with_large ? 2
                                                                                             : 12);
    }
    if (with_large) assert_int_equal(graph[20]->n_atoms, N_LARGE);
}

static void assert_same_bits(const double *a, const double *b, size_t n, const char *what, const char *kernels) {
    for (size_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s, %s kernels: graph %zu gives %.17g and %.17g", what, kernels, i, a[i], b[i]);
}

static void check_grouping(const rcr_kernels *k, const rcr_model *model, rcr_graph *const *graph) {
    double all[N_GRAPHS], other[N_GRAPHS], turned[N_GRAPHS];
    const rcr_graph *list[N_GRAPHS], *reversed[N_GRAPHS];
    rcr_net *net = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_net_create(&net, model, k, &err), RCR_OK);
    for (int i = 0; i < N_GRAPHS; i++) {
        list[i] = graph[i];
        reversed[i] = graph[N_GRAPHS - 1 - i];
    }
    assert_int_equal(rcr_net_predict(all, net, model, list, N_GRAPHS, NULL, &err), RCR_OK);
    for (int i = 0; i < N_GRAPHS; i++) {
        assert_true(isfinite(all[i]));
        assert_int_equal(rcr_net_predict(&other[i], net, model, &list[i], 1, NULL, &err), RCR_OK);
    }
    assert_same_bits(all, other, N_GRAPHS, "together and alone", k->name);
    assert_int_equal(rcr_net_predict(turned, net, model, reversed, N_GRAPHS, NULL, &err), RCR_OK);
    for (int i = 0; i < N_GRAPHS; i++) other[i] = turned[N_GRAPHS - 1 - i];
    assert_same_bits(all, other, N_GRAPHS, "forward and in reverse", k->name);
    for (int n_threads = 2; n_threads <= 5; n_threads += 3) {
        rcr_pool *pool = NULL;
        assert_int_equal(rcr_pool_create(&pool, n_threads, &err), RCR_OK);
        assert_int_equal(rcr_net_predict(other, net, model, list, N_GRAPHS, pool, &err), RCR_OK);
        assert_same_bits(all, other, N_GRAPHS, "one thread and several", k->name);
        rcr_pool_free(pool);
    }
    double most = 0, least = 0; /* the values are not all one: something was predicted */
    for (int i = 0; i < N_GRAPHS; i++) {
        assert_true(isfinite(all[i]));
        most = fmax(most, all[i] - all[0]);
        least = fmin(least, all[i] - all[0]);
    }
    assert_true(most - least > 1e-4);
    rcr_net_free(net);
}

static void the_same_in_any_company(void **state) {
    (void)state;
    rcr_graph *graph[N_GRAPHS];
    for (int with_large = 0; with_large < 2; with_large++) {
        make_graphs(graph, with_large);
        for (int i = 0; i < N_KERNELS; i++) {
            const rcr_kernels *k = NULL;
            if (rcr_kernels_choose(&k, kernel_names[i], NULL) != RCR_OK) continue;
            for (int v = 0; v < (with_large ? 1 : N_MODEL_VARIANTS); v++) {
                rcr_model *model = make_model(&model_variants[v], 5);
                check_grouping(k, model, graph);
                rcr_model_free(model);
            }
        }
        for (int i = 0; i < N_GRAPHS; i++) rcr_graph_free(graph[i]);
    }
}

/* The product's own sizes take other paths in the kernels than the small variants. */
static void the_same_at_full_size(void **state) {
    (void)state;
    rcr_graph *graph[N_GRAPHS];
    make_graphs(graph, 0);
    rcr_model_options options = rcr_model_options_default();
    for (int i = 1; i < N_KERNELS; i++) {
        const rcr_kernels *k = NULL;
        if (rcr_kernels_choose(&k, kernel_names[i], NULL) != RCR_OK) continue;
        rcr_model *model = make_model(&options, 6);
        check_grouping(k, model, graph);
        rcr_model_free(model);
    }
    for (int i = 0; i < N_GRAPHS; i++) rcr_graph_free(graph[i]);
}

/* Values are the network's output in the target's unit, or the softmax's second entry. */
static void values_are_scaled_outputs(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, 1);
    rcr_graph *graph = make_graph(&rng, 9, 12);
    const rcr_graph *list[1] = {graph};
    const rcr_kernels *k = rcr_kernels_ref();
    for (int v = 0; v < N_MODEL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], 8);
        rcr_net *net = NULL;
        rcr_tape *tape = NULL;
        rcr_exec exec = {0};
        rcr_batch batch = {0};
        assert_int_equal(rcr_net_create(&net, model, k, NULL), RCR_OK);
        assert_int_equal(rcr_tape_create(&tape, net, RCR_TAPE_STEPS, NULL), RCR_OK);
        assert_int_equal(rcr_exec_init(&exec, k, NULL, NULL), RCR_OK);
        assert_int_equal(rcr_batch_fill(&batch, list, 1, NULL), RCR_OK);
        assert_int_equal(rcr_tape_reserve(tape, &exec, net, &batch, NULL), RCR_OK);
        rcr_net_forward(tape, net, &exec, &batch);
        rcr_real out[2] = {0};
        k->mem_download(out, rcr_tape_output(tape), (size_t)model->n_outputs);
        double value = 0, expected = out[0] * 0.75 - 1.25;
        if (model->options.task == RCR_CLASSIFICATION) expected = 1 / (1 + exp((double)out[0] - (double)out[1]));
        assert_int_equal(rcr_net_predict(&value, net, model, list, 1, NULL, NULL), RCR_OK);
        assert_true(fabs(value - expected) < 1e-6);
        rcr_batch_release(&batch);
        rcr_exec_release(&exec);
        rcr_tape_free(tape);
        rcr_net_free(net);
        rcr_model_free(model);
    }
    rcr_graph_free(graph);
}

/* Training, too, gives the same bits on any number of threads. */
static void gradients_do_not_depend_on_threads(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 4, 1);
    enum { N = 24 };
    rcr_graph *graph[N];
    for (int i = 0; i < N; i++)
        graph[i] = (i % 3 ? make_graph : make_disordered_graph)(&rng, 1 + (int32_t)rcr_rng_below(&rng, 40), 12);
    rcr_batch batch = {0};
    assert_int_equal(rcr_batch_fill(&batch, (const rcr_graph *const *)graph, N, NULL), RCR_OK);
    for (int i = 0; i < N_KERNELS * N_ALL_VARIANTS; i++) {
        const rcr_kernels *k = NULL;
        if (rcr_kernels_choose(&k, kernel_names[i % N_KERNELS], NULL) != RCR_OK) continue;
        rcr_model *model = make_model(&model_variants[i / N_KERNELS], 8), *stored[2] = {NULL, NULL};
        rcr_real *gradient[2];
        for (int threaded = 0; threaded < 2; threaded++) {
            rcr_pool *pool = NULL;
            if (threaded) assert_int_equal(rcr_pool_create(&pool, 3, NULL), RCR_OK);
            rcr_net *net = NULL;
            rcr_tape *tape = NULL;
            rcr_exec exec = {0};
            assert_int_equal(rcr_net_create(&net, model, k, NULL), RCR_OK);
            assert_int_equal(rcr_tape_create(&tape, net, RCR_TAPE_TRAINING, NULL), RCR_OK);
            assert_int_equal(rcr_exec_init(&exec, k, pool, NULL), RCR_OK);
            assert_int_equal(rcr_tape_reserve(tape, &exec, net, &batch, NULL), RCR_OK);
            rcr_real *d_out = k->mem_alloc((size_t)(N * model->n_outputs));
            rcr_net_forward_training(tape, net, &exec, &batch, 77);
            k->mem_copy(&exec, d_out, rcr_tape_output(tape), (size_t)(N * model->n_outputs));
            rcr_net_backward(tape, net, &exec, &batch, d_out);
            gradient[threaded] = calloc(model->n_parameters, sizeof(rcr_real));
            k->mem_download(gradient[threaded], rcr_tape_gradient(tape), model->n_parameters);
            assert_int_equal(rcr_model_copy(&stored[threaded], model, NULL), RCR_OK);
            rcr_net_store(net, stored[threaded]);
            assert_int_equal(stored[threaded]->n_batches_tracked, model->n_batches_tracked + 1);
            k->mem_free(d_out);
            rcr_exec_release(&exec);
            rcr_tape_free(tape);
            rcr_net_free(net);
            rcr_pool_free(pool);
        }
        assert_memory_equal(gradient[0], gradient[1], model->n_parameters * sizeof(rcr_real));
        assert_memory_equal(stored[0]->buffers, stored[1]->buffers, model->n_buffer_values * sizeof(rcr_real));
        assert_memory_not_equal(stored[0]->buffers, model->buffers, model->n_buffer_values * sizeof(rcr_real));
        for (int j = 0; j < 2; j++) {
            free(gradient[j]);
            rcr_model_free(stored[j]);
        }
        rcr_model_free(model);
    }
    rcr_batch_release(&batch);
    for (int i = 0; i < N; i++) rcr_graph_free(graph[i]);
}

static void unknown_elements_are_named(void **state) {
    (void)state;
    rcr_model *model = make_model(&model_variants[0], 1);
    rcr_net *net = NULL;
    rcr_graph *graph = NULL;
    rcr_error err = {0};
    double value = 42;
    assert_int_equal(rcr_graph_create(&graph, 1, 0, NULL), RCR_OK);
    graph->atomic_number[0] = 118;
    const rcr_graph *list[1] = {graph};
    assert_int_equal(rcr_net_create(&net, model, rcr_kernels_ref(), &err), RCR_OK);
    assert_int_equal(rcr_net_predict(&value, net, model, list, 1, NULL, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "Og"));
    assert_true(value == 42);
    graph->atomic_number[0] = 200;
    assert_int_equal(rcr_net_predict(&value, net, model, list, 1, NULL, &err), RCR_ERR_DATA);
    assert_int_equal(rcr_net_predict(&value, net, model, list, 0, NULL, &err), RCR_OK);
    rcr_graph_free(graph);
    rcr_net_free(net);
    rcr_model_free(model);
}

/* Cubic cells of two atoms, some spoilt. */
static rcr_crystal *make_crystal(int i) {
    rcr_crystal *crystal = NULL;
    assert_int_equal(rcr_crystal_create(&crystal, "x", 2, NULL), RCR_OK);
    for (int d = 0; d < 3; d++) {
        crystal->lattice[d][d] = 3 + 0.01 * i;
        crystal->frac[1][d] = 0.5;
    }
    crystal->atomic_number[0] = (uint8_t)(3 + i % 80);
    crystal->atomic_number[1] = 8;
    return crystal;
}

static void bad_crystals_cost_themselves_only(void **state) {
    (void)state;
    enum { N = 2100 }; /* more than one group */
    rcr_model *model = make_model(&model_variants[4], 2);
    rcr_crystal **crystal = calloc(N, sizeof *crystal);
    double *values = calloc(N, sizeof *values), *again = calloc(N, sizeof *again);
    rcr_status *status = calloc(N, sizeof *status);
    for (int i = 0; i < N; i++) crystal[i] = make_crystal(i);
    crystal[3]->lattice[2][2] = 0;
    crystal[2050]->atomic_number[1] = 110;
    rcr_error err = {0};
    const rcr_crystal *const *list = (const rcr_crystal *const *)crystal;
    assert_int_equal(rcr_model_predict(values, status, model, list, N, 1, &err), RCR_OK);
    for (int i = 0; i < N; i++) {
        int bad = i == 3 || i == 2050;
        assert_int_equal(status[i], bad ? RCR_ERR_DATA : RCR_OK);
        assert_int_equal(isnan(values[i]) != 0, bad);
    }
    assert_int_equal(rcr_model_predict(again, NULL, model, list, N, 3, &err), RCR_OK);
    for (int i = 0; i < N; i++) assert_true(again[i] == values[i] || (isnan(again[i]) && isnan(values[i])));
    assert_int_equal(rcr_model_predict(again, NULL, model, list + 2099, 1, 0, &err), RCR_OK);
    assert_true(again[0] == values[2099]);
    for (int i = 0; i < N; i++) rcr_crystal_free(crystal[i]);
    free(crystal);
    free(values);
    free(again);
    free(status);
    rcr_model_free(model);
}

/* Everything that a model of several targets says, in any company, is its outputs brought back by hand. */
static void several_targets(void **state) {
    (void)state;
    enum { N = 130 };
    rcr_crystal *crystal[N];
    for (int i = 0; i < N; i++) crystal[i] = make_crystal(i);
    crystal[5]->lattice[1][1] = 0;
    const rcr_crystal *const *list = (const rcr_crystal *const *)crystal;
    for (int v = N_MODEL_VARIANTS; v < N_ALL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], 4);
        rcr_prediction *all = NULL, *one = NULL;
        rcr_error err = {0};
        size_t T = (size_t)model->options.n_targets;
        double value[N];
        assert_int_equal(rcr_model_predict_all(&all, model, list, N, 3, &err), RCR_OK);
        assert_int_equal(all->n_crystals, N);
        assert_int_equal(all->n_targets, T);
        assert_int_equal(all->std != NULL, model->options.variance);
        for (int i = 0; i < N; i++) {
            assert_int_equal(all->status[i], i == 5 ? RCR_ERR_DATA : RCR_OK);
            assert_int_equal(rcr_model_predict_all(&one, model, list + i, 1, 1, &err), RCR_OK);
            for (size_t k = 0; k < T; k++) {
                double y = all->values[(size_t)i * T + k];
                assert_true(one->values[k] == y || (i == 5 && isnan(y) && isnan(one->values[k])));
                if (k == 1 && i != 5) assert_true(y > 0); /* its logarithm was learnt */
                if (all->std != NULL && i != 5)
                    assert_true(all->std[(size_t)i * T + k] == one->std[k] && one->std[k] > 0);
            }
            rcr_prediction_free(one);
        }
        rcr_status status = rcr_model_predict(value, NULL, model, list, N, 2, &err);
        assert_int_equal(status, T > 1 ? RCR_ERR_ARGUMENT : RCR_OK);
        if (T > 1) assert_non_null(strstr(err.message, "rcr_model_predict_all"));
        for (int i = 0; i < N && T == 1; i++) assert_true(i == 5 || value[i] == all->values[i]);
        rcr_prediction_free(all);
        rcr_model_free(model);
    }
    for (int i = 0; i < N; i++) rcr_crystal_free(crystal[i]);
    rcr_prediction_free(NULL);
}

static void outputs_are_brought_back(void **state) {
    (void)state;
    rcr_model *model = make_model(&model_variants[N_MODEL_VARIANTS], 4);
    const rcr_real out[2][6] = {{1, -1, 2, 0, 0, 0}, {-0.5, 3, -2, 1, -2, 4}};
    double value[2][6];
    const rcr_forecast forecast = {.values = &value[0][0]};
    rcr_forecast_fill(&forecast, 0, model, &out[0][0], NULL, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(fabs(value[i][0] - ((double)out[i][0] * 0.75 - 1.25)) < 1e-12);
        assert_true(fabs(value[i][3] - exp(5 * tanh((double)out[i][3] / 10)) * 0.75) < 1e-12);
        /* log: mean 0.5, std 1/2 */
        double low = exp(((double)out[i][1] - exp(5 * tanh((double)out[i][4] / 10))) / 2 + 0.5);
        double high = exp(((double)out[i][1] + exp(5 * tanh((double)out[i][4] / 10))) / 2 + 0.5);
        assert_true(fabs(value[i][1] - exp((double)out[i][1] / 2 + 0.5)) < 1e-12);
        assert_true(fabs(value[i][4] - (high - low) / 2) < 1e-12);
    }
    /* Yeo and Johnson, lambda 1/3, mean 1, std 1/3: z = 5/3 and 1/3, both from y = (1 + z/3)^3 - 1 */
    assert_true(fabs(value[0][2] - (pow(1 + 5.0 / 9, 3) - 1)) < 1e-12);
    assert_true(fabs(value[1][2] - (pow(1 + 1.0 / 9, 3) - 1)) < 1e-12);
    rcr_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_in_any_company),
        cmocka_unit_test(the_same_at_full_size),
        cmocka_unit_test(values_are_scaled_outputs),
        cmocka_unit_test(gradients_do_not_depend_on_threads),
        cmocka_unit_test(unknown_elements_are_named),
        cmocka_unit_test(bad_crystals_cost_themselves_only),
        cmocka_unit_test(several_targets),
        cmocka_unit_test(outputs_are_brought_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
