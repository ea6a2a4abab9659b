/* A small dataset of made-up cubic crystals in CGCNN's layout, and a folder for each test. */
#ifndef RCR_TESTS_TRAIN_TOY_H
#define RCR_TESTS_TRAIN_TOY_H

#include "support/check.h"

#include <dirent.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "train/train.h"

/* Remove what a folder holds, two levels deep, and the folder. */
static inline void toy_remove(const char *folder, int depth) {
    DIR *listing = opendir(folder);
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        char path[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(path, sizeof path, "%.200s/%.255s", folder, entry->d_name);
        if (depth > 0 && rcr_is_directory(path))
            toy_remove(path, depth - 1);
        else
            remove(path);
    }
    if (listing != NULL) closedir(listing);
    remove(folder);
}

/* Paths made by toy_path, freed with the folder. */
enum { TOY_MAX_PATHS = 256 };
static char *toy_paths[TOY_MAX_PATHS];
static int toy_n_paths;

/* "folder/name", valid until the teardown. */
static inline char *toy_path(const char *folder, const char *name) {
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    assert_non_null(path);
    assert_true(toy_n_paths < TOY_MAX_PATHS);
    sprintf(path, "%s/%s", folder, name);
    return toy_paths[toy_n_paths++] = path;
}

static inline int toy_setup(void **state) {
    char *folder = malloc(64);
    snprintf(folder, 64, "/tmp/rcr-train-XXXXXX");
    *state = mkdtemp(folder);
    return *state == NULL;
}

static inline int toy_teardown(void **state) {
    if (getenv("RCR_KEEP_RUNS") == NULL) toy_remove(*state, 2);
    free(*state);
    while (toy_n_paths > 0) free(toy_paths[--toy_n_paths]);
    return 0;
}

static inline void toy_write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* The lattice constant of crystal i, angstrom; class 1 is above 3.8. */
static inline double toy_lattice(int i) { return 3.2 + 0.013 * (i * 37 % 100); }

/* n crystals, columns energy (a smooth function of species and lattice), big (0 or 1) and stiff (a positive function
 * of the lattice, empty in one row of three).  Returns folder/data. */
static inline char *toy_data(const char *folder, int n) {
    static const char *const symbols[] = {"Na", "Mg", "Al", "Si", "Ti", "Fe", "Cu", "Zn", "Ge", "Ag"};
    static const double sites[4][3] = {{0, 0, 0}, {0.5, 0.5, 0}, {0.5, 0, 0.5}, {0, 0.5, 0.5}};
    char *data = toy_path(folder, "data"), path[600];
    assert_int_equal(mkdir(data, 0777), 0);
    snprintf(path, sizeof path, "%s/id_prop.csv", data);
    FILE *table = fopen(path, "wb");
    assert_non_null(table);
    fprintf(table, "id,energy,big,stiff\n");
    for (int i = 0; i < n; i++) {
        int first = i * 7 % 10, second = i * 3 % 10, n_sites = 1 << (i % 3);
        double a = toy_lattice(i), species = n_sites == 1 ? first : 0.5 * (first + second);
        double energy = 0.2 * species + 1.5 * (a - 3.8);
        fprintf(table, "toy-%d,%.6f,%d,", i, energy, a > 3.8);
        if (i % 3 != 1) fprintf(table, "%.6f", exp(6 - a));
        fprintf(table, "\n");
        snprintf(path, sizeof path, "%s/toy-%d.cif", data, i);
        FILE *cif = fopen(path, "wb");
        assert_non_null(cif);
        fprintf(cif, "data_toy\n_cell_length_a %.4f\n_cell_length_b %.4f\n_cell_length_c %.4f\n", a, a, a);
        fprintf(cif, "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
                     "_symmetry_space_group_name_H-M 'P 1'\nloop_\n_atom_site_label\n_atom_site_type_symbol\n"
                     "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n");
        for (int s = 0; s < n_sites; s++)
            fprintf(cif, "X%d %s %.3f %.3f %.3f\n", s, symbols[s % 2 ? second : first], sites[s][0], sites[s][1],
                    sites[s][2]);
        fclose(cif);
    }
    fclose(table);
    return data;
}

/* Small and quick; everything random is on. */
static inline rcr_train_options toy_options(rcr_task_kind task) {
    rcr_train_options options = rcr_train_options_default();
    options.model.task = task;
    options.model.depth = 2;
    options.model.gate = 1;
    options.model.layer_norm = 1;
    options.model.atom_features = 12;
    options.model.hidden = 16;
    options.model.hidden_layers = 2;
    options.target = task == RCR_REGRESSION ? "energy" : "big";
    options.unit = task == RCR_REGRESSION ? "eV" : "";
    options.epochs = 6;
    options.batch_size = 16;
    options.lr = 0.01;
    options.n_milestones = 1;
    options.milestone[0] = 4;
    options.n_threads = 2;
    return options;
}

/* A file's bytes; free with rcr_free. */
static inline char *toy_read(const char *folder, const char *name, size_t *length) {
    char *text = NULL;
    rcr_error err = {0};
    rcr_status status = rcr_file_read(&text, length, toy_path(folder, name), (size_t)1 << 30, &err);
    if (status != RCR_OK) print_message("%s: %s\n", name, err.message);
    assert_int_equal(status, RCR_OK);
    return text;
}

static inline void assert_ok(rcr_status status, const rcr_error *err) {
    if (status != RCR_OK) print_message("%s: %s\n", err->file, err->message);
    assert_int_equal(status, RCR_OK);
}

/* Training with these options fails with this status, and the error says so. */
static inline void toy_refused(const char *data, const char *folder, const rcr_train_options *options,
                               rcr_status status, const char *says) {
    rcr_train_result result = {0};
    rcr_error err = {0};
    rcr_status got = rcr_train(&result, data, toy_path(folder, "refused"), options, NULL, &err);
    if (got != status || strstr(err.message, says) == NULL) fail_msg("%s: %s", rcr_status_name(got), err.message);
}

/* As context of the events, with toy_count_batch: stops a run after so many batches. */
typedef struct toy_stopper {
    int batches_left;
    atomic_int stop;
} toy_stopper;

static inline void toy_count_batch(void *context, int32_t epoch, int32_t batch, int32_t n_batches, size_t crystals) {
    toy_stopper *s = context;
    (void)epoch;
    (void)batch;
    (void)n_batches;
    (void)crystals;
    if (--s->batches_left == 0) atomic_store(&s->stop, 1);
}

#endif
