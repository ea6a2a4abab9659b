#include "support/check.h"

#include "base/mem.h"

static void grows_by_doubling(void **state) {
    (void)state;
    size_t room = 0, moves = 0;
    int *block = NULL;
    for (size_t n = 1; n <= 100000; n++) {
        size_t before = room;
        int *grown = rcr_grow(block, &room, n, sizeof *grown);
        assert_non_null(grown);
        assert_true(room >= n);
        if (room != before) {
            assert_true(room >= 2 * before);
            moves++;
        } else {
            assert_ptr_equal(grown, block);
        }
        block = grown;
        block[n - 1] = (int)n;
    }
    assert_true(moves < 20);
    for (size_t n = 1; n <= 100000; n++) assert_int_equal(block[n - 1], n);
    rcr_free(block);
}

static void grows_to_what_is_asked(void **state) {
    (void)state;
    size_t room = 0;
    char *block = rcr_grow(NULL, &room, 0, 1); /* a block even of nothing */
    assert_non_null(block);
    char *grown = rcr_grow(block, &room, 1000000, 1);
    assert_non_null(grown);
    assert_true(room >= 1000000);
    grown[999999] = 'x';
    size_t kept = room;
    assert_null(rcr_grow(grown, &room, SIZE_MAX / 2, 8)); /* more bytes than can be counted */
    assert_int_equal(room, kept);
    assert_int_equal(grown[999999], 'x'); /* the old block stays */
    rcr_free(grown);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(grows_by_doubling), cmocka_unit_test(grows_to_what_is_asked)};
    return cmocka_run_group_tests_name("base.mem", tests, NULL, NULL);
}
