/* The safetensors container, and behind it the model file, which otherwise its checksum would shield: what parses as a
 * container is given a right checksum and read as a model. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "model/model.h"
#include "model/modelfile.h"

static double sum_of(const rcr_safetensors *file) {
    double sum = 0;
    for (size_t i = 0; i < file->n_tensors; i++) {
        const rcr_st_tensor *tensor = &file->tensor[i];
        for (size_t j = 0; j < tensor->count; j++) sum += rcr_st_value(tensor, j);
    }
    return sum;
}

/* A model that was read is written and read again without complaint. */
static void use_model(const char *bytes, size_t length) {
    rcr_model *model = NULL, *copy = NULL;
    if (rcr_model_parse(&model, bytes, length, NULL) != RCR_OK) return;
    if (rcr_model_copy(&copy, model, NULL) != RCR_OK) fuzz_fail("a model that was read can't be copied");
    rcr_model_free(copy);
    rcr_model_free(model);
}

static void rewrite(const rcr_safetensors *file) {
    const char **value = rcr_calloc(file->n_meta, sizeof *value);
    char checksum[65], *bytes = NULL;
    size_t length = 0;
    if (value == NULL || rcr_model_checksum(checksum, file->tensor, file->n_tensors, file->meta_key, file->meta_value,
                                            file->n_meta, NULL) != RCR_OK)
        fuzz_fail("no checksum");
    for (size_t i = 0; i < file->n_meta; i++)
        value[i] = strcmp(file->meta_key[i], "checksum") == 0 ? checksum : file->meta_value[i];
    if (rcr_safetensors_write(&bytes, &length, file->tensor, file->n_tensors, file->meta_key, value, file->n_meta,
                              NULL) != RCR_OK)
        fuzz_fail("what was read can't be written");
    use_model(bytes, length);
    rcr_free(bytes);
    rcr_free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_safetensors *file = NULL;
    rcr_error err;
    if (rcr_safetensors_parse(&file, data, size, &err) != RCR_OK) return 0;
    volatile double sum = sum_of(file);
    (void)sum;
    rewrite(file);
    rcr_safetensors_free(file);
    return 0;
}
