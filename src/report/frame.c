/* Axes of a figure. */
#include <math.h>

#include "report/figures.h"

static const double tick_size = 7, title_size = 8;

double rcr_frame_x(const rcr_frame *frame, double value) {
    return frame->left + rcr_axis_fraction(&frame->x, value) * frame->width;
}

double rcr_frame_y(const rcr_frame *frame, double value) {
    return frame->top + (1 - rcr_axis_fraction(&frame->y, value)) * frame->height;
}

static void draw_number(rcr_canvas *canvas, double x, double y, rcr_anchor anchor, double value) {
    rcr_text text = {0};
    rcr_html_number(&text, value, 6);
    canvas->failed |= text.failed;
    if (text.data != NULL) {
        /* A real minus sign. */
        rcr_text shown = {0};
        rcr_text_puts(&shown, text.data[0] == '-' ? "\xe2\x88\x92" : "");
        rcr_text_puts(&shown, text.data + (text.data[0] == '-'));
        if (!shown.failed) rcr_draw_text(canvas, x, y, tick_size, anchor, 0, 0, RCR_COLOR_TEXT, shown.data);
        canvas->failed |= shown.failed;
        rcr_text_free(&shown);
    }
    rcr_text_free(&text);
}

rcr_frame rcr_frame_draw(rcr_canvas *canvas, rcr_axis x, rcr_axis y, double left, double top, double width,
                         double height) {
    static const rcr_ink line = {RCR_COLOR_TEXT, 1, 0.6, 0};
    rcr_frame frame = {canvas, x, y, left, top, width, height};
    double tick[RCR_MAX_TICKS], bottom = top + height;
    int n = x.title != NULL ? rcr_axis_ticks(tick, &x) : 0;
    for (int i = 0; i < n; i++) {
        double at = rcr_frame_x(&frame, tick[i]);
        rcr_draw_line(canvas, at, bottom, at, bottom + 3, line);
        draw_number(canvas, at, bottom + 11, RCR_ANCHOR_MIDDLE, tick[i]);
    }
    n = y.title != NULL ? rcr_axis_ticks(tick, &y) : 0;
    for (int i = 0; i < n; i++) {
        double at = rcr_frame_y(&frame, tick[i]);
        rcr_draw_line(canvas, left - 3, at, left, at, line);
        draw_number(canvas, left - 5, at + 2.5, RCR_ANCHOR_END, tick[i]);
    }
    rcr_draw_line(canvas, left, top, left, bottom, line);
    rcr_draw_line(canvas, left, bottom, left + width, bottom, line);
    if (x.title != NULL)
        rcr_draw_text(canvas, left + width / 2, bottom + 23, title_size, RCR_ANCHOR_MIDDLE, 0, 0, RCR_COLOR_TEXT,
                      x.title);
    if (y.title != NULL)
        rcr_draw_text(canvas, left - 30, top + height / 2, title_size, RCR_ANCHOR_MIDDLE, 1, 0, RCR_COLOR_TEXT,
                      y.title);
    return frame;
}

void rcr_frame_legend(const rcr_frame *frame, const char *const *name, const uint32_t *color, size_t n) {
    double x = frame->left + frame->width, y = frame->top + 4;
    for (size_t i = 0; i < n; i++, y += 10) {
        rcr_draw_text(frame->canvas, x - 16, y + 2.5, tick_size, RCR_ANCHOR_END, 0, 0, RCR_COLOR_TEXT, name[i]);
        rcr_draw_line(frame->canvas, x - 13, y, x, y, (rcr_ink){color[i], 1, 1.6, 0});
    }
}
