/* A dataset: crystals as graphs, their targets, and a record of every row that could not be used. */
#ifndef RCR_DATA_DATASET_H
#define RCR_DATA_DATASET_H

#include "base/threads.h"
#include "crystal/element.h"
#include "data/batch.h"
#include "graph/store.h"
#include "recryst.h"

typedef struct rcr_sample {
    char *id;
    uint8_t *record; /* its graph, packed (graph/packed.h), float distances; read it through the functions below */
    size_t record_size;
    int32_t n_atoms, n_edges;
    double target;   /* the first one; NaN where none is asked for, or it is missing (rcr_dataset_target) */
    double weight;   /* what it counts in the loss, 0 or more; 1 where no weights are asked for */
    char *prototype; /* its structure type (crystal/prototype.h); NULL where none was asked for */
    long row;        /* 0-based position in the source (data rows in file order, before bad ones were left out) */
} rcr_sample;

/* One unusable row. */
typedef struct rcr_bad_row {
    char *id;
    long row;        /* 0-based position in the source, as in rcr_sample */
    rcr_error error; /* file, line and reason */
} rcr_bad_row;

struct rcr_dataset {
    char *name;       /* last part of the path; of a store, that of the data it was made from */
    char *path;       /* as given */
    char sha256[65];  /* over every row's id, target, weight where there are any, and structure file, in source order */
    char *target;     /* the column's name, "target" for files without a header; of several "a,b" */
    size_t n_targets; /* T >= 1 */
    char **target_name; /* [T]; NULL where T is 1 */
    double *targets;    /* [n, T] NaN: the row has no value; NULL where T is 1 */
    char *weights;      /* the column of the samples' weights; NULL where none are asked for */
    size_t n_rows;      /* rows in the source */
    size_t n;           /* usable ones */
    rcr_sample *sample; /* [n] in source order */
    size_t n_bad;
    rcr_bad_row *bad;            /* [n_bad] in source order */
    rcr_element_table *elements; /* the dataset's atom_init.json; NULL when it has none */
    rcr_graph_options graph_options;
    rcr_store *store; /* the records lie in this file, mapped; NULL: each is a block of its own */
    char note[400];   /* what the user should hear of how the rows were told; "": nothing */
};

/* Called from time to time from the calling thread: rows done, rows in all. */
typedef void rcr_dataset_progress(void *context, size_t done, size_t total);

typedef struct rcr_dataset_options {
    const char
        *target; /* column (or property of a structure) by name; NULL: the only one, else an error that lists them;
                    "a,b,c" where no column has that name: several at once, of which a row needs one at least */
    const char *weights; /* column (or property) of what each row counts in the loss, 0 or more, which is then no
                            target; a row without is a bad one; NULL: all count the same */
    int need_target;     /* 0: rows without targets are fine, and so are missing columns of several */
    int strict;          /* the first bad row is the error */
    int may_be_bad;      /* 1: all rows may be bad ones, with reasons of their own; else that is an error */
    int prototypes; /* find the structure types, for splits that keep them together; not of a graph store, which has
                       none */
    rcr_graph_options graph;
    const rcr_element_table *known; /* refuse crystals with elements outside; NULL: dataset's own, else CGCNN's */
    size_t keep_bytes; /* of a file's crystals that may wait in memory for their graphs; the others are read again.  0:
                          256 MiB */
    rcr_pool *pool;
    rcr_dataset_progress *progress;
    void *context;
} rcr_dataset_options;

/* Read
 *  - CGCNN's directory layout from a directory or an archive: id_prop.csv, ID.cif, optional atom_init.json. id_prop.csv
 * is either id,target without a header, or has a header: the id is the column called id or material_id, else the first;
 *  - a CSV file with a header whose column (file, filename, path, cif_file, structure) holds file names, relative to
 * the CSV's folder; without such a column, ID.cif beside it;
 *  - whatever io/reader.h reads, or a folder or an archive of it: targets are the records' properties, ids theirs.
 * A row that can't be used (no file, a file that can't be read, an element outside the table, no value for the target
 * or no weight where they are asked for, an id that came before) becomes a bad row, and reading goes on.  The result
 * does not depend on the pool, nor on whether the data are packed. Errors: RCR_ERR_IO, RCR_ERR_PARSE, RCR_ERR_ARGUMENT
 * (no such target or weights: lists what there is; one column for both), RCR_ERR_DATA (no rows, or none usable: says
 * how many failed and why the first did), RCR_ERR_MEMORY; with strict, the first bad row's. */
rcr_status rcr_dataset_read(rcr_dataset **out, const char *path, const rcr_dataset_options *options, rcr_error *err);

/* Samples of a dataset, by number: all of them in order (index NULL), or index[0], index[1], ... */
typedef struct rcr_sample_list {
    const rcr_dataset *dataset;
    const int64_t *index;
} rcr_sample_list;

/* The graphs of such a list, wherever the dataset keeps them.  The list must outlive the source. */
rcr_graph_source rcr_sample_graphs(const rcr_sample_list *list);

/* Fill a batch with samples index[0 .. n).  Errors: as rcr_batch_fill_from. */
rcr_status rcr_dataset_fill_batch(rcr_batch *batch, const rcr_dataset *dataset, const int64_t *index, int32_t n,
                                  rcr_error *err);

/* errors.csv: header row,id,file,line,reason; rows are counted from 1 there, and an unknown line is left empty. */
rcr_status rcr_dataset_write_errors(const rcr_dataset *dataset, const char *path, rcr_error *err);

#endif
