/* The options of a training run, the same on the command line and in a settings file. */
#ifndef RCR_CLI_TRAIN_ARGS_H
#define RCR_CLI_TRAIN_ARGS_H

#include "cli/args.h"
#include "cli/graph_args.h"
#include "train/options.h"

enum { RCR_TRAIN_ARGS_MAX = 112 };

/* What the command line says, before it is put together. */
typedef struct rcr_train_args {
    rcr_train_options options;
    rcr_graph_args graph;
    const char *resume, *out, *split, *kernels, *config;
    const char *data; /* of a settings file; the command line has it without a name */
    int32_t model, task, optimizer, init_head, loss, schedule, steps, layers, gate, layer_norm, strict, quiet, threads,
        group;
    uint64_t split_seed;
    rcr_arg_list milestones;
    char init[4096];   /* what --init stands for, where it is the name of a shipped model */
    int init_may_lack; /* a model to begin with that is not found is no error here: who needs it says so */
    /* The table of them, with pointers to the above: a value of this type stays where it was made. */
    rcr_arg arg[RCR_TRAIN_ARGS_MAX];
    size_t n_args;
} rcr_train_args;

/* The defaults and the table. */
void rcr_train_args_init(rcr_train_args *a);

/* Fill in a->options from what was read, args->arg being a->arg.  Errors: RCR_ERR_ARGUMENT, where options contradict
 * each other; RCR_ERR_IO, where there is no model of the name of --init and it may not lack. */
rcr_status rcr_train_args_finish(rcr_train_args *a, const rcr_args *args, rcr_error *err);

#endif
