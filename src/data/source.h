/* The rows of a dataset while they are being read; for the files of this room that begin with source_ and dataset.c. */
#ifndef RCR_DATA_SOURCE_H
#define RCR_DATA_SOURCE_H

#include "data/dataset.h"
#include "io/archive.h"

typedef struct source_row {
    char *id;
    char *file;           /* as named in the source; NULL for an extxyz frame */
    double target;        /* NaN: none */
    rcr_crystal *crystal; /* read already (extxyz), else NULL */
    rcr_graph *graph;     /* the result, */
    rcr_error *error;     /* or why there is none */
    char sha256[65];      /* of the structure's text; "" until it is read */
} source_row;

typedef struct source {
    const char *path; /* as given */
    const rcr_dataset_options *options;
    rcr_folder *folder;          /* the directory or archive that holds the files */
    char *base;                  /* files are read from base/FILE, not through the folder; NULL: through the folder */
    char *target;                /* name of the target; NULL: none is read */
    rcr_element_table *elements; /* the dataset's own; NULL: none */
    const rcr_element_table *known; /* elements that may occur */
    size_t n, capacity;
    source_row *row;   /* [n] */
    int out_of_memory; /* a row could not even be recorded */
} source;

/* A new last row; it takes over id, file (both may be NULL when allocation failed) and crystal.  NULL: out of memory,
 * remembered in the source; everything given was freed. */
source_row *rcr_source_add(source *s, char *id, char *file, rcr_crystal *crystal);
/* Mark a row as bad; the first reason stays.  Allocation failure is remembered in the source. */
void rcr_source_bad(source *s, source_row *row, rcr_status status, const char *file, long line, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 6, 7)))
#endif
    ;
/* Give a row its target from text, or mark it as bad where the options need one. */
void rcr_source_target(source *s, source_row *row, const char *text, size_t length, const char *file, long line);
/* "a, b, c" for messages; freed by the caller; "" parts are shown as (empty). */
char *rcr_source_join(const char *const *names, size_t n);

/* Fill in the rows: from a table `name` in the source's folder; from an extxyz file's text. */
rcr_status rcr_source_read_table(source *s, const char *name, rcr_error *err);
rcr_status rcr_source_read_frames(source *s, const char *name, const char *text, size_t length, rcr_error *err);

#endif
