/* recryst info */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/graph_args.h"
#include "cli/info.h"
#include "cli/info_structure.h"
#include "cli/inputs.h"
#include "cli/output.h"
#include "crystal/spacegroup.h"
#include "graph/store.h"
#include "io/archive.h"
#include "io/extxyz.h"
#include "io/structure.h"

static rcr_status info_model(rcr_text *out, const char *name, rcr_error *err) {
    rcr_text path = {0};
    rcr_model *model;
    rcr_status status = rcr_find_model(&path, name, err);
    if (status == RCR_OK) status = rcr_model_load(&model, path.data, err);
    if (status == RCR_OK) {
        rcr_text_printf(out, "file       %s\n", path.data);
        rcr_info_model(out, model);
        rcr_model_free(model);
    }
    rcr_text_free(&path);
    return status;
}

/* 1 when more than blanks follow the first frame. */
static int has_many_frames(const char *text, size_t length) {
    rcr_crystal *crystal = NULL;
    size_t n_infos, consumed = 0;
    rcr_extxyz_parse(&crystal, NULL, 0, &n_infos, &consumed, "", text, length, 1, NULL);
    rcr_crystal_free(crystal);
    while (consumed < length && (unsigned char)text[consumed] <= ' ') consumed++;
    return consumed > 0 && consumed < length;
}

/* What the command line asks for beside the thing itself. */
typedef struct request {
    rcr_graph_options graph;
    const char *target;
    double tolerance;
    int32_t quiet, json;
} request;

static rcr_status info_one(rcr_text *out, const char *path, const char *text, size_t length, const request *r,
                           rcr_error *err) {
    rcr_crystal *crystal;
    rcr_status status = rcr_structure_parse(&crystal, path, text, length, err);
    if (status != RCR_OK) return status;
    rcr_info_structure(out, path, crystal, r->tolerance, r->json, &r->graph);
    rcr_crystal_free(crystal);
    return RCR_OK;
}

static rcr_status info_file(rcr_text *out, const char *path, const request *r, rcr_error *err) {
    char *text;
    size_t length;
    rcr_status status = rcr_file_read(&text, &length, path, (size_t)1 << 31, err);
    if (status != RCR_OK) return status;
    rcr_format format = rcr_format_detect(path, text, length);
    if (format == RCR_FORMAT_EXTXYZ && has_many_frames(text, length)) {
        rcr_free(text);
        return rcr_info_data(out, path, &r->graph, r->target, r->quiet, err);
    }
    status = info_one(out, path, text, length, r, err);
    rcr_free(text);
    return status;
}

/* A folder or archive of structure files without a table of targets.  Errors: RCR_ERR_DATA when it holds none. */
static rcr_status info_folder(rcr_text *out, const char *path, rcr_error *err) {
    rcr_folder *folder;
    const char *const *name;
    size_t n = 0, found = 0;
    rcr_status status = rcr_folder_open(&folder, path, err);
    if (status != RCR_OK) return status;
    status = rcr_folder_list(&name, &n, folder, err);
    for (size_t i = 0; i < n; i++)
        found += strchr(name[i], '/') == NULL && rcr_format_detect(name[i], "", 0) != RCR_FORMAT_UNKNOWN;
    rcr_folder_free(folder);
    if (status != RCR_OK) return status;
    if (found == 0)
        return rcr_fail_at(err, RCR_ERR_DATA, path, 0,
                           "is no run (no config.toml), no dataset (no id_prop.csv) and holds no structure files");
    rcr_text_printf(out, "folder     %s: %zu structure file%s without targets (no id_prop.csv)\n", path, found,
                    found == 1 ? "" : "s");
    rcr_text_printf(out, "           recryst predict MODEL %s predicts them\n", path);
    return RCR_OK;
}

static rcr_status info_data(rcr_text *out, const char *path, const request *r, rcr_error *err) {
    rcr_status status = rcr_info_data(out, path, &r->graph, r->target, r->quiet, err);
    if (status == RCR_OK || rcr_ends_with(path, ".csv")) return status;
    rcr_folder *folder;
    if (rcr_folder_open(&folder, path, NULL) != RCR_OK) return status;
    int is_dataset = rcr_folder_has(folder, "id_prop.csv");
    rcr_folder_free(folder);
    return is_dataset ? status : info_folder(out, path, err);
}

/* Only a structure can be told as JSON. */
static rcr_status tell(rcr_text *out, const char *path, const request *r, rcr_error *err) {
    int is_data =
        rcr_is_directory(path) || rcr_store_is(path) || rcr_is_archive_name(path) || rcr_ends_with(path, ".csv");
    int is_model = access(path, F_OK) != 0 || rcr_ends_with(path, ".safetensors");
    if (r->json && (is_data || is_model) && access(path, F_OK) == 0)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, path, 0, "--json tells of one structure file");
    if (is_model) return info_model(out, path, err);
    if (rcr_is_directory(path) && rcr_is_run(path)) return rcr_info_run(out, path, err);
    if (rcr_store_is(path)) return rcr_info_store(out, path, err);
    return is_data ? info_data(out, path, r, err) : info_file(out, path, r, err);
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
    code = status == RCR_OK ? rcr_cli_print(&out) : rcr_cli_error(&err);
    rcr_text_free(&out);
    return code;
}
