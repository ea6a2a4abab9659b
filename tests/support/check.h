/* What every C test includes: cmocka with its prerequisites, and helpers to find the reference data. */
#ifndef RCR_TESTS_SUPPORT_CHECK_H
#define RCR_TESTS_SUPPORT_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Path of a file in the reference data, or NULL when the folder is absent (static buffer). */
static inline const char *shared_path(const char *name) {
    static char path[4096];
    const char *root = getenv("RECRYST_SHARED");
    if (root == NULL || root[0] == '\0') return NULL;
    snprintf(path, sizeof path, "%s/design.md", root);
    FILE *probe = fopen(path, "rb");
    if (probe == NULL) return NULL;
    fclose(probe);
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

/* Set when a test was skipped for want of its data. */
static inline int *check_skipped(void) {
    static int skipped;
    return &skipped;
}

/* A program's exit code: 77, which ctest counts as skipped, where nothing failed and something was skipped. */
static inline int check_code(int n_failed) { return n_failed != 0 ? 1 : *check_skipped() ? 77 : 0; }
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, setup, teardown)                                                                 \
    check_code(_cmocka_run_group_tests(#tests, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown))

/* The larger of a difference so far and another; one that is no number is larger than any bound, where fmax drops it.
 */
static inline double check_worse(double worst, double difference) {
    if (difference != difference) return HUGE_VAL;
    return difference > worst ? difference : worst;
}

/* At the start of a test that needs the reference data: skip it, saying so, when they are absent. */
#define REQUIRE_SHARED()                                                                                               \
    do {                                                                                                               \
        if (shared_path("") == NULL) {                                                                                 \
            if (getenv("CI") != NULL) fail_msg("reference data (RECRYST_SHARED) are absent");                          \
            print_message("SKIPPED: reference data (RECRYST_SHARED) are absent\n");                                    \
            *check_skipped() = 1;                                                                                      \
            skip();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
