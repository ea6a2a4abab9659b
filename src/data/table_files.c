#include "data/table_files.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"
#include "io/unpack.h"

static const char layout_table[] = "id_prop.csv";

struct rcr_table_files {
    rcr_dataset_options options;
    source source;
    size_t next;
};

/* Name endings tell archives well enough here: what is none ends up in the reader, which looks at the content. */
static int may_be_archive(const char *path) {
    static const char *const endings[] = {".tar", ".tgz", ".tzst", ".txz", ".tbz2", ".zip"};
    size_t n = rcr_unpacked_name_length(path);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t m = strlen(endings[i]);
        if (rcr_ends_with(path, endings[i])) return 1;
        if (n >= m && rcr_equals_ignore_case(path + n - m, m, endings[i])) return 1;
    }
    return 0;
}

static int is_csv_name(const char *path) {
    size_t n = rcr_unpacked_name_length(path);
    return n >= 4 && rcr_equals_ignore_case(path + n - 4, 4, ".csv");
}

/* *elsewhere 1 when the reader finds no column of structures in the file.  Errors: RCR_ERR_IO, RCR_ERR_MEMORY. */
static rcr_status has_files_elsewhere(int *elsewhere, const char *path, rcr_error *err) {
    rcr_reader *reader;
    *elsewhere = 1;
    rcr_status status = rcr_reader_open(&reader, path, err);
    if (status != RCR_OK) return status == RCR_ERR_IO || status == RCR_ERR_MEMORY ? status : RCR_OK;
    *elsewhere = rcr_reader_is_single(reader);
    rcr_reader_close(reader);
    return RCR_OK;
}

rcr_status rcr_table_files_open(rcr_table_files **out, const char *path, rcr_error *err) {
    int is_folder = rcr_is_directory(path) || (rcr_is_file(path) && may_be_archive(path));
    int is_csv = !is_folder && rcr_is_file(path) && is_csv_name(path);
    rcr_status status = is_csv ? has_files_elsewhere(&is_csv, path, err) : RCR_OK;
    *out = NULL;
    if (status != RCR_OK) return status;
    if (!is_folder && !is_csv) return RCR_OK;
    rcr_table_files *table = rcr_calloc(1, sizeof *table);
    if (table == NULL) return rcr_fail_memory(err, "reading a table");
    table->source.path = path;
    table->source.options = &table->options;
    table->source.keep_cells = 1;
    if (is_folder) {
        status = rcr_folder_open(&table->source.folder, path, err);
        if (status == RCR_OK && !rcr_folder_has(table->source.folder, layout_table)) {
            rcr_table_files_close(table);
            return RCR_OK;
        }
        if (status == RCR_OK) status = rcr_source_read_table(&table->source, layout_table, err);
    } else {
        status = rcr_source_open(&table->source, err);
    }
    if (status == RCR_OK)
        *out = table;
    else
        rcr_table_files_close(table);
    return status;
}

void rcr_table_files_close(rcr_table_files *table) {
    if (table == NULL) return;
    rcr_source_release(&table->source);
    rcr_free(table);
}

/* Where a row's file lies, as the user would name it. */
static char *path_of(const source *s, const char *file) {
    rcr_text path = {0};
    size_t n = strlen(s->path);
    if (s->base == NULL)
        rcr_text_printf(&path, "%s%s%s", s->path, n > 0 && s->path[n - 1] == '/' ? "" : "/", file);
    else
        rcr_text_printf(&path, "%s%s", file[0] == '/' ? "" : s->base, file);
    if (path.failed) rcr_text_free(&path);
    return path.data;
}

static int copy_values(rcr_record *record, const source *s, const source_row *row) {
    record->property = rcr_calloc(row->n_cells, sizeof *record->property);
    if (record->property == NULL) return 0;
    for (size_t k = 0; k < row->n_cells; k++) {
        rcr_property *property = &record->property[record->n_properties++];
        property->key = rcr_strdup(s->column[row->cell[k].column]);
        property->value = rcr_strdup(row->cell[k].text);
        if (property->key == NULL || property->value == NULL) return 0;
    }
    return 1;
}

int rcr_table_files_next(rcr_table_files *table, rcr_record *record, char **text, size_t *length) {
    const source *s = &table->source;
    memset(record, 0, sizeof *record);
    *text = NULL;
    *length = 0;
    if (table->next == s->n) return 0;
    const source_row *row = &s->row[table->next++];
    record->number = table->next;
    record->own_id = 1;
    record->id = rcr_strdup(row->id);
    record->file = row->file != NULL ? path_of(s, row->file) : rcr_strdup(s->path);
    rcr_error *err = &record->error;
    if (record->id == NULL || record->file == NULL || !copy_values(record, s, row))
        rcr_fail_memory(err, "reading a table");
    else if (row->error != NULL)
        *err = *row->error;
    else if (s->base == NULL)
        err->status = rcr_folder_read(text, length, s->folder, row->file, err);
    else
        err->status = rcr_file_read(text, length, record->file, RCR_RECORD_MAX_BYTES, err);
    if (err->status != RCR_OK && row->error == NULL) {
        err->file[0] = '\0'; /* the name that the user knows */
        rcr_error_set_file(err, record->file != NULL ? record->file : s->path);
    }
    return 1;
}

void rcr_table_files_parse(rcr_record *record, const char *text, size_t length) {
    if (record->error.status != RCR_OK) return;
    record->error.status = rcr_reader_first(&record->crystal, record->file, text, length, &record->error);
}
