/* Settings files: the options of a command from TOML, by their names, so that options need nothing more to be there. */
#ifndef RCR_CLI_CONFIG_H
#define RCR_CLI_CONFIG_H

#include "base/text.h"
#include "cli/args.h"
#include "io/toml.h"

/* A file that was read, and the texts that options now point to; zero-initialise. */
typedef struct rcr_config {
    rcr_toml *root;
    char **text;
    size_t n_texts;
} rcr_config;
void rcr_config_release(rcr_config *config);

/* Read a file and give its settings to all options that the command line has not given.  A setting is an option's
 * name, with '-' or '_', at the top of the file or in a table named by a heading of the options; [facts] is passed
 * over, and tells that the file is the record of a run.  Relative paths begin at the file's folder.
 * Errors name file and line: RCR_ERR_PARSE, RCR_ERR_LIMIT (TOML), RCR_ERR_ARGUMENT (no such option and the nearest one;
 * not a value for it; given twice), RCR_ERR_IO, RCR_ERR_MEMORY. */
rcr_status rcr_config_read(rcr_config *config, rcr_args *args, const char *file, rcr_error *err);

/* The same for a table of a file: `given` is what its options are marked with, who have it already are passed over. */
rcr_status rcr_config_apply(rcr_config *config, rcr_args *args, const rcr_toml *table, const char *file, int given,
                            rcr_error *err);

/* Give one setting, an option's name in any spelling with its value.  Errors: as above. */
rcr_status rcr_config_set(rcr_config *config, rcr_args *args, const rcr_toml *setting, const rcr_toml *value,
                          const char *file, int given, rcr_error *err);

/* The option that a setting names; NULL with the error RCR_ERR_ARGUMENT, which names the nearest. */
rcr_arg *rcr_config_find(const rcr_args *args, const rcr_toml *setting, const char *file, rcr_error *err);

/* 1 when the table is one that groups options: its name is that of a heading. */
int rcr_config_is_group(const rcr_args *args, const rcr_toml *table);

/* A path in a settings file: beside that file when it is relative.  Owned by config; NULL out of memory. */
const char *rcr_config_path(rcr_config *config, const char *file, const char *path);

/* The text of a value, as the command line would have it; arrays get commas.  Errors: RCR_ERR_ARGUMENT for a table, a
 * date, or a comma in an array's text. */
rcr_status rcr_config_value_text(rcr_text *out, const rcr_toml *value, const char *file, rcr_error *err);

#endif
