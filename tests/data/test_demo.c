/* The demo data: two forms of the same crystals and energies, all of them usable, and examples that are not among them.
 */
#include <math.h>

#include "base/threads.h"
#include "data/dataset.h"
#include "support/check.h"

enum { N_CRYSTALS = 1500, N_EXAMPLES = 5 };

static const char *demo_path(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/data/demo/%s", getenv("RECRYST_SOURCE"), name);
    return path;
}

static rcr_dataset *demo_read(const char *name) {
    rcr_error err;
    rcr_pool *pool = NULL;
    assert_int_equal(rcr_pool_create(&pool, 2, &err), RCR_OK);
    rcr_dataset_options options = {.target = "formation_energy",
                                   .need_target = 1,
                                   .strict = 1,
                                   .graph = rcr_graph_options_default(),
                                   .pool = pool};
    rcr_dataset *dataset = NULL;
    if (rcr_dataset_read(&dataset, demo_path(name), &options, &err) != RCR_OK)
        fail_msg("%s: %s:%ld: %s", name, err.file, err.line, err.message);
    rcr_pool_free(pool);
    return dataset;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Equal distances of one atom, whatever the order within a group of ties.  Extxyz keeps five decimals of an angstrom.
 */
static void same_distances(const char *id, const rcr_graph *a, const rcr_graph *b, int32_t atom) {
    const int32_t *offset = a->offset;
    assert_memory_equal(offset, b->offset, (size_t)(a->n_atoms + 1) * sizeof *offset);
    double x[64], y[64];
    int32_t n = offset[atom + 1] - offset[atom];
    assert_in_range(n, 1, 64);
    memcpy(x, a->distance + offset[atom], (size_t)n * sizeof *x);
    memcpy(y, b->distance + offset[atom], (size_t)n * sizeof *y);
    qsort(x, (size_t)n, sizeof *x, by_value);
    qsort(y, (size_t)n, sizeof *y, by_value);
    for (int32_t k = 0; k < n; k++)
        if (fabs(x[k] - y[k]) > 1e-3)
            fail_msg("%s, atom %d, neighbor %d: %.6f and %.6f", id, (int)atom, (int)k, x[k], y[k]);
}

static void both_forms_agree(void **state) {
    (void)state;
    rcr_dataset *cif = demo_read("alloys.tar.zst"), *xyz = demo_read("alloys.extxyz");
    assert_int_equal(cif->n, N_CRYSTALS);
    assert_int_equal(xyz->n, N_CRYSTALS);
    assert_int_equal(cif->n_bad, 0);
    assert_int_equal(xyz->n_bad, 0);
    for (size_t i = 0; i < cif->n; i++) {
        const rcr_sample *a = &cif->sample[i], *b = &xyz->sample[i];
        assert_string_equal(a->id, b->id);
        assert_true(a->target == b->target);
        rcr_graph *g, *h;
        assert_int_equal(rcr_dataset_graph(&g, cif, i, NULL), RCR_OK);
        assert_int_equal(rcr_dataset_graph(&h, xyz, i, NULL), RCR_OK);
        assert_int_equal(g->n_atoms, h->n_atoms);
        assert_int_equal(g->n_edges, h->n_edges);
        assert_memory_equal(g->atomic_number, h->atomic_number, (size_t)g->n_atoms);
        for (int32_t j = 0; j < g->n_atoms; j++) same_distances(a->id, g, h, j);
        rcr_graph_free(g);
        rcr_graph_free(h);
    }
    rcr_dataset_free(cif);
    rcr_dataset_free(xyz);
}

/* Formation energies are relative to the fcc elements, and spread as the README says. */
static void energies_are_plausible(void **state) {
    (void)state;
    rcr_dataset *data = demo_read("alloys.tar.zst");
    size_t n_fcc = 0;
    double sum = 0, sum2 = 0;
    for (size_t i = 0; i < data->n; i++) {
        const rcr_sample *s = &data->sample[i];
        const char *suffix = strchr(s->id, '-');
        assert_non_null(suffix);
        if (strcmp(suffix, "-fcc") == 0) {
            n_fcc++;
            assert_true(s->target == 0.0);
        }
        assert_true(s->target > -0.5 && s->target < 1.0);
        sum += s->target;
        sum2 += s->target * s->target;
        for (size_t j = 0; j < i; j++) assert_string_not_equal(s->id, data->sample[j].id);
    }
    assert_int_equal(n_fcc, 7);
    double n = (double)data->n, std = sqrt((sum2 - sum * sum / n) / (n - 1));
    assert_true(fabs(std - 0.0912) < 5e-5); /* as the README says */
    rcr_dataset_free(data);
}

static void examples_are_held_out(void **state) {
    (void)state;
    rcr_dataset *data = demo_read("alloys.tar.zst");
    FILE *file = fopen(demo_path("examples/formation_energy.csv"), "r");
    assert_non_null(file);
    char line[256];
    int n = -1; /* the header */
    while (fgets(line, sizeof line, file) != NULL) {
        if (++n == 0) continue;
        char *comma = strchr(line, ',');
        assert_non_null(comma);
        *comma = '\0';
        for (size_t i = 0; i < data->n; i++) assert_string_not_equal(line, data->sample[i].id);
        char name[300];
        snprintf(name, sizeof name, "examples/%s.cif", line);
        rcr_crystal *crystal = NULL;
        rcr_error err;
        if (rcr_crystal_read(&crystal, demo_path(name), &err) != RCR_OK) fail_msg("%s: %s", name, err.message);
        rcr_crystal_free(crystal);
    }
    fclose(file);
    assert_int_equal(n, N_EXAMPLES);
    rcr_dataset_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_agree),
        cmocka_unit_test(energies_are_plausible),
        cmocka_unit_test(examples_are_held_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
