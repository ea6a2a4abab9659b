#include "graph/equivalent.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

/* A defect tells the atoms around it apart by one shell of neighbours a round.  Past these rounds it is left at that:
 * crystals of the sizes that are trained on are done by then, and a large one must not take longer here than it does in
 * the network. */
static int most_rounds(int32_t n_atoms) { return n_atoms <= 4096 ? 48 : 12; }

/* Fewer equivalent atoms than one in ten are not worth folding. */
static int32_t most_classes(int32_t n_atoms) { return (int32_t)((int64_t)n_atoms * 9 / 10); }

/* ---------------------------------------------------------------- hashes */

static uint64_t mix(uint64_t h) {
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

/* The set of an atom's edges, each a distance and the colour of the neighbour: a sum, so that their order is none. */
static uint64_t hash_edges(const rcr_fold *fold, int32_t i, uint64_t multiplier) {
    uint64_t sum = 0;
    for (int32_t e = fold->offset[i]; e < fold->offset[i + 1]; e++) {
        uint64_t h = (fold->colour[fold->neighbor[e]] ^ fold->distance[e]) * multiplier;
        sum += (h ^ (h >> 29)) * multiplier;
    }
    return sum;
}

/* ---------------------------------------------------------------- room */

static rcr_status reserve(rcr_fold *fold, const rcr_graph_view *view, rcr_error *err) {
    if (view->n_atoms > fold->capacity_atoms || view->n_edges > fold->capacity_edges || fold->offset == NULL) {
        int32_t atoms = view->n_atoms > fold->capacity_atoms ? view->n_atoms : fold->capacity_atoms;
        int32_t edges = view->n_edges > fold->capacity_edges ? view->n_edges : fold->capacity_edges;
        size_t slots = 16;
        rcr_fold_release(fold);
        while (slots < 2 * (size_t)atoms) slots *= 2;
        fold->atom_class = rcr_malloc((size_t)atoms, sizeof *fold->atom_class);
        fold->offset = rcr_malloc((size_t)atoms + 1, sizeof *fold->offset);
        fold->neighbor = rcr_malloc((size_t)edges, sizeof *fold->neighbor);
        fold->length = rcr_malloc((size_t)edges, sizeof *fold->length);
        fold->distance = rcr_malloc((size_t)edges, sizeof *fold->distance);
        fold->colour = rcr_malloc((size_t)atoms, sizeof *fold->colour);
        fold->next = rcr_malloc((size_t)atoms, sizeof *fold->next);
        fold->slot_key = rcr_malloc(slots, sizeof *fold->slot_key);
        fold->slot_class = rcr_malloc(slots, sizeof *fold->slot_class);
        if (fold->atom_class == NULL || fold->offset == NULL || fold->neighbor == NULL || fold->length == NULL ||
            fold->distance == NULL || fold->colour == NULL || fold->next == NULL || fold->slot_key == NULL ||
            fold->slot_class == NULL) {
            rcr_fold_release(fold);
            return rcr_fail_memory(err, "looking for equivalent atoms");
        }
        fold->capacity_atoms = atoms;
        fold->capacity_edges = edges;
    }
    fold->n_slots = 16;
    while (fold->n_slots < 2 * (size_t)view->n_atoms) fold->n_slots *= 2;
    return RCR_OK;
}

void rcr_fold_release(rcr_fold *fold) {
    rcr_free(fold->atom_class);
    rcr_free(fold->offset);
    rcr_free(fold->neighbor);
    rcr_free(fold->length);
    rcr_free(fold->distance);
    rcr_free(fold->colour);
    rcr_free(fold->next);
    rcr_free(fold->slot_key);
    rcr_free(fold->slot_class);
    *fold = (rcr_fold){0};
}

/* ---------------------------------------------------------------- refinement */

static void read_species(rcr_fold *fold, const rcr_graph_view *view) {
    for (int32_t i = 0, k = 0; i < view->n_atoms; i++) {
        uint64_t h = mix(view->atomic_number[i]);
        int32_t n = rcr_graph_view_n_species(view, i), end = k + n;
        int whole = n == 1 && rcr_graph_view_occupancy(view, k) == 1;
        for (; k < end; k++) {
            double share = rcr_graph_view_occupancy(view, k);
            uint64_t bits;
            memcpy(&bits, &share, sizeof bits);
            if (!whole) h = mix(h ^ mix(bits + view->species_number[k]));
        }
        fold->colour[i] = h;
    }
}

static void read_edges(rcr_fold *fold, const rcr_graph_view *view) {
    fold->offset[0] = 0;
    for (int32_t i = 0; i < view->n_atoms; i++) fold->offset[i + 1] = fold->offset[i] + rcr_graph_view_n_edges(view, i);
    rcr_graph_view_neighbors(fold->neighbor, view, 0);
    rcr_graph_view_distances(fold->length, view);
    for (int32_t e = 0; e < view->n_edges; e++) {
        uint64_t bits = 0;
        memcpy(&bits, &fold->length[e], sizeof fold->length[e]);
        fold->distance[e] = mix(bits + 1);
    }
}

/* Number the colours by first appearance. */
static void number_colours(rcr_fold *fold, int32_t n_atoms) {
    size_t mask = fold->n_slots - 1;
    memset(fold->slot_class, 0xff, fold->n_slots * sizeof *fold->slot_class);
    fold->n_classes = 0;
    for (int32_t i = 0; i < n_atoms; i++) {
        size_t at = (size_t)fold->colour[i] & mask;
        while (fold->slot_class[at] >= 0 && fold->slot_key[at] != fold->colour[i]) at = (at + 1) & mask;
        if (fold->slot_class[at] < 0) {
            fold->slot_class[at] = fold->n_classes++;
            fold->slot_key[at] = fold->colour[i];
        }
        fold->atom_class[i] = fold->slot_class[at];
    }
}

/* Do the atoms of each class have the same edges by another hash, too? */
static int same_edges(rcr_fold *fold, int32_t n_atoms) {
    int32_t n = 0;
    uint64_t *of_class = fold->next;
    for (int32_t i = 0; i < n_atoms; i++) {
        uint64_t h = hash_edges(fold, i, UINT64_C(0x9e3779b97f4a7c15));
        if (fold->atom_class[i] == n)
            of_class[n++] = h;
        else if (of_class[fold->atom_class[i]] != h)
            return 0;
    }
    return 1;
}

/* Refine for so many rounds at most; not where the classes are more than what is worth it. */
static rcr_status find(rcr_fold *fold, const rcr_graph_view *view, int32_t rounds, int32_t worth, rcr_error *err) {
    int32_t n = view->n_atoms;
    rcr_status status = reserve(fold, view, err);
    if (status != RCR_OK) return status;
    read_species(fold, view);
    number_colours(fold, n);
    int stable = 0;
    if (fold->n_classes <= worth) read_edges(fold, view);
    for (int32_t round = 0; round < rounds && !stable && fold->n_classes <= worth; round++) {
        int32_t before = fold->n_classes;
        for (int32_t i = 0; i < n; i++)
            fold->next[i] = mix(fold->colour[i] + hash_edges(fold, i, UINT64_C(0xbf58476d1ce4e5b9)));
        uint64_t *swap = fold->colour;
        fold->colour = fold->next;
        fold->next = swap;
        number_colours(fold, n);
        stable = fold->n_classes == before; /* a class is only ever split */
    }
    if (stable && same_edges(fold, n)) return RCR_OK;
    for (int32_t i = 0; i < n; i++) fold->atom_class[i] = i;
    fold->n_classes = n;
    return RCR_OK;
}

rcr_status rcr_fold_find(rcr_fold *fold, const rcr_graph_view *view, rcr_error *err) {
    return find(fold, view, most_rounds(view->n_atoms), most_classes(view->n_atoms), err);
}

/* Every round but the last splits a class, so that there are never more than the atoms. */
rcr_status rcr_fold_find_all(rcr_fold *fold, const rcr_graph_view *view, rcr_error *err) {
    return find(fold, view, view->n_atoms, view->n_atoms, err);
}
