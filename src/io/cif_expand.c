/* From the sites of a CIF and its symmetry operations to a crystal. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/species.h"
#include "io/cif_internal.h"

/* How close is close: the metric tensor, and for each axis the fraction that the tolerance spans at most. */
typedef struct nearness {
    double g[3][3];
    double reach[3];
    double tolerance; /* angstrom */
} nearness;

static nearness make_nearness(const double l[3][3], double tolerance) {
    nearness near = {.tolerance = tolerance};
    double volume = fabs(rcr_lattice_volume(l));
    for (int i = 0; i < 3; i++) {
        const double *b = l[(i + 1) % 3], *c = l[(i + 2) % 3];
        double x = b[1] * c[2] - b[2] * c[1], y = b[2] * c[0] - b[0] * c[2], z = b[0] * c[1] - b[1] * c[0];
        near.reach[i] = tolerance * sqrt(x * x + y * y + z * z) / volume;
        for (int j = 0; j < 3; j++) near.g[i][j] = l[i][0] * l[j][0] + l[i][1] * l[j][1] + l[i][2] * l[j][2];
    }
    return near;
}

/* Are two positions one place, up to a lattice vector?  d: b - a of the nearest image. */
static int same_place(double d[3], const double a[3], const double b[3], const nearness *near) {
    for (int i = 0; i < 3; i++) {
        d[i] = b[i] - a[i];
        d[i] -= nearbyint(d[i]);
        if (fabs(d[i]) > near->reach[i]) return 0;
    }
    double square = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) square += d[i] * near->g[i][j] * d[j];
    return square < near->tolerance * near->tolerance;
}

static void apply(double out[3], const rcr_symop *op, const double x[3]) {
    for (int i = 0; i < 3; i++) out[i] = op->r[i][0] * x[0] + op->r[i][1] * x[1] + op->r[i][2] * x[2] + op->t[i];
}

/* A hash table of boxes at least as wide as the tolerance, so that only the 27 boxes around a position are searched. It
 * holds places that differ, so that no box holds more than a few. */
typedef struct grid {
    int64_t boxes[3];
    size_t n_slots;
    uint32_t *head, *next; /* [n_slots], [n_max]: index + 1 */
} grid;

static void release_grid(grid *g) {
    rcr_free(g->head);
    rcr_free(g->next);
    g->head = g->next = NULL; /* whoever has it may not know that it is gone */
}

static rcr_status make_grid(grid *g, size_t n_max, const nearness *near, rcr_error *err) {
    for (int i = 0; i < 3; i++) {
        double fit = floor(1 / near->reach[i]);
        g->boxes[i] = fit >= 1e6 ? 1000000 : fit >= 1 ? (int64_t)fit : 1;
    }
    g->n_slots = 64;
    while (g->n_slots < 2 * n_max) g->n_slots *= 2;
    g->head = rcr_calloc(g->n_slots, sizeof *g->head);
    g->next = rcr_calloc(n_max, sizeof *g->next);
    if (g->head != NULL && g->next != NULL) return RCR_OK;
    release_grid(g);
    return rcr_fail_memory(err, "making a crystal");
}

/* The place in the table that x is the same as: its index + 1, 0: none.  Place i has its position `stride` bytes * i
 * behind `first`.  *slot: where x belongs. */
static uint32_t find_in_grid(size_t *slot, const grid *g, const double x[3], const void *first, size_t stride,
                             const nearness *near) {
    int64_t box[3];
    double d[3];
    for (int i = 0; i < 3; i++) {
        double f = x[i] - floor(x[i]);
        box[i] = (int64_t)(f * (double)g->boxes[i]);
        if (box[i] >= g->boxes[i]) box[i] = g->boxes[i] - 1;
    }
    for (int k = 0; k < 27; k++) {
        /* The own box last, so that its slot is at hand. */
        int offset[3] = {(k + 14) % 27 % 3 - 1, (k + 14) % 27 / 3 % 3 - 1, (k + 14) % 27 / 9 - 1}, skip = 0;
        uint64_t key = 0;
        for (int i = 0; i < 3; i++) {
            if ((g->boxes[i] < 3 && offset[i] < 0) || (g->boxes[i] < 2 && offset[i] != 0)) skip = 1;
            key = key * 1000003 + (uint64_t)((box[i] + offset[i] + g->boxes[i]) % g->boxes[i]);
        }
        if (skip) continue;
        *slot = rcr_hash_counter(0, key) & (g->n_slots - 1);
        for (uint32_t i = g->head[*slot]; i != 0; i = g->next[i - 1]) {
            double y[3];
            memcpy(y, (const char *)first + (i - 1) * stride, sizeof y);
            if (same_place(d, y, x, near)) return i;
        }
    }
    return 0;
}

static void add_to_grid(grid *g, size_t slot, size_t index) {
    g->next[index] = g->head[slot];
    g->head[slot] = (uint32_t)(index + 1);
}

/* Images of x that differ, by comparing all pairs: the fastest for the operations of a space group. */
static size_t list_images(double (*images)[3], const double x[3], const rcr_symop *ops, size_t n_ops,
                          const nearness *near) {
    double y[3], d[3];
    size_t n = 0;
    for (size_t k = 0; k < n_ops; k++) {
        apply(y, &ops[k], x);
        for (int i = 0; i < 3; i++) y[i] -= floor(y[i]);
        size_t j = 0;
        while (j < n && !same_place(d, images[j], y, near)) j++;
        if (j == n) memcpy(images[n++], y, sizeof y);
    }
    return n;
}

/* The same for more operations; the table is left empty. */
static size_t list_many_images(double (*images)[3], const double x[3], const rcr_symop *ops, size_t n_ops,
                               const nearness *near, grid *table) {
    size_t n = 0, slot = 0;
    for (size_t k = 0; k < n_ops; k++) {
        double *y = images[n];
        apply(y, &ops[k], x);
        for (int i = 0; i < 3; i++) y[i] -= floor(y[i]);
        if (find_in_grid(&slot, table, y, images, sizeof *images, near) == 0) add_to_grid(table, slot, n++);
    }
    memset(table->head, 0, table->n_slots * sizeof *table->head);
    return n;
}

/* All images of a site, each once, into images (room for n_ops); returns their number.  A site within the tolerance of
 * a special position is first moved onto it, to the mean of its images there, so that 0.3333 becomes 1/3.  table: NULL,
 * or for n_ops images. */
static size_t make_orbit(double (*images)[3], const double frac[3], const rcr_symop *ops, size_t n_ops,
                         const nearness *near, grid *table) {
    double x[3] = {frac[0], frac[1], frac[2]}, y[3], d[3];
    size_t n_stabilizer = 1;
    for (int round = 0; round < 4; round++) {
        double sum[3] = {0, 0, 0};
        size_t n = 0;
        for (size_t k = 0; k < n_ops; k++) {
            apply(y, &ops[k], x);
            if (!same_place(d, x, y, near)) continue;
            for (int i = 0; i < 3; i++) sum[i] += d[i];
            n++;
        }
        if (n == 0 || (n == n_stabilizer && round > 0)) break;
        if (n == 1) break; /* the identity alone */
        for (int i = 0; i < 3; i++) x[i] += sum[i] / (double)n;
        n_stabilizer = n;
    }
    return table != NULL ? list_many_images(images, x, ops, n_ops, near, table)
                         : list_images(images, x, ops, n_ops, near);
}

int rcr_cif_multiplicity(const double frac[3], const rcr_symop *ops, size_t n_ops, const double lattice[3][3]) {
    double images[RCR_MAX_GROUP_ORDER][3];
    nearness near = make_nearness(lattice, RCR_CIF_PLACE_TOLERANCE);
    return (int)make_orbit(images, frac, ops, n_ops < RCR_MAX_GROUP_ORDER ? n_ops : RCR_MAX_GROUP_ORDER, &near, NULL);
}

static int is_full(double occupancy) {
    return occupancy >= 1 - RCR_OCCUPANCY_TOLERANCE - 1e-9 && occupancy <= 1 + RCR_OCCUPANCY_EXCESS + 1e-9;
}

/* How far apart symmetry images of a special position can be by the rounding of its coordinates in the file, angstrom;
 * at least 0.02, since last digits are often carelessly wrong and no split atom is so narrow.  Infinite where all
 * coordinates are exact. */
static double rounding_of(const rcr_cif_site *site, const double l[3][3]) {
    double most = 0;
    for (int i = 0; i < 3; i++)
        if (site->decimals[i] > 0)
            most = fmax(most,
                        pow(10, -site->decimals[i]) * sqrt(l[i][0] * l[i][0] + l[i][1] * l[i][1] + l[i][2] * l[i][2]));
    return most > 0 ? fmax(2 * most, 0.02) : INFINITY;
}

/* Multiplicities in files are often of another kind (SHELXL-97: the order of the site symmetry) or wrong.  One counts
 * that is the number of images when those are told apart that rounding can't explain.  A full atom whose coordinates
 * are off its special position is there once all the same. */
double rcr_cif_share(const rcr_cif_site *site, size_t n, const rcr_symop *ops, size_t n_ops,
                     const double lattice[3][3]) {
    double images[RCR_MAX_GROUP_ORDER][3], rounding = rounding_of(site, lattice);
    if (n == 0 || site->multiplicity <= (int32_t)n || is_full(site->occupancy) || n_ops > RCR_MAX_GROUP_ORDER ||
        rounding >= RCR_CIF_PLACE_TOLERANCE)
        return 1;
    nearness near = make_nearness(lattice, rounding);
    size_t n_apart = list_images(images, site->frac, ops, n_ops, &near);
    return n_apart == (size_t)site->multiplicity ? (double)n_apart / (double)n : 1;
}

/* ---- Cartesian coordinates */

/* The frame with a along x and b in the xy plane, which is that of the lattice too. */
static void by_cell(rcr_cif_block *block, const double l[3][3]) {
    for (size_t i = 0; i < block->n_sites; i++) {
        double *f = block->site[i].frac;
        double z = f[2] / l[2][2];
        double y = (f[1] - z * l[2][1]) / l[1][1];
        f[0] = (f[0] - y * l[1][0] - z * l[2][0]) / l[0][0];
        f[1] = y;
        f[2] = z;
    }
}

/* All nine elements of the matrix are there. */
static int is_given(const rcr_cif_block *block, int which) {
    return (block->transform_given >> (12 * which) & 0x1FF) == 0x1FF;
}

/* f = M r + v as the file gives it, or from r = N f + w; 0: N has no inverse. */
static int find_transform(double m[3][3], double v[3], const rcr_cif_block *block) {
    int which = !is_given(block, 0);
    const double *t = block->transform[which]; /* what is absent is 0 */
    memcpy(m, t, 9 * sizeof *t);
    memcpy(v, t + 9, 3 * sizeof *t);
    if (which == 0) return 1;
    double n[3][3];
    memcpy(n, t, sizeof n);
    if (!rcr_lattice_invert(m, (const double(*)[3])n)) return 0; /* of rows or columns, the inverse is the same */
    for (int i = 0; i < 3; i++) v[i] = -(m[i][0] * t[9] + m[i][1] * t[10] + m[i][2] * t[11]);
    return 1;
}

rcr_status rcr_cif_to_fractional(rcr_cif_block *block, const double lattice[3][3], rcr_error *err) {
    double m[3][3], v[3];
    if (!is_given(block, 0) && !is_given(block, 1)) {
        by_cell(block, lattice);
        return RCR_OK;
    }
    /* A matrix that belongs to another cell would tear the structure apart. */
    if (!find_transform(m, v, block) ||
        !(fabs(fabs(rcr_lattice_volume((const double(*)[3])m) * rcr_lattice_volume(lattice)) - 1) < 0.02))
        return rcr_fail_at(err, RCR_ERR_DATA, "", rcr_cif_line(block->lexer, block->transform_at.text),
                           "the matrix between Cartesian and fractional coordinates does not fit the cell");
    for (size_t k = 0; k < block->n_sites; k++) {
        double *f = block->site[k].frac, r[3] = {f[0], f[1], f[2]};
        for (int i = 0; i < 3; i++) f[i] = m[i][0] * r[0] + m[i][1] * r[1] + m[i][2] * r[2] + v[i];
    }
    return RCR_OK;
}

/* ---- places */

typedef struct place {
    double x[3];
    double occupancy;
    uint32_t site; /* the first that stands here */
} place;

/* A site of another element that shares a place with the first. */
typedef struct guest {
    double occupancy;
    uint32_t place, site;
} guest;

typedef struct places {
    place *at;
    size_t n, capacity;
    guest *guest;
    size_t n_guests, capacity_guests;
} places;

static const char *show_site(char buffer[40], const rcr_cif_site *site) {
    const rcr_cif_view *view = site->label.text != NULL ? &site->label : &site->type;
    return rcr_cif_show(buffer, view->text, view->length);
}

static long site_line(const rcr_cif_block *block, const rcr_cif_site *site) {
    return rcr_cif_line(block->lexer, site->label.text != NULL ? site->label.text : site->type.text);
}

/* The occupancy of each of a site's n places, which a split atom fills with all the positions that merge there. */
static rcr_status occupancy_of(double *out, const rcr_cif_block *block, const rcr_cif_site *site, size_t n,
                               const rcr_symop *ops, size_t n_ops, const double lattice[3][3], rcr_error *err) {
    char name[40];
    *out = site->occupancy;
    double share = rcr_cif_share(site, n, ops, n_ops, lattice);
    *out *= share;
    if (share <= 1 || *out <= 1 + RCR_OCCUPANCY_EXCESS + 1e-9) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_DATA, "", site_line(block, site),
                       "site %s, with occupancy %.4g, has %.4g positions within %g angstrom: more than one atom in a "
                       "place",
                       show_site(name, site), site->occupancy, share, RCR_CIF_PLACE_TOLERANCE);
}

static rcr_status make_places(places *out, const rcr_cif_block *block, const rcr_symop *ops, size_t n_ops,
                              const double lattice[3][3], const nearness *near, rcr_error *err) {
    double(*images)[3] = NULL;
    grid table = {0}, *many = n_ops > RCR_MAX_GROUP_ORDER ? &table : NULL;
    rcr_status status = RCR_OK;
    out->capacity = block->n_sites;
    out->at = rcr_malloc(out->capacity, sizeof *out->at);
    if (out->at == NULL) return rcr_fail_memory(err, "making a crystal");
    if (n_ops > 0 && (images = rcr_malloc(n_ops, sizeof *images)) == NULL)
        return rcr_fail_memory(err, "making a crystal");
    if (many != NULL) status = make_grid(many, n_ops, near, err);
    for (size_t i = 0; i < block->n_sites && status == RCR_OK; i++) {
        const rcr_cif_site *site = &block->site[i];
        const double(*x)[3] = (const double(*)[3])images;
        size_t n = n_ops > 0 ? make_orbit(images, site->frac, ops, n_ops, near, many) : 1;
        double occupancy = site->occupancy;
        if (n_ops == 0) x = &site->frac;
        if (n_ops > 0 && (status = occupancy_of(&occupancy, block, site, n, ops, n_ops, lattice, err)) != RCR_OK) break;
        if (out->n + n > RCR_CIF_MAX_SITES) {
            status = rcr_fail(err, RCR_ERR_LIMIT, "more than %d sites after symmetry", RCR_CIF_MAX_SITES);
            break;
        }
        if (out->n + n > out->capacity) {
            size_t capacity = 2 * (out->n + n);
            place *larger = rcr_realloc(out->at, capacity, sizeof *larger);
            if (larger == NULL) {
                status = rcr_fail_memory(err, "making a crystal");
                break;
            }
            out->at = larger;
            out->capacity = capacity;
        }
        for (size_t k = 0; k < n; k++) {
            place *p = &out->at[out->n++];
            memcpy(p->x, x[k], sizeof p->x);
            p->occupancy = occupancy;
            p->site = (uint32_t)i;
        }
    }
    if (many != NULL) release_grid(many);
    rcr_free(images);
    return status;
}

static rcr_status add_guest(places *p, size_t i, const place *other, rcr_error *err) {
    if (p->n_guests == p->capacity_guests) {
        size_t capacity = p->capacity_guests > 0 ? 2 * p->capacity_guests : 16;
        guest *larger = rcr_realloc(p->guest, capacity, sizeof *larger);
        if (larger == NULL) return rcr_fail_memory(err, "making a crystal");
        p->guest = larger;
        p->capacity_guests = capacity;
    }
    p->guest[p->n_guests++] = (guest){other->occupancy, (uint32_t)i, other->site};
    return RCR_OK;
}

/* Place j stands where the earlier place i does: the same atom again, or one that shares the site. */
static rcr_status meet(places *p, size_t i, size_t j, const rcr_cif_block *block, rcr_error *err) {
    place *first = &p->at[i];
    const place *other = &p->at[j];
    if (block->site[first->site].atomic_number != block->site[other->site].atomic_number)
        return add_guest(p, i, other, err);
    /* Fe2+ and Fe3+, or H and D, that fill a place together are one element's; a full atom twice is there once. */
    if (!is_full(first->occupancy) || !is_full(other->occupancy)) first->occupancy += other->occupancy;
    return RCR_OK;
}

/* Few places: compare all pairs. */
static rcr_status merge_small(places *p, const rcr_cif_block *block, const nearness *near, rcr_error *err) {
    size_t n = 0;
    double d[3];
    for (size_t j = 0; j < p->n; j++) {
        size_t i = 0;
        while (i < n && !same_place(d, p->at[i].x, p->at[j].x, near)) i++;
        if (i == n)
            p->at[n++] = p->at[j];
        else if (meet(p, i, j, block, err) != RCR_OK)
            return RCR_ERR_MEMORY;
    }
    p->n = n;
    return RCR_OK;
}

/* Many places: by the table, which dropped places never enter. */
static rcr_status merge_large(places *p, const rcr_cif_block *block, const nearness *near, rcr_error *err) {
    grid table;
    size_t n = 0, slot = 0;
    rcr_status status = make_grid(&table, p->n, near, err);
    if (status != RCR_OK) return status;
    for (size_t j = 0; j < p->n && status == RCR_OK; j++) {
        uint32_t same = find_in_grid(&slot, &table, p->at[j].x, p->at[0].x, sizeof *p->at, near);
        if (same != 0) {
            status = meet(p, same - 1, j, block, err);
            continue;
        }
        p->at[n] = p->at[j];
        add_to_grid(&table, slot, n++);
    }
    p->n = n;
    release_grid(&table);
    return status;
}

/* Refuse a place that holds more than one atom.  sum: of its occupancies; other: a site that shares it, or NULL. */
static rcr_status check_sum(double sum, const rcr_cif_site *site, const rcr_cif_site *other, const rcr_cif_block *block,
                            rcr_error *err) {
    char name[40], other_name[40];
    if (sum <= 1 + RCR_OCCUPANCY_EXCESS + 1e-9) return RCR_OK;
    if (other == NULL)
        return rcr_fail_at(err, RCR_ERR_DATA, "", site_line(block, site), "site %s has occupancy %.4g, more than 1",
                           show_site(name, site), sum);
    return rcr_fail_at(err, RCR_ERR_DATA, "", site_line(block, other),
                       "sites %s and %s, of different elements, are in one place, with occupancies that sum to %.4g",
                       show_site(name, site), show_site(other_name, other), sum);
}

/* What stands on each place that is not filled by one element; none in an ordered crystal. */
static rcr_status list_species(rcr_species_list *list, const places *p, const rcr_cif_block *block, rcr_error *err) {
    rcr_status status = RCR_OK;
    double *sum = NULL;               /* [n] of the occupancies at each place; only where places are shared */
    const rcr_cif_site **last = NULL; /* [n] the last site that shares it */
    if (p->n_guests > 0) {
        sum = rcr_calloc(p->n, sizeof *sum);
        last = rcr_calloc(p->n, sizeof *last);
        if (sum == NULL || last == NULL) status = rcr_fail_memory(err, "making a crystal");
    }
    for (size_t k = 0; k < p->n_guests && status == RCR_OK; k++) {
        const guest *g = &p->guest[k];
        const rcr_cif_site *site = &block->site[g->site];
        sum[g->place] += g->occupancy;
        last[g->place] = site;
        status = rcr_species_add(list, (int32_t)g->place, site->atomic_number, g->occupancy, err);
    }
    for (size_t i = 0; i < p->n && status == RCR_OK; i++) {
        const rcr_cif_site *site = &block->site[p->at[i].site], *other = last != NULL ? last[i] : NULL;
        if (other == NULL && is_full(p->at[i].occupancy)) continue;
        status = check_sum(p->at[i].occupancy + (sum != NULL ? sum[i] : 0), site, other, block, err);
        if (status == RCR_OK) status = rcr_species_add(list, (int32_t)i, site->atomic_number, p->at[i].occupancy, err);
    }
    rcr_free(sum);
    rcr_free(last);
    return status;
}

static rcr_status fill_crystal(rcr_crystal *crystal, const double lattice[3][3], const places *p,
                               const rcr_cif_block *block, rcr_error *err) {
    memcpy(crystal->lattice, lattice, sizeof crystal->lattice);
    for (size_t i = 0; i < p->n; i++) {
        memcpy(crystal->frac[i], p->at[i].x, sizeof crystal->frac[i]);
        crystal->atomic_number[i] = block->site[p->at[i].site].atomic_number;
    }
    rcr_species_list list = {0};
    rcr_status status = list_species(&list, p, block, err);
    if (status == RCR_OK && list.n > 0) status = rcr_crystal_set_species(crystal, &list, err);
    rcr_species_list_free(&list);
    return status == RCR_OK ? rcr_crystal_check(crystal, err) : status;
}

rcr_status rcr_cif_expand(rcr_crystal **out, const char *id, const rcr_cif_block *block, const double lattice[3][3],
                          const rcr_symop *ops, size_t n_ops, rcr_error *err) {
    nearness near = make_nearness(lattice, RCR_CIF_PLACE_TOLERANCE);
    places p = {0};
    rcr_crystal *crystal = NULL;
    rcr_status status = make_places(&p, block, ops, n_ops, lattice, &near, err);
    if (status == RCR_OK) status = p.n <= 64 ? merge_small(&p, block, &near, err) : merge_large(&p, block, &near, err);
    if (status == RCR_OK) status = rcr_crystal_create(&crystal, id, (int32_t)p.n, err);
    if (status == RCR_OK) status = fill_crystal(crystal, lattice, &p, block, err);
    rcr_free(p.at);
    rcr_free(p.guest);
    if (status != RCR_OK) {
        rcr_crystal_free(crystal);
        return status;
    }
    *out = crystal;
    return RCR_OK;
}
