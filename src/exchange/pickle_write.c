#include "exchange/pickle_write.h"

#include <stdio.h>
#include <string.h>

/* Instructions are named in pickle.c. */
static void put(rcr_text *out, const char *code) { rcr_text_puts(out, code); }

static void put_bytes(rcr_text *out, char code, uint64_t value, int n) {
    char bytes[9] = {code};
    for (int i = 0; i < n; i++) bytes[1 + i] = (char)(value >> (8 * i) & 0xff);
    rcr_text_append(out, bytes, (size_t)n + 1);
}

void rcr_pickle_begin(rcr_text *out) { put(out, "\x80\x02"); }

void rcr_pickle_end(rcr_text *out) { put(out, "."); }

void rcr_pickle_put_text(rcr_text *out, const char *text) {
    put_bytes(out, 'X', strlen(text), 4);
    put(out, text);
}

void rcr_pickle_put_integer(rcr_text *out, int64_t value) {
    if (value >= 0 && value < 256) {
        put_bytes(out, 'K', (uint64_t)value, 1);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        put_bytes(out, 'J', (uint64_t)value, 4);
    } else {
        put(out, "\x8a"); /* LONG1 of 8 bytes */
        put_bytes(out, 8, (uint64_t)value, 8);
    }
}

void rcr_pickle_put_float(rcr_text *out, double value) {
    uint64_t bits, turned = 0;
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++) turned = turned << 8 | (bits >> (8 * i) & 0xff);
    put_bytes(out, 'G', turned, 8);
}

void rcr_pickle_begin_dict(rcr_text *out) { put(out, "}("); }

void rcr_pickle_begin_ordered_dict(rcr_text *out) { put(out, "ccollections\nOrderedDict\n)R("); }

void rcr_pickle_end_dict(rcr_text *out) { put(out, "u"); }

void rcr_pickle_put_json(rcr_text *out, const json_t *value) {
    const char *key;
    json_t *item;
    size_t i;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        rcr_pickle_begin_dict(out);
        json_object_foreach((json_t *)value, key, item) {
            rcr_pickle_put_text(out, key);
            rcr_pickle_put_json(out, item);
        }
        rcr_pickle_end_dict(out);
        return;
    case JSON_ARRAY:
        put(out, "](");
        json_array_foreach(value, i, item) rcr_pickle_put_json(out, item);
        put(out, "e");
        return;
    case JSON_STRING: rcr_pickle_put_text(out, json_string_value(value)); return;
    case JSON_INTEGER: rcr_pickle_put_integer(out, json_integer_value(value)); return;
    case JSON_REAL: rcr_pickle_put_float(out, json_real_value(value)); return;
    case JSON_TRUE: put(out, "\x88"); return;
    case JSON_FALSE: put(out, "\x89"); return;
    case JSON_NULL: put(out, "N"); return;
    }
}

/* torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, requires_grad=False, OrderedDict()) */
void rcr_pickle_put_tensor(rcr_text *out, rcr_torch_type type, int storage, int32_t rank, const int32_t *shape) {
    char key[16];
    int64_t count = 1;
    for (int32_t d = 0; d < rank; d++) count *= shape[d];
    put(out, "ctorch._utils\n_rebuild_tensor_v2\n((");
    rcr_pickle_put_text(out, "storage");
    put(out, type == RCR_TORCH_LONG ? "ctorch\nLongStorage\n" : "ctorch\nFloatStorage\n");
    snprintf(key, sizeof key, "%d", storage);
    rcr_pickle_put_text(out, key);
    rcr_pickle_put_text(out, "cpu");
    rcr_pickle_put_integer(out, count);
    put(out, "tQ");
    rcr_pickle_put_integer(out, 0);
    put(out, "(");
    for (int32_t d = 0; d < rank; d++) rcr_pickle_put_integer(out, shape[d]);
    put(out, "t(");
    for (int32_t d = 0; d < rank; d++) rcr_pickle_put_integer(out, d + 1 < rank ? shape[d + 1] : 1);
    put(out, "t\x89");
    put(out, "ccollections\nOrderedDict\n)RtR");
}
