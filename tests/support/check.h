/* What every C test includes: cmocka with its prerequisites, and helpers to find the reference data. */
#ifndef RCR_TESTS_SUPPORT_CHECK_H
#define RCR_TESTS_SUPPORT_CHECK_H

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

/* At the start of a test that needs the reference data: skip it, saying so, when they are absent. */
#define REQUIRE_SHARED()                                                                                               \
    do {                                                                                                               \
        if (shared_path("") == NULL) {                                                                                 \
            if (getenv("CI") != NULL) fail_msg("reference data (RECRYST_SHARED) are absent");                          \
            print_message("SKIPPED: reference data (RECRYST_SHARED) are absent\n");                                    \
            skip();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
