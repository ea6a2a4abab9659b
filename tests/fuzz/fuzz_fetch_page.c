#include "fuzz/fuzz.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "crystal/crystal.h"
#include "fetch/folder.h"
#include "fetch/page.h"

/* A name for a file: it stays in its folder, and is no hidden one. */
static int check_name(const char *id) {
    rcr_text name = {0};
    if (rcr_file_name_of_id(&name, id) && (strchr(name.data, '/') != NULL || name.data[0] == '.' || name.length > 200))
        fuzz_fail("an id leads out of the folder");
    rcr_text_free(&name);
    return 0;
}

static int check_page(rcr_page *page) {
    static const char *const paths[] = {"band_gap",  "bulk_modulus.vrh",        "_a.b.c.d",
                                        "_list.1.x", "structure.sites.0.abc.2", ""};
    size_t n = rcr_page_rows(page);
    if (n > 20) n = 20;
    for (size_t i = 0; i < n; i++) {
        const char *id = rcr_page_id(page, i);
        rcr_crystal *crystal = NULL;
        rcr_error err = {0};
        if (id != NULL) check_name(id);
        for (size_t k = 0; k < sizeof paths / sizeof *paths; k++) {
            double value = NAN;
            rcr_status status = rcr_page_value(&value, page, i, paths[k], &err);
            if (status == RCR_OK ? !isfinite(value) : err.message[0] == '\0' || !isnan(value))
                return fuzz_fail("a value that is no number, or an error without a reason");
        }
        if (rcr_page_crystal(&crystal, page, i, &err) != RCR_OK) {
            if (crystal != NULL || err.message[0] == '\0')
                return fuzz_fail("a failed row made a crystal, or no reason");
            continue;
        }
        if (rcr_crystal_check(crystal, &err) != RCR_OK) return fuzz_fail("a crystal does not pass its check");
        if (strcmp(crystal->id, id != NULL ? id : "") != 0) return fuzz_fail("a crystal with another id");
        rcr_crystal_free(crystal);
    }
    if (rcr_page_total(page) < -1 || !(rcr_page_delay(page) >= 0)) return fuzz_fail("a count or a delay below 0");
    if (rcr_page_next(page) != NULL && rcr_page_next(page)[0] == '\0') return fuzz_fail("an empty link");
    rcr_page_free(page);
    return 0;
}

/* An answer of either database: a page whose rows are crystals or reasons, or an error; and what it complains of. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rcr_page *page = NULL;
    rcr_error err = {0};
    rcr_text text = {0};
    if (rcr_page_parse_mp(&page, (const char *)data, size, &err) == RCR_OK)
        check_page(page);
    else if (page != NULL || err.message[0] == '\0')
        return fuzz_fail("a failed page, or no reason");
    page = NULL;
    if (rcr_page_parse_optimade(&page, (const char *)data, size, &err) == RCR_OK)
        check_page(page);
    else if (page != NULL || err.message[0] == '\0')
        return fuzz_fail("a failed page, or no reason");
    rcr_page_complaint(&text, (const char *)data, size);
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 0x20) return fuzz_fail("a control character in a complaint");
    if (text.length > 2000) return fuzz_fail("an endless complaint");
    rcr_text_free(&text);
    return 0;
}
