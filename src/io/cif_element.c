/* Which element a CIF's type symbols and labels mean. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"
#include "crystal/element.h"
#include "crystal/species.h"
#include "io/cif_internal.h"

/* Elements beyond plutonium are in no crystal that a label leaves open (Md is a site of M, say). */
#define MAX_NATURAL 94

const char *rcr_cif_show(char buffer[40], const char *text, size_t length) {
    size_t n = length < 39 ? length : 39;
    for (size_t i = 0; i < n; i++) buffer[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    buffer[n] = '\0';
    return buffer;
}

int rcr_cif_unknown(const rcr_cif_view *view) {
    return view->text == NULL || (view->length == 1 && (*view->text == '.' || *view->text == '?'));
}

/* The element of one or two letters, whatever their case; D and T are hydrogen. */
static uint8_t element_of_letters(const char *text, size_t length) {
    char symbol[2] = {text[0], 0};
    if (rcr_is_alpha((unsigned char)symbol[0]) && symbol[0] >= 'a') symbol[0] = (char)(symbol[0] - 32);
    if (length == 1 && (symbol[0] == 'D' || symbol[0] == 'T')) return 1;
    if (length == 2) symbol[1] = (char)rcr_ascii_lower((unsigned char)text[1]);
    return (uint8_t)rcr_element_from_symbol(symbol, length);
}

static size_t count_letters(const char *text, size_t length) {
    size_t n = 0;
    while (n < length && rcr_is_alpha((unsigned char)text[n])) n++;
    return n;
}

/* A symbol of one letter, or of two after which others may stand (CoNi), in its own letter case: its length, 0 where
 * there is none. */
static size_t leading_symbol(uint8_t *element, const char *text, size_t letters) {
    size_t m = letters >= 2 && text[1] >= 'a' ? 2 : 1;
    if (letters == 0 || text[0] >= 'a' || (letters > m && (m == 1 || text[m] >= 'a'))) return 0;
    *element = (uint8_t)rcr_element_from_symbol(text, m);
    return *element != 0 && *element <= MAX_NATURAL ? m : 0;
}

/* Si/Al, Si0.5Al0.5, 'Fe Co', Fe+Co: another element follows the first, whatever stands between.  Which shares they
 * have is not always said.  No elements are the capital that a label copied into this column may end with (C1B), and
 * words (Fe3+ HS). */
static int type_names_several(const char *text, size_t length) {
    size_t n = count_letters(text, length);
    if (n == length || n == 0 || n > 2) return 0;
    uint8_t first = element_of_letters(text, n), element = 0;
    for (size_t i = n; i < length; i += n == 0 ? 1 : n) {
        n = count_letters(text + i, length - i);
        size_t m = leading_symbol(&element, text + i, n);
        if (m == 0 && n == 2 && (text[i] >= 'a') == (text[0] >= 'a')) { /* FE+CO, fe+co */
            element = element_of_letters(text + i, 2);
            m = element != 0 && element <= MAX_NATURAL ? 2 : 0;
        }
        if (m == 0 || element == first) continue;
        if (m == 1 && i + 1 == length && rcr_is_digit((unsigned char)text[i - 1]) && memchr(text, '.', length) == NULL)
            continue;
        return 1;
    }
    return 0;
}

static int in_formula(const rcr_cif_block *block, uint8_t element) { return block->formula_count[element] > 0; }

/* Whether what follows the first symbol of a label is another element on its site (SiAl1, NaK1) and not the name of the
 * site (FeM1, OCo, AlT), where the formula has that element or is not known.  After O, C, H and the like, which atoms
 * are bound to, and of single letters, most are names of sites. */
static int follows_as_element(const rcr_cif_block *block, const char *text, size_t n_first, const char *next,
                              size_t letters) {
    uint8_t element = 0;
    size_t m = leading_symbol(&element, next, letters);
    if (m == 0 || (n_first == 1 && (m == 1 || strchr("KUVWY", text[0]) == NULL))) return 0;
    if (block->formula_known == 1) return in_formula(block, element) && (m == 2 || strchr("KPSUVWY", *next) != NULL);
    return m == 2 || strchr("KPSU", *next) != NULL;
}

static int label_names_several(const rcr_cif_block *block, const char *text, size_t length) {
    uint8_t first = 0, element = 0;
    size_t n = count_letters(text, length), m = leading_symbol(&first, text, n >= 2 && text[1] >= 'a' ? 2 : n > 0);
    if (m > 0 && n > m && follows_as_element(block, text, m, text + m, n - m)) return 1;
    for (size_t i = n, letters; m > 0 && i < length; i += letters == 0 ? 1 : letters) {
        letters = count_letters(text + i, length - i);
        element = 0;
        int listed = text[i - 1] == '/' || text[i - 1] == ','; /* i >= n > 0 */
        size_t own = leading_symbol(&element, text + i, letters);
        if (own == 0 || element == first || (own == 1 && !listed)) continue;
        if (listed || follows_as_element(block, text, m, text + i, letters)) return 1;
    }
    return 0;
}

/* H2O, D2O, H3O+.  H1B and H2S are hydrogens, by labels copied into this column. */
static int is_water(const char *text, size_t length) {
    return length >= 3 && strchr("HhDd", text[0]) != NULL && (text[1] == '2' || text[1] == '3') &&
           (text[2] == 'O' || text[2] == 'o') && (length == 3 || !rcr_is_alpha((unsigned char)text[3]));
}

/* Is what follows a symbol the number of atoms of a group, as in CO3 and PO43-, and not a charge (CO3+) nor the label
 * of a first atom (CO1)? */
static int is_count(const char *text, size_t length) {
    size_t n = 0;
    double value;
    while (n < length && (rcr_is_digit((unsigned char)text[n]) || text[n] == '.')) n++;
    return n > 0 && rcr_parse_double(&value, text, n) && value > 1 && !(value < 10 && n < length && text[n] == '+');
}

/* NH4, CN, CO3: two letters that aren't written as a symbol is, and that are a group of atoms rather than the element
 * that they would be: this element, which they are where the formula has it; else 0. */
static uint8_t element_or_group(const char *text, size_t length) {
    static const char *const groups[] = {"co", "po", "ho", "hf", "cd", "nd"}; /* D: methyl and ammonium */
    if (count_letters(text, length) != 2 || (text[0] < 'a' && text[1] >= 'a')) return 0;
    uint8_t element = element_of_letters(text, 2);
    if (element > MAX_NATURAL) return element;
    if (length >= 4 && rcr_equals_ignore_case(text, 4, "nd4+")) return element; /* no neodymium has this charge */
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (rcr_equals_ignore_case(text, 2, groups[i])) return is_count(text + 2, length - 2) ? element : 0;
    return 0;
}

uint8_t rcr_cif_element_of_type(const char *text, size_t length) {
    size_t n = count_letters(text, length);
    if (type_names_several(text, length) || is_water(text, length) || element_or_group(text, length) != 0) return 0;
    if (n == 1 || n == 2) {
        uint8_t element = element_of_letters(text, n);
        if (element != 0) return element;
    }
    /* Names of scattering factors and of water's atoms that stand where an element should. */
    static const struct {
        const char *name;
        uint8_t element;
    } others[] = {{"ow", 8}, {"hw", 1}, {"cval", 6}, {"siva", 14}, {"sival", 14}, {"siv", 14}, {"hbnd", 1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (rcr_equals_ignore_case(text, n, others[i].name)) return others[i].element;
    /* FeIII, MnII: a proper symbol, then a Roman number. */
    if (n >= 2) {
        size_t m = text[1] >= 'a' ? 2 : 1;
        for (size_t i = m; i < n; i++)
            if (text[i] != 'I' && text[i] != 'V') return 0;
        return n > m ? (uint8_t)rcr_element_from_symbol(text, m) : 0;
    }
    return 0;
}

/* "C6 H12 O6": counts of the elements; formula_known = -1 when the text is something else. */
static void parse_formula(rcr_cif_block *block) {
    block->formula_known = -1;
    if (rcr_cif_unknown(&block->formula)) return;
    const char *p = block->formula.text, *end = p + block->formula.length;
    int n = 0;
    while (p < end) {
        if ((unsigned char)*p <= ' ' || *p == '(') {
            p++;
            continue;
        }
        if (*p == ')' && !(p + 1 < end && rcr_is_digit((unsigned char)p[1]))) { /* (Al1.94 Fe.06): a shared site */
            p++;
            continue;
        }
        size_t letters = count_letters(p, (size_t)(end - p));
        size_t m = letters >= 2 && p[1] >= 'a' ? 2 : 1;
        uint8_t element = letters > 0 ? element_of_letters(p, m) : 0;
        if (element == 0) return;
        p += m;
        const char *start = p;
        while (p < end && (rcr_is_digit((unsigned char)*p) || *p == '.')) p++;
        double count = 1;
        if (p > start && !rcr_parse_double(&count, start, (size_t)(p - start))) return;
        block->formula_count[element] += count;
        n++;
    }
    if (n > 0) block->formula_known = 1;
}

/* Labels of water: OW1, Hw2, Dw; Wat1, which stands for its oxygen.  0: none. */
static uint8_t element_of_water(const char *text, size_t n) {
    if (n >= 2 && rcr_ascii_lower((unsigned char)text[1]) == 'w') {
        if (*text == 'O' || *text == 'o') return 8;
        if (strchr("HhDd", *text) != NULL) return 1;
    }
    return n >= 3 && rcr_equals_ignore_case(text, 3, "wat") ? 8 : 0;
}

/* The elements that a label such as Fe2A, ba, O1W, H12 may mean: the one to prefer, and the other in *other (0: none)
 * where it may just as well be that. */
static uint8_t element_of_label(uint8_t *other, const rcr_cif_block *block, const char *text, size_t length) {
    size_t n = count_letters(text, length);
    *other = 0;
    if (n == 0 || (n >= 3 && rcr_equals_ignore_case(text, 3, "vac"))) return 0;
    uint8_t one = element_of_letters(text, 1), two = n >= 2 ? element_of_letters(text, 2) : 0;
    if (two == 0 && element_of_water(text, n) != 0) return element_of_water(text, n);
    /* No deuterium where the formula has no hydrogen. */
    if (one == 1 && *text == 'D' && block->formula_known == 1 && !in_formula(block, 1)) one = 0;
    /* T is a tetrahedral site and not tritium: T1 is none, TiM titanium, also where the rounded formula has none.
     * Without a formula TA may be a site, too. */
    if (*text == 'T' || *text == 't') {
        if (block->formula_known != 1 && two != 0 && text[1] < 'a') *other = 1;
        one = 0;
    }
    /* MnT, of which the rounded formula says nothing: M is no element, so nothing else can be meant. */
    if (one == 0 && two != 0 && two <= MAX_NATURAL && text[1] >= 'a') return two;
    if (block->formula_known == 1) {
        if (one != 0 && !in_formula(block, one)) one = 0;
        if (two != 0 && !in_formula(block, two)) two = 0;
    } else if (two == 0 && n >= 2 && text[1] >= 'a' && one != 8) {
        return 0; /* Me1, Xx: not a symbol, and nothing says that its first letter is meant */
    }
    if (one == 0 || two == 0) return one != 0 ? one : two;
    if (text[1] >= 'a') return two; /* Fe2A, Ho1 */
    *other = one;                   /* HO1 may be Ho, or H on an O */
    return two;
}

/* Does another row stand on the same coordinates? */
static int shares_place(const rcr_cif_block *block, const rcr_cif_site *site) {
    for (size_t i = 0; i < block->n_sites && i < 1000; i++) {
        const double *a = site->frac, *b = block->site[i].frac;
        if (&block->site[i] == site) continue;
        if (fabs(a[0] - b[0]) < 5e-4 && fabs(a[1] - b[1]) < 5e-4 && fabs(a[2] - b[2]) < 5e-4) return 1;
    }
    return 0;
}

/* Ca1 where the formula has C and no Ca.  On a whole site that is a carbon atom.  On a part of one it may be a trace of
 * calcium, which a rounded formula leaves out: *element, where other atoms fill the place; else 0, as nothing tells.
 * Hydrogens with a name of two letters are often halved (Ho, on an O).  0 is returned where there is no such doubt. */
static int may_be_trace(uint8_t *element, const rcr_cif_block *block, const rcr_cif_site *site) {
    const char *text = site->label.text;
    if (block->formula_known != 1 || site->occupancy >= 1 - RCR_OCCUPANCY_TOLERANCE ||
        count_letters(text, site->label.length) < 2 || text[0] >= 'a' || text[1] < 'a')
        return 0;
    uint8_t one = element_of_letters(text, 1), two = element_of_letters(text, 2);
    if (one == 0 || !in_formula(block, one) || two == 0 || two > MAX_NATURAL || in_formula(block, two)) return 0;
    int is_shared = shares_place(block, site) && site->occupancy < 0.5;
    if (!is_shared && *text == 'H') return 0;
    *element = is_shared ? two : 0;
    return 1;
}

static rcr_status fail_type(const rcr_cif_site *site, const rcr_cif_block *block, rcr_error *err) {
    char name[40] = "?", type[40];
    const char *text = site->type.text, *what = "no chemical element";
    size_t length = site->type.length;
    if (is_water(text, length) || element_or_group(text, length) != 0)
        what = "a group of atoms, or an element that the formula lacks; give each atom a row with its element";
    else if (type_names_several(text, length))
        what = "several elements; give each a row with its occupancy";
    if (site->label.text != NULL) rcr_cif_show(name, site->label.text, site->label.length);
    return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", rcr_cif_line(block->lexer, text),
                       "site %s has the type '%s', which is %s", name, rcr_cif_show(type, text, length), what);
}

static rcr_status fail_label(const rcr_cif_site *site, const rcr_cif_block *block, const char *what, rcr_error *err) {
    char name[40];
    return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", rcr_cif_line(block->lexer, site->label.text),
                       "the label '%s' %s; add _atom_site_type_symbol",
                       rcr_cif_show(name, site->label.text, site->label.length), what);
}

/* The element of a site by its label; left open (0) where the label may mean two. */
static rcr_status resolve_label(rcr_cif_site *site, const rcr_cif_block *block, rcr_error *err) {
    uint8_t other;
    char shown[40];
    if (!rcr_cif_unknown(&site->type)) {
        uint8_t named = element_or_group(site->type.text, site->type.length);
        if (named == 0 || block->formula_known != 1 || !in_formula(block, named)) return fail_type(site, block, err);
        site->atomic_number = named;
        return RCR_OK;
    }
    if (rcr_cif_unknown(&site->label))
        return rcr_fail_at(err, RCR_ERR_DATA, "", rcr_cif_line(block->lexer, block->start),
                           "a site has neither a label nor a type symbol");
    if (label_names_several(block, site->label.text, site->label.length))
        return rcr_fail_at(err, RCR_ERR_UNSUPPORTED, "", rcr_cif_line(block->lexer, site->label.text),
                           "the label '%s' names several elements; give each a row with its occupancy",
                           rcr_cif_show(shown, site->label.text, site->label.length));
    uint8_t element;
    if (may_be_trace(&element, block, site)) {
        site->atomic_number = element;
        if (element != 0) return RCR_OK;
        return fail_label(site, block, "may mean an element that the formula lacks, or that of its first letter", err);
    }
    element = element_of_label(&other, block, site->label.text, site->label.length);
    if (element == 0)
        return fail_label(
            site, block,
            block->formula_known == 1 ? "names no chemical element of the formula" : "names no chemical element", err);
    if (other == 0) site->atomic_number = element;
    return RCR_OK;
}

/* The sites left open: of the two elements, the one that the formula names and no site with a clear label is. */
static rcr_status resolve_open(rcr_cif_block *block, rcr_error *err) {
    uint8_t present[119] = {0};
    for (size_t i = 0; i < block->n_sites; i++) present[block->site[i].atomic_number] = 1;
    for (size_t i = 0; i < block->n_sites; i++) {
        rcr_cif_site *site = &block->site[i];
        if (site->atomic_number != 0) continue;
        uint8_t b, a = element_of_label(&b, block, site->label.text, site->label.length);
        if (block->formula_known != 1 || present[a] == present[b])
            return fail_label(site, block, "may mean either of two elements", err);
        site->atomic_number = present[a] ? b : a;
    }
    return RCR_OK;
}

rcr_status rcr_cif_resolve_elements(rcr_cif_block *block, rcr_error *err) {
    size_t n_open = 0;
    rcr_status status;
    for (size_t i = 0; i < block->n_sites; i++) {
        rcr_cif_site *site = &block->site[i];
        if (site->atomic_number != 0) continue;
        if (block->formula_known == 0) parse_formula(block);
        if ((status = resolve_label(site, block, err)) != RCR_OK) return status;
        n_open += site->atomic_number == 0;
    }
    if (n_open > 0 && (status = resolve_open(block, err)) != RCR_OK) return status;
    if (block->formula_known == 0 && block->n_ops == 0) parse_formula(block);
    return RCR_OK;
}
