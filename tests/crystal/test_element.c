#include "support/check.h"

#include "base/file.h"
#include "base/mem.h"
#include "crystal/element.h"

static void symbols_both_ways(void **state) {
    (void)state;
    assert_string_equal(rcr_element_symbol(26), "Fe");
    assert_string_equal(rcr_element_symbol(118), "Og");
    assert_null(rcr_element_symbol(0));
    assert_null(rcr_element_symbol(119));
    for (int z = 1; z <= 118; z++) {
        const char *symbol = rcr_element_symbol(z);
        assert_int_equal(rcr_element_from_symbol(symbol, strlen(symbol)), z);
    }
    static const char *const bad[] = {"", "fe", "FE", "Feo", "X", "f", "D"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(rcr_element_from_symbol(bad[i], strlen(bad[i])), 0);
    assert_int_equal(rcr_element_from_symbol("Cl1", 2), 17); /* the length counts */
    assert_int_equal(rcr_element_from_symbol("Cl1", 1), 6);
}

static void equals_published_vectors(void **state) {
    (void)state;
    REQUIRE_SHARED();
    char *text;
    size_t length;
    rcr_error err;
    const char *path = shared_path("reference/atom_init.json");
    assert_int_equal(rcr_file_read(&text, &length, path, 1 << 20, &err), RCR_OK);
    rcr_element_table *published, *ours;
    assert_int_equal(rcr_element_table_parse(&published, text, length, &err), RCR_OK);
    assert_int_equal(rcr_element_table_cgcnn(&ours, &err), RCR_OK);
    assert_int_equal(published->n_features, 92);
    assert_int_equal(ours->n_features, 92);
    for (int z = 0; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        assert_int_equal(ours->known[z], z >= 1 && z <= 100);
        assert_int_equal(published->known[z], ours->known[z]);
        for (int k = 0; k < 92; k++)
            if (published->row[z * 92 + k] != ours->row[z * 92 + k])
                fail_msg("%s: feature %d is %g, published %g", rcr_element_symbol(z), k, ours->row[z * 92 + k],
                         published->row[z * 92 + k]);
    }
    rcr_element_table_free(published);
    rcr_element_table_free(ours);
    rcr_free(text);
}

/* Needs no reference data: the pairs that the published vectors can't tell apart are these and no others. */
static void only_known_elements_coincide(void **state) {
    (void)state;
    static const int same[][2] = {{57, 58}, {62, 64},  {67, 68}, {90, 93},  {95, 96}, {97, 98},
                                  {97, 99}, {97, 100}, {98, 99}, {98, 100}, {99, 100}};
    rcr_element_table *table;
    assert_int_equal(rcr_element_table_cgcnn(&table, NULL), RCR_OK);
    size_t found = 0;
    for (int a = 1; a <= 100; a++)
        for (int b = a + 1; b <= 100; b++) {
            if (memcmp(table->row + a * 92, table->row + b * 92, 92 * sizeof(double)) != 0) continue;
            int listed = 0;
            for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) listed |= same[i][0] == a && same[i][1] == b;
            if (!listed) fail_msg("%d and %d coincide", a, b);
            found++;
        }
    assert_int_equal(found, sizeof same / sizeof same[0]);
    rcr_element_table_free(table);
}

/* Iron by hand: group 8, period 4, electronegativity 1.83, radius 116 pm, 8 valence electrons, 7.90 eV, 0.151 eV, d,
 * 7.1 cm^3/mol. */
static void iron_by_hand(void **state) {
    (void)state;
    static const int expected[] = {8, 19 + 3, 26 + 3, 36 + 4, 46 + 7, 58 + 3, 68 + 4, 78 + 2, 82 + 1};
    rcr_element_table *table, *copy;
    assert_int_equal(rcr_element_table_cgcnn(&table, NULL), RCR_OK);
    assert_int_equal(rcr_element_table_copy(&copy, table, NULL), RCR_OK);
    int n = 0;
    for (int k = 0; k < 92; k++)
        if (copy->row[26 * 92 + k] != 0) {
            assert_true(n < 9 && copy->row[26 * 92 + k] == 1);
            assert_int_equal(k, expected[n]);
            n++;
        }
    assert_int_equal(n, 9);
    assert_string_equal(copy->name, "cgcnn");
    rcr_element_table_free(table);
    rcr_element_table_free(copy);
}

static void parses_a_table(void **state) {
    (void)state;
    const char *json = "{\"8\": [1, 2.5, -3e-1], \"118\": [0, 0, 1]}";
    rcr_element_table *table;
    assert_int_equal(rcr_element_table_parse(&table, json, strlen(json), NULL), RCR_OK);
    assert_int_equal(table->n_features, 3);
    assert_true(table->known[8] && table->known[118] && !table->known[1]);
    assert_true(table->row[8 * 3] == 1 && table->row[8 * 3 + 1] == 2.5 && table->row[8 * 3 + 2] == -0.3);
    rcr_element_table_free(table);
}

static void refuses_bad_tables(void **state) {
    (void)state;
    static const struct {
        const char *json, *message;
    } cases[] = {{"", "not valid JSON"},
                 {"[]", "expected"},
                 {"{}", "expected"},
                 {"{\"1\": []}", "no numbers"},
                 {"{\"1\": 5}", "no numbers"},
                 {"{\"1\": [1], \"2\": [1, 2]}", "element 2"},
                 {"{\"1\": [1], \"2\": 7}", "element 2"},
                 {"{\"0\": [1]}", "\"0\""},
                 {"{\"119\": [1]}", "\"119\""},
                 {"{\"Fe\": [1]}", "\"Fe\""},
                 {"{\"1\": [1], \"01\": [1]}", "twice"},
                 {"{\"1\": [1], \"1\": [1]}", "not valid JSON"},
                 {"{\"1\": [\"x\"]}", "entry 1 of element 1"},
                 {"{\"1\": [true]}", "entry 1 of element 1"},
                 {"{\"1\": [1e999]}", "not valid JSON"},
                 {"{\"1\": [1]", "not valid JSON"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_element_table *table = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_element_table_parse(&table, cases[i].json, strlen(cases[i].json), &err), RCR_ERR_PARSE);
        assert_null(table);
        if (strstr(err.message, cases[i].message) == NULL) fail_msg("%s: message %s", cases[i].json, err.message);
    }
    rcr_error err = {0};
    rcr_element_table *table = NULL;
    assert_int_equal(rcr_element_table_parse(&table, "{\n\n\"1\": [1,]}", 13, &err), RCR_ERR_PARSE);
    assert_int_equal(err.line, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(symbols_both_ways),
                                       cmocka_unit_test(equals_published_vectors),
                                       cmocka_unit_test(only_known_elements_coincide),
                                       cmocka_unit_test(iron_by_hand),
                                       cmocka_unit_test(parses_a_table),
                                       cmocka_unit_test(refuses_bad_tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
