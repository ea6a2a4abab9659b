#include "data/batch.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/running.h"
#include "base/status.h"
#include "data/mixture.h"

/* Of more atoms the room to fold them is given back at once; of more than the last, the number of equal ones might be
 * none that a float counts exactly, and they are not folded. */
enum { LARGE_ATOMS = 20000, MOST_FOLDED = 1 << 24 };

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
    if (n_atoms > b->capacity_atoms || b->edge_offset == NULL || (b->fold && b->counts == NULL)) {
        int32_t room = grown(n_atoms);
        b->capacity_atoms = 0;
        if (!reserve((void **)&b->site_row, (size_t)room, sizeof *b->site_row) ||
            (b->fold && !reserve((void **)&b->counts, (size_t)room, sizeof *b->counts)) ||
            !reserve((void **)&b->edge_offset, (size_t)room + 1, sizeof *b->edge_offset))
            return 0;
        b->capacity_atoms = room;
    }
    if (n_edges > b->capacity_edges || b->edge_distance == NULL || (b->fold && b->copies == NULL)) {
        int32_t room = grown(n_edges);
        b->capacity_edges = 0;
        if (!reserve((void **)&b->edge_source, (size_t)room, sizeof *b->edge_source) ||
            (b->fold && !reserve((void **)&b->copies, (size_t)room, sizeof *b->copies)) ||
            !reserve((void **)&b->edge_distance, (size_t)room, sizeof *b->edge_distance))
            return 0;
        b->capacity_edges = room;
    }
    return 1;
}

static void append_whole(rcr_batch *b, const rcr_graph_view *g) {
    int32_t first_atom = b->n_atoms, *offset = b->edge_offset + first_atom;
    for (int32_t i = 0; i < g->n_atoms; i++) b->site_row[first_atom + i] = g->atomic_number[i];
    if (g->n_species > 0) rcr_mixtures_append(&b->mixtures, b->site_row, first_atom, g, NULL);
    for (int32_t i = 0; i < g->n_atoms; i++) offset[i + 1] = offset[i] + rcr_graph_view_n_edges(g, i);
    rcr_graph_view_neighbors(b->edge_source + b->n_edges, g, first_atom);
    rcr_graph_view_distances(b->edge_distance + b->n_edges, g);
    b->n_atoms += g->n_atoms;
    b->n_edges += g->n_edges;
}

/* An edge of the last row, or one more of those that are equal to it: edges of one length stand side by side. */
static void append_edge(rcr_batch *b, int32_t row, int32_t source, rcr_real distance) {
    for (int32_t e = b->n_edges - 1; e >= b->edge_offset[row] && b->edge_distance[e] == distance; e--)
        if (b->edge_source[e] == source) {
            b->copies[e]++;
            return;
        }
    b->edge_source[b->n_edges] = source;
    b->edge_distance[b->n_edges] = distance;
    b->copies[b->n_edges++] = 1;
}

/* Edges of the last crystal's rows from `first` on that are equal become one, as those of folded crystals do: else a
 * cell in which no two atoms are equivalent would be summed in another way than its supercell.  In place: none moves
 * up. */
static void merge_edges(rcr_batch *b, int32_t first) {
    int32_t from = b->edge_offset[first];
    b->n_edges = from;
    for (int32_t row = first; row < b->n_atoms; row++) {
        int32_t stop = b->edge_offset[row + 1];
        for (; from < stop; from++) append_edge(b, row, b->edge_source[from], b->edge_distance[from]);
        b->edge_offset[row + 1] = b->n_edges;
    }
}

/* The first atom of each class, whose edges lead to the rows of classes. */
static void append_folded(rcr_batch *b, const rcr_graph_view *g) {
    const rcr_fold *fold = &b->fold_room;
    int32_t first_atom = b->n_atoms;
    for (int32_t i = 0; i < g->n_atoms; i++) {
        int32_t row = first_atom + fold->atom_class[i], n = fold->offset[i + 1] - fold->offset[i];
        b->all_edges += n;
        if (row < b->n_atoms) { /* not the first */
            b->counts[row]++;
            continue;
        }
        b->n_atoms++;
        b->counts[row] = 1;
        b->site_row[row] = g->atomic_number[i];
        for (int32_t e = fold->offset[i]; e < fold->offset[i + 1]; e++)
            append_edge(b, row, first_atom + fold->atom_class[fold->neighbor[e]], fold->length[e]);
        b->edge_offset[row + 1] = b->n_edges;
    }
    if (g->n_species > 0) rcr_mixtures_append(&b->mixtures, b->site_row, first_atom, g, fold->atom_class);
}

static rcr_status append(rcr_batch *b, const rcr_graph_view *g, rcr_error *err) {
    int may_fold = b->fold && g->n_atoms <= MOST_FOLDED;
    if (may_fold) {
        rcr_status status = rcr_fold_find(&b->fold_room, g, err);
        if (status != RCR_OK) return status;
    }
    if (may_fold && b->fold_room.n_classes < g->n_atoms) {
        append_folded(b, g);
    } else {
        int32_t first = b->n_atoms;
        append_whole(b, g);
        for (int32_t i = first; b->fold && i < b->n_atoms; i++) b->counts[i] = 1;
        if (may_fold)
            merge_edges(b, first);
        else
            for (int32_t e = b->edge_offset[first]; b->fold && e < b->n_edges; e++) b->copies[e] = 1;
        b->all_edges += g->n_edges;
    }
    b->all_atoms += g->n_atoms;
    b->crystal_offset[++b->n_crystals] = b->n_atoms;
    return RCR_OK;
}

rcr_status rcr_batch_fill_from(rcr_batch *batch, const rcr_graph_source *source, size_t first, int32_t n,
                               rcr_error *err) {
    int64_t n_atoms = 0, n_edges = 0, n_species = 0;
    batch->n_atoms = batch->n_edges = batch->n_crystals = 0;
    batch->all_atoms = batch->all_edges = 0;
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
    batch->multiplicity = batch->fold ? batch->counts : NULL;
    batch->edge_count = batch->fold ? batch->copies : NULL;
    rcr_status status = RCR_OK;
    for (int32_t i = 0; i < n && status == RCR_OK; i++) status = append(batch, &batch->view[i], err);
    /* What it took to fold a huge crystal is not held while the network needs memory. */
    if (batch->fold_room.capacity_atoms > LARGE_ATOMS) rcr_fold_release(&batch->fold_room);
    return status;
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
    rcr_free(batch->counts);
    rcr_free(batch->copies);
    rcr_fold_release(&batch->fold_room);
    rcr_mixtures_release(&batch->mixtures);
    memset(batch, 0, sizeof *batch);
}

double rcr_exact_scale(const double *values, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(values[i]));
    return rcr_running_scale(most);
}

int rcr_all_equal(const double *values, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (values[i] != values[0]) return 0;
    return 1;
}

rcr_normalizer rcr_normalizer_fit(const double *values, size_t n) {
    rcr_normalizer fit = {0, 1};
    if (n == 0) return fit;
    if (rcr_all_equal(values, n)) {
        fit.mean = values[0];
        return fit;
    }
    double sum = 0, scale = rcr_exact_scale(values, n);
    for (size_t i = 0; i < n; i++) sum += values[i] * scale;
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
