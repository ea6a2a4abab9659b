#include "train/targets.h"

#include <math.h>
#include <string.h>

#include "base/status.h"
#include "base/text.h"

rcr_status rcr_list_item(char *buffer, size_t size, const char *list, size_t k, size_t T, const char *what,
                         rcr_error *err) {
    size_t n = 1;
    buffer[0] = '\0';
    if (list == NULL || list[0] == '\0') return RCR_OK;
    for (const char *at = list; *at != '\0'; at++) n += *at == ',';
    if (n != 1 && n != T)
        return rcr_fail(err, RCR_ERR_ARGUMENT, "%zu %ss (\"%.100s\") for %zu target%s; give one, or one for each", n,
                        what, list, T, T == 1 ? "" : "s");
    for (size_t i = 0; n > 1 && i < k; i++) list = strchr(list, ',') + 1;
    size_t length = strcspn(list, ",");
    while (length > 0 && rcr_is_space((unsigned char)list[0])) list++, length--;
    while (length > 0 && rcr_is_space((unsigned char)list[length - 1])) length--;
    if (length >= size) return rcr_fail(err, RCR_ERR_ARGUMENT, "the %s \"%.60s...\" is too long", what, list);
    memcpy(buffer, list, length);
    buffer[length] = '\0';
    return RCR_OK;
}

rcr_status rcr_transforms_parse(rcr_transform_kind *kind, const char *text, size_t T, rcr_error *err) {
    for (size_t k = 0; k < T; k++) {
        char name[32];
        int found = 0;
        rcr_status status = rcr_list_item(name, sizeof name, text, k, T, "transform", err);
        if (status != RCR_OK) return status;
        while (name[0] != '\0' && rcr_transform_names[found] != NULL && strcmp(name, rcr_transform_names[found]) != 0)
            found++;
        if (rcr_transform_names[found] == NULL)
            return rcr_fail(err, RCR_ERR_ARGUMENT,
                            "there is no transform \"%s\"; there are none, log, log1p, signed-log, asinh, box-cox and "
                            "yeo-johnson",
                            name);
        kind[k] = (rcr_transform_kind)found;
    }
    return RCR_OK;
}

rcr_status rcr_class_weights_parse(double weight[2], int *balanced, const char *text, rcr_error *err) {
    *balanced = text != NULL && strcmp(text, "balanced") == 0;
    if (text == NULL || text[0] == '\0' || *balanced) return RCR_OK;
    const char *comma = strchr(text, ',');
    double w[2] = {-1, -1};
    int good = comma != NULL && rcr_parse_double(&w[0], text, (size_t)(comma - text)) &&
               rcr_parse_double(&w[1], comma + 1, strlen(comma + 1)) && isfinite(w[0]) && isfinite(w[1]) && w[0] > 0 &&
               w[1] > 0;
    if (!good)
        return rcr_fail(err, RCR_ERR_ARGUMENT,
                        "class weights \"%.60s\": neither \"balanced\" nor two numbers above 0, such as \"1,2.5\"",
                        text);
    weight[0] = w[0];
    weight[1] = w[1];
    return RCR_OK;
}

rcr_status rcr_targets_check(const rcr_dataset *dataset, rcr_task_kind task, rcr_error *err) {
    for (size_t i = 0; i < dataset->n * dataset->n_targets; i++) {
        size_t sample = i / dataset->n_targets, k = i % dataset->n_targets;
        double target = rcr_dataset_target(dataset, sample, k);
        char text[32];
        if (dataset->n_targets > 1 && isnan(target)) continue;
        if (!isfinite(target))
            return rcr_fail_at(err, RCR_ERR_DATA, dataset->path, 0,
                               "the target '%s' of %s is %s, not a finite number; remove the row or give a number",
                               rcr_dataset_target_name(dataset, k), dataset->sample[sample].id,
                               rcr_format_double(text, target));
        if (task == RCR_CLASSIFICATION && target != 0 && target != 1)
            return rcr_fail_at(err, RCR_ERR_DATA, dataset->path, 0,
                               "the target '%s' of %s is %s; a classification needs 0 or 1 (or train a regression)",
                               rcr_dataset_target_name(dataset, k), dataset->sample[sample].id,
                               rcr_format_double(text, target));
    }
    return RCR_OK;
}

rcr_status rcr_targets_check_domain(const rcr_dataset *dataset, const rcr_transform_kind *kind, rcr_error *err) {
    for (size_t i = 0; i < dataset->n * dataset->n_targets; i++) {
        size_t sample = i / dataset->n_targets, k = i % dataset->n_targets;
        double target = rcr_dataset_target(dataset, sample, k);
        rcr_transform t = {kind[k], 1};
        char text[32];
        if (isnan(target) || rcr_transform_allows(&t, target)) continue;
        return rcr_fail_at(
            err, RCR_ERR_DATA, dataset->path, 0,
            "the target '%s' of %s is %s, and the transform %s is for targets %s; remove the row, or take "
            "another transform (signed-log, asinh and yeo-johnson are for all numbers)",
            rcr_dataset_target_name(dataset, k), dataset->sample[sample].id, rcr_format_double(text, target),
            rcr_transform_names[kind[k]], rcr_transform_domain(kind[k]));
    }
    return RCR_OK;
}

/* work <- target k of the training rows that have it; returns how many. */
static size_t gather(double *work, const rcr_dataset *dataset, size_t k, const rcr_split *split) {
    size_t n = 0;
    for (size_t i = 0; i < split->n_train; i++) {
        double target = rcr_dataset_target(dataset, (size_t)split->train[i], k);
        if (!isnan(target)) work[n++] = target;
    }
    return n;
}

/* 1 where a target comes back from its transform another one: Box and Cox's z of y^lambda far below 1 is -1 / lambda.
 */
static int loses_digits(const rcr_transform *t, const double *values, size_t n, double std) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs(rcr_transform_undo(t, rcr_transform_apply(t, values[i])) - values[i]) <= 1e-5 * std)) return 1;
    return 0;
}

rcr_status rcr_scale_fit(rcr_scale *scale, double *std, int *varied, rcr_transform_kind kind,
                         const rcr_dataset *dataset, size_t k, const rcr_split *split, double *work, rcr_error *err) {
    size_t n = gather(work, dataset, k, split);
    if (n == 0)
        return rcr_fail_at(err, RCR_ERR_DATA, dataset->path, 0, "no training row has a value for the target '%s'",
                           rcr_dataset_target_name(dataset, k));
    *varied = !rcr_all_equal(work, n);
    *std = rcr_normalizer_fit(work, n).std;
    scale->transform = rcr_transform_fit(kind, work, n);
    /* Fitting may have sorted them, and sums are taken in the order of the rows. */
    if (kind != RCR_TRANSFORM_NONE) gather(work, dataset, k, split);
    if (*varied && loses_digits(&scale->transform, work, n, *std))
        return rcr_fail_at(err, RCR_ERR_DATA, dataset->path, 0,
                           "the transform %s can't tell the targets '%s' apart, they are too small for its constant: "
                           "give them in another unit, in which they are nearer to 1, or take --transform log",
                           rcr_transform_names[kind], rcr_dataset_target_name(dataset, k));
    for (size_t i = 0; i < n && kind != RCR_TRANSFORM_NONE; i++)
        work[i] = rcr_transform_apply(&scale->transform, work[i]);
    scale->normalizer = rcr_normalizer_fit(work, n);
    return RCR_OK;
}

void rcr_class_weights_balance(double weight[2], const rcr_dataset *dataset, const rcr_split *split) {
    size_t count[2] = {0, 0};
    for (size_t i = 0; i < split->n_train; i++) count[dataset->sample[split->train[i]].target > 0.5]++;
    for (int c = 0; c < 2; c++)
        weight[c] = count[0] > 0 && count[1] > 0 ? (double)split->n_train / (2.0 * (double)count[c]) : 1;
}

size_t rcr_weights_leave_out(rcr_split *split, const rcr_dataset *dataset) {
    size_t n = 0, before = split->n_train;
    for (size_t i = 0; i < before; i++)
        if (dataset->sample[split->train[i]].weight > 0) split->train[n++] = split->train[i];
    split->n_train = n;
    return before - n;
}

double rcr_weights_largest(const rcr_dataset *dataset, const rcr_split *split) {
    double largest = 0;
    for (size_t i = 0; i < split->n_train; i++) largest = fmax(largest, dataset->sample[split->train[i]].weight);
    return largest;
}
