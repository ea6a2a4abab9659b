#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int rcr_ascii_lower(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
int rcr_looks_like_utf16(const char *text, size_t length) {
    return length >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0);
}

int rcr_is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
int rcr_is_digit(int c) { return c >= '0' && c <= '9'; }
int rcr_is_alpha(int c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int rcr_equals_ignore_case(const char *text, size_t length, const char *word) {
    for (size_t i = 0; i < length; i++)
        if (word[i] == '\0' || rcr_ascii_lower((unsigned char)text[i]) != rcr_ascii_lower((unsigned char)word[i]))
            return 0;
    return word[length] == '\0';
}

int rcr_ends_with(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && rcr_equals_ignore_case(text + n - m, m, suffix);
}

int rcr_parse_int64(int64_t *out, const char *text, size_t length) {
    size_t i = 0;
    int negative = 0;
    if (i < length && (text[i] == '+' || text[i] == '-')) negative = text[i++] == '-';
    if (i == length) return 0;
    const uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    for (; i < length; i++) {
        if (!rcr_is_digit((unsigned char)text[i])) return 0;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (limit - digit) / 10) return 0;
        value = 10 * value + digit;
    }
    *out = negative ? (value == limit ? INT64_MIN : -(int64_t)value) : (int64_t)value;
    return 1;
}

/* The printf functions write the point of the host's locale; everything in a number that is neither digit, sign nor e
 * is that point. */
static int reads_back(char *buffer, int precision, double value) {
    char raw[64];
    snprintf(raw, sizeof raw, "%.*g", precision, value);
    size_t n = 0;
    for (const char *c = raw; *c != '\0' && n < 31; c++) {
        if (rcr_is_digit((unsigned char)*c) || *c == '-' || *c == '+' || *c == 'e')
            buffer[n++] = *c;
        else if (n == 0 || buffer[n - 1] != '.')
            buffer[n++] = '.';
    }
    buffer[n] = '\0';
    double back;
    return rcr_parse_double(&back, buffer, n) && back == value;
}

char *rcr_format_double(char *buffer, double value) {
    if (isnan(value)) return strcpy(buffer, "nan");
    if (isinf(value)) return strcpy(buffer, value > 0 ? "inf" : "-inf");
    /* Every decimal of 15 digits in the normal range survives the way through a double, so %.15g finds all shorter
     * ones; subnormal numbers hold fewer digits. */
    int precision = fabs(value) < 2.3e-308 ? 1 : 15;
    while (precision < 17 && !reads_back(buffer, precision, value)) precision++;
    if (precision == 17) reads_back(buffer, 17, value);
    return buffer;
}

char *rcr_format_float(char *buffer, float value) {
    if (isnan(value)) return strcpy(buffer, "nan");
    if (isinf(value)) return strcpy(buffer, value > 0 ? "inf" : "-inf");
    /* Six digits survive the way through a float, nine are always enough. */
    for (int precision = fabsf(value) < 1.2e-38f ? 1 : 6;; precision++) {
        double back = 0;
        reads_back(buffer, precision, (double)value);
        if (precision == 9 || (rcr_parse_double(&back, buffer, strlen(buffer)) && (float)back == value)) return buffer;
    }
}

void rcr_text_append(rcr_text *text, const char *data, size_t length) {
    if (text->failed) return;
    if (length > SIZE_MAX / 4 || text->length > SIZE_MAX / 4) {
        text->failed = 1;
        return;
    }
    size_t need = text->length + length + 1;
    if (need > text->capacity) {
        size_t capacity = text->capacity > 0 ? text->capacity : 64;
        while (capacity < need) capacity *= 2;
        char *grown = rcr_realloc(text->data, capacity, 1);
        if (grown == NULL) {
            text->failed = 1;
            return;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    if (length > 0) memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void rcr_text_puts(rcr_text *text, const char *data) { rcr_text_append(text, data, strlen(data)); }

void rcr_text_float32(rcr_text *text, float value) {
    uint32_t bits;
    char bytes[4];
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++) bytes[i] = (char)(bits >> (8 * i) & 0xff);
    rcr_text_append(text, bytes, sizeof bytes);
}

void rcr_text_printf(rcr_text *text, const char *format, ...) {
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) {
        text->failed = 1;
    } else if ((size_t)n < sizeof small) {
        rcr_text_append(text, small, (size_t)n);
    } else {
        char *large = rcr_malloc((size_t)n + 1, 1);
        if (large == NULL) {
            text->failed = 1;
            return;
        }
        va_start(args, format);
        vsnprintf(large, (size_t)n + 1, format, args);
        va_end(args);
        rcr_text_append(text, large, (size_t)n);
        rcr_free(large);
    }
}

void rcr_text_free(rcr_text *text) {
    rcr_free(text->data);
    *text = (rcr_text){0};
}
