/*
 * Intervals that hold what they promise: split conformal prediction.
 *
 * From n rows that the network was not trained on, with targets y, predictions p and scales s, the scores are
 * |y - p| / s.  For a new row of the same kind the interval p -+ q s, with q the ceil((n + 1) level)-th smallest score,
 * holds its target with a probability of at least `level`, whatever the network is worth and however its errors are
 * distributed (Papadopoulos et al. 2002; Lei et al. 2018, theorem 2).
 *
 * The scale is 1 where a model says nothing of its own doubt; else s = u + offset, where u is that doubt (the spread of
 * an ensemble, a predicted standard deviation, or both) and the offset, one for all rows, keeps a network that is too
 * sure of itself from promising nothing.
 */
#ifndef RCR_MODEL_CONFORMAL_H
#define RCR_MODEL_CONFORMAL_H

#include "recryst.h"

/* Scores that are kept at most. */
enum { RCR_CONFORMAL_SCORES = 4096 };

typedef struct rcr_conformal {
    int scaled;    /* 1: the scale of a row is its u + offset; 0: it is 1 */
    double offset; /* > 0; 0 where not scaled */
    size_t n;      /* rows they were made of */
    size_t n_scores;
    double *score; /* [n_scores] ascending; score[k] is the one of rank ceil((k + 1) n / n_scores) among n */
} rcr_conformal;

/* From n rows: target (infinite where no interval of finite length holds it), value [n], doubt [n] or NULL (the scale
 * is then 1, as it is where a doubt is not a number above or at 0, or all are 0).  The offset is the one of 0.01, 0.1,
 * 0.3, 1, 3 and 10 times the median doubt that makes the geometric mean of the 90 % intervals' lengths least. Errors:
 * RCR_ERR_DATA (no rows, or a target that is not a number, a value that is not finite), RCR_ERR_MEMORY. */
rcr_status rcr_conformal_fit(rcr_conformal *out, const double *target, const double *value, const double *doubt,
                             size_t n, rcr_error *err);
void rcr_conformal_release(rcr_conformal *conformal);
rcr_status rcr_conformal_copy(rcr_conformal *out, const rcr_conformal *from, rcr_error *err);

/* q for a level in (0, 1): the score of rank ceil((n + 1) level), or of the next rank above that was kept; infinite
 * where n rows are too few for that level, or so many of their targets are. */
double rcr_conformal_quantile(const rcr_conformal *conformal, double level);

/* The scale of a row whose doubt is u (ignored where not scaled). */
double rcr_conformal_scale(const rcr_conformal *conformal, double doubt);

/* 1 where the interval of a quantile q holds the target of a row with that value and doubt.  Scores are compared, as
 * they were computed for the quantile: q s may be less than the |y - p| of the very row that q is the score of. */
int rcr_conformal_holds(const rcr_conformal *conformal, double q, double target, double value, double doubt);

/* The rank ceil((n + 1) level), 1-based, of a level in (0, 1); n + 1 where none of n will do.  Levels that are decimal
 * fractions are taken as such: 0.9 of 9 rows is rank 9, though 0.9 is no double. */
size_t rcr_conformal_rank(size_t n, double level);

#endif
