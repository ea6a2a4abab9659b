/* recryst models */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "model/model.h"

/* What is shown of a model, as text. */
enum { C_NAME, C_PROPERTY, C_UNIT, C_SCORE, C_NETWORKS, C_INTERVALS, C_DATE, N_COLUMNS };
static const char *const titles[N_COLUMNS] = {"name",     "property",  "unit", "test score",
                                              "networks", "intervals", "date"};

typedef struct row {
    char cell[N_COLUMNS][96];
} row;

/* The metadata's date, else the day on which the file was last written. */
static void set_date(char *out, size_t size, const rcr_model *model, const char *path) {
    const char *given = rcr_model_get_meta(model, "date");
    struct stat info;
    struct tm day;
    out[0] = '\0';
    if (given != NULL)
        snprintf(out, size, "%s", given);
    else if (stat(path, &info) == 0 && gmtime_r(&info.st_mtime, &day) != NULL)
        snprintf(out, size, "%04d-%02d-%02d", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
}

/* "MAE 0.0381", "AUC 0.921", or "" where the metadata have no score of test rows. */
static void set_score(char *out, size_t size, const rcr_model *model) {
    int classes = model->options.task == RCR_CLASSIFICATION;
    const char *text = rcr_model_get_meta(model, classes ? "test_auc" : "test_mae");
    double value = NAN;
    out[0] = '\0';
    if (text == NULL || !rcr_parse_double(&value, text, strlen(text)) || !isfinite(value)) return;
    char number[32];
    snprintf(out, size, "%s %s", classes ? "AUC" : "MAE",
             rcr_format_value(number, value, classes ? 3 : rcr_decimals_for(fabs(value))));
}

static void fill_row(row *r, const rcr_model *model, const char *name, const char *path) {
    int classes = model->options.task == RCR_CLASSIFICATION;
    rcr_text properties = {0}, units = {0};
    for (int32_t t = 0; t < model->options.n_targets; t++) {
        if (t > 0) rcr_text_puts(&properties, ", ");
        rcr_target_label(&properties, model, t);
        rcr_text_printf(&units, "%s%s", t > 0 ? ", " : "", classes ? "probability" : model->targets[t].unit);
    }
    snprintf(r->cell[C_NAME], sizeof r->cell[0], "%s", name);
    snprintf(r->cell[C_PROPERTY], sizeof r->cell[0], "%s", properties.failed ? "" : properties.data);
    snprintf(r->cell[C_UNIT], sizeof r->cell[0], "%s", units.failed ? "" : units.data);
    set_score(r->cell[C_SCORE], sizeof r->cell[0], model);
    snprintf(r->cell[C_NETWORKS], sizeof r->cell[0], "%zu", model->n_members);
    snprintf(r->cell[C_INTERVALS], sizeof r->cell[0], "%s", model->conformal != NULL ? "yes" : "no");
    set_date(r->cell[C_DATE], sizeof r->cell[0], model, path);
    rcr_text_free(&properties);
    rcr_text_free(&units);
}

static void put_json(rcr_text *out, const rcr_model *model, const char *name, const char *path) {
    char date[64], number[32];
    double mae = NAN;
    const char *text = rcr_model_get_meta(model, "test_mae");
    set_date(date, sizeof date, model, path);
    rcr_text_puts(out, "{\"name\": ");
    rcr_json_string(out, name);
    rcr_text_puts(out, ", \"file\": ");
    rcr_json_string(out, path);
    rcr_text_puts(out, ", \"targets\": [");
    for (int32_t t = 0; t < model->options.n_targets; t++) {
        rcr_text_puts(out, t > 0 ? ", {\"name\": " : "{\"name\": ");
        rcr_json_string(out, model->targets[t].name);
        rcr_text_puts(out, ", \"unit\": ");
        rcr_json_string(out, model->targets[t].unit);
        rcr_text_puts(out, "}");
    }
    if (text == NULL || !rcr_parse_double(&mae, text, strlen(text))) mae = NAN;
    rcr_text_printf(out, "], \"task\": \"%s\", \"networks\": %zu, \"intervals\": %s, \"test_mae\": %s, \"date\": ",
                    model->options.task == RCR_CLASSIFICATION ? "classification" : "regression", model->n_members,
                    model->conformal != NULL ? "true" : "false",
                    isfinite(mae) ? rcr_format_double(number, mae) : "null");
    rcr_json_string(out, date);
    rcr_text_puts(out, ", \"metadata\": {");
    for (size_t i = 0; i < model->n_meta; i++) {
        if (i > 0) rcr_text_puts(out, ", ");
        rcr_json_string(out, model->meta[i].key);
        rcr_text_puts(out, ": ");
        rcr_json_string(out, model->meta[i].value);
    }
    rcr_text_puts(out, "}}\n");
}

static void put_table(rcr_text *out, const row *rows, size_t n) {
    size_t width[N_COLUMNS];
    for (int c = 0; c < N_COLUMNS; c++) {
        width[c] = strlen(titles[c]);
        for (size_t i = 0; i < n; i++)
            if (strlen(rows[i].cell[c]) > width[c]) width[c] = strlen(rows[i].cell[c]);
    }
    for (size_t i = 0; i <= n; i++)
        for (int c = 0; c < N_COLUMNS; c++)
            rcr_text_printf(out, c + 1 < N_COLUMNS ? "%-*s  " : "%-*s\n", c + 1 < N_COLUMNS ? (int)width[c] : 0,
                            i == 0 ? titles[c] : rows[i - 1].cell[c]);
}

static int list(int json, const rcr_shelf *shelf) {
    row *rows = rcr_calloc(shelf->n, sizeof *rows);
    rcr_text out = {.failed = rows == NULL};
    size_t n = 0;
    for (size_t i = 0; i < shelf->n && rows != NULL; i++) {
        rcr_model *model;
        rcr_error err;
        if (rcr_model_load(&model, shelf->path[i], &err) != RCR_OK) {
            char reason[sizeof(rcr_error) + 32];
            rcr_error_format(reason, sizeof reason, &err);
            rcr_cli_note("%s can't be read: %s", shelf->name[i], reason);
            continue;
        }
        if (json)
            put_json(&out, model, shelf->name[i], shelf->path[i]);
        else
            fill_row(&rows[n], model, shelf->name[i], shelf->path[i]);
        n++;
        rcr_model_free(model);
    }
    if (!json && n > 0) put_table(&out, rows, n);
    if (n == 0 && rows != NULL) {
        rcr_text folders = {0};
        rcr_shelf_folders(&folders);
        rcr_cli_note("there are no models in %s", folders.failed ? "" : folders.data);
        rcr_text_free(&folders);
    }
    int code = rcr_cli_show(&out);
    rcr_text_free(&out);
    rcr_free(rows);
    return code;
}

int rcr_cmd_models(int argc, char **argv) {
    int32_t json = 0;
    rcr_arg table[] = {
        {.name = "json",
         .kind = RCR_ARG_FLAG,
         .value = &json,
         .help = "an object with all that is known of a model on each line"},
    };
    rcr_args args = {
        .command = "models",
        .usage = "[options]",
        .description = "List the models that can be given by name: NAME.safetensors in the folder\n"
                       "$RECRYST_MODELS, in models/ beside the folder of the program, and in\n"
                       "../share/recryst/models from there. Of equal names the first counts.\n",
        .examples = "  recryst models\n"
                    "  recryst predict formation-energy NaCl.cif\n"
                    "  recryst predict all NaCl.cif\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    rcr_shelf shelf;
    rcr_error err;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional > 0)
        return rcr_cli_usage_error("models ", "models takes no arguments; recryst info %s shows one",
                                   args.positional[0]);
    if (rcr_shelf_list(&shelf, &err) != RCR_OK) return rcr_cli_error(&err);
    code = list(json, &shelf);
    rcr_shelf_release(&shelf);
    return code;
}
