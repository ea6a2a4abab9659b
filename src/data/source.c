/* From the files of a dataset to its rows, and from rows to graphs. */
#include "data/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "crystal/prototype.h"
#include "crystal/spacegroup.h"
#include "graph/graph.h"
#include "graph/packed.h"
#include "io/archive.h"
#include "io/unpack.h"

static const size_t max_structure = (size_t)1 << 30;

void rcr_source_release(source *s) {
    for (size_t i = 0; i < s->n; i++) {
        source_row *row = &s->row[i];
        rcr_free(row->id);
        rcr_free(row->spare_id);
        rcr_free(row->file);
        rcr_free(row->error);
        rcr_free(row->later);
        rcr_crystal_free(row->crystal);
        if (s->store == NULL) rcr_free(row->record);
        rcr_free(row->prototype);
        for (size_t k = 0; k < row->n_cells; k++) rcr_free(row->cell[k].text);
        rcr_free(row->cell);
        rcr_free(row->targets);
    }
    for (size_t k = 0; k < s->n_targets && s->target_name != NULL; k++) rcr_free(s->target_name[k]);
    rcr_free(s->target_name);
    for (size_t k = 0; k < s->n_columns; k++) rcr_free(s->column[k]);
    rcr_free(s->column);
    rcr_name_index_free(&s->columns);
    rcr_free(s->row);
    rcr_free(s->base);
    rcr_free(s->name);
    rcr_free(s->table);
    for (size_t k = 0; k < s->n_tables; k++) rcr_free(s->tables[k]);
    rcr_free(s->tables);
    rcr_free(s->target);
    rcr_free(s->elements_text);
    rcr_folder_free(s->folder);
    rcr_reader_close(s->again);
    rcr_element_table_free(s->elements);
    rcr_store_close(s->store);
}

/* ---------------------------------------------------------------- one row */

const char *rcr_source_table_of(const source *s, const source_row *row) {
    return row->table != NULL ? row->table : s->table != NULL ? s->table : "";
}

static rcr_status read_text(char **text, size_t *length, const source *s, const char *file, rcr_error *err) {
    if (s->base == NULL) return rcr_folder_read(text, length, s->folder, file, err);
    rcr_text path = {0};
    if (file[0] != '/') rcr_text_puts(&path, s->base);
    rcr_text_puts(&path, file);
    rcr_status status = path.failed ? rcr_fail_memory(err, "reading a structure")
                                    : rcr_file_read(text, length, path.data, max_structure, err);
    rcr_text_free(&path);
    return status;
}

int rcr_source_has_file(const source *s, const char *file) {
    if (s->base == NULL) return rcr_folder_has(s->folder, file);
    rcr_text path = {0};
    if (file[0] != '/') rcr_text_puts(&path, s->base);
    rcr_text_puts(&path, file);
    int there = !path.failed && rcr_is_file(path.data);
    rcr_text_free(&path);
    return there;
}

rcr_status rcr_source_read_structure(rcr_crystal **crystal, source_row *row, const source *s, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = read_text(&text, &length, s, row->file, err);
    if (status != RCR_OK) return status;
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) {
        rcr_free(text);
        return rcr_fail_memory(err, "reading a structure");
    }
    rcr_sha256_add(hash, text, length);
    rcr_sha256_finish(hash, row->sha256);
    status = rcr_reader_first(crystal, row->file, text, length, err);
    rcr_free(text);
    return status;
}

static rcr_status check_element(int z, int32_t site, const rcr_element_table *known, rcr_error *err) {
    if (z >= 1 && z <= RCR_MAX_ATOMIC_NUMBER && known->known[z]) return RCR_OK;
    const char *symbol = rcr_element_symbol(z);
    return rcr_fail(err, RCR_ERR_DATA, "element %s (site %ld) is not in the element table (%s)",
                    symbol != NULL ? symbol : "?", (long)site + 1, known->name);
}

rcr_status rcr_source_check_elements(const rcr_graph_view *graph, const rcr_element_table *known, rcr_error *err) {
    rcr_status status = RCR_OK;
    int32_t k = 0;
    for (int32_t i = 0; i < graph->n_atoms && status == RCR_OK; i++) {
        status = check_element(graph->atomic_number[i], i, known, err);
        for (int32_t end = k + rcr_graph_view_n_species(graph, i); k < end && status == RCR_OK; k++)
            status = check_element(graph->species_number[k], i, known, err);
    }
    return status;
}

/* Without a table of known elements, all are. */
static rcr_status make_record(source_row *row, const source *s, rcr_error *err) {
    rcr_crystal *crystal = row->crystal;
    rcr_graph *graph = NULL;
    row->crystal = NULL; /* freed here, so that a large file's crystals do not stay beside its graphs */
    rcr_status status = crystal == NULL ? rcr_source_read_structure(&crystal, row, s, err) : RCR_OK;
    if (status == RCR_OK) status = rcr_graph_build(&graph, crystal, &s->options->graph, err);
    if (status == RCR_OK && s->options->prototypes)
        status = rcr_prototype_label(&row->prototype, crystal, RCR_SYMMETRY_TOLERANCE, err);
    rcr_crystal_free(crystal);
    if (status == RCR_OK && s->known != NULL) {
        rcr_graph_view view = rcr_graph_view_of(graph);
        status = rcr_source_check_elements(&view, s->known, err);
    }
    if (status == RCR_OK) status = rcr_graph_pack(&row->record, &row->record_size, graph, s->distance_bytes, err);
    if (status == RCR_OK) {
        row->n_atoms = graph->n_atoms;
        row->n_edges = graph->n_edges;
    }
    rcr_graph_free(graph);
    return status;
}

typedef struct chunk_job {
    source *s;
    source_row *row;  /* the chunk's first */
    int *memory_lost; /* [threads] one flag for each, so that nothing is shared */
} chunk_job;

static void run_row(void *context, int index, int worker) {
    chunk_job *job = context;
    source_row *row = &job->row[index];
    if (row->error != NULL) return;
    rcr_error err = {0};
    if (make_record(row, job->s, &err) == RCR_OK) return;
    row->error = rcr_calloc(1, sizeof *row->error);
    if (row->error == NULL || err.status == RCR_ERR_MEMORY) {
        job->memory_lost[worker] = 1;
        return;
    }
    *row->error = err;
    /* The name that the source gives the file: the same packed and unpacked. */
    if (row->file != NULL) row->error->file[0] = '\0';
    if (row->file == NULL && row->error->line == 0) row->error->line = row->line;
    rcr_error_set_file(row->error, row->file != NULL ? row->file : rcr_source_table_of(job->s, row));
}

/* ---------------------------------------------------------------- all rows */

/* Of the rows of one id, those that have it by the key `name` come last. */
static int by_id_then_row(const void *a, const void *b) {
    const source_row *x = *(source_row *const *)a, *y = *(source_row *const *)b;
    int order = strcmp(x->id, y->id), x_spare = x->spare_id != NULL, y_spare = y->spare_id != NULL;
    if (order == 0) order = x_spare - y_spare;
    return order != 0 ? order : (x > y) - (x < y);
}

/* Give the rows that are not the first of their id the one that they have without the key `name`, if they have; returns
 * their number.  *first: the first of them in the data. */
static size_t rename_rows(source_row **sorted, size_t n, const source_row **first) {
    size_t keeper = 0, n_renamed = 0;
    for (size_t i = 1; i < n; i++) {
        source_row *row = sorted[i];
        if (strcmp(row->id, sorted[keeper]->id) != 0) {
            keeper = i;
        } else if (row->spare_id != NULL) {
            rcr_free(row->id);
            row->id = row->spare_id;
            row->spare_id = NULL;
            n_renamed++;
            if (*first == NULL || row < *first) *first = row;
        }
    }
    return n_renamed;
}

static void mark_duplicates(source *s, source_row **sorted) {
    size_t keeper = 0;
    for (size_t i = 1; i < s->n; i++) {
        source_row *row = sorted[i];
        if (strcmp(row->id, sorted[keeper]->id) != 0)
            keeper = i;
        else
            rcr_source_bad(s, row, RCR_ERR_DATA, rcr_source_table_of(s, row), row->line,
                           "the id \"%.100s\" came before, in row %ld", row->id, (long)(sorted[keeper] - s->row) + 1);
    }
}

rcr_status rcr_source_settle_ids(source *s, rcr_error *err) {
    enum { MAX_PASSES = 8 };
    source_row **sorted = rcr_malloc(s->n, sizeof *sorted);
    const source_row *example = NULL;
    size_t n_renamed = 0, n = 1;
    if (sorted == NULL) return rcr_fail_memory(err, "reading a dataset");
    for (size_t i = 0; i < s->n; i++) sorted[i] = &s->row[i];
    /* A new id may be that of another row, which is then renamed, too; a file could go on so for all of its rows. */
    for (int pass = 0; pass < MAX_PASSES && n > 0; pass++) {
        if (s->n > 0) qsort(sorted, s->n, sizeof *sorted, by_id_then_row);
        n = pass + 1 < MAX_PASSES ? rename_rows(sorted, s->n, &example) : 0;
        n_renamed += n;
    }
    mark_duplicates(s, sorted);
    if (example != NULL)
        rcr_fit(s->note, sizeof s->note,
                "%zu row%s with a name that came before %s called as without one, the first of them \"%.100s\"; a key "
                "called id gives each its own",
                n_renamed, n_renamed == 1 ? "" : "s", n_renamed == 1 ? "is" : "are", example->id);
    rcr_free(sorted);
    return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

rcr_status rcr_source_first_bad(const source_row *row, size_t n, rcr_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (row[i].error == NULL) continue;
        if (err != NULL) *err = *row[i].error;
        return row[i].error->status;
    }
    return RCR_OK;
}

rcr_status rcr_source_run(source *s, size_t first, size_t n, rcr_error *err) {
    int n_workers = rcr_pool_size(s->options->pool);
    int *memory_lost = rcr_calloc((size_t)n_workers, sizeof *memory_lost);
    if (memory_lost == NULL) return rcr_fail_memory(err, "reading a dataset");
    rcr_status status = rcr_source_read_again(s, first, n, err);
    if (status != RCR_OK) {
        rcr_free(memory_lost);
        return status;
    }
    chunk_job job = {s, s->row + first, memory_lost};
    rcr_pool_run(s->options->pool, (int)n, run_row, &job);
    int lost = 0;
    for (int w = 0; w < n_workers; w++) lost |= memory_lost[w];
    rcr_free(memory_lost);
    return lost ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

/* ---------------------------------------------------------------- what kind of source it is */

static rcr_status read_elements(source *s, rcr_error *err) {
    if (!rcr_folder_has(s->folder, "atom_init.json")) return RCR_OK;
    char *text;
    size_t length;
    rcr_status status = rcr_folder_read(&text, &length, s->folder, "atom_init.json", err);
    if (status != RCR_OK) return status;
    status = rcr_element_table_parse(&s->elements, text, length, err);
    s->elements_text = text;
    s->elements_length = length;
    if (status != RCR_OK) rcr_error_set_file(err, "atom_init.json");
    return status;
}

/* A directory or an archive: the layout, or files of structures. */
static rcr_status read_folder(source *s, rcr_error *err) {
    rcr_status status = rcr_folder_open(&s->folder, s->path, err);
    if (status == RCR_OK) status = read_elements(s, err);
    if (status != RCR_OK) return status;
    if (rcr_folder_has(s->folder, "id_prop.csv")) return rcr_source_read_table(s, "id_prop.csv", err);
    rcr_folder *folder = s->folder;
    rcr_reader *reader;
    s->folder = NULL;
    status = rcr_reader_open_folder(&reader, s->path, folder, err);
    if (status == RCR_ERR_DATA)
        return rcr_fail_at(err, RCR_ERR_DATA, s->path, 0,
                           "there is no id_prop.csv and no file of structures (extended XYZ, JSON, ASE database, ...)");
    return status == RCR_OK ? rcr_source_read_records(s, reader, err) : status;
}

/* A table of file names. */
static rcr_status read_csv(source *s, rcr_error *err) {
    const char *slash = strrchr(s->path, '/');
    s->base = slash != NULL ? rcr_strndup(s->path, (size_t)(slash - s->path) + 1) : rcr_strdup("./");
    if (s->base == NULL) return rcr_fail_memory(err, "reading a dataset");
    rcr_status status = rcr_folder_open(&s->folder, s->base, err);
    if (status == RCR_OK) status = read_elements(s, err);
    if (status == RCR_OK) status = rcr_source_read_table(s, slash != NULL ? slash + 1 : s->path, err);
    return status;
}

static rcr_status read_file(source *s, rcr_error *err) {
    rcr_reader *reader;
    rcr_status status = rcr_reader_open(&reader, s->path, err);
    if (status != RCR_OK) return status;
    int archive = rcr_reader_is_folder(reader); /* a read that failed may have hidden it before */
    if (!archive && !rcr_reader_is_single(reader)) return rcr_source_read_records(s, reader, err);
    rcr_reader_close(reader);
    if (archive) return read_folder(s, err);
    if (rcr_is_table_name(s->path)) return read_csv(s, err);
    if (rcr_is_archive_name(s->path))
        return rcr_fail_at(err, RCR_ERR_DATA, s->path, 0,
                           "the name is that of an archive, the content is not: a download that failed?");
    return rcr_fail_at(err, RCR_ERR_DATA, s->path, 0,
                       "this is one structure, or a format that is not known; a dataset is a folder or archive with an "
                       "id_prop.csv, a CSV file with a column of file names or of structures, an extended XYZ or JSON "
                       "file, an ASE database, or a graph store");
}

rcr_status rcr_source_open(source *s, rcr_error *err) {
    const char *path = s->path;
    if (rcr_is_directory(path)) return read_folder(s, err);
    if (!rcr_path_exists(path)) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "there is no such file or folder");
    if (!rcr_is_file(path)) return read_file(s, err); /* which says what it is */
    if (rcr_store_is(path)) return rcr_source_read_store(s, err);
    return rcr_is_archive(path) ? read_folder(s, err) : read_file(s, err);
}
