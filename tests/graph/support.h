/* Crystals for the tests of this room, and comparison of graphs. */
#ifndef RCR_TESTS_GRAPH_SUPPORT_H
#define RCR_TESTS_GRAPH_SUPPORT_H

#include "support/check.h"

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "crystal/crystal.h"
#include "graph/graph.h"
#include "model/safetensors.h"

/* ---- crystals of the reference file */

typedef struct reference {
    char *bytes;
    rcr_safetensors *file;
    const rcr_st_tensor *atom_offset, *atomic_number, *lattice, *frac, *neighbor, *distance;
    int32_t n_crystals;
} reference;

static inline void reference_open(reference *ref) {
    rcr_error err = {0};
    size_t length;
    assert_int_equal(rcr_file_read(&ref->bytes, &length, shared_path("reference/graphs.safetensors"), 1 << 30, &err),
                     0);
    assert_int_equal(rcr_safetensors_parse(&ref->file, ref->bytes, length, &err), 0);
    ref->atom_offset = rcr_safetensors_find(ref->file, "atom_offset");
    ref->atomic_number = rcr_safetensors_find(ref->file, "atomic_number");
    ref->lattice = rcr_safetensors_find(ref->file, "lattice");
    ref->frac = rcr_safetensors_find(ref->file, "frac_coord");
    ref->neighbor = rcr_safetensors_find(ref->file, "neighbor_index");
    ref->distance = rcr_safetensors_find(ref->file, "neighbor_distance");
    assert_non_null(ref->atom_offset);
    ref->n_crystals = (int32_t)ref->atom_offset->count - 1;
    assert_true(ref->n_crystals > 400);
}

static inline void reference_close(reference *ref) {
    rcr_safetensors_free(ref->file);
    rcr_free(ref->bytes);
}

static inline size_t reference_first(const reference *ref, int32_t c) {
    return (size_t)rcr_st_value(ref->atom_offset, (size_t)c);
}

static inline rcr_crystal *new_crystal(int32_t n_sites) {
    rcr_crystal *crystal = NULL;
    assert_int_equal(rcr_crystal_create(&crystal, "test", n_sites, NULL), RCR_OK);
    return crystal;
}

static inline rcr_crystal *reference_crystal(const reference *ref, int32_t c) {
    size_t first = reference_first(ref, c);
    rcr_crystal *crystal = new_crystal((int32_t)(reference_first(ref, c + 1) - first));
    for (size_t k = 0; k < 9; k++) crystal->lattice[k / 3][k % 3] = rcr_st_value(ref->lattice, (size_t)c * 9 + k);
    for (size_t i = 0; i < (size_t)crystal->n_sites; i++) {
        crystal->atomic_number[i] = (uint8_t)rcr_st_value(ref->atomic_number, first + i);
        for (size_t k = 0; k < 3; k++) crystal->frac[i][k] = rcr_st_value(ref->frac, (first + i) * 3 + k);
    }
    return crystal;
}

/* ---- random crystals */

static inline double uniform(rcr_rng *rng, double low, double high) {
    return low + (high - low) * rcr_rng_uniform(rng);
}

/* A cell of random lengths and angles of 15 to 165 degrees (three that can meet in a corner), randomly turned. */
static inline void random_lattice(double lattice[3][3], rcr_rng *rng, double shortest, double longest) {
    double lengths[3], angles[3];
    do
        for (int k = 0; k < 3; k++) {
            lengths[k] = exp(uniform(rng, log(shortest), log(longest)));
            angles[k] = uniform(rng, 15.0, 165.0);
        }
    while (angles[0] + angles[1] < angles[2] + 5.0 || angles[1] + angles[2] < angles[0] + 5.0 ||
           angles[2] + angles[0] < angles[1] + 5.0 || angles[0] + angles[1] + angles[2] > 350.0);
    assert_int_equal(rcr_lattice_from_parameters(lattice, lengths, angles, NULL), RCR_OK);
}

/* A random rotation (of a random unit quaternion). */
static inline void random_rotation(double m[3][3], rcr_rng *rng) {
    double q[4], norm = 0.0;
    do {
        norm = 0.0;
        for (int k = 0; k < 4; k++) {
            q[k] = uniform(rng, -1.0, 1.0);
            norm += q[k] * q[k];
        }
    } while (norm > 1.0 || norm < 1e-2);
    for (int k = 0; k < 4; k++) q[k] /= sqrt(norm);
    double w = q[0], x = q[1], y = q[2], z = q[3];
    double r[3][3] = {{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
                      {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
                      {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}};
    memcpy(m, r, sizeof r);
}

/* ---- disordered crystals */

/* What a site of kind 0, 1, ... holds: first three elements, then mixtures, some of equal largest species. */
typedef struct site_kind {
    int n;
    uint8_t number[3];
    double occupancy[3];
} site_kind;
static const site_kind site_kinds[] = {
    {1, {1}, {1}},           {1, {2}, {1}},    {1, {3}, {1}},           {2, {1, 2}, {0.5, 0.5}},
    {2, {1, 2}, {0.6, 0.4}}, {1, {2}, {0.75}}, {2, {2, 3}, {0.4, 0.6}}, {3, {1, 2, 3}, {0.2, 0.2, 0.3}},
};
enum { N_SITE_KINDS = sizeof site_kinds / sizeof site_kinds[0] };

static inline void set_kinds(rcr_crystal *crystal, const int *kind) {
    rcr_species_list list = {0};
    for (int32_t i = 0; i < crystal->n_sites; i++)
        for (int k = 0; k < site_kinds[kind[i]].n; k++)
            assert_int_equal(
                rcr_species_add(&list, i, site_kinds[kind[i]].number[k], site_kinds[kind[i]].occupancy[k], NULL), 0);
    assert_int_equal(rcr_crystal_set_species(crystal, &list, NULL), 0);
    rcr_species_list_free(&list);
}

/* Site i of `to` holds what site from[i] of `crystal` does. */
static inline void copy_species(rcr_crystal *to, const rcr_crystal *crystal, const int32_t *from) {
    rcr_species_list list = {0};
    for (int32_t i = 0; i < to->n_sites && crystal->species_offset != NULL; i++)
        for (int32_t s = from != NULL ? from[i] : i, k = crystal->species_offset[s]; k < crystal->species_offset[s + 1];
             k++)
            assert_int_equal(rcr_species_add(&list, i, crystal->species_number[k], crystal->species_occupancy[k], NULL),
                             0);
    assert_int_equal(rcr_crystal_set_species(to, &list, NULL), 0);
    rcr_species_list_free(&list);
}

/* ---- the same crystal, told otherwise.  from[i] of the new crystal: which site of the old it was */

static inline rcr_crystal *copy_crystal(const rcr_crystal *a) {
    rcr_crystal *b = new_crystal(a->n_sites);
    memcpy(b->lattice, a->lattice, sizeof a->lattice);
    memcpy(b->frac, a->frac, (size_t)a->n_sites * sizeof *a->frac);
    memcpy(b->atomic_number, a->atomic_number, (size_t)a->n_sites);
    copy_species(b, a, NULL);
    return b;
}

static inline rcr_crystal *rotated(const rcr_crystal *a, rcr_rng *rng) {
    rcr_crystal *b = copy_crystal(a);
    double m[3][3];
    random_rotation(m, rng);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            b->lattice[i][k] = a->lattice[i][0] * m[0][k] + a->lattice[i][1] * m[1][k] + a->lattice[i][2] * m[2][k];
    return b;
}

static inline rcr_crystal *shifted(const rcr_crystal *a, rcr_rng *rng) {
    rcr_crystal *b = copy_crystal(a);
    for (int k = 0; k < 3; k++) {
        double by = uniform(rng, -1.0, 1.0);
        for (int32_t i = 0; i < a->n_sites; i++) b->frac[i][k] += by + (double)(int64_t)(rcr_rng_below(rng, 5)) - 2.0;
    }
    return b;
}

static inline rcr_crystal *permuted(const rcr_crystal *a, rcr_rng *rng, int32_t *from) {
    rcr_crystal *b = copy_crystal(a);
    for (int32_t i = 0; i < a->n_sites; i++) from[i] = i;
    for (int32_t i = a->n_sites - 1; i > 0; i--) {
        int32_t k = (int32_t)rcr_rng_below(rng, (uint64_t)i + 1), swap = from[i];
        from[i] = from[k];
        from[k] = swap;
    }
    for (int32_t i = 0; i < a->n_sites; i++) {
        memcpy(b->frac[i], a->frac[from[i]], sizeof *a->frac);
        b->atomic_number[i] = a->atomic_number[from[i]];
    }
    copy_species(b, a, from);
    return b;
}

/* Another cell of the same lattice: `steps` times one vector plus or minus another. */
static inline rcr_crystal *recelled(const rcr_crystal *a, rcr_rng *rng, int steps) {
    rcr_crystal *b = copy_crystal(a);
    for (int s = 0; s < steps; s++) {
        int i = (int)rcr_rng_below(rng, 3), j = (i + 1 + (int)rcr_rng_below(rng, 2)) % 3;
        double sign = rcr_rng_below(rng, 2) ? 1.0 : -1.0;
        /* v_i <- v_i + sign v_j; r = sum f v stays when f_j <- f_j - sign f_i */
        for (int k = 0; k < 3; k++) b->lattice[i][k] += sign * b->lattice[j][k];
        for (int32_t n = 0; n < b->n_sites; n++) b->frac[n][j] -= sign * b->frac[n][i];
    }
    return b;
}

static inline rcr_crystal *supercell(const rcr_crystal *a, const int times[3], int32_t *from) {
    rcr_crystal *b = new_crystal(a->n_sites * times[0] * times[1] * times[2]);
    for (int k = 0; k < 3; k++)
        for (int m = 0; m < 3; m++) b->lattice[k][m] = a->lattice[k][m] * times[k];
    int32_t n = 0;
    for (int x = 0; x < times[0]; x++)
        for (int y = 0; y < times[1]; y++)
            for (int z = 0; z < times[2]; z++)
                for (int32_t i = 0; i < a->n_sites; i++, n++) {
                    b->frac[n][0] = (a->frac[i][0] + x) / times[0];
                    b->frac[n][1] = (a->frac[i][1] + y) / times[1];
                    b->frac[n][2] = (a->frac[i][2] + z) / times[2];
                    b->atomic_number[n] = a->atomic_number[i];
                    from[n] = i;
                }
    copy_species(b, a, from);
    return b;
}

static inline rcr_graph *graph_of(const rcr_crystal *crystal, const rcr_graph_options *options) {
    rcr_graph *graph = NULL;
    rcr_error err = {0};
    if (rcr_graph_build(&graph, crystal, options, &err) != RCR_OK) fail_msg("%s", err.message);
    return graph;
}

static inline rcr_graph *plain_graph_of(const rcr_crystal *crystal, const rcr_graph_options *options) {
    rcr_graph *graph = NULL;
    rcr_error err = {0};
    if (rcr_graph_build_plain(&graph, crystal, options, &err) != RCR_OK) fail_msg("%s", err.message);
    return graph;
}

static inline int ascending_int(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

static inline int ascending_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

#endif
