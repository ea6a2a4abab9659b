#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/running.h"
#include "base/status.h"
#include "cli/describe.h"
#include "cli/info.h"
#include "cli/read_data.h"
#include "cli/terminal.h"
#include "data/source.h"
#include "io/archive.h"
#include "io/reader.h"
#include "io/unpack.h"

#define MAX_FILE_BYTES ((size_t)1 << 31)
enum { MAX_COLUMNS = 256, MAX_REASONS = 5, LINE_WIDTH = 80 };

typedef struct column {
    char name[64];
    rcr_running numbers;
    size_t n_text;
    double min, max;
} column;

static void column_add(column *c, const char *text, size_t length) {
    double value;
    if (length == 0) return;
    if (!rcr_source_number(&value, text, length) || !isfinite(value)) {
        c->n_text++;
        return;
    }
    if (c->numbers.n == 0) c->min = c->max = value;
    rcr_running_add(&c->numbers, value);
    if (value < c->min) c->min = value;
    if (value > c->max) c->max = value;
}

static void put_columns(rcr_text *out, const column *columns, size_t n) {
    size_t width = 6;
    for (size_t i = 0; i < n; i++)
        if (strlen(columns[i].name) > width) width = strlen(columns[i].name);
    rcr_text_printf(out, "\n%-*s  %9s  %12s  %12s  %12s  %12s\n", (int)width, "column", "numbers", "mean", "std", "min",
                    "max");
    for (size_t i = 0; i < n; i++) {
        const column *c = &columns[i];
        char count[32], number[32];
        if (c->name[0] == '\0') continue; /* the counter that pandas writes */
        rcr_text_printf(out, "%-*s  ", (int)width, c->name);
        if (c->numbers.n == 0 || c->numbers.n < c->n_text) {
            rcr_text_puts(out, c->n_text > 0 ? "     text\n" : "    empty\n");
            continue;
        }
        double mean = rcr_running_mean(&c->numbers), std = rcr_running_std(&c->numbers);
        int d = rcr_decimals_for(std > 0 ? std : fabs(mean));
        rcr_text_printf(out, "%9s", rcr_format_count(count, (long long)c->numbers.n));
        const double value[] = {mean, std, c->min, c->max};
        for (int k = 0; k < 4; k++) rcr_text_printf(out, "  %12s", rcr_format_value(number, value[k], d));
        rcr_text_puts(out, "\n");
    }
}

/* ---- the columns of a table */

/* The text of the table: of the folder's id_prop.csv, or the file itself. */
static rcr_status read_table(char **text, size_t *length, const char *path, rcr_error *err) {
    if (rcr_ends_with(path, ".csv")) return rcr_file_read(text, length, path, MAX_FILE_BYTES, err);
    rcr_folder *folder;
    rcr_status status = rcr_folder_open(&folder, path, err);
    if (status != RCR_OK) return status;
    status = rcr_folder_read(text, length, folder, "id_prop.csv", err);
    rcr_folder_free(folder);
    return status;
}

static rcr_status table_columns(column *columns, size_t *n, const char *path, size_t n_data_rows, rcr_error *err) {
    char *text;
    size_t length;
    rcr_csv *csv;
    rcr_status status = read_table(&text, &length, path, err);
    if (status != RCR_OK) return status;
    status = rcr_source_parse_table(&csv, text, length, path, err);
    if (status != RCR_OK) return status;
    /* The dataset has told the header from the data; what it did not count as a row is the header. */
    size_t first = csv->n_rows > n_data_rows ? 1 : 0;
    *n = csv->n_rows == 0 ? 0 : csv->row[0].n_fields < MAX_COLUMNS ? csv->row[0].n_fields : MAX_COLUMNS;
    for (size_t k = 0; k < *n; k++) {
        if (first == 1)
            rcr_fit(columns[k].name, sizeof columns[k].name, "%.63s", csv->row[0].field[k]);
        else
            snprintf(columns[k].name, sizeof columns[k].name, k == 0 ? "id" : *n == 2 ? "target" : "column %zu", k + 1);
    }
    for (size_t i = first; i < csv->n_rows; i++)
        for (size_t k = 0; k < *n && k < csv->row[i].n_fields; k++)
            column_add(&columns[k], csv->row[i].field[k], strlen(csv->row[i].field[k]));
    rcr_csv_free(csv);
    return RCR_OK;
}

/* ---- what files of structures say of each */

static column *find_column(column *columns, size_t *n, const char *key) {
    char name[sizeof columns->name];
    rcr_fit(name, sizeof name, "%.63s", key); /* cut as the names of the columns are, between characters */
    for (size_t k = 0; k < *n; k++)
        if (strcmp(columns[k].name, name) == 0) return &columns[k];
    if (*n == MAX_COLUMNS) return NULL;
    column *added = &columns[(*n)++];
    memcpy(added->name, name, sizeof name);
    return added;
}

static rcr_status record_columns(column *columns, size_t *n, const char *path, rcr_error *err) {
    rcr_reader *reader;
    rcr_record record;
    rcr_status status = rcr_reader_open(&reader, path, err);
    if (status != RCR_OK) return status;
    for (*n = 0; status == RCR_OK && rcr_reader_read(reader, &record); rcr_record_release(&record)) {
        if (record.cut_off || record.error.status == RCR_ERR_MEMORY) {
            status = record.error.status;
            if (err != NULL) *err = record.error;
        }
        for (size_t i = 0; i < record.n_properties && record.crystal != NULL; i++) {
            column *c = find_column(columns, n, record.property[i].key);
            if (c != NULL) column_add(c, record.property[i].value, strlen(record.property[i].value));
        }
    }
    rcr_reader_close(reader);
    return status;
}

/* Whether the rows are those of a table of files. */
static int is_table(const char *path) {
    rcr_folder *folder;
    rcr_reader *reader;
    int table = 0;
    if (rcr_is_directory(path) || rcr_is_archive(path)) {
        if (rcr_folder_open(&folder, path, NULL) != RCR_OK) return 0;
        table = rcr_folder_has(folder, "id_prop.csv");
        rcr_folder_free(folder);
    } else if (rcr_is_table_name(path) && rcr_reader_open(&reader, path, NULL) == RCR_OK) {
        table = rcr_reader_is_single(reader);
        rcr_reader_close(reader);
    }
    return table;
}

/* ---- what the crystals are */

/* Elements by how many crystals hold them, the most common first. */
static rcr_status put_elements(rcr_text *out, const rcr_dataset *d, rcr_error *err) {
    size_t count[RCR_MAX_ATOMIC_NUMBER + 1] = {0};
    int n = 0;
    rcr_sample_list list = {d, NULL};
    rcr_graph_source graphs = rcr_sample_graphs(&list);
    for (size_t i = 0; i < d->n; i++) {
        uint8_t in[RCR_MAX_ATOMIC_NUMBER + 1] = {0};
        rcr_graph_view g;
        rcr_status status = graphs.view(&g, graphs.context, i, err);
        if (status != RCR_OK) return status;
        for (int32_t a = 0; a < g.n_atoms; a++) in[g.atomic_number[a]] = 1;
        for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) count[z] += in[z];
    }
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) n += count[z] > 0;
    rcr_text_printf(out, "elements   %d, with the number of crystals that hold them:\n          ", n);
    int at = 10;
    for (int shown = 0; shown < n; shown++) {
        int best = 0;
        for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++)
            if (count[z] > 0 && (best == 0 || count[z] > count[best])) best = z;
        char word[32];
        int length =
            snprintf(word, sizeof word, " %s %zu%s", rcr_element_symbol(best), count[best], shown + 1 < n ? "," : "");
        if (at + length > LINE_WIDTH) {
            rcr_text_puts(out, "\n          ");
            at = 10;
        }
        rcr_text_puts(out, word);
        at += length;
        count[best] = 0;
    }
    rcr_text_puts(out, "\n");
    return RCR_OK;
}

static void put_sizes(rcr_text *out, const rcr_dataset *d) {
    int32_t min = d->sample[0].n_atoms, max = min;
    double atoms = 0, edges = 0;
    for (size_t i = 0; i < d->n; i++) {
        const rcr_sample *g = &d->sample[i];
        atoms += g->n_atoms;
        edges += g->n_edges;
        if (g->n_atoms < min) min = g->n_atoms;
        if (g->n_atoms > max) max = g->n_atoms;
    }
    rcr_text_printf(out, "atoms      %d to %d in a crystal, %.1f on average; %.1f edges an atom\n", min, max,
                    atoms / (double)d->n, edges / atoms);
}

static void put_bad_rows(rcr_text *out, const rcr_dataset *d) {
    for (size_t i = 0; i < d->n_bad && i < MAX_REASONS; i++) {
        char reason[sizeof(rcr_error) + 32];
        rcr_error_format(reason, sizeof reason, &d->bad[i].error);
        rcr_text_printf(out, "  bad      %s: %s\n", d->bad[i].id, reason);
    }
    if (d->n_bad > MAX_REASONS) rcr_text_printf(out, "           and %zu more\n", d->n_bad - MAX_REASONS);
}

rcr_status rcr_info_data(rcr_text *out, const char *path, const rcr_graph_options *graph, const char *target, int quiet,
                         rcr_error *err) {
    rcr_pool *pool = NULL;
    rcr_dataset *d = NULL;
    rcr_dataset_options options = {.target = target, .need_target = target != NULL, .graph = *graph};
    column *columns = rcr_calloc(MAX_COLUMNS, sizeof *columns);
    size_t n_columns = 0;
    rcr_status status = columns == NULL ? rcr_fail_memory(err, "describing a dataset") : RCR_OK;
    if (status == RCR_OK) status = rcr_pool_create(&pool, 0, err);
    options.pool = pool;
    if (status == RCR_OK) status = rcr_read_data(&d, path, &options, quiet, 0, err);
    if (status == RCR_OK)
        status = is_table(path) ? table_columns(columns, &n_columns, path, d->n_rows, err)
                                : record_columns(columns, &n_columns, path, err);
    if (status == RCR_OK) {
        char rows[32], usable[32], bad[32];
        rcr_text_printf(out, "data       %s: %s rows, %s usable, %s bad\n", path,
                        rcr_format_count(rows, (long long)d->n_rows), rcr_format_count(usable, (long long)d->n),
                        rcr_format_count(bad, (long long)d->n_bad));
        if (d->note[0] != '\0') rcr_text_printf(out, "note       %s\n", d->note);
        put_bad_rows(out, d);
        status = put_elements(out, d, err);
        put_sizes(out, d);
        if (d->elements != NULL)
            rcr_text_printf(out, "vectors    its own, %d features (%s)\n", d->elements->n_features, d->elements->name);
        rcr_text_printf(out, "sha256     %s\n", d->sha256);
        if (n_columns > 0)
            put_columns(out, columns, n_columns);
        else
            rcr_text_printf(out,
                            "targets    none: structure files without targets (no id_prop.csv)\n"
                            "           recryst predict MODEL %s predicts them\n",
                            path);
    }
    rcr_free(columns);
    rcr_dataset_free(d);
    rcr_pool_free(pool);
    return status;
}
