#include "cli/pair_targets.h"

#include <string.h>

#include "base/status.h"
#include "base/text.h"

/* Where a name stands in a list of n ("a, b"), from 0; n: it does not. */
static int32_t place_in(const char *list, const char *name, int32_t n) {
    for (int32_t k = 0; k < n; k++) {
        size_t whole = strcspn(list, ","), length = whole;
        const char *from = list;
        while (length > 0 && rcr_is_space((unsigned char)from[0])) from++, length--;
        while (length > 0 && rcr_is_space((unsigned char)from[length - 1])) length--;
        if (length == strlen(name) && memcmp(from, name, length) == 0) return k;
        list += whole + (list[whole] == ',');
    }
    return n;
}

rcr_status rcr_pair_targets(const char **target, const rcr_model *model, const char *own, rcr_error *err) {
    int32_t T = model->options.n_targets, n = 1, n_own = 0, crossed = T;
    const char *asked = *target;
    if (asked == NULL) return RCR_OK;
    for (const char *at = asked; *at != '\0'; at++) n += *at == ',';
    if (n != T) return RCR_OK; /* which is told of the data once they are read */
    for (int32_t k = 0; k < T; k++) {
        int32_t place = place_in(asked, model->targets[k].name, T);
        n_own += place < T;
        if (place < T && place != k) crossed = k;
    }
    if (n_own == T) *target = own;
    if (n_own == T || crossed == T) return RCR_OK;
    const char *name = model->targets[crossed].name;
    return rcr_fail(err, RCR_ERR_ARGUMENT,
                    "--target: the column '%.100s' would be compared with the model's target '%.100s', and the model "
                    "has a target '%.100s'; its targets are %.150s: name the columns in their order",
                    name, model->targets[place_in(asked, name, T)].name, name, own);
}
