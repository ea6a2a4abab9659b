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
} place;

/* Everything of a study of which nothing is left to train. */
static rcr_status go_on(void *context, rcr_error *err) {
    const place *p = context;
    static const char *const value[][2] = {{"1", "false"}, {NULL, "true"}};
    const uint64_t seeds[] = {1, 2};
    rcr_study *study = NULL;
    rcr_study_events events = {0};
    size_t strangers = 0;
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 1;
    rcr_status status = rcr_study_create(&study, "s", p->directory, err);
    if (status == RCR_OK) status = rcr_study_add_varied(study, "steps", err);
    if (status == RCR_OK) status = rcr_study_add_varied(study, "gate", err);
    for (int i = 0; i < 2 && status == RCR_OK; i++) {
        options.model.gate = i;
        status = rcr_study_add_setting(study, i == 0 ? "a" : "b", p->data, &options, 0, value[i], err);
    }
    if (status == RCR_OK) status = rcr_study_lay_out(study, seeds, 2, 1, 2, err);
    if (status == RCR_OK) status = rcr_study_open(study, &strangers, err);
    if (status == RCR_OK) status = rcr_study_execute(study, 1, 1, &events, err);
    if (status == RCR_OK) assert_int_equal(strangers, 0);
    for (size_t i = 0; status == RCR_OK && i < study->n_runs; i++)
        if (study->run[i].status != RCR_STUDY_DONE) fail_msg("%s: %s", study->run[i].directory, study->run[i].error);
    rcr_study_free(study);
    return status;
}

static void studies(void **state) {
    place p = {toy_data(*state, 60), toy_path(*state, "study")};
    rcr_error err = {0};
    if (go_on(&p, &err) != RCR_OK) fail_msg("%s", err.message);
    faults_each(RCR_FAULT_MEMORY, "a study", go_on, NULL, &p, 1, 0);
    faults_each(RCR_FAULT_FILE, "a study on a full disk", go_on, NULL, &p, 1000, ENOSPC);
    /* And nothing of it was spoilt. */
    if (go_on(&p, &err) != RCR_OK) fail_msg("%s", err.message);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_and_types),
        cmocka_unit_test_setup_teardown(studies, toy_setup, toy_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
