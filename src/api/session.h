/* A model made ready, for the files of this room. */
#ifndef RCR_API_SESSION_H
#define RCR_API_SESSION_H

#include "base/threads.h"
#include "model/net.h"
#include "recryst.h"

/* Crystals are made into graphs and predicted so many at a time, so that memory does not grow with their number. */
enum { RCR_SESSION_CHUNK = 2048 };

struct rcr_session {
    rcr_model *model; /* its own */
    const rcr_kernels *kernels;
    rcr_net *net;
    rcr_pool *pool;
    rcr_predictor *predictor; /* for few crystals, which the caller's thread predicts alone */
    /* Room for a chunk. */
    rcr_graph *graph[RCR_SESSION_CHUNK];
    rcr_status status[RCR_SESSION_CHUNK];
    rcr_error *error; /* [RCR_SESSION_CHUNK] */
    const rcr_graph *usable[RCR_SESSION_CHUNK];
    size_t place[RCR_SESSION_CHUNK];
    size_t n_values; /* V */
    double *value;   /* [RCR_SESSION_CHUNK, V] of the usable ones */
};

#endif
