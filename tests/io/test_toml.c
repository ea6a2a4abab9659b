#include "support/check.h"

#include "base/text.h"
#include "io/toml.h"

/* The tree as "key@line=value", so that a case is one string; tables in {}, arrays in []. */
static void show(rcr_text *out, const rcr_toml *node) {
    char number[32];
    if (node->key != NULL) rcr_text_printf(out, "%s@%ld=", node->key, node->line);
    switch (node->kind) {
    case RCR_TOML_TABLE:
    case RCR_TOML_ARRAY:
        rcr_text_puts(out, node->kind == RCR_TOML_TABLE ? "{" : "[");
        for (size_t i = 0; i < node->n; i++) {
            if (i > 0) rcr_text_puts(out, " ");
            show(out, &node->child[i]);
        }
        rcr_text_puts(out, node->kind == RCR_TOML_TABLE ? "}" : "]");
        break;
    case RCR_TOML_TEXT: rcr_text_printf(out, "'%s'", node->text); break;
    case RCR_TOML_INTEGER: rcr_text_printf(out, "%lld", (long long)node->integer); break;
    case RCR_TOML_NUMBER: rcr_text_printf(out, "~%s", rcr_format_double(number, node->number)); break;
    case RCR_TOML_BOOL: rcr_text_puts(out, node->integer ? "true" : "false"); break;
    case RCR_TOML_DATE: rcr_text_puts(out, "date"); break;
    }
}

static void expect(const char *text, const char *tree) {
    rcr_toml *root = NULL;
    rcr_error err = {0};
    if (rcr_toml_parse(&root, text, strlen(text), &err) != RCR_OK) fail_msg("'%s': %s", text, err.message);
    rcr_text seen = {0};
    show(&seen, root);
    assert_string_equal(seen.data, tree);
    rcr_text_free(&seen);
    rcr_toml_free(root);
}

static void reads_values(void **state) {
    (void)state;
    expect("", "{}");
    expect("# nothing\n\n", "{}");
    expect("\xef\xbb\xbf"
           "a = 1",
           "{a@1=1}");
    expect("a = 1\r\nb = -0\r\nc = +7\n", "{a@1=1 b@2=0 c@3=7}");
    expect("a = 0xff\nb = 0o17\nc = 0b101\nd = 1_000_000\n", "{a@1=255 b@2=15 c@3=5 d@4=1000000}");
    expect("a = 9223372036854775807\nb = -9223372036854775808", "{a@1=9223372036854775807 b@2=-9223372036854775808}");
    expect("a = 1.0\nb = 1e-3\nc = -inf\nd = nan\ne = 0.1", "{a@1=~1 b@2=~0.001 c@3=~-inf d@4=~nan e@5=~0.1}");
    expect("a = true\nb = false", "{a@1=true b@2=false}");
    expect("a = 1979-05-27\nb = 07:32:00", "{a@1=date b@2=date}");
    expect("a = \"\\u00e9\\t\\\"\\\\\"\nb = 'C:\\x'", "{a@1='\xc3\xa9\t\"\\' b@2='C:\\x'}");
    expect("a = \"\"\"\nx\ny\"\"\"\nb = '''\n'q'''\n", "{a@1='x\ny' b@4=''q'}");
    expect("a = \"\"\"x\\\n\xc4\xa4\"\"\"", "{a@1='x\xc4\xa4'}");
    expect("a = [1, 2.5, 'x', [true]]", "{a@1=[1 ~2.5 'x' [true]]}");
}

static void keeps_the_order_of_the_file(void **state) {
    (void)state;
    expect("z = 1\na = 2\nm = 3", "{z@1=1 a@2=2 m@3=3}");
    expect("[t]\nz = 1\na = 2\n[s]\nb = 3", "{t@1={z@2=1 a@3=2} s@4={b@5=3}}");
    expect("a = {z = 1, b = 2}", "{a@1={z@1=1 b@1=2}}");
    expect("z.y = 1\nz.x = 2\nb.c = 3", "{z@1={y@1=1 x@2=2} b@3={c@3=3}}");
    expect("[z.a]\nx = 1\n[b]\n[z]\ny = 2", "{z@1={a@1={x@2=1} y@5=2} b@3={}}");
    expect("[[s]]\nname = 'b'\n[[s]]\nname = 'a'\n", "{s@1=[{name@2='b'} {name@4='a'}]}");
    expect("[[s]]\n[s.t]\nx = 1\n[[s]]\n", "{s@1=[{t@2={x@3=1}} {}]}");
}

static void says_where_it_fails(void **state) {
    (void)state;
    static const struct {
        const char *text;
        long line;
        const char *says;
    } cases[] = {
        {"a = 1\nb 2\n", 2, "expected '='"},  {"a = 1\na = 2\n", 2, "redefine"},
        {"[t]\nx = 1\n[t]\n", 3, "redefine"}, {"a = \"x\n", 1, "column"},
        {"a = 01\n", 1, "leading zeroes"},    {"a = 9223372036854775808\n", 1, "64 bits"},
        {"a = \"\\u0000\"\n", 1, "NUL"},      {"\"a\\u0000\" = 1\n", 1, "NUL"},
        {"\n\na = \"\xff\"\n", 3, "column"},  {"a = [1,\n2\n", 2, "end-of-file"},
        {"a = yes\n", 1, "column"},           {"\xc4\xa4 = 1\n", 1, "column"},
        {"a\xc4\xa4 = 1\n", 1, "column"},     {"a = 1 \xc2\xa1\n", 1, "column"},
        {"[[=]]\nx = 1\n", 1, "column"},      {"[[\x95]]\n", 1, "column"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_toml *root = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_toml_parse(&root, cases[i].text, strlen(cases[i].text), &err), RCR_ERR_PARSE);
        assert_null(root);
        if (err.line != cases[i].line || strstr(err.message, cases[i].says) == NULL)
            fail_msg("'%s': line %ld: %s", cases[i].text, err.line, err.message);
    }
}

static rcr_status parse_text(const rcr_text *text, rcr_error *err) {
    rcr_toml *root = NULL;
    assert_false(text->failed);
    rcr_status status = rcr_toml_parse(&root, text->data, text->length, err);
    rcr_toml_free(root);
    return status;
}

static void bounds_size_and_nesting(void **state) {
    (void)state;
    rcr_error err = {0};
    static const char *const repeated[] = {"[", "a = {", "a.", "\"a\".", "'a' . "};
    for (size_t k = 0; k < sizeof repeated / sizeof *repeated; k++) {
        rcr_text text = {0};
        rcr_text_puts(&text, k == 0 ? "# \"\nx = " : "\n");
        for (int i = 0; i < 50000; i++) rcr_text_puts(&text, repeated[k]);
        rcr_text_puts(&text, k >= 2 ? "a = 1" : "");
        assert_int_equal(parse_text(&text, &err), RCR_ERR_LIMIT);
        assert_int_equal(err.line, 2);
        rcr_text_free(&text);
    }
    /* Dots that are no part of a key. */
    rcr_text text = {0};
    rcr_text_puts(&text, "# ");
    for (int i = 0; i < 100; i++) rcr_text_puts(&text, ".");
    rcr_text_puts(&text, "\na = [");
    for (int i = 0; i < 100; i++) rcr_text_puts(&text, "0.5, ");
    rcr_text_puts(&text, "]\nb = \"\\\"");
    for (int i = 0; i < 100; i++) rcr_text_puts(&text, ".");
    rcr_text_puts(&text, "\"\nc = '''\n''' # '\nd = \"\"\"\"..\"..\"\"\"\"\"\n");
    rcr_text_puts(&text, "x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x = 1\n");
    assert_int_equal(parse_text(&text, &err), RCR_OK);
    rcr_text_free(&text);

    for (size_t i = 0; i <= RCR_TOML_MAX_BYTES; i++) rcr_text_puts(&text, "\n");
    assert_int_equal(parse_text(&text, &err), RCR_ERR_LIMIT);
    text.length--;
    assert_int_equal(parse_text(&text, &err), RCR_OK);
    rcr_text_free(&text);
}

static void finds_keys(void **state) {
    (void)state;
    rcr_toml *root = NULL;
    rcr_error err = {0};
    const char text[] = "a = 1\n[t]\nb = 2\n";
    assert_int_equal(rcr_toml_parse(&root, text, strlen(text), &err), RCR_OK);
    assert_int_equal(rcr_toml_find(root, "a")->integer, 1);
    assert_int_equal(rcr_toml_find(rcr_toml_find(root, "t"), "b")->integer, 2);
    assert_null(rcr_toml_find(root, "b"));
    rcr_toml_free(root);
    rcr_toml_free(NULL);
    assert_int_equal(rcr_toml_read(&root, "/nonexistent/x.toml", &err), RCR_ERR_IO);
    assert_string_equal(err.file, "/nonexistent/x.toml");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),        cmocka_unit_test(keeps_the_order_of_the_file),
        cmocka_unit_test(says_where_it_fails), cmocka_unit_test(bounds_size_and_nesting),
        cmocka_unit_test(finds_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
