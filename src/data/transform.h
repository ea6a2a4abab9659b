/* What a network learns of a target: the value itself, or a function of it that is undone in predictions. */
#ifndef RCR_DATA_TRANSFORM_H
#define RCR_DATA_TRANSFORM_H

#include <stddef.h>

#include "data/batch.h"

/* y is the target, z what is normalised and learnt.  Each is strictly increasing.  For the lambdas that are allowed, 0
 * to 2, Yeo and Johnson's maps all numbers onto all numbers, so that whatever a network says can be undone. */
typedef enum rcr_transform_kind {
    RCR_TRANSFORM_NONE = 0,   /* z = y */
    RCR_TRANSFORM_LOG,        /* z = log y; y > 0 */
    RCR_TRANSFORM_LOG1P,      /* z = log(1 + y); y > -1 */
    RCR_TRANSFORM_SIGNED_LOG, /* z = sign(y) log(1 + |y|) */
    RCR_TRANSFORM_ASINH,      /* z = asinh(y / s), s the median of |y| over the training rows */
    RCR_TRANSFORM_BOX_COX,    /* z = (y^lambda - 1) / lambda, log y for lambda 0; y > 0 (Box and Cox 1964) */
    RCR_TRANSFORM_YEO_JOHNSON /* Box and Cox's for y + 1 where y >= 0; minus that of 1 - y with 2 - lambda below */
} rcr_transform_kind;

typedef struct rcr_transform {
    rcr_transform_kind kind;
    double parameter; /* lambda, 0 to 2; or asinh's s > 0; else 0 */
} rcr_transform;

/* "none", "log", "log1p", "signed-log", "asinh", "box-cox", "yeo-johnson", NULL. */
extern const char *const rcr_transform_names[];

/* 1 when the transform knows a parameter. */
int rcr_transform_has_parameter(rcr_transform_kind kind);

/* What y must be, such as "above 0"; NULL when y is not allowed only for not being finite. */
const char *rcr_transform_domain(rcr_transform_kind kind);
int rcr_transform_allows(const rcr_transform *transform, double y);

/* A transform of this kind; its parameter is the one of greatest likelihood of n values if z were normally distributed
 * (Box-Cox, Yeo-Johnson: to about 1e-8, within 0 and 2; 1 where all values are equal), or the median.  values [n] are
 * all allowed, and are left in any order. */
rcr_transform rcr_transform_fit(rcr_transform_kind kind, double *values, size_t n);

/* z of an allowed y, and y of any z.  undo(apply(y)) is y up to rounding.  Where no y gives z (Box-Cox, z <= -1 /
 * lambda), undo gives the nearest, 0. */
double rcr_transform_apply(const rcr_transform *transform, double y);
double rcr_transform_undo(const rcr_transform *transform, double z);

/* The way between a network's output and a target: y = undo(out * std + mean). */
typedef struct rcr_scale {
    rcr_transform transform;
    rcr_normalizer normalizer; /* of the transformed targets */
} rcr_scale;
double rcr_scale_apply(const rcr_scale *scale, double y);
double rcr_scale_undo(const rcr_scale *scale, double out);
/* The standard deviation in the target's unit of an output with standard deviation std: half the width of the interval
 * that holds the central 68.27 %, which is std * normalizer.std where nothing is transformed. */
double rcr_scale_undo_std(const rcr_scale *scale, double out, double std);

#endif
