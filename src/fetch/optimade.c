#include "fetch/optimade.h"

#include <jansson.h>
#include <string.h>

#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/url.h"
#include "io/reader_parts.h"

/* GET base/path.  RCR_OK with *code and, where it is 200 and JSON, *root (a new reference), else NULL. */
static rcr_status get_json(json_t **root, long *code, rcr_http *http, const char *base, const char *path,
                           rcr_error *err) {
    rcr_text url = {0};
    rcr_text_printf(&url, "%s/%s", base, path);
    rcr_http_reply reply = {0};
    rcr_status status = url.failed ? rcr_fail_memory(err, "making a URL") : RCR_OK;
    if (status == RCR_OK) status = rcr_http_get(&reply, http, url.data, NULL, NULL, err);
    rcr_text_free(&url);
    if (status != RCR_OK) return status;
    *code = reply.code;
    json_error_t why;
    *root = NULL;
    if (reply.code == 200) status = rcr_json_load_any(root, &why, reply.body, reply.length, JSON_ALLOW_NUL);
    rcr_http_reply_free(&reply);
    return status == RCR_ERR_MEMORY ? rcr_fail_memory(err, "reading an answer") : RCR_OK;
}

/* The attributes of an answer of /info; NULL when it is none. */
static json_t *attributes_of(const json_t *root) {
    json_t *attributes = json_object_get(json_object_get(root, "data"), "attributes");
    return json_is_object(attributes) ? attributes : NULL;
}

static const char *link_text(const json_t *link) {
    return json_string_value(json_is_object(link) ? json_object_get(link, "href") : link);
}

/* 1 when the last part of a URL is "v1", "v1.2", ... */
static int ends_with_version(const char *url) {
    const char *slash = strrchr(url, '/');
    return slash != NULL && slash[1] == 'v' && rcr_is_digit((unsigned char)slash[2]) &&
           slash[2 + strspn(slash + 2, "0123456789.")] == '\0';
}

/* An index of databases has no structures: say where they are. */
static rcr_status fail_index(rcr_http *http, const char *base, rcr_error *err) {
    json_t *root = NULL;
    long code;
    rcr_text names = {0};
    rcr_status status = get_json(&root, &code, http, base, "links", err);
    if (status != RCR_OK) return status;
    const json_t *data = json_object_get(root, "data");
    for (size_t k = 0; k < json_array_size(data) && names.length < 300; k++) {
        const json_t *attributes = json_object_get(json_array_get(data, k), "attributes");
        const char *kind = json_string_value(json_object_get(attributes, "link_type"));
        const char *url = link_text(json_object_get(attributes, "base_url"));
        if (url == NULL || (kind != NULL && strcmp(kind, "child") != 0)) continue;
        rcr_text_printf(&names, "%s%.*s", names.length > 0 ? ", " : "", rcr_shown(url, strlen(url), 100), url);
    }
    json_decref(root);
    status = rcr_fail(err, RCR_ERR_DATA, "this is an index of databases; give the URL of one of them: %s",
                      names.length > 0 ? names.data : "it lists none");
    rcr_text_free(&names);
    return status;
}

/* The URL of version 1 in the list "available_api_versions" of an /info; NULL when there is none. */
static const char *offered_url(const json_t *info) {
    const json_t *list = json_object_get(info, "available_api_versions");
    for (size_t k = 0; k < json_array_size(list); k++) {
        const json_t *item = json_array_get(list, k);
        const char *version = json_string_value(json_object_get(item, "version"));
        const char *url = json_string_value(json_object_get(item, "url"));
        if (version != NULL && url != NULL && strncmp(version, "1.", 2) == 0) return url;
    }
    return NULL;
}

static rcr_status set_base(rcr_optimade *o, const char *url, rcr_error *err) {
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/') length--;
    char *base = rcr_strndup(url, length);
    if (base == NULL) return rcr_fail_memory(err, "making a URL");
    rcr_free(o->base);
    o->base = base;
    return RCR_OK;
}

/* Append the major versions that BASE/versions lists (CSV with a header) as "1, 0". */
static rcr_status list_versions(rcr_text *out, rcr_http *http, const char *url, rcr_error *err) {
    rcr_text address = {0};
    rcr_http_reply reply = {0};
    rcr_text_printf(&address, "%s/versions", url);
    rcr_status status = address.failed ? rcr_fail_memory(err, "making a URL") : RCR_OK;
    if (status == RCR_OK) status = rcr_http_get(&reply, http, address.data, NULL, NULL, err);
    rcr_text_free(&address);
    if (status != RCR_OK) return status;
    const char *line = reply.code == 200 && strncmp(reply.body, "version", 7) == 0 ? strchr(reply.body, '\n') : NULL;
    for (; line != NULL && out->length < 60; line = strchr(line + 1, '\n')) {
        size_t digits = strspn(line + 1, "0123456789");
        if (digits == 0 || digits > 4) continue;
        if (out->length > 0) rcr_text_puts(out, ", ");
        rcr_text_append(out, line + 1, digits);
    }
    rcr_http_reply_free(&reply);
    return RCR_OK;
}

/* url is unversioned and URL/v1/info is no answer: look at what it does serve. */
static rcr_status search(rcr_optimade *o, rcr_http *http, const char *url, rcr_error *err) {
    rcr_text versions = {0};
    json_t *root = NULL;
    long code = 0;
    rcr_status status = list_versions(&versions, http, url, err);
    if (status == RCR_OK) status = get_json(&root, &code, http, url, "info", err);
    json_t *info = attributes_of(root);
    const char *offered = offered_url(info);
    /* What is served without a version in the URL is the first in the list. */
    int first_is_1 = versions.length > 0 && versions.data[0] == '1' && strchr(",", versions.data[1]) != NULL;
    if (status == RCR_OK && offered != NULL && rcr_url_check(offered, NULL) == RCR_OK &&
        (rcr_url_is_secure(offered) || !rcr_url_is_secure(url)))
        status = set_base(o, offered, err);
    else if (status == RCR_OK && info != NULL && (versions.length == 0 || first_is_1))
        status = set_base(o, url, err);
    else if (status == RCR_OK && versions.length > 0)
        status =
            rcr_fail(err, RCR_ERR_DATA, "%.200s serves OPTIMADE of version %s; recryst reads version 1 at %.200s/v1",
                     url, versions.data, url);
    else if (status == RCR_OK)
        status = rcr_fail(err, RCR_ERR_DATA,
                          "no OPTIMADE API is found at %.300s (HTTP status %ld for /info and /v1/info)", url, code);
    if (status == RCR_OK) o->info = json_incref(info);
    json_decref(root);
    rcr_text_free(&versions);
    return status;
}

static rcr_status describe(rcr_optimade *o, rcr_http *http, const char *url, rcr_error *err) {
    json_t *root = NULL;
    long code;
    rcr_status status;
    int versioned = ends_with_version(url);
    rcr_text base = {0};
    rcr_text_puts(&base, url);
    if (!versioned) rcr_text_puts(&base, "/v1");
    status = base.failed ? rcr_fail_memory(err, "making a URL") : get_json(&root, &code, http, base.data, "info", err);
    json_t *info = attributes_of(root);
    if (status == RCR_OK && info == NULL && !versioned) {
        status = search(o, http, url, err);
    } else if (status == RCR_OK) {
        status = set_base(o, base.data, err);
        o->info = json_incref(info);
    }
    json_decref(root);
    rcr_text_free(&base);
    if (status == RCR_OK && json_is_true(json_object_get(o->info, "is_index"))) status = fail_index(http, o->base, err);
    if (status != RCR_OK) return status;
    root = NULL;
    status = get_json(&root, &code, http, o->base, "info/structures", err);
    json_t *properties = json_object_get(json_object_get(root, "data"), "properties");
    if (json_is_object(properties)) o->structures = json_incref(properties);
    json_decref(root);
    return status;
}

rcr_status rcr_optimade_open(rcr_optimade *out, rcr_http *http, const char *url, rcr_error *err) {
    rcr_status status = rcr_url_check(url, err);
    if (status != RCR_OK) return status;
    if (strpbrk(url, "?#") != NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "give the provider's base URL, without '?' and what follows it");
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/') length--;
    char *own = rcr_strndup(url, length);
    if (own == NULL) return rcr_fail_memory(err, "making a URL");
    if (rcr_ends_with(own, "/structures")) own[length - strlen("/structures")] = '\0';
    rcr_optimade optimade = {0};
    status = describe(&optimade, http, own, err);
    rcr_free(own);
    if (status == RCR_OK)
        *out = optimade;
    else
        rcr_optimade_close(&optimade);
    return status;
}

void rcr_optimade_close(rcr_optimade *optimade) {
    rcr_free(optimade->base);
    json_decref(optimade->info);
    json_decref(optimade->structures);
    *optimade = (rcr_optimade){0};
}

/* ---- properties */

static const char *unit_of(const json_t *description) {
    const char *unit = json_string_value(json_object_get(description, "x-optimade-unit"));
    if (unit == NULL) unit = json_string_value(json_object_get(description, "unit"));
    if (unit == NULL || strcmp(unit, "dimensionless") == 0 || strcmp(unit, "inapplicable") == 0) return "";
    return unit;
}

const char *rcr_optimade_unit(const rcr_optimade *optimade, const char *property) {
    const json_t *description = json_object_get(optimade->structures, property);
    for (const char *rest = property; description == NULL && *rest != '\0';) {
        size_t length = strcspn(rest, ".");
        size_t whole = (size_t)(rest - property) + length;
        char *name = rcr_strndup(property, whole);
        const json_t *outer = name != NULL ? json_object_get(optimade->structures, name) : NULL;
        rcr_free(name);
        rest += length + (rest[length] == '.');
        if (outer != NULL) description = json_object_get(json_object_get(outer, "properties"), rest);
        if (outer != NULL) break;
    }
    return unit_of(description);
}

static int is_type(const json_t *description, const char *type) {
    const json_t *name = json_object_get(description, "x-optimade-type");
    if (name == NULL) name = json_object_get(description, "type");
    if (json_is_string(name)) return strcmp(json_string_value(name), type) == 0;
    for (size_t k = 0; k < json_array_size(name); k++) {
        const char *one = json_string_value(json_array_get(name, k));
        if (one != NULL && strcmp(one, type) == 0) return 1;
    }
    return 0;
}

void rcr_optimade_list(rcr_text *out, const rcr_optimade *optimade) {
    static const char *const types[] = {"float", "integer", "boolean", "number", "dictionary", "object"};
    const char *name;
    json_t *description;
    json_object_foreach(optimade->structures, name, description) {
        int fits = 0;
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) fits |= is_type(description, types[t]);
        if (!fits) continue;
        const char *about = json_string_value(json_object_get(description, "description"));
        if (about == NULL) about = "";
        rcr_text_printf(out, "%-40s %-12s %.*s\n", name, unit_of(description), (int)strcspn(about, "\r\n"), about);
    }
}

/* ---- the query */

rcr_status rcr_optimade_url(rcr_text *out, const rcr_optimade *optimade, const char *filter,
                            const char *const *property, size_t n_properties, int32_t page_limit, rcr_error *err) {
    rcr_text fields = {0};
    char number[32];
    rcr_text_printf(out, "%s/structures", optimade->base);
    if (filter != NULL && filter[strspn(filter, " ")] != '\0') rcr_url_parameter(out, "filter", filter);
    rcr_text_puts(&fields, "lattice_vectors,cartesian_site_positions,species,species_at_sites,nsites,"
                           "dimension_types,nperiodic_dimensions,structure_features");
    for (size_t i = 0; i < n_properties; i++) {
        /* A name that the provider lists is taken whole; else what stands before the first point. */
        int whole = json_object_get(optimade->structures, property[i]) != NULL;
        rcr_text_puts(&fields, ",");
        rcr_text_append(&fields, property[i], whole ? strlen(property[i]) : strcspn(property[i], "."));
    }
    if (fields.failed)
        out->failed = 1;
    else
        rcr_url_parameter(out, "response_fields", fields.data);
    rcr_text_free(&fields);
    if (page_limit > 0) {
        rcr_format_double(number, page_limit);
        rcr_url_parameter(out, "page_limit", number);
    }
    if (out->failed) return rcr_fail_memory(err, "making a URL");
    return rcr_url_check(out->data, err);
}
