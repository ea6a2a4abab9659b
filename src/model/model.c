#include "model/model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "graph/graph.h"

enum { MAX_DEPTH = 1000, MAX_ATOM_FEATURES = 4096, MAX_HIDDEN = 16384, MAX_HIDDEN_LAYERS = 100 };

rcr_model_options rcr_model_options_default(void) {
    return (rcr_model_options){.architecture = RCR_SR_CGCNN,
                               .task = RCR_REGRESSION,
                               .depth = 3,
                               .atom_features = 64,
                               .hidden = 128,
                               .hidden_layers = 1,
                               .n_targets = 1};
}

static rcr_status check_range(const char *what, int32_t value, int32_t most, rcr_error *err) {
    if (value >= 1 && value <= most) return RCR_OK;
    return rcr_fail(err, RCR_ERR_ARGUMENT, "the %s must be 1 to %d, not %d", what, (int)most, (int)value);
}

rcr_status rcr_model_options_check(const rcr_model_options *options, rcr_error *err) {
    if (options->architecture != RCR_SR_CGCNN && options->architecture != RCR_CGCNN)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "unknown architecture number %d", (int)options->architecture);
    if (options->task != RCR_REGRESSION && options->task != RCR_CLASSIFICATION)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "unknown task number %d", (int)options->task);
    rcr_status status = check_range(options->architecture == RCR_CGCNN ? "number of layers" : "number of steps",
                                    options->depth, MAX_DEPTH, err);
    if (status == RCR_OK)
        status = check_range("number of atom features", options->atom_features, MAX_ATOM_FEATURES, err);
    if (status == RCR_OK) status = check_range("width of the hidden layers", options->hidden, MAX_HIDDEN, err);
    if (status == RCR_OK)
        status = check_range("number of hidden layers", options->hidden_layers, MAX_HIDDEN_LAYERS, err);
    if (status != RCR_OK) return status;
    if ((options->gate != 0 && options->gate != 1) || (options->layer_norm != 0 && options->layer_norm != 1))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the gate and the LayerNorm are either off (0) or on (1)");
    if (options->architecture == RCR_CGCNN && (options->gate || options->layer_norm))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the gate and the LayerNorm belong to SR-CGCNN; CGCNN has neither");
    if (options->n_targets != 0) status = check_range("number of targets", options->n_targets, RCR_MAX_TARGETS, err);
    if (status != RCR_OK) return status;
    if (options->variance != 0 && options->variance != 1)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the variance is either not predicted (0) or predicted (1)");
    if (options->task == RCR_CLASSIFICATION && (options->n_targets > 1 || options->variance))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a classification has one target, and no variance");
    return RCR_OK;
}

/* ---- the list of tensors; walked once to count and once, with the arrays there, to fill them */

typedef struct layout {
    rcr_model *model;
    rcr_rng *rng; /* NULL: linear layers stay 0 */
    int counting;
    size_t n_tensors, n_buffers;
    int64_t n_values, n_buffer_values;
} layout;

typedef struct tensor_spec {
    int32_t rank, shape[2];
    int is_conv, is_buffer;
    int32_t fan_in; /* > 0: uniform in +-1/sqrt(fan_in); 0: constant */
    double constant;
} tensor_spec;

/* Uniform values are drawn and scaled in double, so that the float and the double build start from the same weights. */
static void fill_values(rcr_real *values, size_t n, const tensor_spec *spec, rcr_rng *rng) {
    double bound = spec->fan_in > 0 ? 1.0 / sqrt((double)spec->fan_in) : 0;
    for (size_t i = 0; i < n; i++) {
        if (spec->fan_in == 0)
            values[i] = (rcr_real)spec->constant;
        else if (rng != NULL)
            values[i] = (rcr_real)((2 * rcr_rng_uniform(rng) - 1) * bound);
    }
}

static void add_tensor(layout *l, tensor_spec spec, const char *format, ...) {
    int64_t count = (int64_t)spec.shape[0] * (spec.rank == 2 ? spec.shape[1] : 1);
    int64_t *n_values = spec.is_buffer ? &l->n_buffer_values : &l->n_values;
    size_t *n_tensors = spec.is_buffer ? &l->n_buffers : &l->n_tensors;
    if (!l->counting) {
        rcr_tensor *tensor = (spec.is_buffer ? l->model->buffer : l->model->tensor) + *n_tensors;
        va_list args;
        va_start(args, format);
        vsnprintf(tensor->name, sizeof tensor->name, format, args);
        va_end(args);
        tensor->rank = spec.rank;
        tensor->shape[0] = spec.shape[0];
        tensor->shape[1] = spec.rank == 2 ? spec.shape[1] : 1;
        tensor->offset = (size_t)*n_values;
        tensor->count = (size_t)count;
        tensor->is_conv = spec.is_conv;
        rcr_real *values = (spec.is_buffer ? l->model->buffers : l->model->parameters) + *n_values;
        fill_values(values, tensor->count, &spec, l->rng);
    }
    *n_values += count;
    ++*n_tensors;
}

static void add_linear(layout *l, const char *name, int32_t n_out, int32_t n_in, int is_conv) {
    add_tensor(l, (tensor_spec){.rank = 2, .shape = {n_out, n_in}, .is_conv = is_conv, .fan_in = n_in}, "%s.weight",
               name);
    add_tensor(l, (tensor_spec){.rank = 1, .shape = {n_out}, .is_conv = is_conv, .fan_in = n_in}, "%s.bias", name);
}

static void add_norm(layout *l, const char *name, int32_t n, int is_batch_norm) {
    add_tensor(l, (tensor_spec){.rank = 1, .shape = {n}, .is_conv = is_batch_norm, .constant = 1}, "%s.weight", name);
    add_tensor(l, (tensor_spec){.rank = 1, .shape = {n}, .is_conv = is_batch_norm, .constant = 0}, "%s.bias", name);
    if (!is_batch_norm) return;
    add_tensor(l, (tensor_spec){.rank = 1, .shape = {n}, .is_buffer = 1, .constant = 0}, "%s.running_mean", name);
    add_tensor(l, (tensor_spec){.rank = 1, .shape = {n}, .is_buffer = 1, .constant = 1}, "%s.running_var", name);
}

static void add_cgcnn_convolutions(layout *l, const rcr_model_options *o, int32_t K) {
    char name[48];
    int32_t F = o->atom_features;
    for (int t = 0; t < o->depth; t++) {
        snprintf(name, sizeof name, "convs.%d.fc_full", t);
        add_linear(l, name, 2 * F, 2 * F + K, 1);
        snprintf(name, sizeof name, "convs.%d.bn1", t);
        add_norm(l, name, 2 * F, 1);
        snprintf(name, sizeof name, "convs.%d.bn2", t);
        add_norm(l, name, F, 1);
    }
}

static void add_sr_cgcnn_convolutions(layout *l, const rcr_model_options *o, int32_t K) {
    char name[48];
    int32_t F = o->atom_features;
    add_linear(l, "shared_conv.fc_full", 2 * F, 2 * F + K, 1);
    for (int t = 0; t < o->depth; t++) {
        snprintf(name, sizeof name, "recurrent_bn1s.%d", t);
        add_norm(l, name, 2 * F, 1);
    }
    for (int t = 0; t < o->depth; t++) {
        snprintf(name, sizeof name, "recurrent_bn2s.%d", t);
        add_norm(l, name, F, 1);
    }
    if (o->layer_norm) add_norm(l, "recurrent_norm", F, 0);
}

/* The order of PyTorch's state_dict in the reference programs: a module's own parameters come before its children's, so
 * the gate is first. */
static void lay_out(layout *l, const rcr_model *model, int32_t n_element_features) {
    const rcr_model_options *o = &model->options;
    if (o->gate) add_tensor(l, (tensor_spec){.rank = 1, .shape = {o->depth}, .constant = 1}, "recurrent_alpha");
    add_linear(l, "embedding", o->atom_features, n_element_features, 0);
    if (o->architecture == RCR_CGCNN)
        add_cgcnn_convolutions(l, o, model->n_gaussians);
    else
        add_sr_cgcnn_convolutions(l, o, model->n_gaussians);
    add_linear(l, "conv_to_fc", o->hidden, o->atom_features, 0);
    for (int i = 0; i + 1 < o->hidden_layers; i++) {
        char name[48];
        snprintf(name, sizeof name, "fcs.%d", i);
        add_linear(l, name, o->hidden, o->hidden, 0);
    }
    add_linear(l, "fc_out", model->n_outputs, o->hidden, 0);
}

static rcr_status allocate_tensors(rcr_model *model, size_t max_parameters, rcr_rng *rng, rcr_error *err) {
    layout count = {.model = model, .counting = 1};
    lay_out(&count, model, model->elements->n_features);
    if ((uint64_t)count.n_values > max_parameters)
        return rcr_fail(err, RCR_ERR_LIMIT, "these options make %lld parameters, more than %zu",
                        (long long)count.n_values, max_parameters);
    model->n_tensors = count.n_tensors;
    model->n_buffers = count.n_buffers;
    model->n_parameters = (size_t)count.n_values;
    model->n_buffer_values = (size_t)count.n_buffer_values;
    model->tensor = rcr_calloc(model->n_tensors, sizeof *model->tensor);
    model->buffer = rcr_calloc(model->n_buffers, sizeof *model->buffer);
    model->parameters = rcr_calloc_aligned(model->n_parameters, sizeof *model->parameters);
    model->buffers = rcr_calloc_aligned(model->n_buffer_values, sizeof *model->buffers);
    if (model->tensor == NULL || model->buffer == NULL || model->parameters == NULL || model->buffers == NULL)
        return rcr_fail_memory(err, "making a model");
    layout fill = {.model = model, .rng = rng};
    lay_out(&fill, model, model->elements->n_features);
    return RCR_OK;
}

static rcr_status make_targets(rcr_model *model, rcr_error *err) {
    model->targets = rcr_calloc((size_t)model->options.n_targets, sizeof *model->targets);
    rcr_status status = model->targets != NULL ? RCR_OK : rcr_fail_memory(err, "making a model");
    for (int32_t k = 0; k < model->options.n_targets && status == RCR_OK; k++) {
        model->targets[k].scale.normalizer = (rcr_normalizer){.mean = 0, .std = 1};
        status = rcr_model_set_target_at(model, k, "", "", err);
    }
    return status;
}

static rcr_status make(rcr_model **out, const rcr_model_options *options, const rcr_graph_options *graph,
                       const rcr_element_table *elements, size_t max_parameters, rcr_rng *rng, rcr_error *err) {
    rcr_status status = rcr_model_options_check(options, err);
    if (status == RCR_OK) status = rcr_graph_options_check(graph, err);
    if (status != RCR_OK) return status;
    rcr_model *model = rcr_calloc(1, sizeof *model);
    if (model == NULL) return rcr_fail_memory(err, "making a model");
    model->n_members = 1;
    model->level = RCR_MODEL_LEVEL;
    model->options = *options;
    model->graph = *graph;
    model->n_gaussians = rcr_graph_options_n_gaussians(graph);
    if (model->options.n_targets == 0) model->options.n_targets = 1;
    model->n_outputs = options->task == RCR_CLASSIFICATION ? 2 : model->options.n_targets * (1 + options->variance);
    status = make_targets(model, err);
    if (status == RCR_OK) status = rcr_element_table_copy(&model->elements, elements, err);
    if (status == RCR_OK) status = allocate_tensors(model, max_parameters, rng, err);
    if (status != RCR_OK) {
        rcr_model_free(model);
        return status;
    }
    *out = model;
    return RCR_OK;
}

rcr_status rcr_model_create(rcr_model **out, const rcr_model_options *options, const rcr_graph_options *graph,
                            const rcr_element_table *elements, uint64_t seed, rcr_error *err) {
    rcr_rng rng;
    rcr_rng_seed(&rng, seed, RCR_STREAM_WEIGHTS);
    return make(out, options, graph, elements, RCR_MODEL_MAX_PARAMETERS, &rng, err);
}

rcr_status rcr_model_create_blank(rcr_model **out, const rcr_model_options *options, const rcr_graph_options *graph,
                                  const rcr_element_table *elements, size_t max_parameters, rcr_error *err) {
    if (max_parameters > RCR_MODEL_MAX_PARAMETERS) max_parameters = RCR_MODEL_MAX_PARAMETERS;
    return make(out, options, graph, elements, max_parameters, NULL, err);
}

void rcr_model_free(rcr_model *model) {
    if (model == NULL) return;
    rcr_element_table_free(model->elements);
    for (int32_t k = 0; k < model->options.n_targets && model->targets != NULL; k++) {
        rcr_free(model->targets[k].name);
        rcr_free(model->targets[k].unit);
    }
    rcr_free(model->targets);
    rcr_free(model->tensor);
    rcr_free(model->parameters);
    rcr_free(model->buffer);
    rcr_free(model->buffers);
    for (size_t i = 0; i < model->n_meta; i++) {
        rcr_free(model->meta[i].key);
        rcr_free(model->meta[i].value);
    }
    rcr_free(model->meta);
    rcr_model_drop_calibration(model);
    for (size_t i = 0; i + 1 < model->n_members; i++) rcr_model_free(model->member[i]);
    rcr_free(model->member);
    rcr_free(model);
}

const rcr_model *rcr_model_member(const rcr_model *model, size_t m) { return m == 0 ? model : model->member[m - 1]; }

size_t rcr_model_n_targets(const rcr_model *model) { return (size_t)model->options.n_targets; }

void rcr_model_drop_intervals(rcr_model *model) {
    for (size_t t = 0; model->conformal != NULL && t < rcr_model_n_targets(model); t++)
        rcr_conformal_release(&model->conformal[t]);
    rcr_free(model->conformal);
    model->conformal = NULL;
}

rcr_status rcr_model_reset_conformal(rcr_model *model, rcr_error *err) {
    rcr_conformal *empty = rcr_calloc(rcr_model_n_targets(model), sizeof *empty);
    if (empty == NULL) return rcr_fail_memory(err, "calibrating intervals");
    rcr_model_drop_intervals(model);
    model->conformal = empty;
    return RCR_OK;
}

void rcr_model_drop_calibration(rcr_model *model) {
    rcr_model_drop_intervals(model);
    rcr_domain_free(model->domain);
    model->domain = NULL;
}

/* What a network of an ensemble shares with the others: members, intervals and domain. */
static rcr_status copy_company(rcr_model *copy, const rcr_model *model, rcr_error *err) {
    rcr_status status = RCR_OK;
    copy->level = model->level;
    if (model->n_members > 1) {
        copy->member = rcr_calloc(model->n_members - 1, sizeof(rcr_model *));
        if (copy->member == NULL) return rcr_fail_memory(err, "copying a model");
        copy->n_members = model->n_members;
    }
    for (size_t i = 0; i + 1 < model->n_members && status == RCR_OK; i++)
        status = rcr_model_copy(&copy->member[i], model->member[i], err);
    if (status == RCR_OK && model->conformal != NULL) status = rcr_model_reset_conformal(copy, err);
    for (size_t t = 0; model->conformal != NULL && t < rcr_model_n_targets(model) && status == RCR_OK; t++)
        status = rcr_conformal_copy(&copy->conformal[t], &model->conformal[t], err);
    if (status == RCR_OK && model->domain != NULL) status = rcr_domain_copy(&copy->domain, model->domain, err);
    return status;
}

rcr_status rcr_model_copy(rcr_model **out, const rcr_model *model, rcr_error *err) {
    rcr_model *copy = NULL;
    rcr_status status = make(&copy, &model->options, &model->graph, model->elements, model->n_parameters, NULL, err);
    if (status != RCR_OK) return status;
    memcpy(copy->parameters, model->parameters, model->n_parameters * sizeof *model->parameters);
    memcpy(copy->buffers, model->buffers, model->n_buffer_values * sizeof *model->buffers);
    copy->n_batches_tracked = model->n_batches_tracked;
    status = rcr_model_copy_targets(copy, model, err);
    for (size_t i = 0; i < model->n_meta && status == RCR_OK; i++)
        status = rcr_model_add_meta(copy, model->meta[i].key, model->meta[i].value, err);
    if (status == RCR_OK) status = copy_company(copy, model, err);
    if (status != RCR_OK) {
        rcr_model_free(copy);
        return status;
    }
    *out = copy;
    return RCR_OK;
}

const rcr_tensor *rcr_model_find(const rcr_model *model, const char *name, int *is_buffer) {
    for (size_t i = 0; i < model->n_tensors + model->n_buffers; i++) {
        int buffer = i >= model->n_tensors;
        const rcr_tensor *tensor = buffer ? &model->buffer[i - model->n_tensors] : &model->tensor[i];
        if (strcmp(tensor->name, name) != 0) continue;
        if (is_buffer != NULL) *is_buffer = buffer;
        return tensor;
    }
    return NULL;
}

rcr_status rcr_model_set_target(rcr_model *model, const char *target, const char *unit, rcr_error *err) {
    return rcr_model_set_target_at(model, 0, target, unit, err);
}

rcr_status rcr_model_set_target_at(rcr_model *model, int32_t k, const char *target, const char *unit, rcr_error *err) {
    rcr_status status = rcr_check_utf8("name of a target", target != NULL ? target : "", err);
    if (status == RCR_OK) status = rcr_check_utf8("unit of a target", unit != NULL ? unit : "", err);
    if (status != RCR_OK) return status;
    char *new_target = rcr_strdup(target != NULL ? target : "");
    char *new_unit = rcr_strdup(unit != NULL ? unit : "");
    if (new_target == NULL || new_unit == NULL) {
        rcr_free(new_target);
        rcr_free(new_unit);
        return rcr_fail_memory(err, "naming a model's target");
    }
    rcr_free(model->targets[k].name);
    rcr_free(model->targets[k].unit);
    model->targets[k].name = new_target;
    model->targets[k].unit = new_unit;
    return RCR_OK;
}

rcr_status rcr_model_copy_targets(rcr_model *model, const rcr_model *from, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (int32_t k = 0; k < model->options.n_targets && status == RCR_OK; k++) {
        model->targets[k].scale = from->targets[k].scale;
        status = rcr_model_set_target_at(model, k, from->targets[k].name, from->targets[k].unit, err);
    }
    return status;
}

static int is_a_name(const rcr_model *model, const char *label) {
    for (int32_t i = 0; i < model->options.n_targets; i++)
        if (strcmp(model->targets[i].name, label) == 0) return 1;
    return 0;
}

void rcr_target_label(rcr_text *out, const rcr_model *model, int32_t k) {
    const char *name = model->targets[k].name;
    int taken = name[0] == '\0';
    for (int32_t i = 0; i < k && !taken; i++) taken = strcmp(name, model->targets[i].name) == 0;
    if (!taken) {
        rcr_text_puts(out, name);
        return;
    }
    rcr_text number = {0};
    rcr_text_printf(&number, "%d", (int)k + 1);
    while (!number.failed && is_a_name(model, number.data)) rcr_text_puts(&number, "_");
    out->failed |= number.failed;
    if (!number.failed) rcr_text_puts(out, number.data);
    rcr_text_free(&number);
}

size_t rcr_model_n_values(const rcr_model *model) {
    return (size_t)model->options.n_targets * (model->options.variance ? 2 : 1);
}

int rcr_model_is_extended(const rcr_model *model) {
    if (model->options.variance) return 1;
    for (size_t m = 0; m < model->n_members; m++)
        for (int32_t k = 0; k < model->options.n_targets; k++)
            if (k > 0 || rcr_model_member(model, m)->targets[k].scale.transform.kind != RCR_TRANSFORM_NONE) return 1;
    return 0;
}

static rcr_meta *find_meta(const rcr_model *model, const char *key) {
    for (size_t i = 0; i < model->n_meta; i++)
        if (strcmp(model->meta[i].key, key) == 0) return &model->meta[i];
    return NULL;
}

/* A copy of the text in UTF-8; NULL: out of memory. */
static char *copy_utf8(const char *text) {
    if (rcr_is_utf8(text)) return rcr_strdup(text);
    rcr_text copy = {0};
    rcr_text_utf8(&copy, text);
    if (!copy.failed) return copy.data;
    rcr_text_free(&copy);
    return NULL;
}

rcr_status rcr_model_add_meta(rcr_model *model, const char *key, const char *value, rcr_error *err) {
    char *new_key = copy_utf8(key), *new_value = copy_utf8(value);
    rcr_meta *grown = NULL;
    if (new_key != NULL && new_value != NULL)
        grown = rcr_grow(model->meta, &model->meta_capacity, model->n_meta + 1, sizeof *model->meta);
    if (grown == NULL) {
        rcr_free(new_key);
        rcr_free(new_value);
        return rcr_fail_memory(err, "adding metadata to a model");
    }
    model->meta = grown;
    model->meta[model->n_meta++] = (rcr_meta){.key = new_key, .value = new_value};
    return RCR_OK;
}

rcr_status rcr_model_set_meta(rcr_model *model, const char *key, const char *value, rcr_error *err) {
    rcr_meta *old = find_meta(model, key);
    if (old == NULL) return rcr_model_add_meta(model, key, value, err);
    char *new_value = copy_utf8(value);
    if (new_value == NULL) return rcr_fail_memory(err, "adding metadata to a model");
    rcr_free(old->value);
    old->value = new_value;
    return RCR_OK;
}

const char *rcr_model_get_meta(const rcr_model *model, const char *key) {
    const rcr_meta *meta = find_meta(model, key);
    return meta != NULL ? meta->value : NULL;
}

rcr_status rcr_model_set_disorder(rcr_model *model, rcr_disorder disorder, rcr_error *err) {
    rcr_graph_options graph = model->graph;
    graph.disorder = disorder;
    rcr_status status = rcr_graph_options_check(&graph, err);
    if (status != RCR_OK) return status;
    model->graph = graph;
    for (size_t m = 1; m < model->n_members; m++) model->member[m - 1]->graph.disorder = disorder;
    return RCR_OK;
}

rcr_model_info rcr_model_describe(const rcr_model *model) {
    rcr_model_info info = {.options = model->options,
                           .graph = model->graph,
                           .n_parameters = (int64_t)model->n_parameters,
                           .target = model->targets[0].name,
                           .unit = model->targets[0].unit};
    for (size_t i = 0; i < model->n_tensors; i++)
        if (model->tensor[i].is_conv) info.n_conv_parameters += (int64_t)model->tensor[i].count;
    return info;
}

rcr_target_info rcr_model_target(const rcr_model *model, int32_t k) {
    if (k < 0 || k >= model->options.n_targets) return (rcr_target_info){"", "", rcr_transform_names[0]};
    const rcr_target *target = &model->targets[k];
    return (rcr_target_info){target->name, target->unit, rcr_transform_names[target->scale.transform.kind]};
}
