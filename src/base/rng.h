/* Random numbers: a generator whose whole state is a few words, so that a checkpoint can hold it, and Python's own
 * generator for reproducing the reference program's split. */
#ifndef RCR_BASE_RNG_H
#define RCR_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. */
typedef struct rcr_rng {
    uint64_t s[4];
} rcr_rng;
/* `stream` makes independent generators out of one seed (weights, shuffling, split, dropout, ...). */
void rcr_rng_seed(rcr_rng *rng, uint64_t seed, uint64_t stream);
uint64_t rcr_rng_next(rcr_rng *rng);
/* Uniform in [0, 1), 53 bits. */
double rcr_rng_uniform(rcr_rng *rng);
/* Uniform in 0 .. n-1, unbiased; n >= 1. */
uint64_t rcr_rng_below(rcr_rng *rng, uint64_t n);
/* Fisher-Yates. */
void rcr_rng_shuffle(rcr_rng *rng, int64_t *items, size_t n);

/* The streams in use. */
enum { RCR_STREAM_WEIGHTS = 1, RCR_STREAM_SPLIT, RCR_STREAM_SHUFFLE, RCR_STREAM_DROPOUT };

/* A counter-based hash (splitmix64 finaliser over seed and counter) for values that many threads draw independently. */
uint64_t rcr_hash_counter(uint64_t seed, uint64_t counter);

/* items <- what CPython's random.seed(seed); random.shuffle(items) gives (MT19937, init_by_array, getrandbits
 * rejection). */
void rcr_cpython_shuffle(uint64_t seed, int64_t *items, size_t n);

/* items <- what numpy's r = RandomState(seed); r.shuffle(a) leaves in an a that held the items, where r has shuffled so
 * many arrays of n before (MT19937, init_genrand, masked rejection): scikit-learn's KFold and RepeatedKFold. */
void rcr_numpy_shuffle(uint32_t seed, int before, int64_t *items, size_t n);

#endif
