/* What a download says of itself in its folder, as a later call reads it.  The first byte of an input chooses
 * provenance.json (even) or .fetch/query.json (odd), and whether id_prop.csv is there (its second bit); the rest is
 * what the file holds. */
#include "fuzz/folder.h"

#include <jansson.h>

#include "base/mem.h"
#include "fetch/download.h"

static const char *const files[] = {"provenance.json", ".fetch/query.json"};

static void check(const rcr_download *d, rcr_status status, const rcr_error *err) {
    const rcr_fetch_counts *c = &d->result.counts;
    if (status != RCR_OK) {
        if (err->message[0] == '\0' || d->result.was_complete || d->result.resumed)
            fuzz_fail("a folder that is refused without a reason, or taken all the same");
        return;
    }
    if (d->result.was_complete && d->result.resumed) fuzz_fail("a download that is complete and goes on");
    if (d->result.resumed && (d->started == NULL || d->database_version == NULL))
        fuzz_fail("a beginning without a date");
    if (c->matched < -1 || c->received < 0 || c->written < 0 || c->skipped < 0 || c->outside < 0)
        fuzz_fail("a count below 0");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const property[] = {"_gap"};
    rcr_fetch_request request = {.optimade = 1,
                                 .url = "https://example.org/v1",
                                 .filter = "nelements<3",
                                 .property = property,
                                 .n_properties = 1,
                                 .min = 0.5,
                                 .max = 4,
                                 .limit = 10};
    rcr_download d = {.request = &request};
    rcr_error err = {0};
    char out[128], cache[128];
    if (fuzz_folder[0] == '\0') {
        fuzz_make_folder();
        fuzz_subfolder(".fetch");
    }
    if (size == 0) return 0;
    snprintf(out, sizeof out, "%.100s", fuzz_folder);
    snprintf(cache, sizeof cache, "%.100s/.fetch", fuzz_folder);
    d.folder = (rcr_folder_out){.path = out, .cache = cache};
    int which = data[0] & 1, has_rows = data[0] >> 1 & 1;
    fuzz_put(files[which], data + 1, size - 1);
    if (has_rows) fuzz_put("id_prop.csv", "id,_gap\n", 8);
    fuzz_check(rcr_download_identify(&d, &err), &err);
    check(&d, rcr_download_look(&d, &err), &err);
    json_decref(d.identity);
    rcr_free(d.started);
    rcr_free(d.database_version);
    remove(fuzz_path(files[which]));
    remove(fuzz_path("id_prop.csv"));
    return 0;
}
