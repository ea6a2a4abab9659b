/* Scales, transforms, standard deviations and ensembles in ONNX: model/forecast.c and data/transform.c, operator by
 * operator. */
#include "exchange/onnx_values.h"

#include <stdio.h>

#include "kernels/kernels.h"

/* ---- data/transform.c: rcr_transform_undo */

/* A name that stands for a stage of another; none is near the lengths at which it would be cut. */
static const char *stage(char *buffer, const char *of, const char *what) {
    snprintf(buffer, RCR_ONNX_NAME, "%.70s.%.20s", of, what);
    return buffer;
}

static void constant(rcr_onnx_graph *g, const char *op, const char *out, const char *in, double value) {
    char name[RCR_ONNX_NAME];
    rcr_onnx_scalar(g, stage(name, out, "constant"), value);
    rcr_onnx_node2(g, op, out, in, name);
}

/* e^x - 1 = 2 sinh(x / 2) e^(x / 2), which is exact near 0, too. */
static void expm1_of(rcr_onnx_graph *g, const char *out, const char *in) {
    char half[RCR_ONNX_NAME], up[RCR_ONNX_NAME], sinh_half[RCR_ONNX_NAME], product[RCR_ONNX_NAME];
    constant(g, "Mul", stage(half, out, "half"), in, 0.5);
    rcr_onnx_node(g, "Exp", stage(up, out, "exp"), half);
    rcr_onnx_node(g, "Sinh", stage(sinh_half, out, "sinh"), half);
    rcr_onnx_node2(g, "Mul", stage(product, out, "product"), sinh_half, up);
    constant(g, "Mul", out, product, 2);
}

/* log(1 + lambda z) / lambda, exact near 0, too: log(1 + x) = 2 asinh(x / (2 sqrt(1 + x))).  Where 1 + x is not above
 * 0, -infinity. */
static void log1p_over(rcr_onnx_graph *g, const char *out, const char *in, double lambda) {
    char x[RCR_ONNX_NAME], base[RCR_ONNX_NAME], positive[RCR_ONNX_NAME], root[RCR_ONNX_NAME], share[RCR_ONNX_NAME],
        half[RCR_ONNX_NAME], log_half[RCR_ONNX_NAME];
    constant(g, "Mul", stage(x, out, "x"), in, lambda);
    constant(g, "Add", stage(base, out, "base"), x, 1);
    rcr_onnx_node(g, "Relu", stage(positive, out, "positive"), base);
    rcr_onnx_node(g, "Sqrt", stage(root, out, "root"), positive);
    rcr_onnx_node2(g, "Div", stage(share, out, "share"), x, root);
    constant(g, "Mul", stage(half, out, "half"), share, 0.5);
    rcr_onnx_node(g, "Asinh", stage(log_half, out, "asinh"), half);
    constant(g, "Mul", out, log_half, 2 / lambda);
}

/* Box and Cox's function undone: (1 + lambda z)^(1 / lambda), 0 where no y gives z. */
static void power_undo(rcr_onnx_graph *g, const char *out, const char *in, double lambda) {
    char power[RCR_ONNX_NAME];
    if (lambda != 0) log1p_over(g, stage(power, out, "log"), in, lambda);
    rcr_onnx_node(g, "Exp", out, lambda == 0 ? in : power);
}

/* That less 1, of z >= 0. */
static void power_undo1(rcr_onnx_graph *g, const char *out, const char *in, double lambda) {
    char power[RCR_ONNX_NAME];
    if (lambda != 0) log1p_over(g, stage(power, out, "log"), in, lambda);
    expm1_of(g, out, lambda == 0 ? in : power);
}

/* Yeo and Johnson's: of the positive part of z less that of its negative part; one of them is 0, and stays so. */
static void yeo_johnson_undo(rcr_onnx_graph *g, const char *out, const char *in, double lambda) {
    char up[RCR_ONNX_NAME], minus[RCR_ONNX_NAME], down[RCR_ONNX_NAME], y_up[RCR_ONNX_NAME], y_down[RCR_ONNX_NAME];
    rcr_onnx_node(g, "Relu", stage(up, out, "up"), in);
    rcr_onnx_node(g, "Neg", stage(minus, out, "minus"), in);
    rcr_onnx_node(g, "Relu", stage(down, out, "down"), minus);
    power_undo1(g, stage(y_up, out, "y_up"), up, lambda);
    power_undo1(g, stage(y_down, out, "y_down"), down, 2 - lambda);
    rcr_onnx_node2(g, "Sub", out, y_up, y_down);
}

static void transform_undo(rcr_onnx_graph *g, const char *out, const char *in, const rcr_transform *t) {
    char sign[RCR_ONNX_NAME], size[RCR_ONNX_NAME], grown[RCR_ONNX_NAME];
    switch (t->kind) {
    case RCR_TRANSFORM_NONE: rcr_onnx_node(g, "Identity", out, in); break;
    case RCR_TRANSFORM_LOG: rcr_onnx_node(g, "Exp", out, in); break;
    case RCR_TRANSFORM_LOG1P: expm1_of(g, out, in); break;
    case RCR_TRANSFORM_SIGNED_LOG:
        rcr_onnx_node(g, "Sign", stage(sign, out, "sign"), in);
        rcr_onnx_node(g, "Abs", stage(size, out, "size"), in);
        expm1_of(g, stage(grown, out, "grown"), size);
        rcr_onnx_node2(g, "Mul", out, sign, grown);
        break;
    case RCR_TRANSFORM_ASINH:
        rcr_onnx_node(g, "Sinh", stage(grown, out, "grown"), in);
        constant(g, "Mul", out, grown, t->parameter);
        break;
    case RCR_TRANSFORM_BOX_COX: power_undo(g, out, in, t->parameter); break;
    case RCR_TRANSFORM_YEO_JOHNSON: yeo_johnson_undo(g, out, in, t->parameter); break;
    }
}

/* ---- data/transform.c: rcr_scale_undo */

static int is_transformed(const rcr_model *network) {
    int transformed = 0;
    for (int32_t k = 0; k < network->options.n_targets; k++)
        transformed |= network->targets[k].scale.transform.kind != RCR_TRANSFORM_NONE;
    return transformed;
}

static void put_normalizers(rcr_onnx_graph *g, const rcr_model *network) {
    int64_t T = network->options.n_targets;
    rcr_text mean = {0}, std = {0};
    for (int64_t k = 0; k < T; k++) {
        rcr_text_float32(&mean, (float)network->targets[k].scale.normalizer.mean);
        rcr_text_float32(&std, (float)network->targets[k].scale.normalizer.std);
    }
    rcr_onnx_tensor(g, "target_mean", RCR_ONNX_FLOAT, T > 1, &T, &mean);
    rcr_onnx_tensor(g, "target_std", RCR_ONNX_FLOAT, T > 1, &T, &std);
}

/* Each column in its own way, and together again. */
static void transforms_undo(rcr_onnx_graph *g, const char *out, const char *in, const rcr_model *network) {
    char index[RCR_ONNX_NAME], column[RCR_ONNX_NAME], y[RCR_ONNX_NAME], what[24];
    rcr_text columns = {0};
    int32_t T = network->options.n_targets;
    for (int32_t k = 0; k < T; k++) {
        snprintf(what, sizeof what, "target.%d", (int)k + 1);
        stage(y, out, what);
        rcr_onnx_index(g, stage(index, y, "index"), k);
        rcr_onnx_int(g, "axis", 1);
        rcr_onnx_node2(g, "Gather", stage(column, y, "z"), in, index);
        transform_undo(g, y, column, &network->targets[k].scale.transform);
        rcr_text_printf(&columns, "%s%s", k > 0 ? " " : "", y);
    }
    rcr_onnx_int(g, "axis", 1);
    if (columns.failed)
        g->failed = 1;
    else
        rcr_onnx_node(g, "Concat", out, columns.data);
    rcr_text_free(&columns);
}

/* out, in the target's unit, from a network's output. */
static void scale_undo(rcr_onnx_graph *g, const char *out, const char *in, const rcr_model *network) {
    char wide[RCR_ONNX_NAME], z[RCR_ONNX_NAME];
    int transformed = is_transformed(network);
    rcr_onnx_node2(g, "Mul", stage(wide, out, "wide"), in, "target_std");
    rcr_onnx_node2(g, "Add", transformed ? stage(z, out, "z") : out, wide, "target_mean");
    if (transformed && network->options.n_targets == 1)
        transform_undo(g, out, z, &network->targets[0].scale.transform);
    else if (transformed)
        transforms_undo(g, out, z, network);
}

/* ---- model/forecast.c */

/* The square root of exp(10 tanh(o / 10)), in the target's unit: half of what lies between value - std and
 * value + std. */
static void put_std(rcr_onnx_graph *g, const char *log_variance, const char *value, const rcr_model *network) {
    constant(g, "Mul", "std.small", log_variance, 1 / RCR_LOG_VARIANCE_LIMIT);
    rcr_onnx_node(g, "Tanh", "std.limited", "std.small");
    constant(g, "Mul", "std.logarithm", "std.limited", 0.5 * RCR_LOG_VARIANCE_LIMIT);
    rcr_onnx_node(g, "Exp", "std.normalized", "std.logarithm");
    if (!is_transformed(network)) {
        rcr_onnx_node(g, "Mul", "std", "std.normalized target_std");
        return;
    }
    rcr_onnx_node2(g, "Add", "std.above", value, "std.normalized");
    rcr_onnx_node2(g, "Sub", "std.below", value, "std.normalized");
    scale_undo(g, "std.upper", "std.above", network);
    scale_undo(g, "std.lower", "std.below", network);
    rcr_onnx_node(g, "Sub", "std.between", "std.upper std.lower");
    constant(g, "Mul", "std", "std.between", 0.5);
}

static void put_regression(rcr_onnx_graph *g, const rcr_model *network) {
    const char *value = "output", *doubt = NULL;
    put_normalizers(g, network);
    if (network->options.variance) {
        rcr_onnx_int(g, "axis", 1);
        rcr_onnx_node(g, "Split", "values log_variances", "output");
        value = "values";
        doubt = "log_variances";
    }
    if (network->options.n_targets == 1) {
        rcr_onnx_node2(g, "Squeeze", "normalized", value, "/index_one");
        value = "normalized";
        if (doubt != NULL) rcr_onnx_node2(g, "Squeeze", "log_variance", doubt, "/index_one");
        if (doubt != NULL) doubt = "log_variance";
    }
    scale_undo(g, "prediction", value, network);
    if (doubt != NULL) put_std(g, doubt, value, network);
}

static void put_classes(rcr_onnx_graph *g) {
    rcr_onnx_int(g, "axis", 1);
    rcr_onnx_node(g, "Softmax", "probabilities", "output");
    rcr_onnx_int(g, "axis", 1);
    rcr_onnx_node(g, "Gather", "probability", "probabilities /index_one");
    rcr_onnx_node(g, "Squeeze", "prediction", "probability /index_one");
}

void rcr_onnx_values(rcr_onnx_graph *g, const rcr_model *network) {
    if (network->options.task == RCR_CLASSIFICATION)
        put_classes(g);
    else
        put_regression(g, network);
}

/* ---- ensembles */

void rcr_onnx_prefix(rcr_onnx_graph *g, const rcr_model *model, size_t m) {
    g->prefix[0] = '\0';
    if (model->n_members > 1) snprintf(g->prefix, sizeof g->prefix, "member.%zu.", m + 1);
}

/* op over all networks' tensors of that name. */
static void over_members(rcr_onnx_graph *g, const char *op, const char *out, const char *name, size_t n) {
    rcr_text names = {0};
    for (size_t m = 0; m < n; m++) rcr_text_printf(&names, "%s/member.%zu.%s", m > 0 ? " " : "", m + 1, name);
    if (names.failed)
        g->failed = 1;
    else
        rcr_onnx_node(g, op, out, names.data);
    rcr_text_free(&names);
}

void rcr_onnx_join(rcr_onnx_graph *g, const rcr_model *model) {
    size_t n = model->n_members;
    if (n == 1) return;
    g->prefix[0] = '\0';
    over_members(g, "Mean", "prediction", "prediction", n);
    for (size_t m = 0; m < n; m++) {
        rcr_onnx_prefix(g, model, m);
        rcr_onnx_node(g, "Sub", "offset", "prediction /prediction");
        rcr_onnx_node(g, "Mul", "offset_squared", "offset offset");
        if (model->options.variance) rcr_onnx_node(g, "Mul", "std_squared", "std std");
    }
    g->prefix[0] = '\0';
    over_members(g, "Sum", "offsets_squared", "offset_squared", n);
    constant(g, "Div", "spread_squared", "offsets_squared", (double)(n - 1));
    rcr_onnx_node(g, "Sqrt", "spread", "spread_squared");
    if (!model->options.variance) return;
    over_members(g, "Mean", "stds_squared", "std_squared", n);
    rcr_onnx_node(g, "Sqrt", "std", "stds_squared");
}
