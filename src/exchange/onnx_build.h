/*
 * An ONNX graph that is being put together, node by node.
 *
 * Names: those of a network get the builder's prefix, so that an ensemble's networks stand beside each other; a name
 * that begins with '/' belongs to the whole graph and is written without both.  A list of names has blanks between.
 * Failures are remembered, and told when the graph is taken.
 */
#ifndef RCR_MODEL_ONNX_BUILD_H
#define RCR_MODEL_ONNX_BUILD_H

#include "base/text.h"
#include "recryst.h"

/* Room for a name, and for a list of them. */
enum { RCR_ONNX_NAME = 96, RCR_ONNX_NAMES = 512 };

typedef enum rcr_onnx_element { RCR_ONNX_FLOAT = 1, RCR_ONNX_INT64 = 7 } rcr_onnx_element;

/* Zero-initialise. */
typedef struct rcr_onnx_graph {
    char prefix[32];
    rcr_text bytes;      /* fields of the graph */
    rcr_text attributes; /* of the next node */
    int failed;
} rcr_onnx_graph;

/* Attributes of the node that comes next. */
void rcr_onnx_int(rcr_onnx_graph *g, const char *name, int64_t value);
void rcr_onnx_float(rcr_onnx_graph *g, const char *name, double value);
void rcr_onnx_text(rcr_onnx_graph *g, const char *name, const char *value);
void rcr_onnx_ints(rcr_onnx_graph *g, const char *name, const int64_t *value, size_t n);

/* A node with the attributes that were set since the last one; it bears the name of its (first) output. */
void rcr_onnx_node(rcr_onnx_graph *g, const char *op, const char *outputs, const char *inputs);
/* The same with one output, and the inputs a and b. */
void rcr_onnx_node2(rcr_onnx_graph *g, const char *op, const char *output, const char *a, const char *b);

/* A constant tensor; raw, little-endian values, is emptied. */
void rcr_onnx_tensor(rcr_onnx_graph *g, const char *name, rcr_onnx_element type, int32_t rank, const int64_t *shape,
                     rcr_text *raw);
void rcr_onnx_scalar(rcr_onnx_graph *g, const char *name, double value);
/* A vector of one whole number. */
void rcr_onnx_index(rcr_onnx_graph *g, const char *name, int64_t value);

/* An input or output of the whole graph: a tensor of a named length, and of a fixed width where width > 0. */
void rcr_onnx_input(rcr_onnx_graph *g, const char *name, rcr_onnx_element type, const char *length, int32_t width);
void rcr_onnx_output(rcr_onnx_graph *g, const char *name, rcr_onnx_element type, const char *length, int32_t width);

/* The file: the graph, its name and description, and pairs of metadata (fields of the model, from
 * rcr_onnx_metadata; emptied).  The graph is released in every case.  *out is freed with rcr_free.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_onnx_take(char **out, size_t *length, rcr_onnx_graph *g, const char *description, rcr_text *metadata,
                         rcr_error *err);
void rcr_onnx_metadata(rcr_text *out, const char *key, const char *value);

#endif
