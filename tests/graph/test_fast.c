/* The fast search gives the graph of the plain one, whatever the cell. */
#include "graph/support.h"

#include "graph/internal.h"

/* Equal in everything but the last bits of distances. */
static void assert_same_graph(const rcr_graph *a, const rcr_graph *b) {
    assert_int_equal(a->n_atoms, b->n_atoms);
    assert_int_equal(a->n_edges, b->n_edges);
    assert_memory_equal(a->offset, b->offset, ((size_t)a->n_atoms + 1) * sizeof *a->offset);
    assert_memory_equal(a->atomic_number, b->atomic_number, (size_t)a->n_atoms);
    assert_memory_equal(a->neighbor, b->neighbor, (size_t)a->n_edges * sizeof *a->neighbor);
    for (int32_t e = 0; e < a->n_edges; e++) assert_true(fabs(a->distance[e] - b->distance[e]) <= 1e-11);
}

static void compare(const rcr_crystal *crystal, const rcr_graph_options *options) {
    rcr_graph *fast = graph_of(crystal, options), *plain = plain_graph_of(crystal, options);
    assert_same_graph(fast, plain);
    rcr_graph_free(fast);
    rcr_graph_free(plain);
}

static rcr_graph_options random_options(rcr_rng *rng) {
    static const int32_t neighbors[] = {1, 2, 6, 12, 12, 12, 12, 16, 40, 100};
    rcr_graph_options options = rcr_graph_options_default();
    options.max_neighbors = neighbors[rcr_rng_below(rng, 10)];
    if (rcr_rng_below(rng, 3) == 0) options.radius = uniform(rng, 1.0, 10.0);
    options.ties = rcr_rng_below(rng, 2) ? RCR_TIES_KEEP : RCR_TIES_CUT;
    options.padding = rcr_rng_below(rng, 2) ? RCR_PADDING_REFERENCE : RCR_PADDING_NONE;
    if (rcr_rng_below(rng, 4) == 0) options.tie_tolerance = pow(10.0, uniform(rng, -9.0, -2.0));
    return options;
}

/* Sites anywhere, some on a grid of fractions (which makes equal distances), in and out of [0, 1). */
static rcr_crystal *random_crystal(rcr_rng *rng, int32_t n, double shortest, double longest) {
    rcr_crystal *crystal = new_crystal(n);
    random_lattice(crystal->lattice, rng, shortest, longest);
    int on_grid = rcr_rng_below(rng, 2) == 1;
    for (int32_t i = 0; i < n; i++) {
        crystal->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(rng, 4));
        for (int k = 0; k < 3; k++)
            crystal->frac[i][k] = on_grid ? (double)rcr_rng_below(rng, 24) / 12.0 - 0.5 : uniform(rng, -1.5, 1.5);
    }
    return crystal;
}

static void random_cells(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 1, 1);
    for (int trial = 0; trial < 3000; trial++) {
        int32_t n = 1 + (int32_t)rcr_rng_below(&rng, trial % 10 == 0 ? 60 : 8);
        double shortest = trial % 3 == 0 && n < 6 ? 1.0 : 2.5;
        rcr_crystal *crystal = random_crystal(&rng, n, shortest, trial % 7 == 0 ? 40.0 : 8.0);
        rcr_graph_options options = random_options(&rng);
        if (options.radius > 8.0) options.radius = 8.0;
        compare(crystal, &options);
        rcr_crystal_free(crystal);
    }
}

/* sc, bcc, fcc, diamond, rock salt, hcp, in cubic, primitive and skewed cells: nothing but ties. */
static void symmetric_structures(void **state) {
    (void)state;
    static const double fcc[3][3] = {{0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}},
                        sc[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                        bcc[3][3] = {{-.5, .5, .5}, {.5, -.5, .5}, {.5, .5, -.5}},
                        hex[3][3] = {{1, 0, 0}, {-.5, 0.86602540378443864676, 0}, {0, 0, 1.632993161855452}};
    static const struct {
        const double (*lattice)[3];
        double a;
        int32_t n;
        double frac[4][3];
        uint8_t z[4];
    } table[] = {{sc, 3.35, 1, {{0, 0, 0}}, {84}},
                 {sc, 8.0, 1, {{0.3, 0.3, 0.3}}, {54}},
                 {bcc, 2.87, 1, {{0, 0, 0}}, {26}},
                 {fcc, 4.05, 1, {{0, 0, 0}}, {13}},
                 {fcc, 3.57, 2, {{0, 0, 0}, {.25, .25, .25}}, {6, 6}},
                 {fcc, 5.64, 2, {{0, 0, 0}, {.5, .5, .5}}, {11, 17}},
                 {sc, 3.9, 4, {{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}}, {79, 29, 29, 29}},
                 {sc, 4.12, 2, {{0, 0, 0}, {.5, .5, .5}}, {55, 17}},
                 {hex, 2.95, 2, {{0, 0, 0}, {1. / 3, 2. / 3, .5}}, {22, 22}}};
    rcr_rng rng;
    rcr_rng_seed(&rng, 2, 1);
    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        rcr_crystal *crystal = new_crystal(table[t].n);
        for (int k = 0; k < 9; k++) crystal->lattice[k / 3][k % 3] = table[t].a * table[t].lattice[k / 3][k % 3];
        memcpy(crystal->frac, table[t].frac, (size_t)table[t].n * sizeof *crystal->frac);
        memcpy(crystal->atomic_number, table[t].z, (size_t)table[t].n);
        for (int trial = 0; trial < 40; trial++) {
            int times[3];
            for (int k = 0; k < 3; k++) times[k] = 1 + (int)rcr_rng_below(&rng, 2);
            int32_t from[64];
            rcr_crystal *super = supercell(crystal, times, from), *other = recelled(super, &rng, trial % 5);
            rcr_graph_options options = random_options(&rng);
            options.radius = 8.0;
            compare(other, &options);
            rcr_crystal_free(super);
            rcr_crystal_free(other);
        }
        rcr_crystal_free(crystal);
    }
}

/* Flat, long, needle-like, tiny and sparse cells. */
static void extreme_cells(void **state) {
    (void)state;
    static const double lengths[][3] = {{0.8, 0.9, 60}, {1.1, 50, 70}, {0.4, 0.4, 0.4}, {100, 100, 0.7},
                                        {30, 31, 32},   {7.9, 8, 8.1}, {2.2, 2.2, 500}, {4, 300, 300},
                                        {0.3, 9, 9},    {25, 3, 0.6}};
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, 1);
    for (size_t t = 0; t < sizeof lengths / sizeof *lengths; t++)
        for (int trial = 0; trial < 12; trial++) {
            int32_t n = 1 + (int32_t)rcr_rng_below(&rng, 5);
            rcr_crystal *crystal = random_crystal(&rng, n, 1.0, 2.0);
            double angles[3] = {90, 90, 90};
            if (trial % 2)
                for (int k = 0; k < 3; k++) angles[k] = uniform(&rng, 50, 115);
            assert_int_equal(rcr_lattice_from_parameters(crystal->lattice, lengths[t], angles, NULL), RCR_OK);
            rcr_graph_options options = random_options(&rng);
            compare(crystal, &options);
            rcr_crystal_free(crystal);
        }
}

/* Enough atoms for bins, in a skewed cell, with voids. */
static void many_atoms(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 4, 1);
    for (int trial = 0; trial < 6; trial++) {
        int32_t n = 300 + 80 * trial;
        rcr_crystal *crystal = random_crystal(&rng, n, 1.0, 2.0);
        double lengths[3] = {18, 21, 25}, angles[3] = {uniform(&rng, 50, 110), uniform(&rng, 60, 110), 75};
        assert_int_equal(rcr_lattice_from_parameters(crystal->lattice, lengths, angles, NULL), RCR_OK);
        for (int32_t i = 0; i < n; i++)
            if (trial % 2) crystal->frac[i][2] *= 0.2;
        rcr_graph_options options = random_options(&rng);
        compare(crystal, &options);
        rcr_crystal_free(crystal);
    }
}

/* Neighbors within some 1e-6 of the radius, in cells so long that single precision places atoms no better. */
static void at_the_radius_of_long_cells(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 7, 1);
    for (int trial = 0; trial < 400; trial++) {
        rcr_graph_options options = random_options(&rng);
        options.radius = uniform(&rng, 3.0, 8.0);
        rcr_crystal *crystal = new_crystal(24);
        double length = uniform(&rng, 500.0, 6000.0);
        for (int k = 0; k < 3; k++) crystal->lattice[k][k] = k == trial % 3 ? length : 20.0;
        for (int32_t i = 0; i < crystal->n_sites; i += 2) {
            double off = options.radius * (1.0 - pow(10.0, uniform(&rng, -9.0, -5.0))) / length,
                   at = rcr_rng_uniform(&rng);
            for (int k = 0; k < 3; k++) crystal->frac[i][k] = crystal->frac[i + 1][k] = rcr_rng_uniform(&rng);
            crystal->frac[i][trial % 3] = at;
            crystal->frac[i + 1][trial % 3] = at + off;
            crystal->atomic_number[i] = crystal->atomic_number[i + 1] = 6;
        }
        compare(crystal, &options);
        rcr_crystal_free(crystal);
    }
}

/* Fractions that wrap to 1, or almost. */
static void fractions_that_round_up(void **state) {
    (void)state;
    static const double fraction[] = {0, -1e-17, -5e-324, 1 - 0x1p-53, 1, -0x1p-54, -1, 0x1p-60, 0.5, 0.5 - 0x1p-54};
    rcr_rng rng;
    rcr_rng_seed(&rng, 8, 1);
    for (int trial = 0; trial < 600; trial++) {
        rcr_crystal *crystal = random_crystal(&rng, 3, 2.5, trial % 4 == 0 ? 30.0 : 6.0);
        for (int k = 0; k < 9; k++) crystal->frac[k / 3][k % 3] = fraction[rcr_rng_below(&rng, 10)] + (k / 3) * 0.25;
        for (int k = 0; k < 3; k++) crystal->frac[0][k] = fraction[rcr_rng_below(&rng, 10)];
        rcr_graph_options options = random_options(&rng);
        compare(crystal, &options);
        rcr_crystal_free(crystal);
    }
}

/* What the search has seen so far ends a group of ties only where a further atom could not belong to it. */
static void a_group_at_the_reach_is_searched_on(void **state) {
    (void)state;
    rcr_graph_options options = rcr_graph_options_default();
    options.max_neighbors = 2;
    options.tie_tolerance = 1e-3;
    const double distance[] = {2.0, 3.0, 3.0005, 3.1};
    assert_int_equal(rcr_shells_cut(distance, 3, 3.0014, &options), -1);
    assert_int_equal(rcr_shells_cut(distance, 3, 3.0016, &options), 3);
    assert_int_equal(rcr_shells_cut(distance, 4, 3.1, &options), 3);
    assert_int_equal(rcr_shells_cut(distance, 1, 3.0, &options), -1);
    assert_int_equal(rcr_shells_cut(distance, 1, rcr_graph_reach(&options), &options), 1);
    assert_int_equal(rcr_shells_cut(distance, 3, rcr_graph_reach(&options), &options), 3);
}

static void reference_crystals(void **state) {
    (void)state;
    REQUIRE_SHARED();
    reference ref;
    reference_open(&ref);
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 1);
    for (int32_t c = 0; c < ref.n_crystals; c++) {
        rcr_crystal *crystal = reference_crystal(&ref, c);
        rcr_graph_options options = random_options(&rng);
        compare(crystal, &options);
        rcr_crystal_free(crystal);
    }
    reference_close(&ref);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_cells),
                                       cmocka_unit_test(symmetric_structures),
                                       cmocka_unit_test(extreme_cells),
                                       cmocka_unit_test(many_atoms),
                                       cmocka_unit_test(at_the_radius_of_long_cells),
                                       cmocka_unit_test(fractions_that_round_up),
                                       cmocka_unit_test(a_group_at_the_reach_is_searched_on),
                                       cmocka_unit_test(reference_crystals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
