/* The safetensors container: little-endian u64 header length, JSON header, raw tensors. */
#ifndef RCR_MODEL_SAFETENSORS_H
#define RCR_MODEL_SAFETENSORS_H

#include "recryst.h"

typedef struct rcr_st_tensor {
    const char *name;
    char dtype[8]; /* "F32", "F64", "I32", "I64", "U8", ... */
    int32_t rank;
    int64_t shape[8];
    size_t count;     /* elements */
    const void *data; /* little-endian; may be unaligned */
} rcr_st_tensor;

typedef struct rcr_safetensors {
    size_t n_tensors;
    rcr_st_tensor *tensor;
    size_t n_meta;
    const char **meta_key, **meta_value;
    void *storage;
} rcr_safetensors;

/* Parse text[0 .. length), which must outlive the result.  Every offset, shape and size is checked. */
rcr_status rcr_safetensors_parse(rcr_safetensors **out, const void *bytes, size_t length, rcr_error *err);
void rcr_safetensors_free(rcr_safetensors *file);
const rcr_st_tensor *rcr_safetensors_find(const rcr_safetensors *file, const char *name);
const char *rcr_safetensors_meta(const rcr_safetensors *file, const char *key);
/* Element i as a double, for F32, F64, I32, I64, U8. */
double rcr_st_value(const rcr_st_tensor *tensor, size_t i);

/* Serialise to memory; *out is freed with rcr_free. */
rcr_status rcr_safetensors_write(char **out, size_t *length, const rcr_st_tensor *tensor, size_t n_tensors,
                                 const char *const *meta_key, const char *const *meta_value, size_t n_meta,
                                 rcr_error *err);

#endif
