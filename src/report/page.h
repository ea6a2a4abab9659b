/* The page of a run or a study: a template, made by web/build.mjs, with the data put into it. */
#ifndef RCR_REPORT_PAGE_H
#define RCR_REPORT_PAGE_H

#include "base/text.h"
#include "report/rundata.h"

/* The worst rows of the test part whose crystals a page shows, for each target. */
#define RCR_REPORT_WORST 20

/* Things that a page says about what it could not find; each may be NULL. */
typedef struct rcr_page_notes {
    const char *rows;         /* why formulas and sizes are unknown */
    const char *space_groups; /* why space groups are */
    const char *crystals;     /* why the worst crystals are */
} rcr_page_notes;

/* The data of a run as JSON (web/src/run.js reads it). */
rcr_status rcr_page_run(rcr_text *json, const rcr_run_data *run, const rcr_page_notes *notes, rcr_error *err);

/* "TARGET of DATA", the page's title. */
void rcr_page_title(rcr_text *out, const rcr_run_data *run);

/* Append the template with title and JSON in their places; neither can end its element.
 * Errors: RCR_ERR_DATA (not a template), RCR_ERR_MEMORY. */
rcr_status rcr_page_fill(rcr_text *out, const char *template_text, size_t template_length, const char *title,
                         const rcr_text *json, rcr_error *err);

#endif
