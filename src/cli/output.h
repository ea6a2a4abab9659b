/* What the command says: data to standard output or a file, errors and notes to standard error. */
#ifndef RCR_CLI_OUTPUT_H
#define RCR_CLI_OUTPUT_H

#include "base/file.h"
#include "base/json_text.h"
#include "base/status.h"
#include "base/text.h"
#include "recryst.h"

/* "recryst: error: file:line: message" on standard error; control characters are replaced.  Gives the exit code that
 * goes with the status. */
int rcr_cli_error(const rcr_error *err);
/* An error in the command's use, with a pointer to the help.  Gives RCR_EXIT_USAGE. */
int rcr_cli_usage_error(const char *command, const char *format, ...) RCR_PRINTF(2, 3);
/* "recryst: text" on standard error: what helps after an error. */
void rcr_cli_hint(const char *format, ...) RCR_PRINTF(1, 2);
/* "recryst: note: text" on standard error. */
void rcr_cli_note(const char *format, ...) RCR_PRINTF(1, 2);

/* Text for people: control characters that were appended from `from` on, but for the ends of lines, are replaced, as
 * rcr_cli_error replaces them. */
void rcr_cli_clean(rcr_text *text, size_t from);
/* Append a name that comes from a file, such as an id, on one line. */
void rcr_cli_put_name(rcr_text *out, const char *name);

/* Write a text to standard output at once.  Gives RCR_EXIT_OK, or reports and gives RCR_EXIT_FAILED (out of memory in
 * building the text, or the output can't be written).  A closed pipe ends quietly. */
int rcr_cli_print(const rcr_text *text);
/* The same of text for people, cleaned. */
int rcr_cli_show(rcr_text *text);

/* Where rows go: standard output, a file that appears whole at the end, or a file that grows. */
typedef struct rcr_output {
    rcr_writer *writer; /* NULL: standard output, or file */
    FILE *file;         /* a file that grows; NULL: standard output, or writer */
    const char *path;   /* of file; the caller's */
    int failure;        /* errno of the first failed write to standard output or file */
} rcr_output;
/* path NULL, "-" or a name of standard output (/dev/stdout): standard output. */
rcr_status rcr_output_open(rcr_output *out, const char *path, rcr_error *err);
/* Go on after the first `keep` bytes of a file, whose rest is cut off, or make it.  No two processes can do that with
 * one file at a time.  Errors: RCR_ERR_IO. */
rcr_status rcr_output_open_at(rcr_output *out, const char *path, uint64_t keep, rcr_error *err);
/* Hand everything on to the system now; nothing for a writer. */
void rcr_output_flush(rcr_output *out);
/* Append what the text holds and empty it.  Errors come out in rcr_output_close. */
void rcr_output_write(rcr_output *out, rcr_text *text);
/* 1 when writing on is useless (standard output or the file that grows has failed). */
int rcr_output_failed(const rcr_output *out);
/* Flush, or bring the file to its name.  A closed pipe is RCR_ERR_IO with an empty message. */
rcr_status rcr_output_close(rcr_output *out, rcr_error *err);
/* End without bringing a file to its name; a file that grows keeps its rows. */
void rcr_output_abort(rcr_output *out);

/* Make sure that file descriptors 0 to 2 are open, so that no file that is opened later takes the place of a closed
 * standard stream; writing to what was closed then fails as it should. */
void rcr_cli_guard_streams(void);

#endif
