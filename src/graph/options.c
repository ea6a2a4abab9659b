/* The options of a graph, and the graph as an object. */
#include "graph/graph.h"

#include <math.h>
#include <string.h>

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "graph/internal.h"

rcr_graph_options rcr_graph_options_default(void) {
    return (rcr_graph_options){.radius = 8.0,
                               .max_neighbors = 12,
                               .dmin = 0.0,
                               .step = 0.2,
                               .padding = RCR_PADDING_NONE,
                               .ties = RCR_TIES_CUT,
                               .tie_tolerance = 0.0,
                               .disorder = RCR_DISORDER_REFUSE};
}

/* numpy.arange(dmin, radius + step, step) has this many elements. */
static double gaussians_wanted(const rcr_graph_options *options) {
    return ceil((options->radius + options->step - options->dmin) / options->step);
}

int32_t rcr_graph_options_n_gaussians(const rcr_graph_options *options) {
    RCR_OWN_FLOATING;
    double wanted = gaussians_wanted(options);
    if (!(wanted >= 1.0)) return 0;
    return wanted > RCR_GRAPH_MAX_GAUSSIANS ? RCR_GRAPH_MAX_GAUSSIANS : (int32_t)wanted;
}

double rcr_graph_reach(const rcr_graph_options *options) {
    return sqrt(options->radius * options->radius + RCR_GRAPH_REACH_SLACK);
}

double rcr_graph_tie_tolerance(const rcr_graph_options *options) {
    if (options->tie_tolerance > 0.0) return options->tie_tolerance;
    return options->ties == RCR_TIES_KEEP ? 1e-4 : 1e-9;
}

rcr_status rcr_graph_options_check(const rcr_graph_options *options, rcr_error *err) {
    if (!(options->radius > 0.0 && options->radius <= RCR_GRAPH_MAX_RADIUS))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the graph's radius is %g angstrom; it must be above 0 and at most %g",
                        options->radius, RCR_GRAPH_MAX_RADIUS);
    if (options->max_neighbors < 1 || options->max_neighbors > RCR_GRAPH_MAX_NEIGHBORS)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the greatest number of neighbors is %ld; it must be 1 to %d",
                        (long)options->max_neighbors, RCR_GRAPH_MAX_NEIGHBORS);
    if (!(options->step > 0.0 && isfinite(options->step)))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the step of the distance Gaussians is %g angstrom; it must be above 0",
                        options->step);
    if (!(options->dmin >= 0.0 && options->dmin < options->radius))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the first distance Gaussian stands at dmin = %g angstrom; it must be 0 or more and less than "
                        "the radius of %g",
                        options->dmin, options->radius);
    if (gaussians_wanted(options) > RCR_GRAPH_MAX_GAUSSIANS)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "a step of %g angstrom makes %.0f distance Gaussians up to the radius of %g; at most %d are "
                        "possible: take a greater step",
                        options->step, gaussians_wanted(options), options->radius, RCR_GRAPH_MAX_GAUSSIANS);
    if (options->padding != RCR_PADDING_NONE && options->padding != RCR_PADDING_REFERENCE)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no padding of number %d", (int)options->padding);
    if (options->ties != RCR_TIES_CUT && options->ties != RCR_TIES_KEEP)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no treatment of ties of number %d", (int)options->ties);
    if (options->disorder != RCR_DISORDER_REFUSE && options->disorder != RCR_DISORDER_AVERAGE)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no treatment of disorder of number %d",
                        (int)options->disorder);
    double tolerance = options->tie_tolerance;
    if (!(tolerance == 0.0 || (tolerance >= 1e-10 && tolerance <= 0.1)))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the tolerance of tied distances is %g angstrom; it must be 0 (automatic) or 1e-10 to 0.1",
                        tolerance);
    return RCR_OK;
}

int rcr_graph_options_equal(const rcr_graph_options *a, const rcr_graph_options *b) {
    return a->radius == b->radius && a->max_neighbors == b->max_neighbors && a->dmin == b->dmin && a->step == b->step &&
           a->padding == b->padding && a->ties == b->ties && rcr_graph_tie_tolerance(a) == rcr_graph_tie_tolerance(b) &&
           a->disorder == b->disorder;
}

rcr_status rcr_graph_create(rcr_graph **out, int32_t n_atoms, int32_t n_edges, rcr_error *err) {
    return rcr_graph_create_disordered(out, n_atoms, n_edges, 0, err);
}

rcr_status rcr_graph_create_disordered(rcr_graph **out, int32_t n_atoms, int32_t n_edges, int32_t n_species,
                                       rcr_error *err) {
    if (n_atoms < 0 || n_edges < 0 || n_species < 0)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a graph of %ld atoms and %ld edges is asked for", (long)n_atoms,
                        (long)n_edges);
    /* struct | distance, occupancy | offset, neighbor, species offset | atomic numbers, species numbers: from the
     * strictest alignment to the weakest */
    size_t atoms = (size_t)n_atoms, edges = (size_t)n_edges, species = (size_t)n_species;
    size_t offsets = species > 0 ? atoms + 1 : 0;
    size_t head = (sizeof(rcr_graph) + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    size_t bytes = head + (edges + species) * sizeof(double) + (atoms + 1 + edges + offsets) * sizeof(int32_t) +
                   (atoms + species) * sizeof(uint8_t);
    char *block = rcr_calloc(bytes, 1);
    if (block == NULL) return rcr_fail_memory(err, "making a graph");
    rcr_graph *graph = (rcr_graph *)(void *)block;
    graph->n_atoms = n_atoms;
    graph->n_edges = n_edges;
    block += head;
    graph->distance = (double *)(void *)block;
    block += edges * sizeof(double);
    if (species > 0) graph->species_occupancy = (double *)(void *)block;
    block += species * sizeof(double);
    graph->offset = (int32_t *)(void *)block;
    block += (atoms + 1) * sizeof(int32_t);
    graph->neighbor = (int32_t *)(void *)block;
    block += edges * sizeof(int32_t);
    if (species > 0) graph->species_offset = (int32_t *)(void *)block;
    block += offsets * sizeof(int32_t);
    graph->atomic_number = (uint8_t *)block;
    block += atoms;
    if (species > 0) graph->species_number = (uint8_t *)block;
    *out = graph;
    return RCR_OK;
}

void rcr_graph_free(rcr_graph *graph) { rcr_free(graph); }

size_t rcr_graph_bytes(const rcr_graph *graph) {
    size_t bytes = sizeof *graph + (size_t)graph->n_edges * (sizeof(double) + sizeof(int32_t)) +
                   ((size_t)graph->n_atoms + 1) * sizeof(int32_t) + (size_t)graph->n_atoms;
    if (graph->species_offset != NULL)
        bytes += ((size_t)graph->n_atoms + 1) * sizeof(int32_t) +
                 (size_t)graph->species_offset[graph->n_atoms] * (sizeof(double) + 1);
    return bytes;
}
