/* All that a host program can ask of the library, put into one text, so that two hosts' answers can be compared byte
 * for byte.  Through recryst.h alone, but for the making of a model. */
#ifndef RCR_TESTS_EMBED_EXERCISE_H
#define RCR_TESTS_EMBED_EXERCISE_H

#include <math.h>
#include <unistd.h>

#include "base/text.h"
#include "support/folder.h"
#include "support/models.h"

enum { N_CRYSTALS = 24 };

static inline void must(rcr_status status, const rcr_error *err) {
    if (status != RCR_OK) fail_msg("%s: %s: %s", rcr_status_name(status), err->file, err->message);
}

/* Triclinic cells with coordinates that no short decimal gives. */
static inline void make_crystals(rcr_crystal **crystal) {
    rcr_rng rng;
    rcr_rng_seed(&rng, 6, 7);
    for (int i = 0; i < N_CRYSTALS; i++) {
        double lattice[9], frac[18];
        uint8_t number[6];
        char id[16];
        rcr_error err;
        for (int k = 0; k < 9; k++) lattice[k] = (k % 4 == 0 ? 5 : 0) + rcr_rng_uniform(&rng) - 0.5;
        for (int k = 0; k < 18; k++) frac[k] = rcr_rng_uniform(&rng);
        for (int k = 0; k < 6; k++) number[k] = (uint8_t)(1 + rcr_rng_below(&rng, 90));
        snprintf(id, sizeof id, "x%d", i);
        must(rcr_crystal_make(&crystal[i], id, lattice, 6, frac, 0, number, 0, NULL, NULL, NULL, &err), &err);
    }
}

/* What goes in, made once: the arithmetic of the test itself must not depend on the host's state either. */
typedef struct inputs {
    rcr_crystal *crystal[N_CRYSTALS];
    rcr_model *model;
    double value[2 * N_CRYSTALS]; /* two properties of each crystal */
    double tiny[2][N_CRYSTALS];   /* numbers that a processor may count as 0 */
} inputs;

static inline void free_crystals(rcr_crystal **crystal) {
    for (int i = 0; i < N_CRYSTALS; i++) rcr_crystal_free(crystal[i]);
}

static inline inputs make_inputs(void) {
    inputs in = {.model = make_model(&model_variants[0], 3)};
    make_crystals(in.crystal);
    for (int i = 0; i < 2 * N_CRYSTALS; i++) in.value[i] = (i - 7) / 3.0;
    for (int i = 0; i < N_CRYSTALS; i++)
        for (int k = 0; k < 2; k++) in.tiny[k][i] = (k + 1) * (i + 1) * 1e-310;
    return in;
}

static inline void free_inputs(inputs *in) {
    rcr_model_free(in->model);
    free_crystals(in->crystal);
}

static inline void add_bytes(rcr_text *out, const void *data, size_t length) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < length; i++) {
        const char hex[3] = {"0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15], 0};
        rcr_text_puts(out, hex);
    }
    rcr_text_puts(out, "\n");
}

static inline void add_file(rcr_text *out, const char *path) {
    FILE *file = fopen(path, "rb");
    char block[4096];
    if (file == NULL) fail_msg("%s is not there", path);
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;) rcr_text_append(out, block, n);
    fclose(file);
}

static inline void add_crystal(rcr_text *out, const rcr_crystal *c) {
    rcr_text_puts(out, c->id);
    add_bytes(out, c->lattice, sizeof c->lattice);
    add_bytes(out, c->frac, (size_t)c->n_sites * sizeof *c->frac);
    add_bytes(out, c->atomic_number, (size_t)c->n_sites);
}

/* Every structure of a file, with its properties. */
static inline void add_structures(rcr_text *out, const char *path, int n_threads) {
    rcr_structures *structures;
    rcr_structure *list;
    size_t n;
    rcr_error err;
    must(rcr_structures_open(&structures, path, n_threads, &err), &err);
    for (;;) {
        must(rcr_structures_next(&list, &n, structures, 5, &err), &err);
        if (n == 0) break;
        for (size_t i = 0; i < n; i++) {
            must(list[i].error.status, &list[i].error);
            add_crystal(out, list[i].crystal);
            for (size_t k = 0; k < list[i].n_properties; k++) {
                rcr_text_puts(out, list[i].key[k]);
                rcr_text_puts(out, list[i].value[k]);
            }
        }
    }
    rcr_structures_close(structures);
}

/* Writers, and readers of what they wrote. */
static inline void exercise_formats(rcr_text *out, const test_folder *dir, const inputs *in, int n_threads) {
    static const struct {
        const char *name;
        size_t n;
    } files[] = {{"x.cif", N_CRYSTALS},
                 {"POSCAR", 1},
                 {"x.extxyz", N_CRYSTALS},
                 {"x.json", N_CRYSTALS},
                 {"x.jsonl", N_CRYSTALS}};
    const char *const name[2] = {"energy", "gap"};
    rcr_error err;
    for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
        const char *path = folder_path(dir, files[f].name);
        int properties = f >= 2;
        rcr_crystal *first;
        must(rcr_crystals_write(path, f == 1 ? "poscar" : NULL, (const rcr_crystal *const *)in->crystal, NULL,
                                files[f].n, properties ? name : NULL, properties ? in->value : NULL, properties ? 2 : 0,
                                &err),
             &err);
        add_file(out, path);
        add_structures(out, path, n_threads);
        must(rcr_crystal_read(&first, path, &err), &err);
        add_crystal(out, first);
        rcr_crystal_free(first);
    }
}

static inline void add_graph(rcr_text *out, const rcr_graph *graph) {
    add_bytes(out, graph->distance, (size_t)graph->n_edges * sizeof *graph->distance);
    add_bytes(out, graph->neighbor, (size_t)graph->n_edges * sizeof *graph->neighbor);
}

static inline void add_embedding(rcr_text *out, rcr_embedding *e) {
    add_bytes(out, e->values,
              e->row_offset[e->n_crystals] * (size_t)e->n_steps * (size_t)e->n_features * sizeof(float));
    rcr_embedding_free(e);
}

/* Predictions, vectors and graphs of a model, the model in all its forms. */
static inline void exercise_model(rcr_text *out, const test_folder *dir, const rcr_model *model,
                                  rcr_crystal *const *crystal, int n_threads) {
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    rcr_error err;
    rcr_prediction *prediction;
    rcr_embedding *embedding;
    rcr_graph *graph;
    rcr_model *copy;
    char *bytes;
    size_t length;
    must(rcr_model_predict_all(&prediction, model, all, N_CRYSTALS, n_threads, &err), &err);
    add_bytes(out, prediction->values, N_CRYSTALS * (size_t)prediction->n_targets * sizeof(double));
    rcr_prediction_free(prediction);
    must(rcr_model_embed(&embedding, model, RCR_EMBED_STEPS, all, N_CRYSTALS, n_threads, &err), &err);
    add_embedding(out, embedding);
    rcr_model_info info = rcr_model_describe(model);
    must(rcr_graph_build(&graph, crystal[0], &info.graph, &err), &err);
    add_graph(out, graph);
    rcr_graph_free(graph);
    must(rcr_model_pack(&bytes, &length, model, &err), &err);
    add_bytes(out, bytes, length);
    must(rcr_model_parse(&copy, bytes, length, &err), &err);
    rcr_free(bytes);
    must(rcr_model_save(copy, folder_path(dir, "m.safetensors"), &err), &err);
    rcr_model_free(copy);
    must(rcr_model_load(&copy, folder_path(dir, "m.safetensors"), &err), &err);
    static const char *const formats[3][2] = {
        {"m.pth.tar", "checkpoint"}, {"m.onnx", "onnx"}, {"atom_init.json", "atom-init"}};
    for (int i = 0; i < 3; i++) {
        must(rcr_model_export(copy, folder_path(dir, formats[i][0]), formats[i][1], &err), &err);
        add_file(out, folder_path(dir, formats[i][0]));
    }
    rcr_model_free(copy);
    rcr_import_request request = rcr_import_request_default();
    request.atom_init = folder_path(dir, "atom_init.json");
    must(rcr_model_import(&copy, folder_path(dir, "m.pth.tar"), &request, &err), &err);
    must(rcr_model_pack(&bytes, &length, copy, &err), &err);
    add_bytes(out, bytes, length);
    rcr_free(bytes);
    rcr_model_free(copy);
}

/* What a session says of crystals, and of their graphs. */
static inline void exercise_session(rcr_text *out, rcr_session *session, rcr_crystal *const *crystal,
                                    const rcr_graph *const *graph) {
    const rcr_crystal *const *all = (const rcr_crystal *const *)crystal;
    size_t n = rcr_session_columns(session) * (size_t)N_CRYSTALS,
           n_row = (size_t)rcr_session_layout(session).n_columns * N_CRYSTALS;
    double *value = calloc(n + n_row, sizeof *value), *row = value + n;
    rcr_embedding *embedding;
    rcr_explained explained;
    rcr_error err;
    assert_non_null(value);
    must(rcr_session_predict(value, NULL, session, all, N_CRYSTALS, NULL, &err), &err);
    add_bytes(out, value, n * sizeof *value);
    must(rcr_session_predict_graphs(value, NULL, session, graph, N_CRYSTALS, NULL, &err), &err);
    add_bytes(out, value, n * sizeof *value);
    for (int graphs = 0; graphs < 2; graphs++) {
        must(rcr_session_forecast(row, NULL, session, graphs ? NULL : all, graphs ? graph : NULL, N_CRYSTALS, NULL,
                                  &err),
             &err);
        add_bytes(out, row, n_row * sizeof *row);
        must(rcr_session_explain(&explained, session, graphs ? NULL : crystal[1], graphs ? graph[1] : NULL, 0, &err),
             &err);
        add_bytes(out, explained.readout, (size_t)explained.n_atoms * sizeof *explained.readout);
        add_bytes(out, explained.input, (size_t)explained.n_atoms * sizeof *explained.input);
        add_bytes(out, explained.step_change, (size_t)explained.n_steps * sizeof *explained.step_change);
        rcr_explained_release(&explained);
    }
    must(rcr_session_embed(&embedding, session, RCR_EMBED_CRYSTAL, all, N_CRYSTALS, NULL, &err), &err);
    add_embedding(out, embedding);
    must(rcr_session_embed_graphs(&embedding, session, RCR_EMBED_ATOMS, graph, N_CRYSTALS, NULL, &err), &err);
    add_embedding(out, embedding);
    free(value);
}

/* A dataset and a stream of what exercise_formats wrote, and all that a session does. */
static inline void exercise_sessions(rcr_text *out, const test_folder *dir, const inputs *in, int n_threads) {
    rcr_model_info info = rcr_model_describe(in->model);
    const char *path = folder_path(dir, "x.extxyz");
    const rcr_graph *view[N_CRYSTALS];
    rcr_graph *graph[N_CRYSTALS];
    double value[N_CRYSTALS];
    rcr_dataset *dataset;
    rcr_session *session;
    rcr_stream *stream;
    rcr_chunk chunk;
    rcr_scores scores;
    rcr_error err;
    for (int k = 1; k <= 40; k++) {
        rcr_graph_options options = info.graph;
        options.step = 0.05 * k;
        rcr_text_printf(out, "%ld ", (long)rcr_graph_options_n_gaussians(&options));
    }
    must(rcr_dataset_open(&dataset, path, "energy", 1, &info.graph, NULL, n_threads, &err), &err);
    assert_int_equal(rcr_dataset_describe(dataset).n_usable, N_CRYSTALS);
    for (size_t i = 0; i < N_CRYSTALS; i++) {
        must(rcr_dataset_graph(&graph[i], dataset, i, &err), &err);
        add_graph(out, view[i] = graph[i]);
    }
    must(rcr_session_create(&session, in->model, NULL, n_threads, &err), &err);
    must(rcr_session_predict_dataset(value, session, dataset, &err), &err);
    add_bytes(out, value, sizeof value);
    must(rcr_model_score(&scores, in->model, in->value, value, N_CRYSTALS, &err), &err);
    add_bytes(out, &scores.rmse, sizeof scores.rmse);
    must(rcr_model_score(&scores, in->model, in->tiny[0], in->tiny[1], N_CRYSTALS, &err), &err);
    add_bytes(out, &scores.mae, sizeof scores.mae);
    exercise_session(out, session, in->crystal, view);
    must(rcr_stream_open(&stream, session, &path, 1, &err), &err);
    do {
        must(rcr_stream_next(&chunk, stream, &err), &err);
        for (size_t i = 0; i < chunk.n; i++) add_graph(out, chunk.graph[i]);
    } while (chunk.n > 0);
    rcr_stream_close(stream);
    rcr_session_free(session);
    rcr_dataset_free(dataset);
    for (size_t i = 0; i < N_CRYSTALS; i++) rcr_graph_free(graph[i]);
}

/* A training run on the structures with a table of targets, and the weights that it ends with. */
static inline void exercise_training(rcr_text *out, const test_folder *dir, int n_threads) {
    static const char *const set[][2] = {{"training.epochs", "2"},   {"training.batch_size", "5"},
                                         {"training.lr", "0.00371"}, {"model.atom_features", "8"},
                                         {"model.hidden", "12"},     {"graph.radius", "6.5"},
                                         {"data.target", "energy"}};
    rcr_settings *settings;
    rcr_training_result result;
    rcr_error err;
    rcr_model *model;
    rcr_tensor_view tensor;
    char threads[12];
    must(rcr_settings_create(&settings, &err), &err);
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        must(rcr_settings_set(settings, set[i][0], set[i][1], &err), &err);
    snprintf(threads, sizeof threads, "%d", n_threads);
    must(rcr_settings_set(settings, "run.threads", threads, &err), &err);
    const char *section, *name, *comment;
    char *value;
    for (size_t i = 0; rcr_settings_get(&section, &name, &comment, &value, settings, i, NULL) == RCR_OK; i++) {
        if (strcmp(name, "threads") != 0) rcr_text_printf(out, "%s.%s=%s\n", section, name, value);
        rcr_free(value);
    }
    char run[600];
    snprintf(run, sizeof run, "%s/run", dir->path);
    folder_clear(run);
    must(rcr_training_run(&result, folder_path(dir, "x.extxyz"), run, settings, NULL, &err), &err);
    rcr_settings_free(settings);
    add_bytes(out, &result.train, sizeof result.train);
    add_bytes(out, &result.test, sizeof result.test);
    must(rcr_model_load(&model, run, &err), &err);
    for (size_t i = 0; rcr_model_tensor(&tensor, model, i); i++)
        add_bytes(out, tensor.values,
                  (size_t)tensor.shape[0] * (size_t)(tensor.rank > 1 ? tensor.shape[1] : 1) * sizeof(float));
    rcr_model_free(model);
    add_file(out, folder_path(dir, "run/predictions-test.csv"));
}

/* Everything, in a folder of its own; rcr_text_free what comes back. */
static inline rcr_text exercise(const inputs *in, int n_threads) {
    rcr_text out = {0};
    test_folder dir = folder_make();
    exercise_formats(&out, &dir, in, n_threads);
    exercise_model(&out, &dir, in->model, in->crystal, n_threads);
    exercise_sessions(&out, &dir, in, n_threads);
    exercise_training(&out, &dir, n_threads);
    assert_false(out.failed);
    assert_true(out.length > 100000);
    folder_remove(&dir);
    return out;
}

/* What differs first, if anything does. */
static inline void expect_same_text(const rcr_text *expected, const rcr_text *got, const char *where) {
    size_t i = 0, n = expected->length < got->length ? expected->length : got->length;
    while (i < n && expected->data[i] == got->data[i]) i++;
    if (i < n || expected->length != got->length)
        fail_msg("%s: differs at byte %zu of %zu: '%.60s', not '%.60s'", where, i, n, got->data + (i > 20 ? i - 20 : 0),
                 expected->data + (i > 20 ? i - 20 : 0));
}

#endif
