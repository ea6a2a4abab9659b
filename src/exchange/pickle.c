/* The pickle machine: reading instructions, the stack, the memo. */
#include "exchange/pickle_private.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"

#define MAX_PICKLE_BYTES ((size_t)16 << 20)
enum { MAX_INSTRUCTIONS = 4000000, MAX_VALUES = 1000000, MAX_ITEMS = 4000000, BLOCK_BYTES = 1 << 14, ALIGNMENT = 16 };

/* ---- memory */

struct rcr_block {
    rcr_block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char data[];
};

void *rcr_pickle_take(rcr_pickle *p, size_t size) {
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (p->block == NULL || p->block->size - p->block->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        rcr_block *block = rcr_malloc(sizeof *block + room, 1);
        if (block == NULL) {
            rcr_fail_memory(p->err, "reading a pickle");
            return NULL;
        }
        *block = (rcr_block){.next = p->block, .size = room};
        p->block = block;
    }
    void *memory = p->block->data + p->block->used;
    p->block->used += size;
    return memory;
}

rcr_status rcr_pickle_bad(rcr_pickle *p, const char *what) {
    return rcr_fail(p->err, RCR_ERR_PARSE, "the pickle is damaged at byte %zu: %s", p->at, what);
}

rcr_py *rcr_pickle_new(rcr_pickle *p, rcr_py_kind kind) {
    if (++p->n_values > MAX_VALUES) {
        rcr_fail(p->err, RCR_ERR_LIMIT, "the pickle holds more than %d values", MAX_VALUES);
        return NULL;
    }
    rcr_py *value = rcr_pickle_take(p, sizeof *value);
    if (value == NULL) return NULL;
    memset(value, 0, sizeof *value);
    value->kind = kind;
    return value;
}

rcr_status rcr_pickle_no_value(const rcr_pickle *p) {
    return p->n_values > MAX_VALUES ? RCR_ERR_LIMIT : RCR_ERR_MEMORY;
}

static rcr_status list_append(rcr_pickle *p, rcr_py_list *list, rcr_py *value) {
    if (list->n == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 256;
        rcr_py **grown = rcr_realloc(list->item, capacity, sizeof *grown);
        if (grown == NULL) return rcr_fail_memory(p->err, "reading a pickle");
        list->item = grown;
        list->capacity = capacity;
    }
    list->item[list->n++] = value;
    return RCR_OK;
}

rcr_status rcr_pickle_push(rcr_pickle *p, rcr_py *value) { return list_append(p, &p->stack, value); }

/* A container's items move to twice the room when they are full; what they leave is lost until the end, which at most
 * doubles the memory. */
rcr_status rcr_pickle_append(rcr_pickle *p, rcr_py *to, rcr_py *item) {
    /* One instruction may copy all items that a container has: an object that is its own state doubles. */
    if (++p->n_items > MAX_ITEMS)
        return rcr_fail(p->err, RCR_ERR_LIMIT, "the pickle's containers hold more than %d items", MAX_ITEMS);
    if (to->as.items.n == to->as.items.capacity) {
        size_t capacity = to->as.items.capacity > 0 ? 2 * to->as.items.capacity : 4;
        rcr_py **moved = rcr_pickle_take(p, capacity * sizeof *moved);
        if (moved == NULL) return RCR_ERR_MEMORY;
        if (to->as.items.n > 0) memcpy(moved, to->as.items.item, to->as.items.n * sizeof *moved);
        to->as.items.item = moved;
        to->as.items.capacity = capacity;
    }
    to->as.items.item[to->as.items.n++] = item;
    return RCR_OK;
}

/* ---- operands */

/* n bytes of operand; NULL when the pickle ends before. */
static const unsigned char *take_bytes(rcr_pickle *p, uint64_t n) {
    if (n > p->length - p->at) {
        rcr_pickle_bad(p, "it ends within a value (truncated?)");
        return NULL;
    }
    const unsigned char *bytes = p->bytes + p->at;
    p->at += (size_t)n;
    return bytes;
}

/* An unsigned little-endian number of n bytes. */
static rcr_status take_number(uint64_t *out, rcr_pickle *p, int n) {
    const unsigned char *bytes = take_bytes(p, (uint64_t)n);
    if (bytes == NULL) return RCR_ERR_PARSE;
    *out = 0;
    for (int i = 0; i < n; i++) *out |= (uint64_t)bytes[i] << (8 * i);
    return RCR_OK;
}

static rcr_status push_integer(rcr_pickle *p, rcr_py_kind kind, int64_t integer) {
    rcr_py *value = rcr_pickle_new(p, kind);
    if (value == NULL) return rcr_pickle_no_value(p);
    value->as.integer = integer;
    return rcr_pickle_push(p, value);
}

/* An unsigned integer of n bytes; for n = 4 a signed one. */
static rcr_status push_fixed(rcr_pickle *p, int n) {
    uint64_t number;
    rcr_status status = take_number(&number, p, n);
    if (status != RCR_OK) return status;
    return push_integer(p, RCR_PY_INT, n == 4 ? (int64_t)(int32_t)(uint32_t)number : (int64_t)number);
}

/* A two's complement integer whose length stands before it in n bytes. */
static rcr_status push_long(rcr_pickle *p, int n) {
    uint64_t length;
    rcr_status status = take_number(&length, p, n);
    if (status != RCR_OK) return status;
    const unsigned char *bytes = take_bytes(p, length);
    if (bytes == NULL) return RCR_ERR_PARSE;
    if (length > 8) {
        rcr_py *value = rcr_pickle_new(p, RCR_PY_LONG);
        if (value == NULL) return rcr_pickle_no_value(p);
        value->as.text.data = (const char *)bytes;
        value->as.text.length = (size_t)length;
        return rcr_pickle_push(p, value);
    }
    uint64_t bits = length > 0 && (bytes[length - 1] & 0x80) != 0 ? UINT64_MAX : 0;
    for (uint64_t i = 0; i < length; i++) bits = (bits & ~((uint64_t)0xff << (8 * i))) | (uint64_t)bytes[i] << (8 * i);
    int64_t integer;
    memcpy(&integer, &bits, sizeof integer);
    return push_integer(p, RCR_PY_INT, integer);
}

static rcr_status push_float(rcr_pickle *p) {
    const unsigned char *bytes = take_bytes(p, 8);
    rcr_py *value = bytes != NULL ? rcr_pickle_new(p, RCR_PY_FLOAT) : NULL;
    if (value == NULL) return bytes == NULL ? RCR_ERR_PARSE : rcr_pickle_no_value(p);
    uint64_t bits = 0; /* big-endian, unlike everything else */
    for (int i = 0; i < 8; i++) bits = bits << 8 | bytes[i];
    memcpy(&value->as.real, &bits, sizeof bits);
    return rcr_pickle_push(p, value);
}

/* Text or bytes whose length stands before them in n bytes. */
static rcr_status push_text(rcr_pickle *p, rcr_py_kind kind, int n) {
    uint64_t length;
    rcr_status status = take_number(&length, p, n);
    if (status != RCR_OK) return status;
    const unsigned char *bytes = take_bytes(p, length);
    if (bytes == NULL) return RCR_ERR_PARSE;
    rcr_py *value = rcr_pickle_new(p, kind);
    if (value == NULL) return rcr_pickle_no_value(p);
    value->as.text.data = (const char *)bytes;
    value->as.text.length = (size_t)length;
    return rcr_pickle_push(p, value);
}

/* ---- the stack */

/* The lowest height that an instruction may take values from: what lies below the last mark is out of reach. */
static size_t floor_of(const rcr_pickle *p) { return p->n_marks > 0 ? p->mark[p->n_marks - 1] : 0; }

/* Check that n values lie there. */
static rcr_status need(rcr_pickle *p, size_t n) {
    return p->stack.n - floor_of(p) >= n ? RCR_OK : rcr_pickle_bad(p, "an instruction finds too few values");
}

static rcr_py *top(const rcr_pickle *p, size_t from_top) { return p->stack.item[p->stack.n - 1 - from_top]; }

static rcr_status set_mark(rcr_pickle *p) {
    if (p->n_marks == p->mark_capacity) {
        size_t capacity = p->mark_capacity > 0 ? 2 * p->mark_capacity : 64;
        size_t *grown = rcr_realloc(p->mark, capacity, sizeof *grown);
        if (grown == NULL) return rcr_fail_memory(p->err, "reading a pickle");
        p->mark = grown;
        p->mark_capacity = capacity;
    }
    p->mark[p->n_marks++] = p->stack.n;
    return RCR_OK;
}

/* Take the last mark away; *first: the height it stood at. */
static rcr_status pop_mark(size_t *first, rcr_pickle *p) {
    if (p->n_marks == 0) return rcr_pickle_bad(p, "an instruction finds no mark");
    *first = p->mark[--p->n_marks];
    return RCR_OK;
}

/* Make a container of the values from height `first` on, in their place. */
static rcr_status gather(rcr_pickle *p, rcr_py_kind kind, size_t first) {
    if (kind == RCR_PY_DICT && (p->stack.n - first) % 2 != 0) return rcr_pickle_bad(p, "a key without a value");
    rcr_py *value = rcr_pickle_new(p, kind);
    if (value == NULL) return rcr_pickle_no_value(p);
    for (size_t i = first; i < p->stack.n; i++) {
        rcr_status status = rcr_pickle_append(p, value, p->stack.item[i]);
        if (status != RCR_OK) return status;
    }
    p->stack.n = first;
    return rcr_pickle_push(p, value);
}

static rcr_status gather_marked(rcr_pickle *p, rcr_py_kind kind) {
    size_t first = 0;
    rcr_status status = pop_mark(&first, p);
    return status == RCR_OK ? gather(p, kind, first) : status;
}

static rcr_status gather_last(rcr_pickle *p, size_t n) {
    rcr_status status = need(p, n);
    return status == RCR_OK ? gather(p, RCR_PY_TUPLE, p->stack.n - n) : status;
}

/* Append the values from height `first` on to the container below them. */
static rcr_status extend(rcr_pickle *p, rcr_py_kind kind, size_t first) {
    if (first <= floor_of(p)) return rcr_pickle_bad(p, "items without a container");
    rcr_py *to = p->stack.item[first - 1];
    if (to->kind != kind) return rcr_pickle_bad(p, "items are added to a value that holds none");
    if (kind == RCR_PY_DICT && (p->stack.n - first) % 2 != 0) return rcr_pickle_bad(p, "a key without a value");
    for (size_t i = first; i < p->stack.n; i++) {
        rcr_status status = rcr_pickle_append(p, to, p->stack.item[i]);
        if (status != RCR_OK) return status;
    }
    p->stack.n = first;
    return RCR_OK;
}

static rcr_status extend_last(rcr_pickle *p, rcr_py_kind kind, size_t n) {
    rcr_status status = need(p, n + 1);
    return status == RCR_OK ? extend(p, kind, p->stack.n - n) : status;
}

static rcr_status extend_marked(rcr_pickle *p, rcr_py_kind kind) {
    size_t first = 0;
    rcr_status status = pop_mark(&first, p);
    return status == RCR_OK ? extend(p, kind, first) : status;
}

static rcr_status pop(rcr_pickle *p) {
    if (p->n_marks > 0 && p->mark[p->n_marks - 1] == p->stack.n) {
        p->n_marks--;
        return RCR_OK;
    }
    rcr_status status = need(p, 1);
    if (status == RCR_OK) p->stack.n--;
    return status;
}

/* ---- the memo */

/* Picklers number their memo from 0 on, so a number past the pickle's length is none of theirs. */
static rcr_status memo_put(rcr_pickle *p, uint64_t index) {
    rcr_status status = need(p, 1);
    if (status != RCR_OK) return status;
    if (index >= p->length) return rcr_pickle_bad(p, "a place in the memo that no pickler would take");
    while (status == RCR_OK && p->memo.n <= index) status = list_append(p, &p->memo, NULL);
    if (status == RCR_OK) p->memo.item[index] = top(p, 0);
    return status;
}

static rcr_status memo_get(rcr_pickle *p, uint64_t index) {
    if (index >= p->memo.n || p->memo.item[index] == NULL)
        return rcr_pickle_bad(p, "it refers to a value that was not kept");
    return rcr_pickle_push(p, p->memo.item[index]);
}

static rcr_status memo_numbered(rcr_pickle *p, int n, rcr_status (*action)(rcr_pickle *, uint64_t)) {
    uint64_t index;
    rcr_status status = take_number(&index, p, n);
    return status == RCR_OK ? action(p, index) : status;
}

/* ---- names and objects */

/* A line of at most 1024 characters, without its end. */
static rcr_status take_line(const char **line, size_t *length, rcr_pickle *p) {
    const unsigned char *from = p->bytes + p->at;
    size_t room = p->length - p->at < 1024 ? p->length - p->at : 1024;
    const unsigned char *end = room > 0 ? memchr(from, '\n', room) : NULL;
    if (end == NULL) return rcr_pickle_bad(p, "a name without an end");
    *line = (const char *)from;
    *length = (size_t)(end - from);
    p->at += *length + 1;
    return RCR_OK;
}

static rcr_status push_global(rcr_pickle *p, const char *module, size_t module_length, const char *name,
                              size_t name_length) {
    rcr_py *value = NULL;
    rcr_status status = rcr_pickle_global(&value, p, module, module_length, name, name_length);
    return status == RCR_OK ? rcr_pickle_push(p, value) : status;
}

static rcr_status do_global(rcr_pickle *p) {
    const char *module = NULL, *name = NULL;
    size_t module_length = 0, name_length = 0;
    rcr_status status = take_line(&module, &module_length, p);
    if (status == RCR_OK) status = take_line(&name, &name_length, p);
    return status == RCR_OK ? push_global(p, module, module_length, name, name_length) : status;
}

static rcr_status do_stack_global(rcr_pickle *p) {
    rcr_status status = need(p, 2);
    if (status != RCR_OK) return status;
    const rcr_py *module = top(p, 1), *name = top(p, 0);
    if (module->kind != RCR_PY_TEXT || name->kind != RCR_PY_TEXT) return rcr_pickle_bad(p, "a name that is no text");
    p->stack.n -= 2;
    return push_global(p, module->as.text.data, module->as.text.length, name->as.text.data, name->as.text.length);
}

static rcr_status do_call(rcr_pickle *p) {
    rcr_status status = need(p, 2);
    if (status != RCR_OK) return status;
    const rcr_py *callable = top(p, 1), *args = top(p, 0);
    if (args->kind != RCR_PY_TUPLE) return rcr_pickle_bad(p, "arguments that are no tuple");
    rcr_py *value = NULL;
    status = rcr_pickle_call(&value, p, callable, args);
    if (status != RCR_OK) return status;
    p->stack.n -= 2;
    return rcr_pickle_push(p, value);
}

static rcr_status do_build(rcr_pickle *p) {
    rcr_status status = need(p, 2);
    if (status == RCR_OK) status = rcr_pickle_build(p, top(p, 1), top(p, 0));
    if (status == RCR_OK) p->stack.n--;
    return status;
}

static rcr_status do_persistent(rcr_pickle *p) {
    rcr_status status = need(p, 1);
    rcr_py *value = NULL;
    if (status == RCR_OK) status = rcr_pickle_persistent(&value, p, top(p, 0));
    if (status == RCR_OK) status = list_append(p, &p->storages, value);
    if (status != RCR_OK) return status;
    p->stack.n--;
    return rcr_pickle_push(p, value);
}

/* ---- instructions, by the letters that pickletools gives */

static rcr_status refuse(rcr_pickle *p, unsigned char code) {
    return rcr_fail(p->err, RCR_ERR_UNSUPPORTED,
                    "the pickle uses instruction 0x%02x at byte %zu, which no checkpoint of CGCNN needs", code,
                    p->at - 1);
}

static rcr_status do_object(rcr_pickle *p, unsigned char code) {
    size_t first = 0;
    rcr_status status;
    switch (code) {
    case 'q': return memo_numbered(p, 1, memo_put); /* BINPUT */
    case 'r': return memo_numbered(p, 4, memo_put); /* LONG_BINPUT */
    case 0x94: return memo_put(p, p->memo.n);       /* MEMOIZE */
    case 'h': return memo_numbered(p, 1, memo_get); /* BINGET */
    case 'j': return memo_numbered(p, 4, memo_get); /* LONG_BINGET */
    case 'c': return do_global(p);                  /* GLOBAL */
    case 0x93: return do_stack_global(p);           /* STACK_GLOBAL */
    case 'R': return do_call(p);                    /* REDUCE */
    case 0x81: return do_call(p);                   /* NEWOBJ: class and arguments instead of function */
    case 'b': return do_build(p);                   /* BUILD */
    case 'Q': return do_persistent(p);              /* BINPERSID */
    case '(': return set_mark(p);                   /* MARK */
    case '0': return pop(p);                        /* POP */
    case '1':                                       /* POP_MARK */
        status = pop_mark(&first, p);
        if (status == RCR_OK) p->stack.n = first;
        return status;
    }
    return refuse(p, code);
}

static rcr_status do_container(rcr_pickle *p, unsigned char code) {
    switch (code) {
    case ')': return gather(p, RCR_PY_TUPLE, p->stack.n); /* EMPTY_TUPLE */
    case 0x85: return gather_last(p, 1);                  /* TUPLE1 */
    case 0x86: return gather_last(p, 2);                  /* TUPLE2 */
    case 0x87: return gather_last(p, 3);                  /* TUPLE3 */
    case 't': return gather_marked(p, RCR_PY_TUPLE);      /* TUPLE */
    case ']': return gather(p, RCR_PY_LIST, p->stack.n);  /* EMPTY_LIST */
    case 'l': return gather_marked(p, RCR_PY_LIST);       /* LIST */
    case 'a': return extend_last(p, RCR_PY_LIST, 1);      /* APPEND */
    case 'e': return extend_marked(p, RCR_PY_LIST);       /* APPENDS */
    case '}': return gather(p, RCR_PY_DICT, p->stack.n);  /* EMPTY_DICT */
    case 'd': return gather_marked(p, RCR_PY_DICT);       /* DICT */
    case 's': return extend_last(p, RCR_PY_DICT, 2);      /* SETITEM */
    case 'u': return extend_marked(p, RCR_PY_DICT);       /* SETITEMS */
    }
    return do_object(p, code);
}

static rcr_status do_frame(rcr_pickle *p) {
    uint64_t length;
    rcr_status status = take_number(&length, p, 8);
    if (status == RCR_OK && length > p->length - p->at) status = rcr_pickle_bad(p, "a frame that goes past its end");
    return status;
}

static rcr_status do_scalar(rcr_pickle *p, unsigned char code) {
    switch (code) {
    case 'N': return push_integer(p, RCR_PY_NONE, 0);  /* NONE */
    case 0x88: return push_integer(p, RCR_PY_BOOL, 1); /* NEWTRUE */
    case 0x89: return push_integer(p, RCR_PY_BOOL, 0); /* NEWFALSE */
    case 'K': return push_fixed(p, 1);                 /* BININT1 */
    case 'M': return push_fixed(p, 2);                 /* BININT2 */
    case 'J': return push_fixed(p, 4);                 /* BININT */
    case 0x8a: return push_long(p, 1);                 /* LONG1 */
    case 0x8b: return push_long(p, 4);                 /* LONG4 */
    case 'G': return push_float(p);                    /* BINFLOAT */
    case 0x8c: return push_text(p, RCR_PY_TEXT, 1);    /* SHORT_BINUNICODE */
    case 'X': return push_text(p, RCR_PY_TEXT, 4);     /* BINUNICODE */
    case 0x8d: return push_text(p, RCR_PY_TEXT, 8);    /* BINUNICODE8 */
    case 'U': return push_text(p, RCR_PY_TEXT, 1);     /* SHORT_BINSTRING, text of Python 2 */
    case 'T': return push_text(p, RCR_PY_TEXT, 4);     /* BINSTRING */
    case 'C': return push_text(p, RCR_PY_BYTES, 1);    /* SHORT_BINBYTES */
    case 'B': return push_text(p, RCR_PY_BYTES, 4);    /* BINBYTES */
    case 0x8e: return push_text(p, RCR_PY_BYTES, 8);   /* BINBYTES8 */
    case 0x95: return do_frame(p);                     /* FRAME: read in one piece anyway */
    }
    return do_container(p, code);
}

static rcr_status check_protocol(rcr_pickle *p) {
    const unsigned char *head = take_bytes(p, 2);
    if (head == NULL) return RCR_ERR_PARSE;
    if (head[0] != 0x80) return rcr_fail(p->err, RCR_ERR_PARSE, "not a pickle of protocol 2 to 5");
    if (head[1] < 2 || head[1] > 5)
        return rcr_fail(p->err, RCR_ERR_UNSUPPORTED, "a pickle of protocol %d; protocols 2 to 5 are known", head[1]);
    return RCR_OK;
}

static rcr_status run(rcr_pickle *p) {
    rcr_status status = check_protocol(p);
    while (status == RCR_OK) {
        const unsigned char *code = take_bytes(p, 1);
        if (code == NULL) return RCR_ERR_PARSE;
        if (++p->n_instructions > MAX_INSTRUCTIONS)
            return rcr_fail(p->err, RCR_ERR_LIMIT, "the pickle has more than %d instructions", MAX_INSTRUCTIONS);
        if (*code == '.') { /* STOP */
            if (p->stack.n != 1 || p->n_marks > 0) return rcr_pickle_bad(p, "it does not end with one value");
            p->root = p->stack.item[0];
            return RCR_OK;
        }
        status = do_scalar(p, *code);
    }
    return status;
}

rcr_status rcr_pickle_parse(rcr_pickle **out, size_t *consumed, const void *bytes, size_t length, rcr_error *err) {
    rcr_pickle *p = rcr_calloc(1, sizeof *p);
    if (p == NULL) return rcr_fail_memory(err, "reading a pickle");
    p->bytes = bytes;
    p->length = length < MAX_PICKLE_BYTES ? length : MAX_PICKLE_BYTES;
    p->err = err;
    rcr_status status = run(p);
    if (status == RCR_ERR_PARSE && p->length < length && p->length - p->at < 1024)
        status = rcr_fail(err, RCR_ERR_LIMIT, "the pickle has more than %zu MiB", MAX_PICKLE_BYTES >> 20);
    p->err = NULL;
    if (status != RCR_OK) {
        rcr_pickle_free(p);
        return status;
    }
    if (consumed != NULL) *consumed = p->at;
    *out = p;
    return RCR_OK;
}

void rcr_pickle_free(rcr_pickle *pickle) {
    if (pickle == NULL) return;
    for (rcr_block *block = pickle->block; block != NULL;) {
        rcr_block *next = block->next;
        rcr_free(block);
        block = next;
    }
    rcr_free(pickle->stack.item);
    rcr_free(pickle->memo.item);
    rcr_free(pickle->storages.item);
    rcr_free(pickle->mark);
    rcr_free(pickle);
}

const rcr_py *rcr_pickle_root(const rcr_pickle *pickle) { return pickle->root; }

rcr_py *const *rcr_pickle_storages(const rcr_pickle *pickle, size_t *n) {
    *n = pickle->storages.n;
    return pickle->storages.item;
}

int rcr_py_is_text(const rcr_py *value, const char *text) {
    size_t length = strlen(text);
    return value != NULL && value->kind == RCR_PY_TEXT && value->as.text.length == length &&
           memcmp(value->as.text.data, text, length) == 0;
}

const rcr_py *rcr_py_get(const rcr_py *dict, const char *key) {
    if (dict == NULL || dict->kind != RCR_PY_DICT) return NULL;
    for (size_t i = dict->as.items.n; i >= 2; i -= 2)
        if (rcr_py_is_text(dict->as.items.item[i - 2], key)) return dict->as.items.item[i - 1];
    return NULL;
}

int rcr_py_number(double *out, const rcr_py *value) {
    if (value == NULL) return 0;
    if (value->kind == RCR_PY_INT || value->kind == RCR_PY_BOOL)
        *out = (double)value->as.integer;
    else if (value->kind == RCR_PY_FLOAT)
        *out = value->as.real;
    else
        return 0;
    return 1;
}
