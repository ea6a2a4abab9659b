/* Several of the host's threads use the library at once, each with its own objects or reading a shared one: the answers
 * are those of one thread alone.  What `make tsan` looks at. */
#include "embed/exercise.h"

#include <pthread.h>

/* Enough rounds for the users to meet, though each is done in a moment. */
enum { ROUNDS = 60, N_USERS = 4 };

typedef struct user {
    pthread_t thread;
    const inputs *in;
    const rcr_model *model; /* shared with other users, or this one's */
    int n_threads, with_session;
    const double *expected;
    const char *bytes; /* [length] the model as a file */
    size_t length;
    pthread_barrier_t *start;
    int wrong;
} user;

static void *predict_often(void *context) {
    user *u = context;
    double value[N_CRYSTALS];
    rcr_status status[N_CRYSTALS];
    const rcr_crystal *const *all = (const rcr_crystal *const *)u->in->crystal;
    rcr_session *session = NULL;
    pthread_barrier_wait(u->start);
    if (u->with_session && rcr_session_create(&session, u->model, NULL, u->n_threads, NULL) != RCR_OK) u->wrong++;
    for (int round = 0; round < ROUNDS && u->wrong == 0; round++) {
        /* Other numbers of crystals, other batches. */
        size_t n = (size_t)(N_CRYSTALS - round % 6);
        rcr_model *copy = NULL;
        rcr_status done = session != NULL ? rcr_session_predict(value, status, session, all, n, NULL, NULL)
                                          : rcr_model_predict(value, status, u->model, all, n, u->n_threads, NULL);
        u->wrong += done != RCR_OK || memcmp(value, u->expected, n * sizeof *value) != 0;
        u->wrong += rcr_model_parse(&copy, u->bytes, u->length, NULL) != RCR_OK;
        rcr_model_free(copy);
    }
    rcr_session_free(session);
    return NULL;
}

static void two_models_from_two_threads(void **state) {
    (void)state;
    inputs in = make_inputs();
    rcr_model *model[2] = {in.model, make_model(&model_variants[4], 5)};
    double expected[2][N_CRYSTALS];
    rcr_error err;
    for (int m = 0; m < 2; m++)
        must(
            rcr_model_predict(expected[m], NULL, model[m], (const rcr_crystal *const *)in.crystal, N_CRYSTALS, 1, &err),
            &err);
    assert_memory_not_equal(expected[0], expected[1], sizeof expected[0]);
    char *bytes[2];
    size_t length[2];
    for (int m = 0; m < 2; m++) must(rcr_model_pack(&bytes[m], &length[m], model[m], &err), &err);
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, N_USERS), 0);
    user users[N_USERS];
    for (int u = 0; u < N_USERS; u++) {
        users[u] = (user){.in = &in,
                          .model = model[u % 2],
                          .n_threads = 1 + u % 3,
                          .with_session = u / 2,
                          .expected = expected[u % 2],
                          .bytes = bytes[u % 2],
                          .length = length[u % 2],
                          .start = &start};
        assert_int_equal(pthread_create(&users[u].thread, NULL, predict_often, &users[u]), 0);
    }
    for (int u = 0; u < N_USERS; u++) pthread_join(users[u].thread, NULL);
    for (int u = 0; u < N_USERS; u++) assert_int_equal(users[u].wrong, 0);
    pthread_barrier_destroy(&start);
    for (int m = 0; m < 2; m++) rcr_free(bytes[m]);
    rcr_model_free(model[1]);
    free_inputs(&in);
}

typedef struct worker {
    pthread_t thread;
    const inputs *in;
    int n_threads;
    rcr_text said;
} worker;

static void *do_everything(void *context) {
    worker *w = context;
    w->said = exercise(w->in, w->n_threads);
    return NULL;
}

/* Reading, writing, training, importing: all of it in two threads. */
static void everything_from_two_threads(void **state) {
    (void)state;
    inputs in = make_inputs();
    rcr_text expected = exercise(&in, 1);
    worker workers[2];
    for (int w = 0; w < 2; w++) {
        workers[w] = (worker){.in = &in, .n_threads = 1 + w};
        assert_int_equal(pthread_create(&workers[w].thread, NULL, do_everything, &workers[w]), 0);
    }
    for (int w = 0; w < 2; w++) {
        pthread_join(workers[w].thread, NULL);
        expect_same_text(&expected, &workers[w].said, "two threads");
        rcr_text_free(&workers[w].said);
    }
    rcr_text_free(&expected);
    free_inputs(&in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_models_from_two_threads),
        cmocka_unit_test(everything_from_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
