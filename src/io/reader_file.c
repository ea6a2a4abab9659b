/* Files of one structure, and the frames of extended XYZ. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "io/extxyz.h"
#include "io/reader_parts.h"

enum { SHOWN_BYTES = 4096 };
#define MAX_FRAME_ATOMS 10000000 /* more than that the parser refuses */

typedef struct text_file {
    rcr_window window;
    int done;
} text_file;

static void close_file(void *self) {
    text_file *f = self;
    rcr_window_release(&f->window);
    rcr_free(f);
}

/* ---------------------------------------------------------------- UTF-16 */

rcr_status rcr_cut_utf8(char **text, size_t *length, rcr_window *w, rcr_error *err) {
    *text = NULL;
    if (!rcr_looks_like_utf16(w->data + w->begin, w->end - w->begin)) return RCR_OK;
    while (rcr_window_more(w)) continue;
    if (w->error.status != RCR_OK && err != NULL) *err = w->error;
    if (w->error.status != RCR_OK) return w->error.status;
    return rcr_structure_from_utf16(text, length, w->data + w->begin, w->end - w->begin, err);
}

void rcr_cut_replace(rcr_window *w, char *text, size_t length) {
    rcr_free(w->data);
    w->data = text;
    w->capacity = w->end = length;
    w->begin = w->at = 0;
}

/* ---------------------------------------------------------------- one structure */

static int next_file(void *self, rcr_record *record, int *last) {
    text_file *f = self;
    if (f->done) return 0;
    f->done = *last = 1;
    while (rcr_window_more(&f->window)) continue;
    f->window.at = f->window.end;
    if (!rcr_cut_failed(record, &f->window)) rcr_cut_take(record, &f->window, RCR_UNPARSED_FILE, NULL);
    record->line = 0; /* the parser knows where an error is, or that it is nowhere */
    return 1;
}

static rcr_status open_file(rcr_cutter *out, const char *format, rcr_window *window,
                            int (*next)(void *, rcr_record *, int *), rcr_error *err) {
    text_file *f = rcr_calloc(1, sizeof *f);
    if (f == NULL) {
        rcr_window_release(window);
        return rcr_fail_memory(err, "opening a file");
    }
    f->window = *window;
    *out = (rcr_cutter){.format = format, .self = f, .window = &f->window, .next = next, .close = close_file};
    return RCR_OK;
}

rcr_status rcr_cut_file(rcr_cutter *out, rcr_window *window, rcr_error *err) {
    return open_file(out, "structure file", window, next_file, err);
}

/* ---------------------------------------------------------------- frames */

/* The number on a frame's first line; -1: none that can be followed. */
static int64_t frame_atoms(const char *p, const char *end) {
    if (end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) p += 3;
    while (p < end && rcr_is_space((unsigned char)*p)) p++;
    while (end > p && rcr_is_space((unsigned char)end[-1])) end--;
    int64_t n;
    return rcr_parse_int64(&n, p, (size_t)(end - p)) && n >= 0 && n <= MAX_FRAME_ATOMS ? n : -1;
}

/* Pass over lines of blanks, whatever ends them; 0 when the file ends with them. */
static int skip_blank_lines(rcr_window *w) {
    size_t start = w->at - w->begin;
    for (int c; (c = rcr_window_peek(w)) >= 0; w->at++) {
        if (!rcr_is_space(c)) {
            w->at = w->begin + start;
            return 1;
        }
        if (c == '\n' || c == '\r') start = w->at - w->begin + 1;
    }
    return 0;
}

/* See what ends the lines of the frame whose first line begins at `at`. */
static void find_line_end(rcr_window *w) {
    size_t start = w->at - w->begin;
    int c = rcr_window_peek(w);
    while (c >= 0 && c != '\n' && c != '\r') {
        w->at++;
        c = rcr_window_peek(w);
    }
    while (c == '\r') {
        w->at++;
        c = rcr_window_peek(w);
    }
    w->line_end = rcr_extxyz_line_end(w->data + w->begin + start, w->at - w->begin - start + (c >= 0));
    w->at = w->begin + start;
}

/* A frame is its count, a line of keys, its atoms, and the blank lines before the next one.  Where its end can't be
 * told, its beginning is the last record, which the parser refuses. */
static int next_frame(void *self, rcr_record *record, int *last) {
    text_file *f = self;
    rcr_window *w = &f->window;
    if (f->done) return 0;
    if (!skip_blank_lines(w) && w->error.status == RCR_OK) return 0;
    size_t start = w->at - w->begin;
    find_line_end(w);
    rcr_window_skip_line(w);
    int64_t n = frame_atoms(w->data + w->begin + start, w->data + w->at);
    int whole = n >= 0;
    for (int64_t i = 0; i < n + 1 && whole; i++) whole = rcr_window_skip_line(w);
    int more = whole && skip_blank_lines(w);
    *last = f->done = !more;
    record->line = w->line;
    if (rcr_cut_failed(record, w)) return 1;
    if (!whole && w->at - w->begin > SHOWN_BYTES) w->at = w->begin + SHOWN_BYTES;
    rcr_cut_take(record, w, RCR_UNPARSED_FRAME, NULL);
    return 1;
}

rcr_status rcr_cut_frames(rcr_cutter *out, rcr_window *window, rcr_error *err) {
    return open_file(out, "extended XYZ", window, next_frame, err);
}

/* What of a frame is a property: neither what the format takes, nor what names it, nor what holds a zero byte. */
static int is_property(const rcr_extxyz_info *info, const rcr_extxyz_info *id) {
    if (info->own || memchr(info->value, '\0', info->value_length) != NULL) return 0;
    return id == NULL || info->key_length != id->key_length || memcmp(info->key, id->key, id->key_length) != 0;
}

void rcr_parse_frame(rcr_record *record) {
    const rcr_unparsed *u = record->unparsed;
    rcr_extxyz_info *info = NULL;
    size_t n = 0, consumed = 0;
    rcr_status status = rcr_extxyz_parse_all(&record->crystal, &info, &n, &consumed, "", u->text, u->length,
                                             record->line, &record->error);
    record->value_line = record->line + 1;
    const rcr_extxyz_info *id = rcr_extxyz_find_id(info, n);
    int kept = 1;
    if (id != NULL && memchr(id->value, '\0', id->value_length) == NULL)
        kept = rcr_record_name(record, id->value, id->value_length,
                               id->key_length == 4 && memcmp(id->key, "name", 4) == 0);
    for (size_t i = 0; i < n && kept && status == RCR_OK; i++)
        if (is_property(&info[i], id))
            kept = rcr_record_add(record, info[i].key, info[i].key_length, info[i].value, info[i].value_length);
    rcr_free(info);
    if (status != RCR_OK && status != RCR_ERR_MEMORY && consumed == 0) {
        size_t used = strlen(record->error.message);
        snprintf(record->error.message + used, sizeof record->error.message - used,
                 " (frames after this one can't be found)");
    }
    if (!kept) rcr_fail_memory(&record->error, "reading a structure");
}
