#include "cli/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"

enum { MAX_NAME = 64, MAX_NAMES = 256 };

void rcr_config_release(rcr_config *config) {
    rcr_toml_free(config->root);
    for (size_t i = 0; i < config->n_texts; i++) rcr_free(config->text[i]);
    rcr_free(config->text);
    memset(config, 0, sizeof *config);
}

/* Take over a text (NULL when memory ran out); gives it back, or NULL. */
static const char *keep(rcr_config *config, char *text) {
    char **grown = text != NULL ? rcr_realloc(config->text, config->n_texts + 1, sizeof *grown) : NULL;
    if (grown == NULL) {
        rcr_free(text);
        return NULL;
    }
    config->text = grown;
    config->text[config->n_texts++] = text;
    return text;
}

const char *rcr_config_path(rcr_config *config, const char *file, const char *path) {
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || slash == NULL) return keep(config, rcr_strdup(path));
    rcr_text joined = {0};
    rcr_text_append(&joined, file, (size_t)(slash - file) + 1);
    rcr_text_puts(&joined, path);
    if (joined.failed) rcr_free(joined.data);
    return keep(config, joined.failed ? NULL : joined.data);
}

/* ---- names */

/* A key as options are spelled: '-' for '_'. */
static void option_name(char name[MAX_NAME + 1], const char *key) {
    snprintf(name, MAX_NAME + 1, "%s", key);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '_') *c = '-';
}

static int is_setting(const rcr_arg *arg) { return arg->kind != RCR_ARG_HEADING && arg->place != RCR_ARG_LINE_ONLY; }

rcr_arg *rcr_config_find(const rcr_args *args, const rcr_toml *setting, const char *file, rcr_error *err) {
    char name[MAX_NAME + 1];
    const char *names[MAX_NAMES + 1];
    size_t n = 0;
    option_name(name, setting->key);
    for (size_t i = 0; i < args->n_args; i++) {
        rcr_arg *arg = &args->arg[i];
        if (!is_setting(arg)) continue;
        if (strcmp(arg->name, name) == 0 || (arg->alias != NULL && strcmp(arg->alias, name) == 0)) return arg;
        if (n < MAX_NAMES) names[n++] = arg->name;
    }
    names[n] = NULL;
    const rcr_arg *line_only = rcr_args_find(args, name);
    const char *near = rcr_nearest_word(name, names);
    if (line_only != NULL)
        rcr_fail_at(err, RCR_ERR_ARGUMENT, file, setting->line, "'%.64s' can be given on the command line only",
                    setting->key);
    else if (near != NULL)
        rcr_fail_at(err, RCR_ERR_ARGUMENT, file, setting->line, "unknown setting '%.64s'; did you mean '%s'?",
                    setting->key, near);
    else
        rcr_fail_at(err, RCR_ERR_ARGUMENT, file, setting->line,
                    "unknown setting '%.64s'; settings are the options of 'recryst %s --help'", setting->key,
                    args->command);
    return NULL;
}

int rcr_config_is_group(const rcr_args *args, const rcr_toml *table) {
    for (size_t i = 0; i < args->n_args; i++)
        if (args->arg[i].kind == RCR_ARG_HEADING && args->arg[i].value_name != NULL &&
            strcmp(args->arg[i].value_name, table->key) == 0)
            return 1;
    return 0;
}

static rcr_status fail_group(const rcr_args *args, const rcr_toml *table, const char *file, rcr_error *err) {
    const char *names[MAX_NAMES + 1];
    size_t n = 0;
    rcr_text all = {0};
    for (size_t i = 0; i < args->n_args && n < MAX_NAMES; i++) {
        if (args->arg[i].kind != RCR_ARG_HEADING || args->arg[i].value_name == NULL) continue;
        rcr_text_printf(&all, "%s[%s]", n > 0 ? ", " : "", args->arg[i].value_name);
        names[n++] = args->arg[i].value_name;
    }
    names[n] = NULL;
    const char *near = rcr_nearest_word(table->key, names);
    if (near != NULL)
        rcr_fail_at(err, RCR_ERR_ARGUMENT, file, table->line, "unknown table [%.64s]; did you mean [%s]?", table->key,
                    near);
    else
        rcr_fail_at(err, RCR_ERR_ARGUMENT, file, table->line, "unknown table [%.64s]; there are %s", table->key,
                    n > 0 && !all.failed ? all.data : "none");
    rcr_text_free(&all);
    return RCR_ERR_ARGUMENT;
}

/* ---- values */

static void put_scalar(rcr_text *out, const rcr_toml *value) {
    char number[32];
    if (value->kind == RCR_TOML_TEXT)
        rcr_text_puts(out, value->text);
    else if (value->kind == RCR_TOML_INTEGER)
        rcr_text_printf(out, "%" PRId64, value->integer);
    else if (value->kind == RCR_TOML_NUMBER)
        rcr_text_puts(out, rcr_format_double(number, value->number));
    else
        rcr_text_puts(out, value->integer ? "true" : "false");
}

static int is_scalar(const rcr_toml *value) { return value->kind >= RCR_TOML_TEXT && value->kind <= RCR_TOML_BOOL; }

rcr_status rcr_config_value_text(rcr_text *out, const rcr_toml *value, const char *file, rcr_error *err) {
    rcr_text_puts(out, "");
    if (is_scalar(value)) {
        put_scalar(out, value);
    } else if (value->kind == RCR_TOML_ARRAY) {
        for (size_t i = 0; i < value->n; i++) {
            const rcr_toml *item = &value->child[i];
            if (!is_scalar(item) || (item->kind == RCR_TOML_TEXT && strchr(item->text, ',') != NULL))
                return rcr_fail_at(err, RCR_ERR_ARGUMENT, file, value->line,
                                   "an array here has numbers or texts without commas");
            if (i > 0) rcr_text_puts(out, ",");
            put_scalar(out, item);
        }
    } else {
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, file, value->line, "%s is no value of a setting",
                           rcr_toml_kind_name(value->kind));
    }
    return out->failed ? rcr_fail_memory(err, "reading settings") : RCR_OK;
}

static int takes_several(const rcr_arg *arg) {
    return arg->kind == RCR_ARG_LIST || (arg->kind == RCR_ARG_TEXT && strchr(arg->value_name, ',') != NULL);
}

/* What the option wants, in words; NULL when the value is of that kind. */
static const char *wanted(const rcr_arg *arg, const rcr_toml *value) {
    switch (arg->kind) {
    case RCR_ARG_FLAG: return value->kind == RCR_TOML_BOOL ? NULL : "true or false";
    case RCR_ARG_INT32:
    case RCR_ARG_INT64:
    case RCR_ARG_UINT64: return value->kind == RCR_TOML_INTEGER ? NULL : "a whole number";
    case RCR_ARG_DOUBLE: return value->kind == RCR_TOML_INTEGER || value->kind == RCR_TOML_NUMBER ? NULL : "a number";
    case RCR_ARG_LIST:
        for (size_t i = 0; value->kind == RCR_TOML_ARRAY && i < value->n; i++)
            if (value->child[i].kind != RCR_TOML_INTEGER) return "an array of whole numbers";
        return value->kind == RCR_TOML_ARRAY || value->kind == RCR_TOML_INTEGER ? NULL : "an array of whole numbers";
    case RCR_ARG_TEXT:
        if (takes_several(arg) && value->kind == RCR_TOML_ARRAY && value->n > 0) return NULL;
        return value->kind == RCR_TOML_TEXT ? NULL : "a text in quotes";
    default: return value->kind == RCR_TOML_TEXT ? NULL : "a text in quotes";
    }
}

static int is_word_of(const char *words, const char *text) {
    for (const char *word = words; word != NULL; word = strchr(word, '|') != NULL ? strchr(word, '|') + 1 : NULL)
        if (strcspn(word, "|") == strlen(text) && strncmp(word, text, strlen(text)) == 0) return 1;
    return 0;
}

/* The text that the option shall point to, owned by config. */
static const char *resolve(rcr_config *config, const rcr_arg *arg, const char *text, const char *file) {
    int is_path = arg->kind == RCR_ARG_TEXT && arg->path != RCR_ARG_NO_PATH && !is_word_of(arg->value_name, text);
    if (!is_path) return keep(config, rcr_strdup(text));
    if (arg->path == RCR_ARG_PATH_OR_NAME && strchr(text, '/') == NULL) {
        const char *beside = rcr_config_path(config, file, text);
        if (beside == NULL || rcr_is_file(beside) || rcr_is_directory(beside)) return beside;
        return keep(config, rcr_strdup(text));
    }
    return rcr_config_path(config, file, text);
}

rcr_status rcr_config_set(rcr_config *config, rcr_args *args, const rcr_toml *setting, const rcr_toml *value,
                          const char *file, int given, rcr_error *err) {
    rcr_arg *arg = rcr_config_find(args, setting, file, err);
    if (arg == NULL) return RCR_ERR_ARGUMENT;
    const char *wants = wanted(arg, value);
    if (wants != NULL)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, file, setting->line, "%s takes %s, not %s", setting->key, wants,
                           rcr_toml_kind_name(value->kind));
    rcr_text text = {0};
    rcr_status status = rcr_config_value_text(&text, value, file, err);
    const char *kept = status == RCR_OK ? resolve(config, arg, text.data, file) : NULL;
    rcr_text_free(&text);
    if (status != RCR_OK) return status;
    if (kept == NULL) return rcr_fail_memory(err, "reading settings");
    rcr_error fault;
    status = rcr_arg_set(arg, kept, given, &fault);
    if (status != RCR_OK) /* its messages begin with the option as the command line has it */
        return rcr_fail_at(err, status, file, setting->line, "%s", fault.message + strspn(fault.message, "-"));
    return RCR_OK;
}

/* ---- tables and files */

static rcr_status apply_setting(rcr_config *config, rcr_args *args, const rcr_toml *setting, const char *file,
                                int given, rcr_error *err) {
    rcr_arg *arg = rcr_config_find(args, setting, file, err);
    if (arg == NULL) return RCR_ERR_ARGUMENT;
    if (arg->line != 0)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, file, setting->line, "'%s' is set in line %ld already", setting->key,
                           arg->line);
    arg->line = setting->line;
    if (arg->given != RCR_GIVEN_NOT && arg->given <= given) return RCR_OK;
    return rcr_config_set(config, args, setting, setting, file, given, err);
}

rcr_status rcr_config_apply(rcr_config *config, rcr_args *args, const rcr_toml *table, const char *file, int given,
                            rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < args->n_args; i++) args->arg[i].line = 0;
    for (size_t i = 0; i < table->n && status == RCR_OK; i++) {
        const rcr_toml *entry = &table->child[i];
        if (entry->kind != RCR_TOML_TABLE) {
            status = apply_setting(config, args, entry, file, given, err);
        } else if (strcmp(entry->key, "facts") == 0) {
            continue;
        } else if (!rcr_config_is_group(args, entry)) {
            status = fail_group(args, entry, file, err);
        } else {
            for (size_t k = 0; k < entry->n && status == RCR_OK; k++)
                status = apply_setting(config, args, &entry->child[k], file, given, err);
        }
    }
    return status;
}

rcr_status rcr_config_read(rcr_config *config, rcr_args *args, const char *file, rcr_error *err) {
    rcr_status status = rcr_toml_read(&config->root, file, err);
    if (status != RCR_OK) return status;
    const rcr_toml *facts = rcr_toml_find(config->root, "facts");
    int record = facts != NULL && facts->kind == RCR_TOML_TABLE;
    return rcr_config_apply(config, args, config->root, file, record ? RCR_GIVEN_RECORD : RCR_GIVEN_FILE, err);
}
