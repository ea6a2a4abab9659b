/* Vectors of crystals and atoms: those that the tape holds, whatever the company and the threads. */
#include <math.h>

#include "base/mem.h"
#include "base/rng.h"
#include "crystal/crystal.h"
#include "model/embed.h"
#include "support/models.h"
#include "support/reference_graphs.h"

enum { N_CRYSTALS = 60 };

static rcr_crystal *make_crystal(rcr_rng *rng, int32_t n) {
    rcr_crystal *crystal = NULL;
    assert_int_equal(rcr_crystal_create(&crystal, "x", n, NULL), RCR_OK);
    for (int i = 0; i < 3; i++) crystal->lattice[i][i] = 4 + 3 * rcr_rng_uniform(rng);
    for (int32_t i = 0; i < n; i++) {
        crystal->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(rng, 90));
        for (int k = 0; k < 3; k++) crystal->frac[i][k] = rcr_rng_uniform(rng);
    }
    return crystal;
}

static rcr_embedding *embed(const rcr_model *model, rcr_embedding_kind kind, rcr_crystal *const *crystals, size_t n,
                            int threads) {
    rcr_embedding *e = NULL;
    rcr_error err = {0};
    if (rcr_model_embed(&e, model, kind, (const rcr_crystal *const *)crystals, n, threads, &err) != RCR_OK)
        fail_msg("%s", err.message);
    return e;
}

static void vectors_do_not_depend_on_company_or_threads(void **state) {
    (void)state;
    rcr_crystal *crystal[N_CRYSTALS];
    rcr_rng rng;
    rcr_rng_seed(&rng, 3, 3);
    for (int32_t i = 0; i < N_CRYSTALS; i++) crystal[i] = make_crystal(&rng, 1 + i % 23);
    for (size_t v = 0; v < N_ALL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], v);
        for (int kind = RCR_EMBED_CRYSTAL; kind <= RCR_EMBED_STEPS; kind++) {
            rcr_embedding *one = embed(model, (rcr_embedding_kind)kind, crystal, N_CRYSTALS, 1);
            rcr_embedding *many = embed(model, (rcr_embedding_kind)kind, crystal, N_CRYSTALS, 5);
            size_t row = (size_t)one->n_steps * (size_t)one->n_features;
            assert_int_equal(one->n_steps, kind == RCR_EMBED_STEPS ? model->options.depth : 1);
            assert_memory_equal(one->values, many->values, one->row_offset[N_CRYSTALS] * row * sizeof(float));
            for (size_t i = 0; i < N_CRYSTALS; i += 7) {
                rcr_embedding *alone = embed(model, (rcr_embedding_kind)kind, &crystal[i], 1, 1);
                size_t rows = kind == RCR_EMBED_CRYSTAL ? 1 : (size_t)crystal[i]->n_sites;
                assert_int_equal(alone->row_offset[1], rows);
                assert_memory_equal(alone->values, one->values + one->row_offset[i] * row, rows * row * sizeof(float));
                rcr_embedding_free(alone);
            }
            rcr_embedding_free(one);
            rcr_embedding_free(many);
        }
        rcr_model_free(model);
    }
    for (int i = 0; i < N_CRYSTALS; i++) rcr_crystal_free(crystal[i]);
}

static void kinds_fit_together(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 4, 4);
    rcr_crystal *crystal[3] = {make_crystal(&rng, 9), make_crystal(&rng, 1), make_crystal(&rng, 4)};
    crystal[1]->atomic_number[0] = 118; /* no vector in the table */
    rcr_model *model = make_model(&model_variants[3], 1);
    size_t F = (size_t)model->options.atom_features, T = (size_t)model->options.depth;
    rcr_embedding *whole = embed(model, RCR_EMBED_CRYSTAL, crystal, 3, 1),
                  *atoms = embed(model, RCR_EMBED_ATOMS, crystal, 3, 1),
                  *steps = embed(model, RCR_EMBED_STEPS, crystal, 3, 1);
    assert_int_equal(whole->status[0], RCR_OK);
    assert_int_equal(whole->status[1], RCR_ERR_DATA);
    assert_true(whole->row_offset[1] == 1 && whole->row_offset[2] == 1 && whole->row_offset[3] == 2);
    assert_true(atoms->row_offset[1] == 9 && atoms->row_offset[2] == 9 && atoms->row_offset[3] == 13);
    for (size_t a = 0; a < 13; a++)
        assert_memory_equal(atoms->values + a * F, steps->values + (a * T + T - 1) * F, F * sizeof(float));
    for (size_t k = 0; k < F; k++) {
        double mean = 0;
        for (size_t a = 0; a < 9; a++) mean += (double)atoms->values[a * F + k] / 9;
        assert_true(fabs(mean - (double)whole->values[k]) <= 1e-6 * fabs(mean) + 1e-7);
    }
    rcr_embedding_free(whole);
    rcr_embedding_free(atoms);
    rcr_embedding_free(steps);
    for (int i = 0; i < 3; i++) rcr_crystal_free(crystal[i]);
    rcr_model_free(model);
}

/* Every step's atom vectors against those that the reference program gave. */
static void steps_are_those_of_the_reference(void **state) {
    (void)state;
    REQUIRE_SHARED();
    static const char *const files[] = {"step-cgcnn-3-adam", "step-sr-cgcnn-4-layernorm-alpha-adam"};
    reference_file graphs = reference_open("reference/graphs.safetensors");
    for (int f = 0; f < 2; f++) {
        char name[128];
        snprintf(name, sizeof name, "reference/step/%s.safetensors", files[f]);
        reference_file step = reference_open(name);
        rcr_model_options options = rcr_model_options_default();
        options.architecture = f == 0 ? RCR_CGCNN : RCR_SR_CGCNN;
        options.depth = f == 0 ? 3 : 4;
        options.gate = options.layer_norm = f;
        rcr_model *model = make_model(&options, 1);
        for (size_t i = 0; i < model->n_tensors + model->n_buffers; i++) {
            int is_buffer = i >= model->n_tensors;
            const rcr_tensor *to = is_buffer ? &model->buffer[i - model->n_tensors] : &model->tensor[i];
            snprintf(name, sizeof name, "param/%s", to->name);
            const rcr_st_tensor *from = rcr_safetensors_find(step.file, name);
            for (size_t k = 0; k < to->count; k++)
                (is_buffer ? model->buffers : model->parameters)[to->offset + k] = (rcr_real)rcr_st_value(from, k);
        }
        json_t *ids = reference_json(&step, "ids");
        size_t n = json_array_size(ids), n_atoms = 0, F = 64, T = (size_t)options.depth;
        const rcr_graph *graph[64];
        for (size_t i = 0; i < n; i++) {
            graph[i] = reference_graph(&graphs, json_string_value(json_array_get(ids, i)));
            n_atoms += (size_t)graph[i]->n_atoms;
        }
        float *values = calloc(n_atoms * T * F, sizeof *values);
        assert_non_null(values);
        const rcr_kernels *kernels = NULL;
        rcr_net *net = NULL;
        assert_int_equal(rcr_kernels_choose(&kernels, NULL, NULL), RCR_OK);
        assert_int_equal(rcr_net_create(&net, model, kernels, NULL), RCR_OK);
        assert_int_equal(rcr_net_embed(values, net, model, RCR_EMBED_STEPS, graph, n, NULL, NULL), RCR_OK);
        for (size_t t = 0; t < T; t++) {
            snprintf(name, sizeof name, "eval/step%zu", t);
            const rcr_st_tensor *want = rcr_safetensors_find(step.file, name);
            assert_int_equal(want->count, n_atoms * F);
            double worst = 0, most = 0;
            for (size_t i = 0; i < want->count; i++) {
                double value = rcr_st_value(want, i);
                worst = check_worse(worst, fabs(value - (double)values[(i / F * T + t) * F + i % F]));
                most = fmax(most, fabs(value));
            }
            assert_true(worst <= 1e-5 * most);
        }
        free(values);
        for (size_t i = 0; i < n; i++) rcr_graph_free((rcr_graph *)graph[i]);
        json_decref(ids);
        rcr_net_free(net);
        rcr_model_free(model);
        reference_close(&step);
    }
    reference_close(&graphs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_do_not_depend_on_company_or_threads),
        cmocka_unit_test(kinds_fit_together),
        cmocka_unit_test(steps_are_those_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
