/* last.ckpt of a training run, which otherwise its checksum would shield: what parses is given a right one and is
 * restored into a run on a tiny dataset.  An input is a whole file, or "edit" and changes to the file of a run that is
 * made at the start, so that seeds outlive changes of the settings: an option's text, or a value of a tensor. */
#include "fuzz/folder.h"

#include "base/file.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "train/begin.h"
#include "train/checkpoint.h"
#include "train/ensemble.h"

static char *good; /* the checkpoint of the run that is made at the start: two of three epochs */
static size_t good_length;
static rcr_dataset *dataset;
static size_t n_restored;
static rcr_train_options usual;

/* ---- what is made once */

static int batches_left;
static atomic_int stop;
static void count_batch(void *context, int32_t epoch, int32_t batch, int32_t n_batches, size_t crystals) {
    (void)context, (void)epoch, (void)batch, (void)n_batches, (void)crystals;
    if (--batches_left == 0) atomic_store(&stop, 1);
}

static void forget(void) {
    rcr_dataset_free(dataset);
    rcr_free(good);
}

static void make(void) {
    rcr_train_events events = {.batch_done = count_batch, .stop = &stop};
    rcr_train_result result;
    rcr_error err = {0};
    fuzz_make_folder();
    fuzz_make_data();
    usual = fuzz_train_options();
    rcr_train_options options = usual;
    options.average = 0.5;
    batches_left = 5; /* of two an epoch */
    if (rcr_train(&result, fuzz_path("data"), fuzz_path("run"), &options, &events, &err) != RCR_ERR_INTERRUPTED)
        fuzz_fail("the run was not stopped");
    fuzz_check(rcr_file_read(&good, &good_length, fuzz_path("run/last.ckpt"), 1 << 20, &err), &err);
    rcr_dataset_options read = {.target = "energy", .need_target = 1, .graph = usual.graph};
    fuzz_check(rcr_dataset_read(&dataset, fuzz_path("data"), &read, &err), &err);
    if (atexit(forget) != 0) fuzz_fail("no memory");
    LLVMFuzzerTestOneInput((const uint8_t *)"edit", 4);
    if (n_restored != 1) fuzz_fail("the run that is made at the start is not restored");
}

/* ---- an input as a file */

/* Changes to the good checkpoint, each of up to 11 bytes or a text. */
static void edit(rcr_safetensors *file, const char **value, char *bytes, char *text, const uint8_t *data, size_t size) {
    while (size >= 2) {
        size_t which = data[0], n = data[1];
        data += 2, size -= 2;
        if (which >= 128) { /* the value of a setting: n bytes */
            if (n > size) n = size;
            memcpy(text, data, n);
            text[n] = '\0';
            value[(which - 128) % file->n_meta] = text;
            text += n + 1;
            data += n, size -= n;
            continue;
        }
        const rcr_st_tensor *tensor = &file->tensor[which % file->n_tensors];
        if (size < 8) break;
        size_t width = tensor->count > 0 ? rcr_st_bytes(tensor) / tensor->count : 0;
        if (width > 0) memcpy(bytes + ((const char *)tensor->data - bytes) + n % tensor->count * width, data, width);
        data += 8, size -= 8;
    }
}

/* The checkpoint with a right checksum; NULL: the input is none. */
static char *seal(size_t *length, const uint8_t *data, size_t size) {
    rcr_safetensors *file = NULL;
    int is_edit = size >= 4 && memcmp(data, "edit", 4) == 0;
    size_t n = is_edit ? good_length : size;
    char *bytes = rcr_malloc(n + 1, 1), *text = rcr_malloc(size + 2, 1), *sealed = NULL, sum[65];
    if (bytes == NULL || text == NULL) fuzz_fail("no memory");
    memcpy(bytes, is_edit ? (const void *)good : data, n);
    if (rcr_safetensors_parse(&file, bytes, n, NULL) == RCR_OK) {
        const char **value = rcr_calloc(file->n_meta + 1, sizeof *value);
        if (value == NULL) fuzz_fail("no memory");
        for (size_t i = 0; i < file->n_meta; i++) value[i] = file->meta_value[i];
        if (is_edit) edit(file, value, bytes, text, data + 4, size - 4);
        for (size_t i = 0; i < file->n_meta; i++) file->meta_value[i] = value[i];
        if (rcr_checkpoint_checksum(sum, file, NULL) == RCR_OK) {
            for (size_t i = 0; i < file->n_meta; i++)
                if (strcmp(file->meta_key[i], "checksum") == 0) value[i] = sum;
            if (rcr_safetensors_write(&sealed, length, file->tensor, file->n_tensors, file->meta_key, value,
                                      file->n_meta, NULL) != RCR_OK)
                sealed = NULL; /* a text that is not UTF-8 */
        }
        rcr_free(value);
    }
    rcr_safetensors_free(file);
    rcr_free(bytes);
    rcr_free(text);
    return sealed;
}

/* ---- what is read of it */

/* Options that take no more time or memory than those of the good run.  Others are refused or not elsewhere: the
 * options' own check, and the limits of a model. */
static int is_small(const rcr_train_options *o) {
    const rcr_model_options *m = &o->model;
    return o->epochs <= 64 && m->depth <= 4 && m->atom_features <= 8 && m->hidden <= 8 && m->hidden_layers <= 4 &&
           rcr_graph_options_equal(&o->graph, &usual.graph) && o->batch_size <= 64;
}

static void check_model(const rcr_model *model) {
    char *bytes = NULL;
    size_t length = 0;
    rcr_model *copy = NULL;
    rcr_error err = {0};
    if (rcr_model_pack(&bytes, &length, model, &err) != RCR_OK) fuzz_fail("a restored model can't be written");
    if (rcr_model_parse(&copy, bytes, length, &err) != RCR_OK) fuzz_fail("a restored model can't be read");
    rcr_model_free(copy);
    rcr_free(bytes);
}

static void check_score(const rcr_score *s) {
    if (s->n > (size_t)1 << 53 || s->mae < 0 || s->accuracy > 1.01) fuzz_fail("a score that no run has");
}

/* It goes on: the next epoch's order is drawn, and the same checkpoint is written. */
static void check_run(rcr_run *run) {
    rcr_checkpoint again = {0};
    rcr_error err = {0};
    char *bytes = NULL;
    size_t length = 0;
    n_restored++;
    check_model(run->model);
    if (run->best != NULL) check_model(run->best);
    if (run->average != NULL) check_model(run->average);
    if (rcr_checkpoint_pack(&bytes, &length, run, &err) != RCR_OK ||
        rcr_checkpoint_parse(&again, "again", bytes, length, &err) != RCR_OK)
        fuzz_fail("a checkpoint that was restored can't be written and read");
    rcr_checkpoint_close(&again);
    memcpy(run->order, run->split.train, run->split.n_train * sizeof *run->order);
    rcr_rng_shuffle(&run->shuffle, run->order, run->split.n_train);
}

static void use(const rcr_checkpoint *checkpoint) {
    rcr_run *run = NULL;
    rcr_error err = {0};
    fuzz_check(rcr_run_create(&run, fuzz_path("run"), NULL, &err), &err);
    rcr_status status = rcr_checkpoint_settings(run, checkpoint, &err);
    if (status == RCR_OK && run->finished) {
        check_score(&run->result.train);
        check_score(&run->result.test);
        for (size_t k = 0; k < run->result.n_targets; k++) check_score(&run->result.targets[k].part[0]);
    } else if (status == RCR_OK && is_small(&run->options)) {
        run->options.n_threads = 1;
        run->lent = dataset;
        status = rcr_run_restore(run, checkpoint, &err);
        if (status == RCR_OK) check_run(run);
    }
    if (status != RCR_OK && err.message[0] == '\0') fuzz_fail("a failure without a reason");
    run->dataset = NULL;
    rcr_run_release(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_checkpoint checkpoint = {0};
    rcr_error err = {0};
    size_t length = 0;
    if (good == NULL) make();
    char *sealed = seal(&length, data, size);
    if (sealed == NULL) return 0;
    rcr_status status = rcr_checkpoint_parse(&checkpoint, "last.ckpt", sealed, length, &err);
    if (status == RCR_ERR_MISMATCH) fuzz_fail("the checksum is wrong");
    if (status == RCR_OK) use(&checkpoint);
    rcr_checkpoint_close(&checkpoint);
    return 0;
}
