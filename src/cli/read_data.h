/* Reading a dataset with its progress shown. */
#ifndef RCR_CLI_READ_DATA_H
#define RCR_CLI_READ_DATA_H

#include "data/dataset.h"

/* rcr_dataset_read with progress on standard error unless quiet, and notes there, on rows that can't be used and on
 * a header that may be a row, if notes; options' progress and context are replaced. */
rcr_status rcr_read_data(rcr_dataset **out, const char *path, const rcr_dataset_options *options, int quiet, int notes,
                         rcr_error *err);

/* Where a file of structures could not be read because it is a graph store: say that in *err instead. */
void rcr_tell_store(rcr_error *err, const char *path);

#endif
