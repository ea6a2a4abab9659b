/* Names of space groups, looked up in spglib's table of 530 settings. */
#include <pthread.h>
#include <spglib.h>
#include <string.h>

#include "base/text.h"
#include "io/symmetry.h"

enum { N_SETTINGS = 530, NAME_SIZE = 40 };

/* spglib keeps its last error in a static variable, so calls of two threads must not overlap. */
static pthread_mutex_t spglib_lock = PTHREAD_MUTEX_INITIALIZER;

static SpglibSpacegroupType setting_type(int setting) {
    pthread_mutex_lock(&spglib_lock);
    SpglibSpacegroupType type = spg_get_spacegroup_type(setting);
    pthread_mutex_unlock(&spglib_lock);
    return type;
}

int rcr_symmetry_number(int setting) { return setting_type(setting).number; }

char rcr_symmetry_origin_choice(int setting) {
    char choice = setting_type(setting).choice[0];
    return choice == '1' || choice == '2' ? choice : 0;
}

int rcr_symmetry_operations(rcr_symop ops[RCR_MAX_GROUP_ORDER], int setting) {
    int rotations[RCR_MAX_GROUP_ORDER][3][3];
    double translations[RCR_MAX_GROUP_ORDER][3];
    pthread_mutex_lock(&spglib_lock);
    int n = spg_get_symmetry_from_database(rotations, translations, setting);
    pthread_mutex_unlock(&spglib_lock);
    for (int k = 0; k < n; k++) {
        for (int i = 0; i < 3; i++) {
            ops[k].t[i] = translations[k][i];
            for (int j = 0; j < 3; j++) ops[k].r[i][j] = rotations[k][i][j];
        }
    }
    return n;
}

int rcr_symmetry_settings_of_number(int setting[RCR_MAX_SETTINGS], int number) {
    int n = 0;
    if (number < 1 || number > 230) return 0;
    for (int k = 1; k <= N_SETTINGS && n < RCR_MAX_SETTINGS; k++)
        if (setting_type(k).number == number) setting[n++] = k;
    return n;
}

/* Lower case, without blanks, underscores, parentheses and quotes.  0 when it does not fit. */
static int normalize(char out[NAME_SIZE], const char *text, size_t length) {
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if ((unsigned char)c <= ' ' || strchr("_()'\"", c) != NULL) continue;
        if (n + 1 == NAME_SIZE) return 0;
        out[n++] = (char)rcr_ascii_lower((unsigned char)c);
    }
    out[n] = '\0';
    return n > 0;
}

/* ---- codes of settings */

/* "2ba-c" -> '2' and "ba-c"; abc, the axes as they are, is the empty text.  The origin is 0 where there is none. */
static char split_origin(const char **axes, const char *code) {
    char origin = *code == '1' || *code == '2' ? *code++ : 0;
    *axes = strcmp(code, "abc") == 0 ? "" : code;
    return origin;
}

/* The settings among all[0 .. n) with these axes and this origin. */
static int with_axes(int *setting, const int *all, int n, char origin, const char *axes) {
    int n_kept = 0;
    for (int k = 0; k < n; k++) {
        const char *own;
        SpglibSpacegroupType type = setting_type(all[k]);
        char own_origin = split_origin(&own, type.choice);
        if (rcr_equals_ignore_case(own, strlen(own), axes) && (origin == 0 || own_origin == 0 || own_origin == origin))
            setting[n_kept++] = all[k];
    }
    return n_kept;
}

int rcr_symmetry_settings_of_code(int setting[RCR_MAX_SETTINGS], int number, const char *code, size_t length) {
    static const char *const orders[] = {"", "ba-c", "cab", "-cba", "bca", "a-cb"};
    char name[NAME_SIZE];
    int all[RCR_MAX_SETTINGS], n_all = rcr_symmetry_settings_of_number(all, number);
    if (!normalize(name, code, length)) return 0;
    if (n_all == 1) { /* however the axes are called */
        setting[0] = all[0];
        return 1;
    }
    const char *axes;
    char origin = split_origin(&axes, name);
    int n = with_axes(setting, all, n_all, origin, axes);
    size_t last = strlen(axes);
    /* Where the cell choices of a monoclinic group are all the same, the table knows the axis alone. */
    if (n == 0 && last >= 2 && strchr("123", axes[last - 1]) != NULL) {
        char axis[2] = {axes[last - 2], '\0'};
        return last == 2 || axes[0] == '-' ? with_axes(setting, all, n_all, origin, axis) : 0;
    }
    /* Of six orders of orthorhombic axes those that give the same operations are there once: each with the next one
     * (P 2 2 21), or every second (P b c a). */
    for (size_t k = 0; k < 6 && n == 0; k++) {
        if (strcmp(axes, orders[k]) != 0) continue;
        n = with_axes(setting, all, n_all, origin, orders[k ^ 1]);
        if (n == 0) n = with_axes(setting, all, n_all, origin, orders[k % 2]);
    }
    return n;
}

/* ---- symbols */

/* The full symbol of a monoclinic group without the 1s that fill it up: P 1 2_1/n 1 -> p21/n. */
static void strip_ones(char out[NAME_SIZE], const char *full) {
    char kept[NAME_SIZE];
    size_t n = 0;
    for (const char *p = full; *p != '\0' && n + 1 < sizeof kept; p++) {
        int alone = *p == '1' && p > full && p[-1] == ' ' && (p[1] == ' ' || p[1] == '\0');
        if (!alone) kept[n++] = *p;
    }
    normalize(out, kept, n);
}

/* Does one of the names of this setting equal `name`? */
static int has_name(const SpglibSpacegroupType *type, const char *name) {
    char own[NAME_SIZE];
    int monoclinic = type->number >= 3 && type->number <= 15;
    if (normalize(own, type->international_full, strlen(type->international_full)) && strcmp(own, name) == 0) return 1;
    if (monoclinic) {
        /* The short symbol is the same for every setting of the type; only the one of this setting may count. */
        strip_ones(own, type->international_full);
        if (strcmp(own, name) == 0) return 1;
    } else if (normalize(own, type->international_short, strlen(type->international_short))) {
        if (strcmp(own, name) == 0) return 1;
        /* F d 3 m, as it was written before 1983, for F d -3 m. */
        int holohedral = (type->number >= 200 && type->number <= 206) || type->number >= 221;
        char *minus = holohedral ? strchr(own, '-') : NULL;
        if (minus != NULL && strchr(name, '-') == NULL) {
            memmove(minus, minus + 1, strlen(minus));
            if (strcmp(own, name) == 0) return 1;
        }
    }
    /* "C 2 = B 1 1 2 = B 2": all but the first belong to this setting alone. */
    const char *p = strchr(type->international, '=');
    while (p != NULL) {
        const char *next = strchr(p + 1, '=');
        size_t length = next != NULL ? (size_t)(next - p - 1) : strlen(p + 1);
        if (normalize(own, p + 1, length) && strcmp(own, name) == 0) return 1;
        p = next;
    }
    return 0;
}

/* Names from before 1992, when the double glide plane e had no letter of its own, and their settings. */
static const struct {
    const char *name;
    int setting[2]; /* origin choices 1 and 2 where there are two */
} old_names[] = {
    {"abm2", {191, 0}},   {"bma2", {192, 0}},   {"b2cm", {193, 0}},   {"c2mb", {194, 0}},   {"cm2a", {195, 0}},
    {"ac2m", {196, 0}},   {"aba2", {203, 0}},   {"bba2", {204, 0}},   {"b2cb", {205, 0}},   {"c2cb", {206, 0}},
    {"cc2a", {207, 0}},   {"ac2a", {208, 0}},   {"cmca", {304, 0}},   {"ccmb", {305, 0}},   {"abma", {306, 0}},
    {"acam", {307, 0}},   {"bbcm", {308, 0}},   {"bmab", {309, 0}},   {"cmma", {316, 0}},   {"cmmb", {317, 0}},
    {"abmm", {318, 0}},   {"acmm", {319, 0}},   {"bmcm", {320, 0}},   {"bmam", {321, 0}},   {"ccca", {322, 323}},
    {"cccb", {324, 325}}, {"abaa", {326, 327}}, {"acaa", {328, 329}}, {"bbcb", {330, 331}}, {"bbab", {332, 333}},
};

static int choice_fits(const SpglibSpacegroupType *type, const char *choice) {
    const char *own = type->choice;
    if (choice[0] == '\0') return 1;
    if (strcmp(choice, "1") == 0 || strcmp(choice, "s") == 0) return own[0] == '1';
    if (strcmp(choice, "2") == 0 || strcmp(choice, "z") == 0) return own[0] == '2';
    if (strcmp(choice, "h") == 0 || strcmp(choice, "hr") == 0) return own[0] == 'H';
    if (strcmp(choice, "r") == 0 || strcmp(choice, "rs") == 0) return own[0] == 'R';
    return rcr_equals_ignore_case(own, strlen(own), choice);
}

static int find_settings(int setting[RCR_MAX_SETTINGS], const char *name, const char *choice) {
    int n = 0;
    for (size_t i = 0; i < sizeof old_names / sizeof *old_names; i++) {
        if (strcmp(name, old_names[i].name) != 0) continue;
        for (int k = 0; k < 2; k++) {
            if (old_names[i].setting[k] == 0) continue;
            SpglibSpacegroupType type = setting_type(old_names[i].setting[k]);
            if (choice_fits(&type, choice)) setting[n++] = old_names[i].setting[k];
        }
        return n;
    }
    for (int k = 1; k <= N_SETTINGS && n < RCR_MAX_SETTINGS; k++) {
        SpglibSpacegroupType type = setting_type(k);
        if (choice_fits(&type, choice) && has_name(&type, name)) setting[n++] = k;
    }
    return n;
}

/* Cut a choice off the end of a symbol: after a colon, in words ("origin choice 2"), or one of ICSD's letters as a
 * word of its own.  Returns what is left of the length. */
static size_t split_choice(char choice[NAME_SIZE], const char *text, size_t length) {
    choice[0] = '\0';
    const char *colon = memchr(text, ':', length);
    if (colon != NULL) {
        normalize(choice, colon + 1, length - (size_t)(colon - text) - 1);
        return (size_t)(colon - text);
    }
    for (size_t i = 0; i + 6 <= length; i++) {
        if (!rcr_equals_ignore_case(text + i, 6, "origin")) continue;
        char last = text[length - 1] == ')' && length >= 2 ? text[length - 2] : text[length - 1];
        choice[0] = last;
        choice[1] = '\0';
        return i;
    }
    size_t start = length;
    while (start > 0 && (unsigned char)text[start - 1] > ' ' && text[start - 1] != '_') start--;
    static const char *const letters[] = {"z", "s", "h", "r", "hr", "rs"};
    for (size_t i = 0; i < sizeof letters / sizeof *letters && start > 0; i++) {
        if (rcr_equals_ignore_case(text + start, length - start, letters[i])) {
            strcpy(choice, letters[i]);
            return start;
        }
    }
    return length;
}

static int settings_of_symbol(int setting[RCR_MAX_SETTINGS], const char *text, size_t length) {
    char name[NAME_SIZE], choice[NAME_SIZE];
    size_t rest = split_choice(choice, text, length);
    if (!normalize(name, text, rest)) return 0;
    int n = find_settings(setting, name, choice);
    /* R-3mH, Fd-3mZ: the letter without a blank before it. */
    size_t last = strlen(name) - 1;
    if (n == 0 && choice[0] == '\0' && last > 0 && strchr("zshr", name[last]) != NULL) {
        choice[0] = name[last];
        choice[1] = '\0';
        name[last] = '\0';
        n = find_settings(setting, name, choice);
    }
    return n;
}

int rcr_symmetry_settings(int setting[RCR_MAX_SETTINGS], const char *text, size_t length) {
    while (length > 0 && (unsigned char)text[length - 1] <= ' ') length--;
    int n = settings_of_symbol(setting, text, length);
    if (n > 0 || length == 0 || text[length - 1] != ')') return n;
    /* "P 21/c (No. 14)"; in P2(1)/m no blank stands before the parenthesis. */
    while (length > 0 && text[length - 1] != '(') length--;
    if (length < 2 || (unsigned char)text[length - 2] > ' ') return 0;
    return settings_of_symbol(setting, text, length - 2);
}

/* The axis that a symbol of four words names, as P 1 1 21/n does: 'a', 'b', 'c'; 0: none. */
static char named_axis(const char *text, size_t length) {
    int n = 0, axis = 0, n_ones = 0;
    for (size_t i = 0; i < length;) {
        size_t start = i;
        while (i < length && (unsigned char)text[i] > ' ') i++;
        if (i > start) {
            int is_one = i == start + 1 && text[start] == '1';
            if (n > 0 && !is_one) axis = n;
            n_ones += n > 0 && is_one;
            n++;
        }
        while (i < length && (unsigned char)text[i] <= ' ') i++;
    }
    return n == 4 && n_ones == 2 ? (char)('a' + axis - 1) : 0;
}

int rcr_symmetry_settings_like(int setting[RCR_MAX_SETTINGS], int number, const char *text, size_t length) {
    char name[NAME_SIZE], axis = named_axis(text, length);
    int all[RCR_MAX_SETTINGS], n = 0, n_all = rcr_symmetry_settings_of_number(all, number);
    if (!normalize(name, text, length)) return 0;
    for (int k = 0; k < n_all; k++) {
        SpglibSpacegroupType type = setting_type(all[k]);
        int letter = rcr_ascii_lower((unsigned char)type.international_full[0]);
        if (letter != (name[0] == 'h' ? 'r' : name[0])) continue;
        if (number >= 3 && number <= 15 && axis != 0 && strchr(type.choice, axis) == NULL) continue;
        setting[n++] = all[k];
    }
    return n;
}

/* Centrings that the tables leave out because a smaller cell would do, but that authors use to keep a familiar cell
 * (the feldspars' C -1). */
static const struct {
    const char *name, *hall;
} unusual_names[] = {
    {"c1211", "C 2yb"},    {"c112", "C 2"},      {"c1121", "C 2c"},    {"b121", "B 2y"},    {"b1211", "B 2yb"},
    {"i1211", "I 2yb"},    {"f121", "F 2y"},     {"f1m1", "F -2y"},    {"f1d1", "F -2yuw"}, {"f12/m1", "-F 2y"},
    {"f2/m", "-F 2y"},     {"abam", "-A 2 2ab"}, {"c422", "C 4 2"},    {"c4221", "C 4a 2"}, {"c-42m", "C -4 2"},
    {"c-42b", "C -4 2ya"}, {"f422", "F 4 2"},    {"f4/mmm", "-F 4 2"},
};

/* CCP4's names of groups whose origin it moves.  Beside their number they must not count as the usual setting. */
static const struct {
    int number;
    const char *name, *hall;
} moved_names[] = {
    {18, "p21212a", "P 2ab 2a"}, {20, "c2221a", "C 2ac 2"},   {21, "c222a", "C 2ab 2b"},    {22, "f222a", "F 2 2c"},
    {23, "i222a", "I 2ab 2bc"},  {94, "p42212a", "P 4bc 2a"}, {197, "i23a", "I 2ab 2bc 3"},
};

int rcr_symmetry_moved_number(const char *text, size_t length) {
    char name[NAME_SIZE];
    if (!normalize(name, text, length)) return 0;
    for (size_t i = 0; i < sizeof moved_names / sizeof *moved_names; i++)
        if (strcmp(name, moved_names[i].name) == 0) return moved_names[i].number;
    return 0;
}

int rcr_symmetry_from_unusual_name(rcr_symop ops[RCR_MAX_GROUP_ORDER], const char *text, size_t length) {
    char name[NAME_SIZE];
    if (!normalize(name, text, length)) return 0;
    for (size_t i = 0; i < sizeof unusual_names / sizeof *unusual_names; i++)
        if (strcmp(name, unusual_names[i].name) == 0)
            return rcr_symmetry_from_hall(ops, unusual_names[i].hall, strlen(unusual_names[i].hall));
    for (size_t i = 0; i < sizeof moved_names / sizeof *moved_names; i++)
        if (strcmp(name, moved_names[i].name) == 0)
            return rcr_symmetry_from_hall(ops, moved_names[i].hall, strlen(moved_names[i].hall));
    if (strchr("abcif", name[0]) != NULL && (strcmp(name + 1, "1") == 0 || strcmp(name + 1, "-1") == 0)) {
        const char hall[] = {'-', name[0], ' ', '1'};
        int has_centre = name[1] == '-';
        return rcr_symmetry_from_hall(ops, hall + (has_centre ? 0 : 1), has_centre ? 4 : 3);
    }
    return 0;
}
