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

rcr_status rcr_score_rows(rcr_score *out, const rcr_model *model, const double *target, const double *prediction,
                          size_t n, rcr_error *err) {
    rcr_score score = {n, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (model->options.task == RCR_CLASSIFICATION) {
        rcr_classification_metrics m;
        rcr_status status = rcr_metrics_classification(&m, target, prediction, n, err);
        if (status != RCR_OK) return status;
        score.accuracy = m.accuracy;
        score.precision = m.precision;
        score.recall = m.recall;
        score.f1 = m.f1;
        score.auc = m.auc;
        score.loss = m.log_loss;
    } else {
        rcr_regression_metrics m = rcr_metrics_regression(target, prediction, n);
        score.mae = m.mae;
        score.rmse = m.rmse;
        score.r2 = m.r2;
        score.loss =
            (m.rmse / model->targets[0].scale.normalizer.std) * (m.rmse / model->targets[0].scale.normalizer.std);
    }
    *out = score;
    return RCR_OK;
}

rcr_status rcr_targets_check(const rcr_dataset *dataset, rcr_task_kind task, rcr_error *err) {
    for (size_t i = 0; i < dataset->n; i++) {
        double target = dataset->sample[i].target;
        char text[32];
        if (!isfinite(target))
            return rcr_fail_at(err, RCR_ERR_DATA, dataset->path, 0,
                               "the target '%s' of %s is %s, not a finite number; remove the row or give a number",
                               dataset->target, dataset->sample[i].id, rcr_format_double(text, target));
        if (task == RCR_CLASSIFICATION && target != 0 && target != 1)
            return rcr_fail_at(err, RCR_ERR_DATA, dataset->path, 0,
                               "the target '%s' of %s is %s; a classification needs 0 or 1 (or train a regression)",
                               dataset->target, dataset->sample[i].id, rcr_format_double(text, target));
    }
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
    double *target = rcr_malloc(dataset->n, sizeof *target);
    if (target == NULL) return rcr_fail_memory(err, "scoring predictions");
    for (size_t i = 0; i < dataset->n; i++) target[i] = dataset->sample[i].target;
    status = rcr_score_rows(score, model, target, prediction, dataset->n, err);
    rcr_free(target);
    return status;
}

rcr_status rcr_predictions_write(const char *path, const rcr_dataset *dataset, const int64_t *index,
                                 const double *prediction, size_t n, rcr_error *err) {
    rcr_text text = {0};
    rcr_text_puts(&text, "id,target,prediction\n");
    for (size_t i = 0; i < n; i++) {
        const rcr_sample *sample = &dataset->sample[index != NULL ? index[i] : (int64_t)i];
        char number[32];
        rcr_csv_write_field(&text, sample->id, 1);
        rcr_csv_write_field(&text, rcr_format_double(number, sample->target), 0);
        rcr_csv_write_field(&text, rcr_format_double(number, prediction[i]), 0);
        rcr_text_puts(&text, "\n");
    }
    rcr_status status =
        text.failed ? rcr_fail_memory(err, "writing predictions") : rcr_file_write(path, text.data, text.length, err);
    rcr_text_free(&text);
    return status;
}
