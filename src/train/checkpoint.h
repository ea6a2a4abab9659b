/* last.ckpt: the whole state of a run after an epoch, as a safetensors file that ends a resumed run with the same bits
 * as one that never stopped. */
#ifndef RCR_TRAIN_CHECKPOINT_H
#define RCR_TRAIN_CHECKPOINT_H

#include "model/safetensors.h"
#include "train/run.h"

typedef struct rcr_checkpoint {
    char path[RCR_PATH_SIZE];
    char *bytes;
    rcr_safetensors *file;
} rcr_checkpoint;

/* Serialise; *out is freed with rcr_free.  run->model must hold the weights after the last whole epoch.
 * Errors: RCR_ERR_MEMORY, RCR_ERR_ARGUMENT (a setting that is not UTF-8). */
rcr_status rcr_checkpoint_pack(char **out, size_t *length, const rcr_run *run, rcr_error *err);

/* Read DIRECTORY/last.ckpt and verify its checksum.
 * Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_MISMATCH (checksum), RCR_ERR_MEMORY. */
rcr_status rcr_checkpoint_open(rcr_checkpoint *out, const char *directory, rcr_error *err);
/* The same of bytes that are in memory already, which are its own from then on, whatever the status.  path: for errors.
 */
rcr_status rcr_checkpoint_parse(rcr_checkpoint *out, const char *path, char *bytes, size_t length, rcr_error *err);
/* The checksum that a file of these tensors and settings should have.  Errors: RCR_ERR_PARSE, RCR_ERR_MEMORY. */
rcr_status rcr_checkpoint_checksum(char hex[65], const rcr_safetensors *file, rcr_error *err);
void rcr_checkpoint_close(rcr_checkpoint *checkpoint);

/* Fill in the settings, the data's path and hash, the name of the kernels, and the result of a finished run.
 * Errors, of the next ones too: RCR_ERR_PARSE where a right checksum covers what no run can have come to. */
rcr_status rcr_checkpoint_settings(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err);
/* The SHA-256 of the element vectors as the checkpoint has it; "" where it has none. */
const char *rcr_checkpoint_elements(const rcr_checkpoint *checkpoint);
/* That of a table.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_elements_sha256(char hex[65], const rcr_element_table *table, rcr_error *err);
/* Fill in the split, once the dataset is read.  Errors: RCR_ERR_MISMATCH when the dataset is another one. */
rcr_status rcr_checkpoint_split(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err);
/* Whether the element vectors of a run that is built are those of the checkpoint.  Errors: RCR_ERR_MISMATCH. */
rcr_status rcr_checkpoint_check_elements(const rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err);
/* Fill in weights, optimiser, generator and history of a run that is built and has its split; the net is loaded and
 * refreshed. */
rcr_status rcr_checkpoint_restore(rcr_run *run, const rcr_checkpoint *checkpoint, rcr_error *err);

#endif
