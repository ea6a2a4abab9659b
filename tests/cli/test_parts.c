/* The command's parts: options, words, figures, JSON. */
#include "support/check.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>

#include "cli/args.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/train_view.h"
#include "io/archive.h"

typedef struct values {
    int32_t flag, number, choice;
    int64_t large;
    uint64_t seed;
    double real;
    const char *text;
    rcr_arg_list list;
    rcr_arg_texts texts;
} values;

enum { N_TABLE = 9, MAX_WORDS = 32 };

static void make_table(rcr_arg table[N_TABLE], values *v) {
    *v = (values){.number = 7, .real = 0.5, .large = -1};
    const rcr_arg rows[N_TABLE] = {
        {.name = "flag", .kind = RCR_ARG_FLAG, .value = &v->flag},
        {.name = "number", .kind = RCR_ARG_INT32, .value_name = "N", .value = &v->number, .min = -3, .max = 10},
        {.name = "choice", .kind = RCR_ARG_CHOICE, .value_name = "one|two|three", .value = &v->choice},
        {.name = "large", .kind = RCR_ARG_INT64, .value_name = "N", .value = &v->large, .max = 1e15},
        {.name = "seed", .kind = RCR_ARG_UINT64, .value_name = "N", .value = &v->seed},
        {.name = "real", .kind = RCR_ARG_DOUBLE, .value_name = "X", .value = &v->real, .max = 1, .above_min = 1},
        {.name = "text", .kind = RCR_ARG_TEXT, .value_name = "T", .value = &v->text},
        {.name = "list", .kind = RCR_ARG_LIST, .value_name = "N,N", .value = &v->list, .min = 1, .max = 99},
        {.name = "each", .kind = RCR_ARG_TEXTS, .value_name = "T", .value = &v->texts},
    };
    memcpy(table, rows, sizeof rows);
}

/* Parse a line of words with blanks between; the words live in buffer. */
static rcr_status parse(rcr_args *args, rcr_arg table[N_TABLE], values *v, char buffer[256], const char *line,
                        rcr_error *err) {
    static char *word[MAX_WORDS];
    int n = 0;
    make_table(table, v);
    *args = (rcr_args){.command = "test", .arg = table, .n_args = N_TABLE};
    snprintf(buffer, 256, "test %s", line);
    for (char *p = strtok(buffer, " "); p != NULL && n < MAX_WORDS - 1; p = strtok(NULL, " ")) word[n++] = p;
    word[n] = NULL;
    return rcr_args_parse(args, n, word, err);
}

static void test_values_are_read(void **state) {
    (void)state;
    rcr_args args;
    rcr_arg table[N_TABLE];
    values v;
    char buffer[256];
    assert_int_equal(
        parse(&args, table, &v, buffer,
              "a --number -3 --real=0.25 b --choice three --seed 9223372036854775807 --large 1000000000000 "
              "--flag --list 4,5,6 --each u --text x=y --each=v=w -- --flag",
              NULL),
        RCR_OK);
    assert_int_equal(v.number, -3);
    assert_true(v.real == 0.25);
    assert_int_equal(v.choice, 2);
    assert_true(v.seed == (uint64_t)INT64_MAX);
    assert_true(v.large == 1000000000000);
    assert_int_equal(v.flag, 1);
    assert_int_equal(v.list.n, 3);
    assert_int_equal(v.list.item[2], 6);
    assert_string_equal(v.text, "x=y");
    assert_int_equal(v.texts.n, 2);
    assert_string_equal(v.texts.item[0], "u");
    assert_string_equal(v.texts.item[1], "v=w");
    assert_int_equal(args.n_positional, 3);
    assert_string_equal(args.positional[0], "a");
    assert_string_equal(args.positional[1], "b");
    assert_string_equal(args.positional[2], "--flag");
    assert_int_equal(rcr_args_find(&args, "flag")->given, 1);
    assert_null(rcr_args_find(&args, "none"));
}

static void test_flags_can_be_put_out(void **state) {
    (void)state;
    rcr_args args;
    rcr_arg table[N_TABLE];
    values v;
    char buffer[256];
    assert_int_equal(parse(&args, table, &v, buffer, "--flag=true x", NULL), RCR_OK);
    assert_int_equal(v.flag, 1);
    assert_int_equal(args.n_positional, 1);
    assert_int_equal(parse(&args, table, &v, buffer, "--flag --flag=false", NULL), RCR_OK);
    assert_int_equal(v.flag, 0);
    assert_int_equal(rcr_args_find(&args, "flag")->given, RCR_GIVEN_LINE);
    /* Only with '=': what stands after it is another argument. */
    assert_int_equal(parse(&args, table, &v, buffer, "--flag false", NULL), RCR_OK);
    assert_int_equal(v.flag, 1);
    assert_string_equal(args.positional[0], "false");
}

static void test_defaults_stay(void **state) {
    (void)state;
    rcr_args args;
    rcr_arg table[N_TABLE];
    values v;
    char buffer[256];
    assert_int_equal(parse(&args, table, &v, buffer, "", NULL), RCR_OK);
    assert_int_equal(v.number, 7);
    assert_int_equal(args.n_positional, 0);
    assert_int_equal(rcr_args_find(&args, "number")->given, 0);
    assert_int_equal(parse(&args, table, &v, buffer, "--help --nonsense", NULL), RCR_OK);
    assert_int_equal(args.help, 1);
}

static void test_nonsense_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"--number 11", "--number takes a whole number from -3 to 10, not '11'"},
        {"--number 2.0", "not '2.0'"},
        {"--number 0x2", "not '0x2'"},
        {"--real 0", "--real takes a number above 0 and at most 1, not '0'"},
        {"--real 1.0001", "not '1.0001'"},
        {"--real inf", "not 'inf'"},
        {"--choice four", "--choice takes one of one|two|three, not 'four'"},
        {"--choice on", "not 'on'"},
        {"--seed 9223372036854775808", "--seed takes a whole number"},
        {"--list 1,100", "--list takes whole numbers"},
        {"--list 1,", "--list takes whole numbers"},
        {"--list 1;2", "--list takes whole numbers"},
        {"--numbr 1", "unknown option '--numbr'; did you mean '--number'?"},
        {"--num 1", "unknown option '--num'; did you mean '--number'?"},
        {"--num=1", "unknown option '--num'; did you mean '--number'?"},
        {"--fla", "unknown option '--fla'; did you mean '--flag'?"},
        {"--flag=1", "--flag takes no value, or =true or =false, not '1'"},
        {"--flag=", "--flag takes no value"},
        {"--fla=true", "unknown option '--fla'; did you mean '--flag'?"},
        {"--each=", "--each takes a text that is not empty"},
        {"--hel", "unknown option '--hel'; did you mean '--help'?"},
        {"--number", "--number needs a value: --number N"},
        {"--numbe", "unknown option '--numbe'"},
        {"-x", "unknown option '-x'"},
        {"-xyz", "unknown option '-xyz'"},
        {"-flag", "unknown option '-flag'; did you mean '--flag'?"},
        {"file --flag -numbr=3 4", "unknown option '-numbr'; did you mean '--number'?"},
        {"--help=x", "--help takes no value"},
        {"--hel=x", "unknown option '--hel'; did you mean '--help'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_args args;
        rcr_arg table[N_TABLE];
        values v;
        char buffer[256];
        rcr_error err = {0};
        assert_int_equal(parse(&args, table, &v, buffer, cases[i].line, &err), RCR_ERR_ARGUMENT);
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("%s: '%s' lacks '%s'", cases[i].line, err.message, cases[i].message);
    }
}

static void test_nearest_word(void **state) {
    (void)state;
    const char *const words[] = {"train", "evaluate", "predict", "info", "graph", NULL};
    assert_string_equal(rcr_nearest_word("trian", words), "train");
    assert_string_equal(rcr_nearest_word("Train", words), "train");
    assert_string_equal(rcr_nearest_word("evalute", words), "evaluate");
    assert_string_equal(rcr_nearest_word("predcit", words), "predict");
    assert_string_equal(rcr_nearest_word("eval", words), "evaluate");
    assert_null(rcr_nearest_word("zebra", words));
    assert_null(rcr_nearest_word("", words));
    const char *const alike[] = {"test-ratio", "test-size", NULL};
    assert_null(rcr_nearest_word("test-", alike));
}

static void test_figures(void **state) {
    (void)state;
    char b[32];
    assert_string_equal(rcr_format_duration(b, 0.0042), "0.004 s");
    assert_string_equal(rcr_format_duration(b, 0.42), "0.42 s");
    assert_string_equal(rcr_format_duration(b, 4.2), "4.2 s");
    assert_string_equal(rcr_format_duration(b, 42.4), "42 s");
    assert_string_equal(rcr_format_duration(b, 59.6), "1:00 min");
    assert_string_equal(rcr_format_duration(b, 151), "2:31 min");
    assert_string_equal(rcr_format_duration(b, 3599.7), "1:00 h");
    assert_string_equal(rcr_format_duration(b, 11100), "3:05 h");
    assert_string_equal(rcr_format_duration(b, NAN), "?");
    assert_string_equal(rcr_format_count(b, 0), "0");
    assert_string_equal(rcr_format_count(b, 999), "999");
    assert_string_equal(rcr_format_count(b, 1000), "1,000");
    assert_string_equal(rcr_format_count(b, -1234567), "-1,234,567");
    assert_string_equal(rcr_format_count(b, LLONG_MIN), "-9,223,372,036,854,775,808");
    assert_int_equal(rcr_decimals_for(1.05), 4);
    assert_int_equal(rcr_decimals_for(0.0886), 5);
    assert_int_equal(rcr_decimals_for(490), 2);
    assert_int_equal(rcr_decimals_for(1e9), 0);
    assert_int_equal(rcr_decimals_for(1e-12), 9);
    assert_int_equal(rcr_decimals_for(0), 4);
    assert_int_equal(rcr_decimals_for(NAN), 4);
    assert_string_equal(rcr_format_value(b, 0.00001, 4), "0.0000"); /* little beside its scale */
    assert_string_equal(rcr_format_value(b, 1.5e-7, 9), "0.000000150");
    assert_string_equal(rcr_format_value(b, -1.5e-9, 9), "-1.500e-09");
    assert_string_equal(rcr_format_value(b, 4.25e-13, 9), "4.250e-13");
    assert_string_equal(rcr_format_value(b, 0, 9), "0.000000000");
    assert_string_equal(rcr_format_value(b, NAN, 9), "-");
}

static void test_json(void **state) {
    (void)state;
    static const struct {
        const char *text, *read_back;
    } cases[] = {
        {"plain", "plain"},
        {"quote\" slash\\ tab\t bell\x07", "quote\" slash\\ tab\t bell\x07"},
        {"caf\xc3\xa9 \xe2\x84\xab \xf0\x9f\x94\xac", "caf\xc3\xa9 \xe2\x84\xab \xf0\x9f\x94\xac"},
        {"latin \xe9!", "latin \xef\xbf\xbd!"},
        {"cut \xe2\x84", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"surrogate \xed\xa0\x80", "surrogate \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"overlong \xc0\xaf", "overlong \xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_text text = {0};
        rcr_json_string(&text, cases[i].text);
        assert_false(text.failed);
        json_t *value = json_loadb(text.data, text.length, JSON_DECODE_ANY, NULL);
        assert_non_null(value);
        assert_string_equal(json_string_value(value), cases[i].read_back);
        json_decref(value);
        rcr_text_free(&text);
    }
    rcr_text text = {0};
    rcr_json_number(&text, 0.1);
    rcr_text_puts(&text, " ");
    rcr_json_number(&text, NAN);
    rcr_text_puts(&text, " ");
    rcr_json_number(&text, -INFINITY);
    assert_string_equal(text.data, "0.1 null null");
    rcr_text_free(&text);
}

static void test_shell_words(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"runs/a-1", "runs/a-1"}, {"my run", "'my run'"}, {"it's", "'it'\\''s'"}, {"", "''"}, {"$(x)", "'$(x)'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_text text = {0};
        rcr_shell_word(&text, cases[i][0]);
        assert_string_equal(text.data, cases[i][1]);
        rcr_text_free(&text);
    }
}

static void test_score_table(void **state) {
    (void)state;
    const rcr_score score = {.n = 1234, .mae = 0.012345, .rmse = 0.02, .r2 = NAN};
    const rcr_score *const scores[] = {&score};
    const char *const names[] = {"test"};
    rcr_text text = {0};
    rcr_score_table(&text, 0, 4, names, scores, 1);
    assert_string_equal(text.data, "             crystals         MAE        RMSE          R2\n"
                                   "test            1,234      0.0123      0.0200           -\n");
    rcr_text_free(&text);
}

static void test_options_stand_anywhere(void **state) {
    (void)state;
    rcr_args args;
    rcr_arg table[N_TABLE];
    values v;
    char buffer[256];
    assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
    assert_int_equal(parse(&args, table, &v, buffer, "in --number 3 out --flag", NULL), RCR_OK);
    assert_true(v.number == 3 && v.flag == 1);
    assert_int_equal(args.n_positional, 2);
    assert_string_equal(args.positional[1], "out");
}

static void test_time_left(void **state) {
    (void)state;
    rcr_train_view view = {.n_epochs = 10};
    assert_true(rcr_train_view_left(&view, 4, 2, 0.5) == 6 * 2 + 1.5);
    assert_true(rcr_train_view_left(&view, 10, 2, 3) == 0);
    view.n_networks = 1; /* as a run is resumed that is none */
    assert_true(rcr_train_view_left(&view, 4, 2, 0.5) == 6 * 2 + 1.5);
    view.n_networks = 5; /* the three after this one take as long each */
    view.network = 2;
    assert_true(rcr_train_view_left(&view, 4, 2, 0.5) == 36 * 2 + 1.5);
    view.network = 5;
    assert_true(rcr_train_view_left(&view, 4, 2, 0.5) == 6 * 2 + 1.5);
}

static void test_archive_names(void **state) {
    (void)state;
    assert_true(rcr_is_archive_name("a/b.tar.zst"));
    assert_true(rcr_is_archive_name("B.ZIP"));
    assert_false(rcr_is_archive_name("zip"));
    assert_false(rcr_is_archive_name("a.cif"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_read),
        cmocka_unit_test(test_defaults_stay),
        cmocka_unit_test(test_flags_can_be_put_out),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_nearest_word),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_shell_words),
        cmocka_unit_test(test_score_table),
        cmocka_unit_test(test_options_stand_anywhere),
        cmocka_unit_test(test_time_left),
        cmocka_unit_test(test_archive_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
