/* Optimisers: PyTorch's formulas, a vector at a time. */
#include <math.h>

#include "kernels/cpu/cpu.h"

void RCR_CPU(adam_update)(const rcr_exec *x, rcr_real *p, rcr_real *m, rcr_real *v, const rcr_real *grad,
                          const rcr_adam *adam, int64_t n) {
    (void)x;
    float beta1 = (float)adam->beta1, beta2 = (float)adam->beta2;
    float one_beta1 = (float)(1.0 - adam->beta1), one_beta2 = (float)(1.0 - adam->beta2);
    double correction1 = 1.0 - pow(adam->beta1, (double)adam->step),
           correction2 = 1.0 - pow(adam->beta2, (double)adam->step);
    float step = (float)(adam->lr / correction1), root2 = (float)sqrt(correction2), eps = (float)adam->eps;
    float shrink = adam->decoupled ? (float)(1.0 - adam->lr * adam->weight_decay) : 1.0f;
    float decay = adam->decoupled ? 0.0f : (float)adam->weight_decay;
    for (int64_t i = 0; i < n; i++) {
        float g = grad[i] + decay * p[i];
        m[i] = beta1 * m[i] + one_beta1 * g;
        v[i] = beta2 * v[i] + one_beta2 * (g * g);
        p[i] = shrink * p[i] - step * m[i] / (sqrtf(v[i]) / root2 + eps);
    }
}

void RCR_CPU(sgd_update)(const rcr_exec *x, rcr_real *p, rcr_real *buffer, const rcr_real *grad, double lr,
                         double momentum, double weight_decay, int first, int64_t n) {
    (void)x;
    float rate = (float)lr, keep = first ? 0.0f : (float)momentum, decay = (float)weight_decay;
    for (int64_t i = 0; i < n; i++) {
        float g = grad[i] + decay * p[i];
        buffer[i] = first ? g : keep * buffer[i] + g;
        p[i] -= rate * buffer[i];
    }
}
