/* Folds of scikit-learn, and repeated splits. */
#include "support/check.h"

#include <jansson.h>

#include "data/split.h"

enum { MAX_ROWS = 2000 };

/* A dataset of n rows of which row `bad` and every 7th after it could not be used (bad < 0: all can). */
typedef struct fake {
    rcr_dataset d;
    rcr_sample sample[MAX_ROWS];
    char id[MAX_ROWS][16];
} fake;

static fake *fake_make(long n, long bad) {
    fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->d = (rcr_dataset){.n_rows = (size_t)n, .sample = f->sample};
    for (long i = 0; i < n; i++) {
        if (bad >= 0 && i >= bad && (i - bad) % 7 == 0) continue;
        snprintf(f->id[i], sizeof f->id[i], "m-%ld", i);
        f->sample[f->d.n++] = (rcr_sample){.id = f->id[i], .row = i};
    }
    return f;
}

static void make(rcr_split *s, const fake *f, const rcr_split_options *o) {
    rcr_error err = {0};
    if (rcr_split_make(s, &f->d, o, &err) != RCR_OK) fail_msg("%s", err.message);
    /* No sample in two parts. */
    char seen[MAX_ROWS] = {0};
    const int64_t *parts[] = {s->train, s->val, s->test};
    const size_t sizes[] = {s->n_train, s->n_val, s->n_test};
    for (int p = 0; p < 3; p++)
        for (size_t i = 0; i < sizes[p]; i++) assert_int_equal(seen[parts[p][i]]++, 0);
}

/* Which rows test, as text; all others train or validate. */
static void expect_test(const fake *f, const rcr_split_options *o, const char *rows) {
    rcr_split s;
    char seen[512] = "";
    make(&s, f, o);
    for (size_t i = 0; i < s.n_test; i++)
        snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%ld ", f->sample[s.test[i]].row);
    assert_string_equal(seen, rows);
    assert_int_equal(s.n_train + s.n_val + s.n_test, f->d.n);
    rcr_split_free(&s);
}

/* from sklearn.model_selection import KFold, RepeatedKFold; import numpy as np
 * [sorted(t) for _, t in KFold(4, shuffle=True, random_state=42).split(np.zeros(23))]
 * [sorted(t) for _, t in RepeatedKFold(n_splits=3, n_repeats=3, random_state=7).split(np.zeros(10))][6:] */
static void sklearn_folds(void **state) {
    (void)state;
    static const char *const four[] = {"0 8 9 12 15 17 ", "1 2 5 11 13 20 ", "3 4 16 18 21 22 ", "6 7 10 14 19 "};
    static const char *const repeated[] = {"1 2 4 9 ", "6 7 8 ", "0 3 5 "};
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_SKLEARN;
    o.val_ratio = 0.2;
    o.folds = 4;
    o.seed = 42;
    fake *f = fake_make(23, -1);
    for (o.fold = 0; o.fold < 4; o.fold++) expect_test(f, &o, four[o.fold]);
    free(f);
    f = fake_make(10, -1);
    o.folds = 3;
    o.seed = 7;
    o.repeat = 2;
    for (o.fold = 0; o.fold < 3; o.fold++) expect_test(f, &o, repeated[o.fold]);
    o.fold = 0;
    rcr_split s;
    rcr_split_options wrong = o;
    wrong.group = RCR_GROUP_FORMULA;
    assert_int_equal(rcr_split_make(&s, &f->d, &wrong, NULL), RCR_ERR_ARGUMENT);
    wrong = o;
    wrong.folds = 0;
    assert_int_equal(rcr_split_make(&s, &f->d, &wrong, NULL), RCR_ERR_ARGUMENT);
    wrong = o;
    wrong.folds = 11;
    assert_int_equal(rcr_split_make(&s, &f->d, &wrong, NULL), RCR_ERR_ARGUMENT);
    wrong = o;
    wrong.seed = (uint64_t)1 << 32;
    assert_int_equal(rcr_split_make(&s, &f->d, &wrong, NULL), RCR_ERR_ARGUMENT);
    free(f);
}

/* A row that can't be used leaves its fold, and moves no other. */
static void bad_rows_leave_the_folds(void **state) {
    (void)state;
    fake *whole = fake_make(60, -1), *holed = fake_make(60, 3);
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_SKLEARN;
    o.folds = 4;
    for (o.fold = 0; o.fold < 4; o.fold++) {
        rcr_split a, b;
        make(&a, whole, &o);
        make(&b, holed, &o);
        size_t k = 0;
        for (size_t i = 0; i < a.n_test; i++) {
            if (a.test[i] >= 3 && (a.test[i] - 3) % 7 == 0) continue;
            assert_true(k < b.n_test);
            assert_int_equal(holed->sample[b.test[k++]].row, a.test[i]);
        }
        assert_int_equal(k, b.n_test);
        rcr_split_free(&a);
        rcr_split_free(&b);
    }
    free(whole);
    free(holed);
}

static void matbench_folds(void **state) {
    (void)state;
    REQUIRE_SHARED();
    json_error_t json_error;
    json_t *folds = json_load_file(shared_path("reference/matbench_phonons-folds.json"), 0, &json_error);
    assert_non_null(folds);
    fake *f = fake_make(1265, -1);
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_SKLEARN;
    o.folds = 5;
    o.seed = 18012019;
    for (o.fold = 0; o.fold < 5; o.fold++) {
        json_t *rows = json_array_get(json_object_get(folds, "test_rows"), (size_t)o.fold);
        char wanted[MAX_ROWS] = {0};
        rcr_split s;
        make(&s, f, &o);
        assert_int_equal(s.n_test, json_array_size(rows));
        for (size_t i = 0; i < s.n_test; i++) wanted[json_integer_value(json_array_get(rows, i))] = 1;
        for (size_t i = 0; i < s.n_test; i++) assert_true(wanted[s.test[i]]);
        rcr_split_free(&s);
    }
    json_decref(folds);
    free(f);
}

/* Repeats of one seed are other splits, each the same every time; repeat 0 is the split without. */
static void repeats_are_other_splits(void **state) {
    (void)state;
    fake *f = fake_make(200, -1);
    const rcr_split_kind kinds[] = {RCR_SPLIT_RANDOM, RCR_SPLIT_RANDOM, RCR_SPLIT_SKLEARN};
    for (int k = 0; k < 3; k++) {
        rcr_split_options o = rcr_split_options_default();
        o.kind = kinds[k];
        o.folds = k == 0 ? 0 : 5;
        rcr_split part[3], again;
        for (o.repeat = 0; o.repeat < 3; o.repeat++) {
            make(&part[o.repeat], f, &o);
            make(&again, f, &o);
            size_t bytes = again.n_test * sizeof *again.test;
            assert_int_equal(again.n_test, k == 0 ? 20 : 40);
            assert_memory_equal(again.test, part[o.repeat].test, bytes);
            for (int32_t r = 0; r < o.repeat; r++) assert_memory_not_equal(part[r].test, part[o.repeat].test, bytes);
            rcr_split_free(&again);
        }
        for (int r = 0; r < 3; r++) rcr_split_free(&part[r]);
        /* The folds of a repeat test each row once. */
        int seen[200] = {0};
        o.repeat = 2;
        for (o.fold = 0; o.fold < o.folds; o.fold++) {
            make(&again, f, &o);
            for (size_t i = 0; i < again.n_test; i++) seen[again.test[i]]++;
            rcr_split_free(&again);
        }
        for (int i = 0; i < 200 && o.folds > 0; i++) assert_int_equal(seen[i], 1);
    }
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_REFERENCE;
    o.repeat = 1;
    rcr_split s;
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_ERR_ARGUMENT);
    free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sklearn_folds),
        cmocka_unit_test(bad_rows_leave_the_folds),
        cmocka_unit_test(matbench_folds),
        cmocka_unit_test(repeats_are_other_splits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
