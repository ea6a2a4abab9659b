#include "crystal/shortest.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/transform.h"

/* After reduction two images on each side are enough; more would mean that rounding has spoilt it. */
enum { MAX_REACH = 4 };
#define MAX_BINS ((int64_t)1 << 40)

typedef struct search {
    double lattice[3][3]; /* reduced */
    double height[3];     /* between the planes of the cell */
    double (*frac)[3];    /* [n] in [0, 1), of the reduced cell */
    int32_t *order;       /* [n] */
    int32_t n;
    double grid;     /* the distance that the boxes are made for */
    int64_t bins[3]; /* boxes along each axis */
    int64_t (*box)[3];
    uint32_t *head, *next; /* place in the order + 1 */
    uint64_t mask;
    rcr_pair best;
} search;

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* Shorten vectors by sums and differences of the others until none can be (Minkowski reduction, up to rounding). */
static void reduce(double l[3][3]) {
    for (int round = 0; round < 1000; round++) {
        int changed = 0;
        for (int i = 0; i < 3; i++) {
            double *v = l[i], *a = l[(i + 1) % 3], *b = l[(i + 2) % 3];
            double best = dot(v, v), change[3] = {0, 0, 0};
            double along_a = nearbyint(dot(v, a) / dot(a, a)), along_b = nearbyint(dot(v, b) / dot(b, b));
            for (int p = -1; p <= 1; p++)
                for (int q = -1; q <= 1; q++)
                    for (int kind = 0; kind < 3; kind++) {
                        double x = p + (kind == 1 ? along_a : 0), y = q + (kind == 2 ? along_b : 0), w[3];
                        for (int k = 0; k < 3; k++) w[k] = v[k] - x * a[k] - y * b[k];
                        if (!(dot(w, w) < best * (1 - 1e-12))) continue;
                        best = dot(w, w);
                        for (int k = 0; k < 3; k++) change[k] = w[k] - v[k];
                        changed = 1;
                    }
            for (int k = 0; k < 3; k++) v[k] += change[k];
        }
        if (!changed) return;
    }
}

/* Put point i of the order into its box. */
static void insert(search *s, int32_t i) {
    const double *f = s->frac[s->order[i]];
    uint64_t key = 0;
    for (int k = 0; k < 3; k++) {
        int64_t b = (int64_t)(f[k] * (double)s->bins[k]);
        s->box[i][k] = b < s->bins[k] ? b : s->bins[k] - 1;
        key = key * 1048583 + (uint64_t)s->box[i][k];
    }
    uint64_t slot = rcr_hash_counter(0, key) & s->mask;
    s->next[i] = s->head[slot];
    s->head[slot] = (uint32_t)i + 1;
}

/* Boxes at least as wide as the best distance, and the first n points in them. */
static void fill(search *s, int32_t n) {
    s->grid = s->best.distance;
    for (int k = 0; k < 3; k++) {
        double fit = floor(s->height[k] / s->grid);
        s->bins[k] = fit >= MAX_BINS ? MAX_BINS : fit >= 1 ? (int64_t)fit : 1;
    }
    memset(s->head, 0, ((size_t)s->mask + 1) * sizeof *s->head);
    for (int32_t i = 0; i < n; i++) insert(s, i);
}

/* Compare point i with the points of one box, shifted by whole cells. */
static void look(search *s, int32_t i, const int64_t box[3], const double shift[3]) {
    uint64_t key = 0;
    for (int k = 0; k < 3; k++) key = key * 1048583 + (uint64_t)box[k];
    const double *f = s->frac[s->order[i]];
    for (uint32_t j = s->head[rcr_hash_counter(0, key) & s->mask]; j != 0; j = s->next[j - 1]) {
        if (memcmp(s->box[j - 1], box, sizeof s->box[j - 1]) != 0) continue;
        const double *g = s->frac[s->order[j - 1]];
        double d[3], r[3];
        for (int k = 0; k < 3; k++) d[k] = g[k] + shift[k] - f[k];
        for (int k = 0; k < 3; k++) r[k] = d[0] * s->lattice[0][k] + d[1] * s->lattice[1][k] + d[2] * s->lattice[2][k];
        double distance = sqrt(dot(r, r));
        if (distance < s->best.distance) s->best = (rcr_pair){s->order[i], s->order[j - 1], distance};
    }
}

/* All boxes that hold points, or images of points, nearer than the best distance to point i. */
static void look_around(search *s, int32_t i) {
    int64_t low[3], high[3], o[3];
    for (int k = 0; k < 3; k++) {
        double f = s->frac[s->order[i]][k], reach = s->best.distance / s->height[k] * (1 + 1e-9);
        low[k] = (int64_t)floor((f - reach) * (double)s->bins[k]);
        high[k] = (int64_t)floor((f + reach) * (double)s->bins[k]);
    }
    for (o[0] = low[0]; o[0] <= high[0]; o[0]++)
        for (o[1] = low[1]; o[1] <= high[1]; o[1]++)
            for (o[2] = low[2]; o[2] <= high[2]; o[2]++) {
                int64_t box[3];
                double shift[3];
                for (int k = 0; k < 3; k++) {
                    int64_t cell = o[k] >= 0 ? o[k] / s->bins[k] : -((-o[k] + s->bins[k] - 1) / s->bins[k]);
                    box[k] = o[k] - cell * s->bins[k];
                    shift[k] = (double)cell;
                }
                look(s, i, box, shift);
            }
}

/* The reduced cell, its shortest vector as the first answer, and the points in it. */
static rcr_status start(search *s, const rcr_crystal *crystal, rcr_error *err) {
    const double(*l)[3] = (const double(*)[3])crystal->lattice;
    double inverse[3][3];
    memcpy(s->lattice, crystal->lattice, sizeof s->lattice);
    reduce(s->lattice);
    const double(*reduced)[3] = (const double(*)[3])s->lattice;
    double volume = fabs(rcr_lattice_volume(reduced));
    int good = rcr_lattice_invert(inverse, reduced) && fabs(volume / fabs(rcr_lattice_volume(l)) - 1) < 1e-6;
    s->best = (rcr_pair){0, 0, INFINITY};
    for (int k = 0; k < 3; k++) s->best.distance = fmin(s->best.distance, sqrt(dot(s->lattice[k], s->lattice[k])));
    for (int k = 0; k < 3; k++) {
        const double *b = s->lattice[(k + 1) % 3], *c = s->lattice[(k + 2) % 3];
        double area = sqrt(fmax(dot(b, b) * dot(c, c) - dot(b, c) * dot(b, c), 0));
        s->height[k] = volume / area;
        good = good && s->best.distance / s->height[k] < MAX_REACH;
    }
    if (!good) return rcr_fail(err, RCR_ERR_DATA, "distances can't be told: the cell is too skewed");
    for (int32_t i = 0; i < s->n; i++) {
        double r[3] = {0, 0, 0};
        for (int k = 0; k < 3; k++) {
            double f = crystal->frac[i][k] - floor(crystal->frac[i][k]);
            for (int j = 0; j < 3; j++) r[j] += f * l[k][j];
        }
        for (int j = 0; j < 3; j++) {
            double f = r[0] * inverse[0][j] + r[1] * inverse[1][j] + r[2] * inverse[2][j];
            f -= floor(f);
            s->frac[i][j] = f < 1 ? f : 0;
        }
    }
    return RCR_OK;
}

rcr_status rcr_crystal_shortest(rcr_pair *out, const rcr_crystal *crystal, rcr_error *err) {
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status != RCR_OK) return status;
    search s = {.n = crystal->n_sites};
    uint64_t slots = 64;
    while (slots < 2 * (uint64_t)s.n) slots *= 2;
    s.mask = slots - 1;
    s.frac = rcr_malloc((size_t)s.n, sizeof *s.frac);
    s.order = rcr_malloc((size_t)s.n, sizeof *s.order);
    s.box = rcr_malloc((size_t)s.n, sizeof *s.box);
    s.next = rcr_malloc((size_t)s.n, sizeof *s.next);
    s.head = rcr_malloc((size_t)slots, sizeof *s.head);
    if (s.frac == NULL || s.order == NULL || s.box == NULL || s.next == NULL || s.head == NULL)
        status = rcr_fail_memory(err, "looking for the shortest distance");
    if (status == RCR_OK) status = start(&s, crystal, err);
    if (status == RCR_OK) {
        for (int32_t i = 0; i < s.n; i++) { /* Fisher and Yates; the same every time */
            int32_t j = (int32_t)(rcr_hash_counter(1, (uint64_t)i) % ((uint64_t)i + 1));
            s.order[i] = s.order[j];
            s.order[j] = i;
        }
        fill(&s, 0);
        for (int32_t i = 0; i < s.n && s.best.distance > 0; i++) {
            look_around(&s, i);
            /* Boxes twice as wide as needed hold no more than some dozen points, so a new grid can wait till then. */
            if (s.best.distance < 0.5 * s.grid && s.best.distance > 0)
                fill(&s, i + 1);
            else
                insert(&s, i);
        }
        int32_t a = s.best.first, b = s.best.second;
        *out = (rcr_pair){a < b ? a : b, a < b ? b : a, s.best.distance};
    }
    rcr_free(s.frac);
    rcr_free(s.order);
    rcr_free(s.box);
    rcr_free(s.next);
    rcr_free(s.head);
    return status;
}
