/* Checkpoints whose checksum is right and whose contents no run can have written: what goes on from one would never
 * end, or end with a model that nobody can read. */
#include "toy.h"

#include "model/safetensors.h"
#include "train/checkpoint.h"

enum { EPOCHS = 6, DONE = 2, N = 60 };

/* One value of a tensor; all: every value. */
typedef struct change {
    const char *tensor;
    long at;
    int all;
    double value;
    const char *says;
} change;

static void put_value(const rcr_st_tensor *tensor, char *bytes, const char *file, size_t at, double value) {
    /* Tensors lie one after the other, so that a value may lie anywhere. */
    char *to = bytes + ((const char *)tensor->data - file);
    int64_t whole = (int64_t)value;
    float single = (float)value;
    if (strcmp(tensor->dtype, "I64") == 0) memcpy(to + at * sizeof whole, &whole, sizeof whole);
    if (strcmp(tensor->dtype, "F64") == 0) memcpy(to + at * sizeof value, &value, sizeof value);
    if (strcmp(tensor->dtype, "F32") == 0) memcpy(to + at * sizeof single, &single, sizeof single);
}

/* Write the tensors of `file` with a checksum that is right for them. */
static void write_sealed(const char *run, rcr_safetensors *file) {
    const char *value[256];
    char sum[65], *sealed;
    size_t length;
    rcr_error err = {0};
    assert_true(file->n_meta < 256);
    assert_ok(rcr_checkpoint_checksum(sum, file, &err), &err);
    for (size_t i = 0; i < file->n_meta; i++)
        value[i] = strcmp(file->meta_key[i], "checksum") == 0 ? sum : file->meta_value[i];
    assert_ok(rcr_safetensors_write(&sealed, &length, file->tensor, file->n_tensors, file->meta_key, value,
                                    file->n_meta, &err),
              &err);
    assert_ok(rcr_file_write(toy_path(run, "last.ckpt"), sealed, length, &err), &err);
    toy_n_paths--;
    free(toy_paths[toy_n_paths]);
    rcr_free(sealed);
}

/* keep: of the tensor only so many values; or -1. */
static rcr_status resume_changed(const char *run, const char *good, size_t length, const change *c, long keep,
                                 rcr_train_result *result, rcr_error *err) {
    rcr_safetensors *file;
    char *bytes = rcr_malloc(length, 1);
    assert_non_null(bytes);
    memcpy(bytes, good, length);
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, NULL), RCR_OK);
    rcr_st_tensor *tensor = (rcr_st_tensor *)rcr_safetensors_find(file, c->tensor);
    assert_non_null(tensor);
    if (keep >= 0) {
        tensor->count = (size_t)keep;
        tensor->shape[0] = keep;
    }
    for (size_t i = 0; i < tensor->count; i++)
        if (c->all || i == (size_t)c->at) put_value(tensor, bytes, bytes, i, c->value);
    write_sealed(run, file);
    rcr_safetensors_free(file);
    rcr_free(bytes);
    return rcr_train_resume(result, run, -1, NULL, err);
}

static void assert_refused(const char *run, const char *good, size_t length, const change *c, long keep) {
    rcr_train_result result = {0};
    rcr_error err = {0};
    rcr_status status = resume_changed(run, good, length, c, keep, &result, &err);
    if (status != RCR_ERR_PARSE || strstr(err.message, c->says) == NULL || strstr(err.file, "last.ckpt") == NULL)
        fail_msg("%s[%ld] = %g: %s: %s: %s", c->tensor, c->at, c->value, rcr_status_name(status), err.file,
                 err.message);
}

/* Stopped after two epochs; the first is better than nothing, so that there is a best model. */
static char *stopped_run(void *folder, const rcr_train_options *options, size_t *length) {
    char *data = toy_data(folder, N), *run = toy_path(folder, "run");
    toy_stopper s = {.batches_left = 7};
    rcr_train_events events = {.context = &s, .batch_done = toy_count_batch, .stop = &s.stop};
    rcr_train_result result = {0};
    assert_int_equal(rcr_train(&result, data, run, options, &events, NULL), RCR_ERR_INTERRUPTED);
    return toy_read(run, "last.ckpt", length);
}

static void unfinished(void **state) {
    static const change changes[] = {
        {"shuffle", 0, 1, 0, "random generator is zero"},
        {"counters", 0, 0, -1, "number of updates"},
        {"counters", 0, 0, -0x1p63, "number of updates"},
        {"counters", 0, 0, 0x1p62, "number of updates"},
        {"counters", 1, 0, 7, "count of epochs"},
        {"counters", 1, 0, -1, "count of epochs"},
        {"counters", 2, 0, 3, "count of epochs"},
        {"counters", 2, 0, -1, "count of epochs"},
        {"counters", 2, 0, 0, "best epoch is not that of its history"},
        {"counters", 3, 0, -1, "number of batches"},
        {"counters", 3, 0, 0x1p62 * 1.5, "number of batches"},
        {"counters", 4, 0, -1, "number of batches"},
        {"counters", 5, 0, 1, "count of epochs of its result"}, /* finished without a result */
        {"scores", 0, 0, NAN, "score of its best epoch"},
        {"scores", 0, 0, -1, "score of its best epoch"},
        {"scores", 1, 0, -1, "score of its best epoch"},
        {"scores", 2, 0, NAN, "time that it took"},
        {"scores", 2, 0, -1, "time that it took"},
        {"scores", 2, 0, INFINITY, "time that it took"},
        {"history", 0, 0, 2, "epochs of its history"},
        {"history", 8, 0, NAN, "epochs of its history"},
        {"history", 8, 0, 1e300, "epochs of its history"},
        {"history", 1, 0, NAN, "learning rate"},
        {"history", 1, 0, -1, "learning rate"},
        {"history", 7, 0, INFINITY, "learning rate or a time"},
        {"history", 14, 0, 0, "best epoch"},
        {"history", 13, 0, NAN, "best epoch"},
        {"parameters", 3, 0, NAN, "a weight is not a finite number"},
        {"parameters", 3, 0, INFINITY, "a weight is not a finite number"},
        {"buffers", 0, 0, NAN, "running statistic is not a finite number"},
        {"buffers", 0, 1, -1, "running variance is negative"},
        {"best.parameters", 0, 1, NAN, "a weight is not a finite number"},
        {"best.buffers", 0, 1, -INFINITY, "running statistic is not a finite number"},
        {"best.buffers", 0, 1, -1, "running variance is negative"},
        {"average.parameters", 1, 0, NAN, "a weight is not a finite number"},
        {"average.buffers", 1, 0, INFINITY, "running statistic is not a finite number"},
        {"optimizer.first", 2, 0, NAN, "mean of gradients"},
        {"optimizer.second", 2, 0, NAN, "squared gradients"},
        {"optimizer.second", 2, 0, -1, "squared gradients"},
        {"scales", 0, 1, NAN, "mean of a target"},
        {"scales", 1, 0, 0, "standard deviation of a target"},
        {"scales", 1, 0, -1, "standard deviation of a target"},
        {"scales", 1, 0, INFINITY, "standard deviation of a target"},
        {"scales", 2, 0, 3, "parameter of a target's transform"},
        {"scales", 2, 0, NAN, "parameter of a target's transform"},
        {"scales", 3, 0, 0, "standard deviation of the training rows"},
        {"split.train", 0, 1, 0, "has a row twice"},
        {"target.mae", 0, 0, 0, NULL},
    };
    static const change empty = {"split.val", -1, 0, 0, "part of its split is empty"};
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result = {0};
    rcr_error err = {0};
    size_t length;
    options.average = 0.9;
    options.transform = "yeo-johnson";
    char *good = stopped_run(*state, &options, &length), *run = toy_path(*state, "run");
    for (size_t i = 0; changes[i].says != NULL; i++) assert_refused(run, good, length, &changes[i], -1);
    assert_refused(run, good, length, &empty, 0);
    /* A row that trains and tests. */
    rcr_safetensors *file;
    assert_int_equal(rcr_safetensors_parse(&file, good, length, NULL), RCR_OK);
    change leak = {"split.test", 0, 0, rcr_st_value(rcr_safetensors_find(file, "split.train"), 5), "a row twice"};
    rcr_safetensors_free(file);
    assert_refused(run, good, length, &leak, -1);
    change outside = {"split.test", 0, 0, N, ""};
    assert_int_equal(resume_changed(run, good, length, &outside, -1, &result, &err), RCR_ERR_MISMATCH);
    assert_non_null(strstr(err.message, "does not fit the data"));
    /* What a run may have come to: the square of a gradient overflows, and errors of single epochs are no numbers. */
    static const change allowed[] = {{"optimizer.second", 2, 0, INFINITY, ""}, {"history", 3, 0, NAN, ""}};
    for (int i = 0; i < 2; i++) assert_ok(resume_changed(run, good, length, &allowed[i], -1, &result, &err), &err);
    rcr_free(good);
}

/* Before the first epoch there is no best score. */
static void not_begun(void **state) {
    static const change changes[] = {{"scores", 0, 0, 1, "score of its best epoch"},
                                     {"scores", 0, 0, NAN, "score of its best epoch"},
                                     {"counters", 0, 0, 1, "number of updates"}};
    char *data = toy_data(*state, N), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_CLASSIFICATION);
    rcr_train_result result = {0};
    rcr_error err = {0};
    toy_stopper s = {.batches_left = 1};
    rcr_train_events events = {.context = &s, .batch_done = toy_count_batch, .stop = &s.stop};
    assert_int_equal(rcr_train(&result, data, run, &options, &events, NULL), RCR_ERR_INTERRUPTED);
    size_t length;
    char *good = toy_read(run, "last.ckpt", &length);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) assert_refused(run, good, length, &changes[i], -1);
    assert_ok(rcr_file_write(toy_path(run, "last.ckpt"), good, length, &err), &err);
    assert_ok(rcr_train_resume(&result, run, -1, NULL, &err), &err);
    rcr_free(good);
}

/* Of several targets: what the whole has, what each has. */
static void finished(void **state) {
    static const change changes[] = {{"result", 0, 1, NAN, "epochs of its result"},
                                     {"result", 0, 1, 1e300, "epochs of its result"},
                                     {"result", 0, 0, NAN, "number of rows"},
                                     {"result", 11, 0, -1, "number of rows"},
                                     {"result", 22, 0, 0.5, "number of rows"},
                                     {"result", 9, 0, -1, "is negative"},
                                     {"result", 3, 0, 2, "above 1"},
                                     {"result", 4, 0, 2, "between 0 and 1"},
                                     {"result", 33, 0, 0, "epochs of its result"},
                                     {"result", 34, 0, 7, "epochs of its result"},
                                     {"result", 34, 0, 1e10, "epochs of its result"},
                                     {"result", 35, 0, NAN, "time of its result"},
                                     {"result", 35, 0, -1, "time of its result"},
                                     {"target.result", 0, 1, NAN, "number of rows"},
                                     {"target.result", 12, 0, -1, "is negative"},
                                     {"target.result", 33, 0, -1, "is negative"}};
    char *data = toy_data(*state, N), *run = toy_path(*state, "run");
    rcr_train_options options = toy_options(RCR_REGRESSION);
    rcr_train_result result = {0};
    rcr_error err = {0};
    options.target = "energy,stiff";
    assert_ok(rcr_train(&result, data, run, &options, NULL, &err), &err);
    rcr_train_result_release(&result);
    size_t length;
    char *good = toy_read(run, "last.ckpt", &length);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) assert_refused(run, good, length, &changes[i], -1);
    static const change one = {"target.result", -1, 0, 0, "not those of its targets"};
    assert_refused(run, good, length, &one, 34);
    /* A prediction that overflows where a transform is undone. */
    static const change allowed = {"result", 1, 0, INFINITY, ""};
    assert_ok(resume_changed(run, good, length, &allowed, -1, &result, &err), &err);
    assert_true(isinf(result.train.mae) && result.n_targets == 2);
    rcr_train_result_release(&result);
    rcr_free(good);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {in_folder(unfinished), in_folder(not_begun), in_folder(finished)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
