#include "cli/predict_all.h"

#include <math.h>
#include <string.h>

#include "api/inputs.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "io/csv.h"
#include "model/forecast.h"

/* Inputs at work at once. */
enum { CHUNK_INPUTS = 256 };

typedef struct shelf_model {
    const char *name;
    rcr_model *model;
    rcr_net *net;
    rcr_columns columns;
} shelf_model;

typedef struct all {
    const rcr_all_command *command;
    rcr_shelf shelf;
    shelf_model *model; /* [n_models] */
    size_t n_models;
    rcr_pool *pool;
    rcr_output out;
    rcr_text line;
    rcr_terminal terminal;
    rcr_text *row; /* [CHUNK_INPUTS] what the models say of each input */
    int *usable;   /* [CHUNK_INPUTS] by one model at least */
    char **id;     /* [CHUNK_INPUTS] of the inputs as the first model has them */
    size_t n_ids;
    size_t n_done, n_failed;
    rcr_error first_error, failure; /* failure: of an input that could not be read to its end */
} all;

/* ---- rows */

/* A number with digits that mean something beside a length `scale`. */
static void put_rounded(rcr_text *out, double value, double scale) {
    char number[32];
    rcr_text_puts(out, rcr_format_value(number, value, rcr_decimals_for(scale)));
}

static void put_table_row(rcr_text *out, const shelf_model *m, size_t t, const double *block, const char *domain) {
    const rcr_columns *c = &m->columns;
    int classes = m->model->options.task == RCR_CLASSIFICATION;
    rcr_text name = {0}, value = {0}, interval = {0};
    double scale = classes ? 1 : fabs(block[0]);
    if (c->upper > 0 && isfinite(block[c->upper])) scale = block[c->upper] - block[c->lower];
    rcr_target_label(&name, m->model, (int32_t)t);
    put_rounded(&value, block[0], scale);
    if (!classes) rcr_text_printf(&value, " %s", m->model->targets[t].unit);
    if (c->lower > 0) {
        put_rounded(&interval, block[c->lower], scale);
        rcr_text_puts(&interval, " .. ");
        put_rounded(&interval, block[c->upper], scale);
    }
    out->failed |= name.failed || value.failed || interval.failed;
    if (!out->failed)
        rcr_text_printf(out, "  %-26s %-22s %-22s %s\n", name.data, value.data,
                        interval.length > 0 ? interval.data : "", domain);
    rcr_text_free(&name);
    rcr_text_free(&value);
    rcr_text_free(&interval);
}

static void put_field(rcr_text *out, const double *block, size_t place) {
    char number[32];
    rcr_csv_write_field(out, place > 0 ? rcr_format_double(number, block[place]) : "", 0);
}

/* block NULL: not predicted, for `reason`. */
static void put_csv_row(rcr_text *out, const shelf_model *m, size_t t, const rcr_input *input, const double *block,
                        const char *domain, const char *reason) {
    char number[32];
    const rcr_columns *c = &m->columns;
    rcr_csv_write_field(out, input->id, 1);
    rcr_csv_write_field(out, m->name, 0);
    rcr_csv_write_field(out, m->model->targets[t].name, 0);
    rcr_csv_write_field(out, m->model->targets[t].unit, 0);
    rcr_csv_write_field(out, block != NULL ? rcr_format_double(number, block[0]) : "", 0);
    put_field(out, block, block != NULL ? c->std : 0);
    put_field(out, block, block != NULL ? c->spread : 0);
    put_field(out, block, block != NULL ? c->lower : 0);
    put_field(out, block, block != NULL ? c->upper : 0);
    rcr_csv_write_field(out, domain, 0);
    rcr_csv_write_field(out, reason, 0);
    rcr_text_puts(out, "\n");
}

static void put_member(rcr_text *out, const char *name, const char *text) {
    rcr_text_printf(out, ", \"%s\": ", name);
    rcr_json_string(out, text);
}

static void put_value(rcr_text *out, const char *name, const double *block, size_t place, int there) {
    char number[32];
    rcr_text_printf(out, ", \"%s\": %s", name,
                    there && isfinite(block[place]) ? rcr_format_double(number, block[place]) : "null");
}

static void put_json_row(rcr_text *out, const shelf_model *m, size_t t, const rcr_input *input, const double *block,
                         const char *domain, const char *reason) {
    const rcr_columns *c = &m->columns;
    rcr_text_puts(out, "{\"id\": ");
    rcr_json_string(out, input->id);
    put_member(out, "file", input->file);
    put_member(out, "model", m->name);
    put_member(out, "property", m->model->targets[t].name);
    put_member(out, "unit", m->model->targets[t].unit);
    put_value(out, "prediction", block, 0, block != NULL);
    put_value(out, "std", block, c->std, block != NULL && c->std > 0);
    put_value(out, "spread", block, c->spread, block != NULL && c->spread > 0);
    put_value(out, "lower", block, c->lower, block != NULL && c->lower > 0);
    put_value(out, "upper", block, c->upper, block != NULL && c->upper > 0);
    put_member(out, "domain", domain);
    if (block != NULL)
        rcr_text_puts(out, ", \"error\": null}\n");
    else
        put_member(out, "error", reason), rcr_text_puts(out, "}\n");
}

/* What one model says of an input; row NULL: nothing, for input->error. */
static void put_rows(all *a, rcr_text *out, const shelf_model *m, const rcr_input *input, const double *row) {
    char reason[sizeof(rcr_error) + 32] = "";
    rcr_text domain = {0};
    rcr_text_puts(&domain, "");
    if (row == NULL) rcr_error_format(reason, sizeof reason, &input->error);
    if (row != NULL && m->model->domain != NULL)
        rcr_domain_describe(&domain, m->model->domain, input->graph,
                            m->columns.distance > 0 ? row[m->columns.distance] : 0);
    out->failed |= domain.failed;
    for (size_t t = 0; t < m->columns.n_targets && !out->failed; t++) {
        const double *block = row != NULL ? row + t * m->columns.block : NULL;
        if (a->command->format == RCR_ALL_CSV)
            put_csv_row(out, m, t, input, block, domain.data, reason);
        else if (a->command->format == RCR_ALL_JSONL)
            put_json_row(out, m, t, input, block, domain.data, reason);
        else if (block != NULL)
            put_table_row(out, m, t, block, domain.data);
        else if (t == 0)
            rcr_text_printf(out, "  %-26s %s\n", m->name, reason);
    }
    rcr_text_free(&domain);
}

/* ---- a chunk of inputs */

typedef struct preparation {
    rcr_input *input;
    const rcr_model *model;
} preparation;

static void prepare_piece(void *job, int index, int worker) {
    (void)worker;
    preparation *p = job;
    rcr_input_prepare(&p->input[index], p->model);
}

/* What one model says of n inputs, which are read for it. */
static rcr_status run_model(all *a, const shelf_model *m, rcr_input *input, size_t n, rcr_error *err) {
    preparation job = {input, m->model};
    rcr_pool_run(a->pool, (int)n, prepare_piece, &job);
    const rcr_graph **graph = rcr_calloc(n, sizeof *graph);
    double *rows = rcr_calloc(n * m->columns.n, sizeof *rows);
    rcr_status status = graph != NULL && rows != NULL ? RCR_OK : rcr_fail_memory(err, "predicting");
    size_t n_usable = 0, next = 0;
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        if (input[i].error.status == RCR_ERR_MEMORY) status = rcr_fail_memory(err, "reading a chunk of inputs");
        if (input[i].graph != NULL) graph[n_usable++] = input[i].graph;
    }
    if (status == RCR_OK) {
        rcr_graph_source source = rcr_graph_source_of(graph);
        status = rcr_net_forecast_from(&(rcr_forecast){.row = rows}, m->net, m->model, &source, n_usable, a->pool, err);
    }
    for (size_t i = 0; i < n && status == RCR_OK; i++) {
        const double *row = input[i].graph != NULL ? rows + next++ * m->columns.n : NULL;
        if (row != NULL && !rcr_forecast_is_finite(&m->columns, row)) {
            rcr_fail_at(&input[i].error, RCR_ERR_NUMERIC, input[i].file, 0, "the prediction is not a number");
            row = NULL;
        }
        a->usable[i] |= row != NULL;
        put_rows(a, &a->row[i], m, &input[i], row);
    }
    rcr_free(graph);
    rcr_free(rows);
    return status;
}

/* The next chunk of inputs; gives their number. */
static size_t read_inputs(rcr_inputs *from, rcr_input *input) {
    size_t n = 0;
    while (n < CHUNK_INPUTS && rcr_inputs_next(from, &input[n])) n++;
    return n;
}

static void put_chunk(all *a, const rcr_input *input, size_t n) {
    rcr_terminal_clear(&a->terminal);
    for (size_t i = 0; i < n; i++) {
        size_t from = a->line.length;
        if (a->command->format == RCR_ALL_TABLE) {
            rcr_text_puts(&a->line, a->n_done + i > 0 ? "\n" : "");
            rcr_cli_put_name(&a->line, input[i].id);
            rcr_text_puts(&a->line, "\n");
        }
        a->line.failed |= a->row[i].failed;
        if (a->command->format == RCR_ALL_TABLE && !a->usable[i]) { /* people want the reason once */
            char reason[sizeof(rcr_error) + 32];
            rcr_error_format(reason, sizeof reason, &input[i].error);
            rcr_text_printf(&a->line, "  %s\n", reason);
        } else if (!a->row[i].failed)
            rcr_text_append(&a->line, a->row[i].data, a->row[i].length);
        if (a->command->format == RCR_ALL_TABLE) rcr_cli_clean(&a->line, from);
        rcr_text_free(&a->row[i]);
        if (!a->usable[i] && a->n_failed++ == 0) a->first_error = input[i].error;
        a->usable[i] = 0;
    }
    a->n_done += n;
    rcr_output_write(&a->out, &a->line);
    rcr_terminal_progress(&a->terminal, "%zu structures", a->n_done);
}

static void forget_ids(all *a) {
    for (size_t i = 0; i < a->n_ids; i++) rcr_free(a->id[i]);
    a->n_ids = 0;
}

/* Rows are put together by their places: all models must find the same inputs.  A graph store suits some alone. */
static rcr_status check_inputs(all *a, size_t m, rcr_input *input, size_t n, rcr_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (input[i].id == NULL) return rcr_fail_memory(err, "reading a chunk of inputs");
        if (m > 0) continue;
        a->id[i] = rcr_strdup(input[i].id);
        if (a->id[i] == NULL) return rcr_fail_memory(err, "predicting");
        a->n_ids++;
    }
    if (m == 0) return RCR_OK;
    size_t same = 0;
    while (same < n && same < a->n_ids && strcmp(input[same].id, a->id[same]) == 0) same++;
    if (same == n && n == a->n_ids) return RCR_OK;
    return rcr_fail(err, RCR_ERR_MISMATCH,
                    "%s and %s find different rows in the inputs from row %zu on, as in a graph store that was not "
                    "made for both: predict it with one model",
                    a->model[0].name, a->model[m].name, a->n_done + same + 1);
}

/* All models go through the inputs side by side, each with a reader of its own, for their graphs may differ. */
static rcr_status run_chunks(all *a, rcr_inputs **reader, rcr_input *input, rcr_error *err) {
    atomic_int *stop = rcr_signals_catch(NULL);
    for (;;) {
        size_t n = 0;
        for (size_t m = 0; m < a->n_models; m++) {
            n = read_inputs(reader[m], input);
            rcr_status status = n > 0 ? run_model(a, &a->model[m], input, n, err) : RCR_OK;
            if (status == RCR_OK) status = check_inputs(a, m, input, n, err);
            if (status == RCR_OK && m + 1 == a->n_models) put_chunk(a, input, n);
            for (size_t i = 0; i < n; i++) rcr_input_release(&input[i]);
            if (status != RCR_OK) return status;
        }
        forget_ids(a);
        if (n == 0 || rcr_output_failed(&a->out)) return RCR_OK;
        if (atomic_load(stop)) return rcr_fail(err, RCR_ERR_INTERRUPTED, "interrupted");
        if (a->command->strict && a->n_failed > 0) {
            *err = a->first_error;
            return err->status;
        }
    }
}

static rcr_status run_all(all *a, rcr_error *err) {
    const rcr_all_command *c = a->command;
    rcr_inputs **reader = rcr_calloc(a->n_models, sizeof(rcr_inputs *));
    rcr_input *input = rcr_calloc(CHUNK_INPUTS, sizeof *input);
    rcr_status status = reader != NULL && input != NULL ? RCR_OK : rcr_fail_memory(err, "predicting");
    for (size_t m = 0; m < a->n_models && status == RCR_OK; m++)
        status = rcr_inputs_open(&reader[m], c->paths, c->n_paths, a->model[m].model, a->pool, err);
    if (c->format == RCR_ALL_CSV)
        rcr_text_puts(&a->line, "id,model,property,unit,prediction,std,spread,lower,upper,domain,error\n");
    if (status == RCR_OK) status = run_chunks(a, reader, input, err);
    for (size_t m = 0; m < a->n_models && reader != NULL; m++) {
        const rcr_error *failure = reader[m] != NULL ? rcr_inputs_failure(reader[m]) : NULL;
        if (failure != NULL) a->failure = *failure;
        rcr_inputs_close(reader[m]);
    }
    rcr_free(reader);
    rcr_free(input);
    return status;
}

/* ---- the command */

/* Nothing to predict with: there are no models, or none that can be read. */
static rcr_status fail_no_models(const all *a, rcr_error *err) {
    rcr_text folders = {0};
    rcr_shelf_folders(&folders);
    const char *where = folders.failed || folders.data == NULL ? "" : folders.data;
    rcr_status status = a->shelf.n == 0 ? rcr_fail(err, RCR_ERR_IO, "there are no models to predict with in %s", where)
                                        : rcr_fail(err, RCR_ERR_IO, "none of the models in %s can be read", where);
    rcr_text_free(&folders);
    return status;
}

static rcr_status load_models(all *a, rcr_error *err) {
    const rcr_kernels *kernels;
    rcr_status status = rcr_kernels_choose(&kernels, a->command->kernels_name, err);
    if (status == RCR_OK) status = rcr_shelf_list(&a->shelf, err);
    if (status != RCR_OK) return status;
    a->model = rcr_calloc(a->shelf.n, sizeof *a->model);
    if (a->model == NULL) return rcr_fail_memory(err, "loading the models");
    for (size_t i = 0; i < a->shelf.n; i++) {
        shelf_model *m = &a->model[a->n_models];
        m->name = a->shelf.name[i];
        status = rcr_model_load(&m->model, a->shelf.path[i], err);
        if (status == RCR_ERR_MEMORY) return status;
        if (status != RCR_OK) { /* also with --quiet: no row says that a model is missing */
            char reason[sizeof(rcr_error) + 32];
            rcr_error_format(reason, sizeof reason, err);
            rcr_cli_note("%s can't be read: %s", m->name, reason);
            continue;
        }
        a->n_models++;
        if (a->command->level > 0) m->model->level = a->command->level;
        if (a->command->no_intervals) m->model->level = 0;
        m->columns = rcr_model_columns(m->model);
        status = rcr_choose_disorder(m->model, a->command->disorder, err);
        if (status == RCR_OK) status = rcr_net_create(&m->net, m->model, kernels, err);
        if (status != RCR_OK) return status;
    }
    return a->n_models > 0 ? RCR_OK : fail_no_models(a, err);
}

static int run(all *a) {
    rcr_error err, output_err;
    rcr_status status = load_models(a, &err);
    if (status == RCR_OK) status = rcr_pool_create(&a->pool, a->command->threads, &err);
    if (status == RCR_OK) status = rcr_output_open(&a->out, a->command->out_path, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    a->row = rcr_calloc(CHUNK_INPUTS, sizeof *a->row);
    a->usable = rcr_calloc(CHUNK_INPUTS, sizeof *a->usable);
    a->id = rcr_calloc(CHUNK_INPUTS, sizeof *a->id);
    status =
        a->row != NULL && a->usable != NULL && a->id != NULL ? run_all(a, &err) : rcr_fail_memory(&err, "predicting");
    rcr_terminal_clear(&a->terminal);
    if (status != RCR_OK && a->out.writer != NULL) rcr_output_abort(&a->out);
    if (status == RCR_ERR_INTERRUPTED) {
        rcr_cli_hint("interrupted after %zu structures", a->n_done);
        return RCR_EXIT_INTERRUPTED;
    }
    rcr_status closed = rcr_output_close(&a->out, &output_err);
    if (status != RCR_OK) return rcr_cli_error(&err), RCR_EXIT_FAILED;
    if (closed != RCR_OK) return rcr_cli_error(&output_err);
    if (a->n_failed > 0 && !a->command->quiet) {
        char reason[sizeof(rcr_error) + 32];
        rcr_error_format(reason, sizeof reason, &a->first_error);
        rcr_cli_note("%zu input%s could not be used by any model; the first: %s", a->n_failed,
                     a->n_failed == 1 ? "" : "s", reason);
    }
    if (a->failure.status != RCR_OK) return rcr_cli_error(&a->failure), RCR_EXIT_FAILED;
    if (a->n_failed < a->n_done) return RCR_EXIT_OK;
    if (a->command->quiet && a->n_failed > 0) rcr_cli_error(&a->first_error); /* else there was a note */
    rcr_cli_hint("error: nothing could be predicted");
    return RCR_EXIT_FAILED;
}

int rcr_predict_all(const rcr_all_command *command) {
    all a = {.command = command};
    rcr_terminal_init(&a.terminal, command->quiet);
    int code = run(&a);
    for (size_t i = 0; i < CHUNK_INPUTS && a.row != NULL; i++) rcr_text_free(&a.row[i]);
    rcr_free(a.row);
    rcr_free(a.usable);
    forget_ids(&a);
    rcr_free(a.id);
    for (size_t m = 0; m < a.n_models; m++) {
        rcr_net_free(a.model[m].net);
        rcr_model_free(a.model[m].model);
    }
    rcr_free(a.model);
    rcr_shelf_release(&a.shelf);
    rcr_pool_free(a.pool);
    rcr_text_free(&a.line);
    return code;
}
