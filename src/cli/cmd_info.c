/* recryst info */
#include <string.h>
#include <unistd.h>

#include "api/inputs.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/info.h"
#include "cli/info_structure.h"
#include "cli/output.h"
#include "crystal/spacegroup.h"
#include "exchange/torchfile.h"
#include "graph/store.h"
#include "io/reader.h"
#include "io/unpack.h"

#define MAX_CHECKPOINT_BYTES ((size_t)1 << 31) /* as recryst import */

/* Only a structure can be told as JSON. */
static rcr_status fail_json(const char *path, rcr_error *err) {
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, path, 0, "--json tells of one structure file");
}

static rcr_status info_model(rcr_text *out, const char *name, int json, rcr_error *err) {
    rcr_text path = {0};
    rcr_model *model;
    rcr_status status = rcr_find_model(&path, name, err);
    if (status == RCR_OK && json) status = fail_json(path.data, err);
    if (status == RCR_OK) status = rcr_model_load(&model, path.data, err);
    if (status == RCR_OK) {
        rcr_text_printf(out, "file       %s\n", path.data);
        rcr_info_model(out, model);
        rcr_model_free(model);
    }
    rcr_text_free(&path);
    return status;
}

/* What the command line asks for beside the thing itself. */
typedef struct request {
    rcr_graph_options graph;
    const char *target;
    double tolerance;
    int32_t quiet, json;
} request;

/* A file of one structure, of whatever format; several are a dataset. */
static rcr_status info_file(rcr_text *out, const char *path, const request *r, rcr_error *err) {
    rcr_reader *reader;
    rcr_record record, next;
    rcr_status status = rcr_reader_open(&reader, path, err);
    if (status != RCR_OK) return status;
    int found = rcr_reader_read(reader, &record), several = found && !record.alone && rcr_reader_next(reader, &next);
    if (several) {
        rcr_record_release(&next);
        status = r->json ? fail_json(path, err) : rcr_info_data(out, path, &r->graph, r->target, r->quiet, err);
    } else if (!found) {
        status = rcr_fail_at(err, RCR_ERR_DATA, path, 0, "the file holds no structures");
    } else if (record.error.status != RCR_OK) {
        if (err != NULL) *err = record.error;
        status = record.error.status;
    } else {
        rcr_info_structure(out, path, record.crystal, r->tolerance, r->json, &r->graph);
    }
    rcr_record_release(&record);
    rcr_reader_close(reader);
    return status;
}

static rcr_status info_data(rcr_text *out, const char *path, const request *r, rcr_error *err) {
    rcr_status status = rcr_info_data(out, path, &r->graph, r->target, r->quiet, err);
    if (status == RCR_ERR_DATA && rcr_is_directory(path) && err != NULL &&
        strstr(err->message, "no id_prop.csv") != NULL)
        rcr_fail_at(err, RCR_ERR_DATA, path, 0,
                    "is no run (no config.toml), no dataset (no id_prop.csv) and holds no structure files");
    return status;
}

/* Where a file could not be read as data because torch.save made it: say that in *err instead. */
static void tell_checkpoint(rcr_error *err, const char *path) {
    rcr_torch_file *file = NULL;
    rcr_error failure;
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status =
        rcr_is_file(path) ? rcr_file_read(&bytes, &length, path, MAX_CHECKPOINT_BYTES, &failure) : RCR_ERR_PARSE;
    if (status == RCR_OK) status = rcr_torch_open(&file, bytes, length, &failure);
    if (status == RCR_OK)
        rcr_fail_at(err, RCR_ERR_UNSUPPORTED, path, 0,
                    "this is a checkpoint (%s), no model file; recryst import makes one of it", rcr_torch_format(file));
    rcr_torch_free(file);
    rcr_free(bytes);
}

static rcr_status tell(rcr_text *out, const char *path, const request *r, rcr_error *err) {
    int is_data = rcr_is_directory(path) || rcr_store_is(path) || rcr_is_archive(path) || rcr_is_table_name(path);
    int is_model = access(path, F_OK) != 0 || rcr_ends_with(path, ".safetensors");
    if (is_model) return info_model(out, path, r->json, err);
    if (r->json && is_data) return fail_json(path, err);
    if (rcr_is_directory(path) && rcr_is_run(path)) return rcr_info_run(out, path, err);
    if (rcr_store_is(path)) return rcr_info_store(out, path, err);
    rcr_status status = is_data ? info_data(out, path, r, err) : info_file(out, path, r, err);
    if (status == RCR_ERR_DATA || status == RCR_ERR_UNSUPPORTED) tell_checkpoint(err, path);
    return status;
}

int rcr_cmd_info(int argc, char **argv) {
    request r = {.graph = rcr_graph_options_default(), .tolerance = RCR_SYMMETRY_TOLERANCE};
    rcr_arg table[] = {
        {.name = "target",
         .kind = RCR_ARG_TEXT,
         .value_name = "NAME",
         .value = &r.target,
         .help = "of a dataset: count rows without this target as unusable"},
        {.name = "json", .kind = RCR_ARG_FLAG, .value = &r.json, .help = "of a structure: a JSON object, all digits"},
        {.name = "symprec",
         .kind = RCR_ARG_DOUBLE,
         .value_name = "X",
         .value = &r.tolerance,
         .min = 1e-8,
         .max = 1,
         .help = "of a structure: how far atoms may be from where the space group has them, angstrom"},
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &r.quiet, .help = "no progress"},
    };
    rcr_args args = {
        .command = "info",
        .usage = "MODEL_OR_RUN_OR_DATA [options]",
        .description = "Show what something is. A model: architecture, parameters, graph options, target\n"
                       "and unit, what it was trained on and how well it did. A run: its state and\n"
                       "settings too. A dataset: usable and bad rows, elements, sizes, targets. A\n"
                       "graph store: what it was made from and how. A structure file: formula, cell,\n"
                       "density, space group, Wyckoff positions, the shortest distance, and warnings.\n",
        .examples = "  recryst info runs/first\n"
                    "  recryst info data/demo/alloys.tar.zst\n"
                    "  recryst info NaCl.cif\n"
                    "  recryst info relaxed.extxyz --symprec 0.1 --json\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 1)
        return rcr_cli_usage_error("info ",
                                   args.n_positional == 0 ? "nothing given: recryst info MODEL_OR_RUN_OR_DATA"
                                                          : "one thing at a time, not %d",
                                   args.n_positional);
    rcr_error err;
    rcr_text out = {0};
    rcr_status status = tell(&out, args.positional[0], &r, &err);
    code = status == RCR_OK ? rcr_cli_show(&out) : rcr_cli_error(&err);
    rcr_text_free(&out);
    return code;
}
