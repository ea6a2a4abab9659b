#include "io/aims.h"

#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "io/lines.h"

/* Limits, stated in the errors that they cause. */
#define MAX_SITES 10000000
/* How many lines of other keywords may stand before the first that tells the format. */
#define MAX_HEAD_LINES 100

typedef enum line_kind { LINE_OTHER = 0, LINE_BLANK, LINE_VECTOR, LINE_ATOM, LINE_ATOM_FRAC } line_kind;

/* What a line is; *rest becomes what follows its keyword, without the comment. */
static line_kind kind_of(rcr_word *rest) {
    const char *hash = rest->length > 0 ? memchr(rest->text, '#', rest->length) : NULL;
    if (hash != NULL) rest->length = (size_t)(hash - rest->text);
    rcr_word word = rcr_next_word(rest);
    if (word.length == 0) return LINE_BLANK;
    if (rcr_word_is(word, "lattice_vector")) return LINE_VECTOR;
    if (rcr_word_is(word, "atom")) return LINE_ATOM;
    if (rcr_word_is(word, "atom_frac")) return LINE_ATOM_FRAC;
    return LINE_OTHER;
}

/* The lattice, and how many atoms there are. */
static rcr_status read_lattice(double lattice[3][3], int64_t *n_atoms, rcr_lines in, rcr_error *err) {
    rcr_word line;
    int n_vectors = 0;
    *n_atoms = 0;
    while (rcr_next_line(&line, &in)) {
        rcr_word rest = line;
        line_kind kind = kind_of(&rest);
        *n_atoms += kind == LINE_ATOM || kind == LINE_ATOM_FRAC;
        if (kind != LINE_VECTOR) continue;
        if (n_vectors == 3) return rcr_fail_at(err, RCR_ERR_PARSE, "", in.number, "this is a fourth lattice_vector");
        if (rcr_next_numbers(lattice[n_vectors++], 3, &rest) != 3)
            return rcr_fail_word(err, RCR_ERR_PARSE, in.number, "lattice_vector is not followed by three numbers",
                                 line);
    }
    if (n_vectors == 0)
        return rcr_fail(err, RCR_ERR_DATA, "there is no lattice_vector, so it is not periodic and no crystal");
    if (n_vectors < 3)
        return rcr_fail(err, RCR_ERR_DATA, "%d lattice_vector, not three: it is not periodic in all three directions",
                        n_vectors);
    if (*n_atoms > MAX_SITES) return rcr_fail(err, RCR_ERR_LIMIT, "more than %d atoms", MAX_SITES);
    return RCR_OK;
}

/* One line of an atom, its keyword cut off. */
static rcr_status parse_atom(double r[3], uint8_t *element, rcr_word rest, rcr_word line, long number, rcr_error *err) {
    if (rcr_next_numbers(r, 3, &rest) != 3)
        return rcr_fail_word(err, RCR_ERR_PARSE, number, "a position is not three numbers", line);
    rcr_word species = rcr_next_word(&rest);
    if (species.length == 0)
        return rcr_fail_word(err, RCR_ERR_PARSE, number, "there is no species behind the position", line);
    size_t used;
    int z = rcr_element_of_word(&used, species);
    if (z == 0 || (used < species.length && rcr_is_alpha((unsigned char)species.text[used])))
        return rcr_fail_word(err, RCR_ERR_UNSUPPORTED, number, "this is no chemical element", species);
    *element = (uint8_t)z;
    return RCR_OK;
}

static rcr_status read_atoms(rcr_crystal *crystal, rcr_lines in, rcr_error *err) {
    double inverse[3][3], r[3];
    rcr_word line;
    int32_t i = 0;
    if (!rcr_lattice_invert(inverse, (const double(*)[3])crystal->lattice))
        return rcr_fail(err, RCR_ERR_DATA, "the lattice has no volume");
    while (rcr_next_line(&line, &in)) {
        rcr_word rest = line;
        line_kind kind = kind_of(&rest);
        if (kind != LINE_ATOM && kind != LINE_ATOM_FRAC) continue;
        rcr_status status = parse_atom(r, &crystal->atomic_number[i], rest, line, in.number, err);
        if (status != RCR_OK) return status;
        for (int j = 0; j < 3; j++)
            crystal->frac[i][j] =
                kind == LINE_ATOM ? r[0] * inverse[0][j] + r[1] * inverse[1][j] + r[2] * inverse[2][j] : r[j];
        i++;
    }
    return rcr_crystal_check(crystal, err);
}

rcr_status rcr_aims_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err) {
    rcr_lines in = rcr_lines_start(text, length);
    double lattice[3][3];
    int64_t n_atoms;
    rcr_crystal *crystal = NULL;
    rcr_status status = read_lattice(lattice, &n_atoms, in, err);
    if (status == RCR_OK) status = rcr_crystal_create(&crystal, id, (int32_t)n_atoms, err);
    if (status != RCR_OK) return status;
    memcpy(crystal->lattice, lattice, sizeof lattice);
    status = read_atoms(crystal, in, err);
    if (status == RCR_OK)
        *out = crystal;
    else
        rcr_crystal_free(crystal);
    return status;
}

/* Keywords that may come before the first lattice vector or atom. */
static int is_keyword(rcr_word word) {
    static const char *const names[] = {
        "empty",           "multipole",        "homogeneous_field", "hessian_block",     "hessian_file",
        "trust_radius",    "esp_constraint",   "pseudocore",        "verbatim_writeout", "symmetry_n_params",
        "symmetry_params", "set_vacuum_level", "calculate_friction"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (rcr_word_is(word, names[i])) return 1;
    return 0;
}

int rcr_aims_looks_like(const char *text, size_t length) {
    rcr_lines in = rcr_lines_start(text, length);
    rcr_word line;
    for (int n = 0; n < MAX_HEAD_LINES && rcr_next_line(&line, &in);) {
        rcr_word rest = line;
        double r[3];
        line_kind kind = kind_of(&rest);
        if (kind == LINE_BLANK) continue;
        if (kind != LINE_OTHER) return rcr_next_numbers(r, 3, &rest) == 3;
        if (!is_keyword(rcr_next_word(&line))) return 0;
        n++;
    }
    return 0;
}
