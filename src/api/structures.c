/* All structures of a file, folder, archive or table, parsed ahead on a pool. */
#include <string.h>

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/threads.h"
#include "data/table_files.h"
#include "io/reader.h"

/* Records are cut out of the file and parsed so many at a time, or this many bytes of text. */
enum { CHUNK = 256, CHUNK_BYTES = 32 << 20 };

struct rcr_structures {
    rcr_reader *reader; /* or a table of files */
    rcr_table_files *table;
    rcr_pool *pool;
    char *path;
    int begun; /* the first chunk was given */
    rcr_record record[CHUNK];
    char *text[CHUNK]; /* of a table's file; NULL otherwise */
    size_t length[CHUNK];
    rcr_structure list[CHUNK];
    const char **names; /* keys and values of the chunk, one structure after the other */
    size_t n;
};

static void release_chunk(rcr_structures *s) {
    for (size_t i = 0; i < s->n; i++) {
        s->record[i].crystal = s->list[i].crystal; /* NULL where it was taken */
        rcr_record_release(&s->record[i]);
        rcr_free(s->text[i]);
        s->text[i] = NULL;
    }
    s->n = 0;
    rcr_free(s->names);
    s->names = NULL;
}

void rcr_structures_close(rcr_structures *s) {
    if (s == NULL) return;
    release_chunk(s);
    rcr_reader_close(s->reader);
    rcr_table_files_close(s->table);
    rcr_pool_free(s->pool);
    rcr_free(s->path);
    rcr_free(s);
}

rcr_status rcr_structures_open(rcr_structures **out, const char *path, int n_threads, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_structures *s = rcr_calloc(1, sizeof *s);
    if (s == NULL) return rcr_fail_memory(err, "reading structures");
    s->path = rcr_strdup(path);
    rcr_status status =
        s->path != NULL ? rcr_pool_create(&s->pool, n_threads, err) : rcr_fail_memory(err, "reading structures");
    if (status == RCR_OK) status = rcr_table_files_open(&s->table, path, err);
    if (status == RCR_OK && s->table == NULL) status = rcr_reader_open(&s->reader, path, err);
    if (status != RCR_OK) {
        rcr_error_set_file(err, path);
        rcr_structures_close(s);
        return status;
    }
    *out = s;
    return RCR_OK;
}

static void parse_piece(void *job, int index, int worker) {
    (void)worker;
    rcr_structures *s = job;
    if (s->text[index] != NULL)
        rcr_table_files_parse(&s->record[index], s->text[index], s->length[index]);
    else if (s->record[index].error.status == RCR_OK)
        rcr_record_parse(&s->record[index]);
}

static int next_record(rcr_structures *s) {
    rcr_record *record = &s->record[s->n];
    memset(record, 0, sizeof *record);
    s->text[s->n] = NULL;
    s->length[s->n] = 0;
    return s->table != NULL ? rcr_table_files_next(s->table, record, &s->text[s->n], &s->length[s->n])
                            : rcr_reader_next(s->reader, record);
}

/* Nothing at all, such as a folder of JSON that is no structures, is told in place of a first structure. */
static void add_nothing(rcr_structures *s) {
    rcr_record *record = &s->record[0];
    memset(record, 0, sizeof *record);
    record->file = rcr_strdup(s->path);
    record->id = rcr_structure_id(s->path);
    if (record->file != NULL && record->id != NULL)
        rcr_fail(&record->error, RCR_ERR_DATA, "holds no structures");
    else
        rcr_fail_memory(&record->error, "reading structures");
    s->text[0] = NULL;
    s->length[0] = 0;
    s->n = 1;
}

static void show(rcr_structures *s) {
    size_t used = 0;
    for (size_t i = 0; i < s->n; i++) {
        rcr_record *record = &s->record[i];
        const char **key = s->names + used, **value = key + record->n_properties;
        for (size_t k = 0; k < record->n_properties; k++) {
            key[k] = record->property[k].key;
            value[k] = record->property[k].value;
        }
        used += 2 * record->n_properties;
        if (record->error.status != RCR_OK) rcr_error_set_file(&record->error, record->file);
        s->list[i] = (rcr_structure){.crystal = record->crystal,
                                     .id = record->id != NULL ? record->id : "",
                                     .file = record->file != NULL ? record->file : "",
                                     .number = record->number,
                                     .line = record->line,
                                     .n_properties = record->n_properties,
                                     .key = key,
                                     .value = value,
                                     .error = record->error};
    }
}

/* The crystal has the structure's id: of a file of several the parser gave it that of the file. */
static rcr_status name_crystals(rcr_structures *s, rcr_error *err) {
    for (size_t i = 0; i < s->n; i++) {
        rcr_record *record = &s->record[i];
        if (record->crystal == NULL || record->id == NULL || strcmp(record->crystal->id, record->id) == 0) continue;
        char *id = rcr_strdup(record->id);
        if (id == NULL) return rcr_fail_memory(err, "reading structures");
        rcr_free(record->crystal->id);
        record->crystal->id = id;
    }
    return RCR_OK;
}

rcr_status rcr_structures_next(rcr_structure **list, size_t *n, rcr_structures *s, size_t most, rcr_error *err) {
    RCR_OWN_FLOATING;
    release_chunk(s);
    size_t bytes = 0, n_names = 0;
    if (most > CHUNK) most = CHUNK;
    for (; s->n < most && bytes < CHUNK_BYTES && next_record(s); s->n++)
        bytes += s->text[s->n] != NULL ? s->length[s->n] : rcr_record_bytes(&s->record[s->n]);
    if (s->n == 0 && !s->begun && most > 0) add_nothing(s);
    s->begun = s->begun || s->n > 0;
    for (size_t i = 0; i < s->n; i++) s->list[i].crystal = NULL;
    rcr_pool_run(s->pool, (int)s->n, parse_piece, s);
    for (size_t i = 0; i < s->n; i++) {
        s->list[i].crystal = s->record[i].crystal;
        n_names += 2 * s->record[i].n_properties;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->record[i].error.status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading structures");
    s->names = rcr_calloc(n_names, sizeof *s->names);
    if (s->names == NULL) return rcr_fail_memory(err, "reading structures");
    rcr_status status = name_crystals(s, err);
    if (status != RCR_OK) return status;
    show(s);
    *list = s->list;
    *n = s->n;
    return RCR_OK;
}
