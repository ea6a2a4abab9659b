/* The members of an archive, for archive.c alone. */
#ifndef RCR_IO_ARCHIVE_READ_H
#define RCR_IO_ARCHIVE_READ_H

#include "recryst.h"

typedef struct rcr_member {
    char *name; /* cleaned: no "./", no top folder */
    char *data; /* [length + 1], ends in NUL */
    char *own;  /* data, where it is an allocation of its own; NULL: it lies in a block */
    size_t length;
    size_t order; /* position in the archive */
} rcr_member;

typedef struct rcr_members {
    rcr_member *member; /* [n] sorted by name, each name once */
    size_t n, capacity;
    size_t bytes;
    char **block;                /* [n_blocks] names and small members */
    size_t n_blocks, room, used; /* room, used: bytes of the newest block */
} rcr_members;

/* Read every regular file of the archive at `path`, or when path is NULL of the archive data[0 .. length).
 * Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_DATA (unsafe members), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_members_read(rcr_members *out, const char *path, const void *data, size_t length, size_t max_bytes,
                            rcr_error *err);
void rcr_members_release(rcr_members *members);
/* NULL when there is none of that name. */
const rcr_member *rcr_members_find(const rcr_members *members, const char *name);

/* 1 for a relative path without "." , ".." or empty parts. */
int rcr_is_safe_name(const char *name);

#endif
