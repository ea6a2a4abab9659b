/* The fast neighbour search.
 *
 * In a cell with short vectors the images of atoms within reach of the cell are listed once (points).  Each atom then
 * looks at the points in single precision, four at a time, with a margin for rounding, and again in double precision at
 * those that pass.  The reach is not the radius of the options but a length within which max_neighbors should be found
 * at the crystal's density; atoms whose last shell is not complete within it are searched again, farther out.  When the
 * points are many they are sorted into bins, which keeps the work proportional to the number of atoms. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "graph/internal.h"
#include "graph/points.h"

/* The first reach holds max_neighbors * NEIGHBORS_FACTOR + NEIGHBORS_MORE atoms at mean density; each next one is
 * GROWTH times farther.  The numbers were tuned on Materials Project crystals; none affects the result. */
#define NEIGHBORS_FACTOR 1.1
#define NEIGHBORS_MORE 5.5
#define GROWTH 1.25

#define RANK_SORT_MAX 64 /* candidates up to which the quadratic sort without branches is used */

/* Of points near an atom, for each neighbour that there may be.  A million atoms of one element in one place have no
 * neighbours there, yet each would look at all others, time and again as the reach grows. */
#define LOOKED_MAX 64

typedef struct hit {
    double square; /* of the distance */
    int32_t atom;
} hit;

typedef struct fast_search {
    const rcr_crystal *crystal;
    const rcr_graph_options *options;
    rcr_points points;
    double reach;
    int32_t *index; /* [capacity] points near the atom at hand */
    hit *found;     /* [capacity] those of them within reach */
    int32_t capacity;
    int64_t n_looked; /* points near an atom, over all atoms and reaches */
} fast_search;

static rcr_status reserve_hits(fast_search *s, int32_t n, rcr_error *err) {
    if (n <= s->capacity) return RCR_OK;
    int32_t capacity = n + n / 2;
    int32_t *index = rcr_realloc(s->index, (size_t)capacity, sizeof *index);
    if (index != NULL) s->index = index;
    hit *found = rcr_realloc(s->found, (size_t)capacity, sizeof *found);
    if (found != NULL) s->found = found;
    if (index == NULL || found == NULL) return rcr_fail_memory(err, "searching neighbors");
    s->capacity = capacity;
    return RCR_OK;
}

/* Of points first .. end-1 append to index those within sqrt(square) of at, in single precision.  Writes up to three
 * entries past those it counts. */
#if defined(__SSE2__)
static int32_t scan(int32_t *index, int32_t n, const rcr_points *points, int32_t first, int32_t end, const float at[3],
                    float square) {
    /* pack[mask]: which of four lanes are set, first ones first */
    static const int32_t pack[16][4] = {
        {0, 0, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {0, 1, 0, 0}, {2, 0, 0, 0}, {0, 2, 0, 0}, {1, 2, 0, 0}, {0, 1, 2, 0},
        {3, 0, 0, 0}, {0, 3, 0, 0}, {1, 3, 0, 0}, {0, 1, 3, 0}, {2, 3, 0, 0}, {0, 2, 3, 0}, {1, 2, 3, 0}, {0, 1, 2, 3}};
    static const int8_t count[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};
    const __m128 x = _mm_set1_ps(at[0]), y = _mm_set1_ps(at[1]), z = _mm_set1_ps(at[2]), limit = _mm_set1_ps(square);
    for (int32_t k = first; k < end; k += 4) {
        __m128 dx = _mm_sub_ps(_mm_loadu_ps(points->fx + k), x);
        __m128 dy = _mm_sub_ps(_mm_loadu_ps(points->fy + k), y);
        __m128 dz = _mm_sub_ps(_mm_loadu_ps(points->fz + k), z);
        __m128 d = _mm_add_ps(_mm_add_ps(_mm_mul_ps(dx, dx), _mm_mul_ps(dy, dy)), _mm_mul_ps(dz, dz));
        int mask = _mm_movemask_ps(_mm_cmple_ps(d, limit));
        if (end - k < 4) mask &= (1 << (end - k)) - 1;
        __m128i lanes = _mm_loadu_si128((const __m128i *)(const void *)pack[mask]);
        _mm_storeu_si128((__m128i *)(void *)(index + n), _mm_add_epi32(lanes, _mm_set1_epi32(k)));
        n += count[mask];
    }
    return n;
}
#else
static int32_t scan(int32_t *index, int32_t n, const rcr_points *points, int32_t first, int32_t end, const float at[3],
                    float square) {
    for (int32_t k = first; k < end; k++) {
        float dx = points->fx[k] - at[0], dy = points->fy[k] - at[1], dz = points->fz[k] - at[2];
        index[n] = k;
        n += dx * dx + dy * dy + dz * dz <= square;
    }
    return n;
}
#endif

/* Fill found with the atoms within reach of atom i, the atom itself left out.  Returns their number, -1 without memory.
 */
static int32_t find(fast_search *s, int32_t i, rcr_error *err) {
    const rcr_points *p = &s->points;
    const double x = p->site_x[i], y = p->site_y[i], z = p->site_z[i];
    const float at[3] = {(float)x, (float)y, (float)z};
    double far = s->reach + p->float_error;
    float square = (float)(far * far * (1.0 + 1e-6));
    int32_t n = 0;
    rcr_windows windows;
    rcr_points_windows(&windows, p, x, y, z, s->reach);
    for (int32_t first, end; rcr_points_next(&first, &end, &windows, p);) {
        if (reserve_hits(s, n + (end - first) + 4, err) != RCR_OK) return -1;
        n = scan(s->index, n, p, first, end, at, square);
    }
    s->n_looked += n;
    const uint8_t *z_of = s->crystal->atomic_number;
    double reach2 = s->reach * s->reach;
    int32_t m = 0;
    for (int32_t k = 0; k < n; k++) {
        int32_t q = s->index[k];
        double dx = p->x[q] - x, dy = p->y[q] - y, dz = p->z[q] - z, d2 = dx * dx + dy * dy + dz * dz;
        s->found[m] = (hit){d2, p->site[q]};
        int itself = d2 <= RCR_GRAPH_ITSELF * RCR_GRAPH_ITSELF && z_of[p->site[q]] == z_of[i];
        m += d2 <= reach2 && !itself;
    }
    return m;
}

static int by_square(const void *a, const void *b) {
    const hit *x = a, *y = b;
    if (x->square != y->square) return x->square < y->square ? -1 : 1;
    return x->atom < y->atom ? -1 : x->atom > y->atom;
}

/* Sort found[0 .. n) into distance and neighbor.  Up to RANK_SORT_MAX by counting for each how many are nearer, which
 * needs no branches; squares are made distinct by their place in the last bits (2^-46 of the value, far below any
 * tolerance of ties). */
static void sort_hits(double *distance, int32_t *neighbor, hit *found, int32_t n) {
    if (n > RANK_SORT_MAX) {
        qsort(found, (size_t)n, sizeof *found, by_square);
        for (int32_t k = 0; k < n; k++) {
            distance[k] = sqrt(found[k].square);
            neighbor[k] = found[k].atom;
        }
        return;
    }
    double key[RANK_SORT_MAX + 2];
    for (int32_t k = 0; k < n; k++) {
        uint64_t bits;
        memcpy(&bits, &found[k].square, sizeof bits);
        bits = (bits & ~(uint64_t)(RANK_SORT_MAX - 1)) | (uint64_t)k;
        memcpy(&key[k], &bits, sizeof bits);
    }
    key[n] = INFINITY;
    for (int32_t k = 0; k < n; k++) {
        int32_t rank = 0;
#if defined(__SSE2__)
        __m128d own = _mm_set1_pd(key[k]);
        __m128i sum = _mm_setzero_si128();
        for (int32_t m = 0; m < n; m += 2)
            sum = _mm_sub_epi64(sum, _mm_castpd_si128(_mm_cmplt_pd(_mm_loadu_pd(key + m), own)));
        rank = _mm_cvtsi128_si32(_mm_add_epi64(sum, _mm_unpackhi_epi64(sum, sum)));
#else
        for (int32_t m = 0; m < n; m++) rank += key[m] < key[k];
#endif
        distance[rank] = found[k].square;
        neighbor[rank] = found[k].atom;
    }
    for (int32_t k = 0; k < n; k++) distance[k] = sqrt(distance[k]);
}

/* Search for the atoms listed in pending; those whose last shell is not complete stay in it. */
static rcr_status search_round(fast_search *s, rcr_shells *shells, int32_t *pending, int32_t *n_pending,
                               rcr_error *err) {
    int32_t left = 0;
    for (int32_t k = 0; k < *n_pending; k++) {
        int32_t i = pending[k], n = find(s, i, err);
        if (n < 0) return RCR_ERR_MEMORY;
        if (s->n_looked / LOOKED_MAX > shells->limit) return rcr_shells_fail_limit(shells, err);
        rcr_status status = rcr_shells_reserve(shells, n, err);
        if (status != RCR_OK) return status;
        double *distance = shells->distance + shells->used;
        sort_hits(distance, shells->neighbor + shells->used, s->found, n);
        int32_t length = rcr_shells_cut(distance, n, s->reach, s->options);
        if (length < 0) {
            pending[left++] = i;
            continue;
        }
        if ((status = rcr_shells_add(shells, i, length, err)) != RCR_OK) return status;
    }
    *n_pending = left;
    return RCR_OK;
}

/* A reach that most atoms need not exceed.  The images of an atom itself along the shortest lattice vector bound it: so
 * the number of points stays moderate even in a needle or a sheet. */
static double first_reach(const rcr_search_cell *cell, int32_t n_sites, const rcr_graph_options *options) {
    double wanted = options->max_neighbors * NEIGHBORS_FACTOR + NEIGHBORS_MORE;
    double reach = cbrt(0.75 / 3.14159265358979 * wanted * cell->volume / n_sites);
    double chain = cell->shortest * ((options->max_neighbors + 1) / 2) * 1.001 + 2.0 * rcr_graph_tie_tolerance(options);
    return reach < chain ? reach : chain;
}

static rcr_status search_all(fast_search *s, rcr_shells *shells, const rcr_search_cell *cell, int32_t *pending,
                             rcr_error *err) {
    int32_t n = s->crystal->n_sites;
    for (int32_t i = 0; i < n; i++) pending[i] = i;
    double full = rcr_graph_reach(s->options), reach = first_reach(cell, n, s->options);
    while (n > 0) {
        s->reach = reach < full * 0.95 ? reach : full;
        rcr_status status = rcr_points_fill(&s->points, cell, s->reach, err);
        if (status == RCR_OK) status = search_round(s, shells, pending, &n, err);
        if (status != RCR_OK) return status;
        reach = s->reach * GROWTH;
    }
    return RCR_OK;
}

rcr_status rcr_graph_build(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                           rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_status status = rcr_graph_options_check(options, err);
    if (status == RCR_OK) status = rcr_graph_check_crystal(crystal, options, err);
    rcr_search_cell cell;
    if (status == RCR_OK) status = rcr_search_cell_make(&cell, (const double(*)[3])crystal->lattice, err);
    if (status != RCR_OK) return status;
    fast_search s = {.crystal = crystal, .options = options};
    rcr_shells shells = {0};
    int32_t *pending = rcr_malloc((size_t)crystal->n_sites, sizeof *pending);
    status = pending == NULL ? rcr_fail_memory(err, "searching neighbors") : RCR_OK;
    if (status == RCR_OK) status = rcr_points_init(&s.points, crystal, &cell, err);
    if (status == RCR_OK)
        status =
            rcr_shells_init(&shells, crystal->n_sites, (int64_t)crystal->n_sites * 16 + RANK_SORT_MAX, options, err);
    if (status == RCR_OK) status = search_all(&s, &shells, &cell, pending, err);
    if (status == RCR_OK) status = rcr_shells_to_graph(out, &shells, crystal, options, err);
    rcr_free(pending);
    rcr_free(s.index);
    rcr_free(s.found);
    rcr_points_release(&s.points);
    rcr_shells_release(&shells);
    return status;
}
