#include "crystal/prototype.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/spacegroup.h"

/* One orbit of equivalent sites, or one site where there is no symmetry. */
typedef struct orbit {
    int32_t site; /* one of them */
    int32_t multiplicity;
    char symmetry[8]; /* the site symmetry's characters in order, without dots: "-3mm" */
} orbit;

/* The orbits of one kind of site: the same element, or the same species and occupancies. */
typedef struct kind {
    int64_t count; /* of sites, in lowest terms in the end */
    rcr_text text;
} kind;

static int by_character(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }

/* "4/mm.m" and "4/m.mm" are one position seen along other axes. */
static void sort_symmetry(char out[8], const char *symbol) {
    size_t n = 0;
    for (; *symbol != '\0' && n < 7; symbol++)
        if (*symbol != '.') out[n++] = *symbol;
    out[n] = '\0';
    qsort(out, n, 1, by_character);
}

static int same_kind(const rcr_crystal *c, int32_t i, int32_t j) {
    if (c->species_offset == NULL) return c->atomic_number[i] == c->atomic_number[j];
    int32_t a = c->species_offset[i], b = c->species_offset[j];
    int32_t n = c->species_offset[i + 1] - a;
    if (n != c->species_offset[j + 1] - b) return 0;
    for (int32_t k = 0; k < n; k++)
        if (c->species_number[a + k] != c->species_number[b + k] ||
            fabs((double)c->species_occupancy[a + k] - (double)c->species_occupancy[b + k]) > 1e-6)
            return 0;
    return n > 0 || c->atomic_number[i] == c->atomic_number[j];
}

static int by_orbit(const void *a, const void *b) {
    const orbit *x = a, *y = b;
    if (x->multiplicity != y->multiplicity) return x->multiplicity < y->multiplicity ? -1 : 1;
    return strcmp(x->symmetry, y->symmetry);
}

static int by_kind(const void *a, const void *b) {
    const kind *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? -1 : 1;
    return strcmp(x->text.data, y->text.data);
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Of the eleven pairs of groups that are mirror images of each other, the lower number. */
static int without_hand(int number) {
    static const int pairs[][2] = {{76, 78},   {91, 95},   {92, 96},   {144, 145}, {151, 153}, {152, 154},
                                   {169, 170}, {171, 172}, {178, 179}, {180, 181}, {212, 213}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (number == pairs[i][1]) return pairs[i][0];
    return number;
}

/* kinds [n] <- the orbits, sorted, put together by kind; gives the number of kinds. */
static size_t gather(kind *kinds, int32_t *site_of, const rcr_crystal *c, const orbit *orbits, size_t n,
                     int with_symmetry) {
    size_t n_kinds = 0;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_kinds && !same_kind(c, site_of[k], orbits[i].site)) k++;
        if (k == n_kinds) site_of[n_kinds++] = orbits[i].site;
        kinds[k].count += orbits[i].multiplicity;
        if (with_symmetry)
            rcr_text_printf(&kinds[k].text, "%s%" PRId32 " %s", kinds[k].text.length > 0 ? ", " : "",
                            orbits[i].multiplicity, orbits[i].symmetry);
        else
            rcr_text_puts(&kinds[k].text, "");
    }
    return n_kinds;
}

static rcr_status write_label(char **out, const rcr_crystal *c, orbit *orbits, size_t n, const rcr_spacegroup *group,
                              rcr_error *err) {
    rcr_text label = {0};
    kind *kinds = rcr_calloc(n, sizeof *kinds);
    int32_t *site_of = rcr_calloc(n, sizeof *site_of);
    size_t n_kinds = 0;
    int failed = kinds == NULL || site_of == NULL;
    if (!failed) {
        if (n > 0) qsort(orbits, n, sizeof *orbits, by_orbit);
        n_kinds = gather(kinds, site_of, c, orbits, n, group != NULL);
        int64_t divisor = 0;
        for (size_t k = 0; k < n_kinds; k++) {
            divisor = gcd(kinds[k].count, divisor);
            failed |= kinds[k].text.failed;
        }
        for (size_t k = 0; k < n_kinds; k++) kinds[k].count /= divisor;
        if (!failed && n_kinds > 0) qsort(kinds, n_kinds, sizeof *kinds, by_kind);
        if (group != NULL)
            rcr_text_printf(&label, "%d", without_hand(group->number));
        else
            rcr_text_puts(&label, "?");
        for (size_t k = 0; k < n_kinds && !failed; k++)
            rcr_text_printf(&label, group != NULL ? " %" PRId64 "(%s)" : " %" PRId64 "%s", kinds[k].count,
                            kinds[k].text.data);
    }
    for (size_t k = 0; k < n_kinds; k++) rcr_text_free(&kinds[k].text);
    rcr_free(kinds);
    rcr_free(site_of);
    if (failed || label.failed) {
        rcr_text_free(&label);
        return rcr_fail_memory(err, "naming a structure type");
    }
    *out = label.data;
    return RCR_OK;
}

rcr_status rcr_prototype_label(char **out, const rcr_crystal *crystal, double tolerance, rcr_error *err) {
    size_t n = 0, n_sites = (size_t)crystal->n_sites;
    rcr_spacegroup *group = NULL;
    rcr_error fault = {.status = RCR_OK};
    if (n_sites <= RCR_PROTOTYPE_MAX_SITES &&
        rcr_spacegroup_find(&group, crystal, tolerance, &fault) == RCR_ERR_MEMORY) {
        if (err != NULL) *err = fault;
        return RCR_ERR_MEMORY;
    }
    orbit *orbits = rcr_calloc(n_sites, sizeof *orbits);
    rcr_status status = orbits != NULL ? RCR_OK : rcr_fail_memory(err, "naming a structure type");
    for (int32_t i = 0; status == RCR_OK && i < crystal->n_sites; i++) {
        if (group != NULL && group->orbit[i] != i) continue;
        orbits[n] = (orbit){.site = i, .multiplicity = group != NULL ? group->multiplicity[i] : 1};
        if (group != NULL) sort_symmetry(orbits[n].symmetry, group->site_symmetry[i]);
        n++;
    }
    if (status == RCR_OK) status = write_label(out, crystal, orbits, n, group, err);
    rcr_free(orbits);
    rcr_spacegroup_free(group);
    return status;
}
