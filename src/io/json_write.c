#include <math.h>
#include <string.h>

#include "base/json_text.h"
#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/transform.h"
#include "io/write.h"

static void put_vector(rcr_text *out, const double v[3]) {
    for (int k = 0; k < 3; k++) {
        rcr_text_puts(out, k > 0 ? ", " : "[");
        rcr_write_number(out, v[k]);
    }
    rcr_text_puts(out, "]");
}

static void put_lattice(rcr_text *out, const double lattice[3][3]) {
    static const char *const name[] = {"a", "b", "c", "alpha", "beta", "gamma"};
    double lengths[3], angles[3];
    rcr_text_puts(out, "{\"matrix\": [");
    for (int i = 0; i < 3; i++) {
        rcr_text_puts(out, i > 0 ? ", " : "");
        put_vector(out, lattice[i]);
    }
    rcr_text_puts(out, "], \"pbc\": [true, true, true]");
    rcr_lattice_parameters(lengths, angles, lattice);
    for (int i = 0; i < 6; i++) {
        rcr_text_printf(out, ", \"%s\": ", name[i]);
        rcr_write_number(out, i < 3 ? lengths[i] : angles[i - 3]);
    }
    rcr_text_puts(out, ", \"volume\": ");
    rcr_write_number(out, fabs(rcr_lattice_volume(lattice)));
    rcr_text_puts(out, "}");
}

/* A number where the value is one, else text. */
static void put_property(rcr_text *out, const rcr_property *property) {
    double value;
    rcr_json_string(out, property->key);
    rcr_text_puts(out, ": ");
    if (rcr_parse_double(&value, property->value, strlen(property->value)) && isfinite(value))
        rcr_write_number(out, value);
    else
        rcr_json_string(out, property->value);
}

static void put_species(rcr_text *out, const char *lead, int element, double occupancy) {
    rcr_text_printf(out, "%s{\"element\": \"%s\", \"occu\": ", lead, rcr_element_symbol(element));
    rcr_write_number(out, occupancy);
    rcr_text_puts(out, "}");
}

static void put_site(rcr_text *out, const rcr_crystal *crystal, int32_t i) {
    const double(*l)[3] = (const double(*)[3])crystal->lattice;
    double r[3];
    rcr_text_puts(out, "{\"species\": [");
    if (crystal->species_offset == NULL)
        put_species(out, "", crystal->atomic_number[i], 1);
    else
        for (int32_t k = crystal->species_offset[i]; k < crystal->species_offset[i + 1]; k++)
            put_species(out, k > crystal->species_offset[i] ? ", " : "", crystal->species_number[k],
                        crystal->species_occupancy[k]);
    const double *f = crystal->frac[i];
    for (int k = 0; k < 3; k++) r[k] = f[0] * l[0][k] + f[1] * l[1][k] + f[2] * l[2][k];
    rcr_text_puts(out, "], \"abc\": ");
    put_vector(out, f);
    rcr_text_puts(out, ", \"xyz\": ");
    put_vector(out, r);
    rcr_text_printf(out, ", \"properties\": {}, \"label\": \"%s\"}", rcr_element_symbol(crystal->atomic_number[i]));
}

rcr_status rcr_json_write(rcr_text *out, const rcr_crystal *crystal, const rcr_property *property, size_t n_properties,
                          rcr_error *err) {
    size_t length = out->length;
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status != RCR_OK) return status;
    rcr_text_puts(out, "{\"@module\": \"pymatgen.core.structure\", \"@class\": \"Structure\", \"id\": ");
    rcr_json_string(out, crystal->id);
    rcr_text_puts(out, ", \"charge\": 0, \"lattice\": ");
    put_lattice(out, (const double(*)[3])crystal->lattice);
    rcr_text_puts(out, ", \"properties\": {");
    for (size_t k = 0; k < n_properties; k++) {
        rcr_text_puts(out, k > 0 ? ", " : "");
        put_property(out, &property[k]);
    }
    rcr_text_puts(out, "}, \"sites\": [");
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        rcr_text_puts(out, i > 0 ? ", " : "");
        put_site(out, crystal, i);
    }
    rcr_text_puts(out, "]}\n");
    return rcr_write_end(out, length, RCR_OK, err);
}
