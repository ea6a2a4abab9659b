/* Files of CIF: one record, or one for each data block that holds a structure. */
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/cif.h"
#include "io/cif_blocks.h"
#include "io/reader_parts.h"
#include "io/structure.h"

typedef struct cif_file {
    rcr_window window; /* read to its end */
    rcr_cif_blocks blocks;
    const char *begin, *end; /* of the block that is next; NULL: none is */
    const char *counted;     /* up to here lines are counted, this one being `line` */
    long line;
} cif_file;

static void close_file(void *self) {
    cif_file *f = self;
    rcr_window_release(&f->window);
    rcr_free(f);
}

static void find_block(cif_file *f) {
    if (!rcr_cif_blocks_next(&f->begin, &f->end, &f->blocks)) f->begin = NULL;
}

static int next_block(void *self, rcr_record *record, int *last) {
    cif_file *f = self;
    rcr_window *w = &f->window;
    if (f->begin == NULL) return 0;
    f->line +=
        rcr_cif_line_ends(&f->blocks.lexer, f->counted, f->begin); /* from the file's begin it would be quadratic */
    f->counted = f->begin;
    w->at = (size_t)(f->begin - w->data);
    rcr_window_drop(w);
    w->at = (size_t)(f->end - w->data);
    rcr_cut_take(record, w, f->blocks.lexer.cif2 ? RCR_UNPARSED_BLOCK_2 : RCR_UNPARSED_BLOCK, NULL);
    record->line = f->line; /* as the parser counts, which takes CR for the end of a line as well */
    find_block(f);
    *last = f->begin == NULL;
    return 1;
}

/* Whether the text holds two structures or more. */
static int holds_several(const char *text, size_t length) {
    rcr_cif_blocks blocks;
    const char *begin, *end;
    if (!rcr_cif_may_have_blocks(text, length)) return 0;
    rcr_cif_blocks_start(&blocks, text, length);
    return rcr_cif_blocks_next(&begin, &end, &blocks) && rcr_cif_blocks_next(&begin, &end, &blocks);
}

/* A file of several structures in UTF-16 has to be cut as UTF-8.  One of a single structure stays as it is: its bytes
 * are what a record is known by. */
static rcr_status convert_window(rcr_window *window, rcr_error *err) {
    char *text;
    size_t n;
    rcr_status status = rcr_cut_utf8(&text, &n, window, err);
    if (status != RCR_OK || text == NULL) return status;
    if (holds_several(text, n))
        rcr_cut_replace(window, text, n);
    else
        rcr_free(text);
    return RCR_OK;
}

rcr_status rcr_cut_cif(rcr_cutter *out, rcr_window *window, rcr_error *err) {
    while (rcr_window_more(window)) continue;
    rcr_status status = window->error.status == RCR_OK ? convert_window(window, err) : RCR_OK;
    if (status != RCR_OK) {
        rcr_window_release(window);
        return status;
    }
    const char *text = window->data + window->begin;
    size_t length = window->end - window->begin;
    if (window->error.status != RCR_OK || !holds_several(text, length)) return rcr_cut_file(out, window, err);
    cif_file *f = rcr_calloc(1, sizeof *f);
    if (f == NULL) {
        rcr_window_release(window);
        return rcr_fail_memory(err, "opening a file");
    }
    rcr_cif_blocks_start(&f->blocks, text, length);
    find_block(f);
    f->window = *window;
    f->counted = f->blocks.lexer.begin;
    f->line = 1;
    *out = (rcr_cutter){.format = "CIF of several structures", .self = f, .next = next_block, .close = close_file};
    return RCR_OK;
}

void rcr_parse_block(rcr_record *record, int cif2) {
    const rcr_unparsed *u = record->unparsed;
    rcr_error *err = &record->error;
    if (rcr_cif_parse_block(&record->crystal, "", u->text, u->length, cif2, err) != RCR_OK && err->line > 0)
        err->line += record->line - 1;
}
