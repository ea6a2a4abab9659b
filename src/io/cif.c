#include "io/cif.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "io/cif_internal.h"
#include "io/cif_tags.h"

static rcr_status fail_at(rcr_error *err, rcr_status status, const rcr_cif_block *block, const char *at,
                          const char *what, const char *text, size_t length) {
    char shown[40];
    return rcr_fail_at(err, status, "", rcr_cif_line(block->lexer, at), "%s: '%s'", what,
                       rcr_cif_show(shown, text, length));
}

/* ---- single items */

static rcr_status set_cell(rcr_cif_block *block, int i, const rcr_cif_token *value, rcr_error *err) {
    double number;
    if (rcr_cif_token_unknown(value)) {
        block->unknown_cell[i] = value->text;
        return RCR_OK;
    }
    if (!rcr_cif_number(&number, value->text, value->length)) {
        block->bad_cell = 1;
        return fail_at(err, RCR_ERR_PARSE, block, value->text, "a cell parameter is not a number", value->text,
                       value->length);
    }
    if (!isnan(block->cell[i]) && fabs(block->cell[i] - number) > 1e-3)
        return fail_at(err, RCR_ERR_DATA, block, value->text,
                       "a cell parameter is given twice, the second time with another value", value->text,
                       value->length);
    if (isnan(block->cell[i])) block->cell[i] = number;
    return RCR_OK;
}

/* Keep the first value that says something. */
static void set_view(rcr_cif_view *view, const rcr_cif_token *value) {
    if (rcr_cif_unknown(view) && !rcr_cif_token_unknown(value)) *view = (rcr_cif_view){value->text, value->length};
}

/* An element of a matrix or vector between Cartesian and fractional coordinates. */
static void set_transform(rcr_cif_block *block, rcr_cif_tag tag, const rcr_cif_token *value) {
    double number;
    int place = (int)tag - RCR_TAG_TO_FRACT;
    if (!rcr_cif_number(&number, value->text, value->length)) return;
    block->transform[place / 12][place % 12] = number;
    block->transform_given |= (uint32_t)1 << place;
    block->transform_at = (rcr_cif_view){value->text, value->length};
}

/* The first list counts, others repeat it under another name; but the operations of a magnetic space group are those of
 * the cell in the file, whatever else it lists. */
static int takes_operations(const rcr_cif_block *block, rcr_cif_tag tag) {
    return !block->ops_done || (tag == RCR_TAG_MAGNETIC_OPERATION && !block->magnetic);
}

static rcr_status set_item(rcr_cif_block *block, rcr_cif_tag tag, const rcr_cif_token *value, rcr_error *err) {
    if (tag >= RCR_TAG_CELL && tag < RCR_TAG_CELL + 6) return set_cell(block, (int)tag - RCR_TAG_CELL, value, err);
    if (tag >= RCR_TAG_TO_FRACT && tag < RCR_TAG_TO_CART + 12) set_transform(block, tag, value);
    switch ((int)tag) {
    case RCR_TAG_FORMULA_UNITS: set_view(&block->formula_units, value); break;
    case RCR_TAG_FORMULA: set_view(&block->formula, value); break;
    case RCR_TAG_HM: set_view(&block->hm, value); break;
    case RCR_TAG_HM_REFERENCE: set_view(&block->hm_reference, value); break;
    case RCR_TAG_SETTING_CODE: set_view(&block->setting_code, value); break;
    case RCR_TAG_MAGNETIC_GROUP: set_view(&block->magnetic_group, value); break;
    case RCR_TAG_HALL: set_view(&block->hall, value); break;
    case RCR_TAG_NUMBER: set_view(&block->number, value); break;
    case RCR_TAG_SUPERSPACE: set_view(&block->superspace, value); break;
    case RCR_TAG_MAGNETIC_CENTRING: return rcr_cif_add_centring(block, value, err);
    case RCR_TAG_MAGNETIC_OPERATION:
    case RCR_TAG_OPERATION:
        if (takes_operations(block, tag)) {
            rcr_status status = rcr_cif_add_operation(block, value, tag == RCR_TAG_MAGNETIC_OPERATION, err);
            block->ops_done = block->n_ops > 0;
            return status;
        }
        break;
    default: break;
    }
    return RCR_OK;
}

/* ---- rows */

/* A token read ahead of its turn. */
typedef struct reader {
    rcr_cif_lexer lexer;
    rcr_cif_token token;
    rcr_cif_token single[RCR_N_TAGS]; /* _atom_site items outside a loop: a structure of one site may be written so */
} reader;

static void advance(reader *r) { r->token = rcr_cif_next(&r->lexer); }

/* "x, y, z" without quotes, or without the first, is three tokens; join what stands on its line. */
static rcr_cif_token join_operation(reader *r) {
    rcr_cif_token value = r->token;
    if (value.kind != RCR_CIF_BARE || rcr_cif_token_unknown(&value)) return value;
    int commas = 0;
    for (size_t i = 0; i < value.length; i++) commas += value.text[i] == ',';
    if (commas >= 2 && value.text[value.length - 1] != ',') return value;
    const char *p = r->lexer.p;
    while (p < r->lexer.end && *p != '\n' && *p != '\r' && *p != '#') p++;
    r->lexer.p = p;
    while (p > value.text && ((unsigned char)p[-1] <= ' ' || p[-1] == '\'' || p[-1] == '"')) p--;
    value.length = (size_t)(p - value.text);
    return value;
}

/* 0.3333 means 1/3.  pymatgen reads every coordinate within a relative 1e-4 of 1/3 and 2/3 so, and published graphs and
 * models come from its crystals; a reader that did otherwise would be up to 1e-3 angstrom away from them.  A coordinate
 * of RCR_CIF_EXACT_LENGTH characters or more is no rounded third: it stays, so that what cif_write.c writes comes back.
 */
static double snap_to_thirds(double x, size_t length) {
    if (length >= RCR_CIF_EXACT_LENGTH) return x;
    if (fabs(x * 3 - 1) <= 1e-4) return 1.0 / 3;
    if (fabs(x * 1.5 - 1) <= 1e-4) return 2.0 / 3;
    return x;
}

/* 1/3, which no version of CIF allows and people write. */
static int parse_ratio(double *out, const char *text, size_t length) {
    const char *slash = memchr(text, '/', length);
    double p, q;
    if (slash == NULL || !rcr_cif_number(&p, text, (size_t)(slash - text)) ||
        !rcr_cif_number(&q, slash + 1, length - (size_t)(slash - text) - 1) || q == 0)
        return 0;
    *out = p / q;
    return 1;
}

/* The digits behind the point of 0.0120(5), up to 255; 0 also for a number with an exponent. */
static uint8_t count_decimals(const char *text, size_t length) {
    const char *point = memchr(text, '.', length);
    if (point == NULL) return 0;
    size_t n = 0, rest = length - (size_t)(point + 1 - text);
    while (n < rest && n < 255 && rcr_is_digit((unsigned char)point[1 + n])) n++;
    return n < rest && point[1 + n] != '(' ? 0 : (uint8_t)n;
}

static rcr_status set_coordinates(rcr_cif_site *site, rcr_cif_block *block, const rcr_cif_token *cell,
                                  rcr_cif_tag first, rcr_error *err) {
    for (int i = 0; i < 3; i++) {
        const rcr_cif_token *value = &cell[first + i];
        if (rcr_cif_token_unknown(value)) {
            const rcr_cif_token *name = cell[RCR_TAG_LABEL].text != NULL ? &cell[RCR_TAG_LABEL] : value;
            if (block->first_unplaced.text == NULL) block->first_unplaced = (rcr_cif_view){name->text, name->length};
            site->frac[i] = NAN;
        } else if (!rcr_cif_number(&site->frac[i], value->text, value->length) &&
                   !parse_ratio(&site->frac[i], value->text, value->length)) {
            return fail_at(err, RCR_ERR_PARSE, block, value->text, "a coordinate is not a number", value->text,
                           value->length);
        } else if (fabs(site->frac[i]) > 1e6) {
            return fail_at(err, RCR_ERR_DATA, block, value->text, "a coordinate is beyond all reason", value->text,
                           value->length);
        } else if (first == RCR_TAG_X) {
            site->frac[i] = snap_to_thirds(site->frac[i], value->length);
            int is_exact = site->frac[i] * 8 == nearbyint(site->frac[i] * 8); /* 0.5 may stand beside 0.0123 */
            site->decimals[i] = is_exact ? 0 : count_decimals(value->text, value->length);
        }
    }
    return RCR_OK;
}

/* One row of _atom_site; cell[tag] is the row's value of each column that matters, .text NULL where it is absent. */
static rcr_status add_site(rcr_cif_block *block, const rcr_cif_token *cell, rcr_error *err) {
    rcr_cif_site site = {.occupancy = 1};
    const rcr_cif_token *occupancy = &cell[RCR_TAG_OCCUPANCY], *type = &cell[RCR_TAG_TYPE],
                        *label = &cell[RCR_TAG_LABEL];
    if (cell[RCR_TAG_CALC_FLAG].text != NULL &&
        rcr_equals_ignore_case(cell[RCR_TAG_CALC_FLAG].text, cell[RCR_TAG_CALC_FLAG].length, "dum"))
        return RCR_OK; /* a dummy site: a direction or a centre, not an atom */
    if (occupancy->text != NULL && !rcr_cif_token_unknown(occupancy) &&
        (!rcr_cif_number(&site.occupancy, occupancy->text, occupancy->length) || site.occupancy < 0))
        return fail_at(err, RCR_ERR_PARSE, block, occupancy->text, "an occupancy is not a number from 0 to 1",
                       occupancy->text, occupancy->length);
    if (site.occupancy == 0) return RCR_OK;
    const rcr_cif_token *x = &cell[block->cartesian ? RCR_TAG_CART_X : RCR_TAG_X];
    if (rcr_cif_token_unknown(x) && (label->text == NULL || rcr_cif_token_unknown(label)) &&
        (type->text == NULL || rcr_cif_token_unknown(type)))
        return RCR_OK; /* a row of '.' or '?': no site at all */
    rcr_status status = set_coordinates(&site, block, cell, block->cartesian ? RCR_TAG_CART_X : RCR_TAG_X, err);
    if (status != RCR_OK) return status;
    site.label = (rcr_cif_view){label->text, label->length};
    site.type = (rcr_cif_view){type->text, type->length};
    double multiplicity;
    const rcr_cif_token *m = &cell[RCR_TAG_MULTIPLICITY];
    if (m->text != NULL && rcr_cif_number(&multiplicity, m->text, m->length) && multiplicity >= 1 &&
        multiplicity <= RCR_MAX_GROUP_ORDER)
        site.multiplicity = (int32_t)multiplicity;
    if (!rcr_cif_unknown(&site.type)) {
        const rcr_cif_site *last = block->n_sites > 0 ? &block->site[block->n_sites - 1] : NULL;
        if (last != NULL && last->type.length == site.type.length && last->type.text != NULL &&
            memcmp(last->type.text, site.type.text, site.type.length) == 0)
            site.atomic_number = last->atomic_number;
        else
            site.atomic_number = rcr_cif_element_of_type(site.type.text, site.type.length);
    }
    if (block->n_sites == RCR_CIF_MAX_SITES)
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", rcr_cif_line(block->lexer, x->text), "more than %d sites",
                           RCR_CIF_MAX_SITES);
    rcr_cif_site *sites = rcr_cif_grow(block->site, block->n_sites, &block->capacity_sites, sizeof *sites);
    if (sites == NULL) return rcr_fail_memory(err, "reading sites");
    block->site = sites;
    sites[block->n_sites++] = site;
    return RCR_OK;
}

/* ---- loops */

/* What a loop holds that matters. */
typedef struct columns {
    size_t n;                 /* columns in all */
    size_t index[RCR_N_TAGS]; /* of the interesting ones, ascending */
    rcr_cif_tag tag[RCR_N_TAGS];
    int n_interesting;
    int has[RCR_N_TAGS];
} columns;

static void read_columns(columns *c, reader *r) {
    memset(c, 0, sizeof *c);
    for (; r->token.kind == RCR_CIF_TAG; advance(r)) {
        rcr_cif_tag tag = rcr_cif_find_tag(r->token.text, r->token.length);
        if (tag != RCR_TAG_NONE && !c->has[tag]) {
            c->index[c->n_interesting] = c->n;
            c->tag[c->n_interesting++] = tag;
            c->has[tag] = 1;
        }
        c->n++;
    }
}

static int is_value(const reader *r) { return r->token.kind == RCR_CIF_BARE || r->token.kind == RCR_CIF_QUOTED; }

/* One row of an interesting loop is complete. */
static rcr_status add_row(rcr_cif_block *block, const columns *c, const rcr_cif_token *cell, int is_sites,
                          rcr_cif_tag operations, rcr_error *err) {
    if (is_sites) return add_site(block, cell, err);
    if (operations != RCR_TAG_NONE)
        return rcr_cif_add_operation(block, &cell[operations], operations == RCR_TAG_MAGNETIC_OPERATION, err);
    for (int i = 0; i < c->n_interesting; i++) {
        if (c->tag[i] == RCR_TAG_OPERATION || c->tag[i] == RCR_TAG_MAGNETIC_OPERATION) continue;
        rcr_status status = set_item(block, c->tag[i], &cell[c->tag[i]], err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

/* The column of operations that this loop is to be read for; RCR_TAG_NONE: there is none. */
static rcr_cif_tag operations_of(const rcr_cif_block *block, const columns *c) {
    static const rcr_cif_tag tags[] = {RCR_TAG_MAGNETIC_OPERATION, RCR_TAG_OPERATION};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (c->has[tags[i]] && takes_operations(block, tags[i])) return tags[i];
    return RCR_TAG_NONE;
}

/* A row of a second loop of sites, which neither of the two holds alone: without it atoms would be missing.  Rows that
 * are no sites say nothing. */
static rcr_status refuse_row(rcr_cif_block *block, const rcr_cif_token *cell, const char *row, rcr_error *err) {
    size_t n = block->n_sites;
    rcr_status status = add_site(block, cell, err);
    if (status != RCR_OK || block->n_sites == n) return status;
    return rcr_fail_at(err, RCR_ERR_DATA, "", rcr_cif_line(block->lexer, row),
                       "a second loop of atom sites begins here; all sites of a structure belong into one");
}

static rcr_status read_loop(rcr_cif_block *block, reader *r, rcr_error *err) {
    columns c;
    advance(r);
    const char *row = r->token.text;
    read_columns(&c, r);
    int fractional = c.has[RCR_TAG_X] && c.has[RCR_TAG_Y] && c.has[RCR_TAG_Z];
    int cartesian = c.has[RCR_TAG_CART_X] && c.has[RCR_TAG_CART_Y] && c.has[RCR_TAG_CART_Z];
    int is_sites = (fractional || cartesian) && (block->n_sites == 0 || (fractional && block->cartesian));
    /* The same sites in Cartesian coordinates as well are passed over. */
    int is_second = !is_sites && (fractional || (cartesian && block->cartesian));
    rcr_cif_tag operations = operations_of(block, &c);
    if (c.has[RCR_TAG_LABEL] || c.has[RCR_TAG_TYPE]) block->has_site_loop = 1;
    if (is_sites) {
        block->cartesian = !fractional;
        block->n_sites = 0;
    }
    rcr_cif_token cell[RCR_N_TAGS];
    memset(cell, 0, sizeof cell);
    size_t column = 0;
    int next = 0;
    while (is_value(r)) {
        if (column == 0) row = r->token.text;
        if (next < c.n_interesting && c.index[next] == column) {
            rcr_cif_tag tag = c.tag[next++];
            cell[tag] = tag == operations ? join_operation(r) : r->token;
        }
        if (++column >= c.n) {
            if (c.n_interesting > 0) {
                rcr_status status =
                    is_second ? refuse_row(block, cell, row, err) : add_row(block, &c, cell, is_sites, operations, err);
                if (status != RCR_OK) return status;
            }
            column = 0;
            next = 0;
        }
        advance(r);
    }
    if (column != 0 && (is_sites || operations != RCR_TAG_NONE))
        return rcr_fail_at(err, RCR_ERR_PARSE, "", rcr_cif_line(&r->lexer, row),
                           "this last row of the loop of %s has %zu of %zu values",
                           is_sites ? "atom sites" : "symmetry operations", column, c.n);
    if (operations != RCR_TAG_NONE) block->ops_done = block->n_ops > 0;
    return RCR_OK;
}

/* ---- blocks */

static void clear_block(rcr_cif_block *block, rcr_cif_lexer *lexer, const char *start) {
    rcr_cif_site *site = block->site;
    rcr_symop *op = block->op;
    size_t capacity_sites = block->capacity_sites, capacity_ops = block->capacity_ops;
    memset(block, 0, offsetof(rcr_cif_block, centring));
    block->lexer = lexer;
    block->start = start;
    block->site = site;
    block->op = op;
    block->capacity_sites = capacity_sites;
    block->capacity_ops = capacity_ops;
    for (int i = 0; i < 6; i++) block->cell[i] = NAN;
}

static int has_cell(const rcr_cif_block *block) {
    return !isnan(block->cell[0]) && !isnan(block->cell[1]) && !isnan(block->cell[2]);
}

/* An angle that the file does not name is 90 degrees.  One that it calls unknown is that only where the symmetry leaves
 * no other choice. */
static rcr_status check_angles(const rcr_cif_block *block, const int is_default[3], const rcr_symop *ops, size_t n_ops,
                               rcr_error *err) {
    static const char *const names[] = {"alpha", "beta", "gamma"};
    for (int i = 0; i < 3; i++) {
        if (!is_default[i] || block->unknown_cell[3 + i] == NULL) continue;
        double angles[3], lattice[3][3];
        memcpy(angles, block->cell + 3, sizeof angles);
        angles[i] += 4;
        if (rcr_lattice_from_parameters(lattice, block->cell, angles, NULL) == RCR_OK &&
            rcr_symops_misfit(ops, n_ops, (const double(*)[3])lattice) > 0.03)
            continue;
        return rcr_fail_at(err, RCR_ERR_DATA, "", rcr_cif_line(block->lexer, block->unknown_cell[3 + i]),
                           "the cell angle %s is unknown, and the symmetry does not fix it", names[i]);
    }
    return RCR_OK;
}

static rcr_status make_crystal(rcr_crystal **out, const char *id, rcr_cif_block *block, rcr_error *err) {
    double lattice[3][3];
    int is_default[3];
    for (int i = 0; i < 3; i++) {
        is_default[i] = isnan(block->cell[3 + i]);
        if (is_default[i]) block->cell[3 + i] = 90;
    }
    rcr_status status = rcr_lattice_from_parameters(lattice, block->cell, block->cell + 3, err);
    if (status != RCR_OK) {
        if (err != NULL) err->line = rcr_cif_line(block->lexer, block->start);
        return status;
    }
    if (block->first_unplaced.text != NULL)
        return fail_at(err, RCR_ERR_DATA, block, block->first_unplaced.text, "a site has no coordinates",
                       block->first_unplaced.text, block->first_unplaced.length);
    if (block->cartesian && (status = rcr_cif_to_fractional(block, (const double(*)[3])lattice, err)) != RCR_OK)
        return status;
    if ((status = rcr_cif_resolve_elements(block, err)) != RCR_OK) return status;
    const rcr_symop *ops;
    rcr_symop *owned = NULL;
    size_t n_ops;
    status = rcr_cif_find_operations(&ops, &n_ops, &owned, block, (const double(*)[3])lattice, err);
    if (status == RCR_OK) status = check_angles(block, is_default, ops, n_ops, err);
    if (status == RCR_OK) status = rcr_cif_expand(out, id, block, (const double(*)[3])lattice, ops, n_ops, err);
    rcr_free(owned);
    return status;
}

/* Nothing usable: say what is missing. */
static rcr_status fail_empty(rcr_cif_lexer *lexer, int saw_cell, int saw_sites, rcr_error *err) {
    if (lexer->unclosed != NULL)
        return rcr_fail_at(err, RCR_ERR_PARSE, "", rcr_cif_line(lexer, lexer->unclosed),
                           "the text block that begins here is never closed by a ';' at the start of a line");
    const char *what = saw_cell && saw_sites ? "no data block has both a cell and atom sites"
                       : saw_cell            ? "no atom sites with coordinates (_atom_site_fract_x, _y, _z)"
                       : saw_sites           ? "no cell (_cell_length_a, _b, _c)"
                                   : "neither a cell (_cell_length_a, ...) nor atom sites (_atom_site_fract_x, ...)";
    return rcr_fail_at(err, RCR_ERR_DATA, "", 0, "no structure: %s", what);
}

static rcr_status add_single_site(rcr_cif_block *block, reader *r, rcr_error *err) {
    rcr_status status = RCR_OK;
    int fractional =
        r->single[RCR_TAG_X].text != NULL && r->single[RCR_TAG_Y].text != NULL && r->single[RCR_TAG_Z].text != NULL;
    if (block->n_sites == 0 && fractional) {
        block->cartesian = 0; /* which a loop of no atoms may have set */
        status = add_site(block, r->single, err);
    }
    memset(r->single, 0, sizeof r->single);
    return status;
}

/* Read to the end of the first block that holds a structure; *found says whether there is one. */
static rcr_status read_blocks(rcr_cif_block *block, reader *r, int *found, int *saw_cell, int *saw_sites,
                              rcr_error *err) {
    rcr_status status = RCR_OK;
    rcr_error bad;
    clear_block(block, &r->lexer, r->lexer.p);
    advance(r);
    for (;;) {
        switch (r->token.kind) {
        case RCR_CIF_DATA:
        case RCR_CIF_END:
            if (status == RCR_OK) status = add_single_site(block, r, &bad);
            *saw_cell |= has_cell(block);
            *saw_sites |= block->n_sites > 0;
            *found = (has_cell(block) && (block->n_sites > 0 || status != RCR_OK)) ||
                     (block->bad_cell && block->n_sites > 0);
            if (*found || r->token.kind == RCR_CIF_END) {
                if (*found && status != RCR_OK && err != NULL) *err = bad;
                return *found ? status : RCR_OK;
            }
            /* What is wrong in a block without a structure is of no concern. */
            status = RCR_OK;
            clear_block(block, &r->lexer, r->token.text);
            advance(r);
            break;
        case RCR_CIF_LOOP: {
            rcr_error own;
            rcr_status new_status = read_loop(block, r, &own);
            if (new_status == RCR_ERR_MEMORY) {
                if (err != NULL) *err = own;
                return new_status;
            }
            if (new_status != RCR_OK && status == RCR_OK) {
                status = new_status;
                bad = own;
            }
            break;
        }
        case RCR_CIF_TAG: {
            rcr_cif_tag tag = rcr_cif_find_tag(r->token.text, r->token.length);
            advance(r);
            if (!is_value(r)) break; /* a name without a value */
            if (tag >= RCR_TAG_LABEL) {
                r->single[tag] = r->token;
            } else if (tag != RCR_TAG_NONE) {
                rcr_error own;
                int is_operation = tag == RCR_TAG_OPERATION || tag == RCR_TAG_MAGNETIC_OPERATION;
                rcr_cif_token value = is_operation ? join_operation(r) : r->token;
                rcr_status new_status = set_item(block, tag, &value, &own);
                if (new_status != RCR_OK && status == RCR_OK) {
                    status = new_status;
                    bad = own;
                }
            }
            advance(r);
            break;
        }
        default: advance(r); break; /* stray values */
        }
    }
}

rcr_status rcr_cif_parse_block(rcr_crystal **out, const char *id, const char *text, size_t length, int cif2,
                               rcr_error *err) {
    if (rcr_looks_like_utf16(text, length))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "the file is in UTF-16; save it as UTF-8");
    reader r;
    memset(&r, 0, sizeof r);
    rcr_cif_block block;
    memset(&block, 0, offsetof(rcr_cif_block, centring));
    rcr_cif_lexer_start(&r.lexer, text, length);
    r.lexer.cif2 |= cif2;
    int found = 0, saw_cell = 0, saw_sites = 0;
    rcr_status status = read_blocks(&block, &r, &found, &saw_cell, &saw_sites, err);
    if (status == RCR_OK) {
        if (found)
            status = make_crystal(out, id, &block, err);
        else
            status = fail_empty(&r.lexer, saw_cell, saw_sites, err);
    }
    rcr_free(block.site);
    rcr_free(block.op);
    return status;
}

rcr_status rcr_cif_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err) {
    return rcr_cif_parse_block(out, id, text, length, 0, err);
}
