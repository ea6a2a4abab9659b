/* A study's folder (docs/study.md) as the data of a page. */
#ifndef RCR_REPORT_STUDYPAGE_H
#define RCR_REPORT_STUDYPAGE_H

#include "base/text.h"
#include "recryst.h"

/* 1 when the folder holds the tables of a study. */
int rcr_study_is(const char *directory);

/* "band_gap: NAME", the page's title. */
rcr_status rcr_study_title(rcr_text *out, const char *directory, rcr_error *err);

/* The study as JSON (web/src/study.js reads it): summary.json as it is, the rows of study.csv, the validation scores of
 * every run's metrics.csv, the text of study.toml.  Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_MEMORY. */
rcr_status rcr_page_study(rcr_text *json, const char *directory, rcr_error *err);

#endif
