#include "fetch/url.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"

static int is_unreserved(unsigned char c) {
    return rcr_is_alpha(c) || rcr_is_digit(c) || (c != '\0' && strchr("-._~", c));
}

void rcr_url_escape(rcr_text *out, const char *text, const char *keep) {
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (is_unreserved(*p) || strchr(keep, *p) != NULL)
            rcr_text_append(out, (const char *)p, 1);
        else
            rcr_text_printf(out, "%%%02X", *p);
    }
}

void rcr_url_parameter(rcr_text *url, const char *name, const char *value) {
    rcr_text_puts(url, url->data != NULL && strchr(url->data, '?') != NULL ? "&" : "?");
    rcr_url_escape(url, name, "");
    rcr_text_puts(url, "=");
    /* A comma parts the items of a list; servers and people read it better as it is. */
    rcr_url_escape(url, value, ",");
}

static int hex_digit(char c) {
    if (rcr_is_digit((unsigned char)c)) return c - '0';
    int low = rcr_ascii_lower((unsigned char)c);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

void rcr_url_unescape(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        int high = from[0] == '%' ? hex_digit(from[1]) : -1, low = high >= 0 ? hex_digit(from[2]) : -1;
        if (low >= 0 && 16 * high + low != 0) {
            *to++ = (char)(16 * high + low);
            from += 2;
        } else {
            *to++ = *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
}

rcr_status rcr_url_parameters(rcr_text *url, const char *query, rcr_error *err) {
    for (const char *p = query; *p != '\0';) {
        size_t length = strcspn(p, "&");
        if (length == 0) {
            p++;
            continue;
        }
        char *pair = rcr_strndup(p, length);
        if (pair == NULL) return rcr_fail_memory(err, "making a URL");
        char *equals = strchr(pair, '=');
        if (equals == NULL || equals == pair) {
            rcr_status status = rcr_fail(err, RCR_ERR_ARGUMENT, "'%s' is not name=value", pair);
            rcr_free(pair);
            return status;
        }
        *equals = '\0';
        rcr_url_unescape(pair);
        rcr_url_unescape(equals + 1);
        rcr_url_parameter(url, pair, equals + 1);
        rcr_free(pair);
        p += length;
        if (*p == '&') p++;
    }
    return url->failed ? rcr_fail_memory(err, "making a URL") : RCR_OK;
}

/* The part after "://", 0 characters where there is none. */
static const char *authority(const char *url, size_t *length) {
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url + strlen(url);
    *length = strcspn(start, "/?#");
    return start;
}

/* Host and port; the port "" where it is the scheme's own. */
static const char *host_of(const char *url, size_t *length, const char **port, size_t *port_length) {
    size_t n;
    const char *host = authority(url, &n);
    size_t at = n;
    while (at > 0 && rcr_is_digit((unsigned char)host[at - 1])) at--;
    *port = host + n;
    *port_length = 0;
    *length = n;
    if (at > 0 && host[at - 1] == ':' && at < n) {
        *length = at - 1;
        *port = host + at;
        *port_length = n - at;
        int own = rcr_url_is_secure(url) ? rcr_equals_ignore_case(*port, *port_length, "443")
                                         : rcr_equals_ignore_case(*port, *port_length, "80");
        if (own) *port_length = 0;
    }
    return host;
}

int rcr_url_is_secure(const char *url) { return rcr_equals_ignore_case(url, strnlen(url, 8), "https://"); }

rcr_status rcr_url_check(const char *url, rcr_error *err) {
    size_t length, port_length, host_length;
    const char *port;
    int http = rcr_equals_ignore_case(url, strnlen(url, 7), "http://");
    if (!http && !rcr_url_is_secure(url))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "'%.200s' is no URL that begins with https:// or http://", url);
    if (strlen(url) > RCR_URL_MAX)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the request would be %zu characters long; servers take about %u",
                        strlen(url), RCR_URL_MAX);
    for (const unsigned char *p = (const unsigned char *)url; *p != '\0'; p++)
        if (*p <= ' ' || *p == 0x7f || *p == '\\')
            return rcr_fail(err, RCR_ERR_ARGUMENT, "a blank, a control character or a backslash in the URL '%.200s'",
                            url);
    const char *start = authority(url, &length);
    if (memchr(start, '@', length) != NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "a URL with a user name or a password is not taken: it would be kept");
    host_of(url, &host_length, &port, &port_length);
    if (host_length == 0) return rcr_fail(err, RCR_ERR_ARGUMENT, "'%.200s' names no host", url);
    return RCR_OK;
}

int rcr_url_is_local(const char *url) {
    size_t length, port_length;
    const char *port, *host = host_of(url, &length, &port, &port_length);
    if (rcr_equals_ignore_case(host, length, "localhost") || rcr_equals_ignore_case(host, length, "[::1]")) return 1;
    if (length < 4 || memcmp(host, "127.", 4) != 0) return 0;
    for (size_t i = 0; i < length; i++)
        if (!rcr_is_digit((unsigned char)host[i]) && host[i] != '.') return 0; /* 127.example.org */
    return 1;
}

static int same_text(const char *a, size_t n, const char *b, size_t m) {
    if (n != m) return 0;
    for (size_t i = 0; i < n; i++)
        if (rcr_ascii_lower((unsigned char)a[i]) != rcr_ascii_lower((unsigned char)b[i])) return 0;
    return 1;
}

int rcr_url_same_host(const char *a, const char *b) {
    size_t n, m, pn, pm;
    const char *p, *q, *ha = host_of(a, &n, &p, &pn), *hb = host_of(b, &m, &q, &pm);
    return same_text(ha, n, hb, m) && same_text(p, pn, q, pm);
}

int rcr_url_same_origin(const char *a, const char *b) {
    return rcr_url_is_secure(a) == rcr_url_is_secure(b) && rcr_url_same_host(a, b);
}
