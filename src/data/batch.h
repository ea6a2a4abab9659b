/* Several graphs side by side as one, ready for the kernels. */
#ifndef RCR_DATA_BATCH_H
#define RCR_DATA_BATCH_H

#include "base/real.h"
#include "graph/equivalent.h"
#include "graph/packed.h"
#include "recryst.h"

/* The atoms of a batch whose sites are disordered.  Such a site's input is the mean of its species' element vectors,
 * weighted by occupancy, with a vector of zeros for the vacancy: x = sum_k weight_k row_k, where the weights sum to 1
 * (to rounding) and row 0 of the element table is zeros.  The embedding is affine, so the mean of the embedded rows is
 * the embedding of the mean. */
typedef struct rcr_mixtures {
    int32_t n;        /* disordered atoms; 0: the arrays below may be NULL */
    int32_t *atom;    /* [n] ascending; site_row is 0 there */
    int32_t *offset;  /* [n + 1] first part of each */
    int32_t *row;     /* [offset[n]] row of the element table: an atomic number, or 0 */
    rcr_real *weight; /* [offset[n]] */
    int32_t capacity; /* atoms; two parts for each */
} rcr_mixtures;

/* N atoms, E edges, C crystals.  Nothing is padded; atoms of a crystal are contiguous, so are its edges.
 *
 * Folded, a row stands for all equivalent atoms of its crystal (graph/equivalent.h), which have the same vectors after
 * every step: its edges are those of the first of them, and lead to the rows of the neighbours; equal ones (of one
 * length to one row) stand once.  What the network computes is then that of all atoms, if sums over edges count each
 * edge `edge_count` times, and means over atoms and edges each row `multiplicity` times as well. */
typedef struct rcr_batch {
    int fold;                             /* 1, set before filling: fold */
    int32_t n_atoms, n_edges, n_crystals; /* rows, and edges of rows */
    int32_t *site_row;       /* [N] row of the element table: the atomic number; 0 for the atoms in mixtures */
    int32_t *edge_offset;    /* [N + 1] */
    int32_t *edge_source;    /* [E] neighbour j, as an index of the batch's atoms */
    rcr_real *edge_distance; /* [E] angstrom */
    int32_t *crystal_offset; /* [C + 1] first atom of each crystal */
    rcr_real *multiplicity;  /* [N] the number of atoms that a row stands for; NULL: 1 for each */
    rcr_real *edge_count;    /* [E] the number of edges of each of these atoms that an edge stands for; NULL as well */
    int64_t all_atoms, all_edges; /* what the rows stand for, where multiplicity is not NULL */
    rcr_mixtures mixtures;
    int32_t capacity_atoms, capacity_edges, capacity_crystals;
    rcr_graph_view *view; /* [capacity_crystals] scratch of filling */
    rcr_real *counts;     /* [capacity_atoms] where multiplicity lies; NULL before the first folded filling */
    rcr_real *copies;     /* [capacity_edges] where edge_count lies */
    rcr_fold fold_room;   /* scratch of folding */
} rcr_batch;

/* Atoms and edges that the rows stand for. */
static inline int64_t rcr_batch_all_atoms(const rcr_batch *batch) {
    return batch->multiplicity != NULL ? batch->all_atoms : batch->n_atoms;
}
static inline int64_t rcr_batch_all_edges(const rcr_batch *batch) {
    return batch->multiplicity != NULL ? batch->all_edges : batch->n_edges;
}

/* Fill a zero-initialised or earlier filled batch, growing its arrays where needed.
 * Errors: RCR_ERR_MEMORY, RCR_ERR_LIMIT (more than 2^31-1 atoms or edges). */
rcr_status rcr_batch_fill(rcr_batch *batch, const rcr_graph *const *graphs, int32_t n, rcr_error *err);
/* The same with graphs first .. first + n - 1 of a source, copied straight from where they are kept.
 * Errors: also those of the source's view. */
rcr_status rcr_batch_fill_from(rcr_batch *batch, const rcr_graph_source *source, size_t first, int32_t n,
                               rcr_error *err);
void rcr_batch_release(rcr_batch *batch); /* free the arrays, zero the struct */

/* Mean and sample standard deviation (n - 1) of targets; std is 1 when it would be 0 or n < 2. */
typedef struct rcr_normalizer {
    double mean, std;
} rcr_normalizer;
rcr_normalizer rcr_normalizer_fit(const double *values, size_t n);
/* The power of two by which values are multiplied before they are squared, so that none of 1e300 overflows and none of
 * 1e-300 is lost; 1 where all is well without.  It rounds nothing. */
double rcr_exact_scale(const double *values, size_t n);
/* 1 where all are the same: told exactly, since the rounding of a mean leaves deviations. */
int rcr_all_equal(const double *values, size_t n);

#endif
