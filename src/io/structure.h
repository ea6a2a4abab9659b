/* Structures from bytes, whatever the format.  One file beside this for each format. */
#ifndef RCR_IO_STRUCTURE_H
#define RCR_IO_STRUCTURE_H

#include "recryst.h"

typedef enum rcr_format {
    RCR_FORMAT_UNKNOWN = 0,
    RCR_FORMAT_CIF,
    RCR_FORMAT_EXTXYZ,
    RCR_FORMAT_POSCAR,
    RCR_FORMAT_AIMS,
    RCR_FORMAT_JSON
} rcr_format;

/* Tell the format by content first, then by name (may be NULL), in which an ending .gz, .zst, .bz2 or .xz does not
 * count.  The content may be its beginning alone, or packed: then the name decides. */
rcr_format rcr_format_detect(const char *name, const char *text, size_t length);

/* "CIF", "extended XYZ", ...; static storage. */
const char *rcr_format_name(rcr_format format);

/* The id of the structure in a file of this name: without folders, and without the endings of a format and of packing;
 * what follows POSCAR and CONTCAR is part of it (POSCAR.mp-149).  NULL: out of memory.  Free with rcr_free. */
char *rcr_structure_id(const char *name);

/* Parse the first structure in text, which may be packed with gzip, bzip2, xz or zstd, and in UTF-16 with a byte-order
 * mark.  `name` is used for messages and for the id (rcr_structure_id).  The error's file is set to name. */
rcr_status rcr_structure_parse(rcr_crystal **out, const char *name, const char *text, size_t length, rcr_error *err);

/* The text in UTF-8 where its byte-order mark says that it is in UTF-16; *out NULL: it does not.  rcr_free. */
rcr_status rcr_structure_from_utf16(char **out, size_t *n, const char *text, size_t length, rcr_error *err);

#endif
