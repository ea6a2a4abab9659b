/* Which rows of a dataset a list of ids names. */
#ifndef RCR_CLI_EVALUATE_IDS_H
#define RCR_CLI_EVALUATE_IDS_H

#include "data/dataset.h"

/* The samples, in their order, whose ids are lines of a file; blank lines and blanks around an id count for nothing.
 * *index [n], freed with rcr_free.  *n_absent: how many of the ids no usable row has.
 * Errors: RCR_ERR_IO, RCR_ERR_DATA (none of them is there, or the file lists none), RCR_ERR_MEMORY. */
rcr_status rcr_rows_of_ids(int64_t **index, size_t *n, size_t *n_absent, const rcr_dataset *dataset, const char *path,
                           rcr_error *err);

#endif
