/* One JSON value into a record: the structure in it, wherever it lies, its id, and what else is said of it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/cif.h"
#include "io/reader_parts.h"

/* Longer texts are no values that anybody learns; they are left out. */
enum { MAX_TEXT = 255 };

const char *const rcr_id_keys[] = {"id", "material_id", "entry_id", "mbid", "jid", "uid", "task_id", "name", NULL};

int rcr_structure_key(const char *name, size_t length) {
    static const char *const keys[] = {
        "structure", "final_structure", "relaxed_structure", "optimized_structure", "atoms", "cif", "cif_string",
        "cif_str",   "poscar",          "contcar",           "initial_structure",   NULL};
    for (int k = 0; keys[k] != NULL; k++)
        if (rcr_equals_ignore_case(name, length, keys[k])) return k;
    return -1;
}

/* ---------------------------------------------------------------- what JSON has no word, and its reader no room for */

static int is_word(const char *p, const char *end, const char *word) {
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

static const char *end_of_string(const char *p, const char *end) {
    for (p++; p < end && *p != '"'; p++) p += *p == '\\' && p + 1 < end;
    return p < end ? p + 1 : end;
}

static size_t number_length(const char *p, const char *end) {
    size_t n = 0;
    while (p + n < end && (rcr_is_digit((unsigned char)p[n]) || strchr("+-.eE", p[n]) != NULL) && p[n] != '\0') n++;
    return n;
}

/* An integer of more than 64 bits. */
static int is_long(const char *number, size_t n) {
    size_t sign = number[0] == '-';
    int64_t value;
    for (size_t i = sign; i < n; i++)
        if (!rcr_is_digit((unsigned char)number[i])) return 0;
    return n - sign >= 19 && number[sign] != '0' && !rcr_parse_int64(&value, number, n);
}

static int is_infinite(const char *number, size_t n) {
    double value;
    return memchr(number, 'e', n) != NULL || memchr(number, 'E', n) != NULL || n > 300
               ? rcr_parse_double(&value, number, n) && isinf(value)
               : 0;
}

/* NaN, Infinity, -Infinity and numbers beyond a double's become null, integers of more than 64 bits strings of their
 * digits, as which they may still be ids.  Nothing is written where there are none of them. */
static void make_readable(rcr_text *out, const char *text, size_t length) {
    const char *end = text + length, *copied = text;
    for (const char *p = text; p < end;) {
        size_t n = 0;
        const char *quote = NULL;
        if (*p == '"') {
            p = end_of_string(p, end);
            continue;
        }
        if (*p == 'N' || *p == 'I' || *p == '-')
            n = is_word(p, end, "NaN") ? 3 : is_word(p, end, "Infinity") ? 8 : is_word(p, end, "-Infinity") ? 9 : 0;
        if (n == 0 && (*p == '-' || rcr_is_digit((unsigned char)*p))) {
            n = number_length(p, end);
            if (is_long(p, n)) quote = "\"";
            if (quote == NULL && !is_infinite(p, n)) {
                p += n;
                continue;
            }
        }
        if (n > 0) {
            rcr_text_append(out, copied, (size_t)(p - copied));
            rcr_text_puts(out, quote != NULL ? quote : "null");
            if (quote != NULL) rcr_text_append(out, p, n);
            if (quote != NULL) rcr_text_puts(out, quote);
            copied = p + n;
        }
        p += n > 0 ? n : 1;
    }
    if (copied > text) rcr_text_append(out, copied, (size_t)(end - copied));
}

rcr_status rcr_json_load_any(json_t **out, json_error_t *why, const char *text, size_t length, size_t flags) {
    json_t *value = json_loadb(text, length, flags, why);
    if (value == NULL && json_error_code(why) != json_error_out_of_memory) {
        rcr_text clean = {0};
        make_readable(&clean, text, length);
        int failed = clean.failed;
        if (!failed && clean.length > 0) value = json_loadb(clean.data, clean.length, flags, why);
        rcr_text_free(&clean);
        if (failed) return RCR_ERR_MEMORY;
    }
    if (value == NULL) return json_error_code(why) == json_error_out_of_memory ? RCR_ERR_MEMORY : RCR_ERR_PARSE;
    *out = value;
    return RCR_OK;
}

rcr_status rcr_json_load(json_t **out, const char *text, size_t length, long line, rcr_error *err) {
    json_error_t why;
    rcr_status status = rcr_json_load_any(out, &why, text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY);
    if (status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading JSON");
    if (status != RCR_OK)
        return rcr_fail_at(err, RCR_ERR_PARSE, "", line > 0 && why.line > 0 ? line + why.line - 1 : line,
                           "not a JSON object: %s (column %d)", why.text, why.column);
    return RCR_OK;
}

/* ---------------------------------------------------------------- id and properties */

/* The value that names an object, and its key; NULL, with no key: there is none. */
static const json_t *id_value(const char **key, const json_t *object) {
    for (size_t k = 0; rcr_id_keys[k] != NULL; k++) {
        const json_t *value = json_object_get(object, rcr_id_keys[k]);
        *key = rcr_id_keys[k];
        if ((json_is_string(value) && json_string_length(value) > 0) || json_is_integer(value)) return value;
    }
    *key = NULL;
    return NULL;
}

int rcr_json_id(rcr_record *record, const json_t *object, const char **key) {
    char number[32];
    *key = NULL;
    if (record->own_id) return 1;
    const json_t *value = id_value(key, object);
    int by_name = *key != NULL && strcmp(*key, "name") == 0;
    if (json_is_string(value))
        return rcr_record_name(record, json_string_value(value), json_string_length(value), by_name);
    if (!json_is_integer(value)) return 1;
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    return rcr_record_name(record, number, strlen(number), by_name);
}

/* What OPTIMADE counts in every structure is no property of it. */
static int is_count(const char *key) {
    return strcmp(key, "nsites") == 0 || strcmp(key, "nelements") == 0 || strcmp(key, "nperiodic_dimensions") == 0;
}

static int add_value(rcr_record *record, const char *key, const json_t *value) {
    char number[32];
    size_t n = strlen(key);
    if (json_is_integer(value))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        rcr_format_double(number, json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(number, sizeof number, "%s", json_is_true(value) ? "true" : "false");
    else if (json_is_string(value) && json_string_length(value) <= MAX_TEXT)
        return rcr_record_add(record, key, n, json_string_value(value), json_string_length(value));
    else
        return 1;
    return rcr_record_add(record, key, n, number, strlen(number));
}

/* The names of a record's properties as keys, so that none is looked for among all others; NULL: out of memory. */
static json_t *list_names(const rcr_record *record) {
    json_t *names = json_object();
    for (size_t k = 0; k < record->n_properties && names != NULL; k++) {
        if (json_object_set_new_nocheck(names, record->property[k].key, json_true()) == 0) continue;
        json_decref(names);
        names = NULL;
    }
    return names;
}

/* Add a value as "key", or as "prefix.key" where that name is taken. */
static int add_beside(rcr_record *record, const char *key, const json_t *value, const char *prefix, json_t *names) {
    rcr_text longer = {0};
    const char *name = key;
    if (json_object_get(names, key) != NULL) {
        rcr_text_printf(&longer, "%s.%s", prefix, key);
        name = longer.failed ? NULL : longer.data;
    }
    size_t before = record->n_properties;
    int kept = name != NULL && add_value(record, name, value);
    if (kept && record->n_properties > before) kept = json_object_set_new_nocheck(names, name, json_true()) == 0;
    rcr_text_free(&longer);
    return kept;
}

int rcr_json_properties(rcr_record *record, json_t *object, const char *const skip[2], const char *prefix) {
    const char *key;
    json_t *value, *names = NULL;
    int kept = 1;
    if (json_object_size(object) == 0) return 1;
    if (prefix != NULL && (names = list_names(record)) == NULL) return 0;
    json_object_foreach(object, key, value) {
        if (key[0] == '@') continue;
        if ((skip[0] != NULL && strcmp(key, skip[0]) == 0) || (skip[1] != NULL && strcmp(key, skip[1]) == 0)) continue;
        if (prefix != NULL && strcmp(prefix, "attributes") == 0 && is_count(key)) continue;
        kept = prefix != NULL ? add_beside(record, key, value, prefix, names) : add_value(record, key, value);
        if (!kept) break;
    }
    json_decref(names);
    return kept;
}

/* ---------------------------------------------------------------- the structure */

int rcr_json_is_structure(const json_t *object) {
    if (json_object_get(object, "lattice_mat") != NULL || json_object_get(object, "lattice_vectors") != NULL) return 1;
    return json_object_get(object, "lattice") != NULL &&
           (json_object_get(object, "sites") != NULL || json_object_get(object, "species") != NULL);
}

rcr_status rcr_structure_from_text(rcr_crystal **out, const char *key, const char *text, size_t length,
                                   rcr_error *err) {
    if (rcr_looks_like_json(text, length)) {
        json_t *object = NULL;
        rcr_status status = rcr_json_load(&object, text, length, 0, err);
        if (status == RCR_OK) status = rcr_json_structure(out, object, err);
        json_decref(object);
        return status;
    }
    int cif = length >= 3 && rcr_equals_ignore_case(key, strlen(key) < 3 ? strlen(key) : 3, "cif");
    if (cif) return rcr_cif_parse(out, "", text, length, err);
    const char *name = rcr_format_detect(NULL, text, length) == RCR_FORMAT_UNKNOWN ? "POSCAR" : "";
    rcr_status status = rcr_structure_parse(out, name, text, length, err);
    if (status != RCR_OK && err != NULL) err->file[0] = '\0';
    return status;
}

/* The member of an entry that holds its structure.  *key is its name.  NULL: there is none, or several (*key then too).
 */
static json_t *find_structure(const char **key, json_t *object) {
    const char *name;
    json_t *value, *found = NULL;
    int best = -1, n_others = 0;
    json_object_foreach(object, name, value) {
        int place = rcr_structure_key(name, strlen(name));
        if (place < 0 || !(json_is_object(value) || json_is_string(value))) continue;
        if (found != NULL && place >= best) continue;
        best = place;
        found = value;
        *key = name;
    }
    if (found != NULL) return found;
    json_object_foreach(object, name, value) {
        if (!json_is_object(value) || !rcr_json_is_structure(value)) continue;
        n_others++;
        found = value;
        *key = name;
    }
    return n_others == 1 ? found : NULL;
}

static rcr_status fail_none(rcr_error *err, json_t *object) {
    rcr_text keys = {0};
    if (json_is_array(json_object_get(object, "sites")))
        return rcr_fail(
            err, RCR_ERR_DATA,
            "the object has \"sites\" and no \"lattice\": a molecule, which is not periodic and no crystal");
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) {
        if (keys.length > 200) break;
        rcr_text_printf(&keys, "%s%.*s", keys.length > 0 ? ", " : "", rcr_shown(name, strlen(name), 40), name);
    }
    rcr_status status = rcr_fail(err, RCR_ERR_PARSE,
                                 "the object holds no structure: neither \"lattice\" and \"sites\", nor "
                                 "a structure or a CIF under one of its keys (%.230s)",
                                 keys.data != NULL ? keys.data : "");
    rcr_text_free(&keys);
    return status;
}

static rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "reading a structure"); }

static const char *const inner_keys[] = {"data", "properties", "attributes", "info", NULL};

int rcr_json_is_inner(const char *key) {
    for (size_t k = 0; inner_keys[k] != NULL; k++)
        if (strcmp(key, inner_keys[k]) == 0) return 1;
    return 0;
}

/* An object's values but for the structure, and those of the dictionaries in it where entries keep theirs. */
static int add_all(rcr_record *record, json_t *object, const char *structure) {
    const char *taken, *skip[2] = {structure, NULL}, *const none[2] = {NULL, NULL};
    id_value(&skip[1], object); /* it names the object, also where that has another id already */
    if (!rcr_json_id(record, object, &taken) || !rcr_json_properties(record, object, skip, NULL)) return 0;
    for (size_t k = 0; inner_keys[k] != NULL; k++) {
        json_t *value = json_object_get(object, inner_keys[k]);
        if (!json_is_object(value) || (structure != NULL && strcmp(inner_keys[k], structure) == 0)) continue;
        if (!rcr_json_properties(record, value, none, inner_keys[k])) return 0;
    }
    return 1;
}

static rcr_status read_object(rcr_record *record, json_t *object, int depth, rcr_error *err) {
    const char *key = NULL, *taken, *const none[2] = {NULL, NULL};
    json_t *inner;
    if (rcr_json_is_structure(object)) /* pymatgen's charge is a part of the structure */
        return add_all(record, object, "charge") ? rcr_json_structure(&record->crystal, object, err) : fail_memory(err);
    /* OPTIMADE: {"id": .., "attributes": {..}}, perhaps under "data". */
    if (json_is_object(inner = json_object_get(object, "attributes")) && rcr_json_is_structure(inner))
        return add_all(record, object, "type") ? rcr_json_structure(&record->crystal, inner, err) : fail_memory(err);
    json_t *found = find_structure(&key, object);
    if (found == NULL && depth == 0 && json_is_object(inner = json_object_get(object, "data")))
        return read_object(record, inner, depth + 1, err);
    if (found == NULL && json_object_get(object, "lattice") != NULL)
        return rcr_json_structure(&record->crystal, object, err); /* says what is missing */
    if (found == NULL)                                            /* its row is told by its id all the same */
        return rcr_json_id(record, object, &taken) ? fail_none(err, object) : fail_memory(err);
    if (!add_all(record, object, key)) return fail_memory(err);
    if (json_is_string(found))
        return rcr_structure_from_text(&record->crystal, key, json_string_value(found), json_string_length(found), err);
    /* A row of a table by columns may be an entry itself; a structure has an id and properties of its own. */
    if (depth < 2 && !rcr_json_is_structure(found)) return read_object(record, found, depth + 1, err);
    if (!rcr_json_id(record, found, &taken) ||
        !rcr_json_properties(record, json_object_get(found, "properties"), none, key))
        return fail_memory(err);
    return rcr_json_structure(&record->crystal, found, err);
}

rcr_status rcr_json_record(rcr_record *record, json_t *value, rcr_error *err) {
    if (!json_is_object(value)) return rcr_fail(err, RCR_ERR_PARSE, "not a JSON object");
    return read_object(record, value, 0, err);
}

/* ---------------------------------------------------------------- rows of tables */

/* The values of a row under the names of their columns. */
static json_t *name_values(json_t *row, const rcr_table *table, rcr_error *err) {
    size_t n = json_array_size(row);
    if (table != NULL && table->column != NULL && n != table->n_columns) {
        rcr_fail(err, RCR_ERR_PARSE, "the row has %zu values; the table has %zu columns", n, table->n_columns);
        return NULL;
    }
    json_t *object = json_object();
    for (size_t k = 0; k < n && object != NULL; k++) {
        char number[40];
        json_t *value = json_array_get(row, k);
        snprintf(number, sizeof number, "column %zu", k + 1);
        const char *name = table != NULL && table->column != NULL ? table->column[k] : number;
        /* Without names a structure is told by what it is. */
        if (name == number && json_is_object(value)) name = "structure";
        if (json_object_set_nocheck(object, name, value) == 0) continue;
        json_decref(object);
        object = NULL;
    }
    if (object == NULL) fail_memory(err);
    return object;
}

/* A value of the structures' column, with those of the other columns under the same key. */
static json_t *join_columns(json_t *value, const rcr_table *table, const char *key, rcr_error *err) {
    json_t *object = json_object(), *column;
    const char *name;
    int failed = object == NULL || json_object_set(object, table->structure_name, value) != 0;
    json_object_foreach(table->other_columns, name, column) {
        json_t *cell = key != NULL ? json_object_get(column, key) : NULL;
        if (failed || cell == NULL || json_is_object(cell) || json_is_array(cell)) continue;
        /* A copy, as other threads hold the columns too. */
        failed = json_object_set_new(object, name, json_copy(cell)) != 0;
    }
    if (!failed) return object;
    json_decref(object);
    fail_memory(err);
    return NULL;
}

void rcr_parse_json(rcr_record *record) {
    const rcr_unparsed *u = record->unparsed;
    rcr_error *err = &record->error;
    size_t length = u->length; /* without its line end, so that an error is not said to be in the next line */
    while (length > 0 && rcr_is_space((unsigned char)u->text[length - 1])) length--;
    json_t *value = NULL, *row = NULL;
    if (rcr_json_load(&value, u->text, length, record->line, err) != RCR_OK) return;
    if (u->table != NULL && u->table->structure_name != NULL)
        row = join_columns(value, u->table, u->key, err);
    else if (json_is_array(value))
        row = name_values(value, u->table, err);
    else
        row = json_incref(value);
    if (row != NULL) rcr_json_record(record, row, err);
    json_decref(row);
    json_decref(value);
}
