#include "data/store_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "graph/packed.h"

enum { HAS_RECORD = 1, HAS_SHA256 = 2, HAS_FILE = 4, STAGE_SHIFT = 3, ALL_FLAGS = 31, SHA256_BYTES = 32 };

/* ---------------------------------------------------------------- writing */

void rcr_store_write_number(rcr_text *out, uint64_t number) {
    char bytes[10];
    size_t n = 0;
    for (; number >= 128; number >>= 7) bytes[n++] = (char)(number & 127) - 128;
    bytes[n++] = (char)number;
    rcr_text_append(out, bytes, n);
}

static void write_string(rcr_text *out, const char *text) {
    size_t length = strlen(text);
    rcr_store_write_number(out, length);
    rcr_text_append(out, text, length);
}

static int hex_digit(char c) { return rcr_is_digit(c) ? c - '0' : rcr_ascii_lower(c) - 'a' + 10; }

static void write_sha256(rcr_text *out, const char hex[65]) {
    char bytes[SHA256_BYTES];
    for (int i = 0; i < SHA256_BYTES; i++) bytes[i] = (char)(hex_digit(hex[2 * i]) * 16 + hex_digit(hex[2 * i + 1]));
    rcr_text_append(out, bytes, sizeof bytes);
}

static void write_cells(rcr_text *out, const source_row *row, const size_t *column) {
    size_t n = 0;
    for (size_t k = 0; k < row->n_cells; k++) n += column[row->cell[k].column] != SIZE_MAX;
    rcr_store_write_number(out, n);
    for (size_t k = 0; k < row->n_cells; k++) {
        const source_cell *cell = &row->cell[k];
        double number;
        if (column[cell->column] == SIZE_MAX) continue;
        int is_text = !rcr_source_number(&number, cell->text, strlen(cell->text)) || !isfinite(number);
        rcr_store_write_number(out, 2 * column[cell->column] + (size_t)is_text);
        if (is_text)
            write_string(out, cell->text);
        else
            rcr_text_append(out, (const char *)&number, sizeof number);
    }
}

/* The elements of a record, ascending. */
static void write_elements(rcr_text *out, const source_row *row) {
    rcr_graph_view view = {0};
    uint8_t has[256] = {0};
    size_t n = 0;
    if (rcr_graph_view_packed(&view, row->record, row->record_size, NULL) == RCR_OK)
        for (int32_t i = 0; i < view.n_atoms; i++) has[view.atomic_number[i]] = 1;
    for (int32_t k = 0; k < view.n_species; k++) has[view.species_number[k]] = 1;
    for (int z = 0; z < 256; z++) n += has[z];
    rcr_store_write_number(out, n);
    for (int z = 0; z < 256; z++)
        if (has[z]) rcr_store_write_number(out, (uint64_t)z); /* below 128: one byte */
}

/* ID.cif, as a table without a column of file names has it. */
static int is_usual_file(const source_row *row) {
    size_t n = strlen(row->id);
    return row->file == NULL || (strncmp(row->file, row->id, n) == 0 && strcmp(row->file + n, ".cif") == 0);
}

void rcr_store_write_row(rcr_text *out, const source_row *row, store_stage stage, const size_t *column) {
    int own_file = !is_usual_file(row), has_sha256 = row->sha256[0] != '\0';
    rcr_store_write_number(out, (row->record != NULL ? HAS_RECORD : 0u) | (has_sha256 ? HAS_SHA256 : 0u) |
                                    (own_file ? HAS_FILE : 0u) | (unsigned)stage << STAGE_SHIFT);
    write_string(out, row->id);
    if (own_file) write_string(out, row->file);
    rcr_store_write_number(out, (uint64_t)row->line);
    if (has_sha256) write_sha256(out, row->sha256);
    write_cells(out, row, column);
    if (row->record != NULL) {
        rcr_store_write_number(out, row->record_size);
        rcr_store_write_number(out, (uint64_t)row->n_atoms);
        rcr_store_write_number(out, (uint64_t)row->n_edges);
        write_elements(out, row);
    } else {
        rcr_store_write_number(out, (uint64_t)row->error->status);
        write_string(out, row->error->file);
        rcr_store_write_number(out, (uint64_t)row->error->line);
        write_string(out, row->error->message);
    }
}

/* ---------------------------------------------------------------- reading */

static const uint8_t *take(store_reader *r, size_t n) {
    if (r->failed || n > r->left) {
        r->failed = 1;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += n;
    r->left -= n;
    return at;
}

uint64_t rcr_store_read_number(store_reader *r) {
    uint64_t number = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        const uint8_t *byte = take(r, 1);
        if (byte == NULL) return 0;
        number |= (uint64_t)(*byte & 127) << shift;
        if (*byte < 128) return number;
    }
    r->failed = 1;
    return 0;
}

/* A number of at most `largest`. */
static uint64_t read_up_to(store_reader *r, uint64_t largest) {
    uint64_t number = rcr_store_read_number(r);
    if (number <= largest) return number;
    r->failed = 1;
    return 0;
}

static const char *read_string(size_t *length, store_reader *r) {
    *length = (size_t)read_up_to(r, r->left);
    const char *text = (const char *)take(r, *length);
    if (text != NULL && memchr(text, '\0', *length) != NULL) r->failed = 1;
    if (r->failed) *length = 0;
    return text;
}

/* Into a field of an error, which may have been longer where it was written. */
static void read_field(char *to, size_t size, store_reader *r) {
    size_t length;
    const char *text = read_string(&length, r);
    if (length >= size) length = rcr_whole_characters(text, size - 1);
    if (length > 0) memcpy(to, text, length);
    to[length] = '\0';
}

int rcr_store_read_cell(store_cell *cell, store_reader *r) {
    *cell = (store_cell){.number = NAN};
    uint64_t key = rcr_store_read_number(r);
    cell->column = (size_t)(key / 2);
    if (key % 2 == 1) {
        cell->text = read_string(&cell->length, r);
    } else {
        const uint8_t *bytes = take(r, sizeof cell->number);
        if (bytes != NULL) memcpy(&cell->number, bytes, sizeof cell->number);
        if (!isfinite(cell->number)) r->failed = 1;
    }
    return !r->failed;
}

static void read_cells(store_row *row, store_reader *r) {
    store_cell ignored;
    row->n_cells = (size_t)read_up_to(r, r->left);
    row->cells = *r;
    for (size_t k = 0; k < row->n_cells && !r->failed; k++) rcr_store_read_cell(&ignored, r);
    row->cells.left = (size_t)(r->at - row->cells.at);
}

static void read_result(store_row *row, store_reader *r) {
    if (row->has_record) {
        row->record_size = (uint32_t)read_up_to(r, UINT32_MAX);
        row->n_atoms = (int32_t)read_up_to(r, INT32_MAX - 1);
        row->n_edges = (int32_t)read_up_to(r, INT32_MAX - 1);
        row->n_elements = (size_t)read_up_to(r, RCR_MAX_ATOMIC_NUMBER);
        row->element = take(r, row->n_elements);
        if (row->n_atoms < 1) r->failed = 1;
    } else {
        row->error.status = (rcr_status)read_up_to(r, RCR_ERR_INTERRUPTED);
        if (row->error.status == RCR_OK) r->failed = 1;
        read_field(row->error.file, sizeof row->error.file, r);
        row->error.line = (long)read_up_to(r, INT32_MAX);
        read_field(row->error.message, sizeof row->error.message, r);
    }
}

int rcr_store_read_row(store_row *row, store_reader *r) {
    memset(row, 0, sizeof *row);
    uint64_t flags = read_up_to(r, ALL_FLAGS);
    row->has_record = (flags & HAS_RECORD) != 0;
    row->has_sha256 = (flags & HAS_SHA256) != 0;
    row->stage = (store_stage)(flags >> STAGE_SHIFT);
    if (row->stage > STORE_BAD_STRUCTURE) r->failed = 1;
    row->id = read_string(&row->id_length, r);
    if (flags & HAS_FILE) row->file = read_string(&row->file_length, r);
    row->line = (long)read_up_to(r, INT64_MAX);
    if (row->has_sha256) row->sha256 = take(r, SHA256_BYTES);
    read_cells(row, r);
    read_result(row, r);
    return !r->failed;
}
