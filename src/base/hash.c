#include "base/hash.h"

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
