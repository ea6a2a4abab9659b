/* The CIF reader on files written for one feature each (tests/io/cases).  Expectations were worked out by hand from the
 * operations and positions in the files. */
#include "support/check.h"

#include <math.h>

#include "crystal/crystal.h"
#include "io/cif.h"
#include "io/structure.h"

/* A file and what it must give: sites in any order, modulo lattice vectors; or an error with its line. */
typedef struct good_case {
    const char *name;
    const char *sites; /* "Fe 0 0 0; O .5 .5 .5"; a disordered site as "Ni0.75,Fe0.2,vacant0.05 0 0 0" */
} good_case;

typedef struct bad_case {
    const char *name;
    rcr_status status;
    long line;
    const char *message; /* a part of it */
} bad_case;

#define DIAMOND_1                                                                                                      \
    "Si 0 0 0; Si 0 .5 .5; Si .5 0 .5; Si .5 .5 0; Si .25 .25 .25; Si .25 .75 .75; Si .75 .25 .75; Si .75 .75 .25"
#define DIAMOND_2                                                                                                      \
    "Si .125 .125 .125; Si .125 .625 .625; Si .625 .125 .625; Si .625 .625 .125; Si .875 .875 .875; "                  \
    "Si .875 .375 .375; Si .375 .875 .375; Si .375 .375 .875"
#define THIRD "0.33333333333333333"
#define TWO_THIRDS "0.66666666666666667"

static const good_case good_cases[] = {
    {"charged_types", "Na 0 0 0; Cl .5 .5 .5; O .5 0 0; Fe 0 .5 0; Fe 0 0 .5; H .25 .25 .25; H .75 .75 .75; "
                      "Si .25 .75 .25; Cu .75 .25 .75"},
    {"labels_only", "Fe 0 0 0; Fe .5 0 0; Ca 0 .5 0; H 0 0 .5; H .5 .5 0; O .5 0 .5; O .25 .25 .25; Ba .5 .5 .5; "
                    "Ba .75 .75 .75; O .25 .75 .25"},
    {"labels_by_formula", "Cl " THIRD " " TWO_THIRDS " .25; C .1 .1 .1; C .2 .2 .2; H 0 0 .5; H .5 .5 0; O .5 0 .5; "
                          "O .25 .25 .25; Mn .75 .75 .75"},
    {"label_no_tritium", "Fe 0 0 0; Ti .5 .5 .5"}, /* of a formula that is rounded */
    {"uncertainties", "Si .1234 .75 .2; Si .5 .5 .5"},
    {"unknown_values", "Fe 0 0 0; O .5 .5 .5"},
    {"text_blocks", "Fe 0 0 0; O .5 .5 .5"},
    {"missing_quotes", "Fe 0 0 0; O .5 .5 .5"},
    {"non_ascii", "Fe 0 0 0; O .5 .5 .5"},
    {"bom_crlf", "Cs 0 0 0; Cl .5 .5 .5"},
    {"utf16", "O 0 0 0"},
    {"cr_only", "Cs 0 0 0; Cl .5 .5 .5"},
    {"duplicate_tags", "Fe 0 0 0; O .5 .5 .5"},
    {"operations_spelling", "Cu .1 .2 .3; Cu .6 .7 .3; Cu .6 .2 .8; Cu .1 .7 .8"},
    {"operations_unquoted", "Cu .1 .2 .3; Cu .9 .8 .8; Cu .8 .1 .55; Cu .2 .9 .05"},
    {"operations_hexagonal", "Zn " THIRD " " TWO_THIRDS " 0; Zn " TWO_THIRDS " " THIRD " .5; "
                             "S " THIRD " " TWO_THIRDS " .375; S " TWO_THIRDS " " THIRD " .875"},
    {"blocks", "Fe 0 0 0"},
    {"loop_order", "Cs 0 0 0; Cl .5 .5 .5"},
    {"cif2", "W 0 0 0; W .5 .5 .5"},
    {"case_of_names", "Fe 0 0 0"},
    {"second_loop_of_none", "Fe 0 0 0"},
    {"one_place_same", "Fe 0 0 .5; Fe 0 .5 0; Fe .5 0 0; O 0 0 0"},
    {"occupancy_one_element", "Fe 0 0 0; O .5 .5 .5; H .1 0 0"},
    {"occupancy_half", "O .5 .5 .5; Fe0.5,vacant0.5 0 0 0"},
    {"occupancy_mixed", "Ni0.75,Fe0.25 0 0 0; O .5 .5 .5"},
    {"occupancy_symmetry", "Na0.5,K0.3,vacant0.2 .25 0 0; Na0.5,K0.3,vacant0.2 .75 0 0; O .5 .5 .5; "
                           "Li0.25,vacant0.75 .1 .2 .3; Li0.25,vacant0.75 .9 .8 .3; Li0.25,vacant0.75 .9 .2 .7; "
                           "Li0.25,vacant0.75 .1 .8 .7"},
    {"occupancy_tolerance", "Fe0.333333,Co0.333333,Ni0.333333 0 0 0; O .5 .5 .5; Si0.50025,Al0.49975 .5 0 0; "
                            "Li0.5,vacant0.5 0 .5 .1; Li0.5,vacant0.5 0 .5 .2; Cl0.5,Br0.5 .25 .25 .25; "
                            "Cs0.998,vacant0.002 .75 .75 .75"},
    {"split_atom",
     "Pb 0 0 0; Mg0.6,Ca0.4 .5 .5 .5; O .5 .5 0; O .5 0 .5; O 0 .5 .5; "
     "Cl .5 .25 0; Cl .5 .75 0; Cl .25 .5 0; Cl .75 .5 0; Cl .5 0 .25; Cl .5 0 .75; Cl .25 0 .5; Cl .75 0 .5; "
     "Cl 0 .5 .25; Cl 0 .5 .75; Cl 0 .25 .5; Cl 0 .75 .5"},
    {"split_atom_setting",
     "Pb 0 0 0; Pb 0 .5 .5; Pb .5 0 .5; Pb .5 .5 0; Pb .25 .25 .25; Pb .25 .75 .75; Pb .75 .25 .75; Pb .75 .75 .25; "
     "O .625 .625 .625; O .625 .125 .125; O .125 .625 .125; O .125 .125 .625; O .375 .375 .625; O .375 .625 .375; "
     "O .625 .375 .375; O .875 .875 .625; O .875 .625 .875; O .625 .875 .875; O .125 .375 .875; O .375 .125 .875; "
     "O .375 .875 .125; O .125 .875 .375; O .875 .125 .375; O .875 .375 .125"},
    {"split_atom_not", "Ga0.5,vacant0.5 0 0 0; O0.25,vacant0.75 " THIRD " " TWO_THIRDS
                       " .25; O0.25,vacant0.75 " TWO_THIRDS " " THIRD " .75; N0.5,vacant0.5 " THIRD " " TWO_THIRDS
                       " .75; N0.5,vacant0.5 " TWO_THIRDS " " THIRD " .25; S0.4,vacant0.6 0 0 .5"},
    {"magnetic_operations", "Fe .1 .2 0; Fe .9 .8 0"},
    {"magnetic_centring", "Fe .1 .2 0; Fe .9 .8 .5; Fe .6 .7 0; Fe .4 .3 .5"},
    {"transform_fract", "Fe .75 0 0; O .5 .5 .5"},
    {"transform_cartesian", "Fe .25 0 0; O 0 .5 .5"},
    {"occupancy_scaled", "Fe0.585366,Ni0.414634 0 0 0; O .5 .5 .5; S .25 .25 .25"},
    {"angles_by_symmetry", "Po 0 0 0"},
    {"cartesian", "Fe 0 0 0; O 0 .5 .5"},
    {"single_site", "Po 0 0 0"},
    {"single_site_and_dummy", "Po 0 0 0"}, /* in a loop of its own, in Cartesian coordinates */
    {"symbol_z", DIAMOND_2},
    {"symbol_hall", DIAMOND_2},
    {"symbol_origin_by_multiplicity", DIAMOND_1},
    {"symbol_origin_by_formula", DIAMOND_2},
    {"symbol_rhombohedral", "Bi .234 .234 .234; Bi .766 .766 .766"},
    {"symbol_hexagonal_axes", "Bi 0 0 .234; Bi 0 0 .766; Bi " TWO_THIRDS " " THIRD " .56733333333333333; Bi " TWO_THIRDS
                              " " THIRD " .09933333333333333; Bi " THIRD " " TWO_THIRDS " .90066666666666667; Bi " THIRD
                              " " TWO_THIRDS " .43266666666666667"},
};

static const bad_case bad_cases[] = {
    {"duplicate_cell_differs", RCR_ERR_DATA, 8, "given twice"},
    {"one_place_different", RCR_ERR_DATA, 16, "Fe1 and Ni1, of different elements, are in one place, with occup"},
    {"occupancy_sum", RCR_ERR_DATA, 17, "sites Fe1 and Ni1, of different elements, are in one place, with occup"},
    {"occupancy_above_one", RCR_ERR_DATA, 15, "site Fe1 has occupancy 1.2, more than 1"},
    {"split_atom_too_full", RCR_ERR_DATA, 14, "Pb1, with occupancy 0.5, has 6 positions within 0.1 angstrom"},
    {"symbol_origin_ambiguous", RCR_ERR_UNSUPPORTED, 8, "two choices of origin"},
    {"symbol_unknown", RCR_ERR_UNSUPPORTED, 8, "'Q 4 5 6' is not known"},
    {"symbol_and_number_disagree", RCR_ERR_DATA, 8, "not number 221"},
    {"symbol_does_not_fit", RCR_ERR_DATA, 5, "'P m -3 m' does not fit"},
    {"operations_do_not_fit", RCR_ERR_DATA, 7, "do not fit the cell"},
    {"operation_bad", RCR_ERR_PARSE, 11, "'x,x,z'"},
    {"magnetic_bad", RCR_ERR_PARSE, 11, "no magnetic symmetry operation: 'x,y,z,2'"},
    {"angle_unknown", RCR_ERR_DATA, 6, "the cell angle beta is unknown"},
    {"superspace", RCR_ERR_UNSUPPORTED, 10, "superspace"},
    {"transform_wrong", RCR_ERR_DATA, 16, "does not fit the cell"},
    {"unknown_element", RCR_ERR_UNSUPPORTED, 15, "site M1 has the type 'M'"},
    {"ambiguous_label", RCR_ERR_UNSUPPORTED, 14, "'HO1' may mean either"},
    {"no_coordinates", RCR_ERR_DATA, 15, "no coordinates: 'H1'"},
    {"bad_coordinate", RCR_ERR_PARSE, 15, "'0,5'"},
    {"bad_cell", RCR_ERR_PARSE, 3, "not a number: '4.0A'"},
    {"type_of_two", RCR_ERR_UNSUPPORTED, 15, "'Fe3+/Co', which is several elements"},
    {"label_of_two", RCR_ERR_UNSUPPORTED, 14, "'Si1/Al1' names several elements"},
    {"second_loop", RCR_ERR_DATA, 17, "a second loop of atom sites begins here"},
    {"short_row", RCR_ERR_PARSE, 15, "3 of 5 values"},
    {"unclosed_text", RCR_ERR_PARSE, 3, "never closed"},
    {"no_cell", RCR_ERR_DATA, 0, "no cell"},
    {"no_sites", RCR_ERR_DATA, 0, "no atom sites"},
    {"bad_angles", RCR_ERR_DATA, 1, "120, 120, 125"},
};

static const char *case_path(const char *name) {
    static char path[4096];
    const char *source = getenv("RECRYST_SOURCE");
    snprintf(path, sizeof path, "%s/tests/io/cases/%s.cif", source != NULL ? source : ".", name);
    return path;
}

/* "Ni0.75,Fe0.25" */
static const char *species_text(const rcr_crystal *crystal, int32_t site) {
    static char text[128];
    rcr_crystal_describe_site(text, sizeof text, crystal, site);
    size_t n = 0;
    for (const char *p = text; *p != '\0'; p++)
        if (*p != ' ') text[n++] = *p;
    text[n] = '\0';
    return text;
}

static double distance_1d(double a, double b) { return fabs(a - b - round(a - b)); }

/* Every expected site stands once in the crystal, and there are no others. */
static void check_sites(const rcr_crystal *crystal, const char *name, const char *sites) {
    int32_t n = 0;
    for (const char *p = sites; p != NULL && *p != '\0'; n++) {
        char symbol[80];
        double f[3];
        assert_int_equal(sscanf(p, " %79s %lf %lf %lf", symbol, &f[0], &f[1], &f[2]), 4);
        int matches = 0;
        for (int32_t i = 0; i < crystal->n_sites; i++)
            matches += strcmp(species_text(crystal, i), symbol) == 0 && distance_1d(crystal->frac[i][0], f[0]) < 1e-9 &&
                       distance_1d(crystal->frac[i][1], f[1]) < 1e-9 && distance_1d(crystal->frac[i][2], f[2]) < 1e-9;
        if (matches != 1) fail_msg("%s: %d sites are %s %g %g %g", name, matches, symbol, f[0], f[1], f[2]);
        p = strchr(p, ';');
        if (p != NULL) p++;
    }
    if (n != crystal->n_sites) fail_msg("%s: %d sites, not %d", name, (int)crystal->n_sites, (int)n);
}

static void good_files_give_their_sites(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good_cases / sizeof *good_cases; i++) {
        rcr_crystal *crystal;
        rcr_error err;
        if (rcr_crystal_read(&crystal, case_path(good_cases[i].name), &err) != RCR_OK)
            fail_msg("%s: line %ld: %s", good_cases[i].name, err.line, err.message);
        int several = strcmp(good_cases[i].name, "blocks") == 0; /* of which the first is read */
        assert_string_equal(crystal->id, several ? "blocks-1" : good_cases[i].name);
        check_sites(crystal, good_cases[i].name, good_cases[i].sites);
        rcr_crystal_free(crystal);
    }
}

static void bad_files_say_what_and_where(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const bad_case *c = &bad_cases[i];
        rcr_crystal *crystal = NULL;
        rcr_error err;
        rcr_status status = rcr_crystal_read(&crystal, case_path(c->name), &err);
        if (status != c->status || err.line != c->line || strstr(err.message, c->message) == NULL)
            fail_msg("%s: %s, line %ld: %s", c->name, rcr_status_name(status), err.line, err.message);
        assert_ptr_equal(crystal, NULL);
        assert_string_equal(err.file, case_path(c->name));
    }
}

/* 5.43(2), 6.(1), 7.5(12), 90.0(0), 100.25(3), 90. */
static void uncertainties_are_left_out_of_the_cell(void **state) {
    (void)state;
    rcr_crystal *crystal;
    assert_int_equal(rcr_crystal_read(&crystal, case_path("uncertainties"), NULL), RCR_OK);
    double(*l)[3] = crystal->lattice, length[3];
    for (int i = 0; i < 3; i++) length[i] = sqrt(l[i][0] * l[i][0] + l[i][1] * l[i][1] + l[i][2] * l[i][2]);
    assert_float_equal(length[0], 5.43, 1e-12);
    assert_float_equal(length[1], 6, 1e-12);
    assert_float_equal(length[2], 7.5, 1e-12);
    double cosine = (l[0][0] * l[2][0] + l[0][1] * l[2][1] + l[0][2] * l[2][2]) / (length[0] * length[2]);
    assert_float_equal(cosine, cos(100.25 * acos(-1) / 180), 1e-12);
    rcr_crystal_free(crystal);
}

static const char head[] = "data_x\n_cell_length_a 40\n_cell_length_b 40\n_cell_length_c 40\n";

/* More sites than the small merge takes: 216 in general positions under an inversion, and the image of each, slightly
 * off, listed too. */
static void many_sites_merge_as_few_do(void **state) {
    (void)state;
    char *text = malloc(1 << 16);
    size_t n = (size_t)sprintf(text,
                               "%sloop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,-z\nloop_\n_atom_site_label\n"
                               "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n",
                               head);
    for (int i = 0; i < 216; i++) {
        double x[3] = {(i % 6 + 1) / 13.0, (i / 6 % 6 + 1) / 13.0, (i / 36 + 1) / 13.0};
        n += (size_t)sprintf(text + n, "Fe%d %.9f %.9f %.9f\n", i, x[0], x[1], x[2]);
        n += (size_t)sprintf(text + n, "Fe%d %.9f %.9f %.9f\n", i, 1e-4 - x[0], -x[1], -x[2]);
    }
    rcr_crystal *crystal;
    rcr_error err;
    assert_int_equal(rcr_cif_parse(&crystal, "x", text, n, &err), RCR_OK);
    assert_int_equal(crystal->n_sites, 432);
    rcr_crystal_free(crystal);
    free(text);
}

/* 100 iron atoms of occupancy `iron` in a row, and 0.4 nickel in the place of the last. */
static rcr_status parse_row(rcr_crystal **out, const char *iron, rcr_error *err) {
    char text[16384];
    size_t n = (size_t)sprintf(text,
                               "%sloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n"
                               "_atom_site_fract_z\n_atom_site_occupancy\n",
                               head);
    for (int i = 0; i < 100; i++) n += (size_t)sprintf(text + n, "Fe%d 0.%03d 0 0.9999999 %s\n", i, 10 * i, iron);
    n += (size_t)sprintf(text + n, "Ni1 0.99 1 0.0000001 0.4\n");
    return rcr_cif_parse(out, "x", text, n, err);
}

static void different_elements_meet_among_many_sites(void **state) {
    (void)state;
    rcr_crystal *crystal = NULL;
    rcr_error err;
    assert_int_equal(parse_row(&crystal, "1", &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "sites Fe99 and Ni1"));
    assert_int_equal(err.line, 111);
    assert_int_equal(parse_row(&crystal, "0.5", &err), RCR_OK);
    assert_int_equal(crystal->n_sites, 100);
    assert_string_equal(species_text(crystal, 0), "Fe0.5,vacant0.5");
    assert_string_equal(species_text(crystal, 99), "Fe0.5,Ni0.4,vacant0.1");
    rcr_crystal_free(crystal);
}

static void too_many_operations_are_refused(void **state) {
    (void)state;
    char *text = malloc(1 << 16);
    size_t n = (size_t)sprintf(text, "%sloop_\n_symmetry_equiv_pos_as_xyz\n", head);
    for (int i = 0; i < 2049; i++) n += (size_t)sprintf(text + n, "x,y,z\n");
    n += (size_t)sprintf(text + n, "loop_ _atom_site_label _atom_site_fract_x _atom_site_fract_y _atom_site_fract_z\n"
                                   "Fe1 0 0 0\n");
    rcr_crystal *crystal = NULL;
    rcr_error err;
    assert_int_equal(rcr_cif_parse(&crystal, "x", text, n, &err), RCR_ERR_LIMIT);
    assert_non_null(strstr(err.message, "2048"));
    assert_int_equal(err.line, 2055);
    free(text);
}

/* Where there are more operations than a space group has, images are told apart by a table; each operation twice must
 * give what each once does, on special positions and near them. */
static void many_operations_do_as_few_do(void **state) {
    (void)state;
    static const char *const centrings[] = {"", "+1/2", "+1/2", "+1/2"};
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    char *text = malloc(1 << 16);
    rcr_crystal *crystal[2];
    for (int twice = 0; twice < 2; twice++) {
        size_t n = (size_t)sprintf(text, "%sloop_\n_symmetry_equiv_pos_as_xyz\n", head);
        for (int k = 0; k < 192 * (1 + twice); k++) {
            int sign = k % 8, order = k / 8 % 6, centring = k / 48 % 4;
            for (int i = 0; i < 3; i++)
                n += (size_t)sprintf(text + n, "%s%c%c%s", i > 0 ? "," : "", sign >> i & 1 ? '-' : '+',
                                     'x' + orders[order][i],
                                     centring > 0 && centring != i + 1 ? centrings[centring] : "");
            n += (size_t)sprintf(text + n, "\n");
        }
        n += (size_t)sprintf(text + n,
                             "loop_ _atom_site_label _atom_site_fract_x _atom_site_fract_y _atom_site_fract_z\n"
                             "Fe1 .25 .2501 .2499\nFe2 .1 .2 .31\nFe3 0 0.001 .12\nFe4 .3 .3001 .07\n");
        rcr_error err;
        if (rcr_cif_parse(&crystal[twice], "x", text, n, &err) != RCR_OK) fail_msg("%s", err.message);
    }
    assert_int_equal(crystal[0]->n_sites, 8 + 192 + 24 + 96);
    assert_int_equal(crystal[1]->n_sites, crystal[0]->n_sites);
    for (int32_t i = 0; i < 3 * crystal[0]->n_sites; i++)
        assert_true(distance_1d(crystal[1]->frac[i / 3][i % 3], crystal[0]->frac[i / 3][i % 3]) < 1e-15);
    for (int k = 0; k < 2; k++) rcr_crystal_free(crystal[k]);
    free(text);
}

/* Thousands of sites, each with 2048 images; comparing all pairs of them took minutes. */
static void most_operations_on_many_sites(void **state) {
    (void)state;
    enum { N = 2000 };
    char *text = malloc(1 << 18);
    size_t n = (size_t)sprintf(text, "%sloop_\n_symmetry_equiv_pos_as_xyz\n", head);
    for (int k = 0; k < 2048; k++)
        n += (size_t)sprintf(text + n, "x+%d/16,y+%d/16,z+%d/8\n", k % 16, k / 16 % 16, k / 256);
    n += (size_t)sprintf(text + n, "loop_ _atom_site_label _atom_site_fract_x _atom_site_fract_y _atom_site_fract_z\n");
    for (int k = 0; k < N; k++) /* all of them images of the first */
        n += (size_t)sprintf(text + n, "Fe%d %d/16 %d/16 %d/8\n", k, k % 16, k / 16 % 16, k / 256);
    rcr_crystal *crystal;
    rcr_error err;
    if (rcr_cif_parse(&crystal, "x", text, n, &err) != RCR_OK) fail_msg("%s", err.message);
    assert_int_equal(crystal->n_sites, 2048);
    rcr_crystal_free(crystal);
    free(text);
}

/* The element of a site with this label and type, `formula` being the file's; -1: several are named, -2: a
 * group of atoms, 0: another error. */
static int element_of(const char *label, const char *type, const char *formula) {
    char text[1024];
    rcr_crystal *crystal = NULL;
    rcr_error err;
    snprintf(text, sizeof text,
             "%s_chemical_formula_sum '%s'\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n"
             "_atom_site_fract_y\n_atom_site_fract_z\n\"%s\" \"%s\" 0 0 0\n",
             head, formula, label, type);
    rcr_status status = rcr_cif_parse(&crystal, "x", text, strlen(text), &err);
    int element = status == RCR_OK ? crystal->atomic_number[0] : 0;
    if (status != RCR_OK && strstr(err.message, "several elements") != NULL) element = -1;
    if (status != RCR_OK && strstr(err.message, "a group of atoms") != NULL) element = -2;
    rcr_crystal_free(crystal);
    return element;
}

/* Read as the first of them, an alloy would be a pure element. */
static void names_of_several_elements_are_refused(void **state) {
    (void)state;
    static const char *const several[] = {"Si0.5Al0.5", "Ga0.3In0.7", "Fe+Co",  "Fe Co",     "Fe:Co", "Fe-Co",
                                          "Fe|Co",      "Fe & Co",    "FE+CO",  "fe co",     "Fe,O",  "V0.5W0.5",
                                          "Na1K1",      "Fe3+Co2+",   "Fe;Co3", "Fe0.5CoNi", "O-F"};
    for (size_t i = 0; i < sizeof several / sizeof *several; i++)
        if (element_of("x", several[i], "?") != -1) fail_msg("the type %s is read", several[i]);
    static const struct {
        const char *type;
        int element;
    } one[] = {{"Fe3+", 26},   {"O2-", 8},     {"CA", 20}, {"Siva", 14}, {"FeIII", 26}, {"Fe3+ HS", 26},
               {"Fe3+LS", 26}, {"C1B", 6},     {"D", 1},   {"Fe+3", 26}, {"Fe-Fe", 26}, {"C13", 6},
               {"H-2", 1},     {"Fe oct", 26}, {"O1W", 8}, {"Cu2+.", 29}};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        if (element_of("x", one[i].type, "?") != one[i].element) fail_msg("the type %s is not read", one[i].type);
    static const struct {
        const char *label, *formula;
        int element;
    } labels[] = {{"SiAl1", "?", -1},    {"NaK1", "?", -1},      {"KNa1", "?", -1},      {"Si0.5Al0.5", "?", -1},
                  {"Fe+Co", "?", -1},    {"Fe Co", "?", -1},     {"SiAl1", "Si Al", -1}, {"SiAl1", "Si O2", 14},
                  {"NaK1", "Na Cl", 11}, {"FeM1", "?", 26},      {"CaM2", "?", 20},      {"C1B", "C B", 6},
                  {"OCo", "Co O", 8},    {"AlO1", "Al2 O3", 13}, {"Fe2A", "?", 26},      {"FeB", "?", 26},
                  {"N1Ca", "Ca N", 7},   {"AlY", "Al2 O3", 13},  {"CA", "Ca O", 20},     {"Cl1P", "Cl P", 17},
                  {"FeSite", "?", 26},   {"Si1/Al1", "?", -1},   {"Fe,O", "?", -1},      {"T1", "H Al", 0},
                  {"T", "H Al", 0},      {"t2a", "H Al", 0},     {"T1", "?", 0},         {"TA1", "?", 0},
                  {"TB1", "Al H", 0},    {"TI1", "Ti H", 22},    {"Ti1", "Ti H", 22},    {"Ti1", "Al H", 22},
                  {"ti1", "?", 22},      {"D1", "H2 O", 1},      {"D1", "?", 1},         {"D1", "Al O", 0},
                  {"Dy1", "Dy H", 66}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        int element = element_of(labels[i].label, "?", labels[i].formula);
        if (element != labels[i].element) fail_msg("the label %s: %d", labels[i].label, element);
    }
}

/* Read as an element, an ammonium would be nihonium, and a water molecule one hydrogen. */
static void types_that_name_groups_are_refused(void **state) {
    (void)state;
    static const char *const groups[] = {"NH4",   "NH4+", "NH4+1", "nh4", "CN",  "CN-", "NO3", "NO3-", "CF3",
                                         "BH4-",  "PO4",  "CO3",   "CO2", "co3", "HO2", "HF2", "CD3",  "PO43-",
                                         "CO32-", "CO3-", "ND4+",  "H2O", "D2O", "h2o", "H3O", "H3O+", "AM3+"};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (element_of("x", groups[i], "C N O P H") != -2 || element_of("x", groups[i], "?") != -2)
            fail_msg("the type %s is read", groups[i]);
    static const struct {
        const char *type, *formula;
        int element;
    } one[] = {
        {"CO", "?", 27},     {"CO3+", "?", 27}, {"CO2.5+", "?", 27},   {"CO+3", "?", 27}, {"CO1", "?", 27},
        {"CO2", "Co O", 27}, {"ND3+", "?", 60}, {"PO", "?", 84},       {"HF4+", "?", 72}, {"HO", "?", 67},
        {"FE", "?", 26},     {"CL1-", "?", 17}, {"NA+", "?", 11},      {"CU2", "?", 29},  {"SI4", "?", 14},
        {"Am", "?", 95},     {"No", "?", 102},  {"AM3+", "Am O2", 95}, {"Co3", "?", 27},  {"H1B", "?", 1},
        {"H2S", "?", 1},     {"H1O", "?", 1},   {"H12O", "?", 1},      {"D1", "?", 1},    {"NI2", "?", 28},
    };
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        if (element_of("x", one[i].type, one[i].formula) != one[i].element)
            fail_msg("the type %s: %d", one[i].type, element_of("x", one[i].type, one[i].formula));
}

/* The element of the first row of these, each a label, coordinates and an occupancy; -1: refused. */
static int element_of_part(const char *formula, const char *rows) {
    char text[1024];
    rcr_crystal *crystal = NULL;
    rcr_error err;
    snprintf(text, sizeof text,
             "%s_chemical_formula_sum '%s'\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n"
             "_atom_site_fract_z\n_atom_site_occupancy\n%s\n",
             head, formula, rows);
    if (rcr_cif_parse(&crystal, "x", text, strlen(text), &err) == RCR_OK) {
        int element = crystal->atomic_number[0];
        for (int32_t k = 0; crystal->species_offset != NULL && k < crystal->species_offset[1]; k++)
            if (crystal->species_occupancy[k] < 0.5) element = crystal->species_number[k];
        rcr_crystal_free(crystal);
        return element;
    }
    if (strstr(err.message, "an element that the formula lacks, or that of its first letter") == NULL)
        fail_msg("%s", err.message);
    return -1;
}

/* A formula that is rounded says nothing of what is there in traces. */
static void traces_are_no_atoms_of_their_first_letter(void **state) {
    (void)state;
    static const struct {
        const char *formula, *rows;
        int element;
    } cases[] = {
        {"Mg C O3", "Ca1 0 0 0 0.03\nMg1 0 0 0 0.97\nC1 .5 .5 .5 1", 20},
        {"Mg C O3", "Mg1 0 0 0 0.97\nCa1 0 0 0 0.03\nC1 .5 .5 .5 1", 20},
        {"Ru O2", "Os1 0.1 0.2 0.3 .03(1)\nRu1 .1 .2 .3 0.97", 76},
        {"Zr Si O4 H", "Hf1 0 0 0 .01\nZr1 0 0 0 .99", 72},
        {"Fe S2", "Sc1 0.1 0 0 0.03\nFe1 0 0 0 .97", -1}, /* on a place of its own: or an S so called? */
        {"C4 O", "Cs1 0.1 0 0 0.5\nC1 0 0 0 1", -1},      /* a solvent's carbon? */
        {"C4 O", "Os1 0.1 0 0 0.5\nC1 .1 0 0 .5", -1},
        {"C4 N Na", "Ca 0.1 0 0 1\nC1 0 0 0 1", 6},   /* C-alpha */
        {"H2 O", "Ho1 0.1 0 0 .5\nO1 0 0 0 1", 1},    /* half a hydrogen on an O */
        {"Ca C O3", "Ca1 0 0 0 .3\nC1 .5 0 0 1", 20}, /* the formula has it */
        {"?", "Ca1 0 0 0 .3\nC1 .5 0 0 1", 20},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int element = element_of_part(cases[i].formula, cases[i].rows);
        if (element != cases[i].element) fail_msg("%s: %d", cases[i].rows, element);
    }
}

/* A fault in a block without a structure is passed over; the first block with one decides. */
static void empty_and_odd_texts_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "\n",
                                        "data_",
                                        "loop_",
                                        "loop_ 1 2 3",
                                        "_cell_length_a",
                                        "'",
                                        ";",
                                        "\n;\n",
                                        "data_x loop_ _atom_site_fract_x",
                                        "#",
                                        "_",
                                        "save_ global_ stop_ data_"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rcr_crystal *crystal = NULL;
        rcr_error err;
        rcr_status status = rcr_cif_parse(&crystal, "x", texts[i], strlen(texts[i]), &err);
        assert_true(status == RCR_ERR_DATA || status == RCR_ERR_PARSE);
        assert_int_equal(rcr_cif_parse(&crystal, "x", texts[i], strlen(texts[i]), NULL), status);
    }
}

/* Lines are not counted from the begin for each of them: that would take minutes here. */
static void a_text_full_of_faults_is_read_in_one_pass(void **state) {
    (void)state;
    enum { N = 200000 };
    static const char *const items[] = {"_cell_length_a x\n", "data_y\n_cell_length_b x\n",
                                        "loop_\n_symmetry_equiv_pos_as_xyz\nx,y\n"};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        size_t length = strlen(items[i]);
        char *text = malloc(N * length), *p = text;
        assert_non_null(text);
        for (int k = 0; k < N; k++, p += length) memcpy(p, items[i], length);
        rcr_crystal *crystal = NULL;
        rcr_error err;
        assert_int_equal(rcr_cif_parse(&crystal, "x", text, N * length, &err), RCR_ERR_DATA);
        free(text);
    }
    /* The first fault is told, with its line, also where later ones were looked at. */
    rcr_crystal *crystal = NULL;
    rcr_error err;
    static const char site[] = "data_x\n_cell_length_a 4\n_cell_length_b 4\r\n_cell_length_c 4\rloop_\n"
                               "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
                               "Fe 0 0 z\n_cell_angle_alpha x\n";
    assert_int_equal(rcr_cif_parse(&crystal, "x", site, strlen(site), &err), RCR_ERR_PARSE);
    assert_int_equal(err.line, 10);
    assert_non_null(strstr(err.message, "'z'"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_give_their_sites),
        cmocka_unit_test(bad_files_say_what_and_where),
        cmocka_unit_test(uncertainties_are_left_out_of_the_cell),
        cmocka_unit_test(many_sites_merge_as_few_do),
        cmocka_unit_test(different_elements_meet_among_many_sites),
        cmocka_unit_test(too_many_operations_are_refused),
        cmocka_unit_test(many_operations_do_as_few_do),
        cmocka_unit_test(most_operations_on_many_sites),
        cmocka_unit_test(names_of_several_elements_are_refused),
        cmocka_unit_test(types_that_name_groups_are_refused),
        cmocka_unit_test(traces_are_no_atoms_of_their_first_letter),
        cmocka_unit_test(empty_and_odd_texts_are_refused),
        cmocka_unit_test(a_text_full_of_faults_is_read_in_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
