#include "fetch/fetch.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "fetch/download.h"
#include "fetch/url.h"

/* Pages without a row that are followed, and the most pages there can be. */
enum { MAX_EMPTY_PAGES = 20, MAX_PAGES = 10000000, DEFAULT_OPTIMADE_PAGE = 100, DEFAULT_MP_PAGE = 1000 };
static const double longest_delay = 60;

typedef rcr_status (*page_parser)(rcr_page **out, const char *body, size_t length, rcr_error *err);

/* Parses a page, which makes an answer good; the page stays here. */
typedef struct checker {
    page_parser parse;
    rcr_page *page;
} checker;

static rcr_status check_page(void *context, const char *body, size_t length, rcr_error *err) {
    checker *c = context;
    return c->parse(&c->page, body, length, err);
}

/* ---- what an answer other than 200 means */

static rcr_status fail_answer(rcr_error *err, const rcr_download *d, const rcr_http_reply *reply) {
    rcr_text said = {0};
    char tries[32] = "";
    rcr_page_complaint(&said, reply->body, reply->length);
    const char *text = said.length > 0 ? said.data : "it says no more";
    rcr_status status;
    if (reply->tries > 1) {
        rcr_text number = {0};
        rcr_text_printf(&number, " after %d tries", reply->tries);
        if (!number.failed && number.length < sizeof tries) memcpy(tries, number.data, number.length + 1);
        rcr_text_free(&number);
    }
    if ((reply->code == 401 || reply->code == 403) && !d->request->optimade)
        status = rcr_fail(err, RCR_ERR_IO,
                          "the API key is refused (HTTP status %ld: %s); yours is shown at "
                          "https://materialsproject.org/api, and has 32 characters",
                          reply->code, text);
    else if (reply->code == 429)
        status = rcr_fail(err, RCR_ERR_IO, "the server asks for fewer requests (HTTP status 429%s: %s)", tries, text);
    else
        status = rcr_fail(err, RCR_ERR_IO, "the server refuses the request (HTTP status %ld%s: %s)", reply->code, tries,
                          text);
    rcr_text_free(&said);
    return status;
}

/* ---- one page */

static int page_name(rcr_text *path, const rcr_download *d, int64_t k) {
    rcr_text name = {0};
    rcr_text_printf(&name, "page-%06lld.json", (long long)k);
    int good = !name.failed && rcr_folder_out_path(path, &d->folder, 1, name.data) != NULL;
    rcr_text_free(&name);
    return good;
}

/* The page as an earlier call received it; NULL when there is none, or it is damaged. */
static rcr_page *read_page(const rcr_download *d, int64_t k, page_parser parse) {
    rcr_text path = {0};
    char *body;
    size_t length;
    rcr_page *page = NULL;
    if (page_name(&path, d, k) && rcr_is_file(path.data) &&
        rcr_file_read(&body, &length, path.data, d->request->http.max_bytes, NULL) == RCR_OK) {
        if (parse(&page, body, length, NULL) != RCR_OK) page = NULL;
        rcr_free(body);
    }
    rcr_text_free(&path);
    return page;
}

/* The first page is there: what the folder held may go, and what is to come has a place. */
static rcr_status begin(rcr_download *d, rcr_error *err) {
    if (d->request->overwrite) {
        rcr_status status = rcr_folder_out_clear(&d->folder, err);
        if (status != RCR_OK) return status;
    }
    return rcr_download_begin(d, err);
}

/* Page k (from 1), kept or asked for.  A refusal (status 400, 403 or 422) is *refused = 1 with no page where refused is
 * given. */
static rcr_status get_page(rcr_page **out, rcr_download *d, int64_t k, const char *url, int *cached, int *refused,
                           rcr_error *err) {
    checker check = {d->request->optimade ? rcr_page_parse_optimade : rcr_page_parse_mp, NULL};
    *cached = 0;
    if (d->reading_cache) check.page = read_page(d, k, check.parse);
    if (check.page != NULL) {
        *cached = 1;
        *out = check.page;
        return RCR_OK;
    }
    if (d->reading_cache) rcr_folder_out_drop_pages(&d->folder, k);
    d->reading_cache = 0;
    rcr_http_reply reply = {0};
    rcr_status status = rcr_http_get(&reply, d->http, url, check_page, &check, err);
    if (status != RCR_OK) {
        rcr_page_free(check.page);
        return status;
    }
    if (reply.code != 200) {
        if (refused != NULL && (reply.code == 400 || reply.code == 403 || reply.code == 422))
            *refused = 1;
        else
            status = RCR_ERR_IO;
        fail_answer(err, d, &reply);
    } else {
        rcr_text path = {0};
        if (k == 1) status = begin(d, err);
        if (status == RCR_OK && !page_name(&path, d, k)) status = rcr_fail_memory(err, "keeping a page");
        if (status == RCR_OK) status = rcr_file_write(path.data, reply.body, reply.length, err);
        rcr_text_free(&path);
    }
    rcr_http_reply_free(&reply);
    if (status == RCR_OK)
        *out = check.page;
    else
        rcr_page_free(check.page);
    return status;
}

/* What is to be kept of the first page. */
static void note_first(rcr_download *d, const rcr_page *page) {
    d->result.counts.matched = rcr_page_total(page);
    d->meta = json_deep_copy(rcr_page_meta(page));
}

static rcr_status fail_repeats(rcr_error *err, int64_t k) {
    return rcr_fail(err, RCR_ERR_DATA,
                    "page %lld holds nothing but rows of earlier pages; the server's paging is broken", (long long)k);
}

/* ---- the pages of the Materials Project: _skip and _limit */

static rcr_status mp_pages(rcr_download *d, rcr_error *err) {
    int64_t size = d->request->page_size > 0 ? d->request->page_size : DEFAULT_MP_PAGE, skip = 0;
    if (d->request->limit > 0 && d->request->limit < size) size = d->request->limit;
    for (int64_t k = 1; k <= MAX_PAGES; k++) {
        rcr_text url = {0};
        rcr_page *page = NULL;
        int cached;
        size_t fresh = 0;
        rcr_text_printf(&url, "%s&_limit=%lld&_skip=%lld", d->first_url, (long long)size, (long long)skip);
        rcr_status status =
            url.failed ? rcr_fail_memory(err, "making a URL") : get_page(&page, d, k, url.data, &cached, NULL, err);
        rcr_text_free(&url);
        if (status != RCR_OK) return status;
        if (k == 1) note_first(d, page);
        size_t n = rcr_page_rows(page);
        int64_t total = rcr_page_total(page);
        status = rcr_download_rows(d, page, cached, &fresh, err);
        rcr_page_free(page);
        if (status != RCR_OK || rcr_download_is_full(d)) return status;
        skip += (int64_t)n;
        if (total >= 0 ? skip >= total : (int64_t)n < size) return RCR_OK;
        if (n == 0)
            return rcr_fail(err, RCR_ERR_DATA, "the server says that %lld rows match, and gives none after %lld",
                            (long long)total, (long long)skip);
        if (fresh == 0) return fail_repeats(err, k);
    }
    return rcr_fail(err, RCR_ERR_LIMIT, "more than %d pages", (int)MAX_PAGES);
}

/* ---- the pages of OPTIMADE: links.next */

/* Put the absolute form of the next page's URL into `url`. */
static rcr_status follow(rcr_text *url, rcr_download *d, const char *next, rcr_error *err) {
    rcr_text to = {0};
    rcr_status status = rcr_http_resolve(&to, d->http, url->data, next, err);
    if (status == RCR_OK && rcr_url_check(to.data, err) != RCR_OK) status = RCR_ERR_DATA;
    if (status == RCR_OK && rcr_url_is_secure(url->data) && !rcr_url_is_secure(to.data)) {
        /* Servers behind a proxy that ends TLS give http links to themselves. */
        rcr_text secure = {0};
        rcr_text_printf(&secure, "https%s", to.data + 4);
        if (secure.failed)
            status = rcr_fail_memory(err, "making a URL");
        else if (!rcr_url_same_host(url->data, secure.data))
            status = rcr_fail(err, RCR_ERR_DATA, "the next page is said to be on another host, without TLS: %.200s",
                              to.data);
        rcr_text_free(&to);
        to = secure;
    }
    if (status == RCR_OK) {
        int added = rcr_name_set_add(d->urls, to.data);
        if (added < 0) status = rcr_fail_memory(err, "keeping URLs");
        if (added == 0)
            status = rcr_fail(err, RCR_ERR_DATA,
                              "the server's link to the next page leads back to a page before: %.200s", to.data);
    }
    if (status == RCR_OK) {
        rcr_text_free(url);
        *url = to;
    } else {
        if (err != NULL) err->status = status;
        rcr_text_free(&to);
    }
    return status;
}

/* No link to a next page: was that all? */
static rcr_status check_end(const rcr_download *d, const rcr_page *page, rcr_error *err) {
    const rcr_fetch_counts *c = &d->result.counts;
    int64_t total = rcr_page_total(page);
    if (rcr_page_more(page) != 1 || (total >= 0 && c->received >= total)) return RCR_OK;
    return rcr_fail(err, RCR_ERR_DATA, "the server says that there is more after %lld rows, but gives no link to it",
                    (long long)c->received);
}

/* Page 1; a server that refuses the size of a page is asked without one. */
static rcr_status optimade_first(rcr_page **out, rcr_download *d, rcr_text *url, int *cached, rcr_error *err) {
    int32_t size = d->request->page_size > 0 ? d->request->page_size : DEFAULT_OPTIMADE_PAGE;
    int refused = 0;
    if (d->request->limit > 0 && d->request->limit < size) size = (int32_t)d->request->limit;
    rcr_text_printf(url, "%s%spage_limit=%d", d->first_url, strchr(d->first_url, '?') != NULL ? "&" : "?", (int)size);
    if (url->failed) return rcr_fail_memory(err, "making a URL");
    rcr_status status = get_page(out, d, 1, url->data, cached, &refused, err);
    if (status == RCR_OK && refused) {
        url->length = 0;
        rcr_text_puts(url, d->first_url);
        status = get_page(out, d, 1, url->data, cached, NULL, err);
    }
    return status;
}

static rcr_status optimade_pages(rcr_download *d, rcr_error *err) {
    rcr_text url = {0};
    rcr_status status = RCR_OK;
    int empty = 0, more = 1;
    for (int64_t k = 1; status == RCR_OK && more; k++) {
        rcr_page *page = NULL;
        int cached;
        size_t fresh = 0;
        status =
            k == 1 ? optimade_first(&page, d, &url, &cached, err) : get_page(&page, d, k, url.data, &cached, NULL, err);
        if (status != RCR_OK) break;
        if (k == 1) {
            note_first(d, page);
            if (rcr_name_set_add(d->urls, url.data) < 0) status = rcr_fail_memory(err, "keeping URLs");
        }
        size_t n = rcr_page_rows(page);
        if (status == RCR_OK) status = rcr_download_rows(d, page, cached, &fresh, err);
        const char *next = rcr_page_next(page);
        more = status == RCR_OK && !rcr_download_is_full(d) && next != NULL;
        empty = n == 0 ? empty + 1 : 0;
        if (more && n > 0 && fresh == 0) status = fail_repeats(err, k);
        if (status == RCR_OK && more && empty > MAX_EMPTY_PAGES)
            status =
                rcr_fail(err, RCR_ERR_DATA, "%d empty pages follow each other; the server's paging is broken", empty);
        if (status == RCR_OK && more) status = follow(&url, d, next, err);
        if (status == RCR_OK && !more && !rcr_download_is_full(d)) status = check_end(d, page, err);
        double delay = rcr_page_delay(page);
        rcr_page_free(page);
        if (status == RCR_OK && more && !cached && delay > 0)
            status = rcr_http_wait(d->http, delay < longest_delay ? delay : longest_delay, err);
    }
    rcr_text_free(&url);
    return status;
}

/* ---- all of it */

static char *now_utc(void) {
    struct tm utc;
    time_t now = time(NULL);
    rcr_text text = {0};
    if (gmtime_r(&now, &utc) == NULL) return rcr_strdup("");
    rcr_text_printf(&text, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                    utc.tm_hour, utc.tm_min, utc.tm_sec);
    return text.data;
}

/* Which release of its data the Materials Project serves now; "" where it does not say. */
static rcr_status mp_version(char **out, rcr_download *d, rcr_error *err) {
    rcr_text url = {0};
    rcr_http_reply reply = {0};
    const char *endpoint = d->request->url;
    size_t length = strlen(endpoint);
    while (length > 0 && endpoint[length - 1] == '/') length--;
    rcr_text_append(&url, endpoint, length);
    rcr_text_puts(&url, "/heartbeat");
    rcr_status status =
        url.failed ? rcr_fail_memory(err, "making a URL") : rcr_http_get(&reply, d->http, url.data, NULL, NULL, err);
    rcr_text_free(&url);
    if (status != RCR_OK) return status;
    json_t *root = reply.code == 200 ? json_loadb(reply.body, reply.length, 0, NULL) : NULL;
    const char *version = json_string_value(json_object_get(root, "db_version"));
    *out = rcr_strdup(version != NULL ? version : "");
    json_decref(root);
    rcr_http_reply_free(&reply);
    return *out != NULL ? RCR_OK : rcr_fail_memory(err, "reading an answer");
}

/* What is asked for, before the folder is looked at: nothing is asked of a server here but where its API is. */
static rcr_status prepare_mp(rcr_download *d, rcr_error *err) {
    const rcr_fetch_request *q = d->request;
    rcr_text url = {0};
    if (q->page_size > RCR_MP_MAX_PAGE)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the Materials Project gives at most %d rows a page",
                        (int)RCR_MP_MAX_PAGE);
    rcr_status status = rcr_url_check(q->url, err);
    if (status == RCR_OK)
        status = rcr_mp_url(&url, q->url, q->search, q->property, q->n_properties, q->min, q->max, err);
    d->first_url = url.data;
    return status;
}

static rcr_status run_mp(rcr_download *d, rcr_error *err) {
    char *version = NULL;
    rcr_status status = mp_version(&version, d, err);
    if (status == RCR_OK && d->result.resumed && version[0] != '\0' && d->database_version[0] != '\0' &&
        strcmp(version, d->database_version) != 0)
        status = rcr_fail_at(err, RCR_ERR_MISMATCH, d->folder.path, 0,
                             "the database has gone from version %.60s to %.60s since this download began; --overwrite "
                             "starts again",
                             d->database_version, version);
    if (status == RCR_OK && !d->result.resumed) {
        rcr_free(d->database_version);
        d->database_version = version;
        version = NULL;
    }
    rcr_free(version);
    return status == RCR_OK ? mp_pages(d, err) : status;
}

static rcr_status run_optimade(rcr_download *d, rcr_error *err) {
    rcr_text url = {0};
    const rcr_fetch_request *q = d->request;
    rcr_status status = rcr_optimade_open(&d->optimade, d->http, q->url, err);
    if (status == RCR_OK)
        status = rcr_optimade_url(&url, &d->optimade, q->filter, q->property, q->n_properties, 0, err);
    if (status != RCR_OK) {
        rcr_text_free(&url);
        return status;
    }
    d->first_url = url.data;
    return optimade_pages(d, err);
}

static rcr_status run(rcr_download *d, rcr_error *err) {
    const rcr_fetch_request *q = d->request;
    rcr_status status = q->optimade ? rcr_url_check(q->url, err) : prepare_mp(d, err);
    if (status == RCR_OK) status = rcr_http_open(&d->http, &q->http, err);
    if (status == RCR_OK) status = rcr_download_identify(d, err);
    if (status == RCR_OK) status = rcr_folder_out_open(&d->folder, q->out, err);
    if (status == RCR_OK && !q->overwrite) status = rcr_download_look(d, err);
    if (status != RCR_OK || d->result.was_complete) return status;
    d->ids = rcr_name_set_new();
    d->urls = rcr_name_set_new();
    if (d->started == NULL) d->started = now_utc();
    if (d->database_version == NULL) d->database_version = rcr_strdup("");
    d->reading_cache = d->result.resumed;
    if (d->ids == NULL || d->urls == NULL || d->started == NULL || d->database_version == NULL)
        return rcr_fail_memory(err, "starting a download");
    status = q->optimade ? run_optimade(d, err) : run_mp(d, err);
    int all_received = status == RCR_OK;
    if (status == RCR_OK && d->result.counts.received == 0)
        status = rcr_fail(err, RCR_ERR_DATA, "nothing matches the query");
    if (status == RCR_OK) status = rcr_download_finish(d, err);
    d->is_fruitless = status == RCR_ERR_DATA && all_received && d->result.counts.written == 0;
    return status;
}

rcr_status rcr_fetch(rcr_fetch_result *out, const rcr_fetch_request *request, rcr_error *err) {
    rcr_download d = {.request = request};
    d.result.counts.matched = -1;
    rcr_status status = run(&d, err);
    /* What was received is kept for the next call, unless all is done, be it by a call that was killed before it could
     * clear away.  Where all of it is of no use, going on from there would end in the same way, and what is left would
     * stand in the way of another request. */
    int keep = status == RCR_OK ? request->keep_pages : !d.is_fruitless;
    if (d.folder.path != NULL) rcr_folder_out_leave(&d.folder, keep);
    if (status == RCR_OK) *out = d.result;
    rcr_http_close(d.http);
    rcr_folder_out_close(&d.folder);
    rcr_optimade_close(&d.optimade);
    rcr_free(d.first_url);
    json_decref(d.identity);
    json_decref(d.meta);
    rcr_free(d.database_version);
    rcr_free(d.started);
    rcr_name_set_free(d.ids);
    rcr_name_set_free(d.urls);
    rcr_text_free(&d.rows);
    rcr_text_free(&d.errors);
    return status;
}
