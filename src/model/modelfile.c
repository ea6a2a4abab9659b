/* Model files: one .safetensors file with all that is needed to predict (docs/model-file.md). */
#include "model/modelfile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "model/model.h"

#define FORMAT "recryst-model"
#define FORMAT_VERSION "1"
#define FREE_PREFIX "meta." /* before the keys of rcr_model.meta */
#define TABLE_ROWS "element_table.row"
#define TABLE_KNOWN "element_table.known"
#define MAX_FILE_BYTES ((size_t)1 << 31)
enum { N_ROWS = RCR_MAX_ATOMIC_NUMBER + 1, MAX_ELEMENT_FEATURES = 4096 };

static const char *const architecture_names[] = {"sr-cgcnn", "cgcnn", NULL};
static const char *const task_names[] = {"regression", "classification", NULL};
static const char *const disorder_names[] = {"refuse", "average", NULL};
static const char *const padding_names[] = {"none", "reference", NULL};
static const char *const ties_names[] = {"cut", "keep", NULL};
static const char *const switch_names[] = {"0", "1", NULL};

/* ---- the checksum */

static void hash_number(rcr_sha256 *hash, uint64_t value) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> (8 * i) & 0xff);
    rcr_sha256_add(hash, bytes, sizeof bytes);
}

static void hash_text(rcr_sha256 *hash, const char *text) {
    hash_number(hash, strlen(text));
    rcr_sha256_add(hash, text, strlen(text));
}

static void hash_tensor(rcr_sha256 *hash, const rcr_st_tensor *tensor) {
    hash_text(hash, tensor->name);
    hash_text(hash, tensor->dtype);
    hash_number(hash, (uint64_t)tensor->rank);
    for (int32_t d = 0; d < tensor->rank; d++) hash_number(hash, (uint64_t)tensor->shape[d]);
    rcr_sha256_add(hash, tensor->data, rcr_st_bytes(tensor));
}

/* A thing to hash and the name it is ordered by. */
typedef struct named {
    const char *name;
    size_t index;
} named;

static int compare_named(const void *a, const void *b) {
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

rcr_status rcr_model_checksum(char hex[65], const rcr_st_tensor *tensor, size_t n_tensors, const char *const *key,
                              const char *const *value, size_t n_meta, rcr_error *err) {
    size_t n = n_tensors > n_meta ? n_tensors : n_meta;
    named *order = rcr_calloc(n, sizeof *order);
    rcr_sha256 *hash = order != NULL ? rcr_sha256_new() : NULL;
    if (hash == NULL) {
        rcr_free(order);
        return rcr_fail_memory(err, "computing a model's checksum");
    }
    for (size_t i = 0; i < n_meta; i++) order[i] = (named){key[i], i};
    if (n_meta > 0) qsort(order, n_meta, sizeof *order, compare_named);
    for (size_t i = 0; i < n_meta; i++) {
        if (strcmp(order[i].name, "checksum") == 0) continue;
        hash_text(hash, key[order[i].index]);
        hash_text(hash, value[order[i].index]);
    }
    for (size_t i = 0; i < n_tensors; i++) order[i] = (named){tensor[i].name, i};
    if (n_tensors > 0) qsort(order, n_tensors, sizeof *order, compare_named);
    for (size_t i = 0; i < n_tensors; i++) hash_tensor(hash, &tensor[order[i].index]);
    rcr_sha256_finish(hash, hex);
    rcr_free(order);
    return RCR_OK;
}

/* ---- writing */

static void add_text(rcr_model_pairs *m, const char *prefix, const char *key, const char *value) {
    if (m->n == m->capacity) {
        size_t capacity = m->capacity > 0 ? 2 * m->capacity : 64;
        char **keys = rcr_realloc(m->key, capacity, sizeof *keys);
        if (keys != NULL) m->key = keys;
        char **values = rcr_realloc(m->value, capacity, sizeof *values);
        if (values != NULL) m->value = values;
        if (keys == NULL || values == NULL) {
            m->failed = 1;
            return;
        }
        m->capacity = capacity;
    }
    rcr_text full = {0};
    rcr_text_puts(&full, prefix);
    rcr_text_puts(&full, key);
    m->key[m->n] = full.data != NULL && !full.failed ? rcr_strdup(full.data) : NULL;
    m->value[m->n] = rcr_strdup(value);
    rcr_text_free(&full);
    if (m->key[m->n] == NULL || m->value[m->n] == NULL) m->failed = 1;
    m->n++;
}

static void add_integer(rcr_model_pairs *m, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    add_text(m, "", key, text);
}

static void add_double(rcr_model_pairs *m, const char *key, double value) {
    char text[32];
    add_text(m, "", key, rcr_format_double(text, value));
}

void rcr_model_pairs_release(rcr_model_pairs *m) {
    for (size_t i = 0; i < m->n; i++) {
        rcr_free(m->key[i]);
        rcr_free(m->value[i]);
    }
    rcr_free(m->key);
    rcr_free(m->value);
    *m = (rcr_model_pairs){0};
}

static void describe_model(rcr_model_pairs *m, const rcr_model *model) {
    add_text(m, "", "format", FORMAT);
    add_text(m, "", "format_version", FORMAT_VERSION);
    add_text(m, "", "program_version", RCR_VERSION);
    const rcr_model_options *o = &model->options;
    add_text(m, "", "architecture", architecture_names[o->architecture]);
    add_text(m, "", "task", task_names[o->task]);
    add_integer(m, "depth", o->depth);
    add_text(m, "", "gate", switch_names[o->gate != 0]);
    add_text(m, "", "layer_norm", switch_names[o->layer_norm != 0]);
    add_integer(m, "atom_features", o->atom_features);
    add_integer(m, "hidden", o->hidden);
    add_integer(m, "hidden_layers", o->hidden_layers);
    const rcr_graph_options *g = &model->graph;
    add_double(m, "graph.radius", g->radius);
    add_integer(m, "graph.max_neighbors", g->max_neighbors);
    add_double(m, "graph.dmin", g->dmin);
    add_double(m, "graph.step", g->step);
    add_text(m, "", "graph.padding", padding_names[g->padding]);
    add_text(m, "", "graph.ties", ties_names[g->ties]);
    add_double(m, "graph.tie_tolerance", g->tie_tolerance);
    add_text(m, "", "graph.disorder", disorder_names[g->disorder]);
    add_text(m, "", "element_table.name", model->elements->name);
    add_text(m, "", "target.name", model->target);
    add_text(m, "", "target.unit", model->unit);
    add_double(m, "target.mean", model->normalizer.mean);
    add_double(m, "target.std", model->normalizer.std);
    add_integer(m, "n_batches_tracked", model->n_batches_tracked);
    for (size_t i = 0; i < model->n_meta; i++) add_text(m, FREE_PREFIX, model->meta[i].key, model->meta[i].value);
}

rcr_status rcr_model_describe_pairs(rcr_model_pairs *out, const rcr_model *model, rcr_error *err) {
    rcr_model_pairs m = {0};
    describe_model(&m, model);
    if (m.failed) {
        rcr_model_pairs_release(&m);
        return rcr_fail_memory(err, "describing a model");
    }
    *out = m;
    return RCR_OK;
}

/* Little-endian bytes of n values; returns the place after them. */
static unsigned char *put_doubles(unsigned char *to, const double *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int b = 0; b < 8; b++) *to++ = (unsigned char)(bits >> (8 * b) & 0xff);
    }
    return to;
}

static unsigned char *put_reals(unsigned char *to, const rcr_real *values, size_t n) {
#ifdef RCR_DOUBLE
    return put_doubles(to, values, n);
#else
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int b = 0; b < 4; b++) *to++ = (unsigned char)(bits >> (8 * b) & 0xff);
    }
    return to;
#endif
}

static rcr_st_tensor view_of(const rcr_tensor *tensor, const unsigned char *data) {
    rcr_st_tensor view = {.name = tensor->name, .rank = tensor->rank, .count = tensor->count, .data = data};
    memcpy(view.dtype, sizeof(rcr_real) == 8 ? "F64" : "F32", 4);
    for (int32_t d = 0; d < tensor->rank; d++) view.shape[d] = tensor->shape[d];
    return view;
}

/* All tensors of the model as the file has them, widest type first.  *storage holds their bytes. */
static rcr_status collect_tensors(rcr_st_tensor **out, size_t *n_out, unsigned char **storage, const rcr_model *model,
                                  rcr_error *err) {
    size_t n_features = (size_t)model->elements->n_features, n_table = (size_t)N_ROWS * n_features;
    size_t n_reals = model->n_parameters + model->n_buffer_values;
    rcr_st_tensor *tensor = rcr_calloc(model->n_tensors + model->n_buffers + 2, sizeof *tensor);
    unsigned char *bytes = rcr_malloc(n_table * 8 + n_reals * sizeof(rcr_real) + N_ROWS, 1);
    if (tensor == NULL || bytes == NULL) {
        rcr_free(tensor);
        rcr_free(bytes);
        return rcr_fail_memory(err, "writing a model");
    }
    size_t n = 0;
    tensor[n++] = (rcr_st_tensor){.name = TABLE_ROWS,
                                  .dtype = "F64",
                                  .rank = 2,
                                  .shape = {N_ROWS, (int64_t)n_features},
                                  .count = n_table,
                                  .data = bytes};
    unsigned char *parameters = put_doubles(bytes, model->elements->row, n_table);
    unsigned char *buffers = put_reals(parameters, model->parameters, model->n_parameters);
    unsigned char *known = put_reals(buffers, model->buffers, model->n_buffer_values);
    memcpy(known, model->elements->known, N_ROWS);
    for (size_t i = 0; i < model->n_tensors; i++)
        tensor[n++] = view_of(&model->tensor[i], parameters + model->tensor[i].offset * sizeof(rcr_real));
    for (size_t i = 0; i < model->n_buffers; i++)
        tensor[n++] = view_of(&model->buffer[i], buffers + model->buffer[i].offset * sizeof(rcr_real));
    tensor[n++] = (rcr_st_tensor){
        .name = TABLE_KNOWN, .dtype = "U8", .rank = 1, .shape = {N_ROWS}, .count = N_ROWS, .data = known};
    *out = tensor;
    *n_out = n;
    *storage = bytes;
    return RCR_OK;
}

rcr_status rcr_model_pack(char **out, size_t *length, const rcr_model *model, rcr_error *err) {
    rcr_st_tensor *tensor = NULL;
    unsigned char *storage = NULL;
    size_t n_tensors = 0;
    rcr_status status = collect_tensors(&tensor, &n_tensors, &storage, model, err);
    if (status != RCR_OK) return status;
    rcr_model_pairs m = {0};
    describe_model(&m, model);
    char checksum[65];
    if (!m.failed)
        status = rcr_model_checksum(checksum, tensor, n_tensors, (const char *const *)m.key,
                                    (const char *const *)m.value, m.n, err);
    if (status == RCR_OK && !m.failed) add_text(&m, "", "checksum", checksum);
    if (m.failed) status = rcr_fail_memory(err, "writing a model");
    if (status == RCR_OK)
        status = rcr_safetensors_write(out, length, tensor, n_tensors, (const char *const *)m.key,
                                       (const char *const *)m.value, m.n, err);
    rcr_model_pairs_release(&m);
    rcr_free(storage);
    rcr_free(tensor);
    return status;
}

rcr_status rcr_model_save(const rcr_model *model, const char *path, rcr_error *err) {
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status = rcr_model_pack(&bytes, &length, model, err);
    if (status == RCR_OK) status = rcr_file_write(path, bytes, length, err);
    rcr_free(bytes);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    return status;
}

/* ---- reading */

static rcr_status get_text(const char **out, const rcr_safetensors *file, const char *key, rcr_error *err) {
    *out = rcr_safetensors_meta(file, key);
    return *out != NULL ? RCR_OK : rcr_fail(err, RCR_ERR_PARSE, "the model file's metadata lack \"%s\"", key);
}

static rcr_status get_integer(int64_t *out, const rcr_safetensors *file, const char *key, int64_t least, int64_t most,
                              rcr_error *err) {
    const char *text;
    rcr_status status = get_text(&text, file, key, err);
    if (status != RCR_OK) return status;
    if (!rcr_parse_int64(out, text, strlen(text)) || *out < least || *out > most)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "\"%s\" in the model file's metadata is \"%.32s\", not a number %lld to %lld", key, text,
                        (long long)least, (long long)most);
    return RCR_OK;
}

static rcr_status get_int32(int32_t *out, const rcr_safetensors *file, const char *key, rcr_error *err) {
    int64_t value = 0;
    rcr_status status = get_integer(&value, file, key, 0, INT32_MAX, err);
    if (status == RCR_OK) *out = (int32_t)value;
    return status;
}

static rcr_status get_double(double *out, const rcr_safetensors *file, const char *key, rcr_error *err) {
    const char *text;
    rcr_status status = get_text(&text, file, key, err);
    if (status != RCR_OK) return status;
    if (!rcr_parse_double(out, text, strlen(text)) || !isfinite(*out))
        return rcr_fail(err, RCR_ERR_PARSE, "\"%s\" in the model file's metadata is \"%.32s\", not a finite number",
                        key, text);
    return RCR_OK;
}

/* The place of a text in a NULL-terminated list of names. */
static rcr_status get_choice(int *out, const rcr_safetensors *file, const char *key, const char *const *names,
                             rcr_error *err) {
    const char *text;
    rcr_status status = get_text(&text, file, key, err);
    if (status != RCR_OK) return status;
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) != 0) continue;
        *out = i;
        return RCR_OK;
    }
    return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                    "\"%s\" in the model file's metadata is \"%.32s\", which this version does "
                    "not know",
                    key, text);
}

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        rcr_status try_status = (call);                                                                                \
        if (try_status != RCR_OK) return try_status;                                                                   \
    } while (0)

static rcr_status read_options(rcr_model_options *o, rcr_graph_options *g, const rcr_safetensors *file,
                               rcr_error *err) {
    int choice = 0;
    TRY(get_choice(&choice, file, "architecture", architecture_names, err));
    o->architecture = (rcr_architecture)choice;
    TRY(get_choice(&choice, file, "task", task_names, err));
    o->task = (rcr_task_kind)choice;
    TRY(get_int32(&o->depth, file, "depth", err));
    TRY(get_int32(&o->gate, file, "gate", err));
    TRY(get_int32(&o->layer_norm, file, "layer_norm", err));
    TRY(get_int32(&o->atom_features, file, "atom_features", err));
    TRY(get_int32(&o->hidden, file, "hidden", err));
    TRY(get_int32(&o->hidden_layers, file, "hidden_layers", err));
    TRY(get_double(&g->radius, file, "graph.radius", err));
    TRY(get_int32(&g->max_neighbors, file, "graph.max_neighbors", err));
    TRY(get_double(&g->dmin, file, "graph.dmin", err));
    TRY(get_double(&g->step, file, "graph.step", err));
    TRY(get_choice(&choice, file, "graph.padding", padding_names, err));
    g->padding = (rcr_padding)choice;
    TRY(get_choice(&choice, file, "graph.ties", ties_names, err));
    g->ties = (rcr_ties)choice;
    TRY(get_double(&g->tie_tolerance, file, "graph.tie_tolerance", err));
    g->disorder = RCR_DISORDER_REFUSE; /* models made before there was a choice do not say */
    if (rcr_safetensors_meta(file, "graph.disorder") != NULL) {
        TRY(get_choice(&choice, file, "graph.disorder", disorder_names, err));
        g->disorder = (rcr_disorder)choice;
    }
    return RCR_OK;
}

/* Fill values [count] from a tensor whose shape is known to be right. */
static rcr_status read_reals(rcr_real *values, const rcr_st_tensor *from, rcr_error *err) {
    for (size_t i = 0; i < from->count; i++) {
        values[i] = (rcr_real)rcr_st_value(from, i);
        if (!isfinite(values[i]))
            return rcr_fail(err, RCR_ERR_PARSE,
                            "tensor \"%.64s\" of the model holds a value that is not a finite number", from->name);
    }
    return RCR_OK;
}

static rcr_status read_tensor(rcr_real *values, const rcr_tensor *tensor, const rcr_safetensors *file, rcr_error *err) {
    const rcr_st_tensor *from = rcr_safetensors_find(file, tensor->name);
    if (from == NULL) return rcr_fail(err, RCR_ERR_PARSE, "the model file lacks the tensor \"%s\"", tensor->name);
    int same = from->rank == tensor->rank && (strcmp(from->dtype, "F32") == 0 || strcmp(from->dtype, "F64") == 0);
    for (int32_t d = 0; same && d < tensor->rank; d++) same = from->shape[d] == tensor->shape[d];
    if (!same)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "tensor \"%s\" of the model file has another type or shape than its options "
                        "demand",
                        tensor->name);
    return read_reals(values + tensor->offset, from, err);
}

/* table->row is filled and freed by the caller. */
static rcr_status read_elements(rcr_element_table *table, const rcr_safetensors *file, rcr_error *err) {
    const rcr_st_tensor *row = rcr_safetensors_find(file, TABLE_ROWS), *known = rcr_safetensors_find(file, TABLE_KNOWN);
    if (row == NULL || known == NULL || strcmp(row->dtype, "F64") != 0 || strcmp(known->dtype, "U8") != 0 ||
        row->rank != 2 || row->shape[0] != N_ROWS || row->shape[1] < 1 || row->shape[1] > MAX_ELEMENT_FEATURES ||
        known->rank != 1 || known->shape[0] != N_ROWS)
        return rcr_fail(err, RCR_ERR_PARSE, "the model file's element table is missing or has a wrong type or shape");
    const char *name;
    TRY(get_text(&name, file, "element_table.name", err));
    snprintf(table->name, sizeof table->name, "%s", name);
    table->n_features = (int32_t)row->shape[1];
    memcpy(table->known, known->data, N_ROWS);
    for (int z = 0; z < N_ROWS; z++)
        if (table->known[z] > 1) return rcr_fail(err, RCR_ERR_PARSE, "the model file's element table is damaged");
    table->row = rcr_calloc(row->count, sizeof *table->row);
    if (table->row == NULL) return rcr_fail_memory(err, "reading a model");
    for (size_t i = 0; i < row->count; i++) {
        table->row[i] = rcr_st_value(row, i);
        if (!isfinite(table->row[i]))
            return rcr_fail(err, RCR_ERR_PARSE, "the model file's element table holds a value that is not a number");
    }
    return RCR_OK;
}

static rcr_status read_weights(rcr_model *model, const rcr_safetensors *file, rcr_error *err) {
    if (file->n_tensors != model->n_tensors + model->n_buffers + 2)
        return rcr_fail(err, RCR_ERR_PARSE, "the model file has %zu tensors where its options demand %zu",
                        file->n_tensors, model->n_tensors + model->n_buffers + 2);
    for (size_t i = 0; i < model->n_tensors; i++) TRY(read_tensor(model->parameters, &model->tensor[i], file, err));
    for (size_t i = 0; i < model->n_buffers; i++) {
        const rcr_tensor *buffer = &model->buffer[i];
        TRY(read_tensor(model->buffers, buffer, file, err));
        if (!rcr_ends_with(buffer->name, ".running_var")) continue;
        for (size_t j = 0; j < buffer->count; j++)
            if (model->buffers[buffer->offset + j] < 0)
                return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%s\" of the model holds a negative variance",
                                buffer->name);
    }
    return RCR_OK;
}

static rcr_status read_target(rcr_model *model, const rcr_safetensors *file, rcr_error *err) {
    const char *target, *unit;
    TRY(get_text(&target, file, "target.name", err));
    TRY(get_text(&unit, file, "target.unit", err));
    TRY(rcr_model_set_target(model, target, unit, err));
    TRY(get_double(&model->normalizer.mean, file, "target.mean", err));
    TRY(get_double(&model->normalizer.std, file, "target.std", err));
    if (!(model->normalizer.std > 0))
        return rcr_fail(err, RCR_ERR_PARSE, "the target's standard deviation in the model file is not above 0");
    TRY(get_integer(&model->n_batches_tracked, file, "n_batches_tracked", 0, INT64_MAX, err));
    size_t n_prefix = strlen(FREE_PREFIX);
    for (size_t i = 0; i < file->n_meta; i++)
        if (strncmp(file->meta_key[i], FREE_PREFIX, n_prefix) == 0)
            TRY(rcr_model_set_meta(model, file->meta_key[i] + n_prefix, file->meta_value[i], err));
    return RCR_OK;
}

/* That it is a model file, of a version known here, and undamaged. */
static rcr_status check_file(const rcr_safetensors *file, rcr_error *err) {
    const char *format = rcr_safetensors_meta(file, "format"), *version = rcr_safetensors_meta(file, "format_version");
    if (format == NULL || strcmp(format, FORMAT) != 0)
        return rcr_fail(err, RCR_ERR_PARSE, "a safetensors file, but not a recryst model");
    if (version == NULL || strcmp(version, FORMAT_VERSION) != 0)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "a model file of format version \"%.16s\"; this program reads version %s",
                        version != NULL ? version : "", FORMAT_VERSION);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const char *dtype = file->tensor[i].dtype;
        if (strcmp(dtype, "F32") != 0 && strcmp(dtype, "F64") != 0 && strcmp(dtype, "U8") != 0)
            return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" has type %s, which no model has",
                            file->tensor[i].name, dtype);
    }
    const char *expected = rcr_safetensors_meta(file, "checksum");
    char computed[65];
    TRY(rcr_model_checksum(computed, file->tensor, file->n_tensors, file->meta_key, file->meta_value, file->n_meta,
                           err));
    if (expected == NULL || strcmp(expected, computed) != 0)
        return rcr_fail(err, RCR_ERR_MISMATCH,
                        "the model file's checksum does not fit its content: it is damaged or was "
                        "edited; fetch or train it again");
    return RCR_OK;
}

static rcr_status read_model(rcr_model **model, rcr_element_table *table, const rcr_safetensors *file, size_t length,
                             rcr_error *err) {
    TRY(check_file(file, err));
    rcr_model_options options = {0};
    rcr_graph_options graph = {0};
    TRY(read_options(&options, &graph, file, err));
    TRY(read_elements(table, file, err));
    rcr_status status = rcr_model_create_blank(model, &options, &graph, table, length / 4, err);
    if (status == RCR_ERR_ARGUMENT) { /* in a file, options out of range are the file's fault */
        if (err != NULL) err->status = RCR_ERR_PARSE;
        status = RCR_ERR_PARSE;
    }
    if (status == RCR_OK) status = read_weights(*model, file, err);
    if (status == RCR_OK) status = read_target(*model, file, err);
    return status;
}

rcr_status rcr_model_parse(rcr_model **out, const void *bytes, size_t length, rcr_error *err) {
    rcr_safetensors *file = NULL;
    TRY(rcr_safetensors_parse(&file, bytes, length, err));
    rcr_element_table table = {0};
    rcr_model *model = NULL;
    rcr_status status = read_model(&model, &table, file, length, err);
    rcr_free(table.row);
    rcr_safetensors_free(file);
    if (status != RCR_OK) {
        rcr_model_free(model);
        return status;
    }
    *out = model;
    return RCR_OK;
}

rcr_status rcr_model_load(rcr_model **out, const char *path, rcr_error *err) {
    rcr_text full = {0};
    rcr_text_puts(&full, path);
    if (rcr_is_directory(path)) rcr_text_puts(&full, "/model.safetensors");
    if (full.failed || full.data == NULL) {
        rcr_text_free(&full);
        return rcr_fail_memory(err, "reading a model");
    }
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status;
    if (rcr_is_directory(path) && !rcr_is_file(full.data))
        status = rcr_fail(err, RCR_ERR_IO,
                          "a folder without model.safetensors: not a run, or one that has not finished "
                          "its first epoch");
    else
        status = rcr_file_read(&bytes, &length, full.data, MAX_FILE_BYTES, err);
    if (status == RCR_OK) status = rcr_model_parse(out, bytes, length, err);
    if (status != RCR_OK) rcr_error_set_file(err, full.data);
    rcr_free(bytes);
    rcr_text_free(&full);
    return status;
}
