/* For targets of what is read from folders: one that lies in memory where the system has such a place, with a tiny
 * dataset in it.  Nothing here depends on the machine, so that seeds made on one fit the data of another. */
#ifndef RCR_TESTS_FUZZ_FOLDER_H
#define RCR_TESTS_FUZZ_FOLDER_H

#include "fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/train.h"

static char fuzz_folder[64];

static inline void fuzz_remove_tree(const char *path, int depth) {
    DIR *listing = depth > 0 ? opendir(path) : NULL;
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        char inside[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(inside, sizeof inside, "%.200s/%.255s", path, entry->d_name);
        fuzz_remove_tree(inside, depth - 1);
    }
    if (listing != NULL) closedir(listing);
    remove(path);
}

/* A target that fails leaves its folder, which is small. */
static inline void fuzz_remove_folder(void) {
    if (fuzz_folder[0] != '\0') fuzz_remove_tree(fuzz_folder, 4);
}

static inline void fuzz_make_folder(void) {
    strcpy(fuzz_folder, access("/dev/shm", W_OK) == 0 ? "/dev/shm/rcr-fuzz-XXXXXX" : "/tmp/rcr-fuzz-XXXXXX");
    if (mkdtemp(fuzz_folder) == NULL || atexit(fuzz_remove_folder) != 0) fuzz_fail("no folder");
}

/* FOLDER/name; valid until the next but three. */
static inline const char *fuzz_path(const char *name) {
    static char path[4][256];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", fuzz_folder, name);
    return path[next];
}

static inline void fuzz_put(const char *name, const void *bytes, size_t length) {
    FILE *file = fopen(fuzz_path(name), "wb");
    if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) fuzz_fail("can't write a file");
}

static inline void fuzz_subfolder(const char *name) {
    if (mkdir(fuzz_path(name), 0777) != 0) fuzz_fail("no subfolder");
}

enum { FUZZ_CRYSTALS = 12 };

/* FOLDER/data: crystals toy-0 to toy-11 of one or two atoms, element vectors of two numbers, and two targets. */
static inline void fuzz_make_data(void) {
    static const char elements[] = "{\"11\": [1, 0], \"17\": [0, 1]}";
    char table[1024] = "id,energy,gap\n", name[64], cif[512];
    fuzz_subfolder("data");
    fuzz_put("data/atom_init.json", elements, strlen(elements));
    for (int i = 0; i < FUZZ_CRYSTALS; i++) {
        double a = 3 + 0.125 * (i * 5 % 12);
        snprintf(table + strlen(table), sizeof table - strlen(table), "toy-%d,%g,%g\n", i, 0.5 * a, a * a);
        snprintf(name, sizeof name, "data/toy-%d.cif", i);
        snprintf(cif, sizeof cif,
                 "data_toy\n_cell_length_a %g\n_cell_length_b %g\n_cell_length_c %g\n_cell_angle_alpha 90\n"
                 "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_type_symbol\n_atom_site_fract_x\n"
                 "_atom_site_fract_y\n_atom_site_fract_z\nNa 0 0 0\n%s",
                 a, a, a, i % 2 ? "Cl 0.5 0.5 0.5\n" : "");
        fuzz_put(name, cif, strlen(cif));
    }
    fuzz_put("data/id_prop.csv", table, strlen(table));
}

/* A network of a few dozen weights, which kernels of every machine train alike. */
static inline rcr_train_options fuzz_train_options(void) {
    rcr_train_options options = rcr_train_options_default();
    options.graph.radius = 4;
    options.graph.max_neighbors = 4;
    options.graph.step = 2;
    options.model.depth = 2;
    options.model.atom_features = 2;
    options.model.hidden = 2;
    options.model.hidden_layers = 1;
    options.target = "energy";
    options.split.val_ratio = 0.25;
    options.split.test_ratio = 0.25;
    options.epochs = 3;
    options.batch_size = 4;
    options.n_threads = 1;
    options.kernels = "ref";
    return options;
}

static inline void fuzz_check(rcr_status status, const rcr_error *err) {
    if (status == RCR_OK) return;
    fprintf(stderr, "%s: %s\n", err->file, err->message);
    fuzz_fail("what every input needs can't be made");
}

#endif
