/* Studies: settings x seeds x repeats x folds, each an ordinary training run in a directory of its own, trained beside
 * each other, resumable, and compared.  docs/study.md says what the files are. */
#ifndef RCR_STUDY_STUDY_H
#define RCR_STUDY_STUDY_H

#include "base/lock.h"
#include "base/text.h"
#include "train/train.h"

typedef enum rcr_study_status {
    RCR_STUDY_WAITING = 0,
    RCR_STUDY_RUNNING,
    RCR_STUDY_STOPPED, /* begun, to be resumed */
    RCR_STUDY_DONE,
    RCR_STUDY_FAILED
} rcr_study_status;
const char *rcr_study_status_name(rcr_study_status status);

typedef struct rcr_study_setting {
    char *name;
    rcr_train_options options; /* with strings of its own; seed, fold and repeat are each run's */
    char *data;                /* as given */
    int own_split_seed;        /* options.split.seed was asked for */
    uint64_t mark;             /* a checksum of the above: two settings of another one do not come to the same */
    char **value;              /* [study->n_varied] its values of the varied options as text; NULL where it has none */
} rcr_study_setting;

typedef struct rcr_study_run {
    size_t setting;
    uint64_t seed;
    int32_t repeat, fold; /* -1: none */
    char *directory;      /* relative to the study's */
    rcr_study_status status;
    int elsewhere; /* not to be trained by this process (rcr_study_choose) */
    char *error;   /* of a failed one */
    char key[33];  /* what decides its result beside the data: rcr_study_find_keys; "" when not known */
    /* Of one that has begun, or was taken: hashes of the data and element vectors, and the kernels' instruction set. */
    char data_sha256[65], elements_sha256[65], kernels[16];
    char *target, *unit, *program; /* of one that is done; NULL when not known */
    char *taken;                   /* the table that a run which is done was taken from; NULL: it was trained here */
    long taken_line;
    /* Of one that is done: scores and facts of its run_summary.json under the names of study.csv. */
    size_t n_numbers;
    char **number_name;
    double *number;
    int64_t epochs_done; /* while it is trained, of all networks of an ensemble */
} rcr_study_run;

typedef struct rcr_study {
    char *name, *directory;
    size_t n_varied;
    char **varied; /* names of options */
    size_t n_settings;
    rcr_study_setting *setting;
    size_t n_seeds;
    uint64_t *seed;
    int32_t repeats, folds; /* 1, 0 */
    size_t baseline;        /* a setting */
    size_t n_runs;
    rcr_study_run *run; /* in the order of settings, seeds, repeats, folds */
    /* Scores that some run has, in the order of study.csv: of the test part, of the validation part, of the training
     * part. */
    size_t n_scores;
    char **score;
    rcr_lock *lock; /* of the directory; NULL: not locked */
} rcr_study;

/* A study without settings; `name` and `directory` are copied. */
rcr_status rcr_study_create(rcr_study **out, const char *name, const char *directory, rcr_error *err);
void rcr_study_free(rcr_study *study);

/* Add an option that settings vary, in the order of the columns; before any setting. */
rcr_status rcr_study_add_varied(rcr_study *study, const char *option, rcr_error *err);
/* Add a setting; everything is copied.  value [n_varied].
 * Errors: RCR_ERR_ARGUMENT (the options make no sense; a name or what it comes to is there already), RCR_ERR_MEMORY. */
rcr_status rcr_study_add_setting(rcr_study *study, const char *name, const char *data, const rcr_train_options *options,
                                 int own_split_seed, const char *const *value, rcr_error *err);
/* Lay out the runs.  folds 0: none; repeats 1 or more.  Seeds must lie as far apart as the largest ensemble has
 * networks.  Errors: RCR_ERR_ARGUMENT, RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_study_lay_out(rcr_study *study, const uint64_t *seed, size_t n_seeds, int32_t repeats, int32_t folds,
                             rcr_error *err);
/* The options of one run; its strings are the setting's. */
rcr_train_options rcr_study_run_options(const rcr_study *study, const rcr_study_run *run);

/* Find out what is there of each run, and the runs' keys.  *n_strangers <- run directories that belong to no run of the
 * study.  to_train: make the study's folder and lock it; else nothing is written.  Errors: RCR_ERR_ARGUMENT (another
 * process works on it; a directory holds a run of other settings or data: which one and how it differs), RCR_ERR_IO and
 * what reading a checkpoint can give. */
rcr_status rcr_study_open(rcr_study *study, int to_train, size_t *n_strangers, rcr_error *err);
/* Read what the checkpoint of a run that has begun says of its data and kernels. */
rcr_status rcr_study_read_origin(rcr_study *study, rcr_study_run *run, rcr_error *err);

/* The key of every run: SHA-256 over the options that decide its result, as config.toml has them, seed, fold and repeat
 * among them, without threads, kernels and paths; of a split's file and of the model that a run begins with, the
 * contents.  A run whose files can't be read has none.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_study_find_keys(rcr_study *study, rcr_error *err);

/* A run on parts from a file, or that begins with a model, keeps its key in its directory, as RCR_STUDY_KEY_FILE: the
 * contents may change.  Nothing is written for other runs.  Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
#define RCR_STUDY_KEY_FILE "study-key.txt"
rcr_status rcr_study_write_key(const rcr_study *study, const rcr_study_run *run, const char *directory, rcr_error *err);
/* Compare a run that has begun with what it kept; a key that is not known is taken from there.
 * Errors: RCR_ERR_ARGUMENT (another key), RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_study_read_key(const rcr_study *study, rcr_study_run *run, const char *directory, rcr_error *err);

/* What rcr_study_take met. */
typedef struct rcr_study_takings {
    size_t n_taken;   /* runs that are done by it */
    size_t n_there;   /* rows of runs that were done already, with the same numbers */
    size_t n_strange; /* rows that belong to no run of the study */
} rcr_study_takings;
/* Let the rows of another study.csv that are done count as runs of this study: `name` is what errors, and the runs,
 * call the table.  After rcr_study_open.  Counts are added to *out.  Errors: RCR_ERR_PARSE (no such table),
 * RCR_ERR_MISMATCH (the row of a run with other options or data, or with other numbers than the run has already; the
 * error names the line and says what to do), RCR_ERR_MEMORY, and reading the runs' summaries. */
rcr_status rcr_study_take(rcr_study *study, const char *name, const char *text, size_t length, rcr_study_takings *out,
                          rcr_error *err);
/* Compare the data that runs would be trained on with those of rows that were taken; reads the data where there are
 * both.  Errors: RCR_ERR_MISMATCH, RCR_ERR_MEMORY.  Data that can't be read are the runs' own failure. */
rcr_status rcr_study_check_data(const rcr_study *study, int n_threads, rcr_error *err);

/* The run at a place in the order of execution: all settings with the first seed, repeat and fold, then with the next.
 */
size_t rcr_study_run_at(const rcr_study *study, size_t place);
/* The part, 0 .. n - 1, that trains the run at a place: every n-th, shifted by one whenever a part would come upon the
 * same settings again.  The parts differ by one run at most. */
size_t rcr_study_part_of(const rcr_study *study, size_t place, size_t n);
/* Leave the other parts, and (n_only > 0) settings of other names, to other processes.  Errors: RCR_ERR_ARGUMENT (no
 * setting of that name). */
rcr_status rcr_study_choose(rcr_study *study, size_t part, size_t n_parts, const char *const *only, size_t n_only,
                            rcr_error *err);
/* How many runs are done (those that were taken among them), taken, failed, stopped or running, waiting, and of these
 * two to be trained by this process. */
typedef struct rcr_study_counts {
    size_t done, taken, failed, stopped, waiting, here;
} rcr_study_counts;
rcr_study_counts rcr_study_count(const rcr_study *study);

/* Told from the calling thread; all may be NULL. */
typedef struct rcr_study_events {
    void *context;
    void (*run_ended)(void *context, const rcr_study *study, const rcr_study_run *run);
    /* Several times a second.  rate: epochs a second; left: seconds, NaN when not known yet. */
    void (*progress)(void *context, const rcr_study *study, size_t n_running, double rate, double left);
    atomic_int *stop;
} rcr_study_events;

/* Train what is not done and not left to others, in the order of execution, `jobs` runs at a time with `threads`
 * threads each; study->run says how each ended.  The tables are written when runs
 * have ended, so seldom that they cost a twentieth of the time at most, and hold no run up.  Errors:
 * RCR_ERR_INTERRUPTED (stopped on request), RCR_ERR_IO (a table can't be written), RCR_ERR_MISMATCH
 * (rcr_study_check_data), RCR_ERR_MEMORY. Failed runs are no error here. */
rcr_status rcr_study_execute(rcr_study *study, int jobs, int threads, const rcr_study_events *events, rcr_error *err);

/* Read the numbers of all runs that are done and have none yet, from their run_summary.json. */
rcr_status rcr_study_read_results(rcr_study *study, rcr_error *err);
/* The number of that name of a run; NaN when there is none. */
double rcr_study_number(const rcr_study_run *run, const char *name);
/* 1 when more of the score is better. */
int rcr_study_more_is_better(const char *score);
/* The score that the study is about: test_mae or test_auc where there is one.  NULL before any run is done. */
const char *rcr_study_main_score(const rcr_study *study);
/* The target and unit of the first run that is done; NULL before. */
const char *rcr_study_target(const rcr_study *study);
const char *rcr_study_unit(const rcr_study *study);
/* Write the rows of study.csv that are done to a file, whole or not at all. */
rcr_status rcr_study_keep(rcr_study *study, const char *path, rcr_error *err);
/* Write study.csv, summary.csv, differences.csv, summary.json, summary.txt.  Of more than 500 settings the differences
 * are those from the baseline. */
rcr_status rcr_study_write_tables(rcr_study *study, rcr_error *err);
/* What summary.txt says. */
void rcr_study_summary_text(rcr_text *out, const rcr_study *study);

#endif
