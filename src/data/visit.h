/* Looking at the crystals of a dataset once more, after their graphs were made. */
#ifndef RCR_DATA_VISIT_H
#define RCR_DATA_VISIT_H

#include "data/dataset.h"

/* One crystal, on thread `worker` of the pool; row: 0-based position in the source, as in rcr_sample.  The crystal is
 * gone after the call.  NULL: its file is there and can't be read, *err says why.  What it returns other than RCR_OK
 * ends the visit. */
typedef rcr_status rcr_crystal_visit(void *context, size_t row, const char *id, const rcr_crystal *crystal, int worker,
                                     rcr_error *err);

/* Read a dataset's structures, without making graphs, and call visit for each row that has one; several calls at once,
 * in any order.  Rows that can't be used, and later ones of an id that came before, are left out.  Of the options
 * target, keep_bytes, pool, progress and context (of progress) count.
 * Errors: as rcr_dataset_read; RCR_ERR_UNSUPPORTED for a graph store, which keeps no structures; visit's own. */
rcr_status rcr_dataset_visit(const char *path, const rcr_dataset_options *options, rcr_crystal_visit *visit,
                             void *context, rcr_error *err);

#endif
