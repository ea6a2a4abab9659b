/* Losses: weighted means over the rows or values that have a target, and their gradients. */
#include "kernels/ref/ref.h"

static double weight_of(const rcr_real *weight, size_t k) { return weight != NULL ? (double)weight[k] : 1; }

/* What n targets count together: a missing one is NaN, and counts for nothing. */
static double weigh_present(const rcr_real *target, const rcr_real *weight, size_t n) {
    double all = 0;
    for (size_t k = 0; k < n; k++) all += isnan(target[k]) ? 0 : weight_of(weight, k);
    return all;
}

void rcr_ref_loss_mse(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                      const rcr_real *weight, int32_t C) {
    (void)x;
    double sum = 0, all = weigh_present(target, weight, (size_t)C);
    for (int32_t k = 0; k < C; k++) {
        double error = isnan(target[k]) ? 0 : (double)out[k] - (double)target[k];
        double weighted = weight_of(weight, (size_t)k) * error;
        sum += weighted * error;
        dout[k] = all > 0 ? (rcr_real)(2 * weighted / all) : 0; /* d of: loss = sum weight error^2 / sum weight */
    }
    *loss = (rcr_real)(all > 0 ? sum / all : 0);
}

void rcr_ref_loss_l1(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                     const rcr_real *weight, int32_t C) {
    (void)x;
    double sum = 0, all = weigh_present(target, weight, (size_t)C);
    for (int32_t k = 0; k < C; k++) {
        double error = isnan(target[k]) ? 0 : (double)out[k] - (double)target[k];
        double w = weight_of(weight, (size_t)k);
        sum += w * fabs(error);
        /* d of: loss = sum weight |error| / sum weight */
        dout[k] = all > 0 ? (rcr_real)(w * ((error > 0) - (error < 0)) / all) : 0;
    }
    *loss = (rcr_real)(all > 0 ? sum / all : 0);
}

void rcr_ref_loss_huber(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out, const rcr_real *target,
                        const rcr_real *weight, double delta, int32_t C) {
    (void)x;
    double sum = 0, all = weigh_present(target, weight, (size_t)C);
    for (int32_t k = 0; k < C; k++) {
        double error = isnan(target[k]) ? 0 : (double)out[k] - (double)target[k], size = fabs(error);
        double w = weight_of(weight, (size_t)k);
        sum += w * (size <= delta ? 0.5 * error * error : delta * (size - 0.5 * delta));
        /* d of either branch: the error, held within +-delta */
        dout[k] = all > 0 ? (rcr_real)(w * (size <= delta ? error : error > 0 ? delta : -delta) / all) : 0;
    }
    *loss = (rcr_real)(all > 0 ? sum / all : 0);
}

void rcr_ref_loss_gaussian(const rcr_exec *x, rcr_real *loss, rcr_real *dout, const rcr_real *out,
                           const rcr_real *target, const rcr_real *weight, double beta, int32_t C, int32_t T) {
    (void)x;
    double sum = 0, all = weigh_present(target, weight, (size_t)C * (size_t)T);
    for (int32_t c = 0; c < C; c++)
        for (int32_t t = 0; t < T; t++) {
            size_t value = (size_t)c * 2 * (size_t)T + (size_t)t, doubt = value + (size_t)T;
            size_t k = (size_t)c * (size_t)T + (size_t)t;
            dout[value] = dout[doubt] = 0;
            if (isnan(target[k]) || all == 0) continue;
            double s = rcr_log_variance((double)out[doubt]), error = (double)out[value] - (double)target[k];
            double w = weight_of(weight, k), scaled = error * exp(-s), share = w * exp(beta * s) / all;
            sum += w * (0.5 * (s + error * scaled));
            /* d of the line above by the value, by s, and of s = L tanh(o / L) by o: 1 - (s / L)^2 */
            dout[value] = (rcr_real)(share * scaled);
            double slope = 1 - s / RCR_LOG_VARIANCE_LIMIT * (s / RCR_LOG_VARIANCE_LIMIT);
            dout[doubt] = (rcr_real)(share * 0.5 * (1 - error * scaled) * slope);
        }
    *loss = (rcr_real)(all > 0 ? sum / all : 0);
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
                      const rcr_real *weight, const double *class_weight, int32_t C, int32_t n_classes) {
    (void)x;
    double sum = 0, all = 0;
    for (int32_t k = 0; k < C; k++)
        all += weight_of(weight, (size_t)k) * (class_weight != NULL ? class_weight[(int32_t)target[k]] : 1);
    for (int32_t k = 0; k < C; k++) {
        const rcr_real *row = out + (size_t)k * (size_t)n_classes; /* [n_classes] */
        int32_t class = (int32_t)target[k];
        double total = log_sum_exp(row, n_classes);
        double w = weight_of(weight, (size_t)k) * (class_weight != NULL ? class_weight[class] : 1);
        sum -= w * ((double)row[class] - total);
        for (int32_t m = 0; m < n_classes; m++) {
            /* d of: loss = sum w (log_sum_exp(row) - row[class]) / sum w */
            double probability = exp((double)row[m] - total);
            dout[(size_t)k * (size_t)n_classes + (size_t)m] =
                all > 0 ? (rcr_real)(w * (probability - (m == class)) / all) : 0;
        }
    }
    *loss = (rcr_real)(all > 0 ? sum / all : 0);
}
