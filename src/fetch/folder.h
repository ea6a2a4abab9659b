/* The folder that a download fills: names of files, files written whole, what is there from before. */
#ifndef RCR_FETCH_FOLDER_H
#define RCR_FETCH_FOLDER_H

#include "base/lock.h"
#include "base/text.h"
#include "recryst.h"

/* A set of strings. */
typedef struct rcr_name_set rcr_name_set;
rcr_name_set *rcr_name_set_new(void); /* NULL: out of memory */
/* 1: added; 0: was there; -1: out of memory.  The text is copied. */
int rcr_name_set_add(rcr_name_set *set, const char *text);
void rcr_name_set_free(rcr_name_set *set);

/* Append the name that a file of this id has, without its ending: letters, digits and - _ + = @ , ~ . as they are
 * (but no point in front), every other byte as %XX.  Two ids never share a name.  0: too long for a file's name. */
int rcr_file_name_of_id(rcr_text *out, const char *id);

typedef struct rcr_folder_out {
    char *path;     /* OUT */
    char *cache;    /* OUT/.fetch */
    rcr_lock *lock; /* on OUT/.fetch */
} rcr_folder_out;

/* Make OUT and OUT/.fetch and take the lock.  Errors: as of rcr_lock_take. */
rcr_status rcr_folder_out_open(rcr_folder_out *out, const char *path, rcr_error *err);
void rcr_folder_out_close(rcr_folder_out *folder);

/* "OUT/name", or with cached "OUT/.fetch/name", in text (emptied before); NULL: out of memory. */
const char *rcr_folder_out_path(rcr_text *text, const rcr_folder_out *folder, int cached, const char *name);

/* Write OUT/name under another name and rename it, without waiting for the disk (rcr_folder_out_sync); a file that
 * holds just this already is left alone. */
rcr_status rcr_folder_out_write(const rcr_folder_out *folder, const char *name, const char *data, size_t length,
                                rcr_error *err);
/* Remove OUT/name where it is.  Errors: RCR_ERR_IO. */
rcr_status rcr_folder_out_remove(const rcr_folder_out *folder, const char *name, rcr_error *err);
/* Have all that was written reach the disk. */
void rcr_folder_out_sync(const rcr_folder_out *folder);
/* *found <- 1 when a .cif file lies in OUT.  Errors: RCR_ERR_IO, when nobody knows. */
rcr_status rcr_folder_out_has_crystals(int *found, const rcr_folder_out *folder, rcr_error *err);

/* Remove id_prop.csv, then provenance.json, and when that is on the disk errors.csv, every .cif file and the pages:
 * what a download writes, but for atom_init.json.  Errors: RCR_ERR_IO. */
rcr_status rcr_folder_out_clear(const rcr_folder_out *folder, rcr_error *err);
/* Remove the pages from number `first` on: what follows a page that is asked for again need not fit it. */
void rcr_folder_out_drop_pages(const rcr_folder_out *folder, int64_t first);

/* The last thing that is done, the lock is given back with it: remove the pages unless they are to be kept, and then
 * OUT/.fetch where it holds no download, and OUT where it is empty. */
void rcr_folder_out_leave(rcr_folder_out *folder, int keep_pages);

#endif
