#include "train/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/checkpoint_check.h"
#include "train/targets.h"

#define REAL_DTYPE (sizeof(rcr_real) == 4 ? "F32" : "F64")

enum { HISTORY_COLUMNS = 8, N_COUNTERS = 8, N_SCORES = 3, SCORE_FIELDS = 11, N_RESULTS = 3 * SCORE_FIELDS + 4 };
enum { SCALE_COLUMNS = 4, TARGET_COLUMNS = 3 * SCORE_FIELDS + 1 }; /* of every target */
enum { MAX_META = 128 };

static const size_t max_checkpoint_bytes = (size_t)16 << 30;

/* Every tensor of the file, wide types first so that each stays aligned.  `best.*` repeats the current weights, and
 * `result` is zero, while there are none. */
enum {
    T_COUNTERS,
    T_SHUFFLE,
    T_HISTORY,
    T_SCORES,
    T_RESULT,
    T_TRAIN,
    T_VAL,
    T_TEST,
    T_PARAMETERS,
    T_BUFFERS,
    T_BEST_PARAMETERS,
    T_BEST_BUFFERS,
    T_FIRST,
    T_SECOND,
    T_PATH,
    T_AVERAGE_PARAMETERS, /* empty where no average is kept */
    T_AVERAGE_BUFFERS,
    T_SCALES,
    T_TARGET_MAE,    /* [epochs, T], and */
    T_TARGET_RESULT, /* [T, TARGET_COLUMNS]: empty where there is one target */
    N_TENSORS
};
static const char *const tensor_names[N_TENSORS] = {
    "counters",           "shuffle",         "history",         "scores",           "result",
    "split.train",        "split.val",       "split.test",      "parameters",       "buffers",
    "best.parameters",    "best.buffers",    "optimizer.first", "optimizer.second", "data.path",
    "average.parameters", "average.buffers", "scales",          "target.mae",       "target.result"};

static rcr_st_tensor make_tensor(int which, const char *dtype, const void *data, size_t count) {
    rcr_st_tensor tensor = {.name = tensor_names[which], .rank = 1, .shape = {(int64_t)count}, .count = count};
    snprintf(tensor.dtype, sizeof tensor.dtype, "%s", dtype);
    tensor.data = data;
    return tensor;
}

/* 0 for a type that no checkpoint holds. */
static size_t element_size(const char *dtype) {
    static const char *const names[] = {"I64", "F64", "F32", "U8"};
    static const size_t sizes[] = {8, 8, 4, 1};
    for (int i = 0; i < 4; i++)
        if (strcmp(dtype, names[i]) == 0) return sizes[i];
    return 0;
}

/* SHA-256 over the tensors in the order above and over every metadata pair but the checksum's own. */
static rcr_status checksum(char hex[65], const rcr_st_tensor *tensor, size_t n_tensors, const char *const *key,
                           const char *const *value, size_t n_meta, rcr_error *err) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return rcr_fail_memory(err, "computing a checksum");
    for (size_t i = 0; i < n_tensors; i++) {
        rcr_sha256_add(hash, tensor[i].name, strlen(tensor[i].name) + 1);
        rcr_sha256_add(hash, tensor[i].data, tensor[i].count * element_size(tensor[i].dtype));
    }
    for (size_t i = 0; i < n_meta; i++) {
        if (strcmp(key[i], "checksum") == 0) continue;
        rcr_sha256_add(hash, key[i], strlen(key[i]) + 1);
        rcr_sha256_add(hash, value[i], strlen(value[i]) + 1);
    }
    rcr_sha256_finish(hash, hex);
    return RCR_OK;
}

/* The element vectors decide the input of the network, and are not part of the data's hash. */
rcr_status rcr_elements_sha256(char hex[65], const rcr_element_table *table, rcr_error *err) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return rcr_fail_memory(err, "computing a checksum");
    rcr_sha256_add(hash, &table->n_features, sizeof table->n_features);
    rcr_sha256_add(hash, table->known, sizeof table->known);
    rcr_sha256_add(hash, table->row,
                   (size_t)(RCR_MAX_ATOMIC_NUMBER + 1) * (size_t)table->n_features * sizeof *table->row);
    rcr_sha256_finish(hash, hex);
    return RCR_OK;
}

static void put_score(double *to, const rcr_score *s) {
    const double values[SCORE_FIELDS] = {(double)s->n, s->mae, s->rmse, s->r2,   s->accuracy, s->precision,
                                         s->recall,    s->f1,  s->auc,  s->loss, s->scaled};
    memcpy(to, values, sizeof values);
}

static rcr_score get_score(const double *v) {
    return (rcr_score){.n = rcr_count_of(v[0]),
                       .mae = v[1],
                       .rmse = v[2],
                       .r2 = v[3],
                       .accuracy = v[4],
                       .precision = v[5],
                       .recall = v[6],
                       .f1 = v[7],
                       .auc = v[8],
                       .loss = v[9],
                       .scaled = v[10]};
}

static void put_result(double to[N_RESULTS], const rcr_train_result *result) {
    put_score(to, &result->train);
    put_score(to + SCORE_FIELDS, &result->val);
    put_score(to + 2 * SCORE_FIELDS, &result->test);
    double *rest = to + 3 * SCORE_FIELDS;
    rest[0] = result->best_epoch;
    rest[1] = result->epochs_done;
    rest[2] = result->seconds;
    rest[3] = result->target_std;
}

static rcr_train_result get_result(const double from[N_RESULTS]) {
    const double *rest = from + 3 * SCORE_FIELDS;
    return (rcr_train_result){.train = get_score(from),
                              .val = get_score(from + SCORE_FIELDS),
                              .test = get_score(from + 2 * SCORE_FIELDS),
                              .best_epoch = rcr_epoch_of(rest[0]),
                              .epochs_done = rcr_epoch_of(rest[1]),
                              .seconds = rest[2],
                              .target_std = rest[3]};
}

/* Settings and what they met, as text.  Keys and values point into `text`, which must not grow afterwards. */
typedef struct meta_list {
    size_t n;
    const char *key[MAX_META], *value[MAX_META];
    rcr_text text;
    size_t key_at[MAX_META], value_at[MAX_META];
} meta_list;

/* Between the two, the caller appends the value to list->text. */
static void meta_begin(meta_list *list, const char *section, const char *name) {
    list->key_at[list->n] = list->text.length;
    rcr_text_printf(&list->text, "%s.%s", section, name);
    rcr_text_append(&list->text, "", 1);
    list->value_at[list->n] = list->text.length;
}

static void meta_end(meta_list *list) {
    rcr_text_append(&list->text, "", 1);
    list->n++;
}

static void meta_add(meta_list *list, const char *name, const char *value) {
    meta_begin(list, "checkpoint", name);
    rcr_text_puts(&list->text, value);
    meta_end(list);
}

static rcr_status meta_collect(meta_list *list, const rcr_run *run, rcr_error *err) {
    char elements[65];
    rcr_status status = rcr_elements_sha256(elements, run->model->elements, err);
    if (status != RCR_OK) return status;
    meta_add(list, "format", "3");
    meta_add(list, "program", rcr_version());
    meta_add(list, "data", run->dataset->sha256);
    meta_add(list, "elements", elements);
    meta_add(list, "kernels", run->kernels->name);
    for (size_t i = 0; i < rcr_n_option_fields && list->n < MAX_META - 1; i++) {
        meta_begin(list, rcr_option_fields[i].section, rcr_option_fields[i].name);
        rcr_option_format(&list->text, &rcr_option_fields[i], &run->options);
        meta_end(list);
    }
    if (list->text.failed) return rcr_fail_memory(err, "writing a checkpoint");
    for (size_t i = 0; i < list->n; i++) {
        list->key[i] = list->text.data + list->key_at[i];
        list->value[i] = list->text.data + list->value_at[i];
    }
    return RCR_OK;
}

/* Host copies of what is neither text nor already an array. */
typedef struct state_arrays {
    int64_t counters[N_COUNTERS], shuffle[4];
    double scores[N_SCORES], result[N_RESULTS];
    double *history, *scales, *targets;
    size_t n_targets; /* of which there are results; 0 of one alone */
    rcr_real *first, *second;
} state_arrays;

static rcr_status state_collect(state_arrays *state, const rcr_run *run, rcr_error *err) {
    size_t n_epochs = (size_t)run->epochs_done, n = run->optimizer.n;
    state->history = rcr_calloc(n_epochs * HISTORY_COLUMNS, sizeof(double));
    state->first = rcr_calloc(n, sizeof(rcr_real));
    state->second = rcr_calloc(n, sizeof(rcr_real));
    size_t T = rcr_run_n_targets(run);
    state->n_targets = T > 1 ? T : 0;
    state->scales = rcr_calloc(T * SCALE_COLUMNS, sizeof(double));
    state->targets = rcr_calloc(T * TARGET_COLUMNS, sizeof(double));
    if (state->history == NULL || state->first == NULL || state->second == NULL || state->scales == NULL ||
        state->targets == NULL)
        return rcr_fail_memory(err, "writing a checkpoint");
    for (size_t k = 0; k < T; k++) {
        const rcr_scale *scale = &run->model->targets[k].scale;
        const double row[SCALE_COLUMNS] = {scale->normalizer.mean, scale->normalizer.std, scale->transform.parameter,
                                           run->target_std[k]};
        memcpy(state->scales + k * SCALE_COLUMNS, row, sizeof row);
    }
    for (size_t k = 0; k < state->n_targets && run->finished; k++) {
        double *row = state->targets + k * TARGET_COLUMNS;
        for (int p = 0; p < 3; p++) put_score(row + p * SCORE_FIELDS, &run->result.targets[k].part[p]);
        row[TARGET_COLUMNS - 1] = run->result.targets[k].test_std;
    }
    for (size_t i = 0; i < n_epochs; i++) {
        const rcr_epoch *e = &run->history[i];
        const double row[HISTORY_COLUMNS] = {e->epoch,    e->lr,        e->train_loss,      e->train_score,
                                             e->val_loss, e->val_score, (double)e->is_best, e->seconds};
        memcpy(state->history + i * HISTORY_COLUMNS, row, sizeof row);
    }
    run->kernels->mem_download(state->first, run->optimizer.first, n);
    if (run->optimizer.second != NULL) run->kernels->mem_download(state->second, run->optimizer.second, n);
    const rcr_model *best = run->best != NULL ? run->best : run->model;
    const int64_t counters[N_COUNTERS] = {
        run->optimizer.step,     run->epochs_done, run->best_epoch,          run->model->n_batches_tracked,
        best->n_batches_tracked, run->finished,    (int64_t)run->dataset->n, (int64_t)run->dataset->n_rows};
    memcpy(state->counters, counters, sizeof counters);
    memcpy(state->shuffle, run->shuffle.s, sizeof state->shuffle);
    const double scores[N_SCORES] = {run->best_score, run->best_loss, run->seconds};
    memcpy(state->scores, scores, sizeof scores);
    memset(state->result, 0, sizeof state->result);
    if (run->finished) put_result(state->result, &run->result);
    return RCR_OK;
}

static void list_tensors(rcr_st_tensor tensor[N_TENSORS], const state_arrays *state, const rcr_run *run) {
    const rcr_model *model = run->model, *best = run->best != NULL ? run->best : run->model;
    tensor[T_COUNTERS] = make_tensor(T_COUNTERS, "I64", state->counters, N_COUNTERS);
    tensor[T_SHUFFLE] = make_tensor(T_SHUFFLE, "I64", state->shuffle, 4);
    tensor[T_HISTORY] = make_tensor(T_HISTORY, "F64", state->history, (size_t)run->epochs_done * HISTORY_COLUMNS);
    tensor[T_SCORES] = make_tensor(T_SCORES, "F64", state->scores, N_SCORES);
    tensor[T_RESULT] = make_tensor(T_RESULT, "F64", state->result, N_RESULTS);
    tensor[T_TRAIN] = make_tensor(T_TRAIN, "I64", run->split.train, run->split.n_train);
    tensor[T_VAL] = make_tensor(T_VAL, "I64", run->split.val, run->split.n_val);
    tensor[T_TEST] = make_tensor(T_TEST, "I64", run->split.test, run->split.n_test);
    tensor[T_PARAMETERS] = make_tensor(T_PARAMETERS, REAL_DTYPE, model->parameters, model->n_parameters);
    tensor[T_BUFFERS] = make_tensor(T_BUFFERS, REAL_DTYPE, model->buffers, model->n_buffer_values);
    tensor[T_BEST_PARAMETERS] = make_tensor(T_BEST_PARAMETERS, REAL_DTYPE, best->parameters, best->n_parameters);
    tensor[T_BEST_BUFFERS] = make_tensor(T_BEST_BUFFERS, REAL_DTYPE, best->buffers, best->n_buffer_values);
    tensor[T_FIRST] = make_tensor(T_FIRST, REAL_DTYPE, state->first, run->optimizer.n);
    tensor[T_SECOND] = make_tensor(T_SECOND, REAL_DTYPE, state->second, run->optimizer.n);
    const rcr_model *average = run->average;
    tensor[T_AVERAGE_PARAMETERS] =
        make_tensor(T_AVERAGE_PARAMETERS, REAL_DTYPE, average != NULL ? average->parameters : NULL,
                    average != NULL ? average->n_parameters : 0);
    tensor[T_AVERAGE_BUFFERS] = make_tensor(T_AVERAGE_BUFFERS, REAL_DTYPE, average != NULL ? average->buffers : NULL,
                                            average != NULL ? average->n_buffer_values : 0);
    tensor[T_SCALES] = make_tensor(T_SCALES, "F64", state->scales, rcr_run_n_targets(run) * SCALE_COLUMNS);
    tensor[T_TARGET_MAE] =
        make_tensor(T_TARGET_MAE, "F64", run->target_mae, (size_t)run->epochs_done * state->n_targets);
    tensor[T_TARGET_RESULT] = make_tensor(T_TARGET_RESULT, "F64", state->targets, state->n_targets * TARGET_COLUMNS);
    tensor[T_PATH] = make_tensor(T_PATH, "U8", run->data_path, strlen(run->data_path));
}

rcr_status rcr_checkpoint_pack(char **out, size_t *length, const rcr_run *run, rcr_error *err) {
    meta_list *meta = rcr_calloc(1, sizeof *meta);
    if (meta == NULL) return rcr_fail_memory(err, "writing a checkpoint");
    state_arrays state = {0};
    rcr_status status = meta_collect(meta, run, err);
    if (status == RCR_OK) status = state_collect(&state, run, err);
    if (status == RCR_OK) {
        rcr_st_tensor tensor[N_TENSORS];
        char sum[65];
        list_tensors(tensor, &state, run);
        status = checksum(sum, tensor, N_TENSORS, meta->key, meta->value, meta->n, err);
        meta->key[meta->n] = "checksum";
        meta->value[meta->n++] = sum;
        if (status == RCR_OK)
            status = rcr_safetensors_write(out, length, tensor, N_TENSORS, meta->key, meta->value, meta->n, err);
    }
    rcr_free(state.history);
    rcr_free(state.scales);
    rcr_free(state.targets);
    rcr_free(state.first);
    rcr_free(state.second);
    rcr_text_free(&meta->text);
    rcr_free(meta);
    return status;
}

/* ---- reading */

/* why: what is wrong with it; NULL: nothing. */
static rcr_status check(const char *why, const rcr_checkpoint *checkpoint, rcr_error *err) {
    if (why == NULL) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_PARSE, checkpoint->path, 0,
                       "the checkpoint is damaged: %s; the run can't be resumed", why);
}

rcr_status rcr_checkpoint_checksum(char hex[65], const rcr_safetensors *file, rcr_error *err) {
    rcr_st_tensor tensor[N_TENSORS];
    for (int i = 0; i < N_TENSORS; i++) {
        const rcr_st_tensor *found = rcr_safetensors_find(file, tensor_names[i]);
        if (found == NULL) return rcr_fail(err, RCR_ERR_PARSE, "the checkpoint lacks '%s'", tensor_names[i]);
        tensor[i] = *found;
    }
    return checksum(hex, tensor, N_TENSORS, file->meta_key, file->meta_value, file->n_meta, err);
}

static rcr_status verify(const rcr_checkpoint *checkpoint, rcr_error *err) {
    const rcr_safetensors *file = checkpoint->file;
    const char *format = rcr_safetensors_meta(file, "checkpoint.format");
    const char *stored = rcr_safetensors_meta(file, "checksum");
    if (format == NULL || stored == NULL)
        return rcr_fail(err, RCR_ERR_PARSE, "this is not a checkpoint of a training run");
    if (strcmp(format, "3") != 0)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "a checkpoint of format '%.16s', which this version does not know",
                        format);
    char sum[65];
    rcr_status status = rcr_checkpoint_checksum(sum, file, err);
    if (status == RCR_OK && strcmp(sum, stored) != 0)
        status = rcr_fail(err, RCR_ERR_MISMATCH,
                          "the checkpoint is damaged (its checksum does not match); the run can't be resumed");
    return status;
}

rcr_status rcr_checkpoint_parse(rcr_checkpoint *out, const char *path, char *bytes, size_t length, rcr_error *err) {
    rcr_checkpoint checkpoint = {.bytes = bytes};
    snprintf(checkpoint.path, sizeof checkpoint.path, "%s", path);
    rcr_status status = rcr_safetensors_parse(&checkpoint.file, checkpoint.bytes, length, err);
    if (status == RCR_OK) status = verify(&checkpoint, err);
    if (status != RCR_OK) {
        rcr_error_set_file(err, checkpoint.path);
        rcr_checkpoint_close(&checkpoint);
        return status;
    }
    *out = checkpoint;
    return RCR_OK;
}

rcr_status rcr_checkpoint_open(rcr_checkpoint *out, const char *directory, rcr_error *err) {
    char path[RCR_PATH_SIZE], *bytes;
    size_t length;
    if (strlen(directory) > RCR_PATH_SIZE - 64)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the name of the run directory is too long");
    snprintf(path, sizeof path, "%s/last.ckpt", directory);
    if (!rcr_is_file(path))
        return rcr_fail_at(err, RCR_ERR_IO, directory, 0, "there is no last.ckpt in it, so there is no run to resume");
    rcr_status status = rcr_file_read(&bytes, &length, path, max_checkpoint_bytes, err);
    if (status == RCR_OK) return rcr_checkpoint_parse(out, path, bytes, length, err);
    rcr_error_set_file(err, path);
    return status;
}

void rcr_checkpoint_close(rcr_checkpoint *checkpoint) {
    rcr_safetensors_free(checkpoint->file);
    rcr_free(checkpoint->bytes);
    checkpoint->file = NULL;
    checkpoint->bytes = NULL;
}

/* Copy a tensor of exactly count elements of that dtype. */
static rcr_status take(void *to, const rcr_checkpoint *checkpoint, int which, const char *dtype, size_t count,
                       size_t size, rcr_error *err) {
    const rcr_st_tensor *tensor = rcr_safetensors_find(checkpoint->file, tensor_names[which]);
    if (strcmp(tensor->dtype, dtype) != 0 || tensor->count != count)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, checkpoint->path, 0,
                           "'%s' holds %zu %s where %zu %s are wanted; was the run made by another version?",
                           tensor_names[which], tensor->count, tensor->dtype, count, dtype);
    if (count > 0) memcpy(to, tensor->data, count * size);
    return RCR_OK;
}

static rcr_status take_text(char *to, size_t size, const rcr_checkpoint *checkpoint, const char *key, rcr_error *err) {
    const char *value = rcr_safetensors_meta(checkpoint->file, key);
    if (value == NULL || strlen(value) >= size)
        return rcr_fail_at(err, RCR_ERR_PARSE, checkpoint->path, 0, "the checkpoint lacks a usable '%s'", key);
    memcpy(to, value, strlen(value) + 1);
    return RCR_OK;
}

const char *rcr_checkpoint_elements(const rcr_checkpoint *checkpoint) {
    const char *hex = rcr_safetensors_meta(checkpoint->file, "checkpoint.elements");
    return hex != NULL && strlen(hex) == 64 ? hex : "";
}

/* The scores of a finished run's several targets, whose names are the list of the settings. */
static rcr_status take_target_results(rcr_train_result *result, const char *names, const rcr_checkpoint *checkpoint,
                                      rcr_error *err) {
    const rcr_st_tensor *tensor = rcr_safetensors_find(checkpoint->file, tensor_names[T_TARGET_RESULT]);
    size_t T = tensor->count / TARGET_COLUMNS;
    size_t n_names = 1;
    for (const char *at = names; at != NULL && *at != '\0'; at++) n_names += *at == ',';
    if (T == 0) return RCR_OK; /* of a run of one target, in whose name there may be commas */
    if (T == 1 || T != n_names) return check("its scores are not those of its targets", checkpoint, err);
    double *rows = rcr_malloc(T * TARGET_COLUMNS, sizeof *rows);
    result->targets = rcr_calloc(T, sizeof *result->targets);
    result->n_targets = result->targets != NULL ? T : 0;
    rcr_status status = rows != NULL && result->targets != NULL ? RCR_OK : rcr_fail_memory(err, "reading a checkpoint");
    if (status == RCR_OK)
        status = take(rows, checkpoint, T_TARGET_RESULT, "F64", T * TARGET_COLUMNS, sizeof *rows, err);
    for (size_t k = 0; k < T && status == RCR_OK; k++) {
        const double *row = rows + k * TARGET_COLUMNS;
        char name[512];
        for (int p = 0; p < 3; p++) result->targets[k].part[p] = get_score(row + p * SCORE_FIELDS);
        result->targets[k].test_std = row[TARGET_COLUMNS - 1];
        status = rcr_list_item(name, sizeof name, names, k, T, "target", err);
        result->targets[k].name = status == RCR_OK ? rcr_strdup(name) : NULL;
        if (status == RCR_OK && result->targets[k].name == NULL) status = rcr_fail_memory(err, "reading a checkpoint");
    }
    rcr_free(rows);
    return status;
}

static rcr_status restore_scales(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    size_t T = rcr_run_n_targets(run);
    double *rows = rcr_malloc(T * SCALE_COLUMNS, sizeof *rows);
    if (rows == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    rcr_status status = take(rows, checkpoint, T_SCALES, "F64", T * SCALE_COLUMNS, sizeof *rows, err);
    for (size_t k = 0; k < T && status == RCR_OK; k++) {
        rcr_scale *scale = &run->model->targets[k].scale;
        const double *row = rows + k * SCALE_COLUMNS;
        scale->normalizer = (rcr_normalizer){row[0], row[1]};
        scale->transform.parameter = row[2];
        run->target_std[k] = row[3];
    }
    rcr_free(rows);
    if (status == RCR_OK) status = check(rcr_scales_fault(run), checkpoint, err);
    if (status == RCR_OK && T > 1)
        status = take(run->target_mae, checkpoint, T_TARGET_MAE, "F64", (size_t)run->epochs_done * T,
                      sizeof *run->target_mae, err);
    return status;
}

rcr_status rcr_checkpoint_settings(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < rcr_n_option_fields && status == RCR_OK; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        char key[64];
        snprintf(key, sizeof key, "%s.%s", field->section, field->name);
        const char *value = rcr_safetensors_meta(checkpoint->file, key);
        if (value == NULL && strcmp(key, "data.weights") == 0) value = ""; /* of a run from before there were any */
        if (value == NULL)
            return rcr_fail_at(err, RCR_ERR_PARSE, checkpoint->path, 0, "the setting %s is missing", key);
        status = rcr_option_parse(&run->options, field, value, err);
    }
    if (status == RCR_OK) status = rcr_train_options_check(&run->options, err);
    if (status == RCR_OK)
        status = take_text(run->data_sha256, sizeof run->data_sha256, checkpoint, "checkpoint.data", err);
    if (status == RCR_OK)
        status = take_text(run->kernels_name, sizeof run->kernels_name, checkpoint, "checkpoint.kernels", err);
    int64_t counters[N_COUNTERS];
    if (status == RCR_OK) status = take(counters, checkpoint, T_COUNTERS, "I64", N_COUNTERS, sizeof(int64_t), err);
    double result[N_RESULTS];
    if (status == RCR_OK) status = take(result, checkpoint, T_RESULT, "F64", N_RESULTS, sizeof(double), err);
    if (status != RCR_OK) return status;
    const rcr_st_tensor *path = rcr_safetensors_find(checkpoint->file, tensor_names[T_PATH]);
    if (path->count >= sizeof run->data_path)
        return rcr_fail_at(err, RCR_ERR_PARSE, checkpoint->path, 0, "the path of the data is too long");
    status = take(run->data_path, checkpoint, T_PATH, "U8", path->count, 1, err);
    run->data_path[path->count] = '\0';
    run->finished = counters[5] != 0;
    if (!run->finished || status != RCR_OK) return status;
    run->result = get_result(result);
    status = take_target_results(&run->result, run->options.target, checkpoint, err);
    return status == RCR_OK ? check(rcr_result_fault(&run->result, run->options.epochs), checkpoint, err) : status;
}

static rcr_status take_part(int64_t **part, size_t *n, const rcr_checkpoint *checkpoint, int which, size_t n_samples,
                            rcr_error *err) {
    const rcr_st_tensor *tensor = rcr_safetensors_find(checkpoint->file, tensor_names[which]);
    int64_t *rows = rcr_malloc(tensor->count, sizeof *rows);
    if (rows == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    rcr_status status = take(rows, checkpoint, which, "I64", tensor->count, sizeof *rows, err);
    for (size_t i = 0; i < tensor->count && status == RCR_OK; i++)
        if (rows[i] < 0 || (uint64_t)rows[i] >= n_samples)
            status = rcr_fail_at(err, RCR_ERR_MISMATCH, checkpoint->path, 0, "its split does not fit the data");
    if (status != RCR_OK) {
        rcr_free(rows);
        return status;
    }
    *part = rows;
    *n = tensor->count;
    return RCR_OK;
}

rcr_status rcr_checkpoint_split(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    if (strcmp(run->dataset->sha256, run->data_sha256) != 0)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, run->data_path, 0,
                           "the data have changed since the run began (SHA-256 %.12s..., then %.12s...); restore them "
                           "or start a new run",
                           run->dataset->sha256, run->data_sha256);
    int64_t counters[N_COUNTERS];
    rcr_status status = take(counters, checkpoint, T_COUNTERS, "I64", N_COUNTERS, sizeof(int64_t), err);
    if (status == RCR_OK && (uint64_t)counters[6] != run->dataset->n)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, run->data_path, 0,
                           "%zu rows can be used where the run began with %lld; was it made by another version?",
                           run->dataset->n, (long long)counters[6]);
    size_t n = run->dataset->n;
    if (status == RCR_OK) status = take_part(&run->split.train, &run->split.n_train, checkpoint, T_TRAIN, n, err);
    if (status == RCR_OK) status = take_part(&run->split.val, &run->split.n_val, checkpoint, T_VAL, n, err);
    if (status == RCR_OK) status = take_part(&run->split.test, &run->split.n_test, checkpoint, T_TEST, n, err);
    const char *why = NULL;
    if (status == RCR_OK) status = rcr_split_fault(&why, &run->split, n, err);
    return status == RCR_OK ? check(why, checkpoint, err) : status;
}

static rcr_status restore_model(rcr_model *model, const rcr_checkpoint *checkpoint, int parameters, int buffers,
                                rcr_error *err) {
    rcr_status status =
        take(model->parameters, checkpoint, parameters, REAL_DTYPE, model->n_parameters, sizeof(rcr_real), err);
    if (status == RCR_OK)
        status = take(model->buffers, checkpoint, buffers, REAL_DTYPE, model->n_buffer_values, sizeof(rcr_real), err);
    return status == RCR_OK ? check(rcr_weights_fault(model), checkpoint, err) : status;
}

static rcr_status restore_optimizer(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    size_t n = run->optimizer.n;
    rcr_real *first = rcr_malloc(2 * n, sizeof *first);
    if (first == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    rcr_real *second = first + n;
    rcr_status status = take(first, checkpoint, T_FIRST, REAL_DTYPE, n, sizeof *first, err);
    if (status == RCR_OK) status = take(second, checkpoint, T_SECOND, REAL_DTYPE, n, sizeof *second, err);
    if (status == RCR_OK) status = check(rcr_moments_fault(first, second, n), checkpoint, err);
    if (status == RCR_OK) run->kernels->mem_upload(run->optimizer.first, first, n);
    if (status == RCR_OK && run->optimizer.second != NULL) run->kernels->mem_upload(run->optimizer.second, second, n);
    rcr_free(first);
    return status;
}

static rcr_status restore_history(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    size_t n = (size_t)run->epochs_done;
    double *row = rcr_malloc(n * HISTORY_COLUMNS, sizeof *row);
    if (row == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    rcr_status status = take(row, checkpoint, T_HISTORY, "F64", n * HISTORY_COLUMNS, sizeof *row, err);
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        const double *r = row + i * HISTORY_COLUMNS;
        run->history[i] = (rcr_epoch){rcr_epoch_of(r[0]), r[1], r[2], r[3], r[4], r[5], r[6] != 0, r[7]};
    }
    rcr_free(row);
    return status;
}

rcr_status rcr_checkpoint_check_elements(const rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    char elements[65];
    rcr_status status = rcr_elements_sha256(elements, run->model->elements, err);
    if (status == RCR_OK && strcmp(rcr_checkpoint_elements(checkpoint), elements) != 0)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, run->data_path, 0,
                           "the element vectors (atom_init.json) have changed since the run began");
    return status;
}

rcr_status rcr_checkpoint_restore(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err) {
    rcr_status status = rcr_checkpoint_check_elements(run, checkpoint, err);
    int64_t counters[N_COUNTERS], shuffle[4];
    double scores[N_SCORES];
    if (status == RCR_OK) status = take(counters, checkpoint, T_COUNTERS, "I64", N_COUNTERS, sizeof(int64_t), err);
    if (status == RCR_OK) status = take(shuffle, checkpoint, T_SHUFFLE, "I64", 4, sizeof(int64_t), err);
    if (status == RCR_OK) status = take(scores, checkpoint, T_SCORES, "F64", N_SCORES, sizeof(double), err);
    if (status != RCR_OK) return status;
    double start_score = run->best_score, start_loss = run->best_loss;
    run->optimizer.step = counters[0];
    run->epochs_done = rcr_epoch_of((double)counters[1]);
    run->best_epoch = rcr_epoch_of((double)counters[2]);
    memcpy(run->shuffle.s, shuffle, sizeof shuffle);
    run->best_score = scores[0];
    run->best_loss = scores[1];
    run->seconds = scores[2];
    run->model->n_batches_tracked = counters[3];
    status = check(rcr_counts_fault(run), checkpoint, err);
    if (status == RCR_OK) status = restore_scales(run, checkpoint, err);
    if (status == RCR_OK) status = restore_model(run->model, checkpoint, T_PARAMETERS, T_BUFFERS, err);
    if (status == RCR_OK && run->best_epoch > 0) {
        status = rcr_model_copy(&run->best, run->model, err);
        if (status == RCR_OK) run->best->n_batches_tracked = counters[4];
        if (status == RCR_OK) status = restore_model(run->best, checkpoint, T_BEST_PARAMETERS, T_BEST_BUFFERS, err);
    }
    if (status == RCR_OK && run->average != NULL) {
        status = restore_model(run->average, checkpoint, T_AVERAGE_PARAMETERS, T_AVERAGE_BUFFERS, err);
        if (status == RCR_OK) {
            run->average->n_batches_tracked = run->model->n_batches_tracked;
            run->kernels->mem_upload(run->average_parameters, run->average->parameters, run->average->n_parameters);
            run->kernels->mem_upload(run->average_buffers, run->average->buffers, run->average->n_buffer_values);
        }
    }
    if (status == RCR_OK) status = restore_optimizer(run, checkpoint, err);
    if (status == RCR_OK) status = restore_history(run, checkpoint, err);
    if (status == RCR_OK) status = check(rcr_history_fault(run, start_score, start_loss), checkpoint, err);
    if (status == RCR_OK) rcr_net_load(run->net, run->model, &run->exec);
    return status;
}
