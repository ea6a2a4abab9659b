/* What info shows of one structure. */
#include "cli/info_structure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/output.h"
#include "cli/symmetry_guard.h"
#include "cli/train_view.h"
#include "crystal/crystal.h"
#include "crystal/formula.h"
#include "crystal/shortest.h"
#include "crystal/transform.h"
#include "graph/graph.h"

/* A table of more sites than this says little; --json has them all. */
enum { MAX_SHOWN_SITES = 200 };

/* What is looked at with suspicion (docs/command.md). */
#define NEAR 0.5           /* angstrom; the shortest bond, H-H, has 0.74 */
#define SMALL_VOLUME 2.0   /* cubic angstrom for an atom; carbon has 5.7 in diamond */
#define LARGE_VOLUME 200.0 /* caesium has 115 */
#define LAST_KNOWN 100     /* of CGCNN's table */

typedef struct facts {
    const rcr_crystal *crystal;
    const char *path;
    double lengths[3], angles[3], volume;
    double amount[RCR_MAX_ATOMIC_NUMBER + 1], n_atoms;
    double reduced[RCR_MAX_ATOMIC_NUMBER + 1], n_formulas;
    rcr_spacegroup *group; /* NULL: group_error says why */
    rcr_error group_error;
    rcr_pair pair;
    rcr_status pair_status;
    rcr_error pair_error;
    int32_t n_disordered;
    rcr_status graph_status;
    rcr_error graph_error;
    int32_t n_edges;
} facts;

static void look(facts *f, const char *path, const rcr_crystal *crystal, double tolerance,
                 const rcr_graph_options *options) {
    memset(f, 0, sizeof *f);
    f->crystal = crystal;
    f->path = path;
    rcr_lattice_parameters(f->lengths, f->angles, (const double(*)[3])crystal->lattice);
    f->volume = fabs(rcr_lattice_volume((const double(*)[3])crystal->lattice));
    rcr_composition(f->amount, crystal);
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) f->n_atoms += f->amount[z];
    memcpy(f->reduced, f->amount, sizeof f->reduced);
    f->n_formulas = rcr_composition_reduce(f->reduced);
    if (rcr_guarded_spacegroup(&f->group, crystal, tolerance, &f->group_error) != RCR_OK) f->group = NULL;
    f->pair_status = rcr_crystal_shortest(&f->pair, crystal, &f->pair_error);
    for (int32_t i = 0; i < crystal->n_sites && crystal->species_offset != NULL; i++) {
        int32_t k = crystal->species_offset[i];
        f->n_disordered += crystal->species_offset[i + 1] - k > 1 || crystal->species_occupancy[k] < 1;
    }
    rcr_graph *graph = NULL;
    f->graph_status = rcr_graph_build(&graph, crystal, options, &f->graph_error);
    if (f->graph_status == RCR_OK) f->n_edges = graph->n_edges;
    rcr_graph_free(graph);
}

/* ---- warnings, each a line without its end */

static void put_warnings(rcr_text *out, const facts *f, const char *lead, const char *end) {
    const rcr_crystal *c = f->crystal;
#define WARN(...) (rcr_text_puts(out, lead), rcr_text_printf(out, __VA_ARGS__), rcr_text_puts(out, end))
    if (f->pair_status == RCR_OK && f->pair.distance < NEAR && f->pair.first != f->pair.second)
        WARN("sites %d and %d are %.3f A apart, nearer than %.1f A: one atom listed twice, or one that is disordered?",
             f->pair.first, f->pair.second, f->pair.distance, NEAR);
    if (f->pair_status == RCR_OK && f->pair.distance < NEAR && f->pair.first == f->pair.second)
        WARN("the cell is so short that site %d is %.3f A from its own image", f->pair.first, f->pair.distance);
    if (f->pair_status != RCR_OK) WARN("%s", f->pair_error.message);
    if (f->volume < SMALL_VOLUME * f->n_atoms)
        WARN("%.3g A^3 for each atom is less than %g A^3: is the cell in angstrom, are atoms listed twice?",
             f->volume / f->n_atoms, SMALL_VOLUME);
    if (f->volume > LARGE_VOLUME * f->n_atoms)
        WARN("%.4g A^3 for each atom is more than %g A^3: a molecule or a slab in a box, or atoms that are missing?",
             f->volume / f->n_atoms, LARGE_VOLUME);
    for (int z = LAST_KNOWN + 1; z <= RCR_MAX_ATOMIC_NUMBER; z++)
        if (f->amount[z] > 0)
            WARN("%s is not in CGCNN's table of elements, which ends at %s: most models refuse it",
                 rcr_element_symbol(z), rcr_element_symbol(LAST_KNOWN));
    if (f->n_disordered > 0)
        WARN("%d of %d sites are disordered: models take such a crystal only with --disorder average", f->n_disordered,
             c->n_sites);
    if (f->graph_status != RCR_OK && f->n_disordered == 0) WARN("no graph: %s", f->graph_error.message);
#undef WARN
}

/* ---- text */

static void put_group(rcr_text *out, const facts *f) {
    const rcr_spacegroup *g = f->group;
    if (g == NULL) {
        rcr_text_printf(out, "symmetry   unknown: %s\n", f->group_error.message);
        return;
    }
    rcr_text_printf(out, "symmetry   %s, number %d, Hall %s; %s, point group %s; tolerance %g A\n", g->symbol,
                    g->number, g->hall, g->system, g->point_group, g->tolerance);
    rcr_text_printf(out, "           %d site%s in the conventional cell\n", g->n_conventional,
                    g->n_conventional == 1 ? "" : "s");
}

static void put_composition(rcr_text *out, const facts *f) {
    char number[32];
    rcr_text_puts(out, "formula    ");
    rcr_formula(out, f->reduced);
    if (f->n_formulas > 1) rcr_text_printf(out, ", %s times in the cell", rcr_format_double(number, f->n_formulas));
    rcr_text_puts(out, "\natoms     ");
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (!(f->amount[z] > 0)) continue;
        double share = nearbyint(f->amount[z] * 1e4) / 1e4;
        rcr_text_printf(out, " %s %s", rcr_element_symbol(z),
                        rcr_format_double(number, share > 0 ? share : f->amount[z]));
    }
    double vacant = f->crystal->n_sites - f->n_atoms;
    if (vacant > 1e-4) rcr_text_printf(out, "; vacant %s", rcr_format_double(number, nearbyint(vacant * 1e4) / 1e4));
    rcr_text_puts(out, "\n");
}

static void put_sites(rcr_text *out, const facts *f) {
    const rcr_crystal *c = f->crystal;
    int wide = 7;
    char site[96], position[16];
    for (int32_t i = 0; i < c->n_sites && i < MAX_SHOWN_SITES; i++) {
        int n = (int)strlen(rcr_crystal_describe_site(site, sizeof site, c, i));
        if (n > wide) wide = n;
    }
    rcr_text_printf(out, "\n site  %-*s  %s%10s %10s %10s\n", wide, "element",
                    f->group != NULL ? "Wyckoff  symmetry  " : "", "x/a", "y/b", "z/c");
    for (int32_t i = 0; i < c->n_sites && i < MAX_SHOWN_SITES; i++) {
        rcr_text_printf(out, "%5d  %-*s  ", i, wide, rcr_crystal_describe_site(site, sizeof site, c, i));
        if (f->group != NULL) {
            snprintf(position, sizeof position, "%d%c", f->group->multiplicity[i], f->group->wyckoff[i]);
            rcr_text_printf(out, "%-7s  %-8s  ", position, f->group->site_symmetry[i]);
        }
        rcr_text_printf(out, "%10.6f %10.6f %10.6f\n", c->frac[i][0], c->frac[i][1], c->frac[i][2]);
    }
    if (c->n_sites > MAX_SHOWN_SITES)
        rcr_text_printf(out, "  ...  %d more; --json shows all\n", c->n_sites - MAX_SHOWN_SITES);
}

static void put_text(rcr_text *out, const facts *f) {
    const rcr_crystal *c = f->crystal;
    rcr_text_printf(out, "structure  %s: ", c->id);
    rcr_formula(out, f->amount);
    rcr_text_printf(out, ", %d site%s\n", c->n_sites, c->n_sites == 1 ? "" : "s");
    put_composition(out, f);
    rcr_text_printf(out, "cell       a %.4f, b %.4f, c %.4f A; alpha %.3f, beta %.3f, gamma %.3f degrees\n",
                    f->lengths[0], f->lengths[1], f->lengths[2], f->angles[0], f->angles[1], f->angles[2]);
    rcr_text_printf(out, "volume     %.3f A^3, %.3f A^3/atom; density %.4f g/cm^3\n", f->volume, f->volume / f->n_atoms,
                    rcr_density(f->amount, f->volume));
    put_group(out, f);
    if (f->pair_status == RCR_OK)
        rcr_text_printf(out, "shortest   %.4f A, between %s%d and %s%d%s\n", f->pair.distance,
                        rcr_element_symbol(c->atomic_number[f->pair.first]), f->pair.first,
                        rcr_element_symbol(c->atomic_number[f->pair.second]), f->pair.second,
                        f->pair.first == f->pair.second ? ", an image of it" : "");
    if (f->graph_status == RCR_OK) {
        rcr_text_printf(out, "graph      %d edges; recryst graph ", f->n_edges);
        rcr_shell_word(out, f->path);
        rcr_text_puts(out, " shows them\n");
    }
    put_warnings(out, f, "warning    ", "\n");
    put_sites(out, f);
}

/* ---- JSON */

static void put_numbers(rcr_text *out, const char *key, const double *value, int n) {
    rcr_text_printf(out, "\"%s\": [", key);
    for (int i = 0; i < n; i++) {
        rcr_text_puts(out, i > 0 ? ", " : "");
        rcr_json_number(out, value[i]);
    }
    rcr_text_puts(out, "]");
}

static void put_key_string(rcr_text *out, const char *key, const char *value) {
    rcr_text_printf(out, "\"%s\": ", key);
    rcr_json_string(out, value);
}

static void put_json_site(rcr_text *out, const facts *f, int32_t i) {
    const rcr_crystal *c = f->crystal;
    rcr_text_puts(out, "{\"species\": {");
    if (c->species_offset == NULL)
        rcr_text_printf(out, "\"%s\": 1", rcr_element_symbol(c->atomic_number[i]));
    else
        for (int32_t k = c->species_offset[i]; k < c->species_offset[i + 1]; k++) {
            rcr_text_printf(out, "%s\"%s\": ", k > c->species_offset[i] ? ", " : "",
                            rcr_element_symbol(c->species_number[k]));
            rcr_json_number(out, c->species_occupancy[k]);
        }
    rcr_text_puts(out, "}, ");
    put_numbers(out, "frac", c->frac[i], 3);
    if (f->group != NULL) {
        rcr_text_printf(out, ", \"wyckoff\": \"%c\", \"multiplicity\": %d, ", f->group->wyckoff[i],
                        f->group->multiplicity[i]);
        put_key_string(out, "site_symmetry", f->group->site_symmetry[i]);
        rcr_text_printf(out, ", \"orbit\": %d", f->group->orbit[i]);
    }
    rcr_text_puts(out, "}");
}

static void put_json_group(rcr_text *out, const facts *f) {
    const rcr_spacegroup *g = f->group;
    if (g == NULL) {
        rcr_text_puts(out, " \"space_group\": null,\n ");
        put_key_string(out, "space_group_error", f->group_error.message);
    } else {
        rcr_text_printf(out, " \"space_group\": {\"number\": %d, ", g->number);
        put_key_string(out, "symbol", g->symbol);
        rcr_text_puts(out, ", ");
        put_key_string(out, "hall", g->hall);
        rcr_text_printf(out, ", \"hall_number\": %d, ", g->hall_number);
        put_key_string(out, "point_group", g->point_group);
        rcr_text_printf(out, ", \"crystal_system\": \"%s\", \"tolerance\": ", g->system);
        rcr_json_number(out, g->tolerance);
        rcr_text_printf(out, ", \"conventional_sites\": %d}", g->n_conventional);
    }
    rcr_text_puts(out, ",\n");
}

static void put_json(rcr_text *out, const facts *f) {
    const rcr_crystal *c = f->crystal;
    rcr_text formula = {0}, warnings = {0};
    rcr_text_puts(out, "{");
    put_key_string(out, "id", c->id);
    rcr_text_puts(out, ", ");
    put_key_string(out, "file", f->path);
    rcr_formula(&formula, f->reduced);
    out->failed |= formula.failed;
    rcr_text_printf(out, ",\n \"formula\": \"%s\", \"formulas_in_cell\": ", formula.data != NULL ? formula.data : "");
    rcr_json_number(out, f->n_formulas);
    rcr_text_puts(out, ",\n \"composition\": {");
    int first = 1;
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (!(f->amount[z] > 0)) continue;
        rcr_text_printf(out, "%s\"%s\": ", first ? "" : ", ", rcr_element_symbol(z));
        rcr_json_number(out, f->amount[z]);
        first = 0;
    }
    rcr_text_puts(out, "},\n ");
    put_numbers(out, "lengths", f->lengths, 3);
    rcr_text_puts(out, ", ");
    put_numbers(out, "angles", f->angles, 3);
    rcr_text_puts(out, ",\n \"lattice\": [");
    for (int i = 0; i < 9; i++) {
        rcr_text_puts(out, i == 0 ? "[" : i % 3 == 0 ? "], [" : ", ");
        rcr_json_number(out, c->lattice[i / 3][i % 3]);
    }
    rcr_text_puts(out, "]],\n \"volume\": ");
    rcr_json_number(out, f->volume);
    rcr_text_puts(out, ", \"density\": ");
    rcr_json_number(out, rcr_density(f->amount, f->volume));
    rcr_text_puts(out, ",\n");
    put_json_group(out, f);
    if (f->pair_status == RCR_OK) {
        rcr_text_puts(out, " \"shortest\": {\"distance\": ");
        rcr_json_number(out, f->pair.distance);
        rcr_text_printf(out, ", \"sites\": [%d, %d]},\n", f->pair.first, f->pair.second);
    }
    if (f->graph_status == RCR_OK) rcr_text_printf(out, " \"n_edges\": %d,\n", f->n_edges);
    put_warnings(&warnings, f, "", "\n");
    out->failed |= warnings.failed;
    rcr_text_puts(out, " \"warnings\": [");
    for (char *line = warnings.data, *end; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        rcr_text_puts(out, line != warnings.data ? ", " : "");
        rcr_json_string(out, line);
    }
    rcr_text_printf(out, "],\n \"n_sites\": %d,\n \"sites\": [", c->n_sites);
    for (int32_t i = 0; i < c->n_sites; i++) {
        rcr_text_puts(out, i > 0 ? ",\n  " : "\n  ");
        put_json_site(out, f, i);
    }
    rcr_text_puts(out, "]}\n");
    rcr_text_free(&formula);
    rcr_text_free(&warnings);
}

void rcr_info_structure(rcr_text *out, const char *path, const rcr_crystal *crystal, double tolerance, int json,
                        const rcr_graph_options *options) {
    facts f;
    look(&f, path, crystal, tolerance, options);
    if (json)
        put_json(out, &f);
    else
        put_text(out, &f);
    rcr_spacegroup_free(f.group);
}
