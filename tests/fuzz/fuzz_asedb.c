#include "fuzz/reader.h"

#include "io/reader_parts.h"

/* ASE databases, in memory. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!rcr_looks_like_sqlite((const char *)data, size)) return 0;
    return fuzz_reader("x.db", data, size);
}
