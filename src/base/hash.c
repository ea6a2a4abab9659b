#include "base/hash.h"

#include <string.h>
#include <sys/types.h>

#include <sha2.h>

#include "base/mem.h"

struct rcr_sha256 {
    SHA2_CTX context;
};

rcr_sha256 *rcr_sha256_new(void) {
    rcr_sha256 *hash = rcr_malloc(1, sizeof *hash);
    if (hash != NULL) SHA256Init(&hash->context);
    return hash;
}

void rcr_sha256_add(rcr_sha256 *hash, const void *data, size_t length) {
    if (length > 0) SHA256Update(&hash->context, data, length);
}

void rcr_sha256_finish(rcr_sha256 *hash, char hex[65]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, &hash->context);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
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
