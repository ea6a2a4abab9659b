#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/status.h"
#include "study/statistics.h"
#include "study/study.h"

enum { CELL = 48 };

/* x rounded to so many digits after the point, without the locale; "-" for what is undefined. */
static void put_fixed(char cell[CELL], double x, int decimals) {
    double scale = 1;
    for (int i = 0; i < decimals; i++) scale *= 10;
    double scaled = nearbyint(fabs(x) * scale);
    if (!(scaled < 9e15)) {
        snprintf(cell, CELL, "-");
        return;
    }
    long long whole = (long long)scaled, unit = (long long)scale;
    const char *sign = x < 0 && whole > 0 ? "-" : "";
    if (decimals == 0)
        snprintf(cell, CELL, "%s%lld", sign, whole);
    else
        snprintf(cell, CELL, "%s%lld.%0*lld", sign, whole / unit, decimals, whole % unit);
}

/* Digits with which a score of this size shows four that mean something. */
static int decimals_for(double scale) {
    int decimals = 0;
    if (!(scale > 0)) return 4;
    for (double x = scale; x < 1000 && decimals < 9; x *= 10) decimals++;
    return decimals;
}

/* Width on a screen: UTF-8 continuation bytes take none. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void put_left(rcr_text *out, const char *text, int width) {
    rcr_text_puts(out, text);
    int gap = width - width_of(text);
    if (gap > 0) rcr_text_printf(out, "%*s", gap, "");
}

static void put_right(rcr_text *out, const char *text, int width) { rcr_text_printf(out, "  %*s", width, text); }

static int name_width(const rcr_study *study) {
    int width = 7;
    for (size_t s = 0; s < study->n_settings; s++)
        if (width_of(study->setting[s].name) > width) width = width_of(study->setting[s].name);
    return width;
}

static void put_spread(rcr_text *out, const rcr_study *study, size_t s, const char *score, int decimals) {
    rcr_study_spread spread = rcr_study_spread_of(study, s, score);
    char mean[CELL], sd[CELL];
    put_fixed(mean, spread.mean, decimals);
    put_fixed(sd, spread.sd, decimals);
    put_right(out, mean, 10);
    put_right(out, sd, 10);
}

static void put_settings(rcr_text *out, const rcr_study *study, const char *test, const char *val, int decimals) {
    int width = name_width(study);
    char cell[CELL];
    put_left(out, "setting", width);
    put_right(out, "n", 4);
    put_right(out, test, 10);
    put_right(out, "sd", 10);
    put_right(out, val, 10);
    put_right(out, "sd", 10);
    put_right(out, "parameters", 10);
    put_right(out, "seconds", 9);
    rcr_text_puts(out, "\n");
    for (size_t s = 0; s < study->n_settings; s++) {
        put_left(out, study->setting[s].name, width);
        snprintf(cell, sizeof cell, "%zu", rcr_study_spread_of(study, s, test).n);
        put_right(out, cell, 4);
        put_spread(out, study, s, test, decimals);
        put_spread(out, study, s, val, decimals);
        put_fixed(cell, rcr_study_spread_of(study, s, "parameters").mean, 0);
        put_right(out, cell, 10);
        put_fixed(cell, rcr_study_spread_of(study, s, "seconds").mean, 1);
        put_right(out, cell, 9);
        rcr_text_puts(out, "\n");
    }
}

static void put_differences(rcr_text *out, const rcr_study *study, const char *score, int decimals) {
    int width = name_width(study), resampled = 0;
    char cell[CELL];
    for (size_t s = 0; s < study->n_settings; s++)
        resampled |= !isnan(rcr_study_compare(study, study->baseline, s, score).se_resampled);
    rcr_text_printf(out, "\n%s, difference from %s over the same seeds and splits:\n\n", score,
                    study->setting[study->baseline].name);
    put_left(out, "setting", width);
    put_right(out, "n", 4);
    put_right(out, "mean", 10);
    put_right(out, "se", 10);
    if (resampled) put_right(out, "se*", 10);
    put_right(out, "better", 7);
    rcr_text_puts(out, "\n");
    for (size_t s = 0; s < study->n_settings; s++) {
        if (s == study->baseline) continue;
        rcr_study_difference d = rcr_study_compare(study, study->baseline, s, score);
        put_left(out, study->setting[s].name, width);
        snprintf(cell, sizeof cell, "%zu", d.spread.n);
        put_right(out, cell, 4);
        put_fixed(cell, d.spread.mean, decimals);
        put_right(out, cell, 10);
        put_fixed(cell, d.spread.se, decimals);
        put_right(out, cell, 10);
        if (resampled) {
            put_fixed(cell, d.se_resampled, decimals);
            put_right(out, cell, 10);
        }
        snprintf(cell, sizeof cell, "%zu/%zu", d.wins, d.spread.n);
        put_right(out, cell, 7);
        rcr_text_puts(out, "\n");
    }
    if (resampled)
        rcr_text_puts(out, "\nse* allows for training parts that share rows (Nadeau and Bengio 2003); judge by it.\n");
}

static void put_failed(rcr_text *out, const rcr_study *study) {
    size_t n = 0;
    for (size_t i = 0; i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        if (run->status != RCR_STUDY_FAILED) continue;
        if (n++ == 0) rcr_text_puts(out, "\nfailed:\n");
        rcr_text_printf(out, "  %s: %s\n", run->directory, run->error != NULL ? run->error : "out of memory");
    }
}

void rcr_study_summary_text(rcr_text *out, const rcr_study *study) {
    const char *test = rcr_study_main_score(study);
    size_t done = 0;
    for (size_t i = 0; i < study->n_runs; i++) done += study->run[i].status == RCR_STUDY_DONE;
    rcr_text_printf(out, "study %s: %zu of %zu runs done", study->name, done, study->n_runs);
    const char *target = rcr_study_target(study), *unit = rcr_study_unit(study);
    if (target != NULL) rcr_text_printf(out, "; target %s", target);
    if (target != NULL && unit != NULL && unit[0] != '\0') rcr_text_printf(out, ", %s", unit);
    rcr_text_puts(out, "\n");
    if (test != NULL) {
        char val[64];
        const char *bare = strchr(test, '_');
        rcr_fit(val, sizeof val, "val%.40s", bare != NULL ? bare : "");
        double scale = INFINITY;
        for (size_t s = 0; s < study->n_settings; s++) {
            double mean = fabs(rcr_study_spread_of(study, s, test).mean);
            if (mean < scale) scale = mean;
        }
        int decimals = decimals_for(isfinite(scale) ? scale : 1);
        rcr_text_puts(out, "\n");
        put_settings(out, study, test, val, decimals);
        if (study->n_settings > 1) put_differences(out, study, test, decimals);
    }
    put_failed(out, study);
}
