#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/status.h"

static void formats_place_and_message(void **state) {
    (void)state;
    rcr_error err = {0};
    char text[600];
    assert_int_equal(rcr_fail_at(&err, RCR_ERR_PARSE, "a.cif", 7, "expected %d", 3), RCR_ERR_PARSE);
    rcr_error_format(text, sizeof text, &err);
    assert_string_equal(text, "a.cif:7: expected 3");
    assert_int_equal(rcr_fail(NULL, RCR_ERR_IO, "x"), RCR_ERR_IO);
}

/* What a format makes is what snprintf makes, for every kind of conversion that there is. */
#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char mine[200], theirs[200];                                                                                   \
        rcr_fit(mine, sizeof mine, __VA_ARGS__);                                                                       \
        snprintf(theirs, sizeof theirs, __VA_ARGS__);                                                                  \
        assert_string_equal(mine, theirs);                                                                             \
    } while (0)

static void formats_as_the_system_does(void **state) {
    (void)state;
    SAME("%s", "");
    SAME("100 %% of %s, %d%%", "it", -5);
    SAME("[%10s|%-10s|%.3s|%-8.3s|%.0s]", "ab", "cd", "efgh", "ijkl", "mn");
    SAME("[%*d|%.*f|%.*s|%-*s]", 7, 42, 2, 3.14159, 3, "abcdef", 5, "x");
    SAME("%d %ld %lld %zu %u %lu %llu %" PRId64 " %" PRIu32, -1, -2L, -3LL, (size_t)4, 5u, 6ul, 7ull, INT64_MIN, 9u);
    SAME("%02x %06x %X %c %5d %04d %+d", 255u, 4096u, 48879u, 'q', 12, 34, 5);
    SAME("%g %.3f %10.6f %.0f %e", 1.5, 2.25, -3.125, 4.0, 5e300);
    SAME("%*.*f %s %d", 8, 3, 2.5, "after what is not known", 7);
    SAME("%s", "caf\xe9");
}

/* "ä", two bytes, cut by the size of a message, by a precision, by nothing. */
static void cuts_between_characters(void **state) {
    (void)state;
    rcr_error err;
    char text[2000] = "x", small[8];
    for (size_t n = 1; n + 2 < sizeof text; n += 2) memcpy(text + n, "\xc3\xa4", 3);
    for (int odd = 0; odd < 2; odd++) {
        rcr_fail_at(&err, RCR_ERR_DATA, text + odd, 0, "%s", text + odd);
        assert_int_equal(strlen(err.message) % 2, !odd);
        assert_int_equal(strlen(err.file) % 2, !odd);
        assert_in_range(strlen(err.message), sizeof err.message - 2, sizeof err.message - 1);
        rcr_fail(&err, RCR_ERR_DATA, "\"%.10s\" and %d", text + odd, 3);
        assert_int_equal(strlen(err.message), strlen("\"\" and 3") + (odd ? 10 : 9));
        rcr_fail(&err, RCR_ERR_DATA, "\"%.*s\"", rcr_shown(text + odd, 20, 10), text + odd);
        assert_int_equal(strlen(err.message), 2 + (odd ? 10 : 9));
    }
    rcr_fit(small, sizeof small, "abcd\xf0\x9f\x98\x80");
    assert_string_equal(small, "abcd");
    rcr_fit(small, sizeof small, "abc\xf0\x9f\x98\x80");
    assert_string_equal(small, "abc\xf0\x9f\x98\x80");
    assert_int_equal(rcr_whole_characters("", 0), 0);
    assert_int_equal(rcr_whole_characters("\xe2\x82\xac", 2), 0);
    assert_int_equal(rcr_whole_characters("\x80\x80\x80\x80\x80", 5), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(formats_place_and_message),
                                       cmocka_unit_test(formats_as_the_system_does),
                                       cmocka_unit_test(cuts_between_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
