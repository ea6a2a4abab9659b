/* What is in a model, and models of other programs. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/floating.h"
#include "base/mem.h"
#include "base/status.h"
#include "exchange/export.h"
#include "exchange/import.h"
#include "model/ensemble.h"
#include "train/evaluate.h"

static const size_t max_checkpoint = (size_t)1 << 31, max_table = (size_t)64 << 20;

int32_t rcr_model_members(const rcr_model *model) { return (int32_t)model->n_members; }

rcr_status rcr_model_take_member(rcr_model **out, const rcr_model *model, int32_t member, rcr_error *err) {
    RCR_OWN_FLOATING;
    if (member < 1 || member > rcr_model_members(model))
        return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no network %d: the model has %zu", (int)member,
                        model->n_members);
    return rcr_model_pick(out, model, (size_t)member - 1, err);
}

int rcr_model_tensor(rcr_tensor_view *out, const rcr_model *model, size_t i) {
    if (i >= model->n_tensors + model->n_buffers) return 0;
    int is_parameter = i < model->n_tensors;
    const rcr_tensor *tensor = is_parameter ? &model->tensor[i] : &model->buffer[i - model->n_tensors];
    const rcr_real *values = is_parameter ? model->parameters : model->buffers;
    rcr_tensor_view view = {.name = tensor->name, .rank = tensor->rank, .is_parameter = is_parameter};
    /* Single precision but for the build that checks the mathematics, which no other program sees. */
    view.values = (const void *)(values + tensor->offset);
    for (int32_t k = 0; k < 2; k++) view.shape[k] = k < tensor->rank ? tensor->shape[k] : 1;
    *out = view;
    return 1;
}

int64_t rcr_model_batches_tracked(const rcr_model *model) { return model->n_batches_tracked; }

int rcr_model_entry(const char **key, const char **value, const rcr_model *model, size_t i) {
    if (i >= model->n_meta) return 0;
    *key = model->meta[i].key;
    *value = model->meta[i].value;
    return 1;
}

/* ---- other programs' */

rcr_import_request rcr_import_request_default(void) {
    rcr_import_options o = rcr_import_options_default();
    return (rcr_import_request){.radius = o.radius,
                                .dmin = o.dmin,
                                .step = o.step,
                                .max_neighbors = o.max_neighbors,
                                .padding = o.padding,
                                .ties = o.ties,
                                .disorder = o.disorder,
                                .tie_tolerance = o.tie_tolerance};
}

static rcr_status read_table(rcr_element_table **out, const char *path, rcr_error *err) {
    char *json = NULL;
    size_t length = 0;
    rcr_status status = rcr_file_read(&json, &length, path, max_table, err);
    if (status == RCR_OK) status = rcr_element_table_parse(out, json, length, err);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    rcr_free(json);
    return status;
}

rcr_status rcr_model_import(rcr_model **out, const char *path, const rcr_import_request *request, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_import_request r = request != NULL ? *request : rcr_import_request_default();
    const char *slash = strrchr(path, '/');
    rcr_import_options options = {.target = r.target,
                                  .unit = r.unit,
                                  .source = slash != NULL ? slash + 1 : path,
                                  .radius = r.radius,
                                  .dmin = r.dmin,
                                  .step = r.step,
                                  .max_neighbors = r.max_neighbors,
                                  .padding = r.padding,
                                  .ties = r.ties,
                                  .tie_tolerance = r.tie_tolerance,
                                  .disorder = r.disorder};
    rcr_status status = rcr_import_options_check(&options, err);
    if (status != RCR_OK) return status; /* of no file */
    rcr_element_table *table = NULL;
    if (r.atom_init != NULL) status = read_table(&table, r.atom_init, err);
    options.elements = table;
    char *bytes = NULL;
    size_t length = 0;
    if (status == RCR_OK) status = rcr_file_read(&bytes, &length, path, max_checkpoint, err);
    if (status == RCR_OK) status = rcr_checkpoint_import(out, bytes, length, &options, err);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    rcr_free(bytes);
    rcr_element_table_free(table);
    return status;
}

rcr_status rcr_model_export(const rcr_model *model, const char *path, const char *format, rcr_error *err) {
    RCR_OWN_FLOATING;
    char *bytes = NULL;
    size_t length = 0;
    rcr_status status;
    if (strcmp(format, "checkpoint") == 0)
        status = rcr_checkpoint_export(&bytes, &length, model, err);
    else if (strcmp(format, "onnx") == 0)
        status = rcr_onnx_export(&bytes, &length, model, RCR_ONNX_NUMBERS, err);
    else if (strcmp(format, "atom-init") == 0)
        status = rcr_element_table_json(&bytes, &length, model->elements, err);
    else
        return rcr_fail(err, RCR_ERR_ARGUMENT, "no such format '%s'; there are checkpoint, onnx and atom-init", format);
    if (status == RCR_OK) status = rcr_file_write(path, bytes, length, err);
    if (status != RCR_OK) rcr_error_set_file(err, path);
    rcr_free(bytes);
    return status;
}

/* ---- scores */

rcr_status rcr_model_score_target(rcr_scores *out, const rcr_model *model, size_t k, const double *target,
                                  const double *prediction, size_t n, rcr_error *err) {
    RCR_OWN_FLOATING;
    int classes = model->options.task == RCR_CLASSIFICATION;
    if (k >= (size_t)model->options.n_targets)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "there is no target %zu; the model has %d", k,
                        (int)model->options.n_targets);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(target[i])) return rcr_fail(err, RCR_ERR_DATA, "target %zu is not a finite number", i);
        if (classes && target[i] != 0 && target[i] != 1)
            return rcr_fail(err, RCR_ERR_DATA, "target %zu is neither class 0 nor class 1", i);
    }
    rcr_score s;
    rcr_status status = rcr_score_values(&s, model, k, target, prediction, n, err);
    if (status == RCR_OK)
        *out = (rcr_scores){s.n, s.mae, s.rmse, s.r2, s.accuracy, s.precision, s.recall, s.f1, s.auc, s.loss};
    return status;
}

rcr_status rcr_model_score(rcr_scores *out, const rcr_model *model, const double *target, const double *prediction,
                           size_t n, rcr_error *err) {
    RCR_OWN_FLOATING;
    if (model->options.n_targets > 1)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "the model predicts %d targets, and this scores one",
                        (int)model->options.n_targets);
    return rcr_model_score_target(out, model, 0, target, prediction, n, err);
}
