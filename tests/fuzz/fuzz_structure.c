#include "fuzz/parser.h"

#include "io/structure.h"

/* Telling the format, unpacking, UTF-16, and whatever parser follows.  The first byte chooses the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"", "a.cif", "a.xyz", "POSCAR", "geometry.in", "a.json", "a.cif.gz", "a"};
    if (size == 0) return 0;
    return fuzz_parse(rcr_structure_parse, names[data[0] % (sizeof names / sizeof *names)], (const char *)data + 1,
                      size - 1);
}
