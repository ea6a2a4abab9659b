#include "train/schedule.h"

#include <math.h>

/* From `from` at t = 0 to `to` at t = 1, level at both ends. */
static double half_cosine(double from, double to, double t) {
    static const double pi = 3.14159265358979323846;
    if (t <= 0) return from;
    if (t >= 1) return to;
    return to + (from - to) * 0.5 * (1 + cos(pi * t));
}

static double one_cycle(const rcr_train_options *o, double epochs_done) {
    double rise = o->warmup > 0 ? o->warmup : 0.3 * o->epochs;
    if (epochs_done < rise) return half_cosine(o->lr / 25, o->lr, epochs_done / rise);
    return half_cosine(o->lr, o->lr * o->lr_final, (epochs_done - rise) / (o->epochs - rise));
}

/* The history says which epochs were better than all before them, so that a resumed run needs no state of its own. */
static double plateau(const rcr_train_options *o, const rcr_progress *p) {
    double lr = o->lr;
    int32_t waited = 0;
    for (int32_t i = 0; i < p->epochs_done; i++) {
        waited = p->history[i].is_best ? 0 : waited + 1;
        if (waited > o->plateau_patience) {
            lr *= o->lr_gamma;
            waited = 0;
        }
    }
    return lr;
}

double rcr_schedule_lr(const rcr_train_options *o, const rcr_progress *p) {
    double epochs_done = p->epochs_done + (double)p->batch / (double)p->n_batches, lr = o->lr;
    switch (o->schedule) {
    case RCR_SCHEDULE_CONSTANT: break;
    case RCR_SCHEDULE_MULTISTEP:
        for (int32_t i = 0; i < o->n_milestones; i++)
            if (o->milestone[i] <= p->epochs_done) lr *= o->lr_gamma;
        break;
    case RCR_SCHEDULE_COSINE:
        lr = half_cosine(o->lr, o->lr * o->lr_final, (epochs_done - o->warmup) / (o->epochs - o->warmup));
        break;
    case RCR_SCHEDULE_ONE_CYCLE: return one_cycle(o, epochs_done);
    case RCR_SCHEDULE_PLATEAU: lr = plateau(o, p); break;
    }
    /* The first update of all has a rate above 0. */
    double warm = epochs_done + 1 / (double)p->n_batches;
    return warm < o->warmup ? lr * warm / o->warmup : lr;
}

int rcr_schedule_stops(const rcr_train_options *o, const rcr_epoch *history, int32_t epochs_done) {
    if (o->patience == 0) return 0;
    int32_t waited = 0;
    for (int32_t i = epochs_done - 1; i >= 0 && !history[i].is_best; i--) waited++;
    return waited >= o->patience;
}
