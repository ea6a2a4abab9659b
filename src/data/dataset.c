#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"
#include "graph/graph.h"
#include "io/csv.h"
#include "io/structure.h"

/* Rows between two calls of progress, and between two looks at whether a strict run must stop. */
enum { CHUNK = 256 };
static const size_t max_extxyz = (size_t)8 << 30, max_structure = (size_t)1 << 30;

static void source_release(source *s) {
    for (size_t i = 0; i < s->n; i++) {
        rcr_free(s->row[i].id);
        rcr_free(s->row[i].file);
        rcr_free(s->row[i].error);
        rcr_crystal_free(s->row[i].crystal);
        rcr_graph_free(s->row[i].graph);
    }
    rcr_free(s->row);
    rcr_free(s->base);
    rcr_free(s->target);
    rcr_folder_free(s->folder);
    rcr_element_table_free(s->elements);
}

/* ---------------------------------------------------------------- one row */

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

/* Read row->file into a crystal. */
static rcr_status read_structure(rcr_crystal **crystal, source_row *row, const source *s, rcr_error *err) {
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
    status = rcr_structure_parse(crystal, row->file, text, length, err);
    rcr_free(text);
    return status;
}

static rcr_status check_elements(const rcr_crystal *crystal, const rcr_element_table *known, rcr_error *err) {
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        int z = crystal->atomic_number[i];
        if (z >= 1 && z <= RCR_MAX_ATOMIC_NUMBER && known->known[z]) continue;
        const char *symbol = rcr_element_symbol(z);
        return rcr_fail(err, RCR_ERR_DATA, "element %s (site %ld) is not in the element table (%s)",
                        symbol != NULL ? symbol : "?", (long)i + 1, known->name);
    }
    return RCR_OK;
}

static rcr_status make_graph(source_row *row, const source *s, rcr_error *err) {
    rcr_crystal *crystal = row->crystal;
    row->crystal = NULL; /* freed here, so that a large file's crystals do not stay beside its graphs */
    rcr_status status = crystal == NULL ? read_structure(&crystal, row, s, err) : RCR_OK;
    if (status == RCR_OK) status = check_elements(crystal, s->known, err);
    if (status == RCR_OK) status = rcr_graph_build(&row->graph, crystal, &s->options->graph, err);
    rcr_crystal_free(crystal);
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
    if (make_graph(row, job->s, &err) == RCR_OK) return;
    row->error = rcr_calloc(1, sizeof *row->error);
    if (row->error == NULL || err.status == RCR_ERR_MEMORY) {
        job->memory_lost[worker] = 1;
        return;
    }
    *row->error = err;
    /* The name that the source gives the file: the same packed and unpacked. */
    if (row->file != NULL) {
        row->error->file[0] = '\0';
        rcr_error_set_file(row->error, row->file);
    }
}

/* ---------------------------------------------------------------- all rows */

static int by_id_then_row(const void *a, const void *b) {
    const source_row *x = *(source_row *const *)a, *y = *(source_row *const *)b;
    int order = strcmp(x->id, y->id);
    return order != 0 ? order : (x > y) - (x < y);
}

/* The first row of an id keeps it; the others are bad rows. */
static rcr_status mark_duplicates(source *s, rcr_error *err) {
    source_row **sorted = rcr_malloc(s->n, sizeof *sorted);
    if (sorted == NULL) return rcr_fail_memory(err, "reading a dataset");
    for (size_t i = 0; i < s->n; i++) sorted[i] = &s->row[i];
    if (s->n > 0) qsort(sorted, s->n, sizeof *sorted, by_id_then_row);
    size_t first = 0;
    for (size_t i = 1; i < s->n; i++) {
        if (strcmp(sorted[i]->id, sorted[first]->id) != 0)
            first = i;
        else
            rcr_source_bad(s, sorted[i], RCR_ERR_DATA, "", 0, "the id \"%.100s\" came before, in row %ld",
                           sorted[i]->id, (long)(sorted[first] - s->row) + 1);
    }
    rcr_free(sorted);
    return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

static rcr_status stop_at_bad_row(const source_row *row, size_t n, rcr_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (row[i].error == NULL) continue;
        if (err != NULL) *err = *row[i].error;
        return row[i].error->status;
    }
    return RCR_OK;
}

static rcr_status run_rows(source *s, rcr_error *err) {
    const rcr_dataset_options *o = s->options;
    int n_workers = rcr_pool_size(o->pool);
    int *memory_lost = rcr_calloc((size_t)n_workers, sizeof *memory_lost);
    if (memory_lost == NULL) return rcr_fail_memory(err, "reading a dataset");
    rcr_status status = RCR_OK;
    for (size_t done = 0; done < s->n && status == RCR_OK;) {
        size_t n = s->n - done < CHUNK ? s->n - done : CHUNK;
        chunk_job job = {s, s->row + done, memory_lost};
        rcr_pool_run(o->pool, (int)n, run_row, &job);
        for (int w = 0; w < n_workers; w++)
            if (memory_lost[w]) status = rcr_fail_memory(err, "reading a dataset");
        if (status == RCR_OK && o->strict) status = stop_at_bad_row(s->row + done, n, err);
        done += n;
        if (status == RCR_OK && o->progress != NULL) o->progress(o->context, done, s->n);
    }
    rcr_free(memory_lost);
    return status;
}

/* ---------------------------------------------------------------- from rows to the dataset */

static int hash_rows(char hex[65], const source *s) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) return 0;
    for (size_t i = 0; i < s->n; i++) {
        const source_row *row = &s->row[i];
        char number[32];
        rcr_sha256_add(hash, row->id, strlen(row->id) + 1);
        rcr_format_double(number, row->target);
        rcr_sha256_add(hash, number, strlen(number) + 1);
        rcr_sha256_add(hash, row->sha256, strlen(row->sha256) + 1);
    }
    rcr_sha256_finish(hash, hex);
    return 1;
}

/* The last part of a path, without slashes at its end. */
static char *last_part(const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    return rcr_strndup(path + begin, end - begin);
}

/* Move everything out of the source. */
static rcr_status move_rows(rcr_dataset *d, source *s, rcr_error *err) {
    for (size_t i = 0; i < s->n; i++) d->n += s->row[i].graph != NULL;
    d->n_bad = s->n - d->n;
    d->n_rows = s->n;
    d->name = last_part(s->path);
    d->path = rcr_strdup(s->path);
    d->target = rcr_strdup(s->target != NULL ? s->target : "");
    d->sample = rcr_calloc(d->n, sizeof *d->sample);
    d->bad = rcr_calloc(d->n_bad, sizeof *d->bad);
    if (d->name == NULL || d->path == NULL || d->target == NULL || d->sample == NULL || d->bad == NULL ||
        !hash_rows(d->sha256, s)) {
        d->n = d->n_bad = 0;
        return rcr_fail_memory(err, "reading a dataset");
    }
    d->graph_options = s->options->graph;
    d->elements = s->elements;
    s->elements = NULL;
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < s->n; i++) {
        source_row *row = &s->row[i];
        if (row->graph != NULL) {
            d->sample[good++] = (rcr_sample){row->id, row->graph, row->target, (long)i};
            row->graph = NULL;
        } else {
            d->bad[bad++] = (rcr_bad_row){row->id, (long)i, *row->error};
        }
        row->id = NULL;
    }
    return RCR_OK;
}

static rcr_status fail_nothing_usable(const rcr_dataset *d, const char *path, rcr_error *err) {
    if (d->n_bad == 0) return rcr_fail_at(err, RCR_ERR_DATA, path, 0, "the dataset has no rows");
    char first[600];
    rcr_error_format(first, sizeof first, &d->bad[0].error);
    return rcr_fail_at(err, RCR_ERR_DATA, path, 0, "none of the %zu rows can be used; the first, %.80s: %.300s",
                       d->n_bad, d->bad[0].id, first);
}

static rcr_status finish(rcr_dataset **out, source *s, rcr_error *err) {
    rcr_element_table *standard = NULL;
    s->known = s->options->known != NULL ? s->options->known : s->elements;
    rcr_status status = RCR_OK;
    if (s->known == NULL) {
        status = rcr_element_table_cgcnn(&standard, err);
        s->known = standard;
    }
    if (status == RCR_OK) status = mark_duplicates(s, err);
    if (status == RCR_OK) status = run_rows(s, err);
    rcr_element_table_free(standard);
    if (status != RCR_OK) return status;
    rcr_dataset *d = rcr_calloc(1, sizeof *d);
    if (d == NULL) return rcr_fail_memory(err, "reading a dataset");
    status = move_rows(d, s, err);
    if (status == RCR_OK && d->n == 0) status = fail_nothing_usable(d, s->path, err);
    if (status == RCR_OK)
        *out = d;
    else
        rcr_dataset_free(d);
    return status;
}

/* ---------------------------------------------------------------- what kind of source it is */

static rcr_status read_elements(source *s, rcr_error *err) {
    if (!rcr_folder_has(s->folder, "atom_init.json")) return RCR_OK;
    char *text;
    size_t length;
    rcr_status status = rcr_folder_read(&text, &length, s->folder, "atom_init.json", err);
    if (status != RCR_OK) return status;
    status = rcr_element_table_parse(&s->elements, text, length, err);
    rcr_free(text);
    if (status != RCR_OK) rcr_error_set_file(err, "atom_init.json");
    return status;
}

static int is_extxyz_name(const char *name) { return rcr_ends_with(name, ".extxyz") || rcr_ends_with(name, ".xyz"); }

static rcr_status read_frames_of(source *s, const char *name, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = s->folder != NULL ? rcr_folder_read(&text, &length, s->folder, name, err)
                                          : rcr_file_read(&text, &length, name, max_extxyz, err);
    if (status != RCR_OK) return status;
    char *shown = last_part(name);
    status =
        shown != NULL ? rcr_source_read_frames(s, shown, text, length, err) : rcr_fail_memory(err, "reading a dataset");
    rcr_free(shown);
    rcr_free(text);
    return status;
}

/* A directory or an archive: the layout, or one extxyz file. */
static rcr_status read_folder(source *s, rcr_error *err) {
    rcr_status status = rcr_folder_open(&s->folder, s->path, err);
    if (status == RCR_OK) status = read_elements(s, err);
    if (status != RCR_OK) return status;
    if (rcr_folder_has(s->folder, "id_prop.csv")) return rcr_source_read_table(s, "id_prop.csv", err);
    const char *const *names;
    size_t n, n_extxyz = 0, extxyz = 0;
    status = rcr_folder_list(&names, &n, s->folder, err);
    if (status != RCR_OK) return status;
    for (size_t i = 0; i < n; i++)
        if (is_extxyz_name(names[i])) {
            n_extxyz++;
            extxyz = i;
        }
    if (n_extxyz == 1) return read_frames_of(s, names[extxyz], err);
    return rcr_fail_at(err, RCR_ERR_DATA, s->path, 0, "%s",
                       n_extxyz > 1 ? "there is no id_prop.csv, and there are several extxyz files; unpack them and "
                                      "name one"
                                    : "there is no id_prop.csv (and no extxyz file)");
}

static rcr_status read_csv(source *s, rcr_error *err) {
    const char *slash = strrchr(s->path, '/');
    s->base = slash != NULL ? rcr_strndup(s->path, (size_t)(slash - s->path) + 1) : rcr_strdup("./");
    if (s->base == NULL) return rcr_fail_memory(err, "reading a dataset");
    rcr_status status = rcr_folder_open(&s->folder, s->base, err);
    if (status == RCR_OK) status = read_elements(s, err);
    if (status == RCR_OK) status = rcr_source_read_table(s, slash != NULL ? slash + 1 : s->path, err);
    return status;
}

/* A file without a name that tells: extxyz starts with a number of atoms, anything else may be an archive. */
static int starts_like_extxyz(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    char head[4096];
    size_t n = fread(head, 1, sizeof head, file);
    fclose(file);
    return rcr_format_detect(NULL, head, n) == RCR_FORMAT_EXTXYZ;
}

rcr_status rcr_dataset_read(rcr_dataset **out, const char *path, const rcr_dataset_options *options, rcr_error *err) {
    rcr_status status = rcr_graph_options_check(&options->graph, err);
    if (status != RCR_OK) return status;
    source s = {.path = path, .options = options};
    if (rcr_is_directory(path))
        status = read_folder(&s, err);
    else if (!rcr_is_file(path))
        status = rcr_fail_at(err, RCR_ERR_IO, path, 0, "there is no such file or folder");
    else if (rcr_ends_with(path, ".csv"))
        status = read_csv(&s, err);
    else if (is_extxyz_name(path) || starts_like_extxyz(path))
        status = read_frames_of(&s, path, err);
    else if (rcr_ends_with(path, ".cif"))
        status = rcr_fail_at(err, RCR_ERR_DATA, path, 0,
                             "this is one structure; a dataset is a folder or archive with an id_prop.csv, a CSV file "
                             "with a column of file names, or an extxyz file");
    else
        status = read_folder(&s, err);
    if (status == RCR_OK) status = finish(out, &s, err);
    source_release(&s);
    return status;
}

void rcr_dataset_free(rcr_dataset *dataset) {
    if (dataset == NULL) return;
    for (size_t i = 0; i < dataset->n; i++) {
        rcr_free(dataset->sample[i].id);
        rcr_graph_free(dataset->sample[i].graph);
    }
    for (size_t i = 0; i < dataset->n_bad; i++) rcr_free(dataset->bad[i].id);
    rcr_free(dataset->sample);
    rcr_free(dataset->bad);
    rcr_free(dataset->name);
    rcr_free(dataset->path);
    rcr_free(dataset->target);
    rcr_element_table_free(dataset->elements);
    rcr_free(dataset);
}

rcr_status rcr_dataset_write_errors(const rcr_dataset *dataset, const char *path, rcr_error *err) {
    rcr_text text = {0};
    rcr_text_puts(&text, "row,id,file,line,reason\n");
    for (size_t i = 0; i < dataset->n_bad; i++) {
        const rcr_bad_row *bad = &dataset->bad[i];
        rcr_text_printf(&text, "%ld", bad->row + 1);
        rcr_csv_write_field(&text, bad->id, 0);
        rcr_csv_write_field(&text, bad->error.file, 0);
        if (bad->error.line > 0)
            rcr_text_printf(&text, ",%ld", bad->error.line);
        else
            rcr_text_puts(&text, ",");
        rcr_csv_write_field(&text, bad->error.message, 0);
        rcr_text_puts(&text, "\n");
    }
    rcr_status status = text.failed ? rcr_fail_memory(err, "writing the table of errors")
                                    : rcr_file_write(path, text.data, text.length, err);
    rcr_text_free(&text);
    return status;
}
