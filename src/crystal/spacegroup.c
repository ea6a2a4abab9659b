#include "crystal/spacegroup.h"

#include <math.h>
#include <spglib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/transform.h"

/* A crystal as spglib takes it: lattice vectors in columns, right-handed. */
typedef struct cell {
    double lattice[3][3];
    double (*position)[3]; /* [room] */
    int *type;             /* [room] */
    int32_t *example;      /* [n_sites] a site of each type */
    int32_t n;
} cell;

static void release(cell *c) {
    rcr_free(c->position);
    rcr_free(c->type);
    rcr_free(c->example);
}

/* ---- species sets as types */

typedef struct labelled {
    const rcr_crystal *crystal;
    int32_t site;
} labelled;

static int compare_species(const rcr_crystal *c, int32_t i, int32_t j) {
    if (c->species_offset == NULL) return (int)c->atomic_number[i] - (int)c->atomic_number[j];
    int32_t a = c->species_offset[i], b = c->species_offset[j];
    int32_t n = c->species_offset[i + 1] - a, m = c->species_offset[j + 1] - b;
    if (n != m) return n < m ? -1 : 1;
    for (int32_t k = 0; k < n; k++) {
        int element = (int)c->species_number[a + k] - (int)c->species_number[b + k];
        if (element != 0) return element;
        double p = nearbyint(c->species_occupancy[a + k] * 1e6), q = nearbyint(c->species_occupancy[b + k] * 1e6);
        if (p != q) return p < q ? -1 : 1;
    }
    return 0;
}

static int by_species(const void *a, const void *b) {
    const labelled *p = a, *q = b;
    int order = compare_species(p->crystal, p->site, q->site);
    return order != 0 ? order : (p->site > q->site) - (p->site < q->site);
}

static int make_types(cell *c, const rcr_crystal *crystal) {
    labelled *site = rcr_malloc((size_t)c->n, sizeof *site);
    if (site == NULL) return 0;
    for (int32_t i = 0; i < c->n; i++) site[i] = (labelled){crystal, i};
    qsort(site, (size_t)c->n, sizeof *site, by_species);
    int type = 0;
    for (int32_t i = 0; i < c->n; i++) {
        if (i == 0 || compare_species(crystal, site[i - 1].site, site[i].site) != 0) c->example[type++] = site[i].site;
        c->type[site[i].site] = type; /* from 1 */
    }
    rcr_free(site);
    return 1;
}

/* Refuse what spglib could take long over or stumble at; times: room for how many times the sites. */
static rcr_status make_cell(cell *c, const rcr_crystal *crystal, size_t times, double tolerance, rcr_error *err) {
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status != RCR_OK) return status;
    if (!(tolerance >= 1e-8 && tolerance <= 1))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the symmetry tolerance must lie between 1e-8 and 1 angstrom");
    if (crystal->n_sites > RCR_SYMMETRY_MAX_SITES)
        return rcr_fail(err, RCR_ERR_LIMIT, "symmetry is looked for in crystals of up to %d sites; this one has %d",
                        RCR_SYMMETRY_MAX_SITES, crystal->n_sites);
    double lengths[3], angles[3];
    rcr_lattice_parameters(lengths, angles, (const double(*)[3])crystal->lattice);
    for (int i = 0; i < 3; i++)
        if (!(lengths[i] >= 0.01 && lengths[i] <= 1e5))
            return rcr_fail(err, RCR_ERR_DATA,
                            "symmetry is looked for in cells with lengths of 0.01 to 1e5 angstrom; this one has %g",
                            lengths[i]);
    c->n = crystal->n_sites;
    c->position = rcr_calloc(times * (size_t)c->n, sizeof *c->position);
    c->type = rcr_calloc(times * (size_t)c->n, sizeof *c->type);
    c->example = rcr_calloc((size_t)c->n, sizeof *c->example);
    if (c->position == NULL || c->type == NULL || c->example == NULL || !make_types(c, crystal))
        return rcr_fail_memory(err, "looking for symmetry");
    /* A left-handed cell with all axes reversed describes the same crystal. */
    double sign = rcr_lattice_volume((const double(*)[3])crystal->lattice) < 0 ? -1 : 1;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) c->lattice[j][i] = sign * crystal->lattice[i][j];
    for (int32_t s = 0; s < c->n; s++)
        for (int j = 0; j < 3; j++) {
            double f = sign * crystal->frac[s][j];
            c->position[s][j] = f - floor(f);
        }
    return RCR_OK;
}

static rcr_status fail_search(rcr_error *err, double tolerance) {
    return rcr_fail(err, RCR_ERR_DATA,
                    "spglib finds no symmetry with a tolerance of %g angstrom: atoms nearer to each other than that, "
                    "or too skewed a cell",
                    tolerance);
}

/* ---- the group */

const char *rcr_crystal_system(int number) {
    static const struct {
        int last;
        const char *name;
    } systems[] = {{2, "triclinic"},  {15, "monoclinic"}, {74, "orthorhombic"}, {142, "tetragonal"},
                   {167, "trigonal"}, {194, "hexagonal"}, {230, "cubic"}};
    size_t i = 0;
    while (number > systems[i].last && systems[i].last < 230) i++;
    return systems[i].name;
}

/* How many sites of the conventional cell belong to each orbit. */
static void count_orbits(rcr_spacegroup *group) {
    for (int32_t i = 0; i < group->n_sites; i++) group->multiplicity[group->orbit[i]]++;
    for (int32_t i = 0; i < group->n_sites; i++)
        if (group->orbit[i] == i)
            group->multiplicity[i] =
                (int32_t)((int64_t)group->multiplicity[i] * group->n_conventional / group->n_sites);
    for (int32_t i = 0; i < group->n_sites; i++) group->multiplicity[i] = group->multiplicity[group->orbit[i]];
}

static int is_usable(const SpglibDataset *d, int32_t n) {
    int good = d->spacegroup_number >= 1 && d->spacegroup_number <= 230 && d->n_atoms == n && d->n_std_atoms > 0;
    for (int32_t i = 0; i < n && good; i++)
        good = d->crystallographic_orbits[i] >= 0 && d->crystallographic_orbits[i] < n && d->wyckoffs[i] >= 0 &&
               d->wyckoffs[i] < 27;
    return good;
}

static rcr_status make_group(rcr_spacegroup **out, const SpglibDataset *d, int32_t n, double tolerance,
                             rcr_error *err) {
    rcr_spacegroup *group = rcr_calloc(1, sizeof *group);
    if (group == NULL) return rcr_fail_memory(err, "looking for symmetry");
    group->n_sites = n;
    group->orbit = rcr_calloc((size_t)n, sizeof *group->orbit);
    group->multiplicity = rcr_calloc((size_t)n, sizeof *group->multiplicity);
    group->wyckoff = rcr_calloc((size_t)n, sizeof *group->wyckoff);
    group->site_symmetry = rcr_calloc((size_t)n, sizeof *group->site_symmetry);
    if (group->orbit == NULL || group->multiplicity == NULL || group->wyckoff == NULL || group->site_symmetry == NULL) {
        rcr_spacegroup_free(group);
        return rcr_fail_memory(err, "looking for symmetry");
    }
    group->number = d->spacegroup_number;
    group->hall_number = d->hall_number;
    group->system = rcr_crystal_system(group->number);
    group->tolerance = tolerance;
    group->n_conventional = d->n_std_atoms;
    snprintf(group->symbol, sizeof group->symbol, "%.*s", (int)sizeof d->international_symbol, d->international_symbol);
    snprintf(group->hall, sizeof group->hall, "%.*s", (int)sizeof d->hall_symbol, d->hall_symbol);
    snprintf(group->point_group, sizeof group->point_group, "%.*s", (int)sizeof d->pointgroup_symbol,
             d->pointgroup_symbol);
    for (size_t k = strlen(group->point_group); k > 0 && group->point_group[k - 1] == ' '; k--)
        group->point_group[k - 1] = '\0';
    for (int32_t i = 0; i < n; i++) {
        group->orbit[i] = d->crystallographic_orbits[i];
        group->wyckoff[i] = (char)(d->wyckoffs[i] < 26 ? 'a' + d->wyckoffs[i] : 'A');
        snprintf(group->site_symmetry[i], sizeof group->site_symmetry[i], "%.*s",
                 (int)sizeof d->site_symmetry_symbols[i], d->site_symmetry_symbols[i]);
    }
    count_orbits(group);
    *out = group;
    return RCR_OK;
}

rcr_status rcr_spacegroup_find(rcr_spacegroup **out, const rcr_crystal *crystal, double tolerance, rcr_error *err) {
    cell c = {0};
    rcr_status status = make_cell(&c, crystal, 1, tolerance, err);
    if (status == RCR_OK) {
        /* spglib's prototypes have const arrays from 2.1 on, which C17 does not convert to by itself. */
        void *lattice = c.lattice, *position = c.position;
        SpglibDataset *d = spg_get_dataset(lattice, position, c.type, c.n, tolerance);
        if (d == NULL || !is_usable(d, c.n))
            status = fail_search(err, tolerance);
        else
            status = make_group(out, d, c.n, tolerance, err);
        if (d != NULL) spg_free_dataset(d);
    }
    release(&c);
    return status;
}

void rcr_spacegroup_free(rcr_spacegroup *group) {
    if (group == NULL) return;
    rcr_free(group->orbit);
    rcr_free(group->multiplicity);
    rcr_free(group->wyckoff);
    rcr_free(group->site_symmetry);
    rcr_free(group);
}

/* ---- standard cells */

rcr_status rcr_crystal_standardize(rcr_crystal **out, const rcr_crystal *crystal, rcr_cell kind, int idealize,
                                   double tolerance, rcr_error *err) {
    cell c = {0};
    int32_t *from = NULL;
    rcr_crystal *made = NULL;
    /* spglib needs room for the most centred cell, four times a primitive one. */
    rcr_status status = make_cell(&c, crystal, 4, tolerance, err);
    int n = 0;
    if (status == RCR_OK) {
        n = spg_standardize_cell(c.lattice, c.position, c.type, c.n, kind == RCR_CELL_PRIMITIVE, !idealize, tolerance);
        if (n < 1 || n > 4 * c.n) status = fail_search(err, tolerance);
    }
    if (status == RCR_OK && (from = rcr_malloc((size_t)n, sizeof *from)) == NULL)
        status = rcr_fail_memory(err, "making a standard cell");
    for (int i = 0; i < n && status == RCR_OK; i++) {
        if (c.type[i] < 1 || c.type[i] > c.n) status = fail_search(err, tolerance);
        if (status == RCR_OK) from[i] = c.example[c.type[i] - 1];
    }
    if (status == RCR_OK) status = rcr_crystal_pick(&made, crystal, from, n, err);
    if (status == RCR_OK) {
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) made->lattice[i][j] = c.lattice[j][i];
        memcpy(made->frac, c.position, (size_t)n * sizeof *made->frac);
        status = rcr_crystal_check(made, err);
    }
    rcr_free(from);
    release(&c);
    if (status == RCR_OK)
        *out = made;
    else
        rcr_crystal_free(made);
    return status;
}
