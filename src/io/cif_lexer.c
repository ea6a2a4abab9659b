#include "io/cif_lexer.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Control characters count as blanks: they occur in real files, and nothing else sensible can be done with them. */
static int is_blank(char c) { return (unsigned char)c <= ' '; }
static int is_line_end(char c) { return c == '\n' || c == '\r'; }

void rcr_cif_lexer_start(rcr_cif_lexer *lexer, const char *text, size_t length) {
    *lexer = (rcr_cif_lexer){.begin = text, .p = text, .end = text + length, .counted = text, .line = 1};
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) lexer->p += 3;
    static const char magic[] = "#\\#CIF_2.0";
    lexer->cif2 = (size_t)(lexer->end - lexer->p) >= sizeof magic - 1 && memcmp(lexer->p, magic, sizeof magic - 1) == 0;
}

long rcr_cif_line_ends(const rcr_cif_lexer *lexer, const char *from, const char *to) {
    long n = 0;
    for (const char *p = from; p < to; p++)
        if (*p == '\n' || (*p == '\r' && !(p + 1 < lexer->end && p[1] == '\n'))) n++;
    return n;
}

long rcr_cif_line(rcr_cif_lexer *lexer, const char *at) {
    if (at == NULL) return 1;
    if (at >= lexer->counted)
        lexer->line += rcr_cif_line_ends(lexer, lexer->counted, at);
    else
        lexer->line -= rcr_cif_line_ends(lexer, at, lexer->counted);
    lexer->counted = at;
    return lexer->line;
}

/* ;...; from a semicolon that begins a line to the next one. */
static rcr_cif_token text_block(rcr_cif_lexer *lexer) {
    const char *start = lexer->p + 1, *p = start;
    for (;;) {
        p = p < lexer->end ? memchr(p, ';', (size_t)(lexer->end - p)) : NULL;
        if (p == NULL) {
            lexer->unclosed = lexer->p;
            lexer->p = lexer->end;
            return (rcr_cif_token){RCR_CIF_QUOTED, start, (size_t)(lexer->end - start)};
        }
        if (is_line_end(p[-1])) break;
        p++;
    }
    lexer->p = p + 1;
    const char *stop = p > start ? p - 1 : p;
    if (stop > start && stop[-1] == '\r' && *stop == '\n') stop--;
    return (rcr_cif_token){RCR_CIF_QUOTED, start, (size_t)(stop - start)};
}

/* The first place from p on where the quote stands three times; NULL when there is none. */
static const char *find_triple(const char *p, const char *end, char quote) {
    while (end - p >= 3) {
        p = memchr(p, quote, (size_t)(end - p - 2));
        if (p == NULL) return NULL;
        if (p[1] == quote && p[2] == quote) return p;
        p++;
    }
    return NULL;
}

/* '...' and "...": the closing quote is one that a blank follows, so that 'a dog's life' is one value.  A quote that
 * nothing closes takes the rest of the line.  CIF 2's triple quotes may span lines. */
static rcr_cif_token quoted(rcr_cif_lexer *lexer) {
    const char *start = lexer->p + 1, *end = lexer->end;
    char quote = *lexer->p;
    int *no_triple = &lexer->no_triple[quote == '"'];
    if (end - lexer->p >= 6 && start[0] == quote && start[1] == quote && !*no_triple) {
        const char *close = find_triple(start + 2, end, quote);
        if (close != NULL) {
            lexer->p = close + 3;
            return (rcr_cif_token){RCR_CIF_QUOTED, start + 2, (size_t)(close - start - 2)};
        }
        *no_triple = 1;
    }
    const char *p = start;
    for (; p < end && !is_line_end(*p); p++) {
        if (*p == quote && (p + 1 == end || is_blank(p[1]))) {
            lexer->p = p + 1;
            return (rcr_cif_token){RCR_CIF_QUOTED, start, (size_t)(p - start)};
        }
    }
    lexer->p = p;
    while (p > start && is_blank(p[-1])) p--;
    return (rcr_cif_token){RCR_CIF_QUOTED, start, (size_t)(p - start)};
}

/* CIF 2's [list] or {table}, nested, as one token; quotes inside hide brackets. */
static rcr_cif_token bracketed(rcr_cif_lexer *lexer) {
    const char *start = lexer->p;
    long depth = 0;
    while (lexer->p < lexer->end) {
        char c = *lexer->p;
        if ((c == '\'' || c == '"') && lexer->p > start && (is_blank(lexer->p[-1]) || strchr("[{:", lexer->p[-1]))) {
            const char *close = memchr(lexer->p + 1, c, (size_t)(lexer->end - lexer->p - 1));
            lexer->p = close != NULL ? close + 1 : lexer->end;
            continue;
        }
        if (c == '[' || c == '{') depth++;
        if (c == ']' || c == '}') depth--;
        lexer->p++;
        if (depth == 0) break;
    }
    return (rcr_cif_token){RCR_CIF_BARE, start, (size_t)(lexer->p - start)};
}

static rcr_cif_token bare(rcr_cif_lexer *lexer) {
    const char *start = lexer->p, *p = start, *end = lexer->end;
    while (p < end && !is_blank(*p)) p++;
    lexer->p = p;
    size_t length = (size_t)(p - start);
    rcr_cif_token token = {RCR_CIF_BARE, start, length};
    if (*start == '_') {
        token.kind = RCR_CIF_TAG;
    } else if (length >= 5 && start[4] == '_') {
        if (rcr_equals_ignore_case(start, 5, "data_")) {
            token = (rcr_cif_token){RCR_CIF_DATA, start + 5, length - 5};
        } else if (length == 5 && rcr_equals_ignore_case(start, 5, "loop_")) {
            token.kind = RCR_CIF_LOOP;
        } else if (rcr_equals_ignore_case(start, 5, "save_") || rcr_equals_ignore_case(start, length, "stop_")) {
            token.kind = RCR_CIF_OTHER;
        }
    } else if (length == 7 && rcr_equals_ignore_case(start, 7, "global_")) {
        token.kind = RCR_CIF_OTHER;
    }
    return token;
}

rcr_cif_token rcr_cif_next(rcr_cif_lexer *lexer) {
    const char *p = lexer->p, *end = lexer->end;
    for (;;) {
        while (p < end && is_blank(*p)) p++;
        if (p == end || *p != '#') break;
        while (p < end && !is_line_end(*p)) p++;
    }
    lexer->p = p;
    if (p == end) return (rcr_cif_token){RCR_CIF_END, p, 0};
    switch (*p) {
    case ';':
        if (p == lexer->begin || is_line_end(p[-1])) return text_block(lexer);
        break;
    case '\'':
    case '"': return quoted(lexer);
    case '[':
    case '{':
        if (lexer->cif2) return bracketed(lexer);
        break;
    default: break;
    }
    return bare(lexer);
}

int rcr_cif_number(double *out, const char *text, size_t length) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *p = text, *end = text + length;
    int negative = 0, n_digits = 0, n_decimals = 0;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    uint64_t mantissa = 0;
    for (; p < end && rcr_is_digit((unsigned char)*p); p++, n_digits++) mantissa = 10 * mantissa + (uint64_t)(*p - '0');
    if (p < end && *p == '.') {
        for (p++; p < end && rcr_is_digit((unsigned char)*p); p++, n_digits++, n_decimals++)
            mantissa = 10 * mantissa + (uint64_t)(*p - '0');
    }
    if (n_digits == 0) return 0;
    if (p < end && *p == '(') {
        /* The uncertainty: digits to the end, the closing parenthesis sometimes missing. */
        const char *q = p + 1;
        while (q < end && (rcr_is_digit((unsigned char)*q) || *q == '.')) q++;
        if (q < end && *q == ')') q++;
        if (q != end) return 0;
        end = p;
    }
    /* A mantissa below 2^53 and a power of ten up to 10^22 are exact, so one division rounds once (Clinger 1990). */
    if (p == end && n_digits <= 18 && mantissa < (uint64_t)1 << 53 && n_decimals <= 22) {
        double value = (double)mantissa / power[n_decimals];
        *out = negative ? -value : value;
        return 1;
    }
    double value;
    if (!rcr_parse_double(&value, text, (size_t)(end - text)) || !isfinite(value)) return 0;
    *out = value;
    return 1;
}
