/* recryst train */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status.h"
#include "cli/cli.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/train_args.h"
#include "cli/train_view.h"
#include "train/peek.h"

/* The last part of a path without its suffixes, as a name for runs. */
static void data_name(rcr_text *name, const char *path) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/') start--;
    size_t length = strcspn(path + start, ".");
    if (length > end - start) length = end - start;
    /* "." and "..", which have no name of their own, and dot files */
    if (length == 0)
        rcr_text_puts(name, "data");
    else
        rcr_text_append(name, path + start, length);
}

/* Make runs/DATA-MODEL-N with the first N that is free: of runs that begin together each has its own. */
static rcr_status choose_directory(rcr_text *out, const char *data, const rcr_train_args *a, rcr_error *err) {
    rcr_text name = {0};
    data_name(&name, data);
    rcr_status status = rcr_make_directory("runs", err);
    int code = EEXIST;
    for (int n = 1; n < 100000 && code == EEXIST && status == RCR_OK; n++) {
        out->length = 0;
        rcr_text_printf(out, "runs/%s-%s-%d", name.failed ? "" : name.data,
                        a->model == RCR_SR_CGCNN ? "sr-cgcnn" : "cgcnn", n);
        if (name.failed || out->failed)
            status = rcr_fail_memory(err, "naming a run");
        else
            code = mkdir(out->data, 0777) == 0 ? 0 : errno;
    }
    rcr_text_free(&name);
    if (status != RCR_OK) return status;
    if (code == EEXIST) return rcr_fail(err, RCR_ERR_IO, "found no free name for a run in runs/; name one with --out");
    if (code != 0) return rcr_fail_system(err, out->data, "can't make the folder", code);
    return rcr_sync_name(out->data, err);
}

/* Print how the run ended, and give the exit code. */
static int finish(rcr_train_view *view, rcr_status status, const rcr_train_result *result, const rcr_error *err) {
    rcr_terminal_clear(&view->terminal);
    if (status == RCR_OK) {
        rcr_text out = {0};
        if (!view->terminal.quiet) rcr_terminal_line(&view->terminal, "%s", "");
        rcr_train_view_result(&out, view, result);
        int code = rcr_cli_show(&out);
        rcr_text_free(&out);
        return code;
    }
    if (status != RCR_ERR_INTERRUPTED) return rcr_cli_error(err);
    rcr_text command = {0};
    rcr_shell_word(&command, view->run_directory);
    rcr_cli_hint("%s", err->message);
    rcr_cli_hint("go on with: recryst train --resume %s", command.failed ? "RUN" : command.data);
    rcr_text_free(&command);
    return RCR_EXIT_INTERRUPTED;
}

static int train(rcr_train_args *a, const rcr_args *args, const char *data) {
    rcr_error err;
    rcr_train_view view;
    rcr_train_events events = {0};
    rcr_train_result result = {0};
    rcr_text directory = {0};
    rcr_status good = rcr_train_args_finish(a, args, &err);
    if (good != RCR_OK) return good == RCR_ERR_ARGUMENT ? rcr_args_usage_error(args, &err) : rcr_cli_error(&err);
    if (a->out == NULL && choose_directory(&directory, data, a, &err) != RCR_OK) return rcr_cli_error(&err);
    const char *run = a->out != NULL ? a->out : directory.data;
    events.stop = rcr_signals_catch("\nrecryst: stopping; press Ctrl-C again to end at once\n");
    rcr_train_view_init(&view, &events, run, a->quiet);
    view.classes = a->task == RCR_CLASSIFICATION;
    int existed = a->out != NULL && access(run, F_OK) == 0;
    rcr_status status = rcr_train(&result, data, run, &a->options, &events, &err);
    /* A folder that was made for a run that never began; one that holds anything stays. */
    if (status != RCR_OK && !existed) (void)rmdir(run);
    int code = finish(&view, status, &result, &err);
    rcr_train_result_release(&result);
    rcr_text_free(&directory);
    return code;
}

/* What a finished run's scores are to be shown with, which is told by none of its epochs any more. */
static void show_settings(rcr_train_view *view, const char *run) {
    rcr_run_state state;
    if (rcr_run_peek(&state, run, NULL) != RCR_OK) return; /* going on with it says why */
    view->n_networks = state.options.ensemble;
    if (state.options.unit != NULL) snprintf(view->unit, sizeof view->unit, "%s", state.options.unit);
    rcr_run_state_release(&state);
}

static int resume(rcr_train_args *a, const rcr_args *args) {
    for (size_t i = 0; i < args->n_args; i++) {
        const rcr_arg *arg = &args->arg[i];
        if (!arg->given || strcmp(arg->name, "resume") == 0 || strcmp(arg->name, "threads") == 0 ||
            strcmp(arg->name, "quiet") == 0)
            continue;
        return rcr_cli_usage_error(
            "train ", "--%s can't be given with --resume: a run goes on with the settings it began with", arg->name);
    }
    if (args->n_positional > 0)
        return rcr_cli_usage_error("train ", "--resume takes the data from the run; leave '%s' out",
                                   args->positional[0]);
    rcr_error err;
    rcr_train_view view;
    rcr_train_events events = {0};
    rcr_train_result result = {0};
    events.stop = rcr_signals_catch("\nrecryst: stopping; press Ctrl-C again to end at once\n");
    rcr_train_view_init(&view, &events, a->resume, a->quiet);
    show_settings(&view, a->resume);
    int threads = rcr_args_find(args, "threads")->given ? a->threads : -1;
    rcr_status status = rcr_train_resume(&result, a->resume, threads, &events, &err);
    if (status == RCR_OK) view.classes = result.test.n > 0 && result.n_targets == 0 && isnan(result.test.mae);
    int code = finish(&view, status, &result, &err);
    rcr_train_result_release(&result);
    return code;
}

int rcr_cmd_train(int argc, char **argv) {
    rcr_train_args a;
    rcr_train_args_init(&a);
    rcr_args args = {
        .command = "train",
        .usage = "DATA [options]\n--config FILE [DATA] [options]\n--resume RUN [--threads N] [--quiet]",
        .description = "Train a model on DATA and write a run directory: model.safetensors (the best by\n"
                       "validation), metrics.csv, predictions, errors.csv (rows that can't be used) and\n"
                       "report.html. DATA is a folder or archive in CGCNN's layout (id_prop.csv beside\n"
                       "ID.cif files), a CSV table with a column of file names or of CIFs, an extended\n"
                       "XYZ or JSON file (pymatgen, Matbench, pandas, OPTIMADE), an ASE database, or a\n"
                       "graph store.\n",
        .examples = "  recryst train data/demo/alloys.tar.zst --target formation_energy\n"
                    "  recryst train elastic.tar.zst --target K_VRH --loss huber \\\n"
                    "      --schedule one-cycle --average 0.995 --out runs/b\n"
                    "  recryst train --config runs/b/config.toml --seed 7 --out runs/c\n"
                    "  recryst train --resume runs/b\n",
        .arg = a.arg,
        .n_args = a.n_args,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (a.resume != NULL) return resume(&a, &args);
    rcr_config config = {0};
    rcr_error err;
    if (a.config != NULL && rcr_config_read(&config, &args, a.config, &err) != RCR_OK) {
        code = rcr_cli_error(&err);
    } else if (args.n_positional > 1) {
        code = rcr_cli_usage_error("train ", "one DATA at a time, not %d", args.n_positional);
    } else if (args.n_positional == 0 && a.data == NULL) {
        code = rcr_cli_usage_error("train ", "no data given: recryst train DATA%s",
                                   a.config != NULL ? ", or data = \"DATA\" in the settings" : "");
    } else {
        code = train(&a, &args, args.n_positional > 0 ? args.positional[0] : a.data);
    }
    rcr_config_release(&config);
    return code;
}
