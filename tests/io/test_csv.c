#include "support/check.h"

#include "base/text.h"
#include "io/csv.h"

/* The rows as "line:a|b|c/", so that a case is one string. */
static void expect(const char *text, const char *rows) {
    rcr_csv *csv = NULL;
    rcr_error err = {0};
    if (rcr_csv_parse(&csv, text, strlen(text), &err) != RCR_OK) fail_msg("'%s': %s", text, err.message);
    rcr_text seen = {0};
    rcr_text_puts(&seen, "");
    for (size_t i = 0; i < csv->n_rows; i++) {
        rcr_text_printf(&seen, "%ld:", csv->row[i].line);
        for (size_t k = 0; k < csv->row[i].n_fields; k++)
            rcr_text_printf(&seen, "%s%s", k > 0 ? "|" : "", csv->row[i].field[k]);
        rcr_text_puts(&seen, "/");
    }
    assert_string_equal(seen.data, rows);
    rcr_text_free(&seen);
    rcr_csv_free(csv);
}

static void reads_rows(void **state) {
    (void)state;
    expect("", "");
    expect("\n \n\r\n", "");
    expect("a,1", "1:a|1/");
    expect("a,1\nb,2", "1:a|1/2:b|2/");       /* the last row without a line end counts */
    expect("a,1\r\nb,2\r\n", "1:a|1/2:b|2/"); /* CRLF */
    expect("a,1\rb,2\r", "1:a|1/2:b|2/");     /* CR */
    expect("\xef\xbb\xbf"
           "a,1\n",
           "1:a|1/");
    expect("a , 1\t\n\n\n b,2", "1:a|1/4:b|2/");
    expect("a,,\n,\n", "1:a||/2:|/");
    expect("\"a, \"\"b\"\"\",\" c \"\n", "1:a, \"b\"| c /");
    expect("\"a\nb\",1\nc,2", "1:a\nb|1/3:c|2/");
    expect("\"a\r\nb\",1\r\nc,2", "1:a\r\nb|1/3:c|2/");
    expect("\"\"\nx", "1:/2:x/"); /* a quoted nothing is no blank line */
    expect("a\"b,1", "1:a\"b|1/");
    expect(" \"a\" ,1", "1:a|1/");
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        long line;
    } cases[] = {
        {"a,1\nb,\"2\nc,3\n", 13, 2}, {"a\n\"b\"c\n", 7, 2}, {"a\nb\0c\n", 6, 2}, {"\"", 1, 1}, {"\"a\"\"", 4, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_csv *csv = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_csv_parse(&csv, cases[i].text, cases[i].length, &err), RCR_ERR_PARSE);
        assert_null(csv);
        assert_int_equal(err.line, cases[i].line);
    }
}

static void written_fields_read_back(void **state) {
    (void)state;
    static const char *const fields[] = {"", "a", "a,b", "\"", "x\ny", " a", "a ", "", "\r"};
    const size_t n = sizeof fields / sizeof fields[0];
    rcr_text line = {0};
    for (size_t i = 0; i < n; i++) rcr_csv_write_field(&line, fields[i], i == 0);
    rcr_text_puts(&line, "\n");
    rcr_csv *csv;
    assert_int_equal(rcr_csv_parse(&csv, line.data, line.length, NULL), RCR_OK);
    assert_int_equal(csv->n_rows, 1);
    assert_int_equal(csv->row[0].n_fields, n);
    for (size_t i = 0; i < n; i++) assert_string_equal(csv->row[0].field[i], fields[i]);
    rcr_csv_free(csv);
    rcr_text_free(&line);
    rcr_csv_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_rows), cmocka_unit_test(refuses),
                                       cmocka_unit_test(written_fields_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
