/* Files that torch.save wrote: a pickle, and the bytes of the tensors that it speaks of.
 *
 * Two containers are known: the zip archive of torch 1.6 and later (ARCHIVE/data.pkl, ARCHIVE/data/KEY, ...), and what
 * came before it: five pickles (a magic number, a version, the system's sizes, the object, the list of keys), then for
 * each key a count and the elements. */
#ifndef RCR_MODEL_TORCHFILE_H
#define RCR_MODEL_TORCHFILE_H

#include "exchange/pickle.h"

typedef struct rcr_torch_file rcr_torch_file;

/* bytes[0 .. length) must outlive the result.  What an archive unpacks to is bounded by four times its length.
 * Errors: RCR_ERR_PARSE (not such a file, truncated, damaged), RCR_ERR_UNSUPPORTED (rcr_pickle_parse; big-endian;
 * TorchScript), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_torch_open(rcr_torch_file **out, const void *bytes, size_t length, rcr_error *err);
void rcr_torch_free(rcr_torch_file *file);

/* The object that was saved. */
const rcr_py *rcr_torch_root(const rcr_torch_file *file);
/* "torch zip" or "torch legacy". */
const char *rcr_torch_format(const rcr_torch_file *file);

/* A tensor whose elements are all there. */
typedef struct rcr_torch_view {
    const unsigned char *data; /* of the storage */
    rcr_torch_type type;
    int32_t rank;
    int64_t shape[RCR_TORCH_MAX_RANK], stride[RCR_TORCH_MAX_RANK];
    int64_t offset;
    size_t count; /* elements; no more than the storage has */
} rcr_torch_view;

/* Check a tensor against its storage.  `name` is for messages.
 * Errors: RCR_ERR_PARSE (elements outside the storage or more than it has; storage missing or of another size),
 * RCR_ERR_MEMORY. */
rcr_status rcr_torch_tensor(rcr_torch_view *out, rcr_torch_file *file, const rcr_py *tensor, const char *name,
                            rcr_error *err);
/* Element i < count, in row-major order of the tensor's shape. */
double rcr_torch_value(const rcr_torch_view *view, size_t i);

/* A number, be it a Python one or a tensor of one element: 1; else 0. */
int rcr_torch_number(double *out, rcr_torch_file *file, const rcr_py *value);
/* 1 when a number counted as absent because memory was short. */
int rcr_torch_out_of_memory(const rcr_torch_file *file);

#endif
