/* How much memory a dataset and a training run hold at most, counted in the allocations themselves, so that the figures
 * do not depend on the machine.  The linker sends every allocation of the library through the counters here
 * (tests/CMakeLists.txt: --wrap); what other libraries allocate is not counted. */
#include "train/toy.h"

#include <malloc.h>
#include <stdatomic.h>

#include "base/threads.h"
#include "io/archive.h"

/* ---------------------------------------------------------------- counting */

static atomic_llong live, peak;

static void count(long long bytes) {
    long long now = atomic_fetch_add(&live, bytes) + bytes, before = atomic_load(&peak);
    while (now > before && !atomic_compare_exchange_weak(&peak, &before, now)) {
    }
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *block, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *block);

static void *counted(void *block) {
    if (block != NULL) count((long long)malloc_usable_size(block));
    return block;
}
void *__wrap_malloc(size_t size) { return counted(__real_malloc(size)); }
void *__wrap_calloc(size_t n, size_t size) { return counted(__real_calloc(n, size)); }
void *__wrap_aligned_alloc(size_t alignment, size_t size) { return counted(__real_aligned_alloc(alignment, size)); }
void *__wrap_realloc(void *block, size_t size) {
    long long before = block != NULL ? (long long)malloc_usable_size(block) : 0;
    void *grown = __real_realloc(block, size);
    if (grown != NULL) count((long long)malloc_usable_size(grown) - before);
    return grown;
}
void __wrap_free(void *block) {
    if (block != NULL) count(-(long long)malloc_usable_size(block));
    __real_free(block);
}

/* Forget the peak so far; what lives now. */
static long long begin(void) {
    long long now = atomic_load(&live);
    atomic_store(&peak, now);
    return now;
}
static double megabytes(long long bytes) { return (double)bytes / 1e6; }

/* ---------------------------------------------------------------- what must hold */

static const char *demo(void) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/data/demo/alloys.tar.zst", getenv("RECRYST_SOURCE"));
    return path;
}

static long long unpacked_size(void) {
    rcr_folder *folder;
    const char *const *name;
    size_t n;
    long long sum = 0;
    rcr_error err;
    assert_ok(rcr_folder_open(&folder, demo(), &err), &err);
    assert_ok(rcr_folder_list(&name, &n, folder, &err), &err);
    for (size_t i = 0; i < n; i++) {
        char *text;
        size_t length;
        assert_ok(rcr_folder_read(&text, &length, folder, name[i], &err), &err);
        sum += (long long)length;
        rcr_free(text);
    }
    rcr_folder_free(folder);
    return sum;
}

/* While it is read: the unpacked files and the records beside them, each once.  Afterwards: the records alone. */
static void dataset_holds_its_records(void **state) {
    (void)state;
    long long files = unpacked_size();
    rcr_error err;
    rcr_dataset_options options = {
        .target = "formation_energy", .need_target = 1, .graph = rcr_graph_options_default()};
    assert_ok(rcr_pool_create(&options.pool, 4, &err), &err);
    long long start = begin();
    rcr_dataset *dataset;
    assert_ok(rcr_dataset_read(&dataset, demo(), &options, &err), &err);
    long long held = atomic_load(&live) - start, most = atomic_load(&peak) - start, records = 0;
    for (size_t i = 0; i < dataset->n; i++)
        records += (long long)(dataset->sample[i].record_size + strlen(dataset->sample[i].id) + 1);
    long long table = (long long)(dataset->n * sizeof *dataset->sample);
    print_message("%zu crystals: files %.2f MB, records %.2f MB, table %.2f MB; at most %.2f MB, held %.2f MB\n",
                  dataset->n, megabytes(files), megabytes(records), megabytes(table), megabytes(most), megabytes(held));
    assert_true(held < 1.1 * (double)(records + table) + 1e5);
    /* Blocks of 4 MiB hold the files, and each of four threads works on one crystal. */
    assert_true(most < 1.1 * (double)files + (4 << 20) + 1.1 * (double)(records + 4 * table) + 2e6);
    rcr_dataset_free(dataset);
    rcr_pool_free(options.pool);
    assert_true(atomic_load(&live) - start < 1000);
}

/* A run holds the dataset and what one batch needs; evaluation and the parts' predictions add little. */
static void training_holds_one_batch(void **state) {
    rcr_error err;
    rcr_train_options options = rcr_train_options_default();
    options.target = "formation_energy";
    options.epochs = 1;
    options.n_threads = 4;
    options.kernels = "base";
    options.split.train_size = 512;
    options.split.val_size = 200;
    options.split.test_size = 200;
    long long start = begin();
    rcr_train_result result;
    assert_ok(rcr_train(&result, demo(), toy_path(*state, "run"), &options, NULL, &err), &err);
    long long most = atomic_load(&peak) - start;
    print_message("training: at most %.2f MB\n", megabytes(most));
    /* Two thirds of it is scratch for the widest model in every thread, of which most pages are never touched. */
    assert_true(most > 1e7);
    assert_true(most < 1e8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dataset_holds_its_records),
        cmocka_unit_test_setup_teardown(training_holds_one_batch, toy_setup, toy_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
