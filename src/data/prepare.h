/* Making and extending a graph store: docs/store.md. */
#ifndef RCR_DATA_PREPARE_H
#define RCR_DATA_PREPARE_H

#ifdef __cplusplus
#include <atomic>
using std::atomic_int; /* C++ has no stdatomic.h before C++23; the two are laid out alike */
#else
#include <stdatomic.h>
#endif

#include "data/dataset.h"

typedef struct rcr_prepare_options {
    rcr_graph_options graph;
    int append; /* add the rows whose ids a finished store does not have */
    int strict; /* the first bad row is the error; what came before it stays in the store, which is not finished */
    size_t keep_bytes; /* as in rcr_dataset_options */
    rcr_pool *pool;
    rcr_dataset_progress *progress;
    void *context;
    const atomic_int *stop; /* not 0: end after what is at work, with all of it in the store.  May be NULL */
} rcr_prepare_options;

typedef struct rcr_prepare_result {
    uint64_t n_rows, n_good;        /* in the store, once it is done */
    uint64_t n_added, n_added_good; /* by this call */
    uint64_t n_there;               /* rows of the data that the store had before this call */
    uint64_t n_atoms;               /* added by this call */
    uint64_t file_bytes;            /* of the store */
    rcr_error first_bad;            /* status RCR_OK: no row of this call was bad */
    char first_bad_id[128];
    char note[400]; /* what the user should hear of how the rows were told; "": nothing */
} rcr_prepare_result;

/* Read a dataset (as rcr_dataset_read does, but from files alone, with every value that may become a target, and
 * whatever the elements) into a store.  A store that an earlier call with the same data left unfinished is finished;
 * one that was made from the same rows, whatever has been added since, is left alone.  Memory grows with the rows and
 * their values, not with the graphs. Errors: those of rcr_dataset_read, rcr_store_create and rcr_store_open_writable;
 * RCR_ERR_MISMATCH (the store was made with other graph options, from other data, has other element vectors);
 * RCR_ERR_INTERRUPTED (stopped; the same call goes on). *result is set then too. */
rcr_status rcr_prepare(rcr_prepare_result *result, const char *data, const char *store,
                       const rcr_prepare_options *options, rcr_error *err);

#endif
