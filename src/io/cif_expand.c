/* From the sites of a CIF and its symmetry operations to a crystal. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "io/cif_internal.h"

/* How close is close: the metric tensor, and for each axis the fraction that the tolerance spans at most. */
typedef struct nearness {
    double g[3][3];
    double reach[3];
} nearness;

static nearness make_nearness(const double l[3][3]) {
    nearness near;
    double volume = fabs(rcr_lattice_volume(l));
    for (int i = 0; i < 3; i++) {
        const double *b = l[(i + 1) % 3], *c = l[(i + 2) % 3];
        double x = b[1] * c[2] - b[2] * c[1], y = b[2] * c[0] - b[0] * c[2], z = b[0] * c[1] - b[1] * c[0];
        near.reach[i] = RCR_CIF_PLACE_TOLERANCE * sqrt(x * x + y * y + z * z) / volume;
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
    return square < RCR_CIF_PLACE_TOLERANCE * RCR_CIF_PLACE_TOLERANCE;
}

static void apply(double out[3], const rcr_symop *op, const double x[3]) {
    for (int i = 0; i < 3; i++) out[i] = op->r[i][0] * x[0] + op->r[i][1] * x[1] + op->r[i][2] * x[2] + op->t[i];
}

/* All images of a site, each once, into images (room for n_ops); returns their number.  A site within the tolerance of
 * a special position is first moved onto it, to the mean of its images there, so that 0.3333 becomes 1/3. */
static size_t make_orbit(double (*images)[3], const double frac[3], const rcr_symop *ops, size_t n_ops,
                         const nearness *near) {
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

int rcr_cif_multiplicity(const double frac[3], const rcr_symop *ops, size_t n_ops, const double lattice[3][3]) {
    double images[RCR_MAX_GROUP_ORDER][3];
    nearness near = make_nearness(lattice);
    return (int)make_orbit(images, frac, ops, n_ops < RCR_MAX_GROUP_ORDER ? n_ops : RCR_MAX_GROUP_ORDER, &near);
}

/* ---- places */

typedef struct place {
    double x[3];
    double occupancy;
    uint32_t site; /* the first that stands here */
} place;

typedef struct places {
    place *at;
    size_t n, capacity;
} places;

static rcr_status make_places(places *out, const rcr_cif_block *block, const rcr_symop *ops, size_t n_ops,
                              const nearness *near, rcr_error *err) {
    double(*images)[3] = NULL;
    rcr_status status = RCR_OK;
    out->capacity = block->n_sites;
    out->at = rcr_malloc(out->capacity, sizeof *out->at);
    if (out->at == NULL) return rcr_fail_memory(err, "making a crystal");
    if (n_ops > 0 && (images = rcr_malloc(n_ops, sizeof *images)) == NULL)
        return rcr_fail_memory(err, "making a crystal");
    for (size_t i = 0; i < block->n_sites && status == RCR_OK; i++) {
        const rcr_cif_site *site = &block->site[i];
        const double(*x)[3] = (const double(*)[3])images;
        size_t n = n_ops > 0 ? make_orbit(images, site->frac, ops, n_ops, near) : 1;
        if (n_ops == 0) x = &site->frac;
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
            p->occupancy = site->occupancy;
            p->site = (uint32_t)i;
        }
    }
    rcr_free(images);
    return status;
}

/* Two sites of different elements in one place, the first such pair. */
typedef struct site_clash {
    int found;
    uint32_t first, second;
} site_clash;

static int is_full(double occupancy) { return fabs(occupancy - 1) <= 1 - RCR_CIF_FULL_OCCUPANCY + 1e-12; }

/* Place j stands where the earlier place i does.  1: it is the same atom again, drop it. */
static int meet(place *i, const place *j, const rcr_cif_block *block, site_clash *clash) {
    if (block->site[i->site].atomic_number != block->site[j->site].atomic_number) {
        if (!clash->found) *clash = (site_clash){1, i->site, j->site};
        return 1;
    }
    /* Fe2+ and Fe3+, or H and D, that fill a place together are one ordered site of that element. */
    if (!is_full(i->occupancy) || !is_full(j->occupancy)) i->occupancy += j->occupancy;
    return 1;
}

/* Few places: compare all pairs. */
static void merge_small(places *p, const rcr_cif_block *block, const nearness *near, site_clash *clash) {
    size_t n = 0;
    double d[3];
    for (size_t j = 0; j < p->n; j++) {
        int drop = 0;
        for (size_t i = 0; i < n && !drop; i++)
            if (same_place(d, p->at[i].x, p->at[j].x, near)) drop = meet(&p->at[i], &p->at[j], block, clash);
        if (!drop) p->at[n++] = p->at[j];
    }
    p->n = n;
}

/* Many places: a hash table of boxes at least as wide as the tolerance, so that only the 27 boxes around are searched.
 * Dropped places never enter it, so no box holds more than a few. */
static rcr_status merge_large(places *p, const rcr_cif_block *block, const nearness *near, site_clash *clash,
                              rcr_error *err) {
    int64_t boxes[3];
    size_t n_slots = 64, n = 0;
    for (int i = 0; i < 3; i++) {
        double fit = floor(1 / near->reach[i]);
        boxes[i] = fit >= 1e6 ? 1000000 : fit >= 1 ? (int64_t)fit : 1;
    }
    while (n_slots < 2 * p->n) n_slots *= 2;
    uint32_t *head = rcr_calloc(n_slots, sizeof *head), *next = rcr_calloc(p->n, sizeof *next); /* index + 1 */
    if (head == NULL || next == NULL) {
        rcr_free(head);
        rcr_free(next);
        return rcr_fail_memory(err, "making a crystal");
    }
    for (size_t j = 0; j < p->n; j++) {
        int64_t box[3];
        double d[3];
        int drop = 0;
        for (int i = 0; i < 3; i++) {
            double f = p->at[j].x[i] - floor(p->at[j].x[i]);
            box[i] = (int64_t)(f * (double)boxes[i]);
            if (box[i] >= boxes[i]) box[i] = boxes[i] - 1;
        }
        size_t own = 0;
        for (int k = 0; k < 27 && !drop; k++) {
            /* The own box last, so that its slot is at hand. */
            int offset[3] = {(k + 14) % 27 % 3 - 1, (k + 14) % 27 / 3 % 3 - 1, (k + 14) % 27 / 9 - 1}, skip = 0;
            uint64_t key = 0;
            for (int i = 0; i < 3; i++) {
                if ((boxes[i] < 3 && offset[i] < 0) || (boxes[i] < 2 && offset[i] != 0)) skip = 1;
                key = key * 1000003 + (uint64_t)((box[i] + offset[i] + boxes[i]) % boxes[i]);
            }
            if (skip) continue;
            own = rcr_hash_counter(0, key) & (n_slots - 1);
            for (uint32_t i = head[own]; i != 0 && !drop; i = next[i - 1])
                if (same_place(d, p->at[i - 1].x, p->at[j].x, near))
                    drop = meet(&p->at[i - 1], &p->at[j], block, clash);
        }
        if (drop) continue;
        p->at[n] = p->at[j];
        next[n] = head[own];
        head[own] = (uint32_t)++n;
    }
    p->n = n;
    rcr_free(head);
    rcr_free(next);
    return RCR_OK;
}

static const char *show_site(char buffer[40], const rcr_cif_site *site) {
    const rcr_cif_view *view = site->label.text != NULL ? &site->label : &site->type;
    return rcr_cif_show(buffer, view->text, view->length);
}

static long site_line(const rcr_cif_block *block, const rcr_cif_site *site) {
    return rcr_cif_line(block->lexer, site->label.text != NULL ? site->label.text : site->type.text);
}

/* Refuse what is not one element at every place. */
static rcr_status check_order(const places *p, const site_clash *clash, const rcr_cif_block *block, rcr_error *err) {
    char name[40], other[40];
    for (size_t i = 0; i < p->n; i++) {
        if (is_full(p->at[i].occupancy)) continue;
        const rcr_cif_site *site = &block->site[p->at[i].site];
        return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", site_line(block, site),
                           "site %s has occupancy %.4g; disordered sites are not handled", show_site(name, site),
                           p->at[i].occupancy);
    }
    if (!clash->found) return RCR_OK;
    const rcr_cif_site *a = &block->site[clash->first], *b = &block->site[clash->second];
    return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", site_line(block, b),
                       "sites %s and %s, of different elements, are in one place; disordered sites are not handled",
                       show_site(name, a), show_site(other, b));
}

rcr_status rcr_cif_expand(rcr_crystal **out, const char *id, const rcr_cif_block *block, const double lattice[3][3],
                          const rcr_symop *ops, size_t n_ops, rcr_error *err) {
    nearness near = make_nearness(lattice);
    places p = {0};
    site_clash clash = {0};
    rcr_crystal *crystal = NULL;
    rcr_status status = make_places(&p, block, ops, n_ops, &near, err);
    if (status == RCR_OK) {
        if (p.n <= 64)
            merge_small(&p, block, &near, &clash);
        else
            status = merge_large(&p, block, &near, &clash, err);
    }
    if (status == RCR_OK) status = check_order(&p, &clash, block, err);
    if (status == RCR_OK) status = rcr_crystal_create(&crystal, id, (int32_t)p.n, err);
    if (status == RCR_OK) {
        memcpy(crystal->lattice, lattice, sizeof crystal->lattice);
        for (size_t i = 0; i < p.n; i++) {
            memcpy(crystal->frac[i], p.at[i].x, sizeof crystal->frac[i]);
            crystal->atomic_number[i] = block->site[p.at[i].site].atomic_number;
        }
        status = rcr_crystal_check(crystal, err);
    }
    rcr_free(p.at);
    if (status != RCR_OK) {
        rcr_crystal_free(crystal);
        return status;
    }
    *out = crystal;
    return RCR_OK;
}
