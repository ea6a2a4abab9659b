/* LMDB files put together by hand, with one number changed at a time: what points, counts or reaches too far is refused
 * with the reason, before LMDB itself sees it. */
#include "support/check.h"

#include "graph/store_check.h"

enum { PAGE = 4096, N_PAGES = 9, META = 16 };

/* Where things lie in the file below. */
enum {
    FREE_LEAF = 2 * PAGE,
    FREE_NODE = FREE_LEAF + 4056, /* key of 8 bytes, then the list: 2, 8, 7 */
    FREE_LIST = FREE_NODE + 16,
    BRANCH = 3 * PAGE,
    FIRST_CHILD = BRANCH + 4088,
    SECOND_CHILD = BRANCH + 4078,
    LEAF = 4 * PAGE,
    NODE = LEAF + 4076, /* "aa", 10 bytes */
    BIG_LEAF = 5 * PAGE,
    BIG_NODE = BIG_LEAF + 4078, /* "zz", 5000 bytes in the pages 6 and 7 */
    BIG = 6 * PAGE,
    TREE_FREE = META + 24,
    TREE = META + 72
};

static void put(uint8_t *at, int bytes, uint64_t value) {
    for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> (8 * i));
}

static void put_page(uint8_t *file, int at, uint64_t flags, uint64_t lower, uint64_t upper) {
    put(file + at, 8, (uint64_t)at / PAGE);
    put(file + at + 10, 2, flags);
    put(file + at + 12, 2, lower);
    put(file + at + 14, 2, upper);
    for (uint64_t i = 0; i < (lower - 16) / 2; i++) put(file + at + 16 + 2 * i, 2, upper);
}

static void put_node(uint8_t *file, int at, uint64_t size, uint64_t flags, uint64_t key_size) {
    put(file + at, 4, size);
    put(file + at + 4, 2, flags);
    put(file + at + 6, 2, key_size);
}

static void put_tree(uint8_t *at, uint64_t flags, uint64_t depth, uint64_t root) {
    put(at + 4, 2, flags);
    put(at + 6, 2, depth);
    put(at + 40, 8, root);
}

static void make(uint8_t file[N_PAGES * PAGE]) {
    memset(file, 0, N_PAGES * PAGE);
    for (int i = 0; i < 2; i++) {
        uint8_t *meta = file + i * PAGE + META;
        put_page(file, i * PAGE, 8, 16, 0);
        put(meta, 4, 0xbeefc0de);
        put(meta + 4, 4, 1);
        put_tree(meta + 24, 8, 1, 2);
        put_tree(meta + 72, 0, 2, 3);
        put(meta + 24, 4, PAGE);
        put(meta + 120, 8, N_PAGES - 1);
        put(meta + 128, 8, (uint64_t)(2 - i)); /* the first counts */
    }
    put_page(file, FREE_LEAF, 2, 18, 4056);
    put_node(file, FREE_NODE, 24, 0, 8);
    put(file + FREE_LIST, 8, 2);
    put(file + FREE_LIST + 8, 8, 8);
    put(file + FREE_LIST + 16, 8, 7);
    put_page(file, BRANCH, 1, 20, 4078);
    put(file + BRANCH + 16, 2, 4088);
    put_node(file, FIRST_CHILD, 4, 0, 0);
    put_node(file, SECOND_CHILD, 5, 0, 2);
    put_page(file, LEAF, 2, 18, 4076);
    put_node(file, NODE, 10, 0, 2);
    put_page(file, BIG_LEAF, 2, 18, 4078);
    put_node(file, BIG_NODE, 5000, 1, 2);
    put(file + BIG_NODE + 10, 8, 6);
    put_page(file, BIG, 4, 16, 0);
    put(file + BIG + 12, 4, 2);
}

/* A number in the file; bytes 0: none. */
typedef struct change {
    int at, bytes;
    uint64_t value;
} change;

typedef struct forged {
    change change[3];
    int n_pages; /* 0: all */
    rcr_status status;
    const char *part;
} forged;

static void check(const forged *f, size_t number) {
    static uint8_t file[N_PAGES * PAGE];
    size_t size = f->n_pages > 0 ? (size_t)f->n_pages * PAGE : sizeof file;
    rcr_error err = {0};
    make(file);
    for (int i = 0; i < 3; i++) put(file + f->change[i].at, f->change[i].bytes, f->change[i].value);
    uint8_t *copy = malloc(size); /* of exactly that size, so that a sanitizer sees a byte too far */
    assert_non_null(copy);
    memcpy(copy, file, size);
    rcr_status got = rcr_lmdb_check(copy, size, &err);
    free(copy);
    if (got != f->status || strstr(err.message, f->part) == NULL)
        fail_msg("case %zu: status %d, not %d; '%s' should have '%s'", number, (int)got, (int)f->status, err.message,
                 f->part);
}

#define BAD(at, bytes, value, part)                                                                                    \
    { {{at, bytes, value}}, 0, RCR_ERR_PARSE, part }
#define BAD2(at, bytes, value, at2, bytes2, value2, part)                                                              \
    { {{at, bytes, value}, {at2, bytes2, value2}}, 0, RCR_ERR_PARSE, part }
#define OK(at, bytes, value)                                                                                           \
    { {{at, bytes, value}}, 0, RCR_OK, "" }
#define OTHER(at, bytes, value, part)                                                                                  \
    { {{at, bytes, value}}, 0, RCR_ERR_UNSUPPORTED, part }

static void what_reaches_too_far_is_refused(void **state) {
    (void)state;
    static const forged cases[] = {
        OK(0, 0, 0),
        /* the head */
        BAD(META, 4, 0xbeefc0df, "its head"),
        BAD(PAGE + META, 4, 0, "its head"),
        OTHER(PAGE + META + 4, 4, 2, "version 2"),
        BAD(META + 24, 4, 2048, "page size"),
        BAD(META + 24, 4, 65536, "page size"),
        BAD(META + 24, 4, 5000, "page size"),
        BAD(PAGE + META + 24, 4, 8192, "heads differ"),
        BAD(META + 120, 8, 0, "number of pages"),
        BAD(META + 120, 8, (UINT64_C(1) << 35) + 1, "number of pages"),
        OTHER(TREE_FREE + 4, 2, 0, "another program"),
        OTHER(TREE + 4, 2, 4, "another program"),
        OK(PAGE + TREE + 40, 8, 1),
        BAD2(PAGE + TREE + 40, 8, 1, PAGE + META + 128, 8, 3, "page that is not there"),
        /* the trees */
        BAD(TREE + 6, 2, 0, "impossible depth"),
        BAD(TREE + 6, 2, 33, "impossible depth"),
        BAD(TREE + 6, 2, 1, "wrong kind"),
        BAD(TREE + 6, 2, 3, "wrong kind"),
        BAD(TREE + 40, 8, UINT64_MAX, "without a root"),
        BAD(TREE + 40, 8, 1, "page that is not there"),
        BAD(TREE + 40, 8, N_PAGES, "page that is not there"),
        BAD(TREE + 40, 8, 8, "page that is not there"), /* which has another number in it */
        BAD(FIRST_CHILD, 2, 9, "page that is not there"),
        BAD(FIRST_CHILD + 4, 2, 1, "page that is not there"),
        BAD(SECOND_CHILD, 2, 3, "wrong kind"),
        BAD2(META + 120, 8, 4, FREE_LIST, 8, 0, "page that is not there"), /* 5 is past the last one */
        /* pages */
        BAD(LEAF + 12, 2, 14, "bounds are impossible"),
        BAD(LEAF + 12, 2, 19, "bounds are impossible"),
        BAD(LEAF + 12, 2, 4078, "bounds are impossible"),
        BAD(LEAF + 14, 2, 4098, "bounds are impossible"),
        BAD(LEAF + 12, 2, 16, "empty page"),
        BAD(LEAF + 16, 2, 4074, "entry outside its page"),
        BAD(LEAF + 16, 2, 4077, "entry outside its page"),
        BAD(LEAF + 16, 2, 4090, "entry outside its page"),
        BAD(BRANCH + 16, 2, 4096, "entry outside its page"),
        /* entries */
        BAD(NODE + 6, 2, 13, "key outside its page"),
        BAD(SECOND_CHILD + 6, 2, 11, "key outside its page"),
        BAD(NODE, 4, 11, "longer than its page"),
        BAD(NODE, 4, 10 + (1 << 16), "longer than its page"),
        BAD(NODE + 4, 2, 2, "kind that no store has"),
        BAD2(NODE + 4, 2, 1, NODE + 6, 2, 5, "longer than its page"), /* no room for the page's number */
        /* values in pages of their own */
        OK(BIG_NODE, 4, 2 * PAGE - 16),
        BAD(BIG_NODE, 4, 2 * PAGE - 15, "past the end"),
        BAD(BIG_NODE + 10, 8, 1, "value that is not there"),
        BAD(BIG_NODE + 10, 8, N_PAGES, "value that is not there"),
        BAD(BIG_NODE + 10, 8, 4, "value that is not there"),
        BAD(BIG + 12, 4, 0, "past the end"),
        OK(BIG + 12, 4, 3),
        BAD(BIG + 12, 4, 4, "past the end"),
        /* the list of free pages */
        OK(FREE_LIST, 8, 1),
        BAD(FREE_LIST, 8, 3, "list of free pages"),
        BAD(FREE_LIST, 8, UINT64_MAX, "list of free pages"),
        BAD(FREE_NODE, 4, 23, "list of free pages"),
        BAD(FREE_NODE, 4, 0, "list of free pages"),
        BAD(FREE_LIST + 16, 8, 8, "list of free pages"),
        BAD(FREE_LIST + 8, 8, 9, "list of free pages"),
        BAD(FREE_LIST + 16, 8, 1, "list of free pages"),
        BAD(FREE_NODE + 6, 2, 7, "list of free pages"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(&cases[i], i);
    /* A file that was cut off. */
    static const forged cut[] = {
        {{{0}}, 8, RCR_OK, ""}, /* the last page is free */
        {{{BIG + 12, 4, 3}}, 8, RCR_ERR_PARSE, "past the end"},
        {{{0}}, 7, RCR_ERR_PARSE, "past the end"},
        {{{0}}, 6, RCR_ERR_PARSE, "value that is not there"},
        {{{0}}, 5, RCR_ERR_PARSE, "page that is not there"},
        {{{0}}, 1, RCR_ERR_PARSE, "no head"},
        /* the last page is the seventh, and a value has one more than there are */
        {{{META + 120, 8, 7}, {FREE_LIST, 8, 0}}, 0, RCR_OK, ""},
        {{{META + 120, 8, 7}, {FREE_LIST, 8, 0}, {BIG + 12, 4, 3}}, 0, RCR_ERR_PARSE, "past the end"},
    };
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) check(&cut[i], 1000 + i);
}

static void put_branch(uint8_t *file, int page, uint64_t child) {
    put_page(file, page * PAGE, 1, 20, 4078);
    put(file + page * PAGE + 16, 2, 4088);
    put_node(file, page * PAGE + 4088, child, 0, 0);
    put_node(file, page * PAGE + 4078, child, 0, 2);
}

/* Branches of which both entries lead to one page below: in a few levels more pages than there are, were each visited
 * as often as something leads to it. */
static void no_page_is_visited_without_end(void **state) {
    (void)state;
    static uint8_t file[N_PAGES * PAGE];
    rcr_error err = {0};
    make(file);
    put_branch(file, 3, 5);
    put_branch(file, 5, 6);
    put_branch(file, 6, 4);
    put(file + TREE + 6, 2, 4);
    assert_int_equal(rcr_lmdb_check(file, sizeof file, &err), RCR_ERR_PARSE);
    assert_non_null(strstr(err.message, "page that is not there"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_reaches_too_far_is_refused),
        cmocka_unit_test(no_page_is_visited_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
