/* SHA-256 (by the processor's instructions where it has them, else libmd's), for provenance and for checksums of files;
 * a fast checksum of many small blocks. */
#ifndef RCR_BASE_HASH_H
#define RCR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct rcr_sha256 rcr_sha256;
rcr_sha256 *rcr_sha256_new(void); /* NULL: out of memory */
void rcr_sha256_add(rcr_sha256 *hash, const void *data, size_t length);
/* Writes 64 hexadecimal digits and a NUL, and frees the hash. */
void rcr_sha256_finish(rcr_sha256 *hash, char hex[65]);

/* A checksum that is cheap beside reading the bytes (8 bytes a step in four lanes), to notice damage, not malice.  A
 * change within one aligned group of 8 bytes always changes it, any other but for one in 2^64 (of its low half: 2^32).
 * The same on every machine of one byte order. */
uint64_t rcr_checksum(const void *data, size_t length);

#endif
