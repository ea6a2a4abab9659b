#include "cli/study_file.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "cli/config.h"
#include "cli/train_args.h"

enum { MAX_SETTINGS = 10000, MAX_SEEDS = 10000, MAX_ENTRIES = 256 };

/* Settings of a table, whether they stand in it or in its groups. */
typedef struct entries {
    size_t n;
    const rcr_toml *at[MAX_ENTRIES];
    const char *option[MAX_ENTRIES]; /* names as the options have them; static storage */
} entries;

/* Everything while a file is read. */
typedef struct reading {
    const char *file;
    rcr_study *study;
    rcr_train_args options; /* of the setting at hand; at first only to look names up in */
    rcr_args args;
    rcr_config config; /* what the setting at hand points to */
    const rcr_toml *base;
    entries grid;
    uint64_t seed[MAX_SEEDS];
    size_t n_seeds;
} reading;

static rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "reading a study"); }

static void fresh_options(reading *r) {
    rcr_config_release(&r->config);
    rcr_train_args_init(&r->options);
    r->options.init_may_lack = 1; /* runs that are done need it no more */
    r->args = (rcr_args){.command = "train", .arg = r->options.arg, .n_args = r->options.n_args};
}

/* ---- settings by name */

/* What the study itself gives each run. */
static rcr_status check_reserved(const reading *r, const rcr_toml *setting, const rcr_arg *arg, rcr_error *err) {
    static const char *const reserved[][2] = {
        {"seed", "seeds at the top of the file"},
        {"fold", "folds at the top"},
        {"folds", "folds at the top"},
        {"repeat", "repeats at the top"},
        {"out", "out at the top"},
        {"threads", "threads at the top"},
        {"quiet", "--quiet"},
    };
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(arg->name, reserved[i][0]) == 0)
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, setting->line, "'%s' is the study's; use %s",
                               setting->key, reserved[i][1]);
    return RCR_OK;
}

static rcr_status add_entry(entries *e, const reading *r, const rcr_toml *setting, rcr_error *err) {
    const rcr_arg *arg = rcr_config_find(&r->args, setting, r->file, err);
    if (arg == NULL) return RCR_ERR_ARGUMENT;
    rcr_status status = check_reserved(r, setting, arg, err);
    if (status != RCR_OK) return status;
    for (size_t i = 0; i < e->n; i++)
        if (strcmp(e->option[i], arg->name) == 0)
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, setting->line, "'%s' is set in line %ld already",
                               setting->key, e->at[i]->line);
    if (e->n == MAX_ENTRIES) return rcr_fail_at(err, RCR_ERR_LIMIT, r->file, setting->line, "too many settings");
    e->at[e->n] = setting;
    e->option[e->n++] = arg->name;
    return RCR_OK;
}

/* skip: a key that is no option; NULL: none. */
static rcr_status flatten(entries *e, const reading *r, const rcr_toml *table, const char *skip, rcr_error *err) {
    rcr_status status = RCR_OK;
    e->n = 0;
    for (size_t i = 0; table != NULL && i < table->n && status == RCR_OK; i++) {
        const rcr_toml *entry = &table->child[i];
        if (skip != NULL && strcmp(entry->key, skip) == 0) continue;
        if (entry->kind != RCR_TOML_TABLE || !rcr_config_is_group(&r->args, entry)) {
            status = add_entry(e, r, entry, err);
            continue;
        }
        for (size_t k = 0; k < entry->n && status == RCR_OK; k++) status = add_entry(e, r, &entry->child[k], err);
    }
    return status;
}

static rcr_status add_varied(reading *r, const entries *e, rcr_error *err) {
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < e->n && status == RCR_OK; i++) {
        int known = 0;
        for (size_t k = 0; k < r->study->n_varied; k++) known |= strcmp(r->study->varied[k], e->option[i]) == 0;
        if (!known) status = rcr_study_add_varied(r->study, e->option[i], err);
    }
    return status;
}

/* ---- one setting */

static rcr_status set_one(reading *r, rcr_text *value, const rcr_toml *setting, const rcr_toml *node,
                          const char *option, rcr_error *err) {
    const rcr_arg *arg = rcr_args_find(&r->args, option);
    if (arg->given != RCR_GIVEN_NOT)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, setting->line,
                           "'%s' stands both in the grid and in a [[setting]]", setting->key);
    rcr_status status = rcr_config_set(&r->config, &r->args, setting, node, r->file, RCR_GIVEN_LINE, err);
    for (size_t k = 0; k < r->study->n_varied && status == RCR_OK; k++)
        if (strcmp(r->study->varied[k], option) == 0) status = rcr_config_value_text(&value[k], node, r->file, err);
    return status;
}

/* "NAME steps=3 gate=true" */
static void name_setting(rcr_text *name, const reading *r, const char *given, const rcr_text *value) {
    rcr_text_puts(name, given != NULL ? given : "");
    for (size_t i = 0; i < r->grid.n; i++)
        for (size_t k = 0; k < r->study->n_varied; k++)
            if (strcmp(r->study->varied[k], r->grid.option[i]) == 0)
                rcr_text_printf(name, "%s%s=%s", name->length > 0 ? " " : "", r->grid.option[i],
                                value[k].data != NULL ? value[k].data : "");
    if (name->length == 0) rcr_text_puts(name, "base");
}

/* Give an error of a setting as a whole its name. */
static rcr_status fail_setting(rcr_error *err, const reading *r, const char *name, const rcr_error *fault) {
    if (fault->file[0] != '\0') {
        if (err != NULL) *err = *fault;
        return fault->status;
    }
    return rcr_fail_at(err, fault->status, r->file, 0, "setting '%.100s': %s", name, fault->message);
}

static rcr_status finish_setting(reading *r, const char *name, const rcr_text *value, rcr_error *err) {
    rcr_error fault = {.status = RCR_OK};
    rcr_status status = rcr_config_apply(&r->config, &r->args, r->base, r->file, RCR_GIVEN_FILE, &fault);
    if (status == RCR_OK) status = rcr_train_args_finish(&r->options, &r->args, &fault);
    if (status == RCR_OK && r->options.data == NULL)
        status = rcr_fail(&fault, RCR_ERR_ARGUMENT, "no data: give data = \"DATA\" in [base]");
    const char **text = rcr_calloc(r->study->n_varied, sizeof *text);
    if (status == RCR_OK && text == NULL) status = fail_memory(&fault);
    if (status == RCR_OK) {
        for (size_t k = 0; k < r->study->n_varied; k++) text[k] = value[k].data;
        int own_split_seed = rcr_args_find(&r->args, "split-seed")->given != RCR_GIVEN_NOT;
        status =
            rcr_study_add_setting(r->study, name, r->options.data, &r->options.options, own_split_seed, text, &fault);
    }
    rcr_free(text);
    return status == RCR_OK ? RCR_OK : fail_setting(err, r, name, &fault);
}

/* A named setting (NULL: none) at one point of the grid. */
static rcr_status add_setting(reading *r, const rcr_toml *named, const size_t *point, rcr_error *err) {
    const char *given = NULL;
    entries own = {0};
    rcr_text name = {0};
    rcr_text *value = rcr_calloc(r->study->n_varied, sizeof *value);
    fresh_options(r);
    rcr_status status = value != NULL ? flatten(&own, r, named, "name", err) : fail_memory(err);
    if (named != NULL) given = rcr_toml_find(named, "name")->text;
    for (size_t i = 0; i < own.n && status == RCR_OK; i++)
        status = set_one(r, value, own.at[i], own.at[i], own.option[i], err);
    for (size_t i = 0; i < r->grid.n && status == RCR_OK; i++)
        status = set_one(r, value, r->grid.at[i], &r->grid.at[i]->child[point[i]], r->grid.option[i], err);
    if (status == RCR_OK) {
        name_setting(&name, r, given, value);
        status = name.failed ? fail_memory(err) : finish_setting(r, name.data, value, err);
    }
    for (size_t k = 0; value != NULL && k < r->study->n_varied; k++) rcr_text_free(&value[k]);
    rcr_free(value);
    rcr_text_free(&name);
    return status;
}

/* Every point of the grid, the last option fastest. */
static rcr_status add_settings(reading *r, const rcr_toml *named, rcr_error *err) {
    size_t point[MAX_ENTRIES] = {0};
    for (;;) {
        if (r->study->n_settings == MAX_SETTINGS)
            return rcr_fail_at(err, RCR_ERR_LIMIT, r->file, 0, "more than %d settings", (int)MAX_SETTINGS);
        rcr_status status = add_setting(r, named, point, err);
        if (status != RCR_OK) return status;
        size_t i = r->grid.n;
        while (i > 0 && ++point[i - 1] == r->grid.at[i - 1]->n) point[--i] = 0;
        if (i == 0) return RCR_OK;
    }
}

/* ---- the file */

static rcr_status fail_kind(const reading *r, const rcr_toml *node, const char *wanted, rcr_error *err) {
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, node->line, "%s takes %s, not %s", node->key, wanted,
                       rcr_toml_kind_name(node->kind));
}

static rcr_status take_integer(int32_t *out, const reading *r, const rcr_toml *node, int32_t least, int32_t most,
                               rcr_error *err) {
    if (node == NULL) return RCR_OK;
    if (node->kind != RCR_TOML_INTEGER) return fail_kind(r, node, "a whole number", err);
    if (node->integer < least || node->integer > most)
        return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, node->line, "%s takes a whole number from %d to %d",
                           node->key, (int)least, (int)most);
    *out = (int32_t)node->integer;
    return RCR_OK;
}

static rcr_status take_seeds(reading *r, const rcr_toml *node, rcr_error *err) {
    int32_t n = 0;
    r->seed[0] = rcr_train_options_default().seed;
    r->n_seeds = 1;
    if (node == NULL) return RCR_OK;
    if (node->kind != RCR_TOML_ARRAY) {
        rcr_status status = take_integer(&n, r, node, 1, MAX_SEEDS, err);
        for (int32_t i = 0; i < n; i++) r->seed[i] = (uint64_t)i + 1;
        r->n_seeds = (size_t)n;
        return status;
    }
    if (node->n > MAX_SEEDS)
        return rcr_fail_at(err, RCR_ERR_LIMIT, r->file, node->line, "more than %d seeds", (int)MAX_SEEDS);
    for (size_t i = 0; i < node->n; i++) {
        if (node->child[i].kind != RCR_TOML_INTEGER || node->child[i].integer < 0)
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, node->line,
                               "seeds takes whole numbers from 0, or how many there are");
        r->seed[i] = (uint64_t)node->child[i].integer;
    }
    r->n_seeds = node->n;
    return RCR_OK;
}

static rcr_status take_tables(reading *r, rcr_study_file *said, const rcr_toml *node, rcr_error *err) {
    if (node == NULL) return RCR_OK;
    said->take = rcr_calloc(node->n, sizeof *said->take);
    if (said->take == NULL) return fail_memory(err);
    for (size_t i = 0; i < node->n; i++) {
        const rcr_toml *one = &node->child[i];
        if (one->kind != RCR_TOML_TEXT || one->text[0] == '\0')
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, one->line,
                               "take takes names of tables in quotes, such as [\"results/paper.csv\"]");
        const char *path = rcr_config_path(&r->config, r->file, one->text);
        said->take[i] = path != NULL ? rcr_strdup(path) : NULL;
        if (said->take[i] == NULL) return fail_memory(err);
        said->n_take++;
    }
    return RCR_OK;
}

static rcr_status check_keys(const reading *r, const rcr_toml *root, rcr_error *err) {
    static const struct {
        const char *key;
        rcr_toml_kind kind;
        const char *wanted;
    } known[] = {{"base", RCR_TOML_TABLE, "a table"},
                 {"grid", RCR_TOML_TABLE, "a table"},
                 {"setting", RCR_TOML_ARRAY, "tables, [[setting]]"},
                 {"out", RCR_TOML_TEXT, "a text in quotes"},
                 {"baseline", RCR_TOML_TEXT, "a text in quotes"},
                 {"take", RCR_TOML_ARRAY, "an array of texts in quotes"}};
    static const char *const names[] = {"seeds", "folds",   "repeats", "baseline", "out",     "take",
                                        "jobs",  "threads", "base",    "grid",     "setting", NULL};
    for (size_t i = 0; i < root->n; i++) {
        const rcr_toml *node = &root->child[i];
        int found = 0;
        for (size_t k = 0; names[k] != NULL; k++) found |= strcmp(names[k], node->key) == 0;
        const char *near = rcr_nearest_word(node->key, names);
        if (!found && near != NULL)
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, node->line, "unknown '%.64s'; did you mean '%s'?",
                               node->key, near);
        if (!found)
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, node->line,
                               "unknown '%.64s'; options of train stand in [base], [grid] or [[setting]]", node->key);
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (strcmp(known[k].key, node->key) == 0 && known[k].kind != node->kind)
                return fail_kind(r, node, known[k].wanted, err);
    }
    return RCR_OK;
}

static rcr_status check_settings(const reading *r, const rcr_toml *settings, rcr_error *err) {
    for (size_t i = 0; settings != NULL && i < settings->n; i++) {
        const rcr_toml *one = &settings->child[i];
        const rcr_toml *name = one->kind == RCR_TOML_TABLE ? rcr_toml_find(one, "name") : NULL;
        if (name == NULL || name->kind != RCR_TOML_TEXT || name->text[0] == '\0')
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, one->line, "a [[setting]] needs a name = \"...\"");
    }
    for (size_t i = 0; i < r->grid.n; i++)
        if (r->grid.at[i]->kind != RCR_TOML_ARRAY || r->grid.at[i]->n == 0)
            return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, r->grid.at[i]->line,
                               "%s in [grid] takes an array of its values", r->grid.at[i]->key);
    return RCR_OK;
}

static rcr_status choose_baseline(reading *r, const rcr_toml *node, rcr_error *err) {
    if (node == NULL) return RCR_OK;
    for (size_t i = 0; i < r->study->n_settings; i++)
        if (strcmp(r->study->setting[i].name, node->text) == 0) {
            r->study->baseline = i;
            return RCR_OK;
        }
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, r->file, node->line,
                       "no setting is called '%.100s'; the first is '%.100s'", node->text, r->study->setting[0].name);
}

static rcr_status read_root(reading *r, rcr_study_file *said, const rcr_toml *root, rcr_error *err) {
    int32_t folds = 0, repeats = 1;
    entries spare;
    fresh_options(r);
    r->base = rcr_toml_find(root, "base");
    const rcr_toml *settings = rcr_toml_find(root, "setting"), *fold_node = rcr_toml_find(root, "folds");
    rcr_status status = take_seeds(r, rcr_toml_find(root, "seeds"), err);
    if (status == RCR_OK) status = take_integer(&folds, r, fold_node, 2, 1000000, err);
    if (status == RCR_OK) status = take_integer(&repeats, r, rcr_toml_find(root, "repeats"), 1, 10000, err);
    if (status == RCR_OK) status = take_tables(r, said, rcr_toml_find(root, "take"), err);
    if (status == RCR_OK) status = take_integer(&said->jobs, r, rcr_toml_find(root, "jobs"), 1, 4096, err);
    if (status == RCR_OK)
        status = take_integer(&said->threads, r, rcr_toml_find(root, "threads"), 1, RCR_MAX_THREADS, err);
    if (status == RCR_OK) status = flatten(&spare, r, r->base, NULL, err);
    if (status == RCR_OK) status = flatten(&r->grid, r, rcr_toml_find(root, "grid"), NULL, err);
    if (status == RCR_OK) status = check_settings(r, settings, err);
    for (size_t i = 0; settings != NULL && i < settings->n && status == RCR_OK; i++) {
        status = flatten(&spare, r, &settings->child[i], "name", err);
        if (status == RCR_OK) status = add_varied(r, &spare, err);
    }
    if (status == RCR_OK) status = add_varied(r, &r->grid, err);
    static const rcr_toml nothing = {.kind = RCR_TOML_TABLE};
    if (r->base == NULL) r->base = &nothing;
    if (status == RCR_OK && settings == NULL) status = add_settings(r, NULL, err);
    for (size_t i = 0; settings != NULL && i < settings->n && status == RCR_OK; i++)
        status = add_settings(r, &settings->child[i], err);
    if (status == RCR_OK) status = choose_baseline(r, rcr_toml_find(root, "baseline"), err);
    if (status != RCR_OK) return status;
    status = rcr_study_lay_out(r->study, r->seed, r->n_seeds, repeats, folds, err);
    if (status != RCR_OK) rcr_error_set_file(err, r->file);
    return status;
}

/* "studies/gate.toml" -> "gate" */
static char *stem_of(const char *path) {
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    size_t n = strlen(base);
    if (n > 5 && rcr_ends_with(base, ".toml")) n -= 5;
    return rcr_strndup(base, n);
}

static rcr_status create_study(reading *r, const rcr_toml *root, const char *out, rcr_error *err) {
    rcr_text directory = {0};
    char *name = stem_of(r->file);
    const rcr_toml *said = rcr_toml_find(root, "out");
    if (name != NULL) {
        if (out != NULL)
            rcr_text_puts(&directory, out);
        else if (said != NULL)
            rcr_text_puts(&directory, rcr_config_path(&r->config, r->file, said->text));
        else
            rcr_text_printf(&directory, "runs/%s", name);
    }
    rcr_status status = name == NULL || directory.failed || directory.data == NULL
                            ? fail_memory(err)
                            : rcr_study_create(&r->study, name, directory.data, err);
    rcr_free(name);
    rcr_text_free(&directory);
    return status;
}

void rcr_study_file_release(rcr_study_file *said) {
    for (size_t i = 0; i < said->n_take; i++) rcr_free(said->take[i]);
    rcr_free(said->take);
    rcr_free(said->text);
    *said = (rcr_study_file){0};
}

rcr_status rcr_study_file_read(rcr_study **study, rcr_study_file *said, const char *path, const char *out,
                               rcr_error *err) {
    reading *r = rcr_calloc(1, sizeof *r);
    rcr_toml *root = NULL;
    if (r == NULL) return fail_memory(err);
    r->file = path;
    *said = (rcr_study_file){0};
    rcr_status status = rcr_file_read(&said->text, &said->length, path, RCR_TOML_MAX_BYTES, err);
    if (status == RCR_OK) {
        status = rcr_toml_parse(&root, said->text, said->length, err);
        if (status != RCR_OK) rcr_error_set_file(err, path);
    }
    if (status == RCR_OK) status = check_keys(r, root, err);
    if (status == RCR_OK) status = create_study(r, root, out, err);
    if (status == RCR_OK) status = read_root(r, said, root, err);
    if (status == RCR_OK) {
        *study = r->study;
    } else {
        rcr_study_free(r->study);
        rcr_study_file_release(said);
    }
    rcr_config_release(&r->config);
    rcr_toml_free(root);
    rcr_free(r);
    return status;
}
