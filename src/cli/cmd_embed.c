/* recryst embed */
#include <math.h>
#include <string.h>

#include "api/inputs.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/embed_output.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "io/csv.h"
#include "model/embed.h"

/* Inputs are read, embedded and written in chunks of this many, of this many bytes of text, or of this many values, if
 * that comes first. */
enum { CHUNK_INPUTS = 1024, CHUNK_BYTES = 32 << 20, CHUNK_VALUES = 1 << 24 };

typedef struct embed {
    const char *out_path, *errors_path, *kernels_name;
    int32_t what, format, strict, quiet, threads, disorder;

    rcr_model *model;
    rcr_net *net;
    rcr_pool *pool;
    rcr_inputs *inputs;
    rcr_embed_output out;
    rcr_text errors; /* rows of --errors */
    rcr_terminal terminal;

    rcr_input *input; /* [CHUNK_INPUTS] */
    size_t n;
    const rcr_graph **graph; /* [CHUNK_INPUTS] the usable ones, for the network */

    size_t n_done, n_failed;
    rcr_error first_error;
    double since;
} embed;

static void prepare_piece(void *job, int index, int worker) {
    (void)worker;
    embed *e = job;
    rcr_input_prepare(&e->input[index], e->model);
}

static void read_chunk(embed *e) {
    size_t bytes = 0;
    for (e->n = 0; e->n < CHUNK_INPUTS && bytes < CHUNK_BYTES; e->n++) {
        rcr_input *input = &e->input[e->n];
        if (!rcr_inputs_next(e->inputs, input)) return;
        bytes += rcr_record_bytes(&input->record);
    }
}

static void note_failure(embed *e, const rcr_input *input) {
    char reason[sizeof(rcr_error) + 32];
    if (e->n_failed++ == 0) e->first_error = input->error;
    if (e->errors_path == NULL) return;
    rcr_error_format(reason, sizeof reason, &input->error);
    rcr_csv_write_field(&e->errors, input->id, 1);
    rcr_csv_write_field(&e->errors, input->file, 0);
    rcr_csv_write_field(&e->errors, reason, 0);
    rcr_text_puts(&e->errors, "\n");
}

static int all_finite(const float *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

/* Embed and write inputs first .. end - 1, which hold n graphs. */
static rcr_status run_part(embed *e, size_t first, size_t end, size_t n, size_t n_rows, rcr_error *err) {
    rcr_embedding_kind kind = (rcr_embedding_kind)e->what;
    size_t row_size = rcr_embed_row_size(e->model, kind);
    float *values = rcr_malloc(n_rows, row_size * sizeof *values);
    if (values == NULL) return rcr_fail_memory(err, "embedding crystals");
    rcr_status status = rcr_net_embed(values, e->net, e->model, kind, e->graph, n, e->pool, err);
    const float *at = values;
    for (size_t i = first; i < end && status == RCR_OK; i++) {
        rcr_input *input = &e->input[i];
        size_t rows = input->graph != NULL ? rcr_embed_rows(input->graph, kind) : 0;
        if (rows > 0 && !all_finite(at, rows * row_size))
            rcr_fail_at(&input->error, RCR_ERR_NUMERIC, input->file, 0, "its vectors are not finite numbers");
        if (input->error.status == RCR_OK)
            status = rcr_embed_add(&e->out, input->id, input->graph->atomic_number, at, rows, err);
        else
            note_failure(e, input);
        at += rows * row_size;
    }
    rcr_free(values);
    return status;
}

static rcr_status embed_chunk(embed *e, rcr_error *err) {
    rcr_embedding_kind kind = (rcr_embedding_kind)e->what;
    size_t row_size = rcr_embed_row_size(e->model, kind), first = 0, n = 0, n_rows = 0;
    rcr_pool_run(e->pool, (int)e->n, prepare_piece, e);
    for (size_t i = 0; i < e->n; i++)
        if (e->input[i].error.status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "reading a chunk of inputs");
    for (size_t i = 0; i < e->n; i++) {
        if (e->input[i].graph != NULL) {
            e->graph[n++] = e->input[i].graph;
            n_rows += rcr_embed_rows(e->input[i].graph, kind);
        }
        if (i + 1 < e->n && n_rows * row_size < CHUNK_VALUES) continue;
        rcr_status status = run_part(e, first, i + 1, n, n_rows, err);
        if (status != RCR_OK) return status;
        first = i + 1;
        n = n_rows = 0;
    }
    e->n_done += e->n;
    char count[32], rate[32];
    rcr_terminal_progress(&e->terminal, "%s embedded, %s/s", rcr_format_count(count, (long long)e->n_done),
                          rcr_format_count(rate, (long long)((double)e->n_done / (rcr_now() - e->since))));
    return RCR_OK;
}

static rcr_status embed_all(embed *e, rcr_error *err) {
    atomic_int *stop = rcr_signals_catch(NULL);
    for (;;) {
        read_chunk(e);
        if (e->n == 0) {
            const rcr_error *failure = rcr_inputs_failure(e->inputs); /* no row would say what is missing */
            if (failure != NULL) *err = *failure;
            return failure != NULL ? failure->status : RCR_OK;
        }
        rcr_terminal_clear(&e->terminal);
        rcr_status status = embed_chunk(e, err);
        for (size_t i = 0; i < e->n; i++) rcr_input_release(&e->input[i]);
        e->n = 0;
        if (status != RCR_OK) return status;
        if (e->out.format == RCR_EMBED_CSV && rcr_output_failed(&e->out.csv)) return RCR_OK; /* told at the end */
        if (atomic_load(stop)) return rcr_fail(err, RCR_ERR_INTERRUPTED, "interrupted");
        if (e->strict && e->n_failed > 0) {
            *err = e->first_error;
            return err->status;
        }
    }
}

static rcr_status start(embed *e, const rcr_args *args, rcr_error *err) {
    const rcr_kernels *kernels;
    rcr_status status = rcr_kernels_choose(&kernels, e->kernels_name, err);
    if (status == RCR_OK) status = rcr_open_model(&e->model, args->positional[0], err);
    if (status == RCR_OK) status = rcr_choose_disorder(e->model, e->disorder, err);
    if (status == RCR_OK) status = rcr_pool_create(&e->pool, e->threads, err);
    if (status == RCR_OK) status = rcr_net_create(&e->net, e->model, kernels, err);
    if (status == RCR_OK)
        status =
            rcr_inputs_open(&e->inputs, args->positional + 1, (size_t)args->n_positional - 1, e->model, e->pool, err);
    if (status != RCR_OK) return status;
    e->input = rcr_calloc(CHUNK_INPUTS, sizeof *e->input);
    e->graph = rcr_calloc(CHUNK_INPUTS, sizeof *e->graph);
    if (e->input == NULL || e->graph == NULL) return rcr_fail_memory(err, "embedding crystals");
    if (e->errors_path != NULL) rcr_text_puts(&e->errors, "id,file,reason\n");
    return rcr_embed_open(&e->out, e->out_path, (rcr_embed_format)e->format, (rcr_embedding_kind)e->what, e->model,
                          err);
}

static void release(embed *e) {
    rcr_embed_release(&e->out);
    rcr_inputs_close(e->inputs);
    rcr_pool_free(e->pool);
    rcr_net_free(e->net);
    rcr_model_free(e->model);
    rcr_text_free(&e->errors);
    rcr_free(e->input);
    rcr_free(e->graph);
}

static rcr_status write_errors(const embed *e, rcr_error *err) {
    if (e->errors_path == NULL) return RCR_OK;
    if (e->errors.failed) return rcr_fail_memory(err, "writing the errors");
    return rcr_file_write(e->errors_path, e->errors.data, e->errors.length, err);
}

static void tell(embed *e) {
    static const char *const what[] = {"vectors of crystals", "vectors of atoms", "vectors of atoms after every step"};
    char count[32], failed[32], time[32], reason[sizeof(rcr_error) + 32];
    rcr_terminal_line(&e->terminal, "%s (%zu features) for %s structure%s in %s", what[e->what], e->out.n_features,
                      rcr_format_count(count, (long long)(e->n_done - e->n_failed)),
                      e->n_done - e->n_failed == 1 ? "" : "s", rcr_format_duration(time, rcr_now() - e->since));
    if (e->n_failed == 0 || e->quiet) return;
    rcr_error_format(reason, sizeof reason, &e->first_error);
    rcr_cli_note("%s input%s could not be used%s; the first: %s", rcr_format_count(failed, (long long)e->n_failed),
                 e->n_failed == 1 ? "" : "s", e->errors_path != NULL ? "" : " (--errors FILE lists them)", reason);
}

static int run(embed *e, const rcr_args *args) {
    rcr_error err;
    rcr_terminal_init(&e->terminal, e->quiet);
    e->since = rcr_now();
    rcr_status status = start(e, args, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    status = embed_all(e, &err);
    rcr_terminal_clear(&e->terminal);
    if (status == RCR_ERR_INTERRUPTED) {
        rcr_cli_hint("interrupted after %zu inputs; nothing was written to --out", e->n_done);
        return RCR_EXIT_INTERRUPTED;
    }
    if (status == RCR_OK) status = write_errors(e, &err);
    if (status != RCR_OK) return rcr_cli_error(&err), RCR_EXIT_FAILED;
    if (e->n_done == e->n_failed) {
        rcr_cli_error(&e->first_error);
        rcr_cli_hint("error: nothing could be embedded");
        return RCR_EXIT_FAILED;
    }
    status = rcr_embed_finish(&e->out, &err);
    if (status != RCR_OK) return rcr_cli_error(&err), RCR_EXIT_FAILED;
    tell(e);
    return RCR_EXIT_OK;
}

int rcr_cmd_embed(int argc, char **argv) {
    embed e;
    memset(&e, 0, sizeof e);
    rcr_arg table[] = {
        {.name = "what",
         .kind = RCR_ARG_CHOICE,
         .value_name = "crystal|atoms|steps",
         .value = &e.what,
         .help = "vectors of crystals (the mean over atoms), of atoms after the last step or layer, or of atoms after "
                 "every one"},
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.out_path,
         .help = "write to this file, which appears when it is complete; standard output when not given"},
        {.name = "format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "auto|csv|npy|safetensors",
         .value = &e.format,
         .help =
             "auto: by the ending of --out, else csv; beside FILE.npy stands FILE.ids.csv, which says what its rows "
             "are"},
        {.name = "errors",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.errors_path,
         .help = "write id, file and reason of every input that can't be used"},
        {.name = "strict", .kind = RCR_ARG_FLAG, .value = &e.strict, .help = "fail where an input can't be used"},
        RCR_THREADS_ARG(e.threads),
        RCR_KERNELS_ARG(e.kernels_name),
        RCR_MODEL_DISORDER_ARG(e.disorder),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &e.quiet, .help = "no progress and no summary"},
    };
    rcr_args args = {
        .command = "embed",
        .usage = "MODEL FILE_OR_DIR... [options]",
        .description = "Write the vectors that a network makes of crystals or atoms, for maps, nearest\n"
                       "neighbors and other models. Inputs are those of predict: structure files,\n"
                       "folders, archives, datasets and graph stores.\n",
        .examples = "  recryst embed runs/gap crystals/ --out vectors.npy\n"
                    "  recryst embed runs/gap crystals.tar.zst --what atoms --out atoms.safetensors\n"
                    "  recryst embed model.safetensors NaCl.cif --what steps\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional == 0)
        return rcr_cli_usage_error("embed ", "no model given: recryst embed MODEL FILE_OR_DIR...");
    if (args.n_positional == 1)
        return rcr_cli_usage_error("embed ", "nothing to embed given: recryst embed %s FILE_OR_DIR...",
                                   args.positional[0]);
    code = run(&e, &args);
    release(&e);
    return code;
}
