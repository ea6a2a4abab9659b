/* What the writers write, and that reading it back gives the same crystal. */
#include "support/check.h"

#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/shortest.h"
#include "crystal/transform.h"
#include "io/archive.h"
#include "io/json_structure.h"
#include "io/structure.h"
#include "io/write.h"

/* ---- crystals */

static uint64_t draws;
static double draw(void) { return (double)(rcr_hash_counter(7, draws++) >> 11) / 9007199254740992.0; }

/* A cell of any shape and hand, atoms on a jittered grid. */
static rcr_crystal *draw_crystal(int disordered) {
    rcr_crystal *c;
    int32_t n = 1 + (int32_t)(draw() * 20);
    double volume;
    assert_int_equal(rcr_crystal_create(&c, "r 1/x", n, NULL), RCR_OK);
    do {
        double product = 1;
        for (int i = 0; i < 3; i++) {
            double scale = 3 + 12 * draw(), square = 0;
            for (int j = 0; j < 3; j++) {
                c->lattice[i][j] = scale * (2 * draw() - 1);
                square += c->lattice[i][j] * c->lattice[i][j];
            }
            product *= sqrt(square);
        }
        volume = fabs(rcr_lattice_volume((const double(*)[3])c->lattice)) / product;
    } while (volume < 0.1);
    for (int32_t i = 0; i < n; i++) {
        int cell[3] = {i % 3, i / 3 % 3, i / 9};
        for (int j = 0; j < 3; j++) c->frac[i][j] = (cell[j] + 0.3 * draw()) / 3 + floor(3 * draw()) - 1;
        c->atomic_number[i] = (uint8_t)(1 + draw() * 118);
    }
    rcr_species_list list = {0};
    for (int32_t i = 0; disordered && i < n; i += 2) {
        int a = 1 + (int)(draw() * 60), b = a + 1 + (int)(draw() * 50);
        double p = 0.05 + 0.6 * draw();
        assert_int_equal(rcr_species_add(&list, i, (uint8_t)a, p, NULL), RCR_OK);
        if (draw() < 0.7)
            assert_int_equal(rcr_species_add(&list, i, (uint8_t)b, draw() < 0.5 ? 1 - p : 0.3 * draw() + 0.01, NULL),
                             RCR_OK);
    }
    if (disordered) assert_int_equal(rcr_crystal_set_species(c, &list, NULL), RCR_OK);
    rcr_species_list_free(&list);
    return c;
}

/* One without atoms so close that a CIF's reader takes them for one. */
static rcr_crystal *random_crystal(int disordered) {
    for (;;) {
        rcr_crystal *c = draw_crystal(disordered);
        rcr_pair pair;
        assert_int_equal(rcr_crystal_shortest(&pair, c, NULL), RCR_OK);
        if (pair.distance > 0.2) return c;
        rcr_crystal_free(c);
    }
}

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* The same lattice up to a rotation: equal metric tensors and hands.  mirrored: the axes of b are those of a reversed.
 */
static void assert_same_cell(const rcr_crystal *a, const rcr_crystal *b, int oriented, int reversed) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            assert_true(fabs(dot(a->lattice[i], a->lattice[j]) - dot(b->lattice[i], b->lattice[j])) <
                        1e-9 * sqrt(dot(a->lattice[i], a->lattice[i]) * dot(a->lattice[j], a->lattice[j])));
            if (oriented) assert_true(a->lattice[i][j] * (reversed ? -1 : 1) == b->lattice[i][j]);
        }
    double v = rcr_lattice_volume((const double(*)[3])a->lattice),
           w = rcr_lattice_volume((const double(*)[3])b->lattice);
    assert_int_equal((v < 0) != reversed, w < 0);
}

/* Sites i of a and j of b. */
static int same_site(const rcr_crystal *a, int32_t i, const rcr_crystal *b, int32_t j, double sign) {
    if (a->atomic_number[i] != b->atomic_number[j] || (a->species_offset == NULL) != (b->species_offset == NULL))
        return 0;
    for (int k = 0; k < 3; k++) {
        double d = sign * a->frac[i][k] - b->frac[j][k];
        if (!(fabs(d - nearbyint(d)) < 1e-9)) return 0;
    }
    if (a->species_offset == NULL) return 1;
    int32_t p = a->species_offset[i], q = b->species_offset[j], n = a->species_offset[i + 1] - p;
    if (n != b->species_offset[j + 1] - q) return 0;
    for (int32_t k = 0; k < n; k++)
        if (a->species_number[p + k] != b->species_number[q + k] ||
            fabs(a->species_occupancy[p + k] - b->species_occupancy[q + k]) > 1e-9)
            return 0;
    return 1;
}

/* In order, or in any order. */
static void assert_same_sites(const rcr_crystal *a, const rcr_crystal *b, double sign, int in_order) {
    assert_int_equal(a->n_sites, b->n_sites);
    for (int32_t i = 0; i < a->n_sites; i++) {
        int found = 0;
        for (int32_t j = in_order ? i : 0; j < (in_order ? i + 1 : b->n_sites); j++)
            found += same_site(a, i, b, j, sign);
        assert_int_equal(found, 1);
    }
}

/* A strict reader of what the POSCAR writer writes, apart from the library. */
static rcr_crystal *read_poscar(const char *text) {
    rcr_crystal *c, *made;
    char symbol[119][4];
    int32_t count[119], n_elements = 0, n = 0;
    char *p = strchr(text, '\n') + 1;
    assert_int_equal(strncmp(p, "1\n", 2), 0);
    p += 2;
    double lattice[9];
    for (int i = 0; i < 9; i++) lattice[i] = strtod(p, &p);
    assert_int_equal(*p++, '\n');
    while (*p != '\n') {
        int used;
        assert_int_equal(sscanf(p, "%3s%n", symbol[n_elements++], &used), 1);
        p += used;
    }
    for (int i = 0; i < n_elements; i++) n += count[i] = (int32_t)strtol(p, &p, 10);
    assert_int_equal(strncmp(p, "\nDirect\n", 8), 0);
    p += 8;
    assert_int_equal(rcr_crystal_create(&c, "", n, NULL), RCR_OK);
    made = c;
    memcpy(c->lattice, lattice, sizeof lattice);
    for (int32_t e = 0, i = 0; e < n_elements; e++)
        for (int32_t k = 0; k < count[e]; k++, i++) {
            c->atomic_number[i] = (uint8_t)rcr_element_from_symbol(symbol[e], strlen(symbol[e]));
            for (int j = 0; j < 3; j++) c->frac[i][j] = strtod(p, &p);
            assert_int_equal(*p++, '\n');
        }
    assert_int_equal(*p, '\0');
    return made;
}

static void check(const rcr_crystal *c) {
    rcr_text text = {0};
    rcr_crystal *back;
    rcr_error err = {0};
    int left = rcr_lattice_volume((const double(*)[3])c->lattice) < 0, ordered = c->species_offset == NULL;
    double sign = left ? -1 : 1;

    assert_int_equal(rcr_cif_write(&text, c, &err), RCR_OK);
    if (rcr_structure_parse(&back, "x.cif", text.data, text.length, &err) != RCR_OK)
        fail_msg("%s\n%s", err.message, text.data);
    assert_same_cell(c, back, 0, left);
    assert_same_sites(c, back, sign, 1);
    rcr_crystal_free(back);
    rcr_text_free(&text);

    assert_int_equal(rcr_json_write(&text, c, NULL, 0, &err), RCR_OK);
    assert_int_equal(rcr_json_structure_parse(&back, text.data, text.length, 1, &err), RCR_OK);
    assert_same_cell(c, back, 1, 0);
    assert_same_sites(c, back, 1, 1);
    assert_string_equal(back->id, c->id);
    rcr_crystal_free(back);
    rcr_text_free(&text);

    assert_int_equal(rcr_poscar_write(&text, c, &err), ordered ? RCR_OK : RCR_ERR_UNSUPPORTED);
    if (ordered) {
        assert_int_equal(rcr_structure_parse(&back, "x.vasp", text.data, text.length, &err), RCR_OK);
        assert_same_sites(c, back, sign, 0);
        rcr_crystal_free(back);
        back = read_poscar(text.data);
        assert_same_cell(c, back, 1, left);
        assert_same_sites(c, back, sign, 0);
        rcr_crystal_free(back);
    }
    rcr_text_free(&text);

    assert_int_equal(rcr_extxyz_write(&text, c, NULL, 0, &err), ordered ? RCR_OK : RCR_ERR_UNSUPPORTED);
    if (ordered) {
        assert_int_equal(rcr_structure_parse(&back, "x.xyz", text.data, text.length, &err), RCR_OK);
        assert_same_cell(c, back, 1, 0);
        assert_same_sites(c, back, 1, 1);
        rcr_crystal_free(back);
    } else {
        assert_non_null(strstr(err.message, "disordered"));
        assert_int_equal(text.length, 0);
    }
    rcr_text_free(&text);
}

static void random_crystals_come_back(void **state) {
    (void)state;
    for (int i = 0; i < 1000; i++) {
        rcr_crystal *c = random_crystal(i % 3 == 2);
        check(c);
        rcr_crystal_free(c);
    }
}

static void real_crystals_come_back(void **state) {
    (void)state;
    REQUIRE_SHARED();
    rcr_folder *folder;
    const char *const *name;
    size_t n, n_read = 0;
    assert_int_equal(rcr_folder_open(&folder, shared_path("data/mp-elastic.tar.zst"), NULL), RCR_OK);
    assert_int_equal(rcr_folder_list(&name, &n, folder, NULL), RCR_OK);
    for (size_t i = 0; i < n; i++) {
        char *text;
        size_t length;
        rcr_crystal *c;
        if (rcr_format_detect(name[i], "", 0) != RCR_FORMAT_CIF) continue;
        assert_int_equal(rcr_folder_read(&text, &length, folder, name[i], NULL), RCR_OK);
        assert_int_equal(rcr_structure_parse(&c, name[i], text, length, NULL), RCR_OK);
        check(c);
        rcr_crystal_free(c);
        rcr_free(text);
        n_read++;
    }
    rcr_folder_free(folder);
    assert_int_equal(n_read, 2865);
}

/* ---- the text itself */

static rcr_crystal *salt(double sign) {
    rcr_crystal *c;
    assert_int_equal(rcr_crystal_create(&c, "Na Cl/1", 3, NULL), RCR_OK);
    for (int i = 0; i < 3; i++) c->lattice[i][i] = sign * 5.64;
    static const uint8_t number[] = {11, 17, 11};
    static const double frac[3][3] = {{0, 0, 0}, {0.5, 0.5, 0.5}, {0, 0.5, 1.0 / 3}};
    memcpy(c->atomic_number, number, sizeof number);
    memcpy(c->frac, frac, sizeof frac);
    return c;
}

static void each_format_is_written_so(void **state) {
    (void)state;
    rcr_crystal *c = salt(1);
    char gap[] = "gap", one[] = "1.50", tag[] = "my tag", text_value[] = "a \"b\" c", reserved[] = "pbc",
         alike[] = "lattice";
    const rcr_property property[] = {{gap, one}, {tag, text_value}, {reserved, one}, {alike, one}};
    rcr_text t = {0};
    assert_int_equal(rcr_cif_write(&t, c, NULL), RCR_OK);
    assert_non_null(strstr(t.data, "data_Na_Cl_1\n_cell_length_a 5.64\n"));
    assert_non_null(strstr(t.data, "_cell_angle_gamma 90\n"));
    assert_non_null(strstr(t.data, "_chemical_formula_sum 'Cl Na2'\n"));
    assert_non_null(strstr(t.data, "_atom_site_occupancy\nNa1 Na 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1\nNa2 Na 0 0.5 "
                                   "0.3333333333333333 1\n"));
    rcr_text_free(&t);
    assert_int_equal(rcr_poscar_write(&t, c, NULL), RCR_OK);
    assert_string_equal(t.data, "Na Cl/1\n1\n5.64 0 0\n0 5.64 0\n0 0 5.64\nNa Cl\n2 1\nDirect\n0 0 0\n0 0.5 "
                                "0.3333333333333333\n0.5 0.5 0.5\n");
    rcr_text_free(&t);
    assert_int_equal(rcr_extxyz_write(&t, c, property, 4, NULL), RCR_OK);
    assert_string_equal(t.data,
                        "3\nLattice=\"5.64 0 0 0 5.64 0 0 0 5.64\" Properties=species:S:1:pos:R:3 id=\"Na Cl/1\" "
                        "gap=1.50 \"my tag\"=\"a _b_ c\" properties.pbc=1.50 lattice=1.50 pbc=\"T T T\"\nNa 0 0 0\n"
                        "Cl 2.82 2.82 2.82\nNa 0 2.82 1.88\n");
    rcr_text_free(&t);
    assert_int_equal(rcr_json_write(&t, c, property, 2, NULL), RCR_OK);
    assert_non_null(strstr(t.data, "\"properties\": {\"gap\": 1.5, \"my tag\": \"a \\\"b\\\" c\"}, \"sites\": "
                                   "[{\"species\": [{\"element\": \"Na\", \"occu\": 1}], \"abc\": [0, 0, 0], \"xyz\": "
                                   "[0, 0, 0], \"properties\": {}, \"label\": \"Na\"}, "));
    rcr_text_free(&t);
    rcr_crystal_free(c);
}

/* The first of equal keys counts, as a JSON object can't hold one twice; a number that is a name stays as it is. */
static void json_holds_each_key_once_and_names_as_they_are(void **state) {
    (void)state;
    char e[] = "energy", code[] = "code", b[] = "b", one[] = "1", two[] = "2", bond[] = "007", minus[] = "-00.5",
         large[] = "12345678901234567890", zero[] = "0", small[] = "-0.50", c1[] = "c", c2[] = "d", c3[] = "f";
    const rcr_property property[] = {{e, one},    {code, bond}, {e, two}, {b, minus},
                                     {c1, large}, {c2, zero},   {b, one}, {c3, small}};
    rcr_text t = {0};
    rcr_crystal *c = salt(1);
    assert_int_equal(rcr_json_write(&t, c, property, 8, NULL), RCR_OK);
    assert_non_null(strstr(t.data, "\"properties\": {\"energy\": 1, \"code\": \"007\", \"b\": \"-00.5\", "
                                   "\"c\": \"12345678901234567890\", \"d\": 0, \"f\": -0.5}, "));
    rcr_text_free(&t);
    rcr_crystal_free(c);
}

/* To whoever reads the file "false" would be true. */
static void json_holds_truth_values_bare(void **state) {
    (void)state;
    char a[] = "is_metal", b[] = "stable", c[] = "T", d[] = "tag", yes[] = "true", no[] = "false", t[] = "T",
         python[] = "True";
    const rcr_property property[] = {{a, no}, {b, yes}, {c, t}, {d, python}};
    rcr_text text = {0};
    rcr_crystal *crystal = salt(1);
    assert_int_equal(rcr_json_write(&text, crystal, property, 4, NULL), RCR_OK);
    assert_non_null(strstr(text.data, "\"properties\": {\"is_metal\": false, \"stable\": true, \"T\": \"T\", "
                                      "\"tag\": \"True\"}, "));
    rcr_text_free(&text);
    rcr_crystal_free(crystal);
}

/* A first line that begins like a CIF, JSON, a packed file or a number of atoms must not make it one. */
static void no_id_misleads_a_reader_of_poscar(void **state) {
    (void)state;
    static const char *const ids[] = {"data_x", "DATA_x",         "{}", "[1]",      "7",   "BZh91AY&SY", "",
                                      " ",      "_cell_length_a", "#",  "\xff\xfe", "a\nb"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        rcr_crystal *c = salt(1), *back = NULL;
        rcr_text t = {0};
        rcr_error err;
        rcr_free(c->id);
        c->id = rcr_strdup(ids[i]);
        assert_int_equal(rcr_poscar_write(&t, c, NULL), RCR_OK);
        if (rcr_structure_parse(&back, "x", t.data, t.length, &err) != RCR_OK) fail_msg("%s: %s", ids[i], err.message);
        assert_int_equal(back->n_sites, 3);
        rcr_crystal_free(back);
        rcr_crystal_free(c);
        rcr_text_free(&t);
    }
}

/* A CIF's reader takes 0.33335 for 1/3; what is written must not be. */
static void a_number_near_a_third_stays(void **state) {
    (void)state;
    rcr_crystal *c = salt(1), *back;
    rcr_text t = {0};
    c->frac[2][0] = 0.33335;
    c->frac[2][1] = 0.66667;
    assert_int_equal(rcr_cif_write(&t, c, NULL), RCR_OK);
    assert_int_equal(rcr_structure_parse(&back, "x.cif", t.data, t.length, NULL), RCR_OK);
    assert_true(back->frac[2][0] == 0.33335 && back->frac[2][1] == 0.66667);
    rcr_crystal_free(back);
    rcr_text_free(&t);
    rcr_crystal_free(c);
}

static void a_left_handed_cell_is_turned(void **state) {
    (void)state;
    rcr_crystal *c = salt(-1);
    rcr_text t = {0};
    assert_int_equal(rcr_poscar_write(&t, c, NULL), RCR_OK);
    assert_non_null(strstr(t.data, "\n5.64 0 0\n0 5.64 0\n0 0 5.64\n"));
    assert_non_null(strstr(t.data, "\n0 -0.5 -0.3333333333333333\n-0.5 -0.5 -0.5\n"));
    rcr_text_free(&t);
    rcr_crystal_free(c);
}

static void what_is_no_crystal_is_refused(void **state) {
    (void)state;
    for (int format = RCR_WRITE_CIF; format <= RCR_WRITE_JSON; format++) {
        rcr_text t = {0};
        rcr_error err = {0};
        rcr_text_puts(&t, "before");
        rcr_crystal *c = salt(1);
        c->lattice[2][2] = 0;
        assert_int_equal(rcr_crystal_write(&t, (rcr_write_format)format, c, NULL, 0, &err), RCR_ERR_DATA);
        assert_string_equal(t.data, "before");
        c->lattice[2][2] = 5;
        c->frac[1][1] = NAN;
        assert_int_equal(rcr_crystal_write(&t, (rcr_write_format)format, c, NULL, 0, NULL), RCR_ERR_DATA);
        assert_string_equal(t.data, "before");
        rcr_text_free(&t);
        rcr_crystal_free(c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_crystals_come_back),
        cmocka_unit_test(real_crystals_come_back),
        cmocka_unit_test(each_format_is_written_so),
        cmocka_unit_test(json_holds_truth_values_bare),
        cmocka_unit_test(json_holds_each_key_once_and_names_as_they_are),
        cmocka_unit_test(no_id_misleads_a_reader_of_poscar),
        cmocka_unit_test(a_number_near_a_third_stays),
        cmocka_unit_test(a_left_handed_cell_is_turned),
        cmocka_unit_test(what_is_no_crystal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
