/* Splits that keep rows together, rotate the test part or order rows by target; for split.c alone. */
#ifndef RCR_DATA_SPLIT_UNITS_H
#define RCR_DATA_SPLIT_UNITS_H

#include "data/split.h"

enum { RCR_PART_NONE = 0, RCR_PART_TRAIN, RCR_PART_VAL, RCR_PART_TEST };

/* part [dataset->n] zeroed before; wanted [4]: rows of each part, that of the training part -1 for all that is left.
 * Units (groups of rows, or single ones) are never cut: val and test get units until they have at least the rows that
 * they should have.  Errors: RCR_ERR_ARGUMENT (fold out of range; more folds than units), RCR_ERR_DATA (a target that
 * is missing), RCR_ERR_MEMORY. */
rcr_status rcr_split_deal_units(uint8_t *part, const rcr_dataset *dataset, const rcr_split_options *options,
                                const int64_t wanted[4], rcr_error *err);

#endif
