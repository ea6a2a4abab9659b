/* Prints crystals for tools/compare_readers.py: for each file named on standard input one line of JSON-free text:
 *     FILE \t ok \t 9 lattice components \t n \t symbol x y z ...        or
 *     FILE \t STATUS \t line \t message */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "crystal/element.h"
#include "recryst.h"

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
            printf("%s%s", i > 0 ? " " : "", rcr_element_symbol(crystal->atomic_number[i]));
            for (int j = 0; j < 3; j++) printf(" %s", rcr_format_double(number, crystal->frac[i][j]));
        }
        printf("\n");
        rcr_crystal_free(crystal);
    }
    return 0;
}
