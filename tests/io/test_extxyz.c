/* Extended XYZ: frames written by feature, faults with their lines, and a file of two frames. */
#include "support/check.h"

#include <math.h>

#include "base/mem.h"
#include "io/archive.h"
#include "io/extxyz.h"
#include "io/structure.h"

static rcr_status parse(rcr_crystal **out, const char *text, rcr_error *err) {
    size_t n_infos, consumed;
    return rcr_extxyz_parse(out, NULL, 0, &n_infos, &consumed, "x", text, strlen(text), 1, err);
}

static int view_is(const char *text, size_t length, const char *word) {
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* A skewed cell: a = (2,0,0), b = (1,3,0), c = (0,1,4); r = (2,3.5,2) = 0.5 a + 1 b + 0.5 c. */
static void a_frame_gives_lattice_sites_and_infos(void **state) {
    (void)state;
    static const char text[] =
        "2\n"
        "Lattice=\"2 0 0 1.0 3 0 0 1 4.0e0\" Properties=species:S:1:tag:I:2:pos:R:3:forces:R:3 energy=-1.5 flag "
        "name='two words' \"odd key\"={1 2 3} path=\"a \\\"b\\\" c\" list=[[1, 2], [3, 4]] pbc=\"T T T\"\n"
        "Fe 7 8 2 3.5 2 0 0 0\n"
        "O 1 2 -1 0.0 1E-1 0 0 0\n"
        "rest\n";
    rcr_crystal *crystal;
    rcr_error err;
    rcr_extxyz_info infos[16];
    size_t n, consumed;
    assert_int_equal(rcr_extxyz_parse(&crystal, infos, 16, &n, &consumed, "id", text, strlen(text), 1, &err), RCR_OK);
    assert_string_equal(crystal->id, "id");
    assert_int_equal(crystal->n_sites, 2);
    assert_float_equal(crystal->lattice[1][0], 1, 0);
    assert_float_equal(crystal->lattice[1][1], 3, 0);
    assert_float_equal(crystal->lattice[2][1], 1, 0);
    assert_int_equal(crystal->atomic_number[0], 26);
    assert_int_equal(crystal->atomic_number[1], 8);
    const double expected[2][3] = {{.5, 1, .5}, {-.5 + .025 / 6, -.025 / 3, .025}};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 3; j++) assert_float_equal(crystal->frac[i][j], expected[i][j], 1e-15);
    assert_string_equal(text + consumed, "rest\n");
    static const char *const pairs[][2] = {{"energy", "-1.5"},        {"flag", "T"},
                                           {"name", "two words"},     {"odd key", "1 2 3"},
                                           {"path", "a \\\"b\\\" c"}, {"list", "[1, 2], [3, 4]"},
                                           {"pbc", "T T T"}};
    assert_int_equal(n, 9);
    for (size_t i = 0; i < 7; i++) {
        assert_true(view_is(infos[i + 2].key, infos[i + 2].key_length, pairs[i][0]));
        assert_true(view_is(infos[i + 2].value, infos[i + 2].value_length, pairs[i][1]));
    }
    rcr_crystal_free(crystal);
    /* Only as many infos as there is room for, and the count of all. */
    assert_int_equal(rcr_extxyz_parse(&crystal, infos, 1, &n, NULL, NULL, text, strlen(text), 1, NULL), RCR_OK);
    assert_int_equal(n, 9);
    rcr_crystal_free(crystal);
}

static void other_spellings_are_read(void **state) {
    (void)state;
    static const char *const texts[] = {
        "1\r\nlattice=\"4, 0, 0, 0, 4, 0, 0, 0, 4\"\r\nFe 1 2 3\r\n",
        "\n  1  \nLattice=[[4,0,0],[0,4,0],[0,0,4]] Properties=pos:R:3:Z:I:1\n1 2 3 26",
        "1\nProperties=species:S:1:pos:R:3 Lattice = {4 0 0 0 4 0 0 0 4} pbc=[T,T,T]\n 26\t1 2 3 extra\n\n\n",
        "\xEF\xBB\xBF\r1\rLattice=\"4 0 0 0 4 0 0 0 4\"\rFe 1 2 3\r\r",
        "1\r\r\nLattice=\"4 0 0 0 4 0 0 0 4\"\r\r\nFe 1 2 3\r\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rcr_crystal *crystal;
        rcr_error err;
        size_t n, consumed;
        if (rcr_extxyz_parse(&crystal, NULL, 0, &n, &consumed, "x", texts[i], strlen(texts[i]), 1, &err) != RCR_OK)
            fail_msg("text %zu: line %ld: %s", i, err.line, err.message);
        assert_int_equal(consumed, strlen(texts[i])); /* blank lines after the last frame go with it */
        assert_int_equal(crystal->atomic_number[0], 26);
        for (int j = 0; j < 3; j++) assert_float_equal(crystal->frac[0][j], (j + 1) / 4.0, 1e-15);
        rcr_crystal_free(crystal);
    }
}

/* Programs write any names of their own beside the format's, such as "lattice"; only where the format's own are absent
 * do others mean the same. */
static void keys_that_differ_in_letter_case(void **state) {
    (void)state;
#define SPECIES "Properties=species:S:1:pos:R:3 "
#define FOUR "Lattice=\"4 0 0 0 4 0 0 0 4\" "
#define FIVE "=\"5 0 0 0 5 0 0 0 5\" "
    static const struct {
        const char *header;
        double a;
        const char *properties; /* the keys that are left */
    } all[] = {
        {FOUR SPECIES "lattice" FIVE "LATTICE=bcc properties=x PBC=\"F F F\" pbc=\"T T T\"", 4,
         "lattice LATTICE properties PBC "},
        {"lattice" FIVE "PBC=\"F F F\" properties=x pbc=\"T T T\" " SPECIES FOUR, 4, "lattice PBC properties "},
        {FOUR SPECIES "Lattice" FIVE "pbc=\"T T T\" pbc=\"F F F\"", 4, ""},
        {"LATTICE" FIVE "lattice=\"4 0 0 0 4 0 0 0 4\" PBC=T Pbc=F", 5, "lattice Pbc "},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[512], left[128] = "";
        rcr_crystal *crystal;
        rcr_extxyz_info *infos;
        rcr_error err;
        size_t n;
        snprintf(text, sizeof text, "1\n%s\nFe 0 0 0\n", all[i].header);
        if (rcr_extxyz_parse_all(&crystal, &infos, &n, NULL, "x", text, strlen(text), 1, &err) != RCR_OK)
            fail_msg("%s: %s", text, err.message);
        for (size_t k = 0; k < n; k++)
            if (!infos[k].own)
                snprintf(left + strlen(left), sizeof left - strlen(left), "%.*s ", (int)infos[k].key_length,
                         infos[k].key);
        assert_string_equal(left, all[i].properties);
        assert_float_equal(crystal->lattice[0][0], all[i].a, 0);
        rcr_crystal_free(crystal);
        rcr_free(infos);
    }
}

/* A key without a value does not take the next key for one; blanks about the equals sign are no lack of a value. */
static void values_that_are_empty(void **state) {
    (void)state;
    static const char text[] = "1\n" FOUR "note= pbc=\"T T T\" a = b c= \"odd key\" = 3 d=x=y e = {f=1} g=\t1 h= = i=\n"
                               "Fe 0 0 0\n";
    static const char *const pairs[][2] = {{"note", ""}, {"pbc", "T T T"}, {"a", "b"}, {"c", ""},  {"odd key", "3"},
                                           {"d", "x=y"}, {"e", "f=1"},     {"g", "1"}, {"h", "="}, {"i", ""}};
    rcr_crystal *crystal;
    rcr_extxyz_info infos[16];
    size_t n;
    assert_int_equal(rcr_extxyz_parse(&crystal, infos, 16, &n, NULL, "x", text, strlen(text), 1, NULL), RCR_OK);
    rcr_crystal_free(crystal);
    assert_int_equal(n, 11);
    for (size_t i = 0; i < 10; i++) {
        assert_true(view_is(infos[i + 1].key, infos[i + 1].key_length, pairs[i][0]));
        assert_true(view_is(infos[i + 1].value, infos[i + 1].value_length, pairs[i][1]));
    }
    rcr_error err;
    assert_int_equal(parse(&crystal, "1\n" FOUR "note= pbc=\"T T F\"\nFe 0 0 0\n", &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "not periodic"));
    assert_int_equal(parse(&crystal, "1\nLattice= pbc=T\nFe 0 0 0\n", &err), RCR_ERR_PARSE);
    assert_non_null(strstr(err.message, "nine numbers"));
}

/* A bracket that is never closed is a word like another, and a million of them are read in one pass. */
static void brackets_without_end_are_words(void **state) {
    (void)state;
    enum { N = 500000 };
    static const char first[] = "1\n", last[] = "b=[1 [2]] c={3 4} Lattice=\"4 0 0 0 4 0 0 0 4\"\nFe 0 0 0\n";
    char *text = malloc(sizeof first + 10 * (size_t)N + sizeof last), *p = text;
    assert_non_null(text);
    p += sprintf(p, "%s", first);
    for (int i = 0; i < N; i++) p += sprintf(p, "a={1 a=[2 ");
    p += sprintf(p, "%s", last);
    rcr_extxyz_info *infos = calloc(4 * (size_t)N + 3, sizeof *infos);
    assert_non_null(infos);
    rcr_crystal *crystal;
    size_t n;
    assert_int_equal(
        rcr_extxyz_parse(&crystal, infos, 4 * (size_t)N + 3, &n, NULL, "x", text, (size_t)(p - text), 1, NULL), RCR_OK);
    rcr_crystal_free(crystal);
    assert_int_equal(n, 2 * N + 3);
    assert_true(view_is(infos[0].value, infos[0].value_length, "{1"));
    assert_true(view_is(infos[2 * N - 1].value, infos[2 * N - 1].value_length, "[2"));
    assert_true(view_is(infos[2 * N].value, infos[2 * N].value_length, "1 [2]"));
    assert_true(view_is(infos[2 * N + 1].value, infos[2 * N + 1].value_length, "3 4"));
    free(infos);
    free(text);
}

static void faults_say_what_and_where(void **state) {
    (void)state;
#define CELL "Lattice=\"4 0 0 0 4 0 0 0 4\""
    static const struct {
        const char *text;
        rcr_status status;
        long line;
        const char *message;
        int end_known;
    } bad[] = {
        {"", RCR_ERR_DATA, 1, "no frame", 0},
        {"\n \n", RCR_ERR_DATA, 1, "no frame", 0},
        {"Fe 0 0 0\n", RCR_ERR_PARSE, 1, "number of atoms", 0},
        {"\n-1\n", RCR_ERR_PARSE, 2, "number of atoms", 0},
        {"99999999999\n" CELL "\n", RCR_ERR_LIMIT, 1, "10000000", 0},
        {"1", RCR_ERR_PARSE, 1, "ends after", 0},
        {"2\n" CELL "\nFe 0 0 0\n", RCR_ERR_PARSE, 3, "1 of 2 atoms", 0},
        {"1\nenergy=1\nFe 0 0 0\n", RCR_ERR_DATA, 2, "not periodic", 1},
        {"1\n" CELL " pbc=\"T T F\"\nFe 0 0 0\n", RCR_ERR_DATA, 2, "not periodic", 1},
        {"1\nLattice=\"4 0 0 0 4 0 0 0\"\nFe 0 0 0\n", RCR_ERR_PARSE, 2, "nine numbers", 1},
        {"1\nLattice=\"4 0 0 0 4 0 0 0 4 1\"\nFe 0 0 0\n", RCR_ERR_PARSE, 2, "nine numbers", 1},
        {"1\nLattice=\"4 0 0 0 4 0 0 0 nan\"\nFe 0 0 0\n", RCR_ERR_PARSE, 2, "nine numbers", 1},
        {"1\nLattice=\"4 0 0 4 0 0 0 0 4\"\nFe 0 0 0\n", RCR_ERR_DATA, 2, "no volume", 1},
        {"1\n" CELL " Properties=species:S:1\nFe 0 0 0\n", RCR_ERR_PARSE, 2, "Properties", 1},
        {"1\n" CELL " Properties=species:S:1:pos:R:x\nFe 0 0 0\n", RCR_ERR_PARSE, 2, "Properties", 1},
        {"1\n" CELL "\nXx 0 0 0\n", RCR_ERR_UNSUPPORTED, 3, "'Xx'", 1},
        {"1\n" CELL "\n119 0 0 0\n", RCR_ERR_UNSUPPORTED, 3, "'119'", 1},
        {"2\n" CELL "\nFe 0 0 0\nFe 0 0\n", RCR_ERR_PARSE, 4, "3 columns, not 4", 1},
        {"2\n" CELL "\nFe 0 0 0\nFe 0 inf 0\n", RCR_ERR_PARSE, 4, "'inf'", 1},
        {"0\n" CELL "\n", RCR_ERR_DATA, 2, "no sites", 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rcr_crystal *crystal = NULL;
        rcr_error err;
        size_t n, consumed = 7;
        rcr_status status =
            rcr_extxyz_parse(&crystal, NULL, 0, &n, &consumed, "x", bad[i].text, strlen(bad[i].text), 1, &err);
        if (status != bad[i].status || err.line != bad[i].line || strstr(err.message, bad[i].message) == NULL)
            fail_msg("text %zu: %s, line %ld: %s", i, rcr_status_name(status), err.line, err.message);
        assert_ptr_equal(crystal, NULL);
        assert_int_equal(consumed, bad[i].end_known ? strlen(bad[i].text) : 0);
        assert_int_equal(parse(&crystal, bad[i].text, NULL), status);
    }
    /* Lines are counted from the one that the caller names. */
    rcr_crystal *crystal = NULL;
    rcr_error err;
    size_t n, consumed;
    static const char text[] = "1\n" CELL "\nXx 0 0 0\n";
    assert_int_equal(rcr_extxyz_parse(&crystal, NULL, 0, &n, &consumed, "x", text, strlen(text), 101, &err),
                     RCR_ERR_UNSUPPORTED);
    assert_int_equal(err.line, 103);
}

/* A bad frame does not cost the good ones after it. */
static void frames_follow_one_another(void **state) {
    (void)state;
    static const char text[] =
        "1\n" CELL " id=a\nFe 0 0 0\n1\n" CELL " id=b\nXx 0 0 0\n\n1\n" CELL " id=c\nO 1 0 0\n\n";
    const char *p = text, *end = text + strlen(text);
    char seen[8] = "";
    while (p < end) {
        rcr_crystal *crystal;
        rcr_extxyz_info infos[4];
        size_t n, consumed;
        rcr_status status = rcr_extxyz_parse(&crystal, infos, 4, &n, &consumed, "x", p, (size_t)(end - p), 1, NULL);
        assert_int_not_equal(consumed, 0);
        strncat(seen, infos[1].value, 1);
        strcat(seen, status == RCR_OK ? "+" : "-");
        if (status == RCR_OK) rcr_crystal_free(crystal);
        p += consumed;
    }
    assert_string_equal(seen, "a+b-c+");
}

/* The NOMAD 2018 oxides: all 3,000 frames read, with their targets; counts of the set's description. */
static void nomad_files_are_read(void **state) {
    (void)state;
    REQUIRE_SHARED();
    rcr_folder *folder;
    rcr_error err;
    assert_int_equal(rcr_folder_open(&folder, shared_path("data/nomad2018.tar.zst"), &err), RCR_OK);
    static const char *const names[] = {"train.extxyz", "test.extxyz"};
    int frames = 0, with_targets = 0;
    for (int i = 0; i < 2; i++) {
        char *text;
        size_t length;
        assert_int_equal(rcr_folder_read(&text, &length, folder, names[i], &err), RCR_OK);
        assert_int_equal(rcr_format_detect(NULL, text, length), RCR_FORMAT_EXTXYZ);
        for (size_t at = 0; at < length;) {
            rcr_crystal *crystal;
            rcr_extxyz_info infos[16];
            size_t n, consumed;
            rcr_status status =
                rcr_extxyz_parse(&crystal, infos, 16, &n, &consumed, "x", text + at, length - at, 1, &err);
            if (status != RCR_OK) fail_msg("%s, byte %zu: %s", names[i], at, err.message);
            for (size_t k = 0; k < n; k++) with_targets += view_is(infos[k].key, infos[k].key_length, "band_gap");
            for (int32_t k = 0; k < crystal->n_sites; k++) {
                int z = crystal->atomic_number[k];
                assert_true(z == 8 || z == 13 || z == 31 || z == 49);
            }
            rcr_crystal_free(crystal);
            frames++;
            at += consumed;
        }
        free(text);
    }
    rcr_folder_free(folder);
    assert_int_equal(frames, 3000);
    assert_int_equal(with_targets, 3000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_gives_lattice_sites_and_infos),
        cmocka_unit_test(other_spellings_are_read),
        cmocka_unit_test(keys_that_differ_in_letter_case),
        cmocka_unit_test(values_that_are_empty),
        cmocka_unit_test(brackets_without_end_are_words),
        cmocka_unit_test(faults_say_what_and_where),
        cmocka_unit_test(frames_follow_one_another),
        cmocka_unit_test(nomad_files_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
