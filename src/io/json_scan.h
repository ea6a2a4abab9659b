/* Walking through JSON of any length without building it: brackets and strings are followed, nothing else is checked,
 * as what is cut out is parsed on its own afterwards.  All functions move the window's `at` and never its begin. */
#ifndef RCR_IO_JSON_SCAN_H
#define RCR_IO_JSON_SCAN_H

#include "io/unpack.h"

enum { RCR_JSON_KEY_MAX = 64 };

/* Over one value; `at` stands on its first byte.  1: it is over; 0: the file ends within it. */
int rcr_json_skip_value(rcr_window *window);

/* Over a string; `at` stands on its quotation mark.  Its first bytes, as they stand there (escapes included), go to
 * key, NUL-terminated and cut at RCR_JSON_KEY_MAX - 1; *begin, *end (may be NULL): where it lies, from window->begin.
 */
int rcr_json_skip_string(char key[RCR_JSON_KEY_MAX], size_t *begin, size_t *end, rcr_window *window);

/* In an object, from behind '{' or behind a value: over blanks and a comma to the next key, over it and the colon, to
 * the value.  1: `at` stands on a value; 0: on the closing bracket, or at what is no key, or at the end. */
int rcr_json_next_key(char key[RCR_JSON_KEY_MAX], size_t *begin, size_t *end, rcr_window *window);

/* In an array, from behind '[' or behind an element: 1: `at` stands on the next element; 0: on the closing bracket, or
 * at the end. */
int rcr_json_next_element(rcr_window *window);

/* What an object holds, by the names of its keys: bits. */
enum {
    RCR_JSON_HAS_STRUCTURE =
        1, /* itself a structure or an entry with one: has sites, structure, atoms, attributes, .. */
    RCR_JSON_HAS_STRUCTURES = 2 /* its values are such */
};
/* `at` stands on the object's bracket and is somewhere within it afterwards, as soon as the answer is known. */
int rcr_json_look_into(rcr_window *window);

/* Whether the object at `at`, which stays there, has a structure under one of the names for it: it is none itself. */
int rcr_json_is_entry(rcr_window *window);

/* Whether structures are seen among the first elements of an array; `at` stands behind '[', and does so afterwards. */
int rcr_json_array_holds_structures(rcr_window *window);

/* 1 for the names under which an object keeps a list of rows or structures. */
int rcr_json_is_list_name(const char *key);

/* How many values of an object hold a structure, up to two, and the key of the first; `at` stays on its bracket. */
int rcr_json_count_structures(char first[RCR_JSON_KEY_MAX], rcr_window *window);

/* 1 for the names of ids but for "name", which need not be of one row alone. */
int rcr_json_is_id_column(const char *name);
/* Whether the object at `at`, which stays there, has an id under one of them. */
int rcr_json_has_own_id(rcr_window *window);

/* Whether an object stands in the first line, and one more begins the next: `at` stands at the first byte. */
int rcr_json_is_lines(rcr_window *window);

/* 1 for the name of a key that only a structure or an entry with one has. */
int rcr_json_tells_structure(const char *key);

#endif
