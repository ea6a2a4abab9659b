#include "cli/predict_stream.h"

#include <errno.h>
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
#include "model/stream.h"

void rcr_predict_row(rcr_text *out, int json, const char *id, const char *file, double value, const rcr_error *err) {
    char reason[sizeof(rcr_error) + 32] = "", number[32] = "";
    int usable = err->status == RCR_OK;
    if (usable)
        rcr_format_double(number, value);
    else
        rcr_error_format(reason, sizeof reason, err);
    if (!json) {
        rcr_csv_write_field(out, id, 1);
        rcr_csv_write_field(out, number, 0);
        rcr_csv_write_field(out, reason, 0);
        rcr_text_puts(out, "\n");
        return;
    }
    rcr_text_puts(out, "{\"id\": ");
    rcr_json_string(out, id);
    rcr_text_puts(out, ", \"file\": ");
    rcr_json_string(out, file);
    rcr_text_printf(out, ", \"prediction\": %s, \"error\": ", usable ? number : "null");
    if (usable)
        rcr_text_puts(out, "null");
    else
        rcr_json_string(out, reason);
    rcr_text_puts(out, "}\n");
}

void rcr_predict_summary(rcr_terminal *terminal, const rcr_model *m, size_t n_done, size_t n_failed, double seconds,
                         const rcr_error *first_error) {
    char count[32], time[32], failed[32], reason[sizeof(rcr_error) + 32];
    int classes = m->options.task == RCR_CLASSIFICATION;
    rcr_terminal_line(terminal, "predicted %s%s%s%s%s for %s structure%s in %s",
                      classes ? "the probability of class 1 of " : "", m->target[0] != '\0' ? m->target : "the target",
                      !classes && m->unit[0] != '\0' ? " (" : "", classes ? "" : m->unit,
                      !classes && m->unit[0] != '\0' ? ")" : "",
                      rcr_format_count(count, (long long)(n_done - n_failed)), n_done - n_failed == 1 ? "" : "s",
                      rcr_format_duration(time, seconds));
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
    char start[sizeof RCR_PREDICT_HEADER]; /* of the file */
} row_counter;

/* A line ends where no quoted field is open; in JSON a line's end within a string is written as an escape. */
static void count_bytes(row_counter *c, const char *data, size_t length) {
    for (size_t i = 0; i < length; i++, c->at++) {
        if (c->at < sizeof c->start - 1) c->start[c->at] = data[i];
        if (data[i] == '"' && !c->json) c->quoted = !c->quoted;
        if (data[i] != '\n' || c->quoted) continue;
        c->n_lines++;
        c->keep = c->at + 1;
    }
}

rcr_status rcr_predict_rows(uint64_t *n_rows, uint64_t *keep, const char *path, int json, rcr_error *err) {
    row_counter c = {.json = json};
    errno = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL && errno != ENOENT)
        return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't open: %s", strerror(errno));
    if (file != NULL) {
        char data[1 << 14];
        for (size_t n; (n = fread(data, 1, sizeof data, file)) > 0;) count_bytes(&c, data, n);
        int failed = ferror(file);
        fclose(file);
        if (failed) return rcr_fail_at(err, RCR_ERR_IO, path, 0, "can't be read");
    }
    const char *want = json ? "{\"id\": " : RCR_PREDICT_HEADER;
    size_t length = strlen(want);
    if (memcmp(c.start, want, c.at < length ? (size_t)c.at : length) != 0)
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
        rcr_predict_row(&s->line, s->command->json, row[i].id, row[i].file, row[i].value, &row[i].error);
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
    if (access(c->out_path, F_OK) == 0 && !rcr_is_file(c->out_path) && !rcr_is_directory(c->out_path))
        return rcr_output_open(&s->out, c->out_path, err); /* a device or pipe */
    if (!c->resume && rcr_is_file(c->out_path))
        return rcr_fail_at(err, RCR_ERR_IO, c->out_path, 0,
                           "the file exists; --resume goes on where it ends, or remove it to start again");
    rcr_status status = RCR_OK;
    if (c->resume) status = rcr_predict_rows(&s->n_there, &s->keep, c->out_path, c->json, err);
    return status == RCR_OK ? rcr_output_open_at(&s->out, c->out_path, s->keep, err) : status;
}

static rcr_status start(screen *s, rcr_error *err) {
    const rcr_stream_command *c = s->command;
    const rcr_kernels *kernels;
    rcr_status status = rcr_kernels_choose(&kernels, c->kernels_name, err);
    if (status == RCR_OK) status = rcr_open_model(&s->model, c->model, err);
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
        if (!command->json && s.keep == 0) rcr_text_puts(&s.line, RCR_PREDICT_HEADER);
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
