/* Keys: by them a run is known wherever it was trained, whatever its setting is called there. */
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "study/study.h"
#include "train/options.h"

static rcr_status fail_memory(rcr_error *err) { return rcr_fail_memory(err, "finding the keys of a study's runs"); }

/* The contents of the files that a setting names, which count in the place of their paths. */
typedef struct contents {
    char split[65], init[65]; /* "" where there is none */
    int unknown;              /* one can't be read */
} contents;

static rcr_status hash_file(char hex[65], int *unknown, const char *path, rcr_error *err) {
    char *bytes;
    size_t length;
    rcr_error why;
    rcr_status status = rcr_file_read(&bytes, &length, path, SIZE_MAX / 4, &why);
    if (status == RCR_ERR_MEMORY) return fail_memory(err);
    *unknown |= status != RCR_OK;
    if (status != RCR_OK) return RCR_OK;
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash != NULL) {
        rcr_sha256_add(hash, bytes, length);
        rcr_sha256_finish(hash, hex);
    }
    rcr_free(bytes);
    return hash != NULL ? RCR_OK : fail_memory(err);
}

static rcr_status read_contents(contents *out, const rcr_train_options *o, rcr_error *err) {
    rcr_status status = RCR_OK;
    if (o->split.kind == RCR_SPLIT_FILE && o->split.file != NULL)
        status = hash_file(out->split, &out->unknown, o->split.file, err);
    if (o->init == NULL || status != RCR_OK) return status;
    rcr_text path = {0}; /* a model file, or a run with its best one */
    rcr_text_printf(&path, "%s%s", o->init, rcr_is_directory(o->init) ? "/model.safetensors" : "");
    status = path.failed ? fail_memory(err) : hash_file(out->init, &out->unknown, path.data, err);
    rcr_text_free(&path);
    return status;
}

/* "SECTION.NAME=VALUE" for each option.  An option that is new in a later version must stay out of this text where it
 * has its default, or all tables that were written before become useless: tests/study/test_parts.c has a key of old. */
static rcr_status find_key(char key[33], const rcr_train_options *o, const contents *c, rcr_error *err) {
    rcr_text text = {0};
    rcr_text_puts(&text, "recryst run 1\n");
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (strcmp(field->section, "run") == 0) continue;
        if (field->offset == offsetof(rcr_train_options, weights) && o->weights == NULL) continue; /* came later */
        rcr_text_printf(&text, "%s.%s=", field->section, field->name);
        if (field->offset == offsetof(rcr_train_options, split.file))
            rcr_text_puts(&text, c->split);
        else if (field->offset == offsetof(rcr_train_options, init))
            rcr_text_puts(&text, c->init);
        else
            rcr_option_format(&text, field, o);
        rcr_text_puts(&text, "\n");
    }
    rcr_sha256 *hash = text.failed ? NULL : rcr_sha256_new();
    char hex[65];
    if (hash != NULL) {
        rcr_sha256_add(hash, text.data, text.length);
        rcr_sha256_finish(hash, hex);
        memcpy(key, hex, 32);
        key[32] = '\0';
    }
    rcr_text_free(&text);
    return hash != NULL ? RCR_OK : fail_memory(err);
}

static int has_contents(const rcr_study *study, const rcr_study_run *run) {
    const rcr_train_options *o = &study->setting[run->setting].options;
    return o->init != NULL || o->split.kind == RCR_SPLIT_FILE;
}

rcr_status rcr_study_write_key(const rcr_study *study, const rcr_study_run *run, const char *directory,
                               rcr_error *err) {
    if (!has_contents(study, run) || run->key[0] == '\0') return RCR_OK;
    rcr_text text = {0};
    rcr_text_printf(&text, "%s\n", run->key);
    rcr_status status = rcr_make_directory(directory, err);
    if (status == RCR_OK) return rcr_file_write_in(directory, RCR_STUDY_KEY_FILE, &text, err);
    rcr_text_free(&text);
    return status;
}

rcr_status rcr_study_read_key(const rcr_study *study, rcr_study_run *run, const char *directory, rcr_error *err) {
    char *text, key[33] = "";
    size_t length;
    if (!has_contents(study, run) || !rcr_is_file_in(directory, RCR_STUDY_KEY_FILE)) return RCR_OK;
    rcr_status status = rcr_file_read_in(&text, &length, directory, RCR_STUDY_KEY_FILE, 4096, err);
    if (status != RCR_OK) return status;
    if (length == 33 && strspn(text, "0123456789abcdef") == 32) memcpy(key, text, 32);
    rcr_free(text);
    if (run->key[0] == '\0') memcpy(run->key, key, sizeof key);
    if (strcmp(run->key, key) == 0) return RCR_OK;
    return rcr_fail_at(err, RCR_ERR_ARGUMENT, directory, 0,
                       "holds a run that began when its split's file, or the model that it begins with, had other "
                       "contents; restore them, give the study another folder with --out, or remove that run");
}

rcr_status rcr_study_find_keys(rcr_study *study, rcr_error *err) {
    size_t each = study->n_settings > 0 ? study->n_runs / study->n_settings : 0;
    rcr_status status = RCR_OK;
    for (size_t s = 0; s < study->n_settings && status == RCR_OK; s++) {
        contents c = {0};
        status = read_contents(&c, &study->setting[s].options, err);
        for (size_t i = s * each; i < (s + 1) * each && status == RCR_OK && !c.unknown; i++) {
            rcr_train_options o = rcr_study_run_options(study, &study->run[i]);
            status = find_key(study->run[i].key, &o, &c, err);
        }
    }
    return status;
}
