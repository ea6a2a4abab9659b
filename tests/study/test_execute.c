/* What the executor says while runs are trained, and tables of more settings than pairs can be told of. */
#include "train/toy.h"

#include "study/results.h"
#include "study/study.h"

static rcr_train_options quick(void) {
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 3;
    return options;
}

typedef struct told {
    int64_t most;
    size_t n_ended;
} told;

static void progress(void *context, const rcr_study *study, size_t n_running, double rate, double left) {
    told *t = context;
    (void)n_running;
    (void)rate;
    assert_false(left < 0);
    if (study->run[0].epochs_done > t->most) t->most = study->run[0].epochs_done;
}

static void ended(void *context, const rcr_study *study, const rcr_study_run *run) {
    told *t = context;
    (void)study;
    assert_int_equal(run->status, RCR_STUDY_DONE);
    t->n_ended++;
}

/* The networks of an ensemble are epochs to go, all of them. */
static void ensembles_count_their_networks(void **state) {
    char *data = toy_data(*state, 60);
    rcr_study *study = NULL;
    rcr_error err;
    uint64_t seed = 1;
    told t = {0};
    size_t strangers;
    rcr_train_options options = quick();
    options.ensemble = 3;
    assert_int_equal(rcr_study_create(&study, "s", toy_path(*state, "s"), NULL), RCR_OK);
    assert_int_equal(rcr_study_add_setting(study, "three", data, &options, 0, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_study_lay_out(study, &seed, 1, 1, 0, NULL), RCR_OK);
    assert_int_equal(rcr_study_open(study, 1, &strangers, NULL), RCR_OK);
    const rcr_study_events events = {.context = &t, .progress = progress, .run_ended = ended};
    assert_int_equal(rcr_study_execute(study, 1, 1, &events, &err), RCR_OK);
    assert_int_equal(study->run[0].epochs_done, 9);
    assert_int_equal(t.most, 9);
    assert_int_equal(t.n_ended, 1);
    assert_int_equal(study->run[0].status, RCR_STUDY_DONE);
    rcr_study_free(study);
    toy_remove(toy_path(*state, "s"), 5);
}

static size_t count_lines(const char *folder, const char *name) {
    char *text;
    size_t length, n = 0;
    assert_int_equal(rcr_file_read_in(&text, &length, folder, name, (size_t)1 << 30, NULL), RCR_OK);
    for (size_t i = 0; i < length; i++) n += text[i] == '\n';
    rcr_free(text);
    return n;
}

/* A study of so many settings, each with one run that is done. */
static rcr_study *make(const char *folder, size_t n) {
    rcr_study *study = NULL;
    uint64_t seed = 1;
    assert_int_equal(rcr_study_create(&study, "s", folder, NULL), RCR_OK);
    for (size_t s = 0; s < n; s++) {
        char name[16];
        rcr_train_options options = quick();
        options.lr = 1e-6 * (double)(s + 1);
        snprintf(name, sizeof name, "s%zu", s);
        assert_int_equal(rcr_study_add_setting(study, name, "data", &options, 0, NULL, NULL), RCR_OK);
    }
    assert_int_equal(rcr_study_lay_out(study, &seed, 1, 1, 0, NULL), RCR_OK);
    assert_int_equal(rcr_make_directory(folder, NULL), RCR_OK);
    for (size_t i = 0; i < n; i++) {
        study->run[i].status = RCR_STUDY_DONE;
        assert_int_equal(rcr_study_make_numbers(&study->run[i], 1, NULL), RCR_OK);
        assert_int_equal(rcr_study_add_number(&study->run[i], "test_mae", (double)i, NULL), RCR_OK);
    }
    assert_int_equal(rcr_study_add_score(study, "test_mae", NULL), RCR_OK);
    return study;
}

static void pairs_are_bounded(void **state) {
    const char *folder = toy_path(*state, "few");
    rcr_study *study = make(folder, 40);
    assert_int_equal(rcr_study_write_tables(study, NULL), RCR_OK);
    assert_int_equal(count_lines(folder, "differences.csv"), 1 + 40 * 39 / 2);
    rcr_study_free(study);
    folder = toy_path(*state, "many");
    study = make(folder, 2000);
    study->baseline = 7;
    assert_int_equal(rcr_study_write_tables(study, NULL), RCR_OK);
    assert_int_equal(count_lines(folder, "differences.csv"), 2000);
    assert_int_equal(count_lines(folder, "summary.csv"), 2001);
    char *text;
    size_t length;
    assert_int_equal(rcr_file_read_in(&text, &length, folder, "differences.csv", (size_t)1 << 30, NULL), RCR_OK);
    assert_non_null(strstr(text, "\ns7,s0,test_mae,1,-7,"));
    assert_non_null(strstr(text, "\ns7,s1999,test_mae,1,1992,"));
    rcr_free(text);
    /* Two that come to the same are found among them all. */
    rcr_train_options options = quick();
    rcr_error err;
    options.lr = 1e-6 * 1000;
    assert_int_equal(rcr_study_add_setting(study, "again", "data", &options, 0, NULL, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "'s999' and 'again' come to the same"));
    rcr_study_free(study);
}

static void paths_are_compared(void **state) {
    const char *folder = *state;
    char a[256], b[256];
    snprintf(a, sizeof a, "%s/x", folder);
    snprintf(b, sizeof b, "%s/.//x", folder);
    assert_int_equal(rcr_same_path(a, b), 1); /* not there */
    toy_write_file(a, "x");
    assert_int_equal(rcr_same_path(a, b), 1);
    snprintf(b, sizeof b, "%s/y", folder);
    assert_int_equal(rcr_same_path(a, b), 0);
    assert_int_equal(symlink(a, b), 0);
    assert_int_equal(rcr_same_path(a, b), 1);
    assert_int_equal(rcr_same_path("/no/such/a", "/no/./such//a/"), 1);
    assert_int_equal(rcr_same_path("/no/such/a", "/no/such/ab"), 0);
    assert_int_equal(rcr_same_path("/no/such/a", "/no/such"), 0);
    assert_int_equal(rcr_same_path("/no/such/.a", "/no/such/a"), 0);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {in_folder(ensembles_count_their_networks), in_folder(pairs_are_bounded),
                                       in_folder(paths_are_compared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
