/*
 * How work is cut.  A lane is a contiguous range of rows (atoms, crystals, outputs); their number depends on the shapes
 * alone, so partial sums taken lane by lane and added in the order of the lanes are the same on any number of threads.
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

/* First row of lane l (l = lanes: n). */
static inline int64_t rcr_lane_begin(int64_t n, int lanes, int l) { return n * l / lanes; }

/* First crystal of lane l: the first that begins at or after the lane's share of the atoms, so that no crystal is cut.
 */
static inline int32_t rcr_lane_crystal(const rcr_batch *batch, int lanes, int l) {
    if (l == lanes) return batch->n_crystals;
    int64_t atom = rcr_lane_begin(batch->n_atoms, lanes, l);
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

#endif
