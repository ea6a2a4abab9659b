/* Telling formats apart, and reading structures from bytes and from files. */
#include "support/check.h"

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
    assert_int_equal(detect("a.poscar", "Si\n1.0\n"), RCR_FORMAT_UNKNOWN);
}

static const char cif[] = "data_x _cell_length_a 3 _cell_length_b 3 _cell_length_c 3\nloop_ _atom_site_label "
                          "_atom_site_fract_x _atom_site_fract_y _atom_site_fract_z Po1 0 0 0\n";

static void the_name_gives_the_id(void **state) {
    (void)state;
    static const char *const names[][2] = {{"mp-149.cif", "mp-149"},
                                           {"a/b.c/Po.v2.cif", "Po.v2"},
                                           {"/x/plain", "plain"},
                                           {".hidden", ".hidden"},
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

static void errors_name_the_file(void **state) {
    (void)state;
    rcr_crystal *crystal = NULL;
    rcr_error err;
    assert_int_equal(rcr_structure_parse(&crystal, "dir/a.txt", "hello", 5, &err), RCR_ERR_UNSUPPORTED);
    assert_string_equal(err.file, "dir/a.txt");
    assert_non_null(strstr(err.message, "format is not known"));
    assert_int_equal(rcr_structure_parse(&crystal, "b", "", 0, &err), RCR_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "empty"));
    assert_int_equal(rcr_crystal_read(&crystal, "no/such/file.cif", &err), RCR_ERR_IO);
    assert_non_null(strstr(err.file, "no/such/file.cif"));
    assert_int_equal(rcr_crystal_read(&crystal, "no/such/file.cif", NULL), RCR_ERR_IO);
    assert_ptr_equal(crystal, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_decides_before_the_name),
        cmocka_unit_test(the_name_gives_the_id),
        cmocka_unit_test(errors_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
