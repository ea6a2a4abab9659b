/* Which runs come first, and which are left to other processes. */
#include <string.h>

#include "base/status.h"
#include "study/study.h"

size_t rcr_study_run_at(const rcr_study *study, size_t place) {
    size_t S = study->n_settings, each = study->n_runs / S;
    return place % S * each + place / S;
}

static size_t common_divisor(size_t a, size_t b) { return b == 0 ? a : common_divisor(b, a % b); }

size_t rcr_study_part_of(const rcr_study *study, size_t place, size_t n) {
    /* After so many rounds of all settings, every n-th place falls on the same settings as before. */
    size_t S = study->n_settings, rounds = n / common_divisor(n, S);
    return (place + place / S / rounds) % n;
}

rcr_status rcr_study_choose(rcr_study *study, size_t part, size_t n_parts, const char *const *only, size_t n_only,
                            rcr_error *err) {
    for (size_t k = 0; k < n_only; k++) {
        size_t s = 0;
        while (s < study->n_settings && strcmp(study->setting[s].name, only[k]) != 0) s++;
        if (s == study->n_settings)
            return rcr_fail(err, RCR_ERR_ARGUMENT, "no setting is called '%.100s'; the first is '%.100s'", only[k],
                            study->setting[0].name);
    }
    for (size_t place = 0; place < study->n_runs; place++) {
        rcr_study_run *run = &study->run[rcr_study_run_at(study, place)];
        int wanted = n_only == 0;
        for (size_t k = 0; k < n_only; k++) wanted |= strcmp(study->setting[run->setting].name, only[k]) == 0;
        run->elsewhere = !wanted || rcr_study_part_of(study, place, n_parts) != part;
    }
    return RCR_OK;
}

rcr_study_counts rcr_study_count(const rcr_study *study) {
    rcr_study_counts n = {0};
    for (size_t i = 0; i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        switch (run->status) {
        case RCR_STUDY_DONE:
            n.done++;
            n.taken += run->taken != NULL;
            break;
        case RCR_STUDY_FAILED: n.failed++; break;
        case RCR_STUDY_RUNNING:
        case RCR_STUDY_STOPPED: n.stopped++; break;
        case RCR_STUDY_WAITING: n.waiting++; break;
        }
        n.here += run->status <= RCR_STUDY_STOPPED && !run->elsewhere;
    }
    return n;
}
