/* What a prediction is given: files, folders, archives and datasets, as one stream of structures in the order given. */
#ifndef RCR_API_INPUTS_H
#define RCR_API_INPUTS_H

#include "base/threads.h"
#include "io/reader.h"
#include "model/model.h"
#include "recryst.h"

/* One structure, or the reason why there is none. */
typedef struct rcr_input {
    char *id;
    char *file;        /* as the user would name it */
    rcr_record record; /* of a file of structures, perhaps not parsed yet; empty otherwise */
    rcr_graph *graph;  /* ready; NULL otherwise */
    rcr_error error;   /* status RCR_OK, or why it can't be used */
} rcr_input;
void rcr_input_release(rcr_input *input);

/* Record to crystal to graph, and whether the model can use it; what fails is kept in input->error.  May run on several
 * threads at once with different inputs. */
void rcr_input_prepare(rcr_input *input, const rcr_model *model);

typedef struct rcr_inputs rcr_inputs;
/* Paths stay the caller's, as do model and pool (used to read datasets; may be NULL). */
rcr_status rcr_inputs_open(rcr_inputs **out, char *const *paths, size_t n_paths, const rcr_model *model, rcr_pool *pool,
                           rcr_error *err);
/* The next one; memory in use is that of one structure (of one archive or dataset where the path is one).  *input is
 * overwritten and becomes the caller's.  1: there is one; 0: the end.  A path that can't be read is one input with an
 * error. */
int rcr_inputs_next(rcr_inputs *inputs, rcr_input *input);
/* Why inputs of many structures could not be read to their ends, the first of them; NULL: all that came up to now were.
 * What is lost in such a one has no row, so that a command may not end well. */
const rcr_error *rcr_inputs_failure(const rcr_inputs *inputs);
void rcr_inputs_close(rcr_inputs *inputs);

#endif
