/* Ensembles: joined, taken apart, shortened; and their files. */
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "model/ensemble.h"
#include "model/modelfile.h"
#include "model/net.h"
#include "support/check.h"
#include "support/models.h"

static void give_domain(rcr_model *model, uint64_t seed) {
    rcr_rng rng;
    rcr_rng_seed(&rng, seed, 0);
    size_t F = (size_t)model->options.atom_features;
    float *vector = malloc(50 * F * sizeof *vector);
    assert_non_null(vector);
    for (size_t i = 0; i < 50 * F; i++) vector[i] = (float)rcr_rng_uniform(&rng);
    model->domain = rcr_calloc(1, sizeof *model->domain);
    assert_non_null(model->domain);
    model->domain->element[8] = model->domain->element[26] = 1;
    assert_int_equal(rcr_domain_fit(model->domain, vector, 50, NULL, 0, (int32_t)F, NULL), RCR_OK);
    free(vector);
}

static void give_intervals(rcr_model *model, size_t n) {
    double *target = calloc(n, sizeof *target), *value = calloc(n, sizeof *value), *doubt = calloc(n, sizeof *doubt);
    assert_true(target != NULL && value != NULL && doubt != NULL);
    for (size_t i = 0; i < n; i++) {
        target[i] = (double)((i * 37) % 101) / 7;
        doubt[i] = 1 + (double)(i % 5);
    }
    assert_int_equal(rcr_model_reset_conformal(model, NULL), RCR_OK);
    for (size_t t = 0; t < rcr_model_n_targets(model); t++)
        assert_int_equal(rcr_conformal_fit(&model->conformal[t], target, value, doubt, n, NULL), RCR_OK);
    free(target);
    free(value);
    free(doubt);
}

/* Three networks of variant v, the first with a domain. */
static void make_three(rcr_model *model[3], int v) {
    for (int m = 0; m < 3; m++) {
        char seed[8];
        model[m] = make_model(&model_variants[v], 40 + (uint64_t)m);
        model[m]->n_batches_tracked = 10 + m;
        snprintf(seed, sizeof seed, "%d", m);
        assert_int_equal(rcr_model_set_meta(model[m], "seed", seed, NULL), RCR_OK);
        assert_int_equal(rcr_model_set_meta(model[m], "training_data", "rocks", NULL), RCR_OK);
    }
    give_domain(model[0], 7);
    give_intervals(model[1], 20);
}

static void assert_equal_networks(const rcr_model *a, const rcr_model *b) {
    assert_int_equal(a->n_parameters, b->n_parameters);
    assert_memory_equal(a->parameters, b->parameters, a->n_parameters * sizeof(rcr_real));
    assert_memory_equal(a->buffers, b->buffers, a->n_buffer_values * sizeof(rcr_real));
    assert_int_equal(a->n_batches_tracked, b->n_batches_tracked);
    assert_string_equal(rcr_model_get_meta(a, "seed"), rcr_model_get_meta(b, "seed"));
}

static void assert_equal_ensembles(const rcr_model *a, const rcr_model *b) {
    assert_int_equal(a->n_members, b->n_members);
    for (size_t m = 0; m < a->n_members; m++) {
        rcr_model *p, *q;
        assert_int_equal(rcr_model_pick(&p, a, m, NULL), RCR_OK);
        assert_int_equal(rcr_model_pick(&q, b, m, NULL), RCR_OK);
        assert_equal_networks(p, q);
        rcr_model_free(p);
        rcr_model_free(q);
    }
    assert_int_equal(a->conformal != NULL, b->conformal != NULL);
    for (size_t t = 0; a->conformal != NULL && t < rcr_model_n_targets(a); t++) {
        const rcr_conformal *p = &a->conformal[t], *q = &b->conformal[t];
        assert_int_equal(p->n, q->n);
        assert_int_equal(p->scaled, q->scaled);
        assert_true(p->offset == q->offset);
        assert_int_equal(p->n_scores, q->n_scores);
        assert_memory_equal(p->score, q->score, p->n_scores * sizeof *p->score);
    }
    assert_int_equal(a->domain != NULL, b->domain != NULL);
    if (a->domain == NULL) return;
    size_t F = (size_t)a->domain->n_features;
    assert_int_equal(F, b->domain->n_features);
    assert_memory_equal(a->domain->element, b->domain->element, sizeof a->domain->element);
    if (F == 0) return;
    assert_true(a->domain->threshold == b->domain->threshold);
    assert_memory_equal(a->domain->mean, b->domain->mean, F * sizeof(double));
    assert_memory_equal(a->domain->whiten, b->domain->whiten, F * (F + 1) / 2 * sizeof(double));
}

/* What one of the networks was not trained on is no element of the ensemble, in whatever order they are joined. */
static void the_domain_is_that_of_all(void **state) {
    (void)state;
    rcr_model *model[3], *joined = NULL, *more = NULL;
    make_three(model, 0); /* the third has no domain, and says nothing */
    give_domain(model[1], 8);
    model[0]->domain->element[55] = 1;
    model[1]->domain->element[26] = 0;
    model[1]->domain->element[87] = 1;
    static const int order[][3] = {{0, 1, 2}, {1, 0, 2}, {1, 2, 0}};
    for (int i = 0; i < 3; i++) {
        const rcr_model *list[] = {model[order[i][0]], model[order[i][1]], model[order[i][2]]};
        assert_int_equal(rcr_model_join(&joined, list, 3, NULL), RCR_OK);
        for (int z = 0; z <= RCR_MAX_ATOMIC_NUMBER; z++) assert_int_equal(joined->domain->element[z], z == 8);
        assert_true(joined->domain->threshold == list[0]->domain->threshold);
        rcr_model_free(joined);
    }
    /* Of an ensemble, too. */
    const rcr_model *pair[] = {model[0], model[1]};
    assert_int_equal(rcr_model_join(&joined, pair, 2, NULL), RCR_OK);
    const rcr_model *last[] = {model[0], joined};
    assert_int_equal(rcr_model_join(&more, last, 2, NULL), RCR_OK);
    for (int z = 0; z <= RCR_MAX_ATOMIC_NUMBER; z++) assert_int_equal(more->domain->element[z], z == 8);
    assert_true(model[0]->domain->element[26] && model[0]->domain->element[55]);
    rcr_model_free(more);
    rcr_model_free(joined);
    for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
}

static void networks_are_joined_and_taken_apart(void **state) {
    (void)state;
    for (int v = 0; v < N_MODEL_VARIANTS; v++) {
        rcr_model *model[3], *joined = NULL, *twice = NULL, *picked = NULL;
        make_three(model, v);
        const rcr_model *list[] = {model[0], model[1], model[2]};
        assert_int_equal(rcr_model_join(&joined, list, 3, NULL), RCR_OK);
        assert_int_equal(joined->n_members, 3);
        assert_null(joined->conformal);
        assert_non_null(joined->domain);
        assert_string_equal(rcr_model_get_meta(joined, "training_data"), "rocks");
        assert_null(rcr_model_get_meta(joined, "seed")); /* of no single one */
        for (size_t m = 0; m < 3; m++) {
            assert_int_equal(rcr_model_pick(&picked, joined, m, NULL), RCR_OK);
            assert_equal_networks(picked, model[m]);
            assert_int_equal(picked->n_members, 1);
            assert_int_equal(picked->domain != NULL, m == 0);
            rcr_model_free(picked);
        }
        rcr_error err;
        assert_int_equal(rcr_model_pick(&picked, joined, 3, &err), RCR_ERR_ARGUMENT);
        /* an ensemble and a model: all of their networks, in order */
        const rcr_model *more[] = {model[2], joined};
        assert_int_equal(rcr_model_join(&twice, more, 2, NULL), RCR_OK);
        assert_int_equal(twice->n_members, 4);
        for (size_t m = 0; m < 4; m++) {
            assert_int_equal(rcr_model_pick(&picked, twice, m, NULL), RCR_OK);
            assert_equal_networks(picked, model[m == 0 ? 2 : m - 1]);
            rcr_model_free(picked);
        }
        rcr_model_free(twice);
        rcr_model_free(joined);
        for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
    }
}

static void all_networks_take_disorder_when_told(void **state) {
    (void)state;
    rcr_model *model[3], *joined = NULL, *picked = NULL;
    make_three(model, 0);
    const rcr_model *list[] = {model[0], model[1], model[2]};
    assert_int_equal(rcr_model_join(&joined, list, 3, NULL), RCR_OK);
    for (int d = RCR_DISORDER_AVERAGE; d >= RCR_DISORDER_REFUSE; d--) {
        assert_int_equal(rcr_model_set_disorder(joined, (rcr_disorder)d, NULL), RCR_OK);
        for (size_t m = 0; m < 3; m++) {
            assert_int_equal(rcr_model_pick(&picked, joined, m, NULL), RCR_OK);
            assert_int_equal(picked->graph.disorder, d);
            rcr_model_free(picked);
        }
    }
    rcr_model_free(joined);
    for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    rcr_error err;
    rcr_model *out = NULL, *a = make_model(&model_variants[0], 1);
    for (int v = 1; v < N_MODEL_VARIANTS; v++) {
        rcr_model *b = make_model(&model_variants[v], 1);
        const rcr_model *list[] = {a, b};
        assert_int_equal(rcr_model_join(&out, list, 2, &err), RCR_ERR_MISMATCH);
        rcr_model_free(b);
    }
    static const char *const what[] = {"graph options", "element vectors", "targets", "units"};
    for (int k = 0; k < 4; k++) {
        rcr_model *b = make_model(&model_variants[0], 1);
        const rcr_model *list[] = {a, b};
        if (k == 0) b->graph.max_neighbors = 11;
        if (k == 1) b->elements->row[500] += 1;
        if (k == 2) assert_int_equal(rcr_model_set_target(b, "band gap", "eV/atom", NULL), RCR_OK);
        if (k == 3) assert_int_equal(rcr_model_set_target(b, "formation energy", "eV", NULL), RCR_OK);
        assert_int_equal(rcr_model_join(&out, list, 2, &err), RCR_ERR_MISMATCH);
        assert_non_null(strstr(err.message, what[k]));
        rcr_model_free(b);
    }
    const rcr_model *many[101];
    for (int i = 0; i < 101; i++) many[i] = a;
    assert_int_equal(rcr_model_join(&out, many, 101, &err), RCR_ERR_LIMIT);
    assert_null(out);
    rcr_model_free(a);
}

static void files_hold_all_of_it(void **state) {
    (void)state;
    for (int v = 0; v < N_MODEL_VARIANTS; v++) {
        rcr_model *model[3], *joined = NULL, *read = NULL, *copy = NULL, *single = NULL;
        make_three(model, v);
        const rcr_model *list[] = {model[0], model[1], model[2]};
        assert_int_equal(rcr_model_join(&joined, list, 3, NULL), RCR_OK);
        give_intervals(joined, v % 2 == 0 ? 33 : 5000);
        assert_int_equal(rcr_model_copy(&copy, joined, NULL), RCR_OK);
        assert_equal_ensembles(joined, copy);
        char *bytes = NULL, *again = NULL;
        size_t length = 0, n_again = 0;
        assert_int_equal(rcr_model_pack(&bytes, &length, joined, NULL), RCR_OK);
        rcr_error err = {0};
        if (rcr_model_parse(&read, bytes, length, &err) != RCR_OK) fail_msg("%s", err.message);
        assert_equal_ensembles(joined, read);
        assert_int_equal(rcr_model_pack(&again, &n_again, read, NULL), RCR_OK);
        assert_int_equal(length, n_again);
        assert_memory_equal(bytes, again, length);
        rcr_free(again);
        rcr_free(bytes);
        /* of one network: intervals without members, elements without vectors */
        give_intervals(model[0], 12);
        model[0]->domain->n_features = 0;
        assert_int_equal(rcr_model_pack(&bytes, &length, model[0], NULL), RCR_OK);
        assert_int_equal(rcr_model_parse(&single, bytes, length, NULL), RCR_OK);
        assert_equal_ensembles(model[0], single);
        rcr_free(bytes);
        rcr_model_free(single);
        rcr_model_free(copy);
        rcr_model_free(read);
        rcr_model_free(joined);
        for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
    }
}

/* ---- files with a right checksum over wrong content */

typedef struct change {
    const char *key, *value; /* metadata; value NULL: without that key */
    const char *tensor;      /* or a tensor: first value replaced, or, with a NaN there, renamed */
    double first;
    rcr_status status;
} change;

static rcr_status parse_changed(const char *bytes, size_t length, const change *c) {
    static rcr_st_tensor tensor[256];
    const char *key[128], *value[128];
    rcr_safetensors *file;
    char checksum[65], *forged;
    size_t n_meta = 0, n_forged, n_values = 0;
    assert_int_equal(rcr_safetensors_parse(&file, bytes, length, NULL), RCR_OK);
    assert_true(file->n_tensors < 256 && file->n_meta < 128);
    memcpy(tensor, file->tensor, file->n_tensors * sizeof *tensor);
    double *values = NULL;
    for (size_t i = 0; c->tensor != NULL && i < file->n_tensors; i++) {
        if (strcmp(tensor[i].name, c->tensor) != 0) continue;
        n_values = tensor[i].count;
        if (isnan(c->first)) {
            tensor[i].name = "renamed";
        } else if (strcmp(tensor[i].dtype, "F64") == 0) {
            values = malloc(n_values * sizeof *values);
            assert_non_null(values);
            memcpy(values, tensor[i].data, n_values * sizeof *values);
            values[0] = c->first;
            tensor[i].data = values;
        } else {
            values = calloc(n_values, 1);
            assert_non_null(values);
            *(unsigned char *)values = (unsigned char)c->first;
            tensor[i].data = values;
        }
    }
    if (c->tensor != NULL) assert_true(n_values > 0);
    int found = c->tensor != NULL;
    for (size_t i = 0; i < file->n_meta; i++) {
        int is_it = c->key != NULL && strcmp(file->meta_key[i], c->key) == 0;
        found |= is_it;
        if (is_it && c->value == NULL) continue;
        if (strcmp(file->meta_key[i], "checksum") == 0) continue;
        key[n_meta] = file->meta_key[i];
        value[n_meta++] = is_it ? c->value : file->meta_value[i];
    }
    assert_true(found);
    assert_int_equal(rcr_model_checksum(checksum, tensor, file->n_tensors, key, value, n_meta, NULL), RCR_OK);
    key[n_meta] = "checksum";
    value[n_meta++] = checksum;
    assert_int_equal(rcr_safetensors_write(&forged, &n_forged, tensor, file->n_tensors, key, value, n_meta, NULL),
                     RCR_OK);
    rcr_model *model = NULL;
    rcr_error err = {0};
    rcr_status status = rcr_model_parse(&model, forged, n_forged, &err);
    rcr_model_free(model);
    rcr_free(forged);
    free(values);
    rcr_safetensors_free(file);
    return status;
}

static void forged_files_are_refused(void **state) {
    (void)state;
    static const change changes[] = {
        {.key = "meta.training_data", .value = "stones", .status = RCR_OK},
        {.key = "n_members", .value = "1", .status = RCR_ERR_PARSE},
        {.key = "n_members", .value = "2", .status = RCR_ERR_PARSE},
        {.key = "n_members", .value = "4", .status = RCR_ERR_PARSE},
        {.key = "n_members", .value = "100", .status = RCR_ERR_PARSE},
        {.key = "n_members", .value = "101", .status = RCR_ERR_PARSE},
        {.key = "n_members", .status = RCR_ERR_PARSE},
        {.key = "member.1.target.std", .value = "0", .status = RCR_ERR_PARSE},
        {.key = "member.2.target.std", .status = RCR_ERR_PARSE},
        {.key = "conformal.0.n", .status = RCR_ERR_PARSE},
        {.key = "conformal.0.n", .value = "0", .status = RCR_ERR_PARSE},
        {.key = "conformal.0.n", .value = "32", .status = RCR_ERR_PARSE},
        {.key = "conformal.0.n", .value = "99999999999999999999", .status = RCR_ERR_PARSE},
        {.key = "conformal.0.scaled", .value = "0", .status = RCR_ERR_PARSE}, /* with an offset */
        {.key = "conformal.0.offset", .value = "-1", .status = RCR_ERR_PARSE},
        {.key = "conformal.0.offset", .value = "nan", .status = RCR_ERR_PARSE},
        {.key = "domain.threshold", .value = "0", .status = RCR_ERR_PARSE},
        {.key = "domain.threshold", .status = RCR_ERR_PARSE},
        {.tensor = "conformal.0.score", .first = 0, .status = RCR_OK},
        {.tensor = "conformal.0.score", .first = 1e9, .status = RCR_ERR_PARSE}, /* not ascending */
        {.tensor = "conformal.0.score", .first = -1, .status = RCR_ERR_PARSE},
        {.tensor = "conformal.0.score", .first = INFINITY, .status = RCR_ERR_PARSE},
        {.tensor = "conformal.0.score", .first = NAN, .status = RCR_ERR_PARSE},
        {.tensor = "domain.mean", .first = NAN, .status = RCR_ERR_PARSE},
        {.tensor = "domain.whiten", .first = NAN, .status = RCR_ERR_PARSE},
        {.tensor = "domain.whiten", .first = INFINITY, .status = RCR_ERR_PARSE},
        {.tensor = "domain.element", .first = 1, .status = RCR_OK},
        {.tensor = "domain.element", .first = 2, .status = RCR_ERR_PARSE},
        {.tensor = "domain.element", .first = NAN, .status = RCR_ERR_PARSE},
        {.tensor = "member.2.fc_out.weight", .first = NAN, .status = RCR_ERR_PARSE},
    };
    rcr_model *model[3], *joined = NULL;
    make_three(model, 2);
    const rcr_model *list[] = {model[0], model[1], model[2]};
    assert_int_equal(rcr_model_join(&joined, list, 3, NULL), RCR_OK);
    give_intervals(joined, 33);
    char *bytes = NULL;
    size_t length = 0;
    assert_int_equal(rcr_model_pack(&bytes, &length, joined, NULL), RCR_OK);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        rcr_status status = parse_changed(bytes, length, &changes[i]);
        if (status != changes[i].status)
            fail_msg("change %zu (%s): %s", i, changes[i].key != NULL ? changes[i].key : changes[i].tensor,
                     rcr_status_name(status));
    }
    rcr_free(bytes);
    rcr_model_free(joined);
    for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
}

/* ---- fewer steps: the first steps are those of the longer network */

static void embed_steps(float *out, const rcr_model *model, const rcr_crystal *crystal) {
    rcr_embedding *e = NULL;
    assert_int_equal(rcr_model_embed(&e, model, RCR_EMBED_STEPS, &crystal, 1, 1, NULL), RCR_OK);
    memcpy(out, e->values, e->row_offset[1] * (size_t)e->n_steps * (size_t)e->n_features * sizeof *out);
    rcr_embedding_free(e);
}

static void fewer_steps_are_the_first_ones(void **state) {
    (void)state;
    double frac[2][3] = {{0, 0, 0}, {0.5, 0.5, 0.45}};
    uint8_t number[] = {12, 8};
    rcr_crystal crystal = {.id = (char[]){"x"},
                           .lattice = {{3, 0, 0}, {0, 3.2, 0}, {0, 0.1, 4}},
                           .n_sites = 2,
                           .frac = frac,
                           .atomic_number = number};
    static const int variants[] = {0, 1, 3};
    for (int k = 0; k < 3; k++) {
        rcr_model *model[3], *joined, *shorter = NULL;
        make_three(model, variants[k]);
        const rcr_model *list[] = {model[0], model[1], model[2]};
        assert_int_equal(rcr_model_join(&joined, list, 3, NULL), RCR_OK);
        int32_t depth = joined->options.depth, F = joined->options.atom_features;
        float all[2 * 4 * 8], some[2 * 4 * 8];
        for (int32_t steps = 1; steps <= depth; steps++) {
            assert_int_equal(rcr_model_with_steps(&shorter, joined, steps, NULL), RCR_OK);
            assert_int_equal(shorter->n_members, 3);
            assert_int_equal(shorter->options.depth, steps);
            for (size_t m = 0; m < 3; m++) {
                embed_steps(all, rcr_model_member(joined, m), &crystal);
                embed_steps(some, rcr_model_member(shorter, m), &crystal);
                for (int32_t atom = 0; atom < 2; atom++)
                    assert_memory_equal(some + atom * steps * F, all + atom * depth * F,
                                        (size_t)(steps * F) * sizeof(float));
            }
            if (steps < depth) {
                assert_null(shorter->conformal);
                assert_int_equal(shorter->domain->n_features, 0);
                assert_int_equal(shorter->domain->element[26], 1);
            }
            rcr_model_free(shorter);
        }
        rcr_error err;
        assert_int_equal(rcr_model_with_steps(&shorter, joined, depth + 1, &err), RCR_ERR_ARGUMENT);
        assert_int_equal(rcr_model_with_steps(&shorter, joined, 0, &err), RCR_ERR_ARGUMENT);
        rcr_model_free(joined);
        for (int m = 0; m < 3; m++) rcr_model_free(model[m]);
    }
    rcr_model *layers = make_model(&model_variants[4], 1), *shorter = NULL;
    rcr_error err;
    assert_int_equal(rcr_model_with_steps(&shorter, layers, 1, &err), RCR_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "SR-CGCNN"));
    rcr_model_free(layers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_joined_and_taken_apart),
        cmocka_unit_test(the_domain_is_that_of_all),
        cmocka_unit_test(all_networks_take_disorder_when_told),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(files_hold_all_of_it),
        cmocka_unit_test(forged_files_are_refused),
        cmocka_unit_test(fewer_steps_are_the_first_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
