#include "data/prepare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "data/store_rows.h"
#include "graph/graph.h"

/* A batch, which is what a dying process can lose, ends at the first of these. */
enum { BATCH_ROWS = 1024, CHUNK_ROWS = 256 };
static const size_t batch_bytes = (size_t)64 << 20;

typedef struct preparation {
    rcr_prepare_result *result;
    const rcr_prepare_options *options;
    const char *path; /* of the store */
    source s;
    store_stage *stage; /* [s.n] of rows that are bad */
    size_t *column;     /* [s.n_columns] the store's number of each; SIZE_MAX: not kept */
    rcr_store *store;   /* NULL: it is to be made */
    store_head head;
    char **known; /* sorted ids that the store had before this source; NULL: none */
    size_t n_known;
    rcr_text rows, data; /* the batch that is being put together */
    size_t n_batch_rows;
} preparation;

static store_source *current(preparation *p) { return &p->head.source[p->head.n_sources - 1]; }

/* ---------------------------------------------------------------- the data */

/* The first column of the name that column k has. */
static size_t first_alike(const source *s, size_t k) {
    return rcr_name_index_find(&s->columns, s->column, s->column[k], strlen(s->column[k]));
}

/* Choose the columns that have a number in some row, and those of the same name, which must be seen to be several; the
 * others can be nobody's target. */
static rcr_status choose_columns(preparation *p, rcr_error *err) {
    source *s = &p->s;
    p->column = rcr_malloc(s->n_columns, sizeof *p->column);
    if (p->column == NULL) return rcr_fail_memory(err, "reading a dataset");
    for (size_t k = 0; k < s->n_columns; k++) p->column[k] = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++)
        for (size_t k = 0; k < s->row[i].n_cells; k++) {
            const source_cell *cell = &s->row[i].cell[k];
            double number;
            if (p->column[cell->column] == SIZE_MAX && rcr_source_number(&number, cell->text, strlen(cell->text)) &&
                isfinite(number))
                p->column[cell->column] = 0;
        }
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < s->n_columns; k++) {
            size_t first = first_alike(s, k);
            if (p->column[pass == 0 ? k : first] == 0) p->column[pass == 0 ? first : k] = 0;
        }
    return RCR_OK;
}

static rcr_status map_columns(preparation *p, rcr_error *err) {
    size_t *n_before = rcr_calloc(p->s.n_columns, sizeof *n_before); /* of the name, at its first column */
    rcr_status status = n_before != NULL ? RCR_OK : rcr_fail_memory(err, "reading a dataset");
    for (size_t k = 0; k < p->s.n_columns && status == RCR_OK; k++) {
        size_t before = n_before[first_alike(&p->s, k)]++;
        if (p->column[k] == SIZE_MAX) continue;
        p->column[k] = rcr_store_head_column(&p->head, p->s.column[k], before);
        if (p->column[k] == SIZE_MAX) status = rcr_fail_memory(err, "reading a dataset");
    }
    current(p)->n_columns = p->head.n_columns;
    rcr_free(n_before);
    return status;
}

/* SHA-256 over ids, files and values: that the rows are those of an earlier call is told by it. */
static rcr_status identify(char hex[65], const source *s, rcr_error *err) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return rcr_fail_memory(err, "reading a dataset");
    for (size_t i = 0; i < s->n; i++) {
        const source_row *row = &s->row[i];
        rcr_sha256_add(hash, row->id, strlen(row->id) + 1);
        rcr_sha256_add(hash, row->file != NULL ? row->file : "", row->file != NULL ? strlen(row->file) + 1 : 1);
        for (size_t k = 0; k < row->n_cells; k++) {
            const char *name = s->column[row->cell[k].column];
            rcr_sha256_add(hash, name, strlen(name) + 1);
            rcr_sha256_add(hash, row->cell[k].text, strlen(row->cell[k].text) + 1);
        }
        rcr_sha256_add(hash, "\n", 1);
    }
    rcr_sha256_finish(hash, hex);
    return RCR_OK;
}

static rcr_status read_data(preparation *p, rcr_error *err) {
    source *s = &p->s;
    if (rcr_is_file(s->path) && rcr_store_is(s->path))
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, s->path, 0,
                           "this is a graph store already; give the data that it was made from");
    rcr_status status = rcr_source_open(s, err);
    if (status != RCR_OK) return status;
    if (s->n == 0) return rcr_fail_at(err, RCR_ERR_DATA, s->path, 0, "the dataset has no rows");
    p->stage = rcr_calloc(s->n, sizeof *p->stage);
    if (p->stage == NULL) return rcr_fail_memory(err, "reading a dataset");
    for (size_t i = 0; i < s->n; i++) p->stage[i] = s->row[i].error != NULL ? STORE_BAD_ROW : STORE_BAD_DUPLICATE;
    status = rcr_source_settle_ids(s, err);
    for (size_t i = 0; i < s->n; i++)
        if (s->row[i].error == NULL) p->stage[i] = STORE_BAD_STRUCTURE;
    return status == RCR_OK ? choose_columns(p, err) : status;
}

/* ---------------------------------------------------------------- the store as it was */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The ids of one batch. */
static rcr_status list_ids(preparation *p, uint32_t batch, uint64_t end, rcr_error *err) {
    rcr_bytes bytes;
    rcr_status status = rcr_store_rows(&bytes, p->store, batch, err);
    if (status != RCR_OK) return status;
    store_reader reader = {bytes.data, bytes.size, 0};
    uint64_t n = rcr_store_read_number(&reader);
    for (uint64_t i = 0; i < n; i++) {
        store_row row;
        if (p->n_known >= end || !rcr_store_read_row(&row, &reader))
            return rcr_fail_at(err, RCR_ERR_PARSE, p->path, 0, "the store is damaged; make it again");
        p->known[p->n_known] = rcr_strndup(row.id, row.id_length);
        if (p->known[p->n_known] == NULL) return rcr_fail_memory(err, "reading a store");
        p->n_known++;
    }
    return RCR_OK;
}

/* The ids that were there before the current source. */
static rcr_status list_known(preparation *p, rcr_error *err) {
    uint64_t n = current(p)->first_row;
    if (n == 0) return RCR_OK;
    p->known = rcr_calloc((size_t)n, sizeof *p->known);
    if (p->known == NULL) return rcr_fail_memory(err, "reading a store");
    for (uint32_t b = 0; b < current(p)->first_batch; b++) {
        rcr_status status = list_ids(p, b, n, err);
        if (status != RCR_OK) return status;
    }
    qsort(p->known, p->n_known, sizeof *p->known, by_text);
    return RCR_OK;
}

static int is_known(const preparation *p, const char *id) {
    return p->n_known > 0 && bsearch(&id, p->known, p->n_known, sizeof *p->known, by_text) != NULL;
}

static rcr_status check_elements(preparation *p, rcr_error *err) {
    rcr_bytes elem;
    rcr_status status = rcr_store_elem(&elem, p->store, err);
    if (status != RCR_OK || p->s.elements_text == NULL) return status;
    if (elem.data != NULL && elem.size == p->s.elements_length && memcmp(elem.data, p->s.elements_text, elem.size) == 0)
        return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_MISMATCH, p->path, 0,
                       "the store has %s, and the data have an atom_init.json of their own; make another store",
                       elem.data != NULL ? "another atom_init.json" : "no atom_init.json");
}

static rcr_status begin_source(preparation *p, const char *identity, rcr_error *err) {
    uint64_t first_row = 0;
    uint32_t first_batch = 0;
    if (p->head.n_sources > 0) {
        first_row = current(p)->first_row + current(p)->n_rows;
        first_batch = current(p)->first_batch + current(p)->n_batches;
    }
    store_source *added = rcr_store_head_add_source(&p->head);
    if (added == NULL) return rcr_fail_memory(err, "making a store");
    added->first_row = first_row;
    added->first_batch = first_batch;
    added->total = p->s.n;
    memcpy(added->identity, identity, sizeof added->identity);
    added->path = rcr_strdup(p->s.path);
    added->name = rcr_last_part(p->s.path);
    added->table = rcr_strdup(p->s.table != NULL ? p->s.table : "");
    if (added->path == NULL || added->name == NULL || added->table == NULL)
        return rcr_fail_memory(err, "making a store");
    return RCR_OK;
}

/* What is to be done with the store that is there: *done 1 when nothing is. */
static rcr_status join_store(int *done, preparation *p, const char *identity, rcr_error *err) {
    rcr_bytes bytes;
    rcr_status status = rcr_store_open_writable(&p->store, p->path, err);
    if (status == RCR_OK) status = rcr_store_head(&bytes, p->store, err);
    if (status == RCR_OK) status = rcr_store_head_read(&p->head, bytes, err);
    if (status != RCR_OK) {
        rcr_error_set_file(err, p->path);
        return status;
    }
    status = rcr_store_check_options(&p->head, &p->options->graph, p->path, err);
    if (status == RCR_OK) status = check_elements(p, err);
    if (status != RCR_OK) return status;
    if (p->head.frames != p->s.frames || p->head.header != p->s.header)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, p->path, 0,
                           "the store was made from %s, and these data are %s; make another store",
                           p->head.frames   ? "extxyz frames"
                           : p->head.header ? "a table with a header"
                                            : "a table without a header",
                           p->s.frames   ? "extxyz frames"
                           : p->s.header ? "a table with a header"
                                         : "a table without a header");
    const store_source *last = current(p);
    int same = strcmp(last->identity, identity) == 0;
    for (size_t k = 0; k < p->head.n_sources; k++)
        *done |= p->head.source[k].complete && strcmp(p->head.source[k].identity, identity) == 0;
    if (*done && (last->complete || !same)) return RCR_OK;
    *done = 0;
    if (!last->complete && !same)
        return rcr_fail_at(
            err, RCR_ERR_MISMATCH, p->path, 0,
            "the store is not finished, and was begun from other rows (%.200s); finish it with those, or "
            "remove it",
            last->path);
    if (last->complete && !p->options->append)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, p->path, 0,
                           "there is a store of this name, made from other rows (%.200s); add --append to add the rows "
                           "that it lacks, or give another name",
                           last->path);
    return last->complete ? begin_source(p, identity, err) : RCR_OK;
}

static rcr_status write_head(char **out, rcr_bytes *bytes, preparation *p, rcr_error *err) {
    size_t length = 0;
    rcr_status status = rcr_store_head_write(out, &length, &p->head, err);
    if (status == RCR_OK) *bytes = (rcr_bytes){*out, length};
    return status;
}

static rcr_status make_store(preparation *p, const char *identity, rcr_error *err) {
    p->head.graph = p->options->graph;
    p->head.frames = p->s.frames;
    p->head.header = p->s.header;
    rcr_status status = begin_source(p, identity, err);
    char *text = NULL;
    rcr_bytes head = {NULL, 0}, elem = {p->s.elements_text, p->s.elements_length};
    if (status == RCR_OK) status = map_columns(p, err);
    if (status == RCR_OK) status = write_head(&text, &head, p, err);
    if (status == RCR_OK) status = rcr_store_create(&p->store, p->path, head, elem, err);
    rcr_free(text);
    return status;
}

/* ---------------------------------------------------------------- batches */

/* Write what the batch holds, and the head with it. */
static rcr_status write_batch(preparation *p, rcr_error *err) {
    store_source *part = current(p);
    rcr_text rows = {0};
    rcr_store_write_number(&rows, p->n_batch_rows);
    rcr_text_append(&rows, p->rows.data != NULL ? p->rows.data : "", p->rows.length);
    if (rows.failed || p->rows.failed || p->data.failed) {
        rcr_text_free(&rows);
        return rcr_fail_memory(err, "making a store");
    }
    uint32_t batch = part->first_batch + part->n_batches;
    if (p->n_batch_rows > 0) {
        part->n_rows += p->n_batch_rows;
        part->n_batches++;
    }
    char *text = NULL;
    rcr_bytes head, none = {NULL, 0}, data = {p->data.data != NULL ? p->data.data : "", p->data.length};
    rcr_status status = write_head(&text, &head, p, err);
    if (status == RCR_OK)
        status = p->n_batch_rows > 0
                     ? rcr_store_put(p->store, batch, (rcr_bytes){rows.data, rows.length}, data, head, err)
                     : rcr_store_put(p->store, 0, none, none, head, err);
    rcr_free(text);
    rcr_text_free(&rows);
    p->rows.length = p->data.length = p->n_batch_rows = 0;
    return status;
}

static void take_row(preparation *p, source_row *row, store_stage stage) {
    rcr_prepare_result *r = p->result;
    rcr_store_write_row(&p->rows, row, stage, p->column);
    p->n_batch_rows++;
    r->n_added++;
    if (row->record != NULL) {
        rcr_text_append(&p->data, (const char *)row->record, row->record_size);
        r->n_added_good++;
        r->n_atoms += (uint64_t)row->n_atoms;
        current(p)->n_good++;
    } else if (r->first_bad.status == RCR_OK) {
        r->first_bad = *row->error;
        rcr_fit(r->first_bad_id, sizeof r->first_bad_id, "%.127s", row->id);
    }
    rcr_free(row->record);
    row->record = NULL;
}

/* Rows first .. first + n - 1: make their records, add those that the store lacks. */
static rcr_status take_chunk(preparation *p, size_t first, size_t n, rcr_error *err) {
    source *s = &p->s;
    size_t begin = first, end = first + n;
    /* Runs of rows that are not there yet; rows that are cost nothing. */
    while (begin < end) {
        while (begin < end && is_known(p, s->row[begin].id)) {
            begin++;
            current(p)->next++;
        }
        size_t stop = begin;
        while (stop < end && !is_known(p, s->row[stop].id)) stop++;
        rcr_status status = stop > begin ? rcr_source_run(s, begin, stop - begin, err) : RCR_OK;
        if (status == RCR_OK && p->options->strict) status = rcr_source_first_bad(s->row + begin, stop - begin, err);
        if (status != RCR_OK) return status;
        for (; begin < stop; begin++) {
            take_row(p, &s->row[begin], p->stage[begin]);
            current(p)->next++;
            if (p->n_batch_rows >= BATCH_ROWS || p->data.length >= batch_bytes) {
                status = write_batch(p, err);
                if (status != RCR_OK) return status;
            }
        }
    }
    return RCR_OK;
}

static rcr_status take_rows(preparation *p, rcr_error *err) {
    const rcr_prepare_options *o = p->options;
    size_t n_rows = p->s.n;
    rcr_status status = RCR_OK;
    p->result->n_there = current(p)->next;
    for (size_t at = (size_t)current(p)->next; at < n_rows && status == RCR_OK;) {
        size_t n = n_rows - at < CHUNK_ROWS ? n_rows - at : CHUNK_ROWS;
        status = take_chunk(p, at, n, err);
        at += n;
        if (status != RCR_OK) break;
        if (o->progress != NULL) o->progress(o->context, at, n_rows);
        if (o->stop != NULL && atomic_load(o->stop) && at < n_rows)
            status = rcr_fail(err, RCR_ERR_INTERRUPTED,
                              "stopped after %zu of %zu rows; the same command goes on from there", at, n_rows);
    }
    if (status != RCR_OK && p->n_batch_rows > 0) write_batch(p, NULL);
    return status;
}

/* ---------------------------------------------------------------- the end */

/* SHA-256 of the source: as identify, with the structures' hashes, from what the store holds. */
static rcr_status hash_source(preparation *p, rcr_error *err) {
    store_source *part = current(p);
    rcr_sha256 *hash = rcr_sha256_new();
    rcr_status status = hash != NULL ? RCR_OK : rcr_fail_memory(err, "making a store");
    if (status == RCR_OK) rcr_sha256_add(hash, part->identity, strlen(part->identity) + 1);
    for (uint32_t b = 0; b < part->n_batches && status == RCR_OK; b++) {
        rcr_bytes bytes;
        status = rcr_store_rows(&bytes, p->store, part->first_batch + b, err);
        if (status != RCR_OK) break;
        store_reader reader = {bytes.data, bytes.size, 0};
        store_row row;
        for (uint64_t n = rcr_store_read_number(&reader); n > 0 && rcr_store_read_row(&row, &reader); n--) {
            rcr_sha256_add(hash, row.id, row.id_length);
            rcr_sha256_add(hash, row.sha256, row.has_sha256 ? 32 : 0);
        }
    }
    char hex[65];
    if (hash != NULL) rcr_sha256_finish(hash, hex);
    if (status == RCR_OK) memcpy(part->sha256, hex, sizeof hex);
    return status;
}

static rcr_status finish_source(preparation *p, rcr_error *err) {
    rcr_status status = p->n_batch_rows > 0 ? write_batch(p, err) : RCR_OK;
    if (status == RCR_OK) status = hash_source(p, err);
    current(p)->complete = 1;
    return status == RCR_OK ? write_batch(p, err) : status;
}

static void count(preparation *p) {
    rcr_prepare_result *r = p->result;
    struct stat info;
    r->n_rows = r->n_good = 0;
    for (size_t k = 0; k < p->head.n_sources; k++) {
        r->n_rows += p->head.source[k].n_rows;
        r->n_good += p->head.source[k].n_good;
    }
    if (stat(p->path, &info) == 0) r->file_bytes = (uint64_t)info.st_size;
}

static rcr_status run(preparation *p, rcr_error *err) {
    char identity[65];
    int done = 0;
    rcr_status status = read_data(p, err);
    if (status == RCR_OK) status = identify(identity, &p->s, err);
    if (status != RCR_OK) return status;
    if (rcr_is_file(p->path)) {
        status = join_store(&done, p, identity, err);
        if (status == RCR_OK && !done) status = map_columns(p, err);
        if (status == RCR_OK && !done) status = list_known(p, err);
    } else {
        status = make_store(p, identity, err);
    }
    if (status == RCR_OK && done) p->result->n_there = p->s.n;
    if (status == RCR_OK && !done) status = take_rows(p, err);
    if (status == RCR_OK && !done) status = finish_source(p, err);
    if (p->store != NULL) count(p);
    return status;
}

rcr_status rcr_prepare(rcr_prepare_result *result, const char *data, const char *store,
                       const rcr_prepare_options *options, rcr_error *err) {
    memset(result, 0, sizeof *result);
    rcr_status status = rcr_graph_options_check(&options->graph, err);
    if (status != RCR_OK) return status;
    rcr_dataset_options reading = {.graph = options->graph, .pool = options->pool};
    preparation p = {.result = result, .options = options, .path = store};
    p.s = (source){
        .path = data, .options = &reading, .keep_cells = 1, .distance_bytes = 4, .keep_bytes = options->keep_bytes};
    status = run(&p, err);
    memcpy(result->note, p.s.note, sizeof result->note);
    rcr_store_close(p.store);
    rcr_store_head_release(&p.head);
    for (size_t i = 0; i < p.n_known; i++) rcr_free(p.known[i]);
    rcr_free(p.known);
    rcr_free(p.stage);
    rcr_free(p.column);
    rcr_text_free(&p.rows);
    rcr_text_free(&p.data);
    rcr_source_release(&p.s);
    return status;
}
