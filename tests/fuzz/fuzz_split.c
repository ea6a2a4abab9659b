/* What chooses rows of a dataset: the file of a split (after a first byte that is even), or the list of ids of evaluate
 * --ids (odd).  The command's reader of the latter is compiled here: fuzz targets are linked with the library alone. */
#include "fuzz/folder.h"

#include "cli/evaluate_ids.c" /* NOLINT(bugprone-suspicious-include) */
#include "data/split.h"

static rcr_dataset *dataset;

static void forget(void) { rcr_dataset_free(dataset); }

/* Twelve rows that can be used, and one that can't. */
static void make(void) {
    static const char more[] = "id,energy\ntoy-0,1\ntoy-1,2\n\"toy-2\",3\nlost,4\ntoy-3,5\ntoy-4,6\ntoy-5,7\ntoy-6,8\n"
                               "toy-7,9\ntoy-8,10\ntoy-9,11\ntoy-10,12\ntoy-11,13\n";
    rcr_error err = {0};
    fuzz_make_folder();
    fuzz_make_data();
    fuzz_put("data/id_prop.csv", more, strlen(more));
    rcr_train_options usual = fuzz_train_options();
    rcr_dataset_options options = {.target = "energy", .need_target = 1, .graph = usual.graph};
    fuzz_check(rcr_dataset_read(&dataset, fuzz_path("data"), &options, &err), &err);
    if (dataset->n != FUZZ_CRYSTALS || dataset->n_bad != 1) fuzz_fail("the dataset is not what it should be");
    if (atexit(forget) != 0) fuzz_fail("no memory");
}

/* Rows of the dataset, in its order, none of them seen before. */
static void check_part(const int64_t *index, size_t n, uint8_t seen[FUZZ_CRYSTALS]) {
    if (n == 0) fuzz_fail("an empty part");
    for (size_t i = 0; i < n; i++) {
        if (index[i] < 0 || index[i] >= FUZZ_CRYSTALS || (i > 0 && index[i] <= index[i - 1]) || seen[index[i]]++)
            fuzz_fail("a row that is none, out of order, or twice");
    }
}

static void check_split(const char *path) {
    rcr_split_options options = rcr_split_options_default();
    rcr_split split = {0};
    rcr_error err = {0};
    uint8_t seen[FUZZ_CRYSTALS] = {0};
    options.kind = RCR_SPLIT_FILE;
    options.file = path;
    if (rcr_split_make(&split, dataset, &options, &err) == RCR_OK) {
        check_part(split.train, split.n_train, seen);
        check_part(split.val, split.n_val, seen);
        check_part(split.test, split.n_test, seen);
    } else if (err.message[0] == '\0' || split.train != NULL) {
        fuzz_fail("a failure without a reason, or with a split");
    }
    rcr_split_free(&split);
}

static void check_ids(const char *path) {
    int64_t *index = NULL;
    size_t n = 0, n_absent = 0;
    rcr_error err = {0};
    uint8_t seen[FUZZ_CRYSTALS] = {0};
    if (rcr_rows_of_ids(&index, &n, &n_absent, dataset, path, &err) == RCR_OK)
        check_part(index, n, seen);
    else if (err.message[0] == '\0' || index != NULL)
        fuzz_fail("a failure without a reason, or with rows");
    rcr_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (dataset == NULL) make();
    if (size == 0) return 0;
    fuzz_put("list", data + 1, size - 1);
    if (data[0] % 2 == 0)
        check_split(fuzz_path("list"));
    else
        check_ids(fuzz_path("list"));
    return 0;
}
