#include "fuzz/fuzz.h"

#include <string.h>

#include "crystal/crystal.h"
#include "io/structure.h"

/* Telling the format, unpacking, UTF-16, and whatever parser follows.  The first byte chooses the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"", "a.cif", "a.xyz", "POSCAR", "geometry.in", "a.json", "a.cif.gz", "a"};
    if (size == 0) return 0;
    const char *name = names[data[0] % (sizeof names / sizeof *names)], *text = (const char *)data + 1;
    rcr_crystal *crystal = NULL;
    rcr_error err;
    memset(&err, 0, sizeof err);
    rcr_status status = rcr_structure_parse(&crystal, name, text, size - 1, &err);
    if (status != RCR_OK) {
        if (crystal != NULL) return fuzz_fail("a failed parse made a crystal");
        if (err.status != status || err.message[0] == '\0') return fuzz_fail("a failed parse says nothing");
        return 0;
    }
    if (rcr_crystal_check(crystal, &err) != RCR_OK) return fuzz_fail("a crystal does not pass its check");
    rcr_crystal_free(crystal);
    return 0;
}
