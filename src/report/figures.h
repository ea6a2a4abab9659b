/* Single figures of a run or a study, of a size that fits into a paper's column or page. */
#ifndef RCR_REPORT_FIGURES_H
#define RCR_REPORT_FIGURES_H

#include "report/canvas.h"
#include "report/plot.h"
#include "report/rundata.h"

typedef struct rcr_figure {
    const char *name; /* "parity" */
    const char *about;
    /* Draw it.  RCR_ERR_DATA, saying why, where the run has nothing to draw.  RCR_ERR_MEMORY. */
    rcr_status (*draw)(rcr_canvas *canvas, const rcr_run_data *run, rcr_error *err);
} rcr_figure;

/* Of runs; ended by one whose name is NULL. */
extern const rcr_figure rcr_figures[];

/* Of a study: the settings' means with standard errors, and every run.  Errors: RCR_ERR_IO, RCR_ERR_PARSE,
 * RCR_ERR_DATA (no run is done), RCR_ERR_MEMORY. */
rcr_status rcr_figure_study(rcr_canvas *canvas, const char *directory, rcr_error *err);

/* For the files that draw: a frame with axes at (left, top), and places in it. */
typedef struct rcr_frame {
    rcr_canvas *canvas;
    rcr_axis x, y;
    double left, top, width, height;
} rcr_frame;
/* An axis whose title is NULL has no ticks. */
rcr_frame rcr_frame_draw(rcr_canvas *canvas, rcr_axis x, rcr_axis y, double left, double top, double width,
                         double height);
double rcr_frame_x(const rcr_frame *frame, double value);
double rcr_frame_y(const rcr_frame *frame, double value);
/* Names of series with their colours, along the top of the frame. */
void rcr_frame_legend(const rcr_frame *frame, const char *const *name, const uint32_t *color, size_t n);

#define RCR_COLOR_TRAINING 0x6c7a91
#define RCR_COLOR_VALIDATION 0xd9822b
#define RCR_COLOR_TEST 0x1f6fc5
#define RCR_COLOR_TEXT 0x1b1c1e
#define RCR_COLOR_GREY 0x8a8d92

#endif
