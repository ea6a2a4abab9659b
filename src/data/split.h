/* Which rows train, which choose the best model, which judge it. */
#ifndef RCR_DATA_SPLIT_H
#define RCR_DATA_SPLIT_H

#include "data/dataset.h"

typedef struct rcr_split {
    size_t n_train, n_val, n_test;
    int64_t *train, *val, *test; /* indices of samples, ascending; rcr_split_free frees them */
} rcr_split;

typedef enum rcr_split_kind {
    RCR_SPLIT_RANDOM = 0,
    RCR_SPLIT_REFERENCE,
    RCR_SPLIT_FILE,
    RCR_SPLIT_HIGHEST, /* the highest targets test: extrapolation */
    RCR_SPLIT_LOWEST,
    RCR_SPLIT_SKLEARN /* folds of scikit-learn's (Repeated)KFold(folds, shuffle=True, random_state=seed) */
} rcr_split_kind;

/* What must not stand on both sides of a split. */
typedef enum rcr_split_group {
    RCR_GROUP_NONE = 0,
    RCR_GROUP_FORMULA,         /* rows of one reduced formula stay together */
    RCR_GROUP_CHEMICAL_SYSTEM, /* rows of one set of elements */
    RCR_GROUP_PROTOTYPE        /* rows of one structure type (crystal/prototype.h) */
} rcr_split_group;

typedef struct rcr_split_options {
    rcr_split_kind kind;
    const char *file;   /* RCR_SPLIT_FILE: CSV with header id,part (train|val|test) */
    uint64_t seed;      /* RANDOM, HIGHEST, LOWEST; RCR_SPLIT_REFERENCE always shuffles with Python's seed 123 */
    double train_ratio; /* < 0: what the others leave */
    double val_ratio, test_ratio;
    int64_t train_size, val_size, test_size; /* < 0: by ratio */
    rcr_split_group group;                   /* not with REFERENCE and FILE */
    int32_t folds, fold; /* RANDOM: the test part is fold 0 .. folds - 1 of so many equal ones; 0: one test part.  Each
                            row tests in one fold of a seed; other seeds repeat the whole. */
    int32_t repeat;      /* RANDOM, HIGHEST, LOWEST, SKLEARN: another shuffle of the same seed, from 0 */
} rcr_split_options;
rcr_split_options rcr_split_options_default(void); /* random, 123, rest, 0.1, 0.1, no groups, no folds */

/* Parts never overlap and none is empty: else RCR_ERR_ARGUMENT (or RCR_ERR_DATA for a file), saying which part and why.
 * What the kind has no use for must be the default, or it is RCR_ERR_ARGUMENT: a file of any kind but FILE; ratios,
 * sizes, groups, folds and repeats of FILE; the test part's ratio and size beside folds.  The seed alone may be any.
 * Within a part, samples are in source order.
 * RANDOM shuffles the usable samples.  With a group or folds, so does it whole groups, which are never cut: a part then
 * has at least the rows asked for.  HIGHEST and LOWEST give the extreme targets to the test part and deal the others as
 * RANDOM does.  SKLEARN deals all rows of the source into folds, usable or not, so that they are scikit-learn's, drops
 * the unusable ones, and takes the validation part from the others by chance.  REFERENCE shuffles and cuts all rows of
 * the source, as the reference program does (Python's shuffle, seed 123; ratios cut down by int()), and only then drops
 * the unusable ones, so that one bad file does not change where the others go.  FILE may name unusable rows (they are
 * dropped) and may leave rows out; ids that the dataset does not have, and ids listed twice, are errors. */
rcr_status rcr_split_make(rcr_split *out, const rcr_dataset *dataset, const rcr_split_options *options, rcr_error *err);
void rcr_split_free(rcr_split *split);

#endif
