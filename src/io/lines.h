/* Lines and words of a text, for formats that are read line by line. */
#ifndef RCR_IO_LINES_H
#define RCR_IO_LINES_H

#include <stddef.h>

#include "recryst.h"

/* A part of a text; not NUL-terminated. */
typedef struct rcr_word {
    const char *text;
    size_t length;
} rcr_word;

/* What is left of a text, and the number (1-based) of the line that rcr_next_line gave last. */
typedef struct rcr_lines {
    const char *p, *end;
    long number;
} rcr_lines;

/* At the beginning of a text; a byte-order mark of UTF-8 is passed over. */
rcr_lines rcr_lines_start(const char *text, size_t length);

/* The next line without its end, which is LF, CRLF or CR.  0: there is none. */
int rcr_next_line(rcr_word *line, rcr_lines *in);

/* Cut the first word off a line; its length is 0 when there is none.  Control characters count as blanks. */
rcr_word rcr_next_word(rcr_word *rest);

/* 1 when a word is the whole of `name`, ignoring ASCII case. */
int rcr_word_is(rcr_word word, const char *name);

/* Cut up to n finite numbers off a line, as Fortran reads them: blanks or commas between them, exponents with e or d.
 * It stops at the first word that is none.  Returns how many there are. */
int rcr_next_numbers(double *out, int n, rcr_word *rest);

/* "WHAT: 'WORD'", the word cut to 39 printable characters. */
rcr_status rcr_fail_word(rcr_error *err, rcr_status status, long line, const char *what, rcr_word word);

/* The element that a word begins with: two letters where these are a symbol, else one, the first a capital; D and T are
 * hydrogen.  *used: how many letters it takes.  0: none. */
int rcr_element_of_word(size_t *used, rcr_word word);

#endif
