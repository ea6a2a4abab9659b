/* The 414 crystals of the reference graphs, read from their files: the same lattice metric, elements and positions as
 * pymatgen's. */
#include "support/check.h"

#include <jansson.h>
#include <math.h>

#include "base/file.h"
#include "io/archive.h"
#include "io/structure.h"
#include "model/safetensors.h"

static double metric(const double l[9], int i, int j) {
    return l[3 * i] * l[3 * j] + l[3 * i + 1] * l[3 * j + 1] + l[3 * i + 2] * l[3 * j + 2];
}

typedef struct tensors {
    const rcr_st_tensor *offset, *number, *frac, *lattice;
} tensors;

static void check_crystal(const rcr_crystal *crystal, const tensors *t, size_t k) {
    double theirs[9], ours[9];
    for (size_t i = 0; i < 9; i++) {
        theirs[i] = rcr_st_value(t->lattice, 9 * k + i);
        ours[i] = crystal->lattice[i / 3][i % 3];
    }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (fabs(metric(ours, i, j) - metric(theirs, i, j)) > 1e-9)
                fail_msg("%s: metric %d %d: %.12g, not %.12g", crystal->id, i, j, metric(ours, i, j),
                         metric(theirs, i, j));
    size_t first = (size_t)rcr_st_value(t->offset, k), n = (size_t)rcr_st_value(t->offset, k + 1) - first;
    if ((size_t)crystal->n_sites != n) fail_msg("%s: %d sites, not %zu", crystal->id, (int)crystal->n_sites, n);
    char *taken = calloc(n, 1);
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        for (; j < n; j++) {
            double worst = 0;
            for (size_t c = 0; c < 3; c++) {
                double d = crystal->frac[i][c] - rcr_st_value(t->frac, 3 * (first + j) + c);
                worst = check_worse(worst, fabs(d - round(d)));
            }
            if (!taken[j] && worst < 1e-10 && crystal->atomic_number[i] == rcr_st_value(t->number, first + j)) break;
        }
        if (j == n) fail_msg("%s: site %zu has no match", crystal->id, i);
        taken[j] = 1;
    }
    free(taken);
}

static void files_give_the_reference_crystals(void **state) {
    (void)state;
    REQUIRE_SHARED();
    char *bytes, name[512];
    size_t length;
    rcr_error err;
    rcr_safetensors *file;
    rcr_folder *many, *few;
    assert_int_equal(rcr_file_read(&bytes, &length, shared_path("reference/graphs.safetensors"), 1 << 28, &err),
                     RCR_OK);
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, &err), RCR_OK);
    assert_int_equal(rcr_folder_open(&many, shared_path("data/mp-formation-energy.tar.zst"), &err), RCR_OK);
    assert_int_equal(rcr_folder_open(&few, shared_path("reference/structures"), &err), RCR_OK);
    tensors t = {rcr_safetensors_find(file, "atom_offset"), rcr_safetensors_find(file, "atomic_number"),
                 rcr_safetensors_find(file, "frac_coord"), rcr_safetensors_find(file, "lattice")};
    json_t *ids = json_loads(rcr_safetensors_meta(file, "ids"), 0, NULL);
    assert_int_equal(json_array_size(ids), 414);
    for (size_t k = 0; k < json_array_size(ids); k++) {
        char *text;
        rcr_crystal *crystal;
        snprintf(name, sizeof name, "%s.cif", json_string_value(json_array_get(ids, k)));
        const rcr_folder *folder = rcr_folder_has(few, name) ? few : many;
        if (rcr_folder_read(&text, &length, folder, name, &err) != RCR_OK) fail_msg("%s: %s", name, err.message);
        if (rcr_structure_parse(&crystal, name, text, length, &err) != RCR_OK) fail_msg("%s: %s", name, err.message);
        check_crystal(crystal, &t, k);
        rcr_crystal_free(crystal);
        free(text);
    }
    json_decref(ids);
    rcr_folder_free(many);
    rcr_folder_free(few);
    rcr_safetensors_free(file);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_give_the_reference_crystals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
