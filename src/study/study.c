#include "study/study.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "train/peek.h"

enum { MAX_RUNS = 100000, MAX_FOLDER_NAME = 120 };

const char *rcr_study_status_name(rcr_study_status status) {
    static const char *const names[] = {"waiting", "running", "stopped", "done", "failed"};
    return names[status];
}

static rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "preparing a study"); }

rcr_status rcr_study_create(rcr_study **out, const char *name, const char *directory, rcr_error *err) {
    rcr_study *study = rcr_calloc(1, sizeof *study);
    if (study == NULL) return fail_memory(err);
    study->repeats = 1;
    study->name = rcr_strdup(name);
    study->directory = rcr_strdup(directory);
    if (study->name == NULL || study->directory == NULL) {
        rcr_study_free(study);
        return fail_memory(err);
    }
    *out = study;
    return RCR_OK;
}

void rcr_study_free(rcr_study *study) {
    if (study == NULL) return;
    rcr_lock_release(study->lock, 0);
    for (size_t i = 0; i < study->n_settings; i++) {
        rcr_study_setting *s = &study->setting[i];
        rcr_free(s->name);
        rcr_free(s->data);
        rcr_train_options_release(&s->options);
        for (size_t k = 0; s->value != NULL && k < study->n_varied; k++) rcr_free(s->value[k]);
        rcr_free(s->value);
    }
    rcr_free(study->setting);
    for (size_t i = 0; i < study->n_varied; i++) rcr_free(study->varied[i]);
    rcr_free(study->varied);
    for (size_t i = 0; i < study->n_runs; i++) {
        rcr_study_run *run = &study->run[i];
        rcr_free(run->directory);
        rcr_free(run->error);
        for (size_t k = 0; k < run->n_numbers; k++) rcr_free(run->number_name[k]);
        rcr_free(run->number_name);
        rcr_free(run->number);
        rcr_free(run->target);
        rcr_free(run->unit);
        rcr_free(run->program);
        rcr_free(run->taken);
    }
    rcr_free(study->run);
    for (size_t i = 0; i < study->n_scores; i++) rcr_free(study->score[i]);
    rcr_free(study->score);
    rcr_free(study->seed);
    rcr_free(study->name);
    rcr_free(study->directory);
    rcr_free(study);
}

rcr_status rcr_study_add_varied(rcr_study *study, const char *option, rcr_error *err) {
    char **grown = rcr_realloc(study->varied, study->n_varied + 1, sizeof *grown);
    if (grown == NULL) return fail_memory(err);
    study->varied = grown;
    grown[study->n_varied] = rcr_strdup(option);
    if (grown[study->n_varied] == NULL) return fail_memory(err);
    study->n_varied++;
    return RCR_OK;
}

/* Equal for settings that come to the same, and hardly ever for others. */
static rcr_status find_mark(uint64_t *mark, const char *data, const rcr_train_options *options, int own_split_seed,
                            rcr_error *err) {
    rcr_text text = {0};
    rcr_text_printf(&text, "%s\n%d\n", data, own_split_seed != 0);
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        if (strcmp(rcr_option_fields[i].section, "run") == 0) continue; /* as rcr_options_differ */
        rcr_option_format(&text, &rcr_option_fields[i], options);
        rcr_text_puts(&text, "\n");
    }
    if (!text.failed) *mark = rcr_checksum(text.data, text.length);
    rcr_status status = text.failed ? fail_memory(err) : RCR_OK;
    rcr_text_free(&text);
    return status;
}

/* Two settings that come to the same would train the same models twice under two names. */
static rcr_status check_setting(const rcr_study *study, const char *name, const char *data,
                                const rcr_train_options *options, int own_split_seed, uint64_t mark, rcr_error *err) {
    if (name[0] == '\0') return rcr_fail(err, RCR_ERR_ARGUMENT, "a setting without a name");
    for (size_t i = 0; i < study->n_settings; i++) {
        const rcr_study_setting *other = &study->setting[i];
        if (strcmp(other->name, name) == 0)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "two settings are called '%.100s'", name);
        if (other->mark != mark) continue;
        const rcr_option_field *field = NULL;
        rcr_status status = rcr_options_differ(&field, &other->options, options, err);
        if (status != RCR_OK) return status;
        if (strcmp(other->data, data) == 0 && other->own_split_seed == own_split_seed && field == NULL)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the settings '%.100s' and '%.100s' come to the same", other->name,
                            name);
    }
    return rcr_train_options_check(options, err);
}

static char *copy_or_null(const char *text, int *failed) {
    char *copy = text != NULL ? rcr_strdup(text) : NULL;
    *failed |= text != NULL && copy == NULL;
    return copy;
}

rcr_status rcr_study_add_setting(rcr_study *study, const char *name, const char *data, const rcr_train_options *options,
                                 int own_split_seed, const char *const *value, rcr_error *err) {
    uint64_t mark = 0;
    rcr_status status = find_mark(&mark, data, options, own_split_seed, err);
    if (status == RCR_OK) status = check_setting(study, name, data, options, own_split_seed, mark, err);
    if (status != RCR_OK) return status;
    rcr_study_setting *grown = rcr_realloc(study->setting, study->n_settings + 1, sizeof *grown);
    if (grown == NULL) return fail_memory(err);
    study->setting = grown;
    rcr_study_setting setting = {.own_split_seed = own_split_seed, .mark = mark};
    status = rcr_train_options_copy(&setting.options, options, err);
    if (status != RCR_OK) return status;
    int failed = 0;
    setting.name = copy_or_null(name, &failed);
    setting.data = copy_or_null(data, &failed);
    setting.value = rcr_calloc(study->n_varied, sizeof *setting.value);
    failed |= setting.value == NULL;
    for (size_t k = 0; k < study->n_varied && !failed; k++) setting.value[k] = copy_or_null(value[k], &failed);
    grown[study->n_settings++] = setting; /* freed with the study, whole or not */
    return failed ? fail_memory(err) : RCR_OK;
}

/* ---- the runs */

rcr_train_options rcr_study_run_options(const rcr_study *study, const rcr_study_run *run) {
    const rcr_study_setting *setting = &study->setting[run->setting];
    rcr_train_options o = setting->options;
    o.seed = run->seed;
    /* Folds are the same for all seeds; a split without folds moves with the seed, as in train. */
    if (!setting->own_split_seed) o.split.seed = study->folds > 0 ? rcr_split_options_default().seed : run->seed;
    o.split.folds = study->folds;
    o.split.fold = run->fold >= 0 ? run->fold : 0;
    o.split.repeat = run->repeat >= 0 ? run->repeat : 0;
    return o;
}

/* A name as a folder: letters, digits and a few marks; what else there is becomes '_'. */
static void put_folder(rcr_text *out, const char *name) {
    size_t n = strlen(name) < MAX_FOLDER_NAME ? strlen(name) : MAX_FOLDER_NAME;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)name[i];
        int fit = rcr_is_alpha(c) || rcr_is_digit(c) || strchr("-+=,._", c) != NULL;
        rcr_text_append(out, fit && !(i == 0 && c == '.') ? name + i : "_", 1);
    }
}

static char *run_directory(const rcr_study *study, const rcr_study_run *run) {
    rcr_text text = {0};
    rcr_text_puts(&text, "runs/");
    put_folder(&text, study->setting[run->setting].name);
    rcr_text_printf(&text, "/seed-%" PRIu64, run->seed);
    if (run->repeat >= 0) rcr_text_printf(&text, "-repeat-%" PRId32, run->repeat);
    if (run->fold >= 0) rcr_text_printf(&text, "-fold-%" PRId32, run->fold);
    if (text.failed) rcr_text_free(&text);
    return text.data;
}

typedef struct folder {
    char name[MAX_FOLDER_NAME + 1];
    size_t setting;
} folder;

static int by_name(const void *a, const void *b) {
    const folder *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->setting > y->setting) - (x->setting < y->setting);
}

/* Names that become the same folder. */
static rcr_status check_folders(const rcr_study *study, rcr_error *err) {
    folder *list = rcr_calloc(study->n_settings, sizeof *list);
    if (list == NULL) return fail_memory(err);
    rcr_status status = RCR_OK;
    for (size_t i = 0; i < study->n_settings; i++) {
        rcr_text text = {0};
        put_folder(&text, study->setting[i].name);
        if (text.failed) status = fail_memory(err);
        if (!text.failed) memcpy(list[i].name, text.data, text.length);
        list[i].setting = i;
        rcr_text_free(&text);
    }
    qsort(list, study->n_settings, sizeof *list, by_name);
    for (size_t i = 1; i < study->n_settings && status == RCR_OK; i++)
        if (strcmp(list[i - 1].name, list[i].name) == 0)
            status = rcr_fail(err, RCR_ERR_ARGUMENT,
                              "the settings '%.100s' and '%.100s' would have the same folder; rename one",
                              study->setting[list[i - 1].setting].name, study->setting[list[i].setting].name);
    rcr_free(list);
    return status;
}

static int by_seed(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* "1, 6, 11, ..." */
static void put_spaced(rcr_text *out, uint64_t first, uint64_t step, size_t n) {
    enum { MOST = 5 };
    for (size_t i = 0; i < n && i < MOST; i++)
        rcr_text_printf(out, i > 0 ? ", %" PRIu64 : "%" PRIu64, first + i * step);
    if (n > MOST) rcr_text_puts(out, ", ...");
}

/* An ensemble of n takes n seeds, one after the other: runs whose seeds are nearer than that have networks in common,
 * and vary less than runs that are independent would.  The seeds of all settings are the same, for differences. */
static rcr_status check_spacing(const rcr_study *study, const uint64_t *seed, size_t n_seeds, rcr_error *err) {
    const rcr_study_setting *most = &study->setting[0];
    for (size_t i = 1; i < study->n_settings; i++)
        if (study->setting[i].options.ensemble > most->options.ensemble) most = &study->setting[i];
    uint64_t wanted = (uint64_t)most->options.ensemble, *sorted = rcr_malloc(n_seeds, sizeof *sorted);
    if (sorted == NULL) return fail_memory(err);
    memcpy(sorted, seed, n_seeds * sizeof *seed);
    qsort(sorted, n_seeds, sizeof *sorted, by_seed);
    rcr_status status = RCR_OK;
    for (size_t k = 1; k < n_seeds && status == RCR_OK; k++) {
        if (sorted[k] - sorted[k - 1] >= wanted) continue;
        rcr_text spaced = {0};
        put_spaced(&spaced, sorted[0], wanted, n_seeds);
        status = spaced.failed
                     ? fail_memory(err)
                     : rcr_fail(err, RCR_ERR_ARGUMENT,
                                "the ensembles of %" PRIu64 " of the setting '%.100s' have networks in common with the "
                                "seeds %" PRIu64 " and %" PRIu64 ", so that these are no independent runs; take seeds "
                                "that are %" PRIu64 " apart: seeds = [%s]",
                                wanted, most->name, sorted[k - 1], sorted[k], wanted, spaced.data);
        rcr_text_free(&spaced);
    }
    rcr_free(sorted);
    return status;
}

static rcr_status check_layout(const rcr_study *study, const uint64_t *seed, size_t n_seeds, rcr_error *err) {
    if (study->n_settings == 0) return rcr_fail(err, RCR_ERR_ARGUMENT, "a study without settings");
    if (n_seeds == 0) return rcr_fail(err, RCR_ERR_ARGUMENT, "a study without seeds");
    for (size_t i = 0; i < n_seeds; i++)
        for (size_t k = 0; k < i; k++)
            if (seed[k] == seed[i])
                return rcr_fail(err, RCR_ERR_ARGUMENT, "the seed %" PRIu64 " is there twice", seed[i]);
    for (size_t i = 0; i < study->n_settings; i++) {
        const rcr_study_setting *s = &study->setting[i];
        rcr_split_kind kind = s->options.split.kind;
        if (study->folds > 0 && kind != RCR_SPLIT_RANDOM && kind != RCR_SPLIT_SKLEARN)
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "folds need a random split, but the setting '%.100s' has another one", s->name);
        if (study->folds == 0 && kind == RCR_SPLIT_SKLEARN)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "the split 'sklearn' of '%.100s' needs folds", s->name);
        if (study->folds > 0 &&
            (s->options.split.test_ratio != rcr_split_options_default().test_ratio || s->options.split.test_size >= 0))
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "a test ratio or size doesn't go with folds, of which each has an equal test part; the "
                            "setting '%.100s' has one",
                            s->name);
        if (study->repeats > 1 && (kind == RCR_SPLIT_REFERENCE || kind == RCR_SPLIT_FILE))
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "repeats need a split by chance, but the setting '%.100s' has a fixed one", s->name);
    }
    rcr_status status = check_spacing(study, seed, n_seeds, err);
    return status == RCR_OK ? check_folders(study, err) : status;
}

rcr_status rcr_study_lay_out(rcr_study *study, const uint64_t *seed, size_t n_seeds, int32_t repeats, int32_t folds,
                             rcr_error *err) {
    study->repeats = repeats;
    study->folds = folds;
    rcr_status status = check_layout(study, seed, n_seeds, err);
    if (status != RCR_OK) return status;
    double all = (double)study->n_settings * (double)n_seeds * repeats * (folds > 0 ? folds : 1);
    if (all > MAX_RUNS) return rcr_fail(err, RCR_ERR_LIMIT, "%.0f runs; a study has at most %d", all, (int)MAX_RUNS);
    study->seed = rcr_malloc(n_seeds, sizeof *study->seed);
    study->run = rcr_calloc((size_t)all, sizeof *study->run);
    if (study->seed == NULL || study->run == NULL) return fail_memory(err);
    memcpy(study->seed, seed, n_seeds * sizeof *seed);
    study->n_seeds = n_seeds;
    for (size_t s = 0; s < study->n_settings; s++)
        for (size_t k = 0; k < n_seeds; k++)
            for (int32_t r = 0; r < repeats; r++)
                for (int32_t f = 0; f < (folds > 0 ? folds : 1); f++) {
                    rcr_study_run *run = &study->run[study->n_runs++];
                    *run = (rcr_study_run){
                        .setting = s, .seed = seed[k], .repeat = repeats > 1 ? r : -1, .fold = folds > 0 ? f : -1};
                    run->directory = run_directory(study, run);
                    if (run->directory == NULL) return fail_memory(err);
                }
    return RCR_OK;
}

/* ---- what is there already */

static rcr_status fail_contradiction(rcr_error *err, const char *directory, const rcr_option_field *field,
                                     const rcr_train_options *there, const rcr_train_options *wanted) {
    rcr_text old = {0}, new = {0};
    rcr_option_format(&old, field, there);
    rcr_option_format(&new, field, wanted);
    rcr_status status = rcr_fail_at(err, RCR_ERR_ARGUMENT, directory, 0,
                                    "holds a run with %s '%.80s', where the study now says '%.80s'; give the study "
                                    "another folder with --out, or remove that run",
                                    field->name, old.data != NULL ? old.data : "", new.data != NULL ? new.data : "");
    rcr_text_free(&old);
    rcr_text_free(&new);
    return status;
}

static void keep_origin(rcr_study_run *run, const rcr_run_state *state) {
    memcpy(run->data_sha256, state->data_sha256, sizeof run->data_sha256);
    memcpy(run->elements_sha256, state->elements_sha256, sizeof run->elements_sha256);
    memcpy(run->kernels, state->kernels, sizeof run->kernels);
}

static rcr_status replace(const char **text, const char *by, rcr_error *err) {
    char *copy = rcr_strdup(by);
    if (copy == NULL) return fail_memory(err);
    rcr_free((void *)(uintptr_t)*text);
    *text = copy;
    return RCR_OK;
}

/* A path that is spelled another way is the one that the run has. */
static rcr_status take_spelling(const char **wanted, const char *there, rcr_error *err) {
    if (*wanted == NULL || there == NULL || strcmp(*wanted, there) == 0 || !rcr_same_path(*wanted, there))
        return RCR_OK;
    return replace(wanted, there, err);
}

/* Whether the path ends in a model's name, with or without .safetensors. */
static int ends_in_name(const char *path, const char *name) {
    const char *slash = strrchr(path, '/'), *last = slash != NULL ? slash + 1 : path;
    size_t n = strlen(name);
    return strncmp(last, name, n) == 0 && (last[n] == '\0' || strcmp(last + n, ".safetensors") == 0);
}

/* The model of a run that has begun may be gone by now, and a name alone then leads nowhere. */
static rcr_status find_spelling(rcr_train_options *wanted, const rcr_train_options *there, const char *init,
                                rcr_error *err) {
    rcr_status status = take_spelling(&wanted->split.file, there->split.file, err);
    int gone = init != NULL && there->init != NULL && strchr(init, '/') == NULL && !rcr_path_exists(init);
    if (status != RCR_OK || !gone || !ends_in_name(there->init, init))
        return status == RCR_OK ? take_spelling(&wanted->init, there->init, err) : status;
    return replace(&wanted->init, there->init, err);
}

static rcr_status inspect(const rcr_study *study, rcr_study_run *run, const char *directory, rcr_error *err) {
    rcr_run_state state;
    rcr_status status = rcr_run_peek(&state, directory, err);
    if (status != RCR_OK) return status;
    if (state.begun) {
        rcr_train_options asked = rcr_study_run_options(study, run), wanted = {0};
        const rcr_option_field *field = NULL;
        char *data = NULL; /* absolute, as a run keeps it */
        keep_origin(run, &state);
        status = rcr_train_options_copy(&wanted, &asked, err);
        if (status == RCR_OK) {
            status = rcr_options_as_run(&wanted, directory, err);
            if (status != RCR_OK) rcr_error_set_file(err, directory);
        }
        if (status == RCR_OK) status = find_spelling(&wanted, &state.options, asked.init, err);
        if (status == RCR_OK) status = rcr_options_differ(&field, &state.options, &wanted, err);
        if (status == RCR_OK) status = rcr_absolute_path(&data, study->setting[run->setting].data, err);
        if (status == RCR_OK && field != NULL)
            status = fail_contradiction(err, directory, field, &state.options, &wanted);
        else if (status == RCR_OK && !rcr_same_path(data, state.data_path))
            status = rcr_fail_at(err, RCR_ERR_ARGUMENT, directory, 0,
                                 "holds a run on %.200s, where the study now says %.200s; give the study another "
                                 "folder with --out, or remove that run",
                                 state.data_path, data);
        if (status == RCR_OK) status = rcr_study_read_key(study, run, directory, err);
        run->status = state.finished ? RCR_STUDY_DONE : RCR_STUDY_STOPPED;
        rcr_free(data);
        rcr_train_options_release(&wanted);
    }
    rcr_run_state_release(&state);
    return status;
}

rcr_status rcr_study_read_origin(rcr_study *study, rcr_study_run *run, rcr_error *err) {
    rcr_text path = {0};
    rcr_run_state state = {0};
    rcr_text_printf(&path, "%s/%s", study->directory, run->directory);
    rcr_status status = path.failed ? fail_memory(err) : rcr_run_peek(&state, path.data, err);
    rcr_text_free(&path);
    if (status == RCR_OK && state.begun) keep_origin(run, &state);
    rcr_run_state_release(&state);
    return status;
}

static int is_hidden(const char *name) { return name[0] == '.'; }

/* Run directories below runs/ that are none of the study's. */
static size_t count_strangers(const rcr_study *study) {
    size_t n = 0, known = 0;
    rcr_text path = {0};
    rcr_text_printf(&path, "%s/runs", study->directory);
    DIR *settings = path.failed ? NULL : opendir(path.data);
    for (struct dirent *s; settings != NULL && (s = readdir(settings)) != NULL;) {
        if (is_hidden(s->d_name)) continue;
        path.length = 0;
        rcr_text_printf(&path, "%s/runs/%s", study->directory, s->d_name);
        DIR *runs = path.failed ? NULL : opendir(path.data);
        for (struct dirent *r; runs != NULL && (r = readdir(runs)) != NULL;) n += !is_hidden(r->d_name);
        if (runs != NULL) closedir(runs);
    }
    if (settings != NULL) closedir(settings);
    for (size_t i = 0; i < study->n_runs; i++) {
        path.length = 0;
        rcr_text_printf(&path, "%s/%s", study->directory, study->run[i].directory);
        known += !path.failed && rcr_is_directory(path.data);
    }
    rcr_text_free(&path);
    return n > known ? n - known : 0;
}

rcr_status rcr_study_open(rcr_study *study, int to_train, size_t *n_strangers, rcr_error *err) {
    rcr_status status = rcr_study_find_keys(study, err);
    if (status == RCR_OK && to_train) status = rcr_make_directory(study->directory, err);
    if (status == RCR_OK && to_train) status = rcr_lock_take(&study->lock, study->directory, "study", err);
    for (size_t i = 0; i < study->n_runs && status == RCR_OK; i++) {
        rcr_text path = {0};
        rcr_text_printf(&path, "%s/%s", study->directory, study->run[i].directory);
        status = path.failed ? fail_memory(err) : inspect(study, &study->run[i], path.data, err);
        rcr_text_free(&path);
    }
    if (status == RCR_OK) *n_strangers = count_strangers(study);
    return status;
}
