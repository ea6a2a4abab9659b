#include "base/rng.h"

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t splitmix_next(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15u;
    return mix(*state);
}

uint64_t rcr_hash_counter(uint64_t seed, uint64_t counter) {
    uint64_t key = mix(seed + 0x9e3779b97f4a7c15u);
    return mix(key + (counter + 1) * 0x9e3779b97f4a7c15u);
}

void rcr_rng_seed(rcr_rng *rng, uint64_t seed, uint64_t stream) {
    uint64_t state = rcr_hash_counter(seed, stream);
    for (int i = 0; i < 4; i++) rng->s[i] = splitmix_next(&state);
}

static uint64_t rotate_left(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

uint64_t rcr_rng_next(rcr_rng *rng) {
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

double rcr_rng_uniform(rcr_rng *rng) { return (double)(rcr_rng_next(rng) >> 11) * 0x1p-53; }

uint64_t rcr_rng_below(rcr_rng *rng, uint64_t n) {
    /* Draws below 2^64 mod n are thrown away, which leaves a whole number of copies of 0 .. n-1. */
    uint64_t surplus = (0 - n) % n, draw;
    do draw = rcr_rng_next(rng);
    while (draw < surplus);
    return draw % n;
}

void rcr_rng_shuffle(rcr_rng *rng, int64_t *items, size_t n) {
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)rcr_rng_below(rng, i);
        int64_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

/* MT19937 (Matsumoto and Nishimura 1998), seeded as CPython does. */
enum { MT_N = 624, MT_M = 397 };
typedef struct mt19937 {
    uint32_t state[MT_N];
    int next;
} mt19937;

static void mt_seed(mt19937 *mt, uint32_t seed) {
    mt->state[0] = seed;
    for (uint32_t i = 1; i < MT_N; i++) mt->state[i] = 1812433253u * (mt->state[i - 1] ^ (mt->state[i - 1] >> 30)) + i;
    mt->next = MT_N;
}

static void mt_seed_by_array(mt19937 *mt, const uint32_t *key, int length) {
    mt_seed(mt, 19650218u);
    uint32_t *s = mt->state;
    int i = 1, j = 0;
    for (int k = MT_N > length ? MT_N : length; k > 0; k--) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1664525u)) + key[j] + (uint32_t)j;
        if (++i >= MT_N) {
            s[0] = s[MT_N - 1];
            i = 1;
        }
        if (++j >= length) j = 0;
    }
    for (int k = MT_N - 1; k > 0; k--) {
        s[i] = (s[i] ^ ((s[i - 1] ^ (s[i - 1] >> 30)) * 1566083941u)) - (uint32_t)i;
        if (++i >= MT_N) {
            s[0] = s[MT_N - 1];
            i = 1;
        }
    }
    s[0] = 0x80000000u;
}

static uint32_t mt_next(mt19937 *mt) {
    uint32_t *s = mt->state;
    if (mt->next >= MT_N) {
        for (int k = 0; k < MT_N; k++) {
            uint32_t y = (s[k] & 0x80000000u) | (s[(k + 1) % MT_N] & 0x7fffffffu);
            s[k] = s[(k + MT_M) % MT_N] ^ (y >> 1) ^ ((y & 1) ? 0x9908b0dfu : 0);
        }
        mt->next = 0;
    }
    uint32_t y = s[mt->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* random.getrandbits(bits) for 1 <= bits <= 64: words from the least significant on, the last one cut from above. */
static uint64_t mt_bits(mt19937 *mt, int bits) {
    if (bits <= 32) return mt_next(mt) >> (32 - bits);
    uint64_t low = mt_next(mt);
    uint64_t high = mt_next(mt) >> (64 - bits);
    return high << 32 | low;
}

/* random._randbelow: draws of as many bits as n has, until one is below n. */
static uint64_t mt_below(mt19937 *mt, uint64_t n) {
    int bits = 0;
    while (bits < 64 && n >> bits != 0) bits++;
    uint64_t draw;
    do draw = mt_bits(mt, bits);
    while (draw >= n);
    return draw;
}

void rcr_cpython_shuffle(uint64_t seed, int64_t *items, size_t n) {
    mt19937 mt;
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    mt_seed_by_array(&mt, key, key[1] != 0 ? 2 : 1);
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)mt_below(&mt, i);
        int64_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}

/* Uniform in 0 .. most by rejection under a mask, as numpy's random_interval. */
static uint64_t mt_interval(mt19937 *mt, uint64_t most) {
    uint64_t mask = most, value;
    for (int shift = 1; shift < 64; shift *= 2) mask |= mask >> shift;
    do
        if (most <= UINT32_MAX) {
            value = mt_next(mt) & mask;
        } else {
            uint64_t high = mt_next(mt);
            value = ((high << 32) | mt_next(mt)) & mask;
        }
    while (value > most);
    return value;
}

void rcr_numpy_shuffle(uint32_t seed, int before, int64_t *items, size_t n) {
    mt19937 mt;
    mt_seed(&mt, seed);
    for (int r = 0; r < before; r++)
        for (size_t i = n; i > 1; i--) (void)mt_interval(&mt, i - 1);
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)mt_interval(&mt, i - 1);
        int64_t kept = items[i - 1];
        items[i - 1] = items[j];
        items[j] = kept;
    }
}
