#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
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

/* Whether a number would be written as other text than this: 007, or more digits than a double holds.  Such are names,
 * not amounts. */
static int changes_as_number(const char *text) {
    text += *text == '-' || *text == '+';
    size_t digits = strspn(text, "0123456789");
    return (text[0] == '0' && digits > 1) || (digits > 15 && text[digits] == '\0');
}

/* A number, true or false where the value is one, else text.  A text that was in quotes in its file is none the less a
 * number or a truth value, as for --target. */
static void put_property(rcr_text *out, const rcr_property *property) {
    double value;
    rcr_json_string(out, property->key);
    rcr_text_puts(out, ": ");
    if (strcmp(property->value, "true") == 0 || strcmp(property->value, "false") == 0)
        rcr_text_puts(out, property->value);
    else if (!changes_as_number(property->value) &&
             rcr_parse_double(&value, property->value, strlen(property->value)) && isfinite(value))
        rcr_write_number(out, value);
    else
        rcr_json_string(out, property->value);
}

static int by_key(const void *a, const void *b) {
    const rcr_property *p = *(const rcr_property *const *)a, *q = *(const rcr_property *const *)b;
    int order = strcmp(p->key, q->key);
    return order != 0 ? order : (p > q) - (p < q);
}

static int by_place(const void *a, const void *b) {
    const rcr_property *p = *(const rcr_property *const *)a, *q = *(const rcr_property *const *)b;
    return (p > q) - (p < q);
}

/* The properties in their order; of a key that is repeated the first counts, as JSON can't hold it twice. */
static rcr_status put_properties(rcr_text *out, const rcr_property *property, size_t n, rcr_error *err) {
    const rcr_property **sorted = rcr_malloc(n > 0 ? n : 1, sizeof *sorted);
    if (sorted == NULL) return rcr_fail_memory(err, "writing a structure");
    for (size_t k = 0; k < n; k++) sorted[k] = &property[k];
    qsort(sorted, n, sizeof *sorted, by_key);
    size_t m = 0;
    for (size_t k = 0; k < n; k++)
        if (m == 0 || strcmp(sorted[m - 1]->key, sorted[k]->key) != 0) sorted[m++] = sorted[k];
    qsort(sorted, m, sizeof *sorted, by_place);
    for (size_t k = 0; k < m; k++) {
        rcr_text_puts(out, k > 0 ? ", " : "");
        put_property(out, sorted[k]);
    }
    rcr_free(sorted);
    return RCR_OK;
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
    status = put_properties(out, property, n_properties, err);
    rcr_text_puts(out, "}, \"sites\": [");
    for (int32_t i = 0; status == RCR_OK && i < crystal->n_sites; i++) {
        rcr_text_puts(out, i > 0 ? ", " : "");
        put_site(out, crystal, i);
    }
    rcr_text_puts(out, "]}\n");
    return rcr_write_end(out, length, status, err);
}
