/* Equivalent atoms of a graph, so that a network need compute each kind of atom once.
 *
 * Two atoms are equivalent when they are of the same element (the same species and occupancies) and have as many edges
 * of each distance to atoms of each class as the other: the coarsest such partition into classes, found by refining
 * that by elements until nothing changes (colour refinement; Weisfeiler and Leman 1968).  Message passing of any number
 * of steps gives equivalent atoms the same vectors, because it sees nothing else.  Atoms that a space group maps onto
 * each other are equivalent, and often others, too.  Distances must be equal in every bit of an rcr_real: no tolerance,
 * nothing is approximated. */
#ifndef RCR_GRAPH_EQUIVALENT_H
#define RCR_GRAPH_EQUIVALENT_H

#include "graph/packed.h"

/* Room to find classes in; zero-initialised, it grows as needed. */
typedef struct rcr_fold {
    int32_t *atom_class; /* [n_atoms] the result: 0 .. n_classes-1, in the order of each class's first atom */
    int32_t n_classes;
    int32_t capacity_atoms, capacity_edges;
    int32_t *offset;         /* [n_atoms + 1] where an atom's edges begin */
    int32_t *neighbor;       /* [n_edges] */
    rcr_real *length;        /* [n_edges] distance */
    uint64_t *distance;      /* [n_edges] hash of its bits */
    uint64_t *colour, *next; /* [n_atoms] */
    uint64_t *slot_key;      /* [slots] a hash table, from a colour ... */
    int32_t *slot_class;     /* ... to its class, -1 where the slot is free */
    size_t n_slots;          /* a power of two */
} rcr_fold;

/* Find the classes of a graph's atoms.  Where hardly an atom is equivalent to another, or where the refinement goes on
 * for long (a large cell with one defect), every atom is left in a class of its own.  Classes depend on the graph
 * alone. Sets of edges are compared by two independent 64-bit hashes.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_fold_find(rcr_fold *fold, const rcr_graph_view *view, rcr_error *err);
/* The same, however few atoms are equivalent and however long it takes (atoms times edges, at the worst). */
rcr_status rcr_fold_find_all(rcr_fold *fold, const rcr_graph_view *view, rcr_error *err);
void rcr_fold_release(rcr_fold *fold); /* free the arrays, zero the struct */

#endif
