#include "train/checkpoint_check.h"

#include <math.h>

#include "base/mem.h"
#include "base/status.h"
#include "base/text.h"

size_t rcr_count_of(double value) {
    return value >= 0 && value <= 0x1p53 && value == floor(value) ? (size_t)value : SIZE_MAX;
}

int32_t rcr_epoch_of(double value) {
    return value >= 0 && value <= INT32_MAX && value == floor(value) ? (int32_t)value : -1;
}

static int all_finite(const rcr_real *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

const char *rcr_weights_fault(const rcr_model *model) {
    if (!all_finite(model->parameters, model->n_parameters)) return "a weight is not a finite number";
    if (!all_finite(model->buffers, model->n_buffer_values)) return "a running statistic is not a finite number";
    for (size_t i = 0; i < model->n_buffers; i++) {
        const rcr_tensor *buffer = &model->buffer[i];
        if (!rcr_ends_with(buffer->name, ".running_var")) continue;
        for (size_t j = 0; j < buffer->count; j++)
            if (model->buffers[buffer->offset + j] < 0) return "a running variance is negative";
    }
    /* Far from where counting on would overflow. */
    if (model->n_batches_tracked < 0 || model->n_batches_tracked > INT64_MAX / 2)
        return "the number of batches that its running statistics are of is out of range";
    return NULL;
}

static int is_parameter(const rcr_transform *t) {
    if (!rcr_transform_has_parameter(t->kind)) return 1;
    if (t->kind == RCR_TRANSFORM_ASINH) return t->parameter > 0 && isfinite(t->parameter);
    return t->parameter >= 0 && t->parameter <= 2;
}

const char *rcr_scales_fault(const rcr_run *run) {
    if (run->options.model.task != RCR_REGRESSION) return NULL;
    for (size_t k = 0; k < rcr_run_n_targets(run); k++) {
        const rcr_scale *scale = &run->model->targets[k].scale;
        if (!isfinite(scale->normalizer.mean)) return "the mean of a target is not a finite number";
        if (!(scale->normalizer.std > 0) || !isfinite(scale->normalizer.std))
            return "the standard deviation of a target is not a finite number above 0";
        if (!is_parameter(&scale->transform)) return "the parameter of a target's transform is out of range";
        if (!(run->target_std[k] > 0) || !isfinite(run->target_std[k]))
            return "the standard deviation of the training rows is not a finite number above 0";
    }
    return NULL;
}

const char *rcr_moments_fault(const rcr_real *first, const rcr_real *second, size_t n) {
    if (!all_finite(first, n)) return "a mean of gradients is not a finite number";
    /* The square of a large gradient may be infinite: it stops that weight. */
    for (size_t i = 0; i < n; i++)
        if (!(second[i] >= 0)) return "a mean of squared gradients is negative or no number";
    return NULL;
}

const char *rcr_counts_fault(const rcr_run *run) {
    const uint64_t *s = run->shuffle.s;
    int64_t batch = run->options.batch_size, n_batches = ((int64_t)run->split.n_train + batch - 1) / batch;
    if (run->epochs_done < 0 || run->epochs_done > run->options.epochs || run->best_epoch < 0 ||
        run->best_epoch > run->epochs_done)
        return "its count of epochs makes no sense";
    if (run->optimizer.step != run->epochs_done * n_batches)
        return "its number of updates is not that of its epochs' batches";
    if ((s[0] | s[1] | s[2] | s[3]) == 0)
        return "the state of its random generator is zero, from which no number can be drawn";
    if (!(run->seconds >= 0) || !isfinite(run->seconds)) return "the time that it took is not a finite number above 0";
    return NULL;
}

static int alike(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

const char *rcr_history_fault(const rcr_run *run, double start_score, double start_loss) {
    double score = start_score, loss = start_loss;
    int32_t best = 0;
    for (int32_t i = 0; i < run->epochs_done; i++) {
        const rcr_epoch *e = &run->history[i];
        if (e->epoch != i + 1) return "the epochs of its history are not those that were done";
        if (!(e->lr >= 0) || !isfinite(e->lr) || !(e->seconds >= 0) || !isfinite(e->seconds))
            return "a learning rate or a time in its history is negative or no finite number";
        if (!e->is_best) continue;
        best = e->epoch;
        score = e->val_score;
        loss = e->val_loss;
    }
    if (best != run->best_epoch) return "its best epoch is not that of its history";
    if (best > 0 && !isfinite(score)) return "the score of its best epoch is not a finite number";
    if (!alike(score, run->best_score) || !alike(loss, run->best_loss))
        return "the score of its best epoch is not that of its history";
    return NULL;
}

rcr_status rcr_split_fault(const char **why, const rcr_split *split, size_t n, rcr_error *err) {
    const int64_t *const part[] = {split->train, split->val, split->test};
    const size_t count[] = {split->n_train, split->n_val, split->n_test};
    uint8_t *seen = rcr_calloc(n, 1);
    if (seen == NULL) return rcr_fail_memory(err, "reading a checkpoint");
    *why = NULL;
    for (int p = 0; p < 3; p++) {
        if (count[p] == 0) *why = "a part of its split is empty";
        for (size_t i = 0; i < count[p]; i++) {
            if (seen[part[p][i]]) *why = "its split has a row twice";
            seen[part[p][i]] = 1;
        }
    }
    rcr_free(seen);
    return RCR_OK;
}

/* 1 for a share, and for one that is not known. */
static int is_share(double value) { return isnan(value) || (value >= 0 && value <= 1 + 1e-9); }

/* Errors may be infinite and NaN: predictions of a good model may be, where a transform is undone. */
static const char *score_fault(const rcr_score *s) {
    if (s->n == SIZE_MAX) return "a number of rows in its result counts nothing";
    if (s->mae < 0 || s->rmse < 0 || s->scaled < 0 || s->loss < 0) return "an error in its result is negative";
    if (s->r2 > 1) return "a coefficient of determination in its result is above 1";
    if (!is_share(s->accuracy) || !is_share(s->precision) || !is_share(s->recall) || !is_share(s->f1) ||
        !is_share(s->auc))
        return "a score in its result is not between 0 and 1";
    return NULL;
}

const char *rcr_result_fault(const rcr_train_result *result, int32_t epochs) {
    const rcr_score *const all[] = {&result->train, &result->val, &result->test};
    const char *why = NULL;
    if (result->epochs_done < 1 || result->epochs_done > epochs || result->best_epoch < 1 ||
        result->best_epoch > result->epochs_done)
        return "the count of epochs of its result makes no sense";
    if (!(result->seconds >= 0) || !isfinite(result->seconds))
        return "the time of its result is not a finite number above 0";
    if (result->target_std < 0) return "a standard deviation in its result is negative";
    for (int p = 0; p < 3 && why == NULL; p++) why = score_fault(all[p]);
    for (size_t k = 0; k < result->n_targets && why == NULL; k++) {
        if (result->targets[k].test_std < 0) return "a standard deviation in its result is negative";
        for (int p = 0; p < 3 && why == NULL; p++) why = score_fault(&result->targets[k].part[p]);
    }
    return why;
}
