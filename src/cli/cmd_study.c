/* recryst study */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/threads.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/signals.h"
#include "cli/study_file.h"
#include "cli/terminal.h"
#include "cli/train_view.h"

typedef struct study_view {
    rcr_terminal terminal;
    size_t n_done;
} study_view;

/* "steps=3, seed 1, fold 2" */
static void describe_run(rcr_text *out, const rcr_study *study, const rcr_study_run *run) {
    rcr_text_printf(out, "%s, seed %llu", study->setting[run->setting].name, (unsigned long long)run->seed);
    if (run->repeat >= 0) rcr_text_printf(out, ", repeat %d", (int)run->repeat);
    if (run->fold >= 0) rcr_text_printf(out, ", fold %d", (int)run->fold);
}

static void run_ended(void *context, const rcr_study *study, const rcr_study_run *run) {
    study_view *view = context;
    rcr_text name = {0};
    char duration[32], number[32];
    describe_run(&name, study, run);
    const char *score = rcr_study_main_score(study);
    view->n_done++;
    if (name.failed) return;
    if (run->status == RCR_STUDY_FAILED) {
        rcr_terminal_line(&view->terminal, "%zu/%zu  %s: failed: %s", view->n_done, study->n_runs, name.data,
                          run->error != NULL ? run->error : "out of memory");
    } else {
        double value = score != NULL ? rcr_study_number(run, score) : NAN;
        char text[96] = "done";
        if (!isnan(value)) snprintf(text, sizeof text, "%.40s %s", score, rcr_format_float(number, (float)value));
        rcr_terminal_line(&view->terminal, "%zu/%zu  %s: %s, %s", view->n_done, study->n_runs, name.data, text,
                          rcr_format_duration(duration, rcr_study_number(run, "seconds")));
    }
    rcr_text_free(&name);
}

static void progress(void *context, const rcr_study *study, size_t n_running, double rate, double left) {
    study_view *view = context;
    if (!rcr_terminal_due(&view->terminal)) return;
    char duration[32] = "?";
    if (!isnan(left)) rcr_format_duration(duration, left);
    long tenths = lround(rate * 10);
    rcr_terminal_progress(&view->terminal, "%zu of %zu runs, %zu at work | %ld.%ld epochs/s | %s left", view->n_done,
                          study->n_runs, n_running, tenths / 10, tenths % 10, duration);
}

/* Cores shared by what is to do. */
static void share_cores(int32_t *jobs, int32_t *threads, size_t to_do) {
    int cores = rcr_cpu_count();
    int runs = to_do < 4096 ? (int)to_do : 4096;
    if (*jobs == 0) *jobs = *threads > 0 ? cores / *threads : cores;
    if (*jobs > runs) *jobs = runs;
    if (*jobs < 1) *jobs = 1;
    if (*threads == 0) *threads = cores / *jobs;
    if (*threads < 1) *threads = 1;
}

static int print_plan(const rcr_study *study) {
    rcr_text out = {0};
    rcr_text_puts(&out, "status   run\n");
    for (size_t i = 0; i < study->n_runs; i++)
        rcr_text_printf(&out, "%-7s  %s\n", rcr_study_status_name(study->run[i].status), study->run[i].directory);
    int code = rcr_cli_print(&out);
    rcr_text_free(&out);
    return code;
}

static int finish(rcr_study *study, study_view *view, rcr_status status, const char *file, const rcr_error *err) {
    rcr_terminal_clear(&view->terminal);
    if (status == RCR_ERR_INTERRUPTED) {
        rcr_text word = {0};
        rcr_shell_word(&word, file);
        rcr_cli_hint("%s", err->message);
        rcr_cli_hint("go on with: recryst study %s", word.failed ? "FILE" : word.data);
        rcr_text_free(&word);
        return RCR_EXIT_INTERRUPTED;
    }
    if (status != RCR_OK) return rcr_cli_error(err);
    size_t failed = 0;
    for (size_t i = 0; i < study->n_runs; i++) failed += study->run[i].status == RCR_STUDY_FAILED;
    rcr_text out = {0};
    rcr_study_summary_text(&out, study);
    rcr_text_printf(
        &out, "\nall runs     %s/study.csv\nsummary      %s/summary.csv, differences.csv, summary.json, summary.txt\n",
        study->directory, study->directory);
    int code = rcr_cli_print(&out);
    rcr_text_free(&out);
    return code == RCR_EXIT_OK && failed > 0 ? RCR_EXIT_FAILED : code;
}

static rcr_status keep_file(const rcr_study *study, const rcr_study_file *said, rcr_error *err) {
    rcr_text path = {0};
    rcr_text_printf(&path, "%s/study.toml", study->directory);
    rcr_status status = path.failed ? rcr_fail_memory(err, "starting a study")
                                    : rcr_file_write(path.data, said->text, said->length, err);
    rcr_text_free(&path);
    return status;
}

static int run_study(rcr_study *study, const rcr_study_file *said, const char *file, int32_t jobs, int32_t threads,
                     int dry, int quiet) {
    rcr_error err;
    study_view view = {0};
    size_t strangers = 0;
    rcr_terminal_init(&view.terminal, quiet);
    rcr_status status = rcr_study_open(study, &strangers, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    if (strangers > 0)
        rcr_cli_note("%zu run director%s in %s belong%s to no run of this study and stay%s as %s", strangers,
                     strangers == 1 ? "y" : "ies", study->directory, strangers == 1 ? "s" : "",
                     strangers == 1 ? "s" : "", strangers == 1 ? "it is" : "they are");
    if (dry) return print_plan(study);
    status = keep_file(study, said, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    for (size_t i = 0; i < study->n_runs; i++) view.n_done += study->run[i].status == RCR_STUDY_DONE;
    size_t to_do = study->n_runs - view.n_done;
    share_cores(&jobs, &threads, to_do);
    if (!quiet)
        rcr_terminal_line(&view.terminal, "%s: %zu setting%s, %zu runs, %zu to do; %d at a time, %d thread%s each",
                          study->directory, study->n_settings, study->n_settings == 1 ? "" : "s", study->n_runs, to_do,
                          jobs, threads, threads == 1 ? "" : "s");
    rcr_study_events events = {.context = &view, .run_ended = run_ended, .progress = progress};
    events.stop = rcr_signals_catch("\nrecryst: stopping; press Ctrl-C again to end at once\n");
    status = rcr_study_execute(study, jobs, threads, &events, &err);
    return finish(study, &view, status, file, &err);
}

int rcr_cmd_study(int argc, char **argv) {
    const char *out = NULL;
    int32_t jobs = 0, threads = 0, dry = 0, quiet = 0;
    rcr_arg table[] = {
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "DIR",
         .value = &out,
         .help = "the study's folder; what the file says, else runs/NAME"},
        {.name = "jobs",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &jobs,
         .max = 4096,
         .help = "runs at a time, 0: as the file says, else one for each core; changes no result"},
        {.name = "threads",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &threads,
         .max = 4096,
         .help = "threads of each run, 0: as the file says, else the cores that its jobs leave; changes no result"},
        {.name = "dry-run", .kind = RCR_ARG_FLAG, .value = &dry, .help = "list the runs and how far they are"},
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &quiet, .help = "no progress; only errors and the summary"},
    };
    rcr_args args = {
        .command = "study",
        .usage = "FILE [options]",
        .description = "Train what a study file lists, settings with several seeds and folds, beside\n"
                       "each other, and compare them. The same command goes on with a study that was\n"
                       "stopped, and trains what was added to the file. Writes study.csv (all runs),\n"
                       "summary.csv and differences.csv (means, spreads, paired differences) to the\n"
                       "study's folder. docs/study.md says how the file looks:\n"
                       "\n"
                       "    seeds = 3\n"
                       "    [base]\n"
                       "    data = \"elastic.tar.zst\"\n"
                       "    target = \"band_gap\"\n"
                       "    [grid]\n"
                       "    steps = [1, 2, 3]\n",
        .examples = "  recryst study studies/demo.toml\n"
                    "  recryst study gate.toml --jobs 2 --out runs/gate\n"
                    "  recryst study gate.toml --dry-run\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 1)
        return rcr_cli_usage_error(
            "study ", args.n_positional == 0 ? "no study given: recryst study FILE" : "one FILE at a time, not %d",
            args.n_positional);
    rcr_error err;
    rcr_study *study = NULL;
    rcr_study_file said = {0};
    if (rcr_study_file_read(&study, &said, args.positional[0], out, &err) != RCR_OK) return rcr_cli_error(&err);
    code = run_study(study, &said, args.positional[0], jobs > 0 ? jobs : said.jobs,
                     threads > 0 ? threads : said.threads, dry, quiet);
    rcr_free(said.text);
    rcr_study_free(study);
    return code;
}
