/* Every file call failing in turn, once (a device that reports an error) and from then on (a disk that stays full): an
 * error, what was there before is untouched, and a run goes on to the same weights. */
#include "faults/faults.h"
#include "train/toy.h"

#include "base/file.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/prepare.h"

typedef struct setting {
    char *folder, *data, *run, *whole, *store, *file;
} setting;

static const char before[] = "what was there before", after[] = "what comes after it";

static rcr_status replace(void *context, rcr_error *err) {
    setting *s = context;
    return rcr_file_write(s->file, after, sizeof after, err);
}

static int count_files(const char *folder) {
    int n = 0;
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(listing);
    return n;
}

/* Either the old or the new one, whole, and nothing beside it. */
static void check_whole(void *context) {
    setting *s = context;
    char *text;
    size_t length;
    rcr_error err = {0};
    assert_ok(rcr_file_read(&text, &length, s->file, 1 << 20, &err), &err);
    int old = length == sizeof before && memcmp(text, before, length) == 0;
    int new = length == sizeof after &&memcmp(text, after, length) == 0;
    rcr_free(text);
    assert_true(old || new);
    assert_int_equal(count_files(s->folder), 1);
    assert_ok(rcr_file_write(s->file, before, sizeof before, &err), &err);
}

static void a_file_is_replaced(void **state) {
    setting s = {.folder = *state, .file = toy_path(*state, "file")};
    rcr_error err = {0};
    assert_ok(rcr_file_write(s.file, before, sizeof before, &err), &err);
    /* Each of its calls matters: not one may fail without a word. */
    assert_int_equal(faults_each(RCR_FAULT_FILE, "replacing a file (EIO)", replace, check_whole, &s, 1, EIO), 0);
    assert_ok(rcr_file_write(s.file, before, sizeof before, &err), &err);
    assert_int_equal(
        faults_each(RCR_FAULT_FILE, "replacing a file (full disk)", replace, check_whole, &s, 1000000, ENOSPC), 0);
}

static rcr_status train(void *context, rcr_error *err) {
    setting *s = context;
    rcr_train_options options = toy_options(RCR_REGRESSION);
    options.epochs = 3;
    rcr_train_result result;
    toy_remove(s->run, 2);
    rcr_status status = rcr_train(&result, s->data, s->run, &options, NULL, err);
    /* A dataset's file that can't be read is a row of the error table, not the end; then all of them may be bad. */
    if (status == RCR_ERR_DATA && strstr(err->message, "rows") != NULL) status = err->status = RCR_ERR_IO;
    return status;
}

/* What is on disk is a whole earlier state, and resumed it ends as a run without faults ends. */
static void check_resumed(void *context) {
    setting *s = context;
    char path[600], errors[600];
    snprintf(path, sizeof path, "%s/last.ckpt", s->run);
    snprintf(errors, sizeof errors, "%s/errors.csv", s->run);
    if (!rcr_is_file(path)) return;
    rcr_train_result result;
    rcr_error err = {0};
    rcr_status status = rcr_train_resume(&result, s->run, -1, NULL, &err);
    /* Where the fault cost the run a row of its data, the data are no longer the same. */
    if (status == RCR_ERR_MISMATCH && strstr(err.message, "rows can be used") != NULL) return;
    assert_ok(status, &err);
    static const char *const files[] = {"model.safetensors", "predictions-test.csv"};
    for (int i = 0; i < 2; i++) {
        size_t n, m;
        char *a = toy_read(s->run, files[i], &n), *b = toy_read(s->whole, files[i], &m);
        toy_n_paths -= 2;
        free(toy_paths[toy_n_paths]);
        free(toy_paths[toy_n_paths + 1]);
        assert_int_equal(n, m);
        assert_memory_equal(a, b, n);
        rcr_free(a);
        rcr_free(b);
    }
}

static void training(void **state) {
    setting s = {.folder = *state, .data = toy_data(*state, 20)};
    rcr_error err = {0};
    /* From a store, where no row can get lost: all faults then hit what the run writes. */
    s.store = toy_path(*state, "toy.rcr");
    rcr_prepare_options options = {.graph = rcr_graph_options_default()};
    rcr_prepare_result result;
    assert_ok(rcr_prepare(&result, s.data, s.store, &options, &err), &err);
    s.data = s.store;
    s.run = toy_path(*state, "whole");
    assert_ok(train(&s, &err), &err);
    s.whole = s.run;
    s.run = toy_path(*state, "run");
    faults_each(RCR_FAULT_FILE, "training (EIO)", train, check_resumed, &s, 1, EIO);
    faults_each(RCR_FAULT_FILE, "training (full disk)", train, check_resumed, &s, 1000000, ENOSPC);
}

/* A store is whole or not there, and the same call goes on. */
static rcr_status prepare(void *context, rcr_error *err) {
    setting *s = context;
    rcr_prepare_options options = {.graph = rcr_graph_options_default()};
    rcr_prepare_result result;
    remove(s->store);
    rcr_status status = rcr_prepare(&result, s->data, s->store, &options, err);
    if (status == RCR_ERR_DATA) status = err->status = RCR_ERR_IO; /* the fault made the only rows bad */
    return status;
}

static void check_prepared(void *context) {
    setting *s = context;
    rcr_prepare_options options = {.graph = rcr_graph_options_default()};
    rcr_prepare_result result;
    rcr_error err = {0};
    assert_ok(rcr_prepare(&result, s->data, s->store, &options, &err), &err);
    assert_int_equal(result.n_rows, 20);
}

static void preparing(void **state) {
    setting s = {.folder = *state, .data = toy_data(*state, 20), .store = toy_path(*state, "toy.rcr")};
    faults_each(RCR_FAULT_FILE, "prepare (EIO)", prepare, check_prepared, &s, 1, EIO);
    faults_each(RCR_FAULT_FILE, "prepare (full disk)", prepare, check_prepared, &s, 1000000, ENOSPC);
}

/* ---- files of many structures */

enum { N_MANY = 6000 }; /* more than is read at a time */

static void put_frame(rcr_text *out, int i) {
    rcr_text_printf(out, "1\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 y=%d id=c%d pad=%080d\n", i,
                    i, i);
    rcr_text_puts(out, "Fe 0 0 0\n");
}

static void put_line(rcr_text *out, int i) {
    rcr_text_printf(
        out,
        "{\"id\": \"c%d\", \"lattice\": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], \"species\": [\"Fe\"], \"frac\": "
        "[[0, 0, 0]], \"y\": %d, \"pad\": \"%080d\"}\n",
        i, i, i);
}

static void put_row(rcr_text *out, int i) {
    if (i == 0) rcr_text_puts(out, "id,y,cif\n");
    rcr_text_printf(out,
                    "c%d,%d,\"data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n"
                    "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_type_symbol\n_atom_site_fract_x\n"
                    "_atom_site_fract_y\n_atom_site_fract_z\nFe 0 0 0\n\"\n",
                    i, i);
}

/* All rows or an error: a part of them, with one bad row for all that are missing, is what must not be. */
static rcr_status read_many(void *context, rcr_error *err) {
    setting *s = context;
    rcr_dataset_options options = {.target = "y", .need_target = 1, .graph = rcr_graph_options_default()};
    options.graph.max_neighbors = 1;
    options.keep_bytes = 1 << 16; /* of crystals: those beyond it are read a second time */
    rcr_dataset *dataset;
    rcr_status status = rcr_dataset_read(&dataset, s->file, &options, err);
    if (status != RCR_OK) return status;
    assert_int_equal(dataset->n, N_MANY);
    assert_int_equal(dataset->n_bad, 0);
    rcr_dataset_free(dataset);
    return RCR_OK;
}

static void many_in_one_file(void **state) {
    static const struct {
        const char *name;
        void (*put)(rcr_text *out, int i);
    } form[] = {{"many.extxyz", put_frame}, {"many.jsonl", put_line}, {"many.csv", put_row}};
    for (size_t k = 0; k < sizeof form / sizeof *form; k++) {
        setting s = {.folder = *state, .file = toy_path(*state, form[k].name)};
        rcr_text text = {0};
        rcr_error err = {0};
        for (int i = 0; i < N_MANY; i++) form[k].put(&text, i);
        assert_ok(rcr_file_write(s.file, text.data, text.length, &err), &err);
        rcr_text_free(&text);
        faults_each(RCR_FAULT_FILE, form[k].name, read_many, NULL, &s, 1, EIO);
    }
}

#define in_folder(f) cmocka_unit_test_setup_teardown(f, toy_setup, toy_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {in_folder(a_file_is_replaced), in_folder(training), in_folder(preparing),
                                       in_folder(many_in_one_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
