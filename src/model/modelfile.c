/* Model files: one .safetensors file with all that is needed to predict (docs/model-file.md). */
#include "model/modelfile_private.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "model/forecast.h"

#define MAX_FILE_BYTES ((size_t)1 << 31)
enum { MAX_ELEMENT_FEATURES = 4096 };

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
    TRY(get_choice(&choice, file, "architecture", rcr_file_architectures, err));
    o->architecture = (rcr_architecture)choice;
    TRY(get_choice(&choice, file, "task", rcr_file_tasks, err));
    o->task = (rcr_task_kind)choice;
    TRY(get_int32(&o->depth, file, "depth", err));
    TRY(get_int32(&o->gate, file, "gate", err));
    TRY(get_int32(&o->layer_norm, file, "layer_norm", err));
    TRY(get_int32(&o->atom_features, file, "atom_features", err));
    TRY(get_int32(&o->hidden, file, "hidden", err));
    TRY(get_int32(&o->hidden_layers, file, "hidden_layers", err));
    o->n_targets = 1;
    if (rcr_safetensors_meta(file, "n_targets") != NULL) {
        TRY(get_int32(&o->n_targets, file, "n_targets", err));
        TRY(get_int32(&o->variance, file, "variance", err));
        if (o->n_targets < 1) return rcr_fail(err, RCR_ERR_PARSE, "the model file has no target");
    }
    TRY(get_double(&g->radius, file, "graph.radius", err));
    TRY(get_int32(&g->max_neighbors, file, "graph.max_neighbors", err));
    TRY(get_double(&g->dmin, file, "graph.dmin", err));
    TRY(get_double(&g->step, file, "graph.step", err));
    TRY(get_choice(&choice, file, "graph.padding", rcr_file_paddings, err));
    g->padding = (rcr_padding)choice;
    TRY(get_choice(&choice, file, "graph.ties", rcr_file_ties, err));
    g->ties = (rcr_ties)choice;
    TRY(get_double(&g->tie_tolerance, file, "graph.tie_tolerance", err));
    g->disorder = RCR_DISORDER_REFUSE; /* models made before there was a choice do not say */
    if (rcr_safetensors_meta(file, "graph.disorder") != NULL) {
        TRY(get_choice(&choice, file, "graph.disorder", rcr_file_disorders, err));
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

static rcr_status read_tensor(rcr_real *values, const char *prefix, const rcr_tensor *tensor,
                              const rcr_safetensors *file, rcr_error *err) {
    char name[2 * RCR_FILE_NAME];
    snprintf(name, sizeof name, "%s%s", prefix, tensor->name);
    const rcr_st_tensor *from = rcr_safetensors_find(file, name);
    if (from == NULL) return rcr_fail(err, RCR_ERR_PARSE, "the model file lacks the tensor \"%s\"", name);
    int same = from->rank == tensor->rank && (strcmp(from->dtype, "F32") == 0 || strcmp(from->dtype, "F64") == 0);
    for (int32_t d = 0; same && d < tensor->rank; d++) same = from->shape[d] == tensor->shape[d];
    if (!same)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "tensor \"%s\" of the model file has another type or shape than its options "
                        "demand",
                        name);
    return read_reals(values + tensor->offset, from, err);
}

/* table->row is filled and freed by the caller. */
static rcr_status read_elements(rcr_element_table *table, const rcr_safetensors *file, rcr_error *err) {
    const rcr_st_tensor *row = rcr_safetensors_find(file, RCR_FILE_TABLE_ROWS),
                        *known = rcr_safetensors_find(file, RCR_FILE_TABLE_KNOWN);
    if (row == NULL || known == NULL || strcmp(row->dtype, "F64") != 0 || strcmp(known->dtype, "U8") != 0 ||
        row->rank != 2 || row->shape[0] != RCR_FILE_TABLE_LENGTH || row->shape[1] < 1 ||
        row->shape[1] > MAX_ELEMENT_FEATURES || known->rank != 1 || known->shape[0] != RCR_FILE_TABLE_LENGTH)
        return rcr_fail(err, RCR_ERR_PARSE, "the model file's element table is missing or has a wrong type or shape");
    const char *name;
    TRY(get_text(&name, file, "element_table.name", err));
    snprintf(table->name, sizeof table->name, "%s", name);
    table->n_features = (int32_t)row->shape[1];
    memcpy(table->known, known->data, RCR_FILE_TABLE_LENGTH);
    for (int z = 0; z < RCR_FILE_TABLE_LENGTH; z++)
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

static rcr_status read_weights(rcr_model *model, const char *prefix, const rcr_safetensors *file, rcr_error *err) {
    for (size_t i = 0; i < model->n_tensors; i++)
        TRY(read_tensor(model->parameters, prefix, &model->tensor[i], file, err));
    for (size_t i = 0; i < model->n_buffers; i++) {
        const rcr_tensor *buffer = &model->buffer[i];
        TRY(read_tensor(model->buffers, prefix, buffer, file, err));
        if (!rcr_ends_with(buffer->name, ".running_var")) continue;
        for (size_t j = 0; j < buffer->count; j++)
            if (model->buffers[buffer->offset + j] < 0)
                return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%s\" of the model holds a negative variance",
                                buffer->name);
    }
    return RCR_OK;
}

/* "PREFIXname" in the buffer. */
static const char *with_prefix(char buffer[2 * RCR_FILE_NAME], const char *prefix, const char *name) {
    snprintf(buffer, 2 * RCR_FILE_NAME, "%s%s", prefix, name);
    return buffer;
}

static rcr_status read_transform(rcr_transform *transform, const char *prefix, int32_t k, const rcr_safetensors *file,
                                 rcr_error *err) {
    char key[2 * RCR_FILE_NAME];
    int choice = 0;
    if (rcr_safetensors_meta(file, "n_targets") == NULL) return RCR_OK;
    rcr_file_target_key(key, prefix, k, "transform");
    TRY(get_choice(&choice, file, key, rcr_transform_names, err));
    transform->kind = (rcr_transform_kind)choice;
    if (!rcr_transform_has_parameter(transform->kind)) return RCR_OK;
    rcr_file_target_key(key, prefix, k, "transform_parameter");
    TRY(get_double(&transform->parameter, file, key, err));
    int is_size = transform->kind == RCR_TRANSFORM_ASINH;
    if (is_size ? !(transform->parameter > 0) : !(transform->parameter >= 0 && transform->parameter <= 2))
        return rcr_fail(err, RCR_ERR_PARSE, "\"%s\" in the model file's metadata is not %s", key,
                        is_size ? "above 0" : "between 0 and 2");
    return RCR_OK;
}

static rcr_status read_scale(rcr_scale *scale, const char *prefix, int32_t k, const rcr_safetensors *file,
                             rcr_error *err) {
    char key[2 * RCR_FILE_NAME];
    rcr_file_target_key(key, prefix, k, "mean");
    TRY(get_double(&scale->normalizer.mean, file, key, err));
    rcr_file_target_key(key, prefix, k, "std");
    TRY(get_double(&scale->normalizer.std, file, key, err));
    if (!(scale->normalizer.std > 0))
        return rcr_fail(err, RCR_ERR_PARSE, "the target's standard deviation in the model file is not above 0");
    return read_transform(&scale->transform, prefix, k, file, err);
}

/* The weights of one network, and what else the networks of an ensemble have apart from each other. */
static rcr_status read_network(rcr_model *model, size_t member, const rcr_safetensors *file, rcr_error *err) {
    char prefix[RCR_FILE_NAME], key[2 * RCR_FILE_NAME];
    rcr_file_member_prefix(prefix, member);
    TRY(read_weights(model, prefix, file, err));
    for (int32_t k = 0; k < model->options.n_targets; k++)
        TRY(read_scale(&model->targets[k].scale, prefix, k, file, err));
    TRY(get_integer(&model->n_batches_tracked, file, with_prefix(key, prefix, "n_batches_tracked"), 0, INT64_MAX, err));
    with_prefix(key, prefix, RCR_FILE_FREE_PREFIX);
    size_t n_prefix = strlen(key);
    for (size_t i = 0; i < file->n_meta; i++)
        if (strncmp(file->meta_key[i], key, n_prefix) == 0)
            TRY(rcr_model_add_meta(model, file->meta_key[i] + n_prefix, file->meta_value[i], err));
    return RCR_OK;
}

static rcr_status read_targets(rcr_model *model, const rcr_safetensors *file, rcr_error *err) {
    for (int32_t k = 0; k < model->options.n_targets; k++) {
        const char *target, *unit;
        char key[2 * RCR_FILE_NAME];
        rcr_file_target_key(key, "", k, "name");
        TRY(get_text(&target, file, key, err));
        rcr_file_target_key(key, "", k, "unit");
        TRY(get_text(&unit, file, key, err));
        TRY(rcr_model_set_target_at(model, k, target, unit, err));
    }
    return RCR_OK;
}

/* ---- members, intervals and domain, all of which may be absent */

static rcr_status read_members(rcr_model *model, const rcr_safetensors *file, size_t length, rcr_error *err) {
    int64_t n = 1;
    if (rcr_safetensors_meta(file, "n_members") == NULL) return RCR_OK;
    TRY(get_integer(&n, file, "n_members", 2, (int64_t)RCR_MODEL_MAX_MEMBERS, err));
    if (model->n_parameters > length / 4 / (size_t)n)
        return rcr_fail(err, RCR_ERR_PARSE, "the model file is too short for the %lld networks it should hold",
                        (long long)n);
    model->member = rcr_calloc((size_t)n - 1, sizeof(rcr_model *));
    if (model->member == NULL) return rcr_fail_memory(err, "reading a model");
    model->n_members = (size_t)n;
    for (size_t m = 1; m < model->n_members; m++) {
        rcr_model **member = &model->member[m - 1];
        TRY(rcr_model_create_blank(member, &model->options, &model->graph, model->elements, model->n_parameters, err));
        TRY(rcr_model_copy_targets(*member, model, err));
        TRY(read_network(*member, m, file, err));
    }
    return RCR_OK;
}

/* A tensor of `count` finite F64 numbers of rank 1. */
static rcr_status read_doubles(double **out, size_t count, const rcr_safetensors *file, const char *name,
                               rcr_error *err) {
    const rcr_st_tensor *from = rcr_safetensors_find(file, name);
    if (from == NULL || strcmp(from->dtype, "F64") != 0 || from->rank != 1 || from->count != count)
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%s\" of the model file is missing or of a wrong type or shape",
                        name);
    double *values = rcr_malloc(from->count, sizeof *values);
    if (values == NULL) return rcr_fail_memory(err, "reading a model");
    for (size_t i = 0; i < from->count; i++) {
        values[i] = rcr_st_value(from, i);
        if (isfinite(values[i])) continue;
        rcr_free(values);
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%s\" of the model holds a value that is not a finite number",
                        name);
    }
    *out = values;
    return RCR_OK;
}

static rcr_status read_scores(rcr_conformal *c, size_t target, const rcr_safetensors *file, rcr_error *err) {
    char prefix[RCR_FILE_NAME], key[2 * RCR_FILE_NAME], name[RCR_FILE_NAME];
    int64_t n = 0, scaled = 0;
    snprintf(prefix, sizeof prefix, "conformal.%zu.", target);
    TRY(get_integer(&n, file, with_prefix(key, prefix, "n"), 1, (int64_t)1 << 40, err));
    TRY(get_integer(&scaled, file, with_prefix(key, prefix, "scaled"), 0, 1, err));
    TRY(get_double(&c->offset, file, with_prefix(key, prefix, "offset"), err));
    c->n = (size_t)n;
    c->scaled = (int)scaled;
    c->n_scores = c->n < RCR_CONFORMAL_SCORES ? c->n : RCR_CONFORMAL_SCORES;
    rcr_file_score_name(name, target);
    TRY(read_doubles(&c->score, c->n_scores, file, name, err));
    int wrong = c->scaled ? !(c->offset > 0) : c->offset != 0;
    for (size_t k = 0; k < c->n_scores; k++) wrong |= c->score[k] < (k > 0 ? c->score[k - 1] : 0);
    return wrong ? rcr_fail(err, RCR_ERR_PARSE, "the scores of the model file's intervals make no sense") : RCR_OK;
}

static rcr_status read_conformal(rcr_model *model, const rcr_safetensors *file, rcr_error *err) {
    if (rcr_safetensors_meta(file, "conformal.0.n") == NULL) return RCR_OK;
    TRY(rcr_model_reset_conformal(model, err));
    for (size_t t = 0; t < rcr_model_n_targets(model); t++) TRY(read_scores(&model->conformal[t], t, file, err));
    return RCR_OK;
}

/* Scores of networks with unlike transforms were once of the first one's, and are of no use to intervals as they are.
 */
static void drop_unlike_scores(rcr_model *model, const rcr_safetensors *file) {
    if (rcr_model_has_mixed_transforms(model) && rcr_safetensors_meta(file, RCR_FILE_SCORES_IN_UNITS) == NULL)
        rcr_model_drop_intervals(model);
}

static rcr_status read_domain(rcr_model *model, const rcr_safetensors *file, rcr_error *err) {
    const rcr_st_tensor *element = rcr_safetensors_find(file, RCR_FILE_DOMAIN_ELEMENTS);
    if (element == NULL) return RCR_OK;
    if (strcmp(element->dtype, "U8") != 0 || element->rank != 1 || element->count != RCR_FILE_TABLE_LENGTH)
        return rcr_fail(err, RCR_ERR_PARSE, "the model file's list of training elements has a wrong type or shape");
    rcr_domain *d = model->domain = rcr_calloc(1, sizeof *d);
    if (d == NULL) return rcr_fail_memory(err, "reading a model");
    memcpy(d->element, element->data, RCR_FILE_TABLE_LENGTH);
    for (int z = 0; z < RCR_FILE_TABLE_LENGTH; z++)
        if (d->element[z] > 1)
            return rcr_fail(err, RCR_ERR_PARSE, "the model file's list of training elements is damaged");
    if (rcr_safetensors_find(file, RCR_FILE_DOMAIN_MEAN) == NULL) return RCR_OK;
    size_t F = (size_t)model->options.atom_features, triangle = F * (F + 1) / 2;
    TRY(read_doubles(&d->mean, F, file, RCR_FILE_DOMAIN_MEAN, err));
    TRY(read_doubles(&d->whiten, triangle, file, RCR_FILE_DOMAIN_WHITEN, err));
    TRY(get_double(&d->threshold, file, "domain.threshold", err));
    if (!(d->threshold > 0)) return rcr_fail(err, RCR_ERR_PARSE, "the model file's domain.threshold is not above 0");
    d->n_features = model->options.atom_features;
    return RCR_OK;
}

/* That it is a model file, of a version known here, and undamaged. */
static rcr_status check_file(const rcr_safetensors *file, rcr_error *err) {
    const char *format = rcr_safetensors_meta(file, "format"), *version = rcr_safetensors_meta(file, "format_version");
    if (format == NULL || strcmp(format, RCR_FILE_FORMAT) != 0)
        return rcr_fail(err, RCR_ERR_PARSE, "a safetensors file, but not a recryst model");
    if (version == NULL || (strcmp(version, RCR_FILE_VERSION) != 0 && strcmp(version, RCR_FILE_VERSION_TRUST) != 0))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "a model file of format version \"%.16s\"; this program reads versions %s and %s",
                        version != NULL ? version : "", RCR_FILE_VERSION, RCR_FILE_VERSION_TRUST);
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
    if (status != RCR_OK) return status;
    TRY(read_targets(*model, file, err));
    TRY(read_network(*model, 0, file, err));
    TRY(read_members(*model, file, length, err));
    TRY(read_conformal(*model, file, err));
    TRY(read_domain(*model, file, err));
    size_t n = (*model)->n_tensors + (*model)->n_buffers + 2 + rcr_model_trust_tensors(*model);
    if (file->n_tensors != n)
        return rcr_fail(err, RCR_ERR_PARSE, "the model file has %zu tensors where its options demand %zu",
                        file->n_tensors, n);
    return RCR_OK;
}

rcr_status rcr_model_parse(rcr_model **out, const void *bytes, size_t length, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_safetensors *file = NULL;
    if (!rcr_safetensors_begins(bytes, length))
        return rcr_fail(
            err, RCR_ERR_PARSE,
            "this is no model file (.safetensors); recryst import makes one of a checkpoint (.pth.tar, .ckpt)");
    TRY(rcr_safetensors_parse(&file, bytes, length, err));
    rcr_element_table table = {0};
    rcr_model *model = NULL;
    rcr_status status = read_model(&model, &table, file, length, err);
    if (status == RCR_OK) drop_unlike_scores(model, file);
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
    RCR_OWN_FLOATING;
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
        status = rcr_fail(err, RCR_ERR_IO, "%s",
                          rcr_is_file_in(path, "member-1/model.safetensors")
                              ? "a folder without model.safetensors: an ensemble of which not all networks are "
                                "trained; member-1 is the first of them"
                              : "a folder without model.safetensors: not a run, or one that has not finished "
                                "its first epoch");
    else
        status = rcr_file_read(&bytes, &length, full.data, MAX_FILE_BYTES, err);
    if (status == RCR_OK) status = rcr_model_parse(out, bytes, length, err);
    if (status != RCR_OK) rcr_error_set_file(err, full.data);
    rcr_free(bytes);
    rcr_text_free(&full);
    return status;
}
