/* Which symmetry operations a CIF's structure has. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/cif_internal.h"

/* The most that an operation may change the metric of the cell, relative.  Cells refined without the constraints of
 * their symmetry reach about 0.01 (an angle of 90.5 degrees); operations of another setting go far beyond. */
#define MAX_MISFIT 0.03

void *rcr_cif_grow(void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return array;
    size_t larger = *capacity > 0 ? 2 * *capacity : 64;
    void *moved = rcr_realloc(array, larger, size);
    if (moved != NULL) *capacity = larger;
    return moved;
}

/* ---- lists of operations */

/* "x,y,z,-1" of a magnetic space group: without the time reversal at its end.  0: it has none. */
static size_t without_time_reversal(const char *text, size_t length) {
    size_t n = length;
    while (n > 0 && text[n - 1] != ',') n--;
    const char *p = text + n, *end = text + length;
    while (p < end && (unsigned char)*p <= ' ') p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    if (n == 0 || p == end || *p++ != '1') return 0;
    while (p < end && (unsigned char)*p <= ' ') p++;
    return p == end ? n - 1 : 0;
}

static rcr_status parse_operation(rcr_symop *op, const rcr_cif_block *block, const rcr_cif_token *value, int magnetic,
                                  rcr_error *err) {
    char shown[40];
    size_t length = magnetic ? without_time_reversal(value->text, value->length) : value->length;
    if (rcr_symop_parse(op, value->text, length)) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_PARSE, "", rcr_cif_line(block->lexer, value->text),
                       "this is no %ssymmetry operation: '%s'", magnetic ? "magnetic " : "",
                       rcr_cif_show(shown, value->text, value->length));
}

static rcr_status push_operation(rcr_cif_block *block, const rcr_symop *op, const char *at, rcr_error *err) {
    if (block->n_ops == RCR_CIF_MAX_OPERATIONS)
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", rcr_cif_line(block->lexer, at), "more than %d symmetry operations",
                           RCR_CIF_MAX_OPERATIONS);
    rcr_symop *ops = rcr_cif_grow(block->op, block->n_ops, &block->capacity_ops, sizeof *ops);
    if (ops == NULL) return rcr_fail_memory(err, "reading symmetry operations");
    block->op = ops;
    ops[block->n_ops++] = *op;
    return RCR_OK;
}

rcr_status rcr_cif_add_operation(rcr_cif_block *block, const rcr_cif_token *value, int magnetic, rcr_error *err) {
    rcr_symop op;
    if (rcr_cif_token_unknown(value)) return RCR_OK;
    rcr_status status = parse_operation(&op, block, value, magnetic, err);
    if (status != RCR_OK) return status;
    if (magnetic && !block->magnetic) block->n_ops = 0; /* others, which they replace */
    block->magnetic = magnetic;
    if (block->n_ops == 0) block->operations = value->text;
    return push_operation(block, &op, value->text, err);
}

rcr_status rcr_cif_add_centring(rcr_cif_block *block, const rcr_cif_token *value, rcr_error *err) {
    rcr_symop op;
    if (rcr_cif_token_unknown(value)) return RCR_OK;
    rcr_status status = parse_operation(&op, block, value, 1, err);
    if (status != RCR_OK || rcr_symop_is_identity(&op)) return status;
    if (block->magnetic_group.text == NULL) block->magnetic_group = (rcr_cif_view){value->text, value->length};
    if (block->n_centrings == RCR_CIF_MAX_CENTRINGS)
        return rcr_fail_at(err, RCR_ERR_LIMIT, "", rcr_cif_line(block->lexer, value->text),
                           "more than %d centring translations", RCR_CIF_MAX_CENTRINGS);
    block->centring[block->n_centrings++] = op;
    return RCR_OK;
}

/* The operations of a magnetic space group times its translations. */
static rcr_status add_centrings(rcr_cif_block *block, rcr_error *err) {
    size_t n = block->n_ops;
    for (size_t c = 0; block->magnetic && c < block->n_centrings; c++) {
        for (size_t k = 0; k < n; k++) {
            rcr_symop op = block->op[k];
            for (int i = 0; i < 3; i++) {
                op.t[i] += block->centring[c].t[i];
                op.t[i] -= floor(op.t[i]);
            }
            rcr_status status = push_operation(block, &op, block->operations, err);
            if (status != RCR_OK) return status;
        }
    }
    return RCR_OK;
}

/* ---- which operations apply */

static long line_of(const rcr_cif_block *block, const rcr_cif_view *view) {
    return rcr_cif_line(block->lexer, view->text);
}

/* Copy the operations and put the identity in front where the list lacks it. */
static rcr_status with_identity(rcr_symop **out, size_t *n_out, const rcr_symop *ops, size_t n, rcr_error *err) {
    static const rcr_symop identity = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}};
    rcr_symop *copy = rcr_malloc(n + 1, sizeof *copy);
    if (copy == NULL) return rcr_fail_memory(err, "reading symmetry operations");
    size_t m = 0;
    copy[m++] = identity;
    for (size_t i = 0; i < n; i++)
        if (!rcr_symop_is_identity(&ops[i])) copy[m++] = ops[i];
    *out = copy;
    *n_out = m > 1 ? m : 0;
    return RCR_OK;
}

/* Do the multiplicities in the file agree with these operations?  1 also when the file gives none. */
static int multiplicities_agree(const rcr_cif_block *block, const rcr_symop *ops, size_t n_ops,
                                const double lattice[3][3]) {
    for (size_t i = 0; i < block->n_sites && i < 1000; i++) {
        const rcr_cif_site *site = &block->site[i];
        if (site->multiplicity == 0) continue;
        int n = rcr_cif_multiplicity(site->frac, ops, n_ops, lattice);
        if (n != site->multiplicity && rcr_cif_share(site, (size_t)n, ops, n_ops, lattice) <= 1) return 0;
    }
    return 1;
}

/* Does the content of the cell agree with the sum formula, times the formula units where these are known? */
static int formula_agrees(const rcr_cif_block *block, const rcr_symop *ops, size_t n_ops, const double lattice[3][3]) {
    if (block->formula_known != 1 || block->n_sites > 1000) return 1;
    double count[119] = {0}, units = 0;
    for (size_t i = 0; i < block->n_sites; i++) {
        const rcr_cif_site *site = &block->site[i];
        int n = rcr_cif_multiplicity(site->frac, ops, n_ops, lattice);
        count[site->atomic_number] += site->occupancy * n * rcr_cif_share(site, (size_t)n, ops, n_ops, lattice);
    }
    if (rcr_cif_unknown(&block->formula_units) ||
        !rcr_cif_number(&units, block->formula_units.text, block->formula_units.length))
        units = 0;
    for (int z = 2; z < 119; z++) { /* hydrogen is often left out of the sites */
        if (block->formula_count[z] <= 0) continue;
        if (units == 0) units = count[z] / block->formula_count[z];
        if (fabs(count[z] - units * block->formula_count[z]) > 0.02 * count[z] + 0.01) return 0;
    }
    return 1;
}

typedef int agrees_fn(const rcr_cif_block *, const rcr_symop *, size_t, const double[3][3]);

/* Drop the settings that do not agree, unless none does.  Returns how many stay. */
static int filter_settings(int *setting, int n, agrees_fn *agrees, const rcr_cif_block *block,
                           const double lattice[3][3]) {
    rcr_symop ops[RCR_MAX_GROUP_ORDER];
    int kept[RCR_MAX_SETTINGS], n_kept = 0;
    for (int i = 0; i < n && n > 1; i++) {
        int n_ops = rcr_symmetry_operations(ops, setting[i]);
        if (agrees(block, ops, (size_t)n_ops, lattice)) kept[n_kept++] = setting[i];
    }
    if (n_kept == 0) return n;
    memcpy(setting, kept, (size_t)n_kept * sizeof *kept);
    return n_kept;
}

/* Drop the settings that do not fit the cell.  Returns how many stay. */
static int fitting_settings(int *setting, int n, const double lattice[3][3]) {
    rcr_symop ops[RCR_MAX_GROUP_ORDER];
    double misfit[RCR_MAX_SETTINGS], least = MAX_MISFIT;
    int n_kept = 0;
    for (int i = 0; i < n; i++) {
        int n_ops = rcr_symmetry_operations(ops, setting[i]);
        misfit[i] = rcr_symops_misfit(ops, (size_t)n_ops, lattice);
        least = fmin(least, misfit[i]);
    }
    for (int i = 0; i < n; i++)
        if (misfit[i] <= least + 1e-3 && misfit[i] <= MAX_MISFIT) setting[n_kept++] = setting[i];
    return n_kept;
}

/* Choose among the settings that a symbol or number may mean: by the cell, then the multiplicities, then the formula,
 * then custom.  `view` is the symbol. */
static rcr_status choose_setting(int *out, int *setting, int n, const rcr_cif_block *block, const rcr_cif_view *view,
                                 const double lattice[3][3], rcr_error *err) {
    char shown[40];
    rcr_cif_show(shown, view->text, view->length);
    n = fitting_settings(setting, n, lattice);
    if (n == 0)
        return rcr_fail_at(err, RCR_ERR_DATA, "", line_of(block, view),
                           "the space group '%s' does not fit the cell's lengths and angles", shown);
    n = filter_settings(setting, n, multiplicities_agree, block, lattice);
    n = filter_settings(setting, n, formula_agrees, block, lattice);
    for (int i = 1; i < n; i++) {
        if (rcr_symmetry_origin_choice(setting[i]) == rcr_symmetry_origin_choice(setting[0])) continue;
        return rcr_fail_at(
            err, RCR_ERR_UNSUPPORTED, "", line_of(block, view),
            "the space group '%s' has two choices of origin and the file does not say which it uses; add "
            "':1' or ':2' to the symbol, or list the symmetry operations",
            shown);
    }
    *out = setting[0];
    return RCR_OK;
}

static rcr_status check_fit(const rcr_symop *ops, size_t n, const rcr_cif_block *block, const char *at,
                            const double lattice[3][3], rcr_error *err) {
    if (rcr_symops_misfit(ops, n, lattice) <= MAX_MISFIT) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_DATA, "", rcr_cif_line(block->lexer, at),
                       "the symmetry operations do not fit the cell's lengths and angles");
}

/* The symbol of the file's setting, else that of the reference setting. */
static const rcr_cif_view *symbol_of(const rcr_cif_block *block) {
    return block->hm.text != NULL ? &block->hm : &block->hm_reference;
}

/* Keep those settings that the file's code for the setting means. */
static rcr_status keep_coded(int *setting, int *n, const rcr_cif_view *view, const rcr_cif_block *block,
                             rcr_error *err) {
    int coded[RCR_MAX_SETTINGS], n_kept = 0;
    int n_coded = rcr_symmetry_settings_of_code(coded, rcr_symmetry_number(setting[0]), block->setting_code.text,
                                                block->setting_code.length);
    for (int i = 0; i < *n; i++) {
        int means = 0;
        for (int k = 0; k < n_coded; k++) means |= coded[k] == setting[i];
        if (means) setting[n_kept++] = setting[i];
    }
    *n = n_kept;
    if (n_kept > 0) return RCR_OK;
    char shown[40], code[40];
    return rcr_fail_at(err, n_coded > 0 ? RCR_ERR_DATA : RCR_ERR_UNSUPPORTED, "", line_of(block, &block->setting_code),
                       "the space group '%s' %s the setting '%s', which the file gives as its coordinate system code; "
                       "list the symmetry operations",
                       rcr_cif_show(shown, view->text, view->length), n_coded > 0 ? "is not in" : "does not have",
                       rcr_cif_show(code, block->setting_code.text, block->setting_code.length));
}

/* The number of the space group; 0: the file has none. */
static int number_of(const rcr_cif_block *block) {
    double value = 0;
    int has_number = block->number.text != NULL && rcr_cif_number(&value, block->number.text, block->number.length);
    return has_number && value >= 1 && value <= 230 ? (int)value : 0;
}

/* Leave one setting, or none: what a symbol that is not known means beside a number must be beyond doubt, or the
 * structure would be another one without a word. */
static int keep_certain(int *setting, int n, const rcr_cif_block *block, const double lattice[3][3]) {
    rcr_symop ops[RCR_MAX_GROUP_ORDER];
    n = fitting_settings(setting, n, lattice);
    n = filter_settings(setting, n, multiplicities_agree, block, lattice);
    n = filter_settings(setting, n, formula_agrees, block, lattice);
    if (n != 1) return 0;
    int n_ops = rcr_symmetry_operations(ops, setting[0]);
    return multiplicities_agree(block, ops, (size_t)n_ops, lattice);
}

/* The settings of the Hermann-Mauguin symbol, else of the number; 0 when neither is known. */
static rcr_status named_settings(int *setting, int *n, const rcr_cif_view **view, const rcr_cif_block *block,
                                 const double lattice[3][3], rcr_error *err) {
    char shown[40];
    const rcr_cif_view *symbol = symbol_of(block);
    int number = number_of(block), is_guess = 0;
    *n = symbol->text != NULL ? rcr_symmetry_settings(setting, symbol->text, symbol->length) : 0;
    *view = symbol;
    if (*n > 0 && number != 0 && rcr_symmetry_number(setting[0]) != number)
        return rcr_fail_at(err, RCR_ERR_DATA, "", line_of(block, symbol),
                           "the space group '%s' is not number %d, which the file also gives; list the symmetry "
                           "operations",
                           rcr_cif_show(shown, symbol->text, symbol->length), number);
    if (*n == 0) {
        is_guess = symbol->text != NULL;
        *n = is_guess ? rcr_symmetry_settings_like(setting, number, symbol->text, symbol->length)
                      : rcr_symmetry_settings_of_number(setting, number);
        *view = &block->number;
    } else if (symbol == &block->hm_reference && block->setting_code.text != NULL) {
        *n = rcr_symmetry_settings_of_number(setting, rcr_symmetry_number(setting[0])); /* it names the type alone */
    }
    rcr_status status = *n > 0 && block->setting_code.text != NULL ? keep_coded(setting, n, *view, block, err) : RCR_OK;
    if (status == RCR_OK && is_guess) *n = keep_certain(setting, *n, block, lattice);
    return status;
}

/* ---- names that must agree */

static int count_translations(const rcr_symop *ops, int n_ops) {
    int n = 0;
    for (int k = 0; k < n_ops; k++) {
        int is_identity = 1;
        for (int i = 0; i < 9; i++) is_identity &= ops[k].r[i / 3][i % 3] == (i % 4 == 0);
        n += is_identity;
    }
    return n;
}

/* As many operations, and where the cell must be the same, as many translations among them; else as many to each
 * translation. */
static int same_extent(const rcr_symop *a, int n_a, const rcr_symop *b, int n_b, int same_cell) {
    int t_a = count_translations(a, n_a), t_b = count_translations(b, n_b);
    return same_cell ? n_a == n_b && t_a == t_b : n_a * t_b == n_b * t_a;
}

static int same_as_settings(const rcr_symop *ops, int n_ops, const int *setting, int n, int same_cell) {
    rcr_symop other[RCR_MAX_GROUP_ORDER];
    for (int i = 0; i < n; i++)
        if (same_extent(ops, n_ops, other, rcr_symmetry_operations(other, setting[i]), same_cell)) return 1;
    return n == 0;
}

/* What else the file calls the group of these operations, which are those of the name at `from`, must be as large. */
static rcr_status check_names(const rcr_symop *ops, int n_ops, const rcr_cif_view *from, const rcr_cif_block *block,
                              rcr_error *err) {
    int setting[RCR_MAX_SETTINGS];
    const rcr_cif_view *symbol = symbol_of(block), *wrong = NULL;
    if (symbol != from && symbol->text != NULL) {
        rcr_symop other[RCR_MAX_GROUP_ORDER];
        int same_cell = symbol == &block->hm, n = rcr_symmetry_from_unusual_name(other, symbol->text, symbol->length);
        if (n > 0 && !same_extent(ops, n_ops, other, n, same_cell)) wrong = symbol;
        if (n == 0) {
            n = rcr_symmetry_settings(setting, symbol->text, symbol->length);
            if (!same_as_settings(ops, n_ops, setting, n, same_cell)) wrong = symbol;
        }
    }
    int n = rcr_symmetry_settings_of_number(setting, number_of(block));
    int moved = from == symbol ? rcr_symmetry_moved_number(symbol->text, symbol->length) : 0;
    if (wrong == NULL &&
        (!same_as_settings(ops, n_ops, setting, n, 0) || (n > 0 && moved > 0 && moved != number_of(block))))
        wrong = &block->number;
    if (wrong == NULL) return RCR_OK;
    char shown[40], other[40];
    return rcr_fail_at(err, RCR_ERR_DATA, "", line_of(block, from),
                       "the space groups '%s' and '%s', both of which the file gives, are not the same; list the "
                       "symmetry operations",
                       rcr_cif_show(shown, from->text, from->length), rcr_cif_show(other, wrong->text, wrong->length));
}

static rcr_status operations_of_symbols(rcr_symop **owned, size_t *n_ops, const rcr_cif_block *block,
                                        const double lattice[3][3], rcr_error *err) {
    rcr_symop ops[RCR_MAX_GROUP_ORDER];
    rcr_status status;
    int n = 0;
    const rcr_cif_view *symbol = symbol_of(block), *from = &block->hall;
    if (block->hall.text != NULL) n = rcr_symmetry_from_hall(ops, block->hall.text, block->hall.length);
    if (n == 0 && symbol->text != NULL) {
        from = symbol;
        n = rcr_symmetry_from_unusual_name(ops, symbol->text, symbol->length);
    }
    if (n > 0) {
        if ((status = check_names(ops, n, from, block, err)) != RCR_OK) return status;
        if ((status = check_fit(ops, (size_t)n, block, from->text, lattice, err)) != RCR_OK) return status;
        return with_identity(owned, n_ops, ops, (size_t)n, err);
    }
    int setting[RCR_MAX_SETTINGS], chosen = 0;
    const rcr_cif_view *view;
    if ((status = named_settings(setting, &n, &view, block, lattice, err)) != RCR_OK) return status;
    if (n == 0) {
        char shown[40];
        const rcr_cif_view *known = symbol->text != NULL         ? symbol
                                    : block->hall.text != NULL   ? &block->hall
                                    : block->number.text != NULL ? &block->number
                                                                 : &block->setting_code;
        return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", line_of(block, known),
                           "the space group '%s' is not known and the file lists no symmetry operations",
                           rcr_cif_show(shown, known->text, known->length));
    }
    if ((status = choose_setting(&chosen, setting, n, block, view, lattice, err)) != RCR_OK) return status;
    n = rcr_symmetry_operations(ops, chosen);
    return with_identity(owned, n_ops, ops, (size_t)n, err);
}

static int is_p1_name(const rcr_cif_view *view) {
    return rcr_equals_ignore_case(view->text, view->length, "P 1") ||
           rcr_equals_ignore_case(view->text, view->length, "P1");
}

static int is_p1(const rcr_cif_block *block) {
    double number = 1;
    const rcr_cif_view *symbol = symbol_of(block);
    if (block->hall.text != NULL || symbol->text == NULL) return 0;
    if (block->number.text != NULL &&
        (!rcr_cif_number(&number, block->number.text, block->number.length) || number != 1))
        return 0;
    return is_p1_name(symbol);
}

/* The file says something of its space group, by which its operations can be found. */
static int names_group(const rcr_cif_block *block) {
    return block->hall.text != NULL || symbol_of(block)->text != NULL || block->number.text != NULL ||
           block->setting_code.text != NULL;
}

/* A magnetic group that has more operations than the identity, and time reversal alone. */
static int is_magnetic(const rcr_cif_block *block) {
    const rcr_cif_view *group = &block->magnetic_group;
    if (group->text == NULL) return 0;
    return block->n_centrings > 0 ||
           !(is_p1_name(group) || rcr_equals_ignore_case(group->text, group->length, "P 1 1'") ||
             rcr_equals_ignore_case(group->text, group->length, "P11'") ||
             rcr_equals_ignore_case(group->text, group->length, "1.1") ||
             rcr_equals_ignore_case(group->text, group->length, "1.2"));
}

rcr_status rcr_cif_find_operations(const rcr_symop **ops, size_t *n_ops, rcr_symop **owned, rcr_cif_block *block,
                                   const double lattice[3][3], rcr_error *err) {
    rcr_status status = RCR_OK;
    *ops = NULL;
    *n_ops = 0;
    *owned = NULL;
    if (block->n_ops > 0) {
        if ((status = add_centrings(block, err)) != RCR_OK) return status;
        int has_identity = 0;
        for (size_t i = 0; i < block->n_ops; i++) has_identity |= rcr_symop_is_identity(&block->op[i]);
        if (block->n_ops == 1 && has_identity) return RCR_OK;
        if ((status = check_fit(block->op, block->n_ops, block, block->operations, lattice, err)) != RCR_OK)
            return status;
        if (has_identity) {
            *ops = block->op;
            *n_ops = block->n_ops;
            return RCR_OK;
        }
        status = with_identity(owned, n_ops, block->op, block->n_ops, err);
    } else if (block->superspace.text != NULL) {
        return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", line_of(block, &block->superspace),
                           "operations in superspace are not handled; expand the modulated structure to P 1");
    } else if (names_group(block)) {
        if (!is_p1(block)) status = operations_of_symbols(owned, n_ops, block, lattice, err);
    } else if (is_magnetic(block)) {
        char shown[40];
        return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", line_of(block, &block->magnetic_group),
                           "the magnetic space group '%s' can't be used without its operations; list them "
                           "(_space_group_symop_magn_operation.xyz)",
                           rcr_cif_show(shown, block->magnetic_group.text, block->magnetic_group.length));
    }
    *ops = *owned;
    return status;
}
