#include "train/optimizer.h"

#include "base/status.h"

rcr_status rcr_optimizer_init(rcr_optimizer *optimizer, rcr_optimizer_kind kind, const rcr_kernels *kernels, size_t n,
                              rcr_error *err) {
    rcr_optimizer made = {.kernels = kernels, .n = n};
    made.first = kernels->mem_alloc(n);
    if (kind != RCR_SGD) made.second = kernels->mem_alloc(n);
    if (made.first == NULL || (kind != RCR_SGD && made.second == NULL)) {
        rcr_optimizer_release(&made);
        return rcr_fail_memory(err, "making room for the optimizer");
    }
    *optimizer = made;
    return RCR_OK;
}

void rcr_optimizer_release(rcr_optimizer *optimizer) {
    if (optimizer->first != NULL) optimizer->kernels->mem_free(optimizer->first);
    if (optimizer->second != NULL) optimizer->kernels->mem_free(optimizer->second);
    *optimizer = (rcr_optimizer){0};
}

void rcr_optimizer_update(rcr_optimizer *optimizer, const rcr_exec *exec, rcr_real *parameters,
                          const rcr_real *gradient, const rcr_range *range, size_t n_ranges,
                          const rcr_train_options *options, double lr) {
    optimizer->step++;
    rcr_adam adam = {.lr = lr,
                     .beta1 = options->beta1,
                     .beta2 = options->beta2,
                     .eps = options->eps,
                     .weight_decay = options->weight_decay,
                     .decoupled = options->optimizer == RCR_ADAMW,
                     .step = optimizer->step};
    for (size_t i = 0; i < n_ranges; i++) {
        size_t at = range[i].first;
        int64_t n = (int64_t)range[i].n;
        if (range[i].frozen) continue;
        if (options->optimizer == RCR_SGD)
            optimizer->kernels->sgd_update(exec, parameters + at, optimizer->first + at, gradient + at, lr,
                                           options->momentum, options->weight_decay, optimizer->step == 1, n);
        else
            optimizer->kernels->adam_update(exec, parameters + at, optimizer->first + at, optimizer->second + at,
                                            gradient + at, &adam, n);
    }
}
