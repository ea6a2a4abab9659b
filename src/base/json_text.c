#include "base/json_text.h"

#include <math.h>

/* The length of the UTF-8 sequence at p: 1 to 4; 0 when it is none (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *p) {
    if (p[0] < 0x80) return 1;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf   ? 2
               : p[0] >= 0xe0 && p[0] <= 0xef ? 3
               : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                              : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))) return 0;
    if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))) return 0;
    return n;
}

void rcr_json_string(rcr_text *out, const char *text) {
    static const char hex[] = "0123456789abcdef", names[] = "btnvfr";
    rcr_text_puts(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0';) {
        size_t n = utf8_length(p);
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
