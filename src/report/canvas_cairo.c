/* PNG and PDF by cairo.  It is opened when a figure is asked for, so that neither building nor any other command needs
 * it; what is used of it has been the same since cairo 1.2 (2006) and is declared here. */
#include <dlfcn.h>
#include <math.h>

#include "base/status.h"
#include "report/canvas.h"

typedef struct cairo_extents {
    double x_bearing, y_bearing, width, height, x_advance, y_advance;
} cairo_extents;

typedef int cairo_sink(void *closure, const unsigned char *data, unsigned int length);

/* The functions by cairo's names, without "cairo_". */
typedef struct cairo_api {
    void *library;
    void *(*image_surface_create)(int format, int width, int height);
    void *(*pdf_surface_create_for_stream)(cairo_sink *sink, void *closure, double width, double height);
    int (*surface_write_to_png_stream)(void *surface, cairo_sink *sink, void *closure);
    void (*surface_finish)(void *surface);
    int (*surface_status)(void *surface);
    void (*surface_destroy)(void *surface);
    void *(*create)(void *surface);
    void (*destroy)(void *cr);
    int (*status)(void *cr);
    void (*scale)(void *cr, double x, double y);
    void (*save)(void *cr);
    void (*restore)(void *cr);
    void (*translate)(void *cr, double x, double y);
    void (*rotate)(void *cr, double angle);
    void (*set_source_rgba)(void *cr, double r, double g, double b, double a);
    void (*set_line_width)(void *cr, double width);
    void (*set_line_join)(void *cr, int join);
    void (*set_dash)(void *cr, const double *dashes, int n, double offset);
    void (*move_to)(void *cr, double x, double y);
    void (*line_to)(void *cr, double x, double y);
    void (*close_path)(void *cr);
    void (*new_path)(void *cr);
    void (*arc)(void *cr, double x, double y, double radius, double from, double to);
    void (*stroke)(void *cr);
    void (*fill)(void *cr);
    void (*paint)(void *cr);
    void (*select_font_face)(void *cr, const char *family, int slant, int weight);
    void (*set_font_size)(void *cr, double size);
    void (*text_extents)(void *cr, const char *text, cairo_extents *extents);
    void (*show_text)(void *cr, const char *text);
} cairo_api;

#define ENTRY(name)                                                                                                    \
    { (void **)&api->name, "cairo_" #name }

static rcr_status open_cairo(cairo_api *api, rcr_error *err) {
    static const char *const names[] = {"libcairo.so.2", "libcairo.2.dylib"};
    *api = (cairo_api){0};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && api->library == NULL; i++)
        api->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (api->library == NULL)
        return rcr_fail(err, RCR_ERR_UNSUPPORTED,
                        "PNG and PDF need the library cairo (Debian's package libcairo2); SVG needs nothing");
    const struct {
        void **place;
        const char *name;
    } entry[] = {ENTRY(image_surface_create),
                 ENTRY(pdf_surface_create_for_stream),
                 ENTRY(surface_write_to_png_stream),
                 ENTRY(surface_finish),
                 ENTRY(surface_status),
                 ENTRY(surface_destroy),
                 ENTRY(create),
                 ENTRY(destroy),
                 ENTRY(status),
                 ENTRY(scale),
                 ENTRY(save),
                 ENTRY(restore),
                 ENTRY(translate),
                 ENTRY(rotate),
                 ENTRY(set_source_rgba),
                 ENTRY(set_line_width),
                 ENTRY(set_line_join),
                 ENTRY(set_dash),
                 ENTRY(move_to),
                 ENTRY(line_to),
                 ENTRY(close_path),
                 ENTRY(new_path),
                 ENTRY(arc),
                 ENTRY(stroke),
                 ENTRY(fill),
                 ENTRY(paint),
                 ENTRY(select_font_face),
                 ENTRY(set_font_size),
                 ENTRY(text_extents),
                 ENTRY(show_text)};
    for (size_t i = 0; i < sizeof entry / sizeof entry[0]; i++) {
        *entry[i].place = dlsym(api->library, entry[i].name);
        if (*entry[i].place != NULL) continue;
        dlclose(api->library);
        return rcr_fail(err, RCR_ERR_UNSUPPORTED, "this machine's cairo has no function %s", entry[i].name);
    }
    return RCR_OK;
}

static int append(void *closure, const unsigned char *data, unsigned int length) {
    rcr_text *out = closure;
    rcr_text_append(out, (const char *)data, length);
    return out->failed ? 11 /* CAIRO_STATUS_WRITE_ERROR */ : 0;
}

static void draw_text(const cairo_api *api, void *cr, const rcr_canvas *canvas, const rcr_shape *shape) {
    const char *text = canvas->text.data + shape->first;
    cairo_extents extents;
    api->select_font_face(cr, "sans-serif", 0, shape->bold ? 1 : 0);
    api->set_font_size(cr, shape->size);
    api->text_extents(cr, text, &extents);
    double shift = shape->anchor == RCR_ANCHOR_START    ? 0
                   : shape->anchor == RCR_ANCHOR_MIDDLE ? -extents.x_advance / 2
                                                        : -extents.x_advance;
    api->save(cr);
    api->translate(cr, shape->x, shape->y);
    if (shape->upright) api->rotate(cr, -acos(-1.0) / 2);
    api->move_to(cr, shift, 0);
    api->show_text(cr, text);
    api->restore(cr);
}

static void draw_shape(const cairo_api *api, void *cr, const rcr_canvas *canvas, const rcr_shape *shape) {
    const rcr_ink *ink = &shape->ink;
    api->set_source_rgba(cr, (double)(ink->color >> 16 & 255) / 255, (double)(ink->color >> 8 & 255) / 255,
                         (double)(ink->color & 255) / 255, ink->opacity);
    api->new_path(cr);
    if (shape->kind == RCR_SHAPE_TEXT) {
        draw_text(api, cr, canvas, shape);
        return;
    }
    if (shape->kind == RCR_SHAPE_CIRCLE)
        api->arc(cr, shape->x, shape->y, shape->radius, 0, 2 * acos(-1.0));
    else
        for (size_t i = 0; i < shape->n; i++)
            (i == 0 ? api->move_to : api->line_to)(cr, canvas->point[shape->first + i][0],
                                                   canvas->point[shape->first + i][1]);
    if (ink->width > 0) {
        api->set_line_width(cr, ink->width);
        api->set_line_join(cr, 1 /* CAIRO_LINE_JOIN_ROUND */);
        api->set_dash(cr, &ink->dash, ink->dash > 0, 0);
        api->stroke(cr);
    } else {
        api->close_path(cr);
        api->fill(cr);
    }
}

static int draw_all(const cairo_api *api, void *surface, const rcr_canvas *canvas, double scale) {
    void *cr = api->create(surface);
    api->scale(cr, scale, scale);
    api->set_source_rgba(cr, 1, 1, 1, 1);
    api->paint(cr);
    for (size_t i = 0; i < canvas->n_shapes; i++) draw_shape(api, cr, canvas, &canvas->shape[i]);
    int failed = api->status(cr);
    api->destroy(cr);
    return failed;
}

/* dpi 0: PDF. */
static rcr_status render(rcr_text *out, const rcr_canvas *canvas, double dpi, rcr_error *err) {
    cairo_api api;
    if (canvas->failed) return rcr_fail_memory(err, "drawing a figure");
    rcr_status status = open_cairo(&api, err);
    if (status != RCR_OK) return status;
    double scale = dpi > 0 ? dpi / 72 : 1;
    void *surface = dpi > 0 ? api.image_surface_create(0 /* CAIRO_FORMAT_ARGB32 */, (int)ceil(canvas->width * scale),
                                                       (int)ceil(canvas->height * scale))
                            : api.pdf_surface_create_for_stream(append, out, canvas->width, canvas->height);
    int failed = draw_all(&api, surface, canvas, scale);
    if (!failed && dpi > 0) failed = api.surface_write_to_png_stream(surface, append, out);
    api.surface_finish(surface);
    if (!failed) failed = api.surface_status(surface);
    api.surface_destroy(surface);
    /* The library stays open: it and fontconfig keep things of their own until the process ends. */
    if (out->failed) return rcr_fail_memory(err, "drawing a figure");
    return failed ? rcr_fail(err, RCR_ERR_UNSUPPORTED, "cairo can't draw this figure (its status %d)", failed) : RCR_OK;
}

rcr_status rcr_canvas_png(rcr_text *out, const rcr_canvas *canvas, double dpi, rcr_error *err) {
    return render(out, canvas, dpi, err);
}

rcr_status rcr_canvas_pdf(rcr_text *out, const rcr_canvas *canvas, rcr_error *err) {
    return render(out, canvas, 0, err);
}
