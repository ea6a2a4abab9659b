/* recryst graph */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/describe.h"
#include "cli/graph_args.h"
#include "cli/output.h"
#include "cli/read_data.h"
#include "cli/terminal.h"
#include "crystal/element.h"
#include "crystal/species.h"
#include "graph/equivalent.h"
#include "graph/graph.h"

/* Neighbors of one atom at one distance: as many as there are in the shell. */
static void put_shell(rcr_text *out, const rcr_graph *graph, int32_t first, int32_t last) {
    rcr_text_printf(out, "  %.4f", graph->distance[first]);
    for (int32_t e = first; e < last; e++) {
        int32_t j = graph->neighbor[e], times = 1, seen = 0;
        for (int32_t f = first; f < e; f++) seen |= graph->neighbor[f] == j;
        if (seen) continue;
        for (int32_t f = e + 1; f < last; f++) times += graph->neighbor[f] == j;
        rcr_text_printf(out, " %s%d", rcr_element_symbol(graph->atomic_number[j]), j);
        if (times > 1) rcr_text_printf(out, "x%d", times);
    }
}

/* The sites that the table below names by their largest species. */
static void put_mixed_sites(rcr_text *out, const rcr_crystal *crystal) {
    char text[160];
    rcr_text_puts(out, "\ndisordered sites, called by their largest species below\n");
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        int32_t k = crystal->species_offset[i];
        if (crystal->species_offset[i + 1] == k + 1 && crystal->species_occupancy[k] == 1) continue;
        rcr_text_printf(out, "  %s%d: %s\n", rcr_element_symbol(crystal->atomic_number[i]), i,
                        rcr_crystal_describe_site(text, sizeof text, crystal, i));
    }
}

static void put_text(rcr_text *out, const rcr_crystal *crystal, const rcr_graph *graph, const rcr_fold *fold,
                     const rcr_graph_options *options) {
    char a[32], b[32];
    rcr_describe_crystal(out, crystal);
    rcr_text_printf(out, "graph      %s atoms, %s edges\n", rcr_format_count(a, graph->n_atoms),
                    rcr_format_count(b, graph->n_edges));
    rcr_text_printf(out, "kinds      %s of equivalent atoms; a network computes one of each\n",
                    rcr_format_count(a, fold->n_classes));
    rcr_describe_graph_options(out, options);
    if (graph->species_offset != NULL) put_mixed_sites(out, crystal);
    rcr_text_puts(out, "\n atom  edges  neighbors by distance (A): element and number of the atom, x how often\n");
    for (int32_t i = 0; i < graph->n_atoms; i++) {
        char atom[32];
        snprintf(atom, sizeof atom, "%s%d", rcr_element_symbol(graph->atomic_number[i]), i);
        rcr_text_printf(out, "%5s  %5d", atom, graph->offset[i + 1] - graph->offset[i]);
        for (int32_t e = graph->offset[i]; e < graph->offset[i + 1];) {
            int32_t last = e + 1;
            while (last < graph->offset[i + 1] && fabs(graph->distance[last] - graph->distance[e]) < 5e-5) last++;
            put_shell(out, graph, e, last);
            e = last;
        }
        rcr_text_puts(out, "\n");
    }
}

static void put_json_options(rcr_text *out, const rcr_graph_options *o) {
    rcr_text_puts(out, "{\"radius\": ");
    rcr_json_number(out, o->radius);
    rcr_text_printf(out, ", \"max_neighbors\": %d, \"dmin\": ", o->max_neighbors);
    rcr_json_number(out, o->dmin);
    rcr_text_puts(out, ", \"step\": ");
    rcr_json_number(out, o->step);
    rcr_text_printf(out, ", \"n_gaussians\": %d, \"padding\": \"%s\", \"ties\": \"%s\", \"disorder\": \"%s\"}",
                    rcr_graph_options_n_gaussians(o), rcr_padding_name(o->padding), rcr_ties_name(o->ties),
                    rcr_disorder_name(o->disorder));
}

static void put_json_species(rcr_text *out, const rcr_graph *graph) {
    const int32_t *offset = graph->species_offset;
    rcr_text_puts(out, "],\n \"species_offset\": [");
    for (int32_t i = 0; i <= graph->n_atoms; i++) rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", offset[i]);
    rcr_text_puts(out, "],\n \"species_number\": [");
    for (int32_t k = 0; k < offset[graph->n_atoms]; k++)
        rcr_text_printf(out, "%s%d", k > 0 ? ", " : "", graph->species_number[k]);
    rcr_text_puts(out, "],\n \"species_occupancy\": [");
    for (int32_t k = 0; k < offset[graph->n_atoms]; k++) {
        if (k > 0) rcr_text_puts(out, ", ");
        rcr_json_number(out, graph->species_occupancy[k]);
    }
}

static void put_json(rcr_text *out, const rcr_crystal *crystal, const rcr_graph *graph, const rcr_fold *fold,
                     const rcr_graph_options *options) {
    rcr_text_puts(out, "{\"id\": ");
    rcr_json_string(out, crystal->id);
    rcr_text_puts(out, ",\n \"lattice\": [");
    for (int i = 0; i < 9; i++) {
        rcr_text_puts(out, i == 0 ? "[" : i % 3 == 0 ? "], [" : ", ");
        rcr_json_number(out, crystal->lattice[i / 3][i % 3]);
    }
    rcr_text_puts(out, "]],\n \"frac\": [");
    for (int32_t i = 0; i < crystal->n_sites; i++)
        for (int k = 0; k < 3; k++) {
            rcr_text_puts(out, k > 0 ? ", " : i > 0 ? "], [" : "[");
            rcr_json_number(out, crystal->frac[i][k]);
        }
    rcr_text_puts(out, crystal->n_sites > 0 ? "]],\n \"options\": " : "],\n \"options\": ");
    put_json_options(out, options);
    rcr_text_printf(out, ",\n \"n_atoms\": %d,\n \"n_edges\": %d,\n \"atomic_number\": [", graph->n_atoms,
                    graph->n_edges);
    for (int32_t i = 0; i < graph->n_atoms; i++)
        rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", graph->atomic_number[i]);
    if (graph->species_offset != NULL) put_json_species(out, graph);
    rcr_text_puts(out, "],\n \"kind\": [");
    for (int32_t i = 0; i < graph->n_atoms; i++) rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", fold->atom_class[i]);
    rcr_text_puts(out, "],\n \"offset\": [");
    for (int32_t i = 0; i <= graph->n_atoms; i++) rcr_text_printf(out, "%s%d", i > 0 ? ", " : "", graph->offset[i]);
    rcr_text_puts(out, "],\n \"neighbor\": [");
    for (int32_t e = 0; e < graph->n_edges; e++) rcr_text_printf(out, "%s%d", e > 0 ? ", " : "", graph->neighbor[e]);
    rcr_text_puts(out, "],\n \"distance\": [");
    for (int32_t e = 0; e < graph->n_edges; e++) {
        if (e > 0) rcr_text_puts(out, ", ");
        rcr_json_number(out, graph->distance[e]);
    }
    rcr_text_puts(out, "]}\n");
}

static int show(const char *path, const rcr_graph_options *options, int json) {
    rcr_error err;
    rcr_crystal *crystal = NULL;
    rcr_graph *graph = NULL;
    rcr_text out = {0};
    rcr_fold fold = {0};
    rcr_status status = rcr_crystal_read(&crystal, path, &err);
    if (status != RCR_OK) rcr_tell_store(&err, path);
    if (status == RCR_OK) status = rcr_graph_build(&graph, crystal, options, &err);
    if (status == RCR_OK) {
        rcr_graph_view view = rcr_graph_view_of(graph);
        status = rcr_fold_find(&fold, &view, &err);
    }
    if (status != RCR_OK) rcr_error_set_file(&err, path);
    int code;
    if (status != RCR_OK) {
        code = rcr_cli_error(&err);
    } else {
        if (json)
            put_json(&out, crystal, graph, &fold, options);
        else
            put_text(&out, crystal, graph, &fold, options);
        code = rcr_cli_show(&out);
    }
    rcr_text_free(&out);
    rcr_fold_release(&fold);
    rcr_graph_free(graph);
    rcr_crystal_free(crystal);
    return code;
}

int rcr_cmd_graph(int argc, char **argv) {
    rcr_graph_args graph = rcr_graph_args_default();
    int32_t json = 0;
    rcr_arg table[] = {
        {.name = "format",
         .kind = RCR_ARG_CHOICE,
         .value_name = "text|json",
         .value = &json,
         .help = "a table, or everything at full precision"},
        RCR_GRAPH_ARG_ROWS(graph),
    };
    rcr_args args = {
        .command = "graph",
        .usage = "FILE [options]",
        .description = "Show the crystal graph of one structure file (CIF, POSCAR, FHI-aims geometry.in,\n"
                       "extended XYZ or JSON, packed or not; of several structures the first): for every\n"
                       "atom its neighbors, the nearest first. In JSON the edges of atom i are offset[i]\n"
                       "to offset[i+1]-1; neighbor and distance (angstrom) have an entry for each edge.\n"
                       "With --disorder average the species of a disordered crystal's sites are given in\n"
                       "the same way.\n",
        .examples = "  recryst graph NaCl.cif\n"
                    "  recryst graph relaxed/CONTCAR.gz\n"
                    "  recryst graph NaCl.cif --radius 6 --max-neighbors 8\n"
                    "  recryst graph NaCl.cif --format json > NaCl-graph.json\n",
        .arg = table,
        .n_args = sizeof table / sizeof *table,
    };
    int code;
    if (!rcr_args_begin(&args, argc, argv, &code)) return code;
    if (args.n_positional != 1)
        return rcr_cli_usage_error(
            "graph ", args.n_positional == 0 ? "no file given: recryst graph FILE" : "one FILE at a time, not %d",
            args.n_positional);
    rcr_graph_args_finish(&graph);
    return show(args.positional[0], &graph.options, json);
}
