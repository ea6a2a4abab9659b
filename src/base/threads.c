#define _GNU_SOURCE
#include "base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"

/* A job is announced by raising `generation`; workers spin a little for it, then sleep.  Pieces are handed out by a
 * counter; which thread runs which piece does not matter to any result. */
struct rcr_pool {
    int n_threads;
    pthread_t *thread; /* [n_threads - 1] */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_uint generation;
    atomic_int next_piece;
    atomic_int busy; /* workers that have not finished the current job */
    atomic_int stopping;
    int n_pieces;
    rcr_piece *piece;
    void *job;
    int n_sleeping; /* guarded by mutex */
};

typedef struct worker_start {
    rcr_pool *pool;
    int worker;
} worker_start;

enum { SPINS = 4000 };

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void run_pieces(rcr_pool *pool, int worker) {
    int n = pool->n_pieces;
    for (;;) {
        int index = atomic_fetch_add_explicit(&pool->next_piece, 1, memory_order_relaxed);
        if (index >= n) return;
        pool->piece(pool->job, index, worker);
    }
}

/* Wait until the generation differs from `seen`; returns the new one. */
static unsigned await_generation(rcr_pool *pool, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != seen) return now;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    pool->n_sleeping++;
    unsigned now;
    while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    pool->n_sleeping--;
    pthread_mutex_unlock(&pool->mutex);
    return now;
}

static void *worker_main(void *argument) {
    worker_start start = *(worker_start *)argument;
    rcr_free(argument);
    rcr_pool *pool = start.pool;
    unsigned seen = 0;
    for (;;) {
        seen = await_generation(pool, seen);
        if (atomic_load(&pool->stopping)) return NULL;
        run_pieces(pool, start.worker);
        atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_release);
    }
}

static void announce(rcr_pool *pool) {
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    if (pool->n_sleeping > 0) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

void rcr_pool_run(rcr_pool *pool, int n, rcr_piece *piece, void *job) {
    if (pool == NULL || pool->n_threads == 1 || n == 1) {
        for (int i = 0; i < n; i++) piece(job, i, 0);
        return;
    }
    if (n <= 0) return;
    pool->n_pieces = n;
    pool->piece = piece;
    pool->job = job;
    atomic_store_explicit(&pool->next_piece, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->busy, pool->n_threads - 1, memory_order_relaxed);
    announce(pool);
    run_pieces(pool, 0);
    for (int i = 0; atomic_load_explicit(&pool->busy, memory_order_acquire) > 0; i++) {
        if (i < SPINS)
            relax();
        else
            sched_yield(); /* another process has the core: let the last worker finish */
    }
}

int rcr_pool_size(const rcr_pool *pool) { return pool != NULL ? pool->n_threads : 1; }

/* The cgroup's CPU quota, rounded up; 0 when there is none (v2, then v1). */
static int cgroup_cpus(void) {
    long long quota = -1, period = 100000;
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (file != NULL) {
        if (fscanf(file, "%lld %lld", &quota, &period) != 2) quota = -1;
        fclose(file);
    } else if ((file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r")) != NULL) {
        if (fscanf(file, "%lld", &quota) != 1) quota = -1;
        fclose(file);
    }
    if (quota <= 0 || period <= 0) return 0;
    return (int)((quota - 1) / period + 1);
}

int rcr_cpu_count(void) {
    int n = 0;
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
#endif
    if (n <= 0) n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int quota = cgroup_cpus();
    if (quota > 0 && quota < n) n = quota;
    return n > 0 ? n : 1;
}

rcr_status rcr_pool_create(rcr_pool **out, int n_threads, rcr_error *err) {
    if (n_threads < 0 || n_threads > 1024)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the number of threads must be 0 (all cores) to 1024, not %d",
                        n_threads);
    if (n_threads == 0) n_threads = rcr_cpu_count();
    rcr_pool *pool = rcr_calloc_aligned(1, sizeof *pool);
    if (pool == NULL) return rcr_fail_memory(err, "starting threads");
    pool->n_threads = 1;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->thread = rcr_calloc((size_t)n_threads, sizeof *pool->thread);
    if (pool->thread == NULL) {
        rcr_pool_free(pool);
        return rcr_fail_memory(err, "starting threads");
    }
    for (int i = 1; i < n_threads; i++) {
        worker_start *start = rcr_malloc(1, sizeof *start);
        if (start == NULL) {
            rcr_pool_free(pool);
            return rcr_fail_memory(err, "starting threads");
        }
        *start = (worker_start){pool, i};
        if (pthread_create(&pool->thread[i - 1], NULL, worker_main, start) != 0) {
            rcr_free(start);
            rcr_pool_free(pool);
            return rcr_fail(err, RCR_ERR_MEMORY, "can't start %d threads; use fewer (--threads)", n_threads);
        }
        pool->n_threads = i + 1;
    }
    *out = pool;
    return RCR_OK;
}

void rcr_pool_free(rcr_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->stopping, 1);
    announce(pool);
    for (int i = 1; i < pool->n_threads; i++) pthread_join(pool->thread[i - 1], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    rcr_free(pool->thread);
    rcr_free(pool);
}
