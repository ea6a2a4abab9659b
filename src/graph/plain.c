/* The oracle: for every pair of atoms every image in the box that encloses the search sphere, then a full sort.  In the
 * crystal's own cell, whatever its shape, so that it shares neither the reduction nor the search with the fast path. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "graph/internal.h"

typedef struct candidate {
    double distance;
    int32_t neighbor;
} candidate;

typedef struct plain_search {
    const rcr_crystal *crystal;
    const rcr_graph_options *options;
    double reach;
    double turns[3]; /* reach / height: how far, in units of lattice vector k, the sphere extends */
    candidate *found;
    int64_t n, capacity;
} plain_search;

static int by_distance(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->neighbor < y->neighbor ? -1 : x->neighbor > y->neighbor;
}

static rcr_status add(plain_search *s, double distance, int32_t j, rcr_error *err) {
    if (s->n == s->capacity) {
        int64_t capacity = 2 * s->capacity + 64;
        candidate *found = rcr_realloc(s->found, (size_t)capacity, sizeof *found);
        if (found == NULL) return rcr_fail_memory(err, "searching neighbors");
        s->found = found;
        s->capacity = capacity;
    }
    s->found[s->n++] = (candidate){distance, j};
    return RCR_OK;
}

/* All images of site j within reach of site i. */
static rcr_status add_images(plain_search *s, int32_t i, int32_t j, rcr_error *err) {
    const double(*lattice)[3] = (const double(*)[3])s->crystal->lattice;
    double df[3], low[3], high[3];
    for (int k = 0; k < 3; k++) {
        df[k] = s->crystal->frac[j][k] - s->crystal->frac[i][k];
        df[k] -= floor(df[k]);
        /* a whole image more on each side: rounding must not lose an image at the very bound */
        low[k] = floor(-s->turns[k] - df[k]);
        high[k] = ceil(s->turns[k] - df[k]);
    }
    for (double n0 = low[0]; n0 <= high[0]; n0++)
        for (double n1 = low[1]; n1 <= high[1]; n1++)
            for (double n2 = low[2]; n2 <= high[2]; n2++) {
                double r[3];
                for (int k = 0; k < 3; k++)
                    r[k] = (df[0] + n0) * lattice[0][k] + (df[1] + n1) * lattice[1][k] + (df[2] + n2) * lattice[2][k];
                double d = sqrt(r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
                if (d > s->reach) continue;
                if (d <= RCR_GRAPH_ITSELF && s->crystal->atomic_number[i] == s->crystal->atomic_number[j]) continue;
                rcr_status status = add(s, d, j, err);
                if (status != RCR_OK) return status;
            }
    return RCR_OK;
}

static rcr_status search(plain_search *s, rcr_shells *shells, rcr_error *err) {
    for (int32_t i = 0; i < s->crystal->n_sites; i++) {
        s->n = 0;
        for (int32_t j = 0; j < s->crystal->n_sites; j++) {
            rcr_status status = add_images(s, i, j, err);
            if (status != RCR_OK) return status;
        }
        if (s->n > 0) qsort(s->found, (size_t)s->n, sizeof *s->found, by_distance);
        rcr_status status = rcr_shells_reserve(shells, s->n, err);
        if (status != RCR_OK) return status;
        double *d = shells->distance + shells->used;
        int32_t *j = shells->neighbor + shells->used;
        for (int64_t k = 0; k < s->n; k++) {
            d[k] = s->found[k].distance;
            j[k] = s->found[k].neighbor;
        }
        status = rcr_shells_add(shells, i, rcr_shells_cut(d, (int32_t)s->n, s->reach, s->options), err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

rcr_status rcr_graph_build_plain(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                                 rcr_error *err) {
    rcr_status status = rcr_graph_options_check(options, err);
    if (status == RCR_OK) status = rcr_graph_check_crystal(crystal, options, err);
    if (status != RCR_OK) return status;
    plain_search s = {.crystal = crystal, .options = options, .reach = rcr_graph_reach(options)};
    double volume = fabs(rcr_lattice_volume((const double(*)[3])crystal->lattice)), images = crystal->n_sites;
    for (int k = 0; k < 3; k++) {
        const double *u = crystal->lattice[(k + 1) % 3], *v = crystal->lattice[(k + 2) % 3];
        double n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
        s.turns[k] = s.reach * sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) / volume;
        images *= 2.0 * s.turns[k] + 2.0;
    }
    if (!(images <= RCR_GRAPH_MAX_IMAGES))
        return rcr_fail(err, RCR_ERR_LIMIT, "the plain search would look at %.3g images of atoms, more than %d", images,
                        RCR_GRAPH_MAX_IMAGES);
    rcr_shells shells;
    status = rcr_shells_init(&shells, crystal->n_sites, 64, options, err);
    if (status != RCR_OK) return status;
    status = search(&s, &shells, err);
    if (status == RCR_OK) status = rcr_shells_to_graph(out, &shells, crystal, options, err);
    rcr_free(s.found);
    rcr_shells_release(&shells);
    return status;
}
