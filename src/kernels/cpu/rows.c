/* Rows of the element table, readout, and operations element by element. */
#include <math.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"
#include "kernels/cpu/vmath.h"

typedef struct rows_job {
    float *out;
    const float *in, *in2;
    const int32_t *index;      /* table rows, or crystal offsets */
    const float *multiplicity; /* of atoms, or NULL */
    int64_t n;
    int32_t S, F;
    int lanes;
} rows_job;

static void gather_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t i = rows.first; i < rows.end; i++)
        memcpy(j->out + i * j->F, j->in + (int64_t)j->index[i] * j->F, (size_t)j->F * sizeof(float));
}

void RCR_CPU(rows_gather)(const rcr_exec *x, rcr_real *y, const rcr_real *table, const int32_t *row, int32_t N,
                          int32_t F) {
    rows_job job = {.out = y, .in = table, .index = row, .n = N, .F = F, .lanes = rcr_lanes(N)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, gather_piece, &job);
}

static void scatter_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    float *sum = j->out + (size_t)lane * (size_t)j->S * (size_t)j->F;
    memset(sum, 0, (size_t)j->S * (size_t)j->F * sizeof(float));
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t i = rows.first; i < rows.end; i++) {
        float *to = sum + (size_t)j->index[i] * (size_t)j->F;
        const float *from = j->in + i * j->F;
        for (int32_t c = 0; c < j->F; c++) to[c] += from[c];
    }
}

/* Some of the table, each value the sum over the lanes in their order. */
static void scatter_reduce_piece(void *job, int part, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range values = rcr_part(j->n, RCR_REDUCE_PARTS, part);
    size_t count = (size_t)(values.end - values.first);
    float *to = j->out + values.first;
    memset(to, 0, count * sizeof(float));
    for (int l = 0; l < j->lanes; l++) {
        const float *from = j->in + l * j->n + values.first;
        for (size_t i = 0; i < count; i++) to[i] += from[i];
    }
}

void RCR_CPU(rows_scatter)(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const int32_t *row, int32_t N,
                           int32_t S, int32_t F) {
    rows_job job = {.out = x->scratch, .in = dy, .index = row, .n = N, .S = S, .F = F, .lanes = rcr_lanes(N)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, scatter_piece, &job);
    rows_job sum = {.out = dtable, .in = x->scratch, .n = (int64_t)S * F, .S = S, .F = F, .lanes = job.lanes};
    rcr_pool_run(x->pool, RCR_REDUCE_PARTS, scatter_reduce_piece, &sum);
}

/* The mean as a sum of shares, multiplicity / atoms: they are the same numbers in a supercell, in whose rows both are
 * the same multiples; a sum that is divided at last would be rounded otherwise.  In blocks of rows, so that a crystal
 * of a million atoms keeps its last digits. */
enum { POOL_BLOCK = 64 };

static void pool_fwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t c = rows.first; c < rows.end; c++) {
        float *to = j->out + c * j->F;
        int32_t first = j->index[c], stop = j->index[c + 1];
        float all = (float)rcr_rows_atoms(j->multiplicity, first, stop), share[POOL_BLOCK];
        memset(to, 0, (size_t)j->F * sizeof *to);
        for (int32_t block = first; block < stop; block += POOL_BLOCK) {
            int32_t n_rows = stop - block < POOL_BLOCK ? stop - block : POOL_BLOCK;
            const float *v = j->in + (int64_t)block * j->F;
            for (int32_t i = 0; i < n_rows; i++) share[i] = rcr_row_atoms(j->multiplicity, block + i) / all;
            for (int32_t f = 0; f < j->F; f += VW) {
                int n = j->F - f < VW ? j->F - f : VW;
                vf part = {0};
                for (int32_t i = 0; i < n_rows; i++)
                    part = vfma(vset(share[i]), vload_n(v + (int64_t)i * j->F + f, n), part);
                vstore_n(to + f, vload_n(to + f, n) + part, n);
            }
        }
    }
}

void RCR_CPU(pool_fwd)(const rcr_exec *x, rcr_real *out, const rcr_real *v, const int32_t *offset,
                       const rcr_real *multiplicity, int32_t C, int32_t F) {
    rows_job job = {.out = out, .in = v, .index = offset, .multiplicity = multiplicity, .n = C, .F = F};
    job.lanes = rcr_lanes((int64_t)C * 4);
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, pool_fwd_piece, &job);
}

static void pool_bwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t c = rows.first; c < rows.end; c++) {
        int32_t first = j->index[c], stop = j->index[c + 1];
        float all = (float)rcr_rows_atoms(j->multiplicity, first, stop);
        for (int32_t i = first; i < stop; i++) {
            float share = rcr_row_atoms(j->multiplicity, i) / all;
            for (int32_t f = 0; f < j->F; f++) j->out[(int64_t)i * j->F + f] = j->in[c * j->F + f] * share;
        }
    }
}

void RCR_CPU(pool_bwd)(const rcr_exec *x, rcr_real *dv, const rcr_real *dout, const int32_t *offset,
                       const rcr_real *multiplicity, int32_t C, int32_t F) {
    rows_job job = {.out = dv, .in = dout, .index = offset, .multiplicity = multiplicity, .n = C, .F = F};
    job.lanes = rcr_lanes((int64_t)C * 4);
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, pool_bwd_piece, &job);
}

static void softplus_fwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t i = rows.first; i < rows.end; i += VW) {
        int n = rows.end - i < VW ? (int)(rows.end - i) : VW;
        vstore_n(j->out + i, vsoftplus(vload_n(j->in + i, n) * RCR_LOG2E), n);
    }
}

void RCR_CPU(softplus_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n) {
    rows_job job = {.out = y, .in = in, .n = n, .lanes = rcr_lanes(n / 64)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, softplus_fwd_piece, &job);
}

static void softplus_bwd_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t i = rows.first; i < rows.end; i += VW) {
        int n = rows.end - i < VW ? (int)(rows.end - i) : VW;
        vstore_n(j->out + i, vload_n(j->in + i, n) * vsigmoid(vload_n(j->in2 + i, n) * RCR_LOG2E), n);
    }
}

void RCR_CPU(softplus_bwd)(const rcr_exec *x, rcr_real *dx, const rcr_real *dy, const rcr_real *in, int64_t n) {
    rows_job job = {.out = dx, .in = dy, .in2 = in, .n = n, .lanes = rcr_lanes(n / 64)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, softplus_bwd_piece, &job);
}

static void add_piece(void *job, int lane, int worker) {
    (void)worker;
    const rows_job *j = job;
    rcr_range rows = rcr_lane(j->n, j->lanes, lane);
    for (int64_t i = rows.first; i < rows.end; i++) j->out[i] += j->in[i];
}

void RCR_CPU(add)(const rcr_exec *x, rcr_real *y, const rcr_real *in, int64_t n) {
    rows_job job = {.out = y, .in = in, .n = n, .lanes = rcr_lanes(n / 64)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, add_piece, &job);
}
