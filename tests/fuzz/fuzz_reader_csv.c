#include "fuzz/reader.h"

#include "io/reader_parts.h"

/* CSV whose cells hold structures. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (rcr_looks_like_structure_csv((const char *)data, size) != 1) return 0;
    return fuzz_reader("x.csv", data, size);
}
