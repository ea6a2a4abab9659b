/* What a program that was compiled elsewhere can check. */
#include <string.h>

#include "recryst.h"

int32_t rcr_abi(void) { return RCR_ABI; }

#define SIZE(type)                                                                                                     \
    { #type, sizeof(type) }

size_t rcr_struct_size(const char *name) {
    static const struct {
        const char *name;
        size_t size;
    } sizes[] = {SIZE(rcr_error),           SIZE(rcr_crystal),        SIZE(rcr_graph_options), SIZE(rcr_graph),
                 SIZE(rcr_model_options),   SIZE(rcr_model_info),     SIZE(rcr_target_info),   SIZE(rcr_prediction),
                 SIZE(rcr_embedding),       SIZE(rcr_structure),      SIZE(rcr_events),        SIZE(rcr_row_layout),
                 SIZE(rcr_explained),       SIZE(rcr_chunk),          SIZE(rcr_tensor_view),   SIZE(rcr_import_request),
                 SIZE(rcr_dataset_facts),   SIZE(rcr_dataset_row),    SIZE(rcr_scores),        SIZE(rcr_training_epoch),
                 SIZE(rcr_training_events), SIZE(rcr_training_result)};
    for (size_t i = 0; name != NULL && i < sizeof sizes / sizeof *sizes; i++)
        if (strcmp(sizes[i].name, name) == 0) return sizes[i].size;
    return 0;
}
