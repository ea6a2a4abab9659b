/*
 * Looking inside a network: what it would say after each step, whether its atom vectors settle, and what each atom
 * contributes to the prediction.
 *
 * Everything is told of the network's own value f: the transformed target (of a regression; the target itself where it
 * is not transformed), or the logarithm of the odds of class 1.
 *
 * Contributions are integrated gradients (Sundararajan, Taly and Yan 2017) along a straight line from a baseline, so
 * that they add up to f - f(baseline) but for the error of the quadrature, which is told.
 *  - At the readout: the atoms' vectors after the last step, from 0.  Up to the mean over atoms the readout is linear:
 *    atom i has v_i / N of the crystal's vector, and its contribution is exactly v_i . G / N, where G is the gradient
 * of the head averaged along the line.  The head itself begins with a softplus in both architectures, so that no
 *    network here has a head that is linear and a G that does not depend on the crystal.
 *  - At the input: the element vectors that enter the first step, from those of a site without an element (element
 *    features 0, as a vacancy has); through all convolutions, so that an atom is credited with what it does to others.
 *    Equivalent atoms (graph/equivalent.h) have the mean of theirs: which of them an edge leads to where ties are cut
 * is an accident of their numbers, and would tell atoms apart that are alike.
 */
#ifndef RCR_MODEL_EXPLAIN_H
#define RCR_MODEL_EXPLAIN_H

#include "kernels/kernels.h"
#include "model/model.h"

typedef struct rcr_explanation {
    int32_t n_atoms, n_steps;
    double value;        /* f */
    double prediction;   /* the target in its unit, or the probability of class 1 */
    double *step_value;  /* [n_steps + 1] the prediction of the head from the vectors after step t; 0: the embedding */
    double *step_change; /* [n_steps] |v_t - v_(t-1)| / |v_(t-1)| for t = 1 .., norms over all atoms' vectors */
    double *readout;     /* [n_atoms] */
    double *input;       /* [n_atoms] */
    double readout_baseline, input_baseline; /* f(baseline) */
    double readout_gap, input_gap;           /* the sum of contributions less f - f(baseline) */
    int32_t n_points;                        /* of the quadrature at the input */
} rcr_explanation;

/* Explain target `target` of a graph that has passed rcr_model_check_graph; of an ensemble, the mean over its networks
 * (of predictions, values, contributions; the gap of the sums; the most points).  pool may be NULL.
 * Errors: RCR_ERR_ARGUMENT (no such target), RCR_ERR_UNSUPPORTED (networks that transform the target differently),
 * RCR_ERR_NUMERIC (the prediction is not a number), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_explain(rcr_explanation **out, const rcr_model *model, const rcr_kernels *kernels, int32_t target,
                       const rcr_graph *graph, rcr_pool *pool, rcr_error *err);
/* The same for the steps alone: step_value, of which any may be no number, and step_change; all else is 0.  A single
 * forward pass; of any networks, for predictions are in the target's unit. */
rcr_status rcr_explain_steps(rcr_explanation **out, const rcr_model *model, const rcr_kernels *kernels, int32_t target,
                             const rcr_graph *graph, rcr_pool *pool, rcr_error *err);
void rcr_explanation_free(rcr_explanation *explanation);

#endif
