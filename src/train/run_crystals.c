/* What a report will want to know of the crystals, while the data are sure to be there. */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "report/survey.h"
#include "train/rundir.h"

/* A survey holds every row of the run at once; of more, training does without, so that it needs no more memory at its
 * end than before.  rcr_survey_write can still be asked for it (recryst report). */
enum { MOST_ROWS = 200000 };

rcr_status rcr_run_write_crystals(const rcr_run *run, rcr_error *err) {
    if (run->dataset->n > MOST_ROWS) return RCR_OK;
    rcr_run_data *data = NULL;
    rcr_error why;
    rcr_status status = rcr_run_data_read(&data, run->directory, &why);
    const rcr_survey_options options = {.data = run->data_path, .target = run->dataset->target, .pool = run->pool};
    if (status == RCR_OK) status = rcr_survey_write(data, &options, &why);
    rcr_run_data_free(data);
    /* Data that have gone meanwhile leave the run without these; a full disk must not, without a word, nor a device
     * that fails. */
    int unwritten = status == RCR_ERR_IO && strncmp(why.file, run->directory, strlen(run->directory)) == 0;
    int unread = status == RCR_ERR_IO && rcr_path_exists(run->data_path);
    if (status != RCR_ERR_MEMORY && !unwritten && !unread) return RCR_OK;
    if (err != NULL) *err = why;
    return status;
}
