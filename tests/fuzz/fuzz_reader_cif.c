#include "fuzz/reader.h"

/* CIFs of several data blocks. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return fuzz_reader("x.cif", data, size); }
