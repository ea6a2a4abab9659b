/* From sorted neighbours to edges: where max_neighbors cuts a group of equal distances, which of them to take. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/species.h"
#include "graph/internal.h"

#define SIGNATURE_ROUNDS 4
#define SIGNATURE_TOLERANCE 1e-10
#define INSERTION_MAX 128 /* neighbors that are sorted by insertion, which is the fastest for few */

rcr_status rcr_shells_init(rcr_shells *shells, int32_t n_atoms, int64_t capacity, const rcr_graph_options *options,
                           rcr_error *err) {
    int64_t each = 2 * (int64_t)options->max_neighbors + RCR_GRAPH_MAX_TIED;
    *shells = (rcr_shells){.n_atoms = n_atoms, .capacity = capacity, .limit = RCR_GRAPH_MAX_ENTRIES + n_atoms * each};
    shells->start = rcr_malloc((size_t)n_atoms, sizeof *shells->start);
    shells->length = rcr_malloc((size_t)n_atoms, sizeof *shells->length);
    shells->distance = rcr_malloc((size_t)capacity, sizeof *shells->distance);
    shells->neighbor = rcr_malloc((size_t)capacity, sizeof *shells->neighbor);
    if (shells->start == NULL || shells->length == NULL || shells->distance == NULL || shells->neighbor == NULL) {
        rcr_shells_release(shells);
        return rcr_fail_memory(err, "searching neighbors");
    }
    return RCR_OK;
}

void rcr_shells_release(rcr_shells *shells) {
    rcr_free(shells->start);
    rcr_free(shells->length);
    rcr_free(shells->distance);
    rcr_free(shells->neighbor);
    *shells = (rcr_shells){0};
}

rcr_status rcr_shells_reserve(rcr_shells *shells, int64_t n, rcr_error *err) {
    if (shells->used + n <= shells->capacity) return RCR_OK;
    int64_t capacity = shells->capacity + shells->capacity / 2 + n;
    double *distance = rcr_realloc(shells->distance, (size_t)capacity, sizeof *distance);
    if (distance != NULL) shells->distance = distance;
    int32_t *neighbor = rcr_realloc(shells->neighbor, (size_t)capacity, sizeof *neighbor);
    if (neighbor != NULL) shells->neighbor = neighbor;
    if (distance == NULL || neighbor == NULL) return rcr_fail_memory(err, "searching neighbors");
    shells->capacity = capacity;
    return RCR_OK;
}

rcr_status rcr_shells_fail_limit(const rcr_shells *shells, rcr_error *err) {
    return rcr_fail(err, RCR_ERR_LIMIT,
                    "the nearest neighbors of %d atoms are more than %lld: too many atoms lie in one place or equally "
                    "far; check the coordinates",
                    (int)shells->n_atoms, (long long)shells->limit);
}

rcr_status rcr_shells_add(rcr_shells *shells, int32_t atom, int32_t length, rcr_error *err) {
    if (shells->used + length > shells->limit) return rcr_shells_fail_limit(shells, err);
    shells->start[atom] = shells->used;
    shells->length[atom] = length;
    shells->used += length;
    return RCR_OK;
}

int32_t rcr_shells_cut(const double *distance, int32_t n, double searched, const rcr_graph_options *options) {
    double tolerance = rcr_graph_tie_tolerance(options);
    int32_t last = options->max_neighbors - 1;
    int complete = searched >= rcr_graph_reach(options);
    if (n <= last) return complete ? n : -1;
    while (last + 1 < n && distance[last + 1] - distance[last] <= tolerance) last++;
    if (last + 1 == n && !complete && distance[last] + tolerance >= searched) return -1;
    return last + 1;
}

/* ---- the order within a group */

typedef struct ranked {
    double value;
    int64_t kind;
    int32_t atom;
} ranked;

static int by_value(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->atom < y->atom ? -1 : x->atom > y->atom;
}

/* Environment classes (key 2 of graph.h) on top of kinds: key[i] < key[j] where i goes before j, equal in one class.
 * key comes with the kinds, from 1 to below `kinds`. */
static rcr_status classify(int64_t *key, double kinds, const rcr_shells *shells, rcr_error *err) {
    int32_t n = shells->n_atoms;
    double *s = rcr_malloc((size_t)n, 2 * sizeof *s);
    ranked *order = rcr_malloc((size_t)n, sizeof *order);
    if (s == NULL || order == NULL) {
        rcr_free(s);
        rcr_free(order);
        return rcr_fail_memory(err, "ordering tied neighbors");
    }
    double *now = s, *next = s + n;
    for (int32_t i = 0; i < n; i++) now[i] = 1.0 + (double)key[i] / kinds;
    for (int round = 0; round < SIGNATURE_ROUNDS; round++) {
        for (int32_t i = 0; i < n; i++) {
            const double *d = shells->distance + shells->start[i];
            const int32_t *j = shells->neighbor + shells->start[i];
            double u = 0.0;
            for (int32_t k = 0; k < shells->length[i]; k++) u += now[j[k]] / (1.0 + d[k] * d[k]);
            next[i] = 0.5 * now[i] + u / (1.0 + u);
        }
        double *swap = now;
        now = next;
        next = swap;
    }
    for (int32_t i = 0; i < n; i++) order[i] = (ranked){now[i], key[i], i};
    qsort(order, (size_t)n, sizeof *order, by_value);
    int64_t class = 0;
    for (int32_t i = 0; i < n; i++) {
        if (i > 0 && (order[i].kind != order[i - 1].kind || order[i].value - order[i - 1].value > SIGNATURE_TOLERANCE))
            class ++;
        key[order[i].atom] = class;
    }
    rcr_free(s);
    rcr_free(order);
    return RCR_OK;
}

/* First entry of the group that holds entry `last` of sorted distances. */
static int32_t group_start(const double *d, int32_t last, double tolerance) {
    while (last > 0 && d[last] - d[last - 1] <= tolerance) last--;
    return last;
}

/* Do elements alone decide which of the group first .. n-1 come before entry `slots`?  Yes when the slots end where an
 * element ends, or when all candidates of the element in doubt are images of one site. */
static int elements_decide(const int32_t *j, int32_t first, int32_t slots, int32_t n, const uint8_t *atomic_number) {
    int32_t count[256] = {0}; /* by element */
    for (int32_t k = first; k < n; k++) count[atomic_number[j[k]]]++;
    int32_t room = slots - first, z = 0;
    while (room >= count[z]) room -= count[z++];
    if (room == 0) return 1;
    int32_t site = -1;
    for (int32_t k = first; k < n; k++) {
        if (atomic_number[j[k]] != z) continue;
        if (site >= 0 && j[k] != site) return 0;
        site = j[k];
    }
    return 1;
}

static int classes_needed(const rcr_shells *shells, const uint8_t *atomic_number, int32_t max_neighbors,
                          double tolerance) {
    for (int32_t i = 0; i < shells->n_atoms; i++) {
        int32_t n = shells->length[i];
        if (n <= max_neighbors) continue;
        const int32_t *j = shells->neighbor + shells->start[i];
        int32_t first = group_start(shells->distance + shells->start[i], max_neighbors - 1, tolerance);
        if (!elements_decide(j, first, max_neighbors, n, atomic_number)) return 1;
    }
    return 0;
}

/* The order within a group: by key, then site, then distance.  1: (da, ja) goes before (db, jb). */
static inline int goes_before(double da, int32_t ja, double db, int32_t jb, const int64_t *key) {
    return key[ja] != key[jb] ? key[ja] < key[jb] : ja != jb ? ja < jb : da < db;
}

/* Let entry i of a heap, whose root is the last in the order, sink to its place. */
static void sink(double *d, int32_t *j, int32_t i, int32_t n, const int64_t *key) {
    double di = d[i];
    int32_t ji = j[i];
    for (int32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && goes_before(d[child], j[child], d[child + 1], j[child + 1], key)) child++;
        if (!goes_before(di, ji, d[child], j[child], key)) break;
        d[i] = d[child];
        j[i] = j[child];
    }
    d[i] = di;
    j[i] = ji;
}

/* Where a group is large, as many atoms in one place make it. */
static void sort_large_group(double *d, int32_t *j, int32_t n, const int64_t *key) {
    for (int32_t i = n / 2; i-- > 0;) sink(d, j, i, n, key);
    for (int32_t last = n - 1; last > 0; last--) {
        double d0 = d[0];
        int32_t j0 = j[0];
        d[0] = d[last];
        j[0] = j[last];
        d[last] = d0;
        j[last] = j0;
        sink(d, j, 0, last, key);
    }
}

static void sort_group(double *d, int32_t *j, int32_t n, const int64_t *key) {
    if (n > INSERTION_MAX) {
        sort_large_group(d, j, n, key);
        return;
    }
    for (int32_t i = 1; i < n; i++) {
        double di = d[i];
        int32_t ji = j[i], k = i;
        for (; k > 0 && goes_before(di, ji, d[k - 1], j[k - 1], key); k--) {
            d[k] = d[k - 1];
            j[k] = j[k - 1];
        }
        d[k] = di;
        j[k] = ji;
    }
}

/* Copy the shells of one atom in final order; n of them are wanted. */
static void emit(double *d, int32_t *j, const rcr_shells *shells, int32_t atom, int32_t wanted, double tolerance,
                 const int64_t *key, double *room_d, int32_t *room_j) {
    int32_t n = shells->length[atom];
    const double *from = shells->distance + shells->start[atom];
    if (n > wanted) { /* the last group is longer than what is taken of it: sort it elsewhere */
        memcpy(room_d, from, (size_t)n * sizeof *d);
        memcpy(room_j, shells->neighbor + shells->start[atom], (size_t)n * sizeof *j);
    } else {
        room_d = d;
        room_j = j;
        memcpy(d, from, (size_t)n * sizeof *d);
        memcpy(j, shells->neighbor + shells->start[atom], (size_t)n * sizeof *j);
    }
    for (int32_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && from[end] - from[end - 1] <= tolerance;) end++;
        if (end - first > 1) sort_group(room_d + first, room_j + first, end - first, key);
    }
    if (n > wanted) {
        memcpy(d, room_d, (size_t)wanted * sizeof *d);
        memcpy(j, room_j, (size_t)wanted * sizeof *j);
    }
}

/* Number of edges of an atom before and after padding. */
static int32_t edges_taken(int32_t length, const rcr_graph_options *options) {
    return options->ties == RCR_TIES_CUT && length > options->max_neighbors ? options->max_neighbors : length;
}

static int32_t edges_padded(int32_t length, const rcr_graph_options *options) {
    int32_t taken = edges_taken(length, options);
    return options->padding == RCR_PADDING_REFERENCE && taken < options->max_neighbors ? options->max_neighbors : taken;
}

static void fill(rcr_graph *graph, const rcr_shells *shells, const rcr_graph_options *options, const int64_t *key,
                 double *room_d, int32_t *room_j) {
    double tolerance = rcr_graph_tie_tolerance(options);
    int32_t edge = 0;
    for (int32_t i = 0; i < shells->n_atoms; i++) {
        graph->offset[i] = edge;
        int32_t taken = edges_taken(shells->length[i], options), all = edges_padded(shells->length[i], options);
        emit(graph->distance + edge, graph->neighbor + edge, shells, i, taken, tolerance, key, room_d, room_j);
        for (int32_t k = edge + taken; k < edge + all; k++) {
            graph->distance[k] = options->radius + 1.0;
            graph->neighbor[k] = 0;
        }
        edge += all;
    }
    graph->offset[shells->n_atoms] = edge;
}

/* The species of a disordered crystal. */
static void copy_species(rcr_graph *graph, const rcr_crystal *crystal) {
    size_t n = (size_t)crystal->n_sites, n_species = (size_t)crystal->species_offset[n];
    memcpy(graph->species_offset, crystal->species_offset, (n + 1) * sizeof *graph->species_offset);
    memcpy(graph->species_number, crystal->species_number, n_species);
    memcpy(graph->species_occupancy, crystal->species_occupancy, n_species * sizeof *graph->species_occupancy);
}

/* The keys by which tied neighbours are ordered: kinds, and classes where kinds do not decide. */
static rcr_status make_keys(int64_t *key, const rcr_shells *shells, const rcr_crystal *crystal, int32_t longest,
                            int disordered, const rcr_graph_options *options, rcr_error *err) {
    int cuts = options->ties == RCR_TIES_CUT && longest > options->max_neighbors;
    if (disordered) { /* too rare to look whether kinds alone decide */
        int32_t n_kinds;
        rcr_status status = rcr_graph_kinds(key, &n_kinds, crystal, err);
        for (int32_t i = 0; i < shells->n_atoms && status == RCR_OK; i++) key[i]++;
        return status == RCR_OK && cuts ? classify(key, (double)n_kinds + 1, shells, err) : status;
    }
    for (int32_t i = 0; i < shells->n_atoms; i++) key[i] = crystal->atomic_number[i];
    if (cuts &&
        classes_needed(shells, crystal->atomic_number, options->max_neighbors, rcr_graph_tie_tolerance(options)))
        return classify(key, 128.0, shells, err);
    return RCR_OK;
}

rcr_status rcr_shells_to_graph(rcr_graph **out, const rcr_shells *shells, const rcr_crystal *crystal,
                               const rcr_graph_options *options, rcr_error *err) {
    int64_t edges = 0;
    int32_t longest = 0;
    for (int32_t i = 0; i < shells->n_atoms; i++) {
        edges += edges_padded(shells->length[i], options);
        if (shells->length[i] > longest) longest = shells->length[i];
    }
    if (edges > INT32_MAX)
        return rcr_fail(err, RCR_ERR_LIMIT,
                        "the graph has %lld edges, more than 2^31 - 1: lower the radius or the number "
                        "of neighbors",
                        (long long)edges);
    size_t n = (size_t)shells->n_atoms;
    rcr_graph *graph = NULL;
    int64_t *key = rcr_malloc(n, sizeof *key);
    double *room_d = rcr_malloc((size_t)longest, sizeof *room_d);
    int32_t *room_j = rcr_malloc((size_t)longest, sizeof *room_j);
    rcr_status status =
        key == NULL || room_d == NULL || room_j == NULL ? rcr_fail_memory(err, "ordering neighbors") : RCR_OK;
    int disordered = rcr_crystal_is_disordered(crystal);
    if (status == RCR_OK) status = make_keys(key, shells, crystal, longest, disordered, options, err);
    if (status == RCR_OK)
        status = rcr_graph_create_disordered(&graph, shells->n_atoms, (int32_t)edges,
                                             disordered ? crystal->species_offset[n] : 0, err);
    if (status == RCR_OK) {
        if (disordered) copy_species(graph, crystal);
        memcpy(graph->atomic_number, crystal->atomic_number, n);
        fill(graph, shells, options, key, room_d, room_j);
        *out = graph;
    }
    rcr_free(key);
    rcr_free(room_d);
    rcr_free(room_j);
    return status;
}
