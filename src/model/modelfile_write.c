/* Writing model files, and what their content is called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/floating.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "model/forecast.h"
#include "model/modelfile_private.h"

const char *const rcr_file_architectures[] = {"sr-cgcnn", "cgcnn", NULL};
const char *const rcr_file_tasks[] = {"regression", "classification", NULL};
const char *const rcr_file_disorders[] = {"refuse", "average", NULL};
const char *const rcr_file_paddings[] = {"none", "reference", NULL};
const char *const rcr_file_ties[] = {"cut", "keep", NULL};
const char *const rcr_file_switches[] = {"0", "1", NULL};

void rcr_file_member_prefix(char out[RCR_FILE_NAME], size_t member) {
    out[0] = '\0';
    if (member > 0) snprintf(out, RCR_FILE_NAME, "member.%zu.", member);
}

void rcr_file_score_name(char out[RCR_FILE_NAME], size_t target) {
    snprintf(out, RCR_FILE_NAME, "conformal.%zu.score", target);
}

int rcr_model_has_trust(const rcr_model *model) {
    return model->n_members > 1 || model->conformal != NULL || model->domain != NULL;
}

size_t rcr_model_trust_tensors(const rcr_model *model) {
    size_t n = (model->n_members - 1) * (model->n_tensors + model->n_buffers);
    if (model->conformal != NULL) n += rcr_model_n_targets(model);
    if (model->domain != NULL) n += model->domain->n_features > 0 ? 3 : 1;
    return n;
}

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

static void add_integer(rcr_model_pairs *m, const char *prefix, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    add_text(m, prefix, key, text);
}

static void add_double(rcr_model_pairs *m, const char *prefix, const char *key, double value) {
    char text[32];
    add_text(m, prefix, key, rcr_format_double(text, value));
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

void rcr_file_target_key(char out[2 * RCR_FILE_NAME], const char *prefix, int32_t k, const char *what) {
    if (k == 0)
        snprintf(out, 2 * RCR_FILE_NAME, "%starget.%s", prefix, what);
    else
        snprintf(out, 2 * RCR_FILE_NAME, "%starget.%d.%s", prefix, (int)k + 1, what);
}

static void describe_scale(rcr_model_pairs *m, const char *prefix, const rcr_model *model, int32_t k,
                           int with_transform) {
    const rcr_scale *scale = &model->targets[k].scale;
    char key[2 * RCR_FILE_NAME];
    rcr_file_target_key(key, prefix, k, "mean");
    add_double(m, "", key, scale->normalizer.mean);
    rcr_file_target_key(key, prefix, k, "std");
    add_double(m, "", key, scale->normalizer.std);
    if (!with_transform) return;
    rcr_file_target_key(key, prefix, k, "transform");
    add_text(m, "", key, rcr_transform_names[scale->transform.kind]);
    if (!rcr_transform_has_parameter(scale->transform.kind)) return;
    rcr_file_target_key(key, prefix, k, "transform_parameter");
    add_double(m, "", key, scale->transform.parameter);
}

/* What the networks of an ensemble have apart from each other. */
static void describe_network(rcr_model_pairs *m, const char *prefix, const rcr_model *model, int with_transforms) {
    for (int32_t k = 0; k < model->options.n_targets; k++) describe_scale(m, prefix, model, k, with_transforms);
    add_integer(m, prefix, "n_batches_tracked", model->n_batches_tracked);
    char free_prefix[2 * RCR_FILE_NAME];
    snprintf(free_prefix, sizeof free_prefix, "%s%s", prefix, RCR_FILE_FREE_PREFIX);
    for (size_t i = 0; i < model->n_meta; i++) add_text(m, free_prefix, model->meta[i].key, model->meta[i].value);
}

static void describe_trust(rcr_model_pairs *m, const rcr_model *model) {
    char prefix[RCR_FILE_NAME];
    if (model->n_members > 1) add_integer(m, "", "n_members", (int64_t)model->n_members);
    for (size_t i = 1; i < model->n_members; i++) {
        rcr_file_member_prefix(prefix, i);
        describe_network(m, prefix, model->member[i - 1], rcr_model_is_extended(model));
    }
    for (size_t t = 0; model->conformal != NULL && t < rcr_model_n_targets(model); t++) {
        const rcr_conformal *c = &model->conformal[t];
        snprintf(prefix, sizeof prefix, "conformal.%zu.", t);
        add_integer(m, prefix, "n", (int64_t)c->n);
        add_integer(m, prefix, "scaled", c->scaled);
        add_double(m, prefix, "offset", c->offset);
    }
    if (model->conformal != NULL && rcr_model_has_mixed_transforms(model))
        add_text(m, "", RCR_FILE_SCORES_IN_UNITS, "1");
    if (model->domain != NULL && model->domain->n_features > 0)
        add_double(m, "", "domain.threshold", model->domain->threshold);
}

static void describe_model(rcr_model_pairs *m, const rcr_model *model, int with_trust) {
    add_text(m, "", "format", RCR_FILE_FORMAT);
    int extended = rcr_model_is_extended(model);
    add_text(m, "", "format_version", with_trust || extended ? RCR_FILE_VERSION_TRUST : RCR_FILE_VERSION);
    add_text(m, "", "program_version", RCR_VERSION);
    const rcr_model_options *o = &model->options;
    add_text(m, "", "architecture", rcr_file_architectures[o->architecture]);
    add_text(m, "", "task", rcr_file_tasks[o->task]);
    add_integer(m, "", "depth", o->depth);
    add_text(m, "", "gate", rcr_file_switches[o->gate != 0]);
    add_text(m, "", "layer_norm", rcr_file_switches[o->layer_norm != 0]);
    add_integer(m, "", "atom_features", o->atom_features);
    add_integer(m, "", "hidden", o->hidden);
    add_integer(m, "", "hidden_layers", o->hidden_layers);
    const rcr_graph_options *g = &model->graph;
    add_double(m, "", "graph.radius", g->radius);
    add_integer(m, "", "graph.max_neighbors", g->max_neighbors);
    add_double(m, "", "graph.dmin", g->dmin);
    add_double(m, "", "graph.step", g->step);
    add_text(m, "", "graph.padding", rcr_file_paddings[g->padding]);
    add_text(m, "", "graph.ties", rcr_file_ties[g->ties]);
    add_double(m, "", "graph.tie_tolerance", g->tie_tolerance);
    add_text(m, "", "graph.disorder", rcr_file_disorders[g->disorder]);
    add_text(m, "", "element_table.name", model->elements->name);
    if (extended) {
        add_integer(m, "", "n_targets", o->n_targets);
        add_text(m, "", "variance", rcr_file_switches[o->variance != 0]);
    }
    for (int32_t k = 0; k < o->n_targets; k++) {
        char key[2 * RCR_FILE_NAME];
        rcr_file_target_key(key, "", k, "name");
        add_text(m, "", key, model->targets[k].name);
        rcr_file_target_key(key, "", k, "unit");
        add_text(m, "", key, model->targets[k].unit);
    }
    describe_network(m, "", model, extended);
    if (with_trust) describe_trust(m, model);
}

rcr_status rcr_model_describe_pairs(rcr_model_pairs *out, const rcr_model *model, rcr_error *err) {
    rcr_model_pairs m = {0};
    describe_model(&m, model, 0);
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

/* Tensors as the file has them, with names and bytes of their own. */
typedef struct collector {
    rcr_st_tensor *tensor;
    char (*name)[RCR_FILE_NAME];
    unsigned char *bytes, *at;
    size_t n;
} collector;

static void release_collector(collector *c) {
    rcr_free(c->tensor);
    rcr_free(c->name);
    rcr_free(c->bytes);
}

/* The next tensor, whose data the caller puts at c->at. */
static rcr_st_tensor *add_tensor(collector *c, const char *dtype, const char *name, int32_t rank, size_t rows,
                                 size_t columns) {
    rcr_st_tensor *tensor = &c->tensor[c->n];
    snprintf(c->name[c->n], RCR_FILE_NAME, "%s", name);
    *tensor = (rcr_st_tensor){.name = c->name[c->n], .rank = rank, .data = c->at};
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", dtype);
    tensor->shape[0] = (int64_t)rows;
    tensor->shape[1] = rank == 2 ? (int64_t)columns : 0;
    tensor->count = rank == 2 ? rows * columns : rows;
    c->n++;
    return tensor;
}

static void add_doubles(collector *c, const char *name, int32_t rank, size_t rows, size_t columns,
                        const double *values) {
    const rcr_st_tensor *tensor = add_tensor(c, "F64", name, rank, rows, columns);
    c->at = put_doubles(c->at, values, tensor->count);
}

static void add_bytes(collector *c, const char *name, const uint8_t *values, size_t n) {
    add_tensor(c, "U8", name, 1, n, 0);
    memcpy(c->at, values, n);
    c->at += n;
}

static void add_network(collector *c, const rcr_model *model, size_t member) {
    char prefix[RCR_FILE_NAME], name[2 * RCR_FILE_NAME];
    rcr_file_member_prefix(prefix, member);
    for (size_t i = 0; i < model->n_tensors + model->n_buffers; i++) {
        int is_buffer = i >= model->n_tensors;
        const rcr_tensor *from = is_buffer ? &model->buffer[i - model->n_tensors] : &model->tensor[i];
        const rcr_real *values = (is_buffer ? model->buffers : model->parameters) + from->offset;
        snprintf(name, sizeof name, "%s%s", prefix, from->name);
        add_tensor(c, sizeof(rcr_real) == 8 ? "F64" : "F32", name, from->rank, (size_t)from->shape[0],
                   (size_t)from->shape[1]);
        c->at = put_reals(c->at, values, from->count);
    }
}

/* Bytes of all tensors. */
static size_t size_of_data(const rcr_model *model) {
    size_t n_table = (size_t)RCR_FILE_TABLE_LENGTH * (size_t)model->elements->n_features;
    size_t size = n_table * 8 + model->n_members * (model->n_parameters + model->n_buffer_values) * sizeof(rcr_real);
    for (size_t t = 0; model->conformal != NULL && t < rcr_model_n_targets(model); t++)
        size += model->conformal[t].n_scores * 8;
    size_t F = model->domain != NULL ? (size_t)model->domain->n_features : 0;
    return size + (F + F * (F + 1) / 2) * 8 + (size_t)2 * RCR_FILE_TABLE_LENGTH;
}

/* All tensors of the model, widest type first. */
static rcr_status collect_tensors(collector *c, const rcr_model *model, rcr_error *err) {
    size_t n = model->n_tensors + model->n_buffers + 2 + rcr_model_trust_tensors(model);
    *c = (collector){0};
    c->tensor = rcr_calloc(n, sizeof *c->tensor);
    c->name = rcr_calloc(n, sizeof *c->name);
    c->at = c->bytes = rcr_malloc(size_of_data(model), 1);
    if (c->tensor == NULL || c->name == NULL || c->bytes == NULL) return rcr_fail_memory(err, "writing a model");
    add_doubles(c, RCR_FILE_TABLE_ROWS, 2, RCR_FILE_TABLE_LENGTH, (size_t)model->elements->n_features,
                model->elements->row);
    for (size_t t = 0; model->conformal != NULL && t < rcr_model_n_targets(model); t++) {
        char name[RCR_FILE_NAME];
        rcr_file_score_name(name, t);
        add_doubles(c, name, 1, model->conformal[t].n_scores, 0, model->conformal[t].score);
    }
    size_t F = model->domain != NULL ? (size_t)model->domain->n_features : 0;
    if (F > 0) {
        add_doubles(c, RCR_FILE_DOMAIN_MEAN, 1, F, 0, model->domain->mean);
        add_doubles(c, RCR_FILE_DOMAIN_WHITEN, 1, F * (F + 1) / 2, 0, model->domain->whiten);
    }
    for (size_t m = 0; m < model->n_members; m++) add_network(c, rcr_model_member(model, m), m);
    add_bytes(c, RCR_FILE_TABLE_KNOWN, model->elements->known, RCR_FILE_TABLE_LENGTH);
    if (model->domain != NULL) add_bytes(c, RCR_FILE_DOMAIN_ELEMENTS, model->domain->element, RCR_FILE_TABLE_LENGTH);
    return RCR_OK;
}

rcr_status rcr_model_pack(char **out, size_t *length, const rcr_model *model, rcr_error *err) {
    RCR_OWN_FLOATING;
    collector c;
    rcr_status status = collect_tensors(&c, model, err);
    if (status != RCR_OK) {
        release_collector(&c);
        return status;
    }
    rcr_model_pairs m = {0};
    describe_model(&m, model, rcr_model_has_trust(model));
    char checksum[65];
    if (!m.failed)
        status = rcr_model_checksum(checksum, c.tensor, c.n, (const char *const *)m.key, (const char *const *)m.value,
                                    m.n, err);
    if (status == RCR_OK && !m.failed) add_text(&m, "", "checksum", checksum);
    if (m.failed) status = rcr_fail_memory(err, "writing a model");
    if (status == RCR_OK)
        status = rcr_safetensors_write(out, length, c.tensor, c.n, (const char *const *)m.key,
                                       (const char *const *)m.value, m.n, err);
    rcr_model_pairs_release(&m);
    release_collector(&c);
    return status;
}

rcr_status rcr_model_save(const rcr_model *model, const char *path, rcr_error *err) {
    RCR_OWN_FLOATING;
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status = rcr_model_pack(&bytes, &length, model, err);
    if (status == RCR_OK) status = rcr_file_write(path, bytes, length, err);
    rcr_free(bytes);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    return status;
}
