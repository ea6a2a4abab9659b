#include "cli/inputs.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/dataset.h"
#include "io/archive.h"
#include "io/extxyz.h"
#include "io/structure.h"
#include "model/net.h"

#define MAX_FILE_BYTES ((size_t)1 << 31)
enum { MAX_INFOS = 64 };
static const char dataset_table[] = "id_prop.csv";

struct rcr_inputs {
    char *const *path;
    size_t n_paths, next_path;
    const rcr_model *model;
    rcr_pool *pool;

    /* A folder or archive that is being gone through. */
    rcr_folder *folder;
    const char *folder_path;
    int is_archive;
    const char *const *name;
    size_t n_names, next_name;
    int n_found;

    /* A file of several frames. */
    char *frames, *frames_file, *frames_id;
    size_t frames_length, frames_at;
    long frames_line, frame_number;

    /* A dataset: samples and bad rows, each in source order. */
    rcr_dataset *dataset;
    size_t next_sample, next_bad;
};

void rcr_input_release(rcr_input *input) {
    rcr_free(input->id);
    rcr_free(input->file);
    rcr_free(input->text);
    rcr_crystal_free(input->crystal);
    rcr_graph_free(input->graph);
    memset(input, 0, sizeof *input);
}

void rcr_input_prepare(rcr_input *input, const rcr_model *model) {
    rcr_error *err = &input->error;
    rcr_status status = err->status;
    if (status == RCR_OK && input->text != NULL) {
        status = rcr_structure_parse(&input->crystal, input->file, input->text, input->length, err);
        rcr_free(input->text);
        input->text = NULL;
    }
    if (status == RCR_OK && input->crystal != NULL && input->graph == NULL)
        status = rcr_graph_build(&input->graph, input->crystal, &model->graph, err);
    rcr_crystal_free(input->crystal);
    input->crystal = NULL;
    if (status == RCR_OK) status = rcr_model_check_graph(model, input->graph, err);
    if (status == RCR_OK) return;
    err->status = status;
    rcr_error_set_file(err, input->file);
    rcr_graph_free(input->graph);
    input->graph = NULL;
}

/* ---- names */

static const char *const archive_suffixes[] = {".tar",    ".tar.gz", ".tgz", ".tar.zst", ".tzst",
                                               ".tar.xz", ".txz",    ".zip", ".tar.bz2", NULL};

int rcr_is_archive_name(const char *path) {
    for (size_t i = 0; archive_suffixes[i] != NULL; i++)
        if (rcr_ends_with(path, archive_suffixes[i])) return 1;
    return 0;
}

/* "dir/mp-149.cif" -> "mp-149", as the dataset names it. */
static char *stem_of(const char *path) {
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    const char *dot = strrchr(base, '.');
    return rcr_strndup(base, dot != NULL && dot > base ? (size_t)(dot - base) : strlen(base));
}

/* Out of memory is the one error that can't be told in a row of its own: id and file are then NULL. */
static void name_input(rcr_input *input, const char *id, const char *file) {
    input->id = id != NULL ? rcr_strdup(id) : stem_of(file);
    input->file = rcr_strdup(file);
    if ((input->id == NULL || input->file == NULL) && input->error.status == RCR_OK)
        rcr_fail_memory(&input->error, "reading a structure");
}

static int give_error(rcr_input *input, const char *path, const rcr_error *err) {
    name_input(input, NULL, path);
    input->error = *err;
    rcr_error_set_file(&input->error, path);
    return 1;
}

/* ---- files */

static void close_frames(rcr_inputs *in) {
    rcr_free(in->frames);
    rcr_free(in->frames_file);
    rcr_free(in->frames_id);
    in->frames = in->frames_file = in->frames_id = NULL;
}

/* Only blanks from here on. */
static int is_blank(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!rcr_is_space((unsigned char)text[i])) return 0;
    return 1;
}

static int next_frame(rcr_inputs *in, rcr_input *input) {
    const char *text = in->frames + in->frames_at;
    size_t length = in->frames_length - in->frames_at, n_infos = 0, consumed = 0;
    char id[512];
    rcr_extxyz_info info[MAX_INFOS];
    rcr_status status = rcr_extxyz_parse(&input->crystal, info, MAX_INFOS, &n_infos, &consumed, "", text, length,
                                         in->frames_line, &input->error);
    input->error.status = status;
    int alone = in->frame_number == 0 && (consumed == 0 || is_blank(text + consumed, length - consumed));
    in->frame_number++;
    const rcr_extxyz_info *own =
        status == RCR_OK ? rcr_extxyz_find_id(info, n_infos < MAX_INFOS ? n_infos : MAX_INFOS) : NULL;
    if (own != NULL)
        snprintf(id, sizeof id, "%.*s", (int)(own->value_length < 400 ? own->value_length : 400), own->value);
    else if (alone)
        snprintf(id, sizeof id, "%s", in->frames_id);
    else
        snprintf(id, sizeof id, "%s-%ld", in->frames_id, in->frame_number);
    name_input(input, id, in->frames_file);
    if (status != RCR_OK) rcr_error_set_file(&input->error, in->frames_file);
    for (size_t i = 0; i < consumed; i++) in->frames_line += text[i] == '\n';
    in->frames_at += consumed;
    /* Where a broken frame ends is not known: nothing after it can be trusted. */
    if (consumed == 0 || is_blank(in->frames + in->frames_at, in->frames_length - in->frames_at)) close_frames(in);
    return 1;
}

/* Takes text over. */
static int give_text(rcr_inputs *in, rcr_input *input, const char *file, char *text, size_t length) {
    if (rcr_format_detect(file, text, length) != RCR_FORMAT_EXTXYZ) {
        name_input(input, NULL, file);
        input->text = text;
        input->length = length;
        return 1;
    }
    in->frames = text;
    in->frames_length = length;
    in->frames_at = 0;
    in->frames_line = 1;
    in->frame_number = 0;
    in->frames_file = rcr_strdup(file);
    in->frames_id = stem_of(file);
    if (in->frames_file == NULL || in->frames_id == NULL) {
        rcr_fail_memory(&input->error, "reading a structure");
        close_frames(in);
        return 1;
    }
    return next_frame(in, input);
}

static int open_file(rcr_inputs *in, rcr_input *input, const char *path) {
    char *text;
    size_t length;
    rcr_error err;
    if (rcr_file_read(&text, &length, path, MAX_FILE_BYTES, &err) != RCR_OK) return give_error(input, path, &err);
    return give_text(in, input, path, text, length);
}

/* ---- folders and archives */

static void close_folder(rcr_inputs *in) {
    rcr_folder_free(in->folder);
    in->folder = NULL;
}

/* Next structure file of the folder; 0 when there is no more. */
static int next_member(rcr_inputs *in, rcr_input *input) {
    while (in->next_name < in->n_names) {
        const char *name = in->name[in->next_name++];
        /* A folder's own files, not those of folders in it; of an archive all.  The format is told by name alone. */
        if (!in->is_archive && strchr(name, '/') != NULL) continue;
        if (rcr_format_detect(name, "", 0) == RCR_FORMAT_UNKNOWN) continue;
        in->n_found++;
        rcr_text path = {0};
        size_t end = strlen(in->folder_path);
        rcr_text_printf(&path, "%s%s%s", in->folder_path, end > 0 && in->folder_path[end - 1] == '/' ? "" : "/", name);
        char *text;
        size_t length;
        rcr_error err;
        int given;
        if (path.failed) {
            rcr_fail_memory(&input->error, "reading a folder");
            given = 1;
        } else if (rcr_folder_read(&text, &length, in->folder, name, &err) != RCR_OK) {
            given = give_error(input, path.data, &err);
        } else {
            given = give_text(in, input, path.data, text, length);
        }
        rcr_text_free(&path);
        return given;
    }
    int none = in->n_found == 0;
    close_folder(in);
    if (!none) return 0;
    rcr_error err;
    rcr_fail(&err, RCR_ERR_DATA, "holds no structure file (.cif, .xyz, .extxyz)");
    return give_error(input, in->folder_path, &err);
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
        name_input(input, bad->id, bad->error.file[0] != '\0' ? bad->error.file : d->path);
        input->error = bad->error;
    } else {
        rcr_dataset_free(d);
        in->dataset = NULL;
        return 0;
    }
    return 1;
}

static int open_dataset(rcr_inputs *in, rcr_input *input, const char *path) {
    rcr_dataset_options options = {
        .need_target = 0, .graph = in->model->graph, .known = in->model->elements, .pool = in->pool};
    rcr_error err;
    rcr_dataset *dataset;
    if (rcr_dataset_read(&dataset, path, &options, &err) != RCR_OK) return give_error(input, path, &err);
    in->dataset = dataset;
    in->next_sample = in->next_bad = 0;
    return next_row(in, input);
}

static int open_folder(rcr_inputs *in, rcr_input *input, const char *path) {
    rcr_error err;
    if (rcr_folder_open(&in->folder, path, &err) != RCR_OK) return give_error(input, path, &err);
    if (rcr_folder_has(in->folder, dataset_table)) {
        close_folder(in);
        return open_dataset(in, input, path);
    }
    if (rcr_folder_list(&in->name, &in->n_names, in->folder, &err) != RCR_OK) {
        close_folder(in);
        return give_error(input, path, &err);
    }
    in->folder_path = path;
    in->is_archive = !rcr_is_directory(path);
    in->next_name = 0;
    in->n_found = 0;
    return next_member(in, input);
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
        if (in->frames != NULL) return next_frame(in, input);
        if (in->folder != NULL) {
            if (next_member(in, input)) return 1;
            continue;
        }
        if (in->dataset != NULL) {
            if (next_row(in, input)) return 1;
            continue;
        }
        if (in->next_path == in->n_paths) return 0;
        const char *path = in->path[in->next_path++];
        int given;
        if (rcr_is_directory(path) || rcr_is_archive_name(path))
            given = open_folder(in, input, path);
        else if (rcr_ends_with(path, ".csv") || rcr_store_is(path))
            given = open_dataset(in, input, path);
        else
            given = open_file(in, input, path);
        if (given) return 1;
    }
}

void rcr_inputs_close(rcr_inputs *in) {
    if (in == NULL) return;
    close_frames(in);
    close_folder(in);
    rcr_dataset_free(in->dataset);
    rcr_free(in);
}
