/* What an ONNX graph makes of a network's outputs, and of several networks'. */
#ifndef RCR_MODEL_ONNX_VALUES_H
#define RCR_MODEL_ONNX_VALUES_H

#include "exchange/onnx_build.h"
#include "model/model.h"

/* From a network's "output" [C, n_outputs] its "prediction" ([C] of one target, [C, T] of several) in the target's
 * unit or as the probability of class 1, and where it has variances "std", as large. */
void rcr_onnx_values(rcr_onnx_graph *g, const rcr_model *network);

/* From those of networks whose prefixes are rcr_onnx_prefix's the ensemble's own: their mean, their "spread" (the
 * sample standard deviation), and the root of the mean square of std. */
void rcr_onnx_join(rcr_onnx_graph *g, const rcr_model *model);
/* Of the m-th network, from 0: "" of a single one. */
void rcr_onnx_prefix(rcr_onnx_graph *g, const rcr_model *model, size_t m);

#endif
