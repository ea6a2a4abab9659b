/* Predicting a stream on standard input, and what it shares with predicting files. */
#ifndef RCR_CLI_PREDICT_STREAM_H
#define RCR_CLI_PREDICT_STREAM_H

#include "base/text.h"
#include "cli/terminal.h"
#include "io/splitter.h"
#include "model/model.h"

/* The first line of CSV: id,prediction,error; a column "std" after the prediction where the model gives standard
 * deviations; "prediction_NAME", "std_NAME" for each target NAME where there are several (rcr_target_label). */
void rcr_predict_header(rcr_text *out, const rcr_model *model);

/* Append a row in CSV, or a JSON object with the same names.  err's status RCR_OK: values [V] are the prediction. */
void rcr_predict_row(rcr_text *out, int json, const rcr_model *model, const char *id, const char *file,
                     const double *values, const rcr_error *err);

/* "predicted formation energy (eV/atom) for 120 structures in 2 s", and a note on those that could not be used. */
void rcr_predict_summary(rcr_terminal *terminal, const rcr_model *model, size_t n_done, size_t n_failed, double seconds,
                         const rcr_error *first_error);

/* What an interrupted run left in its output: whole rows, and the bytes up to the end of the last one (0, 0 where there
 * is no file or nothing whole in it).  Errors: RCR_ERR_IO; RCR_ERR_MISMATCH (it is no output of this format). */
rcr_status rcr_predict_rows(uint64_t *n_rows, uint64_t *keep, const char *path, int json, const rcr_model *model,
                            rcr_error *err);

typedef struct rcr_stream_command {
    const char *model, *out_path, *kernels_name;
    int json, strict, quiet, threads, resume, disorder;
    rcr_stream_format format;
} rcr_stream_command;
/* Gives an exit code; has printed its own errors. */
int rcr_predict_stream(const rcr_stream_command *command);

#endif
