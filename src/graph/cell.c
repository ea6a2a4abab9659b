/* Short lattice vectors for the neighbour search.  The result is right in any cell; it is fast in one whose vectors are
 * short and nearly at right angles, because the search box around a sphere is then small. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "graph/internal.h"

/* Below this fraction of |a||b||c| a cell counts as flat: the least that double precision can tell from none. */
#define FLAT 1e-12

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void cross(double out[3], const double a[3], const double b[3]) {
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

/* Lattice vectors v = t * original, and their Gram matrix. */
typedef struct basis {
    double v[3][3], t[3][3], gram[3][3];
} basis;

static void basis_gram(basis *b) {
    for (int i = 0; i < 3; i++)
        for (int j = 0; j <= i; j++) b->gram[i][j] = b->gram[j][i] = dot(b->v[i], b->v[j]);
}

static void basis_swap(basis *b, int i, int j) {
    for (int k = 0; k < 3; k++) {
        double v = b->v[i][k], t = b->t[i][k];
        b->v[i][k] = b->v[j][k];
        b->t[i][k] = b->t[j][k];
        b->v[j][k] = v;
        b->t[j][k] = t;
    }
    basis_gram(b);
}

static void basis_sort(basis *b) {
    if (b->gram[0][0] > b->gram[1][1]) basis_swap(b, 0, 1);
    if (b->gram[1][1] > b->gram[2][2]) basis_swap(b, 1, 2);
    if (b->gram[0][0] > b->gram[1][1]) basis_swap(b, 0, 1);
}

/* v_i <- v_i - k v_j - m v_l if that makes it shorter. */
static int basis_shorten(basis *b, int i, int j, double k, int l, double m) {
    if (k == 0.0 && m == 0.0) return 0;
    double v[3];
    for (int d = 0; d < 3; d++) v[d] = b->v[i][d] - k * b->v[j][d] - m * b->v[l][d];
    if (!(dot(v, v) < b->gram[i][i] * (1.0 - 1e-9))) return 0;
    for (int d = 0; d < 3; d++) {
        b->v[i][d] = v[d];
        b->t[i][d] -= k * b->t[j][d] + m * b->t[l][d];
    }
    basis_gram(b);
    return 1;
}

/* One round of reduction: the second vector by the first, the third by the point of the plane lattice below it.
 * Returns 0 when nothing got shorter. */
static int basis_reduce_once(basis *b) {
    basis_sort(b);
    const double(*g)[3] = (const double(*)[3])b->gram;
    if (basis_shorten(b, 1, 0, nearbyint(g[0][1] / g[0][0]), 2, 0.0)) return 1;
    double det = g[0][0] * g[1][1] - g[0][1] * g[0][1];
    if (!(det > 0.0)) return 0;
    double k = nearbyint((g[0][2] * g[1][1] - g[1][2] * g[0][1]) / det);
    double m = nearbyint((g[1][2] * g[0][0] - g[0][2] * g[0][1]) / det);
    if (basis_shorten(b, 2, 0, k, 1, m)) return 1;
    double s = g[0][1] > 0.0 ? -1.0 : 1.0; /* a + s b is the short diagonal of the plane cell */
    double along = g[0][2] + s * g[1][2], sum = g[0][0] + g[1][1] + 2.0 * s * g[0][1];
    double n = along > 0.0 ? 1.0 : -1.0;
    return 2.0 * fabs(along) > sum && basis_shorten(b, 2, 0, n, 1, s * n);
}

static int is_reduced(const basis *b) {
    const double(*g)[3] = (const double(*)[3])b->gram;
    return g[0][0] <= g[1][1] && g[1][1] <= g[2][2] && 2.0 * fabs(g[0][1]) <= g[0][0] &&
           2.0 * fabs(g[0][2]) <= g[0][0] && 2.0 * fabs(g[1][2]) <= g[1][1];
}

/* The inverse of an integer matrix of determinant +-1, rounded to the integers that it consists of. */
static void invert_unimodular(double out[3][3], const double t[3][3]) {
    double c[3][3];
    for (int i = 0; i < 3; i++) cross(c[i], t[(i + 1) % 3], t[(i + 2) % 3]);
    double det = nearbyint(dot(t[0], c[0]));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) out[j][i] = nearbyint(c[i][j]) * det;
}

rcr_status rcr_search_cell_make(rcr_search_cell *cell, const double lattice[3][3], rcr_error *err) {
    basis b = {.t = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
    memcpy(b.v, lattice, sizeof b.v);
    basis_gram(&b);
    double normal[3];
    cross(normal, b.v[0], b.v[1]);
    double volume = fabs(dot(normal, b.v[2]));
    double box = sqrt(b.gram[0][0]) * sqrt(b.gram[1][1]) * sqrt(b.gram[2][2]);
    if (!(isfinite(box) && volume > box * FLAT && volume > 0.0))
        return rcr_fail(err, RCR_ERR_DATA,
                        "the cell has no volume: its vectors are zero, lie in a plane, or are not numbers");
    cell->changed = !is_reduced(&b);
    /* Every round shortens a vector; a lattice in double precision is done in a few dozen. */
    if (cell->changed) {
        for (int round = 0; round < 1000 && basis_reduce_once(&b); round++) {
        }
        invert_unimodular(cell->transform, (const double(*)[3])b.t);
        cross(normal, b.v[0], b.v[1]);
    }
    double area = sqrt(dot(normal, normal)), a = sqrt(b.gram[0][0]), other[3];
    volume = fabs(dot(normal, b.v[2]));
    double by = area / a, bx = b.gram[0][1] / a, cx = b.gram[0][2] / a, cy = (b.gram[1][2] - bx * cx) / by;
    double vector[3][3] = {{a, 0, 0}, {bx, by, 0}, {cx, cy, volume / area}};
    memcpy(cell->vector, vector, sizeof vector);
    cell->shortest = a;
    cell->volume = volume;
    cell->height[2] = volume / area;
    cross(other, b.v[1], b.v[2]);
    cell->height[0] = volume / sqrt(dot(other, other));
    cross(other, b.v[2], b.v[0]);
    cell->height[1] = volume / sqrt(dot(other, other));
    for (int k = 0; k < 3; k++)
        if (!(cell->height[k] > 0.0 && isfinite(cell->height[k])))
            return rcr_fail(err, RCR_ERR_DATA, "the cell is too flat for distances to be computed");
    return RCR_OK;
}
