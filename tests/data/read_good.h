/* Reading a dataset that is as it should be. */
#ifndef RCR_TESTS_DATA_READ_GOOD_H
#define RCR_TESTS_DATA_READ_GOOD_H

#include "support/check.h"

#include "data/dataset.h"

static inline rcr_dataset_options defaults(void) {
    return (rcr_dataset_options){.need_target = 1, .graph = rcr_graph_options_default()};
}

static inline rcr_dataset *read_good(const char *path, const rcr_dataset_options *o) {
    rcr_dataset *d = NULL;
    rcr_error err = {0};
    if (rcr_dataset_read(&d, path, o, &err) != RCR_OK)
        fail_msg("%s: %s:%ld: %s", path, err.file, err.line, err.message);
    return d;
}

#endif
