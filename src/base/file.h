/* Files: bounded reading, and writing that is whole or not at all. */
#ifndef RCR_BASE_FILE_H
#define RCR_BASE_FILE_H

#include <stdio.h>

#include "base/text.h"
#include "recryst.h"

/* RCR_ERR_IO with the system's reason for an errno: "PATH: what: permission denied". */
rcr_status rcr_fail_system(rcr_error *err, const char *path, const char *what, int code);

/* Read a whole regular file of at most max_bytes.  (*out)[0 .. *length) are its bytes, (*out)[*length] is 0.
 * Free with rcr_free.  Errors: RCR_ERR_IO (with the path and the system's reason), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_file_read(char **out, size_t *length, const char *path, size_t max_bytes, rcr_error *err);

/* The same of folder/name. */
rcr_status rcr_file_read_in(char **out, size_t *length, const char *folder, const char *name, size_t max_bytes,
                            rcr_error *err);

/* *n <- how many of at most `room` bytes came from a descriptor that is opened; 0: its end.  Interrupted reads go on.
 * Errors: RCR_ERR_IO, of the path. */
rcr_status rcr_read_some(size_t *n, int fd, void *buffer, size_t room, const char *path, rcr_error *err);

/* A file being written under a temporary name beside its own; it appears under its name only on commit.  A symbolic
 * link is followed: what it leads to is replaced, and the link stays.  Devices, pipes and what rcr_path_descriptor
 * knows are written directly. */
typedef struct rcr_writer rcr_writer;
rcr_status rcr_writer_open(rcr_writer **out, const char *path, rcr_error *err);
/* Errors are remembered and reported by commit, so the calls between need no check of their own. */
void rcr_writer_write(rcr_writer *writer, const void *data, size_t length);
void rcr_writer_printf(rcr_writer *writer, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;
/* Flush, fsync, rename over the name, fsync the folder; frees the writer in every case. */
rcr_status rcr_writer_commit(rcr_writer *writer, rcr_error *err);
/* Remove the temporary file; frees the writer. */
void rcr_writer_abort(rcr_writer *writer);

/* The descriptor of this process that a path leads to (1 of /dev/stdout, /dev/fd/1 or /proc/self/fd/1); -1 of others.
 */
int rcr_path_descriptor(const char *path);

/* All at once. */
rcr_status rcr_file_write(const char *path, const void *data, size_t length, rcr_error *err);
/* To folder/name; RCR_ERR_MEMORY where the text failed.  Frees the text in every case. */
rcr_status rcr_file_write_in(const char *folder, const char *name, rcr_text *text, rcr_error *err);

/* The path from the root on, as the working directory is now: for names that are kept.  *out is freed with rcr_free.
 * Errors: RCR_ERR_IO (the working directory has no usable name), RCR_ERR_MEMORY. */
rcr_status rcr_absolute_path(char **out, const char *path, rcr_error *err);

/* 1 when two absolute paths lead to the same file or folder, or, where one of them is not there, are the same but for
 * "." and "//". */
int rcr_same_path(const char *a, const char *b);

/* Fsync the folder that path lies in, so that its name there survives a power cut; a file system that can't, or a
 * folder that may not be read, is no error.  Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_sync_name(const char *path, rcr_error *err);

/* mkdir -p, and the new names are synced.  Errors: RCR_ERR_IO. */
rcr_status rcr_make_directory(const char *path, rcr_error *err);
/* 1 if it exists and is a directory. */
int rcr_is_directory(const char *path);
/* 1 if it exists and is a regular file. */
int rcr_is_file(const char *path);
/* 0 if there is nothing of that name; what can't be looked at is there. */
int rcr_path_exists(const char *path);
/* As rcr_is_file, of folder/name; 0 when out of memory. */
int rcr_is_file_in(const char *folder, const char *name);

#endif
