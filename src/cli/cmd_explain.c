/* recryst explain */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "api/inputs.h"
#include "base/mem.h"
#include "base/status.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "io/csv.h"
#include "model/explain.h"
#include "model/net.h"

enum { FORMAT_TEXT = 0, FORMAT_CSV, FORMAT_JSONL };
enum { WHAT_ATOMS = 0, WHAT_ELEMENTS, WHAT_STEPS };
enum { TEXT_ATOMS = 200 }; /* rows of the table for people */

typedef struct explain {
    const char *out_path, *kernels_name, *target_name;
    int32_t format, what, strict, quiet, threads, disorder;
    int32_t target;

    rcr_model *model;
    const rcr_kernels *kernels;
    rcr_pool *pool;
    rcr_inputs *inputs;
    rcr_output out;
    rcr_text line;
    rcr_terminal terminal;
    size_t n_done, n_failed;
    rcr_error first_error;
} explain;

/* Contributions of the atoms of one element. */
typedef struct element_sum {
    int32_t n;
    double input, readout;
} element_sum;

static void sum_elements(element_sum sum[RCR_MAX_ATOMIC_NUMBER + 1], const rcr_explanation *x, const rcr_graph *graph) {
    memset(sum, 0, (RCR_MAX_ATOMIC_NUMBER + 1) * sizeof *sum);
    for (int32_t i = 0; i < x->n_atoms; i++) {
        element_sum *s = &sum[graph->atomic_number[i]];
        s->n++;
        s->input += x->input[i];
        s->readout += x->readout[i];
    }
}

static void put_number(rcr_text *out, double value) {
    char number[32];
    rcr_text_puts(out, isfinite(value) ? rcr_format_double(number, value) : "");
}

/* ---- CSV */

static void put_csv_header(explain *e) {
    static const char *const headers[] = {"id,atom,element,input,readout\n", "id,element,atoms,input,readout\n",
                                          "id,step,prediction,change\n"};
    rcr_text_puts(&e->line, headers[e->what]);
}

static void put_csv_row(rcr_text *out, const char *id, const char *head, double a, double b) {
    rcr_csv_write_field(out, id, 1);
    rcr_text_printf(out, ",%s,", head);
    put_number(out, a);
    rcr_text_puts(out, ",");
    put_number(out, b);
    rcr_text_puts(out, "\n");
}

static void put_csv(explain *e, const char *id, const rcr_explanation *x, const rcr_graph *graph) {
    char head[64];
    element_sum sum[RCR_MAX_ATOMIC_NUMBER + 1];
    sum_elements(sum, x, graph);
    for (int32_t i = 0; i < x->n_atoms && e->what == WHAT_ATOMS; i++) {
        snprintf(head, sizeof head, "%" PRId32 ",%s", i, rcr_element_symbol(graph->atomic_number[i]));
        put_csv_row(&e->line, id, head, x->input[i], x->readout[i]);
    }
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER && e->what == WHAT_ELEMENTS; z++) {
        if (sum[z].n == 0) continue;
        snprintf(head, sizeof head, "%s,%" PRId32, rcr_element_symbol(z), sum[z].n);
        put_csv_row(&e->line, id, head, sum[z].input, sum[z].readout);
    }
    for (int32_t t = 0; t <= x->n_steps && e->what == WHAT_STEPS; t++) {
        snprintf(head, sizeof head, "%" PRId32, t);
        put_csv_row(&e->line, id, head, x->step_value[t], t > 0 ? x->step_change[t - 1] : (double)NAN);
    }
}

/* ---- JSON */

static void put_json_array(rcr_text *out, const char *name, const double *value, int32_t n) {
    char number[32];
    rcr_text_printf(out, ", \"%s\": [", name);
    for (int32_t i = 0; i < n; i++)
        rcr_text_printf(out, "%s%s", i > 0 ? ", " : "",
                        isfinite(value[i]) ? rcr_format_double(number, value[i]) : "null");
    rcr_text_puts(out, "]");
}

static void put_json_number(rcr_text *out, const char *name, double value) {
    char number[32];
    rcr_text_printf(out, ", \"%s\": %s", name, isfinite(value) ? rcr_format_double(number, value) : "null");
}

static void put_json(explain *e, const rcr_input *input, const rcr_explanation *x) {
    rcr_text *out = &e->line;
    const rcr_graph *graph = input->graph;
    element_sum sum[RCR_MAX_ATOMIC_NUMBER + 1];
    sum_elements(sum, x, graph);
    rcr_text_puts(out, "{\"id\": ");
    rcr_json_string(out, input->id);
    rcr_text_puts(out, ", \"file\": ");
    rcr_json_string(out, input->file);
    rcr_text_puts(out, ", \"target\": ");
    rcr_json_string(out, e->model->targets[e->target].name);
    put_json_number(out, "prediction", x->prediction);
    put_json_number(out, "value", x->value);
    put_json_array(out, "step_prediction", x->step_value, x->n_steps + 1);
    put_json_array(out, "step_change", x->step_change, x->n_steps);
    rcr_text_puts(out, ", \"element\": [");
    for (int32_t i = 0; i < x->n_atoms; i++)
        rcr_text_printf(out, "%s\"%s\"", i > 0 ? ", " : "", rcr_element_symbol(graph->atomic_number[i]));
    rcr_text_puts(out, "]");
    put_json_array(out, "input", x->input, x->n_atoms);
    put_json_array(out, "readout", x->readout, x->n_atoms);
    rcr_text_puts(out, ", \"elements\": {");
    for (int z = 1, first = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (sum[z].n == 0) continue;
        rcr_text_printf(out, "%s\"%s\": {\"atoms\": %" PRId32, first ? "" : ", ", rcr_element_symbol(z), sum[z].n);
        put_json_number(out, "input", sum[z].input);
        put_json_number(out, "readout", sum[z].readout);
        rcr_text_puts(out, "}");
        first = 0;
    }
    rcr_text_puts(out, "}");
    put_json_number(out, "input_baseline", x->input_baseline);
    put_json_number(out, "readout_baseline", x->readout_baseline);
    put_json_number(out, "input_gap", x->input_gap);
    put_json_number(out, "readout_gap", x->readout_gap);
    rcr_text_printf(out, ", \"points\": %" PRId32 "}\n", x->n_points);
}

/* ---- text */

/* A value in a column that wide. */
static void put_value(rcr_text *out, int width, double value, int decimals) {
    char number[32];
    rcr_text_printf(out, "%*s", width, rcr_format_value(number, value, decimals));
}

/* The columns of both kinds of contributions. */
static void put_both(rcr_text *out, double input, double readout, int decimals) {
    put_value(out, 12, input, decimals);
    put_value(out, 17, readout, decimals);
    rcr_text_puts(out, "\n");
}

static void put_text_steps(explain *e, const rcr_explanation *x, int decimals) {
    rcr_text *out = &e->line;
    rcr_text_printf(out, "\n  %s   prediction   change of the atom vectors\n",
                    e->model->options.architecture == RCR_CGCNN ? "layer" : " step");
    for (int32_t t = 0; t <= x->n_steps; t++) {
        rcr_text_printf(out, "  %5" PRId32 "   ", t);
        put_value(out, 10, x->step_value[t], decimals);
        if (t > 0) rcr_text_printf(out, "   %.4f", x->step_change[t - 1]);
        rcr_text_puts(out, t == 0 ? "   (the element vectors)\n" : "\n");
    }
}

static void put_text(explain *e, const rcr_input *input, const rcr_explanation *x) {
    rcr_text *out = &e->line;
    const rcr_graph *graph = input->graph;
    const rcr_target *target = &e->model->targets[e->target];
    int classes = e->model->options.task == RCR_CLASSIFICATION;
    int transformed = target->scale.transform.kind != RCR_TRANSFORM_NONE;
    int decimals = classes ? 4 : rcr_decimals_for(rcr_scale_undo_std(&target->scale, 0, 1));
    int f_decimals = classes ? 4 : rcr_decimals_for(target->scale.normalizer.std);
    element_sum sum[RCR_MAX_ATOMIC_NUMBER + 1];
    sum_elements(sum, x, graph);
    char number[32];
    size_t from = out->length;
    rcr_cli_put_name(out, input->id);
    rcr_text_printf(out, ": %s%s %s%s%s\n", classes ? "probability of class 1 of " : "",
                    target->name[0] != '\0' ? target->name : "prediction",
                    rcr_format_value(number, x->prediction, decimals), !classes && target->unit[0] != '\0' ? " " : "",
                    classes ? "" : target->unit);
    rcr_cli_clean(out, from); /* names of models, too */
    put_text_steps(e, x, decimals);
    rcr_text_printf(out, "\n  contributions%s at the input   at the readout\n",
                    classes       ? " (log odds)"
                    : transformed ? " (of the transformed target)"
                                  : "");
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (sum[z].n == 0) continue;
        rcr_text_printf(out, "  %-2s %9" PRId32 " atom%s ", rcr_element_symbol(z), sum[z].n, sum[z].n == 1 ? " " : "s");
        put_both(out, sum[z].input, sum[z].readout, f_decimals);
    }
    rcr_text_printf(out, "  %-18s ", "baseline");
    put_both(out, x->input_baseline, x->readout_baseline, f_decimals);
    rcr_text_printf(out, "  %-18s ", "together");
    put_both(out, x->value + x->input_gap, x->value + x->readout_gap, f_decimals);
    rcr_text_puts(out, "\n");
    for (int32_t i = 0; i < x->n_atoms && i < TEXT_ATOMS; i++) {
        rcr_text_printf(out, "  atom %5" PRId32 " %-2s      ", i, rcr_element_symbol(graph->atomic_number[i]));
        put_both(out, x->input[i], x->readout[i], f_decimals);
    }
    if (x->n_atoms > TEXT_ATOMS)
        rcr_text_printf(out, "  ... and %" PRId32 " more (--format csv has all)\n", x->n_atoms - TEXT_ATOMS);
    rcr_text_puts(out, "\n");
}

/* ---- the command */

static void note_failure(explain *e, const rcr_input *input) {
    char reason[sizeof(rcr_error) + 32];
    if (e->n_failed++ == 0) e->first_error = input->error;
    rcr_error_format(reason, sizeof reason, &input->error);
    rcr_terminal_clear(&e->terminal);
    if (!e->quiet) rcr_cli_note("%s can't be explained: %s", input->id != NULL ? input->id : "an input", reason);
}

/* Steps alone cost one pass, and there are steps where contributions have no mean. */
static rcr_status look_inside(rcr_explanation **x, explain *e, const rcr_graph *graph, rcr_error *err) {
    if (e->what != WHAT_STEPS) return rcr_explain(x, e->model, e->kernels, e->target, graph, e->pool, err);
    rcr_status status = rcr_explain_steps(x, e->model, e->kernels, e->target, graph, e->pool, err);
    if (status == RCR_OK && !isfinite((*x)->step_value[(*x)->n_steps]))
        status = rcr_fail(err, RCR_ERR_NUMERIC, "the prediction is not a number");
    return status;
}

static rcr_status explain_input(explain *e, rcr_input *input, rcr_error *err) {
    rcr_explanation *x = NULL;
    rcr_input_prepare(input, e->model);
    if (input->error.status == RCR_OK && look_inside(&x, e, input->graph, &input->error) != RCR_OK)
        rcr_error_set_file(&input->error, input->file);
    if (input->error.status == RCR_ERR_MEMORY) return rcr_fail_memory(err, "explaining a prediction");
    if (input->error.status != RCR_OK) {
        note_failure(e, input);
    } else if (e->format == FORMAT_CSV) {
        put_csv(e, input->id, x, input->graph);
    } else if (e->format == FORMAT_JSONL) {
        put_json(e, input, x);
    } else {
        put_text(e, input, x);
    }
    rcr_explanation_free(x);
    rcr_terminal_clear(&e->terminal);
    rcr_output_write(&e->out, &e->line);
    e->n_done++;
    rcr_terminal_progress(&e->terminal, "%zu explained", e->n_done);
    return RCR_OK;
}

static rcr_status explain_inputs(explain *e, rcr_error *err) {
    atomic_int *stop = rcr_signals_catch(NULL);
    rcr_input input;
    if (e->format == FORMAT_CSV) put_csv_header(e);
    while (rcr_inputs_next(e->inputs, &input)) {
        rcr_status status = explain_input(e, &input, err);
        rcr_input_release(&input);
        if (status != RCR_OK) return status;
        if (rcr_output_failed(&e->out)) return RCR_OK; /* told when it is closed */
        if (atomic_load(stop)) return rcr_fail(err, RCR_ERR_INTERRUPTED, "interrupted");
        if (e->strict && e->n_failed > 0) {
            *err = e->first_error;
            return err->status;
        }
    }
    const rcr_error *failure = rcr_inputs_failure(e->inputs); /* no row would say what is missing */
    if (failure != NULL) *err = *failure;
    return failure != NULL ? failure->status : RCR_OK;
}

static rcr_status find_target(explain *e, rcr_error *err) {
    if (e->target_name == NULL) return RCR_OK;
    for (e->target = 0; e->target < e->model->options.n_targets; e->target++)
        if (strcmp(e->model->targets[e->target].name, e->target_name) == 0) return RCR_OK;
    return rcr_fail(err, RCR_ERR_ARGUMENT, "the model does not predict '%s'; recryst info says what it does",
                    e->target_name);
}

static rcr_status start(explain *e, const rcr_args *args, rcr_error *err) {
    rcr_status status = rcr_kernels_choose(&e->kernels, e->kernels_name, err);
    if (status == RCR_OK) status = rcr_open_model(&e->model, args->positional[0], err);
    if (status == RCR_OK) status = find_target(e, err);
    if (status == RCR_OK) status = rcr_choose_disorder(e->model, e->disorder, err);
    if (status == RCR_OK) status = rcr_pool_create(&e->pool, e->threads, err);
    if (status == RCR_OK)
        status =
            rcr_inputs_open(&e->inputs, args->positional + 1, (size_t)args->n_positional - 1, e->model, e->pool, err);
    return status == RCR_OK ? rcr_output_open(&e->out, e->out_path, err) : status;
}

static int run(explain *e, const rcr_args *args) {
    rcr_error err, output_err;
    rcr_terminal_init(&e->terminal, e->quiet);
    rcr_status status = start(e, args, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    status = explain_inputs(e, &err);
    rcr_terminal_clear(&e->terminal);
    if (status != RCR_OK && e->out.writer != NULL) rcr_output_abort(&e->out);
    if (status == RCR_ERR_INTERRUPTED) {
        rcr_cli_hint("interrupted after %zu inputs", e->n_done);
        return RCR_EXIT_INTERRUPTED;
    }
    rcr_status closed = rcr_output_close(&e->out, &output_err);
    if (status != RCR_OK) return rcr_cli_error(&err), RCR_EXIT_FAILED;
    if (closed != RCR_OK) return rcr_cli_error(&output_err);
    if (e->quiet && e->n_failed > 0) { /* no row says that one is missing, and there was no note */
        char reason[sizeof(rcr_error) + 32];
        rcr_error_format(reason, sizeof reason, &e->first_error);
        rcr_cli_note("%zu input%s could not be explained; the first: %s", e->n_failed, e->n_failed == 1 ? "" : "s",
                     reason);
    }
    if (e->n_failed < e->n_done) return RCR_EXIT_OK;
    rcr_cli_hint("error: nothing could be explained");
    return RCR_EXIT_FAILED;
}

int rcr_cmd_explain(int argc, char **argv) {
    explain e;
    memset(&e, 0, sizeof e);
    rcr_arg table[] = {
        {.name = "target",
         .kind = RCR_ARG_TEXT,
         .value_name = "NAME",
         .value = &e.target_name,
         .help = "of a model with several targets: the one to explain; the first when not given"},
        {.name = "format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "text|csv|jsonl",
         .value = &e.format,
         .help = "for people; one of the tables; or all of it as a JSON object on each line"},
        {.name = "what",
         .kind = RCR_ARG_CHOICE,
         .value_name = "atoms|elements|steps",
         .value = &e.what,
         .help = "csv: contributions of atoms or of elements, or predictions and changes by step"},
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &e.out_path,
         .help = "write to this file, which appears when it is complete; standard output when not given"},
        {.name = "strict", .kind = RCR_ARG_FLAG, .value = &e.strict, .help = "fail where an input can't be used"},
        RCR_THREADS_ARG(e.threads),
        RCR_KERNELS_ARG(e.kernels_name),
        RCR_MODEL_DISORDER_ARG(e.disorder),
        {.name = "quiet",
         .kind = RCR_ARG_FLAG,
         .value = &e.quiet,
         .help = "no progress, and one note of all inputs that can't be used"},
    };
    rcr_args args = {
        .command = "explain",
        .usage = "MODEL FILE_OR_DIR... [options]",
        .description = "Look inside a prediction: what the network would say after each step, how much\n"
                       "its atom vectors still change, and what each atom and element contributes, by\n"
                       "integrated gradients. Inputs are those of predict, but for a stream.\n",
        .examples = "  recryst explain runs/gap NaCl.cif\n"
                    "  recryst explain runs/gap crystals/ --format csv --what elements --out elements.csv\n"
                    "  recryst explain runs/gap crystals/ --format csv --what steps\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional == 0)
        return rcr_cli_usage_error("explain ", "no model given: recryst explain MODEL FILE_OR_DIR...");
    if (args.n_positional == 1)
        return rcr_cli_usage_error("explain ", "nothing to explain given: recryst explain %s FILE_OR_DIR...",
                                   args.positional[0]);
    if (rcr_args_find(&args, "what")->given && e.format != FORMAT_CSV)
        return rcr_cli_usage_error("explain ", "--what goes with --format csv; the others have all of it");
    code = run(&e, &args);
    rcr_inputs_close(e.inputs);
    rcr_pool_free(e.pool);
    rcr_model_free(e.model);
    rcr_text_free(&e.line);
    return code;
}
