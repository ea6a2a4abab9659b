#include "cli/describe.h"

#include <math.h>

#include "cli/graph_args.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/formula.h"

void rcr_describe_formula(rcr_text *out, const rcr_crystal *crystal) {
    double amount[RCR_MAX_ATOMIC_NUMBER + 1];
    char number[32];
    rcr_composition(amount, crystal);
    for (int z = 1; z <= RCR_MAX_ATOMIC_NUMBER; z++) {
        if (amount[z] == 0) continue;
        rcr_text_puts(out, rcr_element_symbol(z));
        if (amount[z] != 1) rcr_text_puts(out, rcr_format_double(number, round(amount[z] * 1e4) / 1e4));
    }
}

static double dot(const double a[3], const double b[3]) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/* The angle between two vectors, degrees. */
static double angle(const double a[3], const double b[3]) {
    double cosine = dot(a, b) / sqrt(dot(a, a) * dot(b, b));
    return acos(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine) * (180 / 3.14159265358979323846);
}

void rcr_describe_crystal(rcr_text *out, const rcr_crystal *crystal) {
    const double(*l)[3] = (const double(*)[3])crystal->lattice;
    rcr_text_printf(out, "structure  %s: ", crystal->id);
    rcr_describe_formula(out, crystal);
    rcr_text_printf(out, ", %d site%s\n", crystal->n_sites, crystal->n_sites == 1 ? "" : "s");
    rcr_text_printf(out, "cell       a %.4f, b %.4f, c %.4f A; alpha %.3f, beta %.3f, gamma %.3f degrees; ",
                    sqrt(dot(l[0], l[0])), sqrt(dot(l[1], l[1])), sqrt(dot(l[2], l[2])), angle(l[1], l[2]),
                    angle(l[0], l[2]), angle(l[0], l[1]));
    double volume = fabs(rcr_lattice_volume(l));
    rcr_text_printf(out, "%.3f A^3, %.3f A^3/atom\n", volume, volume / crystal->n_sites);
}

void rcr_describe_graph_options(rcr_text *out, const rcr_graph_options *o) {
    char radius[32], first[32], last[32], step[32];
    int32_t n = rcr_graph_options_n_gaussians(o);
    rcr_text_printf(out, "neighbors  at most %d within %s A%s%s\n", o->max_neighbors,
                    rcr_format_double(radius, o->radius), o->ties == RCR_TIES_KEEP ? ", tied shells kept whole" : "",
                    o->padding == RCR_PADDING_REFERENCE ? ", padded as in the reference program" : "");
    rcr_text_printf(out, "disorder   %s\n",
                    o->disorder == RCR_DISORDER_AVERAGE ? "average: the mean of a site's element vectors" : "refused");
    rcr_text_printf(out, "distances  %d Gaussians from %s to %s A, %s A apart\n", n, rcr_format_double(first, o->dmin),
                    rcr_format_double(last, round((o->dmin + (n - 1) * o->step) * 1e9) / 1e9),
                    rcr_format_double(step, o->step));
}
