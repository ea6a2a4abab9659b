/* A model on the host: what it is and its weights, one flat array with named views (PyTorch's state_dict names). */
#ifndef RCR_MODEL_MODEL_H
#define RCR_MODEL_MODEL_H

#include "base/real.h"
#include "base/text.h"
#include "crystal/element.h"
#include "data/batch.h"
#include "data/transform.h"
#include "model/conformal.h"
#include "model/domain.h"
#include "recryst.h"

/* A named view into rcr_model.parameters or rcr_model.buffers. */
typedef struct rcr_tensor {
    char name[64]; /* such as "shared_conv.fc_full.weight" */
    int32_t rank;
    int32_t shape[2];
    size_t offset; /* first element */
    size_t count;
    int is_conv; /* counts as a convolution parameter */
} rcr_tensor;

/* One key of the file's free metadata (training data, split, seed, metrics, ...). */
typedef struct rcr_meta {
    char *key, *value;
} rcr_meta;

/* One of the properties that a model predicts. */
typedef struct rcr_target {
    char *name, *unit; /* owned, never NULL */
    rcr_scale scale;   /* from the network's output to the target (regression) */
} rcr_target;

/* More than any dataset has properties; a spectrum fits. */
enum { RCR_MAX_TARGETS = 1024 };

struct rcr_model {
    rcr_model_options options;
    rcr_graph_options graph;
    int32_t n_gaussians;         /* K */
    int32_t n_outputs;           /* T values, after them T logarithms of variances where it has them; or 2 classes */
    rcr_element_table *elements; /* owned */
    rcr_target *targets;         /* [options.n_targets] owned */
    size_t n_tensors;            /* trainable */
    rcr_tensor *tensor;
    size_t n_parameters;
    rcr_real *parameters; /* [n_parameters] */
    size_t n_buffers;     /* running_mean and running_var */
    rcr_tensor *buffer;
    size_t n_buffer_values;
    rcr_real *buffers;         /* [n_buffer_values] */
    int64_t n_batches_tracked; /* the same for all norms */
    size_t n_meta, meta_capacity;
    rcr_meta *meta; /* owned */
    /* An ensemble has other networks beside this one, whose predictions are averaged: alike in all but weights, running
     * statistics, scales of targets and metadata, and without members, intervals or domain of their own. */
    size_t n_members;          /* 1, or this one and the others */
    struct rcr_model **member; /* [n_members - 1]; owned */
    rcr_conformal *conformal;  /* [rcr_model_n_targets] what makes intervals; NULL: none; owned */
    double level;              /* of the intervals that predictions give, in (0, 1) [0.9]; 0: none; not in the file */
    rcr_domain *domain;        /* what the model was trained on; NULL: not known; owned */
};

/* The level of intervals where nothing else is asked for. */
#define RCR_MODEL_LEVEL 0.9

/* More networks than an ensemble has. */
#define RCR_MODEL_MAX_MEMBERS ((size_t)100)

/* The m-th network of a model: itself for 0. */
const rcr_model *rcr_model_member(const rcr_model *model, size_t m);
/* Values that are predicted of a crystal. */
size_t rcr_model_n_targets(const rcr_model *model);

/* Make room for the scores of all targets, empty; what was there is freed.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_model_reset_conformal(rcr_model *model, rcr_error *err);
/* Forget the intervals; intervals and domain. */
void rcr_model_drop_intervals(rcr_model *model);
void rcr_model_drop_calibration(rcr_model *model);

/* Check the options and say in err which is out of range and what is allowed. */
rcr_status rcr_model_options_check(const rcr_model_options *options, rcr_error *err);

/* More parameters than any crystal network has; a bound on what wrong options or files can cost. */
#define RCR_MODEL_MAX_PARAMETERS ((size_t)1 << 28)

/* Fresh weights from the seed: linear layers uniform in +-1/sqrt(fan-in), norms 1 and 0, alpha 1; running means 0 and
 * variances 1; normalisers 0 and 1, no transform.  The table is copied.
 * Errors: RCR_ERR_ARGUMENT (options), RCR_ERR_LIMIT (parameters), RCR_ERR_MEMORY. */
rcr_status rcr_model_create(rcr_model **out, const rcr_model_options *options, const rcr_graph_options *graph,
                            const rcr_element_table *elements, uint64_t seed, rcr_error *err);

/* The same with all linear layers 0, for a reader that fills them in.  RCR_ERR_LIMIT when there would be more than
 * max_parameters, before anything large is allocated. */
rcr_status rcr_model_create_blank(rcr_model **out, const rcr_model_options *options, const rcr_graph_options *graph,
                                  const rcr_element_table *elements, size_t max_parameters, rcr_error *err);

/* The view of that name among parameters, then buffers (*is_buffer set when not NULL); NULL when there is none. */
const rcr_tensor *rcr_model_find(const rcr_model *model, const char *name, int *is_buffer);

/* Of the first target, and of target k, which must be one.  Name and unit are copied; NULL means "".
 * Errors: RCR_ERR_ARGUMENT (not UTF-8, as a model file is), RCR_ERR_MEMORY. */
rcr_status rcr_model_set_target(rcr_model *model, const char *target, const char *unit, rcr_error *err);
rcr_status rcr_model_set_target_at(rcr_model *model, int32_t k, const char *target, const char *unit, rcr_error *err);

/* The names, units and scales of from's targets, of which there are as many.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_model_copy_targets(rcr_model *model, const rcr_model *from, rcr_error *err);

/* Append a name for target k that no other target has, for columns: its own, or its number, counted from 1, where it
 * has none or an earlier one has the same; "_" follows a number that is the name of another. */
void rcr_target_label(rcr_text *out, const rcr_model *model, int32_t k);

/* V, the numbers that a prediction has: the values of T targets, after them T standard deviations where the model
 * predicts them. */
size_t rcr_model_n_values(const rcr_model *model);

/* 1 when the model is more than one target's values as they are: several, transformed, or with variances; or a
 * network of an ensemble is. */
int rcr_model_is_extended(const rcr_model *model);

/* Free metadata: set replaces, add takes a key that is not there yet, get gives NULL when absent.  Names of files are
 * any bytes, and a model file is UTF-8: what is not becomes U+FFFD.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_model_set_meta(rcr_model *model, const char *key, const char *value, rcr_error *err);
rcr_status rcr_model_add_meta(rcr_model *model, const char *key, const char *value, rcr_error *err);
const char *rcr_model_get_meta(const rcr_model *model, const char *key);

/* Read a model file that is in memory; otherwise as rcr_model_load. */
rcr_status rcr_model_parse(rcr_model **out, const void *bytes, size_t length, rcr_error *err);

/* RCR_ERR_DATA, saying which, when a graph holds an element that the model has no vector for, or no atom. */
rcr_status rcr_model_check_graph(const rcr_model *model, const rcr_graph *graph, rcr_error *err);

/* A deep copy, equal bit for bit. */
rcr_status rcr_model_copy(rcr_model **out, const rcr_model *model, rcr_error *err);

#endif
