/* Command-line options: a table for each subcommand, read with getopt_long, checked, and printed as its help. */
#ifndef RCR_CLI_ARGS_H
#define RCR_CLI_ARGS_H

#include "base/threads.h"
#include "recryst.h"

typedef enum rcr_arg_kind {
    RCR_ARG_HEADING = 0, /* no option: `help` is a heading in the list, value_name its table in a settings file */
    RCR_ARG_FLAG,        /* int32_t: 1 when given, or as --name=true, --name=false */
    RCR_ARG_INT32,       /* int32_t in min .. max */
    RCR_ARG_INT64,       /* int64_t in min .. max */
    RCR_ARG_UINT64,      /* uint64_t, any that fits in 63 bits */
    RCR_ARG_DOUBLE,      /* double in min .. max */
    RCR_ARG_TEXT,        /* const char *, a view into argv */
    RCR_ARG_CHOICE,      /* int32_t: the index of the word in value_name, "one|two|three" */
    RCR_ARG_LIST,        /* rcr_arg_list: whole numbers in min .. max with commas between */
    RCR_ARG_TEXTS        /* rcr_arg_texts: a text each time that the option is given */
} rcr_arg_kind;

/* Where an option may be given, beside the command line. */
typedef enum rcr_arg_place {
    RCR_ARG_ANYWHERE = 0, /* in a settings file too (cli/config.h) */
    RCR_ARG_LINE_ONLY,
    RCR_ARG_FILE_ONLY /* what the command line has no name for */
} rcr_arg_place;

/* What a text is, for a settings file: its relative paths begin at its own folder. */
typedef enum rcr_arg_path {
    RCR_ARG_NO_PATH = 0,
    RCR_ARG_PATH,        /* a file or folder, unless it is one of the words of value_name */
    RCR_ARG_PATH_OR_NAME /* a path when it has a slash, or when there is such a file beside the settings */
} rcr_arg_path;

/* Who gave an option. */
enum {
    RCR_GIVEN_NOT = 0,
    RCR_GIVEN_LINE,  /* the command line, or the nearer one of two tables of settings */
    RCR_GIVEN_FILE,  /* a settings file */
    RCR_GIVEN_RECORD /* the record of a run, which has every setting, with or without a use */
};

enum { RCR_ARG_LIST_MAX = 32 };
typedef struct rcr_arg_list {
    int32_t n;
    int32_t item[RCR_ARG_LIST_MAX];
} rcr_arg_list;

enum { RCR_ARG_TEXTS_MAX = 256 };
typedef struct rcr_arg_texts {
    int32_t n;
    const char *item[RCR_ARG_TEXTS_MAX]; /* views into argv */
} rcr_arg_texts;

/* One option.  What *value holds before the command line is read is the default; the help shows it when it lies within
 * the range (so -1 can stand for "not given" where the range starts at 0), unless no_default is set. */
typedef struct rcr_arg {
    const char *name; /* without the dashes */
    rcr_arg_kind kind;
    const char *value_name; /* "N", "NAME", ... ; the words of a choice */
    void *value;
    double min, max; /* inclusive */
    int above_min;   /* 1: min itself is not allowed */
    const char *help;
    rcr_arg_place place;
    rcr_arg_path path; /* of RCR_ARG_TEXT */
    const char *alias; /* another name in a settings file; NULL: none */
    int no_default;    /* 1: without the option something else holds than *value, as its help says */
    int given;         /* RCR_GIVEN_..., set by rcr_args_parse and rcr_config_apply */
    long line;         /* of the settings file that gave it; 0: none did */
} rcr_arg;

/* Rows that several commands have alike; `target` is an int32_t, and a const char *. */
#define RCR_THREADS_ARG(target)                                                                                        \
    {                                                                                                                  \
        .name = "threads", .kind = RCR_ARG_INT32, .value_name = "N", .value = &(target), .max = RCR_MAX_THREADS,       \
        .help = "threads, 0: one for each core; changes no result"                                                     \
    }
#define RCR_KERNELS_ARG(target)                                                                                        \
    {                                                                                                                  \
        .name = "kernels", .kind = RCR_ARG_TEXT, .value_name = "NAME", .value = &(target),                             \
        .help = "ref, base, avx2 or avx512; the best one when not given"                                               \
    }

/* A subcommand's interface. */
typedef struct rcr_args {
    const char *command;     /* "train" */
    const char *usage;       /* lines after "usage: recryst COMMAND", such as "MODEL DATA [options]"; '\n' between */
    const char *description; /* a few sentences; lines end with '\n' */
    const char *examples;    /* whole command lines; lines end with '\n' */
    rcr_arg *arg;
    size_t n_args;
    /* What remains beside options, in order; set by rcr_args_parse. */
    int n_positional;
    char **positional;
    int help; /* --help was asked for */
} rcr_args;

/* Read argv[1 .. argc): options in any order, before or after the others; "--" ends them.  Names are matched whole.
 * Errors: RCR_ERR_ARGUMENT, naming the option and what it takes. */
rcr_status rcr_args_parse(rcr_args *args, int argc, char **argv, rcr_error *err);

/* Set one option from text, as the command line would.  A flag takes "true", "false" or NULL for true. */
rcr_status rcr_arg_set(rcr_arg *arg, const char *text, int given, rcr_error *err);

/* Was the option asked for where it can have a use?  0 when a settings file gave it and the nearer `decider`, on which
 * its use depends, was changed by the command line since; or when the record of a run gave it. */
int rcr_args_asked(const rcr_args *args, const char *name, const char *decider);

/* Parse; print the help when it is asked for, and the error when there is one.  1: go on.  0: end with *exit_code. */
int rcr_args_begin(rcr_args *args, int argc, char **argv, int *exit_code);

/* The option of that name; NULL when there is none. */
const rcr_arg *rcr_args_find(const rcr_args *args, const char *name);

/* The help, to standard output.  Gives an exit code. */
int rcr_args_print_help(const rcr_args *args);

/* Report err as an error in the use of this command.  Gives RCR_EXIT_USAGE. */
int rcr_args_usage_error(const rcr_args *args, const rcr_error *err);

/* The word among words (ended by NULL) that `word` was probably meant to be; NULL when none is near.  Distance: the
 * least number of insertions, deletions, replacements and swaps of neighbors (Damerau 1964). */
const char *rcr_nearest_word(const char *word, const char *const *words);

#endif
