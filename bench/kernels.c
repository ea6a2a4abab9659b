/*
 * Times every kernel of every table that this processor runs, on a batch of 256 crystals x 25 atoms x 12 edges.
 *
 *     bench_kernels [THREADS [TABLE [NAME]]]      NAME: only operations whose names hold it
 *
 * Each operation is repeated for at least 0.2 s; the fastest run counts.  One row an operation, one column a table, in
 * microseconds; the edge operations in nanoseconds an edge too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "kernels/kernels.h"

enum { CRYSTALS = 256, ATOMS = 25, EDGES = 12, F = 64, K = 41, H = 128, S = 119, N = CRYSTALS * ATOMS, E = N * EDGES };

/* Everything that the operations read and write, for one table. */
typedef struct bench {
    const rcr_kernels *k;
    rcr_exec x;
    rcr_batch batch;
    rcr_basis basis;
    rcr_real *v, *out, *s, *ds, *dv, *pq, *hidden, *pooled, *w, *dw, *dense, *ddense, *db, *pack, *cache;
    rcr_real *table, *mean, *var, *gamma, *beta, *dgamma, *dbeta, *moment, *square;
} bench;

static rcr_edge_input edges(bench *b) { return (rcr_edge_input){&b->batch, b->basis, F, b->pq, b->pack, b->cache}; }
static rcr_norm norm(bench *b) { return (rcr_norm){b->mean, b->var, b->gamma, b->beta}; }

static void linear_fwd(bench *b) { b->k->linear_fwd(&b->x, b->hidden, b->v, b->dense, b->db, N, F, H); }
static void linear_bwd(bench *b) {
    b->k->linear_bwd(&b->x, b->dv, b->ddense, b->db, b->hidden, b->v, b->dense, N, F, H);
}
static void rows_gather(bench *b) { b->k->rows_gather(&b->x, b->out, b->table, b->batch.site_row, N, F); }
static void rows_scatter(bench *b) { b->k->rows_scatter(&b->x, b->ddense, b->v, b->batch.site_row, N, S, F); }
static void conv_pack(bench *b) { b->k->conv_pack(&b->x, b->pack, b->w, b->beta, F, K); }
static void conv_project_fwd(bench *b) { b->k->conv_project_fwd(&b->x, b->pq, b->v, b->pack, N, F, K); }
static void prepare_evaluation(bench *b) { b->k->edge_prepare(&b->x, b->cache, &b->batch, b->basis, b->pack, F, 0); }
static void prepare_training(bench *b) { b->k->edge_prepare(&b->x, b->cache, &b->batch, b->basis, b->pack, F, 1); }
static void conv_stats_fwd(bench *b) {
    rcr_edge_input in = edges(b);
    b->k->conv_stats_fwd(&b->x, b->pq, b->mean, b->var, b->v, &in);
}
static void edge_conv_fwd(bench *b) {
    rcr_edge_input in = edges(b);
    rcr_norm n = norm(b);
    b->k->edge_conv_fwd(&b->x, b->s, &in, &n);
}
/* From the second call on, pq is what the call before left there: other numbers, the same work. */
static void conv_bwd(bench *b) {
    rcr_edge_input in = edges(b);
    rcr_norm n = norm(b);
    b->k->conv_bwd(&b->x, b->dv, b->dw, NULL, b->dgamma, b->dbeta, b->pq, b->ds, b->v, &in, &n, 1);
}
static void norm_stats(bench *b) { b->k->norm_stats(&b->x, b->mean, b->var, b->s, NULL, N, F); }
static void node_update_fwd(bench *b) {
    rcr_norm n = norm(b);
    b->k->node_update_fwd(&b->x, b->out, b->v, b->s, &n, N, F);
}
static void node_update_bwd(bench *b) {
    rcr_norm n = norm(b);
    b->k->node_update_bwd(&b->x, b->dv, b->out, b->dgamma, b->dbeta, b->ds, b->v, b->s, &n, 1, NULL, N, F);
}
static void gate_fwd(bench *b) { b->k->gate_fwd(&b->x, b->out, b->v, b->s, b->beta, (int64_t)N * F); }
static void gate_bwd(bench *b) {
    b->k->gate_bwd(&b->x, b->dv, b->out, b->dbeta, b->ds, b->v, b->s, b->beta, (int64_t)N * F);
}
static void layer_norm_fwd(bench *b) { b->k->layer_norm_fwd(&b->x, b->out, b->v, b->gamma, b->beta, N, F); }
static void layer_norm_bwd(bench *b) {
    b->k->layer_norm_bwd(&b->x, b->dv, b->dgamma, b->dbeta, b->ds, b->v, b->gamma, N, F);
}
static void pool_fwd(bench *b) { b->k->pool_fwd(&b->x, b->pooled, b->v, b->batch.crystal_offset, NULL, CRYSTALS, F); }
static void pool_bwd(bench *b) { b->k->pool_bwd(&b->x, b->dv, b->pooled, b->batch.crystal_offset, NULL, CRYSTALS, F); }
static void softplus_fwd(bench *b) { b->k->softplus_fwd(&b->x, b->out, b->v, (int64_t)N * F); }
static void softplus_bwd(bench *b) { b->k->softplus_bwd(&b->x, b->out, b->ds, b->v, (int64_t)N * F); }
static void add(bench *b) { b->k->add(&b->x, b->out, b->v, (int64_t)N * F); }
static void adam_update(bench *b) {
    rcr_adam adam = {1e-9, 0.9, 0.999, 1e-8, 0, 0, 10};
    b->k->adam_update(&b->x, b->dense, b->moment, b->square, b->ddense, &adam, (int64_t)F * H);
}

static const struct {
    const char *name;
    void (*run)(bench *b);
    int per_edge;
} operations[] = {
    {"linear_fwd", linear_fwd, 0},
    {"linear_bwd", linear_bwd, 0},
    {"rows_gather", rows_gather, 0},
    {"rows_scatter", rows_scatter, 0},
    {"conv_pack", conv_pack, 0},
    {"conv_project_fwd", conv_project_fwd, 0},
    {"edge_prepare (evaluation)", prepare_evaluation, 1},
    {"edge_prepare (training)", prepare_training, 1},
    {"conv_stats_fwd", conv_stats_fwd, 1},
    {"edge_conv_fwd", edge_conv_fwd, 1},
    {"conv_bwd", conv_bwd, 1},
    {"norm_stats", norm_stats, 0},
    {"node_update_fwd", node_update_fwd, 0},
    {"node_update_bwd", node_update_bwd, 0},
    {"gate_fwd", gate_fwd, 0},
    {"gate_bwd", gate_bwd, 0},
    {"layer_norm_fwd", layer_norm_fwd, 0},
    {"layer_norm_bwd", layer_norm_bwd, 0},
    {"pool_fwd", pool_fwd, 0},
    {"pool_bwd", pool_bwd, 0},
    {"softplus_fwd", softplus_fwd, 0},
    {"softplus_bwd", softplus_bwd, 0},
    {"add", add, 0},
    {"adam_update", adam_update, 0},
};
enum { N_OPERATIONS = sizeof operations / sizeof operations[0] };

static void die(const char *what) {
    fprintf(stderr, "bench_kernels: %s\n", what);
    exit(1);
}

/* Uniform in -1 .. 1; reproducible. */
static double draw(void) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 40) / 8388608.0 - 1;
}

/* Device memory with values in low .. high. */
static rcr_real *reals(const bench *b, size_t n, double low, double high) {
    rcr_real *device = b->k->mem_alloc(n), *host = rcr_malloc(n, sizeof *host);
    if (device == NULL || host == NULL) die("out of memory");
    for (size_t i = 0; i < n; i++) host[i] = (rcr_real)(low + (high - low) * (draw() + 1) / 2);
    b->k->mem_upload(device, host, n);
    rcr_free(host);
    return device;
}

static void make_batch(rcr_batch *batch) {
    *batch = (rcr_batch){.n_atoms = N, .n_edges = E, .n_crystals = CRYSTALS};
    batch->site_row = rcr_calloc(N, sizeof(int32_t));
    batch->edge_offset = rcr_calloc(N + 1, sizeof(int32_t));
    batch->edge_source = rcr_calloc(E, sizeof(int32_t));
    batch->edge_distance = rcr_calloc(E, sizeof(rcr_real));
    batch->crystal_offset = rcr_calloc(CRYSTALS + 1, sizeof(int32_t));
    if (!batch->site_row || !batch->edge_offset || !batch->edge_source || !batch->edge_distance ||
        !batch->crystal_offset)
        die("out of memory");
    for (int32_t i = 0; i < N; i++) batch->site_row[i] = (int32_t)((draw() + 1) / 2 * 90);
    for (int32_t i = 0; i <= N; i++) batch->edge_offset[i] = i * EDGES;
    for (int32_t i = 0; i <= CRYSTALS; i++) batch->crystal_offset[i] = i * ATOMS;
    for (int32_t e = 0; e < E; e++) {
        batch->edge_source[e] = e / EDGES / ATOMS * ATOMS + (int32_t)((draw() + 1) / 2 * ATOMS);
        batch->edge_distance[e] = (rcr_real)(3 + draw());
    }
}

static void make(bench *b, const rcr_kernels *k, rcr_pool *pool) {
    *b = (bench){.k = k, .basis = {0, 0.2, K}};
    size_t size = k->scratch_size(N, E, N, S, F, K, H, (size_t)H * (F + 1)); /* dense layers run over atoms */
    b->x = (rcr_exec){k, pool, rcr_calloc_aligned(size, 1), size};
    if (b->x.scratch == NULL) die("out of memory");
    make_batch(&b->batch);
    size_t atoms = (size_t)N * F, dense = (size_t)S * F > (size_t)H * F ? (size_t)S * F : (size_t)H * F;
    b->v = reals(b, atoms, -1, 1);
    b->out = reals(b, atoms, -1, 1);
    b->s = reals(b, atoms, -2, 2);
    b->ds = reals(b, atoms, -1e-3, 1e-3);
    b->dv = reals(b, atoms, 0, 0);
    b->pq = reals(b, 4 * atoms, -1, 1);
    b->hidden = reals(b, (size_t)N * H, -1, 1);
    b->pooled = reals(b, (size_t)CRYSTALS * F, -1, 1);
    b->w = reals(b, (size_t)2 * F * (2 * F + K), -0.08, 0.08);
    b->dw = reals(b, (size_t)2 * F * (2 * F + K), 0, 0);
    b->dense = reals(b, dense, -0.1, 0.1);
    b->ddense = reals(b, dense, 0, 0);
    b->db = reals(b, 4 * F, 0, 0);
    b->table = reals(b, (size_t)S * F, -1, 1);
    b->mean = reals(b, 2 * F, -0.1, 0.1);
    b->var = reals(b, 2 * F, 0.5, 1);
    b->gamma = reals(b, 2 * F, 0.5, 1.5);
    b->beta = reals(b, 2 * F, -0.1, 0.1);
    b->dgamma = reals(b, 2 * F, 0, 0);
    b->dbeta = reals(b, 2 * F, 0, 0);
    b->moment = reals(b, dense, -1, 1);
    b->square = reals(b, dense, 0, 1);
    b->pack = reals(b, k->conv_pack_size(F, K), 0, 0);
    b->cache = reals(b, k->edge_cache_size(N, E, F, K, 1), 0, 0);
    conv_pack(b);
    prepare_training(b);
}

static void release(bench *b) {
    rcr_real *owned[] = {b->v,    b->out, b->s,     b->ds,     b->dv,     b->pq,    b->hidden, b->pooled,
                         b->w,    b->dw,  b->dense, b->ddense, b->db,     b->pack,  b->cache,  b->table,
                         b->mean, b->var, b->gamma, b->beta,   b->dgamma, b->dbeta, b->moment, b->square};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) b->k->mem_free(owned[i]);
    rcr_free(b->batch.site_row);
    rcr_free(b->batch.edge_offset);
    rcr_free(b->batch.edge_source);
    rcr_free(b->batch.edge_distance);
    rcr_free(b->batch.crystal_offset);
    rcr_free(b->x.scratch);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The fastest of at least three runs and 0.2 s, after one that warms up. */
static double measure(bench *b, void (*run)(bench *)) {
    double best = 1e9, total = 0;
    run(b);
    for (int i = 0; i < 3 || total < 0.2; i++) {
        double start = seconds();
        run(b);
        double taken = seconds() - start;
        total += taken;
        if (taken < best) best = taken;
    }
    return best;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"ref", "base", "avx2", "avx512"};
    enum { TABLES = sizeof names / sizeof names[0] };
    int n_threads = argc > 1 ? atoi(argv[1]) : 1;
    rcr_pool *pool = NULL;
    rcr_error err;
    if (rcr_pool_create(&pool, n_threads, &err) != RCR_OK) die(err.message);
    const char *wanted = argc > 3 ? argv[3] : "";
    static double taken[TABLES][N_OPERATIONS];
    int present[TABLES] = {0};
    for (int t = 0; t < TABLES; t++) {
        const rcr_kernels *k;
        if (argc > 2 && strcmp(argv[2], names[t]) != 0) continue;
        if (rcr_kernels_choose(&k, names[t], &err) != RCR_OK) {
            fprintf(stderr, "bench_kernels: without %s: %s\n", names[t], err.message);
            continue;
        }
        present[t] = 1;
        bench b;
        make(&b, k, pool);
        for (int i = 0; i < N_OPERATIONS; i++)
            if (strstr(operations[i].name, wanted) != NULL) taken[t][i] = measure(&b, operations[i].run);
        release(&b);
    }
    printf("%d crystals, %d atoms, %d edges, F %d, K %d, H %d; %d thread(s); microseconds (ns an edge)\n\n%-26s",
           CRYSTALS, N, E, F, K, H, rcr_pool_size(pool), "");
    for (int t = 0; t < TABLES; t++)
        if (present[t]) printf(" %19s", names[t]);
    printf("\n");
    for (int i = 0; i < N_OPERATIONS; i++) {
        if (strstr(operations[i].name, wanted) == NULL) continue;
        printf("%-26s", operations[i].name);
        for (int t = 0; t < TABLES; t++) {
            if (!present[t]) continue;
            printf(" %9.0f", 1e6 * taken[t][i]);
            if (operations[i].per_edge)
                printf(" (%7.1f)", 1e9 * taken[t][i] / E);
            else
                printf("          ");
        }
        printf("\n");
    }
    rcr_pool_free(pool);
    return 0;
}
