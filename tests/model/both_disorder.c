/* Disordered sites in the network: the embedding of a mean of element vectors, against a computation by hand. */
#include <math.h>

#include "base/mem.h"
#include "crystal/crystal.h"
#include "model/modelfile.h"
#include "model/net_private.h"
#include "support/check.h"
#include "support/folder.h"
#include "support/models.h"

#ifdef RCR_DOUBLE
#define BOUND 1e-14
#else
#define BOUND 1e-6
#endif

/* A cubic cell with an atom at the corner and one in the middle; `list` says what stands on them. */
static rcr_crystal *make_crystal(const rcr_species *species, size_t n) {
    rcr_crystal *crystal = NULL;
    rcr_species_list list = {0};
    assert_int_equal(rcr_crystal_create(&crystal, "x", 2, NULL), RCR_OK);
    for (int d = 0; d < 3; d++) {
        crystal->lattice[d][d] = 3.1;
        crystal->frac[1][d] = 0.5;
    }
    crystal->atomic_number[0] = 26;
    crystal->atomic_number[1] = 13;
    for (size_t k = 0; k < n; k++)
        assert_int_equal(rcr_species_add(&list, species[k].site, species[k].atomic_number, species[k].occupancy, NULL),
                         RCR_OK);
    assert_int_equal(rcr_crystal_set_species(crystal, &list, NULL), RCR_OK);
    rcr_species_list_free(&list);
    return crystal;
}

/* W x + b for x = sum of share * element vector, in double. */
static void embed_by_hand(double *out, const rcr_model *model, const rcr_species *species, size_t n) {
    int32_t F = model->options.atom_features, n_features = model->elements->n_features;
    const rcr_tensor *weight = rcr_model_find(model, "embedding.weight", NULL);
    const rcr_tensor *bias = rcr_model_find(model, "embedding.bias", NULL);
    for (int32_t f = 0; f < F; f++) {
        double sum = (double)model->parameters[bias->offset + (size_t)f];
        for (int32_t i = 0; i < n_features; i++) {
            double x = 0;
            for (size_t k = 0; k < n; k++)
                x += species[k].occupancy * model->elements->row[species[k].atomic_number * n_features + i];
            sum += (double)model->parameters[weight->offset + (size_t)(f * n_features + i)] * x;
        }
        out[f] = sum;
    }
}

static void check_embedding(const rcr_kernels *k, const rcr_model *model, const rcr_species *species, size_t n) {
    rcr_crystal *crystal = make_crystal(species, n);
    rcr_graph_options options = rcr_graph_options_default();
    options.disorder = RCR_DISORDER_AVERAGE;
    rcr_graph *graph = NULL;
    assert_int_equal(rcr_graph_build(&graph, crystal, &options, NULL), RCR_OK);
    /* Not alone in its batch, nor first. */
    rcr_rng rng;
    rcr_rng_seed(&rng, 4, 4);
    rcr_graph *other = make_disordered_graph(&rng, 7, 5);
    const rcr_graph *list[] = {other, graph, other};
    rcr_net *net = NULL;
    rcr_tape *tape = NULL;
    rcr_exec exec = {0};
    rcr_batch batch = {0};
    assert_int_equal(rcr_net_create(&net, model, k, NULL), RCR_OK);
    assert_int_equal(rcr_tape_create(&tape, net, RCR_TAPE_STEPS, NULL), RCR_OK);
    assert_int_equal(rcr_exec_init(&exec, k, NULL, NULL), RCR_OK);
    assert_int_equal(rcr_batch_fill(&batch, list, 3, NULL), RCR_OK);
    assert_int_equal(rcr_tape_reserve(tape, &exec, net, &batch, NULL), RCR_OK);
    rcr_net_forward(tape, net, &exec, &batch);
    int32_t F = model->options.atom_features;
    rcr_real *embedded = calloc((size_t)(batch.n_atoms * F), sizeof *embedded);
    double *expected = calloc((size_t)F, sizeof *expected);
    k->mem_download(embedded, tape->embedded, (size_t)(batch.n_atoms * F));
    for (int32_t site = 0; site < 2; site++) {
        rcr_species held[8] = {{site, crystal->atomic_number[site], 1}};
        size_t n_held = 0;
        for (size_t m = 0; m < n; m++)
            if (species[m].site == site) held[n_held++] = species[m];
        embed_by_hand(expected, model, held, n_held > 0 ? n_held : 1);
        for (int32_t f = 0; f < F; f++) {
            double got = (double)embedded[(7 + site) * F + f];
            if (!(fabs(got - expected[f]) <= BOUND * 4))
                fail_msg("%s kernels, site %d: %.17g, by hand %.17g", k->name, (int)site, got, expected[f]);
        }
    }
    free(embedded);
    free(expected);
    rcr_batch_release(&batch);
    rcr_exec_release(&exec);
    rcr_tape_free(tape);
    rcr_net_free(net);
    rcr_graph_free(other);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
}

static void the_embedding_is_that_of_the_mean(void **state) {
    (void)state;
    static const char *const kernel_names[] = {"ref", "base", "avx2", "avx512"};
    static const rcr_species alloy[] = {{0, 26, 0.5}, {0, 27, 0.5}}, vacant[] = {{1, 13, 0.75}},
                             many[] = {{0, 22, 0.1},  {0, 25, 0.2},  {0, 26, 0.3},
                                       {0, 28, 0.15}, {1, 13, 0.95}, {1, 14, 0.05}};
    for (int i = 0; i < 4; i++) {
        const rcr_kernels *k = NULL;
        if (rcr_kernels_choose(&k, kernel_names[i], NULL) != RCR_OK) continue;
        for (int v = 0; v < N_MODEL_VARIANTS; v += 4) {
            rcr_model *model = make_model(&model_variants[v], 3);
            check_embedding(k, model, alloy, 2);
            check_embedding(k, model, vacant, 1);
            check_embedding(k, model, many, 6);
            rcr_model_free(model);
        }
    }
}

static double predict(const rcr_model *model, const rcr_crystal *crystal, rcr_status expected) {
    double value = 0;
    rcr_status status = RCR_OK;
    assert_int_equal(rcr_model_predict(&value, &status, model, &crystal, 1, 1, NULL), RCR_OK);
    assert_int_equal(status, expected);
    return value;
}

/* The public way: refused unless the model takes them; whole sites are ordered ones bit for bit; shares matter. */
static void models_take_them_when_told(void **state) {
    (void)state;
    static const rcr_species whole[] = {{0, 26, 1}, {1, 13, 0.4}, {1, 13, 0.6}}, half[] = {{0, 26, 0.5}, {0, 27, 0.5}},
                             more[] = {{0, 26, 0.6}, {0, 27, 0.4}}, rare[] = {{0, 26, 0.99}, {0, 117, 0.01}};
    rcr_model *model = make_model(&model_variants[0], 3), *loaded = NULL;
    rcr_crystal *plain = make_crystal(NULL, 0), *listed = make_crystal(whole, 3), *a = make_crystal(half, 2),
                *b = make_crystal(more, 2), *unknown = make_crystal(rare, 2);
    double ordered = predict(model, plain, RCR_OK);
    assert_true(predict(model, listed, RCR_OK) == ordered);
    assert_true(isnan(predict(model, a, RCR_ERR_UNSUPPORTED)));
    rcr_error err;
    assert_int_equal(rcr_model_set_disorder(model, (rcr_disorder)7, &err), RCR_ERR_ARGUMENT);
    assert_int_equal(model->graph.disorder, RCR_DISORDER_REFUSE);
    assert_int_equal(rcr_model_set_disorder(model, RCR_DISORDER_AVERAGE, &err), RCR_OK);
    assert_int_equal(rcr_model_describe(model).graph.disorder, RCR_DISORDER_AVERAGE);
    assert_true(predict(model, plain, RCR_OK) == ordered);
    assert_true(predict(model, listed, RCR_OK) == ordered);
    double mixed = predict(model, a, RCR_OK);
    assert_true(isfinite(mixed) && fabs(mixed - ordered) > 1e-6);
    assert_true(fabs(predict(model, b, RCR_OK) - mixed) > 1e-6);
    assert_true(isnan(predict(model, unknown, RCR_ERR_DATA))); /* however little there is of it */
    /* A model file keeps the option. */
    test_folder folder = folder_make();
    const char *path = folder_path(&folder, "m.safetensors");
    assert_int_equal(rcr_model_save(model, path, &err), RCR_OK);
    assert_int_equal(rcr_model_load(&loaded, path, &err), RCR_OK);
    assert_int_equal(loaded->graph.disorder, RCR_DISORDER_AVERAGE);
    assert_true(predict(loaded, a, RCR_OK) == mixed);
    folder_remove(&folder);
    rcr_model_free(loaded);
    rcr_model_free(model);
    rcr_crystal *all[] = {plain, listed, a, b, unknown};
    for (int i = 0; i < 5; i++) rcr_crystal_free(all[i]);
}

/* One composition, in other words: sites in another order, the cell twice. */
static void predictions_do_not_depend_on_the_telling(void **state) {
    (void)state;
    static const rcr_species told[] = {{0, 26, 0.5}, {0, 27, 0.25}, {1, 13, 0.9}, {1, 26, 0.1}},
                             turned[] = {{1, 27, 0.25}, {1, 26, 0.5}, {0, 26, 0.1}, {0, 13, 0.9}};
    for (int v = 0; v < N_MODEL_VARIANTS; v++) {
        rcr_model *model = make_model(&model_variants[v], 9);
        assert_int_equal(rcr_model_set_disorder(model, RCR_DISORDER_AVERAGE, NULL), RCR_OK);
        model->graph.ties = RCR_TIES_KEEP;
        rcr_crystal *a = make_crystal(told, 4), *b = make_crystal(turned, 4), *c = NULL;
        rcr_species_list list = {0};
        assert_int_equal(rcr_crystal_create(&c, "double", 4, NULL), RCR_OK);
        for (int d = 0; d < 3; d++) c->lattice[d][d] = d == 2 ? 6.2 : 3.1;
        for (int32_t i = 0; i < 4; i++) {
            for (int d = 0; d < 3; d++) c->frac[i][d] = a->frac[i % 2][d];
            c->frac[i][2] = (a->frac[i % 2][2] + i / 2) / 2;
            for (int32_t k = a->species_offset[i % 2]; k < a->species_offset[i % 2 + 1]; k++)
                assert_int_equal(rcr_species_add(&list, i, a->species_number[k], a->species_occupancy[k], NULL), 0);
        }
        assert_int_equal(rcr_crystal_set_species(c, &list, NULL), RCR_OK);
        rcr_species_list_free(&list);
        double expected = predict(model, a, RCR_OK);
        assert_true(fabs(predict(model, b, RCR_OK) - expected) < 1e-5);
        assert_true(fabs(predict(model, c, RCR_OK) - expected) < 1e-5);
        rcr_crystal_free(a);
        rcr_crystal_free(b);
        rcr_crystal_free(c);
        rcr_model_free(model);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_embedding_is_that_of_the_mean),
                                       cmocka_unit_test(models_take_them_when_told),
                                       cmocka_unit_test(predictions_do_not_depend_on_the_telling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
