/* Structures to time predictions with, as extended XYZ on standard output.
 *
 *     bench_structures supercell K              K x K x K atoms of rock salt, each moved a little
 *     bench_structures stream SOURCE COUNT      COUNT structures: those of SOURCE (a folder or archive of CIF files, or
 *                                               an extended XYZ file; at most 5,000 of them) again and again, each time
 *                                               under another strain of up to 2 per cent
 *     bench_structures labelled SOURCE COUNT FIRST   the same, numbered from FIRST on, with a target, mean_z
 *     bench_structures cif K                    as supercell, but a CIF of space group P 1
 *
 * Formatting numbers by hand keeps the generator far faster than what it feeds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"
#include "crystal/element.h"
#include "io/archive.h"
#include "io/extxyz.h"
#include "io/structure.h"

enum { MAX_STRUCTURES = 5000 };
static const double pi = 3.14159265358979323846;

static int fail(const char *what, const rcr_error *err) {
    fprintf(stderr, "bench_structures: %s%s%s\n", what, err != NULL ? ": " : "", err != NULL ? err->message : "");
    return 1;
}

/* A number with six decimals; |value| < 1e9. */
static char *put_number(char *p, double value) {
    int64_t v = (int64_t)(value * 1e6 + (value < 0 ? -0.5 : 0.5));
    if (v < 0) *p++ = '-';
    uint64_t u = (uint64_t)(v < 0 ? -v : v), whole = u / 1000000, part = u % 1000000;
    char digits[24];
    int n = 0;
    do digits[n++] = (char)('0' + whole % 10);
    while ((whole /= 10) > 0);
    while (n > 0) *p++ = digits[--n];
    *p++ = '.';
    for (int k = 5; k >= 0; k--, part /= 10) p[k] = (char)('0' + part % 10);
    return p + 6;
}

static char *put_text(char *p, const char *text) {
    size_t n = strlen(text);
    memcpy(p, text, n);
    return p + n;
}

static char *put_atom(char *p, int z, const double r[3]) {
    p = put_text(p, rcr_element_symbol(z));
    for (int d = 0; d < 3; d++) {
        *p++ = ' ';
        p = put_number(p, r[d]);
    }
    *p++ = '\n';
    return p;
}

/* mean_z: a made-up target; 0: none. */
static char *put_head(char *p, int64_t n, const double lattice[3][3], const char *id, double mean_z) {
    p += sprintf(p, "%lld\nLattice=\"", (long long)n);
    for (int k = 0; k < 9; k++) {
        p = put_number(p, lattice[k / 3][k % 3]);
        *p++ = k < 8 ? ' ' : '"';
    }
    p += sprintf(p, " Properties=species:S:1:pos:R:3%s%.100s", id[0] != '\0' ? " id=" : "", id);
    if (mean_z > 0) p = put_number(put_text(p, " mean_z="), mean_z);
    *p++ = '\n';
    return p;
}

/* Rock salt with every atom moved a little. */
typedef struct salt {
    long k;
    double spacing;
    rcr_rng rng;
} salt;

/* Atom i: its element, and its position in units of the spacing. */
static int salt_atom(double r[3], salt *s, long i) {
    const long at[3] = {i % s->k, i / s->k % s->k, i / s->k / s->k};
    for (int d = 0; d < 3; d++) r[d] = (double)at[d] + 0.07 * (rcr_rng_uniform(&s->rng) - 0.5);
    return (at[0] + at[1] + at[2]) % 2 == 0 ? 11 : 17;
}

static int supercell(long k) {
    salt s = {.k = k, .spacing = 2.8201};
    const double length = s.spacing * (double)k, lattice[3][3] = {{length, 0, 0}, {0, length, 0}, {0, 0, length}};
    char line[512];
    rcr_rng_seed(&s.rng, 1, 1);
    fwrite(line, 1, (size_t)(put_head(line, (int64_t)k * k * k, lattice, "", 0) - line), stdout);
    for (long i = 0; i < k * k * k; i++) {
        double r[3];
        int z = salt_atom(r, &s, i);
        for (int d = 0; d < 3; d++) r[d] *= s.spacing;
        fwrite(line, 1, (size_t)(put_atom(line, z, r) - line), stdout);
    }
    return fflush(stdout) == 0 ? 0 : fail("can't write", NULL);
}

static int supercell_cif(long k) {
    salt s = {.k = k, .spacing = 2.8201};
    char line[512];
    rcr_rng_seed(&s.rng, 1, 1);
    double length = s.spacing * (double)k;
    printf("data_salt\n_symmetry_space_group_name_H-M 'P 1'\n_symmetry_Int_Tables_number 1\n"
           "_cell_length_a %.6f\n_cell_length_b %.6f\n_cell_length_c %.6f\n"
           "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
           "loop_\n_symmetry_equiv_pos_site_id\n_symmetry_equiv_pos_as_xyz\n1 'x, y, z'\n"
           "loop_\n_atom_site_type_symbol\n_atom_site_label\n_atom_site_symmetry_multiplicity\n_atom_site_fract_x\n"
           "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n",
           length, length, length);
    for (long i = 0; i < k * k * k; i++) {
        double r[3];
        const char *symbol = rcr_element_symbol(salt_atom(r, &s, i));
        char *p = line + sprintf(line, "%s %s%ld 1", symbol, symbol, i);
        for (int d = 0; d < 3; d++) {
            *p++ = ' ';
            /* A millionth of the cell would be 0.3 thousandths of an angstrom in the largest one. */
            p += sprintf(p, "%.9f", r[d] / (double)k);
        }
        p = put_text(p, " 1\n");
        fwrite(line, 1, (size_t)(p - line), stdout);
    }
    return fflush(stdout) == 0 ? 0 : fail("can't write", NULL);
}

typedef struct set {
    rcr_crystal *crystal[MAX_STRUCTURES];
    size_t n;
} set;

static rcr_status read_frames(set *s, const char *path, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = rcr_file_read(&text, &length, path, (size_t)1 << 31, err);
    if (status != RCR_OK) return status;
    for (size_t at = 0, used = 1; at < length && used > 0 && s->n < MAX_STRUCTURES; at += used)
        s->n += rcr_extxyz_parse(&s->crystal[s->n], NULL, 0, NULL, &used, "", text + at, length - at, 1, err) == RCR_OK;
    rcr_free(text);
    return RCR_OK;
}

/* Every so many of the files, so that all kinds are there. */
static rcr_status read_folder(set *s, const char *path, rcr_error *err) {
    rcr_folder *folder;
    const char *const *name;
    size_t n = 0;
    rcr_status status = rcr_folder_open(&folder, path, err);
    if (status != RCR_OK) return status;
    status = rcr_folder_list(&name, &n, folder, err);
    size_t step = n / MAX_STRUCTURES + 1;
    for (size_t i = 0; i < n && status == RCR_OK && s->n < MAX_STRUCTURES; i += step) {
        char *text;
        size_t length;
        if (rcr_format_detect(name[i], "", 0) != RCR_FORMAT_CIF) continue;
        if (rcr_folder_read(&text, &length, folder, name[i], err) != RCR_OK) continue;
        s->n += rcr_structure_parse(&s->crystal[s->n], name[i], text, length, err) == RCR_OK;
        rcr_free(text);
    }
    rcr_folder_free(folder);
    return status;
}

/* out = in (1 + strain), a symmetric matrix with entries up to 2 per cent. */
static void strain_lattice(double out[3][3], const double in[3][3], rcr_rng *rng) {
    double s[3][3];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j <= i; j++) s[i][j] = s[j][i] = 0.02 * sin(2 * pi * rcr_rng_uniform(rng)) + (i == j);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) out[i][j] = in[i][0] * s[0][j] + in[i][1] * s[1][j] + in[i][2] * s[2][j];
}

/* first: the number of the first one; 0: from 1 on, and without targets. */
static int stream(const char *path, long long count, long long first) {
    static set s;
    rcr_error err = {.message = ""};
    rcr_status status = rcr_ends_with(path, "xyz") ? read_frames(&s, path, &err) : read_folder(&s, path, &err);
    if (status != RCR_OK || s.n == 0) return fail(path, &err);
    double atoms = 0;
    int32_t largest = 0;
    for (size_t i = 0; i < s.n; i++) {
        atoms += s.crystal[i]->n_sites;
        if (s.crystal[i]->n_sites > largest) largest = s.crystal[i]->n_sites;
    }
    fprintf(stderr, "%zu structures of %.1f atoms on average\n", s.n, atoms / (double)s.n);
    char *frame = malloc(1024 + 64 * (size_t)largest);
    if (frame == NULL) return fail("out of memory", NULL);
    rcr_rng rng;
    rcr_rng_seed(&rng, (uint64_t)(first > 0 ? first : 1), 1);
    for (long long k = 0; k < count; k++) {
        const rcr_crystal *c = s.crystal[(size_t)k % s.n];
        double l[3][3];
        char id[32];
        strain_lattice(l, (const double(*)[3])c->lattice, &rng);
        snprintf(id, sizeof id, "s%lld", k + (first > 0 ? first : 1));
        double mean_z = 0;
        for (int32_t i = 0; i < c->n_sites && first > 0; i++) mean_z += c->atomic_number[i] / (double)c->n_sites;
        char *p = put_head(frame, c->n_sites, (const double(*)[3])l, id, mean_z);
        for (int32_t i = 0; i < c->n_sites; i++) {
            const double *f = c->frac[i];
            double r[3];
            for (int d = 0; d < 3; d++) r[d] = f[0] * l[0][d] + f[1] * l[1][d] + f[2] * l[2][d];
            p = put_atom(p, c->atomic_number[i], r);
        }
        size_t n = (size_t)(p - frame);
        if (fwrite(frame, 1, n, stdout) != n) return fail("can't write", NULL);
    }
    free(frame);
    for (size_t i = 0; i < s.n; i++) rcr_crystal_free(s.crystal[i]);
    return fflush(stdout) == 0 ? 0 : fail("can't write", NULL);
}

int main(int argc, char **argv) {
    long k = argc == 3 ? atol(argv[2]) : 0;
    if (k > 0 && k <= 200 && strcmp(argv[1], "supercell") == 0) return supercell(k);
    if (k > 0 && k <= 200 && strcmp(argv[1], "cif") == 0) return supercell_cif(k);
    if (argc == 4 && strcmp(argv[1], "stream") == 0) return stream(argv[2], atoll(argv[3]), 0);
    if (argc == 5 && strcmp(argv[1], "labelled") == 0 && atoll(argv[4]) > 0)
        return stream(argv[2], atoll(argv[3]), atoll(argv[4]));
    return fail("supercell K | cif K | stream SOURCE COUNT | labelled SOURCE COUNT FIRST", NULL);
}
