#include "support/check.h"

#include <math.h>

#include "crystal/crystal.h"

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void lattice_has_its_lengths_and_angles(void **state) {
    (void)state;
    static const double angle[][3] = {{90, 90, 90}, {60, 60, 60},  {90, 90, 120},   {80, 100, 115},
                                      {15, 16, 14}, {165, 97, 95}, {118, 119, 120}, {33.3, 44.4, 55.5}};
    const double length[3] = {3, 4.5, 7.25}, degree = acos(-1.0) / 180;
    for (size_t i = 0; i < sizeof angle / sizeof angle[0]; i++) {
        double v[3][3];
        assert_int_equal(rcr_lattice_from_parameters(v, length, angle[i], NULL), RCR_OK);
        for (int k = 0; k < 3; k++) {
            assert_true(fabs(sqrt(dot(v[k], v[k])) - length[k]) < 1e-12);
            int a = (k + 1) % 3, b = (k + 2) % 3;
            assert_true(fabs(dot(v[a], v[b]) / (length[a] * length[b]) - cos(angle[i][k] * degree)) < 1e-12);
        }
        assert_true(v[0][1] == 0 && v[0][2] == 0 && v[1][2] == 0 && v[2][2] > 0);
        double ca = cos(angle[i][0] * degree), cb = cos(angle[i][1] * degree), cg = cos(angle[i][2] * degree);
        double volume = 3 * 4.5 * 7.25 * sqrt(1 - ca * ca - cb * cb - cg * cg + 2 * ca * cb * cg);
        assert_true(fabs(rcr_lattice_volume((const double(*)[3])v) - volume) < 1e-10 * volume);
    }
}

static void refuses_impossible_cells(void **state) {
    (void)state;
    static const double bad[][6] = {{0, 1, 1, 90, 90, 90},        {1, -1, 1, 90, 90, 90},   {1, 1, NAN, 90, 90, 90},
                                    {1, 1, INFINITY, 90, 90, 90}, {1, 1, 1, 0, 90, 90},     {1, 1, 1, 90, 180, 90},
                                    {1, 1, 1, 20, 30, 100},       {1, 1, 1, 120, 120, 120}, {1, 1, 1, 90, 90, NAN}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double v[3][3] = {{7}};
        rcr_error err = {0};
        if (rcr_lattice_from_parameters(v, bad[i], bad[i] + 3, &err) != RCR_ERR_DATA) fail_msg("cell %zu passed", i);
        assert_true(v[0][0] == 7 && err.message[0] != '\0');
    }
}

static void check_finds_what_is_useless(void **state) {
    (void)state;
    rcr_crystal *crystal;
    assert_int_equal(rcr_crystal_create(&crystal, "a", 2, NULL), RCR_OK);
    assert_string_equal(crystal->id, "a");
    assert_int_equal(rcr_crystal_check(crystal, NULL), RCR_ERR_DATA); /* no volume */
    for (int i = 0; i < 3; i++) crystal->lattice[i][i] = 4;
    rcr_error err;
    assert_int_equal(rcr_crystal_check(crystal, &err), RCR_ERR_DATA); /* element 0 */
    assert_non_null(strstr(err.message, "site 1"));
    crystal->atomic_number[0] = 1;
    crystal->atomic_number[1] = 118;
    assert_int_equal(rcr_crystal_check(crystal, NULL), RCR_OK);
    crystal->frac[1][2] = NAN;
    assert_int_equal(rcr_crystal_check(crystal, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "site 2"));
    crystal->frac[1][2] = 0;
    crystal->atomic_number[1] = 119;
    assert_int_equal(rcr_crystal_check(crystal, NULL), RCR_ERR_DATA);
    crystal->atomic_number[1] = 1;
    crystal->lattice[2][0] = INFINITY;
    assert_int_equal(rcr_crystal_check(crystal, NULL), RCR_ERR_DATA);
    crystal->lattice[2][0] = 0;
    for (int k = 0; k < 3; k++) crystal->lattice[2][k] = crystal->lattice[0][k] + crystal->lattice[1][k];
    assert_int_equal(rcr_crystal_check(crystal, NULL), RCR_ERR_DATA); /* flat */
    rcr_crystal_free(crystal);
    assert_int_equal(rcr_crystal_create(&crystal, NULL, 0, NULL), RCR_OK);
    assert_string_equal(crystal->id, "");
    assert_int_equal(rcr_crystal_check(crystal, NULL), RCR_ERR_DATA); /* no sites */
    rcr_crystal_free(crystal);
    rcr_crystal_free(NULL);
    assert_int_equal(rcr_crystal_create(&crystal, NULL, -1, NULL), RCR_ERR_ARGUMENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(lattice_has_its_lengths_and_angles),
                                       cmocka_unit_test(refuses_impossible_cells),
                                       cmocka_unit_test(check_finds_what_is_useless)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
