#include "model/forecast.h"

#include <math.h>
#include <string.h>

#include "base/running.h"

rcr_columns rcr_model_columns(const rcr_model *model) {
    rcr_columns c = {.n_targets = (size_t)model->options.n_targets, .block = 1};
    if (model->options.variance) c.std = c.block++;
    if (model->n_members > 1) c.spread = c.block++;
    if (model->conformal != NULL && model->level > 0) {
        c.lower = c.block++;
        c.upper = c.block++;
    }
    c.n = c.n_targets * c.block;
    if (model->domain != NULL && model->domain->n_features > 0) c.distance = c.n++;
    return c;
}

int rcr_all_finite(const double *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

int rcr_forecast_is_finite(const rcr_columns *c, const double *row) {
    for (size_t t = 0; t < c->n_targets; t++) {
        const double *block = row + t * c->block;
        if (!isfinite(block[0]) || (c->std > 0 && !isfinite(block[c->std])) ||
            (c->spread > 0 && !isfinite(block[c->spread])))
            return 0;
    }
    return 1;
}

int rcr_target_has_mixed_transforms(const rcr_model *model, size_t t) {
    const rcr_transform *first = &model->targets[t].scale.transform;
    for (size_t m = 1; m < model->n_members; m++) {
        const rcr_transform *other = &rcr_model_member(model, m)->targets[t].scale.transform;
        if (other->kind != first->kind || other->parameter != first->parameter) return 1;
    }
    return 0;
}

rcr_scale rcr_model_interval_scale(const rcr_model *model, size_t t) {
    if (rcr_target_has_mixed_transforms(model, t))
        return (rcr_scale){.transform = {RCR_TRANSFORM_NONE, 0}, .normalizer = {0, 1}};
    return model->targets[t].scale;
}

int rcr_model_has_mixed_transforms(const rcr_model *model) {
    for (size_t t = 0; t < (size_t)model->options.n_targets; t++)
        if (rcr_target_has_mixed_transforms(model, t)) return 1;
    return 0;
}

/* What the networks say of one crystal and target together. */
typedef struct mean {
    double value, std, spread; /* in the target's unit */
    double center, doubt;      /* as rcr_model_interval_scale has the target */
} mean;

/* The standard deviation of the normalised target, from its output. */
static double std_of(rcr_real output) { return exp(0.5 * rcr_log_variance((double)output)); }

/* The predicted standard deviation of network m, in the target's unit. */
static double member_std(const rcr_model *model, size_t t, size_t m, const rcr_real *outputs, size_t stride) {
    const rcr_real *row = outputs + m * stride;
    double std = std_of(row[(size_t)model->options.n_targets + t]);
    return rcr_scale_undo_std(&rcr_model_member(model, m)->targets[t].scale, (double)row[t], std);
}

/* The root of their mean square, which does not overflow unless it is that large itself. */
static double mean_std(const rcr_model *model, size_t t, const rcr_real *outputs, size_t stride) {
    double most = 0, variance = 0, M = (double)model->n_members;
    if (model->n_members == 1) return member_std(model, t, 0, outputs, stride); /* to the last bit */
    for (size_t m = 0; m < model->n_members; m++) most = fmax(most, member_std(model, t, m, outputs, stride));
    double scale = rcr_running_scale(most);
    for (size_t m = 0; m < model->n_members; m++) {
        double std = member_std(model, t, m, outputs, stride) * scale;
        variance += std * std / M;
    }
    return sqrt(variance) / scale;
}

/* output [n_outputs] of network m is at outputs + m * stride. */
static mean mean_of_target(const rcr_model *model, size_t t, const rcr_real *outputs, size_t stride) {
    size_t T = (size_t)model->options.n_targets;
    const rcr_scale *first = &model->targets[t].scale;
    rcr_running values = {0}, centers = {0};
    double normalised_variance = 0, M = (double)model->n_members;
    for (size_t m = 0; m < model->n_members; m++) {
        const rcr_scale *scale = &rcr_model_member(model, m)->targets[t].scale;
        double out = (double)outputs[m * stride + t], ratio = scale->normalizer.std / first->normalizer.std;
        rcr_running_add(&values, rcr_scale_undo(scale, out));
        rcr_running_add(&centers,
                        m == 0 ? out
                               : (out * scale->normalizer.std + scale->normalizer.mean - first->normalizer.mean) /
                                     first->normalizer.std);
        if (!model->options.variance) continue;
        double std = std_of(outputs[m * stride + T + t]);
        normalised_variance += std * ratio * std * ratio / M;
    }
    double own = rcr_running_std(&centers);
    mean result = {.value = rcr_running_mean(&values), .spread = rcr_running_std(&values)};
    if (model->options.variance) result.std = mean_std(model, t, outputs, stride);
    if (rcr_target_has_mixed_transforms(model, t)) {
        result.center = result.value;
        result.doubt = hypot(result.spread, result.std);
        return result;
    }
    result.center = rcr_running_mean(&centers);
    /* The mean of transformed values is not the transformed mean, about which the interval is to be. */
    if (model->n_members > 1 && first->transform.kind != RCR_TRANSFORM_NONE &&
        rcr_transform_allows(&first->transform, result.value))
        result.center = rcr_scale_apply(first, result.value);
    result.doubt = sqrt(own * own + normalised_variance);
    return result;
}

static mean mean_of_classes(const rcr_model *model, const rcr_real *outputs, size_t stride) {
    rcr_running s = {0};
    for (size_t m = 0; m < model->n_members; m++) rcr_running_add(&s, exp((double)outputs[m * stride + 1]));
    return (mean){.value = rcr_running_mean(&s), .spread = rcr_running_std(&s)};
}

static void fill_block(double *block, const rcr_columns *c, const mean *m, const rcr_model *model, size_t t, double q) {
    block[0] = m->value;
    if (c->std > 0) block[c->std] = m->std;
    if (c->spread > 0) block[c->spread] = m->spread;
    if (c->lower == 0) return;
    double half = q * rcr_conformal_scale(&model->conformal[t], m->doubt);
    const rcr_scale scale = rcr_model_interval_scale(model, t);
    block[c->lower] = isfinite(half) ? rcr_scale_undo(&scale, m->center - half) : -INFINITY;
    block[c->upper] = isfinite(half) ? rcr_scale_undo(&scale, m->center + half) : INFINITY;
}

static double distance_of(const rcr_model *model, const rcr_real *vector) {
    float x[RCR_DOMAIN_MAX_FEATURES];
    for (int32_t k = 0; k < model->domain->n_features; k++) x[k] = (float)vector[k];
    return rcr_domain_distance(model->domain, x);
}

void rcr_forecast_fill(const rcr_forecast *out, size_t first, const rcr_model *model, const rcr_real *outputs,
                       const rcr_real *vector, size_t n) {
    rcr_columns c = rcr_model_columns(model);
    size_t T = c.n_targets, V = rcr_model_n_values(model), F = (size_t)model->options.atom_features;
    size_t n_outputs = (size_t)model->n_outputs, stride = n * n_outputs;
    for (size_t t = 0; t < T; t++) {
        double q = c.lower > 0 ? rcr_conformal_quantile(&model->conformal[t], model->level) : 0;
        for (size_t i = 0; i < n; i++) {
            size_t at = first + i;
            mean m = model->options.task == RCR_CLASSIFICATION
                         ? mean_of_classes(model, outputs + i * n_outputs, stride)
                         : mean_of_target(model, t, outputs + i * n_outputs, stride);
            if (out->values != NULL) out->values[at * V + t] = m.value;
            if (out->values != NULL && V > T) out->values[at * V + T + t] = m.std;
            if (out->center != NULL) out->center[at * T + t] = m.center;
            if (out->doubt != NULL) out->doubt[at * T + t] = m.doubt;
            if (out->row != NULL) fill_block(out->row + at * c.n + t * c.block, &c, &m, model, t, q);
        }
    }
    for (size_t i = 0; i < n && vector != NULL; i++) {
        for (size_t k = 0; k < F && out->vector != NULL; k++)
            out->vector[(first + i) * F + k] = (float)vector[i * F + k];
        if (out->row != NULL && c.distance > 0)
            out->row[(first + i) * c.n + c.distance] = distance_of(model, vector + i * F);
    }
}
