#include "graph/store_check.h"

#include <string.h>

#include "base/status.h"

#define MAGIC 0xbeefc0deu
#define NO_PAGE UINT64_MAX
enum {
    FORMAT_VERSION = 1,
    PAGE_HEADER = 16,
    NODE_HEADER = 8,
    MAX_DEPTH = 32,
    MAX_KEY = 511,
    FLAG_BRANCH = 1,
    FLAG_LEAF = 2,
    FLAG_OVERFLOW = 4,
    FLAG_META = 8,
    NODE_BIG = 1,  /* the value stands in overflow pages */
    FREE_FLAGS = 8 /* keys are numbers */
};
/* Kept with the flags of the free pages' tree: how the file was opened when it was made (MDB_NOSUBDIR). */
#define OPEN_FLAGS 0x4000u

typedef struct tree {
    uint16_t flags, depth;
    uint64_t root;
} tree;

typedef struct walk {
    const uint8_t *file;
    uint64_t page_size, n_pages; /* whole pages in the file */
    uint64_t last_page, budget;  /* pages that may still be visited: a tree has no page twice */
    int free_tree;
    rcr_error *err;
} walk;

static uint16_t get16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}
static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}
static uint64_t get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static rcr_status damaged(rcr_error *err, const char *what) {
    return rcr_fail(err, RCR_ERR_PARSE, "the store is damaged or cut off (%s); prepare it again", what);
}

/* A page that lies inside the file, with its own number in it. */
static const uint8_t *page_at(const walk *w, uint64_t number) {
    if (number < 2 || number >= w->n_pages || number > w->last_page) return NULL;
    const uint8_t *page = w->file + number * w->page_size;
    return get64(page) == number ? page : NULL;
}

/* The list of a transaction's free pages: a count, then so many page numbers. */
static int free_list_ok(const walk *w, const uint8_t *data, uint64_t size) {
    if (size < 8 || size % 8 != 0 || get64(data) > size / 8 - 1) return 0;
    uint64_t n = get64(data);
    for (uint64_t i = 1; i <= n; i++) {
        uint64_t page = get64(data + 8 * i);
        if (page < 2 || page > w->last_page || (i > 1 && page >= get64(data + 8 * (i - 1)))) return 0;
    }
    return 1;
}

static rcr_status check_value(walk *w, const uint8_t *node, uint64_t room) {
    uint32_t size = get16(node) | (uint32_t)get16(node + 2) << 16;
    uint16_t flags = get16(node + 4), key_size = get16(node + 6);
    const uint8_t *data = node + NODE_HEADER + key_size;
    if (flags != 0 && flags != NODE_BIG) return damaged(w->err, "a value of a kind that no store has");
    if (w->free_tree && key_size != 8) return damaged(w->err, "its list of free pages");
    if ((flags == NODE_BIG ? 8 : (uint64_t)size) > room - NODE_HEADER - key_size)
        return damaged(w->err, "a value longer than its page");
    if (flags == NODE_BIG) {
        uint64_t number = get64(data);
        const uint8_t *page = page_at(w, number);
        if (page == NULL || get16(page + 10) != FLAG_OVERFLOW) return damaged(w->err, "a value that is not there");
        uint64_t pages = get32(page + 12), rest = w->n_pages - number;
        if (pages == 0 || pages > rest || pages > w->last_page - number + 1 ||
            size > pages * w->page_size - PAGE_HEADER)
            return damaged(w->err, "a value that goes past the end");
        data = page + PAGE_HEADER;
    }
    if (w->free_tree && !free_list_ok(w, data, size)) return damaged(w->err, "its list of free pages");
    return RCR_OK;
}

/* `depth` levels remain, this page's included. */
static rcr_status check_page(walk *w, uint64_t number, int depth) {
    const uint8_t *page = page_at(w, number);
    if (page == NULL || w->budget-- == 0) return damaged(w->err, "a page that is not there");
    uint16_t flags = get16(page + 10), lower = get16(page + 12), upper = get16(page + 14);
    if (flags != (depth > 1 ? FLAG_BRANCH : FLAG_LEAF)) return damaged(w->err, "a page of the wrong kind");
    if (lower < PAGE_HEADER || lower > upper || upper > w->page_size || lower % 2 != 0)
        return damaged(w->err, "a page whose bounds are impossible");
    int n = (lower - PAGE_HEADER) / 2;
    if (n < 1) return damaged(w->err, "an empty page");
    for (int i = 0; i < n; i++) {
        uint16_t at = get16(page + PAGE_HEADER + 2 * i);
        if (at < upper || at % 2 != 0 || (uint64_t)at + NODE_HEADER > w->page_size)
            return damaged(w->err, "an entry outside its page");
        const uint8_t *node = page + at;
        uint64_t room = w->page_size - at;
        uint16_t key_size = get16(node + 6);
        if (key_size > MAX_KEY || NODE_HEADER + (uint64_t)key_size > room)
            return damaged(w->err, "a key outside its page");
        /* The first key of a branch stands for everything below the second, and may be empty. */
        if (w->free_tree && key_size != 8 && !(depth > 1 && i == 0)) return damaged(w->err, "its list of free pages");
        uint64_t child = get16(node) | (uint64_t)get16(node + 2) << 16 | (uint64_t)get16(node + 4) << 32;
        rcr_status status = depth > 1 ? check_page(w, child, depth - 1) : check_value(w, node, room);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

static tree tree_at(const uint8_t *at) { return (tree){get16(at + 4), get16(at + 6), get64(at + 40)}; }

static rcr_status check_tree(walk *w, const tree *t) {
    if (t->root == NO_PAGE) return t->depth == 0 ? RCR_OK : damaged(w->err, "a tree without a root");
    if (t->depth < 1 || t->depth > MAX_DEPTH) return damaged(w->err, "a tree of impossible depth");
    return check_page(w, t->root, t->depth);
}

int rcr_lmdb_is(const uint8_t head[RCR_LMDB_HEAD_BYTES]) {
    return get16(head + 10) == FLAG_META && get32(head + PAGE_HEADER) == MAGIC;
}

/* The meta page that LMDB goes by: the one of the later transaction. */
static rcr_status find_meta(const uint8_t **out, uint64_t *page_size, const uint8_t *file, uint64_t size,
                            rcr_error *err) {
    enum { META_BYTES = 136 };
    const uint16_t one = 1;
    if (*(const uint8_t *)&one != 1 || sizeof(void *) != 8)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "graph stores need a 64-bit little-endian machine");
    if (size < PAGE_HEADER + META_BYTES) return damaged(err, "it has no head");
    *page_size = get32(file + PAGE_HEADER + 24);
    if (*page_size < 4096 || *page_size > 32768 || (*page_size & (*page_size - 1)) != 0)
        return damaged(err, "its page size is impossible");
    if (size / *page_size < 2) return damaged(err, "it has no head");
    const uint8_t *meta[2] = {file + PAGE_HEADER, file + *page_size + PAGE_HEADER};
    for (int i = 0; i < 2; i++) {
        if ((get16(meta[i] - PAGE_HEADER + 10) & FLAG_META) == 0 || get32(meta[i]) != MAGIC)
            return damaged(err, "its head");
        if (get32(meta[i] + 4) != FORMAT_VERSION)
            return rcr_fail(err, RCR_ERR_UNSUPPORTED, "an LMDB file of version %lu; version %d is known",
                            (unsigned long)get32(meta[i] + 4), FORMAT_VERSION);
        if (get32(meta[i] + 24) != *page_size) return damaged(err, "its heads differ");
    }
    *out = get64(meta[0] + 128) < get64(meta[1] + 128) ? meta[1] : meta[0];
    return RCR_OK;
}

rcr_status rcr_lmdb_check(const uint8_t *file, uint64_t size, rcr_error *err) {
    const uint8_t *meta = NULL;
    uint64_t page_size = 1;
    rcr_status status = find_meta(&meta, &page_size, file, size, err);
    if (status != RCR_OK) return status;
    uint64_t n_pages = size / page_size, last_page = get64(meta + 120);
    tree free_pages = tree_at(meta + 24), entries = tree_at(meta + 72);
    if (last_page < 1 || last_page > (UINT64_C(1) << 47) / page_size) return damaged(err, "its number of pages");
    if ((free_pages.flags & ~OPEN_FLAGS) != FREE_FLAGS || entries.flags != 0)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "this is an LMDB file of another program");
    walk w = {.file = file,
              .page_size = page_size,
              .n_pages = n_pages,
              .last_page = last_page,
              .budget = n_pages,
              .free_tree = 1,
              .err = err};
    status = check_tree(&w, &free_pages);
    w.free_tree = 0;
    if (status == RCR_OK) status = check_tree(&w, &entries);
    return status;
}
