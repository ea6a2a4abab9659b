/* The command `recryst`: its subcommands, and how they end. */
#ifndef RCR_CLI_CLI_H
#define RCR_CLI_CLI_H

#include "recryst.h"

/* Exit codes, documented in docs/command.md and in the help. */
enum {
    RCR_EXIT_OK = 0,
    RCR_EXIT_FAILED = 1,      /* a file can't be used, nothing could be predicted, an output can't be written, ... */
    RCR_EXIT_USAGE = 2,       /* the command line makes no sense, by itself or for these data */
    RCR_EXIT_INTERRUPTED = 3, /* stopped on request; a training run can be resumed */
    RCR_EXIT_NUMERIC = 4      /* training stopped because the loss is not a number */
};

typedef struct rcr_command {
    const char *name;
    const char *summary; /* one line, for the list of commands */
    /* argv[0] is the subcommand's name.  Gives an exit code; has printed its own errors. */
    int (*run)(int argc, char **argv);
} rcr_command;

/* All subcommands, ended by one whose name is NULL. */
extern const rcr_command rcr_commands[];

int rcr_cmd_prepare(int argc, char **argv);
int rcr_cmd_train(int argc, char **argv);
int rcr_cmd_study(int argc, char **argv);
int rcr_cmd_evaluate(int argc, char **argv);
int rcr_cmd_report(int argc, char **argv);
int rcr_cmd_predict(int argc, char **argv);
int rcr_cmd_info(int argc, char **argv);
int rcr_cmd_embed(int argc, char **argv);
int rcr_cmd_ensemble(int argc, char **argv);
int rcr_cmd_models(int argc, char **argv);
int rcr_cmd_explain(int argc, char **argv);
int rcr_cmd_import(int argc, char **argv);
int rcr_cmd_export(int argc, char **argv);
int rcr_cmd_convert(int argc, char **argv);
int rcr_cmd_graph(int argc, char **argv);
int rcr_cmd_fetch(int argc, char **argv);
int rcr_cmd_bench(int argc, char **argv);

/* The whole command, main's arguments to main's value. */
int rcr_cli_main(int argc, char **argv);

#endif
