/* The space group of a crystal, and its standard cells, by spglib (Togo, Shinohara and Tanaka 2024).
 *
 * Sites count as alike when their species and occupancies are, rounded to 1e-6, so disordered crystals have a symmetry
 * too.  Every function here may run on several threads at once: spglib's one static variable, the code of its last
 * error, is written by all and read by none. */
#ifndef RCR_CRYSTAL_SPACEGROUP_H
#define RCR_CRYSTAL_SPACEGROUP_H

#include "recryst.h"

/* How far an atom may be from where an operation takes it, angstrom, unless the user says otherwise. */
#define RCR_SYMMETRY_TOLERANCE 0.01
/* The search takes time with at least the square of the number of sites; larger crystals are refused. */
#define RCR_SYMMETRY_MAX_SITES 2000

typedef struct rcr_spacegroup {
    int number;               /* 1 .. 230 */
    int hall_number;          /* 1 .. 530 */
    char symbol[16];          /* "Fm-3m" */
    char hall[24];            /* "-F 4 2 3" */
    char point_group[8];      /* "m-3m" */
    const char *system;       /* "cubic" */
    double tolerance;         /* angstrom */
    int32_t n_sites;          /* of the crystal */
    int32_t n_conventional;   /* sites of the conventional cell */
    int32_t *orbit;           /* [n_sites] the first site that this one is equivalent to */
    int32_t *multiplicity;    /* [n_sites] of the site's Wyckoff position, in the conventional cell */
    char *wyckoff;            /* [n_sites] letter, 'a' .. 'z', 'A' */
    char (*site_symmetry)[8]; /* [n_sites] "m-3m", "..m" */
} rcr_spacegroup;

/* Errors: RCR_ERR_LIMIT (too many sites), RCR_ERR_DATA (no group at this tolerance, lengths outside 0.01 to 1e5
 * angstrom), RCR_ERR_ARGUMENT (tolerance outside 1e-8 to 1), RCR_ERR_MEMORY. */
rcr_status rcr_spacegroup_find(rcr_spacegroup **out, const rcr_crystal *crystal, double tolerance, rcr_error *err);
void rcr_spacegroup_free(rcr_spacegroup *group);

/* "cubic" for 195 .. 230, and so on; 1 .. 230.  Static storage. */
const char *rcr_crystal_system(int number);

typedef enum rcr_cell { RCR_CELL_PRIMITIVE = 0, RCR_CELL_CONVENTIONAL } rcr_cell;

/* The crystal in its standard primitive or conventional cell.  idealize 1: axes oriented and atoms placed as the space
 * group demands, which moves them by up to the tolerance; 0: orientation and distances stay.  Errors: as find. */
rcr_status rcr_crystal_standardize(rcr_crystal **out, const rcr_crystal *crystal, rcr_cell cell, int idealize,
                                   double tolerance, rcr_error *err);

#endif
