/* The optimiser's state on the device, and one update. */
#ifndef RCR_TRAIN_OPTIMIZER_H
#define RCR_TRAIN_OPTIMIZER_H

#include "kernels/kernels.h"
#include "train/train.h"

/* Consecutive parameters that are trained, or that stay as they are. */
typedef struct rcr_range {
    size_t first, n;
    int frozen;
} rcr_range;

typedef struct rcr_optimizer {
    const rcr_kernels *kernels;
    size_t n;         /* parameters */
    rcr_real *first;  /* [n] device: Adam's first moment, or SGD's momentum buffer */
    rcr_real *second; /* [n] device: Adam's second moment; NULL for SGD */
    int64_t step;     /* updates done */
} rcr_optimizer;

/* Zero state.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_optimizer_init(rcr_optimizer *optimizer, rcr_optimizer_kind kind, const rcr_kernels *kernels, size_t n,
                              rcr_error *err);
void rcr_optimizer_release(rcr_optimizer *optimizer);

/* parameters, gradient: [n] device; those in frozen ranges are not touched. */
void rcr_optimizer_update(rcr_optimizer *optimizer, const rcr_exec *exec, rcr_real *parameters,
                          const rcr_real *gradient, const rcr_range *range, size_t n_ranges,
                          const rcr_train_options *options, double lr);

#endif
