#include "support/check.h"

#include <math.h>

#include "crystal/crystal.h"
#include "crystal/species.h"

static rcr_crystal *make(int32_t n) {
    rcr_crystal *crystal;
    assert_int_equal(rcr_crystal_create(&crystal, "x", n, NULL), RCR_OK);
    for (int i = 0; i < 3; i++) crystal->lattice[i][i] = 4;
    for (int32_t i = 0; i < n; i++) crystal->atomic_number[i] = 8;
    return crystal;
}

typedef struct entry {
    int32_t site;
    int number;
    double occupancy;
} entry;

static rcr_status set(rcr_crystal *crystal, const entry *e, size_t n, rcr_error *err) {
    rcr_species_list list = {0};
    for (size_t k = 0; k < n; k++)
        assert_int_equal(rcr_species_add(&list, e[k].site, (uint8_t)e[k].number, e[k].occupancy, NULL), RCR_OK);
    rcr_status status = rcr_crystal_set_species(crystal, &list, err);
    rcr_species_list_free(&list);
    return status;
}
#define SET(crystal, ...)                                                                                              \
    set(crystal, (const entry[]){__VA_ARGS__}, sizeof((const entry[]){__VA_ARGS__}) / sizeof(entry), &err)

static void sorts_merges_and_drops(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *c = make(4);
    assert_int_equal(SET(c, {2, 79, 0.25}, {0, 29, 0.25}, {2, 29, 0.5}, {0, 26, 0.25}, {0, 29, 0.25}, {0, 1, 0}),
                     RCR_OK);
    static const int32_t offset[] = {0, 2, 3, 5, 6};
    static const uint8_t number[] = {26, 29, 8, 29, 79, 8}, main_number[] = {29, 8, 29, 8};
    static const double occupancy[] = {0.25, 0.5, 1, 0.5, 0.25, 1};
    assert_memory_equal(c->species_offset, offset, sizeof offset);
    assert_memory_equal(c->species_number, number, sizeof number);
    assert_memory_equal(c->species_occupancy, occupancy, sizeof occupancy);
    assert_memory_equal(c->atomic_number, main_number, sizeof main_number);
    assert_int_equal(rcr_crystal_check(c, &err), RCR_OK);
    assert_int_equal(rcr_crystal_first_disordered(c), 0);
    char text[80];
    assert_string_equal(rcr_crystal_describe_site(text, sizeof text, c, 0), "Cu 0.5, Fe 0.25, vacant 0.25");
    assert_string_equal(rcr_crystal_describe_site(text, sizeof text, c, 1), "O");
    assert_string_equal(rcr_crystal_describe_site(text, 9, c, 0), "Cu 0.5, ");
    /* Ordered again: the arrays go. */
    assert_int_equal(SET(c, {0, 26, 1}, {2, 26, 0.5}, {2, 26, 0.5}), RCR_OK);
    assert_null(c->species_offset);
    assert_null(c->species_number);
    assert_null(c->species_occupancy);
    assert_int_equal(c->atomic_number[2], 26);
    assert_false(rcr_crystal_is_disordered(c));
    assert_string_equal(rcr_crystal_describe_site(text, sizeof text, c, 2), "Fe");
    rcr_crystal_free(c);
}

static void equal_shares_take_the_lowest_number(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *c = make(2);
    assert_int_equal(SET(c, {1, 28, 0.5}, {1, 27, 0.5}), RCR_OK);
    assert_int_equal(c->atomic_number[1], 27);
    assert_int_equal(rcr_crystal_first_disordered(c), 1);
    char text[80];
    assert_string_equal(rcr_crystal_describe_site(text, sizeof text, c, 1), "Co 0.5, Ni 0.5");
    rcr_crystal_free(c);
}

/* The tolerance, from both sides of both ends. */
static void sums_near_one_are_one(void **state) {
    (void)state;
    static const double sums[] = {1, 1.0000001, 1.007, 1.05, 0.999, 0.9999999};
    rcr_error err;
    for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) {
        rcr_crystal *c = make(1);
        assert_int_equal(SET(c, {0, 5, sums[k]}), RCR_OK);
        assert_null(c->species_offset);
        assert_int_equal(SET(c, {0, 5, sums[k] / 2}, {0, 7, sums[k] / 2}), RCR_OK);
        assert_true(fabs(c->species_occupancy[0] - 0.5) < 1e-15 && fabs(c->species_occupancy[1] - 0.5) < 1e-15 &&
                    rcr_crystal_check(c, NULL) == RCR_OK);
        assert_int_equal(SET(c, {0, 5, 0.333}, {0, 7, 0.333}, {0, 9, 0.334}), RCR_OK);
        assert_true(c->species_occupancy[0] == 0.333); /* already 1 but for rounding: left as it was written */
        assert_int_equal(SET(c, {0, 5, 0.333}, {0, 7, 0.333}, {0, 9, 0.333}), RCR_OK);
        assert_true(fabs(c->species_occupancy[2] - 1.0 / 3) < 1e-15);
        rcr_crystal_free(c);
    }
    rcr_crystal *c = make(1);
    assert_int_equal(SET(c, {0, 5, 0.9989}), RCR_OK);
    assert_true(c->species_occupancy[0] == 0.9989);
    assert_int_equal(SET(c, {0, 5, 0.5}, {0, 7, 0.5512}), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "site 1"));
    assert_non_null(strstr(err.message, "1.0512"));
    assert_true(c->species_occupancy[0] == 0.9989); /* left alone */
    rcr_crystal_free(c);
}

static void order_of_entries_does_not_matter(void **state) {
    (void)state;
    static const entry e[] = {{0, 5, 0.1}, {0, 5, 0.2}, {0, 5, 0.3}, {0, 7, 0.07}, {0, 7, 0.13}, {1, 9, 0.7}};
    double first[3] = {0};
    for (unsigned turn = 0; turn < 6; turn++) {
        rcr_crystal *c = make(2);
        entry turned[6];
        for (unsigned k = 0; k < 6; k++) turned[k] = e[(k * 5 + turn) % 6];
        assert_int_equal(set(c, turned, 6, NULL), RCR_OK);
        if (turn == 0) memcpy(first, c->species_occupancy, sizeof first);
        assert_memory_equal(c->species_occupancy, first, sizeof first);
        rcr_crystal_free(c);
    }
}

static void refuses_what_is_no_species(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *c = make(2);
    assert_int_equal(SET(c, {0, 5, -0.1}), RCR_ERR_DATA);
    assert_int_equal(SET(c, {0, 5, NAN}), RCR_ERR_DATA);
    assert_int_equal(SET(c, {0, 5, INFINITY}), RCR_ERR_DATA);
    assert_int_equal(SET(c, {1, 5, 0}), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "site 2 holds nothing"));
    assert_int_equal(SET(c, {2, 5, 1}), RCR_ERR_ARGUMENT);
    assert_int_equal(SET(c, {-1, 5, 1}), RCR_ERR_ARGUMENT);
    assert_int_equal(SET(c, {0, 0, 1}), RCR_ERR_ARGUMENT);
    assert_int_equal(SET(c, {0, 119, 1}), RCR_ERR_ARGUMENT);
    assert_null(c->species_offset);
    rcr_crystal_free(c);
}

static void check_finds_broken_arrays(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *c = make(2);
    assert_int_equal(SET(c, {0, 5, 0.5}, {0, 7, 0.25}), RCR_OK);
    assert_int_equal(rcr_crystal_check(c, NULL), RCR_OK);
#define BREAK(what, value)                                                                                             \
    do {                                                                                                               \
        double kept = (double)(what);                                                                                  \
        what = value;                                                                                                  \
        assert_int_equal(rcr_crystal_check(c, NULL), RCR_ERR_DATA);                                                    \
        c->species_number[0] = 5;                                                                                      \
        what = (__typeof__(what))kept;                                                                                 \
        assert_int_equal(rcr_crystal_check(c, NULL), RCR_OK);                                                          \
    } while (0)
    BREAK(c->species_occupancy[0], 0);
    BREAK(c->species_occupancy[0], NAN);
    BREAK(c->species_occupancy[0], 1.1);
    BREAK(c->species_occupancy[0], 0.8);
    BREAK(c->species_occupancy[0], 0.2); /* no longer the largest */
    BREAK(c->species_number[1], 5);
    BREAK(c->species_number[1], 3);
    BREAK(c->species_number[1], 119);
    BREAK(c->species_number[0], 0);
    BREAK(c->species_offset[0], 1);
    BREAK(c->species_offset[1], 0);
    BREAK(c->atomic_number[0], 7);
    double *kept = c->species_occupancy;
    c->species_occupancy = NULL;
    assert_int_equal(rcr_crystal_check(c, NULL), RCR_ERR_DATA);
    c->species_occupancy = kept;
    rcr_crystal_free(c);
}

/* Arrays that say that every site is whole are as good as none. */
static void whole_sites_are_ordered(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *c = make(2);
    assert_int_equal(SET(c, {0, 8, 0.5}), RCR_OK);
    assert_true(rcr_crystal_is_disordered(c));
    c->species_occupancy[0] = 1;
    assert_int_equal(rcr_crystal_check(c, NULL), RCR_OK);
    assert_false(rcr_crystal_is_disordered(c));
    rcr_crystal_free(c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorts_merges_and_drops),     cmocka_unit_test(equal_shares_take_the_lowest_number),
        cmocka_unit_test(sums_near_one_are_one),      cmocka_unit_test(order_of_entries_does_not_matter),
        cmocka_unit_test(refuses_what_is_no_species), cmocka_unit_test(check_finds_broken_arrays),
        cmocka_unit_test(whole_sites_are_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
