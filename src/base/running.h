/* Mean and standard deviation of values that come one by one, of any size that a double has. */
#ifndef RCR_BASE_RUNNING_H
#define RCR_BASE_RUNNING_H

#include <stddef.h>

/* Welford's update (1962), which loses nothing where the mean is large beside the spread, of values times a power of
 * two: 1 as long as their squares neither overflow nor vanish.  Zero-initialise. */
typedef struct rcr_running {
    size_t n;
    double most;          /* the largest absolute value */
    double scale;         /* the power of two; 0 before the first value */
    double mean, squares; /* of the values times it; squares: the sum of those of the deviations */
} rcr_running;

/* A value that is not finite makes mean and deviation such. */
void rcr_running_add(rcr_running *r, double value);
/* NaN for n = 0. */
double rcr_running_mean(const rcr_running *r);
/* The sample standard deviation (n - 1); 0 for n < 2. */
double rcr_running_std(const rcr_running *r);

/* The power of two that brings a set of values, of which `most` is the largest absolute one, to a size whose squares
 * neither overflow nor vanish: 1 from 1e-100 to 1e100, for 0 and for what is not finite. */
double rcr_running_scale(double most);

#endif
