/* URLs, the query of the Materials Project, names of files, pages. */
#include "support/check.h"
#include "support/folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "fetch/folder.h"
#include "fetch/mp.h"
#include "fetch/page.h"
#include "fetch/url.h"

static void test_escape(void **state) {
    (void)state;
    rcr_text url = {0};
    rcr_text_puts(&url, "https://example.org/x");
    rcr_url_parameter(&url, "filter", "a=\"\xc3\xa9\" AND b>1&c");
    rcr_url_parameter(&url, "list", "a,b-c_d.e~f");
    assert_string_equal(url.data, "https://example.org/x?filter=a%3D%22%C3%A9%22%20AND%20b%3E1%26c&list=a,b-c_d.e~f");
    rcr_text_free(&url);
    char text[] = "a%20b+c%2Bd%zz%4%00e%";
    rcr_url_unescape(text);
    assert_string_equal(text, "a b c+d%zz%4%00e%");
}

static void test_where(void **state) {
    (void)state;
    rcr_text url = {0};
    rcr_error err;
    rcr_text_puts(&url, "http://h/?a=1");
    assert_int_equal(rcr_url_parameters(&url, "x=1&y=a%20b&&z=", &err), RCR_OK);
    assert_string_equal(url.data, "http://h/?a=1&x=1&y=a%20b&z=");
    assert_int_equal(rcr_url_parameters(&url, "x", &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_url_parameters(&url, "=x", &err), RCR_ERR_ARGUMENT);
    rcr_text_free(&url);
}

static void test_check(void **state) {
    (void)state;
    static const char *const good[] = {"https://a", "HTTP://a.b:80/c?d", "http://[::1]:8080/x", NULL};
    static const char *const bad[] = {
        "",           "a.b",          "ftp://a",          "https://",       "https:///x", "http://:80/", "https://a b",
        "http://a\n", "http://u@h/x", "http://u:p@h:1/x", "http://a\\@b/c", NULL};
    for (size_t i = 0; good[i] != NULL; i++) assert_int_equal(rcr_url_check(good[i], NULL), RCR_OK);
    for (size_t i = 0; bad[i] != NULL; i++) assert_int_equal(rcr_url_check(bad[i], NULL), RCR_ERR_ARGUMENT);
    char longer[RCR_URL_MAX + 2] = "http://a/";
    memset(longer + 9, 'x', sizeof longer - 10);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(rcr_url_check(longer, NULL), RCR_ERR_ARGUMENT);
    longer[RCR_URL_MAX] = '\0';
    assert_int_equal(rcr_url_check(longer, NULL), RCR_OK);
}

static void test_origin(void **state) {
    (void)state;
    assert_true(rcr_url_same_origin("https://A.org/x", "https://a.org:443/y?z"));
    assert_true(rcr_url_same_origin("http://a.org:80", "http://a.org/y"));
    assert_false(rcr_url_same_origin("https://a.org/", "http://a.org/"));
    assert_false(rcr_url_same_origin("https://a.org/", "https://a.org:444/"));
    assert_false(rcr_url_same_origin("https://a.org/", "https://a.org.evil.net/"));
    assert_false(rcr_url_same_origin("https://a.org/", "https://b.org/?https://a.org/"));
    assert_true(rcr_url_same_host("https://a.org/", "http://a.org/"));
    assert_true(rcr_url_is_local("http://127.0.0.1:99/"));
    assert_true(rcr_url_is_local("http://LOCALHOST/x"));
    assert_true(rcr_url_is_local("http://[::1]:1/x"));
    assert_false(rcr_url_is_local("http://127.0.0.1.evil.net/"));
    assert_false(rcr_url_is_local("http://localhost.net/"));
    assert_false(rcr_url_is_local("http://1270.0.0.1/"));
}

static void test_mp_url(void **state) {
    (void)state;
    rcr_text url = {0};
    rcr_error err;
    const char *property[] = {"bulk_modulus.vrh", "bulk_modulus.voigt", "band_gap"};
    rcr_mp_search search = {.stable_only = 1, .spacegroup = "225", .chemsys = "Li-Fe-O,Si-*", .where = "nsites_max=40"};
    assert_int_equal(rcr_mp_url(&url, "https://h//", &search, property, 3, 1.5, NAN, &err), RCR_OK);
    assert_string_equal(url.data, "https://h/materials/summary/?_fields=material_id,structure,bulk_modulus,band_gap"
                                  "&k_vrh_min=1.5&chemsys=Li-Fe-O,Si-%2A&spacegroup_number=225&is_stable=true"
                                  "&batch_id_not_eq=gnome_r2scan_statics&nsites_max=40");
    rcr_text_free(&url);
    search = (rcr_mp_search){.include_gnome = 1, .spacegroup = "Fm-3m"};
    assert_int_equal(rcr_mp_url(&url, "https://h", &search, property, 1, NAN, NAN, &err), RCR_OK);
    assert_string_equal(url.data, "https://h/materials/summary/?_fields=material_id,structure,bulk_modulus"
                                  "&has_props=elasticity&spacegroup_symbol=Fm-3m");
    rcr_text_free(&url);
    assert_null(rcr_mp_property_find("formation_energy"));
    assert_string_equal(rcr_mp_property_find("formation_energy_per_atom")->unit, "eV/atom");
}

static void test_names(void **state) {
    (void)state;
    static const char *const pair[][2] = {
        {"mp-149", "mp-149"},   {"a/b", "a%2Fb"},          {".x", "%2Ex"}, {"a.b", "a.b"}, {"a%2Fb", "a%252Fb"},
        {"\xc3\xa9", "%C3%A9"}, {"oqmd:1,2", "oqmd%3A1,2"}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        rcr_text name = {0};
        assert_true(rcr_file_name_of_id(&name, pair[i][0]));
        assert_string_equal(name.data, pair[i][1]);
        rcr_text_free(&name);
    }
    rcr_text name = {0};
    assert_false(rcr_file_name_of_id(&name, ""));
    rcr_text_free(&name);
    rcr_name_set *set = rcr_name_set_new();
    char id[32];
    for (int k = 0; k < 5000; k++) {
        snprintf(id, sizeof id, "mp-%d", k);
        assert_int_equal(rcr_name_set_add(set, id), 1);
        assert_int_equal(rcr_name_set_add(set, id), 0);
    }
    rcr_name_set_free(set);
}

static void complains(const char *body, const char *want) {
    rcr_text text = {0};
    rcr_page_complaint(&text, body, strlen(body));
    assert_string_equal(text.data != NULL ? text.data : "", want);
    rcr_text_free(&text);
}

static void test_complaints(void **state) {
    (void)state;
    complains("{\"detail\": \"too\\nmuch\"}", "too much");
    complains("{\"detail\": [{\"loc\": [\"query\", \"_limit\"], \"msg\": \"no number\"}, {\"msg\": \"x\"}]}",
              "_limit: no number; x");
    complains("{\"errors\": [{\"title\": \"Bad\", \"detail\": \"why\"}, {\"title\": \"Worse\"}]}", "Bad: why; Worse");
    complains("{\"message\": \"m\"}", "m");
    complains("[1]", "");
    complains("<html>busy</html>", "");
    complains("  upstream\tdown\n", "upstream down ");
    complains("", "");
}

static void test_values(void **state) {
    (void)state;
    const char *body = "{\"data\": [{\"material_id\": \"m\", \"a\": {\"b.c\": 1, \"b\": {\"c\": 2, \"d\": true}}, "
                       "\"a.x\": 3, \"l\": [4, {\"k\": \"-1.5e1\"}], \"t\": \"wide\", \"n\": null, \"z\": false}], "
                       "\"meta\": {\"total_doc\": 12}}";
    static const struct {
        const char *path;
        double value;
    } good[] = {{"a.b.c", 1}, {"a.b.d", 1}, {"a.x", 3}, {"l.0", 4}, {"l.1.k", -15}, {"z", 0}};
    static const char *const bad[] = {"a", "a.b", "t", "n", "l.2", "l.x", "l.-1", "l", "q", "", "."};
    rcr_page *page;
    rcr_error err;
    double value;
    assert_int_equal(rcr_page_parse_mp(&page, body, strlen(body), &err), RCR_OK);
    assert_int_equal(rcr_page_total(page), 12);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(rcr_page_value(&value, page, 0, good[i].path, &err), RCR_OK);
        assert_true(value == good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(rcr_page_value(&value, page, 0, bad[i], &err), RCR_ERR_DATA);
    rcr_page_free(page);
    assert_int_equal(rcr_page_parse_mp(&page, "{\"data\": {}}", 12, &err), RCR_ERR_PARSE);
    assert_int_equal(rcr_page_parse_mp(&page, "{\"data\": [", 10, &err), RCR_ERR_PARSE);
    /* NaN, as Python writes it, costs its row alone. */
    body = "{\"data\": [{\"material_id\": \"m\", \"a\": NaN}, {\"material_id\": \"o\", \"a\": 2}]}";
    assert_int_equal(rcr_page_parse_mp(&page, body, strlen(body), &err), RCR_OK);
    assert_int_equal(rcr_page_value(&value, page, 0, "a", &err), RCR_ERR_DATA);
    assert_int_equal(rcr_page_value(&value, page, 1, "a", &err), RCR_OK);
    rcr_page_free(page);
}

/* Integers of more than 64 bits, and numbers beyond a double's: values, or none, and no reason to lose the page. */
static void test_long_numbers(void **state) {
    (void)state;
    rcr_page *page;
    rcr_error err;
    double value;
    const char *body = "{\"data\": [{\"id\": \"a\", \"attributes\": {\"big\": 10000000000000000000000000, \"x\": 1, "
                       "\"huge\": -1e999, \"s\": \"99999999999999999999\\\" 1e999\"}}, {\"id\": \"b\", \"id\": \"b\", "
                       "\"attributes\": {\"big\": -9223372036854775809, \"small\": -9223372036854775808}}], "
                       "\"meta\": {\"data_returned\": 2, \"hash\": 18446744073709551615}}";
    assert_int_equal(rcr_page_parse_optimade(&page, body, strlen(body), &err), RCR_OK);
    assert_int_equal(rcr_page_total(page), 2);
    assert_string_equal(rcr_page_id(page, 1), "b");
    assert_int_equal(rcr_page_value(&value, page, 0, "big", &err), RCR_OK);
    assert_true(value == 1e25);
    assert_int_equal(rcr_page_value(&value, page, 0, "x", &err), RCR_OK);
    assert_int_equal(rcr_page_value(&value, page, 0, "huge", &err), RCR_ERR_DATA);
    assert_int_equal(rcr_page_value(&value, page, 0, "s", &err), RCR_ERR_DATA);
    assert_int_equal(rcr_page_value(&value, page, 1, "small", &err), RCR_OK);
    assert_true(value == -9223372036854775808.0);
    rcr_page_free(page);
}

static int is_there(const test_folder *folder, const char *name) {
    struct stat info;
    return lstat(folder_path(folder, name), &info) == 0;
}

/* Whatever ends the clearing away of a dataset, what is left is not said to be whole. */
static void test_clearing(void **state) {
    (void)state;
    static const char *const firsts[] = {"out/id_prop.csv", "out/provenance.json"};
    for (int k = 0; k < 2; k++) {
        test_folder folder = folder_make();
        rcr_folder_out out;
        rcr_error err;
        assert_int_equal(rcr_folder_out_open(&out, folder_path(&folder, "out"), &err), RCR_OK);
        for (int i = 0; i < 2; i++) folder_write(&folder, firsts[i], "x");
        folder_write(&folder, "out/a.cif", "x");
        folder_write(&folder, "out/.fetch/page-000001.json", "x");
        remove(folder_path(&folder, firsts[k]));
        assert_int_equal(mkdir(folder_path(&folder, firsts[k]), 0777), 0); /* which is no file to remove */
        assert_int_equal(rcr_folder_out_clear(&out, &err), RCR_ERR_IO);
        assert_int_equal(is_there(&folder, "out/id_prop.csv"), k == 0);
        assert_true(is_there(&folder, "out/provenance.json"));
        assert_true(is_there(&folder, "out/a.cif") && is_there(&folder, "out/.fetch/page-000001.json"));
        assert_int_equal(rmdir(folder_path(&folder, firsts[k])), 0);
        assert_int_equal(rcr_folder_out_clear(&out, &err), RCR_OK);
        assert_false(is_there(&folder, "out/a.cif") || is_there(&folder, "out/.fetch/page-000001.json"));
        rcr_folder_out_close(&out);
        folder_remove(&folder);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),   cmocka_unit_test(test_where),      cmocka_unit_test(test_check),
        cmocka_unit_test(test_origin),   cmocka_unit_test(test_mp_url),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_complaints), cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_clearing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
