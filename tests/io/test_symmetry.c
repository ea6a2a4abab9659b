/* Symmetry operations: our Hall symbols against spglib's table of operations, names against known settings. */
#include "support/check.h"

#include <math.h>
#include <spglib.h>

#include "io/symmetry.h"

static int same_operation(const rcr_symop *a, const rcr_symop *b) {
    for (int i = 0; i < 3; i++) {
        double d = a->t[i] - b->t[i];
        if (fabs(d - round(d)) > 1e-6) return 0;
        for (int j = 0; j < 3; j++)
            if (a->r[i][j] != b->r[i][j]) return 0;
    }
    return 1;
}

static int same_group(const rcr_symop *a, int n_a, const rcr_symop *b, int n_b) {
    if (n_a != n_b) return 0;
    for (int i = 0; i < n_a; i++) {
        int found = 0;
        for (int j = 0; j < n_b; j++) found += same_operation(&a[i], &b[j]);
        if (found != 1) return 0;
    }
    return 1;
}

/* spglib generates its operations from its own tables, not from the symbols. */
static void hall_symbols_give_spglibs_operations(void **state) {
    (void)state;
    for (int setting = 1; setting <= 530; setting++) {
        rcr_symop ours[RCR_MAX_GROUP_ORDER], theirs[RCR_MAX_GROUP_ORDER];
        SpglibSpacegroupType type = spg_get_spacegroup_type(setting);
        int n = rcr_symmetry_from_hall(ours, type.hall_symbol, strlen(type.hall_symbol));
        int m = rcr_symmetry_operations(theirs, setting);
        if (!same_group(ours, n, theirs, m)) fail_msg("%s: %d operations, not the %d", type.hall_symbol, n, m);
    }
}

static int from_hall(rcr_symop *ops, const char *text) { return rcr_symmetry_from_hall(ops, text, strlen(text)); }

static void hall_symbols_are_read_in_other_spellings(void **state) {
    (void)state;
    rcr_symop a[RCR_MAX_GROUP_ORDER], b[RCR_MAX_GROUP_ORDER];
    /* C m c e with either of two equivalent generators; underscores; two single quotes; an origin shift. */
    static const char *const pairs[][2] = {{"-C 2bc 2", "-C 2ac 2"},
                                           {"P 4 -2", "P_4_-2"},
                                           {"-R 3 2\"", "-R 3 2''"},
                                           {"-P 2", "-P 2z"},
                                           {"P 2 2 -1n", "-P 2ab 2bc (3 3 3)"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        int n = from_hall(a, pairs[i][0]), m = from_hall(b, pairs[i][1]);
        if (n == 0 || !same_group(a, n, b, m)) fail_msg("%s and %s differ", pairs[i][0], pairs[i][1]);
    }
    static const char *const wrong[] = {
        "",     "-",        "P",         "Q 2",          "P 5",          "P 2k", "P 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2 2",
        "P 33", "F m -3 m", "P 2 (0 0)", "P 3 4x 6y 3*", "P 2 (0 0 1.5)"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (from_hall(a, wrong[i]) != 0) fail_msg("'%s' was taken for a Hall symbol", wrong[i]);
}

static void operations_parse(void **state) {
    (void)state;
    static const struct {
        const char *text;
        rcr_symop op;
    } good[] = {
        {"x,y,z", {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}}},
        {" -Y , X-y , z+1/3 ", {{{0, -1, 0}, {1, -1, 0}, {0, 0, 1}}, {0, 0, 1.0 / 3}}},
        {"1/2+x,-y+1/2,.5-z", {{{1, 0, 0}, {0, -1, 0}, {0, 0, -1}}, {.5, .5, .5}}},
        {"+x,-y-1/4,3/4-z", {{{1, 0, 0}, {0, -1, 0}, {0, 0, -1}}, {0, .75, .75}}},
        {"x+0.6667,y+0.333,z+1", {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {2.0 / 3, 1.0 / 3, 0}}},
        {"x/2+y/2,-1/2x+1/2*y,2*z", {{{.5, .5, 0}, {-.5, .5, 0}, {0, 0, 2}}, {0, 0, 0}}},
        {"z,x,y+5/2-1/4", {{{0, 0, 1}, {1, 0, 0}, {0, 1, 0}}, {0, 0, .25}}},
        {"- x,- - y,z - 1./2.", {{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, .5}}},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        rcr_symop op;
        if (!rcr_symop_parse(&op, good[i].text, strlen(good[i].text))) fail_msg("'%s' is refused", good[i].text);
        if (!same_operation(&op, &good[i].op)) fail_msg("'%s' is misread", good[i].text);
    }
    static const char *const bad[] = {"",       "x,y",    "x,y,z,x",     "x,x,z",     "x,y,0", "x y,y,z",
                                      "x,y,z1", "a,b,c",  "x,y,1//2z",   "x,y,z+1/0", "x,,z",  "x,y,z+",
                                      "x,y,*z", "x,y,2*", "1.2.3+x,y,z", "xx,y,z",    "x,y,z/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rcr_symop op;
        if (rcr_symop_parse(&op, bad[i], strlen(bad[i]))) fail_msg("'%s' was taken for an operation", bad[i]);
    }
}

static int first_setting(const char *name, int *n) {
    int setting[RCR_MAX_SETTINGS];
    *n = rcr_symmetry_settings(setting, name, strlen(name));
    return *n > 0 ? setting[0] : 0;
}

/* Numbers of settings as in spglib's table (Hall numbers, International Tables order). */
static void names_are_found(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int n, setting;
    } known[] = {
        {"P 1", 1, 1},
        {"P-1", 1, 2},
        {"P 21/c", 2, 81},
        {"P 1 21/n 1", 1, 82},
        {"P2_1/n", 3, 82},
        {"P 2(1)/a", 2, 83},
        {"C 2/c", 2, 90},
        {"I 1 2/a 1", 1, 92},
        {"P 21 21 21", 1, 115},
        {"P n m a", 1, 292},
        {"P b n m", 1, 294},
        {"C m c a", 1, 304},
        {"C m c e", 1, 304},
        {"C c c a :2", 1, 323},
        {"I 41/a m d S", 1, 426},
        {"I 41/a m d :2", 1, 427},
        {"R -3 m", 2, 458},
        {"R -3 m H", 1, 458},
        {"R-3mR", 1, 459},
        {"R -3 m :R", 1, 459},
        {"P 63/m m c", 1, 488},
        {"F m -3 m", 1, 523},
        {"F m 3 m", 1, 523},
        {"F d -3 m", 2, 525},
        {"F d -3 m Z", 1, 526},
        {"F d 3 m :1", 1, 525},
        {"Fd-3mS", 1, 525},
        {"F d -3 m (origin choice 2)", 1, 526},
        {"F 41/d -3 2/m", 2, 525},
        {"I a -3 d", 1, 530},
        {"P 4/n m m :1", 1, 408},
        {"B 2/b", 2, 99},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int n, setting = first_setting(known[i].name, &n);
        if (n != known[i].n || setting != known[i].setting) fail_msg("%s: setting %d of %d", known[i].name, setting, n);
    }
    static const char *const unknown[] = {"",    " ",
                                          ":",   ":2",
                                          "z",   "F d -3 m :3",
                                          "P 7", "C 2/c :2",
                                          "?",   "a name much too long to be that of any space group at all"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        int n, setting = first_setting(unknown[i], &n);
        if (n != 0) fail_msg("'%s' was taken for setting %d", unknown[i], setting);
    }
}

static void every_short_symbol_finds_its_type(void **state) {
    (void)state;
    for (int setting = 1; setting <= 530; setting++) {
        SpglibSpacegroupType type = spg_get_spacegroup_type(setting);
        int n, found = first_setting(type.international_full, &n);
        if (found == 0 || rcr_symmetry_number(found) != type.number) fail_msg("%s", type.international_full);
        found = first_setting(type.international_short, &n);
        if (found == 0 || rcr_symmetry_number(found) != type.number) fail_msg("%s", type.international_short);
    }
    int settings[RCR_MAX_SETTINGS], total = 0;
    for (int number = 1; number <= 230; number++) total += rcr_symmetry_settings_of_number(settings, number);
    assert_int_equal(total, 530);
    assert_int_equal(rcr_symmetry_settings_of_number(settings, 0), 0);
    assert_int_equal(rcr_symmetry_settings_of_number(settings, 231), 0);
}

static void unusual_centrings_are_known(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int order;
    } known[] = {{"C -1", 4}, {"I-1", 4}, {"F 1", 4}, {"A 1", 2}, {"F 4/m m m", 64}, {"B 1 21 1", 4}, {"P -1", 0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        rcr_symop ops[RCR_MAX_GROUP_ORDER];
        assert_int_equal(rcr_symmetry_from_unusual_name(ops, known[i].name, strlen(known[i].name)), known[i].order);
    }
}

static void the_misfit_tells_a_wrong_cell(void **state) {
    (void)state;
    rcr_symop ops[RCR_MAX_GROUP_ORDER];
    int n = rcr_symmetry_operations(ops, 523);
    const double cubic[3][3] = {{4, 0, 0}, {0, 4, 0}, {0, 0, 4}}, tetragonal[3][3] = {{4, 0, 0}, {0, 4, 0}, {0, 0, 5}};
    assert_true(rcr_symops_misfit(ops, (size_t)n, cubic) < 1e-15);
    assert_float_equal(rcr_symops_misfit(ops, (size_t)n, tetragonal), 25.0 / 16 - 1, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hall_symbols_give_spglibs_operations),
        cmocka_unit_test(hall_symbols_are_read_in_other_spellings),
        cmocka_unit_test(operations_parse),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(every_short_symbol_finds_its_type),
        cmocka_unit_test(unusual_centrings_are_known),
        cmocka_unit_test(the_misfit_tells_a_wrong_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
