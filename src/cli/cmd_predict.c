/* recryst predict */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/inputs.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/predict_all.h"
#include "cli/predict_stream.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "model/forecast.h"

/* Inputs are read, predicted and written in chunks of this many, or of this many bytes of text if that comes first, so
 * that memory does not grow with the number of inputs. */
enum { CHUNK_INPUTS = 1024, CHUNK_BYTES = 32 << 20 };

typedef struct predict {
    const char *out_path, *kernels_name;
    int32_t json, strict, quiet, threads;
    int32_t disorder, no_intervals, plain, steps;
    double level;
    rcr_predict_style style;
    rcr_columns columns;
    int32_t resume, format; /* of a stream */

    rcr_model *model;
    rcr_net *net;
    rcr_pool *pool;
    rcr_inputs *inputs;
    rcr_output out;
    rcr_terminal terminal;
    rcr_text line;

    rcr_input *input;   /* [CHUNK_INPUTS] */
    const double **row; /* [CHUNK_INPUTS] in packed; NULL where an input has no graph */
    size_t n;
    const rcr_graph **graph; /* [CHUNK_INPUTS] the usable ones, for the network */
    double *packed;          /* [CHUNK_INPUTS, W] what the model says of those */

    size_t n_done, n_failed;
    rcr_error first_error;
    double since;
} predict;

static void prepare_piece(void *job, int index, int worker) {
    (void)worker;
    predict *p = job;
    rcr_input_prepare(&p->input[index], p->model);
}

static void read_chunk(predict *p) {
    size_t bytes = 0;
    for (p->n = 0; p->n < CHUNK_INPUTS && bytes < CHUNK_BYTES; p->n++) {
        rcr_input *input = &p->input[p->n];
        if (!rcr_inputs_next(p->inputs, input)) return;
        bytes += rcr_record_bytes(&input->record);
    }
}

static rcr_status predict_chunk(predict *p, rcr_error *err) {
    rcr_pool_run(p->pool, (int)p->n, prepare_piece, p);
    size_t n_usable = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->input[i].error.status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading a chunk of inputs");
        if (p->input[i].graph != NULL) p->graph[n_usable++] = p->input[i].graph;
    }
    rcr_graph_source source = rcr_graph_source_of(p->graph);
    rcr_forecast wanted = {.row = p->packed};
    rcr_status status = rcr_net_forecast_from(&wanted, p->net, p->model, &source, n_usable, p->pool, err);
    if (status != RCR_OK) return status;
    for (size_t i = 0, next = 0; i < p->n; i++) {
        p->row[i] = p->input[i].graph != NULL ? p->packed + next++ * p->columns.n : NULL;
        if (p->input[i].error.status == RCR_OK && !rcr_forecast_is_finite(&p->columns, p->row[i]))
            rcr_fail_at(&p->input[i].error, RCR_ERR_NUMERIC, p->input[i].file, 0, "the prediction is not a number");
    }
    return RCR_OK;
}

static void write_chunk(predict *p) {
    rcr_text domain = {0};
    rcr_terminal_clear(&p->terminal);
    for (size_t i = 0; i < p->n; i++) {
        domain.length = 0;
        rcr_text_puts(&domain, "");
        if (p->row[i] != NULL && p->model->domain != NULL)
            rcr_domain_describe(&domain, p->model->domain, p->input[i].graph,
                                p->columns.distance > 0 ? p->row[i][p->columns.distance] : 0);
        p->line.failed |= domain.failed;
        rcr_predict_row(&p->line, &p->style, p->model, p->input[i].id, p->input[i].file, p->row[i],
                        domain.failed ? "" : domain.data, &p->input[i].error);
        if (p->input[i].error.status == RCR_OK) continue;
        if (p->n_failed++ == 0) p->first_error = p->input[i].error;
    }
    rcr_text_free(&domain);
    rcr_output_write(&p->out, &p->line);
    p->n_done += p->n;
    char count[32], rate[32];
    rcr_terminal_progress(&p->terminal, "%s predicted, %s/s", rcr_format_count(count, (long long)p->n_done),
                          rcr_format_count(rate, (long long)((double)p->n_done / (rcr_now() - p->since))));
}

static void release_chunk(predict *p) {
    for (size_t i = 0; i < p->n; i++) rcr_input_release(&p->input[i]);
    p->n = 0;
}

static rcr_status predict_all(predict *p, rcr_error *err) {
    atomic_int *stop = rcr_signals_catch(NULL);
    if (!p->json) rcr_predict_header(&p->line, &p->style, p->model);
    for (;;) {
        read_chunk(p);
        if (p->n == 0) return RCR_OK;
        rcr_status status = predict_chunk(p, err);
        if (status == RCR_OK) write_chunk(p);
        release_chunk(p);
        if (status != RCR_OK) return status;
        if (rcr_output_failed(&p->out)) return RCR_OK; /* told when it is closed */
        if (atomic_load(stop)) return rcr_fail(err, RCR_ERR_INTERRUPTED, "interrupted");
        if (p->strict && p->n_failed > 0) {
            *err = p->first_error;
            return err->status;
        }
    }
}

static rcr_status start(predict *p, const rcr_args *args, rcr_error *err) {
    const rcr_kernels *kernels;
    rcr_status status = rcr_kernels_choose(&kernels, p->kernels_name, err);
    if (status == RCR_OK) status = rcr_open_model(&p->model, args->positional[0], err);
    if (status == RCR_OK) status = rcr_predict_choose(&p->model, p->no_intervals, p->level, p->steps, err);
    if (status == RCR_OK) status = rcr_choose_disorder(p->model, p->disorder, err);
    if (status == RCR_OK) status = rcr_pool_create(&p->pool, p->threads, err);
    if (status == RCR_OK) status = rcr_net_create(&p->net, p->model, kernels, err);
    if (status == RCR_OK)
        status =
            rcr_inputs_open(&p->inputs, args->positional + 1, (size_t)args->n_positional - 1, p->model, p->pool, err);
    if (status != RCR_OK) return status;
    p->input = rcr_calloc(CHUNK_INPUTS, sizeof *p->input);
    p->columns = rcr_model_columns(p->model);
    p->row = rcr_calloc(CHUNK_INPUTS, sizeof *p->row);
    p->graph = rcr_calloc(CHUNK_INPUTS, sizeof *p->graph);
    p->packed = rcr_calloc(CHUNK_INPUTS * p->columns.n, sizeof *p->packed);
    if (p->input == NULL || p->row == NULL || p->graph == NULL || p->packed == NULL)
        return rcr_fail_memory(err, "predicting");
    return rcr_output_open(&p->out, p->out_path, err);
}

static void release(predict *p) {
    rcr_inputs_close(p->inputs);
    rcr_pool_free(p->pool);
    rcr_net_free(p->net);
    rcr_model_free(p->model);
    rcr_text_free(&p->line);
    rcr_free(p->input);
    rcr_free(p->row);
    rcr_free(p->graph);
    rcr_free(p->packed);
}

static int run(predict *p, const rcr_args *args) {
    rcr_error err;
    rcr_terminal_init(&p->terminal, p->quiet);
    p->since = rcr_now();
    rcr_status status = start(p, args, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    status = predict_all(p, &err);
    rcr_terminal_clear(&p->terminal);
    if (status == RCR_ERR_INTERRUPTED) {
        rcr_output_abort(&p->out);
        rcr_cli_hint("interrupted after %zu inputs", p->n_done);
        return RCR_EXIT_INTERRUPTED;
    }
    if (status != RCR_OK && p->out.writer != NULL) {
        rcr_output_abort(&p->out);
        rcr_cli_error(&err);
        return RCR_EXIT_FAILED;
    }
    rcr_error output_err;
    rcr_status closed = rcr_output_close(&p->out, &output_err);
    if (status != RCR_OK) return rcr_cli_error(&err), RCR_EXIT_FAILED;
    if (closed != RCR_OK) return rcr_cli_error(&output_err);
    rcr_predict_summary(&p->terminal, p->model, p->n_done, p->n_failed, rcr_now() - p->since, &p->first_error);
    const rcr_error *failure = rcr_inputs_failure(p->inputs);
    if (failure != NULL) return rcr_cli_error(failure), RCR_EXIT_FAILED;
    if (p->n_failed < p->n_done) return RCR_EXIT_OK;
    if (p->quiet && p->n_failed > 0) rcr_cli_error(&p->first_error); /* else there was a note */
    rcr_cli_hint("error: nothing could be predicted");
    return RCR_EXIT_FAILED;
}

static int refuse_level(const char *other) {
    return rcr_cli_usage_error("predict ", "--level goes with intervals, which --%s leaves out", other);
}

/* With every model that can be given by name. */
static int run_with_all(const predict *p, const rcr_args *args) {
    static const char *const others[] = {"plain", "steps", "resume", "input-format"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (rcr_args_find(args, others[i])->given)
            return rcr_cli_usage_error("predict ", "--%s does not go with 'all'", others[i]);
    for (int i = 1; i < args->n_positional; i++)
        if (strcmp(args->positional[i], "-") == 0)
            return rcr_cli_usage_error("predict ", "'all' takes files and folders, no stream");
    if (rcr_args_find(args, "level")->given && p->no_intervals) return refuse_level("no-intervals");
    rcr_all_command c = {.paths = args->positional + 1,
                         .n_paths = (size_t)args->n_positional - 1,
                         .out_path = p->out_path,
                         .kernels_name = p->kernels_name,
                         .format = rcr_args_find(args, "format")->given ? (rcr_all_format)p->json : RCR_ALL_TABLE,
                         .strict = p->strict,
                         .quiet = p->quiet,
                         .threads = p->threads,
                         .disorder = p->disorder,
                         .no_intervals = p->no_intervals,
                         .level = p->level};
    return rcr_predict_all(&c);
}

int rcr_cmd_predict(int argc, char **argv) {
    predict p;
    memset(&p, 0, sizeof p);
    rcr_arg table[] = {
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &p.out_path,
         .help = "write to this file, which appears when it is complete; standard output when not given"},
        {.name = "format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "csv|jsonl|table",
         .value = &p.json,
         .help = "with a header, or a JSON object on each line; table, for people, is of 'all', which has it when "
                 "nothing else is asked for"},
        {.name = "level",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "X",
         .value = &p.level,
         .max = 0.9999,
         .above_min = 1,
         .help = "share of such crystals whose true value the intervals (lower, upper) hold; 0.9 when not given"},
        {.name = "no-intervals", .kind = RCR_ARG_FLAG, .value = &p.no_intervals, .help = "no columns lower and upper"},
        {.name = "plain",
         .kind = RCR_ARG_FLAG,
         .value = &p.plain,
         .help = "predictions alone: id,prediction,error whatever else the model says"},
        {.name = "steps",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &p.steps,
         .min = 1,
         .max = 1000,
         .help = "sr-cgcnn: take the first N of its steps; all when not given"},
        {.name = "strict",
         .kind = RCR_ARG_FLAG,
         .value = &p.strict,
         .help = "fail where an input can't be used; --out then writes nothing"},
        RCR_THREADS_ARG(p.threads),
        RCR_KERNELS_ARG(p.kernels_name),
        RCR_MODEL_DISORDER_ARG(p.disorder),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &p.quiet, .help = "no progress and no summary"},
        {.kind = RCR_ARG_HEADING, .help = "of a stream"},
        {.name = "input-format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "auto|extxyz|jsonl|files",
         .value = &p.format,
         .help = "what standard input holds; auto tells it by the first line"},
        {.name = "resume",
         .kind = RCR_ARG_FLAG,
         .value = &p.resume,
         .help = "go on where --out ends: as many structures are passed over as it has rows"},
    };
    rcr_args args = {
        .command = "predict",
        .usage = "MODEL FILE_OR_DIR... [options]\nMODEL - [options]\nall FILE_OR_DIR... [options]",
        .description = "Predict structures with a model: a model file, a run directory, or the name of a\n"
                       "shipped model. Inputs are files of one or many structures (CIF, POSCAR, extended\n"
                       "XYZ, JSON, ASE database, CSV with CIFs; packed or not), folders and archives of\n"
                       "them, and datasets (targets are not needed). Every structure has its row, in the\n"
                       "order of the inputs, files of a folder sorted by name. One that can't be used\n"
                       "has an empty prediction and the reason under error. As far as the model knows,\n"
                       "rows also have the spread of an ensemble, an interval, and domain: in, far (from\n"
                       "the training rows) or element:Xx (which no training row had).\n"
                       "all stands for every model that recryst models lists.\n"
                       "With - structures are a stream on standard input: frames of extended XYZ, lines\n"
                       "of JSON, or file names one a line; --out then grows row by row.\n",
        .examples = "  recryst predict runs/first NaCl.cif MgO.cif\n"
                    "  recryst predict model.safetensors structures/ --out predictions.csv\n"
                    "  recryst predict model.safetensors frames.extxyz mp_20.csv --format jsonl\n"
                    "  recryst predict all NaCl.cif\n"
                    "  generate | recryst predict model.safetensors - --out rows.csv --resume\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional == 0)
        return rcr_cli_usage_error("predict ", "no model given: recryst predict MODEL FILE_OR_DIR...");
    if (args.n_positional == 1)
        return rcr_cli_usage_error("predict ", "nothing to predict given: recryst predict %s FILE_OR_DIR...",
                                   args.positional[0]);
    if (strcmp(args.positional[0], "all") == 0 && access("all", F_OK) != 0) return run_with_all(&p, &args);
    if (p.json == RCR_ALL_TABLE) return rcr_cli_usage_error("predict ", "--format table goes with 'all'");
    p.style = (rcr_predict_style){.json = p.json, .plain = p.plain};
    if (rcr_args_find(&args, "level")->given && (p.no_intervals || p.plain))
        return refuse_level(p.plain ? "plain" : "no-intervals");
    int is_stream = 0;
    for (int i = 1; i < args.n_positional; i++) is_stream |= strcmp(args.positional[i], "-") == 0;
    if (is_stream && args.n_positional > 2)
        return rcr_cli_usage_error("predict ", "-, standard input, can't be given beside other inputs");
    if (!is_stream && (p.resume || p.format != 0))
        return rcr_cli_usage_error("predict ", "--%s is for a stream: recryst predict MODEL -",
                                   p.resume ? "resume" : "input-format");
    if (p.resume && (p.out_path == NULL || strcmp(p.out_path, "-") == 0))
        return rcr_cli_usage_error("predict ", "--resume needs --out FILE, whose rows it counts");
    if (is_stream) {
        rcr_stream_command c = {.model = args.positional[0],
                                .out_path = p.out_path,
                                .kernels_name = p.kernels_name,
                                .style = p.style,
                                .no_intervals = p.no_intervals,
                                .level = p.level,
                                .steps = p.steps,
                                .strict = p.strict,
                                .quiet = p.quiet,
                                .threads = p.threads,
                                .resume = p.resume,
                                .disorder = p.disorder,
                                .format = (rcr_stream_format)p.format};
        return rcr_predict_stream(&c);
    }
    code = run(&p, &args);
    release(&p);
    return code;
}
