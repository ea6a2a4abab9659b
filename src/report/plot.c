#include "report/plot.h"

#include <math.h>
#include <stdio.h>

void rcr_html_escape(rcr_text *out, const char *text) {
    for (; *text != '\0'; text++) switch (*text) {
        case '<': rcr_text_puts(out, "&lt;"); break;
        case '>': rcr_text_puts(out, "&gt;"); break;
        case '&': rcr_text_puts(out, "&amp;"); break;
        case '"': rcr_text_puts(out, "&quot;"); break;
        case '\'': rcr_text_puts(out, "&#39;"); break;
        default: rcr_text_append(out, text, 1); break;
        }
}

/* To so many places after the point, or before it where there are less than none. */
static double round_to(double value, int places) {
    /* Dividing by a power of ten that is exact gives the double nearest to the rounded decimal. */
    if (places >= 0 && places <= 22) return round(value * pow(10, places)) / pow(10, places);
    if (places < 0 && places >= -22) return round(value / pow(10, -places)) * pow(10, -places);
    return value;
}

void rcr_html_number(rcr_text *out, double value, int digits) {
    char buffer[32];
    if (!isfinite(value)) {
        rcr_text_puts(out, "–");
        return;
    }
    if (value != 0) value = round_to(value, digits - 1 - (int)floor(log10(fabs(value))));
    if (fabs(value) >= 1e7 && digits <= 6) {
        int exponent = (int)floor(log10(fabs(value)) + 1e-9);
        value = round_to(value / pow(10, exponent), digits - 1);
        rcr_text_printf(out, "%se%d", rcr_format_double(buffer, value), exponent);
        return;
    }
    rcr_text_puts(out, rcr_format_double(buffer, value == 0 ? 0 : value)); /* no -0 */
}

/* A coordinate: tenths of a unit are finer than a screen shows. */
static void put_coordinate(rcr_text *out, double value) {
    char buffer[32];
    value = round(value * 10) / 10;
    rcr_text_puts(out, rcr_format_double(buffer, value == 0 ? 0 : value));
}

static void put_attribute(rcr_text *out, const char *name, double value) {
    rcr_text_printf(out, " %s=\"", name);
    put_coordinate(out, value);
    rcr_text_puts(out, "\"");
}

/* ---- axes */

rcr_axis rcr_axis_empty(const char *title, int logarithmic) {
    return (rcr_axis){INFINITY, -INFINITY, logarithmic, title};
}

void rcr_axis_include(rcr_axis *axis, const double *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]) || (axis->logarithmic && values[i] <= 0)) continue;
        if (values[i] < axis->low) axis->low = values[i];
        if (values[i] > axis->high) axis->high = values[i];
    }
}

void rcr_axis_close(rcr_axis *axis) {
    if (!(axis->low <= axis->high)) {
        axis->low = axis->logarithmic ? 0.1 : 0;
        axis->high = 1;
    }
    if (axis->logarithmic) {
        double margin = pow(axis->high / axis->low, 0.04);
        if (margin < 1.02) margin = 1.5;
        axis->low /= margin;
        axis->high *= margin;
    } else {
        double margin = 0.04 * (axis->high - axis->low);
        if (!(margin > 0)) margin = axis->high != 0 ? 0.1 * fabs(axis->high) : 1;
        axis->low -= margin;
        axis->high += margin;
    }
}

double rcr_axis_fraction(const rcr_axis *axis, double value) {
    if (axis->logarithmic) return log(value / axis->low) / log(axis->high / axis->low);
    return (value - axis->low) / (axis->high - axis->low);
}

/* 1, 2 or 5 times a power of ten, about `count` to the range. */
static int linear_ticks(double *tick, const rcr_axis *axis, int count) {
    double rough = (axis->high - axis->low) / count, power = pow(10, floor(log10(rough))), ratio = rough / power;
    double step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
    int n = 0;
    for (double i = ceil(axis->low / step); i * step <= axis->high && n < RCR_MAX_TICKS; i++) tick[n++] = i * step;
    return n;
}

static int log_ticks(double *tick, const rcr_axis *axis) {
    static const double parts[] = {1, 2, 5};
    int first = (int)floor(log10(axis->low)), last = (int)ceil(log10(axis->high)), n = 0;
    int every = (last - first) / 8 + 1, fine = last - first <= 3;
    for (int e = first; e <= last; e += every)
        for (int k = 0; k < (fine ? 3 : 1); k++) {
            double value = parts[k] * pow(10, e);
            if (value >= axis->low && value <= axis->high && n < RCR_MAX_TICKS) tick[n++] = value;
        }
    return n;
}

int rcr_axis_ticks(double tick[RCR_MAX_TICKS], const rcr_axis *axis) {
    int n = axis->logarithmic ? log_ticks(tick, axis) : linear_ticks(tick, axis, 5);
    if (n < 2 && axis->logarithmic) n = linear_ticks(tick, axis, 4);
    return n;
}

/* ---- the figure */

static double at_x(const rcr_plot *plot, double value) {
    return plot->left + rcr_axis_fraction(&plot->x, value) * plot->width;
}
static double at_y(const rcr_plot *plot, double value) {
    return plot->top + (1 - rcr_axis_fraction(&plot->y, value)) * plot->height;
}

static void draw_axes(rcr_plot *plot) {
    double tick[RCR_MAX_TICKS], bottom = plot->top + plot->height;
    int n = rcr_axis_ticks(tick, &plot->x);
    for (int i = 0; i < n; i++) {
        double x = at_x(plot, tick[i]);
        rcr_text_puts(plot->out, "<path class=\"grid\" d=\"M");
        put_coordinate(plot->out, x);
        rcr_text_puts(plot->out, " ");
        put_coordinate(plot->out, plot->top);
        rcr_text_puts(plot->out, "V");
        put_coordinate(plot->out, bottom);
        rcr_text_puts(plot->out, "\"/><text class=\"tick\" text-anchor=\"middle\"");
        put_attribute(plot->out, "x", x);
        put_attribute(plot->out, "y", bottom + 16);
        rcr_text_puts(plot->out, ">");
        rcr_html_number(plot->out, tick[i], 6);
        rcr_text_puts(plot->out, "</text>");
    }
    n = rcr_axis_ticks(tick, &plot->y);
    for (int i = 0; i < n; i++) {
        double y = at_y(plot, tick[i]);
        rcr_text_puts(plot->out, "<path class=\"grid\" d=\"M");
        put_coordinate(plot->out, plot->left);
        rcr_text_puts(plot->out, " ");
        put_coordinate(plot->out, y);
        rcr_text_puts(plot->out, "H");
        put_coordinate(plot->out, plot->left + plot->width);
        rcr_text_puts(plot->out, "\"/><text class=\"tick\" text-anchor=\"end\"");
        put_attribute(plot->out, "x", plot->left - 6);
        put_attribute(plot->out, "y", y + 4);
        rcr_text_puts(plot->out, ">");
        rcr_html_number(plot->out, tick[i], 6);
        rcr_text_puts(plot->out, "</text>");
    }
}

static void draw_titles(rcr_plot *plot, double view_height) {
    rcr_text_puts(plot->out, "<text class=\"axis\" text-anchor=\"middle\"");
    put_attribute(plot->out, "x", plot->left + plot->width / 2);
    put_attribute(plot->out, "y", view_height - 6);
    rcr_text_puts(plot->out, ">");
    rcr_html_escape(plot->out, plot->x.title);
    rcr_text_puts(plot->out, "</text><text class=\"axis\" text-anchor=\"middle\" transform=\"translate(13 ");
    put_coordinate(plot->out, plot->top + plot->height / 2);
    rcr_text_puts(plot->out, ") rotate(-90)\">");
    rcr_html_escape(plot->out, plot->y.title);
    rcr_text_puts(plot->out, "</text>");
}

void rcr_plot_begin(rcr_plot *plot, rcr_text *out, const char *caption, rcr_axis x, rcr_axis y, int square) {
    double view_width = 400, view_height = square ? 384 : 290;
    *plot = (rcr_plot){out, x, y, 62, 8, view_width - 62 - 10, view_height - 8 - 42};
    rcr_text_puts(out, "<figure><figcaption>");
    rcr_html_escape(out, caption);
    rcr_text_puts(out, "</figcaption><svg role=\"img\" viewBox=\"0 0 400 ");
    put_coordinate(out, view_height);
    rcr_text_puts(out, "\" aria-label=\"");
    rcr_html_escape(out, caption);
    rcr_text_puts(out, "\">");
    draw_axes(plot);
    draw_titles(plot, view_height);
    rcr_text_puts(out, "\n");
}

void rcr_plot_line(rcr_plot *plot, const double *x, const double *y, size_t n, const char *css_class) {
    int drawing = 0;
    rcr_text_printf(plot->out, "<path class=\"line %s\" d=\"", css_class);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i]) || (plot->y.logarithmic && y[i] <= 0)) {
            drawing = 0;
            continue;
        }
        rcr_text_puts(plot->out, drawing ? "L" : "M");
        put_coordinate(plot->out, at_x(plot, x != NULL ? x[i] : (double)(i + 1)));
        rcr_text_puts(plot->out, " ");
        put_coordinate(plot->out, at_y(plot, y[i]));
        drawing = 1;
    }
    rcr_text_puts(plot->out, "\"/>\n");
}

void rcr_plot_segment(rcr_plot *plot, double x1, double y1, double x2, double y2, const char *css_class) {
    rcr_text_printf(plot->out, "<path class=\"%s\" d=\"M", css_class);
    put_coordinate(plot->out, at_x(plot, x1));
    rcr_text_puts(plot->out, " ");
    put_coordinate(plot->out, at_y(plot, y1));
    rcr_text_puts(plot->out, "L");
    put_coordinate(plot->out, at_x(plot, x2));
    rcr_text_puts(plot->out, " ");
    put_coordinate(plot->out, at_y(plot, y2));
    rcr_text_puts(plot->out, "\"/>\n");
}

void rcr_plot_dot(rcr_plot *plot, double x, double y, double radius, const char *css_class, const char *tooltip) {
    if (!isfinite(x) || !isfinite(y)) return;
    rcr_text_printf(plot->out, "<circle class=\"%s\"", css_class);
    put_attribute(plot->out, "cx", at_x(plot, x));
    put_attribute(plot->out, "cy", at_y(plot, y));
    put_attribute(plot->out, "r", radius);
    rcr_text_puts(plot->out, "><title>");
    rcr_html_escape(plot->out, tooltip);
    rcr_text_puts(plot->out, "</title></circle>\n");
}

void rcr_plot_bar(rcr_plot *plot, double x1, double x2, double y, const char *css_class) {
    double left = at_x(plot, x1), right = at_x(plot, x2), top = at_y(plot, y), bottom = at_y(plot, 0);
    if (!(bottom - top > 0.05)) return;
    rcr_text_printf(plot->out, "<rect class=\"%s\"", css_class);
    put_attribute(plot->out, "x", left + 0.5);
    put_attribute(plot->out, "y", top);
    put_attribute(plot->out, "width", fmax(right - left - 1, 0.5));
    put_attribute(plot->out, "height", bottom - top);
    rcr_text_puts(plot->out, "/>\n");
}

void rcr_plot_end(rcr_plot *plot, const char *const *names, const int *series, size_t n) {
    rcr_text_puts(plot->out, "<path class=\"frame\" d=\"M");
    put_coordinate(plot->out, plot->left);
    rcr_text_puts(plot->out, " ");
    put_coordinate(plot->out, plot->top);
    rcr_text_puts(plot->out, "V");
    put_coordinate(plot->out, plot->top + plot->height);
    rcr_text_puts(plot->out, "H");
    put_coordinate(plot->out, plot->left + plot->width);
    rcr_text_puts(plot->out, "\"/></svg>");
    if (n > 0) rcr_text_puts(plot->out, "<p class=\"legend\">");
    for (size_t i = 0; i < n; i++) {
        rcr_text_printf(plot->out, "<span><i class=\"key k%d\"></i>", series[i]);
        rcr_html_escape(plot->out, names[i]);
        rcr_text_puts(plot->out, "</span> ");
    }
    if (n > 0) rcr_text_puts(plot->out, "</p>");
    rcr_text_puts(plot->out, "</figure>\n");
}
