/* The first byte of the input says whether the checksum is made right before the record is looked at. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/hash.h"
#include "data/batch.h"
#include "graph/packed.h"

static rcr_status view_of(rcr_graph_view *out, const void *context, size_t i, rcr_error *err) {
    (void)i;
    (void)err;
    *out = *(const rcr_graph_view *)context;
    return RCR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 5) return 0;
    size_t n = size - 1;
    uint8_t *record = malloc(n);
    if (record == NULL) return 0;
    memcpy(record, data + 1, n);
    uint32_t sum = (uint32_t)rcr_checksum(record + 4, n - 4);
    if (data[0] != 0) memcpy(record, &sum, sizeof sum);
    rcr_graph_view view;
    rcr_error err;
    if (rcr_graph_view_packed(&view, record, n, &err) == RCR_OK) {
        rcr_batch batch = {0};
        rcr_graph_source source = {.context = &view, .view = view_of};
        rcr_graph *graph;
        if (rcr_batch_fill_from(&batch, &source, 0, 1, &err) != RCR_OK) fuzz_fail("a checked record makes no batch");
        if (rcr_graph_from_view(&graph, &view, &err) != RCR_OK) fuzz_fail("a checked record makes no graph");
        for (int32_t i = 0; i <= batch.n_atoms; i++)
            if (batch.edge_offset[i] != graph->offset[i]) fuzz_fail("batch and graph differ");
        if (batch.edge_offset[batch.n_atoms] != batch.n_edges) fuzz_fail("offsets do not end at the last edge");
        for (int32_t e = 0; e < batch.n_edges; e++) {
            if (batch.edge_source[e] < 0 || batch.edge_source[e] >= batch.n_atoms)
                fuzz_fail("an edge leads to no atom");
            if (!(batch.edge_distance[e] >= 0)) fuzz_fail("a distance is not a number");
        }
        const rcr_mixtures *m = &batch.mixtures;
        for (int32_t i = 0; i < m->n; i++) {
            double whole = 0;
            if (m->atom[i] < 0 || m->atom[i] >= batch.n_atoms || batch.site_row[m->atom[i]] != 0)
                fuzz_fail("a mixture is of no atom");
            for (int32_t k = m->offset[i]; k < m->offset[i + 1]; k++) {
                if (m->row[k] < 0 || m->row[k] > 118 || !(m->weight[k] >= 0)) fuzz_fail("a part of a mixture is wrong");
                whole += (double)m->weight[k];
            }
            if (!(whole > 1 - 1e-5 && whole < 1 + 1e-5)) fuzz_fail("the parts of a mixture do not make one");
        }
        int32_t n_zero = 0;
        for (int32_t i = 0; i < batch.n_atoms; i++) n_zero += batch.site_row[i] == 0;
        if (n_zero != m->n) fuzz_fail("an atom has no element");
        int32_t all_atoms = batch.n_atoms, all_edges = batch.n_edges;
        batch.fold = 1;
        if (rcr_batch_fill_from(&batch, &source, 0, 1, &err) != RCR_OK) fuzz_fail("a checked record can't be folded");
        if (rcr_batch_all_atoms(&batch) != all_atoms || rcr_batch_all_edges(&batch) != all_edges)
            fuzz_fail("atoms or edges are lost in folding");
        if (batch.n_atoms > all_atoms || batch.edge_offset[batch.n_atoms] != batch.n_edges)
            fuzz_fail("folding makes more of atoms");
        for (int32_t e = 0; e < batch.n_edges; e++)
            if (batch.edge_source[e] < 0 || batch.edge_source[e] >= batch.n_atoms)
                fuzz_fail("a folded edge leads to no atom");
        rcr_graph_free(graph);
        rcr_batch_release(&batch);
    }
    free(record);
    return 0;
}
