/* Cells and sites as tests expect them. */
#ifndef RCR_TESTS_IO_SITES_H
#define RCR_TESTS_IO_SITES_H

#include "support/check.h"

#include <math.h>

#include "crystal/element.h"
#include "recryst.h"

/* The nine numbers of the lattice, in any layout, to 1e-12 relative to the largest. */
static inline void check_lattice(const rcr_crystal *crystal, const char *name, const char *numbers) {
    double expected[9], largest = 0;
    assert_int_equal(sscanf(numbers, "%lf %lf %lf %lf %lf %lf %lf %lf %lf", &expected[0], &expected[1], &expected[2],
                            &expected[3], &expected[4], &expected[5], &expected[6], &expected[7], &expected[8]),
                     9);
    for (int i = 0; i < 9; i++) largest = fmax(largest, fabs(expected[i]));
    for (int i = 0; i < 9; i++)
        if (!(fabs(crystal->lattice[i / 3][i % 3] - expected[i]) <= 1e-12 * largest))
            fail_msg("%s: number %d of the lattice is %.17g, not %.17g", name, i + 1, crystal->lattice[i / 3][i % 3],
                     expected[i]);
}

/* A text that does not read, and what is said of it. */
typedef struct bad_text {
    const char *text;
    rcr_status status;
    long line;
    const char *message; /* a part of it */
} bad_text;

static inline void check_bad_texts(const bad_text *bad, size_t n,
                                   rcr_status (*parse)(rcr_crystal **out, const char *text, rcr_error *err)) {
    for (size_t i = 0; i < n; i++) {
        rcr_crystal *crystal = NULL;
        rcr_error err;
        rcr_status status = parse(&crystal, bad[i].text, &err);
        if (status != bad[i].status || err.line != bad[i].line || strstr(err.message, bad[i].message) == NULL)
            fail_msg("text %zu: %s, line %ld: %s", i, rcr_status_name(status), err.line, err.message);
        assert_ptr_equal(crystal, NULL);
        assert_int_equal(parse(&crystal, bad[i].text, NULL), status);
    }
}

/* "Fe 0 0 0; O .5 .5 .5": these sites in this order, to 1e-12. */
static inline void check_site_list(const rcr_crystal *crystal, const char *name, const char *sites) {
    int32_t n = 0;
    for (const char *p = sites; p != NULL && *p != '\0'; n++) {
        char symbol[4];
        double f[3];
        assert_int_equal(sscanf(p, " %3s %lf %lf %lf", symbol, &f[0], &f[1], &f[2]), 4);
        if (n >= crystal->n_sites) fail_msg("%s: only %d sites", name, (int)crystal->n_sites);
        assert_string_equal(rcr_element_symbol(crystal->atomic_number[n]), symbol);
        for (int j = 0; j < 3; j++)
            if (!(fabs(crystal->frac[n][j] - f[j]) <= 1e-12))
                fail_msg("%s: coordinate %d of site %d is %.17g, not %.17g", name, j + 1, (int)n + 1,
                         crystal->frac[n][j], f[j]);
        p = strchr(p, ';');
        if (p != NULL) p++;
    }
    if (n != crystal->n_sites) fail_msg("%s: %d sites, not %d", name, (int)crystal->n_sites, (int)n);
}

#endif
