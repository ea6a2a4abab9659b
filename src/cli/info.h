/* What info shows of a model, a run and a dataset; each appends lines to out. */
#ifndef RCR_CLI_INFO_H
#define RCR_CLI_INFO_H

#include "base/text.h"
#include "model/model.h"

void rcr_info_model(rcr_text *out, const rcr_model *model);

/* A run directory; the model that it holds too, when there is one already. */
rcr_status rcr_info_run(rcr_text *out, const char *directory, rcr_error *err);
/* 1 when the folder holds a training run. */
int rcr_is_run(const char *directory);

/* A graph store. */
rcr_status rcr_info_store(rcr_text *out, const char *path, rcr_error *err);

/* A dataset in any of the forms that rcr_dataset_read takes. */
rcr_status rcr_info_data(rcr_text *out, const char *path, const rcr_graph_options *graph, const char *target, int quiet,
                         rcr_error *err);

#endif
