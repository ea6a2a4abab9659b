/* Which setting of its space group a CIF without operations is in, by what it says of it. */
#include "support/check.h"

#include <math.h>

#include "io/cif.h"
#include "io/symmetry.h"

/* A block with these lines, a cell and one site in a general position. */
static rcr_status parse(rcr_crystal **out, const char *cell, const char *lines, rcr_error *err) {
    char text[2048];
    int n = snprintf(text, sizeof text,
                     "data_x\n%s\n_cell_length_a %.3s\n_cell_length_b %.3s\n_cell_length_c %.3s\n_cell_angle_beta %s\n"
                     "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
                     "Fe1 .1 .2 .3\n",
                     lines, cell, cell + 4, cell + 8, cell + 12);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return rcr_cif_parse(out, "x", text, (size_t)n, err);
}

static const char monoclinic[] = "7.1 8.2 9.3 97", orthorhombic[] = "7.1 8.2 9.3 90", cubic[] = "9.1 9.1 9.1 90",
                  hexagonal[] = "7.1 7.1 9.3 90";

typedef struct setting_case {
    const char *cell, *lines;
    const char *place; /* of one image that no other setting has */
    int n;             /* of images */
} setting_case;

#define P21N ".4 .7 .2" /* 1/2 - x, 1/2 + y, 1/2 - z */
#define P21C ".9 .7 .2" /* -x, 1/2 + y, 1/2 - z */
#define P21A ".4 .7 .7"

static const setting_case settings[] = {
    /* The symbol of the file's setting counts, wherever that of the reference setting stands. */
    {monoclinic, "_space_group_name_H-M_ref 'P 1 21/c 1'\n_space_group_name_H-M_alt 'P 1 21/n 1'", P21N, 4},
    {monoclinic, "_space_group_name_H-M_alt 'P 1 21/n 1'\n_space_group_name_H-M_ref 'P 1 21/c 1'", P21N, 4},
    {monoclinic, "_space_group.name_H-M_ref 'P 1 21/c 1'\n_symmetry_space_group_name_H-M 'P 1 21/a 1'", P21A, 4},
    {monoclinic, "_space_group_name_H-M_alt ?\n_space_group_name_H-M_ref 'P 1 21/c 1'", P21C, 4},
    {monoclinic, "_space_group_name_H-M_ref 'P 1 21/c 1'\n_space_group_IT_coordinate_system_code b2", P21N, 4},
    /* The code of the setting with the number. */
    {monoclinic, "_space_group_IT_number 14", P21C, 4},
    {monoclinic, "_space_group_IT_number 14\n_space_group_IT_coordinate_system_code b1", P21C, 4},
    {monoclinic, "_space_group_IT_number 14\n_space_group.IT_coordinate_system_code b2", P21N, 4},
    {monoclinic, "_space_group_IT_coordinate_system_code B3\n_space_group_IT_number 14", P21A, 4},
    {monoclinic, "_space_group_IT_coordinate_system_code b1\n_space_group_IT_number 4", ".9 .7 .7", 2},
    {orthorhombic, "_space_group_IT_number 62\n_space_group_IT_coordinate_system_code abc", ".6 .3 .2", 8}, /* n 21 */
    {orthorhombic, "_space_group_IT_number 62\n_space_group_IT_coordinate_system_code cab", ".4 .7 .3", 8}, /* b 1 1 */
    {orthorhombic, "_space_group_IT_number 17\n_space_group_IT_coordinate_system_code -cba", ".6 .8 .7",
     4}, /* 21 1 1 */
    {cubic, "_space_group_IT_number 227\n_space_group_IT_coordinate_system_code 2", ".9 .8 .7", 192},
    {cubic, "_space_group_name_H-M_alt 'F d -3 m'\n_space_group_IT_coordinate_system_code 2", ".9 .8 .7", 192},
    {cubic, "_space_group_IT_number 225\n_space_group_IT_coordinate_system_code 1", ".9 .8 .7", 96},
    /* A symbol that no table has, beside a number of which one setting has its lattice and fits; a remark behind it. */
    {hexagonal, "_cell_angle_gamma 120\n_symmetry_space_group_name_H-M 'P 3 m'\n_symmetry_Int_Tables_number 156",
     ".8 .9 .3", 3},
    {hexagonal, "_cell_angle_gamma 120\n_symmetry_space_group_name_H-M 'H 3'\n_symmetry_Int_Tables_number 146",
     ".8 .9 .3", 9},
    {monoclinic, "_symmetry_space_group_name_H-M 'P 1 2_2 1'\n_symmetry_Int_Tables_number 4", ".9 .7 .7", 2},
    {orthorhombic, "_symmetry_space_group_name_H-M 'P 1 2_2 1'\n_symmetry_Int_Tables_number 4", ".9 .7 .7", 2},
    {orthorhombic, "_symmetry_space_group_name_H-M 'P 1 1 2_2'\n_symmetry_Int_Tables_number 4", ".9 .8 .8", 2},
    {monoclinic, "_symmetry_space_group_name_H-M 'P 21/n (No. 14)'\n_symmetry_Int_Tables_number 14", P21N, 4},
    /* CCP4's names of groups with another origin, alone and beside the number. */
    {orthorhombic, "_symmetry_space_group_name_H-M 'C 2 2 2a'", ".4 .2 .7", 8},
    {orthorhombic, "_symmetry_space_group_name_H-M 'C 2 2 2a'\n_symmetry_Int_Tables_number 21", ".4 .2 .7", 8},
    {orthorhombic, "_symmetry_space_group_name_H-M 'F 2 2 2a'\n_symmetry_Int_Tables_number 22", ".1 .3 .7", 16},
    {orthorhombic, "_symmetry_space_group_name_H-M 'I 2 2 2a'\n_symmetry_Int_Tables_number 23", ".4 .2 .2", 8},
    {orthorhombic, "_symmetry_space_group_name_H-M 'C 2 2 21a)'\n_symmetry_Int_Tables_number 20", ".9 .3 .8", 8},
    {orthorhombic, "_symmetry_space_group_name_H-M 'P 21 21 2 (a)'\n_symmetry_Int_Tables_number 18", ".9 .7 .7", 4},
    {cubic, "_symmetry_space_group_name_H-M 'P 42 21 2a'\n_symmetry_Int_Tables_number 94", ".2 .1 .2", 8},
    {cubic, "_symmetry_space_group_name_H-M 'I 2 3a'\n_symmetry_Int_Tables_number 197", ".2 .1 .3", 24},
    /* The Hall symbol of a setting that differs from the reference setting. */
    {monoclinic, "_space_group_name_H-M_ref 'C 1 2/c 1'\n_space_group_name_Hall '-I 2ya'\n_space_group_IT_number 15",
     ".6 .8 .3", 8},
    {monoclinic, "_space_group_name_H-M_alt 'F 1 2/m 1'\n_space_group_name_Hall '-F 2y'\n_space_group_IT_number 12",
     ".6 .2 .8", 16},
    /* One group more, whose operations beside time reversal are the identity alone. */
    {monoclinic, "_space_group_magn.number_BNS 1.1", ".1 .2 .3", 1},
    {monoclinic, "_space_group_magn.name_BNS \"P 1\"", ".1 .2 .3", 1},
};

static int has_place(const rcr_crystal *crystal, const char *place) {
    double want[3];
    assert_int_equal(sscanf(place, "%lf %lf %lf", &want[0], &want[1], &want[2]), 3);
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        double most = 0;
        for (int k = 0; k < 3; k++) {
            double d = crystal->frac[i][k] - want[k];
            most = check_worse(most, fabs(d - round(d)));
        }
        if (most < 1e-9) return 1;
    }
    return 0;
}

static void what_a_file_says_of_its_setting_counts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const setting_case *s = &settings[i];
        rcr_crystal *crystal;
        rcr_error err;
        if (parse(&crystal, s->cell, s->lines, &err) != RCR_OK) fail_msg("%s: %s", s->lines, err.message);
        if (crystal->n_sites != s->n || !has_place(crystal, s->place))
            fail_msg("%s: %d sites, none at %s", s->lines, (int)crystal->n_sites, s->place);
        rcr_crystal_free(crystal);
    }
}

static void what_is_not_understood_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        rcr_status status;
        const char *message;
    } bad[] = {
        {"_space_group_IT_number 14\n_space_group_IT_coordinate_system_code b7", RCR_ERR_UNSUPPORTED,
         "'14' does not have the setting 'b7'"},
        {"_space_group_IT_number 14\n_space_group_IT_coordinate_system_code b", RCR_ERR_UNSUPPORTED, "does not have"},
        {"_space_group_name_H-M_alt 'P 1 21/c 1'\n_space_group_IT_coordinate_system_code b2", RCR_ERR_DATA,
         "'P 1 21/c 1' is not in the setting 'b2'"},
        /* The number alone would make each of these another structure. */
        {"_space_group_IT_number 15\n_space_group_name_H-M_alt 'F 1 2/d 1'", RCR_ERR_UNSUPPORTED, "'F 1 2/d 1' is not"},
        {"_space_group_IT_number 14\n_space_group_name_H-M_alt 'Xyz'", RCR_ERR_UNSUPPORTED, "'Xyz' is not known"},
        {"_space_group_IT_number 14\n_space_group_name_H-M_alt 'B 21/c'", RCR_ERR_UNSUPPORTED, "'B 21/c' is not known"},
        {"_space_group_IT_number 14\n_space_group_name_H-M_alt 'P 21/x'", RCR_ERR_UNSUPPORTED, "'P 21/x' is not known"},
        {"_space_group_IT_number 4\n_space_group_name_H-M_alt 'P 1 1 2_2'", RCR_ERR_UNSUPPORTED, "'P 1 1 2_2' is not"},
        /* Names of groups of other sizes. */
        {"_space_group_name_H-M_alt 'P m -3 m'\n_space_group_name_Hall '-F 4 2 3'", RCR_ERR_DATA,
         "'-F 4 2 3' and 'P m -3 m', both of which the file gives, are not the same"},
        {"_space_group_IT_number 14\n_space_group_name_Hall 'P 2yb'", RCR_ERR_DATA, "'P 2yb' and '14'"},
        {"_space_group_name_H-M_alt 'C -1'\n_space_group_name_Hall '-P 1'", RCR_ERR_DATA, "'-P 1' and 'C -1'"},
        {"_space_group_IT_number 5\n_space_group_name_H-M_alt 'F 1 2/m 1'", RCR_ERR_DATA, "'F 1 2/m 1' and '5'"},
        {"_space_group_IT_number 17\n_space_group_name_H-M_alt 'C 2 2 2a'", RCR_ERR_DATA, "'C 2 2 2a' and '17'"},
        {"\n_space_group_IT_coordinate_system_code b2", RCR_ERR_UNSUPPORTED, "'b2' is not known"},
        {"\n_space_group_magn.name_BNS \"P2_1/c'\"", RCR_ERR_UNSUPPORTED, "'P2_1/c'' can't be used without"},
        {"\n_space_group_magn.number_BNS 14.75", RCR_ERR_UNSUPPORTED, "'14.75' can't be used without its operations"},
        {"\nloop_ _space_group_symop_magn_centering.xyz x,y,z,+1 x+1/2,y,z,-1", RCR_ERR_UNSUPPORTED, "can't be used"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rcr_crystal *crystal = NULL;
        rcr_error err;
        rcr_status status = parse(&crystal, monoclinic, bad[i].lines, &err);
        if (status != bad[i].status || strstr(err.message, bad[i].message) == NULL)
            fail_msg("%s: %s: %s", bad[i].lines, rcr_status_name(status), status != RCR_OK ? err.message : "");
        assert_int_equal(err.line, 3);
        assert_null(crystal);
    }
}

/* What a number is taken for must also have the multiplicities of the file. */
static void a_guess_has_the_multiplicities(void **state) {
    (void)state;
    for (int multiplicity = 5; multiplicity <= 6; multiplicity++) {
        char text[512];
        rcr_crystal *crystal = NULL;
        rcr_error err;
        int n = snprintf(text, sizeof text,
                         "data_x\n_cell_length_a 7\n_cell_length_b 7\n_cell_length_c 9\n_cell_angle_gamma 120\n"
                         "_symmetry_space_group_name_H-M 'P 3 m'\n_symmetry_Int_Tables_number 156\n"
                         "loop_\n_atom_site_label\n_atom_site_symmetry_multiplicity\n_atom_site_fract_x\n"
                         "_atom_site_fract_y\n_atom_site_fract_z\nFe1 %d .1 .25 .3\n",
                         multiplicity);
        rcr_status status = rcr_cif_parse(&crystal, "x", text, (size_t)n, &err);
        assert_int_equal(status, multiplicity == 6 ? RCR_OK : RCR_ERR_UNSUPPORTED);
        rcr_crystal_free(crystal);
    }
}

/* Codes as the International Tables write them, for types whose orders of axes differ or not. */
static void codes_of_settings(void **state) {
    (void)state;
    static const struct {
        int number;
        const char *code;
        int n;
    } some[] = {{1, "abc", 1},  {14, "b1", 1},   {14, "-b1", 0}, {15, "-b1", 1}, {15, "-c3", 1},  {3, "-b1", 1},
                {61, "abc", 1}, {61, "-cba", 1}, {61, "bca", 1}, {48, "abc", 2}, {48, "1abc", 1}, {50, "2ba-c", 1},
                {68, "cab", 2}, {68, "2cab", 1}, {166, "h", 1},  {166, "R", 1},  {166, "b1", 0},  {221, "1", 1},
                {227, "x", 0},  {62, "ab", 0},   {231, "abc", 0}};
    int setting[RCR_MAX_SETTINGS], other[RCR_MAX_SETTINGS];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int n = rcr_symmetry_settings_of_code(setting, some[i].number, some[i].code, strlen(some[i].code));
        if (n != some[i].n) fail_msg("%d %s: %d settings", some[i].number, some[i].code, n);
    }
    /* P b c a and P c a b: every second order of the axes is the same. */
    rcr_symmetry_settings_of_code(setting, 61, "-cba", 4);
    rcr_symmetry_settings_of_code(other, 61, "ba-c", 4);
    assert_int_equal(setting[0], other[0]);
    rcr_symmetry_settings_of_code(other, 61, "cab", 3);
    assert_int_not_equal(setting[0], other[0]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_file_says_of_its_setting_counts),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(a_guess_has_the_multiplicities),
        cmocka_unit_test(codes_of_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
