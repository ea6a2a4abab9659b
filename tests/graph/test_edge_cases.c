/* Options, errors, limits, and crystals at the edge of what a graph can be made of. */
#include "graph/support.h"

#include <time.h>

static rcr_crystal *cubic(double a, int32_t n) {
    rcr_crystal *crystal = new_crystal(n);
    for (int k = 0; k < 3; k++) crystal->lattice[k][k] = a;
    for (int32_t i = 0; i < n; i++) crystal->atomic_number[i] = 6;
    return crystal;
}

static void assert_refused(const rcr_crystal *crystal, const rcr_graph_options *options, rcr_status status,
                           const char *word) {
    for (int plain = 0; plain < 2; plain++) {
        rcr_error err = {0};
        rcr_graph *graph = (rcr_graph *)(void *)&err;
        rcr_status got = plain ? rcr_graph_build_plain(&graph, crystal, options, &err)
                               : rcr_graph_build(&graph, crystal, options, &err);
        assert_int_equal(got, status);
        assert_int_equal(err.status, status);
        assert_ptr_equal(graph, &err); /* untouched */
        if (strstr(err.message, word) == NULL) fail_msg("no '%s' in: %s", word, err.message);
    }
}

static void options_are_checked(void **state) {
    (void)state;
    rcr_crystal *crystal = cubic(3.0, 1);
    static const double bad_radius[] = {0.0, -1.0, 1e9, NAN, INFINITY};
    rcr_graph_options good = rcr_graph_options_default(), options = good;
    assert_int_equal(rcr_graph_options_check(&good, NULL), RCR_OK);
    for (size_t k = 0; k < 5; k++) {
        options = good;
        options.radius = bad_radius[k];
        assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "radius");
    }
    options = good;
    options.max_neighbors = 0;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "neighbors");
    options.max_neighbors = 2000000000;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "neighbors");
    options = good;
    options.step = 0.0;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "step");
    options.step = NAN;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "step");
    options.step = 1e-9;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "greater step");
    options = good;
    options.dmin = 8.0;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "dmin");
    options = good;
    options.tie_tolerance = 1.0;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "tolerance");
    options.tie_tolerance = -1e-4;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "tolerance");
    options = good;
    options.padding = (rcr_padding)7;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "padding");
    options = good;
    options.ties = (rcr_ties)7;
    assert_refused(crystal, &options, RCR_ERR_ARGUMENT, "ties");
    rcr_crystal_free(crystal);
}

static void options_compare(void **state) {
    (void)state;
    rcr_graph_options a = rcr_graph_options_default(), b = a;
    assert_true(rcr_graph_options_equal(&a, &b));
    b.tie_tolerance = 1e-9; /* what automatic stands for */
    assert_true(rcr_graph_options_equal(&a, &b));
    b.tie_tolerance = 1e-4;
    assert_false(rcr_graph_options_equal(&a, &b));
    b = a;
    b.radius = 6;
    assert_false(rcr_graph_options_equal(&a, &b));
    b = a;
    b.padding = RCR_PADDING_REFERENCE;
    assert_false(rcr_graph_options_equal(&a, &b));
}

static void gaussians_are_counted_as_numpy_does(void **state) {
    (void)state;
    /* len(numpy.arange(dmin, radius + step, step)) */
    static const struct {
        double dmin, radius, step;
        int32_t n;
    } table[] = {{0, 8, 0.2, 41},     {0, 8, 0.3, 28},  {0, 6, 0.1, 61},
                 {0.7, 5.2, 0.1, 46}, {0, 10, 0.2, 51}, {0, 8, 16, 2}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
        rcr_graph_options options = rcr_graph_options_default();
        options.dmin = table[k].dmin;
        options.radius = table[k].radius;
        options.step = table[k].step;
        assert_int_equal(rcr_graph_options_n_gaussians(&options), table[k].n);
    }
}

static void useless_crystals_are_refused(void **state) {
    (void)state;
    rcr_graph_options options = rcr_graph_options_default();
    rcr_crystal *crystal = cubic(3.0, 2);
    crystal->frac[1][2] = NAN;
    assert_refused(crystal, &options, RCR_ERR_DATA, "");
    crystal->frac[1][2] = INFINITY;
    assert_refused(crystal, &options, RCR_ERR_DATA, "");
    crystal->frac[1][2] = 0.5;
    crystal->lattice[0][0] = NAN;
    assert_refused(crystal, &options, RCR_ERR_DATA, "");
    crystal->lattice[0][0] = 0.0;
    assert_refused(crystal, &options, RCR_ERR_DATA, "volume");
    crystal->lattice[0][1] = 3.0; /* a = b */
    assert_refused(crystal, &options, RCR_ERR_DATA, "volume");
    crystal->lattice[0][0] = 3e-13; /* all but: what is left of the volume is rounding */
    assert_refused(crystal, &options, RCR_ERR_DATA, "volume");
    crystal->lattice[0][0] = 3e-3;
    crystal->lattice[0][1] = 0.0; /* thin, but a cell */
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_build(&graph, crystal, &options, NULL), RCR_OK);
    rcr_graph_free(graph);
    crystal->lattice[0][0] = 3.0;
    crystal->n_sites = 0;
    assert_refused(crystal, &options, RCR_ERR_DATA, "sites");
    crystal->n_sites = 2;
    rcr_crystal_free(crystal);
}

/* The fast search is bounded whatever the cell; the plain one refuses what would take hours. */
static void tiny_cells_and_large_radii(void **state) {
    (void)state;
    rcr_graph_options options = rcr_graph_options_default();
    rcr_crystal *crystal = cubic(1e-3, 1);
    rcr_graph *graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 12);
    for (int k = 0; k < 6; k++) assert_true(fabs(graph->distance[k] - 1e-3) < 1e-12);
    for (int k = 6; k < 12; k++) assert_true(fabs(graph->distance[k] - 1e-3 * sqrt(2.0)) < 1e-12);
    rcr_graph_free(graph);
    rcr_error err = {0};
    graph = NULL;
    assert_int_equal(rcr_graph_build_plain(&graph, crystal, &options, &err), RCR_ERR_LIMIT);
    assert_non_null(strstr(err.message, "images"));
    /* a needle: everything else is out of reach */
    crystal->lattice[0][0] = crystal->lattice[1][1] = 1e5;
    graph = graph_of(crystal, &options);
    for (int k = 0; k < 12; k++) assert_true(fabs(graph->distance[k] - 1e-3 * (k / 2 + 1)) < 1e-12);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
    crystal = cubic(0.5, 1);
    options.radius = 1000.0;
    options.max_neighbors = 100000;
    graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 100000);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

static void one_atom(void **state) {
    (void)state;
    rcr_graph_options options = rcr_graph_options_default();
    rcr_crystal *crystal = cubic(3.0, 1);
    crystal->frac[0][0] = -17.3;
    rcr_graph *graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 12);
    for (int k = 0; k < 12; k++) {
        assert_int_equal(graph->neighbor[k], 0);
        assert_true(fabs(graph->distance[k] - (k < 6 ? 3.0 : 3.0 * sqrt(2.0))) < 1e-12);
    }
    rcr_graph_free(graph);
    options.max_neighbors = 4;
    options.ties = RCR_TIES_KEEP;
    graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 6);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

static void radius_is_inclusive(void **state) {
    (void)state;
    rcr_graph_options options = rcr_graph_options_default();
    /* pymatgen's get_all_neighbors(8) finds 6, 6, 0 */
    const double a[] = {8.0, sqrt(64.0 + 0.99e-8), sqrt(64.0 + 1.01e-8)};
    for (int k = 0; k < 3; k++) {
        rcr_crystal *crystal = cubic(a[k], 1);
        rcr_graph *graph = graph_of(crystal, &options);
        assert_int_equal(graph->n_edges, k < 2 ? 6 : 0);
        rcr_graph_free(graph);
        rcr_crystal_free(crystal);
    }
}

static void sparse_crystals_are_padded_or_not(void **state) {
    (void)state;
    rcr_crystal *crystal = cubic(30.0, 2);
    crystal->frac[1][0] = 0.05; /* 1.5 angstrom */
    rcr_graph_options options = rcr_graph_options_default();
    rcr_graph *graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 2);
    assert_int_equal(graph->neighbor[0], 1);
    assert_int_equal(graph->neighbor[1], 0);
    assert_true(fabs(graph->distance[0] - 1.5) < 1e-12);
    rcr_graph_free(graph);
    options.padding = RCR_PADDING_REFERENCE;
    graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 24);
    assert_int_equal(graph->neighbor[0], 1);
    for (int k = 1; k < 12; k++) {
        assert_int_equal(graph->neighbor[12 + k], 0);
        assert_true(graph->distance[12 + k] == 9.0);
    }
    rcr_graph_free(graph);
    crystal->n_sites = 1;
    options.padding = RCR_PADDING_NONE;
    graph = graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 0);
    assert_int_equal(graph->offset[1], 0);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

/* As pymatgen: two of one element in one place do not see each other, two of different elements do. */
static void coincident_atoms(void **state) {
    (void)state;
    rcr_crystal *crystal = cubic(20.0, 2);
    crystal->frac[1][1] = 1.0; /* an image of the first */
    rcr_graph_options options = rcr_graph_options_default();
    rcr_graph *graph = graph_of(crystal, &options), *plain = plain_graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 0);
    assert_int_equal(plain->n_edges, 0);
    rcr_graph_free(graph);
    rcr_graph_free(plain);
    crystal->atomic_number[1] = 7;
    graph = graph_of(crystal, &options);
    plain = plain_graph_of(crystal, &options);
    assert_int_equal(graph->n_edges, 2);
    assert_int_equal(plain->n_edges, 2);
    assert_true(graph->distance[0] <= 1e-12 && graph->neighbor[0] == 1);
    rcr_graph_free(graph);
    rcr_graph_free(plain);
    rcr_crystal_free(crystal);
}

/* Tens of thousands of atoms in one place: each had all of them in its shell, which took gigabytes and minutes. */
static void too_many_coincident_atoms(void **state) {
    (void)state;
    rcr_graph_options options = rcr_graph_options_default();
    rcr_crystal *crystal = cubic(4.0, 20000);
    for (int two = 0; two < 2; two++) {
        rcr_graph *graph = NULL;
        rcr_error err;
        for (int32_t i = 0; i < crystal->n_sites; i++) crystal->atomic_number[i] = (uint8_t)(6 + two * (i % 2));
        assert_int_equal(rcr_graph_build(&graph, crystal, &options, &err), RCR_ERR_LIMIT);
        assert_non_null(strstr(err.message, "too many atoms lie in one place"));
        assert_null(graph);
    }
    rcr_crystal_free(crystal);
}

/* A thousand atoms of two elements around each of a third are taken by element, then by site, as few are. */
static void a_large_group_is_in_order(void **state) {
    (void)state;
    enum { N = 600 };
    rcr_graph_options options = rcr_graph_options_default();
    rcr_crystal *crystal = cubic(20.0, 3 * N);
    for (int32_t i = 0; i < 3 * N; i++) crystal->atomic_number[i] = (uint8_t)(35 - i % 3 * (i % 3 + 1)); /* 35 33 29 */
    options.ties = RCR_TIES_KEEP;
    rcr_graph *graph = graph_of(crystal, &options);
    for (int32_t i = 0; i < 3 * N; i++) {
        const int32_t *j = graph->neighbor + graph->offset[i];
        assert_int_equal(graph->offset[i + 1] - graph->offset[i], 2 * N);
        int32_t e = 0;
        for (int32_t kind = 2; kind >= 0; kind--)
            for (int32_t site = kind; site < 3 * N && kind != i % 3; site += 3, e++)
                if (j[e] != site) fail_msg("edge %d of atom %d goes to %d, not %d", e, i, j[e], site);
    }
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

static double seconds_for(int cells) {
    rcr_rng rng;
    rcr_rng_seed(&rng, 9, 9);
    int32_t n = 5 * cells * cells * cells, s = 0;
    rcr_crystal *crystal = cubic(4.0 * cells, n);
    static const double perovskite[5][3] = {{0, 0, 0}, {.5, .5, .5}, {.5, .5, 0}, {.5, 0, .5}, {0, .5, .5}};
    for (int x = 0; x < cells; x++)
        for (int y = 0; y < cells; y++)
            for (int z = 0; z < cells; z++)
                for (int i = 0; i < 5; i++, s++) {
                    const double at[3] = {x, y, z};
                    for (int k = 0; k < 3; k++)
                        crystal->frac[s][k] = (at[k] + perovskite[i][k] + uniform(&rng, -0.02, 0.02)) / cells;
                    crystal->atomic_number[s] = (uint8_t)(i == 0 ? 56 : i == 1 ? 22 : 8);
                }
    rcr_graph_options options = rcr_graph_options_default();
    clock_t start = clock();
    rcr_graph *graph = graph_of(crystal, &options);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (cells == 10) { /* 5,000 atoms: equal to the plain search */
        options.radius = 4.5;
        rcr_graph *fast = graph_of(crystal, &options), *plain = plain_graph_of(crystal, &options);
        assert_int_equal(fast->n_edges, plain->n_edges);
        assert_memory_equal(fast->neighbor, plain->neighbor, (size_t)plain->n_edges * sizeof *plain->neighbor);
        for (int32_t e = 0; e < plain->n_edges; e++) assert_true(fabs(fast->distance[e] - plain->distance[e]) < 1e-11);
        rcr_graph_free(fast);
        rcr_graph_free(plain);
    }
    assert_int_equal(graph->n_edges, 12 * n);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
    return seconds;
}

/* Time goes with the number of atoms: 27 times as many would take 729 times as long if it went with the square. */
static void thousands_of_atoms(void **state) {
    (void)state;
    seconds_for(10);
    double small = seconds_for(10), large = seconds_for(30);
    print_message("5,000 atoms %.4f s, 135,000 atoms %.4f s\n", small, large);
    assert_true(large < 150.0 * small + 0.05);
}

static void graphs_are_made_and_measured(void **state) {
    (void)state;
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_create(&graph, 3, 7, NULL), RCR_OK);
    for (int k = 0; k < 7; k++) {
        graph->distance[k] = 1.0;
        graph->neighbor[k] = -1;
    }
    for (int k = 0; k < 4; k++) graph->offset[k] = -1;
    for (int k = 0; k < 3; k++) assert_int_equal(graph->atomic_number[k], 0);
    assert_true(rcr_graph_bytes(graph) >= 7 * 12 + 4 * 4 + 3);
    rcr_graph_free(graph);
    rcr_graph_free(NULL);
    assert_int_equal(rcr_graph_create(&graph, -1, 7, NULL), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_graph_create(&graph, 0, 0, NULL), RCR_OK);
    rcr_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_are_checked),
                                       cmocka_unit_test(options_compare),
                                       cmocka_unit_test(gaussians_are_counted_as_numpy_does),
                                       cmocka_unit_test(useless_crystals_are_refused),
                                       cmocka_unit_test(tiny_cells_and_large_radii),
                                       cmocka_unit_test(one_atom),
                                       cmocka_unit_test(radius_is_inclusive),
                                       cmocka_unit_test(sparse_crystals_are_padded_or_not),
                                       cmocka_unit_test(coincident_atoms),
                                       cmocka_unit_test(too_many_coincident_atoms),
                                       cmocka_unit_test(a_large_group_is_in_order),
                                       cmocka_unit_test(thousands_of_atoms),
                                       cmocka_unit_test(graphs_are_made_and_measured)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
