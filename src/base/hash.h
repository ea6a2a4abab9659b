/* SHA-256 (libmd), for provenance and for checksums of files. */
#ifndef RCR_BASE_HASH_H
#define RCR_BASE_HASH_H

#include <stddef.h>

typedef struct rcr_sha256 rcr_sha256;
rcr_sha256 *rcr_sha256_new(void); /* NULL: out of memory */
void rcr_sha256_add(rcr_sha256 *hash, const void *data, size_t length);
/* Writes 64 hexadecimal digits and a NUL, and frees the hash. */
void rcr_sha256_finish(rcr_sha256 *hash, char hex[65]);

#endif
