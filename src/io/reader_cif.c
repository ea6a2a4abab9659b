/* Files of CIF: one record, or one for each data block that holds a structure. */
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/cif.h"
#include "io/cif_blocks.h"
#include "io/reader_parts.h"

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

rcr_status rcr_cut_cif(rcr_cutter *out, rcr_window *window, rcr_error *err) {
    while (rcr_window_more(window)) continue;
    const char *text = window->data + window->begin, *begin, *end;
    size_t length = window->end - window->begin;
    if (window->error.status != RCR_OK || !rcr_cif_may_have_blocks(text, length)) return rcr_cut_file(out, window, err);
    cif_file *f = rcr_calloc(1, sizeof *f);
    if (f == NULL) {
        rcr_window_release(window);
        return rcr_fail_memory(err, "opening a file");
    }
    rcr_cif_blocks_start(&f->blocks, text, length);
    if (!rcr_cif_blocks_next(&begin, &end, &f->blocks) || (find_block(f), f->begin == NULL)) {
        rcr_free(f);
        return rcr_cut_file(out, window, err);
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
