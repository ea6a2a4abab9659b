/* The learning rate of every update, and when to stop early. */
#ifndef RCR_TRAIN_SCHEDULE_H
#define RCR_TRAIN_SCHEDULE_H

#include "train/train.h"

/* How far a run is.  history [epochs_done]: the whole epochs before this one. */
typedef struct rcr_progress {
    const rcr_epoch *history;
    int32_t epochs_done;
    size_t batch, n_batches; /* of this epoch: the update to come, from 0, and how many there are */
} rcr_progress;

/* The learning rate of the next update, lr being options->lr and t the share of all updates done so far:
 *  - constant: lr;
 *  - multistep: lr times gamma for every milestone at or below the epochs done (torch's MultiStepLR, stepped after
 * every epoch);
 *  - cosine: from lr to lr * lr_final along half a cosine (Loshchilov and Hutter 2017, equation 5, without restarts);
 *  - one-cycle: along half a cosine from lr / 25 up to lr in the first three tenths (or in `warmup` epochs), then down
 *    to lr * lr_final along another (Smith and Topin 2018; torch's OneCycleLR);
 *  - plateau: lr times gamma for every time that plateau_patience + 1 epochs in a row brought no better validation
 * score (torch's ReduceLROnPlateau without threshold). Warm-up, for all but one-cycle: the rate grows linearly over the
 * first `warmup` epochs' updates; a cosine begins after it. */
double rcr_schedule_lr(const rcr_train_options *options, const rcr_progress *progress);

/* 1 when `patience` epochs in a row brought no better validation score; 0 with patience 0. */
int rcr_schedule_stops(const rcr_train_options *options, const rcr_epoch *history, int32_t epochs_done);

#endif
