/* What a run directory holds, without going on with the run. */
#ifndef RCR_TRAIN_PEEK_H
#define RCR_TRAIN_PEEK_H

#include "train/options.h"

typedef struct rcr_run_state {
    int begun;                 /* 0: no run yet; all else is then empty */
    int finished;              /* final scores and run_summary.json are there */
    rcr_train_options options; /* with strings of its own */
    char *data_path;           /* absolute */
    /* Of the data and of the element vectors that the run began with, and the instruction set of its kernels. */
    char data_sha256[65], elements_sha256[65], kernels[16];
} rcr_run_state;

/* Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_MISMATCH (a damaged checkpoint), RCR_ERR_MEMORY. */
rcr_status rcr_run_peek(rcr_run_state *out, const char *directory, rcr_error *err);
void rcr_run_state_release(rcr_run_state *state);

/* Make of settings, with strings of their own, what the run that began with them in the directory has: absolute paths,
 * and the options of the model that it began with.  Errors: RCR_ERR_MISMATCH (that model has others), those of
 * rcr_model_load, RCR_ERR_MEMORY. */
rcr_status rcr_options_as_run(rcr_train_options *options, const char *directory, rcr_error *err);

/* What a run of these options would begin with: the hash of the data and that of the element vectors.  Reads the data.
 * Errors: those of rcr_dataset_read and, where the run begins with a model, of rcr_model_load. */
rcr_status rcr_run_identify_data(char data_sha256[65], char elements_sha256[65], const char *data,
                                 const rcr_train_options *options, int n_threads, rcr_error *err);

/* *out <- the first setting in which two runs differ, but for threads, kernels and strict, which change no result, and
 * for spellings of what comes to the same (rcr_train_options_settle); NULL when there is none.  Errors: RCR_ERR_MEMORY.
 */
rcr_status rcr_options_differ(const rcr_option_field **out, const rcr_train_options *a, const rcr_train_options *b,
                              rcr_error *err);

#endif
