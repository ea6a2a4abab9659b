#include "train/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/status.h"
#include "io/csv.h"

/* More training rows than this say no more of the mean and covariance of their vectors; they are then taken evenly. */
enum { DOMAIN_ROWS = 20000 };

/* ---- forecasts of a part */

static size_t sample_at(const int64_t *index, size_t i) { return index != NULL ? (size_t)index[i] : i; }

void rcr_part_forecast_release(rcr_part_forecast *part) {
    rcr_free(part->target);
    rcr_free(part->row);
    rcr_free(part->center);
    rcr_free(part->doubt);
    *part = (rcr_part_forecast){0};
}

rcr_status rcr_part_forecast_make(rcr_part_forecast *out, const rcr_net *net, const rcr_model *model,
                                  const rcr_dataset *dataset, const int64_t *index, size_t n, rcr_pool *pool,
                                  rcr_error *err) {
    rcr_part_forecast part = {.n = n, .n_targets = rcr_model_n_targets(model), .columns = rcr_model_columns(model)};
    size_t T = part.n_targets;
    if (dataset->n_targets != T)
        return rcr_fail(err, RCR_ERR_MISMATCH, "the model predicts %zu targets; the dataset was read with %zu", T,
                        dataset->n_targets);
    part.target = rcr_calloc(n * T, sizeof *part.target);
    part.row = rcr_calloc(n * part.columns.n, sizeof *part.row);
    part.center = rcr_calloc(n * T, sizeof *part.center);
    part.doubt = rcr_calloc(n * T, sizeof *part.doubt);
    rcr_status status = RCR_OK;
    if (part.target == NULL || part.row == NULL || part.center == NULL || part.doubt == NULL)
        status = rcr_fail_memory(err, "predicting a part of the data");
    if (status == RCR_OK) {
        rcr_sample_list list = {dataset, index};
        rcr_graph_source graphs = rcr_sample_graphs(&list);
        rcr_forecast wanted = {.row = part.row, .center = part.center, .doubt = part.doubt};
        status = rcr_net_forecast_from(&wanted, net, model, &graphs, n, pool, err);
    }
    for (size_t i = 0; i < n * T && status == RCR_OK; i++)
        part.target[i] = rcr_dataset_target(dataset, sample_at(index, i / T), i % T);
    if (status != RCR_OK) {
        rcr_part_forecast_release(&part);
        return status;
    }
    *out = part;
    return RCR_OK;
}

void rcr_part_values(double *values, const rcr_part_forecast *part) {
    const rcr_columns *c = &part->columns;
    size_t T = c->n_targets, V = c->std > 0 ? 2 * T : T;
    for (size_t i = 0; i < part->n; i++)
        for (size_t t = 0; t < T; t++) {
            const double *block = part->row + i * c->n + t * c->block;
            values[i * V + t] = block[0];
            if (c->std > 0) values[i * V + T + t] = block[c->std];
        }
}

/* ---- calibrating */

/* The rows that have target t: z, center and doubt [n] as intervals have the target; gives their number. */
static size_t gather(double *z, double *center, double *doubt, const rcr_model *model, const rcr_part_forecast *part,
                     size_t t) {
    size_t n = 0, T = part->n_targets;
    const rcr_scale scale = rcr_model_interval_scale(model, t);
    for (size_t i = 0; i < part->n; i++) {
        double target = part->target[i * T + t];
        if (isnan(target)) continue;
        z[n] = rcr_scale_apply(&scale, target);
        center[n] = part->center[i * T + t];
        doubt[n] = part->doubt[i * T + t];
        /* A target that the transform does not take lies in no interval, and is a miss like any other. */
        if (!isfinite(z[n])) z[n] = INFINITY;
        n += isfinite(center[n]);
    }
    return n;
}

static rcr_status fit_intervals(rcr_model *model, const rcr_part_forecast *part, rcr_error *err) {
    double *work = rcr_malloc(3 * part->n, sizeof *work);
    if (work == NULL) return rcr_fail_memory(err, "calibrating intervals");
    rcr_status status = rcr_model_reset_conformal(model, err);
    int whole = 1;
    for (size_t t = 0; t < part->n_targets && status == RCR_OK && whole; t++) {
        double *z = work, *center = work + part->n, *doubt = work + 2 * part->n;
        size_t n = gather(z, center, doubt, model, part, t);
        whole = n > 0;
        if (whole) status = rcr_conformal_fit(&model->conformal[t], z, center, doubt, n, err);
    }
    rcr_free(work);
    if (status != RCR_OK || !whole) rcr_model_drop_intervals(model);
    return status;
}

/* vector [n, F] <- those of samples index[0 .. n). */
static rcr_status take_vectors(float **vector, const rcr_net *net, const rcr_model *model, const rcr_dataset *dataset,
                               const int64_t *index, size_t n, rcr_pool *pool, rcr_error *err) {
    *vector = rcr_calloc(n * (size_t)model->options.atom_features, sizeof **vector);
    if (*vector == NULL) return rcr_fail_memory(err, "describing the training rows");
    rcr_sample_list list = {dataset, index};
    rcr_graph_source graphs = rcr_sample_graphs(&list);
    return rcr_net_forecast_from(&(rcr_forecast){.vector = *vector}, net, model, &graphs, n, pool, err);
}

static rcr_status fit_domain(rcr_model *model, const rcr_net *net, const rcr_dataset *dataset, const int64_t *train,
                             size_t n_train, const int64_t *other, size_t n_other, rcr_pool *pool, rcr_error *err) {
    size_t n = n_train < DOMAIN_ROWS ? n_train : DOMAIN_ROWS;
    rcr_domain *domain = rcr_calloc(1, sizeof *domain);
    int64_t *some = rcr_calloc(n, sizeof *some);
    float *vector = NULL, *other_vector = NULL;
    rcr_status status = domain != NULL && some != NULL ? RCR_OK : rcr_fail_memory(err, "describing the training rows");
    for (size_t i = 0; i < n_train && status == RCR_OK; i++) {
        rcr_graph *graph = NULL;
        status = rcr_dataset_graph(&graph, dataset, (size_t)train[i], err);
        if (status == RCR_OK) rcr_domain_add_elements(domain, graph);
        rcr_graph_free(graph);
    }
    for (size_t i = 0; i < n && status == RCR_OK; i++) some[i] = train[i * n_train / n];
    if (model->options.atom_features <= RCR_DOMAIN_MAX_FEATURES) {
        if (status == RCR_OK) status = take_vectors(&vector, net, model, dataset, some, n, pool, err);
        if (status == RCR_OK) status = take_vectors(&other_vector, net, model, dataset, other, n_other, pool, err);
        if (status == RCR_OK)
            status = rcr_domain_fit(domain, vector, n, other_vector, n_other, model->options.atom_features, err);
    }
    rcr_free(some);
    rcr_free(vector);
    rcr_free(other_vector);
    if (status != RCR_OK) {
        rcr_domain_free(domain);
        return status;
    }
    rcr_domain_free(model->domain);
    model->domain = domain;
    return RCR_OK;
}

rcr_status rcr_calibrate(rcr_model *model, const rcr_net *net, const rcr_dataset *dataset, const int64_t *train,
                         size_t n_train, const int64_t *other, size_t n_other, rcr_pool *pool, rcr_error *err) {
    rcr_status status = RCR_OK;
    if (n_train > 0) status = fit_domain(model, net, dataset, train, n_train, other, n_other, pool, err);
    if (status != RCR_OK || model->options.task == RCR_CLASSIFICATION) return status;
    rcr_part_forecast part;
    status = rcr_part_forecast_make(&part, net, model, dataset, other, n_other, pool, err);
    if (status != RCR_OK) return status;
    status = fit_intervals(model, &part, err);
    rcr_part_forecast_release(&part);
    return status;
}

/* ---- how it holds */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

rcr_status rcr_coverage_find(rcr_coverage *out, const rcr_model *model, const rcr_part_forecast *part, size_t t,
                             double level, rcr_error *err) {
    double *z = rcr_malloc(3 * part->n, sizeof *z);
    if (z == NULL) return rcr_fail_memory(err, "finding the coverage of intervals");
    double *center = z + part->n, *doubt = z + 2 * part->n;
    const rcr_scale scale = rcr_model_interval_scale(model, t);
    double q = rcr_conformal_quantile(&model->conformal[t], level);
    rcr_coverage c = {.n = gather(z, center, doubt, model, part, t)};
    size_t n_within = 0;
    for (size_t i = 0; i < c.n; i++) {
        double half = q * rcr_conformal_scale(&model->conformal[t], doubt[i]);
        n_within += rcr_conformal_holds(&model->conformal[t], q, z[i], center[i], doubt[i]) != 0;
        z[i] = isfinite(half) ? rcr_scale_undo(&scale, center[i] + half) - rcr_scale_undo(&scale, center[i] - half)
                              : INFINITY;
        c.mean_width += z[i] / (double)c.n;
    }
    if (c.n > 0) qsort(z, c.n, sizeof *z, by_value);
    c.median_width = c.n > 0 ? (z[(c.n - 1) / 2] + z[c.n / 2]) / 2 : (double)NAN;
    c.coverage = (double)n_within / (double)c.n;
    if (c.n == 0) c.mean_width = NAN;
    rcr_free(z);
    *out = c;
    return RCR_OK;
}

typedef struct ranked {
    double value;
    size_t index;
} ranked;

static int by_ranked(const void *a, const void *b) { return by_value(a, b); }

/* values [n] <- their ranks, of equal ones the mean; work [n]. */
static void to_ranks(double *values, ranked *work, size_t n) {
    for (size_t i = 0; i < n; i++) work[i] = (ranked){values[i], i};
    qsort(work, n, sizeof *work, by_ranked);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && work[end].value == work[i].value; end++) {
        }
        for (size_t k = i; k < end; k++) values[work[k].index] = (double)(i + end - 1) / 2;
    }
}

static double correlation(const double *a, const double *b, size_t n) {
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < n; i++) ma += a[i] / (double)n, mb += b[i] / (double)n;
    for (size_t i = 0; i < n; i++) {
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
        ab += (a[i] - ma) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

rcr_status rcr_doubt_correlation(double *out, const rcr_part_forecast *part, size_t t, const rcr_model *model,
                                 rcr_error *err) {
    double *z = rcr_malloc(3 * part->n, sizeof *z);
    ranked *work = rcr_malloc(part->n, sizeof *work);
    if (z == NULL || work == NULL) {
        rcr_free(z);
        rcr_free(work);
        return rcr_fail_memory(err, "comparing doubts with errors");
    }
    double *center = z + part->n, *doubt = z + 2 * part->n;
    size_t n = gather(z, center, doubt, model, part, t);
    for (size_t i = 0; i < n; i++) z[i] = fabs(z[i] - center[i]);
    to_ranks(z, work, n);
    to_ranks(doubt, work, n);
    *out = correlation(z, doubt, n);
    rcr_free(z);
    rcr_free(work);
    return RCR_OK;
}

void rcr_reliability_find(rcr_reliability out[RCR_RELIABILITY_BINS], const rcr_part_forecast *part) {
    for (int k = 0; k < RCR_RELIABILITY_BINS; k++) out[k] = (rcr_reliability){0};
    for (size_t i = 0; i < part->n; i++) {
        double p = part->row[i * part->columns.n];
        int k = (int)(p * RCR_RELIABILITY_BINS);
        rcr_reliability *bin = &out[k < RCR_RELIABILITY_BINS ? k : RCR_RELIABILITY_BINS - 1];
        bin->n++;
        bin->probability += p;
        bin->fraction += part->target[i] > 0.5;
    }
    for (int k = 0; k < RCR_RELIABILITY_BINS; k++) {
        out[k].probability /= (double)out[k].n;
        out[k].fraction /= (double)out[k].n;
    }
}

/* ---- files */

static void put_number(rcr_text *out, double value) {
    char number[32];
    rcr_text_puts(out, ",");
    rcr_text_puts(out, isfinite(value) ? rcr_format_double(number, value) : "");
}

static void put_name(rcr_text *out, const rcr_model *model, size_t t, const char *part) {
    rcr_text name = {0};
    rcr_target_label(&name, model, (int32_t)t);
    out->failed |= name.failed;
    if (!name.failed) rcr_csv_write_field(out, name.data, 1);
    rcr_text_free(&name);
    rcr_csv_write_field(out, part, 0);
}

static rcr_status put_coverages(rcr_text *out, const rcr_model *model, const char *name, const rcr_part_forecast *part,
                                rcr_error *err) {
    for (size_t t = 0; t < part->n_targets; t++)
        for (int k = 1; k <= 20; k++) {
            double level = k < 20 ? k / 20.0 : 0.99;
            rcr_coverage c;
            if (isinf(rcr_conformal_quantile(&model->conformal[t], level))) continue;
            rcr_status status = rcr_coverage_find(&c, model, part, t, level, err);
            if (status != RCR_OK) return status;
            put_name(out, model, t, name);
            put_number(out, level);
            put_number(out, c.coverage);
            put_number(out, c.mean_width);
            put_number(out, c.median_width);
            rcr_text_printf(out, ",%zu\n", c.n);
        }
    return RCR_OK;
}

static void put_reliabilities(rcr_text *out, const rcr_model *model, const char *name, const rcr_part_forecast *part) {
    rcr_reliability bin[RCR_RELIABILITY_BINS];
    rcr_reliability_find(bin, part);
    for (int k = 0; k < RCR_RELIABILITY_BINS; k++) {
        put_name(out, model, 0, name);
        put_number(out, (double)k / RCR_RELIABILITY_BINS);
        put_number(out, (double)(k + 1) / RCR_RELIABILITY_BINS);
        rcr_text_printf(out, ",%zu", bin[k].n);
        put_number(out, bin[k].probability);
        put_number(out, bin[k].fraction);
        rcr_text_puts(out, "\n");
    }
}

static rcr_status write_text(const char *path, rcr_text *text, rcr_status status, rcr_error *err) {
    if (status == RCR_OK && text->failed) status = rcr_fail_memory(err, "writing forecasts");
    if (status == RCR_OK) status = rcr_file_write(path, text->data, text->length, err);
    rcr_text_free(text);
    return status;
}

rcr_status rcr_calibration_write(const char *path, const rcr_model *model, const char *const *name,
                                 const rcr_part_forecast *part, size_t n_parts, rcr_error *err) {
    rcr_text text = {0};
    int classes = model->options.task == RCR_CLASSIFICATION;
    rcr_status status = RCR_OK;
    if (!classes && model->conformal == NULL) return RCR_OK;
    rcr_text_puts(&text, classes ? "target,part,low,high,n,probability,fraction\n"
                                 : "target,part,promised,observed,width,median_width,n\n");
    for (size_t p = 0; p < n_parts && status == RCR_OK; p++) {
        if (classes)
            put_reliabilities(&text, model, name[p], &part[p]);
        else
            status = put_coverages(&text, model, name[p], &part[p], err);
    }
    return write_text(path, &text, status, err);
}

rcr_status rcr_sample_domain(rcr_text *out, const rcr_model *model, const rcr_dataset *dataset, size_t sample,
                             const double *row, rcr_error *err) {
    rcr_columns c = rcr_model_columns(model);
    rcr_graph *graph;
    rcr_status status = rcr_dataset_graph(&graph, dataset, sample, err);
    if (status != RCR_OK) return status;
    rcr_domain_describe(out, model->domain, graph, c.distance > 0 ? row[c.distance] : 0);
    rcr_graph_free(graph);
    return RCR_OK;
}

/* ",NAME" or ",NAME_target". */
static void put_column(rcr_text *out, const char *name, const rcr_model *model, size_t t) {
    rcr_text column = {0};
    rcr_text_puts(&column, name);
    if (model->options.n_targets > 1) {
        rcr_text_puts(&column, "_");
        rcr_target_label(&column, model, (int32_t)t);
    }
    out->failed |= column.failed;
    if (!column.failed) rcr_csv_write_field(out, column.data, 0);
    rcr_text_free(&column);
}

static void put_header(rcr_text *out, const rcr_model *model, const rcr_columns *c) {
    rcr_text_puts(out, "id");
    for (size_t t = 0; t < c->n_targets; t++) {
        put_column(out, "target", model, t);
        put_column(out, "prediction", model, t);
        if (c->std > 0) put_column(out, "std", model, t);
        if (c->spread > 0) put_column(out, "spread", model, t);
        if (c->lower > 0) put_column(out, "lower", model, t);
        if (c->upper > 0) put_column(out, "upper", model, t);
    }
    rcr_text_puts(out, model->domain != NULL ? ",domain\n" : "\n");
}

rcr_status rcr_forecasts_write(const char *path, const rcr_model *model, const rcr_dataset *dataset,
                               const int64_t *index, const rcr_part_forecast *part, rcr_error *err) {
    rcr_columns c = part->columns;
    rcr_text text = {0}, domain = {0};
    rcr_status status = RCR_OK;
    char number[32];
    put_header(&text, model, &c);
    for (size_t i = 0; i < part->n && status == RCR_OK; i++) {
        size_t sample = sample_at(index, i);
        const double *row = part->row + i * c.n;
        rcr_csv_write_field(&text, dataset->sample[sample].id, 1);
        for (size_t t = 0; t < c.n_targets; t++) {
            double target = part->target[i * c.n_targets + t];
            rcr_csv_write_field(&text, isnan(target) ? "" : rcr_format_double(number, target), 0);
            for (size_t k = 0; k < c.block; k++)
                rcr_csv_write_field(&text, rcr_format_double(number, row[t * c.block + k]), 0);
        }
        if (model->domain != NULL) {
            domain.length = 0;
            status = rcr_sample_domain(&domain, model, dataset, sample, row, err);
            text.failed |= domain.failed;
            if (status == RCR_OK && !domain.failed) rcr_csv_write_field(&text, domain.data, 0);
        }
        rcr_text_puts(&text, "\n");
    }
    rcr_text_free(&domain);
    return write_text(path, &text, status, err);
}
