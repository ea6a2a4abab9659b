#include "train/epoch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "train/evaluate.h"
#include "train/schedule.h"

int rcr_run_stop_requested(const rcr_run *run) { return run->events->stop != NULL && atomic_load(run->events->stop); }

/* Never 0, which would mean no dropout. */
static uint64_t dropout_seed(const rcr_run *run) {
    if (run->options.dropout == 0) return 0;
    rcr_rng rng;
    rcr_rng_seed(&rng, run->options.seed, RCR_STREAM_DROPOUT);
    return rcr_hash_counter(rng.s[0], (uint64_t)run->optimizer.step) | 1;
}

/* what: "the loss became nan", where: ", batch 3", or "". */
static rcr_status diverged(const rcr_run *run, const rcr_epoch *epoch, const char *what, const char *where,
                           rcr_error *err) {
    char lr[32], kept[160];
    if (run->best_epoch > 0)
        snprintf(kept, sizeof kept, "the best model so far, of epoch %" PRId32 ", is kept in model.safetensors",
                 run->best_epoch);
    else
        snprintf(kept, sizeof kept, "no epoch was finished, so there is no model");
    return rcr_fail(err, RCR_ERR_NUMERIC,
                    "%s in epoch %" PRId32 "%s: try a learning rate below %s (--lr), and look for outliers among the "
                    "targets; %s",
                    what, epoch->epoch, where, rcr_format_double(lr, epoch->lr), kept);
}

static rcr_status loss_failed(const rcr_run *run, const rcr_epoch *epoch, size_t batch, double loss, rcr_error *err) {
    char value[32], what[64], where[48];
    snprintf(what, sizeof what, "the loss became %s", rcr_format_double(value, loss));
    snprintf(where, sizeof where, ", batch %zu", batch + 1);
    return diverged(run, epoch, what, where, err);
}

static int are_finite(const rcr_real *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

/* Kernels take exponentials of what they have clamped, and a NaN does not get through that: the loss alone need not
 * show it. */
rcr_status rcr_run_check_weights(const rcr_run *run, const rcr_epoch *epoch, rcr_error *err) {
    const rcr_model *const models[] = {run->model, run->average};
    for (int i = 0; i < 2; i++) {
        const rcr_model *m = models[i];
        if (m == NULL) continue;
        if (!are_finite(m->parameters, m->n_parameters))
            return diverged(run, epoch, "a weight became infinite or no number", "", err);
        if (!are_finite(m->buffers, m->n_buffer_values))
            return diverged(run, epoch, "running statistics became infinite or no number", "", err);
    }
    return RCR_OK;
}

/* What an epoch adds up. */
typedef struct sums {
    double loss, score, n_values, weight; /* n_values: targets that were there; weight: what they count */
} sums;

static double weight_of(const rcr_run *run, size_t value) {
    return run->host_weight != NULL ? (double)run->host_weight[value] : 1;
}

static double class_weight_of(const rcr_run *run, int64_t row) {
    return run->has_class_weight ? run->class_weight[run->dataset->sample[row].target > 0.5] : 1;
}

/* Add what is averaged into train_loss and train_score.  run->host_target holds NaN for what is missing. */
static void add_batch(sums *s, rcr_run *run, const int64_t *rows, int32_t n, double loss) {
    size_t T = rcr_run_n_targets(run), n_outputs = (size_t)run->model->n_outputs;
    double present = 0, weight = 0;
    for (size_t i = 0; i < (size_t)n; i++) {
        const rcr_real *out = run->host_output + i * n_outputs;
        if (run->options.model.task == RCR_CLASSIFICATION) {
            s->score += (out[1] > out[0]) == (run->dataset->sample[rows[i]].target > 0.5);
            present++;
            weight += weight_of(run, i) * class_weight_of(run, rows[i]);
        }
        for (size_t k = 0; k < T && run->options.model.task == RCR_REGRESSION; k++) {
            if (isnan(run->host_target[i * T + k])) continue;
            double target = rcr_dataset_target(run->dataset, (size_t)rows[i], k);
            double error = fabs(rcr_scale_undo(&run->model->targets[k].scale, (double)out[k]) - target);
            s->score += T > 1 ? error / run->target_std[k] : error;
            present++;
            weight += weight_of(run, i * T + k);
        }
    }
    s->loss += loss * weight;
    s->n_values += present;
    s->weight += weight;
}

/* run->device_loss and dout from outputs [n, n_outputs] and device_target. */
static void compute_loss(rcr_run *run, rcr_real *dout, const rcr_real *output, int32_t n) {
    const rcr_kernels *k = run->kernels;
    int32_t T = (int32_t)rcr_run_n_targets(run);
    if (run->options.model.task == RCR_CLASSIFICATION) {
        k->loss_nll(&run->exec, run->device_loss, dout, output, run->device_target, run->device_weight,
                    run->has_class_weight ? run->class_weight : NULL, n, run->model->n_outputs);
        return;
    }
    switch (run->options.loss) {
    case RCR_LOSS_MSE:
        k->loss_mse(&run->exec, run->device_loss, dout, output, run->device_target, run->device_weight, n * T);
        break;
    case RCR_LOSS_L1:
        k->loss_l1(&run->exec, run->device_loss, dout, output, run->device_target, run->device_weight, n * T);
        break;
    case RCR_LOSS_HUBER:
        k->loss_huber(&run->exec, run->device_loss, dout, output, run->device_target, run->device_weight,
                      run->options.huber_delta, n * T);
        break;
    case RCR_LOSS_GAUSSIAN:
        k->loss_gaussian(&run->exec, run->device_loss, dout, output, run->device_target, run->device_weight,
                         run->options.gaussian_beta, n, T);
        break;
    }
}

/* The share of the old grows from 1/10 to what is asked for, so that an average is never held back by its start. */
static void follow_average(rcr_run *run) {
    if (run->average_parameters == NULL) return;
    double step = (double)run->optimizer.step, keep = fmin(run->options.average, (1 + step) / (10 + step));
    run->kernels->blend(&run->exec, run->average_parameters, rcr_net_parameters(run->net), keep,
                        (int64_t)rcr_net_n_parameters(run->net));
    run->kernels->blend(&run->exec, run->average_buffers, rcr_net_buffers(run->net), keep,
                        (int64_t)rcr_net_n_buffers(run->net));
    /* The average of what stays as it is, without the rounding. */
    for (size_t i = 0; i < run->n_ranges; i++)
        if (run->range[i].frozen)
            run->kernels->mem_copy(&run->exec, run->average_parameters + run->range[i].first,
                                   rcr_net_parameters(run->net) + run->range[i].first, run->range[i].n);
    if (run->frozen_conv)
        run->kernels->mem_copy(&run->exec, run->average_buffers, rcr_net_buffers(run->net),
                               rcr_net_n_buffers(run->net));
}

/* The readouts after all steps but the last: their gradients, weighted, go to device_dout; the weighted mean of their
 * losses is returned. */
static double supervise_steps(rcr_run *run, const rcr_batch *batch) {
    const rcr_kernels *k = run->kernels;
    int32_t n = batch->n_crystals, depth = run->options.model.depth;
    size_t count = (size_t)n * (size_t)run->model->n_outputs;
    double weight = run->options.deep_supervision / (depth - 1), sum = 0;
    for (int32_t t = 0; t + 1 < depth; t++) {
        rcr_real *dout = run->device_dout + (size_t)t * run->dout_stride, loss;
        rcr_net_readout(run->tape, run->net, &run->exec, batch, t);
        compute_loss(run, dout, rcr_tape_output(run->tape), n);
        k->mem_download(&loss, run->device_loss, 1);
        k->mem_download(run->host_dout, dout, count);
        for (size_t i = 0; i < count; i++) run->host_dout[i] = (rcr_real)((double)run->host_dout[i] * weight);
        k->mem_upload(dout, run->host_dout, count);
        sum += weight * (double)loss;
    }
    return sum;
}

/* device_target and device_weight of the batch's n rows.  Weights are shares of the largest, so that equal ones are 1
 * exactly, and train as none do. */
static void upload_targets(rcr_run *run, const int64_t *rows, size_t n) {
    const rcr_dataset *d = run->dataset;
    size_t T = rcr_run_n_targets(run), n_values = n * T;
    for (size_t i = 0; i < n_values; i++)
        run->host_target[i] = (rcr_real)rcr_scale_apply(&run->model->targets[i % T].scale,
                                                        rcr_dataset_target(d, (size_t)rows[i / T], i % T));
    run->kernels->mem_upload(run->device_target, run->host_target, n_values);
    if (d->weights == NULL) return;
    for (size_t i = 0; i < n_values; i++)
        run->host_weight[i] = (rcr_real)(d->sample[rows[i / T]].weight / run->largest_weight);
    run->kernels->mem_upload(run->device_weight, run->host_weight, n_values);
}

/* One update.  rows: the samples of the batch.  *loss: the mean over them. */
static rcr_status train_batch(rcr_run *run, const rcr_batch *batch, const int64_t *rows, double lr, double *loss,
                              rcr_error *err) {
    const rcr_kernels *k = run->kernels;
    int32_t n = batch->n_crystals, n_outputs = run->model->n_outputs;
    rcr_status status = rcr_tape_reserve(run->tape, &run->exec, run->net, batch, err);
    if (status != RCR_OK) return status;
    upload_targets(run, rows, (size_t)n);
    rcr_net_forward_training(run->tape, run->net, &run->exec, batch, dropout_seed(run));
    rcr_real *output = rcr_tape_output(run->tape), host_loss;
    int32_t depth = run->options.model.depth;
    int deep = run->options.deep_supervision > 0 && depth > 1;
    rcr_real *dout = run->device_dout + (deep ? (size_t)(depth - 1) * run->dout_stride : 0);
    compute_loss(run, dout, output, n);
    k->mem_download(&host_loss, run->device_loss, 1);
    k->mem_download(run->host_output, output, (size_t)n * (size_t)n_outputs);
    *loss = (double)host_loss;
    if (!isfinite(*loss)) return RCR_ERR_NUMERIC;
    if (deep) *loss += supervise_steps(run, batch);
    if (!isfinite(*loss)) return RCR_ERR_NUMERIC;
    if (deep)
        rcr_net_backward_deep(run->tape, run->net, &run->exec, batch, run->device_dout, run->dout_stride);
    else
        rcr_net_backward(run->tape, run->net, &run->exec, batch, dout);
    for (size_t i = 0; i < run->n_ranges && run->options.clip > 0; i++) /* frozen ones have no part in the norm */
        if (run->range[i].frozen)
            k->mem_zero(&run->exec, rcr_tape_gradient(run->tape) + run->range[i].first, run->range[i].n);
    if (run->options.clip > 0)
        k->clip_norm(&run->exec, rcr_tape_gradient(run->tape), run->options.clip,
                     (int64_t)rcr_net_n_parameters(run->net));
    rcr_optimizer_update(&run->optimizer, &run->exec, rcr_net_parameters(run->net), rcr_tape_gradient(run->tape),
                         run->range, run->n_ranges, &run->options, lr);
    rcr_net_refresh(run->net, &run->exec);
    follow_average(run);
    return RCR_OK;
}

rcr_status rcr_run_train_epoch(rcr_run *run, rcr_epoch *epoch, rcr_error *err) {
    size_t n = run->split.n_train,
           n_batches = (n + (size_t)run->options.batch_size - 1) / (size_t)run->options.batch_size;
    rcr_progress progress = {run->history, run->epochs_done, 0, n_batches};
    epoch->lr = rcr_schedule_lr(&run->options, &progress);
    memcpy(run->order, run->split.train, n * sizeof *run->order);
    rcr_rng_shuffle(&run->shuffle, run->order, n);
    rcr_loader_start(run->loader, run->order, n);
    sums sum = {0, 0, 0, 0};
    size_t done = 0;
    for (size_t b = 0; b < n_batches; b++) {
        const rcr_batch *batch;
        size_t first;
        double loss = 0;
        rcr_status status = rcr_loader_next(&batch, &first, run->loader, err);
        if (status != RCR_OK) return status;
        progress.batch = b;
        status = train_batch(run, batch, run->order + first, rcr_schedule_lr(&run->options, &progress), &loss, err);
        if (status == RCR_ERR_NUMERIC) return loss_failed(run, epoch, b, loss, err);
        if (status != RCR_OK) return status;
        add_batch(&sum, run, run->order + first, batch->n_crystals, loss);
        done += (size_t)batch->n_crystals;
        if (run->events->batch_done != NULL)
            run->events->batch_done(run->events->context, epoch->epoch, (int32_t)(b + 1), (int32_t)n_batches, done);
        /* After the last batch the epoch might as well be finished. */
        if (b + 1 < n_batches && rcr_run_stop_requested(run)) return RCR_ERR_INTERRUPTED;
    }
    epoch->train_loss = sum.loss / sum.weight;
    epoch->train_score = sum.score / sum.n_values;
    return RCR_OK;
}

rcr_status rcr_run_score_part(rcr_score *score, rcr_score *each, double *prediction, const rcr_run *run,
                              const int64_t *index, size_t n, rcr_error *err) {
    size_t T = rcr_run_n_targets(run);
    for (size_t i = 0; i < n * T; i++)
        run->part_target[i] = rcr_dataset_target(run->dataset, (size_t)index[i / T], i % T);
    rcr_sample_list list = {run->dataset, index};
    rcr_graph_source graphs = rcr_sample_graphs(&list);
    rcr_status status = rcr_net_predict_from(prediction, run->net, run->model, &graphs, n, run->pool, err);
    return status == RCR_OK
               ? rcr_score_rows(score, each, run->model, run->target_std, run->part_target, prediction, n, err)
               : status;
}
