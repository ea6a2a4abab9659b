#include "train/evaluate.h"

#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"
#include "graph/graph.h"
#include "io/csv.h"
#include "kernels/kernels.h"
#include "model/net.h"
#include "report/metrics.h"

/* Of one target: the mean squared error of what the network says of it, in its own terms. */
static double normalised_loss(const rcr_scale *scale, const double *target, const double *prediction, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double error = rcr_scale_apply(scale, prediction[i]) - rcr_scale_apply(scale, target[i]);
        sum += error * error;
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}

static rcr_score no_score(size_t n) { return (rcr_score){n, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}; }

static rcr_score score_target(const rcr_scale *scale, const double *target, const double *prediction, size_t n) {
    rcr_score score = no_score(n);
    rcr_regression_metrics m = rcr_metrics_regression(target, prediction, n);
    double std = scale->normalizer.std;
    score.mae = m.mae;
    score.rmse = m.rmse;
    score.r2 = m.r2;
    score.loss = scale->transform.kind == RCR_TRANSFORM_NONE ? (m.rmse / std) * (m.rmse / std)
                                                             : normalised_loss(scale, target, prediction, n);
    return score;
}

static rcr_status score_classes(rcr_score *out, const double *target, const double *prediction, size_t n,
                                rcr_error *err) {
    rcr_classification_metrics m;
    rcr_status status = rcr_metrics_classification(&m, target, prediction, n, err);
    if (status != RCR_OK) return status;
    *out = no_score(n);
    out->accuracy = m.accuracy;
    out->precision = m.precision;
    out->recall = m.recall;
    out->f1 = m.f1;
    out->auc = m.auc;
    out->loss = m.log_loss;
    return RCR_OK;
}

rcr_status rcr_score_values(rcr_score *out, const rcr_model *model, size_t k, const double *target, const double *value,
                            size_t n, rcr_error *err) {
    if (model->options.task == RCR_CLASSIFICATION) return score_classes(out, target, value, n, err);
    *out = score_target(&model->targets[k].scale, target, value, n);
    return RCR_OK;
}

rcr_status rcr_score_rows(rcr_score *out, rcr_score *each, const rcr_model *model, const double *std,
                          const double *target, const double *prediction, size_t n, rcr_error *err) {
    size_t T = (size_t)model->options.n_targets, V = rcr_model_n_values(model);
    if (model->options.task == RCR_CLASSIFICATION) {
        rcr_status status = score_classes(out, target, prediction, n, err);
        if (status == RCR_OK && each != NULL) each[0] = *out;
        return status;
    }
    double *own = rcr_malloc(2 * n, sizeof *own), *other = own != NULL ? own + n : NULL;
    if (own == NULL) return rcr_fail_memory(err, "scoring predictions");
    rcr_score all = no_score(n);
    double loss = 0, scaled = 0;
    size_t n_values = 0, n_scored = 0;
    for (size_t k = 0; k < T; k++) {
        size_t present = 0;
        for (size_t i = 0; i < n; i++) {
            if (T > 1 && isnan(target[i * T + k])) continue;
            own[present] = target[i * T + k];
            other[present++] = prediction[i * V + k];
        }
        rcr_score score = score_target(&model->targets[k].scale, own, other, present);
        if (each != NULL) each[k] = score;
        if (T == 1) all = score;
        if (present == 0) continue;
        loss += score.loss * (double)present;
        n_values += present;
        if (std != NULL) scaled += score.mae / std[k];
        n_scored++;
    }
    rcr_free(own);
    if (T > 1 && n_values > 0) all.loss = loss / (double)n_values;
    if (T > 1 && n_scored > 0 && std != NULL) all.scaled = scaled / (double)n_scored;
    *out = all;
    return RCR_OK;
}

static rcr_status predict_samples(double *prediction, const rcr_model *model, const rcr_kernels *kernels,
                                  const rcr_dataset *dataset, rcr_pool *pool, rcr_error *err) {
    rcr_sample_list list = {dataset, NULL};
    rcr_graph_source graphs = rcr_sample_graphs(&list);
    rcr_exec exec = {0};
    rcr_net *net = NULL;
    rcr_status status = rcr_exec_init(&exec, kernels, pool, err);
    if (status == RCR_OK) status = rcr_net_create(&net, model, kernels, err);
    if (status == RCR_OK) {
        rcr_net_refresh(net, &exec);
        status = rcr_net_predict_from(prediction, net, model, &graphs, dataset->n, pool, err);
    }
    rcr_net_free(net);
    rcr_exec_release(&exec);
    return status;
}

rcr_status rcr_evaluate(rcr_score *score, double *prediction, const rcr_model *model, const rcr_dataset *dataset,
                        const char *kernels, rcr_pool *pool, rcr_error *err) {
    if (!rcr_graph_options_equal(&model->graph, &dataset->graph_options))
        return rcr_fail(err, RCR_ERR_MISMATCH,
                        "the dataset's graphs were made with other options than the model's; read it with those of "
                        "the model");
    rcr_status status = score != NULL ? rcr_targets_check(dataset, model->options.task, err) : RCR_OK;
    const rcr_kernels *table;
    if (status == RCR_OK) status = rcr_kernels_choose(&table, kernels, err);
    if (status == RCR_OK) status = predict_samples(prediction, model, table, dataset, pool, err);
    if (status != RCR_OK || score == NULL) return status;
    size_t T = dataset->n_targets;
    if (T != (size_t)model->options.n_targets)
        return rcr_fail(err, RCR_ERR_MISMATCH, "the model predicts %d targets; the dataset was read with %zu",
                        (int)model->options.n_targets, T);
    double *target = rcr_malloc(dataset->n * T, sizeof *target);
    if (target == NULL) return rcr_fail_memory(err, "scoring predictions");
    for (size_t i = 0; i < dataset->n * T; i++) target[i] = rcr_dataset_target(dataset, i / T, i % T);
    rcr_score all;
    status = rcr_score_rows(&all, score, model, NULL, target, prediction, dataset->n, err);
    rcr_free(target);
    return status;
}

/* ",NAME_a" for target k of several, ",NAME" of one. */
static void put_column(rcr_text *out, const char *name, const rcr_model *model, int32_t k) {
    rcr_text column = {0};
    rcr_text_puts(&column, name);
    if (model->options.n_targets > 1) {
        rcr_text_puts(&column, "_");
        rcr_target_label(&column, model, k);
    }
    out->failed |= column.failed;
    if (!column.failed) rcr_csv_write_field(out, column.data, 0);
    rcr_text_free(&column);
}

rcr_status rcr_predictions_write(const char *path, const rcr_model *model, const rcr_dataset *dataset,
                                 const int64_t *index, const double *prediction, size_t n, rcr_error *err) {
    rcr_text text = {0};
    size_t T = (size_t)model->options.n_targets, V = rcr_model_n_values(model);
    rcr_text_puts(&text, "id");
    for (int32_t k = 0; k < (int32_t)T; k++) {
        put_column(&text, "target", model, k);
        put_column(&text, "prediction", model, k);
        if (V > T) put_column(&text, "std", model, k);
    }
    rcr_text_puts(&text, "\n");
    for (size_t i = 0; i < n; i++) {
        size_t row = index != NULL ? (size_t)index[i] : i;
        char number[32];
        rcr_csv_write_field(&text, dataset->sample[row].id, 1);
        for (size_t k = 0; k < T; k++) {
            double target = rcr_dataset_target(dataset, row, k);
            int missing = T > 1 && isnan(target);
            rcr_csv_write_field(&text, missing ? "" : rcr_format_double(number, target), 0);
            rcr_csv_write_field(&text, rcr_format_double(number, prediction[i * V + k]), 0);
            if (V > T) rcr_csv_write_field(&text, rcr_format_double(number, prediction[i * V + T + k]), 0);
        }
        rcr_text_puts(&text, "\n");
    }
    rcr_status status =
        text.failed ? rcr_fail_memory(err, "writing predictions") : rcr_file_write(path, text.data, text.length, err);
    rcr_text_free(&text);
    return status;
}
