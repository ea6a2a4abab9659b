#include "data/batch.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/running.h"
#include "base/status.h"
#include "data/mixture.h"

/* *array <- room for n elements; contents are lost.  1 on success. */
static int reserve(void **array, size_t n, size_t size) {
    void *room = rcr_malloc(n, size);
    if (room == NULL) return 0;
    rcr_free(*array);
    *array = room;
    return 1;
}

/* Rounded up by half, so that batches of slowly growing sizes do not reallocate each time. */
static int32_t grown(int64_t need) {
    int64_t size = need + need / 2;
    return size > INT32_MAX - 1 ? INT32_MAX - 1 : (int32_t)size;
}

static int reserve_crystals(rcr_batch *b, int32_t n_crystals) {
    if (n_crystals <= b->capacity_crystals && b->crystal_offset != NULL) return 1;
    int32_t room = grown(n_crystals);
    b->capacity_crystals = 0;
    if (!reserve((void **)&b->crystal_offset, (size_t)room + 1, sizeof *b->crystal_offset) ||
        !reserve((void **)&b->view, (size_t)room, sizeof *b->view))
        return 0;
    b->capacity_crystals = room;
    return 1;
}

static int reserve_atoms(rcr_batch *b, int64_t n_atoms, int64_t n_edges) {
    if (n_atoms > b->capacity_atoms || b->edge_offset == NULL) {
        int32_t room = grown(n_atoms);
        b->capacity_atoms = 0;
        if (!reserve((void **)&b->site_row, (size_t)room, sizeof *b->site_row) ||
            !reserve((void **)&b->edge_offset, (size_t)room + 1, sizeof *b->edge_offset))
            return 0;
        b->capacity_atoms = room;
    }
    if (n_edges > b->capacity_edges || b->edge_distance == NULL) {
        int32_t room = grown(n_edges);
        b->capacity_edges = 0;
        if (!reserve((void **)&b->edge_source, (size_t)room, sizeof *b->edge_source) ||
            !reserve((void **)&b->edge_distance, (size_t)room, sizeof *b->edge_distance))
            return 0;
        b->capacity_edges = room;
    }
    return 1;
}

/* The loops over one width each, so that a compiler can make good code of them. */
#define COPY_EDGES(type, into, from, count, expression)                                                                \
    for (size_t e = 0; e < (size_t)(count); e++) {                                                                     \
        type value;                                                                                                    \
        memcpy(&value, (const char *)(from) + e * sizeof value, sizeof value);                                         \
        (into)[e] = expression;                                                                                        \
    }

static void append_offsets(int32_t *offset, int32_t first_edge, const rcr_graph_view *g) {
    const uint8_t *count = g->count;
    for (int32_t i = 0; i < g->n_atoms; i++) {
        if (g->offset != NULL) {
            offset[i] = first_edge + g->offset[i + 1];
            continue;
        }
        int32_t n = g->count_bytes == 0 ? g->n_edges / g->n_atoms : count[i];
        if (g->count_bytes == 4) memcpy(&n, count + 4 * (size_t)i, sizeof n);
        first_edge += n;
        offset[i] = first_edge;
    }
}

static void append(rcr_batch *b, const rcr_graph_view *g) {
    int32_t first_atom = b->n_atoms;
    int32_t *source = b->edge_source + b->n_edges;
    rcr_real *distance = b->edge_distance + b->n_edges;
    for (int32_t i = 0; i < g->n_atoms; i++) b->site_row[first_atom + i] = g->atomic_number[i];
    if (g->n_species > 0) rcr_mixtures_append(&b->mixtures, b->site_row, first_atom, g);
    append_offsets(b->edge_offset + first_atom + 1, b->n_edges, g);
    if (g->neighbor_bytes == 1)
        COPY_EDGES(uint8_t, source, g->neighbor, g->n_edges, first_atom + value)
    else if (g->neighbor_bytes == 2)
        COPY_EDGES(uint16_t, source, g->neighbor, g->n_edges, first_atom + value)
    else
        COPY_EDGES(int32_t, source, g->neighbor, g->n_edges, first_atom + value)
    if (g->distance_bytes == 4)
        COPY_EDGES(float, distance, g->distance, g->n_edges, (rcr_real)value)
    else
        COPY_EDGES(double, distance, g->distance, g->n_edges, (rcr_real)value)
    b->n_atoms += g->n_atoms;
    b->n_edges += g->n_edges;
    b->crystal_offset[++b->n_crystals] = b->n_atoms;
}

rcr_status rcr_batch_fill_from(rcr_batch *batch, const rcr_graph_source *source, size_t first, int32_t n,
                               rcr_error *err) {
    int64_t n_atoms = 0, n_edges = 0, n_species = 0;
    batch->n_atoms = batch->n_edges = batch->n_crystals = 0;
    if (!reserve_crystals(batch, n)) return rcr_fail_memory(err, "making a batch");
    if (source->announce != NULL) source->announce(source->context, first, (size_t)n);
    for (int32_t i = 0; i < n; i++) {
        rcr_status status = source->view(&batch->view[i], source->context, first + (size_t)i, err);
        if (status != RCR_OK) return status;
        n_atoms += batch->view[i].n_atoms;
        n_edges += batch->view[i].n_edges;
        n_species += batch->view[i].n_species;
    }
    /* One below the largest int32_t, as the offsets have one entry more. */
    if (n_atoms >= INT32_MAX || n_edges >= INT32_MAX)
        return rcr_fail(err, RCR_ERR_LIMIT,
                        "a batch of %d crystals has more than %d atoms or edges; use a smaller batch", (int)n,
                        INT32_MAX - 1);
    if (!reserve_atoms(batch, n_atoms, n_edges) || !rcr_mixtures_reserve(&batch->mixtures, n_species))
        return rcr_fail_memory(err, "making a batch");
    batch->edge_offset[0] = 0;
    batch->crystal_offset[0] = 0;
    for (int32_t i = 0; i < n; i++) append(batch, &batch->view[i]);
    return RCR_OK;
}

rcr_status rcr_batch_fill(rcr_batch *batch, const rcr_graph *const *graphs, int32_t n, rcr_error *err) {
    rcr_graph_source source = rcr_graph_source_of(graphs);
    return rcr_batch_fill_from(batch, &source, 0, n, err);
}

void rcr_batch_release(rcr_batch *batch) {
    rcr_free(batch->site_row);
    rcr_free(batch->edge_offset);
    rcr_free(batch->edge_source);
    rcr_free(batch->edge_distance);
    rcr_free(batch->crystal_offset);
    rcr_free(batch->view);
    rcr_mixtures_release(&batch->mixtures);
    memset(batch, 0, sizeof *batch);
}

double rcr_exact_scale(const double *values, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(values[i]));
    return rcr_running_scale(most);
}

rcr_normalizer rcr_normalizer_fit(const double *values, size_t n) {
    rcr_normalizer fit = {0, 1};
    if (n == 0) return fit;
    double sum = 0, scale = rcr_exact_scale(values, n);
    int constant = 1; /* told apart exactly: rounding of the mean would leave a tiny deviation, and a huge scale */
    for (size_t i = 0; i < n; i++) {
        sum += values[i] * scale;
        constant = constant && values[i] == values[0];
    }
    if (constant) {
        fit.mean = values[0];
        return fit;
    }
    double mean = sum / (double)n, squares = 0, rest = 0;
    /* Two passes with the mean's rounding taken out (Chan, Golub and LeVeque 1983). */
    for (size_t i = 0; i < n; i++) {
        double deviation = values[i] * scale - mean;
        squares += deviation * deviation;
        rest += deviation;
    }
    fit.mean = (mean + rest / (double)n) / scale;
    double variance = (squares - rest * rest / (double)n) / (double)(n - 1), std = sqrt(variance) / scale;
    if (variance > 0 && std > 0 && isfinite(std)) fit.std = std;
    return fit;
}
