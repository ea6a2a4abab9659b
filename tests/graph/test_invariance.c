/* The graph does not depend on how a crystal is told: orientation, origin, order of sites, choice of cell, supercell.
 */
#include "graph/support.h"

typedef struct edge {
    double distance;
    int32_t tag; /* site or element of the neighbour */
} edge;

static int by_distance(const void *a, const void *b) { return ascending_double(a, b); }

static int by_tag(const void *a, const void *b) {
    return ascending_int(&((const edge *)a)->tag, &((const edge *)b)->tag);
}

/* A number that tells what stands on a site. */
static double content(const rcr_graph *graph, int32_t i) {
    double sum = 0;
    if (graph->species_offset == NULL) return sin(graph->atomic_number[i]);
    for (int32_t k = graph->species_offset[i]; k < graph->species_offset[i + 1]; k++)
        sum += graph->species_occupancy[k] * sin(graph->species_number[k]);
    return sum;
}

/* The edges of atom i, sorted by distance, equal distances (to 1e-9) by tag.  from: new site -> old site, or NULL. */
static int32_t sorted_edges(edge *out, const rcr_graph *graph, int32_t i, int by_site, const int32_t *from) {
    int32_t n = graph->offset[i + 1] - graph->offset[i];
    assert_true(n < 4096);
    for (int32_t k = 0; k < n; k++) {
        int32_t j = graph->neighbor[graph->offset[i] + k];
        int32_t site = from == NULL ? j : from[j];
        out[k] =
            (edge){graph->distance[graph->offset[i] + k], by_site ? site : (int32_t)lround(1e6 * content(graph, j))};
    }
    qsort(out, (size_t)n, sizeof *out, by_distance);
    for (int32_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && out[end].distance - out[end - 1].distance <= 1e-9;) end++;
        qsort(out + first, (size_t)(end - first), sizeof *out, by_tag);
    }
    return n;
}

/* 1 when the neighbourhoods of all atoms are the same multisets of (tag, distance). */
static int same(const rcr_graph *old, const rcr_graph *new, const int32_t *from, int by_site) {
    static edge a[4096], b[4096];
    for (int32_t i = 0; i < new->n_atoms; i++) {
        int32_t m = sorted_edges(a, old, from == NULL ? i : from[i], by_site, NULL);
        int32_t n = sorted_edges(b, new, i, by_site, from);
        if (m != n) return 0;
        for (int32_t k = 0; k < n; k++)
            if (a[k].tag != b[k].tag || fabs(a[k].distance - b[k].distance) > 1e-9) return 0;
    }
    return 1;
}

/* What a network of several steps sees of an atom: a number from the elements within so many edges along the graph,
 * that would differ if tied neighbours were chosen otherwise. */
static void network_view(double *view, const rcr_graph *graph) {
    double *next = malloc((size_t)graph->n_atoms * sizeof *next);
    for (int32_t i = 0; i < graph->n_atoms; i++) view[i] = content(graph, i);
    for (int step = 0; step < 3; step++) {
        for (int32_t i = 0; i < graph->n_atoms; i++) {
            double sum = 0.0;
            for (int32_t e = graph->offset[i]; e < graph->offset[i + 1]; e++)
                sum += tanh(view[i] + 2.0 * view[graph->neighbor[e]] - 0.5 * graph->distance[e]);
            next[i] = view[i] + 0.3 * sum;
        }
        memcpy(view, next, (size_t)graph->n_atoms * sizeof *next);
    }
    free(next);
}

static int same_view(const rcr_graph *old, const rcr_graph *new, const int32_t *from) {
    double *a = malloc((size_t)old->n_atoms * sizeof *a), *b = malloc((size_t) new->n_atoms * sizeof *b);
    network_view(a, old);
    network_view(b, new);
    int equal = 1;
    for (int32_t i = 0; i < new->n_atoms; i++)
        if (fabs(a[from == NULL ? i : from[i]] - b[i]) > 1e-6) equal = 0;
    free(a);
    free(b);
    return equal;
}

enum { ROTATED, SHIFTED, PERMUTED, RECELLED, SUPERCELL, N_WAYS };
static const char *const way_name[N_WAYS] = {"rotated", "origin moved", "sites permuted", "another cell", "supercell"};

/* The same crystal told otherwise; *from belongs to the caller and stays NULL where sites keep their numbers. */
static rcr_crystal *told(const rcr_crystal *crystal, int way, rcr_rng *rng, int32_t **from) {
    int times[3] = {1, 1, 1};
    *from = NULL;
    switch (way) {
    case ROTATED: return rotated(crystal, rng);
    case SHIFTED: return shifted(crystal, rng);
    case RECELLED: return recelled(crystal, rng, 1 + (int)rcr_rng_below(rng, 5));
    case PERMUTED: *from = malloc((size_t)crystal->n_sites * sizeof **from); return permuted(crystal, rng, *from);
    default:
        times[rcr_rng_below(rng, 3)] = 2;
        times[rcr_rng_below(rng, 3)]++;
        *from = malloc((size_t)(crystal->n_sites * times[0] * times[1] * times[2]) * sizeof **from);
        return supercell(crystal, times, *from);
    }
}

typedef struct changes {
    int crystals, species[N_WAYS], sites[N_WAYS], view[N_WAYS];
} changes;

static void count_changes(changes *sum, const rcr_crystal *crystal, const rcr_graph_options *options, rcr_rng *rng) {
    rcr_graph *old = graph_of(crystal, options);
    sum->crystals++;
    for (int way = 0; way < N_WAYS; way++) {
        int32_t *from;
        rcr_crystal *other = told(crystal, way, rng, &from);
        rcr_graph *new = graph_of(other, options);
        sum->species[way] += !same(old, new, from, 0);
        sum->sites[way] += !same(old, new, from, 1);
        sum->view[way] += !same_view(old, new, from);
        free(from);
        rcr_graph_free(new);
        rcr_crystal_free(other);
    }
    rcr_graph_free(old);
}

/* Species and distances may never change, nor what a network sees.  Identities may where equivalent sites tie and ties
 * are cut; where they are kept, never. */
static void assert_unchanged(const changes *sum, const rcr_graph_options *options) {
    for (int way = 0; way < N_WAYS; way++) {
        print_message(
            "ties %s, %s: of %d crystals %d changed in (element, distance), %d in what three steps see, %d in "
            "which of the tied sites are taken\n",
            options->ties == RCR_TIES_KEEP ? "kept" : "cut", way_name[way], sum->crystals, sum->species[way],
            sum->view[way], sum->sites[way]);
        assert_int_equal(sum->species[way], 0);
        assert_int_equal(sum->view[way], 0);
        if (options->ties == RCR_TIES_KEEP) assert_int_equal(sum->sites[way], 0);
    }
}

static void reference_crystals(void **state) {
    (void)state;
    REQUIRE_SHARED();
    reference ref;
    reference_open(&ref);
    rcr_rng rng;
    rcr_rng_seed(&rng, 1, 2);
    for (int ties = RCR_TIES_CUT; ties <= RCR_TIES_KEEP; ties++) {
        changes sum = {0};
        rcr_graph_options options = rcr_graph_options_default();
        options.ties = (rcr_ties)ties;
        for (int32_t c = 0; c < ref.n_crystals; c++) {
            rcr_crystal *crystal = reference_crystal(&ref, c);
            count_changes(&sum, crystal, &options, &rng);
            rcr_crystal_free(crystal);
        }
        assert_unchanged(&sum, &options);
    }
    reference_close(&ref);
}

static void check_random_crystals(int disordered) {
    rcr_rng rng;
    rcr_rng_seed(&rng, 2, 2);
    for (int ties = RCR_TIES_CUT; ties <= RCR_TIES_KEEP; ties++) {
        changes sum = {0};
        for (int trial = 0; trial < 300; trial++) {
            rcr_graph_options options = rcr_graph_options_default();
            options.ties = (rcr_ties)ties;
            options.disorder = disordered ? RCR_DISORDER_AVERAGE : RCR_DISORDER_REFUSE;
            options.max_neighbors = 1 + (int32_t)rcr_rng_below(&rng, 14);
            rcr_crystal *crystal = new_crystal(1 + (int32_t)rcr_rng_below(&rng, 12));
            random_lattice(crystal->lattice, &rng, 2.5, 9.0);
            int cubic = trial % 2;
            double a = uniform(&rng, 3.0, 6.0);
            for (int k = 0; k < 9 && cubic; k++) crystal->lattice[k / 3][k % 3] = k % 4 == 0 ? a : 0.0;
            for (int32_t i = 0; i < crystal->n_sites; i++) {
                /* sites of their own, a cubic one on a grid so that many distances are equal */
                for (int k = 0; k < 3; k++)
                    crystal->frac[i][k] = cubic ? (double)((k == 0   ? i
                                                            : k == 1 ? i / 4
                                                                     : i / 2) %
                                                           4) /
                                                      4.0
                                                : uniform(&rng, 0.0, 1.0);
                crystal->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(&rng, 3));
            }
            int kind[12];
            for (int32_t i = 0; i < crystal->n_sites; i++) kind[i] = (int)rcr_rng_below(&rng, N_SITE_KINDS);
            if (disordered) set_kinds(crystal, kind);
            count_changes(&sum, crystal, &options, &rng);
            rcr_crystal_free(crystal);
        }
        rcr_graph_options options = rcr_graph_options_default();
        options.ties = (rcr_ties)ties;
        assert_unchanged(&sum, &options);
    }
}

static void random_crystals(void **state) {
    (void)state;
    check_random_crystals(0);
}

static void random_disordered_crystals(void **state) {
    (void)state;
    check_random_crystals(1);
}

/* Where a shell of two elements is cut, the lighter ones stay, wherever they stand in the list. */
static void elements_decide(void **state) {
    (void)state;
    /* AuCu3: Au has 12 Cu; Cu has 4 Au and 8 Cu at one distance */
    static const double frac[4][3] = {{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}};
    for (int gold = 0; gold < 4; gold++) {
        rcr_crystal *crystal = new_crystal(4);
        for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 3.75;
        memcpy(crystal->frac, frac, sizeof frac);
        for (int i = 0; i < 4; i++) crystal->atomic_number[i] = i == gold ? 79 : 29;
        rcr_graph_options options = rcr_graph_options_default();
        options.max_neighbors = 9;
        rcr_graph *graph = graph_of(crystal, &options);
        for (int32_t i = 0; i < 4; i++) {
            int32_t n_gold = 0;
            assert_int_equal(graph->offset[i + 1] - graph->offset[i], 9);
            for (int32_t e = graph->offset[i]; e < graph->offset[i + 1]; e++) {
                assert_true(fabs(graph->distance[e] - 3.75 / sqrt(2.0)) < 1e-12);
                n_gold += graph->atomic_number[graph->neighbor[e]] == 79;
            }
            assert_int_equal(n_gold, i == gold ? 0 : 1);
        }
        rcr_graph_free(graph);
        options.ties = RCR_TIES_KEEP;
        graph = graph_of(crystal, &options);
        assert_int_equal(graph->n_edges, 4 * 12);
        rcr_graph_free(graph);
        rcr_crystal_free(crystal);
    }
}

/* A chain in which one element alone can't decide: site 0 has site 1 and site 2, of its element, at one distance, and
 * they differ in what lies beyond.  The choice must follow the site, not its number. */
static void environments_decide(void **state) {
    (void)state;
    static const double at[4] = {0.0, 2.0, -2.0, 3.5}; /* the fourth is the nearest of site 1 */
    static const int order[4][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}, {2, 0, 3, 1}};
    int chosen = -1;
    for (int o = 0; o < 4; o++) {
        rcr_crystal *crystal = new_crystal(4);
        for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 20.0;
        int centre = -1;
        for (int i = 0; i < 4; i++) {
            crystal->frac[i][1] = at[order[o][i]] / 20.0;
            crystal->atomic_number[i] = order[o][i] == 3 ? 8 : 14;
            if (order[o][i] == 0) centre = i;
        }
        rcr_graph_options options = rcr_graph_options_default();
        options.max_neighbors = 1;
        rcr_graph *graph = graph_of(crystal, &options);
        assert_int_equal(graph->n_edges, 4);
        int site = order[o][graph->neighbor[graph->offset[centre]]];
        assert_true(site == 1 || site == 2);
        if (chosen < 0) chosen = site;
        assert_int_equal(site, chosen);
        rcr_graph_free(graph);
        rcr_crystal_free(crystal);
    }
}

/* The same, where the two differ only so many links farther out.  One side of the chain is, but for its last link, the
 * other one's mirror image, and each atom's nearest is the next one outward. */
static void far_environments_decide(void **state) {
    (void)state;
    static const double at[5] = {2.0, 3.5, 4.5, 5.3, 5.9};
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, 2);
    for (int links = 1; links <= 4; links++) {
        double chosen = 0;
        for (int trial = 0; trial < 12; trial++) {
            int32_t n = 2 * (links + 1) + 1, from[11];
            rcr_crystal *crystal = new_crystal(n);
            for (int k = 0; k < 3; k++) crystal->lattice[k][k] = 20.0;
            for (int32_t i = 0; i < n; i++) {
                double x = i == 0 ? 0.0 : at[(i - 1) / 2] + (i == n - 1 ? 0.05 : 0.0);
                crystal->frac[i][1] = (i % 2 == 0 ? -x : x) / 20.0;
                crystal->atomic_number[i] = 14;
            }
            rcr_crystal *other = permuted(crystal, &rng, from);
            rcr_graph_options options = rcr_graph_options_default();
            options.max_neighbors = 1;
            rcr_graph *graph = graph_of(other, &options);
            int32_t centre = 0;
            while (from[centre] != 0) centre++;
            double side = from[graph->neighbor[graph->offset[centre]]] == 1 ? 1 : -1;
            if (trial == 0) chosen = side;
            if (side != chosen) fail_msg("%d links away: the choice follows the numbers of the sites", links);
            rcr_graph_free(graph);
            rcr_crystal_free(other);
            rcr_crystal_free(crystal);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_crystals),         cmocka_unit_test(random_crystals),
        cmocka_unit_test(random_disordered_crystals), cmocka_unit_test(elements_decide),
        cmocka_unit_test(environments_decide),        cmocka_unit_test(far_environments_decide)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
