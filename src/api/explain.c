/* Looking inside a network, for other languages. */
#include "model/explain.h"

#include <string.h>

#include "api/session.h"
#include "base/floating.h"

rcr_status rcr_session_explain(rcr_explained *out, rcr_session *session, const rcr_crystal *crystal,
                               const rcr_graph *graph, int32_t target, rcr_error *err) {
    RCR_OWN_FLOATING;
    rcr_graph *made = NULL;
    rcr_explanation *e = NULL;
    rcr_status status = RCR_OK;
    if (crystal != NULL) status = rcr_graph_build(&made, crystal, &session->model->graph, err);
    const rcr_graph *looked_at = made != NULL ? made : graph;
    if (status == RCR_OK) status = rcr_model_check_graph(session->model, looked_at, err);
    if (status == RCR_OK)
        status = rcr_explain(&e, session->model, session->kernels, target, looked_at, session->pool, err);
    rcr_graph_free(made);
    if (status != RCR_OK) return status;
    *out = (rcr_explained){.n_atoms = e->n_atoms,
                           .n_steps = e->n_steps,
                           .value = e->value,
                           .prediction = e->prediction,
                           .step_value = e->step_value,
                           .step_change = e->step_change,
                           .readout = e->readout,
                           .input = e->input,
                           .readout_baseline = e->readout_baseline,
                           .input_baseline = e->input_baseline,
                           .readout_gap = e->readout_gap,
                           .input_gap = e->input_gap,
                           .own = e};
    return RCR_OK;
}

void rcr_explained_release(rcr_explained *explained) {
    if (explained == NULL) return;
    rcr_explanation_free(explained->own);
    memset(explained, 0, sizeof *explained);
}
