/* Making models of models: ensembles, one network of an ensemble, a network of fewer steps. */
#ifndef RCR_MODEL_ENSEMBLE_H
#define RCR_MODEL_ENSEMBLE_H

#include "model/model.h"

/* An ensemble of n >= 1 models' networks, in their order (all of those that are ensembles).  The metadata are those
 * that all have alike; what the first has apart keeps its value under "member.0.KEY".  The domain is the first's, whose
 * vectors it speaks of, with those elements alone that all models' domains have (a model without one says nothing of
 * its elements, and where the first has none there is none); there are no intervals, for those of one network are not
 * those of their mean. Errors: RCR_ERR_MISMATCH (other graph options, element vectors, targets, task or network sizes),
 * RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_model_join(rcr_model **out, const rcr_model *const *models, size_t n, rcr_error *err);

/* Network m of an ensemble, or of a single model (m = 0), without intervals; the domain goes with network 0.
 * Errors: RCR_ERR_ARGUMENT (no such network), RCR_ERR_MEMORY. */
rcr_status rcr_model_pick(rcr_model **out, const rcr_model *model, size_t m, rcr_error *err);

/* The same weights with the first `steps` steps of SR-CGCNN, each with its own norms and gate; without intervals, which
 * were calibrated on all steps, and of the domain only the elements.
 * Errors: RCR_ERR_ARGUMENT (not SR-CGCNN, fewer steps than 1 or more than the model has norms for), RCR_ERR_MEMORY. */
rcr_status rcr_model_with_steps(rcr_model **out, const rcr_model *model, int32_t steps, rcr_error *err);

#endif
