/* Which data names matter to the reader of CIF. */
#ifndef RCR_IO_CIF_TAGS_H
#define RCR_IO_CIF_TAGS_H

#include <stddef.h>

/* The data names that matter here, in lower case, '.' read as '_' (mmCIF, CIF 2). */
typedef enum rcr_cif_tag {
    RCR_TAG_NONE = 0,
    RCR_TAG_CELL, /* .. RCR_TAG_CELL + 5 */
    RCR_TAG_FORMULA_UNITS = RCR_TAG_CELL + 6,
    RCR_TAG_FORMULA,
    RCR_TAG_HM,
    RCR_TAG_HM_REFERENCE, /* of the reference setting, which the file's may not be */
    RCR_TAG_SETTING_CODE,
    RCR_TAG_MAGNETIC_GROUP,
    RCR_TAG_HALL,
    RCR_TAG_NUMBER,
    RCR_TAG_OPERATION,
    RCR_TAG_MAGNETIC_OPERATION,
    RCR_TAG_MAGNETIC_CENTRING,
    RCR_TAG_SUPERSPACE,
    RCR_TAG_TO_FRACT, /* .. RCR_TAG_TO_FRACT + 11: nine elements of a matrix by rows, three of a vector */
    RCR_TAG_TO_CART = RCR_TAG_TO_FRACT + 12, /* .. RCR_TAG_TO_CART + 11 */
    /* columns of _atom_site */
    RCR_TAG_LABEL = RCR_TAG_TO_CART + 12,
    RCR_TAG_TYPE,
    RCR_TAG_X,
    RCR_TAG_Y,
    RCR_TAG_Z,
    RCR_TAG_CART_X,
    RCR_TAG_CART_Y,
    RCR_TAG_CART_Z,
    RCR_TAG_OCCUPANCY,
    RCR_TAG_MULTIPLICITY,
    RCR_TAG_CALC_FLAG,
    RCR_N_TAGS
} rcr_cif_tag;

/* What a data name is: letter case does not count, and '.' (mmCIF, DDLm) is '_'. */
rcr_cif_tag rcr_cif_find_tag(const char *text, size_t length);

#endif
