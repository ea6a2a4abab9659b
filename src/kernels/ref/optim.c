/* Optimisers, with the formulas of torch.optim.Adam, AdamW and SGD, and what goes with them. */
#include "kernels/ref/ref.h"

void rcr_ref_adam_update(const rcr_exec *x, rcr_real *p, rcr_real *m, rcr_real *v, const rcr_real *grad,
                         const rcr_adam *adam, int64_t n) {
    (void)x;
    double step = (double)adam->step;
    double rate = adam->lr / (1 - pow(adam->beta1, step)); /* lr over the first moment's bias correction */
    double root = sqrt(1 - pow(adam->beta2, step));        /* the second moment's, under the root */
    double shrink = adam->decoupled ? 1 - adam->lr * adam->weight_decay : 1;
    double decay = adam->decoupled ? 0 : adam->weight_decay;
    for (int64_t i = 0; i < n; i++) {
        double weight = (double)p[i] * shrink;
        double g = (double)grad[i] + decay * (double)p[i];
        double first = adam->beta1 * (double)m[i] + (1 - adam->beta1) * g;
        double second = adam->beta2 * (double)v[i] + (1 - adam->beta2) * g * g;
        m[i] = (rcr_real)first;
        v[i] = (rcr_real)second;
        p[i] = (rcr_real)(weight - rate * first / (sqrt(second) / root + adam->eps));
    }
}

void rcr_ref_sgd_update(const rcr_exec *x, rcr_real *p, rcr_real *buffer, const rcr_real *grad, double lr,
                        double momentum, double weight_decay, int first, int64_t n) {
    (void)x;
    for (int64_t i = 0; i < n; i++) {
        double g = (double)grad[i] + weight_decay * (double)p[i];
        double b = first ? g : momentum * (double)buffer[i] + g;
        buffer[i] = (rcr_real)b;
        p[i] = (rcr_real)((double)p[i] - lr * b);
    }
}

void rcr_ref_clip_norm(const rcr_exec *x, rcr_real *grad, double limit, int64_t n) {
    (void)x;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)grad[i] * (double)grad[i];
    double factor = limit / (sqrt(sum) + 1e-6);
    if (!(factor < 1)) return;
    for (int64_t i = 0; i < n; i++) grad[i] = (rcr_real)((double)grad[i] * factor);
}

void rcr_ref_blend(const rcr_exec *x, rcr_real *y, const rcr_real *in, double keep, int64_t n) {
    (void)x;
    for (int64_t i = 0; i < n; i++) y[i] = (rcr_real)(keep * (double)y[i] + (1 - keep) * (double)in[i]);
}
