/* Training runs: from a dataset and options to a run directory, resumable bit for bit. */
#ifndef RCR_TRAIN_TRAIN_H
#define RCR_TRAIN_TRAIN_H

#ifdef __cplusplus
#include <atomic>
using std::atomic_int; /* C++ has no stdatomic.h before C++23; the two are laid out alike */
#else
#include <stdatomic.h>
#endif

#include "data/dataset.h"
#include "data/split.h"
#include "model/model.h"

typedef enum rcr_optimizer_kind { RCR_ADAM = 0, RCR_SGD, RCR_ADAMW } rcr_optimizer_kind;

/* Of a regression's normalised targets, the mean over those that are there; classification has the negative
 * log-likelihood.  RCR_LOSS_GAUSSIAN is that of a normal distribution whose variance the model predicts too. */
typedef enum rcr_loss_kind { RCR_LOSS_MSE = 0, RCR_LOSS_L1, RCR_LOSS_HUBER, RCR_LOSS_GAUSSIAN } rcr_loss_kind;

/* How the learning rate changes: train/schedule.h. */
typedef enum rcr_schedule_kind {
    RCR_SCHEDULE_MULTISTEP = 0,
    RCR_SCHEDULE_CONSTANT,
    RCR_SCHEDULE_COSINE,
    RCR_SCHEDULE_ONE_CYCLE,
    RCR_SCHEDULE_PLATEAU
} rcr_schedule_kind;

/* Whether a run that begins with another model's weights begins with its last layer too. */
typedef enum rcr_init_head {
    RCR_HEAD_AUTO = 0, /* where it predicts the same targets */
    RCR_HEAD_FRESH,
    RCR_HEAD_KEEP
} rcr_init_head;

#define RCR_MAX_MILESTONES 32

typedef struct rcr_train_options {
    rcr_model_options model; /* n_targets and variance follow from target and loss */
    rcr_graph_options graph;
    rcr_split_options split;
    const char *target;    /* column, or several as "a,b"; NULL: the only one */
    const char *unit;      /* stored in the model; of several targets one for each, "eV,GPa"; NULL: "" */
    const char *transform; /* what is learnt of a target (data/transform.h); one for all or one for each; NULL: none */
    const char *weights;   /* column of what each training row counts in the loss, 0 or more; 0 leaves it out of the
                              training   part; validation and scores count all rows the same; NULL: all count the same */
    const char *class_weights; /* what rows of each class count in the loss: "balanced" or "W0,W1"; NULL: 1 */
    const char *init; /* model or run whose weights are the start, and whose options of the network and of graphs are
                         taken where they are the default here, and must be the same where they are not; NULL: fresh */
    rcr_init_head init_head;
    const char *freeze;      /* what stays as it is, of "embedding,conv,hidden,output"; NULL: nothing */
    double deep_supervision; /* SR-CGCNN: what the mean loss of the readouts after earlier steps counts; 0 */
    int32_t epochs;          /* 300 */
    int32_t batch_size;      /* 256 */
    rcr_optimizer_kind optimizer;
    double lr;           /* 1e-3 */
    double momentum;     /* SGD, 0.9 */
    double weight_decay; /* 0 */
    double beta1, beta2, eps;
    rcr_loss_kind loss;   /* RCR_LOSS_MSE */
    double huber_delta;   /* Huber's loss, in units of the training targets' standard deviation; 1 */
    double gaussian_beta; /* the Gaussian loss' gradients are scaled by each value's variance to this power; 0 */
    rcr_schedule_kind schedule;
    int32_t n_milestones;
    int32_t milestone[RCR_MAX_MILESTONES]; /* epochs after which lr is multiplied; {100} */
    double lr_gamma;                       /* 0.1; multistep and plateau */
    double lr_final;                       /* cosine and one-cycle: the last rate as a share of lr; 0 */
    double warmup;                         /* epochs, whole or not; 0 */
    int32_t plateau_patience;              /* 10 */
    int32_t patience; /* stop after so many epochs in a row without a better validation score; 0: never */
    double clip;      /* largest Euclidean norm of an update's whole gradient; 0: not clipped */
    double average;   /* the model that is validated and kept is a moving average of the weights and running statistics
                         with this share of the old at every update (ramped up from 1/10); 0: the weights themselves */
    double dropout;   /* classification only, 0.5 */
    uint64_t seed;    /* 123 */
    int32_t
        ensemble;  /* networks that are trained, one after the other, with seeds seed, seed + 1, ... and one split; 1 */
    int n_threads; /* 0: all */
    const char *kernels; /* NULL: the best */
    int strict;
    uint32_t asked; /* beside init: bit i for the i-th of rcr_option_fields, of network or graph, that was asked for and
                       must be the model's even where it is the default (rcr_train_options_ask); 0 */
} rcr_train_options;
rcr_train_options rcr_train_options_default(void);

/* One epoch's row of metrics.csv. */
typedef struct rcr_epoch {
    int32_t epoch; /* 1-based */
    double lr, train_loss;
    /* val_loss is the mean squared error of normalised targets (or log loss), whatever the loss of training. */
    double train_score; /* MAE in the target's unit over the epoch's batches (training mode); of several targets the
                           mean of errors in units of their training rows' standard deviations; accuracy for classes */
    double val_loss, val_score; /* MAE (of several targets rcr_score.scaled), or ROC AUC (accuracy where the validation
                                   part holds one class alone) */
    int is_best;
    double seconds;
} rcr_epoch;

/* Told to the caller (all may be NULL); called on the calling thread. */
typedef struct rcr_train_events {
    void *context;
    void (*data_read)(void *context, const rcr_dataset *dataset);
    void (*reading)(void *context, size_t done, size_t total);
    /* choice: the validation score that chooses the best model, "mae", "scaled_mae", "auc" or "accuracy". */
    void (*started)(void *context, const rcr_model *model, const rcr_split *split, const char *choice,
                    const char *kernels, int n_threads);
    void (*batch_done)(void *context, int32_t epoch, int32_t batch, int32_t n_batches, size_t crystals_done);
    void (*epoch_done)(void *context, const rcr_epoch *epoch, int32_t n_epochs);
    void (*member)(void *context, int32_t member, int32_t n_members, uint64_t seed); /* of an ensemble, 1-based */
    void (*message)(void *context, const char *text);
    atomic_int *stop; /* set to 1 from anywhere (a signal handler): stop after this batch, resumable */
} rcr_train_events;

/* Final scores of one part. */
typedef struct rcr_score {
    size_t n;             /* rows that have the target */
    double mae, rmse, r2; /* regression of one target, in its unit */
    double scaled;        /* of several: the mean over them of MAE / the standard deviation of their training rows */
    double accuracy, precision, recall, f1, auc; /* classification */
    double loss;                                 /* of normalised targets; log loss */
} rcr_score;

/* Of one of several targets. */
typedef struct rcr_target_scores {
    char *name;        /* as in the options; owned */
    rcr_score part[3]; /* train, val, test */
    double test_std;   /* of the test targets */
} rcr_target_scores;

typedef struct rcr_train_result {
    rcr_score train, val, test;
    size_t n_targets;           /* > 1: several */
    rcr_target_scores *targets; /* [n_targets] of several, else NULL; rcr_train_result_release */
    int32_t best_epoch, epochs_done;
    double seconds;
    double target_std; /* of the test targets; NaN of several */
} rcr_train_result;
void rcr_train_result_release(rcr_train_result *result);

/* Train in a fresh run directory (RCR_ERR_ARGUMENT if it holds a run, another process' run at work, or a file that the
 * run would replace: resume or choose another).
 * RCR_ERR_INTERRUPTED when stopped (the run can be resumed), RCR_ERR_NUMERIC when the loss stopped being a number (the
 * last good model is kept). */
rcr_status rcr_train(rcr_train_result *result, const char *data, const char *run_directory,
                     const rcr_train_options *options, const rcr_train_events *events, rcr_error *err);

/* Go on with a run, exactly where it stopped: all settings, the data's path and hash come from the run directory.
 * n_threads < 0: as it was.  A finished run is RCR_OK and gives its result; one that another process works on is
 * RCR_ERR_ARGUMENT. */
rcr_status rcr_train_resume(rcr_train_result *result, const char *run_directory, int n_threads,
                            const rcr_train_events *events, rcr_error *err);

#endif
