/* Numbers and strings, independent of the host's locale. */
#ifndef RCR_BASE_TEXT_H
#define RCR_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Parse a decimal number (optional sign, digits with an optional point, optional e/E/d/D exponent) that fills
 * text[0 .. length) exactly, correctly rounded.  Also nan, inf, infinity in any case.  1 on success, 0 otherwise. */
int rcr_parse_double(double *out, const char *text, size_t length);
/* An optional sign and digits filling text exactly; 0 when it does not fit in 64 bits. */
int rcr_parse_int64(int64_t *out, const char *text, size_t length);

/* The shortest decimal text that reads back as the same double (at a few powers of two one digit more than that);
 * "nan", "inf" or "-inf" otherwise.  buffer: at least 32 bytes.  Returns buffer. */
char *rcr_format_double(char *buffer, double value);

/* The same for a single-precision value: the shortest text that reads back as the same float. */
char *rcr_format_float(char *buffer, float value);

/* A growing string.  Zero-initialise; release with rcr_text_free.  Out of memory sets `failed` and the text stays
 * valid. */
typedef struct rcr_text {
    char *data; /* NUL-terminated once anything was appended; may be NULL before */
    size_t length, capacity;
    int failed;
} rcr_text;
void rcr_text_append(rcr_text *text, const char *data, size_t length);
void rcr_text_puts(rcr_text *text, const char *data);
/* The four bytes of a single-precision number, little-endian, as the binary formats want them. */
void rcr_text_float32(rcr_text *text, float value);
void rcr_text_printf(rcr_text *text, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
void rcr_text_free(rcr_text *text);

/* ASCII only, whatever the locale. */
int rcr_ascii_lower(int c);
int rcr_is_space(int c);
/* 1 when a byte-order mark says that the text is in UTF-16. */
int rcr_looks_like_utf16(const char *text, size_t length);
int rcr_is_digit(int c);
int rcr_is_alpha(int c);
/* 1 when the first `length` characters equal the whole of word, ignoring ASCII case. */
int rcr_equals_ignore_case(const char *text, size_t length, const char *word);
/* 1 when text ends with suffix, ignoring ASCII case. */
int rcr_ends_with(const char *text, const char *suffix);

#endif
