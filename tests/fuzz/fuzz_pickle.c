/* The pickle machine on its own, without a container's checksums before it. */
#include "fuzz/fuzz.h"

#include "base/mem.h"
#include "exchange/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_pickle *pickle = NULL;
    rcr_error err;
    size_t consumed = 0;
    char *json = NULL;
    if (rcr_pickle_parse(&pickle, &consumed, data, size, &err) != RCR_OK) return 0;
    if (consumed > size) fuzz_fail("more was read than there is");
    if (rcr_py_json(&json, rcr_pickle_root(pickle), &err) != RCR_OK) fuzz_fail("no JSON of a value");
    rcr_free(json);
    rcr_pickle_free(pickle);
    return 0;
}
