#include <string.h>

#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"
#include "io/write.h"

/* A key or value, quoted where it must be.  The format's readers differ in what a backslash means, so quotes,
 * backslashes and control characters become '_'. */
static void put_item(rcr_text *out, const char *item) {
    int plain = item[0] != '\0';
    for (const char *c = item; *c != '\0' && plain; c++)
        plain = rcr_is_alpha((unsigned char)*c) || rcr_is_digit((unsigned char)*c) || strchr("-+._:/", *c) != NULL;
    if (!plain) rcr_text_puts(out, "\"");
    for (const char *c = item; *c != '\0'; c++)
        rcr_text_append(out, (unsigned char)*c < ' ' || strchr("\"'\\\x7f", *c) != NULL ? "_" : c, 1);
    if (!plain) rcr_text_puts(out, "\"");
}

/* 1 for the keys that the format itself or the id takes. */
static int is_reserved(const char *name) {
    static const char *const names[] = {"Lattice", "Properties", "pbc", "id"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return 1;
    return 0;
}

static void put_header(rcr_text *out, const rcr_crystal *crystal, const rcr_property *property, size_t n) {
    rcr_text_printf(out, "%d\nLattice=\"", crystal->n_sites);
    for (int i = 0; i < 9; i++) {
        rcr_text_puts(out, i > 0 ? " " : "");
        rcr_write_number(out, crystal->lattice[i / 3][i % 3]);
    }
    rcr_text_puts(out, "\" Properties=species:S:1:pos:R:3");
    if (crystal->id[0] != '\0') {
        rcr_text_puts(out, " id=");
        put_item(out, crystal->id);
    }
    for (size_t k = 0; k < n; k++) {
        if (property[k].key[0] == '\0') continue;
        rcr_text_puts(out, is_reserved(property[k].key) ? " properties." : " ");
        put_item(out, property[k].key);
        rcr_text_puts(out, "=");
        put_item(out, property[k].value);
    }
    rcr_text_puts(out, " pbc=\"T T T\"\n");
}

rcr_status rcr_extxyz_write(rcr_text *out, const rcr_crystal *crystal, const rcr_property *property,
                            size_t n_properties, rcr_error *err) {
    size_t length = out->length;
    rcr_status status = rcr_crystal_check(crystal, err);
    if (status == RCR_OK) status = rcr_write_check_ordered(crystal, "extended XYZ", err);
    if (status != RCR_OK) return status;
    put_header(out, crystal, property, n_properties);
    const double(*l)[3] = (const double(*)[3])crystal->lattice;
    for (int32_t i = 0; i < crystal->n_sites; i++) {
        const double *f = crystal->frac[i];
        rcr_text_puts(out, rcr_element_symbol(crystal->atomic_number[i]));
        for (int k = 0; k < 3; k++) {
            rcr_text_puts(out, " ");
            rcr_write_number(out, f[0] * l[0][k] + f[1] * l[1][k] + f[2] * l[2][k]);
        }
        rcr_text_puts(out, "\n");
    }
    return rcr_write_end(out, length, RCR_OK, err);
}
