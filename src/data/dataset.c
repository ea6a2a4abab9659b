#include "data/dataset.h"

#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"
#include "graph/graph.h"
#include "io/csv.h"

/* Rows between two calls of progress, and between two looks at whether a strict run must stop. */
enum { CHUNK = 256 };

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
        for (size_t k = 1; k < s->n_targets && row->targets != NULL; k++) {
            rcr_format_double(number, row->targets[k]);
            rcr_sha256_add(hash, number, strlen(number) + 1);
        }
        if (s->options->weights != NULL) {
            rcr_format_double(number, row->weight);
            rcr_sha256_add(hash, number, strlen(number) + 1);
        }
        rcr_sha256_add(hash, row->sha256, strlen(row->sha256) + 1);
    }
    rcr_sha256_finish(hash, hex);
    return 1;
}

char *rcr_last_part(const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    return rcr_strndup(path + begin, end - begin);
}

/* Move everything out of the source. */
static rcr_status move_rows(rcr_dataset *d, source *s, rcr_error *err) {
    for (size_t i = 0; i < s->n; i++) d->n += s->row[i].record != NULL;
    d->n_bad = s->n - d->n;
    d->n_rows = s->n;
    d->name = s->name != NULL ? rcr_strdup(s->name) : rcr_last_part(s->path);
    d->path = rcr_strdup(s->path);
    if (s->options->weights != NULL) d->weights = rcr_strdup(s->options->weights);
    d->target = rcr_strdup(s->target != NULL ? s->target : "");
    d->sample = rcr_calloc(d->n, sizeof *d->sample);
    d->bad = rcr_calloc(d->n_bad, sizeof *d->bad);
    if (d->name == NULL || d->path == NULL || d->target == NULL || d->sample == NULL || d->bad == NULL ||
        (s->options->weights != NULL && d->weights == NULL) || !hash_rows(d->sha256, s)) {
        d->n = d->n_bad = 0;
        return rcr_fail_memory(err, "reading a dataset");
    }
    d->n_targets = s->n_targets > 1 ? s->n_targets : 1;
    d->target_name = s->target_name;
    s->target_name = NULL;
    if (d->target_name != NULL) {
        d->targets = rcr_malloc(d->n * d->n_targets, sizeof *d->targets);
        if (d->targets == NULL) {
            d->n = d->n_bad = 0;
            return rcr_fail_memory(err, "reading a dataset");
        }
    }
    d->graph_options = s->options->graph;
    d->elements = s->elements;
    s->elements = NULL;
    d->store = s->store;
    s->store = NULL;
    memcpy(d->note, s->note, sizeof d->note);
    size_t good = 0, bad = 0;
    for (size_t i = 0; i < s->n; i++) {
        source_row *row = &s->row[i];
        if (row->record != NULL) {
            if (d->targets != NULL)
                memcpy(d->targets + good * d->n_targets, row->targets, d->n_targets * sizeof *d->targets);
            d->sample[good++] = (rcr_sample){.id = row->id,
                                             .record = row->record,
                                             .record_size = row->record_size,
                                             .n_atoms = row->n_atoms,
                                             .n_edges = row->n_edges,
                                             .target = row->target,
                                             .weight = row->weight,
                                             .prototype = row->prototype,
                                             .row = (long)i};
            row->record = NULL;
            row->prototype = NULL;
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

static rcr_status run_rows(source *s, rcr_error *err) {
    const rcr_dataset_options *o = s->options;
    rcr_status status = RCR_OK;
    for (size_t done = 0; done < s->n && status == RCR_OK;) {
        size_t n = s->n - done < CHUNK ? s->n - done : CHUNK;
        status = rcr_source_run(s, done, n, err);
        if (status == RCR_OK && o->strict) status = rcr_source_first_bad(s->row + done, n, err);
        done += n;
        if (status == RCR_OK && o->progress != NULL) o->progress(o->context, done, s->n);
    }
    return status;
}

/* The rows of files still have to be read; those of a store have only to be looked at for elements. */
static rcr_status make_records(source *s, rcr_error *err) {
    rcr_element_table *standard = NULL;
    s->known = s->options->known != NULL ? s->options->known : s->elements;
    rcr_status status = RCR_OK;
    if (s->known == NULL) {
        status = rcr_element_table_cgcnn(&standard, err);
        s->known = standard;
    }
    if (s->store != NULL) {
        if (status == RCR_OK) status = rcr_source_check_stored(s, err);
        if (status == RCR_OK && s->options->strict) status = rcr_source_first_bad(s->row, s->n, err);
    } else {
        if (status == RCR_OK) status = rcr_source_settle_ids(s, err);
        if (status == RCR_OK) status = run_rows(s, err);
    }
    s->known = NULL;
    rcr_element_table_free(standard);
    return status;
}

static rcr_status finish(rcr_dataset **out, source *s, rcr_error *err) {
    rcr_status status = make_records(s, err);
    if (status != RCR_OK) return status;
    rcr_dataset *d = rcr_calloc(1, sizeof *d);
    if (d == NULL) return rcr_fail_memory(err, "reading a dataset");
    status = move_rows(d, s, err);
    if (status == RCR_OK && d->n == 0 && (d->n_bad == 0 || !s->options->may_be_bad))
        status = fail_nothing_usable(d, s->path, err);
    if (status == RCR_OK)
        *out = d;
    else
        rcr_dataset_free(d);
    return status;
}

rcr_status rcr_dataset_read(rcr_dataset **out, const char *path, const rcr_dataset_options *options, rcr_error *err) {
    rcr_status status = rcr_graph_options_check(&options->graph, err);
    if (status == RCR_OK && options->target != NULL && options->weights != NULL)
        status = rcr_source_check_weights(options->target, options->weights, err);
    if (status != RCR_OK) return status;
    source s = {
        .path = path, .options = options, .distance_bytes = sizeof(rcr_real), .keep_bytes = options->keep_bytes};
    rcr_dataset_options several = *options; /* what a source is told that keeps all values */
    int is_list = options->target != NULL && strchr(options->target, ',') != NULL;
    if (is_list) {
        several.target = several.weights = NULL;
        several.need_target = 0;
        s.options = &several;
        s.keep_cells = 1;
        status = rcr_source_open(&s, err);
        int is_name = status == RCR_OK && rcr_source_has_column(&s, options->target);
        s.options = options;
        if (status == RCR_OK && !is_name) status = rcr_source_take_targets(&s, options->target, err);
        s.keep_cells = 0;
        is_list = status != RCR_OK || !is_name;
        if (!is_list) {
            rcr_source_release(&s);
            s = (source){.path = path,
                         .options = options,
                         .distance_bytes = sizeof(rcr_real),
                         .keep_bytes = options->keep_bytes};
        }
    }
    if (!is_list) status = rcr_source_open(&s, err);
    if (status == RCR_OK) status = finish(out, &s, err);
    rcr_source_release(&s);
    return status;
}

void rcr_dataset_free(rcr_dataset *dataset) {
    if (dataset == NULL) return;
    for (size_t i = 0; i < dataset->n; i++) {
        rcr_free(dataset->sample[i].id);
        rcr_free(dataset->sample[i].prototype);
        if (dataset->store == NULL) rcr_free(dataset->sample[i].record);
    }
    for (size_t i = 0; i < dataset->n_bad; i++) rcr_free(dataset->bad[i].id);
    rcr_free(dataset->sample);
    rcr_free(dataset->bad);
    rcr_free(dataset->name);
    rcr_free(dataset->path);
    rcr_free(dataset->target);
    rcr_free(dataset->weights);
    for (size_t k = 0; k < dataset->n_targets && dataset->target_name != NULL; k++) rcr_free(dataset->target_name[k]);
    rcr_free(dataset->target_name);
    rcr_free(dataset->targets);
    rcr_element_table_free(dataset->elements);
    rcr_store_close(dataset->store);
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
