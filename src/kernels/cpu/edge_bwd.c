/* The pass over the edges, backward: see edge_bwd.h. */
#include "kernels/cpu/edge_bwd.h"

#include "kernels/cpu/vmath.h"

/* Some edges e0 .. e1-1 of one atom, vectors b .. b+n-1: g (into gbuf [e1 - e0, 2 Fp]) and its sums. */
INLINE void backward_edges(const backward_job *j, const edge_view *v, double *sums, float *gbuf, int64_t i, int32_t e0,
                           int32_t e1, int b, int n, int last) {
    size_t F = (size_t)v->F, Fp = (size_t)v->Fp, first = (size_t)b * VW;
    vf pf[GROUP], pc[GROUP], ds[GROUP], gsum[2 * GROUP], zsum[2 * GROUP], gz[2 * GROUP];
    edge_p(pf, pc, v, i, b, n, last);
    UNROLL for (int u = 0; u < n; u++) {
        pf[u] -= vload(j->mean + first + u * VW);
        pc[u] -= vload(j->mean + Fp + first + u * VW);
        ds[u] = vload_n(j->ds + (size_t)i * F + first + u * VW, u == n - 1 ? last : VW);
    }
    UNROLL for (int u = 0; u < 2 * n; u++) gsum[u] = zsum[u] = gz[u] = (vf){0};
    /* Sums of z count every edge that this one stands for; g is the gradient of all of them together. */
    vf count_i = vset(rcr_row_atoms(j->batch->multiplicity, i));
    for (int32_t e = e0; e < e1; e++) {
        vf zf[GROUP], zc[GROUP];
        UNROLL for (int u = 0; u < n; u++) {
            zf[u] = pf[u];
            zc[u] = pc[u];
        }
        edge_z(zf, zc, v, e, b, n, last);
        vf copies = edge_copies(v, e), all = count_i * copies;
        size_t source = (size_t)v->source[e] * 4 * F + 2 * F + first;
        float *gj = j->g_sum + source, *zj = j->z_sum + source, *ge = gbuf + (size_t)(e - e0) * 2 * Fp + first;
        UNROLL for (int u = 0; u < n; u++) {
            int count = u == n - 1 ? last : VW;
            const float *scale = j->scale + first + u * VW, *beta = j->beta + first + u * VW;
            vf gf, gc;
            vmessage_gradient(&gf, &gc, vfma(zf[u], vload(scale), vload(beta)),
                              vfma(zc[u], vload(scale + Fp), vload(beta + Fp)));
            vf slope = copies * ds[u]; /* inverts s_i = sum of copies times messages */
            gf *= slope;
            gc *= slope;
            gsum[u] += gf;
            gsum[n + u] += gc;
            zsum[u] = vfma(copies, zf[u], zsum[u]);
            zsum[n + u] = vfma(copies, zc[u], zsum[n + u]);
            gz[u] = vfma(gf, zf[u], gz[u]);
            gz[n + u] = vfma(gc, zc[u], gz[n + u]);
            vstore_n(gj + u * VW, vload_n(gj + u * VW, count) + gf, count);
            vstore_n(gj + F + u * VW, vload_n(gj + F + u * VW, count) + gc, count);
            vstore_n(zj + u * VW, vfma(all, zf[u], vload_n(zj + u * VW, count)), count);
            vstore_n(zj + F + u * VW, vfma(all, zc[u], vload_n(zj + F + u * VW, count)), count);
            vstore(ge + u * VW, gf);
            vstore(ge + Fp + u * VW, gc);
        }
    }
    float *gi = j->g_sum + (size_t)i * 4 * F + first, *zi = j->z_sum + (size_t)i * 4 * F + first;
    UNROLL for (int u = 0; u < 2 * n; u++) {
        size_t to = u < n ? (size_t)u * VW : F + (size_t)(u - n) * VW;
        size_t at = u < n ? first + (size_t)u * VW : Fp + first + (size_t)(u - n) * VW;
        int count = u % n == n - 1 ? last : VW;
        vstore_n(gi + to, vload_n(gi + to, count) + gsum[u], count);
        vstore_n(zi + to, vfma(count_i, zsum[u], vload_n(zi + to, count)), count);
        vadd_double(sums + at, gsum[u]);
        vadd_double(sums + 2 * Fp + at, gz[u]);
    }
}

/* Vectors whose products with the eight Gaussians of a bin stay in registers together. */
#if defined(RCR_VARIANT_avx512)
enum { BIN_COLS = 2 };
#else
enum { BIN_COLS = 1 };
#endif

/* dw [rows, 2 Fp] += sum over the n edges first .. first+n-1 of g e^T, edges of one row of w_e together. */
INLINE void chunk_weights(float *dw, const edge_view *v, float *gbuf, int32_t first, int32_t n, int32_t rows) {
    size_t width = 2 * (size_t)v->Fp;
    int32_t *order = (int32_t *)(void *)(gbuf + RCR_CHUNK_EDGES * width), *begin = order + RCR_CHUNK_EDGES;
    memset(begin, 0, ((size_t)rows + 1) * sizeof *begin);
    for (int32_t e = 0; e < n; e++) begin[v->row[first + e] + 1]++;
    for (int32_t r = 0; r < rows; r++) begin[r + 1] += begin[r];
    for (int32_t e = 0; e < n; e++) order[begin[v->row[first + e]]++] = e; /* afterwards begin[r] is the end of r */
    for (int32_t r = 0, at = 0; r < rows; at = begin[r], r++) {
        if (begin[r] == at) continue;
        for (size_t c = 0; c < width; c += BIN_COLS * VW) {
            vf sum[RCR_TERMS][BIN_COLS];
            UNROLL for (int k = 0; k < RCR_TERMS; k++) {
                UNROLL for (int u = 0; u < BIN_COLS; u++) sum[k][u] = vload(dw + (size_t)(r + k) * width + c + u * VW);
            }
            for (int32_t m = at; m < begin[r]; m++) {
                const float *ge = gbuf + (size_t)order[m] * width + c;
                const float *g = v->gaussian + (size_t)(first + order[m]) * RCR_TERMS;
                vf value[BIN_COLS];
                UNROLL for (int u = 0; u < BIN_COLS; u++) value[u] = vload(ge + u * VW);
                UNROLL for (int k = 0; k < RCR_TERMS; k++) {
                    vf gk = vset(g[k]);
                    UNROLL for (int u = 0; u < BIN_COLS; u++) sum[k][u] = vfma(gk, value[u], sum[k][u]);
                }
            }
            UNROLL for (int k = 0; k < RCR_TERMS; k++) {
                UNROLL for (int u = 0; u < BIN_COLS; u++) vstore(dw + (size_t)(r + k) * width + c + u * VW, sum[k][u]);
            }
        }
    }
}

/* The P|Q of a crystal's n atoms are moved to where they stay in the cache, and the sums of g take their place, which
 * are in the cache already. */
INLINE void open_crystal(const backward_job *j, edge_view *v, float *room, int64_t first, int64_t n) {
    size_t at = (size_t)first * 4 * (size_t)v->F, size = (size_t)n * 4 * (size_t)v->F * sizeof(float);
    float *copy = n <= j->room_atoms ? room : j->copy + at;
    memcpy(copy, j->g_sum + at, size);
    memset(j->g_sum + at, 0, size);
    memset(j->z_sum + at, 0, size);
    v->pq = (const float *)((uintptr_t)copy - at * sizeof(float)); /* rows are counted from the batch's first atom */
}

INLINE void prefetch_row(const float *of, int64_t i, int32_t F) {
    const float *row = of + (size_t)i * 4 * (size_t)F;
    for (int32_t c = 0; c < 4 * F; c += 16) __builtin_prefetch(row + c, 1);
}

INLINE void backward_range(int32_t F, const backward_job *j, double *sums, float *dw, float *gbuf, float *room,
                           int32_t first_crystal, int64_t first, int64_t end) {
    edge_view v = edge_view_sized(&j->v, F);
    int32_t begin = v.offset[first], done = begin; /* edges begin .. done-1 are in gbuf */
    int32_t crystal = first_crystal;
    int64_t ahead = 0;
    for (int64_t i = first; i < end; i++) {
        while (j->batch->crystal_offset[crystal] <= i) {
            ahead = j->batch->crystal_offset[++crystal] - i;
            open_crystal(j, &v, room, i, ahead);
        }
        if (i + ahead < end) {
            prefetch_row(j->g_sum, i + ahead, F);
            prefetch_row(j->z_sum, i + ahead, F);
        }
        while (done < v.offset[i + 1]) {
            int32_t space = RCR_CHUNK_EDGES - (done - begin), left = v.offset[i + 1] - done;
            int32_t stop = done + (left < space ? left : space);
            float *ge = gbuf + (size_t)(done - begin) * 2 * (size_t)v.Fp;
#define WORK(b, n, last) backward_edges(j, &v, sums, ge, i, done, stop, b, n, last)
            FOR_VECTORS(F, WORK);
#undef WORK
            done = stop;
            if (done - begin == RCR_CHUNK_EDGES) {
                chunk_weights(dw, &v, gbuf, begin, done - begin, j->cache.Kp - RCR_TERMS + 1);
                begin = done;
            }
        }
    }
    if (done > begin) chunk_weights(dw, &v, gbuf, begin, done - begin, j->cache.Kp - RCR_TERMS + 1);
}

void RCR_CPU(edge_bwd_piece)(void *job, int lane, int worker) {
    const backward_job *j = job;
    int32_t first_crystal = (int32_t)rcr_lane_crystals(j->batch, j->lanes, lane).first;
    rcr_range atoms = rcr_lane_of_crystals(j->batch, j->lanes, lane);
    double *sums = j->sums + (size_t)lane * 4 * (size_t)j->v.Fp;
    float *dw = j->dw_e + (size_t)lane * grad_stride(j);
    size_t slot = (size_t)(j->n_workers <= RCR_MAX_LANES ? worker : lane);
    float *gbuf = j->chunk + slot * chunk_stride(j->v.Fp, j->cache.Kp);
    float *room = j->room + slot * (size_t)j->room_atoms * 4 * (size_t)j->v.F;
    memset(sums, 0, 4 * (size_t)j->v.Fp * sizeof(double));
    memset(dw, 0, grad_stride(j) * sizeof(float));
    WITH_FEATURES(backward_range, j->v.F, j, sums, dw, gbuf, room, first_crystal, atoms.first, atoms.end);
}
