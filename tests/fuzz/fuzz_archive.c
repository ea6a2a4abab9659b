#include "fuzz/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "io/archive.h"

/* Whether a part of a path is "..", which leads out; "id_.." is a name like others. */
static int leads_out(const char *name) {
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) return 1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_folder *folder;
    rcr_error err;
    if (rcr_folder_open_memory(&folder, data, size, 1 << 20, &err) != RCR_OK) return 0;
    const char *const *names;
    size_t n;
    if (rcr_folder_list(&names, &n, folder, &err) == RCR_OK) {
        for (size_t i = 0; i < n; i++) {
            if (names[i][0] == '/' || leads_out(names[i])) return fuzz_fail("an unsafe name came through");
            char *text;
            size_t length;
            if (rcr_folder_read(&text, &length, folder, names[i], &err) != RCR_OK)
                return fuzz_fail("a listed file can't be read");
            rcr_free(text);
        }
    }
    rcr_folder_free(folder);
    return 0;
}
