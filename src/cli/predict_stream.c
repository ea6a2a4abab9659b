#include "cli/predict_stream.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "io/csv.h"
#include "model/ensemble.h"
#include "model/forecast.h"
#include "model/stream.h"

/* What columns of a target's block are called; place 0 is the prediction itself. */
static const char *name_of_place(const rcr_columns *c, size_t place) {
    if (place == 0) return "prediction";
    if (place == c->std) return "std";
    if (place == c->spread) return "spread";
    return place == c->lower ? "lower" : "upper";
}

/* Columns of a target's block that are shown. */
static size_t shown(const rcr_predict_style *style, const rcr_columns *c) { return style->plain ? 1 : c->block; }

static int shows_domain(const rcr_predict_style *style, const rcr_model *model) {
    return model->domain != NULL && !style->plain;
}

/* name <- of column `place` of target t. */
static void set_name(rcr_text *name, const rcr_model *model, const rcr_columns *c, size_t t, size_t place) {
    name->length = 0;
    rcr_text_puts(name, name_of_place(c, place));
    if (c->n_targets == 1) return;
    rcr_text_puts(name, "_");
    rcr_target_label(name, model, (int32_t)t);
}

void rcr_predict_header(rcr_text *out, const rcr_predict_style *style, const rcr_model *model) {
    rcr_columns c = rcr_model_columns(model);
    rcr_text name = {0};
    rcr_text_puts(out, "id");
    for (size_t t = 0; t < c.n_targets; t++)
        for (size_t k = 0; k < shown(style, &c); k++) {
            set_name(&name, model, &c, t, k);
            out->failed |= name.failed;
            if (!name.failed) rcr_csv_write_field(out, name.data, 0);
        }
    if (shows_domain(style, model)) rcr_text_puts(out, ",domain");
    rcr_text_puts(out, ",error\n");
    rcr_text_free(&name);
}

static void put_csv_row(rcr_text *out, const rcr_predict_style *style, const rcr_model *model, const char *id,
                        const double *row, const char *domain, const char *reason) {
    rcr_columns c = rcr_model_columns(model);
    char number[32];
    rcr_csv_write_field(out, id, 1);
    for (size_t t = 0; t < c.n_targets; t++)
        for (size_t k = 0; k < shown(style, &c); k++)
            rcr_csv_write_field(out, row != NULL ? rcr_format_double(number, row[t * c.block + k]) : "", 0);
    if (shows_domain(style, model)) rcr_csv_write_field(out, row != NULL ? domain : "", 0);
    rcr_csv_write_field(out, reason, 0);
    rcr_text_puts(out, "\n");
}

static void put_json_value(rcr_text *out, const char *name, const double *value) {
    char number[32];
    rcr_text_puts(out, ", ");
    rcr_json_string(out, name);
    rcr_text_printf(out, ": %s", value != NULL && isfinite(*value) ? rcr_format_double(number, *value) : "null");
}

static void put_json_row(rcr_text *out, const rcr_predict_style *style, const rcr_model *model, const char *id,
                         const char *file, const double *row, const char *domain, const char *reason) {
    rcr_columns c = rcr_model_columns(model);
    rcr_text name = {0};
    rcr_text_puts(out, "{\"id\": ");
    rcr_json_string(out, id);
    rcr_text_puts(out, ", \"file\": ");
    rcr_json_string(out, file);
    for (size_t t = 0; t < c.n_targets; t++)
        for (size_t k = 0; k < shown(style, &c); k++) {
            set_name(&name, model, &c, t, k);
            out->failed |= name.failed;
            put_json_value(out, name.failed ? "" : name.data, row != NULL ? &row[t * c.block + k] : NULL);
        }
    rcr_text_free(&name);
    if (shows_domain(style, model)) {
        rcr_text_puts(out, ", \"domain\": ");
        if (row != NULL)
            rcr_json_string(out, domain);
        else
            rcr_text_puts(out, "null");
        if (c.distance > 0) put_json_value(out, "distance", row != NULL ? &row[c.distance] : NULL);
    }
    rcr_text_puts(out, ", \"error\": ");
    if (row != NULL)
        rcr_text_puts(out, "null");
    else
        rcr_json_string(out, reason);
    rcr_text_puts(out, "}\n");
}

void rcr_predict_row(rcr_text *out, const rcr_predict_style *style, const rcr_model *model, const char *id,
                     const char *file, const double *row, const char *domain, const rcr_error *err) {
    char reason[sizeof(rcr_error) + 32] = "";
    if (err->status != RCR_OK) {
        row = NULL;
        rcr_error_format(reason, sizeof reason, err);
    }
    if (id == NULL || file == NULL) { /* there was no memory for it */
        out->failed = 1;
        return;
    }
    if (style->json)
        put_json_row(out, style, model, id, file, row, domain, reason);
    else
        put_csv_row(out, style, model, id, row, domain, reason);
}

rcr_status rcr_predict_choose(rcr_model **model, int no_intervals, double level, int32_t steps, rcr_error *err) {
    int had_intervals = (*model)->conformal != NULL;
    if (steps > 0) {
        rcr_model *shorter = NULL;
        rcr_status status = rcr_model_with_steps(&shorter, *model, steps, err);
        if (status != RCR_OK) return status;
        if (had_intervals && shorter->conformal == NULL && level == 0)
            rcr_cli_note("the intervals of the model are those of all its %d steps: none are given for %d",
                         (int)(*model)->options.depth, (int)steps);
        rcr_model_free(*model);
        *model = shorter;
    }
    if (level > 0 && (*model)->options.task == RCR_CLASSIFICATION)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "--level is of intervals, and the model predicts the probability of a class, which has none");
    if (level > 0 && (*model)->conformal == NULL && had_intervals)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the intervals of the model are those of all its steps: --level does not go with --steps %d",
                        (int)steps);
    if (level > 0 && (*model)->conformal == NULL)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "the model has no intervals; recryst ensemble MODEL OUT --calibrate DATA makes them");
    if (level > 0) (*model)->level = level;
    if (no_intervals) (*model)->level = 0;
    return RCR_OK;
}

void rcr_predict_summary(rcr_terminal *terminal, const rcr_model *m, size_t n_done, size_t n_failed, double seconds,
                         const rcr_error *first_error) {
    char count[32], time[32], failed[32], reason[sizeof(rcr_error) + 32];
    int classes = m->options.task == RCR_CLASSIFICATION;
    rcr_text what = {0};
    for (int32_t k = 0; k < m->options.n_targets; k++) {
        const rcr_target *target = &m->targets[k];
        rcr_text_printf(&what, "%s%s", k > 0 ? ", " : "", target->name[0] != '\0' ? target->name : "the target");
        if (!classes && target->unit[0] != '\0') rcr_text_printf(&what, " (%s)", target->unit);
    }
    rcr_terminal_line(terminal, "predicted %s%s for %s structure%s in %s",
                      classes ? "the probability of class 1 of " : "", what.failed ? "" : what.data,
                      rcr_format_count(count, (long long)(n_done - n_failed)), n_done - n_failed == 1 ? "" : "s",
                      rcr_format_duration(time, seconds));
    rcr_text_free(&what);
    if (n_failed == 0 || terminal->quiet) return;
    rcr_error_format(reason, sizeof reason, first_error);
    rcr_cli_note("%s input%s could not be used (see the error column); the first: %s",
                 rcr_format_count(failed, (long long)n_failed), n_failed == 1 ? "" : "s", reason);
}

/* ---- going on */

/* Reads an output and remembers where its last whole row ends. */
typedef struct row_counter {
    int json, quoted;
    uint64_t n_lines, at, keep;
    const char *want; /* how the file must begin */
    int other;        /* 1: it begins otherwise */
    char begin[3];    /* its first bytes */
} row_counter;

/* A line ends where no quoted field is open; in JSON a line's end within a string is written as an escape. */
static void count_bytes(row_counter *c, const char *data, size_t length) {
    for (size_t i = 0; i < length; i++, c->at++) {
        if (c->at < sizeof c->begin) c->begin[c->at] = data[i];
        if (c->want[0] != '\0') c->other |= data[i] != *c->want++;
        if (data[i] == '"' && !c->json) c->quoted = !c->quoted;
        if (data[i] != '\n' || c->quoted) continue;
        c->n_lines++;
        c->keep = c->at + 1;
    }
}

rcr_status rcr_predict_rows(uint64_t *n_rows, uint64_t *keep, const char *path, const rcr_predict_style *style,
                            const rcr_model *model, rcr_error *err) {
    rcr_text header = {0};
    int json = style->json;
    rcr_predict_header(&header, style, model);
    if (header.failed) return rcr_fail_memory(err, "reading an output");
    row_counter c = {.json = json, .want = json ? "{\"id\": " : header.data};
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL && errno != ENOENT) {
        rcr_status status = rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't open: %s", strerror(errno));
        rcr_text_free(&header);
        return status;
    }
    if (file != NULL) {
        char data[1 << 14];
        for (size_t n; (n = fread(data, 1, sizeof data, file)) > 0;) count_bytes(&c, data, n);
        int failed = ferror(file);
        fclose(file);
        if (failed) {
            rcr_text_free(&header);
            return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't be read");
        }
    }
    rcr_text_free(&header);
    if (c.other && !json && memcmp(c.begin, "id,", sizeof c.begin) == 0)
        return rcr_fail_at(
            err, RCR_ERR_MISMATCH, path, 1,
            "its columns are others than this model and these options give, so it can't be gone on with; "
            "--out with another name");
    if (c.other)
        return rcr_fail_at(err, RCR_ERR_MISMATCH, path, 1,
                           "this is no %s output of predict, so it can't be gone on with; --out with another name, or "
                           "another --format",
                           json ? "JSON lines" : "CSV");
    *n_rows = c.n_lines > 0 && !json ? c.n_lines - 1 : c.n_lines;
    *keep = c.keep;
    return RCR_OK;
}

/* ---- the command */

typedef struct screen {
    const rcr_stream_command *command;
    rcr_model *model;
    rcr_net *net;
    rcr_pool *pool;
    rcr_output out;
    rcr_text line;
    rcr_terminal terminal;
    uint64_t n_there; /* rows of the runs before */
    uint64_t keep;
    size_t n_done, n_failed;
    rcr_error first_error;
    double since;
} screen;

static int emit(void *context, const rcr_stream_row *row, size_t n) {
    screen *s = context;
    rcr_terminal_clear(&s->terminal);
    for (size_t i = 0; i < n; i++) {
        rcr_predict_row(&s->line, &s->command->style, s->model, row[i].id, row[i].file, row[i].value, row[i].domain,
                        &row[i].error);
        if (row[i].error.status == RCR_OK) continue;
        if (s->n_failed++ == 0) s->first_error = row[i].error;
    }
    s->n_done += n;
    rcr_output_write(&s->out, &s->line);
    rcr_output_flush(&s->out);
    if (rcr_terminal_due(&s->terminal)) {
        char count[32], rate[32];
        rcr_terminal_progress(&s->terminal, "%s predicted, %s/s", rcr_format_count(count, (long long)s->n_done),
                              rcr_format_count(rate, (long long)((double)s->n_done / (rcr_now() - s->since))));
    }
    return !rcr_output_failed(&s->out) && !(s->command->strict && s->n_failed > 0);
}

/* Standard output, or a file that must be new unless it is to be gone on with. */
static rcr_status open_output(screen *s, rcr_error *err) {
    const rcr_stream_command *c = s->command;
    if (c->out_path == NULL || strcmp(c->out_path, "-") == 0) return rcr_output_open(&s->out, NULL, err);
    /* A device or pipe, or a descriptor that may lead to a file: that one is the shell's, and begun by it. */
    if (rcr_path_descriptor(c->out_path) >= 0 ||
        (access(c->out_path, F_OK) == 0 && !rcr_is_file(c->out_path) && !rcr_is_directory(c->out_path))) {
        if (c->resume)
            return rcr_fail_at(err, RCR_ERR_IO, c->out_path, 0,
                               "--resume: a device or pipe is no file that rows can be added to");
        return rcr_output_open(&s->out, c->out_path, err);
    }
    if (!c->resume && rcr_is_file(c->out_path))
        return rcr_fail_at(err, RCR_ERR_IO, c->out_path, 0,
                           "the file exists; --resume goes on where it ends, or remove it to start again");
    rcr_status status = RCR_OK;
    if (c->resume) status = rcr_predict_rows(&s->n_there, &s->keep, c->out_path, &c->style, s->model, err);
    return status == RCR_OK ? rcr_output_open_at(&s->out, c->out_path, s->keep, err) : status;
}

static rcr_status start(screen *s, rcr_error *err) {
    const rcr_stream_command *c = s->command;
    const rcr_kernels *kernels;
    rcr_status status = rcr_kernels_choose(&kernels, c->kernels_name, err);
    if (status == RCR_OK) status = rcr_open_model(&s->model, c->model, err);
    if (status == RCR_OK) status = rcr_predict_choose(&s->model, c->no_intervals, c->level, c->steps, err);
    if (status == RCR_OK) status = rcr_choose_disorder(s->model, c->disorder, err);
    if (status == RCR_OK) status = rcr_pool_create(&s->pool, c->threads, err);
    if (status == RCR_OK) status = rcr_net_create(&s->net, s->model, kernels, err);
    if (status == RCR_OK) status = open_output(s, err);
    if (status == RCR_OK && s->n_there > 0) {
        char count[32];
        rcr_terminal_line(&s->terminal, "%s has %s row%s: going on after as many structures", c->out_path,
                          rcr_format_count(count, (long long)s->n_there), s->n_there == 1 ? "" : "s");
    }
    return status;
}

static int finish(screen *s, const rcr_stream_result *result, rcr_status status, const rcr_error *err,
                  int interrupted) {
    const rcr_stream_command *c = s->command;
    rcr_error output_err;
    rcr_terminal_clear(&s->terminal);
    rcr_status closed = rcr_output_close(&s->out, &output_err);
    if (status != RCR_OK) return rcr_cli_error(err), RCR_EXIT_FAILED;
    if (closed != RCR_OK) return rcr_cli_error(&output_err);
    if (c->strict && s->n_failed > 0) return rcr_cli_error(&s->first_error), RCR_EXIT_FAILED;
    if (result->n_skipped < s->n_there && !interrupted) {
        rcr_fail_at(&output_err, RCR_ERR_MISMATCH, c->out_path, 0,
                    "it has %llu rows, but the stream only %llu structures: it is not the output of this stream",
                    (unsigned long long)s->n_there, (unsigned long long)result->n_skipped);
        return rcr_cli_error(&output_err);
    }
    if (interrupted) {
        rcr_cli_hint("interrupted after %zu structures%s", s->n_done,
                     c->out_path != NULL ? "; --resume goes on after them" : "");
        return RCR_EXIT_INTERRUPTED;
    }
    rcr_predict_summary(&s->terminal, s->model, s->n_done, s->n_failed, rcr_now() - s->since, &s->first_error);
    if (result->malformed) {
        rcr_cli_hint("error: the stream can't be followed beyond structure %llu; its row says why",
                     (unsigned long long)(result->n_skipped + result->n_rows));
        return RCR_EXIT_FAILED;
    }
    if (s->n_failed < s->n_done || s->n_there > 0) return RCR_EXIT_OK;
    rcr_cli_hint("error: nothing could be predicted");
    return RCR_EXIT_FAILED;
}

int rcr_predict_stream(const rcr_stream_command *command) {
    screen s = {.command = command};
    rcr_error err;
    rcr_terminal_init(&s.terminal, command->quiet);
    s.since = rcr_now();
    atomic_int *stop = rcr_signals_catch(NULL);
    rcr_status status = start(&s, &err);
    int code;
    if (status != RCR_OK) {
        code = rcr_cli_error(&err);
    } else {
        rcr_stream_options options = {.fd = STDIN_FILENO,
                                      .name = "stdin",
                                      .format = command->format,
                                      .skip = s.n_there,
                                      .stop = stop,
                                      .emit = emit,
                                      .context = &s};
        rcr_stream_result result;
        if (!command->style.json && s.keep == 0) rcr_predict_header(&s.line, &command->style, s.model);
        rcr_output_write(&s.out, &s.line);
        status = rcr_stream_predict(&result, s.net, s.model, s.pool, &options, &err);
        code = finish(&s, &result, status, &err, atomic_load(stop) != 0);
    }
    rcr_output_abort(&s.out);
    rcr_pool_free(s.pool);
    rcr_net_free(s.net);
    rcr_model_free(s.model);
    rcr_text_free(&s.line);
    return code;
}
