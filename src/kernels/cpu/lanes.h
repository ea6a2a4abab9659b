/*
 * How work is cut.  A lane is a contiguous range of rows (atoms, crystals, outputs); their number depends on the shapes
 * alone, so partial sums taken lane by lane and added in the order of the lanes are the same on any number of threads.
 *
 * A thread has a share of neighboring lanes and goes through it upward or downward (rcr_pool_run_near); its last lanes
 * are small, so that little is left to wait for when threads do not run at one speed.  Passes over the same rows go
 * upward and downward in turn: each begins with the rows that the one before touched last, which are still in the
 * cache of the core.
 */
#ifndef RCR_KERNELS_CPU_LANES_H
#define RCR_KERNELS_CPU_LANES_H

#include "kernels/kernels.h"

enum { RCR_MAX_LANES = 32, RCR_LANE_ROWS = 32 };

/* Pieces that partial sums are added in. */
enum { RCR_REDUCE_PARTS = 8 };

/* Lanes for n rows: one for each RCR_LANE_ROWS, at most RCR_MAX_LANES, at least 1. */
static inline int rcr_lanes(int64_t n) {
    int64_t lanes = n / RCR_LANE_ROWS;
    return lanes < 1 ? 1 : lanes > RCR_MAX_LANES ? RCR_MAX_LANES : (int)lanes;
}

/* first .. end-1 */
typedef struct rcr_range {
    int64_t first, end;
} rcr_range;

/* First row of lane l (l = lanes: n).  With as many lanes as there can be, they are in groups of eight of the relative
 * sizes 1, 2, 4, 5, 5, 4, 2, 1: a thread's share begins and ends with small ones. */
static inline int64_t rcr_lane_begin(int64_t n, int lanes, int l) {
    static const int before[8] = {0, 1, 3, 7, 12, 17, 21, 23};
    if (lanes < RCR_MAX_LANES) return n * l / lanes;
    return n * (24 * (l / 8) + before[l % 8]) / (24 * (RCR_MAX_LANES / 8));
}

/* The rows of lane l out of n. */
static inline rcr_range rcr_lane(int64_t n, int lanes, int l) {
    return (rcr_range){rcr_lane_begin(n, lanes, l), rcr_lane_begin(n, lanes, l + 1)};
}

/* Part p of n things in equal parts. */
static inline rcr_range rcr_part(int64_t n, int parts, int p) {
    return (rcr_range){n * p / parts, n * (p + 1) / parts};
}

/* The first crystal that begins at or after an atom. */
static inline int32_t rcr_crystal_from(const rcr_batch *batch, int64_t atom) {
    int32_t low = 0, high = batch->n_crystals;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (batch->crystal_offset[middle] < atom)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The crystals of lane l, which begin within its share of the atoms, so that no crystal is cut. */
static inline rcr_range rcr_lane_crystals(const rcr_batch *batch, int lanes, int l) {
    rcr_range atoms = rcr_lane(batch->n_atoms, lanes, l);
    return (rcr_range){rcr_crystal_from(batch, atoms.first),
                       atoms.end == batch->n_atoms ? batch->n_crystals : rcr_crystal_from(batch, atoms.end)};
}

/* Their atoms. */
static inline rcr_range rcr_lane_of_crystals(const rcr_batch *batch, int lanes, int l) {
    rcr_range crystals = rcr_lane_crystals(batch, lanes, l);
    return (rcr_range){batch->crystal_offset[crystals.first], batch->crystal_offset[crystals.end]};
}

#endif
