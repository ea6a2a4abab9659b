#include "crystal/transform.h"

#include <math.h>
#include <spglib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void cross(double out[3], const double a[3], const double b[3]) {
    for (int i = 0; i < 3; i++) out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
}

void rcr_lattice_parameters(double lengths[3], double angles[3], const double lattice[3][3]) {
    static const double common[] = {60, 90, 120};
    for (int i = 0; i < 3; i++) {
        const double *b = lattice[(i + 1) % 3], *c = lattice[(i + 2) % 3];
        double normal[3];
        cross(normal, b, c);
        lengths[i] = sqrt(dot(lattice[i], lattice[i]));
        /* Not through the cosine, which loses half the digits near 0 and 180. */
        angles[i] = atan2(sqrt(dot(normal, normal)), dot(b, c)) * (180 / 3.14159265358979323846);
        for (int k = 0; k < 3; k++)
            if (fabs(angles[i] - common[k]) < 1e-10) angles[i] = common[k];
    }
}

/* The species of the picked sites, where the crystal is disordered. */
static int pick_species(rcr_crystal *made, const rcr_crystal *crystal, const int32_t *from) {
    const int32_t *offset = crystal->species_offset;
    size_t total = 0;
    for (int32_t i = 0; i < made->n_sites; i++) total += (size_t)(offset[from[i] + 1] - offset[from[i]]);
    if (total > INT32_MAX) return 0;
    made->species_offset = rcr_calloc((size_t)made->n_sites + 1, sizeof *made->species_offset);
    made->species_number = rcr_malloc(total, sizeof *made->species_number);
    made->species_occupancy = rcr_malloc(total, sizeof *made->species_occupancy);
    if (made->species_offset == NULL || made->species_number == NULL || made->species_occupancy == NULL) return 0;
    int32_t n = 0;
    for (int32_t i = 0; i < made->n_sites; i++) {
        for (int32_t k = offset[from[i]]; k < offset[from[i] + 1]; k++, n++) {
            made->species_number[n] = crystal->species_number[k];
            made->species_occupancy[n] = crystal->species_occupancy[k];
        }
        made->species_offset[i + 1] = n;
    }
    return 1;
}

rcr_status rcr_crystal_pick(rcr_crystal **out, const rcr_crystal *crystal, const int32_t *from, int32_t n,
                            rcr_error *err) {
    rcr_crystal *made;
    int32_t *all = NULL;
    if (from == NULL) {
        n = crystal->n_sites;
        if ((all = rcr_malloc((size_t)n, sizeof *all)) == NULL) return rcr_fail_memory(err, "copying a crystal");
        for (int32_t i = 0; i < n; i++) all[i] = i;
    }
    rcr_status status = rcr_crystal_create(&made, crystal->id, n, err);
    if (status != RCR_OK) {
        rcr_free(all);
        return status;
    }
    const int32_t *source = from != NULL ? from : all;
    memcpy(made->lattice, crystal->lattice, sizeof made->lattice);
    for (int32_t i = 0; i < n; i++) {
        made->atomic_number[i] = crystal->atomic_number[source[i]];
        if (from == NULL) memcpy(made->frac[i], crystal->frac[i], sizeof made->frac[i]);
    }
    if (crystal->species_offset != NULL && !pick_species(made, crystal, source)) {
        rcr_crystal_free(made);
        status = rcr_fail_memory(err, "copying a crystal");
    }
    rcr_free(all);
    if (status == RCR_OK) *out = made;
    return status;
}

rcr_status rcr_crystal_supercell(rcr_crystal **out, const rcr_crystal *crystal, const int32_t times[3],
                                 rcr_error *err) {
    int64_t n = 1;
    for (int k = 0; k < 3; k++) {
        if (times[k] < 1) return rcr_fail(err, RCR_ERR_ARGUMENT, "a supercell of %d cells makes no sense", times[k]);
        n = times[k] > RCR_SUPERCELL_MAX_SITES ? RCR_SUPERCELL_MAX_SITES + 1 : n * times[k];
        if (n * crystal->n_sites > RCR_SUPERCELL_MAX_SITES)
            return rcr_fail(err, RCR_ERR_LIMIT, "the supercell would have more than %d sites", RCR_SUPERCELL_MAX_SITES);
    }
    int32_t total = (int32_t)n * crystal->n_sites;
    int32_t *from = rcr_malloc((size_t)total, sizeof *from);
    if (from == NULL) return rcr_fail_memory(err, "making a supercell");
    for (int32_t i = 0; i < total; i++) from[i] = i / (int32_t)n;
    rcr_crystal *made;
    rcr_status status = rcr_crystal_pick(&made, crystal, from, total, err);
    rcr_free(from);
    if (status != RCR_OK) return status;
    for (int k = 0; k < 3; k++)
        for (int j = 0; j < 3; j++) made->lattice[k][j] = crystal->lattice[k][j] * times[k];
    double(*frac)[3] = made->frac;
    for (int32_t i = 0; i < crystal->n_sites; i++)
        for (int32_t cell = 0; cell < n; cell++, frac++) {
            int32_t index[3] = {cell / (times[1] * times[2]), cell / times[2] % times[1], cell % times[2]};
            for (int k = 0; k < 3; k++) (*frac)[k] = (crystal->frac[i][k] + index[k]) / times[k];
        }
    *out = made;
    return RCR_OK;
}

/* The whole numbers m with reduced = m * lattice; 0 when they are none, or do not keep the volume. */
static int find_change(double m[3][3], const double reduced[3][3], const double lattice[3][3]) {
    double inverse[3][3];
    if (!rcr_lattice_invert(inverse, lattice)) return 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double value = 0;
            for (int k = 0; k < 3; k++) value += reduced[i][k] * inverse[k][j];
            m[i][j] = nearbyint(value);
            if (!(fabs(value - m[i][j]) < 0.1) || fabs(m[i][j]) > 1e6) return 0;
        }
    return fabs(rcr_lattice_volume((const double(*)[3])m)) == 1;
}

rcr_status rcr_crystal_reduce(rcr_crystal **out, const rcr_crystal *crystal, rcr_error *err) {
    const double(*l)[3] = (const double(*)[3])crystal->lattice;
    double columns[3][3], reduced[3][3], m[3][3], inverse[3][3];
    double scale = cbrt(fabs(rcr_lattice_volume(l)));
    if (!(scale > 0) || !isfinite(scale)) return rcr_fail(err, RCR_ERR_DATA, "the cell has no volume");
    /* In units of the cell's size, so that the tolerance means the same for every cell. */
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) columns[j][i] = l[i][j] / scale;
    int good = spg_niggli_reduce(columns, 1e-5) != 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) reduced[i][j] = columns[j][i] * scale;
    if (good && rcr_lattice_volume((const double(*)[3])reduced) < 0) /* all axes reversed: the same lattice */
        for (int i = 0; i < 9; i++) reduced[i / 3][i % 3] *= -1;
    if (!good || !find_change(m, (const double(*)[3])reduced, l) || !rcr_lattice_invert(inverse, (const double(*)[3])m))
        return rcr_fail(err, RCR_ERR_DATA, "the cell can't be reduced: it is too skewed");
    rcr_crystal *made;
    rcr_status status = rcr_crystal_pick(&made, crystal, NULL, 0, err);
    if (status != RCR_OK) return status;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) made->lattice[i][j] = m[i][0] * l[0][j] + m[i][1] * l[1][j] + m[i][2] * l[2][j];
    for (int32_t s = 0; s < made->n_sites; s++)
        for (int j = 0; j < 3; j++) {
            /* The inverse of whole numbers with determinant 1 is whole. */
            double value = 0;
            for (int k = 0; k < 3; k++) value += crystal->frac[s][k] * nearbyint(inverse[k][j]);
            made->frac[s][j] = value - floor(value);
        }
    *out = made;
    return RCR_OK;
}
