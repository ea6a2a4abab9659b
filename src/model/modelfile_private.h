/* What the writer (modelfile_write.c) and the reader (modelfile.c) of model files share: names in the file. */
#ifndef RCR_MODEL_MODELFILE_PRIVATE_H
#define RCR_MODEL_MODELFILE_PRIVATE_H

#include "model/modelfile.h"

#define RCR_FILE_FORMAT "recryst-model"
#define RCR_FILE_VERSION "1"
/* Of a file with members, intervals or a domain, several targets, transforms or standard deviations, none of which
 * readers of version 1 expect. */
#define RCR_FILE_VERSION_TRUST "2"
#define RCR_FILE_FREE_PREFIX "meta." /* before the keys of rcr_model.meta */
#define RCR_FILE_TABLE_ROWS "element_table.row"
#define RCR_FILE_TABLE_KNOWN "element_table.known"
#define RCR_FILE_DOMAIN_ELEMENTS "domain.element"
#define RCR_FILE_SCORES_IN_UNITS "conformal.in_units"
#define RCR_FILE_DOMAIN_MEAN "domain.mean"
#define RCR_FILE_DOMAIN_WHITEN "domain.whiten"
enum { RCR_FILE_TABLE_LENGTH = RCR_MAX_ATOMIC_NUMBER + 1, RCR_FILE_NAME = 96 };

/* In the order of the enumerations, then NULL. */
extern const char *const rcr_file_architectures[],
    *const rcr_file_tasks[], *const rcr_file_disorders[], *const rcr_file_paddings[], *const rcr_file_ties[],
                                                                                          *const rcr_file_switches[];

/* "member.M." before the names of what belongs to network M > 0, "" for 0; and the name of a tensor of scores. */
void rcr_file_member_prefix(char out[RCR_FILE_NAME], size_t member);
void rcr_file_score_name(char out[RCR_FILE_NAME], size_t target);

/* The key of something of target k = 0 .. of a network: "target.name" of the first target, "target.2.name" of the
 * second, after the network's prefix. */
void rcr_file_target_key(char out[2 * RCR_FILE_NAME], const char *prefix, int32_t k, const char *what);

/* 1 where the file of the model has more than readers of version 1 expect, and how many tensors that is beside those of
 * one network with its element table. */
int rcr_model_has_trust(const rcr_model *model);
size_t rcr_model_trust_tensors(const rcr_model *model);

#endif
