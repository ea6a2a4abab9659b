#include "io/symmetry.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* ---- "x, y+1/2, -z" */

/* Digits with an optional point; 0 when there are none. */
static int parse_decimal(double *out, const char **p, const char *end) {
    const char *start = *p;
    while (*p < end && (rcr_is_digit((unsigned char)**p) || **p == '.')) (*p)++;
    if (*p == start) return 0;
    return rcr_parse_double(out, start, (size_t)(*p - start));
}

static void skip_blanks(const char **p, const char *end) {
    while (*p < end && (unsigned char)**p <= ' ') (*p)++;
}

/* One of the three expressions: a sum of numbers and of x, y, z with factors. */
static int parse_expression(double row[3], double *shift, const char *p, const char *end) {
    int n_terms = 0;
    skip_blanks(&p, end);
    while (p < end) {
        double sign = 1, value = 1;
        int has_number = 0, has_sign = 0;
        while (p < end && (*p == '+' || *p == '-')) {
            if (*p == '-') sign = -sign;
            has_sign = 1;
            p++;
            skip_blanks(&p, end);
        }
        if (n_terms > 0 && !has_sign) return 0;
        if (p < end && (rcr_is_digit((unsigned char)*p) || *p == '.')) {
            if (!parse_decimal(&value, &p, end)) return 0;
            has_number = 1;
            skip_blanks(&p, end);
        }
        double divisor = 1;
        int axis = -1;
        for (int part = 0; part < 2; part++) { /* x/2 and 1/2x and 1/2*x */
            if (p < end && *p == '/') {
                p++;
                skip_blanks(&p, end);
                if ((!has_number && axis < 0) || !parse_decimal(&divisor, &p, end) || divisor == 0) return 0;
                skip_blanks(&p, end);
            }
            if (p < end && *p == '*' && has_number && axis < 0) {
                p++;
                skip_blanks(&p, end);
                if (p == end || rcr_ascii_lower((unsigned char)*p) < 'x' || rcr_ascii_lower((unsigned char)*p) > 'z')
                    return 0;
            }
            int letter = p < end ? rcr_ascii_lower((unsigned char)*p) : 0;
            if (axis < 0 && letter >= 'x' && letter <= 'z') {
                axis = letter - 'x';
                p++;
                skip_blanks(&p, end);
            }
        }
        if (!has_number && axis < 0) return 0;
        value *= sign / divisor;
        if (axis >= 0)
            row[axis] += value;
        else
            *shift += value;
        n_terms++;
    }
    return n_terms > 0;
}

static double determinant(const double r[3][3]) {
    return r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1]) - r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0]) +
           r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
}

int rcr_symop_parse(rcr_symop *out, const char *text, size_t length) {
    const char *p = text, *end = text + length;
    rcr_symop op;
    memset(&op, 0, sizeof op);
    for (int i = 0; i < 3; i++) {
        const char *comma = p < end ? memchr(p, ',', (size_t)(end - p)) : NULL;
        if ((comma == NULL) != (i == 2)) return 0;
        if (!parse_expression(op.r[i], &op.t[i], p, comma != NULL ? comma : end)) return 0;
        /* 0.3333 means 1/3: all translations of space groups are multiples of 1/24 at most. */
        double snapped = round(op.t[i] * 24) / 24;
        if (fabs(snapped - op.t[i]) < 5e-4) op.t[i] = snapped;
        op.t[i] -= floor(op.t[i]);
        p = comma != NULL ? comma + 1 : end;
    }
    if (!(fabs(fabs(determinant((const double(*)[3])op.r)) - 1) < 1e-6)) return 0;
    *out = op;
    return 1;
}

int rcr_symop_is_identity(const rcr_symop *op) {
    for (int i = 0; i < 3; i++) {
        if (op->t[i] != 0) return 0;
        for (int j = 0; j < 3; j++)
            if (op->r[i][j] != (i == j)) return 0;
    }
    return 1;
}

double rcr_symops_misfit(const rcr_symop *ops, size_t n, const double lattice[3][3]) {
    double g[3][3], worst = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            g[i][j] = lattice[i][0] * lattice[j][0] + lattice[i][1] * lattice[j][1] + lattice[i][2] * lattice[j][2];
    for (size_t k = 0; k < n; k++) {
        for (int i = 0; i < 3; i++) {
            for (int j = i; j < 3; j++) {
                double image = 0; /* (r^T g r)_ij */
                for (int l = 0; l < 3; l++)
                    for (int m = 0; m < 3; m++) image += ops[k].r[l][i] * g[l][m] * ops[k].r[m][j];
                double change = fabs(image - g[i][j]) / sqrt(g[i][i] * g[j][j]);
                if (!(change <= worst)) worst = change;
            }
        }
    }
    return worst;
}

/* ---- Hall symbols.  Rotations are integers, translations are integers in units of 1/24 (1/12 is the finest). */

typedef struct hall_op {
    int r[3][3];
    int t[3];
} hall_op;

static hall_op multiply(const hall_op *a, const hall_op *b) {
    hall_op c;
    for (int i = 0; i < 3; i++) {
        c.t[i] = a->t[i];
        for (int j = 0; j < 3; j++) {
            c.r[i][j] = 0;
            for (int k = 0; k < 3; k++) c.r[i][j] += a->r[i][k] * b->r[k][j];
            c.t[i] += a->r[i][j] * b->t[j];
        }
        c.t[i] = ((c.t[i] % 24) + 24) % 24;
    }
    return c;
}

static int equal(const hall_op *a, const hall_op *b) {
    return memcmp(a->r, b->r, sizeof a->r) == 0 && memcmp(a->t, b->t, sizeof a->t) == 0;
}

static const hall_op hall_identity = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}};

/* The rotation of order n about c, or for a prime or double prime about a-b or a+b, its axes then permuted cyclically
 * so that c becomes `axis`. */
static int rotation(int r[3][3], int n, char kind, int axis) {
    static const int about_c[5][3][3] = {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
                                         {{-1, 0, 0}, {0, -1, 0}, {0, 0, 1}},
                                         {{0, -1, 0}, {1, -1, 0}, {0, 0, 1}},
                                         {{0, -1, 0}, {1, 0, 0}, {0, 0, 1}},
                                         {{1, -1, 0}, {1, 0, 0}, {0, 0, 1}}};
    static const int prime[3][3] = {{0, -1, 0}, {-1, 0, 0}, {0, 0, -1}};
    static const int double_prime[3][3] = {{0, 1, 0}, {1, 0, 0}, {0, 0, -1}};
    static const int diagonal[3][3] = {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}};
    const int(*source)[3] = about_c[n == 6 ? 4 : n - 1];
    if (kind == '*') {
        if (n != 3) return 0;
        memcpy(r, diagonal, sizeof diagonal);
        return 1;
    }
    if (kind == '\'' || kind == '"') {
        if (n != 2) return 0;
        source = kind == '"' ? double_prime : prime;
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) r[(i + axis + 1) % 3][(j + axis + 1) % 3] = source[i][j];
    return 1;
}

/* What the rules for a matrix symbol need to know of the ones before it. */
typedef struct hall_state {
    int position;       /* 0 for the first matrix symbol */
    int previous_order; /* of the one before */
    int previous_axis;  /* 0 a, 1 b, 2 c */
} hall_state;

static int add_translation(int t[3], char letter) {
    switch (letter) {
    case 'a': t[0] += 12; return 1;
    case 'b': t[1] += 12; return 1;
    case 'c': t[2] += 12; return 1;
    case 'u': t[0] += 6; return 1;
    case 'v': t[1] += 6; return 1;
    case 'w': t[2] += 6; return 1;
    case 'n':
        for (int i = 0; i < 3; i++) t[i] += 12;
        return 1;
    case 'd':
        for (int i = 0; i < 3; i++) t[i] += 6;
        return 1;
    default: return 0;
    }
}

/* One matrix symbol, such as 2ybc, -4n, 31, 3*, 2". */
static int parse_matrix(hall_op *op, hall_state *state, const char *p, const char *end) {
    int negative = p < end && *p == '-';
    if (negative) p++;
    if (p == end || strchr("12346", *p) == NULL) return 0;
    int order = *p++ - '0', axis = -1, screw = 0;
    char kind = 0;
    *op = hall_identity;
    for (; p < end; p++) {
        char c = (char)rcr_ascii_lower((unsigned char)*p);
        if (c >= 'x' && c <= 'z' && axis < 0) {
            axis = c - 'x';
        } else if (c == '\'' || c == '"' || c == '*') {
            if (kind == '\'' && c == '\'')
                c = '"'; /* two single quotes written for one double */
            else if (kind != 0)
                return 0;
            kind = c;
        } else if (c >= '1' && c <= '5' && screw == 0 && c - '0' < order) {
            screw = c - '0';
        } else if (!add_translation(op->t, c)) {
            return 0;
        }
    }
    /* Axes that the symbol leaves out: c for the first; a for a twofold after a two- or fourfold, a-b after a three-
     * or sixfold; a+b+c for a threefold in third place. */
    if (axis < 0 && kind == 0 && order != 1) {
        if (state->position == 1 && order == 2)
            kind = state->previous_order == 3 || state->previous_order == 6 ? '\'' : 0;
        if (state->position == 1 && order == 2 && kind == 0) axis = 0;
        if (state->position >= 2 && order == 3) kind = '*';
    }
    if (axis < 0) axis = kind == '\'' || kind == '"' ? state->previous_axis : 2;
    if (!rotation(op->r, order, kind, axis)) return 0;
    if (screw != 0) {
        if (kind != 0) return 0;
        op->t[axis] += 24 * screw / order;
    }
    for (int i = 0; i < 3; i++) {
        op->t[i] %= 24;
        for (int j = 0; j < 3 && negative; j++) op->r[i][j] = -op->r[i][j];
    }
    *state = (hall_state){state->position + 1, order, axis};
    return 1;
}

/* The centring translations in 1/24; -1 when the letter is none. */
static int parse_centring(hall_op out[3], char letter) {
    static const struct {
        char letter;
        int n, t[3][3];
    } centrings[] = {{'p', 0, {{0, 0, 0}}},
                     {'a', 1, {{0, 12, 12}}},
                     {'b', 1, {{12, 0, 12}}},
                     {'c', 1, {{12, 12, 0}}},
                     {'i', 1, {{12, 12, 12}}},
                     {'r', 2, {{16, 8, 8}, {8, 16, 16}}},
                     {'s', 2, {{8, 8, 16}, {16, 16, 8}}},
                     {'t', 2, {{8, 16, 8}, {16, 8, 16}}},
                     {'h', 2, {{16, 8, 0}, {8, 16, 0}}},
                     {'f', 3, {{0, 12, 12}, {12, 0, 12}, {12, 12, 0}}}};
    for (size_t i = 0; i < sizeof centrings / sizeof *centrings; i++) {
        if (centrings[i].letter != rcr_ascii_lower((unsigned char)letter)) continue;
        for (int k = 0; k < centrings[i].n; k++) {
            out[k] = hall_identity;
            memcpy(out[k].t, centrings[i].t[k], sizeof out[k].t);
        }
        return centrings[i].n;
    }
    return -1;
}

/* "(0 0 -1)": the origin shift, in twelfths. */
static int parse_shift(int shift[3], const char *p, const char *end) {
    for (int i = 0; i < 3; i++) {
        while (p < end && (*p == ' ' || *p == '_' || *p == ',')) p++;
        const char *start = p;
        while (p < end && (*p == '-' || rcr_is_digit((unsigned char)*p))) p++;
        int64_t value;
        if (!rcr_parse_int64(&value, start, (size_t)(p - start)) || value < -1000 || value > 1000) return 0;
        shift[i] = 2 * (int)value;
    }
    while (p < end && *p == ' ') p++;
    return p < end && *p == ')';
}

/* All products of the generators; 0 when they are too many to be a space group. */
static int generate(hall_op *group, const hall_op *generators, int n_generators) {
    int n = 1;
    group[0] = hall_identity;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n_generators; k++) {
            hall_op product = multiply(&generators[k], &group[i]);
            int known = 0;
            for (int j = 0; j < n && !known; j++) known = equal(&product, &group[j]);
            if (known) continue;
            if (n == RCR_MAX_GROUP_ORDER) return 0;
            group[n++] = product;
        }
    }
    return n;
}

int rcr_symmetry_from_hall(rcr_symop ops[RCR_MAX_GROUP_ORDER], const char *text, size_t length) {
    const char *p = text, *end = text + length;
    hall_op generators[16], group[RCR_MAX_GROUP_ORDER];
    hall_state state = {0, 0, 2};
    int n = 0, shift[3] = {0, 0, 0};
    skip_blanks(&p, end);
    if (p < end && *p == '-') {
        generators[n] = hall_identity;
        for (int i = 0; i < 3; i++) generators[n].r[i][i] = -1;
        n++;
        p++;
    }
    int n_centrings = p < end ? parse_centring(generators + n, *p++) : -1;
    if (n_centrings < 0) return 0;
    n += n_centrings;
    for (;;) {
        while (p < end && ((unsigned char)*p <= ' ' || *p == '_')) p++;
        if (p == end) break;
        if (*p == '(') {
            if (!parse_shift(shift, p + 1, end)) return 0;
            break;
        }
        const char *start = p;
        while (p < end && (unsigned char)*p > ' ' && *p != '_' && *p != '(') p++;
        if (n == 16 || !parse_matrix(&generators[n], &state, start, p)) return 0;
        n++;
    }
    if (state.position == 0) return 0;
    n = generate(group, generators, n);
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < 3; i++) {
            int t = group[k].t[i] + shift[i]; /* V S V^-1: t + v - R v */
            for (int j = 0; j < 3; j++) {
                t -= group[k].r[i][j] * shift[j];
                ops[k].r[i][j] = group[k].r[i][j];
            }
            ops[k].t[i] = (double)(((t % 24) + 24) % 24) / 24;
        }
    }
    return n;
}
