#include "io/csv.h"

#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

/* The text is copied once; fields are cut out of the copy in place, so memory is a small multiple of the file's size.
 */
typedef struct parser {
    char *at, *end; /* *end is NUL */
    long line;
    char **field; /* all fields of all rows, one after the other */
    size_t n_fields, field_capacity;
    rcr_csv_row *row; /* .field stays NULL until all fields are known, as their array moves while it grows */
    size_t n_rows, row_capacity;
} parser;

typedef struct storage {
    char *text;
    char **field;
} storage;

/* Make room for one more; 1 on success. */
static int grow(void **array, size_t *capacity, size_t n, size_t size) {
    if (n < *capacity) return 1;
    size_t wanted = *capacity > 0 ? 2 * *capacity : 64;
    void *grown = rcr_realloc(*array, wanted, size);
    if (grown == NULL) return 0;
    *array = grown;
    *capacity = wanted;
    return 1;
}

static int is_line_end(char c) { return c == '\n' || c == '\r'; }

static void skip_line_end(parser *p) {
    if (*p->at == '\r' && p->at + 1 < p->end && p->at[1] == '\n') p->at++;
    p->at++;
    p->line++;
}

/* A quoted field at the opening quote; its text is moved down over the doubled quotes. */
static rcr_status read_quoted(parser *p, char **out, char **out_end, rcr_error *err) {
    long start = p->line;
    char *to = ++p->at;
    *out = to;
    for (; p->at < p->end; p->at++) {
        if (*p->at == '"') {
            if (p->at + 1 == p->end || p->at[1] != '"') break;
            p->at++;
        } else if (*p->at == '\n' || (*p->at == '\r' && !(p->at + 1 < p->end && p->at[1] == '\n'))) {
            p->line++;
        }
        *to++ = *p->at;
    }
    if (p->at >= p->end)
        return rcr_fail_at(err, RCR_ERR_PARSE, "", start, "a quotation mark is opened here and never closed");
    p->at++;
    *out_end = to;
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) p->at++;
    if (p->at < p->end && *p->at != ',' && !is_line_end(*p->at))
        return rcr_fail_at(err, RCR_ERR_PARSE, "", p->line,
                           "text follows a closing quotation mark; double the quotation marks inside a field");
    return RCR_OK;
}

static void read_plain(parser *p, char **out, char **out_end) {
    char *start = p->at;
    while (p->at < p->end && *p->at != ',' && !is_line_end(*p->at)) p->at++;
    char *stop = p->at;
    while (start < stop && (*start == ' ' || *start == '\t')) start++;
    while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t')) stop--;
    *out = start;
    *out_end = stop;
}

/* One line's fields.  The terminating NULs are written after the separators were looked at. */
static rcr_status read_row(parser *p, rcr_error *err) {
    if (!grow((void **)&p->row, &p->row_capacity, p->n_rows, sizeof *p->row))
        return rcr_fail_memory(err, "reading CSV");
    rcr_csv_row *row = &p->row[p->n_rows];
    *row = (rcr_csv_row){p->line, 0, NULL};
    size_t first = p->n_fields;
    int blank = 0;
    for (int more = 1; more;) {
        char *blanks = p->at, *start = p->at, *stop = p->at;
        while (blanks < p->end && (*blanks == ' ' || *blanks == '\t')) blanks++;
        int quoted = blanks < p->end && *blanks == '"';
        if (quoted) {
            p->at = blanks;
            rcr_status status = read_quoted(p, &start, &stop, err);
            if (status != RCR_OK) return status;
        } else {
            read_plain(p, &start, &stop);
        }
        more = p->at < p->end && *p->at == ',';
        blank = !more && !quoted && start == stop && p->n_fields == first;
        if (!grow((void **)&p->field, &p->field_capacity, p->n_fields, sizeof *p->field))
            return rcr_fail_memory(err, "reading CSV");
        p->field[p->n_fields++] = start;
        if (p->at < p->end && !more)
            skip_line_end(p);
        else
            p->at += more;
        *stop = '\0';
    }
    row->n_fields = p->n_fields - first;
    if (blank)
        p->n_fields = first;
    else
        p->n_rows++;
    return RCR_OK;
}

static rcr_status parse(parser *p, char *text, size_t length, rcr_error *err) {
    *p = (parser){.at = text, .end = text + length, .line = 1};
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) p->at += 3;
    const char *zero = memchr(text, '\0', length);
    if (zero != NULL) {
        long line = 1;
        for (const char *c = text; c < zero; c++) line += *c == '\n';
        return rcr_fail_at(err, RCR_ERR_PARSE, "", line,
                           "a zero byte: this is no text file, or it is UTF-16; save it as UTF-8");
    }
    while (p->at < p->end) {
        rcr_status status = read_row(p, err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

rcr_status rcr_csv_parse(rcr_csv **out, const char *text, size_t length, rcr_error *err) {
    char *copy = rcr_strndup(text, length);
    rcr_csv *csv = rcr_calloc(1, sizeof *csv);
    storage *store = rcr_calloc(1, sizeof *store);
    if (copy == NULL || csv == NULL || store == NULL) {
        rcr_free(copy);
        rcr_free(csv);
        rcr_free(store);
        return rcr_fail_memory(err, "reading CSV");
    }
    parser p;
    rcr_status status = parse(&p, copy, length, err);
    *store = (storage){copy, p.field};
    *csv = (rcr_csv){p.n_rows, p.row, store};
    if (status != RCR_OK) {
        rcr_csv_free(csv);
        return status;
    }
    char **field = p.field;
    for (size_t i = 0; i < csv->n_rows; i++) {
        csv->row[i].field = field;
        field += csv->row[i].n_fields;
    }
    *out = csv;
    return RCR_OK;
}

void rcr_csv_free(rcr_csv *csv) {
    if (csv == NULL) return;
    storage *store = csv->storage;
    rcr_free(store->text);
    rcr_free(store->field);
    rcr_free(store);
    rcr_free(csv->row);
    rcr_free(csv);
}

void rcr_csv_write_field(struct rcr_text *line, const char *field, int first) {
    if (!first) rcr_text_append(line, ",", 1);
    size_t length = strlen(field);
    int quote = strpbrk(field, ",\"\r\n") != NULL || (first && length == 0);
    if (length > 0) quote |= rcr_is_space((unsigned char)field[0]) || rcr_is_space((unsigned char)field[length - 1]);
    if (!quote) {
        rcr_text_append(line, field, length);
        return;
    }
    rcr_text_append(line, "\"", 1);
    for (const char *c = field; *c != '\0'; c++) rcr_text_append(line, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    rcr_text_append(line, "\"", 1);
}
