#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/output.h"
#include "cli/signals.h"

const rcr_command rcr_commands[] = {
    {"train", "train a model on a dataset, or go on with a run", rcr_cmd_train},
    {"study", "train settings x seeds x folds beside each other, and compare them", rcr_cmd_study},
    {"prepare", "read a dataset once, into a store that is taken in its place", rcr_cmd_prepare},
    {"evaluate", "score a model on a dataset", rcr_cmd_evaluate},
    {"report", "write a run as a page with figures and crystals", rcr_cmd_report},
    {"predict", "predict structure files, folders and archives", rcr_cmd_predict},
    {"info", "show what a model, a run, a dataset or a structure file is", rcr_cmd_info},
    {"embed", "write the vectors that a network makes of crystals or atoms", rcr_cmd_embed},
    {"ensemble", "join models into one that averages them, or calibrate intervals", rcr_cmd_ensemble},
    {"explain", "show what a network says after each step, and what each atom contributes", rcr_cmd_explain},
    {"models", "list the models that can be given by name", rcr_cmd_models},
    {"import", "turn a checkpoint of CGCNN, SR-CGCNN or cgcnn2 into a model file", rcr_cmd_import},
    {"export", "write a model for CGCNN, SR-CGCNN, or as ONNX", rcr_cmd_export},
    {"convert", "write structures in another format, or in another cell", rcr_cmd_convert},
    {"graph", "show the crystal graph of one structure file", rcr_cmd_graph},
    {"fetch", "make a dataset from the Materials Project or an OPTIMADE database", rcr_cmd_fetch},
    {"bench", "time this machine: reading, graphs, forward passes, training", rcr_cmd_bench},
    {NULL, NULL, NULL},
};

static int print_help(void) {
    rcr_text out = {0};
    rcr_text_puts(&out, "usage: recryst COMMAND [arguments]\n"
                        "\n"
                        "Crystal graph neural networks: structure files in, material properties out.\n"
                        "\n"
                        "commands:\n");
    for (const rcr_command *c = rcr_commands; c->name != NULL; c++)
        rcr_text_printf(&out, "  %-10s  %s\n", c->name, c->summary);
    rcr_text_puts(&out, "\n"
                        "  recryst help COMMAND   (or recryst COMMAND --help) shows the options of a command\n"
                        "  recryst --version      shows the version\n"
                        "\n"
                        "a first session:\n"
                        "  recryst info data/demo/alloys.tar.zst\n"
                        "  recryst train data/demo/alloys.tar.zst --target formation_energy --out runs/first\n"
                        "  recryst predict runs/first my-crystal.cif\n"
                        "\n"
                        "exit codes: 0 done; 1 failed; 2 the command line makes no sense; 3 interrupted\n"
                        "(train: the run can be resumed); 4 training stopped, the loss is not a number\n"
                        "\n"
                        "environment: RECRYST_MODELS, a folder of models that can be given by name;\n"
                        "RECRYST_KERNELS, the kernels to use (ref, base, avx2, avx512)\n");
    int code = rcr_cli_print(&out);
    rcr_text_free(&out);
    return code;
}

static int print_version(void) {
    rcr_text out = {0};
    rcr_text_printf(&out, "recryst %s\n", rcr_version());
    int code = rcr_cli_print(&out);
    rcr_text_free(&out);
    return code;
}

static const rcr_command *find_command(const char *name) {
    for (const rcr_command *c = rcr_commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static int unknown_command(const char *name) {
    const char *names[64] = {"help"}; /* and NULL after the last */
    size_t n = 1;
    for (const rcr_command *c = rcr_commands; c->name != NULL && n < sizeof names / sizeof *names - 1; c++)
        names[n++] = c->name;
    const char *kind = name[0] == '-' ? "option" : "command";
    const char *near = rcr_nearest_word(name, names);
    if (near != NULL) return rcr_cli_usage_error("", "unknown %s '%s'; did you mean '%s'?", kind, name, near);
    return rcr_cli_usage_error("", "unknown %s '%s'", kind, name);
}

static int is_help(const char *word) {
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int rcr_cli_main(int argc, char **argv) {
    rcr_cli_guard_streams();
    rcr_signals_ignore_writes();
    if (argc < 2) {
        /* Not what was asked for, so not on standard output. */
        return rcr_cli_usage_error("", "no command given, such as: recryst predict formation-energy NaCl.cif");
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) return print_version();
    if (is_help(word)) {
        if (word[0] == '-' || argc == 2 || is_help(argv[2])) return print_help();
        const rcr_command *command = find_command(argv[2]);
        if (command == NULL) return unknown_command(argv[2]);
        char option[] = "--help";
        char *arguments[] = {argv[2], option, NULL};
        return command->run(2, arguments);
    }
    const rcr_command *command = find_command(word);
    if (command == NULL) return unknown_command(word);
    return command->run(argc - 1, argv + 1);
}
