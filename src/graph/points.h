/* The atoms of a cell and those of their periodic images that lie within reach of it, as points in space. */
#ifndef RCR_GRAPH_POINTS_H
#define RCR_GRAPH_POINTS_H

#include "graph/internal.h"

typedef struct rcr_points {
    /* the atoms, wrapped into the search cell */
    int32_t n_sites;
    double *u[3];                     /* [n_sites] fractional, in [0, 1) */
    double *site_x, *site_y, *site_z; /* [n_sites] Cartesian, angstrom */
    int32_t *row, *plane;             /* [n_sites] work space */
    double low[3], high[3];           /* the range of u */
    /* the atoms and their images */
    int32_t n, capacity;
    double *x, *y, *z;   /* [n] angstrom */
    float *fx, *fy, *fz; /* [n] the same, rounded; three more may be read past the end */
    int32_t *site;       /* [n] which atom it is an image of */
    double float_error;  /* how far off a distance computed from fx, fy, fz can be, angstrom */
    /* bins, x fastest; all zero when there are none */
    int32_t bins[3];
    int32_t *bin_start; /* [bins[0] * bins[1] * bins[2] + 1] first point of each bin */
    double origin[3], per_width;
    void *sites_block, *points_block;
} rcr_points;

/* Wrap the atoms of a crystal into the cell.  Errors: RCR_ERR_DATA, RCR_ERR_MEMORY. */
rcr_status rcr_points_init(rcr_points *points, const rcr_crystal *crystal, const rcr_search_cell *cell, rcr_error *err);
void rcr_points_release(rcr_points *points);

/* List all images within reach of any atom of the cell (and some more).  Errors: RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_points_fill(rcr_points *points, const rcr_search_cell *cell, double reach, rcr_error *err);

/* The runs of points that can lie within reach of a place:
 *     rcr_points_windows(&windows, points, x, y, z, reach);
 *     while (rcr_points_next(&first, &end, &windows, points)) ... points first .. end-1 ... */
typedef struct rcr_windows {
    int32_t low[3], high[3], at[2];
    int done;
} rcr_windows;
void rcr_points_windows(rcr_windows *windows, const rcr_points *points, double x, double y, double z, double reach);
int rcr_points_next(int32_t *first, int32_t *end, rcr_windows *windows, const rcr_points *points);

#endif
