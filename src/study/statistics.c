#include "study/statistics.h"

#include <math.h>

/* Added one by one; Welford's update, which loses nothing where the mean is large beside the spread. */
static void add(rcr_study_spread *s, double *sum2, double x) {
    s->n++;
    double before = x - (s->n > 1 ? s->mean : 0);
    s->mean = s->n > 1 ? s->mean + before / (double)s->n : x;
    *sum2 += s->n > 1 ? before * (x - s->mean) : 0;
    s->min = s->n > 1 ? fmin(s->min, x) : x;
    s->max = s->n > 1 ? fmax(s->max, x) : x;
}

static void finish(rcr_study_spread *s, double sum2) {
    if (s->n == 0) s->mean = s->min = s->max = NAN;
    s->sd = s->n > 1 ? sqrt(sum2 / (double)(s->n - 1)) : NAN;
    s->se = s->sd / sqrt((double)s->n);
}

/* A setting's runs stand together. */
static size_t runs_each(const rcr_study *study) { return study->n_runs / study->n_settings; }

rcr_study_spread rcr_study_spread_of(const rcr_study *study, size_t setting, const char *number) {
    rcr_study_spread s = {0};
    double sum2 = 0;
    size_t each = runs_each(study);
    for (size_t i = setting * each; i < (setting + 1) * each; i++) {
        double x = study->run[i].status == RCR_STUDY_DONE ? rcr_study_number(&study->run[i], number) : NAN;
        if (!isnan(x)) add(&s, &sum2, x);
    }
    finish(&s, sum2);
    return s;
}

rcr_study_difference rcr_study_compare(const rcr_study *study, size_t a, size_t b, const char *score) {
    rcr_study_difference d = {.se_resampled = NAN};
    double sum2 = 0, ratio = 0, sign = rcr_study_more_is_better(score) ? 1 : -1;
    size_t each = runs_each(study);
    const rcr_study_run *first = NULL;
    int moved = 0;
    for (size_t i = 0; i < each; i++) {
        const rcr_study_run *x = &study->run[a * each + i], *y = &study->run[b * each + i];
        if (x->status != RCR_STUDY_DONE || y->status != RCR_STUDY_DONE) continue;
        double difference = rcr_study_number(y, score) - rcr_study_number(x, score);
        if (isnan(difference)) continue;
        add(&d.spread, &sum2, difference);
        d.wins += sign * difference > 0;
        ratio += rcr_study_number(x, "test_rows") / rcr_study_number(x, "train_rows");
        rcr_train_options now = rcr_study_run_options(study, x);
        if (first == NULL) first = x;
        rcr_train_options then = rcr_study_run_options(study, first);
        int by_chance = now.split.kind != RCR_SPLIT_REFERENCE && now.split.kind != RCR_SPLIT_FILE;
        moved |= by_chance && (now.split.seed != then.split.seed || now.split.fold != then.split.fold ||
                               now.split.repeat != then.split.repeat);
    }
    finish(&d.spread, sum2);
    double n = (double)d.spread.n;
    if (moved) d.se_resampled = d.spread.sd * sqrt(1 / n + ratio / n);
    return d;
}
