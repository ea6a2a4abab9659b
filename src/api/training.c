/* Training by named settings. */
#include <string.h>

#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "train/options.h"

struct rcr_settings {
    rcr_train_options options; /* with strings of its own */
};

rcr_status rcr_settings_create(rcr_settings **out, rcr_error *err) {
    rcr_settings *settings = rcr_calloc(1, sizeof *settings);
    if (settings == NULL) return rcr_fail_memory(err, "making settings");
    rcr_train_options options = rcr_train_options_default();
    rcr_status status = rcr_train_options_copy(&settings->options, &options, err);
    if (status != RCR_OK) {
        rcr_free(settings);
        return status;
    }
    *out = settings;
    return RCR_OK;
}

void rcr_settings_free(rcr_settings *settings) {
    if (settings == NULL) return;
    rcr_train_options_release(&settings->options);
    rcr_free(settings);
}

static int is_named(const rcr_option_field *field, const char *name) {
    size_t n = strlen(field->section);
    return strncmp(name, field->section, n) == 0 && name[n] == '.' && strcmp(name + n + 1, field->name) == 0;
}

rcr_status rcr_settings_set(rcr_settings *settings, const char *name, const char *value, rcr_error *err) {
    RCR_OWN_FLOATING;
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        if (!is_named(field, name)) continue;
        char *old = NULL;
        if (field->kind == RCR_FIELD_TEXT) memcpy(&old, (const char *)&settings->options + field->offset, sizeof old);
        rcr_error why;
        rcr_status status = rcr_option_parse(&settings->options, field, value, &why);
        if (status == RCR_OK) {
            rcr_free(old);
            rcr_train_options_ask(&settings->options, field);
            return RCR_OK;
        }
        if (status == RCR_ERR_MEMORY || field->choice == NULL)
            return rcr_fail(err, status == RCR_ERR_PARSE ? RCR_ERR_ARGUMENT : status, "%s", why.message);
        rcr_text allowed = {0};
        for (int k = 0; field->choice[k] != NULL; k++)
            rcr_text_printf(&allowed, k > 0 ? ", %s" : "%s", field->choice[k]);
        status = rcr_fail(err, RCR_ERR_ARGUMENT, "%s; allowed are %s", why.message,
                          allowed.data != NULL ? allowed.data : "others");
        rcr_text_free(&allowed);
        return status;
    }
    return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no setting '%.100s'", name);
}

rcr_status rcr_settings_get(const char **section, const char **name, const char **comment, char **value,
                            const rcr_settings *settings, size_t i, rcr_error *err) {
    RCR_OWN_FLOATING;
    if (i >= rcr_n_option_fields) return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no setting %zu", i);
    const rcr_option_field *field = &rcr_option_fields[i];
    rcr_text text = {0};
    rcr_text_puts(&text, "");
    rcr_option_format(&text, field, &settings->options);
    if (text.failed) {
        rcr_text_free(&text);
        return rcr_fail_memory(err, "reading a setting");
    }
    *section = field->section;
    *name = field->name;
    *comment = field->comment;
    *value = text.data;
    return RCR_OK;
}

rcr_graph_options rcr_settings_graph(const rcr_settings *settings) { return settings->options.graph; }

/* ---- following a run */

typedef struct follower {
    const rcr_training_events *events;
    rcr_train_events inner;
    atomic_int stop;
} follower;

static void look(follower *f, int answer) {
    if (answer != 0 || (f->events->stop != NULL && *(const volatile int32_t *)f->events->stop != 0))
        atomic_store(&f->stop, 1);
}

static void on_reading(void *context, size_t done, size_t total) {
    follower *f = context;
    look(f, f->events->reading != NULL ? f->events->reading(f->events->context, done, total) : 0);
}

static void on_started(void *context, const rcr_model *model, const rcr_split *split, const char *choice,
                       const char *kernels, int n_threads) {
    (void)model;
    (void)choice;
    follower *f = context;
    const rcr_training_events *e = f->events;
    look(f, e->started != NULL ? e->started(e->context, split->n_train, split->n_val, split->n_test, kernels, n_threads)
                               : 0);
}

static void on_batch(void *context, int32_t epoch, int32_t batch, int32_t n_batches, size_t crystals_done) {
    (void)crystals_done;
    follower *f = context;
    look(f, f->events->batch != NULL ? f->events->batch(f->events->context, epoch, batch, n_batches) : 0);
}

static void on_epoch(void *context, const rcr_epoch *e, int32_t n_epochs) {
    follower *f = context;
    rcr_training_epoch epoch = {.epoch = e->epoch,
                                .n_epochs = n_epochs,
                                .lr = e->lr,
                                .train_loss = e->train_loss,
                                .train_score = e->train_score,
                                .val_loss = e->val_loss,
                                .val_score = e->val_score,
                                .is_best = e->is_best,
                                .seconds = e->seconds};
    look(f, f->events->epoch != NULL ? f->events->epoch(f->events->context, &epoch) : 0);
}

static void on_message(void *context, const char *text) {
    follower *f = context;
    look(f, f->events->message != NULL ? f->events->message(f->events->context, text) : 0);
}

static void follow(follower *f, const rcr_training_events *events) {
    static const rcr_training_events none;
    f->events = events != NULL ? events : &none;
    atomic_init(&f->stop, 0);
    f->inner = (rcr_train_events){.context = f,
                                  .reading = on_reading,
                                  .started = on_started,
                                  .batch_done = on_batch,
                                  .epoch_done = on_epoch,
                                  .message = on_message,
                                  .stop = &f->stop};
}

static rcr_scores scores_of(const rcr_score *s) {
    return (rcr_scores){s->n, s->mae, s->rmse, s->r2, s->accuracy, s->precision, s->recall, s->f1, s->auc, s->loss};
}

static void tell_result(rcr_training_result *out, const rcr_train_result *r) {
    *out = (rcr_training_result){.train = scores_of(&r->train),
                                 .val = scores_of(&r->val),
                                 .test = scores_of(&r->test),
                                 .best_epoch = r->best_epoch,
                                 .epochs_done = r->epochs_done,
                                 .seconds = r->seconds};
}

rcr_status rcr_training_run(rcr_training_result *result, const char *data, const char *run_directory,
                            const rcr_settings *settings, const rcr_training_events *events, rcr_error *err) {
    RCR_OWN_FLOATING;
    follower f;
    rcr_train_result r = {0};
    follow(&f, events);
    rcr_status status = rcr_train(&r, data, run_directory, &settings->options, &f.inner, err);
    if (status == RCR_OK) tell_result(result, &r);
    rcr_train_result_release(&r);
    return status;
}

rcr_status rcr_training_resume(rcr_training_result *result, const char *run_directory, int n_threads,
                               const rcr_training_events *events, rcr_error *err) {
    RCR_OWN_FLOATING;
    follower f;
    rcr_train_result r = {0};
    follow(&f, events);
    rcr_status status = rcr_train_resume(&r, run_directory, n_threads, &f.inner, err);
    if (status == RCR_OK) tell_result(result, &r);
    rcr_train_result_release(&r);
    return status;
}
