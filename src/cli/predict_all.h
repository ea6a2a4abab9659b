/* Predicting with every model that can be given by name. */
#ifndef RCR_CLI_PREDICT_ALL_H
#define RCR_CLI_PREDICT_ALL_H

#include "base/text.h"
#include "cli/predict_stream.h"

typedef enum rcr_all_format { RCR_ALL_CSV = 0, RCR_ALL_JSONL, RCR_ALL_TABLE } rcr_all_format;

typedef struct rcr_all_command {
    char *const *paths; /* [n_paths] as of rcr_inputs_open */
    size_t n_paths;
    const char *out_path, *kernels_name;
    rcr_all_format format;
    int strict, quiet, threads, disorder, no_intervals;
    double level; /* 0: 0.9 */
} rcr_all_command;

/* Gives an exit code; has printed its own errors. */
int rcr_predict_all(const rcr_all_command *command);

#endif
