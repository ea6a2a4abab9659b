/* Rows from a CSV table: id_prop.csv with or without a header, or a table with a column of file names. */
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"
#include "io/structure.h"
#include "io/unpack.h"

#define NO_COLUMN SIZE_MAX

typedef struct columns {
    int header;
    size_t n, id, file, target, weight; /* NO_COLUMN: there is none */
    const rcr_csv_row *first;
} columns;

/* Neither what names the row nor, where there are names, a column without one: the counter that pandas writes. */
static int holds_values(const columns *c, size_t k) {
    return k != c->id && k != c->file && !(c->header && c->first->field[k][0] == '\0');
}

source_row *rcr_source_add(source *s, char *id, char *file, rcr_crystal *crystal) {
    source_row *grown = rcr_grow(s->row, &s->capacity, s->n + 1, sizeof *grown);
    if (grown != NULL) s->row = grown;
    if (id == NULL || grown == NULL) {
        s->out_of_memory = 1;
        rcr_free(id);
        rcr_free(file);
        rcr_crystal_free(crystal);
        return NULL;
    }
    source_row *row = &s->row[s->n++];
    *row = (source_row){.id = id, .file = file, .target = NAN, .weight = 1, .crystal = crystal};
    return row;
}

void rcr_source_bad(source *s, source_row *row, rcr_status status, const char *file, long line, const char *format,
                    ...) {
    if (row->error != NULL) return;
    row->error = rcr_calloc(1, sizeof *row->error);
    if (row->error == NULL) {
        s->out_of_memory = 1;
        return;
    }
    row->error->status = status;
    row->error->line = line;
    rcr_fit(row->error->file, sizeof row->error->file, "%s", file);
    va_list args;
    va_start(args, format);
    rcr_vfit(row->error->message, sizeof row->error->message, format, args);
    va_end(args);
}

/* Numbers, and the words for the two classes that programs write. */
int rcr_source_number(double *out, const char *text, size_t length) {
    if (rcr_parse_double(out, text, length)) return 1;
    if (rcr_equals_ignore_case(text, length, "true") || rcr_equals_ignore_case(text, length, "t"))
        *out = 1;
    else if (rcr_equals_ignore_case(text, length, "false") || rcr_equals_ignore_case(text, length, "f"))
        *out = 0;
    else
        return 0;
    return 1;
}

void rcr_source_target(source *s, source_row *row, const char *text, size_t length, const char *file, long line) {
    double value = NAN;
    int parsed = length > 0 && rcr_source_number(&value, text, length);
    if (parsed && isfinite(value)) {
        row->target = value;
        return;
    }
    if (!s->options->need_target) return;
    int shown = rcr_shown(text, length, 40);
    if (length == 0)
        rcr_source_bad(s, row, RCR_ERR_DATA, file, line, "no value for target \"%.100s\"", s->target);
    else
        rcr_source_bad(s, row, RCR_ERR_DATA, file, line, "the value \"%.*s\" for target \"%.100s\" is not a %s", shown,
                       text, s->target, parsed ? "finite number" : "number");
}

rcr_status rcr_source_check_weights(const char *target, const char *weights, rcr_error *err) {
    if (strcmp(target, weights) != 0) return RCR_OK;
    return rcr_fail(err, RCR_ERR_ARGUMENT, "the column \"%.100s\" is to be the target and the weights; it can be one",
                    weights);
}

void rcr_source_weight(source *s, source_row *row, const char *text, size_t length, const char *file, long line) {
    const char *name = s->options->weights;
    double value = NAN;
    char number[32];
    int parsed = length > 0 && rcr_source_number(&value, text, length), shown = rcr_shown(text, length, 40);
    if (length == 0)
        rcr_source_bad(s, row, RCR_ERR_DATA, file, line, "no value for the weight \"%.100s\"", name);
    else if (!parsed || !isfinite(value))
        rcr_source_bad(s, row, RCR_ERR_DATA, file, line, "the value \"%.*s\" for the weight \"%.100s\" is not a %s",
                       shown, text, name, parsed ? "finite number" : "number");
    else if (value < 0)
        rcr_source_bad(s, row, RCR_ERR_DATA, file, line, "the weight \"%.100s\" is %s; it is 0 or more", name,
                       rcr_format_double(number, value));
    else
        row->weight = value;
}

size_t rcr_source_add_column(source *s, const char *name, size_t length) {
    char **grown = rcr_realloc(s->column, s->n_columns + 1, sizeof *grown);
    if (grown != NULL) s->column = grown;
    char *copy = grown != NULL ? rcr_strndup(name, length) : NULL;
    if (copy != NULL) s->column[s->n_columns] = copy;
    if (copy == NULL || !rcr_name_index_add(&s->columns, s->column, s->n_columns)) {
        rcr_free(copy);
        s->out_of_memory = 1;
        return SIZE_MAX;
    }
    return s->n_columns++;
}

size_t rcr_source_column(source *s, const char *name, size_t length) {
    size_t k = rcr_name_index_find(&s->columns, s->column, name, length);
    return k != SIZE_MAX ? k : rcr_source_add_column(s, name, length);
}

void rcr_source_cell(source *s, source_row *row, size_t column, const char *text, size_t length) {
    if (length == 0 || column == SIZE_MAX) return;
    source_cell *grown = rcr_realloc(row->cell, row->n_cells + 1, sizeof *grown);
    if (grown != NULL) row->cell = grown;
    char *copy = grown != NULL ? rcr_strndup(text, length) : NULL;
    if (copy == NULL) {
        s->out_of_memory = 1;
        return;
    }
    row->cell[row->n_cells++] = (source_cell){column, copy};
}

char *rcr_source_join(const char *const *names, size_t n) {
    rcr_text list = {0};
    rcr_text_puts(&list, "");
    for (size_t i = 0; i < n; i++)
        rcr_text_printf(&list, "%s%s", i > 0 ? ", " : "", names[i][0] != '\0' ? names[i] : "(empty)");
    if (list.failed) rcr_text_free(&list);
    return list.data;
}

static int is_one_of(const char *name, const char *const *words, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (rcr_equals_ignore_case(name, strlen(name), words[i])) return 1;
    return 0;
}

static int is_id_name(const char *name) {
    static const char *const words[] = {"id", "material_id"};
    return is_one_of(name, words, sizeof words / sizeof words[0]);
}

static int is_file_name(const char *name) {
    static const char *const words[] = {"file", "filename", "path", "cif_file", "structure"}; /* and in check_files */
    return is_one_of(name, words, sizeof words / sizeof words[0]);
}

int rcr_source_is_reserved(const char *column) { return is_id_name(column) || is_file_name(column); }

static char *add_ending(const char *id, const char *ending) {
    rcr_text name = {0};
    rcr_text_printf(&name, "%s%s", id, ending);
    if (name.failed) rcr_text_free(&name);
    return name.data;
}

/* The file of an id: the first that is there of ID.cif, ID.json, ..., as they are before packed ones; ID.cif where none
 * is. */
static char *file_of_id(const source *s, const char *id) {
    static const char *const endings[] = {".cif", ".json",   ".vasp",   ".poscar",  ".xyz",     ".extxyz",  ".in",
                                          "",     "/POSCAR", ".POSCAR", ".contcar", ".CONTCAR", "/CONTCAR", ".mcif"};
    static const char *const packings[] = {"", ".gz", ".zst", ".bz2", ".xz", ".zstd"};
    for (size_t p = 0; p < sizeof packings / sizeof packings[0]; p++) {
        for (size_t k = 0; k < sizeof endings / sizeof endings[0]; k++) {
            char ending[24];
            snprintf(ending, sizeof ending, "%s%s", endings[k], packings[p]);
            char *name = add_ending(id, ending);
            if (name == NULL || rcr_folder_has(s->folder, name)) return name;
            rcr_free(name);
        }
    }
    return add_ending(id, ".cif");
}

/* What programs write for a value that is missing, spelled so: Na is sodium. */
static int is_missing(const char *text) {
    static const char *const words[] = {"NA",   "N/A",  "n/a", "#N/A", "<NA>", "None", "null",
                                        "NULL", "Null", "nan", "NaN",  "NAN",  "-"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(text, words[k]) == 0) return 1;
    return 0;
}

/* Also where more follows: "0.12 eV", "0,12". */
static int begins_as_number(const char *text) {
    if (*text == '-' || *text == '+') text++;
    if (*text == '.') text++;
    return rcr_is_digit((unsigned char)*text);
}

/* What a cell of the first line may be: a value, or a name that may be one, too: T and F are temperature and fluorine
 * as well as classes. */
typedef enum cell_kind { CELL_NAME, CELL_VALUE, CELL_NO_NUMBER, CELL_LETTER, CELL_WORD } cell_kind;

static cell_kind kind_of(const char *text) {
    double value;
    size_t length = strlen(text);
    if (begins_as_number(text) || is_missing(text)) return CELL_VALUE;
    if (rcr_parse_double(&value, text, length)) return isfinite(value) ? CELL_VALUE : CELL_NO_NUMBER;
    if (!rcr_source_number(&value, text, length)) return CELL_NAME;
    return length == 1 ? CELL_LETTER : CELL_WORD;
}

/* The first line is a header when it names no crystal, and none of its cells after the first is a value, empty, or of
 * a kind of names that the next line has there, too. */
static int looks_like_header(const source *s, const rcr_csv *csv) {
    const rcr_csv_row *first = &csv->row[0], *next = csv->n_rows > 1 ? &csv->row[1] : NULL;
    for (size_t k = 0; k < first->n_fields; k++)
        if (is_id_name(first->field[k]) || is_file_name(first->field[k])) return 1;
    if (first->n_fields < 2) return 0;
    for (size_t k = 1; k < first->n_fields; k++) {
        cell_kind kind = kind_of(first->field[k]);
        if (first->field[k][0] == '\0' || kind == CELL_VALUE) return 0;
        if (kind != CELL_NAME && next != NULL && k < next->n_fields && kind_of(next->field[k]) == kind) return 0;
    }
    char *name = file_of_id(s, first->field[0]);
    int crystal = name != NULL && rcr_folder_has(s->folder, name);
    rcr_free(name);
    return !crystal;
}

static rcr_status fail_columns(rcr_error *err, const char *table, const rcr_csv_row *header, const columns *c,
                               const char *what) {
    const char *names[64];
    size_t n = 0;
    for (size_t k = 0; k < c->n && n < 64; k++)
        if (holds_values(c, k)) names[n++] = header->field[k];
    char *list = rcr_source_join(names, n);
    rcr_status status = rcr_fail_at(err, RCR_ERR_ARGUMENT, table, header->line, "%s; the columns are: %.280s", what,
                                    list != NULL ? list : "");
    rcr_free(list);
    return status;
}

static rcr_status choose_target(columns *c, source *s, const char *table, const rcr_csv_row *first, rcr_error *err) {
    const char *wanted = s->options->target, *name = NULL;
    size_t n_candidates = 0, candidate = NO_COLUMN, n_wanted = 0;
    char what[200];
    for (size_t k = 0; k < c->n; k++) {
        if (!holds_values(c, k) || k == c->weight) continue;
        n_candidates++;
        candidate = k;
        if (wanted != NULL && c->header && strcmp(first->field[k], wanted) == 0) {
            c->target = k;
            n_wanted++;
        }
    }
    if (c->header && wanted != NULL) {
        rcr_fit(what, sizeof what, "%s \"%.100s\" to take as the target",
                n_wanted > 1 ? "there are several columns" : "there is no column", wanted);
        if (n_wanted > 1 || (n_wanted == 0 && s->options->need_target)) return fail_columns(err, table, first, c, what);
        name = wanted;
    } else if (n_candidates == 1) {
        c->target = candidate;
        name = wanted != NULL ? wanted : c->header ? first->field[candidate] : "target";
    } else if (s->options->need_target) {
        if (c->header && n_candidates > 1)
            return fail_columns(err, table, first, c, "choose one of the columns as the target (--target NAME)");
        return rcr_fail_at(err, RCR_ERR_DATA, table, first->line, "%s",
                           n_candidates == 0 ? "there is no column of targets; expected id,target"
                                             : "there are several columns and no header; put their names on the "
                                               "first line, \"id\" among them");
    }
    if (c->target == NO_COLUMN) return RCR_OK;
    s->target = rcr_strdup(name);
    return s->target != NULL ? RCR_OK : rcr_fail_memory(err, "reading a dataset");
}

static rcr_status choose_weight(columns *c, const source *s, const char *table, const rcr_csv_row *first,
                                rcr_error *err) {
    const char *wanted = s->options->weights;
    size_t n_wanted = 0;
    char what[200];
    if (wanted == NULL) return RCR_OK;
    if (!c->header)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, table, first->line,
                           "there is no header, so there is no column \"%.100s\" to take as the weights; put the "
                           "columns' names on the first line",
                           wanted);
    for (size_t k = 0; k < c->n; k++) {
        if (k == c->id || k == c->file || strcmp(first->field[k], wanted) != 0) continue;
        c->weight = k;
        n_wanted++;
    }
    if (n_wanted == 1) return RCR_OK;
    rcr_fit(what, sizeof what, "%s \"%.100s\" to take as the weights",
            n_wanted > 1 ? "there are several columns" : "there is no column", wanted);
    return fail_columns(err, table, first, c, what);
}

/* A header that is told by its looks alone might be a row, which would be lost without a word. */
static void note_header(source *s, const columns *c, const char *table, const rcr_csv_row *first) {
    int certain = 0;
    for (size_t k = 0; k < c->n; k++) certain |= is_id_name(first->field[k]) || is_file_name(first->field[k]);
    if (!c->header || certain) return;
    rcr_fit(s->note, sizeof s->note,
            "%.100s:%ld is taken as the header (its second column is \"%.60s\"), not as a row; a column called id says "
            "so for certain",
            table, first->line, first->field[1]);
}

/* The column of a row that may name its file: the first whose text does, else the first with a text. */
static size_t find_file_column(const source *s, const columns *c, const rcr_csv_row *row) {
    size_t text = NO_COLUMN;
    double number;
    for (size_t k = 0; k < c->n && k < row->n_fields; k++) {
        const char *cell = row->field[k];
        if (!holds_values(c, k) || cell[0] == '\0' || rcr_source_number(&number, cell, strlen(cell))) continue;
        if (rcr_source_has_file(s, cell)) return k;
        if (text == NO_COLUMN) text = k;
    }
    return text;
}

/* A table that lies by itself names its files, in a column of one of the names for it or by its ids.  Where it does
 * neither and a column has texts, that column's name is the reason, not so many missing files. */
static rcr_status check_files(const source *s, const columns *c, const char *table, const rcr_csv *csv,
                              rcr_error *err) {
    const rcr_csv_row *first = &csv->row[0];
    if (s->base == NULL || c->file != NO_COLUMN || !c->header || csv->n_rows < 2) return RCR_OK;
    size_t other = find_file_column(s, c, &csv->row[1]);
    if (other == NO_COLUMN) return RCR_OK;
    for (size_t i = 1; i < csv->n_rows; i++) {
        const rcr_csv_row *row = &csv->row[i];
        char *name = file_of_id(s, c->id < row->n_fields ? row->field[c->id] : "");
        if (name == NULL) return rcr_fail_memory(err, "reading a dataset");
        int there = rcr_folder_has(s->folder, name);
        rcr_free(name);
        if (there) return RCR_OK;
    }
    return rcr_fail_at(
        err, RCR_ERR_DATA, table, first->line,
        "no column is called file, filename, path, cif_file or structure (\"%.60s\" may be the one), and no "
        "id names a file beside the table",
        first->field[other]);
}

static rcr_status choose_columns(columns *c, source *s, const char *table, const rcr_csv *csv, rcr_error *err) {
    const rcr_csv_row *first = &csv->row[0];
    *c = (columns){looks_like_header(s, csv), first->n_fields, NO_COLUMN, NO_COLUMN, NO_COLUMN, NO_COLUMN, first};
    for (size_t k = 0; c->header && k < c->n; k++) {
        if (c->id == NO_COLUMN && is_id_name(first->field[k])) c->id = k;
        if (c->file == NO_COLUMN && is_file_name(first->field[k])) c->file = k;
    }
    if (c->id == NO_COLUMN && c->file != 0) c->id = 0; /* else the file's name is the id */
    note_header(s, c, table, first);
    rcr_status status = check_files(s, c, table, csv, err);
    if (status == RCR_OK) status = choose_weight(c, s, table, first, err);
    return status == RCR_OK ? choose_target(c, s, table, first, err) : status;
}

/* The columns that may be targets, in the table's order, also where two have one name. */
static void name_columns(source *s, const columns *c, const rcr_csv_row *first) {
    for (size_t k = 0; k < c->n; k++) {
        if (!holds_values(c, k)) continue;
        char name[40];
        snprintf(name, sizeof name, c->n == 2 ? "target" : "column %zu", k + 1);
        const char *shown = c->header ? first->field[k] : name;
        rcr_source_add_column(s, shown, strlen(shown));
    }
}

static void keep_cells(source *s, source_row *row, const columns *c, const rcr_csv_row *line) {
    for (size_t k = 0, column = 0; k < c->n && k < line->n_fields; k++) {
        if (!holds_values(c, k)) continue;
        rcr_source_cell(s, row, column++, line->field[k], strlen(line->field[k]));
    }
}

static void add_row(source *s, const columns *c, const rcr_csv_row *line, const char *table) {
    const char *id_cell = c->id < line->n_fields ? line->field[c->id] : "";
    const char *file_cell = c->file < line->n_fields ? line->field[c->file] : "";
    char *file = c->file != NO_COLUMN ? rcr_strdup(file_cell) : file_of_id(s, id_cell);
    if (file == NULL) {
        s->out_of_memory = 1;
        return;
    }
    char *id = c->id != NO_COLUMN ? rcr_strdup(id_cell) : rcr_structure_id(file_cell);
    source_row *row = rcr_source_add(s, id, file, NULL);
    if (row == NULL) return;
    if (line->n_fields > c->n)
        rcr_source_bad(s, row, RCR_ERR_DATA, table, line->line, "the row has %zu cells; the first line has %zu",
                       line->n_fields, c->n);
    if (row->id[0] == '\0') rcr_source_bad(s, row, RCR_ERR_DATA, table, line->line, "the row has no id");
    if (c->file != NO_COLUMN && file_cell[0] == '\0')
        rcr_source_bad(s, row, RCR_ERR_DATA, table, line->line, "the row names no file");
    row->line = line->line;
    if (s->keep_cells) {
        keep_cells(s, row, c, line);
        return;
    }
    const char *target = c->target < line->n_fields ? line->field[c->target] : "";
    const char *weight = c->weight < line->n_fields ? line->field[c->weight] : "";
    if (c->target != NO_COLUMN) rcr_source_target(s, row, target, strlen(target), table, line->line);
    if (c->weight != NO_COLUMN) rcr_source_weight(s, row, weight, strlen(weight), table, line->line);
}

static rcr_status add_rows(source *s, const rcr_csv *csv, const char *table, rcr_error *err) {
    if (csv->n_rows == 0) return rcr_fail_at(err, RCR_ERR_DATA, table, 0, "the table is empty");
    columns c;
    rcr_status status = choose_columns(&c, s, table, csv, err);
    if (status != RCR_OK) return status;
    s->header = c.header;
    if (s->keep_cells) name_columns(s, &c, &csv->row[0]);
    for (size_t i = c.header ? 1 : 0; i < csv->n_rows && !s->out_of_memory; i++) add_row(s, &c, &csv->row[i], table);
    return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

/* The table's text, unpacked where it is packed. */
static rcr_status read_table_text(char **out, size_t *length, const source *s, const char *name, rcr_error *err) {
    rcr_unpacker *u;
    rcr_status status = rcr_folder_read(out, length, s->folder, name, err);
    if (status != RCR_OK || rcr_unpacked_name_length(name) == strlen(name)) return status;
    char *packed = *out;
    status = rcr_unpacker_open_memory(&u, packed, *length, err);
    if (status == RCR_OK) {
        status = rcr_unpacker_rest(out, length, u, (size_t)1 << 30, err);
        rcr_unpacker_free(u);
    }
    rcr_free(packed);
    if (status != RCR_OK) rcr_error_set_file(err, name);
    return status;
}

rcr_status rcr_source_parse_table(rcr_csv **out, char *text, size_t length, const char *name, rcr_error *err) {
    char *utf8;
    size_t n = length;
    rcr_status status = rcr_structure_from_utf16(&utf8, &n, text, length, err);
    const char *plain = status == RCR_OK && utf8 != NULL ? utf8 : text;
    if (status == RCR_OK) status = rcr_csv_check_separator(plain, n, err);
    if (status == RCR_OK) status = rcr_csv_parse(out, plain, n, err);
    if (status != RCR_OK) rcr_error_set_file(err, name);
    rcr_free(utf8);
    rcr_free(text);
    return status;
}

rcr_status rcr_source_read_table(source *s, const char *name, rcr_error *err) {
    s->table = rcr_strdup(name);
    if (s->table == NULL) return rcr_fail_memory(err, "reading a dataset");
    char *text;
    size_t length;
    rcr_csv *csv;
    rcr_status status = read_table_text(&text, &length, s, name, err);
    if (status != RCR_OK) return status;
    status = rcr_source_parse_table(&csv, text, length, name, err);
    if (status != RCR_OK) return status;
    status = add_rows(s, csv, name, err);
    rcr_csv_free(csv);
    return status;
}
