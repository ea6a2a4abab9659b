#include "cli/evaluate_trust.h"

#include <math.h>
#include <string.h>

#include "cli/terminal.h"

static void tell_reliability(rcr_text *out, const rcr_part_forecast *part) {
    rcr_reliability bin[RCR_RELIABILITY_BINS];
    double error = 0;
    rcr_reliability_find(bin, part);
    rcr_text_puts(out, "\nprobability   rows   mean predicted   share of class 1\n");
    for (int k = 0; k < RCR_RELIABILITY_BINS; k++) {
        if (bin[k].n == 0) continue;
        error += fabs(bin[k].probability - bin[k].fraction) * (double)bin[k].n / (double)part->n;
        rcr_text_printf(out, " %.1f - %.1f %8zu %16.3f %18.3f\n", (double)k / RCR_RELIABILITY_BINS,
                        (double)(k + 1) / RCR_RELIABILITY_BINS, bin[k].n, bin[k].probability, bin[k].fraction);
    }
    rcr_text_printf(out, "Expected calibration error (over these bins): %.4f\n", error);
}

rcr_status rcr_tell_intervals(rcr_text *out, const rcr_model *model, const rcr_part_forecast *part, size_t t,
                              rcr_error *err) {
    static const double levels[] = {0.5, 0.8, 0.9, 0.95};
    if (model->options.task == RCR_CLASSIFICATION) {
        tell_reliability(out, part);
        return RCR_OK;
    }
    rcr_status status = RCR_OK;
    int head = 0;
    for (size_t k = 0; model->conformal != NULL && k < sizeof levels / sizeof levels[0]; k++) {
        rcr_coverage c;
        if (isinf(rcr_conformal_quantile(&model->conformal[t], levels[k]))) continue;
        status = rcr_coverage_find(&c, model, part, t, levels[k], err);
        if (status != RCR_OK) return status;
        if (c.n == 0) continue;
        int decimals = rcr_decimals_for(c.median_width);
        char mean[32], median[32];
        if (head++ == 0) rcr_text_puts(out, "\nintervals   promised      held   mean length   median\n");
        rcr_text_printf(out, "          %8.0f %%  %6.1f %% %13s %8s\n", 100 * levels[k], 100 * c.coverage,
                        rcr_format_value(mean, c.mean_width, decimals),
                        rcr_format_value(median, c.median_width, decimals));
    }
    if (model->n_members > 1 || model->options.variance) {
        double correlation;
        status = rcr_doubt_correlation(&correlation, part, t, model, err);
        if (status == RCR_OK && !isnan(correlation))
            rcr_text_printf(out, "Rank correlation of doubt and error: %.3f\n", correlation);
    }
    return status;
}

/* Rows of one kind, and their errors. */
typedef struct kind {
    size_t n, n_errors;
    double error;
} kind;

rcr_status rcr_tell_domain(rcr_text *out, const rcr_model *model, const rcr_dataset *dataset, const int64_t *index,
                           const rcr_part_forecast *part, rcr_error *err) {
    static const char *const names[] = {"like the training rows", "far from them", "with other elements"};
    kind group[3] = {{0, 0, 0}};
    rcr_text text = {0};
    rcr_status status = RCR_OK;
    if (model->domain == NULL) return RCR_OK;
    for (size_t i = 0; i < part->n && status == RCR_OK; i++) {
        const double *row = part->row + i * part->columns.n;
        text.length = 0;
        status = rcr_sample_domain(&text, model, dataset, index != NULL ? (size_t)index[i] : i, row, err);
        if (status == RCR_OK && text.failed) status = rcr_fail_memory(err, "scoring a model");
        if (status != RCR_OK) break;
        kind *g = &group[strcmp(text.data, "in") == 0 ? 0 : strcmp(text.data, "far") == 0 ? 1 : 2];
        double error = fabs(row[0] - part->target[i * part->n_targets]);
        g->n++;
        if (isnan(error)) continue;
        g->n_errors++;
        g->error += error;
    }
    rcr_text_free(&text);
    if (status != RCR_OK) return status;
    rcr_text_puts(out, "\n");
    for (int k = 0; k < 3; k++) {
        char count[32], number[32];
        double mean = group[k].error / (double)group[k].n_errors;
        rcr_text_printf(out, "%-24s %8s crystals", names[k], rcr_format_count(count, (long long)group[k].n));
        if (group[k].n_errors > 0)
            rcr_text_printf(out, ", %s %s", model->options.task == RCR_CLASSIFICATION ? "mean error" : "MAE",
                            rcr_format_value(number, mean, rcr_decimals_for(mean)));
        rcr_text_puts(out, "\n");
    }
    return RCR_OK;
}
