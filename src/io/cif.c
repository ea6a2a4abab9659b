#include "io/cif.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/crystal.h"
#include "io/cif_internal.h"

/* The data names that matter here, in lower case, '.' read as '_' (mmCIF, CIF 2). */
typedef enum tag_id {
    TAG_NONE = 0,
    TAG_CELL, /* .. TAG_CELL + 5 */
    TAG_FORMULA_UNITS = TAG_CELL + 6,
    TAG_FORMULA,
    TAG_HM,
    TAG_HALL,
    TAG_NUMBER,
    TAG_OPERATION,
    TAG_UNSUPPORTED,
    TAG_TRANSFORM,
    /* columns of _atom_site */
    TAG_LABEL,
    TAG_TYPE,
    TAG_X,
    TAG_Y,
    TAG_Z,
    TAG_CART_X,
    TAG_CART_Y,
    TAG_CART_Z,
    TAG_OCCUPANCY,
    TAG_MULTIPLICITY,
    TAG_CALC_FLAG,
    N_TAGS
} tag_id;

static const struct {
    const char *name;
    size_t length;
    tag_id tag;
} tag_names[] = {
#define NAME(text, tag)                                                                                                \
    { text, sizeof text - 1, tag }
    NAME("_atom_site_fract_x", TAG_X),
    NAME("_atom_site_fract_y", TAG_Y),
    NAME("_atom_site_fract_z", TAG_Z),
    NAME("_atom_site_label", TAG_LABEL),
    NAME("_atom_site_type_symbol", TAG_TYPE),
    NAME("_atom_site_occupancy", TAG_OCCUPANCY),
    NAME("_atom_site_symmetry_multiplicity", TAG_MULTIPLICITY),
    NAME("_atom_site_site_symmetry_multiplicity", TAG_MULTIPLICITY),
    NAME("_atom_site_calc_flag", TAG_CALC_FLAG),
    NAME("_atom_site_cartn_x", TAG_CART_X),
    NAME("_atom_site_cartn_y", TAG_CART_Y),
    NAME("_atom_site_cartn_z", TAG_CART_Z),
    NAME("_cell_length_a", TAG_CELL),
    NAME("_cell_length_b", TAG_CELL + 1),
    NAME("_cell_length_c", TAG_CELL + 2),
    NAME("_cell_angle_alpha", TAG_CELL + 3),
    NAME("_cell_angle_beta", TAG_CELL + 4),
    NAME("_cell_angle_gamma", TAG_CELL + 5),
    NAME("_cell_formula_units_z", TAG_FORMULA_UNITS),
    NAME("_chemical_formula_sum", TAG_FORMULA),
    NAME("_symmetry_equiv_pos_as_xyz", TAG_OPERATION),
    NAME("_space_group_symop_operation_xyz", TAG_OPERATION),
    NAME("_symmetry_space_group_name_h-m", TAG_HM),
    NAME("_space_group_name_h-m_alt", TAG_HM),
    NAME("_space_group_name_h-m_full", TAG_HM),
    NAME("_space_group_name_h-m_ref", TAG_HM),
    NAME("_space_group_name_h-m", TAG_HM),
    NAME("_symmetry_space_group_name_hall", TAG_HALL),
    NAME("_space_group_name_hall", TAG_HALL),
    NAME("_symmetry_int_tables_number", TAG_NUMBER),
    NAME("_space_group_it_number", TAG_NUMBER),
    NAME("_space_group_symop_magn_operation_xyz", TAG_UNSUPPORTED),
    NAME("_space_group_symop_magn_operation_mxmymz", TAG_UNSUPPORTED),
    NAME("_space_group_symop_ssg_operation_algebraic", TAG_UNSUPPORTED),
    NAME("_space_group_symop_magn_ssg_operation_algebraic", TAG_UNSUPPORTED),
    NAME("_atom_sites_cartn_tran_matrix_11", TAG_TRANSFORM),
    NAME("_atom_sites_fract_tran_matrix_11", TAG_TRANSFORM),
    NAME("_atom_sites_fract_transf_matrix[1][1]", TAG_TRANSFORM),
    NAME("_atom_sites_cartn_transf_matrix[1][1]", TAG_TRANSFORM),
#undef NAME
};

static tag_id find_tag(const char *text, size_t length) {
    char name[48];
    if (length < 13 || length >= sizeof name) return TAG_NONE;
    /* All names begin with _atom_, _cell_, _chem, _symm or _space. */
    int first = rcr_ascii_lower((unsigned char)text[1]);
    if (first != 'a' && first != 'c' && first != 's') return TAG_NONE;
    for (size_t i = 0; i < length; i++) name[i] = text[i] == '.' ? '_' : (char)rcr_ascii_lower((unsigned char)text[i]);
    for (size_t i = 0; i < sizeof tag_names / sizeof *tag_names; i++)
        if (tag_names[i].length == length && memcmp(tag_names[i].name, name, length) == 0) return tag_names[i].tag;
    return TAG_NONE;
}

static rcr_status fail_at(rcr_error *err, rcr_status status, const rcr_cif_block *block, const char *at,
                          const char *what, const char *text, size_t length) {
    char shown[40];
    return rcr_fail_at(err, status, "", rcr_cif_line(block->lexer, at), "%s: '%s'", what,
                       rcr_cif_show(shown, text, length));
}

static int is_unknown(const rcr_cif_token *token) {
    return token->kind == RCR_CIF_BARE && token->length == 1 && (*token->text == '.' || *token->text == '?');
}

/* ---- single items */

static rcr_status set_cell(rcr_cif_block *block, int i, const rcr_cif_token *value, rcr_error *err) {
    double number;
    if (is_unknown(value)) return RCR_OK;
    if (!rcr_cif_number(&number, value->text, value->length))
        return fail_at(err, RCR_ERR_PARSE, block, value->text, "a cell parameter is not a number", value->text,
                       value->length);
    if (!isnan(block->cell[i]) && fabs(block->cell[i] - number) > 1e-3)
        return fail_at(err, RCR_ERR_DATA, block, value->text,
                       "a cell parameter is given twice, the second time with another value", value->text,
                       value->length);
    if (isnan(block->cell[i])) block->cell[i] = number;
    return RCR_OK;
}

/* Keep the first value that says something. */
static void set_view(rcr_cif_view *view, const rcr_cif_token *value) {
    if (rcr_cif_unknown(view) && !is_unknown(value)) *view = (rcr_cif_view){value->text, value->length};
}

static rcr_status add_operation(rcr_cif_block *block, const rcr_cif_token *value, rcr_error *err);

static rcr_status set_item(rcr_cif_block *block, tag_id tag, const rcr_cif_token *value, rcr_error *err) {
    if (tag >= TAG_CELL && tag < TAG_CELL + 6) return set_cell(block, (int)tag - TAG_CELL, value, err);
    switch ((int)tag) {
    case TAG_FORMULA_UNITS: set_view(&block->formula_units, value); break;
    case TAG_FORMULA: set_view(&block->formula, value); break;
    case TAG_HM: set_view(&block->hm, value); break;
    case TAG_HALL: set_view(&block->hall, value); break;
    case TAG_NUMBER: set_view(&block->number, value); break;
    case TAG_TRANSFORM: set_view(&block->transform, value); break;
    case TAG_UNSUPPORTED: set_view(&block->unsupported_tag, value); break;
    case TAG_OPERATION:
        if (!block->ops_done) {
            rcr_status status = add_operation(block, value, err);
            block->ops_done = block->n_ops > 0;
            return status;
        }
        break;
    default: break;
    }
    return RCR_OK;
}

/* ---- rows */

/* Make room for one more element; NULL when out of memory. */
static void *grow(void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return array;
    size_t larger = *capacity > 0 ? 2 * *capacity : 64;
    void *moved = rcr_realloc(array, larger, size);
    if (moved != NULL) *capacity = larger;
    return moved;
}

static rcr_status add_operation(rcr_cif_block *block, const rcr_cif_token *value, rcr_error *err) {
    if (is_unknown(value)) return RCR_OK;
    rcr_symop op;
    if (!rcr_symop_parse(&op, value->text, value->length))
        return fail_at(err, RCR_ERR_PARSE, block, value->text, "this is no symmetry operation", value->text,
                       value->length);
    if (block->n_ops == RCR_CIF_MAX_OPERATIONS)
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", rcr_cif_line(block->lexer, value->text),
                           "more than %d symmetry operations", RCR_CIF_MAX_OPERATIONS);
    rcr_symop *ops = grow(block->op, block->n_ops, &block->capacity_ops, sizeof *ops);
    if (ops == NULL) return rcr_fail_memory(err, "reading symmetry operations");
    block->op = ops;
    if (block->n_ops == 0) block->operations = value->text;
    ops[block->n_ops++] = op;
    return RCR_OK;
}

/* A token read ahead of its turn. */
typedef struct reader {
    rcr_cif_lexer lexer;
    rcr_cif_token token;
    rcr_cif_token single[N_TAGS]; /* _atom_site items outside a loop: a structure of one site may be written so */
} reader;

static void advance(reader *r) { r->token = rcr_cif_next(&r->lexer); }

/* "x, y, z" without quotes, or without the first, is three tokens; join what stands on its line. */
static rcr_cif_token join_operation(reader *r) {
    rcr_cif_token value = r->token;
    if (value.kind != RCR_CIF_BARE || is_unknown(&value)) return value;
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

static rcr_status set_coordinates(rcr_cif_site *site, rcr_cif_block *block, const rcr_cif_token *cell, tag_id first,
                                  rcr_error *err) {
    for (int i = 0; i < 3; i++) {
        const rcr_cif_token *value = &cell[first + i];
        if (is_unknown(value)) {
            const rcr_cif_token *name = cell[TAG_LABEL].text != NULL ? &cell[TAG_LABEL] : value;
            if (block->first_unplaced.text == NULL) block->first_unplaced = (rcr_cif_view){name->text, name->length};
            site->frac[i] = NAN;
        } else if (!rcr_cif_number(&site->frac[i], value->text, value->length) &&
                   !parse_ratio(&site->frac[i], value->text, value->length)) {
            return fail_at(err, RCR_ERR_PARSE, block, value->text, "a coordinate is not a number", value->text,
                           value->length);
        } else if (fabs(site->frac[i]) > 1e6) {
            return fail_at(err, RCR_ERR_DATA, block, value->text, "a coordinate is beyond all reason", value->text,
                           value->length);
        } else if (first == TAG_X) {
            site->frac[i] = snap_to_thirds(site->frac[i], value->length);
        }
    }
    return RCR_OK;
}

/* One row of _atom_site; cell[tag] is the row's value of each column that matters, .text NULL where it is absent. */
static rcr_status add_site(rcr_cif_block *block, const rcr_cif_token *cell, rcr_error *err) {
    rcr_cif_site site = {.occupancy = 1};
    const rcr_cif_token *occupancy = &cell[TAG_OCCUPANCY], *type = &cell[TAG_TYPE], *label = &cell[TAG_LABEL];
    if (cell[TAG_CALC_FLAG].text != NULL &&
        rcr_equals_ignore_case(cell[TAG_CALC_FLAG].text, cell[TAG_CALC_FLAG].length, "dum"))
        return RCR_OK; /* a dummy site: a direction or a centre, not an atom */
    if (occupancy->text != NULL && !is_unknown(occupancy) &&
        (!rcr_cif_number(&site.occupancy, occupancy->text, occupancy->length) || site.occupancy < 0))
        return fail_at(err, RCR_ERR_PARSE, block, occupancy->text, "an occupancy is not a number from 0 to 1",
                       occupancy->text, occupancy->length);
    if (site.occupancy == 0) return RCR_OK;
    const rcr_cif_token *x = &cell[block->cartesian ? TAG_CART_X : TAG_X];
    if (is_unknown(x) && (label->text == NULL || is_unknown(label)) && (type->text == NULL || is_unknown(type)))
        return RCR_OK; /* a row of '.' or '?': no site at all */
    rcr_status status = set_coordinates(&site, block, cell, block->cartesian ? TAG_CART_X : TAG_X, err);
    if (status != RCR_OK) return status;
    site.label = (rcr_cif_view){label->text, label->length};
    site.type = (rcr_cif_view){type->text, type->length};
    double multiplicity;
    const rcr_cif_token *m = &cell[TAG_MULTIPLICITY];
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
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", rcr_cif_line(block->lexer, cell[TAG_X].text), "more than %d sites",
                           RCR_CIF_MAX_SITES);
    rcr_cif_site *sites = grow(block->site, block->n_sites, &block->capacity_sites, sizeof *sites);
    if (sites == NULL) return rcr_fail_memory(err, "reading sites");
    block->site = sites;
    sites[block->n_sites++] = site;
    return RCR_OK;
}

/* ---- loops */

/* What a loop holds that matters. */
typedef struct columns {
    size_t n;             /* columns in all */
    size_t index[N_TAGS]; /* of the interesting ones, ascending */
    tag_id tag[N_TAGS];
    int n_interesting;
    int has[N_TAGS];
} columns;

static void read_columns(columns *c, reader *r) {
    memset(c, 0, sizeof *c);
    for (; r->token.kind == RCR_CIF_TAG; advance(r)) {
        tag_id tag = find_tag(r->token.text, r->token.length);
        if (tag != TAG_NONE && !c->has[tag]) {
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
                          int is_operations, rcr_error *err) {
    if (is_sites) return add_site(block, cell, err);
    if (is_operations) return add_operation(block, &cell[TAG_OPERATION], err);
    for (int i = 0; i < c->n_interesting; i++) {
        if (c->tag[i] == TAG_OPERATION) continue;
        rcr_status status = set_item(block, c->tag[i], &cell[c->tag[i]], err);
        if (status != RCR_OK) return status;
    }
    return RCR_OK;
}

static rcr_status read_loop(rcr_cif_block *block, reader *r, rcr_error *err) {
    columns c;
    advance(r);
    const char *row = r->token.text;
    read_columns(&c, r);
    int fractional = c.has[TAG_X] && c.has[TAG_Y] && c.has[TAG_Z];
    int cartesian = c.has[TAG_CART_X] && c.has[TAG_CART_Y] && c.has[TAG_CART_Z];
    int is_sites = (fractional || cartesian) && (block->n_sites == 0 || (fractional && block->cartesian));
    int is_operations = c.has[TAG_OPERATION] && !block->ops_done;
    if (c.has[TAG_LABEL] || c.has[TAG_TYPE]) block->has_site_loop = 1;
    if (is_sites) {
        block->cartesian = !fractional;
        block->n_sites = 0;
    }
    rcr_cif_token cell[N_TAGS];
    memset(cell, 0, sizeof cell);
    size_t column = 0;
    int next = 0;
    while (is_value(r)) {
        if (column == 0) row = r->token.text;
        if (next < c.n_interesting && c.index[next] == column) {
            tag_id tag = c.tag[next++];
            cell[tag] = tag == TAG_OPERATION && is_operations ? join_operation(r) : r->token;
        }
        if (++column >= c.n) {
            if (c.n_interesting > 0) {
                rcr_status status = add_row(block, &c, cell, is_sites, is_operations, err);
                if (status != RCR_OK) return status;
            }
            column = 0;
            next = 0;
        }
        advance(r);
    }
    if (column != 0 && (is_sites || is_operations))
        return rcr_fail_at(err, RCR_ERR_PARSE, "", rcr_cif_line(&r->lexer, row),
                           "this last row of the loop of %s has %zu of %zu values",
                           is_sites ? "atom sites" : "symmetry operations", column, c.n);
    if (is_operations) block->ops_done = block->n_ops > 0;
    return RCR_OK;
}

/* ---- blocks */

static void clear_block(rcr_cif_block *block, const rcr_cif_lexer *lexer, const char *start) {
    rcr_cif_site *site = block->site;
    rcr_symop *op = block->op;
    size_t capacity_sites = block->capacity_sites, capacity_ops = block->capacity_ops;
    memset(block, 0, sizeof *block);
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

/* Cartesian coordinates in the frame with a along x and b in the xy plane, which is that of the lattice too. */
static void to_fractional(rcr_cif_block *block, const double l[3][3]) {
    for (size_t i = 0; i < block->n_sites; i++) {
        double *f = block->site[i].frac;
        double z = f[2] / l[2][2];
        double y = (f[1] - z * l[2][1]) / l[1][1];
        f[0] = (f[0] - y * l[1][0] - z * l[2][0]) / l[0][0];
        f[1] = y;
        f[2] = z;
    }
}

static rcr_status make_crystal(rcr_crystal **out, const char *id, rcr_cif_block *block, rcr_error *err) {
    double lattice[3][3];
    for (int i = 3; i < 6; i++)
        if (isnan(block->cell[i])) block->cell[i] = 90; /* the dictionary's default */
    rcr_status status = rcr_lattice_from_parameters(lattice, block->cell, block->cell + 3, err);
    if (status != RCR_OK) {
        if (err != NULL) err->line = rcr_cif_line(block->lexer, block->start);
        return status;
    }
    if (block->first_unplaced.text != NULL)
        return fail_at(err, RCR_ERR_DATA, block, block->first_unplaced.text, "a site has no coordinates",
                       block->first_unplaced.text, block->first_unplaced.length);
    if (block->cartesian) {
        if (block->transform.text != NULL)
            return rcr_fail_at(
                err, RCR_ERR_UNSUPPORTED, "", rcr_cif_line(block->lexer, block->transform.text),
                "Cartesian coordinates with a matrix of their own are not handled; give fractional ones");
        to_fractional(block, (const double(*)[3])lattice);
    }
    if ((status = rcr_cif_resolve_elements(block, err)) != RCR_OK) return status;
    const rcr_symop *ops;
    rcr_symop *owned = NULL;
    size_t n_ops;
    status = rcr_cif_find_operations(&ops, &n_ops, &owned, block, (const double(*)[3])lattice, err);
    if (status == RCR_OK) status = rcr_cif_expand(out, id, block, (const double(*)[3])lattice, ops, n_ops, err);
    rcr_free(owned);
    return status;
}

/* Nothing usable: say what is missing. */
static rcr_status fail_empty(const rcr_cif_lexer *lexer, int saw_cell, int saw_sites, rcr_error *err) {
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
    int fractional = r->single[TAG_X].text != NULL && r->single[TAG_Y].text != NULL && r->single[TAG_Z].text != NULL;
    if (block->n_sites == 0 && fractional) status = add_site(block, r->single, err);
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
            *found = has_cell(block) && (block->n_sites > 0 || status != RCR_OK);
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
            tag_id tag = find_tag(r->token.text, r->token.length);
            advance(r);
            if (!is_value(r)) break; /* a name without a value */
            if (tag >= TAG_LABEL) {
                r->single[tag] = r->token;
            } else if (tag != TAG_NONE) {
                rcr_error own;
                rcr_cif_token value = tag == TAG_OPERATION ? join_operation(r) : r->token;
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

rcr_status rcr_cif_parse(rcr_crystal **out, const char *id, const char *text, size_t length, rcr_error *err) {
    if (length >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "the file is in UTF-16; save it as UTF-8");
    reader r;
    memset(&r, 0, sizeof r);
    rcr_cif_block block;
    memset(&block, 0, sizeof block);
    rcr_cif_lexer_start(&r.lexer, text, length);
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
