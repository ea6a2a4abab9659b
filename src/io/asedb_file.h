/* The SQLite file of an ASE database: it may come from anybody, so SQLite is told to trust nothing in it. */
#ifndef RCR_IO_ASEDB_FILE_H
#define RCR_IO_ASEDB_FILE_H

#include <sqlite3.h>

#include "recryst.h"

/* How the open file is read: as SQLite reads it, but for the reason of a failure. */
typedef struct rcr_asedb_methods {
    sqlite3_io_methods own; /* first: what the open file points to */
    const sqlite3_io_methods *of_file;
} rcr_asedb_methods;

/* Stays where it is while it is open: SQLite points to it. */
typedef struct rcr_asedb_file {
    sqlite3 *db;
    rcr_asedb_methods methods;
    void *own;  /* the bytes, where they are held */
    long steps; /* of SQLite's machine; whoever has got on sets them to 0 again */
} rcr_asedb_file;

/* path: NULL for the bytes data[length]; own: the same bytes where the file may have them, from rcr_malloc (it frees
 * them, also on failure, by rcr_asedb_file_close), or NULL.  file: all zero before. */
rcr_status rcr_asedb_file_open(rcr_asedb_file *file, const char *path, const void *data, size_t length, void *own,
                               rcr_error *err);
/* From here on statements may do nothing but read columns. */
void rcr_asedb_file_allow_rows(rcr_asedb_file *file);
/* What SQLite last failed with: "can't read the ASE database", `what`, the reason. */
rcr_status rcr_asedb_file_fail(const rcr_asedb_file *file, rcr_error *err, const char *what);
void rcr_asedb_file_close(rcr_asedb_file *file);

#endif
