/* The folders of runs and studies, as reports read them.  The first byte of an input chooses a file, the rest is what
 * it holds; all other files are those of a small study that is trained at the start. */
#include "fuzz/folder.h"

#include <jansson.h>
#include <math.h>

#include "base/file.h"
#include "base/mem.h"
#include "report/figures.h"
#include "report/page.h"
#include "report/studypage.h"
#include "study/study.h"

/* Of a run, and (from STUDY_CSV on) of the study around it. */
enum { RUN_SUMMARY, METRICS, CALIBRATION = 7, STUDY_CSV = 11, SUMMARY, STUDY_TOML, N_FILES };
static const char *const names[N_FILES] = {"run_summary.json",     "metrics.csv",         "crystals.csv",
                                           "predictions-test.csv", "predictions-val.csv", "predictions-train.csv",
                                           "config.toml",          "calibration.csv",     "steps.csv",
                                           "worst-crystals.jsonl", "errors.csv",          "study.csv",
                                           "summary.json",         "study.toml"};

static char run_folder[256], study_folder[128], *good[N_FILES];
static size_t good_length[N_FILES];

/* ---- what is made once */

static const char *path_of(int which) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", which < STUDY_CSV ? run_folder : study_folder, names[which]);
    return path;
}

static void put(int which, const void *bytes, size_t length) {
    FILE *file = fopen(path_of(which), "wb");
    if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0) fuzz_fail("can't write a file");
}

/* Two settings, two seeds. */
static rcr_study *lay_out(void) {
    static const char *const name[] = {"a", "b, c"};
    const uint64_t seed[] = {1, 2};
    rcr_study *study = NULL;
    rcr_error err = {0};
    rcr_train_options options = fuzz_train_options();
    options.target = "energy,gap";
    options.unit = "eV";
    fuzz_check(rcr_study_create(&study, "s", study_folder, &err), &err);
    for (int i = 0; i < 2; i++) {
        options.model.depth = i + 1;
        fuzz_check(rcr_study_add_setting(study, name[i], fuzz_path("data"), &options, 0, NULL, &err), &err);
    }
    fuzz_check(rcr_study_lay_out(study, seed, 2, 1, 0, &err), &err);
    return study;
}

/* calibration.csv has a row for every level, summary.json every pair and score: a few of them take a tenth of the time.
 */
static void shorten(void) {
    char *end = good[CALIBRATION];
    for (int i = 0; i < 8 && strchr(end, '\n') != NULL; i++) end = strchr(end, '\n') + 1;
    good_length[CALIBRATION] = (size_t)(end - good[CALIBRATION]);
    put(CALIBRATION, good[CALIBRATION], good_length[CALIBRATION]);
    json_t *root = json_loadb(good[SUMMARY], good_length[SUMMARY], 0, NULL),
           *settings = json_object_get(root, "settings");
    json_t *pairs = json_object_get(root, "differences");
    while (json_array_size(pairs) > 2) json_array_remove(pairs, 2);
    for (size_t i = 0; i < json_array_size(settings); i++) {
        json_t *scores = json_object_get(json_array_get(settings, i), "scores"), *value;
        const char *name, *main_score = json_string_value(json_object_get(root, "main_score"));
        void *next;
        json_object_foreach_safe(scores, next, name, value) {
            if (main_score == NULL || strcmp(name, main_score) != 0) json_object_del(scores, name);
        }
    }
    char *text = json_dumps(root, JSON_COMPACT);
    if (text == NULL) fuzz_fail("summary.json is no JSON");
    good_length[SUMMARY] = strlen(text);
    memcpy(good[SUMMARY], text, good_length[SUMMARY]); /* which is shorter */
    put(SUMMARY, text, good_length[SUMMARY]);
    free(text);
    json_decref(root);
}

static void forget(void) {
    for (int i = 0; i < N_FILES; i++) rcr_free(good[i]);
}

static void make(void) {
    const rcr_study_events no_events = {0};
    size_t n_strangers;
    rcr_error err = {0};
    fuzz_make_folder();
    fuzz_make_data();
    snprintf(study_folder, sizeof study_folder, "%.100s", fuzz_path("study"));
    rcr_study *study = lay_out();
    fuzz_check(rcr_study_open(study, 1, &n_strangers, &err), &err);
    fuzz_check(rcr_study_execute(study, 1, 1, &no_events, &err), &err);
    if (rcr_study_count(study).done != study->n_runs) fuzz_fail("a run of the study was not trained");
    snprintf(run_folder, sizeof run_folder, "%.100s/%.100s", study_folder, study->run[0].directory);
    rcr_study_free(study);
    put(STUDY_TOML, "data = \"data\"\n", 14);
    for (int i = 0; i < N_FILES; i++)
        fuzz_check(rcr_file_read(&good[i], &good_length[i], path_of(i), 1 << 20, &err), &err);
    shorten();
    if (atexit(forget) != 0) fuzz_fail("no memory");
}

/* ---- what is made of them */

static void check_json(const rcr_text *text, const char *what) {
    json_error_t problem;
    json_t *root = json_loadb(text->data, text->length, 0, &problem);
    if (root == NULL) {
        fprintf(stderr, "%s\n", problem.text);
        fuzz_fail(what);
    }
    json_decref(root);
}

/* A figure can be looked at: all that is drawn has a place. */
static void check_canvas(rcr_canvas *canvas, int write, rcr_status status, const rcr_error *err) {
    rcr_text svg = {0};
    if (status != RCR_OK && err->message[0] == '\0') fuzz_fail("a figure fails without a reason");
    for (size_t i = 0; status == RCR_OK && i < canvas->n_points; i++)
        if (!isfinite(canvas->point[i][0]) || !isfinite(canvas->point[i][1])) fuzz_fail("a point without a place");
    for (size_t i = 0; status == RCR_OK && i < canvas->n_shapes; i++)
        if (!isfinite(canvas->shape[i].x) || !isfinite(canvas->shape[i].y)) fuzz_fail("a shape without a place");
    if (status == RCR_OK && write && rcr_canvas_svg(&svg, canvas, NULL) != RCR_OK)
        fuzz_fail("a figure can't be written");
    rcr_text_free(&svg);
    rcr_canvas_release(canvas);
}

static void check_ranks(const rcr_run_data *run) {
    for (size_t p = 0; p < run->n_parts; p++)
        for (size_t t = 0; t < run->n_targets && t < 4; t++) {
            size_t *row = NULL, n = 0;
            if (rcr_run_rank(&row, &n, run, p, t, NULL) != RCR_OK) fuzz_fail("errors can't be ranked");
            for (size_t i = 0; i < n; i++)
                if (row[i] >= run->part[p].n) fuzz_fail("a rank of no row");
            rcr_free(row);
        }
}

/* shown: the number of a figure, one of which is written; that takes as long as all the rest. */
static void report_run(size_t shown) {
    rcr_run_data *run = NULL;
    rcr_text text = {0};
    rcr_error err = {0};
    rcr_page_notes notes = {0};
    if (rcr_run_data_read(&run, run_folder, &err) != RCR_OK) {
        if (err.message[0] == '\0') fuzz_fail("a run is refused without a reason");
        return;
    }
    check_ranks(run);
    if (rcr_page_run(&text, run, &notes, &err) != RCR_OK) fuzz_fail("a run that was read has no page");
    check_json(&text, "the data of a run's page are no JSON");
    rcr_text_free(&text);
    text = (rcr_text){0};
    rcr_page_title(&text, run);
    rcr_text_free(&text);
    size_t n_figures = 0;
    while (rcr_figures[n_figures].name != NULL) n_figures++;
    for (size_t i = 0; i < n_figures; i++) {
        const rcr_figure *f = &rcr_figures[i];
        rcr_canvas canvas = {.width = 252, .height = 189};
        rcr_error why = {0};
        check_canvas(&canvas, i == shown % n_figures, f->draw(&canvas, run, &why), &why);
    }
    rcr_run_data_free(run);
}

static void report_study(size_t shown) {
    rcr_text text = {0}, title = {0};
    rcr_error err = {0};
    rcr_canvas canvas = {.width = 252, .height = 189};
    rcr_status status = rcr_page_study(&text, study_folder, &err);
    if (status == RCR_OK)
        check_json(&text, "the data of a study's page are no JSON");
    else if (err.message[0] == '\0')
        fuzz_fail("a study is refused without a reason");
    rcr_text_free(&text);
    rcr_study_title(&title, study_folder, NULL);
    rcr_text_free(&title);
    check_canvas(&canvas, shown % 4 == 0, rcr_figure_study(&canvas, study_folder, &err), &err);
}

/* As the study itself reads its runs' results. */
static void read_results(void) {
    rcr_study *study = lay_out();
    rcr_text text = {0};
    rcr_error err = {0};
    for (size_t i = 0; i < study->n_runs; i++) study->run[i].status = RCR_STUDY_DONE;
    if (rcr_study_read_results(study, &err) == RCR_OK)
        rcr_study_summary_text(&text, study);
    else if (err.message[0] == '\0')
        fuzz_fail("results are refused without a reason");
    rcr_text_free(&text);
    rcr_study_free(study);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int changed = -1;
    if (good[0] == NULL) make();
    if (size == 0) return 0;
    int which = data[0] % N_FILES;
    if (changed >= 0 && changed != which) put(changed, good[changed], good_length[changed]);
    changed = which;
    put(which, data + 1, size - 1);
    if (which < STUDY_CSV) report_run(size);
    if (which == RUN_SUMMARY) read_results();
    if (which <= METRICS || which >= STUDY_CSV) report_study(size);
    return 0;
}
