/* Comma-separated values (RFC 4180; LF, CRLF or CR line ends; byte-order mark skipped). */
#ifndef RCR_IO_CSV_H
#define RCR_IO_CSV_H

#include "recryst.h"

typedef struct rcr_csv_row {
    long line; /* where it starts, 1-based */
    size_t n_fields;
    char **field; /* [n_fields] NUL-terminated, unquoted, surrounding blanks trimmed when unquoted */
} rcr_csv_row;

typedef struct rcr_csv {
    size_t n_rows;
    rcr_csv_row *row; /* blank lines are left out; the last row counts with or without a line end */
    void *storage;
} rcr_csv;

rcr_status rcr_csv_parse(rcr_csv **out, const char *text, size_t length, rcr_error *err);
void rcr_csv_free(rcr_csv *csv);

/* Append a field to a line being written, quoted where needed.  first: no comma before it. */
struct rcr_text;
void rcr_csv_write_field(struct rcr_text *line, const char *field, int first);

#endif
