/* The pickle machine, for pickle.c (its instructions) and pickle_objects.c (what names stand for). */
#ifndef RCR_MODEL_PICKLE_PRIVATE_H
#define RCR_MODEL_PICKLE_PRIVATE_H

#include "exchange/pickle.h"

/* The names that a pickle may ask for. */
typedef enum rcr_py_name {
    RCR_NAME_ORDERED_DICT = 0,
    RCR_NAME_NAMESPACE,
    RCR_NAME_TENSOR,
    RCR_NAME_TENSOR_V2,
    RCR_NAME_PARAMETER,
    RCR_NAME_SIZE,
    RCR_NAME_DEVICE,
    RCR_NAME_SCALAR,
    RCR_NAME_DTYPE,
    RCR_NAME_ENCODE,
    RCR_NAME_STORAGE /* + rcr_torch_type */
} rcr_py_name;

typedef struct rcr_block rcr_block; /* of the arena */

/* A growing list of values. */
typedef struct rcr_py_list {
    rcr_py **item;
    size_t n, capacity;
} rcr_py_list;

struct rcr_pickle {
    const unsigned char *bytes;
    size_t length, at;
    size_t n_values, n_items, n_instructions;
    rcr_block *block; /* newest first */
    rcr_py_list stack, memo, storages;
    size_t *mark; /* [n_marks] heights of the stack */
    size_t n_marks, mark_capacity;
    rcr_py *root;
    rcr_error *err;
};

/* Memory that lives as long as the pickle; NULL when there is none. */
void *rcr_pickle_take(rcr_pickle *p, size_t size);
/* A new value, zeroed but for its kind; NULL after reporting that there is no memory, or too many values. */
rcr_py *rcr_pickle_new(rcr_pickle *p, rcr_py_kind kind);
/* The status of what has just reported an error by giving NULL. */
rcr_status rcr_pickle_no_value(const rcr_pickle *p);
/* Append to a list, tuple or dict. */
rcr_status rcr_pickle_append(rcr_pickle *p, rcr_py *to, rcr_py *item);
rcr_status rcr_pickle_push(rcr_pickle *p, rcr_py *value);
/* RCR_ERR_PARSE at the instruction in hand. */
rcr_status rcr_pickle_bad(rcr_pickle *p, const char *what);

/* MODULE.NAME -> a value of kind RCR_PY_GLOBAL.  RCR_ERR_UNSUPPORTED for a name that is not in the list. */
rcr_status rcr_pickle_global(rcr_py **out, rcr_pickle *p, const char *module, size_t module_length, const char *name,
                             size_t name_length);
/* What calling `callable` with the tuple `args` makes. */
rcr_status rcr_pickle_call(rcr_py **out, rcr_pickle *p, const rcr_py *callable, const rcr_py *args);
/* Give an object its state. */
rcr_status rcr_pickle_build(rcr_pickle *p, rcr_py *object, const rcr_py *state);
/* ("storage", type, key, location, count[, view]) -> a storage. */
rcr_status rcr_pickle_persistent(rcr_py **out, rcr_pickle *p, const rcr_py *id);

#endif
