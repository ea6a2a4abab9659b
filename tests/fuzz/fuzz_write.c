#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "crystal/crystal.h"
#include "crystal/shortest.h"
#include "crystal/transform.h"
#include "io/structure.h"
#include "io/write.h"

/* Whatever is read can be written in each format, and comes back the same. */

enum { MAX_SITES = 300 };

/* Cells and positions for which 1e-9 can be asked of double precision: lengths of 0.01 to 1e4 angstrom, no flat cell,
 * no position a hundred cells away. */
static int is_tame(const rcr_crystal *c) {
    double lengths[3], angles[3];
    rcr_lattice_parameters(lengths, angles, (const double(*)[3])c->lattice);
    for (int k = 0; k < 3; k++)
        if (!(lengths[k] > 0.01 && lengths[k] < 1e4)) return 0;
    double volume = fabs(rcr_lattice_volume((const double(*)[3])c->lattice));
    if (!(volume > 1e-3 * lengths[0] * lengths[1] * lengths[2])) return 0;
    for (int32_t i = 0; i < c->n_sites; i++)
        for (int k = 0; k < 3; k++)
            if (!(fabs(c->frac[i][k]) < 100)) return 0;
    return 1;
}

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static int same_cell(const rcr_crystal *a, const rcr_crystal *b) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double scale = sqrt(dot(a->lattice[i], a->lattice[i]) * dot(a->lattice[j], a->lattice[j]));
            if (!(fabs(dot(a->lattice[i], a->lattice[j]) - dot(b->lattice[i], b->lattice[j])) < 1e-9 * scale)) return 0;
        }
    return 1;
}

static int same_site(const rcr_crystal *a, int32_t i, const rcr_crystal *b, int32_t j, double sign) {
    if (a->atomic_number[i] != b->atomic_number[j]) return 0;
    for (int k = 0; k < 3; k++) {
        double d = sign * a->frac[i][k] - b->frac[j][k];
        if (!(fabs(d - nearbyint(d)) < 1e-9)) return 0;
    }
    if ((a->species_offset == NULL) != (b->species_offset == NULL)) return 0;
    if (a->species_offset == NULL) return 1;
    int32_t p = a->species_offset[i], q = b->species_offset[j], n = a->species_offset[i + 1] - p;
    if (n != b->species_offset[j + 1] - q) return 0;
    for (int32_t k = 0; k < n; k++)
        if (a->species_number[p + k] != b->species_number[q + k] ||
            !(fabs(a->species_occupancy[p + k] - b->species_occupancy[q + k]) < 1e-9))
            return 0;
    return 1;
}

/* The order in which POSCAR has the sites. */
static void group_sites(int32_t *order, const rcr_crystal *c) {
    int32_t n = 0;
    for (int32_t i = 0; i < c->n_sites; i++) {
        int seen = 0;
        for (int32_t j = 0; j < i && !seen; j++) seen = c->atomic_number[j] == c->atomic_number[i];
        for (int32_t j = i; j < c->n_sites && !seen; j++)
            if (c->atomic_number[j] == c->atomic_number[i]) order[n++] = j;
    }
}

static int check(rcr_write_format format, const rcr_crystal *c, int compare) {
    static const char *const names[] = {"x.cif", "x.vasp", "x.extxyz", "x.json"};
    rcr_text text = {0};
    rcr_crystal *back = NULL;
    rcr_error err;
    rcr_status status = rcr_crystal_write(&text, format, c, NULL, 0, &err);
    if (status != RCR_OK && (err.message[0] == '\0' || text.length != 0))
        return fuzz_fail("a failed write leaves text or says nothing");
    if (status == RCR_ERR_UNSUPPORTED && c->species_offset != NULL) {
        rcr_text_free(&text);
        return 0;
    }
    if (status != RCR_OK) return fuzz_fail("a crystal can't be written");
    status = rcr_structure_parse(&back, names[format], text.data, text.length, &err);
    if (compare) {
        int32_t order[MAX_SITES];
        double volume = rcr_lattice_volume((const double(*)[3])c->lattice);
        double sign = volume < 0 && (format == RCR_WRITE_CIF || format == RCR_WRITE_POSCAR) ? -1 : 1;
        for (int32_t i = 0; i < c->n_sites; i++) order[i] = i;
        if (format == RCR_WRITE_POSCAR) group_sites(order, c);
        if (status != RCR_OK) {
            fprintf(stderr, "%s\n%s", err.message, text.data);
            return fuzz_fail("what was written can't be read");
        }
        int good = back->n_sites == c->n_sites && same_cell(c, back);
        for (int32_t i = 0; i < c->n_sites && good; i++) good = same_site(c, order[i], back, i, sign);
        if (!good) {
            fputs(text.data, stderr);
            return fuzz_fail("what was written reads as another crystal");
        }
    }
    rcr_crystal_free(back);
    rcr_text_free(&text);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_crystal *c = NULL;
    if (rcr_structure_parse(&c, "", (const char *)data, size, NULL) != RCR_OK) return 0;
    rcr_pair pair = {0};
    int tame = c->n_sites <= MAX_SITES && is_tame(c);
    /* A CIF's reader takes positions within 0.1 angstrom for one. */
    int apart = tame && rcr_crystal_shortest(&pair, c, NULL) == RCR_OK && pair.distance > 0.11;
    if (c->n_sites <= MAX_SITES) {
        check(RCR_WRITE_CIF, c, apart);
        check(RCR_WRITE_POSCAR, c, tame);
        check(RCR_WRITE_EXTXYZ, c, tame);
        check(RCR_WRITE_JSON, c, tame);
    }
    rcr_crystal_free(c);
    return 0;
}
