/* Runs that begin with another model, leave parts of it as they are, or train the readout of every step. */
#include "toy.h"

#include "model/ensemble.h"
#include "model/model.h"
#include "train/evaluate.h"
#include "train/options.h"

enum { N = 60 };

static rcr_train_options quick(void) {
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 3;
    return options;
}

static rcr_model *load(const char *path) {
    rcr_model *model = NULL;
    rcr_error err = {0};
    assert_ok(rcr_model_load(&model, path, &err), &err);
    return model;
}

static void train(const char *data, const char *run, const rcr_train_options *options) {
    rcr_train_result result = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, options, NULL, &err), &err);
    rcr_train_result_release(&result);
}

static int is_part(const char *tensor, const char *part) {
    int embedding = strncmp(tensor, "embedding.", 10) == 0, output = strncmp(tensor, "fc_out.", 7) == 0;
    int hidden = strncmp(tensor, "conv_to_fc.", 11) == 0 || strncmp(tensor, "fcs.", 4) == 0;
    if (strcmp(part, "embedding") == 0) return embedding;
    if (strcmp(part, "output") == 0) return output;
    return strcmp(part, "hidden") == 0 ? hidden : !embedding && !output && !hidden;
}

static int same_values(const rcr_model *a, const rcr_model *b, const rcr_tensor *tensor) {
    return memcmp(a->parameters + tensor->offset, b->parameters + tensor->offset, tensor->count * sizeof(rcr_real)) ==
           0;
}

/* What is frozen is the model's bit for bit, running statistics with the convolutions; all else has moved. */
static void frozen_parts_stay(void **state) {
    char *data = toy_data(*state, N), *first = toy_path(*state, "first");
    rcr_train_options options = quick();
    train(data, first, &options);
    rcr_model *start = load(first);
    static const char *const freeze[] = {"embedding", "conv", "hidden", "output", "embedding,conv", "conv,output"};
    for (size_t f = 0; f < 2 * sizeof freeze / sizeof *freeze; f++) {
        char name[16];
        snprintf(name, sizeof name, "run-%zu", f);
        char *run = toy_path(*state, name);
        options.init = first;
        options.freeze = freeze[f / 2];
        options.average = f % 2 ? 0.9 : 0;
        options.clip = f % 2 ? 1 : 0;
        options.weight_decay = 1e-3;
        options.optimizer = f % 3 == 0 ? RCR_SGD : f % 3 == 1 ? RCR_ADAM : RCR_ADAMW;
        train(data, run, &options);
        rcr_model *end = load(run);
        for (size_t t = 0; t < end->n_tensors; t++) {
            const rcr_tensor *tensor = &end->tensor[t];
            int frozen = 0;
            static const char *const parts[] = {"embedding", "conv", "hidden", "output"};
            for (int p = 0; p < 4; p++)
                frozen |= strstr(options.freeze, parts[p]) != NULL && is_part(tensor->name, parts[p]);
            /* a bias before batch statistics does not move; nothing is certain of it with weight decay */
            if (strstr(tensor->name, "fc_full.bias") != NULL && !frozen) continue;
            if (same_values(start, end, tensor) != frozen) fail_msg("%s: %s", options.freeze, tensor->name);
        }
        int statistics = memcmp(start->buffers, end->buffers, end->n_buffer_values * sizeof(rcr_real)) != 0;
        assert_int_equal(statistics, strstr(options.freeze, "conv") == NULL);
        assert_string_equal(rcr_model_get_meta(end, "init"), "first");
        rcr_model_free(end);
    }
    rcr_model_free(start);
}

static void note(void *context, const char *text) {
    if (strstr(text, "begins with") != NULL || strstr(text, "stays random") != NULL) snprintf(context, 128, "%s", text);
}

/* With a learning rate of almost 0 a run ends where it began. */
static void heads(void **state) {
    char *data = toy_data(*state, N), *first = toy_path(*state, "first");
    rcr_train_options options = quick();
    options.transform = "yeo-johnson";
    options.model.depth = 3;
    options.graph.radius = 6;
    train(data, first, &options);
    rcr_model *start = load(first);
    static const struct {
        const char *target, *transform;
        rcr_init_head head;
        int kept;
    } cases[] = {{"energy", NULL, RCR_HEAD_AUTO, 1},      {"energy", "none", RCR_HEAD_AUTO, 0},
                 {"energy", NULL, RCR_HEAD_FRESH, 0},     {"stiff", NULL, RCR_HEAD_AUTO, 0},
                 {"stiff", NULL, RCR_HEAD_KEEP, 1},       {"energy", "yeo-johnson", RCR_HEAD_KEEP, 1},
                 {"energy,stiff", NULL, RCR_HEAD_AUTO, 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        char name[16], told[128] = "";
        snprintf(name, sizeof name, "run-%zu", c);
        char *run = toy_path(*state, name);
        rcr_train_options own = quick(); /* depth and radius are the model's */
        own.model = rcr_model_options_default();
        own.init = first;
        own.init_head = cases[c].head;
        own.target = cases[c].target;
        own.unit = NULL;
        own.transform = cases[c].transform;
        own.lr = 1e-30;
        rcr_train_result result = {0};
        rcr_error err = {0};
        rcr_train_events events = {.context = told, .message = note};
        assert_ok(rcr_train(&result, data, run, &own, &events, &err), &err);
        rcr_train_result_release(&result);
        rcr_model *end = load(run);
        assert_int_equal(end->options.depth, 3);
        assert_true(end->graph.radius == 6);
        for (size_t t = 0; t < end->n_tensors; t++) {
            const rcr_tensor *tensor = &end->tensor[t];
            if (is_part(tensor->name, "output") && !cases[c].kept) continue;
            if (!same_values(start, end, tensor)) fail_msg("case %zu: %s", c, tensor->name);
        }
        const rcr_tensor *out = rcr_model_find(end, "fc_out.weight", NULL);
        if (!cases[c].kept && end->n_outputs == start->n_outputs) assert_false(same_values(start, end, out));
        const rcr_scale *x = &start->targets[0].scale, *y = &end->targets[0].scale;
        int same_scale = x->transform.kind == y->transform.kind && x->normalizer.mean == y->normalizer.mean;
        if (cases[c].kept) assert_true(same_scale && x->transform.parameter == y->transform.parameter);
        assert_non_null(strstr(told, cases[c].kept ? "all of the model's weights" : "fresh last layer"));
        rcr_model_free(end);
    }
    rcr_model_free(start);
}

/* Freezing what no training made is allowed (random features), and never goes without a word. */
static void frozen_and_random(void **state) {
    static const char *const freeze[] = {NULL, "", "conv"};
    char *data = toy_data(*state, N);
    for (size_t i = 0; i < sizeof freeze / sizeof *freeze; i++) {
        char name[16], told[128] = "";
        snprintf(name, sizeof name, "run-%zu", i);
        rcr_train_options options = quick();
        options.freeze = freeze[i];
        rcr_train_result result = {0};
        rcr_error err = {0};
        rcr_train_events events = {.context = told, .message = note};
        assert_ok(rcr_train(&result, data, toy_path(*state, name), &options, &events, &err), &err);
        rcr_train_result_release(&result);
        assert_int_equal(strstr(told, "stays random") != NULL, i == 2);
    }
}

static void refusals(void **state) {
    char *data = toy_data(*state, N), *first = toy_path(*state, "first");
    rcr_train_options options = quick();
    train(data, first, &options);
    options.init = toy_path(*state, "nowhere");
    toy_refused(data, *state, &options, RCR_ERR_IO, "");
    options.init = first;
    options.model.depth = 5;
    toy_refused(data, *state, &options, RCR_ERR_MISMATCH, "--steps is 5, and that of the model to begin with is 2");
    options = quick();
    options.init = first;
    options.graph.radius = 5;
    toy_refused(data, *state, &options, RCR_ERR_MISMATCH, "--radius is 5, and that of");
    options = quick();
    options.init = first;
    options.model.architecture = RCR_CGCNN;
    options.model.gate = options.model.layer_norm = 0;
    toy_refused(data, *state, &options, RCR_ERR_MISMATCH, "--model is");
    options = quick();
    options.init = first;
    options.loss = RCR_LOSS_GAUSSIAN;
    options.init_head = RCR_HEAD_KEEP;
    toy_refused(data, *state, &options, RCR_ERR_MISMATCH, "no variances");
    options = quick();
    options.init = first;
    options.target = "stiff";
    options.freeze = "output";
    toy_refused(data, *state, &options, RCR_ERR_MISMATCH, "would stay random");
    options = quick();
    options.init_head = RCR_HEAD_KEEP;
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "--init-head");
    options = quick();
    options.freeze = "convs";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "\"convs\" is no part");
    options.freeze = "embedding,conv,hidden,output";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "nothing left");
    options = quick();
    options.deep_supervision = -1;
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "deep supervision");
    options.deep_supervision = 1;
    options.model.architecture = RCR_CGCNN;
    options.model.gate = options.model.layer_norm = 0;
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "CGCNN has none");
}

static const rcr_option_field *field_of(const char *section, const char *name) {
    for (size_t i = 0; i < rcr_n_option_fields; i++)
        if (strcmp(rcr_option_fields[i].section, section) == 0 && strcmp(rcr_option_fields[i].name, name) == 0)
            return &rcr_option_fields[i];
    fail_msg("no field %s", name);
    return NULL;
}

/* The default that was asked for is not the same as nothing asked for. */
static void defaults_asked_for(void **state) {
    char *data = toy_data(*state, N), *first = toy_path(*state, "first");
    static const struct {
        const char *section, *name, *message;
    } cases[] = {{"model", "depth", "--steps is 3, and that of the model to begin with is 4"},
                 {"model", "gate", "--gate is 0"},
                 {"graph", "radius", "--radius is 8"},
                 {"graph", "ties", "--ties is cut"}};
    rcr_train_options options = quick();
    options.model = rcr_model_options_default();
    options.model.depth = 4;
    options.model.gate = 1;
    options.graph.radius = 6;
    options.graph.ties = RCR_TIES_KEEP;
    options.graph.disorder = RCR_DISORDER_AVERAGE;
    train(data, first, &options);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        options = quick();
        options.model = rcr_model_options_default();
        options.init = first;
        rcr_train_options_ask(&options, field_of(cases[c].section, cases[c].name));
        toy_refused(data, *state, &options, RCR_ERR_MISMATCH, cases[c].message);
    }
    /* What becomes of disordered crystals may be another rule, asked for as the default, too. */
    for (int asked = 0; asked < 2; asked++) {
        char *run = toy_path(*state, asked ? "asked" : "taken");
        options = quick();
        options.model = rcr_model_options_default();
        options.init = first;
        if (asked) rcr_train_options_ask(&options, field_of("graph", "disorder"));
        train(data, run, &options);
        rcr_model *model = load(run);
        assert_int_equal(model->graph.disorder, asked ? RCR_DISORDER_REFUSE : RCR_DISORDER_AVERAGE);
        assert_true(model->graph.radius == 6);
        rcr_model_free(model);
    }
}

/* The model's transform comes with its last layer, and is for these targets or there is no run. */
static void transforms_that_come_along(void **state) {
    char *data = toy_data(*state, N), *first = toy_path(*state, "first");
    rcr_train_options options = quick();
    options.target = "stiff";
    options.unit = NULL;
    options.transform = "log";
    train(data, first, &options);
    options.transform = NULL;
    options.init = first;
    options.target = "energy"; /* some are below 0 */
    train(data, toy_path(*state, "fresh"), &options);
    options.init_head = RCR_HEAD_KEEP;
    toy_refused(data, *state, &options, RCR_ERR_DATA, "the transform log is for targets above 0");
}

/* The readout after one step of a model that was trained for it predicts; of one that was not it need not. */
static void supervised_steps(void **state) {
    char *data = toy_data(*state, N), *run = toy_path(*state, "run"), *one = toy_path(*state, "one"),
         *three = toy_path(*state, "three"), *deep = toy_path(*state, "deep");
    rcr_train_options options = quick();
    options.model.gate = options.model.layer_norm = 0;
    options.model.depth = 3;
    options.epochs = 40;
    options.n_milestones = 0;
    train(data, run, &options);
    options.deep_supervision = 1;
    train(data, deep, &options);
    options.epochs = 3;
    options.n_threads = 1;
    train(data, one, &options);
    options.n_threads = 3;
    train(data, three, &options);
    size_t n_a, n_b;
    char *a = toy_read(one, "model.safetensors", &n_a), *b = toy_read(three, "model.safetensors", &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    rcr_free(a);
    rcr_free(b);
    rcr_dataset_options reading = {.target = "energy", .need_target = 1, .graph = rcr_graph_options_default()};
    rcr_dataset *dataset = NULL;
    rcr_error err = {0};
    assert_ok(rcr_dataset_read(&dataset, data, &reading, &err), &err);
    double mae[2], prediction[N];
    const char *const runs[] = {run, deep};
    for (int r = 0; r < 2; r++) {
        rcr_model *whole = load(runs[r]), *shortened = NULL;
        rcr_score score;
        assert_ok(rcr_model_with_steps(&shortened, whole, 1, &err), &err);
        assert_ok(rcr_evaluate(&score, prediction, shortened, dataset, NULL, NULL, &err), &err);
        mae[r] = score.mae;
        rcr_model_free(whole);
        rcr_model_free(shortened);
    }
    rcr_dataset_free(dataset);
    assert_true(mae[1] < 0.5 * mae[0]);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {in_folder(frozen_parts_stay),  in_folder(heads),
                                       in_folder(frozen_and_random),  in_folder(refusals),
                                       in_folder(defaults_asked_for), in_folder(transforms_that_come_along),
                                       in_folder(supervised_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
