/* Checkpoints for the reference programs. */
#include "exchange/export.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "exchange/pickle_write.h"
#include "graph/graph.h"
#include "io/zip_write.h"

/* Where torch puts the elements of a tensor, so that they can be mapped. */
enum { ALIGNMENT = 64 };

/* An archive being put together. */
typedef struct package {
    const rcr_model *model;
    rcr_text pickle;
    rcr_text *storage; /* [n_storages] bytes of each */
    size_t n_storages, capacity;
    size_t n_parameters; /* tensors that an optimiser updates */
    int failed;
} package;

/* ---- tensors */

static rcr_text *new_storage(package *p) {
    rcr_text *grown = rcr_grow(p->storage, &p->capacity, p->n_storages + 1, sizeof *grown);
    if (grown == NULL) {
        p->failed = 1;
        return NULL;
    }
    p->storage = grown;
    p->storage[p->n_storages] = (rcr_text){0};
    return &p->storage[p->n_storages++];
}

static void put_floats(package *p, const rcr_real *values, size_t n, int32_t rank, const int32_t *shape) {
    rcr_text *storage = new_storage(p);
    if (storage == NULL) return;
    for (size_t i = 0; i < n; i++) rcr_text_float32(storage, (float)values[i]);
    rcr_pickle_put_tensor(&p->pickle, RCR_TORCH_FLOAT, (int)p->n_storages - 1, rank, shape);
}

static void put_scalar(package *p, double value) {
    rcr_text *storage = new_storage(p);
    if (storage == NULL) return;
    rcr_text_float32(storage, (float)value);
    rcr_pickle_put_tensor(&p->pickle, RCR_TORCH_FLOAT, (int)p->n_storages - 1, 0, NULL);
}

static void put_count(package *p, int64_t value) {
    rcr_text *storage = new_storage(p);
    if (storage == NULL) return;
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)value >> (8 * i) & 0xff);
    rcr_text_append(storage, bytes, sizeof bytes);
    rcr_pickle_put_tensor(&p->pickle, RCR_TORCH_LONG, (int)p->n_storages - 1, 0, NULL);
}

/* A norm's statistics follow its bias, as in PyTorch's state_dict. */
static void put_statistics(package *p, const char *bias) {
    static const char *const parts[] = {"running_mean", "running_var"};
    char name[80];
    size_t stem = strlen(bias) - strlen("bias");
    for (int i = 0; i < 2; i++) {
        int is_buffer = 0;
        snprintf(name, sizeof name, "%.*s%s", (int)stem, bias, parts[i]);
        const rcr_tensor *tensor = rcr_model_find(p->model, name, &is_buffer);
        if (tensor == NULL || !is_buffer) return;
        rcr_pickle_put_text(&p->pickle, name);
        put_floats(p, p->model->buffers + tensor->offset, tensor->count, tensor->rank, tensor->shape);
    }
    snprintf(name, sizeof name, "%.*snum_batches_tracked", (int)stem, bias);
    rcr_pickle_put_text(&p->pickle, name);
    put_count(p, p->model->n_batches_tracked);
}

static void put_state(package *p) {
    rcr_pickle_begin_ordered_dict(&p->pickle);
    for (size_t i = 0; i < p->model->n_tensors; i++) {
        const rcr_tensor *tensor = &p->model->tensor[i];
        rcr_pickle_put_text(&p->pickle, tensor->name);
        put_floats(p, p->model->parameters + tensor->offset, tensor->count, tensor->rank, tensor->shape);
        if (rcr_ends_with(tensor->name, ".bias")) put_statistics(p, tensor->name);
    }
    rcr_pickle_end_dict(&p->pickle);
}

/* ---- settings */

/* What the reference programs' command lines set when nothing is said. */
static json_t *default_arguments(const rcr_model *model) {
    int is_class = model->options.task == RCR_CLASSIFICATION;
    return json_pack(
        "{s:[s], s:s, s:b, s:i, s:i, s:i, s:i, s:f, s:[i], s:f, s:f, s:i, s:s, s:n, s:n, s:f, s:n, s:f, s:n, "
        "s:s, s:b, s:n}",
        "data_options", ".", "task", is_class ? "classification" : "regression", "disable_cuda", 0, "workers", 0,
        "epochs", 30, "start_epoch", 0, "batch_size", 256, "lr", 0.01, "lr_milestones", 100, "momentum", 0.9,
        "weight_decay", 0.0, "print_freq", 10, "resume", "", "train_ratio", "train_size", "val_ratio", 0.1, "val_size",
        "test_ratio", 0.1, "test_size", "optim", "Adam", "cuda", 0, "run_dir");
}

/* Those that the weights fix. */
static json_t *fixed_arguments(const rcr_model *model) {
    const rcr_model_options *o = &model->options;
    const rcr_graph_options *g = &model->graph;
    int is_recurrent = o->architecture == RCR_SR_CGCNN, is_class = o->task == RCR_CLASSIFICATION;
    json_t *args = json_pack("{s:s, s:i, s:i, s:i, s:i, s:s, s:b, s:b, s:f, s:i, s:f, s:f}", "task",
                             is_class ? "classification" : "regression", "atom_fea_len", o->atom_features, "h_fea_len",
                             o->hidden, "n_conv", o->depth, "n_h", o->hidden_layers, "conv_mode",
                             is_recurrent ? "shared_recurrent" : "standard", "recurrent_layer_norm", o->layer_norm,
                             "recurrent_learnable_alpha", o->gate, "radius", g->radius, "max_num_nbr", g->max_neighbors,
                             "dmin", g->dmin, "step", g->step);
    json_object_set_new(args, "n_recurrent_steps", is_recurrent ? json_integer(o->depth) : json_null());
    return args;
}

/* NULL: out of memory. */
static json_t *make_arguments(const rcr_model *model) {
    json_t *args = default_arguments(model), *fixed = fixed_arguments(model);
    const char *optimizer = rcr_model_get_meta(model, "optimizer"), *imported = rcr_model_get_meta(model, "args");
    if (optimizer != NULL && rcr_equals_ignore_case(optimizer, strlen(optimizer), "sgd"))
        json_object_set_new(args, "optim", json_string("SGD"));
    json_t *old = imported != NULL ? json_loads(imported, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(old)) json_object_update(args, old);
    json_decref(old);
    int failed = args == NULL || fixed == NULL || json_object_update(args, fixed) != 0;
    json_decref(fixed);
    if (!failed) return args;
    json_decref(args);
    return NULL;
}

/* One group of parameters with the settings of both optimisers that the programs know, and no moments: a run that
 * resumes from it starts them anew. */
static void put_optimizer(package *p, const json_t *args) {
    json_t *order = json_array();
    for (size_t i = 0; i < p->model->n_tensors; i++) json_array_append_new(order, json_integer((json_int_t)i));
    json_t *group =
        json_pack("{s:O?, s:f, s:f, s:f, s:b, s:b, s:O?, s:b, s:f, s:o}", "lr", json_object_get(args, "lr"), "momentum",
                  0.9, "dampening", 0.0, "eps", 1e-8, "nesterov", 0, "amsgrad", 0, "weight_decay",
                  json_object_get(args, "weight_decay"), "maximize", 0, "initial_lr", 0.01, "params", order);
    if (group == NULL) {
        p->failed = 1;
        return;
    }
    json_object_set(group, "initial_lr", json_object_get(args, "lr"));
    json_object_set(group, "momentum", json_object_get(args, "momentum"));
    rcr_text *out = &p->pickle;
    rcr_pickle_begin_dict(out);
    rcr_pickle_put_text(out, "state");
    rcr_pickle_begin_dict(out);
    rcr_pickle_end_dict(out);
    rcr_pickle_put_text(out, "param_groups");
    rcr_text_puts(out, "](}(");
    const char *key;
    json_t *value;
    json_object_foreach(group, key, value) {
        rcr_pickle_put_text(out, key);
        rcr_pickle_put_json(out, value);
    }
    rcr_pickle_put_text(out, "betas");
    rcr_pickle_put_float(out, 0.9);
    rcr_pickle_put_float(out, 0.999);
    rcr_text_puts(out, "\x86ue"); /* a pair; the group is done; the list of groups is done */
    rcr_pickle_end_dict(out);
    json_decref(group);
}

/* A number among the model's metadata; `otherwise` when it is none. */
static double meta_number(const rcr_model *model, const char *key, double otherwise) {
    const char *text = rcr_model_get_meta(model, key);
    double value;
    return text != NULL && rcr_parse_double(&value, text, strlen(text)) && isfinite(value) ? value : otherwise;
}

static void put_object(package *p, const json_t *args) {
    const rcr_model *m = p->model;
    rcr_text *out = &p->pickle;
    double epoch = meta_number(m, "epoch", meta_number(m, "best_epoch", 0));
    double error = meta_number(m, "best_mae_error", meta_number(m, "val_mae", 0));
    if (m->options.task == RCR_CLASSIFICATION) error = meta_number(m, "best_mae_error", meta_number(m, "val_auc", 0));
    rcr_pickle_begin(out);
    rcr_pickle_begin_dict(out);
    rcr_pickle_put_text(out, "epoch");
    rcr_pickle_put_integer(out, epoch >= 0 && epoch < 1e9 ? (int64_t)epoch : 0);
    rcr_pickle_put_text(out, "state_dict");
    put_state(p);
    rcr_pickle_put_text(out, "best_mae_error");
    rcr_pickle_put_float(out, error);
    rcr_pickle_put_text(out, "optimizer");
    put_optimizer(p, args);
    rcr_pickle_put_text(out, "normalizer");
    rcr_pickle_begin_dict(out);
    rcr_pickle_put_text(out, "mean");
    put_scalar(p, m->options.task == RCR_CLASSIFICATION ? 0 : m->targets[0].scale.normalizer.mean);
    rcr_pickle_put_text(out, "std");
    put_scalar(p, m->options.task == RCR_CLASSIFICATION ? 1 : m->targets[0].scale.normalizer.std);
    rcr_pickle_end_dict(out);
    rcr_pickle_put_text(out, "args");
    rcr_pickle_put_json(out, args);
    rcr_pickle_end_dict(out);
    rcr_pickle_end(out);
}

/* ---- the archive */

static rcr_status pack(char **out, size_t *length, const package *p, rcr_error *err) {
    size_t n = p->n_storages + 3;
    rcr_zip_member *member = rcr_calloc(n, sizeof *member);
    char(*name)[40] = rcr_calloc(n, sizeof *name);
    rcr_status status = RCR_OK;
    if (member == NULL || name == NULL) status = rcr_fail_memory(err, "writing a checkpoint");
    if (status == RCR_OK) {
        member[0] = (rcr_zip_member){"archive/data.pkl", p->pickle.data, p->pickle.length};
        member[1] = (rcr_zip_member){"archive/byteorder", "little", 6};
        for (size_t i = 0; i < p->n_storages; i++) {
            snprintf(name[i], sizeof name[i], "archive/data/%zu", i);
            member[i + 2] = (rcr_zip_member){name[i], p->storage[i].data, p->storage[i].length};
        }
        member[n - 1] = (rcr_zip_member){"archive/version", "3\n", 2};
        status = rcr_zip_write(out, length, member, n, ALIGNMENT, err);
    }
    rcr_free(member);
    rcr_free(name);
    return status;
}

static rcr_status check_float(const char *what, double value, int may_be_zero, const rcr_target *target,
                              rcr_error *err) {
    if (may_be_zero && value == 0) return RCR_OK;
    if (fabs(value) >= FLT_MIN && fabs(value) <= FLT_MAX) return RCR_OK;
    return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                    "the %s of the target%s%.64s is %g, which single precision does not hold: what is exported would "
                    "predict 0 or infinity; train on the target in another unit",
                    what, target->name[0] != '\0' ? " " : "", target->name, value);
}

rcr_status rcr_export_check_scales(const rcr_model *model, rcr_error *err) {
    if (model->options.task == RCR_CLASSIFICATION) return RCR_OK; /* has none */
    for (size_t m = 0; m < model->n_members; m++)
        for (int32_t k = 0; k < model->options.n_targets; k++) {
            const rcr_target *target = &rcr_model_member(model, m)->targets[k];
            const rcr_transform *t = &target->scale.transform;
            int is_size = t->kind == RCR_TRANSFORM_ASINH;
            rcr_status status = check_float("mean", target->scale.normalizer.mean, 1, target, err);
            if (status == RCR_OK)
                status = check_float("standard deviation", target->scale.normalizer.std, 0, target, err);
            if (status == RCR_OK && rcr_transform_has_parameter(t->kind))
                status = check_float("transform's parameter", t->parameter, !is_size, target, err);
            if (status != RCR_OK) return status;
        }
    return RCR_OK;
}

rcr_status rcr_checkpoint_export(char **out, size_t *length, const rcr_model *model, rcr_error *err) {
    package p = {.model = model};
    if (model->n_members > 1)
        return rcr_fail(
            err, RCR_ERR_ARGUMENT,
            "the model is an ensemble of %zu networks, and a checkpoint holds one: recryst export --member N "
            "takes one out",
            model->n_members);
    if (rcr_model_is_extended(model))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "the reference programs know one target as it is: a model of several targets, of a transformed "
                        "one or with standard deviations has no place in their checkpoints");
    rcr_status status = rcr_export_check_scales(model, err);
    if (status != RCR_OK) return status;
    json_t *args = make_arguments(model);
    if (args != NULL) put_object(&p, args);
    p.failed |= args == NULL || p.pickle.failed;
    for (size_t i = 0; i < p.n_storages; i++) p.failed |= p.storage[i].failed || p.storage[i].data == NULL;
    json_decref(args);
    status = p.failed ? rcr_fail_memory(err, "writing a checkpoint") : pack(out, length, &p, err);
    for (size_t i = 0; i < p.n_storages; i++) rcr_text_free(&p.storage[i]);
    rcr_free(p.storage);
    rcr_text_free(&p.pickle);
    return status;
}

/* ---- what the programs do otherwise */

size_t rcr_checkpoint_differences(const char **reasons, size_t n, const rcr_model *model) {
    const rcr_graph_options *g = &model->graph;
    rcr_graph_options usual = rcr_graph_options_default();
    size_t found = 0;
    if (g->padding != RCR_PADDING_REFERENCE && found < n)
        reasons[found++] = "the reference programs add edges to atom 0 where an atom has too few neighbors; this model "
                           "was made without them";
    if (g->ties == RCR_TIES_KEEP && found < n)
        reasons[found++] =
            "the reference programs cut shells of equal distance; this model was made to keep them whole";
    if ((g->radius != usual.radius || g->max_neighbors != usual.max_neighbors || g->dmin != usual.dmin ||
         g->step != usual.step) &&
        found < n)
        reasons[found++] =
            "the reference programs' predict.py knows the graph of 12 neighbors within 8 A alone; args has "
            "this model's radius, max_num_nbr, dmin and step for CIFData";
    if (g->disorder != RCR_DISORDER_REFUSE && found < n)
        reasons[found++] = "the reference programs stop at disordered crystals; this model takes them";
    rcr_element_table *table = NULL;
    if (found < n && rcr_element_table_cgcnn(&table, NULL) == RCR_OK) {
        size_t rows = (size_t)(RCR_MAX_ATOMIC_NUMBER + 1);
        const rcr_element_table *own = model->elements;
        if (own->n_features != table->n_features || memcmp(own->known, table->known, rows) != 0 ||
            memcmp(own->row, table->row, rows * (size_t)own->n_features * sizeof *own->row) != 0)
            reasons[found++] =
                "the element table is not CGCNN's published one; --atom-init writes the atom_init.json that "
                "belongs to the checkpoint";
        rcr_element_table_free(table);
    }
    return found;
}

rcr_status rcr_element_table_json(char **out, size_t *length, const rcr_element_table *table, rcr_error *err) {
    rcr_text text = {0};
    char number[32];
    const char *separator = "{";
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (!table->known[z]) continue;
        rcr_text_printf(&text, "%s\"%d\": [", separator, z);
        separator = ",\n ";
        for (int32_t i = 0; i < table->n_features; i++)
            rcr_text_printf(&text, "%s%s", i > 0 ? ", " : "",
                            rcr_format_double(number, table->row[(size_t)z * (size_t)table->n_features + (size_t)i]));
        rcr_text_puts(&text, "]");
    }
    rcr_text_puts(&text, separator[0] == '{' ? "{}\n" : "}\n");
    if (text.failed) {
        rcr_text_free(&text);
        return rcr_fail_memory(err, "writing an element table");
    }
    *out = text.data;
    *length = text.length;
    return RCR_OK;
}
