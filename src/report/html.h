/* report.html: a training run on one page that needs nothing but itself. */
#ifndef RCR_REPORT_HTML_H
#define RCR_REPORT_HTML_H

#include <stddef.h>
#include <stdint.h>

#include "recryst.h"

/* One part of the dataset with its predictions. */
typedef struct rcr_report_part {
    const char *name;      /* "training", "validation", "test" */
    size_t n;              /* of a regression it may be 0: no row has the target, and the part has no plots */
    const char *const *id; /* [n] */
    const double *target, *prediction; /* [n] target's unit; or classes and probabilities of class 1 */
} rcr_report_part;

typedef struct rcr_report_entry {
    const char *name, *value;
} rcr_report_entry;

/* Everything the page shows; all of it belongs to the caller, and strings may hold any text. */
typedef struct rcr_report {
    const char *title;
    const char *target, *unit; /* unit may be "" */
    int classification;
    size_t n_facts;
    const rcr_report_entry *fact;                  /* [n_facts] what was trained on what, for the head of the page */
    const char *train_score_name, *val_score_name; /* such as "MAE", "MAE"; "accuracy", "ROC AUC" */
    const char *score_unit;                        /* of these two; "": none, as of a scaled MAE */
    size_t n_epochs;
    const double *train_loss, *val_loss;   /* [n_epochs] */
    const double *train_score, *val_score; /* [n_epochs] */
    size_t best_epoch;                     /* 1-based; 0: none */
    size_t n_parts;
    const rcr_report_part *part; /* [n_parts] */
    size_t n_settings;
    const rcr_report_entry *setting; /* [n_settings] name "section.key" */
    const char *repeat;              /* commands that repeat the run, one a line */
} rcr_report;

/* Write the page, whole or not at all.  Errors: RCR_ERR_ARGUMENT (no part, a part of classes without rows), RCR_ERR_IO,
 * RCR_ERR_MEMORY. */
rcr_status rcr_report_write(const char *path, const rcr_report *report, rcr_error *err);

#endif
