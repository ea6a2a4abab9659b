/* Where embed's vectors go: CSV row by row; npy and safetensors, which say at their start how much they hold, whole at
 * the end. */
#ifndef RCR_CLI_EMBED_OUTPUT_H
#define RCR_CLI_EMBED_OUTPUT_H

#include "cli/output.h"
#include "model/model.h"

typedef enum rcr_embed_format {
    RCR_EMBED_AUTO = 0,
    RCR_EMBED_CSV,
    RCR_EMBED_NPY,
    RCR_EMBED_SAFETENSORS
} rcr_embed_format;

typedef struct rcr_embed_output {
    rcr_embed_format format;
    rcr_embedding_kind kind;
    const rcr_model *model; /* the caller's, as is path */
    const char *path;
    size_t n_steps, n_features;
    rcr_output csv;
    rcr_text line;            /* of CSV, or of the file of ids beside an npy */
    rcr_text values;          /* little-endian floats */
    rcr_text numbers, offset; /* atomic numbers, u8; the first row of each crystal, i64 */
    char **id;                /* [n] owned */
    size_t n, capacity, n_rows;
} rcr_embed_output;

/* format AUTO: told by the ending of path (.npy, .safetensors), else CSV.  path NULL or "-": standard output, CSV.
 * Errors: RCR_ERR_ARGUMENT (npy or safetensors to standard output), RCR_ERR_IO. */
rcr_status rcr_embed_open(rcr_embed_output *out, const char *path, rcr_embed_format format, rcr_embedding_kind kind,
                          const rcr_model *model, rcr_error *err);
/* The vectors of one crystal, `rows` of them, n_steps * n_features values each; atomic_number [rows] (not for
 * RCR_EMBED_CRYSTAL).  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_embed_add(rcr_embed_output *out, const char *id, const uint8_t *atomic_number, const float *values,
                         size_t rows, rcr_error *err);
/* Bring the files to their names.  Errors: RCR_ERR_IO, RCR_ERR_ARGUMENT (an id that is not UTF-8, in safetensors),
 * RCR_ERR_MEMORY. */
rcr_status rcr_embed_finish(rcr_embed_output *out, rcr_error *err);
/* End without files, where finish was not reached; frees what out holds in every case. */
void rcr_embed_release(rcr_embed_output *out);

#endif
