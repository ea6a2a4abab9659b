#include "fuzz/fuzz.h"

#include <string.h>

#include "crystal/crystal.h"
#include "io/aims.h"

/* Whatever the bytes: either a crystal that passes the check, or an error with a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_crystal *crystal = NULL;
    rcr_error err;
    memset(&err, 0, sizeof err);
    rcr_aims_looks_like((const char *)data, size);
    rcr_status status = rcr_aims_parse(&crystal, "fuzz", (const char *)data, size, &err);
    if (status != RCR_OK) {
        if (crystal != NULL) return fuzz_fail("a failed parse made a crystal");
        if (err.status != status || err.message[0] == '\0') return fuzz_fail("a failed parse says nothing");
        return 0;
    }
    if (rcr_crystal_check(crystal, &err) != RCR_OK) return fuzz_fail("a crystal does not pass its check");
    rcr_crystal_free(crystal);
    return 0;
}
