#include "support/folder.h"

#include <jansson.h>

#include "base/rng.h"
#include "data/split.h"

/* A dataset of n rows of which those in `bad` could not be used; only what a split looks at. */
typedef struct fake {
    rcr_dataset d;
    char id[2000][16];
    rcr_sample sample[2000];
    rcr_bad_row bad[10];
} fake;

static fake *fake_make(long n, const long *bad, size_t n_bad) {
    fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->d = (rcr_dataset){.n_rows = (size_t)n, .sample = f->sample, .bad = f->bad};
    for (long i = 0; i < n; i++) {
        int is_bad = 0;
        for (size_t k = 0; k < n_bad; k++) is_bad |= bad[k] == i;
        snprintf(f->id[i], sizeof f->id[i], "m-%ld", i);
        if (is_bad)
            f->bad[f->d.n_bad++] = (rcr_bad_row){.id = f->id[i], .row = i};
        else
            f->sample[f->d.n++] = (rcr_sample){.id = f->id[i], .row = i};
    }
    return f;
}

static int contains(const int64_t *items, size_t n, int64_t item) {
    for (size_t i = 0; i < n; i++)
        if (items[i] == item) return 1;
    return 0;
}

/* Ascending, in range, and no sample in two parts. */
static void expect_sound(const rcr_split *s, size_t n) {
    const int64_t *parts[] = {s->train, s->val, s->test};
    const size_t sizes[] = {s->n_train, s->n_val, s->n_test};
    char *seen = calloc(n, 1);
    for (int p = 0; p < 3; p++)
        for (size_t i = 0; i < sizes[p]; i++) {
            assert_in_range(parts[p][i], 0, n - 1);
            assert_true(i == 0 || parts[p][i] > parts[p][i - 1]);
            assert_int_equal(seen[parts[p][i]]++, 0);
        }
    free(seen);
}

static void random_split(void **state) {
    (void)state;
    fake *f = fake_make(1000, NULL, 0);
    rcr_split_options o = rcr_split_options_default();
    rcr_split a, b, c;
    assert_int_equal(rcr_split_make(&a, &f->d, &o, NULL), RCR_OK);
    assert_int_equal(a.n_train, 800);
    assert_int_equal(a.n_val, 100);
    assert_int_equal(a.n_test, 100);
    expect_sound(&a, 1000);
    assert_int_equal(rcr_split_make(&b, &f->d, &o, NULL), RCR_OK);
    assert_memory_equal(a.test, b.test, 100 * sizeof *a.test);
    o.seed = 124;
    assert_int_equal(rcr_split_make(&c, &f->d, &o, NULL), RCR_OK);
    assert_memory_not_equal(a.test, c.test, 100 * sizeof *a.test);
    rcr_split_free(&a);
    rcr_split_free(&b);
    rcr_split_free(&c);
    o.train_size = 7;
    o.val_size = 3;
    o.test_ratio = 0.29; /* 0.29 * 1000 is 290, whatever its binary rounding */
    assert_int_equal(rcr_split_make(&a, &f->d, &o, NULL), RCR_OK);
    assert_true(a.n_train == 7 && a.n_val == 3 && a.n_test == 290);
    expect_sound(&a, 1000);
    rcr_split_free(&a);
    assert_null(a.train);
    rcr_split_free(&a);
    rcr_split_free(NULL);
    free(f);
}

static void empty_and_overlapping_parts_are_errors(void **state) {
    (void)state;
    fake *f = fake_make(100, NULL, 0);
    const rcr_split_options d = rcr_split_options_default();
    rcr_split_options cases[14];
    for (int i = 0; i < 14; i++) cases[i] = d;
    cases[0].test_size = 0;
    cases[1].test_ratio = 0;
    cases[2].val_ratio = 0;
    cases[3].val_size = 0;
    cases[4].train_size = 0;
    cases[5].train_ratio = 0;
    cases[6].val_ratio = 0.6, cases[6].test_ratio = 0.6;
    cases[7].train_ratio = 0.9;
    cases[8].val_ratio = -0.5;
    cases[9].test_ratio = 1.5;
    cases[10].train_size = 90;
    cases[11].test_size = 200;
    cases[12].val_ratio = 0.001;                       /* rounds to no row */
    cases[13].val_size = 50, cases[13].test_size = 50; /* nothing left to train on */
    for (int kind = 0; kind < 2; kind++)
        for (int i = 0; i < 14; i++) {
            rcr_split s = {0};
            rcr_error err = {0};
            cases[i].kind = kind == 0 ? RCR_SPLIT_RANDOM : RCR_SPLIT_REFERENCE;
            if (rcr_split_make(&s, &f->d, &cases[i], &err) != RCR_ERR_ARGUMENT) fail_msg("kind %d, case %d", kind, i);
            assert_true(err.message[0] != '\0' && s.train == NULL);
        }
    rcr_error err = {0};
    rcr_split s;
    cases[0].kind = RCR_SPLIT_RANDOM;
    rcr_split_make(&s, &f->d, &cases[0], &err);
    assert_non_null(strstr(err.message, "test part is empty"));
    free(f);
}

/* Rows of a part of the reference split, written down from its source code: shuffled[:train], [-(v+t):-t], [-t:]. */
static void expect_reference(const rcr_split *s, const fake *f, const int64_t *shuffled, long n, long train, long val,
                             long test) {
    size_t good[3] = {0};
    for (long i = 0; i < n; i++) {
        int part = i < train ? 0 : i >= n - test ? 2 : i >= n - test - val ? 1 : -1;
        int64_t sample = -1;
        for (size_t k = 0; k < f->d.n; k++)
            if (f->sample[k].row == shuffled[i]) sample = (int64_t)k;
        if (sample < 0) continue;
        assert_int_equal(contains(s->train, s->n_train, sample), part == 0);
        assert_int_equal(contains(s->val, s->n_val, sample), part == 1);
        assert_int_equal(contains(s->test, s->n_test, sample), part == 2);
        if (part >= 0) good[part]++;
    }
    assert_true(s->n_train == good[0] && s->n_val == good[1] && s->n_test == good[2]);
}

static int64_t *reference_order(const char *key, size_t *n) {
    json_t *root = json_load_file(shared_path("reference/cpython-shuffle.json"), 0, NULL);
    json_t *list = json_object_get(root, key);
    assert_true(json_is_array(list));
    *n = json_array_size(list);
    int64_t *order = malloc(*n * sizeof *order);
    for (size_t i = 0; i < *n; i++) order[i] = json_integer_value(json_array_get(list, i));
    json_decref(root);
    return order;
}

static void cpython_shuffles(void **state) {
    (void)state;
    REQUIRE_SHARED();
    static const uint64_t seeds[] = {123, 7, 0};
    static const size_t sizes[] = {1, 2, 10, 1000};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            char key[40];
            size_t n;
            int64_t items[1000];
            snprintf(key, sizeof key, "%d,%d", (int)seeds[i], (int)sizes[k]);
            int64_t *expected = reference_order(key, &n);
            assert_int_equal(n, sizes[k]);
            for (size_t j = 0; j < n; j++) items[j] = (int64_t)j;
            rcr_cpython_shuffle(seeds[i], items, n);
            assert_memory_equal(items, expected, n * sizeof *items);
            free(expected);
        }
}

static void reference_split(void **state) {
    (void)state;
    REQUIRE_SHARED();
    size_t n;
    int64_t *order = reference_order("123,1000", &n);
    static const long bad[] = {178, 0, 999, 500};
    fake *f = fake_make(1000, NULL, 0), *g = fake_make(1000, bad, 4);
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_REFERENCE;
    o.seed = 99; /* has no effect */
    rcr_split s;
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_OK);
    expect_sound(&s, 1000);
    expect_reference(&s, f, order, 1000, 800, 100, 100);
    rcr_split_free(&s);
    assert_int_equal(rcr_split_make(&s, &g->d, &o, NULL), RCR_OK); /* bad rows move no other */
    expect_sound(&s, 996);
    expect_reference(&s, g, order, 1000, 800, 100, 100);
    rcr_split_free(&s);
    o.val_ratio = 0.15; /* int((1 - 0.15 - 0.1) * 1000) = int(0.75 * 1000) */
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_OK);
    expect_reference(&s, f, order, 1000, 750, 150, 100);
    rcr_split_free(&s);
    o.val_ratio = 0.1;
    o.val_size = 50, o.test_size = 30; /* train is still 1 - 0.1 - 0.1 of all */
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_OK);
    expect_reference(&s, f, order, 1000, 800, 50, 30);
    rcr_split_free(&s);
    o.train_ratio = 0.29; /* int(0.29 * 1000) is 290, but int(0.29 * 100) is 28 in Python */
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_OK);
    expect_reference(&s, f, order, 1000, 290, 50, 30);
    rcr_split_free(&s);
    free(order);
    free(f);
    free(g);
}

/* int(0.29 * 100) = 28 in Python; int(0.7 * 10) = 7, 1 - 0.1 - 0.2 = 0.7000000000000001. */
static void reference_rounds_as_python(void **state) {
    (void)state;
    fake *f = fake_make(100, NULL, 0);
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_REFERENCE;
    o.train_ratio = 0.29;
    rcr_split s;
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_OK);
    assert_true(s.n_train == 28 && s.n_val == 10 && s.n_test == 10);
    rcr_split_free(&s);
    o.kind = RCR_SPLIT_RANDOM;
    assert_int_equal(rcr_split_make(&s, &f->d, &o, NULL), RCR_OK);
    assert_int_equal(s.n_train, 29);
    rcr_split_free(&s);
    free(f);
}

static void split_from_a_file(void **state) {
    (void)state;
    test_folder t = folder_make();
    static const long bad[] = {2};
    fake *f = fake_make(6, bad, 1); /* samples 0, 1, 2, 3, 4 are rows 0, 1, 3, 4, 5 */
    folder_write(&t, "split.csv", "part,note,id\ntrain,,m-5\nTEST,x,m-0\nvalidation,,m-3\ntrain,,m-2\ntrain,,m-1\n");
    rcr_split_options o = rcr_split_options_default();
    o.kind = RCR_SPLIT_FILE;
    o.file = folder_path(&t, "split.csv");
    rcr_split s;
    rcr_error err = {0};
    if (rcr_split_make(&s, &f->d, &o, &err) != RCR_OK) fail_msg("%s", err.message);
    assert_true(s.n_train == 2 && s.n_val == 1 && s.n_test == 1); /* m-2 could not be used, m-4 is in no part */
    assert_true(s.train[0] == 1 && s.train[1] == 4 && s.val[0] == 2 && s.test[0] == 0);
    rcr_split_free(&s);
    static const struct {
        const char *text, *message;
        long line;
    } cases[] = {{"id,part\nm-0,train\nm-9,val\n", "no row with the id \"m-9\"", 3},
                 {"id,part\nm-0,train\nm-0,val\n", "listed twice", 3},
                 {"id,part\nm-0,train\nm-1,dev\n", "must be train, val or test", 3},
                 {"id,part\nm-0,train\nm-1\n", "expected an id and a part", 3},
                 {"m-0,train\n", "must name the columns", 1},
                 {"", "must name the columns", 1},
                 {"id,part\nm-0,train\nm-1,val\n", "test part is empty", 0},
                 {"id,part\nm-0,train\nm-1,val\nm-2,test\n", "test part is empty", 0}, /* m-2 is unusable */
                 {"id,part\n\"m-0,train\n", "never closed", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        folder_write(&t, "split.csv", cases[i].text);
        rcr_split none = {0};
        rcr_status status = rcr_split_make(&none, &f->d, &o, &err);
        assert_true(status == RCR_ERR_DATA || status == RCR_ERR_PARSE);
        if (strstr(err.message, cases[i].message) == NULL) fail_msg("case %zu: %s", i, err.message);
        assert_int_equal(err.line, cases[i].line);
        assert_string_equal(err.file, o.file);
        assert_null(none.train);
    }
    o.file = folder_path(&t, "missing.csv");
    assert_int_equal(rcr_split_make(&s, &f->d, &o, &err), RCR_ERR_IO);
    o.file = NULL;
    assert_int_equal(rcr_split_make(&s, &f->d, &o, &err), RCR_ERR_ARGUMENT);
    free(f);
    folder_remove(&t);
}

/* An option that is passed over without a word would be another split than was asked for. */
static void what_has_no_use_is_refused(void **state) {
    (void)state;
    test_folder t = folder_make();
    fake *f = fake_make(20, NULL, 0);
    folder_write(&t, "split.csv", "id,part\nm-0,train\nm-1,val\nm-2,test\n");
    const rcr_split_options usual = rcr_split_options_default();
    rcr_split_options from_file = usual, folded = usual;
    from_file.kind = RCR_SPLIT_FILE;
    from_file.file = folder_path(&t, "split.csv");
    folded.folds = 4;
    rcr_split_options cases[] = {from_file, from_file, from_file, from_file, from_file, from_file, from_file,
                                 from_file, from_file, folded,    folded,    usual,     usual};
    cases[0].train_ratio = 0.5;
    cases[1].val_ratio = 0.2;
    cases[2].test_ratio = 0.2;
    cases[3].train_size = 5;
    cases[4].val_size = 5;
    cases[5].test_size = 5;
    cases[6].repeat = 1;
    cases[7].folds = 4;
    cases[8].group = RCR_GROUP_FORMULA;
    cases[9].test_ratio = 0.2;
    cases[10].test_size = 5;
    cases[11].fold = 1;
    cases[12].file = from_file.file;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_split s = {0};
        rcr_error err = {0};
        if (rcr_split_make(&s, &f->d, &cases[i], &err) != RCR_ERR_ARGUMENT) fail_msg("case %zu", i);
        assert_true(err.message[0] != '\0' && s.train == NULL);
    }
    rcr_split_options good[] = {from_file, folded};
    good[0].seed = 7; /* the run's, where none is asked for */
    good[1].val_ratio = 0.2;
    for (int i = 0; i < 2; i++) {
        rcr_split s;
        assert_int_equal(rcr_split_make(&s, &f->d, &good[i], NULL), RCR_OK);
        rcr_split_free(&s);
    }
    free(f);
    folder_remove(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_split),
                                       cmocka_unit_test(what_has_no_use_is_refused),
                                       cmocka_unit_test(empty_and_overlapping_parts_are_errors),
                                       cmocka_unit_test(cpython_shuffles),
                                       cmocka_unit_test(reference_split),
                                       cmocka_unit_test(reference_rounds_as_python),
                                       cmocka_unit_test(split_from_a_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
