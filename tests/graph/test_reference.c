/* The graphs that the reference program (through pymatgen) makes of 414 crystals. */
#include "graph/support.h"

typedef struct tally {
    int64_t atoms, cut, padded;
    double worst;
} tally;

/* Entries of d[0 .. n) closer than `tie` to a neighbour in the list are one group.  Within each group that ends before
 * n the same sites, in any order. */
static void compare_sites(const double *d, const int32_t *ours, const int32_t *theirs, int32_t n, double tie) {
    for (int32_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && d[end] - d[end - 1] <= tie;) end++;
        if (end == n) return; /* may go on beyond what either program kept */
        int32_t a[64], b[64];
        memcpy(a, ours + first, (size_t)(end - first) * sizeof *a);
        memcpy(b, theirs + first, (size_t)(end - first) * sizeof *b);
        qsort(a, (size_t)(end - first), sizeof *a, ascending_int);
        qsort(b, (size_t)(end - first), sizeof *b, ascending_int);
        assert_memory_equal(a, b, (size_t)(end - first) * sizeof *a);
    }
}

static void compare_atom(tally *sum, const reference *ref, const rcr_graph *graph, size_t atom, int32_t i) {
    double ours[12], theirs[12];
    int32_t sites[12];
    assert_int_equal(graph->offset[i + 1] - graph->offset[i], 12);
    memcpy(ours, graph->distance + graph->offset[i], sizeof ours);
    for (size_t k = 0; k < 12; k++) {
        theirs[k] = rcr_st_value(ref->distance, atom * 12 + k);
        sites[k] = (int32_t)rcr_st_value(ref->neighbor, atom * 12 + k);
        if (k > 0) assert_true(theirs[k] >= theirs[k - 1]);
    }
    compare_sites(theirs, graph->neighbor + graph->offset[i], sites, 12, 1e-8);
    qsort(ours, 12, sizeof *ours, ascending_double);
    for (size_t k = 0; k < 12; k++) {
        double off = fabs(ours[k] - theirs[k]);
        if (off > sum->worst) sum->worst = off;
        assert_true(off <= 1e-8);
    }
    sum->padded += theirs[11] == 9.0;
    sum->atoms++;
}

static void equals_the_reference_program(void **state) {
    (void)state;
    REQUIRE_SHARED();
    reference ref;
    reference_open(&ref);
    tally sum = {0};
    rcr_graph_options options = rcr_graph_options_default();
    options.padding = RCR_PADDING_REFERENCE;
    for (int32_t c = 0; c < ref.n_crystals; c++) {
        rcr_crystal *crystal = reference_crystal(&ref, c);
        for (int plain = 0; plain < 2; plain++) {
            rcr_graph *graph = plain ? plain_graph_of(crystal, &options) : graph_of(crystal, &options);
            assert_int_equal(graph->n_atoms, crystal->n_sites);
            assert_int_equal(graph->n_edges, 12 * crystal->n_sites);
            assert_memory_equal(graph->atomic_number, crystal->atomic_number, (size_t)crystal->n_sites);
            for (int32_t i = 0; i < crystal->n_sites; i++)
                compare_atom(&sum, &ref, graph, reference_first(&ref, c) + (size_t)i, i);
            rcr_graph_free(graph);
        }
        rcr_crystal_free(crystal);
    }
    print_message(
        "%d crystals, %lld atoms, each by both searches; largest difference of a distance %.3g A; %lld padded\n",
        (int)ref.n_crystals, (long long)sum.atoms / 2, sum.worst, (long long)sum.padded / 2);
    assert_true(sum.atoms > 20000);
    assert_true(sum.padded > 0);
    reference_close(&ref);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_reference_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
