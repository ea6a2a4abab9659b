#include "study/statistics.h"

#include <math.h>

#include "base/running.h"
#include "study/results.h"

static void add(rcr_study_spread *s, rcr_running *values, double x) {
    s->n++;
    s->min = s->n > 1 ? fmin(s->min, x) : x;
    s->max = s->n > 1 ? fmax(s->max, x) : x;
    rcr_running_add(values, x);
}

static void finish(rcr_study_spread *s, const rcr_running *values) {
    if (s->n == 0) s->min = s->max = NAN;
    s->mean = rcr_running_mean(values);
    s->sd = s->n > 1 ? rcr_running_std(values) : NAN;
    s->se = s->sd / sqrt((double)s->n);
}

/* A setting's runs stand together. */
static size_t runs_each(const rcr_study *study) { return study->n_runs / study->n_settings; }

rcr_study_spread rcr_study_spread_of(const rcr_study *study, size_t setting, const char *number) {
    rcr_study_spread s = {0};
    rcr_running values = {0};
    size_t each = runs_each(study);
    for (size_t i = setting * each; i < (setting + 1) * each; i++) {
        double x = study->run[i].status == RCR_STUDY_DONE ? rcr_study_number(&study->run[i], number) : NAN;
        if (!isnan(x)) add(&s, &values, x);
    }
    finish(&s, &values);
    return s;
}

rcr_study_difference rcr_study_compare(const rcr_study *study, size_t a, size_t b, const char *score) {
    rcr_study_difference d = {.se_resampled = NAN};
    rcr_running values = {0};
    double ratio = 0, sign = rcr_study_more_is_better(score) ? 1 : -1;
    size_t each = runs_each(study);
    const char *rows = rcr_study_score_part(score) == 2 ? "val_rows" : "test_rows"; /* that the score is of */
    const rcr_study_run *first = NULL;
    int moved = 0;
    for (size_t i = 0; i < each; i++) {
        const rcr_study_run *x = &study->run[a * each + i], *y = &study->run[b * each + i];
        if (x->status != RCR_STUDY_DONE || y->status != RCR_STUDY_DONE) continue;
        double difference = rcr_study_number(y, score) - rcr_study_number(x, score);
        if (isnan(difference)) continue;
        add(&d.spread, &values, difference);
        d.wins += sign * difference > 0;
        ratio += rcr_study_number(x, rows) / rcr_study_number(x, "train_rows");
        rcr_train_options now = rcr_study_run_options(study, x);
        if (first == NULL) first = x;
        rcr_train_options then = rcr_study_run_options(study, first);
        int by_chance = now.split.kind != RCR_SPLIT_REFERENCE && now.split.kind != RCR_SPLIT_FILE;
        moved |= by_chance && (now.split.seed != then.split.seed || now.split.fold != then.split.fold ||
                               now.split.repeat != then.split.repeat);
    }
    finish(&d.spread, &values);
    double n = (double)d.spread.n;
    if (moved) d.se_resampled = d.spread.sd * sqrt(1 / n + ratio / n);
    return d;
}
