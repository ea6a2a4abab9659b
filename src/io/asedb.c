/* ASE databases: SQLite files with a table "systems", a row for each structure (ase.db, schema versions 3 to 9). */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/transform.h"
#include "io/asedb_file.h"
#include "io/reader_parts.h"

enum { MAX_TABLES = 1000 };

/* The columns that are read, of those that this version has. */
enum {
    COLUMN_ID,
    COLUMN_UNIQUE_ID,
    COLUMN_NUMBERS,
    COLUMN_POSITIONS,
    COLUMN_CELL,
    COLUMN_PBC,
    COLUMN_PAIRS,
    COLUMN_DATA,
    COLUMN_ENERGY,
    COLUMN_FREE_ENERGY,
    COLUMN_MAGMOM,
    COLUMN_FMAX,
    COLUMN_SMAX,
    N_COLUMNS
};
static const char *const column_name[N_COLUMNS] = {
    "id",   "unique_id", "numbers",     "positions", "cell", "pbc", "key_value_pairs",
    "data", "energy",    "free_energy", "magmom",    "fmax", "smax"};

/* An external table of key and value by the id of a row.  It has no index, so its rows are gone through once, beside
 * those of the structures. */
typedef struct ext_table {
    char *name;
    sqlite3_stmt *rows; /* in the order of their ids */
    int at_row;         /* a row is at hand, that is not dealt with; its id: */
    sqlite3_int64 id;
    int64_t n_read;
    int begun, unsorted; /* an id is less than the one before */
    rcr_error broken;    /* why no more of it can be read */
    int done;
} ext_table;

typedef struct database {
    rcr_asedb_file file;
    sqlite3_stmt *rows;
    ext_table *tables;
    size_t n_tables;
    int64_t max_rows;      /* more than this no table of this file has */
    int at[N_COLUMNS];     /* place in the result; -1: this version has no such column */
    sqlite3_int64 last_id; /* of the last row */
    int begun, done;
} database;

static void close_database(void *self) {
    database *d = self;
    for (size_t k = 0; k < d->n_tables; k++) {
        sqlite3_finalize(d->tables[k].rows);
        rcr_free(d->tables[k].name);
    }
    rcr_free(d->tables);
    sqlite3_finalize(d->rows);
    rcr_asedb_file_close(&d->file);
    rcr_free(d);
}

static rcr_status fail_sqlite(const database *d, rcr_error *err, const char *doing) {
    char what[80];
    rcr_fit(what, sizeof what, " (%s)", doing);
    return rcr_asedb_file_fail(&d->file, err, what);
}

/* ---------------------------------------------------------------- what tables there are */

/* 1 when `table` is a real table (no view, no virtual one); its columns that are read get their bits. */
static rcr_status find_columns(unsigned *found, database *d, const char *table, const char *const *names, int n,
                               rcr_error *err) {
    sqlite3_stmt *s;
    *found = 0;
    d->file.steps = 0;
    if (sqlite3_prepare_v2(d->file.db,
                           "SELECT x.name, x.hidden FROM pragma_table_list(?1) AS t, pragma_table_xinfo(?1) AS x "
                           "WHERE t.schema = 'main' AND t.type = 'table'",
                           -1, &s, NULL) != SQLITE_OK)
        return fail_sqlite(d, err, "looking for its tables");
    sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        for (int k = 0; k < n && name != NULL && sqlite3_column_int(s, 1) == 0; k++)
            if (strcmp(name, names[k]) == 0) *found |= 1u << k;
    }
    rcr_status status = code == SQLITE_DONE ? RCR_OK : fail_sqlite(d, err, "looking for its tables");
    sqlite3_finalize(s);
    return status;
}

static rcr_status prepare_rows(database *d, unsigned found, rcr_error *err) {
    rcr_text sql = {0};
    rcr_text_puts(&sql, "SELECT ");
    for (int k = 0, n = 0; k < N_COLUMNS; k++) {
        d->at[k] = found >> k & 1 ? n++ : -1;
        if (d->at[k] >= 0) rcr_text_printf(&sql, "%s\"%s\"", d->at[k] > 0 ? ", " : "", column_name[k]);
    }
    rcr_text_puts(&sql, " FROM main.systems ORDER BY id");
    rcr_status status = RCR_OK;
    if (sql.failed)
        status = rcr_fail_memory(err, "opening a database");
    else if (sqlite3_prepare_v2(d->file.db, sql.data, -1, &d->rows, NULL) != SQLITE_OK)
        status = fail_sqlite(d, err, "reading its structures");
    rcr_text_free(&sql);
    return status;
}

/* The rows of all pages together, at the least that one takes: pages that lead back to each other would give rows
 * without end. */
static rcr_status count_pages(database *d, rcr_error *err) {
    sqlite3_stmt *s;
    int64_t size = 0;
    if (sqlite3_prepare_v2(d->file.db,
                           "SELECT c.page_count * s.page_size FROM pragma_page_count AS c, pragma_page_size AS s", -1,
                           &s, NULL) != SQLITE_OK)
        return fail_sqlite(d, err, "counting its pages");
    if (sqlite3_step(s) == SQLITE_ROW) size = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    d->max_rows = size / 4;
    return RCR_OK;
}

static rcr_status break_table(ext_table *t, const database *d, int code) {
    if (code == SQLITE_ROW)
        rcr_fail(&t->broken, RCR_ERR_PARSE, "can't read the ASE database's table \"%.60s\": it is damaged", t->name);
    else if (code == SQLITE_INTERRUPT)
        rcr_fail(&t->broken, RCR_ERR_LIMIT, "the ASE database's table \"%.60s\" takes too long to read", t->name);
    else {
        char what[120];
        rcr_fit(what, sizeof what, "'s table \"%.60s\" from here on", t->name);
        rcr_asedb_file_fail(&d->file, &t->broken, what);
    }
    return t->broken.status;
}

/* Move to the next row that has a whole number for its id. */
static rcr_status advance_table(ext_table *t, database *d) {
    int code;
    t->at_row = 0;
    if (t->done || t->broken.status != RCR_OK) return t->broken.status;
    while ((code = sqlite3_step(t->rows)) == SQLITE_ROW && ++t->n_read <= d->max_rows) {
        d->file.steps = 0;
        if (sqlite3_column_type(t->rows, 0) != SQLITE_INTEGER) continue;
        sqlite3_int64 id = sqlite3_column_int64(t->rows, 0);
        t->unsorted = t->begun && id < t->id;
        if (t->unsorted) break;
        t->id = id;
        t->at_row = t->begun = 1;
        return RCR_OK;
    }
    t->done = 1;
    return code == SQLITE_DONE ? RCR_OK : break_table(t, d, code);
}

/* Most lie in the order of their ids already, as they were written; to sort them, SQLite has to hold them. */
static int is_sorted(ext_table *t, database *d) {
    while (advance_table(t, d) == RCR_OK && t->at_row) continue;
    return !t->unsorted;
}

/* A table's name in SQL: quotation marks doubled. */
static rcr_status prepare_rows_of_table(ext_table *t, database *d, const char *order, rcr_error *err) {
    char *sql = sqlite3_mprintf("SELECT id, key, value FROM main.\"%w\"%s", t->name, order);
    if (sql == NULL) return rcr_fail_memory(err, "opening a database");
    int code = sqlite3_prepare_v2(d->file.db, sql, -1, &t->rows, NULL);
    sqlite3_free(sql);
    return code == SQLITE_OK ? RCR_OK : fail_sqlite(d, err, "reading its tables");
}

/* What is damaged in it is an error of the rows that it belongs to. */
static rcr_status open_table(ext_table *t, database *d, rcr_error *err) {
    rcr_status status = prepare_rows_of_table(t, d, "", err);
    if (status != RCR_OK) return status;
    int sorted = is_sorted(t, d);
    int64_t n = t->n_read;
    sqlite3_reset(t->rows);
    *t = (ext_table){.name = t->name, .rows = t->rows};
    if (!sorted) {
        sqlite3_finalize(t->rows);
        t->rows = NULL;
        if ((status = prepare_rows_of_table(t, d, " ORDER BY id", err)) != RCR_OK) return status;
    }
    d->file.steps = sorted ? 0 : -50 * (long)n; /* of sorting */
    return advance_table(t, d) == RCR_ERR_MEMORY ? rcr_fail_memory(err, "opening a database") : RCR_OK;
}

static rcr_status add_table(database *d, const char *name, rcr_error *err) {
    static const char *const names[] = {"id", "key", "value"};
    unsigned found;
    rcr_status status = find_columns(&found, d, name, names, 3, err);
    if (status != RCR_OK || found != 7) return status;
    if (d->n_tables == MAX_TABLES)
        return rcr_fail(err, RCR_ERR_LIMIT, "the ASE database has more than %d external tables", MAX_TABLES);
    ext_table *grown = rcr_realloc(d->tables, d->n_tables + 1, sizeof *grown);
    char *copy = rcr_strdup(name);
    if (grown != NULL) d->tables = grown;
    if (grown == NULL || copy == NULL) {
        rcr_free(copy);
        return rcr_fail_memory(err, "opening a database");
    }
    ext_table *t = &d->tables[d->n_tables++];
    *t = (ext_table){.name = copy};
    return open_table(t, d, err);
}

/* External tables are named in the table "information". */
static rcr_status prepare_tables(database *d, rcr_error *err) {
    static const char *const names[] = {"name", "value"};
    unsigned found;
    sqlite3_stmt *s;
    rcr_status status = find_columns(&found, d, "information", names, 2, err);
    if (status != RCR_OK || found != 3) return status;
    if ((status = count_pages(d, err)) != RCR_OK) return status;
    if (sqlite3_prepare_v2(d->file.db, "SELECT value FROM main.information WHERE name = 'external_table_name'", -1, &s,
                           NULL) != SQLITE_OK)
        return fail_sqlite(d, err, "reading its information");
    int code = SQLITE_DONE;
    while (status == RCR_OK && (code = sqlite3_step(s)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(s, 0);
        if (name != NULL) status = add_table(d, name, err);
    }
    if (status == RCR_OK && code != SQLITE_DONE) status = fail_sqlite(d, err, "reading its information");
    sqlite3_finalize(s);
    return status;
}

static rcr_status prepare(database *d, rcr_error *err) {
    unsigned found,
        needed = 1u << COLUMN_ID | 1u << COLUMN_NUMBERS | 1u << COLUMN_POSITIONS | 1u << COLUMN_CELL | 1u << COLUMN_PBC;
    rcr_status status = find_columns(&found, d, "systems", column_name, N_COLUMNS, err);
    if (status != RCR_OK) return status;
    if ((found & needed) != needed)
        return rcr_fail(
            err, RCR_ERR_UNSUPPORTED,
            "this SQLite file is no ASE database: it has no table \"systems\" with numbers, positions, cell "
            "and pbc");
    status = prepare_tables(d, err);
    rcr_asedb_file_allow_rows(&d->file);
    if (status == RCR_OK) status = prepare_rows(d, found, err);
    d->file.steps = 0;
    return status;
}

/* ---------------------------------------------------------------- a row */

typedef struct blob {
    const unsigned char *data;
    size_t size;
} blob;

static blob get_blob(const database *d, int column) {
    if (d->at[column] < 0) return (blob){NULL, 0};
    const void *data = sqlite3_column_blob(d->rows, d->at[column]);
    return (blob){data, data != NULL ? (size_t)sqlite3_column_bytes(d->rows, d->at[column]) : 0};
}

/* Numbers lie little-endian, whatever machine wrote them. */
static uint64_t get_word(const unsigned char *at, int bytes) {
    uint64_t word = 0;
    for (int i = bytes - 1; i >= 0; i--) word = word << 8 | at[i];
    return word;
}

static double get_double(const unsigned char *at) {
    uint64_t word = get_word(at, 8);
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static rcr_status read_crystal(rcr_crystal **out, const database *d, rcr_error *err) {
    blob numbers = get_blob(d, COLUMN_NUMBERS), positions = get_blob(d, COLUMN_POSITIONS),
         cell = get_blob(d, COLUMN_CELL);
    size_t n = numbers.size / 4;
    double inverse[3][3];
    if (sqlite3_column_int(d->rows, d->at[COLUMN_PBC]) != 7)
        return rcr_fail(err, RCR_ERR_DATA, "pbc says that it is not periodic in all three directions");
    if (numbers.size != 4 * n || positions.size / 24 != n || positions.size % 24 != 0 || cell.size != 72)
        return rcr_fail(
            err, RCR_ERR_PARSE,
            "numbers, positions and cell have %zu, %zu and %zu bytes; expected 4 and 24 for each atom, and 72",
            numbers.size, positions.size, cell.size);
    if (n == 0) return rcr_fail(err, RCR_ERR_DATA, "the row has no atoms");
    rcr_crystal *crystal;
    rcr_status status = rcr_crystal_create(&crystal, "", (int32_t)n, err);
    if (status != RCR_OK) return status;
    for (int i = 0; i < 9; i++) crystal->lattice[i / 3][i % 3] = get_double(cell.data + 8 * (size_t)i);
    if (!rcr_lattice_invert(inverse, (const double(*)[3])crystal->lattice))
        status = rcr_fail(err, RCR_ERR_DATA, "the cell has no volume");
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        uint64_t z = get_word(numbers.data + 4 * i, 4);
        double r[3];
        for (size_t k = 0; k < 3; k++) r[k] = get_double(positions.data + 24 * i + 8 * k);
        for (int j = 0; j < 3; j++)
            crystal->frac[i][j] = r[0] * inverse[0][j] + r[1] * inverse[1][j] + r[2] * inverse[2][j];
        crystal->atomic_number[i] = z <= 118 ? (uint8_t)z : 0;
        if (z < 1 || z > 118)
            status =
                rcr_fail(err, RCR_ERR_UNSUPPORTED, "atom %zu: there is no element %llu", i + 1, (unsigned long long)z);
    }
    if (status == RCR_OK) status = rcr_crystal_check(crystal, err);
    if (status == RCR_OK)
        *out = crystal;
    else
        rcr_crystal_free(crystal);
    return status;
}

/* Key-value pairs are JSON.  `data` is too, before version 9; since then it is a number of bytes, arrays, and JSON. The
 * number may begin with the byte of '{'; eight bytes of JSON are a number far beyond any size. */
static int add_json(rcr_record *record, blob text, const char *prefix) {
    size_t at = 0;
    if (text.size >= 8 && get_word(text.data, 8) < text.size) at = (size_t)get_word(text.data, 8);
    if (text.size <= at || text.data[at] != '{') return 1;
    json_t *object = NULL;
    const char *skip[2] = {NULL, NULL};
    rcr_status status = rcr_json_load(&object, (const char *)text.data + at, text.size - at, 0, NULL);
    int kept = status != RCR_ERR_MEMORY;
    if (status == RCR_OK)
        kept = rcr_json_id(record, object, &skip[0]) && rcr_json_properties(record, object, skip, prefix);
    json_decref(object);
    return kept;
}

static int add_number(rcr_record *record, const char *key, size_t n, double value) {
    char text[32];
    rcr_format_double(text, value);
    return rcr_record_add(record, key, n, text, strlen(text));
}

static int add_columns(rcr_record *record, const database *d) {
    for (int k = COLUMN_ENERGY; k <= COLUMN_SMAX; k++) {
        int type = d->at[k] >= 0 ? sqlite3_column_type(d->rows, d->at[k]) : SQLITE_NULL;
        if (type != SQLITE_FLOAT && type != SQLITE_INTEGER) continue;
        if (!add_number(record, column_name[k], strlen(column_name[k]), sqlite3_column_double(d->rows, d->at[k])))
            return 0;
    }
    return 1;
}

static int add_entry(rcr_record *record, sqlite3_stmt *s) {
    const char *key = (const char *)sqlite3_column_text(s, 1);
    int type = sqlite3_column_type(s, 2);
    if (key == NULL || key[0] == '\0') return 1;
    if (type == SQLITE_FLOAT || type == SQLITE_INTEGER)
        return add_number(record, key, strlen(key), sqlite3_column_double(s, 2));
    const char *value = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(s, 2) : NULL;
    return value == NULL || strlen(value) > 255 || rcr_record_add(record, key, strlen(key), value, strlen(value));
}

/* What the tables have under this row's id; one that is damaged there, or before, is the record's error. */
static int add_tables(rcr_record *record, database *d) {
    for (size_t k = 0; k < d->n_tables; k++) {
        ext_table *t = &d->tables[k];
        while (t->at_row && t->id <= d->last_id) {
            if (t->id == d->last_id && !add_entry(record, t->rows)) return 0;
            advance_table(t, d);
        }
        if (t->broken.status != RCR_OK && record->error.status == RCR_OK) record->error = t->broken;
    }
    return record->error.status != RCR_ERR_MEMORY;
}

static rcr_status hash_row(rcr_record *record, const database *d) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return rcr_fail_memory(&record->error, "reading a database");
    for (int k = COLUMN_NUMBERS; k < N_COLUMNS; k++) {
        blob b = get_blob(d, k);
        char size[32];
        snprintf(size, sizeof size, "%zu;", b.size);
        rcr_sha256_add(hash, size, strlen(size));
        if (b.size > 0) rcr_sha256_add(hash, b.data, b.size);
    }
    rcr_sha256_finish(hash, record->sha256);
    return RCR_OK;
}

/* A database has no lines: its rows are told by the ids that ASE counts them with. */
static void name_row(rcr_error *err, const database *d) {
    char message[sizeof err->message];
    memcpy(message, err->message, sizeof message);
    rcr_fail(err, err->status, "row %lld: %s", (long long)d->last_id, message);
}

static int take_unique(rcr_record *record, blob unique) {
    if (!record->by_name) return rcr_record_name(record, (const char *)unique.data, unique.size, 0);
    rcr_free(record->spare_id);
    record->spare_id = rcr_strndup((const char *)unique.data, unique.size);
    return record->spare_id != NULL;
}

static void read_row(rcr_record *record, database *d) {
    rcr_error *err = &record->error;
    blob unique = {NULL, 0};
    if (hash_row(record, d) != RCR_OK) return;
    int kept = add_json(record, get_blob(d, COLUMN_PAIRS), NULL) && add_columns(record, d) && add_tables(record, d) &&
               add_json(record, get_blob(d, COLUMN_DATA), "data");
    if (kept && (!record->own_id || record->by_name)) unique = get_blob(d, COLUMN_UNIQUE_ID);
    if (kept && unique.size > 0 && unique.size <= 200 && memchr(unique.data, '\0', unique.size) == NULL)
        kept = take_unique(record, unique);
    if (!kept)
        rcr_fail_memory(err, "reading a database");
    else if (err->status == RCR_OK)
        read_crystal(&record->crystal, d, err);
    if (err->status != RCR_OK && err->status != RCR_ERR_MEMORY) name_row(err, d);
}

static int next_row(void *self, rcr_record *record, int *last) {
    database *d = self;
    if (d->done) return 0;
    d->file.steps = 0;
    int code = sqlite3_step(d->rows);
    if (code == SQLITE_DONE) return 0;
    if (code == SQLITE_ROW) {
        /* Ids grow, unless pages of the file lead back to each other, which would give rows without end. */
        sqlite3_int64 id = sqlite3_column_int64(d->rows, d->at[COLUMN_ID]);
        if (!d->begun || id > d->last_id) {
            d->begun = 1;
            d->last_id = id;
            read_row(record, d);
            return 1;
        }
        rcr_fail(&record->error, RCR_ERR_PARSE,
                 "can't read the ASE database: its rows are not in order, it is damaged");
    } else if (code == SQLITE_INTERRUPT) {
        rcr_fail(&record->error, RCR_ERR_LIMIT, "the ASE database takes too long to read a row of");
    } else {
        fail_sqlite(d, &record->error, "reading a row; those after it can't be found");
    }
    d->done = *last = 1;
    return 1;
}

int rcr_looks_like_sqlite(const char *text, size_t length) {
    return length >= 16 && memcmp(text, "SQLite format 3", 16) == 0;
}

rcr_status rcr_cut_asedb(rcr_cutter *out, const char *path, const void *data, size_t length, void *own,
                         rcr_error *err) {
    database *d = rcr_calloc(1, sizeof *d);
    if (d == NULL) {
        rcr_free(own);
        return rcr_fail_memory(err, "opening a database");
    }
    rcr_status status = rcr_asedb_file_open(&d->file, path, data, length, own, err);
    if (status == RCR_OK) status = prepare(d, err);
    if (status != RCR_OK) {
        close_database(d);
        return status;
    }
    *out = (rcr_cutter){.format = "ASE database", .self = d, .next = next_row, .close = close_database};
    return RCR_OK;
}
