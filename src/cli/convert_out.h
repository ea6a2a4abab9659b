/* Where convert writes: one file, standard output, or a folder with a file for each structure. */
#ifndef RCR_CLI_CONVERT_OUT_H
#define RCR_CLI_CONVERT_OUT_H

#include "base/threads.h"
#include "io/reader.h"
#include "io/write.h"

/* What --to names, in the order of its words. */
typedef enum rcr_target_format {
    RCR_TO_AUTO = 0, /* told by the output's name */
    RCR_TO_CIF,
    RCR_TO_POSCAR,
    RCR_TO_EXTXYZ,
    RCR_TO_JSON, /* an object, or a list of them where there are several structures */
    RCR_TO_JSONL /* an object on each line */
} rcr_target_format;

/* The format that a file's name stands for; RCR_TO_AUTO when it stands for none. */
rcr_target_format rcr_format_of_output(const char *path);

/* One structure on its way out. */
typedef struct rcr_converted {
    char *input; /* the bytes of a file that a table names; NULL otherwise, and once they are parsed */
    size_t input_length;
    rcr_record record; /* its crystal is gone once there is text */
    rcr_text text;     /* empty where record.error says why there is none */
    char *file;        /* of a folder: its path; NULL otherwise */
} rcr_converted;

typedef struct rcr_convert_out rcr_convert_out;

/* path "-": standard output; an existing folder, or one that ends in '/' and is made then.  format: not AUTO.
 * errors_path: a CSV table of what can't be converted; NULL: errors.csv in a folder, else lines on standard error.
 * overwrite: of a folder, replace targets, structures and errors that it holds.
 * Errors: RCR_ERR_MISMATCH (not overwrite, and the folder holds targets or errors), RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_convert_out_open(rcr_convert_out **out, const char *path, rcr_target_format format,
                                const char *errors_path, int overwrite, rcr_error *err);
/* 1 for a path that is taken for a folder. */
int rcr_convert_is_folder(const char *path);

/* Take n structures in order; those with an error go to the table.  Errors: RCR_ERR_ARGUMENT (a second structure for a
 * file that holds one), RCR_ERR_MISMATCH (a folder has a file of that name, and is not to be overwritten; none of these
 * n is written), RCR_ERR_IO (a file of a folder, standard output), RCR_ERR_MEMORY. */
rcr_status rcr_convert_out_add(rcr_convert_out *out, rcr_converted *item, size_t n, rcr_pool *pool, rcr_error *err);

/* Bring everything to its names; frees out in every case.  A file is not written when no structure came.
 * Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_convert_out_close(rcr_convert_out *out, rcr_error *err);
/* Give up: one file is not written; a folder keeps what it has.  Frees out. */
void rcr_convert_out_abort(rcr_convert_out *out);

size_t rcr_convert_out_written(const rcr_convert_out *out);
size_t rcr_convert_out_failed(const rcr_convert_out *out);
/* Where the errors stand; NULL: on standard error.  Static or out's. */
const char *rcr_convert_out_errors(const rcr_convert_out *out);

#endif
