/* JSON of any size, cut into the structures or rows that it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/json_scan.h"
#include "io/reader_parts.h"

typedef struct json_file {
    rcr_window window;
    enum {
        MODE_VALUES, /* values one after another */
        MODE_LINES,  /* one in each line */
        MODE_ARRAY,  /* the elements of a list; `at` stands in it */
        MODE_OBJECT  /* the values of an object, under their ids; `at` stands in it */
    } mode;
    rcr_table *table;
    json_t *index;   /* of a table by rows: an array, or NULL */
    int has_id;      /* a column of the table names its rows */
    int counts;      /* whole numbers of the index, or as keys, count the rows and are no ids */
    char *id_prefix; /* of Matbench's ids; NULL: none */
    int id_digits;   /* in them */
    uint64_t n;      /* records so far */
    int inner;       /* the list or object lies in another object, of which more may follow */
    int stray;       /* `at` stands on what follows the end of the outermost value */
    int done;
} json_file;

static void close_json(void *self) {
    json_file *f = self;
    rcr_window_release(&f->window);
    rcr_table_free(f->table);
    json_decref(f->index);
    rcr_free(f->id_prefix);
    rcr_free(f);
}

/* ---------------------------------------------------------------- cutting */

static rcr_status fail_open_end(rcr_record *record, const rcr_window *w) {
    if (rcr_cut_failed(record, w)) return record->error.status;
    return rcr_fail_at(&record->error, RCR_ERR_PARSE, "", record->line,
                       "the JSON that begins here is cut off: the file ends within it");
}

/* The value at `at` becomes the record's text. */
static void take_value(json_file *f, rcr_record *record) {
    rcr_window *w = &f->window;
    rcr_window_drop(w);
    record->line = w->line;
    if (!rcr_json_skip_value(w)) {
        fail_open_end(record, w);
        f->done = 1;
    } else if (w->at == w->begin) {
        rcr_fail_at(&record->error, RCR_ERR_PARSE, "", w->line, "the JSON makes no sense here: '%c'", w->data[w->at]);
        f->done = 1;
    } else {
        rcr_cut_take(record, w, RCR_UNPARSED_JSON, f->table);
    }
}

static int is_integer(const char *text) {
    text += *text == '-';
    size_t n = strspn(text, "0123456789");
    return n > 0 && n <= 18 && text[n] == '\0';
}

/* The name of a row, unless the index only counts; Matbench's ids count from 1.  0: out of memory. */
static int name_row(const json_file *f, rcr_record *record, const char *key) {
    char id[512];
    int64_t n;
    if (!f->counts || !is_integer(key)) return rcr_record_name(record, key, strlen(key), 0);
    if (f->id_prefix == NULL || !rcr_parse_int64(&n, key, strlen(key))) return 1;
    rcr_fit(id, sizeof id, "%.400s-%0*lld", f->id_prefix, f->id_digits, (long long)n + 1);
    return rcr_record_name(record, id, strlen(id), 0);
}

/* A value of the index as text; number has room for it.  NULL: it is no name. */
static const char *index_text(char number[32], const json_t *value) {
    if (json_is_string(value)) return json_string_value(value);
    if (!json_is_integer(value)) return NULL;
    snprintf(number, 32, "%lld", (long long)json_integer_value(value));
    return number;
}

static int name_by_index(json_file *f, rcr_record *record) {
    char number[32];
    const char *key = f->index != NULL ? index_text(number, json_array_get(f->index, (size_t)f->n)) : NULL;
    return key == NULL || name_row(f, record, key);
}

static int next_value(json_file *f, rcr_record *record, int *last) {
    rcr_window *w = &f->window;
    int c = rcr_window_skip_blanks(w);
    if (c < 0 && w->error.status == RCR_OK) return 0;
    take_value(f, record);
    if (c >= 0 && c != '{' && c != '[') {
        rcr_fail_at(&record->error, RCR_ERR_PARSE, "", record->line, "text that is no JSON object follows here: '%c'",
                    c >= ' ' && c <= '~' ? c : '?');
        f->done = 1;
    }
    *last = rcr_window_skip_blanks(w) < 0;
    return 1;
}

static int next_line(json_file *f, rcr_record *record, int *last) {
    rcr_window *w = &f->window;
    if (rcr_window_skip_blanks(w) < 0 && w->error.status == RCR_OK) return 0;
    rcr_window_drop(w);
    record->line = w->line;
    rcr_window_skip_line(w);
    if (!rcr_cut_failed(record, w)) rcr_cut_take(record, w, RCR_UNPARSED_JSON, f->table);
    *last = f->done = rcr_window_skip_blanks(w) < 0;
    return 1;
}

/* At the bracket that closes what is read: whether there is more to tell behind it.  Files that were put one behind the
 * other go on with a value of the same kind; whatever else stands there is not lost without a word. */
static int goes_on_behind(json_file *f) {
    rcr_window *w = &f->window;
    char unused[RCR_JSON_KEY_MAX];
    w->at++;
    while (f->inner && rcr_json_next_key(unused, NULL, NULL, w) && rcr_json_skip_value(w)) rcr_window_drop(w);
    if (f->inner && rcr_window_skip_blanks(w) == '}') w->at++;
    int c = rcr_window_skip_blanks(w);
    if (c < 0 && w->error.status == RCR_OK) return 0;
    if (!f->inner && c == (f->mode == MODE_ARRAY ? '[' : '{'))
        w->at++;
    else
        f->stray = 1;
    return 1;
}

static int fail_stray(json_file *f, rcr_record *record) {
    rcr_window *w = &f->window;
    rcr_window_drop(w);
    record->line = w->line;
    if (!rcr_cut_failed(record, w))
        rcr_fail_at(&record->error, RCR_ERR_PARSE, "", w->line,
                    "more follows here, behind the end of the JSON: '%c'; give each file by itself",
                    w->data[w->at] >= ' ' && w->data[w->at] <= '~' ? w->data[w->at] : '?');
    return f->done = 1;
}

/* Whether there is another element, or something to say of what stands in its place. */
static int more_elements(json_file *f) {
    while (!f->stray && !rcr_json_next_element(&f->window) && rcr_window_peek(&f->window) == ']')
        if (!goes_on_behind(f)) return 0;
    return 1;
}

static int next_element(json_file *f, rcr_record *record, int *last) {
    rcr_window *w = &f->window;
    if (!more_elements(f)) return 0;
    if (f->stray) return fail_stray(f, record);
    if (rcr_window_peek(w) < 0) {
        f->done = 1;
        record->line = w->line;
        fail_open_end(record, w);
        return 1;
    }
    take_value(f, record);
    if (!name_by_index(f, record)) rcr_fail_memory(&record->error, "reading a structure");
    if (!f->done) *last = f->done = !more_elements(f);
    return 1;
}

/* A string between its quotation marks, from window->begin on, as it is meant.  NULL: it is no string. */
static json_t *load_key(const rcr_window *w, size_t begin, size_t end) {
    return json_loadb(w->data + w->begin + begin - 1, end - begin + 2, JSON_DECODE_ANY, NULL);
}

/* The first key decides for all, as those that follow are not known yet: pandas begins to count with 0, and whole
 * numbers beside ids are the counter of a table of which some rows were taken. */
static void judge_keys(json_file *f, const char *first) {
    f->counts = is_integer(first) && (strcmp(first, "0") == 0 || f->has_id || rcr_json_has_own_id(&f->window));
}

/* The same of an object's members. */
static int more_members(json_file *f) {
    while (!f->stray && rcr_window_skip_blanks(&f->window) == '}')
        if (!goes_on_behind(f)) return 0;
    return 1;
}

static int next_member(json_file *f, rcr_record *record, int *last) {
    rcr_window *w = &f->window;
    char key[RCR_JSON_KEY_MAX];
    size_t begin, end;
    if (!more_members(f)) return 0;
    if (f->stray) return fail_stray(f, record);
    rcr_window_drop(w);
    record->line = w->line;
    if (!rcr_json_next_key(key, &begin, &end, w)) {
        f->done = 1;
        if (rcr_window_peek(w) == '}') return 0; /* behind a comma */
        fail_open_end(record, w);
        return 1;
    }
    json_t *name = load_key(w, begin, end);
    if (f->n == 0) judge_keys(f, key);
    take_value(f, record);
    int kept = 1;
    if (json_is_string(name)) {
        kept = name_row(f, record, json_string_value(name));
        if (kept && record->unparsed != NULL && f->table != NULL && f->table->other_columns != NULL)
            kept = (record->unparsed->key = rcr_strdup(json_string_value(name))) != NULL;
    }
    json_decref(name);
    if (!kept) rcr_fail_memory(&record->error, "reading a structure");
    if (!f->done) *last = f->done = !more_members(f);
    return 1;
}

static int next_json(void *self, rcr_record *record, int *last) {
    json_file *f = self;
    int given = 0;
    if (f->done) return 0;
    switch (f->mode) {
    case MODE_VALUES: given = next_value(f, record, last); break;
    case MODE_LINES: given = next_line(f, record, last); break;
    case MODE_ARRAY: given = next_element(f, record, last); break;
    case MODE_OBJECT: given = next_member(f, record, last); break;
    }
    f->n += (uint64_t)given;
    return given;
}

/* ---------------------------------------------------------------- what the file is */

static rcr_status fail_unknown(rcr_error *err, const rcr_window *w) {
    if (w->error.status != RCR_OK) {
        if (err != NULL) *err = w->error;
        return w->error.status;
    }
    return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", w->line,
                       "no structures are seen in this JSON; known are pymatgen's structures and entries, tables of "
                       "pandas and Matbench, OPTIMADE answers, JARVIS' lists (docs/formats.md)");
}

static rcr_status fail_syntax(rcr_error *err, const rcr_window *w) {
    if (w->error.status != RCR_OK) return fail_unknown(err, w);
    long line = w->line;
    for (size_t i = w->begin; i < w->at; i++) line += w->data[i] == '\n';
    return rcr_fail_at(err, RCR_ERR_PARSE, "", line, "this is no JSON, or it is cut off here");
}

/* All keys of the outermost object but one, read from its beginning.  holder: NULL, or the other keys are only read up
 * to one under which structures lie too, whose name goes there; "" where there is none. */
static rcr_status read_others(json_t **out, char holder[RCR_JSON_KEY_MAX], const json_file *f, const char *left_out,
                              rcr_error *err) {
    rcr_unpacker *again;
    rcr_window w;
    char key[RCR_JSON_KEY_MAX];
    size_t begin, end;
    json_t *object = json_object();
    if (object == NULL) return rcr_fail_memory(err, "reading a table");
    if (holder != NULL) holder[0] = '\0';
    rcr_status status = rcr_unpacker_again(&again, f->window.from, err);
    if (status == RCR_OK) status = rcr_window_open(&w, again, RCR_RECORD_MAX_BYTES, err);
    if (status != RCR_OK) {
        json_decref(object);
        return status;
    }
    while (rcr_window_peek(&w) >= 0 && w.data[w.at] != '{') w.at++;
    if (w.at < w.end) w.at++;
    while (status == RCR_OK && rcr_json_next_key(key, &begin, &end, &w)) {
        json_t *name = load_key(&w, begin, end);
        int wanted = json_is_string(name) && strcmp(key, left_out) != 0;
        rcr_window_drop(&w);
        if (wanted && holder != NULL && rcr_window_peek(&w) == '{' && rcr_json_look_into(&w) != 0) {
            memcpy(holder, key, sizeof key);
            json_decref(name);
            break;
        }
        w.at = w.begin;
        if (!rcr_json_skip_value(&w) || w.at == w.begin) {
            status = fail_syntax(err, &w);
        } else if (wanted) {
            json_t *value = NULL;
            status = rcr_json_load(&value, w.data + w.begin, w.at - w.begin, w.line, err);
            if (value != NULL && json_object_set_new(object, json_string_value(name), value) != 0)
                status = rcr_fail_memory(err, "reading a table");
        }
        json_decref(name);
        rcr_window_drop(&w);
    }
    int stopped = holder != NULL && holder[0] != '\0';
    if (status == RCR_OK && !stopped && rcr_window_skip_blanks(&w) != '}') status = fail_syntax(err, &w);
    rcr_window_release(&w);
    if (status == RCR_OK)
        *out = object;
    else
        json_decref(object);
    return status;
}

/* "dir/matbench_mp_gap.json.gz" -> "mb-mp-gap", as Matbench names its rows; nothing for other names. */
static rcr_status name_matbench(json_file *f, const char *name, rcr_error *err) {
    const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
    size_t n = json_array_size(f->index);
    if (strncmp(base, "matbench_", 9) != 0 || n == 0) return RCR_OK;
    rcr_text prefix = {0};
    rcr_text_printf(&prefix, "mb-%.*s", (int)strcspn(base + 9, "."), base + 9);
    if (prefix.failed) {
        rcr_text_free(&prefix);
        return rcr_fail_memory(err, "reading a table");
    }
    for (char *c = prefix.data; *c != '\0'; c++)
        if (*c == '_') *c = '-';
    f->id_prefix = prefix.data;
    for (f->id_digits = 1; n >= 10; n /= 10) f->id_digits++;
    return RCR_OK;
}

static rcr_status set_columns(json_file *f, const json_t *columns, rcr_error *err) {
    size_t n = json_array_size(columns);
    f->table = rcr_table_new();
    if (f->table != NULL) f->table->column = rcr_calloc(n, sizeof *f->table->column);
    if (f->table == NULL || f->table->column == NULL) return rcr_fail_memory(err, "reading a table");
    f->table->n_columns = n;
    for (size_t k = 0; k < n; k++) {
        const json_t *name = json_array_get(columns, k);
        char number[32] = "";
        if (json_is_integer(name)) snprintf(number, sizeof number, "%lld", (long long)json_integer_value(name));
        f->table->column[k] = rcr_strdup(json_is_string(name) ? json_string_value(name) : number);
        if (f->table->column[k] == NULL) return rcr_fail_memory(err, "reading a table");
    }
    return RCR_OK;
}

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Whether the index of a table by rows only counts: whole numbers that begin with 0, or that stand beside a column of
 * ids (rows were taken out, or put into another order), or of which some are there twice (tables were put together). */
static rcr_status judge_index(json_file *f, rcr_error *err) {
    size_t n = json_array_size(f->index);
    for (size_t k = 0; f->table != NULL && k < f->table->n_columns; k++)
        f->has_id |= rcr_json_is_id_column(f->table->column[k]);
    int64_t *value = rcr_malloc(n + 1, sizeof *value);
    if (value == NULL) return rcr_fail_memory(err, "reading a table");
    int integers = n > 0, repeated = 0;
    for (size_t k = 0; k < n && integers; k++) {
        char number[32];
        const char *text = index_text(number, json_array_get(f->index, k));
        integers = text != NULL && is_integer(text) && rcr_parse_int64(&value[k], text, strlen(text));
    }
    if (integers) {
        int from_0 = value[0] == 0;
        qsort(value, n, sizeof *value, by_number);
        for (size_t k = 1; k < n; k++) repeated |= value[k] == value[k - 1];
        f->counts = from_0 || f->has_id || repeated;
    }
    rcr_free(value);
    if (!integers || f->has_id || repeated) { /* no place in Matbench's table */
        rcr_free(f->id_prefix);
        f->id_prefix = NULL;
    }
    return RCR_OK;
}

/* A table by rows (pandas' "split"): `at` stands behind the bracket of "data", `value` is where that is, from begin. */
static rcr_status open_split(json_file *f, const char *name, size_t value, rcr_error *err) {
    rcr_window *w = &f->window;
    rcr_text head = {0};
    rcr_text_append(&head, w->data + w->begin, value);
    rcr_text_puts(&head, "null}");
    json_t *object = NULL;
    rcr_status status = head.failed ? rcr_fail_memory(err, "reading a table")
                                    : rcr_json_load(&object, head.data, head.length, w->line, err);
    rcr_text_free(&head);
    /* What is missing may stand behind the data, unless the file is cut off; rows can do without an index. */
    int has_columns = json_is_array(json_object_get(object, "columns"));
    if (status == RCR_OK && (!has_columns || !json_is_array(json_object_get(object, "index")))) {
        json_t *whole = NULL;
        status = read_others(&whole, NULL, f, "data", err);
        if (status == RCR_OK) {
            json_decref(object);
            object = whole;
        } else if (status == RCR_ERR_PARSE && has_columns) {
            status = RCR_OK;
        }
    }
    if (status == RCR_OK && json_is_array(json_object_get(object, "columns")))
        status = set_columns(f, json_object_get(object, "columns"), err);
    if (status == RCR_OK && json_is_array(json_object_get(object, "index")))
        f->index = json_incref(json_object_get(object, "index"));
    json_decref(object);
    if (status == RCR_OK) status = name_matbench(f, name, err);
    if (status == RCR_OK && f->index != NULL) status = judge_index(f, err);
    f->mode = MODE_ARRAY;
    f->inner = 1;
    return status;
}

/* A key of the outermost object: its first bytes, and where all of it lies. */
typedef struct key_place {
    char text[RCR_JSON_KEY_MAX];
    size_t begin, end;
} key_place;

/* A table by columns: `at` stands on the bracket of the column that holds the structures; others, which are taken over,
 * are the other columns. */
static rcr_status open_columns(json_file *f, const key_place *key, json_t *others, rcr_error *err) {
    json_t *name = load_key(&f->window, key->begin, key->end);
    rcr_status status = RCR_OK;
    f->window.at++;
    f->mode = MODE_OBJECT;
    f->inner = 1;
    f->table = rcr_table_new();
    if (!json_is_string(name))
        status = fail_syntax(err, &f->window);
    else if (f->table == NULL || (f->table->structure_name = rcr_strdup(json_string_value(name))) == NULL)
        status = rcr_fail_memory(err, "reading a table");
    json_decref(name);
    if (status != RCR_OK) {
        json_decref(others);
        return status;
    }
    f->table->other_columns = others;
    const char *column;
    json_t *value;
    json_object_foreach(others, column, value) f->has_id |= rcr_json_is_id_column(column);
    return RCR_OK;
}

/* What one key of the outermost object tells. */
typedef enum verdict { GO_ON, SETTLED, ONE_STRUCTURE, ENTRIES } verdict; /* ENTRIES: under their ids */

/* A list: of rows, or of structures. */
static verdict judge_array(json_file *f, const char *name, const char *key, rcr_status *status, rcr_error *err) {
    rcr_window *w = &f->window;
    size_t value = w->at - w->begin;
    if (!rcr_json_is_list_name(key)) return GO_ON;
    w->at++;
    int holds = rcr_json_array_holds_structures(w), c = rcr_window_skip_blanks(w);
    if (strcmp(key, "data") == 0 && (c == '[' || c == ']')) {
        *status = open_split(f, name, value, err);
        return SETTLED;
    }
    if (holds) {
        f->mode = MODE_ARRAY;
        f->inner = 1;
        return SETTLED;
    }
    w->at = w->begin + value;
    return GO_ON;
}

/* Whether one of the columns has a value in a row. */
static int has_row(json_t *columns, const char *row) {
    const char *name;
    json_t *column;
    json_object_foreach(columns, name, column) {
        const json_t *cell = json_object_get(column, row);
        if (json_is_number(cell) || json_is_string(cell) || json_is_boolean(cell)) return 1;
    }
    return 0;
}

/* An object with structures among its values is the column of structures in a table by columns, or an entry under its
 * id.  The names of structures are those of columns.  Else it is an entry where the other keys hold structures, too: a
 * table has one such column, and its others have values in the same rows. */
static verdict judge_holder(json_file *f, const key_place *place, int named, rcr_status *status, rcr_error *err) {
    char row[RCR_JSON_KEY_MAX], holder[RCR_JSON_KEY_MAX] = "";
    json_t *others = NULL;
    rcr_error own = {.status = RCR_OK};
    int n = named ? 2 : rcr_json_count_structures(row, &f->window), maybe_column = n > 1 || is_integer(row);
    *status = read_others(&others, named ? NULL : holder, f, place->text, &own);
    if (*status == RCR_ERR_PARSE && !maybe_column) { /* the file is cut off: entries up to there */
        *status = RCR_OK;
    } else if (*status != RCR_OK) {
        if (err != NULL) *err = own;
        return SETTLED;
    }
    if (holder[0] != '\0' && rcr_structure_key(holder, strlen(holder)) >= 0) { /* that one is meant */
        json_decref(others);
        return GO_ON;
    }
    if (holder[0] == '\0' && others != NULL && (maybe_column || has_row(others, row))) {
        *status = open_columns(f, place, others, err);
        return SETTLED;
    }
    json_decref(others);
    return ENTRIES;
}

/* Counts of what the outermost object holds. */
typedef struct tally {
    int n_alike;   /* objects that hold a structure */
    int n_entries; /* of these, entries that have it under one of its names, and more beside it */
    int n_values;  /* what an entry has beside its structure, and a list of ids has not */
} tally;

/* An object. */
static verdict judge_object(json_file *f, const key_place *place, tally *t, rcr_status *status, rcr_error *err) {
    rcr_window *w = &f->window;
    const char *key = place->text;
    char unused[RCR_JSON_KEY_MAX];
    size_t value = w->at - w->begin;
    int named = rcr_structure_key(key, strlen(key)) >= 0, found = rcr_json_look_into(w);
    w->at = w->begin + value;
    if (named && found == 0) { /* {"cif": {"0": "data_..."}} */
        w->at++;
        if (rcr_json_next_key(unused, NULL, NULL, w) && rcr_window_peek(w) == '"') found = RCR_JSON_HAS_STRUCTURES;
        w->at = w->begin + value;
    }
    if (found == RCR_JSON_HAS_STRUCTURES) return judge_holder(f, place, named, status, err);
    /* OPTIMADE's answer to a question for one structure has it under "data". */
    if (named || (strcmp(key, "data") == 0 && found == RCR_JSON_HAS_STRUCTURE)) return ONE_STRUCTURE;
    t->n_alike += found == RCR_JSON_HAS_STRUCTURE;
    t->n_entries += found == RCR_JSON_HAS_STRUCTURE && rcr_json_is_entry(w);
    t->n_values += found == 0 && rcr_json_is_inner(key);
    return t->n_alike < 2 ? GO_ON : ENTRIES;
}

static rcr_status open_object(json_file *f, const char *name, rcr_error *err) {
    rcr_window *w = &f->window;
    key_place key;
    tally t = {0, 0, 0};
    rcr_status status = RCR_OK;
    verdict v = GO_ON;
    w->at++;
    while (v == GO_ON && rcr_json_next_key(key.text, &key.begin, &key.end, w)) {
        int c = rcr_window_peek(w);
        if (c == '[') v = judge_array(f, name, key.text, &status, err);
        if (c == '{' && key.text[0] != '@')
            v = judge_object(f, &key, &t, &status, err);
        else
            t.n_values += c != 'n'; /* null */
        if (v == GO_ON && rcr_json_tells_structure(key.text) && strcmp(key.text, "structures") != 0) v = ONE_STRUCTURE;
        if (v == GO_ON && !rcr_json_skip_value(w)) break;
    }
    if (v == GO_ON && t.n_alike == 0)
        return rcr_window_skip_blanks(w) == '}' ? fail_unknown(err, w) : fail_syntax(err, w);
    /* Values beside a structure make an entry of the two; beside an entry they do not. */
    if (v == GO_ON) v = t.n_values > 0 && t.n_entries == 0 ? ONE_STRUCTURE : ENTRIES;
    if (v == ONE_STRUCTURE) {
        f->mode = MODE_VALUES;
        w->at = w->begin;
    } else if (v == ENTRIES) {
        f->mode = MODE_OBJECT;
        w->at = w->begin + 1;
    }
    return status;
}

static rcr_status open_json(json_file *f, const char *name, rcr_error *err) {
    rcr_window *w = &f->window;
    rcr_window_fill(w, 3);
    if (w->end - w->begin >= 3 && memcmp(w->data + w->begin, "\xEF\xBB\xBF", 3) == 0) w->at += 3;
    int c = rcr_window_skip_blanks(w);
    rcr_window_drop(w);
    size_t stem = rcr_unpacked_name_length(name);
    int lines = (stem >= 6 && memcmp(name + stem - 6, ".jsonl", 6) == 0) ||
                (stem >= 7 && memcmp(name + stem - 7, ".ndjson", 7) == 0);
    if (c == '{' && (lines || rcr_json_is_lines(w))) {
        f->mode = MODE_LINES;
        return RCR_OK;
    }
    if (c == '{') return open_object(f, name, err);
    if (c != '[') return fail_syntax(err, w);
    w->at++;
    f->mode = MODE_ARRAY;
    return rcr_json_array_holds_structures(w) ? RCR_OK : fail_unknown(err, w);
}

rcr_status rcr_cut_json(rcr_cutter *out, rcr_window *window, const char *name, rcr_error *err) {
    json_file *f = rcr_calloc(1, sizeof *f);
    if (f == NULL) {
        rcr_window_release(window);
        return rcr_fail_memory(err, "opening a file");
    }
    f->window = *window;
    rcr_status status = open_json(f, name, err);
    if (status != RCR_OK) {
        close_json(f);
        return status;
    }
    *out = (rcr_cutter){.format = "JSON", .self = f, .window = &f->window, .next = next_json, .close = close_json};
    return RCR_OK;
}

int rcr_looks_like_json(const char *text, size_t length) {
    const char *p = text, *end = text + length;
    if (length >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) p += 3;
    while (p < end && rcr_is_space((unsigned char)*p)) p++;
    if (p == end || (*p != '{' && *p != '[')) return 0;
    char open = *p++;
    while (p < end && rcr_is_space((unsigned char)*p)) p++;
    return p < end && (open == '{' ? *p == '"' || *p == '}' : *p == '{' || *p == '[' || *p == ']');
}
