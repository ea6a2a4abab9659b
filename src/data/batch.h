/* Several graphs side by side as one, ready for the kernels. */
#ifndef RCR_DATA_BATCH_H
#define RCR_DATA_BATCH_H

#include "base/real.h"
#include "graph/packed.h"
#include "recryst.h"

/* N atoms, E edges, C crystals.  Nothing is padded; atoms of a crystal are contiguous, so are its edges. */
typedef struct rcr_batch {
    int32_t n_atoms, n_edges, n_crystals;
    int32_t *site_row;       /* [N] row of the element table: the atomic number */
    int32_t *edge_offset;    /* [N + 1] */
    int32_t *edge_source;    /* [E] neighbour j, as an index of the batch's atoms */
    rcr_real *edge_distance; /* [E] angstrom */
    int32_t *crystal_offset; /* [C + 1] first atom of each crystal */
    int32_t capacity_atoms, capacity_edges, capacity_crystals;
    rcr_graph_view *view; /* [capacity_crystals] scratch of filling */
} rcr_batch;

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

#endif
