#include <string.h>

#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "crystal/formula.h"
#include "io/write.h"

/* 1 where a first line that begins so could make a reader take the file for a CIF, JSON, a packed file or a number of
 * atoms. */
static int misleads(const char *id) {
    size_t n = strlen(id);
    int letter = rcr_is_alpha((unsigned char)id[0]), digits = 1;
    for (size_t i = 0; i < n; i++) digits &= rcr_is_digit((unsigned char)id[i]);
    return (!letter && !rcr_is_digit((unsigned char)id[0])) || digits || strncmp(id, "BZh", 3) == 0 ||
           (n >= 5 && rcr_equals_ignore_case(id, 5, "data_"));
}

/* The id on one line; the formula where there is none, or before one that would mislead. */
static void put_comment(rcr_text *out, const rcr_crystal *crystal) {
    if (misleads(crystal->id)) {
        double amount[RCR_MAX_ATOMIC_NUMBER + 1];
        rcr_composition(amount, crystal);
        rcr_formula(out, amount);
        rcr_text_puts(out, crystal->id[0] != '\0' ? " " : "");
    }
    for (const char *c = crystal->id; *c != '\0'; c++)
        rcr_text_append(out, (unsigned char)*c >= ' ' && *c != 0x7f ? c : "_", 1);
    rcr_text_puts(out, "\n1\n");
}

static void put_vector(rcr_text *out, const double v[3], double sign) {
    for (int k = 0; k < 3; k++) {
        rcr_text_puts(out, k > 0 ? " " : "");
        rcr_write_number(out, v[k] != 0 ? sign * v[k] : 0);
    }
    rcr_text_puts(out, "\n");
}

rcr_status rcr_poscar_write(rcr_text *out, const rcr_crystal *crystal, rcr_error *err) {
    size_t length = out->length;
    double lattice[3][3];
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status == RCR_OK) status = rcr_write_check_ordered(crystal, "POSCAR", err);
    if (status != RCR_OK) return status;
    double sign = rcr_write_right_handed(lattice, crystal) ? -1 : 1;
    put_comment(out, crystal);
    for (int i = 0; i < 3; i++) put_vector(out, lattice[i], 1);
    int n_elements = 0, element[RCR_MAX_ATOMIC_NUMBER + 1];
    int32_t count[RCR_MAX_ATOMIC_NUMBER + 1] = {0};
    for (int32_t i = 0; i < crystal->n_sites; i++)
        if (count[crystal->atomic_number[i]]++ == 0) element[n_elements++] = crystal->atomic_number[i];
    for (int k = 0; k < n_elements; k++) rcr_text_printf(out, "%s%s", k > 0 ? " " : "", rcr_element_symbol(element[k]));
    rcr_text_puts(out, "\n");
    for (int k = 0; k < n_elements; k++) rcr_text_printf(out, "%s%d", k > 0 ? " " : "", count[element[k]]);
    rcr_text_puts(out, "\nDirect\n");
    for (int k = 0; k < n_elements; k++)
        for (int32_t i = 0; i < crystal->n_sites; i++)
            if (crystal->atomic_number[i] == element[k]) put_vector(out, crystal->frac[i], sign);
    return rcr_write_end(out, length, RCR_OK, err);
}
