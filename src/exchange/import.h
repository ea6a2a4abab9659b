/* Models that other programs trained: checkpoints of the original CGCNN, SR-CGCNN and cgcnn2, as torch.save wrote them.
 */
#ifndef RCR_MODEL_IMPORT_H
#define RCR_MODEL_IMPORT_H

#include "exchange/pickle.h"
#include "model/model.h"

/* What a checkpoint does not say, or says wrongly. */
typedef struct rcr_import_options {
    const rcr_element_table *elements; /* NULL: CGCNN's published table */
    const char *target, *unit;         /* may be NULL */
    const char *source;                /* the file's name, for the model's metadata; may be NULL */
    double radius, dmin, step;         /* angstrom; NaN: what the checkpoint's arguments say, else 8, 0, 0.2 */
    int32_t max_neighbors;             /* 0: the same, else 12 */
    rcr_padding padding;
    rcr_ties ties;
    double tie_tolerance; /* angstrom; 0: by the rule for ties */
    rcr_disorder disorder;
} rcr_import_options;

/* Nothing given; padding as the reference, ties cut, disordered crystals refused. */
rcr_import_options rcr_import_options_default(void);

/* That what is given is in its range, by itself.  Errors: RCR_ERR_ARGUMENT. */
rcr_status rcr_import_options_check(const rcr_import_options *options, rcr_error *err);

/* Read the checkpoint bytes[0 .. length): a dict with
 *   state_dict   the weights; which network it is, and its sizes, are told by their names and shapes
 *   normalizer   mean and std of the target; may be absent for classification, and is not used of cgcnn2, which does
 * not use it either args         a dict or a Namespace: graph options where it has them; kept as JSON in the metadata
 *   epoch, best_mae_error, best_mse_error   kept in the metadata
 * *out is a model with everything that predicting needs.
 * Errors: those of rcr_torch_open; RCR_ERR_ARGUMENT (options out of range, by themselves or with what a checkpoint that
 * is in order says), RCR_ERR_PARSE (parts missing, shapes that
 * do not fit, weights that are not numbers), RCR_ERR_MISMATCH (element table or graph options that do not fit the
 * weights), RCR_ERR_LIMIT, RCR_ERR_MEMORY. */
rcr_status rcr_checkpoint_import(rcr_model **out, const void *bytes, size_t length, const rcr_import_options *options,
                                 rcr_error *err);

/* A value as JSON, for metadata: bounded in depth, number and length, with null for what JSON has nothing for.
 * *out is freed with rcr_free.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_py_json(char **out, const rcr_py *value, rcr_error *err);

#endif
