#include "fuzz/reader.h"

#include "io/reader_parts.h"

/* pymatgen's lists and entries, tables of pandas and Matbench, JSON lines: the scan that cuts them, and the rows. (What
 * is packed is libarchive's to unpack: fuzz_archive.) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!rcr_looks_like_json((const char *)data, size)) return 0;
    return fuzz_reader("matbench_x.json", data, size);
}
