#include "io/reader.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/floating.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/archive.h"
#include "io/reader_parts.h"

/* What is looked at to tell a format; the most that is held of a packed database, and of an archive. */
enum { FIRST_BYTES = 1 << 16 };
static const char single_format[] = "structure file";
#define MAX_HELD ((size_t)8 << 30)

struct rcr_reader {
    char *path;
    rcr_cutter cutter; /* of the file that is being cut; next NULL: none is */
    char *file, *stem; /* its name for messages, and the name that its structures' ids come from */
    char *bytes;       /* of a member of an archive; NULL otherwise */
    uint64_t number;   /* of the last record in it */
    int ended;         /* no record of it follows */
    int failed;        /* why it can't be read on has been told */
    const char *format;

    /* A folder or an archive. */
    rcr_folder *folder;
    int is_archive, with_tables;
    const char *const *name;
    size_t n_names, next_name;
};

/* ---------------------------------------------------------------- tables that records share */

rcr_table *rcr_table_new(void) {
    rcr_table *table = rcr_calloc(1, sizeof *table);
    if (table == NULL) return NULL;
    atomic_init(&table->owners, 1);
    table->structure = SIZE_MAX;
    return table;
}

rcr_table *rcr_table_own(rcr_table *table) {
    if (table != NULL) atomic_fetch_add(&table->owners, 1);
    return table;
}

void rcr_table_free(rcr_table *table) {
    if (table == NULL || atomic_fetch_sub(&table->owners, 1) > 1) return;
    for (size_t k = 0; table->column != NULL && k < table->n_columns; k++) rcr_free(table->column[k]);
    rcr_free(table->column);
    rcr_free(table->structure_name);
    json_decref(table->other_columns);
    rcr_free(table);
}

/* ---------------------------------------------------------------- records */

static void free_unparsed(rcr_unparsed *u) {
    if (u == NULL) return;
    rcr_free(u->text);
    rcr_free(u->key);
    rcr_table_free(u->table);
    rcr_free(u);
}

static void free_properties(rcr_record *record) {
    for (size_t k = 0; k < record->n_properties; k++) {
        rcr_free(record->property[k].key);
        rcr_free(record->property[k].value);
    }
    rcr_free(record->property);
    record->property = NULL;
    record->n_properties = 0;
}

void rcr_record_release(rcr_record *record) {
    rcr_free(record->id);
    rcr_free(record->spare_id);
    rcr_free(record->file);
    rcr_crystal_free(record->crystal);
    free_properties(record);
    free_unparsed(record->unparsed);
    memset(record, 0, sizeof *record);
}

size_t rcr_record_bytes(const rcr_record *record) {
    size_t bytes = sizeof *record;
    if (record->unparsed != NULL) bytes += record->unparsed->length;
    if (record->crystal != NULL) bytes += 32 * (size_t)record->crystal->n_sites;
    return bytes;
}

int rcr_record_add(rcr_record *record, const char *key, size_t key_length, const char *value, size_t value_length) {
    size_t n = record->n_properties;
    if (value_length == 0) return 1;
    if ((n & (n - 1)) == 0) { /* room for 1, 2, 4, ... */
        rcr_property *grown = rcr_realloc(record->property, n > 0 ? 2 * n : 1, sizeof *grown);
        if (grown == NULL) return 0;
        record->property = grown;
    }
    rcr_property *p = &record->property[n];
    p->key = rcr_strndup(key, key_length);
    p->value = rcr_strndup(value, value_length);
    if (p->key != NULL && p->value != NULL) {
        record->n_properties++;
        return 1;
    }
    rcr_free(p->key);
    rcr_free(p->value);
    return 0;
}

int rcr_record_name(rcr_record *record, const char *id, size_t length, int by_name) {
    char *copy = rcr_strndup(id, length);
    if (copy == NULL) return 0;
    rcr_free(by_name ? record->spare_id : record->id);
    if (by_name) record->spare_id = record->id;
    record->id = copy;
    record->own_id = 1;
    record->by_name = by_name;
    return 1;
}

const char *rcr_record_property(const rcr_record *record, const char *key) {
    for (size_t k = 0; k < record->n_properties; k++)
        if (strcmp(record->property[k].key, key) == 0) return record->property[k].value;
    return NULL;
}

void rcr_cut_take(rcr_record *record, rcr_window *w, int kind, rcr_table *table) {
    rcr_unparsed *u = rcr_calloc(1, sizeof *u);
    size_t length = w->at - w->begin;
    char *text = u != NULL ? rcr_strndup(w->data + w->begin, length) : NULL;
    record->line = w->line;
    rcr_window_drop(w);
    if (text == NULL) {
        rcr_free(u);
        rcr_fail_memory(&record->error, "reading a structure");
        return;
    }
    u->kind = kind;
    u->text = text;
    u->length = length;
    u->table = rcr_table_own(table);
    record->unparsed = u;
}

int rcr_cut_failed(rcr_record *record, const rcr_window *w) {
    if (w->error.status == RCR_OK) return 0;
    record->error = w->error;
    return 1;
}

static void parse_file(rcr_record *record) {
    const rcr_unparsed *u = record->unparsed;
    char *name = rcr_strndup(record->file, rcr_unpacked_name_length(record->file));
    if (name == NULL) {
        rcr_fail_memory(&record->error, "reading a structure");
        return;
    }
    if (rcr_structure_parse(&record->crystal, name, u->text, u->length, &record->error) != RCR_OK)
        record->error.file[0] = '\0';
    rcr_free(name);
}

static void hash_text(rcr_record *record) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) {
        rcr_fail_memory(&record->error, "reading a structure");
        return;
    }
    rcr_sha256_add(hash, record->unparsed->text, record->unparsed->length);
    rcr_sha256_finish(hash, record->sha256);
}

/* The crystal's id is the record's. */
static void rename_crystal(rcr_record *record) {
    char *id = rcr_strdup(record->id);
    if (id != NULL) {
        rcr_free(record->crystal->id);
        record->crystal->id = id;
    } else {
        rcr_crystal_free(record->crystal);
        record->crystal = NULL;
        rcr_fail_memory(&record->error, "reading a structure");
    }
}

/* A parser sets the error's message and status where it fails, and leaves a crystal where it does not. */
void rcr_record_parse(rcr_record *record) {
    record->value_line = record->line;
    if (record->unparsed != NULL && record->error.status == RCR_OK) {
        rcr_error problem = {.status = RCR_OK};
        record->error = problem;
        hash_text(record);
        switch (record->unparsed->kind) {
        case RCR_UNPARSED_FILE: parse_file(record); break;
        case RCR_UNPARSED_BLOCK:
        case RCR_UNPARSED_BLOCK_2: rcr_parse_block(record, record->unparsed->kind == RCR_UNPARSED_BLOCK_2); break;
        case RCR_UNPARSED_FRAME: rcr_parse_frame(record); break;
        case RCR_UNPARSED_JSON: rcr_parse_json(record); break;
        case RCR_UNPARSED_CSV: rcr_parse_csv(record); break;
        }
    }
    free_unparsed(record->unparsed);
    record->unparsed = NULL;
    if (record->error.status != RCR_OK) {
        rcr_crystal_free(record->crystal);
        record->crystal = NULL;
        if (record->error.line == 0) record->error.line = record->line;
        if (record->file != NULL) rcr_error_set_file(&record->error, record->file);
    } else if (record->crystal != NULL && record->id != NULL && strcmp(record->crystal->id, record->id) != 0) {
        rename_crystal(record);
    }
}

/* ---------------------------------------------------------------- names */

static int has_ending(const char *name, const char *const *endings) {
    size_t length = rcr_unpacked_name_length(name);
    for (; *endings != NULL; endings++) {
        size_t n = strlen(*endings);
        if (length > n && rcr_equals_ignore_case(name + length - n, n, *endings)) return 1;
    }
    return 0;
}

int rcr_is_table_name(const char *name) {
    static const char *const endings[] = {".csv", NULL};
    return has_ending(name, endings);
}

static int is_json_name(const char *name) {
    static const char *const endings[] = {".json", ".jsonl", ".ndjson", NULL};
    return has_ending(name, endings);
}

static int is_database_name(const char *name) {
    static const char *const endings[] = {".db", ".sqlite", ".sqlite3", NULL};
    return has_ending(name, endings);
}

/* Formats that are there for many structures; JSON and CIF often hold one. */
static int is_name_of_many(const char *name) {
    static const char *const endings[] = {".jsonl", ".ndjson", ".xyz", ".extxyz", ".csv", NULL};
    return has_ending(name, endings) || is_database_name(name) || rcr_is_archive_name(name);
}

int rcr_reader_loses_many(const char *path, const rcr_error *err) {
    if (err->status != RCR_ERR_IO || !rcr_path_exists(path)) return 0;
    return rcr_is_directory(path) || is_name_of_many(path);
}

int rcr_reader_takes(const char *name) {
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    if (strcmp(base, "atom_init.json") == 0) return 0;
    if (is_json_name(base) || is_database_name(base)) return 1;
    return rcr_format_detect(name, "", 0) != RCR_FORMAT_UNKNOWN;
}

/* ---------------------------------------------------------------- opening one file */

static void close_file(rcr_reader *r) {
    if (r->cutter.close != NULL) r->cutter.close(r->cutter.self);
    r->cutter = (rcr_cutter){0};
    rcr_free(r->file);
    rcr_free(r->stem);
    rcr_free(r->bytes);
    r->file = r->stem = r->bytes = NULL;
}

/* Where the bytes of a window come from; path NULL: data[0 .. length). */
typedef struct source {
    const char *path;
    const void *data;
    size_t length;
    int packed;
} source;

/* A database is no stream: its file is opened by SQLite, or held in memory where it is packed. */
static rcr_status open_database(rcr_cutter *out, rcr_window *w, const source *from, rcr_error *err) {
    rcr_unpacker *again;
    char *bytes;
    size_t length;
    if (!from->packed) {
        rcr_window_release(w);
        return rcr_cut_asedb(out, from->path, from->data, from->length, NULL, err);
    }
    rcr_status status = rcr_unpacker_again(&again, w->from, err);
    if (status == RCR_OK) {
        status = rcr_unpacker_rest(&bytes, &length, again, MAX_HELD, err);
        rcr_unpacker_free(again);
    }
    rcr_window_release(w);
    return status == RCR_OK ? rcr_cut_asedb(out, NULL, bytes, length, bytes, err) : status;
}

static rcr_status open_text(rcr_cutter *out, rcr_window *w, rcr_format format, rcr_error *err) {
    if (format == RCR_FORMAT_EXTXYZ) return rcr_cut_frames(out, w, err);
    return format == RCR_FORMAT_CIF ? rcr_cut_cif(out, w, err) : rcr_cut_file(out, w, err);
}

/* The cutter for what a window shows.  utf8: NULL, or all of it where it is in UTF-16; taken over. */
static rcr_status open_window(rcr_cutter *out, rcr_window *w, char *utf8, size_t length, const char *name,
                              const source *from, rcr_error *err) {
    static const char *const table_endings[] = {".csv", ".tsv", NULL};
    const char *text = utf8 != NULL ? utf8 : w->data;
    rcr_status status = has_ending(name, table_endings) ? rcr_csv_check_separator(text, length, err) : RCR_OK;
    if (status != RCR_OK) {
        rcr_free(utf8);
        rcr_window_release(w);
        return status;
    }
    rcr_format format = rcr_format_detect(name, text, length);
    int json = rcr_looks_like_json(text, length) && format != RCR_FORMAT_POSCAR, csv = 0;
    int sqlite = rcr_looks_like_sqlite(text, length);
    if (!json && rcr_format_detect(name, "", 0) == RCR_FORMAT_UNKNOWN) csv = rcr_looks_like_structure_csv(text, length);
    /* The one structure of other formats stays as it is: its bytes are what a record is known by. */
    if (utf8 != NULL && (json || csv > 0 || format == RCR_FORMAT_EXTXYZ))
        rcr_cut_replace(w, utf8, length);
    else
        rcr_free(utf8);
    if (csv < 0) {
        rcr_window_release(w);
        return rcr_fail_memory(err, "opening a file");
    }
    if (sqlite) return open_database(out, w, from, err);
    if (json) return rcr_cut_json(out, w, name, err);
    return csv ? rcr_cut_csv(out, w, err) : open_text(out, w, format, err);
}

/* The cutter for what the unpacker gives, which is taken over.  path NULL: data[0 .. length). */
static rcr_status open_cutter(rcr_reader *r, rcr_unpacker *from, const char *path, const void *data, size_t length,
                              rcr_error *err) {
    rcr_window w;
    char *utf8 = NULL;
    const source bytes = {path, data, length, rcr_unpacker_packing(from) == RCR_PACKING_STREAM};
    rcr_status status = rcr_window_open(&w, from, RCR_RECORD_MAX_BYTES, err);
    if (status != RCR_OK) return status;
    rcr_window_fill(&w, FIRST_BYTES);
    if ((status = w.error.status) != RCR_OK && err != NULL) *err = w.error;
    size_t n = w.end - w.begin;
    if (status == RCR_OK && n == 0) status = rcr_fail(err, RCR_ERR_DATA, "the file is empty");
    if (status == RCR_OK) status = rcr_cut_utf8(&utf8, &n, &w, err);
    char *name = rcr_strndup(r->file, rcr_unpacked_name_length(r->file));
    if (status == RCR_OK && name == NULL) status = rcr_fail_memory(err, "opening a file");
    if (status == RCR_OK) {
        status = open_window(&r->cutter, &w, utf8, n, name, &bytes, err);
    } else {
        rcr_free(utf8);
        rcr_window_release(&w);
    }
    rcr_free(name);
    return status;
}

/* Name the file that is being opened; takes nothing over. */
static rcr_status name_file(rcr_reader *r, const char *file, rcr_error *err) {
    close_file(r);
    r->file = rcr_strdup(file);
    r->stem = rcr_structure_id(file);
    r->number = 0;
    r->ended = r->failed = 0;
    return r->file != NULL && r->stem != NULL ? RCR_OK : rcr_fail_memory(err, "opening a file");
}

static rcr_status open_archive(rcr_reader *r, rcr_unpacker *u, const char *path, const void *data, size_t length,
                               rcr_error *err) {
    rcr_unpacker_free(u);
    r->is_archive = 1;
    return path != NULL ? rcr_folder_open(&r->folder, path, err)
                        : rcr_folder_open_memory(&r->folder, data, length, MAX_HELD, err);
}

/* ---------------------------------------------------------------- folders and archives */

/* "folder/name"; NULL when out of memory. */
static char *join(const char *folder, const char *name) {
    rcr_text path = {0};
    size_t end = strlen(folder);
    rcr_text_printf(&path, "%s%s", folder, end == 0 || folder[end - 1] == '/' ? "" : "/");
    rcr_text_puts(&path, name);
    if (path.failed) rcr_text_free(&path);
    return path.data;
}

/* Hidden files are what systems and editors put beside a user's own: macOS ._a.cif, which is no CIF. */
static int wants(const rcr_reader *r, const char *name) {
    const char *slash = strrchr(name, '/');
    if ((slash != NULL ? slash[1] : name[0]) == '.') return 0;
    if (!r->is_archive && strchr(name, '/') != NULL) return 0;
    if (r->is_archive && rcr_is_archive_name(name)) return 1; /* whatever is in it must not be missing without a word */
    return rcr_reader_takes(name) || (r->with_tables && rcr_is_table_name(name));
}

/* The member of that name.  Real files are read as they are needed. */
static rcr_status open_member(rcr_reader *r, const char *name, rcr_error *err) {
    rcr_unpacker *u = NULL;
    char *file = join(r->path, name);
    rcr_status status = file != NULL ? name_file(r, file, err) : rcr_fail_memory(err, "opening a file");
    rcr_free(file);
    size_t length = 0;
    if (status == RCR_OK && r->is_archive) {
        status = rcr_folder_read(&r->bytes, &length, r->folder, name, err);
        if (status == RCR_OK) status = rcr_unpacker_open_memory(&u, r->bytes, length, err);
    } else if (status == RCR_OK) {
        status = rcr_unpacker_open(&u, r->file, err);
    }
    if (status != RCR_OK) return status;
    if (rcr_unpacker_packing(u) == RCR_PACKING_ARCHIVE) {
        rcr_unpacker_free(u);
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "this is an archive within %s; give it by itself",
                        r->is_archive ? "another" : "a folder");
    }
    return open_cutter(r, u, r->is_archive ? NULL : r->file, r->bytes, length, err);
}

static rcr_status open_folder(rcr_reader *r, rcr_error *err) {
    rcr_status status = rcr_folder_list(&r->name, &r->n_names, r->folder, err);
    if (status != RCR_OK) return status;
    for (r->with_tables = 0; r->with_tables < 2; r->with_tables++)
        for (size_t i = 0; i < r->n_names; i++)
            if (wants(r, r->name[i])) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_DATA, r->path, 0,
                       "holds no structure file (.cif, POSCAR, .xyz, .extxyz, .json, .db, ...)%s",
                       r->is_archive ? "" : "; folders in it are not looked into");
}

/* ---------------------------------------------------------------- the reader */

static rcr_status open_any(rcr_reader *r, const char *path, const void *data, size_t length, rcr_error *err) {
    rcr_unpacker *u;
    if (path != NULL && rcr_is_directory(path)) {
        rcr_status status = rcr_folder_open(&r->folder, path, err);
        return status == RCR_OK ? open_folder(r, err) : status;
    }
    rcr_status status =
        path != NULL ? rcr_unpacker_open(&u, path, err) : rcr_unpacker_open_memory(&u, data, length, err);
    if (status != RCR_OK) return status;
    if (rcr_unpacker_packing(u) == RCR_PACKING_ARCHIVE) {
        status = open_archive(r, u, path, data, length, err);
        return status == RCR_OK ? open_folder(r, err) : status;
    }
    status = name_file(r, r->path, err);
    if (status != RCR_OK) {
        rcr_unpacker_free(u);
        return status;
    }
    status = open_cutter(r, u, path, data, length, err);
    r->format = r->cutter.format;
    return status;
}

static rcr_status open_reader(rcr_reader **out, const char *name, const char *path, const void *data, size_t length,
                              rcr_error *err) {
    rcr_reader *r = rcr_calloc(1, sizeof *r);
    if (r == NULL) return rcr_fail_memory(err, "opening a file");
    r->path = rcr_strdup(name);
    rcr_status status = r->path != NULL ? open_any(r, path, data, length, err) : rcr_fail_memory(err, "opening a file");
    if (status == RCR_OK) {
        *out = r;
        return RCR_OK;
    }
    if (name[0] != '\0') rcr_error_set_file(err, name);
    rcr_reader_close(r);
    return status;
}

rcr_status rcr_reader_open(rcr_reader **out, const char *path, rcr_error *err) {
    return open_reader(out, path, path, NULL, 0, err);
}

rcr_status rcr_reader_open_memory(rcr_reader **out, const char *name, const void *data, size_t length, rcr_error *err) {
    return open_reader(out, name, NULL, data, length, err);
}

rcr_status rcr_reader_open_folder(rcr_reader **out, const char *path, rcr_folder *folder, rcr_error *err) {
    rcr_reader *r = rcr_calloc(1, sizeof *r);
    char *copy = rcr_strdup(path);
    if (r == NULL || copy == NULL) {
        rcr_free(r);
        rcr_free(copy);
        rcr_folder_free(folder);
        return rcr_fail_memory(err, "opening a folder");
    }
    *r = (rcr_reader){.path = copy, .folder = folder, .is_archive = !rcr_is_directory(path)};
    rcr_status status = open_folder(r, err);
    if (status == RCR_OK)
        *out = r;
    else
        rcr_reader_close(r);
    return status;
}

void rcr_reader_close(rcr_reader *r) {
    if (r == NULL) return;
    close_file(r);
    rcr_folder_free(r->folder);
    rcr_free(r->path);
    rcr_free(r);
}

const char *rcr_reader_format_name(const rcr_reader *r) { return r->folder != NULL ? "folder" : r->format; }
int rcr_reader_is_folder(const rcr_reader *r) { return r->folder != NULL; }
int rcr_reader_is_single(const rcr_reader *r) { return r->folder == NULL && strcmp(r->format, single_format) == 0; }

/* Whether the file is of a kind that holds many structures; one that could not be opened is told by its name. */
static int holds_many(const rcr_reader *r) {
    return r->cutter.next != NULL ? strcmp(r->cutter.format, single_format) != 0 : is_name_of_many(r->file);
}

/* What a record is called that its file does not name; NULL: out of memory. */
static char *given_id(const rcr_reader *r, const rcr_record *record) {
    rcr_text id = {0};
    if (record->alone)
        rcr_text_puts(&id, r->stem);
    else
        rcr_text_printf(&id, "%s-%llu", r->stem, (unsigned long long)record->number);
    if (id.failed) rcr_text_free(&id);
    return id.data;
}

/* The record's file, number and, where the file does not name it, its id. */
static void finish_record(rcr_reader *r, rcr_record *record, int last) {
    record->number = ++r->number;
    record->alone = record->number == 1 && last;
    record->cut_off = record->error.status == RCR_ERR_IO && holds_many(r);
    record->file = rcr_strdup(r->file);
    int lacks_spare = record->by_name && record->spare_id == NULL;
    if (!record->own_id) {
        rcr_free(record->id);
        record->id = given_id(r, record);
    } else if (lacks_spare) {
        record->spare_id = given_id(r, record);
    }
    if (record->file == NULL || record->id == NULL || (lacks_spare && record->spare_id == NULL))
        rcr_fail_memory(&record->error, "reading a structure");
    if (record->error.status != RCR_OK && record->file != NULL) {
        if (record->error.line == 0) record->error.line = record->line;
        rcr_error_set_file(&record->error, record->file);
    }
}

/* A member that can't be opened is a record; a JSON file in which no structures are seen belongs to something else. */
static int next_member(rcr_reader *r, rcr_record *record) {
    while (r->folder != NULL && r->next_name < r->n_names) {
        const char *name = r->name[r->next_name++];
        rcr_error err = {.status = RCR_OK};
        if (!wants(r, name)) continue;
        rcr_status status = open_member(r, name, &err);
        if (status == RCR_OK) return 1;
        if (status == RCR_ERR_UNSUPPORTED && is_json_name(name)) continue;
        memset(record, 0, sizeof *record);
        record->error = err;
        r->ended = 1;
        if (r->file != NULL && r->stem != NULL) finish_record(r, record, 1);
        return -1;
    }
    return 0;
}

/* The cutter's next record.  Where it takes bytes that can't be read for the end of the file, a last record says so. */
static int cut_next(rcr_reader *r, rcr_record *record, int *last) {
    const rcr_window *w = r->cutter.window;
    int given = r->cutter.next(r->cutter.self, record, last);
    if (w == NULL || w->error.status == RCR_OK) return given;
    if (!given && !r->failed) {
        rcr_record_release(record);
        record->line = w->line;
        given = *last = rcr_cut_failed(record, w);
    }
    if (record->error.status == w->error.status) r->failed = 1;
    if (!r->failed) *last = 0;
    return given;
}

int rcr_reader_next(rcr_reader *r, rcr_record *record) {
    for (;;) {
        int last = 0;
        memset(record, 0, sizeof *record);
        if (r->cutter.next != NULL && !r->ended) {
            int given = cut_next(r, record, &last);
            if (given) {
                r->ended = last;
                finish_record(r, record, last);
                return 1;
            }
            rcr_record_release(record);
        }
        r->ended = 1;
        int opened = next_member(r, record);
        if (opened <= 0) return -opened;
    }
}

int rcr_reader_read(rcr_reader *r, rcr_record *record) {
    if (!rcr_reader_next(r, record)) return 0;
    rcr_record_parse(record);
    return 1;
}

/* Takes the reader over. */
static rcr_status read_first(rcr_crystal **out, rcr_reader *r, const char *name, rcr_error *err) {
    rcr_record record;
    rcr_status status;
    if (rcr_reader_read(r, &record)) {
        status = record.error.status;
        if (status == RCR_OK) {
            *out = record.crystal;
            record.crystal = NULL;
        } else if (err != NULL) {
            *err = record.error;
        }
        rcr_record_release(&record);
    } else {
        status = rcr_fail_at(err, RCR_ERR_DATA, name, 0, "the file holds no structures");
    }
    rcr_reader_close(r);
    return status;
}

rcr_status rcr_reader_first(rcr_crystal **out, const char *name, const void *data, size_t length, rcr_error *err) {
    rcr_reader *r;
    if (name == NULL) name = "";
    rcr_status status = rcr_reader_open_memory(&r, name, data, length, err);
    return status == RCR_OK ? read_first(out, r, name, err) : status;
}

rcr_status rcr_crystal_read(rcr_crystal **out, const char *path, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_reader *r;
    if (rcr_is_directory(path)) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't read: it is a folder");
    rcr_status status = rcr_reader_open(&r, path, err);
    return status == RCR_OK ? read_first(out, r, path, err) : status;
}
