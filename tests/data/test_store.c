/* Graph stores: what they give is what the files give, at whatever moment preparing them stopped. */
#include "data/store_support.h"

#include "base/file.h"

static void expect_alike_in_all_ways(const char *files, const char *store, const char *const *targets) {
    rcr_element_table *narrow;
    assert_int_equal(rcr_element_table_cgcnn(&narrow, NULL), RCR_OK);
    narrow->known[28] = 0; /* nickel */
    for (int need = 0; need < 2; need++)
        for (const char *const *target = targets; *target != NULL; target++)
            for (int way = 0; way < 7; way++) {
                static const char *const weights[] = {"gap", "energy", "none"}; /* one has negative numbers */
                rcr_dataset_options o = {.target = (*target)[0] != '\0' ? *target : NULL,
                                         .need_target = need,
                                         .strict = way == 2,
                                         .weights = way >= 4 ? weights[way - 4] : NULL,
                                         .known = way == 1 ? narrow : NULL,
                                         .graph = rcr_graph_options_default()};
                if (way == 3) o.graph.dmin = 0.5; /* no part of the graphs */
                expect_alike(files, store, &o);
            }
    rcr_element_table_free(narrow);
}

static void a_table_is_as_its_files(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_table(&f);
    const char *store = "table.store";
    rcr_prepare_options o = preparing();
    rcr_prepare_result r = prepare(f.path, folder_path(&f, store), &o);
    assert_true(r.n_rows == 12 && r.n_good == 6 && r.n_added == 12 && r.n_added_good == 6 && r.n_there == 0);
    assert_string_equal(r.first_bad_id, "missing");
    assert_int_equal(r.n_atoms, 24);
    expect_alike_in_all_ways(f.path, folder_path(&f, store),
                             (const char *const[]){"", "gap", "energy", "other", "gap,energy", "energy,gap", NULL});
    folder_remove(&f);
}

static void a_headless_table_is_as_its_files(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "id_prop.csv", "cu,1\nal,2\ncu,3\n");
    folder_write(&f, "cu.cif", cif("Cu", "Ni", "3.6"));
    folder_write(&f, "al.cif", cif("Al", "Al", "4.05"));
    folder_write(&f, "atom_init.json", "{\"13\": [1, 0], \"28\": [0, 1], \"29\": [1, 1]}");
    const char *store = "plain.store";
    rcr_prepare_options o = preparing();
    prepare(f.path, folder_path(&f, store), &o);
    expect_alike_in_all_ways(f.path, folder_path(&f, store), (const char *const[]){"", "any", NULL});
    rcr_dataset_options reading = {.graph = o.graph};
    rcr_dataset *d;
    assert_int_equal(rcr_dataset_read(&d, folder_path(&f, store), &reading, NULL), RCR_OK);
    assert_non_null(d->elements);
    assert_int_equal(d->elements->n_features, 2);
    assert_true(d->elements->row[28 * 2 + 1] == 1);
    rcr_dataset_free(d);
    folder_remove(&f);
}

#define FRAME(element, info)                                                                                           \
    "1\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 " info "\n" element " 0 0 0\n"

static void frames_are_as_their_file(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "many.extxyz",
                 FRAME("Cu", "id=a gap=1 energy=-3.5 note=x") FRAME("Al", "gap=2") FRAME("Qq", "id=c gap=3")
                     FRAME("Cu", "id=a gap=4") FRAME("Ni", "id=e") FRAME("Pd", "id=f gap=7 gap=8 gap=x")
                         FRAME("Ag", "id=g gap=5e-1 energy=no"));
    const char *store = "frames.store";
    rcr_prepare_options o = preparing();
    prepare(folder_path(&f, "many.extxyz"), folder_path(&f, store), &o);
    expect_alike_in_all_ways(folder_path(&f, "many.extxyz"), folder_path(&f, store),
                             (const char *const[]){"gap", "energy", "other", "gap,energy", NULL});
    folder_remove(&f);
}

/* Two columns of one name: neither is taken, by whatever way the rows come, also where one of them has no numbers. */
static void columns_of_one_name_stay_several(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cif("Cu", "Ni", "3.6"));
    folder_write(&f, "al.cif", cif("Al", "Al", "4.05"));
    static const char *const tables[] = {"id,gap,energy,gap,note\ncu,1,2,3,x\nal,4,5,6,y\n",
                                         "id,gap,energy,gap\ncu,word,2,3\nal,other,5,6\n",
                                         "id,gap,gap\ncu,1,2\nal,3,4\n"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char store[1024];
        snprintf(store, sizeof store, "%s/%zu.store", f.path, i);
        folder_write(&f, "id_prop.csv", tables[i]);
        rcr_prepare_options o = preparing();
        prepare(f.path, store, &o);
        expect_alike_in_all_ways(f.path, store, (const char *const[]){"", "gap", "energy", NULL});
        rcr_dataset_options reading = {.target = "gap", .need_target = 1, .graph = o.graph};
        rcr_dataset *d = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_dataset_read(&d, store, &reading, &err), RCR_ERR_ARGUMENT);
        assert_non_null(strstr(err.message, "there are several columns \"gap\""));
        reading = (rcr_dataset_options){.target = "energy", .weights = "gap", .graph = o.graph};
        assert_int_equal(rcr_dataset_read(&d, store, &reading, &err), RCR_ERR_ARGUMENT);
        assert_non_null(strstr(err.message, "several columns \"gap\" to take as the weights"));
    }
    folder_remove(&f);
}

static void other_options_are_refused(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_table(&f);
    char store[1024];
    snprintf(store, sizeof store, "%s/x.store", f.path);
    rcr_prepare_options o = preparing();
    prepare(f.path, store, &o);
    const struct {
        rcr_graph_options options;
        const char *message;
    } wrong[] = {{{.radius = 6, .max_neighbors = 12, .step = 0.2}, "radius is 8 and 6 is wanted"},
                 {{.radius = 8, .max_neighbors = 10, .step = 0.2}, "max_neighbors is 12 and 10 is wanted"},
                 {{.radius = 8, .max_neighbors = 12, .step = 0.2, .padding = RCR_PADDING_REFERENCE}, "padding is none"},
                 {{.radius = 8, .max_neighbors = 12, .step = 0.2, .ties = RCR_TIES_KEEP}, "ties is cut"},
                 {{.radius = 8, .max_neighbors = 12, .step = 0.2, .tie_tolerance = 0.001},
                  "tie_tolerance is 1e-09 and 0.001 is wanted"},
                 {{.radius = 8, .max_neighbors = 12, .step = 0.2, .disorder = RCR_DISORDER_AVERAGE},
                  "disorder is refuse and average is wanted"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        rcr_dataset_options reading = {.graph = wrong[i].options};
        rcr_dataset *d = NULL;
        rcr_error err = {0};
        assert_int_equal(rcr_dataset_read(&d, store, &reading, &err), RCR_ERR_MISMATCH);
        if (strstr(err.message, wrong[i].message) == NULL) fail_msg("%s", err.message);
        assert_non_null(strstr(err.message, "recryst prepare DATA --out STORE"));
        o.graph = wrong[i].options;
        refuse(f.path, store, &o, RCR_ERR_MISMATCH, wrong[i].message);
    }
    folder_remove(&f);
}

#define MIXED(a, b)                                                                                                    \
    "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\nloop_\n_atom_site_label\n_atom_site_fract_x\n"      \
    "_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\nFe1 0 0 0 " a "\nCo1 0 0 0 " b "\nAl1 .5 .5 .5 1\n"

static void compare_mixtures(const rcr_dataset *files, const rcr_dataset *stored, int average) {
    rcr_batch x = {0}, y = {0};
    static const int64_t index[] = {0, 1, 2, 3};
    assert_int_equal(rcr_dataset_fill_batch(&x, files, index, (int32_t)files->n, NULL), RCR_OK);
    assert_int_equal(rcr_dataset_fill_batch(&y, stored, index, (int32_t)stored->n, NULL), RCR_OK);
    assert_int_equal(x.mixtures.n, average ? 2 : 0);
    assert_int_equal(y.mixtures.n, x.mixtures.n);
    assert_memory_equal(x.site_row, y.site_row, (size_t)x.n_atoms * sizeof *x.site_row);
    if (average) {
        assert_int_equal(x.mixtures.offset[2], 5); /* the vacancy of one */
        assert_memory_equal(x.mixtures.row, y.mixtures.row, 5 * sizeof *x.mixtures.row);
        assert_memory_equal(x.mixtures.weight, y.mixtures.weight, 5 * sizeof *x.mixtures.weight);
    }
    rcr_batch_release(&x);
    rcr_batch_release(&y);
}

/* Rows of disordered crystals: bad ones by default; else they come out of the store as they went in. */
static void disordered_rows_are_kept(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "id_prop.csv", "id,e\nmixed,1\nal,2\nholes,3\nwhole,4\n");
    folder_write(&f, "al.cif", cif("Al", "Al", "4.05"));
    folder_write(&f, "mixed.cif", MIXED("0.5", "0.5"));
    folder_write(&f, "holes.cif", MIXED("0.5", "0.3"));
    folder_write(&f, "whole.cif", MIXED("1", "0"));
    rcr_element_table *table;
    assert_int_equal(rcr_element_table_cgcnn(&table, NULL), RCR_OK);
    table->known[27] = 0;
    for (int average = 0; average < 2; average++) {
        rcr_dataset *files = NULL, *stored = NULL;
        rcr_error err = {0};
        rcr_prepare_options o = preparing();
        o.graph.disorder = average ? RCR_DISORDER_AVERAGE : RCR_DISORDER_REFUSE;
        rcr_dataset_options reading = {.graph = o.graph};
        char store[1024];
        snprintf(store, sizeof store, "%s/%d.store", f.path, average);
        prepare(f.path, store, &o);
        assert_int_equal(rcr_dataset_read(&files, f.path, &reading, &err), RCR_OK);
        assert_int_equal(rcr_dataset_read(&stored, store, &reading, &err), RCR_OK);
        assert_int_equal(files->n, average ? 4 : 2);
        assert_int_equal(stored->n, files->n);
        assert_int_equal(stored->n_bad, files->n_bad);
        for (size_t i = 0; i < files->n_bad; i++) {
            assert_int_equal(files->bad[i].error.status, RCR_ERR_UNSUPPORTED);
            assert_non_null(strstr(files->bad[i].error.message, "site 1 is disordered (Fe 0.5, "));
            assert_string_equal(files->bad[i].error.message, stored->bad[i].error.message);
        }
        compare_mixtures(files, stored, average);
        rcr_dataset_free(files);
        rcr_dataset_free(stored);
        /* An element that is not known makes a bad row, however little there is of it; a store knows its elements. */
        reading.known = table;
        for (int from = 0; from < 2; from++) {
            assert_int_equal(rcr_dataset_read(&files, from ? store : f.path, &reading, &err), RCR_OK);
            assert_int_equal(files->n, 2); /* al and whole */
            assert_int_equal(files->n_bad, 2);
            if (average) assert_non_null(strstr(files->bad[0].error.message, "element Co (site 1) is not in"));
            rcr_dataset_free(files);
        }
    }
    rcr_element_table_free(table);
    folder_remove(&f);
}

/* Told to be strict, it ends with the first bad row, and is no dataset until it is finished without. */
static void strict_ends_with_the_first_bad_row(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_table(&f);
    rcr_prepare_options o = preparing();
    rcr_dataset_options reading = {.graph = o.graph};
    rcr_dataset *d = NULL;
    char store[1024];
    snprintf(store, sizeof store, "%s/x.store", f.path);
    o.strict = 1;
    refuse(f.path, store, &o, RCR_ERR_IO, "no such file");
    assert_int_equal(rcr_dataset_read(&d, store, &reading, NULL), RCR_ERR_DATA);
    o.strict = 0;
    rcr_prepare_result r = prepare(f.path, store, &o);
    assert_true(r.n_rows == 12 && r.n_good == 6);
    expect_alike(f.path, store, &reading);
    folder_remove(&f);
}

static void stores_grow_by_append_alone(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cif("Cu", "Ni", "3.6"));
    folder_write(&f, "al.cif", cif("Al", "Al", "4.05"));
    folder_write(&f, "au.cif", cif("Au", "Al", "4"));
    folder_write(&f, "one.csv", "id,e\ncu,1\nal,2\n");
    folder_write(&f, "two.csv", "id,e,gap\ncu,9,9\nau,3,4\nal,9,9\nno,5,6\n");
    folder_write(&f, "both.csv", "id,e,gap\ncu,1,\nal,2,\nau,3,4\nno,5,6\n");
    folder_write(&f, "frames.extxyz", FRAME("Cu", "id=z e=1"));
    char store[1024], two[1024];
    snprintf(store, sizeof store, "%s/x.store", f.path);
    snprintf(two, sizeof two, "%s/two.csv", f.path);
    rcr_prepare_options o = preparing(), append = o;
    append.append = 1;
    prepare(folder_path(&f, "one.csv"), store, &o);
    rcr_prepare_result r = prepare(folder_path(&f, "one.csv"), store, &o);
    assert_true(r.n_added == 0 && r.n_rows == 2 && r.n_there == 2);
    refuse(two, store, &o, RCR_ERR_ARGUMENT, "--append");
    folder_write(&f, "renamed.csv", "id,f\ncu,1\nal,2\n");
    refuse(folder_path(&f, "renamed.csv"), store, &o, RCR_ERR_ARGUMENT, "--append");
    folder_write(&f, "exchanged.csv", "id,file,e\ncu,al.cif,1\nal,cu.cif,2\n");
    refuse(folder_path(&f, "exchanged.csv"), store, &o, RCR_ERR_ARGUMENT, "--append");
    refuse(folder_path(&f, "frames.extxyz"), store, &append, RCR_ERR_MISMATCH, "extxyz frames");
    r = prepare(two, store, &append);
    assert_true(r.n_added == 2 && r.n_added_good == 1 && r.n_rows == 4 && r.n_good == 3);
    r = prepare(two, store, &append);
    assert_true(r.n_added == 0 && r.n_rows == 4);
    /* The rows are those of one table, with the name of the first. */
    rcr_dataset_options reading = {.target = "e", .need_target = 1, .graph = o.graph};
    rcr_dataset *a, *b;
    assert_int_equal(rcr_dataset_read(&a, folder_path(&f, "both.csv"), &reading, NULL), RCR_OK);
    assert_int_equal(rcr_dataset_read(&b, store, &reading, NULL), RCR_OK);
    assert_string_equal(b->name, "one.csv");
    b->name[0] = '\0';
    a->name[0] = '\0';
    expect_same(a, b);
    rcr_dataset_free(a);
    rcr_dataset_free(b);
    folder_write(&f, "atom_init.json", "{\"13\": [1, 0], \"28\": [0, 1]}");
    folder_write(&f, "three.csv", "id,e\nni,1\n");
    refuse(folder_path(&f, "three.csv"), store, &append, RCR_ERR_MISMATCH, "atom_init.json");
    folder_remove(&f);
}

static rcr_dataset *read_store(const char *store, const char *target) {
    rcr_dataset_options reading = {.target = target, .need_target = 1, .graph = rcr_graph_options_default()};
    rcr_dataset *d = NULL;
    rcr_error err;
    if (rcr_dataset_read(&d, store, &reading, &err) != RCR_OK) fail_msg("%s", err.message);
    return d;
}

/* Lines are of the table that a row came from, and data that are there already are told however many came after. */
static void sources_stay_apart(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cif("Cu", "Ni", "3.6"));
    folder_write(&f, "md.cif", cif("Md", "Al", "4"));
    folder_write(&f, "one.csv", "id,e,gap\ncu,1,1\nx,word,2\n");
    folder_write(&f, "two.csv", "id,e,gap\nal,2,2\ny,word,2\nz,,\nmd,1,1\n");
    char store[1024], one[1024], two[1024];
    snprintf(store, sizeof store, "%s/x.store", f.path);
    snprintf(one, sizeof one, "%s/one.csv", f.path);
    snprintf(two, sizeof two, "%s/two.csv", f.path);
    rcr_prepare_options o = preparing(), append = o;
    append.append = 1;
    prepare(one, store, &o);
    prepare(two, store, &append);
    for (int several = 0; several < 2; several++) {
        static const char *const file[] = {"one.csv", "al.cif", "two.csv", "two.csv", "md.cif"};
        rcr_dataset *d = read_store(store, several ? "e,gap" : "e");
        assert_int_equal(d->n_bad, 5);
        for (int i = 0; i < 5; i++) assert_string_equal(d->bad[i].error.file, file[i]);
        rcr_dataset_free(d);
    }
    for (int k = 0; k < 4; k++) {
        rcr_prepare_result r = prepare(k % 2 ? one : two, store, k < 2 ? &o : &append);
        assert_true(r.n_added == 0 && r.n_there == (k % 2 ? 2 : 4) && r.n_rows == 6);
    }
    folder_remove(&f);
}

/* Names of any bytes are told apart, and are the files' again. */
static void columns_of_any_bytes(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cif("Cu", "Ni", "3.6"));
    folder_write(&f, "al.cif", cif("Al", "Al", "4.05"));
    folder_write(&f, "au.cif", cif("Au", "Al", "4"));
    folder_write(&f, "one.csv", "id,e,\xe9,\xff\xfe,\xf4\x8f\xbe\x80,\xc3\xa9\ncu,1,2,3,4,5\n");
    folder_write(&f, "two.csv", "id,\xe9,\xff,e\nal,6,7,8\n");
    folder_write(&f, "three.csv", "id,\xe9,\xff,e\nau,9,10,11\n");
    folder_write(&f, "all.csv",
                 "id,e,\xe9,\xff\xfe,\xf4\x8f\xbe\x80,\xc3\xa9,\xff\ncu,1,2,3,4,5,\nal,8,6,,,,7\nau,11,9,,,,10\n");
    rcr_prepare_options append = preparing();
    append.append = 1;
    static const char *const names[] = {"one.csv", "two.csv", "three.csv"};
    for (int k = 0; k < 3; k++) prepare(folder_path(&f, names[k]), folder_path(&f, "all.store"), &append);
    prepare(folder_path(&f, "all.csv"), folder_path(&f, "new.store"), &append);
    static const char *const targets[] = {"e", "\xe9", "\xff\xfe", "\xf4\x8f\xbe\x80", "\xc3\xa9", "\xff", "\xe9,\xff"};
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++) {
        rcr_dataset *a = read_store(folder_path(&f, "all.csv"), targets[k]),
                    *b = read_store(folder_path(&f, "all.store"), targets[k]);
        assert_string_equal(a->sha256, b->sha256);
        assert_true(a->n == b->n && a->sample[0].target == b->sample[0].target);
        assert_string_equal(a->target, b->target);
        rcr_dataset_free(a);
        rcr_dataset_free(b);
    }
    folder_remove(&f);
}

typedef struct stopping {
    atomic_int stop;
    size_t after;
} stopping;
static void stop_after(void *context, size_t done, size_t total) {
    stopping *s = context;
    (void)total;
    if (done >= s->after) atomic_store(&s->stop, 1);
}

/* Stopped again and again, the store has the same rows in the end; before, it says how to finish it. */
static void stopped_and_finished(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_many(&f, 1500);
    char store[1024];
    snprintf(store, sizeof store, "%s/x.store", f.path);
    rcr_prepare_options o = preparing();
    rcr_dataset_options reading = {.target = "e", .need_target = 1, .graph = o.graph};
    int n_stops = 0;
    for (;; n_stops++) {
        stopping s = {.after = 1};
        rcr_prepare_result result;
        rcr_error err = {0};
        o.progress = stop_after;
        o.context = &s;
        o.stop = &s.stop;
        rcr_status status = rcr_prepare(&result, f.path, store, &o, &err);
        if (status == RCR_OK) break;
        assert_int_equal(status, RCR_ERR_INTERRUPTED);
        rcr_dataset *d = NULL;
        assert_int_equal(rcr_dataset_read(&d, store, &reading, &err), RCR_ERR_DATA);
        assert_non_null(strstr(err.message, "finish it with the command that began it"));
        if (n_stops == 1) {
            folder_write(&f, "other.csv", "id,e\nm1,1\n");
            refuse(folder_path(&f, "other.csv"), store, &o, RCR_ERR_MISMATCH, "begun from other rows");
        }
    }
    assert_int_equal(n_stops, 5);
    expect_alike(f.path, store, &reading);
    folder_remove(&f);
}

/* A store that grows is what it was until it has grown: also its columns, of which the first batch brings new ones. */
static void what_grows_is_what_it_was(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_many(&f, 600);
    folder_write(&f, "cu.cif", cif("Cu", "Ni", "3.6"));
    folder_write(&f, "one.csv", "id,e\ncu,1\n");
    rcr_text text = {0};
    rcr_text_puts(&text, "id,e,gap\n");
    for (int i = 0; i < 600; i++) rcr_text_printf(&text, "m%d,%d,%d\n", i, i, i + 1);
    folder_write(&f, "two.csv", text.data);
    rcr_text_free(&text);
    char store[1024];
    snprintf(store, sizeof store, "%s/x.store", f.path);
    rcr_prepare_options o = preparing();
    prepare(folder_path(&f, "one.csv"), store, &o);
    stopping s = {.after = 1};
    o.append = 1;
    o.progress = stop_after;
    o.context = &s;
    o.stop = &s.stop;
    for (int k = 0; k < 2; k++) {
        s.stop = 0;
        refuse(folder_path(&f, "two.csv"), store, &o, RCR_ERR_INTERRUPTED, "goes on from there");
        rcr_dataset_options reading = {.need_target = 1, .graph = o.graph};
        expect_alike(folder_path(&f, "one.csv"), store, &reading);
        reading.target = "gap";
        rcr_dataset *d = NULL;
        rcr_error err;
        assert_int_equal(rcr_dataset_read(&d, store, &reading, &err), RCR_ERR_ARGUMENT);
        assert_non_null(strstr(err.message, "the columns with numbers are: e"));
        assert_null(strstr(err.message, ", gap"));
        /* What it has is there, whether or not it is growing. */
        rcr_prepare_options plain = preparing();
        assert_int_equal(prepare(folder_path(&f, "one.csv"), store, &plain).n_added, 0);
    }
    o.stop = NULL;
    prepare(folder_path(&f, "two.csv"), store, &o);
    rcr_dataset *d = read_store(store, "gap,e");
    assert_int_equal(d->n_rows, 601);
    rcr_dataset_free(d);
    folder_remove(&f);
}

/* Threads change nothing, not a byte. */
static void threads_change_nothing(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_many(&f, 600);
    rcr_prepare_options o = preparing();
    prepare(f.path, folder_path(&f, "1.store"), &o);
    assert_int_equal(rcr_pool_create(&o.pool, 4, NULL), RCR_OK);
    prepare(f.path, folder_path(&f, "4.store"), &o);
    rcr_pool_free(o.pool);
    char *a, *b;
    size_t n, m;
    assert_int_equal(rcr_file_read(&a, &n, folder_path(&f, "1.store"), 1 << 30, NULL), RCR_OK);
    assert_int_equal(rcr_file_read(&b, &m, folder_path(&f, "4.store"), 1 << 30, NULL), RCR_OK);
    rcr_dataset *d, *e;
    rcr_dataset_options reading = {.graph = o.graph};
    assert_int_equal(rcr_dataset_read(&d, folder_path(&f, "1.store"), &reading, NULL), RCR_OK);
    assert_int_equal(rcr_dataset_read(&e, folder_path(&f, "4.store"), &reading, NULL), RCR_OK);
    expect_same(d, e);
    rcr_dataset_free(d);
    rcr_dataset_free(e);
    assert_int_equal(n, m);
    /* Four atoms a crystal are the worst case: the row and the record's head weigh most. */
    assert_true((double)n / (4.0 * 600 * 6 / 7) < 110);
    free(a);
    free(b);
    folder_remove(&f);
}

/* A batch filled from the map equals one from graphs in memory, bit for bit. */
static void batches_are_equal(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_many(&f, 60);
    rcr_prepare_options o = preparing();
    prepare(f.path, folder_path(&f, "x.store"), &o);
    rcr_dataset_options reading = {.graph = o.graph};
    rcr_dataset *a, *b;
    assert_int_equal(rcr_dataset_read(&a, f.path, &reading, NULL), RCR_OK);
    assert_int_equal(rcr_dataset_read(&b, folder_path(&f, "x.store"), &reading, NULL), RCR_OK);
    const int64_t index[] = {7, 0, 33, 7, 12};
    rcr_batch x = {0}, y = {0}, z = {0};
    rcr_graph *graph[5];
    for (int i = 0; i < 5; i++) assert_int_equal(rcr_dataset_graph(&graph[i], a, (size_t)index[i], NULL), RCR_OK);
    assert_int_equal(rcr_dataset_fill_batch(&x, a, index, 5, NULL), RCR_OK);
    assert_int_equal(rcr_dataset_fill_batch(&y, b, index, 5, NULL), RCR_OK);
    assert_int_equal(rcr_batch_fill(&z, (const rcr_graph *const *)graph, 5, NULL), RCR_OK);
    const rcr_batch *other[] = {&y, &z};
    for (int k = 0; k < 2; k++) {
        const rcr_batch *w = other[k];
        assert_true(x.n_atoms == 20 && w->n_atoms == 20 && x.n_edges == w->n_edges && w->n_crystals == 5);
        assert_memory_equal(x.site_row, w->site_row, 20 * sizeof *x.site_row);
        assert_memory_equal(x.edge_offset, w->edge_offset, 21 * sizeof *x.edge_offset);
        assert_memory_equal(x.edge_source, w->edge_source, (size_t)x.n_edges * sizeof *x.edge_source);
        assert_memory_equal(x.edge_distance, w->edge_distance, (size_t)x.n_edges * sizeof *x.edge_distance);
        assert_memory_equal(x.crystal_offset, w->crystal_offset, 6 * sizeof *x.crystal_offset);
    }
    for (int i = 0; i < 5; i++) rcr_graph_free(graph[i]);
    rcr_batch_release(&x);
    rcr_batch_release(&y);
    rcr_batch_release(&z);
    rcr_dataset_free(a);
    rcr_dataset_free(b);
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_table_is_as_its_files),
                                       cmocka_unit_test(a_headless_table_is_as_its_files),
                                       cmocka_unit_test(frames_are_as_their_file),
                                       cmocka_unit_test(other_options_are_refused),
                                       cmocka_unit_test(columns_of_one_name_stay_several),
                                       cmocka_unit_test(strict_ends_with_the_first_bad_row),
                                       cmocka_unit_test(disordered_rows_are_kept),
                                       cmocka_unit_test(stores_grow_by_append_alone),
                                       cmocka_unit_test(sources_stay_apart),
                                       cmocka_unit_test(columns_of_any_bytes),
                                       cmocka_unit_test(what_grows_is_what_it_was),
                                       cmocka_unit_test(stopped_and_finished),
                                       cmocka_unit_test(threads_change_nothing),
                                       cmocka_unit_test(batches_are_equal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
