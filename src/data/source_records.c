/* Rows from what io/reader.h reads: files of many structures, folders and archives of such. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"
#include "io/reader.h"

/* Records are parsed in parallel, so many at once, or this many bytes of text; their crystals are kept up to a bound
 * and read again beyond it. */
enum { CHUNK = 256, CHUNK_BYTES = 64 << 20, MAX_NAMES = 256 };
static const size_t default_keep = (size_t)256 << 20;

typedef struct reading {
    source *s;
    rcr_reader *reader;
    const char *prefix; /* of record->file that is left out in messages */
    rcr_record *record; /* [CHUNK] */
    size_t n;
    int settled;           /* the target is chosen */
    char *name[MAX_NAMES]; /* keys with numbers in the first chunk that held a good record */
    size_t n_names;
    size_t n_looked_at; /* structures of that chunk */
    int ended;          /* no chunk follows */
    rcr_error text;     /* the first value for the target that is no number, and where; message "": there is none */
    size_t n_found, n_weighed; /* rows with a value for the target, and for the weight */
} reading;

/* ---------------------------------------------------------------- the target */

static int is_number(const char *text) {
    double value;
    return rcr_source_number(&value, text, strlen(text));
}

static void note_name(reading *r, const char *key) {
    for (size_t k = 0; k < r->n_names; k++)
        if (strcmp(r->name[k], key) == 0) return;
    if (r->n_names == MAX_NAMES) return;
    r->name[r->n_names] = rcr_strdup(key);
    r->n_names += r->name[r->n_names] != NULL;
}

static int is_weight(const reading *r, const char *key) {
    return r->s->options->weights != NULL && strcmp(r->s->options->weights, key) == 0;
}

/* The keys of the chunk's good records whose values are numbers, but for the weights'.  Returns the number of good
 * records. */
static size_t note_names(reading *r) {
    size_t n_good = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->record[i].crystal == NULL) continue;
        n_good++;
        for (size_t k = 0; k < r->record[i].n_properties; k++)
            if (is_number(r->record[i].property[k].value) && !is_weight(r, r->record[i].property[k].key))
                note_name(r, r->record[i].property[k].key);
    }
    return n_good;
}

/* The name that errors give the file: the same wherever the data lie, packed and unpacked. */
static const char *shown_file(const reading *r, const rcr_record *record) {
    const char *file = record->error.file[0] != '\0' ? record->error.file : record->file;
    size_t n = strlen(r->prefix);
    if (file == NULL) return r->s->table;
    return strncmp(file, r->prefix, n) == 0 && file[n] != '\0' ? file + n : file;
}

/* " of the first 256 structures" where only some were looked at for what they have. */
static const char *those(char text[64], const reading *r) {
    text[0] = '\0';
    if (!r->ended || r->s->n > r->n_looked_at) snprintf(text, 64, " of the first %zu structures", r->n_looked_at);
    return text;
}

/* No value of the chunk is a number: what stands there in place of one, or that the table of targets is missing. */
static rcr_status fail_no_number(const reading *r, rcr_error *err) {
    char first[64];
    for (size_t i = 0; i < r->n; i++) {
        const rcr_record *record = &r->record[i];
        for (size_t k = 0; k < record->n_properties && record->crystal != NULL; k++) {
            if (is_weight(r, record->property[k].key)) continue;
            return rcr_fail_at(err, RCR_ERR_DATA, shown_file(r, record), record->value_line,
                               "the structures have no number for a target: no value%s is one; the first is \"%.100s\" "
                               "with \"%.60s\"",
                               those(first, r), record->property[k].key, record->property[k].value);
        }
    }
    if (rcr_reader_is_folder(r->reader))
        return rcr_fail_at(err, RCR_ERR_DATA, r->s->table, 0,
                           "the structures have no number for a target, and there is no id_prop.csv (id,target) in it");
    return rcr_fail_at(err, RCR_ERR_DATA, r->s->table, 0, "the structures have no number for a target");
}

static rcr_status choose_target(reading *r, rcr_error *err) {
    source *s = r->s;
    const char *wanted = s->options->target;
    if (r->settled || note_names(r) == 0) return RCR_OK;
    r->settled = 1;
    r->n_looked_at = r->n;
    if (wanted == NULL && !s->options->need_target) return RCR_OK;
    if (wanted == NULL && r->n_names == 0) return fail_no_number(r, err);
    if (wanted == NULL && r->n_names > 1) {
        char *list = rcr_source_join((const char *const *)r->name, r->n_names);
        rcr_fail_at(err, RCR_ERR_ARGUMENT, s->table, 0, "choose one of the keys as the target (--target NAME): %.300s",
                    list != NULL ? list : "");
        rcr_free(list);
        return RCR_ERR_ARGUMENT;
    }
    s->target = rcr_strdup(wanted != NULL ? wanted : r->name[0]);
    return s->target != NULL ? RCR_OK : rcr_fail_memory(err, "reading a dataset");
}

/* A target or weight that no structure has is a misspelt option, not a thousand bad rows. */
static rcr_status check_found(const reading *r, rcr_error *err) {
    const source *s = r->s;
    int target = s->options->need_target && s->target != NULL && r->n_found == 0;
    int weight = s->options->weights != NULL && !s->keep_cells && r->n_weighed == 0;
    if (!r->settled || (!target && !weight)) return RCR_OK;
    if (target && r->text.message[0] != '\0') {
        if (err != NULL) *err = r->text;
        return r->text.status;
    }
    char *list = rcr_source_join((const char *const *)r->name, r->n_names), first[64];
    const char *what = target ? "target" : "weight", *name = target ? s->target : s->options->weights;
    if (r->n_names > 0)
        rcr_fail_at(err, RCR_ERR_ARGUMENT, s->table, 0,
                    "no structure has a value for the %s \"%.100s\"; keys%s with numbers are: %.250s", what, name,
                    those(first, r), list != NULL ? list : "");
    else
        rcr_fail_at(err, RCR_ERR_ARGUMENT, s->table, 0,
                    "no structure has a value for the %s \"%.100s\"; no key%s has numbers%s", what, name,
                    those(first, r),
                    rcr_reader_is_folder(r->reader) ? ", and there is no id_prop.csv (id,target) in it" : "");
    rcr_free(list);
    return RCR_ERR_ARGUMENT;
}

/* ---------------------------------------------------------------- records to rows */

/* A folder's files follow each other, each with its rows.  NULL: the rows' file is the source's. */
static const char *keep_file(source *s, const char *file) {
    if (strcmp(file, s->table) == 0) return NULL;
    if (s->n_tables > 0 && strcmp(s->tables[s->n_tables - 1], file) == 0) return s->tables[s->n_tables - 1];
    char **grown = rcr_grow(s->tables, &s->tables_capacity, s->n_tables + 1, sizeof *grown), *copy = rcr_strdup(file);
    if (grown != NULL) s->tables = grown;
    if (grown == NULL || copy == NULL) {
        rcr_free(copy);
        s->out_of_memory = 1;
        return NULL;
    }
    return s->tables[s->n_tables++] = copy;
}

static void keep_cells(source *s, source_row *row, const rcr_record *record) {
    for (size_t k = 0; k < record->n_properties; k++) {
        const rcr_property *p = &record->property[k];
        rcr_source_cell(s, row, rcr_source_column(s, p->key, strlen(p->key)), p->value, strlen(p->value));
    }
}

static size_t crystal_bytes(const rcr_crystal *c) {
    size_t n = (size_t)c->n_sites, bytes = sizeof *c + n * 25 + 160;
    if (c->species_offset != NULL) bytes += 4 * n + 9 * (size_t)c->species_offset[n];
    return bytes;
}

/* The record's row; id and crystal move to it. */
static rcr_status add_row(reading *r, rcr_record *record, rcr_error *err) {
    source *s = r->s;
    rcr_crystal *crystal = record->crystal;
    char *id = record->id;
    if (record->error.status == RCR_ERR_MEMORY || id == NULL) return rcr_fail_memory(err, "reading a dataset");
    if (record->cut_off) { /* one bad row would stand for all those that are lost */
        if (err != NULL) *err = record->error;
        return record->error.status;
    }
    record->crystal = NULL;
    record->id = NULL;
    source_row *row = rcr_source_add(s, id, NULL, crystal);
    if (row == NULL) return rcr_fail_memory(err, "reading a dataset");
    row->line = record->value_line;
    row->spare_id = record->spare_id;
    record->spare_id = NULL;
    row->table = keep_file(s, shown_file(r, record));
    memcpy(row->sha256, record->sha256, sizeof row->sha256);
    if (crystal == NULL) {
        rcr_source_bad(s, row, record->error.status, shown_file(r, record), record->error.line, "%s",
                       record->error.message);
        return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
    }
    size_t bytes = crystal_bytes(crystal), keep = s->keep_bytes > 0 ? s->keep_bytes : default_keep;
    s->kept_bytes += bytes;
    if (s->kept_bytes > keep) {
        s->kept_bytes -= bytes;
        rcr_crystal_free(crystal);
        row->crystal = NULL;
        row->dropped = 1;
    }
    if (s->keep_cells) {
        keep_cells(s, row, record);
    } else if (s->target != NULL) {
        const char *value = rcr_record_property(record, s->target);
        if (value == NULL) value = "";
        rcr_source_target(s, row, value, strlen(value), shown_file(r, record), row->line);
        r->n_found += isfinite(row->target) != 0;
        if (value[0] != '\0' && !isfinite(row->target) && r->text.message[0] == '\0')
            rcr_fail_at(&r->text, RCR_ERR_ARGUMENT, shown_file(r, record), row->line,
                        "no structure has a number for the target \"%.100s\"; the first value is \"%.60s\"", s->target,
                        value);
    }
    if (s->options->weights != NULL && !s->keep_cells) {
        const char *value = rcr_record_property(record, s->options->weights);
        r->n_weighed += value != NULL;
        if (value == NULL) value = "";
        rcr_source_weight(s, row, value, strlen(value), shown_file(r, record), row->line);
    }
    return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

/* ---------------------------------------------------------------- chunks */

static void parse_piece(void *job, int index, int worker) {
    (void)worker;
    rcr_record *record = job;
    rcr_record_parse(&record[index]);
}

static void cut_chunk(reading *r) {
    size_t bytes = 0;
    for (r->n = 0; r->n < CHUNK && bytes < CHUNK_BYTES; r->n++) {
        r->ended = !rcr_reader_next(r->reader, &r->record[r->n]);
        if (r->ended) return;
        bytes += rcr_record_bytes(&r->record[r->n]);
    }
}

static void release_chunk(reading *r) {
    for (size_t i = 0; i < r->n; i++) rcr_record_release(&r->record[i]);
    r->n = 0;
}

static rcr_status read_chunks(reading *r, rcr_error *err) {
    for (;;) {
        cut_chunk(r);
        if (r->n == 0) return RCR_OK;
        rcr_pool_run(r->s->options->pool, (int)r->n, parse_piece, r->record);
        rcr_status status = choose_target(r, err);
        for (size_t i = 0; i < r->n && status == RCR_OK; i++) status = add_row(r, &r->record[i], err);
        release_chunk(r);
        if (status != RCR_OK) return status;
    }
}

rcr_status rcr_source_read_records(source *s, rcr_reader *reader, rcr_error *err) {
    reading r = {.s = s, .reader = reader};
    rcr_text prefix = {0};
    s->frames = 1;
    s->table = rcr_last_part(s->path);
    r.record = rcr_calloc(CHUNK, sizeof *r.record);
    /* "dir/data.json" is shown as data.json, "dir/frames/a.xyz" of the folder frames as a.xyz. */
    int folder = rcr_reader_is_folder(reader);
    size_t end = strlen(s->path);
    if (!folder)
        while (end > 0 && s->path[end - 1] != '/') end--;
    rcr_text_append(&prefix, s->path, end);
    if (folder && end > 0 && s->path[end - 1] != '/') rcr_text_puts(&prefix, "/");
    r.prefix = prefix.data != NULL ? prefix.data : "";
    rcr_status status = s->table == NULL || r.record == NULL || prefix.failed
                            ? rcr_fail_memory(err, "reading a dataset")
                            : read_chunks(&r, err);
    if (status == RCR_OK && s->n == 0)
        status = rcr_fail_at(err, RCR_ERR_DATA, s->table, 0, "the file holds no structures");
    if (status == RCR_OK) status = check_found(&r, err);
    for (size_t k = 0; k < r.n_names; k++) rcr_free(r.name[k]);
    rcr_free(r.record);
    rcr_text_free(&prefix);
    rcr_reader_close(reader);
    return status;
}

/* ---------------------------------------------------------------- the second time */

/* The record of row `wanted`, whose predecessors are passed over without being parsed. */
static rcr_status go_to(rcr_record *record, source *s, size_t wanted, rcr_error *err) {
    while (rcr_reader_next(s->again, record)) {
        if (s->n_again++ == wanted && !record->cut_off) return RCR_OK;
        rcr_status status = record->cut_off ? record->error.status : RCR_OK;
        if (status != RCR_OK && err != NULL) *err = record->error;
        rcr_record_release(record);
        if (status != RCR_OK) return status;
    }
    return rcr_fail_at(err, RCR_ERR_DATA, s->path, 0, "the file changed while it was being read");
}

static rcr_status take_again(source *s, source_row *row, rcr_record *record, rcr_error *err) {
    if (record->error.status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading a dataset");
    if (record->error.status == RCR_ERR_IO) {
        rcr_source_bad(s, row, RCR_ERR_IO, record->error.file, record->error.line, "%s", record->error.message);
    } else if (record->crystal == NULL || strcmp(record->sha256, row->sha256) != 0) {
        rcr_source_bad(s, row, RCR_ERR_DATA, rcr_source_table_of(s, row), row->line,
                       "the file changed while it was being read");
    } else {
        row->crystal = record->crystal;
        record->crystal = NULL;
    }
    row->dropped = 0;
    return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

rcr_status rcr_source_read_again(source *s, size_t first, size_t n, rcr_error *err) {
    size_t n_dropped = 0, k = 0;
    for (size_t i = first; i < first + n; i++) n_dropped += s->row[i].dropped && s->row[i].error == NULL;
    if (n_dropped == 0) return RCR_OK;
    rcr_record *record = rcr_calloc(n_dropped, sizeof *record);
    size_t *at = rcr_calloc(n_dropped, sizeof *at);
    rcr_status status = record != NULL && at != NULL ? RCR_OK : rcr_fail_memory(err, "reading a dataset");
    if (status == RCR_OK && (s->again == NULL || s->n_again > first)) {
        rcr_reader_close(s->again);
        s->again = NULL;
        s->n_again = 0;
        status = rcr_reader_open(&s->again, s->path, err);
    }
    for (size_t i = first; i < first + n && status == RCR_OK; i++) {
        if (!s->row[i].dropped || s->row[i].error != NULL) continue;
        at[k] = i;
        status = go_to(&record[k], s, i, err);
        k += status == RCR_OK;
    }
    if (status == RCR_OK) rcr_pool_run(s->options->pool, (int)k, parse_piece, record);
    for (size_t i = 0; i < k; i++) {
        if (status == RCR_OK) status = take_again(s, &s->row[at[i]], &record[i], err);
        rcr_record_release(&record[i]);
    }
    rcr_free(record);
    rcr_free(at);
    return status;
}
