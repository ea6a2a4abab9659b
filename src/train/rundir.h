/* The files of a run directory, each written whole or not at all. */
#ifndef RCR_TRAIN_RUNDIR_H
#define RCR_TRAIN_RUNDIR_H

#include "base/text.h"
#include "train/run.h"

/* 1 when the directory holds a run, or the remains of one. */
int rcr_run_exists(const char *directory);

/* The settings that make this run alone, for its records; strings are the run's.  A network of an ensemble keeps the
 * whole's options, to go on with it by, but what is told of it and repeats it is the training of one network. */
rcr_train_options rcr_run_own_options(const rcr_run *run);

/* config.toml: every setting, and what the automatic ones became. */
rcr_status rcr_run_write_config(const rcr_run *run, rcr_error *err);

/* metrics.csv: one row for every epoch so far. */
rcr_status rcr_run_write_metrics(const rcr_run *run, rcr_error *err);

/* run_summary.json, once run->result is there: the reference program's keys under its names, ours beside them. */
rcr_status rcr_run_write_summary(const rcr_run *run, rcr_error *err);

/* Append the command that repeats the run, on several lines. */
void rcr_run_repeat_command(rcr_text *text, const rcr_run *run);

/* crystals.csv and worst-crystals.jsonl (report/survey.h), without space groups, once everything else is written.  A
 * run whose data can't be read again, or keep no structures, is none the worse.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_run_write_crystals(const rcr_run *run, rcr_error *err);

/* report.html; prediction[p] are those of part p = 0 train, 1 val, 2 test. */
rcr_status rcr_run_write_report(const rcr_run *run, double *const prediction[3], rcr_error *err);

/* "mae", "auc" or "accuracy": the score that chooses the best model. */
const char *rcr_choice_name(rcr_choice choice);

#endif
