#include "io/json_scan.h"

#include <string.h>

#include "base/text.h"
#include "io/reader_parts.h"

/* How much of a file is looked at before its first line is taken for all there is, and of a list before it is given up.
 */
enum { FIRST_BYTES = 1 << 18, FIRST_ELEMENTS = 16 };

/* ---------------------------------------------------------------- values */

int rcr_json_skip_string(char key[RCR_JSON_KEY_MAX], size_t *begin, size_t *end, rcr_window *w) {
    size_t n = 0, start = ++w->at - w->begin;
    int escaped = 0;
    for (int c; (c = rcr_window_peek(w)) >= 0; w->at++) {
        if (c == '"' && !escaped) {
            if (begin != NULL) *begin = start;
            if (end != NULL) *end = w->at - w->begin;
            key[n] = '\0';
            w->at++;
            return 1;
        }
        escaped = c == '\\' && !escaped;
        if (n < RCR_JSON_KEY_MAX - 1) key[n++] = (char)c;
    }
    return 0;
}

static int ends_scalar(int c) { return c == ',' || c == ']' || c == '}' || rcr_is_space(c); }

/* Brackets and strings: the state between two looks at the window. */
typedef struct nesting {
    size_t depth;
    int in_string, escaped;
} nesting;

/* Follow the bytes from p on; where the outermost bracket closes, the place behind it, else NULL. */
static const char *follow(nesting *s, const char *p, const char *end) {
    while (p < end) {
        if (s->in_string) {
            for (; p < end; p++) {
                if (s->escaped)
                    s->escaped = 0;
                else if (*p == '\\')
                    s->escaped = 1;
                else if (*p == '"')
                    break;
            }
            if (p == end) return NULL;
            s->in_string = 0;
            p++;
            continue;
        }
        char c = *p++;
        if (c == '"') {
            s->in_string = 1;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if (c == '}' || c == ']') {
            if (--s->depth == 0) return p;
        }
    }
    return NULL;
}

int rcr_json_skip_value(rcr_window *w) {
    char unused[RCR_JSON_KEY_MAX];
    int c = rcr_window_peek(w);
    if (c < 0) return 0;
    if (c == '"') return rcr_json_skip_string(unused, NULL, NULL, w);
    if (c != '{' && c != '[') {
        while ((c = rcr_window_peek(w)) >= 0 && !ends_scalar(c)) w->at++;
        return 1;
    }
    nesting s = {0};
    for (;;) {
        const char *stop = follow(&s, w->data + w->at, w->data + w->end);
        w->at = stop != NULL ? (size_t)(stop - w->data) : w->end;
        if (stop != NULL) return 1;
        if (!rcr_window_more(w)) return 0;
    }
}

int rcr_json_next_key(char key[RCR_JSON_KEY_MAX], size_t *begin, size_t *end, rcr_window *w) {
    if (rcr_window_skip_blanks(w) == ',') w->at++;
    if (rcr_window_skip_blanks(w) != '"' || !rcr_json_skip_string(key, begin, end, w)) return 0;
    if (rcr_window_skip_blanks(w) != ':') return 0;
    w->at++;
    return rcr_window_skip_blanks(w) >= 0;
}

int rcr_json_next_element(rcr_window *w) {
    int c = rcr_window_skip_blanks(w);
    if (c == ',') {
        w->at++;
        c = rcr_window_skip_blanks(w);
    }
    return c >= 0 && c != ']';
}

/* ---------------------------------------------------------------- what lies in an object */

static int is_one_of(const char *key, const char *const *words) {
    for (; *words != NULL; words++)
        if (strcmp(key, *words) == 0) return 1;
    return 0;
}

int rcr_json_tells_structure(const char *key) {
    static const char *const words[] = {"lattice",          "sites",      "lattice_mat",     "attributes",
                                        "species_at_sites", "structures", "lattice_vectors", NULL};
    return is_one_of(key, words) || rcr_structure_key(key, strlen(key)) >= 0;
}

int rcr_json_look_into(rcr_window *w) {
    char key[RCR_JSON_KEY_MAX];
    w->at++;
    while (rcr_json_next_key(key, NULL, NULL, w)) {
        if (rcr_json_tells_structure(key)) return RCR_JSON_HAS_STRUCTURE;
        if (rcr_window_peek(w) != '{') {
            if (!rcr_json_skip_value(w)) return 0;
            continue;
        }
        w->at++;
        while (rcr_json_next_key(key, NULL, NULL, w)) {
            if (rcr_json_tells_structure(key)) return RCR_JSON_HAS_STRUCTURES;
            if (!rcr_json_skip_value(w)) return 0;
        }
        if (rcr_window_peek(w) != '}') return 0;
        w->at++;
    }
    return 0;
}

int rcr_json_is_entry(rcr_window *w) {
    char key[RCR_JSON_KEY_MAX];
    size_t start = w->at - w->begin;
    int found = 0;
    w->at++;
    while (!found && rcr_json_next_key(key, NULL, NULL, w)) {
        found = rcr_structure_key(key, strlen(key)) >= 0;
        if (!rcr_json_skip_value(w)) break;
    }
    w->at = w->begin + start;
    return found;
}

int rcr_json_count_structures(char first[RCR_JSON_KEY_MAX], rcr_window *w) {
    char key[RCR_JSON_KEY_MAX];
    size_t start = w->at - w->begin;
    int n = 0;
    first[0] = '\0';
    w->at++;
    while (n < 2 && rcr_json_next_key(key, NULL, NULL, w)) {
        size_t value = w->at - w->begin;
        if (rcr_window_peek(w) == '{' && rcr_json_look_into(w) == RCR_JSON_HAS_STRUCTURE && n++ == 0)
            memcpy(first, key, sizeof key);
        w->at = w->begin + value;
        if (!rcr_json_skip_value(w)) break;
    }
    w->at = w->begin + start;
    return n;
}

int rcr_json_is_id_column(const char *key) {
    for (size_t k = 0; rcr_id_keys[k] != NULL; k++)
        if (strcmp(key, rcr_id_keys[k]) == 0) return strcmp(key, "name") != 0;
    return 0;
}

int rcr_json_has_own_id(rcr_window *w) {
    char key[RCR_JSON_KEY_MAX];
    size_t start = w->at - w->begin;
    int found = 0;
    if (rcr_window_peek(w) == '{') {
        w->at++;
        while (!found && rcr_json_next_key(key, NULL, NULL, w)) {
            int c = rcr_window_peek(w);
            found = rcr_json_is_id_column(key) && (c == '"' || rcr_is_digit(c));
            if (!rcr_json_skip_value(w)) break;
        }
    }
    w->at = w->begin + start;
    return found;
}

int rcr_json_is_lines(rcr_window *w) {
    rcr_window_fill(w, FIRST_BYTES);
    const char *end = w->data + w->end, *p = memchr(w->data + w->begin, '\n', w->end - w->begin);
    const char *last = p;
    while (last != NULL && last > w->data + w->begin && rcr_is_space((unsigned char)*last)) last--;
    int goes_on = last != NULL && strchr(",:[{", *last) != NULL; /* the object does, not the file */
    while (p != NULL && p < end && rcr_is_space((unsigned char)*p)) p++;
    return !goes_on && p != NULL && p < end && *p == '{';
}

int rcr_json_array_holds_structures(rcr_window *w) {
    size_t start = w->at - w->begin;
    int found = 0;
    for (int i = 0; i < FIRST_ELEMENTS && !found && rcr_json_next_element(w); i++) {
        size_t element = w->at - w->begin;
        int c = rcr_window_peek(w);
        found = c == '[' || (c == '{' && rcr_json_look_into(w) != 0);
        w->at = w->begin + element;
        if (!found && (!rcr_json_skip_value(w) || w->at == w->begin + element)) break;
    }
    w->at = w->begin + start;
    return found;
}

int rcr_json_is_list_name(const char *key) {
    static const char *const words[] = {"data",      "entries",  "structures", "results",
                                        "materials", "response", "documents",  "docs"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strcmp(key, words[k]) == 0) return 1;
    return 0;
}
