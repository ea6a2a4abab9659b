#include "support/folder.h"

#include <math.h>
#include <sys/stat.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/file.h"
#include "data/dataset.h"
#include "read_good.h"

/* A cubic cell with one atom of the element at the origin. */
static const char *cif(const char *element, const char *length) {
    char sites[64];
    snprintf(sites, sizeof sites, "%s1 %s 0 0 0\n", element, element);
    return cubic_cif(length, sites);
}

static void read_bad(const char *path, const rcr_dataset_options *o, rcr_status status, const char *message) {
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    if (rcr_dataset_read(&d, path, o, &err) != status)
        fail_msg("%s: %s, %s", path, rcr_status_name(err.status), err.message);
    if (strstr(err.message, message) == NULL) fail_msg("'%s' is not in: %s", message, err.message);
    assert_null(d);
}

/* The element of a sample's first atom, and the distance of its first edge, which is kept in single precision. */
static void expect_first_atom(const rcr_dataset *d, size_t sample, int atomic_number, double distance) {
    rcr_graph *graph;
    assert_int_equal(rcr_dataset_graph(&graph, d, sample, NULL), RCR_OK);
    assert_int_equal(graph->atomic_number[0], atomic_number);
    assert_true(graph->distance[0] == (double)(float)distance);
    rcr_graph_free(graph);
}

static void expect_no_graph(const rcr_dataset *d, size_t sample) {
    rcr_graph *graph = NULL;
    rcr_error err = {0};
    assert_int_equal(rcr_dataset_graph(&graph, d, sample, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "no usable row"));
    assert_null(graph);
}

static void expect_bad(const rcr_dataset *d, size_t i, long row, const char *id, const char *file, long line,
                       const char *message) {
    assert_true(i < d->n_bad);
    const rcr_bad_row *bad = &d->bad[i];
    assert_int_equal(bad->row, row);
    assert_string_equal(bad->id, id);
    assert_string_equal(bad->error.file, file);
    if (line >= 0) assert_int_equal(bad->error.line, line);
    if (strstr(bad->error.message, message) == NULL) fail_msg("'%s' is not in: %s", message, bad->error.message);
}

/* Two good rows among every kind of bad one. */
static void write_mixed(const test_folder *f) {
    folder_write(f, "id_prop.csv",
                 "cu,1.5\nmissing,2\nbroken,3\ncu,4\nfm,5\nword,abc\nnone,\nlaw,0,1\n,7\n../cu,8\ninf,inf\nal,-2e-1");
    folder_write(f, "cu.cif", cif("Cu", "3.6"));
    folder_write(f, "al.cif", cif("Al", "4.05"));
    folder_write(f, "fm.cif", cif("Md", "5"));
    folder_write(f, "law.cif", cif("Cu", "3"));
    folder_write(f, "broken.cif", "this is no CIF\n");
}

static void bad_rows_cost_one_line(void **state) {
    (void)state;
    test_folder f = folder_make();
    write_mixed(&f);
    rcr_dataset_options o = defaults();
    rcr_dataset *d = read_good(f.path, &o);
    assert_int_equal(d->n_rows, 12);
    assert_int_equal(d->n, 2);
    assert_int_equal(d->n_bad, 10);
    assert_string_equal(d->sample[0].id, "cu");
    assert_string_equal(d->sample[1].id, "al");
    assert_true(d->sample[0].target == 1.5 && d->sample[1].target == -0.2);
    assert_true(d->sample[0].row == 0 && d->sample[1].row == 11);
    expect_first_atom(d, 1, 13, 4.05);
    expect_no_graph(d, 2);
    expect_no_graph(d, SIZE_MAX);
    assert_string_equal(d->target, "target");
    assert_null(d->elements);
    expect_bad(d, 0, 1, "missing", "missing.cif", 0, "no such file");
    expect_bad(d, 1, 2, "broken", "broken.cif", -1, "");
    expect_bad(d, 2, 3, "cu", "id_prop.csv", 4, "came before, in row 1");
    expect_bad(d, 3, 4, "fm", "fm.cif", 0, "element Md (site 1) is not in the element table (cgcnn)");
    expect_bad(d, 4, 5, "word", "id_prop.csv", 6, "\"abc\" for target \"target\" is not a number");
    expect_bad(d, 5, 6, "none", "id_prop.csv", 7, "no value for target");
    expect_bad(d, 6, 7, "law", "id_prop.csv", 8, "has 3 cells; the first line has 2");
    expect_bad(d, 7, 8, "", "id_prop.csv", 9, "no id");
    expect_bad(d, 8, 9, "../cu", "../cu.cif", 0, "leads out");
    expect_bad(d, 9, 10, "inf", "id_prop.csv", 11, "not a finite number");

    assert_int_equal(rcr_dataset_write_errors(d, folder_path(&f, "errors.csv"), NULL), RCR_OK);
    char *errors = folder_read(&f, "errors.csv");
    assert_int_equal(strncmp(errors, "row,id,file,line,reason\n2,missing,missing.cif,,", 47), 0);
    assert_non_null(
        strstr(errors, "\n6,word,id_prop.csv,6,\"the value \"\"abc\"\" for target \"\"target\"\" is not a number\"\n"));
    free(errors);
    rcr_dataset_free(d);
    rcr_dataset_free(NULL);

    o.strict = 1;
    read_bad(f.path, &o, RCR_ERR_IO, "no such file");
    o = defaults();
    o.need_target = 0; /* the rows without a value are fine, but have no files here */
    d = read_good(f.path, &o);
    assert_int_equal(d->n, 2);
    rcr_dataset_free(d);
    folder_remove(&f);
}

static void nothing_usable_is_an_error(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_dataset_options o = defaults();
    read_bad(f.path, &o, RCR_ERR_DATA, "no id_prop.csv");
    folder_write(&f, "id_prop.csv", "a,1\nb,2\n");
    read_bad(f.path, &o, RCR_ERR_DATA, "none of the 2 rows can be used; the first, a: a.cif: can't open");
    rcr_dataset_options each = o;
    each.may_be_bad = 1; /* then they are rows with their reasons */
    rcr_dataset *bad = read_good(f.path, &each);
    assert_true(bad->n == 0 && bad->n_bad == 2 && bad->n_rows == 2);
    assert_string_equal(bad->bad[1].id, "b");
    rcr_dataset_free(bad);
    folder_write(&f, "id_prop.csv", "");
    read_bad(f.path, &o, RCR_ERR_DATA, "empty");
    folder_write(&f, "id_prop.csv", "id,x\n");
    read_bad(f.path, &o, RCR_ERR_DATA, "no rows");
    folder_write(&f, "id_prop.csv", "a,\"1\n");
    read_bad(f.path, &o, RCR_ERR_PARSE, "never closed");
    folder_write(&f, "id_prop.csv", "a,1\n");
    folder_write(&f, "atom_init.json", "{");
    read_bad(f.path, &o, RCR_ERR_PARSE, "JSON");
    read_bad(folder_path(&f, "nowhere"), &o, RCR_ERR_IO, "no such file or folder");
    assert_int_equal(mkfifo(folder_path(&f, "pipe"), 0600), 0);
    read_bad(folder_path(&f, "pipe"), &o, RCR_ERR_IO, "not a regular file");
    read_bad("/dev/zero", &o, RCR_ERR_IO, "not a regular file");
    folder_write(&f, "a.cif", cif("Cu", "3"));
    read_bad(folder_path(&f, "a.cif"), &o, RCR_ERR_DATA, "one structure");
    folder_write(&f, "noise", "neither archive nor table");
    read_bad(folder_path(&f, "noise"), &o, RCR_ERR_DATA, "not known");
    o.graph.radius = -1;
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "radius");
    folder_remove(&f);
}

static void headers_and_targets(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cif("Cu", "3.6"));
    folder_write(&f, "al.cif", cif("Al", "4.05"));
    folder_write(&f, "id_prop.csv", "gap,material_id,metal\n0.5,cu,True\n,al,false\n");
    rcr_dataset_options o = defaults();
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "the columns are: gap, metal");
    o.target = "Gap";
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "no column \"Gap\"");
    o.target = "metal";
    rcr_dataset *d = read_good(f.path, &o);
    assert_true(d->n == 2 && d->sample[0].target == 1 && d->sample[1].target == 0);
    assert_string_equal(d->target, "metal");
    rcr_dataset_free(d);
    o.target = "gap";
    d = read_good(f.path, &o);
    assert_true(d->n == 1 && d->n_rows == 2);
    expect_bad(d, 0, 1, "al", "id_prop.csv", 3, "no value for target \"gap\"");
    rcr_dataset_free(d);
    o.need_target = 0;
    d = read_good(f.path, &o);
    assert_true(d->n == 2 && d->sample[0].target == 0.5 && isnan(d->sample[1].target));
    rcr_dataset_free(d);
    o = defaults();
    o.need_target = 0; /* none chosen: none read */
    d = read_good(f.path, &o);
    assert_true(d->n == 2 && isnan(d->sample[0].target));
    assert_string_equal(d->target, "");
    rcr_dataset_free(d);

    o = defaults();
    folder_write(&f, "id_prop.csv", "name,energy\ncu,1\nal,2\n"); /* the only column is the target */
    d = read_good(f.path, &o);
    assert_true(d->n == 2 && d->n_rows == 2);
    assert_string_equal(d->target, "energy");
    rcr_dataset_free(d);
    folder_write(&f, "id_prop.csv", "cu,bad\nal,2\n"); /* a crystal of that name: no header, but a bad row */
    d = read_good(f.path, &o);
    assert_int_equal(d->n_rows, 2);
    expect_bad(d, 0, 0, "cu", "id_prop.csv", 1, "is not a number");
    rcr_dataset_free(d);
    /* T and F are names of columns as well as classes, nan and inf no numbers: the crystal decides, or the next line.
     */
    static const struct {
        const char *table, *target;
        size_t n_rows;
    } first[] = {
        {"compound,T\ncu,300\nal,400\n", "T", 2},
        {"compound,F\ncu,1\nal,0\n", "F", 2},
        {"compound,inf\ncu,1\nal,2\n", "inf", 2},
        {"compound,t\ncu,true\nal,false\n", "t", 2},
        {"cu,T\nal,F\n", "target", 2},
        {"gone,T\ncu,F\nal,T\n", "target", 3},
        {"gone,true\ncu,False\nal,TRUE\n", "target", 3},
        {"gone,nan\ncu,nan\nal,1\n", "target", 3},
        {"gone,1\ncu,T\nal,F\n", "target", 3},
    };
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        folder_write(&f, "id_prop.csv", first[i].table);
        d = read_good(f.path, &o);
        assert_int_equal(d->n_rows, first[i].n_rows);
        assert_string_equal(d->target, first[i].target);
        rcr_dataset_free(d);
    }
    folder_write(&f, "id_prop.csv", "compound,T,P\ncu,1,2\nal,2,3\n");
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "the columns are: T, P");
    folder_write(&f, "id_prop.csv", "cu,1,2\nal,2,3\n");
    read_bad(f.path, &o, RCR_ERR_DATA, "no header");
    folder_write(&f, "id_prop.csv", "cu\nal\n");
    read_bad(f.path, &o, RCR_ERR_DATA, "no column of targets");
    o.need_target = 0;
    d = read_good(f.path, &o);
    assert_int_equal(d->n, 2);
    rcr_dataset_free(d);
    o = defaults();
    o.target = "x";
    folder_write(&f, "id_prop.csv", "id,x,x\ncu,1,2\n");
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "several columns \"x\"");
    folder_write(&f, "id_prop.csv", "cu,1\n"); /* without a header the name is what the user calls it */
    d = read_good(f.path, &o);
    assert_string_equal(d->target, "x");
    rcr_dataset_free(d);
    folder_remove(&f);
}

static void tables_of_file_names(void **state) {
    (void)state;
    test_folder f = folder_make();
    assert_int_equal(rcr_make_directory(folder_path(&f, "sub/t"), NULL), RCR_OK);
    folder_write(&f, "cu.cif", cif("Cu", "3.6"));
    folder_write(&f, "sub/al.cif", cif("Al", "4.05"));
    folder_write(&f, "sub/t/table.csv", "file,y\n../al.cif,1\n../../cu.cif,2\n,3\n");
    rcr_dataset_options o = defaults();
    rcr_dataset *d = read_good(folder_path(&f, "sub/t/table.csv"), &o);
    assert_int_equal(d->n, 2);
    assert_string_equal(d->sample[0].id, "al");
    assert_string_equal(d->sample[1].id, "cu");
    expect_first_atom(d, 1, 29, 3.6);
    assert_string_equal(d->name, "table.csv");
    expect_bad(d, 0, 2, "", "table.csv", 4, "no id");
    rcr_dataset_free(d);
    char text[700];
    snprintf(text, sizeof text, "id,y,path\nx,1,%s\n", folder_path(&f, "cu.cif"));
    folder_write(&f, "sub/t/table.csv", text);
    d = read_good(folder_path(&f, "sub/t/table.csv"), &o);
    assert_true(d->n == 1 && strcmp(d->sample[0].id, "x") == 0);
    rcr_dataset_free(d);
    folder_remove(&f);
}

static void own_element_table_counts(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "cu.cif", cif("Cu", "3.6"));
    folder_write(&f, "al.cif", cif("Al", "4.05"));
    folder_write(&f, "id_prop.csv", "cu,1\nal,2\n");
    folder_write(&f, "atom_init.json", "{\"13\": [1, 0]}");
    rcr_dataset_options o = defaults();
    rcr_dataset *d = read_good(f.path, &o);
    assert_int_equal(d->n, 1);
    assert_int_equal(d->elements->n_features, 2);
    expect_bad(d, 0, 0, "cu", "cu.cif", 0, "element Cu (site 1) is not in the element table (atom_init.json)");
    rcr_dataset_free(d);
    rcr_element_table *cgcnn;
    assert_int_equal(rcr_element_table_cgcnn(&cgcnn, NULL), RCR_OK);
    o.known = cgcnn; /* a model's table wins */
    d = read_good(f.path, &o);
    assert_int_equal(d->n, 2);
    rcr_dataset_free(d);
    rcr_element_table_free(cgcnn);
    folder_remove(&f);
}

#define FRAME(element, info)                                                                                           \
    "1\nLattice=\"4 0 0 0 4 0 0 0 4\" Properties=species:S:1:pos:R:3 " info "\n" element " 0 0 0\n"

static void extxyz_frames(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "many.extxyz",
                 FRAME("Cu", "id=a gap=1 energy=-3.5") FRAME("Al", "gap=2") FRAME("Qq", "id=c gap=3")
                     FRAME("Cu", "id=a gap=4") FRAME("Au", "id=e") FRAME("Ag", "id=g gap=5e-1") "\n \n");
    rcr_dataset_options o = defaults();
    const char *path = folder_path(&f, "many.extxyz");
    read_bad(path, &o, RCR_ERR_ARGUMENT, "gap, energy");
    o.target = "gapp";
    read_bad(path, &o, RCR_ERR_ARGUMENT, "no structure has a value for the target \"gapp\"");
    o.target = "gap";
    rcr_dataset *d = read_good(path, &o);
    assert_true(d->n == 3 && d->n_rows == 6);
    assert_string_equal(d->sample[0].id, "a");
    assert_string_equal(d->sample[1].id, "many-2");
    assert_string_equal(d->sample[2].id, "g");
    assert_true(d->sample[2].target == 0.5 && d->sample[2].row == 5);
    expect_first_atom(d, 2, 47, 4.0);
    expect_bad(d, 0, 2, "c", "many.extxyz", 9, "");
    expect_bad(d, 1, 3, "a", "many.extxyz", 11, "came before, in row 1");
    expect_bad(d, 2, 4, "e", "many.extxyz", 14, "no value for target \"gap\"");
    rcr_dataset_free(d);
    o = defaults();
    o.need_target = 0;
    d = read_good(path, &o);
    assert_int_equal(d->n, 4);
    rcr_dataset_free(d);
    folder_write(&f, "cut.xyz", FRAME("Cu", "id=a gap=1") "12x\nrubbish\n" FRAME("Cu", "id=b gap=1"));
    o = defaults(); /* the only number is the target */
    d = read_good(folder_path(&f, "cut.xyz"), &o);
    assert_true(d->n == 1 && d->n_bad == 1 && d->n_rows == 2);
    assert_string_equal(d->target, "gap");
    expect_bad(d, 0, 1, "cut-2", "cut.xyz", 4, "frames after this one can't be found");
    rcr_dataset_free(d);
    folder_write(&f, "none.xyz", "\n\n");
    read_bad(folder_path(&f, "none.xyz"), &o, RCR_ERR_DATA, "no structures");
    folder_remove(&f);
}

static void expect_equal(const rcr_dataset *a, const rcr_dataset *b) {
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_bad, b->n_bad);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->sample[i].id, b->sample[i].id);
        assert_true(a->sample[i].target == b->sample[i].target && a->sample[i].row == b->sample[i].row);
        assert_int_equal(a->sample[i].record_size, b->sample[i].record_size);
        assert_memory_equal(a->sample[i].record, b->sample[i].record, a->sample[i].record_size);
    }
    for (size_t i = 0; i < a->n_bad; i++) {
        assert_string_equal(a->bad[i].id, b->bad[i].id);
        assert_string_equal(a->bad[i].error.file, b->bad[i].error.file);
        assert_true(a->bad[i].row == b->bad[i].row && a->bad[i].error.line == b->bad[i].error.line);
    }
}

static size_t progress_seen, progress_calls;
static void record_progress(void *context, size_t done, size_t total) {
    assert_ptr_equal(context, &progress_seen);
    assert_true(done > progress_seen && done <= total);
    progress_seen = done;
    progress_calls++;
}

static void pack_folder(const test_folder *f, const char *to) {
    struct archive *a = archive_write_new();
    archive_write_set_format_pax_restricted(a);
    archive_write_add_filter_zstd(a);
    assert_int_equal(archive_write_open_filename(a, to), ARCHIVE_OK);
    static const char *const names[] = {"id_prop.csv", "cu.cif", "al.cif", "fm.cif", "law.cif", "broken.cif"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64], *text = folder_read(f, names[i]);
        struct archive_entry *entry = archive_entry_new();
        snprintf(name, sizeof name, "./set/%s", names[i]);
        archive_entry_set_pathname(entry, name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_perm(entry, 0644);
        archive_entry_set_size(entry, (la_int64_t)strlen(text));
        assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
        archive_write_data(a, text, strlen(text));
        archive_entry_free(entry);
        free(text);
    }
    archive_write_close(a);
    archive_write_free(a);
}

static void packing_changes_nothing(void **state) {
    (void)state;
    test_folder f = folder_make(), g = folder_make();
    write_mixed(&f);
    pack_folder(&f, folder_path(&g, "set.tar.zst"));
    rcr_dataset_options o = defaults();
    rcr_dataset *a = read_good(f.path, &o), *b = read_good(folder_path(&g, "set.tar.zst"), &o);
    expect_equal(a, b);
    assert_string_equal(b->name, "set.tar.zst");
    rcr_dataset_free(b);
    folder_write(&f, "al.cif", cif("Al", "4.06")); /* any change of a file shows in the hash, */
    b = read_good(f.path, &o);
    assert_string_not_equal(a->sha256, b->sha256);
    rcr_dataset_free(b);
    folder_write(&f, "al.cif", cif("Al", "4.05"));
    folder_write(&f, "id_prop.csv", "cu,1.5\nal,-0.1"); /* and of a target */
    b = read_good(f.path, &o);
    assert_string_not_equal(a->sha256, b->sha256);
    rcr_dataset_free(b);
    rcr_dataset_free(a);
    folder_remove(&f);
    folder_remove(&g);
}

static void threads_change_nothing(void **state) {
    (void)state;
    test_folder f = folder_make();
    enum { N = 700 };
    char *table = calloc(1, N * 32), name[32], length[32];
    for (int i = 0; i < N; i++) {
        snprintf(table + strlen(table), 32, "m%d,%d\n", i, i);
        snprintf(name, sizeof name, "m%d.cif", i);
        snprintf(length, sizeof length, "%.3f", 3 + 0.002 * i);
        if (i % 50 != 7) folder_write(&f, name, cif(i % 3 ? "Cu" : "Al", length));
    }
    folder_write(&f, "id_prop.csv", table);
    free(table);
    rcr_dataset_options o = defaults();
    rcr_dataset *alone = read_good(f.path, &o);
    assert_true(alone->n == N - 14 && alone->n_bad == 14);
    for (int threads = 2; threads <= 5; threads += 3) {
        assert_int_equal(rcr_pool_create(&o.pool, threads, NULL), RCR_OK);
        progress_seen = progress_calls = 0;
        o.progress = record_progress;
        o.context = &progress_seen;
        rcr_dataset *many = read_good(f.path, &o);
        expect_equal(alone, many);
        assert_int_equal(progress_seen, N);
        assert_true(progress_calls > 1);
        rcr_dataset_free(many);
        o.strict = 1;
        rcr_dataset *none = NULL;
        rcr_error err;
        assert_int_equal(rcr_dataset_read(&none, f.path, &o, &err), RCR_ERR_IO);
        assert_string_equal(err.file, "m7.cif"); /* the first bad row, whichever thread met one first */
        o.strict = 0;
        rcr_pool_free(o.pool);
    }
    rcr_dataset_free(alone);
    folder_remove(&f);
}

static void reads_the_elastic_set(void **state) {
    (void)state;
    REQUIRE_SHARED();
    rcr_dataset_options o = defaults();
    o.target = "efermi";
    rcr_dataset *d = read_good(shared_path("data/mp-elastic.tar.zst"), &o);
    assert_int_equal(d->n_rows, 2865);
    assert_int_equal(d->n + d->n_bad, 2865);
    for (size_t i = 0; i < d->n_bad; i++)
        assert_non_null(strstr(d->bad[i].error.message, "no value for target \"efermi\""));
    assert_string_equal(d->sample[0].id, "mp-2");
    assert_true(d->sample[0].target == 4.47959619);
    assert_int_equal(d->elements->n_features, 92);
    assert_string_equal(d->name, "mp-elastic.tar.zst");
    rcr_dataset_free(d);
}

/* A column of what rows count in the loss: numbers of 0 or more, no target, part of the data's hash. */
static void weights_of_rows(void **state) {
    (void)state;
    test_folder f = folder_make();
    folder_write(&f, "id_prop.csv",
                 "id,e,w,k\na,1,2,1\nb,2,0,1\nc,3,,1\nd,4,-0.5,1\ne,5,heavy,1\nf,6,inf,1\ng,,1,1\nh,8,1e-3,\n");
    for (const char *id = "abcdefgh"; *id != '\0'; id++) {
        char name[] = {*id, '.', 'c', 'i', 'f', '\0'};
        folder_write(&f, name, cif("Cu", "3.6"));
    }
    rcr_dataset_options o = defaults();
    o.target = "e";
    rcr_dataset *plain = read_good(f.path, &o);
    assert_true(plain->n == 7 && plain->weights == NULL && plain->sample[1].weight == 1);
    o.weights = "w";
    for (int list = 0; list < 2; list++) { /* one target, and several */
        o.target = list ? "e,k" : "e";
        rcr_dataset *d = read_good(f.path, &o);
        assert_string_equal(d->weights, "w");
        assert_int_equal(d->n, 3 + list);
        assert_true(d->sample[0].weight == 2 && d->sample[1].weight == 0 && d->sample[2 + list].weight == 1e-3);
        expect_bad(d, 0, 2, "c", "id_prop.csv", 4, "no value for the weight \"w\"");
        expect_bad(d, 1, 3, "d", "id_prop.csv", 5, "the weight \"w\" is -0.5; it is 0 or more");
        expect_bad(d, 2, 4, "e", "id_prop.csv", 6, "\"heavy\" for the weight \"w\" is not a number");
        expect_bad(d, 3, 5, "f", "id_prop.csv", 7, "not a finite number");
        assert_string_not_equal(d->sha256, plain->sha256);
        rcr_dataset_free(d);
    }
    rcr_dataset_free(plain);
    o.target = NULL;
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "choose one of the columns");
    o.target = "w";
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "\"w\" is to be the target and the weights");
    o.target = "e, w";
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "\"w\" is to be the target and the weights");
    for (int list = 0; list < 2; list++) {
        o.target = list ? "e,k" : "e";
        o.weights = "v";
        read_bad(f.path, &o, RCR_ERR_ARGUMENT, "\"v\" to take as the weights");
    }
    o.weights = "w";
    o.target = NULL; /* the only other column */
    folder_write(&f, "id_prop.csv", "id,w,e\na,2,1\n");
    rcr_dataset *d = read_good(f.path, &o);
    assert_string_equal(d->target, "e");
    assert_true(d->sample[0].weight == 2 && d->sample[0].target == 1);
    rcr_dataset_free(d);
    folder_write(&f, "id_prop.csv", "id,w,e,w\na,2,1,3\n");
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "several columns \"w\" to take as the weights");
    folder_write(&f, "id_prop.csv", "a,2\n");
    read_bad(f.path, &o, RCR_ERR_ARGUMENT, "no header, so there is no column \"w\"");
    folder_remove(&f);
}

static void weights_of_frames(void **state) {
    (void)state;
    test_folder f = folder_make();
    static const char frame[] = "1\nLattice=\"3 0 0 0 3 0 0 0 3\" Properties=species:S:1:pos:R:3 id=%s %s\nCu 0 0 0\n";
    char text[800], *at = text;
    at += sprintf(at, frame, "a", "e=1 w=2");
    at += sprintf(at, frame, "b", "e=2");
    at += sprintf(at, frame, "c", "e=3 w=0");
    sprintf(at, frame, "d", "e=4 w=-2");
    folder_write(&f, "all.extxyz", text);
    rcr_dataset_options o = defaults();
    o.weights = "w"; /* the target is the only other key */
    rcr_dataset *d = read_good(folder_path(&f, "all.extxyz"), &o);
    assert_string_equal(d->target, "e");
    assert_int_equal(d->n, 2);
    assert_true(d->sample[0].weight == 2 && d->sample[1].weight == 0 && d->sample[1].target == 3);
    expect_bad(d, 0, 1, "b", "all.extxyz", -1, "no value for the weight \"w\"");
    expect_bad(d, 1, 3, "d", "all.extxyz", -1, "the weight \"w\" is -2; it is 0 or more");
    rcr_dataset_free(d);
    o.target = "e";
    o.weights = "v";
    read_bad(folder_path(&f, "all.extxyz"), &o, RCR_ERR_ARGUMENT, "no structure has a value for the weight \"v\"");
    o.target = "e,w";
    read_bad(folder_path(&f, "all.extxyz"), &o, RCR_ERR_ARGUMENT, "no column or key \"v\" to take as the weights");
    folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_rows_cost_one_line),   cmocka_unit_test(weights_of_rows),
        cmocka_unit_test(weights_of_frames),        cmocka_unit_test(nothing_usable_is_an_error),
        cmocka_unit_test(headers_and_targets),      cmocka_unit_test(tables_of_file_names),
        cmocka_unit_test(own_element_table_counts), cmocka_unit_test(extxyz_frames),
        cmocka_unit_test(packing_changes_nothing),  cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(reads_the_elastic_set)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
