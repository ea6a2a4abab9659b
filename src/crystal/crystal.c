#include "crystal/crystal.h"

#include <math.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/species.h"

rcr_status rcr_crystal_create(rcr_crystal **out, const char *id, int32_t n_sites, rcr_error *err) {
    if (n_sites < 0) return rcr_fail(err, RCR_ERR_ARGUMENT, "a crystal can't have %d sites", (int)n_sites);
    rcr_crystal *crystal = rcr_calloc(1, sizeof *crystal);
    if (crystal == NULL) return rcr_fail_memory(err, "making a crystal");
    crystal->n_sites = n_sites;
    crystal->id = rcr_strdup(id != NULL ? id : "");
    crystal->frac = rcr_calloc((size_t)n_sites, sizeof *crystal->frac);
    crystal->atomic_number = rcr_calloc((size_t)n_sites, sizeof *crystal->atomic_number);
    if (crystal->id == NULL || crystal->frac == NULL || crystal->atomic_number == NULL) {
        rcr_crystal_free(crystal);
        return rcr_fail_memory(err, "making a crystal");
    }
    *out = crystal;
    return RCR_OK;
}

void rcr_crystal_free(rcr_crystal *crystal) {
    if (crystal == NULL) return;
    rcr_free(crystal->id);
    rcr_free(crystal->frac);
    rcr_free(crystal->atomic_number);
    rcr_free(crystal->species_offset);
    rcr_free(crystal->species_number);
    rcr_free(crystal->species_occupancy);
    rcr_free(crystal);
}

double rcr_lattice_volume(const double lattice[3][3]) {
    const double *a = lattice[0], *b = lattice[1], *c = lattice[2];
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}

int rcr_lattice_invert(double inverse[3][3], const double l[3][3]) {
    double volume = rcr_lattice_volume(l);
    if (!(fabs(volume) > 0) || !isfinite(volume)) return 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            inverse[i][j] = (l[a][c] * l[b][d] - l[a][d] * l[b][c]) / volume;
        }
    return 1;
}

/* Cosine and sine of an angle in degrees; exact for 90, 60 and 120, which most cells have. */
static void cosine_sine(double *cosine, double *sine, double degrees) {
    static const double pi = 3.14159265358979323846;
    *cosine = cos(degrees * (pi / 180));
    *sine = sin(degrees * (pi / 180));
    if (degrees == 90) {
        *cosine = 0;
        *sine = 1;
    } else if (degrees == 60 || degrees == 120) {
        *cosine = degrees == 60 ? 0.5 : -0.5;
    }
}

rcr_status rcr_lattice_from_parameters(double lattice[3][3], const double lengths[3], const double angles[3],
                                       rcr_error *err) {
    static const char name[] = "abc";
    static const char *const angle_name[] = {"alpha", "beta", "gamma"};
    for (int i = 0; i < 3; i++) {
        if (!(lengths[i] > 0) || !isfinite(lengths[i]))
            return rcr_fail(err, RCR_ERR_DATA, "the cell length %c is %g; it must be positive", name[i], lengths[i]);
        if (!(angles[i] > 0 && angles[i] < 180))
            return rcr_fail(err, RCR_ERR_DATA, "the cell angle %s is %g; it must lie between 0 and 180 degrees",
                            angle_name[i], angles[i]);
    }
    double ca, sa, cb, sb, cg, sg;
    cosine_sine(&ca, &sa, angles[0]);
    cosine_sine(&cb, &sb, angles[1]);
    cosine_sine(&cg, &sg, angles[2]);
    double cy = (ca - cb * cg) / sg;
    double cz2 = sb * sb - cy * cy;
    if (!(cz2 > 1e-12))
        return rcr_fail(err, RCR_ERR_DATA, "no cell has the angles %g, %g, %g degrees", angles[0], angles[1],
                        angles[2]);
    const double rows[3][3] = {{lengths[0], 0, 0},
                               {lengths[1] * cg, lengths[1] * sg, 0},
                               {lengths[2] * cb, lengths[2] * cy, lengths[2] * sqrt(cz2)}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) lattice[i][j] = rows[i][j];
    return RCR_OK;
}

rcr_status rcr_crystal_check(const rcr_crystal *crystal, rcr_error *err) {
    static const char name[] = "abc";
    if (crystal->n_sites <= 0) return rcr_fail(err, RCR_ERR_DATA, "the crystal has no sites");
    double product = 1;
    for (int i = 0; i < 3; i++) {
        const double *v = crystal->lattice[i];
        if (!isfinite(v[0]) || !isfinite(v[1]) || !isfinite(v[2]))
            return rcr_fail(err, RCR_ERR_DATA, "lattice vector %c holds a value that is not a finite number", name[i]);
        product *= sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    }
    double volume = fabs(rcr_lattice_volume((const double(*)[3])crystal->lattice));
    /* Relative to the lengths, so that the unit does not matter; 1e-9 is far below any real cell (angles of 15 degrees
     * give about 0.02). */
    if (!(volume > 1e-9 * product) || !isfinite(volume))
        return rcr_fail(err, RCR_ERR_DATA, "the cell has no volume (%g cubic angstrom)", volume);
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        const double *f = crystal->frac[i];
        if (!isfinite(f[0]) || !isfinite(f[1]) || !isfinite(f[2]))
            return rcr_fail(err, RCR_ERR_DATA, "site %ld has a coordinate that is not a finite number", (long)i + 1);
        if (crystal->atomic_number[i] < 1 || crystal->atomic_number[i] > 118)
            return rcr_fail(err, RCR_ERR_DATA, "site %ld has the atomic number %d; elements run from 1 to 118",
                            (long)i + 1, crystal->atomic_number[i]);
    }
    return rcr_crystal_check_species(crystal, err);
}
