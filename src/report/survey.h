/* What a report needs to know about a run's crystals beyond its predictions, kept in the run directory:
 *  - crystals.csv: id, formula, atoms, space_group, symbol, one row for each row of the three parts;
 *  - worst-crystals.jsonl: the structures of the worst test rows, one pymatgen Structure a line;
 *  - steps.csv: of an SR-CGCNN of several steps and up to 2,000 test rows, the prediction after each step, and how far
 *    the step moved the atoms' vectors. */
#ifndef RCR_REPORT_SURVEY_H
#define RCR_REPORT_SURVEY_H

#include "base/threads.h"
#include "crystal/spacegroup.h"
#include "data/dataset.h"
#include "report/rundata.h"

typedef struct rcr_survey_options {
    const char *data;   /* path of the dataset that the run was trained on */
    const char *target; /* its column; may be NULL */
    /* Finds space groups of the validation and test rows (milliseconds each), from several threads at once, as
     * rcr_spacegroup_find (crystals that it fails on have none); NULL: none are looked for, and those that crystals.csv
     * holds stay. */
    rcr_status (*find_group)(rcr_spacegroup **out, const rcr_crystal *crystal, double tolerance, rcr_error *err);
    const rcr_model *model; /* whose steps are traced; NULL: steps.csv is not written */
    rcr_pool *pool;         /* may be NULL */
    rcr_dataset_progress *progress;
    void *context;
    size_t *n_missing; /* set to the number of the run's rows that the data do not hold; may be NULL */
} rcr_survey_options;

/* Read the data again and write these files.  Of rows that the data do not hold, what these files know already stays.
 * Errors: as rcr_dataset_visit; RCR_ERR_MISMATCH (none of the run's rows is in the data, or a crystal there has another
 * formula or number of atoms than crystals.csv says: these are other data, of which nothing is taken). */
rcr_status rcr_survey_write(const rcr_run_data *run, const rcr_survey_options *options, rcr_error *err);

/* An SR-CGCNN or CGCNN that reads out after `depth` steps or layers of a deeper one, 1 <= depth <= that one's. */
rcr_status rcr_model_shallower(rcr_model **out, const rcr_model *model, int32_t depth, rcr_error *err);

#endif
