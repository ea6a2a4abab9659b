/* What the forward and backward passes over edges share. */
#ifndef RCR_KERNELS_CPU_EDGE_H
#define RCR_KERNELS_CPU_EDGE_H

#include "kernels/cpu/cpu.h"

/* Vectors of the filter (and as many of the core) that are worked on together when F is a multiple of them: as many as
 * the registers hold. */
#if defined(RCR_VARIANT_avx512)
enum { GROUP = 4 };
#else
enum { GROUP = 2 };
#endif

/* One batch and weights, ready to loop over. */
typedef struct edge_view {
    const int32_t *offset, *source, *row;
    const float *copies; /* edge e stands for copies[e & copies_mask] */
    int32_t copies_mask; /* -1, or 0 where all stand for one */
    const float *gaussian, *pq, *w_e;
    int32_t F, Fp;
} edge_view;

static inline edge_view edge_view_of(const rcr_edge_input *in) {
    /* The cache is only read here; the view's pointers are writable for edge_prepare's sake. */
    rcr_cache_view cache =
        rcr_cache_at((float *)(uintptr_t)in->cache, in->batch->n_atoms, in->batch->n_edges, in->basis.n);
    static const float one = 1;
    const float *copies = in->batch->edge_count;
    return (edge_view){in->batch->edge_offset,
                       in->batch->edge_source,
                       cache.row,
                       copies != NULL ? copies : &one,
                       copies != NULL ? -1 : 0,
                       cache.gaussian,
                       in->pq,
                       rcr_pack_at(in->pack, in->F).w_e,
                       in->F,
                       rcr_padded(in->F)};
}

/* The edges that edge e stands for, in every element. */
INLINE vf edge_copies(const edge_view *v, int32_t e) { return vset(v->copies[e & v->copies_mask]); }

/* z of one edge for vectors b .. b+n-1: what is in zf, zc (P_i) + Q_j + R(d).  `last`: elements of the last vector. */
INLINE void edge_z(vf *zf, vf *zc, const edge_view *v, int32_t e, int b, int n, int last) {
    const float *q = v->pq + (size_t)v->source[e] * 4 * (size_t)v->F + 2 * (size_t)v->F + b * VW;
    const float *g = v->gaussian + (size_t)e * RCR_TERMS;
    const float *w = v->w_e + (size_t)v->row[e] * 2 * (size_t)v->Fp + b * VW;
    UNROLL for (int u = 0; u < n; u++) {
        int count = u == n - 1 ? last : VW;
        zf[u] += vload_n(q + u * VW, count);
        zc[u] += vload_n(q + v->F + u * VW, count);
    }
    /* Two chains for each channel: half as long a wait. */
    const float *w_high = w + (size_t)(RCR_TERMS / 2) * 2 * (size_t)v->Fp;
    vf hf[GROUP], hc[GROUP], g_high = vset(g[RCR_TERMS / 2]);
    UNROLL for (int u = 0; u < n; u++) {
        hf[u] = g_high * vload(w_high + u * VW);
        hc[u] = g_high * vload(w_high + v->Fp + u * VW);
    }
    UNROLL for (int k = 0; k < RCR_TERMS / 2; k++) {
        vf gk = vset(g[k]), gh = vset(g[k + RCR_TERMS / 2]);
        const float *wk = w + (size_t)k * 2 * (size_t)v->Fp, *wh = w_high + (size_t)k * 2 * (size_t)v->Fp;
        UNROLL for (int u = 0; u < n; u++) {
            zf[u] = vfma(gk, vload(wk + u * VW), zf[u]);
            zc[u] = vfma(gk, vload(wk + v->Fp + u * VW), zc[u]);
            if (k == 0) continue;
            hf[u] = vfma(gh, vload(wh + u * VW), hf[u]);
            hc[u] = vfma(gh, vload(wh + v->Fp + u * VW), hc[u]);
        }
    }
    UNROLL for (int u = 0; u < n; u++) {
        zf[u] += hf[u];
        zc[u] += hc[u];
    }
}

/* P_i for the same vectors. */
INLINE void edge_p(vf *pf, vf *pc, const edge_view *v, int64_t i, int b, int n, int last) {
    const float *p = v->pq + (size_t)i * 4 * (size_t)v->F + b * VW;
    UNROLL for (int u = 0; u < n; u++) {
        int count = u == n - 1 ? last : VW;
        pf[u] = vload_n(p + u * VW, count);
        pc[u] = vload_n(p + v->F + u * VW, count);
    }
}

/* Ask for the P|Q row of an atom some way ahead: the neighbours of an atom are within its crystal, so they come soon,
 * but in no order that the processor could foresee. */
INLINE void edge_prefetch(const edge_view *v, int64_t i, int64_t end) {
    enum { AHEAD = 32, LINE = 16 };
    if (i + AHEAD >= end) return;
    const float *row = v->pq + (size_t)(i + AHEAD) * 4 * (size_t)v->F;
    for (int32_t c = 0; c < 4 * v->F; c += LINE) __builtin_prefetch(row + c);
}

/* [2F] channel values to [2 Fp], padded with zeros. */
static inline void edge_pad(float *to, const float *from, int32_t F, int32_t Fp) {
    memset(to, 0, 2 * (size_t)Fp * sizeof(float));
    memcpy(to, from, (size_t)F * sizeof(float));
    memcpy(to + Fp, from + F, (size_t)F * sizeof(float));
}

/* Call WORK(b, n, last) for all vectors of the filter, in groups of constant size where F allows. */
#define FOR_VECTORS(F, WORK)                                                                                           \
    do {                                                                                                               \
        int full_ = (F) / VW, b_ = 0;                                                                                  \
        for (; b_ + GROUP <= full_; b_ += GROUP) WORK(b_, GROUP, VW);                                                  \
        for (; b_ < full_; b_++) WORK(b_, 1, VW);                                                                      \
        if ((F) % VW != 0) WORK(b_, 1, (F) % VW);                                                                      \
    } while (0)

/* Run a loop over atoms, range(job, first, end, F, ...), with F a constant where it is the usual one: strides become
 * part of the instructions and loops over vectors vanish. */
#define WITH_FEATURES(range, F, ...)                                                                                   \
    do {                                                                                                               \
        if ((F) == 64)                                                                                                 \
            range(64, __VA_ARGS__);                                                                                    \
        else                                                                                                           \
            range((F), __VA_ARGS__);                                                                                   \
    } while (0)

/* The view with the number of features as the caller knows it. */
INLINE edge_view edge_view_sized(const edge_view *view, int32_t F) {
    edge_view v = *view;
    v.F = F;
    v.Fp = rcr_padded(F);
    return v;
}

#endif
