/* The network as an ONNX graph (https://onnx.ai, IR version 8, opset 17), written field by field. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "model/export.h"
#include "model/modelfile.h"
#include "model/protobuf.h"

/* Numbers of fields and types in onnx.proto. */
enum {
    MODEL_IR = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    MODEL_META = 14
};
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INITIALIZER = 5, GRAPH_DOC = 10, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INT = 3, ATTRIBUTE_TEXT = 4, ATTRIBUTE_INTS = 8 };
enum { ATTRIBUTE_TYPE = 20, TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_TEXT = 3, TYPE_INTS = 7 };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9, ELEMENT_FLOAT = 1, ELEMENT_INT64 = 7 };
enum { IR_VERSION = 8, OPSET = 17 };

static const char description[] =
    "A crystal graph network, in evaluation. Inputs: atoms (atomic_number [N], or atom_features [N, n]); edges "
    "edge_center [E] (the atom whose environment the edge describes), edge_neighbor [E] (the atom at its other end), "
    "both "
    "as rows of the atoms, edge_distance [E] in angstrom; crystal_index [N], the crystal of each atom, 0 .. C-1, each "
    "with "
    "at least one atom. Output: prediction [C], in the target's unit, or the probability of class 1.";

typedef struct builder {
    const rcr_model *model;
    rcr_text graph;
    rcr_text attributes; /* of the next node */
    int failed;
} builder;

/* ---- attributes, nodes */

static void attribute_int(builder *b, const char *name, int64_t value) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    rcr_proto_integer(&a, ATTRIBUTE_INT, value);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_INT);
    rcr_proto_message(&b->attributes, NODE_ATTRIBUTE, &a);
}

static void attribute_float(builder *b, const char *name, double value) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    rcr_proto_float(&a, ATTRIBUTE_FLOAT, (float)value);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_FLOAT);
    rcr_proto_message(&b->attributes, NODE_ATTRIBUTE, &a);
}

static void attribute_text(builder *b, const char *name, const char *value) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    rcr_proto_text(&a, ATTRIBUTE_TEXT, value);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_TEXT);
    rcr_proto_message(&b->attributes, NODE_ATTRIBUTE, &a);
}

static void attribute_axes(builder *b, int64_t axis) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, "axes");
    rcr_proto_integer(&a, ATTRIBUTE_INTS, axis);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_INTS);
    rcr_proto_message(&b->attributes, NODE_ATTRIBUTE, &a);
}

/* Names with blanks between, one field each. */
static void put_names(rcr_text *out, int field, const char *names) {
    while (*names != '\0') {
        size_t n = strcspn(names, " ");
        rcr_proto_bytes(out, field, names, n);
        names += n + (names[n] == ' ');
    }
}

/* A node with the attributes that were set since the last one; it bears the name of its (first) output. */
static void node(builder *b, const char *op, const char *outputs, const char *inputs) {
    rcr_text n = {0};
    put_names(&n, NODE_INPUT, inputs);
    put_names(&n, NODE_OUTPUT, outputs);
    rcr_proto_bytes(&n, NODE_NAME, outputs, strcspn(outputs, " "));
    rcr_proto_text(&n, NODE_OP, op);
    if (b->attributes.length > 0) rcr_text_append(&n, b->attributes.data, b->attributes.length);
    if (b->attributes.failed) b->failed = 1;
    rcr_text_free(&b->attributes);
    rcr_proto_message(&b->graph, GRAPH_NODE, &n);
}

/* ---- initializers */

static void put_tensor(builder *b, const char *name, int type, int32_t rank, const int64_t *shape, rcr_text *raw) {
    rcr_text t = {0};
    for (int32_t d = 0; d < rank; d++) rcr_proto_integer(&t, TENSOR_DIM, shape[d]);
    rcr_proto_integer(&t, TENSOR_TYPE, type);
    rcr_proto_text(&t, TENSOR_NAME, name);
    rcr_proto_message(&t, TENSOR_RAW, raw);
    rcr_proto_message(&b->graph, GRAPH_INITIALIZER, &t);
}

static void put_scalar(builder *b, const char *name, double value) {
    rcr_text raw = {0};
    rcr_text_float32(&raw, (float)value);
    put_tensor(b, name, ELEMENT_FLOAT, 0, NULL, &raw);
}

/* A vector of one whole number. */
static void put_index(builder *b, const char *name, int64_t value) {
    rcr_text raw = {0};
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)value >> (8 * i) & 0xff);
    rcr_text_append(&raw, bytes, sizeof bytes);
    put_tensor(b, name, ELEMENT_INT64, 1, (const int64_t[]){1}, &raw);
}

/* Columns first .. first + n - 1 of a tensor of the model, under a name of its own. */
static void put_columns(builder *b, const char *name, const rcr_tensor *from, int is_buffer, int32_t first, int32_t n) {
    const rcr_real *values = (is_buffer ? b->model->buffers : b->model->parameters) + from->offset;
    int32_t width = from->rank == 2 ? from->shape[1] : 1;
    rcr_text raw = {0};
    for (int32_t row = 0; row < from->shape[0]; row++)
        for (int32_t column = first; column < first + n; column++)
            rcr_text_float32(&raw, (float)values[(size_t)row * (size_t)width + (size_t)column]);
    put_tensor(b, name, ELEMENT_FLOAT, from->rank, (const int64_t[]){from->shape[0], n}, &raw);
}

static int is_conv_weight(const rcr_tensor *tensor) { return rcr_ends_with(tensor->name, "fc_full.weight"); }

/* Weights and statistics under PyTorch's names; those of a convolution in three parts, which multiply the atom itself,
 * its neighbour and the distance: the first two are then products for each atom, not for each edge. */
static void put_weights(builder *b) {
    const rcr_model *m = b->model;
    int32_t F = m->options.atom_features;
    char name[96];
    for (size_t i = 0; i < m->n_tensors + m->n_buffers; i++) {
        int is_buffer = i >= m->n_tensors;
        const rcr_tensor *tensor = is_buffer ? &m->buffer[i - m->n_tensors] : &m->tensor[i];
        if (!is_conv_weight(tensor)) {
            put_columns(b, tensor->name, tensor, is_buffer, 0, tensor->rank == 2 ? tensor->shape[1] : 1);
            continue;
        }
        snprintf(name, sizeof name, "%s_center", tensor->name);
        put_columns(b, name, tensor, 0, 0, F);
        snprintf(name, sizeof name, "%s_neighbor", tensor->name);
        put_columns(b, name, tensor, 0, F, F);
        snprintf(name, sizeof name, "%s_distance", tensor->name);
        put_columns(b, name, tensor, 0, 2 * F, m->n_gaussians);
    }
}

/* The element table; a row that the model has no vector for is NaN, and so is then every crystal that holds it. */
static void put_element_table(builder *b) {
    const rcr_element_table *table = b->model->elements;
    rcr_text raw = {0};
    for (int z = 0; z <= RCR_MAX_ATOMIC_NUMBER; z++)
        for (int32_t i = 0; i < table->n_features; i++)
            rcr_text_float32(
                &raw,
                (float)(table->known[z] ? table->row[(size_t)z * (size_t)table->n_features + (size_t)i] : (double)NAN));
    put_tensor(b, "element_table", ELEMENT_FLOAT, 2, (const int64_t[]){RCR_MAX_ATOMIC_NUMBER + 1, table->n_features},
               &raw);
}

static void put_constants(builder *b) {
    const rcr_model *m = b->model;
    rcr_text raw = {0};
    for (int32_t k = 0; k < m->n_gaussians; k++) rcr_text_float32(&raw, (float)(m->graph.dmin + k * m->graph.step));
    put_tensor(b, "gaussian_centers", ELEMENT_FLOAT, 1, (const int64_t[]){m->n_gaussians}, &raw);
    put_scalar(b, "inverse_width", 1 / m->graph.step);
    put_scalar(b, "one", 1);
    put_index(b, "index_one", 1);
    put_index(b, "atom_width", m->options.atom_features);
    if (m->options.task == RCR_REGRESSION) {
        put_scalar(b, "target_mean", m->targets[0].scale.normalizer.mean);
        put_scalar(b, "target_std", m->targets[0].scale.normalizer.std);
    }
}

/* ---- the network */

static void linear(builder *b, const char *layer, const char *out, const char *in) {
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s %s.weight %s.bias", in, layer, layer);
    attribute_int(b, "transB", 1);
    node(b, "Gemm", out, inputs);
}

static void batch_norm(builder *b, const char *norm, const char *out, const char *in) {
    char inputs[512];
    snprintf(inputs, sizeof inputs, "%s %s.weight %s.bias %s.running_mean %s.running_var", in, norm, norm, norm, norm);
    attribute_float(b, "epsilon", 1e-5);
    node(b, "BatchNormalization", out, inputs);
}

/* sum_of: rows of in added up at the rows that index names, onto zeros. */
static void add_up(builder *b, const char *out, const char *zeros, const char *index, const char *in) {
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s %s %s", zeros, index, in);
    attribute_int(b, "axis", 0);
    attribute_text(b, "reduction", "add");
    node(b, "ScatterElements", out, inputs);
}

/* exp(-((d - mu_k) / step)^2) (Xie and Grossman 2018), the indices of the sums over edges, and v.embedded. */
static void put_start(builder *b, rcr_onnx_atoms atoms) {
    node(b, "Unsqueeze", "distance_column", "edge_distance index_one");
    node(b, "Sub", "distance_offset", "distance_column gaussian_centers");
    node(b, "Mul", "distance_scaled", "distance_offset inverse_width");
    node(b, "Mul", "distance_squared", "distance_scaled distance_scaled");
    node(b, "Neg", "distance_exponent", "distance_squared");
    node(b, "Exp", "distance_features", "distance_exponent");
    if (atoms == RCR_ONNX_NUMBERS) {
        linear(b, "embedding", "element_vectors", "element_table");
        attribute_int(b, "axis", 0);
        node(b, "Gather", "v.embedded", "element_vectors atomic_number");
    } else {
        linear(b, "embedding", "v.embedded", "atom_features");
    }
    node(b, "Shape", "atoms_shape", "v.embedded");
    node(b, "ConstantOfShape", "atoms_zero", "atoms_shape");
    node(b, "Shape", "edges_count", "edge_center");
    attribute_int(b, "axis", 0);
    node(b, "Concat", "messages_shape", "edges_count atom_width");
    node(b, "Unsqueeze", "center_column", "edge_center index_one");
    node(b, "Expand", "center_index", "center_column messages_shape");
}

/* One convolution on atom vectors v: out = softplus(v + norm2(sum over edges of sigmoid(filter) softplus(core))). */
static void convolution(builder *b, const char *step, const char *conv, const char *edge_part, const char *norm1,
                        const char *norm2, const char *v, const char *out) {
    char name[10][96], inputs[512];
    static const char *const stages[] = {"center", "neighbor", "center_edges", "neighbor_edges", "atoms_edges", "z",
                                         "gate",   "message",  "sum",          "update"};
    for (int i = 0; i < 10; i++) snprintf(name[i], sizeof name[i], "%s.%s", step, stages[i]);
    snprintf(inputs, sizeof inputs, "%s %s.weight_center %s.bias", v, conv, conv);
    attribute_int(b, "transB", 1);
    node(b, "Gemm", name[0], inputs);
    snprintf(inputs, sizeof inputs, "%s %s.weight_neighbor", v, conv);
    attribute_int(b, "transB", 1);
    node(b, "Gemm", name[1], inputs);
    snprintf(inputs, sizeof inputs, "%s edge_center", name[0]);
    node(b, "Gather", name[2], inputs);
    snprintf(inputs, sizeof inputs, "%s edge_neighbor", name[1]);
    node(b, "Gather", name[3], inputs);
    snprintf(inputs, sizeof inputs, "%s %s", name[2], name[3]);
    node(b, "Add", name[4], inputs);
    snprintf(inputs, sizeof inputs, "%s %s", name[4], edge_part);
    node(b, "Add", name[5], inputs);
    char z[96], halves[256], filter[96], core[96];
    snprintf(z, sizeof z, "%s.z_normal", step);
    batch_norm(b, norm1, z, name[5]);
    snprintf(halves, sizeof halves, "%s.filter %s.core", step, step);
    attribute_int(b, "axis", 1);
    node(b, "Split", halves, z);
    snprintf(filter, sizeof filter, "%s.filter", step);
    node(b, "Sigmoid", name[6], filter);
    snprintf(filter, sizeof filter, "%s.core", step);
    snprintf(core, sizeof core, "%s.core_active", step);
    node(b, "Softplus", core, filter);
    snprintf(inputs, sizeof inputs, "%s %s", name[6], core);
    node(b, "Mul", name[7], inputs);
    add_up(b, name[8], "atoms_zero", "center_index", name[7]);
    snprintf(z, sizeof z, "%s.sum_normal", step);
    batch_norm(b, norm2, z, name[8]);
    snprintf(inputs, sizeof inputs, "%s %s", v, z);
    node(b, "Add", name[9], inputs);
    node(b, "Softplus", out, name[9]);
}

static void edge_product(builder *b, const char *conv, const char *out) {
    char inputs[160];
    snprintf(inputs, sizeof inputs, "distance_features %s.weight_distance", conv);
    attribute_int(b, "transB", 1);
    node(b, "Gemm", out, inputs);
}

/* v <- (1 - a) v_old + a v_new, a = sigmoid(alpha_t) (Bhattacharjee 2026, the learnt gate) */
static void gate(builder *b, int32_t t, const char *step, const char *v_old, const char *v_new, const char *out) {
    char index[96], alpha[96], a[96], rest[96], kept[96], taken[96], inputs[256];
    snprintf(index, sizeof index, "%s.number", step);
    put_index(b, index, t);
    snprintf(alpha, sizeof alpha, "%s.alpha", step);
    snprintf(inputs, sizeof inputs, "recurrent_alpha %s", index);
    node(b, "Gather", alpha, inputs);
    snprintf(a, sizeof a, "%s.alpha_sigmoid", step);
    node(b, "Sigmoid", a, alpha);
    snprintf(rest, sizeof rest, "%s.alpha_rest", step);
    snprintf(inputs, sizeof inputs, "one %s", a);
    node(b, "Sub", rest, inputs);
    snprintf(kept, sizeof kept, "%s.kept", step);
    snprintf(inputs, sizeof inputs, "%s %s", v_old, rest);
    node(b, "Mul", kept, inputs);
    snprintf(taken, sizeof taken, "%s.taken", step);
    snprintf(inputs, sizeof inputs, "%s %s", v_new, a);
    node(b, "Mul", taken, inputs);
    snprintf(inputs, sizeof inputs, "%s %s", kept, taken);
    node(b, "Add", out, inputs);
}

static void layer_norm(builder *b, const char *out, const char *in) {
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s recurrent_norm.weight recurrent_norm.bias", in);
    attribute_int(b, "axis", -1);
    attribute_float(b, "epsilon", 1e-5);
    node(b, "LayerNormalization", out, inputs);
}

/* Step t, or layer t, from v to v.<t>. */
static void put_step(builder *b, int32_t t, const char *v) {
    const rcr_model_options *o = &b->model->options;
    int is_recurrent = o->architecture == RCR_SR_CGCNN;
    char step[32], out[32], conv[48], part[64], norm1[48], norm2[48], updated[64], gated[64];
    snprintf(step, sizeof step, "step.%d", (int)t);
    snprintf(out, sizeof out, "v.%d", (int)t);
    snprintf(updated, sizeof updated, "%s%s", o->gate || o->layer_norm ? step : out,
             o->gate || o->layer_norm ? ".updated" : "");
    snprintf(gated, sizeof gated, "%s%s", o->layer_norm ? step : out, o->layer_norm ? ".gated" : "");
    if (is_recurrent) { /* the product with the distances is the same at every step */
        snprintf(conv, sizeof conv, "shared_conv.fc_full");
        snprintf(part, sizeof part, "distance_product");
        snprintf(norm1, sizeof norm1, "recurrent_bn1s.%d", (int)t);
        snprintf(norm2, sizeof norm2, "recurrent_bn2s.%d", (int)t);
    } else {
        snprintf(conv, sizeof conv, "convs.%d.fc_full", (int)t);
        snprintf(part, sizeof part, "%s.distance_product", step);
        snprintf(norm1, sizeof norm1, "convs.%d.bn1", (int)t);
        snprintf(norm2, sizeof norm2, "convs.%d.bn2", (int)t);
    }
    if (t == 0 || !is_recurrent) edge_product(b, conv, part);
    convolution(b, step, conv, part, norm1, norm2, v, updated);
    if (o->gate) gate(b, t, step, v, updated, gated);
    if (o->layer_norm) layer_norm(b, out, o->gate ? gated : updated);
}

/* All steps or layers; their results are v.0, v.1, ... */
static void put_steps(builder *b) {
    char v[32] = "v.embedded";
    for (int32_t t = 0; t < b->model->options.depth; t++) {
        put_step(b, t, v);
        snprintf(v, sizeof v, "v.%d", (int)t);
    }
    node(b, "Identity", "atom_vectors", v);
}

/* The mean over each crystal's atoms. */
static void put_pool(builder *b) {
    attribute_axes(b, 0);
    node(b, "ReduceMax", "last_crystal", "crystal_index");
    node(b, "Add", "crystals_count", "last_crystal index_one");
    attribute_int(b, "axis", 0);
    node(b, "Concat", "crystals_shape", "crystals_count atom_width");
    node(b, "ConstantOfShape", "crystals_zero", "crystals_shape");
    attribute_int(b, "axis", 0);
    node(b, "Concat", "counts_shape", "crystals_count index_one");
    node(b, "ConstantOfShape", "counts_zero", "counts_shape");
    node(b, "Unsqueeze", "crystal_column", "crystal_index index_one");
    node(b, "Expand", "crystal_rows", "crystal_column atoms_shape");
    add_up(b, "crystal_sum", "crystals_zero", "crystal_rows", "atom_vectors");
    node(b, "Shape", "column_shape", "crystal_column");
    node(b, "Expand", "ones", "one column_shape");
    add_up(b, "atoms_count", "counts_zero", "crystal_column", "ones");
    node(b, "Div", "crystal_vectors", "crystal_sum atoms_count");
}

static void put_head(builder *b) {
    const rcr_model_options *o = &b->model->options;
    char in[48] = "hidden.0", out[48], layer[48], name[48];
    put_pool(b);
    node(b, "Softplus", "pooled", "crystal_vectors");
    linear(b, "conv_to_fc", "hidden.0.linear", "pooled");
    node(b, "Softplus", "hidden.0", "hidden.0.linear");
    for (int32_t i = 0; i + 1 < o->hidden_layers; i++) {
        snprintf(layer, sizeof layer, "fcs.%d", (int)i);
        snprintf(name, sizeof name, "hidden.%d.linear", (int)i + 1);
        snprintf(out, sizeof out, "hidden.%d", (int)i + 1);
        linear(b, layer, name, in);
        node(b, "Softplus", out, name);
        snprintf(in, sizeof in, "%s", out);
    }
    linear(b, "fc_out", "output", in);
    if (o->task == RCR_CLASSIFICATION) {
        attribute_int(b, "axis", 1);
        node(b, "Softmax", "probabilities", "output");
        attribute_int(b, "axis", 1);
        node(b, "Gather", "probability", "probabilities index_one");
        node(b, "Squeeze", "prediction", "probability index_one");
    } else {
        node(b, "Squeeze", "normalized", "output index_one");
        node(b, "Mul", "scaled", "normalized target_std");
        node(b, "Add", "prediction", "scaled target_mean");
    }
}

/* ---- inputs, outputs, metadata */

/* A tensor of a named length, and of a fixed width where width > 0. */
static void put_value(builder *b, int field, const char *name, int type, const char *length, int32_t width) {
    rcr_text value = {0}, tensor_type = {0}, any_type = {0}, shape = {0}, dimension = {0};
    rcr_proto_text(&dimension, 2, length);
    rcr_proto_message(&shape, 1, &dimension);
    if (width > 0) {
        rcr_proto_integer(&dimension, 1, width);
        rcr_proto_message(&shape, 1, &dimension);
    }
    rcr_proto_integer(&tensor_type, 1, type);
    rcr_proto_message(&tensor_type, 2, &shape);
    rcr_proto_message(&any_type, 1, &tensor_type);
    rcr_proto_text(&value, 1, name);
    rcr_proto_message(&value, 2, &any_type);
    rcr_proto_message(&b->graph, field, &value);
}

static void put_interface(builder *b, rcr_onnx_atoms atoms) {
    if (atoms == RCR_ONNX_NUMBERS)
        put_value(b, GRAPH_INPUT, "atomic_number", ELEMENT_INT64, "atoms", 0);
    else
        put_value(b, GRAPH_INPUT, "atom_features", ELEMENT_FLOAT, "atoms", b->model->elements->n_features);
    put_value(b, GRAPH_INPUT, "edge_center", ELEMENT_INT64, "edges", 0);
    put_value(b, GRAPH_INPUT, "edge_neighbor", ELEMENT_INT64, "edges", 0);
    put_value(b, GRAPH_INPUT, "edge_distance", ELEMENT_FLOAT, "edges", 0);
    put_value(b, GRAPH_INPUT, "crystal_index", ELEMENT_INT64, "atoms", 0);
    put_value(b, GRAPH_OUTPUT, "prediction", ELEMENT_FLOAT, "crystals", 0);
    rcr_proto_text(&b->graph, GRAPH_NAME, "recryst");
    rcr_proto_text(&b->graph, GRAPH_DOC, description);
}

static void put_pair(rcr_text *out, const char *key, const char *value) {
    rcr_text pair = {0};
    rcr_proto_text(&pair, 1, key);
    rcr_proto_text(&pair, 2, value);
    rcr_proto_message(out, MODEL_META, &pair);
}

static rcr_status put_metadata(rcr_text *out, const rcr_model *model, rcr_error *err) {
    rcr_model_pairs pairs = {0};
    char *table = NULL;
    size_t length = 0;
    rcr_status status = rcr_model_describe_pairs(&pairs, model, err);
    if (status == RCR_OK) status = rcr_element_table_json(&table, &length, model->elements, err);
    for (size_t i = 0; i < pairs.n; i++)
        put_pair(out, pairs.key[i], strcmp(pairs.key[i], "format") == 0 ? "recryst-onnx" : pairs.value[i]);
    if (status == RCR_OK) put_pair(out, "element_table", table);
    rcr_free(table);
    rcr_model_pairs_release(&pairs);
    return status;
}

rcr_status rcr_onnx_export(char **out, size_t *length, const rcr_model *model, rcr_onnx_atoms atoms, rcr_error *err) {
    builder b = {.model = model};
    rcr_text file = {0}, opset = {0};
    if (rcr_model_is_extended(model))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "a model of several targets, of a transformed one or with standard deviations can't be written "
                        "as ONNX");
    if (model->n_parameters + model->n_buffer_values > (size_t)INT32_MAX / 4 - (1 << 20))
        return rcr_fail(err, RCR_ERR_LIMIT, "the weights have more than the 2 GiB that an ONNX file may hold");
    put_interface(&b, atoms);
    put_weights(&b);
    if (atoms == RCR_ONNX_NUMBERS) put_element_table(&b);
    put_constants(&b);
    put_start(&b, atoms);
    put_steps(&b);
    put_head(&b);
    rcr_proto_integer(&file, MODEL_IR, IR_VERSION);
    rcr_proto_integer(&opset, 2, OPSET);
    rcr_proto_message(&file, MODEL_OPSET, &opset);
    rcr_proto_text(&file, MODEL_PRODUCER, "recryst");
    rcr_proto_text(&file, MODEL_PRODUCER_VERSION, rcr_version());
    rcr_proto_message(&file, MODEL_GRAPH, &b.graph);
    rcr_status status = put_metadata(&file, model, err);
    if (status == RCR_OK && (file.failed || b.failed)) status = rcr_fail_memory(err, "writing an ONNX file");
    if (status != RCR_OK) {
        rcr_text_free(&file);
        return status;
    }
    *out = file.data;
    *length = file.length;
    return RCR_OK;
}
