/* The network as an ONNX graph. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "exchange/export.h"
#include "exchange/onnx_build.h"
#include "exchange/onnx_values.h"
#include "model/modelfile.h"

static const char description[] =
    "A crystal graph network, in evaluation. Inputs: atoms (atomic_number [N], or atom_features [N, n]); edges "
    "edge_center [E] (the atom whose environment the edge describes), edge_neighbor [E] (the atom at its other end), "
    "both as rows of the atoms, edge_distance [E] in angstrom; crystal_index [N], the crystal of each atom, 0 .. C-1, "
    "each with at least one atom. Outputs: prediction [C], or [C, T] of T > 1 targets, in the targets' units, or the "
    "probability of class 1; as large, std where the model predicts standard deviations, and of an ensemble spread, "
    "the sample standard deviation over its networks, of which prediction is the mean.";

/* What is put together, and the network that is put in. */
typedef struct builder {
    rcr_onnx_graph *g;
    const rcr_model *model;
} builder;

/* Columns first .. first + n - 1 of a tensor of the model, under a name of its own. */
static void put_columns(builder *b, const char *name, const rcr_tensor *from, int is_buffer, int32_t first, int32_t n) {
    const rcr_real *values = (is_buffer ? b->model->buffers : b->model->parameters) + from->offset;
    int32_t width = from->rank == 2 ? from->shape[1] : 1;
    rcr_text raw = {0};
    for (int32_t row = 0; row < from->shape[0]; row++)
        for (int32_t column = first; column < first + n; column++)
            rcr_text_float32(&raw, (float)values[(size_t)row * (size_t)width + (size_t)column]);
    rcr_onnx_tensor(b->g, name, RCR_ONNX_FLOAT, from->rank, (const int64_t[]){from->shape[0], n}, &raw);
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
    rcr_onnx_tensor(b->g, "/element_table", RCR_ONNX_FLOAT, 2,
                    (const int64_t[]){RCR_MAX_ATOMIC_NUMBER + 1, table->n_features}, &raw);
}

static void put_constants(builder *b) {
    const rcr_model *m = b->model;
    rcr_text raw = {0};
    for (int32_t k = 0; k < m->n_gaussians; k++) rcr_text_float32(&raw, (float)(m->graph.dmin + k * m->graph.step));
    rcr_onnx_tensor(b->g, "/gaussian_centers", RCR_ONNX_FLOAT, 1, (const int64_t[]){m->n_gaussians}, &raw);
    rcr_onnx_scalar(b->g, "/inverse_width", 1 / m->graph.step);
    rcr_onnx_scalar(b->g, "/one", 1);
    rcr_onnx_index(b->g, "/index_one", 1);
    rcr_onnx_index(b->g, "/atom_width", m->options.atom_features);
}

/* ---- the network */

static void linear(builder *b, const char *layer, const char *out, const char *in) {
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s %s.weight %s.bias", in, layer, layer);
    rcr_onnx_int(b->g, "transB", 1);
    rcr_onnx_node(b->g, "Gemm", out, inputs);
}

static void batch_norm(builder *b, const char *norm, const char *out, const char *in) {
    char inputs[512];
    snprintf(inputs, sizeof inputs, "%s %s.weight %s.bias %s.running_mean %s.running_var", in, norm, norm, norm, norm);
    rcr_onnx_float(b->g, "epsilon", 1e-5);
    rcr_onnx_node(b->g, "BatchNormalization", out, inputs);
}

/* sum_of: rows of in added up at the rows that index names, onto zeros. */
static void add_up(builder *b, const char *out, const char *zeros, const char *index, const char *in) {
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s %s %s", zeros, index, in);
    rcr_onnx_int(b->g, "axis", 0);
    rcr_onnx_text(b->g, "reduction", "add");
    rcr_onnx_node(b->g, "ScatterElements", out, inputs);
}

/* What all networks share: exp(-((d - mu_k) / step)^2) (Xie and Grossman 2018), and the indices of the sums over
 * edges. */
static void put_start(builder *b) {
    rcr_onnx_node(b->g, "Unsqueeze", "/distance_column", "/edge_distance /index_one");
    rcr_onnx_node(b->g, "Sub", "/distance_offset", "/distance_column /gaussian_centers");
    rcr_onnx_node(b->g, "Mul", "/distance_scaled", "/distance_offset /inverse_width");
    rcr_onnx_node(b->g, "Mul", "/distance_squared", "/distance_scaled /distance_scaled");
    rcr_onnx_node(b->g, "Neg", "/distance_exponent", "/distance_squared");
    rcr_onnx_node(b->g, "Exp", "/distance_features", "/distance_exponent");
    rcr_onnx_node(b->g, "Shape", "/atoms_number", "/crystal_index");
    rcr_onnx_int(b->g, "axis", 0);
    rcr_onnx_node(b->g, "Concat", "/atoms_shape", "/atoms_number /atom_width");
    rcr_onnx_node(b->g, "ConstantOfShape", "/atoms_zero", "/atoms_shape");
    rcr_onnx_node(b->g, "Shape", "/edges_count", "/edge_center");
    rcr_onnx_int(b->g, "axis", 0);
    rcr_onnx_node(b->g, "Concat", "/messages_shape", "/edges_count /atom_width");
    rcr_onnx_node(b->g, "Unsqueeze", "/center_column", "/edge_center /index_one");
    rcr_onnx_node(b->g, "Expand", "/center_index", "/center_column /messages_shape");
}

/* The atoms' vectors before the first step. */
static void put_embedding(builder *b, rcr_onnx_atoms atoms) {
    if (atoms == RCR_ONNX_FEATURES) {
        linear(b, "embedding", "v.embedded", "/atom_features");
        return;
    }
    linear(b, "embedding", "element_vectors", "/element_table");
    rcr_onnx_int(b->g, "axis", 0);
    rcr_onnx_node(b->g, "Gather", "v.embedded", "element_vectors /atomic_number");
}

/* One convolution on atom vectors v: out = softplus(v + norm2(sum over edges of sigmoid(filter) softplus(core))). */
static void convolution(builder *b, const char *step, const char *conv, const char *edge_part, const char *norm1,
                        const char *norm2, const char *v, const char *out) {
    char name[10][96], inputs[512];
    static const char *const stages[] = {"center", "neighbor", "center_edges", "neighbor_edges", "atoms_edges", "z",
                                         "gate",   "message",  "sum",          "update"};
    for (int i = 0; i < 10; i++) snprintf(name[i], sizeof name[i], "%s.%s", step, stages[i]);
    snprintf(inputs, sizeof inputs, "%s %s.weight_center %s.bias", v, conv, conv);
    rcr_onnx_int(b->g, "transB", 1);
    rcr_onnx_node(b->g, "Gemm", name[0], inputs);
    snprintf(inputs, sizeof inputs, "%s %s.weight_neighbor", v, conv);
    rcr_onnx_int(b->g, "transB", 1);
    rcr_onnx_node(b->g, "Gemm", name[1], inputs);
    rcr_onnx_node2(b->g, "Gather", name[2], name[0], "/edge_center");
    rcr_onnx_node2(b->g, "Gather", name[3], name[1], "/edge_neighbor");
    rcr_onnx_node2(b->g, "Add", name[4], name[2], name[3]);
    rcr_onnx_node2(b->g, "Add", name[5], name[4], edge_part);
    char z[96], halves[256], filter[96], core[96];
    snprintf(z, sizeof z, "%s.z_normal", step);
    batch_norm(b, norm1, z, name[5]);
    snprintf(halves, sizeof halves, "%s.filter %s.core", step, step);
    rcr_onnx_int(b->g, "axis", 1);
    rcr_onnx_node(b->g, "Split", halves, z);
    snprintf(filter, sizeof filter, "%s.filter", step);
    rcr_onnx_node(b->g, "Sigmoid", name[6], filter);
    snprintf(filter, sizeof filter, "%s.core", step);
    snprintf(core, sizeof core, "%s.core_active", step);
    rcr_onnx_node(b->g, "Softplus", core, filter);
    rcr_onnx_node2(b->g, "Mul", name[7], name[6], core);
    add_up(b, name[8], "/atoms_zero", "/center_index", name[7]);
    snprintf(z, sizeof z, "%s.sum_normal", step);
    batch_norm(b, norm2, z, name[8]);
    rcr_onnx_node2(b->g, "Add", name[9], v, z);
    rcr_onnx_node(b->g, "Softplus", out, name[9]);
}

static void edge_product(builder *b, const char *conv, const char *out) {
    char inputs[160];
    snprintf(inputs, sizeof inputs, "/distance_features %s.weight_distance", conv);
    rcr_onnx_int(b->g, "transB", 1);
    rcr_onnx_node(b->g, "Gemm", out, inputs);
}

/* v <- (1 - a) v_old + a v_new, a = sigmoid(alpha_t) (Bhattacharjee 2026, the learnt gate) */
static void gate(builder *b, int32_t t, const char *step, const char *v_old, const char *v_new, const char *out) {
    char index[96], alpha[96], a[96], rest[96], kept[96], taken[96];
    snprintf(index, sizeof index, "%s.number", step);
    rcr_onnx_index(b->g, index, t);
    snprintf(alpha, sizeof alpha, "%s.alpha", step);
    rcr_onnx_node2(b->g, "Gather", alpha, "recurrent_alpha", index);
    snprintf(a, sizeof a, "%s.alpha_sigmoid", step);
    rcr_onnx_node(b->g, "Sigmoid", a, alpha);
    snprintf(rest, sizeof rest, "%s.alpha_rest", step);
    rcr_onnx_node2(b->g, "Sub", rest, "/one", a);
    snprintf(kept, sizeof kept, "%s.kept", step);
    rcr_onnx_node2(b->g, "Mul", kept, v_old, rest);
    snprintf(taken, sizeof taken, "%s.taken", step);
    rcr_onnx_node2(b->g, "Mul", taken, v_new, a);
    rcr_onnx_node2(b->g, "Add", out, kept, taken);
}

static void layer_norm(builder *b, const char *out, const char *in) {
    char inputs[256];
    snprintf(inputs, sizeof inputs, "%s recurrent_norm.weight recurrent_norm.bias", in);
    rcr_onnx_int(b->g, "axis", -1);
    rcr_onnx_float(b->g, "epsilon", 1e-5);
    rcr_onnx_node(b->g, "LayerNormalization", out, inputs);
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
    rcr_onnx_node(b->g, "Identity", "atom_vectors", v);
}

/* For the means over each crystal's atoms: how many atoms there are, and where each goes. */
static void put_counts(builder *b) {
    rcr_onnx_ints(b->g, "axes", (const int64_t[]){0}, 1);
    rcr_onnx_node(b->g, "ReduceMax", "/last_crystal", "/crystal_index");
    rcr_onnx_node(b->g, "Add", "/crystals_count", "/last_crystal /index_one");
    rcr_onnx_int(b->g, "axis", 0);
    rcr_onnx_node(b->g, "Concat", "/crystals_shape", "/crystals_count /atom_width");
    rcr_onnx_node(b->g, "ConstantOfShape", "/crystals_zero", "/crystals_shape");
    rcr_onnx_int(b->g, "axis", 0);
    rcr_onnx_node(b->g, "Concat", "/counts_shape", "/crystals_count /index_one");
    rcr_onnx_node(b->g, "ConstantOfShape", "/counts_zero", "/counts_shape");
    rcr_onnx_node(b->g, "Unsqueeze", "/crystal_column", "/crystal_index /index_one");
    rcr_onnx_node(b->g, "Expand", "/crystal_rows", "/crystal_column /atoms_shape");
    rcr_onnx_node(b->g, "Shape", "/column_shape", "/crystal_column");
    rcr_onnx_node(b->g, "Expand", "/ones", "/one /column_shape");
    add_up(b, "/atoms_count", "/counts_zero", "/crystal_column", "/ones");
}

static void put_head(builder *b) {
    const rcr_model_options *o = &b->model->options;
    char in[48] = "hidden.0", out[48], layer[48], name[48];
    add_up(b, "crystal_sum", "/crystals_zero", "/crystal_rows", "atom_vectors");
    rcr_onnx_node(b->g, "Div", "crystal_vectors", "crystal_sum /atoms_count");
    rcr_onnx_node(b->g, "Softplus", "pooled", "crystal_vectors");
    linear(b, "conv_to_fc", "hidden.0.linear", "pooled");
    rcr_onnx_node(b->g, "Softplus", "hidden.0", "hidden.0.linear");
    for (int32_t i = 0; i + 1 < o->hidden_layers; i++) {
        snprintf(layer, sizeof layer, "fcs.%d", (int)i);
        snprintf(name, sizeof name, "hidden.%d.linear", (int)i + 1);
        snprintf(out, sizeof out, "hidden.%d", (int)i + 1);
        linear(b, layer, name, in);
        rcr_onnx_node(b->g, "Softplus", out, name);
        snprintf(in, sizeof in, "%s", out);
    }
    linear(b, "fc_out", "output", in);
}

/* ---- inputs, outputs, metadata */

static void put_interface(builder *b, rcr_onnx_atoms atoms) {
    const rcr_model *m = b->model;
    int32_t width = m->options.n_targets > 1 ? m->options.n_targets : 0;
    if (atoms == RCR_ONNX_NUMBERS)
        rcr_onnx_input(b->g, "atomic_number", RCR_ONNX_INT64, "atoms", 0);
    else
        rcr_onnx_input(b->g, "atom_features", RCR_ONNX_FLOAT, "atoms", m->elements->n_features);
    rcr_onnx_input(b->g, "edge_center", RCR_ONNX_INT64, "edges", 0);
    rcr_onnx_input(b->g, "edge_neighbor", RCR_ONNX_INT64, "edges", 0);
    rcr_onnx_input(b->g, "edge_distance", RCR_ONNX_FLOAT, "edges", 0);
    rcr_onnx_input(b->g, "crystal_index", RCR_ONNX_INT64, "atoms", 0);
    rcr_onnx_output(b->g, "prediction", RCR_ONNX_FLOAT, "crystals", width);
    if (m->options.variance) rcr_onnx_output(b->g, "std", RCR_ONNX_FLOAT, "crystals", width);
    if (m->n_members > 1) rcr_onnx_output(b->g, "spread", RCR_ONNX_FLOAT, "crystals", width);
}

static rcr_status put_metadata(rcr_text *out, const rcr_model *model, rcr_error *err) {
    rcr_model_pairs pairs = {0};
    char *table = NULL;
    size_t length = 0;
    rcr_status status = rcr_model_describe_pairs(&pairs, model, err);
    if (status == RCR_OK) status = rcr_element_table_json(&table, &length, model->elements, err);
    for (size_t i = 0; i < pairs.n; i++)
        rcr_onnx_metadata(out, pairs.key[i], strcmp(pairs.key[i], "format") == 0 ? "recryst-onnx" : pairs.value[i]);
    if (status == RCR_OK) rcr_onnx_metadata(out, "element_table", table);
    rcr_free(table);
    rcr_model_pairs_release(&pairs);
    return status;
}

/* All networks; what does not depend on their weights comes once. */
static void put_networks(builder *b, rcr_onnx_atoms atoms) {
    const rcr_model *model = b->model;
    if (atoms == RCR_ONNX_NUMBERS) put_element_table(b);
    put_constants(b);
    put_start(b);
    put_counts(b);
    for (size_t m = 0; m < model->n_members; m++) {
        b->model = rcr_model_member(model, m);
        rcr_onnx_prefix(b->g, model, m);
        put_weights(b);
        put_embedding(b, atoms);
        put_steps(b);
        put_head(b);
        rcr_onnx_values(b->g, b->model);
    }
    b->model = model;
    rcr_onnx_join(b->g, model);
}

rcr_status rcr_onnx_export(char **out, size_t *length, const rcr_model *model, rcr_onnx_atoms atoms, rcr_error *err) {
    rcr_onnx_graph graph = {.failed = 0};
    builder b = {.g = &graph, .model = model};
    rcr_text metadata = {0};
    size_t most = (size_t)INT32_MAX / 4 - (1 << 20);
    if (model->n_parameters + model->n_buffer_values > most / model->n_members)
        return rcr_fail(err, RCR_ERR_LIMIT, "the weights have more than the 2 GiB that an ONNX file may hold");
    rcr_status status = rcr_export_check_scales(model, err);
    if (status == RCR_OK) status = put_metadata(&metadata, model, err);
    if (status != RCR_OK) {
        rcr_text_free(&metadata);
        return status;
    }
    put_interface(&b, atoms);
    put_networks(&b, atoms);
    return rcr_onnx_take(out, length, &graph, description, &metadata, err);
}
