/* A study.csv of elsewhere as the runs of a study: whatever it says, only whole rows of the study's own runs count. */
#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "study/study.h"

static rcr_study *make(void) {
    const uint64_t seed[] = {1, 2};
    rcr_study *study = NULL;
    rcr_train_options options = rcr_train_options_default();
    int good = rcr_study_create(&study, "s", "/nowhere/s", NULL) == RCR_OK;
    for (int i = 0; i < 2 && good; i++) {
        options.model.depth = i + 1;
        good = rcr_study_add_setting(study, i == 0 ? "a" : "b, c", "data", &options, 0, NULL, NULL) == RCR_OK;
    }
    good =
        good && rcr_study_lay_out(study, seed, 2, 1, 0, NULL) == RCR_OK && rcr_study_find_keys(study, NULL) == RCR_OK;
    if (!good) fuzz_fail("the study can't be made");
    return study;
}

static void check(const rcr_study *study, const rcr_study_takings *n) {
    size_t taken = 0;
    for (size_t i = 0; i < study->n_runs; i++) {
        const rcr_study_run *run = &study->run[i];
        if ((run->taken != NULL) != (run->status == RCR_STUDY_DONE)) fuzz_fail("a run is done by half");
        if (run->taken == NULL) continue;
        taken++;
        int scores = 0;
        for (size_t k = 0; k < study->n_scores; k++) scores += isfinite(rcr_study_number(run, study->score[k]));
        if (scores == 0) fuzz_fail("a run is done without a score");
        if (strlen(run->data_sha256) != 64 || strlen(run->elements_sha256) != 64) fuzz_fail("a hash is none");
    }
    if (taken != n->n_taken) fuzz_fail("the number of runs is wrong");
    rcr_text text = {0};
    rcr_study_summary_text(&text, study);
    rcr_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_study *study = make();
    rcr_study_takings n = {0};
    rcr_error err;
    if (rcr_study_take(study, "t.csv", (const char *)data, size, &n, &err) == RCR_OK)
        check(study, &n);
    else if (n.n_taken != 0 || err.message[0] == '\0')
        fuzz_fail("a failure without a message, or with counts");
    rcr_study_free(study);
    return 0;
}
