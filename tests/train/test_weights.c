/* Rows that count differently in the loss. */
#include "toy.h"

#include "base/text.h"

enum { N = 60 };

/* Append a column of numbers to the toy's table. */
static void add_column(const char *data, const char *name, double (*value)(int i)) {
    size_t length;
    char *table = toy_read(data, "id_prop.csv", &length);
    rcr_text text = {0};
    int row = -1;
    for (char *line = table; *line != '\0'; row++) {
        char *end = strchr(line, '\n');
        rcr_text_append(&text, line, (size_t)(end - line));
        if (row < 0)
            rcr_text_printf(&text, ",%s\n", name);
        else
            rcr_text_printf(&text, ",%.17g\n", value(row));
        line = end + 1;
    }
    assert_false(text.failed);
    toy_write_file(toy_path(data, "id_prop.csv"), text.data);
    rcr_text_free(&text);
    rcr_free(table);
}

static double a_tenth(int i) { return i >= 0 ? 0.1 : 0; }
static double ragged(int i) { return i % 7 == 3 ? 0 : 0.25 + i % 4; }
static double nothing(int i) { return i < 0; }

/* The first 36 rows train but for those of which `leave_out` says so, the next 12 validate, the rest test. */
static const char *write_split(const char *folder, const char *name, double (*leave_out)(int i)) {
    rcr_text text = {0};
    rcr_text_puts(&text, "id,part\n");
    for (int i = 0; i < N; i++)
        if (i >= 36 || leave_out == NULL || leave_out(i) > 0)
            rcr_text_printf(&text, "toy-%d,%s\n", i, i < 36 ? "train" : i < 48 ? "val" : "test");
    assert_false(text.failed);
    const char *path = toy_path(folder, name);
    toy_write_file(path, text.data);
    rcr_text_free(&text);
    return path;
}

static rcr_model *trained(const char *data, const char *run, const rcr_train_options *options) {
    rcr_train_result result = {0};
    rcr_error err = {0};
    rcr_model *model = NULL;
    assert_ok(rcr_train(&result, data, run, options, NULL, &err), &err);
    rcr_train_result_release(&result);
    assert_ok(rcr_model_load(&model, run, &err), &err);
    return model;
}

static int same_parameters(const rcr_model *a, const rcr_model *b) {
    assert_int_equal(a->n_parameters, b->n_parameters);
    return memcmp(a->parameters, b->parameters, a->n_parameters * sizeof *a->parameters) == 0 &&
           memcmp(a->buffers, b->buffers, a->n_buffer_values * sizeof *a->buffers) == 0;
}

/* The kinds of loss: 0 to 3 of a regression, with several targets of which some are missing from 4 on; 8: classes, 9:
 * classes with weights of their own. */
enum { N_LOSSES = 10 };
static rcr_train_options kind_of(int loss) {
    rcr_train_options options = toy_options(loss < 8 ? RCR_REGRESSION : RCR_CLASSIFICATION);
    options.epochs = 2;
    options.split.kind = RCR_SPLIT_FILE;
    if (loss < 8) options.loss = (rcr_loss_kind)(loss % 4);
    if (loss >= 4 && loss < 8) options.target = "energy,stiff";
    if (loss >= 4 && loss < 8) options.deep_supervision = 0.5;
    if (loss == 9) options.class_weights = "balanced";
    return options;
}

/* Whatever their size: 0.1 has no exact form. */
static void equal_weights_are_none(void **state) {
    char *data = toy_data(*state, N);
    add_column(data, "w", a_tenth);
    for (int loss = 0; loss < N_LOSSES; loss++) {
        char name[2][16];
        snprintf(name[0], sizeof name[0], "plain-%d", loss);
        snprintf(name[1], sizeof name[1], "equal-%d", loss);
        rcr_train_options options = kind_of(loss);
        options.split.file = write_split(*state, "split.csv", NULL);
        rcr_model *plain = trained(data, toy_path(*state, name[0]), &options);
        options.weights = "w";
        rcr_model *equal = trained(data, toy_path(*state, name[1]), &options);
        assert_true(same_parameters(plain, equal));
        assert_null(rcr_model_get_meta(plain, "row_weights"));
        assert_string_equal(rcr_model_get_meta(equal, "row_weights"), "w");
        rcr_model_free(plain);
        rcr_model_free(equal);
    }
}

/* A row of weight 0 is as good as a row of no part; other weights make other models. */
static void no_weight_is_no_row(void **state) {
    char *data = toy_data(*state, N);
    add_column(data, "w", ragged);
    for (int loss = 0; loss < N_LOSSES; loss++) {
        char name[3][16];
        snprintf(name[0], sizeof name[0], "all-%d", loss);
        snprintf(name[1], sizeof name[1], "some-%d", loss);
        snprintf(name[2], sizeof name[2], "plain-%d", loss);
        rcr_train_options options = kind_of(loss);
        options.weights = "w";
        options.split.file = write_split(*state, "all.csv", NULL);
        rcr_model *all = trained(data, toy_path(*state, name[0]), &options);
        options.split.file = write_split(*state, "some.csv", ragged);
        rcr_model *some = trained(data, toy_path(*state, name[1]), &options);
        options.weights = NULL;
        rcr_model *plain = trained(data, toy_path(*state, name[2]), &options);
        assert_true(same_parameters(all, some));
        assert_false(same_parameters(all, plain));
        assert_string_equal(rcr_model_get_meta(all, "split_sizes"), rcr_model_get_meta(some, "split_sizes"));
        rcr_model_free(all);
        rcr_model_free(some);
        rcr_model_free(plain);
    }
}

static double three_of_some(int i) { return i % 4 == 1 ? 3 : 1; }

/* The toy's table with rows that are there as often as they count, in one batch of a network whose convolutions and
 * their norms are frozen, so that a row sees nothing of the others. */
static void a_weight_of_three_is_three_rows(void **state) {
    char *data = toy_data(*state, N), *many = toy_path(*state, "many");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.split.kind = RCR_SPLIT_FILE;
    options.split.file = write_split(*state, "split.csv", NULL);
    rcr_model_free(trained(data, toy_path(*state, "first"), &options));
    /* The same rows, and those with a weight of three twice more. */
    size_t length;
    char *table = toy_read(data, "id_prop.csv", &length), *rest = NULL;
    rcr_text rows = {0}, parts = {0};
    rcr_text_puts(&parts, "id,part\n");
    for (char *line = strtok_r(table, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        int i = -1;
        sscanf(line, "toy-%d,", &i);
        if (i < 0) rcr_text_printf(&rows, "file,%s\n", line); /* the header */
        for (int copy = 0; i >= 0 && copy < (i < 36 ? three_of_some(i) : 1); copy++) {
            rcr_text_printf(&rows, "data/toy-%d.cif,%d-%s\n", i, copy, line);
            rcr_text_printf(&parts, "%d-toy-%d,%s\n", copy, i, i < 36 ? "train" : i < 48 ? "val" : "test");
        }
    }
    assert_false(rows.failed || parts.failed);
    toy_write_file(toy_path(*state, "many.csv"), rows.data);
    toy_write_file(many, parts.data);
    rcr_text_free(&rows);
    rcr_text_free(&parts);
    rcr_free(table);
    add_column(data, "w", three_of_some);
    options.init = toy_path(*state, "first");
    options.freeze = "embedding,conv";
    options.optimizer = RCR_SGD;
    options.batch_size = 1000;
    options.lr = 0.05;
    static const rcr_loss_kind losses[] = {RCR_LOSS_MSE, RCR_LOSS_L1, RCR_LOSS_HUBER};
    for (int loss = 0; loss < 3; loss++) {
        char name[3][16];
        snprintf(name[0], sizeof name[0], "weighted-%d", loss);
        snprintf(name[1], sizeof name[1], "repeated-%d", loss);
        snprintf(name[2], sizeof name[2], "plain-%d", loss);
        options.loss = losses[loss];
        options.weights = "w";
        rcr_model *weighted = trained(data, toy_path(*state, name[0]), &options);
        options.weights = NULL;
        rcr_model *plain = trained(data, toy_path(*state, name[2]), &options);
        options.split.file = many;
        rcr_model *repeated = trained(toy_path(*state, "many.csv"), toy_path(*state, name[1]), &options);
        options.split.file = toy_path(*state, "split.csv");
        double off = 0, moved = 0;
        for (size_t i = 0; i < weighted->n_parameters; i++) {
            off = check_worse(off, fabs((double)weighted->parameters[i] - (double)repeated->parameters[i]));
            moved = fmax(moved, fabs((double)weighted->parameters[i] - (double)plain->parameters[i]));
        }
        if (!(off < 1e-5 && moved > 1e-4)) fail_msg("off by %g, and by %g without weights", off, moved);
        rcr_model_free(weighted);
        rcr_model_free(repeated);
        rcr_model_free(plain);
    }
}

/* The weighted mean of squared errors over what predictions-train.csv has, in units of the standard deviation. */
static double loss_of_predictions(const char *run, double std) {
    size_t length, row = 0;
    char *text = toy_read(run, "predictions-train.csv", &length);
    double sum = 0, all = 0, target, prediction;
    for (char *line = text; *line != '\0'; row++) {
        char *end = strchr(line, '\n');
        int i;
        *end = '\0';
        if (row > 0) {
            assert_int_equal(sscanf(line, "toy-%d,%lf,%lf", &i, &target, &prediction), 3);
            assert_true(ragged(i) > 0); /* the others are in no part */
            sum += ragged(i) * (prediction - target) * (prediction - target) / std / std;
            all += ragged(i);
        }
        line = end + 1;
    }
    rcr_free(text);
    assert_true(all > 30);
    return sum / all;
}

static double loss_of_first_epoch(const char *run) {
    size_t length, row = 0;
    char *text = toy_read(run, "metrics.csv", &length);
    double lr, loss = NAN;
    for (char *line = text; *line != '\0'; row++) {
        char *end = strchr(line, '\n');
        *end = '\0';
        if (row == 1) assert_int_equal(sscanf(line, "1,%lf,%lf", &lr, &loss), 2);
        line = end + 1;
    }
    rcr_free(text);
    return loss;
}

/* What metrics.csv calls the loss of an epoch is the weighted mean over its rows.  A rate that moves no weight, with
 * the frozen network above: the loss is that of the predictions. */
static void the_loss_told_is_weighted(void **state) {
    char *data = toy_data(*state, N), *run = toy_path(*state, "run");
    add_column(data, "w", ragged);
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.split.kind = RCR_SPLIT_FILE;
    options.split.file = write_split(*state, "split.csv", NULL);
    rcr_model_free(trained(data, toy_path(*state, "first"), &options));
    options.init = toy_path(*state, "first");
    options.freeze = "embedding,conv";
    options.optimizer = RCR_SGD;
    options.lr = 1e-30;
    options.epochs = 1;
    options.weights = "w";
    rcr_model *model = trained(data, run, &options);
    double told = loss_of_first_epoch(run), is = loss_of_predictions(run, model->targets[0].scale.normalizer.std);
    if (!(fabs(told - is) < 1e-4 * is)) fail_msg("%g is told, and it is %g", told, is);
    rcr_model_free(model);
}

static void refusals(void **state) {
    char *data = toy_data(*state, N);
    rcr_train_options options = toy_options(RCR_REGRESSION);
    add_column(data, "none", nothing);
    options.weights = "none";
    toy_refused(data, *state, &options, RCR_ERR_DATA, "no training row has a weight above 0 in the column 'none'");
    options.weights = "energy";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "to be the target and the weights");
    options.weights = "missing";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "no column \"missing\" to take as the weights");
}

/* The weights are part of what a run was begun with. */
static void weights_that_change(void **state) {
    char *data = toy_data(*state, N), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    add_column(data, "w", ragged);
    options.weights = "w";
    toy_stopper s = {.batches_left = 5};
    rcr_train_events events = {.context = &s, .batch_done = toy_count_batch, .stop = &s.stop};
    rcr_train_result result = {0};
    rcr_error err = {0};
    assert_int_equal(rcr_train(&result, data, run, &options, &events, &err), RCR_ERR_INTERRUPTED);
    size_t length;
    char *table = toy_read(data, "id_prop.csv", &length);
    while (table[length - 1] != ',') length--;
    table[length] = table[length] == '1' ? '2' : '1';
    toy_write_file(toy_path(data, "id_prop.csv"), table);
    rcr_free(table);
    assert_int_equal(rcr_train_resume(&result, run, -1, NULL, &err), RCR_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "the data have changed"));
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(equal_weights_are_none),
        in_folder(no_weight_is_no_row),
        in_folder(a_weight_of_three_is_three_rows),
        in_folder(the_loss_told_is_weighted),
        in_folder(refusals),
        in_folder(weights_that_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
