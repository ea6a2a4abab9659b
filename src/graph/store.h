/* The file of a graph store: batches of rows in LMDB.  What rows and head hold is the business of src/data/; here they
 * are bytes.  docs/store.md describes the whole.
 *
 * One LMDB file (MDB_NOSUBDIR, no lock file), one unnamed database:
 *
 *     key                    value
 *     head                   envelope: JSON
 *     elem                   envelope: the dataset's atom_init.json, as it was; absent when it had none
 *     rows + u32 big-endian  envelope: the rows of a batch
 *     data + u32 big-endian  graph records of the batch (graph/packed.h) one after another, each with its own checksum
 *
 * An envelope is a u64 rcr_checksum of what follows it.  Numbers are little-endian.
 *
 * A batch and the head that counts it are written in one transaction, which is on disk when rcr_store_put returns: a
 * process or machine that dies leaves the state before or after it.  A new store gets its name after its first
 * transaction.  flock(2) on the file keeps a writer apart from readers and other writers, and ends with the process. */
#ifndef RCR_GRAPH_STORE_H
#define RCR_GRAPH_STORE_H

#include "recryst.h"

typedef struct rcr_store rcr_store;

/* Bytes in the store, or to go into it. */
typedef struct rcr_bytes {
    const void *data;
    size_t size;
} rcr_bytes;

/* 1 when the file begins as an LMDB file does; 0 otherwise, also when it can't be read. */
int rcr_store_is(const char *path);

/* Open for reading.  Several processes may read at once.  The structure of the file is checked (store_check.h), so that
 * LMDB can be trusted with it whatever it holds.
 * Errors: RCR_ERR_IO (also: is being written), RCR_ERR_PARSE (damaged, or LMDB but no store), RCR_ERR_UNSUPPORTED. */
rcr_status rcr_store_open(rcr_store **out, const char *path, rcr_error *err);
/* Open for reading and adding.  Errors: as above; RCR_ERR_IO while anyone else has it open. */
rcr_status rcr_store_open_writable(rcr_store **out, const char *path, rcr_error *err);
/* Make a new store holding this head and, unless elem.data is NULL, this element table.  Errors: RCR_ERR_IO, also when
 * there is a file of that name or another process is making one. */
rcr_status rcr_store_create(rcr_store **out, const char *path, rcr_bytes head, rcr_bytes elem, rcr_error *err);
void rcr_store_close(rcr_store *store);

/* What the store holds; valid until the store is closed or written to.  Checksums of head, elem and rows are checked
 * here.  Errors: RCR_ERR_PARSE when damaged or missing; elem gives data NULL when the store has none. */
rcr_status rcr_store_head(rcr_bytes *out, rcr_store *store, rcr_error *err);
rcr_status rcr_store_elem(rcr_bytes *out, rcr_store *store, rcr_error *err);
rcr_status rcr_store_rows(rcr_bytes *out, rcr_store *store, uint32_t batch, rcr_error *err);
rcr_status rcr_store_data(rcr_bytes *out, rcr_store *store, uint32_t batch, rcr_error *err);

/* Add or replace a batch, and the head, in one transaction; rows.data NULL: the head alone.  Errors: RCR_ERR_IO (disk
 * full, ...), RCR_ERR_LIMIT (above 4 GiB), RCR_ERR_MEMORY; the store is then as it was. */
rcr_status rcr_store_put(rcr_store *store, uint32_t batch, rcr_bytes rows, rcr_bytes data, rcr_bytes head,
                         rcr_error *err);

/* Ask the system to have these bytes of the store in memory soon. */
void rcr_store_announce(const void *data, size_t size);

#endif
