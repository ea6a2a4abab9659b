/* Runs beside each other: threads that each take the next run that waits. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "base/threads.h"
#include "study/results.h"

/* Between two times that the tables are written: seconds, and times of what it took. */
enum { WRITE_SECONDS = 2, WRITE_TIMES = 20 };

typedef struct executor {
    rcr_study *study;
    const rcr_study_events *events;
    int threads;
    pthread_mutex_t mutex; /* of all below, and of the runs' fields that change */
    pthread_cond_t changed;
    size_t next; /* place in the order of execution */
    int n_running, n_workers;
    size_t *ended; /* [n_runs] runs that ended and have not been told of */
    size_t n_ended, n_told;
    double begun_at;
    /* For the time that is left. */
    int64_t epochs; /* done by this process */
    double *setting_seconds;
    int64_t *setting_epochs;
    atomic_int no_stop;
} executor;

typedef struct running {
    executor *x;
    rcr_study_run *run;
    int64_t before; /* epochs of an ensemble's networks before the one that is trained */
} running;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int stop_requested(const executor *x) {
    return x->events->stop != NULL && atomic_load_explicit(x->events->stop, memory_order_relaxed);
}

static void epoch_done(void *context, const rcr_epoch *epoch, int32_t n_epochs) {
    (void)n_epochs;
    running *r = context;
    executor *x = r->x;
    pthread_mutex_lock(&x->mutex);
    r->run->epochs_done = r->before + epoch->epoch;
    x->epochs++;
    x->setting_epochs[r->run->setting]++;
    x->setting_seconds[r->run->setting] += epoch->seconds;
    pthread_mutex_unlock(&x->mutex);
}

static void member_begins(void *context, int32_t member, int32_t n_members, uint64_t seed) {
    (void)n_members;
    (void)seed;
    running *r = context;
    pthread_mutex_lock(&r->x->mutex);
    r->before = (int64_t)(member - 1) * r->x->study->setting[r->run->setting].options.epochs;
    r->run->epochs_done = r->before;
    pthread_mutex_unlock(&r->x->mutex);
}

/* Train or go on with one run, and say how it ended. */
static void train(executor *x, rcr_study_run *run) {
    rcr_study *study = x->study;
    const rcr_study_setting *setting = &study->setting[run->setting];
    rcr_text path = {0};
    rcr_error err = {.status = RCR_OK};
    rcr_train_result result = {0};
    running context = {x, run, 0};
    rcr_train_events events = {
        .context = &context, .epoch_done = epoch_done, .member = member_begins, .stop = x->events->stop};
    rcr_text_printf(&path, "%s/%s", study->directory, run->directory);
    int begun = run->status == RCR_STUDY_STOPPED;
    rcr_train_options options = rcr_study_run_options(study, run);
    options.n_threads = x->threads;
    pthread_mutex_lock(&x->mutex);
    run->status = RCR_STUDY_RUNNING;
    pthread_mutex_unlock(&x->mutex);
    rcr_status status;
    if (path.failed)
        status = rcr_fail_memory(&err, "training a run of a study");
    else if (begun)
        status = rcr_train_resume(&result, path.data, x->threads, &events, &err);
    else if ((status = rcr_study_write_key(study, run, path.data, &err)) == RCR_OK)
        status = rcr_train(&result, setting->data, path.data, &options, &events, &err);
    rcr_text_free(&path);
    rcr_train_result_release(&result); /* its scores are read from the run */
    rcr_study_run seen = *run;
    rcr_error unread;
    if (status == RCR_OK && rcr_study_read_origin(study, &seen, &unread) != RCR_OK) {
        status = unread.status;
        err = unread;
    }
    char text[1024];
    char *error = NULL;
    if (status != RCR_OK && status != RCR_ERR_INTERRUPTED) {
        rcr_error_format(text, sizeof text, &err);
        error = rcr_strdup(text);
    }
    pthread_mutex_lock(&x->mutex);
    memcpy(run->data_sha256, seen.data_sha256, sizeof run->data_sha256);
    memcpy(run->elements_sha256, seen.elements_sha256, sizeof run->elements_sha256);
    memcpy(run->kernels, seen.kernels, sizeof run->kernels);
    run->status = status == RCR_OK                ? RCR_STUDY_DONE
                  : status == RCR_ERR_INTERRUPTED ? RCR_STUDY_STOPPED
                                                  : RCR_STUDY_FAILED;
    rcr_free(run->error);
    run->error = error;
    pthread_mutex_unlock(&x->mutex);
}

static int is_to_do(const rcr_study_run *run) { return run->status != RCR_STUDY_DONE && !run->elsewhere; }

static void *work(void *context) {
    executor *x = context;
    rcr_study *study = x->study;
    pthread_mutex_lock(&x->mutex);
    for (;;) {
        size_t i = 0;
        while (x->next < study->n_runs && !is_to_do(&study->run[i = rcr_study_run_at(study, x->next)])) x->next++;
        if (x->next == study->n_runs || stop_requested(x)) break;
        x->next++;
        x->n_running++;
        pthread_mutex_unlock(&x->mutex);
        train(x, &study->run[i]);
        pthread_mutex_lock(&x->mutex);
        x->n_running--;
        x->ended[x->n_ended++] = i;
        pthread_cond_signal(&x->changed);
    }
    x->n_workers--;
    pthread_cond_signal(&x->changed);
    pthread_mutex_unlock(&x->mutex);
    return NULL;
}

/* Epochs that remain, each as long as those of its setting have been, shared by the jobs. */
static double time_left(const executor *x, int jobs) {
    const rcr_study *study = x->study;
    if (x->epochs == 0) return NAN;
    double all_seconds = 0, left = 0, longest = 0;
    for (size_t s = 0; s < study->n_settings; s++) all_seconds += x->setting_seconds[s];
    for (size_t i = 0; i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        if (!is_to_do(run) || run->status == RCR_STUDY_FAILED) continue;
        size_t s = run->setting;
        double each = x->setting_epochs[s] > 0 ? x->setting_seconds[s] / (double)x->setting_epochs[s]
                                               : all_seconds / (double)x->epochs;
        const rcr_train_options *o = &study->setting[s].options;
        double run_left = each * (double)((int64_t)o->epochs * o->ensemble - run->epochs_done);
        left += run_left;
        longest = fmax(longest, run_left);
    }
    return fmax(left / jobs, longest);
}

/* Write the tables of the runs as they are now.  Called with the mutex held; it is let go meanwhile. */
static rcr_status write_tables(executor *x, rcr_error *err) {
    rcr_study seen = *x->study; /* what workers change is in its runs, and no text that is there is changed by them */
    seen.run = rcr_malloc(seen.n_runs, sizeof *seen.run);
    if (seen.run == NULL) return rcr_fail_memory(err, "writing a study's tables");
    memcpy(seen.run, x->study->run, seen.n_runs * sizeof *seen.run);
    pthread_mutex_unlock(&x->mutex);
    rcr_status status = rcr_study_put_tables(&seen, err);
    pthread_mutex_lock(&x->mutex);
    rcr_free(seen.run);
    return status;
}

/* Tell the caller what has happened, until all workers are done.  Called with the mutex held. */
static rcr_status watch(executor *x, int jobs, rcr_error *err) {
    rcr_study *study = x->study;
    const rcr_study_events *e = x->events;
    rcr_status status = RCR_OK;
    int unwritten = 0;
    double written_at = now(), cost = 0;
    while (x->n_workers > 0 || x->n_told < x->n_ended || unwritten) {
        if (x->n_told == x->n_ended && x->n_workers > 0) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_nsec += 200000000;
            until.tv_sec += until.tv_nsec / 1000000000;
            until.tv_nsec %= 1000000000;
            pthread_cond_timedwait(&x->changed, &x->mutex, &until);
        }
        while (x->n_told < x->n_ended) {
            rcr_study_run *run = &study->run[x->ended[x->n_told++]];
            rcr_status read = rcr_study_read_result(study, run, status == RCR_OK ? err : NULL);
            if (status == RCR_OK) status = read;
            unwritten = 1;
            if (e->run_ended != NULL && run->status != RCR_STUDY_STOPPED) e->run_ended(e->context, study, run);
        }
        if (unwritten && (now() - written_at >= fmax(WRITE_SECONDS, WRITE_TIMES * cost) || x->n_workers == 0)) {
            double start = now();
            rcr_status written = write_tables(x, status == RCR_OK ? err : NULL);
            if (status == RCR_OK) status = written;
            unwritten = 0;
            written_at = now();
            cost = written_at - start;
        }
        double elapsed = now() - x->begun_at;
        if (e->progress != NULL)
            e->progress(e->context, study, (size_t)x->n_running, (double)x->epochs / fmax(elapsed, 1e-3),
                        time_left(x, jobs));
    }
    return status;
}

rcr_status rcr_study_execute(rcr_study *study, int jobs, int threads, const rcr_study_events *events, rcr_error *err) {
    executor x = {.study = study, .events = events, .threads = threads, .begun_at = now()};
    size_t to_do = 0;
    for (size_t i = 0; i < study->n_runs; i++) to_do += is_to_do(&study->run[i]);
    if ((size_t)jobs > to_do) jobs = (int)to_do;
    rcr_status status = rcr_study_write_tables(study, err);
    if (status != RCR_OK || jobs == 0) return status;
    int all = jobs * threads;
    status = rcr_study_check_data(study, all < RCR_MAX_THREADS ? all : RCR_MAX_THREADS, err);
    if (status != RCR_OK) return status;
    x.ended = rcr_calloc(study->n_runs, sizeof *x.ended);
    x.setting_seconds = rcr_calloc(study->n_settings, sizeof *x.setting_seconds);
    x.setting_epochs = rcr_calloc(study->n_settings, sizeof *x.setting_epochs);
    pthread_t *worker = rcr_calloc((size_t)jobs, sizeof *worker);
    if (x.ended == NULL || x.setting_seconds == NULL || x.setting_epochs == NULL || worker == NULL) {
        status = rcr_fail_memory(err, "running a study");
    } else {
        pthread_mutex_init(&x.mutex, NULL);
        pthread_cond_init(&x.changed, NULL);
        pthread_mutex_lock(&x.mutex);
        int n = 0;
        while (n < jobs && pthread_create(&worker[n], NULL, work, &x) == 0) n++;
        x.n_workers = n;
        if (n == 0)
            status = rcr_fail(err, RCR_ERR_MEMORY, "the system gives no thread for a run");
        else
            status = watch(&x, n, err);
        pthread_mutex_unlock(&x.mutex);
        for (int i = 0; i < n; i++) pthread_join(worker[i], NULL);
        pthread_cond_destroy(&x.changed);
        pthread_mutex_destroy(&x.mutex);
        if (status == RCR_OK && stop_requested(&x)) {
            size_t open = rcr_study_count(study).here;
            if (open > 0)
                status = rcr_fail(err, RCR_ERR_INTERRUPTED, "stopped with %zu of %zu runs to go", open, to_do);
        }
    }
    rcr_free(x.ended);
    rcr_free(x.setting_seconds);
    rcr_free(x.setting_epochs);
    rcr_free(worker);
    return status;
}
