/* Whole networks against finite differences, in double: what the reference files do not cover (dropout, evaluation
 * statistics, edges left out, small and odd sizes).  In float, that gradients are those of the double build is covered
 * by the parity tests; here only the properties that hold exactly are checked. */
#include <math.h>

#include "base/mem.h"
#include "model/net.h"
#include "support/check.h"
#include "support/models.h"

/* A network with a batch, and a loss that is a fixed linear form of its outputs. */
typedef struct bench {
    rcr_model *model;
    const rcr_kernels *k;
    rcr_net *net;
    rcr_tape *tape;
    rcr_exec exec;
    rcr_batch batch;
    rcr_real *d_out; /* device [C, n_outputs] */
    rcr_real *form, *out, *gradient;
    int training, deep, frozen;
    uint64_t dropout_seed;
    rcr_real *deep_out; /* device [depth, C, n_outputs], with deep */
} bench;

enum { N_GRAPHS = 5 };

/* What the readout of step t counts. */
static double weight_of(const bench *b, int32_t t) { return t == b->model->options.depth - 1 ? 1 : 0.25 * (t + 1); }

static void start(bench *b, int variant) {
    rcr_rng rng;
    rcr_rng_seed(&rng, 21, 1);
    rcr_graph *graph[N_GRAPHS];
    for (int i = 0; i < N_GRAPHS; i++) graph[i] = (i % 2 ? make_disordered_graph : make_graph)(&rng, 2 + 2 * i, 6);
    b->k = rcr_kernels_ref();
    b->model = make_model(&model_variants[variant], 13);
    assert_int_equal(rcr_batch_fill(&b->batch, (const rcr_graph *const *)graph, N_GRAPHS, NULL), RCR_OK);
    for (int i = 0; i < N_GRAPHS; i++) rcr_graph_free(graph[i]);
    assert_int_equal(rcr_net_create(&b->net, b->model, b->k, NULL), RCR_OK);
    if (b->deep) rcr_net_set_deep(b->net);
    rcr_net_set_frozen(b->net, b->frozen, 0);
    assert_int_equal(rcr_tape_create(&b->tape, b->net, RCR_TAPE_TRAINING, NULL), RCR_OK);
    assert_int_equal(rcr_exec_init(&b->exec, b->k, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_tape_reserve(b->tape, &b->exec, b->net, &b->batch, NULL), RCR_OK);
    size_t n_out = (size_t)(N_GRAPHS * b->model->n_outputs);
    b->d_out = b->k->mem_alloc(n_out);
    b->form = calloc(n_out, sizeof *b->form);
    b->out = calloc(n_out, sizeof *b->out);
    b->gradient = calloc(b->model->n_parameters, sizeof *b->gradient);
    for (size_t i = 0; i < n_out; i++) b->form[i] = (rcr_real)(rcr_rng_uniform(&rng) - 0.5);
    b->k->mem_upload(b->d_out, b->form, n_out);
    if (!b->deep) return;
    b->deep_out = b->k->mem_alloc((size_t)b->model->options.depth * n_out);
    for (int32_t t = 0; t < b->model->options.depth; t++) {
        for (size_t i = 0; i < n_out; i++) b->out[i] = b->form[i] * (rcr_real)weight_of(b, t);
        b->k->mem_upload(b->deep_out + (size_t)t * n_out, b->out, n_out);
    }
}

static void end(bench *b) {
    b->k->mem_free(b->d_out);
    if (b->deep) b->k->mem_free(b->deep_out);
    free(b->form);
    free(b->out);
    free(b->gradient);
    rcr_tape_free(b->tape);
    rcr_exec_release(&b->exec);
    rcr_net_free(b->net);
    rcr_batch_release(&b->batch);
    rcr_model_free(b->model);
}

static double loss(bench *b) {
    rcr_net_load(b->net, b->model, &b->exec);
    if (b->training)
        rcr_net_forward_training(b->tape, b->net, &b->exec, &b->batch, b->dropout_seed);
    else
        rcr_net_forward(b->tape, b->net, &b->exec, &b->batch);
    size_t n_out = (size_t)(N_GRAPHS * b->model->n_outputs);
    double sum = 0;
    for (int32_t t = b->model->options.depth - 1; t >= 0; t--) {
        b->k->mem_download(b->out, rcr_tape_output(b->tape), n_out);
        for (size_t i = 0; i < n_out; i++) sum += weight_of(b, t) * (double)b->form[i] * (double)b->out[i];
        if (!b->deep || t == 0) break;
        rcr_net_readout(b->tape, b->net, &b->exec, &b->batch, t - 1);
    }
    return sum;
}

static void compute_gradient(bench *b) {
    loss(b);
    if (b->deep)
        rcr_net_backward_deep(b->tape, b->net, &b->exec, &b->batch, b->deep_out,
                              (size_t)(N_GRAPHS * b->model->n_outputs));
    else
        rcr_net_backward(b->tape, b->net, &b->exec, &b->batch, b->d_out);
    b->k->mem_download(b->gradient, rcr_tape_gradient(b->tape), b->model->n_parameters);
}

#ifdef RCR_DOUBLE
/* Central differences of fourth order: the error is that of rounding, about 1e-16 / h = 1e-13, and of h^4 = 1e-12. */
static double numeric(bench *b, size_t i) {
    const double h = 1e-3, start_value = b->model->parameters[i];
    double f[4];
    static const double at[4] = {-2, -1, 1, 2};
    for (int s = 0; s < 4; s++) {
        b->model->parameters[i] = start_value + at[s] * h;
        f[s] = loss(b);
    }
    b->model->parameters[i] = start_value;
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

static void check_gradient(bench *b, int variant) {
    compute_gradient(b);
    double scale = 0;
    for (size_t i = 0; i < b->model->n_parameters; i++) scale = fmax(scale, fabs(b->gradient[i]));
    assert_true(scale > 1e-3);
    for (size_t t = 0; t < b->model->n_tensors; t++) {
        const rcr_tensor *tensor = &b->model->tensor[t];
        size_t stride = tensor->count / 12 + 1; /* a dozen of each tensor */
        for (size_t j = t % stride; j < tensor->count; j += stride) {
            size_t i = tensor->offset + j;
            double expected = numeric(b, i);
            if (!(fabs(b->gradient[i] - expected) < 1e-8 * scale))
                fail_msg("variant %d, training %d, dropout %d: %s[%zu] is %.12g, by differences %.12g", variant,
                         b->training, b->dropout_seed != 0, tensor->name, j, b->gradient[i], expected);
        }
    }
}

static void gradients_are_those_of_differences(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++)
        for (int training = 0; training < 2; training++)
            for (int dropout = 0; dropout <= training; dropout++) {
                bench b = {.training = training, .dropout_seed = dropout ? 99 : 0};
                start(&b, v);
                check_gradient(&b, v);
                end(&b);
            }
}

static void deep_and_frozen_gradients(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++)
        for (int deep = 0; deep <= (model_variants[v].architecture == RCR_SR_CGCNN); deep++)
            for (int frozen = !deep; frozen < 2; frozen++) {
                bench b = {.training = 1, .deep = deep, .frozen = frozen, .dropout_seed = 99};
                start(&b, v);
                check_gradient(&b, v);
                end(&b);
            }
}
#endif

/* A network whose convolutions are frozen trains on what it predicts with, and leaves its statistics alone. */
static void frozen_norms_use_running_statistics(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        bench b = {.training = 1, .frozen = 1};
        start(&b, v);
        double in_training = loss(&b);
        rcr_model *after = NULL;
        assert_int_equal(rcr_model_copy(&after, b.model, NULL), RCR_OK);
        rcr_net_store(b.net, after);
        assert_memory_equal(after->buffers, b.model->buffers, after->n_buffer_values * sizeof(rcr_real));
        assert_int_equal(after->n_batches_tracked, b.model->n_batches_tracked);
        rcr_model_free(after);
        b.training = 0;
        assert_true(loss(&b) == in_training);
        end(&b);
    }
}

/* Dropout acts in training, on classification, when there is a seed, and with the probability that was set. */
static void dropout_acts_where_it_should(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        bench b = {.training = 1};
        start(&b, v);
        double without = loss(&b);
        b.dropout_seed = 5;
        double with = loss(&b), again = loss(&b);
        assert_true(with == again);
        int is_classification = b.model->options.task == RCR_CLASSIFICATION;
        assert_int_equal(with != without, is_classification);
        b.dropout_seed = 6;
        assert_int_equal(loss(&b) != with, is_classification);
        rcr_net_set_dropout(b.net, 0);
        assert_true(loss(&b) == without);
        end(&b);
    }
}

/* The bias before batch statistics has no effect: its gradient is 0 exactly, and not with running statistics. */
static void null_biases_stay(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++)
        for (int training = 0; training < 2; training++) {
            bench b = {.training = training};
            start(&b, v);
            compute_gradient(&b);
            for (size_t t = 0; t < b.model->n_tensors; t++) {
                const rcr_tensor *tensor = &b.model->tensor[t];
                if (strstr(tensor->name, "fc_full.bias") == NULL) continue;
                int moved = 0;
                for (size_t j = 0; j < tensor->count; j++) moved |= b.gradient[tensor->offset + j] != 0;
                assert_int_equal(moved, !training);
            }
            end(&b);
        }
}

/* Evaluation changes nothing in the network; a tape that keeps the steps gives the same result as one that does not. */
static void evaluation_leaves_no_trace(void **state) {
    (void)state;
    for (int v = 0; v < N_ALL_VARIANTS; v++) {
        bench b = {0};
        start(&b, v);
        double by_training_tape = loss(&b);
        rcr_model *after = NULL;
        assert_int_equal(rcr_model_copy(&after, b.model, NULL), RCR_OK);
        rcr_net_store(b.net, after);
        assert_memory_equal(after->buffers, b.model->buffers, after->n_buffer_values * sizeof(rcr_real));
        assert_memory_equal(after->parameters, b.model->parameters, after->n_parameters * sizeof(rcr_real));
        assert_int_equal(after->n_batches_tracked, b.model->n_batches_tracked);
        rcr_model_free(after);
        static const int modes[] = {RCR_TAPE_EVALUATION, RCR_TAPE_STEPS};
        for (int m = 0; m < 2; m++) {
            rcr_tape_free(b.tape);
            assert_int_equal(rcr_tape_create(&b.tape, b.net, modes[m], NULL), RCR_OK);
            assert_int_equal(rcr_tape_reserve(b.tape, &b.exec, b.net, &b.batch, NULL), RCR_OK);
            assert_true(loss(&b) == by_training_tape);
            assert_int_equal(rcr_tape_atoms(b.tape, 0) != NULL, modes[m] == RCR_TAPE_STEPS);
            assert_null(rcr_tape_atoms(b.tape, b.model->options.depth));
        }
        end(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
#ifdef RCR_DOUBLE
        cmocka_unit_test(gradients_are_those_of_differences),  cmocka_unit_test(deep_and_frozen_gradients),
#endif
        cmocka_unit_test(dropout_acts_where_it_should),        cmocka_unit_test(null_biases_stay),
        cmocka_unit_test(frozen_norms_use_running_statistics), cmocka_unit_test(evaluation_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
