/* Losses: means over the C rows, and their gradients. */
#include "kernels/ref/ref.h"

void rcr_ref_loss_mse(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                      int32_t C) {
    (void)x;
    double sum = 0;
    for (int32_t k = 0; k < C; k++) {
        double error = (double)out[k] - (double)target[k];
        sum += error * error;
        dout[k] = (rcr_real)(2 * error / C); /* d of: loss = sum error^2 / C */
    }
    *loss = (rcr_real)(C > 0 ? sum / C : 0);
}

void rcr_ref_loss_l1(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                     int32_t C) {
    (void)x;
    double sum = 0;
    for (int32_t k = 0; k < C; k++) {
        double error = (double)out[k] - (double)target[k];
        sum += fabs(error);
        dout[k] = (rcr_real)((double)((error > 0) - (error < 0)) / C); /* d of: loss = sum |error| / C */
    }
    *loss = (rcr_real)(C > 0 ? sum / C : 0);
}

void rcr_ref_loss_huber(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                        double delta, int32_t C) {
    (void)x;
    double sum = 0;
    for (int32_t k = 0; k < C; k++) {
        double error = (double)out[k] - (double)target[k], size = fabs(error);
        sum += size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta);
        /* d of either branch: the error, held within +-delta */
        dout[k] = (rcr_real)((size <= delta ? error : error > 0 ? delta : -delta) / C);
    }
    *loss = (rcr_real)(C > 0 ? sum / C : 0);
}

/* log sum_m exp(out[m]), the largest taken out first so that nothing overflows. */
static double log_sum_exp(const rcr_real *out /* [n_classes] */, int32_t n_classes) {
    double largest = (double)out[0], sum = 0;
    for (int32_t m = 1; m < n_classes; m++)
        if ((double)out[m] > largest) largest = (double)out[m];
    for (int32_t m = 0; m < n_classes; m++) sum += exp((double)out[m] - largest);
    return largest + log(sum);
}

void rcr_ref_log_softmax(const rcr_exec *x, rcr_real *y, const rcr_real *out, int32_t C, int32_t n_classes) {
    (void)x;
    for (int32_t k = 0; k < C; k++) {
        const rcr_real *row = out + (size_t)k * (size_t)n_classes;
        double total = log_sum_exp(row, n_classes);
        for (int32_t m = 0; m < n_classes; m++)
            y[(size_t)k * (size_t)n_classes + (size_t)m] = (rcr_real)((double)row[m] - total);
    }
}

void rcr_ref_loss_nll(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                      int32_t C, int32_t n_classes) {
    (void)x;
    double sum = 0;
    for (int32_t k = 0; k < C; k++) {
        const rcr_real *row = out + (size_t)k * (size_t)n_classes; /* [n_classes] */
        int32_t class = (int32_t)target[k];
        double total = log_sum_exp(row, n_classes);
        sum -= (double)row[class] - total;
        for (int32_t m = 0; m < n_classes; m++) {
            /* d of: loss = sum (log_sum_exp(row) - row[class]) / C */
            double probability = exp((double)row[m] - total);
            dout[(size_t)k * (size_t)n_classes + (size_t)m] = (rcr_real)((probability - (m == class)) / C);
        }
    }
    *loss = (rcr_real)(C > 0 ? sum / C : 0);
}
