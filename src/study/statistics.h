/* Means, spreads and paired differences of a study's scores. */
#ifndef RCR_STUDY_STATISTICS_H
#define RCR_STUDY_STATISTICS_H

#include "study/study.h"

/* All NaN but n for n = 0; sd and se NaN for n = 1. */
typedef struct rcr_study_spread {
    size_t n;
    double mean, sd, se, min, max; /* sample standard deviation (n - 1); se = sd / sqrt(n) */
} rcr_study_spread;

/* Of a number of a setting's runs that are done; runs where it is NaN are left out. */
rcr_study_spread rcr_study_spread_of(const rcr_study *study, size_t setting, const char *number);

/* b - a over the pairs of runs of the same seed, repeat and fold that are both done. */
typedef struct rcr_study_difference {
    rcr_study_spread spread;
    double se_resampled; /* sd sqrt(1/n + test rows / training rows), Nadeau and Bengio 2003, eq. for the corrected
                            resampled t-test; NaN where all pairs have the same split */
    size_t wins;         /* pairs in which b is better */
} rcr_study_difference;
rcr_study_difference rcr_study_compare(const rcr_study *study, size_t a, size_t b, const char *score);

#endif
