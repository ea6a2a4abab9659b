#include "fuzz/parser.h"

#include "io/cif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_parse(rcr_cif_parse, "fuzz", (const char *)data, size);
}
