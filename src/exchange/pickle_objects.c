/* What the names in a pickle stand for: each known one makes a plain value, and nothing is ever called. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/status.h"
#include "exchange/pickle_private.h"

static const struct known_name {
    const char *module, *name;
    int what;
} known_names[] = {
    {"collections", "OrderedDict", RCR_NAME_ORDERED_DICT},
    {"argparse", "Namespace", RCR_NAME_NAMESPACE},
    {"torch._utils", "_rebuild_tensor", RCR_NAME_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", RCR_NAME_TENSOR_V2},
    {"torch._utils", "_rebuild_parameter", RCR_NAME_PARAMETER},
    {"torch", "Size", RCR_NAME_SIZE},
    {"torch", "device", RCR_NAME_DEVICE},
    {"numpy.core.multiarray", "scalar", RCR_NAME_SCALAR},
    {"numpy._core.multiarray", "scalar", RCR_NAME_SCALAR},
    {"numpy", "dtype", RCR_NAME_DTYPE},
    {"_codecs", "encode", RCR_NAME_ENCODE},
    {"torch", "FloatStorage", RCR_NAME_STORAGE + RCR_TORCH_FLOAT},
    {"torch", "DoubleStorage", RCR_NAME_STORAGE + RCR_TORCH_DOUBLE},
    {"torch", "HalfStorage", RCR_NAME_STORAGE + RCR_TORCH_HALF},
    {"torch", "BFloat16Storage", RCR_NAME_STORAGE + RCR_TORCH_BFLOAT16},
    {"torch", "LongStorage", RCR_NAME_STORAGE + RCR_TORCH_LONG},
    {"torch", "IntStorage", RCR_NAME_STORAGE + RCR_TORCH_INT},
    {"torch", "ShortStorage", RCR_NAME_STORAGE + RCR_TORCH_SHORT},
    {"torch", "CharStorage", RCR_NAME_STORAGE + RCR_TORCH_CHAR},
    {"torch", "ByteStorage", RCR_NAME_STORAGE + RCR_TORCH_BYTE},
    {"torch", "BoolStorage", RCR_NAME_STORAGE + RCR_TORCH_BOOL},
};

static int is(const char *text, size_t length, const char *word) {
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

/* How much of a name goes into a message. */
static int shown(const char *name, size_t length) { return rcr_shown(name, length, 100); }

rcr_status rcr_pickle_global(rcr_py **out, rcr_pickle *p, const char *module, size_t module_length, const char *name,
                             size_t name_length) {
    for (size_t i = 0; i < sizeof known_names / sizeof *known_names; i++) {
        if (!is(module, module_length, known_names[i].module) || !is(name, name_length, known_names[i].name)) continue;
        *out = rcr_pickle_new(p, RCR_PY_GLOBAL);
        if (*out == NULL) return rcr_pickle_no_value(p);
        (*out)->as.integer = known_names[i].what;
        return RCR_OK;
    }
    return rcr_fail(
        p->err, RCR_ERR_UNSUPPORTED,
        "the file asks for %.*s.%.*s, which no checkpoint of CGCNN needs; it was refused, and nothing of the "
        "file was run",
        shown(module, module_length), module, shown(name, name_length), name);
}

/* Argument i when it is of that kind, else NULL. */
static rcr_py *argument(const rcr_py *args, size_t i, rcr_py_kind kind) {
    if (i >= args->as.items.n || args->as.items.item[i]->kind != kind) return NULL;
    return args->as.items.item[i];
}

/* ---- tensors */

/* A tuple of whole numbers >= 0. */
static rcr_status read_extents(int64_t *out, int32_t *rank, rcr_pickle *p, const rcr_py *tuple, const char *what) {
    if (tuple == NULL) return rcr_pickle_bad(p, "a tensor without shape or strides");
    if (tuple->as.items.n > RCR_TORCH_MAX_RANK)
        return rcr_fail(p->err, RCR_ERR_UNSUPPORTED, "a tensor of %zu dimensions, more than %d", tuple->as.items.n,
                        RCR_TORCH_MAX_RANK);
    *rank = (int32_t)tuple->as.items.n;
    for (int32_t d = 0; d < *rank; d++) {
        const rcr_py *extent = tuple->as.items.item[d];
        if (extent->kind != RCR_PY_INT || extent->as.integer < 0)
            return rcr_fail(p->err, RCR_ERR_PARSE, "a tensor whose %s %d is not a whole number >= 0", what, (int)d);
        out[d] = extent->as.integer;
    }
    return RCR_OK;
}

/* (storage, offset, shape, strides, ...); what follows says how the tensor takes part in training. */
static rcr_status make_tensor(rcr_py **out, rcr_pickle *p, const rcr_py *args) {
    rcr_py *storage = argument(args, 0, RCR_PY_STORAGE), *offset = argument(args, 1, RCR_PY_INT);
    if (storage == NULL || offset == NULL || offset->as.integer < 0)
        return rcr_pickle_bad(p, "a tensor without a storage, or with a bad offset");
    rcr_py *tensor = rcr_pickle_new(p, RCR_PY_TENSOR);
    if (tensor == NULL) return rcr_pickle_no_value(p);
    tensor->as.tensor.storage = storage;
    tensor->as.tensor.offset = offset->as.integer;
    int32_t n_strides = 0;
    rcr_status status =
        read_extents(tensor->as.tensor.shape, &tensor->as.tensor.rank, p, argument(args, 2, RCR_PY_TUPLE), "dimension");
    if (status == RCR_OK)
        status = read_extents(tensor->as.tensor.stride, &n_strides, p, argument(args, 3, RCR_PY_TUPLE), "stride");
    if (status == RCR_OK && n_strides != tensor->as.tensor.rank)
        status = rcr_pickle_bad(p, "a tensor with more or fewer strides than dimensions");
    if (status == RCR_OK) *out = tensor;
    return status;
}

rcr_status rcr_pickle_persistent(rcr_py **out, rcr_pickle *p, const rcr_py *id) {
    if (id->kind != RCR_PY_TUPLE || id->as.items.n < 5 || !rcr_py_is_text(id->as.items.item[0], "storage"))
        return rcr_pickle_bad(p, "a reference to something that is no tensor's storage");
    const rcr_py *type = argument(id, 1, RCR_PY_GLOBAL), *key = argument(id, 2, RCR_PY_TEXT);
    const rcr_py *count = argument(id, 4, RCR_PY_INT), *view = argument(id, 5, RCR_PY_TUPLE);
    if (type == NULL || type->as.integer < RCR_NAME_STORAGE || key == NULL || count == NULL || count->as.integer < 0)
        return rcr_pickle_bad(p, "a storage without type, key or size");
    rcr_py *storage = rcr_pickle_new(p, RCR_PY_STORAGE);
    if (storage == NULL) return rcr_pickle_no_value(p);
    storage->as.storage.type = (rcr_torch_type)(type->as.integer - RCR_NAME_STORAGE);
    storage->as.storage.key = key->as.text.data;
    storage->as.storage.key_length = key->as.text.length;
    storage->as.storage.count = count->as.integer;
    if (view != NULL) { /* (key, offset, size): part of the storage, in old files */
        const rcr_py *offset = argument(view, 1, RCR_PY_INT);
        if (offset == NULL || offset->as.integer < 0) return rcr_pickle_bad(p, "a view of a storage with a bad offset");
        storage->as.storage.offset = offset->as.integer;
    }
    *out = storage;
    return RCR_OK;
}

/* ---- numpy scalars */

/* The types of numpy scalars, which are those of tensors. */
static const struct numpy_type {
    const char *name;
    rcr_torch_type type;
} numpy_types[] = {
    {"f8", RCR_TORCH_DOUBLE}, {"f4", RCR_TORCH_FLOAT}, {"f2", RCR_TORCH_HALF},
    {"i8", RCR_TORCH_LONG},   {"i4", RCR_TORCH_INT},   {"i2", RCR_TORCH_SHORT},
    {"i1", RCR_TORCH_CHAR},   {"u1", RCR_TORCH_BYTE},  {"b1", RCR_TORCH_BOOL},
};

/* ("f8", ...) */
static rcr_status make_dtype(rcr_py **out, rcr_pickle *p, const rcr_py *args) {
    const rcr_py *name = argument(args, 0, RCR_PY_TEXT);
    if (name == NULL) return rcr_pickle_bad(p, "a dtype without a name");
    for (size_t i = 0; i < sizeof numpy_types / sizeof *numpy_types; i++) {
        if (!rcr_py_is_text(name, numpy_types[i].name)) continue;
        *out = rcr_pickle_new(p, RCR_PY_DTYPE);
        if (*out == NULL) return rcr_pickle_no_value(p);
        (*out)->as.integer = (int64_t)numpy_types[i].type;
        return RCR_OK;
    }
    return rcr_fail(p->err, RCR_ERR_UNSUPPORTED, "the file holds a numpy value of type \"%.*s\"",
                    shown(name->as.text.data, name->as.text.length), name->as.text.data);
}

/* (dtype, bytes) -> a number */
static rcr_status make_scalar(rcr_py **out, rcr_pickle *p, const rcr_py *args) {
    const rcr_py *dtype = argument(args, 0, RCR_PY_DTYPE), *bytes = argument(args, 1, RCR_PY_BYTES);
    if (bytes == NULL) bytes = argument(args, 1, RCR_PY_TEXT); /* of Python 2 */
    if (dtype == NULL || bytes == NULL) return rcr_pickle_bad(p, "a numpy value without type or bytes");
    rcr_torch_type type = (rcr_torch_type)dtype->as.integer;
    if (bytes->as.text.length != rcr_torch_size(type)) return rcr_pickle_bad(p, "a numpy value of the wrong length");
    double value = rcr_torch_element(type, bytes->as.text.data);
    int is_integer = type >= RCR_TORCH_LONG && fabs(value) <= 9007199254740992.0;
    rcr_py *number = rcr_pickle_new(p, is_integer ? RCR_PY_INT : RCR_PY_FLOAT);
    if (number == NULL) return rcr_pickle_no_value(p);
    if (is_integer)
        number->as.integer = (int64_t)value;
    else
        number->as.real = value;
    *out = number;
    return RCR_OK;
}

/* (text, "latin1") -> bytes: how protocol 2 writes them.  Characters are two bytes of UTF-8 from U+0080 on. */
static rcr_status make_bytes(rcr_py **out, rcr_pickle *p, const rcr_py *args) {
    const rcr_py *text = argument(args, 0, RCR_PY_TEXT), *encoding = argument(args, 1, RCR_PY_TEXT);
    if (text == NULL || !rcr_py_is_text(encoding, "latin1")) return rcr_pickle_bad(p, "bytes in an unknown encoding");
    rcr_py *bytes = rcr_pickle_new(p, RCR_PY_BYTES);
    unsigned char *to = bytes != NULL ? rcr_pickle_take(p, text->as.text.length + 1) : NULL;
    if (to == NULL) return rcr_pickle_no_value(p);
    const unsigned char *from = (const unsigned char *)text->as.text.data;
    size_t n = 0;
    for (size_t i = 0; i < text->as.text.length; i++) {
        if (from[i] < 0x80) {
            to[n++] = from[i];
            continue;
        }
        if ((from[i] != 0xc2 && from[i] != 0xc3) || i + 1 == text->as.text.length || (from[i + 1] & 0xc0) != 0x80)
            return rcr_pickle_bad(p, "bytes with a character that is none");
        to[n++] = (unsigned char)((from[i] & 3) << 6 | (from[i + 1] & 63));
        i++;
    }
    bytes->as.text.data = (const char *)to;
    bytes->as.text.length = n;
    *out = bytes;
    return RCR_OK;
}

size_t rcr_torch_size(rcr_torch_type type) {
    switch (type) {
    case RCR_TORCH_DOUBLE:
    case RCR_TORCH_LONG: return 8;
    case RCR_TORCH_FLOAT:
    case RCR_TORCH_INT: return 4;
    case RCR_TORCH_HALF:
    case RCR_TORCH_BFLOAT16:
    case RCR_TORCH_SHORT: return 2;
    default: return 1;
    }
}

static double float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE half precision: 1 sign bit, 5 of exponent, 10 of fraction. */
static double half_of(unsigned bits) {
    int exponent = (int)(bits >> 10 & 31);
    double fraction = (double)(bits & 1023) / 1024, sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 31) return fraction > 0 ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent > 0 ? ldexp(1 + fraction, exponent - 15) : ldexp(fraction, -14));
}

double rcr_torch_element(rcr_torch_type type, const void *data) {
    const unsigned char *bytes = data;
    size_t size = rcr_torch_size(type);
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)bytes[i] << (8 * i);
    double real;
    int64_t integer;
    switch (type) {
    case RCR_TORCH_DOUBLE: memcpy(&real, &bits, sizeof real); return real;
    case RCR_TORCH_FLOAT: return float_of((uint32_t)bits);
    case RCR_TORCH_BFLOAT16: return float_of((uint32_t)bits << 16);
    case RCR_TORCH_HALF: return half_of((unsigned)bits);
    case RCR_TORCH_LONG: memcpy(&integer, &bits, sizeof integer); return (double)integer;
    case RCR_TORCH_INT: return (double)(int32_t)(uint32_t)bits;
    case RCR_TORCH_SHORT: return (double)(int16_t)(uint16_t)bits;
    case RCR_TORCH_CHAR: return (double)(int8_t)(uint8_t)bits;
    case RCR_TORCH_BOOL: return bits != 0;
    default: return (double)bits;
    }
}

/* ---- calls */

/* An empty dict, or one of a list of pairs (Python 2's OrderedDict). */
static rcr_status make_dict(rcr_py **out, rcr_pickle *p, const rcr_py *args) {
    rcr_py *dict = rcr_pickle_new(p, RCR_PY_DICT);
    if (dict == NULL) return rcr_pickle_no_value(p);
    const rcr_py *pairs = argument(args, 0, RCR_PY_LIST);
    if (args->as.items.n > 1 || (args->as.items.n == 1 && pairs == NULL))
        return rcr_pickle_bad(p, "a dict made of something else than pairs");
    for (size_t i = 0; pairs != NULL && i < pairs->as.items.n; i++) {
        const rcr_py *pair = pairs->as.items.item[i];
        if ((pair->kind != RCR_PY_LIST && pair->kind != RCR_PY_TUPLE) || pair->as.items.n != 2)
            return rcr_pickle_bad(p, "a dict made of something else than pairs");
        for (size_t k = 0; k < 2; k++) {
            rcr_status status = rcr_pickle_append(p, dict, pair->as.items.item[k]);
            if (status != RCR_OK) return status;
        }
    }
    *out = dict;
    return RCR_OK;
}

/* ("cuda", 0) -> the text "cuda:0" */
static rcr_status make_device(rcr_py **out, rcr_pickle *p, const rcr_py *args) {
    const rcr_py *type = argument(args, 0, RCR_PY_TEXT), *index = argument(args, 1, RCR_PY_INT);
    if (type == NULL || type->as.text.length > 64) return rcr_pickle_bad(p, "a device without a name");
    rcr_py *text = rcr_pickle_new(p, RCR_PY_TEXT);
    char *data = text != NULL ? rcr_pickle_take(p, 96) : NULL;
    if (data == NULL) return rcr_pickle_no_value(p);
    int n = index != NULL ? snprintf(data, 96, "%.*s:%lld", (int)type->as.text.length, type->as.text.data,
                                     (long long)index->as.integer)
                          : snprintf(data, 96, "%.*s", (int)type->as.text.length, type->as.text.data);
    text->as.text.data = data;
    text->as.text.length = (size_t)n;
    *out = text;
    return RCR_OK;
}

rcr_status rcr_pickle_call(rcr_py **out, rcr_pickle *p, const rcr_py *callable, const rcr_py *args) {
    if (callable->kind != RCR_PY_GLOBAL) return rcr_pickle_bad(p, "a call of something that can't be called");
    switch (callable->as.integer) {
    case RCR_NAME_ORDERED_DICT:
    case RCR_NAME_NAMESPACE: return make_dict(out, p, args);
    case RCR_NAME_TENSOR:
    case RCR_NAME_TENSOR_V2: return make_tensor(out, p, args);
    case RCR_NAME_PARAMETER:
        *out = argument(args, 0, RCR_PY_TENSOR);
        return *out != NULL ? RCR_OK : rcr_pickle_bad(p, "a parameter without a tensor");
    case RCR_NAME_SIZE:
        *out = argument(args, 0, RCR_PY_TUPLE);
        return *out != NULL ? RCR_OK : rcr_pickle_bad(p, "a size without numbers");
    case RCR_NAME_DEVICE: return make_device(out, p, args);
    case RCR_NAME_SCALAR: return make_scalar(out, p, args);
    case RCR_NAME_DTYPE: return make_dtype(out, p, args);
    case RCR_NAME_ENCODE: return make_bytes(out, p, args);
    }
    return rcr_pickle_bad(p, "a call of a type of storage");
}

rcr_status rcr_pickle_build(rcr_pickle *p, rcr_py *object, const rcr_py *state) {
    if (object->kind == RCR_PY_DTYPE) { /* (3, "<", ...) */
        const rcr_py *order = state->kind == RCR_PY_TUPLE ? argument(state, 1, RCR_PY_TEXT) : NULL;
        if (rcr_py_is_text(order, ">"))
            return rcr_fail(p->err, RCR_ERR_UNSUPPORTED, "the file holds a big-endian numpy value");
        return order != NULL ? RCR_OK : rcr_pickle_bad(p, "a dtype without a byte order");
    }
    if (object->kind != RCR_PY_DICT || state->kind != RCR_PY_DICT)
        return rcr_pickle_bad(p, "a state for a value that has none");
    /* A Namespace's attributes become its items; an OrderedDict's only attribute is _metadata, which modules keep there
     * for themselves, under a name that no tensor has. */
    size_t n = state->as.items.n; /* fixed beforehand: the state may be the object itself */
    for (size_t i = 0; i < n; i++) {
        rcr_status status = rcr_pickle_append(p, object, state->as.items.item[i]);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}
