#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "crystal/crystal.h"
#include "crystal/species.h"
#include "io/structure.h"
#include "io/write.h"

/* Fractions apart by no more than rounding, whole cells aside; far positions have few digits left. */
static int same_position(const double a[3], const double b[3]) {
    for (int i = 0; i < 3; i++) {
        double d = a[i] - b[i];
        if (!(fabs(d - round(d)) <= 1e-9 + 1e-12 * fabs(a[i]))) return 0;
    }
    return 1;
}

/* What reads is written, unless the format has no place for it, and what was written reads as the same crystal.  A
 * POSCAR groups sites and a CIF turns cells round, so there only the number of sites is compared; and a CIF's reader
 * refuses cells that its angles can't tell from flat ones and merges atoms closer than 0.1 angstrom. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"a.cif", "POSCAR", "a.extxyz", "a.json"};
    rcr_crystal *crystal = NULL, *again;
    rcr_error err;
    if (rcr_structure_parse(&crystal, "", (const char *)data, size, &err) != RCR_OK) return 0;
    for (int format = RCR_WRITE_CIF; format <= RCR_WRITE_JSON; format++) {
        rcr_text text = {0};
        rcr_status status = rcr_crystal_write(&text, (rcr_write_format)format, crystal, NULL, 0, &err);
        if (status != RCR_OK) {
            if (err.message[0] == '\0') return fuzz_fail("a failed write says nothing");
            if (text.length != 0) return fuzz_fail("a failed write left text");
            rcr_text_free(&text);
            continue;
        }
        status = rcr_structure_parse(&again, names[format], text.data, text.length, &err);
        if (status != RCR_OK && format != RCR_WRITE_CIF) {
            fprintf(stderr, "%s: %s\n%.*s\n", names[format], err.message, (int)text.length, text.data);
            return fuzz_fail("what was written does not read");
        }
        if (status == RCR_OK) {
            if (format != RCR_WRITE_CIF && again->n_sites != crystal->n_sites) return fuzz_fail("sites got lost");
            for (int32_t i = 0; format >= RCR_WRITE_EXTXYZ && i < crystal->n_sites; i++) {
                if (again->atomic_number[i] != crystal->atomic_number[i]) return fuzz_fail("another element");
                if (format == RCR_WRITE_JSON && !same_position(crystal->frac[i], again->frac[i]))
                    return fuzz_fail("another position");
            }
            rcr_crystal_free(again);
        }
        rcr_text_free(&text);
    }
    rcr_crystal_free(crystal);
    return 0;
}
