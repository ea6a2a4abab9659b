/* Graphs of disordered crystals: refused by default, else those of whole atoms with the species beside them. */
#include "graph/support.h"

static rcr_graph_options averaging(void) {
    rcr_graph_options options = rcr_graph_options_default();
    options.disorder = RCR_DISORDER_AVERAGE;
    return options;
}

static rcr_crystal *random_crystal(rcr_rng *rng, int n_kinds) {
    rcr_crystal *crystal = new_crystal(2 + (int32_t)rcr_rng_below(rng, 12));
    int kind[14];
    random_lattice(crystal->lattice, rng, 2.5, 9.0);
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        for (int k = 0; k < 3; k++) crystal->frac[i][k] = (double)rcr_rng_below(rng, 8) / 8 + 0.01 * i;
        kind[i] = (int)rcr_rng_below(rng, (uint64_t)n_kinds);
    }
    if (n_kinds > 3) kind[0] = 3;
    set_kinds(crystal, kind);
    return crystal;
}

static void refused_by_default(void **state) {
    (void)state;
    rcr_crystal *crystal = new_crystal(2);
    for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 4;
    crystal->frac[1][0] = 0.5;
    set_kinds(crystal, (const int[]){0, 7});
    rcr_graph_options options = rcr_graph_options_default();
    assert_int_equal(options.disorder, RCR_DISORDER_REFUSE);
    rcr_graph *graph = NULL;
    rcr_error err;
    assert_int_equal(rcr_graph_build(&graph, crystal, &options, &err), RCR_ERR_UNSUPPORTED);
    assert_string_equal(err.message,
                        "site 2 is disordered (Li 0.3, H 0.2, He 0.2, vacant 0.3); such crystals are left out "
                        "unless disorder is set to average (--disorder average; in Python set_disorder or disorder=)");
    assert_int_equal(rcr_graph_build_plain(&graph, crystal, &options, &err), RCR_ERR_UNSUPPORTED);
    assert_null(graph);
    options.disorder = (rcr_disorder)2;
    assert_int_equal(rcr_graph_build(&graph, crystal, &options, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "disorder"));
    rcr_graph_options a = rcr_graph_options_default(), b = averaging();
    assert_false(rcr_graph_options_equal(&a, &b));
    /* Arrays that make no sense are refused as such, whatever the option. */
    crystal->species_occupancy[1] = 2;
    assert_int_equal(rcr_graph_build(&graph, crystal, &b, &err), RCR_ERR_DATA);
    rcr_crystal_free(crystal);
}

static void assert_same_edges(const rcr_graph *a, const rcr_graph *b, double bound) {
    assert_int_equal(a->n_atoms, b->n_atoms);
    assert_int_equal(a->n_edges, b->n_edges);
    assert_memory_equal(a->atomic_number, b->atomic_number, (size_t)a->n_atoms);
    assert_memory_equal(a->offset, b->offset, ((size_t)a->n_atoms + 1) * sizeof(int32_t));
    assert_memory_equal(a->neighbor, b->neighbor, (size_t)a->n_edges * sizeof(int32_t));
    for (int32_t e = 0; e < a->n_edges; e++) assert_true(fabs(a->distance[e] - b->distance[e]) <= bound);
}

static void fast_and_plain_agree(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 5);
    for (int trial = 0; trial < 200; trial++) {
        rcr_crystal *crystal = random_crystal(&rng, N_SITE_KINDS);
        rcr_graph_options options = averaging();
        options.max_neighbors = 1 + (int32_t)rcr_rng_below(&rng, 14);
        options.ties = trial % 2 ? RCR_TIES_KEEP : RCR_TIES_CUT;
        rcr_graph *fast = graph_of(crystal, &options), *plain = plain_graph_of(crystal, &options);
        assert_same_edges(fast, plain, 1e-9);
        size_t n = (size_t)crystal->n_sites, n_species = (size_t)crystal->species_offset[n];
        const rcr_graph *both[] = {fast, plain};
        for (int g = 0; g < 2; g++) {
            assert_memory_equal(both[g]->species_offset, crystal->species_offset, (n + 1) * sizeof(int32_t));
            assert_memory_equal(both[g]->species_number, crystal->species_number, n_species);
            assert_memory_equal(both[g]->species_occupancy, crystal->species_occupancy, n_species * sizeof(double));
        }
        rcr_graph_free(fast);
        rcr_graph_free(plain);
        rcr_crystal_free(crystal);
    }
}

/* Whole sites, listed or not, give one graph, bit for bit, with either option. */
static void listed_elements_are_elements(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 6, 5);
    for (int trial = 0; trial < 50; trial++) {
        rcr_crystal *crystal = random_crystal(&rng, 3);
        assert_null(crystal->species_offset);
        size_t n = (size_t)crystal->n_sites;
        rcr_graph_options refuse = rcr_graph_options_default(), average = averaging();
        rcr_graph *expected = graph_of(crystal, &refuse), *other = graph_of(crystal, &average);
        assert_same_edges(expected, other, 0);
        rcr_graph_free(other);
        crystal->species_offset = rcr_calloc(n + 1, sizeof(int32_t));
        crystal->species_number = rcr_calloc(n, 1);
        crystal->species_occupancy = rcr_calloc(n, sizeof(double));
        for (size_t i = 0; i < n; i++) {
            crystal->species_offset[i + 1] = (int32_t)i + 1;
            crystal->species_number[i] = crystal->atomic_number[i];
            crystal->species_occupancy[i] = 1;
        }
        const rcr_graph_options *both[] = {&refuse, &average};
        for (int o = 0; o < 2; o++) {
            other = graph_of(crystal, both[o]);
            assert_same_edges(expected, other, 0);
            assert_null(other->species_offset);
            rcr_graph_free(other);
        }
        rcr_graph_free(expected);
        rcr_crystal_free(crystal);
    }
}

/* Where a shell of kinds with one largest species is cut, the kind with fewer species stays, wherever it stands. */
static void kinds_decide(void **state) {
    (void)state;
    static const double frac[4][3] = {{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}};
    for (int odd = 0; odd < 4; odd++) {
        rcr_crystal *crystal = new_crystal(4);
        for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 3.75;
        memcpy(crystal->frac, frac, sizeof frac);
        int kind[4];
        for (int i = 0; i < 4; i++) kind[i] = i == odd ? 1 : 5; /* He; He with a quarter vacant */
        set_kinds(crystal, kind);
        rcr_graph_options options = averaging();
        options.max_neighbors = 9;
        rcr_graph *graph = graph_of(crystal, &options);
        for (int32_t i = 0; i < 4; i++) {
            int32_t n_odd = 0;
            for (int32_t e = graph->offset[i]; e < graph->offset[i + 1]; e++) n_odd += graph->neighbor[e] == odd;
            assert_int_equal(n_odd, i == odd ? 0 : 4); /* all four: full occupancy goes first */
        }
        rcr_graph_free(graph);
        rcr_crystal_free(crystal);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused_by_default), cmocka_unit_test(fast_and_plain_agree),
                                       cmocka_unit_test(listed_elements_are_elements), cmocka_unit_test(kinds_decide)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
