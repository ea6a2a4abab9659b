/* What runs learn: transformed targets, several at once, variances, weighted classes. */
#include "toy.h"

#include <jansson.h>

#include "base/rng.h"
#include "base/text.h"
#include "report/metrics.h"
#include "train/evaluate.h"

enum { N = 90 };

static rcr_train_options quick(const char *target) {
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.model.gate = options.model.layer_norm = 0;
    options.target = target;
    options.unit = NULL;
    options.epochs = 3;
    return options;
}

static json_t *read_summary(const char *run) {
    size_t length;
    char *text = toy_read(run, "run_summary.json", &length);
    json_t *summary = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(summary);
    rcr_free(text);
    return summary;
}

static double number_of(const json_t *summary, const char *key) {
    const json_t *value = json_object_get(summary, key);
    if (!json_is_number(value)) print_message("run_summary.json: %s\n", key);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* Cells of a predictions file: cell[row][column], NaN for an empty one; returns the rows. */
static size_t read_cells(const char *run, const char *name, const char *header, double cell[N][8]) {
    size_t length, n = 0;
    char *text = toy_read(run, name, &length);
    assert_memory_equal(text, header, strlen(header));
    for (char *line = strchr(text, '\n') + 1; *line != '\0'; n++) {
        char *end = strchr(line, '\n');
        int column = -1;
        for (char *at = line; at <= end; at++) {
            if (*at != ',' && *at != '\n') continue;
            if (column >= 0 && (at == line || !rcr_parse_double(&cell[n][column], line, (size_t)(at - line))))
                cell[n][column] = NAN;
            column++;
            line = at + 1;
        }
    }
    rcr_free(text);
    return n;
}

/* Scores are in the target's unit whatever is learnt; the scale is that of the training rows. */
static void transformed_runs(void **state) {
    char *data = toy_data(*state, N);
    static const char *const transforms[] = {"log", "log1p", "signed-log", "asinh", "box-cox", "yeo-johnson"};
    for (size_t t = 0; t < sizeof transforms / sizeof *transforms; t++) {
        char *run = toy_path(*state, transforms[t]);
        rcr_train_options options = quick("stiff");
        options.transform = transforms[t];
        rcr_train_result result = {0};
        rcr_error err = {0};
        assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
        double cell[N][8], sum = 0, values[N];
        size_t n = read_cells(run, "predictions-test.csv", "id,target,prediction\n", cell);
        assert_int_equal(n, result.test.n);
        for (size_t i = 0; i < n; i++) {
            sum += fabs(cell[i][0] - cell[i][1]);
            assert_true(cell[i][0] > 4 && cell[i][0] < 20); /* exp(6 - a) */
        }
        assert_true(fabs(sum / (double)n - result.test.mae) < 1e-12);
        rcr_model *model = NULL;
        assert_ok(rcr_model_load(&model, run, &err), &err);
        const rcr_scale *scale = &model->targets[0].scale;
        assert_string_equal(rcr_transform_names[scale->transform.kind], transforms[t]);
        assert_string_equal(rcr_model_target(model, 0).transform, transforms[t]);
        n = read_cells(run, "predictions-train.csv", "id,target,prediction\n", cell);
        for (size_t i = 0; i < n; i++) values[i] = rcr_transform_apply(&scale->transform, cell[i][0]);
        assert_true(fabs(rcr_metrics_std(values, n) - scale->normalizer.std) < 1e-12);
        if (rcr_transform_has_parameter(scale->transform.kind)) {
            for (size_t i = 0; i < n; i++) values[i] = cell[i][0];
            assert_true(rcr_transform_fit(scale->transform.kind, values, n).parameter == scale->transform.parameter);
        }
        rcr_model_free(model);
        json_t *summary = read_summary(run);
        assert_string_equal(json_string_value(json_object_get(summary, "transform")), transforms[t]);
        assert_true(number_of(summary, "test_mae") == result.test.mae);
        json_decref(summary);
    }
}

static void refusals(void **state) {
    char *data = toy_data(*state, N);
    rcr_train_options options = quick("energy"); /* down to -0.9 */
    options.transform = "log";
    toy_refused(data, *state, &options, RCR_ERR_DATA, "the transform log is for targets above 0");
    toy_refused(data, *state, &options, RCR_ERR_DATA, "'energy' of toy-0 is"); /* 1.5 (3.2 - 3.8) */
    options.transform = "square";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "yeo-johnson");
    options.transform = "none,log,none";
    options.target = "energy,stiff";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "3 transforms");
    options.transform = NULL;
    options.unit = "eV,GPa,K";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "3 units");
    options.unit = NULL;
    options.target = "energy,stif";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "\"stif\"");
    options.target = "energy,,stiff";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "empty name");
    options.target = "energy, energy";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "named twice");
    options.class_weights = "balanced";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "classification");
    options = toy_options(RCR_CLASSIFICATION);
    static const char *const bad[] = {"1", "1,2,3", "1,-2", "0,1", "a,b", "1,nan"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.class_weights = bad[i];
        toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "neither \"balanced\" nor two numbers above 0");
    }
    options.class_weights = NULL;
    options.transform = "log";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "classes have no transform");
    options.transform = NULL;
    options.target = "big,energy";
    toy_refused(data, *state, &options, RCR_ERR_ARGUMENT, "one target");
}

/* Missing values are left out everywhere; each target has scores in its own unit. */
static void several_targets(void **state) {
    char *data = toy_data(*state, N), *run = toy_path(*state, "run"), *one = toy_path(*state, "one");
    rcr_train_options options = quick("energy, stiff");
    options.unit = "eV, GPa";
    options.transform = "none,log";
    options.n_threads = 3;
    rcr_train_result result = {0}, other = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    options.n_threads = 1;
    assert_ok(rcr_train(&other, data, one, &options, NULL, &err), &err);
    size_t n_a, n_b;
    char *a = toy_read(run, "model.safetensors", &n_a), *b = toy_read(one, "model.safetensors", &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(a, b, n_a);
    rcr_free(a);
    rcr_free(b);
    assert_int_equal(result.n_targets, 2);
    static const char *const files[] = {"predictions-train.csv", "predictions-val.csv", "predictions-test.csv"};
    double scaled = 0, std[2] = {0, 0};
    json_t *summary = read_summary(run);
    for (int p = 0; p < 3; p++) {
        double cell[N][8], value[2][N];
        size_t n =
            read_cells(run, files[p], "id,target_energy,prediction_energy,target_stiff,prediction_stiff\n", cell);
        size_t n_missing = 0;
        scaled = 0;
        for (int k = 0; k < 2; k++) {
            double sum = 0;
            size_t present = 0;
            for (size_t i = 0; i < n; i++) {
                assert_true(isfinite(cell[i][2 * k + 1]));
                if (isnan(cell[i][2 * k])) continue;
                sum += fabs(cell[i][2 * k] - cell[i][2 * k + 1]);
                value[k][present++] = cell[i][2 * k];
            }
            n_missing += n - present;
            if (k == 0) assert_int_equal(present, n);
            if (p == 0) std[k] = rcr_metrics_std(value[k], present);
            const rcr_score *score = &result.targets[k].part[p];
            assert_int_equal(score->n, present);
            assert_true(fabs(score->mae - sum / (double)present) < 1e-12);
            scaled += score->mae / std[k] / 2;
        }
        assert_true(n_missing > 0);
        const rcr_score *all = p == 0 ? &result.train : p == 1 ? &result.val : &result.test;
        assert_true(fabs(all->scaled - scaled) < 1e-12 && isnan(all->mae));
        assert_int_equal(all->n, n);
    }
    assert_true(number_of(summary, "test_mae_stiff") == result.targets[1].part[2].mae);
    assert_true(number_of(summary, "test_scaled_mae") == result.test.scaled);
    assert_true(number_of(summary, "best_val_scaled_mae") == result.val.scaled);
    assert_int_equal(json_array_size(json_object_get(summary, "targets")), 2);
    assert_string_equal(json_string_value(json_object_get(summary, "unit_stiff")), "GPa");
    json_decref(summary);
    size_t length;
    char *metrics = toy_read(run, "metrics.csv", &length);
    const char *header = "epoch,lr,train_loss,train_scaled_mae,val_loss,val_scaled_mae,val_mae_energy,val_mae_stiff,"
                         "best,seconds\n1,";
    assert_memory_equal(metrics, header, strlen(header));
    rcr_free(metrics);
    rcr_model *model = NULL;
    assert_ok(rcr_model_load(&model, run, &err), &err);
    assert_int_equal(model->n_outputs, 2);
    assert_string_equal(model->targets[1].name, "stiff");
    assert_string_equal(model->targets[1].unit, "GPa");
    assert_true(model->targets[0].scale.transform.kind == RCR_TRANSFORM_NONE);
    assert_true(model->targets[1].scale.transform.kind == RCR_TRANSFORM_LOG);
    rcr_model_free(model);
    rcr_train_result_release(&result);
    rcr_train_result_release(&other);
}

/* Validation and test rows may all lack the first target, which the page of the run is about: the run ends all the
 * same, with the figures of the rows that there are. */
static void parts_without_the_first_target(void **state) {
    char *data = toy_data(*state, N), *run = toy_path(*state, "run"), *split = toy_path(*state, "split.csv");
    rcr_text text = {0};
    rcr_text_puts(&text, "id,part\n");
    for (int i = 0; i < N; i++) /* one row of three has no value of stiff */
        rcr_text_printf(&text, "toy-%d,%s\n", i, i % 3 != 1 ? "train" : i % 2 == 0 ? "val" : "test");
    toy_write_file(split, text.data);
    rcr_text_free(&text);
    rcr_train_options options = quick("stiff,energy");
    options.unit = "GPa,eV";
    options.split.kind = RCR_SPLIT_FILE;
    options.split.file = split;
    rcr_train_result result = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    assert_int_equal(result.targets[0].part[2].n, 0);
    assert_int_equal(result.targets[1].part[2].n, N / 6);
    size_t length;
    char *page = toy_read(run, "report.html", &length);
    assert_non_null(strstr(page, "No row of the test part has a value of stiff."));
    assert_non_null(strstr(page, "training, 60 rows"));
    assert_null(strstr(page, "test, 0 rows"));
    assert_null(strstr(page, "scaled MAE (GPa)")); /* of several targets' scales it has no unit */
    rcr_free(page);
    rcr_train_result_release(&result);
}

/* The dataset of several targets: from files and from a comma in a name. */
static void rows_of_several_targets(void **state) {
    char *data = toy_data(*state, 6);
    rcr_dataset_options options = {.target = "stiff,energy", .need_target = 1, .graph = rcr_graph_options_default()};
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    assert_ok(rcr_dataset_read(&d, data, &options, &err), &err);
    assert_int_equal(d->n_targets, 2);
    assert_int_equal(d->n, 6);
    assert_string_equal(rcr_dataset_target_name(d, 1), "energy");
    assert_true(isnan(d->sample[1].target) && isnan(rcr_dataset_target(d, 1, 0)));
    assert_true(fabs(rcr_dataset_target(d, 0, 0) - exp(6 - toy_lattice(0))) < 1e-6);
    assert_true(d->sample[0].target == rcr_dataset_target(d, 0, 0));
    rcr_dataset_free(d);
    toy_write_file(toy_path(data, "id_prop.csv"), "id,\"a,b\",a,b\ntoy-0,1,2,3\ntoy-1,4,,x\ntoy-2,5,,\ntoy-3,6,7,\n");
    options.target = "a,b"; /* a column's name goes before a list */
    assert_ok(rcr_dataset_read(&d, data, &options, &err), &err);
    assert_int_equal(d->n_targets, 1);
    assert_true(d->n == 4 && d->sample[1].target == 4);
    rcr_dataset_free(d);
    options.target = "b,a";
    assert_ok(rcr_dataset_read(&d, data, &options, &err), &err);
    assert_int_equal(d->n, 2);
    assert_int_equal(d->n_bad, 2);
    assert_non_null(strstr(d->bad[0].error.message, "\"x\" for target \"b\""));
    assert_non_null(strstr(d->bad[1].error.message, "no value for any of the targets"));
    assert_int_equal(d->bad[1].error.line, 4);
    assert_true(isnan(rcr_dataset_target(d, 1, 0)) && rcr_dataset_target(d, 1, 1) == 7);
    rcr_dataset_free(d);
}

/* A variance is learnt: where a half of the targets has noise, it is told from the rest. */
static void gaussian_run(void **state) {
    char *data = toy_data(*state, N), *run = toy_path(*state, "run");
    rcr_text table = {0};
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, 1);
    rcr_text_puts(&table, "id,y\n");
    for (int i = 0; i < N; i++) {
        double noise = toy_lattice(i) > 3.8 ? rcr_rng_uniform(&rng) - 0.5 : 0.02 * (rcr_rng_uniform(&rng) - 0.5);
        rcr_text_printf(&table, "toy-%d,%.6f\n", i, 4 * toy_lattice(i) + 2 * noise);
    }
    toy_write_file(toy_path(data, "id_prop.csv"), table.data);
    rcr_text_free(&table);
    rcr_train_options options = quick("y");
    options.loss = RCR_LOSS_GAUSSIAN;
    options.epochs = 60;
    options.schedule = RCR_SCHEDULE_CONSTANT;
    rcr_train_result result = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    double cell[N][8], noisy = 0, quiet = 0;
    size_t n = read_cells(run, "predictions-train.csv", "id,target,prediction,std\n", cell), n_noisy = 0;
    char *text = toy_read(run, "predictions-train.csv", &n), *line = text;
    for (size_t i = 0; (line = strchr(line, '\n') + 1)[0] != '\0'; i++) {
        int id;
        assert_int_equal(sscanf(line, "toy-%d,", &id), 1);
        assert_true(cell[i][2] > 0);
        if (toy_lattice(id) > 3.8)
            noisy += cell[i][2], n_noisy++;
        else
            quiet += cell[i][2];
    }
    rcr_free(text);
    assert_true(noisy / (double)n_noisy > 1.5 * quiet / (72.0 - (double)n_noisy));
    rcr_model *model = NULL;
    assert_ok(rcr_model_load(&model, run, &err), &err);
    assert_int_equal(model->options.variance, 1);
    assert_int_equal(model->n_outputs, 2);
    rcr_model_free(model);
}

/* Equal weights are none; heavier rows of a class move predictions toward it. */
static void weighted_classes(void **state) {
    char *data = toy_data(*state, N), *plain = toy_path(*state, "plain"), *same = toy_path(*state, "same"),
         *heavy = toy_path(*state, "heavy");
    rcr_train_options options = toy_options(RCR_CLASSIFICATION);
    rcr_train_result a = {0}, b = {0}, c = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, plain, &options, NULL, &err), &err);
    options.class_weights = "1,1";
    assert_ok(rcr_train(&b, data, same, &options, NULL, &err), &err);
    options.class_weights = "1,20";
    assert_ok(rcr_train(&c, data, heavy, &options, NULL, &err), &err);
    double cell[3][N][8], mean[3] = {0, 0, 0};
    const char *const runs[] = {plain, same, heavy};
    for (int r = 0; r < 3; r++) {
        size_t n = read_cells(runs[r], "predictions-train.csv", "id,target,prediction\n", cell[r]);
        for (size_t i = 0; i < n; i++) mean[r] += cell[r][i][1] / (double)n;
    }
    assert_true(mean[0] == mean[1]);
    assert_true(mean[2] > mean[0] + 0.1);
    /* The epoch's loss is that of its rows by their weights, however they were dealt to batches: nothing else depends
     * on the batch where nothing moves and the norms use their running statistics. */
    double loss[2];
    options.init = plain;
    options.freeze = "embedding,conv,hidden";
    options.dropout = 0;
    options.lr = 1e-30;
    options.epochs = 1;
    options.n_milestones = 0;
    for (int r = 0; r < 2; r++) {
        char *run = toy_path(*state, r ? "batches" : "whole");
        options.batch_size = r ? 7 : N;
        assert_ok(rcr_train(&a, data, run, &options, NULL, &err), &err);
        assert_int_equal(read_cells(run, "metrics.csv", "epoch,lr,train_loss,", cell[r]), 1);
        loss[r] = cell[r][0][1];
    }
    assert_true(loss[0] > 0 && fabs(loss[1] / loss[0] - 1) < 1e-5);
    rcr_dataset_options reading = {.target = "big", .need_target = 1, .graph = rcr_graph_options_default()};
    rcr_dataset *d = NULL;
    assert_ok(rcr_dataset_read(&d, data, &reading, &err), &err);
    int64_t rows[] = {0, 1, 2, 3, 4};
    double n_1 = 0, weight[2];
    for (int i = 0; i < 5; i++) n_1 += d->sample[i].target;
    assert_true(n_1 > 0 && n_1 < 5);
    rcr_split split = {.train = rows, .n_train = 5};
    rcr_class_weights_balance(weight, d, &split);
    assert_true(fabs(weight[1] - 5 / (2 * n_1)) < 1e-15 && fabs(weight[0] - 5 / (2 * (5 - n_1))) < 1e-15);
    rcr_dataset_free(d);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(transformed_runs),
        in_folder(refusals),
        in_folder(several_targets),
        in_folder(rows_of_several_targets),
        in_folder(gaussian_run),
        in_folder(weighted_classes),
        in_folder(parts_without_the_first_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
