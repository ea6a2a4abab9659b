#include "fetch/http.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/status.h"
#include "fetch/curl_api.h"
#include "fetch/url.h"

enum { MAX_REDIRECTS = 5, STALL_BYTES = 30 };
static const double longest_backoff = 60, longest_transfer = 3600;

struct rcr_http {
    rcr_http_options options;
    rcr_curl_api api;
    CURL *handle;
    struct curl_slist *plain, *keyed; /* headers without and with the key */
    rcr_rng rng;                      /* jitter alone */
    char reason[CURL_ERROR_SIZE];
};

/* What one try is about. */
typedef struct transfer {
    rcr_http *http;
    rcr_text body;
    int too_large;
} transfer;

rcr_http_options rcr_http_options_default(void) {
    return (rcr_http_options){.user_agent = "recryst/" RCR_VERSION,
                              .connect_timeout = 30,
                              .stall_timeout = 60,
                              .retries = 8,
                              .retry_wait = 1,
                              .longest_wait = 600,
                              .max_bytes = (size_t)256 << 20};
}

static int is_stopped(const rcr_http *http) {
    return http->options.stopped != NULL && http->options.stopped(http->options.context);
}

static rcr_status fail_stopped(rcr_error *err) { return rcr_fail(err, RCR_ERR_INTERRUPTED, "stopped"); }

/* Blot the key out of text[0 .. length). */
static void blot(const rcr_http *http, char *text, size_t length) {
    const char *key = http->options.key;
    size_t n = key != NULL ? strlen(key) : 0;
    for (size_t i = 0; n > 0 && i + n <= length; i++) {
        char *found = memchr(text + i, key[0], length - i - n + 1);
        if (found == NULL) return;
        i = (size_t)(found - text);
        if (memcmp(found, key, n) == 0) memset(found, '*', n);
    }
}

/* ---- making and giving back */

static rcr_status check_key(const rcr_http_options *o, rcr_error *err) {
    if (o->key == NULL) return RCR_OK;
    if (o->key[0] == '\0') return rcr_fail(err, RCR_ERR_ARGUMENT, "the API key is empty");
    for (const unsigned char *p = (const unsigned char *)o->key; *p != '\0'; p++)
        if (*p <= ' ' || *p >= 0x7f)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the API key holds a character that no key has (a blank?)");
    if (!rcr_url_is_secure(o->key_url) && !rcr_url_is_local(o->key_url))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "an API key is not sent over http, where others can read it; use https");
    return RCR_OK;
}

static size_t on_data(char *data, size_t size, size_t n, void *context) {
    transfer *t = context;
    size_t length = size * n;
    if (length > t->http->options.max_bytes - t->body.length) {
        t->too_large = 1;
        return 0;
    }
    rcr_text_append(&t->body, data, length);
    return t->body.failed ? 0 : length;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return is_stopped(context);
}

#define SET(option, value) (code = code != CURLE_OK ? code : api->easy_setopt_(http->handle, option, value))

static rcr_status set_up(rcr_http *http, rcr_error *err) {
    const rcr_curl_api *api = &http->api;
    const rcr_http_options *o = &http->options;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, http->reason);
    SET(CURLOPT_USERAGENT, o->user_agent);
    SET(CURLOPT_ACCEPT_ENCODING, ""); /* all that this libcurl can unpack */
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (o->ca_file != NULL) SET(CURLOPT_CAINFO, o->ca_file);
    /* Redirections are followed here, as libcurl would take the key along to any host. */
    SET(CURLOPT_FOLLOWLOCATION, 0L);
#if LIBCURL_VERSION_NUM >= 0x075500
    if (api->easy_setopt_(http->handle, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK)
        code = CURLE_UNKNOWN_OPTION; /* built with a new header, running with an old library */
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(1000 * o->connect_timeout));
    SET(CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
    SET(CURLOPT_LOW_SPEED_TIME, (long)(o->stall_timeout + 0.999));
    SET(CURLOPT_TIMEOUT, (long)longest_transfer);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, http);
    if (code == CURLE_OUT_OF_MEMORY) return rcr_fail_memory(err, "setting libcurl up");
    if (code != CURLE_OK)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "this libcurl can't be used: %s", api->easy_strerror(code));
    return RCR_OK;
}

static rcr_status make_headers(rcr_http *http, rcr_error *err) {
    const char *accept = "Accept: application/vnd.api+json, application/json, text/csv;q=0.5";
    const rcr_http_options *o = &http->options;
    http->plain = http->api.slist_append(NULL, accept);
    if (http->plain == NULL) return rcr_fail_memory(err, "setting libcurl up");
    if (o->key == NULL) return RCR_OK;
    rcr_text line = {0};
    rcr_text_printf(&line, "%s: %s", o->key_header, o->key);
    http->keyed = line.failed ? NULL : http->api.slist_append(NULL, accept);
    struct curl_slist *longer = http->keyed != NULL ? http->api.slist_append(http->keyed, line.data) : NULL;
    if (line.data != NULL) memset(line.data, 0, line.length);
    rcr_text_free(&line);
    return longer != NULL ? RCR_OK : rcr_fail_memory(err, "setting libcurl up");
}

rcr_status rcr_http_open(rcr_http **out, const rcr_http_options *options, rcr_error *err) {
    rcr_status status = check_key(options, err);
    if (status != RCR_OK) return status;
    rcr_http *http = rcr_calloc(1, sizeof *http);
    if (http == NULL) return rcr_fail_memory(err, "setting libcurl up");
    http->options = *options;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    rcr_rng_seed(&http->rng, (uint64_t)now.tv_sec * 1000003U + (uint64_t)now.tv_nsec, 1);
    status = rcr_curl_load(&http->api, err);
    if (status == RCR_OK) {
        http->handle = http->api.easy_init();
        status = http->handle != NULL ? set_up(http, err) : rcr_fail_memory(err, "setting libcurl up");
    }
    if (status == RCR_OK) status = make_headers(http, err);
    if (status == RCR_OK)
        *out = http;
    else
        rcr_http_close(http);
    return status;
}

/* The lines hold the key: leave nothing of it in memory that is given back. */
static void free_headers(rcr_http *http, struct curl_slist *list) {
    for (struct curl_slist *line = list; line != NULL; line = line->next) memset(line->data, 0, strlen(line->data));
    if (list != NULL) http->api.slist_free_all(list);
}

void rcr_http_close(rcr_http *http) {
    if (http == NULL) return;
    if (http->handle != NULL) http->api.easy_cleanup(http->handle);
    free_headers(http, http->plain);
    free_headers(http, http->keyed);
    rcr_free(http);
}

void rcr_http_reply_free(rcr_http_reply *reply) {
    rcr_free(reply->body);
    *reply = (rcr_http_reply){0};
}

/* ---- waiting */

rcr_status rcr_http_wait(rcr_http *http, double seconds, rcr_error *err) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double end = (double)now.tv_sec + 1e-9 * (double)now.tv_nsec + seconds;
    for (;;) {
        if (is_stopped(http)) return fail_stopped(err);
        clock_gettime(CLOCK_MONOTONIC, &now);
        double left = end - ((double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
        if (!(left > 0)) return RCR_OK;
        if (left > 0.1) left = 0.1;
        struct timespec nap = {0, (long)(left * 1e9)};
        nanosleep(&nap, NULL);
    }
}

/* ---- one try */

typedef enum verdict { DONE, AGAIN, FAILED } verdict;

static verdict judge_failure(rcr_http *http, const transfer *t, CURLcode code, rcr_error *err) {
    const char *why = http->reason[0] != '\0' ? http->reason : http->api.easy_strerror(code);
    if (t->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        rcr_fail(err, RCR_ERR_LIMIT, "the answer is larger than %zu MiB; ask for smaller pages (--page-size)",
                 http->options.max_bytes >> 20);
        return FAILED;
    }
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK: fail_stopped(err); return FAILED;
    case CURLE_OUT_OF_MEMORY: rcr_fail_memory(err, "receiving"); return FAILED;
    case CURLE_WRITE_ERROR: /* on_data refuses only for the limit, which is seen to, and for memory */
        rcr_fail_memory(err, "receiving");
        return FAILED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
        rcr_fail(err, RCR_ERR_IO,
                 "the server's certificate can't be verified: %s (is the package ca-certificates installed, and the "
                 "clock right?  behind a proxy of your organisation: --ca-file)",
                 why);
        return FAILED;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_NOT_BUILT_IN:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_BAD_FUNCTION_ARGUMENT: rcr_fail(err, RCR_ERR_IO, "%s", why); return FAILED;
    default: rcr_fail(err, RCR_ERR_IO, "%s", why); return AGAIN;
    }
}

/* One request, no redirection followed.  The body is the transfer's. */
static CURLcode request(transfer *t, const char *url) {
    rcr_http *http = t->http;
    const rcr_curl_api *api = &http->api;
    int keyed = http->keyed != NULL && rcr_url_same_origin(url, http->options.key_url);
    CURLcode code = CURLE_OK;
    http->reason[0] = '\0';
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, keyed ? http->keyed : http->plain);
    SET(CURLOPT_WRITEDATA, t);
    return code != CURLE_OK ? code : api->easy_perform_(http->handle);
}

/* Where a redirection leads, or why it is not followed.  RCR_OK with nothing appended: the answer is none. */
static rcr_status redirection(rcr_text *to, rcr_http *http, long code, const char *from, int followed, rcr_error *err) {
    char *url = NULL;
    if (code != 301 && code != 302 && code != 303 && code != 307 && code != 308) return RCR_OK;
    if (http->api.easy_getinfo_(http->handle, CURLINFO_REDIRECT_URL, &url) != CURLE_OK || url == NULL) return RCR_OK;
    if (followed >= MAX_REDIRECTS)
        return rcr_fail(err, RCR_ERR_IO, "the server redirects more than %d times", (int)MAX_REDIRECTS);
    rcr_error bad;
    if (rcr_url_check(url, &bad) != RCR_OK)
        return rcr_fail(err, RCR_ERR_IO, "the server redirects to where recryst does not go: %.300s", bad.message);
    if (rcr_url_is_secure(from) && !rcr_url_is_secure(url))
        return rcr_fail(err, RCR_ERR_IO, "the server redirects from https to http: %.200s", url);
    rcr_text_puts(to, url);
    return to->failed ? rcr_fail_memory(err, "receiving") : RCR_OK;
}

static int is_worth_another_try(long code) {
    return code == 408 || code == 425 || code == 429 || (code >= 500 && code != 501 && code != 505);
}

/* One try with its redirections.  *wait: what the server asks for, seconds; 0: nothing. */
static verdict try_once(rcr_http_reply *reply, rcr_http *http, const char *url, double *wait, rcr_error *err) {
    rcr_text at = {0}, next = {0};
    rcr_text_puts(&at, url);
    verdict result = FAILED;
    transfer t = {http, {0}, 0};
    *wait = 0;
    for (int followed = 0;; followed++) {
        if (at.failed) {
            rcr_fail_memory(err, "receiving");
            break;
        }
        t.body.length = 0;
        CURLcode code = request(&t, at.data);
        if (code != CURLE_OK) {
            result = judge_failure(http, &t, code, err);
            break;
        }
        long status = 0;
        curl_off_t after = 0;
        http->api.easy_getinfo_(http->handle, CURLINFO_RESPONSE_CODE, &status);
        http->api.easy_getinfo_(http->handle, CURLINFO_RETRY_AFTER, &after);
        next.length = 0;
        if (redirection(&next, http, status, at.data, followed, err) != RCR_OK) break;
        if (next.length > 0) {
            rcr_text swap = at;
            at = next;
            next = swap;
            continue;
        }
        rcr_text_append(&t.body, "", 1);
        if (t.body.failed) {
            rcr_fail_memory(err, "receiving");
            break;
        }
        *wait = after > 0 ? (double)after : 0;
        reply->code = status;
        reply->length = t.body.length - 1;
        reply->body = t.body.data;
        t.body = (rcr_text){0};
        blot(http, reply->body, reply->length);
        result = is_worth_another_try(status) ? AGAIN : DONE;
        if (result == AGAIN) rcr_fail(err, RCR_ERR_IO, "the server answers with HTTP status %ld", status);
        break;
    }
    rcr_text_free(&at);
    rcr_text_free(&next);
    rcr_text_free(&t.body);
    return result;
}

/* ---- all tries */

static void tell(rcr_http *http, const char *why, double wait, int next, int all) {
    if (http->options.notice == NULL) return;
    rcr_text text = {0};
    rcr_text_printf(&text, "%s; try %d of %d in %ld s", why, next, all, (long)(wait + 0.5));
    if (!text.failed) http->options.notice(http->options.context, text.data);
    rcr_text_free(&text);
}

/* Seconds before try number `next` (2, 3, ...): exponential with jitter, so that many clients do not come back at
 * once; at least what the server asks for. */
static double backoff(rcr_http *http, int next, double asked) {
    double wait = http->options.retry_wait;
    for (int k = 2; k < next && wait < longest_backoff; k++) wait *= 2;
    if (wait > longest_backoff) wait = longest_backoff;
    wait *= 0.5 + rcr_rng_uniform(&http->rng);
    return wait > asked ? wait : asked;
}

rcr_status rcr_http_get(rcr_http_reply *out, rcr_http *http, const char *url, rcr_http_check check, void *check_context,
                        rcr_error *err) {
    rcr_error own;
    if (err == NULL) err = &own;
    int all = http->options.retries + 1;
    for (int attempt = 1;; attempt++) {
        rcr_http_reply reply = {.tries = attempt};
        double asked = 0;
        if (is_stopped(http)) return fail_stopped(err);
        verdict result = try_once(&reply, http, url, &asked, err);
        if (result == DONE && reply.code == 200 && check != NULL) {
            rcr_status status = check(check_context, reply.body, reply.length, err);
            if (status != RCR_OK) result = status == RCR_ERR_PARSE ? AGAIN : FAILED;
        }
        blot(http, err->message, strnlen(err->message, sizeof err->message));
        int answered = reply.body != NULL && reply.code != 200;
        if (result == DONE || (result == AGAIN && attempt == all && answered)) {
            *out = reply;
            return RCR_OK;
        }
        rcr_http_reply_free(&reply);
        if (result == FAILED) return err->status;
        if (attempt == all) {
            if (all > 1) {
                rcr_error last = *err;
                rcr_fail(err, last.status, "%.400s (tried %d times)", last.message, all);
            }
            return err->status;
        }
        if (asked > http->options.longest_wait)
            return rcr_fail(err, RCR_ERR_LIMIT, "the server asks to come back in %.0f minutes", asked / 60 + 0.5);
        double wait = backoff(http, attempt + 1, asked);
        tell(http, err->message, wait, attempt + 1, all);
        if (rcr_http_wait(http, wait, err) != RCR_OK) return err->status;
    }
}

rcr_status rcr_http_resolve(rcr_text *out, rcr_http *http, const char *base, const char *relative, rcr_error *err) {
    const rcr_curl_api *api = &http->api;
    CURLU *url = api->url();
    char *text = NULL;
    if (url == NULL) return rcr_fail_memory(err, "making a URL");
    int good = api->url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
               api->url_set(url, CURLUPART_URL, relative, CURLU_URLENCODE) == CURLUE_OK &&
               api->url_set(url, CURLUPART_FRAGMENT, NULL, 0) == CURLUE_OK &&
               api->url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
    if (good) rcr_text_puts(out, text);
    if (text != NULL) api->free_(text);
    api->url_cleanup(url);
    if (!good) return rcr_fail(err, RCR_ERR_DATA, "this is no URL: '%.300s'", relative);
    return out->failed ? rcr_fail_memory(err, "making a URL") : RCR_OK;
}
