/* The rows of a dataset while they are being read; for the files of this room that begin with source_ and dataset.c. */
#ifndef RCR_DATA_SOURCE_H
#define RCR_DATA_SOURCE_H

#include "data/dataset.h"
#include "data/name_index.h"
#include "graph/store.h"
#include "io/archive.h"
#include "io/csv.h"
#include "io/reader.h"

/* A value of a row that may become its target. */
typedef struct source_cell {
    size_t column; /* of source.column */
    char *text;    /* never empty */
} source_cell;

typedef struct source_row {
    char *id;
    char *spare_id;       /* the id is from the key `name`, and this is what it is without; else NULL */
    char *file;           /* as named in the source; NULL for a record of a file of many */
    long line;            /* where its target stands, of table, or of the source's */
    const char *table;    /* NULL: the source's */
    double target;        /* NaN: none; of several, the first */
    double *targets;      /* [source.n_targets] of several, else NULL */
    double weight;        /* 1 where none are asked for */
    rcr_crystal *crystal; /* read already, else NULL */
    int dropped;          /* 1: it was read and did not fit into memory; rcr_source_read_again brings it back */
    uint8_t *record;      /* the result, a packed graph (graph/packed.h); NULL: none */
    size_t record_size;
    int32_t n_atoms, n_edges; /* of the record */
    char *prototype;          /* where they are asked for */
    rcr_error *error;         /* or why there is none */
    rcr_error *later;         /* from a store with keep_cells: why there is none unless its values are a reason */
    char sha256[65];          /* of the structure's text; "" until it is read */
    uint64_t element[2];      /* bit z: it holds element z; of rows from a store */
    size_t n_cells;           /* kept with keep_cells alone */
    source_cell *cell;        /* [n_cells] */
} source_row;

typedef struct source {
    const char *path; /* as given */
    const rcr_dataset_options *options;
    int keep_cells;     /* 1: keep every value of every row; the rows' targets are not set */
    int distance_bytes; /* of records */
    rcr_folder *folder; /* the directory or archive that holds the files */
    char *base;         /* files are read from base/FILE, not through the folder; NULL: through the folder */
    rcr_store *store;   /* the records lie in it; NULL: the rows own them */
    char *name;         /* of the data, where it is not the path's last part; NULL otherwise */
    char *table;        /* the file whose lines the rows' lines are; NULL: unknown */
    size_t n_tables;    /* of a store that was made from several, or of a folder's files */
    size_t tables_capacity;
    char **tables;               /* [n_tables] for row.table */
    int frames, header;          /* records of files of many structures, or rows of a table, which may have a header */
    size_t keep_bytes;           /* of crystals that are held until their graphs are made; 0: 256 MiB */
    size_t kept_bytes;           /* so far */
    rcr_reader *again;           /* reads dropped crystals again; NULL until there are any */
    size_t n_again;              /* records that it has given */
    char *target;                /* name of the target; NULL: none is read */
    size_t n_targets;            /* more than 1: several */
    char **target_name;          /* [n_targets] of several, else NULL */
    size_t n_columns;            /* what may be a target; with keep_cells, and from a store */
    char **column;               /* [n_columns] */
    rcr_name_index columns;      /* of column */
    rcr_element_table *elements; /* the dataset's own; NULL: none */
    char *elements_text;         /* its text */
    size_t elements_length;
    const rcr_element_table *known; /* elements that may occur */
    size_t n, capacity;
    source_row *row;   /* [n] */
    int out_of_memory; /* a row could not even be recorded */
    char note[400];    /* what the user should hear of how the rows were told; "": nothing */
} source;

/* Fill in the rows from whatever the path names, without reading the structures that lie in files of their own. */
rcr_status rcr_source_open(source *s, rcr_error *err);
void rcr_source_release(source *s);
/* Rows whose id is from the key `name` and came before, or is the id of a row by another key, take the id that they
 * have without it.  Then the first row of an id keeps it; the others become bad rows. */
rcr_status rcr_source_settle_ids(source *s, rcr_error *err);
/* Make the records of `n` rows from `first` on, on the pool; rows where that fails become bad rows.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_source_run(source *s, size_t first, size_t n, rcr_error *err);
/* Read row->file, of a row that holds no crystal, into one; sets row->sha256.  Safe from several threads. */
rcr_status rcr_source_read_structure(rcr_crystal **crystal, source_row *row, const source *s, rcr_error *err);
/* 1 when a row's file is there. */
int rcr_source_has_file(const source *s, const char *file);
/* Make bad rows of those records of a store that hold elements which are not known. */
rcr_status rcr_source_check_stored(source *s, rcr_error *err);
/* The error of the first bad one of these rows, if there is one. */
rcr_status rcr_source_first_bad(const source_row *row, size_t n, rcr_error *err);
/* An error, naming the element and the site, where an atom's or a species' element is not in the table.  RCR_ERR_DATA.
 */
rcr_status rcr_source_check_elements(const rcr_graph_view *graph, const rcr_element_table *known, rcr_error *err);

/* The file whose line row->line is; "": unknown. */
const char *rcr_source_table_of(const source *s, const source_row *row);
/* A new last row; it takes over id, file (both may be NULL when allocation failed) and crystal.  NULL: out of memory,
 * remembered in the source; everything given was freed. */
source_row *rcr_source_add(source *s, char *id, char *file, rcr_crystal *crystal);
/* Mark a row as bad; the first reason stays.  Allocation failure is remembered in the source. */
void rcr_source_bad(source *s, source_row *row, rcr_status status, const char *file, long line, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 6, 7)))
#endif
    ;
/* Give a row its target from text, or mark it as bad where the options need one. */
void rcr_source_target(source *s, source_row *row, const char *text, size_t length, const char *file, long line);
/* An error where a target is the column of the weights: RCR_ERR_ARGUMENT. */
rcr_status rcr_source_check_weights(const char *target, const char *weights, rcr_error *err);
/* Give a row its weight from text, or mark it as bad. */
void rcr_source_weight(source *s, source_row *row, const char *text, size_t length, const char *file, long line);
/* Of a source opened with keep_cells: give every row the values of the targets that `list` names, "a,b,c", and its
 * weight where the options ask for one.  A row that has no target, or one that is not a number, becomes a bad row where
 * the options need targets.
 * Errors: RCR_ERR_ARGUMENT (a name that is no column, where they are needed; one that is there twice), RCR_ERR_MEMORY.
 */
rcr_status rcr_source_take_targets(source *s, const char *list, rcr_error *err);
/* 1 when a column has this name. */
int rcr_source_has_column(const source *s, const char *name);
/* 1 when a cell's text is a number, or a word for one of two classes. */
int rcr_source_number(double *out, const char *text, size_t length);
/* 1 when a column of this name says in a table what a row's id or file is. */
int rcr_source_is_reserved(const char *column);
/* The number of the column of this name, made where there is none; SIZE_MAX when out of memory. */
size_t rcr_source_column(source *s, const char *name, size_t length);
/* Add a column, whether or not there is one of this name. */
size_t rcr_source_add_column(source *s, const char *name, size_t length);
/* Add a cell to a row (nothing when the text is empty).  Allocation failure is remembered in the source. */
void rcr_source_cell(source *s, source_row *row, size_t column, const char *text, size_t length);
/* The last part of a path, without slashes at its end; freed by the caller. */
char *rcr_last_part(const char *path);
/* "a, b, c" for messages; freed by the caller; "" parts are shown as (empty). */
char *rcr_source_join(const char *const *names, size_t n);

/* Fill in the rows: from a store; from a table `name` in the source's folder; from a reader of the source's path, which
 * is taken over. */
rcr_status rcr_source_read_store(source *s, rcr_error *err);
rcr_status rcr_source_read_table(source *s, const char *name, rcr_error *err);
/* The rows of a table of such a name, also where it is in UTF-16; takes text over (rcr_free).  Errors: those of
 * rcr_csv_parse and rcr_csv_check_separator. */
rcr_status rcr_source_parse_table(rcr_csv **out, char *text, size_t length, const char *name, rcr_error *err);
rcr_status rcr_source_read_records(source *s, rcr_reader *reader, rcr_error *err);
/* Bring back the dropped crystals of n rows from `first` on.  Cheapest in ascending order. */
rcr_status rcr_source_read_again(source *s, size_t first, size_t n, rcr_error *err);

#endif
