#include "support/check.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(formats_place_and_message)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
