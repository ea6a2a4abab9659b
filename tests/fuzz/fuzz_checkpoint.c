/* Checkpoints of other programs, in both of torch's containers: what is read as a model is exported, and comes back. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "exchange/export.h"
#include "exchange/import.h"

static void check_copy(const rcr_model *model, const char *bytes, size_t length) {
    rcr_import_options options = rcr_import_options_default();
    rcr_model *copy = NULL;
    options.elements = model->elements;
    if (rcr_checkpoint_import(&copy, bytes, length, &options, NULL) != RCR_OK)
        fuzz_fail("a checkpoint that was exported can't be read");
    if (copy->n_parameters != model->n_parameters ||
        memcmp(copy->parameters, model->parameters, model->n_parameters * sizeof *model->parameters) != 0)
        fuzz_fail("a checkpoint that was exported has other weights");
    rcr_model_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_import_options options = rcr_import_options_default();
    rcr_model *model = NULL;
    rcr_error err;
    if (rcr_checkpoint_import(&model, data, size, &options, &err) != RCR_OK) return 0;
    char *bytes = NULL;
    size_t length = 0;
    /* The normaliser is a float in a checkpoint, which a double near 0 or out of range does not survive. */
    if (model->targets[0].scale.normalizer.std < 1e-30 || model->targets[0].scale.normalizer.std > 1e30 ||
        model->targets[0].scale.normalizer.mean > 1e30 || model->targets[0].scale.normalizer.mean < -1e30) {
        rcr_model_free(model);
        return 0;
    }
    if (rcr_checkpoint_export(&bytes, &length, model, &err) != RCR_OK) fuzz_fail("a model can't be exported");
    check_copy(model, bytes, length);
    rcr_free(bytes);
    if (rcr_onnx_export(&bytes, &length, model, RCR_ONNX_NUMBERS, &err) != RCR_OK) fuzz_fail("no ONNX of a model");
    rcr_free(bytes);
    rcr_model_free(model);
    return 0;
}
