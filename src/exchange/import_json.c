/* Python values as JSON, for a model's metadata. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/status.h"
#include "exchange/import.h"

/* Values may hold themselves, or each other many times over: these bounds keep what comes out small. */
enum { MAX_DEPTH = 8, MAX_NODES = 2000, MAX_TEXT = 1000 };

typedef struct walk {
    int n_nodes, failed; /* failed: no memory */
} walk;

static json_t *convert(walk *w, const rcr_py *value, int depth);

/* A text that is not UTF-8, or has a NUL, becomes null. */
static json_t *convert_text(walk *w, const rcr_py *value) {
    size_t length = value->as.text.length;
    json_t *text = NULL;
    if (length <= MAX_TEXT && memchr(value->as.text.data, '\0', length) == NULL)
        text = json_stringn(value->as.text.data, length);
    if (text == NULL && length <= MAX_TEXT) {
        char copy[MAX_TEXT + 1];
        memcpy(copy, value->as.text.data, length);
        copy[length] = '\0';
        w->failed |= strlen(copy) == length && rcr_is_utf8(copy);
    }
    return text != NULL ? text : json_null();
}

static json_t *convert_list(walk *w, const rcr_py *value, int depth) {
    json_t *array = json_array();
    w->failed |= array == NULL;
    for (size_t i = 0; i < value->as.items.n && w->n_nodes < MAX_NODES; i++)
        w->failed |= json_array_append_new(array, convert(w, value->as.items.item[i], depth + 1)) != 0;
    return array;
}

static json_t *convert_dict(walk *w, const rcr_py *value, int depth) {
    json_t *object = json_object();
    w->failed |= object == NULL;
    for (size_t i = 0; i + 1 < value->as.items.n && w->n_nodes < MAX_NODES; i += 2) {
        json_t *key = value->as.items.item[i]->kind == RCR_PY_TEXT ? convert_text(w, value->as.items.item[i]) : NULL;
        if (json_is_string(key))
            w->failed |= json_object_set_new(object, json_string_value(key),
                                             convert(w, value->as.items.item[i + 1], depth + 1)) != 0;
        json_decref(key);
    }
    return object;
}

static json_t *convert(walk *w, const rcr_py *value, int depth) {
    w->n_nodes++;
    switch (value->kind) {
    case RCR_PY_BOOL: return json_boolean(value->as.integer);
    case RCR_PY_INT: return json_integer((json_int_t)value->as.integer);
    case RCR_PY_FLOAT: return isfinite(value->as.real) ? json_real(value->as.real) : json_null();
    case RCR_PY_TEXT: return convert_text(w, value);
    case RCR_PY_TUPLE:
    case RCR_PY_LIST: return depth < MAX_DEPTH ? convert_list(w, value, depth) : json_null();
    case RCR_PY_DICT: return depth < MAX_DEPTH ? convert_dict(w, value, depth) : json_null();
    default: return json_null();
    }
}

rcr_status rcr_py_json(char **out, const rcr_py *value, rcr_error *err) {
    walk w = {0};
    json_t *json = convert(&w, value, 0);
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    size_t n = json != NULL && !w.failed ? json_dumpb(json, NULL, 0, flags) : 0;
    char *text = n > 0 ? rcr_malloc(n + 1, 1) : NULL;
    int dumped = text != NULL && json_dumpb(json, text, n, flags) == n;
    json_decref(json);
    if (!dumped) {
        rcr_free(text);
        return rcr_fail_memory(err, "reading a checkpoint");
    }
    text[n] = '\0';
    *out = text;
    return RCR_OK;
}
