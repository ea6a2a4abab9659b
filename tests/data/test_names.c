/* Ids that are taken from the key `name`, which need not be of one row alone, and ids that are there twice. */
#include "support/folder.h"

#include "data/dataset.h"
#include "data/prepare.h"

#define FRAME(info) "1\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 gap=1 " info "\nCu 0 0 0\n"
#define CELL "\"structure\": {\"lattice\": [[4,0,0],[0,4,0],[0,0,4]], \"species\": [\"Cu\"], \"frac\": [[0,0,0]]}"
#define ENTRY(values) "{" CELL ", \"gap\": 1, " values "}"

static rcr_dataset *read_data(const char *path, const char *target, int threads) {
    rcr_pool *pool = NULL;
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_pool_create(&pool, threads, NULL), RCR_OK);
    rcr_dataset_options o = {.target = target, .need_target = 1, .graph = rcr_graph_options_default(), .pool = pool};
    if (rcr_dataset_read(&d, path, &o, &err) != RCR_OK) fail_msg("%s: %s", path, err.message);
    rcr_pool_free(pool);
    return d;
}

/* All rows are good ones and have these ids, as read by one thread and by three, and from a store. */
static void expect_ids(const test_folder *f, const char *file, const char *const *id, size_t n) {
    char store[64];
    rcr_prepare_result result;
    rcr_prepare_options o = {.graph = rcr_graph_options_default()};
    snprintf(store, sizeof store, "%s.store", file);
    assert_int_equal(rcr_prepare(&result, folder_path(f, file), folder_path(f, store), &o, NULL), RCR_OK);
    assert_int_equal(result.n_good, n);
    for (int k = 0; k < 3; k++) {
        rcr_dataset *d = read_data(folder_path(f, k < 2 ? file : store), "gap", 2 * k + 1);
        assert_int_equal(d->n, n);
        assert_int_equal(d->n_bad, 0);
        for (size_t i = 0; i < n; i++) assert_string_equal(d->sample[i].id, id[i]);
        if (k < 2) assert_string_equal(d->note, result.note);
        rcr_dataset_free(d);
    }
}

static void names_that_repeat(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "all.xyz",
                 FRAME("name=Cu") FRAME("name=Al") FRAME("name=Cu") FRAME("") FRAME("name=Cu") FRAME("name=Au"));
    static const char *const frames[] = {"Cu", "Al", "all-3", "all-4", "all-5", "Au"};
    expect_ids(&f, "all.xyz", frames, 6);
    rcr_dataset *d = read_data(folder_path(&f, "all.xyz"), "gap", 1);
    assert_string_equal(d->note, "2 rows with a name that came before are called as without one, the first of them "
                                 "\"all-3\"; a key called id gives each its own");
    rcr_dataset_free(d);

    /* An id by another key is that of its row, wherever that stands; a name that looks like a given one steps back. */
    folder_write(&f, "two.xyz", FRAME("name=Cu") FRAME("id=Cu") FRAME("name=two-1") FRAME("name=Cu id=x"));
    static const char *const mixed[] = {"two-1", "Cu", "two-3", "x"};
    expect_ids(&f, "two.xyz", mixed, 4);

    folder_write(
        &f, "e.json",
        "[" ENTRY("\"name\": \"Cu\"") ", " ENTRY("\"name\": \"Cu\"") ", " ENTRY("\"id\": \"q\", \"name\": \"Cu\"") "]");
    static const char *const entries[] = {"Cu", "e-2", "q"};
    expect_ids(&f, "e.json", entries, 3);

    folder_write(&f, "t.csv",
                 "Name,gap,cif\nCu,1,\"data_a\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\nloop_\n"
                 "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCu 0 0 0\n\"\n"
                 "Cu,1,\"data_a\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\nloop_\n"
                 "_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCu 0 0 0\n\"\n");
    static const char *const cells[] = {"Cu", "t-2"};
    expect_ids(&f, "t.csv", cells, 2);
    folder_remove(&f);
}

/* Where an id is there twice, the row that is left out is told with its place, also of a folder's files. */
static void ids_that_repeat(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "a.xyz", FRAME("id=Cu") FRAME("id=Al"));
    folder_write(&f, "b.xyz", FRAME("id=Au") FRAME("id=Cu"));
    rcr_dataset *d = read_data(f.path, "gap", 1);
    assert_int_equal(d->n, 3);
    assert_int_equal(d->n_bad, 1);
    assert_string_equal(d->note, "");
    assert_string_equal(d->bad[0].error.file, "b.xyz");
    assert_int_equal(d->bad[0].error.line, 5);
    assert_string_equal(d->bad[0].error.message, "the id \"Cu\" came before, in row 1");
    rcr_dataset_free(d);
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_repeat),
        cmocka_unit_test(ids_that_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
