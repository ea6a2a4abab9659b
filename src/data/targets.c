/* Several targets of a row at once, and its weight beside them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"

double rcr_dataset_target(const rcr_dataset *dataset, size_t sample, size_t k) {
    if (sample >= dataset->n || k >= dataset->n_targets) return NAN;
    return dataset->targets != NULL ? dataset->targets[sample * dataset->n_targets + k]
                                    : dataset->sample[sample].target;
}

const char *rcr_dataset_target_name(const rcr_dataset *dataset, size_t k) {
    if (k >= dataset->n_targets) return NULL;
    return dataset->target_name != NULL ? dataset->target_name[k] : dataset->target;
}

int rcr_source_has_column(const source *s, const char *name) {
    return rcr_name_index_find(&s->columns, s->column, name, strlen(name)) != SIZE_MAX;
}

/* "a, b" -> s->target_name. */
static rcr_status split_names(source *s, const char *list, rcr_error *err) {
    size_t n = 1;
    for (const char *at = list; *at != '\0'; at++) n += *at == ',';
    if (n > 1024) return rcr_fail(err, RCR_ERR_LIMIT, "%zu targets; at most 1024", n);
    rcr_free(s->target);
    s->target_name = rcr_calloc(n, sizeof *s->target_name);
    s->target = rcr_strdup(list);
    if (s->target_name == NULL || s->target == NULL) return rcr_fail_memory(err, "reading a dataset");
    s->n_targets = n;
    for (size_t k = 0; k < n; k++) {
        size_t length = strcspn(list, ",");
        const char *from = list;
        list += length + 1;
        while (length > 0 && rcr_is_space((unsigned char)from[0])) from++, length--;
        while (length > 0 && rcr_is_space((unsigned char)from[length - 1])) length--;
        s->target_name[k] = rcr_strndup(from, length);
        if (s->target_name[k] == NULL) return rcr_fail_memory(err, "reading a dataset");
        if (length == 0)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the list of targets \"%.200s\" has an empty name in it", s->target);
        for (size_t i = 0; i < k; i++)
            if (strcmp(s->target_name[i], s->target_name[k]) == 0)
                return rcr_fail(err, RCR_ERR_ARGUMENT, "the target \"%.100s\" is named twice", s->target_name[k]);
    }
    return RCR_OK;
}

static rcr_status find_column(size_t *column, const source *s, const char *name, const char *as, int needed,
                              rcr_error *err) {
    size_t n = 0;
    *column = SIZE_MAX;
    for (size_t k = 0; k < s->n_columns; k++)
        if (strcmp(s->column[k], name) == 0 && n++ == 0) *column = k;
    if (n == 1 || (n == 0 && !needed)) return RCR_OK;
    char *names = rcr_source_join((const char *const *)s->column, s->n_columns);
    rcr_status status =
        rcr_fail_at(err, RCR_ERR_ARGUMENT, s->table != NULL ? s->table : s->path, 0,
                    "there %s \"%.100s\" to take as %s; there are: %.250s",
                    n == 0 ? "is no column or key" : "are several columns", name, as, names != NULL ? names : "");
    rcr_free(names);
    return status;
}

/* The value of a column; 0: it has one that is no finite number, and the row is bad now. */
static int take_value(double *out, source *s, source_row *row, size_t column, const char *name) {
    *out = NAN;
    for (size_t i = 0; i < row->n_cells && column != SIZE_MAX; i++) {
        const char *text = row->cell[i].text;
        double value = NAN;
        if (row->cell[i].column != column) continue;
        int parsed = rcr_source_number(&value, text, strlen(text));
        if (parsed && isfinite(value)) {
            *out = value;
            return 1;
        }
        if (!s->options->need_target) return 1;
        rcr_source_bad(s, row, RCR_ERR_DATA, rcr_source_table_of(s, row), row->line,
                       "the value \"%.40s\" for target \"%.100s\" is not a %s", text, name,
                       parsed ? "finite number" : "number");
        return 0;
    }
    return 1;
}

static void take_weight(source *s, source_row *row, size_t column) {
    const char *text = "";
    for (size_t i = 0; i < row->n_cells; i++)
        if (row->cell[i].column == column) text = row->cell[i].text;
    rcr_source_weight(s, row, text, strlen(text), rcr_source_table_of(s, row), row->line);
}

/* column [n_targets + 1]: the last is that of the weights. */
static void take_row(source *s, source_row *row, const size_t *column) {
    row->targets = rcr_malloc(s->n_targets, sizeof *row->targets);
    if (row->targets == NULL) {
        s->out_of_memory = 1;
        return;
    }
    int was_bad = row->error != NULL;
    size_t n = 0;
    for (size_t k = 0; k < s->n_targets; k++) {
        take_value(&row->targets[k], s, row, column[k], s->target_name[k]);
        n += !isnan(row->targets[k]);
    }
    row->target = row->targets[0];
    if (n == 0 && s->options->need_target)
        rcr_source_bad(s, row, RCR_ERR_DATA, rcr_source_table_of(s, row), row->line,
                       "no value for any of the targets \"%.200s\"", s->target);
    if (s->options->weights != NULL) take_weight(s, row, column[s->n_targets]);
    if (s->store == NULL) return;
    if (row->error == NULL) {
        row->error = row->later;
        row->later = NULL;
        return;
    }
    /* As its file would have it, which is not even opened. */
    row->record = NULL;
    if (!was_bad && !s->frames) row->sha256[0] = '\0';
}

rcr_status rcr_source_take_targets(source *s, const char *list, rcr_error *err) {
    rcr_status status = split_names(s, list, err);
    size_t *column = status == RCR_OK ? rcr_calloc(s->n_targets + 1, sizeof *column) : NULL;
    if (status == RCR_OK && column == NULL) status = rcr_fail_memory(err, "reading a dataset");
    for (size_t k = 0; k < s->n_targets && s->options->weights != NULL && status == RCR_OK; k++)
        status = rcr_source_check_weights(s->target_name[k], s->options->weights, err);
    for (size_t k = 0; k < s->n_targets && status == RCR_OK; k++)
        status = find_column(&column[k], s, s->target_name[k], "a target", s->options->need_target, err);
    if (status == RCR_OK && s->options->weights != NULL)
        status = find_column(&column[s->n_targets], s, s->options->weights, "the weights", 1, err);
    for (size_t i = 0; i < s->n && status == RCR_OK; i++) {
        source_row *row = &s->row[i];
        take_row(s, row, column);
        for (size_t k = 0; k < row->n_cells; k++) rcr_free(row->cell[k].text);
        rcr_free(row->cell);
        row->cell = NULL;
        row->n_cells = 0;
    }
    rcr_free(column);
    return status == RCR_OK && s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : status;
}
