/* A zip archive whose members are stored as they are, each beginning at a multiple of some number of bytes, as torch
 * writes and maps them. */
#ifndef RCR_IO_ZIP_WRITE_H
#define RCR_IO_ZIP_WRITE_H

#include "recryst.h"

typedef struct rcr_zip_member {
    const char *name; /* at most 1000 bytes */
    const void *data;
    size_t length;
} rcr_zip_member;

/* Make an archive of members in the order given; their data begin at multiples of `alignment`, a power of two up to
 * 4096.  No time stamps, so that the same content gives the same bytes.  *out is freed with rcr_free.
 * Errors: RCR_ERR_ARGUMENT (alignment, names), RCR_ERR_LIMIT (4 GiB in all, 65,534 members), RCR_ERR_MEMORY. */
rcr_status rcr_zip_write(char **out, size_t *length, const rcr_zip_member *member, size_t n, size_t alignment,
                         rcr_error *err);

#endif
