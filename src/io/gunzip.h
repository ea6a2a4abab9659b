/* What gzip packed, with its checksums compared.  libarchive does not do that: what a disk or a connection damaged
 * would come out as other numbers, without a word. */
#ifndef RCR_IO_GUNZIP_H
#define RCR_IO_GUNZIP_H

#include "recryst.h"

typedef struct rcr_gunzip rcr_gunzip;

/* The file, or where path is NULL the bytes, which the caller keeps.  *out becomes NULL where they do not begin as
 * gzip's do.  What is packed several times is unpacked as often, up to four times; members that follow each other are
 * one text (RFC 1952); zeros between and behind them are passed over, anything else is an error, as in Python's gzip.
 * Errors: RCR_ERR_IO, RCR_ERR_PARSE (damaged at the beginning), RCR_ERR_UNSUPPORTED, RCR_ERR_MEMORY. */
rcr_status rcr_gunzip_open(rcr_gunzip **out, const char *path, const void *data, size_t length, rcr_error *err);
void rcr_gunzip_free(rcr_gunzip *gunzip);

/* Up to `room` bytes more; *n is 0 at the end.  Errors: RCR_ERR_IO, RCR_ERR_PARSE: damaged, cut off, or the checksum
 * does not fit. */
rcr_status rcr_gunzip_read(size_t *n, rcr_gunzip *gunzip, void *buffer, size_t room, rcr_error *err);

#endif
