/* Predicting a stream on standard input, and what it shares with predicting files. */
#ifndef RCR_CLI_PREDICT_STREAM_H
#define RCR_CLI_PREDICT_STREAM_H

#include "base/text.h"
#include "cli/terminal.h"
#include "io/splitter.h"
#include "model/model.h"

/* How rows look. */
typedef struct rcr_predict_style {
    int json;
    int plain; /* 1: predictions alone, whatever else the model says */
} rcr_predict_style;

/* The first line of CSV: id, the columns of each target, domain, error.  The columns of a target are prediction, and as
 * the model has them std, spread, lower and upper; "prediction_NAME", ... for each target NAME where there are several
 * (rcr_target_label). */
void rcr_predict_header(rcr_text *out, const rcr_predict_style *style, const rcr_model *model);

/* Append a row in CSV, or a JSON object with the same names.  err's status RCR_OK: row [W] (rcr_model_columns) is the
 * prediction and domain says whether it can be believed; both are not looked at otherwise. */
void rcr_predict_row(rcr_text *out, const rcr_predict_style *style, const rcr_model *model, const char *id,
                     const char *file, const double *row, const char *domain, const rcr_error *err);

/* Apply --no-intervals, --level and --steps to a model that was opened; *model may be replaced.  steps 0: all.
 * Errors: RCR_ERR_ARGUMENT (no such number of steps; a level where there are no intervals), RCR_ERR_MEMORY. */
rcr_status rcr_predict_choose(rcr_model **model, int no_intervals, double level, int32_t steps, rcr_error *err);

/* "predicted formation energy (eV/atom) for 120 structures in 2 s", and a note on those that could not be used. */
void rcr_predict_summary(rcr_terminal *terminal, const rcr_model *model, size_t n_done, size_t n_failed, double seconds,
                         const rcr_error *first_error);

/* What an interrupted run left in its output: whole rows, and the bytes up to the end of the last one (0, 0 where there
 * is no file or nothing whole in it).  Errors: RCR_ERR_IO; RCR_ERR_MISMATCH (it is no output of this format). */
rcr_status rcr_predict_rows(uint64_t *n_rows, uint64_t *keep, const char *path, const rcr_predict_style *style,
                            const rcr_model *model, rcr_error *err);

typedef struct rcr_stream_command {
    const char *model, *out_path, *kernels_name;
    rcr_predict_style style;
    int strict, quiet, threads, resume, disorder, no_intervals;
    double level;
    int32_t steps;
    rcr_stream_format format;
} rcr_stream_command;
/* Gives an exit code; has printed its own errors. */
int rcr_predict_stream(const rcr_stream_command *command);

#endif
