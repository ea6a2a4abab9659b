/* Structures from bytes, whatever the format.  One file beside this for each format. */
#ifndef RCR_IO_STRUCTURE_H
#define RCR_IO_STRUCTURE_H

#include "recryst.h"

typedef enum rcr_format { RCR_FORMAT_UNKNOWN = 0, RCR_FORMAT_CIF, RCR_FORMAT_EXTXYZ } rcr_format;

/* Tell the format by content first, then by name (may be NULL). */
rcr_format rcr_format_detect(const char *name, const char *text, size_t length);

/* Parse the first structure in text.  `name` is used for messages and, without suffix and folders, as the id.
 * The error's file is set to name. */
rcr_status rcr_structure_parse(rcr_crystal **out, const char *name, const char *text, size_t length, rcr_error *err);

#endif
