/* Small models and graphs for tests, made from a seed. */
#ifndef RCR_TESTS_SUPPORT_MODELS_H
#define RCR_TESTS_SUPPORT_MODELS_H

#include "base/rng.h"
#include "graph/graph.h"
#include "model/model.h"
#include "support/check.h"

/* One option set for each thing that an architecture can have. */
static const rcr_model_options model_variants[] = {
    {.architecture = RCR_SR_CGCNN, .depth = 3, .atom_features = 8, .hidden = 12, .hidden_layers = 1},
    {.architecture = RCR_SR_CGCNN, .depth = 2, .gate = 1, .atom_features = 5, .hidden = 3, .hidden_layers = 2},
    {.architecture = RCR_SR_CGCNN, .depth = 1, .layer_norm = 1, .atom_features = 3, .hidden = 20, .hidden_layers = 1},
    {.architecture = RCR_SR_CGCNN,
     .task = RCR_CLASSIFICATION,
     .depth = 4,
     .gate = 1,
     .layer_norm = 1,
     .atom_features = 6,
     .hidden = 7,
     .hidden_layers = 3},
    {.architecture = RCR_CGCNN, .depth = 3, .atom_features = 8, .hidden = 12, .hidden_layers = 2},
    {.architecture = RCR_CGCNN, .depth = 1, .atom_features = 16, .hidden = 16, .hidden_layers = 1},
    {.architecture = RCR_CGCNN,
     .task = RCR_CLASSIFICATION,
     .depth = 2,
     .atom_features = 4,
     .hidden = 5,
     .hidden_layers = 1},
    /* extended ones: past N_MODEL_VARIANTS */
    {.architecture = RCR_SR_CGCNN,
     .depth = 2,
     .atom_features = 7,
     .hidden = 6,
     .hidden_layers = 1,
     .n_targets = 3,
     .variance = 1},
    {.architecture = RCR_CGCNN, .depth = 2, .atom_features = 5, .hidden = 6, .hidden_layers = 2, .n_targets = 2},
    {.architecture = RCR_SR_CGCNN, .depth = 1, .atom_features = 4, .hidden = 6, .hidden_layers = 1, .variance = 1},
};
enum {
    N_ALL_VARIANTS = sizeof model_variants / sizeof model_variants[0],
    N_MODEL_VARIANTS = N_ALL_VARIANTS - 3 /* of one target's values as they are */
};

/* A model on CGCNN's element table whose norms, statistics and normaliser are not the trivial ones. */
static inline rcr_model *make_model(const rcr_model_options *options, uint64_t seed) {
    rcr_element_table *elements = NULL;
    rcr_model *model = NULL;
    rcr_graph_options graph = rcr_graph_options_default();
    rcr_error err = {0};
    rcr_rng rng;
    rcr_rng_seed(&rng, seed, 99);
    assert_int_equal(rcr_element_table_cgcnn(&elements, &err), RCR_OK);
    assert_int_equal(rcr_model_create(&model, options, &graph, elements, seed, &err), RCR_OK);
    rcr_element_table_free(elements);
    for (size_t i = 0; i < model->n_tensors; i++) {
        const rcr_tensor *tensor = &model->tensor[i];
        if (strstr(tensor->name, "bn") == NULL && strstr(tensor->name, "norm") == NULL) continue;
        for (size_t j = 0; j < tensor->count; j++)
            model->parameters[tensor->offset + j] += (rcr_real)(rcr_rng_uniform(&rng) - 0.5);
    }
    for (size_t i = 0; i < model->n_buffer_values; i++) model->buffers[i] += (rcr_real)(0.5 * rcr_rng_uniform(&rng));
    model->targets[0].scale.normalizer = (rcr_normalizer){.mean = -1.25, .std = 0.75};
    assert_int_equal(rcr_model_set_target(model, "formation energy", "eV/atom", &err), RCR_OK);
    for (int32_t k = 1; k < model->options.n_targets; k++) {
        rcr_transform_kind kind = k == 1 ? RCR_TRANSFORM_LOG : RCR_TRANSFORM_YEO_JOHNSON;
        model->targets[k].scale = (rcr_scale){{kind, k == 1 ? 0 : 1.0 / 3}, {.mean = 0.5 * k, .std = 1.0 / (k + 1)}};
        assert_int_equal(rcr_model_set_target_at(model, k, k == 1 ? "bulk, \"VRH\"" : "", "GPa", &err), RCR_OK);
    }
    return model;
}

/* A graph of n_atoms atoms with up to max_degree edges each, some with none. */
static inline rcr_graph *make_graph(rcr_rng *rng, int32_t n_atoms, int32_t max_degree) {
    rcr_graph *graph = NULL;
    int32_t *degree = calloc((size_t)n_atoms, sizeof *degree), n_edges = 0;
    assert_non_null(degree);
    for (int32_t i = 0; i < n_atoms; i++) n_edges += degree[i] = (int32_t)rcr_rng_below(rng, (uint64_t)max_degree + 1);
    assert_int_equal(rcr_graph_create(&graph, n_atoms, n_edges, NULL), RCR_OK);
    int32_t e = 0;
    for (int32_t i = 0; i < n_atoms; i++) {
        graph->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(rng, 100));
        graph->offset[i + 1] = graph->offset[i] + degree[i];
        double distance = 1.5;
        for (int32_t k = 0; k < degree[i]; k++, e++) {
            graph->neighbor[e] = (int32_t)rcr_rng_below(rng, (uint64_t)n_atoms);
            graph->distance[e] = distance += 0.4 * rcr_rng_uniform(rng);
        }
    }
    free(degree);
    return graph;
}

/* A graph of `sheets` copies of each atom of another, in any order: a copy's edges are those of the atom, each to any
 * one copy of the neighbour.  The copies of an atom are equivalent. */
static inline rcr_graph *make_cover(rcr_rng *rng, const rcr_graph *graph, int32_t sheets) {
    int32_t n = graph->n_atoms, all = n * sheets, e = 0, k = 0;
    int32_t *place = calloc((size_t)all, sizeof *place), *of = calloc((size_t)all, sizeof *of);
    assert_true(place != NULL && of != NULL);
    for (int32_t i = 0; i < all; i++) of[i] = i;
    for (int32_t i = all - 1; i > 0; i--) {
        int32_t j = (int32_t)rcr_rng_below(rng, (uint64_t)i + 1), swap = of[i];
        of[i] = of[j];
        of[j] = swap;
    }
    for (int32_t i = 0; i < all; i++) place[of[i]] = i; /* copy c of atom a, number c n + a, is atom place[c n + a] */
    rcr_graph *cover = NULL;
    int32_t species = graph->species_offset != NULL ? graph->species_offset[n] * sheets : 0;
    assert_int_equal(rcr_graph_create_disordered(&cover, all, graph->n_edges * sheets, species, NULL), RCR_OK);
    for (int32_t i = 0; i < all; i++) {
        int32_t a = of[i] % n;
        cover->atomic_number[i] = graph->atomic_number[a];
        for (int32_t from = graph->offset[a]; from < graph->offset[a + 1]; from++, e++) {
            cover->neighbor[e] = place[(int32_t)rcr_rng_below(rng, (uint64_t)sheets) * n + graph->neighbor[from]];
            cover->distance[e] = graph->distance[from];
        }
        cover->offset[i + 1] = e;
        if (species == 0) continue;
        for (int32_t from = graph->species_offset[a]; from < graph->species_offset[a + 1]; from++, k++) {
            cover->species_number[k] = graph->species_number[from];
            cover->species_occupancy[k] = graph->species_occupancy[from];
        }
        cover->species_offset[i + 1] = k;
    }
    free(place);
    free(of);
    return cover;
}

/* make_graph, in which every third atom has two species and every sixth a vacancy too. */
static inline rcr_graph *make_disordered_graph(rcr_rng *rng, int32_t n_atoms, int32_t max_degree) {
    rcr_graph *plain = make_graph(rng, n_atoms, max_degree), *graph = NULL;
    int32_t k = 0;
    assert_int_equal(rcr_graph_create_disordered(&graph, n_atoms, plain->n_edges, n_atoms + (n_atoms + 2) / 3, NULL),
                     0);
    memcpy(graph->offset, plain->offset, ((size_t)n_atoms + 1) * sizeof *graph->offset);
    memcpy(graph->neighbor, plain->neighbor, (size_t)plain->n_edges * sizeof *graph->neighbor);
    memcpy(graph->distance, plain->distance, (size_t)plain->n_edges * sizeof *graph->distance);
    for (int32_t i = 0; i < n_atoms; i++) {
        uint8_t z = (uint8_t)(plain->atomic_number[i] < 95 ? plain->atomic_number[i] : 95);
        double share = i % 3 == 0 ? 0.5 + 0.25 * rcr_rng_uniform(rng) : 1;
        graph->atomic_number[i] = z;
        graph->species_number[k] = z;
        graph->species_occupancy[k++] = share;
        if (i % 3 == 0) {
            graph->species_number[k] = (uint8_t)(z + 1 + (int)rcr_rng_below(rng, 4));
            graph->species_occupancy[k++] = i % 6 == 0 ? 0.5 * (1 - share) : 1 - share;
        }
        graph->species_offset[i + 1] = k;
    }
    rcr_graph_free(plain);
    return graph;
}

#endif
