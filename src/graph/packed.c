#include "graph/packed.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "graph/graph.h"

enum { ORDERED = 1, DISORDERED = 2, HEADER_BYTES = 16, MAX_Z = 118 };

/* Records are written and read in the machine's byte order, which is little-endian wherever recryst is built for; the
 * store refuses other machines (store.c), and in memory the order does not matter. */
static uint32_t get_u32(const uint8_t *from) {
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static void put_u32(uint8_t *to, uint32_t value) { memcpy(to, &value, sizeof value); }

rcr_graph_view rcr_graph_view_of(const rcr_graph *graph) {
    rcr_graph_view view = {.n_atoms = graph->n_atoms,
                           .n_edges = graph->n_edges,
                           .atomic_number = graph->atomic_number,
                           .offset = graph->offset,
                           .neighbor = graph->neighbor,
                           .distance = graph->distance,
                           .neighbor_bytes = 4,
                           .distance_bytes = 8};
    if (graph->species_offset == NULL) return view;
    view.n_species = graph->species_offset[graph->n_atoms];
    view.species_offset = graph->species_offset;
    view.species_number = graph->species_number;
    view.species_occupancy = graph->species_occupancy;
    return view;
}

int32_t rcr_graph_view_n_edges(const rcr_graph_view *view, int32_t i) {
    if (view->offset != NULL) return view->offset[i + 1] - view->offset[i];
    if (view->count_bytes == 0) return view->n_edges / view->n_atoms;
    const uint8_t *count = view->count;
    return view->count_bytes == 1 ? count[i] : (int32_t)get_u32(count + 4 * (size_t)i);
}

/* The loops over one width each, so that a compiler can make good code of them. */
#define COPY_EDGES(type, into, from, count, expression)                                                                \
    for (size_t e = 0; e < (size_t)(count); e++) {                                                                     \
        type value;                                                                                                    \
        memcpy(&value, (const char *)(from) + e * sizeof value, sizeof value);                                         \
        (into)[e] = expression;                                                                                        \
    }

void rcr_graph_view_neighbors(int32_t *neighbor, const rcr_graph_view *view, int32_t first_atom) {
    if (view->neighbor_bytes == 1)
        COPY_EDGES(uint8_t, neighbor, view->neighbor, view->n_edges, first_atom + value)
    else if (view->neighbor_bytes == 2)
        COPY_EDGES(uint16_t, neighbor, view->neighbor, view->n_edges, first_atom + value)
    else
        COPY_EDGES(int32_t, neighbor, view->neighbor, view->n_edges, first_atom + value)
}

void rcr_graph_view_distances(rcr_real *distance, const rcr_graph_view *view) {
    if (view->distance_bytes == 4)
        COPY_EDGES(float, distance, view->distance, view->n_edges, (rcr_real)value)
    else
        COPY_EDGES(double, distance, view->distance, view->n_edges, (rcr_real)value)
}

double rcr_graph_view_occupancy(const rcr_graph_view *view, int32_t k) {
    double value;
    memcpy(&value, (const uint8_t *)view->species_occupancy + sizeof value * (size_t)k, sizeof value);
    return value;
}

/* ---------------------------------------------------------------- checking */

static rcr_status fail_record(rcr_error *err, const char *what) {
    return rcr_fail(err, RCR_ERR_PARSE, "the graph's record is damaged (%s)", what);
}

static uint64_t sum_counts(const rcr_graph_view *view) {
    const uint8_t *at = view->count;
    uint64_t sum = 0;
    for (int32_t i = 0; i < view->n_atoms; i++) sum += view->count_bytes == 1 ? at[i] : get_u32(at + 4 * (size_t)i);
    return sum;
}

static uint32_t largest_neighbor(const rcr_graph_view *view) {
    const uint8_t *at = view->neighbor;
    size_t n = (size_t)view->n_edges;
    uint32_t largest = 0;
    if (view->neighbor_bytes == 1) {
        for (size_t e = 0; e < n; e++) largest = at[e] > largest ? at[e] : largest;
    } else if (view->neighbor_bytes == 2) {
        for (size_t e = 0; e < n; e++) {
            uint16_t value;
            memcpy(&value, at + 2 * e, sizeof value);
            largest = value > largest ? value : largest;
        }
    } else {
        for (size_t e = 0; e < n; e++) {
            uint32_t value = get_u32(at + 4 * e);
            largest = value > largest ? value : largest;
        }
    }
    return largest;
}

/* At least 0 and below 2^20, told from the bits: those of such numbers are ordered as unsigned integers are, and NaN,
 * infinity and what is negative lie above them. */
static int distances_ok(const rcr_graph_view *view) {
    const uint8_t *at = view->distance;
    size_t n = (size_t)view->n_edges;
    uint64_t largest = 0;
    for (size_t e = 0; e < n; e++) {
        uint64_t bits;
        if (view->distance_bytes == 4)
            bits = (uint64_t)get_u32(at + 4 * e) << 32;
        else
            memcpy(&bits, at + 8 * e, sizeof bits);
        largest = bits > largest ? bits : largest;
    }
    return largest < (view->distance_bytes == 4 ? UINT64_C(0x49800000) << 32 : UINT64_C(0x413) << 52);
}

static int elements_ok(const rcr_graph_view *view) {
    for (int32_t i = 0; i < view->n_atoms; i++)
        if (view->atomic_number[i] < 1 || view->atomic_number[i] > MAX_Z) return 0;
    return 1;
}

/* Species entries first .. end - 1 make up one site of element z. */
static int site_ok(const rcr_graph_view *view, int32_t first, int32_t end, int z) {
    double sum = 0, largest = 0;
    int main_number = 0;
    for (int32_t k = first; k < end; k++) {
        double share = rcr_graph_view_occupancy(view, k);
        int number = view->species_number[k];
        if (number < 1 || number > MAX_Z || (k > first && number <= view->species_number[k - 1])) return 0;
        if (!(share > 0 && share <= 1)) return 0;
        sum += share;
        if (share > largest) largest = share, main_number = number;
    }
    return main_number == z && sum <= 1 + 1e-8; /* rounding, as rcr_crystal_check allows it and a little more */
}

static int species_ok(const rcr_graph_view *view) {
    int64_t sum = 0;
    for (int32_t i = 0; i < view->n_atoms; i++) sum += view->species_count[i];
    if (sum != view->n_species) return 0;
    for (int32_t i = 0, k = 0; i < view->n_atoms; k += view->species_count[i++])
        if (view->species_count[i] > 0 && !site_ok(view, k, k + view->species_count[i], view->atomic_number[i]))
            return 0;
    return 1;
}

/* Bytes of a record of this shape. */
static uint64_t record_bytes(uint64_t atoms, uint64_t edges, const rcr_graph_view *width) {
    uint64_t bytes = HEADER_BYTES + atoms * (1u + width->count_bytes) +
                     edges * ((uint64_t)width->neighbor_bytes + width->distance_bytes);
    if (width->n_species > 0) bytes += sizeof(uint32_t) + atoms + (uint64_t)width->n_species * (1 + sizeof(double));
    return bytes;
}

/* The number of species of a record of version 2 stands after what version 1 has; 0: there is none. */
static int32_t read_n_species(const uint8_t *record, size_t size, uint64_t ordered_bytes) {
    if (size < ordered_bytes + sizeof(uint32_t)) return 0;
    uint32_t n = get_u32(record + ordered_bytes);
    return n < INT32_MAX ? (int32_t)n : 0;
}

rcr_status rcr_graph_view_packed(rcr_graph_view *out, const void *record, size_t size, rcr_error *err) {
    const uint8_t *at = record;
    if (size < HEADER_BYTES) return fail_record(err, "it is shorter than its header");
    if (get_u32(at) != (uint32_t)rcr_checksum(at + 4, size - 4)) return fail_record(err, "its checksum does not match");
    if (at[4] != ORDERED && at[4] != DISORDERED)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "the graph's record has version %d; this program reads versions %d and %d", at[4], ORDERED,
                        DISORDERED);
    rcr_graph_view view = {.count_bytes = at[5], .neighbor_bytes = at[6], .distance_bytes = at[7]};
    uint32_t n_atoms = get_u32(at + 8), n_edges = get_u32(at + 12);
    if ((view.count_bytes != 0 && view.count_bytes != 1 && view.count_bytes != 4) ||
        (view.neighbor_bytes != 1 && view.neighbor_bytes != 2 && view.neighbor_bytes != 4) ||
        (view.distance_bytes != 4 && view.distance_bytes != 8))
        return fail_record(err, "its numbers have impossible widths");
    if (n_atoms < 1 || n_atoms >= INT32_MAX || n_edges >= INT32_MAX)
        return fail_record(err, "its numbers of atoms and edges are impossible");
    if (at[4] == DISORDERED) {
        view.n_species = read_n_species(at, size, record_bytes(n_atoms, n_edges, &view));
        if (view.n_species == 0) return fail_record(err, "its number of species is impossible");
    }
    if (record_bytes(n_atoms, n_edges, &view) != size) return fail_record(err, "its length does not fit its contents");
    view.n_atoms = (int32_t)n_atoms;
    view.n_edges = (int32_t)n_edges;
    at += HEADER_BYTES;
    view.atomic_number = at;
    at += n_atoms;
    view.count = at;
    at += (size_t)n_atoms * view.count_bytes;
    view.neighbor = at;
    at += (size_t)n_edges * view.neighbor_bytes;
    view.distance = at;
    at += (size_t)n_edges * view.distance_bytes;
    if (view.n_species > 0) {
        view.species_count = at + sizeof(uint32_t);
        view.species_number = view.species_count + n_atoms;
        view.species_occupancy = view.species_number + view.n_species;
    }
    if (view.count_bytes == 0 ? n_edges % n_atoms != 0 : sum_counts(&view) != n_edges)
        return fail_record(err, "the atoms' counts of edges do not add up");
    if (n_edges > 0 && largest_neighbor(&view) >= n_atoms) return fail_record(err, "an edge leads to no atom");
    if (!elements_ok(&view)) return fail_record(err, "an atom is of no element");
    if (!distances_ok(&view)) return fail_record(err, "a distance is out of range");
    if (view.n_species > 0 && !species_ok(&view)) return fail_record(err, "the species of a site make no sense");
    *out = view;
    return RCR_OK;
}

/* ---------------------------------------------------------------- packing */

/* Is atom i whole, of one element? */
static int is_whole(const rcr_graph *graph, int32_t i) {
    int32_t first = graph->species_offset[i];
    return graph->species_offset[i + 1] == first + 1 && graph->species_occupancy[first] == 1;
}

/* Entries that a record holds: those of disordered sites. */
static int32_t count_species(const rcr_graph *graph) {
    int32_t n = 0;
    for (int32_t i = 0; graph->species_offset != NULL && i < graph->n_atoms; i++)
        if (!is_whole(graph, i)) n += graph->species_offset[i + 1] - graph->species_offset[i];
    return n;
}

static void put_species(uint8_t *at, const rcr_graph *graph, int32_t n_species) {
    put_u32(at, (uint32_t)n_species);
    uint8_t *count = at + sizeof(uint32_t), *number = count + graph->n_atoms, *occupancy = number + n_species;
    for (int32_t i = 0; i < graph->n_atoms; i++) {
        int32_t first = graph->species_offset[i], n = graph->species_offset[i + 1] - first;
        if (is_whole(graph, i)) n = 0;
        count[i] = (uint8_t)n;
        memcpy(number, graph->species_number + first, (size_t)n);
        memcpy(occupancy, graph->species_occupancy + first, (size_t)n * sizeof(double));
        number += n;
        occupancy += (size_t)n * sizeof(double);
    }
}

static int uniform(const rcr_graph *graph, int32_t *largest) {
    int same = 1;
    *largest = 0;
    for (int32_t i = 0; i < graph->n_atoms; i++) {
        int32_t count = graph->offset[i + 1] - graph->offset[i];
        if (count > *largest) *largest = count;
        same = same && count == graph->offset[1];
    }
    return same;
}

static void put_arrays(uint8_t *at, const rcr_graph *graph, const rcr_graph_view *width) {
    memcpy(at, graph->atomic_number, (size_t)graph->n_atoms);
    at += graph->n_atoms;
    for (int32_t i = 0; i < graph->n_atoms && width->count_bytes > 0; i++) {
        uint32_t count = (uint32_t)(graph->offset[i + 1] - graph->offset[i]);
        if (width->count_bytes == 1)
            *at = (uint8_t)count;
        else
            put_u32(at, count);
        at += width->count_bytes;
    }
    for (int32_t e = 0; e < graph->n_edges; e++) {
        uint16_t half = (uint16_t)graph->neighbor[e];
        if (width->neighbor_bytes == 1)
            *at = (uint8_t)half;
        else if (width->neighbor_bytes == 2)
            memcpy(at, &half, sizeof half);
        else
            put_u32(at, (uint32_t)graph->neighbor[e]);
        at += width->neighbor_bytes;
    }
    for (int32_t e = 0; e < graph->n_edges; e++) {
        float single = (float)graph->distance[e];
        if (width->distance_bytes == 4)
            memcpy(at, &single, sizeof single);
        else
            memcpy(at, &graph->distance[e], sizeof(double));
        at += width->distance_bytes;
    }
    if (width->n_species > 0) put_species(at, graph, width->n_species);
}

rcr_status rcr_graph_pack(uint8_t **out, size_t *size, const rcr_graph *graph, int distance_bytes, rcr_error *err) {
    if (graph->n_atoms < 1 || graph->n_atoms >= INT32_MAX || graph->n_edges < 0 || graph->n_edges >= INT32_MAX ||
        (distance_bytes != 4 && distance_bytes != 8))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a graph of %ld atoms and %ld edges can't be packed",
                        (long)graph->n_atoms, (long)graph->n_edges);
    int32_t largest;
    rcr_graph_view width = {.distance_bytes = (uint8_t)distance_bytes};
    width.n_species = count_species(graph);
    width.neighbor_bytes = graph->n_atoms <= 256 ? 1 : graph->n_atoms <= 65536 ? 2 : 4;
    width.count_bytes = uniform(graph, &largest) ? 0 : largest <= 255 ? 1 : 4;
    uint64_t bytes = record_bytes((uint64_t)graph->n_atoms, (uint64_t)graph->n_edges, &width);
    if (bytes > UINT32_MAX)
        return rcr_fail(err, RCR_ERR_LIMIT, "a graph of %ld atoms and %ld edges is too large to be packed",
                        (long)graph->n_atoms, (long)graph->n_edges);
    uint8_t *record = rcr_malloc((size_t)bytes, 1);
    if (record == NULL) return rcr_fail_memory(err, "packing a graph");
    record[4] = width.n_species > 0 ? DISORDERED : ORDERED;
    record[5] = width.count_bytes;
    record[6] = width.neighbor_bytes;
    record[7] = width.distance_bytes;
    put_u32(record + 8, (uint32_t)graph->n_atoms);
    put_u32(record + 12, (uint32_t)graph->n_edges);
    put_arrays(record + HEADER_BYTES, graph, &width);
    put_u32(record, (uint32_t)rcr_checksum(record + 4, (size_t)bytes - 4));
    *out = record;
    *size = (size_t)bytes;
    return RCR_OK;
}

/* Entries of a graph: one more for each atom without. */
static int64_t dense_species(const rcr_graph_view *view) {
    int64_t n = 0;
    for (int32_t i = 0; view->n_species > 0 && i < view->n_atoms; i++) {
        int32_t own = rcr_graph_view_n_species(view, i);
        n += own > 0 ? own : 1;
    }
    return n;
}

static void copy_species(rcr_graph *graph, const rcr_graph_view *view) {
    int32_t to = 0, k = 0;
    for (int32_t i = 0; i < view->n_atoms; i++) {
        int32_t n = rcr_graph_view_n_species(view, i);
        graph->species_offset[i] = to;
        if (n == 0) {
            graph->species_number[to] = view->atomic_number[i];
            graph->species_occupancy[to++] = 1;
        }
        for (int32_t end = k + n; k < end; k++) {
            graph->species_number[to] = view->species_number[k];
            graph->species_occupancy[to++] = rcr_graph_view_occupancy(view, k);
        }
    }
    graph->species_offset[view->n_atoms] = to;
}

rcr_status rcr_graph_from_view(rcr_graph **out, const rcr_graph_view *view, rcr_error *err) {
    rcr_graph *graph;
    int64_t n_species = dense_species(view);
    if (n_species > INT32_MAX) return rcr_fail(err, RCR_ERR_LIMIT, "a graph with more than 2^31 - 1 species");
    rcr_status status = rcr_graph_create_disordered(&graph, view->n_atoms, view->n_edges, (int32_t)n_species, err);
    if (status != RCR_OK) return status;
    if (n_species > 0) copy_species(graph, view);
    memcpy(graph->atomic_number, view->atomic_number, (size_t)view->n_atoms);
    const uint8_t *distance = view->distance;
    for (int32_t i = 0; i < view->n_atoms; i++)
        graph->offset[i + 1] = graph->offset[i] + rcr_graph_view_n_edges(view, i);
    rcr_graph_view_neighbors(graph->neighbor, view, 0);
    for (size_t e = 0; e < (size_t)view->n_edges; e++) {
        float single = 0;
        if (view->distance_bytes == 4) {
            memcpy(&single, distance + 4 * e, sizeof single);
            graph->distance[e] = (double)single;
        } else {
            memcpy(&graph->distance[e], distance + 8 * e, sizeof(double));
        }
    }
    *out = graph;
    return RCR_OK;
}

/* ---------------------------------------------------------------- a source of graphs in memory */

static rcr_status view_graph(rcr_graph_view *out, const void *context, size_t i, rcr_error *err) {
    (void)err;
    *out = rcr_graph_view_of(((const rcr_graph *const *)context)[i]);
    return RCR_OK;
}

static int32_t atoms_of_graph(const void *context, size_t i) { return ((const rcr_graph *const *)context)[i]->n_atoms; }

rcr_graph_source rcr_graph_source_of(const rcr_graph *const *graphs) {
    return (rcr_graph_source){.context = graphs, .view = view_graph, .n_atoms = atoms_of_graph};
}
