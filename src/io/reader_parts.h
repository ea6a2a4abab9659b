/* Between reader.c and the files that each cut one kind of file into records. */
#ifndef RCR_IO_READER_PARTS_H
#define RCR_IO_READER_PARTS_H

#include <jansson.h>

#ifdef __cplusplus
#include <atomic>
using std::atomic_int; /* C++ has no stdatomic.h before C++23; the two are laid out alike */
#else
#include <stdatomic.h>
#endif

#include "io/reader.h"
#include "io/unpack.h"

/* What all records of one table share; read by several threads at once. */
typedef struct rcr_table {
    atomic_int owners;
    size_t n_columns;
    char **column;         /* [n_columns] names of a row's values; NULL: the rows name them */
    size_t structure;      /* the column that holds structures; SIZE_MAX: found in each row */
    char *structure_name;  /* the name under which a value stands that has none; NULL: it is the whole record */
    json_t *other_columns; /* of a table by columns: {name: {key: value}} */
} rcr_table;
rcr_table *rcr_table_new(void);
rcr_table *rcr_table_own(rcr_table *table); /* one owner more; NULL stays NULL */
void rcr_table_free(rcr_table *table);      /* one owner less */

typedef struct rcr_unparsed {
    enum {
        RCR_UNPARSED_FILE,
        RCR_UNPARSED_BLOCK,   /* of a CIF */
        RCR_UNPARSED_BLOCK_2, /* of a CIF 2.0 */
        RCR_UNPARSED_FRAME,
        RCR_UNPARSED_JSON,
        RCR_UNPARSED_CSV
    } kind;
    char *text; /* followed by a NUL */
    size_t length;
    rcr_table *table; /* owned; may be NULL */
    char *key;        /* of the row in a table by columns; may be NULL */
} rcr_unparsed;

/* A file that is being cut.  next: 1 with record->line, and either record->unparsed or record->crystal with properties
 * or record->error; record->id where the file names the record apart from its text; *last 1 when it is known that none
 * follows.  0: the end.  A record with *last may be an error that ends the file. */
typedef struct rcr_cutter {
    const char *format; /* for messages */
    void *self;
    const rcr_window *window; /* whose error is told where `next` takes it for the end; NULL: there is none */
    int (*next)(void *self, rcr_record *record, int *last);
    void (*close)(void *self);
} rcr_cutter;

/* Each takes the window over, also on failure; it stands at the beginning, some of it read already. */
rcr_status rcr_cut_file(rcr_cutter *out, rcr_window *window, rcr_error *err);
/* One record, or one for each structure where a CIF holds several. */
rcr_status rcr_cut_cif(rcr_cutter *out, rcr_window *window, rcr_error *err);
rcr_status rcr_cut_frames(rcr_cutter *out, rcr_window *window, rcr_error *err);
/* name: of the file, for Matbench's ids.  Errors: RCR_ERR_UNSUPPORTED (no structures are seen in it), RCR_ERR_PARSE. */
rcr_status rcr_cut_json(rcr_cutter *out, rcr_window *window, const char *name, rcr_error *err);
rcr_status rcr_cut_csv(rcr_cutter *out, rcr_window *window, rcr_error *err);
/* From a file, or where path is NULL from bytes that the caller keeps.  `own`: NULL, or those bytes, which are taken
 * over, also on failure. */
rcr_status rcr_cut_asedb(rcr_cutter *out, const char *path, const void *data, size_t length, void *own, rcr_error *err);

/* 1 when the bytes begin as JSON, as an ASE database (SQLite), or as a CSV table with a column of structures do (-1:
 * out of memory). */
int rcr_looks_like_json(const char *text, size_t length);
int rcr_looks_like_sqlite(const char *text, size_t length);
int rcr_looks_like_structure_csv(const char *text, size_t length);

/* The length of the first row of a table, whose cells may hold lines. */
size_t rcr_csv_first_row(const char *text, size_t length);

/* What the window has, read to its end, in UTF-8 where it is in UTF-16; *text NULL: it is not.  rcr_free. */
rcr_status rcr_cut_utf8(char **text, size_t *length, rcr_window *window, rcr_error *err);
/* Put such a text into the place of what the window has. */
void rcr_cut_replace(rcr_window *window, char *text, size_t length);

/* The text between begin and at into record->unparsed, with its line; the window moves on.  Failure is the record's. */
void rcr_cut_take(rcr_record *record, rcr_window *window, int kind, rcr_table *table);
/* The window's reading failed: the record says why.  1 when it did. */
int rcr_cut_failed(rcr_record *record, const rcr_window *window);

/* Parsers, by kind; what fails is in record->error. */
void rcr_parse_block(rcr_record *record, int cif2);
void rcr_parse_frame(rcr_record *record);
void rcr_parse_json(rcr_record *record);
void rcr_parse_csv(rcr_record *record);

/* A last property; nothing where the value is empty.  0: out of memory. */
int rcr_record_add(rcr_record *record, const char *key, size_t key_length, const char *value, size_t value_length);
/* Set the id, as the file's own; by_name 1: from the key `name`.  0: out of memory. */
int rcr_record_name(rcr_record *record, const char *id, size_t length, int by_name);
/* The names under which an id is looked for, in this order; NULL ends them. */
extern const char *const rcr_id_keys[];
/* 0, 1, ... for the place of a name among those that hold a structure ("structure", "cif", ...); -1: it is none. */
int rcr_structure_key(const char *name, size_t length);
/* A structure that stands in a cell or a string: CIF, POSCAR, JSON. `key`: the name it stands under. */
rcr_status rcr_structure_from_text(rcr_crystal **out, const char *key, const char *text, size_t length, rcr_error *err);

/* JSON into a value, with NaN and Infinity (which Python writes) and numbers beyond a double's as null, and with
 * integers of more than 64 bits as strings; line: of text.  Free with json_decref.  Errors: RCR_ERR_PARSE,
 * RCR_ERR_MEMORY. */
rcr_status rcr_json_load(json_t **out, const char *text, size_t length, long line, rcr_error *err);
/* The same with the flags and the error of json_loadb. */
rcr_status rcr_json_load_any(json_t **out, json_error_t *why, const char *text, size_t length, size_t flags);
/* Crystal, id and properties of one JSON value. */
rcr_status rcr_json_record(rcr_record *record, json_t *value, rcr_error *err);
/* Add numbers, booleans and short texts of an object as properties; `skip`: keys that are left out, or NULL each.
 * prefix: put before a key that is there already.  0: out of memory. */
int rcr_json_properties(rcr_record *record, json_t *object, const char *const skip[2], const char *prefix);
/* 1 for the names under which entries keep a dictionary of further values. */
int rcr_json_is_inner(const char *key);
/* Name a record that has no id of its own yet.  *key: what its id was taken from; NULL: nothing.  0: out of memory. */
int rcr_json_id(rcr_record *record, const json_t *object, const char **key);
/* 1 when an object is a structure itself: pymatgen's, plain, JARVIS', OPTIMADE's. */
int rcr_json_is_structure(const json_t *object);
rcr_status rcr_json_structure(rcr_crystal **out, const json_t *object, rcr_error *err);
/* io/optimade.c: an object of OPTIMADE's attributes (lattice_vectors, species, ..). */
rcr_status rcr_optimade_structure(rcr_crystal **out, const json_t *attributes, rcr_error *err);

#endif
