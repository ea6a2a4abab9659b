#include "io/lines.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "crystal/element.h"

rcr_lines rcr_lines_start(const char *text, size_t length) {
    rcr_lines in = {text, text + length, 0};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) in.p += 3;
    return in;
}

int rcr_next_line(rcr_word *line, rcr_lines *in) {
    if (in->p == in->end) return 0;
    const char *p = in->p;
    while (p < in->end && *p != '\n' && *p != '\r') p++;
    *line = (rcr_word){in->p, (size_t)(p - in->p)};
    if (p < in->end && *p == '\r') p++;
    if (p < in->end && *p == '\n' && (p == line->text + line->length || p[-1] == '\r')) p++;
    in->p = p;
    in->number++;
    return 1;
}

rcr_word rcr_next_word(rcr_word *rest) {
    const char *p = rest->text, *end = p + rest->length;
    while (p < end && (unsigned char)*p <= ' ') p++;
    rcr_word word = {p, 0};
    while (p < end && (unsigned char)*p > ' ') p++;
    word.length = (size_t)(p - word.text);
    *rest = (rcr_word){p, (size_t)(end - p)};
    return word;
}

int rcr_word_is(rcr_word word, const char *name) { return rcr_equals_ignore_case(word.text, word.length, name); }

int rcr_next_numbers(double *out, int n, rcr_word *rest) {
    const char *p = rest->text, *end = p + rest->length;
    int i = 0;
    for (; i < n; i++) {
        const char *start = p;
        while (start < end && ((unsigned char)*start <= ' ' || (*start == ',' && i > 0))) start++;
        const char *stop = start;
        while (stop < end && (unsigned char)*stop > ' ' && *stop != ',') stop++;
        double value;
        if (stop == start || !rcr_parse_double(&value, start, (size_t)(stop - start)) || !isfinite(value)) break;
        out[i] = value;
        p = stop;
    }
    *rest = (rcr_word){p, (size_t)(end - p)};
    return i;
}

rcr_status rcr_fail_word(rcr_error *err, rcr_status status, long line, const char *what, rcr_word word) {
    char shown[40];
    size_t n = word.length < sizeof shown - 1 ? word.length : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) shown[i] = word.text[i] >= ' ' && word.text[i] <= '~' ? word.text[i] : '?';
    shown[n] = '\0';
    return rcr_fail_at(err, status, "", line, "%s: '%s'", what, shown);
}

int rcr_element_of_word(size_t *used, rcr_word word) {
    *used = 0;
    for (size_t n = 2; n > 0; n--) {
        if (word.length < n) continue;
        int z = rcr_element_from_symbol(word.text, n);
        if (z == 0 && n == 1 && (*word.text == 'D' || *word.text == 'T')) z = 1;
        if (z == 0) continue;
        *used = n;
        return z;
    }
    return 0;
}
