/*
 * Whether a crystal is of the kind that a model was trained on: its elements, and how far its vector (the mean of its
 * atoms' vectors after the last step or layer) lies from those of the training rows.
 *
 * The distance is Mahalanobis': d^2 = (x - m)^T C^-1 (x - m), m and C the mean and covariance of the training rows'
 * vectors, C shrunk toward a multiple of the identity (Ledoit and Wolf 2004).  A crystal is far when its distance is
 * larger than that of RCR_DOMAIN_SHARE of rows that were not trained on (the validation rows), so that one crystal in a
 * hundred of their kind is called far.
 */
#ifndef RCR_MODEL_DOMAIN_H
#define RCR_MODEL_DOMAIN_H

#include "base/text.h"
#include "crystal/element.h"
#include "recryst.h"

#define RCR_DOMAIN_SHARE 0.99
/* Longer vectors are not looked at: their covariance would outweigh the model. */
enum { RCR_DOMAIN_MAX_FEATURES = 512 };

typedef struct rcr_domain {
    uint8_t element[RCR_MAX_ATOMIC_NUMBER + 1]; /* 1: in a training row */
    int32_t n_features;                         /* F; 0: vectors are not looked at */
    double *mean;                               /* [F] */
    double *whiten;   /* [F (F + 1) / 2] the rows of the lower triangle of L^-1, C = L L^T: d = |L^-1 (x - m)| */
    double threshold; /* distance past which a crystal is far; > 0 */
} rcr_domain;

/* Gather the elements of training rows, then rcr_domain_fit. */
void rcr_domain_add_elements(rcr_domain *domain, const rcr_graph *graph);

/* Fill in the rest from the training rows' vectors [n, F] and those of other rows of their kind [n_other, F] (0: the
 * training rows themselves).  n < 2, F too large, or vectors that do not vary: vectors are not looked at.
 * Errors: RCR_ERR_MEMORY. */
rcr_status rcr_domain_fit(rcr_domain *domain, const float *vector, size_t n, const float *other, size_t n_other,
                          int32_t n_features, rcr_error *err);
void rcr_domain_free(rcr_domain *domain);
rcr_status rcr_domain_copy(rcr_domain **out, const rcr_domain *from, rcr_error *err);

/* The distance of a vector [F], in units of the threshold: above 1 is far.  NaN where vectors are not looked at. */
double rcr_domain_distance(const rcr_domain *domain, const float *vector);

/* Append "in", "element:Cs+Fr" (those of the graph that no training row had, by atomic number), or "far". */
void rcr_domain_describe(rcr_text *out, const rcr_domain *domain, const rcr_graph *graph, double distance);

#endif
