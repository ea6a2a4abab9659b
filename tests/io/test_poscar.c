/* POSCAR and CONTCAR: every variant that VASP and other programs write, and faults.  Expectations are worked out by
 * hand. */
#include "io/sites.h"

#include "io/poscar.h"

static rcr_status parse(rcr_crystal **out, const char *text, rcr_error *err) {
    return rcr_poscar_parse(out, "x", text, strlen(text), err);
}

/* Eight symbols on two lines, counts likewise, and their sites. */
#define MANY_HEAD "many\n1\n4 0 0\n0 4 0\n0 0 4\n"
#define MANY_SITES "0 0 0\n.5 0 0\n0 .5 0\n0 0 .5\n"

static const struct {
    const char *name, *text, *lattice, *sites;
} good[] = {
    {"VASP 5, direct", "rock salt\n1.0\n4 0 0\n0 4 0\n0 0 5\nNa Cl\n1 2\nDirect\n0 0 0\n.5 .5 .5\n0.25 -0.25 1.5\n",
     "4 0 0 0 4 0 0 0 5", "Na 0 0 0; Cl .5 .5 .5; Cl .25 -.25 1.5"},
    {"selective, Cartesian, scale",
     "c\n2.0\n2 0 0\n0 2 0\n0 0 2\nNa Cl\n1 1\nSelective dynamics\nCartesian\n0 0 0 T T F\n1 1 0.5 F F F\n",
     "4 0 0 0 4 0 0 0 4", "Na 0 0 0; Cl .5 .5 .25"},
    {"K is Cartesian too", "c\n1\n2 0 0\n0 2 0\n0 0 2\nNa\n1\nkartesisch\n1 0 0\n", "2 0 0 0 2 0 0 0 2", "Na .5 0 0"},
    {"negative scale: the volume", "c\n-64\n2 0 0\n0 2 0\n0 0 2\nNa\n1\nC\n1 0 0\n", "4 0 0 0 4 0 0 0 4", "Na .5 0 0"},
    {"negative scale, left-handed", "c\n-64\n0 2 0\n2 0 0\n0 0 2\nNa\n1\nD\n.5 0 0\n", "0 4 0 4 0 0 0 0 4",
     "Na .5 0 0"},
    {"three scales", "c\n1 2 3\n2 1 0\n0 2 0\n0 0 2\nNa\n1\nC\n1 .5 1\n", "2 2 0 0 4 0 0 0 6", "Na .5 0 .5"},
    {"a remark behind scale, counts and symbols",
     "c\n1.0 ! scale\n2 0 0 a\n0 2 0 b\n0 0 2\nNa Cl ! salt\n1 1 # one each\nDirect\n0 0 0 first\n.5 .5 .5 second\n",
     "2 0 0 0 2 0 0 0 2", "Na 0 0 0; Cl .5 .5 .5"},
    {"Fortran's numbers", "c\n0.1D+01\n.2d1 0.0D+00 0\n0 2.0E0 0\n0 0 2\nNa\n1\nDirect\n5.0D-01 0,0\n",
     "2 0 0 0 2 0 0 0 2", "Na .5 0 0"},
    {"CRLF, byte-order mark",
     "\xEF\xBB\xBF"
     "c\r\n1\r\n2 0 0\r\n0 2 0\r\n0 0 2\r\nNa\r\n1\r\nDirect\r\n0 0 .5\r\n",
     "2 0 0 0 2 0 0 0 2", "Na 0 0 .5"},
    {"CR alone", "c\r1\r2 0 0\r0 2 0\r0 0 2\rNa\r1\rDirect\r0 0 .5\r", "2 0 0 0 2 0 0 0 2", "Na 0 0 .5"},
    {"names of potentials",
     "c\n1\n2 0 0\n0 2 0\n0 0 2\n  Fe_pv O/1a2b3c Ti_sv_GW/00ff H1.25 H.75\n1 1 1 1 1\nD\n"
     "0 0 0\n.5 0 0\n0 .5 0\n0 0 .5\n.5 .5 0\n",
     "2 0 0 0 2 0 0 0 2", "Fe 0 0 0; O .5 0 0; Ti 0 .5 0; H 0 0 .5; H .5 .5 0"},
    {"an element twice, one not at all", "c\n1\n2 0 0\n0 2 0\n0 0 2\nFe O N Fe\n1 1 0 1\nD\n0 0 0\n.5 0 0\n0 .5 0\n",
     "2 0 0 0 2 0 0 0 2", "Fe 0 0 0; O .5 0 0; Fe 0 .5 0"},
    {"symbols and counts on several lines", MANY_HEAD "Fe O\nFe S\n1 1\n1\n1\nDirect\n" MANY_SITES, "4 0 0 0 4 0 0 0 4",
     "Fe 0 0 0; O .5 0 0; Fe 0 .5 0; S 0 0 .5"},
    {"velocities and predictor",
     "c\n1\n2 0 0\n0 2 0\n0 0 2\nNa Cl\n1 1\nDirect\n0 0 0\n.5 .5 .5\n\n  0.1 0.2 0.3\n 0 0 "
     "0\n\n1\n0.5\n 1 2 3 4\n",
     "2 0 0 0 2 0 0 0 2", "Na 0 0 0; Cl .5 .5 .5"},
    {"lattice velocities",
     "c\n1\n2 0 0\n0 2 0\n0 0 2\nNa\n1\nDirect\n0 0 0\nLattice velocities and vectors\n1\n0 0 0\n", "2 0 0 0 2 0 0 0 2",
     "Na 0 0 0"},
    {"VASP 4, comment of symbols", "Na Cl ! salt\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\nDirect\n0 0 0\n.5 .5 .5\n",
     "2 0 0 0 2 0 0 0 2", "Na 0 0 0; Cl .5 .5 .5"},
    {"VASP 4, comment is a formula",
     "Fe2O3_hematite\n1\n2 0 0\n0 2 0\n0 0 2\n2 3\nD\n0 0 0\n.5 0 0\n0 .5 0\n0 0 .5\n.5 "
     ".5 .5\n",
     "2 0 0 0 2 0 0 0 2", "Fe 0 0 0; Fe .5 0 0; O 0 .5 0; O 0 0 .5; O .5 .5 .5"},
    {"VASP 4, a formula in words", "Fe1 O1\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\nD\n0 0 0\n.5 0 0\n", "2 0 0 0 2 0 0 0 2",
     "Fe 0 0 0; O .5 0 0"},
    {"VASP 4, one kind", "Si8\n1\n2 0 0\n0 2 0\n0 0 2\n1\nD\n0 0 0\n", "2 0 0 0 2 0 0 0 2", "Si 0 0 0"},
    {"VASP 4, counts on two lines", "Na Cl K\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\n1\nD\n0 0 0\n.5 0 0\n0 0 .5\n",
     "2 0 0 0 2 0 0 0 2", "Na 0 0 0; Cl .5 0 0; K 0 0 .5"},
    {"VASP 4, symbols behind the positions", "remark\n1\n2 0 0\n0 2 0\n0 0 2\n2\nD\n0 0 0 Na\n.5 .5 .5 Cl\n",
     "2 0 0 0 2 0 0 0 2", "Na 0 0 0; Cl .5 .5 .5"},
    {"VASP 4, flags and symbols", "remark\n1\n2 0 0\n0 2 0\n0 0 2\n2\nSelective\nD\n0 0 0 T T T F\n.5 .5 .5 F F F Cl\n",
     "2 0 0 0 2 0 0 0 2", "F 0 0 0; Cl .5 .5 .5"},
    {"VASP 4, symbols behind win over the comment", "Na Cl\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\nD\n0 0 0 K\n.5 .5 .5 Br\n",
     "2 0 0 0 2 0 0 0 2", "K 0 0 0; Br .5 .5 .5"},
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
        if (!rcr_poscar_looks_like(good[i].text, strlen(good[i].text))) fail_msg("%s: not seen", good[i].name);
    }
}

#define CELL "c\n1\n2 0 0\n0 2 0\n0 0 2\n"

static const bad_text bad[] = {
    {"", RCR_ERR_PARSE, 0, "expected a comment"},
    {"c\n", RCR_ERR_PARSE, 1, "expected the scale factor"},
    {"c\none\n", RCR_ERR_PARSE, 2, "'one'"},
    {"c\n1 2\n", RCR_ERR_PARSE, 2, "one number, or three"},
    {"c\n1 2 3 4\n", RCR_ERR_PARSE, 2, "one number, or three"},
    {"c\n0\n", RCR_ERR_DATA, 2, "zero"},
    {"c\n1 -1 1\n", RCR_ERR_DATA, 2, "must be positive"},
    {"c\n1\n1 0 0\n0 1\n", RCR_ERR_PARSE, 4, "'0 1'"},
    {"c\n1\n1 0 0\n0 1 nan\n", RCR_ERR_PARSE, 4, "not three numbers"},
    {"c\n1\n1 0 0\n0 1 0\n", RCR_ERR_PARSE, 4, "three lattice vectors"},
    {"c\n-8\n1 0 0\n0 1 0\n0 0 0\n", RCR_ERR_DATA, 5, "no volume"},
    {"c\n1\n1 0 0\n0 1 0\n1 1 0\nNa\n1\nD\n0 0 0\n", RCR_ERR_DATA, 5, "no volume"},
    {CELL, RCR_ERR_PARSE, 5, "symbols or counts"},
    {CELL "\n1\n", RCR_ERR_PARSE, 6, "not a blank"},
    {CELL "Na Xx\n1 1\nD\n0 0 0\n0 0 0\n", RCR_ERR_UNSUPPORTED, 6, "'Xx'"},
    {CELL "Na\n", RCR_ERR_PARSE, 6, "expected counts"},
    {CELL "Na Cl\n1\nDirect\n0 0 0\n", RCR_ERR_PARSE, 8, "1 counts of atoms for 2 symbols"},
    {CELL "Na\n1 1\nDirect\n0 0 0\n", RCR_ERR_PARSE, 7, "more counts"},
    {CELL "Na\n1.5\nDirect\n0 0 0\n", RCR_ERR_PARSE, 7, "'1.5'"},
    {CELL "Na\n-1\nDirect\n0 0 0\n", RCR_ERR_PARSE, 7, "'-1'"},
    {CELL "Na\n1\n0 0 0\n", RCR_ERR_PARSE, 8, "expected \"Direct\""},
    {CELL "Na\n1\n", RCR_ERR_PARSE, 7, "\"Direct\" or \"Cartesian\""},
    {CELL "Na\n1\nSelective\n", RCR_ERR_PARSE, 8, "\"Direct\" or \"Cartesian\""},
    {CELL "Na\n2\nDirect\n0 0 0\n", RCR_ERR_PARSE, 9, "1 of 2 positions"},
    {CELL "Na\n2\nDirect\n0 0 0\n\n0 0 .5\n", RCR_ERR_PARSE, 10, "not three numbers"},
    {CELL "Na\n1\nDirect\n0 0 x\n", RCR_ERR_PARSE, 9, "'0 0 x'"},
    {CELL "Na\n0\nDirect\n", RCR_ERR_DATA, 0, "no sites"},
    {CELL "Na\n9000000\nDirect\n0 0 0\n", RCR_ERR_PARSE, 8, "do not fit"},
    {CELL "Na\n10000001\nDirect\n0 0 0\n", RCR_ERR_LIMIT, 7, "10000000"},
    {CELL "Na Na\n9999999 9999999\nDirect\n0 0 0\n", RCR_ERR_LIMIT, 7, "10000000"},
    /* VASP 4 without a word of what the elements are. */
    {"my crystal\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\nD\n0 0 0\n.5 .5 .5\n", RCR_ERR_DATA, 6, "elements are not told"},
    {"Na\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\nD\n0 0 0\n.5 .5 .5\n", RCR_ERR_DATA, 6, "elements are not told"},
    {"Fe2O3\n1\n2 0 0\n0 2 0\n0 0 2\n1 1\nD\n0 0 0\n.5 .5 .5\n", RCR_ERR_DATA, 6, "elements are not told"},
    {"In progress\n1\n2 0 0\n0 2 0\n0 0 2\n1\nD\n0 0 0\n", RCR_ERR_DATA, 6, "elements are not told"},
    {"POSCAR\n1\n2 0 0\n0 2 0\n0 0 2\n1\nSelective\nD\n0 0 0 T T T\n", RCR_ERR_DATA, 6, "elements are not told"},
};

static void faults_say_what_and_where(void **state) {
    (void)state;
    check_bad_texts(bad, sizeof bad / sizeof *bad, parse);
}

static void other_texts_do_not_look_like_one(void **state) {
    (void)state;
    static const char *const texts[] = {"",
                                        "c\n1\n",
                                        "c\n1\n1 0 0\n0 1 0\n",
                                        "3\n1\n1 0 0\n0 1 0\n0 0 1\n\n",
                                        "a\nb\n1 0 0\n0 1 0\n0 0 1\nFe\n1\n",
                                        "c\n1\n1 0 0\n0 1 0\n0 0 1\nFe\nD\nhello\n",
                                        "1,2,3\n4,5,6\n7,8,9\n1,2,3\n4,5,6\n7,8,9\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (rcr_poscar_looks_like(texts[i], strlen(texts[i]))) fail_msg("text %zu", i);
}

static void too_many_kinds_are_refused(void **state) {
    (void)state;
    char *text = malloc(1 << 17);
    size_t n = (size_t)sprintf(text, CELL);
    for (int i = 0; i < 10001; i++) n += (size_t)sprintf(text + n, "Fe\n");
    sprintf(text + n, "1\n");
    rcr_crystal *crystal = NULL;
    rcr_error err;
    assert_int_equal(parse(&crystal, text, &err), RCR_ERR_LIMIT);
    assert_int_equal(err.line, 10006);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_is_read),
        cmocka_unit_test(faults_say_what_and_where),
        cmocka_unit_test(other_texts_do_not_look_like_one),
        cmocka_unit_test(too_many_kinds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
