/* The tokens of a CIF: views into the text, never copies. */
#ifndef RCR_IO_CIF_LEXER_H
#define RCR_IO_CIF_LEXER_H

#include <stddef.h>

typedef enum rcr_cif_kind {
    RCR_CIF_END = 0,
    RCR_CIF_DATA,   /* data_NAME; the view is NAME */
    RCR_CIF_LOOP,   /* loop_ */
    RCR_CIF_OTHER,  /* save_, global_, stop_: end a loop, hold nothing */
    RCR_CIF_TAG,    /* _name */
    RCR_CIF_BARE,   /* a value without quotes */
    RCR_CIF_QUOTED, /* a value in quotes or in a text block; the view is what stands between */
} rcr_cif_kind;

typedef struct rcr_cif_token {
    rcr_cif_kind kind;
    const char *text; /* not NUL-terminated */
    size_t length;
} rcr_cif_token;

typedef struct rcr_cif_lexer {
    const char *begin, *p, *end;
    int cif2;             /* the file says it is CIF 2.0: lists and tables are one token each */
    int no_triple[2];     /* no further ''' (""") closes: do not look again */
    const char *unclosed; /* start of a text block without end, else NULL */
    const char *counted;  /* up to here lines are counted, this one being `line` */
    long line;
} rcr_cif_lexer;

/* Skips a byte-order mark.  The text must outlive the lexer. */
void rcr_cif_lexer_start(rcr_cif_lexer *lexer, const char *text, size_t length);

/* The next token; RCR_CIF_END for ever after the last.  Never fails: a quote that nothing closes ends with its line (as
 * real files need it), a text block that nothing closes ends with the file and is remembered in `unclosed`. */
rcr_cif_token rcr_cif_next(rcr_cif_lexer *lexer);

/* The number of the line (1-based; LF, CRLF and CR end lines) that holds `at`.  Counted from the place that was asked
 * for last: from the begin, a file in which everything is wrong would take time beyond all measure. */
long rcr_cif_line(rcr_cif_lexer *lexer, const char *at);
/* The ends of lines within [from, to), for whoever asks of one place after another. */
long rcr_cif_line_ends(const rcr_cif_lexer *lexer, const char *from, const char *to);

/* A CIF number with or without an uncertainty in parentheses ("5.43(2)", "1.", "-.5e3").  1 on success. */
int rcr_cif_number(double *out, const char *text, size_t length);

#endif
