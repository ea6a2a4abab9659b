#include "train/loader.h"

#include "base/mem.h"
#include "base/status.h"
#include "base/threads.h"

/* Batch b of the epoch is collated into slot b % 2.  The thread fills batch `filled` once batch `filled` - 2 has been
 * given back, so it never touches the slot that the caller reads. */
struct rcr_loader {
    const rcr_dataset *dataset;
    int32_t batch_size;
    rcr_batch slot[2];
    rcr_status status[2];
    rcr_error error[2];
    const int64_t *order;
    size_t n, n_batches;
    size_t filled, taken; /* batches collated, batches handed out */
    int threaded, busy, stopping;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

static void collate(rcr_loader *loader, size_t index) {
    size_t first = index * (size_t)loader->batch_size, rest = loader->n - first;
    int32_t n = rest < (size_t)loader->batch_size ? (int32_t)rest : loader->batch_size;
    int slot = (int)(index % 2);
    loader->status[slot] =
        rcr_dataset_fill_batch(&loader->slot[slot], loader->dataset, loader->order + first, n, &loader->error[slot]);
}

static void *collate_ahead(void *context) {
    rcr_loader *loader = context;
    pthread_mutex_lock(&loader->mutex);
    for (;;) {
        /* taken - 1 is in the caller's hands, so up to taken + 1 batches may stand filled. */
        while (!loader->stopping && !(loader->filled < loader->n_batches && loader->filled <= loader->taken))
            pthread_cond_wait(&loader->changed, &loader->mutex);
        if (loader->stopping) break;
        size_t index = loader->filled;
        loader->busy = 1;
        pthread_mutex_unlock(&loader->mutex);
        collate(loader, index);
        pthread_mutex_lock(&loader->mutex);
        loader->busy = 0;
        loader->filled = index + 1;
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

rcr_status rcr_loader_create(rcr_loader **out, const rcr_dataset *dataset, int32_t batch_size, int threaded,
                             rcr_error *err) {
    rcr_loader *loader = rcr_calloc(1, sizeof *loader);
    if (loader == NULL) return rcr_fail_memory(err, "making room for batches");
    loader->slot[0].fold = loader->slot[1].fold = 1;
    loader->dataset = dataset;
    loader->batch_size = batch_size;
    if (threaded && pthread_mutex_init(&loader->mutex, NULL) == 0) {
        if (pthread_cond_init(&loader->changed, NULL) == 0) {
            loader->threaded = rcr_thread_start(&loader->thread, collate_ahead, loader) == 0;
            if (!loader->threaded) pthread_cond_destroy(&loader->changed);
        }
        /* A machine that gives no further thread collates on the caller. */
        if (!loader->threaded) pthread_mutex_destroy(&loader->mutex);
    }
    *out = loader;
    return RCR_OK;
}

void rcr_loader_free(rcr_loader *loader) {
    if (loader == NULL) return;
    if (loader->threaded) {
        pthread_mutex_lock(&loader->mutex);
        loader->stopping = 1;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        pthread_join(loader->thread, NULL);
        pthread_cond_destroy(&loader->changed);
        pthread_mutex_destroy(&loader->mutex);
    }
    rcr_batch_release(&loader->slot[0]);
    rcr_batch_release(&loader->slot[1]);
    rcr_free(loader);
}

void rcr_loader_start(rcr_loader *loader, const int64_t *order, size_t n) {
    if (loader->threaded) {
        pthread_mutex_lock(&loader->mutex);
        while (loader->busy) pthread_cond_wait(&loader->changed, &loader->mutex);
    }
    loader->order = order;
    loader->n = n;
    loader->n_batches = (n + (size_t)loader->batch_size - 1) / (size_t)loader->batch_size;
    loader->filled = loader->taken = 0;
    if (loader->threaded) {
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
    }
}

rcr_status rcr_loader_next(const rcr_batch **batch, size_t *first, rcr_loader *loader, rcr_error *err) {
    if (loader->taken == loader->n_batches) {
        *batch = NULL;
        return RCR_OK;
    }
    size_t index = loader->taken;
    if (loader->threaded) {
        pthread_mutex_lock(&loader->mutex);
        while (loader->filled <= index) pthread_cond_wait(&loader->changed, &loader->mutex);
        loader->taken = index + 1; /* gives the batch before this one back */
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
    } else {
        collate(loader, index);
        loader->taken = index + 1;
    }
    int slot = (int)(index % 2);
    if (loader->status[slot] != RCR_OK) {
        if (err != NULL) *err = loader->error[slot];
        return loader->status[slot];
    }
    *batch = &loader->slot[slot];
    *first = index * (size_t)loader->batch_size;
    return RCR_OK;
}
