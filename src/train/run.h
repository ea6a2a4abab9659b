/* A training run while it lasts: shared by the trainer and by what it writes. */
#ifndef RCR_TRAIN_RUN_H
#define RCR_TRAIN_RUN_H

#include "base/lock.h"
#include "base/rng.h"
#include "kernels/kernels.h"
#include "model/net.h"
#include "train/loader.h"
#include "train/optimizer.h"
#include "train/options.h"
#include "train/train.h"

#define RCR_PATH_SIZE 4096

/* What tells the best model. */
typedef enum rcr_choice {
    RCR_CHOOSE_MAE = 0,
    RCR_CHOOSE_SCALED, /* of several targets: rcr_score.scaled */
    RCR_CHOOSE_AUC,
    RCR_CHOOSE_ACCURACY /* where the validation part holds one class alone; ties go to the lower log loss */
} rcr_choice;

typedef struct rcr_run {
    char directory[RCR_PATH_SIZE];
    char data_path[RCR_PATH_SIZE]; /* absolute, so that a resume may start elsewhere */
    char data_sha256[65];          /* of the data the run began with; "" before they are read */
    char kernels_name[16];         /* of the table the run began with; "" before it is chosen */
    rcr_train_options options;     /* with strings of its own */
    const rcr_train_events *events;
    rcr_train_events no_events;
    rcr_lock *lock; /* of the directory; NULL: somebody else holds it, or nobody */

    rcr_pool *pool;
    const rcr_kernels *kernels;
    rcr_dataset *lent; /* a dataset that has been read already, to be this run's; NULL: none */
    rcr_dataset *dataset;
    rcr_split split;
    rcr_choice choice;
    double *target_std;     /* [T] of the training rows, in the targets' units; 1 where they do not vary */
    double class_weight[2]; /* used where has_class_weight */
    int has_class_weight;
    double largest_weight; /* of the training rows; the others' weights are shares of it */
    rcr_model *init;       /* what the run began with; NULL: fresh weights */
    rcr_range *range;      /* [n_ranges] of the parameters, in their order, all of them */
    size_t n_ranges;
    int frozen_conv;
    rcr_model *model; /* the weights after the last whole epoch */
    rcr_model *best;
    rcr_model *average; /* the moving average after the last whole epoch; NULL when the options ask for none */
    rcr_net *net;
    rcr_tape *tape;
    rcr_exec exec;
    rcr_optimizer optimizer;
    rcr_loader *loader;

    /* Work space of a batch: targets, what each counts (NULL: all the same), gradient of the loss and the loss on the
     * device, and their like on the host. */
    rcr_real *device_target, *device_weight, *device_dout, *device_loss;
    size_t dout_stride; /* reals of device_dout for each step's readout */
    rcr_real *host_target, *host_weight, *host_output, *host_dout;
    /* The moving average of parameters and running statistics, device; NULL without. */
    rcr_real *average_parameters, *average_buffers;
    int64_t *order; /* [split.n_train] this epoch's */
    /* Work space of scoring a part: [the largest part, T] and [, V]. */
    double *part_target, *part_prediction;

    rcr_rng shuffle;
    rcr_epoch *history; /* [options.epochs] */
    double *target_mae; /* [options.epochs, T] of the validation part after each epoch; NULL of one target */
    int32_t epochs_done, best_epoch;
    double best_score, best_loss; /* of the validation part at best_epoch */
    double seconds;               /* spent in whole epochs */

    /* What is to be written: packed after every epoch, put on disk so seldom that it costs no more than a twentieth of
     * the time, but at least about once a second. */
    char *pending;
    size_t pending_length;
    int model_pending;
    double written_at, write_cost; /* seconds */
    int finished;                  /* final scores are in result */
    rcr_train_result result;
} rcr_run;

/* The number of targets. */
size_t rcr_run_n_targets(const rcr_run *run);

/* path [RCR_PATH_SIZE] <- directory/name; returns path. */
char *rcr_run_path(char *path, const rcr_run *run, const char *name);

#endif
