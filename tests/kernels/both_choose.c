/* Choosing a table by name, by RECRYST_KERNELS, by processor. */
#include "kernels/kernels.h"
#include "support/check.h"

static const char *const names[] = {"ref", "base", "avx2", "avx512"};

static void by_name(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        const rcr_kernels *k = NULL;
        rcr_error err = {0};
        rcr_status status = rcr_kernels_choose(&k, names[i], &err);
        if (i == 0) assert_int_equal(status, RCR_OK);
        if (status == RCR_OK) {
            assert_string_equal(k->name, names[i]);
        } else {
            assert_int_equal(status, RCR_ERR_UNSUPPORTED);
            assert_null(k);
            assert_non_null(strstr(err.message, names[i]));
            assert_non_null(strstr(err.message, "ref, base, avx2, avx512"));
        }
    }
}

static void unknown_name(void **state) {
    (void)state;
    const rcr_kernels *k = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_kernels_choose(&k, "avx1024", &err), RCR_ERR_ARGUMENT);
    assert_null(k);
    assert_string_equal(err.message, "unknown kernels 'avx1024'; the names are ref, base, avx2, avx512");
    assert_int_equal(rcr_kernels_choose(&k, "REF", NULL), RCR_ERR_ARGUMENT);
    char name[2000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(rcr_kernels_choose(&k, name, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "the names are ref"));
}

static void by_environment(void **state) {
    (void)state;
    const rcr_kernels *k = NULL, *best = NULL;
    rcr_error err = {0};
    setenv("RECRYST_KERNELS", "ref", 1);
    assert_int_equal(rcr_kernels_choose(&k, NULL, &err), RCR_OK);
    assert_string_equal(k->name, "ref");
    setenv("RECRYST_KERNELS", "fast", 1);
    assert_int_equal(rcr_kernels_choose(&k, NULL, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "RECRYST_KERNELS"));
    assert_int_equal(rcr_kernels_choose(&k, "ref", &err), RCR_OK); /* a name given goes before the environment */
    setenv("RECRYST_KERNELS", "", 1);
    assert_int_equal(rcr_kernels_choose(&k, NULL, &err), RCR_OK);
    unsetenv("RECRYST_KERNELS");
    assert_int_equal(rcr_kernels_choose(&best, NULL, &err), RCR_OK);
    assert_ptr_equal(k, best);
    /* The best is the last in the order of speed that can be chosen by name. */
    for (int i = 3; i >= 0; i--)
        if (rcr_kernels_choose(&k, names[i], NULL) == RCR_OK) {
            assert_ptr_equal(k, best);
            break;
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(unknown_name),
        cmocka_unit_test(by_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
