/* The structure files that a table names, with all the values of their rows: CGCNN's layout, or a CSV file with a
 * column of file names.  For what wants the structures themselves; dataset.h makes graphs of them. */
#ifndef RCR_DATA_TABLE_FILES_H
#define RCR_DATA_TABLE_FILES_H

#include "io/reader.h"

typedef struct rcr_table_files rcr_table_files;

/* *out is NULL where the path is no such table: no folder or archive with an id_prop.csv, no CSV file whose structures
 * lie in files of their own.  Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_DATA, RCR_ERR_MEMORY. */
rcr_status rcr_table_files_open(rcr_table_files **out, const char *path, rcr_error *err);
void rcr_table_files_close(rcr_table_files *table);

/* The next row: id, file and properties of *record, and the bytes of its file (rcr_free), which rcr_table_files_parse
 * makes a crystal of; or the error that tells why there is none.  1: there is one; 0: the end. */
int rcr_table_files_next(rcr_table_files *table, rcr_record *record, char **text, size_t *length);

/* May run on several threads at once; what fails is kept in record->error. */
void rcr_table_files_parse(rcr_record *record, const char *text, size_t length);

#endif
