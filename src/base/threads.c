#define _GNU_SOURCE
#include "base/threads.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/status.h"

/*
 * A job is announced by raising the generation; workers spin a little for it, then sleep.  The pieces of a job are
 * claimed one by one from `ticket`, which holds the job's generation beside the number of pieces left, or one bit for
 * each piece left where their order matters, so that a worker that wakes late finds nothing to claim.  The caller waits
 * for the pieces, not for the workers: on a busy machine a worker that the system has put aside delays nobody unless it
 * holds a piece.
 */
typedef struct worker_start {
    rcr_pool *pool;
    int worker;
} worker_start;

struct rcr_pool {
    int n_threads;
    int n_started;       /* the caller and the threads that run; 0: no job has needed threads yet */
    pthread_t *thread;   /* [n_threads - 1] */
    worker_start *start; /* [n_threads - 1] */
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_uint_fast64_t ticket; /* generation * 2^32 + pieces that nobody has claimed: their number, or their bits */
    atomic_int unfinished;       /* pieces of the current job that are not done */
    atomic_int stopping;
    /* The current job.  Written only while no piece can be claimed; read before a claim, and valid if it succeeds. */
    atomic_int n_pieces;
    atomic_int order; /* ANY: the ticket counts; else rcr_pool_order, and it has bits */
    _Atomic(rcr_piece *) piece;
    _Atomic(void *) job;
    int n_sleeping; /* guarded by mutex */
};

/* Looks at the ticket before a worker sleeps (some hundred microseconds: what a caller does between two jobs), and
 * before the caller offers its core to others. */
enum { SPINS = 20000, CALLER_SPINS = 4000 };

enum { ANY = -1 };

static uint32_t generation_of(uint64_t ticket) { return (uint32_t)(ticket >> 32); }

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Bits first .. end-1, both 0 .. 32. */
static uint32_t bits(int first, int end) { return (uint32_t)(((uint64_t)1 << end) - ((uint64_t)1 << first)); }

static int lowest(uint32_t left) { return __builtin_ctz(left); }
static int highest(uint32_t left) { return 31 - __builtin_clz(left); }

/* Which of the pieces left, at least one, a worker takes: the next of its share, or the last of another's. */
static int choose(const rcr_pool *pool, uint32_t left, int n, int order, int worker) {
    if (n > RCR_POOL_NEAR) n = RCR_POOL_NEAR; /* of a later job: the claim will fail */
    for (int k = 0; k < pool->n_threads; k++) {
        int owner = (worker + k) % pool->n_threads;
        uint32_t share = left & bits(owner * n / pool->n_threads, (owner + 1) * n / pool->n_threads);
        if (share == 0) continue;
        return (order == RCR_UPWARD) == (k == 0) ? lowest(share) : highest(share);
    }
    return lowest(left);
}

/* Claim and run pieces of job `generation` until none is left. */
static void run_pieces(rcr_pool *pool, uint32_t generation, int worker) {
    uint_fast64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    for (;;) {
        int n = atomic_load_explicit(&pool->n_pieces, memory_order_relaxed);
        rcr_piece *piece = atomic_load_explicit(&pool->piece, memory_order_relaxed);
        void *job = atomic_load_explicit(&pool->job, memory_order_relaxed);
        int order = atomic_load_explicit(&pool->order, memory_order_relaxed);
        uint32_t left = (uint32_t)ticket;
        if (generation_of(ticket) != generation || left == 0) return;
        int index = order == ANY ? n - (int)left : choose(pool, left, n, order, worker);
        uint_fast64_t taken = order == ANY ? 1 : (uint_fast64_t)1 << index;
        if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - taken, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        piece(job, index, worker);
        atomic_fetch_sub_explicit(&pool->unfinished, 1, memory_order_release);
        ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    }
}

/* Wait until the generation differs from `seen`; returns the new one. */
static uint32_t await_generation(rcr_pool *pool, uint32_t seen) {
    for (int i = 0; i < SPINS; i++) {
        uint32_t now = generation_of(atomic_load_explicit(&pool->ticket, memory_order_acquire));
        if (now != seen) return now;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    pool->n_sleeping++;
    uint32_t now;
    while ((now = generation_of(atomic_load_explicit(&pool->ticket, memory_order_acquire))) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    pool->n_sleeping--;
    pthread_mutex_unlock(&pool->mutex);
    return now;
}

static void *worker_main(void *argument) {
    const worker_start *start = argument;
    rcr_pool *pool = start->pool;
    uint32_t seen = 0;
    for (;;) {
        seen = await_generation(pool, seen);
        if (atomic_load(&pool->stopping)) return NULL;
        run_pieces(pool, seen, start->worker);
    }
}

/* Publish a new generation with these pieces left, their number or their bits; returns it. */
static uint32_t announce(rcr_pool *pool, uint32_t left) {
    pthread_mutex_lock(&pool->mutex);
    uint32_t generation = generation_of(atomic_load_explicit(&pool->ticket, memory_order_relaxed)) + 1;
    atomic_store_explicit(&pool->ticket, ((uint_fast64_t)generation << 32) + left, memory_order_release);
    if (pool->n_sleeping > 0) pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    return generation;
}

int rcr_thread_start(pthread_t *out, void *(*run)(void *), void *context) {
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) sigdelset(&blocked, open[i]);
    /* A thread starts with its maker's mask. */
    int masked = pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0;
    int code = pthread_create(out, NULL, run, context);
    if (masked) pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* With fewer threads than wanted, where the system gives no more, the results are the same. */
static void start_threads(rcr_pool *pool) {
    pool->n_started = 1;
    for (int i = 1; i < pool->n_threads; i++) {
        pool->start[i - 1] = (worker_start){pool, i};
        if (rcr_thread_start(&pool->thread[i - 1], worker_main, &pool->start[i - 1]) != 0) return;
        pool->n_started = i + 1;
    }
}

static void run(rcr_pool *pool, int n, int order, rcr_piece *piece, void *job) {
    if (pool == NULL || pool->n_threads == 1 || n == 1) {
        for (int i = 0; i < n; i++) piece(job, order == RCR_DOWNWARD ? n - 1 - i : i, 0);
        return;
    }
    if (n <= 0) return;
    if (pool->n_started == 0) start_threads(pool);
    /* No piece of the job before is left, so until announce nothing can be claimed, whatever a late worker reads here.
     */
    atomic_store_explicit(&pool->unfinished, n, memory_order_relaxed);
    atomic_store_explicit(&pool->piece, piece, memory_order_relaxed);
    atomic_store_explicit(&pool->job, job, memory_order_relaxed);
    atomic_store_explicit(&pool->n_pieces, n, memory_order_relaxed);
    atomic_store_explicit(&pool->order, order, memory_order_relaxed);
    run_pieces(pool, announce(pool, order == ANY ? (uint32_t)n : bits(0, n)), 0);
    for (int i = 0; atomic_load_explicit(&pool->unfinished, memory_order_acquire) > 0; i++) {
        if (i < CALLER_SPINS)
            relax();
        else
            sched_yield(); /* another process has the core: let the last piece finish */
    }
}

void rcr_pool_run(rcr_pool *pool, int n, rcr_piece *piece, void *job) { run(pool, n, ANY, piece, job); }

void rcr_pool_run_near(rcr_pool *pool, int n, rcr_pool_order order, rcr_piece *piece, void *job) {
    run(pool, n, n <= RCR_POOL_NEAR ? (int)order : ANY, piece, job);
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
    if (n_threads < 0 || n_threads > RCR_MAX_THREADS)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the number of threads must be 0 (all cores) to %d, not %d",
                        RCR_MAX_THREADS, n_threads);
    if (n_threads == 0) n_threads = rcr_cpu_count();
    rcr_pool *pool = rcr_calloc_aligned(1, sizeof *pool);
    if (pool == NULL) return rcr_fail_memory(err, "starting threads");
    pool->n_threads = n_threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->thread = rcr_calloc((size_t)n_threads, sizeof *pool->thread);
    pool->start = rcr_calloc((size_t)n_threads, sizeof *pool->start);
    if (pool->thread == NULL || pool->start == NULL) {
        rcr_pool_free(pool);
        return rcr_fail_memory(err, "starting threads");
    }
    *out = pool;
    return RCR_OK;
}

void rcr_pool_free(rcr_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->stopping, 1);
    announce(pool, 0);
    for (int i = 1; i < pool->n_started; i++) pthread_join(pool->thread[i - 1], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    rcr_free(pool->thread);
    rcr_free(pool->start);
    rcr_free(pool);
}
