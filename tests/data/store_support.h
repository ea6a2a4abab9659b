/* For the tests of graph stores: small datasets, and a comparison of what a store gives with what its files give. */
#ifndef RCR_TESTS_DATA_STORE_SUPPORT_H
#define RCR_TESTS_DATA_STORE_SUPPORT_H

#include "support/folder.h"

#include <math.h>

#include "data/prepare.h"

/* A cubic cell of four atoms, two of each element. */
static inline const char *cif(const char *a, const char *b, const char *length) {
    char sites[200];
    snprintf(sites, sizeof sites, "%s1 %s 0 0 0\n%s2 %s 0.5 0.5 0\n%s3 %s 0.5 0 0.5\n%s4 %s 0 0.5 0.5\n", a, a, a, a, b,
             b, b, b);
    return cubic_cif(length, sites);
}

/* Good rows and every kind of bad one, three targets of which one is text. */
static inline void write_table(const test_folder *f) {
    folder_write(f, "id_prop.csv",
                 "id,gap,energy,formula\ncu,1.5,-1,Cu\nal,,2,Al\nmissing,2,3,x\nbroken,3,4,x\ncu,4,5,Cu\nmd,5,6,Md\n"
                 "word,abc,7,x\nlong,0,1,2,3\n,7,8,x\nau,true,-2e-1,Au\nni,nan,1e-300,Ni\nag,0.25,,Ag\n");
    folder_write(f, "cu.cif", cif("Cu", "Cu", "3.6"));
    folder_write(f, "al.cif", cif("Al", "Ni", "4.05"));
    folder_write(f, "md.cif", cif("Md", "Cu", "5"));
    folder_write(f, "au.cif", cif("Au", "Cu", "4"));
    folder_write(f, "ni.cif", cif("Ni", "Ni", "3.5"));
    folder_write(f, "ag.cif", cif("Ag", "Pt", "4.1"));
    folder_write(f, "broken.cif", "this is no CIF\n");
}

static inline rcr_prepare_options preparing(void) {
    return (rcr_prepare_options){.graph = rcr_graph_options_default()};
}

static inline rcr_prepare_result prepare(const char *data, const char *store, const rcr_prepare_options *o) {
    rcr_prepare_result result;
    rcr_error err = {0};
    if (rcr_prepare(&result, data, store, o, &err) != RCR_OK) fail_msg("%s: %s", err.file, err.message);
    return result;
}

static inline void refuse(const char *data, const char *store, const rcr_prepare_options *o, rcr_status status,
                          const char *message) {
    rcr_prepare_result result;
    rcr_error err = {0};
    if (rcr_prepare(&result, data, store, o, &err) != status)
        fail_msg("%s: %s", rcr_status_name(err.status), err.message);
    if (strstr(err.message, message) == NULL) fail_msg("'%s' is not in: %s", message, err.message);
}

static inline void expect_same(const rcr_dataset *a, const rcr_dataset *b) {
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->target, b->target);
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->n_bad, b->n_bad);
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->elements != NULL, b->elements != NULL);
    for (size_t i = 0; i < a->n; i++) {
        const rcr_sample *x = &a->sample[i], *y = &b->sample[i];
        assert_string_equal(x->id, y->id);
        assert_int_equal(x->row, y->row);
        assert_true(x->target == y->target || (isnan(x->target) && isnan(y->target)));
        assert_true(x->weight == y->weight);
        assert_true(x->n_atoms == y->n_atoms && x->n_edges == y->n_edges);
        assert_int_equal(x->record_size, y->record_size);
        assert_memory_equal(x->record, y->record, x->record_size);
    }
    for (size_t i = 0; i < a->n_bad; i++) {
        const rcr_bad_row *x = &a->bad[i], *y = &b->bad[i];
        assert_string_equal(x->id, y->id);
        assert_int_equal(x->row, y->row);
        assert_int_equal(x->error.status, y->error.status);
        assert_string_equal(x->error.file, y->error.file);
        assert_int_equal(x->error.line, y->error.line);
        assert_string_equal(x->error.message, y->error.message);
    }
}

/* Read both and compare, errors included (their place is the store's name then). */
static inline void expect_alike(const char *files, const char *store, const rcr_dataset_options *o) {
    rcr_dataset *a = NULL, *b = NULL;
    rcr_error x = {0}, y = {0};
    rcr_status status = rcr_dataset_read(&a, files, o, &x);
    if (rcr_dataset_read(&b, store, o, &y) != status) fail_msg("files: %s; store: %s", x.message, y.message);
    if (status == RCR_OK)
        expect_same(a, b);
    else if (status == RCR_ERR_DATA)
        assert_string_equal(x.message, y.message);
    rcr_dataset_free(a);
    rcr_dataset_free(b);
}

/* n rows, every seventh without a file. */
static inline void write_many(const test_folder *f, int n) {
    char *table = calloc(64, (size_t)n + 1), name[32];
    size_t at = (size_t)sprintf(table, "id,e\n");
    for (int i = 0; i < n; i++) {
        at += (size_t)sprintf(table + at, "m%d,%d\n", i, i);
        snprintf(name, sizeof name, "m%d.cif", i);
        if (i % 7 != 3) folder_write(f, name, cif(i % 2 ? "Cu" : "Al", i % 3 ? "Ni" : "Au", i % 5 ? "3.6" : "4"));
    }
    folder_write(f, "id_prop.csv", table);
    free(table);
}

#endif
