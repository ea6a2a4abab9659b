/* A run directory, read back for a report. */
#ifndef RCR_REPORT_RUNDATA_H
#define RCR_REPORT_RUNDATA_H

#include "io/csv.h"
#include "recryst.h"

/* What is known about a crystal beyond its targets: crystals.csv. */
typedef struct rcr_run_crystal {
    const char *id, *formula; /* views */
    int32_t n_atoms;
    int32_t space_group; /* 1 .. 230; 0: unknown */
    const char *symbol;  /* of the space group; "" */
} rcr_run_crystal;

/* The rows of predictions-PART.csv. */
typedef struct rcr_run_part {
    const char *name; /* "training", "validation", "test" */
    size_t n;
    const char **id;                 /* [n] views */
    double *target;                  /* [n_targets, n] NaN where it is missing */
    double *prediction;              /* [n_targets, n] */
    double *lower, *upper;           /* [n_targets, n] of the intervals; NULL: the file has none */
    const rcr_run_crystal **crystal; /* [n] NULL where nothing is known */
    rcr_csv *csv;
} rcr_run_part;

typedef struct rcr_run_target {
    char *name, *unit;
} rcr_run_target;

/* A line "key = value # comment" of config.toml. */
typedef struct rcr_run_setting {
    const char *section, *key, *value, *comment; /* views; strings without their quotes */
} rcr_run_setting;

/* One row of calibration.csv: intervals of a level, and the share of rows that lay in theirs. */
typedef struct rcr_run_coverage {
    const char *part;
    double promised, observed, width;
} rcr_run_coverage;

typedef struct rcr_run_data {
    char *directory;
    void *summary; /* json_t of run_summary.json */
    int classification;
    size_t n_targets;
    rcr_run_target *target; /* [n_targets] */
    size_t n_epochs;
    /* [n_epochs] of metrics.csv */
    double *lr, *train_loss, *val_loss, *train_score, *val_score, *seconds;
    char train_score_name[16], val_score_name[16]; /* "MAE", "accuracy", "ROC AUC" */
    size_t best_epoch;                             /* 1-based; 0: none */
    size_t n_parts;
    rcr_run_part part[3];
    size_t n_crystals;
    rcr_run_crystal *crystals; /* [n_crystals] ordered by id; NULL: crystals.csv is absent */
    int has_groups;            /* 1: some crystal's space group is known */
    size_t n_settings;
    rcr_run_setting *setting;
    char *settings_text;
    rcr_csv *crystals_csv, *calibration_csv, *steps_csv, *errors_csv; /* NULL where absent */
    size_t n_coverage;
    rcr_run_coverage *coverage;
    /* steps.csv: predictions after each step, and the relative change of the atoms' vectors in it. */
    size_t n_steps, n_traced;
    size_t first_step;                     /* 1, or 0 where the elements' own vectors are read out too */
    const char **traced_id;                /* [n_traced] views */
    double *step_target;                   /* [n_traced] NaN where it is unknown */
    double *step_prediction, *step_change; /* [n_traced, n_steps] */
    size_t n_worst;
    rcr_crystal **worst; /* [n_worst] worst-crystals.jsonl */
} rcr_run_data;

/* Read a finished run.  Files that a run may lack are left out without complaint; predictions, metrics.csv and
 * run_summary.json must be there.  Errors: RCR_ERR_IO (no run, or one that is not finished), RCR_ERR_PARSE. */
rcr_status rcr_run_data_read(rcr_run_data **out, const char *directory, rcr_error *err);
void rcr_run_data_free(rcr_run_data *run);

/* "text", or NULL where the summary has no such string. */
const char *rcr_run_text(const rcr_run_data *run, const char *key);
/* A number of the summary, as a double holds it; NaN where it has none. */
double rcr_run_number(const rcr_run_data *run, const char *key);
/* The value of a setting as config.toml gives it, without quotes; NULL when absent. */
const char *rcr_run_setting_value(const rcr_run_data *run, const char *section, const char *key);

/* Rows of a part by falling |prediction - target| of a target, those without a number left out; *out [*n] is freed
 * with rcr_free. */
rcr_status rcr_run_rank(size_t **out, size_t *n, const rcr_run_data *run, size_t part, size_t target, rcr_error *err);

/* Read DIRECTORY/NAME as CSV.  absent_ok: *out is NULL where there is no such file. */
rcr_status rcr_run_csv(rcr_csv **out, const char *directory, const char *name, int absent_ok, rcr_error *err);
/* The number of a column of the first row; SIZE_MAX when there is none. */
size_t rcr_csv_column(const rcr_csv *csv, const char *name);

#endif
