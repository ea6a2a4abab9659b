#include <math.h>
#include <string.h>

#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/formula.h"
#include "crystal/transform.h"
#include "io/cif.h"
#include "io/write.h"

/* data_NAME: letters, digits and marks that no program stumbles at; CIF 1.1 allows 75 characters. */
static void put_name(rcr_text *out, const char *id) {
    rcr_text_puts(out, "data_");
    size_t n = 0;
    for (; id[n] != '\0' && n < 70; n++) {
        char c = id[n];
        int plain = rcr_is_alpha((unsigned char)c) || rcr_is_digit((unsigned char)c) ||
                    (c > ' ' && strchr("-_.+()[]:=", c) != NULL);
        rcr_text_append(out, plain ? &c : "_", 1);
    }
    rcr_text_puts(out, n > 0 ? "\n" : "crystal\n");
}

static void put_cell(rcr_text *out, const double lattice[3][3]) {
    static const char *const length_name[] = {"a", "b", "c"}, *const angle_name[] = {"alpha", "beta", "gamma"};
    double lengths[3], angles[3];
    rcr_lattice_parameters(lengths, angles, lattice);
    for (int i = 0; i < 6; i++) {
        rcr_text_printf(out, "_cell_%s_%s ", i < 3 ? "length" : "angle", i < 3 ? length_name[i] : angle_name[i - 3]);
        rcr_write_number(out, i < 3 ? lengths[i] : angles[i - 3]);
        rcr_text_puts(out, "\n");
    }
    rcr_text_puts(out, "_cell_volume ");
    rcr_write_number(out, rcr_lattice_volume(lattice));
    rcr_text_puts(out, "\n");
}

/* 'Cl4 Na4' */
static void put_formula(rcr_text *out, const rcr_crystal *crystal) {
    double amount[RCR_MAX_ATOMIC_NUMBER + 1];
    rcr_text formula = {0};
    rcr_composition(amount, crystal);
    rcr_formula(&formula, amount);
    out->failed |= formula.failed;
    rcr_text_puts(out, "_chemical_formula_sum '");
    for (size_t i = 0; i < formula.length; i++) {
        char c = formula.data[i];
        if (i > 0 && c >= 'A' && c <= 'Z') rcr_text_puts(out, " ");
        rcr_text_append(out, &c, 1);
    }
    rcr_text_puts(out, "'\n");
    rcr_text_free(&formula);
}

/* Readers take a short 0.3333 for 1/3 (cif.h), so what is near a third but no rounded third gets zeros at its end. */
static void put_coordinate(rcr_text *out, double x) {
    size_t length = out->length;
    rcr_write_number(out, x);
    if (fabs(x * 3 - 1) > 1e-3 && fabs(x * 1.5 - 1) > 1e-3) return;
    while (out->length - length < RCR_CIF_EXACT_LENGTH && !out->failed) rcr_text_puts(out, "0");
}

static void put_site(rcr_text *out, int element, int32_t number, const double frac[3], double sign, double occupancy) {
    const char *symbol = rcr_element_symbol(element);
    rcr_text_printf(out, "%s%d %s", symbol, number, symbol);
    for (int k = 0; k < 3; k++) {
        rcr_text_puts(out, " ");
        put_coordinate(out, frac[k] != 0 ? sign * frac[k] : 0);
    }
    rcr_text_puts(out, " ");
    rcr_write_number(out, occupancy);
    rcr_text_puts(out, "\n");
}

rcr_status rcr_cif_write(rcr_text *out, const rcr_crystal *crystal, rcr_error *err) {
    size_t length = out->length;
    double lattice[3][3];
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status != RCR_OK) return status;
    double sign = rcr_write_right_handed(lattice, crystal) ? -1 : 1;
    put_name(out, crystal->id);
    put_cell(out, (const double(*)[3])lattice);
    put_formula(out, crystal);
    rcr_text_puts(out, "_space_group_name_H-M_alt 'P 1'\n"
                       "_space_group_IT_number 1\n"
                       "loop_\n"
                       "_space_group_symop_operation_xyz\n"
                       "'x, y, z'\n"
                       "loop_\n"
                       "_atom_site_label\n"
                       "_atom_site_type_symbol\n"
                       "_atom_site_fract_x\n"
                       "_atom_site_fract_y\n"
                       "_atom_site_fract_z\n"
                       "_atom_site_occupancy\n");
    int32_t number[RCR_MAX_ATOMIC_NUMBER + 1] = {0};
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        if (crystal->species_offset == NULL) {
            int z = crystal->atomic_number[i];
            put_site(out, z, ++number[z], crystal->frac[i], sign, 1);
            continue;
        }
        for (int32_t k = crystal->species_offset[i]; k < crystal->species_offset[i + 1]; k++) {
            int z = crystal->species_number[k];
            put_site(out, z, ++number[z], crystal->frac[i], sign, crystal->species_occupancy[k]);
        }
    }
    return rcr_write_end(out, length, RCR_OK, err);
}
