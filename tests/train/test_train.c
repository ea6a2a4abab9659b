/* Whole runs on a toy dataset: what they write, what they refuse, how well they learn. */
#include "toy.h"

#include <jansson.h>

#include "base/text.h"
#include "report/metrics.h"
#include "train/evaluate.h"

static const char *const run_files[] = {
    "config.toml",         "metrics.csv",           "model.safetensors", "last.ckpt",        "predictions-test.csv",
    "predictions-val.csv", "predictions-train.csv", "errors.csv",        "run_summary.json", "report.html"};

typedef struct seen {
    int epochs, batches, started, data, messages;
    char message[512], choice[16];
} seen;

static void on_epoch(void *context, const rcr_epoch *epoch, int32_t n_epochs) {
    seen *s = context;
    assert_int_equal(epoch->epoch, ++s->epochs);
    assert_int_equal(n_epochs, 6);
}

static void on_batch(void *context, int32_t epoch, int32_t batch, int32_t n_batches, size_t crystals) {
    seen *s = context;
    assert_int_equal(epoch, s->epochs + 1);
    assert_true(batch >= 1 && batch <= n_batches && crystals <= (size_t)batch * 16);
    s->batches++;
}

static void on_start(void *context, const rcr_model *model, const rcr_split *split, const char *choice,
                     const char *kernels, int n_threads) {
    seen *s = context;
    snprintf(s->choice, sizeof s->choice, "%s", choice);
    assert_non_null(model);
    assert_int_equal(split->n_train + split->n_val + split->n_test, 90);
    assert_non_null(kernels);
    assert_int_equal(n_threads, 2);
    s->started++;
}

static void on_data(void *context, const rcr_dataset *dataset) {
    ((seen *)context)->data++;
    assert_int_equal(dataset->n, 90);
}

static void on_message(void *context, const char *text) {
    seen *s = context;
    s->messages++;
    snprintf(s->message, sizeof s->message, "%s", text);
}

static rcr_train_events watch(seen *s) {
    *s = (seen){0};
    return (rcr_train_events){.context = s,
                              .data_read = on_data,
                              .started = on_start,
                              .batch_done = on_batch,
                              .epoch_done = on_epoch,
                              .message = on_message};
}

static double number_of(const json_t *summary, const char *key) {
    const json_t *value = json_object_get(summary, key);
    if (!json_is_number(value)) print_message("run_summary.json: %s\n", key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static const char *text_of(const json_t *summary, const char *key) {
    const char *text = json_string_value(json_object_get(summary, key));
    assert_non_null(text);
    return text;
}

static json_t *read_summary(const char *run) {
    size_t length;
    char *text = toy_read(run, "run_summary.json", &length);
    json_t *summary = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(summary);
    rcr_free(text);
    return summary;
}

/* The rows of a predictions file: returns how many, with their targets and their mean absolute difference. */
static size_t read_predictions(const char *run, const char *name, double *target, double *mae) {
    size_t length, n = 0;
    char *text = toy_read(run, name, &length);
    const char *header = "id,target,prediction\n";
    assert_memory_equal(text, header, strlen(header));
    double sum = 0;
    for (char *line = strchr(text, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1) {
        double prediction;
        assert_int_equal(sscanf(line, "toy-%*d,%lf,%lf\n", &target[n], &prediction), 2);
        sum += fabs(target[n++] - prediction);
    }
    rcr_free(text);
    *mae = sum / (double)n;
    return n;
}

static void regression_run(void **state) {
    char *data = toy_data(*state, 90), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result = {0};
    rcr_error err = {0};
    seen s;
    rcr_train_events events = watch(&s);
    assert_ok(rcr_train(&result, data, run, &options, &events, &err), &err);
    assert_int_equal(s.epochs, 6);
    assert_int_equal(s.batches, 6 * 5); /* 72 training rows in batches of 16: the last one smaller */
    assert_int_equal(s.started, 1);
    assert_string_equal(s.choice, "mae");
    assert_int_equal(s.data, 1);
    for (size_t i = 0; i < sizeof run_files / sizeof run_files[0]; i++)
        assert_true(rcr_is_file(toy_path(run, run_files[i])));
    assert_int_equal(result.train.n, 72);
    assert_int_equal(result.val.n, 9);
    assert_int_equal(result.test.n, 9);
    assert_int_equal(result.epochs_done, 6);
    assert_true(result.best_epoch >= 1 && result.best_epoch <= 6);
    assert_true(result.train.mae > 0 && result.train.rmse >= result.train.mae && isnan(result.train.auc));
    /* the predictions on disk have the scores of the result */
    double mae, target[90];
    assert_int_equal(read_predictions(run, "predictions-train.csv", target, &mae), 72);
    assert_true(fabs(mae - result.train.mae) < 1e-12);
    assert_int_equal(read_predictions(run, "predictions-val.csv", target, &mae), 9);
    assert_true(fabs(mae - result.val.mae) < 1e-12);
    assert_int_equal(read_predictions(run, "predictions-test.csv", target, &mae), 9);
    assert_true(fabs(mae - result.test.mae) < 1e-12);
    assert_true(fabs(rcr_metrics_std(target, 9) - result.target_std) < 1e-12);
    json_t *summary = read_summary(run);
    assert_true(number_of(summary, "best_val_mae") == result.val.mae);
    assert_string_equal(text_of(summary, "conv_mode"), "shared_recurrent");
    assert_string_equal(text_of(summary, "recurrent_batch_norm"), "per_step");
    assert_string_equal(text_of(summary, "task"), "regression");
    assert_string_equal(text_of(summary, "optimizer"), "Adam");
    assert_true(json_is_true(json_object_get(summary, "recurrent_layer_norm")));
    assert_true(json_is_true(json_object_get(summary, "recurrent_learnable_alpha")));
    assert_true(number_of(summary, "n_conv") == 2 && number_of(summary, "n_recurrent_steps") == 2);
    assert_true(number_of(summary, "epochs") == 6 && number_of(summary, "batch_size") == 16);
    assert_true(number_of(summary, "learning_rate") == 0.01);
    assert_true(number_of(summary, "test_mae") == result.test.mae);
    assert_true(number_of(summary, "train_mae") == result.train.mae);
    assert_true(number_of(summary, "total_parameters") > number_of(summary, "conv_parameters"));
    assert_true(number_of(summary, "best_epoch") == result.best_epoch);
    assert_true(number_of(summary, "test_target_std") == result.target_std);
    json_decref(summary);
    /* a directory that holds a run is not written over */
    assert_int_equal(rcr_train(&result, data, run, &options, NULL, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "resume"));
    /* resuming what is finished gives its result, even without the data */
    rcr_train_result again = {0};
    assert_int_equal(rename(data, toy_path(*state, "moved")), 0);
    assert_ok(rcr_train_resume(&again, run, -1, NULL, &err), &err);
    assert_true(again.test.mae == result.test.mae && again.best_epoch == result.best_epoch &&
                again.train.n == result.train.n && again.target_std == result.target_std);
}

/* The normaliser sees the training rows alone: those in predictions-train.csv. */
static void normaliser_of_the_training_rows(void **state) {
    char *data = toy_data(*state, 90), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 1;
    rcr_train_result result;
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    double target[90], mae, sum = 0;
    size_t n = read_predictions(run, "predictions-train.csv", target, &mae);
    for (size_t i = 0; i < n; i++) sum += target[i];
    rcr_model *model;
    assert_ok(rcr_model_load(&model, run, &err), &err);
    assert_true(fabs(model->targets[0].scale.normalizer.mean - sum / (double)n) < 1e-12);
    assert_true(fabs(model->targets[0].scale.normalizer.std - rcr_metrics_std(target, n)) < 1e-12);
    assert_string_equal(model->targets[0].name, "energy");
    assert_string_equal(model->targets[0].unit, "eV");
    assert_string_equal(rcr_model_get_meta(model, "training_data"), "data");
    assert_int_equal(strlen(rcr_model_get_meta(model, "training_data_sha256")), 64);
    rcr_model_free(model);
}

/* The saved model, read back and run on the dataset, gives the predictions of the run: what `evaluate` does. */
static void model_file_predicts_the_same(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result;
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    rcr_model *model;
    assert_ok(rcr_model_load(&model, run, &err), &err);
    rcr_dataset_options read = {
        .target = model->targets[0].name, .need_target = 1, .graph = model->graph, .known = model->elements};
    rcr_dataset *dataset;
    assert_ok(rcr_dataset_read(&dataset, data, &read, &err), &err);
    double prediction[60];
    rcr_score score;
    assert_ok(rcr_evaluate(&score, prediction, model, dataset, NULL, NULL, &err), &err);
    double expected = (result.train.mae * (double)result.train.n + result.val.mae * (double)result.val.n +
                       result.test.mae * (double)result.test.n) /
                      60;
    assert_true(fabs(score.mae - expected) < 1e-12);
    model->graph.radius = 5;
    assert_int_equal(rcr_evaluate(&score, prediction, model, dataset, NULL, NULL, &err), RCR_ERR_MISMATCH);
    rcr_dataset_free(dataset);
    rcr_model_free(model);
}

/* A smooth target is learnt: far below the spread of the targets. */
static void learns(void **state) {
    char *data = toy_data(*state, 120);
    rcr_train_result result;
    rcr_error err = {0};
    for (int kind = 0; kind < 3; kind++) {
        rcr_train_options options = toy_options(RCR_REGRESSION);
        options.model.architecture = kind == 1 ? RCR_CGCNN : RCR_SR_CGCNN;
        options.model.gate = options.model.layer_norm = 0;
        options.optimizer = kind == 0 ? RCR_ADAM : kind == 1 ? RCR_ADAMW : RCR_SGD;
        options.epochs = 150;
        options.milestone[0] = 120;
        char name[16];
        snprintf(name, sizeof name, "run%d", kind);
        assert_ok(rcr_train(&result, data, toy_path(*state, name), &options, NULL, &err), &err);
        print_message("kind %d: train %.3f, test %.3f, std %.3f, %.2f s\n", kind, result.train.mae, result.test.mae,
                      result.target_std, result.seconds);
        assert_true(result.train.mae < 0.15 * result.target_std);
        assert_true(result.test.mae < 0.35 * result.target_std);
    }
}

static void classification_run(void **state) {
    char *data = toy_data(*state, 120), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_CLASSIFICATION);
    options.model.gate = options.model.layer_norm = 0;
    options.epochs = 40;
    options.milestone[0] = 30;
    rcr_train_result result;
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    print_message("AUC train %.3f, val %.3f, test %.3f\n", result.train.auc, result.val.auc, result.test.auc);
    assert_true(result.train.auc > 0.9);
    assert_true(isnan(result.train.mae) && result.train.accuracy > 0.7);
    json_t *summary = read_summary(run);
    assert_true(number_of(summary, "best_val_auc") == result.val.auc);
    assert_true(number_of(summary, "test_auc") == result.test.auc);
    assert_true(number_of(summary, "train_auc") == result.train.auc);
    assert_null(json_object_get(summary, "best_val_mae"));
    json_decref(summary);
    size_t length;
    char *metrics = toy_read(run, "metrics.csv", &length);
    const char *header = "epoch,lr,train_loss,train_accuracy,val_loss,val_auc,best,seconds\n";
    assert_memory_equal(metrics, header, strlen(header));
    rcr_free(metrics);
}

/* A validation part of one class has no AUC; the run says so and goes by accuracy. */
static void one_class_validation(void **state) {
    char *data = toy_data(*state, 90), *run = toy_path(*state, "run"), split[4096] = "id,part\n";
    for (int i = 0, n_val = 0; i < 90; i++) {
        const char *part = toy_lattice(i) > 3.8 && n_val < 8 ? "val" : i % 5 == 0 ? "test" : "train";
        n_val += part[0] == 'v';
        snprintf(split + strlen(split), sizeof split - strlen(split), "toy-%d,%s\n", i, part);
    }
    toy_write_file(toy_path(*state, "split.csv"), split);
    rcr_train_options options = toy_options(RCR_CLASSIFICATION);
    options.split.kind = RCR_SPLIT_FILE;
    options.split.file = toy_path(*state, "split.csv");
    rcr_train_result result;
    rcr_error err = {0};
    seen s;
    rcr_train_events events = watch(&s);
    assert_ok(rcr_train(&result, data, run, &options, &events, &err), &err);
    assert_int_equal(s.messages, 1);
    assert_string_equal(s.choice, "accuracy");
    assert_non_null(strstr(s.message, "AUC is undefined"));
    assert_true(isnan(result.val.auc) && !isnan(result.test.auc));
    json_t *summary = read_summary(run);
    assert_true(json_is_null(json_object_get(summary, "best_val_auc")));
    assert_string_equal(text_of(summary, "best_model_by"), "accuracy");
    assert_true(number_of(summary, "val_accuracy") == result.val.accuracy);
    json_decref(summary);
}

/* The reference split's training part is what ratios leave, also beside sizes: the record tells it then. */
static void ratios_beside_sizes(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result;
    rcr_error err = {0};
    size_t length;
    options.epochs = 1;
    options.split.kind = RCR_SPLIT_REFERENCE;
    options.split.val_ratio = 0.3;
    options.split.val_size = 5;
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    char *config = toy_read(run, "config.toml", &length);
    assert_int_equal(result.val.n, 5);
    assert_non_null(strstr(config, "\ntrain_ratio = 0.6"));
    assert_null(strstr(config, "\nval_ratio = "));
    rcr_free(config);
}

/* lr in metrics.csv: epochs after a milestone have it multiplied, as torch's MultiStepLR. */
static void schedule(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.n_milestones = 2;
    options.milestone[0] = 4;
    options.milestone[1] = 2;
    options.lr_gamma = 0.5;
    rcr_train_result result;
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    const char *expected[] = {"1,0.01,", "2,0.01,", "3,0.005,", "4,0.005,", "5,0.0025,", "6,0.0025,"};
    size_t length;
    char *metrics = toy_read(run, "metrics.csv", &length), *line = metrics;
    for (int i = 0; i < 6; i++) {
        line = strchr(line, '\n') + 1;
        assert_memory_equal(line, expected[i], strlen(expected[i]));
    }
    assert_string_equal(strchr(line, '\n'), "\n");
    rcr_free(metrics);
}

/* A rate that blows up stops the run, and what was good stays. */
static void loss_that_is_no_number(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.model.layer_norm = 0;
    options.optimizer = RCR_SGD;
    options.lr = 1e-3;
    options.epochs = 12;
    options.milestone[0] = 2;
    options.lr_gamma = 1e30; /* good for two epochs */
    rcr_train_result result;
    rcr_error err = {0};
    assert_int_equal(rcr_train(&result, data, run, &options, NULL, &err), RCR_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "epoch 3"));
    assert_non_null(strstr(err.message, "--lr"));
    assert_non_null(strstr(err.message, "is kept"));
    rcr_model *model;
    assert_ok(rcr_model_load(&model, run, &err), &err);
    for (size_t i = 0; i < model->n_parameters; i++) assert_true(isfinite(model->parameters[i]));
    rcr_model_free(model);
    assert_false(rcr_is_file(toy_path(run, "run_summary.json")));
}

/* Bad rows cost a line each; the message and errors.csv tell. */
static void bad_rows(void **state) {
    char *data = toy_data(*state, 90), *run = toy_path(*state, "run");
    toy_write_file(toy_path(data, "toy-4.cif"), "data_x\n_cell_length_a nonsense\n");
    remove(toy_path(data, "toy-9.cif"));
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 1;
    rcr_train_result result;
    rcr_error err = {0};
    seen s = {0};
    rcr_train_events events = {.context = &s, .message = on_message};
    assert_ok(rcr_train(&result, data, run, &options, &events, &err), &err);
    assert_int_equal(result.train.n + result.val.n + result.test.n, 88);
    assert_non_null(strstr(s.message, "2 of 90 rows"));
    size_t length;
    char *errors = toy_read(run, "errors.csv", &length);
    assert_non_null(strstr(errors, "toy-4"));
    assert_non_null(strstr(errors, "toy-9"));
    rcr_free(errors);
    options.strict = 1;
    assert_int_not_equal(rcr_train(&result, data, toy_path(*state, "strict"), &options, NULL, &err), RCR_OK);
    assert_false(rcr_is_file(toy_path(toy_path(*state, "strict"), "last.ckpt")));
}

static void wrong_targets(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_CLASSIFICATION);
    options.target = "energy";
    rcr_train_result result;
    rcr_error err = {0};
    assert_int_equal(rcr_train(&result, data, run, &options, NULL, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "toy-0"));
    assert_non_null(strstr(err.message, "0 or 1"));
}

static void wrong_options(void **state) {
    enum { CASES = 8 };
    rcr_train_result result;
    rcr_error err = {0};
    const char *run = toy_path(*state, "run");
    const char *word[CASES] = {"epochs",   "batch size",   "learning rate", "learning rate",
                               "momentum", "weight decay", "milestone",     "dropout"};
    rcr_train_options wrong[CASES];
    for (int i = 0; i < CASES; i++) wrong[i] = toy_options(RCR_REGRESSION);
    wrong[0].epochs = 0;
    wrong[1].batch_size = 0;
    wrong[2].lr = 0;
    wrong[3].lr = NAN;
    wrong[4].momentum = 1;
    wrong[5].weight_decay = -1;
    wrong[6].milestone[0] = 0;
    wrong[7].dropout = 1;
    for (int i = 0; i < CASES; i++) {
        assert_int_equal(rcr_train(&result, "nowhere", run, &wrong[i], NULL, &err), RCR_ERR_ARGUMENT);
        assert_non_null(strstr(err.message, word[i]));
    }
    assert_false(rcr_is_directory(run));
    rcr_train_options good = toy_options(RCR_REGRESSION);
    assert_int_not_equal(rcr_train(&result, "nowhere", run, &good, NULL, &err), RCR_OK);
    assert_int_equal(rcr_train(&result, "", run, &good, NULL, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_train(&result, "nowhere", "", &good, NULL, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_train_resume(&result, run, -1, NULL, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "no run to resume"));
}

/* One crystal of one atom in a batch, and batches larger than the training part. */
static void tiny_batches(void **state) {
    char *data = toy_data(*state, 12);
    rcr_train_result result;
    rcr_error err = {0};
    for (int kind = 0; kind < 4; kind++) {
        rcr_train_options options = toy_options(kind % 2 == 0 ? RCR_REGRESSION : RCR_CLASSIFICATION);
        options.epochs = 2;
        options.batch_size = kind < 2 ? 1 : 1000000000;
        options.split.val_size = options.split.test_size = 2;
        options.graph.radius = kind < 2 ? 3.0 : 8.0; /* 3 angstrom leaves most atoms without any neighbour */
        char name[16];
        snprintf(name, sizeof name, "run%d", kind);
        assert_ok(rcr_train(&result, data, toy_path(*state, name), &options, NULL, &err), &err);
        assert_int_equal(result.train.n, 8);
    }
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(regression_run),
        in_folder(normaliser_of_the_training_rows),
        in_folder(model_file_predicts_the_same),
        in_folder(learns),
        in_folder(classification_run),
        in_folder(one_class_validation),
        in_folder(ratios_beside_sizes),
        in_folder(schedule),
        in_folder(loss_that_is_no_number),
        in_folder(bad_rows),
        in_folder(wrong_targets),
        in_folder(wrong_options),
        in_folder(tiny_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
