/* Random inputs for every kernel, over shapes with edge cases. */
#ifndef RCR_TESTS_KERNELS_KERNEL_CASE_H
#define RCR_TESTS_KERNELS_KERNEL_CASE_H

#include <math.h>

#include "kernels/kernels.h"
#include "support/check.h"

/* A generator of the tests' own, so that they don't lean on what they test. */
typedef struct dice {
    uint64_t state;
} dice;

static inline uint64_t dice_next(dice *d) {
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = d->state;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ (x >> 32);
}
static inline double dice_uniform(dice *d, double low, double high) {
    return low + (high - low) * (double)(dice_next(d) >> 11) * 0x1p-53;
}
static inline int32_t dice_below(dice *d, int32_t n) { return (int32_t)(dice_next(d) % (uint64_t)n); }

/* n values in -size .. size. */
static inline rcr_real *dice_reals(dice *d, size_t n, double size) {
    rcr_real *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (rcr_real)dice_uniform(d, -size, size);
    return x;
}

typedef struct kernel_shape {
    const char *name;
    int32_t C;
    int32_t min_atoms, max_atoms; /* of a crystal */
    int32_t min_edges, max_edges; /* of an atom */
    int32_t F, K, H;
    double offset;        /* added to b: how far the mean of z is from 0, whose spread is about 1 */
    int32_t multiplicity; /* the most atoms that a row stands for; 0: each is one */
} kernel_shape;

static const kernel_shape kernel_shapes[] = {
    {"one atom, one edge", 1, 1, 1, 1, 1, 3, 4, 2, 0, 0},
    {"one crystal", 1, 7, 7, 4, 6, 5, 7, 9, 0, 0},
    {"atoms without edges", 4, 1, 5, 0, 3, 5, 7, 6, 0, 0},
    {"no edges", 3, 1, 4, 0, 0, 6, 5, 5, 0, 0},
    {"nothing", 0, 0, 0, 0, 0, 5, 7, 9, 0, 0},
    {"ragged", 9, 1, 11, 0, 15, 17, 11, 33, 0, 0},
    {"whole vectors", 5, 2, 6, 8, 12, 16, 16, 16, 0, 0},
    {"default widths", 6, 1, 9, 0, 12, 64, 41, 128, 0, 0},
    {"wide", 3, 2, 5, 3, 12, 130, 61, 70, 0, 0},
    {"far from 0", 6, 3, 9, 6, 12, 64, 41, 128, 30, 0},
    {"equivalent atoms, ragged", 9, 1, 11, 0, 15, 17, 11, 33, 0, 5},
    {"equivalent atoms, default widths", 6, 1, 9, 0, 12, 64, 41, 128, 0, 48},
    {"equivalent atoms, realistic batch", 120, 4, 20, 12, 12, 64, 41, 128, 0, 6},
    {"one large crystal", 1, 300, 300, 12, 12, 64, 41, 128, 0, 0},
    {"realistic batch", 120, 10, 40, 12, 12, 64, 41, 128, 0, 0},
};
enum { N_KERNEL_SHAPES = sizeof kernel_shapes / sizeof kernel_shapes[0] };

/* What "per atom" and the like say of arrays below: N atoms, E edges, C crystals, F, K, H, S, M classes. */
typedef struct kernel_case {
    kernel_shape shape;
    rcr_batch batch; /* arrays owned here */
    rcr_basis basis;
    int32_t S, M;
    /* per atom */
    rcr_real *v, *v_new, *s, *d_atom, *pq; /* [N, F] each; pq [N, 4F] from v, w and b */
    rcr_real *d_hidden;                    /* [N, H] */
    /* per crystal */
    rcr_real *logits, *d_crystal, *classes, *target; /* [C, M], [C, F], [C], [C] */
    rcr_real *weight;                                /* [C] of the rows, 0 for every third */
    /* parameters and the like */
    rcr_real *table;                     /* [S, F] */
    rcr_real *w_dense, *b_dense;         /* [H, F], [H] */
    rcr_real *w, *b;                     /* [2F, 2F+K], [2F] */
    rcr_real *mean, *var, *gamma, *beta; /* [2F] each */
    rcr_real *batch_mean, *batch_var;    /* [2F] of z over this batch */
    rcr_real *node_mean, *node_var;      /* [F] of s over this batch */
    rcr_real alpha;
    rcr_real *start; /* what accumulated results start from; long enough for any of them */
    size_t n_start;
} kernel_case;

static inline void case_batch(kernel_case *c, dice *d) {
    const kernel_shape *s = &c->shape;
    rcr_batch *b = &c->batch;
    int32_t most_atoms = s->C * s->max_atoms, most_edges = most_atoms * s->max_edges;
    b->n_crystals = s->C;
    b->crystal_offset = calloc((size_t)s->C + 1, sizeof(int32_t));
    b->site_row = calloc((size_t)most_atoms + 1, sizeof(int32_t));
    b->edge_offset = calloc((size_t)most_atoms + 1, sizeof(int32_t));
    b->edge_source = calloc((size_t)most_edges + 1, sizeof(int32_t));
    b->edge_distance = calloc((size_t)most_edges + 1, sizeof(rcr_real));
    for (int32_t k = 0; k < s->C; k++) {
        int32_t n = s->min_atoms + dice_below(d, s->max_atoms - s->min_atoms + 1), first = b->n_atoms;
        for (int32_t i = 0; i < n; i++, b->n_atoms++) {
            b->site_row[b->n_atoms] = dice_below(d, c->S);
            int32_t n_edges = s->min_edges + dice_below(d, s->max_edges - s->min_edges + 1);
            for (int32_t e = 0; e < n_edges; e++, b->n_edges++) {
                b->edge_source[b->n_edges] = first + dice_below(d, n);
                /* beyond the last Gaussian too: padding edges are at radius + 1 */
                b->edge_distance[b->n_edges] = (rcr_real)dice_uniform(d, 0.4, 9);
            }
            b->edge_offset[b->n_atoms + 1] = b->n_edges;
        }
        b->crystal_offset[k + 1] = b->n_atoms;
    }
    if (s->multiplicity == 0) return;
    b->multiplicity = calloc((size_t)b->n_atoms + 1, sizeof(rcr_real));
    b->edge_count = calloc((size_t)b->n_edges + 1, sizeof(rcr_real));
    for (int32_t i = 0; i < b->n_atoms; i++) {
        int32_t count = 1 + dice_below(d, s->multiplicity);
        b->multiplicity[i] = (rcr_real)count;
        b->all_atoms += count;
        for (int32_t e = b->edge_offset[i]; e < b->edge_offset[i + 1]; e++) {
            int32_t copies = 1 + dice_below(d, 3);
            b->edge_count[e] = (rcr_real)copies;
            b->all_edges += (int64_t)count * copies;
        }
    }
}

/* Every fifth atom of a case is disordered, with one to four parts; row 0 is the vacancy. */
static inline void case_mixtures(kernel_case *c, dice *d) {
    rcr_batch *b = &c->batch;
    rcr_mixtures *m = &b->mixtures;
    m->atom = calloc((size_t)b->n_atoms + 1, sizeof(int32_t));
    m->offset = calloc((size_t)b->n_atoms + 1, sizeof(int32_t));
    m->row = calloc(4 * (size_t)b->n_atoms + 1, sizeof(int32_t));
    m->weight = calloc(4 * (size_t)b->n_atoms + 1, sizeof(rcr_real));
    for (int32_t i = 0; i < b->n_atoms; i++) {
        if (i % 5 != 2 && b->n_atoms > 1) continue;
        int32_t n = 1 + dice_below(d, 4), k = m->offset[m->n];
        for (int32_t part = 0; part < n; part++, k++) {
            m->row[k] = dice_below(d, c->S);
            m->weight[k] = (rcr_real)dice_uniform(d, 0.05, 1.0);
        }
        m->atom[m->n++] = i;
        m->offset[m->n] = k;
    }
}

/* The Gaussians of every edge [E, K], in double, straight from the formula. */
static inline double *case_gaussians(const kernel_case *c) {
    int32_t K = c->shape.K;
    double *gaussian = malloc(((size_t)c->batch.n_edges * (size_t)K + 1) * sizeof *gaussian);
    assert_non_null(gaussian);
    for (int32_t e = 0; e < c->batch.n_edges; e++)
        for (int32_t k = 0; k < K; k++) {
            double t = ((double)c->batch.edge_distance[e] - c->basis.dmin - k * c->basis.step) / c->basis.step;
            gaussian[(size_t)e * (size_t)K + (size_t)k] = exp(-t * t);
        }
    return gaussian;
}

/* z of one edge i <- j and channel in double. */
static inline double case_z(const kernel_case *c, const double *gaussian, int32_t i, int32_t e, int32_t channel) {
    int32_t F = c->shape.F, K = c->shape.K, j = c->batch.edge_source[e];
    const rcr_real *w_e = c->w + (size_t)channel * (size_t)(2 * F + K) + 2 * F;
    double z = (double)c->pq[(size_t)i * 4 * (size_t)F + (size_t)channel] +
               (double)c->pq[(size_t)j * 4 * (size_t)F + 2 * (size_t)F + (size_t)channel];
    for (int32_t k = 0; k < K; k++) z += (double)w_e[k] * gaussian[(size_t)e * (size_t)K + (size_t)k];
    return z;
}

/* Mean and biased variance of z over all edges, and of s over all atoms. */
static inline void case_stats(kernel_case *c) {
    int32_t F = c->shape.F, N = c->batch.n_atoms, E = c->batch.n_edges;
    double *z = calloc((size_t)E + (size_t)N + 1, sizeof *z), *gaussian = case_gaussians(c);
    double *count = calloc((size_t)E + (size_t)N + 1, sizeof *count); /* the edges or atoms that each stands for */
    for (int32_t channel = 0; channel < 3 * F; channel++) {
        int32_t n = 0;
        if (channel < 2 * F)
            for (int32_t i = 0; i < N; i++)
                for (int32_t e = c->batch.edge_offset[i]; e < c->batch.edge_offset[i + 1]; e++) {
                    count[n] = c->batch.multiplicity != NULL ? (double)c->batch.multiplicity[i] : 1;
                    if (c->batch.edge_count != NULL) count[n] *= (double)c->batch.edge_count[e];
                    z[n++] = case_z(c, gaussian, i, e, channel);
                }
        else
            for (int32_t i = 0; i < N; i++) {
                count[n] = c->batch.multiplicity != NULL ? (double)c->batch.multiplicity[i] : 1;
                z[n++] = (double)c->s[(size_t)i * (size_t)F + (size_t)(channel - 2 * F)];
            }
        double mean = 0, var = 0, all = 0;
        for (int32_t e = 0; e < n; e++) all += count[e];
        for (int32_t e = 0; e < n; e++) mean += count[e] * z[e] / all;
        for (int32_t e = 0; e < n; e++) var += count[e] * (z[e] - mean) * (z[e] - mean) / all;
        *(channel < 2 * F ? &c->batch_mean[channel] : &c->node_mean[channel - 2 * F]) = (rcr_real)mean;
        *(channel < 2 * F ? &c->batch_var[channel] : &c->node_var[channel - 2 * F]) = (rcr_real)var;
    }
    free(gaussian);
    free(count);
    free(z);
}

/* P = W_i v + b beside Q = W_j v. */
static inline void case_project(kernel_case *c) {
    size_t F = (size_t)c->shape.F, columns = 2 * F + (size_t)c->shape.K, N = (size_t)c->batch.n_atoms;
    for (size_t i = 0; i < N; i++)
        for (size_t o = 0; o < 4 * F; o++) {
            double sum = o < 2 * F ? (double)c->b[o] : 0;
            const rcr_real *row = c->w + o % (2 * F) * columns + o / (2 * F) * F;
            for (size_t m = 0; m < F; m++) sum += (double)row[m] * (double)c->v[i * F + m];
            c->pq[i * 4 * F + o] = (rcr_real)sum;
        }
}

static inline size_t case_largest(size_t a, size_t b) { return a > b ? a : b; }

static inline kernel_case *case_create(const kernel_shape *shape, uint64_t seed) {
    kernel_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    dice d = {seed * 7919 + 1};
    c->shape = *shape;
    c->S = 13;
    c->M = 2;
    case_batch(c, &d);
    c->basis = (rcr_basis){0, 8.0 / (shape->K - 1), shape->K};
    size_t N = (size_t)c->batch.n_atoms, C = (size_t)c->batch.n_crystals, F = (size_t)shape->F, K = (size_t)shape->K;
    size_t H = (size_t)shape->H;
    c->v = dice_reals(&d, N * F, 1.5);
    c->v_new = dice_reals(&d, N * F, 1.5);
    c->s = dice_reals(&d, N * F, 3);
    c->d_atom = dice_reals(&d, N * F, 1);
    c->pq = dice_reals(&d, N * 4 * F, 0);
    c->d_hidden = dice_reals(&d, N * H, 1);
    c->logits = dice_reals(&d, C * (size_t)c->M, 4);
    c->d_crystal = dice_reals(&d, C * F, 1);
    c->classes = dice_reals(&d, C, 1);
    for (size_t k = 0; k < C; k++) c->classes[k] = c->classes[k] > 0 ? 1 : 0;
    c->target = dice_reals(&d, C, 2);
    c->table = dice_reals(&d, (size_t)c->S * F, 1);
    c->w_dense = dice_reals(&d, H * F, 1 / sqrt((double)F));
    c->b_dense = dice_reals(&d, H, 0.5);
    c->w = dice_reals(&d, 2 * F * (2 * F + K), 1 / sqrt((double)F));
    c->b = dice_reals(&d, 2 * F, 0.5);
    for (size_t i = 0; i < 2 * F; i++) c->b[i] += (rcr_real)shape->offset;
    c->mean = dice_reals(&d, 2 * F, 0.5);
    for (size_t i = 0; i < 2 * F; i++) c->mean[i] += (rcr_real)shape->offset;
    c->var = dice_reals(&d, 2 * F, 1);
    for (size_t i = 0; i < 2 * F; i++) c->var[i] = (rcr_real)(0.3 + fabs((double)c->var[i]));
    c->gamma = dice_reals(&d, 2 * F, 1);
    for (size_t i = 0; i < 2 * F; i++) c->gamma[i] += (rcr_real)1.2;
    c->beta = dice_reals(&d, 2 * F, 0.5);
    c->batch_mean = dice_reals(&d, 2 * F, 0);
    c->batch_var = dice_reals(&d, 2 * F, 0);
    c->node_mean = dice_reals(&d, F, 0);
    c->node_var = dice_reals(&d, F, 0);
    c->alpha = (rcr_real)0.7;
    c->n_start = case_largest(case_largest(2 * F * (2 * F + K), H * F), N * F);
    c->start = dice_reals(&d, c->n_start, 2);
    case_project(c);
    case_mixtures(c, &d);
    case_stats(c);
    c->weight = dice_reals(&d, C, 1);
    for (size_t k = 0; k < C; k++) c->weight[k] = k % 3 == 2 ? 0 : (rcr_real)(1.5 + (double)c->weight[k]);
    return c;
}

static inline void case_free(kernel_case *c) {
    rcr_real *owned[] = {c->v,         c->v_new,    c->s,      c->d_atom, c->pq,      c->d_hidden,   c->logits,
                         c->d_crystal, c->classes,  c->target, c->table,  c->w_dense, c->b_dense,    c->w,
                         c->b,         c->mean,     c->var,    c->gamma,  c->beta,    c->batch_mean, c->batch_var,
                         c->node_mean, c->node_var, c->start,  c->weight};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    free(c->batch.crystal_offset);
    free(c->batch.site_row);
    free(c->batch.edge_offset);
    free(c->batch.edge_source);
    free(c->batch.edge_distance);
    free(c->batch.multiplicity);
    free(c->batch.edge_count);
    free(c->batch.mixtures.atom);
    free(c->batch.mixtures.offset);
    free(c->batch.mixtures.row);
    free(c->batch.mixtures.weight);
    free(c);
}

static inline rcr_real *case_rows(const rcr_real *x, int32_t first, int32_t n, int32_t width) {
    size_t count = (size_t)n * (size_t)width;
    rcr_real *rows = malloc((count + 1) * sizeof *rows);
    assert_non_null(rows);
    memcpy(rows, x + (size_t)first * (size_t)width, count * sizeof *rows);
    return rows;
}

static inline int32_t *case_numbers(const int32_t *x, int32_t n, int32_t less) {
    int32_t *copy = malloc(((size_t)n + 1) * sizeof *copy);
    assert_non_null(copy);
    for (int32_t i = 0; i < n; i++) copy[i] = x[i] - less;
    return copy;
}

/* The mixtures of atoms a .. a + N - 1, counted from a. */
static inline rcr_mixtures case_mixtures_of(const rcr_mixtures *from, int32_t a, int32_t N) {
    int32_t first = 0, end;
    while (first < from->n && from->atom[first] < a) first++;
    for (end = first; end < from->n && from->atom[end] < a + N;) end++;
    int32_t part = from->offset[first], n_parts = from->offset[end] - part;
    return (rcr_mixtures){.n = end - first,
                          .atom = case_numbers(from->atom + first, end - first, a),
                          .offset = case_numbers(from->offset + first, end - first + 1, part),
                          .row = case_numbers(from->row + part, n_parts, 0),
                          .weight = case_rows(from->weight, part, n_parts, 1)};
}

/* Crystal k of a case alone, with the same parameters and statistics. */
static inline kernel_case *case_crystal(const kernel_case *c, int32_t k) {
    kernel_case *one = calloc(1, sizeof *one);
    assert_non_null(one);
    *one = *c;
    const rcr_batch *from = &c->batch;
    int32_t F = c->shape.F, H = c->shape.H, K = c->shape.K, a = from->crystal_offset[k];
    int32_t N = from->crystal_offset[k + 1] - a, e = from->edge_offset[a], E = from->edge_offset[a + N] - e;
    one->batch = (rcr_batch){.n_atoms = N, .n_edges = E, .n_crystals = 1};
    one->batch.crystal_offset = case_numbers(from->crystal_offset + k, 2, a);
    one->batch.site_row = case_numbers(from->site_row + a, N, 0);
    one->batch.edge_offset = case_numbers(from->edge_offset + a, N + 1, e);
    one->batch.edge_source = case_numbers(from->edge_source + e, E, a);
    one->batch.edge_distance = case_rows(from->edge_distance, e, E, 1);
    if (from->multiplicity != NULL) {
        one->batch.multiplicity = case_rows(from->multiplicity, a, N, 1);
        one->batch.edge_count = case_rows(from->edge_count, e, E, 1);
        for (int32_t i = 0; i < N; i++) {
            int64_t count = (int64_t)one->batch.multiplicity[i];
            one->batch.all_atoms += count;
            for (int32_t m = one->batch.edge_offset[i]; m < one->batch.edge_offset[i + 1]; m++)
                one->batch.all_edges += count * (int64_t)one->batch.edge_count[m];
        }
    }
    one->batch.mixtures = case_mixtures_of(&from->mixtures, a, N);
    one->v = case_rows(c->v, a, N, F);
    one->v_new = case_rows(c->v_new, a, N, F);
    one->s = case_rows(c->s, a, N, F);
    one->d_atom = case_rows(c->d_atom, a, N, F);
    one->pq = case_rows(c->pq, a, N, 4 * F);
    one->d_hidden = case_rows(c->d_hidden, a, N, H);
    one->logits = case_rows(c->logits, k, 1, c->M);
    one->d_crystal = case_rows(c->d_crystal, k, 1, F);
    one->classes = case_rows(c->classes, k, 1, 1);
    one->target = case_rows(c->target, k, 1, 1);
    one->weight = case_rows(c->weight, k, 1, 1);
    one->table = case_rows(c->table, 0, c->S, F);
    one->w_dense = case_rows(c->w_dense, 0, H, F);
    one->b_dense = case_rows(c->b_dense, 0, H, 1);
    one->w = case_rows(c->w, 0, 2 * F, 2 * F + K);
    one->b = case_rows(c->b, 0, 2 * F, 1);
    one->mean = case_rows(c->mean, 0, 2 * F, 1);
    one->var = case_rows(c->var, 0, 2 * F, 1);
    one->gamma = case_rows(c->gamma, 0, 2 * F, 1);
    one->beta = case_rows(c->beta, 0, 2 * F, 1);
    one->batch_mean = case_rows(c->batch_mean, 0, 2 * F, 1);
    one->batch_var = case_rows(c->batch_var, 0, 2 * F, 1);
    one->node_mean = case_rows(c->node_mean, 0, F, 1);
    one->node_var = case_rows(c->node_var, 0, F, 1);
    one->start = case_rows(c->start, 0, (int32_t)c->n_start, 1);
    return one;
}

#endif
