/* Splits by groups, folds and targets. */
#include "support/check.h"

#include <math.h>

#include "base/mem.h"
#include "data/split.h"
#include "graph/graph.h"
#include "graph/packed.h"

enum { N = 600, N_SYSTEMS = 25 };

/* Row i is of system i % 25 (elements 3 + s and 40 + s), in one of three formulas; the target is scattered. */
typedef struct made {
    rcr_dataset d;
    rcr_sample sample[N];
    int system[N], formula[N];
} made;

static uint8_t *pack(size_t *size, const uint8_t *atomic_number, int32_t n) {
    int32_t offset[16] = {0};
    rcr_graph graph = {.n_atoms = n, .atomic_number = (uint8_t *)(uintptr_t)atomic_number, .offset = offset};
    uint8_t *record;
    rcr_error err = {0};
    if (rcr_graph_pack(&record, size, &graph, 4, &err) != RCR_OK) fail_msg("%s", err.message);
    return record;
}

static made *make(void) {
    made *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->d = (rcr_dataset){.n = N, .n_rows = N, .sample = m->sample, .path = (char *)(uintptr_t) "made"};
    for (int i = 0; i < N; i++) {
        uint8_t a = (uint8_t)(3 + i % N_SYSTEMS), b = (uint8_t)(40 + i % N_SYSTEMS);
        /* AB and its doubled cell A2B2 are one formula; AB2 and A3B are two others. */
        const uint8_t cells[4][4] = {{a, b}, {b, a, a, b}, {b, a, b}, {a, a, b, a}};
        static const int32_t n_atoms[] = {2, 4, 3, 4};
        static const int formula[] = {0, 0, 1, 2};
        int kind = i / N_SYSTEMS % 4;
        rcr_sample *s = &m->sample[i];
        s->id = malloc(16);
        assert_non_null(s->id);
        snprintf(s->id, 16, "row-%d", i);
        s->record = pack(&s->record_size, cells[kind], n_atoms[kind]);
        s->n_atoms = n_atoms[kind];
        s->row = i;
        s->target = (double)(i * 7919 % 1009);
        m->system[i] = i % N_SYSTEMS;
        m->formula[i] = 3 * (i % N_SYSTEMS) + formula[kind];
    }
    return m;
}

static void drop(made *m) {
    for (int i = 0; i < N; i++) {
        free(m->sample[i].id);
        rcr_free(m->sample[i].record);
    }
    free(m);
}

/* part[i]: 0 none, 1 train, 2 val, 3 test. */
static void parts_of(int part[N], const rcr_split *s) {
    const int64_t *rows[] = {s->train, s->val, s->test};
    const size_t n[] = {s->n_train, s->n_val, s->n_test};
    memset(part, 0, N * sizeof *part);
    for (int p = 0; p < 3; p++)
        for (size_t i = 0; i < n[p]; i++) {
            assert_in_range(rows[p][i], 0, N - 1);
            assert_int_equal(part[rows[p][i]], 0);
            part[rows[p][i]] = p + 1;
        }
}

static void split(int part[N], made *m, const rcr_split_options *o) {
    rcr_split s;
    rcr_error err = {0};
    if (rcr_split_make(&s, &m->d, o, &err) != RCR_OK) fail_msg("%s", err.message);
    parts_of(part, &s);
    rcr_split_free(&s);
}

/* Rows with one label have one part, and a part overshoots by less than one group. */
static void expect_whole(const int part[N], const int label[N], int largest, const int wanted[4]) {
    int n[4] = {0};
    for (int i = 0; i < N; i++) {
        n[part[i]]++;
        for (int j = 0; j < i; j++)
            if (label[i] == label[j]) assert_int_equal(part[i], part[j]);
    }
    for (int p = 2; p < 4; p++) assert_in_range(n[p], wanted[p], wanted[p] + largest - 1);
    assert_int_equal(n[0], 0);
}

static void groups_stay_together(void **state) {
    (void)state;
    made *m = make();
    int part[N], other[N];
    rcr_split_options o = rcr_split_options_default();
    o.group = RCR_GROUP_FORMULA;
    split(part, m, &o);
    expect_whole(part, m->formula, 12, (const int[]){0, 0, 60, 60});
    /* AB and A2B2 are one formula, AB2 is another and may stand elsewhere. */
    int apart = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) apart += m->system[i] == m->system[j] && part[i] != part[j];
    assert_true(apart > 0);
    o.group = RCR_GROUP_CHEMICAL_SYSTEM;
    split(part, m, &o);
    expect_whole(part, m->system, 24, (const int[]){0, 0, 60, 60});
    split(other, m, &o);
    assert_memory_equal(part, other, sizeof part);
    o.seed++;
    split(other, m, &o);
    assert_memory_not_equal(part, other, sizeof part);
    drop(m);
}

/* Every row tests in exactly one fold; folds differ by a row at most, or by a group. */
static void folds_cover_every_row_once(void **state) {
    (void)state;
    made *m = make();
    for (int grouped = 0; grouped < 2; grouped++) {
        rcr_split_options o = rcr_split_options_default();
        int tested[N] = {0}, part[N];
        o.group = grouped ? RCR_GROUP_CHEMICAL_SYSTEM : RCR_GROUP_NONE;
        o.folds = 7;
        for (o.fold = 0; o.fold < 7; o.fold++) {
            split(part, m, &o);
            int n_test = 0, n_val = 0;
            for (int i = 0; i < N; i++) {
                tested[i] += part[i] == 3;
                n_test += part[i] == 3;
                n_val += part[i] == 2;
                assert_true(part[i] != 0);
            }
            if (grouped) {
                assert_in_range(n_test, 600 / 7 - 24, 600 / 7 + 24);
                expect_whole(part, m->system, 24, (const int[]){0, 0, 60, n_test});
            } else {
                assert_in_range(n_test, 85, 86);
                assert_int_equal(n_val, 60);
            }
        }
        for (int i = 0; i < N; i++) assert_int_equal(tested[i], 1);
    }
    drop(m);
}

static void extreme_targets_test(void **state) {
    (void)state;
    made *m = make();
    int part[N];
    rcr_split_options o = rcr_split_options_default();
    for (int low = 0; low < 2; low++) {
        o.kind = low ? RCR_SPLIT_LOWEST : RCR_SPLIT_HIGHEST;
        split(part, m, &o);
        double edge = low ? -INFINITY : INFINITY;
        int n_test = 0;
        for (int i = 0; i < N; i++) {
            double t = m->sample[i].target;
            if (part[i] == 3) edge = low ? fmax(edge, t) : fmin(edge, t);
            n_test += part[i] == 3;
        }
        assert_int_equal(n_test, 60);
        for (int i = 0; i < N; i++)
            if (part[i] != 3) assert_true(low ? m->sample[i].target >= edge : m->sample[i].target <= edge);
    }
    m->sample[5].target = NAN;
    rcr_split s;
    rcr_error err = {0};
    assert_int_equal(rcr_split_make(&s, &m->d, &o, &err), RCR_ERR_DATA);
    assert_non_null(strstr(err.message, "row-5"));
    drop(m);
}

static void expect_refused(made *m, const rcr_split_options *o, const char *message) {
    rcr_split s;
    rcr_error err = {0};
    assert_int_equal(rcr_split_make(&s, &m->d, o, &err), RCR_ERR_ARGUMENT);
    if (strstr(err.message, message) == NULL) fail_msg("'%s' does not say '%s'", err.message, message);
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    made *m = make();
    rcr_split_options o = rcr_split_options_default();
    o.folds = 26;
    o.group = RCR_GROUP_CHEMICAL_SYSTEM;
    expect_refused(m, &o, "26 folds can't be made of 25 groups");
    o.folds = 5;
    o.fold = 5;
    expect_refused(m, &o, "fold 5 of 5");
    o.fold = 0;
    o.kind = RCR_SPLIT_HIGHEST;
    expect_refused(m, &o, "random split only");
    o.kind = RCR_SPLIT_REFERENCE;
    expect_refused(m, &o, "neither groups nor folds");
    o = rcr_split_options_default();
    o.group = RCR_GROUP_CHEMICAL_SYSTEM;
    o.test_size = 577; /* the last group of 24 is all that could be left, and val takes it */
    o.val_size = 1;
    expect_refused(m, &o, "train part is empty");
    drop(m);
}

/* n sites that two elements share, the first with this occupancy; 0 < occupancy < 1. */
static uint8_t *pack_shared(size_t *size, uint8_t a, uint8_t b, double occupancy, int32_t n) {
    rcr_graph *graph;
    uint8_t *record;
    rcr_error err = {0};
    if (rcr_graph_create_disordered(&graph, n, 0, 2 * n, &err) != RCR_OK) fail_msg("%s", err.message);
    int b_first = occupancy < 0.5 || (occupancy == 0.5 && b < a);
    for (int32_t i = 0; i < n; i++) {
        graph->atomic_number[i] = b_first ? b : a;
        graph->species_offset[i + 1] = 2 * (i + 1);
        graph->species_number[2 * i] = a < b ? a : b;
        graph->species_number[2 * i + 1] = a < b ? b : a;
        graph->species_occupancy[2 * i] = a < b ? occupancy : 1 - occupancy;
        graph->species_occupancy[2 * i + 1] = 1 - graph->species_occupancy[2 * i];
    }
    if (rcr_graph_pack(&record, size, graph, 4, &err) != RCR_OK) fail_msg("%s", err.message);
    rcr_graph_free(graph);
    return record;
}

/* The formula of a disordered crystal is that of its occupancies, whatever its cell. */
static void disordered_formulas(void **state) {
    (void)state;
    enum { FE = 26, CO = 27, SR = 38, LA = 57 };
    static const uint8_t fe_co2[] = {CO, FE, CO}, fe_co[] = {FE, CO},
                         la9_sr[] = {LA, LA, LA, LA, LA, LA, LA, LA, LA, SR};
    const struct {
        uint8_t a, b;
        double occupancy; /* 0: ordered */
        int32_t n;
        const uint8_t *ordered;
    } row[] = {
        {FE, CO, 1.0 / 3, 1, NULL},  {FE, CO, 1.0 / 3, 2, NULL},  {FE, CO, 1.0 / 3, 4, NULL},
        {FE, CO, 1.0 / 3, 5, NULL},  {FE, CO, 1.0 / 3, 7, NULL},  {FE, CO, 1.0 / 3, 8, NULL},
        {FE, CO, 0.333, 2, NULL},    {FE, CO, 0.3333, 7, NULL},   {FE, CO, 0, 3, fe_co2},      /* ... is one; so are */
        {FE, CO, 0.5, 1, NULL},      {FE, CO, 0, 2, fe_co},                                    /* and */
        {LA, SR, 0.9, 3, NULL},      {LA, SR, 0, 10, la9_sr},                                  /* and */
        {FE, CO, 0.01, 3, NULL},     {FE, CO, 0.01, 7, NULL},                                  /* and */
        {FE, CO, 0.02, 3, NULL},                                                               /* and */
        {FE, CO, 0.123457, 1, NULL}, {FE, CO, 0.123457, 3, NULL}, {FE, CO, 0.123457, 7, NULL}, /* and */
        {FE, CO, 1e-6, 1, NULL},     {FE, CO, 1e-6, 7, NULL},
    };
    enum { n = sizeof row / sizeof *row };
    rcr_sample sample[n] = {{0}};
    rcr_dataset d = {.n = n, .n_rows = n, .sample = sample, .path = (char *)(uintptr_t) "made"};
    for (int i = 0; i < n; i++) {
        sample[i].record = row[i].ordered != NULL
                               ? pack(&sample[i].record_size, row[i].ordered, row[i].n)
                               : pack_shared(&sample[i].record_size, row[i].a, row[i].b, row[i].occupancy, row[i].n);
        sample[i].n_atoms = row[i].n;
        sample[i].row = i;
    }
    rcr_split_options o = rcr_split_options_default();
    rcr_split s;
    rcr_error err = {0};
    o.group = RCR_GROUP_FORMULA;
    o.folds = n + 1;
    assert_int_equal(rcr_split_make(&s, &d, &o, &err), RCR_ERR_ARGUMENT);
    if (strstr(err.message, "can't be made of 7 groups") == NULL) fail_msg("%s", err.message);
    for (int i = 0; i < n; i++) rcr_free(sample[i].record);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_stay_together),
                                       cmocka_unit_test(folds_cover_every_row_once),
                                       cmocka_unit_test(extreme_targets_test), cmocka_unit_test(disordered_formulas),
                                       cmocka_unit_test(what_makes_no_sense_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
