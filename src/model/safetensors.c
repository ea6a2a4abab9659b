#include "model/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"

/* The limit of the format's own implementation; it bounds what a hostile header can cost. */
#define MAX_HEADER_BYTES 100000000u
enum { PREFIX_BYTES = 8, ALIGNMENT = 8, MAX_RANK = 8 };

static const struct dtype_size {
    const char *name;
    uint64_t bytes;
} dtype_sizes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2},  {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
                   {"I64", 8}, {"I32", 4}, {"I16", 2},  {"I8", 1},   {"U64", 8},     {"U32", 4},
                   {"U16", 2}, {"U8", 1},  {"BOOL", 1}, {"C64", 8}};

/* Bytes of one element; 0 for a name that the format does not have. */
static uint64_t dtype_bytes(const char *name) {
    for (size_t i = 0; i < sizeof dtype_sizes / sizeof dtype_sizes[0]; i++)
        if (strcmp(dtype_sizes[i].name, name) == 0) return dtype_sizes[i].bytes;
    return 0;
}

static uint64_t load_little_endian(const void *data, size_t n_bytes) {
    const unsigned char *bytes = data;
    uint64_t value = 0;
    for (size_t i = 0; i < n_bytes; i++) value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* The product of the dimensions; 0 returned when it does not fit or a dimension is negative, else 1. */
static int count_elements(uint64_t *count, const int64_t *shape, int32_t rank) {
    uint64_t product = 1;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0) return 0;
        if (shape[i] != 0 && product > (uint64_t)INT64_MAX / (uint64_t)shape[i]) return 0;
        product *= (uint64_t)shape[i];
    }
    *count = product;
    return 1;
}

/* Fill shape, rank and count from the header's entry. */
static rcr_status read_shape(rcr_st_tensor *tensor, const json_t *entry, rcr_error *err) {
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape))
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" of the safetensors header has no shape", tensor->name);
    if (json_array_size(shape) > MAX_RANK)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "tensor \"%.64s\" has %zu dimensions, more than %d", tensor->name,
                        json_array_size(shape), MAX_RANK);
    tensor->rank = (int32_t)json_array_size(shape);
    for (int32_t i = 0; i < tensor->rank; i++) {
        const json_t *extent = json_array_get(shape, (size_t)i);
        if (!json_is_integer(extent) || json_integer_value(extent) < 0)
            return rcr_fail(err, RCR_ERR_PARSE, "dimension %d of tensor \"%.64s\" is not a whole number >= 0", (int)i,
                            tensor->name);
        tensor->shape[i] = (int64_t)json_integer_value(extent);
    }
    uint64_t count = 0;
    if (!count_elements(&count, tensor->shape, tensor->rank) || count > SIZE_MAX)
        return rcr_fail(err, RCR_ERR_PARSE, "the shape of tensor \"%.64s\" is too large", tensor->name);
    tensor->count = (size_t)count;
    return RCR_OK;
}

/* Where a tensor's bytes lie in the data, which begin after the header. */
typedef struct extent {
    uint64_t begin, end;
    size_t index;
} extent;

static rcr_status read_tensor(rcr_st_tensor *tensor, extent *where, const char *name, const json_t *entry,
                              const unsigned char *data, uint64_t n_data, rcr_error *err) {
    tensor->name = name;
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (dtype == NULL)
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" of the safetensors header has no dtype", name);
    uint64_t element_bytes = dtype_bytes(dtype);
    if (element_bytes == 0)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "tensor \"%.64s\" has the unknown dtype \"%.16s\"", name, dtype);
    memcpy(tensor->dtype, dtype, strlen(dtype) + 1);
    rcr_status status = read_shape(tensor, entry, err);
    if (status != RCR_OK) return status;

    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" needs data_offsets [begin, end], whole and ascending",
                        name);
    where->begin = (uint64_t)json_integer_value(first);
    where->end = (uint64_t)json_integer_value(last);
    if (where->end > n_data)
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" ends at byte %llu of the data, which has %llu: truncated",
                        name, (unsigned long long)where->end, (unsigned long long)n_data);
    if (tensor->count > UINT64_MAX / element_bytes || where->end - where->begin != tensor->count * element_bytes)
        return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" has %llu bytes, which its shape and dtype do not give",
                        name, (unsigned long long)(where->end - where->begin));
    tensor->data = data + where->begin;
    return RCR_OK;
}

static int compare_extents(const void *a, const void *b) {
    const extent *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end) return x->end < y->end ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The format allows no holes and no overlaps: sorted, each tensor begins where the one before it ends. */
static rcr_status check_extents(extent *where, const rcr_safetensors *file, uint64_t n_data, rcr_error *err) {
    size_t n = file->n_tensors;
    if (n > 1) qsort(where, n, sizeof *where, compare_extents);
    uint64_t position = 0;
    for (size_t i = 0; i < n; i++) {
        if (where[i].begin != position)
            return rcr_fail(err, RCR_ERR_PARSE, "tensor \"%.64s\" begins at byte %llu of the data, not at %llu: %s",
                            file->tensor[where[i].index].name, (unsigned long long)where[i].begin,
                            (unsigned long long)position, where[i].begin < position ? "overlap" : "hole");
        position = where[i].end;
    }
    if (position != n_data)
        return rcr_fail(err, RCR_ERR_PARSE, "%llu bytes after the last tensor belong to none",
                        (unsigned long long)(n_data - position));
    return RCR_OK;
}

static rcr_status read_metadata(rcr_safetensors *file, json_t *metadata, rcr_error *err) {
    if (!json_is_object(metadata))
        return rcr_fail(err, RCR_ERR_PARSE, "__metadata__ of the safetensors header is not an object");
    size_t n = json_object_size(metadata);
    file->meta_key = rcr_calloc(n, sizeof *file->meta_key);
    file->meta_value = rcr_calloc(n, sizeof *file->meta_value);
    if (file->meta_key == NULL || file->meta_value == NULL) return rcr_fail_memory(err, "reading metadata");
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return rcr_fail(err, RCR_ERR_PARSE, "metadata \"%.64s\" of the safetensors header is not a string", key);
        file->meta_key[file->n_meta] = key;
        file->meta_value[file->n_meta++] = json_string_value(value);
    }
    return RCR_OK;
}

/* Tensors and metadata from the parsed header file->storage. */
static rcr_status read_entries(rcr_safetensors *file, const unsigned char *data, uint64_t n_data, rcr_error *err) {
    json_t *root = file->storage;
    size_t n = json_object_size(root);
    extent *where = rcr_calloc(n, sizeof *where);
    file->tensor = rcr_calloc(n, sizeof *file->tensor);
    rcr_status status = RCR_OK;
    if (where == NULL || file->tensor == NULL) status = rcr_fail_memory(err, "reading a safetensors header");
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry) {
        if (status != RCR_OK) break;
        if (strcmp(name, "__metadata__") == 0) {
            status = read_metadata(file, entry, err);
            continue;
        }
        size_t i = file->n_tensors;
        where[i].index = i;
        status = read_tensor(&file->tensor[i], &where[i], name, entry, data, n_data, err);
        if (status == RCR_OK) file->n_tensors++;
    }
    if (status == RCR_OK) status = check_extents(where, file, n_data, err);
    rcr_free(where);
    return status;
}

/* ---- looking up by name, for files may have a million */

typedef struct named {
    const char *name;
    size_t index;
} named;

static int by_name(const void *a, const void *b) { return strcmp(((const named *)a)->name, ((const named *)b)->name); }

/* The order of list [n]; it is sorted.  NULL: out of memory. */
static size_t *sort_names(named *list, size_t n) {
    size_t *order = rcr_calloc(n, sizeof *order);
    if (order == NULL) return NULL;
    if (n > 1) qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < n; i++) order[i] = list[i].index;
    return order;
}

static rcr_status sort_entries(rcr_safetensors *file, rcr_error *err) {
    size_t most = file->n_tensors > file->n_meta ? file->n_tensors : file->n_meta;
    named *list = rcr_calloc(most, sizeof *list);
    if (list == NULL) return rcr_fail_memory(err, "reading a safetensors header");
    for (size_t i = 0; i < file->n_tensors; i++) list[i] = (named){file->tensor[i].name, i};
    file->tensor_order = sort_names(list, file->n_tensors);
    for (size_t i = 0; i < file->n_meta; i++) list[i] = (named){file->meta_key[i], i};
    file->meta_order = sort_names(list, file->n_meta);
    rcr_free(list);
    return file->tensor_order != NULL && file->meta_order != NULL
               ? RCR_OK
               : rcr_fail_memory(err, "reading a safetensors header");
}

int rcr_safetensors_begins(const void *bytes, size_t length) {
    const unsigned char *first = bytes;
    return length <= PREFIX_BYTES ||
           (load_little_endian(first, PREFIX_BYTES) <= MAX_HEADER_BYTES && first[PREFIX_BYTES] == '{');
}

rcr_status rcr_safetensors_parse(rcr_safetensors **out, const void *bytes, size_t length, rcr_error *err) {
    if (length < PREFIX_BYTES)
        return rcr_fail(err, RCR_ERR_PARSE, "no safetensors file: %zu bytes are too few", length);
    uint64_t n_header = load_little_endian(bytes, PREFIX_BYTES);
    if (n_header > MAX_HEADER_BYTES || n_header > length - PREFIX_BYTES)
        return rcr_fail(err, RCR_ERR_PARSE,
                        "no safetensors file, or a truncated one: its header claims %llu bytes, %zu follow",
                        (unsigned long long)n_header, length - PREFIX_BYTES);
    const char *header = (const char *)bytes + PREFIX_BYTES;
    size_t used = (size_t)n_header;
    while (used > 0 && header[used - 1] == ' ') used--; /* the padding is spaces and nothing else */
    if (used < 2 || header[0] != '{' || header[used - 1] != '}')
        return rcr_fail(err, RCR_ERR_PARSE, "no safetensors file: its header is not a JSON object");
    json_error_t json_error;
    json_t *root = json_loadb(header, used, JSON_REJECT_DUPLICATES, &json_error);
    if (root == NULL && json_error_code(&json_error) == json_error_out_of_memory)
        return rcr_fail_memory(err, "reading a safetensors header");
    if (root == NULL)
        return rcr_fail(err, RCR_ERR_PARSE, "the safetensors header is not valid JSON: %s at byte %d", json_error.text,
                        json_error.position);
    rcr_safetensors *file = rcr_calloc(1, sizeof *file);
    if (file == NULL) {
        json_decref(root);
        return rcr_fail_memory(err, "reading a safetensors header");
    }
    file->storage = root; /* names and metadata are its strings */
    rcr_status status =
        json_is_object(root)
            ? read_entries(file, (const unsigned char *)header + n_header, length - PREFIX_BYTES - n_header, err)
            : rcr_fail(err, RCR_ERR_PARSE, "no safetensors file: its header is not a JSON object");
    if (status == RCR_OK) status = sort_entries(file, err);
    if (status != RCR_OK) {
        rcr_safetensors_free(file);
        return status;
    }
    *out = file;
    return RCR_OK;
}

void rcr_safetensors_free(rcr_safetensors *file) {
    if (file == NULL) return;
    json_decref(file->storage);
    rcr_free(file->tensor);
    rcr_free(file->meta_key);
    rcr_free(file->meta_value);
    rcr_free(file->tensor_order);
    rcr_free(file->meta_order);
    rcr_free(file);
}

const rcr_st_tensor *rcr_safetensors_find(const rcr_safetensors *file, const char *name) {
    size_t low = 0, high = file->n_tensors;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const rcr_st_tensor *tensor = &file->tensor[file->tensor_order[middle]];
        int order = strcmp(tensor->name, name);
        if (order == 0) return tensor;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *rcr_safetensors_meta(const rcr_safetensors *file, const char *key) {
    size_t low = 0, high = file->n_meta;
    while (low < high) {
        size_t middle = low + (high - low) / 2, at = file->meta_order[middle];
        int order = strcmp(file->meta_key[at], key);
        if (order == 0) return file->meta_value[at];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

size_t rcr_st_bytes(const rcr_st_tensor *tensor) { return tensor->count * (size_t)dtype_bytes(tensor->dtype); }

double rcr_st_value(const rcr_st_tensor *tensor, size_t i) {
    const unsigned char *bytes = tensor->data;
    if (strcmp(tensor->dtype, "F32") == 0) {
        uint32_t bits = (uint32_t)load_little_endian(bytes + 4 * i, 4);
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (strcmp(tensor->dtype, "F64") == 0) {
        uint64_t bits = load_little_endian(bytes + 8 * i, 8);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (strcmp(tensor->dtype, "I32") == 0) {
        uint32_t bits = (uint32_t)load_little_endian(bytes + 4 * i, 4);
        int32_t value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (strcmp(tensor->dtype, "I64") == 0) {
        uint64_t bits = load_little_endian(bytes + 8 * i, 8);
        int64_t value;
        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    if (strcmp(tensor->dtype, "U8") == 0) return bytes[i];
    return NAN;
}

/* The header as JSON; NULL when out of memory.  *n_data: bytes of all tensors. */
static json_t *make_header(uint64_t *n_data, const rcr_st_tensor *tensor, size_t n_tensors, const char *const *meta_key,
                           const char *const *meta_value, size_t n_meta) {
    json_t *root = json_object();
    int failed = root == NULL;
    if (n_meta > 0 && !failed) {
        json_t *metadata = json_object();
        for (size_t i = 0; i < n_meta; i++)
            failed |= json_object_set_new(metadata, meta_key[i], json_string(meta_value[i])) != 0;
        failed |= json_object_set_new(root, "__metadata__", metadata) != 0;
    }
    uint64_t position = 0;
    for (size_t i = 0; i < n_tensors && !failed; i++) {
        json_t *shape = json_array();
        for (int32_t d = 0; d < tensor[i].rank; d++)
            failed |= json_array_append_new(shape, json_integer((json_int_t)tensor[i].shape[d])) != 0;
        uint64_t end = position + tensor[i].count * dtype_bytes(tensor[i].dtype);
        json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensor[i].dtype, "shape", shape, "data_offsets",
                                  (json_int_t)position, (json_int_t)end);
        failed |= json_object_set_new(root, tensor[i].name, entry) != 0;
        position = end;
    }
    if (failed) {
        json_decref(root);
        return NULL;
    }
    *n_data = position;
    return root;
}

static rcr_status check_tensors(const rcr_st_tensor *tensor, size_t n_tensors, rcr_error *err) {
    uint64_t total = 0;
    for (size_t i = 0; i < n_tensors; i++) {
        uint64_t count = 0, bytes = dtype_bytes(tensor[i].dtype);
        if (tensor[i].rank < 0 || tensor[i].rank > MAX_RANK || bytes == 0 ||
            !count_elements(&count, tensor[i].shape, tensor[i].rank) || count != tensor[i].count ||
            count > ((uint64_t)INT64_MAX - total) / bytes || strcmp(tensor[i].name, "__metadata__") == 0)
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "tensor \"%.64s\" can't be written: its dtype, shape and count "
                            "do not agree",
                            tensor[i].name);
        total += count * bytes;
        for (size_t j = 0; j < i; j++)
            if (strcmp(tensor[i].name, tensor[j].name) == 0)
                return rcr_fail(err, RCR_ERR_ARGUMENT, "two tensors are named \"%.64s\"", tensor[i].name);
    }
    return RCR_OK;
}

static rcr_status check_texts(const rcr_st_tensor *tensor, size_t n_tensors, const char *const *meta_key,
                              const char *const *meta_value, size_t n_meta, rcr_error *err) {
    for (size_t i = 0; i < n_tensors; i++)
        if (!rcr_is_utf8(tensor[i].name))
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the name of tensor %zu is not UTF-8", i + 1);
    for (size_t i = 0; i < n_meta; i++)
        if (!rcr_is_utf8(meta_key[i]) || !rcr_is_utf8(meta_value[i]))
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the metadata \"%.64s\" are not UTF-8",
                            rcr_is_utf8(meta_key[i]) ? meta_key[i] : "");
    return RCR_OK;
}

rcr_status rcr_safetensors_write(char **out, size_t *length, const rcr_st_tensor *tensor, size_t n_tensors,
                                 const char *const *meta_key, const char *const *meta_value, size_t n_meta,
                                 rcr_error *err) {
    rcr_status status = check_tensors(tensor, n_tensors, err);
    if (status == RCR_OK) status = check_texts(tensor, n_tensors, meta_key, meta_value, n_meta, err);
    if (status != RCR_OK) return status;
    uint64_t n_data = 0;
    json_t *root = make_header(&n_data, tensor, n_tensors, meta_key, meta_value, n_meta);
    if (root == NULL) return rcr_fail_memory(err, "writing a safetensors file");
    const size_t flags = JSON_COMPACT;
    size_t n_json = json_dumpb(root, NULL, 0, flags);
    size_t n_header = (n_json + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *bytes = NULL;
    if (n_json > 0 && n_header <= MAX_HEADER_BYTES && n_data <= SIZE_MAX - PREFIX_BYTES - n_header)
        bytes = rcr_malloc(PREFIX_BYTES + n_header + (size_t)n_data, 1);
    if (bytes == NULL) {
        json_decref(root);
        return rcr_fail_memory(err, "writing a safetensors file");
    }
    for (size_t i = 0; i < PREFIX_BYTES; i++) bytes[i] = (char)((uint64_t)n_header >> (8 * i) & 0xff);
    /* It may run out of memory where it had enough to count. */
    size_t n_dumped = json_dumpb(root, bytes + PREFIX_BYTES, n_json, flags);
    json_decref(root);
    if (n_dumped != n_json) {
        rcr_free(bytes);
        return rcr_fail_memory(err, "writing a safetensors file");
    }
    memset(bytes + PREFIX_BYTES + n_json, ' ', n_header - n_json);
    char *data = bytes + PREFIX_BYTES + n_header;
    for (size_t i = 0; i < n_tensors; i++) {
        size_t n = rcr_st_bytes(&tensor[i]);
        if (n > 0) memcpy(data, tensor[i].data, n);
        data += n;
    }
    *out = bytes;
    *length = PREFIX_BYTES + n_header + (size_t)n_data;
    return RCR_OK;
}
