/* The graphs that the reference program built, from the reference data. */
#ifndef RCR_TESTS_SUPPORT_REFERENCE_GRAPHS_H
#define RCR_TESTS_SUPPORT_REFERENCE_GRAPHS_H

#include <jansson.h>

#include "base/file.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "model/safetensors.h"
#include "support/check.h"

/* A safetensors file of the reference data with its bytes. */
typedef struct reference_file {
    char *bytes;
    rcr_safetensors *file;
} reference_file;

static inline reference_file reference_open(const char *name) {
    reference_file r = {0};
    size_t length = 0;
    rcr_error err = {0};
    if (rcr_file_read(&r.bytes, &length, shared_path(name), (size_t)1 << 28, &err) != RCR_OK ||
        rcr_safetensors_parse(&r.file, r.bytes, length, &err) != RCR_OK)
        fail_msg("%s: %s", name, err.message);
    return r;
}

static inline void reference_close(reference_file *r) {
    rcr_safetensors_free(r->file);
    rcr_free(r->bytes);
}

/* A metadata value that is JSON; json_decref it. */
static inline json_t *reference_json(const reference_file *r, const char *key) {
    json_t *value = json_loads(rcr_safetensors_meta(r->file, key), 0, NULL);
    assert_non_null(value);
    return value;
}

/* The graph of that id out of graphs.safetensors, twelve edges an atom, padding included; rcr_graph_free it. */
static inline rcr_graph *reference_graph(const reference_file *graphs, const char *id) {
    json_t *ids = reference_json(graphs, "ids");
    size_t place = 0;
    while (place < json_array_size(ids) && strcmp(json_string_value(json_array_get(ids, place)), id) != 0) place++;
    if (place == json_array_size(ids)) fail_msg("the reference graphs lack %s", id);
    json_decref(ids);
    const rcr_st_tensor *offset = rcr_safetensors_find(graphs->file, "atom_offset"),
                        *z = rcr_safetensors_find(graphs->file, "atomic_number"),
                        *index = rcr_safetensors_find(graphs->file, "neighbor_index"),
                        *distance = rcr_safetensors_find(graphs->file, "neighbor_distance");
    size_t first = (size_t)rcr_st_value(offset, place), end = (size_t)rcr_st_value(offset, place + 1);
    int32_t N = (int32_t)(end - first), M = (int32_t)index->shape[1];
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_create(&graph, N, N * M, NULL), RCR_OK);
    for (int32_t i = 0; i < N; i++) {
        graph->atomic_number[i] = (uint8_t)rcr_st_value(z, first + (size_t)i);
        graph->offset[i + 1] = (i + 1) * M;
    }
    for (size_t e = 0; e < (size_t)N * (size_t)M; e++) {
        graph->neighbor[e] = (int32_t)rcr_st_value(index, first * (size_t)M + e);
        graph->distance[e] = rcr_st_value(distance, first * (size_t)M + e);
    }
    return graph;
}

#endif
