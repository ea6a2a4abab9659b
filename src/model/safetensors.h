/* The safetensors container: little-endian u64 header length, JSON header, raw tensors without holes or overlaps. */
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
    size_t *tensor_order, *meta_order; /* [n_tensors], [n_meta] by name */
    void *storage;
} rcr_safetensors;

/* 1 where bytes[0 .. length) may begin a safetensors file, cut off or not: the length of a header that the format
 * allows, and the first byte of that.  Of a zip archive, a pickle, an ONNX graph or text it is absurd. */
int rcr_safetensors_begins(const void *bytes, size_t length);
/* Parse bytes[0 .. length), which must outlive the result.  Every offset, shape and size is checked; a tensor has at
 * most 8 dimensions, the header at most 100 MB (the format's own limit).  Tensors and metadata keep the header's order.
 * Errors: RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED (dtype, rank), RCR_ERR_MEMORY. */
rcr_status rcr_safetensors_parse(rcr_safetensors **out, const void *bytes, size_t length, rcr_error *err);
void rcr_safetensors_free(rcr_safetensors *file);
/* The tensor of that name, or the value of that metadata key; NULL when there is none.  Both belong to file. */
const rcr_st_tensor *rcr_safetensors_find(const rcr_safetensors *file, const char *name);
const char *rcr_safetensors_meta(const rcr_safetensors *file, const char *key);
/* Bytes of the tensor's data: count times the size of its dtype. */
size_t rcr_st_bytes(const rcr_st_tensor *tensor);
/* Element i < count as a double, for F32, F64, I32, I64, U8; NaN for other dtypes. */
double rcr_st_value(const rcr_st_tensor *tensor, size_t i);

/* Serialise to memory, tensors in the order given (put wide dtypes first to keep each aligned); the data begin at a
 * multiple of 8 bytes.  *out is freed with rcr_free.
 * Errors: RCR_ERR_ARGUMENT (shape and count disagree, a name twice, text that is not UTF-8), RCR_ERR_MEMORY. */
rcr_status rcr_safetensors_write(char **out, size_t *length, const rcr_st_tensor *tensor, size_t n_tensors,
                                 const char *const *meta_key, const char *const *meta_value, size_t n_meta,
                                 rcr_error *err);

#endif
