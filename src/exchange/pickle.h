/* Reading a Python pickle without Python: a small stack machine that builds plain values and calls nothing.
 *
 * It knows protocols 2 to 5, and of the objects that a pickle may ask for by name only those that checkpoints of CGCNN
 * hold: collections.OrderedDict, argparse.Namespace, tensors (torch._utils._rebuild_tensor, _rebuild_tensor_v2,
 * _rebuild_parameter over torch.*Storage), torch.Size, torch.device, and numpy scalars.  Each of these becomes one of
 * the kinds below; any other name is refused, by that name, the moment it is asked for.
 *
 * Limits: 16 MiB of pickle, 4,000,000 instructions, 1,000,000 values, 8 dimensions.  Nothing recurses, so values may be
 * nested as deep as these limits allow and may hold themselves: who walks over them must bound the walk. */
#ifndef RCR_MODEL_PICKLE_H
#define RCR_MODEL_PICKLE_H

#include "recryst.h"

typedef enum rcr_py_kind {
    RCR_PY_NONE = 0,
    RCR_PY_BOOL,    /* integer: 0 or 1 */
    RCR_PY_INT,     /* integer */
    RCR_PY_LONG,    /* beyond 64 bits: text holds its little-endian two's complement */
    RCR_PY_FLOAT,   /* real */
    RCR_PY_TEXT,    /* text, UTF-8 as the pickle has it (may be ill-formed); torch.device is one too: "cuda:0" */
    RCR_PY_BYTES,   /* text */
    RCR_PY_TUPLE,   /* items */
    RCR_PY_LIST,    /* items */
    RCR_PY_DICT,    /* items: key, value, key, value, ...; also of OrderedDict and Namespace */
    RCR_PY_GLOBAL,  /* integer: which of the known names */
    RCR_PY_DTYPE,   /* integer: a numpy dtype as an rcr_torch_type */
    RCR_PY_STORAGE, /* storage */
    RCR_PY_TENSOR   /* tensor */
} rcr_py_kind;

/* The types of elements that a storage can have. */
typedef enum rcr_torch_type {
    RCR_TORCH_FLOAT = 0,
    RCR_TORCH_DOUBLE,
    RCR_TORCH_HALF,
    RCR_TORCH_BFLOAT16,
    RCR_TORCH_LONG,
    RCR_TORCH_INT,
    RCR_TORCH_SHORT,
    RCR_TORCH_CHAR,
    RCR_TORCH_BYTE,
    RCR_TORCH_BOOL
} rcr_torch_type;

enum { RCR_TORCH_MAX_RANK = 8 };

typedef struct rcr_py rcr_py;
struct rcr_py {
    rcr_py_kind kind;
    union {
        int64_t integer;
        double real;
        struct {
            const char *data; /* not ended by NUL */
            size_t length;
        } text;
        struct {
            rcr_py **item;
            size_t n, capacity;
        } items;
        struct {
            const char *key; /* names the bytes within the file; not ended by NUL */
            size_t key_length;
            rcr_torch_type type;
            int64_t count;  /* elements of the whole storage, >= 0 */
            int64_t offset; /* of a view: its first element, >= 0 */
        } storage;
        struct {
            rcr_py *storage;
            int32_t rank;
            int64_t offset;                     /* elements of the storage before the first, >= 0 */
            int64_t shape[RCR_TORCH_MAX_RANK];  /* >= 0 */
            int64_t stride[RCR_TORCH_MAX_RANK]; /* elements, >= 0 */
        } tensor;
    } as;
};

typedef struct rcr_pickle rcr_pickle;

/* Read one pickle from the start of bytes[0 .. length), which must outlive the result; *consumed (may be NULL): its
 * length.  The values belong to the pickle.
 * Errors: RCR_ERR_PARSE (truncated, ill-formed), RCR_ERR_UNSUPPORTED (a name or an instruction that no checkpoint
 * needs), RCR_ERR_LIMIT, RCR_ERR_MEMORY; messages give the byte. */
rcr_status rcr_pickle_parse(rcr_pickle **out, size_t *consumed, const void *bytes, size_t length, rcr_error *err);
void rcr_pickle_free(rcr_pickle *pickle);

/* Bytes of an element, and the element at those bytes (little-endian, any alignment) as a number. */
size_t rcr_torch_size(rcr_torch_type type);
double rcr_torch_element(rcr_torch_type type, const void *bytes);

/* What the pickle holds. */
const rcr_py *rcr_pickle_root(const rcr_pickle *pickle);
/* Every storage that was named, in order; the same one may be there many times. */
rcr_py *const *rcr_pickle_storages(const rcr_pickle *pickle, size_t *n);

/* The value of that key of a dict, the last one where it is given twice; NULL when `dict` is NULL or no dict, or lacks
 * the key. */
const rcr_py *rcr_py_get(const rcr_py *dict, const char *key);
/* 1 for a text that is exactly this. */
int rcr_py_is_text(const rcr_py *value, const char *text);
/* A bool, int or float as a number: 1; else 0.  NULL is no number. */
int rcr_py_number(double *out, const rcr_py *value);

#endif
