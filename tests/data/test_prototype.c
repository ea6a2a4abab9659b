/* Structure types: what makes two crystals the same one, and that splits by them leak none. */
#include "support/folder.h"

#include <math.h>

#include "base/mem.h"
#include "base/threads.h"
#include "crystal/crystal.h"
#include "crystal/prototype.h"
#include "crystal/spacegroup.h"
#include "crystal/transform.h"
#include "data/dataset.h"
#include "data/split.h"

typedef struct site {
    int z;
    double at[3];
} site;

static rcr_crystal *build(const double lattice[9], const site *sites, int n) {
    rcr_crystal *c = NULL;
    assert_int_equal(rcr_crystal_create(&c, "x", n, NULL), RCR_OK);
    memcpy(c->lattice, lattice, 9 * sizeof(double));
    for (int i = 0; i < n; i++) {
        c->atomic_number[i] = (uint8_t)sites[i].z;
        memcpy(c->frac[i], sites[i].at, sizeof sites[i].at);
    }
    assert_int_equal(rcr_crystal_check(c, NULL), RCR_OK);
    return c;
}

/* The label, freed by the caller; the crystal is freed. */
static char *label_of(rcr_crystal *c) {
    char *label = NULL;
    rcr_error err = {0};
    if (rcr_prototype_label(&label, c, RCR_SYMMETRY_TOLERANCE, &err) != RCR_OK) fail_msg("%s", err.message);
    rcr_crystal_free(c);
    return label;
}

static void expect_label(rcr_crystal *c, const char *wanted) {
    char *label = label_of(c);
    assert_string_equal(label, wanted);
    rcr_free(label);
}

/* Rock salt in its primitive cell. */
static rcr_crystal *rock_salt(int a, int b, double length) {
    const double lattice[9] = {0, length / 2, length / 2, length / 2, 0, length / 2, length / 2, length / 2, 0};
    const site sites[] = {{a, {0, 0, 0}}, {b, {0.5, 0.5, 0.5}}};
    return build(lattice, sites, 2);
}

static rcr_crystal *cubic(double a, const site *sites, int n) {
    const double lattice[9] = {a, 0, 0, 0, a, 0, 0, 0, a};
    return build(lattice, sites, n);
}

static void elements_sizes_and_cells_do_not_matter(void **state) {
    (void)state;
    const char *salt = "225 1(4 -3mm) 1(4 -3mm)";
    expect_label(rock_salt(11, 17, 5.6), salt);
    expect_label(rock_salt(17, 11, 5.6), salt);
    expect_label(rock_salt(12, 8, 4.2), salt);
    rcr_crystal *small = rock_salt(3, 9, 4.0), *large = NULL;
    assert_int_equal(rcr_crystal_supercell(&large, small, (int32_t[]){2, 1, 3}, NULL), RCR_OK);
    rcr_crystal_free(small);
    expect_label(large, salt);
    const site cscl[] = {{55, {0.1, 0.2, 0.3}}, {17, {0.6, 0.7, 0.8}}};
    expect_label(cubic(4.1, cscl, 2), "221 1(1 -3mm) 1(1 -3mm)");
    /* A perovskite with either of its cations at the origin: other Wyckoff letters, the same type. */
    const site first[] = {{38, {0, 0, 0}}, {22, {.5, .5, .5}}, {8, {.5, .5, 0}}, {8, {.5, 0, .5}}, {8, {0, .5, .5}}};
    const site second[] = {{38, {.5, .5, .5}}, {22, {0, 0, 0}}, {8, {0, 0, .5}}, {8, {0, .5, 0}}, {8, {.5, 0, 0}}};
    char *a = label_of(cubic(3.9, first, 5)), *b = label_of(cubic(3.9, second, 5));
    assert_string_equal(a, b);
    assert_string_equal(a, "221 1(1 -3mm) 1(1 -3mm) 3(3 /4mmm)");
    rcr_free(a);
    rcr_free(b);
    /* All of one element it is another type: simple cubic with a finer cell has no such sites. */
    const site alone[] = {{84, {0, 0, 0}}};
    expect_label(cubic(3.3, alone, 1), "221 1(1 -3mm)");
}

static void types_differ(void **state) {
    (void)state;
    const site zinc[] = {{30, {0, 0, 0}}, {16, {.25, .25, .25}}}, diamond[] = {{6, {0, 0, 0}}, {6, {.25, .25, .25}}};
    const double fcc[9] = {0, 2.7, 2.7, 2.7, 0, 2.7, 2.7, 2.7, 0};
    expect_label(build(fcc, zinc, 2), "216 1(4 -34m) 1(4 -34m)");
    expect_label(build(fcc, diamond, 2), "227 1(8 -34m)");
}

/* Quartz, and its mirror image: P3_121 and P3_221. */
static void mirror_images_are_one(void **state) {
    (void)state;
    const double a = 4.91, c = 5.4, h = sqrt(3) / 2, x = 0.4697, u = 0.4135, v = 0.2669, w = 0.1191;
    const double lattice[9] = {a, 0, 0, -a / 2, a * h, 0, 0, 0, c};
    site right[9], left[9];
    const site si[] = {{14, {x, 0, 1. / 3}}, {14, {0, x, 2. / 3}}, {14, {1 - x, 1 - x, 0}}};
    const site o[] = {{8, {u, v, w + 1. / 3}},  {8, {-v, u - v, w + 2. / 3}},  {8, {v - u, -u, w}},
                      {8, {v, u, -w + 2. / 3}}, {8, {u - v, -v, -w + 1. / 3}}, {8, {-u, v - u, -w + 1}}};
    memcpy(right, si, sizeof si);
    memcpy(right + 3, o, sizeof o);
    for (int i = 0; i < 9; i++) {
        for (int k = 0; k < 3; k++) right[i].at[k] -= floor(right[i].at[k]);
        left[i] = right[i];
        for (int k = 0; k < 3; k++) left[i].at[k] = right[i].at[k] > 0 ? 1 - right[i].at[k] : 0;
    }
    rcr_crystal *r = build(lattice, right, 9), *l = build(lattice, left, 9);
    rcr_spacegroup *gr = NULL, *gl = NULL;
    assert_int_equal(rcr_spacegroup_find(&gr, r, 0.01, NULL), RCR_OK);
    assert_int_equal(rcr_spacegroup_find(&gl, l, 0.01, NULL), RCR_OK);
    assert_true((gr->number == 152 && gl->number == 154) || (gr->number == 154 && gl->number == 152));
    rcr_spacegroup_free(gr);
    rcr_spacegroup_free(gl);
    expect_label(r, "152 1(3 2) 2(6 1)");
    expect_label(l, "152 1(3 2) 2(6 1)");
}

/* Beyond what is searched, the formula without names. */
static void large_crystals_have_their_formula(void **state) {
    (void)state;
    rcr_crystal *small = rock_salt(3, 9, 4.0), *large = NULL;
    assert_int_equal(rcr_crystal_supercell(&large, small, (int32_t[]){5, 5, 3}, NULL), RCR_OK);
    rcr_crystal_free(small);
    expect_label(large, "? 1 1");
}

/* Whatever the seed and the fold, a type stands on one side alone. */
static void splits_leak_no_type(void **state) {
    (void)state;
    /* The first 300 of the demo data: looking for symmetry takes milliseconds for each. */
    test_folder folder = folder_make();
    char path[4096], some[4096];
    snprintf(path, sizeof path, "%s/data/demo/alloys.extxyz", getenv("RECRYST_SOURCE"));
    snprintf(some, sizeof some, "%s", folder_path(&folder, "some.extxyz"));
    FILE *in = fopen(path, "rb"), *out = fopen(some, "wb");
    assert_true(in != NULL && out != NULL);
    char line[4096];
    for (int frame = 0; frame < 300; frame++)
        for (long left = -1; left != 0 && fgets(line, sizeof line, in) != NULL; left--) {
            if (left < 0) left = atol(line) + 2;
            fputs(line, out);
        }
    fclose(in);
    fclose(out);
    rcr_pool *pool = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_pool_create(&pool, 2, NULL), RCR_OK);
    rcr_dataset_options options = {.target = "formation_energy",
                                   .need_target = 1,
                                   .prototypes = 1,
                                   .graph = rcr_graph_options_default(),
                                   .pool = pool};
    rcr_dataset *d = NULL;
    if (rcr_dataset_read(&d, some, &options, &err) != RCR_OK) fail_msg("%s", err.message);
    size_t n_types = 0;
    size_t *type = calloc(d->n, sizeof *type), *first = calloc(d->n, sizeof *first);
    for (size_t i = 0; i < d->n; i++) {
        size_t k = 0;
        while (k < n_types && strcmp(d->sample[first[k]].prototype, d->sample[i].prototype) != 0) k++;
        if (k == n_types) first[n_types++] = i;
        type[i] = k;
    }
    assert_in_range(n_types, 10, 300);
    rcr_split_options o = rcr_split_options_default();
    o.group = RCR_GROUP_PROTOTYPE;
    for (int trial = 0; trial < 24; trial++) {
        o.seed = (uint64_t)trial;
        o.folds = trial % 2 == 0 ? 0 : 4;
        o.fold = trial / 2 % 4 * (o.folds > 0);
        o.repeat = trial % 3;
        rcr_split s;
        if (rcr_split_make(&s, d, &o, &err) != RCR_OK) fail_msg("%s", err.message);
        assert_int_equal(s.n_train + s.n_val + s.n_test, d->n);
        const int64_t *part[] = {s.train, s.val, s.test};
        const size_t n[] = {s.n_train, s.n_val, s.n_test};
        int *part_of = calloc(n_types, sizeof *part_of);
        for (int p = 0; p < 3; p++)
            for (size_t i = 0; i < n[p]; i++) {
                size_t t = type[part[p][i]];
                if (part_of[t] != 0 && part_of[t] != p + 1)
                    fail_msg("%s stands in two parts", d->sample[first[t]].prototype);
                part_of[t] = p + 1;
            }
        free(part_of);
        rcr_split_free(&s);
    }
    free(type);
    free(first);
    /* Without the structures it can't be done. */
    for (size_t i = 0; i < d->n; i++) {
        rcr_free(d->sample[i].prototype);
        d->sample[i].prototype = NULL;
    }
    rcr_split s;
    assert_int_equal(rcr_split_make(&s, d, &o, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "graph store"));
    rcr_dataset_free(d);
    rcr_pool_free(pool);
    folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_sizes_and_cells_do_not_matter),
        cmocka_unit_test(types_differ),
        cmocka_unit_test(mirror_images_are_one),
        cmocka_unit_test(large_crystals_have_their_formula),
        cmocka_unit_test(splits_leak_no_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
