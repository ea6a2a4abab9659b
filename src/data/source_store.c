/* Rows from a graph store: what files would give, without reading them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/store_rows.h"
#include "graph/packed.h"

/* What is known while a store is read. */
typedef struct opening {
    source *s;
    const char *path;
    store_head head;
    const char *table;     /* of the source that is read */
    size_t target, weight; /* columns; SIZE_MAX: none is read */
} opening;

static rcr_status fail_damaged(const opening *o, uint64_t row, rcr_error *err) {
    return rcr_fail_at(err, RCR_ERR_PARSE, o->path, 0,
                       "the store is damaged (row %llu makes no sense); prepare it again", (unsigned long long)row + 1);
}

/* ---------------------------------------------------------------- the target */

static rcr_status fail_target(const opening *o, const char *what, rcr_error *err) {
    char *list = rcr_source_join((const char *const *)o->head.column, o->head.n_columns);
    rcr_status status = rcr_fail_at(err, RCR_ERR_ARGUMENT, o->path, 0, "%s; %s: %.280s", what,
                                    o->head.frames ? "keys with numbers are" : "the columns with numbers are",
                                    list != NULL ? list : "");
    rcr_free(list);
    return status;
}

/* A store keeps the columns of numbers. */
static rcr_status choose_weight(opening *o, rcr_error *err) {
    const store_head *head = &o->head;
    const char *wanted = o->s->options->weights;
    size_t n_wanted = 0;
    char what[200];
    o->weight = SIZE_MAX;
    if (wanted == NULL) return RCR_OK;
    for (size_t k = 0; (head->frames || head->header) && k < head->n_columns; k++)
        if (strcmp(head->column[k], wanted) == 0 && n_wanted++ == 0) o->weight = k;
    if (n_wanted == 1) return RCR_OK;
    rcr_fit(what, sizeof what, "there are %s \"%.100s\" to take as the weights",
            n_wanted > 1 ? "several columns" : "no numbers", wanted);
    return fail_target(o, what, err);
}

/* The rules of source_table.c and source_records.c. */
static rcr_status choose_target(opening *o, rcr_error *err) {
    const store_head *head = &o->head;
    const rcr_dataset_options *options = o->s->options;
    const char *wanted = options->target, *name = NULL;
    int named = head->frames || head->header;
    size_t n_wanted = 0, n_columns = head->n_columns - (o->weight != SIZE_MAX), only = o->weight == 0;
    o->target = SIZE_MAX;
    for (size_t k = 0; named && wanted != NULL && k < head->n_columns; k++)
        if (strcmp(head->column[k], wanted) == 0) {
            if (n_wanted++ == 0) o->target = k;
        }
    if (named && wanted != NULL) {
        char what[200];
        rcr_fit(what, sizeof what,
                n_wanted > 1 ? "there are several columns \"%.100s\" to take as the target"
                             : "there are no numbers \"%.100s\" to take as the target",
                wanted);
        if (n_wanted > 1 || (n_wanted == 0 && options->need_target)) return fail_target(o, what, err);
        name = n_wanted == 1 || head->frames ? wanted : NULL;
    } else if (n_columns == 1 && (!head->frames || options->need_target)) {
        o->target = only;
        name = wanted != NULL ? wanted : head->column[only];
    } else if (options->need_target) {
        if (named && n_columns > 1) return fail_target(o, "choose one as the target (--target NAME)", err);
        return rcr_fail_at(err, RCR_ERR_DATA, o->path, 0, "%s",
                           n_columns == 0 ? "the data that the store was made from had no targets"
                                          : "the data that the store was made from had several columns and no "
                                            "header; put their names on the first line and prepare it again");
    }
    if (name == NULL) return RCR_OK;
    o->s->target = rcr_strdup(name);
    return o->s->target != NULL ? RCR_OK : rcr_fail_memory(err, "reading a store");
}

static int keep_cells(source *s, source_row *row, const store_row *stored) {
    store_reader cells = stored->cells;
    store_cell cell;
    for (size_t k = 0; k < stored->n_cells; k++) {
        char number[32];
        if (!rcr_store_read_cell(&cell, &cells)) return 0;
        const char *text = cell.text != NULL ? cell.text : rcr_format_double(number, cell.number);
        rcr_source_cell(s, row, cell.column, text, cell.text != NULL ? cell.length : strlen(text));
    }
    return 1;
}

/* A row's target and weight, or the reason why it has none, as its files would have it. */
static int set_values(opening *o, source_row *row, const store_row *stored) {
    store_reader cells = stored->cells;
    store_cell cell, found = {.column = SIZE_MAX, .number = NAN, .text = ""}, weight = found;
    for (size_t k = 0; k < stored->n_cells; k++) {
        if (!rcr_store_read_cell(&cell, &cells) || cell.column >= o->head.n_columns) return 0;
        if (cell.column == o->target && found.column == SIZE_MAX) found = cell;
        if (cell.column == o->weight && weight.column == SIZE_MAX) weight = cell;
    }
    if (o->s->keep_cells) return keep_cells(o->s, row, stored);
    if (o->s->target != NULL && found.text == NULL)
        row->target = found.number;
    else if (o->s->target != NULL)
        rcr_source_target(o->s, row, found.text, found.length, row->table, stored->line);
    if (o->weight != SIZE_MAX) {
        char number[32];
        const char *text = weight.text != NULL ? weight.text : rcr_format_double(number, weight.number);
        rcr_source_weight(o->s, row, text, weight.text != NULL ? weight.length : strlen(text), row->table,
                          stored->line);
    }
    return 1;
}

/* ---------------------------------------------------------------- rows */

static char *copy_file(const store_row *stored, int frames) {
    rcr_text file = {0};
    if (frames && stored->file == NULL) return NULL;
    if (stored->file != NULL) return rcr_strndup(stored->file, stored->file_length);
    rcr_text_append(&file, stored->id, stored->id_length);
    rcr_text_puts(&file, ".cif");
    if (file.failed) rcr_text_free(&file);
    return file.data;
}

static int keep_error(rcr_error **to, const rcr_error *error) {
    *to = rcr_malloc(1, sizeof **to);
    if (*to == NULL) return 0;
    **to = *error;
    return 1;
}

static void write_hex(char hex[65], const uint8_t bytes[32]) {
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

/* One row; *data moves on by its record.  0: the bytes are damaged. */
static int add_row(opening *o, const store_row *stored, rcr_bytes *data) {
    source *s = o->s;
    char *id = rcr_strndup(stored->id, stored->id_length), *file = copy_file(stored, o->head.frames);
    source_row *row = rcr_source_add(s, id, file, NULL);
    if (row == NULL) return 1; /* out of memory, remembered in the source */
    row->line = stored->line;
    row->table = o->table;
    if (stored->has_sha256) write_hex(row->sha256, stored->sha256);
    int early = !stored->has_record && stored->stage == STORE_BAD_ROW;
    if (early && !keep_error(&row->error, &stored->error)) s->out_of_memory = 1;
    if (!set_values(o, row, stored)) return 0;
    /* The file of a row without a target is not even opened. */
    if (row->error != NULL && !early && !o->head.frames) row->sha256[0] = '\0';
    if (!stored->has_record) {
        rcr_error **to = s->keep_cells ? &row->later : &row->error; /* values that are no numbers come first */
        if (row->error == NULL && !keep_error(to, &stored->error)) s->out_of_memory = 1;
        return 1;
    }
    if (stored->record_size > data->size) return 0;
    if (row->error == NULL) {
        row->record = (uint8_t *)(uintptr_t)data->data; /* never written to, nor freed, as long as s->store is set */
        row->record_size = stored->record_size;
        row->n_atoms = stored->n_atoms;
        row->n_edges = stored->n_edges;
        for (size_t k = 0; k < stored->n_elements; k++)
            row->element[stored->element[k] >> 6 & 1] |= UINT64_C(1) << (stored->element[k] & 63);
    }
    *data = (rcr_bytes){(const uint8_t *)data->data + stored->record_size, data->size - stored->record_size};
    return 1;
}

static rcr_status read_batch(opening *o, uint32_t batch, uint64_t end, rcr_error *err) {
    rcr_bytes rows, data;
    rcr_status status = rcr_store_rows(&rows, o->s->store, batch, err);
    if (status == RCR_OK) status = rcr_store_data(&data, o->s->store, batch, err);
    if (status != RCR_OK) return status;
    store_reader reader = {rows.data, rows.size, 0};
    uint64_t n = rcr_store_read_number(&reader);
    if (reader.failed || n > end - o->s->n) return fail_damaged(o, o->s->n, err);
    for (uint64_t i = 0; i < n && !o->s->out_of_memory; i++) {
        store_row stored;
        if (!rcr_store_read_row(&stored, &reader) || !add_row(o, &stored, &data)) return fail_damaged(o, o->s->n, err);
    }
    if (o->s->out_of_memory) return rcr_fail_memory(err, "reading a store");
    return reader.left == 0 ? RCR_OK : fail_damaged(o, o->s->n, err);
}

/* Whole sources only: an interrupted --append has not changed the dataset until it is finished. */
static rcr_status read_sources(opening *o, rcr_error *err) {
    size_t n_read = 0;
    for (size_t k = 0; k < o->head.n_sources; k++) {
        const store_source *part = &o->head.source[k];
        if (!part->complete) break;
        o->table = o->s->tables[k];
        for (uint32_t b = 0; b < part->n_batches; b++) {
            rcr_status status = read_batch(o, part->first_batch + b, part->first_row + part->n_rows, err);
            if (status != RCR_OK) return status;
        }
        if (o->s->n != part->first_row + part->n_rows) return fail_damaged(o, o->s->n, err);
        n_read++;
    }
    const store_source *last = &o->head.source[o->head.n_sources - 1];
    if (n_read == 0)
        return rcr_fail_at(err, RCR_ERR_DATA, o->path, 0,
                           "the store is not finished (%llu of %llu rows); finish it with the command that began it: "
                           "recryst prepare %.200s --out %.200s",
                           (unsigned long long)last->next, (unsigned long long)last->total, last->path, o->path);
    return RCR_OK;
}

static rcr_status read_elements(opening *o, rcr_error *err) {
    rcr_bytes text;
    rcr_status status = rcr_store_elem(&text, o->s->store, err);
    if (status != RCR_OK || text.data == NULL) return status;
    status = rcr_element_table_parse(&o->s->elements, text.data, text.size, err);
    if (status != RCR_OK) rcr_error_set_file(err, o->path);
    return status;
}

static rcr_status read_head(opening *o, rcr_error *err) {
    rcr_bytes bytes;
    rcr_status status = rcr_store_head(&bytes, o->s->store, err);
    if (status == RCR_OK) status = rcr_store_head_read(&o->head, bytes, err);
    if (status != RCR_OK) rcr_error_set_file(err, o->path);
    if (status == RCR_OK) rcr_store_head_leave_columns(&o->head);
    return status;
}

/* What the rows' lines are lines of. */
static rcr_status keep_tables(source *s, const store_head *head, rcr_error *err) {
    s->frames = head->frames;
    s->header = head->header;
    s->name = rcr_strdup(head->source[0].name);
    s->table = rcr_strdup(head->source[0].table);
    s->tables = rcr_calloc(head->n_sources, sizeof *s->tables);
    int lost = s->name == NULL || s->table == NULL || s->tables == NULL;
    for (; !lost && s->n_tables < head->n_sources; s->n_tables++) {
        s->tables[s->n_tables] = rcr_strdup(head->source[s->n_tables].table);
        lost = s->tables[s->n_tables] == NULL;
    }
    return lost ? rcr_fail_memory(err, "reading a store") : RCR_OK;
}

rcr_status rcr_source_read_store(source *s, rcr_error *err) {
    opening o = {.s = s, .path = s->path};
    rcr_status status = rcr_store_open(&s->store, s->path, err);
    if (status == RCR_OK) status = read_head(&o, err);
    if (status == RCR_OK) status = rcr_store_check_options(&o.head, &s->options->graph, s->path, err);
    if (status == RCR_OK) status = read_elements(&o, err);
    if (status == RCR_OK) status = keep_tables(s, &o.head, err);
    for (size_t k = 0; k < o.head.n_columns && status == RCR_OK && s->keep_cells; k++)
        if (rcr_source_add_column(s, o.head.column[k], strlen(o.head.column[k])) == SIZE_MAX)
            status = rcr_fail_memory(err, "reading a store");
    o.weight = o.target = SIZE_MAX;
    if (status == RCR_OK && !s->keep_cells) status = choose_weight(&o, err);
    if (status == RCR_OK && !s->keep_cells) status = choose_target(&o, err);
    if (status == RCR_OK) status = read_sources(&o, err);
    rcr_store_head_release(&o.head);
    return status;
}

/* ---------------------------------------------------------------- elements */

static int all_known(const source_row *row, const rcr_element_table *known) {
    for (int z = 0; z < 128; z++)
        if ((row->element[z >> 6] >> (z & 63) & 1) && (z > RCR_MAX_ATOMIC_NUMBER || !known->known[z])) return 0;
    return 1;
}

rcr_status rcr_source_check_stored(source *s, rcr_error *err) {
    for (size_t i = 0; i < s->n; i++) {
        source_row *row = &s->row[i];
        rcr_error problem = {0};
        rcr_graph_view view;
        if (row->record == NULL || all_known(row, s->known)) continue;
        rcr_status status = rcr_graph_view_packed(&view, row->record, row->record_size, &problem);
        if (status == RCR_OK) status = rcr_source_check_elements(&view, s->known, &problem);
        if (status == RCR_OK) continue;
        if (row->file == NULL && problem.line == 0) problem.line = row->line;
        rcr_error_set_file(&problem, row->file != NULL ? row->file : rcr_source_table_of(s, row));
        if (!keep_error(&row->error, &problem)) return rcr_fail_memory(err, "reading a store");
        row->record = NULL;
    }
    return RCR_OK;
}
