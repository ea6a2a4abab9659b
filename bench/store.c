/* Crystals a second into batches of 256 in random order, from a graph store or from files held in memory; with a limit,
 * also when no more than so many MiB of the store may stay in memory.
 *     ninja -C build bench_store && build/bench_store DATA [limit in MiB [epochs]]
 * The limit is kept as a control group would keep it, by taking pages away (MADV_PAGEOUT), which needs no rights: after
 * every batch the resident pages are counted, and where they are too many random stretches of the file are dropped. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/rng.h"
#include "data/dataset.h"

enum { BATCH = 256, PAGE = 4096, STRETCH = 64 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The pages between the first and the last record. */
typedef struct stretch {
    unsigned char *base, *resident;
    size_t n_pages;
} stretch;

static size_t count_resident(stretch *s) {
    size_t n = 0;
    if (mincore(s->base, s->n_pages * PAGE, s->resident) != 0) return 0;
    for (size_t i = 0; i < s->n_pages; i++) n += s->resident[i] & 1;
    return n;
}

static void keep_below(stretch *s, size_t limit, rcr_rng *rng) {
    size_t n = count_resident(s);
    for (int tries = 0; n > limit && tries < 100000; tries++) {
        size_t first = (size_t)rcr_rng_below(rng, s->n_pages), length = s->n_pages - first;
        if (length > STRETCH) length = STRETCH;
        for (size_t i = first; i < first + length; i++) n -= s->resident[i] & 1, s->resident[i] = 0;
        madvise(s->base + first * PAGE, length * PAGE, MADV_PAGEOUT);
    }
}

static stretch map_of(const rcr_dataset *d) {
    stretch s = {0};
    unsigned char *low = d->sample[0].record, *high = low;
    for (size_t i = 0; i < d->n; i++) {
        if (d->sample[i].record < low) low = d->sample[i].record;
        if (d->sample[i].record + d->sample[i].record_size > high)
            high = d->sample[i].record + d->sample[i].record_size;
    }
    s.base = low - (size_t)low % PAGE;
    s.n_pages = (size_t)(high - s.base) / PAGE;
    s.resident = calloc(s.n_pages, 1);
    return s;
}

static double run_epoch(const rcr_dataset *d, const int64_t *order, stretch *s, size_t limit, rcr_rng *rng) {
    rcr_batch batch = {0};
    rcr_error err;
    double seconds = 0;
    for (size_t at = 0; at < d->n; at += BATCH) {
        int32_t n = d->n - at < BATCH ? (int32_t)(d->n - at) : BATCH;
        double start = now();
        if (rcr_dataset_fill_batch(&batch, d, order + at, n, &err) != RCR_OK) {
            fprintf(stderr, "%s\n", err.message);
            exit(1);
        }
        seconds += now() - start;
        if (limit > 0) keep_below(s, limit, rng);
    }
    rcr_batch_release(&batch);
    return seconds;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s DATA [limit in MiB [epochs]]\n", argv[0]);
        return 2;
    }
    size_t limit = argc > 2 ? (size_t)atol(argv[2]) * (1 << 20) / PAGE : 0;
    int n_epochs = argc > 3 ? atoi(argv[3]) : 5;
    rcr_dataset *d;
    rcr_error err;
    rcr_dataset_options options = {.graph = rcr_graph_options_default()};
    double start = now();
    rcr_pool_create(&options.pool, 0, &err);
    if (rcr_dataset_read(&d, argv[1], &options, &err) != RCR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("opened in %.2f s: %zu crystals\n", now() - start, d->n);
    if (d->store == NULL) limit = 0;
    stretch s = d->store != NULL ? map_of(d) : (stretch){0};
    int64_t *order = malloc(d->n * sizeof *order);
    for (size_t i = 0; i < d->n; i++) order[i] = (int64_t)i;
    rcr_rng rng;
    rcr_rng_seed(&rng, 1, 0);
    for (int epoch = 0; epoch < n_epochs; epoch++) {
        rcr_rng_shuffle(&rng, order, d->n);
        double seconds = run_epoch(d, order, &s, limit, &rng);
        printf("epoch %d: %8.0f crystals/s", epoch + 1, (double)d->n / seconds);
        if (d->store != NULL)
            printf(", %.0f of %.0f MiB of the store in memory", (double)count_resident(&s) * PAGE / (1 << 20),
                   (double)s.n_pages * PAGE / (1 << 20));
        printf("\n");
    }
    free(order);
    free(s.resident);
    rcr_dataset_free(d);
    rcr_pool_free(options.pool);
    return 0;
}
