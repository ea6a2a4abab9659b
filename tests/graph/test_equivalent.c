/* Equivalent atoms: the classes of crystals whose symmetry is known, and what must not be taken for equivalent. */
#include <string.h>

#include "crystal/crystal.h"
#include "graph/equivalent.h"
#include "graph/graph.h"
#include "support/check.h"
#include "support/models.h"

static int32_t classes_of(const rcr_graph *graph, int32_t *atom_class) {
    rcr_fold fold = {0};
    rcr_graph_view view = rcr_graph_view_of(graph);
    assert_int_equal(rcr_fold_find(&fold, &view, NULL), RCR_OK);
    int32_t n = fold.n_classes, seen = 0;
    for (int32_t i = 0; i < graph->n_atoms; i++) {
        assert_in_range(fold.atom_class[i], 0, seen); /* numbered by first appearance */
        seen += fold.atom_class[i] == seen;
    }
    assert_int_equal(seen, n);
    if (atom_class != NULL) memcpy(atom_class, fold.atom_class, (size_t)graph->n_atoms * sizeof *atom_class);
    rcr_fold_release(&fold);
    return n;
}

/* Simple cubic cells side * side * side, of two elements in turn: rock salt. */
static rcr_crystal *rock_salt(int32_t side) {
    int32_t n = side * side * side, i = 0;
    rcr_crystal *crystal = NULL;
    assert_int_equal(rcr_crystal_create(&crystal, "rock salt", n, NULL), RCR_OK);
    for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 2.75 * side;
    for (int32_t a = 0; a < side; a++)
        for (int32_t b = 0; b < side; b++)
            for (int32_t c = 0; c < side; c++, i++) {
                crystal->frac[i][0] = (double)a / side;
                crystal->frac[i][1] = (double)b / side;
                crystal->frac[i][2] = (double)c / side;
                crystal->atomic_number[i] = (a + b + c) % 2 == 0 ? 11 : 17;
            }
    return crystal;
}

static rcr_graph *graph_of(const rcr_crystal *crystal, int whole_shells) {
    rcr_graph_options options = rcr_graph_options_default();
    if (whole_shells) options.ties = RCR_TIES_KEEP;
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_build(&graph, crystal, &options, NULL), RCR_OK);
    return graph;
}

static void rock_salt_has_two_kinds(void **state) {
    (void)state;
    for (int32_t side = 2; side <= 16; side *= 2) {
        rcr_crystal *crystal = rock_salt(side);
        rcr_graph *graph = graph_of(crystal, 1);
        int32_t *of = calloc((size_t)graph->n_atoms, sizeof *of);
        assert_int_equal(classes_of(graph, of), 2);
        for (int32_t i = 0; i < graph->n_atoms; i++)
            assert_int_equal(of[i] == of[0], graph->atomic_number[i] == graph->atomic_number[0]);
        free(of);
        rcr_graph_free(graph);
        rcr_crystal_free(crystal);
    }
}

/* One atom replaced: atoms at other distances from it differ, those at the same do not. */
static void a_defect_tells_shells_apart(void **state) {
    (void)state;
    rcr_crystal *crystal = rock_salt(4);
    crystal->atomic_number[0] = 19;
    rcr_graph *graph = graph_of(crystal, 1);
    int32_t of[64];
    int32_t n = classes_of(graph, of);
    assert_in_range(n, 4, 20);
    /* 4 x 4 x 4: the three neighbours along +a, +b, +c lie alike, and so do those along -a, -b, -c. */
    int32_t near[] = {16, 4, 1, 48, 12, 3};
    for (int k = 0; k < 6; k++) assert_int_equal(of[near[k]], of[near[0]]);
    assert_int_not_equal(of[0], of[2]);
    assert_int_not_equal(of[near[0]], of[21]); /* (1, 1, 1) */
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

static void the_last_bit_of_a_distance_counts(void **state) {
    (void)state;
    rcr_crystal *crystal = rock_salt(2);
    rcr_graph *graph = graph_of(crystal, 1);
    int32_t before = classes_of(graph, NULL);
    assert_int_equal(before, 2);
    graph->distance[0] =
        (double)(rcr_real)graph->distance[0] + 1e-6; /* the first atom's; more than half a float's last bit */
    assert_int_equal(classes_of(graph, NULL) > before, 1);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

static void copies_fold_and_strangers_do_not(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 1);
    for (int round = 0; round < 40; round++) {
        int32_t n = 2 + (int32_t)rcr_rng_below(&rng, 30), sheets = 1 + (int32_t)rcr_rng_below(&rng, 6);
        rcr_graph *graph = (round % 2 ? make_disordered_graph : make_graph)(&rng, n, 8);
        rcr_graph *cover = make_cover(&rng, graph, sheets);
        int32_t base = classes_of(graph, NULL), covered = classes_of(cover, NULL);
        /* A graph of nearly all different atoms is left as it is; copies of it are as many classes at most. */
        assert_true(base <= n && (sheets == 1 ? covered == base : covered <= base));
        /* In another order of edges. */
        for (int32_t i = 0; i < cover->n_atoms; i++)
            for (int32_t e = cover->offset[i + 1] - 1; e > cover->offset[i]; e--) {
                int32_t other = cover->offset[i] + (int32_t)rcr_rng_below(&rng, (uint64_t)(e - cover->offset[i]) + 1);
                int32_t neighbor = cover->neighbor[e];
                double distance = cover->distance[e];
                cover->neighbor[e] = cover->neighbor[other], cover->distance[e] = cover->distance[other];
                cover->neighbor[other] = neighbor, cover->distance[other] = distance;
            }
        assert_int_equal(classes_of(cover, NULL), covered);
        rcr_graph_free(cover);
        rcr_graph_free(graph);
    }
}

/* Classes are what they say: the same species, and the same edges into every class. */
static void classes_have_equal_edges(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 6, 1);
    for (int round = 0; round < 20; round++) {
        rcr_graph *graph = make_graph(&rng, 3 + (int32_t)rcr_rng_below(&rng, 9), 5);
        rcr_graph *cover = make_cover(&rng, graph, 3);
        int32_t n = cover->n_atoms, *of = calloc((size_t)n, sizeof *of);
        int32_t n_classes = classes_of(cover, of);
        assert_true(n_classes <= graph->n_atoms);
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = 0; j < i; j++) {
                if (of[i] != of[j]) continue;
                assert_int_equal(cover->atomic_number[i], cover->atomic_number[j]);
                int32_t degree = cover->offset[i + 1] - cover->offset[i];
                assert_int_equal(degree, cover->offset[j + 1] - cover->offset[j]);
                int taken[8] = {0};
                for (int32_t a = 0; a < degree; a++) { /* each edge of i has its own among those of j */
                    int32_t e = cover->offset[i] + a, found = -1;
                    for (int32_t b = 0; b < degree && found < 0; b++) {
                        int32_t f = cover->offset[j] + b;
                        if (!taken[b] && cover->distance[e] == cover->distance[f] &&
                            of[cover->neighbor[e]] == of[cover->neighbor[f]])
                            found = b;
                    }
                    assert_in_range(found, 0, degree - 1);
                    taken[found] = 1;
                }
            }
        free(of);
        rcr_graph_free(cover);
        rcr_graph_free(graph);
    }
}

/* A chain with an end: every atom is at its own distance from it, which takes more rounds than are spent. */
static void a_long_chain_is_given_up(void **state) {
    (void)state;
    enum { N = 4000 };
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_create(&graph, N, N - 1, NULL), RCR_OK);
    for (int32_t i = 0; i < N; i++) {
        graph->atomic_number[i] = 6;
        graph->offset[i + 1] = i < N - 1 ? i + 1 : i;
        if (i == N - 1) continue;
        graph->neighbor[i] = i + 1;
        graph->distance[i] = 1.5;
    }
    assert_int_equal(classes_of(graph, NULL), N);
    rcr_graph_free(graph);
}

/* Two alike among many strangers are not worth folding, but are found where all are asked for; so is a chain's every
 * atom. */
static void all_are_found_where_asked_for(void **state) {
    (void)state;
    enum { N = 30 };
    for (int chain = 0; chain < 2; chain++) {
        rcr_graph *graph = NULL;
        rcr_fold fold = {0};
        assert_int_equal(rcr_graph_create(&graph, 2 * N, 2 * N - 2, NULL), RCR_OK);
        for (int32_t i = 0, e = 0; i < 2 * N; i++) { /* two copies of a chain or of a line of N elements */
            graph->atomic_number[i] = (uint8_t)(chain ? 6 : i == 2 * N - 1 ? N : 1 + i);
            if (i % N < N - 1) {
                graph->neighbor[e] = i + 1;
                graph->distance[e++] = 1.5;
            }
            graph->offset[i + 1] = e;
        }
        rcr_graph_view view = rcr_graph_view_of(graph);
        assert_int_equal(rcr_fold_find_all(&fold, &view, NULL), RCR_OK);
        assert_int_equal(fold.n_classes, chain ? N : 2 * N - 1);
        assert_int_equal(fold.atom_class[2 * N - 1], N - 1); /* the ends are alike */
        assert_int_equal(classes_of(graph, NULL), chain ? N : 2 * N);
        rcr_fold_release(&fold);
        rcr_graph_free(graph);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rock_salt_has_two_kinds),           cmocka_unit_test(a_defect_tells_shells_apart),
        cmocka_unit_test(the_last_bit_of_a_distance_counts), cmocka_unit_test(copies_fold_and_strangers_do_not),
        cmocka_unit_test(classes_have_equal_edges),          cmocka_unit_test(a_long_chain_is_given_up),
        cmocka_unit_test(all_are_found_where_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
