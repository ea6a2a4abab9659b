#include "fuzz/parser.h"

#include "io/aims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_aims_looks_like((const char *)data, size);
    return fuzz_parse(rcr_aims_parse, "fuzz", (const char *)data, size);
}
