#include "fetch/page.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "io/reader_parts.h"

struct rcr_page {
    json_t *root;
    const json_t *rows; /* an array, or for a single row an object */
    const json_t *meta;
    int optimade;
};

/* ---- the page */

static const json_t *object_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_object(value) ? value : NULL;
}

/* A string that has no NUL in it. */
static const char *text_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) return NULL;
    return json_string_value(value);
}

static rcr_status parse(rcr_page **out, const char *body, size_t length, int optimade, rcr_error *err) {
    json_error_t why;
    json_t *root;
    rcr_status status = rcr_json_load_any(&root, &why, body, length, JSON_ALLOW_NUL);
    if (status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading an answer");
    if (status != RCR_OK)
        return rcr_fail(err, RCR_ERR_PARSE, "the answer is not JSON: %s (line %d, column %d)", why.text, why.line,
                        why.column);
    const json_t *rows = json_object_get(root, "data");
    rcr_text complaint = {0};
    if (optimade && json_array_size(json_object_get(root, "errors")) > 0) {
        rcr_page_complaint(&complaint, body, length);
        status = rcr_fail(err, RCR_ERR_DATA, "the server reports an error: %s",
                          complaint.data != NULL ? complaint.data : "it does not say which");
    } else if (!json_is_array(rows) && !(optimade && json_is_object(rows))) {
        status = rcr_fail(err, RCR_ERR_PARSE, "the answer has no list \"data\"");
    }
    rcr_text_free(&complaint);
    rcr_page *page = status == RCR_OK ? rcr_calloc(1, sizeof *page) : NULL;
    if (status == RCR_OK && page == NULL) status = rcr_fail_memory(err, "reading an answer");
    if (status != RCR_OK) {
        json_decref(root);
        return status;
    }
    page->root = root;
    page->rows = rows;
    page->meta = object_at(root, "meta");
    page->optimade = optimade;
    *out = page;
    return RCR_OK;
}

rcr_status rcr_page_parse_mp(rcr_page **out, const char *body, size_t length, rcr_error *err) {
    return parse(out, body, length, 0, err);
}

rcr_status rcr_page_parse_optimade(rcr_page **out, const char *body, size_t length, rcr_error *err) {
    return parse(out, body, length, 1, err);
}

void rcr_page_free(rcr_page *page) {
    if (page == NULL) return;
    json_decref(page->root);
    rcr_free(page);
}

size_t rcr_page_rows(const rcr_page *page) { return json_is_array(page->rows) ? json_array_size(page->rows) : 1; }

int64_t rcr_page_total(const rcr_page *page) {
    const json_t *total = json_object_get(page->meta, page->optimade ? "data_returned" : "total_doc");
    return json_is_integer(total) && json_integer_value(total) >= 0 ? json_integer_value(total) : -1;
}

int rcr_page_more(const rcr_page *page) {
    const json_t *more = json_object_get(page->meta, "more_data_available");
    return json_is_true(more) ? 1 : json_is_false(more) ? 0 : -1;
}

const char *rcr_page_next(const rcr_page *page) {
    const json_t *links = object_at(page->root, "links"), *next = json_object_get(links, "next");
    const char *url = json_is_object(next) ? text_at(next, "href") : text_at(links, "next");
    return url != NULL && url[0] != '\0' ? url : NULL;
}

double rcr_page_delay(const rcr_page *page) {
    double delay = json_number_value(json_object_get(page->meta, "request_delay"));
    return delay > 0 ? delay : 0;
}

const struct json_t *rcr_page_meta(const rcr_page *page) { return page->meta; }

/* ---- its rows */

static const json_t *row_at(const rcr_page *page, size_t i) {
    return json_is_array(page->rows) ? json_array_get(page->rows, i) : page->rows;
}

const char *rcr_page_id(const rcr_page *page, size_t i) {
    const char *id = text_at(row_at(page, i), page->optimade ? "id" : "material_id");
    return id != NULL && id[0] != '\0' ? id : NULL;
}

static rcr_status no_structure(rcr_error *err) { return rcr_fail(err, RCR_ERR_DATA, "it comes without a structure"); }

static rcr_status mp_crystal(rcr_crystal **out, const json_t *row, rcr_error *err) {
    const json_t *structure = object_at(row, "structure");
    return structure != NULL ? rcr_json_structure(out, structure, err) : no_structure(err);
}

static rcr_status optimade_crystal(rcr_crystal **out, const json_t *row, rcr_error *err) {
    const json_t *attributes = object_at(row, "attributes"), *lattice = json_object_get(attributes, "lattice_vectors");
    if (lattice == NULL || json_is_null(lattice)) return no_structure(err);
    return rcr_optimade_structure(out, attributes, err);
}

rcr_status rcr_page_crystal(rcr_crystal **out, const rcr_page *page, size_t i, rcr_error *err) {
    const json_t *row = row_at(page, i);
    const char *id = rcr_page_id(page, i);
    rcr_crystal *crystal = NULL;
    rcr_status status = page->optimade ? optimade_crystal(&crystal, row, err) : mp_crystal(&crystal, row, err);
    if (status != RCR_OK) return status;
    char *own = rcr_strdup(id != NULL ? id : "");
    if (own == NULL) {
        rcr_crystal_free(crystal);
        return rcr_fail_memory(err, "reading an answer");
    }
    rcr_free(crystal->id);
    crystal->id = own;
    *out = crystal;
    return RCR_OK;
}

/* The value at `path` below `value`; NULL when there is none. */
static const json_t *descend(const json_t *value, const char *path) {
    while (json_is_array(value)) {
        size_t length = strcspn(path, ".");
        int64_t place;
        if (!rcr_is_digit((unsigned char)path[0]) || !rcr_parse_int64(&place, path, length)) return NULL;
        value = json_array_get(value, (size_t)place);
        if (path[length] == '\0') return value;
        path += length + 1;
    }
    if (!json_is_object(value)) return NULL;
    const json_t *whole = json_object_get(value, path), *inner = NULL;
    if (whole != NULL) return whole;
    /* Names may hold points: the longest one that the path begins with. */
    size_t longest = 0;
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        const char *name = json_object_iter_key(at);
        size_t length = strlen(name);
        if (length < longest || strncmp(path, name, length) != 0 || path[length] != '.') continue;
        longest = length;
        inner = json_object_iter_value(at);
    }
    return inner != NULL ? descend(inner, path + longest + 1) : NULL;
}

rcr_status rcr_page_value(double *out, const rcr_page *page, size_t i, const char *path, rcr_error *err) {
    const json_t *row = row_at(page, i);
    const json_t *value = descend(page->optimade ? json_object_get(row, "attributes") : row, path);
    double number;
    if (value == NULL || json_is_null(value)) return rcr_fail(err, RCR_ERR_DATA, "no value of %.200s", path);
    if (json_is_boolean(value))
        number = json_is_true(value) ? 1 : 0;
    else if (json_is_number(value))
        number = json_number_value(value);
    else if (!json_is_string(value) ||
             !rcr_parse_double(&number, json_string_value(value), json_string_length(value)) || !isfinite(number))
        return rcr_fail(err, RCR_ERR_DATA, "%.200s is not a number", path);
    *out = number;
    return RCR_OK;
}

/* ---- errors */

enum { COMPLAINT_MAX = 300 };

/* One thing that went wrong, on one line. */
static void complain(rcr_text *out, const char *lead, const char *text, size_t length) {
    if (out->length > 0) rcr_text_puts(out, "; ");
    if (lead != NULL) rcr_text_printf(out, "%.*s: ", rcr_shown(lead, strlen(lead), 60), lead);
    size_t i = 0;
    for (; i < length && out->length < COMPLAINT_MAX; i++) {
        char c = text[i];
        if ((unsigned char)c < 0x20 || c == 0x7f) c = ' ';
        if (c == ' ' && out->length > 0 && out->data[out->length - 1] == ' ') continue;
        rcr_text_append(out, &c, 1);
    }
    if (i < length) out->length = rcr_whole_characters(out->data, out->length);
    if (out->data != NULL) out->data[out->length] = '\0';
}

static void complain_text(rcr_text *out, const char *lead, const char *text) {
    if (text != NULL) complain(out, lead, text, strlen(text));
}

void rcr_page_complaint(rcr_text *out, const char *body, size_t length) {
    json_t *root = json_loadb(body, length, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (root == NULL) {
        size_t start = 0;
        while (start < length && rcr_is_space((unsigned char)body[start])) start++;
        /* A page for a browser says nothing in its first line. */
        if (start < length && body[start] != '<' && body[start] != '{' && memchr(body, '\0', length) == NULL)
            complain(out, NULL, body + start, length - start);
        return;
    }
    const json_t *detail = json_object_get(root, "detail"), *errors = json_object_get(root, "errors");
    complain_text(out, NULL, text_at(root, "detail"));
    /* FastAPI: [{"loc": ["query", "name"], "msg": ".."}] */
    for (size_t k = 0; k < json_array_size(detail); k++) {
        const json_t *item = json_array_get(detail, k), *loc = json_object_get(item, "loc");
        const json_t *place = json_array_get(loc, json_array_size(loc) - (json_array_size(loc) > 0));
        complain_text(out, json_string_value(place), text_at(item, "msg"));
    }
    for (size_t k = 0; k < json_array_size(errors); k++) {
        const json_t *item = json_array_get(errors, k);
        const char *text = text_at(item, "detail");
        complain_text(out, text != NULL ? text_at(item, "title") : NULL, text != NULL ? text : text_at(item, "title"));
    }
    if (out->length == 0) complain_text(out, NULL, text_at(root, "message"));
    if (out->length == 0) complain_text(out, NULL, text_at(root, "error"));
    json_decref(root);
}
