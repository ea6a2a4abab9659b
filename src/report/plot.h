/* Plots as inline SVG.  Colours come from the page's style sheet: classes "s0", "s1", "s2" are the three series. */
#ifndef RCR_REPORT_PLOT_H
#define RCR_REPORT_PLOT_H

#include "base/text.h"

typedef struct rcr_axis {
    double low, high;
    int logarithmic; /* low > 0 then */
    const char *title;
} rcr_axis;

enum { RCR_MAX_TICKS = 24 };
/* Values worth a mark, at most RCR_MAX_TICKS; gives their number. */
int rcr_axis_ticks(double tick[RCR_MAX_TICKS], const rcr_axis *axis);
/* Where a value stands between low (0) and high (1). */
double rcr_axis_fraction(const rcr_axis *axis, double value);

typedef struct rcr_plot {
    rcr_text *out;
    rcr_axis x, y;
    double left, top, width, height; /* of the area inside the axes */
} rcr_plot;

/* An axis that shows all finite values (logarithmic: all positive ones) with a margin; values may come in several
 * calls.  Begin with rcr_axis_empty. */
rcr_axis rcr_axis_empty(const char *title, int logarithmic);
void rcr_axis_include(rcr_axis *axis, const double *values, size_t n);
/* Add the margin, or make up a range when nothing was included. */
void rcr_axis_close(rcr_axis *axis);

/* Open the figure: caption, frame, grid, ticks.  Axis and titles are copied; caption is shown above. */
void rcr_plot_begin(rcr_plot *plot, rcr_text *out, const char *caption, rcr_axis x, rcr_axis y, int square);
/* A line; broken where y can't be shown.  x NULL: 1, 2, 3, ... */
void rcr_plot_line(rcr_plot *plot, const double *x, const double *y, size_t n, const char *css_class);
/* A straight line between two points in the axes' units, cut off at the frame only by the caller's choice of points. */
void rcr_plot_segment(rcr_plot *plot, double x1, double y1, double x2, double y2, const char *css_class);
/* A dot with a tooltip (escaped here). */
void rcr_plot_dot(rcr_plot *plot, double x, double y, double radius, const char *css_class, const char *tooltip);
/* A filled bar from y = 0. */
void rcr_plot_bar(rcr_plot *plot, double x1, double x2, double y, const char *css_class);
/* Close it; names[i] is the legend of series class "s<series[i]>"; n 0: no legend. */
void rcr_plot_end(rcr_plot *plot, const char *const *names, const int *series, size_t n);

/* Text with <, >, &, quotes escaped. */
void rcr_html_escape(rcr_text *out, const char *text);
/* A number with that many significant digits, without trailing zeros, of 1e7 and more as "4.77e8" where no more than
 * six digits are asked for; "–" when it is not finite. */
void rcr_html_number(rcr_text *out, double value, int digits);

#endif
