/* The messages of onnx.proto (https://onnx.ai, IR version 8, opset 17), written field by field. */
#include "exchange/onnx_build.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "exchange/protobuf.h"

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
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { IR_VERSION = 8, OPSET = 17 };

/* ---- names */

static void put_name(const rcr_onnx_graph *g, rcr_text *out, int field, const char *name, size_t length) {
    if (name[0] == '/') {
        rcr_proto_bytes(out, field, name + 1, length - 1);
        return;
    }
    rcr_text full = {0};
    rcr_text_puts(&full, g->prefix);
    rcr_text_append(&full, name, length);
    rcr_proto_message(out, field, &full);
}

static void put_names(const rcr_onnx_graph *g, rcr_text *out, int field, const char *names) {
    while (*names != '\0') {
        size_t n = strcspn(names, " ");
        put_name(g, out, field, names, n);
        names += n + (names[n] == ' ');
    }
}

/* ---- attributes, nodes */

void rcr_onnx_int(rcr_onnx_graph *g, const char *name, int64_t value) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    rcr_proto_integer(&a, ATTRIBUTE_INT, value);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_INT);
    rcr_proto_message(&g->attributes, NODE_ATTRIBUTE, &a);
}

void rcr_onnx_float(rcr_onnx_graph *g, const char *name, double value) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    rcr_proto_float(&a, ATTRIBUTE_FLOAT, (float)value);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_FLOAT);
    rcr_proto_message(&g->attributes, NODE_ATTRIBUTE, &a);
}

void rcr_onnx_text(rcr_onnx_graph *g, const char *name, const char *value) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    rcr_proto_text(&a, ATTRIBUTE_TEXT, value);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_TEXT);
    rcr_proto_message(&g->attributes, NODE_ATTRIBUTE, &a);
}

void rcr_onnx_ints(rcr_onnx_graph *g, const char *name, const int64_t *value, size_t n) {
    rcr_text a = {0};
    rcr_proto_text(&a, ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < n; i++) rcr_proto_integer(&a, ATTRIBUTE_INTS, value[i]);
    rcr_proto_integer(&a, ATTRIBUTE_TYPE, TYPE_INTS);
    rcr_proto_message(&g->attributes, NODE_ATTRIBUTE, &a);
}

void rcr_onnx_node(rcr_onnx_graph *g, const char *op, const char *outputs, const char *inputs) {
    rcr_text n = {0};
    put_names(g, &n, NODE_INPUT, inputs);
    put_names(g, &n, NODE_OUTPUT, outputs);
    put_name(g, &n, NODE_NAME, outputs, strcspn(outputs, " "));
    rcr_proto_text(&n, NODE_OP, op);
    if (g->attributes.length > 0) rcr_text_append(&n, g->attributes.data, g->attributes.length);
    if (g->attributes.failed) g->failed = 1;
    rcr_text_free(&g->attributes);
    rcr_proto_message(&g->bytes, GRAPH_NODE, &n);
}

void rcr_onnx_node2(rcr_onnx_graph *g, const char *op, const char *output, const char *a, const char *b) {
    char inputs[RCR_ONNX_NAMES];
    snprintf(inputs, sizeof inputs, "%s %s", a, b);
    rcr_onnx_node(g, op, output, inputs);
}

/* ---- constants */

void rcr_onnx_tensor(rcr_onnx_graph *g, const char *name, rcr_onnx_element type, int32_t rank, const int64_t *shape,
                     rcr_text *raw) {
    rcr_text t = {0};
    for (int32_t d = 0; d < rank; d++) rcr_proto_integer(&t, TENSOR_DIM, shape[d]);
    rcr_proto_integer(&t, TENSOR_TYPE, type);
    put_name(g, &t, TENSOR_NAME, name, strlen(name));
    rcr_proto_message(&t, TENSOR_RAW, raw);
    rcr_proto_message(&g->bytes, GRAPH_INITIALIZER, &t);
}

void rcr_onnx_scalar(rcr_onnx_graph *g, const char *name, double value) {
    rcr_text raw = {0};
    rcr_text_float32(&raw, (float)value);
    rcr_onnx_tensor(g, name, RCR_ONNX_FLOAT, 0, NULL, &raw);
}

void rcr_onnx_index(rcr_onnx_graph *g, const char *name, int64_t value) {
    rcr_text raw = {0};
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)value >> (8 * i) & 0xff);
    rcr_text_append(&raw, bytes, sizeof bytes);
    rcr_onnx_tensor(g, name, RCR_ONNX_INT64, 1, (const int64_t[]){1}, &raw);
}

/* ---- inputs, outputs, the file */

static void put_value(rcr_onnx_graph *g, int field, const char *name, rcr_onnx_element type, const char *length,
                      int32_t width) {
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
    rcr_proto_message(&g->bytes, field, &value);
}

void rcr_onnx_input(rcr_onnx_graph *g, const char *name, rcr_onnx_element type, const char *length, int32_t width) {
    put_value(g, GRAPH_INPUT, name, type, length, width);
}

void rcr_onnx_output(rcr_onnx_graph *g, const char *name, rcr_onnx_element type, const char *length, int32_t width) {
    put_value(g, GRAPH_OUTPUT, name, type, length, width);
}

void rcr_onnx_metadata(rcr_text *out, const char *key, const char *value) {
    rcr_text pair = {0};
    rcr_proto_text(&pair, 1, key);
    rcr_proto_text(&pair, 2, value);
    rcr_proto_message(out, MODEL_META, &pair);
}

rcr_status rcr_onnx_take(char **out, size_t *length, rcr_onnx_graph *g, const char *description, rcr_text *metadata,
                         rcr_error *err) {
    rcr_text file = {0}, opset = {0};
    rcr_proto_text(&g->bytes, GRAPH_NAME, "recryst");
    rcr_proto_text(&g->bytes, GRAPH_DOC, description);
    rcr_proto_integer(&file, MODEL_IR, IR_VERSION);
    rcr_proto_integer(&opset, 2, OPSET);
    rcr_proto_message(&file, MODEL_OPSET, &opset);
    rcr_proto_text(&file, MODEL_PRODUCER, "recryst");
    rcr_proto_text(&file, MODEL_PRODUCER_VERSION, rcr_version());
    rcr_proto_message(&file, MODEL_GRAPH, &g->bytes);
    if (metadata->length > 0) rcr_text_append(&file, metadata->data, metadata->length);
    int failed = file.failed || g->failed || metadata->failed;
    rcr_text_free(&g->attributes);
    rcr_text_free(metadata);
    if (failed) {
        rcr_text_free(&file);
        return rcr_fail_memory(err, "writing an ONNX file");
    }
    *out = file.data;
    *length = file.length;
    return RCR_OK;
}
