/* GET over http and https, as patient as a long download needs it. */
#ifndef RCR_FETCH_HTTP_H
#define RCR_FETCH_HTTP_H

#include "base/text.h"
#include "recryst.h"

typedef struct rcr_http_options {
    const char *user_agent;
    /* Sent as "key_header: key" to the origin (scheme, host, port) of key_url and to no other, and taken out of
     * everything that is received or said.  NULL: none.  Borrowed. */
    const char *key_header, *key, *key_url;
    const char *ca_file;    /* certificates to trust in place of the system's; NULL: the system's */
    double connect_timeout; /* seconds to reach the server */
    double stall_timeout;   /* seconds with less than 30 bytes each: the connection counts as broken */
    int32_t retries;        /* further tries after the first one */
    double retry_wait;   /* seconds before the first of them; doubled each time up to 60, times 0.5 to 1.5 at random */
    double longest_wait; /* the longest Retry-After that is waited for, seconds */
    size_t max_bytes;    /* of an answer, unpacked */
    /* 1: stop now (RCR_ERR_INTERRUPTED).  Asked about once a second while waiting and receiving.  May be NULL. */
    int (*stopped)(void *context);
    /* Told what went wrong and that it will be tried again.  May be NULL. */
    void (*notice)(void *context, const char *text);
    void *context;
} rcr_http_options;

/* The defaults: 30 s to connect, 60 s of stall, 8 retries from 1 s on, Retry-After up to 10 min, 256 MiB. */
rcr_http_options rcr_http_options_default(void);

typedef struct rcr_http rcr_http;

/* One connection at a time, kept open between calls.  Proxies come from https_proxy, http_proxy, all_proxy and
 * no_proxy.  Errors: RCR_ERR_UNSUPPORTED (no libcurl), RCR_ERR_ARGUMENT (a key that no header can hold, or that would
 * cross a network in clear text), RCR_ERR_MEMORY. */
rcr_status rcr_http_open(rcr_http **out, const rcr_http_options *options, rcr_error *err);
void rcr_http_close(rcr_http *http);

typedef struct rcr_http_reply {
    long code;  /* HTTP status of the last try */
    char *body; /* [length], and a NUL; never NULL; unpacked, the key blotted out with '*' */
    size_t length;
    int tries;
} rcr_http_reply;
void rcr_http_reply_free(rcr_http_reply *reply);

/* Looks at the body of an answer with status 200.  RCR_ERR_PARSE makes it count as broken: it is asked for again. */
typedef rcr_status (*rcr_http_check)(void *context, const char *body, size_t length, rcr_error *err);

/* Ask for a URL.  Connections that fail or break, bodies that are short or do not pass `check` (may be NULL), and the
 * statuses 408, 425, 429 and 5xx (but 501 and 505) are tried again; what stays like that, and every other status than
 * 200, is given back as it is for the caller to explain.  Redirections (at most 5) lead to http and https only and
 * never from https to http.  Errors: RCR_ERR_IO (no answer; a broken answer; a certificate that can't be trusted),
 * what check said, RCR_ERR_LIMIT (an answer larger than max_bytes, a Retry-After beyond longest_wait),
 * RCR_ERR_INTERRUPTED, RCR_ERR_MEMORY. */
rcr_status rcr_http_get(rcr_http_reply *out, rcr_http *http, const char *url, rcr_http_check check, void *check_context,
                        rcr_error *err);

/* Wait, looking for a stop.  Errors: RCR_ERR_INTERRUPTED. */
rcr_status rcr_http_wait(rcr_http *http, double seconds, rcr_error *err);

/* Append the URL that `relative` (or absolute) means on the page `base`, in its normal form without a fragment.
 * Errors: RCR_ERR_DATA. */
rcr_status rcr_http_resolve(rcr_text *out, rcr_http *http, const char *base, const char *relative, rcr_error *err);

#endif
