/* recryst study */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/mem.h"
#include "base/status.h"
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
        if (!isnan(value)) rcr_fit(text, sizeof text, "%.40s %s", score, rcr_format_float(number, (float)value));
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

/* What the command line asks for. */
typedef struct request {
    const char *file, *out, *part, *keep;
    int32_t jobs, threads, dry, tables, quiet;
    rcr_arg_texts take, only;
    int argc;
    char **argv;
} request;

static void put_counts(rcr_text *out, const rcr_study *study) {
    rcr_study_counts n = rcr_study_count(study);
    rcr_text_printf(out, "%zu runs: %zu done", study->n_runs, n.done);
    if (n.taken > 0) rcr_text_printf(out, " (%zu of them taken)", n.taken);
    if (n.stopped > 0) rcr_text_printf(out, ", %zu stopped", n.stopped);
    if (n.failed > 0) rcr_text_printf(out, ", %zu failed", n.failed);
    rcr_text_printf(out, ", %zu waiting; %zu to be trained here\n", n.waiting, n.here);
}

static int print_plan(const rcr_study *study) {
    rcr_text out = {0};
    int all_here = 1;
    for (size_t i = 0; i < study->n_runs; i++) all_here &= !study->run[i].elsewhere;
    rcr_text_printf(&out, "status   %srun\n", all_here ? "" : "where  ");
    for (size_t i = 0; i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        const char *where = all_here                        ? ""
                            : run->status == RCR_STUDY_DONE ? "-      "
                            : run->elsewhere                ? "other  "
                                                            : "here   ";
        rcr_text_printf(&out, "%-7s  %s%s", run->taken != NULL ? "taken" : rcr_study_status_name(run->status), where,
                        run->directory);
        if (run->taken != NULL) rcr_text_printf(&out, "  (%s, line %ld)", run->taken, run->taken_line);
        rcr_text_puts(&out, "\n");
    }
    rcr_text_puts(&out, "\n");
    put_counts(&out, study);
    int code = rcr_cli_show(&out);
    rcr_text_free(&out);
    return code;
}

static int finish(rcr_study *study, study_view *view, rcr_status status, const request *r, const rcr_error *err) {
    rcr_terminal_clear(&view->terminal);
    if (status == RCR_ERR_INTERRUPTED) {
        rcr_text command = {0};
        for (int i = 1; i < r->argc; i++) {
            rcr_text_puts(&command, " ");
            rcr_shell_word(&command, r->argv[i]);
        }
        rcr_cli_hint("%s", err->message);
        rcr_cli_hint("go on with: recryst study%s", command.failed ? " FILE" : command.data);
        rcr_text_free(&command);
        return RCR_EXIT_INTERRUPTED;
    }
    if (status != RCR_OK) return rcr_cli_error(err);
    rcr_study_counts n = rcr_study_count(study);
    rcr_text out = {0};
    rcr_study_summary_text(&out, study);
    rcr_text_printf(
        &out, "\nall runs     %s/study.csv\nsummary      %s/summary.csv, differences.csv, summary.json, summary.txt\n",
        study->directory, study->directory);
    int code = rcr_cli_show(&out);
    rcr_text_free(&out);
    if (n.waiting + n.stopped > n.here)
        rcr_cli_hint("%zu run%s left to others; --take their study.csv brings all together",
                     n.waiting + n.stopped - n.here, n.waiting + n.stopped - n.here == 1 ? " is" : "s are");
    return code == RCR_EXIT_OK && n.failed > 0 ? RCR_EXIT_FAILED : code;
}

static rcr_status keep_file(const rcr_study *study, const rcr_study_file *said, rcr_error *err) {
    rcr_text path = {0};
    rcr_text_printf(&path, "%s/study.toml", study->directory);
    rcr_status status = path.failed ? rcr_fail_memory(err, "starting a study")
                                    : rcr_file_write(path.data, said->text, said->length, err);
    rcr_text_free(&path);
    return status;
}

/* ---- runs of elsewhere */

static rcr_status take_table(rcr_study *study, const char *path, rcr_study_takings *out, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = rcr_file_read(&text, &length, path, (size_t)1 << 30, err);
    if (status != RCR_OK) return status;
    status = rcr_study_take(study, path, text, length, out, err);
    rcr_free(text);
    return status;
}

static rcr_status take_and_tell(rcr_study *study, const char *path, study_view *view, int quiet, rcr_error *err) {
    rcr_study_takings n = {0};
    rcr_status status = take_table(study, path, &n, err);
    if (status != RCR_OK || quiet) return status;
    rcr_text line = {0};
    rcr_text_printf(&line, "%s: %zu run%s taken", path, n.n_taken, n.n_taken == 1 ? "" : "s");
    if (n.n_there > 0) rcr_text_printf(&line, ", %zu there already", n.n_there);
    if (n.n_strange > 0) rcr_text_printf(&line, ", %zu of no run of this study", n.n_strange);
    if (!line.failed) rcr_terminal_line(&view->terminal, "%s", line.data);
    rcr_text_free(&line);
    return RCR_OK;
}

/* What the file and the command line say is to be taken. */
static rcr_status take_tables(rcr_study *study, const rcr_study_file *said, const request *r, study_view *view,
                              rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < said->n_take && status == RCR_OK; i++)
        if (rcr_path_exists(said->take[i])) status = take_and_tell(study, said->take[i], view, r->quiet, err);
    for (int32_t i = 0; i < r->take.n && status == RCR_OK; i++)
        status = take_and_tell(study, r->take.item[i], view, r->quiet, err);
    return status;
}

/* "2/4" */
static rcr_status choose_runs(rcr_study *study, const request *r, rcr_error *err) {
    enum { MOST = 100000 };
    int64_t part = 1, n = 1;
    const char *slash = r->part != NULL ? strchr(r->part, '/') : NULL;
    if (r->part != NULL && (slash == NULL || !rcr_parse_int64(&part, r->part, (size_t)(slash - r->part)) ||
                            !rcr_parse_int64(&n, slash + 1, strlen(slash + 1)) || part < 1 || part > n || n > MOST))
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "--part takes which part and how many there are, such as 1/3, 2/3 and 3/3, not '%.60s'",
                        r->part);
    return rcr_study_choose(study, (size_t)part - 1, (size_t)n, r->only.item, (size_t)r->only.n, err);
}

/* The file holds what it held, and what is done now. */
static int keep_results(rcr_study *study, const char *path) {
    rcr_error err;
    rcr_study_takings there = {0};
    rcr_status status = rcr_path_exists(path) ? take_table(study, path, &there, &err) : RCR_OK;
    if (status == RCR_OK && there.n_strange > 0)
        status = rcr_fail_at(&err, RCR_ERR_MISMATCH, path, 0,
                             "%zu of its rows belong to no run of this study and would be lost; keep the results in "
                             "another file",
                             there.n_strange);
    size_t done = rcr_study_count(study).done;
    if (status == RCR_OK && done > 0) status = rcr_study_keep(study, path, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    rcr_text out = {0};
    rcr_text_printf(&out, "%s: %zu of %zu runs%s\n", path, done, study->n_runs, done == 0 ? ", not written" : "");
    int code = rcr_cli_show(&out);
    rcr_text_free(&out);
    return code;
}

static rcr_status open_study(rcr_study *study, const rcr_study_file *said, const request *r, study_view *view,
                             rcr_error *err) {
    size_t strangers = 0;
    rcr_status status = rcr_study_open(study, !r->dry && r->keep == NULL, &strangers, err);
    if (status == RCR_OK && strangers > 0)
        rcr_cli_note("%zu run director%s in %s belong%s to no run of this study and stay%s as %s", strangers,
                     strangers == 1 ? "y" : "ies", study->directory, strangers == 1 ? "s" : "",
                     strangers == 1 ? "s" : "", strangers == 1 ? "it is" : "they are");
    if (status == RCR_OK) status = choose_runs(study, r, err);
    return status == RCR_OK ? take_tables(study, said, r, view, err) : status;
}

static int run_study(rcr_study *study, const rcr_study_file *said, const request *r) {
    rcr_error err;
    study_view view = {0};
    int32_t jobs = r->jobs > 0 ? r->jobs : said->jobs, threads = r->threads > 0 ? r->threads : said->threads;
    rcr_terminal_init(&view.terminal, r->quiet);
    rcr_status status = open_study(study, said, r, &view, &err);
    if (status != RCR_OK) return rcr_cli_error(&err);
    if (r->dry) return print_plan(study);
    if (r->keep != NULL) return keep_results(study, r->keep);
    status = keep_file(study, said, &err);
    if (status == RCR_OK && r->tables) status = rcr_study_write_tables(study, &err);
    if (status != RCR_OK || r->tables) return finish(study, &view, status, r, &err);
    rcr_study_counts n = rcr_study_count(study);
    view.n_done = n.done;
    share_cores(&jobs, &threads, n.here);
    if (!r->quiet)
        rcr_terminal_line(&view.terminal, "%s: %zu setting%s, %zu runs, %zu to do%s; %d at a time, %d thread%s each",
                          study->directory, study->n_settings, study->n_settings == 1 ? "" : "s", study->n_runs, n.here,
                          n.waiting + n.stopped > n.here ? " here" : "", jobs, threads, threads == 1 ? "" : "s");
    rcr_study_events events = {.context = &view, .run_ended = run_ended, .progress = progress};
    events.stop = rcr_signals_catch("\nrecryst: stopping; press Ctrl-C again to end at once\n");
    status = rcr_study_execute(study, jobs, threads, &events, &err);
    return finish(study, &view, status, r, &err);
}

int rcr_cmd_study(int argc, char **argv) {
    request r = {.argc = argc, .argv = argv};
    rcr_arg table[] = {
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "DIR",
         .value = &r.out,
         .help = "the study's folder; what the file says, else runs/NAME"},
        {.name = "jobs",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &r.jobs,
         .max = 4096,
         .help = "runs at a time, 0: as the file says, else one for each core; changes no result"},
        {.name = "threads",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &r.threads,
         .max = RCR_MAX_THREADS,
         .help = "threads of each run, 0: as the file says, else the cores that its jobs leave; changes no result"},
        {.name = "part",
         .kind = RCR_ARG_TEXT,
         .value_name = "K/N",
         .value = &r.part,
         .help = "train the K-th of N parts alone, and leave the others to other machines"},
        {.name = "only",
         .kind = RCR_ARG_TEXTS,
         .value_name = "SETTING",
         .value = &r.only,
         .help = "train this setting alone; can be given again"},
        {.name = "take",
         .kind = RCR_ARG_TEXTS,
         .value_name = "FILE.csv",
         .value = &r.take,
         .help = "the study.csv of another machine: its runs that are done need not be trained here; can be given "
                 "again"},
        {.name = "keep",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE.csv",
         .value = &r.keep,
         .help = "train nothing, and add the runs that are done to this table, which --take reads"},
        {.name = "tables",
         .kind = RCR_ARG_FLAG,
         .value = &r.tables,
         .help = "train nothing, and write the tables anew"},
        {.name = "dry-run",
         .kind = RCR_ARG_FLAG,
         .value = &r.dry,
         .help = "write nothing, and list the runs and how far they are"},
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &r.quiet, .help = "no progress; only errors and the summary"},
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
                    "  recryst study gate.toml --jobs 2 --dry-run\n"
                    "  recryst study gate.toml --part 1/2 --out runs/gate\n"
                    "  recryst study gate.toml --take there/study.csv\n",
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
    r.file = args.positional[0];
    if (rcr_study_file_read(&study, &said, r.file, r.out, &err) != RCR_OK) return rcr_cli_error(&err);
    code = run_study(study, &said, &r);
    rcr_study_file_release(&said);
    rcr_study_free(study);
    return code;
}
