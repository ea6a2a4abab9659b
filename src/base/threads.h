/* A pool of threads.  Work is cut into pieces whose number depends on the data alone, never on the number of threads;
 * that is what makes every sum, and so every result, the same on any number of threads. */
#ifndef RCR_BASE_THREADS_H
#define RCR_BASE_THREADS_H

#include <pthread.h>

#include "recryst.h"

/* pthread_create, with the signals that a process is sent blocked in the new thread: they belong to the host's threads,
 * whose handlers must not find themselves in one of ours.  Those that a thread brings upon itself (SIGSEGV, ...), and
 * SIGPROF, for profilers, stay open.  Returns as pthread_create does. */
int rcr_thread_start(pthread_t *out, void *(*run)(void *), void *context);

typedef struct rcr_pool rcr_pool;

/* Piece `index` of a job, run by thread `worker` (0 .. rcr_pool_size-1; 0 is the caller). */
typedef void rcr_piece(void *job, int index, int worker);

/* n_threads in all, the caller included, RCR_MAX_THREADS at most; 0 means one for each core this process may use.  They
 * are started when a job first has more than one piece, so that small tasks do not pay for them; where the system gives
 * fewer, those do all.
 */
enum { RCR_MAX_THREADS = 1024 };
rcr_status rcr_pool_create(rcr_pool **out, int n_threads, rcr_error *err);
void rcr_pool_free(rcr_pool *pool);
int rcr_pool_size(const rcr_pool *pool); /* 1 for NULL */

/* Run pieces 0 .. n-1 in any order on the pool's threads and return when all are done.  pool NULL: on the caller, in
 * order. One job at a time: a pool belongs to one caller; a piece must not run another job on the same pool. */
void rcr_pool_run(rcr_pool *pool, int n, rcr_piece *piece, void *job);

/* The same, where pieces with near numbers work on near data.  Up to RCR_POOL_NEAR pieces, each thread begins with its
 * own share of the numbers, the same in every such job, upward or downward, and then helps others with what they would
 * come to last.  Jobs that go over the same data in turn upward and downward find it in their core's cache. */
enum { RCR_POOL_NEAR = 32 };
typedef enum rcr_pool_order { RCR_UPWARD, RCR_DOWNWARD } rcr_pool_order;
void rcr_pool_run_near(rcr_pool *pool, int n, rcr_pool_order order, rcr_piece *piece, void *job);

/* The number of cores this process may use (affinity and cgroup quota respected). */
int rcr_cpu_count(void);

#endif
