/* FHI-aims' geometry.in.  Expectations are worked out by hand. */
#include "io/sites.h"

#include "io/aims.h"

static rcr_status parse(rcr_crystal **out, const char *text, rcr_error *err) {
    return rcr_aims_parse(out, "x", text, strlen(text), err);
}

#define CELL "lattice_vector 4 0 0\nlattice_vector 0 4 0\nlattice_vector 2 0 5\n"

static const struct {
    const char *name, *text, *lattice, *sites;
} good[] = {
    {"both kinds of atoms", "# zinc blende\n" CELL "atom_frac 0 0 .5 Zn\natom 1 1 0 S\n", "4 0 0 0 4 0 2 0 5",
     "Zn 0 0 .5; S .25 .25 0"},
    {"the cell after the atoms", "atom 3 2 2.5 Fe\n" CELL, "4 0 0 0 4 0 2 0 5", "Fe .5 .5 .5"},
    {"other keywords, remarks, ghosts",
     "  set_vacuum_level 10\n" CELL "\tconstrain_relaxation .true.\natom_frac .25 0 0 Fe_up # first\n"
     "  initial_moment 2.5\n  velocity 1 2 3\nempty 0 0 0 Fe\natom_frac 0 0 0 O2 \n#atom 0 0 0 H\n"
     "symmetry_n_params 2 1 1\nsymmetry_lv a , 0 , 0\n",
     "4 0 0 0 4 0 2 0 5", "Fe .25 0 0; O 0 0 0"},
    {"case, CRLF, Fortran's numbers, D",
     "Lattice_Vector 4.0D0 0 0\r\nlattice_vector 0 4 0\r\nlattice_vector 2 0 5\r\nATOM 2.0d+00 0 0 D\r\n",
     "4 0 0 0 4 0 2 0 5", "H .5 0 0"},
};

static void every_variant_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        rcr_crystal *crystal;
        rcr_error err;
        if (parse(&crystal, good[i].text, &err) != RCR_OK)
            fail_msg("%s: line %ld: %s", good[i].name, err.line, err.message);
        check_lattice(crystal, good[i].name, good[i].lattice);
        check_site_list(crystal, good[i].name, good[i].sites);
        assert_string_equal(crystal->id, "x");
        rcr_crystal_free(crystal);
        if (!rcr_aims_looks_like(good[i].text, strlen(good[i].text))) fail_msg("%s: not seen", good[i].name);
    }
}

static const bad_text bad[] = {
    {"", RCR_ERR_DATA, 0, "not periodic"},
    {"atom 0 0 0 O\natom 0 0 1 H\n", RCR_ERR_DATA, 0, "not periodic and no crystal"},
    {"lattice_vector 1 0 0\nlattice_vector 0 1 0\natom 0 0 0 O\n", RCR_ERR_DATA, 0, "2 lattice_vector, not three"},
    {CELL CELL "atom 0 0 0 O\n", RCR_ERR_PARSE, 4, "fourth"},
    {"lattice_vector 1 0\n", RCR_ERR_PARSE, 1, "three numbers"},
    {CELL "atom 0 0\n", RCR_ERR_PARSE, 4, "not three numbers"},
    {CELL "atom 0 0 0 # O\n", RCR_ERR_PARSE, 4, "no species"},
    {CELL "\natom_frac 0 0 0 Xx\n", RCR_ERR_UNSUPPORTED, 5, "'Xx'"},
    {CELL "atom_frac 0 0 0 Oxygen\n", RCR_ERR_UNSUPPORTED, 4, "'Oxygen'"},
    {CELL, RCR_ERR_DATA, 0, "no sites"},
    {"lattice_vector 1 0 0\nlattice_vector 0 1 0\nlattice_vector 1 1 0\natom 0 0 0 O\n", RCR_ERR_DATA, 0, "no volume"},
};

static void faults_say_what_and_where(void **state) {
    (void)state;
    check_bad_texts(bad, sizeof bad / sizeof *bad, parse);
}

static void other_texts_do_not_look_like_one(void **state) {
    (void)state;
    static const char *const texts[] = {
        "", "# only remarks\n", "atom\n", "atoms 0 0 0\n", "lattice_vector a b c\n", ("hello\n" CELL)};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (rcr_aims_looks_like(texts[i], strlen(texts[i]))) fail_msg("text %zu", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_is_read),
        cmocka_unit_test(faults_say_what_and_where),
        cmocka_unit_test(other_texts_do_not_look_like_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
