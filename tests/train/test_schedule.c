#include "support/check.h"

#include <math.h>

#include "train/schedule.h"

static rcr_progress at(int32_t epochs_done, size_t batch, const rcr_epoch *history) {
    return (rcr_progress){history, epochs_done, batch, 4};
}

static double lr_at(const rcr_train_options *o, int32_t epochs_done, size_t batch) {
    rcr_progress progress = at(epochs_done, batch, NULL);
    return rcr_schedule_lr(o, &progress);
}

static void near(double a, double b) { assert_true(fabs(a - b) <= 1e-15); }

static void multistep(void **state) {
    (void)state;
    rcr_train_options o = rcr_train_options_default();
    assert_true(lr_at(&o, 0, 0) == 1e-3 && lr_at(&o, 99, 3) == 1e-3);
    near(lr_at(&o, 100, 0), 1e-4);
    o.schedule = RCR_SCHEDULE_CONSTANT;
    assert_true(lr_at(&o, 299, 3) == 1e-3);
    o.warmup = 2; /* eight updates: 1/8, 2/8, ... */
    near(lr_at(&o, 0, 0), 1e-3 / 8);
    near(lr_at(&o, 1, 2), 1e-3 * 7 / 8);
    assert_true(lr_at(&o, 1, 3) == 1e-3 && lr_at(&o, 2, 0) == 1e-3);
}

static void cosine(void **state) {
    (void)state;
    rcr_train_options o = rcr_train_options_default();
    o.schedule = RCR_SCHEDULE_COSINE;
    o.epochs = 12;
    o.lr = 1;
    assert_true(lr_at(&o, 0, 0) == 1);
    near(lr_at(&o, 6, 0), 0.5);
    near(lr_at(&o, 4, 0), 0.75); /* cos 60 degrees */
    near(lr_at(&o, 8, 0), 0.25);
    o.lr_final = 0.2;
    near(lr_at(&o, 6, 0), 0.6);
    o.warmup = 4; /* the cosine takes the other eight epochs */
    near(lr_at(&o, 0, 3), 0.25);
    near(lr_at(&o, 8, 0), 0.6);
}

/* From lr / 25 up to lr, then down; the ends and the middles of both halves. */
static void one_cycle(void **state) {
    (void)state;
    rcr_train_options o = rcr_train_options_default();
    o.schedule = RCR_SCHEDULE_ONE_CYCLE;
    o.epochs = 10;
    o.lr = 1;
    o.lr_final = 0.001;
    near(lr_at(&o, 0, 0), 0.04);
    near(lr_at(&o, 1, 2), 0.52); /* halfway up */
    near(lr_at(&o, 3, 0), 1);
    near(lr_at(&o, 6, 2), 0.5005); /* halfway down */
    o.warmup = 5;
    near(lr_at(&o, 5, 0), 1);
}

static void plateau(void **state) {
    (void)state;
    rcr_epoch history[12] = {{0}};
    static const int best[12] = {1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0};
    /* patience 1: a second epoch in a row without a better score lowers the rate, and the count begins again */
    static const int drops[13] = {0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 4};
    rcr_train_options o = rcr_train_options_default();
    o.schedule = RCR_SCHEDULE_PLATEAU;
    o.plateau_patience = 1;
    o.lr = 1;
    o.lr_gamma = 0.5;
    for (int i = 0; i < 12; i++) history[i].is_best = best[i];
    for (int32_t n = 0; n <= 12; n++) {
        rcr_progress progress = at(n, 0, history);
        near(rcr_schedule_lr(&o, &progress), pow(0.5, drops[n]));
    }
    assert_false(rcr_schedule_stops(&o, history, 12));
    o.patience = 5;
    for (int32_t n = 0; n <= 12; n++) assert_int_equal(rcr_schedule_stops(&o, history, n), n == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(multistep), cmocka_unit_test(cosine),
                                       cmocka_unit_test(one_cycle), cmocka_unit_test(plateau)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
