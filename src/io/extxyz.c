#include "io/extxyz.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/transform.h"

/* Limits, stated in the errors that they cause. */
#define MAX_SITES 10000000
#define MAX_COLUMNS 4096

typedef struct view {
    const char *text;
    size_t length;
} view;

/* Lines of a text, numbered. */
typedef struct lines {
    const char *p, *end;
    long number;   /* of the line that next_line gave last */
    char line_end; /* LF, before which a CR may stand; or CR */
} lines;

static int next_line(view *line, lines *in) {
    if (in->p == in->end) return 0;
    const char *stop = memchr(in->p, in->line_end, (size_t)(in->end - in->p));
    size_t length = (size_t)((stop != NULL ? stop : in->end) - in->p);
    *line = (view){in->p, length > 0 && in->p[length - 1] == '\r' ? length - 1 : length};
    in->p = stop != NULL ? stop + 1 : in->end;
    in->number++;
    return 1;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static int is_blank_line(const view *line) {
    for (size_t i = 0; i < line->length; i++)
        if (!is_blank(line->text[i])) return 0;
    return 1;
}

/* The next word of a line; its length is 0 at the end. */
static view next_word(const char **p, const char *end) {
    while (*p < end && is_blank(**p)) (*p)++;
    const char *start = *p;
    while (*p < end && !is_blank(**p)) (*p)++;
    return (view){start, (size_t)(*p - start)};
}

/* ---- key=value */

/* For each kind of bracket the last one that is never closed; NULL: none is known.  Without it every bracket that is
 * open would be followed to the end of the line anew. */
typedef struct unclosed {
    const char *last[2];
} unclosed;

/* The last `open` of start .. end that has no partner; there is one. */
static const char *last_unclosed(const char *start, const char *end, char open, char close) {
    size_t closing = 0;
    const char *q = end - 1;
    for (; q > start; q--) {
        if (*q == close) closing++;
        if (*q != open) continue;
        if (closing == 0) break;
        closing--;
    }
    return q;
}

/* A value in brackets, which begins at *p.  0: they do not close. */
static int next_bracketed(view *value, const char **p, const char *end, unclosed *known) {
    const char *start = *p;
    char open = *start, close = open == '{' ? '}' : ']';
    const char **last = &known->last[open == '['];
    if (*last != NULL && start <= *last) return 0;
    size_t depth = 0;
    for (const char *q = start; q < end; q++) {
        depth += *q == open;
        depth -= *q == close;
        if (depth > 0) continue;
        *p = q + 1;
        *value = (view){start + 1, (size_t)(q - start - 1)};
        return 1;
    }
    *last = last_unclosed(start, end, open, close);
    return 0;
}

/* A key or value: quoted, bracketed, or up to a blank or (keys) the equals sign. */
static view next_item(const char **p, const char *end, int is_key, unclosed *known) {
    const char *start = *p;
    char open = start < end ? *start : 0;
    if (open == '"' || open == '\'') {
        const char *q = start + 1;
        while (q < end && *q != open) q += *q == '\\' && q + 1 < end ? 2 : 1;
        *p = q < end ? q + 1 : end;
        return (view){start + 1, (size_t)(q - start - 1)};
    }
    view value;
    if (!is_key && (open == '{' || open == '[') && next_bracketed(&value, p, end, known)) return value;
    while (*p < end && !is_blank(**p) && !(is_key && **p == '=')) (*p)++;
    return (view){start, (size_t)(*p - start)};
}

/* What the format itself takes of a frame's keys. */
enum { KEY_LATTICE, KEY_PROPERTIES, KEY_PBC, N_KEYS };
static const char *const key_name[N_KEYS] = {"Lattice", "Properties", "pbc"};

typedef struct header {
    view key[N_KEYS], value[N_KEYS]; /* .text NULL: absent */
    int exact[N_KEYS];               /* the key is spelled as the format has it */
} header;

/* The first key of the exact spelling counts; the first of another one where there is none: programs write any names of
 * their own beside it, such as "lattice". */
static void take_key(header *out, const view *key, const view *value) {
    for (int k = 0; k < N_KEYS; k++) {
        if (!rcr_equals_ignore_case(key->text, key->length, key_name[k])) continue;
        int exact = memcmp(key->text, key_name[k], key->length) == 0;
        if (out->key[k].text != NULL && (out->exact[k] || !exact)) continue;
        out->key[k] = *key;
        out->value[k] = *value;
        out->exact[k] = exact;
    }
}

/* Whether a key with its equals sign begins at p, where the value of the key before it might. */
static int begins_key(const char *p, const char *end) {
    unclosed known = {{NULL, NULL}};
    if (p == end || *p == '{' || *p == '[') return 0;
    size_t length = next_item(&p, end, 1, &known).length;
    while (p < end && is_blank(*p)) p++;
    return length > 0 && p < end && *p == '=';
}

/* What stands behind an equals sign.  Behind blanks, a word that is a key itself is none: the value is empty. */
static view next_value(const char **p, const char *end, unclosed *known) {
    const char *start = *p;
    while (*p < end && is_blank(**p)) (*p)++;
    if (*p > start && begins_key(*p, end)) return (view){start, 0};
    return next_item(p, end, 0, known);
}

static void read_header(header *out, rcr_extxyz_info *infos, size_t max_infos, size_t *n_infos, const view *line) {
    const char *p = line->text, *end = line->text + line->length;
    unclosed known = {{NULL, NULL}};
    size_t n = 0;
    memset(out, 0, sizeof *out);
    for (;;) {
        while (p < end && is_blank(*p)) p++;
        if (p == end) break;
        view key = next_item(&p, end, 1, &known), value = {"T", 1}; /* a key alone is a flag */
        while (p < end && is_blank(*p)) p++;
        if (p < end && *p == '=') {
            p++;
            value = next_value(&p, end, &known);
        }
        take_key(out, &key, &value);
        if (infos != NULL && n < max_infos)
            infos[n] = (rcr_extxyz_info){key.text, key.length, value.text, value.length, 0};
        n++;
    }
    if (n_infos != NULL) *n_infos = n;
    for (size_t i = 0; infos != NULL && i < n && i < max_infos; i++)
        for (int k = 0; k < N_KEYS; k++)
            if (infos[i].key == out->key[k].text || (infos[i].key_length == strlen(key_name[k]) &&
                                                     memcmp(infos[i].key, key_name[k], infos[i].key_length) == 0))
                infos[i].own = 1;
}

/* Nine numbers, between which blanks, commas and brackets may stand. */
static int parse_lattice(double lattice[3][3], const view *value) {
    const char *p = value->text, *end = p + value->length;
    int n = 0;
    for (;;) {
        while (p < end && (is_blank(*p) || strchr(",[](){}", *p) != NULL)) p++;
        const char *start = p;
        while (p < end && !is_blank(*p) && strchr(",[](){}", *p) == NULL) p++;
        if (p == start) return n == 9;
        double number;
        if (n == 9 || !rcr_parse_double(&number, start, (size_t)(p - start)) || !isfinite(number)) return 0;
        lattice[n / 3][n % 3] = number;
        n++;
    }
}

/* Columns of an atom's line. */
typedef struct column_layout {
    int species, number, position; /* index of the first column; -1: absent */
    int n_columns;
} column_layout;

/* species:S:1:pos:R:3:... */
static int parse_properties(column_layout *out, const view *value) {
    const char *p = value->text, *end = p + value->length;
    *out = (column_layout){-1, -1, -1, 0};
    while (p < end) {
        view field[3];
        for (int i = 0; i < 3; i++) {
            const char *start = p;
            while (p < end && *p != ':') p++;
            field[i] = (view){start, (size_t)(p - start)};
            if (p < end) p++;
        }
        int64_t count;
        if (field[1].length != 1 || !rcr_parse_int64(&count, field[2].text, field[2].length) || count < 1 ||
            count > MAX_COLUMNS - out->n_columns)
            return 0;
        char kind = *field[1].text;
        if (rcr_equals_ignore_case(field[0].text, field[0].length, "species") && kind == 'S' && count == 1)
            out->species = out->n_columns;
        else if ((rcr_equals_ignore_case(field[0].text, field[0].length, "Z") ||
                  rcr_equals_ignore_case(field[0].text, field[0].length, "numbers")) &&
                 kind == 'I' && count == 1)
            out->number = out->n_columns;
        else if (rcr_equals_ignore_case(field[0].text, field[0].length, "pos") && kind == 'R' && count == 3)
            out->position = out->n_columns;
        out->n_columns += (int)count;
    }
    return out->position >= 0 && (out->species >= 0 || out->number >= 0);
}

/* The element of a symbol or a number; 0: none. */
static uint8_t parse_species(const view *word) {
    int64_t number;
    if (word->length == 1 && (*word->text == 'D' || *word->text == 'T')) return 1;
    if (rcr_parse_int64(&number, word->text, word->length))
        return number >= 1 && number <= RCR_MAX_ATOMIC_NUMBER ? (uint8_t)number : 0;
    return (uint8_t)rcr_element_from_symbol(word->text, word->length);
}

static rcr_status fail_word(rcr_error *err, rcr_status status, long line, const char *what, const view *word) {
    char shown[40];
    size_t n = word->length < sizeof shown - 1 ? word->length : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) shown[i] = word->text[i] >= ' ' && word->text[i] <= '~' ? word->text[i] : '?';
    shown[n] = '\0';
    return rcr_fail_at(err, status, "", line, "%s: '%s'", what, shown);
}

/* One atom's line; position: Cartesian. */
static rcr_status parse_atom(double position[3], uint8_t *element, const view *line, long number,
                             const column_layout *layout, rcr_error *err) {
    const char *p = line->text, *end = p + line->length;
    int last = layout->position + 2;
    if (layout->species > last) last = layout->species;
    if (layout->number > last) last = layout->number;
    *element = 0;
    for (int column = 0; column <= last; column++) {
        view word = next_word(&p, end);
        if (word.length == 0)
            return rcr_fail_at(err, RCR_ERR_PARSE, "", number, "this atom's line has %d columns, not %d", column,
                               layout->n_columns);
        int axis = column - layout->position;
        if (column == layout->species || (column == layout->number && layout->species < 0)) {
            *element = parse_species(&word);
            if (*element == 0) return fail_word(err, RCR_ERR_UNSUPPORTED, number, "this is no chemical element", &word);
        } else if (axis >= 0 && axis < 3 &&
                   (!rcr_parse_double(&position[axis], word.text, word.length) || !isfinite(position[axis]))) {
            return fail_word(err, RCR_ERR_PARSE, number, "a coordinate is not a number", &word);
        }
    }
    return RCR_OK;
}

/* ---- frames */

static rcr_status check_periodic(const header *head, long line, rcr_error *err) {
    const view *pbc = &head->value[KEY_PBC];
    if (head->key[KEY_LATTICE].text == NULL)
        return rcr_fail_at(err, RCR_ERR_DATA, "", line,
                           "the frame has no Lattice=\"...\", so it is not periodic and no crystal");
    if (pbc->length > 0 && (memchr(pbc->text, 'F', pbc->length) != NULL ||
                            memchr(pbc->text, 'f', pbc->length) != NULL || memchr(pbc->text, '0', pbc->length) != NULL))
        return fail_word(err, RCR_ERR_DATA, line, "pbc says that the frame is not periodic in all three directions",
                         pbc);
    return RCR_OK;
}

static rcr_status parse_frame(rcr_crystal **out, const char *id, const header *head, const view *atoms, size_t n,
                              char line_end, long line, rcr_error *err) {
    column_layout layout = {0, -1, 1, 4};
    double lattice[3][3], inverse[3][3];
    const view *cell = &head->value[KEY_LATTICE], *properties = &head->value[KEY_PROPERTIES];
    rcr_status status = check_periodic(head, line, err);
    if (status != RCR_OK) return status;
    if (!parse_lattice(lattice, cell)) return fail_word(err, RCR_ERR_PARSE, line, "Lattice is not nine numbers", cell);
    if (!rcr_lattice_invert(inverse, (const double(*)[3])lattice))
        return fail_word(err, RCR_ERR_DATA, line, "the lattice has no volume", cell);
    if (head->key[KEY_PROPERTIES].text != NULL && !parse_properties(&layout, properties))
        return fail_word(err, RCR_ERR_PARSE, line, "Properties lacks species:S:1 or pos:R:3, or is malformed",
                         properties);
    rcr_crystal *crystal;
    if ((status = rcr_crystal_create(&crystal, id, (int32_t)n, err)) != RCR_OK) return status;
    memcpy(crystal->lattice, lattice, sizeof lattice);
    lines in = {atoms->text, atoms->text + atoms->length, line, line_end};
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        view text = {NULL, 0};
        double r[3];
        next_line(&text, &in);
        status = parse_atom(r, &crystal->atomic_number[i], &text, in.number, &layout, err);
        for (int j = 0; j < 3 && status == RCR_OK; j++)
            crystal->frac[i][j] = r[0] * inverse[0][j] + r[1] * inverse[1][j] + r[2] * inverse[2][j];
    }
    if (status == RCR_OK && (status = rcr_crystal_check(crystal, err)) != RCR_OK && err != NULL) err->line = line;
    if (status != RCR_OK) {
        rcr_crystal_free(crystal);
        return status;
    }
    *out = crystal;
    return RCR_OK;
}

char rcr_extxyz_line_end(const char *text, size_t length) {
    const char *p = text, *end = text + length;
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) p += 3;
    while (p < end && rcr_is_space((unsigned char)*p)) p++;
    while (p < end && *p != '\n' && *p != '\r') p++;
    if (p == end || *p == '\n') return '\n';
    while (p < end && *p == '\r') p++;
    return p < end && *p == '\n' ? '\n' : '\r';
}

rcr_status rcr_extxyz_parse(rcr_crystal **out, rcr_extxyz_info *infos, size_t max_infos, size_t *n_infos,
                            size_t *consumed, const char *id, const char *text, size_t length, long line,
                            rcr_error *err) {
    lines in = {text, text + length, line - 1, rcr_extxyz_line_end(text, length)};
    view first = {text, 0}, second;
    if (n_infos != NULL) *n_infos = 0;
    if (consumed != NULL) *consumed = 0;
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) in.p += 3;
    do {
        if (!next_line(&first, &in)) return rcr_fail_at(err, RCR_ERR_DATA, "", line, "no frame: the text ends here");
    } while (is_blank_line(&first));
    const char *p = first.text;
    view word = next_word(&p, first.text + first.length);
    int64_t n;
    if (!rcr_parse_int64(&n, word.text, word.length) || n < 0 || next_word(&p, first.text + first.length).length != 0)
        return fail_word(err, RCR_ERR_PARSE, in.number, "a frame must begin with its number of atoms, not with",
                         &first);
    if (n > MAX_SITES)
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", in.number, "the frame has more than %d atoms", MAX_SITES);
    if (!next_line(&second, &in))
        return rcr_fail_at(err, RCR_ERR_PARSE, "", in.number, "the frame ends after its number of atoms");
    header head;
    long header_line = in.number;
    read_header(&head, infos, max_infos, n_infos, &second);
    view atoms = {in.p, 0}, skipped;
    for (int64_t i = 0; i < n; i++)
        if (!next_line(&skipped, &in))
            return rcr_fail_at(err, RCR_ERR_PARSE, "", in.number,
                               "the frame has %lld of %lld atoms, then the text ends", (long long)i, (long long)n);
    atoms.length = (size_t)(in.p - atoms.text);
    /* Blank lines after the frame belong to it, so that nothing is left when the last one is read. */
    for (lines ahead = in; next_line(&skipped, &ahead) && is_blank_line(&skipped);) in = ahead;
    if (consumed != NULL) *consumed = (size_t)(in.p - text);
    return parse_frame(out, id, &head, &atoms, (size_t)n, in.line_end, header_line, err);
}

rcr_status rcr_extxyz_parse_all(rcr_crystal **out, rcr_extxyz_info **infos, size_t *n_infos, size_t *consumed,
                                const char *id, const char *text, size_t length, long line, rcr_error *err) {
    size_t room = 256, n = 0;
    *infos = NULL;
    *n_infos = 0;
    for (;;) {
        rcr_crystal *crystal = NULL;
        rcr_extxyz_info *made = rcr_malloc(room, sizeof *made);
        if (made == NULL) return rcr_fail_memory(err, "reading a structure");
        rcr_status status = rcr_extxyz_parse(&crystal, made, room, &n, consumed, id, text, length, line, err);
        if (n <= room) {
            *infos = made;
            *n_infos = n;
            if (status == RCR_OK) *out = crystal;
            return status;
        }
        rcr_crystal_free(crystal);
        rcr_free(made);
        room = n;
    }
}

const rcr_extxyz_info *rcr_extxyz_find_id(const rcr_extxyz_info *infos, size_t n) {
    static const char *const keys[] = {"id", "material_id", "name"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (size_t i = 0; i < n; i++)
            if (infos[i].key_length == strlen(keys[k]) && memcmp(infos[i].key, keys[k], infos[i].key_length) == 0 &&
                infos[i].value_length > 0)
                return &infos[i];
    return NULL;
}
