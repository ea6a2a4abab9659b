/* The head of a graph store, and whether a store serves a purpose. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/store_rows.h"
#include "graph/graph.h"

enum { VERSION = 1 };
static const char format_name[] = "recryst graph store";

void rcr_store_head_release(store_head *head) {
    for (size_t k = 0; k < head->n_columns; k++) rcr_free(head->column[k]);
    for (size_t k = 0; k < head->n_sources; k++) {
        rcr_free(head->source[k].path);
        rcr_free(head->source[k].name);
        rcr_free(head->source[k].table);
    }
    rcr_free(head->column);
    rcr_name_index_free(&head->columns);
    rcr_free(head->source);
    memset(head, 0, sizeof *head);
}

store_source *rcr_store_head_add_source(store_head *head) {
    store_source *grown = rcr_realloc(head->source, head->n_sources + 1, sizeof *grown);
    if (grown == NULL) return NULL;
    head->source = grown;
    memset(&grown[head->n_sources], 0, sizeof *grown);
    return &grown[head->n_sources++];
}

static size_t add_column(store_head *head, const char *name) {
    char **grown = rcr_realloc(head->column, head->n_columns + 1, sizeof *grown);
    if (grown != NULL) head->column = grown;
    char *copy = grown != NULL ? rcr_strdup(name) : NULL;
    if (copy != NULL) head->column[head->n_columns] = copy;
    if (copy == NULL || !rcr_name_index_add(&head->columns, head->column, head->n_columns)) {
        rcr_free(copy);
        return SIZE_MAX;
    }
    return head->n_columns++;
}

size_t rcr_store_head_column(store_head *head, const char *name, size_t n_before) {
    size_t first = rcr_name_index_find(&head->columns, head->column, name, strlen(name));
    for (size_t k = first; k < head->n_columns; k++)
        if (strcmp(head->column[k], name) == 0 && n_before-- == 0) return k;
    return add_column(head, name);
}

void rcr_store_head_leave_columns(store_head *head) {
    size_t n = head->n_columns;
    for (size_t k = 0; k < head->n_sources; k++)
        if (head->source[k].complete) n = head->source[k].n_columns;
    rcr_name_index_free(&head->columns); /* which would find what is gone */
    while (head->n_columns > n) rcr_free(head->column[--head->n_columns]);
}

/* ---------------------------------------------------------------- writing */

static json_t *graph_json(const rcr_graph_options *g) {
    return json_pack("{s:f, s:i, s:s, s:s, s:f, s:s}", "radius", g->radius, "max_neighbors", (int)g->max_neighbors,
                     "padding", g->padding == RCR_PADDING_REFERENCE ? "reference" : "none", "ties",
                     g->ties == RCR_TIES_KEEP ? "keep" : "cut", "tie_tolerance", rcr_graph_tie_tolerance(g), "disorder",
                     rcr_disorder_name(g->disorder));
}

/* JSON is UTF-8, names of files and columns need not be: a byte that is part of no character becomes one of the last
 * 128 code points, U+10FF80 to U+10FFFF, and so does each byte of such a one, so that all of them come back. */
enum { ESCAPES = 0x10ff80 };

static int is_escape(const char *text) {
    return strncmp(text, "\xf4\x8f\xbe", 3) == 0 || strncmp(text, "\xf4\x8f\xbf", 3) == 0;
}

static json_t *text_json(const char *text) {
    rcr_text escaped = {0};
    rcr_text_puts(&escaped, "");
    while (*text != '\0') {
        size_t n = rcr_utf8_length(text);
        if (n == 0 || is_escape(text)) {
            unsigned code = ESCAPES + ((unsigned char)*text & 0x7f);
            const char bytes[] = {'\xf4', (char)(0x80 | (code >> 12 & 0x3f)), (char)(0x80 | (code >> 6 & 0x3f)),
                                  (char)(0x80 | (code & 0x3f))};
            rcr_text_append(&escaped, bytes, sizeof bytes);
            n = 1;
        } else {
            rcr_text_append(&escaped, text, n);
        }
        text += n;
    }
    json_t *string = escaped.failed ? NULL : json_string(escaped.data);
    rcr_text_free(&escaped);
    return string;
}

/* Back to the bytes, in place. */
static void unescape(char *text) {
    char *to = text;
    while (*text != '\0') {
        if (rcr_utf8_length(text) == 4 && is_escape(text)) {
            *to++ = (char)(0x80 | ((unsigned char)text[2] & 1) << 6 | ((unsigned char)text[3] & 0x3f));
            text += 4;
        } else {
            *to++ = *text++;
        }
    }
    *to = '\0';
}

static json_t *source_json(const store_source *s) {
    return json_pack("{s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "path",
                     text_json(s->path), "name", text_json(s->name), "table", text_json(s->table), "identity",
                     s->identity, "sha256", s->sha256, "first_row", (json_int_t)s->first_row, "n_rows",
                     (json_int_t)s->n_rows, "next", (json_int_t)s->next, "total", (json_int_t)s->total, "n_good",
                     (json_int_t)s->n_good, "first_batch", (json_int_t)s->first_batch, "n_batches",
                     (json_int_t)s->n_batches, "n_columns", (json_int_t)s->n_columns, "complete", s->complete);
}

static int append_json(const char *bytes, size_t n, void *text) {
    rcr_text_append(text, bytes, n);
    return 0;
}

rcr_status rcr_store_head_write(char **out, size_t *length, const store_head *head, rcr_error *err) {
    json_t *columns = json_array(), *sources = json_array();
    int lost = 0;
    for (size_t k = 0; k < head->n_columns; k++)
        lost |= json_array_append_new(columns, text_json(head->column[k])) != 0;
    for (size_t k = 0; k < head->n_sources; k++)
        lost |= json_array_append_new(sources, source_json(&head->source[k])) != 0;
    json_t *root =
        json_pack("{s:s, s:i, s:s, s:o, s:s, s:b, s:o, s:o}", "format", format_name, "version", VERSION, "program",
                  rcr_version(), "graph", graph_json(&head->graph), "rows", head->frames ? "frames" : "table", "header",
                  head->header, "columns", columns, "sources", sources);
    rcr_text text = {0};
    lost |= root == NULL || json_dump_callback(root, append_json, &text, JSON_INDENT(1)) != 0 || text.failed;
    json_decref(root);
    if (lost) {
        rcr_text_free(&text);
        return rcr_fail_memory(err, "describing a store");
    }
    *out = text.data;
    *length = text.length;
    return RCR_OK;
}

/* ---------------------------------------------------------------- reading */

static char *copy_text(const json_t *value) {
    char *text = rcr_strdup(json_is_string(value) ? json_string_value(value) : "");
    if (text != NULL) unescape(text);
    return text;
}

static uint64_t whole(const json_t *object, const char *key, uint64_t largest, int *damaged) {
    json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 0 && (uint64_t)number <= largest) return (uint64_t)number;
    *damaged = 1;
    return 0;
}

static double real(const json_t *object, const char *key, int *damaged) {
    json_t *value = json_object_get(object, key);
    if (!json_is_number(value)) *damaged = 1;
    return json_number_value(value);
}

static int is_text(const json_t *object, const char *key, const char *text) {
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL && strcmp(value, text) == 0;
}

static void read_hash(char to[65], const json_t *object, const char *key, int *damaged) {
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL || (strlen(text) != 64 && text[0] != '\0'))
        *damaged = 1;
    else
        memcpy(to, text, strlen(text) + 1);
}

static int read_source(store_head *head, store_source *s, const json_t *object) {
    int damaged = 0;
    s->path = copy_text(json_object_get(object, "path"));
    s->name = copy_text(json_object_get(object, "name"));
    s->table = copy_text(json_object_get(object, "table"));
    read_hash(s->identity, object, "identity", &damaged);
    read_hash(s->sha256, object, "sha256", &damaged);
    s->first_row = whole(object, "first_row", INT64_MAX, &damaged);
    s->n_rows = whole(object, "n_rows", INT64_MAX, &damaged);
    s->next = whole(object, "next", INT64_MAX, &damaged);
    s->total = whole(object, "total", INT64_MAX, &damaged);
    s->n_good = whole(object, "n_good", s->n_rows, &damaged);
    s->first_batch = (uint32_t)whole(object, "first_batch", UINT32_MAX, &damaged);
    s->n_batches = (uint32_t)whole(object, "n_batches", UINT32_MAX - s->first_batch, &damaged);
    /* A store that does not say is of a program that looked at all columns. */
    s->n_columns = head->n_columns;
    if (json_object_get(object, "n_columns") != NULL)
        s->n_columns = (size_t)whole(object, "n_columns", head->n_columns, &damaged);
    s->complete = json_is_true(json_object_get(object, "complete"));
    head->out_of_memory |= s->path == NULL || s->name == NULL || s->table == NULL;
    return !damaged;
}

/* Sources follow one another without gaps, and only the last may be incomplete. */
static int sources_follow(const store_head *head) {
    uint64_t row = 0, batch = 0;
    for (size_t k = 0; k < head->n_sources; k++) {
        const store_source *s = &head->source[k];
        if (s->first_row != row || s->first_batch != batch || (!s->complete && k + 1 < head->n_sources)) return 0;
        row += s->n_rows;
        batch += s->n_batches;
    }
    return head->n_sources > 0;
}

static int read_parts(store_head *head, const json_t *root) {
    int damaged = 0;
    const json_t *graph = json_object_get(root, "graph"), *columns = json_object_get(root, "columns"),
                 *sources = json_object_get(root, "sources");
    head->graph = rcr_graph_options_default();
    head->graph.radius = real(graph, "radius", &damaged);
    head->graph.max_neighbors = (int32_t)whole(graph, "max_neighbors", INT32_MAX, &damaged);
    head->graph.padding = is_text(graph, "padding", "reference") ? RCR_PADDING_REFERENCE : RCR_PADDING_NONE;
    head->graph.ties = is_text(graph, "ties", "keep") ? RCR_TIES_KEEP : RCR_TIES_CUT;
    head->graph.tie_tolerance = real(graph, "tie_tolerance", &damaged);
    /* A store that does not say is of a program that refused disordered sites. */
    head->graph.disorder = is_text(graph, "disorder", "average") ? RCR_DISORDER_AVERAGE : RCR_DISORDER_REFUSE;
    head->frames = is_text(root, "rows", "frames");
    head->header = json_is_true(json_object_get(root, "header"));
    for (size_t k = 0; k < json_array_size(columns); k++) {
        if (!json_is_string(json_array_get(columns, k))) return 0;
        char *name = copy_text(json_array_get(columns, k));
        if (name == NULL || add_column(head, name) == SIZE_MAX) head->out_of_memory = 1;
        rcr_free(name);
    }
    for (size_t k = 0; k < json_array_size(sources); k++) {
        store_source *s = rcr_store_head_add_source(head);
        head->out_of_memory |= s == NULL;
        if (s == NULL || !read_source(head, s, json_array_get(sources, k))) return 0;
    }
    return !damaged && sources_follow(head);
}

rcr_status rcr_store_head_read(store_head *out, rcr_bytes bytes, rcr_error *err) {
    json_error_t why;
    json_t *root = json_loadb(bytes.data, bytes.size, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL && json_error_code(&why) == json_error_out_of_memory)
        return rcr_fail_memory(err, "opening a graph store");
    store_head head = {0};
    rcr_status status = RCR_OK;
    int version = (int)json_integer_value(json_object_get(root, "version"));
    if (!is_text(root, "format", format_name))
        status = rcr_fail(err, RCR_ERR_PARSE, "this is no graph store");
    else if (version != VERSION)
        status =
            rcr_fail(err, RCR_ERR_UNSUPPORTED,
                     "a graph store of version %d; this program reads version %d: prepare it again", version, VERSION);
    else if (!read_parts(&head, root) && !head.out_of_memory)
        status = rcr_fail(err, RCR_ERR_PARSE, "the store's head is damaged; prepare it again");
    if (head.out_of_memory) status = rcr_fail_memory(err, "reading the head of a store");
    json_decref(root);
    if (status == RCR_OK)
        *out = head;
    else
        rcr_store_head_release(&head);
    return status;
}

/* ---------------------------------------------------------------- options */

static void tell(rcr_text *text, const char *name, double has, double wanted) {
    char a[32], b[32];
    if (has == wanted) return;
    rcr_text_printf(text, "%s%s is %s and %s is wanted", text->length > 0 ? "; " : "", name, rcr_format_double(a, has),
                    rcr_format_double(b, wanted));
}

rcr_status rcr_store_check_options(const store_head *head, const rcr_graph_options *wanted, const char *path,
                                   rcr_error *err) {
    const rcr_graph_options *has = &head->graph;
    rcr_text differs = {0};
    tell(&differs, "radius", has->radius, wanted->radius);
    tell(&differs, "max_neighbors", has->max_neighbors, wanted->max_neighbors);
    if (has->padding != wanted->padding)
        rcr_text_printf(&differs, "%spadding is %s", differs.length > 0 ? "; " : "",
                        has->padding == RCR_PADDING_REFERENCE ? "reference and none is wanted"
                                                              : "none and reference is wanted");
    if (has->ties != wanted->ties)
        rcr_text_printf(&differs, "%sties is %s", differs.length > 0 ? "; " : "",
                        has->ties == RCR_TIES_KEEP ? "keep and cut is wanted" : "cut and keep is wanted");
    else
        tell(&differs, "tie_tolerance", rcr_graph_tie_tolerance(has), rcr_graph_tie_tolerance(wanted));
    if (has->disorder != wanted->disorder)
        rcr_text_printf(&differs, "%sdisorder is %s and %s is wanted", differs.length > 0 ? "; " : "",
                        rcr_disorder_name(has->disorder), rcr_disorder_name(wanted->disorder));
    rcr_status status = RCR_OK;
    if (differs.failed)
        status = rcr_fail_memory(err, "opening a store");
    else if (differs.length > 0)
        status = rcr_fail_at(err, RCR_ERR_MISMATCH, path, 0,
                             "the store's graphs were made with other options (%.200s); give the store's options, or "
                             "make another store with: recryst prepare DATA --out STORE and the options wanted",
                             differs.data);
    rcr_text_free(&differs);
    return status;
}
