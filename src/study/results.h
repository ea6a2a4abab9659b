/* The numbers of a run: what reading them from its summary and from a table have in common. */
#ifndef RCR_STUDY_RESULTS_H
#define RCR_STUDY_RESULTS_H

#include "study/study.h"

/* The columns of study.csv that are no scores, after them. */
enum { RCR_STUDY_N_FACTS = 8 };
extern const char *const rcr_study_facts[RCR_STUDY_N_FACTS];

/* 1, 2, 3 for a score of the test, validation or training part; 0: no score. */
int rcr_study_score_part(const char *name);
/* Make it a column of the study, unless it is. */
rcr_status rcr_study_add_score(rcr_study *study, const char *name, rcr_error *err);
/* Room for n numbers of a run that has none, and one more of them. */
rcr_status rcr_study_make_numbers(rcr_study_run *run, size_t n, rcr_error *err);
rcr_status rcr_study_add_number(rcr_study_run *run, const char *name, double value, rcr_error *err);
/* Read the numbers of a run that is done from its summary, unless it has them. */
rcr_status rcr_study_read_result(rcr_study *study, rcr_study_run *run, rcr_error *err);
/* tables.c: the tables of what has been read. */
rcr_status rcr_study_put_tables(const rcr_study *study, rcr_error *err);

#endif
