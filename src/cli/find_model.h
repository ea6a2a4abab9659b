/* From what the user calls a model to a file. */
#ifndef RCR_CLI_FIND_MODEL_H
#define RCR_CLI_FIND_MODEL_H

#include "base/text.h"
#include "recryst.h"

/* Append to *path: `name` itself when it is a file or a folder, else NAME.safetensors in the first of these folders
 * that has it: $RECRYST_MODELS; models beside the folder of this program (the source tree's, seen from its build
 * folder); ../share/recryst/models from there (an installation's).
 * Errors: RCR_ERR_IO, listing the models that there are. */
rcr_status rcr_find_model(rcr_text *path, const char *name, rcr_error *err);

/* The models that can be given by name, in the order of these folders, by name within each; one that an earlier folder
 * has too is left out. */
typedef struct rcr_shelf {
    size_t n;
    char **name, **path; /* [n] */
} rcr_shelf;
/* Errors: RCR_ERR_MEMORY. */
rcr_status rcr_shelf_list(rcr_shelf *out, rcr_error *err);
void rcr_shelf_release(rcr_shelf *shelf);

/* Append the folders that are looked in, with commas between. */
void rcr_shelf_folders(rcr_text *out);

/* Find and load. */
rcr_status rcr_open_model(rcr_model **out, const char *name, rcr_error *err);

#endif
