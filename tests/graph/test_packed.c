/* Packed records: what goes in comes out, and no bytes can make a view that reads outside itself. */
#include "support/check.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "graph/packed.h"

/* A graph with the given number of edges for every atom (per_atom >= 0), or 0 to -per_atom of them. */
static rcr_graph *random_graph(rcr_rng *rng, int32_t n_atoms, int32_t per_atom) {
    int32_t *count = calloc((size_t)n_atoms, sizeof *count), n_edges = 0;
    for (int32_t i = 0; i < n_atoms; i++) {
        count[i] = per_atom >= 0 ? per_atom : (int32_t)(rcr_rng_below(rng, (uint64_t)(1 - per_atom)));
        n_edges += count[i];
    }
    rcr_graph *graph;
    assert_int_equal(rcr_graph_create(&graph, n_atoms, n_edges, NULL), RCR_OK);
    for (int32_t i = 0; i < n_atoms; i++) {
        graph->atomic_number[i] = (uint8_t)(1 + rcr_rng_below(rng, 118));
        graph->offset[i + 1] = graph->offset[i] + count[i];
    }
    for (int32_t e = 0; e < n_edges; e++) {
        graph->neighbor[e] = (int32_t)rcr_rng_below(rng, (uint64_t)n_atoms);
        graph->distance[e] = 8.0 * (double)rcr_rng_below(rng, 1u << 30) / (1u << 30);
    }
    free(count);
    return graph;
}

static void check_round_trip(const rcr_graph *graph, int distance_bytes, size_t expected_bytes) {
    uint8_t *record, *shifted;
    size_t size;
    rcr_graph_view view;
    rcr_graph *back;
    assert_int_equal(rcr_graph_pack(&record, &size, graph, distance_bytes, NULL), RCR_OK);
    assert_int_equal(size, expected_bytes);
    /* At an odd address and in a block without a byte to spare. */
    shifted = malloc(size + 1);
    memcpy(shifted + 1, record, size);
    assert_int_equal(rcr_graph_view_packed(&view, shifted + 1, size, NULL), RCR_OK);
    assert_int_equal(rcr_graph_from_view(&back, &view, NULL), RCR_OK);
    assert_int_equal(back->n_atoms, graph->n_atoms);
    assert_int_equal(back->n_edges, graph->n_edges);
    assert_memory_equal(back->atomic_number, graph->atomic_number, (size_t)graph->n_atoms);
    assert_memory_equal(back->offset, graph->offset, ((size_t)graph->n_atoms + 1) * sizeof(int32_t));
    for (int32_t e = 0; e < graph->n_edges; e++) {
        assert_int_equal(back->neighbor[e], graph->neighbor[e]);
        double expected = distance_bytes == 8 ? graph->distance[e] : (double)(float)graph->distance[e];
        assert_true(back->distance[e] == expected);
    }
    rcr_graph_free(back);
    free(shifted);
    rcr_free(record);
}

static void test_round_trip(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 11, 0);
    static const struct {
        int32_t n_atoms, per_atom;
        int count_bytes, neighbor_bytes;
    } cases[] = {{1, 0, 0, 1},     {1, 12, 0, 1},    {256, 12, 0, 1},  {257, 12, 0, 2}, {40, -20, 1, 1},
                 {3, -5000, 4, 1}, {65536, 2, 0, 2}, {65537, 2, 0, 4}, {700, -3, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rcr_graph *graph = random_graph(&rng, cases[i].n_atoms, cases[i].per_atom);
        size_t atoms = (size_t)graph->n_atoms, edges = (size_t)graph->n_edges;
        for (int bytes = 4; bytes <= 8; bytes += 4)
            check_round_trip(graph, bytes,
                             16 + atoms * (1 + (size_t)cases[i].count_bytes) +
                                 edges * ((size_t)cases[i].neighbor_bytes + (size_t)bytes));
        rcr_graph_free(graph);
    }
}

/* The layout that packed.h writes down, byte for byte. */
static void test_layout(void **state) {
    (void)state;
    rcr_graph *graph;
    assert_int_equal(rcr_graph_create(&graph, 2, 3, NULL), RCR_OK);
    memcpy(graph->atomic_number, (uint8_t[]){11, 17}, 2);
    memcpy(graph->offset, (int32_t[]){0, 1, 3}, 12);
    memcpy(graph->neighbor, (int32_t[]){1, 0, 1}, 12);
    memcpy(graph->distance, (double[]){2.5, 2.5, 4.0}, 24);
    static const uint8_t expected[] = {1, 1, 1, 4, 2, 0,    0,    0, 3, 0,    0,    0, 11, 17,   1,   2,
                                       1, 0, 1, 0, 0, 0x20, 0x40, 0, 0, 0x20, 0x40, 0, 0,  0x80, 0x40};
    uint8_t *record;
    size_t size;
    assert_int_equal(rcr_graph_pack(&record, &size, graph, 4, NULL), RCR_OK);
    assert_int_equal(size, 4 + sizeof expected);
    assert_memory_equal(record + 4, expected, sizeof expected);
    rcr_free(record);
    rcr_graph_free(graph);
}

static void seal(uint8_t *record, size_t size) {
    uint32_t sum = (uint32_t)rcr_checksum(record + 4, size - 4);
    memcpy(record, &sum, sizeof sum);
}

/* Every single changed byte is noticed by the checksum; with the checksum made right, each kind of nonsense by itself.
 */
static void test_damage(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 12, 0);
    rcr_graph *graph = random_graph(&rng, 5, -6);
    uint8_t *record;
    size_t size;
    rcr_graph_view view;
    rcr_error err;
    assert_int_equal(rcr_graph_pack(&record, &size, graph, 4, NULL), RCR_OK);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            record[i] ^= (uint8_t)(1 << bit);
            assert_int_equal(rcr_graph_view_packed(&view, record, size, &err), RCR_ERR_PARSE);
            record[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t n = 0; n < size; n++) assert_int_equal(rcr_graph_view_packed(&view, record, n, NULL), RCR_ERR_PARSE);
    size_t species = 16, counts = species + 5, neighbors = counts + 5, distances = neighbors + (size_t)graph->n_edges;
    const struct {
        size_t at;
        uint8_t value;
        rcr_status status;
        const char *message;
    } wrong[] = {{4, 3, RCR_ERR_UNSUPPORTED, "version 3"},
                 {4, 2, RCR_ERR_PARSE, "species"},
                 {5, 2, RCR_ERR_PARSE, "widths"},
                 {6, 3, RCR_ERR_PARSE, "widths"},
                 {7, 1, RCR_ERR_PARSE, "widths"},
                 {11, 0x80, RCR_ERR_PARSE, "numbers of atoms"},
                 {8, 0, RCR_ERR_PARSE, "numbers of atoms"},
                 {15, 0x7f, RCR_ERR_PARSE, "length"},
                 {12, 0, RCR_ERR_PARSE, "length"},
                 {species, 0, RCR_ERR_PARSE, "element"},
                 {species + 4, 119, RCR_ERR_PARSE, "element"},
                 {counts, 200, RCR_ERR_PARSE, "add up"},
                 {neighbors, 5, RCR_ERR_PARSE, "no atom"},
                 {distances + 3, 0xff, RCR_ERR_PARSE, "distance"},
                 {distances + 3, 0x7f, RCR_ERR_PARSE, "distance"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t kept = record[wrong[i].at];
        record[wrong[i].at] = wrong[i].value;
        seal(record, size);
        assert_int_equal(rcr_graph_view_packed(&view, record, size, &err), wrong[i].status);
        assert_non_null(strstr(err.message, wrong[i].message));
        record[wrong[i].at] = kept;
    }
    rcr_free(record);
    rcr_graph_free(graph);
}

/* ---- disordered crystals */

/* Give every third atom of a random graph two or three species, some with vacancies; the others stay whole. */
static rcr_graph *disordered_graph(rcr_rng *rng, int32_t n_atoms, int32_t per_atom) {
    rcr_graph *plain = random_graph(rng, n_atoms, per_atom), *graph;
    int32_t n_species = 0;
    for (int32_t i = 0; i < n_atoms; i++) n_species += i % 3 == 0 ? 2 + i % 2 : 1;
    assert_int_equal(rcr_graph_create_disordered(&graph, n_atoms, plain->n_edges, n_species, NULL), RCR_OK);
    memcpy(graph->offset, plain->offset, ((size_t)n_atoms + 1) * sizeof(int32_t));
    memcpy(graph->neighbor, plain->neighbor, (size_t)plain->n_edges * sizeof(int32_t));
    memcpy(graph->distance, plain->distance, (size_t)plain->n_edges * sizeof(double));
    for (int32_t i = 0, k = 0; i < n_atoms; i++) {
        int z = 1 + (int)rcr_rng_below(rng, 100), n = i % 3 == 0 ? 2 + i % 2 : 1;
        graph->atomic_number[i] = (uint8_t)z;
        graph->species_offset[i] = k;
        for (int m = 0; m < n; m++, k++) {
            graph->species_number[k] = (uint8_t)(z + 5 * m);
            graph->species_occupancy[k] = n == 1 ? 1 : m == 0 ? 0.5 : 0.5 * rcr_rng_uniform(rng) / n + 1e-3;
        }
        graph->species_offset[i + 1] = k;
    }
    rcr_graph_free(plain);
    return graph;
}

static void test_disordered_round_trip(void **state) {
    (void)state;
    rcr_rng rng;
    rcr_rng_seed(&rng, 13, 0);
    static const int32_t sizes[] = {1, 2, 40, 300};
    for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
        rcr_graph *graph = disordered_graph(&rng, sizes[c], -9);
        size_t atoms = (size_t)graph->n_atoms, edges = (size_t)graph->n_edges, listed = 0;
        for (size_t i = 0; i < atoms; i++) listed += i % 3 == 0 ? 2 + i % 2 : 0;
        size_t count_bytes = 1;
        if (edges == atoms * (size_t)graph->offset[1]) count_bytes = 0; /* few atoms may have equally many edges */
        size_t ordered = 16 + atoms * (1 + count_bytes) + edges * ((sizes[c] > 256 ? 2u : 1u) + 4u);
        check_round_trip(graph, 4, ordered + 4 + atoms + 9 * listed);
        uint8_t *record;
        size_t size;
        rcr_graph_view view;
        rcr_graph *back;
        assert_int_equal(rcr_graph_pack(&record, &size, graph, 8, NULL), RCR_OK);
        assert_int_equal(record[4], 2);
        assert_int_equal(rcr_graph_view_packed(&view, record, size, NULL), RCR_OK);
        assert_int_equal(view.n_species, listed);
        assert_int_equal(rcr_graph_from_view(&back, &view, NULL), RCR_OK);
        size_t n = (size_t)graph->species_offset[atoms];
        assert_memory_equal(back->species_offset, graph->species_offset, (atoms + 1) * sizeof(int32_t));
        assert_memory_equal(back->species_number, graph->species_number, n);
        assert_memory_equal(back->species_occupancy, graph->species_occupancy, n * sizeof(double));
        rcr_graph_free(back);
        rcr_free(record);
        /* Species that say nothing: the record is an ordered one's. */
        for (size_t i = 0; i < atoms; i++) graph->species_offset[i + 1] = (int32_t)i + 1;
        for (size_t i = 0; i < atoms; i++) graph->species_occupancy[i] = 1;
        assert_int_equal(rcr_graph_pack(&record, &size, graph, 4, NULL), RCR_OK);
        assert_int_equal(record[4], 1);
        assert_int_equal(size, ordered);
        rcr_free(record);
        rcr_graph_free(graph);
    }
}

/* Two atoms, the second of half iron and a quarter cobalt: what follows the ordered part, byte for byte, and each kind
 * of nonsense in it. */
static void test_disordered_layout_and_damage(void **state) {
    (void)state;
    rcr_graph *graph;
    assert_int_equal(rcr_graph_create_disordered(&graph, 2, 0, 3, NULL), RCR_OK);
    memcpy(graph->atomic_number, (uint8_t[]){8, 26}, 2);
    memcpy(graph->species_offset, (int32_t[]){0, 1, 3}, 12);
    memcpy(graph->species_number, (uint8_t[]){8, 26, 27}, 3);
    memcpy(graph->species_occupancy, (double[]){1, 0.5, 0.25}, 24);
    static const uint8_t expected[] = {2, 0,  1,  4, 2, 0, 0, 0, 0, 0,    0,    0, 8, 26, 2, 0, 0, 0,    0,
                                       2, 26, 27, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f, 0, 0, 0,  0, 0, 0, 0xd0, 0x3f};
    uint8_t *record;
    size_t size;
    rcr_graph_view view;
    rcr_error err;
    assert_int_equal(rcr_graph_pack(&record, &size, graph, 4, NULL), RCR_OK);
    assert_int_equal(size, 4 + sizeof expected);
    assert_memory_equal(record + 4, expected, sizeof expected);
    assert_int_equal(rcr_graph_view_packed(&view, record, size, &err), RCR_OK);
    static const struct {
        size_t at;
        uint8_t value;
        const char *message;
    } wrong[] = {
        {4, 1, "length"},      {18, 3, "length"},     {18, 0, "number of species"}, {21, 0x80, "number of species"},
        {22, 1, "species"},    {23, 1, "species"},    {23, 3, "species"},           {24, 27, "species"},
        {24, 0, "species"},    {25, 119, "species"},  {25, 26, "species"},          {33, 0xbf, "species"},
        {33, 0x40, "species"}, {41, 0x40, "species"}, {41, 0, "species"},           {40, 0xf4, "species"},
        {17, 27, "species"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t kept = record[wrong[i].at];
        record[wrong[i].at] = wrong[i].value;
        seal(record, size);
        rcr_status status = rcr_graph_view_packed(&view, record, size, &err);
        /* byte 41 = 0 leaves a tiny positive share, which is one */
        if (wrong[i].at == 41 && wrong[i].value == 0) {
            assert_int_equal(status, RCR_OK);
        } else {
            if (status != RCR_ERR_PARSE) fail_msg("byte %zu = %d passed", wrong[i].at, wrong[i].value);
            if (strstr(err.message, wrong[i].message) == NULL) fail_msg("byte %zu: %s", wrong[i].at, err.message);
        }
        record[wrong[i].at] = kept;
    }
    for (size_t n = 0; n < size; n++) assert_int_equal(rcr_graph_view_packed(&view, record, n, NULL), RCR_ERR_PARSE);
    rcr_free(record);
    rcr_graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_layout),
                                       cmocka_unit_test(test_damage), cmocka_unit_test(test_disordered_round_trip),
                                       cmocka_unit_test(test_disordered_layout_and_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
