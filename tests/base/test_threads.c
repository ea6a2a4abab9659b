/* Pools of threads: every piece runs once, jobs do not mix, whatever the number of threads and however late they wake.
 */
#include "support/check.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/threads.h"

enum { MAX_PIECES = 1000 };

typedef struct count_job {
    atomic_int runs[MAX_PIECES];
    atomic_int stray; /* pieces with an index or worker that does not exist */
    int n, size;
} count_job;

static void count_piece(void *job, int index, int worker) {
    count_job *j = job;
    if (index < 0 || index >= j->n || worker < 0 || worker >= j->size)
        atomic_fetch_add(&j->stray, 1);
    else
        atomic_fetch_add(&j->runs[index], 1);
}

static void every_piece_runs_once(void **state) {
    (void)state;
    static count_job job[2]; /* consecutive jobs use different memory, so that a piece run for the wrong job shows */
    for (int threads = 1; threads <= 9; threads++) {
        rcr_pool *pool = NULL;
        assert_int_equal(rcr_pool_create(&pool, threads, NULL), RCR_OK);
        assert_int_equal(rcr_pool_size(pool), threads);
        for (int round = 0; round < 3000; round++) {
            count_job *j = &job[round % 2];
            memset(j, 0, sizeof *j);
            j->n = round % 7 == 0 ? MAX_PIECES : round % 40;
            j->size = threads;
            if (round % 3 == 0)
                rcr_pool_run(pool, j->n, count_piece, j);
            else
                rcr_pool_run_near(pool, j->n, round % 3 == 1 ? RCR_UPWARD : RCR_DOWNWARD, count_piece, j);
            assert_int_equal(atomic_load(&j->stray), 0);
            for (int i = 0; i < j->n; i++) assert_int_equal(atomic_load(&j->runs[i]), 1);
            if (round % 500 == 0) usleep(2000); /* long enough for the workers to fall asleep */
        }
        rcr_pool_free(pool);
    }
}

typedef struct order_job {
    atomic_int first[RCR_POOL_NEAR + 1]; /* the first piece of each worker, plus 1 */
    atomic_int arrived;
    int wanted;
    int order[RCR_POOL_NEAR + 1], n; /* of the caller alone */
} order_job;

/* Holds every worker in its first piece until all have one, so that none can take another's share. */
static void meet_piece(void *job, int index, int worker) {
    order_job *j = job;
    if (atomic_load(&j->first[worker]) == 0) {
        atomic_store(&j->first[worker], index + 1);
        atomic_fetch_add(&j->arrived, 1);
    }
    while (atomic_load(&j->arrived) < j->wanted) usleep(10);
}

static void note_piece(void *job, int index, int worker) {
    (void)worker;
    order_job *j = job;
    j->order[j->n++] = index;
}

static void shares_are_the_same_in_every_job(void **state) {
    (void)state;
    static order_job job;
    for (int threads = 1; threads <= 5; threads++) {
        rcr_pool *pool = NULL;
        assert_int_equal(rcr_pool_create(&pool, threads, NULL), RCR_OK);
        for (int downward = 0; downward < 2; downward++) {
            memset(&job, 0, sizeof job);
            job.wanted = threads;
            rcr_pool_run_near(pool, RCR_POOL_NEAR, downward ? RCR_DOWNWARD : RCR_UPWARD, meet_piece, &job);
            for (int w = 0; w < threads; w++) {
                int begin = w * RCR_POOL_NEAR / threads, end = (w + 1) * RCR_POOL_NEAR / threads;
                assert_int_equal(atomic_load(&job.first[w]), downward ? end : begin + 1);
            }
        }
        rcr_pool_free(pool);
    }
    memset(&job, 0, sizeof job);
    rcr_pool_run_near(NULL, 4, RCR_DOWNWARD, note_piece, &job);
    for (int i = 0; i < 4; i++) assert_int_equal(job.order[i], 3 - i);
}

static void no_pool_runs_in_order(void **state) {
    (void)state;
    static count_job job;
    memset(&job, 0, sizeof job);
    job.n = 5, job.size = 1;
    rcr_pool_run(NULL, 5, count_piece, &job);
    for (int i = 0; i < 5; i++) assert_int_equal(atomic_load(&job.runs[i]), 1);
    assert_int_equal(rcr_pool_size(NULL), 1);
    rcr_pool_free(NULL);
}

static void refuses_absurd_numbers(void **state) {
    (void)state;
    rcr_pool *pool = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_pool_create(&pool, -1, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_pool_create(&pool, RCR_MAX_THREADS + 1, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "1024"));
    assert_null(pool);
    assert_true(rcr_cpu_count() >= 1);
}

/* Threads of this process, from /proc; 0 where that does not exist. */
static int count_threads(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    int n = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "Threads:", 8) == 0) n = atoi(line + 8);
    if (file != NULL) fclose(file);
    return n;
}

/* A thread that was joined stays in /proc for a moment. */
static int await_threads(int expected) {
    int n = count_threads();
    for (int i = 0; i < 500 && n != expected; i++) {
        usleep(10000);
        n = count_threads();
    }
    return n;
}

static void starts_threads_when_needed(void **state) {
    (void)state;
    static count_job job;
    rcr_pool *pool = NULL;
    assert_int_equal(rcr_pool_create(&pool, 4, NULL), RCR_OK);
    int before = 1;
    if (await_threads(before) != before) { /* no such file, or a host that has threads of its own */
        rcr_pool_free(pool);
        skip();
    }
    memset(&job, 0, sizeof job);
    job.size = 4;
    for (job.n = 0; job.n < 2; job.n++) rcr_pool_run(pool, job.n, count_piece, &job);
    usleep(20000);
    assert_int_equal(count_threads(), before);
    memset(&job, 0, sizeof job);
    job.size = 4, job.n = 2;
    rcr_pool_run(pool, job.n, count_piece, &job);
    assert_int_equal(count_threads(), before + 3);
    assert_int_equal(atomic_load(&job.stray), 0);
    rcr_pool_free(pool);
    assert_int_equal(await_threads(before), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_runs_once), cmocka_unit_test(shares_are_the_same_in_every_job),
        cmocka_unit_test(no_pool_runs_in_order), cmocka_unit_test(refuses_absurd_numbers),
        cmocka_unit_test(starts_threads_when_needed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
