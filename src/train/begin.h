/* Making a run ready to train: data, split, network and work space, anew or from a checkpoint. */
#ifndef RCR_TRAIN_BEGIN_H
#define RCR_TRAIN_BEGIN_H

#include "train/checkpoint.h"
#include "train/run.h"

/* A run that has only its directory <- the beginning of one with these options, and config.toml.  first: the run
 * directory of an ensemble's first network, whose settings, split, kernels and model to begin with are this one's, too,
 * whatever has become of their files; NULL: none. Errors: RCR_ERR_ARGUMENT (options; rcr_run_claim), RCR_ERR_MISMATCH
 * (the data are not those of the first any more), RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_MEMORY. */
rcr_status rcr_run_begin(rcr_run *run, const char *data, const rcr_train_options *options, const char *first,
                         rcr_error *err);

/* What another run's checkpoint says of its end is none of this run's. */
void rcr_run_forget_result(rcr_run *run);

/* A run that has its settings (rcr_checkpoint_settings) <- where its checkpoint left it.
 * Errors: RCR_ERR_MISMATCH (data or element vectors have changed), RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_MEMORY. */
rcr_status rcr_run_restore(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err);

#endif
