/* Prints crystals for tests/peers/compare.py: for each file named on standard input one line of text:
 *     FILE \t ok \t 9 lattice components \t n \t species x y z ...        or
 *     FILE \t STATUS \t line \t message
 * species: Fe, or Fe:0.5+Ni:0.25 for a disordered site. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "crystal/element.h"
#include "recryst.h"

static void print_species(const rcr_crystal *crystal, int32_t i) {
    char number[32];
    if (crystal->species_offset == NULL) {
        printf("%s", rcr_element_symbol(crystal->atomic_number[i]));
        return;
    }
    for (int32_t k = crystal->species_offset[i]; k < crystal->species_offset[i + 1]; k++)
        printf("%s%s:%s", k > crystal->species_offset[i] ? "+" : "", rcr_element_symbol(crystal->species_number[k]),
               rcr_format_double(number, crystal->species_occupancy[k]));
}

int main(void) {
    char path[4096], number[32];
    while (fgets(path, sizeof path, stdin) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        rcr_crystal *crystal;
        rcr_error err;
        rcr_status status = rcr_crystal_read(&crystal, path, &err);
        if (status != RCR_OK) {
            printf("%s\t%s\t%ld\t%s\n", path, rcr_status_name(status), err.line, err.message);
            continue;
        }
        printf("%s\tok\t", path);
        for (int i = 0; i < 9; i++)
            printf("%s%s", i > 0 ? " " : "", rcr_format_double(number, crystal->lattice[i / 3][i % 3]));
        printf("\t%d\t", (int)crystal->n_sites);
        for (int32_t i = 0; i < crystal->n_sites; i++) {
            printf("%s", i > 0 ? " " : "");
            print_species(crystal, i);
            for (int j = 0; j < 3; j++) printf(" %s", rcr_format_double(number, crystal->frac[i][j]));
        }
        printf("\n");
        rcr_crystal_free(crystal);
    }
    return 0;
}
