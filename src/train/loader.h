/* The batches of an epoch, the next one being collated on another thread while the current one trains. */
#ifndef RCR_TRAIN_LOADER_H
#define RCR_TRAIN_LOADER_H

#include "data/batch.h"
#include "data/dataset.h"

typedef struct rcr_loader rcr_loader;

/* threaded 0: collate on the caller.  The batches are the same either way.  The dataset must outlive the loader.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_loader_create(rcr_loader **out, const rcr_dataset *dataset, int32_t batch_size, int threaded,
                             rcr_error *err);
void rcr_loader_free(rcr_loader *loader);

/* Begin an epoch over samples order[0 .. n), which must stay unchanged until its end. */
void rcr_loader_start(rcr_loader *loader, const int64_t *order, size_t n);

/* The next batch, which holds until the next call, or NULL after the last; it covers order[first ..] of the epoch.
 * The last batch may be smaller.  Errors: as rcr_dataset_fill_batch. */
rcr_status rcr_loader_next(const rcr_batch **batch, size_t *first, rcr_loader *loader, rcr_error *err);

#endif
