/* Settings files, structure types and studies when memory runs out or the disk fails. */
#include "faults/faults.h"
#include "train/toy.h"

#include "crystal/crystal.h"
#include "crystal/prototype.h"
#include "io/structure.h"
#include "io/toml.h"
#include "study/study.h"
#include "train/peek.h"

static const char settings[] = "seeds = [1, 2]\n[base]\ndata = \"x\"\nlr = 1e-3\n[grid]\nsteps = [1, 2]\n[[setting]]\n"
                               "name = 'a'\ngate = true\nwhen = 1979-05-27\n";

static rcr_status parse(void *context, rcr_error *err) {
    rcr_toml *root = NULL;
    rcr_status status = rcr_toml_parse(&root, context, strlen(context), err);
    rcr_toml_free(root);
    return status;
}

static rcr_status name_type(void *context, rcr_error *err) {
    char *label = NULL;
    rcr_status status = rcr_prototype_label(&label, context, 0.01, err);
    rcr_free(label);
    return status;
}

static void settings_and_types(void **state) {
    (void)state;
    faults_each(RCR_FAULT_MEMORY, "TOML", parse, NULL, (void *)(uintptr_t)settings, 1, 0);
    static const char poscar[] = "Cs Cl\n1\n3 0 0\n0 3 0\n0 0 3\n1 1\nDirect\n0 0 0\n.5 .5 .5\n";
    rcr_crystal *crystal = NULL;
    assert_int_equal(rcr_structure_parse(&crystal, "POSCAR", poscar, strlen(poscar), NULL), RCR_OK);
    faults_each(RCR_FAULT_MEMORY, "structure type", name_type, NULL, crystal, 1, 0);
    rcr_crystal_free(crystal);
}

typedef struct place {
    char *data, *directory;
    char *table; /* to be taken; NULL: none */
    size_t length;
} place;

static rcr_status take(rcr_study *study, const place *p, rcr_error *err) {
    rcr_study_takings n = {0};
    if (p->table == NULL) return RCR_OK;
    rcr_status status = rcr_study_take(study, "t.csv", p->table, p->length, &n, err);
    if (status == RCR_OK) assert_int_equal(n.n_taken, study->n_runs);
    return status;
}

/* The study's two settings, two seeds and two folds. */
static rcr_status make(rcr_study **study, const place *p, rcr_error *err) {
    static const char *const value[][2] = {{"1", "false"}, {NULL, "true"}};
    const uint64_t seeds[] = {1, 2};
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 1;
    rcr_status status = rcr_study_create(study, "s", p->directory, err);
    if (status == RCR_OK) status = rcr_study_add_varied(*study, "steps", err);
    if (status == RCR_OK) status = rcr_study_add_varied(*study, "gate", err);
    for (int i = 0; i < 2 && status == RCR_OK; i++) {
        options.model.gate = i;
        status = rcr_study_add_setting(*study, i == 0 ? "a" : "b", p->data, &options, 0, value[i], err);
    }
    return status == RCR_OK ? rcr_study_lay_out(*study, seeds, 2, 1, 2, err) : status;
}

/* What is read before a run is trained beside runs that were taken. */
static rcr_status compare(void *context, rcr_error *err) {
    const place *p = context;
    rcr_study *study = NULL;
    size_t strangers = 0;
    rcr_status status = make(&study, p, err);
    if (status == RCR_OK) status = rcr_study_open(study, 0, &strangers, err);
    if (status == RCR_OK) status = take(study, p, err);
    if (status == RCR_OK) study->run[0].status = RCR_STUDY_WAITING;
    if (status == RCR_OK) status = rcr_study_check_data(study, 1, err);
    rcr_study_free(study);
    return status;
}

/* Everything of a study of which nothing is left to train. */
static rcr_status go_on(void *context, rcr_error *err) {
    const place *p = context;
    rcr_study *study = NULL;
    rcr_study_events events = {0};
    size_t strangers = 0;
    rcr_status status = make(&study, p, err);
    if (status == RCR_OK) status = rcr_study_open(study, 1, &strangers, err);
    if (status == RCR_OK) status = take(study, p, err);
    if (status == RCR_OK) status = rcr_study_choose(study, 0, 1, NULL, 0, err);
    if (status == RCR_OK) status = rcr_study_execute(study, 1, 1, &events, err);
    if (status == RCR_OK) assert_int_equal(strangers, 0);
    for (size_t i = 0; status == RCR_OK && i < study->n_runs; i++)
        if (study->run[i].status != RCR_STUDY_DONE) fail_msg("%s: %s", study->run[i].directory, study->run[i].error);
    rcr_study_free(study);
    return status;
}

/* The key of a run on parts from a file, kept and found again. */
static rcr_status keep_key(void *context, rcr_error *err) {
    const place *p = context;
    rcr_study *study = NULL;
    const uint64_t seed = 1;
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.split.kind = RCR_SPLIT_FILE;
    options.split.file = p->table;
    rcr_status status = rcr_study_create(&study, "s", p->directory, err);
    if (status == RCR_OK) status = rcr_study_add_setting(study, "a", p->data, &options, 0, NULL, err);
    if (status == RCR_OK) status = rcr_study_lay_out(study, &seed, 1, 1, 0, err);
    if (status == RCR_OK) status = rcr_study_find_keys(study, err);
    /* A file that can't be read leaves the key unknown, which is no error. */
    if (status == RCR_OK) status = rcr_study_write_key(study, &study->run[0], p->directory, err);
    if (status == RCR_OK) status = rcr_study_read_key(study, &study->run[0], p->directory, err);
    if (status == RCR_OK) assert_int_equal(strlen(study->run[0].key), 32);
    rcr_study_free(study);
    return status;
}

static void keys(void **state) {
    place p = {.data = toy_path(*state, "data"), .directory = toy_path(*state, "keys")};
    p.table = toy_path(*state, "parts.csv");
    toy_write_file(p.table, "id,part\na,train\n");
    rcr_error err = {0};
    if (keep_key(&p, &err) != RCR_OK) fail_msg("%s", err.message);
    faults_each(RCR_FAULT_MEMORY, "a run's key", keep_key, NULL, &p, 1, 0);
    faults_each(RCR_FAULT_FILE, "a run's key on a full disk", keep_key, NULL, &p, 1000, ENOSPC);
}

static void studies(void **state) {
    place p = {.data = toy_data(*state, 60), .directory = toy_path(*state, "study")};
    rcr_error err = {0};
    if (go_on(&p, &err) != RCR_OK) fail_msg("%s", err.message);
    faults_each(RCR_FAULT_MEMORY, "a study", go_on, NULL, &p, 1, 0);
    faults_each(RCR_FAULT_FILE, "a study on a full disk", go_on, NULL, &p, 1000, ENOSPC);
    /* And nothing of it was spoilt. */
    if (go_on(&p, &err) != RCR_OK) fail_msg("%s", err.message);
    /* The same runs, taken from its table. */
    assert_int_equal(rcr_file_read_in(&p.table, &p.length, p.directory, "study.csv", 1 << 20, NULL), RCR_OK);
    p.directory = toy_path(*state, "taken");
    if (go_on(&p, &err) != RCR_OK) fail_msg("%s", err.message);
    faults_each(RCR_FAULT_MEMORY, "a study that is taken", go_on, NULL, &p, 1, 0);
    faults_each(RCR_FAULT_FILE, "a study that is taken, on a full disk", go_on, NULL, &p, 1000, ENOSPC);
    /* And the data read to be compared with those of the table. */
    p.directory = toy_path(*state, "compared");
    faults_each(RCR_FAULT_MEMORY, "the data of a study that is taken in part", compare, NULL, &p, 1, 0);
    rcr_free(p.table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_types),
        cmocka_unit_test_setup_teardown(studies, toy_setup, toy_teardown),
        cmocka_unit_test_setup_teardown(keys, toy_setup, toy_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
