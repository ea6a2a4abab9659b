#include "report/canvas.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "report/plot.h"

void rcr_canvas_release(rcr_canvas *canvas) {
    rcr_free(canvas->shape);
    rcr_free(canvas->point);
    rcr_text_free(&canvas->text);
}

/* ---- drawing */

static rcr_shape *add_shape(rcr_canvas *canvas, rcr_shape_kind kind, rcr_ink ink) {
    rcr_shape *grown = rcr_grow(canvas->shape, &canvas->shape_room, canvas->n_shapes + 1, sizeof *grown);
    if (grown == NULL) {
        canvas->failed = 1;
        return NULL;
    }
    canvas->shape = grown;
    rcr_shape *shape = &canvas->shape[canvas->n_shapes++];
    *shape = (rcr_shape){.kind = kind, .ink = ink};
    return shape;
}

void rcr_draw_path(rcr_canvas *canvas, const double (*point)[2], size_t n, rcr_ink ink) {
    if (n < 2) return;
    double(*grown)[2] = rcr_grow(canvas->point, &canvas->point_room, canvas->n_points + n, sizeof *grown);
    if (grown == NULL) {
        canvas->failed = 1;
        return;
    }
    canvas->point = grown;
    rcr_shape *shape = add_shape(canvas, RCR_SHAPE_PATH, ink);
    if (shape == NULL) return;
    shape->first = canvas->n_points;
    shape->n = n;
    memcpy(canvas->point + canvas->n_points, point, n * sizeof *point);
    canvas->n_points += n;
}

void rcr_draw_line(rcr_canvas *canvas, double x1, double y1, double x2, double y2, rcr_ink ink) {
    const double point[2][2] = {{x1, y1}, {x2, y2}};
    rcr_draw_path(canvas, point, 2, ink);
}

void rcr_draw_box(rcr_canvas *canvas, double x, double y, double width, double height, rcr_ink ink) {
    const double point[4][2] = {{x, y}, {x + width, y}, {x + width, y + height}, {x, y + height}};
    ink.width = 0;
    rcr_draw_path(canvas, point, 4, ink);
}

void rcr_draw_circle(rcr_canvas *canvas, double x, double y, double radius, rcr_ink ink) {
    rcr_shape *shape = isfinite(x) && isfinite(y) ? add_shape(canvas, RCR_SHAPE_CIRCLE, ink) : NULL;
    if (shape == NULL) return;
    shape->x = x;
    shape->y = y;
    shape->radius = radius;
}

void rcr_draw_text(rcr_canvas *canvas, double x, double y, double size, rcr_anchor anchor, int upright, int bold,
                   uint32_t color, const char *text) {
    rcr_shape *shape = add_shape(canvas, RCR_SHAPE_TEXT, (rcr_ink){color, 1, 0, 0});
    if (shape == NULL) return;
    shape->x = x;
    shape->y = y;
    shape->size = size;
    shape->anchor = anchor;
    shape->upright = upright;
    shape->bold = bold;
    shape->first = canvas->text.length;
    shape->n = strlen(text);
    rcr_text_append(&canvas->text, text, shape->n + 1);
    canvas->failed |= canvas->text.failed;
}

/* ---- SVG */

static void put_number(rcr_text *out, double value) {
    char number[32];
    double rounded = round(value * 100) / 100;
    rcr_text_puts(out, rcr_format_double(number, rounded == 0 ? 0 : rounded));
}

static void put_attribute(rcr_text *out, const char *name, double value) {
    rcr_text_printf(out, " %s=\"", name);
    put_number(out, value);
    rcr_text_puts(out, "\"");
}

static void put_ink(rcr_text *out, const rcr_ink *ink) {
    int line = ink->width > 0;
    rcr_text_printf(out, line ? " fill=\"none\" stroke=\"#%06x\"" : " fill=\"#%06x\"", (unsigned)ink->color);
    if (line) put_attribute(out, "stroke-width", ink->width);
    if (ink->opacity < 1) put_attribute(out, line ? "stroke-opacity" : "fill-opacity", ink->opacity);
    if (line && ink->dash > 0) put_attribute(out, "stroke-dasharray", ink->dash);
    if (line) rcr_text_puts(out, " stroke-linejoin=\"round\"");
}

static void put_path(rcr_text *out, const rcr_canvas *canvas, const rcr_shape *shape) {
    rcr_text_puts(out, "<path d=\"");
    for (size_t i = 0; i < shape->n; i++) {
        rcr_text_puts(out, i == 0 ? "M" : "L");
        put_number(out, canvas->point[shape->first + i][0]);
        rcr_text_puts(out, " ");
        put_number(out, canvas->point[shape->first + i][1]);
    }
    rcr_text_puts(out, shape->ink.width > 0 ? "\"" : "Z\"");
    put_ink(out, &shape->ink);
    rcr_text_puts(out, "/>\n");
}

static void put_text(rcr_text *out, const rcr_canvas *canvas, const rcr_shape *shape) {
    static const char *const anchors[] = {"start", "middle", "end"};
    rcr_text_printf(out, "<text text-anchor=\"%s\"", anchors[shape->anchor]);
    put_attribute(out, "font-size", shape->size);
    if (shape->bold) rcr_text_puts(out, " font-weight=\"bold\"");
    put_ink(out, &shape->ink);
    if (shape->upright) {
        rcr_text_puts(out, " transform=\"translate(");
        put_number(out, shape->x);
        rcr_text_puts(out, " ");
        put_number(out, shape->y);
        rcr_text_puts(out, ") rotate(-90)\">");
    } else {
        put_attribute(out, "x", shape->x);
        put_attribute(out, "y", shape->y);
        rcr_text_puts(out, ">");
    }
    rcr_html_escape(out, canvas->text.data + shape->first);
    rcr_text_puts(out, "</text>\n");
}

rcr_status rcr_canvas_svg(rcr_text *out, const rcr_canvas *canvas, rcr_error *err) {
    if (canvas->failed) return rcr_fail_memory(err, "drawing a figure");
    rcr_text_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"");
    rcr_text_puts(out, " width=\"");
    put_number(out, canvas->width);
    rcr_text_puts(out, "pt\" height=\"");
    put_number(out, canvas->height);
    rcr_text_puts(out, "pt\" viewBox=\"0 0 ");
    put_number(out, canvas->width);
    rcr_text_puts(out, " ");
    put_number(out, canvas->height);
    rcr_text_puts(out, "\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
                       "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    for (size_t i = 0; i < canvas->n_shapes; i++) {
        const rcr_shape *shape = &canvas->shape[i];
        if (shape->kind == RCR_SHAPE_PATH) {
            put_path(out, canvas, shape);
        } else if (shape->kind == RCR_SHAPE_TEXT) {
            put_text(out, canvas, shape);
        } else {
            rcr_text_puts(out, "<circle");
            put_attribute(out, "cx", shape->x);
            put_attribute(out, "cy", shape->y);
            put_attribute(out, "r", shape->radius);
            put_ink(out, &shape->ink);
            rcr_text_puts(out, "/>\n");
        }
    }
    rcr_text_puts(out, "</svg>\n");
    return out->failed ? rcr_fail_memory(err, "drawing a figure") : RCR_OK;
}
