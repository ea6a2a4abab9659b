/* What recryst.h offers other languages, through that header alone but for the making of models and demo data. */
#include <math.h>
#include <unistd.h>

#include "base/text.h"
#include "model/ensemble.h"
#include "support/check.h"
#include "support/models.h"

static const double cubic[9] = {4, 0, 0, 0, 4, 0, 0, 0, 4};
static const double rock_salt[6] = {0, 0, 0, 0.5, 0.5, 0.5};
static const uint8_t na_cl[2] = {11, 17};

static rcr_crystal *make(const char *id, double scale) {
    double lattice[9];
    rcr_crystal *crystal = NULL;
    for (int i = 0; i < 9; i++) lattice[i] = cubic[i] * scale;
    assert_int_equal(rcr_crystal_make(&crystal, id, lattice, 2, rock_salt, 0, na_cl, 0, NULL, NULL, NULL, NULL),
                     RCR_OK);
    return crystal;
}

static const char *source_file(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", getenv("RECRYST_SOURCE"), name);
    return path;
}

static void sizes_are_those_of_the_header(void **state) {
    (void)state;
    assert_int_equal(rcr_abi(), RCR_ABI);
    assert_int_equal(rcr_struct_size("rcr_crystal"), sizeof(rcr_crystal));
    assert_int_equal(rcr_struct_size("rcr_training_events"), sizeof(rcr_training_events));
    assert_int_equal(rcr_struct_size("nothing"), 0);
    assert_int_equal(rcr_struct_size(NULL), 0);
}

static void arrays_make_crystals(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *crystal = make("salt", 1);
    assert_string_equal(crystal->id, "salt");
    assert_int_equal(crystal->n_sites, 2);
    assert_memory_equal(crystal->frac, rock_salt, sizeof rock_salt);
    rcr_crystal_free(crystal);
    /* A sheared cell: r = f1 a + f2 b + f3 c by hand. */
    const double sheared[9] = {3, 0, 0, 1, 4, 0, 0.5, 0.25, 5};
    const double r[6] = {0, 0, 0, 0.5 * 3 + 0.25 * 1 + 0.75 * 0.5, 0.25 * 4 + 0.75 * 0.25, 0.75 * 5};
    assert_int_equal(rcr_crystal_make(&crystal, NULL, sheared, 2, r, 1, na_cl, 0, NULL, NULL, NULL, &err), RCR_OK);
    const double f[3] = {0.5, 0.25, 0.75};
    for (int k = 0; k < 3; k++) assert_true(fabs(crystal->frac[1][k] - f[k]) < 1e-15);
    rcr_crystal_free(crystal);
    const int32_t site[2] = {1, 1};
    const uint8_t number[2] = {35, 17};
    const double share[2] = {0.25, 0.5};
    assert_int_equal(rcr_crystal_make(&crystal, "x", cubic, 2, rock_salt, 0, na_cl, 2, site, number, share, &err),
                     RCR_OK);
    assert_int_equal(crystal->species_offset[2] - crystal->species_offset[1], 2);
    assert_int_equal(crystal->species_number[crystal->species_offset[1]], 17);
    assert_true(crystal->species_occupancy[crystal->species_offset[1]] == 0.5);
    rcr_crystal_free(crystal);
}

static void bad_arrays_are_refused(void **state) {
    (void)state;
    rcr_error err;
    rcr_crystal *crystal = NULL;
    double bad[9];
    const int32_t site[1] = {2};
    const double one = 1;
    for (int cartesian = 0; cartesian < 2; cartesian++) {
        memcpy(bad, cubic, sizeof bad);
        bad[4] = NAN;
        assert_int_equal(
            rcr_crystal_make(&crystal, "x", bad, 2, rock_salt, cartesian, na_cl, 0, NULL, NULL, NULL, &err),
            RCR_ERR_DATA);
        bad[4] = 0;
        assert_int_equal(
            rcr_crystal_make(&crystal, "x", bad, 2, rock_salt, cartesian, na_cl, 0, NULL, NULL, NULL, &err),
            RCR_ERR_DATA);
    }
    memcpy(bad, rock_salt, sizeof rock_salt);
    bad[2] = INFINITY;
    assert_int_equal(rcr_crystal_make(&crystal, "x", cubic, 2, bad, 0, na_cl, 0, NULL, NULL, NULL, &err), RCR_ERR_DATA);
    for (int none = 0; none < 3; none++) {
        const uint8_t no_element[2] = {11, none == 0 ? 0 : none == 1 ? 119 : 255};
        const int32_t second[2] = {1, 1};
        const double halves[2] = {0.5, 0.5};
        assert_int_equal(rcr_crystal_make(&crystal, "x", cubic, 2, rock_salt, 0, no_element, 0, NULL, NULL, NULL, &err),
                         RCR_ERR_ARGUMENT);
        assert_int_equal(
            rcr_crystal_make(&crystal, "x", cubic, 2, rock_salt, 0, na_cl, 2, second, no_element, halves, &err),
            RCR_ERR_ARGUMENT);
        /* not looked at where the species say what there is */
        assert_int_equal(
            rcr_crystal_make(&crystal, "x", cubic, 2, rock_salt, 0, no_element, 2, second, na_cl, halves, &err),
            RCR_OK);
        rcr_crystal_free(crystal);
        crystal = NULL;
    }
    assert_int_equal(rcr_crystal_make(&crystal, "x", cubic, 0, rock_salt, 0, na_cl, 0, NULL, NULL, NULL, &err),
                     RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_crystal_make(&crystal, "x", cubic, 2, rock_salt, 0, na_cl, 1, site, na_cl, &one, &err),
                     RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_crystal_make(&crystal, "x", cubic, 2, rock_salt, 0, na_cl, 1, NULL, NULL, NULL, &err),
                     RCR_ERR_ARGUMENT);
    assert_null(crystal);
}

enum { N = 50 };

typedef struct seen {
    size_t n_failed, failed[N], done, calls;
    rcr_error error;
} seen;

static void on_failed(void *context, size_t index, const rcr_error *error) {
    seen *s = context;
    s->failed[s->n_failed++] = index;
    s->error = *error;
}

static int on_progress(void *context, size_t done, size_t total) {
    seen *s = context;
    assert_int_equal(total, N);
    s->done = done;
    return ++s->calls > 1;
}

static void sessions_predict_what_the_model_does(void **state) {
    (void)state;
    rcr_error err;
    rcr_model *model = make_model(&model_variants[0], 7);
    rcr_crystal *crystal[N];
    for (int i = 0; i < N; i++) crystal[i] = make("x", 0.8 + 0.01 * i);
    crystal[17]->atomic_number[1] = 118; /* no vector for it */
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    double plain[N], value[N], few[N];
    rcr_status status[N];
    assert_int_equal(rcr_model_predict(plain, NULL, model, all, N, 1, &err), RCR_OK);
    rcr_session *session;
    assert_int_equal(rcr_session_create(&session, model, NULL, 3, &err), RCR_OK);
    assert_int_equal(rcr_session_threads(session), 3);
    rcr_model_free(model); /* the session has a copy */
    seen s = {0};
    rcr_events events = {&s, on_progress, on_failed};
    assert_int_equal(rcr_session_predict(value, status, session, all, N, &events, &err), RCR_OK);
    assert_int_equal(s.n_failed, 1);
    assert_int_equal(s.failed[0], 17);
    assert_int_equal(s.error.status, RCR_ERR_DATA);
    assert_int_equal(s.done, N);
    for (int i = 0; i < N; i++) {
        if (i == 17) {
            assert_true(isnan(value[i]));
            assert_int_equal(status[i], RCR_ERR_DATA);
            continue;
        }
        assert_true(value[i] == plain[i]);
        /* One at a time takes another way. */
        assert_int_equal(rcr_session_predict(&few[i], NULL, session, all + i, 1, NULL, &err), RCR_OK);
        assert_true(few[i] == plain[i]);
    }
    assert_int_equal(rcr_session_predict(value, NULL, session, all, N, &events, &err), RCR_ERR_INTERRUPTED);
    rcr_graph_options options = rcr_graph_options_default();
    rcr_graph *graph[2] = {NULL, NULL};
    assert_int_equal(rcr_graph_build(&graph[0], crystal[3], &options, &err), RCR_OK);
    assert_int_equal(rcr_session_predict_graphs(value, status, session, (const rcr_graph *const *)graph, 2, NULL, &err),
                     RCR_OK);
    assert_true(value[0] == plain[3]);
    assert_int_equal(status[1], RCR_ERR_ARGUMENT);
    /* All that this model says is its values: neither ensemble nor calibrated. */
    assert_int_equal(rcr_session_layout(session).n_columns, 1);
    assert_int_equal(rcr_session_layout(session).has_domain, 0);
    char kind[N * RCR_KIND_SIZE];
    assert_int_equal(rcr_session_forecast(value, kind, session, all, NULL, N, NULL, &err), RCR_OK);
    for (int i = 0; i < N; i++) assert_true(i == 17 ? isnan(value[i]) : value[i] == plain[i]);
    assert_string_equal(kind, "");
    assert_int_equal(rcr_session_set_level(session, 1, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_session_set_level(session, NAN, &err), RCR_ERR_ARGUMENT);
    rcr_embedding *e;
    assert_int_equal(rcr_session_embed(&e, session, RCR_EMBED_ATOMS, all, N, NULL, &err), RCR_OK);
    assert_int_equal(e->row_offset[N], 2 * (N - 1));
    rcr_embedding *g;
    assert_int_equal(
        rcr_session_embed_graphs(&g, session, RCR_EMBED_ATOMS, (const rcr_graph *const *)graph, 1, NULL, &err), RCR_OK);
    assert_memory_equal(g->values, e->values + e->row_offset[3] * (size_t)e->n_features,
                        2 * (size_t)e->n_features * sizeof(float));
    rcr_embedding_free(e);
    rcr_embedding_free(g);
    rcr_graph_free(graph[0]);
    rcr_session_free(session);
    for (int i = 0; i < N; i++) rcr_crystal_free(crystal[i]);
}

/* Written and read again: ids, numbers and every bit of the positions. */
static void structures_come_back(void **state) {
    (void)state;
    char folder[] = "/tmp/recryst-api-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/two.jsonl", folder);
    rcr_error err;
    rcr_crystal *crystal[2] = {make("a", 1), make("b", 1.0 / 3)};
    const char *const ids[] = {"first", "second"}, *const names[] = {"gap", "hull"};
    const double values[] = {0.1, NAN, 1.0 / 3, -2};
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    assert_int_equal(rcr_crystals_write(path, NULL, all, ids, 2, names, values, 2, &err), RCR_OK);
    rcr_structures *structures;
    rcr_structure *list;
    size_t n;
    assert_int_equal(rcr_structures_open(&structures, path, 2, &err), RCR_OK);
    assert_int_equal(rcr_structures_next(&list, &n, structures, 100, &err), RCR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(list[1].id, "second");
    assert_string_equal(list[1].crystal->id, "second");
    assert_int_equal(list[0].n_properties, 1);
    assert_int_equal(list[1].n_properties, 2);
    assert_string_equal(list[1].key[1], "hull");
    assert_string_equal(list[1].value[1], "-2");
    assert_memory_equal(list[1].crystal->lattice, crystal[1]->lattice, sizeof crystal[1]->lattice);
    rcr_crystal *taken = list[0].crystal;
    list[0].crystal = NULL;
    assert_int_equal(rcr_structures_next(&list, &n, structures, 100, &err), RCR_OK);
    assert_int_equal(n, 0);
    rcr_structures_close(structures);
    assert_memory_equal(taken->frac, rock_salt, sizeof rock_salt);
    rcr_crystal_free(taken);
    unlink(path);
    static const char *const formats[] = {"cif", "extxyz", "json"};
    for (int f = 0; f < 3; f++) {
        assert_int_equal(rcr_crystals_write(path, formats[f], all, NULL, 2, NULL, NULL, 0, &err), RCR_OK);
        assert_int_equal(rcr_structures_open(&structures, path, 0, &err), RCR_OK);
        assert_int_equal(rcr_structures_next(&list, &n, structures, 1, &err), RCR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(rcr_structures_next(&list, &n, structures, 100, &err), RCR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(list[0].error.status, RCR_OK);
        assert_int_equal(list[0].crystal->n_sites, 2);
        rcr_structures_close(structures);
        unlink(path);
    }
    assert_int_equal(rcr_crystals_write(path, "poscar", all, NULL, 2, NULL, NULL, 0, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_crystals_write(path, "pdb", all, NULL, 2, NULL, NULL, 0, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rcr_structures_open(&structures, path, 0, &err), RCR_ERR_IO);
    rcr_crystal_free(crystal[0]);
    rcr_crystal_free(crystal[1]);
    rmdir(folder);
}

/* A folder of JSON that is no structures: a row with the reason, and the end. */
static void nothing_is_told_once(void **state) {
    (void)state;
    char folder[] = "/tmp/recryst-api-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/settings.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs("{\"a\": 1}\n", file) >= 0 && fclose(file) == 0);
    rcr_error err;
    rcr_structures *structures;
    rcr_structure *list;
    size_t n;
    assert_int_equal(rcr_structures_open(&structures, folder, 1, &err), RCR_OK);
    assert_int_equal(rcr_structures_next(&list, &n, structures, 0, &err), RCR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(rcr_structures_next(&list, &n, structures, 100, &err), RCR_OK);
    assert_int_equal(n, 1);
    assert_null(list[0].crystal);
    assert_int_equal(list[0].error.status, RCR_ERR_DATA);
    assert_string_equal(list[0].file, folder);
    assert_int_equal(rcr_structures_next(&list, &n, structures, 100, &err), RCR_OK);
    assert_int_equal(n, 0);
    rcr_structures_close(structures);
    unlink(path);
    rmdir(folder);
}

static void settings_go_by_name(void **state) {
    (void)state;
    rcr_error err;
    rcr_settings *settings;
    assert_int_equal(rcr_settings_create(&settings, &err), RCR_OK);
    assert_int_equal(rcr_settings_set(settings, "graph.radius", "6.5", &err), RCR_OK);
    assert_true(rcr_settings_graph(settings).radius == 6.5);
    for (int i = 0; i < 2; i++) assert_int_equal(rcr_settings_set(settings, "data.target", "gap", &err), RCR_OK);
    assert_int_equal(rcr_settings_set(settings, "training.optimizer", "adamm", &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "adamw"));
    assert_int_equal(rcr_settings_set(settings, "training.lr", "fast", &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_settings_set(settings, "lr", "1", &err), RCR_ERR_ARGUMENT);
    int found = 0;
    const char *section, *name, *comment;
    char *value;
    size_t i = 0;
    for (; rcr_settings_get(&section, &name, &comment, &value, settings, i, NULL) == RCR_OK; i++) {
        if (strcmp(section, "data") == 0 && strcmp(name, "target") == 0) found = strcmp(value, "gap") == 0;
        rcr_free(value);
    }
    assert_true(found && i > 40);
    rcr_settings_free(settings);
}

typedef struct epochs {
    int n, stop_at;
    int32_t stop;
} epochs;

static int on_epoch(void *context, const rcr_training_epoch *epoch) {
    epochs *e = context;
    assert_int_equal(epoch->epoch, ++e->n);
    return epoch->epoch == e->stop_at;
}

/* A run that an epoch's answer stopped, gone on with, ends as one that nobody stopped. */
static void training_stops_and_goes_on(void **state) {
    (void)state;
    char folder[] = "/tmp/recryst-api-XXXXXX", run[2][64], command[128];
    assert_non_null(mkdtemp(folder));
    rcr_error err;
    rcr_settings *settings;
    assert_int_equal(rcr_settings_create(&settings, &err), RCR_OK);
    static const char *const set[][2] = {{"training.epochs", "4"},      {"data.target", "formation_energy"},
                                         {"split.train_size", "60"},    {"split.val_size", "20"},
                                         {"split.test_size", "20"},     {"training.batch_size", "32"},
                                         {"model.atom_features", "16"}, {"run.threads", "2"}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        assert_int_equal(rcr_settings_set(settings, set[i][0], set[i][1], &err), RCR_OK);
    rcr_training_result result[2];
    for (int r = 0; r < 2; r++) {
        epochs e = {.stop_at = r == 0 ? 2 : 0};
        rcr_training_events events = {.context = &e, .epoch = on_epoch, .stop = &e.stop};
        snprintf(run[r], sizeof run[r], "%s/%d", folder, r);
        rcr_status status =
            rcr_training_run(&result[r], source_file("data/demo/alloys.extxyz"), run[r], settings, &events, &err);
        assert_int_equal(status, r == 0 ? RCR_ERR_INTERRUPTED : RCR_OK);
        assert_int_equal(e.n, r == 0 ? 2 : 4);
        if (r > 0) continue;
        e = (epochs){.n = 2};
        assert_int_equal(rcr_training_resume(&result[r], run[r], -1, &events, &err), RCR_OK);
        assert_int_equal(e.n, 4);
    }
    assert_int_equal(result[0].test.n, 20);
    assert_true(result[0].test.mae == result[1].test.mae);
    assert_true(isnan(result[0].test.auc));
    /* The same scores from the data, the model and the predictions. */
    rcr_model *model;
    assert_int_equal(rcr_model_load(&model, run[0], &err), RCR_OK);
    rcr_dataset *dataset;
    assert_int_equal(
        rcr_dataset_open(&dataset, source_file("data/demo/alloys.extxyz"), "formation_energy", 1, NULL, model, 2, &err),
        RCR_OK);
    rcr_dataset_facts facts = rcr_dataset_describe(dataset);
    assert_string_equal(facts.target, "formation_energy");
    assert_true(facts.n_usable > 100 && facts.n_rows == facts.n_usable + facts.n_unusable);
    double *value = calloc(facts.n_usable, sizeof *value), *target = calloc(facts.n_usable, sizeof *target);
    rcr_session *session;
    assert_int_equal(rcr_session_create(&session, model, NULL, 2, &err), RCR_OK);
    assert_int_equal(rcr_session_predict_dataset(value, session, dataset, &err), RCR_OK);
    rcr_dataset_row row;
    double sum = 0;
    for (size_t i = 0; rcr_dataset_usable(&row, dataset, i); i++) {
        target[i] = row.target;
        sum += fabs(row.target - value[i]);
    }
    assert_int_equal(rcr_dataset_usable(&row, dataset, facts.n_usable), 0);
    assert_int_equal(rcr_dataset_unusable(&row, dataset, facts.n_unusable), 0);
    rcr_scores scores;
    assert_int_equal(rcr_model_score(&scores, model, target, value, facts.n_usable, &err), RCR_OK);
    assert_true(fabs(scores.mae - sum / (double)facts.n_usable) < 1e-12);
    rcr_scores same;
    assert_int_equal(rcr_model_score_target(&same, model, 0, target, value, facts.n_usable, &err), RCR_OK);
    assert_true(same.mae == scores.mae && same.loss == scores.loss);
    assert_int_equal(rcr_model_score_target(&same, model, 1, target, value, facts.n_usable, &err), RCR_ERR_ARGUMENT);
    assert_string_equal(rcr_dataset_target_name(dataset, 0), "formation_energy");
    assert_null(rcr_dataset_target_name(dataset, 1));
    assert_true(rcr_dataset_target(dataset, 7, 0) == target[7]);
    assert_true(isnan(rcr_dataset_target(dataset, 7, 1)) && isnan(rcr_dataset_target(dataset, facts.n_usable, 0)));
    target[0] = NAN;
    assert_int_equal(rcr_model_score(&scores, model, target, value, facts.n_usable, &err), RCR_ERR_DATA);
    /* Some of the rows, and rows that there are not. */
    double some[N];
    seen s = {0};
    rcr_events follow = {&s, on_progress, on_failed};
    assert_int_equal(rcr_session_predict_rows(some, NULL, session, dataset, 30, N, &follow, &err), RCR_OK);
    assert_memory_equal(some, value + 30, sizeof some);
    assert_true(s.done == N && s.n_failed == 0);
    assert_int_equal(rcr_session_predict_rows(some, NULL, session, dataset, 30, N, &follow, &err), RCR_ERR_INTERRUPTED);
    size_t all = facts.n_usable;
    assert_int_equal(rcr_session_predict_rows(some, NULL, session, dataset, all, 0, NULL, &err), RCR_OK);
    assert_int_equal(rcr_session_predict_rows(some, NULL, session, dataset, all, 1, NULL, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_session_predict_rows(some, NULL, session, dataset, 1, SIZE_MAX, NULL, &err), RCR_ERR_ARGUMENT);
    assert_memory_equal(some, value + 30, sizeof some);
    /* A stream of the same file has the same values. */
    rcr_stream *stream;
    const char *path = source_file("data/demo/alloys.extxyz");
    assert_int_equal(rcr_stream_open(&stream, session, &path, 1, &err), RCR_OK);
    size_t n = 0;
    for (rcr_chunk chunk; rcr_stream_next(&chunk, stream, &err) == RCR_OK && chunk.n > 0; n += chunk.n) {
        double one;
        assert_int_equal(rcr_session_predict_graphs(&one, NULL, session, chunk.graph, 1, NULL, &err), RCR_OK);
        assert_true(one == value[n] || fabs(one - value[n]) < 1e-6 * (1 + fabs(one)));
    }
    assert_int_equal(n, facts.n_usable);
    rcr_stream_close(stream);
    rcr_session_free(session);
    rcr_dataset_free(dataset);
    rcr_model_free(model);
    rcr_settings_free(settings);
    free(value);
    free(target);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

/* Of several targets every value can be had, and each is scored by its own scale. */
static void several_targets_are_told(void **state) {
    (void)state;
    char folder[] = "/tmp/recryst-api-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/two.jsonl", folder);
    rcr_error err;
    rcr_crystal *crystal[2] = {make("x", 1), make("x", 1.1)};
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    static const char *const ids[] = {"a", "b"}, *const names[] = {"u", "v"};
    static const double values[] = {1, 2, 3, NAN};
    assert_int_equal(rcr_crystals_write(path, NULL, all, ids, 2, names, values, 2, &err), RCR_OK);
    rcr_dataset *dataset;
    assert_int_equal(rcr_dataset_open(&dataset, path, "v, u", 1, NULL, NULL, 1, &err), RCR_OK);
    assert_string_equal(rcr_dataset_target_name(dataset, 0), "v");
    assert_string_equal(rcr_dataset_target_name(dataset, 1), "u");
    assert_null(rcr_dataset_target_name(dataset, 2));
    assert_true(rcr_dataset_target(dataset, 0, 0) == 2 && rcr_dataset_target(dataset, 0, 1) == 1);
    assert_true(isnan(rcr_dataset_target(dataset, 1, 0)) && rcr_dataset_target(dataset, 1, 1) == 3);
    rcr_dataset_free(dataset);
    for (int i = 0; i < 2; i++) rcr_crystal_free(crystal[i]);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* Of rows with an element that the model does not know, or with a value that is no number, the others are predicted. */
static void rows_that_fail_are_told(void **state) {
    (void)state;
    char folder[] = "/tmp/recryst-api-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/four.jsonl", folder);
    rcr_error err;
    rcr_crystal *crystal[4];
    const char *const ids[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++) crystal[i] = make("x", 1 + 0.1 * i);
    crystal[1]->atomic_number[0] = 79;
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    assert_int_equal(rcr_crystals_write(path, NULL, all, ids, 4, NULL, NULL, 0, &err), RCR_OK);
    rcr_model *model = make_model(&model_variants[0], 7);
    rcr_graph_options other = model->graph;
    rcr_dataset *dataset, *unlike;
    assert_int_equal(rcr_dataset_open(&dataset, path, NULL, 0, &model->graph, NULL, 2, &err), RCR_OK);
    other.radius = 5;
    assert_int_equal(rcr_dataset_open(&unlike, path, NULL, 0, &other, NULL, 2, &err), RCR_OK);
    model->elements->known[79] = 0;
    rcr_session *session;
    double value[4], whole[4], listed[4];
    rcr_status status[4];
    for (int huge = 1; huge >= 0; huge--) {
        model->targets[0].scale.normalizer.std = huge ? INFINITY : 1;
        assert_int_equal(rcr_session_create(&session, model, NULL, 2, &err), RCR_OK);
        seen s = {0};
        rcr_events events = {.context = &s, .failed = on_failed};
        assert_int_equal(rcr_session_predict(listed, NULL, session, all, 4, NULL, &err), RCR_OK);
        assert_int_equal(rcr_session_predict_rows(value, status, session, dataset, 0, 4, &events, &err), RCR_OK);
        assert_int_equal(rcr_session_predict_dataset(whole, session, dataset, &err), RCR_OK);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(status[i], i == 1 ? RCR_ERR_DATA : huge ? RCR_ERR_NUMERIC : RCR_OK);
            if (status[i] == RCR_OK)
                assert_true(fabs(value[i] - listed[i]) < 1e-5 && value[i] == whole[i]);
            else
                assert_true(isnan(value[i]) && isnan(listed[i]) && isnan(whole[i]));
        }
        assert_int_equal(s.n_failed, huge ? 4 : 1);
        assert_int_equal(s.failed[huge], 1);
        if (huge) rcr_session_free(session);
    }
    seen s = {0};
    rcr_events events = {.context = &s, .failed = on_failed};
    assert_int_equal(rcr_session_predict_rows(value, NULL, session, dataset, 1, 2, &events, &err), RCR_OK);
    assert_true(s.n_failed == 1 && s.failed[0] == 0 && value[1] == whole[2]);
    assert_int_equal(rcr_session_predict_rows(value, NULL, session, unlike, 0, 1, NULL, &err), RCR_ERR_MISMATCH);
    rcr_session_free(session);
    rcr_dataset_free(dataset);
    rcr_dataset_free(unlike);
    rcr_model_free(model);
    for (int i = 0; i < 4; i++) rcr_crystal_free(crystal[i]);
    unlink(path);
    rmdir(folder);
}

static void networks_are_taken_out(void **state) {
    (void)state;
    rcr_error err;
    rcr_model *model[2] = {make_model(&model_variants[0], 7), make_model(&model_variants[0], 8)}, *both, *taken = NULL;
    assert_int_equal(rcr_model_join(&both, (const rcr_model *const *)model, 2, &err), RCR_OK);
    assert_int_equal(rcr_model_members(both), 2);
    assert_int_equal(rcr_model_members(model[0]), 1);
    const int32_t none[] = {0, 3, -1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(rcr_model_take_member(&taken, both, none[i], &err), RCR_ERR_ARGUMENT);
    assert_null(taken);
    for (int m = 0; m < 2; m++) {
        assert_int_equal(rcr_model_take_member(&taken, both, m + 1, &err), RCR_OK);
        assert_int_equal(rcr_model_members(taken), 1);
        rcr_tensor_view view, own;
        for (size_t i = 0; rcr_model_tensor(&own, model[m], i); i++) {
            assert_true(rcr_model_tensor(&view, taken, i));
            assert_memory_equal(view.values, own.values, sizeof(float) * (size_t)own.shape[0] * (size_t)own.shape[1]);
        }
        rcr_model_free(taken);
        rcr_model_free(model[m]);
    }
    rcr_model_free(both);
}

static void models_show_their_tensors(void **state) {
    (void)state;
    rcr_error err;
    rcr_model *model = make_model(&model_variants[0], 7), *again;
    rcr_tensor_view view;
    int64_t n = 0, n_buffers = 0;
    size_t i = 0;
    for (; rcr_model_tensor(&view, model, i); i++)
        *(view.is_parameter ? &n : &n_buffers) += (int64_t)view.shape[0] * view.shape[1];
    assert_int_equal(n, rcr_model_describe(model).n_parameters);
    assert_true(n_buffers > 0);
    char *bytes;
    size_t length;
    assert_int_equal(rcr_model_pack(&bytes, &length, model, &err), RCR_OK);
    assert_int_equal(rcr_model_parse(&again, bytes, length, &err), RCR_OK);
    rcr_tensor_view other;
    for (size_t k = 0; k < i; k++) {
        assert_true(rcr_model_tensor(&view, model, k) && rcr_model_tensor(&other, again, k));
        assert_memory_equal(view.values, other.values, sizeof(float) * (size_t)view.shape[0] * (size_t)view.shape[1]);
    }
    rcr_free(bytes);
    char path[] = "/tmp/recryst-api-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(rcr_model_export(model, path, "pdf", &err), RCR_ERR_ARGUMENT);
    assert_int_equal(rcr_model_export(model, path, "checkpoint", &err), RCR_OK);
    rcr_model *imported;
    rcr_import_request request = rcr_import_request_default();
    request.target = "gap";
    request.tie_tolerance = -1;
    assert_int_equal(rcr_model_import(&imported, path, &request, &err), RCR_ERR_ARGUMENT);
    request.tie_tolerance = 0;
    const struct {
        int32_t max_neighbors;
        double radius, dmin, step;
    } wrong[] = {{-5, NAN, NAN, NAN},     {100001, NAN, NAN, NAN}, {0, 0, NAN, NAN},   {0, 2000, NAN, NAN},
                 {0, INFINITY, NAN, NAN}, {0, NAN, -1, NAN},       {0, NAN, 1e9, NAN}, {0, NAN, NAN, 0},
                 {0, NAN, NAN, INFINITY}, {0, 8, 9, NAN},          {0, 8, NAN, 1e-6},  {0, NAN, 9, NAN},
                 {0, NAN, NAN, 1e-6}}; /* with the checkpoint's radius of 8 */
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        rcr_import_request r = request;
        r.max_neighbors = wrong[k].max_neighbors;
        r.radius = wrong[k].radius, r.dmin = wrong[k].dmin, r.step = wrong[k].step;
        if (rcr_model_import(&imported, path, &r, &err) != RCR_ERR_ARGUMENT || strstr(err.message, "checkpoint's max_"))
            fail_msg("request %zu: %s, %s", k, rcr_status_name(err.status), err.message);
    }
    request.radius = 9; /* in range, but not the network's */
    assert_int_equal(rcr_model_import(&imported, path, &request, &err), RCR_ERR_MISMATCH);
    request.radius = NAN;
    assert_int_equal(rcr_model_import(&imported, path, &request, &err), RCR_OK);
    assert_string_equal(rcr_model_describe(imported).target, "gap");
    unlink(path);
    assert_int_equal(rcr_model_import(&imported, path, NULL, &err), RCR_ERR_IO);
    assert_string_equal(err.file, path);
    rcr_model_free(imported);
    rcr_model_free(again);
    rcr_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_those_of_the_header), cmocka_unit_test(arrays_make_crystals),
        cmocka_unit_test(bad_arrays_are_refused),        cmocka_unit_test(sessions_predict_what_the_model_does),
        cmocka_unit_test(structures_come_back),          cmocka_unit_test(nothing_is_told_once),
        cmocka_unit_test(settings_go_by_name),           cmocka_unit_test(several_targets_are_told),
        cmocka_unit_test(rows_that_fail_are_told),       cmocka_unit_test(networks_are_taken_out),
        cmocka_unit_test(training_stops_and_goes_on),    cmocka_unit_test(models_show_their_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
