/* A folder of files, be it a real folder or an archive (tar, tar.gz, tar.zst, zip; libarchive), read without unpacking.
 */
#ifndef RCR_IO_ARCHIVE_H
#define RCR_IO_ARCHIVE_H

#include "recryst.h"

typedef struct rcr_folder rcr_folder;

/* 1 when the name is that of an archive. */
int rcr_is_archive_name(const char *path);

/* Open a directory, or an archive whose members are held in memory (limits: 1,000,000 members, 8 GiB in all).
 * Archive members are named by their path below the archive's single top folder, if it has one.
 * Member names with "..", absolute names, links and devices are refused. */
rcr_status rcr_folder_open(rcr_folder **out, const char *path, rcr_error *err);
/* The same for an archive in memory (data may be freed afterwards), of at most max_bytes when unpacked. */
rcr_status rcr_folder_open_memory(rcr_folder **out, const void *data, size_t length, size_t max_bytes, rcr_error *err);
void rcr_folder_free(rcr_folder *folder);

/* 1 when the folder holds a file of that name. */
int rcr_folder_has(const rcr_folder *folder, const char *name);
/* The bytes of one file of at most 1 GiB, NUL-terminated beyond the end; free with rcr_free.  Safe from several threads
 * at once.  Errors: RCR_ERR_IO, RCR_ERR_LIMIT, RCR_ERR_MEMORY, RCR_ERR_ARGUMENT (a name that leads out of the folder).
 */
rcr_status rcr_folder_read(char **out, size_t *length, const rcr_folder *folder, const char *name, rcr_error *err);
/* Names of the files in a directory, not of those in folders below it (nor are links to folders followed), or of all
 * files of an archive: sorted by strcmp, relative to the folder; owned by the folder. */
rcr_status rcr_folder_list(const char *const **names, size_t *n, rcr_folder *folder, rcr_error *err);

#endif
