#include "io/poscar.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "io/lines.h"

/* Limits, stated in the errors that they cause. */
#define MAX_SITES 10000000
#define MAX_KINDS 10000

/* A run of atoms of one element, as the line of counts gives them. */
typedef struct kind {
    int element; /* 0: not told by a line of symbols */
    int64_t count;
} kind;

typedef struct poscar {
    rcr_lines in;
    rcr_word comment;
    double scale[3];
    double volume; /* the cell's, where the scale factor is negative; else 0 */
    double lattice[3][3];
    kind *kind;
    size_t n_kinds, capacity;
    size_t n_symbols; /* kinds that the lines of symbols name */
    int64_t n_sites;
    int cartesian;
    size_t n_named; /* positions with a symbol behind them */
} poscar;

static rcr_status fail_end(const poscar *p, const char *expected, rcr_error *err) {
    return rcr_fail_at(err, RCR_ERR_PARSE, "", p->in.number, "the text ends here; expected %s", expected);
}

/* ---- cell */

/* The numbers of the second line: 1 or 3; 0: it is something else. */
static int read_scale(double scale[3], rcr_word line) {
    double more;
    int n = rcr_next_numbers(scale, 3, &line);
    return (n == 1 || n == 3) && rcr_next_numbers(&more, 1, &line) == 0 ? n : 0;
}

static rcr_status parse_scale(poscar *p, rcr_error *err) {
    rcr_word line;
    if (!rcr_next_line(&line, &p->in)) return fail_end(p, "the scale factor", err);
    int n = read_scale(p->scale, line);
    if (n == 0)
        return rcr_fail_word(err, RCR_ERR_PARSE, p->in.number,
                             "expected the scale factor (one number, or three) on the second line", line);
    if (n == 1) {
        if (p->scale[0] < 0) {
            p->volume = -p->scale[0];
            p->scale[0] = 1;
        }
        p->scale[1] = p->scale[2] = p->scale[0];
    }
    for (int i = 0; i < 3; i++)
        if (!(p->scale[i] > 0))
            return rcr_fail_word(err, RCR_ERR_DATA, p->in.number,
                                 n == 1 ? "the scale factor is zero" : "three scale factors must be positive", line);
    return RCR_OK;
}

static rcr_status parse_cell(poscar *p, rcr_error *err) {
    rcr_word line;
    if (!rcr_next_line(&p->comment, &p->in)) return fail_end(p, "a comment", err);
    rcr_status status = parse_scale(p, err);
    for (int i = 0; i < 3 && status == RCR_OK; i++) {
        if (!rcr_next_line(&line, &p->in)) return fail_end(p, "three lattice vectors", err);
        rcr_word rest = line;
        if (rcr_next_numbers(p->lattice[i], 3, &rest) != 3)
            status = rcr_fail_word(err, RCR_ERR_PARSE, p->in.number, "a lattice vector is not three numbers", line);
    }
    if (status != RCR_OK) return status;
    if (p->volume > 0) {
        double size = fabs(rcr_lattice_volume((const double(*)[3])p->lattice));
        p->scale[0] = cbrt(p->volume / size);
        if (!(size > 0) || !isfinite(p->scale[0]))
            return rcr_fail_at(err, RCR_ERR_DATA, "", p->in.number, "the lattice has no volume");
        p->scale[1] = p->scale[2] = p->scale[0];
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) p->lattice[i][j] *= p->scale[j];
    return RCR_OK;
}

/* ---- elements and counts */

/* The element of Fe, Fe_sv_GW, Fe/1a2b3c4d, Fe_pv/1a2b3c4d, H.75, H1.25 or Fe1; 0: none. */
static int element_of_symbol(rcr_word word) {
    size_t used;
    int z = rcr_element_of_word(&used, word);
    if (z == 0 || used == word.length) return z;
    char next = word.text[used];
    return next == '_' || next == '/' || next == '.' || rcr_is_digit((unsigned char)next) ? z : 0;
}

static kind *add_kind(poscar *p, rcr_error *err) {
    if (p->n_kinds == MAX_KINDS) {
        rcr_fail_at(err, RCR_ERR_LIMIT, "", p->in.number, "more than %d kinds of atoms", MAX_KINDS);
        return NULL;
    }
    if (p->n_kinds == p->capacity) {
        size_t capacity = p->capacity > 0 ? 2 * p->capacity : 16;
        kind *larger = rcr_realloc(p->kind, capacity, sizeof *larger);
        if (larger == NULL) {
            rcr_fail_memory(err, "reading a POSCAR");
            return NULL;
        }
        p->kind = larger;
        p->capacity = capacity;
    }
    p->kind[p->n_kinds] = (kind){0, 0};
    return &p->kind[p->n_kinds++];
}

static int is_number_start(char c) { return rcr_is_digit((unsigned char)c) || c == '-' || c == '+'; }

static int begins_comment(rcr_word word) { return *word.text == '!' || *word.text == '#'; }

/* Lines of symbols, of which VASP writes several when there are many; *line becomes the first line after them. */
static rcr_status parse_symbols(poscar *p, rcr_word *line, rcr_error *err) {
    rcr_error own;
    if (err == NULL) err = &own;
    for (;;) {
        rcr_word rest = *line, word = rcr_next_word(&rest);
        if (word.length == 0)
            return rcr_fail_at(err, RCR_ERR_PARSE, "", p->in.number,
                               "expected symbols or counts of atoms, not a blank");
        if (is_number_start(*word.text)) return RCR_OK;
        for (; word.length > 0 && !begins_comment(word); word = rcr_next_word(&rest)) {
            int z = element_of_symbol(word);
            if (z == 0)
                return rcr_fail_word(err, RCR_ERR_UNSUPPORTED, p->in.number, "this is no chemical element", word);
            kind *k = add_kind(p, err);
            if (k == NULL) return err->status;
            k->element = z;
            p->n_symbols++;
        }
        if (!rcr_next_line(line, &p->in)) return fail_end(p, "counts of atoms", err);
    }
}

/* Whole numbers, as many as there are symbols; without symbols, those of all lines that begin with one. */
static rcr_status parse_counts(poscar *p, rcr_word *line, rcr_error *err) {
    rcr_error own;
    if (err == NULL) err = &own;
    size_t n = 0;
    for (;;) {
        rcr_word rest = *line, word = rcr_next_word(&rest);
        if (word.length == 0 || !is_number_start(*word.text)) {
            if (p->n_symbols == 0 && n > 0) return RCR_OK; /* the line of the mode */
            return rcr_fail_at(err, RCR_ERR_PARSE, "", p->in.number, "%zu counts of atoms for %zu symbols", n,
                               p->n_symbols);
        }
        for (; word.length > 0 && is_number_start(*word.text); word = rcr_next_word(&rest)) {
            int64_t count;
            if (p->n_symbols > 0 && n == p->n_symbols)
                return rcr_fail_word(err, RCR_ERR_PARSE, p->in.number, "more counts of atoms than symbols", word);
            if (!rcr_parse_int64(&count, word.text, word.length) || count < 0)
                return rcr_fail_word(err, RCR_ERR_PARSE, p->in.number, "a count of atoms is not a whole number", word);
            kind *k = p->n_symbols > 0 ? &p->kind[n] : add_kind(p, err);
            if (k == NULL) return err->status;
            if (count > MAX_SITES - p->n_sites)
                return rcr_fail_at(err, RCR_ERR_LIMIT, "", p->in.number, "more than %d sites", MAX_SITES);
            k->count = count;
            p->n_sites += count;
            n++;
        }
        if (!rcr_next_line(line, &p->in)) return fail_end(p, "\"Direct\" or \"Cartesian\"", err);
        if (p->n_symbols > 0 && n == p->n_symbols) return RCR_OK;
    }
}

/* VASP looks at the first letter alone: S is selective dynamics, C and K are Cartesian, all else is direct. */
static rcr_status parse_mode(poscar *p, rcr_word line, rcr_error *err) {
    rcr_word rest = line, word = rcr_next_word(&rest);
    if (word.length > 0 && rcr_ascii_lower((unsigned char)*word.text) == 's') {
        if (!rcr_next_line(&line, &p->in)) return fail_end(p, "\"Direct\" or \"Cartesian\"", err);
        rest = line;
        word = rcr_next_word(&rest);
    }
    if (word.length == 0 || !rcr_is_alpha((unsigned char)*word.text))
        return rcr_fail_word(err, RCR_ERR_PARSE, p->in.number, "expected \"Direct\" or \"Cartesian\"", line);
    int first = rcr_ascii_lower((unsigned char)*word.text);
    p->cartesian = first == 'c' || first == 'k';
    return RCR_OK;
}

/* ---- elements of VASP 4 */

/* "Fe2O3" or "Fe2 O3": a symbol and a count for each kind, in proportion to the counts.  It must be the whole comment,
 * or for two kinds and more its first word, after which a blank or one of _-.:,; stands. */
static int elements_of_formula(int *element, const poscar *p) {
    rcr_word rest = p->comment;
    const char *c = rest.text, *end = c + rest.length;
    int64_t first = 0;
    for (size_t k = 0; k < p->n_kinds; k++) {
        while (c < end && (unsigned char)*c <= ' ') c++;
        size_t used;
        element[k] = rcr_element_of_word(&used, (rcr_word){c, (size_t)(end - c)});
        if (element[k] == 0) return 0;
        c += used;
        const char *start = c;
        while (c < end && rcr_is_digit((unsigned char)*c)) c++;
        int64_t count = 1;
        if (c > start && (!rcr_parse_int64(&count, start, (size_t)(c - start)) || count < 1 || count > MAX_SITES))
            return 0;
        if (k == 0) first = count;
        if (p->kind[k].count * first != count * p->kind[0].count) return 0;
    }
    int ends = c == end || (p->n_kinds > 1 && strchr(" \t_-.:,;", *c) != NULL);
    while (c < end && (unsigned char)*c <= ' ') c++;
    return c == end || (ends && p->n_kinds > 1);
}

/* One symbol for each kind, and nothing else but a comment after '!' or '#'. */
static int elements_of_list(int *element, const poscar *p) {
    rcr_word rest = p->comment;
    for (size_t k = 0; k < p->n_kinds; k++) {
        rcr_word word = rcr_next_word(&rest);
        if ((element[k] = word.length > 0 ? element_of_symbol(word) : 0) == 0) return 0;
    }
    rcr_word word = rcr_next_word(&rest);
    return word.length == 0 || begins_comment(word);
}

static rcr_status find_elements(poscar *p, rcr_error *err) {
    int *element = rcr_calloc(p->n_kinds, sizeof *element);
    if (element == NULL) return rcr_fail_memory(err, "reading a POSCAR");
    int found = elements_of_list(element, p) || elements_of_formula(element, p);
    for (size_t k = 0; k < p->n_kinds && found; k++) p->kind[k].element = element[k];
    rcr_free(element);
    if (found) return RCR_OK;
    return rcr_fail_at(
        err, RCR_ERR_DATA, "", 6,
        "the elements are not told: there is no line of symbols before the counts (as VASP 5 writes it), "
        "and the comment is not %zu symbols; put the symbols on a line before the counts",
        p->n_kinds);
}

/* ---- positions */

static int is_flag(rcr_word word) {
    return rcr_word_is(word, "T") || rcr_word_is(word, "F") || rcr_word_is(word, ".TRUE.") ||
           rcr_word_is(word, ".FALSE.");
}

/* The element behind a position and its three flags, if these are there, as pymatgen writes it; 0: none. */
static int element_behind(rcr_word rest) {
    rcr_word after = rest;
    int n_flags = 0;
    for (rcr_word ahead = rest; n_flags < 3 && is_flag(rcr_next_word(&ahead)); n_flags++) after = ahead;
    if (n_flags == 3) rest = after;
    rcr_word word = rcr_next_word(&rest);
    return word.length > 0 && word.length <= 2 ? rcr_element_from_symbol(word.text, word.length) : 0;
}

static rcr_status parse_positions(rcr_crystal *crystal, poscar *p, const double inverse[3][3], rcr_error *err) {
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        rcr_word line;
        double r[3];
        if (!rcr_next_line(&line, &p->in))
            return rcr_fail_at(err, RCR_ERR_PARSE, "", p->in.number, "%ld of %ld positions, then the text ends",
                               (long)i, (long)crystal->n_sites);
        rcr_word rest = line;
        if (rcr_next_numbers(r, 3, &rest) != 3)
            return rcr_fail_word(err, RCR_ERR_PARSE, p->in.number, "a position is not three numbers", line);
        for (int j = 0; j < 3; j++) {
            crystal->frac[i][j] = r[j];
            if (!p->cartesian) continue;
            double sum = 0;
            for (int k = 0; k < 3; k++) sum += p->scale[k] * r[k] * inverse[k][j];
            crystal->frac[i][j] = sum;
        }
        if (p->n_symbols > 0) continue;
        int z = element_behind(rest);
        crystal->atomic_number[i] = (uint8_t)z;
        p->n_named += z != 0;
    }
    return RCR_OK;
}

static rcr_status make_crystal(rcr_crystal *crystal, poscar *p, rcr_error *err) {
    double inverse[3][3];
    memcpy(crystal->lattice, p->lattice, sizeof crystal->lattice);
    if (!rcr_lattice_invert(inverse, (const double(*)[3])p->lattice))
        return rcr_fail_at(err, RCR_ERR_DATA, "", 5, "the lattice has no volume");
    rcr_status status = parse_positions(crystal, p, (const double(*)[3])inverse, err);
    if (status != RCR_OK) return status;
    if (p->n_symbols == 0 && p->n_named < (size_t)crystal->n_sites && (status = find_elements(p, err)) != RCR_OK)
        return status;
    int32_t i = 0;
    for (size_t k = 0; k < p->n_kinds; k++)
        for (int64_t m = 0; m < p->kind[k].count; m++, i++)
            if (p->kind[k].element != 0) crystal->atomic_number[i] = (uint8_t)p->kind[k].element;
    return rcr_crystal_check(crystal, err);
}

rcr_status rcr_poscar_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err) {
    poscar p = {.in = rcr_lines_start(text, length)};
    rcr_word line = {0};
    rcr_crystal *crystal = NULL;
    rcr_status status = parse_cell(&p, err);
    if (status == RCR_OK && !rcr_next_line(&line, &p.in)) status = fail_end(&p, "symbols or counts of atoms", err);
    if (status == RCR_OK) status = parse_symbols(&p, &line, err);
    if (status == RCR_OK) status = parse_counts(&p, &line, err);
    if (status == RCR_OK) status = parse_mode(&p, line, err);
    if (status == RCR_OK && p.n_sites > p.in.end - p.in.p) /* before the room for them is taken */
        status = rcr_fail_at(err, RCR_ERR_PARSE, "", p.in.number, "%lld positions do not fit into what follows",
                             (long long)p.n_sites);
    if (status == RCR_OK) status = rcr_crystal_create(&crystal, id, (int32_t)p.n_sites, err);
    if (status == RCR_OK) status = make_crystal(crystal, &p, err);
    rcr_free(p.kind);
    if (status == RCR_OK)
        *out = crystal;
    else
        rcr_crystal_free(crystal);
    return status;
}

int rcr_poscar_looks_like(const char *text, size_t length) {
    rcr_lines in = rcr_lines_start(text, length);
    rcr_word line;
    double number[3];
    if (!rcr_next_line(&line, &in) || !rcr_next_line(&line, &in) || read_scale(number, line) == 0) return 0;
    for (int i = 0; i < 3; i++)
        if (!rcr_next_line(&line, &in) || rcr_next_numbers(number, 3, &line) != 3) return 0;
    if (!rcr_next_line(&line, &in)) return 0;
    rcr_word word = rcr_next_word(&line);
    int64_t count;
    if (word.length > 0 && rcr_parse_int64(&count, word.text, word.length)) return 1;
    if (word.length == 0 || element_of_symbol(word) == 0) return 0;
    while (rcr_next_line(&line, &in)) { /* more symbols, then counts */
        word = rcr_next_word(&line);
        if (word.length == 0) return 0;
        if (rcr_parse_int64(&count, word.text, word.length)) return 1;
        if (element_of_symbol(word) == 0) return 0;
    }
    return 0;
}
