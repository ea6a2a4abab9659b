/* Study files: TOML that says which runs a study has.  docs/study.md. */
#ifndef RCR_CLI_STUDY_FILE_H
#define RCR_CLI_STUDY_FILE_H

#include "study/study.h"

/* What a file says beside its runs. */
typedef struct rcr_study_file {
    int32_t jobs, threads; /* 0: not said */
    char **take;           /* [n_take] tables whose rows are to be taken */
    size_t n_take;
    char *text; /* the file itself */
    size_t length;
} rcr_study_file;
void rcr_study_file_release(rcr_study_file *said);

/* Read a study file and lay out its runs.  out: the study's folder; NULL: what the file says, else runs/NAME.
 * Errors name file and line where there is one: RCR_ERR_PARSE, RCR_ERR_ARGUMENT, RCR_ERR_LIMIT, RCR_ERR_IO,
 * RCR_ERR_MEMORY. */
rcr_status rcr_study_file_read(rcr_study **study, rcr_study_file *said, const char *path, const char *out,
                               rcr_error *err);

#endif
