/*
 * What the files of a network share: its parts on the device, the activations of a batch, and the steps of a pass.
 * Nothing here reads or writes through an rcr_real pointer: only the kernels do.
 */
#ifndef RCR_MODEL_NET_PRIVATE_H
#define RCR_MODEL_NET_PRIVATE_H

#include "model/net.h"

/* Rows of the element table on the device: row z for element z, row 0 zeros (the vacancy). */
enum { RCR_TABLE_ROWS = RCR_MAX_ATOMIC_NUMBER + 1 };

/* Offsets into net->parameters. */
typedef struct rcr_linear_place {
    size_t weight, bias;
} rcr_linear_place;

/* gamma and beta are offsets into net->parameters, mean and var into net->buffers. */
typedef struct rcr_norm_place {
    size_t gamma, beta, mean, var;
} rcr_norm_place;

struct rcr_net {
    const rcr_kernels *kernels;
    rcr_model_options options;
    rcr_basis basis;
    int32_t n_element_features, n_outputs;
    int32_t n_convs; /* weights of convolutions: depth for CGCNN, 1 for SR-CGCNN */
    double dropout;
    int frozen_conv, frozen_embedding; /* rcr_net_set_frozen */
    int deep;                          /* rcr_net_set_deep */
    size_t n_parameters, n_buffer_values;
    int64_t n_batches_tracked;
    rcr_real *parameters, *buffers; /* device */
    rcr_real *element_rows;         /* device, [RCR_TABLE_ROWS, n_element_features] */
    rcr_real *element_vectors;      /* device, [RCR_TABLE_ROWS, F]: the embedding of element_rows */
    size_t pack_size;               /* reals between the packs of two convolutions */
    rcr_real *pack;                 /* device, [n_convs, pack_size] */
    rcr_linear_place embedding, conv_to_fc, fc_out;
    rcr_linear_place *conv;        /* [n_convs] fc_full */
    rcr_linear_place *fc;          /* [hidden_layers - 1] */
    rcr_norm_place *norm1, *norm2; /* [depth] */
    rcr_norm_place layer_norm;     /* gamma, beta */
    size_t alpha;                  /* of the first step */
    rcr_net *next;                 /* the network after this one of an ensemble; owned */
    void *scratch;                 /* for refresh */
    size_t scratch_size;
};

/* Activations of one step.  Where a network has no gate or no LayerNorm, the pointers of that stage are the same. */
typedef struct rcr_tape_step {
    rcr_real *pq;                    /* [N, 4F] */
    rcr_real *cache;                 /* the edge cache of the step's convolution */
    rcr_real *s;                     /* [N, F] sums over edges */
    rcr_real *mean1, *var1;          /* [2F] of the batch (training) */
    rcr_real *mean2, *var2;          /* [F] of the batch (training) */
    rcr_real *updated, *gated, *out; /* [N, F] after softplus(v + norm2(s)), after the gate, after the LayerNorm */
} rcr_tape_step;

/* Activations of one layer of the head. */
typedef struct rcr_tape_layer {
    rcr_real *linear, *active; /* [C, H] before and after the softplus */
} rcr_tape_layer;

struct rcr_tape {
    const rcr_kernels *kernels;
    int mode; /* RCR_TAPE_... */
    int32_t depth, hidden_layers;
    int32_t capacity_atoms, capacity_edges, capacity_crystals;
    rcr_real *arena;           /* all that follows down to d_packed, carved for the capacities */
    rcr_real *embedded;        /* [N, F] */
    rcr_tape_step *step;       /* [depth] */
    rcr_real *pooled;          /* [C, F] */
    rcr_real *pooled_active;   /* [C, F] */
    rcr_tape_layer *layer;     /* [hidden_layers] */
    rcr_real *dropped;         /* [C, H] layer 0 after dropout */
    rcr_real *out;             /* [C, n_outputs] */
    rcr_real *log_probability; /* [C, n_outputs] */
    /* training only */
    rcr_real *d_atoms[3]; /* [N, F] */
    rcr_real *d_s;        /* [N, F] */
    rcr_real *d_readout;  /* [N, F] of a step's readout; NULL unless net->deep */
    rcr_real *d_head[2];  /* [C, max(F, H)] */
    rcr_real *gradient;   /* [n_parameters], not in the arena */
    rcr_real *d_table;    /* [RCR_TABLE_ROWS, F], not in the arena */
    /* of the last forward */
    int batch_stats;       /* 1: normalised with the batch's own statistics */
    uint64_t dropout_seed; /* 0: no dropout */
};

/* One pass over one batch. */
typedef struct rcr_pass {
    rcr_tape *tape;
    const rcr_net *net;
    const rcr_exec *exec;
    const rcr_batch *batch;
    const rcr_real *deep; /* backward: [depth, stride] gradients of every step's readout; NULL: of the last alone */
    size_t stride;
} rcr_pass;

/* ---- conv.c: what both architectures are made of */

/* The atom vectors that enter step t. */
const rcr_real *rcr_step_input(const rcr_tape *tape, int32_t t);
/* Compute the edge cache of convolution `conv`, for step t and all that share its cache. */
void rcr_conv_prepare(const rcr_pass *p, int32_t conv, int32_t t);
/* Step t with the weights of `conv`: step.updated = softplus(v + norm2(sum over edges)). */
void rcr_conv_forward(const rcr_pass *p, int32_t conv, int32_t t);
/* d_v [N, F] overwritten with the gradient of step t's input, from d_updated; parameters' gradients +=.  A bias before
 * a normalisation with the batch's own statistics has no effect; its gradient stays exactly 0 then, because Adam would
 * blow the rounding noise up to steps of the learning rate. */
void rcr_conv_backward(const rcr_pass *p, int32_t conv, int32_t t, rcr_real *d_v, const rcr_real *d_updated);

/* ---- cgcnn.c and srcgcnn.c: embedded -> the last step's out, and back.  backward takes the gradient of the last
 * step's out in tape->d_atoms[0] and returns which of d_atoms holds the gradient of embedded. */
void rcr_cgcnn_forward(const rcr_pass *p);
rcr_real *rcr_cgcnn_backward(const rcr_pass *p);
void rcr_sr_cgcnn_forward(const rcr_pass *p);
rcr_real *rcr_sr_cgcnn_backward(const rcr_pass *p);

/* ---- head.c: step t's out -> tape->out, and d_out -> d_atoms [N, F] overwritten, for the step of the last forward */
void rcr_head_forward(const rcr_pass *p, int32_t t);
void rcr_head_backward(const rcr_pass *p, const rcr_real *d_out, rcr_real *d_atoms);
/* d_out [N, F] += the gradient of step t's own readout, where p->deep has one. */
void rcr_head_deep(const rcr_pass *p, int32_t t, rcr_real *d_out);

/* The widest layer of the network, and the most weights and biases of one, for scratch_size. */
int32_t rcr_net_width(const rcr_net *net);
size_t rcr_net_largest_layer(const rcr_net *net);

/* Make exec->scratch at least `size` bytes.  Errors: RCR_ERR_MEMORY (the old scratch stays). */
rcr_status rcr_exec_reserve(rcr_exec *exec, size_t size, rcr_error *err);

#endif
