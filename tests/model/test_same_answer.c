/* A crystal's prediction does not depend on how the crystal is told, what else is predicted, on how many threads, and,
 * but for rounding, on the instruction set: over random crystals.  RECRYST_TORTURE=1: many more. */
#include "graph/support.h"
#include "model/net.h"
#include "support/models.h"

static const char *const kernel_names[] = {"ref", "base", "avx2", "avx512"};
enum { N_KERNELS = 4, N_WAYS = 5 };
static const char *const way_name[N_WAYS] = {"rotated", "origin moved", "sites permuted", "another cell", "supercell"};
static const double bound = 1e-5; /* what the documents promise; in units of the target, whose deviation is 0.75 */

static int many(int few, int long_form) { return getenv("RECRYST_TORTURE") != NULL ? long_form : few; }

/* Every other one on a grid in a cubic cell, so that many distances are equal. */
static rcr_crystal *random_crystal(rcr_rng *rng, int ordered) {
    rcr_crystal *crystal = new_crystal(1 + (int32_t)rcr_rng_below(rng, 10));
    int cubic = rcr_rng_below(rng, 2) == 0, kind[10];
    double a = uniform(rng, 3.0, 6.0);
    random_lattice(crystal->lattice, rng, 2.5, 9.0);
    for (int k = 0; k < 9 && cubic; k++) crystal->lattice[k / 3][k % 3] = k % 4 == 0 ? a : 0.0;
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        const int place[3] = {i, i / 4, i / 2};
        for (int k = 0; k < 3; k++) crystal->frac[i][k] = cubic ? (double)(place[k] % 4) / 4.0 : uniform(rng, 0.0, 1.0);
        crystal->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(rng, 90));
        kind[i] = (int)rcr_rng_below(rng, N_SITE_KINDS);
    }
    if (!ordered) set_kinds(crystal, kind);
    return crystal;
}

static rcr_crystal *told(const rcr_crystal *crystal, int way, rcr_rng *rng) {
    static int32_t from[10 * 12];
    int times[3] = {1, 1, 1};
    switch (way) {
    case 0: return rotated(crystal, rng);
    case 1: return shifted(crystal, rng);
    case 2: return permuted(crystal, rng, from);
    case 3: return recelled(crystal, rng, 1 + (int)rcr_rng_below(rng, 5));
    }
    times[rcr_rng_below(rng, 3)] = 2;
    times[rcr_rng_below(rng, 3)]++;
    return supercell(crystal, times, from);
}

/* Graph 0 of a crystal is the crystal as it is, 1 to N_WAYS what it is told as. */
static void make_graphs(rcr_graph **graph, int n, rcr_rng *rng) {
    rcr_graph_options options = rcr_graph_options_default();
    options.ties = RCR_TIES_KEEP;
    options.disorder = RCR_DISORDER_AVERAGE;
    for (int c = 0; c < n; c++) {
        rcr_crystal *crystal = random_crystal(rng, c % 4 != 3);
        for (int way = -1; way < N_WAYS; way++) {
            rcr_crystal *other = way < 0 ? copy_crystal(crystal) : told(crystal, way, rng);
            *graph++ = graph_of(other, &options);
            rcr_crystal_free(other);
        }
        rcr_crystal_free(crystal);
    }
}

static void shuffle(const rcr_graph **list, int *at, int n, rcr_rng *rng) {
    for (int i = n - 1; i > 0; i--) {
        int k = (int)rcr_rng_below(rng, (uint64_t)i + 1), swap = at[i];
        const rcr_graph *graph = list[i];
        list[i] = list[k];
        at[i] = at[k];
        list[k] = graph;
        at[k] = swap;
    }
}

static void predict(double *values, const rcr_kernels *k, const rcr_model *model, const rcr_graph *const *list, int n,
                    int n_threads) {
    rcr_net *net = NULL;
    rcr_pool *pool = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_net_create(&net, model, k, &err), RCR_OK);
    assert_int_equal(rcr_pool_create(&pool, n_threads, &err), RCR_OK);
    assert_int_equal(rcr_net_predict(values, net, model, list, (size_t)n, pool, &err), RCR_OK);
    rcr_pool_free(pool);
    rcr_net_free(net);
}

/* Random parts of a random order, on a random number of threads: the same bits. */
static void check_company(const double *values, const rcr_kernels *k, const rcr_model *model, rcr_graph *const *graph,
                          int n, rcr_rng *rng) {
    const rcr_graph **list = malloc((size_t)n * sizeof *list);
    double *other = malloc((size_t)n * sizeof *other);
    int *at = malloc((size_t)n * sizeof *at);
    for (int i = 0; i < n; i++) {
        list[i] = graph[i];
        at[i] = i;
    }
    shuffle(list, at, n, rng);
    for (int first = 0, size; first < n; first += size) {
        size = 1 + (int)rcr_rng_below(rng, (uint64_t)(n - first));
        predict(other, k, model, list + first, size, 1 + (int)rcr_rng_below(rng, 5));
        for (int i = 0; i < size; i++)
            if (memcmp(&other[i], &values[at[first + i]], sizeof *other) != 0)
                fail_msg("%s: %.17g alone with %d others, %.17g with all", k->name, other[i], size - 1,
                         values[at[first + i]]);
    }
    free(at);
    free(other);
    free(list);
}

static void random_crystals(void **state) {
    (void)state;
    int n = many(60, 600), n_graphs = n * (N_WAYS + 1), n_sets = 0, n_same = 0;
    rcr_graph **graph = malloc((size_t)n_graphs * sizeof *graph);
    double *values = malloc((size_t)n_graphs * sizeof *values), *ref = malloc((size_t)n_graphs * sizeof *ref);
    double worst[N_WAYS] = {0}, apart = 0, spread = 0;
    rcr_rng rng;
    rcr_rng_seed(&rng, 11, 3);
    make_graphs(graph, n, &rng);
    rcr_model_options full = rcr_model_options_default();
    for (int v = -1; v < N_MODEL_VARIANTS; v++) {
        rcr_model *model = make_model(v < 0 ? &full : &model_variants[v], 21);
        model->graph.ties = RCR_TIES_KEEP;
        model->graph.disorder = RCR_DISORDER_AVERAGE;
        for (int s = 0; s < N_KERNELS; s++) {
            const rcr_kernels *k = NULL;
            if (rcr_kernels_choose(&k, kernel_names[s], NULL) != RCR_OK) continue;
            predict(values, k, model, (const rcr_graph *const *)graph, n_graphs, 2);
            if (s == 0) memcpy(ref, values, (size_t)n_graphs * sizeof *ref);
            for (int i = 0; i < n_graphs; i++) {
                int way = i % (N_WAYS + 1) - 1;
                apart = check_worse(apart, fabs(values[i] - ref[i]));
                spread = check_worse(spread, fabs(values[i] - values[0]));
                if (way >= 0) worst[way] = check_worse(worst[way], fabs(values[i] - values[i - way - 1]));
                /* All atoms of a supercell of one atom are equivalent: it is computed as that atom. */
                if (way != 4 || graph[i - way - 1]->n_atoms > 1) continue;
                assert_memory_equal(&values[i], &values[i - way - 1], sizeof *values);
                n_same++;
            }
            check_company(values, k, model, graph, n_graphs, &rng);
            n_sets++;
        }
        rcr_model_free(model);
    }
    for (int way = 0; way < N_WAYS; way++) {
        print_message("%s: predictions of %d crystals differ by %.1e at most\n", way_name[way], n, worst[way]);
        assert_true(worst[way] <= bound);
    }
    print_message("another instruction set: by %.1e at most, in %d networks and sets; the values span %.2f\n", apart,
                  n_sets, spread);
    assert_true(apart <= bound);
    assert_true(spread > 0.1 && spread < HUGE_VAL);
    assert_true(n_same >= n_sets * n / 20);
    for (int i = 0; i < n_graphs; i++) rcr_graph_free(graph[i]);
    free(graph);
    free(values);
    free(ref);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_crystals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
