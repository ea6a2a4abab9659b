#include "support/check.h"

#include <sys/types.h>

#include <sha2.h>

#include "base/hash.h"
#include "base/rng.h"

static void sha256_of_known_texts(void **state) {
    (void)state;
    char hex[65];
    rcr_sha256_finish(rcr_sha256_new(), hex); /* FIPS 180-2 */
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    rcr_sha256 *hash = rcr_sha256_new();
    rcr_sha256_add(hash, "a", 1);
    rcr_sha256_add(hash, "bc", 2);
    rcr_sha256_finish(hash, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* The generator against its authors' published code, run for state {1, 2, 3, 4}. */
static void xoshiro_known_outputs(void **state) {
    (void)state;
    rcr_rng rng = {{1, 2, 3, 4}};
    static const uint64_t expected[] = {11520u, 0u, 1509978240u, 1215971899390074240u};
    for (int i = 0; i < 4; i++) assert_true(rcr_rng_next(&rng) == expected[i]);
}

static void streams_and_seeds_differ(void **state) {
    (void)state;
    rcr_rng a, b, c, d;
    rcr_rng_seed(&a, 1, RCR_STREAM_WEIGHTS);
    rcr_rng_seed(&b, 1, RCR_STREAM_SPLIT);
    rcr_rng_seed(&c, 2, RCR_STREAM_WEIGHTS);
    rcr_rng_seed(&d, 1, RCR_STREAM_WEIGHTS);
    uint64_t x = rcr_rng_next(&a);
    assert_true(x != rcr_rng_next(&b) && x != rcr_rng_next(&c) && x == rcr_rng_next(&d));
    assert_true(rcr_hash_counter(1, 2) != rcr_hash_counter(2, 1));
}

static void uniform_and_below(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 9, 9);
    double sum = 0;
    int count[6] = {0};
    for (int i = 0; i < 60000; i++) {
        double u = rcr_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u;
        count[rcr_rng_below(&rng, 6)]++;
    }
    assert_true(sum / 60000 > 0.495 && sum / 60000 < 0.505); /* standard error 0.0012 */
    for (int i = 0; i < 6; i++) assert_in_range(count[i], 9600, 10400);
    assert_true(rcr_rng_below(&rng, 1) == 0);
    int64_t items[100];
    for (int i = 0; i < 100; i++) items[i] = i;
    rcr_rng_shuffle(&rng, items, 100);
    int moved = 0, seen[100] = {0};
    for (int i = 0; i < 100; i++) {
        moved += items[i] != i;
        seen[items[i]]++;
    }
    for (int i = 0; i < 100; i++) assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

/* python3 -c "import random; random.seed(S); x=list(range(10)); random.shuffle(x); print(x)" */
static void cpython_small(void **state) {
    (void)state;
    static const int64_t seed123[10] = {8, 7, 5, 9, 2, 3, 6, 1, 4, 0};
    static const int64_t seed0[10] = {7, 8, 1, 5, 3, 4, 2, 0, 9, 6};
    static const int64_t seed_large[10] = {0, 3, 4, 1, 5, 2, 6, 7, 9, 8};
    int64_t items[10];
    for (int i = 0; i < 10; i++) items[i] = i;
    rcr_cpython_shuffle(123, items, 10);
    assert_memory_equal(items, seed123, sizeof items);
    for (int i = 0; i < 10; i++) items[i] = i;
    rcr_cpython_shuffle(0, items, 10);
    assert_memory_equal(items, seed0, sizeof items);
    for (int i = 0; i < 10; i++) items[i] = i;
    rcr_cpython_shuffle(12345678901234567890u, items, 10);
    assert_memory_equal(items, seed_large, sizeof items);
}

/* Every length around the blocks' ends, in pieces of any size, against libmd. */
static void sha256_of_any_length(void **state) {
    (void)state;
    enum { LONGEST = 5000 };
    static uint8_t data[LONGEST];
    rcr_rng rng;
    rcr_rng_seed(&rng, 7, 0);
    for (size_t i = 0; i < LONGEST; i++) data[i] = (uint8_t)rcr_rng_below(&rng, 256);
    for (size_t length = 0; length <= LONGEST; length += length < 400 ? 1 : 767) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        char expected[65], hex[65];
        SHA2_CTX context;
        SHA256Init(&context);
        SHA256Update(&context, data, length);
        SHA256Final(digest, &context);
        for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) snprintf(expected + 2 * i, 3, "%02x", digest[i]);
        rcr_sha256 *hash = rcr_sha256_new();
        assert_non_null(hash);
        for (size_t at = 0; at < length;) {
            size_t n = (size_t)rcr_rng_below(&rng, 200);
            if (n > length - at) n = length - at;
            rcr_sha256_add(hash, data + at, n);
            at += n;
        }
        rcr_sha256_finish(hash, hex);
        assert_string_equal(hex, expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_known_texts), cmocka_unit_test(sha256_of_any_length),
        cmocka_unit_test(xoshiro_known_outputs), cmocka_unit_test(streams_and_seeds_differ),
        cmocka_unit_test(uniform_and_below),     cmocka_unit_test(cpython_small)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
