/* Datasets in files of many structures: the rows are those that CGCNN's layout gives, and large files cost no memory.
 */
#include "support/folder.h"

#include <math.h>

#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/text.h"
#include "crystal/element.h"
#include "data/dataset.h"
#include "data/prepare.h"
#include "data/source.h"
#include "io/unpack.h"

enum { N = 300, MAX_SITES = 5 };

/* Cells and positions that every format holds exactly, be it in fractions or in angstrom. */
typedef struct toy {
    double cell[3], frac[MAX_SITES][3], target;
    int n, z[MAX_SITES];
} toy;

static toy *make_toys(void) {
    static const double lengths[] = {4, 8, 16};
    toy *toys = calloc(N, sizeof *toys);
    assert_non_null(toys);
    rcr_rng rng;
    rcr_rng_seed(&rng, 5, 1);
    for (int i = 0; i < N; i++) {
        toy *t = &toys[i];
        t->n = 1 + (int)rcr_rng_below(&rng, MAX_SITES);
        for (int k = 0; k < 3; k++) t->cell[k] = lengths[rcr_rng_below(&rng, 3)];
        for (int s = 0; s < t->n; s++) {
            t->z[s] = 1 + (int)rcr_rng_below(&rng, 90);
            /* A site of its own, so that no reader merges two. */
            for (int k = 0; k < 3; k++) t->frac[s][k] = (double)rcr_rng_below(&rng, 4) / 16;
            t->frac[s][0] = s / 8.0 + (double)rcr_rng_below(&rng, 2) / 16;
        }
        t->target = (double)rcr_rng_below(&rng, 1 << 20) / 1024;
    }
    return toys;
}

static const char *id_of(int i) {
    static char id[16];
    snprintf(id, sizeof id, "m-%d", i);
    return id;
}

static const char *number(double value) {
    static char text[8][32];
    static int next;
    return rcr_format_double(text[next++ % 8], value);
}

static void put_cif(rcr_text *out, const toy *t) {
    rcr_text_puts(out, "data_x\n");
    for (int k = 0; k < 3; k++) rcr_text_printf(out, "_cell_length_%c %s\n", 'a' + k, number(t->cell[k]));
    rcr_text_puts(out, "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_label\n"
                       "_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n");
    for (int s = 0; s < t->n; s++)
        rcr_text_printf(out, "%s%d %s %s %s %s\n", rcr_element_symbol(t->z[s]), s, rcr_element_symbol(t->z[s]),
                        number(t->frac[s][0]), number(t->frac[s][1]), number(t->frac[s][2]));
}

static void put_poscar(rcr_text *out, const toy *t) {
    rcr_text_printf(out, "x\n1\n%s 0 0\n0 %s 0\n0 0 %s\n", number(t->cell[0]), number(t->cell[1]), number(t->cell[2]));
    for (int s = 0; s < t->n; s++) rcr_text_printf(out, "%s ", rcr_element_symbol(t->z[s]));
    rcr_text_puts(out, "\n");
    for (int s = 0; s < t->n; s++) rcr_text_puts(out, "1 ");
    rcr_text_puts(out, "\nDirect\n");
    for (int s = 0; s < t->n; s++)
        rcr_text_printf(out, "%s %s %s\n", number(t->frac[s][0]), number(t->frac[s][1]), number(t->frac[s][2]));
}

static void put_json(rcr_text *out, const toy *t) {
    rcr_text_printf(out, "{\"lattice\": {\"matrix\": [[%s, 0, 0], [0, %s, 0], [0, 0, %s]]}, \"sites\": [",
                    number(t->cell[0]), number(t->cell[1]), number(t->cell[2]));
    for (int s = 0; s < t->n; s++)
        rcr_text_printf(out, "%s{\"species\": [{\"element\": \"%s\", \"occu\": 1}], \"abc\": [%s, %s, %s]}",
                        s > 0 ? ", " : "", rcr_element_symbol(t->z[s]), number(t->frac[s][0]), number(t->frac[s][1]),
                        number(t->frac[s][2]));
    rcr_text_puts(out, "]}");
}

static void put_optimade(rcr_text *out, const toy *t, int i) {
    rcr_text_printf(out,
                    "{\"id\": \"%s\", \"type\": \"structures\", \"attributes\": {\"_x_y\": %s, \"nsites\": %d, "
                    "\"lattice_vectors\": [[%s, 0, 0], [0, %s, 0], [0, 0, %s]], \"cartesian_site_positions\": [",
                    id_of(i), number(t->target), t->n, number(t->cell[0]), number(t->cell[1]), number(t->cell[2]));
    for (int s = 0; s < t->n; s++)
        rcr_text_printf(out, "%s[%s, %s, %s]", s > 0 ? ", " : "", number(t->frac[s][0] * t->cell[0]),
                        number(t->frac[s][1] * t->cell[1]), number(t->frac[s][2] * t->cell[2]));
    rcr_text_puts(out, "], \"species_at_sites\": [");
    for (int s = 0; s < t->n; s++) rcr_text_printf(out, "%s\"s%d\"", s > 0 ? ", " : "", s);
    rcr_text_puts(out, "], \"species\": [");
    for (int s = 0; s < t->n; s++)
        rcr_text_printf(out, "%s{\"name\": \"s%d\", \"chemical_symbols\": [\"%s\"], \"concentration\": [1]}",
                        s > 0 ? ", " : "", s, rcr_element_symbol(t->z[s]));
    rcr_text_puts(out, "]}}");
}

static void put_frame(rcr_text *out, const toy *t, int i) {
    rcr_text_printf(out, "%d\nLattice=\"%s 0 0 0 %s 0 0 0 %s\" Properties=species:S:1:pos:R:3 id=%s y=%s\n", t->n,
                    number(t->cell[0]), number(t->cell[1]), number(t->cell[2]), id_of(i), number(t->target));
    for (int s = 0; s < t->n; s++)
        rcr_text_printf(out, "%s %s %s %s\n", rcr_element_symbol(t->z[s]), number(t->frac[s][0] * t->cell[0]),
                        number(t->frac[s][1] * t->cell[1]), number(t->frac[s][2] * t->cell[2]));
}

static void finish(const test_folder *f, const char *name, rcr_text *text) {
    assert_false(text->failed);
    FILE *file = fopen(folder_path(f, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text->data, 1, text->length, file), text->length);
    assert_int_equal(fclose(file), 0);
    text->length = 0;
}

static void write_database(const test_folder *f, const char *name, const toy *toys) {
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(folder_path(f, name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "BEGIN; CREATE TABLE systems (id INTEGER PRIMARY KEY, unique_id TEXT, numbers BLOB, "
                                  "positions BLOB, cell BLOB, pbc INTEGER, key_value_pairs TEXT)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO systems VALUES (?, ?, ?, ?, ?, 7, ?)", -1, &s, NULL),
                     SQLITE_OK);
    for (int i = 0; i < N; i++) {
        const toy *t = &toys[i];
        int32_t numbers[MAX_SITES];
        double positions[MAX_SITES][3], cell[9] = {t->cell[0], 0, 0, 0, t->cell[1], 0, 0, 0, t->cell[2]};
        char pairs[100];
        for (int k = 0; k < t->n; k++) {
            numbers[k] = t->z[k];
            for (int j = 0; j < 3; j++) positions[k][j] = t->frac[k][j] * t->cell[j];
        }
        snprintf(pairs, sizeof pairs, "{\"y\": %s}", number(t->target));
        sqlite3_bind_int(s, 1, i + 1);
        sqlite3_bind_text(s, 2, id_of(i), -1, SQLITE_TRANSIENT);
        sqlite3_bind_blob(s, 3, numbers, 4 * t->n, SQLITE_TRANSIENT);
        sqlite3_bind_blob(s, 4, positions, 24 * t->n, SQLITE_TRANSIENT);
        sqlite3_bind_blob(s, 5, cell, 72, SQLITE_TRANSIENT);
        sqlite3_bind_text(s, 6, pairs, -1, SQLITE_TRANSIENT);
        assert_int_equal(sqlite3_step(s), SQLITE_DONE);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* The members of a CSV cell or a JSON string. */
static void put_quoted(rcr_text *out, const char *text, int json) {
    rcr_text_puts(out, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '\n' && json)
            rcr_text_puts(out, "\\n");
        else
            rcr_text_append(out, *text == '"' ? (json ? "\\\"" : "\"\"") : text, *text == '"' ? 2 : 1);
    }
    rcr_text_puts(out, "\"");
}

static const char *const files[] = {"frames.extxyz", "table.csv",    "poscars.csv", "cells.csv",   "list.json",
                                    "split.json",    "columns.json", "by_id.json",  "lines.jsonl", "cif.jsonl",
                                    "optimade.json", "ase.db",       "layout"};

static void write_all(const test_folder *f, const toy *toys) {
    rcr_text out[12] = {{0}}, one = {0}, table = {0}, column = {0};
    static const char *const heads[] = {"",
                                        "y,material_id,cif\n",
                                        "id,poscar,y\n",
                                        "y,id,structure\n",
                                        "[",
                                        "",
                                        "{\"y\": {",
                                        "{",
                                        "",
                                        "",
                                        "{\"data\": [",
                                        ""};
    for (int k = 0; k < 12; k++) rcr_text_puts(&out[k], heads[k]);
    rcr_text_puts(&out[5], "{\"columns\": [\"y\", \"structure\"], \"index\": [");
    for (int i = 0; i < N; i++) rcr_text_printf(&out[5], "%s\"%s\"", i > 0 ? "," : "", id_of(i));
    rcr_text_puts(&out[5], "], \"data\": [");
    folder_write(f, "x", "");
    char name[64];
    snprintf(name, sizeof name, "%s", "layout");
    mkdir(folder_path(f, name), 0777);
    for (int i = 0; i < N; i++) {
        const toy *t = &toys[i];
        const char *comma = i > 0 ? ",\n" : "";
        char y[32];
        rcr_format_double(y, t->target);
        put_frame(&out[0], t, i);
        one.length = 0;
        put_cif(&one, t);
        rcr_text_printf(&out[1], "%s,%s,", y, id_of(i));
        put_quoted(&out[1], one.data, 0);
        rcr_text_puts(&out[1], "\n");
        rcr_text_printf(&out[9], "{\"id\": \"%s\", \"y\": %s, \"cif\": ", id_of(i), y);
        put_quoted(&out[9], one.data, 1);
        rcr_text_puts(&out[9], "}\n");
        /* The files of the layout: CIF, POSCAR and JSON by turns. */
        static const char *const endings[] = {".cif", ".vasp", ".json"};
        snprintf(name, sizeof name, "layout/%s%s", id_of(i), endings[i % 3]);
        if (i % 3 == 0) finish(f, name, &one);
        one.length = 0;
        put_poscar(&one, t);
        rcr_text_printf(&out[2], "%s,", id_of(i));
        put_quoted(&out[2], one.data, 0);
        rcr_text_printf(&out[2], ",%s\n", y);
        if (i % 3 == 1) finish(f, name, &one);
        one.length = 0;
        put_json(&one, t);
        rcr_text_printf(&out[3], "%s,%s,", y, id_of(i));
        put_quoted(&out[3], one.data, 0);
        rcr_text_puts(&out[3], "\n");
        rcr_text_printf(&out[4], "%s{\"structure\": %s, \"y\": %s, \"id\": \"%s\"}", comma, one.data, y, id_of(i));
        rcr_text_printf(&out[5], "%s[%s, %s]", comma, y, one.data);
        rcr_text_printf(&out[6], "%s\"%s\": %s", comma, id_of(i), y);
        rcr_text_printf(&column, "%s\"%s\": %s", comma, id_of(i), one.data);
        rcr_text_printf(&out[7], "%s\"%s\": {\"y\": %s, \"structure\": %s}", comma, id_of(i), y, one.data);
        rcr_text_printf(&out[8], "{\"id\": \"%s\", \"y\": %s, \"structure\": %s}\n", id_of(i), y, one.data);
        if (i % 3 == 2) finish(f, name, &one);
        rcr_text_puts(&out[10], comma);
        put_optimade(&out[10], t, i);
        rcr_text_printf(&table, "%s,%s\n", id_of(i), y);
    }
    rcr_text_puts(&out[4], "]");
    rcr_text_puts(&out[5], "]}");
    rcr_text_printf(&out[6], "}, \"structure\": {%s}}", column.data);
    rcr_text_puts(&out[7], "}");
    rcr_text_puts(&out[10], "], \"meta\": {}}");
    for (int k = 0; k < 11; k++) finish(f, files[k], &out[k]);
    finish(f, "layout/id_prop.csv", &table);
    write_database(f, "ase.db", toys);
    for (int k = 0; k < 12; k++) rcr_text_free(&out[k]);
    rcr_text_free(&one);
    rcr_text_free(&table);
    rcr_text_free(&column);
}

static rcr_dataset *read_good(const char *path, rcr_dataset_options *o) {
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    if (rcr_dataset_read(&d, path, o, &err) != RCR_OK)
        fail_msg("%s: %s:%ld: %s", path, err.file, err.line, err.message);
    if (d->n_bad > 0) fail_msg("%s: %s: %s", path, d->bad[0].id, d->bad[0].error.message);
    return d;
}

static void expect_equal(const rcr_dataset *a, const rcr_dataset *b, const char *what) {
    if (a->n != b->n) fail_msg("%s: %zu rows, not %zu", what, b->n, a->n);
    for (size_t i = 0; i < a->n; i++) {
        const rcr_sample *x = &a->sample[i], *y = &b->sample[i];
        if (strcmp(x->id, y->id) != 0 || x->target != y->target) fail_msg("%s: row %zu: %s %s", what, i, x->id, y->id);
        if (x->record_size != y->record_size || memcmp(x->record, y->record, x->record_size) != 0)
            fail_msg("%s: the graph of %s differs", what, y->id);
    }
}

static void every_format_gives_the_same_rows(void **state) {
    (void)state;
    test_folder f = folder_make();
    toy *toys = make_toys();
    write_all(&f, toys);
    rcr_dataset_options o = {.need_target = 1, .graph = rcr_graph_options_default()};
    assert_int_equal(rcr_pool_create(&o.pool, 3, NULL), RCR_OK);
    rcr_dataset *want = read_good(folder_path(&f, files[0]), &o);
    assert_int_equal(want->n, N);
    for (size_t k = 1; k < sizeof files / sizeof *files; k++) {
        rcr_dataset *d = read_good(folder_path(&f, files[k]), &o);
        expect_equal(want, d, files[k]);
        rcr_dataset_free(d);
    }
    rcr_dataset_free(want);
    rcr_pool_free(o.pool);
    free(toys);
    folder_remove(&f);
}

/* A store, and training data, made of crystals of which only a few fit into memory at a time. */
static void crystals_are_read_again(void **state) {
    (void)state;
    test_folder f = folder_make();
    toy *toys = make_toys();
    write_all(&f, toys);
    rcr_dataset_options o = {.need_target = 1, .graph = rcr_graph_options_default()};
    rcr_prepare_options p = {.graph = rcr_graph_options_default(), .keep_bytes = 4000};
    assert_int_equal(rcr_pool_create(&o.pool, 3, NULL), RCR_OK);
    p.pool = o.pool;
    rcr_dataset *want = read_good(folder_path(&f, files[0]), &o);
    for (size_t k = 0; k + 1 < sizeof files / sizeof *files; k++) {
        rcr_prepare_result result;
        rcr_error err;
        char store[64];
        o.keep_bytes = 1;
        rcr_dataset *d = read_good(folder_path(&f, files[k]), &o);
        expect_equal(want, d, files[k]);
        rcr_dataset_free(d);
        snprintf(store, sizeof store, "%zu.store", k);
        if (rcr_prepare(&result, folder_path(&f, files[k]), folder_path(&f, store), &p, &err) != RCR_OK)
            fail_msg("%s: %s", files[k], err.message);
        assert_int_equal(result.n_good, N);
        o.keep_bytes = 0;
        o.target = strcmp(files[k], "optimade.json") == 0 ? "_x_y" : "y";
        d = read_good(folder_path(&f, store), &o);
        expect_equal(want, d, store);
        rcr_dataset_free(d);
        o.target = NULL;
    }
    rcr_dataset_free(want);
    rcr_pool_free(o.pool);
    free(toys);
    folder_remove(&f);
}

static void read_bad(const char *path, const rcr_dataset_options *o, rcr_status status, const char *message) {
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    if (rcr_dataset_read(&d, path, o, &err) != status)
        fail_msg("%s: %s, %s", path, rcr_status_name(err.status), err.message);
    if (strstr(err.message, message) == NULL) fail_msg("'%s' is not in: %s", message, err.message);
}

#define IRON "{\"lattice\": [[4,0,0],[0,4,0],[0,0,4]], \"species\": [\"Fe\"], \"frac\": [[0,0,0]]}"

static void targets_are_chosen_by_name(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_dataset_options o = {.need_target = 1, .graph = rcr_graph_options_default()};
    folder_write(&f, "a.json",
                 "[{\"structure\": " IRON ", \"e\": 1, \"note\": \"x\"},\n{\"structure\": " IRON
                 ", \"gap\": null, \"e\": 2},\n"
                 "{\"structure\": {}},\n{\"structure\": " IRON ", \"gap\": 0.5, \"e\": \"high\", \"id\": \"w\"}]");
    const char *path = folder_path(&f, "a.json");
    read_bad(path, &o, RCR_ERR_ARGUMENT, "choose one of the keys as the target (--target NAME): e, gap");
    o.target = "egap";
    read_bad(path, &o, RCR_ERR_ARGUMENT,
             "no structure has a value for the target \"egap\"; keys with numbers are: e, gap");
    o.target = "gap";
    rcr_dataset *d = NULL;
    assert_int_equal(rcr_dataset_read(&d, path, &o, NULL), RCR_OK);
    assert_true(d->n == 1 && d->n_bad == 3 && d->sample[0].row == 3);
    assert_string_equal(d->sample[0].id, "w");
    assert_string_equal(d->bad[1].id, "a-2");
    assert_string_equal(d->bad[1].error.file, "a.json");
    assert_int_equal(d->bad[1].error.line, 2);
    assert_non_null(strstr(d->bad[1].error.message, "no value for target \"gap\""));
    assert_int_equal(d->bad[2].error.line, 3);
    rcr_dataset_free(d);
    o.target = "e";
    assert_int_equal(rcr_dataset_read(&d, path, &o, NULL), RCR_OK);
    assert_true(d->n == 2 && d->n_bad == 2);
    assert_non_null(strstr(d->bad[1].error.message, "\"high\" for target \"e\" is not a number"));
    rcr_dataset_free(d);
    o = (rcr_dataset_options){.graph = rcr_graph_options_default()};
    assert_int_equal(rcr_dataset_read(&d, path, &o, NULL), RCR_OK);
    assert_true(d->n == 3 && isnan(d->sample[0].target));
    rcr_dataset_free(d);
    o.need_target = 1;
    /* Words for two classes are numbers here as in stores. */
    folder_write(&f, "t.json",
                 "[{\"structure\": " IRON ", \"stable\": true}, {\"structure\": " IRON ", \"stable\": false}]");
    assert_int_equal(rcr_dataset_read(&d, folder_path(&f, "t.json"), &o, NULL), RCR_OK);
    assert_true(d->n == 2 && d->sample[0].target == 1 && d->sample[1].target == 0);
    rcr_dataset_free(d);
    folder_write(&f, "b.json", "[" IRON "]");
    read_bad(folder_path(&f, "b.json"), &o, RCR_ERR_DATA, "have no number for a target");
    folder_write(&f, "c.json", "[{\"structure\": {}}]");
    read_bad(folder_path(&f, "c.json"), &o, RCR_ERR_DATA, "none of the 1 rows can be used");
    folder_write(&f, "d.json", "[{\"structure\": {}}, ");
    read_bad(folder_path(&f, "d.json"), &o, RCR_ERR_DATA, "none of the 2 rows can be used");
    folder_remove(&f);
}

/* Errors name a file as it lies in its folder or archive. */
static void folders_of_files(void **state) {
    (void)state;
    test_folder f = folder_make();
    rcr_dataset_options o = {.need_target = 1, .graph = rcr_graph_options_default()};
    folder_write(&f, "train.jsonl", "{\"structure\": " IRON ", \"e\": 1}\n{\"structure\": " IRON ", \"e\": 2}\n");
    folder_write(&f, "val.jsonl", "{\"structure\": {}, \"e\": 1}\n");
    rcr_dataset *d;
    assert_int_equal(rcr_dataset_read(&d, f.path, &o, NULL), RCR_OK);
    assert_true(d->n == 2 && d->n_bad == 1);
    assert_string_equal(d->sample[1].id, "train-2");
    assert_string_equal(d->bad[0].id, "val");
    assert_string_equal(d->bad[0].error.file, "val.jsonl");
    rcr_dataset_free(d);
    folder_remove(&f);
}

/* Matbench's phonons: every row, its id and its target as in the JSON itself. */
static void matbench_phonons(void **state) {
    (void)state;
    REQUIRE_SHARED();
    rcr_dataset_options o = {.need_target = 1, .graph = rcr_graph_options_default()};
    rcr_dataset *d = read_good(shared_path("data/matbench_phonons.json.gz"), &o);
    assert_int_equal(d->n, 1265);
    assert_string_equal(d->target, "last phdos peak");
    rcr_unpacker *u;
    char *text, id[32];
    size_t length;
    assert_int_equal(rcr_unpacker_open(&u, shared_path("data/matbench_phonons.json.gz"), NULL), RCR_OK);
    assert_int_equal(rcr_unpacker_rest(&text, &length, u, 1 << 30, NULL), RCR_OK);
    rcr_unpacker_free(u);
    json_t *root = json_loadb(text, length, 0, NULL);
    assert_non_null(root);
    for (size_t i = 0; i < d->n; i++) {
        const json_t *row = json_array_get(json_object_get(root, "data"), i);
        snprintf(id, sizeof id, "mb-phonons-%04zu", i + 1);
        assert_string_equal(d->sample[i].id, id);
        assert_true(d->sample[i].target == json_real_value(json_array_get(row, 1)));
        assert_int_equal(d->sample[i].n_atoms, json_array_size(json_object_get(json_array_get(row, 0), "sites")));
    }
    json_decref(root);
    rcr_free(text);
    rcr_dataset_free(d);
}

/* Frames have the hash that they had before there was one reader for all formats. */
static void frames_are_what_they_were(void **state) {
    (void)state;
    rcr_dataset_options o = {.graph = rcr_graph_options_default()};
    char path[1024];
    snprintf(path, sizeof path, "%s/data/demo/alloys.extxyz", getenv("RECRYST_SOURCE"));
    rcr_dataset *d = read_good(path, &o);
    assert_int_equal(d->n, 1500);
    assert_string_equal(d->sha256, "5b10b64ecbcd3a4b7a4692540cc54d3219ad3c77c3109b63c7d050b85d42562f");
    rcr_dataset_free(d);
}

/* Two files in one archive, test before train by their names. */
static void nomad_frames(void **state) {
    (void)state;
    REQUIRE_SHARED();
    rcr_dataset_options o = {.need_target = 1, .target = "formation_energy", .graph = rcr_graph_options_default()};
    rcr_dataset *d = read_good(shared_path("data/nomad2018.tar.zst"), &o);
    assert_int_equal(d->n, 3000);
    assert_string_equal(d->sample[599].id, "test-600");
    assert_string_equal(d->sample[600].id, "train-1");
    rcr_dataset_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_gives_the_same_rows),
        cmocka_unit_test(crystals_are_read_again),
        cmocka_unit_test(targets_are_chosen_by_name),
        cmocka_unit_test(folders_of_files),
        cmocka_unit_test(matbench_phonons),
        cmocka_unit_test(frames_are_what_they_were),
        cmocka_unit_test(nomad_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
