#include "support/check.h"

#include <locale.h>
#include <math.h>

#include "base/rng.h"
#include "base/text.h"

static double number(const char *text) {
    double value = -12345;
    if (!rcr_parse_double(&value, text, strlen(text))) fail_msg("'%s' was refused", text);
    return value;
}

static void parses_known_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double value; /* written as hexadecimal floats, so that no decimal parser is trusted */
    } cases[] = {{"0", 0},
                 {"1.", 1},
                 {".5", 0.5},
                 {"-2.5E1", -25},
                 {"+1d2", 100},
                 {"1D-1", 0x1.999999999999ap-4},
                 {"0.3333333333333333", 0x1.5555555555555p-2},
                 {"0.333333333333333333333333333333333333333333", 0x1.5555555555555p-2},
                 {"9007199254740993", 0x1p53}, /* halfway: to even */
                 {"9007199254740993.0000000000000000000000000000000000001", 0x1.0000000000001p53},
                 {"9007199254740995", 0x1.0000000000002p53},
                 {"1e23", 0x1.52d02c7e14af6p+76},
                 {"8.98846567431158e307", 0x1p+1023},
                 {"1.7976931348623157e308", 0x1.fffffffffffffp+1023},
                 {"2.2250738585072014e-308", 0x1p-1022},
                 {"2.2250738585072011e-308", 0x0.fffffffffffffp-1022}, /* hung PHP and Java once */
                 {"4.9e-324", 0x1p-1074},
                 {"2.4703282292062328e-324", 0x1p-1074},
                 {"2.4703282292062327e-324", 0},
                 {"1e-400", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (number(cases[i].text) != cases[i].value)
            fail_msg("%s: got %a, expected %a", cases[i].text, number(cases[i].text), cases[i].value);
    assert_true(isinf(number("1e400")) && isinf(number("1.8e308")) && isinf(number("-inf")));
    assert_true(number("-Infinity") < 0 && isnan(number("NaN")));
    assert_true(number("1e99999999999999999999") > 1e308 && number("0e99999999999999999999") == 0);
    assert_true(signbit(number("-0.0")) != 0);
}

static void refuses_what_is_no_number(void **state) {
    (void)state;
    static const char *const bad[] = {"",     " ",     "1 ",  " 1",    "+",     ".",    "-.",
                                      "1e",   "1e+",   "e5",  "1,5",   "1.2.3", "0x10", "1_0",
                                      "nanx", "infin", "--1", "1e5.0", "1(2)",  "?",    "1e 5"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double value = 7;
        if (rcr_parse_double(&value, bad[i], strlen(bad[i]))) fail_msg("'%s' was taken for a number", bad[i]);
        assert_true(value == 7);
    }
    double value;
    assert_true(rcr_parse_double(&value, "12345", 2) && value == 12); /* stops at the length, needs no NUL */
}

/* The C library, in its C locale, is the oracle: all of its digits are right. */
static void agrees_with_strtod(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 1);
    for (int i = 0; i < 200000; i++) {
        char text[900];
        uint64_t bits = rcr_rng_next(&rng);
        double value;
        if (i % 2 == 0) { /* any double, printed with 1 to 25 digits */
            memcpy(&value, &bits, sizeof value);
            if (!isfinite(value)) continue;
            snprintf(text, sizeof text, "%.*e", (int)rcr_rng_below(&rng, 25), value);
        } else { /* ordinary magnitudes */
            value = (rcr_rng_uniform(&rng) - 0.5) * 100;
            snprintf(text, sizeof text, "%.*f", (int)rcr_rng_below(&rng, 25), value);
        }
        if (i % 500 == 0) { /* exactly halfway between two doubles, then just above */
            memcpy(&value, &bits, sizeof value);
            double next = nextafter(value, INFINITY);
            long double middle = ((long double)value + (long double)next) / 2;
            if (!isfinite(value) || !isfinite(next) || fabs(value) < 1e-280) continue;
            snprintf(text, sizeof text, "%.800Le", middle);
            if (i % 1000 == 0) text[strcspn(text, "e") - 1] = '1';
        }
        if (number(text) != strtod(text, NULL)) fail_msg("%s: %a, strtod %a", text, number(text), strtod(text, NULL));
    }
}

static void formats_shortest(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1, "1"},
                 {-0.5, "-0.5"},
                 {1e22, "1e+22"},
                 {1.0 / 3, "0.3333333333333333"},
                 {5e-324, "5e-324"},
                 {0.3, "0.3"},
                 {100, "100"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {INFINITY, "inf"},
                 {-INFINITY, "-inf"},
                 {NAN, "nan"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(rcr_format_double(buffer, cases[i].value), cases[i].text);
    rcr_rng rng;
    rcr_rng_seed(&rng, 6, 1);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = rcr_rng_next(&rng);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) assert_true(number(rcr_format_double(buffer, value)) == value);
        uint32_t half = (uint32_t)(bits >> 32);
        float single;
        memcpy(&single, &half, sizeof single);
        if (isfinite(single)) assert_true((float)number(rcr_format_float(buffer, single)) == single);
    }
    assert_string_equal(rcr_format_float(buffer, 0.1f), "0.1");
    assert_string_equal(rcr_format_float(buffer, 16777216.0f), "16777216");
    assert_string_equal(rcr_format_float(buffer, 1e-45f), "1e-45");
    assert_string_equal(rcr_format_float(buffer, -INFINITY), "-inf");
}

static void ignores_the_locale(void **state) {
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8"};
    int found = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (setlocale(LC_ALL, names[i]) == NULL) continue;
        found = 1;
        char buffer[32];
        assert_string_equal(rcr_format_double(buffer, 1.5), "1.5");
        assert_true(number("1.5") == 1.5);
    }
    setlocale(LC_ALL, "C");
    if (!found) {
        print_message("SKIPPED: no locale with a comma is installed\n");
        skip();
    }
}

static void parses_integers(void **state) {
    (void)state;
    int64_t value = 5;
    assert_true(rcr_parse_int64(&value, "9223372036854775807", 19) && value == INT64_MAX);
    assert_true(rcr_parse_int64(&value, "-9223372036854775808", 20) && value == INT64_MIN);
    assert_true(rcr_parse_int64(&value, "+012", 4) && value == 12);
    assert_true(rcr_parse_int64(&value, "-0", 2) && value == 0);
    static const char *const bad[] = {"",    "-",  "9223372036854775808", "-9223372036854775809",
                                      "1.0", " 1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        value = 5;
        assert_false(rcr_parse_int64(&value, bad[i], strlen(bad[i])));
        assert_true(value == 5);
    }
}

static void grows_text(void **state) {
    (void)state;
    rcr_text text = {0};
    for (int i = 0; i < 1000; i++) rcr_text_printf(&text, "%d,", i);
    rcr_text_printf(&text, "%0500d", 7);
    assert_int_equal(text.failed, 0);
    assert_int_equal(text.length, 10 * 2 + 90 * 3 + 900 * 4 + 500);
    assert_int_equal(strlen(text.data), text.length);
    rcr_text_free(&text);
    assert_null(text.data);
    assert_true(rcr_ends_with("A.CIF", ".cif") && !rcr_ends_with("cif", ".cif"));
    assert_true(rcr_equals_ignore_case("Nan", 3, "naN") && !rcr_equals_ignore_case("nan", 3, "na") &&
                !rcr_equals_ignore_case("na", 2, "nan"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(parses_known_numbers),
                                       cmocka_unit_test(refuses_what_is_no_number),
                                       cmocka_unit_test(agrees_with_strtod),
                                       cmocka_unit_test(formats_shortest),
                                       cmocka_unit_test(ignores_the_locale),
                                       cmocka_unit_test(parses_integers),
                                       cmocka_unit_test(grows_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
