#include "exchange/torchfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/archive.h"

enum { LEGACY_VERSION = 1001 };

/* One storage of the file. */
typedef struct place {
    const rcr_py *storage;
    const unsigned char *data; /* NULL: not found yet */
    char *copy;                /* what data points to, of an archive's member */
} place;

struct rcr_torch_file {
    rcr_pickle *pickle;
    rcr_folder *archive; /* NULL: the older container */
    char *text;          /* data.pkl of an archive, which the pickle's texts point into */
    place *place;        /* [n_places] by key, each once */
    size_t n_places;
    int out_of_memory; /* a number could not be looked at */
};

/* ---- the list of storages */

static int compare_keys(const char *a, size_t a_length, const char *b, size_t b_length) {
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int by_key(const void *a, const void *b) {
    const rcr_py *x = ((const place *)a)->storage, *y = ((const place *)b)->storage;
    return compare_keys(x->as.storage.key, x->as.storage.key_length, y->as.storage.key, y->as.storage.key_length);
}

static rcr_status list_places(rcr_torch_file *file, rcr_error *err) {
    size_t n;
    rcr_py *const *storage = rcr_pickle_storages(file->pickle, &n);
    file->place = rcr_calloc(n, sizeof *file->place);
    if (file->place == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    for (size_t i = 0; i < n; i++) file->place[i].storage = storage[i];
    if (n > 1) qsort(file->place, n, sizeof *file->place, by_key);
    for (size_t i = 0; i < n; i++) {
        const place *last = file->n_places > 0 ? &file->place[file->n_places - 1] : NULL;
        if (last == NULL || by_key(last, &file->place[i]) != 0) {
            file->place[file->n_places++] = file->place[i];
            continue;
        }
        if (last->storage->as.storage.type != file->place[i].storage->as.storage.type ||
            last->storage->as.storage.count != file->place[i].storage->as.storage.count)
            return rcr_fail(err, RCR_ERR_PARSE, "the file gives one storage two types or sizes");
    }
    return RCR_OK;
}

/* A key is the name of a member, which one key alone may copy: an archive unpacks to a bounded size, and so do they. */
static rcr_status check_members(const rcr_torch_file *file, rcr_error *err) {
    for (size_t i = 0; i < file->n_places; i++) {
        const rcr_py *storage = file->place[i].storage;
        const char *key = storage->as.storage.key;
        size_t length = storage->as.storage.key_length;
        if (memchr(key, '\0', length) != NULL || memchr(key, '/', length) != NULL)
            return rcr_fail(err, RCR_ERR_PARSE, "the key of a storage is not the name of a file");
    }
    return RCR_OK;
}

static place *find_place(const rcr_torch_file *file, const char *key, size_t length) {
    size_t low = 0, high = file->n_places;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const rcr_py *storage = file->place[middle].storage;
        int order = compare_keys(storage->as.storage.key, storage->as.storage.key_length, key, length);
        if (order == 0) return &file->place[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- the older container */

/* torch's magic number, 0x1950a86a20f9469cfc6c, from its lowest byte on. */
static const unsigned char magic[] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

/* Where reading has come to. */
typedef struct cursor {
    const unsigned char *bytes;
    size_t length, at;
} cursor;

static rcr_status next_pickle(rcr_pickle **out, cursor *c, rcr_error *err) {
    size_t used = 0;
    rcr_status status = rcr_pickle_parse(out, &used, c->bytes + c->at, c->length - c->at, err);
    c->at += used;
    return status;
}

/* The magic number is a pickle of whichever protocol the rest has. */
static rcr_status check_magic(cursor *c, rcr_error *err) {
    rcr_pickle *p = NULL;
    rcr_status status = next_pickle(&p, c, err);
    if (status != RCR_OK) return status;
    const rcr_py *number = rcr_pickle_root(p);
    if (number->kind != RCR_PY_LONG || number->as.text.length != sizeof magic ||
        memcmp(number->as.text.data, magic, sizeof magic) != 0)
        status = rcr_fail(err, RCR_ERR_PARSE, "a Python pickle, but none that torch.save wrote");
    rcr_pickle_free(p);
    return status;
}

static rcr_status check_version(cursor *c, rcr_error *err) {
    rcr_pickle *p = NULL;
    rcr_status status = next_pickle(&p, c, err);
    if (status != RCR_OK) return status;
    const rcr_py *version = rcr_pickle_root(p);
    if (version->kind != RCR_PY_INT || version->as.integer != LEGACY_VERSION)
        status = rcr_fail(err, RCR_ERR_UNSUPPORTED, "a torch file of another version than %d", LEGACY_VERSION);
    rcr_pickle_free(p);
    if (status == RCR_OK) status = next_pickle(&p, c, err);
    if (status != RCR_OK) return status;
    const rcr_py *little = rcr_py_get(rcr_pickle_root(p), "little_endian");
    if (little == NULL || little->kind != RCR_PY_BOOL || little->as.integer != 1)
        status = rcr_fail(err, RCR_ERR_UNSUPPORTED, "a torch file that is not little-endian");
    rcr_pickle_free(p);
    return status;
}

/* The elements of one key: a count of 8 bytes, then that many elements. */
static rcr_status read_storage(rcr_torch_file *file, cursor *c, const rcr_py *key, rcr_error *err) {
    place *to = key->kind == RCR_PY_TEXT ? find_place(file, key->as.text.data, key->as.text.length) : NULL;
    if (to == NULL || to->data != NULL)
        return rcr_fail(err, RCR_ERR_PARSE, "the file lists a storage twice, or one that no tensor has");
    if (c->length - c->at < 8) return rcr_fail(err, RCR_ERR_PARSE, "the file ends within its tensors: truncated");
    uint64_t count = 0, size = rcr_torch_size(to->storage->as.storage.type);
    for (int i = 0; i < 8; i++) count |= (uint64_t)c->bytes[c->at++] << (8 * i);
    if (count != (uint64_t)to->storage->as.storage.count)
        return rcr_fail(err, RCR_ERR_PARSE, "a storage has %llu elements where %lld are announced",
                        (unsigned long long)count, (long long)to->storage->as.storage.count);
    if (count > (c->length - c->at) / size)
        return rcr_fail(err, RCR_ERR_PARSE, "the file ends within its tensors: truncated");
    to->data = c->bytes + c->at;
    c->at += (size_t)(count * size);
    return RCR_OK;
}

static rcr_status open_legacy(rcr_torch_file *file, const unsigned char *bytes, size_t length, rcr_error *err) {
    cursor c = {bytes, length, 0};
    rcr_status status = check_magic(&c, err);
    if (status == RCR_OK) status = check_version(&c, err);
    if (status == RCR_OK) status = next_pickle(&file->pickle, &c, err);
    if (status == RCR_OK) status = list_places(file, err);
    rcr_pickle *keys = NULL;
    if (status == RCR_OK) status = next_pickle(&keys, &c, err);
    if (status != RCR_OK) return status;
    const rcr_py *list = rcr_pickle_root(keys);
    if (list->kind != RCR_PY_LIST) status = rcr_fail(err, RCR_ERR_PARSE, "the file has no list of its storages");
    for (size_t i = 0; status == RCR_OK && i < list->as.items.n; i++)
        status = read_storage(file, &c, list->as.items.item[i], err);
    rcr_pickle_free(keys);
    return status;
}

/* ---- the zip archive */

static rcr_status open_zip(rcr_torch_file *file, const void *bytes, size_t length, rcr_error *err) {
    size_t limit = length < SIZE_MAX / 8 ? 4 * length : length;
    rcr_status status = rcr_folder_open_memory(&file->archive, bytes, length, limit, err);
    if (status != RCR_OK) return status;
    if (!rcr_folder_has(file->archive, "data.pkl"))
        return rcr_fail(err, RCR_ERR_PARSE, "a zip archive without data.pkl: torch.save did not make it");
    if (rcr_folder_has(file->archive, "constants.pkl"))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "a TorchScript program, not a checkpoint");
    size_t n = 0;
    if (rcr_folder_has(file->archive, "byteorder")) {
        char *order = NULL;
        status = rcr_folder_read(&order, &n, file->archive, "byteorder", err);
        if (status == RCR_OK && strcmp(order, "little") != 0)
            status = rcr_fail(err, RCR_ERR_UNSUPPORTED, "a torch file that is not little-endian");
        rcr_free(order);
        if (status != RCR_OK) return status;
    }
    status = rcr_folder_read(&file->text, &n, file->archive, "data.pkl", err);
    if (status == RCR_OK) status = rcr_pickle_parse(&file->pickle, NULL, file->text, n, err);
    if (status == RCR_OK) status = list_places(file, err);
    return status == RCR_OK ? check_members(file, err) : status;
}

static rcr_status read_member(place *to, const rcr_torch_file *file, rcr_error *err) {
    const rcr_py *storage = to->storage;
    rcr_text name = {0};
    rcr_text_puts(&name, "data/");
    rcr_text_append(&name, storage->as.storage.key, storage->as.storage.key_length);
    rcr_status status = RCR_OK;
    size_t n = 0, size = rcr_torch_size(storage->as.storage.type);
    if (name.failed)
        status = rcr_fail_memory(err, "reading a checkpoint");
    else if (!rcr_folder_has(file->archive, name.data))
        status = rcr_fail(err, RCR_ERR_PARSE, "the archive lacks %.100s", name.data);
    else
        status = rcr_folder_read(&to->copy, &n, file->archive, name.data, err);
    if (status == RCR_OK && (n % size != 0 || (uint64_t)storage->as.storage.count != n / size))
        status = rcr_fail(err, RCR_ERR_PARSE, "%.100s has %zu bytes, which are not %lld elements of %zu bytes",
                          name.data, n, (long long)storage->as.storage.count, size);
    if (status == RCR_OK) to->data = (const unsigned char *)to->copy;
    rcr_text_free(&name);
    return status;
}

/* ---- both */

rcr_status rcr_torch_open(rcr_torch_file **out, const void *bytes, size_t length, rcr_error *err) {
    const unsigned char *head = bytes;
    int is_zip = length >= 4 && memcmp(head, "PK\3\4", 4) == 0;
    if (!is_zip && (length < 2 || head[0] != 0x80 || head[1] < 2 || head[1] > 5))
        return rcr_fail(err, RCR_ERR_PARSE,
                        "not a file of torch.save: neither a zip archive nor torch's older format (before torch 0.1.10 "
                        "there was a third one, which is not read)");
    rcr_torch_file *file = rcr_calloc(1, sizeof *file);
    if (file == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    rcr_status status = is_zip ? open_zip(file, bytes, length, err) : open_legacy(file, bytes, length, err);
    if (status != RCR_OK) {
        rcr_torch_free(file);
        return status;
    }
    *out = file;
    return RCR_OK;
}

void rcr_torch_free(rcr_torch_file *file) {
    if (file == NULL) return;
    for (size_t i = 0; i < file->n_places; i++) rcr_free(file->place[i].copy);
    rcr_free(file->place);
    rcr_pickle_free(file->pickle);
    rcr_free(file->text);
    rcr_folder_free(file->archive);
    rcr_free(file);
}

const rcr_py *rcr_torch_root(const rcr_torch_file *file) { return rcr_pickle_root(file->pickle); }

const char *rcr_torch_format(const rcr_torch_file *file) {
    return file->archive != NULL ? "torch zip" : "torch legacy";
}

/* The number of elements, and the place after the last one's; 0 where they do not fit in 63 bits. */
static int measure(uint64_t *count, uint64_t *end, const rcr_py *tensor) {
    uint64_t most = INT64_MAX, last = 0;
    *count = 1;
    for (int32_t d = 0; d < tensor->as.tensor.rank; d++) {
        uint64_t extent = (uint64_t)tensor->as.tensor.shape[d];
        if (extent > 0 && *count > most / extent) return 0;
        *count *= extent;
    }
    for (int32_t d = 0; d<tensor->as.tensor.rank && * count> 0; d++) {
        uint64_t steps = (uint64_t)tensor->as.tensor.shape[d] - 1, stride = (uint64_t)tensor->as.tensor.stride[d];
        if (steps > 0 && stride > most / steps) return 0;
        if (steps * stride > most - last) return 0;
        last += steps * stride;
    }
    *end = *count > 0 ? last + 1 : 0;
    return 1;
}

rcr_status rcr_torch_tensor(rcr_torch_view *out, rcr_torch_file *file, const rcr_py *tensor, const char *name,
                            rcr_error *err) {
    const rcr_py *storage = tensor->as.tensor.storage;
    uint64_t count, end, room = (uint64_t)storage->as.storage.count;
    uint64_t first = (uint64_t)storage->as.storage.offset + (uint64_t)tensor->as.tensor.offset; /* < 2^64 */
    if (!measure(&count, &end, tensor) || first > room || end > room - first)
        return rcr_fail(err, RCR_ERR_PARSE, "the tensor \"%.64s\" reaches outside its storage of %llu elements", name,
                        (unsigned long long)room);
    if (count > room)
        return rcr_fail(err, RCR_ERR_PARSE, "the tensor \"%.64s\" has more elements than its storage: they overlap",
                        name);
    place *from = find_place(file, storage->as.storage.key, storage->as.storage.key_length);
    if (from->data == NULL && file->archive != NULL) {
        rcr_status status = read_member(from, file, err);
        if (status != RCR_OK) return status;
    }
    if (from->data == NULL)
        return rcr_fail(err, RCR_ERR_PARSE, "the file lacks the elements of the tensor \"%.64s\"", name);
    *out = (rcr_torch_view){.data = from->data,
                            .type = storage->as.storage.type,
                            .rank = tensor->as.tensor.rank,
                            .offset = (int64_t)first,
                            .count = (size_t)count};
    memcpy(out->shape, tensor->as.tensor.shape, sizeof out->shape);
    memcpy(out->stride, tensor->as.tensor.stride, sizeof out->stride);
    return RCR_OK;
}

double rcr_torch_value(const rcr_torch_view *view, size_t i) {
    uint64_t at = (uint64_t)view->offset, rest = i;
    for (int32_t d = view->rank - 1; d >= 0; d--) {
        uint64_t extent = (uint64_t)view->shape[d];
        at += rest % extent * (uint64_t)view->stride[d];
        rest /= extent;
    }
    return rcr_torch_element(view->type, view->data + at * rcr_torch_size(view->type));
}

int rcr_torch_out_of_memory(const rcr_torch_file *file) { return file->out_of_memory; }

int rcr_torch_number(double *out, rcr_torch_file *file, const rcr_py *value) {
    if (value == NULL) return 0;
    if (value->kind != RCR_PY_TENSOR) return rcr_py_number(out, value);
    rcr_torch_view view;
    rcr_status status = rcr_torch_tensor(&view, file, value, "", NULL);
    file->out_of_memory |= status == RCR_ERR_MEMORY;
    if (status != RCR_OK || view.count != 1) return 0;
    *out = rcr_torch_value(&view, 0);
    return 1;
}
