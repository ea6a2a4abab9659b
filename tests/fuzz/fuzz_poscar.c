#include "fuzz/parser.h"

#include "io/poscar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_poscar_looks_like((const char *)data, size);
    return fuzz_parse(rcr_poscar_parse, "fuzz", (const char *)data, size);
}
