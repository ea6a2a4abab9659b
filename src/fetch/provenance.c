/* What the folder says of itself: which request it answers, and where its data come from. */
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "crystal/element.h"
#include "fetch/download.h"
#include "io/csv.h"

enum { MAX_BYTES = 1 << 24 };

/* ---- JSON in and out */

/* Set a key to a new value; json_object_set_new takes NULL as a failure, and so memory is looked at once, at the end.
 */
static void set(json_t *object, const char *key, json_t *value, int *failed) {
    if (json_object_set_new(object, key, value) != 0) *failed = 1;
}

/* Text of a server or a command line: bytes that are not UTF-8 become '?'. */
static json_t *text(const char *value) {
    json_t *string = json_string(value);
    if (string != NULL) return string;
    char *plain = rcr_strdup(value);
    if (plain == NULL) return NULL;
    for (char *p = plain; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80) *p = '?';
    string = json_string(plain);
    rcr_free(plain);
    return string;
}

static json_t *number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static int append(const char *buffer, size_t size, void *out) {
    rcr_text_append(out, buffer, size);
    return ((rcr_text *)out)->failed ? -1 : 0;
}

/* The digits with which the request's numbers are read back as the same: 15, which write 0.1 as one does, or all 17. */
static size_t real_digits(const rcr_download *d) {
    const double bound[] = {d->request->min, d->request->max};
    for (size_t i = 0; i < sizeof bound / sizeof *bound; i++) {
        char number[32];
        size_t n = 0;
        if (!isfinite(bound[i])) continue;
        for (const char *c = rcr_format_double(number, bound[i]); *c != '\0' && *c != 'e'; c++)
            n += rcr_is_digit((unsigned char)*c) && (n > 0 || *c != '0');
        if (n > 15) return 17;
    }
    return 15;
}

static rcr_status write_json(const rcr_download *d, int cached, const char *name, const json_t *object,
                             rcr_error *err) {
    rcr_text path = {0}, body = {0};
    int good = json_dump_callback(object, append, &body, JSON_INDENT(2) | JSON_REAL_PRECISION(real_digits(d))) == 0;
    rcr_text_puts(&body, "\n");
    rcr_status status = RCR_OK;
    if (!good || body.failed || rcr_folder_out_path(&path, &d->folder, cached, name) == NULL)
        status = rcr_fail_memory(err, "writing a file");
    else
        status = rcr_file_write(path.data, body.data, body.length, err);
    rcr_text_free(&path);
    rcr_text_free(&body);
    return status;
}

/* NULL with RCR_OK: there is no such file. */
static rcr_status read_json(json_t **out, const rcr_download *d, int cached, const char *name, rcr_error *err) {
    rcr_text path = {0};
    char *body;
    size_t length;
    *out = NULL;
    if (rcr_folder_out_path(&path, &d->folder, cached, name) == NULL) return rcr_fail_memory(err, "reading a file");
    rcr_status status = RCR_OK;
    if (rcr_is_file(path.data)) {
        status = rcr_file_read(&body, &length, path.data, MAX_BYTES, err);
        if (status == RCR_OK) {
            json_error_t why;
            *out = json_loadb(body, length, 0, &why);
            rcr_free(body);
            if (*out == NULL && json_error_code(&why) == json_error_out_of_memory)
                status = rcr_fail_memory(err, "reading a file");
            else if (*out == NULL)
                status = rcr_fail_at(err, RCR_ERR_PARSE, path.data, 0,
                                     "this is not what recryst fetch wrote; --overwrite starts again");
        }
    }
    rcr_text_free(&path);
    return status;
}

static rcr_status has_file(int *out, const rcr_download *d, const char *name, rcr_error *err) {
    rcr_text path = {0};
    if (rcr_folder_out_path(&path, &d->folder, 0, name) == NULL) return rcr_fail_memory(err, "reading a file");
    *out = rcr_is_file(path.data);
    rcr_text_free(&path);
    return RCR_OK;
}

/* ---- which request it is */

rcr_status rcr_download_identify(rcr_download *d, rcr_error *err) {
    const rcr_fetch_request *q = d->request;
    json_t *identity = json_object(), *properties = json_array();
    int failed = identity == NULL || properties == NULL;
    for (size_t i = 0; i < q->n_properties; i++) failed |= json_array_append_new(properties, text(q->property[i])) != 0;
    set(identity, "api", text(q->optimade ? "OPTIMADE" : "Materials Project"), &failed);
    set(identity, "properties", properties, &failed);
    if (q->optimade) set(identity, "filter", text(q->filter != NULL ? q->filter : ""), &failed);
    set(identity, "url", text(q->optimade ? q->url : d->first_url), &failed);
    set(identity, "min", number(q->min), &failed);
    set(identity, "max", number(q->max), &failed);
    set(identity, "limit", q->limit > 0 ? json_integer(q->limit) : json_null(), &failed);
    if (!failed) {
        d->identity = identity;
        return RCR_OK;
    }
    json_decref(identity);
    return rcr_fail_memory(err, "describing the request");
}

/* A value of a request for a message; NULL: there is none. */
static void put_value(rcr_text *out, const json_t *value) {
    char number[32];
    if (value == NULL)
        rcr_text_puts(out, "nothing");
    else if (json_is_real(value))
        rcr_text_puts(out, rcr_format_double(number, json_real_value(value)));
    else
        json_dump_callback(value, append, out, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* Compare with the request that the folder has; say what differs. */
static rcr_status compare(const rcr_download *d, const json_t *other, const char *verb, rcr_error *err) {
    const char *key;
    json_t *mine;
    json_object_foreach(d->identity, key, mine) {
        const json_t *theirs = json_object_get(other, key);
        if (json_equal(mine, theirs)) continue;
        rcr_text a = {0}, b = {0};
        put_value(&a, theirs);
        put_value(&b, mine);
        rcr_status status =
            rcr_fail_at(err, RCR_ERR_MISMATCH, d->folder.path, 0,
                        "the folder %s another request: %s is %.150s there and %.150s here; take another "
                        "folder, or --overwrite",
                        verb, key, a.data != NULL ? a.data : "?", b.data != NULL ? b.data : "?");
        rcr_text_free(&a);
        rcr_text_free(&b);
        return status;
    }
    return RCR_OK;
}

static rcr_status take_text(char **out, const json_t *object, const char *key, rcr_error *err) {
    const char *value = json_string_value(json_object_get(object, key));
    *out = rcr_strdup(value != NULL ? value : "");
    return *out != NULL ? RCR_OK : rcr_fail_memory(err, "reading a file");
}

/* A number of rows; what else it may be is taken for none. */
static int64_t count_of(const json_t *counts, const char *key, int64_t none) {
    const json_t *value = json_object_get(counts, key);
    int64_t count = json_is_integer(value) ? json_integer_value(value) : none;
    return count >= 0 ? count : none;
}

static void take_counts(rcr_fetch_counts *c, const json_t *counts) {
    c->matched = count_of(counts, "matched", -1);
    c->received = count_of(counts, "received", 0);
    c->written = count_of(counts, "written", 0);
    c->skipped = count_of(counts, "skipped", 0);
    c->outside = count_of(counts, "outside_min_max", 0);
}

/* A folder without a word on where what it holds comes from: nothing of it is to be mixed with, or written over. */
static rcr_status look_at_unknown(const rcr_download *d, int rows, rcr_error *err) {
    int crystals = 0;
    rcr_status status = rows ? RCR_OK : rcr_folder_out_has_crystals(&crystals, &d->folder, err);
    if (status != RCR_OK || (!rows && !crystals)) return status;
    return rcr_fail_at(err, RCR_ERR_MISMATCH, d->folder.path, 0,
                       "the folder holds %s that recryst fetch did not write, or did not write to the end; take "
                       "another folder, or --overwrite",
                       rows ? "a dataset (id_prop.csv)" : "crystals (.cif)");
}

rcr_status rcr_download_look(rcr_download *d, rcr_error *err) {
    json_t *done = NULL, *begun = NULL;
    int rows = 0;
    rcr_status status = has_file(&rows, d, "id_prop.csv", err);
    if (status == RCR_OK) status = read_json(&done, d, 0, "provenance.json", err);
    const json_t *request = json_object_get(done, "request");
    /* Without properties there is no id_prop.csv that would say that all is there. */
    int whole = done != NULL && (rows || json_array_size(json_object_get(request, "properties")) == 0);
    if (status == RCR_OK && !whole) status = read_json(&begun, d, 1, "query.json", err);
    if (status == RCR_OK && begun != NULL) {
        status = compare(d, json_object_get(begun, "request"), "has begun", err);
        if (status == RCR_OK) status = take_text(&d->started, begun, "started", err);
        if (status == RCR_OK) status = take_text(&d->database_version, begun, "database_version", err);
        d->result.resumed = status == RCR_OK;
    } else if (status == RCR_OK && done != NULL) {
        status = compare(d, request, "holds", err);
        d->result.was_complete = whole && status == RCR_OK;
        if (whole) take_counts(&d->result.counts, json_object_get(done, "counts"));
    } else if (status == RCR_OK) {
        status = look_at_unknown(d, rows, err);
    }
    json_decref(done);
    json_decref(begun);
    return status;
}

rcr_status rcr_download_begin(rcr_download *d, rcr_error *err) {
    json_t *begun = json_object();
    int failed = begun == NULL;
    set(begun, "request", json_incref(d->identity), &failed);
    set(begun, "started", text(d->started), &failed);
    set(begun, "database_version", text(d->database_version), &failed);
    rcr_status status =
        failed ? rcr_fail_memory(err, "describing the request") : write_json(d, 1, "query.json", begun, err);
    json_decref(begun);
    return status;
}

/* ---- where the data come from */

static json_t *mp_source(const rcr_download *d, int *failed) {
    json_t *source = json_object(), *licence = json_object();
    int gnome = d->request->search->include_gnome;
    set(source, "name", text("Materials Project"), failed);
    set(source, "url", text(d->request->url), failed);
    set(source, "database_version", text(d->database_version), failed);
    set(licence, "name", text(gnome ? "CC BY 4.0; materials of the GNoME set CC BY-NC 4.0" : "CC BY 4.0"), failed);
    set(licence, "url", text("https://materialsproject.org/about/terms"), failed);
    set(source, "licence", licence, failed);
    set(source, "please_cite",
        text("A. Jain et al., Commentary: The Materials Project: A materials genome approach to accelerating materials "
             "innovation, APL Materials 1, 011002 (2013), https://doi.org/10.1063/1.4812323"),
        failed);
    return source;
}

static void copy_key(json_t *to, const json_t *from, const char *key, int *failed) {
    json_t *value = json_object_get(from, key);
    if (value != NULL && !json_is_null(value)) set(to, key, json_deep_copy(value), failed);
}

static json_t *optimade_source(const rcr_download *d, int *failed) {
    json_t *source = json_object(), *licence = json_object();
    const json_t *provider = json_object_get(d->meta, "provider"), *name = json_object_get(provider, "name");
    set(source, "name", text(json_is_string(name) ? json_string_value(name) : "OPTIMADE provider"), failed);
    set(source, "url", text(d->optimade.base), failed);
    copy_key(source, d->meta, "api_version", failed);
    copy_key(source, d->meta, "provider", failed);
    copy_key(source, d->meta, "database", failed);
    copy_key(source, d->meta, "implementation", failed);
    copy_key(licence, d->optimade.info, "license", failed);
    copy_key(licence, d->optimade.info, "available_licenses", failed);
    copy_key(licence, d->optimade.info, "available_licenses_for_entries", failed);
    if (json_object_size(licence) == 0)
        set(licence, "note", text("the provider does not say; ask before you share"), failed);
    set(source, "licence", licence, failed);
    return source;
}

static json_t *property_list(const rcr_download *d, int *failed) {
    const rcr_fetch_request *q = d->request;
    json_t *list = json_array();
    for (size_t i = 0; i < q->n_properties; i++) {
        json_t *one = json_object();
        const rcr_mp_property *known = q->optimade ? NULL : rcr_mp_property_find(q->property[i]);
        const char *unit = q->optimade     ? rcr_optimade_unit(&d->optimade, q->property[i])
                           : known != NULL ? known->unit
                                           : "";
        set(one, "name", text(q->property[i]), failed);
        set(one, "unit", text(unit), failed);
        if (json_array_append_new(list, one) != 0) *failed = 1;
    }
    return list;
}

static json_t *count_object(const rcr_download *d, int *failed) {
    const rcr_fetch_counts *c = &d->result.counts;
    json_t *counts = json_object(), *reasons = json_object();
    set(counts, "matched", c->matched >= 0 ? json_integer(c->matched) : json_null(), failed);
    set(counts, "received", json_integer(c->received), failed);
    set(counts, "written", json_integer(c->written), failed);
    set(counts, "outside_min_max", json_integer(c->outside), failed);
    set(counts, "skipped", json_integer(c->skipped), failed);
    for (int k = 0; k < RCR_SKIP_KINDS; k++)
        if (d->skip[k] > 0) set(reasons, rcr_skip_name((rcr_skip)k), json_integer(d->skip[k]), failed);
    set(counts, "skipped_for", reasons, failed);
    return counts;
}

static json_t *sha256_of(const rcr_text *rows) {
    char hex[65];
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return NULL;
    rcr_sha256_add(hash, rows->data, rows->length);
    rcr_sha256_finish(hash, hex);
    return json_string(hex);
}

static void put_date(json_t *object, const rcr_download *d, int *failed) {
    struct tm utc;
    char date[32];
    time_t now = time(NULL);
    if (gmtime_r(&now, &utc) == NULL || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) date[0] = '\0';
    set(object, "started", text(d->started), failed);
    set(object, "finished", text(date), failed);
}

static rcr_status write_provenance(const rcr_download *d, rcr_error *err) {
    json_t *object = json_object();
    int failed = object == NULL;
    set(object, "program", text("recryst " RCR_VERSION), &failed);
    put_date(object, d, &failed);
    set(object, "source", d->request->optimade ? optimade_source(d, &failed) : mp_source(d, &failed), &failed);
    set(object, "request", json_incref(d->identity), &failed);
    set(object, "request_url", text(d->first_url), &failed);
    set(object, "properties", property_list(d, &failed), &failed);
    set(object, "counts", count_object(d, &failed), &failed);
    if (d->request->n_properties > 0) set(object, "id_prop_csv_sha256", sha256_of(&d->rows), &failed);
    rcr_status status =
        failed ? rcr_fail_memory(err, "writing provenance.json") : write_json(d, 0, "provenance.json", object, err);
    json_decref(object);
    return status;
}

/* ---- the files beside the crystals */

/* CGCNN's element vectors, {"1": [0, 1, ..], ..}: the reference programs want them beside the data. */
static rcr_status write_elements(const rcr_download *d, rcr_error *err) {
    rcr_element_table *table;
    int there = 0;
    rcr_status status = has_file(&there, d, "atom_init.json", err);
    if (status != RCR_OK || there) return status;
    status = rcr_element_table_cgcnn(&table, err);
    if (status != RCR_OK) return status;
    rcr_text json = {0};
    char digits[32];
    rcr_text_puts(&json, "{");
    for (int z = 1, first = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (!table->known[z]) continue;
        rcr_text_printf(&json, "%s\"%d\": [", first ? "" : ", ", z);
        first = 0;
        for (int32_t k = 0; k < table->n_features; k++) {
            if (k > 0) rcr_text_puts(&json, ", ");
            rcr_text_puts(&json,
                          rcr_format_double(digits, table->row[(size_t)z * (size_t)table->n_features + (size_t)k]));
        }
        rcr_text_puts(&json, "]");
    }
    rcr_text_puts(&json, "}\n");
    status = json.failed ? rcr_fail_memory(err, "writing atom_init.json")
                         : rcr_folder_out_write(&d->folder, "atom_init.json", json.data, json.length, err);
    rcr_text_free(&json);
    rcr_element_table_free(table);
    return status;
}

/* With one property CGCNN's two columns; with several a header. */
static rcr_status put_header(rcr_text *rows, const rcr_fetch_request *q, rcr_error *err) {
    if (q->n_properties < 2) return RCR_OK;
    rcr_text whole = {0};
    rcr_text_puts(&whole, "id");
    for (size_t i = 0; i < q->n_properties; i++) rcr_csv_write_field(&whole, q->property[i], 0);
    rcr_text_puts(&whole, "\n");
    rcr_text_append(&whole, rows->data, rows->length);
    rcr_text_free(rows);
    *rows = whole;
    return whole.failed ? rcr_fail_memory(err, "writing id_prop.csv") : RCR_OK;
}

rcr_status rcr_download_finish(rcr_download *d, rcr_error *err) {
    const rcr_fetch_counts *c = &d->result.counts;
    d->result.incomplete =
        !rcr_download_is_full(d) && c->matched >= 0 && c->received - d->skip[RCR_SKIP_DUPLICATE] < c->matched;
    rcr_text_puts(&d->rows, "");
    rcr_text_puts(&d->errors, "");
    rcr_status status = put_header(&d->rows, d->request, err);
    if (status == RCR_OK && d->errors.length > 0)
        status = rcr_folder_out_write(&d->folder, "errors.csv", d->errors.data, d->errors.length, err);
    else if (status == RCR_OK)
        status = rcr_folder_out_remove(&d->folder, "errors.csv", err); /* of a request of which no row could be used */
    if (status == RCR_OK && c->written == 0)
        status = rcr_fail(err, RCR_ERR_DATA, "none of %lld rows can be used%s", (long long)c->received,
                          d->errors.length > 0 ? "; errors.csv says why" : ": their values lie outside --min to --max");
    if (status == RCR_OK) status = write_elements(d, err);
    if (status != RCR_OK) return status;
    rcr_folder_out_sync(&d->folder);
    status = write_provenance(d, err);
    rcr_text path = {0};
    if (status == RCR_OK && d->request->n_properties > 0) {
        status = rcr_folder_out_path(&path, &d->folder, 0, "id_prop.csv") == NULL
                     ? rcr_fail_memory(err, "writing id_prop.csv")
                     : rcr_file_write(path.data, d->rows.data, d->rows.length, err);
        rcr_text_free(&path);
    }
    return status;
}
