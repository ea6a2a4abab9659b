#include "graph/points.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

/* From this many points on they are sorted into bins, about POINTS_PER_BIN to a bin. */
#define BINS_FROM 600
#define POINTS_PER_BIN 2.0

/* Round down; the library function is a call on the baseline instruction set. */
static double round_down(double v) {
    if (!(fabs(v) < 1e15)) return floor(v);
    double t = (double)(int64_t)v;
    return t > v ? t - 1.0 : t;
}

rcr_status rcr_points_init(rcr_points *points, const rcr_crystal *crystal, const rcr_search_cell *cell,
                           rcr_error *err) {
    size_t n = (size_t)crystal->n_sites;
    *points = (rcr_points){.n_sites = crystal->n_sites, .low = {1, 1, 1}, .high = {0, 0, 0}};
    double *block = rcr_malloc(n, 6 * sizeof(double) + 2 * sizeof(int32_t));
    if (block == NULL) return rcr_fail_memory(err, "searching neighbors");
    points->sites_block = block;
    for (int k = 0; k < 3; k++) points->u[k] = block + (size_t)k * n;
    points->site_x = block + 3 * n;
    points->site_y = block + 4 * n;
    points->site_z = block + 5 * n;
    points->row = (int32_t *)(void *)(block + 6 * n);
    points->plane = points->row + n;
    const double(*t)[3] = (const double(*)[3])cell->transform;
    const double(*v)[3] = (const double(*)[3])cell->vector;
    for (size_t i = 0; i < n; i++) {
        const double *f = crystal->frac[i];
        double u[3] = {f[0], f[1], f[2]};
        if (cell->changed) {
            double w[3]; /* wrapped first: small numbers lose least in the sums */
            for (int k = 0; k < 3; k++) w[k] = f[k] - round_down(f[k]);
            for (int k = 0; k < 3; k++) u[k] = w[0] * t[0][k] + w[1] * t[1][k] + w[2] * t[2][k];
        }
        for (int k = 0; k < 3; k++) {
            u[k] -= round_down(u[k]);
            if (u[k] >= 1.0) u[k] = 0.0; /* a tiny negative number wraps to 1 */
            points->u[k][i] = u[k];
            if (u[k] < points->low[k]) points->low[k] = u[k];
            if (u[k] > points->high[k]) points->high[k] = u[k];
        }
        points->site_x[i] = u[0] * v[0][0] + u[1] * v[1][0] + u[2] * v[2][0];
        points->site_y[i] = u[1] * v[1][1] + u[2] * v[2][1];
        points->site_z[i] = u[2] * v[2][2];
    }
    return RCR_OK;
}

void rcr_points_release(rcr_points *points) {
    rcr_free(points->sites_block);
    rcr_free(points->points_block);
    rcr_free(points->bin_start);
    *points = (rcr_points){0};
}

static void place_arrays(rcr_points *points, void *block, int32_t capacity) {
    size_t n = (size_t)capacity;
    points->points_block = block;
    points->capacity = capacity;
    points->x = block;
    points->y = points->x + n;
    points->z = points->y + n;
    points->fx = (float *)(void *)(points->z + n);
    points->fy = points->fx + n;
    points->fz = points->fy + n;
    points->site = (int32_t *)(void *)(points->fz + n);
}

static void copy_arrays(rcr_points *to, const rcr_points *from, int32_t n) {
    if (n == 0) return; /* from has no arrays yet */
    size_t m = (size_t)n;
    memcpy(to->x, from->x, m * sizeof *to->x);
    memcpy(to->y, from->y, m * sizeof *to->y);
    memcpy(to->z, from->z, m * sizeof *to->z);
    memcpy(to->fx, from->fx, m * sizeof *to->fx);
    memcpy(to->fy, from->fy, m * sizeof *to->fy);
    memcpy(to->fz, from->fz, m * sizeof *to->fz);
    memcpy(to->site, from->site, m * sizeof *to->site);
}

/* Room for n points and the three that may be read past the end. */
static rcr_status reserve(rcr_points *points, int64_t n, rcr_error *err) {
    if (n + 4 <= points->capacity) return RCR_OK;
    if (n > RCR_GRAPH_MAX_IMAGES)
        return rcr_fail(
            err, RCR_ERR_LIMIT,
            "the neighbor search would look at more than %d images of atoms: the cell is tiny or the radius "
            "or the number of neighbors very large",
            RCR_GRAPH_MAX_IMAGES);
    int32_t capacity = (int32_t)(n + n / 2 + 4);
    rcr_points old = *points;
    void *block = rcr_malloc((size_t)capacity, 3 * sizeof(double) + 3 * sizeof(float) + sizeof(int32_t));
    if (block == NULL) return rcr_fail_memory(err, "searching neighbors");
    place_arrays(points, block, capacity);
    if (points->n > 0) copy_arrays(points, &old, points->n);
    rcr_free(old.points_block);
    return RCR_OK;
}

/* Sites of list whose u[k], shifted by whole cells, lies within low .. high. */
static int32_t select_sites(int32_t *selected, const int32_t *list, int32_t n, const double *u, double shift,
                            double low, double high) {
    int32_t m = 0;
    for (int32_t k = 0; k < n; k++) {
        int32_t i = list == NULL ? k : list[k];
        double w = u[i] + shift;
        selected[m] = i;
        m += (w >= low) & (w <= high);
    }
    return m;
}

/* The images, by whole cells along a, of n sites that are shifted along b and c already. */
static void add_row(rcr_points *points, const int32_t *list, int32_t n, const double shift[3], double low, double high,
                    double first, double last, double a) {
    int32_t m = points->n;
    for (double cell = first; cell <= last; cell++) {
        double sx = shift[0] + cell * a;
        for (int32_t k = 0; k < n; k++) {
            int32_t i = list[k];
            double w = points->u[0][i] + cell;
            double x = points->site_x[i] + sx, y = points->site_y[i] + shift[1], z = points->site_z[i] + shift[2];
            points->x[m] = x;
            points->y[m] = y;
            points->z[m] = z;
            points->fx[m] = (float)x;
            points->fy[m] = (float)y;
            points->fz[m] = (float)z;
            points->site[m] = i;
            m += (w >= low) & (w <= high);
        }
    }
    points->n = m;
}

static void sort_into_bins(rcr_points *to, const rcr_points *from, int32_t *bin_of, int32_t n_bins) {
    int32_t *start = to->bin_start;
    for (int32_t k = 0; k < from->n; k++) start[bin_of[k] + 1]++;
    for (int32_t b = 0; b < n_bins; b++) start[b + 1] += start[b];
    for (int32_t k = 0; k < from->n; k++) {
        int32_t m = start[bin_of[k]]++;
        to->x[m] = from->x[k];
        to->y[m] = from->y[k];
        to->z[m] = from->z[k];
        to->fx[m] = from->fx[k];
        to->fy[m] = from->fy[k];
        to->fz[m] = from->fz[k];
        to->site[m] = from->site[k];
    }
    /* every start now is its bin's end: move them up by one */
    memmove(start + 1, start, (size_t)n_bins * sizeof *start);
    start[0] = 0;
}

static int32_t bin_index(const rcr_points *points, int k, double r) {
    double b = (r - points->origin[k]) * points->per_width;
    if (!(b > 0.0)) return 0;
    return b < points->bins[k] ? (int32_t)b : points->bins[k] - 1;
}

static rcr_status make_bins(rcr_points *points, rcr_error *err) {
    double high[3], extent[3], volume = 1.0;
    const double *r[3] = {points->x, points->y, points->z};
    for (int k = 0; k < 3; k++) {
        points->origin[k] = DBL_MAX;
        high[k] = -DBL_MAX;
        for (int32_t i = 0; i < points->n; i++) {
            if (r[k][i] < points->origin[k]) points->origin[k] = r[k][i];
            if (r[k][i] > high[k]) high[k] = r[k][i];
        }
        extent[k] = high[k] - points->origin[k];
        volume *= extent[k];
    }
    double longest = fmax(extent[0], fmax(extent[1], extent[2]));
    double width = fmax(cbrt(volume * POINTS_PER_BIN / points->n), longest * 1e-3), n_bins;
    if (!(width > 0.0)) return RCR_OK; /* all points in one place */
    for (;; width *= 1.3) {
        n_bins = 1.0;
        for (int k = 0; k < 3; k++) {
            points->bins[k] = (int32_t)(extent[k] / width) + 1;
            n_bins *= points->bins[k];
        }
        if (n_bins <= points->n) break;
    }
    points->per_width = 1.0 / width;
    rcr_points sorted = *points;
    int32_t *bin_of = rcr_malloc((size_t)points->n, sizeof *bin_of);
    void *block = rcr_malloc((size_t)points->capacity, 3 * sizeof(double) + 3 * sizeof(float) + sizeof(int32_t));
    sorted.bin_start = rcr_calloc((size_t)n_bins + 1, sizeof *sorted.bin_start);
    if (bin_of == NULL || block == NULL || sorted.bin_start == NULL) {
        rcr_free(bin_of);
        rcr_free(block);
        rcr_free(sorted.bin_start);
        return rcr_fail_memory(err, "searching neighbors");
    }
    for (int32_t i = 0; i < points->n; i++)
        bin_of[i] = (bin_index(points, 2, points->z[i]) * points->bins[1] + bin_index(points, 1, points->y[i])) *
                        points->bins[0] +
                    bin_index(points, 0, points->x[i]);
    place_arrays(&sorted, block, points->capacity);
    sort_into_bins(&sorted, points, bin_of, (int32_t)n_bins);
    rcr_free(bin_of);
    rcr_free(points->points_block);
    *points = sorted;
    return RCR_OK;
}

rcr_status rcr_points_fill(rcr_points *points, const rcr_search_cell *cell, double reach, rcr_error *err) {
    double low[3], high[3], first[3], last[3], box = points->n_sites;
    for (int k = 0; k < 3; k++) {
        double turns = reach / cell->height[k] * (1.0 + 1e-12) + 1e-9; /* rounding must not lose a point at the bound */
        low[k] = points->low[k] - turns;
        high[k] = points->high[k] + turns;
        first[k] = ceil(low[k] - points->high[k]);
        last[k] = floor(high[k] - points->low[k]);
        box *= high[k] - low[k] < 1.0 ? 1.0 : high[k] - low[k];
    }
    rcr_free(points->bin_start);
    points->bin_start = NULL;
    memset(points->bins, 0, sizeof points->bins);
    points->n = 0;
    rcr_status status = reserve(points, box < RCR_GRAPH_MAX_IMAGES ? (int64_t)box : RCR_GRAPH_MAX_IMAGES + 1L, err);
    const double(*v)[3] = (const double(*)[3])cell->vector;
    for (double c = first[2]; c <= last[2] && status == RCR_OK; c++) {
        int32_t in_plane = select_sites(points->plane, NULL, points->n_sites, points->u[2], c, low[2], high[2]);
        for (double b = first[1]; b <= last[1] && in_plane > 0 && status == RCR_OK; b++) {
            int32_t in_row = select_sites(points->row, points->plane, in_plane, points->u[1], b, low[1], high[1]);
            status = reserve(points, points->n + (int64_t)((last[0] - first[0] + 1.0) * in_row), err);
            double shift[3] = {b * v[1][0] + c * v[2][0], b * v[1][1] + c * v[2][1], c * v[2][2]};
            if (status == RCR_OK)
                add_row(points, points->row, in_row, shift, low[0], high[0], first[0], last[0], v[0][0]);
        }
    }
    if (status != RCR_OK) return status;
    /* where a point can lie: coordinates up to that size are off by half a unit in the last place, the difference of
     * two by twice that, in three directions */
    double size = 0.0;
    for (int k = 0; k < 3; k++)
        for (int d = 0; d <= k; d++) size += fabs(v[k][d]) * (fmax(fabs(low[k]), fabs(high[k])) + 1.0);
    points->float_error = 4.0 * FLT_EPSILON * size;
    return points->n >= BINS_FROM ? make_bins(points, err) : RCR_OK;
}

void rcr_points_windows(rcr_windows *windows, const rcr_points *points, double x, double y, double z, double reach) {
    windows->done = 0;
    if (points->bin_start == NULL) return;
    const double r[3] = {x, y, z};
    for (int k = 0; k < 3; k++) {
        windows->low[k] = bin_index(points, k, r[k] - reach);
        windows->high[k] = bin_index(points, k, r[k] + reach);
    }
    windows->at[0] = windows->low[1];
    windows->at[1] = windows->low[2];
}

int rcr_points_next(int32_t *first, int32_t *end, rcr_windows *windows, const rcr_points *points) {
    if (windows->done) return 0;
    if (points->bin_start == NULL) {
        *first = 0;
        *end = points->n;
        windows->done = 1;
        return 1;
    }
    const int32_t *row = points->bin_start + (windows->at[1] * points->bins[1] + windows->at[0]) * points->bins[0];
    *first = row[windows->low[0]];
    *end = row[windows->high[0] + 1];
    if (++windows->at[0] > windows->high[1]) {
        windows->at[0] = windows->low[1];
        windows->done = ++windows->at[1] > windows->high[2];
    }
    return 1;
}
