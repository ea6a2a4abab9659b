#include "fuzz/fuzz.h"

#include <string.h>

#include "crystal/crystal.h"
#include "io/extxyz.h"

/* Frames as a dataset reads them: each takes bytes, or the file ends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data;
    size_t at = 0, total = 0;
    while (at < size) {
        rcr_crystal *crystal = NULL;
        rcr_extxyz_info infos[8];
        rcr_error err;
        size_t n = 0, consumed = 0;
        rcr_status status = rcr_extxyz_parse(&crystal, infos, 8, &n, &consumed, NULL, text + at, size - at, 1, &err);
        if (consumed > size - at) return fuzz_fail("a frame is longer than the text");
        for (size_t i = 0; i < n && i < 8; i++) total += infos[i].key_length + infos[i].value_length;
        if (status == RCR_OK) {
            if (consumed == 0) return fuzz_fail("a frame takes no bytes");
            if (rcr_crystal_check(crystal, &err) != RCR_OK) return fuzz_fail("a crystal does not pass its check");
            rcr_crystal_free(crystal);
        } else if (crystal != NULL) {
            return fuzz_fail("a failed parse made a crystal");
        }
        if (consumed == 0) break;
        at += consumed;
    }
    return total > 9 * size + 9 ? fuzz_fail("values are longer than the text") : 0;
}
