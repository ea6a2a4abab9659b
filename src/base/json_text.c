#include "base/json_text.h"

#include <math.h>

#include "base/format.h"
#include "base/status.h"

int rcr_is_utf8(const char *text) {
    for (const char *p = text; *p != '\0';) {
        size_t n = rcr_utf8_length(p);
        if (n == 0) return 0;
        p += n;
    }
    return 1;
}

void rcr_text_utf8(rcr_text *out, const char *text) {
    rcr_text_puts(out, "");
    for (const char *p = text; *p != '\0';) {
        size_t n = rcr_utf8_length(p);
        if (n == 0)
            rcr_text_puts(out, "\xef\xbf\xbd");
        else
            rcr_text_append(out, p, n);
        p += n == 0 ? 1 : n;
    }
}

rcr_status rcr_check_utf8(const char *what, const char *text, rcr_error *err) {
    if (rcr_is_utf8(text)) return RCR_OK;
    rcr_text shown = {0};
    rcr_text_utf8(&shown, text);
    rcr_status status = shown.failed ? rcr_fail_memory(err, "checking a text")
                                     : rcr_fail(err, RCR_ERR_ARGUMENT,
                                                "the %s, \"%.200s\", is not UTF-8, which files of models and runs are: "
                                                "change it",
                                                what, shown.data);
    rcr_text_free(&shown);
    return status;
}

void rcr_json_string(rcr_text *out, const char *text) {
    static const char hex[] = "0123456789abcdef", names[] = "btnvfr";
    rcr_text_puts(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        size_t n = rcr_utf8_length((const char *)p);
        if (n == 0) {
            rcr_text_puts(out, "\xef\xbf\xbd");
        } else if (*p == '"' || *p == '\\') {
            const char escaped[] = {'\\', (char)*p};
            rcr_text_append(out, escaped, 2);
        } else if (*p >= '\b' && *p <= '\r' && *p != '\v') {
            const char escaped[] = {'\\', names[*p - '\b']};
            rcr_text_append(out, escaped, 2);
        } else if (*p < 0x20) {
            const char escaped[] = {'\\', 'u', '0', '0', hex[*p >> 4], hex[*p & 15]};
            rcr_text_append(out, escaped, 6);
        } else {
            rcr_text_append(out, (const char *)p, n);
        }
        p += n == 0 ? 1 : n;
    }
    rcr_text_puts(out, "\"");
}

void rcr_json_number(rcr_text *out, double value) {
    char number[32];
    rcr_text_puts(out, isfinite(value) ? rcr_format_double(number, value) : "null");
}
