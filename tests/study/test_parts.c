/* The order of runs, their parts and keys, and tables that are taken, on studies that nothing is trained of. */
#include "support/check.h"

#include "base/text.h"
#include "study/results.h"
#include "train/options.h"
#include "train/peek.h"

/* A study of so many settings "s0", "s1", ... with steps 1, 2, ... and so many seeds 1, 2, ... */
static rcr_study *make(size_t n_settings, size_t n_seeds) {
    rcr_study *study = NULL;
    uint64_t seed[64];
    for (size_t i = 0; i < n_seeds; i++) seed[i] = i + 1;
    assert_int_equal(rcr_study_create(&study, "s", "/nowhere/s", NULL), RCR_OK);
    for (size_t s = 0; s < n_settings; s++) {
        char name[16];
        rcr_train_options options = rcr_train_options_default();
        options.model.depth = (int32_t)s + 1;
        snprintf(name, sizeof name, "s%zu", s);
        assert_int_equal(rcr_study_add_setting(study, name, "data", &options, 0, NULL, NULL), RCR_OK);
    }
    assert_int_equal(rcr_study_lay_out(study, seed, n_seeds, 1, 0, NULL), RCR_OK);
    return study;
}

static void runs_go_by_seeds(void **state) {
    (void)state;
    rcr_study *study = make(3, 4);
    for (size_t place = 0; place < study->n_runs; place++) {
        const rcr_study_run *run = &study->run[rcr_study_run_at(study, place)];
        assert_int_equal(run->setting, place % 3);
        assert_int_equal(run->seed, place / 3 + 1);
    }
    rcr_study_free(study);
}

/* Each run is one part's; parts are as large as each other; with seeds enough each has something of every setting. */
static void parts_are_fair(void **state) {
    (void)state;
    for (size_t n_settings = 1; n_settings <= 7; n_settings++)
        for (size_t n = 1; n <= 8; n++) {
            const size_t n_seeds = 60;
            rcr_study *study = make(n_settings, n_seeds);
            size_t size[8] = {0}, of[8][7] = {{0}};
            for (size_t place = 0; place < study->n_runs; place++) {
                size_t part = rcr_study_part_of(study, place, n);
                assert_true(part < n);
                size[part]++;
                of[part][study->run[rcr_study_run_at(study, place)].setting]++;
                /* Also of a study that is stopped here. */
                for (size_t k = 0; k < n; k++)
                    if (size[k] + 2 < size[part])
                        fail_msg("%zu settings, %zu parts: %zu, %zu", n_settings, n, size[k], size[part]);
            }
            for (size_t k = 0; k < n; k++) {
                assert_true(size[k] + 1 >= size[0] && size[0] + 1 >= size[k]);
                for (size_t s = 0; s < n_settings; s++)
                    if (of[k][s] < n_seeds / n - 2 || of[k][s] > n_seeds / n + 3)
                        fail_msg("%zu settings: part %zu of %zu has %zu runs of setting %zu", n_settings, k, n,
                                 of[k][s], s);
            }
            size_t here = 0;
            for (size_t k = 0; k < n; k++) {
                assert_int_equal(rcr_study_choose(study, k, n, NULL, 0, NULL), RCR_OK);
                assert_int_equal(rcr_study_count(study).here, size[k]);
                here += rcr_study_count(study).here;
            }
            assert_int_equal(here, study->n_runs);
            rcr_study_free(study);
        }
}

/* A key once and for all.  Where this fails because there is a new option, leave the option out of the key where it has
 * its default (study/key.c), so that tables which were written before can still be taken; where a default has changed,
 * the key is another one, rightly. */
static const char key_of_old[] = "cc43cd21996ec03e42a9f9106dd3a078";

static void keys_stay(void **state) {
    (void)state;
    rcr_study *study = make(2, 2);
    assert_int_equal(rcr_study_find_keys(study, NULL), RCR_OK);
    assert_string_equal(study->run[0].key, key_of_old);
    for (size_t i = 1; i < 4; i++) assert_string_not_equal(study->run[i].key, study->run[i - 1].key);
    rcr_study_free(study);
}

/* Every option changes the key, but for those that change no result. */
static void keys_tell_options(void **state) {
    (void)state;
    rcr_study *study = make(1, 1);
    assert_int_equal(rcr_study_find_keys(study, NULL), RCR_OK);
    char usual[33];
    strcpy(usual, study->run[0].key);
    for (size_t i = 0; i < rcr_n_option_fields; i++) {
        const rcr_option_field *field = &rcr_option_fields[i];
        rcr_train_options *o = &study->setting[0].options, before = *o;
        char *at = (char *)o + field->offset;
        static const char *const word = "balanced";
        int32_t other = 1;
        double real = 0.0625;
        switch (field->kind) {
        case RCR_FIELD_DOUBLE: memcpy(at, &real, sizeof real); break;
        case RCR_FIELD_TEXT: memcpy(at, &word, sizeof word); break;
        case RCR_FIELD_MILESTONES: o->milestone[0] = 7; break;
        case RCR_FIELD_INT64:
        case RCR_FIELD_UINT64: *at = 77; break;
        default:
            memcpy(&other, at, sizeof other);
            other = other == 0;
            memcpy(at, &other, sizeof other);
        }
        study->run[0].key[0] = '\0';
        assert_int_equal(rcr_study_find_keys(study, NULL), RCR_OK);
        int same = strcmp(study->run[0].key, usual) == 0;
        /* Of these the study has its own, or (file) the contents count, for another kind of split. */
        int own = strcmp(field->section, "split") == 0 &&
                  (strcmp(field->name, "seed") == 0 || strncmp(field->name, "fold", 4) == 0 ||
                   strcmp(field->name, "repeat") == 0 || strcmp(field->name, "file") == 0);
        own |= strcmp(field->section, "training") == 0 && strcmp(field->name, "seed") == 0;
        if (same != (own || strcmp(field->section, "run") == 0))
            fail_msg("%s.%s %s the key", field->section, field->name, same ? "leaves" : "changes");
        if (strcmp(field->name, "init") == 0) assert_string_equal(study->run[0].key, ""); /* no such model */
        *o = before;
    }
    rcr_study_free(study);
}

static void scores_are_known(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int part;
    } cases[] = {{"test_mae", 1},           {"val_loss", 2},
                 {"train_r2", 3},           {"test_mae_grain_size", 1},
                 {"test_loss_rows", 1},     {"val_mae_target_std", 2},
                 {"test_size", 0},          {"train_rows", 0},
                 {"test_target_std", 0},    {"train_target_mean", 0},
                 {"test_rows_band_gap", 0}, {"train_target_std_x", 0},
                 {"best_val_mae", 0},       {"seconds", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rcr_study_score_part(cases[i].name) != cases[i].part) fail_msg("%s", cases[i].name);
}

/* Ensembles of three with seeds 1 and 3 would both have the network of seed 3. */
static void ensembles_are_apart(void **state) {
    (void)state;
    static const struct {
        uint64_t seed[3];
        size_t n;
        const char *take; /* NULL: they are apart */
    } cases[] = {{{1, 4, 7}, 3, NULL},
                 {{7, 1, 4}, 3, NULL},
                 {{5}, 1, NULL},
                 {{INT64_MAX, 0}, 2, NULL},
                 {{1, 2, 3}, 3, "seeds = [1, 4, 7]"},
                 {{9, 1, 7}, 3, "seeds = [1, 4, 7]"},
                 {{2, 0}, 2, "seeds = [0, 3]"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rcr_study *study = NULL;
        rcr_error err;
        rcr_train_options options = rcr_train_options_default();
        assert_int_equal(rcr_study_create(&study, "s", "/nowhere/s", NULL), RCR_OK);
        for (int32_t n = 1; n <= 3; n++) {
            char name[16];
            options.ensemble = n;
            snprintf(name, sizeof name, "of %d", (int)n);
            assert_int_equal(rcr_study_add_setting(study, name, "data", &options, 0, NULL, NULL), RCR_OK);
        }
        rcr_status status = rcr_study_lay_out(study, cases[i].seed, cases[i].n, 1, 0, &err);
        assert_int_equal(status, cases[i].take == NULL ? RCR_OK : RCR_ERR_ARGUMENT);
        if (cases[i].take != NULL) assert_non_null(strstr(err.message, cases[i].take));
        if (cases[i].take != NULL) assert_non_null(strstr(err.message, "'of 3'"));
        rcr_study_free(study);
    }
}

/* Nothing and "none" are one transform, but beside a model that has another. */
static void no_transform_is_none(void **state) {
    (void)state;
    static const struct {
        const char *transform, *target, *init;
        int same; /* as no transform */
    } cases[] = {{"none", NULL, NULL, 1},
                 {" none", "a,b", NULL, 1},
                 {"none, none", "a,b", NULL, 1},
                 {"none,none", "a", NULL, 0},
                 {"log", NULL, NULL, 0},
                 {"none,log", "a,b", NULL, 0},
                 {"none", NULL, "m.safetensors", 0},
                 {"nonesuch", NULL, NULL, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const rcr_option_field *field = NULL;
        rcr_train_options usual = rcr_train_options_default(), other;
        usual.target = cases[i].target;
        usual.init = cases[i].init;
        other = usual;
        other.transform = cases[i].transform;
        assert_int_equal(rcr_options_differ(&field, &other, &usual, NULL), RCR_OK);
        if ((field == NULL) != cases[i].same) fail_msg("case %zu", i);
        if (field != NULL) assert_string_equal(field->name, "transform");
        rcr_train_options_settle(&other);
        assert_int_equal(other.transform == NULL, cases[i].same);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_go_by_seeds),
        cmocka_unit_test(parts_are_fair),
        cmocka_unit_test(keys_stay),
        cmocka_unit_test(keys_tell_options),
        cmocka_unit_test(scores_are_known),
        cmocka_unit_test(ensembles_are_apart),
        cmocka_unit_test(no_transform_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
