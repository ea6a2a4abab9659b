/* A run that is stopped anywhere and resumed ends as one that never stopped. */
#include "toy.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "model/safetensors.h"
#include "train/checkpoint.h"
#include "train/rundir.h"

static rcr_status stop_after(int batches, const char *data, const char *run, const rcr_train_options *options,
                             rcr_train_result *result, rcr_error *err) {
    toy_stopper s = {.batches_left = batches};
    rcr_train_events events = {.context = &s, .batch_done = toy_count_batch, .stop = &s.stop};
    return data != NULL ? rcr_train(result, data, run, options, &events, err)
                        : rcr_train_resume(result, run, -1, &events, err);
}

static void assert_same_bytes(const char *a, const char *b, const char *name) {
    size_t n_a, n_b;
    char *text_a = toy_read(a, name, &n_a), *text_b = toy_read(b, name, &n_b);
    if (n_a != n_b || memcmp(text_a, text_b, n_a) != 0) print_message("%s differs\n", name);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(text_a, text_b, n_a);
    rcr_free(text_a);
    rcr_free(text_b);
}

/* metrics.csv without its last column, the seconds. */
static char *metrics_without_seconds(const char *run) {
    size_t length, used = 0;
    char *text = toy_read(run, "metrics.csv", &length);
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n'), *comma = end;
        while (*comma != ',') comma--;
        memmove(text + used, line, (size_t)(comma - line));
        used += (size_t)(comma - line);
        text[used++] = '\n';
        line = end + 1;
    }
    text[used] = '\0';
    return text;
}

/* The whole state, optimiser and generator included, but the time spent. */
static void assert_same_checkpoint(const char *a, const char *b) {
    rcr_checkpoint x, y;
    rcr_error err = {0};
    assert_ok(rcr_checkpoint_open(&x, a, &err), &err);
    assert_ok(rcr_checkpoint_open(&y, b, &err), &err);
    assert_int_equal(x.file->n_tensors, y.file->n_tensors);
    for (size_t i = 0; i < x.file->n_tensors; i++) {
        const rcr_st_tensor *s = &x.file->tensor[i], *t = rcr_safetensors_find(y.file, s->name);
        assert_int_equal(s->count, t->count);
        for (size_t k = 0; k < s->count; k++) {
            int seconds = (strcmp(s->name, "history") == 0 && k % 8 == 7) ||
                          (strcmp(s->name, "scores") == 0 && k == 2) || (strcmp(s->name, "result") == 0 && k == 35);
            double u = rcr_st_value(s, k), v = rcr_st_value(t, k);
            assert_true(seconds || u == v || (isnan(u) && isnan(v)));
        }
    }
    rcr_checkpoint_close(&x);
    rcr_checkpoint_close(&y);
}

static void assert_same_run(const char *a, const char *b) {
    assert_same_bytes(a, b, "model.safetensors");
    assert_same_bytes(a, b, "predictions-test.csv");
    assert_same_bytes(a, b, "predictions-val.csv");
    assert_same_bytes(a, b, "predictions-train.csv");
    assert_same_bytes(a, b, "config.toml");
    char *metrics_a = metrics_without_seconds(a), *metrics_b = metrics_without_seconds(b);
    assert_string_equal(metrics_a, metrics_b);
    rcr_free(metrics_a);
    rcr_free(metrics_b);
    assert_same_checkpoint(a, b);
}

/* 96 training rows in batches of 16: six batches an epoch, 36 in all.  Stops in the first epoch, at its end, amid later
 * ones, twice in one epoch, and in the last. */
static void stopped_and_resumed(void **state, rcr_task_kind task, rcr_optimizer_kind optimizer) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(task);
    options.optimizer = optimizer;
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(2, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "after epoch 0 of 6"));
    assert_int_equal(stop_after(6, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "after epoch 1 of 6"));
    assert_int_equal(stop_after(9, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "after epoch 2 of 6"));
    assert_int_equal(stop_after(1, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_int_equal(stop_after(23, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_non_null(strstr(err.message, "after epoch 5 of 6"));
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err);
    assert_int_equal(b.epochs_done, 6);
    assert_int_equal(a.best_epoch, b.best_epoch);
    assert_same_run(whole, parts);
}

static void regression_with_adam(void **state) { stopped_and_resumed(state, RCR_REGRESSION, RCR_ADAM); }
static void regression_with_sgd(void **state) { stopped_and_resumed(state, RCR_REGRESSION, RCR_SGD); }
/* Dropout draws random numbers too. */
static void classification_with_adamw(void **state) { stopped_and_resumed(state, RCR_CLASSIFICATION, RCR_ADAMW); }

/* A schedule that changes within an epoch, the moving average, a clipped gradient and another loss. */
static void every_recipe(void **state) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.schedule = RCR_SCHEDULE_ONE_CYCLE;
    options.lr_final = 0.01;
    options.average = 0.9;
    options.clip = 0.5;
    options.loss = RCR_LOSS_HUBER;
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(9, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_int_equal(stop_after(14, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_ok(rcr_train_resume(&b, parts, 2, NULL, &err), &err);
    assert_same_run(whole, parts);
}

/* Several targets, one of them transformed and with missing values, and predicted variances. */
static void several_targets(void **state) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.target = "energy,stiff";
    options.unit = "eV,GPa";
    options.transform = "yeo-johnson,log";
    options.loss = RCR_LOSS_GAUSSIAN;
    options.gaussian_beta = 0.5;
    options.average = 0.8;
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(9, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_int_equal(stop_after(14, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err);
    assert_same_run(whole, parts);
    rcr_train_result_release(&b);
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err); /* finished: from the checkpoint */
    assert_int_equal(b.n_targets, 2);
    assert_string_equal(b.targets[1].name, "stiff");
    for (int k = 0; k < 2; k++) {
        assert_memory_equal(a.targets[k].part, b.targets[k].part, sizeof a.targets[k].part);
        assert_true(a.targets[k].test_std == b.targets[k].test_std);
    }
    assert_true(a.test.scaled == b.test.scaled && isnan(b.test.mae));
    rcr_train_result_release(&a);
    rcr_train_result_release(&b);
}

/* Another model's weights, frozen parts, and every step's readout. */
static void begun_with_a_model(void **state) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts"),
         *first = toy_path(*state, "first"), *model = toy_path(first, "model.safetensors");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    options.model.gate = 0; /* each is a batch norm's step and a shared LayerNorm */
    options.epochs = 2;
    assert_ok(rcr_train(&a, data, first, &options, NULL, &err), &err);
    options.init = model;
    options.freeze = "embedding,hidden";
    options.deep_supervision = 0.5;
    options.average = 0.9;
    options.clip = 0.3;
    options.epochs = 6;
    options.seed = 9;
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(9, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_int_equal(remove(model), 0); /* a run has what it needs */
    assert_int_equal(stop_after(14, NULL, parts, NULL, &b, &err), RCR_ERR_INTERRUPTED);
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err);
    assert_same_run(whole, parts);
}

static void class_weights(void **state) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(RCR_CLASSIFICATION);
    options.class_weights = "balanced";
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(9, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err);
    assert_same_run(whole, parts);
}

/* Of an ensemble, too, whose networks share the data. */
static void row_weights(void **state) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.weights = "stiff"; /* of two rows in three; the others are unusable */
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(6, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err);
    assert_same_run(whole, parts);
    options.ensemble = 2;
    options.epochs = 3;
    whole = toy_path(*state, "whole-2"), parts = toy_path(*state, "parts-2");
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_int_equal(stop_after(15, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED); /* in the second network */
    assert_ok(rcr_train_resume(&b, parts, 3, NULL, &err), &err);
    assert_same_bytes(whole, parts, "model.safetensors");
}

/* A plateau's rate and an early stop follow from the history alone. */
static void plateau_and_patience(void **state) {
    char *data = toy_data(*state, 60), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.schedule = RCR_SCHEDULE_PLATEAU;
    options.plateau_patience = 1;
    options.lr = 0.05;
    options.patience = 6;
    options.epochs = 400;
    rcr_train_result a = {0}, b = {0};
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, whole, &options, NULL, &err), &err);
    assert_true(a.epochs_done < 400);
    assert_int_equal(a.epochs_done - a.best_epoch, 6);
    assert_int_equal(stop_after(20, data, parts, &options, &b, &err), RCR_ERR_INTERRUPTED);
    assert_ok(rcr_train_resume(&b, parts, -1, NULL, &err), &err);
    assert_same_run(whole, parts);
}

/* The number of threads, and whether batches are collated ahead, change nothing.  Batches of 100 crystals: work on
 * fewer than 64 rows is not shared among threads. */
static void threads_change_nothing(void **state) {
    char *data = toy_data(*state, 160), *one = toy_path(*state, "one"), *four = toy_path(*state, "four");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result;
    rcr_error err = {0};
    options.batch_size = 100;
    options.n_threads = 1;
    assert_ok(rcr_train(&result, data, one, &options, NULL, &err), &err);
    options.n_threads = 4;
    assert_ok(rcr_train(&result, data, four, &options, NULL, &err), &err);
    assert_same_bytes(one, four, "model.safetensors");
    assert_same_bytes(one, four, "predictions-test.csv");
    assert_same_checkpoint(one, four);
}

/* Another seed gives other weights: the comparisons above would notice a generator that is not restored. */
static void seeds_matter(void **state) {
    char *data = toy_data(*state, 60), *one = toy_path(*state, "one"), *two = toy_path(*state, "two");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result a, b;
    rcr_error err = {0};
    assert_ok(rcr_train(&a, data, one, &options, NULL, &err), &err);
    options.seed = 124;
    assert_ok(rcr_train(&b, data, two, &options, NULL, &err), &err);
    assert_true(a.train.mae != b.train.mae);
}

/* kill -9 at arbitrary moments: what is on disk is whole, and the end is the same. */
static void killed(void **state) {
    char *data = toy_data(*state, 120), *whole = toy_path(*state, "whole"), *parts = toy_path(*state, "parts");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.n_threads = 1;
    options.epochs = 120;
    rcr_train_result result;
    rcr_error err = {0};
    assert_ok(rcr_train(&result, data, whole, &options, NULL, &err), &err);
    for (int round = 0; round < 8; round++) {
        rcr_checkpoint checkpoint;
        if (rcr_run_exists(parts)) {
            assert_ok(rcr_checkpoint_open(&checkpoint, parts, &err), &err);
            print_message("from epoch %.0f\n", rcr_st_value(rcr_safetensors_find(checkpoint.file, "counters"), 1));
            rcr_checkpoint_close(&checkpoint);
        }
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            rcr_status status = rcr_run_exists(parts) ? rcr_train_resume(&result, parts, -1, NULL, NULL)
                                                      : rcr_train(&result, data, parts, &options, NULL, NULL);
            _exit(status == RCR_OK ? 0 : 1);
        }
        struct timespec pause = {0, (20 + 23 * round) * 1000000L};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int how;
        waitpid(child, &how, 0);
        assert_false(WIFEXITED(how) && WEXITSTATUS(how) != 0);
    }
    if (rcr_run_exists(parts))
        assert_ok(rcr_train_resume(&result, parts, -1, NULL, &err), &err);
    else
        assert_ok(rcr_train(&result, data, parts, &options, NULL, &err), &err);
    assert_same_run(whole, parts);
}

static void stopped_run(const char *data, const char *run) {
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result;
    rcr_error err = {0};
    assert_int_equal(stop_after(7, data, run, &options, &result, &err), RCR_ERR_INTERRUPTED);
}

static void changed_data_are_refused(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run");
    rcr_train_result result;
    rcr_error err = {0};
    stopped_run(data, run);
    size_t length;
    char *table = toy_read(data, "id_prop.csv", &length);
    size_t digit = strcspn(table, ".") + 1; /* of the first target */
    table[digit] = table[digit] == '5' ? '6' : '5';
    toy_write_file(toy_path(data, "id_prop.csv"), table);
    rcr_free(table);
    assert_int_equal(rcr_train_resume(&result, run, -1, NULL, &err), RCR_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "data have changed"));
}

static void assert_noticed(rcr_status status, const char *what, size_t at) {
    if (status == RCR_OK) fail_msg("a flipped bit of %s, byte %zu, passed", what, at);
    assert_true(status == RCR_ERR_MISMATCH || status == RCR_ERR_PARSE || status == RCR_ERR_UNSUPPORTED);
}

/* Flip a bit of the file, and look whether the checkpoint still opens. */
static void flip(const char *run, const char *path, const char *good, size_t at, const char *what) {
    rcr_checkpoint checkpoint;
    int file = open(path, O_WRONLY);
    char changed = (char)(good[at] ^ 1);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, &changed, 1, (off_t)at), 1);
    assert_noticed(rcr_checkpoint_open(&checkpoint, run, NULL), what, at);
    assert_int_equal(pwrite(file, &good[at], 1, (off_t)at), 1);
    close(file);
}

/* Every byte of the header, with its settings, and some of every tensor: the smallest has one value. */
static void flip_everywhere(const char *run, const char *path, const char *good, size_t length) {
    rcr_safetensors *file;
    size_t n_header = 8 + (unsigned char)good[0] + 256u * (unsigned char)good[1];
    assert_true(n_header < length);
    for (size_t at = 8; at < n_header; at++) flip(run, path, good, at, "the header");
    assert_int_equal(rcr_safetensors_parse(&file, good, length, NULL), RCR_OK);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const rcr_st_tensor *tensor = &file->tensor[i];
        size_t first = (size_t)((const char *)tensor->data - good), n = rcr_st_bytes(tensor);
        for (size_t k = 0; k < n; k += 1 + n / 17) flip(run, path, good, first + k, tensor->name);
        if (n > 0) flip(run, path, good, first + n - 1, tensor->name);
    }
    rcr_safetensors_free(file);
}

static void damaged_checkpoints_are_refused(void **state) {
    char *data = toy_data(*state, 60), *run = toy_path(*state, "run"), *path = toy_path(run, "last.ckpt");
    rcr_train_result result;
    rcr_error err = {0};
    stopped_run(data, run);
    size_t length;
    char *good = toy_read(run, "last.ckpt", &length);
    /* one bit at a time, at places spread over header and tensors */
    for (size_t at = 9; at < length; at += length / 97) {
        good[at] ^= 4;
        assert_ok(rcr_file_write(path, good, length, &err), &err);
        assert_noticed(rcr_train_resume(&result, run, -1, NULL, &err), "the file", at);
        good[at] ^= 4;
    }
    assert_ok(rcr_file_write(path, good, length, &err), &err);
    flip_everywhere(run, path, good, length);
    /* cut short */
    for (size_t cut = 0; cut < length; cut += length / 13) {
        assert_ok(rcr_file_write(path, good, cut, &err), &err);
        assert_int_not_equal(rcr_train_resume(&result, run, -1, NULL, &err), RCR_OK);
    }
    assert_ok(rcr_file_write(path, good, length, &err), &err);
    assert_ok(rcr_train_resume(&result, run, -1, NULL, &err), &err);
    rcr_free(good);
}

/* The data are found from another working directory although they were named relative to this one. */
static void resumed_from_elsewhere(void **state) {
    char here[4096];
    assert_non_null(getcwd(here, sizeof here));
    toy_data(*state, 60);
    assert_int_equal(chdir(*state), 0);
    stopped_run("data", "run");
    assert_int_equal(chdir("/"), 0);
    rcr_train_result result;
    rcr_error err = {0};
    rcr_status status = rcr_train_resume(&result, toy_path(*state, "run"), -1, NULL, &err);
    assert_int_equal(chdir(here), 0);
    assert_ok(status, &err);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        in_folder(regression_with_adam),
        in_folder(regression_with_sgd),
        in_folder(classification_with_adamw),
        in_folder(every_recipe),
        in_folder(several_targets),
        in_folder(class_weights),
        in_folder(row_weights),
        in_folder(begun_with_a_model),
        in_folder(plateau_and_patience),
        in_folder(threads_change_nothing),
        in_folder(seeds_matter),
        in_folder(killed),
        in_folder(changed_data_are_refused),
        in_folder(damaged_checkpoints_are_refused),
        in_folder(resumed_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
