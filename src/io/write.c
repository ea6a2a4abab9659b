#include "io/write.h"

#include <string.h>

#include "base/status.h"
#include "crystal/crystal.h"
#include "crystal/element.h"

rcr_status rcr_crystal_write(rcr_text *out, rcr_write_format format, const rcr_crystal *crystal,
                             const rcr_property *property, size_t n_properties, rcr_error *err) {
    switch (format) {
    case RCR_WRITE_CIF: return rcr_cif_write(out, crystal, err);
    case RCR_WRITE_POSCAR: return rcr_poscar_write(out, crystal, err);
    case RCR_WRITE_EXTXYZ: return rcr_extxyz_write(out, crystal, property, n_properties, err);
    case RCR_WRITE_JSON: return rcr_json_write(out, crystal, property, n_properties, err);
    }
    return rcr_fail(err, RCR_ERR_ARGUMENT, "no such format to write");
}

rcr_status rcr_write_check_ordered(const rcr_crystal *crystal, const char *format, rcr_error *err) {
    char site[96];
    int32_t i = rcr_crystal_first_disordered(crystal);
    if (i < 0) return RCR_OK;
    return rcr_fail(err, RCR_ERR_UNSUPPORTED, "site %d is disordered (%s); %s has no place for that, write CIF or JSON",
                    i + 1, rcr_crystal_describe_site(site, sizeof site, crystal, i), format);
}

void rcr_write_number(rcr_text *out, double value) {
    char number[32];
    rcr_text_puts(out, rcr_format_double(number, value));
}

int rcr_write_right_handed(double lattice[3][3], const rcr_crystal *crystal) {
    memcpy(lattice, crystal->lattice, sizeof crystal->lattice);
    if (!(rcr_lattice_volume((const double(*)[3])lattice) < 0)) return 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            if (lattice[i][j] != 0) lattice[i][j] = -lattice[i][j]; /* no -0 */
    return 1;
}

rcr_status rcr_write_end(rcr_text *out, size_t length, rcr_status status, rcr_error *err) {
    if (status == RCR_OK && out->failed) status = rcr_fail_memory(err, "writing a crystal");
    if (status != RCR_OK && out->data != NULL && out->length > length) {
        out->length = length;
        out->data[length] = '\0';
    }
    return status;
}
