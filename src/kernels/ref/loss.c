/* Losses: means over the rows or values that have a target, and their gradients. */
#include "kernels/ref/ref.h"

/* Values of n targets that are there: a missing one is NaN, and counts for nothing. */
static int32_t count_present(const rcr_real *target, int64_t n) {
    int32_t present = 0;
    for (int64_t k = 0; k < n; k++) present += !isnan(target[k]);
    return present;
}

void rcr_ref_loss_mse(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                      int32_t C) {
    (void)x;
    double sum = 0;
    int32_t n = count_present(target, C);
    for (int32_t k = 0; k < C; k++) {
        double error = isnan(target[k]) ? 0 : (double)out[k] - (double)target[k];
        sum += error * error;
        dout[k] = n > 0 ? (rcr_real)(2 * error / n) : 0; /* d of: loss = sum error^2 / n */
    }
    *loss = (rcr_real)(n > 0 ? sum / n : 0);
}

void rcr_ref_loss_l1(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                     int32_t C) {
    (void)x;
    double sum = 0;
    int32_t n = count_present(target, C);
    for (int32_t k = 0; k < C; k++) {
        double error = isnan(target[k]) ? 0 : (double)out[k] - (double)target[k];
        sum += fabs(error);
        dout[k] = n > 0 ? (rcr_real)((double)((error > 0) - (error < 0)) / n) : 0; /* d of: loss = sum |error| / n */
    }
    *loss = (rcr_real)(n > 0 ? sum / n : 0);
}

void rcr_ref_loss_huber(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                        double delta, int32_t C) {
    (void)x;
    double sum = 0;
    int32_t n = count_present(target, C);
    for (int32_t k = 0; k < C; k++) {
        double error = isnan(target[k]) ? 0 : (double)out[k] - (double)target[k], size = fabs(error);
        sum += size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta);
        /* d of either branch: the error, held within +-delta */
        dout[k] = n > 0 ? (rcr_real)((size <= delta ? error : error > 0 ? delta : -delta) / n) : 0;
    }
    *loss = (rcr_real)(n > 0 ? sum / n : 0);
}

void rcr_ref_loss_gaussian(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out,
                           const rcr_real *target, double beta, int32_t C, int32_t T) {
    (void)x;
    double sum = 0;
    int32_t n = count_present(target, (int64_t)C * T);
    for (int32_t c = 0; c < C; c++)
        for (int32_t t = 0; t < T; t++) {
            size_t value = (size_t)c * 2 * (size_t)T + (size_t)t, doubt = value + (size_t)T;
            rcr_real y = target[(size_t)c * (size_t)T + (size_t)t];
            dout[value] = dout[doubt] = 0;
            if (isnan(y)) continue;
            double s = rcr_log_variance((double)out[doubt]), error = (double)out[value] - (double)y;
            double scaled = error * exp(-s), share = exp(beta * s) / n;
            sum += 0.5 * (s + error * scaled);
            /* d of the line above by the value, by s, and of s = L tanh(o / L) by o: 1 - (s / L)^2 */
            dout[value] = (rcr_real)(share * scaled);
            double slope = 1 - s / RCR_LOG_VARIANCE_LIMIT * (s / RCR_LOG_VARIANCE_LIMIT);
            dout[doubt] = (rcr_real)(share * 0.5 * (1 - error * scaled) * slope);
        }
    *loss = (rcr_real)(n > 0 ? sum / n : 0);
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
                      const double *class_weight, int32_t C, int32_t n_classes) {
    (void)x;
    double sum = 0, all = 0;
    for (int32_t k = 0; k < C; k++) all += class_weight != NULL ? class_weight[(int32_t)target[k]] : 1;
    for (int32_t k = 0; k < C; k++) {
        const rcr_real *row = out + (size_t)k * (size_t)n_classes; /* [n_classes] */
        int32_t class = (int32_t)target[k];
        double total = log_sum_exp(row, n_classes), weight = class_weight != NULL ? class_weight[class] : 1;
        sum -= weight * ((double)row[class] - total);
        for (int32_t m = 0; m < n_classes; m++) {
            /* d of: loss = sum weight (log_sum_exp(row) - row[class]) / sum weight */
            double probability = exp((double)row[m] - total);
            dout[(size_t)k * (size_t)n_classes + (size_t)m] =
                all > 0 ? (rcr_real)(weight * (probability - (m == class)) / all) : 0;
        }
    }
    *loss = (rcr_real)(all > 0 ? sum / all : 0);
}
