/* What the user sees of a training run. */
#ifndef RCR_CLI_TRAIN_VIEW_H
#define RCR_CLI_TRAIN_VIEW_H

#include "base/text.h"
#include "cli/terminal.h"
#include "train/train.h"

typedef struct rcr_train_view {
    rcr_terminal terminal;
    const char *run_directory;
    int classes;      /* 1: classification */
    int by_accuracy;  /* 1: by which the best model is chosen, as its validation part has one class alone */
    int several;      /* 1: several targets */
    char unit[64];    /* of the target; "" if unknown */
    int decimals;     /* for scores in the target's unit */
    double mean, std; /* of all usable targets */
    double share;     /* of class 1 */
    size_t n_train;
    int32_t n_networks, network; /* of an ensemble, and which of them is at work; 0: none */
    double reading_since;
    /* The epochs seen so far, in this process. */
    int32_t n_epochs_seen, n_epochs, best_epoch;
    double best_score, last_score;
    double epoch_since, epoch_seconds; /* start of the running epoch; smoothed length of the past ones */
} rcr_train_view;

/* Fill in view and events (events->stop is left alone); view must outlive the run. */
void rcr_train_view_init(rcr_train_view *view, rcr_train_events *events, const char *run_directory, int quiet);

/* Seconds until the run ends, all networks of an ensemble: an epoch takes `whole`, of which `inside` have gone by of
 * this one. */
double rcr_train_view_left(const rcr_train_view *view, int32_t epoch, double whole, double inside);

/* The table of final scores and where everything is, for standard output. */
void rcr_train_view_result(rcr_text *out, const rcr_train_view *view, const rcr_train_result *result);

/* One row of scores for each part beside its name; the same table for train and evaluate.  decimals: of MAE and RMSE.
 */
void rcr_score_table(rcr_text *out, int classes, int decimals, const char *const *name, const rcr_score *const *score,
                     size_t n);

/* "sr-cgcnn, 3 steps, learnt gate" */
void rcr_describe_architecture(rcr_text *out, const rcr_model_options *options);

/* Append a word for a shell, in single quotes where it needs them. */
void rcr_shell_word(rcr_text *out, const char *word);

#endif
