/* The disordered atoms of a batch. */
#include "data/mixture.h"
#include "base/mem.h"
#include "data/batch.h"

/* A vacancy smaller than this is rounding. */
#define NO_VACANCY 1e-9

int rcr_mixtures_reserve(rcr_mixtures *m, int64_t n_species) {
    m->n = 0;
    if (n_species <= m->capacity) return 1;
    /* Every disordered atom has at least one entry, and one part more than entries at most. */
    int64_t room = n_species + n_species / 2;
    if (room > INT32_MAX / 2 - 1) room = INT32_MAX / 2 - 1;
    if (room < n_species) return 0;
    size_t n = (size_t)room;
    rcr_mixtures larger = {.capacity = (int32_t)room};
    larger.atom = rcr_malloc(n, sizeof *larger.atom);
    larger.offset = rcr_malloc(n + 1, sizeof *larger.offset);
    larger.row = rcr_malloc(2 * n, sizeof *larger.row);
    larger.weight = rcr_malloc(2 * n, sizeof *larger.weight);
    if (larger.atom == NULL || larger.offset == NULL || larger.row == NULL || larger.weight == NULL) {
        rcr_mixtures_release(&larger);
        return 0;
    }
    larger.offset[0] = 0;
    rcr_mixtures_release(m);
    *m = larger;
    return 1;
}

static void add_part(rcr_mixtures *m, int32_t row, double weight) {
    int32_t k = m->offset[m->n + 1]++;
    m->row[k] = row;
    m->weight[k] = (rcr_real)weight;
}

void rcr_mixtures_append(rcr_mixtures *m, int32_t *site_row, int32_t first_atom, const rcr_graph_view *graph,
                         const int32_t *atom_class) {
    int32_t k = 0, rows = 0;
    for (int32_t i = 0; i < graph->n_atoms; i++) {
        int32_t n = rcr_graph_view_n_species(graph, i), first = k, row = rows;
        k += n;
        if (atom_class != NULL && atom_class[i] < rows) continue; /* not the first of its class */
        rows++;
        if (n == 0 || (n == 1 && rcr_graph_view_occupancy(graph, first) == 1)) continue;
        double vacant = 1;
        m->atom[m->n] = first_atom + row;
        m->offset[m->n + 1] = m->offset[m->n];
        for (int32_t j = first; j < k; j++) {
            double share = rcr_graph_view_occupancy(graph, j);
            vacant -= share;
            add_part(m, graph->species_number[j], share);
        }
        if (vacant > NO_VACANCY) add_part(m, 0, vacant);
        m->n++;
        site_row[first_atom + row] = 0;
    }
}

void rcr_mixtures_release(rcr_mixtures *m) {
    rcr_free(m->atom);
    rcr_free(m->offset);
    rcr_free(m->row);
    rcr_free(m->weight);
    *m = (rcr_mixtures){0};
}
