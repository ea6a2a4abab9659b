#include "fuzz/fuzz.h"

#include "crystal/crystal.h"
#include "io/reader_parts.h"

/* The attributes of one OPTIMADE structure. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_error err = {.status = RCR_OK};
    json_t *object = NULL;
    if (rcr_json_load(&object, (const char *)data, size, 1, &err) != RCR_OK)
        return err.message[0] != '\0' ? 0 : fuzz_fail("an error without its reason");
    rcr_crystal *crystal = NULL;
    rcr_status status = rcr_optimade_structure(&crystal, object, &err);
    json_decref(object);
    if ((status == RCR_OK) != (crystal != NULL)) return fuzz_fail("neither a crystal nor an error, or both");
    if (crystal != NULL && rcr_crystal_check(crystal, &err) != RCR_OK)
        return fuzz_fail("a crystal does not pass its check");
    if (status != RCR_OK && (err.status != status || err.message[0] == '\0'))
        return fuzz_fail("an error without its reason");
    rcr_crystal_free(crystal);
    return 0;
}
