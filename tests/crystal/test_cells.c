/* Supercells, reduced and standard cells, space groups, shortest distances, formulas. */
#include "support/check.h"

#include <math.h>

#include "base/rng.h"
#include "crystal/crystal.h"
#include "crystal/formula.h"
#include "crystal/shortest.h"
#include "crystal/spacegroup.h"
#include "crystal/transform.h"

static uint64_t draws;
static double draw(void) { return (double)(rcr_hash_counter(11, draws++) >> 11) / 9007199254740992.0; }

static rcr_crystal *make(double a, double b, double c, int32_t n, const uint8_t *number, const double (*frac)[3]) {
    rcr_crystal *made;
    assert_int_equal(rcr_crystal_create(&made, "it", n, NULL), RCR_OK);
    made->lattice[0][0] = a;
    made->lattice[1][1] = b;
    made->lattice[2][2] = c;
    memcpy(made->atomic_number, number, (size_t)n);
    memcpy(made->frac, frac, (size_t)n * sizeof *frac);
    return made;
}

static const double fcc[8][3] = {{0, 0, 0},       {0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0},
                                 {0.5, 0.5, 0.5}, {0.5, 0, 0},   {0, 0.5, 0},   {0, 0, 0.5}};
static rcr_crystal *salt(void) {
    static const uint8_t number[] = {11, 11, 11, 11, 17, 17, 17, 17};
    return make(5.64, 5.64, 5.64, 8, number, fcc);
}

static double length(const double v[3]) { return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]); }

/* The shortest distance by trying everything. */
static double try_all(const rcr_crystal *c, int reach) {
    double best = INFINITY;
    for (int32_t i = 0; i < c->n_sites; i++)
        for (int32_t j = i; j < c->n_sites; j++)
            for (int x = -reach; x <= reach; x++)
                for (int y = -reach; y <= reach; y++)
                    for (int z = -reach; z <= reach; z++) {
                        const double shift[3] = {x, y, z};
                        double r[3] = {0, 0, 0};
                        if (i == j && x == 0 && y == 0 && z == 0) continue;
                        for (int k = 0; k < 3; k++) {
                            double f = c->frac[j][k] - c->frac[i][k];
                            f += shift[k] - floor(f);
                            for (int l = 0; l < 3; l++) r[l] += f * c->lattice[k][l];
                        }
                        if (length(r) < best) best = length(r);
                    }
    return best;
}

static rcr_crystal *random_crystal(int32_t n, double thinnest) {
    rcr_crystal *c;
    double flat;
    assert_int_equal(rcr_crystal_create(&c, "random", n, NULL), RCR_OK);
    do {
        for (int i = 0; i < 9; i++) c->lattice[i / 3][i % 3] = 20 * (draw() - 0.5);
        flat = fabs(rcr_lattice_volume((const double(*)[3])c->lattice)) /
               (length(c->lattice[0]) * length(c->lattice[1]) * length(c->lattice[2]));
    } while (flat < thinnest);
    for (int32_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) c->frac[i][k] = 4 * draw() - 2;
        c->atomic_number[i] = (uint8_t)(1 + draw() * 3);
    }
    return c;
}

static void shortest_is_that_of_all_pairs(void **state) {
    (void)state;
    for (int round = 0; round < 400; round++) {
        rcr_crystal *c = random_crystal(1 + round % 23, 0.05);
        rcr_pair pair;
        assert_int_equal(rcr_crystal_shortest(&pair, c, NULL), RCR_OK);
        double expected = try_all(c, 6);
        assert_true(fabs(pair.distance - expected) < 1e-9 * (1 + expected));
        assert_true(pair.first >= 0 && pair.first <= pair.second && pair.second < c->n_sites);
        rcr_crystal_free(c);
    }
}

static void shortest_takes_hostile_crystals(void **state) {
    (void)state;
    rcr_pair pair;
    /* Coinciding sites; 200,000 of them in a ball of 1e-6 A; a needle of a cell. */
    static const uint8_t number[] = {1, 1};
    static const double same[2][3] = {{0.25, 0, 0}, {1.25, -1, 0}};
    rcr_crystal *c = make(3, 4, 5, 2, number, same);
    assert_int_equal(rcr_crystal_shortest(&pair, c, NULL), RCR_OK);
    assert_true(pair.distance == 0 && pair.first == 0 && pair.second == 1);
    rcr_crystal_free(c);
    c = random_crystal(200000, 0.3);
    for (int32_t i = 0; i < c->n_sites; i++)
        for (int k = 0; k < 3; k++) c->frac[i][k] = 0.5 + 1e-8 * c->frac[i][k];
    assert_int_equal(rcr_crystal_shortest(&pair, c, NULL), RCR_OK);
    assert_true(pair.distance > 0 && pair.distance < 1e-8);
    rcr_crystal_free(c);
    c = make(1e-3, 1e3, 1e3, 2, number, same);
    c->frac[1][1] = 0.5;
    assert_int_equal(rcr_crystal_shortest(&pair, c, NULL), RCR_OK);
    assert_true(pair.distance == 1e-3 && pair.first == pair.second);
    c->lattice[1][1] = 0;
    assert_int_equal(rcr_crystal_shortest(&pair, c, NULL), RCR_ERR_DATA);
    rcr_crystal_free(c);
}

static void a_supercell_repeats_the_crystal(void **state) {
    (void)state;
    static const int32_t times[3] = {2, 1, 3};
    rcr_crystal *c = salt(), *big = NULL;
    assert_int_equal(rcr_crystal_supercell(&big, c, times, NULL), RCR_OK);
    assert_int_equal(big->n_sites, 48);
    assert_true(big->lattice[0][0] == 11.28 && big->lattice[1][1] == 5.64 && fabs(big->lattice[2][2] - 16.92) < 1e-12);
    /* Every site of the small cell stands in every cell of the large one. */
    for (int32_t i = 0; i < 8; i++)
        for (int x = 0; x < 2; x++)
            for (int z = 0; z < 3; z++) {
                int found = 0;
                for (int32_t j = 0; j < 48; j++)
                    found += big->atomic_number[j] == c->atomic_number[i] &&
                             fabs(big->frac[j][0] * 2 - x - c->frac[i][0]) < 1e-12 &&
                             fabs(big->frac[j][1] - c->frac[i][1]) < 1e-12 &&
                             fabs(big->frac[j][2] * 3 - z - c->frac[i][2]) < 1e-12;
                assert_int_equal(found, 1);
            }
    rcr_crystal *none = NULL;
    static const int32_t zero[3] = {1, 0, 1}, many[3] = {1000, 1000, 1000}, huge[3] = {INT32_MAX, INT32_MAX, INT32_MAX};
    assert_int_equal(rcr_crystal_supercell(&none, c, zero, NULL), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_crystal_supercell(&none, c, many, NULL), RCR_ERR_LIMIT);
    assert_int_equal(rcr_crystal_supercell(&none, c, huge, NULL), RCR_ERR_LIMIT);
    assert_null(none);
    rcr_crystal_free(big);
    rcr_crystal_free(c);
}

/* A crystal and another cell of it: every distance from the first atom of each element set agrees. */
static void assert_same_crystal(const rcr_crystal *a, const rcr_crystal *b) {
    rcr_graph_options options = rcr_graph_options_default();
    rcr_graph *g, *h;
    options.ties = RCR_TIES_KEEP;
    assert_int_equal(rcr_graph_build(&g, a, &options, NULL), RCR_OK);
    assert_int_equal(rcr_graph_build(&h, b, &options, NULL), RCR_OK);
    /* Sums over atoms of distances, for each kind, in proportion to the number of atoms. */
    for (int p = 1; p <= 118; p++) {
        double sum[2] = {0, 0}, n[2] = {0, 0};
        const rcr_graph *both[2] = {g, h};
        for (int w = 0; w < 2; w++)
            for (int32_t i = 0; i < both[w]->n_atoms; i++)
                for (int32_t e = both[w]->offset[i]; both[w]->atomic_number[i] == p && e < both[w]->offset[i + 1];
                     e++) {
                    sum[w] += both[w]->distance[e] * both[w]->atomic_number[both[w]->neighbor[e]] / both[w]->n_atoms;
                    n[w] += 1.0 / both[w]->n_atoms;
                }
        assert_true(fabs(n[0] - n[1]) < 1e-9);
        assert_true(fabs(sum[0] - sum[1]) < 1e-6 * (1 + sum[0]));
    }
    rcr_graph_free(g);
    rcr_graph_free(h);
}

static void reducing_keeps_the_crystal(void **state) {
    (void)state;
    for (int round = 0; round < 100; round++) {
        rcr_crystal *c = random_crystal(1 + round % 5, 0.02), *r = NULL;
        assert_int_equal(rcr_crystal_reduce(&r, c, NULL), RCR_OK);
        double v = rcr_lattice_volume((const double(*)[3])c->lattice),
               w = rcr_lattice_volume((const double(*)[3])r->lattice);
        assert_true(w > 0 && fabs(fabs(v) - w) < 1e-9 * w);
        /* Niggli's conditions: a <= b <= c, and the angles all acute or none. */
        double l[3], angle[3];
        rcr_lattice_parameters(l, angle, (const double(*)[3])r->lattice);
        assert_true(l[0] <= l[1] * (1 + 1e-5) && l[1] <= l[2] * (1 + 1e-5));
        int acute = (angle[0] < 90 - 1e-3) + (angle[1] < 90 - 1e-3) + (angle[2] < 90 - 1e-3);
        assert_true(acute == 0 || acute == 3);
        assert_same_crystal(c, r);
        rcr_crystal_free(c);
        rcr_crystal_free(r);
    }
}

static void rock_salt_has_its_space_group(void **state) {
    (void)state;
    rcr_crystal *c = salt(), *p = NULL, *f = NULL;
    rcr_spacegroup *g = NULL;
    for (int left = 0; left < 2; left++) {
        if (left) c->lattice[2][2] *= -1;
        assert_int_equal(rcr_spacegroup_find(&g, c, RCR_SYMMETRY_TOLERANCE, NULL), RCR_OK);
        assert_int_equal(g->number, 225);
        assert_string_equal(g->symbol, "Fm-3m");
        assert_string_equal(g->hall, "-F 4 2 3");
        assert_string_equal(g->point_group, "m-3m");
        assert_string_equal(g->system, "cubic");
        for (int32_t i = 0; i < 8; i++) {
            assert_int_equal(g->multiplicity[i], 4);
            assert_true(g->wyckoff[i] == (i < 4 ? g->wyckoff[0] : g->wyckoff[4]));
            assert_string_equal(g->site_symmetry[i], "m-3m");
        }
        assert_int_not_equal(g->wyckoff[0], g->wyckoff[4]);
        rcr_spacegroup_free(g);
    }
    assert_int_equal(rcr_crystal_standardize(&p, c, RCR_CELL_PRIMITIVE, 1, 0.01, NULL), RCR_OK);
    assert_int_equal(p->n_sites, 2);
    assert_true(fabs(rcr_lattice_volume((const double(*)[3])p->lattice) - 5.64 * 5.64 * 5.64 / 4) < 1e-9);
    assert_same_crystal(c, p);
    assert_string_equal(p->id, "it");
    for (int idealize = 0; idealize < 2; idealize++) {
        assert_int_equal(rcr_crystal_standardize(&f, p, RCR_CELL_CONVENTIONAL, idealize, 0.01, NULL), RCR_OK);
        assert_int_equal(f->n_sites, 8);
        assert_same_crystal(c, f);
        rcr_crystal_free(f);
    }
    rcr_crystal_free(p);
    rcr_crystal_free(c);
}

/* Cl on one half of the sites and a mixture on the other: rock salt still; two mixtures: not. */
static void disordered_sites_count_by_their_species(void **state) {
    (void)state;
    rcr_crystal *c = salt(), *p = NULL;
    rcr_spacegroup *g;
    for (int round = 0; round < 2; round++) {
        rcr_species_list list = {0};
        for (int32_t i = 0; i < 4; i++) {
            double share = round == 1 && i == 3 ? 0.25 : 0.5;
            assert_int_equal(rcr_species_add(&list, i, 11, share, NULL), RCR_OK);
            assert_int_equal(rcr_species_add(&list, i, 19, 0.5, NULL), RCR_OK);
        }
        assert_int_equal(rcr_crystal_set_species(c, &list, NULL), RCR_OK);
        rcr_species_list_free(&list);
        assert_int_equal(rcr_spacegroup_find(&g, c, 0.01, NULL), RCR_OK);
        assert_int_equal(g->number, round == 0 ? 225 : 221);
        rcr_spacegroup_free(g);
        assert_int_equal(rcr_crystal_standardize(&p, c, RCR_CELL_PRIMITIVE, 1, 0.01, NULL), RCR_OK);
        assert_int_equal(p->n_sites, round == 0 ? 2 : 8);
        assert_int_equal(rcr_crystal_check(p, NULL), RCR_OK);
        assert_int_equal(p->species_offset[p->n_sites], round == 0 ? 3 : 12);
        double amount[119], other[119], scale = 8.0 / p->n_sites;
        rcr_composition(amount, c);
        rcr_composition(other, p);
        for (int z = 1; z < 119; z++) assert_true(fabs(amount[z] - scale * other[z]) < 1e-12);
        rcr_crystal_free(p);
        static const int32_t times[3] = {1, 2, 1};
        assert_int_equal(rcr_crystal_supercell(&p, c, times, NULL), RCR_OK);
        assert_int_equal(rcr_crystal_check(p, NULL), RCR_OK);
        rcr_composition(other, p);
        assert_true(fabs(other[19] - 2 * amount[19]) < 1e-12);
        rcr_crystal_free(p);
    }
    rcr_crystal_free(c);
}

static void symmetry_is_refused_where_it_takes_too_long_or_makes_no_sense(void **state) {
    (void)state;
    rcr_spacegroup *g = NULL;
    rcr_crystal *c = random_crystal(RCR_SYMMETRY_MAX_SITES + 1, 0.3), *p = NULL;
    rcr_error err;
    assert_int_equal(rcr_spacegroup_find(&g, c, 0.01, &err), RCR_ERR_LIMIT);
    assert_non_null(strstr(err.message, "2000"));
    assert_int_equal(rcr_crystal_standardize(&p, c, RCR_CELL_PRIMITIVE, 1, 0.01, &err), RCR_ERR_LIMIT);
    rcr_crystal_free(c);
    c = salt();
    assert_int_equal(rcr_spacegroup_find(&g, c, 0, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_spacegroup_find(&g, c, NAN, &err), RCR_ERR_ARGUMENT);
    memcpy(c->frac[1], c->frac[0], sizeof c->frac[0]);
    assert_int_equal(rcr_spacegroup_find(&g, c, 0.01, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "spglib finds no symmetry"));
    c->lattice[0][0] = 1e-4;
    assert_int_equal(rcr_spacegroup_find(&g, c, 0.01, &err), RCR_ERR_DATA);
    assert_null(g);
    assert_null(p);
    rcr_crystal_free(c);
}

static void formulas_are_in_hills_order(void **state) {
    (void)state;
    static const struct {
        int z[4];
        double n[4];
        const char *formula, *reduced;
    } cases[] = {{{1, 6, 8, 0}, {12, 6, 6, 0}, "C6H12O6", "CH2O"},
                 {{1, 8, 0, 0}, {4, 2, 0, 0}, "H4O2", "H2O"},
                 {{11, 17, 0, 0}, {4, 4, 0, 0}, "Cl4Na4", "ClNa"},
                 {{6, 35, 20, 8}, {1, 1, 1, 1}, "CBrCaO", "CBrCaO"},
                 {{26, 28, 0, 0}, {0.5, 1.5, 0, 0}, "Fe0.5Ni1.5", "Fe0.5Ni1.5"},
                 {{26, 28, 0, 0}, {2.0 / 3, 4, 0, 0}, "Fe0.6667Ni4", "Fe0.6667Ni4"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        double amount[119] = {0};
        for (int i = 0; i < 4; i++) amount[cases[k].z[i]] += cases[k].z[i] > 0 ? cases[k].n[i] : 0;
        rcr_text t = {0};
        rcr_formula(&t, amount);
        assert_string_equal(t.data, cases[k].formula);
        rcr_text_free(&t);
        rcr_composition_reduce(amount);
        rcr_formula(&t, amount);
        assert_string_equal(t.data, cases[k].reduced);
        rcr_text_free(&t);
    }
    rcr_crystal *c = salt();
    double amount[119];
    rcr_composition(amount, c);
    /* 4 (22.990 + 35.45) u in (5.64 A)^3; u = 1.66053907e-24 g */
    assert_true(fabs(rcr_density(amount, 5.64 * 5.64 * 5.64) - 2.16363) < 1e-4);
    rcr_crystal_free(c);
}

static void cell_parameters_are_exact_at_the_usual_angles(void **state) {
    (void)state;
    static const double set[][3] = {{90, 90, 90}, {90, 90, 120}, {60, 60, 60}, {90, 104.37, 90}, {1.5, 2, 3}};
    static const double lengths[3] = {3.1, 4.2, 5.3};
    for (size_t k = 0; k < sizeof set / sizeof *set; k++) {
        double lattice[3][3], l[3], angle[3];
        assert_int_equal(rcr_lattice_from_parameters(lattice, lengths, set[k], NULL), RCR_OK);
        rcr_lattice_parameters(l, angle, (const double(*)[3])lattice);
        for (int i = 0; i < 3; i++) {
            assert_true(fabs(l[i] - lengths[i]) < 1e-12);
            assert_true(k < 3 ? angle[i] == set[k][i] : fabs(angle[i] - set[k][i]) < 1e-10);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shortest_is_that_of_all_pairs),
        cmocka_unit_test(shortest_takes_hostile_crystals),
        cmocka_unit_test(a_supercell_repeats_the_crystal),
        cmocka_unit_test(reducing_keeps_the_crystal),
        cmocka_unit_test(rock_salt_has_its_space_group),
        cmocka_unit_test(disordered_sites_count_by_their_species),
        cmocka_unit_test(symmetry_is_refused_where_it_takes_too_long_or_makes_no_sense),
        cmocka_unit_test(formulas_are_in_hills_order),
        cmocka_unit_test(cell_parameters_are_exact_at_the_usual_angles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
