/* Telling formats apart, and reading structures from bytes and from files. */
#include "support/check.h"

#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "io/reader.h"
#include "io/structure.h"

static rcr_format detect(const char *name, const char *text) { return rcr_format_detect(name, text, strlen(text)); }

static void content_decides_before_the_name(void **state) {
    (void)state;
    assert_int_equal(detect(NULL, "# c\n\n  DATA_x\n"), RCR_FORMAT_CIF);
    assert_int_equal(detect("x.xyz", "\xEF\xBB\xBF"
                                     "data_x\n"),
                     RCR_FORMAT_CIF);
    assert_int_equal(detect("x.cif", "1\nLattice=\"1 0 0 0 1 0 0 0 1\"\nH 0 0 0\n"), RCR_FORMAT_EXTXYZ);
    assert_int_equal(detect(NULL, "  2\r\nenergy=1 properties=species:S:1:pos:R:3\r\n"), RCR_FORMAT_EXTXYZ);
    assert_int_equal(detect("a.XYZ", "2\ncomment\n"), RCR_FORMAT_EXTXYZ);
    assert_int_equal(detect("a.cif", "nonsense"), RCR_FORMAT_CIF);
    assert_int_equal(detect(NULL, "A letter before it.\ndata_x\n"), RCR_FORMAT_CIF);
    assert_int_equal(detect(NULL, "_cell_length_a 3\n"), RCR_FORMAT_CIF);
    assert_int_equal(detect(NULL, "2\ncomment\n"), RCR_FORMAT_UNKNOWN);
    assert_int_equal(detect(NULL, ""), RCR_FORMAT_UNKNOWN);
    assert_int_equal(detect("a.poscar", "Si\n1.0\n"), RCR_FORMAT_POSCAR);
    assert_int_equal(detect("a.cif", "c\n1\n2 0 0\n0 2 0\n0 0 2\nNa\n1\nD\n0 0 0\n"), RCR_FORMAT_POSCAR);
    assert_int_equal(detect(NULL, "2\n1.0\n2 0 0\n0 2 0\n0 0 2\nNa\n1\nD\n0 0 0\n"), RCR_FORMAT_POSCAR);
    static const char *const first_lines[] = {"data_x", "[1, 2]", "{\"a\": 1}", "", "# c", "_cell_length_a 3"};
    for (size_t i = 0; i < sizeof first_lines / sizeof *first_lines; i++) { /* of a POSCAR: whatever one likes */
        char text[100];
        snprintf(text, sizeof text, "%s\n1.0\n2 0 0\n0 2 0\n0 0 2\nNa\n1\nD\n0 0 0\n", first_lines[i]);
        assert_int_equal(detect("x", text), RCR_FORMAT_POSCAR);
        rcr_crystal *crystal;
        assert_int_equal(rcr_reader_first(&crystal, "x", text, strlen(text), NULL), RCR_OK);
        assert_int_equal(crystal->atomic_number[0], 11);
        rcr_crystal_free(crystal);
    }
    assert_int_equal(detect("POSCAR", "# c\n\nlattice_vector 1 0 0\n"), RCR_FORMAT_AIMS);
    assert_int_equal(detect(NULL, " \n{\"lattice\": 1}"), RCR_FORMAT_JSON);
    assert_int_equal(detect(NULL, "1\nwater\nO 0 0 0\n"), RCR_FORMAT_EXTXYZ);
}

static void names_decide_where_the_content_does_not(void **state) {
    (void)state;
    static const struct {
        const char *name;
        rcr_format format;
    } cases[] = {{"a.cif", RCR_FORMAT_CIF},
                 {"b.CIF.GZ", RCR_FORMAT_CIF},
                 {"d/POSCAR", RCR_FORMAT_POSCAR},
                 {"POSCAR.mp-149.zst", RCR_FORMAT_POSCAR},
                 {"CONTCAR_2", RCR_FORMAT_POSCAR},
                 {"x.vasp.xz", RCR_FORMAT_POSCAR},
                 {"POSCARS", RCR_FORMAT_UNKNOWN},
                 {"d/geometry.in", RCR_FORMAT_AIMS},
                 {"geometry.in.next_step", RCR_FORMAT_AIMS},
                 {"a.extxyz.bz2", RCR_FORMAT_EXTXYZ},
                 {"a.json", RCR_FORMAT_JSON},
                 {"d/atom_init.json", RCR_FORMAT_UNKNOWN},
                 {"a.gz", RCR_FORMAT_UNKNOWN},
                 {".cif", RCR_FORMAT_UNKNOWN},
                 {"d.cif/readme", RCR_FORMAT_UNKNOWN},
                 {"", RCR_FORMAT_UNKNOWN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (detect(cases[i].name, "") != cases[i].format) fail_msg("%s", cases[i].name);
}

static const char cif[] = "data_x _cell_length_a 3 _cell_length_b 3 _cell_length_c 3\nloop_ _atom_site_label "
                          "_atom_site_fract_x _atom_site_fract_y _atom_site_fract_z Po1 0 0 0\n";

static void the_name_gives_the_id(void **state) {
    (void)state;
    static const char *const names[][2] = {{"mp-149.cif", "mp-149"},
                                           {"a/b.c/Po.v2.cif", "Po.v2"},
                                           {"/x/plain", "plain"},
                                           {".hidden", ".hidden"},
                                           {"a/mp-149.cif.gz", "mp-149"},
                                           {"a/POSCAR", "POSCAR"},
                                           {"POSCAR.mp-149", "POSCAR.mp-149"},
                                           {"CONTCAR-2.zst", "CONTCAR-2"},
                                           {"", ""}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rcr_crystal *crystal;
        assert_int_equal(rcr_structure_parse(&crystal, names[i][0], cif, strlen(cif), NULL), RCR_OK);
        assert_string_equal(crystal->id, names[i][1]);
        assert_int_equal(crystal->atomic_number[0], 84);
        rcr_crystal_free(crystal);
    }
    rcr_crystal *crystal;
    assert_int_equal(rcr_structure_parse(&crystal, NULL, cif, strlen(cif), NULL), RCR_OK);
    rcr_crystal_free(crystal);
}

static void every_format_is_dispatched(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *id;
    } cases[] = {
        {"a.cif", cif, "a"},
        {"x/POSCAR", "c\n1\n3 0 0\n0 3 0\n0 0 3\nPo\n1\nDirect\n0 0 0\n", "POSCAR"},
        {"geometry.in", "lattice_vector 3 0 0\nlattice_vector 0 3 0\nlattice_vector 0 0 3\natom 0 0 0 Po\n",
         "geometry"},
        {"a.xyz", "1\nLattice=\"3 0 0 0 3 0 0 0 3\"\nPo 0 0 0\n", "a"},
        {"a.json", "{\"lattice\": [[3, 0, 0], [0, 3, 0], [0, 0, 3]], \"species\": [\"Po\"], \"frac\": [[0, 0, 0]]}",
         "a"},
        {"a.json",
         "\xEF\xBB\xBF{\"id\": \"own\", \"lattice\": [[3, 0, 0], [0, 3, 0], [0, 0, 3]], \"species\": [84], \"frac\": "
         "[[0, 0, 0]]}",
         "own"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_crystal *crystal;
        rcr_error err;
        if (rcr_structure_parse(&crystal, cases[i].name, cases[i].text, strlen(cases[i].text), &err) != RCR_OK)
            fail_msg("%s: %s", cases[i].name, err.message);
        assert_string_equal(crystal->id, cases[i].id);
        assert_int_equal(crystal->n_sites, 1);
        assert_int_equal(crystal->atomic_number[0], 84);
        for (int k = 0; k < 9; k++) assert_true(crystal->lattice[k / 3][k % 3] == (k % 4 == 0 ? 3 : 0));
        rcr_crystal_free(crystal);
    }
}

static void molecules_are_refused_as_such(void **state) {
    (void)state;
    static const char *const texts[] = {"2\nhydrogen\nH 0 0 0\nH 0 0 .74\n", "atom 0 0 0 H\natom 0 0 .74 H\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rcr_crystal *crystal = NULL;
        rcr_error err;
        assert_int_equal(rcr_structure_parse(&crystal, "m", texts[i], strlen(texts[i]), &err), RCR_ERR_DATA);
        assert_non_null(strstr(err.message, "not periodic and no crystal"));
        assert_ptr_equal(crystal, NULL);
    }
}

/* Polonium, packed by gzip, bzip2, xz and zstd (the seeds of the fuzz target, with a byte before). */
static void packed_files_are_read(void **state) {
    (void)state;
    static const char *const names[] = {"gzip", "bzip2", "xz", "zstd"};
    const char *source = getenv("RECRYST_SOURCE");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[4096], *text;
        size_t length;
        rcr_crystal *crystal;
        rcr_error err;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/structure/%s", source != NULL ? source : ".", names[i]);
        assert_int_equal(rcr_file_read(&text, &length, path, 1 << 20, &err), RCR_OK);
        if (rcr_structure_parse(&crystal, "dir/Po.cif.gz", text + 1, length - 1, &err) != RCR_OK)
            fail_msg("%s: %s", names[i], err.message);
        assert_string_equal(crystal->id, "Po");
        assert_int_equal(crystal->atomic_number[0], 84);
        rcr_crystal_free(crystal);
        /* Cut off, it is an error that says so. */
        crystal = NULL;
        rcr_status status = rcr_structure_parse(&crystal, "Po.cif.gz", text + 1, length / 2, &err);
        assert_int_equal(status, RCR_ERR_PARSE);
        assert_ptr_equal(crystal, NULL);
        if (strstr(err.message, "unpack") == NULL) fail_msg("%s: %s", names[i], err.message);
        rcr_free(text);
    }
}

static void archives_are_no_structure(void **state) {
    (void)state;
    char path[4096], *text;
    size_t length;
    rcr_error err;
    const char *source = getenv("RECRYST_SOURCE");
    static const char *const names[] = {"small.zip", "small.tar.gz", "plain.tar"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        rcr_crystal *crystal = NULL;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/archive/%s", source != NULL ? source : ".", names[i]);
        assert_int_equal(rcr_file_read(&text, &length, path, 1 << 20, &err), RCR_OK);
        assert_int_equal(rcr_structure_parse(&crystal, names[i], text, length, &err), RCR_ERR_UNSUPPORTED);
        assert_non_null(strstr(err.message, "archive"));
        rcr_free(text);
    }
}

/* Both orders of bytes; what is outside ASCII does no harm, nor does half a pair at the end. */
static void utf_16_is_read(void **state) {
    (void)state;
    unsigned char text[4 * sizeof cif + 8];
    for (int big = 0; big < 2; big++) {
        static const unsigned units[] = {'#', 0xC5, 0x3A9, 0x20AC, 0xD83D, 0xDE00, '\n'};
        size_t n = 0;
        text[n++] = big ? 0xFE : 0xFF;
        text[n++] = big ? 0xFF : 0xFE;
        for (size_t i = 0; i < sizeof units / sizeof *units + sizeof cif - 1; i++) {
            size_t k = sizeof units / sizeof *units;
            unsigned unit = i < k ? units[i] : (unsigned char)cif[i - k];
            text[n++] = (unsigned char)(big ? unit >> 8 : unit & 255);
            text[n++] = (unsigned char)(big ? unit & 255 : unit >> 8);
        }
        text[n++] = '\n';
        rcr_crystal *crystal;
        rcr_error err;
        if (rcr_structure_parse(&crystal, "a.cif", (const char *)text, n, &err) != RCR_OK) fail_msg("%s", err.message);
        assert_int_equal(crystal->atomic_number[0], 84);
        rcr_crystal_free(crystal);
    }
}

static void errors_name_the_file(void **state) {
    (void)state;
    rcr_crystal *crystal = NULL;
    rcr_error err;
    assert_int_equal(rcr_structure_parse(&crystal, "dir/a.txt", "hello", 5, &err), RCR_ERR_UNSUPPORTED);
    assert_string_equal(err.file, "dir/a.txt");
    assert_non_null(strstr(err.message, "format is not known"));
    assert_int_equal(rcr_structure_parse(&crystal, "b", "", 0, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "empty"));
    assert_int_equal(rcr_structure_parse(&crystal, "x.tar", "<html>", 6, &err), RCR_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "a download that failed?"));
    assert_int_equal(rcr_crystal_read(&crystal, "no/such/file.cif", &err), RCR_ERR_IO);
    assert_non_null(strstr(err.file, "no/such/file.cif"));
    assert_int_equal(rcr_crystal_read(&crystal, "no/such/file.cif", NULL), RCR_ERR_IO);
    assert_ptr_equal(crystal, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_decides_before_the_name),
        cmocka_unit_test(names_decide_where_the_content_does_not),
        cmocka_unit_test(the_name_gives_the_id),
        cmocka_unit_test(every_format_is_dispatched),
        cmocka_unit_test(molecules_are_refused_as_such),
        cmocka_unit_test(packed_files_are_read),
        cmocka_unit_test(archives_are_no_structure),
        cmocka_unit_test(utf_16_is_read),
        cmocka_unit_test(errors_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
