/*
 * A model on a device, and running it.
 *
 * An rcr_net holds the parameters (flat, in the model's order), running statistics, and weights in the kernels' own
 * layout. Several threads may run forward in evaluation on one net at once, each with an rcr_tape and an rcr_exec of
 * its own. cgcnn.c and srcgcnn.c hold one architecture each: a straight list of kernel calls, forward and backward.
 */
#ifndef RCR_MODEL_NET_H
#define RCR_MODEL_NET_H

#include "kernels/kernels.h"
#include "model/model.h"

typedef struct rcr_net rcr_net;
typedef struct rcr_tape rcr_tape; /* activations and gradients of one batch */

/* Of an ensemble, nets of all its networks: predictions are their means, all else (forward, backward, vectors) is that
 * of the first. */
rcr_status rcr_net_create(rcr_net **out, const rcr_model *model, const rcr_kernels *kernels, rcr_error *err);
void rcr_net_free(rcr_net *net);

/* Device memory: parameters and running statistics, as in rcr_model. */
rcr_real *rcr_net_parameters(rcr_net *net);
size_t rcr_net_n_parameters(const rcr_net *net);
rcr_real *rcr_net_buffers(rcr_net *net); /* running statistics, [rcr_net_n_buffers] */
size_t rcr_net_n_buffers(const rcr_net *net);

/* Must follow every change of the parameters, before forward: packs weights, embeds the element table. */
void rcr_net_refresh(rcr_net *net, const rcr_exec *exec);

/* Copy parameters and running statistics device -> model, or model -> device (followed by a refresh). */
void rcr_net_store(const rcr_net *net, rcr_model *model);
void rcr_net_load(rcr_net *net, const rcr_model *model, const rcr_exec *exec);

/* What a tape keeps. */
enum {
    RCR_TAPE_EVALUATION = 0, /* the output alone: one set of buffers serves every step */
    RCR_TAPE_TRAINING = 1,   /* all that backward needs */
    RCR_TAPE_STEPS = 2       /* evaluation, keeping every step's atom vectors */
};
rcr_status rcr_tape_create(rcr_tape **out, const rcr_net *net, int mode, rcr_error *err);
void rcr_tape_free(rcr_tape *tape);
/* Grow the tape, and the exec's scratch, to hold this batch.  Must precede forward. */
rcr_status rcr_tape_reserve(rcr_tape *tape, rcr_exec *exec, const rcr_net *net, const rcr_batch *batch, rcr_error *err);

/* An exec with its own scratch; pool may be NULL and stays the caller's. */
rcr_status rcr_exec_init(rcr_exec *exec, const rcr_kernels *kernels, rcr_pool *pool, rcr_error *err);
void rcr_exec_release(rcr_exec *exec);

/* Evaluation: running statistics, no dropout.  The result, rcr_tape_output. */
void rcr_net_forward(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch);
/* Probability of dropout in training (classification only); 0.5 after create. */
void rcr_net_set_dropout(rcr_net *net, double probability);

/* What training leaves as it is: the convolutions with their norms, gate and LayerNorm, whose norms then use their
 * running statistics and keep them; and the embedding.  Gradients of frozen parts may be anything.  0, 0 after create.
 */
void rcr_net_set_frozen(rcr_net *net, int conv, int embedding);
/* Tapes made after this have room for rcr_net_backward_deep. */
void rcr_net_set_deep(rcr_net *net);

/* Training: statistics of the batch; running statistics updated; dropout drawn from dropout_seed (0: none). */
void rcr_net_forward_training(rcr_tape *tape, rcr_net *net, const rcr_exec *exec, const rcr_batch *batch,
                              uint64_t dropout_seed);
/* Gradients of all parameters for dout [C, n_outputs] (device): rcr_tape_gradient, overwritten. */
void rcr_net_backward(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch,
                      const rcr_real *dout);

/* After a forward pass: the layers past the convolutions applied to the atom vectors of step t = 0 .. depth-1, as they
 * are to the last step's; the result is rcr_tape_output.  Not on an evaluation tape (t = depth - 1 excepted). */
void rcr_net_readout(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch, int32_t t);
/* Gradients of all parameters for gradients of every step's readout, dout [depth, stride] (device), of which the first
 * C * n_outputs of each row count: deep supervision, for SR-CGCNN.  After rcr_net_set_deep. */
void rcr_net_backward_deep(rcr_tape *tape, const rcr_net *net, const rcr_exec *exec, const rcr_batch *batch,
                           const rcr_real *dout, size_t stride);

rcr_real *rcr_tape_output(rcr_tape *tape);   /* [C, n_outputs] device: normalised target, or logits */
rcr_real *rcr_tape_gradient(rcr_tape *tape); /* [n_parameters] device */
/* Atom vectors after step t = 0 .. depth-1 of the last forward, [N, F] device; NULL on an evaluation tape. */
const rcr_real *rcr_tape_atoms(const rcr_tape *tape, int32_t t);

/* Values [n, V] of n graphs (V: rcr_model_n_values): each target in its unit, after them their standard deviations
 * where the model predicts them; or probabilities of class 1.  In micro-batches spread over the pool (NULL: one
 * thread). Independent of pool and of grouping, bit for bit. Errors: RCR_ERR_DATA (rcr_model_check_graph),
 * RCR_ERR_MEMORY. */
rcr_status rcr_net_predict(double *values, const rcr_net *net, const rcr_model *model, const rcr_graph *const *graphs,
                           size_t n, rcr_pool *pool, rcr_error *err);

/* The same for graphs 0 .. n - 1 of a source, copied into batches straight from where they are kept.
 * Errors: also those of the source's view. */
rcr_status rcr_net_predict_from(double *values, const rcr_net *net, const rcr_model *model,
                                const rcr_graph_source *source, size_t n, rcr_pool *pool, rcr_error *err);

/* The graphs of n <= INT32_MAX crystals as the model wants them, built on the pool (NULL: one thread).  status[i] says
 * whether graph[i] was made and the model can use it; else graph[i] is NULL.  The graphs are the caller's. */
void rcr_model_build_graphs(rcr_graph **graph, rcr_status *status, const rcr_model *model,
                            const rcr_crystal *const *crystals, size_t n, rcr_pool *pool);

/* What one thread needs to predict again and again without allocating: a tape and a batch of its own.  net and model
 * must outlive it. */
typedef struct rcr_predictor rcr_predictor;
rcr_status rcr_predictor_create(rcr_predictor **out, const rcr_net *net, const rcr_model *model, rcr_error *err);
void rcr_predictor_free(rcr_predictor *predictor);
/* The values that rcr_net_predict gives.  Graphs have passed rcr_model_check_graph.  Errors: RCR_ERR_DATA (they have
 * not), RCR_ERR_MEMORY. */
rcr_status rcr_predictor_run(double *values, rcr_predictor *predictor, const rcr_graph *const *graphs, size_t n,
                             rcr_error *err);

#endif
