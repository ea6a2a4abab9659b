/* What of the model file format concerns others than its reader and writer. */
#ifndef RCR_MODEL_MODELFILE_H
#define RCR_MODEL_MODELFILE_H

#include "model/model.h"
#include "model/safetensors.h"

/* The checksum of a model file, 64 hexadecimal digits: SHA-256 over the metadata in the order of their keys, the
 * checksum itself left out, then the tensors (name, dtype, shape, data) in the order of their names; each text and
 * number with its length before it, so that no two contents give the same bytes.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_model_checksum(char hex[65], const rcr_st_tensor *tensor, size_t n_tensors, const char *const *key,
                              const char *const *value, size_t n_meta, rcr_error *err);

/* The metadata of a model as its file has them, all but the checksum, of one network without members, intervals and
 * domain; owns its texts. */
typedef struct rcr_model_pairs {
    char **key, **value; /* [n] */
    size_t n, capacity;
    int failed;
} rcr_model_pairs;
/* Errors: RCR_ERR_MEMORY. */
rcr_status rcr_model_describe_pairs(rcr_model_pairs *out, const rcr_model *model, rcr_error *err);
void rcr_model_pairs_release(rcr_model_pairs *pairs);

#endif
