/* Rows from the frames of an extxyz file. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "data/source.h"
#include "io/extxyz.h"

enum { MAX_INFOS = 256 };

static int key_is(const rcr_extxyz_info *info, const char *name) {
    return info->key_length == strlen(name) && memcmp(info->key, name, info->key_length) == 0;
}

static const rcr_extxyz_info *find(const rcr_extxyz_info *infos, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (key_is(&infos[i], name)) return &infos[i];
    return NULL;
}

static const char *const id_keys[] = {"id", "material_id", "name"};

/* "dir/NAME.extxyz" -> "NAME-7". */
static char *numbered_id(const char *file, size_t number) {
    const char *slash = strrchr(file, '/'), *base = slash != NULL ? slash + 1 : file;
    rcr_text id = {0};
    rcr_text_append(&id, base, strcspn(base, "."));
    rcr_text_printf(&id, "-%zu", number);
    if (id.failed) rcr_text_free(&id);
    return id.data;
}

static char *frame_id(const rcr_extxyz_info *infos, size_t n, const char *file, size_t number) {
    for (size_t k = 0; k < sizeof id_keys / sizeof id_keys[0]; k++) {
        const rcr_extxyz_info *info = find(infos, n, id_keys[k]);
        if (info != NULL && info->value_length > 0 && memchr(info->value, '\0', info->value_length) == NULL)
            return rcr_strndup(info->value, info->value_length);
    }
    return numbered_id(file, number);
}

static int is_id_key(const rcr_extxyz_info *info) {
    for (size_t k = 0; k < sizeof id_keys / sizeof id_keys[0]; k++)
        if (key_is(info, id_keys[k])) return 1;
    return 0;
}

/* The keys of a frame whose values are numbers, apart from ids.  Returns how many; names are to be freed. */
static size_t numeric_keys(char **names, const rcr_extxyz_info *infos, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        double value;
        if (is_id_key(&infos[i]) || !rcr_parse_double(&value, infos[i].value, infos[i].value_length)) continue;
        char *name = rcr_strndup(infos[i].key, infos[i].key_length);
        if (name != NULL) names[found++] = name;
    }
    return found;
}

static void keep_cells(source *s, source_row *row, const rcr_extxyz_info *infos, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (is_id_key(&infos[i]) || memchr(infos[i].value, '\0', infos[i].value_length) != NULL) continue;
        rcr_source_cell(s, row, rcr_source_column(s, infos[i].key, infos[i].key_length), infos[i].value,
                        infos[i].value_length);
    }
}

/* Settle the target by the first good frame, which shows what keys there are. */
static rcr_status choose_target(source *s, const rcr_extxyz_info *infos, size_t n, const char *file, long line,
                                rcr_error *err) {
    const char *wanted = s->options->target;
    if (wanted == NULL && !s->options->need_target) return RCR_OK;
    char *names[MAX_INFOS];
    size_t n_names = numeric_keys(names, infos, n);
    rcr_status status = RCR_OK;
    if (wanted == NULL && n_names != 1) {
        char *list = rcr_source_join((const char *const *)names, n_names);
        status =
            n_names == 0
                ? rcr_fail_at(err, RCR_ERR_DATA, file, line, "the frame has no key with a number for a target")
                : rcr_fail_at(err, RCR_ERR_ARGUMENT, file, line,
                              "choose one of the keys as the target (--target NAME): %.300s", list != NULL ? list : "");
        rcr_free(list);
    } else {
        s->target = rcr_strdup(wanted != NULL ? wanted : names[0]);
        if (s->target == NULL) status = rcr_fail_memory(err, "reading a dataset");
    }
    for (size_t i = 0; i < n_names; i++) rcr_free(names[i]);
    return status;
}

static long count_lines(const char *text, size_t length) {
    long n = 0;
    for (const char *c = text, *end = text + length; (c = memchr(c, '\n', (size_t)(end - c))) != NULL; c++) n++;
    return n;
}

static int only_blanks(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!rcr_is_space((unsigned char)text[i])) return 0;
    return 1;
}

typedef struct frame {
    rcr_extxyz_info info[MAX_INFOS];
    size_t n_infos, consumed;
    long line;
} frame;

/* One frame into one row.  settled: the target is chosen. */
static rcr_status read_frame(source *s, frame *f, int *settled, const char *name, const char *text, size_t length,
                             rcr_error *err) {
    rcr_crystal *crystal = NULL;
    rcr_error problem = {0};
    f->n_infos = 0;
    f->consumed = 0;
    rcr_status status =
        rcr_extxyz_parse(&crystal, f->info, MAX_INFOS, &f->n_infos, &f->consumed, "", text, length, f->line, &problem);
    if (status == RCR_ERR_MEMORY) {
        if (err != NULL) *err = problem;
        return status;
    }
    size_t n = f->n_infos < MAX_INFOS ? f->n_infos : MAX_INFOS;
    if (status == RCR_OK && !*settled) {
        rcr_status choice = choose_target(s, f->info, n, name, f->line + 1, err);
        if (choice != RCR_OK) {
            rcr_crystal_free(crystal);
            return choice;
        }
        *settled = 1;
    }
    source_row *row = rcr_source_add(s, frame_id(f->info, n, name, s->n + 1), NULL, crystal);
    if (row == NULL) return rcr_fail_memory(err, "reading a dataset");
    row->line = f->line + 1;
    if (status != RCR_OK) {
        rcr_source_bad(s, row, status, name, problem.line > 0 ? problem.line : f->line, "%s%s", problem.message,
                       f->consumed == 0 ? " (frames after this one can't be found)" : "");
    } else if (s->keep_cells) {
        keep_cells(s, row, f->info, n);
    } else if (s->target != NULL) {
        const rcr_extxyz_info *info = find(f->info, n, s->target);
        rcr_source_target(s, row, info != NULL ? info->value : "", info != NULL ? info->value_length : 0, name,
                          f->line + 1);
    }
    return s->out_of_memory ? rcr_fail_memory(err, "reading a dataset") : RCR_OK;
}

/* "text" of the frame goes into the dataset's hash. */
static void hash_frame(source_row *row, const char *text, size_t length, int *out_of_memory) {
    rcr_sha256 *hash = rcr_sha256_new();
    if (hash == NULL) {
        *out_of_memory = 1;
        return;
    }
    rcr_sha256_add(hash, text, length);
    rcr_sha256_finish(hash, row->sha256);
}

rcr_status rcr_source_read_frames(source *s, const char *name, const char *text, size_t length, rcr_error *err) {
    s->frames = 1;
    s->table = rcr_strdup(name);
    if (s->table == NULL) return rcr_fail_memory(err, "reading a dataset");
    frame *f = rcr_malloc(1, sizeof *f);
    if (f == NULL) return rcr_fail_memory(err, "reading a dataset");
    f->line = 1;
    int settled = 0;
    rcr_status status = RCR_OK;
    for (size_t at = 0; status == RCR_OK && at < length && !only_blanks(text + at, length - at); at += f->consumed) {
        status = read_frame(s, f, &settled, name, text + at, length - at, err);
        if (status != RCR_OK) break;
        size_t taken = f->consumed > 0 ? f->consumed : length - at;
        hash_frame(&s->row[s->n - 1], text + at, taken, &s->out_of_memory);
        if (s->out_of_memory) status = rcr_fail_memory(err, "reading a dataset");
        f->line += count_lines(text + at, f->consumed);
        if (f->consumed == 0) break;
    }
    if (status == RCR_OK && s->n == 0) status = rcr_fail_at(err, RCR_ERR_DATA, name, 0, "the file holds no frames");
    /* A target that no frame has is a misspelt option, not a thousand bad rows. */
    if (status == RCR_OK && s->options->need_target && s->target != NULL) {
        size_t found = 0;
        for (size_t i = 0; i < s->n; i++) found += s->row[i].target == s->row[i].target;
        if (found == 0 && settled) {
            char *names[MAX_INFOS];
            size_t n_names = numeric_keys(names, f->info, f->n_infos < MAX_INFOS ? f->n_infos : MAX_INFOS);
            char *list = rcr_source_join((const char *const *)names, n_names);
            status = rcr_fail_at(err, RCR_ERR_ARGUMENT, name, 0,
                                 "no frame has a value for the target \"%.100s\"; keys with numbers are: %.250s",
                                 s->target, list != NULL ? list : "");
            rcr_free(list);
            for (size_t i = 0; i < n_names; i++) rcr_free(names[i]);
        }
    }
    rcr_free(f);
    return status;
}
