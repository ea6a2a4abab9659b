/* recryst export */
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/find_model.h"
#include "cli/output.h"
#include "exchange/export.h"
#include "model/ensemble.h"

enum { FORMAT_AUTO = 0, FORMAT_CHECKPOINT, FORMAT_ONNX, MAX_REASONS = 5 };

static rcr_status write_model(const rcr_model *model, const char *path, int32_t format, int32_t atoms, rcr_error *err) {
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status = format == FORMAT_ONNX ? rcr_onnx_export(&bytes, &length, model, (rcr_onnx_atoms)atoms, err)
                                              : rcr_checkpoint_export(&bytes, &length, model, err);
    if (status == RCR_OK) status = rcr_file_write(path, bytes, length, err);
    rcr_free(bytes);
    return status;
}

static rcr_status write_table(const rcr_model *model, const char *path, rcr_error *err) {
    char *json = NULL;
    size_t length = 0;
    rcr_status status = rcr_element_table_json(&json, &length, model->elements, err);
    if (status == RCR_OK) status = rcr_file_write(path, json, length, err);
    rcr_free(json);
    return status;
}

static rcr_status choose_member(rcr_model **model, int32_t member, rcr_error *err) {
    if (member == 0) return RCR_OK;
    rcr_model *picked;
    rcr_status status = rcr_model_pick(&picked, *model, (size_t)member - 1, err);
    if (status != RCR_OK) return status;
    rcr_model_free(*model);
    *model = picked;
    return RCR_OK;
}

int rcr_cmd_export(int argc, char **argv) {
    int32_t format = FORMAT_AUTO, atoms = RCR_ONNX_NUMBERS, quiet = 0, member = 0;
    const char *atom_init = NULL;
    rcr_arg table[] = {
        {.name = "format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "auto|checkpoint|onnx",
         .value = &format,
         .help = "a checkpoint as torch.save writes it, or an ONNX graph; auto: a graph where FILE ends in .onnx"},
        {.name = "atom-init",
         .kind = RCR_ARG_TEXT,
         .value_name = "FILE",
         .value = &atom_init,
         .help = "write the model's element table too, as the atom_init.json that the reference programs want beside "
                 "the data"},
        {.name = "atoms",
         .kind = RCR_ARG_CHOICE,
         .value_name = "numbers|features",
         .value = &atoms,
         .help = "what the ONNX graph takes for an atom: its atomic number, or its element vector"},
        {.name = "member",
         .kind = RCR_ARG_INT32,
         .value_name = "N",
         .value = &member,
         .min = 1,
         .max = 100,
         .help = "of an ensemble: the one network to write, counted from 1; an ONNX graph holds all when not given"},
        {.name = "quiet", .kind = RCR_ARG_FLAG, .value = &quiet, .help = "no notes"},
    };
    rcr_args args = {
        .command = "export",
        .usage = "MODEL FILE [options]",
        .description = "Write a model for other programs: a checkpoint that the reference programs of\n"
                       "CGCNN and SR-CGCNN load and go on training with, or an ONNX graph.\n",
        .examples = "  recryst export runs/gap model_best.pth.tar --atom-init data/atom_init.json\n"
                    "  recryst export runs/gap gap.onnx\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 2)
        return rcr_cli_usage_error("export ", "%s: recryst export MODEL FILE",
                                   args.n_positional == 0   ? "no model given"
                                   : args.n_positional == 1 ? "no name for the file given"
                                                            : "one model at a time");
    if (format == FORMAT_AUTO) format = rcr_ends_with(args.positional[1], ".onnx") ? FORMAT_ONNX : FORMAT_CHECKPOINT;
    rcr_error err;
    rcr_model *model = NULL;
    rcr_status status = rcr_open_model(&model, args.positional[0], &err);
    if (status == RCR_OK) status = choose_member(&model, member, &err);
    if (status == RCR_OK) status = write_model(model, args.positional[1], format, atoms, &err);
    if (status == RCR_OK && atom_init != NULL) status = write_table(model, atom_init, &err);
    const char *reason[MAX_REASONS];
    size_t n = status == RCR_OK && format == FORMAT_CHECKPOINT && !quiet
                   ? rcr_checkpoint_differences(reason, MAX_REASONS, model)
                   : 0;
    for (size_t i = 0; i < n; i++) rcr_cli_note("%s", reason[i]);
    rcr_model_free(model);
    return status == RCR_OK ? RCR_EXIT_OK : rcr_cli_error(&err);
}
