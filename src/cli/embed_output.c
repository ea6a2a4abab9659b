#include "cli/embed_output.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "crystal/element.h"
#include "io/csv.h"
#include "model/embed.h"
#include "model/safetensors.h"

static const char *const kind_names[] = {"crystal", "atoms", "steps"};

/* The columns before the values; CSV has the step too. */
static void put_header(rcr_embed_output *out) {
    int is_csv = out->format == RCR_EMBED_CSV;
    rcr_text_puts(&out->line, out->kind == RCR_EMBED_CRYSTAL ? "id" : "id,atom,element");
    if (is_csv && out->kind == RCR_EMBED_STEPS) rcr_text_puts(&out->line, ",step");
    for (size_t k = 0; is_csv && k < out->n_features; k++) rcr_text_printf(&out->line, ",v%zu", k);
    rcr_text_puts(&out->line, "\n");
}

rcr_status rcr_embed_open(rcr_embed_output *out, const char *path, rcr_embed_format format, rcr_embedding_kind kind,
                          const rcr_model *model, rcr_error *err) {
    int is_stream = path == NULL || strcmp(path, "-") == 0;
    if (format == RCR_EMBED_AUTO)
        format = is_stream                             ? RCR_EMBED_CSV
                 : rcr_ends_with(path, ".npy")         ? RCR_EMBED_NPY
                 : rcr_ends_with(path, ".safetensors") ? RCR_EMBED_SAFETENSORS
                                                       : RCR_EMBED_CSV;
    if (is_stream && format != RCR_EMBED_CSV)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "npy and safetensors need --out FILE; standard output takes CSV");
    *out = (rcr_embed_output){.format = format, .kind = kind, .model = model, .path = path};
    out->n_features = (size_t)model->options.atom_features;
    out->n_steps = rcr_embed_row_size(model, kind) / out->n_features;
    rcr_status status = format == RCR_EMBED_CSV ? rcr_output_open(&out->csv, path, err) : RCR_OK;
    if (status == RCR_OK && format != RCR_EMBED_SAFETENSORS) put_header(out);
    return status;
}

/* The columns that say which row this is. */
static void put_place(rcr_embed_output *out, const char *id, size_t atom, const uint8_t *atomic_number) {
    rcr_csv_write_field(&out->line, id, 1);
    if (out->kind != RCR_EMBED_CRYSTAL)
        rcr_text_printf(&out->line, ",%zu,%s", atom, rcr_element_symbol(atomic_number[atom]));
}

static void put_rows(rcr_embed_output *out, const char *id, const uint8_t *atomic_number, const float *values,
                     size_t rows) {
    char number[32];
    for (size_t row = 0; row < rows; row++)
        for (size_t t = 0; t < out->n_steps; t++) {
            put_place(out, id, row, atomic_number);
            if (out->kind == RCR_EMBED_STEPS) rcr_text_printf(&out->line, ",%zu", t + 1);
            const float *value = values + (row * out->n_steps + t) * out->n_features;
            for (size_t k = 0; k < out->n_features; k++)
                rcr_text_printf(&out->line, ",%s", rcr_format_float(number, value[k]));
            rcr_text_puts(&out->line, "\n");
        }
    rcr_output_write(&out->csv, &out->line);
}

static void append_integer(rcr_text *out, uint64_t value) {
    char bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (char)(value >> (8 * i) & 0xff);
    rcr_text_append(out, bytes, sizeof bytes);
}

static rcr_status keep_id(rcr_embed_output *out, const char *id, rcr_error *err) {
    char **grown = rcr_grow(out->id, &out->capacity, out->n + 1, sizeof *grown);
    if (grown == NULL) return rcr_fail_memory(err, "embedding crystals");
    out->id = grown;
    out->id[out->n] = rcr_strdup(id);
    if (out->id[out->n] == NULL) return rcr_fail_memory(err, "embedding crystals");
    out->n++;
    return RCR_OK;
}

rcr_status rcr_embed_add(rcr_embed_output *out, const char *id, const uint8_t *atomic_number, const float *values,
                         size_t rows, rcr_error *err) {
    rcr_status status = RCR_OK;
    if (out->format == RCR_EMBED_CSV) {
        put_rows(out, id, atomic_number, values, rows);
        return RCR_OK; /* failures are told when the output is closed */
    }
    for (size_t i = 0; i < rows * out->n_steps * out->n_features; i++) rcr_text_float32(&out->values, values[i]);
    if (out->format == RCR_EMBED_NPY) {
        for (size_t row = 0; row < rows; row++) {
            put_place(out, id, row, atomic_number);
            rcr_text_puts(&out->line, "\n");
        }
    } else {
        append_integer(&out->offset, out->n_rows);
        if (out->kind != RCR_EMBED_CRYSTAL) rcr_text_append(&out->numbers, (const char *)atomic_number, rows);
        status = keep_id(out, id, err);
    }
    out->n_rows += rows;
    if (status == RCR_OK && (out->values.failed || out->line.failed || out->numbers.failed || out->offset.failed))
        status = rcr_fail_memory(err, "embedding crystals; CSV needs no memory for them");
    return status;
}

/* NumPy's format, version 1.0: magic, header length, header padded to a multiple of 64, values. */
static rcr_status write_npy(rcr_embed_output *out, rcr_error *err) {
    rcr_text head = {0}, file = {0};
    rcr_text_printf(&head, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, ", out->n_rows);
    if (out->kind == RCR_EMBED_STEPS) rcr_text_printf(&head, "%zu, ", out->n_steps);
    rcr_text_printf(&head, "%zu), }", out->n_features);
    while ((10 + head.length + 1) % 64 != 0 && !head.failed) rcr_text_puts(&head, " ");
    rcr_text_puts(&head, "\n");
    const char start[10] = {
        (char)0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(head.length & 0xff), (char)(head.length >> 8)};
    rcr_text_append(&file, start, sizeof start);
    rcr_text_append(&file, head.data, head.length);
    rcr_writer *writer = NULL;
    rcr_status status = head.failed || file.failed ? rcr_fail_memory(err, "writing vectors") : RCR_OK;
    if (status == RCR_OK) status = rcr_writer_open(&writer, out->path, err);
    if (status == RCR_OK) {
        rcr_writer_write(writer, file.data, file.length);
        rcr_writer_write(writer, out->values.data, out->values.length);
        status = rcr_writer_commit(writer, err);
    }
    rcr_text_free(&head);
    rcr_text_free(&file);
    return status;
}

/* The rows' ids beside OUT.npy: OUT.ids.csv. */
static rcr_status write_ids(rcr_embed_output *out, rcr_error *err) {
    size_t length = strlen(out->path);
    if (rcr_ends_with(out->path, ".npy")) length -= strlen(".npy");
    rcr_text path = {0};
    rcr_text_append(&path, out->path, length);
    rcr_text_puts(&path, ".ids.csv");
    rcr_status status = path.failed ? rcr_fail_memory(err, "writing vectors")
                                    : rcr_file_write(path.data, out->line.data, out->line.length, err);
    rcr_text_free(&path);
    return status;
}

/* The ids as a JSON array; NULL when one is not UTF-8, or there is no memory.  free() it with rcr_free. */
static char *ids_json(const rcr_embed_output *out) {
    json_t *ids = json_array();
    int failed = ids == NULL;
    for (size_t i = 0; i < out->n && !failed; i++) failed = json_array_append_new(ids, json_string(out->id[i])) != 0;
    size_t n = failed ? 0 : json_dumpb(ids, NULL, 0, JSON_COMPACT);
    char *text = n > 0 ? rcr_malloc(n + 1, 1) : NULL;
    int dumped = text != NULL && json_dumpb(ids, text, n, JSON_COMPACT) == n;
    json_decref(ids);
    if (!dumped) {
        rcr_free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

static rcr_status write_safetensors(rcr_embed_output *out, rcr_error *err) {
    append_integer(&out->offset, out->n_rows);
    char *ids = ids_json(out), *bytes = NULL;
    size_t length = 0, n = 0;
    int is_steps = out->kind == RCR_EMBED_STEPS, has_atoms = out->kind != RCR_EMBED_CRYSTAL;
    const char *const key[] = {"format", "what", "ids", "target", "unit"};
    const char *const value[] = {"recryst-embedding", kind_names[out->kind], ids, out->model->targets[0].name,
                                 out->model->targets[0].unit};
    rcr_st_tensor tensor[3] = {{.name = "row_offset",
                                .dtype = "I64",
                                .rank = 1,
                                .shape = {(int64_t)out->n + 1},
                                .count = out->n + 1,
                                .data = out->offset.data}};
    tensor[1] = (rcr_st_tensor){
        .name = "vectors",
        .dtype = "F32",
        .rank = is_steps ? 3 : 2,
        .shape = {(int64_t)out->n_rows, (int64_t)(is_steps ? out->n_steps : out->n_features), (int64_t)out->n_features},
        .count = out->n_rows * out->n_steps * out->n_features,
        .data = out->values.data};
    tensor[2] = (rcr_st_tensor){.name = "atomic_number",
                                .dtype = "U8",
                                .rank = 1,
                                .shape = {(int64_t)out->n_rows},
                                .count = out->n_rows,
                                .data = out->numbers.data};
    n = has_atoms ? 3 : 2;
    rcr_status status = RCR_OK;
    for (size_t i = 0; ids == NULL && status == RCR_OK && i < out->n; i++)
        if (!rcr_is_utf8(out->id[i])) status = rcr_fail(err, RCR_ERR_ARGUMENT, "an id is not UTF-8; CSV takes any id");
    if (status == RCR_OK && (ids == NULL || out->offset.failed)) status = rcr_fail_memory(err, "writing vectors");
    if (status == RCR_OK) status = rcr_safetensors_write(&bytes, &length, tensor, n, key, value, 5, err);
    if (status == RCR_OK) status = rcr_file_write(out->path, bytes, length, err);
    rcr_free(bytes);
    rcr_free(ids);
    return status;
}

rcr_status rcr_embed_finish(rcr_embed_output *out, rcr_error *err) {
    rcr_status status;
    switch (out->format) {
    case RCR_EMBED_NPY: status = write_npy(out, err); return status == RCR_OK ? write_ids(out, err) : status;
    case RCR_EMBED_SAFETENSORS: return write_safetensors(out, err);
    default:
        rcr_output_write(&out->csv, &out->line);
        status = rcr_output_close(&out->csv, err);
        out->csv = (rcr_output){0};
        out->format = RCR_EMBED_AUTO; /* nothing is open any more */
        return status;
    }
}

void rcr_embed_release(rcr_embed_output *out) {
    if (out->format == RCR_EMBED_CSV) rcr_output_abort(&out->csv);
    for (size_t i = 0; i < out->n; i++) rcr_free(out->id[i]);
    rcr_free(out->id);
    rcr_text_free(&out->line);
    rcr_text_free(&out->values);
    rcr_text_free(&out->numbers);
    rcr_text_free(&out->offset);
}
