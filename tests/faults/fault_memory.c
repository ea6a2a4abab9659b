/* Out of memory at every allocation in turn: an error that says so, nothing lost, no crash. */
#include "faults/faults.h"
#include "train/toy.h"

#include "base/text.h"
#include "crystal/crystal.h"
#include "crystal/shortest.h"
#include "crystal/spacegroup.h"
#include "crystal/transform.h"
#include "data/prepare.h"
#include "graph/packed.h"
#include "io/json_structure.h"
#include "io/reader.h"
#include "io/structure.h"
#include "io/write.h"
#include "model/safetensors.h"
#include "train/evaluate.h"

static const char cif[] = "data_NaCl\n_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n"
                          "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
                          "_symmetry_space_group_name_H-M 'F m -3 m'\n"
                          "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
                          "Na1 0 0 0\nCl1 0.5 0.5 0.5\n";
static const char extxyz[] = "2\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3 energy=-1.5\n"
                             "Cs 0 0 0\nCl 1.5 1.5 1.5\n";
static const char json[] = "{\"id\": \"x\", \"lattice\": [[3,0,0],[0,3,0],[0,0,3]], \"species\": [\"Cs\", \"Cl\"], "
                           "\"frac\": [[0,0,0],[0.5,0.5,0.5]]}";

static const char poscar[] = "Cs Cl\n1\n3 0 0\n0 3 0\n0 0 3\n1 1\nDirect\n0 0 0\n.5 .5 .5\n";
static const char aims[] = "lattice_vector 3 0 0\nlattice_vector 0 3 0\nlattice_vector 0 0 3\natom_frac 0 0 0 Cs\n";
static const char disordered[] = "data_x\n_cell_length_a 3\n_cell_length_b 3\n_cell_length_c 3\nloop_\n"
                                 "_space_group_symop_magn_operation.xyz\nx,y,z,+1\n-x,-y,-z,-1\nloop_\n"
                                 "_space_group_symop_magn_centering.xyz\nx,y,z,+1\nx+1/2,y+1/2,z+1/2,-1\nloop_\n"
                                 "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
                                 "_atom_site_occupancy\nNa1 0 0 0 .5\nK1 0 0 0 .5\n";

static rcr_status parse(void *context, rcr_error *err) {
    rcr_crystal *crystal = NULL;
    rcr_status status = rcr_structure_parse(&crystal, "file", context, strlen(context), err);
    rcr_crystal_free(crystal);
    return status;
}

/* More operations than a space group has, whose images are told apart by a table. */
static void put_many_operations(rcr_text *out) {
    rcr_text_puts(out, "data_x\n_cell_length_a 30\n_cell_length_b 30\n_cell_length_c 30\nloop_\n"
                       "_symmetry_equiv_pos_as_xyz\n");
    for (int i = 0; i < 216; i++) rcr_text_printf(out, "x+%d/6,y+%d/6,z+%d/6\n", i % 6, i / 6 % 6, i / 36);
    rcr_text_puts(out, "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
                       "Na1 .01 .02 .03\n");
}

static rcr_status parse_json(void *context, rcr_error *err) {
    rcr_crystal *crystal = NULL;
    rcr_status status = rcr_json_structure_parse(&crystal, context, strlen(context), 1, err);
    rcr_crystal_free(crystal);
    return status;
}

static void reading(void **state) {
    (void)state;
    faults_each(RCR_FAULT_MEMORY, "CIF", parse, NULL, (void *)(uintptr_t)cif, 1, 0);
    faults_each(RCR_FAULT_MEMORY, "CIF, magnetic and disordered", parse, NULL, (void *)(uintptr_t)disordered, 1, 0);
    rcr_text many = {0};
    put_many_operations(&many);
    faults_each(RCR_FAULT_MEMORY, "CIF of 216 operations", parse, NULL, many.data, 1, 0);
    rcr_text_free(&many);
    faults_each(RCR_FAULT_MEMORY, "POSCAR", parse, NULL, (void *)(uintptr_t)poscar, 1, 0);
    faults_each(RCR_FAULT_MEMORY, "geometry.in", parse, NULL, (void *)(uintptr_t)aims, 1, 0);
    faults_each(RCR_FAULT_MEMORY, "extended XYZ", parse, NULL, (void *)(uintptr_t)extxyz, 1, 0);
    faults_each(RCR_FAULT_MEMORY, "JSON", parse_json, NULL, (void *)(uintptr_t)json, 1, 0);
}

/* All structures of a file; one that is lost without a word would be worse than any error. */
static rcr_status read_file(void *context, rcr_error *err) {
    rcr_reader *reader = NULL;
    rcr_record record;
    rcr_status status = rcr_reader_open(&reader, context, err);
    size_t n = 0;
    while (status == RCR_OK && rcr_reader_read(reader, &record)) {
        n++;
        status = record.error.status;
        *err = record.error;
        rcr_record_release(&record);
    }
    if (status == RCR_OK && n != 3) fail_msg("%s: %zu of 3 structures", (char *)context, n);
    rcr_reader_close(reader);
    return status;
}

static void files_of_many(void **state) {
    (void)state;
    static const char *const files[] = {"split.json.gz",
                                        "split_data_first.json",
                                        "columns_by_id.json",
                                        "by_id.json",
                                        "entries.json",
                                        "lines.jsonl",
                                        "optimade.json",
                                        "mp.csv",
                                        "json_cells.csv",
                                        "ase.db.gz",
                                        "frames.extxyz",
                                        "jarvis.json",
                                        "matbench_some_thing.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/tests/io/cases/reader/%s", getenv("RECRYST_SOURCE"), files[i]);
        faults_each(RCR_FAULT_MEMORY, files[i], read_file, NULL, path, 1, 0);
    }
}

static rcr_status write_all_formats(void *context, rcr_error *err) {
    char key[] = "gap", value[] = "1.5";
    const rcr_property property = {key, value};
    rcr_text text = {0};
    rcr_status status = RCR_OK;
    for (int format = RCR_WRITE_CIF; format <= RCR_WRITE_JSON && status == RCR_OK; format++)
        status = rcr_crystal_write(&text, (rcr_write_format)format, context, &property, 1, err);
    rcr_text_free(&text);
    return status;
}

static rcr_status make_cells(void *context, rcr_error *err) {
    static const int32_t times[3] = {2, 1, 1};
    rcr_crystal *made[3] = {NULL, NULL, NULL};
    rcr_spacegroup *group = NULL;
    rcr_pair pair;
    rcr_status status = rcr_crystal_supercell(&made[0], context, times, err);
    if (status == RCR_OK) status = rcr_crystal_reduce(&made[1], made[0], err);
    if (status == RCR_OK) status = rcr_spacegroup_find(&group, made[1], 0.01, err);
    if (status == RCR_OK) status = rcr_crystal_standardize(&made[2], made[1], RCR_CELL_PRIMITIVE, 1, 0.01, err);
    if (status == RCR_OK) status = rcr_crystal_shortest(&pair, made[2], err);
    rcr_spacegroup_free(group);
    for (int i = 0; i < 3; i++) rcr_crystal_free(made[i]);
    return status;
}

static void writing_and_cells(void **state) {
    (void)state;
    rcr_crystal *crystal;
    rcr_error err = {0};
    assert_ok(rcr_structure_parse(&crystal, "file", cif, strlen(cif), &err), &err);
    faults_each(RCR_FAULT_MEMORY, "writing", write_all_formats, NULL, crystal, 1, 0);
    rcr_species_list list = {0};
    assert_ok(rcr_species_add(&list, 0, 19, 0.5, &err), &err);
    assert_ok(rcr_crystal_set_species(crystal, &list, &err), &err);
    rcr_species_list_free(&list);
    faults_each(RCR_FAULT_MEMORY, "cells of a disordered crystal", make_cells, NULL, crystal, 1, 0);
    rcr_crystal_free(crystal);
}

static rcr_status build_graph(void *context, rcr_error *err) {
    rcr_graph_options options = rcr_graph_options_default();
    rcr_graph *graph = NULL;
    uint8_t *record = NULL;
    size_t size;
    rcr_status status = rcr_graph_build(&graph, context, &options, err);
    if (status == RCR_OK) status = rcr_graph_pack(&record, &size, graph, 4, err);
    rcr_free(record);
    rcr_graph_free(graph);
    return status;
}

static void graphs(void **state) {
    (void)state;
    rcr_crystal *crystal;
    rcr_error err = {0};
    assert_ok(rcr_structure_parse(&crystal, "file", cif, strlen(cif), &err), &err);
    faults_each(RCR_FAULT_MEMORY, "graph", build_graph, NULL, crystal, 1, 0);
    rcr_crystal_free(crystal);
}

/* A folder of crystals, and where a run of the scenario at hand goes. */
typedef struct setting {
    char *data, *store, *run, *copy;
} setting;

static rcr_status read_dataset(void *context, rcr_error *err) {
    setting *s = context;
    rcr_pool *pool = NULL;
    rcr_dataset *dataset = NULL;
    rcr_status status = rcr_pool_create(&pool, 2, err);
    rcr_dataset_options options = {
        .target = "energy", .need_target = 1, .graph = rcr_graph_options_default(), .pool = pool};
    if (status == RCR_OK) status = rcr_dataset_read(&dataset, s->data, &options, err);
    /* A row lost for want of memory would be a loss of data without a word. */
    if (status == RCR_OK && (dataset->n != 12 || dataset->n_bad != 0))
        fail_msg("%zu of 12 rows, %zu bad: %s", dataset->n, dataset->n_bad, dataset->bad[0].error.message);
    rcr_dataset_free(dataset);
    rcr_pool_free(pool);
    return status;
}

static void datasets(void **state) {
    setting s = {.data = toy_data(*state, 12)};
    faults_each(RCR_FAULT_MEMORY, "dataset", read_dataset, NULL, &s, 1, 0);
}

static rcr_status train(void *context, rcr_error *err) {
    setting *s = context;
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 2;
    options.average = 0.9;
    rcr_train_result result;
    toy_remove(s->run, 2);
    return rcr_train(&result, s->data, s->run, &options, NULL, err);
}

static void training(void **state) {
    setting s = {.data = toy_data(*state, 30), .run = toy_path(*state, "run")};
    faults_each(RCR_FAULT_MEMORY, "training", train, NULL, &s, 1, 0);
}

static rcr_status load_and_predict(void *context, rcr_error *err) {
    setting *s = context;
    rcr_model *model = NULL;
    rcr_crystal *crystal = NULL;
    double value = 0;
    rcr_status each = RCR_OK, status = rcr_model_load(&model, s->run, err);
    if (status == RCR_OK) status = rcr_structure_parse(&crystal, "file", cif, strlen(cif), err);
    if (status == RCR_OK)
        status = rcr_model_predict(&value, &each, model, (const rcr_crystal *const *)&crystal, 1, 2, err);
    /* A crystal that could not be used for want of memory says so in its own place. */
    if (status == RCR_OK && each != RCR_OK) {
        snprintf(err->message, sizeof err->message, "the crystal's own status");
        status = err->status = each;
    }
    if (status == RCR_OK) status = rcr_model_save(model, s->copy, err);
    rcr_crystal_free(crystal);
    rcr_model_free(model);
    return status;
}

static void predicting(void **state) {
    setting s = {.data = toy_data(*state, 30), .run = toy_path(*state, "run"), .copy = toy_path(*state, "copy")};
    rcr_error err = {0};
    assert_ok(train(&s, &err), &err);
    faults_each(RCR_FAULT_MEMORY, "model and prediction", load_and_predict, NULL, &s, 1, 0);
}

static rcr_status prepare(void *context, rcr_error *err) {
    setting *s = context;
    rcr_pool *pool = NULL;
    remove(s->store);
    rcr_status status = rcr_pool_create(&pool, 2, err);
    rcr_prepare_options options = {.graph = rcr_graph_options_default(), .pool = pool};
    rcr_prepare_result result = {0};
    if (status == RCR_OK) status = rcr_prepare(&result, s->data, s->store, &options, err);
    rcr_pool_free(pool);
    return status;
}

static rcr_status read_store(void *context, rcr_error *err) {
    setting *s = context;
    setting from_store = {.data = s->store};
    return read_dataset(&from_store, err);
}

static void stores(void **state) {
    setting s = {.data = toy_data(*state, 12), .store = toy_path(*state, "toy.rcr")};
    rcr_error err = {0};
    faults_each(RCR_FAULT_MEMORY, "prepare", prepare, NULL, &s, 1, 0);
    assert_ok(prepare(&s, &err), &err);
    faults_each(RCR_FAULT_MEMORY, "store", read_store, NULL, &s, 1, 0);
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading),
                                       cmocka_unit_test(files_of_many),
                                       cmocka_unit_test(writing_and_cells),
                                       cmocka_unit_test(graphs),
                                       in_folder(datasets),
                                       in_folder(training),
                                       in_folder(predicting),
                                       in_folder(stores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
