/* CSV with a column of structures: MP-20, Perov-5, Carbon-24 and the like, where a cell holds the text of a CIF. */
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/csv.h"
#include "io/reader_parts.h"

typedef struct csv_file {
    rcr_window window;
    rcr_table *table;
    int done;
} csv_file;

static void close_csv(void *self) {
    csv_file *f = self;
    rcr_window_release(&f->window);
    rcr_table_free(f->table);
    rcr_free(f);
}

/* ---------------------------------------------------------------- rows */

/* Where in a row the cutter stands; the rules are those of csv.c. */
typedef struct row_state {
    enum { AT_START, IN_PLAIN, IN_QUOTES, AFTER_QUOTE } in;
} row_state;

/* Follow a row over text[0 .. n); its length, or 0 when it goes on behind. */
static size_t follow_row(row_state *s, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (s->in == IN_QUOTES) {
            const char *quote = memchr(text + i, '"', n - i);
            if (quote == NULL) return 0;
            i = (size_t)(quote - text);
            s->in = AFTER_QUOTE;
            continue;
        }
        if (c == '"' && s->in == AT_START)
            s->in = IN_QUOTES;
        else if (c == '"' && s->in == AFTER_QUOTE) /* a doubled one */
            s->in = IN_QUOTES;
        else if (c == '\n')
            return i + 1;
        else if (c == ',')
            s->in = AT_START;
        else if (s->in != AT_START || (c != ' ' && c != '\t'))
            s->in = IN_PLAIN;
    }
    return 0;
}

/* Move `at` behind the row that it stands on.  0: the file ends within quotation marks. */
static int skip_row(rcr_window *w) {
    row_state s = {AT_START};
    for (;;) {
        size_t length = follow_row(&s, w->data + w->at, w->end - w->at);
        w->at = length > 0 ? w->at + length : w->end;
        if (length > 0 || !rcr_window_more(w)) return s.in != IN_QUOTES;
    }
}

static int next_csv(void *self, rcr_record *record, int *last) {
    csv_file *f = self;
    rcr_window *w = &f->window;
    if (f->done) return 0;
    if (rcr_window_skip_blanks(w) < 0 && w->error.status == RCR_OK) return 0;
    rcr_window_drop(w);
    record->line = w->line;
    int whole = skip_row(w);
    if (rcr_cut_failed(record, w)) {
        f->done = *last = 1;
        return 1;
    }
    if (whole)
        rcr_cut_take(record, w, RCR_UNPARSED_CSV, f->table);
    else
        rcr_fail_at(&record->error, RCR_ERR_PARSE, "", record->line,
                    "in this row a quotation mark is opened and never closed");
    /* What blanks follow are the next row's, or the end. */
    *last = f->done = rcr_window_skip_blanks(w) < 0;
    return 1;
}

/* ---------------------------------------------------------------- the header */

static int holds_structure(const char *cell) {
    size_t n = strlen(cell);
    return strchr(cell, '\n') != NULL || rcr_looks_like_json(cell, n) ||
           rcr_format_detect(NULL, cell, n) != RCR_FORMAT_UNKNOWN;
}

/* The column of structures: the best by name among those whose first cell looks like one; else any such. */
static size_t find_column(const rcr_csv_row *header, const rcr_csv_row *row) {
    size_t found = SIZE_MAX;
    int best = -1;
    for (size_t k = 0; k < header->n_fields; k++) {
        int place = rcr_structure_key(header->field[k], strlen(header->field[k]));
        if (place < 0 || (row != NULL && (k >= row->n_fields || !holds_structure(row->field[k])))) continue;
        if (found != SIZE_MAX && place >= best) continue;
        found = k;
        best = place;
    }
    for (size_t k = 0; row != NULL && found == SIZE_MAX && k < header->n_fields && k < row->n_fields; k++) {
        rcr_format format = rcr_format_detect(NULL, row->field[k], strlen(row->field[k]));
        if (format != RCR_FORMAT_UNKNOWN && format != RCR_FORMAT_JSON) found = k; /* a list of numbers is JSON too */
    }
    return found;
}

size_t rcr_csv_first_row(const char *text, size_t length) {
    row_state s = {AT_START};
    size_t row = follow_row(&s, text, length);
    return row > 0 ? row : length;
}

rcr_status rcr_csv_check_separator(const char *text, size_t length, rcr_error *err) {
    size_t n = rcr_csv_first_row(text, length);
    if (memchr(text, ',', n) != NULL || (memchr(text, ';', n) == NULL && memchr(text, '\t', n) == NULL)) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", 1,
                       "semicolons or tabs part the columns of this table; save it with commas");
}

/* The column of structures, told by the header and the first row that has one: rows without a structure may come before
 * it.  A last row that is longer than what is here is closed.  SIZE_MAX: none is seen. */
static size_t find_in_rows(const char *text, size_t length, rcr_status *status) {
    enum { MAX_ROWS = 64 };
    size_t header = rcr_csv_first_row(text, length), at = header, found = SIZE_MAX;
    *status = RCR_OK;
    for (int i = 0; i < MAX_ROWS && found == SIZE_MAX && *status != RCR_ERR_MEMORY; i++) {
        row_state s = {AT_START};
        size_t row = follow_row(&s, text + at, length - at), end = row > 0 ? at + row : length;
        rcr_text both = {0};
        rcr_csv *csv = NULL;
        rcr_text_append(&both, text, header);
        rcr_text_append(&both, text + at, end - at);
        if (row == 0 && s.in == IN_QUOTES) rcr_text_puts(&both, "\"");
        *status = both.failed ? RCR_ERR_MEMORY : rcr_csv_parse(&csv, both.data, both.length, NULL);
        if (*status == RCR_OK && csv->n_rows > 1)
            found = find_column(&csv->row[0], &csv->row[1]);
        else if (*status == RCR_OK && csv->n_rows == 1 && at == length && i == 0) /* there is no other row */
            found = find_column(&csv->row[0], NULL);
        rcr_csv_free(csv);
        rcr_text_free(&both);
        at = end;
        if (at == length) break;
    }
    return found;
}

int rcr_looks_like_structure_csv(const char *text, size_t length) {
    rcr_status status;
    if (memchr(text, ',', rcr_csv_first_row(text, length)) == NULL || memchr(text, '\0', length) != NULL) return 0;
    size_t found = find_in_rows(text, length, &status);
    return status == RCR_ERR_MEMORY ? -1 : found != SIZE_MAX;
}

static rcr_status read_header(csv_file *f, rcr_error *err) {
    rcr_window *w = &f->window;
    rcr_csv *csv = NULL;
    rcr_table *t = f->table = rcr_table_new();
    if (t == NULL) return rcr_fail_memory(err, "reading a table");
    skip_row(w);
    size_t header = w->at - w->begin;
    rcr_status status = rcr_csv_parse(&csv, w->data + w->begin, header, err);
    if (status != RCR_OK) return status;
    const rcr_csv_row *first = csv->n_rows > 0 ? &csv->row[0] : NULL;
    t->structure = find_in_rows(w->data + w->begin, w->end - w->begin, &status);
    if (status == RCR_ERR_MEMORY) {
        rcr_csv_free(csv);
        return rcr_fail_memory(err, "reading a table");
    }
    if (first == NULL) t->structure = SIZE_MAX;
    status = RCR_OK; /* what is wrong in a row is that row's */
    if (t->structure == SIZE_MAX)
        status = rcr_fail_at(err, RCR_ERR_DATA, "", 1, "no column holds structures");
    else if ((t->column = rcr_calloc(first->n_fields, sizeof *t->column)) == NULL)
        status = rcr_fail_memory(err, "reading a table");
    for (size_t k = 0; status == RCR_OK && k < first->n_fields; k++) {
        t->n_columns = k + 1;
        t->column[k] = rcr_strdup(first->field[k]);
        if (t->column[k] == NULL) status = rcr_fail_memory(err, "reading a table");
    }
    rcr_csv_free(csv);
    w->at = w->begin + header;
    rcr_window_drop(w);
    return status;
}

rcr_status rcr_cut_csv(rcr_cutter *out, rcr_window *window, rcr_error *err) {
    csv_file *f = rcr_calloc(1, sizeof *f);
    if (f == NULL) {
        rcr_window_release(window);
        return rcr_fail_memory(err, "opening a file");
    }
    f->window = *window;
    rcr_status status = read_header(f, err);
    if (status != RCR_OK) {
        close_csv(f);
        return status;
    }
    *out = (rcr_cutter){.format = "CSV", .self = f, .window = &f->window, .next = next_csv, .close = close_csv};
    return RCR_OK;
}

/* ---------------------------------------------------------------- one row */

/* The column of a row's id: the first that there is of the names for it, whatever the order of the columns. */
static size_t id_column(const rcr_table *t) {
    for (size_t i = 0; rcr_id_keys[i] != NULL; i++)
        for (size_t k = 0; k < t->n_columns; k++)
            if (k != t->structure && rcr_equals_ignore_case(t->column[k], strlen(t->column[k]), rcr_id_keys[i]))
                return k;
    return SIZE_MAX;
}

static int keep_cells(rcr_record *record, const rcr_table *t, const rcr_csv_row *row) {
    size_t id = id_column(t);
    if (id < row->n_fields && row->field[id][0] != '\0' &&
        !rcr_record_name(record, row->field[id], strlen(row->field[id]),
                         rcr_equals_ignore_case(t->column[id], strlen(t->column[id]), "name")))
        return 0;
    /* Texts of several lines are other structures; a column without a name is the counter that pandas writes. */
    for (size_t k = 0; k < row->n_fields && k < t->n_columns; k++) {
        const char *cell = row->field[k];
        if (k == t->structure || k == id || t->column[k][0] == '\0' || strchr(cell, '\n') != NULL) continue;
        if (!rcr_record_add(record, t->column[k], strlen(t->column[k]), cell, strlen(cell))) return 0;
    }
    return 1;
}

static rcr_status parse_row(rcr_record *record, const rcr_table *t, const rcr_csv *csv, rcr_error *err) {
    if (csv->n_rows != 1) return rcr_fail(err, RCR_ERR_PARSE, "this is no row of a table");
    const rcr_csv_row *row = &csv->row[0];
    if (!keep_cells(record, t, row)) return rcr_fail_memory(err, "reading a structure");
    if (row->n_fields > t->n_columns)
        return rcr_fail(err, RCR_ERR_PARSE, "the row has %zu cells; the first line has %zu", row->n_fields,
                        t->n_columns);
    if (t->structure >= row->n_fields || row->field[t->structure][0] == '\0')
        return rcr_fail(err, RCR_ERR_DATA, "the row has no structure in its column \"%.60s\"", t->column[t->structure]);
    const char *cell = row->field[t->structure];
    rcr_status status = rcr_structure_from_text(&record->crystal, t->column[t->structure], cell, strlen(cell), err);
    /* A line within the cell: of the file, as far as the cells before it have no lines of their own. */
    if (status != RCR_OK && err->line > 0) err->line += record->line - 1;
    return status;
}

void rcr_parse_csv(rcr_record *record) {
    const rcr_unparsed *u = record->unparsed;
    rcr_csv *csv = NULL;
    if (rcr_csv_parse(&csv, u->text, u->length, &record->error) != RCR_OK) {
        record->error.line += record->line - 1;
        return;
    }
    parse_row(record, u->table, csv, &record->error);
    rcr_csv_free(csv);
}
