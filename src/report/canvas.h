/* A drawing: what is drawn is kept as a list, and written as SVG by ourselves, or as PNG or PDF by cairo, which is
 * loaded when it is needed (canvas_cairo.c).  Lengths are points (1/72 inch), y grows downwards. */
#ifndef RCR_REPORT_CANVAS_H
#define RCR_REPORT_CANVAS_H

#include "base/text.h"
#include "recryst.h"

typedef struct rcr_ink {
    uint32_t color; /* 0xRRGGBB */
    double opacity; /* 0 .. 1 */
    double width;   /* of a line; 0: fill */
    double dash;    /* length of dashes and gaps; 0: none */
} rcr_ink;

typedef enum rcr_anchor { RCR_ANCHOR_START = 0, RCR_ANCHOR_MIDDLE, RCR_ANCHOR_END } rcr_anchor;

typedef enum rcr_shape_kind { RCR_SHAPE_PATH = 0, RCR_SHAPE_CIRCLE, RCR_SHAPE_TEXT } rcr_shape_kind;

typedef struct rcr_shape {
    rcr_shape_kind kind;
    rcr_ink ink;
    size_t first, n;     /* points of a path, in canvas->point; text: bytes in canvas->text */
    double x, y, radius; /* circle, text */
    double size;         /* of text */
    rcr_anchor anchor;
    int upright, bold; /* upright: text that runs upwards */
} rcr_shape;

typedef struct rcr_canvas {
    double width, height;
    size_t n_shapes, shape_room, n_points, point_room;
    rcr_shape *shape;
    double (*point)[2];
    rcr_text text; /* NUL after each */
    int failed;    /* out of memory; drawing goes on without effect */
} rcr_canvas;

/* Zero-initialise, set width and height, draw, release. */
void rcr_canvas_release(rcr_canvas *canvas);

/* A line through n points, or (ink.width 0) the polygon of them, filled. */
void rcr_draw_path(rcr_canvas *canvas, const double (*point)[2], size_t n, rcr_ink ink);
void rcr_draw_line(rcr_canvas *canvas, double x1, double y1, double x2, double y2, rcr_ink ink);
/* Filled. */
void rcr_draw_box(rcr_canvas *canvas, double x, double y, double width, double height, rcr_ink ink);
void rcr_draw_circle(rcr_canvas *canvas, double x, double y, double radius, rcr_ink ink);
/* (x, y): the anchor on the base line.  UTF-8. */
void rcr_draw_text(rcr_canvas *canvas, double x, double y, double size, rcr_anchor anchor, int upright, int bold,
                   uint32_t color, const char *text);

/* Errors of all: RCR_ERR_MEMORY. */
rcr_status rcr_canvas_svg(rcr_text *out, const rcr_canvas *canvas, rcr_error *err);
/* Through cairo; PNG with `dpi` pixels an inch.  Errors: RCR_ERR_UNSUPPORTED (no cairo on this machine). */
rcr_status rcr_canvas_png(rcr_text *out, const rcr_canvas *canvas, double dpi, rcr_error *err);
rcr_status rcr_canvas_pdf(rcr_text *out, const rcr_canvas *canvas, rcr_error *err);

#endif
