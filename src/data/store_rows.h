/* What a graph store says about its rows: the bytes behind the keys "rows" and "head" (graph/store.h).
 *
 * Rows of a batch: their number, then the rows one after another.  Numbers are varints (seven bits a byte, low ones
 * first, the top bit set on all but the last) where no other type is given; strings are a varint length and bytes
 * without NUL.
 *
 *     flags         1: there is a record; 2: there is a SHA-256; 4: the file has a name of its own, not ID.cif;
 *                   8 or 16: a bad row of stage 1 or 2 (store_stage)
 *     id            string
 *     file          string, with flag 4
 *     line          of the table, or of the frame, where the row's values stand
 *     sha256        32 bytes, with flag 2: of the structure's text
 *     n_cells       then each: 2 * column + (0: a float64, 1: a string, which is no number)
 *     with a record:    its size, n_atoms, n_edges, n_elements and that many atomic numbers u8, ascending
 *     without:          status, file (string), line, message (string)
 *
 * Records lie in the batch's data in the order of the rows. */
#ifndef RCR_DATA_STORE_ROWS_H
#define RCR_DATA_STORE_ROWS_H

#include "base/text.h"
#include "data/source.h"

/* When a row turned out bad.  A missing target comes between the first and the others: what is found earlier counts. */
typedef enum store_stage { STORE_BAD_ROW = 0, STORE_BAD_DUPLICATE, STORE_BAD_STRUCTURE } store_stage;

/* Append a row (its cells become numbers where they can; column[k] is the store's number of the source's column k, and
 * SIZE_MAX for those that it does not keep). */
void rcr_store_write_row(rcr_text *out, const source_row *row, store_stage stage, const size_t *column);
void rcr_store_write_number(rcr_text *out, uint64_t number);

/* A value of a row: a number, or text that is none. */
typedef struct store_cell {
    size_t column;
    double number;
    const char *text; /* not NUL-terminated; NULL: a number */
    size_t length;
} store_cell;

/* Reading.  Rows are parts of the store's bytes until they are copied. */
typedef struct store_reader {
    const uint8_t *at;
    size_t left;
    int failed; /* the bytes end too early, or make no sense; everything read since is zero */
} store_reader;
uint64_t rcr_store_read_number(store_reader *reader);

typedef struct store_row {
    int has_record, has_sha256;
    store_stage stage;
    const char *id, *file; /* file NULL: ID.cif */
    size_t id_length, file_length;
    long line;
    const uint8_t *sha256; /* [32] */
    size_t n_cells;
    store_reader cells; /* to be read with rcr_store_read_cell, n_cells times */
    uint32_t record_size;
    int32_t n_atoms, n_edges;
    const uint8_t *element; /* [n_elements] */
    size_t n_elements;
    rcr_error error;
} store_row;
/* Read a row; 0 when the bytes are damaged. */
int rcr_store_read_row(store_row *row, store_reader *reader);
int rcr_store_read_cell(store_cell *cell, store_reader *cells);

/* ---- the head */

/* One run of prepare: its rows and batches follow those of the one before. */
typedef struct store_source {
    char *path, *name, *table;
    char identity[65];          /* SHA-256 over the ids, files and values of all rows of the source */
    char sha256[65];            /* the same and the structures' SHA-256; "" until it is complete */
    uint64_t first_row, n_rows; /* rows in the store */
    uint64_t next, total;       /* rows of the source dealt with (some may have been there before), and in all */
    uint64_t n_good;
    uint32_t first_batch, n_batches;
    size_t n_columns; /* of the head's, which this source and those before it have: what readers see of it */
    int complete;
} store_source;

typedef struct store_head {
    rcr_graph_options graph; /* dmin and step have no part in graphs, and are those of the default */
    int frames, header;
    size_t n_columns;
    char **column;
    rcr_name_index columns; /* of column */
    size_t n_sources;
    store_source *source;
    int out_of_memory; /* while it was read */
} store_head;
void rcr_store_head_release(store_head *head);
/* JSON; freed with rcr_free. */
rcr_status rcr_store_head_write(char **out, size_t *length, const store_head *head, rcr_error *err);
/* Errors: RCR_ERR_PARSE, RCR_ERR_UNSUPPORTED (a later version). */
rcr_status rcr_store_head_read(store_head *out, rcr_bytes bytes, rcr_error *err);
/* A new last source, all zero; NULL when out of memory. */
store_source *rcr_store_head_add_source(store_head *head);
/* The column of this name of which there are n_before of the same name before it (a table may name two alike), made
 * where there is none; SIZE_MAX when out of memory. */
size_t rcr_store_head_column(store_head *head, const char *name, size_t n_before);
/* For readers: leave the columns that complete sources have (all where there is none), and let go of the others. */
void rcr_store_head_leave_columns(store_head *head);

/* RCR_ERR_MISMATCH, naming the options that differ and what to do, unless both make the same graphs. */
rcr_status rcr_store_check_options(const store_head *head, const rcr_graph_options *wanted, const char *path,
                                   rcr_error *err);

#endif
