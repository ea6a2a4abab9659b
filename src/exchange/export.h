/* Models for other programs: checkpoints that CGCNN and SR-CGCNN load, and ONNX. */
#ifndef RCR_MODEL_EXPORT_H
#define RCR_MODEL_EXPORT_H

#include "model/model.h"

/* That all means, deviations and parameters of transforms, which other programs keep in single precision, are 0 or
 * normal numbers there: others become 0 or infinite, and with them predictions.  Errors: RCR_ERR_UNSUPPORTED. */
rcr_status rcr_export_check_scales(const rcr_model *model, rcr_error *err);

/* A checkpoint as torch.save writes it (zip), with what the reference programs look for: epoch, state_dict,
 * best_mae_error, optimizer (Adam's and SGD's settings, no moments), normalizer, args.  args holds all that their
 * command lines set: those that the network fixes, those of the checkpoint that the model was imported from, else their
 * defaults; and radius, max_num_nbr, dmin and step.  *out is freed with rcr_free.
 * Errors: RCR_ERR_ARGUMENT (an ensemble), RCR_ERR_UNSUPPORTED (several targets, a transform, standard deviations,
 * rcr_export_check_scales),
 * RCR_ERR_LIMIT (4 GiB), RCR_ERR_MEMORY. */
rcr_status rcr_checkpoint_export(char **out, size_t *length, const rcr_model *model, rcr_error *err);

/* Where what the reference programs compute differs from this model: a sentence each.  n: room in reasons (at most 5
 * are given); returns their number.  Static storage. */
size_t rcr_checkpoint_differences(const char **reasons, size_t n, const rcr_model *model);

/* The element table in the form of atom_init.json.  *out is freed with rcr_free.  Errors: RCR_ERR_MEMORY. */
rcr_status rcr_element_table_json(char **out, size_t *length, const rcr_element_table *table, rcr_error *err);

/* What an ONNX graph takes for an atom. */
typedef enum rcr_onnx_atoms {
    RCR_ONNX_NUMBERS = 0, /* atomic numbers; the element table is in the graph */
    RCR_ONNX_FEATURES     /* vectors as the element table has them */
} rcr_onnx_atoms;

/* The network in evaluation as an ONNX model (opset 17), an ensemble with all its networks; intervals and domain stay
 * behind.  docs/checkpoints.md has its inputs and outputs.
 * *out is freed with rcr_free.  Errors: RCR_ERR_UNSUPPORTED (rcr_export_check_scales), RCR_ERR_LIMIT (2 GiB, protobuf's
 * own), RCR_ERR_MEMORY. */
rcr_status rcr_onnx_export(char **out, size_t *length, const rcr_model *model, rcr_onnx_atoms atoms, rcr_error *err);

#endif
