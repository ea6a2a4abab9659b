#include "cli/convert_out.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "cli/output.h"
#include "data/source.h"
#include "io/csv.h"

/* Errors that are shown on standard error; the rest are counted. */
enum { MAX_SHOWN_ERRORS = 20, MAX_NAME = 200 };

/* A row of a folder's id_prop.csv. */
typedef struct row {
    char *id;
    size_t n;
    char **value; /* [n] of each column; NULL where there is none */
} row;

/* A name in use, and the suffix to try next where it is asked for again. */
typedef struct used_name {
    char *text;
    unsigned long next;
} used_name;

struct rcr_convert_out {
    rcr_target_format format;
    const char *path;
    int is_folder, overwrite;
    rcr_output file; /* opened */
    int is_open;
    rcr_text pending; /* of JSON: the first structure, until it is known whether there are more */
    size_t n_written, n_failed;

    const char *errors_path;
    rcr_text own_errors_path, errors;

    /* A folder: names in use, whatever their case, in an open hash table; and the targets. */
    used_name *name;
    size_t n_names, n_slots;
    char **column;
    uint8_t *numeric; /* [n_columns] 1 while all values were numbers */
    size_t n_columns;
    row *row;
    size_t n_rows, capacity;
};

static const char *suffix_of(rcr_target_format format) {
    switch (format) {
    case RCR_TO_CIF: return ".cif";
    case RCR_TO_POSCAR: return ".vasp";
    case RCR_TO_EXTXYZ: return ".extxyz";
    default: return ".json";
    }
}

rcr_target_format rcr_format_of_output(const char *path) {
    static const struct {
        const char *suffix;
        rcr_target_format format;
    } known[] = {{".cif", RCR_TO_CIF},       {".vasp", RCR_TO_POSCAR}, {".poscar", RCR_TO_POSCAR},
                 {".extxyz", RCR_TO_EXTXYZ}, {".xyz", RCR_TO_EXTXYZ},  {".json", RCR_TO_JSON},
                 {".jsonl", RCR_TO_JSONL},   {".ndjson", RCR_TO_JSONL}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (rcr_ends_with(path, known[i].suffix)) return known[i].format;
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    if (strncmp(base, "POSCAR", 6) == 0 || strncmp(base, "CONTCAR", 7) == 0) return RCR_TO_POSCAR;
    return RCR_TO_AUTO;
}

int rcr_convert_is_folder(const char *path) {
    size_t n = strlen(path);
    return strcmp(path, "-") != 0 && (rcr_is_directory(path) || (n > 0 && path[n - 1] == '/'));
}

static void release(rcr_convert_out *out) {
    if (out->is_open) rcr_output_abort(&out->file);
    rcr_text_free(&out->pending);
    rcr_text_free(&out->own_errors_path);
    rcr_text_free(&out->errors);
    for (size_t i = 0; i < out->n_slots; i++) rcr_free(out->name[i].text);
    rcr_free(out->name);
    for (size_t i = 0; i < out->n_columns; i++) rcr_free(out->column[i]);
    rcr_free(out->column);
    rcr_free(out->numeric);
    for (size_t i = 0; i < out->n_rows; i++) {
        for (size_t k = 0; k < out->row[i].n; k++) rcr_free(out->row[i].value[k]);
        rcr_free(out->row[i].value);
        rcr_free(out->row[i].id);
    }
    rcr_free(out->row);
    rcr_free(out);
}

/* The path of a file in the folder; the caller releases it. */
static rcr_text path_in(const rcr_convert_out *out, const char *name, const char *suffix) {
    rcr_text path = {0};
    size_t n = strlen(out->path);
    rcr_text_printf(&path, "%s%s%s%s", out->path, n > 0 && out->path[n - 1] == '/' ? "" : "/", name, suffix);
    return path;
}

/* A table that the folder holds takes another one's place only when that is asked for. */
static rcr_status look_for_table(const rcr_convert_out *out, const char *name, const char *what, rcr_error *err) {
    if (out->overwrite) return RCR_OK;
    rcr_text path = path_in(out, name, "");
    rcr_status status = RCR_OK;
    if (path.failed)
        status = rcr_fail_memory(err, "converting");
    else if (rcr_path_exists(path.data))
        status = rcr_fail_at(err, RCR_ERR_MISMATCH, path.data, 0,
                             "the folder holds %s already: give another folder, or --overwrite", what);
    rcr_text_free(&path);
    return status;
}

/* A dataset's targets can't be made again from its structures, nor a table of errors from what could be read. */
static rcr_status look_for_dataset(const rcr_convert_out *out, rcr_error *err) {
    rcr_status status = look_for_table(out, "id_prop.csv", "a dataset", err);
    if (status != RCR_OK || out->errors_path != NULL) return status;
    return look_for_table(out, "errors.csv", "a table of errors", err);
}

rcr_status rcr_convert_out_open(rcr_convert_out **made, const char *path, rcr_target_format format,
                                const char *errors_path, int overwrite, rcr_error *err) {
    rcr_convert_out *out = rcr_calloc(1, sizeof *out);
    rcr_status status = RCR_OK;
    if (out == NULL) return rcr_fail_memory(err, "converting");
    out->format = format;
    out->path = path;
    out->is_folder = rcr_convert_is_folder(path);
    out->overwrite = overwrite;
    out->errors_path = errors_path;
    if (out->is_folder) {
        status = rcr_make_directory(path, err);
        if (status == RCR_OK) status = look_for_dataset(out, err);
        if (status == RCR_OK && errors_path == NULL) {
            out->own_errors_path = path_in(out, "errors.csv", "");
            if (out->own_errors_path.failed) status = rcr_fail_memory(err, "converting");
            out->errors_path = out->own_errors_path.data;
        }
    } else {
        status = rcr_output_open(&out->file, path, err);
        out->is_open = status == RCR_OK;
    }
    rcr_text_puts(&out->errors, "id,file,line,reason\n");
    if (status == RCR_OK)
        *made = out;
    else
        release(out);
    return status;
}

size_t rcr_convert_out_written(const rcr_convert_out *out) { return out->n_written; }
size_t rcr_convert_out_failed(const rcr_convert_out *out) { return out->n_failed; }
const char *rcr_convert_out_errors(const rcr_convert_out *out) { return out->errors_path; }

/* ---- errors */

static void add_error(rcr_convert_out *out, const rcr_record *record) {
    const rcr_error *e = &record->error;
    const char *file = e->file[0] != '\0' ? e->file : record->file != NULL ? record->file : "";
    char line[32] = "";
    out->n_failed++;
    if (out->errors_path == NULL) {
        if (out->n_failed > MAX_SHOWN_ERRORS) return;
        rcr_error shown = *e;
        rcr_error_set_file(&shown, file);
        rcr_cli_error(&shown);
        return;
    }
    if (e->line > 0) snprintf(line, sizeof line, "%ld", e->line);
    rcr_csv_write_field(&out->errors, record->id != NULL ? record->id : "", 1);
    rcr_csv_write_field(&out->errors, file, 0);
    rcr_csv_write_field(&out->errors, line, 0);
    rcr_csv_write_field(&out->errors, e->message, 0);
    rcr_text_puts(&out->errors, "\n");
}

/* ---- names in a folder */

/* The slot of a name or where it would stand, upper and lower case alike: some file systems hold them to be. */
static size_t find_name(const rcr_convert_out *out, const char *name) {
    uint64_t key = 0;
    for (const char *c = name; *c != '\0'; c++)
        key = rcr_hash_counter(key, (uint64_t)rcr_ascii_lower((unsigned char)*c));
    size_t slot = key & (out->n_slots - 1);
    while (out->name[slot].text != NULL &&
           !rcr_equals_ignore_case(out->name[slot].text, strlen(out->name[slot].text), name))
        slot = (slot + 1) & (out->n_slots - 1);
    return slot;
}

static int grow_names(rcr_convert_out *out) {
    if (2 * (out->n_names + 2) <= out->n_slots) return 1;
    used_name *old = out->name;
    size_t n_old = out->n_slots, n_new = n_old > 0 ? 2 * n_old : 1024;
    used_name *larger = rcr_calloc(n_new, sizeof *larger);
    if (larger == NULL) return 0;
    out->name = larger;
    out->n_slots = n_new;
    for (size_t i = 0; i < n_old; i++)
        if (old[i].text != NULL) out->name[find_name(out, old[i].text)] = old[i];
    rcr_free(old);
    return 1;
}

static int add_name(rcr_convert_out *out, size_t slot, const char *name) {
    char *text = rcr_strdup(name);
    if (text == NULL) return 0;
    out->name[slot] = (used_name){text, 2};
    out->n_names++;
    return 1;
}

/* A file's name without suffix for an id: no slash, nothing that hides it, not too long, and used only once. */
static char *take_name(rcr_convert_out *out, const char *id) {
    char base[MAX_NAME + 1], name[MAX_NAME + 32];
    size_t n = 0;
    for (; id[n] != '\0' && n < MAX_NAME; n++) {
        unsigned char c = (unsigned char)id[n];
        base[n] = c < ' ' || c == 0x7f || strchr("/\\:*?\"<>|", c) != NULL || (n == 0 && c == '.') ? '_' : (char)c;
    }
    base[n] = '\0';
    if (n == 0) strcpy(base, "structure");
    snprintf(name, sizeof name, "%s", base);
    if (!grow_names(out)) return NULL;
    size_t first = find_name(out, name), slot = first;
    /* atom_init.json means something else in a dataset's folder: that name is in use from the beginning. */
    if (out->name[first].text == NULL && strcmp(name, "atom_init") == 0 && !add_name(out, first, name)) return NULL;
    while (out->name[slot].text != NULL) {
        snprintf(name, sizeof name, "%s-%lu", base, out->name[first].next++);
        slot = find_name(out, name);
    }
    return add_name(out, slot, name) ? out->name[slot].text : NULL;
}

/* ---- targets in a folder */

static int is_number(const char *text) {
    double value;
    return rcr_source_number(&value, text, strlen(text));
}

/* The number of a column, which is made where there is none; SIZE_MAX when out of memory. */
static size_t find_column(rcr_convert_out *out, const char *key) {
    for (size_t i = 0; i < out->n_columns; i++)
        if (strcmp(out->column[i], key) == 0) return i;
    char **column = rcr_realloc(out->column, out->n_columns + 1, sizeof *column);
    if (column != NULL) out->column = column;
    uint8_t *numeric = rcr_realloc(out->numeric, out->n_columns + 1, sizeof *numeric);
    if (numeric != NULL) out->numeric = numeric;
    if (column == NULL || numeric == NULL || (column[out->n_columns] = rcr_strdup(key)) == NULL) return SIZE_MAX;
    numeric[out->n_columns] = 1;
    return out->n_columns++;
}

static int set_value(rcr_convert_out *out, row *r, const rcr_property *property) {
    size_t k = find_column(out, property->key);
    if (k == SIZE_MAX) return 0;
    if (k >= r->n) {
        char **value = rcr_realloc(r->value, k + 1, sizeof *value);
        if (value == NULL) return 0;
        for (size_t i = r->n; i <= k; i++) value[i] = NULL;
        r->value = value;
        r->n = k + 1;
    }
    if (!is_number(property->value)) out->numeric[k] = 0;
    if (r->value[k] != NULL) return 1; /* a key that is repeated: the first counts */
    r->value[k] = rcr_strdup(property->value);
    return r->value[k] != NULL;
}

static int add_row(rcr_convert_out *out, const char *id, const rcr_record *record) {
    row *larger = rcr_grow(out->row, &out->capacity, out->n_rows + 1, sizeof *larger);
    if (larger == NULL) return 0;
    out->row = larger;
    row *r = &out->row[out->n_rows++];
    *r = (row){.id = rcr_strdup(id)};
    int good = r->id != NULL;
    for (size_t k = 0; k < record->n_properties && good; k++) good = set_value(out, r, &record->property[k]);
    return good;
}

/* The column's name in id_prop.csv.  One that would say there which file holds the structure, or that is the ids' own,
 * gets another, which no other column has.  NULL: out of memory. */
static char *header_name(const rcr_convert_out *out, size_t column) {
    rcr_text name = {0};
    rcr_text_puts(&name, out->column[column]);
    int taken = rcr_source_is_reserved(out->column[column]);
    while (taken && !name.failed) {
        rcr_text_puts(&name, "_value");
        taken = 0;
        for (size_t k = 0; k < out->n_columns && !name.failed && !taken; k++)
            taken = strcmp(out->column[k], name.data) == 0;
    }
    if (name.failed) rcr_text_free(&name);
    return name.data;
}

static int put_header(rcr_text *table, const rcr_convert_out *out, size_t column) {
    char *name = header_name(out, column);
    if (name == NULL) return 0;
    rcr_csv_write_field(table, name, 0);
    if (strcmp(name, out->column[column]) != 0)
        rcr_cli_hint(
            "the values of \"%s\" are the column \"%s\" of id_prop.csv, where \"%s\" would mean something else",
            out->column[column], name, out->column[column]);
    rcr_free(name);
    return 1;
}

/* id_prop.csv of the columns that hold numbers alone, where there are any. */
static rcr_status write_targets(rcr_convert_out *out, rcr_error *err) {
    rcr_text table = {0}, path = path_in(out, "id_prop.csv", "");
    size_t n_targets = 0;
    rcr_csv_write_field(&table, "id", 1);
    for (size_t k = 0; k < out->n_columns; k++) {
        if (!out->numeric[k]) continue;
        n_targets++;
        if (!put_header(&table, out, k)) table.failed = 1;
    }
    rcr_text_puts(&table, "\n");
    for (size_t i = 0; i < out->n_rows; i++) {
        const row *r = &out->row[i];
        rcr_csv_write_field(&table, r->id, 1);
        for (size_t k = 0; k < out->n_columns; k++)
            if (out->numeric[k]) rcr_csv_write_field(&table, k < r->n && r->value[k] != NULL ? r->value[k] : "", 0);
        rcr_text_puts(&table, "\n");
    }
    rcr_status status = RCR_OK;
    if (table.failed || path.failed) status = rcr_fail_memory(err, "writing the targets");
    if (status == RCR_OK && n_targets > 0) status = rcr_file_write(path.data, table.data, table.length, err);
    rcr_text_free(&table);
    rcr_text_free(&path);
    return status;
}

/* ---- structures */

/* Files of a folder, written by several threads. */
typedef struct writing {
    rcr_converted *item;
    rcr_error *error; /* [n] */
    rcr_status *status;
} writing;

static void write_piece(void *job, int index, int worker) {
    (void)worker;
    writing *w = job;
    const rcr_converted *item = &w->item[index];
    if (item->file != NULL)
        w->status[index] = rcr_file_write(item->file, item->text.data, item->text.length, &w->error[index]);
}

static rcr_status write_files(rcr_converted *item, size_t n, rcr_pool *pool, rcr_error *err) {
    writing w = {item, rcr_calloc(n, sizeof *w.error), rcr_calloc(n, sizeof *w.status)};
    rcr_status status = RCR_OK;
    if (w.error == NULL || w.status == NULL)
        status = rcr_fail_memory(err, "converting");
    else
        rcr_pool_run(pool, (int)n, write_piece, &w);
    for (size_t i = 0; i < n && status == RCR_OK; i++)
        if ((status = w.status[i]) != RCR_OK && err != NULL) *err = w.error[i];
    rcr_free(w.error);
    rcr_free(w.status);
    return status;
}

/* Append one structure to the one file. */
static rcr_status put_structure(rcr_convert_out *out, rcr_text *text, rcr_error *err) {
    if (out->format != RCR_TO_JSON) {
        if (out->n_written > 0 && (out->format == RCR_TO_CIF || out->format == RCR_TO_POSCAR))
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "%s holds one structure, and there are more: give a folder, with / at its end, or a name "
                            "that ends in .extxyz, .json or .jsonl",
                            strcmp(out->path, "-") == 0 ? "standard output in this format" : out->path);
        rcr_output_write(&out->file, text);
        return RCR_OK;
    }
    while (text->length > 0 && text->data[text->length - 1] == '\n') text->length--;
    if (out->n_written == 0) {
        rcr_text_append(&out->pending, text->data, text->length);
        return out->pending.failed ? rcr_fail_memory(err, "converting") : RCR_OK;
    }
    rcr_text lead = {0};
    if (out->n_written == 1) {
        rcr_text_puts(&lead, "[");
        rcr_output_write(&out->file, &lead);
        rcr_output_write(&out->file, &out->pending);
    }
    rcr_text_puts(&lead, ",\n");
    rcr_output_write(&out->file, &lead);
    rcr_output_write(&out->file, text);
    rcr_text_free(&lead);
    return RCR_OK;
}

/* All files of a chunk get their names before the first is written. */
static rcr_status name_file(rcr_convert_out *out, rcr_converted *item, rcr_error *err) {
    const char *name = take_name(out, item->record.id);
    if (name == NULL || !add_row(out, name, &item->record)) return rcr_fail_memory(err, "converting");
    rcr_text path = path_in(out, name, suffix_of(out->format));
    rcr_status status = RCR_OK;
    if (path.failed)
        status = rcr_fail_memory(err, "converting");
    else if (!out->overwrite && rcr_path_exists(path.data))
        status = rcr_fail_at(err, RCR_ERR_MISMATCH, path.data, 0,
                             "the folder holds this file already: give another folder, or --overwrite");
    if (status != RCR_OK) {
        rcr_text_free(&path);
        return status;
    }
    item->file = path.data; /* rcr_free */
    return RCR_OK;
}

rcr_status rcr_convert_out_add(rcr_convert_out *out, rcr_converted *item, size_t n, rcr_pool *pool, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        if (item[i].record.error.status == RCR_ERR_MEMORY) {
            status = rcr_fail_memory(err, "reading a structure");
        } else if (item[i].record.error.status != RCR_OK) {
            add_error(out, &item[i].record);
        } else {
            status = out->is_folder ? name_file(out, &item[i], err) : put_structure(out, &item[i].text, err);
            if (status == RCR_OK) out->n_written++;
        }
    }
    if (status == RCR_OK && out->is_folder) status = write_files(item, n, pool, err);
    if (status == RCR_OK && !out->is_folder && rcr_output_failed(&out->file)) {
        out->is_open = 0;
        return rcr_output_close(&out->file, err);
    }
    return status;
}

/* The table that --errors asks for is there even where it has no row; a folder has one where something failed, and
 * none of an earlier conversion. */
static rcr_status write_errors(const rcr_convert_out *out, rcr_error *err) {
    const char *path = out->errors_path;
    if (path == NULL) return RCR_OK;
    if (out->errors.failed) return rcr_fail_memory(err, "writing the errors");
    if (out->n_failed > 0 || path != out->own_errors_path.data)
        return rcr_file_write(path, out->errors.data, out->errors.length, err);
    if (!rcr_is_file(path)) return RCR_OK;
    if (unlink(path) != 0)
        return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't remove the errors of an earlier conversion: %s",
                           strerror(errno));
    return rcr_sync_name(path, err);
}

rcr_status rcr_convert_out_close(rcr_convert_out *out, rcr_error *err) {
    rcr_status status = RCR_OK;
    if (out->is_folder) {
        status = write_targets(out, err);
    } else if (out->n_written > 0) {
        rcr_text end = {0};
        if (out->format == RCR_TO_JSON && out->n_written == 1) rcr_output_write(&out->file, &out->pending);
        if (out->format == RCR_TO_JSON) {
            rcr_text_puts(&end, out->n_written == 1 ? "\n" : "]\n");
            rcr_output_write(&out->file, &end);
            rcr_text_free(&end);
        }
        out->is_open = 0;
        status = rcr_output_close(&out->file, err);
    }
    if (status == RCR_OK) status = write_errors(out, err);
    release(out);
    return status;
}

void rcr_convert_out_abort(rcr_convert_out *out) {
    if (out != NULL) release(out);
}
