/* Graph stores whose bytes were changed, by accident or on purpose, and files that are none. */
#include "data/store_support.h"

#include "base/file.h"
#include "base/rng.h"
#include "graph/packed.h"

static void write_bytes(const char *path, const char *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Read everything; 1 when it all came out as in `good`, 0 when there was an error. */
static int read_whole(const char *store, const rcr_dataset *good) {
    rcr_dataset_options reading = {.target = "e", .need_target = 1, .graph = rcr_graph_options_default()};
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    if (rcr_dataset_read(&d, store, &reading, &err) != RCR_OK) {
        assert_true(err.message[0] != '\0');
        return 0;
    }
    rcr_sample_list list = {d, NULL};
    rcr_graph_source source = rcr_sample_graphs(&list);
    int whole = 1;
    for (size_t i = 0; i < d->n; i++) {
        rcr_graph_view view;
        if (source.view(&view, source.context, i, &err) == RCR_OK) continue;
        assert_non_null(strstr(err.message, d->sample[i].id));
        whole = 0;
    }
    if (whole) expect_same(good, d);
    rcr_dataset_free(d);
    return whole;
}

/* Cut off anywhere, or with bytes changed, a store gives an error or what it should. */
static void damage_is_an_error(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_many(&f, 40);
    rcr_prepare_options o = preparing();
    prepare(f.path, folder_path(&f, "x.store"), &o);
    rcr_dataset_options reading = {.target = "e", .need_target = 1, .graph = o.graph};
    rcr_dataset *good;
    char *bytes;
    size_t n;
    assert_int_equal(rcr_dataset_read(&good, folder_path(&f, "x.store"), &reading, NULL), RCR_OK);
    assert_int_equal(rcr_file_read(&bytes, &n, folder_path(&f, "x.store"), 1 << 30, NULL), RCR_OK);
    char broken[1024];
    snprintf(broken, sizeof broken, "%s/broken.store", f.path);
    for (size_t cut = 0; cut < n; cut += cut < 8192 ? 509 : 2039) {
        write_bytes(broken, bytes, cut);
        assert_int_equal(read_whole(broken, good), 0);
    }
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 0);
    int n_noticed = 0;
    for (int trial = 0; trial < 2000; trial++) {
        size_t at = (size_t)rcr_rng_below(&rng, n);
        /* Half of the changes to the heads of pages, where the structure is. */
        if (trial % 2 == 0) at = at / 4096 * 4096 + at % (at < 8192 ? 160 : 64);
        char kept = bytes[at];
        bytes[at] = (char)rcr_rng_below(&rng, 256);
        write_bytes(broken, bytes, n);
        n_noticed += !read_whole(broken, good);
        /* Extending it must not end badly either. */
        rcr_prepare_options append = preparing();
        rcr_prepare_result result;
        append.append = 1;
        if (trial % 16 == 0) rcr_prepare(&result, f.path, broken, &append, NULL);
        bytes[at] = kept;
    }
    assert_true(n_noticed > 500);
    free(bytes);
    rcr_dataset_free(good);
    folder_remove(&f);
}

static void expect_damaged(const char *path, const char *message) {
    rcr_dataset_options reading = {.graph = rcr_graph_options_default()};
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_dataset_read(&d, path, &reading, &err), RCR_ERR_PARSE);
    if (strstr(err.message, message) == NULL) fail_msg("'%s' is not in: %s", message, err.message);
}

/* Rows that someone else has written, with checksums that are right: more bytes than rows, fewer records than rows say.
 */
static void right_checksums_are_not_enough(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_many(&f, 3);
    char path[1024];
    snprintf(path, sizeof path, "%s/x.store", f.path);
    rcr_prepare_options o = preparing();
    prepare(f.path, path, &o);
    rcr_store *store;
    rcr_bytes head, rows, data;
    assert_int_equal(rcr_store_open_writable(&store, path, NULL), RCR_OK);
    assert_int_equal(rcr_store_head(&head, store, NULL), RCR_OK);
    assert_int_equal(rcr_store_rows(&rows, store, 0, NULL), RCR_OK);
    assert_int_equal(rcr_store_data(&data, store, 0, NULL), RCR_OK);
    const rcr_bytes part[3] = {head, rows, data};
    char *copy[3];
    for (int i = 0; i < 3; i++) {
        copy[i] = calloc(1, part[i].size + 1);
        memcpy(copy[i], part[i].data, part[i].size);
    }
    const struct {
        size_t rows, data; /* bytes more, bytes less */
        const char *message;
    } changed[] = {{1, 0, "row 4 makes no sense"}, {0, 1, "row 4 makes no sense"}, {0, 0, NULL}};
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        assert_int_equal(rcr_store_put(store, 0, (rcr_bytes){copy[1], part[1].size + changed[i].rows},
                                       (rcr_bytes){copy[2], part[2].size - changed[i].data},
                                       (rcr_bytes){copy[0], part[0].size}, NULL),
                         RCR_OK);
        rcr_store_close(store);
        if (changed[i].message != NULL)
            expect_damaged(path, changed[i].message);
        else
            expect_alike(f.path, path, &(rcr_dataset_options){.graph = o.graph});
        assert_int_equal(rcr_store_open_writable(&store, path, NULL), RCR_OK);
    }
    rcr_store_close(store);
    for (int i = 0; i < 3; i++) free(copy[i]);
    folder_remove(&f);
}

/* A file that is not whole, or none of ours. */
static void other_files_are_refused(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_table(&f);
    rcr_prepare_options o = preparing();
    folder_write(&f, "text.store", "this is text\n");
    refuse(f.path, folder_path(&f, "text.store"), &o, RCR_ERR_PARSE, "");
    refuse(f.path, folder_path(&f, "no/such/folder/x.store"), &o, RCR_ERR_IO, "can't be made");
    prepare(f.path, folder_path(&f, "x.store"), &o);
    refuse(folder_path(&f, "x.store"), folder_path(&f, "y.store"), &o, RCR_ERR_ARGUMENT, "is a graph store already");
    /* One who reads keeps writers away, and the other way round. */
    rcr_dataset_options reading = {.graph = o.graph};
    rcr_dataset *d, *e;
    assert_int_equal(rcr_dataset_read(&d, folder_path(&f, "x.store"), &reading, NULL), RCR_OK);
    assert_int_equal(rcr_dataset_read(&e, folder_path(&f, "x.store"), &reading, NULL), RCR_OK);
    refuse(f.path, folder_path(&f, "x.store"), &o, RCR_ERR_IO, "another process");
    rcr_dataset_free(d);
    rcr_dataset_free(e);
    rcr_store *writer;
    rcr_error err = {0};
    assert_int_equal(rcr_store_open_writable(&writer, folder_path(&f, "x.store"), NULL), RCR_OK);
    assert_int_equal(rcr_dataset_read(&d, folder_path(&f, "x.store"), &reading, &err), RCR_ERR_IO);
    assert_non_null(strstr(err.message, "writes the store"));
    rcr_store_close(writer);
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(damage_is_an_error),
                                       cmocka_unit_test(right_checksums_are_not_enough),
                                       cmocka_unit_test(other_files_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
