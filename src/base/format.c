#include "base/format.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* ---------------------------------------------------------------- characters */

/* How long a sequence is that begins with this byte; 0: none does (Unicode 15, table 3-7). */
static size_t length_by_lead(unsigned char lead) {
    return lead < 0x80                    ? 1
           : lead >= 0xc2 && lead <= 0xdf ? 2
           : lead >= 0xe0 && lead <= 0xef ? 3
           : lead >= 0xf0 && lead <= 0xf4 ? 4
                                          : 0;
}

size_t rcr_utf8_length(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    size_t n = length_by_lead(p[0]);
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (n == 3 && ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))) return 0;
    if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))) return 0;
    return n;
}

size_t rcr_whole_characters(const char *text, size_t length) {
    size_t begin = length, most = length < 4 ? length : 4;
    for (size_t back = 1; back <= most; back++) {
        unsigned char c = (unsigned char)text[length - back];
        if ((c & 0xc0) == 0x80) continue;
        if (length_by_lead(c) > back) begin = length - back;
        break;
    }
    return begin;
}

int rcr_shown(const char *text, size_t length, size_t most) {
    return (int)(length <= most ? length : rcr_whole_characters(text, most));
}

/* ---------------------------------------------------------------- formats */

/* One conversion, "%-8.3lld", taken apart. */
typedef struct conversion {
    char spec[24];    /* all of it */
    size_t n_before;  /* of the spec: "%", flags and width */
    int stars;        /* how many of width and precision are arguments */
    size_t precision; /* SIZE_MAX: none is written out */
    int size;         /* 'h' (also hh), 'l', 'q' (ll), 'z', 'j', 't' or 0 */
    char letter;
} conversion;

/* Read the conversion that `at` begins with; gives its length, 0 where it is not of those that are known. */
static size_t read_conversion(conversion *c, const char *at) {
    *c = (conversion){.precision = SIZE_MAX};
    const char *p = at + 1;
    while (*p != '\0' && strchr("-+ #0", *p) != NULL) p++;
    for (; rcr_is_digit((unsigned char)*p) || *p == '*'; p++) c->stars += *p == '*';
    c->n_before = (size_t)(p - at);
    if (*p == '.') {
        p++;
        if (*p == '*') {
            c->stars++;
            p++;
        } else {
            for (c->precision = 0; rcr_is_digit((unsigned char)*p) && c->precision < 100000; p++)
                c->precision = 10 * c->precision + (size_t)(*p - '0');
        }
    }
    for (; *p != '\0' && strchr("hlzjt", *p) != NULL; p++) c->size = *p == 'l' && c->size == 'l' ? 'q' : *p;
    c->letter = *p;
    size_t length = (size_t)(p - at) + 1;
    if (c->letter == '\0' || strchr("sdicuxXofFeEgGp", c->letter) == NULL || c->stars > 1) return 0;
    if (length >= sizeof c->spec) return 0;
    memcpy(c->spec, at, length);
    return length;
}

/* A string of which the precision shows a part, or all of it. */
static int put_string(char *to, size_t size, conversion *c, const char *text) {
    if (c->precision == SIZE_MAX) return snprintf(to, size, c->spec, text);
    size_t n = strnlen(text, c->precision);
    if (n == c->precision) n = rcr_whole_characters(text, n);
    memcpy(c->spec + c->n_before, ".*s", 4);
    return snprintf(to, size, c->spec, (int)n, text);
}

/* Each with and without an argument for width or precision. */
#define PUT(type)                                                                                                      \
    do {                                                                                                               \
        int star = c.stars > 0 ? va_arg(rest, int) : 0;                                                                \
        type value = va_arg(rest, type);                                                                               \
        n = c.stars > 0 ? snprintf(to + used, size - used, c.spec, star, value)                                        \
                        : snprintf(to + used, size - used, c.spec, value);                                             \
    } while (0)

void rcr_vfit(char *to, size_t size, const char *format, va_list args) {
    size_t used = 0;
    va_list rest;
    va_copy(rest, args);
    to[0] = '\0';
    while (*format != '\0' && used < size) {
        conversion c;
        size_t length = strcspn(format, "%");
        int n = (int)length;
        if (length > 0) {
            n = snprintf(to + used, size - used, "%.*s", n, format);
        } else if (format[1] == '%') {
            length = 2;
            n = snprintf(to + used, size - used, "%%");
        } else if ((length = read_conversion(&c, format)) == 0) {
            n = vsnprintf(to + used, size - used, format, rest); /* the rest as it comes */
            length = strlen(format);
        } else if (c.letter == 's' && c.stars == 0) {
            n = put_string(to + used, size - used, &c, va_arg(rest, const char *));
        } else if (c.letter == 's') {
            PUT(const char *);
        } else if (c.letter == 'p') {
            PUT(void *);
        } else if (strchr("fFeEgG", c.letter) != NULL) {
            PUT(double);
        } else if (c.size == 'l') {
            PUT(long);
        } else if (c.size == 'q') {
            PUT(long long);
        } else if (c.size == 'z') {
            PUT(size_t);
        } else if (c.size == 'j') {
            PUT(intmax_t);
        } else if (c.size == 't') {
            PUT(ptrdiff_t);
        } else {
            PUT(int);
        }
        format += length;
        used += n > 0 ? (size_t)n : 0;
    }
    va_end(rest);
    if (used >= size) to[rcr_whole_characters(to, size - 1)] = '\0';
}

void rcr_fit(char *to, size_t size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    rcr_vfit(to, size, format, args);
    va_end(args);
}
