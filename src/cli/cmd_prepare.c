/* recryst prepare */
#include <math.h>
#include <string.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "data/prepare.h"

typedef struct reading {
    rcr_terminal terminal;
    double since;
    size_t first; /* rows that were there already; SIZE_MAX: not known yet */
} reading;

static void on_progress(void *context, size_t done, size_t total) {
    reading *r = context;
    if (r->first == SIZE_MAX) r->first = done;
    if (!rcr_terminal_due(&r->terminal)) return;
    char n[32], all[32], rate_text[32], left[32];
    double rate = (double)(done - r->first) / (rcr_now() - r->since);
    rcr_terminal_progress(&r->terminal, "preparing: %s of %s rows, %s/s, %s left", rcr_format_count(n, (long long)done),
                          rcr_format_count(all, (long long)total), rcr_format_count(rate_text, (long long)rate),
                          rcr_format_duration(left, rate > 0 ? (double)(total - done) / rate : NAN));
}

static void tell(reading *r, const rcr_prepare_result *result, const char *store) {
    char n[32], all[32], time[32], bytes[32], reason[sizeof(rcr_error) + 32];
    if (result->n_added == 0)
        rcr_terminal_line(&r->terminal, "%s has all rows of these data already", store);
    else
        rcr_terminal_line(&r->terminal, "added %s rows in %s, of which %s can be used",
                          rcr_format_count(n, (long long)result->n_added),
                          rcr_format_duration(time, rcr_now() - r->since),
                          rcr_format_count(all, (long long)result->n_added_good));
    rcr_terminal_line(&r->terminal, "%s: %s rows, %s usable, %s bytes", store,
                      rcr_format_count(n, (long long)result->n_rows), rcr_format_count(all, (long long)result->n_good),
                      rcr_format_count(bytes, (long long)result->file_bytes));
    if (result->note[0] != '\0') rcr_cli_note("%s", result->note);
    if (result->first_bad.status == RCR_OK) return;
    rcr_error_format(reason, sizeof reason, &result->first_bad);
    rcr_cli_note("%s of %s rows can't be used; the first, %s: %s",
                 rcr_format_count(n, (long long)(result->n_added - result->n_added_good)),
                 rcr_format_count(all, (long long)result->n_added), result->first_bad_id, reason);
}

static int run(const char *data, const char *store, rcr_prepare_options *options, int threads, int quiet) {
    reading r = {.since = rcr_now(), .first = SIZE_MAX};
    rcr_error err;
    rcr_prepare_result result;
    rcr_terminal_init(&r.terminal, quiet);
    options->progress = on_progress;
    options->context = &r;
    options->stop = rcr_signals_catch("\nrecryst: stopping; press Ctrl-C again to end at once\n");
    rcr_status status = rcr_pool_create(&options->pool, threads, &err);
    if (status == RCR_OK) status = rcr_prepare(&result, data, store, options, &err);
    rcr_pool_free(options->pool);
    rcr_terminal_clear(&r.terminal);
    if (status != RCR_OK) return rcr_cli_error(&err);
    tell(&r, &result, store);
    if (result.n_good > 0) return RCR_EXIT_OK;
    rcr_cli_hint("error: none of the rows can be used");
    return RCR_EXIT_FAILED;
}

int rcr_cmd_prepare(int argc, char **argv) {
    rcr_graph_args graph = rcr_graph_args_default();
    const char *out = NULL;
    int32_t append = 0, strict = 0, threads = 0, quiet = 0;
    rcr_arg table[] = {
        {.name = "out", .kind = RCR_ARG_TEXT, .value_name = "STORE", .value = &out, .help = "the store, one file"},
        {.name = "append",
         .kind = RCR_ARG_FLAG,
         .value = &append,
         .help = "add the rows whose ids the store does not have; the others stay as they are"},
        {.name = "strict", .kind = RCR_ARG_FLAG, .value = &strict, .help = "stop at the first row that can't be used"},
        RCR_THREADS_ARG(threads),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &quiet, .help = "no progress and no summary"},
        {.kind = RCR_ARG_HEADING, .help = "graph"},
        RCR_GRAPH_ARG_ROWS(graph),
    };
    rcr_args args = {
        .command = "prepare",
        .usage = "DATA --out STORE [options]",
        .description = "Read a dataset once and keep its graphs and targets in a file, which train,\n"
                       "evaluate, predict and info then take in place of the data: they start at once\n"
                       "and need no more memory than a batch. When it is interrupted, the same command\n"
                       "goes on; the store is whole at every moment.\n",
        .examples = "  recryst prepare data/ --out data.store\n"
                    "  recryst train data.store --target band_gap --out runs/gap\n"
                    "  recryst prepare more-data/ --out data.store --append\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 1)
        return rcr_cli_usage_error("prepare ",
                                   args.n_positional == 0 ? "no data given: recryst prepare DATA --out STORE"
                                                          : "one DATA at a time, not %d; --append adds another",
                                   args.n_positional);
    if (out == NULL) return rcr_cli_usage_error("prepare ", "no store given: recryst prepare DATA --out STORE");
    rcr_graph_args_finish(&graph);
    rcr_prepare_options options = {.graph = graph.options, .append = append, .strict = strict};
    return run(args.positional[0], out, &options, threads, quiet);
}
