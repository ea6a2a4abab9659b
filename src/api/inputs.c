#include "api/inputs.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/dataset.h"
#include "io/archive.h"
#include "io/unpack.h"
#include "model/net.h"

static const char dataset_table[] = "id_prop.csv";

struct rcr_inputs {
    char *const *path;
    size_t n_paths, next_path;
    const rcr_model *model;
    rcr_pool *pool;

    rcr_reader *reader; /* of the file, folder or archive that is being gone through */

    /* A dataset: samples and bad rows, each in source order. */
    rcr_dataset *dataset;
    size_t next_sample, next_bad;

    rcr_error failure; /* of the first input that could not be read to its end; status RCR_OK: none */
};

void rcr_input_release(rcr_input *input) {
    rcr_free(input->id);
    rcr_free(input->file);
    rcr_record_release(&input->record);
    rcr_graph_free(input->graph);
    memset(input, 0, sizeof *input);
}

void rcr_input_prepare(rcr_input *input, const rcr_model *model) {
    rcr_error *err = &input->error;
    rcr_record *record = &input->record;
    rcr_status status = err->status;
    if (status == RCR_OK && record->file != NULL) {
        rcr_record_parse(record);
        if (record->id != NULL) { /* its own is known only now */
            rcr_free(input->id);
            input->id = record->id;
            record->id = NULL;
        }
        *err = record->error;
        status = err->status;
    }
    if (status == RCR_OK && record->crystal != NULL && input->graph == NULL)
        status = rcr_graph_build(&input->graph, record->crystal, &model->graph, err);
    rcr_record_release(record);
    if (status == RCR_OK) status = rcr_model_check_graph(model, input->graph, err);
    if (status == RCR_OK) return;
    err->status = status;
    rcr_error_set_file(err, input->file);
    rcr_graph_free(input->graph);
    input->graph = NULL;
}

/* ---- names */

/* Out of memory is the one error that can't be told in a row of its own: id and file are then NULL. */
static void name_input(rcr_input *input, const char *id, const char *file) {
    input->id = id != NULL ? rcr_strdup(id) : rcr_structure_id(file);
    input->file = rcr_strdup(file);
    if ((input->id == NULL || input->file == NULL) && input->error.status == RCR_OK)
        rcr_fail_memory(&input->error, "reading a structure");
}

static void note_failure(rcr_inputs *in, const rcr_error *err) {
    if (in->failure.status == RCR_OK) in->failure = *err;
}

static int give_error(rcr_inputs *in, rcr_input *input, const char *path, const rcr_error *err) {
    if (rcr_reader_loses_many(path, err)) note_failure(in, err);
    name_input(input, NULL, path);
    input->error = *err;
    rcr_error_set_file(&input->error, path);
    return 1;
}

const rcr_error *rcr_inputs_failure(const rcr_inputs *in) { return in->failure.status != RCR_OK ? &in->failure : NULL; }

/* ---- files of structures */

static int next_record(rcr_inputs *in, rcr_input *input) {
    rcr_record *record = &input->record;
    if (!rcr_reader_next(in->reader, record)) {
        rcr_reader_close(in->reader);
        in->reader = NULL;
        return 0;
    }
    name_input(input, record->id, record->file != NULL ? record->file : "");
    if (record->error.status != RCR_OK) input->error = record->error;
    if (record->cut_off) note_failure(in, &record->error);
    return 1;
}

/* An input that holds nothing, such as a folder of JSON that is no structures, is a row with the reason. */
static int first_record(rcr_inputs *in, rcr_input *input, const char *path) {
    rcr_error err;
    if (next_record(in, input)) return 1;
    rcr_fail(&err, RCR_ERR_DATA, "holds no structures");
    return give_error(in, input, path, &err);
}

/* ---- datasets */

static int next_row(rcr_inputs *in, rcr_input *input) {
    rcr_dataset *d = in->dataset;
    int has_sample = in->next_sample < d->n, has_bad = in->next_bad < d->n_bad;
    if (has_sample && (!has_bad || d->sample[in->next_sample].row < d->bad[in->next_bad].row)) {
        size_t sample = in->next_sample++;
        rcr_error err;
        name_input(input, d->sample[sample].id, d->path);
        if (rcr_dataset_graph(&input->graph, d, sample, &err) != RCR_OK) input->error = err;
    } else if (has_bad) {
        const rcr_bad_row *bad = &d->bad[in->next_bad++];
        name_input(input, bad->id, d->path);
        input->error = bad->error;
    } else {
        rcr_dataset_free(d);
        in->dataset = NULL;
        return 0;
    }
    return 1;
}

static int open_dataset(rcr_inputs *in, rcr_input *input, const char *path) {
    rcr_dataset_options options = {.need_target = 0,
                                   .may_be_bad = 1, /* each row is an input, with its reason */
                                   .graph = in->model->graph,
                                   .known = in->model->elements,
                                   .pool = in->pool};
    rcr_error err;
    rcr_dataset *dataset;
    if (rcr_dataset_read(&dataset, path, &options, &err) != RCR_OK) {
        if (err.status == RCR_ERR_IO) note_failure(in, &err);
        return give_error(in, input, path, &err);
    }
    in->dataset = dataset;
    in->next_sample = in->next_bad = 0;
    if (next_row(in, input)) return 1;
    rcr_fail(&err, RCR_ERR_DATA, "the dataset has no rows");
    return give_error(in, input, path, &err);
}

/* A folder or an archive is a dataset where it has a table of its files. */
static int open_folder(rcr_inputs *in, rcr_input *input, const char *path) {
    rcr_error err;
    rcr_folder *folder;
    if (rcr_folder_open(&folder, path, &err) != RCR_OK) return give_error(in, input, path, &err);
    if (rcr_folder_has(folder, dataset_table)) {
        rcr_folder_free(folder);
        return open_dataset(in, input, path);
    }
    if (rcr_reader_open_folder(&in->reader, path, folder, &err) != RCR_OK) return give_error(in, input, path, &err);
    return first_record(in, input, path);
}

static int open_file(rcr_inputs *in, rcr_input *input, const char *path) {
    rcr_error err;
    if (rcr_reader_open(&in->reader, path, &err) != RCR_OK) return give_error(in, input, path, &err);
    if (rcr_reader_is_folder(in->reader)) { /* a read that failed hid the archive before */
        rcr_reader_close(in->reader);
        in->reader = NULL;
        return open_folder(in, input, path);
    }
    if (rcr_is_table_name(path) && rcr_reader_is_single(in->reader)) { /* of file names */
        rcr_reader_close(in->reader);
        in->reader = NULL;
        return open_dataset(in, input, path);
    }
    return first_record(in, input, path);
}

/* ---- the stream */

rcr_status rcr_inputs_open(rcr_inputs **out, char *const *paths, size_t n_paths, const rcr_model *model, rcr_pool *pool,
                           rcr_error *err) {
    rcr_inputs *in = rcr_calloc(1, sizeof *in);
    if (in == NULL) return rcr_fail_memory(err, "reading the inputs");
    in->path = paths;
    in->n_paths = n_paths;
    in->model = model;
    in->pool = pool;
    *out = in;
    return RCR_OK;
}

int rcr_inputs_next(rcr_inputs *in, rcr_input *input) {
    memset(input, 0, sizeof *input);
    for (;;) {
        if (in->reader != NULL) {
            if (next_record(in, input)) return 1;
            continue;
        }
        if (in->dataset != NULL) {
            if (next_row(in, input)) return 1;
            continue;
        }
        if (in->next_path == in->n_paths) return 0;
        const char *path = in->path[in->next_path++];
        int given;
        if (rcr_is_directory(path) || rcr_is_archive(path))
            given = open_folder(in, input, path);
        else if (rcr_store_is(path))
            given = open_dataset(in, input, path);
        else
            given = open_file(in, input, path);
        if (given) return 1;
    }
}

void rcr_inputs_close(rcr_inputs *in) {
    if (in == NULL) return;
    rcr_reader_close(in->reader);
    rcr_dataset_free(in->dataset);
    rcr_free(in);
}
