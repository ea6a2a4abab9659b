/* Writing a Python pickle of protocol 2: one function for each thing, appending its instructions. */
#ifndef RCR_MODEL_PICKLE_WRITE_H
#define RCR_MODEL_PICKLE_WRITE_H

#include <jansson.h>

#include "base/text.h"
#include "exchange/pickle.h"

void rcr_pickle_begin(rcr_text *out);
void rcr_pickle_end(rcr_text *out);

void rcr_pickle_put_text(rcr_text *out, const char *text);
void rcr_pickle_put_integer(rcr_text *out, int64_t value);
void rcr_pickle_put_float(rcr_text *out, double value);
/* An object as a dict, an array as a list, null as None. */
void rcr_pickle_put_json(rcr_text *out, const json_t *value);

/* Between begin and end: keys and values in turn. */
void rcr_pickle_begin_dict(rcr_text *out);
void rcr_pickle_begin_ordered_dict(rcr_text *out);
void rcr_pickle_end_dict(rcr_text *out);

/* A contiguous tensor that is all of the storage of that number; rank 0 to 2. */
void rcr_pickle_put_tensor(rcr_text *out, rcr_torch_type type, int storage, int32_t rank, const int32_t *shape);

#endif
