/* Crystals a second, one core: graphs of the reference crystals by the fast and by the plain search.
 *     ninja -C build bench_graph_rate && build/bench_graph_rate graphs.safetensors [repeats] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "crystal/crystal.h"
#include "graph/graph.h"
#include "model/safetensors.h"

typedef rcr_status builder(rcr_graph **out, const rcr_crystal *crystal, const rcr_graph_options *options,
                           rcr_error *err);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void time_build(const char *name, builder *build, rcr_crystal *const *crystals, int32_t n, int repeats) {
    rcr_graph_options options = rcr_graph_options_default();
    double best = 1e300;
    for (int r = 0; r < repeats; r++) {
        double start = now();
        for (int32_t c = 0; c < n; c++) {
            rcr_graph *graph = NULL;
            if (build(&graph, crystals[c], &options, NULL) != RCR_OK) exit(1);
            rcr_graph_free(graph);
        }
        double seconds = now() - start;
        if (seconds < best) best = seconds;
    }
    printf("%-6s %10.0f crystals/s\n", name, n / best);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s graphs.safetensors [repeats]\n", argv[0]);
        return 2;
    }
    int repeats = argc > 2 ? atoi(argv[2]) : 20;
    char *bytes;
    size_t length;
    rcr_error err;
    rcr_safetensors *file;
    if (rcr_file_read(&bytes, &length, argv[1], (size_t)1 << 30, &err) != RCR_OK ||
        rcr_safetensors_parse(&file, bytes, length, &err) != RCR_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const rcr_st_tensor *offset = rcr_safetensors_find(file, "atom_offset"),
                        *number = rcr_safetensors_find(file, "atomic_number"),
                        *lattice = rcr_safetensors_find(file, "lattice"),
                        *frac = rcr_safetensors_find(file, "frac_coord");
    if (offset == NULL || number == NULL || lattice == NULL || frac == NULL) return 1;
    int32_t n = (int32_t)offset->count - 1;
    rcr_crystal **crystals = rcr_calloc((size_t)n, sizeof *crystals);
    size_t atom = 0;
    for (int32_t c = 0; c < n; c++) {
        int32_t sites = (int32_t)(rcr_st_value(offset, (size_t)c + 1) - rcr_st_value(offset, (size_t)c));
        if (rcr_crystal_create(&crystals[c], "", sites, &err) != RCR_OK) return 1;
        for (size_t k = 0; k < 9; k++) crystals[c]->lattice[k / 3][k % 3] = rcr_st_value(lattice, (size_t)c * 9 + k);
        for (int32_t i = 0; i < sites; i++, atom++) {
            crystals[c]->atomic_number[i] = (uint8_t)rcr_st_value(number, atom);
            for (size_t k = 0; k < 3; k++) crystals[c]->frac[i][k] = rcr_st_value(frac, atom * 3 + k);
        }
    }
    printf("%d crystals, %zu atoms\n", (int)n, atom);
    time_build("fast", rcr_graph_build, crystals, n, repeats);
    time_build("plain", rcr_graph_build_plain, crystals, n, 1);
    for (int32_t c = 0; c < n; c++) rcr_crystal_free(crystals[c]);
    rcr_free(crystals);
    rcr_safetensors_free(file);
    rcr_free(bytes);
    return 0;
}
