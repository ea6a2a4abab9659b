/* Disordered atoms: weighted means of rows of the element table, and back. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/lanes.h"

typedef struct mix_job {
    float *out;
    const float *in;
    const rcr_mixtures *m;
    int32_t S, F;
    int lanes;
} mix_job;

static void forward_piece(void *job, int lane, int worker) {
    (void)worker;
    const mix_job *j = job;
    const rcr_mixtures *m = j->m;
    rcr_range atoms = rcr_lane(m->n, j->lanes, lane);
    for (int64_t a = atoms.first; a < atoms.end; a++) {
        float *to = j->out + (int64_t)m->atom[a] * j->F;
        for (int32_t f = 0; f < j->F; f += VW) {
            int n = j->F - f < VW ? j->F - f : VW;
            vf sum = {0};
            for (int32_t k = m->offset[a]; k < m->offset[a + 1]; k++)
                sum = vfma(vset(m->weight[k]), vload_n(j->in + (int64_t)m->row[k] * j->F + f, n), sum);
            vstore_n(to + f, sum, n);
        }
    }
}

void RCR_CPU(rows_mix_fwd)(const rcr_exec *x, rcr_real *y, const rcr_real *table, const rcr_mixtures *m, int32_t F) {
    mix_job job = {y, table, m, 0, F, rcr_lanes(m->n)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, forward_piece, &job);
}

static void backward_piece(void *job, int lane, int worker) {
    (void)worker;
    const mix_job *j = job;
    const rcr_mixtures *m = j->m;
    float *sum = j->out + (size_t)lane * (size_t)j->S * (size_t)j->F;
    memset(sum, 0, (size_t)j->S * (size_t)j->F * sizeof(float));
    rcr_range atoms = rcr_lane(m->n, j->lanes, lane);
    for (int64_t a = atoms.first; a < atoms.end; a++) {
        const float *from = j->in + (int64_t)m->atom[a] * j->F;
        for (int32_t k = m->offset[a]; k < m->offset[a + 1]; k++) {
            float *to = sum + (size_t)m->row[k] * (size_t)j->F;
            vf weight = vset(m->weight[k]);
            for (int32_t f = 0; f < j->F; f += VW) {
                int n = j->F - f < VW ? j->F - f : VW;
                vstore_n(to + f, vfma(weight, vload_n(from + f, n), vload_n(to + f, n)), n);
            }
        }
    }
}

void RCR_CPU(rows_mix_bwd)(const rcr_exec *x, rcr_real *dtable, const rcr_real *dy, const rcr_mixtures *m, int32_t S,
                           int32_t F) {
    mix_job job = {x->scratch, dy, m, S, F, rcr_lanes(m->n)};
    rcr_pool_run_near(x->pool, job.lanes, RCR_UPWARD, backward_piece, &job);
    size_t count = (size_t)S * (size_t)F;
    memset(dtable, 0, (size_t)F * sizeof(float));
    for (int l = 0; l < job.lanes; l++)
        for (size_t i = 0; i < count; i++) dtable[i] += job.out[(size_t)l * count + i];
}
