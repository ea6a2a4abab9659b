/* Beginning with the weights of another model, and leaving parts of a network as they are. */
#ifndef RCR_TRAIN_INIT_H
#define RCR_TRAIN_INIT_H

#include "train/run.h"

/* The parts of a network: the element embedding; the convolutions with norms, gate and LayerNorm; the layers between
 * the pool and the last; the last. */
typedef enum rcr_part { RCR_PART_EMBEDDING = 0, RCR_PART_CONV, RCR_PART_HIDDEN, RCR_PART_OUTPUT, RCR_N_PARTS } rcr_part;

/* frozen[part] = 1 for those that "embedding,conv" names.  Errors: RCR_ERR_ARGUMENT (no such part; all of them). */
rcr_status rcr_freeze_parse(int frozen[RCR_N_PARTS], const char *text, rcr_error *err);

/* run->init <- the first network of a model, whose options become those of the run; nothing without options.init. Keeps
 * a copy of it in the run directory, init.safetensors, from which a resume takes it.
 * Errors: those of rcr_model_load; RCR_ERR_MISMATCH (an option of the run is neither the default nor the model's). */
rcr_status rcr_run_open_init(rcr_run *run, rcr_error *err);
rcr_status rcr_run_reopen_init(rcr_run *run, rcr_error *err);
/* The same, with the model that the run in the directory `first` began with. */
rcr_status rcr_run_copy_init(rcr_run *run, const char *first, rcr_error *err);

/* run->model's weights <- run->init's, but for the last layer where that is to be fresh; with it comes the scale of the
 * targets.  Errors: RCR_ERR_MISMATCH (it is to be kept and predicts something else, or is frozen and fresh). */
rcr_status rcr_run_apply_init(rcr_run *run, rcr_error *err);

/* run->range: what of the parameters is trained; tells run->net. */
rcr_status rcr_run_find_ranges(rcr_run *run, rcr_error *err);

#endif
