#include "support/check.h"

#include <math.h>

#include "base/mem.h"
#include "data/batch.h"

/* Two atoms and three edges; one atom without edges; one atom with one. */
static uint8_t z0[] = {11, 17}, z1[] = {2}, z2[] = {26};
static int32_t offset0[] = {0, 2, 3}, offset1[] = {0, 0}, offset2[] = {0, 1};
static int32_t neighbor0[] = {1, 0, 0}, neighbor2[] = {0};
static double distance0[] = {2.5, 3.25, 2.5}, distance2[] = {2.0};
static const rcr_graph graph0 = {2, 3, z0, offset0, neighbor0, distance0, NULL, NULL, NULL};
static const rcr_graph graph1 = {1, 0, z1, offset1, NULL, NULL, NULL, NULL, NULL};
static const rcr_graph graph2 = {1, 1, z2, offset2, neighbor2, distance2, NULL, NULL, NULL};

/* Four atoms of two kinds, a pair each, and edges of a pair to either atom of the other. */
static uint8_t z_pairs[] = {11, 17, 17, 11};
static int32_t offset_pairs[] = {0, 3, 4, 5, 8}, neighbor_pairs[] = {1, 2, 2, 0, 3, 2, 2, 1};
static double distance_pairs[] = {2.5, 2.5, 3.0, 2.5, 2.5, 2.5, 3.0, 2.5};
static const rcr_graph pairs = {4, 8, z_pairs, offset_pairs, neighbor_pairs, distance_pairs, NULL, NULL, NULL};

static void folds_equivalent_atoms(void **state) {
    (void)state;
    const rcr_graph *graphs[] = {&pairs, &graph0, &pairs};
    static const int32_t rows[] = {11, 17, 11, 17, 11, 17}, offsets[] = {0, 2, 3, 5, 6, 8, 9},
                         sources[] = {1, 1, 0, 3, 2, 2, 5, 5, 4}, crystals[] = {0, 2, 4, 6};
    static const rcr_real counts[] = {2, 2, 1, 1, 2, 2}, copies[] = {2, 1, 1, 1, 1, 1, 2, 1, 1};
    rcr_batch batch = {.fold = 1};
    for (int again = 0; again < 3; again++) {
        batch.fold = 1;
        assert_int_equal(rcr_batch_fill(&batch, graphs, 3, NULL), RCR_OK);
        assert_int_equal(batch.n_atoms, 6);
        assert_int_equal(batch.n_edges, 9);
        assert_int_equal(batch.n_crystals, 3);
        assert_int_equal(rcr_batch_all_atoms(&batch), 10);
        assert_int_equal(rcr_batch_all_edges(&batch), 19);
        assert_memory_equal(batch.site_row, rows, sizeof rows);
        assert_memory_equal(batch.edge_offset, offsets, sizeof offsets);
        assert_memory_equal(batch.edge_source, sources, sizeof sources);
        assert_memory_equal(batch.crystal_offset, crystals, sizeof crystals);
        assert_memory_equal(batch.multiplicity, counts, sizeof counts);
        assert_memory_equal(batch.edge_count, copies, sizeof copies);
        /* Whole again, and back. */
        batch.fold = 0;
        assert_int_equal(rcr_batch_fill(&batch, graphs, 3, NULL), RCR_OK);
        assert_null(batch.multiplicity);
        assert_int_equal(batch.n_atoms, 10);
        assert_int_equal(rcr_batch_all_atoms(&batch), 10);
        assert_int_equal(rcr_batch_all_edges(&batch), 19);
        assert_null(batch.edge_count);
    }
    rcr_batch_release(&batch);
}

static void lays_graphs_side_by_side(void **state) {
    (void)state;
    const rcr_graph *graphs[] = {&graph0, &graph1, &graph2, &graph0};
    static const int32_t rows[] = {11, 17, 2, 26, 11, 17}, offsets[] = {0, 2, 3, 3, 4, 6, 7},
                         sources[] = {1, 0, 0, 3, 5, 4, 4}, crystals[] = {0, 2, 3, 4, 6};
    static const rcr_real distances[] = {2.5, 3.25, 2.5, 2.0, 2.5, 3.25, 2.5};
    rcr_batch batch = {0};
    for (int again = 0; again < 3; again++) {
        assert_int_equal(rcr_batch_fill(&batch, graphs, 4, NULL), RCR_OK);
        assert_int_equal(batch.n_atoms, 6);
        assert_int_equal(batch.n_edges, 7);
        assert_int_equal(batch.n_crystals, 4);
        assert_memory_equal(batch.site_row, rows, sizeof rows);
        assert_memory_equal(batch.edge_offset, offsets, sizeof offsets);
        assert_memory_equal(batch.edge_source, sources, sizeof sources);
        assert_memory_equal(batch.edge_distance, distances, sizeof distances);
        assert_memory_equal(batch.crystal_offset, crystals, sizeof crystals);
        /* In between a smaller and an edgeless one: what is left of the larger must not show. */
        const rcr_graph *lone = &graph1;
        assert_int_equal(rcr_batch_fill(&batch, &lone, 1, NULL), RCR_OK);
        assert_int_equal(batch.n_atoms, 1);
        assert_int_equal(batch.n_edges, 0);
        assert_int_equal(batch.edge_offset[1], 0);
        assert_int_equal(batch.crystal_offset[1], 1);
    }
    assert_int_equal(rcr_batch_fill(&batch, NULL, 0, NULL), RCR_OK);
    assert_int_equal(batch.n_crystals, 0);
    assert_int_equal(batch.edge_offset[0], 0);
    rcr_batch_release(&batch);
    assert_null(batch.site_row);
    assert_int_equal(batch.capacity_atoms, 0);
    rcr_batch_release(&batch);
}

/* Atom 0 whole, though listed; atom 1 of half iron, a quarter cobalt: its row is 0, and a quarter is vacant. */
static int32_t offset3[] = {0, 0, 0}, species_offset3[] = {0, 1, 3};
static uint8_t z3[] = {8, 26}, species_number3[] = {8, 26, 27};
static double species_occupancy3[] = {1, 0.5, 0.25};
static const rcr_graph graph3 = {2, 0, z3, offset3, NULL, NULL, species_offset3, species_number3, species_occupancy3};
static int32_t species_offset4[] = {0, 2};
static uint8_t z4[] = {28}, species_number4[] = {28, 29};
static double species_occupancy4[] = {0.625, 0.375};
static const rcr_graph graph4 = {1, 0, z4, offset1, NULL, NULL, species_offset4, species_number4, species_occupancy4};

static void lists_disordered_atoms(void **state) {
    (void)state;
    const rcr_graph *graphs[] = {&graph0, &graph3, &graph1, &graph4};
    static const int32_t rows[] = {11, 17, 8, 0, 2, 0}, atoms[] = {3, 5}, offsets[] = {0, 3, 5},
                         part_rows[] = {26, 27, 0, 28, 29};
    static const rcr_real weights[] = {0.5, 0.25, 0.25, 0.625, 0.375};
    rcr_batch batch = {0};
    assert_int_equal(rcr_batch_fill(&batch, graphs, 1, NULL), RCR_OK);
    assert_int_equal(batch.mixtures.n, 0);
    assert_null(batch.mixtures.atom); /* an ordered batch pays nothing */
    for (int again = 0; again < 2; again++) {
        assert_int_equal(rcr_batch_fill(&batch, graphs, 4, NULL), RCR_OK);
        assert_memory_equal(batch.site_row, rows, sizeof rows);
        assert_int_equal(batch.mixtures.n, 2);
        assert_memory_equal(batch.mixtures.atom, atoms, sizeof atoms);
        assert_memory_equal(batch.mixtures.offset, offsets, sizeof offsets);
        assert_memory_equal(batch.mixtures.row, part_rows, sizeof part_rows);
        assert_memory_equal(batch.mixtures.weight, weights, sizeof weights);
        assert_int_equal(rcr_batch_fill(&batch, graphs, 1, NULL), RCR_OK);
        assert_int_equal(batch.mixtures.n, 0);
    }
    /* From records, the same. */
    uint8_t *record;
    size_t size;
    rcr_graph_view view;
    rcr_graph *back;
    assert_int_equal(rcr_graph_pack(&record, &size, &graph3, 8, NULL), RCR_OK);
    assert_int_equal(rcr_graph_view_packed(&view, record, size, NULL), RCR_OK);
    assert_int_equal(rcr_graph_from_view(&back, &view, NULL), RCR_OK);
    graphs[1] = back;
    assert_int_equal(rcr_batch_fill(&batch, graphs, 4, NULL), RCR_OK);
    assert_memory_equal(batch.mixtures.weight, weights, sizeof weights);
    rcr_graph_free(back);
    rcr_free(record);
    for (int n = 1; n < 40; n++) { /* growing */
        const rcr_graph *many[40];
        for (int i = 0; i < n; i++) many[i] = i % 2 ? &graph3 : &graph4;
        assert_int_equal(rcr_batch_fill(&batch, many, n, NULL), RCR_OK);
        assert_int_equal(batch.mixtures.n, n);
        assert_int_equal(batch.mixtures.offset[n], 2 * ((n + 1) / 2) + 3 * (n / 2));
    }
    rcr_batch_release(&batch);
    assert_null(batch.mixtures.atom);
}

static void grows_with_its_contents(void **state) {
    (void)state;
    const rcr_graph *graphs[1000];
    rcr_batch batch = {0};
    for (int n = 1; n <= 1000; n++) {
        graphs[n - 1] = n % 2 ? &graph0 : &graph2;
        if (n % 37 != 0 && n != 1000) continue;
        assert_int_equal(rcr_batch_fill(&batch, graphs, n, NULL), RCR_OK);
        assert_int_equal(batch.n_atoms, (n + 1) / 2 * 2 + n / 2);
        assert_int_equal(batch.crystal_offset[n], batch.n_atoms);
        assert_int_equal(batch.edge_offset[batch.n_atoms], batch.n_edges);
        for (int32_t i = 0; i < batch.n_atoms; i++)
            for (int32_t e = batch.edge_offset[i]; e < batch.edge_offset[i + 1]; e++)
                assert_in_range(batch.edge_source[e], i > 0 ? i - 1 : 0, i + 1);
    }
    rcr_batch_release(&batch);
}

/* More atoms than an index holds: refused before anything is touched (the graphs' arrays are never read). */
static void refuses_what_no_index_holds(void **state) {
    (void)state;
    rcr_graph huge = graph0;
    huge.n_atoms = INT32_MAX / 2 + 1;
    const rcr_graph *graphs[] = {&huge, &huge};
    rcr_batch batch = {0};
    rcr_error err = {0};
    assert_int_equal(rcr_batch_fill(&batch, graphs, 2, &err), RCR_ERR_LIMIT);
    huge = graph0;
    huge.n_edges = INT32_MAX;
    assert_int_equal(rcr_batch_fill(&batch, graphs, 1, &err), RCR_ERR_LIMIT);
    assert_null(batch.site_row);
    rcr_batch_release(&batch);
}

static void normalizer_by_hand(void **state) {
    (void)state;
    static const double values[] = {2, 4, 4, 4, 5, 5, 7, 9}; /* mean 5, squares 32, sample variance 32/7 */
    rcr_normalizer n = rcr_normalizer_fit(values, 8);
    assert_true(fabs(n.mean - 5) < 1e-15 && fabs(n.std - sqrt(32.0 / 7)) < 1e-15);
    static const double far_off[] = {1e9 + 1, 1e9 + 2, 1e9 + 3};
    n = rcr_normalizer_fit(far_off, 3);
    assert_true(n.mean == 1e9 + 2 && n.std == 1);
    static const double same[] = {0.1, 0.1, 0.1};
    n = rcr_normalizer_fit(same, 3);
    assert_true(n.mean == 0.1 && n.std == 1);
    n = rcr_normalizer_fit(values, 1);
    assert_true(n.mean == 2 && n.std == 1);
    n = rcr_normalizer_fit(NULL, 0);
    assert_true(n.mean == 0 && n.std == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_graphs_side_by_side),    cmocka_unit_test(folds_equivalent_atoms),
        cmocka_unit_test(lists_disordered_atoms),      cmocka_unit_test(grows_with_its_contents),
        cmocka_unit_test(refuses_what_no_index_holds), cmocka_unit_test(normalizer_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
