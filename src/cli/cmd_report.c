/* recryst report */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/page_asset.h"
#include "cli/symmetry_guard.h"
#include "cli/terminal.h"
#include "report/figures.h"
#include "report/page.h"
#include "report/studypage.h"
#include "report/survey.h"

enum { FORMAT_HTML = 0, FORMAT_SVG, FORMAT_PNG, FORMAT_PDF };

typedef struct report {
    const char *path, *out, *figure, *data;
    double dpi;
    int32_t format, no_data, threads, quiet;
    rcr_run_data *run;
    rcr_terminal terminal;
    double since;
    char reason[sizeof(rcr_error) + 64]; /* why the data were not looked at; "": they were, or needed not be */
    size_t n_missing;                    /* of the run's rows, in the data that were looked at */
} report;

/* ---- what the run directory lacks */

static void on_progress(void *context, size_t done, size_t total) {
    report *r = context;
    if (!rcr_terminal_due(&r->terminal)) return;
    char n[32], all[32], left[32];
    double rate = (double)done / (rcr_now() - r->since);
    rcr_terminal_progress(&r->terminal, "looking at the crystals: %s of %s, %s left",
                          rcr_format_count(n, (long long)done), rcr_format_count(all, (long long)total),
                          rcr_format_duration(left, rate > 0 ? (double)(total - done) / rate : NAN));
}

static int traces_steps(const rcr_run_data *run) {
    const char *model = rcr_run_text(run, "model");
    return model != NULL && strcmp(model, "sr-cgcnn") == 0 && rcr_run_number(run, "n_conv") > 1 && run->n_targets == 1;
}

static int needs_survey(const report *r) {
    return !r->no_data && (!r->run->has_groups || (traces_steps(r->run) && r->run->n_traced == 0) || r->data != NULL);
}

static rcr_status open_model(rcr_model **out, const report *r, rcr_error *err) {
    rcr_text path = {0};
    rcr_text_printf(&path, "%s/model.safetensors", r->path);
    rcr_status status = path.failed ? rcr_fail_memory(err, "reading the model") : rcr_model_load(out, path.data, err);
    rcr_text_free(&path);
    return status;
}

static rcr_status survey(report *r, rcr_error *err) {
    const char *data = r->data != NULL ? r->data : rcr_run_setting_value(r->run, "data", "path");
    if (data == NULL || data[0] == '\0') return rcr_fail(err, RCR_ERR_DATA, "the run does not say where its data are");
    rcr_survey_options options = {.data = data,
                                  .target = rcr_run_text(r->run, "target"),
                                  .find_group = rcr_guarded_spacegroup,
                                  .progress = on_progress,
                                  .context = r,
                                  .n_missing = &r->n_missing};
    rcr_model *model = NULL;
    rcr_pool *pool = NULL;
    rcr_status status = rcr_pool_create(&pool, r->threads, err);
    if (status == RCR_OK && traces_steps(r->run) && r->run->n_traced == 0) status = open_model(&model, r, err);
    options.model = model;
    options.pool = pool;
    r->since = rcr_now();
    rcr_terminal_init(&r->terminal, r->quiet);
    if (status == RCR_OK) status = rcr_survey_write(r->run, &options, err);
    rcr_terminal_clear(&r->terminal);
    rcr_model_free(model);
    rcr_pool_free(pool);
    return status;
}

/* A report without these is still a report: what fails becomes a note in it. */
static rcr_status complete(report *r, rcr_error *err) {
    if (!needs_survey(r)) return RCR_OK;
    rcr_error why;
    rcr_status status = survey(r, &why);
    if (status == RCR_ERR_MEMORY) {
        *err = why;
        return status;
    }
    if (status != RCR_OK) {
        rcr_error_format(r->reason, sizeof r->reason, &why);
        if (!r->quiet) rcr_cli_note("space groups and structures are left as they are: %s", r->reason);
        return RCR_OK;
    }
    if (r->n_missing > 0 && !r->quiet)
        rcr_cli_note("%zu of the run's rows are not in these data; what was known of them stays", r->n_missing);
    rcr_run_data *again;
    status = rcr_run_data_read(&again, r->path, err);
    if (status != RCR_OK) return status;
    rcr_run_data_free(r->run);
    r->run = again;
    return RCR_OK;
}

/* ---- the page */

static int fail_without_page(void) {
    rcr_error err;
    rcr_fail(&err, RCR_ERR_UNSUPPORTED, "this recryst was built without the page of its reports");
    int code = rcr_cli_error(&err);
    rcr_cli_hint("the page is built with Node.js 18 or later and npm: tools/setup.sh --report, then make report");
    rcr_cli_hint("training writes a plain report.html without it, and --format svg writes single figures");
    return code;
}

/* Notes name their reason; buffer keeps the texts. */
static void make_notes(rcr_page_notes *notes, rcr_text buffer[3], const report *r) {
    const rcr_run_data *run = r->run;
    const char *why = r->reason[0] != '\0' ? r->reason : r->no_data ? "--no-data was given" : "the data do not tell";
    *notes = (rcr_page_notes){0};
    if (run->n_crystals == 0) rcr_text_printf(&buffer[0], "Formulas and sizes of the crystals are not known: %s.", why);
    if (!run->has_groups)
        rcr_text_printf(&buffer[1], "Space groups are not known: %s.", why);
    else if (r->n_missing > 0)
        rcr_text_printf(&buffer[1],
                        "%zu of the run's rows are not in the data that were looked at: of these it shows what was "
                        "known before.",
                        r->n_missing);
    if (run->n_worst == 0) rcr_text_printf(&buffer[2], "The structures are not known: %s.", why);
    notes->rows = buffer[0].data;
    notes->space_groups = buffer[1].data;
    notes->crystals = buffer[2].data;
}

static rcr_status gather_run(rcr_text *title, rcr_text *json, report *r, rcr_error *err) {
    rcr_text buffer[3] = {{0}};
    rcr_page_notes notes;
    rcr_status status = rcr_run_data_read(&r->run, r->path, err);
    if (status == RCR_OK) status = complete(r, err);
    if (status != RCR_OK) return status;
    make_notes(&notes, buffer, r);
    rcr_page_title(title, r->run);
    status = rcr_page_run(json, r->run, &notes, err);
    for (int i = 0; i < 3; i++) rcr_text_free(&buffer[i]);
    return status;
}

static rcr_status gather_study(rcr_text *title, rcr_text *json, report *r, rcr_error *err) {
    rcr_status status = rcr_study_title(title, r->path, err);
    return status == RCR_OK ? rcr_page_study(json, r->path, err) : status;
}

/* To the file, whose name is then told, or for "-" to standard output. */
static rcr_status put_file(const report *r, const char *path, const rcr_text *bytes, rcr_error *err) {
    if (strcmp(path, "-") == 0)
        return rcr_cli_print(bytes) == RCR_EXIT_OK ? RCR_OK : rcr_fail(err, RCR_ERR_IO, "%s", "");
    rcr_status status = rcr_file_write(path, bytes->data, bytes->length, err);
    if (status != RCR_OK || r->quiet) return status;
    rcr_text line = {0};
    rcr_text_printf(&line, "%s\n", path);
    rcr_cli_print(&line);
    rcr_text_free(&line);
    return RCR_OK;
}

static rcr_status write_page(report *r, rcr_error *err) {
    size_t length;
    const char *page = rcr_page_asset(&length);
    rcr_text json = {0}, title = {0}, whole = {0}, path = {0};
    rcr_text_printf(&path, "%s/report.html", r->path);
    rcr_status status = rcr_study_is(r->path) ? gather_study(&title, &json, r, err) : gather_run(&title, &json, r, err);
    if (status == RCR_OK && (title.failed || path.failed)) status = rcr_fail_memory(err, "writing a report");
    if (status == RCR_OK) status = rcr_page_fill(&whole, page, length, title.data, &json, err);
    if (status == RCR_OK) status = put_file(r, r->out != NULL ? r->out : path.data, &whole, err);
    rcr_text_free(&json);
    rcr_text_free(&title);
    rcr_text_free(&whole);
    rcr_text_free(&path);
    return status;
}

/* ---- single figures */

static const char *const endings[] = {"html", "svg", "png", "pdf"};

static rcr_status write_canvas(const report *r, const rcr_canvas *canvas, const char *path, rcr_error *err) {
    rcr_text bytes = {0};
    rcr_status status = r->format == FORMAT_SVG   ? rcr_canvas_svg(&bytes, canvas, err)
                        : r->format == FORMAT_PNG ? rcr_canvas_png(&bytes, canvas, r->dpi, err)
                                                  : rcr_canvas_pdf(&bytes, canvas, err);
    if (status == RCR_OK) status = put_file(r, path, &bytes, err);
    rcr_text_free(&bytes);
    return status;
}

/* Draw one figure (NULL: that of a study) and write it to --out, or to FOLDER/NAME.ENDING. */
static rcr_status write_figure(const report *r, const rcr_figure *figure, const char *folder, rcr_error *err) {
    rcr_canvas canvas = {0};
    rcr_text path = {0};
    if (folder != NULL)
        rcr_text_printf(&path, "%s/%s.%s", folder, figure != NULL ? figure->name : "study", endings[r->format]);
    else
        rcr_text_puts(&path, r->out);
    rcr_status status = path.failed      ? rcr_fail_memory(err, "writing a figure")
                        : figure == NULL ? rcr_figure_study(&canvas, r->path, err)
                                         : figure->draw(&canvas, r->run, err);
    if (status == RCR_OK) status = write_canvas(r, &canvas, path.data, err);
    rcr_canvas_release(&canvas);
    rcr_text_free(&path);
    return status;
}

/* A study has one figure, which no run has. */
static rcr_status check_figure(const report *r, int study, rcr_error *err) {
    if (r->figure == NULL || (strcmp(r->figure, "study") == 0) == study) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->path, 0, "it is a %s, which has no figure '%s'; --help lists them",
                       study ? "study" : "run", r->figure);
}

/* All figures that the run has, into a folder; or the one that was asked for. */
static rcr_status write_figures(report *r, rcr_error *err) {
    rcr_text folder = {0};
    int study = rcr_study_is(r->path), all = r->figure == NULL;
    rcr_status status = study ? RCR_OK : rcr_run_data_read(&r->run, r->path, err); /* tells what is no run either */
    if (status == RCR_OK) status = check_figure(r, study, err);
    if (status == RCR_OK && !study) status = complete(r, err);
    if (all && r->out != NULL)
        rcr_text_puts(&folder, r->out);
    else
        rcr_text_printf(&folder, all ? "%s/figures" : "%s", r->path);
    if (status == RCR_OK && folder.failed) status = rcr_fail_memory(err, "writing figures");
    if (status == RCR_OK && all) status = rcr_make_directory(folder.data, err);
    const char *place = !all && r->out != NULL ? NULL : folder.data;
    if (status == RCR_OK && study) status = write_figure(r, NULL, place, err);
    for (const rcr_figure *f = rcr_figures; f->name != NULL && !study && status == RCR_OK; f++) {
        if (!all && strcmp(f->name, r->figure) != 0) continue;
        status = write_figure(r, f, place, err);
        if (all && status == RCR_ERR_DATA) {
            if (!r->quiet) rcr_cli_note("no figure %s: %s", f->name, err->message);
            status = RCR_OK;
        }
    }
    rcr_text_free(&folder);
    return status;
}

static int knows_figure(const char *name) {
    for (const rcr_figure *f = rcr_figures; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0) return 1;
    return strcmp(name, "study") == 0;
}

int rcr_cmd_report(int argc, char **argv) {
    report r = {.dpi = 300};
    rcr_arg table[] = {
        {.name = "format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "html|svg|png|pdf",
         .value = &r.format,
         .help = "the page, or single figures of a paper's size (PNG and PDF need the library cairo)"},
        {.name = "figure",
         .kind = RCR_ARG_TEXT,
         .value_name = "NAME",
         .value = &r.figure,
         .help = "svg, png, pdf: one of learning, loss, parity, residuals, elements, steps, calibration, of a study "
                 "study; all "
                 "that there are when not given, into the folder --out"},
        {.name = "dpi",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "N",
         .value = &r.dpi,
         .min = 36,
         .max = 2400,
         .help = "png: pixels an inch"},
        {.name = "out",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &r.out,
         .help = "the file to write, - for standard output; the folder of several figures [report.html, NAME.svg, "
                 "figures/ in the run's folder]"},
        {.name = "data",
         .kind = RCR_ARG_TEXT,
         .value_name = "DATA",
         .value = &r.data,
         .help = "where the data are now, if they have moved since the training"},
        {.name = "no-data", .kind = RCR_ARG_FLAG, .value = &r.no_data, .help = "do not read the data again"},
        RCR_THREADS_ARG(r.threads),
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &r.quiet, .help = "no progress, no notes"},
    };
    rcr_args args = {
        .command = "report",
        .usage = "RUN_OR_STUDY [options]",
        .description = "Write a run as one page, report.html, that needs nothing but a browser: learning\n"
                       "curves, predictions against targets, errors by element, size, target and space\n"
                       "group, the steps of an SR-CGCNN, the worst crystals in three dimensions, all\n"
                       "settings, and how to repeat the run.  Of a study's folder: its settings compared,\n"
                       "with spreads, paired differences and learning curves.\n"
                       "\n"
                       "The first report of a run reads its data again, for formulas, space groups and\n"
                       "structures; what it finds is kept in the run's folder.\n",
        .examples = "  recryst report runs/gap\n"
                    "  recryst report runs/gate-study\n"
                    "  recryst report runs/gap --format svg --figure parity --out parity.svg\n"
                    "  recryst report runs/gap --format pdf --out figures\n"
                    "  recryst report runs/gap --out gap.html --data /new/place/mp-elastic.tar.zst\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 1)
        return rcr_cli_usage_error("report ", "%s: recryst report RUN_OR_STUDY",
                                   args.n_positional == 0 ? "no run given" : "one run at a time");
    if (r.format == FORMAT_HTML && r.figure != NULL)
        return rcr_cli_usage_error("report ", "--figure goes with --format svg, png or pdf");
    if (r.format != FORMAT_PNG && rcr_args_find(&args, "dpi")->given)
        return rcr_cli_usage_error("report ", "--dpi goes with --format png");
    if (r.format != FORMAT_HTML && r.figure == NULL && r.out != NULL && strcmp(r.out, "-") == 0)
        return rcr_cli_usage_error("report ", "--out - takes one figure; say which with --figure");
    if (r.figure != NULL && !knows_figure(r.figure))
        return rcr_cli_usage_error("report ", "there is no figure '%s'; --help lists them", r.figure);
    size_t length;
    if (r.format == FORMAT_HTML && rcr_page_asset(&length) == NULL) return fail_without_page();
    r.path = args.positional[0];
    rcr_error err;
    rcr_status status = r.format == FORMAT_HTML ? write_page(&r, &err) : write_figures(&r, &err);
    rcr_run_data_free(r.run);
    return status == RCR_OK ? RCR_EXIT_OK : rcr_cli_error(&err);
}
