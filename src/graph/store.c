#include "graph/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/store_check.h"

enum { MAX_KEY_BYTES = 16, ENVELOPE_BYTES = 8, FILE_MODE = 0666 };
static const size_t map_slack = (size_t)4 << 20;

struct rcr_store {
    char *path;
    int lock; /* file descriptor that holds the lock */
    int writable;
    MDB_env *env;
    MDB_txn *txn; /* reading; NULL until it is needed */
    MDB_dbi dbi;
};

static rcr_status fail_lmdb(rcr_error *err, const rcr_store *store, const char *what, int code) {
    rcr_status status = code == ENOMEM                                 ? RCR_ERR_MEMORY
                        : code == MDB_INVALID || code == MDB_CORRUPTED ? RCR_ERR_PARSE
                                                                       : RCR_ERR_IO;
    return rcr_fail_at(err, status, store->path, 0, "%s failed: %s", what, mdb_strerror(code));
}

static rcr_status fail_system(rcr_error *err, const char *path, const char *what) {
    return rcr_fail_at(err, RCR_ERR_IO, path, 0, "it can't be %s: %s", what, strerror(errno));
}

int rcr_store_is(const char *path) {
    uint8_t head[RCR_LMDB_HEAD_BYTES];
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return 0;
    ssize_t n = read(file, head, sizeof head);
    close(file);
    return n == (ssize_t)sizeof head && rcr_lmdb_is(head);
}

/* ---------------------------------------------------------------- opening */

/* Take the lock.  Where the file system has none, a reader goes on without and a writer does not. */
static rcr_status take_lock(const rcr_store *store, rcr_error *err) {
    if (flock(store->lock, (store->writable ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) return RCR_OK;
    if (errno == EWOULDBLOCK)
        return rcr_fail_at(err, RCR_ERR_IO, store->path, 0, "%s",
                           store->writable ? "another process reads or writes the store; wait until it is done"
                                           : "another process writes the store (recryst prepare); wait until it is "
                                             "done");
    return store->writable ? fail_system(err, store->path, "locked") : RCR_OK;
}

/* Map the file for a moment and look at its structure. */
static rcr_status check_file(const rcr_store *store, uint64_t *size, rcr_error *err) {
    struct stat info;
    if (fstat(store->lock, &info) != 0) return fail_system(err, store->path, "read");
    if (!S_ISREG(info.st_mode) || info.st_size <= 0)
        return rcr_fail_at(err, RCR_ERR_PARSE, store->path, 0, "this is no graph store");
    *size = (uint64_t)info.st_size;
    void *map = mmap(NULL, (size_t)*size, PROT_READ, MAP_SHARED, store->lock, 0);
    if (map == MAP_FAILED) return fail_system(err, store->path, "mapped");
    rcr_status status = *size >= RCR_LMDB_HEAD_BYTES && rcr_lmdb_is(map)
                            ? rcr_lmdb_check(map, *size, err)
                            : rcr_fail(err, RCR_ERR_PARSE, "this is no graph store");
    munmap(map, (size_t)*size);
    if (status != RCR_OK) rcr_error_set_file(err, store->path);
    return status;
}

static rcr_status open_lmdb(rcr_store *store, const char *path, uint64_t size, rcr_error *err) {
    /* No reading ahead: batches are of records from everywhere, and what is needed is announced. */
    unsigned flags = MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS | MDB_NORDAHEAD | (store->writable ? 0 : MDB_RDONLY);
    int code = mdb_env_create(&store->env);
    if (code == 0) code = mdb_env_set_mapsize(store->env, (size_t)size + map_slack);
    if (code == 0) code = mdb_env_open(store->env, path, flags, FILE_MODE);
    return code == 0 ? RCR_OK : fail_lmdb(err, store, "opening the store", code);
}

/* A reading transaction, in which all that is given out stays where it is. */
static rcr_status begin_reading(rcr_store *store, rcr_error *err) {
    if (store->txn != NULL) return RCR_OK;
    int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn);
    if (code == 0) code = mdb_dbi_open(store->txn, NULL, 0, &store->dbi);
    return code == 0 ? RCR_OK : fail_lmdb(err, store, "reading the store", code);
}

static void end_reading(rcr_store *store) {
    if (store->txn != NULL) mdb_txn_abort(store->txn);
    store->txn = NULL;
}

void rcr_store_close(rcr_store *store) {
    if (store == NULL) return;
    end_reading(store);
    if (store->env != NULL) mdb_env_close(store->env);
    if (store->lock >= 0) close(store->lock);
    rcr_free(store->path);
    rcr_free(store);
}

static rcr_status new_store(rcr_store **out, const char *path, int writable, rcr_error *err) {
    rcr_store *store = rcr_calloc(1, sizeof *store);
    if (store == NULL) return rcr_fail_memory(err, "opening a store");
    store->lock = -1;
    store->writable = writable;
    store->path = rcr_strdup(path);
    if (store->path == NULL) {
        rcr_store_close(store);
        return rcr_fail_memory(err, "opening a store");
    }
    *out = store;
    return RCR_OK;
}

static rcr_status open_store(rcr_store **out, const char *path, int writable, rcr_error *err) {
    rcr_store *store;
    rcr_status status = new_store(&store, path, writable, err);
    if (status != RCR_OK) return status;
    uint64_t size = 0;
    store->lock = RCR_FILE_CALL(open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK));
    status = store->lock < 0 ? fail_system(err, path, "opened") : take_lock(store, err);
    if (status == RCR_OK) status = check_file(store, &size, err);
    if (status == RCR_OK) status = open_lmdb(store, path, size, err);
    if (status == RCR_OK) status = begin_reading(store, err);
    if (status == RCR_OK)
        *out = store;
    else
        rcr_store_close(store);
    return status;
}

rcr_status rcr_store_open(rcr_store **out, const char *path, rcr_error *err) { return open_store(out, path, 0, err); }

rcr_status rcr_store_open_writable(rcr_store **out, const char *path, rcr_error *err) {
    return open_store(out, path, 1, err);
}

/* ---------------------------------------------------------------- reading */

/* "head", or "rows" and a number. */
static MDB_val make_key(uint8_t buffer[MAX_KEY_BYTES], const char *name, int numbered, uint32_t number) {
    memcpy(buffer, name, 4);
    for (int i = 0; i < 4; i++) buffer[4 + i] = (uint8_t)(number >> (24 - 8 * i));
    return (MDB_val){numbered ? 8 : 4, buffer};
}

/* *out is left with data NULL when there is no such entry. */
static rcr_status get(rcr_bytes *out, rcr_store *store, const char *name, int numbered, uint32_t number,
                      rcr_error *err) {
    uint8_t buffer[MAX_KEY_BYTES];
    MDB_val key = make_key(buffer, name, numbered, number), value;
    rcr_status status = begin_reading(store, err);
    if (status != RCR_OK) return status;
    int code = mdb_get(store->txn, store->dbi, &key, &value);
    if (code != 0 && code != MDB_NOTFOUND) return fail_lmdb(err, store, "reading the store", code);
    *out = code == 0 ? (rcr_bytes){value.mv_data, value.mv_size} : (rcr_bytes){NULL, 0};
    return RCR_OK;
}

static rcr_status get_envelope(rcr_bytes *out, rcr_store *store, const char *name, int numbered, uint32_t number,
                               int may_miss, rcr_error *err) {
    rcr_bytes whole;
    rcr_status status = get(&whole, store, name, numbered, number, err);
    if (status != RCR_OK) return status;
    if (whole.data == NULL) {
        if (!may_miss)
            return rcr_fail_at(err, RCR_ERR_PARSE, store->path, 0, "this is no graph store, or it lacks its \"%s\" %lu",
                               name, (unsigned long)number);
        *out = whole;
        return RCR_OK;
    }
    uint64_t sum;
    const uint8_t *data = whole.data;
    rcr_store_announce(data, whole.size);
    size_t size = whole.size - ENVELOPE_BYTES;
    if (whole.size >= ENVELOPE_BYTES) memcpy(&sum, data, sizeof sum);
    if (whole.size < ENVELOPE_BYTES || sum != rcr_checksum(data + ENVELOPE_BYTES, size))
        return rcr_fail_at(err, RCR_ERR_PARSE, store->path, 0,
                           "the store is damaged (the checksum of its \"%s\" %lu does not match); prepare it again",
                           name, (unsigned long)number);
    *out = (rcr_bytes){data + ENVELOPE_BYTES, size};
    return RCR_OK;
}

rcr_status rcr_store_head(rcr_bytes *out, rcr_store *store, rcr_error *err) {
    return get_envelope(out, store, "head", 0, 0, 0, err);
}

rcr_status rcr_store_elem(rcr_bytes *out, rcr_store *store, rcr_error *err) {
    return get_envelope(out, store, "elem", 0, 0, 1, err);
}

rcr_status rcr_store_rows(rcr_bytes *out, rcr_store *store, uint32_t batch, rcr_error *err) {
    return get_envelope(out, store, "rows", 1, batch, 0, err);
}

rcr_status rcr_store_data(rcr_bytes *out, rcr_store *store, uint32_t batch, rcr_error *err) {
    rcr_status status = get(out, store, "data", 1, batch, err);
    if (status == RCR_OK && out->data == NULL)
        return rcr_fail_at(err, RCR_ERR_PARSE, store->path, 0, "the store is damaged (it lacks its \"data\" %lu)",
                           (unsigned long)batch);
    return status;
}

void rcr_store_announce(const void *data, size_t size) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)data & ~(page - 1);
    if (size > 0) posix_madvise((void *)first, (uintptr_t)data + size - first, POSIX_MADV_WILLNEED);
}

/* ---------------------------------------------------------------- writing */

static int put(MDB_txn *txn, MDB_dbi dbi, const char *name, int numbered, uint32_t number, rcr_bytes bytes,
               int in_envelope) {
    uint8_t buffer[MAX_KEY_BYTES];
    size_t extra = in_envelope ? ENVELOPE_BYTES : 0;
    MDB_val key = make_key(buffer, name, numbered, number), value = {bytes.size + extra, NULL};
    int code = mdb_put(txn, dbi, &key, &value, MDB_RESERVE);
    if (code != 0) return code;
    uint8_t *to = value.mv_data;
    uint64_t sum = rcr_checksum(bytes.data, bytes.size);
    if (in_envelope) memcpy(to, &sum, sizeof sum);
    if (bytes.size > 0) memcpy(to + extra, bytes.data, bytes.size);
    return 0;
}

/* What one transaction writes; parts whose data are NULL are left out. */
typedef struct change {
    uint32_t batch;
    rcr_bytes rows, data, head, elem;
} change;

static int write_change(rcr_store *store, const change *c) {
    MDB_txn *txn;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code != 0) return code;
    code = mdb_dbi_open(txn, NULL, 0, &store->dbi);
    if (code == 0 && c->rows.data != NULL) code = put(txn, store->dbi, "rows", 1, c->batch, c->rows, 1);
    if (code == 0 && c->data.data != NULL) code = put(txn, store->dbi, "data", 1, c->batch, c->data, 0);
    if (code == 0 && c->elem.data != NULL) code = put(txn, store->dbi, "elem", 0, 0, c->elem, 1);
    if (code == 0) code = put(txn, store->dbi, "head", 0, 0, c->head, 1);
    if (code == 0) return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return code;
}

/* The map has to hold the file as it will be; the address space that it takes costs nothing. */
static rcr_status commit(rcr_store *store, const change *c, rcr_error *err) {
    const size_t sizes[] = {c->rows.size, c->data.size, c->head.size, c->elem.size};
    size_t need = map_slack;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (sizes[i] > UINT32_MAX - ENVELOPE_BYTES)
            return rcr_fail_at(err, RCR_ERR_LIMIT, store->path, 0, "a batch of more than 4 GiB can't be stored");
        need += sizes[i];
    }
    end_reading(store);
    int code = MDB_MAP_FULL;
    for (int attempt = 0; attempt < 8 && code == MDB_MAP_FULL; attempt++, need *= 2) {
        MDB_envinfo info;
        MDB_stat stat;
        code = mdb_env_info(store->env, &info);
        if (code == 0) code = mdb_env_stat(store->env, &stat);
        if (code != 0) break;
        size_t wanted = (info.me_last_pgno + 1) * stat.ms_psize + need;
        if (wanted > info.me_mapsize) code = mdb_env_set_mapsize(store->env, wanted + wanted / 2);
        if (code == 0) code = write_change(store, c);
    }
    return code == 0 ? RCR_OK : fail_lmdb(err, store, "writing the store", code);
}

rcr_status rcr_store_put(rcr_store *store, uint32_t batch, rcr_bytes rows, rcr_bytes data, rcr_bytes head,
                         rcr_error *err) {
    change c = {.batch = batch, .rows = rows, .data = data, .head = head};
    return commit(store, &c, err);
}

/* ---------------------------------------------------------------- making */

/* Give the finished file its name, unless something has it already. */
static rcr_status take_name(const char *temporary, const char *path, rcr_error *err) {
    if (RCR_FILE_CALL(link(temporary, path)) == 0) {
        unlink(temporary);
    } else if (errno == EEXIST || access(path, F_OK) == 0) {
        return rcr_fail_at(err, RCR_ERR_IO, path, 0, "a file of this name exists already");
    } else if (RCR_FILE_CALL(rename(temporary, path)) != 0) { /* a file system without hard links */
        return fail_system(err, path, "made");
    }
    return rcr_sync_name(path, err);
}

/* An empty LMDB file under a temporary name, locked; left there by one who died, it is taken over. */
static rcr_status make_file(rcr_store *store, const char *temporary, rcr_error *err) {
    store->lock = RCR_FILE_CALL(open(temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE));
    if (store->lock < 0) return fail_system(err, store->path, "made");
    rcr_status status = take_lock(store, err);
    if (status == RCR_OK && RCR_FILE_CALL(ftruncate(store->lock, 0)) != 0)
        status = fail_system(err, store->path, "made");
    if (status == RCR_OK) status = open_lmdb(store, temporary, 0, err);
    return status;
}

rcr_status rcr_store_create(rcr_store **out, const char *path, rcr_bytes head, rcr_bytes elem, rcr_error *err) {
    if (access(path, F_OK) == 0) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "a file of this name exists already");
    rcr_store *store;
    rcr_status status = new_store(&store, path, 1, err);
    if (status != RCR_OK) return status;
    rcr_text temporary = {0};
    rcr_text_printf(&temporary, "%s.part", path);
    change c = {.head = head, .elem = elem};
    status = temporary.failed ? rcr_fail_memory(err, "making a store") : make_file(store, temporary.data, err);
    if (status == RCR_OK) status = commit(store, &c, err);
    if (status == RCR_OK) status = take_name(temporary.data, path, err);
    rcr_text_free(&temporary);
    if (status == RCR_OK)
        *out = store;
    else
        rcr_store_close(store);
    return status;
}
