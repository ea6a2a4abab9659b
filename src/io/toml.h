/* Settings files in TOML 1.0, as a tree.  The parser is toml++; no other file knows of it, or is C++. */
#ifndef RCR_IO_TOML_H
#define RCR_IO_TOML_H

#include <stddef.h>
#include <stdint.h>

#include "recryst.h"

/* Settings are written by hand: these are far beyond any, and keep memory and the stack within bounds. */
#define RCR_TOML_MAX_BYTES ((size_t)1 << 20)
enum { RCR_TOML_MAX_DEPTH = 32 /* values in values, and parts of a dotted key */ };

typedef enum rcr_toml_kind {
    RCR_TOML_TABLE = 0,
    RCR_TOML_ARRAY,
    RCR_TOML_TEXT,
    RCR_TOML_INTEGER,
    RCR_TOML_NUMBER, /* with a point or an exponent; inf and nan too */
    RCR_TOML_BOOL,
    RCR_TOML_DATE /* a date, a time or both: no setting is one, so the value is not kept */
} rcr_toml_kind;

typedef struct rcr_toml {
    rcr_toml_kind kind;
    char *key;              /* in a table; NULL in an array and of the root */
    long line;              /* where the key (in an array: the value) stands, from 1; 0 for the root */
    long column;            /* in characters, from 1 */
    size_t n;               /* of a table or an array */
    struct rcr_toml *child; /* [n] in the order of the file */
    char *text;             /* RCR_TOML_TEXT: UTF-8 without a NUL inside */
    int64_t integer;        /* RCR_TOML_INTEGER; RCR_TOML_BOOL: 0 or 1 */
    double number;          /* RCR_TOML_NUMBER */
} rcr_toml;

#ifdef __cplusplus
extern "C" {
#endif

/* Read a whole document; *out is a table, freed with rcr_toml_free.  Never throws.
 * Errors, with the line: RCR_ERR_PARSE (what is wrong and in which column), RCR_ERR_LIMIT (size, nesting),
 * RCR_ERR_MEMORY. */
rcr_status rcr_toml_parse(rcr_toml **out, const char *text, size_t length, rcr_error *err);
void rcr_toml_free(rcr_toml *root);

#ifdef __cplusplus
}
#endif

/* Read and parse a file; messages name it.  Errors: as above, RCR_ERR_IO. */
rcr_status rcr_toml_read(rcr_toml **out, const char *path, rcr_error *err);

/* The value of that key; NULL when the table has none. */
const rcr_toml *rcr_toml_find(const rcr_toml *table, const char *key);

/* "a table", "an array", "a text", ...: for messages. */
const char *rcr_toml_kind_name(rcr_toml_kind kind);

#endif
