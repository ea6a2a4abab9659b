#include "fuzz/fuzz.h"

#include "crystal/crystal.h"
#include "io/json_structure.h"

/* One line of a stream: a crystal that passes its check, or an error with its line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_crystal *crystal = NULL;
    rcr_error err;
    rcr_status status = rcr_json_structure_parse(&crystal, (const char *)data, size, 7, &err);
    if (status != RCR_OK) {
        if (crystal != NULL) return fuzz_fail("a failed parse made a crystal");
        if (err.line != 7 || err.message[0] == '\0') return fuzz_fail("an error without its place or reason");
        return 0;
    }
    if (rcr_crystal_check(crystal, &err) != RCR_OK) return fuzz_fail("a crystal does not pass its check");
    rcr_crystal_free(crystal);
    return 0;
}
