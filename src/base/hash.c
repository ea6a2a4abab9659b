#include "base/hash.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

#include <sha2.h>

#include "base/mem.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_SHA_INSTRUCTIONS 1
#include <cpuid.h>
#include <immintrin.h>
#else
#define HAVE_SHA_INSTRUCTIONS 0
#endif

struct rcr_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes added */
    uint8_t block[SHA256_BLOCK_LENGTH];
};

#if HAVE_SHA_INSTRUCTIONS
static const uint32_t round_constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* FIPS 180-4's compression function by the processor's instructions for it: seven times as fast as C.  The state is
 * held as they want it, words A B E F and C D G H; w holds four words of the message schedule each, the last sixteen.
 */
__attribute__((target("sha,sse4.1"))) static void add_blocks_by_instructions(uint32_t state[8], const uint8_t *data,
                                                                             size_t n) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (; n > 0; n--, data += SHA256_BLOCK_LENGTH) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), big_endian);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) { /* four rounds each */
            __m128i words = w[i % 4];
            if (i >= 4) {
                __m128i previous = w[(i + 3) % 4];
                words = _mm_sha256msg1_epu32(words, w[(i + 1) % 4]);
                words = _mm_add_epi32(words, _mm_alignr_epi8(previous, w[(i + 2) % 4], 4));
                words = w[i % 4] = _mm_sha256msg2_epu32(words, previous);
            }
            __m128i sum = _mm_add_epi32(words, _mm_loadu_si128((const __m128i *)(round_constant + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Asked once: under a hypervisor the question is slow.  Whoever asks finds the same. */
static int have_instructions(void) {
    static atomic_int known; /* 0: not asked yet; 1: no; 2: yes */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        unsigned a, b, c, d;
        answer = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0 &&
                         __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0
                     ? 2
                     : 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 2;
}
#endif

static void add_blocks(uint32_t state[8], const uint8_t *data, size_t n) {
#if HAVE_SHA_INSTRUCTIONS
    if (have_instructions()) {
        add_blocks_by_instructions(state, data, n);
        return;
    }
#endif
    for (; n > 0; n--, data += SHA256_BLOCK_LENGTH) SHA256Transform(state, data);
}

rcr_sha256 *rcr_sha256_new(void) {
    rcr_sha256 *hash = rcr_malloc(1, sizeof *hash);
    if (hash == NULL) return NULL;
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, start, sizeof start);
    hash->length = 0;
    return hash;
}

void rcr_sha256_add(rcr_sha256 *hash, const void *data, size_t length) {
    if (length == 0) return;
    const uint8_t *at = data;
    size_t filled = (size_t)(hash->length % SHA256_BLOCK_LENGTH);
    hash->length += length;
    if (filled > 0) {
        size_t room = SHA256_BLOCK_LENGTH - filled, n = length < room ? length : room;
        memcpy(hash->block + filled, at, n);
        if (n < room) return;
        add_blocks(hash->state, hash->block, 1);
        at += n;
        length -= n;
    }
    add_blocks(hash->state, at, length / SHA256_BLOCK_LENGTH);
    memcpy(hash->block, at + length / SHA256_BLOCK_LENGTH * SHA256_BLOCK_LENGTH, length % SHA256_BLOCK_LENGTH);
}

void rcr_sha256_finish(rcr_sha256 *hash, char hex[65]) {
    static const char digits[] = "0123456789abcdef";
    /* One bit, zeros up to the last eight bytes of a block, the length in bits. */
    uint8_t end[SHA256_BLOCK_LENGTH + 8] = {0x80};
    uint64_t bits = 8 * hash->length;
    size_t zeros = (size_t)((55 - hash->length) % SHA256_BLOCK_LENGTH);
    for (int i = 0; i < 8; i++) end[1 + zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    rcr_sha256_add(hash, end, 1 + zeros + 8);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        uint8_t byte = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    hex[64] = '\0';
    rcr_free(hash);
}

/* Invertible in the state for each word, and in the word for each state: a single changed word can't go unnoticed. */
static uint64_t mix(uint64_t state, uint64_t word) {
    state = (state ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return state ^ (state >> 29);
}

static uint64_t load_word(const unsigned char *at, size_t n) {
    uint64_t word = 0;
    memcpy(&word, at, n);
    return word;
}

uint64_t rcr_checksum(const void *data, size_t length) {
    const unsigned char *at = data;
    uint64_t lane[4] = {1, 2, 3, 4};
    size_t left = length;
    for (; left >= 32; left -= 32, at += 32)
        for (int l = 0; l < 4; l++) lane[l] = mix(lane[l], load_word(at + 8 * l, 8));
    for (int l = 0; left > 0; l++) {
        size_t n = left < 8 ? left : 8;
        lane[l] = mix(lane[l], load_word(at, n));
        at += n;
        left -= n;
    }
    uint64_t state = mix(lane[0], length);
    for (int l = 1; l < 4; l++) state = mix(state, lane[l]);
    return mix(state, 0);
}
