#include "exchange/import.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "exchange/torchfile.h"
#include "graph/graph.h"

/* Far more tensors than the deepest network has: bounds the time of looking them up by name. */
enum { MAX_TENSORS = 20000 };
/* What torch.nn.DataParallel puts before every name. */
static const char wrapper[] = "module.";

/* A checkpoint being read. */
typedef struct checkpoint {
    rcr_torch_file *file;
    const rcr_py *root, *state, *args;
    const char *prefix; /* of the names in state: "" or "module." */
} checkpoint;

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        rcr_status try_status = (call);                                                                                \
        if (try_status != RCR_OK) return try_status;                                                                   \
    } while (0)

rcr_import_options rcr_import_options_default(void) {
    return (rcr_import_options){.radius = NAN, .dmin = NAN, .step = NAN, .padding = RCR_PADDING_REFERENCE};
}

/* ---- the weights by name */

static const rcr_py *find(const checkpoint *c, const char *name) {
    char full[96];
    snprintf(full, sizeof full, "%s%s", c->prefix, name);
    const rcr_py *tensor = rcr_py_get(c->state, full);
    return tensor != NULL && tensor->kind == RCR_PY_TENSOR ? tensor : NULL;
}

/* The number of NAME.0, NAME.1, ... with that part. */
static int32_t count_modules(const checkpoint *c, const char *module, const char *part) {
    char name[96];
    for (int32_t n = 0;; n++) {
        snprintf(name, sizeof name, "%s.%d.%s", module, (int)n, part);
        if (find(c, name) == NULL) return n;
    }
}

/* A matrix's rows and columns, each 1 .. INT32_MAX. */
static rcr_status matrix_of(int32_t *rows, int32_t *columns, const checkpoint *c, const char *name, rcr_error *err) {
    const rcr_py *tensor = find(c, name);
    if (tensor == NULL)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "the checkpoint has no tensor \"%s\": it is none of CGCNN, SR-CGCNN or cgcnn2", name);
    const int64_t *shape = tensor->as.tensor.shape;
    if (tensor->as.tensor.rank != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > INT32_MAX || shape[1] > INT32_MAX)
        return rcr_fail(err, RCR_ERR_PARSE, "the tensor \"%s\" of the checkpoint is no matrix", name);
    *rows = (int32_t)shape[0];
    *columns = (int32_t)shape[1];
    return RCR_OK;
}

/* Sizes of the network, as the weights have them. */
typedef struct sizes {
    int32_t n_features, n_gaussians;
} sizes;

static rcr_status infer_options(rcr_model_options *o, sizes *s, const checkpoint *c, rcr_error *err) {
    int32_t rows, columns, F, H;
    *o = rcr_model_options_default();
    TRY(matrix_of(&F, &s->n_features, c, "embedding.weight", err));
    int is_recurrent = find(c, "shared_conv.fc_full.weight") != NULL;
    o->architecture = is_recurrent ? RCR_SR_CGCNN : RCR_CGCNN;
    TRY(matrix_of(&rows, &columns, c, is_recurrent ? "shared_conv.fc_full.weight" : "convs.0.fc_full.weight", err));
    if (rows / 2 != F || rows % 2 != 0 || columns / 2 < F)
        return rcr_fail(err, RCR_ERR_PARSE, "the convolutions' weights [%d, %d] do not fit %d atom features", (int)rows,
                        (int)columns, (int)F);
    s->n_gaussians = columns - rows;
    o->depth =
        is_recurrent ? count_modules(c, "recurrent_bn1s", "weight") : count_modules(c, "convs", "fc_full.weight");
    o->gate = find(c, "recurrent_alpha") != NULL;
    o->layer_norm = find(c, "recurrent_norm.weight") != NULL;
    TRY(matrix_of(&H, &columns, c, "conv_to_fc.weight", err));
    o->hidden_layers = 1 + count_modules(c, "fcs", "weight");
    TRY(matrix_of(&rows, &columns, c, "fc_out.weight", err));
    if (rows > 2)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "the checkpoint has %d outputs; one (a number) and two (classes 0 and 1) are known", (int)rows);
    o->task = rows == 2 ? RCR_CLASSIFICATION : RCR_REGRESSION;
    o->atom_features = F;
    o->hidden = H;
    const rcr_py *task = rcr_py_get(c->args, "task");
    if (o->task == RCR_CLASSIFICATION && rcr_py_is_text(task, "regression"))
        return rcr_fail(err, RCR_ERR_MISMATCH, "the checkpoint's arguments say regression, but it has two outputs");
    if (o->task == RCR_REGRESSION && rcr_py_is_text(task, "classification"))
        return rcr_fail(err, RCR_ERR_MISMATCH, "the checkpoint's arguments say classification, but it has one output");
    return RCR_OK;
}

/* ---- graph options */

/* A number that is one, or that a text is (what follows the data's path on the command line stays text). */
static int number_of(double *out, const rcr_py *value) {
    if (value != NULL && value->kind == RCR_PY_TEXT)
        return rcr_parse_double(out, value->as.text.data, value->as.text.length) && isfinite(*out);
    return rcr_py_number(out, value) && isfinite(*out);
}

/* From: what is given; the argument of that name; the dataset's option number `place`
 * (path, max_num_nbr, radius, dmin, step: the order of the reference's CIFData); what is there. */
static void choose(double *value, double given, const rcr_py *args, const char *name, size_t place) {
    double found;
    const rcr_py *options = rcr_py_get(args, "data_options");
    if (!isnan(given))
        *value = given;
    else if (number_of(&found, rcr_py_get(args, name)))
        *value = found;
    else if (options != NULL && (options->kind == RCR_PY_LIST || options->kind == RCR_PY_TUPLE) &&
             place < options->as.items.n && number_of(&found, options->as.items.item[place]))
        *value = found;
}

rcr_status rcr_import_options_check(const rcr_import_options *options, rcr_error *err) {
    rcr_graph_options g = rcr_graph_options_default();
    if (options->max_neighbors < 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "max_neighbors is %d; it must be 1 or more, or 0 for the checkpoint's",
                        (int)options->max_neighbors);
    int has_radius = !isnan(options->radius);
    g.radius = has_radius ? options->radius : RCR_GRAPH_MAX_RADIUS;
    if (options->max_neighbors > 0) g.max_neighbors = options->max_neighbors;
    if (!isnan(options->dmin)) g.dmin = options->dmin;
    /* How many Gaussians it makes is known with the radius alone. */
    if (!isnan(options->step)) g.step = !has_radius && options->step > 0 ? fmax(options->step, 1) : options->step;
    g.padding = options->padding;
    g.ties = options->ties;
    g.tie_tolerance = options->tie_tolerance;
    g.disorder = options->disorder;
    return rcr_graph_options_check(&g, err);
}

/* What is given before what the checkpoint says.  Errors: RCR_ERR_ARGUMENT, also where it is the checkpoint's fault. */
static rcr_status put_together(rcr_graph_options *g, const checkpoint *c, const rcr_import_options *options,
                               rcr_error *err) {
    *g = rcr_graph_options_default();
    double most = g->max_neighbors;
    choose(&most, options->max_neighbors > 0 ? options->max_neighbors : NAN, c->args, "max_num_nbr", 1);
    choose(&g->radius, options->radius, c->args, "radius", 2);
    choose(&g->dmin, options->dmin, c->args, "dmin", 3);
    choose(&g->step, options->step, c->args, "step", 4);
    if (!(most >= 1 && most <= RCR_GRAPH_MAX_NEIGHBORS))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the checkpoint's max_num_nbr is not 1 to %d", RCR_GRAPH_MAX_NEIGHBORS);
    g->max_neighbors = (int32_t)most;
    g->padding = options->padding;
    g->ties = options->ties;
    g->tie_tolerance = options->tie_tolerance;
    g->disorder = options->disorder;
    return rcr_graph_options_check(g, err);
}

static rcr_status choose_graph(rcr_graph_options *g, const checkpoint *c, const rcr_import_options *options,
                               int32_t n_gaussians, rcr_error *err) {
    rcr_import_options none = rcr_import_options_default();
    rcr_graph_options own;
    rcr_status status = put_together(g, c, options, err);
    /* What is given is in range by itself: else the fault is the file's, unless the file is in order by itself, too. */
    if (status == RCR_ERR_ARGUMENT && put_together(&own, c, &none, NULL) != RCR_OK) {
        if (err != NULL) err->status = RCR_ERR_PARSE;
        status = RCR_ERR_PARSE;
    }
    if (status != RCR_OK) return status;
    int32_t expected = rcr_graph_options_n_gaussians(g);
    if (expected == n_gaussians) return RCR_OK;
    return rcr_fail(err, RCR_ERR_MISMATCH,
                    "the checkpoint's convolutions take %d distance features, but radius %g, dmin %g and step %g make "
                    "%d; give those it was trained with",
                    (int)n_gaussians, g->radius, g->dmin, g->step, (int)expected);
}

/* ---- filling in the model */

static rcr_status fill_tensor(rcr_real *values, const rcr_tensor *to, const checkpoint *c, rcr_error *err) {
    const rcr_py *tensor = find(c, to->name);
    if (tensor == NULL) return rcr_fail(err, RCR_ERR_PARSE, "the checkpoint lacks the tensor \"%s\"", to->name);
    int same = tensor->as.tensor.rank == to->rank;
    for (int32_t d = 0; same && d < to->rank; d++) same = tensor->as.tensor.shape[d] == to->shape[d];
    if (!same)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "the tensor \"%s\" of the checkpoint has another shape than the others ask "
                        "for",
                        to->name);
    rcr_torch_view view;
    TRY(rcr_torch_tensor(&view, c->file, tensor, to->name, err));
    if (view.type > RCR_TORCH_BFLOAT16)
        return rcr_fail(err, RCR_ERR_PARSE, "the tensor \"%s\" of the checkpoint holds whole numbers", to->name);
    int is_variance = rcr_ends_with(to->name, ".running_var");
    for (size_t i = 0; i < to->count; i++) {
        double value = rcr_torch_value(&view, i);
        values[to->offset + i] = (rcr_real)value;
        if (!isfinite(values[to->offset + i]))
            return rcr_fail(err, RCR_ERR_PARSE,
                            "the tensor \"%s\" of the checkpoint holds a value that is not a finite number", to->name);
        if (is_variance && value < 0)
            return rcr_fail(err, RCR_ERR_PARSE, "the tensor \"%s\" of the checkpoint holds a negative variance",
                            to->name);
    }
    return RCR_OK;
}

/* Norms count the batches they have seen, all alike; files from before torch 0.4.1 have no count. */
static void take_count(rcr_model *model, const checkpoint *c, const rcr_py *value) {
    double count;
    if (rcr_torch_number(&count, c->file, value) && count > (double)model->n_batches_tracked && count < 1e15)
        model->n_batches_tracked = (int64_t)count;
}

/* A tensor that the network does not have would change what it computes: refuse it. */
static rcr_status check_surplus(rcr_model *model, const checkpoint *c, rcr_error *err) {
    static const char count_name[] = ".num_batches_tracked";
    size_t n_prefix = strlen(c->prefix);
    for (size_t i = 0; i + 1 < c->state->as.items.n; i += 2) {
        const rcr_py *key = c->state->as.items.item[i], *value = c->state->as.items.item[i + 1];
        if (value->kind != RCR_PY_TENSOR) continue; /* _metadata */
        char name[96] = "";
        if (key->kind == RCR_PY_TEXT && key->as.text.length >= n_prefix)
            snprintf(name, sizeof name, "%.*s",
                     rcr_shown(key->as.text.data + n_prefix, key->as.text.length - n_prefix, 90),
                     key->as.text.data + n_prefix);
        if (rcr_ends_with(name, count_name))
            take_count(model, c, value);
        else if (rcr_model_find(model, name, NULL) == NULL)
            return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                            "the checkpoint has a tensor \"%s\", which neither CGCNN nor SR-CGCNN has", name);
    }
    return RCR_OK;
}

/* cgcnn2, which alone keeps a squared error, trains on the targets as they are; the normalizer that it saves beside the
 * weights was never applied (its cgcnn_tr.py and cgcnn_ft.py, versions 0.4 to 0.6). */
static int is_cgcnn2(const checkpoint *c) {
    return rcr_py_get(c->root, "best_mse_error") != NULL || rcr_py_get(c->args, "full_set") != NULL;
}

static rcr_status fill_normalizer(rcr_model *model, const checkpoint *c, rcr_error *err) {
    if (model->options.task == RCR_CLASSIFICATION) return RCR_OK; /* the reference keeps 0 and 1 there */
    if (is_cgcnn2(c)) return RCR_OK;                              /* 0 and 1 */
    const rcr_py *normalizer = rcr_py_get(c->root, "normalizer");
    double mean, std;
    if (!rcr_torch_number(&mean, c->file, rcr_py_get(normalizer, "mean")) ||
        !rcr_torch_number(&std, c->file, rcr_py_get(normalizer, "std")))
        return rcr_fail(err, RCR_ERR_PARSE,
                        "the checkpoint has no normalizer with mean and std, so its outputs mean nothing");
    if (!isfinite(mean) || !isfinite(std) || !(std > 0))
        return rcr_fail(err, RCR_ERR_PARSE, "the checkpoint's normalizer is not a finite mean and a std above 0");
    model->targets[0].scale.normalizer = (rcr_normalizer){.mean = mean, .std = std};
    return RCR_OK;
}

/* ---- metadata */

static rcr_status keep_number(rcr_model *model, const checkpoint *c, const char *key, rcr_error *err) {
    double value;
    char text[32];
    if (!rcr_torch_number(&value, c->file, rcr_py_get(c->root, key)) || !isfinite(value)) return RCR_OK;
    return rcr_model_set_meta(model, key, rcr_format_double(text, value), err);
}

static rcr_status describe_origin(rcr_model *model, const checkpoint *c, const void *bytes, size_t length,
                                  const rcr_import_options *options, rcr_error *err) {
    char hex[65];
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    rcr_sha256_add(hash, bytes, length);
    rcr_sha256_finish(hash, hex);
    if (options->source != NULL) TRY(rcr_model_set_meta(model, "imported_from", options->source, err));
    TRY(rcr_model_set_meta(model, "imported_format", rcr_torch_format(c->file), err));
    TRY(rcr_model_set_meta(model, "imported_sha256", hex, err));
    TRY(keep_number(model, c, "epoch", err));
    TRY(keep_number(model, c, "best_mae_error", err));
    TRY(keep_number(model, c, "best_mse_error", err));
    if (c->args == NULL) return RCR_OK;
    char *json = NULL;
    TRY(rcr_py_json(&json, c->args, err));
    rcr_status status = rcr_model_set_meta(model, "args", json, err);
    rcr_free(json);
    return status;
}

/* ---- the whole */

static rcr_status open_checkpoint(checkpoint *c, rcr_error *err) {
    c->root = rcr_torch_root(c->file);
    c->state = rcr_py_get(c->root, "state_dict");
    if (c->state == NULL || c->state->kind != RCR_PY_DICT)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "the file holds no dict with a \"state_dict\": not a checkpoint of CGCNN, "
                        "SR-CGCNN or cgcnn2");
    if (c->state->as.items.n / 2 > MAX_TENSORS)
        return rcr_fail(err, RCR_ERR_LIMIT, "the checkpoint has more than %d tensors", MAX_TENSORS);
    c->args = rcr_py_get(c->root, "args");
    if (c->args != NULL && c->args->kind != RCR_PY_DICT) c->args = NULL;
    c->prefix = wrapper;
    if (find(c, "embedding.weight") == NULL) c->prefix = "";
    return RCR_OK;
}

static rcr_status make_model(rcr_model **model, const checkpoint *c, size_t length, const rcr_import_options *options,
                             const rcr_element_table *elements, rcr_error *err) {
    rcr_model_options o;
    rcr_graph_options graph;
    sizes s;
    TRY(infer_options(&o, &s, c, err));
    if (elements->n_features != s.n_features)
        return rcr_fail(err, RCR_ERR_MISMATCH,
                        "the checkpoint's embedding takes %d features of an element, but the table \"%s\" has %d; give "
                        "the atom_init.json that it was trained with",
                        (int)s.n_features, elements->name, (int)elements->n_features);
    TRY(choose_graph(&graph, c, options, s.n_gaussians, err));
    /* No element takes less than two bytes of the file. */
    rcr_status status = rcr_model_create_blank(model, &o, &graph, elements, length / 2, err);
    if (status == RCR_ERR_ARGUMENT) {
        if (err != NULL) err->status = RCR_ERR_PARSE;
        status = RCR_ERR_PARSE;
    }
    return status;
}

static rcr_status fill_model(rcr_model *model, const checkpoint *c, rcr_error *err) {
    for (size_t i = 0; i < model->n_tensors; i++) TRY(fill_tensor(model->parameters, &model->tensor[i], c, err));
    for (size_t i = 0; i < model->n_buffers; i++) TRY(fill_tensor(model->buffers, &model->buffer[i], c, err));
    TRY(check_surplus(model, c, err));
    return fill_normalizer(model, c, err);
}

rcr_status rcr_checkpoint_import(rcr_model **out, const void *bytes, size_t length, const rcr_import_options *options,
                                 rcr_error *err) {
    checkpoint c = {0};
    rcr_model *model = NULL;
    rcr_element_table *own = NULL;
    rcr_status status = rcr_import_options_check(options, err);
    if (status == RCR_OK) status = rcr_torch_open(&c.file, bytes, length, err);
    if (status == RCR_OK) status = open_checkpoint(&c, err);
    if (status == RCR_OK && options->elements == NULL) status = rcr_element_table_cgcnn(&own, err);
    if (status == RCR_OK)
        status = make_model(&model, &c, length, options, options->elements != NULL ? options->elements : own, err);
    if (status == RCR_OK) status = fill_model(model, &c, err);
    if (status == RCR_OK) status = rcr_model_set_target(model, options->target, options->unit, err);
    if (status == RCR_OK) status = describe_origin(model, &c, bytes, length, options, err);
    if (c.file != NULL && rcr_torch_out_of_memory(c.file)) status = rcr_fail_memory(err, "reading a checkpoint");
    rcr_element_table_free(own);
    rcr_torch_free(c.file);
    if (status != RCR_OK) {
        rcr_model_free(model);
        return status;
    }
    *out = model;
    return RCR_OK;
}
