#include "crystal/species.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/element.h"

/* What rounding in a sum of occupancies may come to. */
#define ROUNDING 1e-9

rcr_status rcr_species_add(rcr_species_list *list, int32_t site, uint8_t atomic_number, double occupancy,
                           rcr_error *err) {
    if (list->n == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        rcr_species *larger = rcr_realloc(list->at, capacity, sizeof *larger);
        if (larger == NULL) return rcr_fail_memory(err, "reading the species of a crystal");
        list->at = larger;
        list->capacity = capacity;
    }
    list->at[list->n++] = (rcr_species){site, atomic_number, occupancy};
    return RCR_OK;
}

void rcr_species_list_free(rcr_species_list *list) {
    rcr_free(list->at);
    *list = (rcr_species_list){0};
}

/* By site, element, occupancy: a complete order, so that sums do not depend on the order given. */
static int by_site(const void *pa, const void *pb) {
    const rcr_species *a = pa, *b = pb;
    if (a->site != b->site) return a->site < b->site ? -1 : 1;
    if (a->atomic_number != b->atomic_number) return a->atomic_number < b->atomic_number ? -1 : 1;
    return a->occupancy < b->occupancy ? -1 : a->occupancy > b->occupancy;
}

static void sort_species(rcr_species_list *list) {
    size_t k = 1;
    while (k < list->n && by_site(&list->at[k - 1], &list->at[k]) <= 0) k++;
    if (k < list->n) qsort(list->at, list->n, sizeof *list->at, by_site);
}

static rcr_status check_entries(const rcr_crystal *crystal, const rcr_species_list *list, rcr_error *err) {
    for (size_t k = 0; k < list->n; k++) {
        const rcr_species *s = &list->at[k];
        if (s->site < 0 || s->site >= crystal->n_sites)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "a species is given for site %ld of a crystal with %ld sites",
                            (long)s->site + 1, (long)crystal->n_sites);
        if (s->atomic_number < 1 || s->atomic_number > RCR_MAX_ATOMIC_NUMBER)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "site %ld has the atomic number %d; elements run from 1 to 118",
                            (long)s->site + 1, s->atomic_number);
        if (!(s->occupancy >= 0) || !isfinite(s->occupancy)) {
            char number[32];
            return rcr_fail(err, RCR_ERR_DATA, "site %ld has occupancy %s; it must lie between 0 and 1",
                            (long)s->site + 1, rcr_format_double(number, s->occupancy));
        }
    }
    return RCR_OK;
}

/* Six decimals are enough for a message. */
static char *show(char *buffer, double share) {
    return rcr_format_double(buffer, fabs(share) < 1e6 ? nearbyint(share * 1e6) / 1e6 : share);
}

/* The species of one site, entries [0, n), sorted: merge equal elements, drop zeros, make a nearly full site full.
 * *n_left: what is left of them. */
static rcr_status settle_site(size_t *n_left, rcr_species *entry, size_t n, rcr_error *err) {
    size_t left = 0;
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        if (entry[k].occupancy == 0) continue;
        if (left > 0 && entry[left - 1].atomic_number == entry[k].atomic_number)
            entry[left - 1].occupancy += entry[k].occupancy;
        else
            entry[left++] = entry[k];
    }
    for (size_t k = 0; k < left; k++) sum += entry[k].occupancy;
    if (left == 0)
        return rcr_fail(err, RCR_ERR_DATA, "site %ld holds nothing: its occupancies are 0", (long)entry[0].site + 1);
    /* A hair wider than stated, so that 1.05 as written is within it. */
    if (sum > 1 + RCR_OCCUPANCY_EXCESS + ROUNDING) {
        char number[32];
        return rcr_fail(err, RCR_ERR_DATA, "the occupancies of site %ld sum to %s, more than 1",
                        (long)entry[0].site + 1, show(number, sum));
    }
    if (left == 1 && sum >= 1 - RCR_OCCUPANCY_TOLERANCE - ROUNDING)
        entry[0].occupancy = 1;
    else if (fabs(sum - 1) > ROUNDING && sum >= 1 - RCR_OCCUPANCY_TOLERANCE - ROUNDING)
        for (size_t k = 0; k < left; k++) entry[k].occupancy /= sum;
    *n_left = left;
    return RCR_OK;
}

/* The element that stands for a site. */
static uint8_t largest(const rcr_species *entry, size_t n) {
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (entry[k].occupancy > entry[best].occupancy) best = k;
    return entry[best].atomic_number;
}

/* The arrays of a crystal from settled entries; sites without any are whole. */
static rcr_status fill(rcr_crystal *out, const rcr_crystal *crystal, const rcr_species_list *list, rcr_error *err) {
    size_t n_sites = (size_t)crystal->n_sites, n_listed = 0;
    for (size_t k = 0; k < list->n; k++) n_listed += k == 0 || list->at[k].site != list->at[k - 1].site;
    size_t total = n_sites - n_listed + list->n;
    if (total > INT32_MAX)
        return rcr_fail(err, RCR_ERR_LIMIT, "a crystal with more than 2^31 - 1 species on its sites");
    out->species_offset = rcr_malloc(n_sites + 1, sizeof *out->species_offset);
    out->species_number = rcr_malloc(total, sizeof *out->species_number);
    out->species_occupancy = rcr_malloc(total, sizeof *out->species_occupancy);
    if (out->species_offset == NULL || out->species_number == NULL || out->species_occupancy == NULL)
        return rcr_fail_memory(err, "making a crystal");
    int32_t at = 0;
    size_t k = 0;
    for (size_t i = 0; i < n_sites; i++) {
        out->species_offset[i] = at;
        if (k == list->n || list->at[k].site != (int32_t)i) {
            out->species_number[at] = crystal->atomic_number[i];
            out->species_occupancy[at++] = 1;
        }
        for (; k < list->n && list->at[k].site == (int32_t)i; k++) {
            out->species_number[at] = list->at[k].atomic_number;
            out->species_occupancy[at++] = list->at[k].occupancy;
        }
    }
    out->species_offset[n_sites] = at;
    return RCR_OK;
}

rcr_status rcr_crystal_set_species(rcr_crystal *crystal, rcr_species_list *list, rcr_error *err) {
    rcr_status status = check_entries(crystal, list, err);
    if (status != RCR_OK) return status;
    sort_species(list);
    size_t n = 0;
    int disordered = 0;
    for (size_t k = 0, end; k < list->n; k = end) {
        size_t left = 0;
        for (end = k + 1; end < list->n && list->at[end].site == list->at[k].site;) end++;
        if ((status = settle_site(&left, &list->at[k], end - k, err)) != RCR_OK) return status;
        if (left > 1 || list->at[k].occupancy < 1) disordered = 1;
        memmove(&list->at[n], &list->at[k], left * sizeof *list->at);
        n += left;
    }
    list->n = n;
    rcr_crystal made = {0};
    if (disordered) status = fill(&made, crystal, list, err);
    if (status != RCR_OK) {
        rcr_free(made.species_offset);
        rcr_free(made.species_number);
        rcr_free(made.species_occupancy);
        return status;
    }
    rcr_free(crystal->species_offset);
    rcr_free(crystal->species_number);
    rcr_free(crystal->species_occupancy);
    crystal->species_offset = made.species_offset;
    crystal->species_number = made.species_number;
    crystal->species_occupancy = made.species_occupancy;
    for (size_t k = 0, end; k < n; k = end) {
        for (end = k + 1; end < n && list->at[end].site == list->at[k].site;) end++;
        crystal->atomic_number[list->at[k].site] = largest(&list->at[k], end - k);
    }
    return RCR_OK;
}

int32_t rcr_crystal_first_disordered(const rcr_crystal *crystal) {
    if (crystal->species_offset == NULL) return -1;
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        int32_t first = crystal->species_offset[i];
        if (crystal->species_offset[i + 1] != first + 1 || crystal->species_occupancy[first] != 1) return i;
    }
    return -1;
}

int rcr_crystal_is_disordered(const rcr_crystal *crystal) { return rcr_crystal_first_disordered(crystal) >= 0; }

static const char *symbol(int atomic_number) {
    const char *text = rcr_element_symbol(atomic_number);
    return text != NULL ? text : "?";
}

/* "Fe 0.5" after what text holds already. */
static size_t append_share(char *text, size_t size, size_t at, const char *name, double share) {
    char number[32];
    int n = snprintf(text + at, size - at, "%s%s %s", at > 0 ? ", " : "", name, show(number, share));
    return n < 0 || (size_t)n >= size - at ? size - 1 : at + (size_t)n;
}

char *rcr_crystal_describe_site(char *text, size_t size, const rcr_crystal *crystal, int32_t site) {
    if (size == 0) return text;
    text[0] = '\0';
    int32_t first = 0, end = 0;
    if (crystal->species_offset != NULL) {
        first = crystal->species_offset[site];
        end = crystal->species_offset[site + 1];
    }
    if (end == first || (end == first + 1 && crystal->species_occupancy[first] == 1)) {
        snprintf(text, size, "%s", symbol(crystal->atomic_number[site]));
        return text;
    }
    size_t at = 0;
    double sum = 0, last = INFINITY;
    int last_number = 0;
    for (int32_t k = first; k < end; k++) sum += crystal->species_occupancy[k];
    for (int32_t rank = first; rank < end; rank++) { /* a site has few species: select the next one each time */
        int32_t best = -1;
        for (int32_t k = first; k < end; k++) {
            double share = crystal->species_occupancy[k];
            if (share > last || (share == last && crystal->species_number[k] <= last_number)) continue;
            if (best < 0 || share > crystal->species_occupancy[best]) best = k;
        }
        if (best < 0) break;
        last = crystal->species_occupancy[best];
        last_number = crystal->species_number[best];
        at = append_share(text, size, at, symbol(last_number), last);
    }
    if (1 - sum > 1e-6) append_share(text, size, at, "vacant", 1 - sum);
    return text;
}

rcr_status rcr_crystal_check_species(const rcr_crystal *crystal, rcr_error *err) {
    const int32_t *offset = crystal->species_offset;
    if (offset == NULL && crystal->species_number == NULL && crystal->species_occupancy == NULL) return RCR_OK;
    if (offset == NULL || crystal->species_number == NULL || crystal->species_occupancy == NULL)
        return rcr_fail(err, RCR_ERR_DATA, "of the three arrays of species some are there and some are not");
    if (offset[0] != 0) return rcr_fail(err, RCR_ERR_DATA, "the offsets of species do not start at 0");
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        if (offset[i + 1] <= offset[i]) return rcr_fail(err, RCR_ERR_DATA, "site %ld has no species", (long)i + 1);
        double sum = 0;
        int32_t best = offset[i];
        for (int32_t k = offset[i]; k < offset[i + 1]; k++) {
            double share = crystal->species_occupancy[k];
            int z = crystal->species_number[k];
            if (z < 1 || z > RCR_MAX_ATOMIC_NUMBER || (k > offset[i] && z <= crystal->species_number[k - 1]))
                return rcr_fail(err, RCR_ERR_DATA,
                                "the species of site %ld are not elements by ascending atomic number, each once",
                                (long)i + 1);
            if (!(share > 0 && share <= 1 + ROUNDING))
                return rcr_fail(err, RCR_ERR_DATA, "site %ld has an occupancy that is not above 0 and at most 1",
                                (long)i + 1);
            sum += share;
            if (share > crystal->species_occupancy[best]) best = k;
        }
        if (!(sum <= 1 + 2 * ROUNDING))
            return rcr_fail(err, RCR_ERR_DATA, "the occupancies of site %ld sum to more than 1", (long)i + 1);
        if (crystal->atomic_number[i] != crystal->species_number[best])
            return rcr_fail(err, RCR_ERR_DATA, "site %ld has an atomic number that is not its largest species'",
                            (long)i + 1);
    }
    return RCR_OK;
}
